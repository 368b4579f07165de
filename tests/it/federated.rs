//! Federated identities: data on the user, set by administrators.

use serde_json::json;

use crate::on_both;
use crate::support::App;

const UPDATE: &str = "mutation($id: ID!, $list: [FederatedIdentityData!]) {
    updatePropertiesInUser(where: {id: $id}, data: {federatedIdentities: $list}) {
        version federatedIdentities { identityProvider userId userName } } }";

on_both! {
    async fn identities_are_set_replaced_and_cleared(app: App) {
        app.organization("acme", &[]).await;
        let chief = app.user("acme", "chief", Some("organization-admin")).await;
        let google = json!({"identityProvider": "google", "userId": "g-1", "userName": "ada@gmail.example"});
        let azure = json!({"identityProvider": "azure", "userId": "a-1", "userName": "ada"});
        let made = chief.ok(
            "mutation($list: [FederatedIdentityData!]) { createUser(data: {id: \"ada\", email: \"ada@acme.example\", federatedIdentities: $list}) {
                federatedIdentities { identityProvider userId userName } } }",
            json!({"list": [google, azure]}),
        ).await;
        assert_eq!(made["createUser"]["federatedIdentities"], json!([azure, google]));
        // The same again changes nothing, not even the version.
        let same = chief.ok(UPDATE, json!({"id": "ada", "list": [google, azure]})).await;
        assert_eq!(same["updatePropertiesInUser"], json!({"version": 1, "federatedIdentities": [azure, google]}));
        let one = chief.ok(UPDATE, json!({"id": "ada", "list": [google]})).await;
        assert_eq!(one["updatePropertiesInUser"], json!({"version": 2, "federatedIdentities": [google]}));
        // null is not given; an empty list clears.
        let kept = chief.ok(UPDATE, json!({"id": "ada", "list": null})).await;
        assert_eq!(kept["updatePropertiesInUser"]["federatedIdentities"], json!([google]));
        let listed = chief.ok("{ users(orderBy: ID_DESC) { id federatedIdentities { userId } } }", json!({})).await;
        assert_eq!(listed["users"], json!([{"id": "chief", "federatedIdentities": []}, {"id": "ada", "federatedIdentities": [{"userId": "g-1"}]}]));
        let none = chief.ok(UPDATE, json!({"id": "ada", "list": []})).await;
        assert_eq!(none["updatePropertiesInUser"]["federatedIdentities"], json!([]));
    }

    async fn bad_lists_and_callers_are_refused(app: App) {
        app.organization("acme", &[]).await;
        let chief = app.user("acme", "chief", Some("organization-admin")).await;
        let ada = app.user("acme", "ada", Some("user")).await;
        let google = json!({"identityProvider": "google", "userId": "g-1", "userName": "ada"});
        for list in [
            json!([google, google]),
            json!([{"identityProvider": "", "userId": "g-1", "userName": "ada"}]),
            json!([{"identityProvider": "google", "userId": "x".repeat(256), "userName": "ada"}]),
            (0..21).map(|n| json!({"identityProvider": format!("p{n}"), "userId": "1", "userName": "n"})).collect(),
        ] {
            assert_eq!(chief.refused(UPDATE, json!({"id": "ada", "list": list})).await, "INVALID");
        }
        assert_eq!(ada.refused(UPDATE, json!({"id": "ada", "list": [google]})).await, "FORBIDDEN");
    }

    async fn a_user_of_another_provider_has_nothing_to_reset(app: App) {
        app.organization("acme", &[]).await;
        app.user("acme", "ada", Some("user")).await;
        let google = json!([{"identityProvider": "google", "userId": "g-1", "userName": "ada"}]);
        app.admin().ok("mutation($list: [FederatedIdentityData!]) { createUser(data: {id: \"fed\", email: \"fed@acme.example\", organizationId: \"acme\", federatedIdentities: $list}) { id } }", json!({"list": google})).await;
        let refusal = app.admin().refusal("mutation { resetPassword(where: {id: \"fed\"}) { id } }", json!({})).await;
        assert_eq!(refusal["extensions"]["code"], "INVALID");
        assert!(refusal["message"].as_str().unwrap().contains("another identity provider"), "{refusal}");
        // With a password here as well, there is.
        app.admin().ok(UPDATE, json!({"id": "ada", "list": google})).await;
        app.admin().ok("mutation { resetPassword(where: {id: \"ada\"}) { id } }", json!({})).await;
        assert_eq!(app.mails().len(), 1);
        // Anybody who asks is told the same, and no mail goes out to the one who cannot use it.
        for id in ["fed", "ada"] {
            let answer = app.anonymous().ok("mutation($e: String!) { requestPasswordReset(email: $e) }", json!({"e": format!("{id}@acme.example")})).await;
            assert_eq!(answer, json!({"requestPasswordReset": true}));
        }
        assert!(!app.mails().concat().contains("fed@acme.example"));
    }
}
