//! One line a request, by which it can be found again, and which tells nobody's secrets.

use serde_json::json;

use crate::support::binary::{Server, exchange};
use crate::support::{ADMIN_KEY, Backend, TestDatabase};

/// `key=value` or `key="value"` of a line.
fn fact<'a>(line: &'a str, key: &str) -> &'a str {
    let (_, rest) = line
        .split_once(&format!(" {key}="))
        .unwrap_or_else(|| panic!("no '{key}' in {line}"));
    match rest.strip_prefix('"') {
        Some(quoted) => quoted.split('"').next().unwrap(),
        None => rest.split(' ').next().unwrap(),
    }
}

#[tokio::test]
async fn a_request_leaves_one_line_without_personal_data() {
    let database = TestDatabase::empty(Backend::Sqlite).await;
    let server = Server::start(&database.url, &[("TENANTRY_ADMIN_API_KEY", ADMIN_KEY)]);
    let create = "mutation MakeAda($data: CreateUserData!) { createUser(data: $data) { id email } }";
    let data = json!({
        "id": "ada", "email": "secret.address@acme.example", "firstname": "Augusta", "lastname": "Lovelace",
        "password": "correct horse battery", "organizationId": "platform",
    });
    let (_, made) = server.call_with(ADMIN_KEY, create, &json!({ "data": data }));
    assert_eq!(made["data"]["createUser"]["id"], "ada");
    server.call(ADMIN_KEY, "query Again { me { id } }");
    let (_, conflict) = server.call_with(ADMIN_KEY, create, &json!({ "data": data }));
    assert_eq!(conflict["errors"][0]["extensions"]["code"], "CONFLICT");
    server.call(ADMIN_KEY, "{ me { id(password: \"correct horse battery\" }");
    let strange =
        "GET /nobody/secret.address@acme.example?token=tnt_hidden HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    let answer = exchange(&server.address, strange).unwrap();
    let id = answer
        .lines()
        .find_map(|line| line.strip_prefix("x-request-id: "))
        .unwrap();
    let bad = "POST /graphql HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer tnt_hidden\r\nContent-Length: 0\r\n\r\n";
    exchange(&server.address, bad).unwrap();

    let lines = server.logged(" request ", 6);
    assert_eq!(lines.len(), 6, "{}", server.log());
    let expected = [
        ("POST", "/graphql", "200", "mutation MakeAda", "admin", "-"),
        ("POST", "/graphql", "200", "query Again", "admin", "-"),
        ("POST", "/graphql", "200", "mutation MakeAda", "admin", "CONFLICT"),
        ("POST", "/graphql", "200", "-", "admin", "INVALID"),
        ("GET", "-", "404", "-", "-", "-"),
        ("POST", "/graphql", "401", "-", "-", "UNAUTHENTICATED"),
    ];
    for (line, (method, path, status, operation, actor, code)) in lines.iter().zip(expected) {
        assert_eq!(fact(line, "method"), method);
        assert_eq!(fact(line, "path"), path);
        assert_eq!(fact(line, "status"), status);
        assert_eq!(fact(line, "operation"), operation);
        assert_eq!(fact(line, "actor"), actor);
        assert_eq!(fact(line, "impersonator"), "-");
        assert_eq!(fact(line, "code"), code);
        assert!(fact(line, "micros").parse::<u64>().unwrap() > 0, "{line}");
        assert!(!line.contains('\u{1b}'), "colours for a file: {line}");
    }
    let statements: Vec<u32> = lines
        .iter()
        .map(|line| fact(line, "statements").parse().unwrap())
        .collect();
    assert!(statements[0] > statements[1], "{statements:?}");
    assert_eq!(statements[4], 0);
    assert_eq!(fact(&lines[4], "request_id"), id);
    let all = server.log();
    for secret in [
        "secret.address",
        "acme.example",
        "Augusta",
        "Lovelace",
        "correct horse",
        "tnt_hidden",
        ADMIN_KEY,
        "createUser",
        "platform.invalid",
        "token",
    ] {
        assert!(!all.contains(secret), "'{secret}' in the log:\n{all}");
    }
}

#[tokio::test]
async fn what_is_no_request_leaves_a_line_without_its_words() {
    let database = TestDatabase::empty(Backend::Sqlite).await;
    let server = Server::start(&database.url, &[("TENANTRY_ADMIN_API_KEY", ADMIN_KEY)]);
    let long = format!("GET /hidden HTTP/1.1\r\nX-Hidden: {}\r\n\r\n", "hidden".repeat(50_000));
    for (head, status) in [("GET /hidden HTTP/hidden\r\n\r\n", "400"), (&long, "431")] {
        let answer = exchange(&server.address, head).unwrap();
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
    }
    let told = server.logged("refused a head that cannot be read", 2);
    assert_eq!(told.len(), 2, "{told:#?}");
    assert!(!server.log().to_lowercase().contains("hidden"), "{}", server.log());
}

/// An id may hold any words. Whoever acts in somebody's name stands in a field of its own.
#[tokio::test]
async fn nobody_is_called_an_impersonator() {
    let database = TestDatabase::empty(Backend::Sqlite).await;
    let server = Server::start(&database.url, &[("TENANTRY_ADMIN_API_KEY", ADMIN_KEY)]);
    let make = "mutation($id: ID) { createUser(data: {id: $id, organizationId: \"platform\"}) { id } }";
    server.call_with(ADMIN_KEY, make, &json!({ "id": "bob by admin" }));
    let request = format!(
        "GET /graphql?query=%7Bme%7Bid%7D%7D HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer {ADMIN_KEY}\r\n\
         x-tenantry-impersonate-user: bob by admin\r\n\r\n"
    );
    exchange(&server.address, &request).unwrap();
    let line = &server.logged(" request ", 2)[1];
    assert_eq!(
        (fact(line, "actor"), fact(line, "impersonator")),
        ("bob by admin", "admin"),
        "{line}"
    );
}

#[tokio::test]
async fn the_line_names_the_clients_trace() {
    let database = TestDatabase::empty(Backend::Sqlite).await;
    let server = Server::start(&database.url, &[("TENANTRY_ADMIN_API_KEY", ADMIN_KEY)]);
    let valid = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let given = [
        valid,
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
        "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01 status=500",
        "secret.address@acme.example",
    ];
    for trace in given {
        let ask = format!("GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\ntraceparent: {trace}\r\n\r\n");
        exchange(&server.address, &ask).unwrap();
    }
    let twice = format!(
        "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\ntraceparent: {valid}\r\ntraceparent: {valid}\r\n\r\n"
    );
    exchange(&server.address, &twice).unwrap();
    let log = server.logged(" request ", given.len() + 1);
    let traces: Vec<&str> = log.iter().map(|line| fact(line, "traceparent")).collect();
    assert_eq!(traces, [valid, "-", "-", "-", "-", "-", "-"]);
}
