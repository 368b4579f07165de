//! Reading events.

use sea_orm::entity::prelude::*;
use sea_orm::sea_query::ExprTrait;
use sea_orm::{Condition, DbBackend, IntoSimpleExpr};

use crate::entity::audit_event::Column;
use crate::list::{Filter, TextTest, text_condition};
use crate::organization;
use crate::value::Timestamp;

/// One test of an event.
#[derive(Clone, Debug)]
pub enum Term {
    Id(TextTest),
    Action(TextTest),
    ActorId(TextTest),
    ImpersonatorId(TextTest),
    TargetKind(TextTest),
    TargetId(TextTest),
    RequestId(TextTest),
    Refused(bool),
    From(Timestamp),
    Before(Timestamp),
    Organization(Filter<organization::Term>),
    /// No transaction that is still under way can come to stand before it. Every list of events says so.
    Settled,
}

pub(super) fn condition(backend: DbBackend, term: &Term) -> Condition {
    let all = Condition::all();
    match term {
        Term::Id(test) => text_condition(backend, Column::Id, test),
        Term::Action(test) => text_condition(backend, Column::Action, test),
        Term::ActorId(test) => text_condition(backend, Column::ActorId, test),
        Term::ImpersonatorId(test) => text_condition(backend, Column::ImpersonatorId, test),
        Term::TargetKind(test) => text_condition(backend, Column::TargetKind, test),
        Term::TargetId(test) => text_condition(backend, Column::TargetId, test),
        Term::RequestId(test) => text_condition(backend, Column::RequestId, test),
        Term::Refused(wanted) => all.add(Column::Refused.eq(*wanted)),
        Term::From(moment) => all.add(Column::CreatedAt.gte(*moment)),
        Term::Before(moment) => all.add(Column::CreatedAt.lt(*moment)),
        Term::Organization(filter) => organization::is_one_of(backend, Column::OrganizationPk, filter),
        Term::Settled if backend == DbBackend::Postgres => all.add(Column::Position.into_simple_expr().lt(Expr::cust(
            "((audit_events_era() + pg_snapshot_xmin(pg_current_snapshot())::text::bigint) << 20)",
        ))),
        // One writer at a time: nothing is under way behind what is committed.
        Term::Settled => all,
    }
}

/// The measure of the filter inside a test; see [`crate::list::Listed::measure`].
pub(super) fn measure(term: &Term) -> (usize, usize) {
    match term {
        Term::Organization(filter) => filter.measure::<organization::Organization>(),
        Term::Id(_)
        | Term::Action(_)
        | Term::ActorId(_)
        | Term::ImpersonatorId(_)
        | Term::TargetKind(_)
        | Term::TargetId(_)
        | Term::RequestId(_)
        | Term::Refused(_)
        | Term::From(_)
        | Term::Before(_)
        | Term::Settled => (0, 0),
    }
}
