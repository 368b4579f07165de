//! Errors: their code, their words, their place in the answer.

use std::sync::Arc;

use async_graphql::extensions::{Extension, ExtensionContext, ExtensionFactory, NextExecute, NextResolve, ResolveInfo};
use async_graphql::{Response, ServerResult, Value};
use axum::http::{HeaderValue, StatusCode, header};
use sea_orm::ConnectionTrait;
use serde_json::json;

use super::{app, with_schema};
use crate::on_both;
use crate::support::{App, assert_leaks_nothing};

/// What a field called `sabotaged` in the answer does.
#[derive(Clone, Copy)]
pub(crate) enum Sabotage {
    Panic,
    Stall,
}

impl ExtensionFactory for Sabotage {
    fn create(&self) -> Arc<dyn Extension> {
        Arc::new(*self)
    }
}

#[async_graphql::async_trait::async_trait]
impl Extension for Sabotage {
    async fn execute(&self, ctx: &ExtensionContext<'_>, name: Option<&str>, next: NextExecute<'_>) -> Response {
        if let Self::Stall = self {
            std::future::pending::<()>().await;
        }
        next.run(ctx, name).await
    }

    async fn resolve(
        &self,
        ctx: &ExtensionContext<'_>,
        info: ResolveInfo<'_>,
        next: NextResolve<'_>,
    ) -> ServerResult<Option<Value>> {
        if info.alias != Some("sabotaged") {
            return next.run(ctx, info).await;
        }
        match self {
            Self::Panic => panic!("the secret cause, src/secret.rs:1"),
            Self::Stall => next.run(ctx, info).await,
        }
    }
}

pub(crate) fn sabotaged(app: App, how: Sabotage) -> App {
    with_schema(app, tenantry::graphql::builder().extension(how).finish())
}

#[tokio::test]
async fn every_error_has_a_code_and_a_sentence() {
    let app = app().await;
    for document in [
        "",
        "{",
        "}",
        "{ me { id }",
        "{ me(  { id } }",
        "query { me { id } } }",
        "{ \"text\" }",
        "{ me { id } } \u{0}",
        "{ me }",
        "{ me { id { x } } }",
        "{ nothing }",
        "{ me { nothing } }",
        "{ me { ...Missing } }",
        "{ me { ... on Nothing { id } } }",
        "{ me { ... on Tenant { id } } }",
        "{ me { id: email id } }",
        "{ users(nothing: 1) { id } }",
        "{ users(first: \"x\") { id } }",
        "{ users(first: $missing) { id } }",
        "{ users(orderBy: NOTHING) { id } }",
        "{ users(where: {nothing: 1}) { id } }",
        "{ users(where: {id: {x: 1}}) { id } }",
        "{ users(where: 7) { id } }",
        "{ users(first: 1, first: 2) { id } }",
        "{ users(first: 0) { id } }",
        "{ users(first: 101) { id } }",
        "{ users(skip: -1) { id } }",
        "query($unused: Int) { me { id } }",
        "query($a: Nothing) { users(first: $a) { id } }",
        "query($a: User) { users(first: $a) { id } }",
        "query($a: Int!) { users(skip: $a) { id } }",
        "query($a: Int = \"x\") { users(skip: $a) { id } }",
        "query($a: Int, $a: Int) { users(skip: $a) { id } }",
        "query a { me { id } } query a { me { id } }",
        "{ me { id } } query a { me { id } }",
        "{ ...F } fragment F on Query { me { id } } fragment F on Query { me { id } }",
        "{ me { id } } fragment F on Query { me { id } }",
        "subscription { me { id } }",
        "mutation { nothing }",
        "mutation { createUser { id } }",
        "mutation { createUser(data: {}) { id } }",
        "mutation { deleteUser(where: {}) { id } }",
        "mutation { deleteUser(where: {id: \"nobody\"}) { id } }",
        "{ usersConnection(after: \"nonsense\") { nodes { id } } }",
    ] {
        for caller in [app.admin(), app.anonymous()] {
            let answer = caller.send(document, json!({})).await;
            assert_leaks_nothing(&answer.to_string());
            let errors = answer["errors"]
                .as_array()
                .unwrap_or_else(|| panic!("no error: {document}\n{answer}"));
            assert!(!errors.is_empty());
            for error in errors {
                let code = error["extensions"]["code"]
                    .as_str()
                    .unwrap_or_else(|| panic!("{document}: {error}"));
                let message = error["message"].as_str().unwrap();
                assert!(message.ends_with(['.', '!', '?']), "{document}: {message}");
                assert!(
                    !message.contains(['\n', '[']) && !message.starts_with(char::is_lowercase),
                    "{document}: {message}"
                );
                assert_ne!(code, "INTERNAL", "{document}");
                for location in error["locations"].as_array().into_iter().flatten() {
                    assert!(
                        location["line"].as_u64() > Some(0) && location["column"].as_u64() > Some(0),
                        "{error}"
                    );
                }
            }
        }
    }
}

#[tokio::test]
async fn a_syntax_error_tells_the_place_and_nothing_of_the_document() {
    let app = app().await;
    let error = app
        .admin()
        .refusal("{ me {\n  id(password: \"hunter22\" ] }", json!({}))
        .await;
    let message = error["message"].as_str().unwrap();
    assert!(message.starts_with("Syntax error in line 2, column "), "{message}");
    assert!(!message.contains("hunter22"), "{message}");
    assert_eq!(error["locations"][0]["line"], 2);
}

on_both! {
    async fn what_a_mutation_did_before_a_refusal_stays(app: App) {
        app.organization("acme", &[]).await;
        let ada = app.user("acme", "ada", Some("organization-admin")).await;
        let group = |name: &str| format!("{name}: createGroup(data: {{name: \"{name}\"}}) {{ id }}");
        let document = format!("mutation {{ {} again: {} {} }}", group("first"), &group("first")[7..], group("last"));
        let answer = ada.send(&document, json!({})).await;
        let data = &answer["data"];
        assert!(data["first"]["id"].is_string() && data["again"].is_null() && data["last"]["id"].is_string(), "{answer}");
        assert_eq!(answer["errors"][0]["extensions"]["code"], "CONFLICT", "{answer}");
        assert_eq!(answer["errors"][0]["path"], json!(["again"]));
        let groups = json!({"groups": [{"name": "first"}, {"name": "last"}]});
        assert_eq!(ada.ok("{ groups(orderBy: NAME_ASC) { name } }", json!({})).await, groups);
    }

    /// The caller sees these users, and not the groups that they are in.
    async fn a_refusal_below_a_list_tells_its_whole_path(app: App) {
        app.organization("acme", &[]).await;
        app.user("acme", "bob", None).await;
        let role = "mutation { createRole(data: {name: \"reader\", permissions: [\"read:user\"], organizationId: \"acme\"}) { id } }";
        app.admin().ok(role, json!({})).await;
        let ada = app.user("acme", "ada", Some("reader")).await;
        let answer = ada.send("{ users(orderBy: ID_DESC) { id all: groups { id } } }", json!({})).await;
        assert_eq!(answer["data"], json!(null));
        assert_eq!(answer["errors"][0]["extensions"]["code"], "FORBIDDEN", "{answer}");
        let path = answer["errors"][0]["path"].as_array().unwrap();
        assert_eq!((&path[0], &path[1], &path[2], path.len()), (&json!("users"), &json!(0), &json!("all"), 3), "{answer}");
    }

    async fn the_last_error_counts_those_that_are_not_shown(app: App) {
        app.organization("acme", &[]).await;
        for number in 0..20 {
            app.admin().create_user(json!({"id": format!("u{number:02}"), "organizationId": "acme"})).await;
        }
        for (shown, first) in [(1, 1), (8, 8), (8, 9), (8, 20)] {
            let document = format!("{{ users(where: {{organization: {{id: \"acme\"}}}}, first: {first}) {{ id apiKeys(first: 0) {{ id }} }} }}");
            let answer = app.admin().send(&document, json!({})).await;
            let users = answer["data"]["users"].as_array().unwrap();
            assert!(users.len() == first && users.iter().all(|user| user["apiKeys"].is_null()), "{answer}");
            let errors = answer["errors"].as_array().unwrap();
            assert_eq!(errors.len(), shown, "{answer}");
            let last = errors.last().unwrap();
            if first > shown {
                let words = format!("{} more errors are not shown; the limit is 8.", first - (shown - 1));
                assert_eq!((last["message"].as_str(), &last["extensions"]["code"]), (Some(words.as_str()), &json!("LIMIT_EXCEEDED")));
            } else {
                assert_eq!(last["path"], json!(["users", shown - 1, "apiKeys"]));
            }
        }
    }

    async fn keys_stand_in_the_order_of_the_document(app: App) {
        let document = "{ z: me { name z: id a: email m: version } a: countUsers y: viewer { id } ...F b: countTenants }
            fragment F on Query { q: countOrganizations c: countUsers }";
        let reply = app.send(app.admin().request("/graphql", &json!({ "query": document }))).await;
        let expected = r#"{"data":{"z":{"name":"Super admin","z":"admin","a":"admin@platform.invalid","m":1},"a":1,"y":{"id":"admin"},"q":1,"c":1,"b":1}}"#;
        assert_eq!(reply.body, expected);
    }

    async fn a_failed_mutation_is_null_and_undoes_only_itself(app: App) {
        let document = "mutation {
            a: createOrganization(data: {id: \"one\", name: \"One\"}) { id }
            b: createOrganization(data: {id: \"one\", name: \"Again\"}) { id }
            c: createOrganization(data: {id: \"two\", name: \"Two\"}) { id } }";
        let answer = app.admin().send(document, json!({})).await;
        assert_eq!(answer["data"], json!({"a": {"id": "one"}, "b": null, "c": {"id": "two"}}), "{answer}");
        assert_eq!(answer["errors"].as_array().unwrap().len(), 1);
        assert_eq!(answer["errors"][0]["path"], json!(["b"]));
        assert_eq!(answer["errors"][0]["extensions"]["code"], "CONFLICT");
        let listed = app.admin().ok("{ organizations(where: {idIn: [\"one\", \"two\"]}) { name } }", json!({})).await;
        assert_eq!(listed, json!({"organizations": [{"name": "One"}, {"name": "Two"}]}));
    }

    async fn a_database_that_fails_is_our_fault_and_nobodys_business(app: App) {
        let transaction = app.services.db.begin().await.unwrap();
        transaction.execute_unprepared("ALTER TABLE users RENAME COLUMN lastname TO hidden_secret_column").await.unwrap();
        transaction.commit().await.unwrap();
        for accept in ["application/json", "application/graphql-response+json"] {
            let mut request = app.admin().request("/graphql", &json!({ "query": "{ me { id } users { lastname } }" }));
            request.headers_mut().insert(header::ACCEPT, HeaderValue::from_static(accept));
            let reply = app.send(request).await;
            assert_eq!(reply.status, StatusCode::OK);
            let answer = reply.json();
            assert_leaks_nothing(&answer.to_string().replace("\"INTERNAL\"", ""));
            let error = &answer["errors"][0];
            let words = "Something went wrong on the server. Report the request id if it happens again.";
            assert_eq!(error["message"], words);
            assert_eq!(error["path"], json!(["users"]));
            let id = reply.headers["x-request-id"].to_str().unwrap();
            assert_eq!(error["extensions"], json!({ "code": "INTERNAL", "requestId": id }));
            assert!(!reply.body.contains("hidden") && !reply.body.contains("lastname"), "{}", reply.body);
        }
    }
}

#[tokio::test]
async fn null_climbs_to_the_nearest_field_that_may_be_null() {
    let app = app().await;
    for (document, data, path) in [
        (
            "{ me { id organization { id users(first: 0) { id } } tenant { id } } }",
            json!({ "me": { "id": "admin", "organization": null, "tenant": { "id": "platform" } } }),
            json!(["me", "organization", "users"]),
        ),
        (
            "{ a: countUsers me { organization { tenants { id wrong: users(first: 0) { id } } } } }",
            json!({ "a": 1, "me": { "organization": null } }),
            json!(["me", "organization", "tenants", 0, "wrong"]),
        ),
        ("{ me { id } users(first: 0) { id } }", json!(null), json!(["users"])),
        (
            "{ me { id } organizations { id users(first: 0) { id } } }",
            json!(null),
            json!(["organizations", 0, "users"]),
        ),
        (
            "{ usersConnection { edges { node { id groups(skip: -1) { id } } } } }",
            json!(null),
            json!(["usersConnection", "edges", 0, "node", "groups"]),
        ),
        (
            "{ users { tenant { a: users(first: 1) { id organization { b: users(first: 101) { id } } } } } }",
            json!({ "users": [{ "tenant": { "a": [{ "id": "admin", "organization": null }] } }] }),
            json!(["users", 0, "tenant", "a", 0, "organization", "b"]),
        ),
    ] {
        let answer = app.admin().send(document, json!({})).await;
        assert_eq!(answer["data"], data, "{document}");
        assert_eq!(answer["errors"].as_array().unwrap().len(), 1, "{answer}");
        assert_eq!(answer["errors"][0]["path"], path);
        assert_eq!(answer["errors"][0]["extensions"]["code"], "INVALID");
    }
}

#[tokio::test]
async fn a_panic_is_internal_and_the_server_goes_on() {
    let app = sabotaged(app().await, Sabotage::Panic);
    for path in ["/graphql", "/api/label/v2/graphql"] {
        let reply = app
            .send(
                app.admin()
                    .request(path, &json!({ "query": "{ sabotaged: me { id } }" })),
            )
            .await;
        assert_eq!(reply.status, StatusCode::INTERNAL_SERVER_ERROR);
        let id = reply.headers["x-request-id"].to_str().unwrap().to_owned();
        assert_eq!(reply.headers["x-content-type-options"], "nosniff");
        let expected = json!({ "errors": [{
            "message": "Something went wrong on the server. Report the request id if it happens again.",
            "extensions": { "code": "INTERNAL", "requestId": id },
        }] });
        assert_eq!(reply.json(), expected);
        assert_eq!(
            app.admin().ok("{ me { id } }", json!({})).await,
            json!({ "me": { "id": "admin" } })
        );
    }
}

#[tokio::test]
async fn a_request_that_takes_too_long_is_unavailable() {
    let app = sabotaged(app().await, Sabotage::Stall);
    for (path, status) in [
        ("/graphql", StatusCode::SERVICE_UNAVAILABLE),
        ("/api/label/v2/graphql", StatusCode::BAD_REQUEST),
    ] {
        let reply = app
            .send(app.anonymous().request(path, &json!({ "query": "{ me { id } }" })))
            .await;
        assert_eq!(reply.status, status);
        let error = &reply.json()["errors"][0];
        assert_eq!(
            error["extensions"],
            json!({ "code": "UNAVAILABLE", "retryAfterSeconds": 1 })
        );
        assert!(reply.json().get("data").is_none());
    }
}

#[tokio::test]
async fn a_value_that_cannot_be_is_refused_in_a_true_sentence() {
    let app = app().await;
    for (document, variables, field, words) in [
        (
            "{ auditEvents(where: {from: \"yesterday\"}) { id } }",
            json!({}),
            "where.from",
            "a time from 1970 to 9999 as RFC 3339 writes it, such as 2027-01-31T12:00:00.000Z, not 'yesterday'",
        ),
        (
            "query($w: AuditEventWhere) { auditEvents(where: $w) { id } }",
            json!({"w": {"OR": [{"id": "a"}, {"before": "1969-12-31T23:59:59Z"}]}}),
            "where.OR.1.before",
            "not '1969-12-31T23:59:59Z'",
        ),
        (
            "mutation($t: DateTime) { createApiKey(data: {name: \"k\", expiryDate: $t}) { secret } }",
            json!({"t": 5}),
            "data.expiryDate",
            "'data.expiryDate' must be a time",
        ),
        (
            "{ users(where: {id: 1.5}) { id } }",
            json!({}),
            "where.id",
            "an id, as a string or a whole number",
        ),
        (
            "{ users(where: {activated: \"yes\"}) { id } }",
            json!({}),
            "where.activated",
            "true or false",
        ),
        (
            "{ users(orderBy: \"NAME_ASC\") { id } }",
            json!({}),
            "orderBy",
            "one of CREATED_AT_ASC, CREATED_AT_DESC,",
        ),
        (
            "query($o: UserOrderBy) { users(orderBy: $o) { id } }",
            json!({"o": "name"}),
            "orderBy",
            "one of CREATED_AT_ASC,",
        ),
        (
            "{ users(where: 7) { id } }",
            json!({}),
            "where",
            "an object of the type 'UserWhere'",
        ),
        (
            "{ users(where: {idIn: [\"a\", null]}) { id } }",
            json!({}),
            "where.idIn.1",
            "'where.idIn.1' must not be null",
        ),
        (
            "{ users(skip: 2147483648) { id } }",
            json!({}),
            "skip",
            "a whole number from -2147483648 to 2147483647",
        ),
        (
            "mutation { createTenant(data: {}) { id } }",
            json!({}),
            "data.name",
            "'data.name' is missing",
        ),
        (
            "mutation { createTenant { id } }",
            json!({}),
            "data",
            "needs the argument 'data'",
        ),
        (
            "query($w: UserWhere!) { users(where: $w) { id } }",
            json!({}),
            "where",
            "'$w' must have a value of the type 'UserWhere!'",
        ),
        (
            "query($n: String = \"a\") { users(where: {nameIn: [$n]}) { id } }",
            json!({"n": null}),
            "where.nameIn.0",
            "must not be null",
        ),
    ] {
        let error = app.admin().refusal(document, variables).await;
        assert_eq!(
            error["extensions"],
            json!({"code": "INVALID", "field": field}),
            "{document} {error}"
        );
        let message = error["message"].as_str().unwrap();
        assert!(message.contains(words), "{document}: {message}");
    }
}
