//! Many users are created at once: each has an outcome of its own, and who is refused hinders nobody.

use std::collections::BTreeSet;

use futures::future::join_all;
use serde_json::{Value, json};
use tenantry::directory::user::{NewUser, create, create_many};
use tenantry::model::error::Error;
use tenantry::store::db::STATEMENTS;

use crate::on_both;
use crate::seats_kept::another;
use crate::support::{App, Caller};

const CREATE: &str = "mutation($data: CreateUserData!) { createUser(data: $data) { id } }";
const CREATE_MANY: &str = "mutation($data: [CreateUserData!]!) { createUsers(data: $data) {
    user { id } refusal { code reason field permissions message } } }";

async fn outcomes(caller: &Caller<'_>, data: &Value) -> Vec<Value> {
    let answer = caller.ok(CREATE_MANY, json!({ "data": data })).await;
    answer["createUsers"].as_array().unwrap().clone()
}

/// The id of who was created, or the code of the refusal.
fn told(outcomes: &[Value]) -> Vec<&str> {
    let one = |outcome: &Value| (outcome["user"].is_null(), outcome["refusal"].is_null());
    assert!(outcomes.iter().all(|outcome| {
        let (no_user, no_refusal) = one(outcome);
        no_user != no_refusal
    }));
    let text = |outcome| match one(outcome) {
        (false, _) => &outcome["user"]["id"],
        (true, _) => &outcome["refusal"]["code"],
    };
    outcomes.iter().map(|outcome| text(outcome).as_str().unwrap()).collect()
}

async fn limit(app: &App, organization: &str, seats: i64) {
    let document = "mutation($id: ID!, $seats: Int!) { updateOrganization(where: {id: $id}, data: {seatLimit: $seats}) { id seatsUsed } }";
    app.admin()
        .ok(document, json!({"id": organization, "seats": seats}))
        .await;
}

fn of_acme(numbers: std::ops::Range<usize>) -> Vec<NewUser> {
    let new = |number| NewUser {
        id: Some(format!("u{number}")),
        email: Some(format!("u{number}@acme.example")),
        organization_id: Some("acme".to_owned()),
        ..NewUser::default()
    };
    numbers.map(new).collect()
}

on_both! {
    async fn each_has_an_outcome_in_the_order_of_the_input(app: App) {
        app.organization("acme", &["berlin"]).await;
        app.organization("other", &["paris"]).await;
        app.user("acme", "ada", None).await;
        let chief = app.user("acme", "chief", Some("organization-admin")).await;
        app.settle().await;
        let refused = [
            json!({"id": "ada"}),
            json!({"email": "ADA@acme.example"}),
            json!({"id": "u1", "organizationId": "other"}),
            json!({"id": "u2", "tenantId": "paris"}),
            json!({"id": "u3", "tenantRoles": [{"role": "user", "tenant": "paris"}]}),
            json!({"id": "u4", "roles": ["nobody"]}),
            json!({"id": "u5", "roles": ["super-admin"]}),
            json!({"id": "u6", "email": "not an address"}),
            json!({"id": " "}),
            json!({}),
            json!({"id": "u7", "password": "short"}),
            json!({"id": "u8", "passwordHash": "nonsense"}),
            json!({"id": "u9", "kind": "SERVICE", "password": "a good password"}),
            json!({"id": "u10", "kind": "SERVICE", "takesSeat": false}),
            json!({"id": "u11", "federatedIdentities": [{"identityProvider": "x", "userId": "1", "userName": "a"}, {"identityProvider": "x", "userId": "2", "userName": "b"}]}),
            json!({"id": "u12", "roles": ["tenant-admin"]}),
        ];
        let alone = join_all(refused.iter().map(async |data| chief.refusal(CREATE, json!({ "data": data })).await)).await;
        let good = json!({"id": "eve", "email": "eve@acme.example", "firstname": "Eve", "tenantId": "berlin", "roles": ["user"],
            "tenantRoles": [{"role": "api-user", "tenant": "berlin"}], "password": "password-of-eve", "variables": {"a": 1},
            "federatedIdentities": [{"identityProvider": "x", "userId": "1", "userName": "eve"}]});
        let last = json!({"id": "bot", "kind": "SERVICE"});
        let data: Vec<&Value> = std::iter::once(&good).chain(&refused).chain([&last]).collect();
        let before = app.dump().await;
        let made = outcomes(&chief, &json!(data)).await;
        assert_eq!(told(&made)[0], "eve");
        assert_eq!(told(&made)[refused.len() + 1], "bot");
        for (outcome, error) in made[1..].iter().zip(&alone) {
            let refusal = &outcome["refusal"];
            let at = &error["extensions"];
            assert_eq!((&refusal["message"], &refusal["code"]), (&error["message"], &at["code"]), "{error}");
            assert_eq!(refusal["reason"], at["reason"], "{error}");
            let field = at["field"].as_str().map(|field| field.trim_start_matches("data."));
            assert_eq!(refusal["field"].as_str(), field, "{error}");
            let permissions = at.get("permissions").cloned().unwrap_or_else(|| json!([]));
            assert_eq!(refusal["permissions"], permissions, "{error}");
        }
        assert_ne!(app.dump().await, before);
        let users = app.admin().ok("{ users(where: {organization: {id: \"acme\"}}) { id } }", json!({})).await;
        let users: BTreeSet<&str> = users["users"].as_array().unwrap().iter().map(|user| user["id"].as_str().unwrap()).collect();
        assert_eq!(users, BTreeSet::from(["ada", "bot", "chief", "eve"]));
        let seen = "{ users(where: {id: \"eve\"}) { email name tenantId roles { name } tenantRoles { role { name } } variables kind federatedIdentities { userName } } }";
        assert_eq!(app.admin().ok(seen, json!({})).await["users"][0], json!({
            "email": "eve@acme.example", "name": "Eve", "tenantId": "berlin", "roles": [{"name": "user"}], "kind": "PERSON",
            "tenantRoles": [{"role": {"name": "api-user"}}], "variables": {"a": 1}, "federatedIdentities": [{"userName": "eve"}],
        }));
        let sign_in = "mutation { signIn(data: {email: \"eve@acme.example\", password: \"password-of-eve\"}) { accessToken } }";
        app.anonymous().ok(sign_in, json!({})).await;
    }

    /// What each event says is the same as for a single user.
    async fn each_has_its_event(app: App) {
        app.organization("acme", &["berlin"]).await;
        let chief = app.user("acme", "chief", Some("organization-admin")).await;
        let new = |id: &str| json!({"id": id, "name": "Name", "tenantId": "berlin", "roles": ["user"]});
        chief.ok(CREATE, json!({"data": new("one")})).await;
        assert_eq!(told(&outcomes(&chief, &json!([new("two"), {"id": "chief"}, new("three")])).await), ["two", "CONFLICT", "three"]);
        let events = "{ auditEvents(where: {action: \"user.create\", actorId: \"chief\"}) { action actorId targetId targetName targetKind
            organization { id } fields related { kind id name change tenantId } } }";
        let events = app.admin().ok(events, json!({})).await["auditEvents"].as_array().unwrap().clone();
        let of = |id: &str| {
            let mut found = events.iter().filter(|event| event["targetId"] == id);
            let (one, none) = (found.next().unwrap().clone(), found.next());
            assert_eq!(none, None);
            let mut one = one;
            one["targetId"] = json!("");
            one
        };
        assert_eq!(events.len(), 3);
        assert_eq!((of("two"), of("three")), (of("one"), of("one")));
    }

    /// Of those who want the same, the first gets it; if that one is refused, the second.
    async fn the_first_of_two_gets_it(app: App) {
        app.organization("acme", &[]).await;
        app.user("acme", "ada", None).await;
        limit(&app, "acme", 2).await;
        let admin = app.admin();
        let uuid = "6f9619ff-8b86-d011-b42d-00c04fc964ff";
        let data = json!([
            {"id": "one", "email": "same@acme.example", "organizationId": "acme"},
            {"id": "one", "organizationId": "acme"},
            {"id": "two", "email": "Same@acme.example", "organizationId": "acme"},
            {"id": "three", "email": "same@acme.example"},
            {"id": uuid, "organizationId": "acme", "activated": false},
            {"id": uuid.replace('-', ""), "organizationId": "acme", "activated": false},
            // The address is ada's, so the id is left for the next.
            {"id": "four", "email": "ada@acme.example", "organizationId": "acme"},
            {"id": "four", "organizationId": "acme", "activated": false},
            {"id": "five", "organizationId": "acme"},
            // No seat is left for the one before, so that the id is free.
            {"id": "five", "organizationId": "acme", "activated": false},
            {"id": "six", "organizationId": "acme"},
        ]);
        let made = outcomes(&admin, &data).await;
        assert_eq!(told(&made), [
            "one", "CONFLICT", "CONFLICT", "three", uuid, "CONFLICT", "CONFLICT", "four", "SEAT_LIMIT_REACHED", "five", "SEAT_LIMIT_REACHED",
        ]);
        assert_eq!(made[2]["refusal"]["message"], "A user with the e-mail address 'same@acme.example' already exists.");
        assert_eq!(made[1]["refusal"]["message"], "A user with the id 'one' already exists.");
    }

    /// Seats are taken once for each organization, and the first users get them.
    async fn the_first_get_the_seats(app: App) {
        for organization in ["acme", "other", "free"] {
            app.organization(organization, &[]).await;
        }
        limit(&app, "acme", 2).await;
        limit(&app, "other", 1).await;
        let admin = app.admin();
        let data = json!([
            {"id": "a1", "organizationId": "acme"}, {"id": "o1", "organizationId": "other"}, {"id": "f1", "organizationId": "free"},
            {"id": "a2", "organizationId": "acme"}, {"id": "o2", "organizationId": "other"},
            {"id": "bot", "organizationId": "acme", "kind": "SERVICE", "takesSeat": false},
            {"id": "a3", "organizationId": "acme"}, {"id": "off", "organizationId": "other", "activated": false},
        ]);
        let made = outcomes(&admin, &data).await;
        assert_eq!(told(&made), ["a1", "o1", "f1", "a2", "SEAT_LIMIT_REACHED", "bot", "SEAT_LIMIT_REACHED", "off"]);
        assert_eq!(made[6]["refusal"]["message"], "All 2 seats of the organization 'acme' are taken; deactivate a user or raise the seat limit.");
        let wrong = "SELECT COUNT(*) FROM organizations o WHERE seat_limit IS NOT NULL AND seats_used <> \
            (SELECT COUNT(*) FROM users u WHERE u.organization_pk = o.pk AND u.activated AND u.takes_seat)";
        assert_eq!(app.number(wrong).await, 0);
        let before = app.dump().await;
        assert_eq!(told(&outcomes(&admin, &json!([{"id": "a4", "organizationId": "acme"}, {"id": "a5", "organizationId": "acme"}])).await), ["SEAT_LIMIT_REACHED"; 2]);
        assert_eq!(app.dump().await, before);
    }

    /// What concerns the call is one error, and nobody is created.
    async fn the_call_as_a_whole_is_refused(app: App) {
        app.organization("acme", &[]).await;
        let ada = app.user("acme", "ada", None).await;
        let chief = app.user("acme", "chief", Some("organization-admin")).await;
        let new = |count: usize| (0..count).map(|number| json!({"id": format!("u{number}")})).collect::<Vec<_>>();
        assert_eq!(ada.refused(CREATE_MANY, json!({"data": new(1)})).await, "FORBIDDEN");
        assert_eq!(app.anonymous().refused(CREATE_MANY, json!({"data": new(1)})).await, "UNAUTHENTICATED");
        let short = "mutation($data: [CreateUserData!]!) { createUsers(data: $data) { refusal { code } } }";
        let error = chief.refusal(short, json!({"data": new(1_001)})).await;
        assert_eq!(error["message"], "'data' contains 1001 users; the limit is 1000. Send them in several requests.");
        let with_passwords: Vec<Value> = (0..101).map(|number| json!({"id": format!("u{number}"), "password": "a good password"})).collect();
        let error = chief.refusal(CREATE_MANY, json!({"data": with_passwords})).await;
        assert_eq!(error["extensions"]["code"], "LIMIT_EXCEEDED");
        let twice = "mutation($data: [CreateUserData!]!) { a: createUsers(data: $data) { user { id } } b: createUsers(data: $data) { user { id } } }";
        assert_eq!(chief.refused(twice, json!({"data": new(1)})).await, "LIMIT_EXCEEDED");
        // Rows times selection.
        let costly = "mutation($data: [CreateUserData!]!) { createUsers(data: $data) { user { groups { id name key } } } }";
        assert_eq!(chief.refused(costly, json!({"data": new(1_000)})).await, "LIMIT_EXCEEDED");
        assert_eq!(outcomes(&chief, &json!([])).await, Vec::<Value>::new());
        app.services.refusals.flush(&app.services.db, app.services.clock.now(), true).await.unwrap();
        let trail = "{ countAuditEvents(where: {action: \"user.create\", refused: true}) }";
        assert!(app.admin().ok(trail, json!({})).await["countAuditEvents"].as_i64().unwrap() > 0);
        let users = app.admin().ok("{ countUsers(where: {organization: {id: \"acme\"}}) }", json!({})).await;
        assert_eq!(users["countUsers"], 2);
    }

    /// A thousand users take a few statements, and far less time than one by one.
    async fn a_thousand_take_few_statements(app: App) {
        app.organization("acme", &[]).await;
        limit(&app, "acme", 5_000).await;
        let chief = app.user("acme", "chief", Some("organization-admin")).await;
        let role = "mutation { createRole(data: {name: \"reader\", permissions: [\"read:user\"]}) { id } }";
        chief.ok(role, json!({})).await;
        let data: Vec<Value> = (0..1_000)
            .map(|n| json!({"id": format!("u{n}"), "email": format!("u{n}@acme.example"), "name": format!("User {n}"), "roles": ["user", "reader"]}))
            .collect();
        let short = "mutation($data: [CreateUserData!]!) { createUsers(data: $data) { user { id } refusal { code message } } }";
        let counted = STATEMENTS.scope(Default::default(), async {
            let made = chief.ok(short, json!({ "data": data })).await;
            let refused: Vec<&Value> = made["createUsers"].as_array().unwrap().iter().filter(|one| !one["refusal"].is_null()).collect();
            assert_eq!(refused, Vec::<&Value>::new());
            STATEMENTS.with(|statements| statements.load(std::sync::atomic::Ordering::Relaxed))
        });
        let statements = counted.await;
        assert!(statements <= 20, "{statements}");
        assert_eq!(app.number("SELECT COUNT(*) FROM users WHERE id LIKE 'u%'").await, 1_000);
        assert_eq!(app.number("SELECT COUNT(*) FROM audit_events WHERE action = 'user.create' AND target_id LIKE 'u%'").await, 1_000);
        assert_eq!(app.number("SELECT seats_used FROM organizations WHERE id = 'acme'").await, 1_001);
        // All of them are there already.
        let counted = STATEMENTS.scope(Default::default(), async {
            let made = chief.ok(short, json!({ "data": data })).await;
            assert!(made["createUsers"].as_array().unwrap().iter().all(|one| one["refusal"]["code"] == "CONFLICT"));
            STATEMENTS.with(|statements| statements.load(std::sync::atomic::Ordering::Relaxed))
        });
        let statements = counted.await;
        assert!(statements <= 20, "{statements}");
    }

    /// Two processes create the same users at once: each user is created once, and both calls end well.
    async fn two_calls_with_the_same_users(app: App) {
        app.organization("acme", &[]).await;
        limit(&app, "acme", 1_000).await;
        let (op, other) = (app.machine(), another(&app).await);
        for round in 0..5 {
            let mine = of_acme(round * 100..round * 100 + 100);
            let mut theirs = mine.clone();
            theirs.reverse();
            let (a, b) = tokio::join!(create_many(&op, mine), create_many(&other, theirs));
            let (a, mut b) = (a.unwrap(), b.unwrap());
            b.reverse();
            for (a, b) in a.iter().zip(&b) {
                assert!(matches!((a, b), (Ok(_), Err(Error::Conflict(_))) | (Err(Error::Conflict(_)), Ok(_))), "{a:?} {b:?}");
            }
        }
        assert_eq!(app.number("SELECT COUNT(*) FROM users WHERE id LIKE 'u%'").await, 500);
        assert_eq!(app.number("SELECT seats_used FROM organizations WHERE id = 'acme'").await, 500);
        // Beside single ones.
        let single = join_all(of_acme(500..520).into_iter().map(|new| create(&op, new)));
        let (many, single) = tokio::join!(create_many(&other, of_acme(500..520)), single);
        let created = many.unwrap().iter().filter(|one| one.is_ok()).count() + single.iter().filter(|one| one.is_ok()).count();
        assert_eq!(created, 20);
        assert_eq!(app.number("SELECT seats_used FROM organizations WHERE id = 'acme'").await, 520);
    }

    /// Whoever manages single tenants creates users there, and nowhere else.
    async fn managers_of_tenants_create_there(app: App) {
        app.organization("acme", &["berlin", "paris"]).await;
        let tia = app.user("acme", "tia", None).await;
        app.admin().ok("mutation { assignRole(where: {id: \"tia\"}, role: \"organization-admin\", tenant: \"berlin\") { id } }", json!({})).await;
        app.user("acme", "ada", None).await;
        let data = json!([{"id": "a"}, {"id": "b", "tenantId": "berlin"}, {"id": "c", "tenantId": "paris"}, {"id": "ada"}, {"id": "d", "roles": ["user"]}]);
        let made = outcomes(&tia, &data).await;
        assert_eq!(told(&made), ["a", "b", "NOT_FOUND", "CONFLICT", "FORBIDDEN"]);
        app.services.refusals.flush(&app.services.db, app.services.clock.now(), true).await.unwrap();
        let noted = "{ auditEvents(where: {action: \"user.create\", refused: true, actorId: \"tia\"}) { count } }";
        let noted = app.admin().ok(noted, json!({})).await;
        let noted: i64 = noted["auditEvents"].as_array().unwrap().iter().map(|event| event["count"].as_i64().unwrap()).sum();
        assert_eq!(noted, 2);
    }
}
