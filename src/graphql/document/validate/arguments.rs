//! Rules about the arguments of fields and directives.

use super::super::fault::Fault;
use super::repeated;
use super::walk::Walked;
use crate::model::error::shown;

pub fn argument_names(document: &Walked<'_>, faults: &mut Vec<Fault>) {
    for place in &document.arguments {
        let Some(known) = place.known else { continue };
        for (name, _) in place
            .given
            .iter()
            .filter(|(name, _)| !known.contains_key(name.node.as_str()))
        {
            let message = format!("'{}' has no argument '{}'.", place.of, shown(&name.node));
            faults.push(Fault::invalid([name.pos], message).of_field(shown(&name.node)));
        }
    }
}

pub fn argument_uniqueness(document: &Walked<'_>, faults: &mut Vec<Fault>) {
    for place in &document.arguments {
        for (name, _) in repeated(place.given, |(one, _), (other, _)| one.node == other.node) {
            let message = format!("The argument '{}' is given twice.", shown(&name.node));
            faults.push(Fault::invalid([name.pos], message).of_field(shown(&name.node)));
        }
    }
}

pub fn required_arguments(document: &Walked<'_>, faults: &mut Vec<Fault>) {
    for place in &document.arguments {
        for (name, input) in place.known.into_iter().flatten() {
            let given = place.given.iter().any(|(given, _)| given.node == *name);
            if input.is_required() && !given {
                let message = format!(
                    "'{}' needs the argument '{name}', of the type '{}'.",
                    place.of, input.ty
                );
                faults.push(Fault::invalid([place.at], message).of_field(name));
            }
        }
    }
}
