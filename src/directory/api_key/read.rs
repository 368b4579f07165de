//! Reads keys.

use sea_orm::Condition;
use sea_orm::entity::prelude::*;

use crate::authz::{Action, Granted, Resource};
use crate::context::OpContext;
use crate::directory::user;
use crate::list::{Filter, Sql, TextTest, names_one};
use crate::model::Timestamp;
use crate::model::digest;
use crate::model::error::Result;
use crate::store::entity::api_key::{Column, in_force};

/// A condition on a key.
#[derive(Clone, Debug)]
pub enum Term {
    Id(TextTest),
    Name(TextTest),
    /// Exactly this key; only the digest is compared.
    Digest(String),
    /// Its owner matches.
    User(Filter<user::Term>),
    /// Whether it is revoked at this time.
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

/// The key that a mutation changes: its identifying fields, possibly with further conditions.
#[derive(Clone, Debug, Default)]
pub struct Target {
    pub id: Option<String>,
    pub name: Option<String>,
    pub key: Option<String>,
    /// All conditions, including the identifying ones.
    pub tests: Filter<Term>,
}

impl Target {
    pub(super) fn must_name(&self) -> Result<()> {
        let by = [
            ("id", self.id.as_deref()),
            ("name", self.name.as_deref()),
            ("key", self.key.as_deref()),
        ];
        names_one("where", "API key", &by)
    }
}

/// Those of the caller; with a condition on the owner, those of all users whom the caller may change.
pub(super) fn scope(op: &OpContext, filter: &Filter<Term>) -> Result<Granted> {
    op.authorize(
        Action::Read,
        match filter.has(|term| matches!(term, Term::User(_))) {
            true => Resource::ManagedApiKey,
            false => Resource::ApiKey,
        },
    )
}

pub(super) fn condition(sql: &mut Sql, term: &Term) -> Result<Condition> {
    let all = Condition::all();
    Ok(match term {
        Term::Id(test) => sql.text(Column::Id, test),
        Term::Name(test) => sql.text(Column::Name, test),
        Term::Digest(digest) => all.add(Column::Digest.eq(digest.as_str())),
        Term::User(filter) => user::is_one_of(sql, Column::UserPk, filter)?,
        Term::Revoked { revoked: true, at } => all.add(Column::RevokedAt.lte(*at)),
        Term::Revoked { revoked: false, at } => all.add(in_force(*at)),
    })
}
