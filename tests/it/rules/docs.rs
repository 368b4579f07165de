//! The pages of `docs/` that are made from the code: the schema's reference, the tables of roles, the codes of errors.
//!
//! What stands between `<!-- made by a test -->` and `<!-- end -->` is made; the rest is written by hand.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::sync::Arc;

use async_graphql::Positioned;
use async_graphql::parser::types::{FieldDefinition, InputValueDefinition, TypeDefinition, TypeKind};
use strum::VariantArray;
use tenantry::authz::{Action, Resource};
use tenantry::context::OpContext;
use tenantry::model::BuiltIn;
use tenantry::model::error::ErrorCode;
use tenantry::model::{Door, Permissions};

use super::policy_matrix::{reach, user, user_of_tenant};
use super::{Sdl, assert_committed, from_top, named};
use crate::support::{App, Backend};

/// Compares the made part of a page; everything else of it stays as it is.
fn assert_made(path: &str, made: &[&str]) {
    let page = std::fs::read_to_string(from_top(path)).unwrap();
    let mut whole = String::new();
    let mut rest = page.as_str();
    for part in made {
        let (before, after) = rest.split_once("<!-- made by a test -->\n").unwrap();
        let (_, after) = after.split_once("<!-- end -->").unwrap();
        write!(whole, "{before}<!-- made by a test -->\n\n{part}\n<!-- end -->").unwrap();
        rest = after;
    }
    assert!(
        !rest.contains("<!-- made by a test -->"),
        "{path} has more made parts than are made"
    );
    whole.push_str(rest);
    assert_committed(path, &whole);
}

// The schema

type IsKind = fn(&TypeKind) -> bool;

#[test]
fn schema_reference() {
    let sdl = Sdl::read();
    let mut text = String::from(
        "# The GraphQL schema\n\n\
         Everything that can be asked of `/graphql`, made from [schema.graphql](../schema.graphql) by a test. A running server\n\
         gives the same as text at `/schema.graphql`, and to introspection. Every list takes what [lists](lists.md) says.\n\n",
    );
    for (title, name) in [("Queries", "Query"), ("Mutations", "Mutation")] {
        writeln!(text, "## {title}\n").unwrap();
        for field in sdl.fields(name) {
            operation(&mut text, &name.to_lowercase(), field);
        }
    }
    let kinds: [(&str, IsKind); 5] = [
        ("Types", |kind| matches!(kind, TypeKind::Object(_))),
        ("Interfaces", |kind| matches!(kind, TypeKind::Interface(_))),
        ("Inputs", |kind| matches!(kind, TypeKind::InputObject(_))),
        ("Enums", |kind| matches!(kind, TypeKind::Enum(_))),
        ("Scalars", |kind| matches!(kind, TypeKind::Scalar)),
    ];
    let mut shown = BTreeSet::from(["Query", "Mutation"]);
    for (title, is_one) in kinds {
        writeln!(text, "## {title}\n").unwrap();
        for (name, ty) in sdl.types.iter().filter(|(_, ty)| is_one(&ty.kind)) {
            if !["Query", "Mutation"].contains(&name.as_str()) {
                definition(&mut text, name, ty);
                shown.insert(name);
            }
        }
    }
    let missing: Vec<&String> = sdl.types.keys().filter(|name| !shown.contains(name.as_str())).collect();
    assert!(
        missing.is_empty(),
        "of a kind that this page does not show: {missing:?}"
    );
    // Links go by a heading in small letters: two that differ in nothing else would be one.
    let headings = text.lines().filter_map(|line| line.strip_prefix("### "));
    let mut seen = BTreeSet::new();
    for heading in headings {
        assert!(seen.insert(heading.to_lowercase()), "two headings '{heading}'");
    }
    text.truncate(text.trim_end().len());
    text.push('\n');
    assert_committed("docs/schema.md", &text);
}

/// A field of `Query` or `Mutation`.
fn operation(text: &mut String, kind: &str, field: &FieldDefinition) {
    let name = &field.name.node;
    writeln!(text, "### {kind} {name}\n\n{}\n", prose(field.description.as_ref())).unwrap();
    writeln!(text, "Gives {}.\n", linked(&field.ty.node)).unwrap();
    let arguments = field.arguments.iter().map(|argument| &argument.node);
    rows(text, "argument", arguments.map(input_row));
}

fn definition(text: &mut String, name: &str, ty: &TypeDefinition) {
    writeln!(text, "### {name}\n\n{}\n", prose(ty.description.as_ref())).unwrap();
    match &ty.kind {
        TypeKind::Object(object) => {
            let fields = object.fields.iter().map(|field| &field.node);
            rows(
                text,
                "field",
                fields.map(|field| {
                    let arguments = field.arguments.iter().map(|argument| &argument.node);
                    let mut meaning = prose(field.description.as_ref());
                    for argument in arguments {
                        let (name, ty, said) = input_row(argument);
                        write!(meaning, "<br>{name} {ty}: {said}").unwrap();
                    }
                    (format!("`{}`", field.name.node), linked(&field.ty.node), meaning)
                }),
            );
        }
        TypeKind::InputObject(input) => {
            rows(text, "field", input.fields.iter().map(|field| input_row(&field.node)));
        }
        TypeKind::Enum(values) => {
            writeln!(text, "| value | meaning |\n|---|---|").unwrap();
            for value in values.values.iter().map(|value| &value.node) {
                writeln!(
                    text,
                    "| `{}` | {} |",
                    value.value.node,
                    prose(value.description.as_ref())
                )
                .unwrap();
            }
            text.push('\n');
        }
        TypeKind::Interface(interface) => {
            let fields = interface.fields.iter().map(|field| &field.node);
            let row = |field: &FieldDefinition| {
                (
                    format!("`{}`", field.name.node),
                    linked(&field.ty.node),
                    prose(field.description.as_ref()),
                )
            };
            rows(text, "field", fields.map(row));
        }
        TypeKind::Scalar | TypeKind::Union(_) => {}
    }
}

fn rows(text: &mut String, of: &str, rows: impl Iterator<Item = (String, String, String)>) {
    let mut rows = rows.peekable();
    if rows.peek().is_none() {
        return;
    }
    writeln!(text, "| {of} | type | meaning |\n|---|---|---|").unwrap();
    for (name, ty, meaning) in rows {
        writeln!(text, "| {name} | {ty} | {meaning} |").unwrap();
    }
    text.push('\n');
}

fn input_row(field: &InputValueDefinition) -> (String, String, String) {
    let default = field.default_value.as_ref();
    let default = default.map_or_else(String::new, |value| format!(" = `{}`", value.node));
    (
        format!("`{}`", field.name.node),
        linked(&field.ty.node) + &default,
        prose(field.description.as_ref()),
    )
}

/// A type, linked to its place on this page.
fn linked(ty: &async_graphql::parser::types::Type) -> String {
    let name = named(ty);
    let whole = ty.to_string();
    let (before, after) = whole.split_once(name).unwrap();
    if ["ID", "String", "Int", "Float", "Boolean"].contains(&name) {
        return format!("`{whole}`");
    }
    let mark = |text: &str| {
        if text.is_empty() {
            String::new()
        } else {
            format!("`{text}`")
        }
    };
    format!("{}[`{name}`](#{}){}", mark(before), name.to_lowercase(), mark(after))
}

fn prose(description: Option<&Positioned<String>>) -> String {
    let text = description.map_or("", |text| text.node.as_str());
    text.split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .replace('|', "\\|")
}

// Roles

#[tokio::test]
async fn roles_and_permissions() {
    let app = App::new(Backend::Sqlite).await;
    let roles = BuiltIn::VARIANTS.iter().copied();
    let role_names: Vec<&str> = roles.clone().map(BuiltIn::name).collect();
    let mut permissions = head(&role_names, "permission");
    for (holds, permission) in Permissions::built_in() {
        let cells: Vec<&str> = roles.clone().map(|role| mark(role, holds)).collect();
        writeln!(permissions, "| `{permission}` | {} |", cells.join(" | ")).unwrap();
    }
    let everywhere = roles.clone().map(|role| mark(role, Door::EVERY_ORGANIZATION.into()));
    let everywhere: Vec<&str> = everywhere.collect();
    writeln!(permissions, "| in every organization | {} |", everywhere.join(" | ")).unwrap();

    let mut names = vec!["(no role)"];
    names.extend(role_names);
    let mut reaches = head(&names, "");
    let mut callers = vec![user(Permissions::empty())];
    callers.extend(roles.map(|role| match role.is_for_organizations() {
        true => user(role.permissions()),
        false => user_of_tenant(role.permissions()),
    }));
    for resource in Resource::VARIANTS {
        for action in Action::VARIANTS {
            let cells = callers.iter().map(|actor| {
                let op = OpContext::new(Arc::clone(&app.services), actor.clone(), "test");
                match reach(&op, *action, *resource) {
                    "nobody" => "–",
                    "oneself" => "own",
                    "tenant" => "tenant",
                    "organization" => "org",
                    "everything" => "all",
                    other => panic!("{other}"),
                }
            });
            let cells: Vec<&str> = cells.collect();
            writeln!(
                reaches,
                "| {} {} | {} |",
                words(&format!("{resource:?}")),
                format!("{action:?}").to_lowercase(),
                cells.join(" | ")
            )
            .unwrap();
        }
    }
    assert_made("docs/roles.md", &[&permissions, &reaches]);
}

fn mark(role: BuiltIn, permission: Permissions) -> &'static str {
    if role.permissions().contains(permission) {
        "✓"
    } else {
        ""
    }
}

fn head(names: &[&str], first: &str) -> String {
    let marks = "|:-:".repeat(names.len());
    format!("| {first} | {} |\n|---{marks}|\n", names.join(" | "))
}

/// `ApiKey` as `api key`.
fn words(name: &str) -> String {
    let mut text = String::new();
    for c in name.chars() {
        if c.is_uppercase() && !text.is_empty() {
            text.push(' ');
        }
        text.extend(c.to_lowercase());
    }
    text
}

// Errors

#[test]
fn every_error_code_is_explained_once() {
    let codes: BTreeSet<&str> = ErrorCode::VARIANTS.iter().map(ErrorCode::into_str).collect();
    let page = std::fs::read_to_string(from_top("docs/errors.md")).unwrap();
    let mut explained: BTreeMap<&str, usize> = BTreeMap::new();
    for line in page.lines().filter(|line| line.starts_with("### ")) {
        *explained.entry(line.trim_start_matches("### ")).or_default() += 1;
    }
    let listed: BTreeSet<&str> = explained.keys().copied().collect();
    assert_eq!(listed, codes);
    assert!(explained.values().all(|count| *count == 1), "{explained:?}");
    for code in codes {
        let rows = page
            .lines()
            .filter(|line| line.starts_with(&format!("| [`{code}`]")))
            .count();
        assert_eq!(rows, 1, "{code} in the table");
    }
}

/// Each limit that the source names for others (`pub const …_MAX`) stands in the tables of limits, with its value.
#[test]
fn every_limit_is_listed() {
    let page = std::fs::read_to_string(from_top("docs/errors.md")).unwrap();
    let (_, page) = page.split_once("\n## Limits\n").unwrap();
    let (page, _) = page.split_once("\n## ").unwrap();
    let mut listed: Vec<&str> = page.lines().filter_map(|line| line.split(" | ").nth(1)).collect();
    let mut met = 0;
    let mut sources = super::layers::sources("src");
    // What the command makes is not what somebody asks the server for.
    sources.retain(|file, _| !file.starts_with("operations/demo"));
    for source in sources.into_values() {
        let lines = source.code.lines();
        for line in lines.filter_map(|line| line.strip_prefix("pub const ").filter(|line| !line.starts_with("fn "))) {
            let (name, rest) = line.split_once(": ").unwrap();
            let Some((_, value)) = rest.split_once(" = ").filter(|_| name.ends_with("_MAX")) else {
                continue;
            };
            let shown = shown(name, value.trim_end_matches(';'));
            let place = listed.iter().position(|limit| *limit == shown);
            let place =
                place.unwrap_or_else(|| panic!("{name}, which is {shown}, is not among the limits in docs/errors.md"));
            listed.swap_remove(place);
            met += 1;
        }
    }
    assert!(met > 20, "only {met} limits");
}

/// A limit as the page shows it.
fn shown(name: &str, value: &str) -> String {
    let seconds = value
        .strip_prefix("Duration::from_secs(")
        .map(|value| value.trim_end_matches(')'));
    let factors = seconds.unwrap_or(value).split(" * ");
    let number: u64 = factors
        .map(|factor| factor.replace('_', "").parse::<u64>().unwrap())
        .product();
    match number {
        minutes if seconds.is_some() && minutes % 60 == 0 => format!("{} minutes", minutes / 60),
        seconds_only if seconds.is_some() => format!("{seconds_only} seconds"),
        bytes if name.contains("BYTES") && bytes % (1024 * 1024) == 0 => format!("{} MiB", bytes / (1024 * 1024)),
        bytes if name.contains("BYTES") => format!("{} KiB", bytes / 1024),
        thousands if thousands >= 1_000 => format!("{},{:03}", thousands / 1_000, thousands % 1_000),
        few => few.to_string(),
    }
}

// The README

/// Every operation of the schema stands in the README's table of what there is, and nothing that is not.
#[test]
fn the_table_of_capabilities_is_complete() {
    let sdl = Sdl::read();
    let operations: BTreeSet<String> = ["Query", "Mutation"]
        .iter()
        .flat_map(|name| sdl.fields(name))
        .map(|field| field.name.node.to_string())
        .collect();
    let page = std::fs::read_to_string(from_top("README.md")).unwrap();
    let (_, table) = page.split_once("| capability | operations |\n").unwrap();
    let (table, after) = table.split_once("\n\n").unwrap();
    let mut shown = BTreeSet::new();
    for row in table.lines().skip(1) {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        assert!(cells.len() == 2 && cells.iter().all(|cell| !cell.is_empty()), "{row}");
        let named: Vec<String> = cells[1].split('`').skip(1).step_by(2).map(str::to_owned).collect();
        assert!(!named.is_empty(), "without an operation: {row}");
        shown.extend(named);
    }
    // Counts, connections and queries for one thing belong to their list; the sentence below the table says so.
    assert!(after.starts_with("Each list"), "{after}");
    let belongs = |name: &str| {
        let list = name.strip_suffix("Connection").map(str::to_owned);
        let list = list.or_else(|| {
            let (first, rest) = name.strip_prefix("count")?.split_at_checked(1)?;
            Some(first.to_lowercase() + rest)
        });
        list.is_some_and(|list| operations.contains(&list)) || operations.contains(&format!("{name}s"))
    };
    let missing: Vec<&String> = operations
        .iter()
        .filter(|name| !shown.contains(*name) && !belongs(name))
        .collect();
    assert!(missing.is_empty(), "not in the README's table: {missing:?}");
    let known = |name: &String| {
        let fields = sdl.types.keys().any(|ty| sdl.field(ty, name).is_some());
        // Besides operations, the fields of a type, a header, or a path.
        fields || name.starts_with("me {") || name.contains([':', '/'])
    };
    let unknown: Vec<&String> = shown.iter().filter(|name| !known(name)).collect();
    assert!(
        unknown.is_empty(),
        "in the README's table, and nowhere in the schema: {unknown:?}"
    );
}

/// Every variable is in the README's table, and every one there is read.
#[test]
fn the_table_of_variables_is_complete() {
    let variables = |text: &str| -> BTreeSet<String> {
        text.split(|c: char| !(c.is_ascii_uppercase() || c == '_'))
            .filter(|word| word.starts_with("TENANTRY_") && !word.starts_with("TENANTRY_TEST_"))
            .map(str::to_owned)
            .collect()
    };
    let listed = std::fs::read_to_string(from_top("src/services/config/arguments.rs")).unwrap();
    let page = std::fs::read_to_string(from_top("README.md")).unwrap();
    let (_, table) = page.split_once("| variable | default |").unwrap();
    let (table, _) = table.split_once("\n\n").unwrap();
    let first_cells: String = table.lines().filter_map(|row| row.split('|').nth(1)).collect();
    assert_eq!(variables(&first_cells), variables(&listed));
}
