//! Resolves the `Authorization` header to a caller: an API key or a session token, possibly with impersonation.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use moka::sync::Cache;
use sea_orm::{FromQueryResult, Statement};

use super::caller::caller_of;
use super::impersonation::{Begun, begun_by};
use super::{Activity, SigningKeys};
use crate::model::error::{Error, Result};
use crate::model::{Actor, Caller, Limits, digest};
use crate::model::{Email, OrganizationId, SessionId, Timestamp, UserId};
use crate::model::{Rights, Roles, TenantId};
use crate::store::catalogue;
use crate::store::db::Database;

/// How long credentials are cached, and so how long a revocation by another process may go unnoticed. Revocations in
/// this process take effect at once. The documented limit is a second.
const REMEMBERED: Duration = Duration::from_millis(500);
const REMEMBERED_MAX: u64 = 10_000;

/// The credential of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Credential<'a> {
    /// No `Authorization` header.
    None,
    Key(&'a str),
    /// A session token, judged by its form.
    Token(&'a str),
    /// A header in an unsupported format.
    Unreadable,
}

/// Reads `Authorization: Bearer <key or token>` or `Authorization: X-API-Key: <key>`; schemes are case-insensitive.
pub fn credential(header: Option<&[u8]>) -> Credential<'_> {
    let Some(header) = header else { return Credential::None };
    let Ok(header) = std::str::from_utf8(header) else {
        return Credential::Unreadable;
    };
    match header.split_once(' ') {
        Some((scheme, key)) if scheme.eq_ignore_ascii_case("bearer") || scheme.eq_ignore_ascii_case("x-api-key:") => {
            let key = key.trim();
            if key.is_empty() {
                Credential::Unreadable
            } else if key.starts_with("eyJ") && key.bytes().filter(|byte| *byte == b'.').count() == 2 {
                Credential::Token(key)
            } else {
                Credential::Key(key)
            }
        }
        _ => Credential::Unreadable,
    }
}

/// Resolves credentials to actors, with a cache of half a second.
#[derive(Clone, Debug)]
pub struct Credentials {
    remembered: Cache<String, Arc<Remembered>>,
    /// Counts all changes of access. Everything read before the latest of them is stale, even if reading ends after it.
    generation: Arc<AtomicU64>,
    activity: Activity,
}

#[derive(Debug)]
struct Remembered {
    generation: u64,
    /// When its reading began: on a busy database, reading takes a part of the time that it may be used for.
    read_at: Instant,
    caller: Arc<Caller>,
    /// When the key expires or, after a rotation, is revoked, whichever comes first; for a session, when the token or
    /// the session expires.
    ends_at: Option<Timestamp>,
}

impl Default for Credentials {
    fn default() -> Self {
        Self {
            remembered: Cache::builder()
                .max_capacity(REMEMBERED_MAX)
                .time_to_live(REMEMBERED)
                .build(),
            generation: Arc::default(),
            activity: Activity::default(),
        }
    }
}

impl Credentials {
    /// Resolves the caller. `UNAUTHENTICATED` for a key that is unknown, revoked or expired, or whose owner is
    /// deactivated, always with the same message; likewise for session tokens.
    pub async fn actor(
        &self,
        db: &Database,
        signing: &SigningKeys,
        credential: Credential<'_>,
        now: Timestamp,
    ) -> Result<Actor> {
        let text = match credential {
            Credential::None => return Ok(Actor::Anonymous),
            Credential::Unreadable => {
                return Err(Error::Unauthenticated(
                    "The Authorization header is malformed. Send 'Authorization: Bearer <API key>'.".to_owned(),
                ));
            }
            Credential::Key(text) | Credential::Token(text) => text,
        };
        let digest = digest(text);
        let generation = self.generation.load(Ordering::Acquire);
        let found = match self.known(&digest, generation) {
            Some(found) => found,
            None => {
                let found = match credential {
                    Credential::Token(token) => look_up_session(db, signing, token, generation, now).await?,
                    Credential::Key(_) | Credential::None | Credential::Unreadable => {
                        look_up(db, &digest, generation, now).await?
                    }
                };
                let found = Arc::new(found.ok_or_else(|| refused(credential))?);
                self.remembered.insert(digest, Arc::clone(&found));
                found
            }
        };
        if found.ends_at.is_some_and(|end| end <= now) {
            return Err(refused(credential));
        }
        self.activity.note(&found.caller, now);
        Ok(Actor::User(Arc::clone(&found.caller)))
    }

    fn known(&self, key: &str, generation: u64) -> Option<Arc<Remembered>> {
        let found = self.remembered.get(key)?;
        (found.generation == generation && found.read_at.elapsed() < REMEMBERED).then_some(found)
    }

    /// When keys and users were last used.
    pub fn activity(&self) -> &Activity {
        &self.activity
    }

    /// Clears the cache, because somebody's access has changed.
    pub fn forget(&self) {
        self.generation.fetch_add(1, Ordering::AcqRel);
    }
}

fn refused(credential: Credential<'_>) -> Error {
    Error::Unauthenticated(
        match credential {
            Credential::Token(_) => "This session token is not valid. It may have expired, or its session ended.",
            Credential::Key(_) | Credential::None | Credential::Unreadable => {
                "This API key is not valid. It may be mistyped, revoked or expired."
            }
        }
        .to_owned(),
    )
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

async fn look_up(db: &Database, digest: &str, generation: u64, now: Timestamp) -> Result<Option<Remembered>> {
    let statement = Statement::from_sql_and_values(
        db.backend(),
        // First the owner, then its direct roles and its groups' roles: both parts use indexes, starting from that one
        // row.
        r"WITH owner AS (
              SELECT k.pk AS api_key_pk, k.permissions AS key_permissions, k.expires_at, k.revoked_at,
                     u.pk AS user_pk, u.id AS user_id, u.email, u.email_verified_at, u.organization_pk,
                     o.id AS organization_id, u.tenant_pk, t.id AS tenant_id,
                     (SELECT version FROM catalogue) AS catalogue_version
              FROM api_keys k
              JOIN users u ON u.pk = k.user_pk
              JOIN organizations o ON o.pk = u.organization_pk
              LEFT JOIN tenants t ON t.pk = u.tenant_pk
              WHERE k.digest = $1 AND (k.revoked_at IS NULL OR k.revoked_at > $2) AND u.activated
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
          JOIN roles r ON r.pk = gr.role_pk",
        [digest.into(), now.micros().into()],
    );
    let read_at = Instant::now();
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
    Ok(Some(Remembered {
        generation,
        read_at,
        caller: Arc::new(Caller {
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
        }),
        ends_at: limits.ends_at,
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

async fn look_up_session(
    db: &Database,
    signing: &SigningKeys,
    token: &str,
    generation: u64,
    now: Timestamp,
) -> Result<Option<Remembered>> {
    let read_at = Instant::now();
    let Some((claims, kid)) = signing.verify(db, token, now).await? else {
        return Ok(None);
    };
    let (Some(sid), Some(sub)) = (SessionId::existing(&claims.sid), UserId::existing(&claims.sub)) else {
        return Ok(None);
    };
    let Some(row) = session_row(db, &sid, &sub, &kid, now).await? else {
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
    let token_ends = Timestamp::from_micros(claims.exp.saturating_mul(1_000_000));
    Ok(Some(Remembered {
        generation,
        read_at,
        caller: Arc::new(caller),
        ends_at: Some(token_ends.min(row.expires_at)),
    }))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_reading_counts() {
        let credentials = Credentials::default();
        let caller = Arc::new(Caller {
            user_pk: 1,
            user_id: UserId::existing("ada").unwrap(),
            email: None,
            email_verified: false,
            organization_pk: 1,
            organization_id: OrganizationId::existing("acme").unwrap(),
            tenant_pk: None,
            tenant_id: None,
            roles: Roles::default(),
            rights: Rights::default(),
            api_key_pk: None,
            session_pk: None,
            impersonator: None,
            limits: Limits::default(),
            catalogue: Arc::default(),
        });
        for (key, age, known) in [("new", Duration::ZERO, true), ("slow", REMEMBERED, false)] {
            let remembered = Remembered {
                generation: 0,
                read_at: Instant::now().checked_sub(age).unwrap(),
                caller: Arc::clone(&caller),
                ends_at: None,
            };
            credentials.remembered.insert(key.to_owned(), Arc::new(remembered));
            assert_eq!(credentials.known(key, 0).is_some(), known, "{key}");
        }
    }
}
