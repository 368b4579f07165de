//! Nested lists whose items many parents share, such as the groups of users: each item is read once.

use std::collections::{BTreeSet, HashMap};

use sea_orm::{Condition, ConnectionTrait};

use super::statement::{select_columns, things};
use super::{Listed, Order, Pairs, Window};
use crate::context::OpContext;
use crate::model::error::Result;
use crate::store::entity::{among, any_of};

/// The most pairs of parents and items that are read; if there are more, each parent's page is read by itself.
const PAIRS_MAX: u64 = 2_000;

/// One page for each of several parents, in two statements: the pairs, and then each item once. `visible` is what the
/// caller may see of the items, and their filter. `None` if the parents have very many items.
pub(super) async fn for_parents_that_share<L: Listed>(
    op: &OpContext,
    pairs: &Pairs,
    visible: Condition,
    parents: &[i64],
    order: Order,
    fields: L::Fields,
    window: Window,
) -> Result<Option<HashMap<i64, Vec<L>>>> {
    let backend = op.db().backend();
    let mut select = pairs.from.clone();
    select
        .expr(pairs.parent.clone())
        .expr(pairs.child.clone())
        .and_where(among(backend, pairs.parent.clone(), parents.to_vec(), "bigint[]"))
        .limit(PAIRS_MAX + 1);
    let rows = op.db().reader().query_all(&select).await?;
    if rows.len() as u64 > PAIRS_MAX {
        return Ok(None);
    }
    let mut keys: HashMap<i64, Vec<i64>> = HashMap::with_capacity(parents.len());
    let mut items = BTreeSet::new();
    for row in rows {
        let item = row.try_get_by_index(1)?;
        keys.entry(row.try_get_by_index(0)?).or_default().push(item);
        items.insert(item);
    }
    if items.is_empty() {
        return Ok(Some(HashMap::new()));
    }
    let mut select = select_columns::<L>(fields);
    select
        .cond_where(visible)
        .and_where(any_of(backend, L::pk_column(), items));
    let mut found = things::<L>(op, backend.build(&select), fields).await?;
    let place = |thing: &L| (thing.sort_value(order.key), thing.pk());
    found.sort_by_cached_key(place);
    if order.descending {
        found.reverse();
    }
    let places: HashMap<i64, usize> = found
        .iter()
        .enumerate()
        .map(|(place, thing)| (thing.pk(), place))
        .collect();
    let (first, skip) = window.limit_and_offset();
    let (first, skip) = (
        usize::try_from(first).unwrap_or(usize::MAX),
        usize::try_from(skip).unwrap_or(usize::MAX),
    );
    let mut lists = HashMap::with_capacity(keys.len());
    for (parent, keys) in keys {
        let mut places: Vec<usize> = keys.iter().filter_map(|key| places.get(key).copied()).collect();
        places.sort_unstable();
        let mut list = Vec::new();
        for thing in places
            .into_iter()
            .skip(skip)
            .take(first)
            .filter_map(|place| found.get(place))
        {
            op.charge_read(thing.weigh())?;
            list.push(thing.clone());
        }
        lists.insert(parent, list);
    }
    Ok(Some(lists))
}
