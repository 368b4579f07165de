//! Databases that a server could not work with, refused at the start in words.

use std::process::Command;

use super::VARIABLES;
use crate::support::binary::{Server, run, text};
use crate::support::cluster::Cluster;
use crate::support::postgres::is_root;

/// Starts a server that must refuse to, and gives what it says.
fn refusal(url: &str) -> String {
    let mut variables = VARIABLES.to_vec();
    variables.push(("TENANTRY_DATABASE_URL", url));
    let refused = run(&["serve"], &variables);
    let said = text(&refused.stderr);
    assert_eq!(refused.status.code(), Some(1), "{url}: {said}");
    assert!(!said.contains("panicked"), "{said}");
    said
}

fn assert_refused(url: &str, words: &[&str]) {
    let said = refusal(url);
    for words in words {
        assert!(said.contains(words), "'{words}' in\n{said}");
    }
}

#[test]
fn urls_that_are_no_address() {
    for (url, words) in [
        // No piece of these passwords may be told.
        ("postgres://ada:Zq7@Xw9@db.example/people", "'@' is %40"),
        ("postgres://ada:Zq7/Xw9@db.example/people", "'/' is %2F"),
        ("postgres://ada:Zq7?Xw9@db.example/people", "'?' is %3F"),
        ("postgres://ada:Zq7#Xw9@db.example/people", "'#' is %23"),
        ("postgres://ada:Zq7:Xw9@db.example:port/people", "invalid port number"),
        (
            "postgres://ada:Zq7%zzXw9@db1.example,db2.example/people",
            "several hosts",
        ),
        (
            "postgres://ada:Zq7Xw9@db1.example:5432,db2.example:5432/people",
            "several hosts",
        ),
        (
            "postgres://ada:Zq7Xw9@db1.example/people?host=db1.example,db2.example",
            "several hosts",
        ),
        ("postgres://ada:Zq7Xw9@db.example/people?sslmode=sometimes", "sslmode"),
        ("postgres://ada:Zq7Xw9@db.example/people?ssl_mode=require", "'ssl_mode'"),
        (
            "postgres://ada:Zq7Xw9@db.example/people?target_session_attrs=any",
            "'target_session_attrs'",
        ),
        ("postgres://ada:%FFZq7Xw9@db.example/people", "is not a PostgreSQL URL"),
        (
            "mysql://ada:Zq7Xw9@db.example/people",
            "must start with sqlite:// or postgres://",
        ),
    ] {
        let said = refusal(url);
        assert!(said.contains(words), "{url}: '{words}' in\n{said}");
        assert!(!said.contains("Zq7") && !said.contains("Xw9"), "{said}");
    }
}

#[test]
fn memory_is_no_file() {
    let folder = tempfile::tempdir().unwrap();
    for (url, words) in [
        ("sqlite::memory:", "in-memory"),
        ("sqlite://:memory:", "in-memory"),
        ("sqlite://t.db?mode=memory", "in-memory"),
        ("sqlite://t.db?cache=shared&mode=memory", "in-memory"),
        ("sqlite://file::memory:?cache=shared", "in-memory"),
        ("sqlite://%3Amemory%3A", "in-memory"),
        ("sqlite://file:t.db", "without 'file:'"),
        ("sqlite://file:t.db?mode=rwc", "without 'file:'"),
        ("sqlite:file:t.db", "without 'file:'"),
        ("sqlite://t.db?mode=ro", "cannot have parameters"),
        ("sqlite://", "must name a file"),
        ("sqlite://t%00.db", "must name a file"),
    ] {
        let refused = Command::new(env!("CARGO_BIN_EXE_tenantry"))
            .env_clear()
            .env("TENANTRY_DATABASE_URL", url)
            .env("TENANTRY_LISTEN", "127.0.0.1:0")
            .current_dir(folder.path())
            .output()
            .unwrap();
        let said = text(&refused.stderr);
        assert_eq!(refused.status.code(), Some(1), "{url}: {said}");
        assert!(said.contains(words), "{url}: '{words}' in\n{said}");
        let junk: Vec<_> = std::fs::read_dir(folder.path()).unwrap().collect();
        assert!(junk.is_empty(), "{url}: {junk:?}");
    }
    // A '?' in a name is written as it is in a URL.
    let url = format!("sqlite://{}/what%3F.db", folder.path().display());
    drop(Server::start(&url, &VARIABLES));
    assert!(folder.path().join("what?.db").exists());
}

#[test]
fn databases_of_others_on_postgresql() {
    let cluster = Cluster::start(&[]);
    for (encoding, locale) in [("LATIN1", "C"), ("EUC_JP", "C"), ("SQL_ASCII", "C")] {
        let name = encoding.to_lowercase();
        cluster.sql(
            "postgres",
            &format!("CREATE DATABASE {name} ENCODING {encoding} LOCALE '{locale}' TEMPLATE template0"),
        );
        let url = cluster.url(&name);
        assert_refused(&url, &[encoding, "--encoding=UTF8"]);
        let doctor = run(&["doctor"], &[("TENANTRY_DATABASE_URL", &url)]);
        let told = text(&doctor.stdout);
        assert_eq!(doctor.status.code(), Some(1), "{told}");
        assert!(told.contains(&format!("has the encoding {encoding}")), "{told}");
    }
    // Another program's tables, in any order of what it may have made.
    for (number, (sql, words)) in [
        ("CREATE TABLE users (id int)", "table 'users'"),
        ("CREATE VIEW organizations AS SELECT 1 AS id", "table 'organizations'"),
        (
            "CREATE TABLE seaql_migrations (version varchar NOT NULL PRIMARY KEY, applied_at bigint NOT NULL); \
          INSERT INTO seaql_migrations VALUES ('m20220101_000001_create_table', 0)",
            "table 'seaql_migrations'",
        ),
        ("CREATE TABLE seaql_migrations (id int)", "table 'seaql_migrations'"),
        (
            "CREATE TABLE seaql_migrations (version varchar NOT NULL PRIMARY KEY, applied_at bigint NOT NULL); \
          CREATE TABLE sessions (id int)",
            "table 'sessions'",
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let name = format!("foreign_{number}");
        let url = cluster.create(&name);
        cluster.sql(&name, sql);
        let tables = "SELECT string_agg(relname, ' ' ORDER BY relname) FROM pg_class WHERE relkind IN ('r', 'v') AND relnamespace = 'public'::regnamespace";
        let before = cluster.sql(&name, tables);
        assert_refused(&url, &[words, "a database of its own"]);
        assert_eq!(cluster.sql(&name, tables), before);
    }
    // Users who may not do enough.
    cluster.create("owned");
    cluster.sql("postgres", "CREATE ROLE weak LOGIN PASSWORD 'Zq7Xw9'");
    let weak = cluster.url("owned").replace("tenantry@", "weak@");
    assert_refused(
        &weak,
        &[
            "'weak' may not create tables in the schema 'public'",
            "GRANT CREATE ON SCHEMA",
        ],
    );
    drop(Server::start(&cluster.url("owned"), &VARIABLES));
    assert_refused(
        &weak,
        &[
            "may not read",
            "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO weak",
        ],
    );
    cluster.sql(
        "owned",
        "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO weak",
    );
    assert_refused(
        &weak,
        &[
            "'audit_events_within'",
            "GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO weak",
        ],
    );
    cluster.sql("owned", "GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO weak");
    let server = Server::start(&weak, &VARIABLES);
    assert_eq!(
        super::call(
            &server.address,
            &super::create("acme"),
            std::time::Duration::from_secs(10)
        )
        .0,
        200
    );
    drop(server);
    // A path that leads nowhere.
    cluster.sql("postgres", "ALTER ROLE weak SET search_path = nowhere");
    assert_refused(&weak, &["search_path (nowhere)", "CREATE SCHEMA"]);
    // Another program's steps, in a schema behind ours.
    cluster.create("two");
    cluster.sql(
        "two",
        "CREATE TABLE seaql_migrations (version varchar NOT NULL PRIMARY KEY, applied_at bigint NOT NULL); \
         INSERT INTO seaql_migrations VALUES ('m20220101_000001_create_table', 0); CREATE TABLE users (id int); \
         CREATE ROLE mine LOGIN; GRANT SELECT ON ALL TABLES IN SCHEMA public TO mine; CREATE SCHEMA mine AUTHORIZATION mine",
    );
    let mine = cluster.url("two").replace("tenantry@", "mine@");
    for _ in 0..2 {
        let server = Server::start(&mine, &VARIABLES);
        assert_eq!(super::get(&server.address, "/readyz").0, 200);
    }
    assert_eq!(cluster.sql("two", "SELECT count(*) FROM public.seaql_migrations"), "1");
    // A database, a user, that are not there.
    assert_refused(&cluster.url("nobodys"), &["'nobodys'", "createdb"]);
    assert_refused(
        &cluster.url("owned").replace("tenantry@", "nobody:Zq7Xw9@"),
        &["'nobody'", "Check the user"],
    );
}

/// Every way of encryption that a URL can ask for, with a real certificate.
#[test]
fn each_sslmode_means_what_it_says_on_postgresql() {
    let cluster = Cluster::start(&[]);
    let folder = cluster.folder().to_owned();
    let openssl = |arguments: &str| {
        let made = Command::new("openssl")
            .args(arguments.split(' '))
            .current_dir(&folder)
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", text(&made.stderr));
    };
    for authority in ["ours", "theirs"] {
        openssl(&format!(
            "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN={authority} -keyout {authority}.key -out {authority}.crt"
        ));
    }
    openssl("req -newkey rsa:2048 -nodes -subj /CN=server -keyout server.key -out server.csr");
    std::fs::write(folder.join("names"), "subjectAltName=DNS:localhost").unwrap();
    openssl(
        "x509 -req -in server.csr -CA ours.crt -CAkey ours.key -CAcreateserial -days 2 -extfile names -out server.crt",
    );
    let key = folder.join("server.key");
    if is_root() {
        assert!(
            Command::new("chown")
                .arg("postgres")
                .arg(&key)
                .status()
                .unwrap()
                .success()
        );
    }
    let mut cluster = cluster;
    cluster.create("encrypted");
    let mode = |host: &str, mode: &str, authority: Option<&str>| {
        let root = authority.map_or(String::new(), |name| {
            format!("&sslrootcert={}", folder.join(name).display())
        });
        format!(
            "postgres://tenantry@{host}:{}/encrypted?sslmode={mode}{root}",
            cluster.port
        )
    };
    // Without encryption on the server's side, what demands it fails.
    for (asked, serves) in [
        ("disable", true),
        ("allow", true),
        ("prefer", true),
        ("require", false),
        ("verify-ca", false),
        ("verify-full", false),
    ] {
        let url = mode("localhost", asked, None);
        match serves {
            true => drop(Server::start(&url, &VARIABLES)),
            false => assert_refused(&url, &["does not support TLS"]),
        }
    }
    let urls: Vec<(String, Option<&str>)> = vec![
        (mode("localhost", "disable", None), None),
        (mode("localhost", "allow", None), None),
        (mode("127.0.0.1", "prefer", None), None),
        (mode("127.0.0.1", "require", None), None),
        (mode("127.0.0.1", "require", Some("ours.crt")), None),
        (
            mode("127.0.0.1", "require", Some("theirs.crt")),
            Some("Check the certificate"),
        ),
        (mode("127.0.0.1", "verify-ca", Some("ours.crt")), None),
        (
            mode("127.0.0.1", "verify-ca", Some("theirs.crt")),
            Some("Check the certificate"),
        ),
        (mode("127.0.0.1", "verify-ca", None), Some("Check the certificate")),
        (mode("127.0.0.1", "verify-ca", Some("nobodys.crt")), Some("nobodys.crt")),
        (mode("localhost", "verify-full", Some("ours.crt")), None),
        (
            mode("127.0.0.1", "verify-full", Some("ours.crt")),
            Some("Check the certificate"),
        ),
        (
            mode("localhost", "verify-full", Some("theirs.crt")),
            Some("Check the certificate"),
        ),
    ];
    cluster.stop();
    let path = |name: &str| folder.join(name).display().to_string();
    cluster.set(&[
        ("ssl", "on"),
        ("ssl_cert_file", &path("server.crt")),
        ("ssl_key_file", &path("server.key")),
    ]);
    cluster.resume();
    for (url, refused) in urls {
        match refused {
            None => {
                let server = Server::start(&url, &VARIABLES);
                assert_eq!(super::get(&server.address, "/readyz").0, 200);
                let encrypted = "SELECT bool_and(ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE application_name = 'tenantry'";
                let plain = url.contains("disable") || url.contains("allow");
                assert_eq!(
                    cluster.sql("encrypted", encrypted),
                    if plain { "f" } else { "t" },
                    "{url}"
                );
            }
            Some(words) => assert_refused(&url, &[words]),
        }
    }
}
