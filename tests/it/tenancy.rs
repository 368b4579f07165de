//! Administration of a tenant: roles that hold for one tenant, and what nobody does with them.
//!
//! | threat | test |
//! |---|---|
//! | a tenant administrator reads or counts a user outside: by any path, filter, error | `rules::isolation`, view "bea, paris" |
//! | … by a list, a count, a cursor, an invitation | `a_tenant_administrator_sees_the_tenant_and_nothing_else`, `cursors_of_others_open_nothing`, `an_invitation_tells_nothing_of_accounts_elsewhere` |
//! | … by a conflict | `an_address_that_is_taken_elsewhere_is_noted` |
//! | moves themselves or others out or in | `nobody_is_moved_across_the_wall` |
//! | grants `tenant-admin` of another tenant, or a role for the organization, directly or by invitation | `nobody_grants_what_they_do_not_hold_there` |
//! | … by a group | `groups_are_the_organizations` |
//! | … by what a client of another product writes back | `what_is_written_back_leaves_tenants_alone` |
//! | impersonates somebody who is in the tenant and holds more elsewhere | `nobody_acts_as_who_holds_more_elsewhere` |
//! | keeps a right that was withdrawn while a request ran | `rules::caller_checks` |
//! | keeps power after the tenant was deleted and made again | `a_tenant_that_is_made_again_is_another_one` |
//! | reaches an outsider's account through the assignment | `an_outsider_shows_its_name_and_its_roles_there` |
//! | sees the organization's audit | `the_trail_of_a_tenant` |
//! | … sees what the tenant's users hold elsewhere | `what_a_user_holds_elsewhere_is_not_shown` |
//! | … learns the organization's limits, or who else mails somebody | `limits_of_the_organization_are_not_told` |
//! | … keeps a key or a session of a user who moved away | `who_leaves_a_tenant_leaves_its_administrators` |
//! | a help desk changes an address and mails a reset, deletes and creates an id again, edits variables | `rules::managing` |

use axum::http::Method;
use serde_json::{Value, json};

use crate::on_both;
use crate::support::session::{TOKENS, code_of};
use crate::support::{App, Caller};

const CREATE: &str = "mutation($data: CreateUserData!) { createUser(data: $data) { id tenantId } }";
const UPDATE: &str =
    "mutation($id: ID, $data: UserData!) { updatePropertiesInUser(where: {id: $id}, data: $data) { id } }";
const ASSIGN: &str = "mutation($id: ID, $role: String!, $tenant: ID) { assignRole(where: {id: $id}, role: $role, tenant: $tenant) { id } }";
const WITHDRAW: &str = "mutation($id: ID, $role: String!, $tenant: ID) { withdrawRole(where: {id: $id}, role: $role, tenant: $tenant) { id } }";
const INVITE: &str = "mutation($data: InviteUserData!) { inviteUser(data: $data) { id tenantId } }";

/// A user of acme in this tenant, with roles for tenants.
pub async fn user<'a>(app: &'a App, id: &str, tenant: Option<&str>, tenant_roles: &[(&str, &str)]) -> Caller<'a> {
    let roles: Vec<Value> = tenant_roles
        .iter()
        .map(|(role, tenant)| json!({ "role": role, "tenant": tenant }))
        .collect();
    let data = json!({
        "id": id, "email": format!("{id}@acme.example"), "organizationId": "acme", "tenantId": tenant, "tenantRoles": roles,
        "password": format!("password-of-{id}"),
    });
    app.admin().ok(CREATE, json!({ "data": data })).await;
    app.key_of(id).await
}

/// Acme with Berlin and Munich. `chief` administers all of it, `bea` administers Berlin, and may give its users the role
/// `api-user` there. `bob` is in Berlin, `mia` in Munich, `nora` in no tenant.
async fn world(app: &App) -> (Caller<'_>, Caller<'_>) {
    app.organization("acme", &["berlin", "munich"]).await;
    let chief = app.user("acme", "chief", Some("organization-admin")).await;
    let bea = user(
        app,
        "bea",
        Some("berlin"),
        &[("tenant-admin", "berlin"), ("api-user", "berlin")],
    )
    .await;
    user(app, "bob", Some("berlin"), &[]).await;
    user(app, "mia", Some("munich"), &[]).await;
    user(app, "nora", None, &[]).await;
    (chief, bea)
}

/// Munich's administrator: one who was there before the organization was full.
async fn user_without_seat<'a>(app: &'a App, chief: &Caller<'_>) -> Caller<'a> {
    chief
        .ok(
            ASSIGN,
            json!({ "id": "mia", "role": "tenant-admin", "tenant": "munich" }),
        )
        .await;
    app.key_of("mia").await
}

async fn ids(caller: &Caller<'_>, list: &str) -> Vec<String> {
    let answer = caller.ok(&format!("{{ {list} {{ id }} }}"), json!({})).await;
    let name = list.split('(').next().unwrap();
    let all = answer[name].as_array().unwrap().iter();
    let mut ids: Vec<String> = all.map(|one| one["id"].as_str().unwrap().to_owned()).collect();
    ids.sort();
    ids
}

on_both! {
    async fn a_tenant_administrator_sees_the_tenant_and_nothing_else(app: App) {
        let (chief, bea) = world(&app).await;
        assert_eq!(ids(&bea, "users").await, ["bea", "bob"]);
        assert_eq!(ids(&bea, "tenants").await, ["berlin"]);
        let counts = bea.ok(
            "{ countUsers countTenants usersConnection { totalCount } organization: countUsers(where: {organization: {id: \"acme\"}}) }",
            json!({}),
        ).await;
        assert_eq!(counts, json!({ "countUsers": 2, "countTenants": 1, "usersConnection": { "totalCount": 2 }, "organization": 2 }));
        // By the ways from what is seen.
        let nested = bea.ok("{ me { organization { users { id } tenants { id } } } }", json!({})).await;
        assert_eq!(nested["me"]["organization"], json!({ "users": [{ "id": "bea" }, { "id": "bob" }], "tenants": [{ "id": "berlin" }] }));
        let reach = "{ me { permissions reach { everything organization tenants { id name permissions } } } }";
        let shown = bea.ok(reach, json!({})).await;
        assert_eq!(shown["me"]["permissions"], json!([]));
        assert_eq!(shown["me"]["reach"]["organization"], false);
        assert_eq!(shown["me"]["reach"]["tenants"][0]["id"], "berlin");
        let here = shown["me"]["reach"]["tenants"][0]["permissions"].as_array().unwrap();
        assert!(here.contains(&json!("write:user")) && here.contains(&json!("usage:api")), "{shown}");
        let shown = chief.ok(reach, json!({})).await;
        assert_eq!(shown["me"]["reach"], json!({ "everything": false, "organization": true, "tenants": [] }));
        // What belongs to the organization is refused, and changes nothing.
        for document in [
            "{ organizations { id } }",
            "{ roles { id } }",
            "mutation { createTenant(data: {name: \"Another\"}) { id } }",
            "mutation { deleteTenant(where: {id: \"berlin\"}) { id } }",
            "mutation { updateTenant(where: {id: \"berlin\"}, data: {name: \"Other\"}) { id } }",
            "mutation { createRole(data: {name: \"another\"}) { id } }",
            "mutation { updateOrganization(where: {id: \"acme\"}, data: {name: \"Other\"}) { id } }",
        ] {
            assert_eq!(bea.refused(document, json!({})).await, "FORBIDDEN", "{document}");
        }
        // A permission that is held for several tenants opens one list.
        app.admin().ok(ASSIGN, json!({ "id": "bea", "role": "tenant-admin", "tenant": "munich" })).await;
        assert_eq!(ids(&bea, "users").await, ["bea", "bob", "mia"]);
        assert_eq!(ids(&bea, "users(orderBy: NAME_DESC, first: 2, skip: 1)").await, ["bea", "bob"]);
        app.admin().ok(WITHDRAW, json!({ "id": "bea", "role": "tenant-admin", "tenant": "berlin" })).await;
        assert_eq!(ids(&bea, "users").await, ["mia"]);
        // From outside, one is still oneself.
        assert_eq!(bea.ok("{ me { id email tenantId } }", json!({})).await["me"]["id"], "bea");
    }

    async fn a_tenant_administrator_manages_the_tenants_users(app: App) {
        let (chief, bea) = world(&app).await;
        let made = bea.ok(CREATE, json!({ "data": { "id": "ben", "email": "ben@acme.example" } })).await;
        assert_eq!(made["createUser"]["tenantId"], "berlin");
        bea.ok(UPDATE, json!({ "id": "ben", "data": { "name": "Ben", "email": "ben2@acme.example", "activated": false } })).await;
        bea.ok("mutation { activateUser(where: {id: \"ben\"}) { id } resetPassword(where: {id: \"ben\"}) { id } }", json!({})).await;
        bea.ok(ASSIGN, json!({ "id": "ben", "role": "api-user", "tenant": "berlin" })).await;
        let shown = "query($id: ID) { users(where: {id: $id}) { roles { name } permissions(tenant: \"berlin\") all: permissions
            there: roles(tenant: \"berlin\") { name } tenantRoles { role { name } tenant { id } through { id } } viewerCan { update delete impersonate } } }";
        let ben = bea.ok(shown, json!({ "id": "ben" })).await["users"][0].clone();
        assert_eq!(ben["tenantRoles"], json!([{ "role": { "name": "api-user" }, "tenant": { "id": "berlin" }, "through": null }]));
        assert_eq!((&ben["roles"], &ben["all"], &ben["there"]), (&json!([]), &json!([]), &json!([{ "name": "api-user" }])));
        assert!(ben["permissions"].as_array().unwrap().contains(&json!("usage:api")));
        assert_eq!(ben["viewerCan"], json!({ "update": true, "delete": true, "impersonate": true }));
        let acting = bea.clone().acting_as("ben");
        assert_eq!(acting.ok("{ me { id } }", json!({})).await["me"]["id"], "ben");
        bea.ok(WITHDRAW, json!({ "id": "ben", "role": "api-user", "tenant": "berlin" })).await;
        let invited = bea.ok(INVITE, json!({ "data": { "email": "new@acme.example", "tenantRoles": [{ "role": "api-user", "tenant": "berlin" }] } })).await;
        assert_eq!(invited["inviteUser"]["tenantId"], "berlin");
        assert_eq!(ids(&bea, "invitations").await.len(), 1);
        app.send_mails().await;
        let accept = "mutation($token: String!) { acceptInvitation(token: $token, data: {password: \"a new password\"}) {
            id tenantId permissions(tenant: \"berlin\") tenantRoles { role { name } } } }";
        let new = app.anonymous().ok(accept, json!({ "token": app.mailed_token() })).await["acceptInvitation"].clone();
        assert_eq!((&new["tenantId"], &new["tenantRoles"]), (&json!("berlin"), &json!([{ "role": { "name": "api-user" } }])));
        assert!(new["permissions"].as_array().unwrap().contains(&json!("usage:api")));
        bea.ok("mutation { deleteUser(where: {id: \"ben\"}) { id } }", json!({})).await;
        // Who holds something for the organization holds it for every tenant.
        chief.ok(ASSIGN, json!({ "id": "bob", "role": "reviewer", "tenant": "munich" })).await;
    }

    async fn nobody_is_moved_across_the_wall(app: App) {
        let (chief, bea) = world(&app).await;
        for (id, data, code) in [
            ("bob", json!({ "tenantId": "munich" }), "NOT_FOUND"),
            ("bea", json!({ "tenantId": "munich" }), "NOT_FOUND"),
            ("bob", json!({ "tenantId": "" }), "FORBIDDEN"),
            ("bea", json!({ "tenantId": "" }), "FORBIDDEN"),
            ("mia", json!({ "tenantId": "berlin" }), "NOT_FOUND"),
            ("nora", json!({ "tenantId": "berlin" }), "NOT_FOUND"),
        ] {
            assert_eq!(bea.refused(UPDATE, json!({ "id": id, "data": data })).await, code, "{id} {data}");
        }
        let clear = "mutation { updatePropertiesInUser(where: {id: \"bob\"}, data: {}, clear: [TENANT]) { id } }";
        assert_eq!(bea.refused(clear, json!({})).await, "FORBIDDEN");
        for data in [json!({ "id": "n", "tenantId": "munich" }), json!({ "id": "n", "organizationId": "acme", "tenantId": "munich" })] {
            assert_eq!(bea.refused(CREATE, json!({ "data": data })).await, "NOT_FOUND");
        }
        assert_eq!(bea.refused(INVITE, json!({ "data": { "email": "n@acme.example", "tenantId": "munich" } })).await, "NOT_FOUND");
        // In both, one moves between them. It must be clear where somebody new belongs.
        chief.ok(ASSIGN, json!({ "id": "bea", "role": "organization-admin", "tenant": "munich" })).await;
        bea.ok(UPDATE, json!({ "id": "bob", "data": { "tenantId": "munich" } })).await;
        let cora = user(&app, "cora", None, &[("tenant-admin", "berlin"), ("tenant-admin", "munich")]).await;
        assert_eq!(cora.refused(CREATE, json!({ "data": { "id": "n" } })).await, "INVALID");
        cora.ok(CREATE, json!({ "data": { "id": "n", "tenantId": "munich" } })).await;
        // Roles for the old tenant stay: they are assignments, and not membership.
        chief.ok(ASSIGN, json!({ "id": "bob", "role": "api-user", "tenant": "berlin" })).await;
        chief.ok(UPDATE, json!({ "id": "bob", "data": { "tenantId": "munich" } })).await;
        let outsiders = bea.ok("{ outsiders(tenant: \"berlin\") { id } }", json!({})).await;
        assert_eq!(outsiders["outsiders"], json!([{ "id": "bob" }, { "id": "cora" }]));
    }

    async fn nobody_grants_what_they_do_not_hold_there(app: App) {
        let (chief, bea) = world(&app).await;
        chief.ok("mutation { createRole(data: {name: \"empty\"}) { id } }", json!({})).await;
        for (role, tenant, code) in [
            ("tenant-admin", Some("munich"), "NOT_FOUND"),
            ("api-user", Some("munich"), "NOT_FOUND"),
            ("api-user", None, "FORBIDDEN"),
            ("empty", None, "FORBIDDEN"),
            ("tenant-admin", None, "INVALID"),
            ("super-admin", Some("berlin"), "INVALID"),
            ("organization-admin", Some("berlin"), "FORBIDDEN"),
            ("labeler", Some("nowhere"), "NOT_FOUND"),
        ] {
            let variables = json!({ "id": "bob", "role": role, "tenant": tenant });
            assert_eq!(bea.refused(ASSIGN, variables).await, code, "{role} {tenant:?}");
            let (everywhere, here) = match tenant {
                None => (json!([role]), json!([])),
                Some(tenant) => (json!([]), json!([{ "role": role, "tenant": tenant }])),
            };
            let create = json!({ "data": { "id": "n", "roles": everywhere, "tenantRoles": here } });
            assert_eq!(bea.refused(CREATE, create).await, code, "{role} {tenant:?}");
            let invite = json!({ "data": { "email": "n@acme.example", "roles": everywhere, "tenantRoles": here } });
            assert_eq!(bea.refused(INVITE, invite).await, code, "{role} {tenant:?}");
        }
        for data in [json!({ "roles": ["empty"] }), json!({ "organizationRole": "USER" }), json!({ "roles": ["tenant-admin"] })] {
            let code = if data["roles"] == json!(["tenant-admin"]) { "INVALID" } else { "FORBIDDEN" };
            assert_eq!(bea.refused(UPDATE, json!({ "id": "bob", "data": data })).await, code, "{data}");
        }
        // Nor is anything of the organization's withdrawn, even if it permits nothing.
        chief.ok(ASSIGN, json!({ "id": "bob", "role": "empty" })).await;
        assert_eq!(bea.refused(WITHDRAW, json!({ "id": "bob", "role": "empty" })).await, "FORBIDDEN");
        assert_eq!(bea.refused(UPDATE, json!({ "id": "bob", "data": { "roles": [] } })).await, "FORBIDDEN");
        // Nobody assigns `tenant-admin` for an organization, or a super admin for a tenant.
        for caller in [&chief, &app.admin()] {
            assert_eq!(caller.refused(ASSIGN, json!({ "id": "bob", "role": "tenant-admin" })).await, "INVALID");
            assert_eq!(caller.refused(ASSIGN, json!({ "id": "bob", "role": "super-admin", "tenant": "berlin" })).await, "INVALID");
        }
        // A tenant of another organization does not exist here.
        app.organization("globex", &["rome"]).await;
        for caller in [&chief, &app.admin()] {
            assert_eq!(caller.refused(ASSIGN, json!({ "id": "bob", "role": "reviewer", "tenant": "rome" })).await, "NOT_FOUND");
        }
        // And one role for a tenant cannot be two: again changes nothing.
        chief.ok(ASSIGN, json!({ "id": "bob", "role": "reviewer", "tenant": "berlin" })).await;
        let before = app.dump().await;
        chief.ok(ASSIGN, json!({ "id": "bob", "role": "reviewer", "tenant": "berlin" })).await;
        assert_eq!(before, app.dump().await);
    }

    async fn nobody_acts_as_who_holds_more_elsewhere(app: App) {
        let (chief, bea) = world(&app).await;
        let impersonate = "mutation { impersonateUser(where: {id: \"bob\"}, reason: \"to help\") { expiresIn } }";
        let address = json!({ "id": "bob", "data": { "email": "other@acme.example" } });
        let can = "{ users(where: {id: \"bob\"}) { viewerCan { updateAccount impersonate } tenantRoles { tenant { id } } } }";
        bea.ok(impersonate, json!({})).await;
        for (role, tenant) in [("reviewer", Some("munich")), ("reviewer", None), ("organization-admin", Some("berlin"))] {
            let assignment = json!({ "id": "bob", "role": role, "tenant": tenant });
            chief.ok(ASSIGN, assignment.clone()).await;
            assert_eq!(bea.refused(impersonate, json!({})).await, "FORBIDDEN", "{role} {tenant:?}");
            assert_eq!(code_of(&bea.clone().acting_as("bob").send("{ me { id } }", json!({})).await), "FORBIDDEN");
            assert_eq!(bea.refused(UPDATE, address.clone()).await, "FORBIDDEN", "{role} {tenant:?}");
            assert_eq!(bea.refused("mutation { deleteUser(where: {id: \"bob\"}) { id } }", json!({})).await, "FORBIDDEN");
            let shown = bea.ok(can, json!({})).await["users"][0].clone();
            assert_eq!(shown["viewerCan"], json!({ "updateAccount": false, "impersonate": false }));
            // And which other tenant that is, is not shown.
            assert!(!shown.to_string().contains("munich"), "{shown}");
            chief.ok(WITHDRAW, assignment).await;
        }
        // A session that was begun before ends with the right to it.
        let begin = format!("mutation {{ impersonateUser(where: {{id: \"bob\"}}, reason: \"to help\") {{ {TOKENS} }} }}");
        let began = bea.ok(&begin, json!({})).await;
        let session = app.key(began["impersonateUser"]["accessToken"].as_str().unwrap());
        assert_eq!(session.ok("{ me { id } }", json!({})).await["me"]["id"], "bob");
        chief.ok(ASSIGN, json!({ "id": "bob", "role": "reviewer", "tenant": "munich" })).await;
        assert_eq!(code_of(&session.send("{ me { id } }", json!({})).await), "UNAUTHENTICATED");
        chief.ok(WITHDRAW, json!({ "id": "bob", "role": "reviewer", "tenant": "munich" })).await;
        assert_eq!(session.ok("{ me { id } }", json!({})).await["me"]["id"], "bob");
        chief.ok(UPDATE, json!({ "id": "bob", "data": { "tenantId": "munich" } })).await;
        assert_eq!(code_of(&session.send("{ me { id } }", json!({})).await), "UNAUTHENTICATED");
    }

    async fn a_tenant_that_is_made_again_is_another_one(app: App) {
        let (chief, _) = world(&app).await;
        chief.ok("mutation { createTenant(data: {id: \"bonn\", name: \"Bonn\"}) { id } }", json!({})).await;
        let eva = user(&app, "eva", None, &[("tenant-admin", "bonn")]).await;
        chief.ok("mutation { createGroup(data: {name: \"Bonn\", tenantRoles: [{role: \"api-user\", tenant: \"bonn\"}]}) { id } }", json!({})).await;
        chief.ok(INVITE, json!({ "data": { "email": "new@acme.example", "tenantRoles": [{ "role": "api-user", "tenant": "bonn" }] } })).await;
        assert_eq!(ids(&eva, "tenants").await, ["bonn"]);
        chief.ok("mutation { deleteTenant(where: {id: \"bonn\"}) { id } }", json!({})).await;
        chief.ok("mutation { createTenant(data: {id: \"bonn\", name: \"Bonn\"}) { id } }", json!({})).await;
        for document in ["{ tenants { id } }", "{ auditEvents { id } }"] {
            assert_eq!(code_of(&eva.send(document, json!({})).await), "FORBIDDEN");
        }
        assert_eq!(eva.ok("{ me { tenantRoles { tenant { id } } reach { tenants { id } } } }", json!({})).await["me"], json!({ "tenantRoles": [], "reach": { "tenants": [] } }));
        let rest = chief.ok("{ groups { tenantRoles { role { id } } } invitations { tenantRoles { role { id } } } }", json!({})).await;
        assert_eq!(rest, json!({ "groups": [{ "tenantRoles": [] }], "invitations": [{ "tenantRoles": [] }] }));
    }

    async fn an_outsider_shows_its_name_and_its_roles_there(app: App) {
        let (chief, bea) = world(&app).await;
        chief.ok(UPDATE, json!({ "id": "mia", "data": { "firstname": "Mia", "variables": { "secret": "zebra" } } })).await;
        for (id, role, tenant) in [("mia", "api-user", Some("berlin")), ("mia", "reviewer", Some("munich")), ("nora", "organization-admin", Some("berlin"))] {
            chief.ok(ASSIGN, json!({ "id": id, "role": role, "tenant": tenant })).await;
        }
        let shown = bea.ok("{ outsiders(tenant: \"berlin\") { id name roles { name } } }", json!({})).await;
        assert_eq!(shown["outsiders"], json!([
            { "id": "mia", "name": "Mia", "roles": [{ "name": "api-user" }] },
            { "id": "nora", "name": "nora", "roles": [{ "name": "organization-admin" }] },
        ]));
        let page = bea.ok("{ outsiders(tenant: \"berlin\", first: 1, skip: 1) { id } }", json!({})).await;
        assert_eq!(page["outsiders"], json!([{ "id": "nora" }]));
        assert_eq!(bea.refused("{ outsiders(tenant: \"munich\") { id } }", json!({})).await, "NOT_FOUND");
        assert_eq!(bea.refused("{ outsiders(tenant: \"nowhere\") { id } }", json!({})).await, "NOT_FOUND");
        assert_eq!(ids(&bea, "users").await, ["bea", "bob"]);
        // The first impersonation makes a signing key.
        bea.ok("mutation { impersonateUser(where: {id: \"bob\"}, reason: \"to help\") { expiresIn } }", json!({})).await;
        for document in [
            "mutation { updatePropertiesInUser(where: {id: \"mia\"}, data: {name: \"Other\"}) { id } }",
            "mutation { deleteUser(where: {id: \"mia\"}) { id } }",
            "mutation { resetPassword(where: {id: \"mia\"}) { id } }",
            "mutation { impersonateUser(where: {id: \"mia\"}, reason: \"to help\") { expiresIn } }",
            "mutation { assignRole(where: {id: \"mia\"}, role: \"api-user\", tenant: \"berlin\") { id } }",
            "mutation { withdrawRole(where: {id: \"mia\"}, role: \"api-user\") { id } }",
            "mutation { withdrawRole(where: {id: \"mia\"}, role: \"reviewer\", tenant: \"munich\") { id } }",
            "mutation { withdrawRole(where: {email: \"mia@acme.example\"}, role: \"api-user\", tenant: \"berlin\") { id } }",
            "mutation { withdrawRole(where: {id: \"mia\", nameContains: \"M\"}, role: \"api-user\", tenant: \"berlin\") { id } }",
        ] {
            assert_eq!(bea.refused(document, json!({})).await, "NOT_FOUND", "{document}");
        }
        let more = "mutation { withdrawRole(where: {id: \"mia\"}, role: \"api-user\", tenant: \"berlin\") { id email } }";
        assert_eq!(bea.refused(more, json!({})).await, "FORBIDDEN");
        // Not from who holds more there.
        assert_eq!(bea.refused(WITHDRAW, json!({ "id": "nora", "role": "organization-admin", "tenant": "berlin" })).await, "FORBIDDEN");
        bea.ok(WITHDRAW, json!({ "id": "mia", "role": "api-user", "tenant": "berlin" })).await;
        assert_eq!(ids(&bea, "outsiders(tenant: \"berlin\")").await, ["nora"]);
        assert_eq!(bea.refused(WITHDRAW, json!({ "id": "mia", "role": "api-user", "tenant": "berlin" })).await, "NOT_FOUND");
    }

    async fn groups_are_the_organizations(app: App) {
        let (chief, bea) = world(&app).await;
        let group = "mutation($data: CreateGroupData!) { createGroup(data: $data) { id } }";
        let join = "mutation($key: String, $user: ID) { addUserToGroup(where: {key: $key}, user: {id: $user}) { id } }";
        for (name, roles) in [("Helpers", json!([{ "role": "reviewer", "tenant": "munich" }, { "role": "api-user", "tenant": "berlin" }])), ("Others", json!([])), ("Mixed", json!([]))] {
            chief.ok(group, json!({ "data": { "name": name, "tenantRoles": roles } })).await;
        }
        for (key, user) in [("MIXED", "bob"), ("MIXED", "mia"), ("OTHERS", "nora"), ("HELPERS", "nora")] {
            chief.ok(join, json!({ "key": key, "user": user })).await;
        }
        // Those with one of the tenant's users, or with a role for it; of members and roles only the tenant's.
        let shown = bea.ok("{ groups(orderBy: NAME_ASC) { name users { id } tenantRoles { role { name } tenant { id } } } countGroups }", json!({})).await;
        assert_eq!(shown, json!({
            "groups": [
                { "name": "Helpers", "users": [], "tenantRoles": [{ "role": { "name": "api-user" }, "tenant": { "id": "berlin" } }] },
                { "name": "Mixed", "users": [{ "id": "bob" }], "tenantRoles": [] },
            ],
            "countGroups": 2,
        }));
        for (list, expected) in [("groups(where: {user: {id: \"mia\"}})", 0), ("groups(where: {user: {id: \"bob\"}})", 1), ("groups(where: {user: {emailContains: \"mia\"}})", 0), ("users(where: {group: {key: \"OTHERS\"}})", 0)] {
            assert_eq!(ids(&bea, list).await.len(), expected, "{list}");
        }
        for document in [
            "mutation { createGroup(data: {name: \"New\"}) { id } }",
            "mutation { updateGroup(where: {key: \"MIXED\"}, data: {tenantRoles: [{role: \"api-user\", tenant: \"berlin\"}]}) { id } }",
            "mutation { addUserToGroup(where: {key: \"HELPERS\"}, user: {id: \"bob\"}) { id } }",
            "mutation { removeUserFromGroup(where: {key: \"MIXED\"}, user: {id: \"bob\"}) { id } }",
            "mutation { deleteGroup(where: {key: \"MIXED\"}) { id } }",
        ] {
            assert_eq!(bea.refused(document, json!({})).await, "FORBIDDEN", "{document}");
        }
        // A group gives its members what it says, for the tenant that it says.
        chief.ok(join, json!({ "key": "HELPERS", "user": "bob" })).await;
        let bob = chief.ok("{ users(where: {id: \"bob\"}) { permissions here: permissions(tenant: \"berlin\") there: permissions(tenant: \"munich\")
            tenantRoles { role { name } tenant { id } through { name } } } }", json!({})).await["users"][0].clone();
        assert_eq!(bob["permissions"], json!([]));
        assert!(bob["here"].as_array().unwrap().contains(&json!("usage:api")) && !bob["there"].as_array().unwrap().contains(&json!("usage:api")));
        assert_eq!(bob["tenantRoles"], json!([
            { "role": { "name": "api-user" }, "tenant": { "id": "berlin" }, "through": { "name": "Helpers" } },
            { "role": { "name": "reviewer" }, "tenant": { "id": "munich" }, "through": { "name": "Helpers" } },
        ]));
        // Nobody joins or changes a group with roles for a tenant that they lack.
        chief.ok("mutation { createRole(data: {name: \"grouper\", permissions: [\"read:user\", \"read:group\", \"write:group\"]}) { id } }", json!({})).await;
        let gus = app.user("acme", "gus", Some("grouper")).await;
        for document in [
            "mutation { addUserToGroup(where: {key: \"HELPERS\"}, user: {id: \"gus\"}) { id } }",
            "mutation { updateGroup(where: {key: \"HELPERS\"}, data: {name: \"Mine\"}) { id } }",
            "mutation { updateGroup(where: {key: \"OTHERS\"}, data: {tenantRoles: [{role: \"labeler\", tenant: \"berlin\"}]}) { id } }",
            "mutation { createGroup(data: {name: \"Mine\", tenantRoles: [{role: \"labeler\", tenant: \"berlin\"}]}) { id } }",
        ] {
            assert_eq!(gus.refused(document, json!({})).await, "FORBIDDEN", "{document}");
        }
        // Changing one kind of roles leaves the other alone.
        let update = "mutation($data: UpdateGroupData!) { updateGroup(where: {key: \"HELPERS\"}, data: $data) { roles { name } tenantRoles { tenant { id } } } }";
        let changed = chief.ok(update, json!({ "data": { "roles": ["user"] } })).await;
        assert_eq!(changed["updateGroup"], json!({ "roles": [{ "name": "user" }], "tenantRoles": [{ "tenant": { "id": "berlin" } }, { "tenant": { "id": "munich" } }] }));
        let changed = chief.ok(update, json!({ "data": { "tenantRoles": [{ "role": "user", "tenant": "munich" }] } })).await;
        assert_eq!(changed["updateGroup"], json!({ "roles": [{ "name": "user" }], "tenantRoles": [{ "tenant": { "id": "munich" } }] }));
    }

    async fn what_is_written_back_leaves_tenants_alone(app: App) {
        let (chief, bea) = world(&app).await;
        chief.ok(ASSIGN, json!({ "id": "bob", "role": "reviewer", "tenant": "munich" })).await;
        chief.ok(ASSIGN, json!({ "id": "bob", "role": "tenant-admin", "tenant": "berlin" })).await;
        let rows = "SELECT role_pk || ' ' || COALESCE(tenant_pk, 0) FROM user_roles WHERE user_pk = (SELECT pk FROM users WHERE id = 'bob') ORDER BY 1";
        let before: Vec<String> = app.column(rows).await;
        // Read and written back by each client, as it is.
        let boss = app.user("acme", "boss", Some("super-admin")).await;
        let of_kili = boss.ok("{ users(where: {id: \"bob\"}) { organizationRole roles { name } } }", json!({})).await["users"][0].clone();
        assert_eq!(of_kili, json!({ "organizationRole": null, "roles": [] }));
        boss.ok(UPDATE, json!({ "id": "bob", "data": { "roles": [], "firstname": "Bob" } })).await;
        let of_air = boss.rest(Method::GET, "/api/data/users/bob", None).await.json();
        boss.rest(Method::PATCH, "/api/data/users/bob", Some(&json!({ "role_id": of_air["role_id"], "name": "Bob A" }))).await;
        let path = "/auth/admin/realms/master/users/bob";
        let of_wallaroo = boss.rest(Method::GET, path, None).await.json();
        assert!(boss.rest(Method::PUT, path, Some(&of_wallaroo)).await.status.is_success());
        let query = json!({ "user_ids": ["bob"] });
        let of_waii = boss.rest(Method::POST, "/v1/api/users/query", Some(&query)).await.json();
        assert!(!of_waii.to_string().contains("tenant-admin"), "{of_waii}");
        assert_eq!(before, app.column::<String>(rows).await);
        let roles = boss.rest(Method::GET, "/api/data/roles", None).await.json();
        assert!(!roles.to_string().contains("tenant-admin") && roles.to_string().contains("organization-admin"), "{roles}");
        // By a face nobody reaches across the wall either.
        for (method, path, body) in [
            (Method::GET, "/api/data/users/mia", None),
            (Method::PATCH, "/api/data/users/mia", Some(json!({ "name": "Other" }))),
            (Method::GET, "/auth/admin/realms/master/users/mia", None),
            (Method::PUT, "/auth/admin/realms/master/users/mia", Some(json!({ "firstName": "Other" }))),
        ] {
            let (status, _) = bea.rest_refused(method, path, body.as_ref()).await;
            assert!([403, 404].contains(&status), "{path}: {status}");
        }
        let list = bea.rest(Method::GET, "/auth/admin/realms/master/users", None).await;
        assert!(list.status.is_success() && !list.body.contains("mia") && !list.body.contains("nora") && list.body.contains("bob"), "{list:?}");
        // Nor is a role for the whole organization given by its way.
        let (status, _) = bea.rest_refused(Method::PATCH, "/api/data/users/bob", Some(&json!({ "role_id": "01900000-0000-7000-8000-00000000000b" }))).await;
        assert!((400..404).contains(&status), "{status}");
    }

    async fn the_trail_of_a_tenant(app: App) {
        let (chief, bea) = world(&app).await;
        let actions = async |caller: &Caller<'_>, of: &str| -> Vec<String> {
            let document = format!("{{ auditEvents(where: {{targetId: \"{of}\"}}) {{ action }} countAuditEvents(where: {{targetId: \"{of}\"}}) }}");
            let answer = caller.ok(&document, json!({})).await;
            let all: Vec<String> = answer["auditEvents"].as_array().unwrap().iter().map(|event| event["action"].as_str().unwrap().to_owned()).collect();
            assert_eq!(answer["countAuditEvents"], all.len());
            all
        };
        assert_eq!(actions(&bea, "bob").await, ["user.create"]);
        assert_eq!(actions(&bea, "berlin").await, ["tenant.create"]);
        for other in ["mia", "nora", "chief", "acme", "munich"] {
            assert!(actions(&bea, other).await.is_empty(), "{other}");
            assert!(!actions(&chief, other).await.is_empty(), "{other}");
        }
        // What is given for the tenant concerns it, and the user's own tenant too.
        chief.ok(ASSIGN, json!({ "id": "mia", "role": "reviewer", "tenant": "berlin" })).await;
        assert_eq!(actions(&bea, "mia").await, ["user.assignRole"]);
        let mara = user(&app, "mara", Some("munich"), &[("tenant-admin", "munich")]).await;
        assert_eq!(actions(&mara, "mia").await, ["user.create", "user.assignRole"]);
        // What a group gives for it concerns it, and who gets it that way.
        chief.ok("mutation { createGroup(data: {name: \"Helpers\", tenantRoles: [{role: \"labeler\", tenant: \"berlin\"}]}) { id } }", json!({})).await;
        chief.ok("mutation { addUserToGroup(where: {key: \"HELPERS\"}, user: {id: \"mia\"}) { id } }", json!({})).await;
        assert_eq!(actions(&bea, "mia").await, ["user.assignRole", "user.joinGroup"]);
        assert_eq!(actions(&mara, "mia").await, ["user.create", "user.assignRole", "user.joinGroup"]);
        let of_groups = bea.ok("{ auditEvents(where: {targetKind: \"group\"}) { action } }", json!({})).await;
        assert_eq!(of_groups["auditEvents"], json!([{ "action": "group.create" }, { "action": "group.addUser" }]));
        // The names of groups are for callers who may read groups there.
        let role = "mutation { createRole(data: {name: \"auditor\", permissions: [\"read:audit\"]}) { id } }";
        chief.ok(role, json!({})).await;
        let ida = user(&app, "ida", Some("berlin"), &[("auditor", "berlin")]).await;
        let named = "{ auditEvents(where: {targetId: \"mia\", action: \"user.joinGroup\"}) { related { kind } } }";
        assert_eq!(bea.ok(named, json!({})).await["auditEvents"], json!([{ "related": [{ "kind": "group" }] }]));
        assert_eq!(ida.ok(named, json!({})).await["auditEvents"], json!([{ "related": [] }]));
        // Who leaves is seen to leave, and who comes to come.
        chief.ok(UPDATE, json!({ "id": "bob", "data": { "tenantId": "munich" } })).await;
        assert_eq!(actions(&bea, "bob").await, ["user.create", "user.update"]);
        assert_eq!(actions(&mara, "bob").await, ["user.arrive"]);
        chief.ok("mutation { deleteUser(where: {id: \"bob\"}) { id } }", json!({})).await;
        assert_eq!(actions(&bea, "bob").await, ["user.create", "user.update"]);
        assert_eq!(actions(&mara, "bob").await, ["user.arrive", "user.delete"]);
    }

    async fn an_invitation_tells_nothing_of_accounts_elsewhere(app: App) {
        let (chief, bea) = world(&app).await;
        chief.ok(INVITE, json!({ "data": { "email": "invited@acme.example", "tenantId": "munich" } })).await;
        // One who has an account in another tenant, one who is invited there, one whom nobody knows.
        for email in ["mia@acme.example", "invited@acme.example", "nobody@acme.example"] {
            bea.ok(INVITE, json!({ "data": { "email": email } })).await;
        }
        assert_eq!(bea.refused(INVITE, json!({ "data": { "email": "nobody@acme.example" } })).await, "CONFLICT");
        assert_eq!(bea.refused(INVITE, json!({ "data": { "email": "bob@acme.example" } })).await, "CONFLICT");
        for email in ["mia@acme.example", "invited@acme.example"] {
            assert_eq!(chief.refused(INVITE, json!({ "data": { "email": email } })).await, "CONFLICT", "{email}");
        }
        assert_eq!(ids(&bea, "invitations").await.len(), 3);
        assert_eq!(ids(&chief, "invitations").await.len(), 4);
        // Who has an account learns it from the mail's link, and nobody else does.
        let resend = "mutation($id: ID!) { resendInvitation(where: {id: $id}) { id } }";
        let of_mia = ids(&bea, "invitations(where: {email: \"mia@acme.example\"})").await;
        bea.ok(resend, json!({ "id": of_mia[0] })).await;
        app.send_mails().await;
        let accept = "mutation($token: String!) { acceptInvitation(token: $token, data: {password: \"a new password\"}) { id } }";
        assert_eq!(app.anonymous().refused(accept, json!({ "token": app.mailed_token() })).await, "CONFLICT");
    }

    /// That an address is taken in the organization cannot be hidden from who wants to take it. The organization's
    /// administrators see who tried.
    async fn an_address_that_is_taken_elsewhere_is_noted(app: App) {
        let (chief, bea) = world(&app).await;
        let refusal = bea.refusal(CREATE, json!({ "data": { "email": "mia@acme.example" } })).await;
        assert_eq!(refusal["extensions"]["code"], "CONFLICT");
        let update = bea.refusal(UPDATE, json!({ "id": "bob", "data": { "email": "mia@acme.example" } })).await;
        assert_eq!(update["message"], refusal["message"]);
        let own = bea.refusal(CREATE, json!({ "data": { "email": "bob@acme.example" } })).await;
        assert_eq!(own["message"].as_str().unwrap().replace("bob", "mia"), refusal["message"].as_str().unwrap());
        app.services.refusals.flush(&app.services.db, app.services.clock.now(), true).await.unwrap();
        let events = "query($action: String!) { auditEvents(where: {refused: true, actorId: \"bea\", action: $action}) { count } }";
        for (action, count) in [("user.create", 2), ("user.update", 1)] {
            let events = chief.ok(events, json!({ "action": action })).await["auditEvents"].clone();
            assert_eq!(events, json!([{ "count": count }]), "{action}");
        }
    }

    async fn cursors_of_others_open_nothing(app: App) {
        let (chief, bea) = world(&app).await;
        let page = |first: u8, after: &str| format!("{{ usersConnection(first: {first}{after}) {{ edges {{ cursor node {{ id }} }} pageInfo {{ hasNextPage hasPreviousPage }} totalCount }} }}");
        let all = chief.ok(&page(100, ""), json!({})).await["usersConnection"]["edges"].clone();
        for edge in all.as_array().unwrap() {
            let after = format!(", after: {}", edge["cursor"]);
            let shown = bea.ok(&page(100, &after), json!({})).await["usersConnection"].clone();
            assert_eq!(shown["totalCount"], 2);
            for one in shown["edges"].as_array().unwrap() {
                assert!(["bea", "bob"].contains(&one["node"]["id"].as_str().unwrap()), "{shown}");
            }
        }
    }

    async fn there_is_a_limit_of_tenants(app: App) {
        app.organization("acme", &[]).await;
        let chief = app.user("acme", "chief", Some("organization-admin")).await;
        let create = "mutation($data: CreateTenantData!) { createTenant(data: $data) { id } }";
        for n in 0..=100 {
            chief.ok(create, json!({ "data": { "id": format!("t{n}"), "name": format!("T {n}") } })).await;
        }
        let roles: Vec<Value> = (0..100).map(|n| json!({ "role": "tenant-admin", "tenant": format!("t{n}") })).collect();
        let data = json!({ "id": "ann", "email": "ann@acme.example", "tenantRoles": roles });
        chief.ok(CREATE, json!({ "data": data })).await;
        let ann = app.key_of("ann").await;
        assert_eq!(ids(&ann, "tenants(first: 100)").await.len(), 100);
        assert_eq!(chief.refused(ASSIGN, json!({ "id": "ann", "role": "tenant-admin", "tenant": "t100" })).await, "LIMIT_EXCEEDED");
        let mut more = roles.clone();
        more.push(json!({ "role": "tenant-admin", "tenant": "t100" }));
        for (document, data) in [
            (CREATE, json!({ "id": "eve", "tenantRoles": more })),
            (INVITE, json!({ "email": "eve@acme.example", "tenantRoles": more })),
            ("mutation($data: CreateGroupData!) { createGroup(data: $data) { id } }", json!({ "name": "All", "tenantRoles": more })),
        ] {
            assert_eq!(chief.refused(document, json!({ "data": data })).await, "LIMIT_EXCEEDED", "{document}");
        }
        // Each role of a list is looked up, so a list is short.
        let many = |field: &str, one: Value| json!({ "data": { "id": "eve", field: vec![one; 201] } });
        for data in [many("roles", json!("user")), many("tenantRoles", json!({ "role": "user", "tenant": "t1" }))] {
            assert_eq!(chief.refused(CREATE, data).await, "INVALID");
        }
        // By a group one may still come to more, and is told what to do.
        let group = json!({ "data": { "name": "One more", "tenantRoles": [{ "role": "tenant-admin", "tenant": "t100" }] } });
        chief.ok("mutation($data: CreateGroupData!) { createGroup(data: $data) { id } }", group).await;
        chief.ok("mutation { addUserToGroup(where: {key: \"ONE_MORE\"}, user: {id: \"ann\"}) { id } }", json!({})).await;
        let refusal = ann.refusal("{ users { id } }", json!({})).await;
        assert_eq!(refusal["extensions"]["code"], "FORBIDDEN");
        assert!(refusal["message"].as_str().unwrap().contains("Ask for a role for the whole organization"), "{refusal}");
        assert_eq!(ann.ok("{ me { id } }", json!({})).await["me"]["id"], "ann");
    }

    /// Moving to another organization takes nothing along.
    async fn who_leaves_the_organization_leaves_its_tenants(app: App) {
        let (_, _) = world(&app).await;
        app.organization("globex", &["rome"]).await;
        app.admin().ok(UPDATE, json!({ "id": "bea", "data": { "organizationId": "globex", "tenantId": "rome" } })).await;
        let bea = app.key_of("bea").await;
        assert_eq!(bea.ok("{ me { tenantRoles { tenant { id } } reach { tenants { id } } } }", json!({})).await["me"], json!({ "tenantRoles": [], "reach": { "tenants": [] } }));
        let event: Vec<String> = app.column("SELECT fields FROM audit_events WHERE action = 'user.update' AND target_id = 'bea'").await;
        assert!(event[0].contains("tenantRoles"), "{event:?}");
    }

    /// Who administers a tenant from outside still sees and changes what is its own.
    async fn from_outside_one_is_still_oneself(app: App) {
        let (chief, _) = world(&app).await;
        let eva = user(&app, "eva", Some("munich"), &[("tenant-admin", "berlin"), ("user", "munich")]).await;
        chief.ok("mutation { updateTenant(where: {id: \"munich\"}, data: {variables: {secret: \"zebra\"}}) { id } }", json!({})).await;
        assert_eq!(ids(&eva, "users").await, ["bea", "bob"]);
        let me = eva.ok("{ me { id tenantId tenant { name variables } tenantRoles { role { name } tenant { id variables } } viewerCan { sendLink delete } organization { users { id } } } }", json!({})).await;
        assert_eq!(me["me"], json!({
            "id": "eva", "tenantId": "munich", "tenant": { "name": "Tenant munich", "variables": null },
            "tenantRoles": [
                { "role": { "name": "tenant-admin" }, "tenant": { "id": "berlin", "variables": null } },
                { "role": { "name": "user" }, "tenant": { "id": "munich", "variables": null } },
            ],
            "viewerCan": { "sendLink": true, "delete": false },
            "organization": { "users": [{ "id": "bea" }, { "id": "bob" }] },
        }));
        let own = "mutation { updatePassword(where: {id: \"eva\"}, data: {oldPassword: \"password-of-eva\", newPassword1: \"a new password\", newPassword2: \"a new password\"}) { id } }";
        eva.ok(own, json!({})).await;
        assert_eq!(eva.refused(UPDATE, json!({ "id": "eva", "data": { "name": "Eva" } })).await, "NOT_FOUND");
        let mias = "mutation { updatePassword(where: {id: \"mia\"}, data: {oldPassword: \"password-of-mia\", newPassword1: \"a new password\", newPassword2: \"a new password\"}) { id } }";
        assert_eq!(eva.refused(mias, json!({})).await, "NOT_FOUND");
    }

    /// What a user holds for another tenant is shown to nobody who only sees this one: not by a question about that tenant,
    /// and not with a key that permits less.
    async fn what_a_user_holds_elsewhere_is_not_shown(app: App) {
        let (chief, bea) = world(&app).await;
        chief.ok(ASSIGN, json!({ "id": "bob", "role": "reviewer", "tenant": "munich" })).await;
        let group = json!({ "data": { "name": "Mixed", "description": "zebra", "tenantRoles": [{ "role": "reviewer", "tenant": "munich" }, { "role": "labeler", "tenant": "berlin" }] } });
        chief.ok("mutation($data: CreateGroupData!) { createGroup(data: $data) { id } }", group).await;
        chief.ok("mutation { addUserToGroup(where: {key: \"MIXED\"}, user: {id: \"bob\"}) { id } }", json!({})).await;
        chief.ok("mutation { createRole(data: {name: \"empty\"}) { id } }", json!({})).await;
        // One who belongs to Munich, one who has a role there, one who has a useless one.
        let eva = user(&app, "eva", Some("munich"), &[("tenant-admin", "berlin")]).await;
        let cora = user(&app, "cora", Some("berlin"), &[("tenant-admin", "berlin"), ("empty", "munich")]).await;
        let asked = "{ users(where: {id: \"bob\"}) { permissions(tenant: \"munich\") } }";
        let roles = "{ users(where: {id: \"bob\"}) { roles(tenant: \"munich\") { name } } }";
        for caller in [&eva, &cora, &bea] {
            for document in [asked, roles] {
                assert_eq!(caller.refused(document, json!({})).await, "NOT_FOUND", "{document}");
            }
            assert_eq!(code_of(&caller.send(&asked.replace("munich", "berlin"), json!({})).await), "OK");
        }
        for caller in [&eva, &cora] {
            caller.ok("{ me { permissions(tenant: \"munich\") roles(tenant: \"munich\") { name } } }", json!({})).await;
        }
        // In a tenant of another organization nothing holds.
        app.organization("globex", &["rome"]).await;
        assert_eq!(app.admin().ok(&asked.replace("munich", "rome"), json!({})).await["users"][0]["permissions"], json!([]));
        let make = "mutation($name: String!) { createApiKey(data: {name: $name, permissions: [$name]}) { secret } }";
        let narrowed = async |permission: &str| {
            let made = bea.ok(make, json!({ "name": permission })).await;
            app.key(made["createApiKey"]["secret"].as_str().unwrap())
        };
        let (writer, reader) = (narrowed("write:user").await, narrowed("read:user").await);
        let changed = writer.ok("mutation { updatePropertiesInUser(where: {id: \"bob\"}, data: {firstname: \"B\"}) { tenantRoles { tenant { id } } } }", json!({})).await;
        assert_eq!(changed["updatePropertiesInUser"]["tenantRoles"], json!([]));
        let through = "{ users(where: {id: \"bob\"}) { tenantRoles { tenant { id } through { description tenantRoles { tenant { id } } } } } }";
        let seen = reader.ok(through, json!({})).await;
        assert_eq!(seen["users"][0]["tenantRoles"], json!([{ "tenant": { "id": "berlin" }, "through": null }]));
        let seen = bea.ok(through, json!({})).await;
        assert_eq!(seen["users"][0]["tenantRoles"][0]["through"], json!({ "description": "zebra", "tenantRoles": [{ "tenant": { "id": "berlin" } }] }));
        let invite = json!({ "data": { "email": "n@acme.example", "tenantId": "berlin", "tenantRoles": [{ "role": "user", "tenant": "munich" }] } });
        let id = chief.ok(INVITE, invite).await["inviteUser"]["id"].clone();
        for caller in [&writer, &bea] {
            let again = caller.ok("mutation($id: ID!) { resendInvitation(where: {id: $id}) { tenantRoles { tenant { id } } } }", json!({ "id": id })).await;
            assert_eq!(again["resendInvitation"]["tenantRoles"], json!([]));
        }
        // A refusal does not name what is held elsewhere either.
        let refusal = bea.refusal(UPDATE, json!({ "id": "bob", "data": { "email": "b@acme.example" } })).await;
        assert!(!refusal["message"].as_str().unwrap().contains("semantic"), "{refusal}");
    }

    /// Neither the organization's seats nor the mails of other tenants are told.
    async fn limits_of_the_organization_are_not_told(app: App) {
        let (chief, bea) = world(&app).await;
        app.admin().ok("mutation { updateOrganization(where: {id: \"acme\"}, data: {seatLimit: 5}) { id } }", json!({})).await;
        for (document, variables) in [(CREATE, json!({ "data": { "id": "n" } }))] {
            let refusal = bea.refusal(document, variables.clone()).await;
            assert_eq!(refusal["extensions"]["code"], "SEAT_LIMIT_REACHED");
            assert!(!refusal["message"].as_str().unwrap().contains('5'), "{refusal}");
            assert!(chief.refusal(document, variables).await["message"].as_str().unwrap().contains('5'));
        }
        let mara = user_without_seat(&app, &chief).await;
        for n in 0..5 {
            mara.ok(INVITE, json!({ "data": { "email": format!("target+{n}@mail.example") } })).await;
        }
        app.send_mails().await;
        let before = app.mails().len();
        bea.ok(INVITE, json!({ "data": { "email": "target@mail.example" } })).await;
        app.send_mails().await;
        assert_eq!(app.mails().len(), before);
        assert_eq!(chief.refused(INVITE, json!({ "data": { "email": "target+x@mail.example" } })).await, "RATE_LIMITED");
    }

    /// Who leaves a tenant that has administrators takes no key and no session along that one of them may have made.
    async fn who_leaves_a_tenant_leaves_its_administrators(app: App) {
        let (chief, bea) = world(&app).await;
        chief.ok(ASSIGN, json!({ "id": "bob", "role": "api-user", "tenant": "berlin" })).await;
        let made = bea.clone().acting_as("bob").ok("mutation { createApiKey(data: {name: \"planted\"}) { secret } }", json!({})).await;
        let planted = app.key(made["createApiKey"]["secret"].as_str().unwrap());
        let session = app.key(app.sign_in("acme", "bob").await.access);
        for credential in [&planted, &session] {
            assert_eq!(credential.ok("{ me { id } }", json!({})).await["me"]["id"], "bob");
        }
        chief.ok(UPDATE, json!({ "id": "bob", "data": { "tenantId": "munich" } })).await;
        chief.ok(ASSIGN, json!({ "id": "bob", "role": "tenant-admin", "tenant": "munich" })).await;
        for credential in [&planted, &session] {
            assert_eq!(code_of(&credential.send("{ me { id } }", json!({})).await), "UNAUTHENTICATED");
        }
        // Of a tenant in which nobody has a role, nobody could have made any.
        chief.ok("mutation { createTenant(data: {id: \"bonn\", name: \"Bonn\"}) { id } }", json!({})).await;
        let ann = user(&app, "ann", Some("bonn"), &[]).await;
        chief.ok(UPDATE, json!({ "id": "ann", "data": { "tenantId": "munich" } })).await;
        assert_eq!(ann.ok("{ me { tenantId } }", json!({})).await["me"]["tenantId"], "munich");
    }

    /// A key has what its owner has, and no more than it is limited to.
    async fn keys_of_a_tenant_administrator(app: App) {
        let (_, bea) = world(&app).await;
        let make = "mutation($data: CreateApiKeyData!) { createApiKey(data: $data) { secret } }";
        // 'api-user' for the tenant that the user is in permits keys.
        let made = bea.ok(make, json!({ "data": { "name": "reader", "permissions": ["read:user"] } })).await;
        let reader = app.key(made["createApiKey"]["secret"].as_str().unwrap());
        assert_eq!(ids(&reader, "users").await, ["bea", "bob"]);
        assert_eq!(reader.refused(CREATE, json!({ "data": { "id": "n" } })).await, "FORBIDDEN");
        assert_eq!(bea.refused(make, json!({ "data": { "name": "more", "permissions": ["write:org"] } })).await, "FORBIDDEN");
        let eva = user(&app, "eva", None, &[("api-user", "berlin")]).await;
        assert_eq!(eva.refused(make, json!({ "data": { "name": "none" } })).await, "FORBIDDEN");
    }
}
