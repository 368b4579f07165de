//! The order of a list: a sort key, and then the internal key, so that it is total and a database walks one index for it.

use sea_orm::sea_query::{Expr, ExprTrait, SelectStatement, SimpleExpr};
use sea_orm::{Condition, IntoSimpleExpr};

use super::cursor::Cursor;
use super::{Listed, SortKey, SortValue};
use crate::model::error::{Error, Result};

/// A sort order: a key and a direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Order {
    pub key: SortKey,
    pub descending: bool,
}

impl Order {
    /// The default order of a kind: oldest first.
    pub fn usual<L: super::Sorted>() -> Self {
        Self {
            key: L::DEFAULT,
            descending: false,
        }
    }
}

/// What rows are sorted by.
#[derive(Clone, Debug)]
pub enum Sorting {
    /// By the internal key alone: in the order in which they were made.
    Made,
    /// By a column, and then by the internal key. An index has them, after the column of the list's scope.
    By(SimpleExpr),
    /// By a column in which no two rows are alike.
    Unique(SimpleExpr),
}

impl<T: IntoSimpleExpr> From<T> for Sorting {
    fn from(column: T) -> Self {
        Self::By(column.into_simple_expr())
    }
}

/// The order of a list, as SQL.
#[derive(Clone)]
pub(super) struct Ordered {
    column: Option<SimpleExpr>,
    key: Option<SimpleExpr>,
    descending: bool,
}

impl Ordered {
    /// `INVALID` for a sort key that the list does not have.
    pub fn of<L: Listed>(order: Order) -> Result<Self> {
        let sorting = L::sorting(order.key)
            .ok_or_else(|| Error::invalid("orderBy", "This list does not support this order.".to_owned()))?;
        let pk = || Some(L::pk_column().into_simple_expr());
        let (column, key) = match sorting {
            Sorting::Made => (None, pk()),
            Sorting::By(column) => (Some(column), pk()),
            Sorting::Unique(column) => (Some(column), None),
        };
        Ok(Self {
            column,
            key,
            descending: order.descending,
        })
    }

    /// The same, from the end.
    pub fn backwards(&self) -> Self {
        Self {
            descending: !self.descending,
            ..self.clone()
        }
    }

    /// The same, with another column that has the internal keys.
    pub fn by_key(&self, key: SimpleExpr) -> Self {
        Self {
            key: self.key.as_ref().map(|_| key),
            ..self.clone()
        }
    }

    fn columns(&self) -> Vec<SimpleExpr> {
        self.column.iter().chain(&self.key).cloned().collect()
    }

    /// Sorts a select.
    pub fn sort(&self, select: &mut SelectStatement) {
        use sea_orm::sea_query::Order::{Asc, Desc};
        for column in self.columns() {
            select.order_by_expr(column, if self.descending { Desc } else { Asc });
        }
    }

    /// The rows after a cursor, or before it.
    pub fn beyond(&self, cursor: &Cursor, forwards: bool) -> Condition {
        let value: Option<SimpleExpr> = match &cursor.value {
            SortValue::Made => None,
            SortValue::Number(number) => Some(Expr::val(*number)),
            SortValue::Text(text) => Some(Expr::val(text.as_str())),
        };
        let key = self.key.as_ref().map(|_| Expr::val(cursor.pk));
        let (place, from) = (
            one_or_tuple(self.columns()),
            one_or_tuple(value.into_iter().chain(key).collect()),
        );
        Condition::all().add(match forwards == self.descending {
            true => place.lt(from),
            false => place.gt(from),
        })
    }

    /// The rows from the first of these on, and none if there is none. `keys` selects nothing yet.
    pub fn beginning_with_first_of(&self, mut keys: SelectStatement) -> SimpleExpr {
        keys.exprs(self.columns());
        self.sort(&mut keys);
        let (place, from) = (
            one_or_tuple(self.columns()),
            SimpleExpr::SubQuery(None, Box::new(keys.into())),
        );
        match self.descending {
            true => place.lte(from),
            false => place.gte(from),
        }
    }
}

/// A tuple, unless there is only one column.
fn one_or_tuple(mut columns: Vec<SimpleExpr>) -> SimpleExpr {
    match columns.pop() {
        Some(only) if columns.is_empty() => only,
        last => Expr::tuple(columns.into_iter().chain(last)),
    }
}
