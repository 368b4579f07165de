//! A user who is there already: the same, or to be changed.

use std::collections::BTreeSet;

use sea_orm::{ActiveModelTrait, ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, Set};

use super::check::Checked;
use super::hashes::{Given, Known};
use super::new::{assigned, member, write};
use super::structure::put;
use super::{Intake, OnConflict};
use crate::context::Change;
use crate::directory::federated_identity::{self, FederatedIdentity};
use crate::directory::user::taken;
use crate::directory::{organization, role, session};
use crate::model::Profile;
use crate::model::error::{Error, OrConflict, Result};
use crate::store::audit_trail::Event;
use crate::store::entity::{federated_identity as identity_table, group_member, user, user_role};
use crate::transfer::report::Did;

/// The roles of a user: each with the tenant that it is for.
type RoleKeys = BTreeSet<(i64, Option<i64>)>;

/// What a user has besides its row, as far as the record says something about it.
#[derive(Default)]
pub(super) struct Has {
    roles: RoleKeys,
    groups: BTreeSet<i64>,
    identities: Vec<FederatedIdentity>,
}

impl Intake<'_> {
    /// Compares the record with the user, and changes it if that is wanted. `version` and times of the record itself are not
    /// compared, nor are passwords.
    pub(super) async fn update(
        &mut self,
        change: &mut Change<'_>,
        row: &user::Model,
        one: &Checked<'_>,
    ) -> Result<Did> {
        let has = has(change, row.pk, one).await?;
        self.may_give(one, &has)?;
        let mut new = row.clone().into_active_model();
        let mut fields = self.differing(row, &mut new, one);
        if let Some(roles) = wanted_roles(one)
            && roles != has.roles
        {
            fields.push("roles");
        }
        if let Some(groups) = wanted_groups(one)
            && groups != has.groups
        {
            fields.push("groups");
        }
        if one
            .identities
            .as_ref()
            .is_some_and(|identities| *identities != has.identities)
        {
            fields.push("federatedIdentities");
        }
        if one.record.service.is_some_and(|service| service != row.service) {
            fields.push("service");
            if self.options.on_conflict == OnConflict::Update {
                return Err(Error::invalid(
                    "service",
                    "A person does not become a service, and a service no person.",
                ));
            }
        }
        match self.settle("user", &fields)? {
            Some(Did::Unchanged) => {}
            Some(did) => return Ok(did),
            None => {}
        }
        if let Some(password) = self.new_password(row, one) {
            fields.push("password");
            if self.imagined.is_none() {
                let is_clear = matches!(password, Given::Clear(_));
                new.password_hash = Set(self.stored(&one.at, password).await?);
                new.password_changed_at = Set(Some(one.record.password_changed_at.unwrap_or(self.op.now())));
                new.password_temporary = Set(one.record.password_temporary.unwrap_or(is_clear));
                new.password_verified_at = Set(one.record.password_verified_at);
            }
        }
        if fields.is_empty() {
            return Ok(Did::Unchanged);
        }
        if self.imagined.is_some() {
            return Ok(Did::Changed);
        }
        self.write_changes(change, row, new, one, &has, fields).await?;
        Ok(Did::Changed)
    }

    /// Refuses the rights of super admins to whom has none, unless the file may give them.
    pub(super) fn may_give(&self, one: &Checked<'_>, has: &Has) -> Result<()> {
        let roles = one.roles.iter().flatten().map(|(role, _)| role);
        self.may_be_given(roles.filter(|role| !has.roles.contains(&(role.role_pk, role.tenant_pk))))?;
        let mut groups = one.groups.iter().flatten();
        match self.options.super_admins
            || groups.all(|(group, _)| !group.all_powerful || has.groups.contains(&group.pk))
        {
            true => Ok(()),
            false => Err(Error::forbidden(
                "A group of this user gives the role 'super-admin', which is given only with --allow-super-admins.",
            )),
        }
    }

    /// Sets the columns that differ, and names their fields.
    fn differing(&self, row: &user::Model, new: &mut user::ActiveModel, one: &Checked<'_>) -> Vec<&'static str> {
        let mut fields = Vec::new();
        put!(fields, new, row, email, "email", one.email.clone());
        put!(fields, new, row, name, "name", one.name.clone());
        put!(fields, new, row, firstname, "firstname", one.firstname.clone());
        put!(fields, new, row, lastname, "lastname", one.lastname.clone());
        put!(fields, new, row, user_name, "userName", one.user_name.clone());
        put!(fields, new, row, external_id, "externalId", one.external_id.clone());
        let profile = one.profile.clone().filter(|said| match said {
            Some(said) => !said.is(row.profile.as_ref()),
            None => true,
        });
        let profile = profile.map(|said| said.map(Profile::into_text));
        put!(fields, new, row, profile, "profile", profile);
        put!(fields, new, row, activated, "activated", one.record.activated);
        put!(fields, new, row, takes_seat, "takesSeat", one.record.takes_seat);
        put!(
            fields,
            new,
            row,
            variables,
            "variables",
            one.variables.clone().map(Some)
        );
        put!(
            fields,
            new,
            row,
            tenant_pk,
            "tenantId",
            one.tenant.as_ref().map(|tenant| Some(tenant.pk))
        );
        // Where a file only says that an address is verified, the time is now, and so always another.
        let verified = one
            .record
            .email_verified_at
            .filter(|at| row.email_verified_at.is_none() || *at < self.options.now);
        put!(fields, new, row, email_verified_at, "emailVerified", verified.map(Some));
        fields
    }

    /// The password to set.
    fn new_password<'c>(&self, row: &user::Model, one: &'c Checked<'_>) -> Option<&'c Given> {
        let known = Known {
            service: row.service,
            has_password: row.password_hash.is_some(),
            changed_at: row.password_changed_at,
        };
        let wanted = one.password.is_usable() && self.takes_password(&known, one.record.password_changed_at);
        wanted.then_some(&one.password)
    }

    async fn write_changes(
        &mut self,
        change: &mut Change<'_>,
        row: &user::Model,
        mut new: user::ActiveModel,
        one: &Checked<'_>,
        has: &Has,
        fields: Vec<&'static str>,
    ) -> Result<()> {
        let now = self.op.now();
        let is = |field: &str| fields.contains(&field);
        new.version = Set(row.version + 1);
        new.updated_at = Set(now.later_than(row.updated_at));
        if is("email") {
            new.email_changed_at = Set(Some(now));
            if !is("emailVerified") {
                new.email_verified_at = Set(None);
            }
            new.password_verified_at = Set(None);
        }
        let address = one.address().or(row.email.as_ref());
        let updated = new.update(&**change).await;
        let user_name = one.user_name.clone().unwrap_or_else(|| row.user_name.clone());
        let user_name = user_name.as_deref();
        let updated = updated.or_conflict(|constraint| taken(constraint, &row.id, address, user_name))?;
        if is("roles") {
            self.replace_roles(change, row, one, has).await?;
        }
        if is("groups") {
            self.replace_groups(change, row, one, has).await?;
        }
        if let (true, Some(identities)) = (is("federatedIdentities"), &one.identities) {
            federated_identity::replace_in_txn(&**change, row.pk, identities).await?;
        }
        if is("roles") || is("groups") || row.activated && !updated.activated {
            role::keep_a_super_admin(&**change).await?;
        }
        if is("password") || row.activated && !updated.activated {
            session::end_all(&**change, row.pk, now).await?;
        }
        organization::follow_seats(change, Some(row), Some(&updated), &self.granted).await?;
        let event = Event::new("user.update", updated.pk, &updated.id).of_user(&updated);
        let event = event.counting(Some(row), Some(&updated)).fields(fields).access();
        self.tallies.changed(event);
        Ok(())
    }

    async fn replace_roles(&self, change: &Change<'_>, row: &user::Model, one: &Checked<'_>, has: &Has) -> Result<()> {
        let now = self.op.now();
        let wanted = wanted_roles(one).unwrap_or_default();
        for (role_pk, tenant_pk) in has.roles.difference(&wanted) {
            user_role::Entity::delete_many()
                .filter(user_role::Column::UserPk.eq(row.pk))
                .filter(user_role::Column::RolePk.eq(*role_pk))
                .filter(user_role::Column::Scope.eq(tenant_pk.unwrap_or_default()))
                .exec(&**change)
                .await?;
        }
        let added = one.roles.iter().flatten();
        let added = added.filter(|(role, _)| !has.roles.contains(&(role.role_pk, role.tenant_pk)));
        let rows = added.map(|(role, since)| assigned(row.pk, row.organization_pk, role, since.unwrap_or(now)));
        write::<user_role::Entity>(change, rows.collect()).await
    }

    async fn replace_groups(&self, change: &Change<'_>, row: &user::Model, one: &Checked<'_>, has: &Has) -> Result<()> {
        let now = self.op.now();
        let wanted = wanted_groups(one).unwrap_or_default();
        let lost: Vec<i64> = has.groups.difference(&wanted).copied().collect();
        if !lost.is_empty() {
            group_member::Entity::delete_many()
                .filter(group_member::Column::UserPk.eq(row.pk))
                .filter(group_member::Column::GroupPk.is_in(lost))
                .exec(&**change)
                .await?;
        }
        let added = one
            .groups
            .iter()
            .flatten()
            .filter(|(group, _)| !has.groups.contains(&group.pk));
        let rows = added.map(|(group, since)| member(row.pk, row.organization_pk, *group, since.unwrap_or(now)));
        write::<group_member::Entity>(change, rows.collect()).await
    }
}

fn wanted_roles(one: &Checked<'_>) -> Option<RoleKeys> {
    let roles = one.roles.as_ref()?;
    Some(roles.iter().map(|(role, _)| (role.role_pk, role.tenant_pk)).collect())
}

fn wanted_groups(one: &Checked<'_>) -> Option<BTreeSet<i64>> {
    let groups = one.groups.as_ref()?;
    // A group that is not there is refused by itself.
    Some(groups.iter().map(|(group, _)| group.pk).collect())
}

async fn has(change: &Change<'_>, user_pk: i64, one: &Checked<'_>) -> Result<Has> {
    let mut has = Has::default();
    if one.roles.is_some() {
        let rows = user_role::Entity::find().filter(user_role::Column::UserPk.eq(user_pk));
        let rows = rows.all(&**change).await?;
        has.roles = rows.into_iter().map(|row| (row.role_pk, row.tenant_pk)).collect();
    }
    if one.groups.is_some() {
        let rows = group_member::Entity::find().filter(group_member::Column::UserPk.eq(user_pk));
        has.groups = rows.all(&**change).await?.into_iter().map(|row| row.group_pk).collect();
    }
    if one.identities.is_some() {
        let rows = identity_table::Entity::find().filter(identity_table::Column::UserPk.eq(user_pk));
        let mut rows = rows.all(&**change).await?;
        rows.sort_by(|a, b| a.identity_provider.cmp(&b.identity_provider));
        has.identities = rows
            .into_iter()
            .map(|row| FederatedIdentity {
                identity_provider: row.identity_provider,
                user_id: row.user_id,
                user_name: row.user_name,
            })
            .collect();
    }
    Ok(has)
}
