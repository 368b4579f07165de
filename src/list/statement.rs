//! The statements behind lists and counts.

use std::collections::HashMap;

use sea_orm::sea_query::{Expr, ExprTrait, Query, SelectStatement, SimpleExpr};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DbBackend, EntityName, EntityTrait, IntoSimpleExpr, QueryResult,
    QuerySelect, QueryTrait, Statement,
};

use super::sorting::Ordered;
use super::{Filter, Listed, Order, Window};
use crate::authz::Granted;
use crate::context::OpContext;
use crate::model::error::{Error, Result};
use crate::store::entity::any_of;

/// One page of what the caller may read.
pub async fn page<L: Listed>(
    op: &OpContext,
    filter: &Filter<L::Term>,
    order: Order,
    fields: L::Fields,
    window: Window,
) -> Result<Vec<L>> {
    let statement = page_of::<L>(op, filter, order, columns::<L>(fields), window)?;
    things(op, statement, fields).await
}

/// The results of a query, charged to the response as they are read.
pub(super) async fn things<L: Listed>(op: &OpContext, statement: Statement, fields: L::Fields) -> Result<Vec<L>> {
    let mut things = Vec::new();
    let read = |row: QueryResult| -> Result<()> {
        let thing = L::read(&row, fields)?;
        op.charge_read(thing.weigh())?;
        things.push(thing);
        Ok(())
    };
    op.db().reader().each_row(statement, read).await?;
    Ok(things)
}

/// SQLite skips this many rows directly; for more, it is cheaper to look for the page's keys first.
const SKIPPED_DIRECTLY: u64 = 1_000;

/// The statement of a page that reads these columns.
///
/// It walks the list's index. What it skips is never read from the table: a page that skips rows begins at the row that
/// a walk over the index alone finds, in the same statement and so in the same snapshot.
pub(super) fn page_of<L: Listed>(
    op: &OpContext,
    filter: &Filter<L::Term>,
    order: Order,
    columns: Vec<SimpleExpr>,
    window: Window,
) -> Result<Statement> {
    let granted = L::scope_of_list(op, filter)?;
    let backend = op.db().backend();
    let ordered = Ordered::of::<L>(order)?;
    let condition = visible::<L>(op, &granted, filter)?;
    let mut page = Query::select();
    page.exprs(columns);
    let mut rows = select_nothing::<L>();
    match backend {
        DbBackend::Sqlite if window.skip > SKIPPED_DIRECTLY => {
            rows.column((L::Entity::default(), L::pk_column()))
                .cond_where(condition)
                .limit(u64::from(window.first))
                .offset(window.skip);
            ordered.sort(&mut rows);
            let key = Expr::col((KEYS, L::pk_column()));
            page.from_subquery(rows, KEYS).cross_join(L::Entity::default());
            page.and_where(L::pk_column().into_simple_expr().eq(key));
        }
        DbBackend::Postgres if L::finds_keys(filter) => {
            rows.column(L::pk_column())
                .cond_where(condition)
                .limit(u64::from(window.first))
                .offset(window.skip);
            ordered.sort(&mut rows);
            page.from(L::Entity::default().table_ref())
                .and_where(in_keys::<L>(rows));
        }
        DbBackend::Postgres if window.skip > 0 => {
            rows.cond_where(condition.clone()).limit(1).offset(window.skip);
            page.from(L::Entity::default().table_ref());
            page.and_where(ordered.beginning_with_first_of(rows))
                .cond_where(condition);
            page.limit(u64::from(window.first));
        }
        _ => {
            page.from(L::Entity::default().table_ref()).cond_where(condition);
            page.limit(u64::from(window.first));
            if window.skip > 0 {
                page.offset(window.skip);
            }
        }
    }
    ordered.sort(&mut page);
    Ok(backend.build(&page))
}

/// The rows of a page whose keys are found first.
pub(super) fn in_keys<L: Listed>(keys: SelectStatement) -> SimpleExpr {
    L::pk_column().into_simple_expr().in_subquery(keys)
}

/// The keys of a page, where they are found first.
const KEYS: &str = "keys";

/// The number of items in the list.
pub async fn count<L: Listed>(op: &OpContext, filter: &Filter<L::Term>) -> Result<i64> {
    let granted = L::scope_of_list(op, filter)?;
    // Too many conditions are refused, however it is counted.
    let visible = visible::<L>(op, &granted, filter)?;
    if let Some(known) = L::known_count(op, &granted, filter).await? {
        return Ok(known);
    }
    let mut select = L::Entity::find()
        .select_only()
        .expr(Expr::cust("COUNT(*)"))
        .into_query();
    select.cond_where(visible);
    let row = op.db().reader().query_one(&select).await?;
    let row = row.ok_or_else(|| Error::internal("a count without a row"))?;
    Ok(row.try_get_by_index(0)?)
}

/// Looks up objects by internal key, in one statement, and returns those that are within the caller's current scope. A
/// reference to an object may outlive the permission to see it: a user moves away, a caller is demoted, an API key is
/// limited.
pub async fn by_keys<L: Listed>(
    op: &OpContext,
    granted: &Granted,
    pks: impl IntoIterator<Item = i64>,
    fields: L::Fields,
) -> Result<HashMap<i64, L>> {
    let mut select = select_columns::<L>(fields);
    select
        .cond_where(L::within(granted))
        .and_where(any_of(op.db().backend(), L::pk_column(), pks));
    let things = things::<L>(op, op.db().backend().build(&select), fields).await?;
    Ok(things.into_iter().map(|thing| (thing.pk(), thing)).collect())
}

/// The ids of objects that a visible object references. They are shown even if the referenced object is outside the
/// caller's scope, so this needs no `Granted`.
pub async fn ids_of<L: Listed>(op: &OpContext, pks: impl IntoIterator<Item = i64>) -> Result<HashMap<i64, String>> {
    let mut select = select_nothing::<L>();
    select
        .columns([L::pk_column().as_column_ref(), L::id_column().as_column_ref()])
        .and_where(any_of(op.db().backend(), L::pk_column(), pks));
    let rows = op.db().reader().query_all(&select).await?;
    rows.iter()
        .map(|row| Ok((row.try_get_by_index(0)?, row.try_get_by_index(1)?)))
        .collect()
}

/// All matches, in one statement and unordered, for filters by id: with an order, the database might scan the list
/// instead of looking up the ids. The calling code limits the number of ids.
pub async fn few<L: Listed>(op: &OpContext, filter: &Filter<L::Term>, fields: L::Fields) -> Result<Vec<L>> {
    let granted = L::scope(op, filter)?;
    let mut select = select_columns::<L>(fields);
    select.cond_where(visible::<L>(op, &granted, filter)?);
    things(op, op.db().backend().build(&select), fields).await
}

/// The rows that match the filter and that the caller may see.
pub(super) fn visible<L: Listed>(op: &OpContext, granted: &Granted, filter: &Filter<L::Term>) -> Result<Condition> {
    Ok(Condition::all()
        .add(L::within(granted))
        .add(filter.to_sql::<L>(op.db().backend())?))
}

pub(super) fn columns<L: Listed>(fields: L::Fields) -> Vec<SimpleExpr> {
    let columns = L::columns(fields).into_iter();
    columns.map(|column| column.into_simple_expr()).collect()
}

pub(super) fn select_columns<L: Listed>(fields: L::Fields) -> SelectStatement {
    let mut select = select_nothing::<L>();
    select.exprs(columns::<L>(fields));
    select
}

/// A select of the kind's table, to which columns are still to be added. Not `find()`, which first selects every column.
pub(super) fn select_nothing<L: Listed>() -> SelectStatement {
    let mut select = Query::select();
    select.from(L::Entity::default().table_ref());
    select
}
