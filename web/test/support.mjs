// What the browser tests share.

import assert from 'node:assert/strict';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { chromium } from 'playwright-core';

/** Debian's Chromium. Playwright gives each launch a fresh profile and deletes it afterwards. */
export function launch() {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
}

/** A page of its own, and all that it does wrong: foreign requests, errors, breaches of the policy. */
export async function onPage(browser, server, options, use) {
  const context = await browser.newContext(options);
  const wrong = [];
  context.on('request', (request) => {
    const address = new URL(request.url());
    if (address.origin !== new URL(server).origin) wrong.push(`foreign request: ${address}`);
  });
  context.on('requestfailed', (request) => {
    // A page being left gives up what it is still loading.
    if (request.failure()?.errorText !== 'net::ERR_ABORTED') wrong.push(`failed: ${request.url()}`);
  });
  context.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) wrong.push(`${message.type()}: ${message.text()}`);
  });
  context.on('weberror', (error) => wrong.push(`exception: ${error.error().stack}`));
  // Chromium reports most breaches on the console; this also catches those it does not.
  await context.exposeFunction('reportBreach', (text) => wrong.push(`breach: ${text}`));
  await context.addInitScript(() =>
    addEventListener('securitypolicyviolation', (event) => {
      window.reportBreach(`${event.violatedDirective} ${event.blockedURI}`);
    }),
  );
  const page = await context.newPage();
  page.setDefaultTimeout(20_000);
  try {
    await use(page, () => wrong);
  } catch (error) {
    if (wrong.length) console.error('seen until then:', wrong);
    throw error;
  } finally {
    await context.close();
  }
}

/** True if the element or one around it is outlined; runs in the page. */
export function hasOutline(element) {
  for (let at = element; at; at = at.parentElement) if (getComputedStyle(at).outlineStyle !== 'none') return true;
  return false;
}

export async function until(what, holds) {
  for (const end = Date.now() + 20_000; Date.now() < end; ) {
    if (holds()) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  assert.fail(`waited in vain for ${what}`);
}

/** Waits until the page has asked for nothing for a while. Playwright's `networkidle` never comes if Chromium loses the end of a worker's request. */
export async function quiet(page) {
  let last = Date.now();
  const note = () => (last = Date.now());
  const context = page.context();
  for (const event of ['request', 'requestfinished']) context.on(event, note);
  await until('a quiet page', () => Date.now() - last > 700);
  for (const event of ['request', 'requestfinished']) context.off(event, note);
}

/** The newest mail to an address in a folder of mails, once there are `count`: its subject, text, HTML and first link. */
export async function mailTo(folder, address, count = 1) {
  const found = () => {
    const names = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith('.eml')) : [];
    const mails = names.sort().map((name) => readFileSync(join(folder, name), 'latin1'));
    return mails.filter((mail) => mail.includes(`\r\nTo: ${address}\r\n`));
  };
  await until(`a mail to ${address}`, () => found().length >= count);
  const [head, ...parts] = found().at(-1).split(/\r\n--[^\r\n]+\r\n/);
  const part = (kind) => decoded(parts.find((text) => text.includes(`Content-Type: ${kind}`)));
  const text = part('text/plain');
  return { subject: /^Subject: (.*)$/m.exec(head)[1], text, html: part('text/html'), link: /https?:\S+#token=\w+/.exec(text)?.[0] };
}

/** The content of a part that is written as quoted-printable. */
function decoded(part) {
  const at = part.indexOf('\r\n\r\n');
  assert.match(part.slice(0, at), /Content-Transfer-Encoding: quoted-printable/);
  const bytes = part.slice(at + 4).replaceAll('=\r\n', '').replaceAll(/=([0-9A-F]{2})/g, (_, code) => String.fromCharCode(parseInt(code, 16)));
  return Buffer.from(bytes, 'latin1').toString('utf8');
}
