//! The users who have a role and the groups that give it, under the role, with their counts.

use sea_orm::ConnectionTrait;
use serde_json::{Value, json};

use crate::asking::{ASSIGN, user, world};
use crate::on_both;
use crate::support::App;

on_both! {
    async fn a_role_shows_who_has_it(app: App) {
        let chief = world(&app).await;
        let shown = "name users(orderBy: ID_ASC) { id } userCount groups { key } groupCount";
        let named = format!("{{ roles(where: {{nameIn: [\"accountant\", \"api-user\", \"labeler\", \"reviewer\", \"trial-user\", \"user\"]}}, orderBy: NAME_ASC) {{ {shown} }} }}");
        let role = |name: &str, users: &[&str], groups: &[&str]| {
            let objects = |key: &str, ids: &[&str]| ids.iter().map(|id| json!({ key: id })).collect::<Vec<Value>>();
            json!({ "name": name, "users": objects("id", users), "userCount": users.len(), "groups": objects("key", groups), "groupCount": groups.len() })
        };
        assert_eq!(chief.ok(&named, json!({})).await["roles"], json!([
            role("accountant", &["cora", "mia"], &[]), role("api-user", &["mia"], &[]), role("labeler", &["gil"], &["REVIEWERS"]),
            role("reviewer", &["gil"], &["REVIEWERS"]), role("trial-user", &[], &[]), role("user", &["bob", "dee"], &[]),
        ]));
        let user = app.admin().ok(&named, json!({})).await["roles"][5].clone();
        assert_eq!(user, role("user", &["bob", "dee", "tom"], &[]));
        // Once, in whatever ways somebody has it.
        chief.ok(ASSIGN, json!({ "id": "gil", "role": "reviewer" })).await;
        chief.ok(ASSIGN, json!({ "id": "gil", "role": "reviewer", "tenant": "munich" })).await;
        assert_eq!(chief.ok(&named, json!({})).await["roles"][3], role("reviewer", &["gil"], &["REVIEWERS"]));
        let filtered = "{ roles(where: {name: \"user\"}) { a: users(where: {activated: true}) { id } b: users(orderBy: ID_ASC, first: 1, skip: 1) { id } c: users(where: {role: {name: \"reviewer\"}}) { id } } }";
        assert_eq!(chief.ok(filtered, json!({})).await["roles"][0], json!({ "a": [{ "id": "bob" }], "b": [{ "id": "dee" }], "c": [] }));
        // Who may not read roles is shown itself, and nothing is counted.
        let own = format!("{{ me {{ roles {{ {shown} }} }} }}");
        let tim = app.key_of("tim").await.ok(&own, json!({})).await["me"]["roles"][0].clone();
        assert_eq!(tim, json!({ "name": "team-manager", "users": [{ "id": "tim" }], "userCount": null, "groups": [], "groupCount": 0 }));
        let bob = app.key_of("bob").await;
        assert_eq!(bob.refused(&own, json!({})).await, "FORBIDDEN");
        let bobs = bob.ok(&own.replace("groups { key }", ""), json!({})).await["me"]["roles"][0].clone();
        assert_eq!(bobs, json!({ "name": "user", "users": [{ "id": "bob" }], "userCount": null, "groupCount": null }));
    }

    async fn a_role_shows_a_tenant_administrator_who_has_it_there(app: App) {
        world(&app).await;
        user(&app, "bea", Some("berlin"), &[], &[("organization-admin", "berlin"), ("reviewer", "munich")]).await;
        let bea = app.key_of("bea").await;
        let document = "{ roles(where: {nameIn: [\"accountant\", \"labeler\", \"reviewer\", \"user\"]}, orderBy: NAME_ASC) { users(orderBy: ID_ASC) { id } userCount groups { key } groupCount } }";
        assert_eq!(bea.ok(document, json!({})).await["roles"], json!([
            { "users": [], "userCount": 0, "groups": [], "groupCount": 0 },
            { "users": [], "userCount": 0, "groups": [], "groupCount": 0 },
            { "users": [{ "id": "bea" }, { "id": "gil" }], "userCount": 2, "groups": [{ "key": "REVIEWERS" }], "groupCount": 1 },
            { "users": [{ "id": "bob" }, { "id": "dee" }], "userCount": 2, "groups": [], "groupCount": 0 },
        ]));
    }

    /// However many have a role, the same are shown in the same order, and counted.
    async fn many_are_shown_as_few_are(app: App) {
        let chief = world(&app).await;
        app.crowd("acme", 1_200).await;
        let change = app.services.db.begin().await.unwrap();
        let direct = |role: &str, which: &str| format!(
            "INSERT INTO user_roles (user_pk, role_pk, organization_pk, created_at) SELECT u.pk, r.pk, u.organization_pk, 0
             FROM users u JOIN roles r ON r.name = '{role}' WHERE u.id LIKE 'crowd-%' AND {which}"
        );
        for sql in [
            direct("trial-api-user", "u.id NOT IN ('crowd-7', 'crowd-9')"),
            direct("trial-user", "u.id IN ('crowd-5', 'crowd-6', 'crowd-800')"),
            // Every third is in Munich, and has yet another role there.
            "UPDATE users SET tenant_pk = (SELECT pk FROM tenants WHERE id = 'munich') WHERE id LIKE 'crowd-%' AND pk % 3 = 0".to_owned(),
            "INSERT INTO user_roles (user_pk, role_pk, organization_pk, tenant_pk, scope, created_at)
             SELECT u.pk, r.pk, u.organization_pk, u.tenant_pk, u.tenant_pk, 0 FROM users u JOIN roles r ON r.name = 'trial-api-user'
             WHERE u.id LIKE 'crowd-%' AND u.tenant_pk IS NOT NULL AND u.id <> 'crowd-7'".to_owned(),
            "INSERT INTO groups (id, organization_pk, key, name, sort_name, version, created_at, updated_at)
             SELECT u.id, u.organization_pk, u.id, u.id, u.id, 1, u.pk, u.pk FROM users u WHERE u.id LIKE 'crowd-%'".to_owned(),
            "INSERT INTO group_roles (group_pk, role_pk, organization_pk, created_at)
             SELECT g.pk, r.pk, g.organization_pk, 0 FROM groups g JOIN roles r ON r.name = 'trial-api-user' WHERE g.key LIKE 'crowd-%'".to_owned(),
            // Who has it by a group as well is still one; crowd-9 has it by a group alone.
            "INSERT INTO group_members (group_pk, user_pk, organization_pk, created_at)
             SELECT g.pk, u.pk, u.organization_pk, 0 FROM groups g JOIN users u ON u.id = g.key WHERE u.id IN ('crowd-1', 'crowd-2', 'crowd-3', 'crowd-9')".to_owned(),
        ] {
            change.execute_unprepared(&sql).await.unwrap();
        }
        change.commit().await.unwrap();
        user(&app, "moe", None, &[], &[("organization-admin", "munich")]).await;
        let moe = app.key_of("moe").await;
        for (caller, where_it_is) in [(&chief, ""), (&app.admin(), ""), (&moe, "tenant: {id: \"munich\"}, ")] {
            for order in ["ID_ASC", "ID_DESC", "CREATED_AT_ASC", "NAME_DESC"] {
                let document = format!(
                    "{{ roles(where: {{name: \"trial-api-user\"}}) {{ users(where: {{idStartsWith: \"crowd\"}}, orderBy: {order}, first: 90, skip: 40) {{ id }} userCount }}
                        users(where: {{{where_it_is}idStartsWith: \"crowd\", NOT: {{id: \"crowd-7\"}}}}, orderBy: {order}, first: 90, skip: 40) {{ id }}
                        countUsers(where: {{{where_it_is}idStartsWith: \"crowd\", NOT: {{id: \"crowd-7\"}}}}) }}"
                );
                let answer = caller.ok(&document, json!({})).await;
                assert_eq!(answer["users"].as_array().unwrap().len(), 90, "{order}");
                assert_eq!(answer["roles"][0]["users"], answer["users"], "{order}");
                assert_eq!(answer["roles"][0]["userCount"], answer["countUsers"], "{order}");
            }
            let both = "{ roles(where: {nameIn: [\"trial-api-user\", \"trial-user\"]}, orderBy: NAME_ASC) { a: users(where: {id: \"crowd-7\"}) { id }
                b: users(where: {idIn: [\"crowd-1\", \"crowd-9\", \"crowd-3\"]}, orderBy: ID_ASC) { id } } }";
            let ids = ["crowd-1", "crowd-3", "crowd-9"];
            let seen = caller.ok(&format!("{{ users(where: {{{where_it_is}idIn: {}}}, orderBy: ID_ASC) {{ id }} }}", json!(ids)), json!({})).await;
            assert_eq!(caller.ok(both, json!({})).await["roles"], json!([
                { "a": [], "b": seen["users"] }, { "a": [], "b": [] },
            ]));
        }
        let few = "{ roles(where: {name: \"trial-user\"}) { userCount users(orderBy: ID_DESC, first: 2) { id } groupCount } }";
        for caller in [&chief, &app.admin()] {
            assert_eq!(caller.ok(few, json!({})).await["roles"], json!([
                { "userCount": 3, "users": [{ "id": "crowd-800" }, { "id": "crowd-6" }], "groupCount": 0 },
            ]));
            let groups = "{ roles(where: {name: \"trial-api-user\"}) { groupCount groups(orderBy: NAME_ASC, first: 3, skip: 1) { name } } groups(where: {keyStartsWith: \"crowd\"}, orderBy: NAME_ASC, first: 3, skip: 1) { name } }";
            let answer = caller.ok(groups, json!({})).await;
            assert_eq!((&answer["roles"][0]["groupCount"], &answer["roles"][0]["groups"]), (&json!(1_200), &answer["groups"]));
        }
        // Who administers Munich sees of the groups only those with one of its users.
        let groups = "{ roles(where: {name: \"trial-api-user\"}) { groupCount groups { name } } groups(where: {keyStartsWith: \"crowd\"}) { name } }";
        let answer = moe.ok(groups, json!({})).await;
        let shown = answer["roles"][0]["groups"].as_array().unwrap();
        assert_eq!((&answer["roles"][0]["groups"], answer["roles"][0]["groupCount"].as_u64()), (&answer["groups"], Some(shown.len() as u64)));
    }

    /// A count goes to 10,001, and no further.
    async fn a_count_ends(app: App) {
        let chief = world(&app).await;
        let count = "{ roles(where: {name: \"trial-user\"}) { userCount } }";
        for (more, expected) in [(10_000, 10_000), (10_004, 10_001)] {
            let change = app.services.db.begin().await.unwrap();
            change.execute_unprepared("DELETE FROM users WHERE id LIKE 'crowd-%'").await.unwrap();
            change.commit().await.unwrap();
            app.crowd("acme", more).await;
            let give = "INSERT INTO user_roles (user_pk, role_pk, organization_pk, created_at) SELECT u.pk, r.pk, u.organization_pk, 0
                FROM users u JOIN roles r ON r.name = 'trial-user' WHERE u.id LIKE 'crowd-%'";
            let change = app.services.db.begin().await.unwrap();
            change.execute_unprepared(give).await.unwrap();
            change.commit().await.unwrap();
            for caller in [&chief, &app.admin()] {
                assert_eq!(caller.ok(count, json!({})).await["roles"][0]["userCount"], expected);
            }
        }
    }

    /// A user who moves to another organization keeps built-in roles, and is found there by them.
    async fn who_moves_is_found_at_home(app: App) {
        let chief = world(&app).await;
        app.admin().ok(ASSIGN, json!({ "id": "bob", "role": "organization-admin" })).await;
        let data = json!({ "organizationId": "globex" });
        app.admin().ok("mutation($data: UserData!) { updatePropertiesInUser(where: {id: \"bob\"}, data: $data) { id } }", json!({ "data": data })).await;
        let named = "{ roles(where: {name: \"organization-admin\"}) { userCount users(orderBy: ID_ASC) { id } } users(where: {role: {name: \"organization-admin\"}}, orderBy: ID_ASC) { id } }";
        let bob = app.key_of("bob").await;
        for (caller, expected) in [(&chief, json!([{ "id": "chief" }])), (&bob, json!([{ "id": "bob" }]))] {
            let answer: Value = caller.ok(named, json!({})).await;
            assert_eq!(answer["roles"][0], json!({ "userCount": 1, "users": expected }));
            assert_eq!(answer["users"], expected);
        }
    }
}
