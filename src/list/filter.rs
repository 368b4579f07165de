//! Filters as values, shared by list, count and connection, and their translation to SQL.

use sea_orm::sea_query::{Expr, ExprTrait, Func, SimpleExpr};
use sea_orm::{ColumnTrait, Condition, DbBackend, IntoSimpleExpr};

use super::Listed;
use crate::model::error::{Error, Result};
use crate::model::is_storable;
use crate::store::entity::among;

/// Tests combined by AND, OR and NOT.
#[derive(Clone, Debug)]
pub enum Filter<T> {
    /// All of them; everything, when there are none.
    All(Vec<Filter<T>>),
    /// At least one of them; nothing, when there are none.
    Any(Vec<Filter<T>>),
    Not(Box<Filter<T>>),
    Is(T),
    /// A test that the server adds to those of the caller, who does not have it counted.
    Own(T),
}

impl<T> Default for Filter<T> {
    fn default() -> Self {
        Self::All(Vec::new())
    }
}

/// How deep one `where` may stand in another: a number that a caller can count.
pub const FILTER_DEPTH_MAX: usize = 10;
/// How many fields with a value there may be in a `where`, at all depths together. One without any counts as one.
pub const FILTER_TESTS_MAX: usize = 200;

/// A filter on its way to SQL. It counts what it meets and refuses what is beyond the bounds.
///
/// Only [`Filter::to_sql`] makes one, and without one there is no way from a filter, or from one inside a test of
/// something related, to a predicate. So no verb can use a filter that nobody has bounded.
#[derive(Debug)]
pub struct Sql {
    backend: DbBackend,
    depth: usize,
    tests: usize,
}

impl Sql {
    pub fn backend(&self) -> DbBackend {
        self.backend
    }

    /// A test of a text column, or of an expression over columns.
    pub fn text(&self, column: impl IntoSimpleExpr, test: &TextTest) -> Condition {
        text_condition(self.backend, column, test)
    }

    fn count(&mut self) -> Result<()> {
        self.tests += 1;
        if self.tests > FILTER_TESTS_MAX {
            return Err(beyond(format!(
                "has more than {FILTER_TESTS_MAX} conditions; the limit is {FILTER_TESTS_MAX}"
            )));
        }
        Ok(())
    }
}

impl<T> Filter<T> {
    /// The predicate. `INVALID` for a filter that nests too deep or tests too much.
    pub fn to_sql<L: Listed<Term = T>>(&self, backend: DbBackend) -> Result<Condition> {
        self.nested::<L>(&mut Sql {
            backend,
            depth: 0,
            tests: 0,
        })
    }

    /// The predicate of a filter inside a test of something related (`user: {organization: {…}}`).
    pub fn nested<L: Listed<Term = T>>(&self, sql: &mut Sql) -> Result<Condition> {
        match self {
            Self::All(parts) => {
                if parts.is_empty() {
                    sql.count()?;
                }
                sql.depth += 1;
                if sql.depth > FILTER_DEPTH_MAX {
                    return Err(beyond(format!(
                        "nests more than {FILTER_DEPTH_MAX} levels deep; the limit is {FILTER_DEPTH_MAX}"
                    )));
                }
                let all = parts
                    .iter()
                    .try_fold(Condition::all(), |all, part| Ok(all.add(part.nested::<L>(sql)?)));
                sql.depth -= 1;
                all
            }
            // An empty OR would be no predicate at all, and so everything.
            Self::Any(parts) if parts.is_empty() => Ok(Condition::all().add(L::pk_column().is_null())),
            Self::Any(parts) => parts
                .iter()
                .try_fold(Condition::any(), |any, part| Ok(any.add(part.nested::<L>(sql)?))),
            Self::Not(part) => {
                // A test of an absent value is false, and so its negation is true: SQL's third truth value stays out.
                let inner: SimpleExpr = part.nested::<L>(sql)?.add(Expr::val(1).eq(1)).into();
                Ok(Condition::all().add(Expr::from(Func::coalesce([inner, Expr::val(false)])).not()))
            }
            Self::Is(term) => {
                sql.count()?;
                L::condition(sql, term)
            }
            Self::Own(term) => L::condition(sql, term),
        }
    }

    /// Whether it lets everything pass because it tests nothing.
    pub fn is_empty(&self) -> bool {
        match self {
            Self::All(parts) => parts.iter().all(Self::is_empty),
            Self::Any(parts) => parts.iter().any(Self::is_empty),
            Self::Not(_) | Self::Is(_) | Self::Own(_) => false,
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
            Self::Is(term) | Self::Own(term) => Some(term),
        }
    }

    /// Whether the caller tests anything: tests that the server adds do not count.
    pub fn is_of_caller(&self) -> bool {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().any(Self::is_of_caller),
            Self::Not(part) => part.is_of_caller(),
            Self::Is(_) => true,
            Self::Own(_) => false,
        }
    }

    /// The same with a test that the server adds.
    #[must_use]
    pub fn and_own(self, term: T) -> Self {
        match self {
            Self::All(mut parts) => {
                parts.push(Self::Own(term));
                Self::All(parts)
            }
            Self::Any(_) | Self::Not(_) | Self::Is(_) | Self::Own(_) => Self::All(vec![self, Self::Own(term)]),
        }
    }
}

fn beyond(what: String) -> Error {
    Error::invalid("where", format!("'where' {what}."))
}

/// A test of a text. Code points compare, `%` and `_` mean themselves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TextTest {
    Equals(String),
    In(Vec<String>),
    StartsWith(String),
    EndsWith(String),
    Contains(String),
    /// At least one of these; nothing, when there are none.
    Any(Vec<TextTest>),
}

/// A test of a text column, or of an expression over columns, as a predicate.
pub fn text_condition(backend: DbBackend, column: impl IntoSimpleExpr, test: &TextTest) -> Condition {
    let nothing = || Condition::all().add(Expr::val(1).eq(0));
    let column = column.into_simple_expr();
    let all = Condition::all();
    match test {
        // No stored text holds U+0000, and PostgreSQL refuses even to be asked.
        TextTest::Equals(text) | TextTest::StartsWith(text) | TextTest::EndsWith(text) | TextTest::Contains(text)
            if !is_storable(text) =>
        {
            nothing()
        }
        TextTest::Any(tests) if tests.is_empty() => nothing(),
        TextTest::Any(tests) => tests.iter().fold(Condition::any(), |any, test| {
            any.add(text_condition(backend, column.clone(), test))
        }),
        TextTest::Equals(text) => all.add(column.eq(text.as_str())),
        TextTest::In(texts) => {
            let texts: Vec<String> = texts.iter().filter(|text| is_storable(text)).cloned().collect();
            all.add(among(backend, column, texts, "text[]"))
        }
        TextTest::StartsWith(part) | TextTest::EndsWith(part) | TextTest::Contains(part) if part.is_empty() => {
            all.add(column.is_not_null())
        }
        // A range, which an index serves, instead of LIKE, which ignores case on SQLite.
        TextTest::StartsWith(start) => {
            let from = all.add(column.clone().gte(start.as_str()));
            match successor(start) {
                Some(end) => from.add(column.lt(end)),
                None => from,
            }
        }
        TextTest::EndsWith(end) => {
            let last = match backend {
                DbBackend::Postgres => format!("right($1, {}) = $2", end.chars().count()),
                _ => format!("substr(?, -{}) = ?", end.chars().count()),
            };
            all.add(Expr::cust_with_exprs(last, [column, Expr::val(end.as_str())]))
        }
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
