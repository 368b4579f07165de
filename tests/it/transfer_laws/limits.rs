//! Files that are longer, wider or deeper than what a directory takes: a fault, or refused rows, and all else is in.

use serde_json::{Value, json};
use tenantry::transfer::kind::Kind;

use super::{BY_HAND, done, exported, on, record, take, told, user, written};
use crate::keep::{asked, names};
use crate::on_both;
use crate::support::binary::text;
use crate::support::{App, Backend, TestDatabase};

/// A record of more than the 16 MiB that a line may have.
const LINE_BYTES: usize = 17 * 1024 * 1024;

#[test]
fn a_line_that_is_too_long_is_a_fault() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("absent.db").display());
    let long = user("long", json!({"name": "x".repeat(LINE_BYTES)}));
    let ends = r#"{"type":"tenantry","version":1,"end":true}"#;
    for head in [BY_HAND, ends] {
        let file = written(
            folder.path(),
            "long.ndjson",
            format!("{head}\n{}\n{long}\n", user("first", json!({}))),
        );
        let output = on(&url, &["import", file.to_str().unwrap()]);
        assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
        let words = text(&output.stderr);
        assert!(words.contains("16 MiB") && words.contains("line 3"), "{words}");
        assert!(words.len() < 2_000, "the message has {} bytes", words.len());
        assert_eq!(names(folder.path()), ["long.ndjson"]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_that_are_too_wide_or_too_deep_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let database = TestDatabase::new(Backend::Sqlite).await;
    let acme = record("organization", json!({"id": "acme", "name": "Acme"}));
    let first = written(folder.path(), "acme.ndjson", format!("{BY_HAND}\n{acme}\n"));
    done(&database.url, &["import", first.to_str().unwrap()]);
    let nested = |levels: usize| format!("{}1{}", "[".repeat(levels), "]".repeat(levels));
    let deep = |id: &str, levels: usize| {
        format!(
            "{{\"type\":\"user\",\"id\":\"{id}\",\"organizationId\":\"acme\",\"variables\":{{\"a\":{}}}}}",
            nested(levels)
        )
    };
    let wide = format!("email\na@example.com{}\nb@example.com\n", ",x".repeat(10_000));
    let heading = format!("email{}\n", ",".repeat(10_000));
    // 32 levels with the object around the list.
    let native = [
        BY_HAND.to_owned(),
        deep("d31", 31),
        deep("d32", 32),
        deep("d200", 200),
        deep("d100000", 100_000),
        user("last", json!({})),
    ];
    for (name, content, code, refused) in [
        ("wide.csv", wide, 3, 1),
        ("heading.csv", heading, 1, 0),
        ("deep.ndjson", native.join("\n"), 3, 3),
    ] {
        let file = written(folder.path(), name, content);
        let output = on(
            &database.url,
            &["import", "--organization", "acme", file.to_str().unwrap()],
        );
        assert_eq!(output.status.code(), Some(code), "{name}: {}", told(&output));
        if refused > 0 {
            let errors = std::fs::read_to_string(folder.path().join(format!("{name}.errors.ndjson"))).unwrap();
            assert_eq!(errors.lines().count(), refused, "{name}: {errors}");
            assert!(errors.len() < 5_000, "{name}: a message has {} bytes", errors.len());
            // Each with its id and the member that is wrong, however deep it is.
            let of_variables = errors
                .lines()
                .filter(|line| line.contains("'variables'") && line.contains("\"id\":\"d"));
            assert_eq!(
                of_variables.count(),
                if name == "deep.ndjson" { 3 } else { 0 },
                "{errors}"
            );
        }
    }
    let there = "SELECT COALESCE(email, id) AS one FROM users WHERE id <> 'admin' ORDER BY 1";
    assert_eq!(asked(&database.url, there).await, ["b@example.com", "d31", "last"]);
}

on_both! {
    async fn a_user_in_a_thousand_groups(app: App) {
        app.organization("acme", &[]).await;
        let id = |number: u32| format!("0199c000-0000-7000-8000-{number:012x}");
        let mut lines: Vec<String> = (0..1_000)
            .map(|number| record("group", json!({"id": id(number), "organizationId": "acme", "name": format!("Group {number}")})))
            .collect();
        let all: Vec<String> = (0..1_000).map(id).collect();
        lines.push(user("ada", json!({"groups": all})));
        // By their names, and each twice.
        let named: Vec<String> = (0..1_000).chain(0..1_000).map(|number| format!("Group {number}")).collect();
        lines.push(user("bob", json!({"groups": named})));
        let taken = take(&app, &lines, |_| {}).await;
        assert_eq!((taken.of(Kind::User).created, taken.refused.len()), (2, 0));
        assert_eq!(app.number("SELECT COUNT(*) FROM group_members").await, 2_000);
        let again = take(&app, &lines, |_| {}).await;
        assert_eq!((again.of(Kind::User).unchanged, again.of(Kind::Group).unchanged), (2, 1_000));
        let exported = exported(&app.database.url, &["--organization", "acme", "--only", "user"]);
        let ada: Value = serde_json::from_str(exported.lines().nth(1).unwrap()).unwrap();
        assert_eq!(ada["groups"].as_array().unwrap().len(), 1_000);
    }

    async fn a_user_with_501_settings(app: App) {
        app.organization("acme", &[]).await;
        let mut lines = vec![user("ada", json!({}))];
        lines.extend((0..501).map(|number| record("setting", json!({"userId": "ada", "key": format!("k{number:03}"), "value": number}))));
        let taken = take(&app, &lines, |_| {}).await;
        assert_eq!((taken.of(Kind::Setting).created, taken.of(Kind::Setting).refused), (500, 1));
        assert_eq!(taken.refused[0]["line"], 503, "{:#?}", taken.refused);
        assert_eq!(app.number("SELECT COUNT(*) FROM settings").await, 500);
        // Those who are in stay, and can be changed.
        let again = take(&app, &lines, |_| {}).await;
        assert_eq!((again.of(Kind::Setting).unchanged, again.of(Kind::Setting).refused), (500, 1));
    }

    async fn roles_for_many_tenants(app: App) {
        app.organization("acme", &[]).await;
        let mut lines: Vec<String> = (0..1_001)
            .map(|number| record("tenant", json!({"id": format!("t{number}"), "organizationId": "acme", "name": format!("Tenant {number}")})))
            .collect();
        let roles = |count: u32| -> Vec<Value> { (0..count).map(|number| json!({"id": "user", "tenantId": format!("t{number}")})).collect() };
        lines.push(user("within", json!({"roles": roles(100)})));
        lines.push(user("above", json!({"roles": roles(101)})));
        lines.push(user("far", json!({"roles": roles(1_001)})));
        lines.push(user("last", json!({"tenantId": "t1000"})));
        let taken = take(&app, &lines, |_| {}).await;
        assert_eq!((taken.of(Kind::Tenant).created, taken.of(Kind::User).created), (1_001, 2), "{:#?}", taken.refused);
        let codes: Vec<&str> = taken.refused.iter().map(|told| told["code"].as_str().unwrap()).collect();
        assert_eq!(codes, ["LIMIT_EXCEEDED", "LIMIT_EXCEEDED"]);
    }

    async fn many_identities_and_permissions(app: App) {
        app.organization("acme", &[]).await;
        let identities = |count: u32| -> Vec<Value> {
            (0..count).map(|number| json!({"identityProvider": format!("p{number}"), "userId": "1"})).collect()
        };
        let mut lines = vec![user("within", json!({"federatedIdentities": identities(20)})), user("above", json!({"federatedIdentities": identities(21)}))];
        lines.push(record("role", json!({"organizationId": "acme", "name": "all", "permissions": vec!["read:user"; 5_000]})));
        lines.push(user("last", json!({})));
        let taken = take(&app, &lines, |_| {}).await;
        assert_eq!((taken.of(Kind::User).created, taken.of(Kind::User).refused), (2, 1), "{:#?}", taken.refused);
        assert_eq!(app.number("SELECT COUNT(*) FROM federated_identities").await, 20);
    }
}
