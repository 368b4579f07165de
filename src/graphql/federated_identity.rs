//! Federated identities in the schema, as a field of users.

use async_graphql::{InputObject, SimpleObject};

use crate::directory::federated_identity::FederatedIdentity;

/// A user's identity at another identity provider.
#[derive(Clone, Debug, SimpleObject)]
#[graphql(name = "FederatedIdentity")]
pub struct FederatedIdentityObject {
    /// The provider, for example `google`. A user has at most one identity per provider.
    pub identity_provider: String,
    /// The user's id with the provider.
    pub user_id: String,
    /// The user's name with the provider.
    pub user_name: String,
}

impl From<&FederatedIdentity> for FederatedIdentityObject {
    fn from(one: &FederatedIdentity) -> Self {
        Self {
            identity_provider: one.identity_provider.clone(),
            user_id: one.user_id.clone(),
            user_name: one.user_name.clone(),
        }
    }
}

/// A user's identity at another identity provider.
#[derive(Clone, Debug, InputObject)]
pub struct FederatedIdentityData {
    /// The provider, for example `google`: 1 to 255 characters. A user can have at most one identity per provider.
    identity_provider: String,
    /// The user's id with the provider: 1 to 255 characters.
    user_id: String,
    /// The user's name with the provider: 1 to 255 characters.
    user_name: String,
}

impl From<FederatedIdentityData> for FederatedIdentity {
    fn from(data: FederatedIdentityData) -> Self {
        Self {
            identity_provider: data.identity_provider,
            user_id: data.user_id,
            user_name: data.user_name,
        }
    }
}
