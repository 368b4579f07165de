//! Rules about fragments. The limits have already refused fragments that spread themselves.

use async_graphql::{Name, Positioned};

use super::super::fault::Fault;
use super::walk::{Scope, Walked};
use crate::model::error::shown;

/// The type conditions of fragments, each with its position.
fn conditions<'a>(document: &'a Walked<'a>) -> impl Iterator<Item = &'a Positioned<Name>> {
    let defined = document.definitions.fragments.values();
    let defined = defined.map(|fragment| &fragment.node.type_condition.node.on);
    let inline = document.inline_fragments.iter();
    let inline = inline.filter_map(|place| Some(&place.node.node.type_condition.as_ref()?.node.on));
    defined.chain(inline)
}

pub fn fragment_spread_type_existence(document: &Walked<'_>, faults: &mut Vec<Fault>) {
    for on in conditions(document).filter(|on| document.types.get(&on.node).is_none()) {
        faults.push(Fault::invalid(
            [on.pos],
            format!("There is no type '{}'.", shown(&on.node)),
        ));
    }
}

pub fn fragments_on_object_types(document: &Walked<'_>, faults: &mut Vec<Fault>) {
    for on in conditions(document) {
        if document.types.get(&on.node).is_some() && document.composite(&on.node).is_none() {
            let message = format!(
                "The type '{}' has no fields, so that no fragment can be on it.",
                shown(&on.node)
            );
            faults.push(Fault::invalid([on.pos], message));
        }
    }
}

pub fn fragments_must_be_used(document: &Walked<'_>, faults: &mut Vec<Fault>) {
    let mut used: Vec<&str> = Vec::new();
    let mut from: Vec<Scope<'_>> = (0..document.definitions.operations.len())
        .map(Scope::Operation)
        .collect();
    while let Some(scope) = from.pop() {
        for place in document.spreads.iter().filter(|place| place.scope == scope) {
            let name = place.node.node.fragment_name.node.as_str();
            if !used.contains(&name) {
                used.push(name);
                from.push(Scope::Fragment(name));
            }
        }
    }
    for (name, fragment) in &document.definitions.fragments {
        if !used.contains(&name.as_str()) {
            let message = format!("The fragment '{}' is not used.", shown(name));
            faults.push(Fault::invalid([fragment.pos], message));
        }
    }
}

pub fn fragment_spread_target_defined(document: &Walked<'_>, faults: &mut Vec<Fault>) {
    for place in &document.spreads {
        let name = &place.node.node.fragment_name;
        if !document.definitions.fragments.contains_key(&name.node) {
            let message = format!("There is no fragment '{}'.", shown(&name.node));
            faults.push(Fault::invalid([name.pos], message));
        }
    }
}

pub fn fragment_spread_is_possible(document: &Walked<'_>, faults: &mut Vec<Fault>) {
    let inline = document.inline_fragments.iter();
    let inline = inline.filter_map(|place| {
        let on = &place.node.node.type_condition.as_ref()?.node.on.node;
        Some((place.parent?, on, place.node.pos))
    });
    let spread = document.spreads.iter();
    let spread = spread.filter_map(|place| {
        let fragment = document
            .definitions
            .fragments
            .get(&place.node.node.fragment_name.node)?;
        Some((
            place.parent?,
            &fragment.node.type_condition.node.on.node,
            place.node.pos,
        ))
    });
    for (parent, on, at) in inline.chain(spread) {
        if document.composite(on).is_some() && !document.types.overlap(parent, on) {
            let message = format!(
                "A fragment on '{}' cannot be spread here: this is of the type '{parent}'.",
                shown(on)
            );
            faults.push(Fault::invalid([at], message));
        }
    }
}
