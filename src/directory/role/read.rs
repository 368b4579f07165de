//! Reads roles, and looks up the one that a mutation changes.

use std::collections::HashMap;

use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, Condition, ConnectionTrait, DbBackend};
use strum::VariantArray;

use super::create::in_full_power;
use super::{Role, RoleFields, RoleScope};
use crate::authz::{Action, Granted, Resource};
use crate::context::OpContext;
use crate::directory::organization;
use crate::list::{self, Filter, Named, Sql, TextTest, text_condition};
use crate::model::BuiltIn;
use crate::model::error::{Error, Result};
use crate::store::entity::role::{self, Column};

/// Roles by internal key, for visible users and groups that have them.
pub async fn by_keys(
    op: &OpContext,
    pks: impl IntoIterator<Item = i64>,
    fields: RoleFields,
) -> Result<HashMap<i64, Role>> {
    let granted = op.authorize(Action::Read, Resource::Surroundings)?;
    list::by_keys(op, &granted, pks, fields).await
}

/// A condition on a role.
#[derive(Clone, Debug)]
pub enum Term {
    Id(TextTest),
    Name(TextTest),
    Scope(RoleScope),
    /// It has the permission of this name, which these built-in ones have.
    Permission(String, Vec<BuiltIn>),
    /// It belongs to a matching organization.
    Organization(Filter<organization::Term>),
}

impl Term {
    /// It has the permission of this name; `None` if there is no such permission.
    pub fn with_permission(op: &OpContext, name: &str) -> Option<Self> {
        let catalogue = op.catalogue();
        let permission = catalogue.named(name)?;
        let built_in = BuiltIn::VARIANTS.iter().copied();
        let built_in = built_in.filter(|role| catalogue.of_built_in(*role).contains(permission));
        Some(Self::Permission(name.to_owned(), built_in.collect()))
    }
}

/// The roles with the permission of this name; `None` if there is no such permission.
pub(super) fn having(op: &OpContext, name: &str) -> Option<Condition> {
    match Term::with_permission(op, name)? {
        Term::Permission(name, built_in) => Some(with_permission(op.db().backend(), &name, &built_in)),
        _ => None,
    }
}

/// The roles with a permission. Those of built-in roles are not in the database.
pub(super) fn with_permission(backend: DbBackend, permission: &str, built_in: &[BuiltIn]) -> Condition {
    let names = built_in.iter().map(|role| role.name());
    let built_in = Condition::all()
        .add(Column::OrganizationPk.is_null())
        .add(Column::Name.is_in(names));
    let stored = Expr::cust("' ' || roles.permissions || ' '");
    let word = TextTest::Contains(format!(" {permission} "));
    let not_built_in = Condition::any()
        .add(Column::OrganizationPk.is_not_null())
        .add(Column::Product.eq(true));
    let others = Condition::all()
        .add(not_built_in)
        .add(text_condition(backend, stored, &word));
    Condition::any().add(built_in).add(others)
}

/// The keys of the built-in roles.
pub async fn built_in_keys(op: &OpContext) -> Result<Vec<i64>> {
    let mut keys = Vec::with_capacity(BuiltIn::VARIANTS.len());
    for role in BuiltIn::VARIANTS {
        keys.push(op.built_in_roles().pk(op.db().reader(), *role).await?);
    }
    Ok(keys)
}

pub(super) fn condition(sql: &mut Sql, term: &Term) -> Result<Condition> {
    Ok(match term {
        Term::Id(test) => sql.text(Column::Id, test),
        Term::Name(test) => sql.text(Column::Name, test),
        Term::Permission(name, built_in) => with_permission(sql.backend(), name, built_in),
        Term::Scope(RoleScope::BuiltIn) => Condition::all()
            .add(Column::OrganizationPk.is_null())
            .add(Column::Product.eq(false)),
        Term::Scope(RoleScope::Product) => Condition::all().add(Column::Product.eq(true)),
        Term::Scope(RoleScope::Organization) => Condition::all().add(Column::OrganizationPk.is_not_null()),
        Term::Organization(filter) => organization::is_one_of(sql, Column::OrganizationPk, filter)?,
    })
}

/// Looks up the role to change, within the caller's scope, and locks it until the transaction ends. `FORBIDDEN` for a
/// built-in one, which everybody may see and nobody can change, and for a product-wide one unless the caller may change
/// those.
pub(super) async fn locate(
    op: &OpContext,
    connection: &impl ConnectionTrait,
    granted: &Granted,
    named: &Named<Term>,
) -> Result<role::Model> {
    let row = list::locate::<Role>(connection, granted, named, "role").await?;
    match (row.organization_pk, row.product) {
        (Some(_), _) => Ok(row),
        (None, true) => {
            op.authorize(Action::Modify, Resource::ProductRole).map_err(|_| {
                Error::forbidden(format!(
                    "The role '{}' belongs to every organization. Only a super admin can change it. Create a role of your \
                     own.",
                    row.name
                ))
            })?;
            in_full_power(op)?;
            Ok(row)
        }
        (None, false) => Err(Error::forbidden(format!(
            "The role '{}' is built in and cannot be changed. Create a role of your own.",
            row.name
        ))),
    }
}
