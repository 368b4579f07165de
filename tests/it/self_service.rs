//! What users change of themselves: names, address, password.

use std::time::Duration;

use futures::future::join_all;
use sea_orm::ConnectionTrait;
use serde_json::{Value, json};

use crate::on_both;
use crate::support::mail::tokens_of;
use crate::support::session::code_of;
use crate::support::{App, Caller};

const UPDATE_ME: &str = "mutation($data: UpdateMeData!, $clear: [ClearableInMe!], $version: Int) {
    updateMe(data: $data, clear: $clear, expectedVersion: $version) { id name firstname lastname version } }";
const CHANGE: &str = "mutation($email: String!, $password: String!) {
    changeMyEmail(data: {email: $email, password: $password}) { email pendingEmail emailVerified } }";
const PASSWORD: &str = "mutation($old: String!, $new: String!) {
    updateMyPassword(data: {oldPassword: $old, newPassword: $new}) { id } }";
const VERIFY: &str = "mutation($token: String!) { verifyEmail(token: $token) }";
const RESET: &str =
    "mutation($token: String!) { completePasswordReset(token: $token, newPassword: \"a brand new one\") }";
const ME: &str = "{ me { email pendingEmail emailVerified passwordVerified } }";
const SET_EMAIL: &str = "mutation($id: ID, $email: String) {
    updatePropertiesInUser(where: {id: $id}, data: {email: $email}) { email pendingEmail version } }";

/// The session of a user that `App::user` made.
async fn session<'a>(app: &'a App, organization: &str, id: &str) -> Caller<'a> {
    app.key(app.sign_in(organization, id).await.access)
}

fn to(email: &str, of: &str) -> Value {
    json!({ "email": email, "password": format!("password-of-{of}") })
}

/// Requests an address, and gives the token from the mail to it.
async fn requested(app: &App, caller: &Caller<'_>, email: &str, of: &str) -> String {
    caller.ok(CHANGE, to(email, of)).await;
    token_to(app, email)
}

/// The token in the last mail to an address.
fn token_to(app: &App, email: &str) -> String {
    let mails = app.mails();
    let mail = mails
        .iter()
        .rfind(|mail| mail.contains(&format!("To: {email}")))
        .unwrap();
    tokens_of(mail).remove(0)
}

async fn execute(app: &App, sql: &str) {
    let change = app.services.db.begin().await.unwrap();
    change.execute_unprepared(sql).await.unwrap();
    change.commit().await.unwrap();
}

async fn demand_confirmation(app: &App) {
    let demand = "mutation { updateOrganization(where: {id: \"acme\"}, data: {confirmEmailChanges: true}) { confirmEmailChanges } }";
    let demanded = app.admin().ok(demand, json!({})).await;
    assert_eq!(demanded["updateOrganization"]["confirmEmailChanges"], true);
}

on_both! {
    async fn everybody_changes_the_own_names(app: App) {
        app.organization("acme", &[]).await;
        let ada = app.user("acme", "ada", None).await;
        let named = json!({"data": {"name": "Ada", "firstname": "Augusta", "lastname": "King"}, "version": 1});
        let changed = ada.ok(UPDATE_ME, named.clone()).await["updateMe"].clone();
        assert_eq!(changed, json!({"id": "ada", "name": "Ada", "firstname": "Augusta", "lastname": "King", "version": 2}));
        assert_eq!(ada.refused(UPDATE_ME, named).await, "CONFLICT");
        let cleared = ada.ok(UPDATE_ME, json!({"data": {"firstname": null, "lastname": ""}, "clear": ["NAME"]})).await["updateMe"].clone();
        assert_eq!(cleared, json!({"id": "ada", "name": "Augusta", "firstname": "Augusta", "lastname": null, "version": 3}));
        assert_eq!(ada.refused(UPDATE_ME, json!({"data": {"name": "Ada"}, "clear": ["NAME"]})).await, "INVALID");
        assert_eq!(ada.refused(UPDATE_ME, json!({"data": {"name": "a".repeat(256)}})).await, "INVALID");
        let before = app.dump().await;
        ada.ok(UPDATE_ME, json!({"data": {"firstname": "Augusta"}})).await;
        assert_eq!(before, app.dump().await, "nothing changed");
        // With a key of few permissions too, and by who acts in her name.
        let key = "mutation { createApiKey(data: {name: \"small\", permissions: [\"read:user\"]}) { secret } }";
        let chief = app.user("acme", "chief", Some("organization-admin")).await;
        let small = chief.ok(key, json!({})).await["createApiKey"]["secret"].as_str().unwrap().to_owned();
        app.key(small).ok(UPDATE_ME, json!({"data": {"name": "The chief"}})).await;
        chief.acting_as("ada").ok(UPDATE_ME, json!({"data": {"name": "Ada"}})).await;
        let last = "SELECT action || ' ' || fields || ' ' || actor_id || ' ' || impersonator_id FROM audit_events ORDER BY pk DESC LIMIT 1";
        assert_eq!(app.column::<String>(last).await, ["user.update name ada chief"]);
        assert_eq!(app.anonymous().refused(UPDATE_ME, json!({"data": {}})).await, "UNAUTHENTICATED");
    }

    async fn an_address_changes_when_the_link_is_used(app: App) {
        app.organization("acme", &[]).await;
        app.user("acme", "ada", None).await;
        let ada = session(&app, "acme", "ada").await;
        let asked = ada.ok(CHANGE, to("Lovelace@acme.example", "ada")).await["changeMyEmail"].clone();
        assert_eq!(asked, json!({"email": "ada@acme.example", "pendingEmail": "lovelace@acme.example", "emailVerified": false}));
        let (link, notice) = (app.mails()[0].clone(), app.mails()[1].clone());
        assert!(link.contains("To: lovelace@acme.example") && link.contains("/verify-email#token=") && !link.contains("ada@acme"), "{link}");
        assert!(notice.contains("To: ada@acme.example") && !notice.contains("lovelace"), "{notice}");
        let token = token_to(&app, "lovelace@acme.example");
        assert!(!app.dump().await.contains(&token), "the token itself is stored");
        // Nothing has changed yet: the old address signs in and is verified.
        app.sign_in("acme", "ada").await;
        ada.ok("mutation { requestEmailVerification { id } }", json!({})).await;
        let old = token_to(&app, "ada@acme.example");
        app.anonymous().ok(VERIFY, json!({"token": token})).await;
        let changed = json!({"email": "lovelace@acme.example", "pendingEmail": null, "emailVerified": true, "passwordVerified": null});
        assert_eq!(ada.ok(ME, json!({})).await["me"], changed);
        let told = app.mails().pop().unwrap();
        assert!(told.contains("To: ada@acme.example") && told.contains("ada@acme.example is no longer") && !told.contains("lovelace"), "{told}");
        // The old mailbox opens nothing, and the token works once.
        for (document, token) in [(VERIFY, &token), (VERIFY, &old)] {
            assert_eq!(app.anonymous().refused(document, json!({"token": token})).await, "INVALID");
        }
        assert_eq!(code_of(&app.try_sign_in(None, "ada@acme.example", "password-of-ada").await), "UNAUTHENTICATED");
        assert_eq!(code_of(&app.try_sign_in(None, "lovelace@acme.example", "password-of-ada").await), "OK");
        let events = app.column::<String>("SELECT action FROM audit_events WHERE action LIKE 'email.%' ORDER BY pk").await;
        assert_eq!(events, ["email.requestChange", "email.requestVerification", "email.change"]);
    }

    async fn only_the_person_requests_an_address(app: App) {
        app.organization("acme", &[]).await;
        let chief = app.user("acme", "chief", Some("organization-admin")).await;
        let ada = app.user("acme", "ada", None).await;
        app.sign_in("acme", "ada").await;
        let impersonate = "mutation { impersonateUser(where: {id: \"ada\"}, reason: \"to help\") { accessToken } }";
        let tokens = chief.ok(impersonate, json!({})).await;
        let as_ada = app.key(tokens["impersonateUser"]["accessToken"].as_str().unwrap());
        let by_session = session(&app, "acme", "chief").await;
        let right = json!({"old": "password-of-ada", "new": "a brand new one"});
        for caller in [ada.clone(), chief.clone().acting_as("ada"), as_ada, by_session.acting_as("ada")] {
            assert_eq!(caller.refused(CHANGE, to("new@acme.example", "ada")).await, "FORBIDDEN");
            assert_eq!(caller.refused(PASSWORD, right.clone()).await, "FORBIDDEN");
        }
        for document in [CHANGE, PASSWORD] {
            let variables = json!({"email": "a@b.example", "password": "", "old": "", "new": ""});
            assert_eq!(app.anonymous().refused(document, variables).await, "UNAUTHENTICATED");
        }
        // Administrators change others' addresses, and their own with their password.
        assert_eq!(chief.refused(SET_EMAIL, json!({"id": "chief", "email": "new@acme.example"})).await, "FORBIDDEN");
        let clear = "mutation { updatePropertiesInUser(where: {id: \"chief\"}, data: {}, clear: [EMAIL]) { id } }";
        assert_eq!(chief.refused(clear, json!({})).await, "FORBIDDEN");
        let boss = app.user("acme", "boss", Some("organization-admin")).await;
        assert_eq!(chief.acting_as("boss").refused(SET_EMAIL, json!({"id": "chief", "email": "new@acme.example"})).await, "FORBIDDEN");
        boss.ok(SET_EMAIL, json!({"id": "chief", "email": "new@acme.example"})).await;
        // Somebody without an address could be told by nothing from somebody who found the key.
        app.admin().ok("mutation { createUser(data: {id: \"nomail\", organizationId: \"acme\", roles: [\"organization-admin\"]}) { id } }", json!({})).await;
        let first = json!({"id": "nomail", "email": "nomail@acme.example"});
        assert_eq!(app.key_of("nomail").await.refused(SET_EMAIL, first.clone()).await, "FORBIDDEN");
        boss.ok(SET_EMAIL, first).await;
    }

    async fn a_stolen_session_needs_the_password(app: App) {
        app.organization("acme", &[]).await;
        app.user("acme", "ada", None).await;
        let thief = session(&app, "acme", "ada").await;
        for n in 0..20 {
            assert_eq!(thief.refused(CHANGE, json!({"email": "thief@evil.example", "password": format!("guess {n} of many")})).await, "INVALID");
        }
        // Guesses of both kinds are counted together, and the right one is refused too.
        let refusal = thief.refusal(CHANGE, to("thief@evil.example", "ada")).await;
        assert_eq!(refusal["extensions"]["code"], "RATE_LIMITED", "{refusal}");
        assert_eq!(thief.refused(PASSWORD, json!({"old": "password-of-ada", "new": "a brand new one"})).await, "RATE_LIMITED");
        // She still signs in.
        app.sign_in("acme", "ada").await;
        app.services.clock.advance(Duration::from_secs(60));
        thief.ok(CHANGE, to("ada@home.example", "ada")).await;
    }

    async fn an_own_password_changes_with_the_old_one(app: App) {
        app.organization("acme", &[]).await;
        let key = app.user("acme", "ada", None).await;
        let (ada, other) = (session(&app, "acme", "ada").await, session(&app, "acme", "ada").await);
        let token = requested(&app, &ada, "new@acme.example", "ada").await;
        for (old, new, field) in [
            ("not the password", "a brand new one", "oldPassword"),
            ("password-of-ada", "password-of-ada", "newPassword"),
            ("password-of-ada", "short", "newPassword"),
            ("password-of-ada", "ada@acme.example", "newPassword"),
        ] {
            let refusal = ada.refusal(PASSWORD, json!({"old": old, "new": new})).await;
            assert_eq!((&refusal["extensions"]["code"], &refusal["extensions"]["field"]), (&json!("INVALID"), &json!(format!("data.{field}"))), "{refusal}");
        }
        ada.ok(PASSWORD, json!({"old": "password-of-ada", "new": "a brand new one"})).await;
        assert_eq!(code_of(&app.try_sign_in(None, "ada@acme.example", "a brand new one").await), "OK");
        assert_eq!(code_of(&app.try_sign_in(None, "ada@acme.example", "password-of-ada").await), "UNAUTHENTICATED");
        // Other sessions end, and a requested address; this session and keys stay.
        assert_eq!(other.code("{ me { id } }", json!({})).await, "UNAUTHENTICATED");
        assert_eq!(ada.ok(ME, json!({})).await["me"]["pendingEmail"], Value::Null);
        assert_eq!(app.anonymous().refused(VERIFY, json!({"token": token})).await, "INVALID");
        key.ok("{ me { id } }", json!({})).await;
    }

    async fn what_ends_a_requested_address(app: App) {
        app.organization("acme", &["berlin", "paris"]).await;
        app.organization("globex", &[]).await;
        let admin = app.admin();
        let update = |id: &str, data: &str| format!("mutation {{ updatePropertiesInUser(where: {{id: \"{id}\"}}, data: {{{data}}}) {{ id }} }}");
        for (n, way) in ["again", "reset", "address", "none", "deactivated", "organization", "tenant", "deleted", "day"].into_iter().enumerate() {
            let id = format!("u{n}");
            app.user("acme", &id, None).await;
            admin.ok(&update(&id, "tenantId: \"berlin\""), json!({})).await;
            let user = session(&app, "acme", &id).await;
            let token = requested(&app, &user, &format!("{id}@new.example"), &id).await;
            match way {
                "again" => drop(user.ok(CHANGE, to(&format!("{id}@newer.example"), &id)).await),
                "reset" => {
                    admin.ok("mutation($id: ID) { resetPassword(where: {id: $id}) { id } }", json!({"id": id})).await;
                    app.anonymous().ok(RESET, json!({"token": app.mailed_token()})).await;
                }
                "address" => drop(admin.ok(&update(&id, &format!("email: \"{id}@other.example\"")), json!({})).await),
                "none" => drop(admin.ok("mutation($id: ID) { updatePropertiesInUser(where: {id: $id}, data: {}, clear: [EMAIL]) { id } }", json!({"id": id})).await),
                "deactivated" => drop(admin.ok("mutation($id: ID) { deactivateUser(where: {id: $id}) { id } }", json!({"id": id})).await),
                "organization" => drop(admin.ok(&update(&id, "organizationId: \"globex\""), json!({})).await),
                "tenant" => drop(admin.ok(&update(&id, "tenantId: \"paris\""), json!({})).await),
                "deleted" => drop(admin.ok("mutation($id: ID) { deleteUser(where: {id: $id}) { id } }", json!({"id": id})).await),
                _ => app.services.clock.advance(Duration::from_secs(24 * 60 * 60)),
            }
            assert_eq!(app.anonymous().refused(VERIFY, json!({"token": token})).await, "INVALID", "{way}");
            let shown = admin.ok("query($id: ID) { users(where: {id: $id}) { pendingEmail } }", json!({"id": id})).await;
            let pending = (way == "again").then(|| format!("{id}@newer.example"));
            assert_eq!(shown["users"][0]["pendingEmail"], json!(pending), "{way}");
        }
        // Verifying the present address ends nothing.
        app.user("acme", "last", None).await;
        let last = session(&app, "acme", "last").await;
        let token = requested(&app, &last, "last@new.example", "last").await;
        last.ok("mutation { requestEmailVerification { id } }", json!({})).await;
        app.anonymous().ok(VERIFY, json!({"token": app.mailed_token()})).await;
        app.anonymous().ok(VERIFY, json!({"token": token})).await;
    }

    async fn a_taken_address_is_not_told_and_not_given(app: App) {
        app.organization("acme", &[]).await;
        app.organization("globex", &[]).await;
        app.user("acme", "ada", None).await;
        app.user("acme", "eve", None).await;
        app.user("globex", "bob", None).await;
        let ada = session(&app, "acme", "ada").await;
        let free = ada.ok(CHANGE, to("nobody@acme.example", "ada")).await["changeMyEmail"]["email"].clone();
        let token = requested(&app, &ada, "eve@acme.example", "ada").await;
        assert_eq!(free, ada.ok(ME, json!({})).await["me"]["email"], "the same answer");
        let refusal = app.anonymous().refusal(VERIFY, json!({"token": token})).await;
        assert_eq!((&refusal["extensions"]["code"], &refusal["extensions"]["reason"]), (&json!("CONFLICT"), &json!("TAKEN")), "{refusal}");
        assert_eq!(app.anonymous().refused(VERIFY, json!({"token": token})).await, "CONFLICT");
        // Once it is free, the link works; elsewhere it may be somebody's.
        app.admin().ok("mutation { deleteUser(where: {id: \"eve\"}) { id } }", json!({})).await;
        app.anonymous().ok(VERIFY, json!({"token": token})).await;
        let token = requested(&app, &ada, "bob@globex.example", "ada").await;
        app.anonymous().ok(VERIFY, json!({"token": token})).await;
        assert_eq!(ada.refused(CHANGE, to("bob@globex.example", "ada")).await, "INVALID");
        assert_eq!(ada.refused(CHANGE, to("no address", "ada")).await, "INVALID");
    }

    /// Two who asked for the same address, and one link that is used twice at once.
    async fn of_two_at_once_one_gets_the_address(app: App) {
        app.organization("acme", &[]).await;
        let mut tokens = Vec::new();
        for id in ["ada", "eve"] {
            app.user("acme", id, None).await;
            let caller = session(&app, "acme", id).await;
            tokens.push(requested(&app, &caller, "one@acme.example", id).await);
        }
        let uses = tokens.iter().chain(&tokens);
        let nobody = app.anonymous();
        let answers = join_all(uses.map(|token| nobody.send(VERIFY, json!({"token": token})))).await;
        let mut codes: Vec<String> = answers.iter().map(code_of).collect();
        codes.sort();
        assert_eq!(codes, ["CONFLICT", "CONFLICT", "INVALID", "OK"]);
        assert_eq!(app.number("SELECT COUNT(*) FROM users WHERE email = 'one@acme.example'").await, 1);
    }

    async fn a_deactivation_and_the_link_at_once(app: App) {
        app.organization("acme", &[]).await;
        for n in 0..6 {
            let id = format!("u{n}");
            app.user("acme", &id, None).await;
            let caller = session(&app, "acme", &id).await;
            let token = requested(&app, &caller, &format!("{id}@new.example"), &id).await;
            let (admin, nobody) = (app.admin(), app.anonymous());
            let deactivate = "mutation($id: ID) { deactivateUser(where: {id: $id}) { id } }";
            let (done, used) = tokio::join!(admin.send(deactivate, json!({"id": id})), nobody.send(VERIFY, json!({"token": token})));
            assert_eq!(code_of(&done), "OK", "{done}");
            let row = app.user_row(&id).await;
            // Whichever came first, the account is deactivated, and no link is left.
            let new = row.email.unwrap().to_string() == format!("{id}@new.example");
            assert_eq!((row.activated, new), (false, code_of(&used) == "OK"), "{used}");
            assert_eq!(app.anonymous().refused(VERIFY, json!({"token": token})).await, "INVALID");
        }
    }

    async fn few_mails_go_to_addresses_of_strangers(app: App) {
        app.organization("acme", &[]).await;
        app.user("acme", "ada", None).await;
        let ada = session(&app, "acme", "ada").await;
        for n in 0..5 {
            ada.ok(CHANGE, to(&format!("stranger{n}@mail.example"), "ada")).await;
        }
        let refusal = ada.refusal(CHANGE, to("stranger5@mail.example", "ada")).await;
        assert_eq!(refusal["extensions"]["code"], "RATE_LIMITED", "{refusal}");
        assert_eq!(ada.ok(ME, json!({})).await["me"]["pendingEmail"], "stranger4@mail.example");
        // That others write to an address is not told.
        let chief = app.user("acme", "chief", Some("organization-admin")).await;
        let invite = "mutation { inviteUser(data: {email: \"popular@mail.example\"}) { id } }";
        let id = chief.ok(invite, json!({})).await["inviteUser"]["id"].clone();
        for _ in 0..4 {
            chief.ok("mutation($id: ID) { resendInvitation(where: {id: $id}) { id } }", json!({"id": id})).await;
        }
        app.user("acme", "eve", None).await;
        let before = app.mails().len();
        session(&app, "acme", "eve").await.ok(CHANGE, to("popular@mail.example", "eve")).await;
        // The notice to the old address alone.
        assert_eq!(app.mails().len(), before + 1);
    }

    async fn without_mail_no_address_is_requested(app: App) {
        app.organization("acme", &[]).await;
        app.user("acme", "ada", None).await;
        let ada = session(&app, "acme", "ada").await;
        app.admin().ok("mutation { updateOrganization(where: {id: \"acme\"}, data: {mailAllowed: false}) { id } }", json!({})).await;
        assert_eq!(ada.refused(CHANGE, to("new@acme.example", "ada")).await, "INVALID");
        demand_confirmation(&app).await;
        assert_eq!(app.admin().refused(SET_EMAIL, json!({"id": "ada", "email": "new@acme.example"})).await, "INVALID");
        let names = "mutation { updatePropertiesInUser(where: {id: \"ada\"}, data: {email: \"ada@acme.example\", name: \"Ada\"}) { name } }";
        assert_eq!(app.admin().ok(names, json!({})).await["updatePropertiesInUser"]["name"], "Ada");
    }

    async fn an_organization_demands_confirmation(app: App) {
        app.organization("acme", &[]).await;
        app.organization("globex", &[]).await;
        let chief = app.user("acme", "chief", Some("organization-admin")).await;
        let demand = "mutation { updateOrganization(where: {id: \"acme\"}, data: {confirmEmailChanges: true}) { id } }";
        assert_eq!(chief.refused(demand, json!({})).await, "FORBIDDEN");
        demand_confirmation(&app).await;
        let ada = app.user("acme", "ada", None).await;
        app.user("acme", "eve", None).await;
        assert_eq!(ada.ok("{ me { organization { confirmEmailChanges } } }", json!({})).await["me"]["organization"]["confirmEmailChanges"], Value::Null);
        let asked = chief.ok(SET_EMAIL, json!({"id": "ada", "email": "New@acme.example"})).await["updatePropertiesInUser"].clone();
        assert_eq!(asked, json!({"email": "ada@acme.example", "pendingEmail": "new@acme.example", "version": 2}));
        let last = "SELECT action || ' ' || fields FROM audit_events ORDER BY pk DESC LIMIT 1";
        assert_eq!(app.column::<String>(last).await, ["user.update pendingEmail"]);
        assert!(app.mails()[1].contains("To: ada@acme.example"), "the old address is told");
        app.anonymous().ok(VERIFY, json!({"token": token_to(&app, "new@acme.example")})).await;
        assert_eq!(ada.ok("{ me { email emailVerified } }", json!({})).await["me"], json!({"email": "new@acme.example", "emailVerified": true}));
        // Who manages users may know who has an address.
        assert_eq!(chief.refused(SET_EMAIL, json!({"id": "ada", "email": "eve@acme.example"})).await, "CONFLICT");
        // By the other products' APIs too; whoever has no address gets none at once either.
        let body = json!({"email": "air@acme.example"});
        let reply = chief.rest(axum::http::Method::PATCH, "/api/data/users/ada", Some(&body)).await;
        assert_eq!((reply.status.as_u16(), &reply.json()["email"]), (200, &json!("new@acme.example")));
        let clear = "mutation { updatePropertiesInUser(where: {id: \"eve\"}, data: {}, clear: [EMAIL]) { email pendingEmail } }";
        assert_eq!(chief.ok(clear, json!({})).await["updatePropertiesInUser"], json!({"email": null, "pendingEmail": null}));
        let first = chief.ok(SET_EMAIL, json!({"id": "eve", "email": "first@acme.example"})).await["updatePropertiesInUser"].clone();
        assert_eq!((&first["email"], &first["pendingEmail"]), (&Value::Null, &json!("first@acme.example")));
        // A move and an address are two decisions.
        let both = "mutation { updatePropertiesInUser(where: {id: \"ada\"}, data: {email: \"x@acme.example\", organizationId: \"globex\"}) { id } }";
        assert_eq!(app.admin().refused(both, json!({})).await, "INVALID");
        // A service only has a contact.
        app.admin().ok("mutation { createUser(data: {id: \"bot\", kind: SERVICE, organizationId: \"acme\"}) { id } }", json!({})).await;
        let contact = chief.ok(SET_EMAIL, json!({"id": "bot", "email": "bot@acme.example"})).await["updatePropertiesInUser"].clone();
        assert_eq!((&contact["email"], &contact["pendingEmail"]), (&json!("bot@acme.example"), &Value::Null));
        // The link is no way around the rule of who may change whom.
        app.user("acme", "root", Some("super-admin")).await;
        assert_eq!(chief.refused(SET_EMAIL, json!({"id": "root", "email": "x@acme.example"})).await, "FORBIDDEN");
    }

    async fn a_requested_address_is_seen_with_the_user(app: App) {
        app.organization("acme", &[]).await;
        let chief = app.user("acme", "chief", Some("organization-admin")).await;
        let eve = app.user("acme", "eve", Some("user")).await;
        app.user("acme", "ada", None).await;
        let ada = session(&app, "acme", "ada").await;
        requested(&app, &ada, "new@acme.example", "ada").await;
        let pending = "{ users(where: {id: \"ada\"}) { pendingEmail } }";
        assert_eq!(chief.ok(pending, json!({})).await["users"][0]["pendingEmail"], "new@acme.example");
        assert_eq!(eve.ok(pending, json!({})).await["users"], json!([]));
        // Of a clock that was two days ahead, and was put back.
        execute(&app, "UPDATE email_tokens SET expires_at = expires_at + 172800000000").await;
        assert_eq!(chief.ok(pending, json!({})).await["users"][0]["pendingEmail"], Value::Null);
    }

    async fn a_key_shows_what_it_may_do(app: App) {
        app.organization("acme", &["berlin"]).await;
        let chief = app.user("acme", "chief", Some("organization-admin")).await;
        let secret = async |caller: &Caller<'_>, permissions: Value| {
            let key = "mutation($data: CreateApiKeyData!) { createApiKey(data: $data) { secret } }";
            let data = json!({"name": "small", "permissions": permissions});
            caller.ok(key, json!({"data": data})).await["createApiKey"]["secret"].as_str().unwrap().to_owned()
        };
        let small = app.key(secret(&chief, json!(["read:user", "usage:impersonation"])).await);
        let shown = "{ me { permissions here: permissions(tenant: \"berlin\") viewerCan { update } reach { organization } } }";
        let me = small.ok(shown, json!({})).await["me"].clone();
        let few = json!(["read:user", "usage:impersonation"]);
        assert_eq!((&me["permissions"], &me["here"], &me["viewerCan"]["update"]), (&few, &few, &json!(false)));
        let all = chief.ok(shown, json!({})).await["me"]["permissions"].clone();
        assert!(all.as_array().unwrap().len() > 10, "{all}");
        // Of others, what their roles permit; and so inside of an impersonation.
        app.user("acme", "ada", Some("team-manager")).await;
        let ada = small.ok("{ users(where: {id: \"ada\"}) { permissions } }", json!({})).await["users"][0]["permissions"].clone();
        assert!(ada.as_array().unwrap().len() > 3, "{ada}");
        assert_eq!(chief.acting_as("ada").ok("{ me { permissions } }", json!({})).await["me"]["permissions"], ada);
        // The other products' APIs show the roles'.
        let info = small.rest(axum::http::Method::POST, "/api/get-user-info", Some(&json!({}))).await.json();
        assert!(info["permissions"].as_array().unwrap().contains(&json!("write:user")), "{info}");
    }
}
