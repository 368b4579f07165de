//! Methods, media types and parameters.

use axum::body::Body;
use axum::http::{HeaderValue, Method, Request, StatusCode, header};
use serde_json::json;

use super::{app, get, post};
use crate::support::{App, Reply};

async fn sent(app: &App, method: Method, headers: &[(&str, &str)], body: &str) -> Reply {
    let mut request = Request::builder().method(method).uri("/graphql");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    app.send(request.body(Body::from(body.to_owned())).unwrap()).await
}

fn assert_refused(reply: &Reply, status: StatusCode, code: &str) {
    assert_eq!(reply.status, status, "{reply:?}");
    let answer = reply.json();
    let error = &answer["errors"][0];
    assert_eq!(error["extensions"]["code"], code);
    let message = error["message"].as_str().unwrap();
    // Only the Kili SDK gets the code before the message.
    let sentence = message.strip_prefix(&format!("[{code}] ")).unwrap_or(message);
    assert!(!sentence.starts_with('[') && sentence.ends_with('.'), "{message}");
    assert!(answer.get("data").is_none(), "{answer}");
    assert!(error.get("locations").is_none(), "no place in a document: {answer}");
}

const TYPENAME: &str = r#"{"query":"{__typename}"}"#;

#[tokio::test]
async fn the_answer_has_the_type_that_is_accepted() {
    let app = app().await;
    let modern = "application/graphql-response+json";
    let json = "application/json";
    for (accept, expected) in [
        (modern, Some(modern)),
        (json, Some(json)),
        ("*/*", Some(json)),
        ("application/*", Some(json)),
        ("text/html, */*;q=0.1", Some(json)),
        (
            "application/graphql-response+json, application/json;q=0.9",
            Some(modern),
        ),
        (
            "application/json;q=0.5, application/graphql-response+json;q=0.4",
            Some(json),
        ),
        ("Application/JSON; charset=utf-8", Some(json)),
        ("text/html", None),
        ("application/json;q=0", None),
        ("application/xml, image/*", None),
        ("", None),
    ] {
        let headers = [("content-type", "application/json"), ("accept", accept)];
        let reply = sent(&app, Method::POST, &headers, TYPENAME).await;
        match expected {
            Some(media) => {
                assert_eq!(reply.status, StatusCode::OK, "{accept}");
                assert_eq!(
                    reply.headers[header::CONTENT_TYPE],
                    format!("{media}; charset=utf-8"),
                    "{accept}"
                );
                assert_eq!(reply.body, r#"{"data":{"__typename":"Query"}}"#);
            }
            None => assert_refused(&reply, StatusCode::NOT_ACCEPTABLE, "INVALID"),
        }
    }
    let reply = sent(&app, Method::POST, &[("content-type", "application/json")], TYPENAME).await;
    assert_eq!(reply.headers[header::CONTENT_TYPE], "application/json; charset=utf-8");
}

#[tokio::test]
async fn a_body_is_json_by_its_own_word() {
    let app = app().await;
    for content_type in [
        "application/json",
        "application/json; charset=utf-8",
        "APPLICATION/JSON;charset=\"UTF-8\"",
        "application/json; charset=utf8",
        "application/json;charset=UTF8",
    ] {
        let reply = sent(&app, Method::POST, &[("content-type", content_type)], TYPENAME).await;
        assert_eq!(reply.status, StatusCode::OK, "{content_type}");
    }
    for content_type in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/json; charset=latin1",
        "application/jsonx",
        "application/graphql",
        "",
    ] {
        let reply = sent(&app, Method::POST, &[("content-type", content_type)], TYPENAME).await;
        assert_refused(&reply, StatusCode::UNSUPPORTED_MEDIA_TYPE, "INVALID");
    }
    let none = sent(&app, Method::POST, &[], TYPENAME).await;
    assert_refused(&none, StatusCode::UNSUPPORTED_MEDIA_TYPE, "INVALID");
    for (encoding, accepted) in [
        ("identity", true),
        ("Identity", true),
        ("gzip", false),
        ("identity, gzip", false),
        ("", false),
    ] {
        let headers = [("content-type", "application/json"), ("content-encoding", encoding)];
        let reply = sent(&app, Method::POST, &headers, TYPENAME).await;
        match accepted {
            true => assert_eq!(reply.body, r#"{"data":{"__typename":"Query"}}"#, "{encoding}"),
            false => assert_refused(&reply, StatusCode::UNSUPPORTED_MEDIA_TYPE, "INVALID"),
        }
        let mut request = app
            .admin()
            .request("/api/label/v2/graphql", &json!({ "query": "{__typename}" }));
        request
            .headers_mut()
            .insert(header::CONTENT_ENCODING, HeaderValue::from_str(encoding).unwrap());
        let status = if accepted {
            StatusCode::OK
        } else {
            StatusCode::UNSUPPORTED_MEDIA_TYPE
        };
        assert_eq!(app.send(request).await.status, status, "{encoding}");
    }
}

#[tokio::test]
async fn a_multipart_upload_is_not_read() {
    let app = app().await;
    let body =
        "--x\r\nContent-Disposition: form-data; name=\"operations\"\r\n\r\n{\"query\":\"{__typename}\"}\r\n--x--\r\n";
    let headers = [
        ("content-type", "multipart/form-data; boundary=x"),
        ("graphql-require-preflight", "1"),
    ];
    let reply = sent(&app, Method::POST, &headers, body).await;
    assert_refused(&reply, StatusCode::UNSUPPORTED_MEDIA_TYPE, "INVALID");
}

#[tokio::test]
async fn mutations_run_by_post_only() {
    let app = app().await;
    let before = app.dump().await;
    let document = "mutation { createOrganization(data: {id: \"got\", name: \"Got\"}) { id } }";
    for document in [
        document.to_owned(),
        format!("query q {{ __typename }} {document}").replace("mutation", "mutation m"),
    ] {
        let named = document.contains("mutation m");
        let uri = format!(
            "/graphql?query={}{}",
            super::percent(&document),
            if named { "&operationName=m" } else { "" }
        );
        let mut request = app.admin().request(&uri, &json!(null));
        *request.method_mut() = Method::GET;
        let reply = app.send(request).await;
        assert_refused(&reply, StatusCode::METHOD_NOT_ALLOWED, "INVALID");
        assert_eq!(reply.headers[header::ALLOW], "POST");
    }
    assert_eq!(before, app.dump().await);
    let both = format!("query q {{ __typename }} {document}").replace("mutation", "mutation m");
    let reply = get(&app, &[("query", &both), ("operationName", "q")]).await;
    assert_eq!(
        reply.body, r#"{"data":{"__typename":"Query"}}"#,
        "the query of the two may be asked by GET"
    );
}

#[tokio::test]
async fn other_methods_and_paths_are_refused() {
    let app = app().await;
    for method in ["PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "QUERY"] {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let reply = sent(&app, method, &[("content-type", "application/json")], TYPENAME).await;
        assert_refused(&reply, StatusCode::METHOD_NOT_ALLOWED, "INVALID");
        assert_eq!(reply.headers[header::ALLOW], "GET, POST");
    }
    let head = sent(&app, Method::HEAD, &[], "").await;
    assert_eq!(head.status, StatusCode::METHOD_NOT_ALLOWED);
    for path in [
        "/graphq",
        "/GraphQL",
        "//graphql",
        "/graphql/../graphql",
        "/%67raphql2",
        "/%00",
    ] {
        let reply = app
            .send(app.anonymous().request(path, &json!({"query": "{__typename}"})))
            .await;
        assert_eq!(reply.status, StatusCode::NOT_FOUND, "{path}");
    }
    // As many a client's configuration has it.
    let reply = app.anonymous().request("/graphql/", &json!({"query": "{__typename}"}));
    assert_eq!(app.send(reply).await.body, r#"{"data":{"__typename":"Query"}}"#);
}

#[tokio::test]
async fn parameters_have_their_types() {
    let app = app().await;
    for body in [
        r#"{}"#,
        r#"{"query":null}"#,
        r#"{"query":1}"#,
        r#"{"query":["{__typename}"]}"#,
        r#"{"query":{"a":1}}"#,
        r#"{"query":"{__typename}","operationName":1}"#,
        r#"{"query":"{__typename}","variables":[1]}"#,
        r#"{"query":"{__typename}","variables":"{}"}"#,
        r#"{"query":"{__typename}","variables":7}"#,
        r#"{"query":"{__typename}","extensions":"x"}"#,
        r#"{"query":"{__typename}","extensions":[]}"#,
        r#"{"query":"{__typename}","query":"{__typename}"}"#,
        r#"[{"query":"{__typename}"}]"#,
        r#"["{__typename}",null,null,null]"#,
        r#""{__typename}""#,
        "null",
        "{__typename}",
        "",
        "{\"query\":\"{__typename}\"} trailing",
        "\u{FEFF}{\"query\":\"{__typename}\"}",
    ] {
        assert_refused(&post(&app.anonymous(), body).await, StatusCode::BAD_REQUEST, "INVALID");
    }
    for body in [
        r#"{"query":"{__typename}","variables":null,"operationName":null,"extensions":null}"#,
        r#"{"query":"{__typename}","variables":{},"extensions":{"any":[1]},"more":true}"#,
        " \r\n\t{\"query\":\"{__typename}\"} \n",
        r#"{"qu\u0065ry":"{__typename}"}"#,
    ] {
        let reply = post(&app.anonymous(), body).await;
        assert_eq!(reply.body, r#"{"data":{"__typename":"Query"}}"#, "{body}");
    }
}

#[tokio::test]
async fn a_get_has_its_parameters_in_the_address() {
    let app = app().await;
    let query = "query a($x: Boolean!) { __typename me @include(if: $x) { id } } query b { b: __typename }";
    let reply = get(
        &app,
        &[("query", query), ("operationName", "a"), ("variables", "{\"x\":false}")],
    )
    .await;
    assert_eq!(reply.body, r#"{"data":{"__typename":"Query"}}"#);
    let reply = get(
        &app,
        &[
            ("query", query),
            ("operationName", "b"),
            ("variables", ""),
            ("extensions", "{}"),
        ],
    )
    .await;
    assert_eq!(reply.body, r#"{"data":{"b":"Query"}}"#);
    let reply = get(
        &app,
        &[("query", "{__typename}"), ("operationName", ""), ("variables", "null")],
    )
    .await;
    assert_eq!(reply.body, r#"{"data":{"__typename":"Query"}}"#);
    for wrong in [
        &[("quer", "{__typename}")][..],
        &[("query", "{__typename}"), ("variables", "[]")],
        &[("query", "{__typename}"), ("variables", "{")],
        &[("query", "{__typename}"), ("extensions", "1")],
        &[("query", "{__typename}"), ("query", "{__typename}")],
    ] {
        assert_refused(&get(&app, wrong).await, StatusCode::BAD_REQUEST, "INVALID");
    }
    assert_refused(&get(&app, &[]).await, StatusCode::BAD_REQUEST, "INVALID");
}

/// Both ways alike, whatever says it.
#[tokio::test]
async fn an_empty_name_is_none_and_a_batch_is_refused() {
    let app = app().await;
    for name in [json!(""), json!(null)] {
        let body = json!({ "query": "query a { __typename }", "operationName": name });
        assert_eq!(
            post(&app.anonymous(), body.to_string()).await.body,
            r#"{"data":{"__typename":"Query"}}"#
        );
        let two = json!({ "query": "query a { __typename } query b { __typename }", "operationName": name });
        let refused = post(&app.anonymous(), two.to_string()).await.json();
        assert_eq!(
            refused["errors"][0]["extensions"],
            json!({ "code": "INVALID", "field": "operationName" })
        );
    }
    let refused = get(
        &app,
        &[
            ("query", "query a { __typename } query b { __typename }"),
            ("operationName", ""),
        ],
    )
    .await;
    assert_eq!(refused.json()["errors"][0]["extensions"]["field"], "operationName");
    for batch in [r#"[{"query":"{__typename}"}]"#, "[]", " [1]"] {
        for path in ["/graphql", "/api/label/v2/graphql"] {
            let mut request = app.anonymous().request(path, &json!(null));
            *request.body_mut() = Body::from(batch);
            let reply = app.send(request).await;
            assert_refused(&reply, StatusCode::BAD_REQUEST, "INVALID");
            assert!(reply.body.contains("Batches are not taken"), "{}", reply.body);
        }
    }
}

#[tokio::test]
async fn which_operation_runs_is_said_without_doubt() {
    let app = app().await;
    let two = "query a { a: __typename } query b { b: __typename }";
    for (query, name, expected) in [
        (two, Some("b"), Some(r#"{"data":{"b":"Query"}}"#)),
        (two, Some("c"), None),
        (two, None, None),
        ("query a { __typename }", Some("b"), None),
        ("{ __typename }", Some("b"), None),
        (
            "query a { __typename }",
            None,
            Some(r#"{"data":{"__typename":"Query"}}"#),
        ),
        ("subscription { x }", None, None),
        ("fragment F on Query { __typename }", None, None),
        ("type Query { x: Int }", None, None),
    ] {
        let body = json!({ "query": query, "operationName": name });
        let mut request = app.anonymous().request("/graphql", &body);
        let accept = HeaderValue::from_static("application/graphql-response+json");
        request.headers_mut().insert(header::ACCEPT, accept);
        let reply = app.send(request).await;
        match expected {
            Some(expected) => assert_eq!(reply.body, expected),
            None => {
                assert_eq!(reply.status, StatusCode::BAD_REQUEST, "{query} {name:?}");
                assert_eq!(reply.json()["errors"][0]["extensions"]["code"], "INVALID");
            }
        }
    }
}

#[tokio::test]
async fn a_refused_document_is_a_400_only_for_those_who_know_the_type() {
    let app = app().await;
    for query in [
        "{",
        "{ nothing }",
        "{ users(first: \"x\") { id } }",
        "query($a: Int!) { countUsers }",
    ] {
        for (accept, status) in [
            ("application/graphql-response+json", StatusCode::BAD_REQUEST),
            ("application/json", StatusCode::OK),
        ] {
            let mut request = app.admin().request("/graphql", &json!({ "query": query }));
            request
                .headers_mut()
                .insert(header::ACCEPT, HeaderValue::from_static(accept));
            let reply = app.send(request).await;
            assert_eq!(reply.status, status, "{query}");
            assert!(reply.json().get("data").is_none(), "{}", reply.body);
        }
    }
    // An error of a field is an answer like another.
    let body = json!({ "query": "{ users(first: 0) { id } }" });
    let mut request = app.admin().request("/graphql", &body);
    let accept = HeaderValue::from_static("application/graphql-response+json");
    request.headers_mut().insert(header::ACCEPT, accept);
    let reply = app.send(request).await;
    assert_eq!(reply.status, StatusCode::OK);
    assert_eq!(reply.json()["data"], json!(null));
}
