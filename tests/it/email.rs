//! E-mail verification, changed addresses, and organizations that allow no mail.

use std::time::Duration;

use futures::future::join_all;
use serde_json::json;

use crate::on_both;
use crate::support::App;

const REQUEST: &str = "mutation { requestEmailVerification { id emailVerified } }";
const REQUEST_FOR: &str = "mutation($id: ID!) { requestEmailVerification(where: {id: $id}) { id } }";
const VERIFY: &str = "mutation($token: String!) { verifyEmail(token: $token) }";
const ME: &str = "{ me { emailVerified email } }";

on_both! {
    async fn an_address_is_verified_once(app: App) {
        app.organization("acme", &[]).await;
        let ada = app.user("acme", "ada", None).await;
        let asked = ada.ok(REQUEST, json!({})).await;
        assert_eq!(asked["requestEmailVerification"], json!({"id": "ada", "emailVerified": false}));
        let old = app.mailed_token();
        assert!(!app.dump().await.contains(&old), "the token itself is stored");
        ada.ok(REQUEST, json!({})).await;
        let token = app.mailed_token();
        assert!(app.mails()[1].contains("https://directory.example/verify-email#token="));
        // A newer mail voids the one before; a made-up token is refused in the same words.
        let refused = app.anonymous().refusal(VERIFY, json!({"token": old})).await;
        assert_eq!(refused["message"], app.anonymous().refusal(VERIFY, json!({"token": "x"})).await["message"]);
        let verify = || app.anonymous();
        let done = join_all((0..4).map(|_| async { verify().send(VERIFY, json!({"token": token})).await["data"]["verifyEmail"] == true })).await;
        assert_eq!(done.into_iter().filter(|done| *done).count(), 1);
        assert_eq!(ada.ok(ME, json!({})).await["me"]["emailVerified"], true);
        assert_eq!(ada.refused(REQUEST, json!({})).await, "CONFLICT");
    }

    async fn a_link_lasts_a_day_and_is_for_one_address(app: App) {
        app.organization("acme", &[]).await;
        let ada = app.user("acme", "ada", None).await;
        ada.ok(REQUEST, json!({})).await;
        let token = app.mailed_token();
        app.services.clock.advance(Duration::from_secs(24 * 60 * 60));
        assert_eq!(app.anonymous().refused(VERIFY, json!({"token": token})).await, "INVALID");
        // Of a clock that was two days ahead, and was put back.
        ada.ok(REQUEST, json!({})).await;
        let change = app.services.db.begin().await.unwrap();
        sea_orm::ConnectionTrait::execute_unprepared(&change, "UPDATE email_tokens SET expires_at = expires_at + 172800000000").await.unwrap();
        change.commit().await.unwrap();
        assert_eq!(app.anonymous().refused(VERIFY, json!({"token": app.mailed_token()})).await, "INVALID");
        ada.ok(REQUEST, json!({})).await;
        let token = app.mailed_token();
        ada.ok("mutation { resetPassword(where: {id: \"ada\"}) { id } }", json!({})).await;
        let reset = app.mailed_token();
        app.admin().ok("mutation { updatePropertiesInUser(where: {id: \"ada\"}, data: {email: \"new@acme.example\"}) { id } }", json!({})).await;
        assert_eq!(app.anonymous().refused(VERIFY, json!({"token": token})).await, "INVALID");
        // Who reads the old mailbox does not set the password any more.
        let complete = "mutation($t: String!) { completePasswordReset(token: $t, newPassword: \"a brand new one\") }";
        assert_eq!(app.anonymous().refused(complete, json!({"t": reset})).await, "INVALID");
    }

    async fn a_changed_address_is_unverified_and_the_old_one_is_told(app: App) {
        app.organization("acme", &[]).await;
        let ada = app.user("acme", "ada", None).await;
        ada.ok(REQUEST, json!({})).await;
        app.anonymous().ok(VERIFY, json!({"token": app.mailed_token()})).await;
        let change = "mutation($e: String!) { updatePropertiesInUser(where: {id: \"ada\"}, data: {email: $e}) { emailVerified } }";
        // The same address in other letters is no change.
        let same = app.admin().ok(change, json!({"e": "ADA@acme.example"})).await;
        assert_eq!(same["updatePropertiesInUser"]["emailVerified"], true);
        assert_eq!(app.mails().len(), 1);
        let new = app.admin().ok(change, json!({"e": "lovelace@acme.example"})).await;
        assert_eq!(new["updatePropertiesInUser"]["emailVerified"], false);
        let mail = app.mails().pop().unwrap();
        assert!(mail.contains("To: ada@acme.example") && !mail.contains("lovelace"), "{mail}");
        assert_eq!(app.mails().len(), 2);
        // A reset that comes back verifies the new one.
        app.admin().ok("mutation { resetPassword(where: {id: \"ada\"}) { id } }", json!({})).await;
        let complete = "mutation($t: String!) { completePasswordReset(token: $t, newPassword: \"a brand new one\", revokeApiKeys: false) }";
        app.anonymous().ok(complete, json!({"t": app.mailed_token()})).await;
        assert_eq!(ada.ok(ME, json!({})).await["me"], json!({"emailVerified": true, "email": "lovelace@acme.example"}));
    }

    async fn a_cleared_address_is_nobodys_and_is_told(app: App) {
        app.organization("acme", &[]).await;
        let ada = app.user("acme", "ada", None).await;
        ada.ok(REQUEST, json!({})).await;
        let verification = app.mailed_token();
        app.admin().ok("mutation { resetPassword(where: {id: \"ada\"}) { id } }", json!({})).await;
        let reset = app.mailed_token();
        let clear = "mutation { updatePropertiesInUser(where: {email: \"ada@acme.example\"}, data: {}, clear: [EMAIL]) { email emailVerified name } }";
        let cleared = app.admin().ok(clear, json!({})).await["updatePropertiesInUser"].clone();
        assert_eq!(cleared, json!({"email": null, "emailVerified": false, "name": "ada"}));
        let mail = app.mails().pop().unwrap();
        assert!(mail.contains("To: ada@acme.example") && mail.contains("ada@acme.example is no longer the e-mail address"), "{mail}");
        // What was mailed there opens nothing, and the password is no longer that of an address.
        assert_eq!(app.anonymous().refused(VERIFY, json!({"token": verification})).await, "INVALID");
        let complete = "mutation($t: String!) { completePasswordReset(token: $t, newPassword: \"a brand new one\") }";
        assert_eq!(app.anonymous().refused(complete, json!({"t": reset})).await, "INVALID");
        let sign_in = "mutation { signIn(data: {email: \"ada@acme.example\", password: \"password-of-ada\"}) { expiresIn } }";
        assert_eq!(app.anonymous().code(sign_in, json!({})).await, "UNAUTHENTICATED");
        // The account goes on, and the address is free for another one.
        assert_eq!(ada.ok(ME, json!({})).await["me"], json!({"emailVerified": false, "email": null}));
        app.admin().ok("mutation { createUser(data: {email: \"ada@acme.example\", organizationId: \"acme\"}) { id } }", json!({})).await;
        let back = "mutation { updatePropertiesInUser(where: {id: \"ada\"}, data: {email: \"ada@acme.example\"}) { email } }";
        assert_eq!(app.admin().refused(back, json!({})).await, "CONFLICT");
    }

    async fn verification_is_asked_for_oneself_or_by_an_administrator(app: App) {
        app.organization("acme", &[]).await;
        app.organization("other", &[]).await;
        let chief = app.user("acme", "chief", Some("organization-admin")).await;
        let ada = app.user("acme", "ada", Some("user")).await;
        app.user("other", "olga", None).await;
        app.admin().ok("mutation { createUser(data: {id: \"bot\", organizationId: \"acme\"}) { id } }", json!({})).await;
        chief.ok(REQUEST_FOR, json!({"id": "ada"})).await;
        assert!(app.mails()[0].contains("To: ada@acme.example"));
        assert_eq!(ada.refused(REQUEST_FOR, json!({"id": "chief"})).await, "FORBIDDEN");
        assert_eq!(ada.refused(REQUEST_FOR, json!({"id": "nobody"})).await, "FORBIDDEN");
        assert_eq!(chief.refused(REQUEST_FOR, json!({"id": "olga"})).await, "NOT_FOUND");
        assert_eq!(chief.refused(REQUEST_FOR, json!({"id": "bot"})).await, "INVALID");
        assert_eq!(app.anonymous().refused(REQUEST, json!({})).await, "UNAUTHENTICATED");
    }

    async fn an_organization_may_allow_no_mail(app: App) {
        app.organization("acme", &[]).await;
        let ada = app.user("acme", "ada", None).await;
        let chief = app.user("acme", "chief", Some("organization-admin")).await;
        let set = "mutation($a: Boolean!) { updateOrganization(where: {id: \"acme\"}, data: {mailAllowed: $a}) { mailAllowed } }";
        assert_eq!(app.admin().ok(set, json!({"a": false})).await["updateOrganization"]["mailAllowed"], false);
        assert_eq!(ada.refused(REQUEST, json!({})).await, "INVALID");
        assert_eq!(ada.refused("mutation { resetPassword(where: {id: \"ada\"}) { id } }", json!({})).await, "INVALID");
        let invite = "mutation { inviteUser(data: {email: \"new@acme.example\"}) { id } }";
        assert_eq!(chief.refused(invite, json!({})).await, "INVALID");
        let before = app.dump().await;
        let asked = app.anonymous().ok("mutation { requestPasswordReset(email: \"ada@acme.example\") }", json!({})).await;
        assert_eq!(asked["requestPasswordReset"], true);
        assert_eq!(before, app.dump().await);
        app.admin().ok("mutation { updatePropertiesInUser(where: {id: \"ada\"}, data: {email: \"new@acme.example\"}) { id } }", json!({})).await;
        assert!(app.mails().is_empty());
        let made = app.admin().ok("mutation { createOrganization(data: {name: \"Quiet\", mailAllowed: false}) { mailAllowed } }", json!({})).await;
        assert_eq!(made["createOrganization"]["mailAllowed"], false);
        app.admin().ok(set, json!({"a": true})).await;
        ada.ok(REQUEST, json!({})).await;
        assert_eq!(app.mails().len(), 1);
    }
}
