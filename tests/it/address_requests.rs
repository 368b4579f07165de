//! What must not be done with an address that is requested, or with keys of others, by somebody who may no longer, or may less.

use std::time::Duration;

use serde_json::{Value, json};

use crate::on_both;
use crate::support::mail::tokens_of;
use crate::support::{App, Caller};

const SET: &str = "mutation($id: ID, $data: UserData!) {
    updatePropertiesInUser(where: {id: $id}, data: $data) { email pendingEmail activated } }";
const VERIFY: &str = "mutation($token: String!) { verifyEmail(token: $token) }";
const SEEN: &str = "query($id: ID) { user(where: {id: $id}) { email pendingEmail activated } }";

/// An organization that demands confirmation, with its administrator and somebody at the help desk.
async fn acme(app: &App) -> (Caller<'_>, Caller<'_>) {
    app.organization("acme", &[]).await;
    let chief = app.user("acme", "chief", Some("organization-admin")).await;
    let role = "mutation { createRole(data: {name: \"desk\", permissions: [\"read:user\", \"write:user\", \"write:access_key\"]}) { id } }";
    chief.ok(role, json!({})).await;
    let desk = app.user("acme", "dan", Some("desk")).await;
    let demand = "mutation { updateOrganizationSettings(where: {id: \"acme\"}, data: {confirmEmailChanges: true}) { confirmEmailChanges } }";
    let demanded = chief.ok(demand, json!({})).await;
    assert_eq!(demanded["updateOrganizationSettings"]["confirmEmailChanges"], true);
    (chief, desk)
}

/// Requests an address for somebody else, and gives the token that was mailed to it.
async fn request(app: &App, caller: &Caller<'_>, id: &str, email: &str) -> String {
    let set = caller.ok(SET, json!({"id": id, "data": {"email": email}})).await;
    assert_eq!(set["updatePropertiesInUser"]["pendingEmail"], email);
    let mails = app.mails();
    let mail = mails.iter().rfind(|mail| mail.contains(&format!("To: {email}")));
    tokens_of(mail.unwrap()).remove(0)
}

async fn email_of(caller: &Caller<'_>, id: &str) -> Value {
    caller.ok(SEEN, json!({"id": id})).await["user"]["email"].clone()
}

on_both! {
    /// The link is in the mailbox of whoever requested it: it must do no more than they may do themselves, now.
    async fn a_link_does_no_more_than_its_requester_may(app: App) {
        let (chief, desk) = acme(&app).await;
        for id in ["tom", "uma", "vic", "wes"] {
            app.user("acme", id, None).await;
        }
        let nobody = app.anonymous();
        // Who was promoted meanwhile is beyond the help desk.
        let token = request(&app, &desk, "tom", "dans-own@mail.example").await;
        chief.ok("mutation { assignRole(where: {id: \"tom\"}, role: \"organization-admin\") { id } }", json!({})).await;
        assert_eq!(nobody.refused(VERIFY, json!({"token": token})).await, "INVALID");
        assert_eq!(email_of(&chief, "tom").await, "tom@acme.example");
        // Who lost the permission.
        let token = request(&app, &desk, "uma", "dans-second@mail.example").await;
        chief.ok("mutation { withdrawRole(where: {id: \"dan\"}, role: \"desk\") { id } }", json!({})).await;
        assert_eq!(nobody.refused(VERIFY, json!({"token": token})).await, "INVALID");
        chief.ok("mutation { assignRole(where: {id: \"dan\"}, role: \"desk\") { id } }", json!({})).await;
        nobody.ok(VERIFY, json!({"token": token})).await;
        assert_eq!(email_of(&chief, "uma").await, "dans-second@mail.example");
        // Who was deactivated, or deleted.
        let token = request(&app, &desk, "vic", "dans-third@mail.example").await;
        chief.ok("mutation { deactivateUser(where: {id: \"dan\"}) { id } }", json!({})).await;
        assert_eq!(nobody.refused(VERIFY, json!({"token": token})).await, "INVALID");
        chief.ok("mutation { deleteUser(where: {id: \"dan\"}) { id } }", json!({})).await;
        assert_eq!(nobody.refused(VERIFY, json!({"token": token})).await, "INVALID");
        let seen = chief.ok(SEEN, json!({"id": "vic"})).await["user"].clone();
        assert_eq!(seen, json!({"email": "vic@acme.example", "pendingEmail": null, "activated": true}));
        // And who still may.
        let token = request(&app, &chief, "wes", "west@mail.example").await;
        nobody.ok(VERIFY, json!({"token": token})).await;
        assert_eq!(email_of(&chief, "wes").await, "west@mail.example");
    }

    async fn a_request_is_called_off_by_the_present_address(app: App) {
        let (chief, desk) = acme(&app).await;
        app.user("acme", "tom", None).await;
        let token = request(&app, &desk, "tom", "other@mail.example").await;
        let kept = chief.ok(SET, json!({"id": "tom", "data": {"email": "Tom@acme.example"}})).await;
        assert_eq!(kept["updatePropertiesInUser"], json!({"email": "tom@acme.example", "pendingEmail": null, "activated": true}));
        assert_eq!(app.anonymous().refused(VERIFY, json!({"token": token})).await, "INVALID");
        let fields = "{ auditEvents(where: {action: \"user.update\", targetId: \"tom\"}, orderBy: POSITION_DESC, first: 1) { fields } }";
        assert_eq!(chief.ok(fields, json!({})).await["auditEvents"][0]["fields"], json!(["pendingEmail"]));
    }

    /// Whoever had the session may have requested the address, and would send a new password there.
    async fn a_request_ends_with_the_sessions(app: App) {
        let (chief, _) = acme(&app).await;
        let nobody = app.anonymous();
        for (id, by_chief) in [("tom", true), ("uma", false)] {
            app.user("acme", id, None).await;
            let own = app.sign_in("acme", id).await;
            let token = request(&app, &chief, id, "elsewhere@mail.example").await;
            // Sessions of others leave it alone.
            chief.ok("mutation { revokeSessions(where: {user: {id: \"nobody\"}}) }", json!({})).await;
            assert_eq!(chief.ok(SEEN, json!({"id": id})).await["user"]["pendingEmail"], "elsewhere@mail.example");
            let end = "mutation($which: SessionWhere!) { revokeSessions(where: $which, keepCurrent: false) }";
            let ended = match by_chief {
                true => chief.ok(end, json!({"which": {"user": {"id": id}}})).await,
                false => app.key(&*own.access).ok(end, json!({"which": {}})).await,
            };
            assert_eq!(ended["revokeSessions"], 1);
            assert_eq!(chief.ok(SEEN, json!({"id": id})).await["user"]["pendingEmail"], Value::Null);
            assert_eq!(nobody.refused(VERIFY, json!({"token": token})).await, "INVALID");
            assert_eq!(email_of(&chief, id).await, format!("{id}@acme.example"));
        }
    }

    /// Whoever asks for a new password may mean to keep out somebody who requested the address.
    async fn an_open_reset_comes_first(app: App) {
        let (chief, _) = acme(&app).await;
        let nobody = app.anonymous();
        let ask = "mutation($email: String!) { requestPasswordReset(email: $email) }";
        for id in ["tom", "uma"] {
            app.user("acme", id, None).await;
            let address = format!("{id}@acme.example");
            let token = request(&app, &chief, id, &format!("{id}@elsewhere.example")).await;
            nobody.ok(ask, json!({"email": address})).await;
            let reset = app.mailed_token();
            assert_eq!(nobody.refused(VERIFY, json!({"token": token})).await, "INVALID");
            assert_eq!(email_of(&chief, id).await, address);
            if id == "tom" {
                let complete = "mutation($token: String!) { completePasswordReset(token: $token, newPassword: \"a brand new one\") }";
                nobody.ok(complete, json!({"token": reset})).await;
                assert_eq!(nobody.refused(VERIFY, json!({"token": token})).await, "INVALID");
            } else {
                // Strangers, who can ask too, delay the change only.
                app.services.clock.advance(Duration::from_secs(61 * 60));
                nobody.ok(VERIFY, json!({"token": token})).await;
                assert_eq!(email_of(&chief, id).await, format!("{id}@elsewhere.example"));
            }
        }
        // Sending the link as an administrator ends it.
        app.user("acme", "vic", None).await;
        let token = request(&app, &chief, "vic", "vic@elsewhere.example").await;
        chief.ok("mutation { resetPassword(where: {id: \"vic\"}) { id } }", json!({})).await;
        assert_eq!(chief.ok(SEEN, json!({"id": "vic"})).await["user"]["pendingEmail"], Value::Null);
        assert_eq!(nobody.refused(VERIFY, json!({"token": token})).await, "INVALID");
    }

    /// What somebody requested for others ends with their keys and sessions.
    async fn a_request_ends_with_the_access_of_its_requester(app: App) {
        let (chief, desk) = acme(&app).await;
        let by_session = app.sign_in("acme", "dan").await;
        for (id, end) in [
            ("tom", "mutation { revokeSessions(where: {user: {id: \"dan\"}}) }"),
            ("uma", "mutation { revokeUserApiKeys(where: {id: \"dan\"}) { id } }"),
        ] {
            app.user("acme", id, None).await;
            let by_session = app.key(&*by_session.access);
            let dan = if id == "tom" { &by_session } else { &desk };
            let token = request(&app, dan, id, "dans-own@mail.example").await;
            chief.ok(end, json!({})).await;
            assert_eq!(app.anonymous().refused(VERIFY, json!({"token": token})).await, "INVALID");
            assert_eq!(email_of(&chief, id).await, format!("{id}@acme.example"));
        }
    }

    async fn the_address_of_a_deactivated_user_is_not_requested(app: App) {
        let (chief, _) = acme(&app).await;
        app.user("acme", "tom", None).await;
        // What deactivates somebody is done; only the address stays.
        let both = json!({"id": "tom", "data": {"email": "other@mail.example", "activated": false}});
        let left = chief.ok(SET, both).await["updatePropertiesInUser"].clone();
        assert_eq!(left, json!({"email": "tom@acme.example", "pendingEmail": null, "activated": false}));
        assert!(!app.mails().iter().any(|mail| mail.contains("To: other@mail.example")));
        let before = app.dump().await;
        assert_eq!(chief.refused(SET, json!({"id": "tom", "data": {"email": "other@mail.example"}})).await, "INVALID");
        assert_eq!(before, app.dump().await);
    }

    /// Other mails to an address do not keep a notice away.
    async fn the_old_mailbox_is_told_whatever_else_it_got(app: App) {
        app.organization("acme", &[]).await;
        app.user("acme", "ada", None).await;
        let ada = app.key(app.sign_in("acme", "ada").await.access);
        for _ in 0..5 {
            ada.ok("mutation { requestEmailVerification { id } }", json!({})).await;
        }
        assert_eq!(ada.refused("mutation { requestEmailVerification { id } }", json!({})).await, "RATE_LIMITED");
        let change = "mutation { changeMyEmail(data: {email: \"thief@mail.example\", password: \"password-of-ada\"}) { id } }";
        ada.ok(change, json!({})).await;
        let mails = app.mails();
        let token = tokens_of(mails.iter().rfind(|mail| mail.contains("To: thief@mail.example")).unwrap()).remove(0);
        app.anonymous().ok(VERIFY, json!({"token": token})).await;
        let told: Vec<String> = app.mails().into_iter().filter(|mail| mail.contains("To: ada@acme.example") && !mail.contains("#token")).collect();
        assert_eq!(told.len(), 2, "{told:#?}");
    }

    /// An impersonator gets no secret that outlasts the one that a new key would have.
    async fn a_key_rotated_while_impersonating_ends(app: App) {
        app.organization("acme", &[]).await;
        let chief = app.user("acme", "chief", Some("organization-admin")).await;
        let ada = app.user("acme", "ada", Some("api-user")).await;
        ada.ok("mutation { createApiKey(data: {name: \"mine\"}) { secret } }", json!({})).await;
        let begin = "mutation { impersonateUser(where: {id: \"ada\"}, reason: \"help\") { accessToken } }";
        let begun = chief.ok(begin, json!({})).await;
        let inside = app.key(begun["impersonateUser"]["accessToken"].as_str().unwrap());
        let rotate = "mutation { rotateApiKey(where: {name: \"mine\"}) { apiKey { expiryDate creatorId } } }";
        let rotated = inside.ok(rotate, json!({})).await["rotateApiKey"]["apiKey"].clone();
        assert_eq!(rotated["creatorId"], "chief");
        let made = inside.ok("mutation { createApiKey(data: {name: \"new\"}) { apiKey { expiryDate } } }", json!({})).await;
        let day = |value: &Value| value.as_str().unwrap()[..10].to_owned();
        assert_eq!(day(&rotated["expiryDate"]), day(&made["createApiKey"]["apiKey"]["expiryDate"]));
    }

    /// What a service has is not told to callers who may not read roles.
    async fn making_a_key_tells_nothing_of_the_service(app: App) {
        let (chief, desk) = acme(&app).await;
        chief.ok("mutation { createUser(data: {id: \"bot\", kind: SERVICE, roles: [\"organization-admin\"]}) { id } }", json!({})).await;
        let make = "mutation($p: [String!]) { createApiKey(user: {id: \"bot\"}, data: {name: \"k\", permissions: $p}) { secret } }";
        let mut told = Vec::new();
        for permission in ["read:audit", "write:org"] {
            let error = desk.refusal(make, json!({"p": [permission]})).await;
            assert_eq!(error["extensions"]["code"], "FORBIDDEN", "{error}");
            told.push(error["message"].as_str().unwrap().replace(permission, "…"));
        }
        assert_eq!(told[0], told[1]);
    }

    /// Why somebody was impersonated is for the two of them, and for auditors.
    async fn reasons_are_for_auditors(app: App) {
        let (chief, desk) = acme(&app).await;
        app.user("acme", "ada", None).await;
        let begin = "mutation { impersonateUser(where: {id: \"ada\"}, reason: \"a secret case\") { accessToken } }";
        chief.ok(begin, json!({})).await;
        let list = "{ sessions(where: {user: {id: \"ada\"}, impersonated: true}) { reason } }";
        assert_eq!(desk.ok(list, json!({})).await["sessions"], json!([{"reason": null}]));
        assert_eq!(chief.ok(list, json!({})).await["sessions"], json!([{"reason": "a secret case"}]));
        let own = "{ sessions(where: {impersonated: true}) { reason } }";
        assert_eq!(app.key_of("ada").await.ok(own, json!({})).await["sessions"], json!([{"reason": "a secret case"}]));
    }
}
