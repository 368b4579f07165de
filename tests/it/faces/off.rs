//! Faces that are turned off: nothing of them answers, is shown or can be named, and what belongs to them still counts.

mod comparisons;
mod names;
mod paths;
mod shown;
mod start;

use serde_json::json;
use strum::VariantArray;
use tenantry::model::{BuiltIn, Faces, Permissions};

use crate::support::App;

/// The names of the permissions of packs.
fn packed() -> Vec<&'static str> {
    let names: Vec<&str> = Permissions::hidden_with(Faces::empty()).built_in_names().collect();
    assert_eq!(names.len(), 14);
    names
}

/// The built-in roles that belong to a face.
fn roles_of_faces() -> impl Iterator<Item = BuiltIn> {
    BuiltIn::VARIANTS.iter().copied().filter(|role| role.face().is_some())
}

/// What is hidden if only these faces are on.
fn hidden(on: Faces) -> Vec<&'static str> {
    let roles = roles_of_faces().filter(|role| role.is_hidden_with(on));
    let permissions = Permissions::hidden_with(on).built_in_names();
    permissions.chain(roles.map(BuiltIn::name)).collect()
}

/// Acme, where people, groups and invitations have every role that belongs to a face in every way; roles and API keys with the
/// permissions of packs. No id or name of it is one of a pack.
async fn world(app: &App) {
    app.organization("acme", &["berlin"]).await;
    app.user("acme", "ada", Some("organization-admin")).await;
    app.user("acme", "boss", Some("super-admin")).await;
    let admin = app.admin();
    let made = "mutation($name: String!, $scope: RoleScope!, $organization: ID, $permissions: [String!]!) {
        createRole(data: {name: $name, scope: $scope, organizationId: $organization, permissions: $permissions}) { id } }";
    for (name, scope, organization) in [("own", "ORGANIZATION", Some("acme")), ("product", "PRODUCT", None)] {
        let data = json!({ "name": name, "scope": scope, "organization": organization, "permissions": packed() });
        admin.ok(made, data).await;
    }
    let roles = roles_of_faces().map(BuiltIn::name).chain(["own", "product"]);
    for (n, role) in roles.enumerate() {
        app.user("acme", &format!("p{n}"), Some(role)).await;
        let everywhere = "mutation($user: ID!, $group: String!, $mail: String!, $role: String!) {
            createGroup(data: {name: $group, organizationId: \"acme\", roles: [$role], tenantRoles: [{role: $role, tenant: \"berlin\"}]}) { id }
            addUserToGroup(where: {key: $group, organization: {id: \"acme\"}}, user: {id: $user}) { id }
            assignRole(where: {id: $user}, role: $role, tenant: \"berlin\") { id }
            inviteUser(data: {email: $mail, organizationId: \"acme\", roles: [$role], tenantRoles: [{role: $role, tenant: \"berlin\"}]}) { id } }";
        let data = json!({ "user": format!("p{n}"), "group": format!("G{n}"), "mail": format!("p{n}@mail.example"), "role": role });
        admin.ok(everywhere, data).await;
        let key = "mutation($permissions: [String!]) { createApiKey(data: {name: \"limited\", permissions: $permissions}) { secret } }";
        app.key_of(&format!("p{n}"))
            .await
            .send(key, json!({ "permissions": ["read:databases"] }))
            .await;
    }
}
