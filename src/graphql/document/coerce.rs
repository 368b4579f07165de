//! Converts a request's variables to the values of an operation: the specification's `CoerceVariableValues`.

use std::collections::HashMap;

use async_graphql::indexmap::IndexMap;
use async_graphql::parser::types::{BaseType, Type, VariableDefinition};
use async_graphql::{Name, Positioned};
use async_graphql_value::Value;
use serde_json::{Map, Value as Json};

use super::fault::Fault;
use super::scalar::{self, must_be};
use super::types::{Input, Named, types};
use super::validate::Uses;
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
    let mut coercing = Coercing { faults: Vec::new() };
    let mut variables = Variables::with_capacity(declared.len());
    for Positioned { node: variable, pos } in declared {
        let name = &variable.name.node;
        let (ty, used) = (&variable.var_type.node, uses.get(name));
        let path = used.map_or_else(|| name.to_string(), |used| used.path.clone());
        let before = coercing.faults.len();
        match given.remove(name.as_str()) {
            // The library would treat a missing value like an argument that is not given.
            None if variable.default_value.is_none() && !ty.nullable => {
                coercing.fault(
                    &path,
                    format!("The variable '${}' must have a value of the type '{ty}'.", shown(name)),
                );
            }
            None => {
                let default = variable.default_value.as_ref();
                variables.extend(default.map(|default| (name.clone(), default.node.clone().into_value())));
            }
            Some(Json::Null) if used.is_some_and(|used| used.never_null) => {
                coercing.fault(&path, format!("'{path}' must not be null."));
            }
            Some(value) => {
                if let Some(value) = coercing.value(value, ty, &mut path.clone()) {
                    variables.insert(name.clone(), value);
                }
            }
        }
        for fault in coercing.faults.iter_mut().skip(before) {
            fault.at = vec![*pos];
        }
    }
    match coercing.faults.is_empty() {
        true => Ok(variables),
        false => Err(coercing.faults),
    }
}

struct Coercing {
    faults: Vec<Fault>,
}

impl Coercing {
    fn fault(&mut self, path: &str, message: String) {
        self.faults.push(Fault::invalid([], message).of_field(path));
    }

    /// The value; `None` with a fault.
    fn value(&mut self, value: Json, ty: &Type, path: &mut String) -> Option<Value> {
        match (value, &ty.base) {
            (Json::Null, _) if ty.nullable => Some(Value::Null),
            (Json::Null, _) => {
                self.fault(path, format!("'{path}' must not be null."));
                None
            }
            (Json::Array(items), BaseType::List(inner)) => {
                let read = |(number, item): (usize, Json)| {
                    below(path, &number.to_string(), |path| self.value(item, inner, path))
                };
                // Reads all items before failing, to report the faults of all of them.
                let items: Vec<Option<Value>> = items.into_iter().enumerate().map(read).collect();
                items.into_iter().collect::<Option<_>>().map(Value::List)
            }
            // A single value counts as a list with this item.
            (value, BaseType::List(inner)) => Some(Value::List(vec![self.value(value, inner, path)?])),
            (value, BaseType::Named(name)) => self.named(value, name, path),
        }
    }

    fn named(&mut self, value: Json, ty: &str, path: &mut String) -> Option<Value> {
        let expected = match (types().get(ty), value) {
            (Some(Named::Input(fields)), Json::Object(given)) => return self.object(given, ty, fields, path),
            (Some(Named::Input(_)), _) => scalar::object_of(ty),
            (Some(Named::Enum(values)), Json::String(name)) if values.contains(&name) => {
                return Some(Value::Enum(Name::new(name)));
            }
            (Some(Named::Enum(values)), _) => scalar::one_of(values),
            (_, value) => match scalar::coerce(ty, value) {
                Ok(value) => return Some(value),
                Err(expected) => expected,
            },
        };
        self.fault(path, must_be(path, &expected));
        None
    }

    fn object(
        &mut self,
        given: Map<String, Json>,
        ty: &str,
        fields: &IndexMap<String, Input>,
        path: &mut String,
    ) -> Option<Value> {
        let before = self.faults.len();
        for (name, field) in fields.iter().filter(|(_, field)| field.is_required()) {
            if !given.contains_key(name) {
                below(path, name, |path| self.fault(path, scalar::missing(path, &field.ty)));
            }
        }
        let mut object = IndexMap::with_capacity(given.len());
        for (name, value) in given {
            below(path, &name, |path| match fields.get(&name) {
                Some(field) => {
                    let value = self.value(value, &field.ty, path);
                    object.extend(value.map(|value| (Name::new(&name), value)));
                }
                None => self.fault(path, scalar::no_such_field(path, ty)),
            });
        }
        (self.faults.len() == before).then_some(Value::Object(object))
    }
}

/// Runs something with one more step at the end of the path.
fn below<T>(path: &mut String, step: &str, run: impl FnOnce(&mut String) -> T) -> T {
    let length = path.len();
    path.push('.');
    path.push_str(&shown(step));
    let done = run(path);
    path.truncate(length);
    done
}
