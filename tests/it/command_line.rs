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
            ("TENANTRY_SMTP_URL", "http://mail.example"),
            ("TENANTRY_GRAPHIQL", "perhaps"),
            ("TENANTRY_INTROSPECTION", "2"),
            ("TENANTRY_DATABASE", "x"),
            ("TENANTRY_LISTENS", "x"),
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
        "TENANTRY_GRAPHIQL (--graphiql)",
        "TENANTRY_INTROSPECTION (--introspection)",
        "TENANTRY_DATABASE is not a variable",
        "TENANTRY_LISTENS is not a variable",
    ] {
        assert_eq!(told.matches(fault).count(), 1, "'{fault}' in\n{told}");
    }
    assert!(!told.contains("TENANTRYX"));
    for secret in ["secret-word", "too short"] {
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
        &["serve", "--database-url", "sqlite://no/such/folder/t.db"],
        &[("TENANTRY_PUBLIC_URL", ""), ("TENANTRY_LISTEN", "")],
    );
    assert!(!text(&empty.stderr).contains("TENANTRY_"), "{}", text(&empty.stderr));
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

async fn migrating(backend: Backend) {
    let database = TestDatabase::empty(backend).await;
    let variables = [("TENANTRY_DATABASE_URL", database.url.as_str())];
    let told = |arguments: &[&str]| {
        let output = run(arguments, &variables);
        (output.status.success(), text(&output.stdout), text(&output.stderr))
    };
    let (ok, before, _) = told(&["migrate", "status"]);
    assert!(ok && before.contains("missing"), "{before}");
    // Looking changes nothing, and there is nobody to make a key for.
    assert_eq!(told(&["migrate", "status"]).1, before);
    let (ok, out, err) = told(&["api-key", "--user", "admin"]);
    assert!(!ok && out.is_empty() && err.contains("migrate up"), "{err}");
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
    let db = tenantry::db::Database::connect(&database.url).await.unwrap();
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
