//! `groups`.

use sea_orm::entity::prelude::*;
use sea_orm::sea_query::SimpleExpr;
use sea_orm::{Condition, QuerySelect, QueryTrait};

use super::{group_member, group_role, in_tenants, user};
use crate::authz::{Granted, Scope};
use crate::model::{GroupId, Timestamp};

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "groups")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub pk: i64,
    pub id: GroupId,
    pub organization_pk: i64,
    pub key: String,
    pub name: String,
    pub description: Option<String>,
    /// The id that another system gave it.
    pub external_id: Option<String>,
    /// The name without regard to case.
    pub name_key: String,
    /// The folded name, by which lists are sorted.
    pub sort_name: String,
    /// The words of its name and its id, each with a space before it.
    pub words: String,
    pub version: i64,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

super::words::folded_of_id_and_name!(name_key);

/// A caller with only its own scope sees the groups that it is a member of. For a tenant these are the groups that have
/// a user of the tenant as a member, or give a role for the tenant.
pub fn within(granted: &Granted) -> Condition {
    match granted.scope() {
        Scope::Everything => Condition::all(),
        Scope::Organization(pk) => Condition::all().add(Column::OrganizationPk.eq(*pk)),
        Scope::Tenants(tenants) => {
            let users = user::pks_within(granted);
            let givers = group_role::Entity::find()
                .select_only()
                .column(group_role::Column::GroupPk)
                .filter(in_tenants(
                    tenants,
                    group_role::Column::OrganizationPk,
                    group_role::Column::TenantPk,
                ));
            let theirs = Condition::any()
                .add(of_members(group_member::Column::UserPk.in_subquery(users)))
                .add(Column::Pk.in_subquery(givers.into_query()));
            Condition::all()
                .add(Column::OrganizationPk.eq(tenants.organization_pk))
                .add(theirs)
        }
        Scope::Oneself(pk) => Condition::all().add(of_members(group_member::Column::UserPk.eq(*pk))),
    }
}

fn of_members(which: SimpleExpr) -> SimpleExpr {
    let groups = group_member::Entity::find()
        .select_only()
        .column(group_member::Column::GroupPk)
        .filter(which);
    Column::Pk.in_subquery(groups.into_query())
}
