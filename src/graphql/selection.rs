//! What a document asks of an object, through fragments and aliases.

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

    /// What is selected of a connection's things, by either way to them.
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

    /// Under the field of this name; several aliases are one selection. `None` if it is not selected.
    pub fn under_field(&self, name: &str) -> Option<Self> {
        let fields: Vec<SelectionField<'a>> = self.0.iter().copied().filter(|field| field.name() == name).collect();
        (!fields.is_empty()).then(|| Self::under(fields.into_iter()))
    }

    /// Each place where the field of this name is selected, by its key in the answer. The same key may stand twice, with
    /// the same arguments; its selections are one.
    pub fn places(&self, name: &'a str) -> Vec<Place<'a>> {
        let mut places: Vec<Place<'a>> = Vec::new();
        for field in self.0.iter().copied().filter(|field| field.name() == name) {
            let key = field.alias().unwrap_or(name);
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
    pub key: &'a str,
    arguments: HashMap<String, Value>,
    pub selection: Selection<'a>,
}

impl Place<'_> {
    /// An argument as its type. What does not fit is `None` here, and refused where the field itself is resolved.
    pub fn argument<T: InputType>(&self, name: &str) -> Option<T> {
        self.arguments
            .get(name)
            .filter(|value| **value != Value::Null)
            .and_then(|value| T::parse(Some(value.clone())).ok())
    }
}
