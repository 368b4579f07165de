//! The new roles of a user.

use super::{Draft, Home, UserChange};
use crate::authz::Granted;
use crate::authz::escalation::may_grant;
use crate::context::OpContext;
use crate::directory::role::{self, Assigned, ForTenant, Held, OrganizationRole, RoleScope, union};
use crate::model::Rights;
use crate::model::error::{Error, Result};
use crate::store::catalogue::Catalogued;

/// The new roles of a user.
pub struct Roles {
    pub direct: Vec<Assigned>,
    by_groups: Vec<Assigned>,
    /// Those for single tenants, which stay unless the user moves.
    for_tenants: Vec<ForTenant>,
    /// The current roles that the user may keep in the new organization.
    kept: Vec<Assigned>,
}

impl Roles {
    /// First the ones that are kept, then the requested ones.
    pub async fn find(
        op: &OpContext,
        connection: &impl Catalogued,
        home: &Home,
        had: &Held,
        wanted: &UserChange,
    ) -> Result<Self> {
        let stays = |role: &&Assigned| {
            !home.moves || (role.scope != RoleScope::Organization && may_grant(op.actor(), &union([*role])).is_ok())
        };
        let kept: Vec<Assigned> = had.direct.iter().filter(stays).cloned().collect();
        // A user who moves leaves all groups.
        let by_groups = if home.moves { Vec::new() } else { had.by_groups.clone() };
        let direct = wanted_roles(op, connection, home.organization.pk, &kept, &by_groups, wanted).await?;
        Ok(Self {
            direct,
            by_groups,
            for_tenants: if home.moves {
                Vec::new()
            } else {
                had.for_tenants.clone()
            },
            kept,
        })
    }

    /// What they permit.
    pub fn rights(&self) -> Rights {
        let for_tenants = self.for_tenants.iter().map(|held| &held.role);
        union(self.direct.iter().chain(&self.by_groups).chain(for_tenants))
    }

    pub(super) fn write(
        &self,
        op: &OpContext,
        granted: &Granted,
        had: &Held,
        home: &Home,
        draft: &mut Draft,
    ) -> Result<()> {
        role::grantable(op.actor(), granted, &self.direct, &self.kept)?;
        let changes = draft.notes(keys(&self.direct) != keys(&had.direct), "roles");
        if changes && granted.tenants().is_some() {
            return Err(Error::forbidden(
                "You manage single tenants only. Assign and withdraw roles for one of them, not for the whole \
                 organization."
                    .to_owned(),
            ));
        }
        if (changes || home.moves) && op.actor().is(draft.row.pk) && !self.rights().contain(&had.rights()) {
            return Err(Error::invalid(
                "roles",
                "You cannot remove permissions from yourself.".to_owned(),
            ));
        }
        Ok(())
    }
}

fn keys(roles: &[Assigned]) -> Vec<i64> {
    let mut keys: Vec<i64> = roles.iter().map(|role| role.role_pk).collect();
    keys.sort_unstable();
    keys
}

async fn wanted_roles(
    op: &OpContext,
    connection: &impl Catalogued,
    organization_pk: i64,
    kept: &[Assigned],
    by_groups: &[Assigned],
    wanted: &UserChange,
) -> Result<Vec<Assigned>> {
    let mut roles = match &wanted.roles {
        Some(named) => role::resolve(op, connection, organization_pk, "roles", named).await?,
        None => kept.to_vec(),
    };
    // Setting a view to what it already shows changes nothing.
    if let Some(id) = &wanted.role_id {
        let only = role::resolve_id(op, connection, organization_pk, "roleId", id).await?;
        let shown = Held {
            direct: roles.clone(),
            by_groups: by_groups.to_vec(),
            for_tenants: Vec::new(),
        };
        if only.id != shown.role_id() {
            roles = vec![only];
        }
    }
    let shown = OrganizationRole::of(roles.iter().chain(by_groups));
    let view = match wanted.is_admin {
        Some(is_admin) if is_admin != (shown == Some(OrganizationRole::Admin)) => Some(match is_admin {
            true => OrganizationRole::Admin,
            false => OrganizationRole::User,
        }),
        Some(_) | None => wanted.organization_role,
    };
    if let Some(view) = view
        && shown != Some(view)
    {
        roles.retain(|role| role.built_in.is_none());
        roles.push(role::of_view(op, connection, view).await?);
    }
    Ok(roles)
}
