//! Converts a request's variables to the values of an operation: the specification's `CoerceVariableValues`.

use std::collections::HashMap;

use async_graphql::parser::types::{BaseType, Type, VariableDefinition};
use async_graphql::{Name, Positioned};
use async_graphql_value::Value;
use serde_json::{Map, Value as Json};

use super::fault::Fault;
use super::types::{Named, name_of, types};
use super::validate::{Checking, Uses};
use crate::model::error::shown;

/// The values of an operation's variables, without those that were not given.
pub type Variables = HashMap<Name, Value>;

/// Reads the given values as the types that the operation declares. A fault names the argument that the value is meant
/// for, such as `data.email`, whatever the variable is called. Values for undeclared variables are ignored.
pub fn variables(
    declared: &[Positioned<VariableDefinition>],
    mut given: Map<String, Json>,
    uses: &Uses,
) -> Result<Variables, Vec<Fault>> {
    let mut faults = Vec::new();
    let mut variables = Variables::with_capacity(declared.len());
    for Positioned { node: variable, pos } in declared {
        let name = &variable.name.node;
        let (ty, used) = (&variable.var_type.node, uses.get(name));
        let path = used.map_or_else(|| name.to_string(), |used| used.path.clone());
        let mut checking = Checking::new(types(), path, *pos, &mut faults);
        match given.remove(name.as_str()) {
            // The library would treat a missing value like an argument that is not given.
            None if variable.default_value.is_none() && !ty.nullable => {
                checking.fault(format!(
                    "The variable '${}' must have a value of the type '{ty}'.",
                    shown(name)
                ));
            }
            None => {
                let default = variable.default_value.as_ref();
                variables.extend(default.map(|default| (name.clone(), default.node.clone().into_value())));
            }
            Some(Json::Null) if used.is_some_and(|used| used.never_null) => checking.null(),
            Some(value) => {
                let value = read(value, Some(ty));
                checking.value(&value, ty);
                variables.insert(name.clone(), value);
            }
        }
    }
    match faults.is_empty() {
        true => Ok(variables),
        false => Err(faults),
    }
}

/// A value as a document would have it. Only the type can tell an enum's value from a string.
fn read(value: Json, ty: Option<&Type>) -> Value {
    let named = ty.and_then(|ty| types().get(name_of(ty)));
    match (value, named) {
        (Json::Null, _) => Value::Null,
        (Json::Bool(value), _) => Value::Boolean(value),
        (Json::Number(number), _) => Value::Number(number),
        (Json::String(name), Some(Named::Enum(values))) if values.contains(&name) => Value::Enum(Name::new(name)),
        (Json::String(text), _) => Value::String(text),
        (Json::Array(items), _) => {
            let inner = ty.map(|ty| match &ty.base {
                BaseType::List(inner) => inner,
                BaseType::Named(_) => ty,
            });
            Value::List(items.into_iter().map(|item| read(item, inner)).collect())
        }
        (Json::Object(members), named) => {
            let member = |(name, value): (String, Json)| {
                let input = match named {
                    Some(Named::Input(fields)) => fields.get(&name),
                    _ => None,
                };
                (Name::new(name), read(value, input.map(|input| &input.ty)))
            };
            Value::Object(members.into_iter().map(member).collect())
        }
    }
}
