//! Federated identities: who a user is to other identity providers.
//!
//! They are data that administrators set with the user; nobody signs in by them here. A user has at most one identity
//! with each provider. A user with such identities and without a password signs in elsewhere only, so there is nothing
//! to reset.

mod read;
mod replace;

pub use read::{is_only_federated, of_users};
pub use replace::{parse, replace_in_txn};

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
