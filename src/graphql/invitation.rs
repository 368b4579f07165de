//! Invitations in the schema.

use std::collections::HashMap;

use async_graphql::{Context, Enum, ID, InputObject, Object, SimpleObject};

use crate::authz::Resource;
use crate::context::OpContext;
use crate::directory::invitation::{
    self, Acceptance, Invitation, InvitationFields, InvitationState, MailState, NewInvitation, Term,
};
use crate::directory::organization::Organization;
use crate::directory::role;
use crate::directory::tenant::Tenant;
use crate::directory::user::User;
use crate::graphql::filter::related;
use crate::graphql::organization::{OrganizationObject, OrganizationWhere, beside as organizations_beside};
use crate::graphql::role::{
    OrganizationRoleValue, RoleObject, TenantRoleData, TenantRoleObject, beside as roles_beside,
    for_tenants_beside as tenant_roles_beside,
};
use crate::graphql::tenant::{TenantObject, TenantWhere, beside as tenants_beside};
use crate::graphql::user::{UserObject, in_field as users_in_field, to_itself};
use crate::graphql::{
    DateTime, List, Listing, Related, Result, Selection, Shared, connection_type, list_fields, listing, node_fields,
    op, order_by, where_input,
};
use crate::list::Filter;

/// An invitation to create an account, sent by email. Its token is only in the email. Readable with `read:user`.
#[derive(Clone, Debug, SimpleObject)]
#[graphql(name = "Invitation", complex)]
pub struct InvitationObject {
    /// The id of the invitation. It is not the token.
    pub id: ID,
    /// The email address that the invitation is sent to. It becomes the new user's email address.
    pub email: String,
    /// Its current state.
    pub state: InvitationStateValue,
    /// The organization that the new user will belong to.
    pub organization: Option<Shared<OrganizationObject>>,
    /// The id of that organization.
    pub organization_id: ID,
    /// The tenant that the new user will belong to; null if none.
    pub tenant: Option<Shared<TenantObject>>,
    /// The id of that tenant; null if none.
    pub tenant_id: Option<ID>,
    /// The roles that the new user will have for the whole organization, ordered by name.
    pub roles: List<Shared<RoleObject>>,
    /// The roles that the new user will have for single tenants, ordered by name.
    pub tenant_roles: List<TenantRoleObject>,
    /// When the invitation expires. Its token is then no longer accepted.
    pub expiry_date: DateTime,
    /// When it was accepted; null if it was not.
    pub accepted_at: Option<DateTime>,
    /// When it was withdrawn, its `inviter` was deleted, or it was replaced by a newer one after it had expired; null
    /// otherwise.
    pub withdrawn_at: Option<DateTime>,
    /// Delivery state of its last email.
    pub mail_state: MailStateValue,
    /// When the mail server accepted its last email; null if it has not.
    pub mailed_at: Option<DateTime>,
    /// Why the last attempt to send its last email failed, usually the mail server's reply; null if it did not fail.
    pub mail_problem: Option<String>,
    /// The user who sent it, or who last sent it again; null if no user did, if that user was deleted, or if the caller
    /// cannot see that user. While that user is deactivated, the invitation cannot be accepted.
    pub inviter: Option<Shared<UserObject>>,
    /// Incremented by every change.
    pub version: i64,
    /// When it was first sent.
    pub created_at: DateTime,
    /// When it was last updated.
    pub updated_at: DateTime,
}

node_fields! {
    InvitationObject as "Invitation" {}
}

/// Delivery state of an invitation's last email.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(name = "MailState", remote = "MailState")]
pub enum MailStateValue {
    /// It is waiting to be sent, or to be sent again after a failed attempt.
    Waiting,
    /// The mail server accepted it.
    Sent,
    /// The mail server rejected it, or all attempts failed until the invitation expired. Resend the invitation; if the
    /// email address is wrong, withdraw it and invite the correct address.
    Failed,
}

/// State of an invitation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(name = "InvitationState", remote = "InvitationState")]
pub enum InvitationStateValue {
    /// It can be accepted, unless its `inviter` is deactivated.
    Pending,
    /// It was accepted.
    Accepted,
    /// It was withdrawn, its `inviter` was deleted, or it was replaced by a newer one after it had expired.
    Withdrawn,
    /// It has expired. `resendInvitation` sends it again.
    Expired,
}

where_input! {
    /// Filter for invitations. Conditions are combined with AND; a null condition is ignored, also in nested filters.
    InvitationWhere of Term;
    target named;
    id id id_in;
    address email email_in email_starts_with email_contains = Email;
    {
        /// Invitations in this state.
        state: InvitationStateValue = |op, state| {
            [Filter::Is(Term::State { state: state.into(), at: op.now() })]
        },
        /// Invitations to an organization that matches this.
        organization: Box<OrganizationWhere> = |op, one| related(one.filter(op), Term::Organization),
        /// Invitations to a tenant that matches this.
        tenant: Box<TenantWhere> = |op, one| related(one.filter(op), Term::Tenant),
    }
}

order_by! {
    /// Sort order of invitations; ties are in the order in which they were created.
    InvitationOrderBy {
        CreatedAt: CreatedAtAsc "Oldest first; the default.", CreatedAtDesc "Newest first.";
        UpdatedAt: UpdatedAtAsc "Least recently updated first.", UpdatedAtDesc "Most recently updated first.";
        Email: EmailAsc "By email address, ascending.", EmailDesc "By email address, descending.";
        Id: IdAsc "By id, ascending by code point.", IdDesc "By id, descending.";
    }
}

connection_type!(InvitationConnection, InvitationEdge, InvitationObject, "invitations");

impl Listing for Invitation {
    type Object = InvitationObject;
    type Where = InvitationWhere;
    type OrderBy = InvitationOrderBy;
    type Preloaded = Preloaded;

    fn behind(name: &str) -> InvitationFields {
        match name {
            "state" => InvitationFields::EXPIRES_AT | InvitationFields::ACCEPTED_AT | InvitationFields::WITHDRAWN_AT,
            "expiryDate" => InvitationFields::EXPIRES_AT,
            "mailState" => InvitationFields::MAILED_AT | InvitationFields::MAIL_FAILED_AT,
            _ => InvitationFields::empty(),
        }
    }

    async fn preload(
        op: &OpContext,
        things: &[Self],
        selection: &Selection<'_>,
    ) -> crate::model::error::Result<Self::Preloaded> {
        let keys = things.iter().map(|thing| thing.pk);
        let owners = things.iter().map(|thing| thing.organization_pk);
        let organizations = organizations_beside(op, selection, owners).await?;
        let tenants = tenants_beside(op, selection, things.iter().filter_map(|thing| thing.tenant_pk)).await?;
        let senders = things.iter().filter_map(|thing| thing.inviter_pk);
        let inviters = users_in_field(op, selection, "inviter", senders).await?;
        let (mut roles, mut tenant_roles) = (HashMap::new(), HashMap::new());
        if selection.has("roles") || selection.has("tenantRoles") {
            let promised = invitation::promised_roles(op.db().reader(), keys).await?;
            let (everywhere, for_tenants) = role::by_scope(promised);
            if let Some(under) = selection.under_field("roles") {
                let promised = everywhere.iter().map(|(pk, roles)| (*pk, roles.as_slice()));
                roles = roles_beside(op, promised, &under).await?;
            }
            if let Some(under) = selection.under_field("tenantRoles") {
                tenant_roles = tenant_roles_beside(op, Resource::Invitation, for_tenants, &under).await?;
            }
        }
        Ok(Preloaded {
            organizations,
            tenants,
            inviters,
            roles,
            tenant_roles,
        })
    }

    fn object(self, op: &OpContext, preloaded: &Preloaded) -> InvitationObject {
        InvitationObject {
            state: self.state(op.now()).into(),
            roles: preloaded.roles.get(&self.pk).cloned().unwrap_or_default(),
            tenant_roles: preloaded.tenant_roles.get(&self.pk).cloned().unwrap_or_default(),
            id: ID(self.id.to_string()),
            email: self.email.as_ref().map(ToString::to_string).unwrap_or_default(),
            organization_id: preloaded.organizations.id(self.organization_pk).unwrap_or_default(),
            organization: preloaded.organizations.object(self.organization_pk),
            tenant_id: preloaded.tenants.id(self.tenant_pk),
            tenant: preloaded.tenants.object(self.tenant_pk),
            expiry_date: self.expires_at.into(),
            accepted_at: self.accepted_at.map(DateTime),
            withdrawn_at: self.withdrawn_at.map(DateTime),
            mail_state: self.mail_state().into(),
            mailed_at: self.mailed_at.map(DateTime),
            mail_problem: self.mail_problem,
            inviter: preloaded.inviters.object(self.inviter_pk),
            version: self.version,
            created_at: self.created_at.into(),
            updated_at: self.updated_at.into(),
        }
    }
}

/// The relations of a page of invitations.
pub struct Preloaded {
    organizations: Related<Organization>,
    tenants: Related<Tenant>,
    inviters: Related<User>,
    roles: HashMap<i64, List<Shared<RoleObject>>>,
    tenant_roles: HashMap<i64, List<TenantRoleObject>>,
}

/// The email address to invite, and the new user's organization, tenant and roles.
#[derive(Clone, Debug, InputObject)]
pub struct InviteUserData {
    /// At most 254 bytes; stored in lower case.
    email: String,
    /// Default: the caller's organization. Only a super admin can choose another one.
    organization_id: Option<ID>,
    /// Default: the caller's tenant, if the invitation is to the caller's organization; otherwise none. A caller who has
    /// `write:user` for single tenants only invites to these; the default is then the only one.
    tenant_id: Option<ID>,
    /// Assigns the built-in role of this value, in addition to `roles`. The caller must have all permissions of the
    /// role.
    organization_role: Option<OrganizationRoleValue>,
    /// Names or ids of roles; none by default. The caller must have all permissions of these roles.
    roles: Option<Vec<String>>,
    /// Roles for single tenants; none by default. The caller must have all permissions of these roles, for the
    /// organization or for the tenant.
    tenant_roles: Option<Vec<TenantRoleData>>,
    /// When the invitation expires, at most ninety days from now. Default: in seven days.
    expiry_date: Option<DateTime>,
}

/// The names and the password of the new user.
#[derive(Clone, InputObject)]
pub struct AcceptInvitationData {
    /// At most 255 characters.
    name: Option<String>,
    /// At most 255 characters.
    firstname: Option<String>,
    /// At most 255 characters.
    lastname: Option<String>,
    /// 8 to 128 characters, after normalization to NFC with every Unicode space replaced by an ASCII space. Must not be
    /// a commonly used password, the invited email address, or its part before the `@`.
    password: String,
}

list_fields! {
    InvitationQuery of Invitation as InvitationObject, InvitationWhere, InvitationOrderBy, InvitationConnection;
    where "Filter. Default: all invitations.";
    /// The invitations of the caller's organization; for a super admin, of all organizations. Needs `read:user`; for single
    /// tenants, it shows the invitations to these.
    invitations;
    /// Number of invitations that `invitations` lists for this `where`.
    count_invitations;
    /// `invitations` with cursor pagination. While you page, rows that do not change are neither repeated nor skipped.
    invitations_connection;
    /// The invitation that `where` names, if `invitations` would list it; otherwise null.
    invitation where "Which invitation: `id` or `email` is required; any further conditions must match too.";
}

#[derive(Default)]
pub struct InvitationMutation;

#[Object]
impl InvitationMutation {
    /// Emails an invitation to create an account. Needs `write:user`. Fails with `CONFLICT` if a user with this email
    /// address exists, or if the organization already has a pending invitation for it.
    async fn invite_user(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The email address to invite, and the new user's organization, tenant and roles.")]
        data: InviteUserData,
    ) -> Result<InvitationObject> {
        let new = NewInvitation {
            email: data.email,
            organization_id: data.organization_id.map(|id| id.0),
            tenant_id: data.tenant_id.map(|id| id.0),
            organization_role: data.organization_role.map(Into::into),
            roles: data.roles.unwrap_or_default(),
            tenant_roles: data.tenant_roles.into_iter().flatten().map(Into::into).collect(),
            expires_at: data.expiry_date.map(|date| date.0),
        };
        listing::one(ctx, invitation::send(op(ctx), new)).await
    }

    /// Emails a pending or expired invitation again with a new token; the previous token becomes invalid. The
    /// invitation then expires in seven days, or at its current expiry date if that is later, and the caller is its
    /// `inviter`. Fails with `CONFLICT` if
    /// it was accepted or withdrawn, or if a user with this email address exists. Needs `write:user` and every
    /// permission of the invitation's roles that tenantry itself checks.
    async fn resend_invitation(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The invitation: `id` is required; any further conditions must match too.")]
        r#where: InvitationWhere,
        #[graphql(desc = "Fail with `CONFLICT` unless the invitation still has this `version`.")]
        expected_version: Option<i64>,
    ) -> Result<InvitationObject> {
        let named = r#where.named(op(ctx));
        listing::one(ctx, invitation::resend(op(ctx), &named, expected_version)).await
    }

    /// Withdraws a pending or expired invitation: its token becomes invalid. Fails with `CONFLICT` if it was accepted
    /// or already withdrawn. Needs `write:user` and every permission of the invitation's roles that tenantry itself
    /// checks.
    async fn withdraw_invitation(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The invitation: `id` is required; any further conditions must match too.")]
        r#where: InvitationWhere,
        #[graphql(desc = "Fail with `CONFLICT` unless the invitation still has this `version`.")]
        expected_version: Option<i64>,
    ) -> Result<InvitationObject> {
        let named = r#where.named(op(ctx));
        listing::one(ctx, invitation::withdraw(op(ctx), &named, expected_version)).await
    }

    /// Creates the invited user with the token from the email, and marks the email address as verified. Needs no other
    /// credential; the token works once. Fails with `SEAT_LIMIT_REACHED` if the organization already has as many
    /// activated users as its `seatLimit`, and with `CONFLICT` if a user with the email address has been created in the
    /// meantime. In both cases the invitation stays pending.
    async fn accept_invitation(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The token from the email.")] token: String,
        #[graphql(desc = "The names and the password of the new user.")] data: AcceptInvitationData,
    ) -> Result<UserObject> {
        let given = Acceptance {
            name: data.name,
            firstname: data.firstname,
            lastname: data.lastname,
            password: data.password.into(),
        };
        to_itself(
            ctx,
            crate::directory::invitation::accept(op(ctx), &token, &given).await?,
        )
        .await
    }
}
