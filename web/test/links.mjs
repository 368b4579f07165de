// From a mail to a person who can sign in: the pages behind the links, in Debian's Chromium and by keyboard alone.
// tests/pages.sh starts the servers: TENANTRY_LINKS_URL is one that serves no other pages and writes mails to
// TENANTRY_LINKS_MAIL; the links of TENANTRY_APP_SERVER_URL lead to an application.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { createServer, request as httpRequest } from 'node:http';
import { after, before, test } from 'node:test';
import AxeBuilder from '@axe-core/playwright';
import { hasOutline, launch, mailTo, onPage as anyPage } from './support.mjs';

const { TENANTRY_LINKS_URL: SERVER, TENANTRY_LINKS_MAIL: MAIL, TENANTRY_ADMIN_API_KEY: KEY } = process.env;
const { TENANTRY_APP_SERVER_URL: APP_SERVER, TENANTRY_APP_SERVER_MAIL: APP_MAIL } = process.env;
assert.ok(SERVER && MAIL && KEY && APP_SERVER && APP_MAIL, 'run tests/pages.sh');
const ORGANIZATION = randomUUID();
const PASSWORD = 'ein langes Passwort';
// Uncompressed, with everything that a page loads.
const BYTES_MAX = 12 * 1024;

const WORDS = {
  'en-GB': {
    lang: 'en',
    accept: ['Accept the invitation', 'Your account is ready'],
    reset: ['Choose a new password', 'Your password is set'],
    verify: ['Confirm your e-mail address', 'Your address is confirmed'],
    short: 'at least 8 characters',
    invalid: 'no longer valid',
    incomplete: 'incomplete',
    unreachable: 'cannot be reached',
  },
  'de-AT': {
    lang: 'de',
    accept: ['Einladung annehmen', 'Ihr Konto ist bereit'],
    reset: ['Neues Passwort wählen', 'Ihr Passwort ist gesetzt'],
    verify: ['E-Mail-Adresse bestätigen', 'Ihre Adresse ist bestätigt'],
    short: 'mindestens 8 Zeichen',
    invalid: 'nicht mehr gültig',
    incomplete: 'unvollständig',
    unreachable: 'nicht erreichbar',
  },
};

let browser;
const onPage = (options, use) => anyPage(browser, SERVER, options, use);

before(async () => {
  browser = await launch();
  await organization(SERVER);
});

after(() => browser?.close());

for (const [locale, words] of Object.entries(WORDS)) {
  for (const colorScheme of ['light', 'dark']) {
    const options = { locale, colorScheme, viewport: { width: 320, height: 640 } };

    test(`an invitation becomes an account that can sign in, ${locale}, ${colorScheme}`, async () => {
      const email = anybody();
      await invite(SERVER, email);
      const { link } = await mailTo(MAIL, email);
      await onPage(options, async (page, seen) => {
        await open(page, link, words, words.accept[0]);
        // Too short, then one that everybody uses: the page says what is wrong, and the focus is where it is mended.
        await typeInto(page, '#firstname', 'Ada');
        await typeInto(page, '#lastname', 'Lovelace');
        await typeInto(page, '#password', 'short');
        await page.keyboard.press('Enter');
        await problem(page, words.short);
        assert.equal(await focused(page), 'password');
        await sound(page);
        await retype(page, 'password123');
        await page.keyboard.press('Enter');
        await page.locator('#problem[lang=en]').waitFor();
        assert.equal(await focused(page), 'password');
        assert.equal(await page.locator('#password').getAttribute('aria-invalid'), 'true');
        await retype(page, PASSWORD);
        await tabTo(page, '#show');
        await page.keyboard.press('Space');
        assert.equal(await page.locator('#password').getAttribute('type'), 'text');
        await tabTo(page, 'button');
        await page.keyboard.press('Enter');
        await done(page, words.accept[1]);
        assert.ok((await page.locator('#done').textContent()).includes(email));
        assert.deepEqual(faults(seen()), []);
      });
      const { signIn } = await signInAs(email, PASSWORD);
      assert.equal(signIn.user.name, 'Ada Lovelace');
      await usedUp(options, link, words);
    });

    test(`a reset link sets a password, ${locale}, ${colorScheme}`, async () => {
      const email = anybody();
      await graphql(SERVER, 'mutation($data: CreateUserData!) { createUser(data: $data) { id } }', {
        data: { email, password: 'the one before', organizationId: ORGANIZATION },
      });
      await graphql(SERVER, 'mutation($email: String!) { requestPasswordReset(email: $email) }', { email }, null);
      const { link } = await mailTo(MAIL, email);
      await onPage(options, async (page, seen) => {
        await open(page, link, words, words.reset[0]);
        assert.equal(await page.locator('#password').getAttribute('autocomplete'), 'new-password');
        await typeInto(page, '#password', PASSWORD);
        await page.keyboard.press('Enter');
        await done(page, words.reset[1]);
        assert.deepEqual(faults(seen()), []);
      });
      await signInAs(email, PASSWORD);
      await usedUp(options, link, words);
    });

    test(`an address is confirmed by the button, and not by opening the page, ${locale}, ${colorScheme}`, async () => {
      const email = anybody();
      const made = await graphql(SERVER, 'mutation($data: CreateUserData!) { createUser(data: $data) { id } }', {
        data: { email, password: PASSWORD, organizationId: ORGANIZATION },
      });
      const { id } = made.createUser;
      await graphql(SERVER, 'mutation($id: ID!) { requestEmailVerification(where: { id: $id }) { id } }', { id });
      const { link } = await mailTo(MAIL, email);
      const isVerified = async () => (await signInAs(email, PASSWORD)).signIn.user.emailVerified;
      await onPage(options, async (page, seen) => {
        await open(page, link, words, words.verify[0]);
        assert.equal(await isVerified(), false);
        await tabTo(page, 'button');
        await page.keyboard.press('Enter');
        await done(page, words.verify[1]);
        assert.equal(await isVerified(), true);
        assert.deepEqual(faults(seen()), []);
      });
      await usedUp(options, link, words);
    });
  }

  test(`a link without its token, and a server that is gone, ${locale}`, async () => {
    const email = anybody();
    await invite(SERVER, email);
    const { link } = await mailTo(MAIL, email);
    await onPage({ locale }, async (page) => {
      await page.goto(link.split('#')[0]);
      await problem(page, words.incomplete);
      assert.ok(await page.locator('form').isHidden());
      // The whole link, opened in the same tab.
      await page.goto(link);
      await typeInto(page, '#password', PASSWORD);
      await page.context().setOffline(true);
      await page.keyboard.press('Enter');
      await problem(page, words.unreachable);
      await page.context().setOffline(false);
      await tabTo(page, 'button');
      await page.keyboard.press('Enter');
      await done(page, words.accept[1]);
      // The next link in the same tab starts from the beginning.
      await page.goto(link);
      await page.locator('form').waitFor();
      assert.equal(new URL(page.url()).hash, '');
    });
  });
}

test('the pages work below a path that a proxy strips', async () => {
  const prefix = '/people/directory';
  const proxy = createServer((request, response) => {
    const target = new URL(request.url.replace(prefix, ''), SERVER);
    const forwarded = httpRequest(target, { method: request.method, headers: request.headers }, (answer) => {
      response.writeHead(request.url.startsWith(prefix) ? answer.statusCode : 404, answer.headers);
      answer.pipe(response);
    });
    request.pipe(forwarded);
  });
  await new Promise((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  try {
    const email = anybody();
    await invite(SERVER, email);
    const { link } = await mailTo(MAIL, email);
    const base = `http://127.0.0.1:${proxy.address().port}`;
    await anyPage(browser, base, { locale: 'en-GB' }, async (page, seen) => {
      // A slash at the end, as some programs add one, leads to the page.
      await page.goto(link.replace(SERVER, base + prefix).replace('#', '/#'));
      await page.waitForURL(`${base}${prefix}/accept-invitation`);
      await typeInto(page, '#password', PASSWORD);
      await page.keyboard.press('Enter');
      await done(page, WORDS['en-GB'].accept[1]);
      assert.deepEqual(faults(seen()), []);
    });
    await signInAs(email, PASSWORD);
  } finally {
    proxy.closeAllConnections();
    proxy.close();
  }
});

test('the pages are small, and are there without the others', async (context) => {
  for (const path of ['accept-invitation', 'reset-password', 'verify-email']) {
    const page = await (await fetch(`${SERVER}/${path}`)).text();
    const files = [...page.matchAll(/(?:src|href)="\.\/(assets\/[^"]+)"/g)].map(([, file]) => file);
    const sizes = await Promise.all([path, ...files].map(async (file) => Number((await fetch(`${SERVER}/${file}`)).headers.get('content-length'))));
    const bytes = sizes.reduce((sum, size) => sum + size);
    context.diagnostic(`${path}: ${bytes} bytes in ${sizes.length} files`);
    assert.ok(files.length >= 4 && bytes < BYTES_MAX, `${path}: ${bytes}`);
  }
  for (const path of ['', 'graphiql', 'docs/README', 'schema.graphql']) assert.equal((await fetch(`${SERVER}/${path}`)).status, 404, path);
});

test('links can lead to an application, and then the pages are not here', async () => {
  const email = anybody();
  await organization(APP_SERVER);
  await invite(APP_SERVER, email);
  const mail = await mailTo(APP_MAIL, email);
  for (const part of [mail.text, mail.html]) assert.match(part, /https:\/\/app\.example\/people\/accept-invitation#token=\w{43}/);
  for (const path of ['accept-invitation', 'reset-password', 'verify-email']) {
    const response = await fetch(`${APP_SERVER}/${path}`);
    assert.equal(response.status, 404);
    assert.match(await response.text(), /TENANTRY_APP_URL/);
  }
});

for (const [locale, language] of [['en-GB', 'EN'], ['de-AT', 'DE']]) {
  test(`a mail is whole, and axe finds nothing in it, ${language}`, async () => {
    const email = anybody();
    await speak(language);
    await invite(SERVER, email);
    const { html } = await mailTo(MAIL, email);
    for (const colorScheme of ['light', 'dark']) {
      await onPage({ colorScheme, locale, viewport: { width: 320, height: 640 } }, async (page, seen) => {
        await page.setContent(html);
        assert.equal(await page.locator('html').getAttribute('lang'), language.toLowerCase());
        await sound(page, { embedded: true });
        assert.deepEqual(seen(), []);
      });
    }
  });
}

const folder = process.env.TENANTRY_TEST_SCREENSHOTS;
if (folder) test('pictures of a mail and of the pages', async () => {
  const admin = await graphql(SERVER, 'mutation($data: CreateUserData!) { createUser(data: $data) { id } }', {
    data: { name: 'Grace Hopper', email: anybody(), organizationId: ORGANIZATION, organizationRole: 'ADMIN' },
  });
  for (const [locale, language] of [['en-GB', 'EN'], ['de-AT', 'DE']]) {
    const email = anybody();
    await speak(language);
    const { impersonateUser } = await graphql(
      SERVER,
      'mutation($id: ID!) { impersonateUser(where: { id: $id }, reason: "pictures") { accessToken } }',
      { id: admin.createUser.id },
    );
    await graphql(SERVER, 'mutation($email: String!) { inviteUser(data: { email: $email }) { id } }', { email }, impersonateUser.accessToken);
    const { html, link } = await mailTo(MAIL, email);
    await onPage({ locale, viewport: { width: 640, height: 480 } }, async (page) => {
      // A token that opens nothing, at the address that a reader would see.
      const shown = html.replaceAll(/http:\/\/127\.0\.0\.1:\d+/g, 'https://directory.example.com').replaceAll(/token=\w+/g, 'token=rWk3…');
      await page.setContent(shown);
      await page.screenshot({ path: `${folder}/mail-${language.toLowerCase()}.png`, fullPage: true });
      for (const [name, width] of [['accept-invitation', 640], ['reset-password', 320], ['verify-email', 320]]) {
        await page.setViewportSize({ width, height: 420 });
        await page.goto(`${SERVER}/${name}${new URL(link).hash}`);
        await page.locator('form').waitFor();
        await page.screenshot({ path: `${folder}/${name}-${language.toLowerCase()}.png`, fullPage: true });
      }
    });
  }
});

function anybody() {
  return `${randomUUID().slice(0, 8)}@test.example`;
}

function organization(server) {
  return graphql(server, 'mutation($id: ID!) { createOrganization(data: { id: $id, name: "Acme" }) { id } }', { id: ORGANIZATION });
}

/** The language of the organization's mails. */
function speak(language) {
  const document =
    'mutation($id: ID!, $data: UpdateOrganizationSettingsData!) { updateOrganizationSettings(where: { id: $id }, data: $data) { id } }';
  return graphql(SERVER, document, { id: ORGANIZATION, data: { mailLanguage: language, productName: 'Acme Studio' } });
}

function invite(server, email) {
  const document = 'mutation($data: InviteUserData!) { inviteUser(data: $data) { id } }';
  return graphql(server, document, { data: { email, organizationId: ORGANIZATION } });
}

function signInAs(email, password) {
  const document = 'mutation($data: SignInData!) { signIn(data: $data) { user { name emailVerified } } }';
  return graphql(SERVER, document, { data: { email, password } }, null);
}

/** Opens a link: the page has its language and its title, nothing is wrong with it, and the token is nowhere to be seen. */
async function open(page, link, words, title) {
  await page.goto(link);
  await page.getByRole('heading', { level: 1, name: title }).waitFor();
  await page.locator('form').waitFor();
  assert.equal(await page.locator('html').getAttribute('lang'), words.lang);
  assert.equal(await page.title(), title);
  assert.equal(await page.evaluate(() => location.href + JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie])), `${link.split('#')[0]}[{},{},""]`);
  assert.ok(!(await page.content()).toLowerCase().includes('graphql'));
  await sound(page);
}

/** Opens a link that was used before, and tries to use it again. */
async function usedUp(options, link, words) {
  await onPage(options, async (page, seen) => {
    await page.goto(link);
    if (await page.locator('#password').count()) await typeInto(page, '#password', PASSWORD);
    await tabTo(page, 'button');
    await page.keyboard.press('Enter');
    await problem(page, words.invalid);
    assert.equal(await focused(page), 'problem');
    assert.ok(await page.locator('form').isHidden());
    await sound(page);
    assert.deepEqual(faults(seen()), []);
  });
}

/** Axe finds nothing, and nothing is wider than the window. */
async function sound(page, { embedded = false } = {}) {
  // A mail is a part of the page of a mail program.
  const axe = new AxeBuilder({ page }).disableRules(embedded ? ['landmark-one-main', 'region'] : []);
  const { violations } = await axe.analyze();
  assert.deepEqual(violations.map(({ id, nodes }) => `${id}: ${nodes[0].html}`), []);
  const [content, window] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
  assert.ok(content <= window, `${content} pixels wide`);
}

async function problem(page, words) {
  try {
    await page.getByRole('alert').filter({ hasText: words }).waitFor();
  } catch {
    assert.fail(`'${words}' is not on the page: ${await page.locator('body').innerText()}`);
  }
}

async function done(page, title) {
  await page.getByRole('heading', { level: 1, name: title }).waitFor();
  assert.equal(await page.title(), title);
  assert.equal(await page.evaluate(() => document.activeElement.tagName), 'H1');
  await sound(page);
}

function focused(page) {
  return page.evaluate(() => document.activeElement.id);
}

/** Goes to an element by keyboard; the focus can be seen on the way. */
async function tabTo(page, selector) {
  for (let steps = 0; steps < 12; steps += 1) {
    const there = await page.evaluate((wanted) => document.activeElement.matches(wanted), selector);
    if (there) return;
    await page.keyboard.press('Tab');
    assert.ok(await page.evaluate(hasOutline, await page.evaluateHandle(() => document.activeElement)), 'the focus cannot be seen');
  }
  assert.fail(`the keyboard does not reach ${selector}`);
}

async function typeInto(page, selector, text) {
  await page.locator('form').waitFor();
  await tabTo(page, selector);
  await page.keyboard.type(text);
}

async function retype(page, text) {
  await page.keyboard.press('Control+A');
  await page.keyboard.type(text);
}

/** Chromium reports each refusal by itself; nothing else may be there. */
function faults(seen) {
  return seen.filter((line) => !/status of (400|422)/.test(line));
}

async function graphql(server, query, variables, key = KEY) {
  const headers = { Accept: 'application/graphql-response+json', 'Content-Type': 'application/json' };
  if (key) headers.Authorization = `Bearer ${key}`;
  const response = await fetch(`${server}/graphql`, { method: 'POST', headers, body: JSON.stringify({ query, variables }) });
  const { data, errors } = await response.json();
  assert.equal(errors, undefined, JSON.stringify(errors));
  return data;
}
