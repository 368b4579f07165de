//! The first start decides, and all processes agree.

use serde_json::{Value, json};
use tenantry::context::{OpContext, Services};
use tenantry::directory::faces::{self, Settled};
use tenantry::model::{Actor, Faces};
use tenantry::store::db::Database;

use super::hidden;
use crate::on_both;
use crate::support::binary::{Server, run, tenantry, text};
use crate::support::{App, Backend, TestDatabase};

const FACES: &str = "TENANTRY_FACES";

/// Another process on the same database.
async fn another(app: &App) -> OpContext {
    let db = Database::connect(&app.database.url).await.unwrap();
    let mailer = tenantry::services::mailer::Mailer::new(
        &tenantry::services::config::MailConfig::None,
        None,
        "http://localhost",
    )
    .unwrap();
    let issuer = tenantry::authn::Issuer::local(8000);
    let keys = tenantry::authn::SigningKeys::new(crate::support::secret(), issuer);
    OpContext::new(
        std::sync::Arc::new(Services::new(db, mailer, keys)),
        Actor::Machine,
        "test",
    )
}

on_both! {
    async fn the_first_start_decides(app: App) {
        let (one, two) = (app.machine(), another(&app).await);
        // Both start at once, with different values: one decides, and the other is told.
        let (first, second) = tokio::join!(faces::settle(&one, Some(Faces::KILI)), faces::settle(&two, Some(Faces::WAII)));
        let settled = [first.unwrap(), second.unwrap()];
        let on = match &settled {
            [Settled::On(on), Settled::Otherwise(_)] | [Settled::Otherwise(_), Settled::On(on)] => *on,
            other => panic!("{other:?}"),
        };
        assert!(on == Faces::KILI || on == Faces::WAII);
        for op in [&one, &two] {
            assert_eq!(faces::settle(op, None).await.unwrap(), Settled::On(on));
            assert_eq!(op.catalogue().faces(), on);
            let Settled::Otherwise(what) = faces::settle(op, Some(Faces::empty())).await.unwrap() else { panic!() };
            assert!(what.contains("tenantry faces --set none") && what.contains("restart every process"), "{what}");
        }
    }

    async fn a_change_elsewhere_counts_with_the_next_look_up(app: App) {
        app.organization("acme", &[]).await;
        let tim = app.user("acme", "tim", Some("trial-user")).await;
        let asked = async || tim.ok("{ me { roles { name } } viewerPermissions }", json!({})).await;
        assert_eq!(asked().await["me"]["roles"], json!([{ "name": "trial-user" }]));
        let before = app.number("SELECT MAX(pk) FROM audit_events").await;
        faces::set(&another(&app).await, Faces::KILI).await.unwrap();
        // A credential is remembered for half a second.
        app.services.credentials.forget();
        assert_eq!(asked().await, json!({ "me": { "roles": [] }, "viewerPermissions": [] }));
        let told: Vec<String> = app.column(&format!("SELECT action || ' ' || target_name FROM audit_events WHERE pk > {before}")).await;
        assert_eq!(told, ["faces.update kili"]);
        // What is so already is no change.
        faces::set(&app.machine(), Faces::KILI).await.unwrap();
        assert_eq!(app.number(&format!("SELECT COUNT(*) FROM audit_events WHERE pk > {before}")).await, 1);
    }
}

async fn by_the_binary(backend: Backend) {
    let database = TestDatabase::empty(backend).await;
    let command = |arguments: &[&str]| {
        let output = run(arguments, &[("TENANTRY_DATABASE_URL", &database.url)]);
        assert!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
        text(&output.stdout).trim_end().to_owned()
    };
    let names = |server: &Server, key: &str| -> Value {
        server.call(key, "{ roles { name } viewerPermissions }").1["data"].clone()
    };
    let mut server = Server::start(&database.url, &[(FACES, "kili,waii")]);
    let key = server.printed_key().unwrap().to_owned();
    assert_eq!(command(&["faces"]), "On: kili,waii.");
    assert!(
        hidden(Faces::empty())
            .iter()
            .all(|name| names(&server, &key).to_string().contains(&format!("\"{name}\"")))
    );
    server.call(
        &key,
        "mutation { createUser(data: {id: \"lea\", roles: [\"labeler\"]}) { id } }",
    );
    // Another value is refused, beside a server that runs and alone; it says what to do.
    for _ in 0..2 {
        let mut command = tenantry(
            &["serve"],
            &[
                ("TENANTRY_DATABASE_URL", &database.url),
                (FACES, "none"),
                ("TENANTRY_LISTEN", "127.0.0.1:0"),
            ],
        );
        let refused = command.output().unwrap();
        assert_eq!(refused.status.code(), Some(1));
        let told = text(&refused.stderr);
        for words in [
            "TENANTRY_FACES is 'none'",
            "'kili,waii'",
            "'tenantry faces --set none'",
            "restart every process",
        ] {
            assert!(told.contains(words), "'{words}' in {told}");
        }
        if server.is_running() {
            server.terminate();
            assert!(server.ended().success());
        }
    }
    // Not set, and set to the same in another order.
    for variables in [&[][..], &[(FACES, "waii,kili")], &[(FACES, "")]] {
        let mut server = Server::start(&database.url, variables);
        assert!(names(&server, &key).to_string().contains("labeler"));
        server.terminate();
        assert!(server.ended().success());
    }
    // Beside a server, which hides the names with the next look-up.
    let mut server = Server::start(&database.url, &[]);
    let told = command(&["faces", "--set", "none"]);
    for words in [
        "On: none.",
        "Roles of the others are assigned 1 times",
        "Restart every process",
    ] {
        assert!(told.contains(words), "'{words}' in {told}");
    }
    // Time is the subject: that is how long a credential is remembered.
    tokio::time::sleep(std::time::Duration::from_millis(600)).await;
    assert!(
        !hidden(Faces::empty())
            .iter()
            .any(|name| names(&server, &key).to_string().contains(&format!("\"{name}\"")))
    );
    server.terminate();
    assert!(server.ended().success());
    let doctor = |value: &str| {
        let output = run(&["doctor"], &[("TENANTRY_DATABASE_URL", &database.url), (FACES, value)]);
        let told = text(&output.stdout);
        let lines = told
            .lines()
            .filter(|line| line.get(7..).is_some_and(|rest| rest.starts_with("faces")));
        lines.map(str::to_owned).collect::<Vec<_>>().join("\n")
    };
    assert!(doctor("").starts_with("risky"), "{}", doctor(""));
    assert!(
        doctor("kili").starts_with("wrong") && doctor("kili").contains("tenantry faces --set kili"),
        "{}",
        doctor("kili")
    );
    let told = command(&["faces", "--set", "air,wallaroo,waii,kili"]);
    assert!(told.starts_with("On: kili,waii,wallaroo,air.\nRestart"), "{told}");
    assert!(doctor("kili,waii,wallaroo,air").starts_with("fine"));
    let server = Server::start(&database.url, &[]);
    assert!(
        hidden(Faces::empty())
            .iter()
            .all(|name| names(&server, &key).to_string().contains(&format!("\"{name}\"")))
    );
    // A value that means nothing.
    let refused = run(
        &["faces", "--set", "keycloak"],
        &[("TENANTRY_DATABASE_URL", &database.url)],
    );
    assert!(!refused.status.success() && text(&refused.stderr).contains("kili, waii, wallaroo and air"));
}

#[tokio::test(flavor = "multi_thread")]
async fn by_the_binary_on_sqlite() {
    by_the_binary(Backend::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn by_the_binary_on_postgres() {
    by_the_binary(Backend::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn demo_data_has_no_hidden_role() {
    let database = TestDatabase::empty(Backend::Sqlite).await;
    let variables = [("TENANTRY_DATABASE_URL", database.url.as_str()), (FACES, "air")];
    let filled = run(&["demo", "--users", "300"], &variables);
    assert!(filled.status.success(), "{}", text(&filled.stderr));
    assert_eq!(text(&run(&["faces"], &variables).stdout), "On: air.\n");
    let server = Server::start(&database.url, &[]);
    let key = text(&run(&["api-key", "--user", "admin"], &variables).stdout)
        .trim()
        .to_owned();
    let (_, answer) = server.call(&key, "{ countUsers none: countUsers(where: {role: {builtIn: false}}) user: countUsers(where: {role: {name: \"user\"}}) }");
    let count = |name: &str| answer["data"][name].as_i64().unwrap();
    assert!(
        count("countUsers") > 300 && count("none") == 0 && count("user") > 200,
        "{answer}"
    );
}
