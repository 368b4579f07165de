//! Lists: of users, of groups, and of both at the base.

use axum::body::Bytes;
use axum::http::StatusCode;
use axum::response::Response;
use futures::{Stream, StreamExt};
use serde_json::{Map, Value, json};

use super::answer;
use super::cursor::{self, Place};
use super::error::{invalid, too_long};
use super::fault::ScimType;
use super::filter::{self, Filter};
use super::message;
use super::names::{Kind, LIST_RESPONSE, SEARCH_REQUEST};
use super::query::{Page, Query, not_sortable};
use super::selection::Selection;
use super::values::require_schema;
use super::{groups_shown, shown, terms};
use crate::compat::face::Call;
use crate::compat::listed::streamed;
use crate::context::OpContext;
use crate::directory::group::{self, Group};
use crate::directory::user::{self, User};
use crate::list::{self, Filter as Of, Listed, Order, Sorted, Window};
use crate::model::error::{Error, Result};

/// Where a list is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Endpoint {
    Users,
    Groups,
    /// Both, users first.
    Base,
}

/// `GET /Users`.
pub async fn users(call: Call) -> Result<Response> {
    by_address(call, Endpoint::Users).await
}

/// `GET /Groups`.
pub async fn groups(call: Call) -> Result<Response> {
    by_address(call, Endpoint::Groups).await
}

/// `GET /`.
pub async fn base(call: Call) -> Result<Response> {
    by_address(call, Endpoint::Base).await
}

/// `POST /Users/.search`.
pub async fn search_users(call: Call) -> Result<Response> {
    by_message(call, Endpoint::Users).await
}

/// `POST /Groups/.search`.
pub async fn search_groups(call: Call) -> Result<Response> {
    by_message(call, Endpoint::Groups).await
}

/// `POST /.search`.
pub async fn search_base(call: Call) -> Result<Response> {
    by_message(call, Endpoint::Base).await
}

async fn by_address(call: Call, endpoint: Endpoint) -> Result<Response> {
    let op = message::with_room(&call).await?;
    let seen = Seen::of(&op, endpoint)?;
    answered(&op, endpoint, seen, Query::of_address(&call)?).await
}

async fn by_message(call: Call, endpoint: Endpoint) -> Result<Response> {
    let op = message::with_room(&call).await?;
    let body = message::read(&call.body)?;
    let members = message::members(&body)?;
    let seen = Seen::of(&op, endpoint)?;
    require_schema(members, SEARCH_REQUEST)?;
    answered(&op, endpoint, seen, Query::of_message(members)?).await
}

/// Of which kinds the caller may list anything.
#[derive(Clone, Copy, Debug)]
struct Seen {
    users: bool,
    groups: bool,
}

impl Seen {
    /// `FORBIDDEN` if nothing is left.
    fn of(op: &OpContext, endpoint: Endpoint) -> Result<Self> {
        let users = user::listable(op).map(|_| ());
        let groups = group::readable(op).map(|_| ());
        let seen = Self {
            users: users.is_ok() && endpoint != Endpoint::Groups,
            groups: groups.is_ok() && endpoint != Endpoint::Users,
        };
        match endpoint {
            Endpoint::Users => users?,
            Endpoint::Groups => groups?,
            Endpoint::Base if seen.users || seen.groups => {}
            Endpoint::Base => users?,
        }
        Ok(seen)
    }
}

/// What is looked for, of each kind that is seen.
struct Wanted {
    users: Option<Of<user::Term>>,
    groups: Option<Of<group::Term>>,
}

impl Wanted {
    fn read(op: &OpContext, endpoint: Endpoint, seen: Seen, text: Option<&str>) -> Result<Self> {
        let (of_users, of_groups): (Option<Filter>, Option<Filter>) = match (endpoint, text) {
            (_, None) => (None, None),
            (Endpoint::Users, Some(text)) => (Some(filter::parse(text, Kind::User)?), None),
            (Endpoint::Groups, Some(text)) => (None, Some(filter::parse(text, Kind::Group)?)),
            (Endpoint::Base, Some(text)) => {
                let both = filter::parse_root(text)?;
                (Some(both.users), Some(both.groups))
            }
        };
        let users = seen.users.then(|| terms::of_users(op, of_users.as_ref())).transpose()?;
        let groups = seen
            .groups
            .then(|| terms::of_groups(op, of_groups.as_ref()))
            .transpose()?;
        Ok(Self { users, groups })
    }
}

/// The page that is found.
struct Found {
    users: Vec<User>,
    groups: Vec<Group>,
    total: i64,
    /// Where the next page begins, for a client that asked with a cursor.
    next: Option<String>,
}

async fn answered(op: &OpContext, endpoint: Endpoint, seen: Seen, query: Query) -> Result<Response> {
    if endpoint == Endpoint::Base && query.sort.is_some() {
        return Err(invalid(
            ScimType::InvalidValue,
            "Users and groups together cannot be sorted. Ask for one of them at its own endpoint.",
        ));
    }
    let wanted = Wanted::read(op, endpoint, seen, query.filter.as_deref())?;
    let filtered = query.filter.is_some();
    let page = found(op, endpoint, &wanted, &query).await;
    let page = page.map_err(|error| too_long(error, filtered))?;
    respond(op, page, &query).await
}

async fn found(op: &OpContext, endpoint: Endpoint, wanted: &Wanted, query: &Query) -> Result<Found> {
    let of_users = query.asked.of(Kind::User);
    let of_groups = query.asked.of(Kind::Group);
    let users = Reading::<User>::of(wanted.users.clone(), query, shown::fields(&of_users))?;
    let groups = Reading::<Group>::of(wanted.groups.clone(), query, groups_shown::fields(&of_groups))?;
    let users = match users {
        Some(reading) => Some(reading.weighed(op).await?),
        None => None,
    };
    let (total_users, total_groups) = (total_users(op, wanted).await?, total_groups(op, wanted).await?);
    let mut found = Found {
        users: Vec::new(),
        groups: Vec::new(),
        total: total_users + total_groups,
        next: None,
    };
    match &query.page {
        Page::Index { skip, count } => {
            let mut left = Left {
                skip: *skip,
                count: *count,
            };
            found.users = left.page(op, users.as_ref(), total_users).await?;
            found.groups = left.page(op, groups.as_ref(), total_groups).await?;
        }
        Page::Cursor { cursor, count } => {
            let about = cursor::about(endpoint, query);
            let key = op.cursor_key().await?;
            let mut place = cursor::read(cursor, &about, endpoint, query, key)?;
            if *count == 0 {
                // Nothing is read, and so the next page begins where this one does.
                found.next = match found.total {
                    0 => None,
                    _ => Some(cursor::write(&place, &about, query, key)?),
                };
                return Ok(found);
            }
            let mut left = *count;
            if let (Place::Users(after), Some(reading)) = (&place, &users) {
                let (page, next) = reading.continued(op, after.clone(), left).await?;
                left = left.saturating_sub(u32::try_from(page.len()).unwrap_or(left));
                found.users = page;
                place = match next {
                    Some(next) => Place::Users(Some(next)),
                    None => Place::Groups(None),
                };
            } else if let Place::Users(_) = place {
                place = Place::Groups(None);
            }
            // A page ends where the users end if it is full; what follows is known without looking.
            let mut more = matches!(place, Place::Users(Some(_)));
            if let (Place::Groups(after), Some(reading)) = (&place, &groups) {
                if left > 0 {
                    let (page, next) = reading.continued(op, after.clone(), left).await?;
                    found.groups = page;
                    more = next.is_some();
                    place = Place::Groups(next);
                } else {
                    more = total_groups > 0;
                }
            }
            if more {
                found.next = Some(cursor::write(&place, &about, query, key)?);
            }
        }
    }
    Ok(found)
}

async fn total_users(op: &OpContext, wanted: &Wanted) -> Result<i64> {
    let Some(filter) = &wanted.users else { return Ok(0) };
    let filter = user::weighed_for_count(op, filter.clone()).await?;
    list::count::<User>(op, &filter).await
}

async fn total_groups(op: &OpContext, wanted: &Wanted) -> Result<i64> {
    match &wanted.groups {
        Some(filter) => list::count::<Group>(op, filter).await,
        None => Ok(0),
    }
}

/// A list of one kind, as it is to be read.
struct Reading<L: Listed> {
    filter: Of<L::Term>,
    order: Order,
    fields: L::Fields,
}

/// The order that a client asks for, or that of a list.
pub fn order<L: Sorted>(query: &Query) -> Result<Order> {
    match query.sort {
        None => Ok(Order::usual::<L>()),
        Some(sort) if L::sorting(sort.key).is_none() => Err(not_sortable("userName")),
        Some(sort) => Ok(Order {
            key: sort.key,
            descending: sort.descending,
        }),
    }
}

impl<L: Listed> Reading<L> {
    fn of(filter: Option<Of<L::Term>>, query: &Query, fields: L::Fields) -> Result<Option<Self>> {
        let Some(filter) = filter else { return Ok(None) };
        let order = order::<L>(query)?;
        Ok(Some(Self { filter, order, fields }))
    }

    async fn continued(
        &self,
        op: &OpContext,
        after: Option<list::Cursor>,
        first: u32,
    ) -> Result<(Vec<L>, Option<list::Cursor>)> {
        list::continued::<L>(op, &self.filter, self.order, after, first, self.fields).await
    }
}

impl Reading<User> {
    async fn weighed(self, op: &OpContext) -> Result<Self> {
        let filter = user::weighed(op, self.filter).await?;
        Ok(Self { filter, ..self })
    }
}

/// What of a window over both kinds is still to be read.
struct Left {
    skip: u64,
    count: u32,
}

impl Left {
    /// The part of one kind, of which there are this many. Nothing is read where nothing is.
    async fn page<L: Listed>(&mut self, op: &OpContext, reading: Option<&Reading<L>>, total: i64) -> Result<Vec<L>> {
        let total = total.unsigned_abs();
        let Some(reading) = reading.filter(|_| self.count > 0 && self.skip < total) else {
            self.skip = self.skip.saturating_sub(total);
            return Ok(Vec::new());
        };
        let window = Window::large(self.count, self.skip);
        let page = list::page::<L>(op, &reading.filter, reading.order, reading.fields, window).await?;
        self.skip = 0;
        self.count = self
            .count
            .saturating_sub(u32::try_from(page.len()).unwrap_or(self.count));
        Ok(page)
    }
}

async fn respond(op: &OpContext, found: Found, query: &Query) -> Result<Response> {
    let (of_users, of_groups) = (query.asked.of(Kind::User), query.asked.of(Kind::Group));
    let head = head(&found, query)?;
    let users = users_text(op, found.users, &of_users).await?;
    let groups = groups_shown::groups(op, found.groups, &of_groups).await?;
    let is_small = groups_shown::are_few(&groups);
    let has_both = !users.is_empty() && !groups.is_empty();
    let pieces = groups_shown::written(op, groups, &of_groups);
    if is_small {
        let groups = groups_shown::whole(pieces).await?;
        op.charge_written(groups.len())?;
        let mut whole = Vec::with_capacity(head.len() + users.len() + groups.len() + 3);
        whole.extend_from_slice(&head);
        whole.extend_from_slice(&users);
        if has_both {
            whole.push(b',');
        }
        whole.extend_from_slice(&groups);
        whole.extend_from_slice(TAIL);
        return Ok(answer::held(op, StatusCode::OK, whole.into()));
    }
    let mut before = Vec::with_capacity(users.len() + 1);
    before.extend_from_slice(&users);
    if has_both {
        before.push(b',');
    }
    let pieces = first(before.into(), pieces);
    streamed(answer::media(), head.into(), Bytes::from_static(TAIL), pieces).await
}

fn first(
    before: Bytes,
    pieces: impl Stream<Item = Result<Bytes>> + Send + 'static,
) -> impl Stream<Item = Result<Bytes>> + Send + 'static {
    futures::stream::once(std::future::ready(Ok(before))).chain(pieces)
}

const TAIL: &[u8] = b"]}";

/// The text of a list up to its first resource.
fn head(found: &Found, query: &Query) -> Result<Vec<u8>> {
    let mut head = Map::new();
    head.insert("schemas".to_owned(), json!([LIST_RESPONSE]));
    head.insert("totalResults".to_owned(), json!(found.total));
    head.insert("itemsPerPage".to_owned(), json!(found.users.len() + found.groups.len()));
    if let Page::Index { skip, .. } = &query.page {
        head.insert("startIndex".to_owned(), json!(skip.saturating_add(1)));
    }
    if let Some(next) = &found.next {
        head.insert("nextCursor".to_owned(), json!(next));
    }
    let mut text = serde_json::to_vec(&Value::Object(head)).map_err(Error::internal)?;
    // The list itself follows.
    text.pop();
    text.extend_from_slice(b",\"Resources\":[");
    Ok(text)
}

/// The text of users, separated by commas, charged to the answer as it grows.
async fn users_text(op: &OpContext, users: Vec<User>, selection: &Selection) -> Result<Vec<u8>> {
    let mut text = Vec::new();
    for user in shown::users(op, users, selection).await? {
        let before = text.len();
        if before > 0 {
            text.push(b',');
        }
        serde_json::to_writer(&mut text, &user.resource).map_err(Error::internal)?;
        op.charge_written(text.len() - before)?;
    }
    Ok(text)
}
