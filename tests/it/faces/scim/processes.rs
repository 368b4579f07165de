//! Section 12.5: one directory, and two processes that are asked at the same time.

use std::io::Write;
use std::net::TcpStream;

use serde_json::{Value, json};

use super::{group_of, patch_of, user_of};
use crate::support::binary::{Server, answer};
use crate::support::database::TestDatabase;
use crate::support::wait::{AT_LAST, until_outside};
use crate::support::{Backend, PUBLIC_URL};

const ADMIN_KEY: &str = "tnt_provisioner0000000000000000000000000000000000000000000";
const SECRET: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
const AT_ONCE: usize = 8;

/// A request of an identity provider: method, path and body.
type Call = (&'static str, String, Value);

fn sent(server: &Server, key: &str, (method, path, body): &Call) -> (u16, Value) {
    let body = if body.is_null() {
        String::new()
    } else {
        body.to_string()
    };
    let request = format!(
        "{method} /scim/v2/{path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut connection = TcpStream::connect(&server.address).unwrap();
    connection.write_all(request.as_bytes()).unwrap();
    answer(connection)
}

/// The sorted statuses of calls that are made at once, every other one at the other process.
fn at_once(servers: &[Server; 2], calls: &[Call]) -> Vec<u16> {
    let mut statuses: Vec<u16> = std::thread::scope(|scope| {
        let sending: Vec<_> = calls
            .iter()
            .enumerate()
            .map(|(n, call)| scope.spawn(move || sent(&servers[n % 2], ADMIN_KEY, call).0))
            .collect();
        sending.into_iter().map(|sent| sent.join().unwrap()).collect()
    });
    statuses.sort_unstable();
    statuses
}

fn one_directory(database: &TestDatabase) {
    let variables = [
        ("TENANTRY_ADMIN_API_KEY", ADMIN_KEY),
        ("TENANTRY_SECRET_KEY", SECRET),
        ("TENANTRY_PUBLIC_URL", PUBLIC_URL),
    ];
    let servers = [0, 1].map(|_| Server::start(&database.url, &variables));
    let [one, other] = &servers;
    let id = |server: &Server, call: &Call| -> String {
        let (status, made) = sent(server, ADMIN_KEY, call);
        assert_eq!(status, 201, "{made}");
        made["id"].as_str().unwrap().to_owned()
    };
    let get = |server: &Server, path: String| sent(server, ADMIN_KEY, &("GET", path, Value::Null)).1;
    let person = |name: String| ("POST", "Users".to_owned(), user_of(json!({ "userName": name })));
    let mut taken = vec![201];
    taken.resize(AT_ONCE, 409);
    for round in 0..5 {
        // One of equal ones is created, whoever is asked.
        let equal = vec![person(format!("Lin{round}@acme.example")); AT_ONCE];
        assert_eq!(at_once(&servers, &equal), taken);
        let equal = vec![
            (
                "POST",
                "Groups".to_owned(),
                group_of(json!({"displayName": format!("Team {round}")}))
            );
            AT_ONCE
        ];
        assert_eq!(at_once(&servers, &equal), taken);
        // What is written by one process is read by the other, and all changes count.
        let (user, group) = (
            id(one, &person(format!("u{round}"))),
            id(
                other,
                &(
                    "POST",
                    "Groups".to_owned(),
                    group_of(json!({"displayName": format!("G {round}")})),
                ),
            ),
        );
        let names = [
            "title",
            "nickName",
            "locale",
            "timezone",
            "userType",
            "displayName",
            "name.givenName",
            "active",
        ];
        let changes: Vec<Call> = names
            .iter()
            .map(|name| {
                let value = if *name == "active" { json!(false) } else { json!("x") };
                (
                    "PATCH",
                    format!("Users/{user}"),
                    patch_of(json!([{"op": "replace", "path": name, "value": value}])),
                )
            })
            .collect();
        assert_eq!(at_once(&servers, &changes), [200; AT_ONCE]);
        let shown = get(other, format!("Users/{user}"));
        assert_eq!(shown, get(one, format!("Users/{user}")));
        assert_eq!(
            (
                &shown["active"],
                &shown["title"],
                &shown["name"]["givenName"],
                &shown["timezone"]
            ),
            (&json!(false), &json!("x"), &json!("x"), &json!("x"))
        );
        let join = (
            "PATCH",
            format!("Groups/{group}"),
            patch_of(json!([{"op": "add", "path": "members", "value": [{"value": user}]}])),
        );
        assert_eq!(at_once(&servers, &vec![join.clone(); AT_ONCE]), [204; AT_ONCE]);
        assert_eq!(
            get(one, format!("Groups/{group}"))["members"].as_array().unwrap().len(),
            1
        );
        // A user who is deleted while it is put in is no member.
        let gone = ("DELETE", format!("Users/{user}"), Value::Null);
        let statuses = at_once(&servers, &[gone, join]);
        assert!(statuses == [204, 204] || statuses == [204, 400], "{statuses:?}");
        assert_eq!(get(other, format!("Groups/{group}"))["members"], json!([]));
    }
    // Who is deactivated at one process is refused by the other.
    let leaver = id(one, &person("leaver@acme.example".to_owned()));
    let document =
        format!("mutation {{ impersonateUser(where: {{id: \"{leaver}\"}}, reason: \"a key\") {{ accessToken }} }}");
    let token = other.call(ADMIN_KEY, &document).1["data"]["impersonateUser"]["accessToken"]
        .as_str()
        .unwrap()
        .to_owned();
    let me: Call = ("GET", "Me".to_owned(), Value::Null);
    assert_eq!(sent(other, &token, &me).0, 200);
    let leave = (
        "PATCH",
        format!("Users/{leaver}"),
        patch_of(json!([{"op": "Replace", "path": "active", "value": "False"}])),
    );
    assert_eq!(sent(one, ADMIN_KEY, &leave).0, 200);
    until_outside("a leaver whom the other process refuses", AT_LAST, || {
        sent(other, &token, &me).0 == 401
    });
    // The last seats are given once. One is the caller's, and some are taken already.
    let active = get(one, "Users?filter=active%20eq%20true&count=0".to_owned())["totalResults"]
        .as_i64()
        .unwrap();
    let limit = format!(
        "mutation {{ updateOrganization(where: {{id: \"platform\"}}, data: {{seatLimit: {}}}) {{ id }} }}",
        active + 2
    );
    assert_eq!(other.call(ADMIN_KEY, &limit).1["errors"], Value::Null);
    let newcomers: Vec<Call> = (0..AT_ONCE).map(|n| person(format!("seat{n}"))).collect();
    let mut expected = vec![201, 201];
    expected.resize(AT_ONCE, 403);
    assert_eq!(at_once(&servers, &newcomers), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_keep_one_directory_on_sqlite() {
    one_directory(&TestDatabase::empty(Backend::Sqlite).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_keep_one_directory_on_postgresql() {
    one_directory(&TestDatabase::empty(Backend::Postgres).await);
}
