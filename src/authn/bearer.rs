//! From the `Authorization` header to a caller.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use moka::sync::Cache;
use sea_orm::{ConnectionTrait, FromQueryResult, Statement};

use super::{Activity, Actor, Caller, digest};
use crate::db::Database;
use crate::error::{Error, Result};
use crate::permission::Permissions;
use crate::role::BuiltIn;
use crate::value::{Email, OrganizationId, Timestamp, UserId};

/// How long another process's revocation may go unnoticed here; this process forgets at once. The limit is a second.
const REMEMBERED: Duration = Duration::from_millis(500);
const REMEMBERED_MAX: u64 = 10_000;

/// What a request brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credential<'a> {
    /// No `Authorization` header.
    None,
    Key(&'a str),
    /// A header that is none of the accepted forms.
    Unreadable,
}

/// Reads `Authorization: Bearer <key>` or `Authorization: X-API-Key: <key>`; schemes compare without case.
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
            } else {
                Credential::Key(key)
            }
        }
        _ => Credential::Unreadable,
    }
}

/// Turns credentials into actors, and remembers what it found for half a second.
#[derive(Clone, Debug)]
pub struct Credentials {
    remembered: Cache<String, Arc<Remembered>>,
    /// Counts the changes of anybody's access. What was read before the latest of them is void, also when the reading
    /// ends after it.
    generation: Arc<AtomicU64>,
    activity: Activity,
}

#[derive(Debug)]
struct Remembered {
    generation: u64,
    caller: Caller,
    /// When it expires or, rotated, is revoked: whichever comes first.
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
    /// Who calls. `UNAUTHENTICATED` for a key that is unknown, revoked or expired, or whose owner is deactivated, all in
    /// the same words.
    pub async fn actor(&self, db: &Database, credential: Credential<'_>, now: Timestamp) -> Result<Actor> {
        let key = match credential {
            Credential::None => return Ok(Actor::Anonymous),
            Credential::Unreadable => {
                return Err(Error::Unauthenticated(
                    "The Authorization header is not understood. Send 'Authorization: Bearer <API key>'.".to_owned(),
                ));
            }
            Credential::Key(key) => key,
        };
        let digest = digest(key);
        let generation = self.generation.load(Ordering::Acquire);
        let found = match self
            .remembered
            .get(&digest)
            .filter(|found| found.generation == generation)
        {
            Some(found) => found,
            None => {
                let found = Arc::new(look_up(db, &digest, generation, now).await?.ok_or_else(refused)?);
                self.remembered.insert(digest, Arc::clone(&found));
                found
            }
        };
        if found.ends_at.is_some_and(|end| end <= now) {
            return Err(refused());
        }
        self.activity.note(&found.caller, now);
        Ok(Actor::User(found.caller.clone()))
    }

    /// When keys and users were last seen.
    pub fn activity(&self) -> &Activity {
        &self.activity
    }

    /// Forgets everything: somebody's access has changed.
    pub fn forget(&self) {
        self.generation.fetch_add(1, Ordering::AcqRel);
    }
}

fn refused() -> Error {
    Error::Unauthenticated("This API key is not valid. It may be mistyped, revoked or expired.".to_owned())
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
    organization_pk: i64,
    organization_id: OrganizationId,
    tenant_pk: Option<i64>,
    role_organization_pk: Option<i64>,
    role_name: Option<String>,
    role_permissions: Option<String>,
}

async fn look_up(db: &Database, digest: &str, generation: u64, now: Timestamp) -> Result<Option<Remembered>> {
    let statement = Statement::from_sql_and_values(
        db.backend(),
        r"SELECT k.pk AS api_key_pk, k.permissions AS key_permissions, k.expires_at, k.revoked_at,
                 u.pk AS user_pk, u.id AS user_id, u.email, u.organization_pk, o.id AS organization_id, u.tenant_pk,
                 r.organization_pk AS role_organization_pk, r.name AS role_name, r.permissions AS role_permissions
          FROM api_keys k
          JOIN users u ON u.pk = k.user_pk
          JOIN organizations o ON o.pk = u.organization_pk
          LEFT JOIN user_roles ur ON ur.user_pk = u.pk
          LEFT JOIN roles r ON r.pk = ur.role_pk
          WHERE k.digest = $1 AND (k.revoked_at IS NULL OR k.revoked_at > $2) AND u.activated",
        [digest.into(), now.micros().into()],
    );
    let rows = db.reader().query_all_raw(statement).await?;
    let rows: Vec<Row> = rows
        .iter()
        .map(|row| Row::from_query_result(row, ""))
        .collect::<Result<_, _>>()?;
    let Some(first) = rows.first() else { return Ok(None) };
    let mut permissions = rows
        .iter()
        .filter_map(role_permissions)
        .fold(Permissions::empty(), |all, some| all | some);
    if let Some(only) = &first.key_permissions {
        // A key limited to some permissions still reaches as far as its owner does.
        permissions &= Permissions::from_stored(only) | Permissions::EVERY_ORGANIZATION;
    }
    Ok(Some(Remembered {
        generation,
        caller: Caller {
            user_pk: first.user_pk,
            user_id: first.user_id.clone(),
            email: first.email.clone(),
            organization_pk: first.organization_pk,
            organization_id: first.organization_id.clone(),
            tenant_pk: first.tenant_pk,
            permissions,
            api_key_pk: Some(first.api_key_pk),
        },
        ends_at: [first.expires_at, first.revoked_at].into_iter().flatten().min(),
    }))
}

fn role_permissions(row: &Row) -> Option<Permissions> {
    let name = row.role_name.as_deref()?;
    match row.role_organization_pk {
        None => BuiltIn::named(name).map(BuiltIn::permissions),
        Some(_) => row.role_permissions.as_deref().map(Permissions::from_stored),
    }
}
