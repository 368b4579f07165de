//! Who has a role or a permission, and whether somebody has one: filters of users, `can` and `check`.

use sea_orm::ConnectionTrait;
use serde_json::{Value, json};

use crate::on_both;
use crate::rules::statements::sent;
use crate::support::{App, Caller};

pub(crate) const ASSIGN: &str = "mutation($id: ID, $role: String!, $tenant: ID) { assignRole(where: {id: $id}, role: $role, tenant: $tenant) { id } }";

/// A user of acme in this tenant, with these roles for the organization and those for tenants.
pub(crate) async fn user(app: &App, id: &str, tenant: Option<&str>, roles: &[&str], for_tenants: &[(&str, &str)]) {
    let of_tenants = for_tenants
        .iter()
        .map(|(role, tenant)| json!({ "role": role, "tenant": tenant }));
    let data = json!({
        "id": id, "email": format!("{id}@acme.example"), "organizationId": "acme", "tenantId": tenant, "roles": roles,
        "tenantRoles": of_tenants.collect::<Vec<Value>>(),
    });
    let create = "mutation($data: CreateUserData!) { createUser(data: $data) { id } }";
    app.admin().ok(create, json!({ "data": data })).await;
}

/// Acme with Berlin and Munich, administered by `chief`, and globex. The role `accountant` reads the audit trail and databases.
///
/// - in Berlin: `bob` is a user, `gil` is a reviewer by a group, and a labeler for Munich by it; `dee` is a deactivated user;
/// - in Munich: `mia` is an api-user there and an accountant in Berlin;
/// - in no tenant: `cora` is an accountant, `tim` a team-manager.
pub(crate) async fn world(app: &App) -> Caller<'_> {
    app.organization("acme", &["berlin", "munich"]).await;
    app.organization("globex", &["rome"]).await;
    let chief = app.user("acme", "chief", Some("organization-admin")).await;
    let role = "mutation { createRole(data: {name: \"accountant\", permissions: [\"read:audit\", \"read:databases\"]}) { id } }";
    chief.ok(role, json!({})).await;
    user(app, "bob", Some("berlin"), &["user"], &[]).await;
    user(app, "gil", Some("berlin"), &[], &[]).await;
    user(app, "dee", Some("berlin"), &["user"], &[]).await;
    user(
        app,
        "mia",
        Some("munich"),
        &[],
        &[("api-user", "munich"), ("accountant", "berlin")],
    )
    .await;
    user(app, "cora", None, &["accountant"], &[]).await;
    user(app, "tim", None, &["team-manager"], &[]).await;
    app.user("globex", "tom", Some("user")).await;
    let group = "mutation { createGroup(data: {name: \"Reviewers\", roles: [\"reviewer\"], tenantRoles: [{role: \"labeler\", tenant: \"munich\"}]}) { id } }";
    chief.ok(group, json!({})).await;
    let join = "mutation { addUserToGroup(where: {key: \"REVIEWERS\"}, user: {id: \"gil\"}) { id } }";
    chief.ok(join, json!({})).await;
    chief
        .ok("mutation { deactivateUser(where: {id: \"dee\"}) { id } }", json!({}))
        .await;
    chief
}

/// The ids that a filter finds, by the list, the count, the connection and the query for each of them.
async fn found(caller: &Caller<'_>, filter: &str) -> Vec<String> {
    let document = format!(
        "{{ users(where: {filter}, orderBy: ID_ASC) {{ id }} countUsers(where: {filter})
            usersConnection(where: {filter}) {{ totalCount nodes {{ id email }} }} }}"
    );
    let answer = caller.ok(&document, json!({})).await;
    let all = answer["users"].as_array().unwrap().iter();
    let ids: Vec<String> = all.map(|one| one["id"].as_str().unwrap().to_owned()).collect();
    let connection = &answer["usersConnection"];
    for count in [
        &answer["countUsers"],
        &connection["totalCount"],
        &json!(connection["nodes"].as_array().unwrap().len()),
    ] {
        assert_eq!(*count, json!(ids.len()), "{filter}: {answer}");
    }
    for id in ["bob", "gil", "mia", "cora"] {
        let one = format!("{{ user(where: {{id: \"{id}\", AND: [{filter}]}}) {{ id }} }}");
        let one = caller.ok(&one, json!({})).await;
        assert_eq!(
            !one["user"].is_null(),
            ids.iter().any(|found| found == id),
            "{filter}: {id} {one}"
        );
    }
    ids
}

async fn answers(caller: &Caller<'_>, arguments: &str) -> Vec<bool> {
    let field = if arguments.contains("data:") { "check" } else { "can" };
    let answer = caller
        .ok(
            &format!("{{ {field}({arguments}) {{ userId permission allowed known }} }}"),
            json!({}),
        )
        .await;
    let all = answer[field].as_array().unwrap().iter();
    all.map(|one| one["allowed"].as_bool().unwrap()).collect()
}

on_both! {
    async fn users_are_found_by_their_roles(app: App) {
        let chief = world(&app).await;
        for (filter, expected) in [
            ("{role: {name: \"user\"}}", vec!["bob", "dee"]),
            ("{role: {name: \"user\"}, activated: true}", vec!["bob"]),
            ("{role: {name: \"reviewer\"}}", vec!["gil"]),
            ("{role: {name: \"labeler\"}}", vec!["gil"]),
            ("{role: {name: \"api-user\"}}", vec!["mia"]),
            ("{role: {builtIn: false}}", vec!["cora", "mia"]),
            ("{role: {nameIn: [\"user\", \"reviewer\"]}}", vec!["bob", "dee", "gil"]),
            ("{role: {name: \"trial-user\"}}", vec![]),
            ("{role: {name: \"nothing\"}}", vec![]),
            ("{role: {organization: {id: \"acme\"}}}", vec!["cora", "mia"]),
            ("{role: {name: null}}", vec!["bob", "chief", "cora", "dee", "gil", "mia", "tim"]),
            ("{permission: \"read:audit\"}", vec!["chief", "cora", "mia"]),
            ("{permission: \"usage:api\"}", vec!["chief", "mia"]),
            ("{permission: \"write:databases\"}", vec!["bob", "chief", "dee", "gil", "mia", "tim"]),
            ("{permission: \"write:org\"}", vec![]),
            ("{permission: \"nothing\"}", vec![]),
            ("{permission: \"read\"}", vec![]),
            ("{permission: \"\"}", vec![]),
            ("{permission: \"read:audit read:databases\"}", vec![]),
            ("{NOT: {permission: \"write:databases\"}}", vec!["cora"]),
            ("{NOT: {permission: \"nothing\"}, id: \"bob\"}", vec!["bob"]),
            ("{permission: \"read:audit\", role: {name: \"api-user\"}}", vec!["mia"]),
            ("{OR: [{role: {name: \"reviewer\"}}, {permission: \"read:audit\"}]}", vec!["chief", "cora", "gil", "mia"]),
            ("{tenant: {id: \"berlin\"}, permission: \"write:databases\"}", vec!["bob", "dee", "gil"]),
            ("{group: {key: \"REVIEWERS\"}, role: {name: \"reviewer\"}}", vec!["gil"]),
        ] {
            assert_eq!(found(&chief, filter).await, expected, "{filter}");
        }
        // A super admin sees all organizations, and of each only what holds there.
        let admin = app.admin();
        assert_eq!(found(&admin, "{role: {name: \"user\"}}").await, ["bob", "dee", "tom"]);
        assert_eq!(found(&admin, "{permission: \"write:org\"}").await, ["admin"]);
        assert_eq!(found(&admin, "{role: {name: \"accountant\"}}").await, ["cora", "mia"]);
        assert_eq!(found(&admin, "{permission: \"read:audit\"}").await, ["admin", "chief", "cora", "mia"]);
        // Nested, and where a change names its user.
        let nested = "{ groups(where: {user: {role: {name: \"reviewer\"}}}) { key users(where: {permission: \"write:databases\"}) { id } }
            tenants(orderBy: ID_ASC) { users(where: {role: {name: \"api-user\"}}) { id } } }";
        assert_eq!(chief.ok(nested, json!({})).await, json!({
            "groups": [{ "key": "REVIEWERS", "users": [{ "id": "gil" }] }],
            "tenants": [{ "users": [] }, { "users": [{ "id": "mia" }] }],
        }));
        let update = "mutation($role: String) { updatePropertiesInUser(where: {id: \"bob\", role: {name: $role}}, data: {firstname: \"B\"}) { id } }";
        assert_eq!(chief.refused(update, json!({ "role": "reviewer" })).await, "NOT_FOUND");
        chief.ok(update, json!({ "role": "user" })).await;
    }

    /// Who may not read roles finds only itself by them, whatever else it may read.
    async fn roles_of_others_are_for_who_may_read_them(app: App) {
        let chief = world(&app).await;
        let tim = app.key_of("tim").await;
        assert_eq!(tim.ok("{ countUsers }", json!({})).await["countUsers"], 7);
        for filter in ["{role: {nameContains: \"\"}}", "{permission: \"write:databases\"}", "{OR: [{role: {name: \"user\"}}, {role: {name: \"team-manager\"}}]}"] {
            assert_eq!(found(&tim, filter).await, ["tim"], "{filter}");
        }
        assert!(found(&tim, "{role: {name: \"user\"}}").await.is_empty());
        let nested = "{ groups(where: {user: {role: {name: \"reviewer\"}}}) { id } groups2: groups(where: {user: {id: \"gil\"}}) { id } }";
        let nested = tim.ok(nested, json!({})).await;
        assert_eq!((nested["groups"].as_array().unwrap().len(), nested["groups2"].as_array().unwrap().len()), (0, 1));
        let bob = app.key_of("bob").await;
        assert_eq!(found(&bob, "{permission: \"write:databases\"}").await, ["bob"]);
        assert!(found(&bob, "{permission: \"read:audit\"}").await.is_empty());
        // Nor does a change tell.
        let role = "mutation { createRole(data: {name: \"writer\", permissions: [\"read:user\", \"write:user\", \"write:databases\", \"write:semantic-context\", \"write:liked-queries\", \"read:databases\", \"read:semantic-context\", \"read:liked-queries\", \"read:similarity-search-index\"]}) { id } }";
        chief.ok(role, json!({})).await;
        user(&app, "will", None, &["writer"], &[]).await;
        let will = app.key_of("will").await;
        let update = "mutation($role: String) { updatePropertiesInUser(where: {id: \"bob\", role: {name: $role}}, data: {firstname: \"B\"}) { id } }";
        for role in ["user", "reviewer"] {
            assert_eq!(will.refused(update, json!({ "role": role })).await, "NOT_FOUND", "{role}");
        }
        // A key that is limited to reading users reads no roles.
        let make = "mutation { createApiKey(data: {name: \"limited\", permissions: [\"read:user\"]}) { secret } }";
        let made = chief.ok(make, json!({})).await;
        let limited = app.key(made["createApiKey"]["secret"].as_str().unwrap());
        assert_eq!(found(&limited, "{role: {nameContains: \"\"}}").await, ["chief"]);
    }

    /// Who administers a tenant does not learn what its users hold elsewhere.
    async fn a_tenant_administrator_finds_what_holds_there(app: App) {
        let chief = world(&app).await;
        user(&app, "bea", Some("berlin"), &[], &[("organization-admin", "berlin"), ("reviewer", "munich")]).await;
        chief.ok(ASSIGN, json!({ "id": "bob", "role": "trial-user", "tenant": "munich" })).await;
        chief.ok(ASSIGN, json!({ "id": "bob", "role": "api-user", "tenant": "berlin" })).await;
        let bea = app.key_of("bea").await;
        for (filter, expected) in [
            ("{role: {name: \"user\"}}", vec!["bob", "dee"]),
            ("{role: {name: \"api-user\"}}", vec!["bob"]),
            // For Munich: not of bob, nor of gil by the group; of herself.
            ("{role: {name: \"trial-user\"}}", vec![]),
            ("{role: {name: \"labeler\"}}", vec![]),
            ("{role: {name: \"reviewer\"}}", vec!["bea", "gil"]),
            ("{role: {name: \"accountant\"}}", vec![]),
            ("{permission: \"read:audit\"}", vec!["bea"]),
            ("{permission: \"usage:api\"}", vec!["bea", "bob"]),
            ("{NOT: {role: {name: \"trial-user\"}}}", vec!["bea", "bob", "dee", "gil"]),
        ] {
            assert_eq!(found(&bea, filter).await, expected, "{filter}");
        }
        // The built-in role for it reads no roles.
        user(&app, "ted", Some("berlin"), &[], &[("tenant-admin", "berlin")]).await;
        let ted = app.key_of("ted").await;
        assert_eq!(found(&ted, "{role: {nameContains: \"\"}}").await, ["ted"]);
        // Reading roles in one tenant and users in another is reading neither of others.
        chief.ok("mutation { createRole(data: {name: \"users\", permissions: [\"read:user\"]}) { id } }", json!({})).await;
        chief.ok("mutation { createRole(data: {name: \"roles\", permissions: [\"read:role\"]}) { id } }", json!({})).await;
        user(&app, "una", None, &["users"], &[("roles", "munich")]).await;
        user(&app, "uma", None, &[], &[("users", "berlin"), ("roles", "munich")]).await;
        // `una` reads all users, and roles in Munich.
        let una = app.key_of("una").await;
        assert_eq!(found(&una, "{role: {nameContains: \"\"}}").await, ["mia", "una"]);
        assert!(found(&una, "{role: {name: \"accountant\"}}").await.is_empty());
        let uma = app.key_of("uma").await;
        assert!(found(&uma, "{role: {nameContains: \"\"}}").await.is_empty());
    }

    /// However many users have a role, a list finds the same in the same order.
    async fn many_holders_are_found_as_few_are(app: App) {
        let chief = world(&app).await;
        app.crowd("acme", 1_200).await;
        let change = app.services.db.begin().await.unwrap();
        for (role, which) in [("trial-api-user", "u.id <> 'crowd-7'"), ("trial-user", "u.id IN ('crowd-5', 'crowd-6', 'crowd-800')")] {
            change.execute_unprepared(&format!(
                "INSERT INTO user_roles (user_pk, role_pk, organization_pk, created_at) SELECT u.pk, r.pk, u.organization_pk, 0 FROM users u JOIN roles r ON r.name = '{role}'
                 WHERE u.id LIKE 'crowd-%' AND {which}"
            )).await.unwrap();
        }
        change.commit().await.unwrap();
        for caller in [&chief, &app.admin()] {
            let counts = "{ many: countUsers(where: {role: {name: \"trial-api-user\"}}) few: countUsers(where: {role: {name: \"trial-user\"}})
                both: countUsers(where: {role: {name: \"trial-user\"}, AND: [{role: {name: \"trial-api-user\"}}]})
                none: countUsers(where: {idStartsWith: \"crowd\", NOT: {role: {name: \"trial-api-user\"}}}) }";
            assert_eq!(caller.ok(counts, json!({})).await, json!({ "many": 1_199, "few": 3, "both": 3, "none": 1 }));
            for order in ["ID_ASC", "ID_DESC", "CREATED_AT_ASC", "NAME_ASC"] {
                let page = |filter: &str| format!("{{ users(where: {{idStartsWith: \"crowd\", {filter}}}, orderBy: {order}, first: 100, skip: 40) {{ id }} }}");
                let by_role = caller.ok(&page("role: {name: \"trial-api-user\"}"), json!({})).await;
                let by_id = caller.ok(&page("NOT: {id: \"crowd-7\"}"), json!({})).await;
                assert_eq!(by_role, by_id, "{order}");
            }
            let few = "{ users(where: {permission: \"read:databases\", idStartsWith: \"crowd\", role: {name: \"trial-user\"}}, orderBy: ID_DESC) { id } }";
            assert_eq!(caller.ok(few, json!({})).await["users"], json!([{ "id": "crowd-800" }, { "id": "crowd-6" }, { "id": "crowd-5" }]));
            // One is asked for, whatever the number.
            let one = "{ a: user(where: {id: \"crowd-7\", role: {name: \"trial-api-user\"}}) { id } b: user(where: {id: \"crowd-8\", role: {name: \"trial-api-user\"}}) { id } }";
            assert_eq!(caller.ok(one, json!({})).await, json!({ "a": null, "b": { "id": "crowd-8" } }));
        }
    }

    async fn users_are_found_by_when_they_were_seen_and_by_their_address(app: App) {
        let chief = world(&app).await;
        let change = app.services.db.begin().await.unwrap();
        for (id, column, moment) in [
            ("bob", "last_seen_at", "1767225600000000"), // 2026-01-01T00:00:00Z
            ("mia", "last_seen_at", "1764547200000000"), // 2025-12-01T00:00:00Z
            ("mia", "email_verified_at", "1"),
        ] {
            change.execute_unprepared(&format!("UPDATE users SET {column} = {moment} WHERE id = '{id}'")).await.unwrap();
        }
        change.commit().await.unwrap();
        for (filter, expected) in [
            ("{lastSeenBefore: \"2025-12-31T00:00:00Z\"}", vec!["mia"]),
            ("{lastSeenBefore: \"2026-01-01T00:00:00Z\"}", vec!["mia"]),
            ("{lastSeenBefore: \"2026-01-01T01:00:00.001+01:00\"}", vec!["bob", "mia"]),
            ("{lastSeenBefore: \"1999-01-01T00:00:00Z\"}", vec![]),
            ("{lastSeenBefore: \"2025-12-31T00:00:00Z\", emailVerified: false}", vec![]),
            ("{emailVerified: true}", vec!["mia"]),
            ("{emailVerified: false, role: {builtIn: false}}", vec!["cora"]),
            // Who was never seen was not seen before.
            ("{NOT: {lastSeenBefore: \"2025-12-31T00:00:00Z\"}, idIn: [\"bob\", \"cora\", \"mia\"]}", vec!["bob", "cora"]),
        ] {
            assert_eq!(found(&chief, filter).await, expected, "{filter}");
        }
    }

    async fn what_one_may_do_oneself(app: App) {
        let chief = world(&app).await;
        let asked = "permissions: [\"write:user\", \"usage:api\", \"write:org\", \"nothing\", \"\"]";
        let answer = chief.ok(&format!("{{ can({asked}) {{ userId permission allowed known }} }}"), json!({})).await;
        let one = |permission: &str, allowed: bool, known: bool| json!({ "userId": "chief", "permission": permission, "allowed": allowed, "known": known });
        assert_eq!(answer["can"], json!([
            one("write:user", true, true), one("usage:api", true, true), one("write:org", false, true), one("nothing", false, false), one("", false, false),
        ]));
        // As it calls: with a key that is limited, and while impersonating.
        let make = "mutation { createApiKey(data: {name: \"limited\", permissions: [\"usage:api\"]}) { secret } }";
        let made = chief.ok(make, json!({})).await;
        let limited = app.key(made["createApiKey"]["secret"].as_str().unwrap());
        let acting = chief.clone().acting_as("bob");
        let bob = app.key_of("bob").await;
        for (caller, id, expected) in [(&limited, "chief", [false, true]), (&acting, "bob", [false, false]), (&bob, "bob", [false, false])] {
            let names = "\"write:user\", \"usage:api\"";
            assert_eq!(answers(caller, &format!("permissions: [{names}]")).await, expected, "{id}");
            assert_eq!(answers(caller, &format!("permissions: [{names}], user: {{id: \"{id}\"}}")).await, expected, "{id}");
            let pairs = format!("data: [{{userId: \"{id}\", permission: \"write:user\"}}, {{userId: \"{id}\", permission: \"usage:api\"}}]");
            assert_eq!(answers(caller, &pairs).await, expected, "{id}");
        }
        // Further conditions are about the same user, or about nobody.
        assert_eq!(answers(&bob, "permissions: [\"write:databases\"], user: {id: \"bob\", email: \"bob@acme.example\"}").await, [true]);
        assert_eq!(answers(&bob, "permissions: [\"write:databases\"], user: {id: \"bob\", email: \"mia@acme.example\"}").await, [false]);
        // For a tenant.
        let mia = app.key_of("mia").await;
        for (tenant, expected) in [("", [false, false]), (", tenant: \"munich\"", [true, false]), (", tenant: \"berlin\"", [false, true])] {
            assert_eq!(answers(&mia, &format!("permissions: [\"usage:api\", \"read:audit\"]{tenant}")).await, expected, "{tenant}");
        }
        for tenant in ["rome", "nowhere"] {
            assert_eq!(mia.refused(&format!("{{ can(permissions: [\"usage:api\"], tenant: \"{tenant}\") {{ allowed }} }}"), json!({})).await, "NOT_FOUND");
        }
        for document in ["{ can(permissions: [\"read:user\"]) { allowed } }", "{ check(data: [{userId: \"bob\", permission: \"read:user\"}]) { allowed } }"] {
            assert_eq!(app.anonymous().refused(document, json!({})).await, "UNAUTHENTICATED");
        }
    }

    async fn what_others_may_do(app: App) {
        let chief = world(&app).await;
        let ask = |ids: &[&str], permission: &str| {
            let pairs: Vec<String> = ids.iter().map(|id| format!("{{userId: \"{id}\", permission: \"{permission}\"}}")).collect();
            format!("data: [{}]", pairs.join(", "))
        };
        let everybody = ["bob", "gil", "dee", "mia", "cora", "tim", "tom", "nobody", "chief", "bob"];
        assert_eq!(answers(&chief, &ask(&everybody, "write:databases")).await, [true, true, false, false, false, true, false, false, true, true]);
        assert_eq!(answers(&chief, &format!("{}, tenant: \"munich\"", ask(&everybody, "usage:api"))).await, [false, false, false, true, false, false, false, false, true, false]);
        assert_eq!(answers(&app.admin(), &ask(&["tom", "bob", "dee"], "write:databases")).await, [true, true, false]);
        // In a tenant of another organization nobody of this one may do anything.
        assert_eq!(answers(&app.admin(), &format!("{}, tenant: \"rome\"", ask(&["tom", "bob"], "write:databases"))).await, [true, false]);
        assert_eq!(answers(&chief, "permissions: [\"write:databases\", \"read:audit\"], user: {id: \"cora\"}").await, [false, true]);
        assert_eq!(answers(&chief, "permissions: [\"read:audit\"], user: {id: \"cora\", role: {name: \"user\"}}").await, [false]);
        // Deactivated, out of reach and unknown are one answer, but for what was asked.
        let mut same = Vec::new();
        for id in ["dee", "tom", "nobody"] {
            for permission in ["write:databases", "nothing"] {
                let document = format!("{{ check({}) {{ userId permission allowed known }} can(permissions: [\"{permission}\"], user: {{id: \"{id}\"}}) {{ allowed known }} }}", ask(&[id], permission));
                same.push((permission, chief.ok(&document, json!({})).await.to_string().replace(id, "?")));
            }
        }
        for permission in ["write:databases", "nothing"] {
            let of_it: Vec<&String> = same.iter().filter(|(of, _)| *of == permission).map(|(_, answer)| answer).collect();
            assert!(of_it.iter().all(|answer| answer == &of_it[0]), "{of_it:?}");
        }
        // Both permissions are needed, and only about others.
        chief.ok("mutation { createRole(data: {name: \"roles\", permissions: [\"read:role\"]}) { id } }", json!({})).await;
        user(&app, "rob", None, &["roles"], &[]).await;
        for id in ["tim", "rob", "bob"] {
            let caller = app.key_of(id).await;
            answers(&caller, &ask(&[id], "read:user")).await;
            for document in [
                format!("{{ check({}) {{ allowed }} }}", ask(&[id, "mia"], "read:user")),
                format!("{{ check({}) {{ allowed }} }}", ask(&["nobody"], "read:user")),
                "{ can(permissions: [\"read:user\"], user: {id: \"mia\"}) { allowed } }".to_owned(),
            ] {
                assert_eq!(caller.refused(&document, json!({})).await, "FORBIDDEN", "{id}: {document}");
            }
        }
        // A role withdrawn, a group left: the next answer says so.
        chief.ok("mutation { removeUserFromGroup(where: {key: \"REVIEWERS\"}, user: {id: \"gil\"}) { id } withdrawRole(where: {id: \"bob\"}, role: \"user\") { id } }", json!({})).await;
        assert_eq!(answers(&chief, &ask(&["bob", "gil"], "write:databases")).await, [false, false]);
    }

    async fn who_administers_a_tenant_asks_about_its_users(app: App) {
        let chief = world(&app).await;
        user(&app, "bea", Some("berlin"), &[], &[("organization-admin", "berlin"), ("reviewer", "munich")]).await;
        chief.ok(ASSIGN, json!({ "id": "bob", "role": "api-user", "tenant": "berlin" })).await;
        chief.ok(ASSIGN, json!({ "id": "bob", "role": "admin", "tenant": "munich" })).await;
        let bea = app.key_of("bea").await;
        let ask = |ids: &[&str], permission: &str| {
            let pairs: Vec<String> = ids.iter().map(|id| format!("{{userId: \"{id}\", permission: \"{permission}\"}}")).collect();
            format!("data: [{}]", pairs.join(", "))
        };
        assert_eq!(answers(&bea, &ask(&["bob", "mia", "cora", "nobody"], "write:databases")).await, [true, false, false, false]);
        assert_eq!(answers(&bea, &ask(&["bob"], "usage:api")).await, [false]);
        assert_eq!(answers(&bea, &format!("{}, tenant: \"berlin\"", ask(&["bob", "bea", "mia"], "usage:api"))).await, [true, true, false]);
        // What mia, from outside, has for Berlin is not asked of bea; and of Munich she asks about herself alone.
        assert_eq!(answers(&bea, &format!("{}, tenant: \"berlin\"", ask(&["mia"], "read:audit"))).await, [false]);
        assert_eq!(answers(&bea, "permissions: [\"write:databases\"], tenant: \"munich\"").await, [true]);
        for ids in [&["bob"][..], &["bea", "bob"], &["nobody"]] {
            let document = format!("{{ check({}, tenant: \"munich\") {{ allowed }} }}", ask(ids, "push:databases"));
            assert_eq!(bea.refused(&document, json!({})).await, "NOT_FOUND");
        }
        // Reading roles in one tenant is reading them nowhere else.
        chief.ok("mutation { createRole(data: {name: \"users\", permissions: [\"read:user\"]}) { id } }", json!({})).await;
        chief.ok("mutation { createRole(data: {name: \"roles\", permissions: [\"read:role\"]}) { id } }", json!({})).await;
        user(&app, "una", None, &["users"], &[("roles", "munich")]).await;
        let una = app.key_of("una").await;
        chief.ok(ASSIGN, json!({ "id": "mia", "role": "user" })).await;
        assert_eq!(answers(&una, &ask(&["bob", "mia"], "write:databases")).await, [false, true]);
        let document = format!("{{ check({}, tenant: \"berlin\") {{ allowed }} }}", ask(&["bob"], "usage:api"));
        assert_eq!(una.refused(&document, json!({})).await, "NOT_FOUND");
    }

    async fn questions_have_bounds(app: App) {
        let chief = world(&app).await;
        let check = "query($data: [CheckData!]!) { check(data: $data, tenant: \"berlin\") { allowed } }";
        let can = "query($names: [String!]!) { can(permissions: $names, user: {id: \"bob\"}) { allowed } }";
        for count in [0, 1, 100, 101] {
            let pairs: Vec<Value> = (0..count).map(|i| json!({ "userId": format!("{}-{i}", "u".repeat(i)), "permission": format!("p:{i}") })).collect();
            let names: Vec<String> = (0..count).map(|i| format!("p:{i}")).collect();
            for (document, field, variables) in [(check, "data", json!({ "data": pairs })), (can, "permissions", json!({ "names": names }))] {
                if (1..=100).contains(&count) {
                    let answer = chief.ok(document, variables).await;
                    let all = answer.as_object().unwrap().values().next().unwrap().as_array().unwrap();
                    assert_eq!(all.len(), count);
                } else {
                    let error = chief.refusal(document, variables).await;
                    assert_eq!(error["extensions"], json!({ "code": "INVALID", "field": field }), "{error}");
                }
            }
        }
        for user in ["{}", "{email: \"bob@acme.example\"}", "{id: null}"] {
            let error = chief.refusal(&format!("{{ can(permissions: [\"read:user\"], user: {user}) {{ allowed }} }}"), json!({})).await;
            assert_eq!(error["extensions"], json!({ "code": "INVALID", "field": "user" }), "{error}");
        }
        // A hundred pairs of a hundred users are three statements.
        app.crowd("acme", 100).await;
        let pairs: Vec<String> = (1..=100).map(|i| format!("{{userId: \"crowd-{i}\", permission: \"read:user\"}}")).collect();
        let document = format!("{{ check(data: [{}], tenant: \"berlin\") {{ allowed }} }}", pairs.join(", "));
        let statements = sent(&chief, &document).await;
        assert_eq!(statements.len(), 3, "{statements:#?}");
        // Ids that cannot be stored are nobody's.
        let odd = json!({ "data": [{ "userId": "a\u{0}b", "permission": "a\u{0}b" }, { "userId": "", "permission": "read:user" }] });
        let document = "query($data: [CheckData!]!) { check(data: $data) { allowed known } }";
        assert_eq!(chief.ok(document, odd).await["check"], json!([{ "allowed": false, "known": false }, { "allowed": false, "known": true }]));
    }
}
