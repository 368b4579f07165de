//! The audit trail as administrators read it: whose events, in which order, and that nothing rewrites them.

use std::time::Duration;

use sea_orm::ConnectionTrait;
use serde_json::{Value, json};
use tenantry::model::{Client, UserId};

use crate::on_both;
use crate::support::session::{With, send_with};
use crate::support::wait::{AT_LAST, until};
use crate::support::{App, Backend};

const EVENTS: &str = "query($where: AuditEventWhere) { auditEvents(where: $where) {
    action actorId targetKind targetId fields refused count organization { id } } countAuditEvents(where: $where) }";

/// The events' actions, once none can be hidden by a transaction still under way elsewhere on the same server.
async fn actions(app: &App, wanted: Value) -> Vec<String> {
    let data = app.admin().ok(EVENTS, json!({ "where": wanted })).await;
    let events = data["auditEvents"].as_array().unwrap();
    events
        .iter()
        .map(|event| event["action"].as_str().unwrap().to_owned())
        .collect()
}

on_both! {
    async fn each_change_is_told_with_its_fields_and_never_its_values(app: App) {
        app.organization("acme", &["berlin"]).await;
        let ada = app.user("acme", "ada", Some("organization-admin")).await;
        ada.ok("mutation { updatePropertiesInUser(where: {id: \"ada\"}, data: {lastname: \"L\", variables: {k: \"Hidden value\"}}) { id } }", json!({})).await;
        let wanted = json!({ "targetId": "ada", "action": "user.update" });
        assert_eq!(actions(&app, wanted.clone()).await, ["user.update"]);
        let data = ada.ok(EVENTS, json!({ "where": wanted })).await;
        assert_eq!(data["auditEvents"], json!([{
            "action": "user.update", "actorId": "ada", "targetKind": "user", "targetId": "ada",
            "fields": ["lastname", "variables"], "refused": false, "count": 1, "organization": {"id": "acme"},
        }]));
        assert!(!app.dump().await.lines().any(|line| line.starts_with("audit_events") && line.contains("Hidden value")));
    }

    async fn administrators_read_their_own_organization_and_nobody_else_reads_any(app: App) {
        app.organization("acme", &[]).await;
        app.organization("other", &[]).await;
        let ada = app.user("acme", "ada", Some("organization-admin")).await;
        let bob = app.user("other", "bob", Some("organization-admin")).await;
        let eve = app.user("acme", "eve", Some("admin")).await;
        let all = actions(&app, json!({})).await;
        assert!(all.contains(&"organization.create".to_owned()));
        for (caller, id) in [(&ada, "acme"), (&bob, "other")] {
            let data = caller.ok(EVENTS, json!({})).await;
            let events = data["auditEvents"].as_array().unwrap();
            assert_eq!(data["countAuditEvents"], json!(events.len()));
            assert!(!events.is_empty() && events.iter().all(|event| event["organization"]["id"] == id), "{data:#}");
        }
        let foreign = ada.ok(EVENTS, json!({ "where": { "organization": { "id": "other" } } })).await;
        assert_eq!(foreign, json!({ "auditEvents": [], "countAuditEvents": 0 }));
        assert_eq!(eve.refused(EVENTS, json!({})).await, "FORBIDDEN");
        assert_eq!(app.anonymous().refused(EVENTS, json!({})).await, "UNAUTHENTICATED");
    }

    async fn nothing_changes_or_deletes_an_event(app: App) {
        let before = app.dump().await;
        let mut statements = vec!["UPDATE audit_events SET action = 'x'", "DELETE FROM audit_events"];
        if app.backend == Backend::Postgres {
            statements.extend(["TRUNCATE audit_events", "TRUNCATE audit_events CASCADE"]);
            statements.push(
                "INSERT INTO audit_events (id, action, target_kind, target_id, created_at)
                 SELECT id, 'x', 'x', 'x', 0 FROM audit_events ON CONFLICT (id) DO UPDATE SET action = 'x'",
            );
        } else {
            statements.extend([
                "INSERT OR REPLACE INTO audit_events (id, action, target_kind, target_id, created_at)
                 SELECT id, 'x', 'x', 'x', 0 FROM audit_events",
                "INSERT OR REPLACE INTO audit_events (pk, id, action, target_kind, target_id, created_at)
                 SELECT pk, id || 'x', 'x', 'x', 'x', 0 FROM audit_events",
            ]);
        }
        for statement in statements {
            let transaction = app.services.db.begin().await.unwrap();
            let refused = transaction.execute_unprepared(statement).await.unwrap_err();
            assert!(refused.to_string().contains("audit events are never"), "{refused}");
        }
        assert_eq!(before, app.dump().await);
    }

    async fn administrators_see_who_fails_to_get_in(app: App) {
        app.organization("acme", &[]).await;
        app.organization("other", &[]).await;
        let ada = app.user("acme", "ada", Some("organization-admin")).await;
        let bob = app.user("other", "bob", Some("organization-admin")).await;
        app.user("acme", "eve", Some("user")).await;
        app.user("acme", "off", Some("user")).await;
        app.user("acme", "root", Some("super-admin")).await;
        app.admin().ok("mutation { deactivateUser(where: {id: \"off\"}) { id } }", json!({})).await;
        app.admin().ok("mutation { createUserWithPassword(data: {id: \"temp\", email: \"temp@acme.example\", organizationId: \"acme\"}) { password } }", json!({})).await;
        for _ in 0..2 {
            app.try_sign_in(None, "eve@acme.example", "not the password").await;
        }
        app.try_sign_in(None, "off@acme.example", "password-of-off").await;
        app.try_sign_in(None, "nobody@acme.example", "not the password").await;
        let passwords = json!({"oldPassword": "not the password", "newPassword1": "another-password", "newPassword2": "another-password"});
        app.anonymous().send("mutation($data: UpdatePasswordData!) { updatePassword(where: {email: \"temp@acme.example\"}, data: $data) { id } }",
            json!({"data": passwords})).await;
        // Impersonations: by the header, by a session; of who may more, of who is elsewhere, of nobody.
        for id in ["root", "bob", "no such"] {
            let with = With { impersonate: vec![id.as_bytes()], ..With::default() };
            send_with(&ada, with, "{ me { id } }", json!({})).await;
            ada.send("mutation($id: ID) { impersonateUser(where: {id: $id}, reason: \"r\") { accessToken } }", json!({"id": id})).await;
        }
        app.services.refusals.flush(&app.services.db, app.services.clock.now(), true).await.unwrap();
        let mut seen = Vec::new();
        for caller in [&ada, &bob, &app.admin()] {
            let data = caller.ok("{ auditEvents(where: {refused: true}) { action actorId targetKind targetId count requestId organization { id } } }", json!({})).await;
            let mut events: Vec<String> = data["auditEvents"].as_array().unwrap().iter().map(|event| {
                assert_eq!(event["requestId"].as_str().unwrap().len(), 36, "{event}");
                format!("{} {} by {} of {} times {}", event["organization"]["id"], event["action"], event["actorId"], event["targetId"], event["count"]).replace('"', "")
            }).collect();
            events.sort();
            seen.push(events);
        }
        let acme = [
            "acme password.change by null of temp times 1",
            "acme session.signIn by null of eve times 2",
            "acme session.signIn by null of off times 1",
            "acme user.impersonate by ada of root times 2",
            "acme user.impersonate by ada of user.impersonate times 4",
        ];
        assert_eq!(seen[0], acme);
        assert_eq!(seen[1], [""; 0], "nothing of another organization");
        assert_eq!(seen[2], [&acme[..], &["null session.signIn by null of session.signIn times 1"]].concat());
        assert!(!app.dump().await.contains("nobody@acme.example"), "what was typed is not kept");
    }

    /// Verbs that are open to anybody go by what they are given. A credential of another organization that is sent along
    /// stands in nobody's trail.
    async fn a_foreign_credential_leaves_no_trace(app: App) {
        app.organization("acme", &[]).await;
        app.organization("other", &[]).await;
        app.user("acme", "ada", Some("organization-admin")).await;
        app.user("acme", "off", Some("user")).await;
        app.admin().ok("mutation { deactivateUser(where: {id: \"off\"}) { id } }", json!({})).await;
        let invite = "mutation { inviteUser(data: {email: \"new@acme.example\", organizationId: \"acme\"}) { id } }";
        app.admin().ok(invite, json!({})).await;
        let invited = app.mailed_token();
        let verify = "mutation { requestEmailVerification(where: {id: \"ada\"}) { id } }";
        app.admin().ok(verify, json!({})).await;
        let verified = app.mailed_token();
        app.admin().ok("mutation { resetPassword(where: {id: \"ada\"}) { id } }", json!({})).await;
        let reset = app.mailed_token();
        let bob = app.user("other", "bob", Some("organization-admin")).await;
        let refresh = app.sign_in("acme", "ada").await.refresh;
        let before = app.number("SELECT COUNT(*) AS n FROM audit_events").await;
        let sign_in = "mutation($data: SignInData!) { signIn(data: $data) { expiresIn } }";
        for caller in [&bob, &app.admin()] {
            for (email, password) in [("ada", "password-of-ada"), ("ada", "not the password"), ("off", "password-of-off")] {
                caller.send(sign_in, json!({"data": {"email": format!("{email}@acme.example"), "password": password}})).await;
            }
            caller.send("mutation($t: String!) { refreshSession(data: {refreshToken: $t}) { expiresIn } }", json!({"t": refresh})).await;
            caller.send("mutation($t: String!) { verifyEmail(token: $t) }", json!({"t": verified})).await;
            caller.send("mutation($t: String!) { completePasswordReset(token: $t, newPassword: \"Brass-kettle-27-hums\") }", json!({"t": reset})).await;
            let accept = "mutation($t: String!) { acceptInvitation(token: $t, data: {password: \"Brass-kettle-27-hums\"}) { id } }";
            caller.send(accept, json!({"t": invited})).await;
            caller.send("mutation { requestPasswordReset(email: \"ada@acme.example\") }", json!({})).await;
        }
        app.services.refusals.flush(&app.services.db, app.services.clock.now(), true).await.unwrap();
        let after = app.number("SELECT COUNT(*) AS n FROM audit_events").await;
        assert!(after - before > 6, "{before} {after}");
        let by_others = "SELECT COUNT(*) AS n FROM audit_events WHERE organization_pk = (SELECT pk FROM organizations WHERE id = 'acme')
            AND (actor_id = 'bob' OR actor_id = 'admin' AND action NOT IN
                 ('organization.create', 'user.create', 'user.deactivate', 'invitation.send', 'email.requestVerification', 'password.reset'))";
        assert_eq!(app.number(by_others).await, 0);
    }

    /// Names that a caller invents stay out of the trail, and so does all but a few of what one caller provokes; what there is
    /// no room for is counted.
    async fn refusals_fill_no_trail(app: App) {
        app.organization("acme", &[]).await;
        let eve = app.user("acme", "eve", Some("user")).await;
        let ada = app.user("acme", "ada", Some("organization-admin")).await;
        for (caller, name) in [(&eve, "eve"), (&ada, "ada")] {
            for n in 0..60 {
                let id = format!("{name} invented {n}");
                let with = With { impersonate: vec![id.as_bytes()], ..With::default() };
                send_with(caller, with, "{ me { id } }", json!({})).await;
            }
        }
        app.services.refusals.flush(&app.services.db, app.services.clock.now(), true).await.unwrap();
        let of = |what: &str| format!("SELECT COALESCE(CAST({what} AS BIGINT), 0) AS n FROM audit_events WHERE refused");
        assert_eq!(app.number(&of("COUNT(*)")).await, 2);
        assert_eq!(app.number(&of("SUM(count)")).await, 120);
        assert!(!app.dump().await.contains("invented"));
    }

    /// Whoever acts as many users has room for one, and what a user does is not told as done in its name.
    async fn who_acts_as_many_has_room_for_one(app: App) {
        app.organization("acme", &[]).await;
        let ada = app.user("acme", "ada", Some("organization-admin")).await;
        let fields = ["deleteOrganization(where: {id: \"acme\"})", "deleteTenant(where: {id: \"t\"})", "createOrganization(data: {name: \"x\"})"];
        for n in 0..12 {
            let id = format!("u{n}");
            let user = app.user("acme", &id, Some("user")).await;
            for caller in [user, ada.clone().acting_as(&id)] {
                for field in fields {
                    assert_eq!(caller.code(&format!("mutation {{ {field} {{ id }} }}"), json!({})).await, "FORBIDDEN");
                }
            }
        }
        app.services.refusals.flush(&app.services.db, app.services.clock.now(), true).await.unwrap();
        let count = async |what: &str, which: &str| app.number(&format!("SELECT CAST({what} AS BIGINT) AS n FROM audit_events WHERE refused AND {which}")).await;
        assert_eq!((count("COUNT(*)", "impersonator_id = 'ada'").await, count("SUM(count)", "impersonator_id = 'ada'").await), (21, 36));
        assert_eq!((count("COUNT(*)", "impersonator_id IS NULL").await, count("SUM(count)", "impersonator_id IS NULL").await), (36, 36));
    }

    async fn each_has_room_of_their_own(app: App) {
        let refusals = &app.services.refusals;
        let now = app.services.clock.now();
        let of = |user: i64, organization: i64| {
            let mut caller = tenantry::model::Caller::clone(match &super::rules::user(tenantry::model::Permissions::empty()) {
                tenantry::model::Actor::User(caller) => caller,
                _ => unreachable!(),
            });
            (caller.user_pk, caller.organization_pk) = (user, organization);
            tenantry::model::Actor::user(caller)
        };
        let somebody = app.user_row("admin").await;
        let note = |user: i64, organization: i64, about: i64| {
            let refusal = tenantry::services::refusals::Refusal::of(&of(user, organization), "user.impersonate");
            let user = tenantry::store::entity::user::Model {
                pk: about,
                id: UserId::parse("id", &format!("u{about}")).unwrap(),
                organization_pk: organization,
                ..somebody.clone()
            };
            refusals.note(refusal.to_user(&user), &Client::default(), "r", now);
        };
        // One caller beyond its room, then many callers beyond that of the organization, then another organization.
        (0..50).for_each(|about| note(1, 1, about));
        (100..400).for_each(|user| (0..3).for_each(|about| note(user, 1, about)));
        (0..10).for_each(|about| note(2, 2, about));
        refusals.flush(&app.services.db, app.services.clock.now(), true).await.unwrap();
        let total = "SELECT CAST(SUM(count) AS BIGINT) AS n FROM audit_events WHERE refused AND organization_pk = ";
        assert_eq!((app.number(&format!("{total}1")).await, app.number(&format!("{total}2")).await), (950, 10), "all are counted");
        assert_eq!(app.number("SELECT COUNT(*) AS n FROM audit_events WHERE refused AND organization_pk = 1 AND actor_pk = 1").await, 21);
        assert_eq!(app.number("SELECT COUNT(*) AS n FROM audit_events WHERE refused AND organization_pk = 1").await, 201);
        assert_eq!(app.number("SELECT COUNT(*) AS n FROM audit_events WHERE refused AND organization_pk = 2").await, 10);
        assert_eq!(app.number("SELECT count AS n FROM audit_events WHERE action = 'refusal.overflow' AND actor_pk = 1").await, 30);
        assert!(app.number("SELECT count AS n FROM audit_events WHERE action = 'refusal.overflow' AND actor_pk IS NULL").await > 600);
    }

    async fn refusals_that_cannot_be_written_are_kept(app: App) {
        app.organization("acme", &[]).await;
        let eve = app.user("acme", "eve", Some("user")).await;
        let refused = "mutation { deleteUser(where: {id: \"admin\"}) { id } }";
        eve.refused(refused, json!({})).await;
        let rename = async |from: &str, to: &str| {
            let transaction = app.services.db.begin().await.unwrap();
            transaction.execute_unprepared(&format!("ALTER TABLE {from} RENAME TO {to}")).await.unwrap();
            transaction.commit().await.unwrap();
        };
        rename("audit_events", "audit_events_away").await;
        app.services.refusals.flush(&app.services.db, app.services.clock.now(), true).await.unwrap_err();
        rename("audit_events_away", "audit_events").await;
        eve.refused(refused, json!({})).await;
        app.services.refusals.flush(&app.services.db, app.services.clock.now(), true).await.unwrap();
        let data = app.admin().ok("{ auditEvents(where: {refused: true}) { action count } }", json!({})).await;
        assert_eq!(data["auditEvents"], json!([{"action": "user.delete", "count": 2}]));
    }

    async fn refusals_of_a_minute_are_one_event(app: App) {
        app.organization("acme", &[]).await;
        let eve = app.user("acme", "eve", Some("user")).await;
        for _ in 0..3 {
            let code = eve.refused("mutation { data: deleteUser(where: {id: \"admin\"}) { id } }", json!({})).await;
            assert_eq!(code, "FORBIDDEN");
        }
        // Malformed requests are nobody's event.
        eve.refused("mutation { nonsense }", json!({})).await;
        app.services.refusals.flush(&app.services.db, app.services.clock.now(), false).await.unwrap();
        assert!(actions(&app, json!({ "refused": true })).await.is_empty(), "the minute is not over");
        app.services.clock.advance(Duration::from_secs(61));
        app.services.refusals.flush(&app.services.db, app.services.clock.now(), false).await.unwrap();
        assert_eq!(actions(&app, json!({ "refused": true })).await, ["user.delete"]);
        let data = app.admin().ok(EVENTS, json!({ "where": { "refused": true } })).await;
        assert_eq!(data["auditEvents"], json!([{
            "action": "user.delete", "actorId": "eve", "targetKind": "request", "targetId": "user.delete", "fields": [],
            "refused": true, "count": 3, "organization": {"id": "acme"},
        }]));
    }
}

/// Two transactions write events; the one that began first commits last. Whoever pages along with them must see both.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_paging_never_skips_an_event_committed_late() {
    let app = App::new(Backend::Postgres).await;
    let insert = |id: &str| {
        format!(
            "INSERT INTO audit_events (id, action, target_kind, target_id, created_at) VALUES ('{id}', 'test', 'test', 'test', 0)"
        )
    };
    let early = app.services.db.begin().await.unwrap();
    early.execute_unprepared(&insert("early")).await.unwrap();
    let late = app.services.db.begin().await.unwrap();
    late.execute_unprepared(&insert("late")).await.unwrap();
    late.commit().await.unwrap();

    let page = "query($after: String) { auditEventsConnection(after: $after) { pageInfo { endCursor } nodes { id } } }";
    let mut cursor = Value::Null;
    let mut seen: Vec<String> = Vec::new();
    let mut read_on = async || {
        // Not waiting for what is under way.
        let answer = app.admin().send(page, json!({ "after": cursor })).await;
        let slice = &answer["data"]["auditEventsConnection"];
        seen.extend(
            slice["nodes"]
                .as_array()
                .unwrap()
                .iter()
                .map(|node| node["id"].as_str().unwrap().to_owned()),
        );
        if slice["pageInfo"]["endCursor"].is_string() {
            cursor = slice["pageInfo"]["endCursor"].clone();
        }
        seen.clone()
    };
    assert!(
        !read_on().await.contains(&"late".to_owned()),
        "what is under way before it could still come to stand before it"
    );
    early.commit().await.unwrap();
    until("both events", AT_LAST, async || {
        let seen = read_on().await;
        ["early", "late"].iter().all(|id| seen.contains(&(*id).to_owned()))
    })
    .await;
    let seen = read_on().await;
    assert_eq!(seen.iter().filter(|id| *id == "early").count(), 1);
    assert_eq!(seen.iter().filter(|id| *id == "late").count(), 1);
}

/// Transactions are counted anew on another server: what was restored there comes from the future.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_a_restored_trail_is_seen_whole_and_goes_on_behind_its_end() {
    let app = App::new(Backend::Postgres).await;
    let restored = app.services.db.begin().await.unwrap();
    restored
        .execute_unprepared(
            "INSERT INTO audit_events (id, action, target_kind, target_id, created_at, position)
             VALUES ('restored', 'test.restored', 'test', 'test', 0, 1::bigint << 60)",
        )
        .await
        .unwrap();
    restored.commit().await.unwrap();
    for _ in 0..2 {
        tenantry::operations::setup::prepare(&app.services, None).await.unwrap();
    }
    app.organization("acme", &[]).await;
    let data = app.admin().ok("{ auditEvents { action } }", json!({})).await;
    let told: Vec<&str> = data["auditEvents"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| event["action"].as_str().unwrap())
        .collect();
    assert_eq!(
        told[told.len() - 2..],
        ["test.restored", "organization.create"],
        "{told:?}"
    );
    // A start without a restore changes nothing of the order.
    let era = "SELECT audit_events_era()";
    let before: Vec<i64> = app.column(era).await;
    tenantry::operations::setup::prepare(&app.services, None).await.unwrap();
    assert_eq!(before, app.column::<i64>(era).await);
    assert_eq!(before, [(1 << 40) + 1]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_the_audit_log_has_each_committed_event_as_a_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit.jsonl");
    let app = App::new(Backend::Sqlite).await;
    let mut file = tenantry::directory::audit_event::AuditFile::open(&path)
        .unwrap()
        .unwrap();
    let first = file.catch_up(&app.services.db).await.unwrap();
    app.organization("acme", &[]).await;
    app.admin()
        .refused(
            "mutation { createOrganization(data: {id: \"acme\", name: \"Again\"}) { id } }",
            json!({}),
        )
        .await;
    assert_eq!(
        file.catch_up(&app.services.db).await.unwrap(),
        1,
        "a refused change is no line"
    );
    let lines = std::fs::read_to_string(&path).unwrap();
    let lines: Vec<Value> = lines
        .lines()
        .skip(first)
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines[0]["action"], "organization.create");
    assert_eq!(lines[0]["targetId"], "acme");
    assert_eq!(lines[0]["actorId"], "admin");
    assert_eq!(lines[0]["organizationId"], "acme");
    let mut told = Vec::new();
    app.organization("globex", &[]).await;
    let delete = "mutation { deleteOrganization(where: {id: \"globex\"}) { id } }";
    app.admin().ok(delete, json!({})).await;
    app.user("acme", "ann", None).await;
    app.sign_in("acme", "ann").await;
    let ann = app.key_of("ann").await;
    ann.refused(delete, json!({})).await;
    app.services
        .refusals
        .flush(&app.services.db, app.services.clock.now(), true)
        .await
        .unwrap();
    file.catch_up(&app.services.db).await.unwrap();
    for line in std::fs::read_to_string(&path).unwrap().lines().skip(first) {
        let line: Value = serde_json::from_str(line).unwrap();
        told.push(format!(
            "{} {}",
            line["action"].as_str().unwrap(),
            line["organizationId"].as_str().unwrap_or("-")
        ));
    }
    assert_eq!(
        told,
        [
            "organization.create acme",
            "organization.create globex",
            "organization.delete globex",
            "user.create acme",
            "apiKey.create acme",
            "signingKey.create -",
            "session.signIn acme",
            "apiKey.create acme",
            "organization.delete acme",
        ]
    );
}
