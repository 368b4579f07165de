//! Rules about fields.

use async_graphql::indexmap::IndexSet;
use async_graphql::parser::types::{BaseType, Field, Type};
use async_graphql::{Name, Positioned};
use async_graphql_value::Value;

use super::super::collect::{Member, TypedSet, by_key};
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

/// Fields with the same key in one place become one field: they must have the same name and arguments, and what they
/// select must be mergeable in the same way. Fields of two types of objects are never in the same object, so these must
/// only have the same shape. A fragment counts even if no object in its place can be of its type.
pub fn field_selection_merging(document: &Walked<'_>, faults: &mut Vec<Fault>) {
    let operations = document.definitions.operations.iter();
    for (_, operation) in operations {
        let root = document.types.root(operation.node.ty).unwrap_or_default();
        mergeable(document.definitions, &[(root, &operation.node.selection_set)], faults);
    }
}

/// The specification's `FieldsInSetCanMerge`.
fn mergeable(definitions: &Definitions, sets: &[TypedSet<'_>], faults: &mut Vec<Fault>) {
    for (key, group) in by_key(definitions, sets, |_| true, |_| true) {
        let before = faults.len();
        for same in of_same_object(&group) {
            one_field(definitions, key, &same, faults);
            // Once is enough for a fault that several types of objects have.
            if faults.len() > before {
                break;
            }
        }
        let of_one_type = group.iter().all(|(ty, _)| Some(ty) == group.first().map(|(ty, _)| ty));
        if !of_one_type && faults.len() == before {
            same_shape(definitions, key, &group, faults);
        }
    }
}

/// The fields that can be in the same object, for each type of objects. Those of an interface can be in any.
fn of_same_object<'a>(group: &[Member<'a>]) -> Vec<Vec<Member<'a>>> {
    let objects: IndexSet<&str> = group
        .iter()
        .map(|(ty, _)| *ty)
        .filter(|ty| !types().is_interface(ty))
        .collect();
    if objects.len() < 2 {
        return vec![group.to_vec()];
    }
    let of_object = |object| {
        let members = group.iter().filter(|(ty, _)| *ty == object || types().is_interface(ty));
        members.copied().collect()
    };
    objects.into_iter().map(of_object).collect()
}

/// Whether fields of one object, with the same key, are the same field.
fn one_field(definitions: &Definitions, key: &Name, group: &[Member<'_>], faults: &mut Vec<Fault>) {
    let Some(((_, first), others)) = group.split_first() else {
        return;
    };
    let other = others
        .iter()
        .find_map(|(_, other)| Some((other, difference(&first.node, &other.node)?)));
    if let Some((other, difference)) = other {
        let message = format!(
            "The key '{}' is used for {difference}. Give one of them another alias.",
            shown(key)
        );
        faults.push(Fault::invalid([first.pos, other.pos], message));
        return;
    }
    mergeable(definitions, &below(group), faults);
}

/// Whether fields with the same key, of any types of objects, have the same shape: the specification's
/// `SameResponseShape`.
fn same_shape(definitions: &Definitions, key: &Name, group: &[Member<'_>], faults: &mut Vec<Fault>) {
    let mut known = group.iter().filter_map(|(ty, field)| {
        let known = types().field(ty, &field.node.name.node)?;
        Some((&known.ty, field))
    });
    let Some((ty, first)) = known.next() else {
        return;
    };
    if let Some((other_ty, other)) = known.find(|(other, _)| !have_same_shape(ty, other)) {
        let message = format!(
            "The key '{}' is used for values of two types, '{ty}' and '{other_ty}'. Give one of them another alias.",
            shown(key)
        );
        faults.push(Fault::invalid([first.pos, other.pos], message));
        return;
    }
    for (key, group) in by_key(definitions, &below(group), |_| true, |_| true) {
        same_shape(definitions, key, &group, faults);
    }
}

/// What fields select.
fn below<'a>(group: &[Member<'a>]) -> Vec<TypedSet<'a>> {
    let set = |(ty, field): &Member<'a>| {
        let known = types().field(ty, &field.node.name.node)?;
        Some((name_of(&known.ty), &field.node.selection_set))
    };
    group.iter().filter_map(set).collect()
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
