//! The commands of the binary, and its configuration.

use crate::support::binary::{run, text};
use crate::support::{Backend, TestDatabase};

#[test]
fn the_schema_is_the_committed_one() {
    let printed = run(&["schema"], &[]);
    assert!(printed.status.success());
    assert_eq!(
        text(&printed.stdout),
        include_str!("../../schema.graphql"),
        "run: cargo run -- schema > schema.graphql"
    );
}

#[test]
fn all_faults_are_told_together() {
    let refused = run(
        &["serve"],
        &[
            ("TENANTRY_DATABASE_URL", "mysql://root:secret-word@db/x"),
            ("TENANTRY_LISTEN", "nowhere"),
            ("TENANTRY_ADMIN_API_KEY", "too short"),
            ("TENANTRY_PUBLIC_URL", "directory.example"),
            ("TENANTRY_APP_URL", "https://app.example?x"),
            ("TENANTRY_SMTP_URL", "http://mail.example"),
            ("TENANTRY_MAIL_FROM", "nobody"),
            ("TENANTRY_GRAPHIQL", "perhaps"),
            ("TENANTRY_INTROSPECTION", "2"),
            ("TENANTRY_DATABASE", "x"),
            ("TENANTRY_LISTENS", "x"),
            ("TENANTRY_QUITE_ANOTHER", "x"),
            ("TENANTRY_SECRET_KEY", "0123-not-a-secret"),
            // Not ours.
            ("TENANTRYX", "x"),
        ],
    );
    assert_eq!(refused.status.code(), Some(1));
    assert!(refused.stdout.is_empty());
    let told = text(&refused.stderr);
    for fault in [
        "TENANTRY_DATABASE_URL (--database-url)",
        "TENANTRY_LISTEN (--listen)",
        "TENANTRY_ADMIN_API_KEY (--admin-api-key)",
        "TENANTRY_PUBLIC_URL (--public-url)",
        "TENANTRY_SMTP_URL (--smtp-url)",
        "TENANTRY_APP_URL (--app-url)",
        "TENANTRY_MAIL_FROM (--mail-from)",
        "TENANTRY_GRAPHIQL (--graphiql)",
        "TENANTRY_INTROSPECTION (--introspection)",
        "TENANTRY_DATABASE is not a variable of tenantry; perhaps TENANTRY_DATABASE_URL is meant",
        "TENANTRY_LISTENS is not a variable of tenantry; perhaps TENANTRY_LISTEN is meant",
        "TENANTRY_QUITE_ANOTHER is not a variable of tenantry; see 'tenantry --help'",
        "TENANTRY_SECRET_KEY (--secret-key) must be 64 hex digits; 'openssl rand -hex 32' makes some",
    ] {
        assert_eq!(told.matches(fault).count(), 1, "'{fault}' in\n{told}");
    }
    assert!(!told.contains("TENANTRYX"));
    for secret in ["secret-word", "too short", "not-a-secret"] {
        assert!(!told.contains(secret), "{told}");
    }
}

#[test]
fn a_flag_comes_before_a_variable() {
    let variables = [
        ("TENANTRY_LISTEN", "nowhere"),
        ("TENANTRY_DATABASE_URL", "sqlite://no/such/folder/t.db"),
    ];
    let refused = run(&["--listen", "127.0.0.1:0"], &variables);
    let told = text(&refused.stderr);
    assert!(
        !refused.status.success() && !told.contains("TENANTRY_LISTEN") && told.contains("no/such/folder"),
        "{told}"
    );
    // An empty variable is one that is not set.
    let empty = run(
        &["migrate", "status", "--database-url", "sqlite://no/such/folder/t.db"],
        &[("TENANTRY_PUBLIC_URL", ""), ("TENANTRY_LISTEN", "")],
    );
    let told = text(&empty.stderr);
    assert!(told.contains("no/such/folder"), "{told}");
    for variable in ["TENANTRY_PUBLIC_URL", "TENANTRY_LISTEN"] {
        assert!(!told.contains(variable), "{told}");
    }
}

#[test]
fn both_ways_of_mail_are_one_too_many() {
    let variables = [
        ("TENANTRY_MAIL_DIR", "mails"),
        ("TENANTRY_SMTP_URL", "smtp://user:pass-word@mail.example"),
    ];
    let told = text(&run(&["migrate", "status"], &variables).stderr);
    assert!(
        told.contains("TENANTRY_MAIL_DIR") && !told.contains("pass-word"),
        "{told}"
    );
}

#[test]
fn help_and_version_ask_for_nothing() {
    let help = text(&run(&["--help"], &[("TENANTRY_ADMIN_API_KEY", "a-key-nobody-should-see")]).stdout);
    for variable in [
        "TENANTRY_DATABASE_URL",
        "TENANTRY_LISTEN",
        "TENANTRY_ADMIN_API_KEY",
        "TENANTRY_PUBLIC_URL",
        "TENANTRY_MAIL_DIR",
        "TENANTRY_MAIL_FROM",
    ] {
        assert!(help.contains(variable), "{variable}");
    }
    assert!(!help.contains("a-key-nobody"));
    assert_eq!(
        text(&run(&["--version"], &[]).stdout),
        format!("tenantry {}\n", env!("CARGO_PKG_VERSION"))
    );
    assert!(!run(&["no-such-command"], &[]).status.success());
}

/// Every command, and every command of a command, by its words.
fn commands() -> Vec<Vec<String>> {
    fn below(path: &[String], found: &mut Vec<Vec<String>>) {
        let arguments: Vec<&str> = path.iter().map(String::as_str).chain(["--help"]).collect();
        let help = text(&run(&arguments, &[]).stdout);
        let Some((_, list)) = help.split_once("\nCommands:\n") else {
            return;
        };
        for line in list.lines().take_while(|line| !line.is_empty()) {
            let name = line.split_whitespace().next().unwrap();
            // Lines of a longer text are indented further.
            if line.starts_with("  ") && !line.starts_with("   ") && name != "help" {
                let path = [path, &[name.to_owned()]].concat();
                found.push(path.clone());
                below(&path, found);
            }
        }
    }
    let mut found = Vec::new();
    below(&[], &mut found);
    found
}

/// For people: what it does, an example of it, and only what it reads.
#[test]
fn every_command_has_help_with_an_example() {
    let commands = commands();
    let names: Vec<String> = commands.iter().map(|path| path.join(" ")).collect();
    for known in [
        "serve",
        "migrate",
        "migrate up",
        "migrate status",
        "api-key",
        "rotate-keys",
        "demo",
        "schema",
        "completions",
    ] {
        assert!(names.iter().any(|name| name == known), "{known} is not among {names:?}");
    }
    for path in commands {
        let arguments: Vec<&str> = path.iter().map(String::as_str).chain(["--help"]).collect();
        let help = run(&arguments, &[("TENANTRY_SECRET_KEY", "a-key-nobody-should-see")]);
        assert!(help.status.success() && help.stderr.is_empty(), "{path:?}");
        let help = text(&help.stdout);
        let name = path.first().unwrap();
        let (_, examples) = help
            .split_once("Example")
            .unwrap_or_else(|| panic!("no example in\n{help}"));
        assert!(examples.contains("  tenantry"), "{help}");
        if name != "serve" {
            assert!(examples.contains(&format!("tenantry {name}")), "{help}");
        }
        assert!(!help.contains("a-key-nobody"), "{help}");
        let configured = help.contains("TENANTRY_DATABASE_URL");
        assert_eq!(
            configured,
            !["schema", "completions"].contains(&name.as_str()),
            "{help}"
        );
    }
}

/// Each shell's own program reads them, if it is here; bash always is.
#[test]
fn shells_complete() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let made = run(&["completions", shell], &[("TENANTRY_LISTEN", "nowhere")]);
        assert!(made.status.success() && made.stderr.is_empty(), "{shell}");
        let script = text(&made.stdout);
        for word in ["rotate-keys", "api-key", "database-url", "completions"] {
            assert!(script.contains(word), "{word} in that of {shell}");
        }
    }
    assert!(!run(&["completions", "tcsh"], &[]).status.success());
    let script = text(&run(&["completions", "bash"], &[]).stdout);
    let asked = script
        + "\nCOMP_WORDS=(tenantry rot) COMP_CWORD=1; _tenantry tenantry rot tenantry; echo \"${COMPREPLY[@]}\"\n";
    let shell = std::process::Command::new("bash")
        .args(["--norc", "-c", &asked])
        .output()
        .unwrap();
    assert_eq!(text(&shell.stdout), "rotate-keys\n", "{}", text(&shell.stderr));
}

#[test]
fn a_start_that_fails_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    std::fs::write(
        path("letter.db"),
        "Dear reader, this is a letter and no database. ".repeat(40),
    )
    .unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let good = format!("sqlite://{}", path("good.db"));
    for (variables, told) in [
        (
            [
                ("TENANTRY_LISTEN", address.clone()),
                ("TENANTRY_DATABASE_URL", good.clone()),
            ],
            vec![
                format!("cannot listen on {address}"),
                "already listens there".to_owned(),
                "--listen 127.0.0.1:8001".to_owned(),
            ],
        ),
        (
            // An address of nobody's: kept for documentation.
            [
                ("TENANTRY_LISTEN", "192.0.2.1:0".to_owned()),
                ("TENANTRY_DATABASE_URL", good.clone()),
            ],
            vec![
                "cannot listen on 192.0.2.1:0".to_owned(),
                "This machine does not have this address".to_owned(),
            ],
        ),
        (
            [
                ("TENANTRY_LISTEN", "127.0.0.1:0".to_owned()),
                ("TENANTRY_DATABASE_URL", format!("sqlite://{}", path("no/t.db"))),
            ],
            vec![path("no/t.db"), "Its folder does not exist: create it first".to_owned()],
        ),
        (
            [
                ("TENANTRY_LISTEN", "127.0.0.1:0".to_owned()),
                ("TENANTRY_DATABASE_URL", format!("sqlite://{}", folder.path().display())),
            ],
            vec!["That is a folder: specify a file in it".to_owned()],
        ),
        (
            [
                ("TENANTRY_LISTEN", "127.0.0.1:0".to_owned()),
                ("TENANTRY_DATABASE_URL", format!("sqlite://{}", path("letter.db"))),
            ],
            vec![
                path("letter.db"),
                "file is not a database".to_owned(),
                "Check that it is a SQLite database".to_owned(),
            ],
        ),
        (
            [
                ("TENANTRY_LISTEN", "127.0.0.1:0".to_owned()),
                (
                    "TENANTRY_DATABASE_URL",
                    "postgres://ada:pass-word@127.0.0.1:1/people".to_owned(),
                ),
            ],
            vec![
                "'people' on 127.0.0.1:1 as 'ada'".to_owned(),
                "Check that PostgreSQL runs there".to_owned(),
            ],
        ),
        (
            [
                ("TENANTRY_LISTEN", "127.0.0.1:0".to_owned()),
                (
                    "TENANTRY_DATABASE_URL",
                    "postgres://ada:pass-word@127.0.0.1:99999/people".to_owned(),
                ),
            ],
            vec!["TENANTRY_DATABASE_URL (--database-url) is not a PostgreSQL URL: invalid port number".to_owned()],
        ),
    ] {
        let variables = variables.each_ref().map(|(name, value)| (*name, value.as_str()));
        let refused = run(&["serve"], &variables);
        let said = text(&refused.stderr);
        assert_eq!(refused.status.code(), Some(1), "{said}");
        assert!(refused.stdout.is_empty(), "{}", text(&refused.stdout));
        for words in told {
            assert_eq!(said.matches(&words).count(), 1, "'{words}' in\n{said}");
        }
        assert!(!said.contains("pass-word") && !said.contains("panicked"), "{said}");
    }
    // What is no database of ours is left as it was.
    assert!(
        std::fs::read_to_string(path("letter.db"))
            .unwrap()
            .starts_with("Dear reader")
    );
}

async fn migrating(backend: Backend) {
    let database = TestDatabase::empty(backend).await;
    let variables = [("TENANTRY_DATABASE_URL", database.url.as_str())];
    let told = |arguments: &[&str]| {
        let output = run(arguments, &variables);
        (output.status.success(), text(&output.stdout), text(&output.stderr))
    };
    // Looking changes nothing, and there is nobody to make a key for.
    for _ in 0..2 {
        let (ok, out, err) = told(&["migrate", "status"]);
        match backend {
            Backend::Sqlite => assert!(
                !ok && out.is_empty() && err.contains("there is no database at"),
                "{err}"
            ),
            Backend::Postgres => assert!(ok && out.contains("Pending migrations"), "{out}"),
        }
        let (ok, out, err) = told(&["api-key", "--user", "admin"]);
        let words = match backend {
            Backend::Sqlite => "there is no database at",
            Backend::Postgres => "migrate up",
        };
        assert!(!ok && out.is_empty() && err.contains(words), "{err}");
    }
    for _ in 0..2 {
        assert_eq!(
            told(&["migrate", "up"]),
            (true, "The schema is up to date.\n".to_owned(), String::new())
        );
        assert_eq!(told(&["migrate", "status"]).1, "The schema is up to date.\n");
    }
    // The schema alone has no admin yet.
    let (ok, out, err) = told(&["api-key", "--user", "admin"]);
    assert!(!ok && out.is_empty() && err.contains("admin"), "{err}");
    // A newer release's step: neither migrated nor served.
    let db = tenantry::store::db::Database::connect(&database.url).await.unwrap();
    let transaction = db.begin().await.unwrap();
    let step = "INSERT INTO seaql_migrations (version, applied_at) VALUES ('m29991231_000001_later', 0)";
    sea_orm::ConnectionTrait::execute_unprepared(&transaction, step)
        .await
        .unwrap();
    transaction.commit().await.unwrap();
    db.close().await;
    for arguments in [
        &["migrate", "up"][..],
        &["migrate", "status"],
        &["--listen", "127.0.0.1:0"],
    ] {
        let (ok, out, err) = told(arguments);
        assert!(
            !ok && out.is_empty() && err.contains("newer") && err.contains("m29991231_000001_later"),
            "{arguments:?} {err}"
        );
    }
}

mod sqlite {
    #[tokio::test(flavor = "multi_thread")]
    async fn migrating() {
        super::migrating(super::Backend::Sqlite).await;
    }
}

mod postgres {
    #[tokio::test(flavor = "multi_thread")]
    async fn migrating() {
        super::migrating(super::Backend::Postgres).await;
    }
}
