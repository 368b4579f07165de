//! Rules about fields.

use async_graphql::indexmap::IndexMap;
use async_graphql::parser::types::{Field, Selection, SelectionSet};
use async_graphql::{Name, Positioned};
use async_graphql_value::Value;

use super::super::fault::Fault;
use super::super::parse::Definitions;
use super::super::types::name_of;
use super::walk::Walked;
use crate::model::error::shown;

pub fn field_selections(document: &Walked<'_>, faults: &mut Vec<Fault>) {
    for place in &document.fields {
        if let (Some(parent), None) = (place.parent, document.known(place)) {
            let name = shown(&place.node.node.name.node);
            let message = format!("The type '{parent}' has no field '{name}'.");
            faults.push(Fault::invalid([place.node.pos], message));
        }
    }
}

pub fn leaf_field_selections(document: &Walked<'_>, faults: &mut Vec<Fault>) {
    for place in &document.fields {
        let Some(known) = document.known(place) else { continue };
        let (name, ty) = (&place.node.node.name.node, &known.ty);
        let has_fields = document.composite(name_of(ty)).is_some();
        let selects = !place.node.node.selection_set.node.items.is_empty();
        let message = match (has_fields, selects) {
            (true, false) => {
                format!("The field '{name}' is of the type '{ty}': say which of its fields, as in '{name} {{ … }}'.")
            }
            (false, true) => format!("The field '{name}' is of the type '{ty}', which has no fields."),
            (true, true) | (false, false) => continue,
        };
        faults.push(Fault::invalid([place.node.pos], message));
    }
}

/// Fields with the same key in one place become one field. So they must have the same name and arguments, and what they
/// select must be mergeable in the same way.
///
/// All composite types are object types, so everything in one place has the same type. The specification's other half,
/// that fields of different types have the same shape, never applies.
pub fn field_selection_merging(document: &Walked<'_>, faults: &mut Vec<Fault>) {
    let operations = document.definitions.operations.iter();
    for (_, operation) in operations {
        merging(document.definitions, &[&operation.node.selection_set.node], faults);
    }
}

fn merging(definitions: &Definitions, sets: &[&SelectionSet], faults: &mut Vec<Fault>) {
    let mut fields = IndexMap::new();
    let mut spread = Vec::new();
    for set in sets {
        collect(definitions, set, &mut spread, &mut fields);
    }
    for (key, group) in fields {
        let Some((first, others)) = group.split_first() else {
            continue;
        };
        let other = others
            .iter()
            .find_map(|other| Some((other, difference(&first.node, &other.node)?)));
        if let Some((other, difference)) = other {
            let message = format!(
                "The key '{}' is used for {difference}. Give one of them another alias.",
                shown(key)
            );
            faults.push(Fault::invalid([first.pos, other.pos], message));
            continue;
        }
        let below: Vec<&SelectionSet> = group.iter().map(|field| &field.node.selection_set.node).collect();
        merging(definitions, &below, faults);
    }
}

type Keyed<'a> = IndexMap<&'a Name, Vec<&'a Positioned<Field>>>;

/// The fields of a place by their keys, including those in fragments. Each fragment is visited once.
fn collect<'a>(
    definitions: &'a Definitions,
    set: &'a SelectionSet,
    spread: &mut Vec<&'a Name>,
    fields: &mut Keyed<'a>,
) {
    for selection in &set.items {
        match &selection.node {
            Selection::Field(field) => fields.entry(&field.node.response_key().node).or_default().push(field),
            Selection::InlineFragment(inline) => {
                collect(definitions, &inline.node.selection_set.node, spread, fields);
            }
            Selection::FragmentSpread(node) => {
                let name = &node.node.fragment_name.node;
                if !spread.contains(&name)
                    && let Some(fragment) = definitions.fragments.get(name)
                {
                    spread.push(name);
                    collect(definitions, &fragment.node.selection_set.node, spread, fields);
                }
            }
        }
    }
}

/// What is different about two fields, if anything is.
fn difference(one: &Field, other: &Field) -> Option<String> {
    let (name, other_name) = (&one.name.node, &other.name.node);
    if name != other_name {
        return Some(format!("two fields, '{}' and '{}'", shown(name), shown(other_name)));
    }
    let same = |(argument, value): &(Positioned<Name>, Positioned<Value>)| {
        other
            .get_argument(&argument.node)
            .is_some_and(|other| other.node == value.node)
    };
    let differ = one.arguments.len() != other.arguments.len() || !one.arguments.iter().all(same);
    differ.then(|| format!("the field '{}' with two sets of arguments", shown(name)))
}
