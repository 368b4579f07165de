//! Impersonation: by header and by session; who may be whom, and when it ends.

use std::time::Duration;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use sea_orm::{ConnectionTrait, Statement};
use serde_json::{Value, json};

use crate::on_both;
use crate::support::session::{TOKENS, Tokens, With, code_of, send_with};
use crate::support::{App, Caller};

/// Acme with two administrators and a user, and another organization with a user.
async fn world(app: &App) {
    app.organization("acme", &[]).await;
    app.organization("other", &[]).await;
    app.user("acme", "ada", Some("organization-admin")).await;
    app.user("acme", "eve", Some("organization-admin")).await;
    app.user("acme", "ann", Some("api-user")).await;
    app.user("other", "olaf", Some("user")).await;
}

async fn as_user(caller: &Caller<'_>, id: &str, document: &str) -> Value {
    as_bytes(caller, &[id.as_bytes()], document).await
}

async fn as_bytes(caller: &Caller<'_>, ids: &[&[u8]], document: &str) -> Value {
    let with = With {
        impersonate: ids.to_vec(),
        ..With::default()
    };
    send_with(caller, with, document, json!({})).await.json()
}

async fn impersonate(caller: &Caller<'_>, id: &str) -> Value {
    let document =
        format!("mutation($id: ID) {{ impersonateUser(where: {{id: $id}}, reason: \"ticket 7\") {{ {TOKENS} }} }}");
    caller.send(&document, json!({ "id": id })).await
}

async fn begun(caller: &Caller<'_>, id: &str) -> Tokens {
    let answer = impersonate(caller, id).await;
    assert!(answer.get("errors").is_none(), "{answer:#}");
    Tokens::of(&answer["data"]["impersonateUser"])
}

async fn events(app: &App, action: &str) -> Vec<(Option<String>, Option<String>)> {
    let db = &app.services.db;
    let sql = format!("SELECT actor_id, impersonator_id FROM audit_events WHERE action = '{action}' ORDER BY pk");
    let rows = db
        .reader()
        .query_all_raw(Statement::from_string(db.backend(), sql))
        .await
        .unwrap();
    rows.iter()
        .map(|row| {
            (
                row.try_get("", "actor_id").unwrap(),
                row.try_get("", "impersonator_id").unwrap(),
            )
        })
        .collect()
}

const ME: &str = "{ me { id } }";
const CREATE: &str = "mutation { createUser(data: {id: \"new\"}) { id } }";

on_both! {
    async fn inside_everything_is_the_targets_alone(app: App) {
        world(&app).await;
        let ada = app.key_of("ada").await;
        let inside = as_user(&ada, "ann", "{ me { id permissions } users { id } apiKeys { userId } }").await;
        assert_eq!(inside["data"]["me"]["id"], "ann");
        assert_eq!(inside["data"]["users"], json!([{"id": "ann"}]), "no more than ann sees");
        assert!(inside["data"]["apiKeys"].as_array().unwrap().iter().all(|key| key["userId"] == "ann"));
        let before = app.dump().await;
        assert_eq!(code_of(&as_user(&ada, "ann", CREATE).await), "FORBIDDEN");
        assert_eq!(app.dump().await, before);
        // A key made inside is an ordinary key of the target's, and outlives the impersonation.
        let made = as_user(&ada, "ann", "mutation { createApiKey(data: {name: \"by ada\"}) { secret } }").await;
        let secret = made["data"]["createApiKey"]["secret"].as_str().unwrap();
        assert_eq!(app.who(secret).await.as_deref(), Some("ann"));
        let trail = events(&app, "apiKey.create").await;
        assert_eq!(trail.last().unwrap(), &(Some("ann".to_owned()), Some("ada".to_owned())), "the trail names both");
        assert_eq!(ada.ok(ME, json!({})).await["me"]["id"], "ada", "without the header nothing stays");
    }

    async fn who_may_be_whom(app: App) {
        world(&app).await;
        let (ada, eve, ann) = (app.key_of("ada").await, app.key_of("eve").await, app.key_of("ann").await);
        app.admin().ok("mutation { deactivateUser(where: {id: \"eve\"}) { id } }", json!({})).await;
        app.user("acme", "gone", Some("user")).await;
        app.admin().ok("mutation { deleteUser(where: {id: \"gone\"}) { id } }", json!({})).await;
        app.user("acme", "root", Some("super-admin")).await;
        app.user("acme", "bea", Some("organization-admin")).await;
        let cases = [
            // Without the right it is one answer, whoever is named.
            (&ann, "ada", "FORBIDDEN"), (&ann, "ann", "FORBIDDEN"), (&ann, "nobody", "FORBIDDEN"), (&ann, "olaf", "FORBIDDEN"),
            (&ada, "ann", "OK"), (&ada, "bea", "OK"), (&ada, "ada", "FORBIDDEN"),
            (&ada, "olaf", "NOT_FOUND"), (&ada, "nobody", "NOT_FOUND"), (&ada, "gone", "NOT_FOUND"), (&ada, "admin", "NOT_FOUND"),
            (&ada, "root", "FORBIDDEN"), (&ada, "eve", "FORBIDDEN"),
            (&app.admin(), "olaf", "OK"), (&app.admin(), "root", "OK"), (&app.admin(), "nobody", "NOT_FOUND"),
            (&app.admin(), "eve", "FORBIDDEN"), (&app.anonymous(), "ann", "UNAUTHENTICATED"), (&eve, "ann", "UNAUTHENTICATED"),
        ];
        for (caller, id, code) in cases {
            let before = app.dump().await;
            let answer = as_user(caller, id, ME).await;
            assert_eq!(code_of(&answer), code, "header {:?} {id}", caller.key);
            assert_eq!(app.dump().await, before);
            let answer = impersonate(caller, id).await;
            assert_eq!(code_of(&answer), code, "session {:?} {id}", caller.key);
        }
        let unknown = as_user(&ada, "nobody", ME).await["errors"].to_string().replace("nobody", "X");
        let outside = as_user(&ada, "olaf", ME).await["errors"].to_string().replace("olaf", "X");
        assert_eq!(unknown, outside, "in the same words");
    }

    async fn a_header_that_cannot_be_honoured_fails_the_call(app: App) {
        world(&app).await;
        let admin = app.admin();
        for ids in [&[b"zo\xeb".as_slice()][..], &[b""], &[b"ann", b"ada"], &[b"ann", b""]] {
            let before = app.dump().await;
            assert_eq!(code_of(&as_bytes(&admin, ids, CREATE).await), "INVALID", "{ids:?}");
            assert_eq!(app.dump().await, before, "nothing ran with the administrator's power");
        }
        let reply = send_with(&admin, With { impersonate: vec![b"zo\xeb"], ..With::default() }, ME, json!({})).await;
        assert!(reply.status.is_client_error());
        let reply = send_with(&admin, With { impersonate: vec![b"nobody"], ..With::default() }, ME, json!({})).await;
        assert!(reply.status.is_client_error());
        assert_eq!(code_of(&as_bytes(&admin, &[b"ann", b"ann"], ME).await), "OK", "twice the same says the same");
        // On Kili's path too.
        let mut request = admin.request("/api/label/v2/graphql", &json!({"query": CREATE}));
        request.headers_mut().insert("x-tenantry-impersonate-user", "nobody".parse().unwrap());
        let before = app.dump().await;
        let reply = app.send(request).await;
        assert_eq!((reply.status.as_u16(), code_of(&reply.json()).as_str()), (400, "NOT_FOUND"));
        assert_eq!(app.dump().await, before);
    }

    async fn no_password_is_changed_inside(app: App) {
        world(&app).await;
        let ada = app.key_of("ada").await;
        let session = begun(&ada, "ann").await;
        let change = "mutation { updatePassword(where: {id: \"ann\"}, data: {oldPassword: \"password-of-ann\",
            newPassword1: \"another-password\", newPassword2: \"another-password\"}) { id } }";
        for document in [change, "mutation { resetPassword(where: {id: \"ann\"}) { id } }"] {
            assert_eq!(app.key(&session.access).refused(document, json!({})).await, "FORBIDDEN");
            let before = app.dump().await;
            assert_eq!(code_of(&as_user(&ada, "ann", document).await), "FORBIDDEN");
            assert_eq!(app.dump().await, before);
        }
        assert!(app.mails().is_empty());
    }

    async fn a_session_as_somebody_else_names_both_and_can_be_ended(app: App) {
        world(&app).await;
        let ada = app.sign_in("acme", "ada").await;
        let ada = app.key(&ada.access);
        let inside = begun(&ada, "ann").await;
        assert_eq!(inside.user["id"], "ann");
        let claims = inside.claims();
        assert_eq!((claims["sub"].as_str(), claims["act"]["sub"].as_str()), (Some("ann"), Some("ada")));
        assert_eq!(app.who(&inside.access).await.as_deref(), Some("ann"));
        assert_eq!(events(&app, "user.impersonate").await, [(Some("ada".to_owned()), None)]);
        // Both see it, with its reason.
        for caller in [&ada, &app.key_of("ann").await] {
            let seen = caller.ok("{ sessions(where: {impersonated: true}) { userId impersonatorId reason } }", json!({})).await;
            assert_eq!(seen["sessions"], json!([{"userId": "ann", "impersonatorId": "ada", "reason": "ticket 7"}]));
        }
        let next = app.refresh(&inside.refresh).await;
        assert_eq!(next.claims()["act"]["sub"], "ada", "refreshing keeps it an impersonation");
        app.key(&next.access).ok("mutation { createApiKey(data: {name: \"inside\"}) { secret } }", json!({})).await;
        assert_eq!(events(&app, "apiKey.create").await.last().unwrap(), &(Some("ann".to_owned()), Some("ada".to_owned())));
        app.key(&next.access).ok("mutation { signOut { id } }", json!({})).await;
        assert_eq!(app.who(&next.access).await, None);
        assert_eq!(ada.ok(ME, json!({})).await["me"]["id"], "ada");
        // Or from outside.
        let again = begun(&ada, "ann").await;
        ada.ok("mutation($id: ID) { revokeSession(where: {id: $id}) { id } }", json!({"id": again.sid()})).await;
        assert_eq!(app.who(&again.access).await, None);
    }

    async fn it_ends_with_what_it_was_begun_with(app: App) {
        world(&app).await;
        let ada = app.sign_in("acme", "ada").await;
        let by_session = begun(&app.key(&ada.access), "ann").await;
        let key = app.key_of("ada").await;
        let by_key = begun(&key, "ann").await;
        app.key(&ada.access).ok("mutation { signOut { id } }", json!({})).await;
        assert_eq!(app.who(&by_session.access).await, None);
        assert_eq!(code_of(&app.try_refresh(&by_session.refresh).await), "UNAUTHENTICATED");
        assert_eq!(app.who(&by_key.access).await.as_deref(), Some("ann"));
        let names = key.ok("{ apiKeys { name } }", json!({})).await;
        let names: Vec<&str> = names["apiKeys"].as_array().unwrap().iter().map(|key| key["name"].as_str().unwrap()).collect();
        key.ok("mutation($names: [String!]!) { revokeApiKeys(names: $names) { id } }", json!({ "names": names })).await;
        assert_eq!(app.who(&by_key.access).await, None);
        assert_eq!(code_of(&app.try_refresh(&by_key.refresh).await), "UNAUTHENTICATED");
    }

    async fn it_ends_when_the_right_does(app: App) {
        world(&app).await;
        let ada = app.key_of("ada").await;
        let set = "mutation($id: ID, $roles: [String!]) { updatePropertiesInUser(where: {id: $id}, data: {roles: $roles}) { id } }";
        let inside = begun(&ada, "ann").await;
        app.admin().ok(set, json!({"id": "ada", "roles": ["admin"]})).await;
        assert_eq!(app.who(&inside.access).await, None, "the right is gone");
        assert_eq!(code_of(&app.try_refresh(&inside.refresh).await), "UNAUTHENTICATED");
        assert_eq!(code_of(&as_user(&ada, "ann", ME).await), "FORBIDDEN");
        app.admin().ok(set, json!({"id": "ada", "roles": ["organization-admin"]})).await;
        app.admin().ok(set, json!({"id": "ann", "roles": ["super-admin"]})).await;
        assert_eq!(app.who(&inside.access).await, None, "the target rose above");
        assert_eq!(code_of(&as_user(&ada, "ann", ME).await), "FORBIDDEN");
        app.admin().ok(set, json!({"id": "ann", "roles": ["user"]})).await;
        assert_eq!(app.who(&inside.access).await.as_deref(), Some("ann"));
        app.admin().ok("mutation { deactivateUser(where: {id: \"ada\"}) { id } }", json!({})).await;
        assert_eq!(app.who(&inside.access).await, None, "who began it is gone");
        app.admin().ok("mutation { activateUser(where: {id: \"ada\"}) { id } }", json!({})).await;
        assert_eq!(app.who(&inside.access).await, None, "and it does not come back");
        let inside = begun(&app.key_of("ada").await, "ann").await;
        app.admin().ok("mutation { deactivateUser(where: {id: \"ann\"}) { id } }", json!({})).await;
        assert_eq!(app.who(&inside.access).await, None, "the target is gone");
    }

    async fn a_key_impersonates_within_its_own_limits(app: App) {
        world(&app).await;
        let make = async |name: &str, permissions: Vec<&str>| -> String {
            let ada = app.key_of("ada").await;
            let data = json!({"name": name, "permissions": permissions});
            let made = ada.ok("mutation($data: CreateApiKeyData!) { createApiKey(data: $data) { secret } }", json!({ "data": data })).await;
            made["createApiKey"]["secret"].as_str().unwrap().to_owned()
        };
        let without = make("without", vec!["read:user"]).await;
        let little = make("little", vec!["usage:impersonation"]).await;
        for key in [without, little] {
            assert_eq!(code_of(&as_user(&app.key(&key), "ann", ME).await), "FORBIDDEN");
            assert_eq!(code_of(&as_user(&app.key(&key), "ada", ME).await), "FORBIDDEN");
            assert_eq!(code_of(&impersonate(&app.key(&key), "ann").await), "FORBIDDEN");
        }
    }

    /// Whoever has an account's address can have a password mailed to it, which has no limits: a key that has some does not
    /// change its owner's, whoever it acts as.
    async fn a_limited_key_does_not_get_its_owners_address(app: App) {
        world(&app).await;
        let ada = app.key_of("ada").await;
        let data = json!({"name": "short", "expiryDate": "2026-01-02T04:00:00Z"});
        let made = ada.ok("mutation($data: CreateApiKeyData!) { createApiKey(data: $data) { secret } }", json!({ "data": data })).await;
        let short = app.key(made["createApiKey"]["secret"].as_str().unwrap());
        let inside = begun(&short, "eve").await;
        for change in ["data: {email: \"x@evil.example\"}", "data: {}, clear: [EMAIL]"] {
            let document = format!("mutation {{ updatePropertiesInUser(where: {{id: \"ada\"}}, {change}) {{ id }} }}");
            for caller in [short.clone(), short.clone().acting_as("eve"), app.key(&inside.access)] {
                assert_eq!(caller.refused(&document, json!({})).await, "FORBIDDEN", "{change}");
            }
        }
        // Those of others it changes, as its owner may.
        let document = "mutation { updatePropertiesInUser(where: {id: \"ann\"}, data: {email: \"anna@acme.example\"}) { id } }";
        short.clone().acting_as("eve").ok(document, json!({})).await;
        // Nor does any key change that of its owner.
        let own = document.replace("ann", "ada").replace("adaa", "ada2");
        for caller in [ada.clone(), ada.acting_as("eve")] {
            assert_eq!(caller.refused(&own, json!({})).await, "FORBIDDEN");
        }
    }

    async fn it_lasts_as_long_as_was_said(app: App) {
        world(&app).await;
        let ada = app.key_of("ada").await;
        let document = format!("mutation($seconds: Int!, $reason: String!) {{ impersonateUser(where: {{id: \"ann\"}}, reason: $reason, lifetimeSeconds: $seconds) {{ {TOKENS} }} }}");
        for (seconds, reason) in [(59, "x"), (28_801, "x"), (-1, "x"), (60, " "), (60, "")] {
            assert_eq!(ada.refused(&document, json!({"seconds": seconds, "reason": reason})).await, "INVALID");
        }
        let answer = ada.ok(&document, json!({"seconds": 900, "reason": "x"})).await;
        let inside = Tokens::of(&answer["impersonateUser"]);
        assert_eq!(inside.refresh_expires_in, 900);
        app.services.clock.advance(Duration::from_secs(500));
        let next = app.refresh(&inside.refresh).await;
        assert_eq!((next.expires_in, next.refresh_expires_in), (400, 400), "refreshing does not prolong it");
        app.services.clock.advance(Duration::from_secs(400));
        assert_eq!(app.who(&next.access).await, None);
        assert_eq!(code_of(&app.try_refresh(&next.refresh).await), "UNAUTHENTICATED");
    }

    async fn impersonation_does_what_the_model_does(app: App) {
        world(&app).await;
        let users = ["ada", "eve", "ann", "olaf"];
        let mut runner = TestRunner::deterministic();
        for _ in 0..10 {
            let steps = prop::collection::vec((0_u8..9, 0_usize..4, 0_usize..4, any::<prop::sample::Index>()), 1..16)
                .new_tree(&mut runner).unwrap().current();
            let trace = format!("{steps:?}");
            // What each may do: 0 a plain user, 1 an organization's administrator, 2 a super admin.
            let mut rank = [1_u8, 1, 0, 0];
            for (id, rank) in users.iter().zip(rank) {
                set_rank(&app, id, rank).await;
            }
            let organization = [0, 0, 0, 1];
            let may = |rank: &[u8; 4], a: usize, b: usize| {
                a != b && rank[a] >= 1 && rank[a] >= rank[b] && (rank[a] == 2 || organization[a] == organization[b])
            };
            let mut keys = Vec::new();
            for id in users {
                keys.push(app.key_of(id).await);
            }
            // Who began it, who is impersonated, its tokens, whether it was stopped.
            let mut running: Vec<(usize, usize, Tokens, bool)> = Vec::new();
            for (step, a, b, which) in steps {
                match step {
                    0 | 1 => {
                        let answer = impersonate(&keys[a], users[b]).await;
                        assert_eq!(code_of(&answer) == "OK", may(&rank, a, b), "{a} as {b} in {trace}");
                        if code_of(&answer) == "OK" {
                            running.push((a, b, Tokens::of(&answer["data"]["impersonateUser"]), false));
                        }
                    }
                    2 => {
                        let answer = as_user(&keys[a], users[b], ME).await;
                        assert_eq!(code_of(&answer) == "OK", may(&rank, a, b), "header {a} as {b} in {trace}");
                        if code_of(&answer) == "OK" {
                            assert_eq!(answer["data"]["me"]["id"], users[b]);
                        }
                    }
                    // Escalate and withdraw.
                    3 | 4 => {
                        rank[a] = u8::try_from(b % 3).unwrap();
                        set_rank(&app, users[a], rank[a]).await;
                    }
                    _ if running.is_empty() => {}
                    5 => {
                        let at = which.index(running.len());
                        let (began, target, tokens, stopped) = running[at].clone();
                        let alive = !stopped && may(&rank, began, target);
                        let answer = app.key(&tokens.access).send("mutation { signOut { id } }", json!({})).await;
                        assert_eq!(code_of(&answer) == "OK", alive, "stop {at} in {trace}");
                        running[at].3 |= alive;
                    }
                    6 => {
                        let at = which.index(running.len());
                        let (began, target, tokens, stopped) = running[at].clone();
                        let answer = keys[a].send("mutation($id: ID) { revokeSession(where: {id: $id}) { id } }", json!({"id": tokens.sid()})).await;
                        assert_eq!(code_of(&answer) == "OK", !stopped && (a == began || a == target), "revoke {at} by {a} in {trace}");
                        running[at].3 |= a == began || a == target;
                    }
                    // Never a chain, whoever is impersonated.
                    7 => {
                        let inside = app.key(&running[which.index(running.len())].2.access);
                        assert_ne!(code_of(&impersonate(&inside, users[b]).await), "OK", "chain in {trace}");
                        assert_ne!(code_of(&as_user(&inside, users[b], ME).await), "OK", "chain in {trace}");
                    }
                    _ => {
                        let at = which.index(running.len());
                        let (began, target, tokens, stopped) = running[at].clone();
                        let answer = app.try_refresh(&tokens.refresh).await;
                        assert_eq!(code_of(&answer) == "OK", !stopped && may(&rank, began, target), "refresh {at} in {trace}");
                        if code_of(&answer) == "OK" {
                            running[at].2 = Tokens::of(&answer["data"]["refreshSession"]);
                        }
                    }
                }
                for (began, target, tokens, stopped) in &running {
                    let alive = !stopped && may(&rank, *began, *target);
                    let expected = alive.then(|| users[*target].to_owned());
                    assert_eq!(app.who(&tokens.access).await, expected, "{began} as {target} in {trace}");
                }
            }
        }
    }
}

async fn set_rank(app: &App, id: &str, rank: u8) {
    let role = ["user", "organization-admin", "super-admin"][usize::from(rank)];
    let document = "mutation($id: ID, $roles: [String!]) { updatePropertiesInUser(where: {id: $id}, data: {roles: $roles}) { id } }";
    app.admin().ok(document, json!({ "id": id, "roles": [role] })).await;
}
