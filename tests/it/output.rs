//! Standard output and standard error that nobody reads, or that are full, decide over no request.

use std::fs::OpenOptions;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use crate::support::binary::{Server, answer, request, run, tenantry, text};
use crate::support::wait::{AT_LAST, until_outside};

const KEY: &str = "a-key-of-this-test-0123456789";

/// Where a stream goes.
#[derive(Clone, Copy, Debug, PartialEq)]
enum To {
    /// A pipe whose reader is gone.
    Closed,
    /// A disk without room.
    Full,
    /// A pipe that nobody reads from any more.
    Stalled,
    /// One that is full already.
    Jammed,
}

const ALL: [To; 4] = [To::Closed, To::Full, To::Stalled, To::Jammed];
/// What a pipe holds.
const PIPE_BYTES: usize = 64 * 1024;

/// The stream, and the end of the pipe that has to live on.
fn stream(to: To) -> (Stdio, Option<std::io::PipeReader>) {
    match to {
        To::Full => (OpenOptions::new().write(true).open("/dev/full").unwrap().into(), None),
        To::Closed => (std::io::pipe().unwrap().1.into(), None),
        To::Stalled | To::Jammed => {
            let (reader, mut writer) = std::io::pipe().unwrap();
            if to == To::Jammed {
                writer.write_all(&[b'-'; PIPE_BYTES]).unwrap();
            }
            (writer.into(), Some(reader))
        }
    }
}

fn get(address: &str, path: &str) -> Option<String> {
    let mut connection = TcpStream::connect(address).ok()?;
    connection
        .write_all(format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").as_bytes())
        .ok()?;
    let mut text = String::new();
    connection.read_to_string(&mut text).ok()?;
    text.starts_with("HTTP/1.1 200").then_some(text)
}

/// A server whose output goes there.
struct Running(Server);

impl Running {
    fn start(folder: &Path, key: Option<&str>, stdout: Stdio, stderr: Stdio) -> Self {
        let database = format!("sqlite://{}", folder.join("t.db").display());
        let variables: Vec<_> = key.map(|key| ("TENANTRY_ADMIN_API_KEY", key)).into_iter().collect();
        let server = Server::start_unheard(tenantry(&["serve"], &variables), &database, stdout, stderr);
        until_outside("a server that is ready", AT_LAST, || {
            get(&server.address, "/readyz").is_some()
        });
        Self(server)
    }

    fn call(&self, key: &str, document: &str) -> (u16, serde_json::Value) {
        let (head, body) = request(&self.0.address, key, document);
        let mut connection = TcpStream::connect(&self.0.address).unwrap();
        connection.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        connection.write_all((head + &body).as_bytes()).unwrap();
        answer(connection)
    }

    /// Every request is answered, and what it changes is there.
    fn works(&self, key: &str, calls: usize) {
        for number in 0..calls {
            let (status, body) = self.call(
                key,
                &format!("mutation {{ createOrganization(data: {{ name: \"n{number}\" }}) {{ name }} }}"),
            );
            assert_eq!(
                (status, &body["data"]["createOrganization"]["name"]),
                (200, &serde_json::json!(format!("n{number}"))),
                "{body}"
            );
        }
        assert!(get(&self.0.address, "/readyz").is_some());
    }

    fn lines_dropped(&self) -> u64 {
        let metrics = get(&self.0.address, "/metrics").unwrap();
        let line = metrics
            .lines()
            .find(|line| line.starts_with("tenantry_log_lines_dropped_total "))
            .unwrap();
        line.rsplit(' ').next().unwrap().parse().unwrap()
    }

    fn stops(mut self) {
        self.0.terminate();
        let status = self.0.ended();
        assert!(status.success(), "{status}");
    }
}

#[test]
fn a_start_without_output_serves() {
    for (stdout, stderr) in ALL.iter().flat_map(|one| ALL.map(|other| (*one, other))) {
        let folder = tempfile::tempdir().unwrap();
        let ((out, _out), (err, _err)) = (stream(stdout), stream(stderr));
        let server = Running::start(folder.path(), Some(KEY), out, err);
        server.works(KEY, 3);
        assert_eq!(
            server.lines_dropped() > 0,
            matches!(stderr, To::Closed | To::Full),
            "{stdout:?} {stderr:?}"
        );
        server.stops();
    }
}

#[test]
fn output_that_ends_under_a_running_server_ends_nothing() {
    for (stdout, stderr) in [(true, false), (false, true), (true, true)] {
        let folder = tempfile::tempdir().unwrap();
        let ((out_reader, out), (err_reader, err)) = (std::io::pipe().unwrap(), std::io::pipe().unwrap());
        let server = Running::start(folder.path(), Some(KEY), out.into(), err.into());
        server.works(KEY, 1);
        let kept: Vec<_> = [(stdout, out_reader), (stderr, err_reader)]
            .into_iter()
            .filter_map(|(closed, reader)| (!closed).then_some(reader))
            .collect();
        for number in 0..3 {
            let (status, body) = server.call(KEY, "{ me { id } }");
            assert_eq!(status, 200, "{number}: {body}");
        }
        // Lines are written a moment after the answer.
        until_outside("a dropped line that is counted", AT_LAST, || {
            !stderr || server.lines_dropped() > 0
        });
        drop(kept);
        server.stops();
    }
}

#[test]
fn a_reader_that_stalls_holds_nobody_up() {
    let folder = tempfile::tempdir().unwrap();
    let ((out, _out), (err, reader)) = (stream(To::Stalled), stream(To::Stalled));
    let server = Running::start(folder.path(), Some(KEY), out, err);
    // A pipe holds 64 KiB.
    let names = "a".repeat(60);
    for _ in 0..800 {
        assert_eq!(server.call(KEY, &format!("query {names} {{ me {{ id }} }}")).0, 200);
    }
    // Whoever reads again finds whole lines, from the first.
    let lines: Vec<String> = BufReader::new(reader.unwrap())
        .lines()
        .take(700)
        .map(Result::unwrap)
        .collect();
    assert!(lines.iter().all(|line| line.starts_with("20")), "{:?}", lines.last());
    server.stops();
}

#[test]
fn a_first_key_that_nobody_saw_can_be_replaced() {
    for to in [Some(To::Closed), Some(To::Full), Some(To::Jammed), None] {
        let folder = tempfile::tempdir().unwrap();
        let (reader, err) = std::io::pipe().unwrap();
        // Nowhere, as where a supervisor throws it away.
        let (out, _out) = to.map_or_else(|| (Stdio::null(), None), stream);
        let server = Running::start(folder.path(), None, out, err.into());
        let mut told = String::new();
        for line in BufReader::new(reader).lines().map(Result::unwrap) {
            told = told + &line + "\n";
            if line.contains("listening on") {
                break;
            }
        }
        let (_, command) = told.split_once("Create another one: tenantry ").expect("the way out");
        let command: Vec<&str> = command.lines().next().unwrap().split_whitespace().collect();
        let database = format!("sqlite://{}", folder.path().join("t.db").display());
        let made = run(&command, &[("TENANTRY_DATABASE_URL", &database)]);
        server.works(text(&made.stdout).trim(), 1);
        server.stops();
    }
}

#[test]
fn a_command_whose_answer_is_lost_fails_in_words() {
    let folder = tempfile::tempdir().unwrap();
    let database = format!("sqlite://{}", folder.path().join("t.db").display());
    let variables = [("TENANTRY_DATABASE_URL", database.as_str())];
    for arguments in [
        &["schema"][..],
        &["completions", "bash"],
        &["migrate", "up"],
        &["migrate", "status"],
    ] {
        for to in [To::Closed, To::Full] {
            let command = tenantry(arguments, &variables)
                .stdout(stream(to).0)
                .stderr(Stdio::piped())
                .spawn();
            let ended = command.unwrap().wait_with_output().unwrap();
            let told = text(&ended.stderr);
            assert_eq!(ended.status.code(), Some(1), "{arguments:?} {told}");
            assert!(
                told.contains("cannot write to standard output") && !told.contains("panic"),
                "{told}"
            );
        }
    }
    // Without standard error too, the exit code tells.
    let mut silent = tenantry(&["schema"], &variables);
    let silent = silent.stdout(stream(To::Full).0).stderr(stream(To::Full).0).status();
    assert_eq!(silent.unwrap().code(), Some(1));
    let (err, _err) = stream(To::Jammed);
    let mut silent = tenantry(&["schema"], &variables);
    assert_eq!(
        silent.stdout(stream(To::Full).0).stderr(err).status().unwrap().code(),
        Some(1)
    );
}
