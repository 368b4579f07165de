//! Invitations in the schema.

use std::collections::HashMap;
use std::sync::Arc;

use async_graphql::{Context, Enum, ID, InputObject, Object, SimpleObject};

use crate::context::OpContext;
use crate::directory::invitation::{
    self, Acceptance, Invitation, InvitationFields, InvitationState, MailState, NewInvitation, Term,
};
use crate::directory::organization::Organization;
use crate::directory::tenant::Tenant;
use crate::graphql::filter::related;
use crate::graphql::organization::{OrganizationObject, OrganizationWhere, beside as organizations_beside};
use crate::graphql::role::{OrganizationRoleValue, RoleObject, beside as roles_beside};
use crate::graphql::tenant::{TenantObject, TenantWhere, beside as tenants_beside};
use crate::graphql::user::{UserObject, to_itself};
use crate::graphql::{
    DateTime, List, Listing, Related, Result, Selection, connection_type, list_fields, listing, op, order_by,
    where_input,
};
use crate::list::Filter;

/// An e-mailed invitation to an account. Its secret is only in the mail. Readable with `read:user`.
#[derive(Clone, Debug, SimpleObject)]
#[graphql(name = "Invitation")]
pub struct InvitationObject {
    /// Identifies the invitation; it is not its secret.
    pub id: ID,
    /// The invited address; the address of the account once it is accepted.
    pub email: String,
    /// Its current state.
    pub state: InvitationStateValue,
    /// The organization of the invited account.
    pub organization: Option<Box<OrganizationObject>>,
    /// The id of that organization.
    pub organization_id: String,
    /// The tenant of the invited account; null if none.
    pub tenant: Option<Box<TenantObject>>,
    /// The id of that tenant; null if none.
    pub tenant_id: Option<String>,
    /// The roles of the invited account, by name.
    pub roles: List<Arc<RoleObject>>,
    /// When its secret expires.
    pub expiry_date: DateTime,
    /// When it was accepted; null if it was not.
    pub accepted_at: Option<DateTime>,
    /// When it was withdrawn, or replaced by a newer one after it had expired; null if neither.
    pub withdrawn_at: Option<DateTime>,
    /// Delivery state of its last mail.
    pub mail_state: MailStateValue,
    /// When the mail server accepted its last mail; null if it has not.
    pub mailed_at: Option<DateTime>,
    /// Why its last mail was not accepted, in the mail server's words; null if nothing went wrong.
    pub mail_problem: Option<String>,
    /// Incremented by every change.
    pub version: i64,
    /// When it was first sent.
    pub created_at: DateTime,
    /// When it was last updated.
    pub updated_at: DateTime,
}

/// Delivery state of an invitation's last mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(name = "MailState", remote = "MailState")]
pub enum MailStateValue {
    /// It is being sent; it is tried again if the mail server cannot accept it now.
    Waiting,
    /// The mail server accepted it.
    Sent,
    /// The mail server refused it, or could not accept it for too long. Correct the address, or resend the invitation.
    Failed,
}

/// State of an invitation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(name = "InvitationState", remote = "InvitationState")]
pub enum InvitationStateValue {
    /// It can be accepted.
    Pending,
    /// It was accepted.
    Accepted,
    /// It was withdrawn, or replaced by a newer one after it had expired.
    Withdrawn,
    /// It has expired; it can be sent again.
    Expired,
}

where_input! {
    /// Filter for invitations. Conditions are combined with AND; null means not specified, at every depth.
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
    /// Sort order of invitations; ties are ordered by id.
    InvitationOrderBy {
        CreatedAt: CreatedAtAsc "Oldest first; the default.", CreatedAtDesc "Newest first.";
        UpdatedAt: UpdatedAtAsc "Least recently updated first.", UpdatedAtDesc "Most recently updated first.";
        Email: EmailAsc "By address, ascending.", EmailDesc "By address, descending.";
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
        let mut roles = HashMap::new();
        if let Some(under) = selection.under_field("roles") {
            let promised = invitation::promised_roles(op.db().reader(), keys).await?;
            let owners = promised.iter().map(|(pk, roles)| (*pk, roles.as_slice()));
            roles = roles_beside(op, owners, &under).await?;
        }
        Ok(Preloaded {
            organizations,
            tenants,
            roles,
        })
    }

    fn object(self, op: &OpContext, preloaded: &Preloaded) -> InvitationObject {
        InvitationObject {
            state: self.state(op.now()).into(),
            roles: preloaded.roles.get(&self.pk).cloned().unwrap_or_default(),
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
    roles: HashMap<i64, List<Arc<RoleObject>>>,
}

/// The person to invite, and to what.
#[derive(Clone, Debug, InputObject)]
pub struct InviteUserData {
    /// At most 254 bytes; stored in lower case.
    email: String,
    /// The caller's organization by default; another one requires a super admin.
    organization_id: Option<String>,
    /// The caller's tenant by default, if the invitation is to the caller's organization; otherwise none.
    tenant_id: Option<String>,
    /// One of the built-in roles, as Kili names them.
    organization_role: Option<OrganizationRoleValue>,
    /// Names or ids of roles; none by default. Nobody can grant permissions they do not have.
    roles: Option<Vec<String>>,
    /// When the invitation expires; in seven days by default, in ninety at most.
    expiry_date: Option<DateTime>,
}

/// The details of the invited person.
#[derive(Clone, InputObject)]
pub struct AcceptInvitationData {
    /// At most 255 characters.
    name: Option<String>,
    /// At most 255 characters.
    firstname: Option<String>,
    /// At most 255 characters.
    lastname: Option<String>,
    /// 8 to 128 characters after normalization (NFC, every space an ASCII space); not a commonly used password and not
    /// the address.
    password: String,
}

list_fields! {
    InvitationQuery of Invitation as InvitationObject, InvitationWhere, InvitationOrderBy, InvitationConnection;
    where "Filter; all invitations by default.";
    /// The invitations that the caller may read (`read:user`): those of the caller's organization; for a super admin,
    /// all.
    invitations;
    /// Number of invitations that `invitations` lists for this `where`.
    count_invitations;
    /// `invitations` with cursor pagination: unchanged rows are neither repeated nor skipped.
    invitations_connection;
}

#[derive(Default)]
pub struct InvitationMutation;

#[Object]
impl InvitationMutation {
    /// Mails an invitation to an account. Needs `write:user`. `CONFLICT` if the address has an account, or an open
    /// invitation of the organization, already.
    async fn invite_user(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The person to invite, and to what.")] data: InviteUserData,
    ) -> Result<InvitationObject> {
        let new = NewInvitation {
            email: data.email,
            organization_id: data.organization_id,
            tenant_id: data.tenant_id,
            organization_role: data.organization_role.map(Into::into),
            roles: data.roles.unwrap_or_default(),
            expires_at: data.expiry_date.map(|date| date.0),
        };
        listing::one(ctx, invitation::send(op(ctx), new)).await
    }

    /// Mails an open invitation again with a new secret; the previous one becomes invalid. It is then valid for seven
    /// days, or longer if it was already. `CONFLICT` if it was accepted or withdrawn. Needs `write:user`.
    async fn resend_invitation(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The invitation, by `id`.")] r#where: InvitationWhere,
    ) -> Result<InvitationObject> {
        let named = r#where.named(op(ctx));
        listing::one(ctx, invitation::resend(op(ctx), &named)).await
    }

    /// Withdraws an open invitation: its secret becomes invalid. `CONFLICT` if it was accepted or withdrawn. Needs
    /// `write:user`.
    async fn withdraw_invitation(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The invitation, by `id`.")] r#where: InvitationWhere,
    ) -> Result<InvitationObject> {
        let named = r#where.named(op(ctx));
        listing::one(ctx, invitation::withdraw(op(ctx), &named)).await
    }

    /// Creates the invited account with the token from the mail, and verifies its address. Anybody with the token can
    /// do this; it works once. `SEAT_LIMIT_REACHED` without a free seat, `CONFLICT` if the address was taken in the
    /// meantime; in both cases the invitation stays open.
    async fn accept_invitation(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The token from the mail.")] token: String,
        #[graphql(desc = "The new account's names and password.")] data: AcceptInvitationData,
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
