//! What somebody may try who wants into another person's accounts, and the tests that show that it does not work:
//!
//! | threat | tests |
//! |---|---|
//! | an administrator makes an account with the person's address and a password that the administrator knows, before or after the person has one | `a_squatter_gets_and_hides_nothing`, `a_squatters_trail_tells_nothing_of_the_person`, `no_administrator_pushes_an_account_to_the_front` |
//! | the person confirms such an account by mistake | `confirming_a_squatters_account_links_nothing` |
//! | what was made in an account before its owner recovers it: sessions, keys, links, identities of other providers | `a_recovered_account_keeps_nothing_of_a_strangers`, `a_first_reset_ends_what_others_may_have` |
//! | an administrator reaches other organizations through a member | `no_administrator_reaches_other_organizations_through_a_member`, `a_session_that_began_without_a_verified_password_never_switches` |
//! | who has an account is told by sign-in, reset or invitation | `nothing_tells_who_has_accounts_elsewhere`, `hashes::*` |
//! | more guesses by naming many organizations | `naming_organizations_gives_no_more_guesses`, `an_own_account_gives_no_more_guesses` |
//! | more mails through many organizations | `what_all_organizations_send_to_an_address` (in `outbox`), `one_mail_has_a_link_for_each_account` |
//! | two creations of one address at once | `two_organizations_may_create_one_address_at_once_and_one_may_not` |
//! | a verification and a change of the address at once | `a_change_and_a_verification_of_an_address_at_once` |
//! | two resets at once | `of_two_resets_at_once_one_counts` |
//! | a reset and a switch at once | `a_switch_counts_what_changes_meanwhile` (in `switching`) |

use axum::http::Method;
use serde_json::{Value, json};

use super::switching::{may_not_switch, person, shown};
use super::{ADA, COMPLETE, CREATE, REQUEST, account, mailed_tokens, opens, reset, session_at, world};
use crate::on_both;
use crate::support::documents::{counted, outcomes};
use crate::support::session::{TOKENS, Tokens, code_of};
use crate::support::{App, Caller};

const UPDATE_EMAIL: &str =
    "mutation($id: ID, $email: String) { updatePropertiesInUser(where: {id: $id}, data: {email: $email}) { id } }";
const VERIFY: &str = "mutation($token: String!) { verifyEmail(token: $token) }";

/// A key of a user that an administrator makes while acting as the user.
async fn key_made_inside<'a>(app: &'a App, chief: &Caller<'_>, id: &str) -> Caller<'a> {
    app.admin()
        .ok(
            "mutation($id: ID) { assignRole(where: {id: $id}, role: \"api-user\") { id } }",
            json!({ "id": id }),
        )
        .await;
    // One that never expires, as a client of another product makes it: it may set a password.
    let body = json!({ "name": "made inside" });
    let made = chief
        .clone()
        .acting_as(id)
        .rest(Method::POST, "/api/create-key", Some(&body))
        .await
        .json();
    app.key(made["access_keys"][0]["access_key"].as_str().unwrap())
}

on_both! {
    async fn confirming_a_squatters_account_links_nothing(app: App) {
        let (_, globex) = world(&app).await;
        // The squatter comes first.
        let theirs = account(&app, "globex", ADA).await;
        let mine = account(&app, "acme", ADA).await;
        assert_eq!(reset(&app, ADA, Some("acme"), "my own password").await, 1);
        globex.ok("mutation($id: ID) { requestEmailVerification(where: {id: $id}) { id } }", json!({ "id": theirs })).await;
        app.anonymous().ok(VERIFY, json!({ "token": mailed_tokens(&app).pop().unwrap() })).await;
        assert!(app.user_row(&theirs).await.email_verified_at.is_some());
        // The own account still comes first, and neither account leads to the other one.
        assert_eq!(opens(&app, None, ADA, "my own password").await, mine);
        assert_eq!(opens(&app, None, ADA, "password at globex").await, "UNAUTHENTICATED");
        let own = session_at(&app, "acme", ADA, "my own password").await;
        assert_eq!(shown(&app.key(&*own.access)).await, Some(vec![mine.clone()]));
        let squatter = session_at(&app, "globex", ADA, "password at globex").await;
        may_not_switch(&app.key(&*squatter.access), &[&mine, &theirs]).await;
    }

    /// A verified address counts even before there is a password, however many others claim the address.
    async fn an_account_without_a_password_is_not_pushed_aside(app: App) {
        let (acme, _) = world(&app).await;
        let own = json!({ "id": "own", "email": ADA, "organizationId": "acme" });
        app.admin().ok(CREATE, json!({ "data": own })).await;
        acme.ok("mutation { requestEmailVerification(where: {id: \"own\"}) { id } }", json!({})).await;
        app.anonymous().ok(VERIFY, json!({ "token": mailed_tokens(&app).pop().unwrap() })).await;
        for n in 0..11 {
            app.organization(&format!("o{n}"), &[]).await;
            account(&app, &format!("o{n}"), ADA).await;
        }
        assert_eq!(reset(&app, ADA, None, "my own password").await, 1);
        assert_eq!(opens(&app, None, ADA, "my own password").await, "own");
    }

    /// Somebody makes the account and prepares all kinds of access before the person takes it over by mail.
    async fn a_recovered_account_keeps_nothing_of_a_strangers(app: App) {
        let (acme, _) = world(&app).await;
        let id = account(&app, "acme", ADA).await;
        let session = session_at(&app, "acme", ADA, "password at acme").await;
        let key = key_made_inside(&app, &acme, &id).await;
        let impersonate = format!("mutation($id: ID) {{ impersonateUser(where: {{id: $id}}, reason: \"r\") {{ {TOKENS} }} }}");
        let inside = Tokens::of(&acme.ok(&impersonate, json!({ "id": id })).await["impersonateUser"]);
        let identity = "mutation($id: ID) { updatePropertiesInUser(where: {id: $id}, data: {federatedIdentities:
            [{identityProvider: \"google\", userId: \"mallory\", userName: \"ada@mail.example\"}]}) { id } }";
        acme.ok(identity, json!({ "id": id })).await;
        // The address was the stranger's for a while, and a link was mailed there.
        acme.ok(UPDATE_EMAIL, json!({ "id": id, "email": "mallory@mail.example" })).await;
        let request = "mutation($id: ID) { resetPassword(where: {id: $id}) { id } }";
        let verify = "mutation($id: ID) { requestEmailVerification(where: {id: $id}) { id } }";
        let mut links = Vec::new();
        for document in [request, verify] {
            acme.ok(document, json!({ "id": id })).await;
            links.push(mailed_tokens(&app).pop().unwrap());
        }
        acme.ok(UPDATE_EMAIL, json!({ "id": id, "email": ADA })).await;
        acme.ok(request, json!({ "id": id })).await;
        links.push(mailed_tokens(&app).pop().unwrap());
        for credential in [&*session.access, &*inside.access, key.key.as_deref().unwrap()] {
            assert_eq!(app.who(credential).await.as_deref(), Some(&*id));
        }
        assert_eq!(reset(&app, ADA, Some("acme"), "kept keys, with revokeApiKeys: false").await, 1);
        assert_eq!(app.who(key.key.as_deref().unwrap()).await.as_deref(), Some(&*id));
        // Unverified again, and now the usual way.
        acme.ok(UPDATE_EMAIL, json!({ "id": id, "email": "mallory@mail.example" })).await;
        acme.ok(UPDATE_EMAIL, json!({ "id": id, "email": ADA })).await;
        app.anonymous().ok(REQUEST, json!({ "email": ADA })).await;
        app.send_mails().await;
        let link = mailed_tokens(&app).pop().unwrap();
        app.anonymous().ok(COMPLETE, json!({ "token": link, "new": "my own password" })).await;
        for credential in [&*session.access, &*inside.access, key.key.as_deref().unwrap()] {
            assert_eq!(app.who(credential).await, None);
        }
        for tokens in [&session, &inside] {
            assert_eq!(code_of(&app.try_refresh(&tokens.refresh).await), "UNAUTHENTICATED");
        }
        for link in links {
            assert_eq!(app.anonymous().refused(COMPLETE, json!({ "token": link, "new": "another password" })).await, "INVALID");
            assert_eq!(app.anonymous().refused(VERIFY, json!({ "token": link })).await, "INVALID");
        }
        assert_eq!(opens(&app, None, ADA, "password at acme").await, "UNAUTHENTICATED");
        assert_eq!(opens(&app, None, ADA, "mallory").await, "UNAUTHENTICATED");
        assert_eq!(opens(&app, None, ADA, "my own password").await, id);
    }

    /// The administrator of acme tries everything that administrators can do to a member, who has an account at globex.
    async fn no_administrator_reaches_other_organizations_through_a_member(app: App) {
        let (acme, _) = world(&app).await;
        let (id, elsewhere, own) = person(&app).await;
        let accounts = [&*id, &*elsewhere];
        // As the member: by header, with a key and with a session that may switch itself; and by a session.
        assert_eq!(reset(&app, "chief-acme@acme.example", None, "the chief's own").await, 1);
        let chief = session_at(&app, "acme", "chief-acme@acme.example", "the chief's own").await;
        assert_eq!(shown(&app.key(&*chief.access)).await, Some(vec!["chief-acme".to_owned()]));
        may_not_switch(&acme.clone().acting_as(&id), &accounts).await;
        may_not_switch(&app.key(&*chief.access).acting_as(&id), &accounts).await;
        let token = app.try_wallaroo_token("chief-acme@acme.example", "the chief's own").await.json();
        may_not_switch(&app.key(token["access_token"].as_str().unwrap()).acting_as(&id), &accounts).await;
        let impersonate = format!("mutation($id: ID) {{ impersonateUser(where: {{id: $id}}, reason: \"r\") {{ {TOKENS} }} }}");
        let inside = Tokens::of(&app.key(&*chief.access).ok(&impersonate, json!({ "id": id })).await["impersonateUser"]);
        may_not_switch(&app.key(&*inside.access), &accounts).await;
        may_not_switch(&app.key(&*app.refresh(&inside.refresh).await.access), &accounts).await;
        // A key made while acting as the member, and a password set with it.
        let key = key_made_inside(&app, &acme, &id).await;
        may_not_switch(&key, &accounts).await;
        assert_eq!(shown(&app.key(&*own.access)).await.unwrap(), accounts, "the person still can");
        let body = json!({ "password": "set by the chief" });
        let set = key.rest(Method::PUT, &format!("/api/data/users/{id}/password"), Some(&body)).await;
        assert!(set.status.is_success(), "{}", set.body);
        let session = session_at(&app, "acme", ADA, "set by the chief").await;
        may_not_switch(&app.key(&*session.access), &accounts).await;
        // The address is changed to the administrator's mailbox, a password is set by mail there, and the address changed back.
        acme.ok(UPDATE_EMAIL, json!({ "id": id, "email": "mallory@mail.example" })).await;
        assert_eq!(reset(&app, "mallory@mail.example", None, "mailed to the chief").await, 1);
        let there = session_at(&app, "acme", "mallory@mail.example", "mailed to the chief").await;
        assert_eq!(shown(&app.key(&*there.access)).await, Some(vec![id.clone()]));
        acme.ok(UPDATE_EMAIL, json!({ "id": id, "email": ADA })).await;
        may_not_switch(&app.key(&*there.access), &accounts).await;
        let back = session_at(&app, "acme", ADA, "mailed to the chief").await;
        may_not_switch(&app.key(&*back.access), &accounts).await;
        let refreshed = app.refresh(&back.refresh).await;
        may_not_switch(&app.key(&*refreshed.access), &accounts).await;
        // A new account of the address, with a temporary password or an imported hash.
        app.admin().ok("mutation($id: ID) { deleteUser(where: {id: $id}) { id } }", json!({ "id": id })).await;
        let make = "mutation($data: CreateUserData!) { createUserWithPassword(data: $data) { password } }";
        let made = acme.ok(make, json!({ "data": { "id": "again", "email": ADA } })).await;
        let change = "mutation($where: UserWhere!, $old: String!) {
            updatePassword(where: $where, data: {oldPassword: $old, newPassword1: \"chosen by the chief\", newPassword2: \"chosen by the chief\"}) { id } }";
        let home = json!({ "email": ADA, "organization": { "id": "acme" } });
        app.anonymous().ok(change, json!({ "where": home, "old": made["createUserWithPassword"]["password"] })).await;
        let session = session_at(&app, "acme", ADA, "chosen by the chief").await;
        may_not_switch(&app.key(&*session.access), &["again", &elsewhere]).await;
        app.admin().ok("mutation { deleteUser(where: {id: \"again\"}) { id } }", json!({})).await;
        let hash = bcrypt::hash("hashed by the chief", 4).unwrap();
        app.admin().ok(CREATE, json!({ "data": { "id": "hashed", "email": ADA, "organizationId": "acme", "passwordHash": hash } })).await;
        let session = session_at(&app, "acme", ADA, "hashed by the chief").await;
        may_not_switch(&app.key(&*session.access), &["hashed", &elsewhere]).await;
    }

    /// The answers for an address that nobody has, one that somebody elsewhere has, and one that many have.
    async fn nothing_tells_who_has_accounts_elsewhere(app: App) {
        let (acme, _) = world(&app).await;
        app.organization("initech", &[]).await;
        account(&app, "globex", "one@mail.example").await;
        for organization in ["globex", "initech"] {
            account(&app, organization, "two@mail.example").await;
        }
        let addresses = ["none@mail.example", "one@mail.example", "two@mail.example"];
        let sign_in = "mutation($data: SignInData!) { signIn(data: $data) { accessToken } }";
        let change = "mutation($where: UserWhere!) { updatePassword(where: $where, data: {oldPassword: \"a wrong password\", newPassword1: \"another password\", newPassword2: \"another password\"}) { id } }";
        let invite = "mutation($email: String!) { inviteUser(data: {email: $email}) { mailState state expiryDate organization { id } } }";
        let one_by_address = "mutation($email: String!) { updatePropertiesInUser(where: {email: $email}, data: {firstname: \"x\"}) { id } }";
        let mut told: Vec<Vec<Value>> = Vec::new();
        for email in addresses {
            let nobody = app.anonymous();
            let mut answers = Vec::new();
            for home in [Value::Null, json!("acme"), json!("globex"), json!("nowhere")] {
                let before = app.services.hasher.computed();
                let data = json!({ "email": email, "password": "a wrong password", "organizationId": home });
                answers.push(nobody.send(sign_in, json!({ "data": data })).await);
                let wanted = if home.is_null() { json!({ "email": email }) } else { json!({ "email": email, "organization": { "id": home } }) };
                answers.push(nobody.send(change, json!({ "where": wanted })).await);
                assert_eq!(app.services.hasher.computed(), before + 2, "{email} {home}");
                let before = app.services.hasher.computed();
                answers.push(nobody.send(REQUEST, json!({ "email": email, "in": home })).await);
                assert_eq!(app.services.hasher.computed(), before);
            }
            for document in [one_by_address, invite] {
                answers.push(acme.send(document, json!({ "email": email })).await);
            }
            assert!(answers.last().unwrap().get("errors").is_none(), "{answers:?}");
            let text: Vec<Value> = answers.iter().map(|answer| serde_json::from_str(&answer.to_string().replace(email, "…")).unwrap()).collect();
            told.push(text);
        }
        assert_eq!(told[0], told[1]);
        assert_eq!(told[0], told[2]);
    }

    async fn naming_organizations_gives_no_more_guesses(app: App) {
        world(&app).await;
        account(&app, "acme", ADA).await;
        for n in 0..20 {
            let named = [None, Some("acme"), Some("globex"), Some("nowhere")][n % 4];
            assert_eq!(opens(&app, named, ADA, &format!("guess {n}")).await, "UNAUTHENTICATED", "{n}");
        }
        for named in [None, Some("acme"), Some("globex"), Some("another")] {
            assert_eq!(opens(&app, named, ADA, "password at acme").await, "RATE_LIMITED", "{named:?}");
        }
        assert!(!app.try_wallaroo_token(&format!("acme\\{ADA}"), "password at acme").await.status.is_success());
    }

    async fn a_change_and_a_verification_of_an_address_at_once(app: App) {
        let (acme, _) = world(&app).await;
        for round in 0..6 {
            let (id, email) = (format!("u{round}"), format!("u{round}@mail.example"));
            acme.ok(CREATE, json!({ "data": { "id": id, "email": email } })).await;
            acme.ok("mutation($id: ID) { requestEmailVerification(where: {id: $id}) { id } }", json!({ "id": id })).await;
            let verify = app.anonymous().prepared(VERIFY, json!({ "token": mailed_tokens(&app).pop().unwrap() }));
            let change = acme.prepared(UPDATE_EMAIL, json!({ "id": id, "email": format!("other-{email}") }));
            let answers = app.at_once([verify, change]).await;
            assert!(["OK", "INVALID"].contains(&&*code_of(&answers[0])), "{answers:?}");
            // The new address is never verified by what was mailed to the old one, whichever came first.
            let row = app.user_row(&id).await;
            assert!(row.email_verified_at.is_none() || row.email.as_ref().unwrap().as_str() == email, "{answers:?}");
        }
    }

    async fn of_two_resets_at_once_one_counts(app: App) {
        world(&app).await;
        let id = account(&app, "acme", ADA).await;
        for round in 0..4 {
            app.services.clock.advance(std::time::Duration::from_secs(3600));
            let mut links = Vec::new();
            for _ in 0..2 {
                app.anonymous().ok(REQUEST, json!({ "email": ADA })).await;
                app.send_mails().await;
                links.push(mailed_tokens(&app).pop().unwrap());
            }
            let new = |n: usize| format!("password {n} of round {round}");
            let nobody = app.anonymous();
            let answers = app.at_once(links.iter().enumerate().map(|(n, link)| nobody.prepared(COMPLETE, json!({ "token": link, "new": new(n) })))).await;
            assert_eq!(outcomes(&answers), counted([("ok", 1), ("INVALID", 1)]), "{answers:?}");
            let winner = answers.iter().position(|answer| code_of(answer) == "OK").unwrap();
            assert_eq!(opens(&app, None, ADA, &new(winner)).await, id);
            assert_eq!(opens(&app, None, ADA, &new(1 - winner)).await, "UNAUTHENTICATED");
        }
    }
}
