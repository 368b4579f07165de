//! Whatever an update sets and that may be empty can be emptied: by `clear`, for null in `data` is "not given".

use std::collections::BTreeSet;

use async_graphql::parser::types::{FieldDefinition, TypeKind};
use serde_json::{Value, json};

use super::{Sdl, is_list, named};
use crate::on_both;
use crate::support::App;

/// Fields of updates that are null for somebody and cannot be cleared, and why.
const NOT_CLEARED: &[(&str, &str, &str)] = &[
    (
        "updateOrganizationSettings",
        "confirmEmailChanges",
        "always has a value; null for those who may not read it",
    ),
    (
        "updateOrganization",
        "mailAllowed",
        "always has a value; null for those who may not read it",
    ),
    (
        "updateOrganization",
        "accountSwitching",
        "always has a value; null for those who may not read it",
    ),
    (
        "updateOrganization",
        "confirmEmailChanges",
        "always has a value; null for those who may not read it",
    ),
    (
        "updatePropertiesInUser",
        "organizationRole",
        "a view of the roles, which a list replaces",
    ),
];

/// Each mutation that changes fields by `data` of what it is `where` for.
fn updates(sdl: &Sdl) -> Vec<&FieldDefinition> {
    let takes =
        |field: &FieldDefinition, name: &str| field.arguments.iter().any(|argument| argument.node.name.node == name);
    sdl.fields("Mutation")
        .into_iter()
        .filter(|field| takes(field, "expectedVersion") && takes(field, "data") && takes(field, "where"))
        .collect()
}

/// The words of its `clear`, each with the field that it empties.
fn clearable(sdl: &Sdl, field: &FieldDefinition) -> Vec<(String, String)> {
    let argument = field
        .arguments
        .iter()
        .find(|argument| argument.node.name.node == "clear");
    // Where nothing can be empty.
    let Some(argument) = argument else { return Vec::new() };
    let TypeKind::Enum(words) = &sdl.types[named(&argument.node.ty.node)].kind else {
        panic!("'clear' of {} is no enum", field.name.node);
    };
    let words = words.values.iter().map(|word| word.node.value.node.to_string());
    words.map(|word| (word.clone(), field_of(&word))).collect()
}

/// `SEAT_LIMIT` → `seatLimit`. A tenant is set by its id.
fn field_of(word: &str) -> String {
    if word == "TENANT" {
        return "tenantId".to_owned();
    }
    let mut parts = word.split('_').map(str::to_lowercase);
    let first = parts.next().unwrap();
    parts.fold(first, |name, part| name + &part[..1].to_uppercase() + &part[1..])
}

/// A value that a field can be given.
fn value_of(field: &str) -> Value {
    match field {
        "seatLimit" => json!(50),
        "variables" => json!({ "a": 1 }),
        "email" => json!("full@acme.example"),
        "tenantId" => json!("berlin"),
        "resourceServerId" => json!("default"),
        "description" | "productName" | "name" | "firstname" | "lastname" | "userName" | "externalId" => {
            json!(format!("a {field}"))
        }
        _ => panic!("give {field} a value"),
    }
}

#[test]
fn what_may_be_empty_can_be_cleared() {
    let sdl = Sdl::read();
    let updates = updates(&sdl);
    assert!(updates.len() >= 5, "{}", updates.len());
    for field in updates {
        let words: BTreeSet<String> = clearable(&sdl, field).into_iter().map(|(_, name)| name).collect();
        let name = field.name.node.as_str();
        let data = field
            .arguments
            .iter()
            .find(|argument| argument.node.name.node == "data")
            .unwrap();
        let thing = named(&field.ty.node);
        for input in sdl.input_fields(named(&data.node.ty.node)) {
            let set = input.name.node.as_str();
            let Some(shown) = sdl.field(thing, set) else { continue };
            let excepted = NOT_CLEARED.iter().any(|(of, but, _)| *of == name && *but == set);
            let may_be_empty = shown.ty.node.nullable && !is_list(&shown.ty.node);
            assert!(!excepted || !words.contains(set), "{name}.{set} needs no exception");
            assert!(
                !may_be_empty || excepted || words.contains(set),
                "{name} cannot clear {set}"
            );
        }
        let settable: BTreeSet<&str> = sdl
            .input_fields(named(&data.node.ty.node))
            .into_iter()
            .map(|input| input.name.node.as_str())
            .collect();
        assert!(
            words.iter().all(|word| settable.contains(word.as_str())),
            "{name} clears what it does not set"
        );
    }
}

on_both! {
    async fn every_field_is_cleared_by_its_word(app: App) {
        app.organization("acme", &["berlin"]).await;
        let admin = app.admin();
        let helper = app.user("acme", "helper", Some("team-manager")).await;
        app.user("acme", "full", None).await;
        admin.ok("mutation { createGroup(data: {name: \"full\"}) { id } }", json!({})).await;
        let role = admin.ok("mutation { createRole(data: {name: \"full\"}) { id } }", json!({})).await["createRole"]["id"].clone();
        admin.ok("mutation { createPermission(data: {name: \"full:permission\"}) { id } }", json!({})).await;
        let sdl = Sdl::read();
        let mut cleared = 0;
        for field in updates(&sdl) {
            let name = field.name.node.as_str();
            if clearable(&sdl, field).is_empty() {
                continue;
            }
            let which = match name {
                "updateOrganization" | "updateOrganizationSettings" => json!({ "id": "acme" }),
                "updateTenant" => json!({ "id": "berlin" }),
                "updatePropertiesInUser" => json!({ "id": "full" }),
                "updateGroup" => json!({ "key": "FULL" }),
                "updateRole" => json!({ "id": role }),
                "updatePermission" => json!({ "id": "full:permission" }),
                _ => panic!("say what {name} is for"),
            };
            let ty = |of: &str| field.arguments.iter().find(|argument| argument.node.name.node == of).unwrap().node.ty.node.to_string();
            let (of, data, clear) = (ty("where"), ty("data"), ty("clear"));
            for (word, emptied) in clearable(&sdl, field) {
                let document = format!("mutation($where: {of}, $data: {data}, $clear: {clear}) {{ {name}(where: $where, data: $data, clear: $clear) {{ id version {emptied} }} }}");
                let ask = |data: Value, clear: Value| json!({ "where": which, "data": data, "clear": clear });
                let full = admin.ok(&document, ask(json!({ emptied.as_str(): value_of(&emptied) }), Value::Null)).await[name].clone();
                assert_eq!(full[&emptied], value_of(&emptied), "{name} {word}");

                // Both is a mistake; it is never guessed which.
                let both = ask(json!({ emptied.as_str(): value_of(&emptied) }), json!([word]));
                assert_eq!(admin.refused(&document, both.clone()).await, "INVALID", "{name} {word}");
                assert_eq!(admin.refusal(&document, both).await["extensions"]["field"], "clear");
                // Who may not set it may not clear it.
                let code = helper.refused(&document, ask(json!({}), json!([word]))).await;
                assert!(["FORBIDDEN", "NOT_FOUND"].contains(&code.as_str()), "{name} {word}: {code}");
                // null is "not given", in `clear` as in `data`.
                let nothing = admin.ok(&document, ask(json!({ emptied.as_str(): null }), Value::Null)).await[name].clone();
                assert_eq!(nothing, full, "{name} {word}");

                let changed = admin.ok(&document, ask(json!({ emptied.as_str(): null }), json!([word, word]))).await[name].clone();
                assert_ne!(changed[&emptied], full[&emptied], "{name} {word}");
                // A display name and a user name are never empty.
                assert!(changed[&emptied].is_null() || ["name", "userName"].contains(&emptied.as_str()), "{name} {word}: {changed}");
                assert_eq!(changed["version"], full["version"].as_i64().unwrap() + 1);
                // Not by the list of events, which waits for transactions of other tests on the same server.
                let last = "SELECT fields FROM audit_events WHERE pk = (SELECT MAX(pk) FROM audit_events)";
                assert_eq!(app.column::<String>(last).await, [emptied.as_str()], "{name} {word}");
                // What is empty already does not change again.
                let before = app.dump().await;
                assert_eq!(admin.ok(&document, ask(json!({}), json!([word]))).await[name], changed);
                assert!(before == app.dump().await, "{name} {word} changed something that was empty");
                cleared += 1;
            }
        }
        assert!(cleared >= 12, "only {cleared} fields");
    }
}
