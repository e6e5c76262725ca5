declare module 'virtual:operations' {
  const collection: import('../operations.mjs').Operation[];
  export default collection;
}
