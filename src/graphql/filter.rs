//! From a `where` to a filter.

use crate::list::{self, Filter, TextTest};
use crate::model::composed;

/// The four tests of a text field, as inputs name them: `name`, `nameIn`, `nameStartsWith`, `nameContains`.
#[derive(Clone, Debug, Default)]
pub struct TextFilter {
    pub equals: Option<String>,
    pub any_of: Option<Vec<String>>,
    pub starts_with: Option<String>,
    pub contains: Option<String>,
}

/// One filter per test that is given. Stored texts are composed, and so are those they are compared with.
pub fn text_terms<T>(tests: TextFilter, term: impl Fn(TextTest) -> T) -> Vec<Filter<T>> {
    let tests = [
        tests.equals.map(|text| TextTest::Equals(composed(&text))),
        tests
            .any_of
            .map(|texts| TextTest::In(texts.iter().map(|text| composed(text)).collect())),
        tests.starts_with.map(|text| TextTest::StartsWith(composed(&text))),
        tests.contains.map(|text| TextTest::Contains(composed(&text))),
    ];
    tests.into_iter().flatten().map(|test| Filter::Is(term(test))).collect()
}

/// The same of e-mail addresses, in any case and with domains in any script.
pub fn address_terms<T>(tests: TextFilter, term: impl Fn(TextTest) -> T) -> Vec<Filter<T>> {
    let tests = [
        tests.equals.map(|typed| list::address(&typed)),
        tests.any_of.map(|typed| list::one_of_addresses(&typed)),
        tests.starts_with.map(|typed| list::address_starting_with(&typed)),
        tests.contains.map(|typed| list::address_containing(&typed)),
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
