// graphql-codegen: documents with types, sent by `fetch`.

import { strict as assert } from 'node:assert';
import type { TypedDocumentNode } from '@graphql-typed-document-node/core';
import { print } from 'graphql';
import { renameTwo, renameUser, usersPage } from './documents';
import { graphql, useFragment as fragment } from './gql';
import type { CreateUserData, UserWhere } from './gql/schema';
import { authorization, type Refusal, prepare, refused, report, url } from './support';

async function send<Data, Variables>(document: TypedDocumentNode<Data, Variables>, variables: Variables): Promise<{ data: Data; errors?: Refusal[] }> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/graphql-response+json', authorization },
    body: JSON.stringify({ query: print(document), variables }),
  });
  return (await response.json()) as { data: Data; errors?: Refusal[] };
}

const names = graphql(`
  fragment Names on User {
    name
    organizationRole
    variables
    createdAt
  }
`);

const byNodeId = graphql(`
  query ByNodeId($nodeId: ID!) {
    node(nodeId: $nodeId) {
      __typename
      nodeId
      ...Names
      ... on Tenant {
        version
      }
    }
  }
`);

const create = graphql(`
  mutation Create($data: CreateUserData!) {
    createUser(data: $data) {
      nodeId
    }
  }
`);

const count = graphql(`
  query Count($where: UserWhere) {
    countUsers(where: $where)
  }
`);

async function main(): Promise<void> {
  await prepare('codegen');

  const { data: page } = await send(usersPage, { search: 'codegen', first: 2 });
  const { data: next } = await send(usersPage, { search: 'codegen', first: 2, after: page.usersConnection.pageInfo.endCursor });
  const ids: string[] = [...page.usersConnection.edges, ...next.usersConnection.edges].map((edge) => edge.node.id);
  assert.deepEqual(ids, ['codegen-1', 'codegen-2', 'codegen-3', 'codegen-4']);
  // @ts-expect-error: a user can be in no tenant.
  page.usersConnection.edges[0]?.node.tenant.name;
  // @ts-expect-error: the document does not ask for it.
  page.usersConnection.edges[0]?.node.email;

  const { data: renamed } = await send(renameUser, { id: 'codegen-1', name: 'Ada' });
  assert.equal(renamed.updatePropertiesInUser?.name, 'Ada');
  // @ts-expect-error: the name is required.
  const incomplete: Parameters<typeof send<unknown, { id: string; name: string }>>[1] = { id: 'codegen-1' };
  assert(incomplete);

  const two = await send(renameTwo, { first: 'codegen-2', second: 'codegen-3', name: 'Grace', version: 99 });
  assert.equal(two.data.done?.name, 'Grace');
  assert.equal(two.data.refused, null);
  refused(two.errors?.[0]);

  const data: CreateUserData = { id: 'codegen-6', organizationRole: 'REVIEWER', variables: { theme: 'dark' } };
  const { data: created } = await send(create, { data });
  assert(created.createUser);
  const { data: found } = await send(byNodeId, { nodeId: created.createUser.nodeId });
  assert(found.node?.__typename === 'User');
  const user = fragment(names, found.node);
  assert.deepEqual([user.name, user.organizationRole, user.variables], ['codegen-6', 'REVIEWER', { theme: 'dark' }]);
  assert(!Number.isNaN(Date.parse(user.createdAt)));
  const where: UserWhere = { idStartsWith: 'codegen-', NOT: { tenant: { id: 'codegen' } } };
  assert.equal((await send(count, { where })).data.countUsers, 1);

  report('@graphql-codegen/cli', 'generates types from introspection that compile; two pages, a mutation, a refusal, a node');
}

void main();
