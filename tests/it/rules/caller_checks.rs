//! The caller is decided late: once the body is whole, again in the transaction of a change, and again at each stretch of a
//! list that is read for long.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use axum::http::Method;
use http_body_util::BodyExt;
use sea_orm::{ConnectionTrait, DbBackend};
use serde_json::{Value, json};
use tenantry::store::db::Database;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::isolation::{base_call, selection, views};
use super::{Sdl, named};
use crate::on_both;
use crate::support::routes::{Route, routes};
use crate::support::stream::begun;
use crate::support::wait::{AT_LAST, until};
use crate::support::{App, Caller};

/// Sends a request whose body comes in two parts, and does something between them. Gives the status.
async fn in_two_parts(address: SocketAddr, route: &Route, key: &str, between: impl Future<Output = ()>) -> u16 {
    let body = route.body.as_ref().unwrap().to_string();
    let (first, rest) = body.split_at(body.len().min(6) - 1);
    let head = format!(
        "{} {} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {key}\r\ncontent-type: application/json\r\n\
         content-length: {}\r\nconnection: close",
        route.method,
        route.path,
        body.len()
    );
    let (mut stream, came) = begun(address, &head).await;
    assert!(came.starts_with("HTTP/1.1 100 "), "{came}");
    stream.write_all(first.as_bytes()).await.unwrap();
    between.await;
    stream.write_all(rest.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    let answer = String::from_utf8_lossy(&answer);
    let status = answer
        .split(' ')
        .nth(1)
        .unwrap_or_else(|| panic!("no answer: {answer}"));
    status.parse().unwrap()
}

/// Ways to lose a credential.
const WAYS: [&str; 3] = ["deactivated", "deleted", "revoked"];

async fn lose(app: &App, way: &str, user: &str, key: &str) {
    match way {
        "deactivated" => drop(
            app.admin()
                .ok(
                    "mutation($id: ID) { deactivateUser(where: {id: $id}) { id } }",
                    json!({ "id": user }),
                )
                .await,
        ),
        "deleted" => drop(
            app.admin()
                .ok(
                    "mutation($id: ID) { deleteUser(where: {id: $id}) { id } }",
                    json!({ "id": user }),
                )
                .await,
        ),
        _ => drop(
            app.key(key)
                .ok("mutation { revokeApiKeys(names: [\"late\"]) { id } }", json!({}))
                .await,
        ),
    }
}

/// A new administrator of Acme with a key of the name `late`.
async fn administrator(app: &App) -> (String, String) {
    static NUMBER: AtomicUsize = AtomicUsize::new(0);
    let id = format!("boss-{}", NUMBER.fetch_add(1, Ordering::SeqCst));
    let data = json!({ "id": id, "organizationId": "acme", "roles": ["organization-admin"] });
    app.admin()
        .ok(
            "mutation($data: CreateUserData!) { createUser(data: $data) { id } }",
            json!({ "data": data }),
        )
        .await;
    let new = tenantry::directory::api_key::NewApiKey {
        name: "late".to_owned(),
        ..Default::default()
    };
    let made = tenantry::directory::api_key::create_for(
        &app.machine(),
        &tenantry::directory::user::Target::id(&id),
        new,
        None,
    )
    .await
    .unwrap();
    (id, made.secret.expose().to_owned())
}

on_both! {
    async fn once_the_body_is_whole(app: App) {
        app.acme().await;
        let address = app.served().await;
        for route in routes(0).iter().filter(|route| route.body.is_some()) {
            for way in WAYS {
                let (id, key) = administrator(&app).await;
                let mut before = String::new();
                let status = in_two_parts(address, route, &key, async {
                    lose(&app, way, &id, &key).await;
                    before = app.dump().await;
                }).await;
                assert_eq!(status, 401, "{} {}: {way}", route.method, route.path);
                assert_eq!(app.dump().await, before, "{} {}: {way}", route.method, route.path);
            }
        }
    }

    /// What a verb was decided by is taken away after the decision and before the commit: nothing is changed. Verbs that are
    /// open to anybody have no caller.
    async fn in_the_transaction_of_a_change(app: App) {
        const OPEN: [&str; 6] = ["acceptInvitation", "completePasswordReset", "refreshSession", "requestPasswordReset", "signIn", "verifyEmail"];
        let sdl = Sdl::read();
        let views = views(&app).await;
        let ann = &views[0].caller;
        let ann_is = "(SELECT pk FROM users WHERE id = 'acme-ann')";
        let ways = [
            ("UPDATE users SET activated = FALSE WHERE id = 'acme-ann'".to_owned(), "UPDATE users SET activated = TRUE WHERE id = 'acme-ann'".to_owned()),
            (format!("UPDATE api_keys SET revoked_at = 1 WHERE user_pk = {ann_is}"), format!("UPDATE api_keys SET revoked_at = NULL WHERE user_pk = {ann_is}")),
            (
                format!("DELETE FROM user_roles WHERE user_pk = {ann_is}"),
                "INSERT INTO user_roles (user_pk, role_pk, organization_pk, created_at) SELECT u.pk, r.pk, u.organization_pk, 0 FROM users u, roles r WHERE u.id = 'acme-ann' AND r.name = 'organization-admin' AND r.organization_pk IS NULL".to_owned(),
            ),
        ];
        let other = Database::connect(&app.database.url).await.unwrap();
        let mut held = 0;
        for field in sdl.fields("Mutation") {
            let name = field.name.node.as_str();
            if OPEN.contains(&name) {
                continue;
            }
            for (take, give_back) in &ways {
                let message = taken_meanwhile(&app, &other, ann, &sdl, field, take).await;
                held += usize::from(message.contains("changed while this request was running"));
                let change = app.services.db.begin().await.unwrap();
                change.execute_unprepared(give_back).await.unwrap();
                change.commit().await.unwrap();
                app.services.credentials.forget();
            }
        }
        assert!(held > 20, "only {held} were refused where they were to be committed");
    }

    /// The same for a right that is held for one tenant, whose administrator `acme-bea` is.
    async fn a_right_for_a_tenant_in_the_transaction_of_a_change(app: App) {
        let sdl = Sdl::read();
        let views = views(&app).await;
        let bea = &views.iter().find(|view| view.name == "bea, paris").unwrap().caller;
        let bea_is = "(SELECT pk FROM users WHERE id = 'acme-bea')";
        let take = format!("DELETE FROM user_roles WHERE user_pk = {bea_is}");
        let give_back = format!(
            "INSERT INTO user_roles (user_pk, role_pk, organization_pk, tenant_pk, scope, created_at)
             SELECT {bea_is}, r.pk, t.organization_pk, t.pk, t.pk, 0 FROM roles r, tenants t
             WHERE r.name IN ('tenant-admin', 'organization-admin') AND r.organization_pk IS NULL AND t.id = 'acme-berlin'"
        );
        let other = Database::connect(&app.database.url).await.unwrap();
        let mut held = Vec::new();
        for field in sdl.fields("Mutation") {
            let name = field.name.node.as_str();
            if !["createUser", "updatePropertiesInUser", "deactivateUser", "deleteUser", "updateTenant", "inviteUser", "assignRole"].contains(&name) {
                continue;
            }
            let message = taken_meanwhile(&app, &other, bea, &sdl, field, &take).await;
            if message.contains("changed while this request was running") {
                held.push(name);
            }
            let change = app.services.db.begin().await.unwrap();
            change.execute_unprepared(&give_back).await.unwrap();
            change.commit().await.unwrap();
            app.services.credentials.forget();
        }
        // What a tenant's administrator may do by these calls.
        for name in ["createUser", "updatePropertiesInUser", "deactivateUser", "deleteUser", "updateTenant", "inviteUser"] {
            assert!(held.contains(&name), "{name} is not among {held:?}");
        }
    }

    /// The same of each call of SCIM, which is made again when it meets another change, but never for a caller who is gone.
    async fn in_the_transaction_of_a_call_of_scim(app: App) {
        let ada = app.acme().await;
        let ada_is = "(SELECT pk FROM users WHERE id = 'ada')";
        let ways = [
            (401, "UPDATE users SET activated = FALSE WHERE id = 'ada'".to_owned(), "UPDATE users SET activated = TRUE WHERE id = 'ada'".to_owned()),
            (401, format!("UPDATE api_keys SET revoked_at = 1 WHERE user_pk = {ada_is}"), format!("UPDATE api_keys SET revoked_at = NULL WHERE user_pk = {ada_is}")),
            (
                403,
                format!("DELETE FROM user_roles WHERE user_pk = {ada_is}"),
                "INSERT INTO user_roles (user_pk, role_pk, organization_pk, created_at) SELECT u.pk, r.pk, u.organization_pk, 0 FROM users u, roles r WHERE u.id = 'ada' AND r.name = 'organization-admin' AND r.organization_pk IS NULL".to_owned(),
            ),
        ];
        let other = Database::connect(&app.database.url).await.unwrap();
        for (n, (expected, take, give_back)) in ways.iter().enumerate() {
            // Everybody may change their own name.
            let calls = routes(n).into_iter().filter(|route| route.writes && route.path.starts_with("/scim/") && (*expected == 401 || route.path != "/scim/v2/Me"));
            for route in calls {
                // Remembered, so that the decision is made by what was before.
                ada.ok("{ me { id } }", json!({})).await;
                let reply = sent_meanwhile(&app, &other, take, ada.rest(route.method.clone(), &route.path, route.body.as_ref())).await;
                let status = match reply.json()["Operations"][0]["status"].as_str() {
                    Some(of_one) => of_one.parse().unwrap(),
                    None => reply.status.as_u16(),
                };
                assert_eq!(status, *expected, "{} {} after {take}: {reply:?}", route.method, route.path);
                let change = app.services.db.begin().await.unwrap();
                change.execute_unprepared(give_back).await.unwrap();
                change.commit().await.unwrap();
                app.services.credentials.forget();
            }
        }
    }

    async fn at_each_stretch_of_a_list(app: App) {
        let ada = app.acme().await;
        let change = app.services.db.begin().await.unwrap();
        change.execute_unprepared(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000)
             INSERT INTO users (id, organization_pk, activated, version, created_at, updated_at)
             SELECT 'many-' || i, (SELECT pk FROM organizations WHERE id = 'acme'), TRUE, 1, i, i FROM n",
        ).await.unwrap();
        change.execute_unprepared(
            "INSERT INTO groups (id, organization_pk, key, name, name_key, words, version, created_at, updated_at)
             SELECT 'many', pk, 'MANY', 'Many', 'many', ' many', 1, 0, 0 FROM organizations WHERE id = 'acme'",
        ).await.unwrap();
        change.execute_unprepared(
            "INSERT INTO group_members (group_pk, user_pk, organization_pk, created_at)
             SELECT g.pk, u.pk, u.organization_pk, 0 FROM users u, groups g WHERE u.id LIKE 'many-%' AND g.id = 'many'",
        ).await.unwrap();
        change.commit().await.unwrap();
        let search = json!({ "schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"] });
        let ids: Vec<String> = (1..=2000).map(|n| format!("many-{n}")).collect();
        for (method, path, body) in [
            (Method::POST, "/api/list-users", json!({})),
            (Method::GET, "/api/data/users", json!({})),
            (Method::GET, "/auth/admin/realms/master/users", json!({})),
            (Method::POST, "/v1/api/users/query", json!({})),
            (Method::POST, "/v1/api/users/query", json!({ "user_ids": ids })),
            (Method::GET, "/scim/v2/Groups/many", json!({})),
            (Method::GET, "/scim/v2/Groups", json!({})),
            (Method::POST, "/scim/v2/Groups/.search", search.clone()),
            (Method::GET, "/scim/v2?filter=displayName%20eq%20%22many%22", json!({})),
        ] {
            let mut request = ada.request(path, &body);
            *request.method_mut() = method.clone();
            let response = tower::ServiceExt::oneshot(app.router.clone(), request).await.unwrap();
            assert_eq!(response.status(), 200, "{path}");
            let mut body = response.into_body();
            let mut text = Vec::new();
            // The head and the first stretch are on their way already.
            for _ in 0..2 {
                text.extend(body.frame().await.unwrap().unwrap().into_data().unwrap());
            }
            app.admin().ok("mutation { deactivateUser(where: {id: \"ada\"}) { id } }", json!({})).await;
            let broken = loop {
                match body.frame().await {
                    Some(Ok(frame)) => text.extend(frame.into_data().unwrap()),
                    Some(Err(_)) => break true,
                    None => break false,
                }
            };
            assert!(broken, "{path} went on to its end");
            let text = String::from_utf8(text).unwrap();
            assert!(serde_json::from_str::<Value>(&text).is_err(), "{path}: what came is taken for whole");
            assert!(text.contains("many-1\"") && !text.contains("many-1999\""), "{path}");
            app.admin().ok("mutation { activateUser(where: {id: \"ada\"}) { id } }", json!({})).await;
        }
    }
}

/// Sends a mutation, has it wait right before its commit or its first lock, and takes something away meanwhile. Nothing may
/// be changed. Gives the message of the refusal; empty for a mutation that had nothing to change.
async fn taken_meanwhile(
    app: &App,
    other: &Database,
    caller: &Caller<'_>,
    sdl: &Sdl,
    field: &async_graphql::parser::types::FieldDefinition,
    take: &str,
) -> String {
    let name = field.name.node.as_str();
    let required = field
        .arguments
        .iter()
        .filter(|argument| argument.node.default_value.is_none());
    let (declared, given): (Vec<String>, Vec<String>) = required
        .map(|argument| {
            (
                format!("${}: {}", argument.node.name.node, argument.node.ty.node),
                format!("{0}: ${0}", argument.node.name.node),
            )
        })
        .unzip();
    let declared = if declared.is_empty() {
        String::new()
    } else {
        format!("({})", declared.join(", "))
    };
    let given = if given.is_empty() {
        String::new()
    } else {
        format!("({})", given.join(", "))
    };
    let document = format!(
        "mutation{declared} {{ {name}{given}{} }}",
        selection(sdl, named(&field.ty.node))
    );
    let mut variables = base_call(name).unwrap();
    if name == "updateSettings" {
        variables = json!({ "updated": { "late": true } });
    } else if name == "revokeApiKeys" {
        variables = json!({ "names": ["acme-key"] });
    } else if name == "revokeUserApiKeys" {
        variables = json!({ "where": { "id": "acme-una" } });
    }
    // Remembered, so that the decision is made by what was before.
    caller.ok("{ me { id } }", json!({})).await;
    let answer = sent_meanwhile(app, other, take, caller.send(&document, variables)).await;
    answer["errors"][0]["message"].as_str().unwrap_or_default().to_owned()
}

/// Has a change wait right before its commit or its first lock, and takes something away in the meantime. Nothing may be
/// changed. Gives the answer.
async fn sent_meanwhile<T: std::fmt::Debug>(
    app: &App,
    other: &Database,
    take: &str,
    sent: impl Future<Output = T>,
) -> T {
    // By a connection of its own, so that it shows what the server's own ones wait for.
    let change = other.begin().await.unwrap();
    if other.backend() == DbBackend::Postgres {
        change
            .execute_unprepared("LOCK TABLE audit_events IN EXCLUSIVE MODE")
            .await
            .unwrap();
    }
    change.execute_unprepared(take).await.unwrap();
    let answered = AtomicBool::new(false);
    let sent = async {
        let answer = sent.await;
        answered.store(true, Ordering::SeqCst);
        answer
    };
    let meanwhile = async {
        until("a mutation that waits or has nothing to change", AT_LAST, async || {
            answered.load(Ordering::SeqCst) || app.has_a_change_that_waits().await
        })
        .await;
        change.commit().await.unwrap();
        app.dump().await
    };
    let (answer, before) = tokio::join!(sent, meanwhile);
    // The dump may have been made while the mutation was still waiting, and is made again where it shows.
    assert_eq!(app.dump().await, before, "after {take}: {answer:?}");
    answer
}
