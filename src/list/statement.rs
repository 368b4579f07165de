//! The statements behind lists and counts.

use std::collections::HashMap;

use sea_orm::sea_query::{Expr, ExprTrait, Query, SelectStatement, SimpleExpr};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DbBackend, EntityName, EntityTrait, IntoSimpleExpr, QueryResult,
    QuerySelect, QueryTrait, Statement,
};

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
    let statement = page_of::<L>(op, filter, order, select_columns::<L>(fields), window)?;
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

/// The statement of a page that reads what `select` selects.
pub(super) fn page_of<L: Listed>(
    op: &OpContext,
    filter: &Filter<L::Term>,
    order: Order,
    mut select: SelectStatement,
    window: Window,
) -> Result<Statement> {
    let granted = L::scope_of_list(op, filter)?;
    let sort = sort_of::<L>(order)?;
    let condition = visible::<L>(op, &granted, filter)?;
    if window.skip == 0 {
        select.cond_where(condition).limit(u64::from(window.first));
    } else {
        let mut keys = L::Entity::find().select_only().column(L::pk_column()).into_query();
        keys.cond_where(condition)
            .limit(u64::from(window.first))
            .offset(window.skip);
        order_by::<L>(&mut keys, &sort, order.descending);
        select.and_where(L::pk_column().into_simple_expr().in_subquery(keys));
    }
    order_by::<L>(&mut select, &sort, order.descending);
    Ok(prepared_once(op.db().backend(), &select))
}

/// The number of items in the list.
pub async fn count<L: Listed>(op: &OpContext, filter: &Filter<L::Term>) -> Result<i64> {
    let granted = L::scope_of_list(op, filter)?;
    let mut select = L::Entity::find()
        .select_only()
        .expr(Expr::cust("COUNT(*)"))
        .into_query();
    select.cond_where(visible::<L>(op, &granted, filter)?);
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

pub(super) fn sort_of<L: Listed>(order: Order) -> Result<SimpleExpr> {
    L::sort_expression(order.key)
        .ok_or_else(|| Error::invalid("orderBy", "This list does not support this order.".to_owned()))
}

pub(super) fn select_columns<L: Listed>(fields: L::Fields) -> SelectStatement {
    let mut select = select_nothing::<L>();
    select.columns(L::columns(fields).into_iter().map(|column| column.as_column_ref()));
    select
}

/// A select of the kind's table, to which columns are still to be added. Not `find()`, which first selects every column.
pub(super) fn select_nothing<L: Listed>() -> SelectStatement {
    let mut select = Query::select();
    select.from(L::Entity::default().table_ref());
    select
}

/// The statement of a page, in a form that SQLite does not prepare again. SQLite (3.51) uses the value of a bare
/// `LIMIT ?` when it plans, and so plans again each time a value is bound, which costs more than the page itself; it
/// does not do so for an expression. Values are bound and the names are ours, so `LIMIT ?` occurs nowhere else in the
/// text.
pub(super) fn prepared_once(backend: DbBackend, select: &SelectStatement) -> Statement {
    let mut statement = backend.build(select);
    if backend == DbBackend::Sqlite {
        statement.sql = statement.sql.replace(" LIMIT ?", " LIMIT ? + 0");
    }
    statement
}

pub(super) fn order_by<L: Listed>(select: &mut SelectStatement, sort: &SimpleExpr, descending: bool) {
    use sea_orm::sea_query::Order::{Asc, Desc};
    let way = if descending { Desc } else { Asc };
    let id = L::id_column().into_simple_expr();
    // Not the id twice: SQLite would sort again for the second one, although the index is already in order.
    if *sort != id {
        select.order_by_expr(sort.clone(), way.clone());
    }
    select.order_by_expr(id, way);
}
