//! Each refusal in GraphQL is the same refusal here, in this product's forms: the same callers do the same things by both,
//! and the statuses must be those that the table of codes gives for GraphQL's code.

use axum::http::{Method, header};
use serde_json::{Value, json};

use super::{ACTIVATE, DEACTIVATE, EDIT, INVITE, QUERY, USERS, World, keycloak_text, mlops_text, raw, seats, user};
use crate::on_both;
use crate::support::{App, Caller};

/// The same wish by each of the ways.
struct Wish {
    document: &'static str,
    variables: Value,
    /// Path and body of the MLOps API's call.
    mlops: Vec<(&'static str, Value)>,
    /// Method, path and body of Keycloak's.
    keycloak: Vec<(Method, String, Option<Value>)>,
}

fn mlops_status(code: &str) -> u16 {
    match code {
        "UNAUTHENTICATED" | "FORBIDDEN" => 401,
        "SEAT_LIMIT_REACHED" => 403,
        "NOT_FOUND" | "INVALID" | "CONFLICT" => 400,
        other => panic!("{other}"),
    }
}

fn keycloak_status(code: &str) -> u16 {
    match code {
        "UNAUTHENTICATED" => 401,
        "FORBIDDEN" | "SEAT_LIMIT_REACHED" => 403,
        "NOT_FOUND" => 404,
        "INVALID" => 400,
        "CONFLICT" => 409,
        other => panic!("{other}"),
    }
}

const CREATE: &str = "mutation($data: CreateUserData!) { createUserWithPassword(data: $data) { password } }";
const UPDATE: &str =
    "mutation($where: UserWhere!, $data: UserData!) { updatePropertiesInUser(where: $where, data: $data) { id } }";

fn invite(body: Value) -> Wish {
    Wish {
        document: CREATE,
        variables: json!({ "data": body }),
        mlops: vec![(INVITE, body)],
        keycloak: vec![],
    }
}

/// Deactivates, or activates, whoever has this id and the address `<id>@<organization>.example`.
fn switch(id: &str, organization: &str, on: bool) -> Wish {
    let email = format!("{id}@{organization}.example");
    let document = match on {
        true => "mutation($email: String!) { activateUser(where: {email: $email}) { id } }",
        false => "mutation($email: String!) { deactivateUser(where: {email: $email}) { id } }",
    };
    Wish {
        document,
        variables: json!({ "email": email }),
        mlops: vec![(if on { ACTIVATE } else { DEACTIVATE }, json!({ "email": email }))],
        keycloak: vec![(Method::PUT, user(id), Some(json!({ "enabled": on })))],
    }
}

fn change(id: &str, email: &str, first: &str) -> Wish {
    let edit =
        json!({"id": id, "email": email, "first_name": first, "last_name": "L", "enabled": true, "is_admin": false});
    Wish {
        document: UPDATE,
        variables: json!({"where": {"id": id}, "data": {"email": email, "firstname": first, "lastname": "L", "activated": true}}),
        mlops: vec![(EDIT, edit)],
        keycloak: vec![(
            Method::PUT,
            user(id),
            Some(json!({"email": email, "firstName": first, "lastName": "L", "enabled": true})),
        )],
    }
}

/// Every way refuses it, with the code that GraphQL says.
async fn refused(caller: &Caller<'_>, wish: &Wish, code: &str) {
    assert_eq!(
        caller.refused(wish.document, wish.variables.clone()).await,
        code,
        "{} {}",
        wish.document,
        wish.variables
    );
    for (path, body) in &wish.mlops {
        let (status, text) = caller.mlops_refused(path, body.clone()).await;
        assert_eq!(status, mlops_status(code), "{path} {body}: {text}");
    }
    for (method, path, body) in &wish.keycloak {
        let (status, text) = caller.keycloak_refused(method.clone(), path, body.as_ref()).await;
        assert_eq!(status, keycloak_status(code), "{method} {path} {body:?}: {text}");
    }
}

on_both! {
    async fn each_refusal_is_the_same(app: App) {
        let world = World::new(&app).await;
        let lead = app.user("acme", "lead", Some("team-manager")).await;
        app.admin().create_user(json!({"id": "boss", "email": "boss@acme.example", "organizationId": "acme", "roles": ["super-admin"]})).await;
        let wishes = [
            invite(json!({"email": "new@acme.example", "password": "Brass-kettle-27"})),
            switch("ann", "acme", false), switch("ann", "acme", true), switch("nobody", "acme", false), switch("eve", "evil", false),
            change("ann", "ann@acme.example", "X"), change("nobody", "nobody@acme.example", "X"), change("eve", "eve@evil.example", "X"),
        ];
        // Who is nobody, and who is not let in any more.
        let gone = app.user("acme", "gone", Some("organization-admin")).await;
        app.services.clock.advance(std::time::Duration::from_secs(1));
        let left = app.key_of("ada").await;
        app.admin().ok("mutation { deactivateUser(where: {id: \"gone\"}) { id } }", json!({})).await;
        let name = left.ok("{ me { apiKeys { name } } }", json!({})).await["me"]["apiKeys"].as_array().unwrap().last().unwrap()["name"].clone();
        left.ok("mutation($n: [String!]!) { revokeApiKeys(names: $n) { id } }", json!({"n": [name]})).await;
        for wish in &wishes {
            for caller in [&app.anonymous(), &app.key("tnt_nonsense"), &app.key("eyJ.a.b"), &gone, &left] {
                refused(caller, wish, "UNAUTHENTICATED").await;
            }
            // Who may not, whomever they name.
            for caller in [&world.ann, &lead] {
                refused(caller, wish, "FORBIDDEN").await;
            }
        }
        let ada = &world.ada;
        for (wish, code) in [
            (invite(json!({"email": "x"})), "INVALID"),
            (invite(json!({})), "INVALID"),
            (invite(json!({"email": "x@acme.example", "password": "short"})), "INVALID"),
            (invite(json!({"email": "x@acme.example", "roles": ["wizard"]})), "INVALID"),
            (invite(json!({"email": "x@acme.example", "roles": ["super-admin"]})), "FORBIDDEN"),
            (invite(json!({"email": "ANN@acme.example"})), "CONFLICT"),
            (switch("ada", "acme", false), "INVALID"),
            (switch("nobody", "acme", false), "NOT_FOUND"), (switch("nobody", "acme", true), "NOT_FOUND"),
            (switch("eve", "evil", false), "NOT_FOUND"), (switch("eve", "evil", true), "NOT_FOUND"),
            (switch("boss", "acme", false), "FORBIDDEN"),
            (change("ann", "no address", "X"), "INVALID"),
            (change("ann", "ann@acme.example", "\u{7}"), "INVALID"),
            (change("ann", "ada@acme.example", "X"), "CONFLICT"),
            (change("nobody", "nobody@acme.example", "X"), "NOT_FOUND"), (change("eve", "eve@evil.example", "X"), "NOT_FOUND"),
            (change("boss", "boss@acme.example", "X"), "FORBIDDEN"),
        ] {
            refused(ada, &wish, code).await;
        }
        ada.mlops(DEACTIVATE, json!({"email": "ann@acme.example"})).await;
        seats(&app, "acme", 1).await;
        for wish in [invite(json!({"email": "new@acme.example"})), switch("ann", "acme", true), change("ann", "ann@acme.example", "X")] {
            refused(ada, &wish, "SEAT_LIMIT_REACHED").await;
        }
    }

    async fn reading_needs_a_credential(app: App) {
        World::new(&app).await;
        for key in [None, Some("Bearer nonsense"), Some("nonsense"), Some("Bearer"), Some("Basic YTpi")] {
            let headers: Vec<(&str, &str)> = key.map(|key| ("authorization", key)).into_iter().collect();
            for body in ["{}", "{", ""] {
                let reply = raw(&app, Method::POST, QUERY, &headers, body).await;
                assert_eq!(reply.status, 401, "before the body is looked at");
                assert_eq!(reply.headers[header::WWW_AUTHENTICATE], "Bearer");
                mlops_text(401, &reply.json());
            }
            for path in [USERS.to_owned(), user("ann")] {
                let reply = raw(&app, Method::GET, &path, &headers, "").await;
                assert_eq!(reply.status, 401);
                assert_eq!(keycloak_text(401, &reply.json()), "HTTP 401 Unauthorized");
            }
        }
    }

    async fn one_acts_for_another(app: App) {
        let world = World::new(&app).await;
        let key = format!("Bearer {}", world.ada.key.clone().unwrap());
        let as_one = async |id: &str, method: Method, path: &str, body: &'static str| {
            raw(&app, method, path, &[("authorization", &key), ("x-tenantry-impersonate-user", id)], body).await
        };
        let reply = as_one("ann", Method::POST, QUERY, "{}").await;
        assert_eq!(reply.json()["users"].as_object().unwrap().keys().collect::<Vec<_>>(), ["ann"]);
        assert_eq!(as_one("ann", Method::POST, INVITE, "{\"email\": \"x@acme.example\"}").await.status, 401, "the powers inside are Ann's");
        assert_eq!(as_one("ann", Method::PUT, &user("ann"), "{}").await.status, 403);
        // One that cannot be honoured fails the call.
        for (id, mlops, keycloak) in [("nobody", 400, 404), ("eve", 400, 404), ("", 400, 400)] {
            let reply = as_one(id, Method::POST, QUERY, "{}").await;
            assert_eq!(reply.status, mlops, "{id}");
            mlops_text(mlops, &reply.json());
            let reply = as_one(id, Method::GET, USERS, "").await;
            assert_eq!(reply.status, keycloak, "{id}");
            keycloak_text(keycloak, &reply.json());
        }
        let headers = [("authorization", &*format!("Bearer {}", world.ann.key.clone().unwrap())), ("x-tenantry-impersonate-user", "ada")];
        let reply = raw(&app, Method::POST, QUERY, &headers, "{}").await;
        assert_eq!(reply.status, 401);
        mlops_text(401, &reply.json());
    }

    async fn refusals_and_changes_stand_in_the_trail(app: App) {
        let world = World::new(&app).await;
        world.ann.mlops_refused(INVITE, json!({"email": "x@acme.example"})).await;
        world.ann.mlops_refused(INVITE, json!({"email": "y@acme.example"})).await;
        world.ann.keycloak_refused(Method::PUT, &user("ada"), Some(&json!({"enabled": false}))).await;
        world.ann.keycloak_refused(Method::GET, &user("ada"), None).await;
        app.services.refusals.flush(&app.services.db, app.services.clock.now(), true).await.unwrap();
        let refused: Vec<String> = app.column("SELECT action FROM audit_events WHERE refused ORDER BY action").await;
        assert_eq!(refused, ["user.create", "user.read", "user.update"]);
        let actors: Vec<String> = app.column("SELECT DISTINCT actor_id FROM audit_events WHERE refused").await;
        assert_eq!(actors, ["ann"]);
        assert_eq!(app.number("SELECT CAST(count AS BIGINT) FROM audit_events WHERE refused AND action = 'user.create'").await, 2);
        world.ada.mlops(INVITE, json!({"email": "x@acme.example"})).await;
        world.ada.mlops(DEACTIVATE, json!({"email": "x@acme.example"})).await;
        world.ada.mlops(ACTIVATE, json!({"email": "x@acme.example"})).await;
        world.ada.put("ann", json!({"firstName": "Ann"})).await;
        let made: Vec<String> = app.column("SELECT action FROM audit_events WHERE actor_id = 'ada' AND NOT refused ORDER BY pk").await;
        assert_eq!(made, ["user.create", "user.deactivate", "user.activate", "user.update"]);
    }

    async fn what_one_makes_the_other_shows(app: App) {
        let world = World::new(&app).await;
        let data = json!({"email": "g@acme.example", "firstname": "G", "organizationRole": "ADMIN"});
        let id = world.ada.create_user(data).await["id"].as_str().unwrap().to_owned();
        let shown = world.ada.everybody().await[&id].clone();
        assert_eq!((&shown["firstName"], &shown["realmRoles"]), (&json!("G"), &json!(["admin"])));
        assert_eq!(world.ada.keycloak(&format!("{USERS}?email=g%40acme.example")).await[0], shown);
        world.ada.put(&id, json!({"lastName": "H"})).await;
        assert_eq!(world.ada.read_user(&id).await["name"], "G H");
        world.ada.update_user(&id, json!({"activated": false})).await;
        assert_eq!(world.ada.keycloak(&user(&id)).await["enabled"], false);
        world.ada.ok("mutation($id: ID!) { deleteUser(where: {id: $id}) { id } }", json!({"id": id})).await;
        assert!(!world.ada.everybody().await.contains_key(&id));
        assert_eq!(world.ada.mlops(QUERY, json!({"user_ids": [id]})).await["users"][&id], Value::Null);
    }
}
