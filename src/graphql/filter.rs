//! From a `where` to a filter.

use crate::list::{Filter, TextTest};

/// The four tests of a text field, as inputs name them: `name`, `nameIn`, `nameStartsWith`, `nameContains`.
#[derive(Clone, Debug, Default)]
pub struct TextFilter {
    pub equals: Option<String>,
    pub any_of: Option<Vec<String>>,
    pub starts_with: Option<String>,
    pub contains: Option<String>,
}

/// One filter per test that is given.
pub fn text_terms<T>(tests: TextFilter, term: impl Fn(TextTest) -> T) -> Vec<Filter<T>> {
    let tests = [
        tests.equals.map(TextTest::Equals),
        tests.any_of.map(TextTest::In),
        tests.starts_with.map(TextTest::StartsWith),
        tests.contains.map(TextTest::Contains),
    ];
    tests.into_iter().flatten().map(|test| Filter::Is(term(test))).collect()
}

/// All the fields of a `where`, and its nested `AND`, `OR` and `NOT`.
pub fn combine<T>(
    mut fields: Vec<Filter<T>>,
    and: Option<Vec<Filter<T>>>,
    or: Option<Vec<Filter<T>>>,
    not: Option<Filter<T>>,
) -> Filter<T> {
    fields.extend(and.into_iter().flatten());
    fields.extend(or.map(Filter::Any));
    fields.extend(not.map(|part| Filter::Not(Box::new(part))));
    Filter::All(fields)
}
