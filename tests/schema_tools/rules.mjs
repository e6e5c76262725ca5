// The rules of the linters: all that each tool recommends, but for those that are switched off here with a reason.
import eslintPlugin from '@graphql-eslint/eslint-plugin';

const PREFIX = '@graphql-eslint/';
const recommended = (...names) => Object.assign({}, ...names.map((name) => eslintPlugin.configs[`flat/${name}`].rules));

export const schema = {
  ...recommended('schema-recommended', 'schema-relay'),
  // Pages, payloads and values have no identity; entities have an id because they are Nodes.
  [`${PREFIX}strict-id-in-types`]: 'off',
  // Lists are read forwards only.
  [`${PREFIX}relay-arguments`]: ['error', { includeBoth: false }],
  // A list with a small bound, such as the items of a claim, is no connection: its description says the bound.
  [`${PREFIX}relay-edge-types`]: ['error', { withEdgeSuffix: true, shouldImplementNode: true, listTypeCanWrapOnlyEdgeType: false }],
};

export const operations = {
  ...recommended('operations-recommended'),
  // An example shows what its text is about; an id in every object is what a client's cache needs.
  [`${PREFIX}require-selections`]: 'off',
  // The README, the explorer and the page about clients are clients of their own.
  [`${PREFIX}unique-operation-name`]: 'off',
};

// Of graphql-schema-linter all rules run but these: fields, values and inputs are in the order in which one reads them,
// the id first, states in the order of a claim's life.
export const linterOff = [
  'EnumValuesSortedAlphabetically',
  'InputObjectFieldsSortedAlphabetically',
  'InterfaceFieldsSortedAlphabetically',
  'TypeFieldsSortedAlphabetically',
];
