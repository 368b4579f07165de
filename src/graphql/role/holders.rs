//! The users who have a role, and the groups that give it.

use std::collections::HashMap;

use crate::authz::Granted;
use crate::context::OpContext;
use crate::directory::group::{self, Group};
use crate::directory::role::{HOLDERS_COUNTED_MAX, Having};
use crate::directory::user::{self, User};
use crate::graphql::group::GroupObject;
use crate::graphql::user::UserObject;
use crate::graphql::{Nested, Selection, listing};
use crate::list::{self, Link};
use crate::model::error::Result;

/// The relations of a page of roles to users and groups.
#[derive(Default)]
pub struct Holders {
    users: HashMap<i64, Nested<UserObject>>,
    groups: HashMap<i64, Nested<GroupObject>>,
    /// `None` if the caller may not count them.
    user_counts: Option<HashMap<i64, i64>>,
    group_counts: Option<HashMap<i64, i64>>,
}

impl Holders {
    pub async fn load(op: &OpContext, role_pks: &[i64], selection: &Selection<'_>) -> Result<Self> {
        let mut holders = Self::default();
        if selection.has("users") {
            let link = Having::seen_by_caller(op).link();
            let granted = user::readable(op).map(Granted::for_list);
            holders.users = listing::nest_linked::<User>(op, selection, "users", granted, link, role_pks).await?;
        }
        if selection.has("userCount") {
            holders.user_counts = Having::seen_by_caller(op).count(op, role_pks).await?;
        }
        let of_groups = || group::readable(op).map(Granted::for_list);
        if selection.has("groups") {
            let granted = of_groups();
            let link = Link::Several(Box::new(group::giving_roles(granted.as_ref().ok())));
            holders.groups = listing::nest_linked::<Group>(op, selection, "groups", granted, link, role_pks).await?;
        }
        if selection.has("groupCount")
            && let Ok(granted) = of_groups()
        {
            let several = group::giving_roles(Some(&granted));
            let counts = list::count_for_parents::<Group>(op, &several, &granted, role_pks, HOLDERS_COUNTED_MAX);
            holders.group_counts = Some(counts.await?);
        }
        Ok(holders)
    }

    pub fn users(&self, role_pk: i64) -> Nested<UserObject> {
        self.users.get(&role_pk).cloned().unwrap_or_default()
    }

    pub fn groups(&self, role_pk: i64) -> Nested<GroupObject> {
        self.groups.get(&role_pk).cloned().unwrap_or_default()
    }

    pub fn user_count(&self, role_pk: i64) -> Option<i64> {
        count(self.user_counts.as_ref(), role_pk)
    }

    pub fn group_count(&self, role_pk: i64) -> Option<i64> {
        count(self.group_counts.as_ref(), role_pk)
    }
}

fn count(counts: Option<&HashMap<i64, i64>>, role_pk: i64) -> Option<i64> {
    counts.map(|counts| counts.get(&role_pk).copied().unwrap_or_default())
}
