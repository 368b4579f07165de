//! The exported schema is the built one, and says what everything in it means.

use async_graphql::Positioned;
use async_graphql::parser::types::{InputValueDefinition, TypeKind};

use super::{Sdl, assert_committed};

#[test]
fn schema_graphql_is_current() {
    assert_committed("schema.graphql", &Sdl::read().text);
}

#[test]
fn everything_has_a_description() {
    let sdl = Sdl::read();
    let mut bare = Vec::new();
    let mut look = |what: String, description: Option<&Positioned<String>>| {
        if description.is_none_or(|text| text.node.trim().is_empty()) {
            bare.push(what);
        }
    };
    for (name, ty) in &sdl.types {
        look(name.clone(), ty.description.as_ref());
        match &ty.kind {
            TypeKind::Scalar | TypeKind::Union(_) => {}
            TypeKind::Object(object) => {
                for field in object.fields.iter().map(|field| &field.node) {
                    look(format!("{name}.{}", field.name.node), field.description.as_ref());
                    for argument in &field.arguments {
                        let what = format!("{name}.{}({})", field.name.node, argument.node.name.node);
                        look(what, argument.node.description.as_ref());
                    }
                }
            }
            TypeKind::Interface(interface) => {
                for field in interface.fields.iter().map(|field| &field.node) {
                    look(format!("{name}.{}", field.name.node), field.description.as_ref());
                }
            }
            TypeKind::Enum(values) => {
                for value in values.values.iter().map(|value| &value.node) {
                    look(format!("{name}.{}", value.value.node), value.description.as_ref());
                }
            }
            TypeKind::InputObject(input) => {
                for field in input.fields.iter().map(|field| &field.node) {
                    let InputValueDefinition {
                        name: field,
                        description,
                        ..
                    } = field;
                    look(format!("{name}.{}", field.node), description.as_ref());
                }
            }
        }
    }
    assert!(bare.is_empty(), "without a description: {bare:#?}");
}
