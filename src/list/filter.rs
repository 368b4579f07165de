//! Filters as values, shared by list, count and connection, and their translation to SQL.

use sea_orm::sea_query::{Expr, ExprTrait, Func, SimpleExpr};
use sea_orm::{ColumnTrait, Condition, DbBackend, IntoSimpleExpr};

use super::Listed;
use crate::entity::among;
use crate::error::{Error, Result};
use crate::value::is_storable;

/// Tests combined by AND, OR and NOT.
#[derive(Clone, Debug)]
pub enum Filter<T> {
    /// All of them; everything, when there are none.
    All(Vec<Filter<T>>),
    /// At least one of them; nothing, when there are none.
    Any(Vec<Filter<T>>),
    Not(Box<Filter<T>>),
    Is(T),
}

impl<T> Default for Filter<T> {
    fn default() -> Self {
        Self::All(Vec::new())
    }
}

/// Bounds on a filter: what a person writes fits, what only costs does not.
const DEPTH_MAX: usize = 10;
const PARTS_MAX: usize = 200;

impl<T> Filter<T> {
    /// Refuses a filter that is nested too deep or has too many parts, those inside its tests of related things
    /// included. Every list does this; a change does it before it looks for what it is for.
    pub fn check<L: Listed<Term = T>>(&self) -> Result<()> {
        let (depth, parts) = self.measure::<L>();
        if depth > DEPTH_MAX {
            return Err(Error::invalid(
                "where",
                format!("'where' is nested {depth} deep; the limit is {DEPTH_MAX}."),
            ));
        }
        if parts > PARTS_MAX {
            return Err(Error::invalid(
                "where",
                format!("'where' has {parts} tests; the limit is {PARTS_MAX}."),
            ));
        }
        Ok(())
    }

    /// Whether it lets everything pass because it tests nothing.
    pub fn is_empty(&self) -> bool {
        match self {
            Self::All(parts) => parts.iter().all(Self::is_empty),
            Self::Any(parts) => parts.iter().any(Self::is_empty),
            Self::Not(_) | Self::Is(_) => false,
        }
    }

    /// The test that it consists of, if it is one alone.
    pub fn only(&self) -> Option<&T> {
        match self {
            Self::All(parts) | Self::Any(parts) => match parts.as_slice() {
                [part] => part.only(),
                _ => None,
            },
            Self::Not(_) => None,
            Self::Is(term) => Some(term),
        }
    }

    /// Its depth and the number of its parts.
    pub fn measure<L: Listed<Term = T>>(&self) -> (usize, usize) {
        match self {
            Self::All(parts) | Self::Any(parts) => parts
                .iter()
                .map(Self::measure::<L>)
                .fold((1, 1), |(depth, total), (inner, parts)| {
                    (depth.max(inner + 1), total + parts)
                }),
            Self::Not(part) => {
                let (depth, parts) = part.measure::<L>();
                (depth + 1, parts + 1)
            }
            Self::Is(term) => {
                let (depth, parts) = L::measure(term);
                (depth.max(1), parts + 1)
            }
        }
    }

    pub(crate) fn condition<L: Listed<Term = T>>(&self, backend: DbBackend) -> Condition {
        match self {
            Self::All(parts) => parts
                .iter()
                .fold(Condition::all(), |all, part| all.add(part.condition::<L>(backend))),
            // An empty OR would be no predicate at all, and so everything.
            Self::Any(parts) if parts.is_empty() => Condition::all().add(L::pk_column().is_null()),
            Self::Any(parts) => parts
                .iter()
                .fold(Condition::any(), |any, part| any.add(part.condition::<L>(backend))),
            Self::Not(part) => {
                // A test of an absent value is false, and so its negation is true: SQL's third truth value stays out.
                let inner: SimpleExpr = part.condition::<L>(backend).add(Expr::val(1).eq(1)).into();
                Condition::all().add(Expr::from(Func::coalesce([inner, Expr::val(false)])).not())
            }
            Self::Is(term) => L::condition(backend, term),
        }
    }
}

/// The one thing that a change is for: by id, and further tests may narrow it.
#[derive(Clone, Debug)]
pub struct Named<T> {
    pub id: Option<String>,
    pub also: Filter<T>,
}

impl<T> Named<T> {
    pub fn id(id: impl Into<String>) -> Self {
        Self {
            id: Some(id.into()),
            also: Filter::default(),
        }
    }

    /// The id, or `INVALID`: a change without a name would be for anybody.
    pub fn required_id(&self) -> Result<&str> {
        self.id
            .as_deref()
            .ok_or_else(|| Error::invalid("where", "'where' must name exactly one thing, by 'id'.".to_owned()))
    }
}

/// A test of a text. Code points compare, `%` and `_` mean themselves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TextTest {
    Equals(String),
    In(Vec<String>),
    StartsWith(String),
    Contains(String),
}

impl TextTest {
    /// The same in Rust, which tests hold against the databases.
    pub fn accepts(&self, value: Option<&str>) -> bool {
        let Some(value) = value else { return false };
        match self {
            Self::Equals(wanted) => value == wanted,
            Self::In(wanted) => wanted.iter().any(|one| one == value),
            Self::StartsWith(start) => value.starts_with(start.as_str()),
            Self::Contains(part) => value.contains(part.as_str()),
        }
    }
}

/// A test of a text column, or of an expression over columns, as a predicate.
pub fn text_condition(backend: DbBackend, column: impl IntoSimpleExpr, test: &TextTest) -> Condition {
    let nothing = || Condition::all().add(Expr::val(1).eq(0));
    let column = column.into_simple_expr();
    let all = Condition::all();
    match test {
        // No stored text holds U+0000, and PostgreSQL refuses even to be asked.
        TextTest::Equals(text) | TextTest::StartsWith(text) | TextTest::Contains(text) if !is_storable(text) => {
            nothing()
        }
        TextTest::Equals(text) => all.add(column.eq(text.as_str())),
        TextTest::In(texts) => {
            let texts: Vec<String> = texts.iter().filter(|text| is_storable(text)).cloned().collect();
            all.add(among(backend, column, texts, "text[]"))
        }
        TextTest::StartsWith(start) if start.is_empty() => all.add(column.is_not_null()),
        // A range, which an index serves, instead of LIKE, which ignores case on SQLite.
        TextTest::StartsWith(start) => {
            let from = all.add(column.clone().gte(start.as_str()));
            match successor(start) {
                Some(end) => from.add(column.lt(end)),
                None => from,
            }
        }
        TextTest::Contains(part) if part.is_empty() => all.add(column.is_not_null()),
        TextTest::Contains(part) => {
            let function = if backend == DbBackend::Postgres {
                "strpos($1, $2) > 0"
            } else {
                "instr(?, ?) > 0"
            };
            all.add(Expr::cust_with_exprs(function, [column, Expr::val(part.as_str())]))
        }
    }
}

/// The first text, by code point, after all that start with `prefix`.
fn successor(prefix: &str) -> Option<String> {
    let mut characters: Vec<char> = prefix.chars().collect();
    while let Some(last) = characters.pop() {
        // The surrogates between are no characters.
        let next = if last == '\u{D7FF}' {
            Some('\u{E000}')
        } else {
            char::from_u32(u32::from(last) + 1)
        };
        if let Some(next) = next {
            characters.push(next);
            return Some(characters.into_iter().collect());
        }
    }
    None
}
