//! Federated identities: a user's identities with other identity providers.
//!
//! Administrators set them with the user; they cannot be used to sign in here. A user has at most one identity per
//! provider. A user with such identities and without a password signs in only elsewhere, so there is no password to
//! reset.

mod read;
mod replace;

pub use read::{is_only_federated, of_users};
pub use replace::{insert_in_txn, parse, replace_in_txn};

/// One identity with one provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FederatedIdentity {
    /// The provider, as in `google`.
    pub identity_provider: String,
    /// The user's id there.
    pub user_id: String,
    /// The user's name there.
    pub user_name: String,
}
