// Relay without React: a compiled project, whose records are kept by `nodeId`.

import { strict as assert } from 'node:assert';
import {
  commitMutation,
  createOperationDescriptor,
  fetchQuery,
  getPaginationMetadata,
  getPaginationVariables,
  getRefetchMetadata,
  getSingularSelector,
} from 'relay-runtime';
import type { GraphQLTaggedNode, MutationParameters, PayloadError, ReaderFragment, ReaderSelector, Variables } from 'relay-runtime';
import type { directoryCreateMutation } from './relay/__generated__/directoryCreateMutation.graphql';
import type { directoryPageQuery } from './relay/__generated__/directoryPageQuery.graphql';
import type { directoryRemoveMutation } from './relay/__generated__/directoryRemoveMutation.graphql';
import type { directoryRenameMutation } from './relay/__generated__/directoryRenameMutation.graphql';
import type { directoryRenameTwoMutation } from './relay/__generated__/directoryRenameTwoMutation.graphql';
import type { directory_tenant$data, directory_tenant$key } from './relay/__generated__/directory_tenant.graphql';
import type { directory_user$data, directory_user$key } from './relay/__generated__/directory_user.graphql';
import type { directory_users$data, directory_users$key } from './relay/__generated__/directory_users.graphql';
import * as directory from './relay/directory';
import { environment } from './relay/environment';
import { type Refusal, plain, prepare, refused, report, requests } from './support';

/** What a fragment is in the store. */
function read<Data>(fragment: GraphQLTaggedNode, key: unknown): Data {
  const { data, isMissingData } = environment.lookup(selector(fragment, key));
  assert(!isMissingData);
  return data as Data;
}

function selector(fragment: GraphQLTaggedNode, key: unknown): Extract<ReaderSelector, { dataID: string }> {
  const selected = getSingularSelector(fragment as ReaderFragment, key);
  assert(selected);
  return selected;
}

function mutate<Mutation extends MutationParameters>(
  mutation: GraphQLTaggedNode,
  variables: Mutation['variables'],
): Promise<{ response: Mutation['response']; errors: readonly PayloadError[] | null | undefined }> {
  return new Promise((onDone, onError) => {
    commitMutation<Mutation>(environment, { mutation, variables, onCompleted: (response, errors) => onDone({ response, errors }), onError });
  });
}

/** Sends the query that the compiler has made of a refetchable fragment, for the object with this `nodeId`. */
async function refetch(fragment: GraphQLTaggedNode, nodeId: string): Promise<void> {
  const { refetchableRequest, identifierInfo } = getRefetchMetadata(fragment as ReaderFragment, 'refetch');
  assert.equal(identifierInfo?.identifierField, 'nodeId');
  await fetchQuery(environment, refetchableRequest, { [identifierInfo.identifierQueryVariableName ?? '']: nodeId }).toPromise();
}

/** Sends the query for the page behind those that are in the store, as `usePaginationFragment` does. */
async function loadNext(count: number, key: unknown, variables: Variables): Promise<void> {
  const fragment = directory.users as ReaderFragment;
  const { paginationRequest, paginationMetadata, connectionPathInFragmentData } = getPaginationMetadata(fragment, 'loadNext');
  const [field] = connectionPathInFragmentData;
  const { data } = environment.lookup(selector(fragment, key));
  const { pageInfo } = (data as Record<string, { pageInfo: { endCursor: string; hasNextPage: boolean } }>)[field ?? '']!;
  assert(pageInfo.hasNextPage);
  const next = getPaginationVariables('forward', count, pageInfo.endCursor, variables, {}, paginationMetadata);
  await fetchQuery(environment, paginationRequest, next).toPromise();
}

async function main(): Promise<void> {
  await prepare('relay');
  const variables = { count: 2, search: 'relay' };
  environment.retain(createOperationDescriptor(directory.page as never, variables));
  const query = await fetchQuery<directoryPageQuery>(environment, directory.page, variables).toPromise();
  assert(query);
  const list = () => read<directory_users$data>(directory.users, query as directory_users$key).usersConnection;
  const users = () => list().edges.map((edge) => read<directory_user$data>(directory.user, edge.node as directory_user$key));
  const names = () => users().map((user) => user.name);
  assert.deepEqual(names(), ['relay-1', 'relay-2'].map(address));

  await loadNext(2, query, variables);
  assert.deepEqual(names(), ['relay-1', 'relay-2', 'relay-3', 'relay-4'].map(address));

  // Somebody else renames a user and the tenant; both are fetched again, by their nodeId.
  const [edge] = list().edges;
  assert(edge);
  const tenant = () => read<directory_tenant$data>(directory.tenant, users()[0]?.tenant as directory_tenant$key);
  const tenantNodeId = selector(directory.tenant, users()[0]?.tenant).dataID;
  await plain(`mutation {
    updatePropertiesInUser(where: {id: "relay-1"}, data: {name: "Ada"}) { id }
    updateTenant(where: {id: "relay"}, data: {name: "Another"}) { id }
  }`);
  await refetch(directory.user, edge.node.nodeId);
  assert.equal(names()[0], 'Ada');
  await plain('mutation { updateTenant(where: {id: "relay"}, data: {name: "A third"}) { id } }');
  await refetch(directory.tenant, tenantNodeId);
  assert.equal(tenant().name, 'A third');

  // The list shows the new name without another request.
  const before = requests;
  await mutate<directoryRenameMutation>(directory.rename, { id: 'relay-3', name: 'Grace' });
  assert.deepEqual(names(), ['Ada', address('relay-2'), 'Grace', address('relay-4')]);
  assert.equal(requests, before + 1);

  // What was done before a refusal is there, and in the store.
  const two = await mutate<directoryRenameTwoMutation>(directory.renameTwo, { first: 'relay-1', second: 'relay-2', name: 'Edsger', version: 99 });
  assert.deepEqual([two.response.done?.name, two.response.refused], ['Edsger', null]);
  refused(two.errors?.[0] as Refusal | undefined);
  assert.deepEqual(names(), ['Edsger', address('relay-2'), 'Grace', address('relay-4')]);

  // A user with the id of the tenant is another record, and comes into and leaves the list.
  const connections = [list().__id];
  await mutate<directoryCreateMutation>(directory.create, { data: { id: 'relay', name: 'Barbara' }, connections });
  assert.deepEqual(names(), ['Edsger', address('relay-2'), 'Grace', address('relay-4'), 'Barbara']);
  assert.equal(tenant().name, 'A third');
  await mutate<directoryRemoveMutation>(directory.remove, { id: 'relay', connections });
  assert.deepEqual(names(), ['Edsger', address('relay-2'), 'Grace', address('relay-4')]);

  const source = environment.getStore().getSource();
  const records = source.getRecordIDs().map((id) => source.get(id) as Record<string, unknown> | null | undefined);
  const nodes = records.filter((record) => record && ['User', 'Tenant'].includes(String(record.__typename)));
  assert.equal(nodes.length, 7, 'five users and two tenants');
  for (const node of nodes) assert.equal(node?.__id, node?.nodeId);
  report('relay-compiler', 'compiles fragments on User and Tenant; two pages, both fetched again by nodeId, mutations that the list shows, a refusal beside a success');
}

function address(id: string): string {
  return `${id}@people.invalid`;
}

void main();
