//! A change is for one thing, which its `where` names by what tells it apart: without such a name it is `INVALID` and
//! changes nothing, whatever else the `where` says and however few things would pass it.

use std::collections::BTreeSet;

use async_graphql::parser::types::{FieldDefinition, InputValueDefinition};
use serde_json::{Map, Value, json};

use super::isolation::{base_call, selection};
use super::{Sdl, is_list, named};
use crate::on_both;
use crate::support::App;

/// The fields of a `where` that tell a thing apart.
fn names(ty: &str) -> &'static [&'static str] {
    match ty {
        "UserWhere" => &["id", "email"],
        "GroupWhere" => &["id", "key"],
        "ApiKeyWhere" => &["id", "name", "key"],
        _ => &["id"],
    }
}

/// Changes of many things, which `where` describes.
const OF_MANY: [&str; 1] = ["revokeSessions"];

/// A value of an input field that tests something and that many things pass.
fn passes(sdl: &Sdl, field: &InputValueDefinition) -> Value {
    let ty = named(&field.ty.node);
    let name = field.name.node.as_str();
    let one = match ty {
        "Boolean" => json!(true),
        "Int" => json!(1),
        "InvitationState" => json!("PENDING"),
        "UserKind" => json!("SERVICE"),
        "RoleScope" => json!("ORGANIZATION"),
        "LadderRole" => json!("USER"),
        "DateTime" => json!("9999-01-01T00:00:00Z"),
        _ if sdl.is_input(ty) && name == "NOT" => json!({ "id": "nobody" }),
        _ if sdl.is_input(ty) => json!({ "NOT": { "id": "nobody" } }),
        _ => json!(""),
    };
    if is_list(&field.ty.node) { json!([one]) } else { one }
}

/// Each `where` of this type that names nothing.
fn nameless(sdl: &Sdl, ty: &str, base: &Value) -> Vec<(String, Value)> {
    let fields = sdl.input_fields(ty);
    let null = |name: &str| (name.to_owned(), Value::Null);
    let nulls: Map<String, Value> = fields.iter().map(|field| null(field.name.node.as_str())).collect();
    let mut found = vec![
        ("nothing".to_owned(), json!({})),
        ("nulls".to_owned(), Value::Object(nulls)),
        ("nulls in AND".to_owned(), json!({ "AND": [{ "id": null }, {}] })),
    ];
    // The very thing, but not by its name.
    for join in ["AND", "OR"] {
        found.push((format!("{join} of the name"), json!({ join: [base] })));
    }
    found.push(("idIn".to_owned(), json!({ "idIn": base.get("id") })));
    for field in fields {
        let name = field.name.node.as_str();
        if !names(ty).contains(&name) {
            found.push((name.to_owned(), json!({ name: passes(sdl, field), "id": null })));
        }
    }
    found
}

/// The document with all arguments that a base call gives, by variables.
fn document(sdl: &Sdl, field: &FieldDefinition, base: &Value) -> String {
    let name = field.name.node.as_str();
    let given = |key: &String| {
        field
            .arguments
            .iter()
            .find(|argument| argument.node.name.node == key.as_str())
    };
    let keys = base.as_object().unwrap().keys();
    let declared: Vec<String> = keys
        .clone()
        .map(|key| format!("${key}: {}", given(key).unwrap().node.ty.node))
        .collect();
    let arguments: Vec<String> = keys.map(|key| format!("{key}: ${key}")).collect();
    let selection = selection(sdl, named(&field.ty.node));
    format!(
        "mutation({}) {{ {name}({}){selection} }}",
        declared.join(", "),
        arguments.join(", ")
    )
}

on_both! {
    async fn every_change_names_one_thing(app: App) {
        app.organization("acme", &["acme-berlin"]).await;
        app.user("acme", "acme-bob", None).await;
        let sdl = Sdl::read();
        let caller = app.admin();
        let mut asked = BTreeSet::new();
        // The key that signs tokens is made when it is first needed.
        let sign_in = "mutation($data: SignInData!) { signIn(data: $data) { expiresIn } }";
        let data = json!({ "email": "acme-bob@acme.example", "password": "password-of-acme-bob" });
        app.anonymous().ok(sign_in, json!({ "data": data })).await;
        let before = app.dump().await;
        for field in sdl.fields("Mutation") {
            let name = field.name.node.as_str();
            if OF_MANY.contains(&name) {
                continue;
            }
            let wheres: Vec<&InputValueDefinition> = field
                .arguments
                .iter()
                .map(|argument| &argument.node)
                .filter(|argument| named(&argument.ty.node).ends_with("Where"))
                .collect();
            for argument in wheres {
                let base = base_call(name).unwrap_or_else(|| panic!("{name} has no base call"));
                let key = argument.name.node.as_str();
                let document = document(&sdl, field, &base);
                for (what, nameless) in nameless(&sdl, named(&argument.ty.node), &base[key]) {
                    let mut variables = base.clone();
                    variables[key] = nameless;
                    let error = caller.refusal(&document, variables).await;
                    let told = error["message"].as_str().unwrap();
                    assert_eq!(error["extensions"]["code"], "INVALID", "{name}, {key}, {what}: {error}");
                    assert_eq!(error["extensions"]["field"], key, "{name}, {key}, {what}: {error}");
                    assert!(told.contains(&format!("'{key}' must identify exactly one")), "{name}, {key}, {what}: {told}");
                }
                // A variable in the document that the caller leaves out.
                let literal = document
                    .replace(&format!("{key}: ${key}"), &format!("{key}: {{id: $left_out}}"))
                    .replace(&format!("${key}: {}", argument.ty.node), "$left_out: ID");
                let error = caller.refusal(&literal, base).await;
                assert_eq!(error["extensions"]["code"], "INVALID", "{literal}: {error}");
                asked.insert(format!("{name}.{key}"));
            }
        }
        assert_eq!(before, app.dump().await, "a change that names nothing changed something");
        for expected in ["rotateApiKey.where", "createApiKey.user", "revokeUserApiKeys.where", "deleteUser.where", "addUserToGroup.user", "revokeSession.where", "requestEmailVerification.where"] {
            assert!(asked.contains(expected), "{expected} is not among {asked:?}");
        }
    }

    /// A relation full of nulls is none: a group's key alone is that of the caller's own organization.
    async fn null_says_nothing_of_where_a_thing_is(app: App) {
        app.organization("acme", &[]).await;
        let admin = app.admin();
        let create = "mutation($data: CreateGroupData!) { createGroup(data: $data) { organizationId } }";
        admin.ok(create, json!({ "data": { "name": "editors", "organizationId": "acme" } })).await;
        let update = "mutation($where: GroupWhere!) { updateGroup(where: $where, data: {description: \"ours\"}) { organizationId } }";
        for nothing in [json!(null), json!({}), json!({ "id": null }), json!({ "AND": [{ "name": null }] })] {
            let named = json!({ "where": { "key": "EDITORS", "organization": nothing } });
            assert_eq!(admin.refused(update, named.clone()).await, "NOT_FOUND", "{nothing}");
        }
        admin.ok(create, json!({ "data": { "name": "editors" } })).await;
        for (organization, expected) in [(json!({ "id": null }), "platform"), (json!({ "id": "acme" }), "acme")] {
            let named = json!({ "where": { "key": "EDITORS", "organization": organization } });
            assert_eq!(admin.ok(update, named).await["updateGroup"]["organizationId"], expected);
        }
    }

    /// What is told of a thing that is not found is true: both names, and that more was asked than the name.
    async fn what_is_not_found_is_told_truly(app: App) {
        app.organization("acme", &[]).await;
        app.user("acme", "ann", None).await;
        let deactivate = "mutation($where: UserWhere!) { deactivateUser(where: $where) { id } }";
        for (named, told) in [
            (json!({ "id": "bob" }), "No user has the id 'bob'."),
            (json!({ "email": "bob@acme.example" }), "No user has the e-mail address 'bob@acme.example'."),
            (
                json!({ "id": "ann", "email": "admin@platform.invalid" }),
                "No user has the id 'ann' and the e-mail address 'admin@platform.invalid'.",
            ),
            (
                json!({ "id": "ann", "activated": false }),
                "No user that matches the other conditions of 'where' has the id 'ann'.",
            ),
        ] {
            let error = app.admin().refusal(deactivate, json!({ "where": named })).await;
            assert_eq!(error["message"], format!("{told}"));
        }
    }
}
