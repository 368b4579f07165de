// The whole example against a live tenantry: node --test, with DIRECTORY_URL, ADMIN_KEY and TENANTRY (the binary) set, and nginx
// on the PATH. tests/examples.sh does that.

import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';

import { graphql, TENANTRY } from './tenantry.js';

const admin = process.env.ADMIN_KEY;
const folder = mkdtempSync(join(tmpdir(), 'invoices-'));
const running = [];
let service;

function start(command, args, options) {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'], ...options });
  running.push(child);
  return child;
}

/** Sends a request to the service, or through nginx. */
function call(method, path, { credential, body, gateway, headers = {} } = {}) {
  const where = gateway ? { socketPath: join(folder, 'front.sock') } : { host: '127.0.0.1', port: service };
  return new Promise((resolve, reject) => {
    const sent = request(
      { ...where, method, path, headers: { ...(credential && { authorization: `Bearer ${credential}` }), ...headers } },
      (response) => {
        let text = '';
        response.on('data', (part) => (text += part));
        response.on('end', () => {
          const json = response.headers['content-type'] === 'application/json';
          resolve({ status: response.statusCode, body: json ? JSON.parse(text) : text });
        });
      },
    );
    sent.on('error', reject);
    sent.end(body);
  });
}

/** Runs until it is true. */
async function until(what) {
  for (let tries = 0; tries < 100; tries += 1) {
    if (await what().catch(() => false)) return;
    await pause(100);
  }
  throw new Error('it never came true');
}

async function signIn(user) {
  const mutation = 'mutation($data: SignInData!) { signIn(data: $data) { accessToken } }';
  const data = { email: `${user}@acme.example`, password: `password of ${user}` };
  const response = await fetch(`${TENANTRY}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query: mutation, variables: { data } }),
  });
  return (await response.json()).data.signIn.accessToken;
}

before(async () => {
  // Declare.
  const file = new URL('permissions.json', import.meta.url).pathname;
  const applied = execFileSync(process.env.TENANTRY, ['permissions', 'apply', file], { encoding: 'utf8' });
  assert.match(applied, /^\+ permission invoices:read/m);
  // Grant.
  await graphql(
    admin,
    `mutation {
      acme: createOrganization(data: { id: "acme", name: "Acme" }) { id }
      berlin: createTenant(data: { id: "berlin", name: "Berlin", organizationId: "acme" }) { id }
      munich: createTenant(data: { id: "munich", name: "Munich", organizationId: "acme" }) { id }
      ann: createUser(data: { id: "ann", email: "ann@acme.example", password: "password of ann", organizationId: "acme", tenantId: "berlin", roles: ["user"] }) { id }
      max: createUser(data: { id: "max", email: "max@acme.example", password: "password of max", organizationId: "acme", tenantId: "munich", roles: ["user"] }) { id }
      cora: createUser(data: { id: "cora", email: "cora@acme.example", password: "password of cora", organizationId: "acme", roles: ["accountant"] }) { id }
      tim: createUser(data: { id: "tim", email: "tim@acme.example", password: "password of tim", organizationId: "acme", roles: ["trial-user"] }) { id }
      globex: createOrganization(data: { id: "globex", name: "Globex" }) { id }
      gus: createUser(data: { id: "gus", email: "gus@acme.example", password: "password of gus", organizationId: "globex", roles: ["accountant"] }) { id }
    }`,
  );
  // The service, and nginx in front of it.
  const child = start('node', ['server.js'], {
    cwd: new URL('.', import.meta.url).pathname,
    env: { ...process.env, PORT: '0', GATEWAY_SOCKET: join(folder, 'back.sock') },
  });
  service = await new Promise((resolve) => {
    child.stdout.on('data', (text) => resolve(Number(/:(\d+)\s*$/.exec(String(text))[1])));
  });
  const template = readFileSync(new URL('nginx.conf', import.meta.url), 'utf8');
  writeFileSync(join(folder, 'nginx.conf'), template.replaceAll('unix:', `unix:${folder}/`).replace('DIRECTORY_URL', TENANTRY));
  start('nginx', ['-p', folder, '-e', 'nginx.log', '-c', 'nginx.conf']);
  await until(async () => (await call('POST', '/invoices/1/approve', { gateway: true })).status === 401);
});

after(() => {
  for (const child of running) child.kill();
  rmSync(folder, { recursive: true, force: true });
});

test('a token says what its owner may do, and where', async () => {
  const cora = await signIn('cora');
  assert.equal((await call('POST', '/invoices', { credential: cora, body: '100' })).status, 200);
  const ann = await signIn('ann');
  assert.deepEqual((await call('GET', '/invoices', { credential: ann })).body, []);
  assert.equal((await call('GET', '/invoices', { credential: cora })).body.length, 1);
  assert.equal((await call('GET', '/invoices', { credential: await signIn('tim') })).status, 403);
  assert.equal((await call('GET', '/invoices', { credential: `${ann}x` })).status, 401);
  assert.equal((await call('GET', '/invoices')).status, 401);
});

test('asking works with API keys, and is never out of date', async () => {
  const mutation = 'mutation($data: CreateApiKeyData!) { createApiKey(data: $data) { secret } }';
  const cora = await signIn('cora');
  const key = async (data) => (await graphql(cora, mutation, { data })).createApiKey.secret;
  const narrow = await key({ name: 'narrow', permissions: ['invoices:read'] }).catch((error) => error.message);
  // Accountants cannot create API keys: the permission for that is tenantry's own.
  assert.match(narrow, /write:access_key/);
  assert.equal((await call('POST', '/invoices', { credential: await signIn('ann'), body: '5' })).status, 403);
  await graphql(admin, 'mutation { withdrawRole(where: { id: "cora" }, role: "accountant") { id } }');
  assert.equal((await call('POST', '/invoices', { credential: cora, body: '5' })).status, 403);
  await graphql(admin, 'mutation { assignRole(where: { id: "cora" }, role: "accountant") { id } }');
  assert.equal((await call('POST', '/invoices', { credential: cora, body: '5' })).status, 200);
});

test('behind the gateway, headers say who approves', async () => {
  const cora = await signIn('cora');
  const made = (await call('POST', '/invoices', { credential: cora, body: '70' })).body;
  const path = `/invoices/${made.id}/approve`;
  const forged = { 'X-Tenantry-User': 'admin', 'X-Tenantry-Organization': 'acme' };
  assert.equal((await call('POST', path, { gateway: true, headers: forged })).status, 401);
  assert.equal((await call('POST', path, { gateway: true, credential: await signIn('ann') })).status, 403);
  // Without the gateway, nobody is believed.
  assert.equal((await call('POST', path, { credential: cora, headers: forged })).status, 404);
  // Of another organization: allowed to approve, but not to see it.
  assert.equal((await call('POST', path, { gateway: true, credential: await signIn('gus'), headers: forged })).status, 404);
  const approved = await call('POST', path, { gateway: true, credential: cora, headers: forged });
  assert.deepEqual(approved, { status: 200, body: { ...made, approvedBy: 'cora' } });
});
