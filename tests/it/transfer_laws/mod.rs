//! What imports and exports keep, whatever is in a file and whatever happens meanwhile.
//!
//! Some of these tests try what chance brings: a few times, and often if `TENANTRY_TEST_SOAK` is set (`make soak`). Each
//! says the seed it failed with, and `TENANTRY_TEST_SEED` repeats it.

mod columns;
mod damage;
mod directory;
mod disk;
mod faults;
mod killed;
mod leaks;
mod limits;
mod meanwhile;
mod refused;
mod round_trip;
mod together;

use std::collections::{BTreeMap, VecDeque};
use std::path::{Path, PathBuf};
use std::process::Output;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tenantry::model::Clock;
use tenantry::transfer::format::Reader;
use tenantry::transfer::intake::{self, Options, Stopped};
use tenantry::transfer::kind::Kind;
use tenantry::transfer::record::{Fault, Notes, Row};
use tenantry::transfer::report::{Counts, Report};
use tenantry::transfer::source::{How, Source};

use crate::keep::meddle;
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

/// A file that somebody has written.
fn by_hand(folder: &Path, name: &str, records: &[String]) -> PathBuf {
    written(folder, name, format!("{BY_HAND}\n{}\n", records.join("\n")))
}

/// The rows of a file. Before one of them, others may do something.
struct Rows {
    rows: VecDeque<Row>,
    given: usize,
    act: Option<(usize, Box<dyn FnOnce() + Send>)>,
    /// The row before which the file cannot be read any further.
    broken: Option<(usize, Fault)>,
}

impl Rows {
    fn of(lines: &[String]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = by_hand(folder.path(), "some.ndjson", lines);
        let source = Source::open(&[file], &How::new(Clock::System.now())).unwrap();
        let mut reader = source.reader().unwrap();
        let mut all = Self {
            rows: VecDeque::new(),
            given: 0,
            act: None,
            broken: None,
        };
        loop {
            match reader.next() {
                Ok(Some(row)) => all.rows.push_back(row),
                Ok(None) => return all,
                Err(fault) => {
                    all.broken = Some((all.rows.len(), fault));
                    return all;
                }
            }
        }
    }

    /// Fails before this row, as a disk does.
    fn broken_at(mut self, row: usize) -> Self {
        self.broken = Some((row, Fault::new("The file cannot be read.")));
        self
    }

    /// Executes these statements before this row.
    fn meanwhile(mut self, row: usize, app: &App, statements: &[&str]) -> Self {
        let url = app.database.url.clone();
        let statements: Vec<String> = statements.iter().map(|sql| (*sql).to_owned()).collect();
        // On a thread of its own: the import's is waiting.
        let act = move || {
            let other = std::thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build()
                    .unwrap();
                let statements: Vec<&str> = statements.iter().map(String::as_str).collect();
                runtime.block_on(meddle(&url, &statements));
            });
            other.join().unwrap();
        };
        self.act = Some((row, Box::new(act)));
        self
    }
}

impl Reader for Rows {
    fn next(&mut self) -> Result<Option<Row>, Fault> {
        if self.broken.as_ref().is_some_and(|(at, _)| *at == self.given)
            && let Some((_, fault)) = self.broken.take()
        {
            return Err(fault);
        }
        if self.act.as_ref().is_some_and(|(at, _)| *at == self.given)
            && let Some((_, act)) = self.act.take()
        {
            act();
        }
        self.given += 1;
        Ok(self.rows.pop_front())
    }

    fn notes(&self) -> Notes {
        Notes::default()
    }
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

    fn total(&self, of: impl Fn(&Counts) -> u64) -> u64 {
        self.counts.values().map(of).sum()
    }

    fn codes(&self) -> Vec<&str> {
        self.refused.iter().map(|told| told["code"].as_str().unwrap()).collect()
    }

    /// Fails unless the whole file was read.
    fn ended(self) -> Self {
        assert!(self.done.is_ok(), "{:?}", self.done);
        self
    }
}

/// Imports these lines, to the end.
async fn take(app: &App, lines: &[String], set: impl FnOnce(&mut Options)) -> Taken {
    take_rows(app, Rows::of(lines), set).await.ended()
}

async fn take_rows(app: &App, mut rows: Rows, set: impl FnOnce(&mut Options)) -> Taken {
    let mut options = Options {
        keep_first_start: true,
        now: Clock::System.now(),
        ..Options::default()
    };
    set(&mut options);
    let mut refused = Vec::new();
    let mut report = Report::new(|told| refused.push(serde_json::to_value(told).unwrap()));
    let done = intake::import(&app.machine(), &mut rows, &options, &mut report).await;
    let counts = report.counts.clone();
    drop(report);
    Taken { done, counts, refused }
}

/// The place of a record in a file: each kind comes after the one before.
fn rank(record: &str) -> usize {
    let kinds = [
        "resourceServer",
        "permission",
        "organization",
        "tenant",
        "role",
        "group",
        "user",
        "setting",
        "apiKey",
        "invitation",
    ];
    let is_of = |kind: &&str| record.starts_with(&format!("{{\"type\":\"{kind}\""));
    kinds.iter().position(is_of).unwrap()
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

/// A record of the organization `acme`.
fn of_acme(kind: &str, members: Value) -> String {
    let mut all = json!({"organizationId": "acme"});
    all.as_object_mut()
        .unwrap()
        .extend(members.as_object().unwrap().clone());
    record(kind, all)
}

/// A user of it.
fn user(id: &str, members: Value) -> String {
    let mut all = json!({ "id": id });
    all.as_object_mut()
        .unwrap()
        .extend(members.as_object().unwrap().clone());
    of_acme("user", all)
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
