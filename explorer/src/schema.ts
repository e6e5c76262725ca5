// The schema as text, because introspection says nothing of directives: what a field needs stands where it is described,
// so in the documentation, in the editor's hints and in its suggestions.
import {
  buildSchema,
  isInputObjectType,
  isInterfaceType,
  isObjectType,
  type ConstDirectiveNode,
  type ConstValueNode,
  type GraphQLSchema,
} from 'graphql';

import { say } from './words';

/** The schema for the holder of this token; null if they may not see it, or the gateway is away. */
export async function loadSchema(token: string): Promise<GraphQLSchema | null> {
  try {
    const headers: Record<string, string> = token ? { authorization: `Bearer ${token}` } : {};
    const answer = await fetch('/schema.graphql', { headers, credentials: 'omit', cache: 'no-store' });
    return answer.ok ? explained(buildSchema(await answer.text(), { assumeValid: true })) : null;
  } catch {
    return null;
  }
}

function explained(schema: GraphQLSchema): GraphQLSchema {
  const roots = [schema.getQueryType(), schema.getMutationType(), schema.getSubscriptionType()];
  for (const type of Object.values(schema.getTypeMap())) {
    if (!isObjectType(type) && !isInterfaceType(type) && !isInputObjectType(type)) continue;
    for (const field of Object.values(type.getFields())) {
      const isRoot = isObjectType(type) && roots.includes(type);
      const facts = factsOf(field.astNode?.directives ?? [], isRoot);
      if (facts) field.description = `${field.description ?? ''}\n\n${facts}`.trim();
    }
  }
  return schema;
}

/**
 * Permission, class of data and cost in words, as Markdown; empty for a field that needs nothing special. A root field
 * that names no cost takes 1.
 */
function factsOf(directives: readonly ConstDirectiveNode[], isRoot: boolean): string {
  const scopes = values(directives, 'requiresScopes', 'scopes')[0] as string[][] | undefined;
  const classes = values(directives, 'sensitive', 'data') as string[];
  const cost = values(directives, 'cost', 'weight')[0] ?? (isRoot ? 1 : undefined);
  const permission = scopes?.map((all) => all.map((one) => `\`${one}\``).join(` ${say('and')} `)).join(`, ${say('or')} `);
  return [
    permission && `${say('Permission')}: ${permission}`,
    classes.length > 0 && `${say('Data')}: ${classes.join(', ')}`,
    cost !== undefined && say("Cost: {cost} of the caller's rate", { cost: String(cost) }),
  ]
    .filter(Boolean)
    .join(' · ');
}

function values(directives: readonly ConstDirectiveNode[], name: string, argument: string): unknown[] {
  return directives
    .filter((each) => each.name.value === name)
    .flatMap((each) => each.arguments?.filter((one) => one.name.value === argument) ?? [])
    .map((one) => plain(one.value));
}

function plain(node: ConstValueNode): unknown {
  if (node.kind === 'ListValue') return node.values.map(plain);
  return 'value' in node ? node.value : null;
}
