//! What several new users want for themselves alone: ids, and addresses within their organizations.

use std::collections::HashSet;

use super::insert::{address_taken, id_taken, same_id, user_name_taken};
use super::placed::Placed;
use crate::model::error::{ConflictReason, Error};
use crate::model::{Email, user_name_key};

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Claim {
    Id(String),
    Address(i64, Email),
    /// As it is compared; without one the address.
    UserName(i64, String),
}

/// What the users have who were created already.
#[derive(Debug, Default)]
pub(super) struct Claims(HashSet<Claim>);

/// New users, sorted by whether they can be written now.
#[derive(Debug, Default)]
pub(super) struct Chosen {
    pub now: Vec<Placed>,
    /// They want the same as one of those, and can have it if that one is refused.
    pub later: Vec<Placed>,
    /// They want what somebody has.
    pub refused: Vec<(usize, Error)>,
}

impl Claims {
    /// Of those who want the same, the first is chosen.
    pub fn choose(&self, all: Vec<Placed>) -> Chosen {
        let mut wanted: HashSet<Claim> = HashSet::with_capacity(all.len());
        let mut chosen = Chosen::default();
        for one in all {
            let claims = of(&one);
            if let Some(taken) = claims.iter().find(|claim| self.0.contains(claim)) {
                chosen.refused.push((one.number, refusal(&one, taken)));
            } else if claims.iter().any(|claim| wanted.contains(claim)) {
                chosen.later.push(one);
            } else {
                wanted.extend(claims);
                chosen.now.push(one);
            }
        }
        chosen
    }

    /// Notes what a user who was created has.
    pub fn keep(&mut self, one: &Placed) {
        self.0.extend(of(one));
    }
}

/// The refusal of a user who wants the same as several before, of which none could be created.
pub(super) fn wanted_before() -> Error {
    Error::conflict(
        ConflictReason::Taken,
        "Users before this one in 'data' have the same id, user name or e-mail address.",
    )
}

fn of(one: &Placed) -> Vec<Claim> {
    let id = Claim::Id(same_id(one.row.id.as_ref()));
    let home = *one.row.organization_pk.as_ref();
    let address = one.row.email.as_ref().clone().map(|email| Claim::Address(home, email));
    let name = one.row.user_name.as_ref().as_deref().map(user_name_key);
    let name = name.or_else(|| one.row.email.as_ref().as_ref().map(Email::to_string));
    let name = name.map(|key| Claim::UserName(home, key));
    std::iter::once(id).chain(address).chain(name).collect()
}

fn refusal(one: &Placed, taken: &Claim) -> Error {
    match taken {
        Claim::Id(_) => id_taken(one.row.id.as_ref()),
        Claim::Address(_, email) => Error::conflict(ConflictReason::Taken, address_taken(email)),
        Claim::UserName(_, key) => {
            let name = one.row.user_name.as_ref().as_deref();
            Error::conflict(ConflictReason::Taken, user_name_taken(name.unwrap_or(key)))
        }
    }
}
