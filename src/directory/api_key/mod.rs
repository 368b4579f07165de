//! API keys: a user's long-lived credentials.
//!
//! The secret is shown once, when the key is made or rotated; only its digest is kept. Keys are their owner's alone: nobody
//! else lists, rotates or revokes them. Making one needs `write:access_key`; revoking one's own needs nothing. A key can
//! be limited to some of its owner's permissions, and a key that makes keys never makes one that can do more, or lasts
//! longer, than itself. Names are unique per user among the keys in force.
//!
//! Rotation gives the new key the name at once and lets the old one end a little later: its `revokedAt` then lies ahead.

mod create;
mod read;
mod revoke;
mod rotate;

pub use create::{NewApiKey, NewSecret, create, create_for};
pub use read::{Target, Term};
pub use revoke::revoke;
pub use rotate::rotate;

use crate::list::{orders, record};
use crate::model::{ApiKeyId, Timestamp};
use crate::store::entity::api_key::{self as table, Column};

record! {
    /// An API key, without its secret, which nobody has but its owner.
    ApiKey, ApiKeyFields, ApiKeyFieldNumber of ApiKey {
        always {
            pk: i64 = Pk,
            id: ApiKeyId = Id,
            user_pk: i64 = UserPk,
        }
        NAME name: String = Name,
        DESCRIPTION description: Option<String> = Description,
        PREFIX prefix: String = Prefix,
        /// The stored form of the permissions it is limited to; `None`: all of its owner's.
        PERMISSIONS permissions: Option<String> = Permissions,
        EXPIRES_AT expires_at: Option<Timestamp> = ExpiresAt,
        REVOKED_AT revoked_at: Option<Timestamp> = RevokedAt,
        LAST_USED_AT last_used_at: Option<Timestamp> = LastUsedAt,
        CREATED_AT created_at: Timestamp = CreatedAt,
        UPDATED_AT updated_at: Timestamp = UpdatedAt,
    }
}

orders! {
    ApiKey, ApiKeyFields {
        CreatedAt: CREATED_AT CreatedAt created_at,
        UpdatedAt: UPDATED_AT UpdatedAt updated_at,
        Name: NAME Name name,
    }
}
