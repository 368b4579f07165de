//! Section 4 and 6: groups and their members.

use std::collections::BTreeSet;

use axum::http::Method;
use serde_json::{Value, json};

use super::{
    GROUP, GROUPS, USERS, answered, at, delete, found, get, group_of, id_of, patch, place, post, put, refused, world,
};
use crate::on_both;
use crate::support::{App, Caller};

async fn members(caller: &Caller<'_>, id: &str) -> BTreeSet<String> {
    let group = get(caller, &at(GROUPS, id)).await;
    let members = group["members"].as_array().unwrap().iter();
    members
        .map(|member| member["value"].as_str().unwrap().to_owned())
        .collect()
}

fn set<const N: usize>(ids: [&str; N]) -> BTreeSet<String> {
    ids.map(str::to_owned).into()
}

on_both! {
    async fn a_group_is_made_read_changed_and_deleted(app: App) {
        let (ada, _) = world(&app).await;
        let entra = "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group";
        let sent = json!({"schemas": [GROUP, entra], "externalId": "g-1", "displayName": "Sales", "meta": {"resourceType": "Group"}});
        let made = post(&ada, GROUPS, sent).await;
        let id = id_of(&made);
        assert_eq!(made["members"], json!([]));
        assert_eq!(get(&ada, &at(GROUPS, id)).await, made);
        for name in ["Sales", "sALES"] {
            refused(&ada, (409, "uniqueness"), Method::POST, GROUPS, Some(&group_of(json!({"displayName": name})))).await;
        }
        for name in ["Sales!", "★"] {
            post(&ada, GROUPS, group_of(json!({"displayName": name}))).await;
        }
        assert_eq!(found(&ada, GROUPS, "displayName eq \"SALES\"").await, [id]);
        assert_eq!(patch(&ada, 204, &at(GROUPS, id), json!([{"op": "replace", "value": {"id": id, "displayName": "Sales 2"}}])).await, Value::Null);
        let shown = patch(&ada, 200, &format!("{}?attributes=displayName,externalId", at(GROUPS, id)), json!([{"op": "remove", "path": "externalId"}])).await;
        assert_eq!(shown, json!({"schemas": [GROUP], "id": id, "displayName": "Sales 2"}));
        let whole = put(&ada, &at(GROUPS, id), group_of(json!({"displayName": "Sales 3", "members": [{"value": "ann"}]}))).await;
        assert_eq!(whole["members"], json!([{"value": "ann", "$ref": place("Users", "ann"), "type": "User"}]));
        // A rename empties nothing.
        put(&ada, &at(GROUPS, id), group_of(json!({"displayName": "Sales 4"}))).await;
        assert_eq!(members(&ada, id).await, set(["ann"]));
        put(&ada, &at(GROUPS, id), group_of(json!({"displayName": "Sales 4", "members": []}))).await;
        assert_eq!(members(&ada, id).await, set([]));
        delete(&ada, &at(GROUPS, id)).await;
        refused(&ada, (404, ""), Method::DELETE, &at(GROUPS, id), None).await;
    }

    async fn members_are_deltas(app: App) {
        let (ada, _) = world(&app).await;
        for id in ["u1", "u2", "u3"] {
            app.user("acme", id, None).await;
        }
        let made = post(&ada, GROUPS, group_of(json!({"displayName": "Team", "members": [{"value": "u1"}, {"value": "u2", "type": "User"}]}))).await;
        let (id, path) = (id_of(&made).to_owned(), at(GROUPS, id_of(&made)));
        patch(&ada, 204, &path, json!([{"op": "Add", "path": "members", "value": [{"$ref": null, "value": "u3"}]}])).await;
        patch(&ada, 204, &path, json!([{"op": "Remove", "path": "members", "value": [{"$ref": null, "value": "u1"}]}])).await;
        assert_eq!(members(&ada, &id).await, set(["u2", "u3"]));
        patch(&ada, 204, &path, json!([{"op": "remove", "path": "members[value eq \"u2\"]"}, {"op": "add", "path": "members", "value": [{"value": "u1", "display": "x"}]}])).await;
        assert_eq!(members(&ada, &id).await, set(["u1", "u3"]));
        patch(&ada, 204, &path, json!([{"op": "remove", "path": "members[value eq \"nobody\"]"}])).await;
        let before = app.dump().await;
        patch(&ada, 204, &path, json!([{"op": "add", "path": "members", "value": [{"value": "u1"}]}, {"op": "add", "path": "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group:x", "value": 1}])).await;
        assert_eq!(app.dump().await, before);
        let unknown = super::patch_of(json!([{"op": "add", "path": "members", "value": [{"value": "u2"}, {"value": "nobody"}]}]));
        let detail = refused(&ada, (400, "invalidValue"), Method::PATCH, &path, Some(&unknown)).await;
        assert!(detail.contains("nobody"), "{detail}");
        let nested = super::patch_of(json!([{"op": "add", "path": "members", "value": [{"value": id, "type": "Group"}]}]));
        refused(&ada, (400, "invalidValue"), Method::PATCH, &path, Some(&nested)).await;
        let twice = super::patch_of(json!([{"op": "add", "path": "members", "value": [{"value": "u2", "display": "a", "DISPLAY": "b"}]}]));
        refused(&ada, (400, "invalidSyntax"), Method::PATCH, &path, Some(&twice)).await;
        patch(&ada, 204, &path, json!([{"op": "replace", "path": "members", "value": [{"value": "u2"}]}])).await;
        assert_eq!(members(&ada, &id).await, set(["u2"]));
        patch(&ada, 204, &path, json!([{"op": "replace", "path": "members", "value": []}])).await;
        assert_eq!(members(&ada, &id).await, set([]));
        // Of an unknown group nothing is said but that it is unknown.
        for body in [unknown, super::patch_of(json!([{"op": "add", "path": "[", "value": 1}]))] {
            refused(&ada, (404, ""), Method::PATCH, &at(GROUPS, "nothing"), Some(&body)).await;
        }
    }

    async fn groups_and_roles_stand_with_a_user(app: App) {
        let (ada, ann) = world(&app).await;
        ada.ok("mutation { createGroup(data: {name: \"Editors\", roles: [\"user\"]}) { id } }", json!({})).await;
        let editors = found(&ada, GROUPS, "displayName eq \"editors\"").await.remove(0);
        let made = post(&ada, USERS, super::user_of(json!({"userName": "lin"}))).await;
        patch(&ada, 204, &at(GROUPS, &editors), json!([{"op": "add", "path": "members", "value": [{"value": id_of(&made)}]}])).await;
        let shown = get(&ada, &at(USERS, id_of(&made))).await;
        assert_eq!(shown["groups"], json!([{"value": editors, "$ref": place("Groups", &editors), "display": "Editors", "type": "direct"}]));
        assert_eq!(shown["roles"], json!([{"value": "user", "type": "indirect"}]));
        assert_eq!(found(&ada, USERS, &format!("groups eq \"{editors}\"")).await, [id_of(&made)]);
        assert_eq!(found(&ada, GROUPS, &format!("id eq \"{editors}\" and members eq \"{}\"", id_of(&made))).await, [editors.as_str()]);
        assert_eq!(found(&ada, GROUPS, &format!("id eq \"{editors}\" and members eq \"ann\"")).await, [""; 0]);
        let bad = super::patch_of(json!([{"op": "add", "path": "roles", "value": [{"value": "x"}]}]));
        refused(&ada, (400, "mutability"), Method::PATCH, &at(USERS, id_of(&made)), Some(&bad)).await;
        // One's own groups need no permission.
        patch(&ada, 204, &at(GROUPS, &editors), json!([{"op": "add", "path": "members", "value": [{"value": "ann"}]}])).await;
        assert_eq!(get(&ann, "/scim/v2/Me").await["groups"][0]["value"], editors);
    }

    async fn many_members_are_written_while_they_are_read(app: App) {
        let (ada, _) = world(&app).await;
        app.crowd("acme", 2_500).await;
        let members: Vec<Value> = (1..=2_500).map(|n| json!({"value": format!("crowd-{n}")})).collect();
        let made = post(&ada, GROUPS, group_of(json!({"displayName": "All", "members": members}))).await;
        assert_eq!(made["members"].as_array().unwrap().len(), 2_500);
        post(&ada, GROUPS, group_of(json!({"displayName": "Few", "members": [{"value": "ann"}]}))).await;
        post(&ada, GROUPS, group_of(json!({"displayName": "None"}))).await;
        let all = get(&ada, GROUPS).await;
        let sizes: Vec<usize> = all["Resources"].as_array().unwrap().iter().map(|group| group["members"].as_array().unwrap().len()).collect();
        assert_eq!(sizes, [2_500, 1, 0]);
        let few = super::asking(GROUPS, &[("attributes", "members.value"), ("count", "1")]);
        let one = get(&ada, &few).await;
        assert_eq!(one["Resources"][0]["members"][0], json!({"value": "crowd-1"}));
        let none = get(&ada, &super::asking(GROUPS, &[("excludedAttributes", "members")])).await;
        assert!(!none.to_string().contains("members"), "{none}");
        let replaced: Vec<Value> = (2..=2_501).map(|n| json!({"value": if n > 2_500 { "ann".to_owned() } else { format!("crowd-{n}") }})).collect();
        answered(&ada, 204, Method::PATCH, &at(GROUPS, id_of(&made)), Some(&super::patch_of(json!([{"op": "replace", "path": "members", "value": replaced}])))).await;
        assert_eq!(found(&ada, GROUPS, "members eq \"crowd-1\"").await, [""; 0]);
        assert_eq!(found(&ada, GROUPS, "members eq \"ann\"").await.len(), 2);
    }
}
