//! A header that names a user to act as is honoured or refused, on every route: whoever sends one means to lay down the
//! power of the credential.

use axum::http::{HeaderName, HeaderValue, Method};
use serde_json::{Value, json};

use crate::on_both;
use crate::support::routes::{Route, routes};
use crate::support::{App, Caller, Reply};

const HEADERS: [&str; 2] = ["x-tenantry-impersonate-user", "x-waii-impersonate-user"];
/// What bob, who has no role, may change: what is his own.
const OWN: [&str; 2] = ["/api/update-config", "/api/delete-access-keys"];

async fn ask(caller: &Caller<'_>, route: &Route, headers: &[(&'static str, &str)]) -> Reply {
    let mut request = caller.request(&route.path, route.body.as_ref().unwrap_or(&Value::Null));
    *request.method_mut() = route.method.clone();
    for (name, id) in headers {
        request
            .headers_mut()
            .append(HeaderName::from_static(name), HeaderValue::from_str(id).unwrap());
    }
    caller.app.send(request).await
}

on_both! {
    async fn every_route_heeds_them(app: App) {
        let ada = app.acme().await;
        app.organization("globex", &[]).await;
        app.user("globex", "gil", None).await;
        for (n, route) in routes(1).iter().enumerate() {
            for header in HEADERS {
                let what = format!("{n}: {} {} with {header}", route.method, route.path);
                let before = app.dump().await;
                for id in ["nobody", "gil", "ada"] {
                    let reply = ask(&ada, route, &[(header, id)]).await;
                    assert!(reply.status.is_client_error(), "{what}: {id}: {reply:?}");
                }
                let both = ask(&ada, route, &[(HEADERS[0], "bob"), (HEADERS[1], "off")]).await;
                assert!(both.status.is_client_error(), "{what}: {both:?}");
                assert_eq!(app.dump().await, before, "{what}");
                let reply = ask(&ada, route, &[(header, "bob")]).await;
                if route.writes && !OWN.contains(&route.pattern) {
                    let refused = reply.status.is_client_error()
                        || reply.json()["errors"].is_array()
                        || reply.json()["Operations"][0]["status"] == "403";
                    assert!(refused, "{what}: {reply:?}");
                    assert_eq!(app.dump().await, before, "{what}: as bob");
                } else {
                    assert!(!reply.body.contains("ada"), "{what}: {reply:?}");
                }
            }
        }
    }

    async fn no_route_reads_a_compressed_body(app: App) {
        let ada = app.acme().await;
        let before = app.dump().await;
        for route in routes(1) {
            for coding in ["gzip", "br", "identity, gzip"] {
                let reply = ask(&ada, &route, &[("content-encoding", coding)]).await;
                if route.path.starts_with("/forward-auth") {
                    // The header is about the body of the request in front of the gateway, which is not sent here.
                    assert_eq!(reply.status.as_u16(), 200, "{} {coding}: {reply:?}", route.path);
                    continue;
                }
                // SCIM has no status for the form of a body.
                let status = if route.path.starts_with("/scim") { 400 } else { 415 };
                assert_eq!(reply.status.as_u16(), status, "{} {coding}: {reply:?}", route.path);
                assert!(reply.body.contains("Send the body uncompressed"), "{}: {}", route.path, reply.body);
                assert_eq!(reply.headers["accept-encoding"], "identity");
            }
        }
        assert_eq!(app.dump().await, before);
        for route in routes(1).iter().filter(|route| !route.writes) {
            let reply = ask(&ada, route, &[("content-encoding", "identity")]).await;
            assert_ne!(reply.status.as_u16(), 415, "{}: {reply:?}", route.path);
        }
    }

    /// GraphQL by GET, and the endpoint at which nobody has a credential.
    async fn so_do_the_others(app: App) {
        let ada = app.acme().await;
        for header in HEADERS {
            let get = Route {
                method: Method::GET, pattern: "/graphql", path: "/graphql?query=%7Bme%7Bid%7D%7D".to_owned(), body: None, writes: false,
            };
            assert_eq!(ask(&ada, &get, &[(header, "bob")]).await.json()["data"]["me"]["id"], "bob");
            assert_eq!(ask(&ada, &get, &[(header, "nobody")]).await.status, 404);
            let before = app.dump().await;
            let mut request = app.anonymous().request("/auth/realms/master/protocol/openid-connect/token", &json!({}));
            *request.body_mut() = "grant_type=password&client_id=c&username=ada%40acme.example&password=password-of-ada".into();
            request.headers_mut().insert(HeaderName::from_static(header), HeaderValue::from_static("bob"));
            let reply = app.send(request).await;
            assert_eq!(reply.status, 401, "{reply:?}");
            assert_eq!(app.dump().await, before);
        }
    }
}
