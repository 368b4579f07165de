// What the service asks tenantry.

import { createRemoteJWKSet, jwtVerify } from 'jose';

export const TENANTRY = process.env.DIRECTORY_URL ?? 'http://localhost:8000';

// Who issues the tokens, and where the keys are, is read from tenantry itself.
const metadata = await (await fetch(`${TENANTRY}/.well-known/oauth-authorization-server`)).json();
const keys = createRemoteJWKSet(new URL('/.well-known/jwks.json', TENANTRY));

/** Sends a GraphQL document with somebody's credential. */
export async function graphql(credential, query, variables = {}) {
  const response = await fetch(`${TENANTRY}/graphql`, {
    method: 'POST',
    headers: { authorization: `Bearer ${credential}`, 'content-type': 'application/json' },
    body: JSON.stringify({ query, variables }),
  });
  const { data, errors } = await response.json();
  if (errors) throw new Error(errors[0].message);
  return data;
}

/**
 * Who sends this access token, and what the token says that they may do: without asking tenantry, so at most ten minutes old.
 * Null if it is not valid.
 */
export async function byToken(token) {
  try {
    const { payload } = await jwtVerify(token, keys, {
      issuer: metadata.issuer,
      audience: metadata.issuer,
      typ: 'at+jwt',
    });
    return {
      user: payload.sub,
      organization: payload.org_id,
      tenant: payload.tenant_id ?? null,
      // Absent if they do not fit into the token: then `omitted` names the claim, and one has to ask.
      permissions: payload.permissions ?? (await permissionsNow(token)),
    };
  } catch {
    return null;
  }
}

async function permissionsNow(credential) {
  return (await graphql(credential, '{ viewerPermissions }')).viewerPermissions;
}

/** Whether the owner of a credential, an access token or an API key, has a permission now. */
export async function may(credential, permission) {
  const query = 'query($permissions: [String!]!) { can(permissions: $permissions) { allowed } me { organizationId tenant { id } } }';
  const { can, me } = await graphql(credential, query, { permissions: [permission] });
  return { allowed: can[0].allowed, organization: me.organizationId, tenant: me.tenant?.id ?? null };
}
