//! Rules about values in the document itself.

use async_graphql::Pos;
use async_graphql::parser::types::{BaseType, Type};
use async_graphql_value::Value;

use super::super::fault::Fault;
use super::super::scalar::{self, must_be};
use super::super::types::{Named, Types, name_of};
use super::walk::Walked;
use crate::model::error::shown;

/// The rules about variables check the variables in a value.
pub fn values_of_correct_type(document: &Walked<'_>, faults: &mut Vec<Fault>) {
    for place in &document.arguments {
        for (name, value) in place.given {
            if let Some(input) = place.known.and_then(|known| known.get(name.node.as_str())) {
                let mut checking = Checking::new(document.types, shown(&name.node), value.pos, faults);
                checking.value(&value.node, &input.ty);
            }
        }
    }
    for (_, operation) in &document.definitions.operations {
        for variable in &operation.node.variable_definitions {
            if let Some(default) = &variable.node.default_value {
                let name = shown(&variable.node.name.node);
                let mut checking = Checking::new(document.types, name, default.pos, faults);
                checking.value(&default.node.clone().into_value(), &variable.node.var_type.node);
            }
        }
    }
}

/// Checks a value in the document or in the variables.
pub struct Checking<'a> {
    types: &'a Types,
    /// The path of the value in the argument, as in `where.id`.
    path: String,
    at: Pos,
    faults: &'a mut Vec<Fault>,
}

impl<'a> Checking<'a> {
    pub fn new(types: &'a Types, path: String, at: Pos, faults: &'a mut Vec<Fault>) -> Self {
        Self {
            types,
            path,
            at,
            faults,
        }
    }

    pub fn fault(&mut self, message: String) {
        self.faults
            .push(Fault::invalid([self.at], message).of_field(self.path.clone()));
    }

    fn below(&mut self, step: &str, check: impl FnOnce(&mut Self)) {
        let length = self.path.len();
        self.path.push('.');
        self.path.push_str(&shown(step));
        check(self);
        self.path.truncate(length);
    }

    pub fn null(&mut self) {
        self.fault(format!("'{}' must not be null.", self.path));
    }

    pub fn value(&mut self, value: &Value, ty: &Type) {
        match (value, &ty.base) {
            (Value::Variable(_), _) => {}
            (Value::Null, _) if ty.nullable => {}
            (Value::Null, _) => self.null(),
            (Value::List(items), BaseType::List(inner)) => {
                for (number, item) in items.iter().enumerate() {
                    self.below(&number.to_string(), |checking| checking.value(item, inner));
                }
            }
            _ => self.named(value, name_of(ty)),
        }
    }

    /// A single value counts as a list with this item.
    fn named(&mut self, value: &Value, ty: &str) {
        match (self.types.get(ty), value) {
            (Some(Named::Input(fields)), Value::Object(given)) => {
                for (name, field) in fields.iter().filter(|(_, field)| field.is_required()) {
                    if !given.contains_key(name.as_str()) {
                        self.below(name, |checking| {
                            checking.fault(scalar::missing(&checking.path, &field.ty))
                        });
                    }
                }
                for (name, value) in given {
                    match fields.get(name.as_str()) {
                        Some(field) => self.below(name, |checking| checking.value(value, &field.ty)),
                        None => self.below(name, |checking| {
                            checking.fault(scalar::no_such_field(&checking.path, ty))
                        }),
                    }
                }
            }
            (Some(Named::Input(_)), _) => self.fault(must_be(&self.path, &scalar::object_of(ty))),
            (Some(Named::Enum(values)), _) => {
                if !matches!(value, Value::Enum(name) if values.iter().any(|known| name == known)) {
                    self.fault(must_be(&self.path, &scalar::one_of(values)));
                }
            }
            (Some(Named::Scalar), _) => {
                if let Err(expected) = scalar::check(ty, value) {
                    self.fault(must_be(&self.path, &expected));
                }
            }
            // Other rules refuse these.
            (Some(Named::Object(_) | Named::Interface(..)) | None, _) => {}
        }
    }
}
