//! Creates a role.

use sea_orm::{ActiveModelTrait, ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, Set};

use super::{PRODUCT_WIDE_MAX, Role, RoleScope, reserved};
use crate::authz::escalation::{as_oneself, directly, may_grant, with_all_permissions};
use crate::authz::{Action, Resource};
use crate::context::{Change, OpContext};
use crate::directory::organization;
use crate::model;
use crate::model::error::{ConflictReason, Error, OrConflict, Result, shown};
use crate::model::{Door, Permissions, Rights};
use crate::store::audit_trail::{Event, Mention};
use crate::store::catalogue::{self, Catalogued as _};
use crate::store::entity::role::{self as table, Column};

/// A new role as the caller describes it.
#[derive(Clone, Debug, Default)]
pub struct NewRole {
    pub name: String,
    pub description: Option<String>,
    /// Names; none by default.
    pub permissions: Vec<String>,
    /// The caller's organization by default; only a super admin can specify another one.
    pub organization_id: Option<String>,
    pub scope: RoleScope,
}

/// Creates a role of an organization. `CONFLICT` for a name that is taken in the organization, or reserved for a
/// built-in role; `FORBIDDEN` for permissions beyond the caller's. A product-wide role can only be created by super
/// admins; its name must be free in every organization.
pub async fn create(op: &OpContext, new: NewRole) -> Result<Role> {
    match new.scope {
        RoleScope::Organization => of_organization(op, new).await,
        RoleScope::Product => product_wide(op, new).await,
        RoleScope::BuiltIn => Err(Error::invalid("scope", "Nobody can create a built-in role.".to_owned())),
    }
}

async fn of_organization(op: &OpContext, new: NewRole) -> Result<Role> {
    let granted = op.authorize(Action::Create, Resource::Role)?;
    let draft = Draft::parse(&new)?;
    let change = op.begin().await?;
    let catalogue = catalogue::hold(&*change).await?;
    let permissions = catalogue.parse(&new.permissions)?;
    may_grant(op.actor(), &Rights::of_organization(permissions))?;
    let home = organization::home(&*change, op.actor(), &granted, new.organization_id.as_deref()).await?;
    free_in_product(&*change, &draft.name).await?;
    let (row, event) = insert(op, &change, draft, permissions, Some(home.pk)).await?;
    change.commit([event]).await?;
    Ok(row.into())
}

async fn product_wide(op: &OpContext, new: NewRole) -> Result<Role> {
    op.authorize(Action::Create, Resource::ProductRole)?;
    in_full_power(op)?;
    if new.organization_id.is_some() {
        return Err(Error::invalid(
            "organizationId",
            "A product-wide role belongs to no organization. Omit 'organizationId'.".to_owned(),
        ));
    }
    let change = op.begin().await?;
    catalogue::change(&*change).await?;
    let (row, event) = create_in_txn(op, &change, &new).await?;
    change.commit([event]).await?;
    Ok(row.into())
}

/// Creates a product-wide role within a change of the catalogue; returns the event.
pub async fn create_in_txn(op: &OpContext, change: &Change<'_>, new: &NewRole) -> Result<(table::Model, Event)> {
    let draft = Draft::parse(new)?;
    let permissions = change.known().now().parse(&new.permissions)?;
    for_products(permissions)?;
    may_grant(op.actor(), &Rights::of_organization(permissions))?;
    let there = table::Entity::find().filter(Column::Product.eq(true));
    if there.count(&**change).await? >= PRODUCT_WIDE_MAX {
        return Err(Error::LimitExceeded(format!(
            "There are already {PRODUCT_WIDE_MAX} product-wide roles, which is the limit."
        )));
    }
    free_in_organizations(&**change, &draft.name).await?;
    insert(op, change, draft, permissions, None).await
}

/// What a new role is like, apart from its permissions.
struct Draft {
    name: String,
    description: Option<String>,
}

impl Draft {
    fn parse(new: &NewRole) -> Result<Self> {
        let description = model::description("description", new.description.as_deref())?;
        Ok(Self {
            name: role_name(&new.name)?,
            description: description.filter(|text| !text.is_empty()),
        })
    }
}

async fn insert(
    op: &OpContext,
    change: &Change<'_>,
    draft: Draft,
    permissions: Permissions,
    organization_pk: Option<i64>,
) -> Result<(table::Model, Event)> {
    let now = op.now();
    let catalogue = change.known().now();
    let row = table::ActiveModel {
        id: Set(op.new_id().into()),
        organization_pk: Set(organization_pk),
        product: Set(organization_pk.is_none()),
        name: Set(draft.name.clone()),
        description: Set(draft.description),
        permissions: Set(catalogue.to_stored(permissions)),
        version: Set(1),
        created_at: Set(now),
        updated_at: Set(now),
        ..Default::default()
    };
    let row = row.insert(&**change).await.or_conflict(|_| taken(&draft.name))?;
    let given = catalogue.names(permissions).into_iter();
    let event = Event::new("role.create", row.pk, &row.id)
        .of_organization(organization_pk)
        .named(row.name.clone())
        .about(given.map(|name| Mention::permission(&name).added()));
    Ok((row, event))
}

/// Refuses to change what all organizations have as somebody else, or with an API key that is limited to some permissions.
pub(super) fn in_full_power(op: &OpContext) -> Result<()> {
    const WHAT: &str = "Changing a product-wide role";
    as_oneself(op.actor(), WHAT)?;
    directly(op.actor(), WHAT)?;
    with_all_permissions(op.actor(), WHAT)
}

/// Refuses permissions that would make a role of every organization one that reaches beyond its organization.
pub fn for_products(permissions: Permissions) -> Result<()> {
    match permissions.open(Door::WRITE_ORG) {
        true => Err(Error::invalid(
            "permissions",
            "A product-wide role cannot have the permission 'write:org'.".to_owned(),
        )),
        false => Ok(()),
    }
}

/// Refuses the name of a product-wide role.
pub async fn free_in_product(connection: &impl ConnectionTrait, name: &str) -> Result<()> {
    let there = table::Entity::find().filter(Column::Product.eq(true));
    let same = there.filter(Column::Name.eq(name)).one(connection).await?;
    match same {
        Some(_) => Err(Error::conflict(
            ConflictReason::Taken,
            format!("A product-wide role has the name '{}'.", shown(name)),
        )),
        None => Ok(()),
    }
}

/// Refuses a name that a role of an organization has.
pub async fn free_in_organizations(connection: &impl ConnectionTrait, name: &str) -> Result<()> {
    let there = table::Entity::find().filter(Column::OrganizationPk.is_not_null());
    match there.filter(Column::Name.eq(name)).count(connection).await? {
        0 => Ok(()),
        some => Err(Error::conflict(
            ConflictReason::InUse,
            format!(
                "In {some} organizations, a role has the name '{}' already. Choose another one.",
                shown(name)
            ),
        )),
    }
}

/// A name that nobody can take for a built-in role; see [`reserved`].
pub fn role_name(name: &str) -> Result<String> {
    let name = model::name("name", name)?.trim().to_owned();
    reserved::free(&name)?;
    Ok(name)
}

/// The refusal of a name that another role has.
pub fn taken(name: &str) -> Error {
    Error::conflict(
        ConflictReason::Taken,
        format!("A role with the name '{}' already exists.", shown(name)),
    )
}
