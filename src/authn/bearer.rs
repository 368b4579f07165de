//! Resolves the `Authorization` header to a caller: an API key or a session token, possibly with impersonation.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use moka::sync::Cache;

use super::look_up::{by_key, by_token};
use super::{Activity, SigningKeys};
use crate::model::error::{Error, Result};
use crate::model::{Actor, Caller, Faces, Timestamp, digest};
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
    /// An access token, judged by its form.
    Token(&'a str),
    /// A header in an unsupported format.
    Unreadable,
}

/// Reads `Authorization: Bearer <key or token>` or, for Kili's clients, `Authorization: X-API-Key: <key>`; schemes are
/// case-insensitive. `faces` are those that are on.
pub fn credential(header: Option<&[u8]>, faces: Faces) -> Credential<'_> {
    let Some(header) = header else { return Credential::None };
    let Ok(header) = std::str::from_utf8(header) else {
        return Credential::Unreadable;
    };
    let is_known = |scheme: &str| {
        let of_kili = || faces.contains(Faces::KILI) && scheme.eq_ignore_ascii_case("x-api-key:");
        scheme.eq_ignore_ascii_case("bearer") || of_kili()
    };
    match header.split_once(' ') {
        Some((scheme, key)) if is_known(scheme) => {
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

/// Whose access tokens are accepted. API keys are for everybody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accepted<'a> {
    /// Only those for this server.
    Own,
    /// Also those for this resource server.
    OwnAnd(&'a str),
    /// Those for every resource server.
    All,
}

impl Accepted<'_> {
    fn includes(self, elsewhere: Option<&str>) -> bool {
        match (self, elsewhere) {
            (_, None) | (Self::All, _) => true,
            (Self::OwnAnd(this), Some(id)) => this == id,
            (Self::Own, Some(_)) => false,
        }
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
    /// When the credential expires.
    ends_at: Option<Timestamp>,
    /// The resource server that it is for, if it is not for this server.
    elsewhere: Option<String>,
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
    /// deactivated, always with the same message; likewise for session tokens, and for those of a resource server that is
    /// not accepted.
    pub async fn actor(
        &self,
        db: &Database,
        signing: &SigningKeys,
        credential: Credential<'_>,
        accepted: Accepted<'_>,
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
                let read_at = Instant::now();
                let found = match credential {
                    Credential::Token(token) => by_token(db, signing, token, now).await?,
                    Credential::Key(_) | Credential::None | Credential::Unreadable => by_key(db, &digest, now).await?,
                };
                let found = found.ok_or_else(|| refused(credential))?;
                let found = Arc::new(Remembered {
                    generation,
                    read_at,
                    caller: Arc::new(found.caller),
                    ends_at: found.ends_at,
                    elsewhere: found.elsewhere,
                });
                self.remembered.insert(digest, Arc::clone(&found));
                found
            }
        };
        let is_over = found.ends_at.is_some_and(|end| end <= now);
        if is_over || !accepted.includes(found.elsewhere.as_deref()) {
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
            Credential::Token(_) => {
                "This access token is not valid. It may have expired, its session may have ended, or it is not for \
                 this server."
            }
            Credential::Key(_) | Credential::None | Credential::Unreadable => {
                "This API key is not valid. It may be mistyped, revoked or expired."
            }
        }
        .to_owned(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Limits, OrganizationId, Rights, Roles, UserId};

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
            derived: None,
        });
        for (key, age, known) in [("new", Duration::ZERO, true), ("slow", REMEMBERED, false)] {
            let remembered = Remembered {
                generation: 0,
                read_at: Instant::now().checked_sub(age).unwrap(),
                caller: Arc::clone(&caller),
                ends_at: None,
                elsewhere: None,
            };
            credentials.remembered.insert(key.to_owned(), Arc::new(remembered));
            assert_eq!(credentials.known(key, 0).is_some(), known, "{key}");
        }
    }
}
