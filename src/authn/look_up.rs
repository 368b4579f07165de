//! Looks up the owner of a credential, with its current permissions.

use sea_orm::{FromQueryResult, Statement, Value};

use super::caller::caller_of;
use super::impersonation::{Begun, begun_by};
use super::{Audience, Claims, SigningKeys};
use crate::model::error::Result;
use crate::model::{ApiKeyId, Email, OrganizationId, SessionId, Timestamp, UserId};
use crate::model::{Caller, Derived, Limits};
use crate::model::{Permissions, Rights, Roles, TenantId};
use crate::store::catalogue;
use crate::store::db::Database;

/// The owner of a credential.
pub(super) struct Found {
    pub caller: Caller,
    /// When the key expires or, after a rotation, is revoked, whichever comes first; for a token, when it, its session or
    /// its API key expires.
    pub ends_at: Option<Timestamp>,
    /// The resource server that a token is for, if it is not for this server.
    pub elsewhere: Option<String>,
}

/// The owner of an API key.
pub(super) async fn by_key(db: &Database, digest: &str, now: Timestamp) -> Result<Option<Found>> {
    let found = key(db, "k.digest = $1", [digest.into(), now.micros().into()]).await?;
    Ok(found.map(|caller| Found {
        ends_at: caller.limits.ends_at,
        caller,
        elsewhere: None,
    }))
}

/// The owner of an access token. The row of its session or API key decides, not the token.
pub(super) async fn by_token(
    db: &Database,
    signing: &SigningKeys,
    token: &str,
    now: Timestamp,
) -> Result<Option<Found>> {
    let Some((claims, kid)) = signing.verify(db, token, now).await? else {
        return Ok(None);
    };
    let Some(sub) = UserId::existing(&claims.sub) else {
        return Ok(None);
    };
    let found = match (&claims.sid, &claims.key_id) {
        (Some(sid), None) => of_session(db, sid, &sub, &kid, now).await?,
        (None, Some(key)) => of_key(db, key, &sub, &kid, now).await?,
        (Some(_), Some(_)) | (None, None) => None,
    };
    let Some((caller, source_ends)) = found else {
        return Ok(None);
    };
    let ends_at = Timestamp::from_micros(claims.exp.saturating_mul(1_000_000));
    let ends_at = source_ends.map_or(ends_at, |end| end.min(ends_at));
    let caller = match claims.is_derived() {
        true => narrowed(db, &claims, caller).await?,
        false => Some(caller),
    };
    let elsewhere = match claims.aud {
        Audience::Here(_) => None,
        Audience::Elsewhere(id) => Some(id),
    };
    Ok(caller.map(|caller| Found {
        caller,
        ends_at: Some(ends_at),
        elsewhere,
    }))
}

/// The caller with the limits of the token itself; `None` if the token is for a tenant or a resource server that is gone.
async fn narrowed(db: &Database, claims: &Claims, caller: Caller) -> Result<Option<Caller>> {
    let tenant_pk = match claims.tenant_scope {
        true => {
            let id = claims.tenant_id.as_deref().unwrap_or_default();
            match tenant_within(db, caller.organization_pk, id).await? {
                Some(pk) => Some(pk),
                None => return Ok(None),
            }
        }
        false => None,
    };
    let scope = claims.scope.as_deref().unwrap_or_default();
    let derived = Derived {
        permissions: claims.limited.then(|| caller.catalogue.from_stored(scope)),
        tenant_pk,
    };
    let mut rights = derived.narrow(caller.rights);
    if let Audience::Elsewhere(id) = &claims.aud {
        let Some(recipient) = caller.catalogue.recipient(id) else {
            return Ok(None);
        };
        rights = rights.only(recipient.permits(Permissions::all()));
    }
    Ok(Some(Caller {
        rights,
        derived: Some(derived),
        ..caller
    }))
}

async fn tenant_within(db: &Database, organization_pk: i64, id: &str) -> Result<Option<i64>> {
    let Some(id) = TenantId::existing(id) else {
        return Ok(None);
    };
    let statement = Statement::from_sql_and_values(
        db.backend(),
        "SELECT pk FROM tenants WHERE id = $1 AND organization_pk = $2",
        [id.as_str().into(), organization_pk.into()],
    );
    let pk: Option<Pk> = Pk::find_by_statement(statement).one(db.reader()).await?;
    Ok(pk.map(|row| row.pk))
}

#[derive(FromQueryResult)]
struct Pk {
    pk: i64,
}

/// One row per role; a user without roles has one row without a role.
#[derive(FromQueryResult)]
struct Row {
    api_key_pk: i64,
    key_permissions: Option<String>,
    expires_at: Option<Timestamp>,
    revoked_at: Option<Timestamp>,
    user_pk: i64,
    user_id: UserId,
    email: Option<Email>,
    email_verified_at: Option<Timestamp>,
    organization_pk: i64,
    organization_id: OrganizationId,
    tenant_pk: Option<i64>,
    tenant_id: Option<TenantId>,
    catalogue_version: i64,
    role_organization_pk: Option<i64>,
    role_product: Option<bool>,
    role_name: Option<String>,
    role_permissions: Option<String>,
    for_tenant_pk: Option<i64>,
}

/// The owner of the key that matches, by the key. `$2` is the time.
async fn key<const N: usize>(db: &Database, which: &str, values: [Value; N]) -> Result<Option<Caller>> {
    // First the owner, then its direct roles and its groups' roles: both parts use indexes, starting from that one row.
    let sql = format!(
        r"WITH owner AS (
              SELECT k.pk AS api_key_pk, k.permissions AS key_permissions, k.expires_at, k.revoked_at,
                     u.pk AS user_pk, u.id AS user_id, u.email, u.email_verified_at, u.organization_pk,
                     o.id AS organization_id, u.tenant_pk, t.id AS tenant_id,
                     (SELECT version FROM catalogue) AS catalogue_version
              FROM api_keys k
              JOIN users u ON u.pk = k.user_pk
              JOIN organizations o ON o.pk = u.organization_pk
              LEFT JOIN tenants t ON t.pk = u.tenant_pk
              WHERE {which} AND (k.revoked_at IS NULL OR k.revoked_at > $2) AND u.activated
          )
          SELECT owner.*,
                 r.organization_pk AS role_organization_pk, r.product AS role_product, r.name AS role_name,
                 r.permissions AS role_permissions, ur.tenant_pk AS for_tenant_pk
          FROM owner
          LEFT JOIN user_roles ur ON ur.user_pk = owner.user_pk
          LEFT JOIN roles r ON r.pk = ur.role_pk
          UNION ALL
          SELECT owner.*, r.organization_pk, r.product, r.name, r.permissions, gr.tenant_pk
          FROM owner
          JOIN group_members gm ON gm.user_pk = owner.user_pk
          JOIN group_roles gr ON gr.group_pk = gm.group_pk
          JOIN roles r ON r.pk = gr.role_pk"
    );
    let statement = Statement::from_sql_and_values(db.backend(), sql, values);
    let rows = Row::find_by_statement(statement).all(db.reader()).await?;
    let Some(first) = rows.first() else { return Ok(None) };
    let catalogue = catalogue::at(db.reader(), first.catalogue_version).await?;
    let (mut held, mut roles) = (Rights::default(), Roles::default());
    for row in &rows {
        let Some(name) = &row.role_name else { continue };
        let stored = row.role_permissions.as_deref().unwrap_or_default();
        held.add(
            row.for_tenant_pk,
            catalogue.of_role(row.role_organization_pk, name, stored),
        );
        if row.role_organization_pk.is_none() {
            roles.add(name, row.role_product.unwrap_or_default(), row.for_tenant_pk);
        }
    }
    let limits = Limits {
        permissions: first
            .key_permissions
            .as_deref()
            .map(|names| catalogue.from_stored(names)),
        // A key that was rotated with an overlap ends before it expires.
        ends_at: [first.expires_at, first.revoked_at].into_iter().flatten().min(),
    };
    Ok(Some(Caller {
        user_pk: first.user_pk,
        user_id: first.user_id.clone(),
        email: first.email.clone(),
        email_verified: first.email_verified_at.is_some(),
        organization_pk: first.organization_pk,
        organization_id: first.organization_id.clone(),
        tenant_pk: first.tenant_pk,
        tenant_id: first.tenant_id.clone(),
        roles,
        rights: limits.narrow(held),
        api_key_pk: Some(first.api_key_pk),
        session_pk: None,
        impersonator: None,
        limits,
        catalogue,
        derived: None,
    }))
}

/// The owner of the API key that a token was made from, and when the key ends. As with sessions, a token is invalid if
/// the key was revoked, if its user was deleted, or if its signing key is no longer valid.
async fn of_key(
    db: &Database,
    id: &str,
    sub: &UserId,
    kid: &str,
    now: Timestamp,
) -> Result<Option<(Caller, Option<Timestamp>)>> {
    let Some(id) = ApiKeyId::existing(id) else {
        return Ok(None);
    };
    let which = "k.id = $1 AND u.id = $3 AND EXISTS (
                     SELECT 1 FROM signing_keys s WHERE s.id = $4 AND (s.ends_at IS NULL OR s.ends_at > $2))";
    let values = [id.as_str().into(), now.micros().into(), sub.as_str().into(), kid.into()];
    let found = key(db, which, values).await?;
    Ok(found.map(|caller| {
        let ends_at = caller.limits.ends_at;
        (caller, ends_at)
    }))
}

/// An active session, with the credential that started it if it is an impersonation.
#[derive(FromQueryResult)]
struct SessionRow {
    pk: i64,
    user_pk: i64,
    impersonator_pk: Option<i64>,
    parent_pk: Option<i64>,
    api_key_pk: Option<i64>,
    expires_at: Timestamp,
}

/// The user of a session, and when the session ends.
async fn of_session(
    db: &Database,
    sid: &str,
    sub: &UserId,
    kid: &str,
    now: Timestamp,
) -> Result<Option<(Caller, Option<Timestamp>)>> {
    let Some(sid) = SessionId::existing(sid) else {
        return Ok(None);
    };
    let Some(row) = session_row(db, &sid, sub, kid, now).await? else {
        return Ok(None);
    };
    let reader = db.reader();
    let Some(mut caller) = caller_of(reader, row.user_pk).await? else {
        return Ok(None);
    };
    if let Some(impersonator_pk) = row.impersonator_pk {
        let begun = Begun {
            impersonator_pk,
            session_pk: row.parent_pk,
            api_key_pk: row.api_key_pk,
        };
        match begun_by(reader, begun, caller).await? {
            Some(target) => caller = target,
            None => return Ok(None),
        }
    }
    caller.session_pk = Some(row.pk);
    Ok(Some((caller, Some(row.expires_at))))
}

/// The row decides, not the token: a session is invalid if it was ended, if its user was deleted (a new user with the
/// same id is another user), or if its signing key is no longer valid. An impersonation ends with the credential that
/// started it.
async fn session_row(
    db: &Database,
    sid: &SessionId,
    sub: &UserId,
    kid: &str,
    now: Timestamp,
) -> Result<Option<SessionRow>> {
    let statement = Statement::from_sql_and_values(
        db.backend(),
        r"SELECT s.pk, s.user_pk, s.impersonator_pk, s.parent_pk, s.api_key_pk, s.expires_at
          FROM sessions s
          JOIN users u ON u.pk = s.user_pk
          JOIN signing_keys k ON k.id = $2
          LEFT JOIN sessions p ON p.pk = s.parent_pk
          LEFT JOIN api_keys a ON a.pk = s.api_key_pk
          WHERE s.id = $1 AND u.id = $3 AND s.ended_at IS NULL AND s.expires_at > $4
            AND (k.ends_at IS NULL OR k.ends_at > $4)
            AND (s.parent_pk IS NULL OR (p.ended_at IS NULL AND p.expires_at > $4))
            AND (a.revoked_at IS NULL OR a.revoked_at > $4) AND (a.expires_at IS NULL OR a.expires_at > $4)",
        [
            sid.as_str().into(),
            kid.into(),
            sub.as_str().into(),
            now.micros().into(),
        ],
    );
    Ok(SessionRow::find_by_statement(statement).one(db.reader()).await?)
}
