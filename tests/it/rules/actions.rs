//! Every field has one name in the audit trail, whether what it does was done or denied.

use serde_json::json;
use tenantry::graphql::action_of;

use super::Sdl;
use super::refusals::{CASES, field_of, fill};
use crate::on_both;
use crate::support::App;
use crate::support::session::code_of;

/// Mutations that an API key cannot make.
const IN_SESSIONS: [&str; 3] = ["changeMyEmail", "updateMyPassword", "signOut"];

/// Mutations that take more than a document to succeed, and where they do.
const ELSEWHERE: &[(&str, &str)] = &[("switchAccount", "audit_names"), ("revokeUserApiKeys", "audit_names")];

#[test]
fn every_field_has_a_name() {
    let sdl = Sdl::read();
    for (root, reads) in [("Query", true), ("Mutation", false)] {
        for field in sdl.fields(root) {
            let name = field.name.node.as_str();
            let action = action_of(name);
            assert_ne!(
                action, "request.unknown",
                "{name}: give it a name in src/graphql/action.rs"
            );
            assert_eq!(action.ends_with(".read"), reads, "{name}: {action}");
        }
    }
    assert_eq!(action_of("nothing"), "request.unknown");
}

on_both! {
    async fn what_is_done_and_what_is_denied_have_one_name(app: App) {
        app.organization("acme", &["berlin"]).await;
        let boss = app.user("acme", "the-super-admin", Some("super-admin")).await;
        let nobody = app.user("acme", "no-role", None).await;
        let latest = "SELECT MAX(pk) FROM audit_events";
        let (mut done, mut denied) = (0, 0);
        let sdl = Sdl::read();
        for (number, field) in sdl.fields("Mutation").into_iter().enumerate() {
            let name = field.name.node.as_str();
            let (_, document) = CASES.iter().find(|(case, _)| field_of(case) == name).unwrap();
            // The case asks for nobody, so that nothing is looked up.
            let document = match name {
                "requestPasswordReset" => document.replace("$new@", "$user@"),
                _ => document.to_string(),
            };
            if !ELSEWHERE.iter().any(|(apart, _)| *apart == name) {
                let own = format!("boss-{number}");
                let (me, caller) = match IN_SESSIONS.contains(&name) {
                    true => {
                        app.user("acme", &own, Some("super-admin")).await;
                        (own.as_str(), app.key(app.sign_in("acme", &own).await.access))
                    }
                    false => ("the-super-admin", boss.clone()),
                };
                let filled = fill(&app, &document, Some(me), 2 * number, true).await;
                // Each finds something to change.
                match name {
                    "activateUser" => {
                        let deactivate = filled.document.replace("activateUser", "deactivateUser");
                        caller.ok(&deactivate, json!({})).await;
                    }
                    "revokeUserApiKeys" => {
                        app.key_of(&format!("user-{}", 2 * number)).await;
                    }
                    _ => {}
                }
                let before = app.number(latest).await;
                caller.ok(&filled.document, json!({})).await;
                app.send_mails().await;
                let told: Vec<String> = app.column(&format!("SELECT action FROM audit_events WHERE pk > {before}")).await;
                assert!(told.iter().any(|action| action == action_of(name)), "{name}: {told:?}");
                done += 1;
            }
            let filled = fill(&app, &document, Some("no-role"), 2 * number + 1, true).await;
            if code_of(&nobody.send(&filled.document, json!({})).await) != "FORBIDDEN" {
                continue;
            }
            denied += 1;
            let before = app.number(latest).await;
            app.services.refusals.flush(&app.services.db, app.services.clock.now(), true).await.unwrap();
            let told: Vec<String> = app.column(&format!("SELECT action FROM audit_events WHERE pk > {before}")).await;
            assert_eq!(told, [action_of(name)], "{name}");
        }
        assert!(done > 40 && denied > 25, "{done} {denied}");
    }
}
