//! Reads events.

use sea_orm::entity::prelude::*;
use sea_orm::sea_query::ExprTrait;
use sea_orm::{Condition, DbBackend, IntoSimpleExpr};

use crate::directory::organization;
use crate::list::{Filter, Sql, TextTest};
use crate::model::Timestamp;
use crate::model::error::Result;
use crate::store::entity::audit_event::Column;

/// A condition on an event.
#[derive(Clone, Debug)]
pub enum Term {
    Id(TextTest),
    Action(TextTest),
    ActorId(TextTest),
    ImpersonatorId(TextTest),
    TargetKind(TextTest),
    TargetId(TextTest),
    RequestId(TextTest),
    /// The user with this id did it, or somebody as that user, or it happened to that user or to what is the user's.
    Concerns(TextTest),
    Refused(bool),
    From(Timestamp),
    Before(Timestamp),
    Organization(Filter<organization::Term>),
    /// No running transaction can come before it. Every list of events has this condition.
    Settled,
}

pub(super) fn condition(sql: &mut Sql, term: &Term) -> Result<Condition> {
    let all = Condition::all();
    Ok(match term {
        Term::Id(test) => sql.text(Column::Id, test),
        Term::Action(test) => sql.text(Column::Action, test),
        Term::ActorId(test) => sql.text(Column::ActorId, test),
        Term::ImpersonatorId(test) => sql.text(Column::ImpersonatorId, test),
        Term::TargetKind(test) => sql.text(Column::TargetKind, test),
        Term::TargetId(test) => sql.text(Column::TargetId, test),
        Term::Concerns(test) => Condition::any()
            .add(sql.text(Column::ActorId, test))
            .add(sql.text(Column::ImpersonatorId, test))
            .add(sql.text(Column::SubjectId, test)),
        Term::RequestId(test) => sql.text(Column::RequestId, test),
        Term::Refused(wanted) => all.add(Column::Refused.eq(*wanted)),
        Term::From(moment) => all.add(Column::CreatedAt.gte(*moment)),
        Term::Before(moment) => all.add(Column::CreatedAt.lt(*moment)),
        Term::Organization(filter) => organization::is_one_of(sql, Column::OrganizationPk, filter)?,
        Term::Settled if sql.backend() == DbBackend::Postgres => all.add(Column::Position.into_simple_expr().lt(
            Expr::cust("((audit_events_era() + pg_snapshot_xmin(pg_current_snapshot())::text::bigint) << 20)"),
        )),
        // One writer at a time: no running transaction can come before committed events.
        Term::Settled => all,
    })
}
