//! Loads the relations of users, for a whole page at once.

use std::collections::HashMap;
use std::sync::Arc;

use async_graphql::ID;

use super::{ReachObject, UserKind, UserObject};
use crate::authz::Resource;
use crate::context::OpContext;
use crate::directory::api_key::ApiKey;
use crate::directory::email_verification;
use crate::directory::federated_identity::{self, FederatedIdentity};
use crate::directory::organization::Organization;
use crate::directory::role::{self, Assigned, Held};
use crate::directory::session;
use crate::directory::settings;
use crate::directory::tenant::{self, Tenant};
use crate::directory::user::{self, User, ViewerCan, viewer_can};
use crate::directory::variables::{self, Inherited};
use crate::graphql::account::AccountObject;
use crate::graphql::api_key::ApiKeyObject;
use crate::graphql::group::{GroupObject, of_users as groups_of_users};
use crate::graphql::organization::beside as organizations_beside;
use crate::graphql::role::{
    RoleGrantObject, RoleObject, TenantRoleObject, beside as roles_beside, for_tenants_beside as tenant_roles_beside,
    grants_beside,
};
use crate::graphql::selection::Place;
use crate::graphql::tenant::beside as tenants_beside;
use crate::graphql::{DateTime, EffectiveVariables, KeptJson, List, Nested, Related, Selection, Shared, listing};
use crate::model::error::Error;
use crate::model::{Email, Permissions, Profile};
use crate::store::entity::api_key as api_key_table;

/// The relations of a page of users: one statement for each selected relation.
#[derive(Default)]
pub struct Preloaded {
    organizations: Related<Organization>,
    tenants: Related<Tenant>,
    /// Whether `viewerCan` or `passwordVerified` is selected.
    viewer: bool,
    held: HashMap<i64, Held>,
    roles: HashMap<i64, Nested<Shared<RoleObject>>>,
    permissions: HashMap<i64, Nested<String>>,
    pending_emails: HashMap<i64, Email>,
    tenant_roles: HashMap<i64, List<TenantRoleObject>>,
    role_grants: HashMap<i64, List<RoleGrantObject>>,
    /// The caller's.
    reach: Option<ReachObject>,
    groups: HashMap<i64, Nested<Shared<GroupObject>>>,
    api_keys: HashMap<i64, Nested<ApiKeyObject>>,
    federated_identities: HashMap<i64, Vec<FederatedIdentity>>,
    /// The caller, if it is on the page.
    caller: Option<i64>,
    /// The caller's settings.
    settings: Option<KeptJson>,
    /// What effective variables are inherited.
    inherited: HashMap<i64, Arc<Inherited>>,
    /// The caller's accounts.
    accounts: Option<List<AccountObject>>,
}

/// Where the roles and permissions of a user are to hold.
enum Whereabouts {
    Organization,
    Tenant(i64),
    /// In a tenant of another organization, where none of them does.
    Elsewhere,
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
        let of_roles = ["organizationRole", "roles", "permissions", "tenantRoles"];
        if preloaded.viewer || of_roles.iter().any(|field| selection.has(field)) {
            preloaded.held = role::held_in_answer(op, users.iter().map(|user| user.pk)).await?;
        }
        preloaded.load_by_tenant(op, users, selection).await?;
        if let Some(under) = selection.under_field("tenantRoles") {
            let held = preloaded.held.iter();
            let theirs = held.map(|(user, has)| (*user, has.for_tenants.clone()));
            preloaded.tenant_roles = tenant_roles_beside(op, Resource::User, theirs, &under).await?;
        }
        if let Some(under) = selection.under_field("roleGrants") {
            let grants = role::grants(op, users.iter().map(|user| user.pk)).await?;
            preloaded.role_grants = grants_beside(op, grants, &under).await?;
        }
        if selection.has("reach") && users.iter().any(|user| op.actor().is(user.pk)) {
            preloaded.reach = user::reach(op).await?.map(Into::into);
        }
        if selection.has("groups") {
            let keys: Vec<i64> = users.iter().map(|user| user.pk).collect();
            preloaded.groups = groups_of_users(op, selection, &keys).await?;
        }
        if selection.has("federatedIdentities") {
            let keys = users.iter().map(|user| user.pk);
            preloaded.federated_identities = federated_identity::of_users(op.db().reader(), keys).await?;
        }
        if selection.has("pendingEmail") {
            let keys = users.iter().map(|user| user.pk);
            preloaded.pending_emails = email_verification::requested(op.db().reader(), keys, op.now()).await?;
        }
        if EffectiveVariables::are_selected(selection) {
            preloaded.inherited = variables::of_users(op, users).await?;
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

    /// The fields whose `tenant` argument says where roles and permissions are to hold.
    async fn load_by_tenant(
        &mut self,
        op: &OpContext,
        users: &[User],
        selection: &Selection<'_>,
    ) -> crate::model::error::Result<()> {
        let (roles, permissions) = (selection.places("roles"), selection.places("permissions"));
        let named = |place: &Place<'_>| place.argument::<ID>("tenant").map(|id| id.0);
        let ids: Vec<String> = roles.iter().chain(&permissions).filter_map(named).collect();
        let tenants = match ids.is_empty() {
            true => HashMap::new(),
            false => tenant::nameable(op, ids).await?,
        };
        // Where the answer is about, or that the caller cannot ask about this user there.
        let find = |place: &Place<'_>, user: &User| match named(place) {
            None => Ok(Whereabouts::Organization),
            Some(id) => match tenants.get(&id) {
                Some(tenant) if !tenant.of_others && !op.actor().is(user.pk) => Err(&id),
                Some(tenant) if tenant.organization_pk != user.organization_pk => Ok(Whereabouts::Elsewhere),
                Some(tenant) => Ok(Whereabouts::Tenant(tenant.pk)),
                None => Err(&id),
            }
            .map_err(|id| Error::no_such("tenant", "id", id).to_string()),
        };
        let catalogue = op.catalogue();
        // Many users may do the same: each set is written out, and charged, once.
        let mut known: HashMap<Permissions, List<String>> = HashMap::new();
        let mut names_of = |set: Permissions| -> crate::model::error::Result<List<String>> {
            if let Some(names) = known.get(&set) {
                return Ok(names.clone());
            }
            let names = catalogue.names(set);
            op.charge_read(names.iter().map(|name| size_of::<String>() + name.len()).sum())?;
            let names: List<String> = names.into_iter().collect();
            known.insert(set, names.clone());
            Ok(names)
        };
        for place in &permissions {
            for user in users {
                let rights = self.held.get(&user.pk).map(Held::rights).unwrap_or_default();
                let rights = user::permitted_now(op, user.pk, rights);
                let names = match find(place, user) {
                    Ok(Whereabouts::Organization) => Ok(names_of(rights.organization())?),
                    Ok(Whereabouts::Tenant(pk)) => Ok(names_of(rights.for_tenant(pk))?),
                    Ok(Whereabouts::Elsewhere) => Ok(List::default()),
                    Err(error) => Err(error),
                };
                let entry = self.permissions.entry(user.pk).or_default();
                entry.set(&place.key, names);
            }
        }
        for place in &roles {
            let direct: HashMap<i64, Vec<Assigned>> = users
                .iter()
                .filter_map(|user| {
                    let held = self.held.get(&user.pk)?;
                    let roles = match find(place, user).ok()? {
                        Whereabouts::Organization => held.directly(None),
                        Whereabouts::Tenant(pk) => held.directly(Some(pk)),
                        Whereabouts::Elsewhere => Vec::new(),
                    };
                    Some((user.pk, roles))
                })
                .collect();
            let theirs = direct.iter().map(|(user, roles)| (*user, roles.as_slice()));
            let objects = roles_beside(op, theirs, &place.selection).await?;
            // The same user can occur several times: in several groups.
            for user in users {
                let roles = objects.get(&user.pk).cloned().unwrap_or_default();
                let entry = self.roles.entry(user.pk).or_default();
                entry.set(&place.key, find(place, user).map(|_| roles));
            }
        }
        Ok(())
    }

    pub fn object(&self, op: &OpContext, mut user: User) -> UserObject {
        let held = self.held.get(&user.pk);
        let identities = self.federated_identities.get(&user.pk);
        let is_caller = self.caller == Some(user.pk);
        let can = match self.viewer {
            true => viewer_can(op, &user, &held.map(Held::rights).unwrap_or_default()),
            false => ViewerCan::default(),
        };
        let variables = user.variables.take().map(KeptJson::from);
        let profile = user.profile.take();
        let shown = || Profile::shown(profile.as_ref(), user.email.as_ref());
        let profile = profile
            .as_ref()
            .map(|_| serde_json::Value::Object(shown()).to_string().into());
        let inherited = self.inherited.get(&user.pk).cloned();
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
            user_name: user.shown_user_name().to_owned(),
            external_id: user.external_id,
            profile,
            firstname: user.firstname,
            lastname: user.lastname,
            activated: user.activated,
            kind: UserKind::of(user.service),
            takes_seat: user.takes_seat,
            pending_email: self.pending_emails.get(&user.pk).map(Email::to_string),
            organization_id: self
                .organizations
                .id(user.organization_pk)
                .map(|id| id.0)
                .unwrap_or_default(),
            organization: self.organizations.object(user.organization_pk),
            tenant_id: self.tenants.id(user.tenant_pk),
            tenant: self.tenants.object(user.tenant_pk),
            organization_role: held.and_then(Held::organization_role).map(Into::into),
            roles: self.roles.get(&user.pk).cloned().unwrap_or_default(),
            permissions: self.permissions.get(&user.pk).cloned().unwrap_or_default(),
            tenant_roles: self.tenant_roles.get(&user.pk).cloned().unwrap_or_default(),
            role_grants: self.role_grants.get(&user.pk).cloned().unwrap_or_default(),
            reach: self.reach.clone().filter(|_| op.actor().is(user.pk)),
            effective: EffectiveVariables::new(inherited, variables.clone()),
            variables,
            last_seen_at: user.last_seen_at.map(DateTime),
            version: user.version,
            created_at: user.created_at.into(),
            updated_at: user.updated_at.into(),
            api_keys: self.api_keys.get(&user.pk).cloned(),
            groups: self.groups.get(&user.pk).cloned().unwrap_or_default(),
        }
    }
}
