//! Mangled requests: never a 5xx, never a panic, never a word of the database.

use axum::body::Body;
use axum::http::Request;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};

use super::app;
use crate::on_both;
use crate::support::{ADMIN_KEY, App, Reply, assert_leaks_nothing};

fn assert_decent(reply: &Reply) {
    assert!(reply.status.as_u16() < 500, "{} {}", reply.status, reply.body);
    assert_leaks_nothing(&reply.body);
    assert!(reply.body.len() < 1_000_000);
    if reply.headers["content-type"]
        .to_str()
        .is_ok_and(|media| media.contains("json"))
    {
        let answer = reply.json();
        for error in answer["errors"].as_array().into_iter().flatten() {
            let code = error["extensions"]["code"].as_str().expect("a code");
            let message = error["message"].as_str().expect("a message");
            // The Kili SDK shows nothing but the message.
            let sentence = message.strip_prefix(&format!("[{code}] ")).unwrap_or(message);
            assert!(sentence.len() > 3 && !sentence.starts_with('['), "{message}");
            assert!(!["INTERNAL", "UNAVAILABLE"].contains(&code), "{answer}");
        }
    }
}

/// Words that documents are made of, good and bad, so that some nonsense gets far.
const WORDS: [&str; 64] = [
    "{",
    "}",
    "(",
    ")",
    "[",
    "]",
    ":",
    "!",
    "$",
    "@",
    "...",
    "=",
    "|",
    "&",
    "\"",
    "\"\"\"",
    "#",
    "\n",
    ",",
    "\\",
    "query",
    "mutation",
    "subscription",
    "fragment",
    "on",
    "F",
    "...F",
    "fragment F on User {",
    "User",
    "Query",
    "Mutation",
    "{ me { id } }",
    "users",
    "me",
    "id",
    "email",
    "where: {",
    "first: 1",
    "first: -1",
    "skip: 99999999999",
    "orderBy: CREATED_AT_ASC",
    "AND: [",
    "NOT: {",
    "idIn: [\"a\"]",
    "nameContains: \"%\"",
    "email: \"x'--\"",
    "@include(if: true)",
    "@skip(if: $v)",
    "$v",
    "query($v: Int)",
    "null",
    "true",
    "1e400",
    "-0",
    "\"\\u0000\"",
    "\"\\ud800\"",
    "\u{202E}",
    "é",
    "__typename",
    "__schema { types { name } }",
    "usersConnection",
    "after: \"e30\"",
    "organization { users {",
    "countUsers",
];

fn documents() -> impl Strategy<Value = String> {
    let words = prop::collection::vec(prop::sample::select(&WORDS[..]), 0..25).prop_map(|words| words.join(" "));
    let whole = prop::sample::select(vec![
        "{ users(where: {AND: [{nameContains: \"a\"}, {NOT: {emailStartsWith: \"b\"}}]}, first: 5, skip: 1) { id email organization { name users { id } } } }",
        "query($w: UserWhere, $n: PageSize! = 3) { countUsers(where: $w) usersConnection(where: $w, first: 2) { edges { cursor node { ...F } } totalCount } users(first: $n) { id } } fragment F on User { id name roles { name } }",
        "mutation { updatePropertiesInUser(where: {id: \"nobody\"}, data: {firstname: \"x\", variables: {a: [1, null]}}) { id } }",
        "mutation { createUser(data: {id: \"\\u0000\", email: \"a@b\", roles: [\"x\"]}) { id } deleteTenant(where: {id: \"\"}) { id } }",
    ]);
    let mangled = (
        whole,
        any::<prop::sample::Index>(),
        0..12_usize,
        prop::sample::select(&WORDS[..]),
    )
        .prop_map(|(document, at, cut, word)| {
            let characters: Vec<char> = document.chars().collect();
            let at = at.index(characters.len());
            let end = (at + cut).min(characters.len());
            let (before, after) = (&characters[..at], &characters[end..]);
            format!(
                "{}{word}{}",
                before.iter().collect::<String>(),
                after.iter().collect::<String>()
            )
        });
    prop_oneof![words, mangled, any::<String>()]
}

fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        prop::sample::select(vec![
            "\u{0}",
            "",
            "' OR 1=1 --",
            "%",
            "admin",
            "ADMIN",
            "x@y.z",
            "2026-01-01T00:00:00Z",
            "99999999999999999999"
        ])
        .prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        let names = prop_oneof![
            prop::sample::select(vec![
                "id",
                "idIn",
                "email",
                "nameContains",
                "AND",
                "OR",
                "NOT",
                "organization",
                "apiKey",
                "activated"
            ])
            .prop_map(str::to_owned),
            any::<String>(),
        ];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((names, inner), 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// Runs a property with an app, in a thread of its own, which may wait.
fn check<S: Strategy>(app: &App, cases: u32, strategy: S, send: impl Fn(&S::Value) -> Request<Body>) {
    let runtime = tokio::runtime::Handle::current();
    tokio::task::block_in_place(|| {
        let config = Config {
            cases,
            failure_persistence: None,
            ..Config::default()
        };
        let result = TestRunner::new(config).run(&strategy, |input| {
            assert_decent(&runtime.block_on(app.send(send(&input))));
            Ok(())
        });
        result.unwrap();
    });
}

fn to(path: &str, body: impl Into<Body>) -> Request<Body> {
    let request = Request::builder()
        .method("POST")
        .uri(path)
        .header("content-type", "application/json")
        .header("accept", "application/graphql-response+json, application/json")
        .header("authorization", format!("Bearer {ADMIN_KEY}"));
    request.body(body.into()).unwrap()
}

on_both! {
    async fn mangled_documents_get_decent_answers(app: App) {
        app.organization("acme", &["berlin"]).await;
        app.user("acme", "ada", Some("user")).await;
        check(&app, 400, documents(), |document| to("/graphql", json!({ "query": document }).to_string()));
        check(&app, 100, documents(), |document| to("/api/label/v2/graphql", json!({ "query": document }).to_string()));
    }

    async fn mangled_variables_get_decent_answers(app: App) {
        let queries = prop::sample::select(vec![
            "query($v: UserWhere) { users(where: $v) { id } countUsers(where: $v) }",
            "query($v: TenantWhere) { tenantsConnection(where: $v) { nodes { id } totalCount } }",
            "query($v: PageSize!) { users(first: $v) { id } }",
            "query($v: Int) { users(skip: $v) { id } }",
            "query($v: String) { usersConnection(after: $v) { nodes { id } } }",
            "query($v: UserOrderBy) { users(orderBy: $v) { id } }",
            "query($v: [ID!]) { users(where: {idIn: $v}) { id } }",
            "mutation($v: CreateUserData!) { createUser(data: $v) { id } }",
            "mutation($v: JSON) { updateOrganization(where: {id: \"nowhere\"}, data: {variables: $v}) { id } }",
            "mutation($v: UserWhere!) { deleteUser(where: $v) { id } }",
        ]);
        check(&app, 400, (queries, values()), |(query, value)| {
            to("/graphql", json!({ "query": query, "variables": { "v": value } }).to_string())
        });
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mangled_bodies_and_addresses_get_decent_answers() {
    let app = app().await;
    check(&app, 300, prop::collection::vec(any::<u8>(), 0..200), |bytes| {
        to("/graphql", bytes.clone())
    });
    let good = br#"{"query":"query q($a: Int) { users(skip: $a) { id } }","variables":{"a":1},"operationName":"q"}"#;
    let flipped = (any::<prop::sample::Index>(), any::<u8>(), any::<prop::sample::Index>());
    check(&app, 300, flipped, |(at, byte, end)| {
        let mut bytes = good.to_vec();
        bytes[at.index(good.len())] = *byte;
        bytes.truncate(1 + end.index(good.len() * 2));
        to("/graphql", bytes)
    });
    check(&app, 300, "[a-z%&=+{}0-9\\[\\]\"$!*'();:@,/?-]{0,80}", |query| {
        let mut request = to("/graphql", Body::empty());
        *request.method_mut() = axum::http::Method::GET;
        *request.uri_mut() = format!("/graphql?{}", query.replace(['{', '}', '"'], "%7B"))
            .parse()
            .unwrap_or_default();
        request
    });
}
