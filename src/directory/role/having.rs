//! The users who have roles, for the lists and counts of roles.

use std::collections::HashMap;

use super::sight::Sight;
use crate::context::OpContext;
use crate::directory::user::{self, User};
use crate::list::{self, Link};
use crate::model::error::Result;

/// A count goes no further than this.
pub const HOLDERS_COUNTED_MAX: u64 = 10_001;

/// The users who have roles, as far as the caller may know: directly or through a group, for the whole organization or for
/// a tenant.
#[derive(Debug)]
pub struct Having(Sight);

impl Having {
    pub fn seen_by_caller(op: &OpContext) -> Self {
        Self(Sight::of(op))
    }

    /// How they are linked to their roles.
    pub fn link(&self) -> Link<User> {
        Link::Several(Box::new(self.0.several()))
    }

    /// How many there are for each of these roles, at most [`HOLDERS_COUNTED_MAX`]; `None` for a caller who may know only its
    /// own roles.
    pub async fn count(&self, op: &OpContext, role_pks: &[i64]) -> Result<Option<HashMap<i64, i64>>> {
        if !self.0.reaches_others() {
            return Ok(None);
        }
        let granted = user::readable(op)?.for_list();
        let several = self.0.several();
        let counts = list::count_for_parents::<User>(op, &several, &granted, role_pks, HOLDERS_COUNTED_MAX);
        Ok(Some(counts.await?))
    }
}
