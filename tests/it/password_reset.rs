//! Passwords set with a mailed link: who may ask for one, what asking tells, how long a link is of use, and for whom.

use std::sync::atomic::Ordering;
use std::time::Duration;

use futures::future::join_all;
use serde_json::json;
use tenantry::directory::password;
use tenantry::model::Clock;

use super::password_change::{UPDATE, is_password, passwords};
use crate::on_both;
use crate::support::documents::{DEACTIVATE_USER, counted, outcomes};
use crate::support::{App, Caller, PUBLIC_URL};

const RESET: &str = "mutation($id: ID, $email: String) { resetPassword(where: {id: $id, email: $email}) { id email } }";
const REQUEST: &str = "mutation($e: String!) { requestPasswordReset(email: $e) }";
pub const COMPLETE: &str = "mutation($token: String!, $new: String!) { completePasswordReset(token: $token, newPassword: $new, revokeApiKeys: false) }";

/// The token of a reset mail.
pub fn token_of(mail: &str) -> String {
    let (_, rest) = mail.split_once("/reset-password#token=").unwrap();
    rest.chars().take_while(char::is_ascii_alphanumeric).collect()
}

async fn reset(caller: &Caller<'_>, id: &str) -> String {
    caller.ok(RESET, json!({ "id": id })).await;
    token_of(caller.app.mails().last().unwrap())
}

on_both! {
    async fn a_reset_mails_a_link(app: App) {
        app.organization("acme", &[]).await;
        let ada = app.user("acme", "ada", None).await;
        let request = axum::http::Request::post("/graphql")
            .header("content-type", "application/json")
            .header("authorization", format!("Bearer {}", ada.key.as_ref().unwrap()))
            .header("host", "evil.example").header("x-forwarded-host", "evil.example").header("forwarded", "host=evil.example")
            .body(axum::body::Body::from(json!({"query": RESET, "variables": {"id": "ada"}}).to_string())).unwrap();
        let reply = app.send(request).await;
        assert_eq!(reply.json(), json!({"data": {"resetPassword": {"id": "ada", "email": "ada@acme.example"}}}));
        let [mail] = app.mails().try_into().unwrap();
        let token = token_of(&mail);
        assert_eq!(token.len(), 43);
        assert!(mail.contains(&format!("{PUBLIC_URL}/reset-password#token=")) && mail.contains("To: ada@acme.example") && !mail.contains("evil"), "{mail}");
        assert_eq!(mail.matches("http").count(), 1, "{mail}");
        // Nowhere but in the mail.
        assert!(!reply.body.contains(&token) && !app.dump().await.contains(&token));
        // The present password works until then.
        assert!(is_password(&app, "ada", "password-of-ada").await);
        assert_eq!(app.anonymous().ok(COMPLETE, json!({"token": token, "new": "a brand new one"})).await, json!({"completePasswordReset": true}));
        assert!(is_password(&app, "ada", "a brand new one").await);
        // Once.
        assert_eq!(app.anonymous().refused(COMPLETE, json!({"token": token, "new": "a third one"})).await, "INVALID");
        assert!(!app.dump().await.contains("brand new"));
    }

    async fn a_mailbox_is_not_flooded(app: App) {
        app.organization("acme", &[]).await;
        let ann = app.user("acme", "ann", Some("user")).await;
        let start = "mutation { resetPassword(where: {id: \"ann\"}) { id } }";
        for _ in 0..5 {
            ann.ok(start, json!({})).await;
        }
        // Whoever asks, and also where nobody is told: the links of all ways are counted together.
        for caller in [&ann, &app.admin()] {
            let refusal = caller.refusal(start, json!({})).await;
            assert_eq!(refusal["extensions"]["code"], "RATE_LIMITED", "{refusal}");
            assert_eq!(refusal["extensions"]["retryAfterSeconds"], 3600, "{refusal}");
        }
        assert_eq!(ann.refused(start, json!({})).await, "RATE_LIMITED");
        app.services.clock.advance(Duration::from_secs(60 * 60));
        ann.ok(start, json!({})).await;
        assert_eq!(app.mails().len(), 6);
    }

    async fn who_may_start_a_reset(app: App) {
        app.organization("acme", &[]).await;
        let ada = app.user("acme", "ada", Some("user")).await;
        let chief = app.user("acme", "chief", Some("organization-admin")).await;
        app.admin().create_user(json!({"id": "silent", "organizationId": "acme"})).await;
        for (caller, id, code) in [
            (&ada, "chief", "FORBIDDEN"), (&ada, "nobody", "FORBIDDEN"), (&chief, "nobody", "NOT_FOUND"), (&chief, "admin", "NOT_FOUND"),
            (&chief, "silent", "INVALID"), (&app.anonymous(), "ada", "UNAUTHENTICATED"),
        ] {
            assert_eq!(caller.refused(RESET, json!({ "id": id })).await, code, "{id}");
        }
        assert_eq!(chief.refused(RESET, json!({})).await, "INVALID");
        chief.ok(RESET, json!({"email": "Ada@Acme.example"})).await;
        assert_eq!(app.mails().len(), 1);
    }

    async fn a_token_ends_with_its_hour_and_with_what_it_was_for(app: App) {
        app.organization("acme", &[]).await;
        let ada = app.user("acme", "ada", None).await;
        let refused = async |token: &str| {
            assert_eq!(app.anonymous().refused(COMPLETE, json!({"token": token, "new": "a brand new one"})).await, "INVALID");
        };
        let token = reset(&ada, "ada").await;
        // A bad new password does not use it up.
        assert_eq!(app.anonymous().refused(COMPLETE, json!({"token": token, "new": "short"})).await, "INVALID");
        app.services.clock.advance(Duration::from_micros(3_599_999_999));
        app.anonymous().ok(COMPLETE, json!({"token": token, "new": "a brand new one"})).await;
        let token = reset(&ada, "ada").await;
        app.services.clock.advance(Duration::from_secs(3600));
        refused(&token).await;
        for guess in ["", "x", "\u{0}", &"x".repeat(100_000), &token.to_lowercase()] {
            refused(guess).await;
        }
        // One link used ends the others.
        let (first, second) = (reset(&ada, "ada").await, reset(&ada, "ada").await);
        app.anonymous().ok(COMPLETE, json!({"token": second, "new": "a second one"})).await;
        refused(&first).await;
        // So does a change with the old password, and a new address: the mail went to the former one.
        let token = reset(&ada, "ada").await;
        ada.ok(UPDATE, passwords("ada", "a second one", "a third password")).await;
        refused(&token).await;
        let token = reset(&ada, "ada").await;
        app.admin().update_user("ada", json!({"email": "ada@elsewhere.example"})).await;
        refused(&token).await;
        // A deactivated user may set a password, which lets nobody in.
        let token = reset(&ada, "ada").await;
        app.admin().ok(DEACTIVATE_USER, json!({"id": "ada"})).await;
        app.anonymous().ok(COMPLETE, json!({"token": token, "new": "a fourth password"})).await;
        assert_eq!(ada.status().await, 401);
    }

    /// A link to set a password is good for an hour of whatever clock, and does not keep out others for longer.
    async fn a_link_is_not_prolonged_by_a_clock(app: App) {
        app.organization("acme", &[]).await;
        let ada = app.user("acme", "ada", None).await;
        let reset = "mutation { resetPassword(where: {id: \"ada\"}) { id } }";
        let complete = "mutation($t: String!) { completePasswordReset(token: $t, newPassword: \"a brand new one\") }";
        let Clock::Held(clock) = &app.services.clock else { panic!("a clock that moves") };
        let now = clock.load(Ordering::SeqCst);
        clock.store(now + 30 * 24 * 60 * 60 * 1_000_000, Ordering::SeqCst);
        for _ in 0..5 {
            ada.ok(reset, json!({})).await;
        }
        let token = app.mailed_token();
        clock.store(now, Ordering::SeqCst);
        assert_eq!(app.anonymous().refused(complete, json!({ "t": token })).await, "INVALID");
        for _ in 0..5 {
            ada.ok(reset, json!({})).await;
        }
        let refusal = ada.refusal(reset, json!({})).await;
        assert_eq!(refusal["extensions"], json!({"code": "RATE_LIMITED", "retryAfterSeconds": 3600}), "{refusal}");
        app.anonymous().ok(complete, json!({"t": app.mailed_token()})).await;
    }

    async fn a_token_works_for_one_of_many_at_once(app: App) {
        app.organization("acme", &[]).await;
        let ada = app.user("acme", "ada", None).await;
        let nobody = app.anonymous();
        let token = reset(&ada, "ada").await;
        let complete = |token: &str, n: usize| nobody.prepared(COMPLETE, json!({"token": token, "new": format!("password number {n}")}));
        let answers = app.at_once((0..6).map(|n| complete(&token, n))).await;
        assert_eq!(outcomes(&answers), counted([("ok", 1), ("INVALID", 5)]));
        let winner = answers.iter().position(|answer| answer.get("errors").is_none()).unwrap();
        assert!(is_password(&app, "ada", &format!("password number {winner}")).await);
        // Nor do several links of one user.
        let mut tokens = Vec::new();
        for _ in 0..4 {
            tokens.push(reset(&ada, "ada").await);
        }
        let answers = app.at_once(tokens.iter().enumerate().map(|(n, token)| complete(token, n))).await;
        assert_eq!(outcomes(&answers), counted([("ok", 1), ("INVALID", 3)]));
        assert_eq!(app.number("SELECT COUNT(*) FROM audit_events WHERE action = 'password.completeReset'").await, 2);
    }

    async fn anybody_asks_for_a_reset_and_learns_nothing(app: App) {
        app.organization("acme", &[]).await;
        app.user("acme", "ada", None).await;
        app.user("acme", "off", None).await;
        app.admin().ok("mutation { deactivateUser(where: {id: \"off\"}) { id } }", json!({})).await;
        for email in ["ADA@acme.example", "off@acme.example", "nobody@acme.example", "no address", ""] {
            let answer = app.anonymous().send(REQUEST, json!({"e": email})).await;
            assert_eq!(answer, json!({"data": {"requestPasswordReset": true}}), "{email}");
        }
        let mails = app.mails();
        assert!(mails.len() == 1 && mails[0].contains("To: ada@acme.example"), "{mails:?}");
        let token = app.mailed_token();
        // A mailbox is not flooded, however often somebody asks.
        for _ in 0..8 {
            app.anonymous().ok(REQUEST, json!({"e": "ada@acme.example"})).await;
        }
        assert_eq!(app.mails().len(), 3);
        app.anonymous().ok(COMPLETE, json!({"token": token, "new": "a brand new one"})).await;
        assert!(is_password(&app, "ada", "a brand new one").await);
        // Another of the links is void with it.
        assert_eq!(app.anonymous().refused(COMPLETE, json!({"token": app.mailed_token(), "new": "yet another one"})).await, "INVALID");
    }

    async fn a_reset_clears_a_temporary_password_once(app: App) {
        app.organization("acme", &[]).await;
        app.admin().ok("mutation { createUserWithPassword(data: {id: \"new\", email: \"new@acme.example\", organizationId: \"acme\"}) { password } }", json!({})).await;
        app.admin().ok("mutation { resetPassword(where: {id: \"new\"}) { id } }", json!({})).await;
        let token = app.mailed_token();
        let tries = (0..4).map(|n| { let given = json!({"token": token, "new": format!("a brand new one {n}")}); let asking = app.anonymous(); async move { asking.send(COMPLETE, given).await["errors"].is_null() } });
        assert_eq!(join_all(tries).await.into_iter().filter(|done| *done).count(), 1);
        assert!(!password::must_change(&app.user_row("new").await));
    }
}
