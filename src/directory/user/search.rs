//! Decides how searches for users are evaluated: by the word that the fewest users have.
//!
//! If few have it, the list starts from them and sorts them. If some have it, the list's index is read in order, and each
//! key is looked for among theirs, without reading the rows that do not match. If many have each of the words, the next
//! match is near, and each user's words are looked at. All three are exact.

use sea_orm::sea_query::{Expr, ExprTrait, Query, SelectStatement, SimpleExpr};
use sea_orm::{
    Condition, ConnectionTrait, DbBackend, EntityTrait, IntoSimpleExpr, QueryFilter, QuerySelect, QueryTrait,
};

use super::Term;
use crate::authz::{Granted, Scope};
use crate::context::OpContext;
use crate::directory::organization::Organization;
use crate::list::{Filter, How, Search, TextTest, text_condition, union_all};
use crate::model::error::Result;
use crate::store::entity::organization as organizations;
use crate::store::entity::user_word::{self as table, Column};

/// Up to how many users with a word a list starts from them: it takes about as long as to look for the next match among a
/// few hundred thousand.
fn few(backend: DbBackend) -> u64 {
    match backend {
        DbBackend::Postgres => 4_000,
        _ => 20_000,
    }
}
/// Up to how many it looks for each user among them.
const SOME: u64 = 50_000;
/// How many words are looked at for one that few users have.
const LOOKED_AT: usize = 4;

/// What is read of the users that match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    APage,
    All,
}

/// Decides it for the searches that all users of the list have to match, by one of their words; one statement.
pub(super) async fn weigh(
    op: &OpContext,
    granted: &Granted,
    filter: &mut Filter<Term>,
    reading: Reading,
) -> Result<()> {
    let backend = op.db().backend();
    let Some(within) = organizations_of(backend, Column::OrganizationPk, granted, filter)? else {
        return Ok(());
    };
    let terms = filter.required_mut().into_iter();
    let searches = terms.filter_map(|term| match term {
        Term::Text(search) => Some(search),
        _ => None,
    });
    let mut searches: Vec<&mut Search> = searches.collect();
    // Each with the place of its search, and its own place there.
    let words = searches.iter().enumerate().flat_map(|(number, search)| {
        let words = search.words().iter().enumerate();
        words.map(move |(place, word)| (number, place, word.clone()))
    });
    let mut words: Vec<(usize, usize, String)> = words.collect();
    words.sort_by_key(|(_, _, word)| std::cmp::Reverse(word.chars().count()));
    words.truncate(LOOKED_AT);
    let keys = words.iter().map(|(_, _, word)| keys_of(backend, &within, word));
    let keys: Vec<SelectStatement> = keys.collect();
    let Some((fewest, count)) = rarest(op, &keys).await? else {
        return Ok(());
    };
    let how = match count {
        count if count <= few(backend) => match reading {
            Reading::APage => How::StartFromThem,
            Reading::All => How::CountFromThem,
        },
        ..=SOME => How::LookAmongThem,
        _ if reading == Reading::All => How::LookAmongThem,
        _ => return Ok(()),
    };
    if let (Some((number, place, _)), Some(keys)) = (words.get(fewest), keys.into_iter().nth(fewest))
        && let Some(search) = searches.get_mut(*number)
    {
        search.evaluate_by(*place, keys, how);
    }
    Ok(())
}

/// Whether the keys of a page are found first.
pub(super) fn finds_keys(filter: &Filter<Term>) -> bool {
    let mut required = filter.required().into_iter();
    required.any(|term| matches!(term, Term::Text(search) if search.finds_keys()))
}

/// Whether a filter has such a search.
pub(super) fn searches(filter: &Filter<Term>) -> bool {
    filter.required().iter().any(|term| matches!(term, Term::Text(_)))
}

/// In which organizations the users are who may match, by this column; `None` for a caller who sees no others.
pub(super) fn organizations_of(
    backend: DbBackend,
    column: impl IntoSimpleExpr,
    granted: &Granted,
    filter: &Filter<Term>,
) -> Result<Option<SimpleExpr>> {
    let column = column.into_simple_expr();
    let column = || column.clone();
    Ok(match granted.scope() {
        Scope::Oneself(_) => None,
        Scope::Organization(pk) => Some(column().eq(*pk)),
        Scope::Tenants(tenants) => Some(column().eq(tenants.organization_pk)),
        Scope::Everything => {
            let mut such = Condition::all();
            for term in filter.required() {
                if let Term::Organization(filter) = term {
                    such = such.add(filter.to_sql::<Organization>(backend)?);
                }
            }
            let found = organizations::Entity::find().select_only();
            let found = found.column(organizations::Column::Pk).filter(such).into_query();
            Some(match backend {
                // An array, so that PostgreSQL looks up the words in each.
                DbBackend::Postgres => {
                    let found = Expr::SubQuery(None, Box::new(found.into()));
                    Expr::cust_with_exprs("$1 = ANY(ARRAY $2)", [column(), found])
                }
                _ => column().in_subquery(found),
            })
        }
    })
}

/// The query that finds the fewest, by its place, and how many it finds, counted up to [`SOME`] and one more.
async fn rarest(op: &OpContext, keys: &[SelectStatement]) -> Result<Option<(usize, u64)>> {
    if keys.is_empty() {
        return Ok(None);
    }
    let count = |(place, keys): (usize, &SelectStatement)| {
        let mut some = keys.clone();
        some.limit(SOME + 1);
        let mut count = Query::select();
        count
            .expr(Expr::val(i64::try_from(place).unwrap_or_default()))
            .expr(Expr::cust("COUNT(*)"))
            .from_subquery(some, "some");
        count
    };
    let counts = union_all(keys.iter().enumerate().map(count));
    let mut fewest: Option<(usize, u64)> = None;
    for row in op.db().reader().query_all(&counts).await? {
        let (place, count): (i64, i64) = (row.try_get_by_index(0)?, row.try_get_by_index(1)?);
        let found = (usize::try_from(place).unwrap_or_default(), count.unsigned_abs());
        if fewest.is_none_or(|(_, least)| found.1 < least) {
            fewest = Some(found);
        }
    }
    Ok(fewest)
}

/// The keys of the users who have a word that starts so.
fn keys_of(backend: DbBackend, within: &SimpleExpr, word: &str) -> SelectStatement {
    let starts = text_condition(backend, Column::Word, &TextTest::StartsWith(word.to_owned()));
    let found = table::Entity::find().select_only().column(Column::UserPk);
    found.filter(within.clone()).filter(starts).into_query()
}
