//! Groups: their keys, their members, the roles they carry, and who may touch them.

use std::time::Duration;

use futures::future::join_all;
use serde_json::{Value, json};
use tenantry::directory::group::{self, NewGroup, key_of};
use tenantry::store::db::SENT;

use crate::on_both;
use crate::support::{App, Caller};

const CREATE: &str = "mutation($data: CreateGroupData!) { createGroup(data: $data) { id key name description } }";
const UPDATE: &str = "mutation($where: GroupWhere!, $data: UpdateGroupData!, $version: Int) {
    updateGroup(where: $where, data: $data, expectedVersion: $version) { id key name description version roles { name } } }";
const DELETE: &str = "mutation($where: GroupWhere!) { deleteGroup(where: $where) { id key } }";
const ADD: &str =
    "mutation($where: GroupWhere!, $user: UserWhere!) { addUserToGroup(where: $where, user: $user) { id } }";
const REMOVE: &str =
    "mutation($where: GroupWhere!, $user: UserWhere!) { removeUserFromGroup(where: $where, user: $user) { id } }";

/// Makes a group and gives its id.
async fn make(caller: &Caller<'_>, data: Value) -> String {
    let made = caller.ok(CREATE, json!({ "data": data })).await;
    made["createGroup"]["id"].as_str().unwrap().to_owned()
}

async fn add(caller: &Caller<'_>, group: &str, user: &str) {
    caller
        .ok(ADD, json!({ "where": { "id": group }, "user": { "id": user } }))
        .await;
}

async fn remove(caller: &Caller<'_>, group: &str, user: &str) {
    caller
        .ok(REMOVE, json!({ "where": { "id": group }, "user": { "id": user } }))
        .await;
}

async fn members(app: &App, group: &str) -> Vec<String> {
    let document = "query($id: ID!) { groups(where: {id: $id}) { users { id } } }";
    let found = app.admin().ok(document, json!({ "id": group })).await;
    ids(&found["groups"][0]["users"])
}

fn ids(list: &Value) -> Vec<String> {
    let id = |one: &Value| one["id"].as_str().unwrap().to_owned();
    list.as_array().unwrap().iter().map(id).collect()
}

#[test]
fn a_key_is_made_from_the_name() {
    for (name, key) in [
        ("Editors", Some("EDITORS")),
        ("Video Editors", Some("VIDEO_EDITORS")),
        ("R&D / (beta)", Some("R_D_BETA")),
        ("EDITORS!", Some("EDITORS")),
        ("  _a__b_ ", Some("A_B")),
        ("Größe 7", Some("GRÖSSE_7")),
        ("編集 チーム", Some("編集_チーム")),
        ("فريق ٣", Some("فريق_٣")),
        ("Éé", Some("ÉÉ")),
        ("___", None),
        ("&/()", None),
        ("🙂", None),
    ] {
        assert_eq!(key_of(name).as_deref(), key, "{name}");
    }
}

on_both! {
    async fn a_group_lives(app: App) {
        app.organization("acme", &[]).await;
        app.organization("globex", &[]).await;
        let admin = app.user("acme", "ada", Some("organization-admin")).await;
        let made = admin.ok(CREATE, json!({ "data": { "name": "  Editors " } })).await;
        let editors = made["createGroup"]["id"].as_str().unwrap().to_owned();
        assert_eq!(made["createGroup"], json!({ "id": editors, "key": "EDITORS", "name": "Editors", "description": null }));
        assert!(uuid::Uuid::parse_str(&editors).is_ok());

        // Unique within the organization, by key, and not beyond it.
        for name in ["editors", "EDITORS!", "Editors"] {
            assert_eq!(admin.refused(CREATE, json!({ "data": { "name": name } })).await, "CONFLICT");
        }
        let elsewhere = make(&app.admin(), json!({ "name": "Editors", "organizationId": "globex" })).await;
        for name in ["", "  ", "&&&", "a\u{0}b"] {
            let error = admin.refusal(CREATE, json!({ "data": { "name": name } })).await;
            assert_eq!((&error["extensions"]["code"], &error["extensions"]["field"]), (&json!("INVALID"), &json!("data.name")));
        }

        // The key stays, and stays taken.
        app.services.clock.advance(Duration::from_secs(1));
        let change = json!({ "where": { "key": "EDITORS" }, "data": { "name": "Video Editors", "description": "Cut." } });
        let changed = admin.ok(UPDATE, change.clone()).await;
        assert_eq!(changed["updateGroup"], json!({
            "id": editors, "key": "EDITORS", "name": "Video Editors", "description": "Cut.", "version": 2, "roles": [],
        }));
        assert_eq!(admin.ok(UPDATE, change).await["updateGroup"]["version"], 2);
        assert_eq!(admin.refused(CREATE, json!({ "data": { "name": "Editors" } })).await, "CONFLICT");
        make(&admin, json!({ "name": "Video Editors", "description": "" })).await;
        let stale = json!({ "where": { "id": editors }, "data": { "name": "X" }, "version": 1 });
        assert_eq!(admin.refused(UPDATE, stale).await, "CONFLICT");
        let cleared = json!({ "where": { "id": editors }, "data": { "description": "", "name": null } });
        let cleared = admin.ok(UPDATE, cleared).await;
        assert_eq!((&cleared["updateGroup"]["description"], &cleared["updateGroup"]["name"]), (&Value::Null, &json!("Video Editors")));

        // Deleted, it is gone with its members; a later one of the key starts empty.
        add(&admin, &editors, "ada").await;
        assert_eq!(members(&app, &editors).await, ["ada"]);
        admin.ok(DELETE, json!({ "where": { "key": "EDITORS" } })).await;
        assert_eq!(admin.refused(DELETE, json!({ "where": { "key": "EDITORS" } })).await, "NOT_FOUND");
        let again = make(&admin, json!({ "name": "Editors" })).await;
        assert_eq!(members(&app, &again).await, Vec::<String>::new());
        assert_eq!(app.number("SELECT COUNT(*) AS n FROM group_members").await, 0);

        // The same key in two organizations: a super admin says where, or names the id.
        let both = json!({ "where": { "key": "EDITORS", "organization": { "idIn": ["acme", "globex"] } } });
        assert_eq!(app.admin().refused(DELETE, both).await, "INVALID");
        assert_eq!(app.admin().refused(DELETE, json!({ "where": { "key": "EDITORS" } })).await, "NOT_FOUND");
        let there = json!({ "where": { "key": "EDITORS", "organization": { "id": "globex" } } });
        assert_eq!(app.admin().ok(DELETE, there).await["deleteGroup"]["id"], json!(elsewhere));
        assert_eq!(admin.refused(DELETE, json!({ "where": { "name": "Editors" } })).await, "INVALID");
    }

    async fn groups_are_listed(app: App) {
        app.organization("acme", &[]).await;
        app.organization("globex", &[]).await;
        let admin = app.user("acme", "ada", Some("organization-admin")).await;
        let mut made = Vec::new();
        for name in ["Delta", "Alpha", "Charlie", "Bravo"] {
            app.services.clock.advance(Duration::from_secs(1));
            made.push(make(&admin, json!({ "name": name })).await);
        }
        make(&app.admin(), json!({ "name": "Elsewhere", "organizationId": "globex" })).await;
        add(&admin, &made[0], "ada").await;
        let list = "query($where: GroupWhere, $order: GroupOrderBy, $first: PageSize = 100, $skip: Int = 0) {
            groups(where: $where, orderBy: $order, first: $first, skip: $skip) { name } countGroups(where: $where) }";
        let names = |found: &Value| found["groups"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
        for (variables, expected, count) in [
            (json!({}), vec!["Delta", "Alpha", "Charlie", "Bravo"], 4),
            (json!({ "order": "NAME_ASC", "first": 2, "skip": 1 }), vec!["Bravo", "Charlie"], 4),
            (json!({ "order": "CREATED_AT_DESC", "first": 1 }), vec!["Bravo"], 4),
            (json!({ "where": { "key": "ALPHA" } }), vec!["Alpha"], 1),
            (json!({ "where": { "keyIn": ["ALPHA", "BRAVO", "NONE"] } }), vec!["Alpha", "Bravo"], 2),
            (json!({ "where": { "keyStartsWith": "CH" } }), vec!["Charlie"], 1),
            (json!({ "where": { "nameContains": "l" }, "order": "NAME_ASC" }), vec!["Alpha", "Charlie", "Delta"], 3),
            (json!({ "where": { "id": made[2] } }), vec!["Charlie"], 1),
            (json!({ "where": { "idIn": [made[2], made[3], "none"] } }), vec!["Charlie", "Bravo"], 2),
            (json!({ "where": { "user": { "id": "ada" } } }), vec!["Delta"], 1),
            (json!({ "where": { "NOT": { "user": { "id": "ada" } } } }), vec!["Alpha", "Charlie", "Bravo"], 3),
            (json!({ "where": { "OR": [{ "key": "ALPHA" }, { "key": "DELTA" }], "AND": [{ "name": "Delta" }] } }), vec!["Delta"], 1),
            (json!({ "where": { "organization": { "id": "acme" }, "name": "Alpha" } }), vec!["Alpha"], 1),
            (json!({ "where": { "organization": { "id": "globex" } } }), vec![], 0),
        ] {
            let found = admin.ok(list, variables.clone()).await;
            assert_eq!((names(&found), &found["countGroups"]), (expected.into_iter().map(str::to_owned).collect(), &json!(count)), "{variables}");
        }
        assert_eq!(app.admin().ok("{ countGroups }", json!({})).await["countGroups"], 5);
        assert_eq!(ids(&admin.ok("{ users(where: {group: {key: \"DELTA\"}}) { id } }", json!({})).await["users"]), ["ada"]);
        assert_eq!(admin.refused("{ groups(first: 0) { id } }", json!({})).await, "INVALID");

        let slice = "query($after: String) { groupsConnection(first: 3, after: $after, orderBy: NAME_ASC) {
            totalCount pageInfo { hasNextPage endCursor } nodes { name } } }";
        let first = admin.ok(slice, json!({})).await["groupsConnection"].clone();
        assert_eq!((&first["totalCount"], &first["nodes"][2]["name"]), (&json!(4), &json!("Charlie")));
        let rest = admin.ok(slice, json!({ "after": first["pageInfo"]["endCursor"] })).await["groupsConnection"].clone();
        assert_eq!((&rest["nodes"], &rest["pageInfo"]["hasNextPage"]), (&json!([{ "name": "Delta" }]), &json!(false)));
    }

    async fn members_come_and_go(app: App) {
        app.organization("acme", &[]).await;
        let admin = app.user("acme", "ada", Some("organization-admin")).await;
        for id in ["u1", "u2", "u3"] {
            app.services.clock.advance(Duration::from_secs(1));
            app.user("acme", id, Some("user")).await;
        }
        let (red, blue) = (make(&admin, json!({ "name": "Red" })).await, make(&admin, json!({ "name": "Blue" })).await);
        for id in ["u3", "u1", "u2"] {
            add(&admin, &red, id).await;
        }
        add(&admin, &blue, "u2").await;

        // Doing it again does nothing at all.
        let before = app.dump().await;
        add(&admin, &red, "u1").await;
        remove(&admin, &blue, "u1").await;
        assert_eq!(before, app.dump().await);
        let by_address = json!({ "where": { "key": "BLUE" }, "user": { "email": "U1@acme.example" } });
        admin.ok(ADD, by_address.clone()).await;
        assert_eq!(members(&app, &blue).await, ["u1", "u2"]);
        admin.ok(REMOVE, by_address).await;

        let both_ways = admin.ok(
            "{ groups(first: 10, orderBy: NAME_DESC) { name users(first: 2, skip: 1) { id groups(orderBy: NAME_ASC) { key name } }
                 one: users(where: {id: \"u1\"}) { id } } users(where: {id: \"u3\"}, first: 1) { groups { organizationId users { id } } } }",
            json!({}),
        ).await;
        assert_eq!(both_ways, json!({
            "groups": [
                { "name": "Red", "users": [
                    { "id": "u2", "groups": [{ "key": "BLUE", "name": "Blue" }, { "key": "RED", "name": "Red" }] },
                    { "id": "u3", "groups": [{ "key": "RED", "name": "Red" }] },
                ], "one": [{ "id": "u1" }] },
                { "name": "Blue", "users": [], "one": [] },
            ],
            "users": [{ "groups": [{ "organizationId": "acme", "users": [{ "id": "u1" }, { "id": "u2" }, { "id": "u3" }] }] }],
        }));

        // A deleted user leaves, and one made anew under the id is in nothing.
        admin.ok("mutation { deleteUser(where: {id: \"u1\"}) { id } }", json!({})).await;
        app.user("acme", "u1", None).await;
        assert_eq!(members(&app, &red).await, ["u2", "u3"]);
        assert_eq!(app.number("SELECT COUNT(*) AS n FROM audit_events WHERE action = 'group.addUser'").await, 5);
    }

    async fn groups_go_with_their_organization(app: App) {
        app.organization("acme", &[]).await;
        let group = make(&app.admin(), json!({ "name": "Red", "organizationId": "acme", "roles": ["user"] })).await;
        assert!(!group.is_empty());
        app.admin().ok("mutation { deleteOrganization(where: {id: \"acme\"}) { id } }", json!({})).await;
        assert_eq!(app.number("SELECT (SELECT COUNT(*) FROM groups) + (SELECT COUNT(*) FROM group_roles) AS n").await, 0);
    }

    async fn a_group_gives_its_roles(app: App) {
        app.organization("acme", &[]).await;
        let admin = app.user("acme", "ada", Some("organization-admin")).await;
        let ann = app.user("acme", "ann", None).await;
        let show = "{ me { organizationRole roles { name } permissions groups { key roles { name builtIn } } } }";
        assert_eq!(ann.ok(show, json!({})).await["me"], json!({ "organizationRole": null, "roles": [], "permissions": [], "groups": [] }));
        let leads = make(&admin, json!({ "name": "Leads", "roles": ["team-manager"] })).await;
        assert_eq!(ann.refused("{ users { id } groups { id } }", json!({})).await, "FORBIDDEN");

        // At once, also for the key that she had before.
        add(&admin, &leads, "ann").await;
        let shown = ann.ok(show, json!({})).await["me"].clone();
        assert_eq!((&shown["organizationRole"], &shown["roles"]), (&json!("TEAM_MANAGER"), &json!([])));
        assert!(shown["permissions"].as_array().unwrap().contains(&json!("write:group")), "{shown}");
        assert_eq!(shown["groups"], json!([{ "key": "LEADS", "roles": [{ "name": "team-manager", "builtIn": true }] }]));
        make(&ann, json!({ "name": "By Ann" })).await;

        // What the group gives changes with the group.
        let change = |roles: Value| json!({ "where": { "id": leads }, "data": { "roles": roles } });
        admin.ok(UPDATE, change(json!(["user", "labeler"]))).await;
        assert_eq!(ann.refused(CREATE, json!({ "data": { "name": "No more" } })).await, "FORBIDDEN");
        assert_eq!(ann.ok(show, json!({})).await["me"]["organizationRole"], "LABELER");
        admin.ok(UPDATE, change(json!(["team-manager"]))).await;
        make(&ann, json!({ "name": "Again" })).await;
        remove(&admin, &leads, "ann").await;
        assert_eq!(ann.refused(CREATE, json!({ "data": { "name": "No more" } })).await, "FORBIDDEN");
        add(&admin, &leads, "ann").await;
        make(&ann, json!({ "name": "And again" })).await;
        admin.ok(DELETE, json!({ "where": { "id": leads } })).await;
        assert_eq!(ann.refused(CREATE, json!({ "data": { "name": "No more" } })).await, "FORBIDDEN");
        assert_eq!(admin.refused(UPDATE, json!({ "where": { "key": "BY_ANN" }, "data": { "roles": ["nothing"] } })).await, "INVALID");
    }

    async fn nobody_gives_by_a_group_what_they_do_not_hold(app: App) {
        app.organization("acme", &[]).await;
        let admin = app.user("acme", "ada", Some("organization-admin")).await;
        let manager = app.user("acme", "max", Some("team-manager")).await;
        app.user("acme", "ann", None).await;
        let strong = make(&admin, json!({ "name": "Strong", "roles": ["organization-admin"] })).await;
        let plain = make(&manager, json!({ "name": "Plain", "roles": ["user"] })).await;
        add(&admin, &strong, "ada").await;
        add(&manager, &plain, "ann").await;
        let strong_one = json!({ "id": strong });
        for (document, variables) in [
            (CREATE, json!({ "data": { "name": "New", "roles": ["organization-admin"] } })),
            (CREATE, json!({ "data": { "name": "New", "roles": ["user", "admin"] } })),
            (UPDATE, json!({ "where": { "id": plain }, "data": { "roles": ["super-admin"] } })),
            (UPDATE, json!({ "where": strong_one, "data": { "name": "Weak" } })),
            (UPDATE, json!({ "where": strong_one, "data": { "roles": [] } })),
            (DELETE, json!({ "where": strong_one })),
            (ADD, json!({ "where": strong_one, "user": { "id": "max" } })),
            (ADD, json!({ "where": strong_one, "user": { "id": "ann" } })),
            (REMOVE, json!({ "where": strong_one, "user": { "id": "ada" } })),
        ] {
            assert_eq!(manager.refused(document, variables.clone()).await, "FORBIDDEN", "{variables}");
        }
        assert_eq!(admin.refused(CREATE, json!({ "data": { "name": "New", "roles": ["super-admin"] } })).await, "FORBIDDEN");

        // Whoever is strong by a group is managed by nobody weaker.
        add(&admin, &strong, "ann").await;
        let weaker = app.user("acme", "wes", None).await;
        let role = admin.ok(
            "mutation { createRole(data: {name: \"user-writer\", permissions: [\"read:user\", \"write:user\"]}) { id } }",
            json!({}),
        ).await["createRole"]["id"].clone();
        admin.ok("mutation($role: String!) { assignRole(where: {id: \"wes\"}, role: $role) { id } }", json!({ "role": role })).await;
        assert_eq!(weaker.refused("mutation { updatePropertiesInUser(where: {id: \"ann\"}, data: {name: \"X\"}) { id } }", json!({})).await, "FORBIDDEN");
        assert_eq!(weaker.refused("mutation { deleteUser(where: {id: \"ann\"}) { id } }", json!({})).await, "FORBIDDEN");
        remove(&admin, &strong, "ann").await;
        remove(&admin, &plain, "ann").await;
        weaker.ok("mutation { deleteUser(where: {id: \"ann\"}) { id } }", json!({})).await;
    }

    async fn nobody_demotes_themselves_by_a_group(app: App) {
        app.organization("acme", &[]).await;
        let admin = app.user("acme", "ada", Some("organization-admin")).await;
        let bob = app.user("acme", "bob", None).await;
        let admins = make(&admin, json!({ "name": "Admins", "roles": ["organization-admin", "user"] })).await;
        add(&admin, &admins, "bob").await;
        let one = json!({ "id": admins });
        for (document, variables) in [
            (REMOVE, json!({ "where": one, "user": { "id": "bob" } })),
            (UPDATE, json!({ "where": one, "data": { "roles": ["user"] } })),
            (DELETE, json!({ "where": one })),
        ] {
            assert_eq!(bob.refused(document, variables).await, "INVALID");
        }
        // What one has by another way too can go.
        bob.ok(UPDATE, json!({ "where": one, "data": { "roles": ["organization-admin"] } })).await;
        admin.ok("mutation { assignRole(where: {id: \"bob\"}, role: \"organization-admin\") { id } }", json!({})).await;
        bob.ok(DELETE, json!({ "where": one })).await;
    }

    async fn the_last_super_admin_may_be_one_by_a_group(app: App) {
        let root = app.admin();
        let sue = app.user("platform", "sue", None).await;
        let supers = make(&root, json!({ "name": "Supers", "roles": ["super-admin"] })).await;
        add(&root, &supers, "sue").await;
        // Sue holds it by the group, so the first one can go.
        sue.ok("mutation { withdrawRole(where: {id: \"admin\"}, role: \"super-admin\") { id } }", json!({})).await;
        let machine = app.machine();
        let before = app.dump().await;
        let target = group::Target::id(&supers);
        let code = |result: tenantry::model::error::Result<()>| result.unwrap_err().code().to_string();
        assert_eq!(code(group::delete(&machine, &target, None).await.map(|_| ())), "CONFLICT");
        assert_eq!(code(group::remove_user(&machine, &target, &tenantry::directory::user::Target::id("sue"), None).await.map(|_| ())), "CONFLICT");
        let change = group::GroupChange { roles: Some(Vec::new()), ..Default::default() };
        assert_eq!(code(group::update(&machine, &target, change, None).await.map(|_| ())), "CONFLICT");
        assert_eq!(code(tenantry::directory::user::delete(&machine, &tenantry::directory::user::Target::id("sue"), None).await.map(|_| ())), "CONFLICT");
        assert_eq!(code(tenantry::directory::user::deactivate(&machine, &tenantry::directory::user::Target::id("sue"), None).await.map(|_| ())), "CONFLICT");
        assert_eq!(before, app.dump().await);
        assert_eq!(sue.refused(DELETE, json!({ "where": { "id": supers } })).await, "INVALID");
        // And is managed by nobody below.
        let admin = app.machine();
        tenantry::directory::user::activate(&admin, &tenantry::directory::user::Target::id("sue"), None).await.unwrap();
        let ops = sue.ok("mutation { createUser(data: {id: \"olga\", organizationRole: ADMIN}) { id } }", json!({})).await;
        assert_eq!(ops["createUser"]["id"], "olga");
        let olga = app.key_of("olga").await;
        assert_eq!(olga.refused("mutation { deactivateUser(where: {id: \"sue\"}) { id } }", json!({})).await, "FORBIDDEN");
    }

    async fn moving_ends_memberships(app: App) {
        app.organization("acme", &[]).await;
        app.organization("globex", &[]).await;
        app.user("acme", "ann", Some("user")).await;
        let root = app.admin();
        let red = make(&root, json!({ "name": "Red", "organizationId": "acme", "roles": ["organization-admin"] })).await;
        add(&root, &red, "ann").await;
        let moved = root.ok(
            "mutation { updatePropertiesInUser(where: {id: \"ann\"}, data: {organizationId: \"globex\"}) { organizationId organizationRole groups { id } } }",
            json!({}),
        ).await;
        assert_eq!(moved["updatePropertiesInUser"], json!({ "organizationId": "globex", "organizationRole": "USER", "groups": [] }));
        assert_eq!(members(&app, &red).await, Vec::<String>::new());
        // A user of another organization is no user for this group.
        let unknown = root.refusal(ADD, json!({ "where": { "id": red }, "user": { "id": "nobody" } })).await;
        let foreign = root.refusal(ADD, json!({ "where": { "id": red }, "user": { "id": "ann" } })).await;
        assert_eq!(foreign["extensions"]["code"], "NOT_FOUND");
        assert_eq!(unknown["message"].as_str().unwrap().replace("nobody", "ann"), foreign["message"].as_str().unwrap());
        assert_eq!(root.refused(ADD, json!({ "where": { "id": red }, "user": { "id": "ann" } })).await, "NOT_FOUND");
    }

    async fn only_who_may_touches_groups(app: App) {
        app.organization("acme", &[]).await;
        app.organization("globex", &[]).await;
        let admin = app.user("acme", "ada", Some("organization-admin")).await;
        app.user("acme", "ann", Some("user")).await;
        let foreign = app.user("globex", "gus", Some("organization-admin")).await;
        let group = make(&admin, json!({ "name": "Red" })).await;
        add(&admin, &group, "ann").await;
        let nobody = app.user("acme", "ned", None).await;
        let unfit = [nobody, app.key_of("ann").await, app.user("acme", "abe", Some("admin")).await];
        let all = |id: &str| {
            [
                (UPDATE, json!({ "where": { "id": id }, "data": { "name": "X" } })),
                (DELETE, json!({ "where": { "id": id } })),
                (ADD, json!({ "where": { "id": id }, "user": { "id": "ann" } })),
                (ADD, json!({ "where": { "id": id }, "user": { "id": "nobody" } })),
                (REMOVE, json!({ "where": { "id": id }, "user": { "id": "ann" } })),
            ]
        };
        for id in [group.as_str(), "unknown"] {
            for (document, variables) in all(id) {
                assert_eq!(app.anonymous().refused(document, variables.clone()).await, "UNAUTHENTICATED");
                for caller in &unfit {
                    assert_eq!(caller.refused(document, variables.clone()).await, "FORBIDDEN", "{document}");
                }
            }
        }
        for caller in &unfit {
            assert_eq!(caller.refused(CREATE, json!({ "data": { "name": "X" } })).await, "FORBIDDEN");
            for document in ["{ groups { id } }", "{ countGroups }", "{ groupsConnection { totalCount } }"] {
                assert_eq!(caller.refused(document, json!({})).await, "FORBIDDEN");
            }
        }
        assert_eq!(app.anonymous().refused(CREATE, json!({ "data": { "name": "X" } })).await, "UNAUTHENTICATED");
        assert_eq!(app.anonymous().refused("{ groups { id } }", json!({})).await, "UNAUTHENTICATED");

        // Another organization's is as one that does not exist.
        for ((document, variables), (_, unknown)) in all(&group).into_iter().zip(all("unknown")) {
            assert_eq!(foreign.refused(document, variables.clone()).await, "NOT_FOUND");
            let (seen, unseen) = (foreign.refusal(document, variables).await, foreign.refusal(document, unknown).await);
            assert_eq!(seen["message"].as_str().unwrap().replace(&group, "unknown"), unseen["message"].as_str().unwrap());
        }
        let own = make(&foreign, json!({ "name": "Own" })).await;
        assert_eq!(foreign.refused(ADD, json!({ "where": { "id": own }, "user": { "id": "ann" } })).await, "NOT_FOUND");
        assert_eq!(foreign.refused(CREATE, json!({ "data": { "name": "X", "organizationId": "acme" } })).await, "NOT_FOUND");
        let hidden = foreign.ok(
            "query($id: ID!) { groups(where: {id: $id}) { id } countGroups(where: {id: $id}) users(where: {group: {id: $id}}) { id } }",
            json!({ "id": group }),
        ).await;
        assert_eq!(hidden, json!({ "groups": [], "countGroups": 0, "users": [] }));
    }

    async fn everybody_sees_their_own_groups(app: App) {
        app.organization("acme", &[]).await;
        let admin = app.user("acme", "ada", Some("organization-admin")).await;
        let ann = app.user("acme", "ann", Some("user")).await;
        let (red, _) = (make(&admin, json!({ "name": "Red" })).await, make(&admin, json!({ "name": "Blue" })).await);
        add(&admin, &red, "ann").await;
        add(&admin, &red, "ada").await;
        // The members that she may see: herself.
        let seen = ann.ok("{ me { groups { key users { id } } } users { id groups { key } } }", json!({})).await;
        assert_eq!(seen, json!({
            "me": { "groups": [{ "key": "RED", "users": [{ "id": "ann" }] }] },
            "users": [{ "id": "ann", "groups": [{ "key": "RED" }] }],
        }));
        // Who reads users and not groups sees nobody else's.
        admin.ok("mutation { createRole(data: {name: \"reader\", permissions: [\"read:user\"]}) { id } }", json!({})).await;
        let reader = app.user("acme", "rea", Some("reader")).await;
        assert_eq!(reader.code("{ users { id groups { key } } }", json!({})).await, "FORBIDDEN");
        assert_eq!(reader.ok("{ me { groups { key } } }", json!({})).await, json!({ "me": { "groups": [] } }));
        // Nor finds them out by asking.
        assert_eq!(reader.ok("{ users(where: {group: {key: \"RED\"}}) { id } }", json!({})).await, json!({ "users": [] }));
    }

    async fn many_join_at_once(app: App) {
        app.organization("acme", &[]).await;
        app.organization("globex", &[]).await;
        let admin = app.user("acme", "ada", Some("organization-admin")).await;
        app.user("acme", "ann", None).await;
        let red = make(&admin, json!({ "name": "Red" })).await;
        let variables = json!({ "where": { "id": red }, "user": { "id": "ann" } });
        let answers = join_all((0..12).map(|_| admin.send(ADD, variables.clone()))).await;
        assert!(answers.iter().all(|answer| answer.get("errors").is_none()), "{answers:?}");
        assert_eq!(app.number("SELECT COUNT(*) AS n FROM audit_events WHERE action = 'group.addUser'").await, 1);
        assert_eq!(members(&app, &red).await, ["ann"]);

        // Leaving and joining, while the user moves away and the group is deleted: each order of them is fine, and
        // nothing is left over.
        let root = app.admin();
        let move_away = "mutation { updatePropertiesInUser(where: {id: \"ann\"}, data: {organizationId: \"globex\"}) { id } }";
        let (moved, answers, deleted) = tokio::join!(
            root.send(move_away, json!({})),
            join_all((0..12).map(|at| root.send(if at % 2 == 0 { REMOVE } else { ADD }, variables.clone()))),
            root.send(DELETE, json!({ "where": { "id": red } })),
        );
        assert!(moved.get("errors").is_none(), "{moved}");
        assert!(deleted.get("errors").is_none(), "{deleted}");
        for answer in answers {
            let code = answer["errors"][0]["extensions"]["code"].clone();
            assert!(code.is_null() || code == "NOT_FOUND", "{answer}");
        }
        assert_eq!(app.number("SELECT COUNT(*) AS n FROM group_members").await, 0);
    }

    async fn many_want_one_key(app: App) {
        app.organization("acme", &[]).await;
        let admin = app.user("acme", "ada", Some("organization-admin")).await;
        let names = ["editors", "Editors", "EDITORS!", "editors?", "(Editors)", "eDITORS"];
        let answers = join_all(names.iter().map(|name| admin.send(CREATE, json!({ "data": { "name": name } })))).await;
        let codes: Vec<Value> = answers.iter().map(|answer| answer["errors"][0]["extensions"]["code"].clone()).collect();
        assert_eq!(codes.iter().filter(|code| code.is_null()).count(), 1, "{answers:?}");
        assert_eq!(codes.iter().filter(|code| **code == "CONFLICT").count(), names.len() - 1, "{answers:?}");
        assert_eq!(app.number("SELECT COUNT(*) AS n FROM groups").await, 1);
        assert_eq!(app.number("SELECT COUNT(*) AS n FROM audit_events WHERE action = 'group.create'").await, 1);
    }

    async fn a_page_costs_so_many_statements_whatever_its_size(app: App) {
        app.organization("acme", &[]).await;
        let op = app.machine();
        for at in 0..100 {
            let new = tenantry::directory::user::NewUser {
                id: Some(format!("u{at:03}")), organization_id: Some("acme".to_owned()), roles: vec!["user".to_owned()],
                ..Default::default()
            };
            tenantry::directory::user::create(&op, new).await.unwrap();
        }
        for name in ["Red", "Blue"] {
            let new = NewGroup {
                name: name.to_owned(), organization_id: Some("acme".to_owned()), roles: vec!["labeler".to_owned()],
                ..Default::default()
            };
            let made = group::create(&op, new).await.unwrap();
            for at in 0..100 {
                let member = tenantry::directory::user::Target::id(format!("u{at:03}"));
                group::add_user(&op, &group::Target::id(made.id.to_string()), &member, None).await.unwrap();
            }
        }
        let document = |first: u32| format!(
            "{{ users(first: {first}, where: {{organization: {{id: \"acme\"}}}}) {{ id organizationRole permissions
                 roles {{ name permissions }} viewerCan {{ update deactivate manageGroups mapRoles impersonate }}
                 groups(orderBy: NAME_DESC, first: 5) {{ key roles {{ name }} users(first: 1) {{ id }} }} }} }}"
        );
        let admin = app.admin();
        // The credential is looked up, and its use noted, now and then.
        let counted = |sql: &str| !sql.contains("k.digest") && !sql.contains("last_used_at");
        let mut counts = Vec::new();
        for first in [1, 100] {
            let (data, statements) = SENT.scope(Default::default(), async {
                let data = admin.ok(&document(first), json!({})).await;
                (data, SENT.with(|sent| sent.lock().unwrap().iter().filter(|one| counted(&one.sql)).count()))
            }).await;
            assert_eq!(data["users"].as_array().unwrap().len(), first as usize);
            for user in data["users"].as_array().unwrap() {
                let group = |key: &str| json!({ "key": key, "roles": [{ "name": "labeler" }], "users": [{ "id": "u000" }] });
                assert_eq!(user["groups"], json!([group("RED"), group("BLUE")]));
            }
            assert_eq!(data["users"][0]["organizationRole"], "LABELER");
            counts.push(statements);
        }
        assert_eq!(counts[0], counts[1], "{counts:?}");
        assert!(counts[1] <= 9, "{counts:?}");
    }
}
