// What back ends use: jose to verify access tokens, and oauth4webapi, which is strict, for everything else.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRemoteJWKSet, jwtVerify } from 'jose';
import * as oauth from 'oauth4webapi';

const { URL: url, KEY } = process.env;
// Without a public URL, the issuer is this machine.
const issuer = url.replace('127.0.0.1', 'localhost');
const insecure = { [oauth.allowInsecureRequests]: true };
const EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';
const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token';

async function graphql(query, key = KEY) {
  const headers = { 'content-type': 'application/json', ...(key && { authorization: `Bearer ${key}` }) };
  const answer = await (await fetch(`${url}/graphql`, { method: 'POST', headers, body: JSON.stringify({ query }) })).json();
  assert.equal(answer.errors, undefined, JSON.stringify(answer));
  return answer.data;
}

async function discover(algorithm) {
  const server = new URL(issuer);
  const response = await oauth.discoveryRequest(server, { algorithm, ...insecure });
  return oauth.processDiscoveryResponse(server, response);
}

/** The claims of a token, checked. */
async function verified(token) {
  const keys = createRemoteJWKSet(new URL(`${issuer}/.well-known/jwks.json`));
  const { payload } = await jwtVerify(token, keys, { issuer, audience: issuer, algorithms: ['EdDSA'], typ: 'at+jwt' });
  return payload;
}

const as = await discover('oauth2');
const { createUser } = await graphql(`mutation {
  createOrganization(data: {id: "acme", name: "Acme"}) { id }
  createUser(data: {id: "job", organizationId: "acme", kind: SERVICE, roles: ["team-manager", "api-user"]}) { id }
  ann: createUser(data: {id: "ann", email: "ann@acme.example", organizationId: "acme", password: "password-of-ann", roles: ["user"]}) { id }
}`);
const made = await graphql('mutation { createApiKey(data: {name: "k"}, user: {id: "job"}) { secret } }');
const secret = made.createApiKey.secret;
const client = { client_id: createUser.id };

async function clientCredentials(authentication, parameters = {}) {
  const response = await oauth.clientCredentialsGrantRequest(as, client, authentication, parameters, insecure);
  return oauth.processClientCredentialsResponse(as, client, response);
}

test('both metadata documents have the exact issuer', async () => {
  assert.equal(as.issuer, issuer);
  assert.deepEqual(await discover('oidc'), as);
});

test('client credentials, in the header and in the form', async () => {
  for (const authentication of [oauth.ClientSecretBasic(secret), oauth.ClientSecretPost(secret)]) {
    const { access_token: token, expires_in: seconds } = await clientCredentials(authentication);
    const claims = await verified(token);
    assert.deepEqual([claims.sub, claims.client_id, claims.org_id, seconds], ['job', 'job', 'acme', 600]);
  }
  await assert.rejects(clientCredentials(oauth.ClientSecretBasic('tnt_wrong')), { status: 401 });
});

test('a resource server validates a token as RFC 9068 says', async () => {
  const { access_token: token } = await clientCredentials(oauth.ClientSecretBasic(secret), { scope: 'read:user' });
  const request = new Request('https://api.example/', { headers: { authorization: `Bearer ${token}` } });
  const claims = await oauth.validateJwtAccessToken(as, request, issuer, { signingAlgorithms: ['EdDSA'], ...insecure });
  assert.deepEqual([claims.sub, claims.scope, claims.limited], ['job', 'read:user', true]);
  const changed = new Request('https://api.example/', { headers: { authorization: `Bearer ${token.slice(0, -8)}AAAAAAAA` } });
  await assert.rejects(oauth.validateJwtAccessToken(as, changed, issuer, { signingAlgorithms: ['EdDSA'], ...insecure }));
});

test('token exchange narrows', async () => {
  const parameters = { subject_token: secret, subject_token_type: ACCESS_TOKEN, scope: 'read:user write:user' };
  const response = await oauth.genericTokenEndpointRequest(as, client, oauth.None(), EXCHANGE, parameters, insecure);
  const result = await oauth.processGenericTokenEndpointResponse(as, client, response);
  assert.deepEqual([result.scope, result.issued_token_type, result.refresh_token], ['read:user', ACCESS_TOKEN, undefined]);
  assert.equal((await verified(result.access_token)).key_id.length, 36);
});

test('a session is refreshed, seen, and ended', async () => {
  const { signIn } = await graphql('mutation { signIn(data: {email: "ann@acme.example", password: "password-of-ann"}) { refreshToken } }', null);
  const person = { client_id: 'tenantry' };
  const response = await oauth.refreshTokenGrantRequest(as, person, oauth.None(), signIn.refreshToken, insecure);
  const tokens = await oauth.processRefreshTokenResponse(as, person, response);
  assert.equal(typeof (await verified(tokens.access_token)).auth_time, 'number');

  const introspect = async () => {
    const asking = { client_id: 'admin' };
    const asked = await oauth.introspectionRequest(as, asking, oauth.ClientSecretBasic(KEY), tokens.access_token, insecure);
    return oauth.processIntrospectionResponse(as, asking, asked);
  };
  const told = await introspect();
  assert.deepEqual([told.active, told.sub, told.credential], [true, 'ann', 'session']);
  const revoked = await oauth.revocationRequest(as, person, oauth.None(), tokens.refresh_token, insecure);
  assert.equal(await oauth.processRevocationResponse(revoked), undefined);
  assert.deepEqual(await introspect(), { active: false });
});
