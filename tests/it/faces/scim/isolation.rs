//! Other organizations do not exist here, whoever asks; and what a caller of a tenant may not see is nowhere.

use axum::http::Method;
use serde_json::json;

use super::{
    ENTERPRISE, GROUPS, USERS, at, found, get, group_of, id_of, ids, patch, patch_of, post, refused, user_of, world,
};
use crate::on_both;
use crate::support::App;

on_both! {
    async fn ids_of_others_are_unknown(app: App) {
        let (ada, _) = world(&app).await;
        let gus = app.key_of("gus").await;
        let theirs = post(&gus, GROUPS, group_of(json!({"displayName": "Team", "externalId": "g", "members": [{"value": "gil"}]}))).await;
        let theirs = id_of(&theirs);
        let ours = post(&ada, GROUPS, group_of(json!({"displayName": "Team", "externalId": "g"}))).await;
        let ours = id_of(&ours);
        // A super admin acts in its own organization only.
        for caller in [&ada, &app.admin()] {
            for (endpoint, id, body) in [(USERS, "gil", user_of(json!({"userName": "x"}))), (GROUPS, theirs, group_of(json!({"displayName": "x"})))] {
                let told = refused(caller, (404, ""), Method::GET, &at(endpoint, id), None).await;
                assert_eq!(told.replace(id, "?"), refused(caller, (404, ""), Method::GET, &at(endpoint, "nobody"), None).await.replace("nobody", "?"));
                refused(caller, (404, ""), Method::PUT, &at(endpoint, id), Some(&body)).await;
                refused(caller, (404, ""), Method::PATCH, &at(endpoint, id), Some(&patch_of(json!([])))).await;
                refused(caller, (404, ""), Method::DELETE, &at(endpoint, id), None).await;
                assert_eq!(found(caller, endpoint, &format!("id eq \"{id}\"")).await, [""; 0]);
            }
            for filter in [format!("groups eq \"{theirs}\""), "userName eq \"gil@globex.example\"".to_owned(), "emails eq \"gil@globex.example\"".to_owned()] {
                assert_eq!(found(caller, USERS, &filter).await, [""; 0], "{filter}");
            }
            assert_eq!(found(caller, GROUPS, "members eq \"gil\"").await, [""; 0]);
        }
        for operations in [
            json!([{"op": "add", "path": "members", "value": [{"value": "gil"}]}]),
            json!([{"op": "replace", "path": "members", "value": [{"value": "ann"}, {"value": "gil"}]}]),
        ] {
            refused(&ada, (400, "invalidValue"), Method::PATCH, &at(GROUPS, ours), Some(&patch_of(operations))).await;
        }
        let with = group_of(json!({"displayName": "With", "members": [{"value": "gil"}]}));
        let told = refused(&ada, (400, "invalidValue"), Method::POST, GROUPS, Some(&with)).await;
        let unknown = group_of(json!({"displayName": "With", "members": [{"value": "nobody"}]}));
        assert_eq!(told.replace("gil", "?"), refused(&ada, (400, "invalidValue"), Method::POST, GROUPS, Some(&unknown)).await.replace("nobody", "?"));
        // A manager is any text, and only one's own are known.
        let made = post(&ada, USERS, json!({"schemas": [super::USER], "userName": "lin", ENTERPRISE: {"manager": "gil"}})).await;
        assert_eq!(made[ENTERPRISE]["manager"], json!({"value": "gil"}));
        assert_eq!(found(&ada, GROUPS, "externalId eq \"g\"").await, [ours]);
        assert_eq!(ids(&app.admin(), GROUPS).await, [""; 0]);
    }

    async fn of_a_tenant_only_its_own_are_seen(app: App) {
        let (ada, _) = world(&app).await;
        let person = async |id: &str, tenant: Option<&str>| {
            let data = json!({"id": id, "organizationId": "acme", "tenantId": tenant, "name": id});
            app.admin().ok("mutation($data: CreateUserData!) { createUser(data: $data) { id } }", json!({"data": data})).await;
        };
        person("inside", Some("acme-main")).await;
        person("outside", None).await;
        person("chief", Some("acme-main")).await;
        let role = "mutation { createRole(data: {name: \"Tenant reader\", permissions: [\"read:user\", \"read:group\"], organizationId: \"acme\"}) { id } }";
        app.admin().ok(role, json!({})).await;
        let give = "mutation { assignRole(where: {id: \"chief\"}, role: \"Tenant reader\", tenant: \"acme-main\") { id } }";
        app.admin().ok(give, json!({})).await;
        let both = post(&ada, GROUPS, group_of(json!({"displayName": "Both", "members": [{"value": "inside"}, {"value": "outside"}]}))).await;
        let chief = app.key_of("chief").await;
        let mut seen = ids(&chief, USERS).await;
        seen.sort_unstable();
        assert_eq!(seen, ["chief", "inside"]);
        refused(&chief, (404, ""), Method::GET, &at(USERS, "outside"), None).await;
        let list = get(&chief, GROUPS).await;
        if let Some(group) = list["Resources"].get(0) {
            assert_eq!(group["members"].as_array().unwrap().len(), 1, "{group}");
            assert_eq!(group["members"][0]["value"], "inside");
        }
        assert_eq!(found(&chief, GROUPS, "members eq \"outside\"").await, [""; 0]);
        assert_eq!(found(&chief, USERS, "id eq \"outside\"").await, [""; 0]);
        patch(&ada, 204, &at(GROUPS, id_of(&both)), json!([{"op": "remove", "path": "members[value eq \"outside\"]"}])).await;
    }
}
