//! Reads sessions.

use sea_orm::Condition;
use sea_orm::entity::prelude::*;

use crate::authz::{Action, Granted, Resource};
use crate::context::OpContext;
use crate::directory::user;
use crate::list::{Filter, Sql, TextTest};
use crate::model::Timestamp;
use crate::model::error::Result;
use crate::store::entity::session::Column;

/// A condition on a session.
#[derive(Clone, Debug)]
pub enum Term {
    Id(TextTest),
    /// Its user matches.
    User(Filter<user::Term>),
    /// Whether it is an impersonation.
    Impersonated(bool),
    /// Whether it is active at this time.
    Active {
        active: bool,
        at: Timestamp,
    },
}

/// Those of the caller; with a condition on the user, those of all users whom the caller may change.
pub(super) fn scope(op: &OpContext, filter: &Filter<Term>) -> Result<Granted> {
    op.authorize(Action::Read, resource(filter))
}

pub(super) fn resource(filter: &Filter<Term>) -> Resource {
    match filter.has(|term| matches!(term, Term::User(_))) {
        true => Resource::ManagedSession,
        false => Resource::Session,
    }
}

pub(super) fn condition(sql: &mut Sql, term: &Term) -> Result<Condition> {
    let all = Condition::all();
    Ok(match term {
        Term::Id(test) => sql.text(Column::Id, test),
        Term::User(filter) => user::is_one_of(sql, Column::UserPk, filter)?,
        Term::Impersonated(true) => all.add(Column::ImpersonatorPk.is_not_null()),
        Term::Impersonated(false) => all.add(Column::ImpersonatorPk.is_null()),
        Term::Active { active: true, at } => all.add(Column::EndedAt.is_null()).add(Column::ExpiresAt.gt(*at)),
        Term::Active { active: false, at } => Condition::any()
            .add(Column::EndedAt.is_not_null())
            .add(Column::ExpiresAt.lte(*at)),
    })
}

/// Whether the caller may read why others were impersonated, as the audit trail shows it.
pub fn may_read_reasons(op: &OpContext) -> bool {
    op.authorize(Action::Read, Resource::AuditEvent).is_ok()
}
