//! Section 2: users.

use std::time::Duration;

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};
use tenantry::model::BuiltIn;

use super::{ROLES, USERS, answered, get, hex, is_hex, many, many_users, patch, post, put, refused, role_id, world};
use crate::on_both;
use crate::support::session::code_of;
use crate::support::{App, Caller, START};

const PASSWORD: &str = "Brass-kettle-27-hums";
const OTHER: &str = "Tin-whistle-84-sings";

fn at(id: &str) -> String {
    format!("{USERS}/{id}")
}

/// A value of each JSON type but text.
fn no_texts() -> [Value; 5] {
    [json!(null), json!(7), json!(true), json!(["x"]), json!({"x": 1})]
}

/// A value of each JSON type but true and false.
fn no_flags() -> [Value; 6] {
    [
        json!(null),
        json!(1),
        json!("true"),
        json!(""),
        json!([true]),
        json!({}),
    ]
}

fn with(mut body: Value, key: &str, value: Value) -> Value {
    body[key] = value;
    body
}

fn without(mut body: Value, key: &str) -> Value {
    body.as_object_mut().unwrap().remove(key);
    body
}

async fn signs_in(app: &App, email: &str, password: &str) -> String {
    code_of(&app.try_sign_in(None, email, password).await)
}

async fn ids(caller: &Caller<'_>) -> Vec<String> {
    let users = get(caller, USERS).await;
    assert_eq!(users.as_object().unwrap().len(), 1, "{users}");
    let ids = users["users"].as_array().unwrap().iter();
    ids.map(|user| user["id"].as_str().unwrap().to_owned()).collect()
}

on_both! {
    async fn a_user_is_made_with_all_that_it_can_have(app: App) {
        let (ada, _) = world(&app).await;
        let made = post(&ada, USERS, json!({
            "email": "Grace.Hopper@ACME.example", "password": PASSWORD, "first_name": "Grace", "last_name": "Hopper",
            "enabled": true, "role_id": role_id(BuiltIn::TeamManager),
            // Ignored: what the server makes itself, and what it does not know.
            "id": "mine", "created_at": "1999-01-01T00:00:00Z", "updated_at": 7, "admin": true, "shoe_size": null,
        })).await;
        let id = made["id"].as_str().unwrap().to_owned();
        assert!(is_hex(&made["id"]), "{made}");
        assert_eq!(made, json!({
            "id": id, "email": "grace.hopper@acme.example", "first_name": "Grace", "last_name": "Hopper", "enabled": true,
            "role_id": role_id(BuiltIn::TeamManager), "created_at": START, "updated_at": START,
        }));
        let keys: Vec<&String> = made.as_object().unwrap().keys().collect();
        assert_eq!(keys, ["id", "email", "first_name", "last_name", "enabled", "role_id", "created_at", "updated_at"]);
        // GraphQL shows the same user, under the hyphenated form of its id.
        let uuid = uuid::Uuid::parse_str(&id).unwrap().hyphenated().to_string();
        let seen = app.admin().read_user(&uuid).await;
        assert_eq!(seen["email"], "grace.hopper@acme.example");
        assert_eq!((&seen["firstname"], &seen["lastname"]), (&json!("Grace"), &json!("Hopper")));
        assert_eq!(seen["roles"], json!([{ "name": "team-manager" }]));
        assert_eq!(seen["organizationId"], "acme");
        assert_eq!(signs_in(&app, "grace.hopper@acme.example", PASSWORD).await, "OK");
        assert_eq!(get(&ada, &at(&id)).await, made);
        let told: Vec<String> = app.column(&format!("SELECT actor_id FROM audit_events WHERE action = 'user.create' AND target_id = '{uuid}'")).await;
        assert_eq!(told, ["ada"]);
    }

    async fn a_user_needs_no_more_than_an_address_and_a_password(app: App) {
        let (ada, _) = world(&app).await;
        let made = post(&ada, USERS, json!({ "email": "new@acme.example", "password": PASSWORD })).await;
        assert_eq!(made, json!({
            "id": made["id"], "email": "new@acme.example", "first_name": "", "last_name": "", "enabled": true,
            "role_id": role_id(BuiltIn::User), "created_at": START, "updated_at": START,
        }));
        let names = "{ users(where: {email: \"new@acme.example\"}) { roles { name } } }";
        assert_eq!(ada.ok(names, json!({})).await["users"][0]["roles"], json!([{ "name": "user" }]));
        // The empty text is no name.
        let made = post(&ada, USERS, json!({ "email": "b@acme.example", "password": PASSWORD, "first_name": "", "last_name": "" })).await;
        assert_eq!((&made["first_name"], &made["last_name"]), (&json!(""), &json!("")));
        // And one that is made disabled is.
        let made = post(&ada, USERS, json!({ "email": "c@acme.example", "password": PASSWORD, "enabled": false })).await;
        assert_eq!(made["enabled"], false);
        assert_eq!(signs_in(&app, "c@acme.example", PASSWORD).await, "FORBIDDEN");
    }

    async fn a_role_is_named_by_its_id_in_any_form(app: App) {
        let (ada, _) = world(&app).await;
        let make = "mutation($name: String!) { createRole(data: {name: $name, permissions: [\"read:user\"]}) { id } }";
        let own = ada.ok(make, json!({ "name": "reader" })).await["createRole"]["id"].as_str().unwrap().to_owned();
        let gus = app.key_of("gus").await;
        let foreign = gus.ok(make, json!({ "name": "theirs" })).await["createRole"]["id"].as_str().unwrap().to_owned();
        let roles = [role_id(BuiltIn::Admin), BuiltIn::Admin.id().to_owned(), BuiltIn::Admin.id().to_uppercase(), own.clone(), hex(&own)];
        for (number, role) in roles.iter().enumerate() {
            let made = post(&ada, USERS, json!({ "email": format!("u{number}@acme.example"), "password": PASSWORD, "role_id": role })).await;
            assert_eq!(made["role_id"], hex(&role.to_lowercase()));
            // A user's role is one that can be read.
            assert_eq!(get(&ada, &format!("{ROLES}/{}", made["role_id"].as_str().unwrap())).await["id"], made["role_id"]);
        }
        let target = at("ann");
        for role in [&foreign, &hex(&foreign), "reader", "user", "", " ", "nonsense", "0190000000007000800000000000ffff", "\u{0}"] {
            let body = json!({ "email": "x@acme.example", "password": PASSWORD, "role_id": role });
            refused(&ada, 400, Method::POST, USERS, Some(&body)).await;
            refused(&ada, 400, Method::PATCH, &target, Some(&json!({ "role_id": role }))).await;
            refused(&ada, 400, Method::PUT, &target, Some(&json!({ "email": "ann@acme.example", "role_id": role }))).await;
        }
    }

    async fn what_cannot_be_a_user_is_refused(app: App) {
        let (ada, _) = world(&app).await;
        let fine = json!({ "email": "new@acme.example", "password": PASSWORD });
        let mut bodies = vec![without(fine.clone(), "email"), without(fine.clone(), "password"), json!({})];
        for key in ["email", "password", "first_name", "last_name", "role_id"] {
            bodies.extend(no_texts().map(|value| with(fine.clone(), key, value)));
        }
        bodies.extend(no_flags().map(|value| with(fine.clone(), "enabled", value)));
        for address in ["", " ", "nobody", "@acme.example", "a b@acme.example", "a@", "a@b@c", "a@acme.example\u{0}"] {
            bodies.push(with(fine.clone(), "email", json!(address)));
        }
        for password in ["", "short-1", "password", "new@acme.example", &"x".repeat(129), "with\u{0}zero-1234"] {
            bodies.push(with(fine.clone(), "password", json!(password)));
        }
        for name in ["a\u{0}b", "a\nb", &"x".repeat(256)] {
            bodies.push(with(fine.clone(), "first_name", json!(name)));
            bodies.push(with(fine.clone(), "last_name", json!(name)));
        }
        // Duplicates, in any case.
        bodies.extend(["ann@acme.example", "ANN@Acme.Example"].map(|email| with(fine.clone(), "email", json!(email))));
        for body in &bodies {
            let text = refused(&ada, 400, Method::POST, USERS, Some(body)).await;
            assert!(!text.contains(PASSWORD), "{text}");
        }
        // A refusal calls a field what the caller called it.
        let text = refused(&ada, 400, Method::POST, USERS, Some(&with(fine.clone(), "first_name", json!("x".repeat(256))))).await;
        assert!(text.contains("'first_name'"), "{text}");
        // An address that somebody has in another organization is free here.
        let made = post(&ada, USERS, with(fine.clone(), "email", json!("gil@globex.example"))).await;
        assert_eq!(made["email"], "gil@globex.example");
        ada.ok("mutation { deleteUser(where: {email: \"gil@globex.example\"}) { id } }", json!({})).await;
        // No seat is left.
        app.admin().ok("mutation { updateOrganization(where: {id: \"acme\"}, data: {seatLimit: 2}) { id } }", json!({})).await;
        refused(&ada, 400, Method::POST, USERS, Some(&fine)).await;
        // None is needed for somebody who is disabled, but then to enable them.
        let made = post(&ada, USERS, with(fine.clone(), "enabled", json!(false))).await;
        refused(&ada, 400, Method::PATCH, &at(made["id"].as_str().unwrap()), Some(&json!({ "enabled": true }))).await;
    }

    async fn a_user_is_read_by_its_id_in_any_spelling(app: App) {
        let (ada, ann) = world(&app).await;
        let uuid = "0192f0c1-7a00-7abc-8def-0123456789ab";
        ada.create_user(json!({ "id": uuid, "firstname": "Hyphenated" })).await;
        for form in [uuid.to_owned(), hex(uuid), uuid.to_uppercase(), hex(uuid).to_uppercase()] {
            let seen = get(&ada, &at(&form)).await;
            assert_eq!(seen, json!({
                "id": hex(uuid), "email": "", "first_name": "Hyphenated", "last_name": "", "enabled": true,
                "role_id": role_id(BuiltIn::User), "created_at": START, "updated_at": START,
            }));
        }
        // However it was written when it was made, it is shown in the product's form, and found in any.
        let odd = "{0192F0C1-7A00-7ABC-8DEF-0123456789AC}";
        ada.create_user(json!({ "id": odd, "firstname": "Odd" })).await;
        for form in ["0192f0c17a007abc8def0123456789ac", "0192F0C1-7A00-7ABC-8DEF-0123456789AC", "%7B0192F0C1-7A00-7ABC-8DEF-0123456789AC%7D"] {
            let seen = get(&ada, &at(form)).await;
            assert_eq!((&seen["id"], &seen["first_name"]), (&json!("0192f0c17a007abc8def0123456789ac"), &json!("Odd")));
        }
        // Ids that are no UUIDs are shown as they are.
        ada.create_user(json!({ "id": "a b/c?d%e" })).await;
        assert_eq!(get(&ada, &at("a%20b%2Fc%3Fd%25e")).await["id"], "a b/c?d%e");
        assert_eq!(get(&ada, &at("ann")).await["email"], "ann@acme.example");
        assert_eq!(get(&ann, &at("ann")).await["id"], "ann");

        // Unknown, of another organization, or in no valid form: the same words.
        let unknown = refused(&ada, 404, Method::GET, &at("unknown"), None).await;
        for id in ["gil", "gus", "admin"] {
            assert_eq!(refused(&ada, 404, Method::GET, &at(id), None).await, unknown.replace("unknown", id));
        }
        // Also for a super admin, who reaches further elsewhere.
        for id in ["ann", "gil", "unknown"] {
            assert_eq!(refused(&app.admin(), 404, Method::GET, &at(id), None).await, unknown.replace("unknown", id));
        }
        let long = "x".repeat(300);
        for id in ["%20", "%00", "%C3%A9", "%FF", "ANN", "ann%20", &long, "ann@acme.example"] {
            refused(&ada, 404, Method::GET, &at(id), None).await;
            refused(&ada, 404, Method::PATCH, &at(id), Some(&json!({ "last_name": "X" }))).await;
            refused(&ada, 404, Method::PUT, &at(id), Some(&json!({ "email": "x@acme.example" }))).await;
        }
    }

    async fn the_list_is_of_ones_own_organization_and_whole(app: App) {
        let (ada, ann) = world(&app).await;
        assert_eq!(ids(&ada).await, ["ada", "ann"]);
        assert_eq!(ids(&app.key_of("gus").await).await, ["gus", "gil"]);
        assert_eq!(ids(&app.admin()).await, ["admin"]);
        // Who reads nobody else is the whole list.
        assert_eq!(ids(&ann).await, ["ann"]);
        let one = get(&ann, USERS).await["users"][0].clone();
        assert_eq!(one, get(&ann, &at("ann")).await);
        // More than one stretch, and just as many as two.
        many_users(&app, 998).await;
        let all = ids(&ada).await;
        assert_eq!(all.len(), 1000);
        assert_eq!(std::collections::BTreeSet::from_iter(&all).len(), 1000);
        many(&app, 1, "users", "id, organization_pk, activated, version, created_at, updated_at",
            "'last', (SELECT pk FROM organizations WHERE id = 'acme'), FALSE, 1, 9000000000000000, 9000000000000000").await;
        let all = get(&ada, USERS).await;
        let all = all["users"].as_array().unwrap();
        assert_eq!(all.len(), 1001);
        assert_eq!(all[1000]["id"], "last");
        assert_eq!((&all[1000]["email"], &all[1000]["enabled"]), (&json!(""), &json!(false)));
        for user in all {
            assert_eq!(user.as_object().unwrap().len(), 8);
            assert!(user.as_object().unwrap().values().all(|value| !value.is_null()), "{user}");
        }
        // Unknown parameters change nothing.
        assert_eq!(get(&ada, &format!("{USERS}?page=2&limit=1&Email=x")).await["users"].as_array().unwrap().len(), 1001);
        // One statement for the users of a stretch and one for their roles.
        let sent = tenantry::store::db::SENT.scope(Default::default(), async {
            get(&ada, USERS).await;
            tenantry::store::db::SENT.with(|sent| sent.lock().unwrap().len())
        }).await;
        assert!((6..=8).contains(&sent), "{sent}");
    }

    async fn a_user_is_found_by_its_whole_address(app: App) {
        let (ada, ann) = world(&app).await;
        post(&ada, USERS, json!({ "email": "a+b@acme.example", "password": PASSWORD })).await;
        ada.create_user(json!({ "id": "nameless" })).await;
        let found = async |caller: &Caller<'_>, parameter: &str| {
            let found = get(caller, &format!("{USERS}?{parameter}")).await;
            let found: Vec<String> = found.as_array().unwrap().iter().map(|user| user["email"].as_str().unwrap().to_owned()).collect();
            found
        };
        let whole = get(&ada, &format!("{USERS}?email=ann@acme.example")).await;
        assert_eq!(whole, json!([get(&ada, &at("ann")).await]));
        for parameter in ["email=ann@acme.example", "email=ANN%40ACME.example", "x=1&email=ann@acme.example&y=2"] {
            assert_eq!(found(&ada, parameter).await, ["ann@acme.example"], "{parameter}");
        }
        // The first one counts.
        assert_eq!(found(&ada, "email=ann@acme.example&email=ada@acme.example").await, ["ann@acme.example"]);
        assert_eq!(found(&ada, "email=a%2Bb@acme.example").await, ["a+b@acme.example"]);
        for parameter in [
            "email=a+b@acme.example", "email=ann", "email=ann@acme", "email=@acme.example", "email=nn@acme.example", "email=%25",
            "email=ann@acme.example%00", "email=", "email", "email=_nn@acme.example", "email=gil@globex.example", "email=%FF",
            "email=admin@platform.invalid",
        ] {
            assert_eq!(found(&ada, parameter).await, [""; 0], "{parameter}");
        }
        // Ordinary users find themselves, and a super admin nobody elsewhere.
        assert_eq!(found(&ann, "email=ann@acme.example").await, ["ann@acme.example"]);
        assert_eq!(found(&ann, "email=ada@acme.example").await, [""; 0]);
        assert_eq!(found(&app.admin(), "email=ann@acme.example").await, [""; 0]);
    }

    async fn putting_needs_an_address_and_leaves_what_is_left_out(app: App) {
        let (ada, _) = world(&app).await;
        let target = at("ann");
        let all = json!({
            "email": "Anne@ACME.example", "first_name": "Anne", "last_name": "Lee", "enabled": false,
            "role_id": role_id(BuiltIn::ApiUser),
        });
        let put_once = put(&ada, &target, all.clone()).await;
        assert_eq!(put_once, json!({
            "id": "ann", "email": "anne@acme.example", "first_name": "Anne", "last_name": "Lee", "enabled": false,
            "role_id": role_id(BuiltIn::ApiUser), "created_at": START, "updated_at": "2026-01-02T03:04:05.006001Z",
        }));
        assert_eq!(get(&ada, &target).await, put_once);
        // The same again changes nothing, nor does it collide with itself.
        let before = app.dump().await;
        assert_eq!(put(&ada, &target, all).await, put_once);
        assert_eq!(put(&ada, &target, json!({ "email": "ANNE@acme.example" })).await, put_once);
        // What is unknown, and the password, is ignored.
        let ignored = json!({ "email": "anne@acme.example", "password": OTHER, "admin": true, "id": "x", "created_at": null, "n": [1] });
        assert_eq!(put(&ada, &target, ignored).await, put_once);
        assert_eq!(before, app.dump().await);
        // Names are cleared by the empty text.
        let cleared = put(&ada, &target, json!({ "email": "anne@acme.example", "first_name": "", "last_name": "" })).await;
        assert_eq!((&cleared["first_name"], &cleared["last_name"], &cleared["enabled"]), (&json!(""), &json!(""), &json!(false)));
        for body in [json!({}), json!({ "first_name": "X" }), json!({ "email": "" })] {
            refused(&ada, 400, Method::PUT, &target, Some(&body)).await;
        }
        for wrong in no_texts() {
            refused(&ada, 400, Method::PUT, &target, Some(&json!({ "email": wrong }))).await;
        }
    }

    async fn patching_changes_what_is_named(app: App) {
        let (ada, ann) = world(&app).await;
        let target = at("ann");
        let before = app.dump().await;
        let as_it_was = get(&ada, &target).await;
        assert_eq!(patch(&ada, &target, json!({})).await, as_it_was);
        for ignored in [json!({ "admin": true }), json!({ "admin": "yes" }), json!({ "admin": null }), json!({ "password": OTHER }), json!({ "password": null })] {
            assert_eq!(patch(&ada, &target, ignored).await, as_it_was);
        }
        assert_eq!(before, app.dump().await);
        assert_eq!(signs_in(&app, "ann@acme.example", "password-of-ann").await, "OK");
        // The vendor's own example: it grants nothing.
        let patched = patch(&ada, &target, json!({ "admin": true, "last_name": "Potter" })).await;
        assert_eq!(patched["last_name"], "Potter");
        assert_eq!(patched["role_id"], role_id(BuiltIn::User));
        refused(&ann, 401, Method::GET, ROLES, None).await;
        // Each by itself, and `updated_at` moves on with each change, also within a microsecond.
        let mut updated_at = patched["updated_at"].as_str().unwrap().to_owned();
        for (key, value) in [
            ("email", json!("anna@acme.example")), ("first_name", json!("Anna")), ("last_name", json!("L")),
            ("role_id", json!(role_id(BuiltIn::Labeler))), ("enabled", json!(false)), ("enabled", json!(true)),
        ] {
            let seen = get(&ada, &target).await;
            let patched = patch(&ada, &target, json!({ key: value })).await;
            assert_eq!(patched[key], value);
            for other in ["id", "email", "first_name", "last_name", "role_id", "enabled", "created_at"] {
                assert!(other == key || patched[other] == seen[other], "{key} changed {other}: {patched}");
            }
            assert!(patched["updated_at"].as_str().unwrap() > updated_at.as_str(), "{patched}");
            patched["updated_at"].as_str().unwrap().clone_into(&mut updated_at);
        }
        // Duplicates, and wrong types.
        for email in ["ada@acme.example", "ADA@acme.example"] {
            refused(&ada, 400, Method::PATCH, &target, Some(&json!({ "email": email, "first_name": "Not" }))).await;
            refused(&ada, 400, Method::PUT, &target, Some(&json!({ "email": email, "first_name": "Not" }))).await;
        }
        for key in ["email", "first_name", "last_name", "role_id"] {
            for wrong in no_texts() {
                refused(&ada, 400, Method::PATCH, &target, Some(&json!({ key: wrong }))).await;
                let full = with(json!({ "email": "anna@acme.example" }), key, wrong);
                refused(&ada, 400, Method::PUT, &target, Some(&full)).await;
            }
        }
        for wrong in no_flags() {
            refused(&ada, 400, Method::PATCH, &target, Some(&json!({ "enabled": wrong }))).await;
            refused(&ada, 400, Method::PUT, &target, Some(&json!({ "email": "anna@acme.example", "enabled": wrong }))).await;
        }
        refused(&ada, 400, Method::PATCH, &target, Some(&json!({ "email": "no address" }))).await;
        refused(&ada, 400, Method::PATCH, &target, Some(&json!({ "first_name": "x".repeat(256) }))).await;
    }

    async fn the_role_shown_is_a_view_on_all_roles(app: App) {
        let (ada, _) = world(&app).await;
        let own = ada.ok("mutation { createRole(data: {name: \"own\"}) { id } }", json!({})).await["createRole"]["id"].as_str().unwrap().to_owned();
        let set = "mutation($roles: [String!]!) { updatePropertiesInUser(where: {id: \"ann\"}, data: {roles: $roles}) { id } }";
        let names = async || ada.ok("{ users(where: {id: \"ann\"}) { roles { name } } }", json!({})).await["users"][0]["roles"].clone();
        for (roles, shown) in [
            (vec![], role_id(BuiltIn::User)), (vec!["own"], hex(&own)), (vec!["own", "trial-user"], role_id(BuiltIn::TrialUser)),
            (vec!["own", "labeler", "admin"], role_id(BuiltIn::Admin)),
        ] {
            ada.ok(set, json!({ "roles": roles })).await;
            let seen = get(&ada, &at("ann")).await;
            assert_eq!(seen["role_id"], shown);
            // To set what is shown changes nothing.
            let before = app.dump().await;
            assert_eq!(patch(&ada, &at("ann"), json!({ "role_id": shown })).await, seen);
            assert_eq!(before, app.dump().await);
        }
        // Another one takes the place of all.
        patch(&ada, &at("ann"), json!({ "role_id": role_id(BuiltIn::Reviewer) })).await;
        assert_eq!(names().await, json!([{ "name": "reviewer" }]));
        // A group's role shows too.
        ada.ok("mutation { createGroup(data: {name: \"Team\", roles: [\"team-manager\"]}) { id } }", json!({})).await;
        ada.ok("mutation { addUserToGroup(where: {key: \"TEAM\"}, user: {id: \"ann\"}) { id } }", json!({})).await;
        assert_eq!(get(&ada, &at("ann")).await["role_id"], role_id(BuiltIn::TeamManager));
    }

    async fn a_password_is_set_by_oneself_alone(app: App) {
        let (ada, ann) = world(&app).await;
        let target = "/api/data/users/ann/password";
        let body = json!({ "password": PASSWORD });
        // Nobody else: an administrator, a super admin, a stranger; and whether there is such a user is not told.
        for caller in [ada.clone(), app.admin(), app.key_of("gus").await, app.key_of("gil").await] {
            let seen = refused(&caller, 401, Method::PUT, target, Some(&body)).await;
            assert_eq!(seen, refused(&caller, 401, Method::PUT, "/api/data/users/unknown/password", Some(&body)).await);
        }
        assert_eq!(signs_in(&app, "ann@acme.example", "password-of-ann").await, "OK");
        for wrong in no_texts() {
            refused(&ann, 400, Method::PUT, target, Some(&json!({ "password": wrong }))).await;
        }
        for wrong in ["", "short-1", "password", "ann@acme.example", &"x".repeat(129), "with\u{0}zero-1234"] {
            let text = refused(&ann, 400, Method::PUT, target, Some(&json!({ "password": wrong }))).await;
            assert!(wrong.is_empty() || wrong == "password" || !text.contains(wrong), "{text}");
        }
        refused(&ann, 400, Method::PUT, target, Some(&json!({}))).await;
        assert_eq!(put(&ann, target, with(body.clone(), "old_password", json!(7))).await, json!({ "ok": true }));
        assert_eq!(signs_in(&app, "ann@acme.example", PASSWORD).await, "OK");
        assert_eq!(signs_in(&app, "ann@acme.example", "password-of-ann").await, "UNAUTHENTICATED");
        // Whoever it was not is told by mail.
        assert!(app.mails().pop().unwrap().contains("ann@acme.example"));
        assert!(!app.dump().await.contains(PASSWORD));
        // An administrator's own works as anybody's, and by the other form of an id.
        assert_eq!(put(&ada, "/api/data/users/ada/password", body.clone()).await, json!({ "ok": true }));
        let made = post(&ada, USERS, json!({ "email": "new@acme.example", "password": PASSWORD })).await;
        let tokens = app.try_sign_in(None, "new@acme.example", PASSWORD).await;
        let new = app.key(tokens["data"]["signIn"]["accessToken"].as_str().unwrap());
        let own = format!("/api/data/users/{}/password", made["id"].as_str().unwrap());
        assert_eq!(put(&new, &own, json!({ "password": OTHER })).await, json!({ "ok": true }));
        assert_eq!(signs_in(&app, "new@acme.example", OTHER).await, "OK");
    }

    async fn an_ordinary_user_reads_itself_and_changes_nothing(app: App) {
        let (ada, ann) = world(&app).await;
        assert_eq!(get(&ann, &at("ann")).await, get(&ada, &at("ann")).await);
        // Of others not even whether they are there.
        let seen = refused(&ann, 401, Method::GET, &at("ada"), None).await;
        for id in ["unknown", "gil", "%00"] {
            assert_eq!(refused(&ann, 401, Method::GET, &at(id), None).await, seen);
        }
        let new = json!({ "email": "new@acme.example", "password": PASSWORD });
        refused(&ann, 401, Method::POST, USERS, Some(&new)).await;
        for id in ["ann", "ada", "gil", "unknown"] {
            for body in [json!({ "last_name": "X" }), json!({ "enabled": true }), json!({ "role_id": role_id(BuiltIn::Admin) }), json!({})] {
                refused(&ann, 401, Method::PATCH, &at(id), Some(&body)).await;
                refused(&ann, 401, Method::PUT, &at(id), Some(&with(body, "email", json!("ann@acme.example")))).await;
            }
        }
        // A team manager reads everybody and changes nobody.
        let tim = app.user("acme", "tim", Some("team-manager")).await;
        assert_eq!(ids(&tim).await, ["ada", "ann", "tim"]);
        refused(&tim, 404, Method::GET, &at("gil"), None).await;
        refused(&tim, 401, Method::PATCH, &at("ann"), Some(&json!({ "last_name": "X" }))).await;
        refused(&tim, 401, Method::POST, USERS, Some(&new)).await;
    }

    async fn nobody_goes_beyond_their_own_permissions(app: App) {
        let (ada, _) = world(&app).await;
        app.user("acme", "sue", Some("super-admin")).await;
        let fine = json!({ "email": "new@acme.example", "password": PASSWORD });
        let beyond = role_id(BuiltIn::SuperAdmin);
        refused(&ada, 401, Method::POST, USERS, Some(&with(fine.clone(), "role_id", json!(beyond)))).await;
        for id in ["ann", "ada"] {
            refused(&ada, 401, Method::PATCH, &at(id), Some(&json!({ "role_id": beyond }))).await;
        }
        for body in [json!({ "last_name": "X" }), json!({ "enabled": false }), json!({ "role_id": role_id(BuiltIn::User) })] {
            refused(&ada, 401, Method::PATCH, &at("sue"), Some(&body)).await;
        }
        // A helper with `write:user` and little else makes nobody by default: `user` is beyond it.
        ada.ok("mutation { createRole(data: {name: \"helper\", permissions: [\"read:user\", \"write:user\"]}) { id } }", json!({})).await;
        let helper = app.user("acme", "hal", Some("helper")).await;
        refused(&helper, 401, Method::POST, USERS, Some(&fine)).await;
        // Nobody disables or demotes themselves.
        refused(&ada, 400, Method::PATCH, &at("ada"), Some(&json!({ "enabled": false }))).await;
        refused(&ada, 400, Method::PATCH, &at("ada"), Some(&json!({ "role_id": role_id(BuiltIn::User) }))).await;
        refused(&app.admin(), 400, Method::PATCH, &at("admin"), Some(&json!({ "role_id": role_id(BuiltIn::OrganizationAdmin) }))).await;
    }

    async fn who_is_disabled_is_out_at_once(app: App) {
        let (ada, ann) = world(&app).await;
        let session = app.sign_in("acme", "ann").await;
        assert_eq!(get(&app.key(&session.access), &at("ann")).await["enabled"], true);
        patch(&ada, &at("ann"), json!({ "enabled": false })).await;
        for caller in [&ann, &app.key(&session.access)] {
            refused(caller, 401, Method::GET, &at("ann"), None).await;
            refused(caller, 401, Method::PUT, "/api/data/users/ann/password", Some(&json!({ "password": PASSWORD }))).await;
        }
        assert_eq!(signs_in(&app, "ann@acme.example", "password-of-ann").await, "FORBIDDEN");
        put(&ada, &at("ann"), json!({ "email": "ann@acme.example", "enabled": true })).await;
        assert_eq!(get(&ann, &at("ann")).await["enabled"], true);
    }

    async fn times_have_up_to_six_digits_of_a_second(app: App) {
        let (ada, _) = world(&app).await;
        let mut known = Vec::new();
        for (by, shown) in [
            (0, "2026-01-02T03:04:05.006Z"), (993_999, "2026-01-02T03:04:05.999999Z"), (1, "2026-01-02T03:04:06Z"),
            (448_740, "2026-01-02T03:04:06.44874Z"), (60, "2026-01-02T03:04:06.4488Z"),
        ] {
            app.services.clock.advance(Duration::from_micros(by));
            let email = format!("at{}@acme.example", known.len());
            let made = post(&ada, USERS, json!({ "email": email, "password": PASSWORD, "enabled": false })).await;
            assert_eq!((&made["created_at"], &made["updated_at"]), (&json!(shown), &json!(shown)));
            known.push(shown.to_owned());
        }
        let listed = get(&ada, USERS).await["users"].clone();
        let listed: Vec<&str> = listed.as_array().unwrap()[2..].iter().map(|user| user["created_at"].as_str().unwrap()).collect();
        assert_eq!(listed, known);
    }

    async fn there_is_no_deleting(app: App) {
        let (ada, _) = world(&app).await;
        for path in [at("ann"), USERS.to_owned()] {
            refused(&ada, 405, Method::DELETE, &path, None).await;
        }
        answered(&ada, StatusCode::OK, Method::GET, &at("ann"), None).await;
    }
}
