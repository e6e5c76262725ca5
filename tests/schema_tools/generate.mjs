// Writes src/types.ts of a project, with the plugins and options that its codegen.yml has: node generate.mjs '{folder, …}'.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { codegen } from '@graphql-codegen/core';
import * as operations from '@graphql-codegen/typescript-operations';
import { buildSchema, parse } from 'graphql';

const { folder, documents, plugins, config } = JSON.parse(process.argv[2]);
const sdl = readFileSync(join(folder, 'schema.graphql'), 'utf8');
const text = await codegen({
  filename: 'types.ts',
  schema: parse(sdl),
  schemaAst: buildSchema(sdl),
  documents: [{ location: 'operations', document: parse(documents) }],
  plugins: plugins.map((name) => ({ [name]: {} })),
  pluginMap: { 'typescript-operations': operations },
  config,
});
writeFileSync(join(folder, 'src', 'types.ts'), text);
