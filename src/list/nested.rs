//! The lists under the items of a list: one statement for all of them.

use std::collections::HashMap;

use sea_orm::sea_query::{
    Asterisk, CommonTableExpression, Expr, ExprTrait, Func, Query, SelectStatement, SimpleExpr, UnionType,
};
use sea_orm::{
    ColumnTrait, Condition, DbBackend, EntityName, EntityTrait, IntoSimpleExpr, JoinType, QueryResult, QuerySelect,
    QueryTrait,
};

use super::nested_shared::for_parents_that_share;
use super::sorting::Ordered;
use super::statement::{select_nothing, visible};
use super::{Filter, Listed, Order, Window};
use crate::authz::Granted;
use crate::context::OpContext;
use crate::model::error::Result;

/// How many children of a parent are looked up and sorted; if there are more, a list tests its items one by one.
pub const LOOKED_UP_MAX: u64 = 1_000;

const PARENTS: &str = "parents";
const PARENT_KEY: &str = "parent_key";
pub(super) const CHILD: &str = "child";
/// The parents, and whether each has more children than [`LOOKED_UP_MAX`].
const SIZED: &str = "sized";
const MANY: &str = "many";

/// How the items of a nested list reference their parents.
#[derive(Debug)]
pub enum Link<L: Listed> {
    /// This column contains the parent's key.
    Column(<L::Entity as EntityTrait>::Column),
    /// The children of a parent with this key are those that match a condition.
    Such(fn(SimpleExpr) -> Condition),
    /// A join table that has each pair once contains it; see [`Link::through`].
    Pairs(Box<Pairs>),
    /// The same, and the parents have few items, which they share; see [`Link::shared`].
    Shared(Box<Pairs>),
    /// Several join tables contain it, or a join table in which one parent can have very many children.
    Several(Box<Several>),
}

/// A select without columns from a join table, and its columns with the keys of children and of parents.
#[derive(Clone, Debug)]
pub struct Pairs {
    pub from: SelectStatement,
    pub child: SimpleExpr,
    pub parent: SimpleExpr,
}

/// Join tables that link children with parents of which some have very many. Few children of a parent are looked up and
/// sorted. If there are more, the list is read in its order, and each item is tested, until the page is full.
#[derive(Clone, Debug)]
pub struct Several {
    /// To find the children of a parent.
    pub looked_up: Vec<Pairs>,
    /// To test whether an item is a child of a parent.
    pub tested: Vec<Pairs>,
    /// A further condition on the children.
    pub such: Condition,
    /// Whether the caller may see all of them, so that counting them needs no look at them.
    pub all_visible: bool,
}

impl<L: Listed> Link<L> {
    /// A join table with the keys of children and parents.
    pub fn through<P: EntityTrait>(child: P::Column, parent: P::Column) -> Self {
        Self::Pairs(Box::new(Pairs::of::<P>(child, parent)))
    }

    /// A join table in which parents have few children, and share them.
    pub fn shared<P: EntityTrait>(child: P::Column, parent: P::Column) -> Self {
        Self::Shared(Box::new(Pairs::of::<P>(child, parent)))
    }
}

/// The children of a nested list: the link to their parents, and the caller's scope.
#[derive(Debug)]
pub struct Children<L: Listed> {
    pub link: Link<L>,
    pub granted: Granted,
}

impl Pairs {
    fn of<P: EntityTrait>(child: P::Column, parent: P::Column) -> Self {
        Self {
            from: P::find().select_only().into_query(),
            child: child.into_simple_expr(),
            parent: parent.into_simple_expr(),
        }
    }

    /// A select, without columns, of the pairs of a parent.
    pub(super) fn of_parent(&self, parent: &SimpleExpr) -> SelectStatement {
        let mut pairs = self.from.clone();
        pairs.and_where(self.parent.clone().eq(parent.clone()));
        pairs
    }

    /// A select, without columns, of the items of a join table that has each pair once.
    pub(super) fn items<L: Listed>(&self, backend: DbBackend, parent: &SimpleExpr) -> SelectStatement {
        let mut items = self.of_parent(parent);
        match backend {
            // SQLite might rather walk all items in the order of the list.
            DbBackend::Sqlite => items.cross_join(L::Entity::default()),
            _ => items.from(L::Entity::default().table_ref()),
        };
        items.and_where(self.child.clone().eq(L::pk_column().into_simple_expr()));
        items
    }
}

/// The keys of all children of a parent, with repetitions.
pub(super) fn children_of(pairs: &[Pairs], parent: &SimpleExpr) -> SelectStatement {
    let of_it = |pairs: &Pairs| {
        let mut select = pairs.from.clone();
        select.expr_as(pairs.child.clone(), CHILD);
        select.and_where(pairs.parent.clone().eq(parent.clone()));
        select
    };
    union_all(pairs.iter().map(of_it))
}

/// The same, only for this child.
fn is_child_of(pairs: &[Pairs], parent: &SimpleExpr, child: &SimpleExpr) -> SimpleExpr {
    let of_it = |pairs: &Pairs| {
        let mut select = pairs.from.clone();
        select.expr(Expr::val(1));
        select.and_where(pairs.parent.clone().eq(parent.clone()));
        select.and_where(pairs.child.clone().eq(child.clone()));
        select
    };
    // One subquery with all of them, and with an offset: PostgreSQL does not turn such a one into a join with all children.
    let mut any = union_all(pairs.iter().map(of_it));
    any.limit(1).offset(0);
    Expr::exists(any)
}

/// The rows of several selects, which have the same columns.
pub fn union_all(selects: impl IntoIterator<Item = SelectStatement>) -> SelectStatement {
    let mut selects = selects.into_iter();
    let mut all = selects.next().unwrap_or_default();
    all.unions(selects.map(|more| (UnionType::All, more)));
    all
}

/// The number of rows, counted up to a maximum.
pub fn count_of(mut rows: SelectStatement, most: u64) -> SimpleExpr {
    rows.limit(most);
    let mut count = Query::select();
    count.expr(Expr::cust("COUNT(*)")).from_subquery(rows, "counted");
    SimpleExpr::SubQuery(None, Box::new(count.into()))
}

/// Selects from a list of internal keys, in one parameter, and returns the column with the keys.
pub(super) fn from_keys(select: &mut SelectStatement, backend: DbBackend, keys: &[i64]) -> SimpleExpr {
    match backend {
        DbBackend::Postgres => {
            let keys = Func::cust("unnest").arg(sea_orm::Value::from(keys.to_vec()));
            select.from_function(keys, PARENTS);
            Expr::col((PARENTS, PARENTS))
        }
        _ => {
            let keys = Func::cust("json_each").arg(serde_json::json!(keys).to_string());
            select.from_function(keys, PARENTS);
            Expr::col((PARENTS, "value"))
        }
    }
}

impl Several {
    /// The parents with whether they have many children, as a table of the statement.
    pub(super) fn sized(&self, backend: DbBackend, parents: &[i64]) -> CommonTableExpression {
        let mut select = Query::select();
        let key = from_keys(&mut select, backend, parents);
        let count = count_of(children_of(&self.looked_up, &key), LOOKED_UP_MAX + 1);
        select.expr_as(key, PARENT_KEY);
        select.expr_as(count.gt(i64::try_from(LOOKED_UP_MAX).unwrap_or(i64::MAX)), MANY);
        let mut table = CommonTableExpression::new();
        table.table_name(SIZED).query(select);
        table
    }

    /// Parents of one size, with their key.
    pub(super) fn from_sized(select: &mut SelectStatement, many: bool) -> SimpleExpr {
        let is_many = Expr::col((SIZED, MANY));
        select.from(SIZED).and_where(if many { is_many } else { is_many.not() });
        Expr::col((SIZED, PARENT_KEY))
    }

    /// A select, without columns, of the items that are children of a parent of this size.
    pub(super) fn items<L: Listed>(&self, backend: DbBackend, parent: &SimpleExpr, many: bool) -> SelectStatement {
        let item = L::pk_column().into_simple_expr();
        let mut select = Query::select();
        if many {
            select.from(L::Entity::default().table_ref());
            select.and_where(is_child_of(&self.tested, parent, &item));
        } else {
            // The limit leaves out none, and tells the database that these are few.
            let mut found = children_of(&self.looked_up, parent);
            found.limit(LOOKED_UP_MAX + 1);
            let mut keys = Query::select();
            keys.column(CHILD).from_subquery(found, "found");
            if backend == DbBackend::Postgres {
                let keys = SimpleExpr::SubQuery(None, Box::new(keys.into()));
                let mut held = Query::select();
                held.column(Asterisk).from(L::Entity::default().table_ref());
                held.and_where(Expr::cust_with_exprs("$1 = ANY(ARRAY $2)", [item, keys]));
                // With an offset it is read by itself: PostgreSQL might rather walk all items in the order of the list,
                // and look which of them are among these.
                held.offset(0);
                select.from_subquery(held, L::Entity::default());
            } else {
                // SQLite might rather walk all items in the order of the list, so it has to start from these.
                keys.distinct();
                select.from_subquery(keys, "held").cross_join(L::Entity::default());
                select.and_where(item.eq(Expr::col(("held", CHILD))));
            }
        }
        select.cond_where(self.such.clone());
        select
    }
}

/// One page for each of several parents: the nested lists of a list.
///
/// In one statement, or two if the parents share their items. For each parent, the database walks the index on the child's parent column and stops at the end of the page, so the
/// cost depends only on the number of rows returned. See [`Several`] for parents with very many children.
pub async fn for_parents<L: Listed>(
    op: &OpContext,
    children: &Children<L>,
    parents: &[i64],
    filter: &Filter<L::Term>,
    order: Order,
    fields: L::Fields,
    window: Window,
) -> Result<HashMap<i64, Vec<L>>> {
    let backend = op.db().backend();
    let ordered = Ordered::of::<L>(order)?;
    let fields = fields | L::sort_fields(order.key);
    let visible = visible::<L>(op, &children.granted, filter)?;
    if let Link::Shared(pairs) = &children.link {
        let shared = for_parents_that_share(op, pairs, visible.clone(), parents, order, fields, window);
        if let Some(lists) = shared.await? {
            return Ok(lists);
        }
    }
    let page_by = |ordered: &Ordered, mut items: SelectStatement| {
        items
            .cond_where(visible.clone())
            .limit(u64::from(window.first))
            .offset(window.skip);
        ordered.sort(&mut items);
        items
    };
    let page_of = |items: SelectStatement| page_by(&ordered, items);
    let page_such = |condition: &dyn Fn(SimpleExpr) -> Condition| {
        let (mut select, mut items) = (Query::select(), select_nothing::<L>());
        let key = from_keys(&mut select, backend, parents);
        items.cond_where(condition(key.clone()));
        join_page::<L>(select, backend, fields, key, page_of(items))
    };
    let select = match &children.link {
        Link::Column(column) => page_such(&|key| Condition::all().add(column.into_simple_expr().eq(key))),
        Link::Such(condition) => page_such(condition),
        Link::Pairs(pairs) | Link::Shared(pairs) => {
            let mut select = Query::select();
            let key = from_keys(&mut select, backend, parents);
            // In the order of the internal keys, the join table's own key is the list.
            let page = page_by(&ordered.by_key(pairs.child.clone()), pairs.items::<L>(backend, &key));
            join_page::<L>(select, backend, fields, key, page)
        }
        Link::Several(several) => {
            let [mut few, many] = [false, true].map(|many| {
                let mut select = Query::select();
                let key = Several::from_sized(&mut select, many);
                let page = page_of(several.items::<L>(backend, &key, many));
                join_page::<L>(select, backend, fields, key, page)
            });
            few.union(UnionType::All, many)
                .with_cte(several.sized(backend, parents));
            few
        }
    };
    let mut lists: HashMap<i64, Vec<L>> = HashMap::with_capacity(parents.len());
    let statement = backend.build(&select);
    let read = |row: QueryResult| -> Result<()> {
        let thing = L::read(&row, fields)?;
        op.charge_read(thing.weigh())?;
        lists.entry(row.try_get("", PARENT_KEY)?).or_default().push(thing);
        Ok(())
    };
    op.db().reader().each_row(statement, read).await?;
    // A join does not guarantee the order, although each parent's rows were read in it.
    for list in lists.values_mut() {
        list.sort_by(|a, b| {
            let by = |thing: &L| (thing.sort_value(order.key), thing.pk());
            let ascending = by(a).cmp(&by(b));
            if order.descending {
                ascending.reverse()
            } else {
                ascending
            }
        });
    }
    Ok(lists)
}

/// Adds to a select of parents the items of each parent's page, which has no columns yet.
fn join_page<L: Listed>(
    mut select: SelectStatement,
    backend: DbBackend,
    fields: L::Fields,
    key: SimpleExpr,
    mut page: SelectStatement,
) -> SelectStatement {
    let columns = L::columns(fields).into_iter();
    if backend == DbBackend::Postgres {
        page.columns(columns.clone().map(|column| column.as_column_ref()));
        select.columns(columns.map(|column| (CHILD, column)));
        select.expr_as(key, PARENT_KEY);
        // A cross join would be generated with an `ON`, which is not allowed.
        select.join_lateral(JoinType::InnerJoin, page, CHILD, Condition::all());
    } else {
        page.column(L::pk_column().as_column_ref());
        select.columns(columns.map(|column| column.as_column_ref()));
        select.expr_as(key, PARENT_KEY);
        select.cross_join(L::Entity::default());
        select.and_where(L::pk_column().into_simple_expr().in_subquery(page));
    }
    select
}
