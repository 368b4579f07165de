//! Lists, counts, queries for one thing, and nested lists: one implementation for all kinds of objects.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use async_graphql::{Context, ID, InputType};
use futures::FutureExt;
use futures::future::BoxFuture;
use sea_orm::EntityTrait;

use super::selection::place_key;
use super::{Failure, List, OrderBy, PageSize, Selection, Shared, Where, op, window};
use crate::authz::{Action, Granted};
use crate::context::OpContext;
use crate::list::{self, Cell, Children, Filter, Link, Listed, Order};
use crate::model::error::{Error, Forbidden, Result};

/// A kind of object in the schema: how its lists are filtered, sorted and presented.
pub trait Listing: Listed {
    type Object: Clone + Send + Sync;
    type Where: Default + InputType + Where<Term = Self::Term>;
    type OrderBy: InputType + OrderBy;
    /// What is loaded together with a page of things.
    type Preloaded: Send + Sync;

    fn filter(op: &OpContext, wanted: Self::Where) -> Filter<Self::Term> {
        wanted.filter(op)
    }
    /// The filter of a list. Some conditions depend on how much they find.
    fn filter_of_list(op: &OpContext, wanted: Self::Where) -> impl Future<Output = Result<Filter<Self::Term>>> + Send {
        std::future::ready(Ok(Self::filter(op, wanted)))
    }
    /// The filter of a count.
    fn filter_of_count(op: &OpContext, wanted: Self::Where) -> impl Future<Output = Result<Filter<Self::Term>>> + Send {
        std::future::ready(Ok(Self::filter(op, wanted)))
    }
    /// The filter of a query for a single thing. A list may leave out by default what this finds.
    fn filter_one(op: &OpContext, wanted: Self::Where) -> Filter<Self::Term> {
        Self::filter(op, wanted)
    }
    /// The columns that a selected field needs in addition to the one with its name.
    fn behind(name: &str) -> Self::Fields {
        let _ = name;
        Self::Fields::default()
    }
    /// Loads what is selected under some objects: one statement for each relation.
    fn preload(
        op: &OpContext,
        things: &[Self],
        selection: &Selection<'_>,
    ) -> impl Future<Output = Result<Self::Preloaded>> + Send;
    /// Converts one of them to its schema type.
    fn object(self, op: &OpContext, preloaded: &Self::Preloaded) -> Self::Object;
    /// How a field is written directly from its row; `None` if it needs more than its row, or is rarely selected.
    fn cell(field: &str) -> Option<Cell> {
        let _ = field;
        None
    }
}

/// The columns that the selected fields need.
pub fn fields_of<L: Listing>(selection: &Selection<'_>) -> L::Fields {
    let names = selection.names();
    names.fold(L::Fields::default(), |fields, name| {
        fields | L::field(name) | L::behind(name)
    })
}

/// Converts objects to their schema type, with everything that is selected under them. Boxed, because nested objects
/// await it recursively.
pub fn present<'a, L: Listing>(
    op: &'a OpContext,
    things: Vec<L>,
    selection: &'a Selection<'a>,
) -> BoxFuture<'a, Result<Vec<L::Object>>> {
    async move {
        if things.is_empty() {
            return Ok(Vec::new());
        }
        let preloaded = L::preload(op, &things, selection).await?;
        Ok(things.into_iter().map(|thing| thing.object(op, &preloaded)).collect())
    }
    .boxed()
}

/// The same for one thing.
pub async fn present_one<L: Listing>(op: &OpContext, thing: L, selection: &Selection<'_>) -> Result<L::Object> {
    let preloaded = L::preload(op, std::slice::from_ref(&thing), selection).boxed().await?;
    Ok(thing.object(op, &preloaded))
}

/// Objects that others refer to, by internal key, each with its id.
pub struct Related<L: Listing>(HashMap<i64, (String, Shared<L::Object>)>);

impl<L: Listing> Default for Related<L> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<L: Listing> Related<L> {
    pub async fn present(op: &OpContext, found: HashMap<i64, L>, selection: &Selection<'_>) -> Result<Self> {
        let name = |(key, thing): (i64, L)| ((key, thing.public_id().to_owned()), thing);
        let (names, things): (Vec<(i64, String)>, Vec<L>) = found.into_iter().map(name).unzip();
        let objects = present(op, things, selection).await?.into_iter().map(Shared::from);
        let named = names.into_iter().zip(objects);
        Ok(Self(named.map(|((key, id), object)| (key, (id, object))).collect()))
    }

    pub fn id(&self, key: impl Into<Option<i64>>) -> Option<ID> {
        let (id, _) = self.0.get(&key.into()?)?;
        Some(ID(id.clone()))
    }

    pub fn object(&self, key: impl Into<Option<i64>>) -> Option<Shared<L::Object>> {
        let (_, object) = self.0.get(&key.into()?)?;
        Some(object.clone())
    }
}

/// The filter and the order that a list's arguments specify.
pub(super) async fn asked<L: Listing>(
    op: &OpContext,
    wanted: Option<L::Where>,
    order_by: Option<L::OrderBy>,
) -> Result<(Filter<L::Term>, Order)> {
    let order = order_by.map_or_else(Order::usual::<L>, OrderBy::order);
    Ok((L::filter_of_list(op, wanted.unwrap_or_default()).await?, order))
}

/// `things(where, orderBy, first, skip)`.
pub async fn page<L: Listing>(
    ctx: &Context<'_>,
    wanted: Option<L::Where>,
    order_by: Option<L::OrderBy>,
    first: Option<PageSize>,
    skip: Option<i32>,
) -> super::Result<List<L::Object>> {
    let op = op(ctx);
    let _turn = op.turn().await;
    let selection = Selection::of(ctx);
    let (filter, order) = asked::<L>(op, wanted, order_by).await?;
    let things = list::page::<L>(op, &filter, order, fields_of::<L>(&selection), window(first, skip)?).await?;
    Ok(present(op, things, &selection).await?.into())
}

/// `thing(where)`: the one thing that matches, or nothing. Boxed, because the library keeps the futures of all fields on
/// the stack.
pub fn single<'a, L: Listing>(
    ctx: &'a Context<'_>,
    wanted: L::Where,
) -> BoxFuture<'a, super::Result<Option<L::Object>>> {
    async move {
        wanted.must_name()?;
        let op = op(ctx);
        let _turn = op.turn().await;
        let filter = L::filter_one(op, wanted);
        Ok(find_one::<L>(op, &filter, &Selection::of(ctx)).await?)
    }
    .boxed()
}

/// The one thing that a filter matches, within the caller's scope. `AMBIGUOUS` if there are several: the accounts of an
/// address, for callers who see several organizations.
pub async fn find_one<L: Listing>(
    op: &OpContext,
    filter: &Filter<L::Term>,
    selection: &Selection<'_>,
) -> Result<Option<L::Object>> {
    let mut found = list::few::<L>(op, filter, fields_of::<L>(selection)).await?;
    if found.len() > 1 {
        return Err(Error::Ambiguous {
            field: "where",
            message: "Several match 'where'. Name one by its 'id'.".to_owned(),
        });
    }
    match found.pop() {
        Some(thing) => Ok(Some(present_one(op, thing, selection).await?)),
        None => Ok(None),
    }
}

/// `countThings(where)`.
pub async fn count<L: Listing>(ctx: &Context<'_>, wanted: Option<L::Where>) -> super::Result<i64> {
    let op = op(ctx);
    let _turn = op.turn().await;
    let filter = L::filter_of_count(op, wanted.unwrap_or_default()).await?;
    Ok(list::count::<L>(op, &filter).await?)
}

/// Converts the result of a verb to its schema type. Boxed, because the library keeps the futures of all fields on the
/// stack.
pub fn one<'a, L: Listing>(
    ctx: &'a Context<'_>,
    verb: impl Future<Output = Result<L>> + Send + 'a,
) -> BoxFuture<'a, super::Result<L::Object>> {
    async move {
        let op = op(ctx);
        let done = verb.await;
        // What others are doing at the same time may have decided it; see `Database::settled`.
        op.db().settled().await?;
        Ok(present_one(op, done?, &Selection::of(ctx)).await?)
    }
    .boxed()
}

/// Nested lists that were loaded with their parent, by their place in the document.
#[derive(Clone, Debug)]
pub struct Nested<T>(HashMap<String, Loaded<T>>);

#[derive(Clone, Debug)]
enum Loaded<T> {
    List(List<T>),
    /// The caller may see the parent, but not this list.
    Forbidden(Forbidden),
    /// An argument names something that the caller does not see.
    NotFound(String),
}

impl<T> Default for Nested<T> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<T> Nested<T> {
    /// Sets the list of a place; a `None` because there is no such thing as this message names.
    pub fn set(&mut self, key: &str, list: std::result::Result<List<T>, String>) {
        let loaded = list.map_or_else(Loaded::NotFound, Loaded::List);
        self.0.insert(key.to_owned(), loaded);
    }
}

impl<T: Clone> Nested<T> {
    /// The list of the field that is being resolved, with its window.
    pub fn list(&self, ctx: &Context<'_>, first: Option<PageSize>, skip: Option<i32>) -> super::Result<List<T>> {
        let list = || -> Result<List<T>> {
            window(first, skip)?;
            let field = ctx.field();
            match self.0.get(&place_key(&field)) {
                Some(Loaded::List(list)) => Ok(list.clone()),
                Some(Loaded::Forbidden(denied)) => Err(Error::Forbidden(denied.clone())),
                Some(Loaded::NotFound(message)) => Err(Error::NotFound(message.clone())),
                None => Err(Error::internal(format!(
                    "'{}' was not loaded with its parent",
                    field.name()
                ))),
            }
        };
        list().map_err(|error| Failure::at(ctx, error))
    }
}

/// Loads the lists under a field of several parents: one statement for each place in the document, regardless of the
/// number of parents.
pub async fn nest<L: Listing>(
    op: &OpContext,
    selection: &Selection<'_>,
    field: &'static str,
    parent: <L::Entity as EntityTrait>::Column,
    parents: &[i64],
) -> Result<HashMap<i64, Nested<L::Object>>> {
    nest_such::<L>(op, selection, field, Link::Column(parent), parents).await
}

/// The same for children that are linked to their parents in another way.
pub async fn nest_such<L: Listing>(
    op: &OpContext,
    selection: &Selection<'_>,
    field: &'static str,
    link: Link<L>,
    parents: &[i64],
) -> Result<HashMap<i64, Nested<L::Object>>> {
    let granted = op.authorize(Action::Read, L::RESOURCE).map(Granted::for_list);
    nest_linked::<L>(op, selection, field, granted, link, parents).await
}

/// The same for children that need another permission than their own list.
pub async fn nest_linked<L: Listing>(
    op: &OpContext,
    selection: &Selection<'_>,
    field: &'static str,
    granted: Result<Granted>,
    link: Link<L>,
    parents: &[i64],
) -> Result<HashMap<i64, Nested<L::Object>>> {
    nest_presented::<L, _>(op, selection, field, granted, link, parents, present::<L>).await
}

/// The same for children that parents share: each is presented once.
pub async fn nest_shared<L: Listing>(
    op: &OpContext,
    selection: &Selection<'_>,
    field: &'static str,
    granted: Result<Granted>,
    link: Link<L>,
    parents: &[i64],
) -> Result<HashMap<i64, Nested<Shared<L::Object>>>> {
    nest_presented::<L, _>(op, selection, field, granted, link, parents, present_shared::<L>).await
}

/// Converts objects to their schema type, in the same order.
type Present<L, O> = for<'a> fn(&'a OpContext, Vec<L>, &'a Selection<'a>) -> BoxFuture<'a, Result<Vec<O>>>;

fn present_shared<'a, L: Listing>(
    op: &'a OpContext,
    things: Vec<L>,
    selection: &'a Selection<'a>,
) -> BoxFuture<'a, Result<Vec<Shared<L::Object>>>> {
    async move {
        let keys: Vec<i64> = things.iter().map(L::pk).collect();
        let each: BTreeMap<i64, L> = things.into_iter().map(|thing| (thing.pk(), thing)).collect();
        let (known, things): (Vec<i64>, Vec<L>) = each.into_iter().unzip();
        let objects = present(op, things, selection).await?.into_iter().map(Shared::from);
        let objects: HashMap<i64, Shared<L::Object>> = known.into_iter().zip(objects).collect();
        Ok(keys.iter().filter_map(|key| objects.get(key)).cloned().collect())
    }
    .boxed()
}

async fn nest_presented<L: Listing, O: Clone>(
    op: &OpContext,
    selection: &Selection<'_>,
    field: &'static str,
    granted: Result<Granted>,
    link: Link<L>,
    parents: &[i64],
    present: Present<L, O>,
) -> Result<HashMap<i64, Nested<O>>> {
    let mut nested: HashMap<i64, Nested<O>> = HashMap::new();
    // A parent can occur several times, for example a user in several groups; its list is loaded once.
    let parents: &[i64] = &BTreeSet::from_iter(parents.iter().copied())
        .into_iter()
        .collect::<Vec<_>>();
    let children = match granted {
        Ok(granted) => Children { link, granted },
        Err(Error::Forbidden(denied)) => {
            for place in selection.places(field) {
                for key in parents {
                    let entry = nested.entry(*key).or_default();
                    entry.0.insert(place.key.to_owned(), Loaded::Forbidden(denied.clone()));
                }
            }
            return Ok(nested);
        }
        Err(error) => return Err(error),
    };
    for place in selection.places(field) {
        // An invalid window or order is refused where the field is resolved, because its path is known there.
        let Ok(window) = window(place.argument("first"), place.argument("skip")) else {
            continue;
        };
        let order = place
            .argument::<L::OrderBy>("orderBy")
            .map_or_else(Order::usual::<L>, OrderBy::order);
        let filter = L::filter_of_list(op, place.argument("where").unwrap_or_default()).await?;
        let fields = fields_of::<L>(&place.selection);
        let lists = list::for_parents::<L>(op, &children, parents, &filter, order, fields, window).await?;
        // All children of all parents are presented together, so that their nested lists also need only one statement.
        let lengths: Vec<(i64, usize)> = lists.iter().map(|(key, list)| (*key, list.len())).collect();
        let children = lists.into_values().flatten().collect();
        let mut objects = present(op, children, &place.selection).await?.into_iter();
        for (key, length) in lengths {
            let list = objects.by_ref().take(length).collect();
            nested
                .entry(key)
                .or_default()
                .0
                .insert(place.key.clone(), Loaded::List(list));
        }
        for key in parents {
            let entry = nested.entry(*key).or_default();
            entry
                .0
                .entry(place.key.clone())
                .or_insert_with(|| Loaded::List(List::default()));
        }
    }
    Ok(nested)
}

/// How many users several parents have, if `userCount` is selected: one statement.
pub async fn count_nested<L: Listing>(
    op: &OpContext,
    selection: &Selection<'_>,
    link: Link<L>,
    parents: &[i64],
) -> Result<HashMap<i64, i64>> {
    if !selection.has("userCount") {
        return Ok(HashMap::new());
    }
    let granted = L::scope(op, &Filter::default())?;
    list::count_children::<L>(op, &Children { link, granted }, parents).await
}
