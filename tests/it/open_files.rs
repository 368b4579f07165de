//! A process that may open few files: it raises the limit as far as it may, and serves as many as that is enough for.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use rustix::process::{Pid, Resource, Rlimit, prlimit};

use crate::support::binary::{Server, tenantry_after};
use crate::support::documents::ME;
use crate::support::{Backend, TestDatabase};

/// A server whose process begins with these limits.
fn limited(database: &TestDatabase, soft: u32, hard: u32) -> Server {
    let limits = format!("ulimit -Sn {soft} && ulimit -Hn {hard}");
    let command = tenantry_after(&limits, &[("TENANTRY_TRUSTED_PROXIES", "127.0.0.0/8")]);
    Server::start_by(command, &database.url)
}

fn limit(server: &Server) -> u64 {
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", server.process())).unwrap();
    let line = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"))
        .unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}

/// Asks for an answer, and says whether it comes.
fn is_served(stream: &mut TcpStream) -> bool {
    stream.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
    stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    let mut answer = [0; 512];
    let length = stream.read(&mut answer).unwrap_or(0);
    answer[..length].starts_with(b"HTTP/1.1 200 ")
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_leave_descriptors_for_the_rest() {
    let database = TestDatabase::empty(Backend::Sqlite).await;
    let server = limited(&database, 64, 300);
    let key = server.printed_key().expect("a key is printed").to_owned();
    assert_eq!(limit(&server), 300);
    let connect = || TcpStream::connect(&server.address).unwrap();
    // One for the call below.
    let mut held: Vec<TcpStream> = (0..149).map(|_| connect()).collect();
    assert!(held.iter_mut().all(is_served));
    assert_eq!(server.call(&key, ME).0, 200);
    held.extend((0..50).map(|_| connect()));
    let served = held.iter_mut().skip(149).take(2).map(is_served).collect::<Vec<_>>();
    assert_eq!(served, [true, false], "the last one waits");
    // It has its turn when another ends.
    held.remove(0);
    let mut answer = [0; 12];
    held[149].read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200");
    server.logged("300 files may be open, which is enough for 150 connections of 4096", 1);
    let log = server.log();
    assert!(!log.contains("cannot accept"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_does_not_fill_with_what_cannot_be_accepted() {
    let database = TestDatabase::empty(Backend::Sqlite).await;
    let server = limited(&database, 5_000, 5_000);
    assert_eq!(limit(&server), 5_000);
    let process = Pid::from_raw(i32::try_from(server.process()).unwrap());
    let bound = |files| {
        let limit = Rlimit {
            current: Some(files),
            maximum: Some(5_000),
        };
        prlimit(process, Resource::Nofile, limit).unwrap();
    };
    // As if others had taken them all.
    bound(3);
    let mut stream = TcpStream::connect(&server.address).unwrap();
    assert!(!is_served(&mut stream));
    let complaints = || server.logged("cannot accept a connection", 1).len();
    assert_eq!(complaints(), 1);
    bound(5_000);
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200");
    assert_eq!(complaints(), 1);
}
