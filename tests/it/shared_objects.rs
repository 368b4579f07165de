//! An object that several others refer to is resolved once for each field that selects it. Nobody may see that in an answer:
//! each place has what it selects, and its own errors.

use serde_json::{Value, json};

use crate::on_both;
use crate::support::App;

const PAGE: &str = "users(where: {idIn: [\"ann\", \"bob\"]}, orderBy: ID_ASC)";

async fn two_users(app: &App) {
    app.organization("acme", &["berlin"]).await;
    for id in ["ann", "bob"] {
        let data = json!({"id": id, "organizationId": "acme", "tenantId": "berlin", "roles": ["user"]});
        app.admin().create_user(data).await;
    }
}

on_both! {
    /// A fragment is one text that selects different fields in each place where it is spread.
    async fn each_place_has_the_fields_that_it_selects(app: App) {
        two_users(&app).await;
        let document = format!("{{ {PAGE} {{
            x: organization {{ ...Home }}
            y: organization {{ ...Home tenants {{ organization {{ name }} }} }}
            z: organization {{ tenants {{ organization {{ name }} }} ...Home }}
            tenant {{ organization {{ id }} same: organization {{ name }} }}
            roles {{ name }} again: roles {{ id: name }}
        }} }}
        fragment Home on Organization {{ id tenants {{ organization {{ id }} }} }}");
        let data = app.admin().ok(&document, json!({})).await;
        let under = |home: Value| json!([{"organization": home}]);
        let each = json!({
            "x": {"id": "acme", "tenants": under(json!({"id": "acme"}))},
            "y": {"id": "acme", "tenants": under(json!({"id": "acme", "name": "Organization acme"}))},
            "z": {"tenants": under(json!({"name": "Organization acme", "id": "acme"})), "id": "acme"},
            "tenant": {"organization": {"id": "acme"}, "same": {"name": "Organization acme"}},
            "roles": [{"name": "user"}],
            "again": [{"id": "user"}],
        });
        assert_eq!(data["users"], json!([each, each]));
    }

    /// Whoever is in several places of an answer has all relations in each of them.
    async fn each_place_has_all_relations(app: App) {
        two_users(&app).await;
        let admin = app.admin();
        admin.ok("mutation { updatePropertiesInUser(where: {id: \"ann\"}, data: {variables: {color: \"red\"}}) { id } }", json!({})).await;
        admin.ok("mutation { assignRole(where: {id: \"ann\"}, role: \"reviewer\", tenant: \"berlin\") { id } }", json!({})).await;
        for name in ["One", "Two", "Three"] {
            let group = json!({"data": {"name": name, "organizationId": "acme", "roles": ["reviewer"]}});
            let group = admin.ok("mutation($data: CreateGroupData!) { createGroup(data: $data) { id } }", group).await["createGroup"]["id"].clone();
            let add = "mutation($group: ID!, $user: ID!) { addUserToGroup(where: {id: $group}, user: {id: $user}) { id } }";
            for user in ["ann", "bob"] {
                admin.ok(add, json!({"group": group, "user": user})).await;
            }
        }
        // Every field of a user that is loaded beside it.
        let fields = "id organization { id } tenant { id } organizationRole roles { name } here: roles(tenant: \"berlin\") { name }
            permissions allowed: permissions(tenant: \"berlin\") tenantRoles { tenant { id } role { name } }
            roleGrants { role { name } group { id } by { id } since } groups(first: 5) { id } viewerCan { update } passwordVerified pendingEmail
            effectiveVariables federatedIdentities { userId }";
        let alone = admin.ok(&format!("{{ user(where: {{id: \"ann\"}}) {{ {fields} }} }}"), json!({})).await["user"].clone();
        assert_eq!(alone["roles"], json!([{"name": "user"}]));
        for list in ["groups(where: {organization: {id: \"acme\"}}, first: 5)", "roles(where: {nameIn: [\"user\", \"reviewer\"]}, first: 5)", "tenants(where: {id: \"berlin\"}, first: 5)"] {
            let of = "users(where: {id: \"ann\"}, first: 2)";
            let data = admin.ok(&format!("{{ list: {list} {{ {of} {{ {fields} }} again: {of} {{ {fields} }} }} }}"), json!({})).await;
            let all = data["list"].as_array().unwrap();
            let places = all.iter().flat_map(|one| [&one["users"], &one["again"]]);
            let places: Vec<&Value> = places.filter(|users| **users != json!([])).collect();
            assert!(places.len() > 1, "{data}");
            for users in places {
                assert_eq!(*users, json!([alone]), "{list}");
            }
        }
    }

    /// An error says where it happened, in each place.
    async fn each_place_has_its_errors(app: App) {
        two_users(&app).await;
        let document = format!("{{ {PAGE} {{ id tenant {{ id organization {{ id users(skip: -1) {{ id }} }} }} }} }}");
        let answer = app.admin().send(&document, json!({})).await;
        let mut paths: Vec<Value> = answer["errors"].as_array().unwrap().iter().map(|error| error["path"].clone()).collect();
        paths.sort_by_key(Value::to_string);
        let path = |number: u8| json!(["users", number, "tenant", "organization", "users"]);
        assert_eq!(paths, [path(0), path(1)], "{answer}");
    }
}
