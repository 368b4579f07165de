//! The database when it is not as one would wish: what callers see, for how long, and what is never lost.

mod failover;
mod pooler;
mod postgres_errors;
mod processes;
mod refused;
mod silence;
mod sqlite;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::binary::{Server, answer};

pub const KEY: &str = "a-key-of-this-test-0123456789";
pub const ME: &str = "{ me { id } }";
/// The secret key of sessions, and the key of the super admin.
pub const VARIABLES: [(&str, &str); 2] = [
    ("TENANTRY_ADMIN_API_KEY", KEY),
    (
        "TENANTRY_SECRET_KEY",
        "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff",
    ),
];

/// Sends a document with a new connection, and gives the status and the answer; how long it took is asserted.
pub fn call(address: &str, document: &str, limit: Duration) -> (u16, Value) {
    let body = json!({ "query": document }).to_string();
    let head = format!(
        "POST /graphql HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\nAuthorization: Bearer {KEY}\r\n\
         Accept: application/graphql-response+json\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    let started = Instant::now();
    let mut connection = TcpStream::connect(address).unwrap();
    connection.set_read_timeout(Some(limit)).unwrap();
    connection.write_all((head + &body).as_bytes()).unwrap();
    let answer = answer(connection);
    assert!(started.elapsed() < limit, "{:?}: {answer:?}", started.elapsed());
    answer
}

/// Asks for a path.
pub fn get(address: &str, path: &str) -> (u16, String) {
    let mut connection = TcpStream::connect(address).unwrap();
    connection.set_read_timeout(Some(Duration::from_secs(15))).unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    connection.write_all(request.as_bytes()).unwrap();
    let mut text = String::new();
    connection.read_to_string(&mut text).unwrap();
    let status = text.split(' ').nth(1).unwrap().parse().unwrap();
    (status, text.split_once("\r\n\r\n").unwrap().1.to_owned())
}

/// Sends the same document many times at once.
pub fn at_once(address: &str, document: &str, times: usize, limit: Duration) -> Vec<(u16, Value)> {
    let calls: Vec<_> = (0..times)
        .map(|_| {
            let (address, document) = (address.to_owned(), document.to_owned());
            std::thread::spawn(move || call(&address, &document, limit))
        })
        .collect();
    calls.into_iter().map(|call| call.join().unwrap()).collect()
}

/// A document that creates an organization.
pub fn create(id: &str) -> String {
    format!("mutation {{ createOrganization(data: {{id: \"{id}\", name: \"{id}\"}}) {{ id }} }}")
}

/// Whether somebody is told `UNAVAILABLE`, with when to try again and these words.
pub fn assert_unavailable(answer: &(u16, Value), words: &str) {
    let error = &answer.1["errors"][0];
    assert_eq!(answer.0, 503, "{answer:?}");
    assert_eq!(error["extensions"]["code"], "UNAVAILABLE", "{answer:?}");
    assert!(
        error["extensions"]["retryAfterSeconds"]
            .as_u64()
            .is_some_and(|seconds| seconds > 0),
        "{answer:?}"
    );
    assert!(error["message"].as_str().unwrap().contains(words), "{answer:?}");
}

/// Whether it works now.
pub fn works(server: &Server) -> bool {
    call(&server.address, ME, Duration::from_secs(29)).0 == 200
}
