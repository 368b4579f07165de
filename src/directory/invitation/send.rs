//! Sends an invitation.

use std::time::Duration;

use sea_orm::sea_query::Expr;
use sea_orm::{ActiveModelTrait, ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, Set};

use super::Invitation;
use crate::authz::{Action, Granted, Resource};
use crate::context::OpContext;
use crate::directory::organization::require_mail;
use crate::directory::outbox::{self, Post};
use crate::directory::role::{self, OrganizationRole, RoleForTenant};
use crate::directory::tenant;
use crate::directory::user::{User, address_taken};
use crate::model::Secret;
use crate::model::error::{ConflictReason, Error, OrConflict, Result};
use crate::model::{Email, Timestamp};
use crate::services::mailer::Letter;
use crate::store::audit_trail::Event;
use crate::store::entity::invitation::{self as table, Column};
use crate::store::entity::{invitation_role, organization, user};

pub const LIFETIME: Duration = Duration::from_secs(7 * 24 * 60 * 60);
const LIFETIME_DAYS_MAX: u64 = 90;

/// A new invitation as the caller describes it.
#[derive(Clone, Debug, Default)]
pub struct NewInvitation {
    pub email: String,
    /// The caller's by default; only a super admin can specify another one.
    pub organization_id: Option<String>,
    /// The caller's by default, if the invitation is to the caller's organization; otherwise none.
    pub tenant_id: Option<String>,
    pub organization_role: Option<OrganizationRole>,
    /// Names or ids, for the whole organization.
    pub roles: Vec<String>,
    /// Roles for single tenants.
    pub tenant_roles: Vec<RoleForTenant>,
    /// Seven days from now by default, at most ninety.
    pub expires_at: Option<Timestamp>,
}

/// Mails an invitation. `CONFLICT` if the address already has an account in the organization, or an open invitation to it,
/// `FORBIDDEN` for a role beyond the caller's own permissions, `INVALID` if there is no way to mail.
pub async fn send(op: &OpContext, new: NewInvitation) -> Result<Invitation> {
    let granted = op.authorize(Action::Create, Resource::Invitation)?;
    let email = Email::parse("email", &new.email)?;
    let now = op.now();
    let expires_at = new.expires_at.unwrap_or_else(|| now.after(LIFETIME));
    let latest = now.after(Duration::from_secs(LIFETIME_DAYS_MAX * 24 * 60 * 60));
    if expires_at <= now || expires_at > latest {
        return Err(Error::invalid(
            "expiryDate",
            format!("'expiryDate' must be in the future, at most {LIFETIME_DAYS_MAX} days from now."),
        ));
    }
    op.mailer().require()?;

    let change = op.begin().await?;
    let home =
        crate::directory::organization::home(&*change, op.actor(), &granted, new.organization_id.as_deref()).await?;
    require_mail(&*change, home.pk, "organizationId").await?;
    let tenant = tenant::for_new(op, &*change, &granted, &home, new.tenant_id.as_deref()).await?;
    let mut roles = role::wanted(op, &*change, home.pk, new.organization_role, &new.roles).await?;
    roles.extend(role::resolve_for_tenants(op, &*change, &granted, home.pk, &new.tenant_roles).await?);
    role::grantable(op.actor(), &granted, &roles, &[])?;
    free_address(&*change, &granted, home.pk, &email).await?;
    not_invited(&*change, &granted, home.pk, &email, now).await?;
    // An expired one is replaced.
    table::Entity::update_many()
        .col_expr(Column::WithdrawnAt, Expr::val(now.micros()))
        .col_expr(Column::UpdatedAt, Expr::val(now.micros()))
        .col_expr(Column::Version, Expr::cust("version + 1"))
        .filter(
            Condition::all()
                .add(table::open())
                .add(table::within(&granted))
                .add(Column::OrganizationPk.eq(home.pk))
                .add(Column::Email.eq(email.clone()))
                .add(Column::ExpiresAt.lte(now)),
        )
        .exec(&*change)
        .await?;
    let secret = Secret::mailed_token()?;
    let row = table::ActiveModel {
        id: Set(op.new_id().into()),
        organization_pk: Set(home.pk),
        tenant_pk: Set(tenant.pk),
        email: Set(email.clone()),
        digest: Set(secret.digest()),
        expires_at: Set(expires_at),
        inviter_pk: Set(op.actor().caller().map(|caller| caller.user_pk)),
        version: Set(1),
        created_at: Set(now),
        updated_at: Set(now),
        ..Default::default()
    }
    .insert(&*change)
    .await
    .or_conflict(|_| invited(&email))?;
    if !roles.is_empty() {
        let promises = roles.iter().map(|role| invitation_role::ActiveModel {
            invitation_pk: Set(row.pk),
            role_pk: Set(role.role_pk),
            tenant_pk: Set(role.tenant_pk),
            scope: Set(role.scope_key()),
        });
        invitation_role::Entity::insert_many(promises)
            .exec_without_returning(&*change)
            .await?;
    }
    mail_in_txn(&*change, op, &home, &row, &secret).await?;
    let event = Event::new("invitation.send", row.pk, &row.id).of_tenant(home.pk, row.tenant_pk);
    let promised = roles.iter().map(|role| role.mention().added());
    let into = tenant.label.iter().map(|tenant| tenant.mention().added());
    change.commit([event.about(promised.chain(into))]).await?;
    Ok(row.into())
}

/// Refuses an address that has an open invitation to the organization. Callers who manage single tenants must not learn
/// about the others': the database alone refuses a second one to the same tenant, and an account decides which is accepted.
async fn not_invited(
    connection: &impl ConnectionTrait,
    granted: &Granted,
    organization_pk: i64,
    email: &Email,
    now: Timestamp,
) -> Result<()> {
    let open = table::Entity::find()
        .filter(table::within(granted))
        .filter(table::pending(now))
        .filter(Column::OrganizationPk.eq(organization_pk))
        .filter(Column::Email.eq(email.clone()))
        .one(connection)
        .await?;
    match open {
        None => Ok(()),
        Some(_) => Err(invited(email)),
    }
}

fn invited(email: &Email) -> Error {
    Error::conflict(
        ConflictReason::Taken,
        format!("The organization has already invited '{email}'; resend or withdraw that invitation."),
    )
}

/// Refuses an address that has an account in this organization, as far as the caller may know: for callers who manage single
/// tenants, the account is only found when the invitation is accepted.
pub(super) async fn free_address(
    connection: &impl ConnectionTrait,
    granted: &Granted,
    organization_pk: i64,
    email: &Email,
) -> Result<()> {
    let owner = user::Entity::find()
        .filter(user::within(granted))
        .filter(user::Column::OrganizationPk.eq(organization_pk))
        .filter(user::Column::Email.eq(email.clone()))
        .one(connection)
        .await?;
    match owner {
        None => Ok(()),
        Some(_) => Err(Error::conflict(ConflictReason::Taken, address_taken(email))),
    }
}

/// Mails the invitation with its current secret.
pub(super) async fn mail_in_txn(
    connection: &impl ConnectionTrait,
    op: &OpContext,
    organization: &organization::Model,
    invitation: &table::Model,
    secret: &Secret,
) -> Result<()> {
    let inviter = match invitation.inviter_pk {
        Some(pk) => user::Entity::find_by_id(pk).one(connection).await?.and_then(name_of),
        None => None,
    };
    let post = Post {
        to: &invitation.email,
        letter: Letter::Invitation {
            organization: organization.name.clone(),
            inviter,
            expires_at_micros: invitation.expires_at.micros(),
            token: secret.expose().to_owned(),
        },
        organization_pk: organization.pk,
        user_pk: None,
        invitation_pk: Some(invitation.pk),
        ends_at: invitation.expires_at,
    };
    outbox::put_in_txn(connection, op, post).await
}

/// The name of the user who sends an invitation, if the user has one: an address or an id is no name for strangers.
fn name_of(row: user::Model) -> Option<String> {
    let user = User::from(row);
    let name = user.display_name_without_email();
    (name != user.id.as_str()).then_some(name)
}
