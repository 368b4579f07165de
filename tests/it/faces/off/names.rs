//! A name that is hidden is as one that nobody knows, and stays reserved.

use axum::http::Method;
use serde_json::{Value, json};
use tenantry::model::{BuiltIn, Faces, without_hyphens};

use super::{packed, roles_of_faces};
use crate::on_both;
use crate::rules::role_inputs::Resolvers;
use crate::support::App;

/// The answer, with this name, for any name.
fn for_any(answer: &Value, name: &str) -> Value {
    serde_json::from_str(&answer.to_string().replace(name, "NAME")).unwrap()
}

on_both! {
    async fn no_input_takes_a_hidden_role(app: App) {
        app.organization("acme", &["berlin"]).await;
        let resolvers = Resolvers::new(&app).await;
        let texts = |role: BuiltIn| [role.name().to_owned(), role.id().to_owned(), without_hyphens(role.id()).into_owned()];
        for text in roles_of_faces().flat_map(texts) {
            assert!(!resolvers.resolve(&text).await.is_empty(), "{text}");
        }
        tenantry::directory::faces::set(&app.machine(), Faces::WALLAROO | Faces::AIR).await.unwrap();
        let before = app.dump().await;
        for text in roles_of_faces().flat_map(texts) {
            assert_eq!(resolvers.resolve(&text).await, [], "{text}");
        }
        assert_eq!(app.dump().await, before);
        assert!(!resolvers.resolve("user").await.is_empty());
    }

    async fn a_hidden_role_is_refused_as_an_unknown_one(app: App) {
        app.organization("acme", &["berlin"]).await;
        app.user("acme", "bob", Some("labeler")).await;
        let app = app.with_faces(Faces::empty()).await;
        let admin = app.admin();
        for document in [
            "assignRole(where: {id: \"bob\"}, role: $role) { id }",
            "assignRole(where: {id: \"bob\"}, role: $role, tenant: \"berlin\") { id }",
            "withdrawRole(where: {id: \"bob\"}, role: $role) { id }",
            "createUser(data: {organizationId: \"acme\", roles: [$role]}) { id }",
            "updatePropertiesInUser(where: {id: \"bob\"}, data: {roles: [$role]}) { id }",
            "createGroup(data: {name: \"G\", organizationId: \"acme\", roles: [$role]}) { id }",
            "createGroup(data: {name: \"G\", organizationId: \"acme\", tenantRoles: [{role: $role, tenant: \"berlin\"}]}) { id }",
            "inviteUser(data: {email: \"x@mail.example\", organizationId: \"acme\", roles: [$role]}) { id }",
        ] {
            let document = format!("mutation($role: String!) {{ {document} }}");
            let mut unknown = admin.refusal(&document, json!({ "role": "nobody-knows" })).await;
            unknown = for_any(&unknown, "nobody-knows");
            for role in roles_of_faces() {
                assert_ne!(admin.refused(&document, json!({ "role": role.name() })).await, "CONFLICT");
                let refused = admin.refusal(&document, json!({ "role": role.name() })).await;
                assert_eq!(for_any(&refused, role.name()), unknown, "{document}");
            }
        }
        for document in ["updateRole(where: {id: $id}, data: {description: \"x\"}) { id }", "deleteRole(where: {id: $id}) { id }"] {
            let document = format!("mutation($id: ID!) {{ {document} }}");
            let nobody = "01900000-0000-7000-8000-0000000000ff";
            let unknown = for_any(&admin.refusal(&document, json!({ "id": nobody })).await, nobody);
            for role in roles_of_faces() {
                let refused = admin.refusal(&document, json!({ "id": role.id() })).await;
                assert_eq!(for_any(&refused, role.id()), unknown, "{document}");
            }
        }
        // By Kili's words, which are words of the schema.
        for word in ["LABELER", "REVIEWER", "TEAM_MANAGER"] {
            for document in [
                format!("mutation {{ updatePropertiesInUser(where: {{id: \"bob\"}}, data: {{organizationRole: {word}}}) {{ id }} }}"),
                format!("mutation {{ createUser(data: {{organizationId: \"acme\", organizationRole: {word}}}) {{ id }} }}"),
            ] {
                let refused = admin.refusal(&document, json!({})).await;
                assert_eq!(refused["extensions"]["code"], "INVALID", "{refused}");
                assert_eq!(admin.refused(&document, json!({})).await, "INVALID");
            }
        }
        // Whoever lays down all roles of a user lays down the hidden ones.
        assert_eq!(admin.ok("{ user(where: {id: \"bob\"}) { organizationRole roles { name } } }", json!({})).await["user"], json!({ "organizationRole": null, "roles": [] }));
        admin.ok("mutation { updatePropertiesInUser(where: {id: \"bob\"}, data: {roles: [\"user\"]}) { id } }", json!({})).await;
        let app = app.with_faces(Faces::all()).await;
        assert_eq!(app.admin().ok("{ user(where: {id: \"bob\"}) { roles { name } } }", json!({})).await["user"]["roles"], json!([{ "name": "user" }]));
    }

    async fn what_does_not_name_roles_leaves_the_hidden_ones(app: App) {
        app.organization("acme", &["berlin"]).await;
        let key = app.user("acme", "bob", Some("labeler")).await.key.clone();
        let app = app.with_faces(Faces::WALLAROO | Faces::AIR).await;
        app.admin().ok("mutation { updatePropertiesInUser(where: {id: \"bob\"}, data: {firstname: \"Bob\"}) { id } }", json!({})).await;
        let boss = app.user("acme", "boss", Some("super-admin")).await;
        // What a face shows in place of it is what it shows for no role, and to set that changes nothing.
        let shown = boss.rest(Method::GET, "/api/data/users/bob", None).await.json();
        assert_eq!(shown["role_id"], BuiltIn::User.id().replace('-', ""));
        let reply = boss.rest(Method::PATCH, "/api/data/users/bob", Some(&json!({ "role_id": shown["role_id"] }))).await;
        assert!(reply.status.is_success(), "{reply:?}");
        let app = app.with_faces(Faces::all()).await;
        let bob = app.key(key.unwrap()).ok("{ me { organizationRole roles { name } } }", json!({})).await;
        assert_eq!(bob["me"], json!({ "organizationRole": "LABELER", "roles": [{ "name": "labeler" }] }));
    }

    async fn a_hidden_permission_is_refused_as_an_unknown_one(app: App) {
        app.organization("acme", &[]).await;
        app.user("acme", "ada", Some("organization-admin")).await;
        app.admin().ok("mutation { createRole(data: {name: \"own\", organizationId: \"acme\", permissions: [\"read:databases\"]}) { id } }", json!({})).await;
        let app = app.with_faces(Faces::all() - Faces::WAII).await;
        let admin = app.admin();
        let own = admin.ok("{ roles(where: {name: \"own\"}) { id permissions } }", json!({})).await["roles"][0].clone();
        assert_eq!(own["permissions"], json!([]));
        for document in [
            "mutation($name: String!) { createRole(data: {name: \"new\", organizationId: \"acme\", permissions: [$name]}) { id } }".to_owned(),
            "mutation($name: String!) { createRole(data: {name: \"new\", scope: PRODUCT, permissions: [\"read:user\", $name]}) { id } }".to_owned(),
            format!("mutation($name: String!) {{ updateRole(where: {{id: {}}}, data: {{permissions: [$name]}}) {{ id }} }}", own["id"]),
            "mutation($name: String!) { createApiKey(data: {name: \"new\", permissions: [$name]}) { secret } }".to_owned(),
            "query($name: String!) { accessExplanation(user: {id: \"ada\"}, permission: $name) { allowed } }".to_owned(),
            "mutation($name: String!) { createPermission(data: {name: \"a:b\", replaces: $name}) { id } }".to_owned(),
            "mutation($name: String!) { updatePermission(where: {id: $name}, data: {description: \"x\"}) { id } }".replace("String!", "ID!"),
            "mutation($name: ID!) { deletePermission(where: {id: $name}) { id } }".to_owned(),
        ] {
            let unknown = for_any(&admin.refusal(&document, json!({ "name": "nobody:knows" })).await, "nobody:knows");
            for name in packed() {
                let refused = admin.refusal(&document, json!({ "name": name })).await;
                assert_eq!(for_any(&refused, name), unknown, "{document}");
            }
        }
        for path in ["/forward-auth?permission=", "/oauth/token"] {
            let asked = async |name: &str| {
                let is_form = path == "/oauth/token";
                let mut request = admin.request(&format!("{path}{}", if is_form { "" } else { name }), &Value::Null);
                if is_form {
                    let (scope, key) = (name.replace(':', "%3A"), crate::support::ADMIN_KEY);
                    request.headers_mut().remove("authorization");
                    request.headers_mut().insert("content-type", "application/x-www-form-urlencoded".parse().unwrap());
                    *request.body_mut() = format!("grant_type=client_credentials&client_id=admin&client_secret={key}&scope={scope}").into();
                }
                let reply = app.send(request).await;
                (reply.status.as_u16(), reply.body.replace(name, "NAME"))
            };
            assert_eq!(asked("read:user").await.0 / 100, 2);
            let unknown = asked("nobody:knows").await;
            assert!(unknown.0 >= 400, "{unknown:?}");
            assert_eq!(asked("read:databases").await, unknown, "{path}");
        }
    }

    async fn their_names_stay_reserved(app: App) {
        app.organization("acme", &[]).await;
        let app = app.with_faces(Faces::empty()).await;
        let admin = app.admin();
        for name in packed() {
            let declare = "mutation($name: String!) { createPermission(data: {name: $name}) { id } }";
            let refused = admin.refusal(declare, json!({ "name": name })).await;
            assert_eq!((&refused["extensions"]["code"], &refused["extensions"]["reason"]), (&json!("CONFLICT"), &json!("TAKEN")), "{refused}");
            assert_eq!(refused["message"], format!("The name '{name}' is reserved."));
        }
        for role in roles_of_faces() {
            for (name, scope) in [(role.name().to_owned(), "PRODUCT"), (role.name().to_uppercase(), "ORGANIZATION"), (role.name().replace('e', "е"), "PRODUCT")] {
                let create = "mutation($name: String!, $scope: RoleScope!) { createRole(data: {name: $name, scope: $scope}) { id } }";
                let refused = admin.refusal(create, json!({ "name": name, "scope": scope })).await;
                assert_eq!(refused["extensions"]["code"], "CONFLICT", "{refused}");
                assert!(!refused.to_string().replace(&name, "").contains(role.name()), "{refused}");
            }
        }
    }
}
