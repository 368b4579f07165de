//! A name shows something: every name that a mutation or a face takes has at least one visible character.

use std::collections::BTreeSet;

use axum::http::Method;
use serde_json::{Value, json};

use super::{Sdl, named};
use crate::on_both;
use crate::support::App;

/// A call for each name in an input of a mutation, with `$n` in its place.
const CASES: &[(&str, &str)] = &[
    (
        "AcceptInvitationData.name",
        r#"acceptInvitation(token: "$token", data: {name: $n, password: "another-password"}) { id }"#,
    ),
    (
        "AcceptInvitationData.firstname",
        r#"acceptInvitation(token: "$token", data: {firstname: $n, password: "another-password"}) { id }"#,
    ),
    (
        "AcceptInvitationData.lastname",
        r#"acceptInvitation(token: "$token", data: {lastname: $n, password: "another-password"}) { id }"#,
    ),
    (
        "CreateApiKeyData.name",
        "createApiKey(data: {name: $n}) { apiKey { id } }",
    ),
    (
        "CreateOrganizationData.productName",
        r#"createOrganization(data: {name: "New", productName: $n}) { id }"#,
    ),
    (
        "UpdateOrganizationData.productName",
        r#"updateOrganization(where: {id: "acme"}, data: {productName: $n}) { id }"#,
    ),
    (
        "UpdateOrganizationSettingsData.productName",
        r#"updateOrganizationSettings(where: {id: "acme"}, data: {productName: $n}) { id }"#,
    ),
    ("CreateGroupData.name", "createGroup(data: {name: $n}) { id }"),
    (
        "CreateOrganizationData.name",
        "createOrganization(data: {name: $n}) { id }",
    ),
    (
        "CreateResourceServerData.name",
        r#"createResourceServer(data: {id: "https://new.example", name: $n}) { id }"#,
    ),
    (
        "UpdateResourceServerData.name",
        r#"updateResourceServer(where: {id: "default"}, data: {name: $n}) { id }"#,
    ),
    ("CreateRoleData.name", "createRole(data: {name: $n}) { id }"),
    ("CreateTenantData.name", "createTenant(data: {name: $n}) { id }"),
    (
        "CreateUserData.name",
        r#"createUser(data: {id: "new", name: $n}) { id }"#,
    ),
    (
        "CreateUserData.firstname",
        r#"createUser(data: {id: "new", firstname: $n}) { id }"#,
    ),
    (
        "CreateUserData.lastname",
        r#"createUserWithPassword(data: {id: "new", lastname: $n}) { password }"#,
    ),
    (
        "CreateUserData.userName",
        r#"createUser(data: {id: "new", userName: $n}) { id }"#,
    ),
    (
        "UserData.userName",
        r#"updatePropertiesInUser(where: {id: "ada"}, data: {userName: $n}) { id }"#,
    ),
    (
        "FederatedIdentityData.userName",
        r#"createUser(data: {id: "new", federatedIdentities: [{identityProvider: "x", userId: "y", userName: $n}]}) { id }"#,
    ),
    (
        "UpdateGroupData.name",
        r#"updateGroup(where: {id: "$group"}, data: {name: $n}) { id }"#,
    ),
    ("UpdateMeData.name", "updateMe(data: {name: $n}) { id }"),
    ("UpdateMeData.firstname", "updateMe(data: {firstname: $n}) { id }"),
    ("UpdateMeData.lastname", "updateMe(data: {lastname: $n}) { id }"),
    (
        "UpdateOrganizationData.name",
        r#"updateOrganization(where: {id: "acme"}, data: {name: $n}) { id }"#,
    ),
    (
        "UpdateRoleData.name",
        r#"updateRole(where: {id: "$role"}, data: {name: $n}) { id }"#,
    ),
    (
        "UpdateTenantData.name",
        r#"updateTenant(where: {id: "berlin"}, data: {name: $n}) { id }"#,
    ),
    (
        "UserData.name",
        r#"updatePropertiesInUser(where: {id: "ada"}, data: {name: $n}) { id }"#,
    ),
    (
        "UserData.firstname",
        r#"updatePropertiesInUser(where: {id: "ada"}, data: {firstname: $n}) { id }"#,
    ),
    (
        "UserData.lastname",
        r#"updatePropertiesInUser(where: {id: "ada"}, data: {lastname: $n}) { id }"#,
    ),
];

/// Texts that show nothing: characters that a font ignores, marks without a character under them, blanks of all kinds.
const INVISIBLE: [&str; 20] = [
    "\u{200b}",
    " \u{200b}\u{200d}\u{2060} ",
    "\u{feff}",
    "\u{ad}",
    "\u{301}",
    "\u{a0}\u{301}\u{20dd}",
    "\u{903}",
    "\u{115f}\u{1160}",
    "\u{3164}",
    "\u{ffa0}",
    "\u{2800}",
    "\u{180e}",
    "\u{34f}\u{fe0f}",
    "\u{e0041}",
    "\u{2062}",
    "\u{1d159}",
    "\u{fff9}",
    "\u{13441}",
    "\u{fffc}",
    "\u{17b4}",
];

#[test]
fn every_name_of_an_input_has_a_case() {
    let sdl = Sdl::read();
    let mut names = BTreeSet::new();
    let mut seen = BTreeSet::new();
    let mut next: Vec<&str> = sdl
        .fields("Mutation")
        .into_iter()
        .flat_map(|field| field.arguments.iter().map(|argument| named(&argument.node.ty.node)))
        .collect();
    while let Some(input) = next.pop() {
        // A filter names what is there.
        if input.ends_with("Where") || !seen.insert(input) {
            continue;
        }
        for field in sdl.input_fields(input) {
            let name = field.name.node.as_str();
            // The name of a permission is for programs: it has a form of its own.
            if name.to_lowercase().ends_with("name") && input != "CreatePermissionData" {
                names.insert(format!("{input}.{name}"));
            }
            next.push(named(&field.ty.node));
        }
    }
    let cases: BTreeSet<String> = CASES.iter().map(|(case, _)| (*case).to_owned()).collect();
    assert_eq!(names, cases, "the names of all inputs, and those with a case");
}

/// What the cases name, by what stands for it in them.
async fn world(app: &App) -> [(&'static str, String); 3] {
    app.organization("acme", &["berlin"]).await;
    app.user("acme", "ada", None).await;
    let made = app
        .admin()
        .ok(
            r#"mutation {
                createGroup(data: {name: "Group", organizationId: "acme"}) { id }
                createRole(data: {name: "auditor", organizationId: "acme"}) { id }
                inviteUser(data: {email: "new@acme.example", organizationId: "acme"}) { id }
            }"#,
            json!({}),
        )
        .await;
    let id = |field: &str| made[field]["id"].as_str().unwrap().to_owned();
    let mail = app.mails().pop().unwrap();
    let (_, token) = mail.split_once("#token=").unwrap();
    let token = token.chars().take_while(char::is_ascii_alphanumeric).collect();
    [
        ("$group", id("createGroup")),
        ("$role", id("createRole")),
        ("$token", token),
    ]
}

on_both! {
    async fn a_name_shows_something(app: App) {
        let world = world(&app).await;
        let admin = app.admin();
        let before = app.dump().await;
        for (case, call) in CASES {
            let document = format!("mutation($n: String!) {{ {call} }}");
            let document = world.iter().fold(document, |text, (name, value)| text.replace(name, value));
            for name in INVISIBLE {
                let refusal = admin.refusal(&document, json!({ "n": name })).await;
                let field = refusal["extensions"]["field"].as_str().unwrap_or_default();
                assert_eq!(refusal["extensions"]["code"], "INVALID", "{case} {name:?}: {refusal}");
                assert!(field.ends_with(case.rsplit('.').next().unwrap()), "{case} {name:?}: {refusal}");
            }
        }
        assert_eq!(before, app.dump().await);
        for (n, name) in ["a\u{200b}", "\u{1f469}\u{200d}\u{1f680}", "\u{65e5}", "e\u{301}", "-"].into_iter().enumerate() {
            let made = admin.ok("mutation($n: String!) { createTenant(data: {name: $n}) { id } }", json!({ "n": name })).await;
            assert!(made["createTenant"]["id"].is_string(), "{n}");
        }
    }

    /// The other products' faces call the same verbs.
    async fn a_name_shows_something_on_every_face(app: App) {
        app.organization("acme", &["berlin"]).await;
        let chief = app.user("acme", "chief", Some("organization-admin")).await;
        let admin = app.admin();
        for name in INVISIBLE {
            let user = |key: &str| json!({"email": "new@acme.example", "password": "another-password", key: name});
            for (caller, method, path, body) in [
                (&chief, Method::POST, "/api/data/users", user("first_name")),
                (&chief, Method::PATCH, "/api/data/users/chief", json!({"last_name": name})),
                (&chief, Method::POST, "/api/data/v3/groups", json!({"name": name})),
                (&chief, Method::PUT, "/auth/admin/realms/master/users/chief", json!({"firstName": name})),
                (&admin, Method::POST, "/api/create-org", json!({"organization": {"id": "new", "name": name}})),
                (&admin, Method::POST, "/api/create-tenant", json!({"tenant": {"id": "new", "name": name, "org_id": "acme"}})),
                (&admin, Method::POST, "/api/create-user", json!({"user": {"id": "new", "name": name, "org_id": "acme", "tenant_id": "berlin", "roles": []}})),
            ] {
                let (status, answer): (u16, Value) = caller.rest_refused(method, path, Some(&body)).await;
                assert_eq!(status, 400, "{path} {body}: {answer}");
                assert!(answer.to_string().contains("visible character"), "{path} {body}: {answer}");
            }
        }
    }
}
