//! Rules about fields.

use async_graphql::indexmap::IndexMap;
use async_graphql::parser::types::{BaseType, Field, SelectionSet, Type};
use async_graphql::{Name, Positioned};
use async_graphql_value::Value;

use super::super::collect::by_key;
use super::super::fault::Fault;
use super::super::parse::Definitions;
use super::super::types::{name_of, types};
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

/// Fields with the same key in one place of one object become one field. So they must have the same name and arguments,
/// and what they select must be mergeable in the same way. Where an interface is selected, fields of different objects
/// with the same key must at least have the same shape.
pub fn field_selection_merging(document: &Walked<'_>, faults: &mut Vec<Fault>) {
    let operations = document.definitions.operations.iter();
    for (_, operation) in operations {
        let root = document.types.root(operation.node.ty).unwrap_or_default();
        merging(document.definitions, root, &[&operation.node.selection_set], faults);
    }
}

type Set = Positioned<SelectionSet>;

fn merging(definitions: &Definitions, ty: &str, sets: &[&Set], faults: &mut Vec<Fault>) {
    let before = faults.len();
    for object in types().possible(ty) {
        merging_of_object(definitions, object, sets, faults);
        // Once is enough for a fault that all of an interface's objects have.
        if faults.len() > before {
            return;
        }
    }
    if types().is_interface(ty) {
        let places: Vec<(&str, &Set)> = sets.iter().map(|set| (ty, *set)).collect();
        same_shapes(definitions, &places, faults);
    }
}

/// Whether fields with the same key, of whatever types of objects, have the same shape: the specification's
/// `SameResponseShape`.
fn same_shapes(definitions: &Definitions, places: &[(&str, &Set)], faults: &mut Vec<Fault>) {
    let mut shapes: IndexMap<&Name, Vec<(&Type, &Positioned<Field>)>> = IndexMap::new();
    for (ty, set) in places {
        for object in types().possible(ty) {
            for (key, group) in by_key(definitions, object, &[set], |_| true) {
                let known = group.iter().filter_map(|field| {
                    let known = types().field(object, &field.node.name.node)?;
                    Some((&known.ty, *field))
                });
                shapes.entry(key).or_default().extend(known);
            }
        }
    }
    for (key, group) in shapes {
        let Some(((ty, first), others)) = group.split_first() else {
            continue;
        };
        if let Some((other_ty, other)) = others.iter().find(|(other, _)| !have_same_shape(ty, other)) {
            let message = format!(
                "The key '{}' is used for values of two types, '{ty}' and '{other_ty}'. Give one of them another alias.",
                shown(key)
            );
            faults.push(Fault::invalid([first.pos, other.pos], message));
            continue;
        }
        let below: Vec<(&str, &Set)> = group
            .iter()
            .map(|(ty, field)| (name_of(ty), &field.node.selection_set))
            .collect();
        same_shapes(definitions, &below, faults);
    }
}

fn have_same_shape(one: &Type, other: &Type) -> bool {
    if one.nullable != other.nullable {
        return false;
    }
    match (&one.base, &other.base) {
        (BaseType::List(one), BaseType::List(other)) => have_same_shape(one, other),
        (BaseType::Named(one), BaseType::Named(other)) => {
            let have_fields = [one, other].map(|name| types().fields(name).is_some());
            one == other || have_fields == [true, true]
        }
        (BaseType::List(_), BaseType::Named(_)) | (BaseType::Named(_), BaseType::List(_)) => false,
    }
}

fn merging_of_object(definitions: &Definitions, object: &str, sets: &[&Set], faults: &mut Vec<Fault>) {
    for (key, group) in by_key(definitions, object, sets, |_| true) {
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
        let below: Vec<&Set> = group.iter().map(|field| &field.node.selection_set).collect();
        if let Some(known) = types().field(object, &first.node.name.node) {
            merging(definitions, name_of(&known.ty), &below, faults);
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
