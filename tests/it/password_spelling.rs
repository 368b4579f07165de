//! One password has several spellings, and one normal form, wherever it is set and wherever it is checked.

use axum::http::Method;
use serde_json::{Value, json};
use tenantry::services::hasher::Password;

use crate::on_both;
use crate::support::session::{Tokens, code_of};
use crate::support::{App, Caller};

/// As one keyboard sends it: composed, with a no-break space.
const SET: &str = "Gr\u{fc}\u{df}e\u{a0}aus K\u{f6}ln";
/// As another one does: letters and dots apart, and a thin space.
const TYPED: &str = "Gru\u{308}\u{df}e aus\u{2009}Ko\u{308}ln";

/// Every way to set a password: by the input that it is taken from, and those of the faces. A rule test holds that no input
/// is missing.
pub const WAYS_TO_SET: [&str; 9] = [
    "AcceptInvitationData.password",
    "CreateUserData.password",
    "Mutation.completePasswordReset.newPassword",
    "UpdateMyPasswordData.newPassword",
    "UpdatePasswordData.newPassword1",
    "UpdatePasswordData.newPassword2",
    "AiR POST users",
    "AiR PUT password",
    "Wallaroo invite",
];

/// Every input that a password is checked from.
pub const WAYS_TO_CHECK: [&str; 4] = [
    "SignInData.password",
    "UpdatePasswordData.oldPassword",
    "UpdateMyPasswordData.oldPassword",
    "ChangeMyEmailData.password",
];

/// Sets the password of a new user in one of these ways, and gives its address.
async fn set(app: &App, chief: &Caller<'_>, way: &str, number: usize) -> String {
    let (id, email) = (format!("u{number}"), format!("u{number}@acme.example"));
    let update = "mutation($id: ID, $old: String!, $new: String!, $again: String!) { updatePassword(where: {id: $id}, data: {oldPassword: $old, newPassword1: $new, newPassword2: $again}) { id } }";
    match way {
        "AcceptInvitationData.password" => {
            let invite = "mutation($e: String!) { inviteUser(data: {email: $e}) { id } }";
            chief.ok(invite, json!({ "e": email })).await;
            let accept =
                "mutation($t: String!, $p: String!) { acceptInvitation(token: $t, data: {password: $p}) { id } }";
            app.anonymous()
                .ok(accept, json!({"t": app.mailed_token(), "p": SET}))
                .await;
        }
        "CreateUserData.password" => {
            let create = "mutation($e: String!, $p: String!) { createUserWithPassword(data: {email: $e, password: $p}) { password } }";
            let made = chief.ok(create, json!({"e": email, "p": SET})).await;
            assert_eq!(made["createUserWithPassword"]["password"], SET, "told as it was given");
        }
        "Mutation.completePasswordReset.newPassword" => {
            app.user("acme", &id, None)
                .await
                .ok(
                    "mutation($id: ID) { resetPassword(where: {id: $id}) { id } }",
                    json!({ "id": id }),
                )
                .await;
            let complete = "mutation($t: String!, $p: String!) { completePasswordReset(token: $t, newPassword: $p) }";
            app.anonymous()
                .ok(complete, json!({"t": app.mailed_token(), "p": SET}))
                .await;
        }
        "UpdatePasswordData.newPassword1" | "UpdatePasswordData.newPassword2" => {
            let ada = app.user("acme", &id, None).await;
            // Both are the same password.
            let (new, again) = if way.ends_with('1') { (SET, TYPED) } else { (TYPED, SET) };
            ada.ok(
                update,
                json!({"id": id, "old": format!("password-of-{id}"), "new": new, "again": again}),
            )
            .await;
        }
        "UpdateMyPasswordData.newPassword" => {
            app.user("acme", &id, None).await;
            let session = app.sign_in("acme", &id).await;
            let change = "mutation($old: String!, $new: String!) { updateMyPassword(data: {oldPassword: $old, newPassword: $new}) { id } }";
            app.key(session.access)
                .ok(change, json!({"old": format!("password-of-{id}"), "new": SET}))
                .await;
        }
        "AiR POST users" => {
            let body = json!({"email": email, "password": SET});
            let reply = chief.rest(Method::POST, "/api/data/users", Some(&body)).await;
            assert_eq!(reply.status, 201, "{reply:?}");
        }
        "AiR PUT password" => {
            let body = json!({ "password": SET });
            let path = format!("/api/data/users/{id}/password");
            let reply = app
                .user("acme", &id, None)
                .await
                .rest(Method::PUT, &path, Some(&body))
                .await;
            assert_eq!(reply.status, 200, "{reply:?}");
        }
        "Wallaroo invite" => {
            let body = json!({"email": email, "password": SET});
            let reply = chief.rest(Method::POST, "/v1/api/users/invite", Some(&body)).await;
            assert_eq!(
                (reply.status.as_u16(), &reply.json()["password"]),
                (200, &json!(SET)),
                "{reply:?}"
            );
        }
        _ => panic!("{way}"),
    }
    email
}

on_both! {
    async fn a_password_is_the_same_in_every_spelling(app: App) {
        app.organization("acme", &[]).await;
        let chief = app.user("acme", "chief", Some("organization-admin")).await;
        for (number, way) in WAYS_TO_SET.into_iter().enumerate() {
            let email = set(&app, &chief, way, number).await;
            for typed in [TYPED, SET, Password::new(SET).expose()] {
                let answer = app.try_sign_in(None, &email, typed).await;
                assert_eq!(code_of(&answer), "OK", "{way}: {typed:?}: {answer}");
                assert_eq!(app.try_wallaroo_token(&email, typed).await.status, 200, "{way}: {typed:?}");
            }
            let answer = app.try_sign_in(None, &email, &TYPED.to_lowercase()).await;
            assert_eq!(code_of(&answer), "UNAUTHENTICATED", "{way}");
            // As the old one, too.
            let tokens = Tokens::of(&app.try_sign_in(None, &email, TYPED).await["data"]["signIn"]);
            let session = app.key(&tokens.access);
            let new_address = "mutation($e: String!, $p: String!) { changeMyEmail(data: {email: $e, password: $p}) { id } }";
            session.ok(new_address, json!({"e": format!("new{number}@acme.example"), "p": TYPED})).await;
            let own = "mutation($old: String!, $new: String!) { updateMyPassword(data: {oldPassword: $old, newPassword: $new}) { id } }";
            session.ok(own, json!({"old": TYPED, "new": "for the time being"})).await;
            session.ok(own, json!({"old": "for the time being", "new": TYPED})).await;
            let change = json!({"where": {"email": email}, "data": {"oldPassword": TYPED, "newPassword1": "a brand new one", "newPassword2": "a brand new one"}});
            let update = "mutation($where: UserWhere!, $data: UpdatePasswordData!) { updatePassword(where: $where, data: $data) { id } }";
            app.key(&tokens.access).ok(update, change).await;
            assert_eq!(code_of(&app.try_sign_in(None, &email, "a brand new one").await), "OK", "{way}");
        }
    }

    async fn a_temporary_password_is_the_same_in_every_spelling(app: App) {
        app.organization("acme", &[]).await;
        let make = "mutation($p: String!) { createUserWithPassword(data: {id: \"new\", email: \"new@acme.example\", organizationId: \"acme\", password: $p}, requireReset: true) { password } }";
        app.admin().ok(make, json!({ "p": SET })).await;
        let change = |new: &str| json!({"data": {"oldPassword": TYPED, "newPassword1": new, "newPassword2": new}});
        let update = "mutation($data: UpdatePasswordData!) { updatePassword(where: {email: \"new@acme.example\"}, data: $data) { id } }";
        assert_eq!(app.anonymous().refused(update, change(SET)).await, "INVALID", "the new one is the old one");
        app.anonymous().ok(update, change("a brand new one")).await;
    }

    /// Characters are counted in the normal form, and what is refused is looked for in it.
    async fn the_rules_are_about_the_normal_form(app: App) {
        let refused = async |password: &str| {
            let create = "mutation($p: String!) { createUser(data: {id: \"new\", password: $p}) { id } }";
            app.admin().refused(create, json!({ "p": password })).await
        };
        for short in ["e\u{301}".repeat(7), "u\u{308}".repeat(4)] {
            assert_eq!(refused(&short).await, "INVALID", "{short}");
        }
        assert_eq!(refused(&"e\u{301}".repeat(129)).await, "INVALID");
        for (n, fine) in ["e\u{301}".repeat(8), "e\u{301}".repeat(128), "\u{1100}\u{1161}\u{11a8}".repeat(128)].iter().enumerate() {
            let data: Value = json!({"id": format!("u{n}"), "email": format!("u{n}@acme.example"), "password": fine});
            app.admin().create_user(data).await;
            assert_eq!(code_of(&app.try_sign_in(None, &format!("u{n}@acme.example"), fine).await), "OK");
        }
    }

    /// A hash from elsewhere was made of the bytes that came there. Whoever types the same gets in, and so does who types
    /// the normal form of what was composed; afterwards every spelling does.
    async fn a_hash_from_elsewhere_may_be_of_another_spelling(app: App) {
        app.organization("acme", &[]).await;
        let normal = Password::new(SET);
        for (n, (hashed, typed, opens)) in [
            (TYPED, TYPED, true),
            (SET, SET, true),
            (normal.expose(), TYPED, true),
            (normal.expose(), SET, true),
            (TYPED, SET, false),
        ].into_iter().enumerate() {
            // One of them has the parameters of our own.
            let ours = argon2::Params::new(19 * 1024, 2, 1, None).unwrap();
            let ours = argon2::Argon2::new(argon2::Algorithm::Argon2id, argon2::Version::V0x13, ours);
            let ours = argon2::PasswordHasher::hash_password(&ours, hashed.as_bytes()).unwrap().to_string();
            for (kind, hash) in [("bcrypt", bcrypt::hash(hashed, 4).unwrap()), ("ours", ours)] {
                let email = format!("{kind}{n}@acme.example");
                app.admin().create_user(json!({"email": email, "organizationId": "acme", "passwordHash": hash})).await;
                assert_eq!(code_of(&app.try_sign_in(None, &email, typed).await) == "OK", opens, "{kind} of {hashed:?}, typed {typed:?}");
                for other in [TYPED, SET, normal.expose()] {
                    let answer = app.try_sign_in(None, &email, other).await;
                    assert_eq!(code_of(&answer) == "OK", opens || other == hashed, "{kind} of {hashed:?}, typed {typed:?}, then {other:?}");
                    if other == hashed && !opens {
                        break;
                    }
                }
            }
        }
    }
}
