//! A person's accounts in the schema, as a field of users.

use async_graphql::{ID, SimpleObject};

use crate::context::OpContext;
use crate::directory::session::Account;
use crate::graphql::DateTime;

/// An account that the caller has in an organization.
#[derive(Clone, Debug, SimpleObject)]
#[graphql(name = "Account")]
pub struct AccountObject {
    /// The id of its user, for `switchAccount`.
    pub user_id: ID,
    /// The id of its organization.
    pub organization_id: ID,
    /// The name of its organization.
    pub organization_name: String,
    /// Whether it is the account of this request.
    pub current: bool,
    /// When it last made a request, to the minute; null if never.
    pub last_seen_at: Option<DateTime>,
}

impl AccountObject {
    pub fn new(op: &OpContext, account: Account) -> Self {
        Self {
            current: op.actor().is(account.user_pk),
            user_id: ID(account.user_id.to_string()),
            organization_id: ID(account.organization_id.to_string()),
            organization_name: account.organization_name,
            last_seen_at: account.last_seen_at.map(DateTime),
        }
    }
}
