// Drives the pages of a running tenantry in Debian's Chromium, as `npm test`. TENANTRY_URL says where it listens,
// TENANTRY_ADMIN_API_KEY holds a super admin's key; what is made is deleted again. TENANTRY_TEST_SCREENSHOTS may name a folder that
// pictures of the pages are written to: those in docs/images were made so.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { get } from 'node:http';
import { after, before, test } from 'node:test';
import AxeBuilder from '@axe-core/playwright';
import { buildClientSchema, getIntrospectionQuery, getVariableValues, parse, validate } from 'graphql';
import { EXAMPLES, ME, REFRESH_SESSION, SIGN_IN, SIGN_OUT } from '../src/operations.js';
import { hasOutline, launch, onPage as anyPage, quiet, until } from './support.mjs';

const SERVER = process.env.TENANTRY_URL?.replace(/\/+$/, '');
const KEY = process.env.TENANTRY_ADMIN_API_KEY;
assert.ok(SERVER && KEY, 'set TENANTRY_URL and TENANTRY_ADMIN_API_KEY');
const EDITOR = '.graphiql-query-editor .view-line';
const ANSWER = '.result-window .view-lines';
// What axe finds in GraphiQL itself: greyed-out text, and a close button inside each tab.
const KNOWN_OF_GRAPHIQL = ['color-contrast', 'nested-interactive'];

let browser;
const onPage = (options, use) => anyPage(browser, SERVER, options, use);

before(async () => {
  browser = await launch();
});

after(() => browser?.close());

test('the pages and their assets carry the headers they need', async () => {
  for (const [path, policy] of [
    ['/', ["default-src 'none'", "style-src 'self'"]],
    ['/docs/README', ["default-src 'none'", "style-src 'self'"]],
    ['/docs/clients/kili', ["default-src 'none'", "style-src 'self'"]],
    ['/graphiql', ["default-src 'none'", "script-src 'self'", "worker-src 'self'", "connect-src 'self'", "font-src 'self'"]],
  ]) {
    const response = await fetch(SERVER + path);
    const page = await response.text();
    const csp = (response.headers.get('content-security-policy') ?? '').split(';').map((part) => part.trim());
    assert.equal(response.status, 200, path);
    assert.match(response.headers.get('content-type'), /^text\/html; ?charset=utf-8$/i, path);
    assert.doesNotMatch(response.headers.get('cache-control') ?? '', /immutable/, path);
    for (const directive of [...policy, "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"]) {
      assert.ok(csp.includes(directive), `${path} lacks ${directive} in its policy: ${csp.join('; ')}`);
    }
    assert.doesNotMatch(csp.find((part) => part.startsWith('script-src')) ?? '', /unsafe|http|\*/, path);
    const addresses = [...page.matchAll(/(?:src|href)="([./]*\/assets\/[^"]+)"/g)];
    assert.ok(addresses.length, path);
    for (const [, address] of addresses) {
      const asset = await fetch(new URL(address, SERVER + path));
      await asset.arrayBuffer();
      assert.equal(asset.status, 200, address);
      assert.match(asset.headers.get('cache-control') ?? '', /max-age=31536000.*immutable/, address);
      assert.equal(asset.headers.get('x-content-type-options'), 'nosniff', address);
      // Compressed when the pages were built, and uncompressed for clients without Brotli.
      const sizes = {};
      for (const coding of ['br', 'identity']) {
        const { headers, bytes } = await sent(new URL(address, SERVER + path), { 'Accept-Encoding': coding });
        assert.equal(headers.vary, 'accept-encoding', address);
        if (coding === 'identity') assert.equal(headers['content-encoding'], undefined, address);
        sizes[headers['content-encoding'] ?? 'identity'] = bytes;
      }
      if (/\.(js|css)$/.test(address)) assert.ok(sizes.br < sizes.identity * 0.9, `${address}: ${JSON.stringify(sizes)}`);
    }
  }
  const unknown = await fetch(`${SERVER}/assets/none-00000000.js`);
  assert.equal(unknown.status, 404);
  // There every relative address of the page would lead astray; see vite.config.js.
  const slash = await fetch(`${SERVER}/graphiql/`, { redirect: 'manual' });
  assert.notEqual(slash.status, 200);
});

test('whatever the pages send or show fits the schema of the server', async () => {
  const schema = buildClientSchema(await graphql(getIntrospectionQuery({ inputValueDeprecation: true, schemaDescription: true })));
  const start = await (await fetch(`${SERVER}/`)).text();
  const shown = JSON.parse(/-d '(.+?)'/.exec(start)[1]).query;
  const documents = [{ query: shown }, ...[ME, SIGN_IN, REFRESH_SESSION, SIGN_OUT].map((query) => ({ query })), ...EXAMPLES];
  for (const { query, variables } of documents) {
    const document = parse(query);
    const messages = validate(schema, document).map(({ message }) => message);
    if (variables && !messages.length) {
      const { errors = [] } = getVariableValues(schema, document.definitions[0].variableDefinitions, JSON.parse(variables));
      messages.push(...errors.map(({ message }) => message));
    }
    assert.deepEqual(messages, [], query);
  }
});

test('GraphiQL loads from this server alone, without an error or a breach of the policy', async () => {
  await onPage({}, async (page, seen) => {
    await openGraphiQL(page);
    assert.deepEqual(await tabs(page), ['Me', 'Users', 'CreateUser']);
    await openTab(page, 'CreateUser');
    await page.locator('section[aria-label="Variables"] .view-line', { hasText: 'ada.lovelace' }).waitFor();
    // Prettify loads the rest of the bundle, and checking the variables needs all three workers.
    await page.getByRole('button', { name: /Prettify/ }).click();
    await until('three workers', () => page.workers().length >= 3);
    await quiet(page);
    assert.deepEqual(await editorProblems(page), []);
    assert.deepEqual(seen(), []);
  });
});

test('a key runs a query, outlives a reload, and is gone after signing out', async () => {
  await onPage({}, async (page, seen) => {
    await openGraphiQL(page);
    await useKey(page, KEY);
    await page.getByRole('status').filter({ hasText: 'API key of' }).waitFor();
    await run(page);
    await page.locator(ANSWER, { hasText: '"organization"' }).waitFor();
    await openTab(page, 'Users');
    await run(page);
    await page.locator(ANSWER, { hasText: '"users"' }).waitFor();
    assert.ok(!(await stored(page)).includes(KEY), 'the key lies in the storage of a living page');

    await page.reload();
    await signOut(page);
    await page.getByLabel('API key').waitFor();
    await page.locator(EDITOR).first().waitFor();
    assert.ok(!(await stored(page)).includes(KEY), 'the key lies in the storage after signing out');
    assert.equal(await page.evaluate(() => localStorage.length), 0);
    assert.deepEqual(seen(), []);
  });
});

test('a wrong key is refused in plain words, and the right one then works', async () => {
  await onPage({}, async (page, seen) => {
    await openGraphiQL(page);
    await useKey(page, 'tnt_wrong');
    const alert = page.getByRole('alert').filter({ hasText: 'refuses this API key (HTTP 401)' });
    await alert.waitFor();
    assert.deepEqual(await findings(page), []);
    await useKey(page, KEY);
    await page.getByRole('button', { name: 'Sign out' }).waitFor();
    assert.equal(await alert.count(), 0);
    // Chromium reports each answer of 401 by itself; nothing else may be there.
    assert.deepEqual(seen().filter((line) => !line.includes('status of 401')), []);
  });
});

test('a password opens a session, which is renewed before its end and ends at sign-out', async () => {
  // Short, so that no editor breaks it into two lines.
  const email = `${randomUUID().slice(0, 8)}@test.example`;
  const password = randomUUID();
  const { createUser } = await graphql('mutation($data: CreateUserData!) { createUser(data: $data) { id } }', {
    data: { email, password, organizationRole: 'USER' },
  });
  try {
    await onPage({}, async (page, seen) => {
      await page.clock.install();
      const sent = [];
      const answers = [];
      page.on('request', (request) => {
        if (request.method() === 'POST') sent.push({ ...request.postDataJSON(), token: request.headers().authorization });
      });
      page.on('response', (response) => {
        if (response.request().postData()?.includes('signIn')) answers.push(response);
      });
      await openGraphiQL(page);
      await page.getByText('By password').click();
      await page.getByLabel('E-mail').fill(email);
      await page.getByLabel('Password', { exact: true }).fill('not the password');
      await page.getByRole('button', { name: 'Sign in' }).click();
      await page.locator('#problem', { hasText: /\w/ }).waitFor();
      await page.getByLabel('Password', { exact: true }).fill(password);
      await page.getByRole('button', { name: 'Sign in' }).click();
      await page.getByRole('status').filter({ hasText: email }).waitFor();
      await run(page);
      await page.locator(ANSWER, { hasText: email }).waitFor();
      const { expiresIn } = (await answers.at(-1).json()).data.signIn;

      // Tokens tell seconds: one renewed within the second it was made in would be the same.
      await page.waitForTimeout(1_100);
      const asked = (name) => sent.filter(({ query }) => query.includes(name)).length;
      await page.clock.fastForward(Math.max(expiresIn - 60, 0) * 1_000);
      assert.equal(asked('refreshSession'), 0, 'renewed much too early');
      await page.clock.fastForward(50_000);
      await until('the renewal', () => asked('refreshSession') === 1);
      const [old] = sent.filter(({ token }) => token).slice(-1);
      await quiet(page);
      const renewed = () => sent.some(({ query, token }) => query.includes('Me') && token && token !== old.token);
      // A click while the editor still draws is lost; a person clicks again.
      for (let clicks = 0; clicks < 5 && !renewed(); clicks += 1) {
        await run(page);
        await page.waitForTimeout(1_000);
      }
      await until('a query with the new token', renewed);
      await page.locator(ANSWER, { hasText: email }).waitFor();

      // The renewed token outlives a reload, and the server hears of the end.
      await page.reload();
      await signOut(page);
      await page.getByLabel('API key').waitFor();
      assert.equal(asked('signOut'), 1);
      assert.equal(asked('refreshSession'), 1);
      assert.ok(!/accessToken|refreshToken/.test(await stored(page)), 'tokens lie in the storage after signing out');
      assert.deepEqual(seen().filter((line) => !line.includes('status of 401')), []);
    });
  } finally {
    await graphql('mutation($id: ID!) { deleteUser(where: { id: $id }) { id } }', { id: createUser.id });
  }
});

test('the documentation explorer shows the schema', async () => {
  await onPage({}, async (page, seen) => {
    await openGraphiQL(page);
    await useKey(page, KEY);
    await page.getByRole('button', { name: 'Sign out' }).waitFor();
    await page.getByRole('button', { name: 'Show Documentation Explorer' }).click();
    const docs = page.locator('.graphiql-doc-explorer');
    await docs.getByRole('link', { name: 'Query', exact: true }).click();
    await docs.getByRole('link', { name: 'users', exact: true }).click();
    await docs.getByRole('link', { name: 'UserWhere', exact: true }).waitFor();
    assert.deepEqual(await findings(page), []);
    assert.deepEqual(seen(), []);
  });
});

test('the documentation is there, and every link of it leads somewhere', async () => {
  const seen = new Map();
  const wanted = [`${SERVER}/docs/README`];
  const pages = new Map();
  while (wanted.length) {
    const address = wanted.pop();
    if (pages.has(address)) continue;
    const response = await fetch(address);
    assert.equal(response.status, 200, `${address}, linked from ${seen.get(address)}`);
    const page = response.headers.get('content-type').startsWith('text/html') ? await response.text() : '';
    pages.set(address, page);
    if (!new URL(address).pathname.startsWith('/docs/')) continue;
    for (const [, href] of page.matchAll(/href="([^"]+)"/g)) {
      const target = new URL(href.replaceAll('&amp;', '&'), address);
      if (target.origin !== new URL(SERVER).origin) continue;
      const heading = decodeURIComponent(target.hash.slice(1));
      target.hash = '';
      if (heading) seen.set(`${target}#${heading}`, address);
      if (!seen.has(target.href)) seen.set(target.href, address);
      wanted.push(target.href);
    }
  }
  for (const name of ['schema', 'lists', 'roles', 'errors', 'operating', 'architecture', 'clients/kili']) {
    assert.ok(pages.has(`${SERVER}/docs/${name}`), name);
  }
  for (const [address, from] of seen) {
    const [page, heading] = address.split('#');
    if (heading) assert.ok(pages.get(page).includes(`id="${heading}"`), `${address}, linked from ${from}`);
  }
  assert.equal((await fetch(`${SERVER}/docs/no-such-page`)).status, 404);
});

test('axe finds nothing in the documentation, and it fits 320 pixels', async () => {
  await onPage({ viewport: { width: 320, height: 640 }, javaScriptEnabled: true }, async (page, seen) => {
    for (const [name, heading] of [['README', 'tenantry'], ['roles', 'Roles and permissions'], ['clients/kili', 'The Kili SDK']]) {
      await page.goto(`${SERVER}/docs/${name}`);
      await page.getByRole('heading', { level: 1, name: heading }).waitFor();
      assert.deepEqual((await new AxeBuilder({ page }).analyze()).violations.map(({ id, nodes }) => `${id}: ${nodes[0].html}`), [], name);
      const [content, window] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
      assert.ok(content <= window, `${name}: ${content} pixels wide`);
    }
    assert.deepEqual(seen(), []);
  });
});

for (const colorScheme of ['light', 'dark']) {
  test(`axe finds nothing of ours in GraphiQL, ${colorScheme}`, async () => {
    await onPage({ colorScheme }, async (page) => {
      await openGraphiQL(page);
      assert.deepEqual(await findings(page), []);
      await page.getByText('By password').click();
      assert.deepEqual(await findings(page), []);
      await page.getByText('By key').click();
      await useKey(page, KEY);
      await page.getByRole('button', { name: 'Sign out' }).waitFor();
      await run(page);
      await page.locator(ANSWER, { hasText: '"me"' }).waitFor();
      assert.deepEqual(await findings(page), []);
    });
  });

  test(`axe finds nothing on the start page, ${colorScheme}`, async () => {
    await onPage({ colorScheme }, async (page, seen) => {
      await page.goto(`${SERVER}/`);
      assert.deepEqual((await new AxeBuilder({ page }).analyze()).violations, []);
      assert.deepEqual(seen(), []);
    });
  });
}

test('the start page fits 320 pixels, and the keyboard reaches every link', async () => {
  // Without scripts: the page promises to need none.
  await onPage({ viewport: { width: 320, height: 640 }, javaScriptEnabled: false }, async (page, seen) => {
    await page.goto(`${SERVER}/`);
    const links = page.getByRole('link');
    const wanted = await links.evaluateAll((all) => all.map((link) => link.href));
    const reached = [];
    for (const _ of wanted) {
      await page.keyboard.press('Tab');
      const focused = page.locator('a:focus');
      reached.push(await focused.evaluate((link) => link.href));
      assert.ok(await focused.evaluate(hasOutline), `no sign of the focus on ${reached.at(-1)}`);
    }
    assert.deepEqual(reached, wanted);
    for (const path of ['graphiql', 'schema.graphql', 'docs/README', 'healthz', 'readyz', 'metrics']) assert.ok(wanted.includes(`${SERVER}/${path}`), path);
    for (const address of wanted) assert.equal((await fetch(address)).status, 200, address);
    const [content, window] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
    assert.ok(content <= window, `${content} pixels wide`);
    assert.deepEqual(seen(), []);
  });
});

const folder = process.env.TENANTRY_TEST_SCREENSHOTS;
if (folder) test('pictures of the pages', async () => {
  await graphql(`mutation {
    createOrganization(data: { id: "acme", name: "Acme" }) { id }
    createTenant(data: { id: "berlin", name: "Berlin", organizationId: "acme" }) { id }
    ada: createUser(data: { id: "ada", organizationId: "acme", email: "ada@acme.example", name: "Ada Lovelace", organizationRole: ADMIN }) { id }
    grace: createUser(
      data: { id: "grace", organizationId: "acme", tenantId: "berlin", email: "grace@acme.example", name: "Grace Hopper", roles: ["user"] }
    ) { id }
  }`);
  try {
    await onPage({ viewport: { width: 1280, height: 720 } }, async (page) => {
      await openGraphiQL(page);
      await useKey(page, KEY);
      await page.getByRole('button', { name: 'Sign out' }).waitFor();
      await openTab(page, 'Users');
      await run(page);
      await page.locator(ANSWER, { hasText: 'grace@acme.example' }).waitFor();
      await quiet(page);
      await page.mouse.move(640, 60);
      await page.waitForTimeout(500);
      await page.screenshot({ path: `${folder}/graphiql.png` });
      await page.setViewportSize({ width: 1000, height: 720 });
      await page.goto(`${SERVER}/`);
      await page.screenshot({ path: `${folder}/start.png`, fullPage: true });
      await page.setViewportSize({ width: 320, height: 640 });
      await page.screenshot({ path: `${folder}/start-320.png`, fullPage: true });
    });
  } finally {
    await graphql(`mutation {
      ada: deleteUser(where: { id: "ada" }) { id }
      grace: deleteUser(where: { id: "grace" }) { id }
      deleteTenant(where: { id: "berlin" }) { id }
      deleteOrganization(where: { id: "acme" }) { id }
    }`);
  }
});

async function openGraphiQL(page) {
  await page.goto(`${SERVER}/graphiql`);
  await page.locator(EDITOR).first().waitFor();
  await quiet(page);
}

async function useKey(page, key) {
  await page.getByLabel('API key').fill(key);
  await page.getByRole('button', { name: 'Use key' }).click();
}

async function openTab(page, name) {
  await page.locator('.graphiql-tab-button', { hasText: new RegExp(`^${name}$`) }).click();
  // GraphiQL takes over the name of the tab's operation a tenth of a second later.
  await page.waitForTimeout(300);
}

function run(page) {
  return page.getByRole('button', { name: /^Execute query/ }).click();
}

function tabs(page) {
  return page.locator('.graphiql-tab-button').allTextContents();
}

function editorProblems(page) {
  return page.locator('.squiggly-error, .squiggly-warning').allTextContents();
}

/** Signing out ends with a reload; before it, the page already shows the fields to sign in. */
async function signOut(page) {
  const reloaded = page.waitForEvent('load');
  await page.getByRole('button', { name: 'Sign out' }).click();
  await reloaded;
}

function stored(page) {
  return page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }]));
}

/** What axe finds, less GraphiQL's known rules within GraphiQL. */
async function findings(page) {
  const { violations } = await new AxeBuilder({ page }).analyze();
  const ours = [];
  for (const { id, nodes } of violations) {
    for (const { target } of nodes) {
      const selector = String(target.flat(Infinity)[0]);
      const inGraphiQL = await page.locator(selector).first().evaluate((node) => Boolean(node.closest('.graphiql-container')));
      if (!inGraphiQL || !KNOWN_OF_GRAPHIQL.includes(id)) ours.push(`${id}: ${selector}`);
    }
  }
  return ours;
}

/** A request as it goes over the wire: `fetch` would unpack the answer and hide how it came. */
function sent(address, headers) {
  return new Promise((resolve, reject) => {
    get(address, { headers }, (response) => {
      let bytes = 0;
      response.on('data', (chunk) => (bytes += chunk.length));
      response.on('end', () => resolve({ headers: response.headers, bytes }));
    }).on('error', reject);
  });
}

async function graphql(query, variables) {
  const response = await fetch(`${SERVER}/graphql`, {
    method: 'POST',
    headers: {
      Accept: 'application/graphql-response+json, application/json',
      Authorization: `Bearer ${KEY}`,
      'Content-Type': 'application/json',
    },
    body: JSON.stringify({ query, variables }),
  });
  const { data, errors } = await response.json();
  assert.equal(errors, undefined, JSON.stringify(errors));
  return data;
}
