//! Filters as values, shared by list, count and connection, and their translation to SQL.

use sea_orm::sea_query::{Expr, ExprTrait, Func, SimpleExpr};
use sea_orm::{ColumnTrait, Condition, DbBackend, IntoSimpleExpr};

use super::Listed;
use crate::model::error::{Error, Result};
use crate::model::{is_storable, sort_name};
use crate::store::entity::among;

/// Conditions combined with AND, OR and NOT.
#[derive(Clone, Debug)]
pub enum Filter<T> {
    /// All of them; matches everything if empty.
    All(Vec<Filter<T>>),
    /// At least one of them; matches nothing if empty.
    Any(Vec<Filter<T>>),
    Not(Box<Filter<T>>),
    Is(T),
    /// A condition that the server adds; it does not count towards the caller's limit.
    Own(T),
}

impl<T> Default for Filter<T> {
    fn default() -> Self {
        Self::All(Vec::new())
    }
}

/// How deep a `where` may be nested, as a caller would count it.
pub const FILTER_DEPTH_MAX: usize = 10;
/// The maximum number of fields with a value in a `where`, at all levels together. An empty nested `where` counts as
/// one.
pub const FILTER_TESTS_MAX: usize = 200;

/// Translates a filter to SQL. Counts conditions and levels, and enforces the limits.
///
/// Only [`Filter::to_sql`] creates one, and a filter, or a nested filter on a relation, cannot become a predicate
/// without it. So no verb can use an unlimited filter.
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

    /// A condition on a text column, or on an expression over columns.
    pub fn text(&self, column: impl IntoSimpleExpr, test: &TextTest) -> Condition {
        text_condition(self.backend, column, test)
    }

    /// A condition on a name. The index of the folded name finds those that may match it, and the name itself decides.
    pub fn name(&self, folded: impl IntoSimpleExpr, name: impl IntoSimpleExpr, test: &TextTest) -> Condition {
        let exact = text_condition(self.backend, name, test);
        match test.folded() {
            Some(test) => Condition::all()
                .add(text_condition(self.backend, folded, &test))
                .add(exact),
            None => exact,
        }
    }

    pub(super) fn count(&mut self) -> Result<()> {
        self.tests += 1;
        if self.tests > FILTER_TESTS_MAX {
            return Err(beyond(format!(
                "has more than {FILTER_TESTS_MAX} conditions; the limit is {FILTER_TESTS_MAX}"
            )));
        }
        Ok(())
    }

    /// What is one level further down.
    pub(super) fn deeper<T>(&mut self, below: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        self.depth += 1;
        if self.depth > FILTER_DEPTH_MAX {
            return Err(beyond(format!(
                "nests more than {FILTER_DEPTH_MAX} levels deep; the limit is {FILTER_DEPTH_MAX}"
            )));
        }
        let below = below(self);
        self.depth -= 1;
        below
    }
}

impl<T> Filter<T> {
    /// The predicate. `INVALID` for a filter with too many levels or conditions.
    pub fn to_sql<L: Listed<Term = T>>(&self, backend: DbBackend) -> Result<Condition> {
        self.nested::<L>(&mut Sql {
            backend,
            depth: 0,
            tests: 0,
        })
    }

    /// The predicate of a nested filter on a relation (`user: {organization: {…}}`).
    pub fn nested<L: Listed<Term = T>>(&self, sql: &mut Sql) -> Result<Condition> {
        match self {
            Self::All(parts) => {
                if parts.is_empty() {
                    sql.count()?;
                }
                sql.deeper(|sql| {
                    parts
                        .iter()
                        .try_fold(Condition::all(), |all, part| Ok(all.add(part.nested::<L>(sql)?)))
                })
            }
            // An empty OR would give no predicate, and so match everything.
            Self::Any(parts) if parts.is_empty() => Ok(Condition::all().add(L::pk_column().is_null())),
            Self::Any(parts) => parts
                .iter()
                .try_fold(Condition::any(), |any, part| Ok(any.add(part.nested::<L>(sql)?))),
            Self::Not(part) => Ok(negated(part.nested::<L>(sql)?)),
            Self::Is(term) => {
                sql.count()?;
                L::condition(sql, term)
            }
            Self::Own(term) => L::condition(sql, term),
        }
    }

    /// Whether it has no conditions, and so matches everything.
    pub fn is_empty(&self) -> bool {
        match self {
            Self::All(parts) => parts.iter().all(Self::is_empty),
            Self::Any(parts) => parts.iter().any(Self::is_empty),
            Self::Not(_) | Self::Is(_) | Self::Own(_) => false,
        }
    }

    /// Its only condition, if it has exactly one.
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

    /// Its conditions, if nothing but all of them together is asked for.
    pub fn all_of(&self) -> Option<Vec<&T>> {
        match self {
            Self::All(parts) => {
                let each: Option<Vec<Vec<&T>>> = parts.iter().map(Self::all_of).collect();
                each.map(|each| each.into_iter().flatten().collect())
            }
            Self::Any(_) | Self::Not(_) => None,
            Self::Is(term) | Self::Own(term) => Some(vec![term]),
        }
    }

    /// Whether it has a condition of the caller.
    pub fn is_of_caller(&self) -> bool {
        self.has(|_| true)
    }

    /// Whether one of the caller's conditions is such a one; conditions that the server adds do not count.
    pub fn has(&self, such: fn(&T) -> bool) -> bool {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().any(|part| part.has(such)),
            Self::Not(part) => part.has(such),
            Self::Is(term) => such(term),
            Self::Own(_) => false,
        }
    }

    /// All of its conditions, to be changed.
    pub fn terms_mut(&mut self) -> Vec<&mut T> {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter_mut().flat_map(Self::terms_mut).collect(),
            Self::Not(part) => part.terms_mut(),
            Self::Is(term) | Self::Own(term) => vec![term],
        }
    }

    /// The conditions that everything it finds matches.
    pub fn required(&self) -> Vec<&T> {
        match self {
            Self::All(parts) => parts.iter().flat_map(Self::required).collect(),
            Self::Is(term) | Self::Own(term) => vec![term],
            Self::Any(_) | Self::Not(_) => Vec::new(),
        }
    }

    /// The same, to be changed.
    pub fn required_mut(&mut self) -> Vec<&mut T> {
        match self {
            Self::All(parts) => parts.iter_mut().flat_map(Self::required_mut).collect(),
            Self::Is(term) | Self::Own(term) => vec![term],
            Self::Any(_) | Self::Not(_) => Vec::new(),
        }
    }

    /// The same with a condition that the server adds.
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

/// The opposite of a condition. A condition on NULL is false, and so its negation is true: this avoids SQL's
/// three-valued logic.
pub(super) fn negated(condition: Condition) -> Condition {
    // In a condition of its own: to add it to alternatives would make them true.
    let inner: SimpleExpr = Condition::all().add(condition).add(Expr::val(1).eq(1)).into();
    Condition::all().add(Expr::from(Func::coalesce([inner, Expr::val(false)])).not())
}

fn beyond(what: String) -> Error {
    Error::invalid("where", format!("'where' {what}."))
}

/// How a value stands to another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::VariantArray)]
pub enum Comparison {
    Less,
    LessOrEqual,
    Equal,
    GreaterOrEqual,
    Greater,
}

impl Comparison {
    /// Whether a column's value stands so to this one.
    pub fn of(self, column: impl IntoSimpleExpr, value: impl Into<SimpleExpr>) -> SimpleExpr {
        let (column, value) = (column.into_simple_expr(), value.into());
        match self {
            Self::Less => column.lt(value),
            Self::LessOrEqual => column.lte(value),
            Self::Equal => column.eq(value),
            Self::GreaterOrEqual => column.gte(value),
            Self::Greater => column.gt(value),
        }
    }

    /// Whether one value stands so to another one.
    pub fn holds<T: Ord + ?Sized>(self, one: &T, other: &T) -> bool {
        match self {
            Self::Less => one < other,
            Self::LessOrEqual => one <= other,
            Self::Equal => one == other,
            Self::GreaterOrEqual => one >= other,
            Self::Greater => one > other,
        }
    }
}

/// A condition on a text. Compares by code point; `%` and `_` are not wildcards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TextTest {
    Equals(String),
    In(Vec<String>),
    StartsWith(String),
    EndsWith(String),
    Contains(String),
    /// Before, at or after this text, by code point.
    Compare(Comparison, String),
    /// At least one of these; matches nothing if empty.
    Any(Vec<TextTest>),
}

impl TextTest {
    /// A condition on the folded name that every name which matches this one meets; `None` if no index would help.
    fn folded(&self) -> Option<Self> {
        Some(match self {
            Self::Equals(text) => Self::Equals(sort_name(text)),
            Self::In(texts) => Self::In(texts.iter().map(|text| sort_name(text)).collect()),
            Self::StartsWith(start) => Self::StartsWith(sort_name(start)),
            Self::Any(tests) => Self::Any(tests.iter().map(Self::folded).collect::<Option<_>>()?),
            Self::EndsWith(_) | Self::Contains(_) | Self::Compare(..) => return None,
        })
    }
}

/// The predicate for a condition on a text column, or on an expression over columns.
pub fn text_condition(backend: DbBackend, column: impl IntoSimpleExpr, test: &TextTest) -> Condition {
    let nothing = || Condition::all().add(Expr::val(1).eq(0));
    let column = column.into_simple_expr();
    let all = Condition::all();
    match test {
        // No stored text contains U+0000, and PostgreSQL rejects it even as a parameter.
        TextTest::Equals(text)
        | TextTest::StartsWith(text)
        | TextTest::EndsWith(text)
        | TextTest::Contains(text)
        | TextTest::Compare(_, text)
            if !is_storable(text) =>
        {
            nothing()
        }
        TextTest::Any(tests) if tests.is_empty() => nothing(),
        TextTest::Any(tests) => tests.iter().fold(Condition::any(), |any, test| {
            any.add(text_condition(backend, column.clone(), test))
        }),
        TextTest::Equals(text) => all.add(column.eq(text.as_str())),
        TextTest::Compare(how, text) => all.add(how.of(column, Expr::val(text.as_str()))),
        TextTest::In(texts) => {
            let texts: Vec<String> = texts.iter().filter(|text| is_storable(text)).cloned().collect();
            all.add(among(backend, column, texts, "text[]"))
        }
        TextTest::StartsWith(part) | TextTest::EndsWith(part) | TextTest::Contains(part) if part.is_empty() => {
            all.add(column.is_not_null())
        }
        // A range, which can use an index, instead of LIKE, which is case-insensitive on SQLite.
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
        // Surrogates are not characters.
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
