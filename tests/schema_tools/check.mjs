// Runs the schema tools of frontends in one process, and Relay's compiler beside it. Prints {tool: [finding]}.
import { execFile } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { codegen } from '@graphql-codegen/core';
import * as typescript from '@graphql-codegen/typescript';
import * as operations from '@graphql-codegen/typescript-operations';
import eslintPlugin from '@graphql-eslint/eslint-plugin';
import { ESLint } from 'eslint';
import { buildSchema, parse } from 'graphql';
import schemaLinter from 'graphql-schema-linter';
import relayCompiler from 'relay-compiler';
import * as rules from './rules.mjs';

// The folder has schema.graphql, operations/*.graphql, relay/*.ts and relay.config.json.
const { folder, scalars } = JSON.parse(process.argv[2]);
const sdl = readFileSync(join(folder, 'schema.graphql'), 'utf8');
const documents = readdirSync(join(folder, 'operations')).map((name) => join(folder, 'operations', name));

async function lintWithEslint() {
  const parserOptions = { graphQLConfig: { schema: sdl, documents } };
  const languageOptions = { parser: eslintPlugin.parser, parserOptions };
  const plugins = { '@graphql-eslint': eslintPlugin };
  const eslint = new ESLint({
    cwd: folder,
    overrideConfigFile: true,
    overrideConfig: [
      { files: ['**/*.graphql'], languageOptions, plugins },
      { files: ['schema.graphql'], rules: rules.eslint.schema },
      { files: ['operations/*.graphql'], rules: rules.eslint.operations },
    ],
  });
  const results = await eslint.lintFiles(['schema.graphql', 'operations/*.graphql']);
  return results.flatMap(({ messages }) => messages.map(({ ruleId, message }) => [ruleId, message]));
}

function lintWithSchemaLinter() {
  const { Configuration } = schemaLinter.configuration;
  const configuration = new Configuration({ definition: sdl, sourceMap: null });
  const chosen = configuration.getAllRules().filter(({ name }) => !rules.linterOff.includes(name));
  const found = schemaLinter.validator.validateSchemaDefinition(configuration.schema, chosen, configuration);
  return found.map(({ ruleName, message }) => [ruleName, message]);
}

async function generateTypes() {
  const text = await codegen({
    filename: 'types.ts',
    schema: parse(sdl),
    schemaAst: buildSchema(sdl),
    documents: documents.map((location) => ({ location, document: parse(readFileSync(location, 'utf8')) })),
    plugins: [{ typescript: {} }, { operations: {} }],
    pluginMap: { typescript, operations },
    config: { scalars, strictScalars: true },
  });
  return text.split('\n').filter((line) => /\bany\b/.test(line.replace(/\/\*.*?\*\//, ''))).map((line) => ['any', line.trim()]);
}

const compileRelay = () =>
  new Promise((resolve) => {
    execFile(relayCompiler, ['relay.config.json'], { cwd: folder }, (error, _, said) => resolve(error ? [['relay', said]] : []));
  });

const failing = async (check) => {
  try {
    return await check();
  } catch (error) {
    return [['failed', error.message]];
  }
};

const relay = compileRelay();
const found = {
  'graphql-eslint': await failing(lintWithEslint),
  'graphql-schema-linter': await failing(lintWithSchemaLinter),
  'graphql-codegen': await failing(generateTypes),
  'relay-compiler': await relay,
};
console.log(JSON.stringify(found));
