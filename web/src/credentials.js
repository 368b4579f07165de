// The caller: nobody, an API key, or a signed-in session.
//
// The credential is kept in memory. It is in sessionStorage only while the page unloads, so that it survives a reload. If it
// were there all the time, "Duplicate tab" would copy it, and two tabs would use the same refresh token; the server ends a
// session whose refresh token is used twice. localStorage is never used, because all tabs share it and it outlives them.

import { ME, REFRESH_SESSION, SIGN_IN, SIGN_OUT } from './operations.js';

// Relative, as all addresses here: see vite.config.js.
const ENDPOINT = 'graphql';
const STORED_AS = 'tenantry:credential';
/** A token is renewed this long before its end, or halfway when it is shorter-lived than that. */
const RENEW_BEFORE_MS = 30_000;

const REFUSED_KEY = 'The server refuses this API key (HTTP 401). Check that it is complete, and not revoked or expired.';
const ENDED_SESSION = 'Your session has ended. Sign in again.';
const NO_ANSWER = 'The server does not answer. Check that it is running and that you are online.';

/** A sentence for the person in front of the page. */
export class Refusal extends Error {}

/** `{ kind: 'key', key, who }`, `{ kind: 'session', accessToken, refreshToken, renewAt, endsAt, who }`, or null. */
let credential = takeStored();
/** What the page shows: replaced, never changed, whenever it should be rendered again. */
let view = { who: credential?.who ?? null, kind: credential?.kind ?? null, problem: null };
const listeners = new Set();
let renewal = null;
let renewalTimer;

addEventListener('pagehide', () => {
  if (credential) sessionStorage.setItem(STORED_AS, JSON.stringify(credential));
});
// Back from the back/forward cache with memory intact.
addEventListener('pageshow', (event) => {
  if (event.persisted) sessionStorage.removeItem(STORED_AS);
});
scheduleRenewal();

export function subscribe(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function currentView() {
  return view;
}

/** Tries the key and keeps it only if the server knows it. */
export async function signInWithKey(text) {
  const key = text.trim().replace(/^Bearer\s+/i, '');
  if (!/^[\x21-\x7e]+$/.test(key)) throw new Refusal('An API key contains only visible ASCII characters, without spaces.');
  const response = await post({ query: ME }, { Authorization: `Bearer ${key}` });
  if (response.status === 401) throw new Refusal(REFUSED_KEY);
  adopt({ kind: 'key', key, who: (await dataOf(response)).me });
}

export async function signInWithPassword(email, password) {
  const response = await post({ query: SIGN_IN, variables: { email: email.trim(), password } });
  const session = sessionOf((await dataOf(response)).signIn);
  const me = await post({ query: ME }, { Authorization: `Bearer ${session.accessToken}` });
  adopt({ ...session, who: (await dataOf(me)).me });
}

/** Ends the session on the server as well. The reload drops every answer the page still holds. */
export async function signOut() {
  const leaving = credential;
  adopt(null);
  if (leaving?.kind === 'session') {
    const headers = { Authorization: `Bearer ${leaving.accessToken}` };
    await post({ query: SIGN_OUT }, headers, AbortSignal.timeout(3_000)).catch(() => {});
  }
  location.reload();
}

/** GraphiQL's way to the server. */
export async function fetchGraphQL({ query, variables, operationName }, { headers: extra } = {}) {
  const body = { query, variables, operationName };
  const own = await authorization();
  let sent = credential;
  let response = await post(body, { ...own, ...extra });
  // The cause may be what the user entered under "Headers"; then the response says so.
  if (response.status === 401 && sent && !Object.keys(extra ?? {}).length) {
    if (sent.kind === 'session' && credential === sent) await renew(sent);
    if (credential && credential !== sent) {
      // A 401 means that nothing has run, so it is safe to retry even a mutation.
      sent = credential;
      response = await post(body, await authorization());
    }
    if (response.status === 401 && credential === sent) adopt(null, sent.kind === 'key' ? REFUSED_KEY : ENDED_SESSION);
  }
  return answerOf(response);
}

async function authorization() {
  if (credential?.kind === 'session' && Date.now() >= credential.renewAt) await renew(credential);
  const token = credential?.key ?? credential?.accessToken;
  return token ? { Authorization: `Bearer ${token}` } : {};
}

/** One renewal at a time, since each refresh token may be used once. */
function renew(session) {
  renewal ??= renewOnce(session).finally(() => {
    renewal = null;
  });
  return renewal;
}

async function renewOnce(session) {
  let answer;
  try {
    const response = await post({ query: REFRESH_SESSION, variables: { refreshToken: session.refreshToken } });
    answer = await answerOf(response);
  } catch {
    // A missing response is not a refusal: the token may still be valid, and the next request tries again.
    return;
  }
  if (credential !== session) return;
  const tokens = answer.data?.refreshSession;
  const ended = answer.errors?.some(({ extensions }) => extensions?.code === 'UNAUTHENTICATED');
  if (tokens) adopt({ ...sessionOf(tokens), who: session.who });
  else if (ended || Date.now() >= session.endsAt) adopt(null, ENDED_SESSION);
}

function scheduleRenewal() {
  clearTimeout(renewalTimer);
  if (credential?.kind !== 'session') return;
  const session = credential;
  // setTimeout is limited to 32 bits; a longer-lived token is renewed by the first request that finds it expired.
  const wait = Math.min(Math.max(session.renewAt - Date.now(), 0), 2 ** 31 - 1);
  renewalTimer = setTimeout(() => renew(session), wait);
}

function sessionOf({ accessToken, refreshToken, expiresIn, refreshExpiresIn }) {
  const now = Date.now();
  const lifetime = expiresIn * 1_000;
  return {
    kind: 'session',
    accessToken,
    refreshToken,
    renewAt: now + lifetime - Math.min(RENEW_BEFORE_MS, lifetime / 2),
    endsAt: now + refreshExpiresIn * 1_000,
  };
}

function adopt(next, problem = null) {
  credential = next;
  scheduleRenewal();
  const who = next?.who ?? null;
  const kind = next?.kind ?? null;
  // A renewed token belongs to the same user. Not rendering again keeps GraphiQL from fetching the schema again.
  if (who === view.who && kind === view.kind && problem === view.problem) return;
  view = { who, kind, problem };
  for (const listener of listeners) listener();
}

function takeStored() {
  const stored = sessionStorage.getItem(STORED_AS);
  sessionStorage.removeItem(STORED_AS);
  return JSON.parse(stored);
}

async function post(body, headers, signal) {
  try {
    return await fetch(ENDPOINT, {
      method: 'POST',
      headers: new Headers({
        Accept: 'application/graphql-response+json, application/json',
        'Content-Type': 'application/json',
        ...headers,
      }),
      body: JSON.stringify(body),
      cache: 'no-store',
      credentials: 'omit',
      signal,
    });
  } catch (error) {
    throw new Refusal(NO_ANSWER, { cause: error });
  }
}

/** The GraphQL answer, also when a proxy on the way answered with something else. */
async function answerOf(response) {
  const text = await response.text();
  try {
    return JSON.parse(text);
  } catch {
    const message = `The server answered HTTP ${response.status} without JSON.`;
    return { errors: [{ message: text ? `${message} It said: ${text.slice(0, 200)}` : message }] };
  }
}

async function dataOf(response) {
  const { data, errors } = await answerOf(response);
  if (data && !errors?.length) return data;
  // "[CODE] Sentence." is the form of every message of the API; the sentence is for people.
  throw new Refusal(errors?.[0]?.message?.replace(/^\[\w+\]\s*/, '') ?? `The server answered HTTP ${response.status}.`);
}
