//! The pages in the binary: the start page, GraphiQL, the documentation, the pages behind the links in mails, and the
//! files that they load.

use std::sync::LazyLock;

use axum::Router;
use axum::body::Bytes;
use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use moka::sync::Cache;
use rust_embed::RustEmbed;

use super::router::plain;
use crate::graphql::{Schema, sdl};
use crate::request::App;

/// `web/dist`, as `npm run build` created it. Empty if that was not run.
#[derive(RustEmbed)]
#[folder = "web/dist"]
#[allow_missing = true]
struct Pages;

/// The start page has no scripts.
const START_POLICY: &str = "default-src 'none'; img-src 'self'; style-src 'self'; base-uri 'none'; form-action 'none'; \
                            frame-ancestors 'none'";
/// The editor sets styles on its elements, hence `'unsafe-inline'` for them. Scripts come only from this server.
const GRAPHIQL_POLICY: &str = "default-src 'none'; script-src 'self'; worker-src 'self'; connect-src 'self'; img-src 'self' data:; \
                               font-src 'self'; style-src 'self' 'unsafe-inline'; base-uri 'none'; form-action 'none'; \
                               frame-ancestors 'none'";
/// The pages behind links have scripts that call this server, and nothing inline.
const LINK_POLICY: &str = "default-src 'none'; script-src 'self'; connect-src 'self'; img-src 'self'; style-src 'self'; base-uri 'none'; \
                           form-action 'none'; frame-ancestors 'none'";
const LINKS_LEAD_AWAY: &str =
    "This page is not here: the links in this server's mails lead to another address, which TENANTRY_APP_URL sets.\n";
const NOT_BUILT: &str = "The pages are not in this build. With Node.js installed, run:\n\n    make run\n\n\
                         or 'npm ci && npm run build' in the folder web, and build again. The API is at /graphql.\n";

/// The schema as text, if it may be read.
pub fn schema(schema: Option<&Schema>) -> Router<App> {
    let text = schema.map(sdl);
    Router::new().route(
        "/schema.graphql",
        get(async move || match text {
            Some(text) => ([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response(),
            None => plain(
                StatusCode::NOT_FOUND,
                "This server does not show its schema: TENANTRY_INTROSPECTION is off.\n",
            ),
        }),
    )
}

/// The routes of the start page, GraphiQL and the documentation.
pub fn routes() -> Router<App> {
    Router::new()
        .route(
            "/",
            get(async |headers: HeaderMap| page("index.html", START_POLICY, &headers)),
        )
        .route(
            "/graphiql",
            get(async |headers: HeaderMap| page("graphiql.html", GRAPHIQL_POLICY, &headers)),
        )
        .route("/graphiql/", get(async || moved("../graphiql")))
        .route(
            "/licenses.txt",
            get(async |headers: HeaderMap| page("licenses.txt", START_POLICY, &headers)),
        )
        .route("/docs", get(async || moved("docs/README")))
        .route("/docs/", get(async || moved("README")))
        .route(
            "/docs/{*name}",
            get(async |Path(name): Path<String>, headers: HeaderMap| {
                page(&format!("docs/{name}.html"), START_POLICY, &headers)
            }),
        )
}

/// The routes of the pages behind the links in mails, if these lead here.
pub fn link_routes(served: bool) -> Router<App> {
    let leads_away = async || plain(StatusCode::NOT_FOUND, LINKS_LEAD_AWAY);
    let mut routes = Router::new();
    for (path, with_slash, name, above) in [
        (
            "/accept-invitation",
            "/accept-invitation/",
            "accept-invitation.html",
            "../accept-invitation",
        ),
        (
            "/reset-password",
            "/reset-password/",
            "reset-password.html",
            "../reset-password",
        ),
        (
            "/verify-email",
            "/verify-email/",
            "verify-email.html",
            "../verify-email",
        ),
    ] {
        routes = match served {
            true => routes
                .route(
                    path,
                    get(async move |headers: HeaderMap| page(name, LINK_POLICY, &headers)),
                )
                .route(with_slash, get(async move || moved(above))),
            false => routes.route(path, get(leads_away)),
        };
    }
    routes
}

/// The route of the files that pages load.
pub fn asset_routes() -> Router<App> {
    Router::new().route("/assets/{*name}", get(asset))
}

/// Redirects to a page with a relative address, which is also correct if a proxy serves everything below a path.
fn moved(to: &'static str) -> Response {
    (StatusCode::PERMANENT_REDIRECT, [(header::LOCATION, to)]).into_response()
}

fn page(name: &str, policy: &'static str, headers: &HeaderMap) -> Response {
    let set = [
        (header::CONTENT_SECURITY_POLICY, policy),
        (header::CACHE_CONTROL, "no-cache"),
        (header::REFERRER_POLICY, "no-referrer"),
    ];
    match file(name, headers) {
        Some(file) => (set, file).into_response(),
        None => absent(is_built()),
    }
}

fn is_built() -> bool {
    ["index.html", "index.html.br"]
        .into_iter()
        .any(|name| Pages::get(name).is_some())
}

/// The response for a missing page, in a build with or without pages.
fn absent(built: bool) -> Response {
    plain(
        StatusCode::NOT_FOUND,
        if built { "There is no such page.\n" } else { NOT_BUILT },
    )
}

/// These files may be cached forever, because their names change with their content.
async fn asset(Path(name): Path<String>, headers: HeaderMap) -> Response {
    let set = [
        (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
        // A worker uses the policy of its own file.
        (header::CONTENT_SECURITY_POLICY, GRAPHIQL_POLICY),
    ];
    match file(&format!("assets/{name}"), &headers) {
        Some(file) => (set, file).into_response(),
        None => plain(StatusCode::NOT_FOUND, "There is no such file.\n"),
    }
}

/// An embedded file. Most are stored compressed, and are decompressed for clients that do not accept that, such as
/// browsers that use plain HTTP from another machine.
fn file(name: &str, headers: &HeaderMap) -> Option<Response> {
    let (bytes, compressed) = match Pages::get(&format!("{name}.br")) {
        Some(file) if accepts_brotli(headers) => (Bytes::from_owner(file.data), true),
        Some(file) => (unpacked(name, &file.data)?, false),
        None => (Bytes::from_owner(Pages::get(name)?.data), false),
    };
    let set = [
        (header::CONTENT_TYPE, content_type(name)),
        (header::VARY, "accept-encoding"),
    ];
    let encoding = compressed.then_some([(header::CONTENT_ENCODING, "br")]);
    Some((set, encoding, bytes).into_response())
}

/// The content of a compressed file. It is cached, so that each file is decompressed once; there are only a few files.
fn unpacked(name: &str, mut compressed: &[u8]) -> Option<Bytes> {
    static UNPACKED: LazyLock<Cache<String, Bytes>> = LazyLock::new(|| Cache::new(1_000));
    UNPACKED.optionally_get_with(name.to_owned(), || {
        let mut whole = Vec::new();
        brotli_decompressor::BrotliDecompress(&mut compressed, &mut whole).ok()?;
        Some(whole.into())
    })
}

fn accepts_brotli(headers: &HeaderMap) -> bool {
    let accepted = headers
        .get(header::ACCEPT_ENCODING)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    accepted
        .split(',')
        .map(|coding| coding.trim().split(';').collect::<Vec<_>>())
        .any(|parts| {
            parts.first() == Some(&"br")
                && !parts
                    .iter()
                    .any(|part| matches!(part.trim(), "q=0" | "q=0.0" | "q=0.00" | "q=0.000"))
        })
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map(|(_, ending)| ending) {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("ttf") => "font/ttf",
        Some("txt") => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use axum::body::to_bytes;
    use axum::http::HeaderValue;

    use super::*;

    /// As in a build without Node.js.
    #[tokio::test]
    async fn what_is_not_in_the_build_says_what_to_run() {
        let response = absent(false);
        assert_eq!(response.status(), StatusCode::NOT_FOUND);
        assert_eq!(
            response.headers().get(header::CONTENT_TYPE),
            Some(&HeaderValue::from_static("text/plain; charset=utf-8"))
        );
        let text = to_bytes(response.into_body(), 1024).await.unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        for words in ["Node.js", "make run", "/graphql"] {
            assert!(text.contains(words), "{text}");
        }
    }

    #[test]
    fn brotli_is_sent_to_who_takes_it() {
        let accepts = |value| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static(value));
            accepts_brotli(&headers)
        };
        for value in ["br", "gzip, br", "gzip, deflate, br;q=0.8, zstd", "gzip,br"] {
            assert!(accepts(value), "{value}");
        }
        for value in ["", "gzip", "br;q=0", "br; q=0.0", "brotli"] {
            assert!(!accepts(value), "{value}");
        }
        assert!(!accepts_brotli(&HeaderMap::new()));
    }
}
