//! A mutation with an `Idempotency-Key` runs once, however often it is sent.

use std::time::Duration;

use axum::http::HeaderValue;
use futures::future::join_all;
use sea_orm::ConnectionTrait;
use serde_json::{Value, json};
use tenantry::operations::cleanup::sweep;
use tenantry::store::db::Database;

use crate::on_both;
use crate::support::binary::{Server, request_with, try_answer};
use crate::support::{App, Backend, Caller, TestDatabase, assert_leaks_nothing, wait};

const CREATE: &str = "mutation($data: CreateUserData!) { createUser(data: $data) { id version } }";
const CREATE_MANY: &str =
    "mutation($data: [CreateUserData!]!) { createUsers(data: $data) { user { id email } refusal { code field } } }";

/// Sends a document with an `Idempotency-Key`; gives the whole answer.
pub async fn keyed(caller: &Caller<'_>, key: &str, document: &str, variables: Value) -> Value {
    let body = json!({ "query": document, "variables": variables });
    keyed_at(caller, "/graphql", key, &body).await
}

async fn keyed_at(caller: &Caller<'_>, path: &str, key: &str, body: &Value) -> Value {
    let mut request = caller.request(path, body);
    request
        .headers_mut()
        .insert("idempotency-key", HeaderValue::from_str(key).unwrap());
    caller.app.send(request).await.json()
}

/// The code and the reason of a refusal.
pub fn reason(answer: &Value) -> (&str, &str) {
    let at = &answer["errors"][0]["extensions"];
    (
        at["code"].as_str().unwrap_or_default(),
        at["reason"].as_str().unwrap_or_default(),
    )
}

async fn noted(app: &App) -> i64 {
    app.number("SELECT COUNT(*) FROM answered_requests").await
}

async fn execute(app: &App, sql: &str) {
    let transaction = app.services.db.begin().await.unwrap();
    transaction.execute_unprepared(sql).await.unwrap();
    transaction.commit().await.unwrap();
}

/// Sends a request again that must be refused, and change nothing; gives its error.
async fn refused_again(caller: &Caller<'_>, key: &str, document: &str, variables: Value) -> Value {
    let before = caller.app.dump().await;
    let again = keyed(caller, key, document, variables).await;
    assert_leaks_nothing(&again.to_string());
    assert!(again.get("errors").is_some(), "{again}");
    assert_eq!(caller.app.dump().await, before, "a refusal changed something: {again}");
    again
}

on_both! {
    async fn a_repeated_mutation_is_answered_the_same_and_runs_once(app: App) {
        app.organization("acme", &[]).await;
        let chief = app.user("acme", "chief", Some("organization-admin")).await;
        let data = json!({"data": {"email": "ada@acme.example"}});
        let first = keyed(&chief, "k 1", CREATE, data.clone()).await;
        let id = first["data"]["createUser"]["id"].as_str().unwrap().to_owned();
        chief.ok("mutation($id: ID) { updatePropertiesInUser(where: {id: $id}, data: {name: \"Ada\"}) { id } }", json!({ "id": id })).await;
        app.settle().await;
        let before = app.dump().await;
        assert_eq!(keyed(&chief, "k 1", CREATE, data.clone()).await, first);
        app.settle().await;
        assert_eq!(app.dump().await, before, "nothing is changed");
        // Another body, even one that is not valid; another key, another caller.
        for data in [json!({"id": "eve"}), json!({"id": ""})] {
            assert_eq!(reason(&refused_again(&chief, "k 1", CREATE, json!({ "data": data })).await), ("CONFLICT", "KEY_USED"));
        }
        let selecting = CREATE.replace("version", "name");
        assert_eq!(reason(&refused_again(&chief, "k 1", &selecting, data.clone()).await), ("CONFLICT", "KEY_USED"));
        assert_eq!(reason(&keyed(&chief, "k 2", CREATE, data.clone()).await), ("CONFLICT", "TAKEN"));
        let other = app.user("acme", "other", Some("organization-admin")).await;
        assert_eq!(reason(&keyed(&other, "k 1", CREATE, data.clone()).await), ("CONFLICT", "TAKEN"));
        assert_eq!(reason(&keyed(&app.admin().acting_as("chief"), "k 1", CREATE, data.clone()).await), ("CONFLICT", "TAKEN"));
        // A query is not meant.
        assert_eq!(keyed(&chief, "k 1", "{ me { id } }", json!({})).await["data"]["me"]["id"], "chief");
        // Without the key, it runs again.
        assert_eq!(chief.refused(CREATE, data.clone()).await, "CONFLICT");
        // After a day, it is forgotten.
        app.services.clock.advance(Duration::from_secs(24 * 60 * 60));
        assert_eq!(reason(&keyed(&chief, "k 1", CREATE, data).await), ("CONFLICT", "TAKEN"));
        let now = app.services.clock.now();
        // A row that a refused request has locked until a moment ago is left to the next time.
        wait::until("no note is left", wait::AT_LAST, async || {
            sweep(&app.services.db, now).await.unwrap();
            noted(&app).await == 0
        })
        .await;
    }

    /// A refusal changes nothing, so the request may be sent again.
    async fn a_refusal_is_not_kept(app: App) {
        app.organization("acme", &[]).await;
        let chief = app.user("acme", "chief", Some("organization-admin")).await;
        let data = json!({"data": {"id": "ada", "roles": ["later"]}});
        assert_eq!(reason(&keyed(&chief, "k", CREATE, data.clone()).await).0, "INVALID");
        assert_eq!(noted(&app).await, 0);
        chief.ok("mutation { createRole(data: {name: \"later\"}) { id } }", json!({})).await;
        assert_eq!(keyed(&chief, "k", CREATE, data.clone()).await["data"]["createUser"]["id"], "ada");
        assert_eq!(noted(&app).await, 1);
    }

    /// What contains a secret is not kept: whoever sends it again learns that it was done.
    async fn an_answer_with_a_secret_is_not_repeated(app: App) {
        app.organization("acme", &[]).await;
        let chief = app.user("acme", "chief", Some("organization-admin")).await;
        let create = "mutation { createUserWithPassword(data: {id: \"ada\"}) { password user { id } } }";
        let made = keyed(&chief, "k", create, json!({})).await;
        let password = made["data"]["createUserWithPassword"]["password"].as_str().unwrap().to_owned();
        let again = keyed(&chief, "k", create, json!({})).await;
        assert_eq!(reason(&again), ("CONFLICT", "DONE"));
        assert_eq!(again["errors"][0]["extensions"]["id"], "ada");
        assert!(!again.to_string().contains(&password));
        let key = "mutation { createApiKey(data: {name: \"job\"}) { secret apiKey { id } } }";
        let made = keyed(&chief, "k2", key, json!({})).await;
        let again = keyed(&chief, "k2", key, json!({})).await;
        assert_eq!(again["errors"][0]["extensions"]["id"], made["data"]["createApiKey"]["apiKey"]["id"]);
        // Neither what was sent nor what was answered can be read in the database.
        let data = json!({"data": {"id": "eve", "password": "password-of-eve", "name": "Evelyn"}});
        keyed(&chief, "a readable key", CREATE, data).await;
        let kept: Vec<String> = app.column("SELECT digest || request || rights || COALESCE(answer, '') FROM answered_requests").await;
        let kept = kept.join(" ");
        for secret in ["readable", "password", "Evelyn", "eve", password.as_str()] {
            assert!(!kept.contains(secret), "{secret}");
        }
    }

    /// The permissions are checked again before an answer is repeated.
    async fn rights_are_checked_again(app: App) {
        app.organization("acme", &[]).await;
        let chief = app.user("acme", "chief", Some("organization-admin")).await;
        let made = keyed(&chief, "k", CREATE, json!({"data": {"id": "ada"}})).await;
        assert_eq!(made["data"]["createUser"]["id"], "ada");
        let secret = "mutation { createUserWithPassword(data: {id: \"eve\"}) { password } }";
        keyed(&chief, "secret", secret, json!({})).await;
        let roles = "mutation($roles: [String!]) { updatePropertiesInUser(where: {id: \"chief\"}, data: {roles: $roles}) { id } }";
        app.admin().ok(roles, json!({"roles": ["user"]})).await;
        assert_eq!(reason(&keyed(&chief, "k", CREATE, json!({"data": {"id": "ada"}})).await).0, "FORBIDDEN");
        assert_eq!(reason(&keyed(&chief, "secret", secret, json!({})).await).0, "FORBIDDEN");
        assert_eq!(noted(&app).await, 2);
        // With fewer rights, it may do this, but does not read the answer.
        app.admin().ok("mutation { createRole(data: {name: \"desk\", permissions: [\"write:user\"], organizationId: \"acme\"}) { id } }", json!({})).await;
        app.admin().ok(roles, json!({"roles": ["desk"]})).await;
        let again = keyed(&chief, "k", CREATE, json!({"data": {"id": "ada"}})).await;
        assert_eq!(reason(&again), ("CONFLICT", "DONE"));
        assert_eq!(again["errors"][0]["extensions"]["id"], "ada");
        app.admin().ok(roles, json!({"roles": ["organization-admin"]})).await;
        assert_eq!(keyed(&chief, "k", CREATE, json!({"data": {"id": "ada"}})).await, made);
    }

    /// Several at once: one runs, the others wait or are told that it is under way.
    async fn many_at_once_run_once(app: App) {
        app.organization("acme", &[]).await;
        let chief = app.user("acme", "chief", Some("organization-admin")).await;
        let document = "mutation { createUser(data: {email: \"ada@acme.example\"}) { id } }";
        for round in 0..5 {
            let key = format!("k{round}");
            let document = document.replace("ada", &format!("ada{round}"));
            let answers = join_all((0..8).map(|_| keyed(&chief, &key, &document, json!({})))).await;
            let ids: Vec<&str> = answers.iter().filter_map(|answer| answer["data"]["createUser"]["id"].as_str()).collect();
            assert!(!ids.is_empty());
            assert!(ids.iter().all(|id| *id == ids[0]), "{answers:?}");
            for answer in answers.iter().filter(|answer| answer.get("errors").is_some()) {
                assert_eq!(reason(answer), ("CONFLICT", "CONCURRENT"), "{answer}");
            }
            let again = keyed(&chief, &key, &document, json!({})).await;
            assert_eq!(again["data"]["createUser"]["id"], ids[0]);
        }
        assert_eq!(app.number("SELECT COUNT(*) FROM users WHERE email LIKE 'ada%'").await, 5);
    }

    /// What changes nothing is noted too: it must not change something later.
    async fn what_changed_nothing_does_not_run_later(app: App) {
        app.organization("acme", &[]).await;
        let chief = app.user("acme", "chief", Some("organization-admin")).await;
        app.user("acme", "ada", Some("user")).await;
        let assign = "mutation { assignRole(where: {id: \"ada\"}, role: \"user\") { id roles { name } } }";
        let first = keyed(&chief, "k", assign, json!({})).await;
        chief.ok("mutation { withdrawRole(where: {id: \"ada\"}, role: \"user\") { id } }", json!({})).await;
        assert_eq!(keyed(&chief, "k", assign, json!({})).await, first);
        assert_eq!(app.number("SELECT COUNT(*) FROM user_roles ur JOIN users u ON u.pk = ur.user_pk WHERE u.id = 'ada'").await, 0);
    }

    /// Some are created and some are refused: all of it is the answer. The passwords are not hashed again.
    async fn many_users_are_created_once(app: App) {
        app.organization("acme", &[]).await;
        let chief = app.user("acme", "chief", Some("organization-admin")).await;
        let mut data: Vec<Value> = (0..50).map(|n| json!({"email": format!("u{n}@acme.example")})).collect();
        data.push(json!({"id": "chief"}));
        data.push(json!({"id": "pass", "email": "pass@acme.example", "password": "password-of-pass"}));
        let first = keyed(&chief, "k", CREATE_MANY, json!({ "data": data })).await;
        let outcomes = first["data"]["createUsers"].as_array().unwrap();
        assert_eq!(outcomes[50]["refusal"]["code"], "CONFLICT");
        assert_eq!(outcomes.iter().filter(|outcome| !outcome["user"].is_null()).count(), 51);
        app.settle().await;
        let before = app.dump().await;
        assert_eq!(keyed(&chief, "k", CREATE_MANY, json!({ "data": data })).await, first);
        assert_eq!(app.dump().await, before);
        data.pop();
        assert_eq!(reason(&refused_again(&chief, "k", CREATE_MANY, json!({ "data": data })).await), ("CONFLICT", "KEY_USED"));
        // Where nobody was created, nobody is created later.
        let nobody = json!({"data": [{"id": "late", "roles": ["later"]}]});
        let first = keyed(&chief, "k2", CREATE_MANY, nobody.clone()).await;
        assert_eq!(first["data"]["createUsers"][0]["refusal"], json!({"code": "INVALID", "field": "roles"}));
        chief.ok("mutation { createRole(data: {name: \"later\"}) { id } }", json!({})).await;
        assert_eq!(keyed(&chief, "k2", CREATE_MANY, nobody).await, first);
        assert_eq!(app.number("SELECT COUNT(*) FROM users WHERE id = 'late'").await, 0);
        let kept: Vec<String> = app.column("SELECT digest || request || rights || COALESCE(answer, '') FROM answered_requests").await;
        assert!(kept.iter().all(|row| !row.contains("pass") && !row.contains('@')));
    }

    /// An answer of more than 128 KiB, or one that has an error though the change is made, is not kept.
    async fn what_cannot_be_kept_is_not_run_again(app: App) {
        app.organization("acme", &[]).await;
        let chief = app.user("acme", "chief", Some("organization-admin")).await;
        let aliased = |field: &str| -> String { (0..15).map(|n| format!(" {field}{n}: {field}")).collect() };
        let document = |fields: &str| format!("mutation($data: [CreateUserData!]!) {{ createUsers(data: $data) {{ user {{ id {fields} }} }} }}");
        let name = "n".repeat(200);
        let many: Vec<Value> = (0..60).map(|n| json!({"id": format!("u{n}"), "name": name})).collect();
        let long = document(&aliased("name"));
        let first = keyed(&chief, "long", &long, json!({ "data": many })).await;
        assert_eq!(first["data"]["createUsers"][59]["user"]["name14"], json!(name));
        let again = refused_again(&chief, "long", &long, json!({ "data": many })).await;
        assert_eq!(reason(&again), ("CONFLICT", "DONE"));
        assert!(again["errors"][0]["extensions"].get("id").is_none(), "several users were made");
        let variables = json!({"text": "v".repeat(50_000)});
        let large: Vec<Value> = (0..16).map(|n| json!({"id": format!("v{n}"), "variables": variables})).collect();
        let too_long = document(&(aliased("variables") + &aliased("effectiveVariables")));
        let first = keyed(&chief, "large", &too_long, json!({ "data": large })).await;
        assert_eq!(reason(&first).0, "LIMIT_EXCEEDED");
        assert_eq!(app.number("SELECT COUNT(*) FROM users WHERE id LIKE 'v%'").await, 16);
        let again = refused_again(&chief, "large", &too_long, json!({ "data": large })).await;
        assert_eq!(reason(&again), ("CONFLICT", "DONE"));
    }

    /// Everybody with a credential may have answers kept, so those of one object are kept up to 16 KiB.
    async fn a_long_answer_is_not_kept(app: App) {
        app.organization("acme", &[]).await;
        let chief = app.user("acme", "chief", Some("organization-admin")).await;
        let document = "mutation($data: CreateUserData!) { createUser(data: $data) { id variables } }";
        let data = json!({"data": {"id": "eve", "variables": {"text": "v".repeat(20_000)}}});
        let first = keyed(&chief, "k", document, data.clone()).await;
        assert_eq!(first["data"]["createUser"]["id"], "eve");
        let again = refused_again(&chief, "k", document, data).await;
        assert_eq!(reason(&again), ("CONFLICT", "DONE"));
        assert_eq!(again["errors"][0]["extensions"]["id"], "eve");
        let kept: Vec<i64> = app.column("SELECT CAST(LENGTH(answer) AS BIGINT) FROM answered_requests").await;
        assert_eq!(kept, [0]);
    }

    /// A client that builds its JSON anew may order the members of an object in another way.
    async fn the_order_of_members_does_not_matter(app: App) {
        app.organization("acme", &[]).await;
        let chief = app.user("acme", "chief", Some("organization-admin")).await;
        let document = "mutation($data: CreateUserData!) { createUser(data: $data) { id version } }";
        let variables = |text: &str| serde_json::from_str::<Value>(text).unwrap();
        let first = keyed(&chief, "k", document, variables(r#"{"data":{"id":"eve","name":"Eve"}}"#)).await;
        assert_eq!(first["data"]["createUser"], json!({"id": "eve", "version": 1}));
        let again = keyed(&chief, "k", document, variables(r#"{"data":{"name":"Eve","id":"eve"}}"#)).await;
        assert_eq!(again, first);
    }

    /// The process may end after the mutation is committed and before its answer is kept: it does not run again.
    async fn what_was_done_before_a_crash_is_not_run_again(app: App) {
        app.organization("acme", &[]).await;
        let chief = app.user("acme", "chief", Some("organization-admin")).await;
        match app.backend {
            Backend::Sqlite => {
                execute(&app, "CREATE TRIGGER crash BEFORE UPDATE OF answer ON answered_requests
                    BEGIN SELECT RAISE(ABORT, 'crash'); END").await;
            }
            Backend::Postgres => {
                execute(&app, "CREATE FUNCTION crash() RETURNS trigger LANGUAGE plpgsql AS
                    $$ BEGIN RAISE EXCEPTION 'crash'; END $$").await;
                execute(&app, "CREATE TRIGGER crash BEFORE UPDATE OF answer ON answered_requests
                    FOR EACH ROW EXECUTE FUNCTION crash()").await;
            }
        }
        let data = json!({"data": {"email": "ada@acme.example"}});
        let first = keyed(&chief, "k", CREATE, data.clone()).await;
        let id = first["data"]["createUser"]["id"].as_str().unwrap();
        // It is unknown whether the answer follows.
        assert_eq!(reason(&refused_again(&chief, "k", CREATE, data.clone()).await), ("CONFLICT", "CONCURRENT"));
        app.services.clock.advance(Duration::from_secs(61));
        let again = refused_again(&chief, "k", CREATE, data.clone()).await;
        assert_eq!(reason(&again), ("CONFLICT", "DONE"));
        assert_eq!(again["errors"][0]["extensions"]["id"], id);
        assert_eq!(app.number("SELECT COUNT(*) FROM users WHERE email = 'ada@acme.example'").await, 1);
    }

    /// A caller who is deleted, or has lost its credential, is told so and nothing else.
    async fn a_credential_that_ended_repeats_nothing(app: App) {
        app.organization("acme", &[]).await;
        let chief = app.user("acme", "chief", Some("organization-admin")).await;
        keyed(&chief, "k", CREATE, json!({"data": {"id": "ada"}})).await;
        app.admin().ok("mutation { deactivateUser(where: {id: \"chief\"}) { id } }", json!({})).await;
        assert_eq!(reason(&refused_again(&chief, "k", CREATE, json!({"data": {"id": "ada"}})).await).0, "UNAUTHENTICATED");
        app.admin().ok("mutation { deleteUser(where: {id: \"chief\"}) { id } }", json!({})).await;
        assert_eq!(reason(&refused_again(&chief, "k", CREATE, json!({"data": {"id": "ada"}})).await).0, "UNAUTHENTICATED");
        // One that ends itself with a key.
        app.user("acme", "other", Some("organization-admin")).await;
        let other = app.key(app.sign_in("acme", "other").await.access);
        let sign_out = "mutation { signOut { id } }";
        assert!(keyed(&other, "k", sign_out, json!({})).await.get("errors").is_none());
        assert_eq!(reason(&refused_again(&other, "k", sign_out, json!({})).await).0, "UNAUTHENTICATED");
    }

    /// The older clients' path takes the key too, and so does a document that is known by its hash.
    async fn other_ways_to_send_a_document_take_the_key(app: App) {
        app.organization("acme", &[]).await;
        let chief = app.user("acme", "chief", Some("organization-admin")).await;
        let body = |id: &str| json!({"query": CREATE, "variables": {"data": {"id": id}}});
        let first = keyed_at(&chief, "/api/label/v2/graphql", "k", &body("ada")).await;
        assert_eq!(first["data"]["createUser"]["id"], "ada");
        assert_eq!(keyed_at(&chief, "/api/label/v2/graphql", "k", &body("ada")).await, first);
        assert_eq!(keyed_at(&chief, "/graphql", "k", &body("ada")).await, first);
        let other = keyed_at(&chief, "/api/label/v2/graphql", "k", &body("eve")).await;
        assert_eq!(reason(&other), ("CONFLICT", "KEY_USED"));
        let hash = data_encoding::HEXLOWER.encode(&<sha2::Sha256 as sha2::Digest>::digest(CREATE));
        let persisted = json!({"persistedQuery": {"version": 1, "sha256Hash": hash}});
        let whole = json!({"query": CREATE, "variables": {"data": {"id": "bob"}}, "extensions": persisted});
        let short = json!({"variables": {"data": {"id": "bob"}}, "extensions": persisted});
        let first = keyed_at(&chief, "/graphql", "k2", &whole).await;
        assert_eq!(first["data"]["createUser"]["id"], "bob");
        assert_eq!(keyed_at(&chief, "/graphql", "k2", &short).await, first);
        assert_eq!(app.number("SELECT COUNT(*) FROM users WHERE id IN ('ada', 'bob', 'eve')").await, 2);
    }

    async fn what_cannot_run_once_is_refused(app: App) {
        app.organization("acme", &[]).await;
        let chief = app.user("acme", "chief", Some("organization-admin")).await;
        let two = "mutation { a: createUser(data: {id: \"a\"}) { id } b: createUser(data: {id: \"b\"}) { id } }";
        let refused = keyed(&chief, "k", two, json!({})).await;
        assert_eq!(refused["errors"][0]["message"], "The document contains 2 mutations. With 'Idempotency-Key', send one in each request.");
        assert_eq!(reason(&refused).0, "INVALID");
        let sign_in = "mutation { signIn(data: {email: \"a@b.example\", password: \"password\"}) { userId } }";
        assert_eq!(reason(&keyed(&chief, "k", sign_in, json!({})).await).0, "INVALID");
        assert_eq!(reason(&keyed(&app.anonymous(), "k", CREATE, json!({"data": {"id": "a"}})).await).0, "INVALID");
        for key in [String::new(), "k".repeat(256)] {
            assert_eq!(reason(&keyed(&chief, &key, CREATE, json!({"data": {"id": "a"}})).await).0, "INVALID");
        }
        assert_eq!(noted(&app).await, 0);
        assert_eq!(app.number("SELECT COUNT(*) FROM users WHERE id IN ('a', 'b')").await, 0);
    }
}

#[tokio::test]
async fn it_needs_the_secret() {
    let app = App::without_secret(Backend::Sqlite).await;
    let answer = keyed(&app.admin(), "k", CREATE, json!({"data": {"id": "a"}})).await;
    assert_eq!(reason(&answer).0, "UNAVAILABLE");
    assert_eq!(app.number("SELECT COUNT(*) FROM users WHERE id = 'a'").await, 0);
}

const ADMIN_KEY: &str = "tnt_idempotent00000000000000000000000000000000000000000000";
const SECRET: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
const ROUNDS: usize = 5;
const AT_ONCE: usize = 8;

/// One key, sent eight times at once to two processes: one user is made, and whoever gets an answer gets the same.
async fn two_processes(backend: Backend) {
    let database = TestDatabase::empty(backend).await;
    let variables = [("TENANTRY_ADMIN_API_KEY", ADMIN_KEY), ("TENANTRY_SECRET_KEY", SECRET)];
    let servers = [0, 1].map(|_| Server::start(&database.url, &variables));
    for server in &servers {
        assert_eq!(server.call(ADMIN_KEY, "{ me { id } }").0, 200);
    }
    for round in 0..ROUNDS {
        let data = json!({"email": format!("u{round}@acme.example"), "organizationId": "platform"});
        let send = |server: &Server| {
            let (head, body) = request_with(&server.address, ADMIN_KEY, CREATE, &json!({ "data": data }));
            let head = head.replacen("\r\n", &format!("\r\nIdempotency-Key: round {round}\r\n"), 1);
            try_answer(&server.address, &(head + &body)).unwrap().1
        };
        let answers: Vec<Value> = std::thread::scope(|scope| {
            let send = &send;
            let sending: Vec<_> = (0..AT_ONCE)
                .map(|n| {
                    let server = &servers[n % 2];
                    scope.spawn(move || send(server))
                })
                .collect();
            sending.into_iter().map(|sent| sent.join().unwrap()).collect()
        });
        let given: Vec<&Value> = answers.iter().filter(|answer| answer.get("errors").is_none()).collect();
        assert!(!given.is_empty(), "{answers:?}");
        assert!(given.iter().all(|answer| *answer == given[0]), "{answers:?}");
        for answer in answers.iter().filter(|answer| answer.get("errors").is_some()) {
            assert_eq!(reason(answer), ("CONFLICT", "CONCURRENT"), "{answer}");
        }
        for server in &servers {
            assert_eq!(&send(server), given[0]);
        }
    }
    drop(servers);
    let db = Database::connect(&database.url).await.unwrap();
    let made = "SELECT COUNT(*) AS made FROM users WHERE email LIKE 'u%@acme.example'";
    let made = db
        .reader()
        .query_one_raw(sea_orm::Statement::from_string(db.backend(), made))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(made.try_get::<i64>("", "made").unwrap(), i64::try_from(ROUNDS).unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn one_key_sent_to_two_processes_at_once_makes_one_user_on_sqlite() {
    two_processes(Backend::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_key_sent_to_two_processes_at_once_makes_one_user_on_postgresql() {
    two_processes(Backend::Postgres).await;
}
