//! How many items the lists under the items of a list have: one statement for all of them.

use std::collections::HashMap;

use sea_orm::sea_query::{ExprTrait, Query, SelectStatement, SimpleExpr, UnionType};
use sea_orm::{ColumnTrait, ConnectionTrait, IntoSimpleExpr};

use super::nested::{CHILD, children_of, from_keys};
use super::statement::{select_nothing, visible};
use super::{Children, Filter, Link, Listed, Pairs, Several, count_of, union_all};
use crate::authz::{Granted, Scope};
use crate::context::OpContext;
use crate::model::error::Result;

/// The number of children of each of several parents. The caller sees the parents, and so, unless it sees single tenants
/// or only itself, all of their children: they have the organization of their parent.
pub async fn count_children<L: Listed>(
    op: &OpContext,
    children: &Children<L>,
    parents: &[i64],
) -> Result<HashMap<i64, i64>> {
    let backend = op.db().backend();
    let visible = visible::<L>(op, &children.granted, &Filter::default())?;
    let mut select = Query::select();
    let key = from_keys(&mut select, backend, parents);
    let items = match &children.link {
        Link::Column(column) => {
            let mut items = select_nothing::<L>();
            items.and_where(column.into_simple_expr().eq(key.clone()));
            items.cond_where(visible);
            items
        }
        Link::Such(condition) => {
            let mut items = select_nothing::<L>();
            items.cond_where(condition(key.clone())).cond_where(visible);
            items
        }
        Link::Pairs(pairs) | Link::Shared(pairs) => match children.granted.scope() {
            Scope::Everything | Scope::Organization(_) => pairs.of_parent(&key),
            Scope::Tenants(_) | Scope::Oneself(_) => {
                let mut items = pairs.items::<L>(backend, &key);
                items.cond_where(visible);
                items
            }
        },
        Link::Several(several) => {
            return count_for_parents::<L>(op, several, &children.granted, parents, u64::from(u32::MAX)).await;
        }
    };
    select.expr(key).expr(number_of(items));
    counted(op, &select).await
}

fn number_of(mut items: SelectStatement) -> SimpleExpr {
    items.expr(SimpleExpr::cust("COUNT(*)"));
    SimpleExpr::SubQuery(None, Box::new(items.into()))
}

async fn counted(op: &OpContext, select: &SelectStatement) -> Result<HashMap<i64, i64>> {
    let rows = op.db().reader().query_all(select).await?;
    rows.iter()
        .map(|row| Ok((row.try_get_by_index(0)?, row.try_get_by_index(1)?)))
        .collect()
}

/// The number of children of each of several parents, counted up to a maximum, in one statement.
pub async fn count_for_parents<L: Listed>(
    op: &OpContext,
    several: &Several,
    granted: &Granted,
    parents: &[i64],
    most: u64,
) -> Result<HashMap<i64, i64>> {
    let backend = op.db().backend();
    let select = match several.all_visible {
        true => {
            let mut select = Query::select();
            let key = from_keys(&mut select, backend, parents);
            // Each join table is read up to the maximum, and then once more to leave out who is in both.
            let distinct = |pairs: &Pairs| {
                let mut children = children_of(std::slice::from_ref(pairs), &key);
                children.distinct().limit(most);
                let mut some = Query::select();
                some.column(CHILD).from_subquery(children, "some");
                some
            };
            let mut all = Query::select();
            let some = union_all(several.looked_up.iter().map(distinct));
            all.distinct().column(CHILD).from_subquery(some, "found");
            select.expr(key.clone()).expr(count_of(all, most));
            select
        }
        false => {
            let visible = visible::<L>(op, granted, &Filter::default())?;
            let [mut few, many] = [false, true].map(|many| {
                let mut select = Query::select();
                let key = Several::from_sized(&mut select, many);
                let mut items = several.items::<L>(backend, &key, many);
                items.cond_where(visible.clone());
                items.column(L::pk_column().as_column_ref());
                select.expr(key).expr(count_of(items, most));
                select
            });
            few.union(UnionType::All, many)
                .with_cte(several.sized(backend, parents));
            few
        }
    };
    counted(op, &select).await
}
