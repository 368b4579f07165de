//! No password, hash, salt or digest of any sample is in anything that an import says or writes: output, refused rows, audit
//! trail, audit log.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::{BY_HAND, done, record, rounds, told, written};
use crate::audit_file::ids;
use crate::keep::asked;
use crate::support::binary::{Server, run};
use crate::support::wait::{AT_LAST, until};
use crate::support::{ADMIN_KEY, Backend, TestDatabase};

/// Each sample with the flags that it needs. `@` stands for the folder of the samples.
const SAMPLES: &[(&str, &str)] = &[
    ("native/directory.ndjson", "--with-keys --allow-super-admins"),
    ("native/directory.ndjson", "--on-conflict update"),
    ("native/handmade.ndjson", ""),
    ("native/changed.ndjson", ""),
    ("native/cut.ndjson", ""),
    ("keycloak/acme-realm.json", ""),
    ("keycloak-dir", ""),
    ("keycloak-console/realm-export.json", ""),
    ("auth0/users.ndjson", ""),
    ("auth0/passwords.ndjson", ""),
    ("auth0/bulk-import.json", ""),
    ("firebase/users.json", ""),
    ("firebase/users.json", "--hash-config @/firebase/hash-config.txt"),
    ("firebase/users.csv", "--hash-config @/firebase/hash-config.txt"),
    ("firebase/users.json", "--hash-config @/firebase/users.json"),
    ("scim/users.json", ""),
    ("scim/groups.json", ""),
    ("ldif/openldap.ldif", ""),
    ("ldif/lldap.ldif", ""),
    ("csv/clerk.csv", "--preset clerk"),
    ("csv/supabase-auth-users.csv", "--preset supabase"),
    ("csv/cognito.csv", "--preset cognito"),
    ("csv/entra-users.csv", "--preset entra"),
    ("csv/entra-bulk-create.csv", "--preset entra"),
    ("csv/google-users.csv", "--preset google"),
    ("csv/okta-people.csv", "--preset okta"),
    ("csv/wordpress-wp_users.csv", "--preset wordpress --id-prefix wp-"),
    ("csv/django-auth_user.csv", "--preset django --id-prefix dj-"),
    ("csv/laravel-users.csv", "--preset laravel"),
    ("csv/devise-users.csv", "--preset devise"),
    ("csv/aspnetusers.csv", "--preset aspnet"),
    ("csv/better-auth.csv", "--preset better-auth"),
    ("csv/people-for-update.csv", "--on-conflict update"),
    ("csv/people-excel-de.csv", "--column email=Nachname"),
    ("json/cognito-list-users.json", "--preset cognito"),
    ("json/graph-users.json", "--preset graph"),
    ("json/okta-users.json", "--preset okta"),
    ("json/kratos.json", "--preset kratos"),
    ("json/zitadel.json", "--preset zitadel"),
    ("json/fusionauth.json", "--preset fusionauth"),
    (
        "json/supertokens.json",
        "--preset supertokens --hash-config @/firebase/hash-config.txt --missing-roles create",
    ),
    ("map/example-input.json", "--format json --map @/map/example.json"),
];
const FORMATS: &[&str] = &[
    "tenantry", "csv", "json", "keycloak", "auth0", "firebase", "scim", "ldif",
];
/// Members and columns with something that opens a door.
const SECRET_NAMES: &[&str] = &[
    "password",
    "passwordhash",
    "password_hash",
    "hashed_password",
    "hashedpassword",
    "custom_password_hash",
    "secretdata",
    "salt",
    "hash",
    "digest",
    "secretkey",
    "totp_secret",
    "password_digest",
    "encrypted_password",
    "user_pass",
    "pw",
    "hashedsaltedvalue",
];

fn samples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/import-samples")
}

/// Short texts, names of algorithms and encodings are no secrets.
fn keep(found: &mut BTreeSet<String>, text: &str) {
    let text = text.trim();
    if text.chars().count() >= 10 && text.chars().any(|c| c.is_ascii_digit()) {
        found.insert(text.to_owned());
    }
}

fn of_json(value: &Value, is_secret: bool, found: &mut BTreeSet<String>) {
    match value {
        Value::String(text) if is_secret => match serde_json::from_str::<Value>(text) {
            Ok(inner @ Value::Object(_)) => of_json(&inner, true, found),
            _ => keep(found, text),
        },
        Value::Array(items) => items.iter().for_each(|item| of_json(item, is_secret, found)),
        Value::Object(members) => {
            for (name, value) in members {
                of_json(
                    value,
                    is_secret || SECRET_NAMES.contains(&name.to_lowercase().as_str()),
                    found,
                );
            }
        }
        _ => {}
    }
}

/// The cells of a line.
fn cells(line: &str, delimiter: char) -> Vec<String> {
    let (mut cells, mut quoted) = (vec![String::new()], false);
    for c in line.chars() {
        match c {
            '"' => quoted = !quoted,
            c if c == delimiter && !quoted => cells.push(String::new()),
            c => cells.last_mut().unwrap().push(c),
        }
    }
    cells
}

fn of_csv(text: &str, found: &mut BTreeSet<String>) {
    let is_secret = |heading: &String| {
        let heading = heading.split(" [").next().unwrap_or_default().trim().to_lowercase();
        SECRET_NAMES.contains(&heading.as_str()) || heading == "initial password"
    };
    let rows: Vec<Vec<String>> = text.lines().map(|line| cells(line, ',')).collect();
    let Some(start) = rows.iter().position(|row| row.iter().any(is_secret)) else {
        return;
    };
    for (at, _) in rows[start].iter().enumerate().filter(|(_, heading)| is_secret(heading)) {
        rows[start + 1..]
            .iter()
            .filter_map(|row| row.get(at))
            .for_each(|cell| keep(found, cell));
    }
}

fn of_ldif(text: &str, found: &mut BTreeSet<String>) {
    let unfolded = text.replace("\r\n", "\n").replace("\n ", "");
    for line in unfolded.lines() {
        let Some(value) = line.strip_prefix("userPassword:") else {
            continue;
        };
        let decoded = match value.strip_prefix(':') {
            Some(encoded) => String::from_utf8(STANDARD.decode(encoded.trim()).unwrap()).unwrap(),
            None => value.to_owned(),
        };
        keep(found, value.trim_start_matches(':'));
        keep(found, decoded.rsplit('}').next().unwrap());
    }
}

fn of_file(path: &Path, found: &mut BTreeSet<String>) {
    let bytes = std::fs::read(path).unwrap();
    let text = String::from_utf8_lossy(&bytes);
    match path.extension().and_then(|ending| ending.to_str()) {
        Some("json") => serde_json::from_str::<Value>(&text)
            .iter()
            .for_each(|value| of_json(value, false, found)),
        Some("ndjson") => {
            let lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
            lines.for_each(|line| of_json(&line, false, found));
        }
        Some("csv") => of_csv(&text, found),
        Some("ldif") => of_ldif(&text, found),
        Some("txt") => {
            let keys = text
                .lines()
                .filter_map(|line| line.trim().strip_prefix("base64_signer_key:"));
            keys.for_each(|key| keep(found, key.trim().trim_end_matches(',')));
        }
        _ => {}
    }
}

/// Everything that must never be said.
fn secrets() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for row in include_str!("../hash-vectors.tsv").lines().skip(1) {
        let columns: Vec<&str> = row.split('\t').collect();
        [columns[1], columns[3], columns[4]]
            .iter()
            .for_each(|text| keep(&mut found, text));
    }
    let mut folders = vec![samples()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => folders.push(path),
                false => of_file(&path, &mut found),
            }
        }
    }
    found
}

#[test]
fn the_samples_have_secrets() {
    let secrets = secrets();
    assert!(secrets.len() > 100, "{} secrets", secrets.len());
    for known in [
        "tenantry-sample-1",
        "Gr\u{FC}\u{DF}e-aus-K\u{F6}ln-7",
        "$2b$10$HW4foW..0SaFzdT9JKpOK.tkj/xH24MDnblLkNvZkkmWbODRkOrDq",
        "e1d43fc3a68fca110f8dc555c814831bb8676b996cac5c062da287cd87389dd9",
        "khAs4pR5n82l6KTW4B91TE4qQkyDcJdlsMgxxRORy18=",
        "3tTENJw+oq/8bLMJAJLbmAgssbP4lFxbxs0jQLbcjC5HltlQS7XZJt+r+/YexL8p7KisewzRsgrgDfvrvLrQdg==",
        "$2b$10$Xn1vZQsH3zeZuqWSHiDN/erd7pAH3G0mvdIHZn7n4sHjbMDGZ9uvW",
        "a19f7421fb19bd12aed9d96453d66d6cdbfd5805",
        "dR274scY/AOjZGNc7ozdsg47vlsYpOJ+MHtEXLeZ1QuHHzrgp2lra51WKskWqVX0nzkxbAckLttg/OBg5kJPoA==",
    ] {
        assert!(secrets.contains(known), "{known}");
    }
}

/// A database with the organization `acme`, which has so many seats.
async fn with_acme(folder: &Path, seats: Option<u32>) -> TestDatabase {
    let database = TestDatabase::new(Backend::Sqlite).await;
    let acme = json!({"id": "acme", "name": "Acme", "seatLimit": seats});
    let file = written(
        folder,
        "acme.ndjson",
        format!("{BY_HAND}\n{}\n", record("organization", acme)),
    );
    done(&database.url, &["import", file.to_str().unwrap()]);
    database
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_secret_of_a_sample_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let secrets = secrets();
    let log = folder.path().join("audit.jsonl");
    let all = with_acme(folder.path(), None).await;
    let full = with_acme(folder.path(), Some(0)).await;
    let mut told_some = Vec::new();
    let mut check = |what: &str, text: &str| {
        let leaks = secrets.iter().filter(|secret| text.contains(secret.as_str()));
        told_some.extend(leaks.map(|secret| format!("{what}: {secret}")));
    };
    let folder_of_samples = samples().display().to_string();
    for (number, (file, flags)) in SAMPLES.iter().enumerate() {
        let path = samples().join(file);
        let flags: Vec<String> = flags
            .split_whitespace()
            .map(|flag| flag.replace('@', &folder_of_samples))
            .collect();
        let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
        let format = FORMATS[number % FORMATS.len()];
        let mut cases: Vec<(&str, Vec<&str>)> = vec![(all.url.as_str(), flags.clone())];
        if number % 3 == 0 {
            cases.push((all.url.as_str(), vec!["--format", format]));
        }
        if number % 2 == 0 || rounds(0, 1) == 1 {
            cases.push((full.url.as_str(), [&flags[..], &["--passwords", "all"]].concat()));
        }
        if number % 2 == 1 || rounds(0, 1) == 1 {
            cases.push((
                full.url.as_str(),
                [&flags[..], &["--passwords", "strong", "--dry-run", "--json"]].concat(),
            ));
        }
        if rounds(0, 1) == 1 {
            cases.extend(
                FORMATS
                    .iter()
                    .map(|format| (all.url.as_str(), vec!["--format", *format])),
            );
            cases.push((all.url.as_str(), [&flags[..], &["--passwords", "none"]].concat()));
        }
        for (url, flags) in cases {
            let errors = folder.path().join("errors.ndjson");
            let _ = std::fs::remove_file(&errors);
            let fixed = [
                "import",
                "--organization",
                "acme",
                "--errors",
                errors.to_str().unwrap(),
                path.to_str().unwrap(),
                "--database-url",
                url,
            ];
            let output = run(
                &[&fixed[..], &flags[..]].concat(),
                &[("TENANTRY_AUDIT_LOG", log.to_str().unwrap())],
            );
            let words = told(&output);
            let what = format!("{file} {}", flags.join(" "));
            assert!(
                output.status.code().is_some() && !words.contains("panicked"),
                "{what}: {words}"
            );
            check(&format!("output of {what}"), &words);
            check(
                &format!("refused rows of {what}"),
                &std::fs::read_to_string(&errors).unwrap_or_default(),
            );
        }
    }
    for (name, database) in [("all", &all), ("full", &full)] {
        let trail = "SELECT COALESCE(fields, '') || ' ' || COALESCE(related, '') || ' ' || COALESCE(target_name, '') || ' ' || target_id || ' ' ||
            COALESCE(reason, '') AS one FROM audit_events";
        check(
            &format!("the trail of {name}"),
            &asked(&database.url, trail).await.join("\n"),
        );
        // A server writes the trail to the log.
        let events: usize = asked(&database.url, "SELECT COUNT(*) AS one FROM audit_events").await[0]
            .parse()
            .unwrap();
        let log = folder.path().join(format!("{name}.jsonl"));
        let variables = [
            ("TENANTRY_ADMIN_API_KEY", ADMIN_KEY),
            ("TENANTRY_AUDIT_LOG", log.to_str().unwrap()),
        ];
        let server = Server::start(&database.url, &variables);
        until("the audit log", AT_LAST, async || ids(&log).len() >= events).await;
        check(&format!("the log of {name}"), &std::fs::read_to_string(&log).unwrap());
        check(&format!("the server's own log of {name}"), &server.log());
    }
    check(
        "the log of the imports",
        &std::fs::read_to_string(&log).unwrap_or_default(),
    );
    assert!(told_some.is_empty(), "{told_some:#?}");
}
