//! A client that hangs up undoes nothing and keeps nothing from following: what is committed happens whole.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::http::Method;
use futures::FutureExt;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::audit_file::{follow, ids, trail};
use crate::on_both;
use crate::support::App;
use crate::support::process::sockets;
use crate::support::routes::routes;
use crate::support::wait::{AT_LAST, until};

/// Numbers without a pattern that a server could follow.
fn next() -> u64 {
    static LAST: AtomicU64 = AtomicU64::new(7);
    let step = |last: u64| {
        last.wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407)
    };
    LAST.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |last| Some(step(last)))
        .unwrap()
        >> 33
}

/// Sends a request and hangs up a little later, whatever has come of it.
async fn hang_up(address: SocketAddr, key: &str, method: &Method, path: &str, body: Option<&Value>) {
    let body = body.map(Value::to_string).unwrap_or_default();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {key}\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    // Time is the subject: any moment of an answer.
    tokio::time::sleep(Duration::from_micros(500 + next() % 24_500)).await;
}

async fn graphql(address: SocketAddr, key: &str, document: String) {
    let body = json!({ "query": document });
    hang_up(address, key, &Method::POST, "/graphql", Some(&body)).await;
}

/// Waits until nothing runs that a client has left behind.
async fn quiet(app: &App, address: Option<SocketAddr>) {
    // The server may not even have read what was sent. It has once it has let go of the connection.
    let port = address.map(|address| address.port());
    let met = || {
        !sockets()
            .iter()
            .any(|socket| socket.is_open && Some(socket.port) == port)
    };
    until("the end of all connections", AT_LAST, async || met()).await;
    until("the end of all changes", AT_LAST, async || {
        app.services.under_way.is_empty()
    })
    .await;
}

on_both! {
    /// Each route of each face: the trail, the file and the rows agree.
    async fn on_every_route(app: App) {
        let ada = app.acme().await;
        let (key, address) = (ada.key.clone().unwrap(), app.served().await);
        for n in 0..4 {
            for route in routes(n).iter().filter(|route| route.writes) {
                hang_up(address, &key, &route.method, &route.path, route.body.as_ref()).await;
            }
        }
        for n in 0..40 {
            graphql(address, &key, format!("mutation {{ createUser(data: {{id: \"left-{n}\"}}) {{ id }} }}")).await;
        }
        quiet(&app, Some(address)).await;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit.jsonl");
        let mut file = tenantry::directory::audit_event::AuditFile::open(&path).unwrap().unwrap();
        follow(&mut file, &app).await;
        assert_eq!(ids(&path), trail(&app).await);
        let untold = "SELECT COUNT(*) FROM users u WHERE (SELECT COUNT(*) FROM audit_events e WHERE e.target_pk = u.pk AND e.action = 'user.create') <> 1";
        assert_eq!(app.number(untold).await, 0, "a user without its event");
        let made = "SELECT COUNT(*) FROM users WHERE id LIKE 'left-%'";
        assert!(app.number(made).await > 20, "hardly anything came in before its client hung up");
    }

    /// Who asks for what they may not do stands in the trail, also if they do not wait for the refusal.
    async fn a_refusal_without_its_client(app: App) {
        let ada = app.acme().await;
        app.admin().create_user(json!({ "id": "chief", "organizationId": "acme", "email": "chief@acme.example", "roles": ["super-admin"] })).await;
        let calls = [
            (Method::POST, "/api/delete-user", json!({ "id": "chief" })),
            (Method::POST, "/v1/api/users/deactivate", json!({ "email": "chief@acme.example" })),
            (Method::PUT, "/auth/admin/realms/master/users/chief", json!({ "firstName": "x" })),
            (Method::PATCH, "/api/data/users/chief", json!({ "first_name": "x" })),
            (Method::POST, "/graphql", json!({ "query": "mutation { deleteUser(where: {id: \"chief\"}) { id } }" })),
        ];
        for (method, path, body) in &calls {
            let mut request = ada.request(path, body);
            *request.method_mut() = method.clone();
            let mut sent = Box::pin(tower::ServiceExt::oneshot(app.router.clone(), request));
            while (&mut sent).now_or_never().is_none() && app.services.under_way.is_empty() {
                tokio::task::yield_now().await;
            }
            drop(sent);
            quiet(&app, None).await;
        }
        app.services.refusals.flush(&app.services.db, app.services.clock.now(), true).await.unwrap();
        let told = app.number("SELECT CAST(SUM(count) AS BIGINT) FROM audit_events WHERE refused AND actor_id = 'ada'").await;
        assert_eq!(usize::try_from(told).unwrap(), calls.len());
    }

    /// What follows a change does so without its client: mails are sent, and remembered credentials forgotten.
    async fn with_what_follows(app: App) {
        let ada = app.acme().await;
        let (key, address) = (ada.key.clone().unwrap(), app.served().await);
        for n in 0..10 {
            let users = app.user("acme", &format!("follow-{n}"), None).await;
            app.who(users.key.as_ref().unwrap()).await.unwrap();
            graphql(address, &key, format!("mutation {{ inviteUser(data: {{email: \"i{n}@mail.example\"}}) {{ id }} }}")).await;
            let email = format!("mutation {{ updatePropertiesInUser(where: {{id: \"follow-{n}\"}}, data: {{email: \"new{n}@acme.example\"}}) {{ id }} }}");
            graphql(address, &key, email).await;
            let password = json!({ "password": "Brass-kettle-29-hums" });
            let own = users.key.clone().unwrap();
            hang_up(address, &own, &Method::PUT, &format!("/api/data/users/follow-{n}/password"), Some(&password)).await;
            quiet(&app, Some(address)).await;
            graphql(address, &key, format!("mutation {{ deactivateUser(where: {{id: \"follow-{n}\"}}) {{ id }} }}")).await;
            quiet(&app, Some(address)).await;
            let out = app.number(&format!("SELECT COUNT(*) FROM users WHERE id = 'follow-{n}' AND NOT activated")).await;
            assert_eq!(app.who(&own).await.is_none(), out == 1, "follow-{n} still calls");
        }
        app.send_mails().await;
        assert_eq!(app.number("SELECT COUNT(*) FROM mails").await, 0);
        let done = app.number(
            "SELECT (SELECT COUNT(*) FROM invitations) + (SELECT COUNT(*) FROM audit_events WHERE action = 'password.set')
                 + (SELECT COUNT(*) FROM audit_events WHERE action = 'user.update' AND fields = 'email')",
        ).await;
        assert_eq!(i64::try_from(app.mails().len()).unwrap(), done, "each has its mail");
        assert!(done > 15, "hardly anything came in before its client hung up");
    }
}
