//! Introspection: tools get theirs, nobody gets a large answer out of a small document.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{app, with_schema};
use crate::support::assert_leaks_nothing;

/// What `getIntrospectionQuery` of graphql-js asks with all its options on; GraphiQL sends it.
const GRAPHIQL: &str = include_str!("introspection_graphiql.graphql");
/// What the Kili SDK 26.2.4 asks, by gql 3.5 and graphql-core.
const KILI: &str = include_str!("introspection_kili.graphql");

#[tokio::test]
async fn tools_get_the_schema() {
    let app = app().await;
    for (document, path) in [
        (GRAPHIQL, "/graphql"),
        (KILI, "/graphql"),
        (KILI, "/api/label/v2/graphql"),
    ] {
        for caller in [app.anonymous(), app.admin()] {
            let reply = app.send(caller.request(path, &json!({ "query": document }))).await;
            let answer = reply.json();
            assert!(answer.get("errors").is_none(), "{answer}");
            let schema = &answer["data"]["__schema"];
            assert!(schema["types"].as_array().unwrap().len() > 30);
            let types = schema["types"].as_array().unwrap();
            let user = types.iter().find(|one| one["name"] == "User").unwrap();
            assert!(
                user["fields"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .all(|field| field["description"].is_string())
            );
            let page_size = types.iter().find(|one| one["name"] == "PageSize").unwrap();
            assert_eq!(page_size["kind"], "SCALAR");
        }
    }
}

#[tokio::test]
async fn it_is_asked_once_and_not_deep() {
    let app = app().await;
    for (document, words) in [
        (
            "{ __schema { queryType { name } } s: __schema { queryType { name } } }",
            "2 times '__schema'",
        ),
        (
            "{ ...A ...A } fragment A on Query { __schema { queryType { name } } }",
            "2 times '__schema'",
        ),
        (
            "query a { __schema { queryType { name } } } query b { __schema { queryType { name } } }",
            "2 times '__schema'",
        ),
        (
            "{ __schema { types { fields { type { fields { type { fields { name } } } } } } } }",
            "3 levels of 'fields' and 'inputFields'",
        ),
        (
            "{ __type(name: \"User\") { fields { type { fields { args { type { inputFields { name } } } } } } } }",
            "3 levels of 'fields' and 'inputFields'",
        ),
        (
            "{ __schema { types { ...T } } } fragment T on __Type { fields { type { ...U } } }
             fragment U on __Type { fields { type { inputFields { name } } } }",
            "3 levels of 'fields' and 'inputFields'",
        ),
        (
            "{ __schema { types { a: fields { name } b: fields { name } } } }",
            "the limit is 1",
        ),
        (
            "{ __schema { types { ...T ...T } } } fragment T on __Type { fields { name } }",
            "the limit is 1",
        ),
    ] {
        let error = app.admin().refusal(document, json!({ "operationName": null })).await;
        assert_eq!(error["extensions"]["code"], "LIMIT_EXCEEDED", "{document}");
        assert!(error["message"].as_str().unwrap().contains(words), "{error}");
    }
}

#[tokio::test]
async fn the_largest_answer_is_bounded() {
    let app = app().await;
    let of = "ofType { ofType { ofType {";
    let worst = format!(
        "{{ __schema {{ types {{ name description fields {{ name description args {{ name description }} type {{ {of}
            name description fields {{ name description a: description b: description args {{ name description
            type {{ name description {of} name description }} }} }} }} }} }} }} }} }} }} }} }} }} }}"
    );
    let started = Instant::now();
    let reply = app
        .send(app.anonymous().request("/graphql", &json!({ "query": worst })))
        .await;
    assert!(reply.body.len() < 3_000_000, "{} bytes", reply.body.len());
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
}

#[tokio::test]
async fn it_can_be_switched_off() {
    let app = app().await;
    let app = with_schema(app, tenantry::graphql::build(false));
    for document in [
        KILI,
        "{ __schema { queryType { name } } }",
        "{ __type(name: \"User\") { name } }",
    ] {
        let answer = app.admin().send(document, json!({})).await;
        assert_leaks_nothing(&answer.to_string());
        assert!(
            answer["data"].get("__schema").unwrap_or(&Value::Null).is_null(),
            "{answer}"
        );
        assert!(
            answer["data"].get("__type").unwrap_or(&Value::Null).is_null(),
            "{answer}"
        );
        assert!(!answer.to_string().contains("organizationRole"), "{answer}");
    }
    let answer = app.admin().ok("{ __typename me { __typename id } }", json!({})).await;
    assert_eq!(
        answer,
        json!({ "__typename": "Query", "me": { "__typename": "User", "id": "admin" } })
    );
}
