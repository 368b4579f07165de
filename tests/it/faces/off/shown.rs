//! Every answer in which a name could stand.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use tenantry::model::{Faces, Permissions};

use super::{hidden, packed, roles_of_faces, world};
use crate::on_both;
use crate::rules::{Sdl, named};
use crate::support::{App, Caller};

/// How many objects within objects a document reads.
const DEPTH: usize = 3;
/// What happened stays as it was told.
const TRAIL: &str = "AuditEvent";

/// A document for every way from the query to an object, with all of its fields that are no objects.
fn documents(sdl: &Sdl) -> Vec<String> {
    let mut documents = Vec::new();
    for root in sdl.fields("Query") {
        let name = root.name.node.as_str();
        let ty = named(&root.ty.node);
        let arguments = match root.arguments.iter().find(|argument| !argument.node.ty.node.nullable) {
            None => String::new(),
            Some(argument) if argument.node.name.node == "where" => "(where: {id: \"ada\"})".to_owned(),
            Some(_) => continue,
        };
        if ty.starts_with(TRAIL) {
            continue;
        }
        match selection_of(sdl, ty) {
            None if sdl.fields(ty).is_empty() => documents.push(format!("{{ {name}{arguments} }}")),
            own => documents.extend(own.map(|own| format!("{{ {name}{arguments} {{ {own} }} }}"))),
        }
        within(sdl, ty, &format!("{name}{arguments}"), 1, &mut documents);
    }
    documents
}

fn within(sdl: &Sdl, ty: &str, way: &str, depth: usize, documents: &mut Vec<String>) {
    for field in sdl.fields(ty) {
        let (name, below) = (field.name.node.as_str(), named(&field.ty.node));
        let needs = field.arguments.iter().any(|argument| !argument.node.ty.node.nullable);
        if sdl.fields(below).is_empty() || below.starts_with(TRAIL) || needs {
            continue;
        }
        let way = format!("{way} {{ {name}");
        if let Some(own) = selection_of(sdl, below) {
            let end = " }".repeat(depth + 2);
            documents.push(format!("{{ {way} {{ {own}{end} }}"));
        }
        // Lists by pages lead where the others do.
        let pages = ["Connection", "Edge"].iter().any(|end| below.ends_with(end));
        if depth < DEPTH && !(pages && depth > 1) {
            within(sdl, below, &way, depth + 1, documents);
        }
    }
}

/// The fields that are no objects.
fn selection_of(sdl: &Sdl, ty: &str) -> Option<String> {
    let plain = sdl.fields(ty).into_iter().filter(|field| {
        let needs = field.arguments.iter().any(|argument| !argument.node.ty.node.nullable);
        let of = named(&field.ty.node);
        !needs && sdl.fields(of).is_empty() && !sdl.is_interface(of)
    });
    let names: Vec<&str> = plain.map(|field| field.name.node.as_str()).collect();
    (!names.is_empty()).then(|| names.join(" "))
}

/// The names that stand somewhere in a text.
fn in_text<'n>(text: &str, names: &[&'n str]) -> BTreeSet<&'n str> {
    names
        .iter()
        .copied()
        .filter(|name| text.contains(&format!("\"{name}\"")) || text.contains(&format!(" {name}")))
        .collect()
}

async fn callers(app: &App) -> Vec<(&'static str, String)> {
    let mut keys = Vec::new();
    for id in ["boss", "ada", "p0", "p1", "p4", "p5", "p6"] {
        keys.push((id, app.key_of(id).await.key.clone().unwrap()));
    }
    keys
}

/// Every name of a pack that a caller is told by any document, with a document that tells it.
async fn told(caller: &Caller<'_>, documents: &[String], names: &[&'static str]) -> BTreeMap<&'static str, String> {
    let mut told = BTreeMap::new();
    for document in documents {
        let answer = caller.send(document, json!({})).await;
        for name in in_text(&answer.to_string(), names) {
            told.entry(name).or_insert_with(|| document.clone());
        }
    }
    told
}

on_both! {
    async fn no_answer_of_graphql_shows_a_name(app: App) {
        world(&app).await;
        let documents = documents(&Sdl::read());
        assert!(documents.len() > 300, "{}", documents.len());
        let all = hidden(Faces::empty());
        assert_eq!(all.len(), packed().len() + roles_of_faces().count());
        // With all faces on, they are all there to be seen.
        let keys = callers(&app).await;
        let seen = told(&app.key(keys[0].1.clone()), &documents, &all).await;
        assert_eq!(seen.keys().copied().collect::<BTreeSet<_>>(), all.iter().copied().collect());
        let app = app.with_faces(Faces::empty()).await;
        for (id, key) in &keys {
            let caller = app.key(key.clone());
            assert_eq!(told(&caller, &documents, &all).await, BTreeMap::new(), "{id}");
        }
        // One face does not hide what is another's.
        let app = app.with_faces(Faces::WAII).await;
        let seen = told(&app.key(keys[0].1.clone()), &documents, &all).await;
        let kilis = hidden(Faces::WAII);
        assert_eq!(kilis, ["labeler", "reviewer", "team-manager"]);
        let expected: BTreeSet<&str> = all.iter().copied().filter(|name| !kilis.contains(name)).collect();
        assert_eq!(seen.keys().copied().collect::<BTreeSet<_>>(), expected);
    }

    async fn counts_and_filters_know_nothing_of_them(app: App) {
        world(&app).await;
        let boss = app.key_of("boss").await.key.clone().unwrap();
        let counts = "{ countRoles countPermissions a: rolesConnection(first: 1) { totalCount } b: permissionsConnection(first: 1) { totalCount } }";
        let number = |answer: &Value, path: &str| answer.pointer(path).and_then(Value::as_i64).unwrap();
        let before = app.key(boss.clone()).ok(counts, json!({})).await;
        let hidden_roles: Vec<(&str, &str)> = roles_of_faces().map(|role| (role.name(), role.id())).collect();
        let nodes = "{ roles(where: {builtIn: true}) { id name nodeId } permissions { id name nodeId } }";
        let nodes = app.key(boss.clone()).ok(nodes, json!({})).await;
        let node_of = |list: &str, name: &str| nodes[list].as_array().unwrap().iter().find(|one| one["name"] == name).unwrap()["nodeId"].clone();
        let node = "query($id: ID!) { node(nodeId: $id) { nodeId } }";
        for (name, _) in &hidden_roles {
            assert!(app.key(boss.clone()).ok(node, json!({ "id": node_of("roles", name) })).await["node"].is_object());
        }
        let app = app.with_faces(Faces::empty()).await;
        let boss = app.key(boss);
        let after = boss.ok(counts, json!({})).await;
        for (path, hidden) in [("/countRoles", hidden_roles.len()), ("/a/totalCount", hidden_roles.len()), ("/countPermissions", packed().len()), ("/b/totalCount", packed().len())] {
            assert_eq!(number(&before, path) - number(&after, path), i64::try_from(hidden).unwrap(), "{path}");
        }
        for (name, id) in hidden_roles {
            let asked = "query($name: String!, $id: ID!) {
                role(where: {id: $id}) { id } roles(where: {OR: [{id: $id}, {name: $name}]}) { id }
                users(where: {role: {name: $name}}) { id } countUsers(where: {role: {id: $id}}) }";
            let answer = boss.send(asked, json!({ "name": name, "id": id })).await;
            assert_eq!(answer["data"], json!({ "role": null, "roles": [], "users": [], "countUsers": 0 }), "{name}: {answer}");
            assert_eq!(boss.ok(node, json!({ "id": node_of("roles", name) })).await["node"], Value::Null, "{name}");
        }
        for name in packed() {
            assert_eq!(boss.ok(node, json!({ "id": node_of("permissions", name) })).await["node"], Value::Null, "{name}");
            let asked = "query($name: String!, $id: ID!) {
                permission(where: {id: $id}) { id } permissions(where: {id: $id}) { id } roles(where: {permission: $name}) { id }
                users(where: {permission: $name}) { id } countUsers(where: {permission: $name})
                can(permissions: [$name]) { allowed known } check(data: [{userId: \"ada\", permission: $name}]) { allowed known } }";
            let answer = boss.ok(asked, json!({ "name": name, "id": name })).await;
            let unknown = json!([{ "allowed": false, "known": false }]);
            assert_eq!(answer, json!({
                "permission": null, "permissions": [], "roles": [], "users": [], "countUsers": 0, "can": unknown, "check": unknown,
            }), "{name}");
        }
        // What a hidden role permits is still found.
        let holders = "{ users(where: {permission: \"read:group\", organization: {id: \"acme\"}}, orderBy: ID_ASC) { id permissions } }";
        let holders = boss.ok(holders, json!({})).await;
        let of_team_manager = holders["users"].as_array().unwrap().iter().find(|user| user["id"] == "p4").unwrap();
        assert_eq!(of_team_manager["permissions"], json!(["read:user", "read:tenant", "read:group", "write:group"]));
    }

    async fn the_other_faces_show_none_either(app: App) {
        world(&app).await;
        let keys = callers(&app).await;
        let asked = async |app: &App, key: &str| {
            let caller = app.key(key.to_owned());
            let mut text = String::new();
            for (method, path, body) in [
                (axum::http::Method::POST, "/api/get-user-info", Some(json!({}))),
                (axum::http::Method::POST, "/api/list-users", Some(json!({ "lookup_org_id": "acme" }))),
                (axum::http::Method::GET, "/api/data/roles", None),
                (axum::http::Method::GET, "/api/data/users", None),
                (axum::http::Method::GET, "/api/data/roles/01900000000070008000000000000006", None),
                (axum::http::Method::GET, "/auth/admin/realms/master/users", None),
                (axum::http::Method::POST, "/v1/api/users/query", Some(json!({}))),
            ] {
                text.push_str(&caller.rest(method, path, body.as_ref()).await.body);
            }
            text
        };
        let ids = |on: Faces| -> Vec<String> {
            roles_of_faces().filter(|role| role.is_hidden_with(on)).map(|role| role.id().replace('-', "")).collect()
        };
        let text = asked(&app, &keys[0].1).await + &asked(&app, &keys[1].1).await;
        let words: Vec<&str> = ["labeler", "reviewer", "team-manager", "read:databases", "publish:access-rules"].to_vec();
        assert_eq!(in_text(&text, &words).len(), words.len());
        assert!(ids(Faces::empty()).iter().all(|id| text.contains(id.as_str())));
        let mut app = app;
        for (off, name) in Faces::all().with_names() {
            let on = Faces::all() - off;
            app = app.with_faces(on).await;
            for (id, key) in &keys {
                let text = asked(&app, key).await;
                assert_eq!(in_text(&text, &hidden(on)), BTreeSet::new(), "{name} off, {id}");
                assert!(!ids(on).iter().any(|id| text.contains(id.as_str())), "{name} off, {id}");
            }
        }
    }

    async fn tokens_and_their_introspection_name_none(app: App) {
        world(&app).await;
        let introspect = async |app: &App, token: &str| {
            let mut request = app.admin().request("/oauth/introspect", &Value::Null);
            *request.body_mut() = format!("token={token}").into();
            request.headers_mut().insert("content-type", "application/x-www-form-urlencoded".parse().unwrap());
            app.send(request).await.json()
        };
        let signed_in = async |app: &App, n: usize| app.sign_in("acme", &format!("p{n}")).await;
        let count = roles_of_faces().count() + 2;
        let on = signed_in(&app, 0).await;
        assert_eq!(on.claims()["roles"], json!(["trial-user"]));
        let app = app.with_faces(Faces::empty()).await;
        let all = hidden(Faces::empty());
        for n in 0..count {
            let tokens = signed_in(&app, n).await;
            for text in [tokens.claims().to_string(), introspect(&app, &tokens.access).await.to_string()] {
                assert_eq!(in_text(&text, &all), BTreeSet::new(), "p{n}: {text}");
            }
            let key = app.key_of(&format!("p{n}")).await.key.clone().unwrap();
            let text = introspect(&app, &key).await.to_string();
            assert!(text.contains("\"active\":true"), "{text}");
            assert_eq!(in_text(&text, &all), BTreeSet::new(), "p{n}: {text}");
        }
    }
}

#[test]
fn what_is_hidden_opens_nothing_or_is_a_role() {
    assert!(Permissions::hidden_with(Faces::empty()).doors().is_empty());
    assert!(Permissions::hidden_with(Faces::WAII).is_empty());
}
