//! Reads organizations.

use std::collections::HashMap;

use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{ExprTrait, SimpleExpr};
use sea_orm::{Condition, IntoSimpleExpr, QuerySelect, QueryTrait};

use super::{Organization, OrganizationFields};
use crate::authz::{Action, Granted, Resource};
use crate::context::OpContext;
use crate::directory::user;
use crate::list::{self, Filter, Search, Sql, TextTest};
use crate::model::error::Result;
use crate::store::entity::organization::{self as table, Column};

/// The organizations that the caller may list.
pub fn readable(op: &OpContext) -> Result<Granted> {
    op.authorize(Action::Read, Resource::Organization)
}

/// A condition on an organization.
#[derive(Clone, Debug)]
pub enum Term {
    Id(TextTest),
    Name(TextTest),
    /// Every word begins a word of the name or the id.
    Text(Search),
    /// It has a matching user within the granted scope.
    User(Box<Filter<user::Term>>, Granted),
}

impl Term {
    /// It has a matching user that the caller may see. Invisible users must not be revealed by the results of a filter:
    /// `users(where: {organization: {user: {email: "…"}}})` would reveal to everybody who their colleagues are.
    pub fn user(op: &OpContext, filter: Filter<user::Term>) -> Filter<Self> {
        match op.authorize(Action::Read, Resource::User) {
            Ok(granted) => Filter::Is(Self::User(Box::new(filter), granted)),
            Err(_) => Filter::Any(Vec::new()),
        }
    }
}

pub(super) fn condition(sql: &mut Sql, term: &Term) -> Result<Condition> {
    Ok(match term {
        Term::Id(test) => sql.text(Column::Id, test),
        Term::Name(test) => sql.name(Column::SortName, Column::Name, test),
        Term::Text(search) => search.condition(sql.backend(), Column::Words, Column::Pk),
        Term::User(filter, granted) => {
            let users = crate::store::entity::user::Entity::find()
                .select_only()
                .column(crate::store::entity::user::Column::OrganizationPk)
                .filter(crate::store::entity::user::within(granted))
                .filter(filter.nested::<user::User>(sql)?);
            Condition::all().add(Column::Pk.in_subquery(users.into_query()))
        }
    })
}

/// `column` references a matching organization. A single id becomes an equality, so that an index that starts with the
/// organization can be used in order; anything else becomes a set.
pub fn is_one_of<C: ColumnTrait>(sql: &mut Sql, column: C, filter: &Filter<Term>) -> Result<Condition> {
    let found = table::Entity::find().select_only().column(Column::Pk);
    let keys = found.filter(filter.nested::<Organization>(sql)?).into_query();
    Ok(match filter.only() {
        _ if filter.is_empty() => Condition::all(),
        Some(Term::Id(TextTest::Equals(_))) => {
            let key = SimpleExpr::SubQuery(None, Box::new(keys.into()));
            Condition::all().add(column.into_simple_expr().eq(key))
        }
        _ => Condition::all().add(column.in_subquery(keys)),
    })
}

/// Organizations by internal key, for visible objects that belong to them. Callers who may not read organizations only
/// see the id, the name and the times of their own.
pub async fn by_keys(
    op: &OpContext,
    pks: impl IntoIterator<Item = i64>,
    fields: OrganizationFields,
) -> Result<HashMap<i64, Organization>> {
    let settings = OrganizationFields::VARIABLES
        | OrganizationFields::SEAT_LIMIT
        | OrganizationFields::MAIL_ALLOWED
        | OrganizationFields::ACCOUNT_SWITCHING
        | OrganizationFields::CONFIRM_EMAIL_CHANGES;
    match readable(op) {
        Ok(granted) => list::by_keys(op, &granted, pks, fields).await,
        Err(_) => {
            let granted = op.authorize(Action::Read, Resource::Surroundings)?;
            list::by_keys(op, &granted, pks, fields - settings).await
        }
    }
}

/// What a caller sees who changed an organization, and perhaps may not read organizations.
pub(super) fn as_seen(op: &OpContext, mut organization: Organization) -> Organization {
    if readable(op).is_err() {
        organization.variables = None;
        organization.seat_limit = None;
        organization.mail_allowed = None;
        organization.account_switching = None;
        organization.confirm_email_changes = None;
    }
    organization
}
