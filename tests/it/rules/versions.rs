//! Every change of a thing that has a version can say which version it means, and is refused for any other.

use std::collections::BTreeSet;

use serde_json::json;

use super::isolation::{base_call, selection, views};
use super::{Sdl, named};
use crate::on_both;
use crate::support::App;

/// Mutations that name a user and change nothing that its version counts: they send a mail, or start a session. And the
/// one that needs the old password, which says well enough what is meant.
const WITHOUT: &[&str] = &[
    "resetPassword",
    "requestEmailVerification",
    "impersonateUser",
    "updatePassword",
    "createApiKey",
    "revokeUserApiKeys",
];

#[test]
fn every_change_of_what_has_a_version_takes_one() {
    let sdl = Sdl::read();
    let mut missing = BTreeSet::new();
    for field in sdl.fields("Mutation") {
        let name = field.name.node.as_str();
        let argument = |wanted: &str| {
            field
                .arguments
                .iter()
                .find(|argument| argument.node.name.node == wanted)
        };
        let Some(which) = argument("where") else { continue };
        let noun = named(&which.node.ty.node).trim_end_matches("Where").to_owned();
        if sdl.field(&noun, "version").is_some() && argument("expectedVersion").is_none() {
            missing.insert(name);
        }
    }
    let missing: Vec<&str> = missing.into_iter().filter(|name| !WITHOUT.contains(name)).collect();
    assert!(missing.is_empty(), "without expectedVersion: {missing:?}");
}

on_both! {
    async fn another_version_is_refused(app: App) {
        views(&app).await;
        let sdl = Sdl::read();
        let admin = app.admin();
        let before = app.dump().await;
        let mut asked = 0;
        for field in sdl.fields("Mutation") {
            let name = field.name.node.as_str();
            if !field.arguments.iter().any(|argument| argument.node.name.node == "expectedVersion") {
                continue;
            }
            let mut variables = base_call(name).unwrap();
            variables["expectedVersion"] = json!(77);
            let given = variables.as_object().unwrap().keys();
            let declared: Vec<String> = given.clone().map(|key| {
                let argument = field.arguments.iter().find(|argument| argument.node.name.node == key.as_str()).unwrap();
                format!("${key}: {}", argument.node.ty.node)
            }).collect();
            let passed: Vec<String> = given.map(|key| format!("{key}: ${key}")).collect();
            let document = format!(
                "mutation({}) {{ {name}({}){} }}", declared.join(", "), passed.join(", "), selection(&sdl, named(&field.ty.node)),
            );
            let error = admin.refusal(&document, variables).await;
            let extensions = &error["extensions"];
            assert_eq!((&extensions["code"], &extensions["reason"]), (&json!("CONFLICT"), &json!("VERSION")), "{name}: {error}");
            let current = extensions["currentVersion"].as_i64().unwrap();
            assert!((1..77).contains(&current), "{name}: {error}");
            asked += 1;
        }
        assert!(asked > 15, "only {asked}");
        assert_eq!(before, app.dump().await);
    }
}
