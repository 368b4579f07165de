//! Loads the relations of users, for a whole page at once.

use std::sync::Arc;

use async_graphql::ID;

use super::UserObject;
use crate::context::OpContext;
use crate::directory::api_key::ApiKey;
use crate::directory::federated_identity::{self, FederatedIdentity};
use crate::directory::organization::Organization;
use crate::directory::role::{self, Held};
use crate::directory::session;
use crate::directory::settings;
use crate::directory::tenant::Tenant;
use crate::directory::user::{User, ViewerCan, viewer_can};
use crate::graphql::account::AccountObject;
use crate::graphql::api_key::ApiKeyObject;
use crate::graphql::group::{GroupObject, of_users as groups_of_users};
use crate::graphql::organization::beside as organizations_beside;
use crate::graphql::role::{RoleObject, beside as roles_beside};
use crate::graphql::tenant::beside as tenants_beside;
use crate::graphql::{DateTime, KeptJson, List, Nested, Related, Selection, listing};
use crate::model::Email;
use crate::store::entity::api_key as api_key_table;

/// The relations of a page of users: one statement for each selected relation.
#[derive(Default)]
pub struct Preloaded {
    organizations: Related<Organization>,
    tenants: Related<Tenant>,
    /// Whether `viewerCan` or `passwordVerified` is selected.
    viewer: bool,
    held: std::collections::HashMap<i64, Held>,
    roles: std::collections::HashMap<i64, List<Arc<RoleObject>>>,
    groups: std::collections::HashMap<i64, Nested<GroupObject>>,
    api_keys: std::collections::HashMap<i64, Nested<ApiKeyObject>>,
    federated_identities: std::collections::HashMap<i64, Vec<FederatedIdentity>>,
    /// The caller, if it is on the page.
    caller: Option<i64>,
    /// The caller's settings.
    settings: Option<KeptJson>,
    /// The caller's accounts.
    accounts: Option<List<AccountObject>>,
}

impl Preloaded {
    pub async fn load(op: &OpContext, users: &[User], selection: &Selection<'_>) -> crate::model::error::Result<Self> {
        let organizations = users.iter().map(|user| user.organization_pk);
        let tenants = users.iter().filter_map(|user| user.tenant_pk);
        let mut preloaded = Self {
            organizations: organizations_beside(op, selection, organizations).await?,
            tenants: tenants_beside(op, selection, tenants).await?,
            ..Self::default()
        };
        preloaded.viewer = selection.has("viewerCan") || selection.has("passwordVerified");
        let of_roles = ["organizationRole", "roles", "permissions"];
        if preloaded.viewer || of_roles.iter().any(|field| selection.has(field)) {
            preloaded.held = role::held_in_answer(op, users.iter().map(|user| user.pk)).await?;
        }
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
        preloaded.caller = users.iter().map(|user| user.pk).find(|pk| op.actor().is(*pk));
        if selection.has("settings") && preloaded.caller.is_some() {
            preloaded.settings = Some(settings::read(op).await?.to_json().into());
        }
        if selection.has("accounts") && preloaded.caller.is_some() {
            let own = session::accounts(op).await?;
            preloaded.accounts = own.map(|own| own.into_iter().map(|one| AccountObject::new(op, one)).collect());
        }
        if selection.has("apiKeys") {
            let own: Vec<i64> = preloaded.caller.into_iter().collect();
            if !own.is_empty() {
                let parent = api_key_table::Column::UserPk;
                preloaded.api_keys = listing::nest::<ApiKey>(op, selection, "apiKeys", parent, &own).await?;
            }
        }
        Ok(preloaded)
    }

    pub fn object(&self, op: &OpContext, user: User) -> UserObject {
        let held = self.held.get(&user.pk);
        let permissions = held.map(Held::permissions).unwrap_or_default();
        let identities = self.federated_identities.get(&user.pk);
        let is_caller = self.caller == Some(user.pk);
        let can = match self.viewer {
            true => viewer_can(op, &user, permissions),
            false => ViewerCan::default(),
        };
        UserObject {
            viewer_can: can.into(),
            password_verified: can.update_account.then_some(user.password_verified_at.is_some()),
            email_verified: user.email_verified_at.is_some(),
            must_change_password: user.password_temporary,
            federated_identities: identities.into_iter().flatten().map(Into::into).collect(),
            accounts: self.accounts.clone().filter(|_| is_caller),
            settings: self.settings.clone().filter(|_| is_caller),
            name: user.display_name(),
            id: ID(user.id.to_string()),
            email: user.email.as_ref().map(Email::to_string),
            firstname: user.firstname,
            lastname: user.lastname,
            activated: user.activated,
            organization_id: self.organizations.id(user.organization_pk).unwrap_or_default(),
            organization: self.organizations.object(user.organization_pk),
            tenant_id: self.tenants.id(user.tenant_pk),
            tenant: self.tenants.object(user.tenant_pk),
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
