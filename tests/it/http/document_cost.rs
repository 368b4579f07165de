//! Documents that cost too much, refused before they cost anything.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::app;
use crate::support::{App, Caller, assert_leaks_nothing};

/// The first error's code and message; the refusal must come at once.
async fn refusal(app: &App, document: &str) -> (String, String) {
    let started = Instant::now();
    let error = app.admin().refusal(document, json!({})).await;
    let limit = Duration::from_secs(2);
    assert!(
        started.elapsed() < limit,
        "{:?} for {}",
        started.elapsed(),
        &document[..document.len().min(200)]
    );
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    (text(&error["extensions"]["code"]), text(&error["message"]))
}

async fn assert_exceeds(app: &App, document: &str, words: &[&str]) {
    let (code, message) = refusal(app, document).await;
    assert_eq!(code, "LIMIT_EXCEEDED", "{message}");
    for word in words {
        assert!(message.contains(word), "no '{word}' in {message}");
    }
}

async fn ok(caller: &Caller<'_>, document: &str) -> Value {
    caller.ok(document, json!({})).await
}

fn doubling(on: &str, spread_first: bool, last: &str) -> String {
    let start = if spread_first { "{ ...F0 }" } else { "{ __typename }" };
    let steps: String = (0..25)
        .map(|n| format!(" fragment F{n} on {on} {{ ...F{} ...F{} }}", n + 1, n + 1))
        .collect();
    format!("{start}{steps} {last}")
}

#[tokio::test]
async fn fragments_that_double_are_counted_and_not_walked() {
    let app = app().await;
    for last in [
        "fragment F25 on Query { __typename }",
        // Nothing at the end: the walk alone is the cost.
        "",
        "fragment F25 on Query { ...Missing }",
        "fragment F25 on Query { ... { ... { __typename } } }",
    ] {
        for spread_first in [true, false] {
            assert_exceeds(&app, &doubling("Query", spread_first, last), &["limit is"]).await;
        }
    }
    let inline: String = (0..9).fold("__typename".to_owned(), |inner, _| {
        format!("... {{ {inner} }} ... {{ {inner} }}")
    });
    assert_exceeds(&app, &format!("{{ {inline} }}"), &["limit is"]).await;
}

#[tokio::test]
async fn a_long_chain_of_fragments_does_not_end_the_process() {
    let app = app().await;
    for start in ["{ ...F0 }", "{ __typename }"] {
        let chain: String = (0..1_400)
            .map(|n| format!("fragment F{n} on Query{{...F{}}}", n + 1))
            .collect();
        let document = format!("{start}{chain}fragment F1400 on Query{{__typename}}");
        assert_exceeds(&app, &document, &["nested more than", "32"]).await;
    }
}

#[tokio::test]
async fn fragment_cycles_are_refused() {
    let app = app().await;
    for document in [
        "{ ...A } fragment A on Query { ...A }",
        "{ ...A } fragment A on Query { ...B } fragment B on Query { me { id } ...A }",
        "{ __typename } fragment A on Query { ...B } fragment B on Query { ...A }",
        "{ me { ...U } } fragment U on User { organization { users { ...U } } }",
    ] {
        let (code, message) = refusal(&app, document).await;
        assert_eq!(code, "INVALID");
        assert!(message.contains("spreads itself"), "{message}");
    }
}

#[tokio::test]
async fn depth_is_limited_with_and_without_fragments() {
    let app = app().await;
    // `me` and 14 times two levels of `first: 1` pages, then a leaf.
    let nested = |pairs: usize| {
        (0..pairs).fold("id".to_owned(), |inner, _| {
            format!("organization {{ users(first: 1) {{ {inner} }} }}")
        })
    };
    ok(&app.admin(), &format!("{{ me {{ {} }} }}", nested(7))).await;
    assert_exceeds(
        &app,
        &format!("{{ me {{ {} }} }}", nested(8)),
        &["18 levels of fields", "limit is 16"],
    )
    .await;
    let fragments = "{ me { ...A } } fragment A on User { organization { users(first: 1) { ...B } } }
        fragment B on User { organization { users(first: 1) { organization { users(first: 1) { ...C } } } } }
        fragment C on User { organization { users(first: 1) { organization { users(first: 1) { organization { users(first: 1) {
            organization { users(first: 1) { organization { id } } } } } } } } } }";
    assert_exceeds(&app, fragments, &["17 levels of fields", "limit is 16"]).await;
}

#[tokio::test]
async fn pages_within_pages_multiply() {
    let app = app().await;
    ok(
        &app.admin(),
        "{ organizations { id users { id email name } tenants { id name } } }",
    )
    .await;
    ok(
        &app.admin(),
        "{ organizations(first: 10) { users(first: 50) { organization { users { id name } } } } }",
    )
    .await;
    let three = "{ organizations { users { organization { users { id } } } } }";
    assert_exceeds(&app, three, &["1020101 values", "limit is 250000", "'first'"]).await;
    let connections = "{ organizationsConnection { edges { node { users { organization { users { id } } } } } } }";
    assert_exceeds(&app, connections, &["limit is 250000"]).await;
    // Sizes may come from variables and their defaults; one that is no size counts as the largest.
    let document = "query($n: PageSize! = 5) { organizations(first: $n) { users(first: $n) { organization { users(first: $n) { id } } } } }";
    app.admin().ok(document, json!({})).await;
    app.admin().ok(document, json!({ "n": 7 })).await;
    for n in [json!(100), json!(100_000), json!("x"), json!(-1), json!(null)] {
        assert_eq!(
            app.admin().code(document, json!({ "n": n })).await,
            "LIMIT_EXCEEDED",
            "{n}"
        );
    }
}

#[tokio::test]
async fn fields_and_their_repetitions_are_counted() {
    let app = app().await;
    let aliases = |count: usize| (0..count).map(|n| format!(" a{n}: countUsers")).collect::<String>();
    ok(&app.admin(), &format!("{{{}}}", aliases(15))).await;
    assert_exceeds(
        &app,
        &format!("{{{}}}", aliases(16)),
        &["'countUsers' is selected 16 times", "limit is 15"],
    )
    .await;
    let through_fragments = format!(
        "{{ ...A ...B }} fragment A on Query {{{}}} fragment B on Query {{ b: countUsers }}",
        aliases(15)
    );
    assert_exceeds(&app, &through_fragments, &["16 times"]).await;
    let below: String = (0..16).map(|n| format!(" a{n}: id")).collect();
    assert_exceeds(&app, &format!("{{ me {{{below}}} }}"), &["'id' is selected 16 times"]).await;

    let top: String = ["countUsers", "countTenants", "countOrganizations"]
        .iter()
        .flat_map(|field| (0..11).map(move |n| format!(" {field}{n}: {field}")))
        .collect();
    assert_exceeds(&app, &format!("{{{top}}}"), &["33 fields at its top", "limit is 30"]).await;

    let long = "a".repeat(256);
    assert_exceeds(
        &app,
        &format!("{{ me {{ {long}: id }} }}"),
        &["256 characters in one alias", "limit is 255"],
    )
    .await;

    let variables: String = (0..101).map(|n| format!("$v{n}: Int ")).collect();
    assert_exceeds(
        &app,
        &format!("query({variables}) {{ __typename }}"),
        &["101 variables", "limit is 100"],
    )
    .await;
    let ids = "\"a\" ".repeat(10_001);
    assert_exceeds(
        &app,
        &format!("{{ countUsers(where: {{idIn: [{ids}]}}) }}"),
        &["limit is 10000"],
    )
    .await;
    let padding = "x".repeat(256 * 1024);
    assert_exceeds(
        &app,
        &format!("{{ __typename }} #{padding}"),
        &["bytes", "limit is 262144"],
    )
    .await;
    // A long text is one value, whatever it holds.
    let text = "{ } \\\" # ".repeat(5_000);
    ok(&app.admin(), &format!("{{ countUsers(where: {{name: \"{text}\"}}) }}")).await;
    ok(
        &app.admin(),
        &format!(
            "{{ countUsers(where: {{name: \"\"\"{}\"\"\"}}) }}",
            "{ \" \"\" ".repeat(5_000)
        ),
    )
    .await;
}

#[tokio::test]
async fn thousands_of_unknown_fields_get_a_short_answer() {
    let app = app().await;
    for count in [900, 5_000] {
        let fields: String = (0..count).map(|n| format!(" unknown{n}")).collect();
        for document in [
            format!("{{ me {{{fields}}} }}"),
            format!("{{ me {{ id }} ...F }} fragment F on User {{{fields}}}"),
        ] {
            let reply = app
                .send(app.admin().request("/graphql", &json!({ "query": document })))
                .await;
            let errors = reply.json()["errors"].as_array().unwrap().len();
            assert!(
                errors <= 8 && reply.body.len() < 4_000,
                "{errors} errors, {} bytes",
                reply.body.len()
            );
        }
    }
    let name = "n".repeat(200_000);
    for document in [
        format!("{{ {name} }}"),
        format!("{{ ...{name} }}"),
        format!("{{ me {{ id }} }} fragment {name} on Query {{ ...{name} }}"),
        format!("{{ countUsers(where: \"{name}\") }}"),
        format!("{{ countUsers({name}: 1) }}"),
        format!("{{ __typename @{name} }}"),
        format!("query {name} {{ me {{ id }} }} query b {{ x }}"),
        format!("{{ me {{ id {name}! }} }}"),
    ] {
        let reply = app
            .send(app.admin().request("/graphql", &json!({ "query": document })))
            .await;
        assert!(reply.json()["errors"].is_array());
        assert!(reply.body.len() < 4_000, "{} bytes", reply.body.len());
    }
}

#[tokio::test]
async fn directives_are_known_and_stand_once() {
    let app = app().await;
    let admin = app.admin();
    assert_eq!(
        ok(&admin, "{ __typename @include(if: true) @skip(if: false) }").await,
        json!({ "__typename": "Query" })
    );
    assert_eq!(
        ok(&admin, "{ __typename ... @include(if: false) { me { id } } }").await,
        json!({ "__typename": "Query" })
    );
    for document in [
        "{ __typename @unknown }",
        "{ me { id @unknown } }",
        "{ __typename @include(if: true) @include(if: true) }",
        "{ me { id @skip(if: false) @skip(if: true) } }",
        "{ ... @unknown { __typename } }",
        "{ ...F @include(if: true) @include(if: false) } fragment F on Query { __typename }",
        "{ __typename @deprecated }",
        "query @include(if: true) { __typename }",
        "query @unknown { __typename }",
        "query($a: Int @unknown) { users(skip: $a) { id } }",
        "{ ...F } fragment F on Query @unknown { __typename }",
        "{ me @include { id } }",
        "{ me @include(if: \"yes\") { id } }",
        "{ me @include(if: $missing) { id } }",
    ] {
        let (code, message) = refusal(&app, document).await;
        assert_eq!(code, "INVALID", "{document}: {message}");
    }
    let many = "@skip(if: false) ".repeat(5_000);
    assert_exceeds(
        &app,
        &format!("{{ __typename {} }}", &many[..17 * 1_200]),
        &["1200 directives", "limit is 4"],
    )
    .await;
    assert_exceeds(&app, &format!("{{ __typename {many} }}"), &["limit is"]).await;
}

#[tokio::test]
async fn a_document_holds_one_sensitive_mutation() {
    let app = app().await;
    let before = app.dump().await;
    let one = |alias: usize| {
        format!(
            " a{alias}: updatePassword(where: {{id: \"admin\"}}, data: {{oldPassword: \"{alias}\", newPassword1: \"x\", newPassword2: \"x\"}}) {{ id }}"
        )
    };
    let hundred: String = (0..100).map(one).collect();
    assert_exceeds(&app, &format!("mutation {{{hundred}}}"), &["limit is"]).await;
    let (first, second) = (one(1), one(2));
    for document in [
        format!("mutation {{ {first} {second} }}"),
        format!("mutation {{ {first} ...F }} fragment F on Mutation {{ {second} }}"),
        format!("mutation {{ ... {{ {first} }} ... on Mutation {{ {second} }} }}"),
        format!("mutation {{ {first} createApiKey(data: {{name: \"k\"}}) {{ secret }} }}"),
        format!("mutation {{ {first} resetPassword(where: {{id: \"admin\"}}) {{ id }} }}"),
        format!("mutation {{ {first} completePasswordReset(token: \"t\", newPassword: \"x\") }}"),
    ] {
        assert_exceeds(&app, &document, &["2 sensitive mutations", "limit is 1"]).await;
    }
    assert_eq!(before, app.dump().await);
}

#[tokio::test]
async fn every_limit_holds_before_the_caller_is_known() {
    let app = app().await;
    let answer = app.anonymous().send(&doubling("Query", true, ""), json!({})).await;
    assert_leaks_nothing(&answer.to_string());
    assert_eq!(answer["errors"][0]["extensions"]["code"], "LIMIT_EXCEEDED");
}

#[tokio::test]
async fn what_is_merged_costs_more() {
    let app = app().await;
    ok(
        &app.admin(),
        "{ users { effectiveVariables } tenants { effectiveVariables } }",
    )
    .await;
    let below = "{ organizations { users(first: 60) { effectiveVariables } } }";
    let words = [
        "costs 300101",
        "6101 values, 6000 of them effective variables, at 50 each",
        "limit is 250000",
    ];
    assert_exceeds(&app, below, &words).await;
    let sources = "{ organizations { users(first: 60) { effectiveVariableSources { path } } } }";
    assert_exceeds(&app, sources, &["6000 of them effective variables"]).await;
    let filtered = below.replace("(first: 60)", "(first: 60, where: {name: \"a\"})");
    assert_exceeds(
        &app,
        &filtered,
        &["6000 of them effective variables", "1 conditions, at 100 each"],
    )
    .await;
}
