import { Environment, Network, RecordSource, Store } from 'relay-runtime';
import type { GraphQLResponse } from 'relay-runtime';
import { authorization, counted, url } from '../support';

export const environment = new Environment({
  network: Network.create(async ({ text: query }, variables) => {
    const response = await counted(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'application/graphql-response+json', authorization },
      body: JSON.stringify({ query, variables }),
    });
    return (await response.json()) as GraphQLResponse;
  }),
  store: new Store(new RecordSource()),
  // By default it is the field `id`, which is unique within a type only.
  getDataID: (object) => object.nodeId,
});
