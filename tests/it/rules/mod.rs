//! Rule tests: each is about *all* of something, found by looking at the thing itself, so that what is added without a
//! case of its own fails here.
//!
//! Some compare with a committed file, which is there to be read. `TENANTRY_TEST_UPDATE=1 cargo test --test it rules::`
//! writes these files anew; the difference is then what a reviewer looks at.

mod act_as_headers;
mod actions;
mod answer_bytes;
mod caller_checks;
mod clears;
mod contributing;
mod cursors;
mod docs;
mod english;
pub mod explain;
mod faults;
mod field_names;
mod filters;
mod hang_up;
mod indexes;
mod isolation;
mod kept;
mod layers;
mod leftover_databases;
mod managing;
mod migrations;
mod names;
mod nulls;
mod open_verbs;
mod passwords;
mod policy_matrix;
mod refusals;
pub mod releases;
mod repeats;
mod reserved;
pub mod role_inputs;
mod runs_once;
mod schema;
mod scope;
mod sizes;
mod sleeps;
pub mod statements;
mod tables;
mod targets;
mod versions;

pub use policy_matrix::user;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use async_graphql::parser::types::{
    BaseType, FieldDefinition, InputValueDefinition, Type, TypeDefinition, TypeKind, TypeSystemDefinition,
};

/// A path from the top of the repository.
fn from_top(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Compares a text with the committed file of this path; with `TENANTRY_TEST_UPDATE` set, writes it.
#[track_caller]
fn assert_committed(path: &str, text: &str) {
    let file = from_top(path);
    if std::env::var_os("TENANTRY_TEST_UPDATE").is_some() {
        std::fs::write(file, text).unwrap();
        return;
    }
    let committed = std::fs::read_to_string(&file).unwrap_or_default();
    if committed == text {
        return;
    }
    let (old, new): (Vec<&str>, Vec<&str>) = (committed.lines().collect(), text.lines().collect());
    let same = old.iter().zip(&new).take_while(|(old, new)| old == new).count();
    let around = |lines: &[&str], mark: char| -> String {
        let shown = lines.iter().skip(same).take(12).map(|line| format!("{mark} {line}\n"));
        shown.collect()
    };
    let before: String = new
        .iter()
        .take(same)
        .skip(same.saturating_sub(4))
        .map(|line| format!("  {line}\n"))
        .collect();
    panic!(
        "{path} is not what it was, from line {} on (TENANTRY_TEST_UPDATE=1 writes it anew, if this is meant):\n{before}{}{}",
        same + 1,
        around(&old, '-'),
        around(&new, '+'),
    );
}

/// The schema as it is built, by looking at its SDL.
pub struct Sdl {
    text: String,
    types: BTreeMap<String, TypeDefinition>,
}

impl Sdl {
    pub fn read() -> Self {
        let text = tenantry::graphql::sdl(&tenantry::graphql::build(true));
        let document = async_graphql::parser::parse_schema(&text).unwrap();
        let types = document
            .definitions
            .into_iter()
            .filter_map(|definition| match definition {
                TypeSystemDefinition::Type(ty) => Some((ty.node.name.node.to_string(), ty.node)),
                TypeSystemDefinition::Schema(_) | TypeSystemDefinition::Directive(_) => None,
            })
            .collect();
        Self { text, types }
    }

    /// The fields of an object type; none for any other.
    pub fn fields(&self, name: &str) -> Vec<&FieldDefinition> {
        match self.types.get(name).map(|ty| &ty.kind) {
            Some(TypeKind::Object(object)) => object.fields.iter().map(|field| &field.node).collect(),
            _ => Vec::new(),
        }
    }

    fn field(&self, ty: &str, name: &str) -> Option<&FieldDefinition> {
        self.fields(ty).into_iter().find(|field| field.name.node == name)
    }

    /// The fields of an input type; none for any other.
    fn input_fields(&self, name: &str) -> Vec<&InputValueDefinition> {
        match self.types.get(name).map(|ty| &ty.kind) {
            Some(TypeKind::InputObject(input)) => input.fields.iter().map(|field| &field.node).collect(),
            _ => Vec::new(),
        }
    }

    fn is_object(&self, name: &str) -> bool {
        matches!(self.types.get(name).map(|ty| &ty.kind), Some(TypeKind::Object(_)))
    }

    pub fn is_interface(&self, name: &str) -> bool {
        matches!(self.types.get(name).map(|ty| &ty.kind), Some(TypeKind::Interface(_)))
    }

    fn is_input(&self, name: &str) -> bool {
        matches!(self.types.get(name).map(|ty| &ty.kind), Some(TypeKind::InputObject(_)))
    }
}

/// The name of a type without its lists and non-nulls.
pub fn named(ty: &Type) -> &str {
    match &ty.base {
        BaseType::Named(name) => name.as_str(),
        BaseType::List(inner) => named(inner),
    }
}

fn is_list(ty: &Type) -> bool {
    matches!(ty.base, BaseType::List(_))
}
