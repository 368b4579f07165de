//! Starting, and stopping: the binary itself on databases of its own.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;
use std::time::{Duration, Instant};

use sea_orm::{ConnectionTrait, Statement};
use serde_json::json;
use tenantry::store::db::Database;

use crate::support::binary::{Server, answer, request, run, tenantry, text};
use crate::support::documents::ME;
use crate::support::process::end_of;
use crate::support::signal::send_signal;
use crate::support::stream::begun;
use crate::support::wait::{AT_LAST, until, until_outside};
use crate::support::{Backend, TestDatabase};
use crate::weather::get;

const ADMINS: &str =
    "{ users { id email organizationId tenantId organizationRole roles { name } } countOrganizations countTenants }";

/// Tests that start the binary on an empty database of either kind.
macro_rules! on_empty {
    ($($(#[$meta:meta])* async fn $name:ident($database:ident) $body:block)*) => {
        $(async fn $name($database: TestDatabase) $body)*

        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() { super::$name(super::TestDatabase::empty(super::Backend::Sqlite).await).await; })*
        }

        mod postgres {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() { super::$name(super::TestDatabase::empty(super::Backend::Postgres).await).await; })*
        }
    };
}

on_empty! {
    async fn the_first_start_prints_its_key_once(database) {
        let first = Server::start(&database.url, &[]);
        let key = first.printed_key().expect("a key is printed").to_owned();
        assert_eq!(first.printed.matches("tnt_").count(), 1);
        let (status, found) = first.call(&key, ADMINS);
        assert_eq!(status, 200);
        assert_eq!(found["data"], json!({
            "users": [{"id": "admin", "email": "admin@platform.invalid", "organizationId": "platform", "tenantId": "platform",
                "organizationRole": "ADMIN", "roles": [{"name": "super-admin"}]}],
            "countOrganizations": 1, "countTenants": 1,
        }));
        drop(first);
        let second = Server::start(&database.url, &[]);
        assert_eq!(second.printed, "");
        assert_eq!(second.call(&key, ME).0, 200);
    }

    async fn the_admins_key_can_be_given(database) {
        let given = |key: &str| Server::start(&database.url, &[("TENANTRY_ADMIN_API_KEY", key)]);
        let (first, second) = ("first-visible-ascii-key!", "second-visible-ascii-key");
        for _ in 0..2 {
            let server = given(first);
            assert_eq!(server.printed, "");
            assert_eq!(server.call(first, ME).1["data"]["me"]["id"], "admin");
        }
        // Another one takes its place.
        let server = given(second);
        assert_eq!((server.call(second, ME).0, server.call(first, ME).0), (200, 401));
        // The one that was replaced stays ended.
        drop(server);
        let refused = run(&["--listen", "127.0.0.1:0"], &[("TENANTRY_ADMIN_API_KEY", first), ("TENANTRY_DATABASE_URL", &database.url)]);
        assert!(!refused.status.success() && text(&refused.stderr).contains("TENANTRY_ADMIN_API_KEY"));
        assert!(!text(&refused.stderr).contains(first));
        // Without the variable the last one goes on.
        assert_eq!(Server::start(&database.url, &[]).call(second, ME).0, 200);
    }

    async fn of_several_that_start_together_one_prints_a_key(database) {
        let starting: Vec<_> = (0..3)
            .map(|_| {
                let url = database.url.clone();
                std::thread::spawn(move || Server::start(&url, &[]))
            })
            .collect();
        let servers: Vec<Server> = starting.into_iter().map(|one| one.join().unwrap()).collect();
        let keys: Vec<&str> = servers.iter().filter_map(Server::printed_key).collect();
        assert_eq!(keys.len(), 1, "{keys:?}");
        for server in &servers {
            let (status, found) = server.call(keys[0], ADMINS);
            assert_eq!((status, found["data"]["users"].as_array().unwrap().len()), (200, 1));
        }
        // What one of them revokes, the others refuse.
        let (_, made) = servers[0].call(keys[0], "mutation { createApiKey(data: {name: \"short\"}) { secret } }");
        let short = made["data"]["createApiKey"]["secret"].as_str().unwrap();
        assert!(servers.iter().all(|server| server.call(short, ME).0 == 200));
        servers[1].call(keys[0], "mutation { revokeApiKeys(names: [\"short\"]) { id } }");
        assert_eq!(servers[1].call(short, ME).0, 401);
        until_outside("a revoked key that all refuse", AT_LAST, || {
            servers.iter().all(|server| server.call(short, ME).0 == 401)
        });
    }

    async fn a_key_is_made_beside_a_running_server(database) {
        let server = Server::start(&database.url, &[]);
        let admin = server.printed_key().unwrap();
        server.call(admin, "mutation { createUser(data: {id: \"ada\", email: \"ada@acme.example\"}) { id } }");
        let ada = "'ada' (ada@acme.example) of the organization 'platform'";
        let chief = "'admin' (admin@platform.invalid) of the organization 'platform'";
        for (who, name, owner) in [("ada", "one", ada), ("Ada@Acme.Example", "two", ada), ("admin", "one", chief)] {
            let made = run(&["api-key", "--user", who, "--name", name], &[("TENANTRY_DATABASE_URL", &database.url)]);
            assert!(made.status.success(), "{}", text(&made.stderr));
            assert_eq!(text(&made.stderr), format!("Created the API key '{name}' for the user {owner}.\n"));
            // The secret alone.
            let secret = text(&made.stdout);
            assert!(secret.starts_with("tnt_") && secret.ends_with('\n') && secret.lines().count() == 1, "{secret}");
            assert_eq!(server.call(secret.trim(), ME).0, 200);
        }
        for (arguments, reason) in [
            (["--user", "nobody", "--name", "one"], "nobody"),
            (["--user", "ada", "--name", "one"], "one"),
            (["--user", "ada", "--name", ""], "name"),
        ] {
            let refused = run(&[&["api-key"][..], &arguments].concat(), &[("TENANTRY_DATABASE_URL", &database.url)]);
            assert!(!refused.status.success() && refused.stdout.is_empty());
            assert!(text(&refused.stderr).contains(reason), "{}", text(&refused.stderr));
        }
        let (_, events) = server.call(admin, "{ countUsers }");
        assert_eq!(events["data"]["countUsers"], 2);
    }

    async fn a_key_is_never_made_for_whom_a_word_may_mean(database) {
        let server = Server::start(&database.url, &[]);
        let admin = server.printed_key().unwrap();
        server.call(admin, "mutation { createUser(data: {id: \"ada\", email: \"ada@acme.example\"}) { id } }");
        let uuid = "0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b";
        for id in ["ada@acme.example", "bob@acme.example", uuid] {
            server.call(admin, &format!("mutation {{ createUser(data: {{id: \"{id}\"}}) {{ id }} }}"));
        }
        let variables = [("TENANTRY_DATABASE_URL", database.url.as_str())];
        let refused = run(&["api-key", "--user", "ada@acme.example"], &variables);
        let told = text(&refused.stderr);
        assert!(!refused.status.success() && refused.stdout.is_empty());
        for named in ["'ada' (ada@acme.example)", "'ada@acme.example' of the organization 'platform'"] {
            assert!(told.contains(named), "{told}");
        }
        // Who has a name of their own is still meant by it.
        for who in ["ada", "bob@acme.example", uuid, &uuid.to_uppercase(), &uuid.replace('-', "")] {
            let made = run(&["api-key", "--user", who, "--name", who], &variables);
            assert!(made.status.success(), "{who}: {}", text(&made.stderr));
            let found = server.call(text(&made.stdout).trim(), ME).1;
            assert_eq!(found["data"]["me"]["id"], if who.len() > 30 { uuid } else { who });
        }
    }

    async fn the_operators_key_goes_to_a_super_admin_only(database) {
        let first = Server::start(&database.url, &[("TENANTRY_ADMIN_API_KEY", "first-visible-ascii-key!")]);
        let document = "mutation { createUser(data: {id: \"chief\", roles: [\"super-admin\"]}) { id } }";
        first.call("first-visible-ascii-key!", document);
        let made = run(&["api-key", "--user", "chief"], &[("TENANTRY_DATABASE_URL", &database.url)]);
        let chief = text(&made.stdout).trim().to_owned();
        // Demoted, it keeps its key, which is no operator's any more.
        let start = |key: &str| {
            let variables = [("TENANTRY_ADMIN_API_KEY", key), ("TENANTRY_DATABASE_URL", database.url.as_str())];
            let refused = run(&["--listen", "127.0.0.1:0"], &variables);
            assert!(!refused.status.success(), "{}", text(&refused.stdout));
            let told = text(&refused.stderr).to_owned();
            assert!(!told.contains(key), "{told}");
            told
        };
        first.call(&chief, "mutation { updatePropertiesInUser(where: {id: \"admin\"}, data: {roles: [\"user\"]}) { id } }");
        let told = start("first-visible-ascii-key!");
        assert!(told.contains("'admin' (admin@platform.invalid) of the organization 'platform', who is not a super admin"), "{told}");
        // Deleted, its id is free, and whoever takes it must not get the key.
        first.call(&chief, "mutation { deleteUser(where: {id: \"admin\"}) { id } }");
        assert!(start("second-visible-ascii-key").contains("the user 'admin', who does not exist"));
        first.call(&chief, "mutation { createOrganization(data: {id: \"acme\", name: \"Acme\"}) { id } }");
        let data = "{id: \"admin\", organizationId: \"acme\", roles: [\"organization-admin\"]}";
        first.call(&chief, &format!("mutation {{ createUser(data: {data}) {{ id }} }}"));
        for key in ["first-visible-ascii-key!", "second-visible-ascii-key"] {
            let told = start(key);
            assert!(told.contains("'admin' of the organization 'acme', who is not a super admin"), "{told}");
            assert_eq!(first.call(key, ME).0, 401);
        }
        // A super admin of that id is one.
        first.call(&chief, "mutation { assignRole(where: {id: \"admin\"}, role: \"super-admin\") { id } }");
        let server = Server::start(&database.url, &[("TENANTRY_ADMIN_API_KEY", "second-visible-ascii-key")]);
        assert_eq!(server.call("second-visible-ascii-key", ME).1["data"]["me"]["id"], "admin");
    }

    async fn a_running_request_is_finished(database) {
        let mut server = Server::start(&database.url, &[]);
        let key = server.printed_key().unwrap().to_owned();
        let (head, body) = request(&server.address, &key, "mutation { createUser(data: {id: \"late\"}) { id } }");
        let (now, later) = body.split_at(10);
        let mut running = begin(&server, &head, now).await;
        let _idle = TcpStream::connect(&server.address).unwrap();
        server.terminate();
        // New ones are not taken any more.
        server.stops_listening();
        running.write_all(later.as_bytes()).unwrap();
        let (status, answered) = answer(running);
        assert_eq!((status, &answered["data"]["createUser"]["id"]), (200, &json!("late")));
        assert_eq!(server.ended().code(), Some(0));
        let again = Server::start(&database.url, &[]);
        assert_eq!(again.call(&key, "{ countUsers(where: {id: \"late\"}) }").1["data"]["countUsers"], 1);
    }
}

/// Sends the head of a request and the beginning of its body, and gives the connection once the server reads the body.
async fn begin(server: &Server, head: &str, now: &str) -> TcpStream {
    let (stream, came) = begun(server.address.parse().unwrap(), head.trim_end()).await;
    assert!(came.starts_with("HTTP/1.1 100 "), "{came}");
    let mut stream = stream.into_std().unwrap();
    stream.set_nonblocking(false).unwrap();
    stream.write_all(now.as_bytes()).unwrap();
    stream
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_that_waits_for_another_can_be_stopped_on_postgresql() {
    let database = TestDatabase::empty(Backend::Postgres).await;
    let other = Database::connect(&database.url).await.unwrap();
    // As a process that brings the schema up to date, for as long as it takes.
    let at_work = other.begin_setup().await.unwrap();
    let mut server = Server::start_unheard(tenantry(&[], &[]), &database.url, Stdio::null(), Stdio::null());
    // Whatever else there is to do.
    let mut by_hand = tenantry(&["migrate", "up"], &[("TENANTRY_DATABASE_URL", &database.url)])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let waiting = "SELECT count(*) AS n FROM pg_stat_activity \
                   WHERE datname = current_database() AND query LIKE 'SELECT pg_try_advisory_xact_lock%'";
    until("both wait for the lock", AT_LAST, async || {
        count(&other, waiting).await == 2
    })
    .await;
    server.terminate();
    // A process 1 has no end by a signal but this one.
    assert_eq!(server.ended().code(), Some(0));
    send_signal("TERM", by_hand.id());
    assert_eq!(end_of(&mut by_hand).code(), Some(1));
    let mut told = String::new();
    by_hand.stderr.take().unwrap().read_to_string(&mut told).unwrap();
    assert!(
        told.contains("interrupted by a signal before it had finished"),
        "{told}"
    );
    drop(at_work);
}

/// Supervisors that hear nothing of a process that waits would end it.
#[tokio::test(flavor = "multi_thread")]
async fn a_start_that_waits_for_another_says_that_it_lives_on_postgresql() {
    let database = TestDatabase::empty(Backend::Postgres).await;
    let other = Database::connect(&database.url).await.unwrap();
    let at_work = other.begin_setup().await.unwrap();
    let mut server = Server::start_unheard(tenantry(&[], &[]), &database.url, Stdio::null(), Stdio::null());
    let address = server.address.clone();
    assert_eq!(get(&address, "/healthz"), (200, "ok\n".to_owned()));
    for path in ["/readyz", "/graphql", "/metrics", "/elsewhere"] {
        assert_eq!(
            get(&address, path),
            (503, "the server is starting\n".to_owned()),
            "{path}"
        );
    }
    drop(at_work);
    until_outside("the start", AT_LAST, || get(&address, "/readyz").0 == 200);
    server.terminate();
    assert_eq!(server.ended().code(), Some(0));
}

/// Without an audit log there is nothing to open anew, and no reason to end.
#[test]
fn a_hangup_ends_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::start(&format!("sqlite://{}", folder.path().join("t.db").display()), &[]);
    let key = server.printed_key().unwrap().to_owned();
    for _ in 0..3 {
        server.signal("HUP");
        assert_eq!(server.call(&key, ME).0, 200);
    }
    assert!(server.is_running());
    server.terminate();
    assert_eq!(server.ended().code(), Some(0));
}

async fn count(db: &Database, sql: &str) -> i64 {
    let statement = Statement::from_string(db.backend(), sql.to_owned());
    let row = db.reader().query_one_raw(statement).await.unwrap().unwrap();
    row.try_get("", "n").unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_interrupt_ends_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::start(&format!("sqlite://{}", folder.path().join("t.db").display()), &[]);
    let key = server.printed_key().unwrap().to_owned();
    // A request that would be waited for.
    let (head, body) = request(&server.address, &key, ME);
    let _running = begin(&server, &head, &body[..10]).await;
    server.signal("INT");
    server.stops_listening();
    assert!(server.is_running(), "it waits for the request");
    let asked = Instant::now();
    server.signal("INT");
    assert_eq!(server.ended().code(), Some(130));
    assert!(asked.elapsed() < Duration::from_secs(5));
}

#[tokio::test(flavor = "multi_thread")]
async fn links_that_lead_nowhere_are_warned_of() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("t.db").display());
    for (variables, warned) in [
        (vec![("TENANTRY_LISTEN", "0.0.0.0:0")], true),
        (vec![("TENANTRY_LISTEN", "[::]:0")], true),
        (vec![("TENANTRY_LISTEN", "127.0.0.1:0")], false),
        (
            vec![
                ("TENANTRY_LISTEN", "0.0.0.0:0"),
                ("TENANTRY_PUBLIC_URL", "http://[fd00::12]"),
            ],
            false,
        ),
        (
            vec![
                ("TENANTRY_LISTEN", "0.0.0.0:0"),
                ("TENANTRY_APP_URL", "https://app.example.com"),
            ],
            false,
        ),
    ] {
        let mut command = tenantry(&[], &variables);
        // Mails have a sender also where the public URL has no name.
        command.env("TENANTRY_MAIL_DIR", folder.path().join("mail"));
        let mut server = Server::start_by(command, &url);
        server.terminate();
        assert_eq!(server.ended().code(), Some(0));
        let told = server.log();
        assert_eq!(
            told.contains("TENANTRY_PUBLIC_URL is not set"),
            warned,
            "{variables:?}: {told}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn variables_of_kubernetes_are_passed_over() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("t.db").display());
    let links = [
        ("TENANTRY_SERVICE_HOST", "10.0.0.1"),
        ("TENANTRY_SERVICE_PORT", "80"),
        ("TENANTRY_PORT", "tcp://10.0.0.1:80"),
        ("TENANTRY_PORT_80_TCP_ADDR", "10.0.0.1"),
        ("TENANTRY_PG_SERVICE_HOST", "10.0.0.2"),
        ("TENANTRY_PG_PORT_5432_TCP", "tcp://10.0.0.2:5432"),
    ];
    let server = Server::start(&url, &links);
    assert_eq!(server.call(server.printed_key().unwrap(), ME).0, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sqlite_file_is_private() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.db");
    let server = Server::start(&format!("sqlite://{}", path.display()), &[]);
    assert_eq!(server.call(server.printed_key().unwrap(), ME).0, 200);
    let mut files = 0;
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let entry = entry.unwrap();
        assert_eq!(
            entry.metadata().unwrap().permissions().mode() & 0o777,
            0o600,
            "{:?}",
            entry.file_name()
        );
        files += 1;
    }
    assert!(files >= 1);
}
