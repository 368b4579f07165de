// What the programs share: the server, its first users, and a count of the requests.

import { strict as assert } from 'node:assert';
import { readFileSync } from 'node:fs';
import schema from './gql/introspection.json';

export const url = setting('GRAPHQL_URL');
export const authorization = `Bearer ${setting('KEY')}`;

function setting(name: string): string {
  const value = process.env[name];
  assert(value, `set ${name}`);
  return value;
}

/** How many requests a tool has sent: its cache answers without one. */
export let requests = 0;

/** `fetch`, which counts. */
export const counted: typeof fetch = (input, init) => {
  requests += 1;
  return fetch(input, init);
};

/** A request of nobody's tool, to prepare something or to change it behind a tool's back. */
export async function plain<Data>(query: string): Promise<Data> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization },
    body: JSON.stringify({ query }),
  });
  const answer = (await response.json()) as { data: Data; errors?: unknown };
  assert.equal(answer.errors, undefined, JSON.stringify(answer));
  return answer.data;
}

/**
 * Creates a tenant and five users whose ids start with this, and whose addresses do: `apollo-1@people.invalid`. The last one is given
 * a role, which is then taken away.
 */
export async function prepare(prefix: string): Promise<void> {
  const users = [1, 2, 3, 4, 5].map(
    (number) =>
      `u${number}: createUser(data: {id: "${prefix}-${number}", email: "${prefix}-${number}@people.invalid", tenantId: "${prefix}"}) { id }`,
  );
  await plain(`mutation {
    t: createTenant(data: {id: "${prefix}", name: "The tenant"}) { id }
    ${users.join(' ')}
    assignRole(where: {id: "${prefix}-5"}, role: "labeler") { id }
    withdrawRole(where: {id: "${prefix}-5"}, role: "labeler") { id }
  }`);
}

/** An error as the server puts it into `errors`. */
export interface Refusal {
  readonly message: string;
  readonly path?: ReadonlyArray<string | number> | undefined;
  readonly extensions?: Record<string, unknown>;
}

/** Whether this is what `RenameTwo` is refused with. */
export function refused(refusal: Refusal | undefined): void {
  assert.deepEqual(refusal?.path, ['refused']);
  assert.deepEqual(refusal.extensions, { code: 'CONFLICT', reason: 'VERSION', currentVersion: 1 });
}

/** The types of objects that are no nouns, and so have no id in a cache. Those of connections are known to all tools. */
export const parts = schema.__schema.types
  .filter((type) => type.kind === 'OBJECT' && !type.name.startsWith('__') && !['Query', 'Mutation'].includes(type.name))
  .filter((type) => !/(Connection|Edge|PageInfo)$/.test(type.name) && !type.interfaces?.length)
  .map((type) => ({ name: type.name, hasId: type.fields?.some((field) => field.name === 'id') ?? false }));

/** The line of a tool that did what it should, with its version. */
export function report(tool: string, did: string): void {
  const { dependencies } = JSON.parse(readFileSync('package.json', 'utf8')) as { dependencies: Record<string, string> };
  console.log(`${tool} ${dependencies[tool]}: ${did}`);
}
