//! Connections: pages that continue from a row, not from an offset, so that inserted and deleted rows do not shift
//! them.

use futures::Stream;
use sea_orm::sea_query::SelectStatement;
use sea_orm::{Condition, ConnectionTrait, DbBackend, EntityTrait, QuerySelect, QueryTrait};

use super::sorting::Ordered;
use super::statement::{in_keys, select_columns, things, visible};
use super::{Cursor, Filter, LARGE_PAGE_MAX, Listed, Order, PAGE_MAX, page_size, skipped};
use crate::authz::{Action, Granted};
use crate::context::OpContext;
use crate::model::error::{Error, Result};

/// `first`/`after`, with `skip`, or `last`/`before`, as given.
#[derive(Clone, Debug, Default)]
pub struct Paging {
    pub first: Option<i64>,
    pub after: Option<String>,
    pub last: Option<i64>,
    pub before: Option<String>,
    /// Rows to leave out after `after`.
    pub skip: i64,
}

/// The result of a connection.
#[derive(Debug)]
pub struct Slice<L> {
    /// The items with their cursors.
    pub edges: Vec<(String, L)>,
    pub has_previous_page: bool,
    pub has_next_page: bool,
}

/// One page of a connection: the rows after, or before, a cursor.
pub async fn connection<L: Listed>(
    op: &OpContext,
    filter: &Filter<L::Term>,
    order: Order,
    fields: L::Fields,
    paging: &Paging,
) -> Result<Slice<L>> {
    let granted = L::scope_of_list(op, filter)?;
    let ordered = Ordered::of::<L>(order)?;
    let key = op.cursor_key().await?;
    let read = |field: &str, text: &Option<String>| -> Result<Option<Cursor>> {
        let text = text.as_deref();
        text.map(|text| Cursor::decode::<L>(field, text, order, key))
            .transpose()
    };
    let (after, before) = (read("after", &paging.after)?, read("before", &paging.before)?);
    let (size, backwards) = match (paging.first, paging.last) {
        (Some(_), Some(_)) => {
            return Err(Error::invalid(
                "last",
                "Provide 'first' or 'last', not both.".to_owned(),
            ));
        }
        (Some(first), None) => (page_size("first", first)?, false),
        (None, Some(last)) => (page_size("last", last)?, true),
        (None, None) => (PAGE_MAX, false),
    };
    let skip = skip(paging)?;
    let fields = fields | L::sort_fields(order.key);
    let visible = visible::<L>(op, &granted, filter)?;
    let mut select = select_columns::<L>(fields);
    select.cond_where(visible.clone()).limit(u64::from(size) + 1);
    if let Some(cursor) = &after {
        select.cond_where(ordered.beyond(cursor, true));
    }
    if let Some(cursor) = &before {
        select.cond_where(ordered.beyond(cursor, false));
    }
    if skip > 0 {
        select.offset(skip);
    }
    let reversed = ordered.backwards();
    let read_in = if backwards { &reversed } else { &ordered };
    read_in.sort(&mut select);
    let select = keys_first::<L>(op, filter, read_in, select, fields);
    let mut rows: Vec<L> = things(op, op.db().backend().build(&select), fields).await?;
    let more = rows.len() > size as usize;
    rows.truncate(size as usize);
    if backwards {
        rows.reverse();
    }
    // On the other side of a cursor is at least the row that it was created from, unless that was deleted; so check.
    let behind = match if backwards { &before } else { &after } {
        // Rows were skipped, unless there are none.
        _ if skip > 0 => !rows.is_empty() || any::<L>(op, visible.clone()).await?,
        None => false,
        Some(cursor) => {
            let others = visible.clone().add(Condition::not(ordered.beyond(cursor, !backwards)));
            any::<L>(op, others).await?
        }
    };
    let (has_previous_page, has_next_page) = if backwards { (more, behind) } else { (behind, more) };
    let edges = rows
        .into_iter()
        .map(|node| Ok((Cursor::of(&node, order.key).encode::<L>(order, key)?, node)))
        .collect::<Result<_>>()?;
    Ok(Slice {
        edges,
        has_previous_page,
        has_next_page,
    })
}

/// One page of a list that is read in one direction, after a row of it: its rows, and the position of the last one
/// unless the list ends with it. Up to [`LARGE_PAGE_MAX`] rows; a larger number gets that many, none gets none.
pub async fn continued<L: Listed>(
    op: &OpContext,
    filter: &Filter<L::Term>,
    order: Order,
    after: Option<Cursor>,
    first: u32,
    fields: L::Fields,
) -> Result<(Vec<L>, Option<Cursor>)> {
    let granted = L::scope_of_list(op, filter)?;
    let ordered = Ordered::of::<L>(order)?;
    let visible = visible::<L>(op, &granted, filter)?;
    let size = first.min(LARGE_PAGE_MAX);
    if size == 0 {
        return Ok((Vec::new(), after));
    }
    let fields = fields | L::sort_fields(order.key);
    let select = beginning_after::<L>(
        op,
        filter,
        &ordered,
        visible,
        fields,
        after.as_ref(),
        u64::from(size) + 1,
    );
    let mut rows: Vec<L> = things(op, op.db().backend().build(&select), fields).await?;
    let more = rows.len() > size as usize;
    rows.truncate(size as usize);
    let last = rows.last().filter(|_| more);
    let next = last.map(|last| Cursor::of(last, order.key));
    Ok((rows, next))
}

/// The first rows in an order, of the visible ones after a row.
fn beginning_after<L: Listed>(
    op: &OpContext,
    filter: &Filter<L::Term>,
    ordered: &Ordered,
    visible: Condition,
    fields: L::Fields,
    after: Option<&Cursor>,
    limit: u64,
) -> SelectStatement {
    let mut select = select_columns::<L>(fields);
    select.cond_where(visible).limit(limit);
    if let Some(cursor) = after {
        select.cond_where(ordered.beyond(cursor, true));
    }
    ordered.sort(&mut select);
    keys_first::<L>(op, filter, ordered, select, fields)
}

/// The same page, with its keys found first where that is faster.
fn keys_first<L: Listed>(
    op: &OpContext,
    filter: &Filter<L::Term>,
    ordered: &Ordered,
    mut select: SelectStatement,
    fields: L::Fields,
) -> SelectStatement {
    if op.db().backend() != DbBackend::Postgres || !L::finds_keys(filter) {
        return select;
    }
    let keys = select.clear_selects().column(L::pk_column()).take();
    let mut page = select_columns::<L>(fields);
    page.and_where(in_keys::<L>(keys));
    ordered.sort(&mut page);
    page
}

/// `skip`, which counts from the start, so that it does not go with the arguments that count from the end.
fn skip(paging: &Paging) -> Result<u64> {
    if paging.skip > 0 && (paging.last.is_some() || paging.before.is_some()) {
        return Err(Error::invalid(
            "skip",
            "'skip' goes with 'first' and 'after', not with 'last' or 'before'.",
        ));
    }
    skipped(paging.skip)
}

/// Whether a row matches.
async fn any<L: Listed>(op: &OpContext, condition: Condition) -> Result<bool> {
    let mut any = L::Entity::find().select_only().column(L::pk_column()).into_query();
    any.cond_where(condition).limit(1);
    Ok(op.db().reader().query_one(&any).await?.is_some())
}

/// The number of rows per chunk of a list that is read completely.
const STRETCH: u64 = 500;

/// The whole list in creation order, in chunks: it is never all in memory, and no database connection is held while the
/// client reads slowly. Like a connection, it neither repeats nor misses an unchanged row.
pub fn all<L: Listed>(
    op: &OpContext,
    filter: Filter<L::Term>,
    fields: L::Fields,
) -> impl Stream<Item = Result<Vec<L>>> + Send + use<L> {
    all_seen_by(
        op,
        |op| Ok(op.authorize(Action::Read, L::RESOURCE)?.for_list()),
        filter,
        fields,
    )
}

/// The same for objects that are visible with another permission than the list's. The caller and that permission are
/// checked again for each chunk, because a slow reader may have lost it in the meantime.
pub fn all_seen_by<L: Listed, G: Fn(&OpContext) -> Result<Granted> + Copy + Send>(
    op: &OpContext,
    gate: G,
    filter: Filter<L::Term>,
    fields: L::Fields,
) -> impl Stream<Item = Result<Vec<L>>> + Send + use<L, G> {
    let order = Order::usual::<L>();
    let fields = fields | L::sort_fields(order.key);
    let start = Some(None::<Cursor>);
    futures::stream::try_unfold((op.clone(), filter, start), move |(op, filter, from)| async move {
        let Some(after) = from else { return Ok(None) };
        let op = match after {
            Some(_) => op.decided_again().await?,
            None => op,
        };
        let granted = gate(&op)?;
        let ordered = Ordered::of::<L>(order)?;
        let mut select = select_columns::<L>(fields);
        select.cond_where(visible::<L>(&op, &granted, &filter)?).limit(STRETCH);
        if let Some(cursor) = &after {
            select.cond_where(ordered.beyond(cursor, true));
        }
        ordered.sort(&mut select);
        let rows: Vec<L> = things(&op, op.db().backend().build(&select), fields).await?;
        let last = rows.last().filter(|_| rows.len() as u64 == STRETCH);
        let next = last.map(|last| Some(Cursor::of(last, order.key)));
        Ok(Some((rows, (op, filter, next))))
    })
}
