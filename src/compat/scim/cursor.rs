//! Cursors (RFC 9865): positions in a list, without state and without an end.

use super::error::invalid;
use super::fault::ScimType;
use super::lists::{Endpoint, order};
use super::query::Query;
use crate::directory::group::Group;
use crate::directory::user::User;
use crate::list::Cursor;
use crate::model::error::{Error, Result};
use crate::model::{CursorKey, digest};

/// How many hex digits say which list a cursor is of.
const MARK_DIGITS: usize = 16;
const USERS: char = 'u';
const GROUPS: char = 'g';

/// Where a page begins: after a row, or with the first one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    Users(Option<Cursor>),
    Groups(Option<Cursor>),
}

/// What a cursor belongs to: the same list with the same filter, in the same order.
pub fn about(endpoint: Endpoint, query: &Query) -> String {
    let filter = query.filter.as_deref().unwrap_or_default().trim();
    let mark = digest(&format!("{endpoint:?} {:?} {filter}", query.sort));
    mark.chars().take(MARK_DIGITS).collect()
}

/// Where the cursor of a client is; the empty one is at the beginning.
pub fn read(text: &str, about: &str, endpoint: Endpoint, query: &Query, key: &CursorKey) -> Result<Place> {
    if text.is_empty() {
        return Ok(match endpoint {
            Endpoint::Users | Endpoint::Base => Place::Users(None),
            Endpoint::Groups => Place::Groups(None),
        });
    }
    let place = text.strip_prefix(about).and_then(|rest| {
        if let Some(rest) = rest.strip_prefix(USERS) {
            if rest.is_empty() {
                return Some(Place::Users(None));
            }
            let order = order::<User>(query).ok()?;
            return Some(Place::Users(Some(
                Cursor::decode::<User>("cursor", rest, order, key).ok()?,
            )));
        }
        let rest = rest.strip_prefix(GROUPS)?;
        if rest.is_empty() {
            return Some(Place::Groups(None));
        }
        let order = order::<Group>(query).ok()?;
        Some(Place::Groups(Some(
            Cursor::decode::<Group>("cursor", rest, order, key).ok()?,
        )))
    });
    place.ok_or_else(stale)
}

/// The cursor as clients get it.
pub fn write(place: &Place, about: &str, query: &Query, key: &CursorKey) -> Result<String> {
    let (kind, rest) = match place {
        Place::Users(Some(cursor)) => (USERS, cursor.encode::<User>(order::<User>(query)?, key)?),
        Place::Users(None) => (USERS, String::new()),
        Place::Groups(Some(cursor)) => (GROUPS, cursor.encode::<Group>(order::<Group>(query)?, key)?),
        Place::Groups(None) => (GROUPS, String::new()),
    };
    Ok(format!("{about}{kind}{rest}"))
}

fn stale() -> Error {
    invalid(
        ScimType::InvalidCursor,
        "'cursor' is not one of this list with this filter and this order. Begin again with an empty one.",
    )
}
