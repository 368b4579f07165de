//! Loads the relations of users, for a whole page at once.

use std::sync::Arc;

use async_graphql::ID;
use futures::FutureExt;
use futures::future::BoxFuture;

use super::UserObject;
use crate::context::OpContext;
use crate::directory::api_key::ApiKey;
use crate::directory::federated_identity::{self, FederatedIdentity};
use crate::directory::role::{self, Held};
use crate::directory::settings;
use crate::directory::user::{User, ViewerCan, viewer_can};
use crate::graphql::api_key::ApiKeyObject;
use crate::graphql::group::{GroupObject, of_users as groups_of_users};
use crate::graphql::organization::{OrganizationObject, beside as organizations_beside};
use crate::graphql::role::{RoleObject, beside as roles_beside};
use crate::graphql::tenant::{TenantObject, beside as tenants_beside};
use crate::graphql::{DateTime, KeptJson, List, Nested, Selection, listing};
use crate::model::Email;
use crate::store::entity::api_key as api_key_table;

/// The relations of a page of users: one statement for each selected relation.
#[derive(Default)]
pub struct Preloaded {
    organizations: std::collections::HashMap<i64, OrganizationObject>,
    tenants: std::collections::HashMap<i64, TenantObject>,
    /// Whether `viewerCan` is selected.
    viewer: bool,
    held: std::collections::HashMap<i64, Held>,
    roles: std::collections::HashMap<i64, List<Arc<RoleObject>>>,
    groups: std::collections::HashMap<i64, Nested<GroupObject>>,
    api_keys: std::collections::HashMap<i64, Nested<ApiKeyObject>>,
    federated_identities: std::collections::HashMap<i64, Vec<FederatedIdentity>>,
    /// The caller's settings.
    settings: Option<KeptJson>,
    settings_of: Option<i64>,
}

impl Preloaded {
    /// Boxed, because nested lists await this recursively.
    pub fn load<'a>(
        op: &'a OpContext,
        users: &'a [User],
        selection: &'a Selection<'a>,
    ) -> BoxFuture<'a, crate::model::error::Result<Self>> {
        Self::loaded(op, users, selection).boxed()
    }

    async fn loaded(op: &OpContext, users: &[User], selection: &Selection<'_>) -> crate::model::error::Result<Self> {
        let mut preloaded = Self::default();
        if users.is_empty() {
            return Ok(preloaded);
        }
        if selection.has("organization") || selection.has("organizationId") {
            let under = selection.under_field("organization").unwrap_or_default();
            let keys = users.iter().map(|user| user.organization_pk);
            preloaded.organizations = organizations_beside(op, keys, &under).await?;
        }
        if selection.has("tenant") || selection.has("tenantId") {
            let under = selection.under_field("tenant").unwrap_or_default();
            preloaded.tenants = tenants_beside(op, users.iter().filter_map(|user| user.tenant_pk), &under).await?;
        }
        if ["organizationRole", "roles", "permissions", "viewerCan"]
            .iter()
            .any(|field| selection.has(field))
        {
            preloaded.held = role::held_in_answer(op, users.iter().map(|user| user.pk)).await?;
        }
        preloaded.viewer = selection.has("viewerCan");
        if let Some(under) = selection.under_field("roles") {
            let direct = preloaded.held.iter().map(|(user, has)| (*user, has.direct.as_slice()));
            preloaded.roles = roles_beside(op, direct, &under).await?;
        }
        if selection.has("groups") {
            let keys: Vec<i64> = users.iter().map(|user| user.pk).collect();
            preloaded.groups = groups_of_users(op, selection, &keys).await?;
        }
        if selection.has("federatedIdentities") {
            let keys = users.iter().map(|user| user.pk);
            preloaded.federated_identities = federated_identity::of_users(op.db().reader(), keys).await?;
        }
        if selection.has("settings") && users.iter().any(|user| op.actor().is(user.pk)) {
            preloaded.settings = Some(settings::read(op).await?.to_json().into());
            preloaded.settings_of = op.actor().caller().map(|caller| caller.user_pk);
        }
        if selection.has("apiKeys") {
            let own: Vec<i64> = users
                .iter()
                .map(|user| user.pk)
                .filter(|pk| op.actor().is(*pk))
                .collect();
            if !own.is_empty() {
                let parent = api_key_table::Column::UserPk;
                preloaded.api_keys = listing::nest::<ApiKey>(op, selection, "apiKeys", parent, &own).await?;
            }
        }
        Ok(preloaded)
    }

    pub fn object(&self, op: &OpContext, user: User) -> UserObject {
        let organization = self.organizations.get(&user.organization_pk).cloned();
        let tenant = user.tenant_pk.and_then(|pk| self.tenants.get(&pk)).cloned();
        let held = self.held.get(&user.pk);
        let permissions = held.map(Held::permissions).unwrap_or_default();
        let identities = self.federated_identities.get(&user.pk);
        let is_caller = self.settings_of == Some(user.pk);
        UserObject {
            viewer_can: if self.viewer {
                viewer_can(op, &user, permissions).into()
            } else {
                ViewerCan::default().into()
            },
            email_verified: user.email_verified_at.is_some(),
            must_change_password: user.password_temporary,
            federated_identities: identities.into_iter().flatten().map(Into::into).collect(),
            settings: self.settings.clone().filter(|_| is_caller),
            name: user.display_name(),
            id: ID(user.id.to_string()),
            email: user.email.as_ref().map(Email::to_string),
            firstname: user.firstname,
            lastname: user.lastname,
            activated: user.activated,
            organization_id: organization.as_ref().map(|one| one.id.0.clone()).unwrap_or_default(),
            organization: organization.map(Box::new),
            tenant_id: tenant.as_ref().map(|one| one.id.0.clone()),
            tenant: tenant.map(Box::new),
            organization_role: held.and_then(Held::organization_role).map(Into::into),
            roles: self.roles.get(&user.pk).cloned().unwrap_or_default(),
            permissions: permissions.names(),
            variables: user.variables.map(KeptJson::from),
            last_seen_at: user.last_seen_at.map(DateTime),
            version: user.version,
            created_at: user.created_at.into(),
            updated_at: user.updated_at.into(),
            api_keys: self.api_keys.get(&user.pk).cloned(),
            groups: self.groups.get(&user.pk).cloned().unwrap_or_default(),
        }
    }
}
