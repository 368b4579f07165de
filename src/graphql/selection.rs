//! What a document selects of an object, including in fragments and under aliases.

use std::collections::HashMap;

use async_graphql::{Context, InputType, SelectionField, Value};

/// The fields selected under one or several fields of the same type.
#[derive(Clone, Default)]
pub struct Selection<'a>(Vec<SelectionField<'a>>);

impl<'a> Selection<'a> {
    /// Under the field that is being resolved.
    pub fn of(ctx: &'a Context<'a>) -> Self {
        Self(ctx.field().selection_set().collect())
    }

    fn under(fields: impl Iterator<Item = SelectionField<'a>>) -> Self {
        Self(
            fields
                .flat_map(|field| field.selection_set().collect::<Vec<_>>())
                .collect(),
        )
    }

    /// What is selected of a connection's objects, in `nodes` and in `edges { node }`.
    pub fn nodes(&self) -> Self {
        let by_edges = self.under_field("edges").and_then(|edges| edges.under_field("node"));
        let directly = self.under_field("nodes");
        Self(
            [by_edges, directly]
                .into_iter()
                .flatten()
                .flat_map(|selection| selection.0)
                .collect(),
        )
    }

    pub fn has(&self, name: &str) -> bool {
        self.0.iter().any(|field| field.name() == name)
    }

    /// The names selected, with repetitions.
    pub fn names(&self) -> impl Iterator<Item = &'a str> {
        self.0.iter().map(SelectionField::name)
    }

    /// Under the field with this name. Several aliases are one selection. `None` if it is not selected.
    pub fn under_field(&self, name: &str) -> Option<Self> {
        let fields: Vec<SelectionField<'a>> = self.0.iter().copied().filter(|field| field.name() == name).collect();
        (!fields.is_empty()).then(|| Self::under(fields.into_iter()))
    }

    /// Under the field with this name, or nothing if only `<name>Id` is selected. `None` if neither is.
    pub fn under_related(&self, name: &str) -> Option<Self> {
        let by_id = || self.has(&format!("{name}Id")).then(Self::default);
        self.under_field(name).or_else(by_id)
    }

    /// The field with this name, once for each set of arguments. Selections with the same arguments are one, whatever
    /// their aliases and paths.
    pub fn places(&self, name: &str) -> Vec<Place<'a>> {
        let mut places: Vec<Place<'a>> = Vec::new();
        for field in self.0.iter().copied().filter(|field| field.name() == name) {
            let key = place_key(&field);
            match places.iter_mut().find(|place| place.key == key) {
                Some(place) => place.selection.0.extend(field.selection_set()),
                None => places.push(Place {
                    key,
                    arguments: field
                        .arguments()
                        .unwrap_or_default()
                        .into_iter()
                        .map(|(n, v)| (n.to_string(), v))
                        .collect(),
                    selection: Self(field.selection_set().collect()),
                }),
            }
        }
        places
    }
}

/// A field of a document with its arguments.
pub struct Place<'a> {
    pub key: String,
    arguments: HashMap<String, Value>,
    pub selection: Selection<'a>,
}

impl Place<'_> {
    /// An argument as this type. `None` for an invalid value; the field itself refuses it when it is resolved.
    pub fn argument<T: InputType>(&self, name: &str) -> Option<T> {
        self.arguments
            .get(name)
            .filter(|value| **value != Value::Null)
            .and_then(|value| T::parse(Some(value.clone())).ok())
    }
}

/// Distinguishes fields with the same name in one object by their arguments. Response keys do not work for that,
/// because they can be the same for different arguments if the object itself is in the response twice: `{ a:
/// organization { users(first: 1) { id } } b: organization { users(first: 2) { id } } }`.
pub fn place_key(field: &SelectionField<'_>) -> String {
    let mut arguments = field.arguments().unwrap_or_default();
    if arguments.is_empty() {
        return String::new();
    }
    arguments.sort_by(|(a, _), (b, _)| a.cmp(b));
    // In GraphQL's notation.
    let written = arguments.iter().map(|(name, value)| format!("{name}: {value}"));
    written.collect::<Vec<_>>().join(", ")
}
