//! Section 6: acting as somebody else.

use serde_json::{Value, json};

use super::{calls, detail, impersonating, refusal_of, world};
use crate::on_both;
use crate::support::{App, Caller};

async fn as_user(caller: &Caller<'_>, id: &str, name: &str, body: Value) -> Value {
    let reply = caller.waii_as(id, name, body).await;
    assert_eq!(reply.status.as_u16(), 200, "{name}: {reply:?}");
    reply.json()
}

on_both! {
    async fn inside_everything_is_the_users(app: App) {
        let ada = world(&app).await;
        for caller in [&ada, &app.admin()] {
            let info = as_user(caller, "bob", "get-user-info", json!({})).await;
            assert_eq!((&info["id"], &info["roles"]), (&json!("bob"), &json!(["waii-api-user"])));
        }
        // A key made inside is an ordinary key of bob's and outlives it.
        let made = as_user(&ada, "bob", "create-key", json!({"name": "by ada"})).await;
        assert_eq!(made["access_keys"][0]["user_id"], "bob");
        let bob = app.key(made["access_keys"][0]["access_key"].as_str().unwrap());
        assert_eq!(bob.waii("get-user-info", json!({})).await["id"], "bob");
        let listed = as_user(&ada, "bob", "list-access-keys", json!({})).await;
        assert_eq!(listed["access_keys"][0]["name"], "by ada");
        assert_eq!(listed["access_keys"][0]["user_id"], "bob");
        as_user(&ada, "bob", "update-config", json!({"updated": {"a": 1}})).await;
        assert_eq!(bob.waii("update-config", json!({})).await, json!({"configs": {"a": 1}}));
        assert_eq!(ada.waii("update-config", json!({})).await, json!({"configs": {}}));
        // Permissions are the user's alone, not the union.
        for (name, body) in [("list-users", json!({})), ("create-user", json!({"user": {"id": "u", "tenant_id": "berlin"}})), ("list-orgs", json!({}))] {
            assert_eq!(refusal_of(&ada.waii_as("bob", name, body.clone()).await).0, 403);
            assert_eq!(refusal_of(&app.admin().waii_as("bob", name, body).await).0, 403);
        }
        as_user(&ada, "bob", "delete-access-keys", json!({"names": ["by ada"]})).await;
        assert_eq!(bob.status().await, 401);
        // Both are named in the trail.
        let who: Vec<String> = app.column("SELECT actor_id || ' by ' || impersonator_id FROM audit_events WHERE impersonator_id IS NOT NULL ORDER BY pk").await;
        assert_eq!(who, ["bob by ada"; 3]);
    }

    /// A super admin who acts as an organization's administrator is as bound as that one.
    async fn reach_is_the_users(app: App) {
        world(&app).await;
        let admin = app.admin();
        let inside = as_user(&admin, "ada", "list-orgs", json!({})).await;
        assert_eq!(inside["organizations"].as_array().unwrap().len(), 1);
        let (status, words) = refusal_of(&admin.waii_as("ada", "delete-user", json!({"id": "gus"})).await);
        assert_eq!((status, words), (403, "No user has the id 'gus'.".to_owned()));
        assert_eq!(refusal_of(&admin.waii_as("ada", "delete-user", json!({"id": "nobody"})).await).0, 403);
        assert_eq!(refusal_of(&admin.waii_as("ada", "create-org", json!({"organization": {"id": "o", "name": "O"}})).await).0, 403);
    }

    async fn a_header_that_cannot_be_honoured_fails_every_call(app: App) {
        let ada = world(&app).await;
        let admin = app.admin();
        admin.waii("create-user", json!({"user": {"id": "root2", "tenant_id": "berlin", "roles": ["waii-super-admin-user"]}})).await;
        admin.waii("create-user", json!({"user": {"id": "eve", "tenant_id": "berlin", "roles": ["waii-org-admin-user"]}})).await;
        admin.waii("create-user", json!({"user": {"id": "gone", "tenant_id": "berlin"}})).await;
        admin.waii("delete-user", json!({"id": "gone"})).await;
        admin.waii("create-user", json!({"user": {"id": "off", "tenant_id": "berlin"}})).await;
        admin.ok("mutation { deactivateUser(where: {id: \"off\"}) { id } }", json!({})).await;
        let bob = app.key_of("bob").await;
        let before = app.dump().await;
        for (name, body) in calls() {
            for (caller, id, status) in [
                (&ada, &b"ada"[..], 403), (&bob, b"ada", 403), (&bob, b"bob", 403), (&bob, b"nobody", 403),
                (&ada, b"gus", 403), (&ada, b"nobody", 403), (&ada, b"gone", 403), (&ada, b"root2", 403), (&ada, b"admin", 403), (&ada, b"off", 403),
                (&admin, b"nobody", 404), (&admin, b"gone", 404), (&admin, b"off", 403), (&admin, b"BOB", 404),
                // The client sends what is not ASCII as raw Latin-1.
                (&admin, b"zo\xeb", 400), (&ada, b"zo\xeb", 400), (&admin, b"", 400),
            ] {
                let reply = caller.waii_as(id, name, body.clone()).await;
                assert_eq!(refusal_of(&reply).0, status, "{name} as {}", String::from_utf8_lossy(id));
            }
        }
        assert_eq!(before, app.dump().await);
        // One wording for what is out of reach, whether or not it is there.
        let words = async |id: &str| detail(&ada.waii_as(id, "get-user-info", json!({})).await.json()).replace(id, "…");
        assert_eq!(words("gus").await, words("nobody").await);
        assert_eq!(words("gone").await, words("nobody").await);
        assert_eq!(words("admin").await, words("nobody").await);
        // Equals may.
        for (caller, id) in [(&ada, "eve"), (&admin, "root2"), (&admin, "gina")] {
            assert_eq!(as_user(caller, id, "get-user-info", json!({})).await["id"], id);
        }
        // Two headers that name two.
        let request = impersonating(impersonating(ada.waii_request("get-user-info", &json!({})), "bob"), "eve");
        assert_eq!(refusal_of(&app.send(request).await).0, 400);
        // No chain: the right is the key owner's, and a session that is an impersonation has none.
        let answer = ada.ok("mutation { impersonateUser(where: {id: \"eve\"}, reason: \"Support\") { accessToken } }", json!({})).await;
        let session = app.key(answer["impersonateUser"]["accessToken"].as_str().unwrap());
        assert_eq!(session.waii("get-user-info", json!({})).await["id"], "eve");
        assert_eq!(refusal_of(&session.waii_as("bob", "get-user-info", json!({})).await).0, 403);
    }
}
