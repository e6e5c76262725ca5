// What the examples are started with: node apollo.mjs URL FILE. The file holds the token and is read for every request,
// so a renewed one is used at once. In an application, `currentToken` asks the login library, which renews what is about
// to end, and throws when the user has to log in again.
import { readFile } from 'node:fs/promises';

export const [url = 'http://127.0.0.1:8000/graphql', file = 'token.txt'] = process.argv.slice(2);
export const currentToken = async () => (await readFile(file, 'utf8')).trim();
export const print = (what) => console.log(JSON.stringify(what));
