// Apollo Client without React: pages that grow, and a cache that takes over what a mutation returns.

import { strict as assert } from 'node:assert';
import { isDeepStrictEqual } from 'node:util';
import { ApolloClient, CombinedGraphQLErrors, HttpLink, InMemoryCache, type TypePolicies } from '@apollo/client';
import { relayStylePagination } from '@apollo/client/utilities';
import { BehaviorSubject, filter, firstValueFrom, throwError, timeout } from 'rxjs';
import { renameTwo, renameUser, roleChanges, usersPage } from './documents';
import { graphql } from './gql';
import { authorization, counted, parts, prepare, refused, report, requests, url } from './support';

const typePolicies: TypePolicies = {
  Query: {
    fields: { usersConnection: relayStylePagination(['where', 'orderBy']) },
  },
  // There is one of these in its object: what several queries select of it is put together.
  Reach: { merge: true },
  ViewerCan: { merge: true },
  // These have the `id` of something else, and differ from place to place.
  AuditRelated: { keyFields: false },
  Outsider: { keyFields: false },
  ReachTenant: { keyFields: false },
};

const client = new ApolloClient({
  link: new HttpLink({ uri: url, headers: { authorization }, fetch: counted }),
  cache: new InMemoryCache({ typePolicies }),
});

const mayUpdate = graphql(`
  query MayUpdate($id: ID!) {
    user(where: { id: $id }) {
      id
      viewerCan {
        update
      }
    }
  }
`);

const mayDelete = graphql(`
  query MayDelete($id: ID!) {
    user(where: { id: $id }) {
      id
      viewerCan {
        delete
      }
    }
  }
`);

async function main(): Promise<void> {
  await prepare('apollo');
  const variables = { search: 'apollo', first: 2 };
  const { data } = await client.query({ query: usersPage, variables });
  assert(data);
  const users = client.watchQuery({ query: usersPage, variables });
  const names = new BehaviorSubject<string[]>([]);
  users.subscribe(({ data, dataState }) => {
    if (dataState === 'complete') names.next(data.usersConnection.edges.map((edge) => edge.node.name));
  });
  /** Waits until the list of who watches shows this. */
  const shows = (expected: string[]) =>
    firstValueFrom(
      names.pipe(
        filter((shown) => isDeepStrictEqual(shown, expected)),
        timeout({ first: 5_000, with: () => throwError(() => new Error(`shows ${names.value}, not ${expected}`)) }),
      ),
    );

  await users.fetchMore({ variables: { after: data.usersConnection.pageInfo.endCursor } });
  await shows(['apollo-1', 'apollo-2', 'apollo-3', 'apollo-4'].map(address));

  // The list shows the new name without another request.
  const before = requests;
  const renamed = await client.mutate({ mutation: renameUser, variables: { id: 'apollo-3', name: 'Ada' } });
  assert.equal(renamed.data?.updatePropertiesInUser?.name, 'Ada');
  await shows([address('apollo-1'), address('apollo-2'), 'Ada', address('apollo-4')]);
  assert.equal(requests, before + 1);

  // What was done before a refusal is there, and in the cache.
  const two = await client.mutate({
    mutation: renameTwo,
    variables: { first: 'apollo-1', second: 'apollo-2', name: 'Grace', version: 99 },
    errorPolicy: 'all',
  });
  assert.deepEqual([two.data?.done?.name, two.data?.refused], ['Grace', null]);
  assert(CombinedGraphQLErrors.is(two.error));
  refused(two.error.errors[0]);
  await shows(['Grace', address('apollo-2'), 'Ada', address('apollo-4')]);

  const id = 'apollo-1';
  await client.query({ query: mayUpdate, variables: { id } });
  await client.query({ query: mayDelete, variables: { id } });
  assert.equal(client.readQuery({ query: mayUpdate, variables: { id } })?.user?.viewerCan.update, true);
  assert.equal(client.readQuery({ query: mayDelete, variables: { id } })?.user?.viewerCan.delete, true);

  const events = await client.query({ query: roleChanges, variables: { user: 'apollo-5' } });
  assert.deepEqual(
    events.data?.auditEvents.map(({ related }) => related.map(({ change }) => change)),
    [['ADDED'], ['REMOVED']],
  );
  // So it is with every type that only has the `id` of something else.
  const withoutKey = Object.keys(typePolicies).filter((type) => typePolicies[type]?.keyFields === false);
  assert.deepEqual(withoutKey, parts.filter(({ hasId }) => hasId).map(({ name }) => name));
  client.stop();
  report('@apollo/client', 'two pages in one list, a mutation that the list shows from the cache, a refusal beside a success');
}

function address(id: string): string {
  return `${id}@people.invalid`;
}

void main();
