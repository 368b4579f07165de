// What back ends use: jose to verify access tokens, and oauth4webapi, which is strict, for everything else.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { createRemoteJWKSet, jwtVerify } from 'jose';
import * as oauth from 'oauth4webapi';

const { URL: url, KEY, SERVER, DATABASE } = process.env;
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

for (const algorithm of ['EdDSA', 'ES256']) {
  test(`a resource server with ${algorithm} verifies its tokens, and finds the next key`, async () => {
    const id = `https://${algorithm.toLowerCase()}.example`;
    const name = `${algorithm.toLowerCase()}:read`;
    await graphql(`mutation {
      createResourceServer(data: {id: "${id}", name: "${algorithm}", algorithm: ${algorithm.toUpperCase()}, permissionsClaim: SCOPE, claims: {role: {value: "staff"}}}) { id }
      createPermission(data: {name: "${name}", lowestRole: USER, resourceServerId: "${id}"}) { id }
    }`);
    // As a program that runs for long keeps it.
    const keys = createRemoteJWKSet(new URL(`${issuer}/.well-known/jwks.json`), { cooldownDuration: 0 });
    const check = (token, audience = id) => jwtVerify(token, keys, { issuer, audience, algorithms: [algorithm], typ: 'at+jwt' });
    const tokenFor = async () => (await clientCredentials(oauth.ClientSecretBasic(secret), { resource: id })).access_token;
    const token = await tokenFor();
    const { payload, protectedHeader } = await check(token);
    assert.deepEqual([payload.aud, payload.sub, payload.scope, payload.role, protectedHeader.alg], [id, 'job', name, 'staff', algorithm]);
    await assert.rejects(check(token, issuer), { code: 'ERR_JWT_CLAIM_VALIDATION_FAILED' });
    await assert.rejects(check(token.slice(0, -8) + 'AAAAAAAA'), { code: 'ERR_JWS_SIGNATURE_VERIFICATION_FAILED' });
    const request = new Request(id, { headers: { authorization: `Bearer ${token}` } });
    // A copy, because the library keeps keys for a minute with the object, also when it does not know one.
    const claims = await oauth.validateJwtAccessToken({ ...as }, request, id, { signingAlgorithms: [algorithm], ...insecure });
    assert.equal(claims.scope, name);
    // Nothing here accepts it, and it is exchanged for nobody else.
    const graphqlAsItself = await fetch(`${url}/graphql`, { method: 'POST', headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' }, body: '{"query": "{ me { id } }"}' });
    assert.equal(graphqlAsItself.status, 401);
    const exchange = { subject_token: token, subject_token_type: ACCESS_TOKEN, resource: issuer };
    const refused = await oauth.genericTokenEndpointRequest(as, client, oauth.None(), EXCHANGE, exchange, insecure);
    await assert.rejects(oauth.processGenericTokenEndpointResponse(as, client, refused), { error: 'invalid_target' });
    const asked = await oauth.introspectionRequest(as, { client_id: 'admin' }, oauth.ClientSecretBasic(KEY), token, { additionalParameters: { resource: id }, ...insecure });
    const told = await oauth.processIntrospectionResponse(as, { client_id: 'admin' }, asked);
    assert.deepEqual([told.active, told.aud, told.scope], [true, id, name]);
    // The keys change at once, as after a leak: the library loads the next one.
    execFileSync(SERVER, ['rotate-keys', '--now'], { env: { ...process.env, TENANTRY_DATABASE_URL: DATABASE } });
    const next = await check(await tokenFor());
    assert.notEqual(next.protectedHeader.kid, protectedHeader.kid);
    const fresh = createRemoteJWKSet(new URL(`${issuer}/.well-known/jwks.json`));
    await assert.rejects(jwtVerify(token, fresh, { issuer, audience: id }), { code: 'ERR_JWKS_NO_MATCHING_KEY' });
  });
}
