//! The filter inputs (`where`), and their translation to filters.

use async_graphql::ID;

use crate::context::OpContext;
use crate::list::{self, Filter, TextTest};
use crate::model::composed;
use crate::model::error::Result;

/// A filter input.
pub trait Where {
    type Term;

    /// The conditions that it contains.
    fn filter(self, op: &OpContext) -> Filter<Self::Term>;

    /// The filter for the thing with this id.
    fn by_id(id: ID) -> Self;

    /// Refuses a filter that names no single thing.
    fn must_name(&self) -> Result<()>;
}

/// The condition that a text equals this one. Stored texts are composed (Unicode NFC), so this one is composed too, and
/// so are those of the next three functions.
pub fn equals<T>(text: &str, term: impl Fn(TextTest) -> T) -> [Filter<T>; 1] {
    [Filter::Is(term(TextTest::Equals(composed(text))))]
}

/// The condition that a text is one of these.
pub fn one_of<T>(texts: &[String], term: impl Fn(TextTest) -> T) -> [Filter<T>; 1] {
    let texts = texts.iter().map(|text| composed(text)).collect();
    [Filter::Is(term(TextTest::In(texts)))]
}

/// The condition that a text starts with this one.
pub fn starts_with<T>(text: &str, term: impl Fn(TextTest) -> T) -> [Filter<T>; 1] {
    [Filter::Is(term(TextTest::StartsWith(composed(text))))]
}

/// The condition that a text contains this one.
pub fn contains<T>(text: &str, term: impl Fn(TextTest) -> T) -> [Filter<T>; 1] {
    [Filter::Is(term(TextTest::Contains(composed(text))))]
}

/// The tests of a text field: `name`, `nameIn`, `nameStartsWith`, `nameContains`.
pub fn text<T>(
    given: (Option<String>, Option<Vec<String>>, Option<String>, Option<String>),
    term: impl Fn(TextTest) -> T,
) -> impl Iterator<Item = Filter<T>> {
    let (exact, any, start, part) = given;
    let tests = [
        exact.map(|text| equals(&text, &term)),
        any.map(|texts| one_of(&texts, &term)),
        start.map(|text| starts_with(&text, &term)),
        part.map(|text| contains(&text, &term)),
    ];
    tests.into_iter().flatten().flatten()
}

/// The same for texts that are stored just as they were given.
pub fn exact<T>(
    given: (Option<String>, Option<Vec<String>>, Option<String>, Option<String>),
    term: impl Fn(TextTest) -> T,
) -> impl Iterator<Item = Filter<T>> {
    let (exact, any, start, part) = given;
    let tests = [
        exact.map(TextTest::Equals),
        any.map(TextTest::In),
        start.map(TextTest::StartsWith),
        part.map(TextTest::Contains),
    ];
    tests.into_iter().flatten().map(move |test| Filter::Is(term(test)))
}

/// The same for e-mail addresses, ignoring case, with domains in any script.
pub fn address<T>(
    given: (Option<String>, Option<Vec<String>>, Option<String>, Option<String>),
    term: impl Fn(TextTest) -> T,
) -> impl Iterator<Item = Filter<T>> {
    let (exact, any, start, part) = given;
    let tests = [
        exact.map(|typed| list::address(&typed)),
        any.map(|typed| list::one_of_addresses(&typed)),
        start.map(|typed| list::address_starting_with(&typed)),
        part.map(|typed| list::address_containing(&typed)),
    ];
    tests.into_iter().flatten().map(move |test| Filter::Is(term(test)))
}

/// Things related to one that matches a filter. A filter without conditions (`user: {email: null}`) tests nothing.
pub fn related<T, R>(filter: Filter<R>, term: impl FnOnce(Filter<R>) -> T) -> Option<Filter<T>> {
    (!filter.is_empty()).then(|| Filter::Is(term(filter)))
}

/// The conditions of a field, if it has a value.
pub fn tested<V, T, F: IntoIterator<Item = Filter<T>>>(
    op: &OpContext,
    given: Option<V>,
    translate: impl FnOnce(&OpContext, V) -> F,
) -> impl Iterator<Item = Filter<T>> {
    given.map(|value| translate(op, value)).into_iter().flatten()
}

/// The text of an id.
pub fn id(id: ID) -> String {
    id.0
}

/// The texts of ids.
pub fn ids(ids: Vec<ID>) -> Vec<String> {
    ids.into_iter().map(id).collect()
}

/// Declares the filter input of a kind, and its translation.
///
/// `target` names the function that reads the filter as the one thing that a change is for. `names` are fields that,
/// like `id`, tell a thing apart. `id`, `address`, `text` and `exact`, for texts that are stored just as they were given,
/// declare the usual tests of a field. Each field in braces says what it tests.
macro_rules! where_input {
    (
        $(#[$doc:meta])*
        $name:ident of $term:ident;
        $(target $target:ident;)?
        $(names $($by:ident)*;)?
        id $id:ident $id_in:ident $($id_starts_with:ident $id_contains:ident)?;
        $(address $email:ident $email_in:ident $email_starts_with:ident $email_contains:ident = $email_term:ident;)?
        $(text $text:ident $text_in:ident $text_starts_with:ident $text_contains:ident = $text_term:ident,
            $one:literal, $many:literal, $start:literal;)*
        $(exact $exact:ident $exact_in:ident $exact_starts_with:ident $exact_contains:ident = $exact_term:ident,
            $exact_one:literal, $exact_many:literal, $exact_start:literal;)*
        { $($(#[$field_doc:meta])* $field:ident: $type:ty = $translate:expr,)* }
    ) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default, async_graphql::InputObject)]
        pub struct $name {
            /// Exact id.
            $id: Option<async_graphql::ID>,
            /// One of these ids.
            $id_in: Option<Vec<async_graphql::ID>>,
            $(
                /// Id starts with this.
                $id_starts_with: Option<String>,
                /// Id contains this.
                $id_contains: Option<String>,
            )?
            $(
                /// Exact email address, ignoring case.
                $email: Option<String>,
                /// One of these email addresses, ignoring case.
                $email_in: Option<Vec<String>>,
                /// Email address starts with this, ignoring case. A domain label that is not ASCII must be complete:
                /// `ann@müller` matches `ann@müller.example`, and `ann@mül` does not.
                $email_starts_with: Option<String>,
                /// Email address contains this, ignoring case. A domain label that is not ASCII must be complete:
                /// `müller` matches `ann@müller.example`, and `mül` does not.
                $email_contains: Option<String>,
            )?
            $(
                #[doc = concat!("Exact ", $one, ".")]
                $text: Option<String>,
                #[doc = concat!("One of these ", $many, ".")]
                $text_in: Option<Vec<String>>,
                #[doc = concat!($start, " starts with this; case and accents matter.")]
                $text_starts_with: Option<String>,
                #[doc = concat!($start, " contains this; case and accents matter.")]
                $text_contains: Option<String>,
            )*
            $(
                #[doc = concat!("Exact ", $exact_one, ".")]
                $exact: Option<String>,
                #[doc = concat!("One of these ", $exact_many, ".")]
                $exact_in: Option<Vec<String>>,
                #[doc = concat!($exact_start, " starts with this; case and accents matter.")]
                $exact_starts_with: Option<String>,
                #[doc = concat!($exact_start, " contains this; case and accents matter.")]
                $exact_contains: Option<String>,
            )*
            $($(#[$field_doc])* $field: Option<$type>,)*
            /// Matches all of these.
            #[graphql(name = "AND")]
            and: Option<Vec<$name>>,
            /// Matches at least one of these.
            #[graphql(name = "OR")]
            or: Option<Vec<$name>>,
            /// Does not match this.
            #[graphql(name = "NOT")]
            not: Option<Box<$name>>,
        }

        $(impl $name {
            /// The one thing that a change is for.
            pub fn $target(mut self, op: &crate::context::OpContext) -> crate::list::Named<$term> {
                crate::list::Named {
                    id: self.$id.take().map(crate::graphql::filter::id),
                    also: crate::graphql::Where::filter(self, op),
                }
            }
        })?

        impl crate::graphql::Where for $name {
            type Term = $term;

            fn by_id(id: async_graphql::ID) -> Self {
                Self { $id: Some(id), ..Self::default() }
            }

            fn must_name(&self) -> crate::model::error::Result<()> {
                let id = self.$id.as_ref().map(|id| id.as_str());
                let by: &[(&str, Option<&str>)] = &[
                    ("id", id),
                    $(("email", self.$email.as_deref()),)?
                    $($((stringify!($by), self.$by.as_deref()),)*)?
                ];
                crate::list::names_one("where", "object", by)
            }

            fn filter(self, op: &crate::context::OpContext) -> crate::list::Filter<$term> {
                use crate::graphql::filter::{id, ids, text};
                let mut tests = Vec::from_iter(text((self.$id.map(id), self.$id_in.map(ids), None, None), $term::Id));
                $(tests.extend(text((None, None, self.$id_starts_with, self.$id_contains), $term::Id));)?
                $(tests.extend(crate::graphql::filter::address(
                    (self.$email, self.$email_in, self.$email_starts_with, self.$email_contains),
                    $term::$email_term,
                ));)?
                $(tests.extend(text(
                    (self.$text, self.$text_in, self.$text_starts_with, self.$text_contains),
                    $term::$text_term,
                ));)*
                $(tests.extend(crate::graphql::filter::exact(
                    (self.$exact, self.$exact_in, self.$exact_starts_with, self.$exact_contains),
                    $term::$exact_term,
                ));)*
                $(tests.extend(crate::graphql::filter::tested(op, self.$field, $translate));)*
                let filters = |wanted: Vec<Self>| wanted.into_iter().map(|one| one.filter(op)).collect::<Vec<_>>();
                tests.extend(self.and.map(filters).into_iter().flatten());
                tests.extend(self.or.map(|any| crate::list::Filter::Any(filters(any))));
                tests.extend(self.not.map(|one| crate::list::Filter::Not(Box::new(one.filter(op)))));
                crate::list::Filter::All(tests)
            }
        }
    };
}

pub(crate) use where_input;
