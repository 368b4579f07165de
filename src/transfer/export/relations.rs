//! What groups, users and invitations refer to: roles and groups with the time since when, sorted by id.

use std::collections::HashMap;

use sea_orm::{EntityTrait, QueryFilter};

use super::Source;
use crate::model::Timestamp;
use crate::model::error::Result;
use crate::store::entity::{
    any_of, federated_identity, group, group_member, group_role, invitation_role, user, user_role,
};
use crate::transfer::native::Line;

/// Objects in JSON, by the key of their owner.
pub type Lists = HashMap<i64, Vec<String>>;

/// An id, the tenant that it is for, and since when.
type Had = (String, Option<String>, Option<Timestamp>);

/// Sorts what each owner has by id and tenant, and makes JSON of it.
fn sorted(mut all: HashMap<i64, Vec<Had>>) -> Lists {
    let written = |(id, tenant, since): &Had| {
        let item = Line::list_item().text("id", id).text_if("tenantId", tenant.as_deref());
        item.time_if("since", *since).finish()
    };
    for list in all.values_mut() {
        list.sort();
    }
    all.iter()
        .map(|(owner, list)| (*owner, list.iter().map(written).collect()))
        .collect()
}

impl Source<'_> {
    pub(super) async fn roles_of_users(&self, users: &[i64]) -> Result<Lists> {
        let column = user_role::Column::UserPk;
        let rows = user_role::Entity::find().filter(any_of(self.backend(), column, users.iter().copied()));
        let mut all: HashMap<i64, Vec<_>> = HashMap::new();
        for row in rows.all(self.snapshot).await? {
            let tenant = self.tenant_id(row.tenant_pk).map(str::to_owned);
            let role = (self.role_id(row.role_pk).to_owned(), tenant, Some(row.created_at));
            all.entry(row.user_pk).or_default().push(role);
        }
        Ok(sorted(all))
    }

    pub(super) async fn roles_of_groups(&self, groups: &[i64]) -> Result<Lists> {
        let column = group_role::Column::GroupPk;
        let rows = group_role::Entity::find().filter(any_of(self.backend(), column, groups.iter().copied()));
        let mut all: HashMap<i64, Vec<_>> = HashMap::new();
        for row in rows.all(self.snapshot).await? {
            let tenant = self.tenant_id(row.tenant_pk).map(str::to_owned);
            let role = (self.role_id(row.role_pk).to_owned(), tenant, Some(row.created_at));
            all.entry(row.group_pk).or_default().push(role);
        }
        Ok(sorted(all))
    }

    pub(super) async fn groups_of_users(&self, users: &[i64]) -> Result<Lists> {
        let column = group_member::Column::UserPk;
        let rows = group_member::Entity::find().filter(any_of(self.backend(), column, users.iter().copied()));
        let rows = rows.all(self.snapshot).await?;
        let groups = rows.iter().map(|row| row.group_pk);
        let groups = group::Entity::find().filter(any_of(self.backend(), group::Column::Pk, groups));
        let groups = groups.all(self.snapshot).await?;
        let ids: HashMap<i64, String> = groups
            .into_iter()
            .map(|group| (group.pk, group.id.to_string()))
            .collect();
        let mut all: HashMap<i64, Vec<_>> = HashMap::new();
        for row in rows {
            let id = ids.get(&row.group_pk).cloned().unwrap_or_default();
            all.entry(row.user_pk)
                .or_default()
                .push((id, None, Some(row.created_at)));
        }
        Ok(sorted(all))
    }

    /// Those of invitations have no time: texts, and objects for single tenants.
    pub(super) async fn roles_of_invitations(&self, invitations: &[i64]) -> Result<Lists> {
        let column = invitation_role::Column::InvitationPk;
        let rows = invitation_role::Entity::find().filter(any_of(self.backend(), column, invitations.iter().copied()));
        let mut all: HashMap<i64, Vec<(String, Option<String>)>> = HashMap::new();
        for row in rows.all(self.snapshot).await? {
            let tenant = self.tenant_id(row.tenant_pk).map(str::to_owned);
            all.entry(row.invitation_pk)
                .or_default()
                .push((self.role_id(row.role_pk).to_owned(), tenant));
        }
        let written = |(id, tenant): &(String, Option<String>)| match tenant {
            None => serde_json::Value::from(id.as_str()).to_string(),
            Some(tenant) => Line::list_item().text("id", id).text("tenantId", tenant).finish(),
        };
        for list in all.values_mut() {
            list.sort();
        }
        Ok(all
            .iter()
            .map(|(owner, list)| (*owner, list.iter().map(written).collect()))
            .collect())
    }

    pub(super) async fn identities_of_users(&self, users: &[i64]) -> Result<Lists> {
        let column = federated_identity::Column::UserPk;
        let rows = federated_identity::Entity::find().filter(any_of(self.backend(), column, users.iter().copied()));
        let mut rows = rows.all(self.snapshot).await?;
        rows.sort_by(|a, b| a.identity_provider.cmp(&b.identity_provider));
        let mut all = Lists::new();
        for row in rows {
            let identity = Line::list_item()
                .text("identityProvider", &row.identity_provider)
                .text("userId", &row.user_id)
                .text("userName", &row.user_name);
            all.entry(row.user_pk).or_default().push(identity.finish());
        }
        Ok(all)
    }

    /// The ids of users, by key.
    pub(super) async fn user_ids(&self, pks: impl IntoIterator<Item = i64>) -> Result<HashMap<i64, String>> {
        let rows = user::Entity::find().filter(any_of(self.backend(), user::Column::Pk, pks));
        let rows = rows.all(self.snapshot).await?;
        Ok(rows.into_iter().map(|row| (row.pk, row.id.to_string())).collect())
    }
}
