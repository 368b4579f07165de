//! `tenantry doctor`: what it finds, and that it changes nothing.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use sea_orm::ConnectionTrait;
use tenantry::store::db::{Database, WholeFile};

use crate::support::binary::{Server, run, text};
use crate::support::postgres::is_root;
use crate::support::{Backend, TestDatabase};

const SECRET: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

/// The exit code, and the lines as (severity, subject, what it says).
fn examined(arguments: &[&str], variables: &[(&str, &str)]) -> (i32, Vec<(String, String, String)>) {
    let output = run(&[&["doctor"], arguments].concat(), variables);
    let lines = text(&output.stdout);
    let parted = lines.lines().map(|line| {
        let (severity, rest) = line.split_once(' ').unwrap();
        let (subject, says) = rest.trim_start().split_at(12);
        (
            severity.to_owned(),
            subject.trim_end().to_owned(),
            says.trim().to_owned(),
        )
    });
    (output.status.code().unwrap(), parted.collect())
}

fn found<'a>(lines: &'a [(String, String, String)], subject: &str) -> (&'a str, &'a str) {
    let line = lines.iter().find(|(_, of, _)| of == subject);
    let (severity, _, says) = line.unwrap_or_else(|| panic!("no '{subject}' in {lines:#?}"));
    (severity, says)
}

/// Does this to the database past the server.
async fn meddle(url: &str, statements: &[&str]) {
    let db = Database::connect(url).await.unwrap();
    let change = db.begin().await.unwrap();
    for sql in statements {
        change.execute_unprepared(sql).await.unwrap();
    }
    change.commit().await.unwrap();
    db.close().await;
}

fn url_of(path: &Path) -> String {
    format!("sqlite://{}", path.display())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sound_server_is_fine() {
    for backend in [Backend::Sqlite, Backend::Postgres] {
        let database = TestDatabase::empty(backend).await;
        drop(Server::start(&database.url, &[]));
        let folder = tempfile::tempdir().unwrap();
        let sound = [
            ("TENANTRY_DATABASE_URL", database.url.as_str()),
            ("TENANTRY_SECRET_KEY", SECRET),
            ("TENANTRY_PUBLIC_URL", "https://directory.example.com"),
            ("TENANTRY_SMTP_URL", "smtps://mail.example.com"),
        ];
        let (code, lines) = examined(&[], &sound);
        assert!(lines.iter().all(|(severity, _, _)| severity == "fine"), "{lines:#?}");
        assert_eq!(code, 0);
        for subject in [
            "database",
            "clock",
            "outbox",
            "content",
            "orphans",
            "seats",
            "secret key",
            "mail",
            "public URL",
        ] {
            found(&lines, subject);
        }
        assert_eq!(
            found(&lines, "content").1,
            "1 organizations, 1 tenants, 1 users, 1 API keys, 0 sessions."
        );
        let expected = if backend == Backend::Sqlite {
            "SQLite."
        } else {
            "UTF8, read committed."
        };
        assert!(found(&lines, "database").1.ends_with(expected), "{lines:#?}");

        // Each of these is one step away from it.
        let with = |name: &'static str, value: &'static str| {
            let others = sound.iter().copied().filter(move |(other, _)| {
                *other != name && !(name == "TENANTRY_MAIL_DIR" && *other == "TENANTRY_SMTP_URL")
            });
            others
                .chain([(name, value)])
                .filter(|(_, value)| !value.is_empty())
                .collect::<Vec<_>>()
        };
        let directory: &'static str = folder.path().to_str().unwrap().to_owned().leak();
        for (name, value, subject, severity) in [
            ("TENANTRY_SMTP_URL", "", "mail", "risky"),
            ("TENANTRY_SMTP_URL", "smtp://mail.example.com", "mail", "risky"),
            ("TENANTRY_SMTP_URL", "smtp://localhost", "mail", "fine"),
            ("TENANTRY_MAIL_DIR", directory, "mail", "risky"),
            (
                "TENANTRY_PUBLIC_URL",
                "http://directory.example.com",
                "public URL",
                "risky",
            ),
            ("TENANTRY_PUBLIC_URL", "http://localhost:8000", "public URL", "fine"),
            ("TENANTRY_PUBLIC_URL", "", "public URL", "fine"),
            ("TENANTRY_APP_URL", "http://app.example.com", "app URL", "risky"),
            ("TENANTRY_APP_URL", "https://app.example.com", "app URL", "fine"),
            ("TENANTRY_MAIL_TEMPLATES", directory, "templates", "fine"),
            ("TENANTRY_TRUSTED_PROXIES", "0.0.0.0/0", "proxies", "risky"),
            ("TENANTRY_PUBLIC_VARIABLES", "plan, theme", "variables", "fine"),
        ] {
            let (code, lines) = examined(&[], &with(name, value));
            assert_eq!(found(&lines, subject).0, severity, "{name}={value}: {lines:#?}");
            assert_eq!(code, if severity == "risky" { 3 } else { 0 }, "{name}={value}");
        }
        let open = [
            &with("TENANTRY_PUBLIC_URL", "")[..],
            &[("TENANTRY_LISTEN", "0.0.0.0:8000")],
        ]
        .concat();
        let (code, lines) = examined(&[], &open);
        assert_eq!((code, found(&lines, "public URL").0), (3, "wrong"));
        let (code, lines) = examined(&[], &with("TENANTRY_SECRET_KEY", ""));
        let expected = if backend == Backend::Sqlite {
            (0, "fine")
        } else {
            (3, "wrong")
        };
        assert_eq!((code, found(&lines, "secret key").0), expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_in_the_database_is_looked_at() {
    for backend in [Backend::Sqlite, Backend::Postgres] {
        let database = TestDatabase::empty(backend).await;
        let server = Server::start(&database.url, &[]);
        let key = server.printed_key().unwrap().to_owned();
        for document in [
            "mutation { createOrganization(data: {id: \"acme\", name: \"Acme\"}) { id } }",
            "mutation { createUser(data: {id: \"ann\", organizationId: \"acme\"}) { id } }",
            "mutation { createRole(data: {name: \"ours\", organizationId: \"platform\"}) { id } }",
        ] {
            let (status, answer) = server.call(&key, document);
            assert!(status == 200 && answer.get("errors").is_none(), "{answer}");
        }
        drop(server);
        let variables = [
            ("TENANTRY_DATABASE_URL", database.url.as_str()),
            ("TENANTRY_SECRET_KEY", SECRET),
        ];
        meddle(
            &database.url,
            &[
                "INSERT INTO user_roles (user_pk, role_pk, organization_pk, created_at) SELECT u.pk, r.pk, u.organization_pk, 0 FROM users u, roles r WHERE u.id = 'ann' AND r.name = 'ours'",
                "UPDATE organizations SET seat_limit = 0, seats_used = 1 WHERE id = 'acme'",
            ],
        )
        .await;
        let (code, lines) = examined(&[], &variables);
        assert_eq!(code, 3, "{lines:#?}");
        let (severity, says) = found(&lines, "orphans");
        assert_eq!(severity, "wrong");
        assert!(says.contains("1 users with a role of another organization"), "{says}");
        assert_eq!(found(&lines, "seats").0, "risky");
        // It has looked, and no more. The disk's room is everybody's.
        let (_, again) = examined(&[], &variables);
        let of_ours = |lines: Vec<(String, String, String)>| {
            lines
                .into_iter()
                .filter(|(_, subject, _)| subject != "disk")
                .collect::<Vec<_>>()
        };
        assert_eq!(of_ours(lines), of_ours(again));
        meddle(
            &database.url,
            &["UPDATE organizations SET seats_used = 7 WHERE id = 'acme'"],
        )
        .await;
        let (_, lines) = examined(&[], &variables);
        let (severity, says) = found(&lines, "seats");
        assert!(
            severity == "wrong" && says.contains("1 organizations with a seat limit keep a wrong number"),
            "{says}"
        );
    }
}

#[test]
fn a_database_that_is_not_there_is_not_made() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.db");
    let (code, lines) = examined(&[], &[("TENANTRY_DATABASE_URL", &url_of(&path))]);
    assert_eq!((code, found(&lines, "database").0), (1, "wrong"));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    // Nor by others that want one which is there.
    for command in [
        &["migrate", "status"][..],
        &["api-key", "--user", "admin"],
        &["rotate-keys"],
    ] {
        let refused = run(command, &[("TENANTRY_DATABASE_URL", &url_of(&path))]);
        assert_eq!(refused.status.code(), Some(1), "{command:?}");
        assert!(text(&refused.stderr).contains("there is no database at"), "{command:?}");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "{command:?}");
    }
    let away = [
        ("TENANTRY_DATABASE_URL", "postgres://tenantry:hidden@127.0.0.1:1/x"),
        ("TENANTRY_SECRET_KEY", SECRET),
    ];
    let (code, lines) = examined(&[], &away);
    assert_eq!((code, found(&lines, "database").0), (1, "wrong"));
    assert!(!lines.iter().any(|(_, _, says)| says.contains("hidden")), "{lines:#?}");
}

#[test]
fn settings_that_cannot_be_read_are_told() {
    let (code, lines) = examined(
        &[],
        &[("TENANTRY_LISTEN", "nowhere"), ("TENANTRY_LISTN", "127.0.0.1:1")],
    );
    assert_eq!(code, 1);
    let told: Vec<&str> = lines.iter().map(|(_, _, says)| says.as_str()).collect();
    assert_eq!(lines.len(), 2, "{told:?}");
    assert!(
        lines
            .iter()
            .all(|(severity, subject, _)| (severity.as_str(), subject.as_str()) == ("wrong", "settings"))
    );
    assert!(
        told[0].starts_with("TENANTRY_LISTN ") && told[1].starts_with("TENANTRY_LISTEN "),
        "{told:?}"
    );
}

/// A secret key that is not that of the database would only be noticed by a start, or a sign-in.
#[tokio::test(flavor = "multi_thread")]
async fn another_secret_key_is_told_on_postgresql() {
    let database = TestDatabase::empty(Backend::Postgres).await;
    let other = SECRET.replace('0', "f");
    let with = |secret| {
        [
            ("TENANTRY_DATABASE_URL", database.url.as_str()),
            ("TENANTRY_SECRET_KEY", secret),
        ]
    };
    let server = Server::start(&database.url, &[("TENANTRY_SECRET_KEY", SECRET)]);
    drop(server);
    // The first key is made by whoever rotates, or signs in.
    assert!(run(&["rotate-keys"], &with(SECRET)).status.success());
    assert_eq!(found(&examined(&[], &with(SECRET)).1, "signing key").0, "fine");
    let (code, lines) = examined(&[], &with(&other));
    let (severity, says) = found(&lines, "signing key");
    assert_eq!((code, severity), (3, "wrong"));
    assert!(
        says.contains("another secret") && says.contains("rotate-keys --now"),
        "{says}"
    );
}

#[test]
fn files_that_others_can_use_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.db");
    let url = url_of(&path);
    drop(Server::start(&url, &[]));
    let (_, lines) = examined(&[], &[("TENANTRY_DATABASE_URL", &url)]);
    assert_eq!(found(&lines, "files").0, "fine");
    assert_eq!(found(&lines, "disk").0, "fine");
    for name in ["t.db", "t.db-wal", "t.db.key"] {
        let path = folder.path().join(name);
        // Whoever closes the database last removes its log.
        std::fs::File::options().append(true).create(true).open(&path).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        let (code, lines) = examined(&[], &[("TENANTRY_DATABASE_URL", &url)]);
        let told: Vec<_> = lines.iter().filter(|(_, subject, _)| subject == "files").collect();
        assert_eq!(code, 3, "{name}: {told:?}");
        assert!(
            told.iter().all(|(severity, _, _)| severity == "risky"),
            "{name}: {told:?}"
        );
        // A log that SQLite makes now has the mode of the database.
        let advice = format!("chmod 600 {}", path.display());
        assert!(
            told.iter().any(|(_, _, says)| says.ends_with(&advice)),
            "{name}: {told:?}"
        );
        if path.exists() {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        }
    }
}

/// The server sets it when it starts; what others do with the file, or a file system without it, must be seen.
#[tokio::test(flavor = "multi_thread")]
async fn a_journal_without_wal_is_told_on_sqlite() {
    let database = TestDatabase::empty(Backend::Sqlite).await;
    drop(Server::start(&database.url, &[]));
    let variables = [
        ("TENANTRY_DATABASE_URL", database.url.as_str()),
        ("TENANTRY_SMTP_URL", "smtps://mail.example.com"),
    ];
    let (code, lines) = examined(&["--quick"], &variables);
    assert_eq!(code, 0, "{lines:#?}");
    let log = found(&lines, "log").1;
    assert!(log.contains("-wal has ") && log.ends_with(" bytes."), "{lines:#?}");
    let file = WholeFile::open(Path::new(database.url.strip_prefix("sqlite://").unwrap()));
    file.without_log().await.unwrap();
    file.close().await;
    let (code, lines) = examined(&["--quick"], &variables);
    let (severity, says) = found(&lines, "journal");
    assert_eq!((code, severity), (3, "risky"));
    assert!(says.contains("journal mode is delete"), "{says}");
    let bad = lines.iter().filter(|(severity, _, _)| severity != "fine");
    assert_eq!(bad.count(), 1, "{lines:#?}");
    // It has looked, and no more.
    assert_eq!(examined(&["--quick"], &variables).0, 3);
    drop(Server::start(&database.url, &[]));
    assert_eq!(examined(&["--quick"], &variables).0, 0);
}

/// The server starts with such keys, but cannot sign with the older ones.
#[tokio::test(flavor = "multi_thread")]
async fn an_older_signing_key_of_another_secret_is_told() {
    for backend in [Backend::Sqlite, Backend::Postgres] {
        let database = TestDatabase::empty(backend).await;
        let variables = [
            ("TENANTRY_DATABASE_URL", database.url.as_str()),
            ("TENANTRY_SECRET_KEY", SECRET),
            ("TENANTRY_SMTP_URL", "smtps://mail.example.com"),
        ];
        drop(Server::start(&database.url, &variables[1..2]));
        for _ in 0..2 {
            assert!(run(&["rotate-keys"], &variables).status.success());
        }
        assert_eq!(found(&examined(&["--quick"], &variables).1, "signing key").0, "fine");
        // What is sealed for one key does not open as another one's.
        let newest = "(SELECT sealed FROM signing_keys ORDER BY pk DESC LIMIT 1)";
        let break_it =
            format!("UPDATE signing_keys SET sealed = {newest} WHERE pk = (SELECT MIN(pk) FROM signing_keys)");
        meddle(&database.url, &[&break_it]).await;
        let (code, lines) = examined(&["--quick"], &variables);
        let (severity, says) = found(&lines, "signing key");
        assert_eq!((code, severity), (3, "wrong"), "{lines:#?}");
        assert!(says.contains("with another secret key: 1 ("), "{says}");
        let bad = lines.iter().filter(|(severity, _, _)| severity != "fine");
        assert_eq!(bad.count(), 1, "{lines:#?}");
        // The server starts, which this does not hinder.
        drop(Server::start(&database.url, &variables[1..2]));
        // One that has ended signs nothing.
        meddle(
            &database.url,
            &["UPDATE signing_keys SET ends_at = 1 WHERE pk = (SELECT MIN(pk) FROM signing_keys)"],
        )
        .await;
        assert_eq!(examined(&["--quick"], &variables).0, 0);
    }
}

/// It has no content, and so takes no space.
#[test]
fn a_log_that_grows_is_told_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.db");
    let url = url_of(&path);
    let mut server = Server::start(&url, &[]);
    server.terminate();
    server.ended();
    let log = std::fs::File::create(folder.path().join("t.db-wal")).unwrap();
    log.set_permissions(std::fs::Permissions::from_mode(0o600)).unwrap();
    log.set_len(5 << 30).unwrap();
    let (code, lines) = examined(&["--quick"], &[("TENANTRY_DATABASE_URL", &url)]);
    let (severity, says) = found(&lines, "log");
    assert_eq!((code, severity), (3, "risky"));
    assert!(says.contains("t.db-wal has 5368709120 bytes."), "{says}");
}

#[test]
fn a_test_mail_is_sent() {
    let folder = tempfile::tempdir().unwrap();
    let url = url_of(&folder.path().join("t.db"));
    drop(Server::start(&url, &[]));
    let mails = folder.path().join("mails");
    let variables = [
        ("TENANTRY_DATABASE_URL", url.as_str()),
        ("TENANTRY_MAIL_DIR", mails.to_str().unwrap()),
    ];
    // It only looks for the folder, which the server makes.
    let (code, lines) = examined(&["--mail-to", "ann@acme.example"], &variables);
    assert_eq!((code, found(&lines, "test mail").0), (3, "wrong"));
    assert!(found(&lines, "test mail").1.contains("mail folder"), "{lines:#?}");
    assert!(!mails.exists());
    drop(Server::start(&url, &variables[1..]));
    assert_eq!(mails.metadata().unwrap().permissions().mode() & 0o777, 0o700);
    let (_, lines) = examined(&["--mail-to", "Ann@Acme.example"], &variables);
    assert_eq!(found(&lines, "test mail").0, "fine");
    let written: Vec<_> = std::fs::read_dir(&mails)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    assert_eq!(written.len(), 1);
    assert!(
        std::fs::read_to_string(&written[0])
            .unwrap()
            .contains("To: ann@acme.example")
    );
    // Nobody listens there.
    let nowhere = [
        ("TENANTRY_DATABASE_URL", url.as_str()),
        ("TENANTRY_SMTP_URL", "smtp://127.0.0.1:1"),
    ];
    let (code, lines) = examined(&["--mail-to", "ann@acme.example"], &nowhere);
    assert_eq!((code, found(&lines, "test mail").0), (3, "wrong"));
    let output = run(&["doctor", "--mail-to", "nobody"], &variables);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("'nobody' is not an e-mail address"));
}

/// No command but the server makes the folder for mails.
#[test]
fn a_mail_folder_is_looked_at_and_not_made() {
    let folder = tempfile::tempdir().unwrap();
    let url = url_of(&folder.path().join("t.db"));
    drop(Server::start(&url, &[]));
    let seen = |mails: &Path| {
        let variables = [
            ("TENANTRY_DATABASE_URL", url.as_str()),
            ("TENANTRY_MAIL_DIR", mails.to_str().unwrap()),
        ];
        let (_, lines) = examined(&[], &variables);
        let (severity, says) = found(&lines, "mail folder");
        (severity.to_owned(), says.to_owned())
    };
    let mails = folder.path().join("some/mails");
    let (severity, says) = seen(&mails);
    assert!(severity == "fine" && says.contains("creates"), "{says}");
    let variables = [
        ("TENANTRY_DATABASE_URL", url.as_str()),
        ("TENANTRY_MAIL_DIR", mails.to_str().unwrap()),
    ];
    let made = run(&["api-key", "--user", "admin", "--name", "another"], &variables);
    assert!(made.status.success(), "{}", text(&made.stderr));
    assert!(!folder.path().join("some").exists());
    std::fs::create_dir_all(&mails).unwrap();
    let (severity, says) = seen(&mails);
    assert!(severity == "fine" && says.contains("can write"), "{says}");
    assert_eq!(std::fs::read_dir(&mails).unwrap().count(), 0);
    for (mode, expected) in [(0o500, "wrong"), (0o600, "wrong"), (0o700, "fine")] {
        std::fs::set_permissions(&mails, std::fs::Permissions::from_mode(mode)).unwrap();
        // Nothing is forbidden to the system's own user.
        let expected = if is_root() { "fine" } else { expected };
        assert_eq!(seen(&mails).0, expected, "{mode:o}");
    }
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    for path in [file.clone(), file.join("mails")] {
        let (severity, says) = seen(&path);
        assert!(severity == "wrong" && says.contains("not a folder"), "{says}");
    }
}
