//! What imports and exports keep, whatever is in a file and whatever happens meanwhile.
//!
//! Some of these tests try what chance brings: a few times, and often if `TENANTRY_TEST_SOAK` is set (`make soak`). Each
//! says the seed it failed with, and `TENANTRY_TEST_SEED` repeats it.

mod columns;
mod damage;
mod directory;
mod disk;
mod killed;
mod leaks;
mod limits;
mod meanwhile;
mod refused;
mod round_trip;
mod together;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Output;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tenantry::model::Clock;
use tenantry::transfer::format::Reader;
use tenantry::transfer::intake::{self, Options, Stopped};
use tenantry::transfer::kind::Kind;
use tenantry::transfer::report::{Counts, Report};
use tenantry::transfer::source::{How, Source};

use crate::support::App;
use crate::support::binary::{run, text};

/// The first line of a whole directory.
const WHOLE: &str = r#"{"type":"tenantry","version":1,"scope":"everything","with":["hashes","keys"],"end":true}"#;
/// The first line of a file that somebody has written.
const BY_HAND: &str = r#"{"type":"tenantry","version":1}"#;

/// The seeds of what is tried: so many fixed ones, or so many of chance in a soak.
fn seeds(few: u64, many: u64) -> Vec<u64> {
    if let Ok(seed) = std::env::var("TENANTRY_TEST_SEED") {
        return vec![seed.parse().unwrap()];
    }
    match std::env::var_os("TENANTRY_TEST_SOAK") {
        Some(_) => (0..many).map(|_| fastrand::u64(..)).collect(),
        None => (0..few).collect(),
    }
}

/// How often something is tried.
fn rounds(few: u64, many: u64) -> u64 {
    match std::env::var_os("TENANTRY_TEST_SOAK") {
        Some(_) => many,
        None => few,
    }
}

/// The file of a whole directory with these records.
fn sealed(records: &[String]) -> String {
    let mut file = format!("{WHOLE}\n");
    for record in records {
        file.push_str(record);
        file.push('\n');
    }
    let digest: String = Sha256::digest(&file).iter().map(|byte| format!("{byte:02x}")).collect();
    let end = format!(
        "{{\"type\":\"end\",\"records\":{},\"sha256\":\"{digest}\"}}\n",
        records.len()
    );
    file + &end
}

fn written(folder: &Path, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, content).unwrap();
    path
}

/// Runs a command on a database.
fn on(url: &str, arguments: &[&str]) -> Output {
    run(&[arguments, &["--database-url", url]].concat(), &[])
}

/// The same, which must succeed.
fn done(url: &str, arguments: &[&str]) -> Output {
    let output = on(url, arguments);
    assert!(output.status.success(), "{arguments:?}: {}", told(&output));
    output
}

fn told(output: &Output) -> String {
    format!("{}{}", text(&output.stdout), text(&output.stderr))
}

/// The export of everything that another directory needs.
fn exported(url: &str, more: &[&str]) -> String {
    let arguments = [&["export", "--with-hashes", "--with-keys"][..], more].concat();
    text(&done(url, &arguments).stdout)
}

/// The first difference, if there is one.
fn assert_same(expected: &str, found: &str, when: &str) {
    let lines = expected.lines().zip(found.lines()).enumerate();
    for (number, (one, other)) in lines {
        assert_eq!(one, other, "{when}: line {}", number + 1);
    }
    assert!(
        expected == found,
        "{when}: {} and {} bytes",
        expected.len(),
        found.len()
    );
}

/// What an import in process has done.
struct Taken {
    done: Result<(), Stopped>,
    counts: BTreeMap<Kind, Counts>,
    refused: Vec<Value>,
}

impl Taken {
    fn of(&self, kind: Kind) -> Counts {
        self.counts.get(&kind).copied().unwrap_or_default()
    }

    /// Fails unless the whole file was read.
    fn ended(self) -> Self {
        assert!(self.done.is_ok(), "{:?}", self.done);
        self
    }
}

/// Imports these lines as those of a file that somebody has written.
async fn take(app: &App, lines: &[String], set: impl FnOnce(&mut Options)) -> Taken {
    take_by(app, lines, set, |reader| reader).await
}

/// The same; the reader can do something meanwhile.
async fn take_by(
    app: &App,
    lines: &[String],
    set: impl FnOnce(&mut Options),
    wrap: impl FnOnce(Box<dyn Reader>) -> Box<dyn Reader>,
) -> Taken {
    let folder = tempfile::tempdir().unwrap();
    let file = written(
        folder.path(),
        "some.ndjson",
        format!("{BY_HAND}\n{}\n", lines.join("\n")),
    );
    let how = How::new(Clock::System.now());
    let mut options = Options {
        keep_first_start: true,
        now: how.now,
        ..Options::default()
    };
    set(&mut options);
    let source = Source::open(&[file], &how).unwrap();
    let mut reader = wrap(source.reader().unwrap());
    let mut refused = Vec::new();
    let mut report = Report::new(|told| refused.push(serde_json::to_value(told).unwrap()));
    let done = intake::import(&app.machine(), reader.as_mut(), &options, &mut report).await;
    let counts = report.counts.clone();
    drop(report);
    Taken { done, counts, refused }
}

/// A record of a file that somebody has written.
fn record(kind: &str, members: Value) -> String {
    let mut record = json!({ "type": kind });
    record
        .as_object_mut()
        .unwrap()
        .extend(members.as_object().unwrap().clone());
    record.to_string()
}

/// An organization with so many users, and something of each other kind: all in files that are imported beside others.
fn crowd(organization: &str, users: usize) -> Vec<String> {
    let id = |kind: u32, number: usize| format!("0199b000-{kind:04x}-7000-8000-{number:012x}");
    let at = |number: usize| {
        format!(
            "2026-01-02T{:02}:{:02}:{:02}.000001Z",
            number / 3600 % 24,
            number / 60 % 60,
            number % 60
        )
    };
    let (role, group) = (id(1, users), id(2, users));
    let mut lines = vec![
        record(
            "organization",
            json!({
                "id": organization, "name": organization, "seatLimit": 100_000, "mailAllowed": true, "version": 2, "createdAt": at(0), "updatedAt": at(0),
            }),
        ),
        record(
            "tenant",
            json!({
                "id": format!("{organization}-north"), "organizationId": organization, "name": "North", "version": 1, "createdAt": at(0), "updatedAt": at(0),
            }),
        ),
        record(
            "role",
            json!({
                "id": role, "organizationId": organization, "name": "editor", "permissions": ["read:user"], "version": 1, "createdAt": at(0), "updatedAt": at(0),
            }),
        ),
        record(
            "group",
            json!({
                "id": group, "organizationId": organization, "name": "Everybody", "version": 1, "createdAt": at(0), "updatedAt": at(0),
                "roles": [{"id": role, "since": at(1)}],
            }),
        ),
    ];
    for number in 0..users {
        lines.push(record("user", json!({
            "id": format!("{organization}-{number}"), "organizationId": organization, "tenantId": format!("{organization}-north"),
            "email": format!("u{number}@{organization}.example"), "name": format!("User {number}"), "activated": number % 10 != 0,
            "roles": [{"id": role, "since": at(number)}], "groups": [{"id": group, "since": at(number)}],
            "federatedIdentities": [{"identityProvider": "google", "userId": number.to_string(), "userName": "u"}],
            "version": 1, "createdAt": at(number), "updatedAt": at(number),
        })));
    }
    for number in (0..users).step_by(50) {
        let owner = format!("{organization}-{number}");
        lines.push(record(
            "setting",
            json!({"userId": owner, "key": "theme", "value": {"dark": true}}),
        ));
    }
    for number in (0..users).step_by(100) {
        lines.push(record("apiKey", json!({
            "id": id(3, users + number), "userId": format!("{organization}-{number}"), "name": "nightly", "digest": hex(&format!("key {organization} {number}")),
            "version": 1, "createdAt": at(number), "updatedAt": at(number),
        })));
        lines.push(record("invitation", json!({
            "id": id(4, users + number), "organizationId": organization, "email": format!("new{number}@{organization}.example"),
            "digest": hex(&format!("invitation {organization} {number}")), "expiryDate": "2099-01-01T00:00:00.000000Z",
            "version": 1, "createdAt": at(number), "updatedAt": at(number),
        })));
    }
    lines
}

/// The SHA-256 of a text, in hex digits.
fn hex(text: &str) -> String {
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The seats that a crowd takes.
fn seats_of(users: usize) -> usize {
    users - users.div_ceil(10)
}
