//! What somebody has by a pack counts wherever permissions are compared, seen or not.

use serde_json::{Value, json};
use tenantry::model::{Faces, Permissions};

use super::packed;
use crate::on_both;
use crate::support::{App, Caller};

/// A helper who may do whatever opens something in Acme, and has no permission of a pack.
async fn helper(app: &App) -> String {
    let doors = Permissions::built_in()
        .filter(|(one, name)| !one.doors().is_empty() && !["write:org", "tenantry:introspect"].contains(name));
    let names: Vec<&str> = doors.map(|(_, name)| name).collect();
    let create = "mutation($names: [String!]) { createRole(data: {name: \"helper\", organizationId: \"acme\", permissions: $names}) { id } }";
    app.admin().ok(create, json!({ "names": names })).await;
    app.user("acme", "hal", Some("helper")).await.key.clone().unwrap()
}

/// The refusal, which names nothing that is hidden.
async fn refused(caller: &Caller<'_>, document: &str) {
    let refused = caller.refusal(document, json!({})).await;
    assert_eq!(refused["extensions"]["code"], "FORBIDDEN", "{document}: {refused}");
    assert_eq!(
        refused["extensions"]["permissions"].as_array().map_or(0, Vec::len),
        0,
        "{document}: {refused}"
    );
    assert!(
        !packed().iter().any(|name| refused.to_string().contains(name)),
        "{document}: {refused}"
    );
}

on_both! {
    async fn nobody_goes_beyond_their_own(app: App) {
        app.organization("acme", &["berlin"]).await;
        let hal = helper(&app).await;
        let own = "mutation { createRole(data: {name: \"own\", organizationId: \"acme\", permissions: [\"read:databases\"]}) { id } }";
        let own = app.admin().ok(own, json!({})).await["createRole"]["id"].as_str().unwrap().to_owned();
        for (id, role) in [("tim", "trial-user"), ("uma", "user"), ("oda", "own"), ("bob", "helper")] {
            app.user("acme", id, Some(role)).await;
        }
        app.admin().ok("mutation { createGroup(data: {name: \"T\", organizationId: \"acme\", roles: [\"trial-user\"]}) { id } }", json!({})).await;
        let mut app = app;
        for on in [Faces::all(), Faces::empty()] {
            app = app.with_faces(on).await;
            let hal = app.key(hal.clone());
            let mut documents = vec![
                format!("mutation {{ updateRole(where: {{id: \"{own}\"}}, data: {{description: \"x\"}}) {{ id }} }}"),
                format!("mutation {{ deleteRole(where: {{id: \"{own}\"}}) {{ id }} }}"),
                "mutation { assignRole(where: {id: \"bob\"}, role: \"own\") { id } }".to_owned(),
                "mutation { assignRole(where: {id: \"bob\"}, role: \"own\", tenant: \"berlin\") { id } }".to_owned(),
                "mutation { assignRole(where: {id: \"bob\"}, role: \"user\") { id } }".to_owned(),
                "mutation { createGroup(data: {name: \"N\", roles: [\"own\"]}) { id } }".to_owned(),
                "mutation { addUserToGroup(where: {key: \"T\"}, user: {id: \"bob\"}) { id } }".to_owned(),
                "mutation { inviteUser(data: {email: \"x@mail.example\", roles: [\"own\"]}) { id } }".to_owned(),
            ];
            for id in ["tim", "uma", "oda"] {
                documents.extend([
                    format!("mutation {{ updatePropertiesInUser(where: {{id: \"{id}\"}}, data: {{variables: {{a: 1}}}}) {{ id }} }}"),
                    format!("mutation {{ updatePropertiesInUser(where: {{id: \"{id}\"}}, data: {{email: \"x@mail.example\"}}) {{ id }} }}"),
                    format!("mutation {{ deleteUser(where: {{id: \"{id}\"}}) {{ id }} }}"),
                    format!("mutation {{ impersonateUser(where: {{id: \"{id}\"}}, reason: \"x\") {{ accessToken }} }}"),
                ]);
            }
            let before = app.dump().await;
            for document in &documents {
                match on.is_empty() {
                    true => refused(&hal, document).await,
                    false => assert_eq!(hal.code(document, json!({})).await, "FORBIDDEN", "{document}"),
                }
            }
            // Refusals are told in the trail, a token needs a key, and nothing else has changed.
            let others = |dump: &str| -> Vec<String> { dump.lines().filter(|line| !line.starts_with("audit_events") && !line.starts_with("signing_keys")).map(str::to_owned).collect() };
            assert_eq!(others(&app.dump().await), others(&before));
            let can = hal.ok("{ users(where: {idIn: [\"tim\", \"bob\"]}, orderBy: ID_ASC) { id viewerCan { updateAccount impersonate } } }", json!({})).await;
            assert_eq!(can["users"], json!([
                { "id": "bob", "viewerCan": { "updateAccount": true, "impersonate": true } },
                { "id": "tim", "viewerCan": { "updateAccount": false, "impersonate": false } },
            ]), "{on:?}");
            // What cannot lead to acting as somebody looks at doors alone.
            hal.ok("mutation { updatePropertiesInUser(where: {id: \"tim\"}, data: {firstname: \"Tim\"}) { id } }", json!({})).await;
            let asked = "{ accessExplanation(user: {id: \"hal\"}, permission: \"usage:impersonation\", target: {id: \"tim\"}) { allowed hindrances { code permissions } } }";
            let why = hal.ok(asked, json!({})).await["accessExplanation"].clone();
            assert_eq!((&why["allowed"], &why["hindrances"][0]["code"]), (&json!(false), &json!("BEYOND_OWN")), "{why}");
            assert_eq!(why["hindrances"][0]["permissions"].as_array().unwrap().is_empty(), on.is_empty(), "{why}");
        }
    }

    async fn whoever_has_it_still_can(app: App) {
        app.organization("acme", &[]).await;
        let ada = app.user("acme", "ada", Some("organization-admin")).await.key.clone().unwrap();
        app.admin().ok("mutation { createRole(data: {name: \"own\", organizationId: \"acme\", permissions: [\"read:databases\"]}) { id } }", json!({})).await;
        app.user("acme", "tim", Some("team-manager")).await;
        app.user("acme", "bob", None).await;
        let app = app.with_faces(Faces::empty()).await;
        let ada = app.key(ada);
        ada.ok("mutation { assignRole(where: {id: \"bob\"}, role: \"own\") { id } updatePropertiesInUser(where: {id: \"tim\"}, data: {variables: {a: 1}}) { id } }", json!({})).await;
        // What a hidden role opens is open.
        let tim = app.key_of("tim").await;
        let seen = tim.ok("{ me { permissions roles { name } } users(orderBy: ID_ASC) { id } viewerPermissions }", json!({})).await;
        let opens = json!(["read:user", "read:tenant", "read:group", "write:group"]);
        assert_eq!((&seen["me"]["permissions"], &seen["me"]["roles"], &seen["viewerPermissions"]), (&opens, &json!([]), &opens));
        assert_eq!(seen["users"].as_array().unwrap().len(), 3);
        // Nobody takes it from themselves without knowing.
        let lost = ada.refusal("mutation { updatePropertiesInUser(where: {id: \"ada\"}, data: {roles: [\"user\"]}) { id } }", json!({})).await;
        assert_eq!(lost["extensions"]["code"], "INVALID");
    }

    /// A role that is written back as it is shown loses what is hidden; one whose permissions nobody names keeps it.
    async fn a_role_keeps_what_is_hidden(app: App) {
        app.organization("acme", &[]).await;
        let create = "mutation { createRole(data: {name: \"own\", organizationId: \"acme\", permissions: [\"read:databases\", \"read:user\"]}) { id } }";
        let id = app.admin().ok(create, json!({})).await["createRole"]["id"].clone();
        let key = app.user("acme", "api", Some("api-user")).await.ok("mutation { createApiKey(data: {name: \"k\", permissions: [\"read:databases\", \"write:access_key\"]}) { secret } }", json!({})).await;
        let key = key["createApiKey"]["secret"].as_str().unwrap().to_owned();
        let app = app.with_faces(Faces::all() - Faces::WAII).await;
        let update = |data: &str| format!("mutation {{ updateRole(where: {{id: {id}}}, data: {data}) {{ permissions }} }}");
        let shown = app.admin().ok(&update("{description: \"x\"}"), json!({})).await;
        assert_eq!(shown["updateRole"]["permissions"], json!(["read:user"]));
        let rotated = app.key(key).ok("mutation { rotateApiKey(where: {name: \"k\"}, overlapSeconds: 0) { secret apiKey { permissions } } }", json!({})).await;
        assert_eq!(rotated["rotateApiKey"]["apiKey"]["permissions"], json!(["write:access_key"]));
        let app = app.with_faces(Faces::all()).await;
        let secret = rotated["rotateApiKey"]["secret"].as_str().unwrap().to_owned();
        assert_eq!(app.key(secret).ok("{ viewerPermissions }", json!({})).await["viewerPermissions"], json!(["read:databases", "write:access_key"]));
        let shown = async |app: &App| -> Value { app.admin().ok("query($id: ID!) { role(where: {id: $id}) { permissions } }", json!({ "id": id })).await["role"]["permissions"].clone() };
        assert_eq!(shown(&app).await, json!(["read:databases", "read:user"]));
        let app = app.with_faces(Faces::empty()).await;
        app.admin().ok(&update("{permissions: [\"read:user\"]}"), json!({})).await;
        let app = app.with_faces(Faces::all()).await;
        assert_eq!(shown(&app).await, json!(["read:user"]));
    }
}
