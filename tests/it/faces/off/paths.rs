//! Paths and headers.

use axum::http::{HeaderName, HeaderValue, Method, header};
use serde_json::{Value, json};
use tenantry::model::Faces;

use crate::on_both;
use crate::support::routes::{Route, routes};
use crate::support::{App, Caller, Reply};

/// The face whose path it is; none for tenantry's own.
fn face_of(path: &str) -> Option<Faces> {
    let tops = [
        ("/api/label", Faces::KILI),
        ("/api/data", Faces::AIR),
        ("/api", Faces::WAII),
        ("/v1/api", Faces::WALLAROO),
        ("/auth", Faces::WALLAROO),
    ];
    let found = tops
        .iter()
        .find(|(top, _)| path == *top || path.starts_with(&format!("{top}/")));
    found.map(|(_, face)| *face)
}

/// A path where nothing ever was, beside this one.
fn beside(path: &str, on: Faces) -> &'static str {
    match path.starts_with("/api/") && on.contains(Faces::WAII) {
        true => "/api/nothing-here",
        false => "/nothing-here",
    }
}

/// What one sees of a reply.
fn seen(reply: Reply) -> (u16, Value, String) {
    let kind = |name| reply.headers.get(name).map(|value| value.to_str().unwrap().to_owned());
    let heads = [header::CONTENT_TYPE, header::ALLOW, header::WWW_AUTHENTICATE].map(kind);
    (reply.status.as_u16(), json!(heads), reply.body)
}

async fn ask(caller: &Caller<'_>, route: &Route, path: &str, headers: &[(&'static str, &str)]) -> Reply {
    let mut request = caller.request(path, route.body.as_ref().unwrap_or(&Value::Null));
    *request.method_mut() = route.method.clone();
    for (name, value) in headers {
        let value = HeaderValue::from_str(value).unwrap();
        request.headers_mut().insert(HeaderName::from_static(name), value);
    }
    caller.app.send(request).await
}

/// Every path of the faces: those with a call, and those that look at no credential.
fn of_faces() -> Vec<(Faces, Route)> {
    let mut all = routes(1);
    let open = [
        (Method::GET, "/api/label/v2/version"),
        (Method::GET, "/v1/api/config"),
        (Method::POST, "/auth/realms/master/protocol/openid-connect/token"),
        (Method::GET, "/api"),
        (Method::GET, "/api/data"),
        (Method::POST, "/api/data/nothing"),
        (Method::POST, "/v1/api/nothing"),
        (Method::GET, "/auth"),
        (Method::GET, "/auth/realms/nothing"),
    ];
    all.extend(open.map(|(method, path)| Route {
        method,
        pattern: path,
        path: path.to_owned(),
        body: None,
        writes: false,
    }));
    all.into_iter()
        .filter_map(|route| Some((face_of(route.pattern)?, route)))
        .collect()
}

on_both! {
    async fn no_path_of_a_face_that_is_off_answers(app: App) {
        let key = app.acme().await.key.clone().unwrap();
        let mut app = app;
        let mut asked = 0;
        for (off, name) in Faces::all().with_names() {
            let on = Faces::all() - off;
            app = app.with_faces(on).await;
            let ada = app.key(key.clone());
            for (_, route) in of_faces().iter().filter(|(face, _)| *face == off) {
                let before = app.dump().await;
                let nothing = beside(&route.path, on);
                for method in [&route.method, &Method::GET, &Method::PUT, &Method::OPTIONS] {
                    let route = Route { method: method.clone(), ..route.clone() };
                    // As it is, and where no handler is asked: an encoded body, a head that is too large.
                    for headers in [&[][..], &[("content-encoding", "gzip")], &[("x-large", &*"x".repeat(70_000))]] {
                        let there = seen(ask(&ada, &route, &route.path, headers).await);
                        let expected = seen(ask(&ada, &route, nothing, headers).await);
                        assert_eq!(there, expected, "{name} off: {method} {}", route.path);
                        asked += 1;
                    }
                }
                assert_eq!(app.dump().await, before, "{name} off: {}", route.path);
            }
            // The others answer as ever.
            for (_, route) in of_faces().iter().filter(|(face, route)| *face != off && !route.writes && route.body.is_some()) {
                let reply = ask(&ada, route, &route.path, &[]).await;
                assert!(!reply.body.contains("There is nothing"), "{name} off: {}: {reply:?}", route.path);
            }
        }
        assert!(asked > 400, "{asked}");
        app = app.with_faces(Faces::all()).await;
        let ada = app.key(key);
        let there = of_faces().into_iter().filter(|(_, route)| !route.writes && route.path.matches('/').count() > 2 && !route.path.ends_with("nothing"));
        for (_, route) in there {
            let reply = ask(&ada, &route, &route.path, &[]).await;
            assert_ne!(reply.status.as_u16(), 404, "all on: {}", route.path);
        }
    }

    async fn the_header_of_waii_means_nothing_without_it(app: App) {
        let key = app.acme().await.key.clone().unwrap();
        let app = app.with_faces(Faces::all() - Faces::WAII).await;
        let ada = app.key(key);
        let mut asked = 0;
        for route in routes(1).iter().filter(|route| !route.writes && face_of(route.pattern) != Some(Faces::WAII)) {
            let plain = seen(ask(&ada, route, &route.path, &[]).await);
            for id in ["bob", "nobody", ""] {
                let with = seen(ask(&ada, route, &route.path, &[("x-waii-impersonate-user", id)]).await);
                assert_eq!(plain, with, "{}", route.path);
                asked += 1;
            }
        }
        assert!(asked > 20, "{asked}");
        let me = Route { method: Method::POST, pattern: "/graphql", path: "/graphql".to_owned(), body: Some(json!({ "query": "{ me { id } }" })), writes: false };
        let asked = async |app: &App, header: &'static str| {
            ask(&app.key(ada.key.clone().unwrap()), &me, "/graphql", &[(header, "bob")]).await.json()["data"]["me"]["id"].clone()
        };
        assert_eq!(asked(&app, "x-waii-impersonate-user").await, "ada");
        // Our own does what it does.
        assert_eq!(asked(&app, "x-tenantry-impersonate-user").await, "bob");
    }

    async fn the_scheme_of_kili_means_nothing_without_it(app: App) {
        let key = app.acme().await.key.clone().unwrap();
        let (mut app, scheme) = (app, format!("X-API-Key: {key}"));
        for (on, status) in [(Faces::all(), 200), (Faces::all() - Faces::KILI, 401), (Faces::KILI, 200), (Faces::empty(), 401)] {
            app = app.with_faces(on).await;
            let me = Route { method: Method::POST, pattern: "/graphql", path: "/graphql".to_owned(), body: Some(json!({ "query": "{ me { id } }" })), writes: false };
            let reply = ask(&app.anonymous(), &me, "/graphql", &[("authorization", &scheme)]).await;
            assert_eq!(reply.status.as_u16(), status, "{on:?}: {reply:?}");
            let unknown = ask(&app.anonymous(), &me, "/graphql", &[("authorization", &format!("X-Nothing: {key}"))]).await;
            assert_eq!(unknown.status.as_u16(), 401);
            if status == 401 {
                assert_eq!(seen(reply), seen(unknown));
            }
        }
    }
}
