//! Rules about variables.

use std::collections::HashMap;

use async_graphql::parser::types::{BaseType, Type, VariableDefinition};
use async_graphql::{Name, Positioned};
use async_graphql_value::ConstValue;

use super::super::fault::Fault;
use super::super::types::name_of;
use super::repeated;
use super::walk::{Scope, Use, Walked};
use crate::model::error::shown;

/// How an operation uses one of its variables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VariableUse {
    /// The first argument that the variable is used in, or the part of it, as in `where.id`.
    pub path: String,
    /// Null is not allowed where it is used. Its type is nullable, and allowed there only because of a default value.
    pub never_null: bool,
}

/// How an operation uses its variables, by name.
pub type Uses = HashMap<Name, VariableUse>;

pub fn variable_uniqueness(document: &Walked<'_>, faults: &mut Vec<Fault>) {
    for (_, operation) in &document.definitions.operations {
        let variables = &operation.node.variable_definitions;
        for variable in repeated(variables, |one, other| one.node.name.node == other.node.name.node) {
            let message = format!("Two variables have the name '${}'.", shown(&variable.node.name.node));
            faults.push(Fault::invalid([variable.pos], message));
        }
    }
}

pub fn variables_are_input_types(document: &Walked<'_>, faults: &mut Vec<Fault>) {
    for (_, operation) in &document.definitions.operations {
        for variable in &operation.node.variable_definitions {
            let (name, ty) = (shown(&variable.node.name.node), name_of(&variable.node.var_type.node));
            let message = match document.types.get(ty) {
                Some(_) if document.types.is_input(ty) => continue,
                Some(_) => format!("The variable '${name}' cannot be of the type '{ty}', which is for answers only."),
                None => format!("There is no type '{}' for the variable '${name}'.", shown(ty)),
            };
            faults.push(Fault::invalid([variable.node.var_type.pos], message));
        }
    }
}

pub fn all_variable_uses_defined(document: &Walked<'_>, faults: &mut Vec<Fault>) {
    for (number, variables) in declared(document) {
        for used in uses_of(document, number) {
            if definition(variables, used).is_none() {
                let message = format!("The operation does not declare the variable '${}'.", shown(used.name));
                faults.push(Fault::invalid([used.at], message).of_field(&used.path));
            }
        }
    }
}

pub fn all_variables_used(document: &Walked<'_>, faults: &mut Vec<Fault>) {
    for (number, variables) in declared(document) {
        let uses = uses_of(document, number);
        for variable in variables {
            let name = &variable.node.name.node;
            if !uses.iter().any(|used| used.name == name) {
                let message = format!(
                    "The operation declares the variable '${}' and does not use it.",
                    shown(name)
                );
                faults.push(Fault::invalid([variable.pos], message));
            }
        }
    }
}

pub fn all_variable_usages_are_allowed(document: &Walked<'_>, faults: &mut Vec<Fault>) {
    for (number, variables) in declared(document) {
        for used in uses_of(document, number) {
            let (Some(variable), Some((expected, has_default))) = (definition(variables, used), &used.expected) else {
                continue;
            };
            let is_known = document.types.is_input(name_of(&variable.var_type.node));
            if is_known && !is_allowed(variable, expected, *has_default) {
                let (name, ty) = (shown(used.name), &variable.var_type.node);
                let message = format!("The variable '${name}' is of the type '{ty}', and '{expected}' belongs here.");
                faults.push(Fault::invalid([variable.name.pos, used.at], message).of_field(&used.path));
            }
        }
    }
}

/// How each operation uses its variables.
pub fn uses(document: &Walked<'_>) -> Vec<Uses> {
    let mut all = Vec::new();
    for (number, variables) in declared(document) {
        let mut uses = Uses::new();
        for used in uses_of(document, number) {
            let nullable = definition(variables, used).is_some_and(|variable| variable.var_type.node.nullable);
            let never_null = nullable && used.expected.as_ref().is_some_and(|(expected, _)| !expected.nullable);
            let entry = uses.entry(used.name.clone());
            let known = entry.or_insert_with(|| VariableUse {
                path: used.path.clone(),
                never_null,
            });
            known.never_null |= never_null;
        }
        all.push(uses);
    }
    all
}

type Definitions = [Positioned<VariableDefinition>];

/// The variables of each operation, with the operation's number.
fn declared<'a>(document: &'a Walked<'a>) -> impl Iterator<Item = (usize, &'a Definitions)> {
    let operations = document.definitions.operations.iter();
    let variables = operations.map(|(_, operation)| operation.node.variable_definitions.as_slice());
    variables.enumerate()
}

fn definition<'a>(variables: &'a Definitions, used: &Use<'_>) -> Option<&'a VariableDefinition> {
    let variable = variables.iter().find(|variable| variable.node.name.node == *used.name);
    variable.map(|variable| &variable.node)
}

/// The uses of variables in an operation and in the fragments that it spreads, in the order of the document.
fn uses_of<'a>(document: &'a Walked<'a>, operation: usize) -> Vec<&'a Use<'a>> {
    let mut scopes = vec![Scope::Operation(operation)];
    let mut done = 0;
    while let Some(scope) = scopes.get(done).copied() {
        for place in document.spreads.iter().filter(|place| place.scope == scope) {
            let fragment = Scope::Fragment(&place.node.node.fragment_name.node);
            if !scopes.contains(&fragment) {
                scopes.push(fragment);
            }
        }
        done += 1;
    }
    document
        .uses
        .iter()
        .filter(|used| scopes.contains(&used.scope))
        .collect()
}

/// Whether a variable may be used where a type is expected: the specification's `IsVariableUsageAllowed`.
fn is_allowed(variable: &VariableDefinition, expected: &Type, has_default: bool) -> bool {
    let ty = &variable.var_type.node;
    if expected.nullable || !ty.nullable {
        return fits(ty, expected);
    }
    let default = variable.default_value.as_ref().map(|default| &default.node);
    let stands_in = has_default || default.is_some_and(|default| *default != ConstValue::Null);
    stands_in && fits_base(&ty.base, &expected.base)
}

fn fits(ty: &Type, expected: &Type) -> bool {
    (expected.nullable || !ty.nullable) && fits_base(&ty.base, &expected.base)
}

fn fits_base(base: &BaseType, expected: &BaseType) -> bool {
    match (base, expected) {
        (BaseType::Named(name), BaseType::Named(expected)) => name == expected,
        (BaseType::List(inner), BaseType::List(expected)) => fits(inner, expected),
        (BaseType::Named(_), BaseType::List(_)) | (BaseType::List(_), BaseType::Named(_)) => false,
    }
}
