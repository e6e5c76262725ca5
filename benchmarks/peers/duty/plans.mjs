// What is known of a document before it runs: depth, cost, and the permissions and data classes of its fields, as the
// gateway's own schema states them. Remembered by the document's text.
import { readFileSync } from 'node:fs';
import { getNamedType, isCompositeType, Kind, parse, TypeInfo, visit, visitWithTypeInfo } from 'graphql';
import { selectionOf } from './claims.mjs';

const DEPTH_MAX = 15;
const COST_MAX = 5_000_000;
const PLANS_MAX = 1_000;
const plans = new Map();

const argument = (node, name) => node?.arguments.find((each) => each.name.value === name)?.value;
const directive = (field, name) => field.directives.find((each) => each.name.value === name);

function readRules() {
  const rules = new Map();
  const document = parse(readFileSync(process.env.GATEWAY_SCHEMA, 'utf8'), { noLocation: true });
  for (const type of document.definitions.filter((each) => each.kind === Kind.OBJECT_TYPE_DEFINITION)) {
    for (const field of type.fields) {
      const needed = argument(directive(field, 'requiresScopes'), 'scopes');
      const permissions = (needed?.values ?? []).map((all) => all.values.map((each) => each.value));
      const data = argument(directive(field, 'sensitive'), 'data')?.value;
      if (permissions.length || data) rules.set(`${type.name.value}.${field.name.value}`, { permissions, data });
    }
  }
  return rules;
}
const rules = readRules();

/** The plan of a valid document; null for anything else, which Mercurius refuses itself. */
export function planOf(schema, { query, operationName }) {
  const key = `${operationName ?? ''}\n${query}`;
  let plan = plans.get(key);
  if (plan === undefined) {
    try {
      plan = makePlan(schema, parse(query), operationName);
    } catch {
      plan = null;
    }
    if (plans.size >= PLANS_MAX) plans.delete(plans.keys().next().value);
    plans.set(key, plan);
  }
  return plan;
}

function makePlan(schema, document, operationName) {
  const operations = document.definitions.filter((each) => each.kind === Kind.OPERATION_DEFINITION);
  const operation = operations.find((each) => !operationName || each.name?.value === operationName);
  const guarded = new Map();
  const fields = new Set();
  const classes = new Set();
  let cost = 0;
  let deepest = 0;
  const sizes = [1];
  const info = new TypeInfo(schema);
  visit(document, visitWithTypeInfo(info, {
    Field: {
      enter(node) {
        const name = `${info.getParentType().name}.${node.name.value}`;
        fields.add(name);
        const rule = rules.get(name);
        if (rule?.permissions.length) guarded.set(name, rule.permissions);
        if (rule?.data) classes.add(rule.data);
        cost += sizes.at(-1);
        if (node.selectionSet && isCompositeType(getNamedType(info.getType()))) {
          sizes.push(sizes.at(-1) * sizeOf(node));
          deepest = Math.max(deepest, sizes.length);
        }
      },
      leave(node) {
        if (node.selectionSet) sizes.pop();
      },
    },
  }));
  const isTooLarge = cost > COST_MAX || deepest > DEPTH_MAX;
  const root = operation.selectionSet.selections[0].name?.value ?? '';
  return {
    name: operation.name?.value ?? root, kind: operation.operation, root, isTooLarge, guarded,
    classes: [...classes].sort().join(','), selection: selectionOf(fields), verdicts: new Map(),
  };
}

function sizeOf(node) {
  const first = node.arguments.find((each) => each.name.value === 'first')?.value;
  if (first === undefined) return node.name.value === 'items' ? 100 : 1;
  return first.kind === Kind.INT ? Number(first.value) : 100;
}

/** The first guarded field that the caller may not see, or null; decided once for each set of permissions. */
export function refusalOf(plan, { permissions, permissionKey }) {
  let verdict = plan.verdicts.get(permissionKey);
  if (verdict === undefined) {
    verdict = null;
    for (const [field, ways] of plan.guarded) {
      if (!ways.some((all) => all.every((each) => permissions.has(each)))) {
        verdict = field;
        break;
      }
    }
    plan.verdicts.set(permissionKey, verdict);
  }
  return verdict;
}
