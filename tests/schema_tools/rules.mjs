// The rules of the linters: all that each tool recommends, but for those that are switched off here with a reason.
import eslintPlugin from '@graphql-eslint/eslint-plugin';

const PREFIX = '@graphql-eslint/';
const recommended = (...names) => Object.assign({}, ...names.map((name) => eslintPlugin.configs[`flat/${name}`].rules));

export const eslint = {
  schema: {
    ...recommended('schema-recommended', 'schema-relay'),
    // Pages, payloads, inputs' results and values have no identity; every entity is a Node.
    [`${PREFIX}strict-id-in-types`]: 'off',
    // Lists are read forwards only: a keyset page backwards would be a second order of every list.
    [`${PREFIX}relay-arguments`]: ['error', { includeBoth: false }],
    // A list with a small bound, such as the items of a claim, is no connection: its description says the bound.
    [`${PREFIX}relay-edge-types`]: ['error', { withEdgeSuffix: true, shouldImplementNode: true, listTypeCanWrapOnlyEdgeType: false }],
  },
  operations: recommended('operations-recommended'),
};

// Of graphql-schema-linter all rules run but these. Fields, values and inputs are in the order in which one reads them:
// the id first, states in the order of a claim's life.
export const linterOff = ['EnumValuesSortedAlphabetically', 'InputObjectFieldsSortedAlphabetically', 'TypeFieldsSortedAlphabetically'];

// Findings that are wrong, each with its reason; one that no tool reports any more must go.
export const wrong = {
  'Description is required for directive "oneOf"': 'GraphQL defines it, and Strawberry prints it without a description',
  'Field "appealedAt" starts with the name of the parent type "Appeal"': 'a participle: when it was appealed',
  'Field "appealedAmount" starts with the name of the parent type "Appeal"': 'a participle: what was appealed',
  'Field "claimedAmount" starts with the name of the parent type "Claim"': 'a participle: what was claimed',
};
