// A small service for invoices. It keeps no users, roles or permissions of its own: it asks tenantry, in three ways.
//
//   GET  /invoices               reads the user's permissions from the access token, without asking anybody
//   POST /invoices               asks tenantry with the sender's credential: works with API keys too, and is never out of date
//   POST /invoices/ID/approve    believes the gateway in front of it, which has asked tenantry

import { createServer } from 'node:http';

import { byToken, may } from './tenantry.js';

const invoices = [];
// The gateway reaches the service over a socket that nobody else can open.
const GATEWAY_SOCKET = process.env.GATEWAY_SOCKET;

class Refusal extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

function credentialOf(request) {
  const credential = /^Bearer (\S+)$/i.exec(request.headers.authorization ?? '')?.[1];
  if (!credential) throw new Refusal(401, 'Send a credential.');
  return credential;
}

// Invoices belong to an organization, and to one of its tenants if their author does.
function list(who) {
  const seen = ({ organization, tenant }) => organization === who.organization && (who.tenant === null || tenant === who.tenant);
  return invoices.filter(seen);
}

async function read(request) {
  const who = await byToken(credentialOf(request));
  if (!who) throw new Refusal(401, 'This access token is not valid.');
  if (!who.permissions.includes('invoices:read')) throw new Refusal(403, 'You need the permission invoices:read.');
  return list(who);
}

async function write(request) {
  const who = await may(credentialOf(request), 'invoices:write').catch(() => {
    throw new Refusal(401, 'This credential is not valid.');
  });
  if (!who.allowed) throw new Refusal(403, 'You need the permission invoices:write.');
  let body = '';
  for await (const part of request) {
    body += part;
    if (body.length > 1_000) throw new Refusal(413, 'This invoice is too long.');
  }
  const amount = Number(body);
  if (!(amount > 0)) throw new Refusal(400, 'Send the amount.');
  const invoice = { id: invoices.length + 1, amount, organization: who.organization, tenant: who.tenant, approvedBy: null };
  invoices.push(invoice);
  return invoice;
}

function approve(request, id) {
  const header = (name) => {
    const value = decodeURIComponent(request.headers[`x-tenantry-${name}`] ?? '?0');
    return value === '?0' ? null : value;
  };
  const who = { user: header('user'), organization: header('organization'), tenant: header('tenant') };
  const invoice = list(who).find((one) => one.id === id);
  if (!invoice) throw new Refusal(404, 'There is no such invoice.');
  invoice.approvedBy = who.user;
  return invoice;
}

async function answer(request, fromGateway) {
  const path = request.url.split('?')[0];
  const approval = /^\/invoices\/(\d+)\/approve$/.exec(path);
  if (request.method === 'GET' && path === '/invoices') return read(request);
  if (request.method === 'POST' && path === '/invoices') return write(request);
  // Elsewhere, anybody could write these headers.
  if (request.method === 'POST' && approval && fromGateway) return approve(request, Number(approval[1]));
  throw new Refusal(404, 'There is nothing here.');
}

const serve = (fromGateway) =>
  createServer(async (request, response) => {
    let status = 200;
    let body;
    try {
      body = await answer(request, fromGateway);
    } catch (error) {
      status = error.status ?? 502;
      body = { error: error.status ? error.message : 'tenantry does not answer.' };
    }
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  });

const server = serve(false).listen(Number(process.env.PORT ?? 8080), '127.0.0.1', () => {
  console.log(`listening on http://127.0.0.1:${server.address().port}`);
});
if (GATEWAY_SOCKET) serve(true).listen(GATEWAY_SOCKET);
