//! Sessions: a user who has signed in, or whom somebody impersonates.
//!
//! A session gives a short-lived access token, which names it, and a refresh token for the next one. The session's row
//! decides: it is looked up whenever the access token is used, so a session that is ended is refused at the next call
//! on this process and within a second on every other.
//!
//! - Everybody sees and ends their own sessions: those in which they are the user, and those in which they impersonate
//!   one. Nobody else's.
//! - Deactivating or deleting a user, or moving it to another organization, ends its sessions at once; a new password
//!   ends them too, but the one that set it.
//! - An impersonation ends with the credential it was begun with, and as soon as whoever began it may not any more.
//!
//! # Refresh tokens
//!
//! A token is `tnr_`, then a random part that is the same in all of one session's tokens, then a part that changes at each
//! refresh. Of the first part the digest is stored and looked up by; the second is a keyed digest of the session, its
//! `generation` and the first part. So nothing stored in the database is, or can be made into, a token, and still every
//! token that the session ever had is known for one of its own: any but the present one is a copy in strange hands, or the
//! original after the copy was used, and ends the session for both.
//!
//! But an answer can get lost. For ten seconds after a refresh the token before is therefore answered with the very
//! same successor, and nothing changes in the database: two requests that race get the same token, whichever comes first,
//! and none of them is taken for a thief. A thief who uses that time holds a token that the owner holds too, and is found
//! out when the second of them uses it.

mod impersonate;
mod issue;
mod read;
mod refresh;
mod revoke;
mod sign_in;
mod sign_out;

pub use impersonate::{Impersonation, impersonate};
pub use issue::Tokens;
pub use read::Term;
pub use refresh::refresh;
pub use revoke::{end_all, end_all_but, forgotten_before, revoke};
pub use sign_in::{SignIn, sign_in};
pub use sign_out::sign_out;

use crate::list::{orders, record};
use crate::model::{SessionId, Timestamp};
use crate::store::entity::session::{self as table, Column};

record! {
    /// A session, without its tokens.
    Session, SessionFields, SessionFieldNumber of Session {
        always {
            pk: i64 = Pk,
            id: SessionId = Id,
            user_pk: i64 = UserPk,
            /// Who impersonates the user.
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
        CreatedAt: CREATED_AT CreatedAt created_at,
        UpdatedAt: UPDATED_AT UpdatedAt updated_at,
    }
}
