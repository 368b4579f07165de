// urql with Graphcache: the same as with Apollo Client.

import { strict as assert } from 'node:assert';
import { Client, fetchExchange } from '@urql/core';
import { cacheExchange } from '@urql/exchange-graphcache';
import { relayPagination } from '@urql/exchange-graphcache/extras';
import { renameTwo, renameUser, roleChanges, usersPage } from './documents';
import { graphql } from './gql';
import schema from './gql/introspection.json';
import { authorization, counted, parts, prepare, refused, report, requests, url } from './support';

const warnings: string[] = [];

const embedded = () => null;

const keys = {
  AccessExplanation: embedded,
  Account: embedded,
  ApiKeySecret: embedded,
  AuditRelated: embedded,
  FederatedIdentity: embedded,
  Hindrance: embedded,
  OrganizationStats: embedded,
  Outsider: embedded,
  PermissionAnswer: embedded,
  Reach: embedded,
  ReachTenant: embedded,
  Refusal: embedded,
  RoleGrant: embedded,
  SessionTokens: embedded,
  TenantRole: embedded,
  UserOutcome: embedded,
  UserWithPassword: embedded,
  VariableSource: embedded,
  ViewerCan: embedded,
};

const client = new Client({
  url,
  fetchOptions: { headers: { authorization } },
  fetch: counted,
  preferGetMethod: false,
  exchanges: [
    cacheExchange({
      schema,
      keys,
      resolvers: { Query: { usersConnection: relayPagination() } },
      logger: (severity, message) => severity !== 'debug' && warnings.push(message),
    }),
    fetchExchange,
  ],
});

const me = graphql(`
  query Me {
    me {
      id
      federatedIdentities {
        userName
      }
      tenantRoles {
        role {
          id
        }
      }
      reach {
        everything
      }
      viewerCan {
        update
      }
      accounts {
        organizationName
      }
    }
  }
`);

async function main(): Promise<void> {
  await prepare('urql');
  const variables = { search: 'urql', first: 2 };
  const first = await client.query(usersPage, variables).toPromise();
  assert(first.data, String(first.error));
  await client.query(usersPage, { ...variables, after: first.data.usersConnection.pageInfo.endCursor }).toPromise();

  const names = () => client.readQuery(usersPage, variables)?.data?.usersConnection.edges.map((edge) => edge.node.name);
  assert.deepEqual(names(), ['urql-1', 'urql-2', 'urql-3', 'urql-4'].map(address));

  // The list shows the new name without another request.
  const before = requests;
  const renamed = await client.mutation(renameUser, { id: 'urql-3', name: 'Ada' }).toPromise();
  assert.equal(renamed.data?.updatePropertiesInUser?.name, 'Ada');
  assert.deepEqual(names(), [address('urql-1'), address('urql-2'), 'Ada', address('urql-4')]);
  assert.equal(requests, before + 1);

  // What was done before a refusal is there, and in the cache.
  const two = await client.mutation(renameTwo, { first: 'urql-1', second: 'urql-2', name: 'Grace', version: 99 }).toPromise();
  assert.deepEqual([two.data?.done?.name, two.data?.refused], ['Grace', null]);
  refused(two.error?.graphQLErrors[0]);
  assert.deepEqual(names(), ['Grace', address('urql-2'), 'Ada', address('urql-4')]);

  // Graphcache warns of objects that it has no key for, and of fields that the schema does not have.
  const self = await client.query(me, {}).toPromise();
  assert.equal(self.data?.me?.viewerCan.update, true, String(self.error));
  assert.deepEqual(warnings, []);

  const events = await client.query(roleChanges, { user: 'urql-5' }).toPromise();
  assert.deepEqual(
    events.data?.auditEvents.map(({ related }) => related.map(({ change }) => change)),
    [['ADDED'], ['REMOVED']],
  );
  // So it is with every type that is not a noun.
  assert.deepEqual(Object.keys(keys), parts.map(({ name }) => name));
  report('@urql/core', 'two pages in one list, a mutation that the list shows from the cache, a refusal beside a success');
}

function address(id: string): string {
  return `${id}@people.invalid`;
}

void main();
