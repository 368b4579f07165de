//! Reading one's keys.

use sea_orm::entity::prelude::*;
use sea_orm::{Condition, DbBackend, QuerySelect, QueryTrait};

use crate::authn::digest;
use crate::entity::api_key::{Column, in_force};
use crate::list::{Filter, TextTest, text_condition};
use crate::user;
use crate::value::Timestamp;

/// One test of a key.
#[derive(Clone, Debug)]
pub enum Term {
    Id(TextTest),
    Name(TextTest),
    /// It is this very key; only the digest is compared.
    Digest(String),
    /// Its owner is like this.
    User(Filter<user::Term>),
    /// It is, or is not, revoked at this moment.
    Revoked {
        revoked: bool,
        at: Timestamp,
    },
}

impl Term {
    pub fn key(key: &str) -> Self {
        Self::Digest(digest(key))
    }
}

pub(super) fn condition(backend: DbBackend, term: &Term) -> Condition {
    let all = Condition::all();
    match term {
        Term::Id(test) => text_condition(backend, Column::Id, test),
        Term::Name(test) => text_condition(backend, Column::Name, test),
        Term::Digest(digest) => all.add(Column::Digest.eq(digest.as_str())),
        Term::User(Filter::All(parts)) if parts.is_empty() => all,
        Term::User(filter) => {
            let owners = crate::entity::user::Entity::find()
                .select_only()
                .column(crate::entity::user::Column::Pk)
                .filter(filter.condition::<user::User>(backend));
            all.add(Column::UserPk.in_subquery(owners.into_query()))
        }
        Term::Revoked { revoked: true, at } => all.add(Column::RevokedAt.lte(*at)),
        Term::Revoked { revoked: false, at } => all.add(in_force(*at)),
    }
}

pub(super) fn measure(term: &Term) -> (usize, usize) {
    match term {
        Term::Id(_) | Term::Name(_) | Term::Digest(_) | Term::Revoked { .. } => (0, 0),
        Term::User(filter) => filter.measure::<user::User>(),
    }
}
