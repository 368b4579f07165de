//! Rules about directives.

use super::super::fault::Fault;
use super::repeated;
use super::walk::{Location, Walked};
use crate::model::error::shown;

pub fn directives_are_defined(document: &Walked<'_>, faults: &mut Vec<Fault>) {
    for directive in document.directives.iter().flat_map(|(_, directives)| *directives) {
        let name = &directive.node.name.node;
        if document.types.directive(name).is_none() {
            let message = format!(
                "There is no directive '@{}' for documents; there are '@include' and '@skip'.",
                shown(name)
            );
            faults.push(Fault::invalid([directive.pos], message));
        }
    }
}

pub fn directives_are_in_valid_locations(document: &Walked<'_>, faults: &mut Vec<Fault>) {
    let elsewhere = document
        .directives
        .iter()
        .filter(|(location, _)| *location != Location::Selection);
    for directive in elsewhere.flat_map(|(_, directives)| *directives) {
        let name = shown(&directive.node.name.node);
        let message = format!(
            "The directive '@{name}' is not allowed here: it is for fields, and for fragments where they are spread."
        );
        faults.push(Fault::invalid([directive.pos], message));
    }
}

pub fn directives_are_unique_per_location(document: &Walked<'_>, faults: &mut Vec<Fault>) {
    for (_, directives) in &document.directives {
        for directive in repeated(directives, |one, other| one.node.name.node == other.node.name.node) {
            let name = shown(&directive.node.name.node);
            let message = format!("The directive '@{name}' is used twice in one place.");
            faults.push(Fault::invalid([directive.pos], message));
        }
    }
}
