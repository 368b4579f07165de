//! `Organization.stats` and `seatsUsed`.

use std::collections::HashMap;

use async_graphql::SimpleObject;

use crate::context::OpContext;
use crate::directory::organization::{self, Stats};

/// How many objects an organization has.
#[derive(Clone, Copy, Debug, SimpleObject)]
pub struct OrganizationStats {
    /// Number of users. It costs the same for a large organization as for a small one.
    pub users: i64,
    /// Number of activated users.
    pub activated: i64,
    /// Number of tenants.
    pub tenants: i64,
    /// Number of groups.
    pub groups: i64,
    /// Number of its own roles, without built-in and product-wide ones.
    pub roles: i64,
    /// Number of invitations that can still be accepted.
    pub pending_invitations: i64,
}

impl From<Stats> for OrganizationStats {
    fn from(stats: Stats) -> Self {
        Self {
            users: stats.users,
            activated: stats.activated,
            tenants: stats.tenants,
            groups: stats.groups,
            roles: stats.roles,
            pending_invitations: stats.pending_invitations,
        }
    }
}

/// The number of used seats, for callers that may read organizations.
pub async fn seats_used(op: &OpContext, keys: &[i64]) -> crate::model::error::Result<Option<HashMap<i64, i64>>> {
    if crate::directory::organization::readable(op).is_err() {
        return Ok(None);
    }
    organization::seats_used(op.db().reader(), keys).await.map(Some)
}
