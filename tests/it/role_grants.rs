//! Which roles a user has, and how: directly or through which group, for which tenant, since when, and by whom.

use std::time::Duration;

use serde_json::{Value, json};

use crate::asking::{ASSIGN, user, world};
use crate::on_both;
use crate::support::{App, Caller};

const FIELDS: &str = "role { name } tenant { id } direct group { key } since by { id }";
/// When tests begin, and so many minutes later.
const TIMES: [&str; 4] = [
    "2026-01-02T03:04:05.006Z",
    "2026-01-02T03:05:05.006Z",
    "2026-01-02T03:06:05.006Z",
    "2026-01-02T03:07:05.006Z",
];

async fn grants(caller: &Caller<'_>, id: &str) -> Value {
    let document = format!("query($id: ID!) {{ user(where: {{id: $id}}) {{ roleGrants {{ {FIELDS} }} }} }}");
    caller.ok(&document, json!({ "id": id })).await["user"]["roleGrants"].clone()
}

/// A grant of a role: for a tenant, by a group, since a time, by a user.
fn grant(role: &str, tenant: Option<&str>, group: Option<&str>, since: usize, by: Option<&str>) -> Value {
    let object = |key: &str, value: Option<&str>| value.map(|value| json!({ key: value }));
    json!({
        "role": { "name": role }, "tenant": object("id", tenant), "direct": group.is_none(), "group": object("key", group),
        "since": TIMES[since], "by": object("id", by),
    })
}

fn later(app: &App) {
    app.services.clock.advance(Duration::from_secs(60));
}

on_both! {
    async fn each_way_is_shown_with_its_time_and_author(app: App) {
        let chief = world(&app).await;
        assert_eq!(grants(&chief, "gil").await, json!([
            grant("labeler", Some("munich"), Some("REVIEWERS"), 0, Some("chief")),
            grant("reviewer", None, Some("REVIEWERS"), 0, Some("chief")),
        ]));
        // The super admin belongs to another organization, so acme does not see who it is.
        assert_eq!(grants(&chief, "bob").await, json!([grant("user", None, None, 0, None)]));
        assert_eq!(grants(&app.admin(), "bob").await, json!([grant("user", None, None, 0, Some("admin"))]));
        assert_eq!(grants(&app.admin(), "admin").await, json!([grant("super-admin", None, None, 0, None)]));
        assert_eq!(grants(&chief, "nobody").await, Value::Null);

        // The same role in several ways is several grants; one that was there keeps its time and author.
        later(&app);
        chief.ok(ASSIGN, json!({ "id": "gil", "role": "reviewer" })).await;
        chief.ok(ASSIGN, json!({ "id": "gil", "role": "reviewer", "tenant": "munich" })).await;
        app.user("acme", "eve", Some("organization-admin")).await;
        later(&app);
        let eve = app.key_of("eve").await;
        let update = "mutation { updatePropertiesInUser(where: {id: \"gil\"}, data: {roles: [\"reviewer\", \"user\"]}) { id } }";
        eve.ok(update, json!({})).await;
        // Through a group it counts from what came later: here, that the group got the role.
        eve.ok("mutation { updateGroup(where: {key: \"REVIEWERS\"}, data: {roles: [\"labeler\", \"reviewer\"]}) { id } }", json!({})).await;
        later(&app);
        // And here, that the user joined the group.
        eve.ok("mutation { addUserToGroup(where: {key: \"REVIEWERS\"}, user: {id: \"bob\"}) { id } }", json!({})).await;
        assert_eq!(grants(&chief, "gil").await, json!([
            grant("labeler", None, Some("REVIEWERS"), 2, Some("eve")),
            grant("labeler", Some("munich"), Some("REVIEWERS"), 0, Some("chief")),
            grant("reviewer", None, None, 1, Some("chief")),
            grant("reviewer", None, Some("REVIEWERS"), 0, Some("chief")),
            grant("reviewer", Some("munich"), None, 1, Some("chief")),
            grant("user", None, None, 2, Some("eve")),
        ]));
        assert_eq!(grants(&chief, "bob").await, json!([
            grant("labeler", None, Some("REVIEWERS"), 3, Some("eve")),
            grant("labeler", Some("munich"), Some("REVIEWERS"), 3, Some("eve")),
            grant("reviewer", None, Some("REVIEWERS"), 3, Some("eve")),
            grant("user", None, None, 0, None),
        ]));
        // Who is deleted is no longer named, nor is a later user with the same id.
        chief.ok("mutation { deleteUser(where: {id: \"eve\"}) { id } }", json!({})).await;
        app.user("acme", "eve", Some("organization-admin")).await;
        assert_eq!(grants(&chief, "gil").await[5], grant("user", None, None, 2, None));
    }

    async fn the_author_is_who_really_did_it(app: App) {
        let chief = world(&app).await;
        app.user("acme", "eve", Some("organization-admin")).await;
        let acting = chief.clone().acting_as("eve");
        acting.ok(ASSIGN, json!({ "id": "bob", "role": "reviewer" })).await;
        assert_eq!(grants(&chief, "bob").await[0], grant("reviewer", None, None, 0, Some("chief")));
        // Of an invitation, who sent it.
        let eve = app.key_of("eve").await;
        eve.ok("mutation { inviteUser(data: {email: \"new@acme.example\", roles: [\"user\"], tenantRoles: [{role: \"reviewer\", tenant: \"berlin\"}]}) { id } }", json!({})).await;
        later(&app);
        let accept = "mutation($token: String!) { acceptInvitation(token: $token, data: {password: \"a good long one\"}) { id } }";
        let made = app.anonymous().ok(accept, json!({ "token": app.mailed_token() })).await;
        let id = made["acceptInvitation"]["id"].as_str().unwrap();
        assert_eq!(grants(&chief, id).await, json!([
            grant("reviewer", Some("berlin"), None, 1, Some("eve")), grant("user", None, None, 1, Some("eve")),
        ]));
        // A move to another organization keeps built-in roles, with when they were assigned.
        later(&app);
        let update = "mutation($id: ID, $data: UserData!) { updatePropertiesInUser(where: {id: $id}, data: $data) { id } }";
        app.admin().ok(update, json!({ "id": id, "data": { "organizationId": "globex" } })).await;
        assert_eq!(grants(&app.admin(), id).await, json!([grant("user", None, None, 1, Some("eve"))]));
    }

    /// Nothing of groups, tenants and people that the caller may not see.
    async fn what_is_out_of_sight_is_not_named(app: App) {
        let chief = world(&app).await;
        user(&app, "bea", Some("berlin"), &[], &[("tenant-admin", "berlin"), ("reviewer", "munich")]).await;
        chief.ok(ASSIGN, json!({ "id": "bob", "role": "reviewer", "tenant": "munich" })).await;
        chief.ok(ASSIGN, json!({ "id": "bob", "role": "labeler", "tenant": "berlin" })).await;
        let bea = app.key_of("bea").await;
        assert_eq!(grants(&bea, "bob").await, json!([
            grant("labeler", Some("berlin"), None, 0, None), grant("user", None, None, 0, None),
        ]));
        // Of a group with users of Berlin, bea sees that it gives a role, and not what it gives for Munich.
        assert_eq!(grants(&bea, "gil").await, json!([grant("reviewer", None, Some("REVIEWERS"), 0, None)]));
        // Of herself she sees all.
        assert_eq!(grants(&bea, "bea").await, json!([
            grant("reviewer", Some("munich"), None, 0, None), grant("tenant-admin", Some("berlin"), None, 0, None),
        ]));
        // Without `read:group`, that a group gives it is all.
        chief.ok("mutation { createRole(data: {name: \"desk\", permissions: [\"read:user\"]}) { id } }", json!({})).await;
        user(&app, "des", None, &["desk"], &[]).await;
        let des = app.key_of("des").await;
        let mut unseen = grant("reviewer", None, Some("REVIEWERS"), 0, Some("chief"));
        unseen["group"] = Value::Null;
        assert_eq!(grants(&des, "gil").await[1], unseen);
        // Who sees only itself sees its groups, and nobody who put it there.
        let gil = app.key_of("gil").await;
        let own = gil.ok(&format!("{{ me {{ roleGrants {{ {FIELDS} }} }} }}"), json!({})).await;
        assert_eq!(own["me"]["roleGrants"], json!([
            grant("labeler", Some("munich"), Some("REVIEWERS"), 0, None), grant("reviewer", None, Some("REVIEWERS"), 0, None),
        ]));
        assert_eq!(gil.ok("{ user(where: {id: \"bob\"}) { roleGrants { direct } } }", json!({})).await["user"], Value::Null);
    }
}
