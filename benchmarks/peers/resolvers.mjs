// The resolvers: one batch for each relation and level, by DataLoader or by Mercurius' own loaders.
import { readFileSync } from 'node:fs';
import DataLoader from 'dataloader';
import { batches, claim, page } from './database.mjs';
import { createClaim } from './create.mjs';
import { scalars } from './values.mjs';

export const typeDefs = readFileSync(new URL('./schema.graphql', import.meta.url), 'utf8');
const SEEN = process.env.PROVIDERS.split(',');
/** What a request has: without duties, everybody sees the same providers, so that all answers are equal. */
export const bareContext = () => ({ providers: SEEN });

export const isDescending = (order) => order?.direction !== 'ASC';
const list = (table) => async (_, { first, after, orderBy }, context) => {
  const nodes = await page(table, context.providers, first, after, isDescending(orderBy));
  context.shown?.(nodes);
  return { nodes };
};

export const roots = {
  ...scalars,
  Query: {
    claim: async (_, { id }, context) => {
      const found = await claim(id, context.providers);
      if (found !== null) context.shown?.([found]);
      return found;
    },
    claims: list('claims'),
    invoices: list('invoices'),
    settlements: list('settlements'),
  },
};
export const mutation = { Mutation: { createClaim: (_, { input }) => createClaim(input) } };

// Of each relation: its batch, the key in the parent's row, and what the row of a new claim has already.
const RELATIONS = {
  Claim: {
    items: ['itemsOfClaims', 'id', 'items'],
    invoice: ['invoicesOfClaims', 'id', 'invoice'],
    patient: ['patients', 'patientId'],
    payer: ['payers', 'payerAns'],
  },
  ClaimItem: { denials: ['denialsOfItems', 'id', 'denials'] },
  Settlement: { invoice: ['invoices', 'invoiceId'] },
};

function loader(context, name, ...more) {
  context.loaders ??= {};
  return (context.loaders[name + more] ??= new DataLoader((keys) => batches[name](keys, context.providers, ...more)));
}

/** Relations by DataLoader. */
export const relations = {
  Invoice: { lines: async ({ id }, { first }, context) => ({ nodes: await loader(context, 'linesOfInvoices', first).load(id) }) },
};
/** Relations by Mercurius' loaders. */
export const mercuriusLoaders = {
  Invoice: {
    async lines(queries, context) {
      const found = await batches.linesOfInvoices(queries.map((each) => each.obj.id), context.providers, queries[0].params.first);
      return found.map((nodes) => ({ nodes }));
    },
  },
};
for (const [type, fields] of Object.entries(RELATIONS)) {
  relations[type] = {};
  mercuriusLoaders[type] = {};
  for (const [field, [name, key, known]] of Object.entries(fields)) {
    relations[type][field] = (row, _, context) => (known && row[known] !== undefined ? row[known] : loader(context, name).load(row[key]));
    mercuriusLoaders[type][field] = (queries, context) => batches[name](queries.map((each) => each.obj[key]), context.providers);
  }
}
