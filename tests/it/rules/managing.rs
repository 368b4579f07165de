//! Who may do what to a user with more permissions: everything that is done to users, in one table.

use serde_json::{Value, json};
use strum::VariantArray;
use tenantry::authz::escalation::Managing;

use crate::on_both;
use crate::support::{App, Caller};

/// The document that does this to the user `$id`, and the field of `viewerCan` that shows whether the caller may.
fn call(what: Managing, id: &str) -> (String, &'static str) {
    let update = |data: &str| {
        format!("mutation($id: ID) {{ updatePropertiesInUser(where: {{id: $id}}, data: {{{data}}}) {{ id }} }}")
    };
    let join = |group: &str| {
        format!("mutation($id: ID) {{ addUserToGroup(where: {{key: \"{group}\"}}, user: {{id: $id}}) {{ id }} }}")
    };
    match what {
        Managing::Address => (update(&format!("email: \"{id}@new.example\"")), "updateAccount"),
        Managing::Password => (
            "mutation($id: ID) { updatePassword(data: {oldPassword: \"password of old\", newPassword1: \"password of new\", \
             newPassword2: \"password of new\"}, where: {id: $id}) { id } }"
                .to_owned(),
            "updateAccount",
        ),
        Managing::FederatedIdentities => (
            update("federatedIdentities: [{identityProvider: \"idp\", userId: \"mallory\", userName: \"mallory\"}]"),
            "updateAccount",
        ),
        Managing::Home => (update("tenantId: \"berlin\""), "updateAccount"),
        Managing::Variables => (update("variables: {plan: \"free\"}"), "updateAccount"),
        Managing::Roles => (join("READERS"), "mapRoles"),
        Managing::Deletion => ("mutation($id: ID) { deleteUser(where: {id: $id}) { id } }".to_owned(), "delete"),
        Managing::Names => (update("name: \"Somebody\", firstname: \"Some\", lastname: \"Body\""), "update"),
        Managing::Provisioning => (update(&format!("userName: \"new-{id}\", externalId: \"7\"")), "updateAccount"),
        Managing::Activation => ("mutation($id: ID) { deactivateUser(where: {id: $id}) { id } }".to_owned(), "deactivate"),
        Managing::Memberships => (join("EVERYBODY"), "manageGroups"),
        Managing::Access => (
            "mutation($id: ID) { revokeUserApiKeys(where: {id: $id}) { id } }".to_owned(),
            "deactivate",
        ),
        Managing::Link => ("mutation($id: ID) { resetPassword(where: {id: $id}) { id } }".to_owned(), "sendLink"),
    }
}

async fn can(caller: &Caller<'_>, id: &str, field: &str) -> bool {
    let document = format!("query($id: ID) {{ users(where: {{id: $id}}) {{ viewerCan {{ {field} }} }} }}");
    let shown = caller.ok(&document, json!({ "id": id })).await;
    shown["users"][0]["viewerCan"][field].as_bool().unwrap()
}

on_both! {
    /// A help desk has none of the product's permissions. It helps those who have some, and becomes nobody.
    async fn a_help_desk_helps_and_becomes_nobody(app: App) {
        app.organization("acme", &["berlin"]).await;
        let chief = app.user("acme", "chief", Some("organization-admin")).await;
        let role = "mutation($name: String!, $permissions: [String!]!) { createRole(data: {name: $name, permissions: $permissions}) { id } }";
        let desk = ["read:user", "write:user", "read:group", "write:group", "read:tenant", "read:role"];
        chief.ok(role, json!({ "name": "help-desk", "permissions": desk })).await;
        chief.ok(role, json!({ "name": "planner", "permissions": ["write:tenant"] })).await;
        for group in ["{name: \"Readers\", roles: [\"help-desk\"]}", "{name: \"Everybody\"}"] {
            chief.ok(&format!("mutation {{ createGroup(data: {group}) {{ id }} }}"), json!({})).await;
        }
        let desk = app.user("acme", "desk", Some("help-desk")).await;
        for what in Managing::VARIANTS {
            // One has permissions of the product, the other one that opens something here.
            for (role, helped) in [("user", true), ("planner", false)] {
                let id = format!("{what:?}-{role}").to_lowercase();
                let (document, field) = call(*what, &id);
                app.user("acme", &id, Some(role)).await;
                let variables = json!({ "id": id });
                let lesser = matches!(what, Managing::Names | Managing::Activation | Managing::Memberships | Managing::Link | Managing::Access);
                let may = helped && lesser;
                assert_eq!(can(&desk, &id, field).await, may, "{what:?} {role}");
                if may {
                    desk.ok(&document, variables).await;
                } else {
                    let before = app.dump().await;
                    assert_eq!(desk.refused(&document, variables.clone()).await, "FORBIDDEN", "{what:?} {role}");
                    assert_eq!(before, app.dump().await, "{what:?} {role}");
                    if *what != Managing::Password {
                        assert!(can(&chief, &id, field).await, "{what:?} {role}");
                        chief.ok(&document, variables).await;
                    }
                }
            }
        }
    }

    /// What is changed together is judged by what can lead to acting as the user.
    async fn the_stricter_rule_counts(app: App) {
        app.organization("acme", &["berlin"]).await;
        let chief = app.user("acme", "chief", Some("organization-admin")).await;
        let role = "mutation { createRole(data: {name: \"help-desk\", permissions: [\"read:user\", \"write:user\"]}) { id } }";
        chief.ok(role, json!({})).await;
        let desk = app.user("acme", "desk", Some("help-desk")).await;
        app.user("acme", "ann", Some("user")).await;
        let update = "mutation($data: UserData!, $clear: [ClearableInUser!]) {
            updatePropertiesInUser(where: {id: \"ann\"}, data: $data, clear: $clear) { id name activated } }";
        let also: [(Value, Value); 12] = [
            (json!({ "email": "ann@acme.example" }), json!([])),
            (json!({ "tenantId": "berlin" }), json!([])),
            (json!({ "organizationId": "acme" }), json!([])),
            (json!({ "organizationRole": "USER" }), json!([])),
            (json!({ "roles": ["user"] }), json!([])),
            (json!({ "variables": {} }), json!([])),
            (json!({ "federatedIdentities": [] }), json!([])),
            (json!({ "userName": "ann.ward" }), json!([])),
            (json!({ "externalId": "7" }), json!([])),
            (json!({}), json!(["USER_NAME", "EXTERNAL_ID"])),
            (json!({}), json!(["EMAIL"])),
            (json!({}), json!(["TENANT", "VARIABLES"])),
        ];
        for (mut data, clear) in also {
            data["name"] = json!("Ann");
            assert_eq!(desk.refused(update, json!({ "data": data, "clear": clear })).await, "FORBIDDEN", "{data} {clear}");
        }
        let data = json!({ "name": "Ann", "activated": false });
        let done = desk.ok(update, json!({ "data": data, "clear": ["FIRSTNAME"] })).await;
        assert_eq!(done["updatePropertiesInUser"], json!({ "id": "ann", "name": "Ann", "activated": false }));
    }

    /// Nor are roles given or taken by way of the group that a user is in.
    async fn a_groups_roles_are_those_of_its_members(app: App) {
        app.organization("acme", &[]).await;
        let chief = app.user("acme", "chief", Some("organization-admin")).await;
        let role = "mutation { createRole(data: {name: \"help-desk\", permissions: [\"read:user\", \"write:user\", \"read:group\", \"write:group\"]}) { id } }";
        chief.ok(role, json!({})).await;
        let desk = app.user("acme", "desk", Some("help-desk")).await;
        app.user("acme", "ann", Some("user")).await;
        let join = "mutation($key: String) { addUserToGroup(where: {key: $key}, user: {id: \"ann\"}) { id } }";
        for (key, data) in [("EVERYBODY", json!({ "name": "Everybody" })), ("DESKS", json!({ "name": "Desks", "roles": ["help-desk"] }))] {
            desk.ok("mutation($data: CreateGroupData!) { createGroup(data: $data) { id } }", json!({ "data": data })).await;
            chief.ok(join, json!({ "key": key })).await;
        }
        let update = "mutation($key: String, $data: UpdateGroupData!) { updateGroup(where: {key: $key}, data: $data) { id } }";
        let delete = "mutation($key: String) { deleteGroup(where: {key: $key}) { id } }";
        for (document, variables) in [
            (update, json!({ "key": "EVERYBODY", "data": { "roles": ["help-desk"] } })),
            (update, json!({ "key": "DESKS", "data": { "roles": [] } })),
            (delete, json!({ "key": "DESKS" })),
        ] {
            assert_eq!(desk.refused(document, variables.clone()).await, "FORBIDDEN", "{variables}");
        }
        for key in ["EVERYBODY", "DESKS"] {
            desk.ok(update, json!({ "key": key, "data": { "name": "Renamed" } })).await;
        }
        desk.ok(delete, json!({ "key": "EVERYBODY" })).await;
        chief.ok(delete, json!({ "key": "DESKS" })).await;
    }

    /// An invitation is resent and withdrawn by whoever may do the same to the later user.
    async fn invitations_are_managed_the_same_way(app: App) {
        app.organization("acme", &[]).await;
        let chief = app.user("acme", "chief", Some("organization-admin")).await;
        let role = "mutation { createRole(data: {name: \"help-desk\", permissions: [\"read:user\", \"write:user\"]}) { id } }";
        chief.ok(role, json!({})).await;
        let desk = app.user("acme", "desk", Some("help-desk")).await;
        let invite = "mutation($email: String!, $role: String!) { inviteUser(data: {email: $email, roles: [$role]}) { id } }";
        for (role, may) in [("user", true), ("organization-admin", false)] {
            let variables = json!({ "email": format!("{role}@acme.example"), "role": role });
            assert_eq!(desk.refused(invite, variables.clone()).await, "FORBIDDEN");
            let id = chief.ok(invite, variables).await["inviteUser"]["id"].clone();
            for verb in ["resendInvitation", "withdrawInvitation"] {
                let document = format!("mutation($id: ID!) {{ {verb}(where: {{id: $id}}) {{ id }} }}");
                let variables = json!({ "id": id });
                if may {
                    desk.ok(&document, variables).await;
                } else {
                    assert_eq!(desk.refused(&document, variables).await, "FORBIDDEN");
                }
            }
        }
    }
}
