//! Passwords: the worst, the temporary, those from elsewhere, and resets asked for by anybody.

use std::time::Duration;

use futures::future::join_all;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use serde_json::{Value, json};
use tenantry::entity::user as table;
use tenantry::error::ErrorCode;
use tenantry::user::Target;
use tenantry::{authn, context, password};

use crate::on_both;
use crate::support::{App, Caller};

const CHANGE: &str = "mutation($where: UserWhere!, $data: UpdatePasswordData!) { updatePassword(where: $where, data: $data) { id mustChangePassword } }";
const REQUEST: &str = "mutation($e: String!) { requestPasswordReset(email: $e) }";
const COMPLETE: &str = "mutation($t: String!, $p: String!) { completePasswordReset(token: $t, newPassword: $p) }";

fn change(user: Value, old: &str, new: &str) -> Value {
    json!({"where": user, "data": {"oldPassword": old, "newPassword1": new, "newPassword2": new}})
}

async fn row(app: &App, id: &str) -> table::Model {
    table::Entity::find()
        .filter(table::Column::Id.eq(id))
        .one(app.services.db.reader())
        .await
        .unwrap()
        .unwrap()
}

/// What runs as this user, as the router would make it.
async fn context_of(app: &App, caller: &Caller<'_>) -> context::OpContext {
    let key = caller.key.clone().unwrap();
    let credential = authn::Credential::Key(&key);
    let services = &app.services;
    let actor = services
        .credentials
        .actor(&services.db, &services.signing, credential, services.clock.now())
        .await
        .unwrap();
    context::OpContext::new(std::sync::Arc::clone(services), actor, "test")
}

async fn verifies(app: &App, id: &str, password: &str) -> bool {
    let row = row(app, id).await;
    app.services
        .hasher
        .verify(password, row.password_hash.as_deref())
        .await
        .unwrap()
}

on_both! {
    async fn the_worst_passwords_and_ones_own_names_are_refused(app: App) {
        app.organization("acme", &[]).await;
        let ada = app.user("acme", "ada-lovelace", None).await;
        let me = json!({"id": "ada-lovelace"});
        let old = "password-of-ada-lovelace";
        for new in ["password1", "PASSWORD1", "12345678", "Qwertyuiop", "ada-lovelace", "ADA-LOVELACE@acme.example", "seven77", &"x".repeat(129), "nul\u{0}inside", old] {
            assert_eq!(ada.refused(CHANGE, change(me.clone(), old, new)).await, "INVALID", "{new}");
        }
        let create = "mutation($p: String!) { createUser(data: {id: \"grace-hopper\", email: \"grace@acme.example\", organizationId: \"acme\", password: $p}) { id } }";
        for new in ["password1", "Grace-Hopper", "grace@acme.example"] {
            assert_eq!(app.admin().refused(create, json!({"p": new})).await, "INVALID", "{new}");
        }
        ada.ok("mutation { resetPassword(where: {id: \"ada-lovelace\"}) { id } }", json!({})).await;
        let token = app.mailed_token();
        for new in ["password1", "ada-lovelace"] {
            assert_eq!(app.anonymous().refused(COMPLETE, json!({"t": token, "p": new})).await, "INVALID");
        }
        // A change voids what was mailed before it.
        ada.ok(CHANGE, change(me, old, "eight-88")).await;
        assert_eq!(app.anonymous().refused(COMPLETE, json!({"t": token, "p": "a brand new one"})).await, "INVALID");
        assert!(verifies(&app, "ada-lovelace", "eight-88").await);
    }

    async fn an_administrator_needs_the_old_password_too(app: App) {
        app.organization("acme", &[]).await;
        app.organization("other", &[]).await;
        let chief = app.user("acme", "chief", Some("organization-admin")).await;
        let ada = app.user("acme", "ada", Some("user")).await;
        app.user("other", "olga", None).await;
        let him = json!({"email": "ADA@acme.example"});
        assert_eq!(chief.refused(CHANGE, change(him.clone(), "wrong", "a brand new one")).await, "INVALID");
        assert_eq!(chief.refused(CHANGE, change(json!({"id": "olga"}), "password-of-olga", "a brand new one")).await, "NOT_FOUND");
        assert_eq!(ada.refused(CHANGE, change(json!({"id": "chief"}), "password-of-chief", "a brand new one")).await, "FORBIDDEN");
        assert_eq!(chief.refused(CHANGE, change(json!({"id": "admin"}), "x", "a brand new one")).await, "NOT_FOUND");
        chief.ok(CHANGE, change(him, "password-of-ada", "a brand new one")).await;
        assert!(verifies(&app, "ada", "a brand new one").await);
    }

    async fn a_temporary_password_changes_itself_and_nothing_else(app: App) {
        app.organization("acme", &[]).await;
        app.user("acme", "ada", None).await;
        let admin = app.admin();
        let made = admin.ok("mutation { createUserWithPassword(data: {id: \"new\", email: \"new@acme.example\", organizationId: \"acme\"}) { password } }", json!({})).await;
        let temporary = made["createUserWithPassword"]["password"].as_str().unwrap().to_owned();
        assert!(password::must_change(&row(&app, "new").await));
        assert!(!password::must_change(&row(&app, "ada").await));
        let nobody = app.anonymous();
        let by_email = json!({"email": "New@acme.example"});
        let refusal = |user: Value, old: &str| { let variables = change(user, old, "a brand new one"); let asking = app.anonymous(); async move { asking.refusal(CHANGE, variables).await } };
        let wrong = refusal(by_email.clone(), "wrong password").await;
        assert_eq!(wrong["extensions"]["code"], "UNAUTHENTICATED");
        // Unknown, malformed, and the right password that is not temporary: in the same words.
        assert_eq!(refusal(json!({"email": "nobody@acme.example"}), "wrong password").await["message"], wrong["message"]);
        assert_eq!(refusal(json!({"email": "no address"}), "wrong password").await["message"], wrong["message"]);
        assert_eq!(refusal(json!({"email": "ada@acme.example"}), "password-of-ada").await["message"], wrong["message"]);
        assert_eq!(refusal(json!({"email": "new@acme.example", "name": "guess"}), &temporary).await["message"], wrong["message"]);
        for user in [by_email.clone(), json!({"id": "new"}), json!({"email": "nobody@acme.example"})] {
            assert_eq!(nobody.refused(CHANGE, change(user, "wrong password", "a brand new one")).await, "UNAUTHENTICATED");
        }
        // By id it needs a credential, whatever the password.
        assert_eq!(nobody.refused(CHANGE, change(json!({"id": "new"}), &temporary, "a brand new one")).await, "UNAUTHENTICATED");
        // Deactivated is told to whoever has the right one only.
        admin.ok("mutation { deactivateUser(where: {id: \"new\"}) { id } }", json!({})).await;
        assert_eq!(nobody.refused(CHANGE, change(by_email.clone(), &temporary, "a brand new one")).await, "FORBIDDEN");
        assert_eq!(nobody.refused(CHANGE, change(by_email.clone(), "wrong password", "a brand new one")).await, "UNAUTHENTICATED");
        admin.ok("mutation { activateUser(where: {id: \"new\"}) { id } }", json!({})).await;
        assert_eq!(nobody.refused(CHANGE, change(by_email.clone(), &temporary, &temporary)).await, "INVALID");
        assert_eq!(nobody.refused(CHANGE, change(by_email.clone(), &temporary, "new@ACME.example")).await, "INVALID");
        // Of several at once, one goes through; afterwards it is a password like any other.
        let changes = (0..4).map(|n| { let variables = change(by_email.clone(), &temporary, &format!("a brand new one {n}")); let asking = app.anonymous(); async move { asking.send(CHANGE, variables).await } });
        let answers = join_all(changes).await;
        let done: Vec<&Value> = answers.iter().filter(|answer| answer["errors"].is_null()).collect();
        assert_eq!(done.len(), 1, "{answers:?}");
        assert_eq!(done[0]["data"]["updatePassword"], json!({"id": "new", "mustChangePassword": false}));
        assert_eq!(nobody.refused(CHANGE, change(by_email, &temporary, "a brand new one")).await, "UNAUTHENTICATED");
    }

    async fn one_sets_ones_own_password_and_is_told_by_mail(app: App) {
        app.organization("acme", &[]).await;
        let chief = app.user("acme", "chief", Some("organization-admin")).await;
        let ada = app.user("acme", "ada", None).await;
        let as_ada = context_of(&app, &ada).await;
        let as_chief = context_of(&app, &chief).await;
        let before = app.dump().await;
        let refused = [
            password::set_own(&as_chief, &Target::id("ada"), "a brand new one").await.unwrap_err().code(),
            password::set_own(&as_ada, &Target::id("chief"), "a brand new one").await.unwrap_err().code(),
            password::set_own(&as_ada, &Target::id("nobody"), "a brand new one").await.unwrap_err().code(),
            password::set_own(&as_ada, &Target::id("ada"), "password1").await.unwrap_err().code(),
        ];
        assert_eq!(refused, [ErrorCode::Forbidden, ErrorCode::Forbidden, ErrorCode::Forbidden, ErrorCode::Invalid]);
        assert_eq!((before, 0), (app.dump().await, app.mails().len()));
        password::set_own(&as_ada, &Target::id("ada"), "a brand new one").await.unwrap();
        assert!(verifies(&app, "ada", "a brand new one").await && !verifies(&app, "ada", "password-of-ada").await);
        let mails = app.mails();
        assert!(mails.len() == 1 && mails[0].contains("To: ada@acme.example") && mails[0].contains("password"), "{mails:?}");
    }

    /// A key that may little must not become one that may all by way of the password.
    async fn a_limited_key_sets_no_password(app: App) {
        app.organization("acme", &[]).await;
        let ada = app.user("acme", "ada", Some("organization-admin")).await;
        let make = "mutation { createApiKey(data: {name: \"little\", permissions: [\"read:databases\"]}) { secret } }";
        let made = ada.ok(make, json!({})).await["createApiKey"]["secret"].as_str().unwrap().to_owned();
        let little = context_of(&app, &app.key(made)).await;
        let before = app.dump().await;
        let refused = password::set_own(&little, &Target::id("ada"), "a brand new one").await.unwrap_err();
        assert_eq!(refused.code(), ErrorCode::Forbidden, "{refused}");
        assert_eq!((before, 0), (app.dump().await, app.mails().len()));
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
        app.mails_arrive(1).await;
        let mails = app.mails();
        assert!(mails.len() == 1 && mails[0].contains("To: ada@acme.example"), "{mails:?}");
        let token = app.mailed_token();
        // A mailbox is not flooded, however often somebody asks.
        for _ in 0..8 {
            app.anonymous().ok(REQUEST, json!({"e": "ada@acme.example"})).await;
        }
        app.mails_arrive(3).await;
        tokio::time::sleep(Duration::from_millis(500)).await;
        assert_eq!(app.mails().len(), 3);
        app.anonymous().ok(COMPLETE, json!({"t": token, "p": "a brand new one"})).await;
        assert!(verifies(&app, "ada", "a brand new one").await);
        // Another of the links is void with it.
        assert_eq!(app.anonymous().refused(COMPLETE, json!({"t": app.mailed_token(), "p": "yet another one"})).await, "INVALID");
    }

    async fn a_reset_clears_a_temporary_password_once(app: App) {
        app.organization("acme", &[]).await;
        app.admin().ok("mutation { createUserWithPassword(data: {id: \"new\", email: \"new@acme.example\", organizationId: \"acme\"}) { password } }", json!({})).await;
        app.admin().ok("mutation { resetPassword(where: {id: \"new\"}) { id } }", json!({})).await;
        let token = app.mailed_token();
        let tries = (0..4).map(|n| { let given = json!({"t": token, "p": format!("a brand new one {n}")}); let asking = app.anonymous(); async move { asking.send(COMPLETE, given).await["errors"].is_null() } });
        assert_eq!(join_all(tries).await.into_iter().filter(|done| *done).count(), 1);
        assert!(!password::must_change(&row(&app, "new").await));
    }

    async fn hashes_from_elsewhere_are_accepted_and_made_anew(app: App) {
        app.organization("acme", &[]).await;
        let create = "mutation($id: ID!, $hash: String!) { createUser(data: {id: $id, organizationId: \"acme\", passwordHash: $hash}) { id } }";
        let ours = app.services.hasher.hash("the right one").await.unwrap();
        for (id, word, hash) in [
            ("bcrypt", "the right one", bcrypt::hash("the right one", 5).unwrap()),
            ("scrypt", "password", "$scrypt$ln=16,r=8,p=1$aM15713r3Xsvxbi31lqr1Q$nFNh2CVHVjNldFVKDHDlm4CbdRSCdEBsjjJxD+iCs5E".to_owned()),
            ("pbkdf2", "passwordPASSWORDpassword", "$pbkdf2-sha256$i=4096,l=40$c2FsdFNBTFRzYWx0U0FMVHNhbHRTQUxUc2FsdFNBTFRzYWx0$NIyJ28vTKy8y2BS4EW6EzysXNH68GAAYHE4qH7jdU+HGNVGMfaxH6Q".to_owned()),
            ("argon2i", "password", "$argon2i$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$wWKIMhR9lyDFvRz9YTZweHKfbftvj+qf+YFY4NeBbtA".to_owned()),
            ("ours", "the right one", ours.clone()),
        ] {
            app.admin().ok(create, json!({"id": id, "hash": hash})).await;
            assert!(!verifies(&app, id, "a wrong one").await, "{id}");
            assert!(verifies(&app, id, word).await, "{id}");
            let op = app.machine();
            let before = row(&app, id).await;
            let anew = password::rehash_if_needed(&op, &before, word).await.unwrap();
            assert_eq!(anew, id != "ours");
            assert!(verifies(&app, id, word).await, "{id}");
            let after = row(&app, id).await;
            assert!(after.password_hash.as_ref().unwrap().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
            assert_eq!((after.version, after.updated_at), (before.version, before.updated_at));
            assert!(!password::rehash_if_needed(&op, &after, word).await.unwrap(), "once is enough");
            // What was read before a change replaces nothing.
            assert!(!password::rehash_if_needed(&op, &before, word).await.unwrap());
        }
    }

    async fn hashes_that_are_no_hash_or_cost_too_much_are_refused(app: App) {
        app.organization("acme", &[]).await;
        let create = "mutation($data: CreateUserData!) { createUser(data: $data) { id } }";
        let salt_and_hash = "c29tZXNhbHQ$wWKIMhR9lyDFvRz9YTZweHKfbftvj+qf+YFY4NeBbtA";
        for hash in [
            "".to_owned(), "plain text".to_owned(), "$".to_owned(), "$2b$".to_owned(), "$md5$x$y".to_owned(), "$argon2id$".to_owned(),
            format!("$argon2id$v=19$m=4194304,t=2,p=1${salt_and_hash}"),
            format!("$argon2id$v=19$m=131072,t=16,p=1${salt_and_hash}"),
            format!("$argon2id$v=19$m=19456,t=1000,p=1${salt_and_hash}"),
            format!("$argon2id$v=19$t=2,p=1${salt_and_hash}"),
            format!("$argon2id$m=19456,t=2,p=1${salt_and_hash}"),
            format!("$argon2id$v=7$m=19456,t=2,p=1${salt_and_hash}"),
            "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHQ".to_owned(),
            format!("$scrypt$ln=30,r=8,p=1${salt_and_hash}"),
            format!("$scrypt$ln=17,r=16,p=1${salt_and_hash}"),
            format!("$scrypt$ln=17,r=8,p=4294967295${salt_and_hash}"),
            format!("$pbkdf2-sha256$i=4000000000,l=32${salt_and_hash}"),
            format!("$pbkdf2-sha256$i=1,l=32${salt_and_hash}"),
            format!("$2b$31${}", "a".repeat(53)),
            format!("$2b$10${}", "a".repeat(40)),
            format!("$2b$10${}é", "a".repeat(51)),
            "x".repeat(513),
        ] {
            let data = json!({"data": {"id": "new", "organizationId": "acme", "passwordHash": hash}});
            let refusal = app.admin().refusal(create, data.clone()).await;
            assert_eq!(refusal["extensions"]["field"], "data.passwordHash", "{hash}: {refusal}");
            assert!(hash.len() < 20 || !refusal["message"].as_str().unwrap().contains(&hash[hash.len() - 12..]), "{refusal}");
            assert_eq!(app.admin().refused(create, data).await, "INVALID");
        }
        let both = json!({"data": {"id": "new", "password": "a brand new one", "passwordHash": bcrypt::hash("x", 4).unwrap()}});
        assert_eq!(app.admin().refused(create, both).await, "INVALID");
    }
}
