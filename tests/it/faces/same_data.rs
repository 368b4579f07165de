//! What one face makes, changes or ends, GraphQL and all other faces show at once, and the other way round.

use axum::body::Body;
use axum::http::{HeaderValue, Method, Request, header};
use serde_json::{Value, json};
use tenantry::model::BuiltIn;

use crate::on_both;
use crate::support::documents::{ACTIVATE_USER, CREATE_USER, DEACTIVATE_USER, DELETE_USER, UPDATE_USER, change};
use crate::support::session::code_of;
use crate::support::{App, Caller};

const PASSWORD: &str = "Brass-kettle-27-hums";
const OTHER: &str = "Tin-whistle-84-sings";
const TOKEN: &str = "/auth/realms/master/protocol/openid-connect/token";
const ADMIN_USERS: &str = "/auth/admin/realms/master/users";

/// A user as it should be seen from everywhere.
#[derive(Clone, Debug)]
struct Truth {
    /// As it is stored: a UUID with hyphens.
    id: String,
    email: Option<&'static str>,
    first: Option<&'static str>,
    last: Option<&'static str>,
    /// The stored name, which only WAII and GraphQL know.
    name: Option<&'static str>,
    enabled: bool,
    role: BuiltIn,
}

impl Truth {
    fn hex(&self) -> String {
        self.id.replace('-', "")
    }

    fn waii_role(&self) -> &'static str {
        match self.role {
            BuiltIn::User => "waii-user",
            BuiltIn::ApiUser => "waii-api-user",
            BuiltIn::OrganizationAdmin => "waii-org-admin-user",
            other => other.name(),
        }
    }

    fn is_admin(&self) -> bool {
        self.role == BuiltIn::OrganizationAdmin
    }
}

async fn answer(caller: &Caller<'_>, method: Method, path: &str, body: Option<Value>) -> Value {
    let reply = caller.rest(method.clone(), path, body.as_ref()).await;
    assert!(reply.status.is_success(), "{method} {path} {body:?}: {reply:?}");
    if reply.body.is_empty() {
        Value::Null
    } else {
        reply.json()
    }
}

async fn post(caller: &Caller<'_>, path: &str, body: Value) -> Value {
    answer(caller, Method::POST, path, Some(body)).await
}

/// GraphQL's answer at the path of the Kili SDK.
async fn kili(caller: &Caller<'_>, document: &str, variables: Value) -> Value {
    let body = json!({ "query": document, "variables": variables });
    let mut request = caller.request("/api/label/v2/graphql", &body);
    let key = format!("X-API-Key: {}", caller.key.as_deref().unwrap());
    request
        .headers_mut()
        .insert(header::AUTHORIZATION, HeaderValue::from_str(&key).unwrap());
    let answer = caller.app.send(request).await.json();
    assert!(answer.get("errors").is_none(), "{answer}");
    answer["data"].clone()
}

/// The user as each face shows it to `ada`.
async fn shown(ada: &Caller<'_>, truth: &Truth) {
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    let document = "query($id: ID) { users(where: {id: $id}) { id email firstname lastname activated organizationRole roles { name } } }";
    let expected = json!([{
        "id": truth.id, "email": truth.email, "firstname": truth.first, "lastname": truth.last, "activated": truth.enabled,
        "organizationRole": if truth.is_admin() { "ADMIN" } else { "USER" }, "roles": [{ "name": truth.role.name() }],
    }]);
    let variables = json!({ "id": truth.id });
    assert_eq!(ada.ok(document, variables.clone()).await["users"], expected, "GraphQL");
    assert_eq!(kili(ada, document, variables).await["users"], expected, "Kili");

    let listed = post(ada, "/api/list-users", json!({ "lookup_user_id": truth.id })).await;
    assert_eq!(listed["users"][0]["id"], truth.id, "WAII: {listed}");
    assert_eq!(
        (&listed["users"][0]["name"], &listed["users"][0]["roles"]),
        (&json!(truth.name), &json!([truth.waii_role()])),
        "WAII"
    );
    assert_eq!(listed["users"].as_array().unwrap().len(), 1);

    let keys = |user: &Value| {
        let at = |key: &str| user.get(key).cloned().unwrap_or(Value::Null);
        json!([at("id"), at("email"), at("firstName"), at("lastName"), at("enabled")])
    };
    let expected = json!([truth.id, truth.email, truth.first, truth.last, truth.enabled]);
    let queried = post(ada, "/v1/api/users/query", json!({ "user_ids": [truth.id] })).await;
    assert_eq!(keys(&queried["users"][&truth.id]), expected, "Wallaroo by id");
    let all = post(ada, "/v1/api/users/query", json!({})).await;
    assert_eq!(keys(&all["users"][&truth.id]), expected, "Wallaroo in the list");
    let admin = if truth.is_admin() {
        json!(["admin"])
    } else {
        Value::Null
    };
    assert_eq!(
        all["users"][&truth.id].get("realmRoles").cloned().unwrap_or_default(),
        admin,
        "Wallaroo"
    );
    assert_eq!(
        keys(&answer(ada, Method::GET, &format!("{ADMIN_USERS}/{}", truth.id), None).await),
        expected,
        "Keycloak"
    );

    let expected = json!({
        "id": truth.hex(), "email": text(truth.email), "first_name": text(truth.first), "last_name": text(truth.last),
        "enabled": truth.enabled, "role_id": truth.role.id().replace('-', ""),
    });
    let mut seen = answer(ada, Method::GET, &format!("/api/data/users/{}", truth.hex()), None).await;
    let all = answer(ada, Method::GET, "/api/data/users", None).await;
    let listed = all["users"]
        .as_array()
        .unwrap()
        .iter()
        .find(|user| user["id"] == truth.hex().as_str());
    assert_eq!(listed, Some(&seen), "AiR in the list");
    for time in ["created_at", "updated_at"] {
        seen.as_object_mut().unwrap().remove(time).unwrap();
    }
    assert_eq!(seen, expected, "AiR");
    if let Some(email) = truth.email {
        let by_email = format!("email={}", email.replace('+', "%2B"));
        assert_eq!(
            answer(ada, Method::GET, &format!("{ADMIN_USERS}?{by_email}"), None).await[0]["id"],
            truth.id,
            "Keycloak by address"
        );
        assert_eq!(
            answer(ada, Method::GET, &format!("/api/data/users?{by_email}"), None).await[0]["id"],
            truth.hex(),
            "AiR by address"
        );
    }
}

/// The user is nowhere.
async fn nowhere(ada: &Caller<'_>, truth: &Truth) {
    let seen = ada
        .ok(
            "query($id: ID) { users(where: {id: $id}) { id } }",
            json!({ "id": truth.id }),
        )
        .await;
    assert_eq!(seen["users"], json!([]));
    assert_eq!(
        post(ada, "/api/list-users", json!({ "lookup_user_id": truth.id })).await,
        json!({ "users": [] })
    );
    let queried = post(ada, "/v1/api/users/query", json!({ "user_ids": [truth.id] })).await;
    assert_eq!(queried, json!({ "users": { truth.id.clone(): null } }));
    for path in [
        format!("{ADMIN_USERS}/{}", truth.id),
        format!("/api/data/users/{}", truth.hex()),
    ] {
        assert_eq!(ada.rest(Method::GET, &path, None).await.status.as_u16(), 404, "{path}");
    }
}

/// Whether a credential is taken, by each face: all of them must be of one mind.
async fn is_in(caller: &Caller<'_>) -> bool {
    let mut answers = vec![("GraphQL", caller.status().await)];
    for (method, path) in [
        (Method::POST, "/api/get-user-info"),
        (Method::POST, "/v1/api/users/query"),
        (Method::GET, ADMIN_USERS),
        (Method::GET, "/api/data/users"),
    ] {
        answers.push((path, caller.rest(method, path, Some(&json!({}))).await.status.as_u16()));
    }
    let mut request = caller.request("/api/label/v2/graphql", &json!({ "query": "{ me { id } }" }));
    request.headers_mut().insert(
        header::AUTHORIZATION,
        HeaderValue::from_str(&format!("X-API-Key: {}", caller.key.as_deref().unwrap())).unwrap(),
    );
    answers.push(("Kili", caller.app.send(request).await.status.as_u16()));
    let first = answers[0].1;
    assert!(
        [200, 401].contains(&first) && answers.iter().all(|(_, status)| *status == first),
        "{answers:?}"
    );
    first == 200
}

/// The status of the token endpoint, and the token if there is one.
async fn token(app: &App, email: &str, password: &str) -> (u16, Option<String>) {
    let body = format!(
        "grant_type=password&client_id=sdk-client&username={}&password={password}",
        email.replace('@', "%40")
    );
    let request = Request::builder()
        .method(Method::POST)
        .uri(TOKEN)
        .body(Body::from(body))
        .unwrap();
    let reply = app.send(request).await;
    (
        reply.status.as_u16(),
        reply.json()["access_token"].as_str().map(str::to_owned),
    )
}

async fn world(app: &App) -> Caller<'_> {
    app.organization("acme", &["acme-main"]).await;
    let ada = app.user("acme", "ada", Some("organization-admin")).await;
    ada.ok(
        "mutation { updatePropertiesInUser(where: {id: \"ada\"}, data: {tenantId: \"acme-main\"}) { id } }",
        json!({}),
    )
    .await;
    ada
}

on_both! {
    async fn a_user_is_seen_from_everywhere_whoever_made_it(app: App) {
        let ada = world(&app).await;
        let made = |id: &Value, email, first: Option<&'static str>| Truth {
            id: uuid::Uuid::parse_str(id.as_str().unwrap()).unwrap().hyphenated().to_string(),
            email, first, last: None, name: None, enabled: true, role: BuiltIn::User,
        };
        let data = |email: &str| json!({ "data": { "email": email, "password": PASSWORD, "firstname": "G", "roles": ["user"] } });
        let graphql = ada.ok(CREATE_USER, data("graphql@acme.example")).await;
        let by_kili = kili(&ada, CREATE_USER, data("kili@acme.example")).await;
        let wallaroo = post(&ada, "/v1/api/users/invite", json!({ "email": "wallaroo@acme.example", "password": PASSWORD })).await;
        let air = post(&ada, "/api/data/users", json!({ "email": "a+i@acme.example", "password": PASSWORD, "first_name": "A" })).await;
        let waii_id = "0192f0c1-7a00-7abc-8def-0123456789ab";
        post(&ada, "/api/create-user", json!({ "user": { "id": waii_id, "name": "W", "tenant_id": "acme-main", "roles": ["waii-user"] } })).await;
        for truth in [
            made(&graphql["createUser"]["id"], Some("graphql@acme.example"), Some("G")),
            made(&by_kili["createUser"]["id"], Some("kili@acme.example"), Some("G")),
            made(&wallaroo["id"], Some("wallaroo@acme.example"), None),
            made(&air["id"], Some("a+i@acme.example"), Some("A")),
            Truth { name: Some("W"), ..made(&json!(waii_id), None, None) },
        ] {
            shown(&ada, &truth).await;
            if let Some(email) = truth.email.filter(|email| !email.contains('+')) {
                assert_eq!(code_of(&app.try_sign_in(None, email, PASSWORD).await), "OK");
                assert_eq!(token(&app, email, PASSWORD).await.0, 200);
            }
        }
    }

    async fn each_change_is_seen_from_everywhere_whoever_made_it(app: App) {
        let ada = world(&app).await;
        let id = "0192f0c1-7a00-7abc-8def-0123456789ab".to_owned();
        let mut truth = Truth { id: id.clone(), email: Some("eve@acme.example"), first: None, last: None, name: None, enabled: true, role: BuiltIn::User };
        ada.create_user(json!({ "id": id, "email": "eve@acme.example", "password": PASSWORD, "tenantId": "acme-main", "roles": ["user"] })).await;
        let eve = app.key_of(&id).await;
        let session = app.key(token(&app, "eve@acme.example", PASSWORD).await.1.unwrap());
        shown(&ada, &truth).await;
        let keycloak = format!("{ADMIN_USERS}/{id}");
        let air = format!("/api/data/users/{}", truth.hex());
        let edited = |truth: &Truth| json!({
            "id": truth.id, "email": truth.email, "first_name": truth.first.unwrap_or_default(), "last_name": truth.last.unwrap_or_default(),
            "enabled": truth.enabled, "is_admin": truth.is_admin(),
        });

        // Names and address.
        ada.ok(UPDATE_USER, change(&id, json!({ "firstname": "Eve", "name": "E." }))).await;
        (truth.first, truth.name) = (Some("Eve"), Some("E."));
        shown(&ada, &truth).await;
        post(&ada, "/api/update-user", json!({ "user": { "id": id, "name": "Eva", "roles": ["waii-user"] } })).await;
        truth.name = Some("Eva");
        shown(&ada, &truth).await;
        answer(&ada, Method::PUT, &keycloak, Some(json!({ "lastName": "Lee" }))).await;
        truth.last = Some("Lee");
        shown(&ada, &truth).await;
        (truth.first, truth.email) = (Some("Evelyn"), Some("evelyn@acme.example"));
        post(&ada, "/v1/api/user", edited(&truth)).await;
        shown(&ada, &truth).await;
        answer(&ada, Method::PATCH, &air, Some(json!({ "email": "Eve2@ACME.example", "last_name": "" }))).await;
        (truth.email, truth.last) = (Some("eve2@acme.example"), None);
        shown(&ada, &truth).await;
        answer(&ada, Method::PUT, &air, Some(json!({ "email": "eve@acme.example", "last_name": "L" }))).await;
        (truth.email, truth.last) = (Some("eve@acme.example"), Some("L"));
        shown(&ada, &truth).await;

        // Roles; and what they permit from the next call on, by every door.
        let reads = async |caller: &Caller<'_>| {
            let mut answers = Vec::new();
            answers.push(caller.ok("{ users { id } }", json!({})).await["users"].as_array().unwrap().len());
            answers.push(post(caller, "/api/list-users", json!({})).await["users"].as_array().unwrap().len());
            answers.push(post(caller, "/v1/api/users/query", json!({})).await["users"].as_object().unwrap().len());
            answers.push(answer(caller, Method::GET, ADMIN_USERS, None).await.as_array().unwrap().len());
            answers.push(answer(caller, Method::GET, "/api/data/users", None).await["users"].as_array().unwrap().len());
            answers
        };
        for round in 0..2 {
            // WAII's list is refused to who reads nobody.
            assert_eq!(eve.rest(Method::POST, "/api/list-users", Some(&json!({}))).await.status.as_u16(), 403);
            match round {
                0 => { ada.ok(UPDATE_USER, change(&id, json!({ "roles": ["organization-admin"] }))).await; }
                _ => { post(&ada, "/api/update-user", json!({ "user": { "id": id, "roles": ["waii-org-admin-user"] } })).await; }
            }
            truth.role = BuiltIn::OrganizationAdmin;
            shown(&ada, &truth).await;
            assert_eq!(reads(&eve).await, [2; 5]);
            assert_eq!(reads(&session).await, [2; 5]);
            truth.role = BuiltIn::User;
            match round {
                0 => { post(&ada, "/v1/api/user", edited(&truth)).await; }
                _ => { answer(&ada, Method::PATCH, &air, Some(json!({ "role_id": BuiltIn::User.id() }))).await; }
            }
            shown(&ada, &truth).await;
            let info = post(&eve, "/api/get-user-info", json!({})).await;
            assert_eq!(info["permissions"], json!(BuiltIn::User.permissions().built_in_names().collect::<Vec<_>>()));
        }
        post(&ada, "/v1/api/user", edited(&Truth { role: BuiltIn::OrganizationAdmin, ..truth.clone() })).await;
        truth.role = BuiltIn::OrganizationAdmin;
        shown(&ada, &truth).await;
        answer(&ada, Method::PUT, &air, Some(json!({ "email": "eve@acme.example", "role_id": BuiltIn::ApiUser.id().replace('-', "") }))).await;
        truth.role = BuiltIn::ApiUser;
        shown(&ada, &truth).await;
        post(&ada, "/api/update-user", json!({ "user": { "id": id, "roles": ["waii-user"] } })).await;
        truth.role = BuiltIn::User;
        shown(&ada, &truth).await;

        // Keeping out and letting in, by every pair of doors.
        let doors = ["graphql", "mlops", "edit", "keycloak", "air"];
        let set = async |door: &str, enabled: bool| match door {
            "graphql" => { ada.ok(if enabled { ACTIVATE_USER } else { DEACTIVATE_USER }, json!({ "id": id })).await; }
            "mlops" => { post(&ada, &format!("/v1/api/users/{}", if enabled { "activate" } else { "deactivate" }), json!({ "email": "eve@acme.example" })).await; }
            "edit" => { post(&ada, "/v1/api/user", edited(&Truth { enabled, ..truth.clone() })).await; }
            "keycloak" => { answer(&ada, Method::PUT, &keycloak, Some(json!({ "enabled": enabled }))).await; }
            _ => { answer(&ada, Method::PATCH, &air, Some(json!({ "enabled": enabled }))).await; }
        };
        for (number, shuts) in doors.iter().enumerate() {
            let opens = doors[(number + 1) % doors.len()];
            let session = app.key(token(&app, "eve@acme.example", PASSWORD).await.1.unwrap());
            assert!(is_in(&eve).await && is_in(&session).await, "{shuts}");
            set(shuts, false).await;
            shown(&ada, &Truth { enabled: false, ..truth.clone() }).await;
            assert!(!is_in(&eve).await && !is_in(&session).await, "{shuts}");
            assert_eq!(code_of(&app.try_sign_in(None, "eve@acme.example", PASSWORD).await), "FORBIDDEN", "{shuts}");
            assert_eq!(token(&app, "eve@acme.example", PASSWORD).await.0, 400, "{shuts}");
            set(opens, true).await;
            shown(&ada, &truth).await;
            // The key works again; the session has ended for good.
            assert!(is_in(&eve).await && !is_in(&session).await, "{opens}");
        }

        // A password set at one door opens the others.
        let own = format!("/api/data/users/{}/password", truth.hex());
        answer(&eve, Method::PUT, &own, Some(json!({ "password": OTHER }))).await;
        assert_eq!(token(&app, "eve@acme.example", PASSWORD).await.0, 401);
        assert_eq!(token(&app, "eve@acme.example", OTHER).await.0, 200);
        assert_eq!(code_of(&app.try_sign_in(None, "eve@acme.example", OTHER).await), "OK");
        let passwords = json!({ "email": "eve@acme.example", "data": { "oldPassword": OTHER, "newPassword1": PASSWORD, "newPassword2": PASSWORD } });
        let update = "mutation($email: String, $data: UpdatePasswordData!) { updatePassword(where: {email: $email}, data: $data) { id } }";
        kili(&eve, update, passwords).await;
        assert_eq!(token(&app, "eve@acme.example", PASSWORD).await.0, 200);

        // And the end, by both doors that have one.
        ada.ok(DELETE_USER, json!({ "id": id })).await;
        nowhere(&ada, &truth).await;
        assert!(!is_in(&eve).await);
        post(&ada, "/api/create-user", json!({ "user": { "id": id, "tenant_id": "acme-main", "roles": ["waii-user"] } })).await;
        let fresh = Truth { email: None, first: None, last: None, name: None, ..truth.clone() };
        shown(&ada, &fresh).await;
        assert!(!is_in(&eve).await, "a key outlived its user");
        let again = app.key_of(&id).await;
        assert!(is_in(&again).await);
        post(&ada, "/api/delete-user", json!({ "id": id })).await;
        nowhere(&ada, &fresh).await;
        assert!(!is_in(&again).await);
    }

    async fn groups_and_what_they_give_are_seen_from_everywhere(app: App) {
        let ada = world(&app).await;
        let ann = app.user("acme", "ann", Some("user")).await;
        let groups = "{ groups { key name description users { id } } }";
        post(&ada, "/api/data/v3/groups", json!({ "name": "Editors", "description": "They edit." })).await;
        assert_eq!(ada.ok(groups, json!({})).await["groups"], json!([{ "key": "EDITORS", "name": "Editors", "description": "They edit.", "users": [] }]));
        ada.ok("mutation { updateGroup(where: {key: \"EDITORS\"}, data: {name: \"Cutters\"}) { id } }", json!({})).await;
        assert_eq!(answer(&ada, Method::GET, "/api/data/v3/groups", None).await, json!({ "groups": [{ "id": "EDITORS", "name": "Cutters", "description": "They edit." }] }));
        answer(&ada, Method::PUT, "/api/data/v3/users/ann/groups/EDITORS", None).await;
        assert_eq!(ann.ok("{ me { groups { key name } } }", json!({})).await["me"]["groups"], json!([{ "key": "EDITORS", "name": "Cutters" }]));

        // A role of the group is the members', at once and at every door.
        let permissions = async |caller: &Caller<'_>| post(caller, "/api/get-user-info", json!({})).await["permissions"].clone();
        assert_eq!(permissions(&ann).await, json!(BuiltIn::User.permissions().built_in_names().collect::<Vec<_>>()));
        ada.ok("mutation { updateGroup(where: {key: \"EDITORS\"}, data: {roles: [\"organization-admin\"]}) { id } }", json!({})).await;
        let mut names: Vec<&str> = BuiltIn::OrganizationAdmin.permissions().built_in_names().collect();
        names.retain(|name| !name.starts_with("tenantry:"));
        assert_eq!(permissions(&ann).await, json!(names));
        let seen = answer(&ann, Method::GET, "/api/data/users/ann", None).await;
        assert_eq!(seen["role_id"], BuiltIn::OrganizationAdmin.id().replace('-', ""));
        let all = post(&ann, "/v1/api/users/query", json!({})).await;
        assert_eq!(all["users"]["ann"]["realmRoles"], json!(["admin"]));
        assert_eq!(kili(&ann, "{ users(where: {id: \"ann\"}) { organizationRole } }", json!({})).await["users"][0]["organizationRole"], "ADMIN");
        // And goes with the membership.
        answer(&ada, Method::DELETE, "/api/data/v3/users/ann/groups/EDITORS", None).await;
        assert_eq!(permissions(&ann).await, json!(BuiltIn::User.permissions().built_in_names().collect::<Vec<_>>()));
        assert_eq!(ann.rest(Method::GET, "/api/data/roles", None).await.status.as_u16(), 401);
        assert_eq!(ann.rest(Method::POST, "/api/list-tenants", Some(&json!({}))).await.status.as_u16(), 403);
        ada.ok("mutation { addUserToGroup(where: {key: \"EDITORS\"}, user: {id: \"ann\"}) { id } }", json!({})).await;
        assert_eq!(answer(&ada, Method::GET, "/api/data/v3/users/ann/groups", None).await, json!({ "groups": [{ "id": "EDITORS", "name": "Cutters" }] }));
        answer(&ada, Method::DELETE, "/api/data/v3/groups/EDITORS", None).await;
        assert_eq!(ada.ok(groups, json!({})).await["groups"], json!([]));
        assert_eq!(permissions(&ann).await, json!(BuiltIn::User.permissions().built_in_names().collect::<Vec<_>>()));
        // An organization's own role too.
        let made = ada.ok("mutation { createRole(data: {name: \"own\", permissions: [\"read:tenant\"]}) { id } }", json!({})).await;
        let own = made["createRole"]["id"].as_str().unwrap();
        answer(&ada, Method::PATCH, "/api/data/users/ann", Some(json!({ "role_id": own.replace('-', "") }))).await;
        assert_eq!(permissions(&ann).await, json!(["read:tenant"]));
        let listed = post(&ada, "/api/list-users", json!({ "lookup_user_id": "ann" })).await;
        assert_eq!(listed["users"][0]["roles"], json!(["own"]));
        assert_eq!(post(&ann, "/api/list-tenants", json!({})).await["tenants"][0]["id"], "acme-main");
    }

    async fn keys_and_sessions_open_and_end_everywhere(app: App) {
        let ada = world(&app).await;
        let names = async || {
            let graphql = ada.ok("{ apiKeys(where: {nameStartsWith: \"k\"}) { name } }", json!({})).await["apiKeys"].clone();
            let graphql: Vec<String> = graphql.as_array().unwrap().iter().map(|key| key["name"].as_str().unwrap().to_owned()).collect();
            let waii = post(&ada, "/api/list-access-keys", json!({})).await["access_keys"].clone();
            let waii: Vec<String> = waii.as_array().unwrap().iter().map(|key| key["name"].as_str().unwrap().to_owned()).filter(|name| name.starts_with('k')).collect();
            assert_eq!(graphql, waii);
            // Made in the same moment, they stand in any order.
            let mut names = graphql;
            names.sort();
            names
        };
        let create = "mutation($name: String!) { createApiKey(data: {name: $name}) { secret } }";
        let revoke = "mutation($name: String!) { revokeApiKeys(names: [$name]) { id } }";
        let graphql = ada.ok(create, json!({ "name": "k1" })).await["createApiKey"]["secret"].as_str().unwrap().to_owned();
        let waii = post(&ada, "/api/create-key", json!({ "name": "k2" })).await["access_keys"][0]["access_key"].as_str().unwrap().to_owned();
        let (graphql, waii) = (app.key(graphql), app.key(waii));
        assert_eq!(names().await, ["k1", "k2"]);
        assert!(is_in(&graphql).await && is_in(&waii).await);
        post(&ada, "/api/delete-access-keys", json!({ "names": ["k1"] })).await;
        assert!(!is_in(&graphql).await && is_in(&waii).await);
        ada.ok(revoke, json!({ "name": "k2" })).await;
        assert!(!is_in(&graphql).await && !is_in(&waii).await);
        assert_eq!(names().await, [""; 0]);

        // A session begun at the token endpoint is one of GraphQL's, and ends there.
        let first = app.key(token(&app, "ada@acme.example", "password-of-ada").await.1.unwrap());
        let second = app.key(app.sign_in("acme", "ada").await.access);
        assert!(is_in(&first).await && is_in(&second).await);
        assert_eq!(ada.ok("{ countSessions }", json!({})).await["countSessions"], 2);
        first.ok("mutation { signOut { id } }", json!({})).await;
        assert!(!is_in(&first).await && is_in(&second).await);
        // A refresh token of GraphQL's is one of the token endpoint's.
        let tokens = app.sign_in("acme", "ada").await;
        let body = format!("grant_type=refresh_token&client_id=sdk-client&refresh_token={}", tokens.refresh);
        let reply = app.send(Request::builder().method(Method::POST).uri(TOKEN).body(Body::from(body)).unwrap()).await;
        assert_eq!(reply.status.as_u16(), 200, "{}", reply.body);
        let renewed = reply.json();
        assert!(is_in(&app.key(renewed["access_token"].as_str().unwrap())).await);
        let again = app.refresh(renewed["refresh_token"].as_str().unwrap()).await;
        assert!(is_in(&app.key(again.access)).await);
    }

    async fn organizations_tenants_and_settings_are_the_same_things(app: App) {
        let ada = world(&app).await;
        let root = app.admin();
        post(&root, "/api/create-org", json!({ "organization": { "id": "new", "name": "New", "variables": { "a": null } } })).await;
        let seen = root.ok("{ organizations(where: {id: \"new\"}) { name variables } }", json!({})).await;
        assert_eq!(seen["organizations"], json!([{ "name": "New", "variables": { "a": null } }]));
        root.ok("mutation { updateOrganization(where: {id: \"new\"}, data: {name: \"Newer\"}) { id } }", json!({})).await;
        root.ok("mutation { createTenant(data: {id: \"new-main\", name: \"Main\", organizationId: \"new\"}) { id } }", json!({})).await;
        let listed = post(&root, "/api/list-orgs", json!({})).await;
        assert!(listed["organizations"].as_array().unwrap().contains(&json!({ "id": "new", "name": "Newer", "variables": { "a": null } })));
        let tenants = post(&root, "/api/list-tenants", json!({ "lookup_org_id": "new" })).await;
        assert_eq!(tenants["tenants"], json!([{ "id": "new-main", "name": "Main", "org_id": "new", "variables": null }]));
        post(&root, "/api/delete-tenant", json!({ "id": "new-main" })).await;
        root.ok("mutation { deleteOrganization(where: {id: \"new\"}) { id } }", json!({})).await;
        assert!(!post(&root, "/api/list-orgs", json!({})).await.to_string().contains("Newer"));
        // One's own settings.
        post(&ada, "/api/update-config", json!({ "updated": { "theme": "dark", "n": null } })).await;
        assert_eq!(ada.ok("{ me { settings } }", json!({})).await["me"]["settings"], json!({ "n": null, "theme": "dark" }));
        ada.ok("mutation { updateSettings(deleted: [\"n\"]) }", json!({})).await;
        assert_eq!(post(&ada, "/api/update-config", json!({})).await, json!({ "configs": { "theme": "dark" } }));
    }
}
