//! Every mutation can be sent again with its `Idempotency-Key`, and then changes nothing; or refuses the key.

use std::collections::BTreeSet;

use serde_json::json;

use super::refusals::{CASES, PUBLIC, field_of, fill};
use super::{Sdl, named};
use crate::idempotency::{keyed, reason};
use crate::on_both;
use crate::support::App;

/// Fields with these names have a secret.
const SECRETS: [&str; 4] = ["accessToken", "password", "refreshToken", "secret"];
/// It needs two accounts of one person, whose password was set by email; here it is refused, and keeps nothing.
const NOT_SHOWN: &str = "switchAccount";
/// Anybody may call it with a temporary password; with a credential, it acts for its caller.
const FOR_BOTH: &str = "updatePassword";

/// Every row of what a mutation changes.
async fn kept(app: &App) -> String {
    app.settle().await;
    app.dump().await
}

on_both! {
    async fn every_mutation_runs_once(app: App) {
        app.organization("acme", &["berlin"]).await;
        let sdl = Sdl::read();
        let mut refuse_the_key = BTreeSet::new();
        let mut run = BTreeSet::new();
        let mutations = CASES.iter().filter(|(_, document)| document.starts_with("mutation"));
        for (number, (case, document)) in mutations.enumerate() {
            let field = field_of(case);
            let me = format!("boss-{number}");
            let caller = app.user("acme", &me, Some("super-admin")).await;
            let tokens = match field {
                "signOut" | "switchAccount" | "changeMyEmail" | "updateMyPassword" => Some(app.sign_in("acme", &me).await),
                _ => None,
            };
            let caller = tokens.as_ref().map_or(caller, |tokens| app.key(&tokens.access));
            let document = fill(&app, document, Some(&me), number, true).await.document;
            let before = kept(&app).await;
            let first = keyed(&caller, "the key", &document, json!({})).await;
            if first.get("errors").is_some() {
                assert_eq!(kept(&app).await, before, "{case}: {first}");
                if first["errors"][0]["extensions"]["field"] == "idempotencyKey" {
                    refuse_the_key.insert(field);
                }
                continue;
            }
            run.insert(field);
            let before = kept(&app).await;
            let latest = "SELECT COALESCE(answer, '') FROM answered_requests ORDER BY created_at DESC LIMIT 1";
            let is_kept = app.column::<String>(latest).await.iter().any(|answer| !answer.is_empty());
            let result = named(&sdl.field("Mutation", field).unwrap().ty.node);
            let has_secret = sdl.fields(result).iter().any(|field| SECRETS.contains(&field.name.node.as_str()));
            assert!(!(has_secret && is_kept), "{case}: the answer has a secret and is kept");
            let again = keyed(&caller, "the key", &document, json!({})).await;
            assert_eq!(kept(&app).await, before, "{case} has run twice");
            // The caller may have ended its own credential.
            let is_over = reason(&again).0 == "UNAUTHENTICATED";
            let expected = if is_kept { again == first } else { reason(&again) == ("CONFLICT", "DONE") };
            assert!(expected || is_over, "{case}: {first}\n{again}");
            app.services.clock.advance(std::time::Duration::from_secs(1));
        }
        let public: BTreeSet<&str> = PUBLIC.iter().map(|(case, _)| field_of(case)).collect();
        let mutations: BTreeSet<String> = sdl.fields("Mutation").iter().map(|field| field.name.node.to_string()).collect();
        for field in mutations.iter().map(String::as_str) {
            let for_anybody = public.contains(field) && field != FOR_BOTH;
            assert_eq!(refuse_the_key.contains(field), for_anybody, "{field}");
            assert_eq!(!for_anybody && field != NOT_SHOWN, run.contains(field), "{field}");
        }
    }
}
