//! Passwords: changing them with the old one, and setting them with a mailed token.

use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::{Value, json};
use tenantry::model::Clock;
use tenantry::services::hasher::{Checked, Password};

use crate::on_both;
use crate::support::documents::{CREATE_USER, DEACTIVATE_USER, counted, outcomes};
use crate::support::{App, Caller, PUBLIC_URL};

const UPDATE: &str = "mutation($id: ID, $email: String, $old: String!, $new: String!, $again: String!) {
    updatePassword(where: {id: $id, email: $email}, data: {oldPassword: $old, newPassword1: $new, newPassword2: $again}) { id } }";
const RESET: &str = "mutation($id: ID, $email: String) { resetPassword(where: {id: $id, email: $email}) { id email } }";
const COMPLETE: &str =
    "mutation($token: String!, $new: String!) { completePasswordReset(token: $token, newPassword: $new) }";

/// The token of a reset mail.
pub fn token_of(mail: &str) -> String {
    // A long line may be broken in transit.
    let mail = mail.replace("=\r\n", "").replace("=3D", "=");
    let (_, rest) = mail.split_once("/reset-password#token=").unwrap();
    rest.chars().take_while(char::is_ascii_alphanumeric).collect()
}

/// Whether this is a user's password: who knows it may change it to the same.
async fn is_password(app: &App, id: &str, password: &str) -> bool {
    let op = app.machine();
    let hash: Vec<Option<String>> = app
        .column(&format!("SELECT password_hash FROM users WHERE id = '{id}'"))
        .await;
    let checked = op
        .hasher()
        .verify(None, &Password::new(password), hash[0].as_deref())
        .await;
    checked.unwrap() != Checked::Wrong
}

async fn reset(caller: &Caller<'_>, id: &str) -> String {
    caller.ok(RESET, json!({ "id": id })).await;
    token_of(caller.app.mails().last().unwrap())
}

fn passwords(id: &str, old: &str, new: &str) -> Value {
    json!({"id": id, "old": old, "new": new, "again": new})
}

on_both! {
    async fn a_password_changes_with_the_old_one(app: App) {
        app.organization("acme", &[]).await;
        let ada = app.user("acme", "ada", None).await;
        // Ten wrong ones do no harm.
        for n in 0..10 {
            let error = ada.refusal(UPDATE, passwords("ada", &format!("wrong {n}"), "a new password")).await;
            assert_eq!(error["extensions"], json!({"code": "INVALID", "field": "data.oldPassword"}));
            assert!(error["message"].as_str().unwrap().contains("password"));
        }
        app.services.clock.advance(Duration::from_secs(1));
        assert_eq!(ada.ok(UPDATE, passwords("ada", "password-of-ada", "a new password")).await["updatePassword"]["id"], "ada");
        assert!(is_password(&app, "ada", "a new password").await && !is_password(&app, "ada", "password-of-ada").await);
        assert_eq!(app.admin().read_user("ada").await["updatedAt"], "2026-01-02T03:04:06.006Z");
        // Keys go on: who holds one is not signed in by the password.
        assert_eq!(ada.status().await, 200);
        // By address, in any case, by an administrator, with the old password too.
        let chief = app.user("acme", "chief", Some("organization-admin")).await;
        let by_address = json!({"email": "ADA@acme.example", "old": "a new password", "new": "another new one", "again": "another new one"});
        chief.ok(UPDATE, by_address).await;
        assert!(is_password(&app, "ada", "another new one").await);
    }

    async fn an_old_password_is_not_guessed_for_ever(app: App) {
        app.organization("acme", &[]).await;
        let ada = app.user("acme", "ada", None).await;
        let chief = app.user("acme", "chief", Some("organization-admin")).await;
        // Some who have no address, too.
        app.admin().ok("mutation { createUser(data: {id: \"x\", organizationId: \"acme\", password: \"password-of-x\"}) { id } }", json!({})).await;
        // Whose bucket it is does not depend on what somebody may be called: that of signing in is another's.
        app.organization("globex", &[]).await;
        app.admin().ok("mutation { createUser(data: {id: \"ada@acme.example\", organizationId: \"globex\", password: \"password-of-ada@acme.example\"}) { id } }", json!({})).await;
        let admin = app.admin();
        let may_sign_in = async || {
            let answer = app.try_sign_in(None, "ada@acme.example", "wrong").await;
            answer["errors"][0]["extensions"]["code"] != "RATE_LIMITED"
        };
        for (caller, id) in [(&ada, "ada"), (&chief, "x"), (&admin, "ada@acme.example")] {
            let right = format!("password-of-{id}");
            let wrong = |n: usize| passwords(id, &format!("wrong {n}"), "a new password");
            let guesses = futures::future::join_all((0..30).map(|n| caller.send(UPDATE, wrong(n)))).await;
            assert_eq!(outcomes(&guesses), counted([("INVALID", 20), ("RATE_LIMITED", 10)]));
            let told = caller.refusal(UPDATE, passwords(id, &right, "a new password")).await;
            assert_eq!(told["extensions"]["code"], "RATE_LIMITED");
            let seconds = told["extensions"]["retryAfterSeconds"].as_u64().unwrap();
            assert!(is_password(&app, id, &right).await, "refused, and unchanged");
            // Another's is another count.
            chief.refusal(UPDATE, passwords("chief", "wrong", "a new password")).await;
            app.services.clock.advance(Duration::from_secs(seconds));
            while may_sign_in().await {}
            caller.ok(UPDATE, passwords(id, &right, "a new password")).await;
            assert!(!may_sign_in().await, "a known old password is no way past the delays of signing in");
            // The right one clears the count.
            caller.refusal(UPDATE, wrong(0)).await;
            caller.ok(UPDATE, passwords(id, "a new password", &right)).await;
        }
    }

    async fn a_refused_change_changes_nothing(app: App) {
        app.organization("acme", &[]).await;
        let ada = app.user("acme", "ada", Some("user")).await;
        let chief = app.user("acme", "chief", Some("organization-admin")).await;
        let right = "password-of-ada";
        for (new, again, field) in [
            ("a new password", "another password", "newPassword2"),
            ("short 7", "short 7", "newPassword1"),
            ("", "", "newPassword1"),
            (&"x".repeat(129), &"x".repeat(129), "newPassword1"),
            ("a new\u{0} password", "a new\u{0} password", "newPassword1"),
            ("password123", "password123", "newPassword1"),
        ] {
            let variables = json!({"id": "ada", "old": right, "new": new, "again": again});
            let error = ada.refusal(UPDATE, variables.clone()).await;
            assert_eq!(error["extensions"], json!({"code": "INVALID", "field": format!("data.{field}")}), "{new}");
            assert_eq!(ada.refused(UPDATE, variables).await, "INVALID");
        }
        for (caller, id, code) in [
            (&ada, "chief", "FORBIDDEN"), (&ada, "nobody", "FORBIDDEN"), (&chief, "nobody", "NOT_FOUND"), (&chief, "admin", "NOT_FOUND"),
            (&app.anonymous(), "ada", "UNAUTHENTICATED"),
        ] {
            assert_eq!(caller.refused(UPDATE, passwords(id, right, "a new password")).await, code, "{id}");
        }
        assert_eq!(chief.refused(UPDATE, passwords("ada", "password-of-chief", "a new password")).await, "INVALID");
        let no_name = json!({"old": right, "new": "a new password", "again": "a new password"});
        assert_eq!(ada.refused(UPDATE, no_name).await, "INVALID");
        // Nor does a user without a password have an old one.
        app.admin().create_user(json!({"id": "bare", "organizationId": "acme"})).await;
        for old in ["", "anything"] {
            assert_eq!(chief.refused(UPDATE, passwords("bare", old, "a new password")).await, "INVALID");
        }
    }

    async fn a_password_is_neither_short_nor_long_nor_common(app: App) {
        for (n, password) in ["12345678 ", "päßwört!", &"x".repeat(127), &"日".repeat(128)].into_iter().enumerate() {
            app.admin().create_user(json!({"id": format!("u{n}"), "password": password})).await;
        }
        for password in ["", "1234567", &"日".repeat(129), "a\u{0}bcdefghijk", "12345678", "password", "PassWord1", "qwertyuiop"] {
            let error = app.admin().refusal(CREATE_USER, json!({"data": {"id": "new", "password": password}})).await;
            assert_eq!(error["extensions"], json!({"code": "INVALID", "field": "data.password"}), "{password}");
            assert!(password.is_empty() || password == "password" || !error["message"].as_str().unwrap().contains(password));
        }
    }

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
        for _ in 0..10 {
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
        assert_eq!(app.mails().len(), 11);
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
        for _ in 0..10 {
            ada.ok(reset, json!({})).await;
        }
        let token = app.mailed_token();
        clock.store(now, Ordering::SeqCst);
        assert_eq!(app.anonymous().refused(complete, json!({ "t": token })).await, "INVALID");
        for _ in 0..10 {
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
}
