//! What is wrong with a value is told by where it stands: `extensions.field` is the argument and the way in it, as in
//! `data.email`, whoever finds it wrong: the coercion of variables, the validation of the document, or a verb.

use std::collections::BTreeSet;

use async_graphql::parser::types::{InputValueDefinition, TypeKind};
use serde_json::{Value, json};

use super::isolation::{base_call, in_sight};
use super::{Sdl, is_list, named};
use crate::on_both;
use crate::support::{App, Caller};

/// A field of an input, or an argument: its way from the argument on, and its definition.
struct Leaf<'a> {
    path: Vec<String>,
    definition: &'a InputValueDefinition,
}

/// All that is within an argument, down to inputs within its input.
fn leaves<'a>(sdl: &'a Sdl, definition: &'a InputValueDefinition, path: Vec<String>, found: &mut Vec<Leaf<'a>>) {
    let ty = named(&definition.ty.node);
    if sdl.is_input(ty) && path.len() < 3 && !["AND", "OR", "NOT"].contains(&definition.name.node.as_str()) {
        for field in sdl.input_fields(ty) {
            let mut below = path.clone();
            if is_list(&definition.ty.node) {
                below.push("0".to_owned());
            }
            below.push(field.name.node.to_string());
            leaves(sdl, field, below, found);
        }
    }
    found.push(Leaf { path, definition });
}

/// A value that can never be of this type.
fn impossible(sdl: &Sdl, ty: &str) -> Option<Value> {
    Some(match ty {
        "JSON" => return None,
        "DateTime" => json!("yesterday"),
        "ID" | "Int" | "PageSize" | "Boolean" => json!("x").as_str().map_or(json!([]), |text| match ty {
            "ID" => json!(1.5),
            _ => json!(text),
        }),
        _ if matches!(sdl.types.get(ty).map(|ty| &ty.kind), Some(TypeKind::Enum(_))) => json!("NOTHING"),
        _ => json!(7),
    })
}

/// The base with a value put in at a path.
fn with(base: &Value, path: &[String], value: Value) -> Value {
    let below_federated = path.iter().any(|step| step == "federatedIdentities");
    let below_tenant_roles = path.iter().any(|step| step == "tenantRoles");
    let mut all = base.clone();
    let mut at = &mut all;
    for step in path {
        at = match step.parse::<usize>() {
            Ok(_) => {
                // Its fields are required.
                if !at.is_array() {
                    *at = match (below_federated, below_tenant_roles) {
                        (true, _) => json!([{"identityProvider": "google", "userId": "1", "userName": "g"}]),
                        (_, true) => json!([{"role": "user", "tenant": "berlin"}]),
                        _ => json!([{}]),
                    };
                }
                &mut at[0]
            }
            Err(_) => {
                if !at.is_object() {
                    *at = json!({});
                }
                &mut at[step.as_str()]
            }
        };
    }
    *at = value;
    all
}

/// A call of a field with all its arguments by variables, whose names begin so.
fn document(sdl: &Sdl, root: &str, field: &str, given: &Value, prefix: &str) -> String {
    let definition = sdl.field(root, field).unwrap();
    let arguments: Vec<&InputValueDefinition> = definition
        .arguments
        .iter()
        .map(|argument| &argument.node)
        .filter(|argument| given.get(argument.name.node.as_str()).is_some())
        .collect();
    let declared: Vec<String> = arguments
        .iter()
        .map(|a| format!("${prefix}{}: {}", a.name.node, a.ty.node))
        .collect();
    let passed: Vec<String> = arguments
        .iter()
        .map(|a| format!("{}: ${prefix}{}", a.name.node, a.name.node))
        .collect();
    let selection = if sdl.is_interface(named(&definition.ty.node)) || sdl.is_object(named(&definition.ty.node)) {
        "{ __typename }"
    } else {
        ""
    };
    format!(
        "{}({}) {{ {field}({}) {selection} }}",
        root.to_lowercase(),
        declared.join(" "),
        passed.join(" ")
    )
}

fn prefixed(given: &Value, prefix: &str) -> Value {
    let members = given.as_object().unwrap().iter();
    Value::Object(
        members
            .map(|(name, value)| (format!("{prefix}{name}"), value.clone()))
            .collect(),
    )
}

async fn error(caller: &Caller<'_>, document: &str, variables: Value) -> Value {
    caller.send(document, variables).await["errors"][0].clone()
}

/// Every call there is, with arguments that are right.
fn calls(sdl: &Sdl) -> Vec<(&'static str, String, Value)> {
    let queries = sdl
        .fields("Query")
        .into_iter()
        .map(|field| match field.name.node.as_str() {
            "outsiders" => ("Query", "outsiders".to_owned(), json!({ "tenant": "berlin" })),
            "node" => ("Query", "node".to_owned(), json!({ "nodeId": "VXNlcjphZG1pbg" })),
            "can" => ("Query", "can".to_owned(), json!({ "permissions": ["read:user"] })),
            "check" => {
                let data = json!([{ "userId": "nobody", "permission": "read:user" }]);
                ("Query", "check".to_owned(), json!({ "data": data }))
            }
            "accessExplanation" => {
                let given = json!({ "user": { "id": "admin" }, "permission": "read:user" });
                ("Query", "accessExplanation".to_owned(), given)
            }
            name if in_sight(name).is_some() => ("Query", name.to_owned(), json!({ "where": { "id": "nobody" } })),
            name => ("Query", name.to_owned(), json!({})),
        });
    let mutations = sdl.fields("Mutation").into_iter().map(|field| {
        let name = field.name.node.to_string();
        let base = base_call(&name).unwrap_or_else(|| panic!("{name} has no call"));
        ("Mutation", name, base)
    });
    queries.chain(mutations).collect()
}

on_both! {
    async fn a_value_of_another_type_is_named(app: App) {
        let sdl = Sdl::read();
        let admin = app.admin();
        let mut seen = 0;
        for (root, name, base) in calls(&sdl) {
            let mut found = Vec::new();
            for argument in &sdl.field(root, &name).unwrap().arguments {
                leaves(&sdl, &argument.node, vec![argument.node.name.node.to_string()], &mut found);
            }
            for leaf in found {
                let path = leaf.path.join(".");
                let Some(value) = impossible(&sdl, named(&leaf.definition.ty.node)) else { continue };
                let given = with(&base, &leaf.path, value);
                for prefix in ["", "other_"] {
                    let error = error(&admin, &document(&sdl, root, &name, &given, prefix), prefixed(&given, prefix)).await;
                    assert_eq!(error["extensions"], json!({"code": "INVALID", "field": path}), "{name}: {given} {error}");
                    let message = error["message"].as_str().unwrap();
                    assert!(message.starts_with(&format!("'{path}' must be ")) && message.ends_with('.'), "{message}");
                    seen += 1;
                }
                if sdl.is_input(named(&leaf.definition.ty.node)) && leaf.path.len() < 3 {
                    let mut below = leaf.path.clone();
                    if is_list(&leaf.definition.ty.node) {
                        below.push("0".to_owned());
                    }
                    below.push("nothing".to_owned());
                    let given = with(&base, &below, json!(1));
                    let error = error(&admin, &document(&sdl, root, &name, &given, ""), given.clone()).await;
                    let fields = [json!(below.join("."))];
                    assert!(fields.contains(&error["extensions"]["field"]) || error["message"].as_str().unwrap().contains("missing"), "{name}: {given} {error}");
                }
            }
        }
        assert!(seen > 1_000, "only {seen} values were tried");
    }

    /// What verbs find wrong: each text of a `data` in turn.
    async fn a_value_that_a_verb_refuses_is_named(app: App) {
        app.organization("acme", &["berlin"]).await;
        app.user("acme", "acme-bob", None).await;
        let sdl = Sdl::read();
        let admin = app.admin();
        let mut named_exactly = BTreeSet::new();
        for (root, name, base) in calls(&sdl) {
            if root == "Query" { continue }
            let mut found = Vec::new();
            for argument in &sdl.field(root, &name).unwrap().arguments {
                leaves(&sdl, &argument.node, vec![argument.node.name.node.to_string()], &mut found);
            }
            let arguments: Vec<String> = sdl.field(root, &name).unwrap().arguments.iter().map(|a| a.node.name.node.to_string()).collect();
            for leaf in found {
                let path = leaf.path.join(".");
                let bad = match named(&leaf.definition.ty.node) {
                    "String" | "ID" => json!(format!("a\u{7}b{}", "x".repeat(3_000))),
                    "Int" => json!(-2_000_000_000),
                    "JSON" => json!([1]),
                    "DateTime" => json!("1971-01-01T00:00:00Z"),
                    _ => continue,
                };
                let bad = if is_list(&leaf.definition.ty.node) { json!([bad]) } else { bad };
                let given = with(&base, &leaf.path, bad);
                let error = error(&admin, &document(&sdl, root, &name, &given, ""), given.clone()).await;
                let Some(field) = error["extensions"]["field"].as_str() else { continue };
                assert_eq!(error["extensions"]["code"], "INVALID");
                let first = field.split('.').next().unwrap();
                assert!(arguments.iter().any(|argument| argument == first), "{name}: '{field}' is no argument: {error}");
                if path.starts_with(field) {
                    named_exactly.insert(format!("{name} {field}"));
                }
            }
        }
        for expected in [
            "createOrganization data.id", "createOrganization data.variables", "createOrganization data.seatLimit", "createUser data.email",
            "createUser data.password", "createUser data.federatedIdentities.0.userId", "updatePropertiesInUser data.firstname", "createApiKey data.description",
            "createApiKey data.expiryDate", "createGroup data.name", "updateTenant data.name", "inviteUser data.expiryDate", "impersonateUser reason",
            "impersonateUser lifetimeSeconds", "rotateApiKey overlapSeconds", "updatePassword data.newPassword2", "updateSettings updated",
        ] {
            assert!(named_exactly.contains(expected), "{expected} is not among {named_exactly:#?}");
        }
    }
}
