//! How many users an organization has, and how many there are at all, is remembered where they are many, and is exact
//! nevertheless: two processes change and count at once, and what each of them says afterwards is what a plain count says.

use sea_orm::{ConnectionTrait, DbBackend, Statement};
use serde_json::{Value, json};
use tenantry::store::db::Database;

use crate::on_both;
use crate::support::binary::Server;
use crate::support::{App, Backend, TestDatabase};

const KEY: &str = "the-key-of-the-first-administrator";
/// More than are counted each time.
const CROWD: u32 = 1_200;
const ROUNDS: u64 = 6;
/// How many users a writer makes, moves or removes in a round.
const CHANGES: u64 = 12;

const COUNTS: &str = "query($all: UserWhere, $active: UserWhere, $rest: UserWhere, $none: UserWhere) {
    all: countUsers(where: $all) active: countUsers(where: $active) rest: countUsers(where: $rest) none: countUsers(where: $none)
    everybody: countUsers everybodyActive: countUsers(where: {activated: true})
    usersConnection(where: $all, first: 1) { totalCount } }";

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_processes_count_what_is_there_on_sqlite() {
    two_processes_count_what_is_there(Backend::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_processes_count_what_is_there_on_postgres() {
    two_processes_count_what_is_there(Backend::Postgres).await;
}

async fn two_processes_count_what_is_there(backend: Backend) {
    let database = TestDatabase::empty(backend).await;
    let variables = [("TENANTRY_ADMIN_API_KEY", KEY)];
    let servers = [0, 1].map(|_| Server::start(&database.url, &variables));
    for id in ["acme", "globex"] {
        let (_, made) = servers[0].call(
            KEY,
            &format!("mutation {{ createOrganization(data: {{id: \"{id}\", name: \"{id}\"}}) {{ id }} }}"),
        );
        assert!(made.get("errors").is_none(), "{made}");
    }
    let db = Database::connect(&database.url).await.unwrap();
    crowd(&db).await;
    for round in 0..ROUNDS {
        std::thread::scope(|scope| {
            for (number, server) in servers.iter().enumerate() {
                for writer in 0..2 {
                    let seed = (round * 10 + number as u64) * 10 + writer;
                    scope.spawn(move || change_some(server, seed));
                }
                // What is remembered here is of a moment between the changes.
                scope.spawn(|| {
                    for _ in 0..20 {
                        counts(server, "acme");
                    }
                });
            }
        });
        for organization in ["acme", "globex"] {
            let expected = counted(&db, organization).await;
            for (number, server) in servers.iter().enumerate() {
                assert_eq!(
                    counts(server, organization),
                    expected,
                    "{organization}, process {number}, round {round}"
                );
            }
        }
    }
    let (all, active) = (summed(&db, "users_change").await, summed(&db, "activated_change").await);
    assert!(
        all != 0 && active != 0 && all != active,
        "the changes say little: {all} {active}"
    );
}

/// All of an organization, activated ones, others; those of another one; and all there are, and the activated ones of them.
fn counts(server: &Server, organization: &str) -> [i64; 6] {
    let of = |activated: Option<bool>| match activated {
        None => json!({"organization": {"id": organization}}),
        Some(is) => json!({"AND": [{"organization": {"id": organization}}, {"activated": is}]}),
    };
    let variables = json!({
        "all": of(None), "active": of(Some(true)), "rest": of(Some(false)), "none": {"organization": {"id": "nothing"}},
    });
    let (_, answer) = server.call_with(KEY, COUNTS, &variables);
    let found = ["all", "active", "rest", "none", "everybody", "everybodyActive"]
        .map(|name| answer["data"][name].as_i64().unwrap_or_else(|| panic!("{answer}")));
    if found[0] == answer["data"]["usersConnection"]["totalCount"] {
        return found;
    }
    // Somebody came or went between two statements of the document.
    counts(server, organization)
}

/// Random changes of every kind that changes a number: what is refused because another writer was there changes nothing.
fn change_some(server: &Server, seed: u64) {
    let mut random = fastrand::Rng::with_seed(seed);
    let ok = |document: &str, variables: Value| {
        let (_, answer) = server.call_with(KEY, document, &variables);
        let code = &answer["errors"][0]["extensions"]["code"];
        assert!(
            code.is_null() || *code == "NOT_FOUND" || *code == "CONFLICT",
            "{document} {variables}: {answer}"
        );
    };
    for number in 0..CHANGES {
        let some = format!("crowd-{}", random.u32(1..=CROWD));
        let (made, home) = (format!("new-{seed}-{number}"), ["acme", "globex"][random.usize(0..2)]);
        match random.u8(0..7) {
            0 | 1 => ok(
                "mutation($data: CreateUserData!) { createUser(data: $data) { id } }",
                json!({"data": {"id": made, "organizationId": home, "activated": random.bool()}}),
            ),
            2 => ok(
                "mutation($id: ID!) { deleteUser(where: {id: $id}) { id } }",
                json!({"id": some}),
            ),
            3 => ok(
                "mutation($id: ID!) { activateUser(where: {id: $id}) { id } }",
                json!({"id": some}),
            ),
            4 => ok(
                "mutation($id: ID!) { deactivateUser(where: {id: $id}) { id } }",
                json!({"id": some}),
            ),
            5 => ok(
                "mutation($id: ID!, $data: UserData!) { updatePropertiesInUser(where: {id: $id}, data: $data) { id } }",
                json!({"id": some, "data": {"organizationId": home, "activated": random.bool()}}),
            ),
            _ => ok(
                "mutation($id: ID!, $data: UserData!) { updatePropertiesInUser(where: {id: $id}, data: $data) { id } }",
                json!({"id": some, "data": {"name": made}}),
            ),
        }
    }
}

async fn crowd(db: &Database) {
    let numbers = match db.backend() {
        DbBackend::Postgres => format!("SELECT i FROM generate_series(1, {CROWD}) n(i)"),
        _ => {
            format!("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {CROWD}) SELECT i FROM n")
        }
    };
    let insert = format!(
        "INSERT INTO users (id, organization_pk, activated, version, created_at, updated_at)
         SELECT 'crowd-' || i, (SELECT pk FROM organizations WHERE id = 'acme'), i % 3 > 0, 1, 1, 1 FROM ({numbers}) numbers"
    );
    let change = db.begin().await.unwrap();
    change.execute_unprepared(&insert).await.unwrap();
    change.commit().await.unwrap();
}

/// The same numbers, by a plain statement.
async fn counted(db: &Database, organization: &str) -> [i64; 6] {
    let sql = format!(
        "SELECT COUNT(*), COUNT(CASE WHEN activated THEN 1 END), COUNT(CASE WHEN NOT activated THEN 1 END),
         (SELECT COUNT(*) FROM users), (SELECT COUNT(*) FROM users WHERE activated) FROM users
         WHERE organization_pk = (SELECT pk FROM organizations WHERE id = '{organization}')"
    );
    let row = db
        .reader()
        .query_one_raw(Statement::from_string(db.backend(), sql))
        .await
        .unwrap()
        .unwrap();
    let number = |place| row.try_get_by_index::<i64>(place).unwrap();
    [number(0), number(1), number(2), 0, number(3), number(4)]
}

async fn summed(db: &Database, column: &str) -> i64 {
    let sql = format!("SELECT CAST(COALESCE(SUM({column}), 0) AS BIGINT) FROM audit_events");
    let row = db
        .reader()
        .query_one_raw(Statement::from_string(db.backend(), sql))
        .await
        .unwrap()
        .unwrap();
    row.try_get_by_index(0).unwrap()
}

const STATS: &str =
    "{ organizations(where: {id: \"acme\"}) { stats { users activated tenants groups roles pendingInvitations } } }";

on_both! {
    /// Numbers at a glance: of whom sees all users, and of nobody else.
    async fn objects_tell_how_many_they_have(app: App) {
        app.organization("acme", &["berlin", "paris"]).await;
        app.organization("globex", &["rome"]).await;
        let ann = app.user("acme", "ann", Some("organization-admin")).await;
        let tia = app.user("acme", "tia", None).await;
        let mia = app.user("acme", "mia", Some("api-user")).await;
        app.user("globex", "stranger", None).await;
        let admin = app.admin();
        for (id, tenant, activated) in [("bob", "berlin", true), ("cal", "berlin", false), ("dot", "paris", true)] {
            admin.create_user(json!({"id": id, "organizationId": "acme", "tenantId": tenant, "activated": activated})).await;
        }
        ann.ok("mutation { createGroup(data: {name: \"editors\"}) { id } }", json!({})).await;
        ann.ok("mutation { createRole(data: {name: \"teller\", permissions: []}) { id } }", json!({})).await;
        let invite = "mutation($email: String!) { inviteUser(data: {email: $email}) { id } }";
        let invited = ann.ok(invite, json!({"email": "one@acme.example"})).await;
        ann.ok(invite, json!({"email": "two@acme.example"})).await;
        let withdraw = "mutation($id: ID!) { withdrawInvitation(where: {id: $id}) { id } }";
        ann.ok(withdraw, json!({"id": invited["inviteUser"]["id"]})).await;
        let add = "mutation($id: ID!) { addUserToGroup(where: {key: \"EDITORS\"}, user: {id: $id}) { id } }";
        for id in ["bob", "mia", "dot"] {
            ann.ok(add, json!({"id": id})).await;
        }
        let assign = "mutation { assignRole(where: {id: \"tia\"}, role: \"organization-admin\", tenant: \"berlin\") { id } }";
        admin.ok(assign, json!({})).await;

        let expected = json!({"users": 6, "activated": 5, "tenants": 2, "groups": 1, "roles": 1, "pendingInvitations": 1});
        for caller in [&ann, &admin] {
            assert_eq!(caller.ok(STATS, json!({})).await["organizations"][0]["stats"], expected);
        }
        let home = "{ me { organization { stats { users } } } }";
        assert_eq!(ann.ok(home, json!({})).await["me"]["organization"]["stats"], json!({"users": 6}));
        for caller in [&tia, &mia] {
            assert_eq!(caller.ok(home, json!({})).await["me"]["organization"]["stats"], Value::Null);
        }

        let tenants = "{ tenants(where: {organization: {id: \"acme\"}}, orderBy: ID_ASC) { id userCount } }";
        for caller in [&ann, &admin] {
            let found = caller.ok(tenants, json!({})).await;
            assert_eq!(found["tenants"], json!([{"id": "berlin", "userCount": 2}, {"id": "paris", "userCount": 1}]));
        }
        assert_eq!(tia.ok(tenants, json!({})).await["tenants"], json!([{"id": "berlin", "userCount": 2}]));

        let groups = "{ groups(where: {organization: {id: \"acme\"}}) { userCount users { id } } }";
        for (caller, count) in [(&ann, 3), (&admin, 3), (&tia, 1)] {
            let found = caller.ok(groups, json!({})).await["groups"][0].clone();
            assert_eq!((&found["userCount"], found["users"].as_array().unwrap().len()), (&json!(count), count));
        }
        let own = mia.ok("{ me { groups { userCount } } }", json!({})).await;
        assert_eq!(own["me"]["groups"], json!([{"userCount": 1}]));
    }
}
