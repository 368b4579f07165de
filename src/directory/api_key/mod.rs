//! API keys: a user's long-lived credentials.
//!
//! The secret is shown once, when the key is created or rotated; only its digest is stored. People create and rotate
//! their own keys, which requires `write:access_key`; revoking one requires no permission. Administrators create and
//! rotate the keys of services, with `write:access_key` and `write:user`, never with more than they may do themselves.
//! They list and revoke the keys of all users whom they may change. A key can be limited to some of its owner's
//! permissions. A key that creates another key cannot give it more permissions or a later expiry than its own. Names
//! are unique among a user's active keys.
//!
//! A key that is created while impersonating expires in 90 days, unless another date is given, and names who made it.
//!
//! Rotation gives the new key the name at once, and lets the old one expire a little later: its `revokedAt` is then in
//! the future.

mod create;
mod read;
mod revoke;
mod rotate;

pub use create::{NewApiKey, NewSecret, create, create_for, create_for_service};
pub use read::{Target, Term};
pub use revoke::{revoke, revoke_by_secret, revoke_of_user};
pub use rotate::rotate;

use crate::list::{orders, record};
use crate::model::{ApiKeyId, Timestamp};
use crate::store::entity::api_key::{self as table, Column};

record! {
    /// An API key, without its secret, which only the owner has.
    ApiKey, ApiKeyFields, ApiKeyFieldNumber of ApiKey scoped {
        always {
            pk: i64 = Pk,
            id: ApiKeyId = Id,
            user_pk: i64 = UserPk,
            /// Who really made it.
            creator_pk: Option<i64> = CreatorPk,
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
        UpdatedAt: UPDATED_AT UpdatedAt updated_at,
        Name: NAME Name name,
    }
}
