//! Sessions of users who have signed in or are impersonated.
//!
//! A session has a short-lived access token, which contains its id, and a refresh token for the next one. The session's
//! row decides: it is looked up whenever the access token is used, so an ended session is refused with the next request
//! on this process, and within a second on every other.
//!
//! - Users can see and end their own sessions: those in which they are the user, and those in which they impersonate
//!   one. Callers with `write:user` can see and end those of the users whom they may change.
//! - Deactivating or deleting a user, or moving it to another organization, ends its sessions at once; a new password
//!   ends them too, except the one that set it.
//! - An impersonation ends with the credential that started it, and as soon as the impersonator loses the permission.
//! - A session is verified if it began with a password that was set with a link mailed to the user's address, and for as
//!   long as that password is in force. Only in a verified session, users see their accounts in other organizations
//!   and switch to them ([`accounts()`]).
//!
//! # Refresh tokens
//!
//! A token is `tnr_`, then a random part that is the same in all tokens of a session, then a part that changes with
//! each refresh. The digest of the first part is stored and used for the look-up; the second part is a keyed digest of
//! the session, its `generation` and the first part. So the database contains nothing that is a token or could be
//! turned into one, and yet every token that the session ever had is recognized. Any token but the current one is a
//! stolen copy, or the original after the copy was used, and ends the session for both.
//!
//! But a response can get lost. Therefore, for ten seconds after a refresh, the previous token gives exactly the same
//! successor again, and nothing changes in the database: two concurrent requests get the same token, and neither is
//! taken for theft. A thief who uses this time has the same token as the owner, and is detected when the second of them
//! uses it.

mod accounts;
mod impersonate;
mod issue;
mod read;
mod refresh;
mod revoke;
mod sign_in;
mod sign_out;
mod switch;

pub use accounts::{Account, accounts};
pub use impersonate::{Impersonation, impersonate};
pub use issue::Tokens;
pub use read::{Term, may_read_reasons};
pub use refresh::refresh;
pub use revoke::{end_all, end_all_but, end_by_family, end_by_token, forgotten_before, revoke, revoke_all};
pub use sign_in::{SignIn, sign_in};
pub use sign_out::sign_out;
pub use switch::switch;

use crate::list::{orders, record};
use crate::model::{SessionId, Timestamp};
use crate::store::entity::session::{self as table, Column};

record! {
    /// A session, without its tokens.
    Session, SessionFields, SessionFieldNumber of Session scoped {
        always {
            pk: i64 = Pk,
            id: SessionId = Id,
            user_pk: i64 = UserPk,
            /// The impersonator.
            impersonator_pk: Option<i64> = ImpersonatorPk,
        }
        REASON reason: Option<String> = Reason,
        EXPIRES_AT expires_at: Timestamp = ExpiresAt,
        ENDED_AT ended_at: Option<Timestamp> = EndedAt,
        CREATED_AT created_at: Timestamp = CreatedAt,
        UPDATED_AT updated_at: Timestamp = UpdatedAt,
    }
}

orders! {
    Session, SessionFields {
        UpdatedAt: UPDATED_AT UpdatedAt updated_at,
    }
}
