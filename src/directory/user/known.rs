//! Identifies the user for a command.

use std::fmt;

use super::{Term, User, UserFields};
use crate::context::OpContext;
use crate::directory::organization::{self, OrganizationFields};
use crate::list::{self, Filter, TextTest};
use crate::model::error::{ConflictReason, Error, Result, shown};
use crate::model::{Email, OrganizationId, UserId};

/// A user, as commands show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    pub id: UserId,
    pub email: Option<Email>,
    pub organization_id: OrganizationId,
}

impl fmt::Display for Known {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "'{}'", self.id)?;
        if let Some(email) = &self.email {
            write!(f, " ({email})")?;
        }
        write!(f, " of the organization '{}'", self.organization_id)
    }
}

/// The user with this id, in any spelling of a UUID, or this e-mail address. `NOT_FOUND` if there is none; `CONFLICT`
/// if several users match, because the wrong one could get the key. `organization` is the id of the user's organization.
pub async fn known_by(op: &OpContext, word: &str, organization: Option<&str>) -> Result<Known> {
    let mut names = vec![Filter::Own(Term::SameId(vec![word.to_owned()]))];
    if let Some(email) = Email::normalize(word) {
        names.push(Filter::Own(Term::Email(TextTest::Equals(email.to_string()))));
    }
    let mut wanted = vec![Filter::Any(names)];
    if let Some(id) = organization {
        let home = organization::Term::Id(TextTest::Equals(id.to_owned()));
        wanted.push(Filter::Own(Term::Organization(Filter::Own(home))));
    }
    let users = list::few::<User>(op, &Filter::All(wanted), UserFields::EMAIL).await?;
    let homes = users.iter().map(|user| user.organization_pk);
    let homes = organization::by_keys(op, homes, OrganizationFields::empty()).await?;
    let mut all: Vec<Known> = users
        .into_iter()
        .map(|user| Known {
            organization_id: homes
                .get(&user.organization_pk)
                .map(|home| home.id.clone())
                .unwrap_or_default(),
            id: user.id,
            email: user.email,
        })
        .collect();
    let one = all
        .pop()
        .ok_or_else(|| Error::NotFound(format!("No user has the id or the e-mail address '{}'.", shown(word))))?;
    match all.as_slice() {
        [] => Ok(one),
        [other, ..] => Err(Error::conflict(
            ConflictReason::Ambiguous,
            format!(
                "'{}' matches two users: {one} and {other}. Use an id or e-mail address that only one of them has, or name \
             the organization with '--organization'.",
                shown(word)
            ),
        )),
    }
}
