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
const documents = readdirSync(join(folder, 'operations')).map((name) => join('operations', name));

async function lintWithEslint() {
  const graphQLConfig = { schema: sdl, documents: documents.map((name) => join(folder, name)) };
  const eslint = new ESLint({
    cwd: folder,
    overrideConfigFile: true,
    overrideConfig: [
      {
        files: ['**/*.graphql'],
        plugins: { '@graphql-eslint': eslintPlugin },
        languageOptions: { parser: eslintPlugin.parser, parserOptions: { graphQLConfig } },
      },
      { files: ['schema.graphql'], rules: rules.schema },
      { files: ['operations/*.graphql'], rules: rules.operations },
    ],
  });
  const results = await eslint.lintFiles(['schema.graphql', 'operations/*.graphql']);
  return results.flatMap(({ messages, source }) =>
    messages.map(({ ruleId, message, line }) => `${ruleId}: ${message} | ${source?.split('\n')[line - 1].split(' @')[0].trim()}`),
  );
}

function lintWithSchemaLinter() {
  const configuration = new schemaLinter.configuration.Configuration({ definition: sdl, sourceMap: null });
  const chosen = configuration.getAllRules().filter(({ name }) => !rules.linterOff.includes(name));
  const found = schemaLinter.validator.validateSchemaDefinition(configuration.schema, chosen, configuration);
  return found.map(({ ruleName, message }) => `${ruleName}: ${message}`);
}

// Each file of operations belongs to a client of its own: two of them may use the same name.
const generateTypes = (location) =>
  codegen({
    filename: 'types.ts',
    schema: parse(sdl),
    schemaAst: buildSchema(sdl),
    documents: [{ location, document: parse(readFileSync(join(folder, location), 'utf8')) }],
    plugins: [{ typescript: {} }, { operations: {} }],
    pluginMap: { typescript, operations },
    config: { scalars, strictScalars: true },
  });

async function findUntyped() {
  const texts = await Promise.all(documents.map(generateTypes));
  return texts.flatMap((text) => text.split('\n').filter((line) => /^\s*\w+\??: .*\bany\b/.test(line)));
}

const compileRelay = () =>
  new Promise((resolve) => {
    execFile(relayCompiler, ['relay.config.json'], { cwd: folder }, (error, _, said) => resolve(error ? [said] : []));
  });

const reported = async (check) => {
  try {
    return await check();
  } catch (error) {
    return [error.message];
  }
};

const relay = compileRelay();
const found = {
  'graphql-eslint': await reported(lintWithEslint),
  'graphql-schema-linter': await reported(lintWithSchemaLinter),
  'graphql-codegen': await reported(findUntyped),
  'relay-compiler': await relay,
};
console.log(JSON.stringify(found));
