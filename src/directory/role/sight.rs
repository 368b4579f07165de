//! Whose roles the caller may know.
//!
//! The roles of others are for callers who may read roles; all others find only themselves by roles. Callers who may do so for
//! single tenants find only users of these tenants, by what these have for the whole organization and for these tenants.

use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{ExprTrait, Query};
use sea_orm::{Condition, DbBackend, IntoSimpleExpr, JoinType, QuerySelect, QueryTrait};

use super::having::HOLDERS_COUNTED_MAX;
use crate::authz::{Action, Resource, Scope, Tenants};
use crate::context::OpContext;
use crate::list::{Pairs, Several};
use crate::store::entity::{group_member, group_role, in_tenants, user, user_role};

/// What a search for the holders of roles starts from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Start {
    Roles,
    /// The same with no more than so many users of each group: to count up to that.
    RolesUpTo(u64),
    Users,
}

/// Which roles of which users the caller may know.
#[derive(Clone, Debug)]
pub(super) struct Sight {
    backend: DbBackend,
    /// All of the caller's own.
    oneself: Option<i64>,
    /// The only organization whose users the caller may see; `None` for callers who may see all.
    organization: Option<i64>,
    others: Others,
}

#[derive(Clone, Debug)]
enum Others {
    Nobody,
    /// All within the caller's reach.
    All,
    /// Of the users of these tenants: those for the whole organization, and those for these tenants.
    Within(Tenants),
}

impl Sight {
    pub fn of(op: &OpContext) -> Self {
        let roles = op.authorize(Action::Read, Resource::Role);
        let users = op.authorize(Action::Read, Resource::User);
        Self {
            backend: op.db().backend(),
            oneself: op.actor().caller().map(|caller| caller.user_pk),
            organization: op
                .actor()
                .caller()
                .filter(|caller| !caller.reaches_everywhere())
                .map(|caller| caller.organization_pk),
            others: match (&roles, &users) {
                (Ok(roles), Ok(users)) => in_both(roles.scope(), users.scope()),
                _ => Others::Nobody,
            },
        }
    }

    /// The users whose roles the caller may know.
    pub fn of_user(&self) -> Condition {
        let own = || match self.oneself {
            Some(pk) => user::Column::Pk.eq(pk),
            None => user::Column::Pk.is_null(),
        };
        match &self.others {
            Others::All => Condition::all(),
            Others::Nobody => Condition::all().add(own()),
            Others::Within(tenants) => Condition::any()
                .add(in_tenants(
                    tenants,
                    user::Column::OrganizationPk,
                    user::Column::TenantPk,
                ))
                .add(own()),
        }
    }

    /// The users with the roles that the caller may know, as a link between both.
    pub fn several(&self) -> Several {
        Several {
            looked_up: self.holders(match (self.backend, &self.others) {
                (DbBackend::Postgres, Others::All) => Start::RolesUpTo(HOLDERS_COUNTED_MAX),
                _ => Start::Roles,
            }),
            tested: self.holders(Start::Users),
            such: self.of_user(),
            all_visible: matches!(self.others, Others::All),
        }
    }

    /// The users who have roles, as far as the caller may know: directly, and by groups.
    pub fn holders(&self, start: Start) -> Vec<Pairs> {
        use group_member::Column as Member;
        use group_role::Column as Given;
        use user_role::Column as Direct;
        let mut direct = user_role::Entity::find()
            .select_only()
            .filter(self.of_assignment(Direct::TenantPk, Direct::UserPk));
        let mut by_groups = Query::select();
        let tie = Expr::col((group_role::Entity, Given::GroupPk)).equals((group_member::Entity, Member::GroupPk));
        // SQLite joins in this order.
        match start {
            Start::Roles => by_groups
                .from(group_role::Entity)
                .cross_join(group_member::Entity)
                .and_where(tie),
            // PostgreSQL would rather walk the members of all groups in the order of users.
            Start::RolesUpTo(most) => {
                let mut some = Query::select();
                some.column((group_member::Entity, Member::UserPk));
                some.from(group_member::Entity).and_where(tie).limit(most);
                let alias = group_member::Entity;
                by_groups
                    .from(group_role::Entity)
                    .join_lateral(JoinType::InnerJoin, some, alias, Condition::all())
            }
            Start::Users => by_groups
                .from(group_member::Entity)
                .cross_join(group_role::Entity)
                .and_where(tie),
        };
        by_groups.cond_where(self.of_assignment(Given::TenantPk, Member::UserPk));
        if let Some(pk) = self.organization {
            direct = direct.filter(Direct::OrganizationPk.eq(pk));
            by_groups.and_where(Given::OrganizationPk.eq(pk));
        }
        let direct = Pairs {
            from: direct.into_query(),
            child: Direct::UserPk.into_simple_expr(),
            parent: Direct::RolePk.into_simple_expr(),
        };
        let by_groups = Pairs {
            from: by_groups,
            child: Member::UserPk.into_simple_expr(),
            parent: Given::RolePk.into_simple_expr(),
        };
        vec![direct, by_groups]
    }

    /// Whether the caller may know roles of others than itself.
    pub fn reaches_others(&self) -> bool {
        !matches!(self.others, Others::Nobody)
    }

    /// The assignments that the caller may know: for which tenant, and of which user.
    fn of_assignment(&self, tenant: impl ColumnTrait, holder: impl ColumnTrait) -> Condition {
        let Others::Within(tenants) = &self.others else {
            return Condition::all();
        };
        let mut seen = Condition::any()
            .add(tenant.is_null())
            .add(tenant.is_in(tenants.keys.iter().copied()));
        if let Some(pk) = self.oneself {
            seen = seen.add(holder.eq(pk));
        }
        seen
    }
}

/// What the caller may know of others who may read roles here and users there.
fn in_both(roles: &Scope, users: &Scope) -> Others {
    match (roles, users) {
        (Scope::Oneself(_), _) | (_, Scope::Oneself(_)) => Others::Nobody,
        (Scope::Tenants(some), Scope::Tenants(others)) => {
            let mut both = Tenants::clone(some);
            both.keys.retain(|pk| others.keys.contains(pk));
            match both.keys.is_empty() {
                true => Others::Nobody,
                false => Others::Within(both),
            }
        }
        (Scope::Tenants(some), Scope::Everything | Scope::Organization(_))
        | (Scope::Everything | Scope::Organization(_), Scope::Tenants(some)) => Others::Within(Tenants::clone(some)),
        (Scope::Everything | Scope::Organization(_), Scope::Everything | Scope::Organization(_)) => Others::All,
    }
}
