//! Finds the place in a document that a path in the response names.

use async_graphql::{Name, PathSegment};

use super::Operation;
use super::collect::{applies_to, by_key};
use super::types::{name_of, types};

impl Operation {
    /// The type and name of the field that a path in the response leads to. A path contains aliases, which clients
    /// choose.
    pub fn field_at(&self, path: &[PathSegment]) -> Option<(&'static str, &str)> {
        let operation = &self.definition()?.node;
        let mut sets = vec![&operation.selection_set];
        let mut parent = types().root(operation.ty)?;
        let mut found = None;
        let keys = path.iter().filter_map(|segment| match segment {
            PathSegment::Field(key) => Some(key),
            PathSegment::Index(_) => None,
        });
        for key in keys {
            if let Some((_, field)) = found {
                parent = name_of(&types().field(parent, field)?.ty);
            }
            // Where an interface is selected, the field is the same for all of its objects, or else there is none.
            let (object, fields) = types().possible(parent).into_iter().find_map(|object| {
                let sets: Vec<_> = sets.iter().map(|set| (parent, *set)).collect();
                let mut keyed = by_key(&self.document.definitions, &sets, applies_to(object), |_| true);
                Some((object, keyed.swap_remove(&&Name::new(key))?))
            })?;
            found = Some((object, fields.first()?.1.node.name.node.as_str()));
            sets = fields.into_iter().map(|(_, field)| &field.node.selection_set).collect();
        }
        found
    }
}

/// The path of a value as the caller wrote it, starting with the argument: `data.email` for `email`.
///
/// Verbs use the same name for a value in every API. This adds the argument that contains the value: none if it is an
/// argument itself, and `data` if several arguments could contain it.
pub fn argument_path(parent: &str, field: &str, name: &str) -> String {
    let first = name.split('.').next().unwrap_or(name);
    let Some(known) = types().field(parent, field) else {
        return name.to_owned();
    };
    if known.arguments.contains_key(first) {
        return name.to_owned();
    }
    let holders = known.arguments.iter().filter(|(_, input)| {
        types()
            .inputs(name_of(&input.ty))
            .is_some_and(|fields| fields.contains_key(first))
    });
    let mut holders = holders.map(|(argument, _)| argument);
    let argument = holders.clone().find(|argument| *argument == "data");
    match argument.or_else(|| holders.next()) {
        Some(argument) => format!("{argument}.{name}"),
        None => name.to_owned(),
    }
}
