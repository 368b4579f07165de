//! Organizations in the schema.

mod mail_language;
mod stats;

pub use mail_language::MailLanguageValue;
pub use stats::OrganizationStats;
use stats::seats_used;

use std::collections::HashMap;

use async_graphql::{Context, Enum, ID, InputObject, Object, SimpleObject};

use crate::context::OpContext;
use crate::directory::organization::{
    self, Clearable, ClearableSetting, NewOrganization, Organization, OrganizationChange, SettingsChange, Stats, Term,
};
use crate::directory::tenant::Tenant;
use crate::directory::user::User;
use crate::graphql::tenant::{TenantObject, TenantOrderBy, TenantWhere};
use crate::graphql::user::{UserObject, UserOrderBy, UserWhere};
use crate::graphql::{
    DateTime, Json, KeptJson, Listing, Nested, Related, Result, Selection, connection_type, list_fields, listing,
    node_fields, op, order_by, where_input,
};
use crate::list::{Filter, Search};
use crate::store::entity::{tenant as tenant_table, user as user_table};

/// A customer, with its tenants and users. Nothing is shared between organizations.
///
/// Readable with `read:org`. Without it, the users of the organization can still read its `id`, `name`, `version`,
/// `productName`, `mailLanguage`, `createdAt` and `updatedAt`.
#[derive(Clone, Debug, SimpleObject)]
#[graphql(name = "Organization", complex)]
pub struct OrganizationObject {
    /// Chosen at creation, or a UUID; unique in the whole system.
    pub id: ID,
    /// 1 to 255 characters.
    pub name: String,
    /// Free-form JSON; null if none, or if the caller lacks `read:org`. Setting it needs `write:org`.
    pub variables: Option<KeptJson>,
    /// Maximum number of activated users; null if there is no limit, or if the caller lacks `read:org`.
    pub seat_limit: Option<i64>,
    /// Number of activated users, without services whose `takesSeat` is false; null if the caller lacks `read:org`.
    pub seats_used: Option<i64>,
    /// Whether email is sent to its users and to people it invites; null if the caller lacks `read:org`.
    pub mail_allowed: Option<bool>,
    /// Whether its users can switch to their accounts in other organizations, and from those to this one; null if the
    /// caller lacks `read:org`.
    pub account_switching: Option<bool>,
    /// The name of its product, shown in email to its users and to people it invites; null if none, and then its `name` is
    /// shown.
    pub product_name: Option<String>,
    /// The language of that email.
    pub mail_language: MailLanguageValue,
    /// Whether a new email address of a user must be confirmed with a link that is emailed to it, also if an
    /// administrator changes it; null if the caller lacks `read:org`.
    pub confirm_email_changes: Option<bool>,
    /// Incremented by every change. Pass it as `expectedVersion`: the mutation then fails with `CONFLICT` if the object
    /// has changed since you read it.
    pub version: i64,
    /// When it was created.
    pub created_at: DateTime,
    /// When it was last updated.
    pub updated_at: DateTime,
    /// How many objects it has; null if the caller does not see all of its users.
    pub stats: Option<OrganizationStats>,
    #[graphql(skip)]
    users: Nested<UserObject>,
    #[graphql(skip)]
    tenants: Nested<TenantObject>,
}

node_fields! {
    OrganizationObject as "Organization" {
        /// Its users that the caller may see.
        users: UserObject, UserWhere, UserOrderBy;
        where "Filter. Default: all users.";
        /// Its tenants. Needs `read:tenant`.
        tenants: TenantObject, TenantWhere, TenantOrderBy;
        where "Filter. Default: all tenants.";
    }
}

where_input! {
    /// Filter for organizations. Conditions are combined with AND; a null condition is ignored.
    OrganizationWhere of Term;
    target named;
    id id id_in id_starts_with id_contains;
    text name name_in name_starts_with name_contains = Name, "name", "names", "Name";
    {
        /// Each word of this text is the beginning of a word of the name or the id. Case and accents do not matter.
        text: String = |_, text| [Filter::Is(Term::Text(Search::of(&text)))],
        /// Organizations with a user who matches this and whom the caller may see.
        user: Box<UserWhere> = |op, user| {
            let user = user.filter(op);
            (!user.is_empty()).then(|| Term::user(op, user))
        },
    }
}

order_by! {
    /// Sort order of organizations; ties are in the order in which they were created.
    OrganizationOrderBy {
        CreatedAt: CreatedAtAsc "Oldest first; the default.", CreatedAtDesc "Newest first.";
        UpdatedAt: UpdatedAtAsc "Least recently updated first.", UpdatedAtDesc "Most recently updated first.";
        Name: NameAsc "By name, ascending. Case and accents do not matter.", NameDesc "By name, descending.";
        Id: IdAsc "By id, ascending by code point.", IdDesc "By id, descending.";
    }
}

connection_type!(
    OrganizationConnection,
    OrganizationEdge,
    OrganizationObject,
    "organizations"
);

impl Listing for Organization {
    type Object = OrganizationObject;
    type Where = OrganizationWhere;
    type OrderBy = OrganizationOrderBy;
    type Preloaded = Preloaded;

    async fn preload(
        op: &OpContext,
        things: &[Self],
        selection: &Selection<'_>,
    ) -> crate::model::error::Result<Self::Preloaded> {
        let keys: Vec<i64> = things.iter().map(|thing| thing.pk).collect();
        let (of_user, of_tenant) = (user_table::Column::OrganizationPk, tenant_table::Column::OrganizationPk);
        Ok(Preloaded {
            users: listing::nest::<User>(op, selection, "users", of_user, &keys).await?,
            tenants: listing::nest::<Tenant>(op, selection, "tenants", of_tenant, &keys).await?,
            seats_used: match selection.has("seatsUsed") {
                true => seats_used(op, &keys).await?,
                false => None,
            },
            stats: match selection.has("stats") {
                true => organization::stats(op, &keys).await?,
                false => HashMap::new(),
            },
        })
    }

    fn object(self, _op: &OpContext, preloaded: &Preloaded) -> OrganizationObject {
        let seats_used = preloaded.seats_used.as_ref();
        OrganizationObject {
            seats_used: seats_used.map(|used| used.get(&self.pk).copied().unwrap_or_default()),
            users: preloaded.users.get(&self.pk).cloned().unwrap_or_default(),
            tenants: preloaded.tenants.get(&self.pk).cloned().unwrap_or_default(),
            id: ID(self.id.to_string()),
            name: self.name,
            variables: self.variables.map(KeptJson::from),
            seat_limit: self.seat_limit,
            mail_allowed: self.mail_allowed,
            account_switching: self.account_switching,
            product_name: self.product_name,
            mail_language: self.mail_language.unwrap_or_default().into(),
            confirm_email_changes: self.confirm_email_changes,
            version: self.version,
            created_at: self.created_at.into(),
            updated_at: self.updated_at.into(),
            stats: preloaded.stats.get(&self.pk).copied().map(Into::into),
        }
    }
}

/// The relations of a page of organizations.
pub struct Preloaded {
    users: HashMap<i64, Nested<UserObject>>,
    tenants: HashMap<i64, Nested<TenantObject>>,
    seats_used: Option<HashMap<i64, i64>>,
    stats: HashMap<i64, Stats>,
}

/// The organizations of some objects, if they are selected, with what is selected under them.
pub async fn beside(
    op: &OpContext,
    selection: &Selection<'_>,
    pks: impl IntoIterator<Item = i64>,
) -> crate::model::error::Result<Related<Organization>> {
    let Some(under) = selection.under_related("organization") else {
        return Ok(Related::default());
    };
    let found = organization::by_keys(op, pks, listing::fields_of::<Organization>(&under)).await?;
    Related::present(op, found, &under).await
}

/// A new organization.
#[derive(Clone, Debug, InputObject)]
pub struct CreateOrganizationData {
    /// 1 to 255 printable ASCII characters without leading or trailing spaces; a new UUID by default.
    id: Option<ID>,
    /// 1 to 255 characters, not only spaces or other invisible characters.
    name: String,
    /// A JSON object of at most 64 KiB and 32 levels.
    variables: Option<Json>,
    /// Maximum number of activated users. Default: no limit.
    seat_limit: Option<i64>,
    /// Default: true. If false, the organization sends no email: password resets, email verification and invitations
    /// are not possible.
    mail_allowed: Option<bool>,
    /// Default: true. If false, `switchAccount` does not work to or from accounts of the organization.
    account_switching: Option<bool>,
    /// The name of its product in email, at most 100 characters. Default: none; email then shows its `name`.
    product_name: Option<String>,
    /// The language of its email. Default: `EN`.
    mail_language: Option<MailLanguageValue>,
    /// Default: false. If true, a new email address that an administrator sets is only in use once it is confirmed with
    /// the link that is emailed to it. Changing an address then needs email.
    confirm_email_changes: Option<bool>,
}

/// Changes to what an organization decides about itself. Fields that are null or omitted do not change.
#[derive(Clone, Debug, InputObject)]
pub struct UpdateOrganizationSettingsData {
    /// The name of its product in email, at most 100 characters; `""` clears it.
    product_name: Option<String>,
    /// The language of its email.
    mail_language: Option<MailLanguageValue>,
    /// If true, a new email address that an administrator sets is only in use once it is confirmed with the link that is
    /// emailed to it. Changing an address then needs email.
    confirm_email_changes: Option<bool>,
}

/// Fields of an organization's settings that can be cleared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(name = "ClearableInOrganizationSettings", remote = "ClearableSetting")]
pub enum ClearableSettingValue {
    /// `productName`: email then shows the organization's `name`.
    ProductName,
}

/// Changes to an organization. Fields that are null or omitted do not change.
#[derive(Clone, Debug, InputObject)]
pub struct UpdateOrganizationData {
    /// 1 to 255 characters, not only spaces or other invisible characters.
    name: Option<String>,
    /// A JSON object of at most 64 KiB and 32 levels; it replaces the current one.
    variables: Option<Json>,
    /// Maximum number of activated users. If the organization already has more, nobody is deactivated, but no further
    /// user can be activated.
    seat_limit: Option<i64>,
    /// If false, the organization sends no email: password resets, email verification and invitations are not possible.
    mail_allowed: Option<bool>,
    /// If false, `switchAccount` does not work to or from accounts of the organization. Sessions that were started with it
    /// do not end.
    account_switching: Option<bool>,
    /// The name of its product in email, at most 100 characters; `""` clears it.
    product_name: Option<String>,
    /// The language of its email.
    mail_language: Option<MailLanguageValue>,
    /// If true, a new email address that an administrator sets is only in use once it is confirmed with the link that is
    /// emailed to it. Changing an address then needs email.
    confirm_email_changes: Option<bool>,
}

/// Fields of an organization that can be cleared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(name = "ClearableInOrganization", remote = "Clearable")]
pub enum ClearableValue {
    /// `seatLimit`: removes the limit.
    SeatLimit,
    /// `variables`
    Variables,
    /// `productName`: email then shows the organization's `name`.
    ProductName,
}

list_fields! {
    OrganizationQuery of Organization as OrganizationObject, OrganizationWhere, OrganizationOrderBy, OrganizationConnection;
    where "Filter. Default: all organizations.";
    /// The caller's organization; for a super admin, all organizations. Needs `read:org`.
    organizations;
    /// Number of organizations that `organizations` lists for this `where`.
    count_organizations;
    /// `organizations` with cursor pagination. While you page, rows that do not change are neither repeated nor
    /// skipped.
    organizations_connection;
    /// The organization that `where` names, if `organizations` would list it; otherwise null.
    organization where "Which organization: `id` is required; any further conditions must match too.";
}

#[derive(Default)]
pub struct OrganizationMutation;

#[Object]
impl OrganizationMutation {
    /// Creates an organization. Super admins only; needs `write:org`.
    async fn create_organization(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The new organization.")] data: CreateOrganizationData,
    ) -> Result<OrganizationObject> {
        let new = NewOrganization {
            id: data.id.map(|id| id.0),
            name: data.name,
            variables: data.variables.map(Json::given),
            seat_limit: data.seat_limit,
            mail_allowed: data.mail_allowed,
            account_switching: data.account_switching,
            product_name: data.product_name,
            mail_language: data.mail_language.map(Into::into),
            confirm_email_changes: data.confirm_email_changes,
        };
        listing::one(ctx, organization::create(op(ctx), new)).await
    }

    /// Updates an organization. Needs `write:org`, which of the built-in roles only `super-admin` has.
    async fn update_organization(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The organization: `id` is required; any further conditions must match too.")]
        r#where: OrganizationWhere,
        #[graphql(desc = "The changes.")] data: UpdateOrganizationData,
        #[graphql(desc = "Fields to clear. A field must not be in both `clear` and `data`.")] clear: Option<
            Vec<ClearableValue>,
        >,
        #[graphql(desc = "Fail with `CONFLICT` unless the organization still has this `version`.")]
        expected_version: Option<i64>,
    ) -> Result<OrganizationObject> {
        let wanted = OrganizationChange {
            name: data.name,
            variables: data.variables.map(Json::given),
            seat_limit: data.seat_limit,
            mail_allowed: data.mail_allowed,
            account_switching: data.account_switching,
            product_name: data.product_name,
            mail_language: data.mail_language.map(Into::into),
            confirm_email_changes: data.confirm_email_changes,
            clear: clear.into_iter().flatten().map(Into::into).collect(),
        };
        let named = r#where.named(op(ctx));
        listing::one(ctx, organization::update(op(ctx), &named, wanted, expected_version)).await
    }

    /// Renames an organization. Needs `tenantry:organization-settings`, which the organization's administrators have.
    async fn rename_organization(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The organization: `id` is required; any further conditions must match too.")]
        r#where: OrganizationWhere,
        #[graphql(desc = "The new name: 1 to 255 characters, not only spaces or other invisible characters.")]
        name: String,
        #[graphql(desc = "Fail with `CONFLICT` unless the organization still has this `version`.")]
        expected_version: Option<i64>,
    ) -> Result<OrganizationObject> {
        let named = r#where.named(op(ctx));
        listing::one(ctx, organization::rename(op(ctx), &named, &name, expected_version)).await
    }

    /// Updates what an organization decides about itself: how its email is written, and whether new email addresses must be
    /// confirmed. Needs `tenantry:organization-settings`, which the organization's administrators have.
    async fn update_organization_settings(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The organization: `id` is required; any further conditions must match too.")]
        r#where: OrganizationWhere,
        #[graphql(desc = "The changes.")] data: UpdateOrganizationSettingsData,
        #[graphql(desc = "Fields to clear. A field must not be in both `clear` and `data`.")] clear: Option<
            Vec<ClearableSettingValue>,
        >,
        #[graphql(desc = "Fail with `CONFLICT` unless the organization still has this `version`.")]
        expected_version: Option<i64>,
    ) -> Result<OrganizationObject> {
        let wanted = SettingsChange {
            product_name: data.product_name,
            mail_language: data.mail_language.map(Into::into),
            confirm_email_changes: data.confirm_email_changes,
            clear: clear.into_iter().flatten().map(Into::into).collect(),
        };
        let named = r#where.named(op(ctx));
        listing::one(
            ctx,
            organization::update_settings(op(ctx), &named, wanted, expected_version),
        )
        .await
    }

    /// Deletes an organization with its groups, custom roles and invitations. Its audit events are kept. Fails with
    /// `CONFLICT` if it still has tenants or users. Super admins only; needs `write:org`.
    async fn delete_organization(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The organization: `id` is required; any further conditions must match too.")]
        r#where: OrganizationWhere,
        #[graphql(desc = "Fail with `CONFLICT` unless the organization still has this `version`.")]
        expected_version: Option<i64>,
    ) -> Result<OrganizationObject> {
        let named = r#where.named(op(ctx));
        listing::one(ctx, organization::delete(op(ctx), &named, expected_version)).await
    }
}
