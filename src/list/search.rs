//! Search: every word of a text begins a word of the thing; case and accents do not matter ([`crate::model::words`]).

use sea_orm::sea_query::{Expr, ExprTrait, SelectStatement};
use sea_orm::{ColumnTrait, Condition, DbBackend, IntoSimpleExpr};

use super::TextTest;
use super::filter::text_condition;
use crate::model::searched;

/// What somebody searches for.
#[derive(Clone, Debug)]
pub struct Search {
    /// The longest first; `None`: nothing matches.
    words: Option<Vec<String>>,
    /// How it is evaluated; `None`: row by row.
    by: Option<By>,
}

/// A search by the keys of the things that have one of the words.
#[derive(Clone, Debug)]
struct By {
    /// The place of that word.
    place: usize,
    keys: Box<SelectStatement>,
    how: How,
}

/// How the keys of a word are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// They are few: the list starts from them.
    StartFromThem,
    /// The same for a count, which reads all of them anyway.
    CountFromThem,
    /// The list is read in its order, and each key is looked for among them.
    LookAmongThem,
}

impl Search {
    pub fn of(text: &str) -> Self {
        Self {
            words: searched(text),
            by: None,
        }
    }

    /// The words, the longest first.
    pub fn words(&self) -> &[String] {
        self.words.as_deref().unwrap_or_default()
    }

    /// Evaluates it by the word at this place; `keys` selects the internal keys of the things that have it.
    pub fn evaluate_by(&mut self, place: usize, keys: SelectStatement, how: How) {
        let keys = Box::new(keys);
        self.by = Some(By { place, keys, how });
    }

    /// Whether a list finds the keys of its page faster if it reads nothing else.
    pub fn finds_keys(&self) -> bool {
        self.by.as_ref().is_some_and(|by| by.how == How::LookAmongThem)
    }

    /// The predicate on the column with the words of a thing, each of which has a space before it.
    pub fn condition<C: ColumnTrait>(&self, backend: DbBackend, words: C, pk: C) -> Condition {
        let Some(wanted) = &self.words else {
            return Condition::all().add(Expr::val(1).eq(0));
        };
        let mut all = Condition::all();
        if let Some(by) = &self.by {
            let template = match (by.how, backend) {
                // Of an array PostgreSQL believes that it is short, so it starts from its keys.
                (How::StartFromThem, DbBackend::Postgres) => "$1 IN (SELECT unnest(ARRAY $2))",
                // It would rather read a whole index than look up as many keys as it believes to be in an array.
                (How::CountFromThem, DbBackend::Postgres) => "$1 IN $2",
                (How::StartFromThem | How::CountFromThem, _) => "? IN ?",
                // Not a join: each database then looks among the keys, and reads the list in its order.
                (How::LookAmongThem, DbBackend::Postgres) => "($1 IN $2) IS TRUE",
                (How::LookAmongThem, _) => "+? IN ?",
            };
            let mut keys = SelectStatement::clone(&by.keys);
            if by.how == How::CountFromThem && backend == DbBackend::Postgres {
                // Without it, PostgreSQL might look for each user among all who have the word.
                keys.offset(0);
            }
            let keys = Expr::SubQuery(None, Box::new(keys.into()));
            all = all.add(Expr::cust_with_exprs(template, [pk.into_simple_expr(), keys]));
        }
        let known = self.by.as_ref().map(|by| by.place);
        let others = wanted.iter().enumerate().filter(|(place, _)| known != Some(*place));
        others.fold(all, |all, (_, word)| {
            all.add(text_condition(backend, words, &TextTest::Contains(format!(" {word}"))))
        })
    }
}
