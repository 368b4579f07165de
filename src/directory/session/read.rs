//! Reads the caller's sessions.

use sea_orm::Condition;
use sea_orm::entity::prelude::*;

use crate::list::{Sql, TextTest};
use crate::model::Timestamp;
use crate::model::error::Result;
use crate::store::entity::session::Column;

/// A condition on a session.
#[derive(Clone, Debug)]
pub enum Term {
    Id(TextTest),
    /// Whether it is an impersonation.
    Impersonated(bool),
    /// Whether it is active at this time.
    Active {
        active: bool,
        at: Timestamp,
    },
}

pub(super) fn condition(sql: &mut Sql, term: &Term) -> Result<Condition> {
    let all = Condition::all();
    Ok(match term {
        Term::Id(test) => sql.text(Column::Id, test),
        Term::Impersonated(true) => all.add(Column::ImpersonatorPk.is_not_null()),
        Term::Impersonated(false) => all.add(Column::ImpersonatorPk.is_null()),
        Term::Active { active: true, at } => all.add(Column::EndedAt.is_null()).add(Column::ExpiresAt.gt(*at)),
        Term::Active { active: false, at } => Condition::any()
            .add(Column::EndedAt.is_not_null())
            .add(Column::ExpiresAt.lte(*at)),
    })
}
