//! The databases of every release, as that release left them: this one upgrades them, and everything in them works.

use std::io::Read;
use std::path::Path;

use sea_orm::{ConnectOptions, ConnectionTrait, Statement};
use serde_json::{Value, json};
use tenantry::store::db::Database;

use crate::rules::releases::released;
use crate::support::binary::{Server, exchange, run, text};
use crate::support::wait::{AT_LAST, until_outside};
use crate::support::{Backend, TestDatabase};

/// What opens the databases of a release, and how many rows its tables have.
struct Facts(Value);

impl Facts {
    fn of(folder: &Path, backend: Backend) -> Self {
        let all: Value = serde_json::from_str(&std::fs::read_to_string(folder.join("facts.json")).unwrap()).unwrap();
        Self(all[word(backend)].clone())
    }

    fn text(&self, name: &str) -> &str {
        self.0[name].as_str().unwrap()
    }
}

fn word(backend: Backend) -> &'static str {
    match backend {
        Backend::Sqlite => "sqlite",
        Backend::Postgres => "postgres",
    }
}

fn unpacked(path: &Path) -> Vec<u8> {
    let mut content = Vec::new();
    let packed = std::fs::File::open(path).unwrap();
    flate2::read::GzDecoder::new(packed).read_to_end(&mut content).unwrap();
    content
}

/// A database with what the release left.
async fn left_by(folder: &Path, backend: Backend) -> TestDatabase {
    let database = TestDatabase::empty(backend).await;
    match backend {
        Backend::Sqlite => {
            let path = database.url.strip_prefix("sqlite://").unwrap();
            std::fs::write(path, unpacked(&folder.join("sqlite.db.gz"))).unwrap();
        }
        Backend::Postgres => {
            let dump = String::from_utf8(unpacked(&folder.join("postgres.sql.gz"))).unwrap();
            let mut options = ConnectOptions::new(database.url.clone());
            options.max_connections(1).sqlx_logging(false);
            let connection = sea_orm::Database::connect(options).await.unwrap();
            connection.execute_unprepared(&dump).await.unwrap();
            connection.close().await.unwrap();
        }
    }
    database
}

/// How many rows each table has.
async fn rows(database: &TestDatabase, backend: Backend) -> Value {
    let db = Database::connect(&database.url).await.unwrap();
    let tables = match backend {
        Backend::Sqlite => {
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY 1"
        }
        Backend::Postgres => "SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public' ORDER BY 1",
    };
    let select = async |sql: &str| {
        let statement = Statement::from_string(db.backend(), sql);
        db.reader().query_all_raw(statement).await.unwrap()
    };
    let mut counts = serde_json::Map::new();
    for table in select(tables).await {
        let table: String = table.try_get("", "name").unwrap();
        let counted = select(&format!("SELECT COUNT(*) AS rows FROM {table}")).await;
        let count: i64 = counted[0].try_get("", "rows").unwrap();
        counts.insert(table, json!(count));
    }
    db.close().await;
    counts.into()
}

/// The findings of `tenantry doctor`, none of which may be that something is wrong.
fn examine(variables: &[(&str, &str)]) {
    let output = run(&["doctor"], variables);
    let found = text(&output.stdout);
    assert!(found.contains("content"), "{found}{}", text(&output.stderr));
    assert!(!found.lines().any(|line| line.starts_with("wrong")), "{found}");
}

/// A running server on an upgraded database, and whose credential is used.
struct Upgraded<'a> {
    server: &'a Server,
    facts: &'a Facts,
}

impl Upgraded<'_> {
    fn ask(&self, key: &str, document: &str) -> Value {
        self.ask_with(key, document, &Value::Null)
    }

    fn ask_with(&self, key: &str, document: &str, variables: &Value) -> Value {
        let (status, answer) = self.server.call_with(key, document, variables);
        assert!(
            status == 200 && answer.get("errors").is_none(),
            "{document}\n{answer:#}"
        );
        answer["data"].clone()
    }

    fn admin(&self, document: &str) -> Value {
        self.ask(self.facts.text("adminKey"), document)
    }

    /// An access token, by the password.
    fn signed_in(&self, email: &str, password: &str) -> String {
        let document = "mutation($data: SignInData!) { signIn(data: $data) { accessToken } }";
        let data = json!({ "email": email, "password": password, "organizationId": "acme" });
        let answer = self.ask_with("", document, &json!({ "data": data }));
        answer["signIn"]["accessToken"].as_str().unwrap().to_owned()
    }

    /// People, groups, keys and events are as the release left them.
    fn reads(&self) {
        let found = self.admin(
            r#"{
                users(where: {organization: {id: "acme"}}, orderBy: NAME_ASC, first: 100) { id name email activated kind roles { name } tenant { id } }
                countUsers(where: {organization: {id: "acme"}})
                groups(where: {organization: {id: "acme"}}, orderBy: NAME_ASC) { name key userCount roles { name } }
                organization(where: {id: "acme"}) { name seatLimit }
                invitations { email }
                countAuditEvents
                auditEvents(where: {action: "user.create", targetId: "grace"}) { action targetId }
            }"#,
        );
        let users = found["users"].as_array().unwrap();
        assert_eq!(found["countUsers"], users.len());
        let user = |id: &str| users.iter().find(|user| user["id"] == id).unwrap();
        assert_eq!(user("grace")["name"], "Grace Hopper");
        assert_eq!(user("grace")["email"], "grace@acme.example");
        assert_eq!(user("grace")["tenant"]["id"], "berlin");
        assert_eq!(user("leaver")["activated"], false);
        assert_eq!(user("robot")["kind"], "SERVICE");
        assert_eq!(user("ada")["name"], "Ada, Countess");
        let roles = user("grace")["roles"].as_array().unwrap();
        assert!(roles.iter().any(|role| role["name"] == "accountant"), "{roles:?}");
        let sales = &found["groups"][found["groups"].as_array().unwrap().len() - 1];
        assert_eq!(sales["key"], "SALES_SUPPORT");
        assert_eq!(sales["userCount"], 2);
        assert_eq!(found["organization"], json!({ "name": "Acme Ünited", "seatLimit": 50 }));
        assert_eq!(found["invitations"], json!([{ "email": "new@acme.example" }]));
        assert_eq!(
            found["auditEvents"],
            json!([{ "action": "user.create", "targetId": "grace" }])
        );
        assert!(found["countAuditEvents"].as_u64().unwrap() >= self.facts.0["rows"]["audit_events"].as_u64().unwrap());
        let robot = self.ask(self.facts.text("robotKey"), "{ me { id } apiKeys { name } }");
        assert_eq!(robot["me"]["id"], "robot");
        let reader = self.ask(self.facts.text("readerKey"), "{ viewerPermissions countUsers }");
        assert!(reader["countUsers"].as_u64().unwrap() >= users.len() as u64);
        // By the words in names, which triggers keep.
        let hopper = self.admin(r#"{ users(where: {text: "hop gra"}) { id } }"#);
        assert_eq!(hopper["users"], json!([{ "id": "grace" }]));
    }

    /// What an identity provider has written is there for it, and in GraphQL.
    fn provisioned(&self) {
        let found = self.admin(
            r#"{
                users(where: {userName: "LIN.okafor@acme.example"}) { id userName externalId email profile }
                groups(where: {externalId: "g-2"}) { name userCount }
                user(where: {id: "ada"}) { userName externalId }
            }"#,
        );
        let lin = &found["users"][0];
        assert_eq!(lin["userName"], "Lin.Okafor@acme.example");
        assert_eq!(lin["email"], "lin@acme.example");
        assert_eq!(lin["profile"]["title"], "Lead engineer");
        assert_eq!(found["groups"], json!([{ "name": "Editors", "userCount": 2 }]));
        assert_eq!(
            found["user"],
            json!({ "userName": "Ada.Lovelace", "externalId": "e-1" })
        );
        let id = lin["id"].as_str().unwrap();
        let (address, key) = (&self.server.address, self.facts.text("robotKey"));
        let request = format!(
            "GET /scim/v2/Users/{id} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {key}\r\nConnection: close\r\n\r\n"
        );
        let answer = exchange(address, &request).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        let lin: Value = serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap();
        assert_eq!(lin["externalId"], "00u7k2");
        assert_eq!(lin["emails"][0]["value"], "Lin@acme.example");
        assert_eq!(lin["emails"][1]["value"], "lin@home.example");
        assert_eq!(lin["name"]["honorificPrefix"], "Dr");
        let extension = &lin["urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"];
        assert_eq!(extension["manager"]["displayName"], "Ada, Countess");
        assert_eq!(lin["groups"][0]["display"], "Editors");
    }

    /// People sign in, and everything can be changed.
    fn changes(&self) {
        let ada = self.signed_in("Ada@acme.example", self.facts.text("password"));
        let settings = self.ask(&ada, "{ me { id settings } }");
        assert_eq!(
            settings["me"]["settings"],
            json!({ "language": "de", "columns": ["name", "email"] })
        );
        self.signed_in("old@acme.example", self.facts.text("importedPassword"));
        let made = self.ask(
            &ada,
            r#"mutation {
                createUser(data: {id: "newcomer", email: "newcomer@acme.example", name: "New Comer", roles: ["auditor"]}) { id roles { name } }
                updatePropertiesInUser(where: {id: "grace"}, data: {name: "Rear Admiral", email: "admiral@acme.example"}) { name email }
                addUserToGroup(where: {key: "SALES_SUPPORT"}, user: {id: "newcomer"}) { userCount }
                activateUser(where: {id: "leaver"}) { activated }
                createGroup(data: {name: "After the upgrade", roles: ["user"]}) { key }
                deleteUser(where: {id: "user-2"}) { id }
                updateSettings(updated: {language: "en"}, deleted: ["columns"])
            }"#,
        );
        assert_eq!(made["createUser"]["roles"], json!([{ "name": "auditor" }]));
        assert_eq!(made["addUserToGroup"]["userCount"], 3);
        assert_eq!(made["createGroup"]["key"], "AFTER_THE_UPGRADE");
        assert_eq!(made["updateSettings"], json!({ "language": "en" }));
        let after = self.ask(
            &ada,
            r#"{
                users(where: {text: "rear adm"}) { id }
                gone: users(where: {text: "hopper"}) { id }
            }"#,
        );
        assert_eq!(after["users"], json!([{ "id": "grace" }]));
        assert_eq!(after["gone"], json!([]));
        // On PostgreSQL, events are listed a moment after they are committed.
        until_outside("the event is listed", AT_LAST, || {
            let listed = self.ask(
                &ada,
                r#"{ auditEvents(where: {action: "user.create", targetId: "newcomer"}) { actorId } }"#,
            );
            listed["auditEvents"] == json!([{ "actorId": "ada" }])
        });
    }
}

async fn every_release_is_upgraded(backend: Backend) {
    let releases = released();
    assert!(!releases.is_empty());
    for (version, folder) in releases {
        let facts = Facts::of(&folder, backend);
        let database = left_by(&folder, backend).await;
        let left = rows(&database, backend).await;
        assert_eq!(left, facts.0["rows"], "{version}");
        let empty = left
            .as_object()
            .unwrap()
            .iter()
            .filter(|(_, count)| **count == 0)
            .collect::<Vec<_>>();
        assert!(empty.is_empty(), "{version} has tables without a row: {empty:?}");

        let variables = [
            ("TENANTRY_DATABASE_URL", database.url.as_str()),
            ("TENANTRY_SECRET_KEY", facts.text("secretKey")),
            ("TENANTRY_PUBLIC_URL", "https://directory.example"),
            ("TENANTRY_SMTP_URL", "smtps://127.0.0.1:9"),
        ];
        let migrated = run(&["migrate", "up"], &variables);
        assert!(migrated.status.success(), "{version}: {}", text(&migrated.stderr));
        let mut server = Server::start(&database.url, &variables);
        examine(&variables);
        assert_eq!(server.printed_key(), None, "{version} has a super admin");
        let upgraded = Upgraded {
            server: &server,
            facts: &facts,
        };
        upgraded.reads();
        upgraded.provisioned();
        upgraded.changes();
        server.terminate();
        assert!(server.ended().success());
        examine(&variables);
    }
}

mod sqlite {
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn every_release_is_upgraded() {
        super::every_release_is_upgraded(crate::support::Backend::Sqlite).await;
    }
}

mod postgres {
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn every_release_is_upgraded() {
        super::every_release_is_upgraded(crate::support::Backend::Postgres).await;
    }
}
