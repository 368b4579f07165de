//! Finds users by the roles that they have: directly or through a group, for the whole organization or for a tenant.
//!
//! A role may have one holder or a million. Few holders are looked up and sorted; if there are many, a list tests its users
//! one by one in its order, until the page is full. [`weigh`] counts first, no further than needed.

use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{ExprTrait, Query, SelectStatement, SimpleExpr, UnionType};
use sea_orm::{Condition, ConnectionTrait, DbBackend, QuerySelect, QueryTrait};

use super::read::with_permission;
use super::sight::{Sight, Start};
use super::{Role, Term};
use crate::authz::{Action, Granted, Resource};
use crate::context::OpContext;
use crate::list::{Filter, LOOKED_UP_MAX, Sql, count_of, union_all};
use crate::model::BuiltIn;
use crate::model::error::Result;
use crate::store::entity::role::{self, Column};
use crate::store::entity::user;

/// How many roles are looked up before their holders are counted.
const ROLES_MAX: u64 = 200;

/// A condition on a user: it has one of some roles.
#[derive(Clone, Debug)]
pub struct Holding {
    roles: Roles,
    /// The roles that users in the caller's reach can have; `None` for an anonymous caller.
    within: Option<Granted>,
    sight: Sight,
    way: Way,
}

#[derive(Clone, Debug)]
enum Roles {
    Matching(Filter<Term>),
    /// Those with the permission of this name, which are these among the built-in ones.
    With(String, Vec<BuiltIn>),
    /// By internal key.
    Known(Vec<i64>),
}

/// How users with the roles are found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// All holders are looked up.
    LookedUp,
    /// Each user in question is tested.
    Tested,
}

impl Holding {
    /// It has a role that matches this filter.
    pub fn role(op: &OpContext, filter: Filter<Term>) -> Self {
        Self::new(op, Roles::Matching(filter))
    }

    /// It has a role with the permission of this name; `None` if there is no such permission.
    pub fn permission(op: &OpContext, name: &str) -> Option<Self> {
        match Term::with_permission(op, name)? {
            Term::Permission(name, built_in) => Some(Self::new(op, Roles::With(name, built_in))),
            _ => None,
        }
    }

    fn new(op: &OpContext, roles: Roles) -> Self {
        Self {
            roles,
            within: op.authorize(Action::Read, Resource::Surroundings).ok(),
            sight: Sight::of(op),
            way: Way::LookedUp,
        }
    }

    /// The same for a query that finds the users in another way, so that the holders need not be looked up.
    pub fn test_each(&mut self) {
        self.way = Way::Tested;
    }

    /// The roles that it is about, if they are not known yet. `matching` translates a filter.
    fn find(
        &self,
        backend: DbBackend,
        matching: impl FnOnce(&Filter<Term>) -> Result<Condition>,
    ) -> Result<Option<SelectStatement>> {
        type Within = fn(&Granted) -> Condition;
        let (such, within): (Condition, Within) = match &self.roles {
            Roles::Known(_) => return Ok(None),
            Roles::Matching(filter) => (matching(filter)?, role::within),
            // What a hidden role permits counts.
            Roles::With(permission, built_in) => {
                (with_permission(backend, permission, built_in), role::within_even_hidden)
            }
        };
        let reach = self
            .within
            .as_ref()
            .map_or_else(|| Condition::all().add(Column::Pk.is_null()), within);
        let roles = role::Entity::find().select_only().column(Column::Pk);
        Ok(Some(roles.filter(reach).filter(such).into_query()))
    }

    /// That an expression is the key of one of the roles.
    fn is_one(&self, key: SimpleExpr, found: Option<&SelectStatement>) -> SimpleExpr {
        match (&self.roles, found) {
            (Roles::Known(pks), _) => key.is_in(pks.iter().copied()),
            (_, Some(select)) => key.in_subquery(select.clone()),
            (_, None) => key.is_null(),
        }
    }

    /// The keys of the users who have one of the roles; to test a user, only that user's.
    fn holders(&self, found: Option<&SelectStatement>) -> SelectStatement {
        self.holders_from(
            match self.way {
                Way::LookedUp => Start::Roles,
                Way::Tested => Start::Users,
            },
            found,
        )
    }

    fn holders_from(&self, start: Start, found: Option<&SelectStatement>) -> SelectStatement {
        let holders = self.sight.holders(start).into_iter().map(|pairs| {
            let mut holders = pairs.from;
            holders.expr(pairs.child.clone());
            holders.and_where(self.is_one(pairs.parent, found));
            if self.way == Way::Tested {
                holders.and_where(pairs.child.equals((user::Entity, user::Column::Pk)));
            }
            holders
        });
        union_all(holders)
    }

    /// The users who have one of the roles, for a filter of users.
    pub fn condition(&self, sql: &mut Sql) -> Result<Condition> {
        let found = self.find(sql.backend(), |filter| filter.nested::<Role>(sql))?;
        let holders = self.holders(found.as_ref());
        let held = match self.way {
            Way::LookedUp => user::Column::Pk.in_subquery(holders),
            // One subquery with both kinds, which PostgreSQL does not turn into a join with all holders.
            Way::Tested => Expr::exists(holders),
        };
        Ok(Condition::all().add(held).add(self.sight.of_user()))
    }
}

/// Decides for each condition how a list evaluates it: at most two statements, however many conditions there are.
pub async fn weigh(op: &OpContext, mut conditions: Vec<&mut Holding>) -> Result<()> {
    let backend = op.db().backend();
    conditions.retain(|holding| !matches!(holding.roles, Roles::Known(_)));
    let mut roles: Vec<SelectStatement> = Vec::new();
    for (number, holding) in conditions.iter().enumerate() {
        if let Some(mut select) = holding.find(backend, |filter| filter.to_sql::<Role>(backend))? {
            select.limit(ROLES_MAX + 1);
            let mut numbered = Query::select();
            numbered.expr(Expr::cust(format!("CAST({number} AS BIGINT)")));
            numbered.column("pk").from_subquery(select, "found");
            roles.push(numbered);
        }
    }
    let Some(mut select) = roles.pop() else { return Ok(()) };
    select.unions(roles.into_iter().map(|one| (UnionType::All, one)));
    let mut known: Vec<Vec<i64>> = vec![Vec::new(); conditions.len()];
    for row in op.db().reader().query_all(&select).await? {
        let number: i64 = row.try_get_by_index(0)?;
        if let Some(pks) = usize::try_from(number).ok().and_then(|number| known.get_mut(number)) {
            pks.push(row.try_get_by_index(1)?);
        }
    }
    let mut counts = Query::select();
    for (holding, pks) in conditions.iter_mut().zip(known) {
        // With so many roles there are many holders.
        if pks.len() as u64 > ROLES_MAX {
            holding.way = Way::Tested;
        } else {
            holding.roles = Roles::Known(pks);
        }
        let mut every = holding.clone();
        every.way = Way::LookedUp;
        let start = match backend {
            DbBackend::Postgres => Start::RolesUpTo(LOOKED_UP_MAX + 1),
            _ => Start::Roles,
        };
        counts.expr(count_of(every.holders_from(start, None), LOOKED_UP_MAX + 1));
    }
    let row = op.db().reader().query_one(&counts).await?;
    for (number, holding) in conditions.into_iter().enumerate() {
        let count: i64 = row.as_ref().map_or(Ok(0), |row| row.try_get_by_index(number))?;
        if count.unsigned_abs() > LOOKED_UP_MAX {
            holding.way = Way::Tested;
        }
    }
    Ok(())
}
