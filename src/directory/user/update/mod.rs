//! Changes a user.

mod home;
mod moved;
mod password;
mod profile;
mod roles;

use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ActiveModelTrait, ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter, Set};

use self::home::Home;
use self::moved::Moved;
use self::password::NewPassword;
use self::profile::Profile;
use self::roles::Roles;
use super::insert::note_conflict;
use super::person::takes_seat;
use super::{Target, User, locate};
use crate::authz::escalation::{Managing, may_manage};
use crate::authz::{Action, Resource};
use crate::context::OpContext;
use crate::directory::email_verification;
use crate::directory::federated_identity::{self, FederatedIdentity};
use crate::directory::group;
use crate::directory::password::end_other_sessions_in_txn;
use crate::directory::role::{self, Held, OrganizationRole};
use crate::directory::{organization, session};
use crate::list::expect_version;
use crate::model::error::{Error, OrConflict, Result};
use crate::model::{Email, Timestamp};
use crate::services::hasher::Password;
use crate::store::audit_trail::Event;
use crate::store::entity::{api_key, user as table};

/// A field that can be cleared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clearable {
    Email,
    Name,
    Firstname,
    Lastname,
    UserName,
    ExternalId,
    Tenant,
    Variables,
}

/// The changes; `None` leaves a field unchanged. The empty text clears a name, the external id or the
/// tenant.
#[derive(Clone, Debug, Default)]
pub struct UserChange {
    pub email: Option<String>,
    pub name: Option<String>,
    pub firstname: Option<String>,
    pub lastname: Option<String>,
    pub user_name: Option<String>,
    pub external_id: Option<String>,
    /// The whole profile; `{}` clears it. See [`crate::model::Profile`].
    pub profile: Option<serde_json::Value>,
    /// A new password, which is not temporary. Giving the present one changes nothing.
    pub password: Option<Password>,
    pub organization_id: Option<String>,
    pub tenant_id: Option<String>,
    /// A move to another organization without a tenant is refused instead of clearing the tenant.
    pub tenant_stays: bool,
    /// Replaces the built-in roles and leaves the organization's own.
    pub organization_role: Option<OrganizationRole>,
    /// Replaces all direct roles; names or ids.
    pub roles: Option<Vec<String>>,
    /// AiR's view of the roles, by id: replaces all direct roles, unless it is what [`role::Held::role_id`] already
    /// shows.
    pub role_id: Option<String>,
    /// Wallaroo's view of the roles: whether the user is an administrator. True sets `organization_role` to
    /// [`OrganizationRole::Admin`], false to [`OrganizationRole::User`], unless nothing changes.
    pub is_admin: Option<bool>,
    pub activated: Option<bool>,
    /// Only for services, and only by who may change the organization.
    pub takes_seat: Option<bool>,
    pub variables: Option<serde_json::Value>,
    /// Replaces the current ones.
    pub federated_identities: Option<Vec<FederatedIdentity>>,
    pub clear: Vec<Clearable>,
    /// Checked as if it changed everything: a client of another product has one kind of change.
    pub of_everything: bool,
}

impl UserChange {
    /// Whether it changes what an identity provider finds the user by, or says about the user.
    fn is_of_provisioning(&self) -> bool {
        let clears = |field| self.clear.contains(&field);
        self.user_name.is_some()
            || self.external_id.is_some()
            || self.profile.is_some()
            || clears(Clearable::UserName)
            || clears(Clearable::ExternalId)
    }

    /// What it does to the user; names at least.
    fn manages(&self) -> Vec<Managing> {
        let clears = |field| self.clear.contains(&field);
        let roles = self.organization_role.is_some()
            || self.roles.is_some()
            || self.role_id.is_some()
            || self.is_admin.is_some();
        let home = self.organization_id.is_some() || self.tenant_id.is_some() || clears(Clearable::Tenant);
        let each = [
            (Managing::Address, self.email.is_some() || clears(Clearable::Email)),
            (Managing::Password, self.password.is_some()),
            (Managing::Roles, roles),
            (Managing::Home, home),
            (
                Managing::Variables,
                self.variables.is_some() || clears(Clearable::Variables),
            ),
            (Managing::Provisioning, self.is_of_provisioning()),
            (Managing::FederatedIdentities, self.federated_identities.is_some()),
            (
                Managing::Activation,
                self.activated.is_some() || self.takes_seat.is_some(),
            ),
            (Managing::Names, true),
        ];
        let done = each.into_iter().filter(|(_, is)| *is || self.of_everything);
        done.map(|(what, _)| what).collect()
    }
}

/// The row being updated, with the names of the fields that change.
struct Draft {
    row: table::Model,
    new: table::ActiveModel,
    fields: Vec<&'static str>,
    /// The address that must be confirmed before it is the user's.
    requested_email: Option<Email>,
}

impl Draft {
    fn of(row: table::Model) -> Self {
        Self {
            new: row.clone().into_active_model(),
            row,
            fields: Vec::new(),
            requested_email: None,
        }
    }

    /// Records a field if it changes; returns whether it does.
    fn notes(&mut self, changes: bool, field: &'static str) -> bool {
        if changes {
            self.fields.push(field);
        }
        changes
    }

    fn changes(&self, field: &str) -> bool {
        self.fields.contains(&field)
    }

    fn is_activated(&self) -> bool {
        *self.new.activated.as_ref()
    }
}

/// Changes only the given fields; changes nothing if it fails. `CONFLICT` for an address that is taken, or if
/// `expected_version` is given and the row has changed.
pub async fn update(
    op: &OpContext,
    target: &Target,
    wanted: UserChange,
    expected_version: Option<i64>,
) -> Result<User> {
    update_as(op, "user.update", target, wanted, expected_version).await
}

pub(super) async fn update_as(
    op: &OpContext,
    action: &'static str,
    target: &Target,
    wanted: UserChange,
    expected_version: Option<i64>,
) -> Result<User> {
    let granted = op.authorize(Action::Modify, Resource::User)?;
    let profile = Profile::parse(&wanted)?;
    let password = NewPassword::prepare(op, &granted, target, &profile, wanted.password.as_ref()).await?;
    let mut change = op.begin().await?;
    let row = locate(&*change, &granted, target).await?;
    if op.actor().is(row.pk) {
        // Before the caller's own access changes.
        change.hold_caller().await?;
    }
    expect_version(row.version, expected_version)?;
    let had = role::held(&*change, [row.pk])
        .await?
        .remove(&row.pk)
        .unwrap_or_default();
    for what in wanted.manages() {
        may_manage(op.actor(), what, &had.rights())?;
    }

    let mut draft = Draft::of(row);
    let address = profile
        .new_address(&*change, op, &draft.row, wanted.activated == Some(false))
        .await;
    let address = address.inspect_err(|error| note_conflict(op, &granted, action, error))?;
    profile.write(op, &mut draft, address)?;
    profile.call_off(&*change, &mut draft).await?;
    NewPassword::write(password, op, &mut draft)?;
    let identities = profile.new_identities(op.actor(), &*change, &mut draft).await?;
    // The organization first, because roles and seats depend on it.
    let home = Home::find(op, &*change, &granted, &draft.row, &wanted, profile.tenant_id.as_ref()).await?;
    home.write(&mut draft)?;
    let roles = Roles::find(op, &*change, &home, &had, &wanted).await?;
    roles.write(op, &granted, &had, &home, &mut draft)?;
    activate(op, &wanted, &home, &mut draft)?;

    if draft.fields.is_empty() {
        return Ok(draft.row.into());
    }
    // Before the row itself: a group member cannot leave the organization of its groups.
    if home.moves && group::leave_all_in_txn(&*change, draft.row.pk).await? {
        draft.fields.push("groups");
    }
    if home.moves && role::leave_tenants_in_txn(&*change, draft.row.pk).await? {
        draft.fields.push("tenantRoles");
    }
    draft.new.version = Set(draft.row.version + 1);
    draft.new.updated_at = Set(op.now().later_than(draft.row.updated_at));
    let updated = draft.new.clone();
    let updated = updated
        .update(&*change)
        .await
        .or_conflict(|constraint| profile.taken(constraint, &draft.row))
        .inspect_err(|error| note_conflict(op, &granted, action, error))?;
    role::replace_in_txn(
        &*change,
        draft.row.pk,
        updated.organization_pk,
        &had.direct,
        &roles.direct,
        role::Made::by_caller(op),
    )
    .await?;
    if let Some(identities) = &identities {
        federated_identity::replace_in_txn(&*change, draft.row.pk, identities).await?;
    }
    if loses_super_admin(&had, &roles, &draft) {
        role::keep_a_super_admin(&*change).await?;
    }
    let moved = Moved::find(&*change, &draft.row, &home, &had, &roles).await?;
    organization::follow_seats(&mut change, Some(&draft.row), Some(&updated), &granted).await?;
    let events = follow(op, &*change, action, &home, moved, draft, &updated).await?;
    change.commit(events).await?;
    Ok(updated.into())
}

/// Activates or deactivates the user, and decides whether it takes a seat.
fn activate(op: &OpContext, wanted: &UserChange, home: &Home, draft: &mut Draft) -> Result<()> {
    let (was, is) = (draft.row.activated, wanted.activated.unwrap_or(draft.row.activated));
    if draft.notes(is != was, "activated") {
        if op.actor().is(draft.row.pk) && !is {
            return Err(Error::invalid(
                "activated",
                "You cannot deactivate yourself.".to_owned(),
            ));
        }
        draft.new.activated = Set(is);
    }
    // A request that deactivates the user requests no address: see `Profile::new_address`.
    if !is && draft.requested_email.is_some() {
        return Err(Error::invalid(
            "email",
            "The new address of a deactivated user cannot be confirmed. Activate the user first.".to_owned(),
        ));
    }
    let took = draft.row.takes_seat;
    let takes = takes_seat(op, home.organization.pk, draft.row.service, wanted.takes_seat, took)?;
    if draft.notes(takes != took, "takesSeat") {
        draft.new.takes_seat = Set(takes);
    }
    Ok(())
}

/// Whether this removes a super admin.
fn loses_super_admin(had: &Held, roles: &Roles, draft: &Draft) -> bool {
    let deactivates = draft.row.activated && !draft.is_activated();
    had.rights().reach_everywhere() && (!roles.rights().reach_everywhere() || deactivates)
}

/// The consequences of the change: ends access, and sends notifications. Returns the audit events.
async fn follow(
    op: &OpContext,
    connection: &impl ConnectionTrait,
    action: &'static str,
    home: &Home,
    moved: Moved,
    draft: Draft,
    updated: &table::Model,
) -> Result<Vec<Event>> {
    let row = &draft.row;
    let mut events = Vec::new();
    let changes_email = draft.changes("email");
    if changes_email {
        email_verification::void_tokens_in_txn(connection, row.pk).await?;
    } else if home.moves || draft.changes("tenantId") || draft.changes("activated") {
        // It may have been requested by somebody whose access has ended.
        email_verification::forget_change_in_txn(connection, row.pk).await?;
    }
    if draft.changes("password") {
        end_other_sessions_in_txn(connection, op, row.pk).await?;
    }
    if let Some(email) = &draft.requested_email {
        email_verification::request_change_in_txn(connection, op, updated, email).await?;
    }
    if row.activated && !updated.activated {
        session::end_all(connection, row.pk, op.now()).await?;
    }
    if home.moves {
        end_access_in_txn(connection, op, row.pk).await?;
    }
    // What somebody of the old tenant may have made for themselves while they could act as the user ends with it.
    let left = row.tenant_pk.filter(|pk| !home.moves && updated.tenant_pk != Some(*pk));
    if let Some(pk) = left
        && !op.actor().is(row.pk)
        && role::is_assigned_for(connection, pk).await?
    {
        end_access_in_txn(connection, op, row.pk).await?;
    }
    // The new organization or tenant gets an event too.
    let arrives = updated
        .tenant_pk
        .filter(|_| row.tenant_pk.is_some() && updated.tenant_pk != row.tenant_pk);
    if home.moves || arrives.is_some() {
        let arrival = Event::new("user.arrive", row.pk, &row.id).of_user(updated);
        let before = (!home.moves).then_some(updated);
        events.push(arrival.counting(before, Some(updated)).about(moved.here));
    }
    let tenant_pk = row.tenant_pk.or(updated.tenant_pk.filter(|_| !home.moves));
    // Those whom the user leaves read the name that they know.
    let named = if home.moves || left.is_some() { row } else { updated };
    let mut event = Event::new(action, row.pk, &row.id)
        .of_tenant(row.organization_pk, tenant_pk)
        .concerning(named)
        .counting(Some(row), (!home.moves).then_some(updated))
        .about(moved.there);
    let of_access = ["organizationId", "tenantId", "roles", "activated", "email", "password"];
    if of_access.iter().any(|field| draft.changes(field)) {
        event = event.access();
    }
    if changes_email && let Some(old) = &row.email {
        email_verification::tell_old_address_in_txn(connection, op, old, updated).await?;
    }
    events.push(event.fields(draft.fields));
    Ok(events)
}

/// Records a change outside the user's row, such as of its roles.
pub async fn touch_in_txn(
    connection: &impl ConnectionTrait,
    row: &table::Model,
    now: Timestamp,
) -> Result<table::Model> {
    let mut new = row.clone().into_active_model();
    new.version = Set(row.version + 1);
    new.updated_at = Set(now.later_than(row.updated_at));
    Ok(new.update(connection).await?)
}

/// Ends all keys and sessions of a user, such as when it leaves an organization.
pub async fn end_access_in_txn(connection: &impl ConnectionTrait, op: &OpContext, user_pk: i64) -> Result<()> {
    api_key::Entity::update_many()
        .col_expr(api_key::Column::RevokedAt, Expr::val(op.now().micros()))
        .col_expr(api_key::Column::UpdatedAt, Expr::val(op.now().micros()))
        .col_expr(api_key::Column::Version, Expr::col(api_key::Column::Version).add(1))
        .filter(api_key::Column::UserPk.eq(user_pk))
        .filter(api_key::in_force(op.now()))
        .exec(connection)
        .await?;
    session::end_all(connection, user_pk, op.now()).await
}
