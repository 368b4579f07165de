//! A user is made, listed and counted over HTTP.

use serde_json::json;

use crate::on_both;
use crate::support::App;

on_both! {
    async fn a_user_is_made_and_listed(app: App) {
        app.organization("acme", &["berlin"]).await;
        let made = app.admin().ok(
            "mutation { createUser(data: {email: \"Ada@Acme.Example\", firstname: \"Ada\", organizationId: \"acme\",
                 tenantId: \"berlin\", organizationRole: ADMIN}) {
                 email name organizationRole organizationId tenantId activated roles { name } organization { name } tenant { name } } }",
            json!({}),
        ).await;
        assert_eq!(made["createUser"], json!({
            "email": "ada@acme.example", "name": "Ada", "organizationRole": "ADMIN", "organizationId": "acme",
            "tenantId": "berlin", "activated": true, "roles": [{"name": "organization-admin"}],
            "organization": {"name": "Organization acme"}, "tenant": {"name": "Tenant berlin"},
        }));
        let listed = app.admin().ok(
            "{ users(where: {organization: {id: \"acme\"}}) { email } countUsers(where: {organization: {id: \"acme\"}}) me { id organizationRole } }",
            json!({}),
        ).await;
        assert_eq!(listed, json!({
            "users": [{"email": "ada@acme.example"}], "countUsers": 1, "me": {"id": "admin", "organizationRole": "ADMIN"},
        }));
    }
}
