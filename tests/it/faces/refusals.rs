//! What GraphQL refuses, each face refuses: for the same reason, told in the same words, with the status that the table of
//! codes gives it there. One table of situations; a face stands in a row if its product can ask for the deed at all.

use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderValue, Method, Request, header};
use serde_json::{Value, json};
use tenantry::model::BuiltIn;

use super::waii::as_waii_hears;
use crate::on_both;
use crate::support::documents::{ACTIVATE_USER, CREATE_USER, DEACTIVATE_USER, DELETE_USER, UPDATE_USER, change};
use crate::support::{App, Caller, Reply};

const PASSWORD: &str = "Brass-kettle-27-hums";
const KILI: &str = "/api/label/v2/graphql";
const TOKEN: &str = "/auth/realms/master/protocol/openid-connect/token";
/// The id that nobody has, and the one that somebody has elsewhere.
const NOBODY: &str = "nobody";
const ELSEWHERE: &str = "gil";

const CREATE_GROUP: &str = "mutation($data: CreateGroupData!) { createGroup(data: $data) { key } }";
const UPDATE_GROUP: &str =
    "mutation($key: String, $name: String) { updateGroup(where: {key: $key}, data: {name: $name}) { key } }";
const DELETE_GROUP: &str = "mutation($key: String) { deleteGroup(where: {key: $key}) { key } }";
const ADD: &str = "mutation($key: String, $id: ID) { addUserToGroup(where: {key: $key}, user: {id: $id}) { key } }";
const REMOVE: &str =
    "mutation($key: String, $id: ID) { removeUserFromGroup(where: {key: $key}, user: {id: $id}) { key } }";
const CREATE_ORGANIZATION: &str = "mutation($id: ID) { createOrganization(data: {id: $id, name: \"X\"}) { id } }";
const UPDATE_ORGANIZATION: &str =
    "mutation($id: ID!) { updateOrganization(where: {id: $id}, data: {name: \"X\"}) { id } }";
const DELETE_ORGANIZATION: &str = "mutation($id: ID!) { deleteOrganization(where: {id: $id}) { id } }";
const CREATE_TENANT: &str = "mutation($data: CreateTenantData!) { createTenant(data: $data) { id } }";
const UPDATE_TENANT: &str = "mutation($id: ID!) { updateTenant(where: {id: $id}, data: {name: \"X\"}) { id } }";
const DELETE_TENANT: &str = "mutation($id: ID!) { deleteTenant(where: {id: $id}) { id } }";
const CREATE_KEY: &str = "mutation($name: String!) { createApiKey(data: {name: $name}) { secret } }";
const DEACTIVATE_BY_EMAIL: &str = "mutation($email: String) { deactivateUser(where: {email: $email}) { id } }";

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Who {
    /// Without a credential.
    Nobody,
    /// With a key that nobody has.
    Stranger,
    /// Deactivated meanwhile.
    Deactivated,
    /// Acme's `ann`, with the role `user`.
    Ann,
    /// Acme's administrator.
    Ada,
    /// The administrator of an organization without a free seat.
    Sam,
    /// The super admin.
    Root,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Face {
    Waii,
    Mlops,
    Keycloak,
    Air,
    Scim,
}

impl Face {
    const ALL: [Self; 5] = [Self::Waii, Self::Mlops, Self::Keycloak, Self::Air, Self::Scim];

    /// The table of codes, as the design has it.
    fn status(self, code: &str, who: Who) -> u16 {
        match (code, self) {
            ("UNAUTHENTICATED", _) => 401,
            ("FORBIDDEN", Self::Mlops | Self::Air) => 401,
            ("FORBIDDEN", Self::Waii | Self::Keycloak | Self::Scim) => 403,
            ("NOT_FOUND", Self::Waii) if who == Who::Root => 404,
            ("NOT_FOUND", Self::Waii) => 403,
            ("NOT_FOUND", Self::Mlops) => 400,
            ("NOT_FOUND", Self::Keycloak | Self::Air | Self::Scim) => 404,
            ("INVALID", _) => 400,
            ("CONFLICT", Self::Waii | Self::Keycloak | Self::Scim) => 409,
            ("CONFLICT", Self::Mlops | Self::Air) => 400,
            ("SEAT_LIMIT_REACHED", Self::Waii) => 409,
            ("SEAT_LIMIT_REACHED", Self::Mlops | Self::Keycloak | Self::Scim) => 403,
            ("SEAT_LIMIT_REACHED", Self::Air) => 400,
            ("LIMIT_EXCEEDED", Self::Mlops) => 400,
            ("LIMIT_EXCEEDED", _) => 413,
            _ => panic!("{code} is not in the table"),
        }
    }

    fn body(self, status: u16, text: &str) -> Value {
        match self {
            Self::Waii => json!({ "detail": as_waii_hears(text) }),
            Self::Mlops => json!({ "msg": text, "code": status }),
            Self::Keycloak if [400, 409].contains(&status) => json!({ "errorMessage": text }),
            Self::Keycloak | Self::Air => json!({ "error": text }),
            Self::Scim => {
                let mut body = json!({
                    "schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"], "detail": text, "status": status.to_string(),
                });
                match status {
                    400 => body["scimType"] = json!("invalidValue"),
                    409 => body["scimType"] = json!("uniqueness"),
                    _ => {}
                }
                body
            }
        }
    }

    /// What Keycloak's clients know in Keycloak's words.
    fn words(self, code: &str, graphql: &str) -> String {
        match (self, code) {
            (Self::Keycloak, "UNAUTHENTICATED") => "HTTP 401 Unauthorized".to_owned(),
            (Self::Keycloak, "NOT_FOUND") => "User not found".to_owned(),
            (Self::Keycloak, "CONFLICT") => "User exists with same email".to_owned(),
            _ => graphql.to_owned(),
        }
    }
}

/// One deed as a face asks for it.
struct Ask {
    face: Face,
    method: Method,
    path: String,
    body: Option<Value>,
}

fn waii(call: &str, body: Value) -> Ask {
    let (face, method, path) = (Face::Waii, Method::POST, format!("/api/{call}"));
    Ask {
        face,
        method,
        path,
        body: Some(body),
    }
}

fn mlops(call: &str, body: Value) -> Ask {
    let (face, method, path) = (Face::Mlops, Method::POST, format!("/v1/api/{call}"));
    Ask {
        face,
        method,
        path,
        body: Some(body),
    }
}

fn keycloak(id: &str, body: Value) -> Ask {
    let (face, method, path) = (
        Face::Keycloak,
        Method::PUT,
        format!("/auth/admin/realms/master/users/{id}"),
    );
    Ask {
        face,
        method,
        path,
        body: Some(body),
    }
}

fn air(method: Method, path: &str, body: Value) -> Ask {
    let path = format!("/api/data/{path}");
    Ask {
        face: Face::Air,
        method,
        path,
        body: Some(body).filter(|body| !body.is_null()),
    }
}

fn scim(method: Method, path: &str, body: Value) -> Ask {
    let path = format!("/scim/v2/{path}");
    Ask {
        face: Face::Scim,
        method,
        path,
        body: Some(body).filter(|body| !body.is_null()),
    }
}

/// A user as SCIM creates one.
fn scim_user(email: &str) -> Value {
    let schemas = ["urn:ietf:params:scim:schemas:core:2.0:User"];
    json!({ "schemas": schemas, "userName": "new", "emails": [{ "value": email }], "password": PASSWORD })
}

/// A change of one attribute.
fn scim_patch(path: &str, value: Value) -> Value {
    let schemas = ["urn:ietf:params:scim:api:messages:2.0:PatchOp"];
    json!({ "schemas": schemas, "Operations": [{ "op": "replace", "path": path, "value": value }] })
}

/// A situation: who asks GraphQL for what, the code it must have, and the same deed in the faces.
struct Row {
    what: &'static str,
    code: &'static str,
    who: Who,
    document: &'static str,
    variables: Value,
    asks: Vec<Ask>,
}

fn row(
    what: &'static str,
    code: &'static str,
    who: Who,
    document: &'static str,
    variables: Value,
    asks: Vec<Ask>,
) -> Row {
    Row {
        what,
        code,
        who,
        document,
        variables,
        asks,
    }
}

/// A user of Acme, complete in the words of the MLOps API.
fn edited(id: &str, email: &str) -> Value {
    json!({ "id": id, "email": email, "first_name": "X", "last_name": "Y", "enabled": true, "is_admin": false })
}

fn rows() -> Vec<Row> {
    use Face::{Air, Keycloak, Mlops, Scim, Waii};
    let mut rows = Vec::new();
    let email = "new@acme.example";
    let new = || json!({ "data": { "email": email, "password": PASSWORD } });
    let make = |who, code, what| {
        let asks = vec![
            waii(
                "create-user",
                json!({ "user": { "id": "new", "tenant_id": "acme-main" } }),
            ),
            mlops("users/invite", json!({ "email": email, "password": PASSWORD })),
            air(Method::POST, "users", json!({ "email": email, "password": PASSWORD })),
            scim(Method::POST, "Users", scim_user(email)),
        ];
        row(what, code, who, CREATE_USER, new(), asks)
    };
    let rename = |who, code, what, id: &str, address: &str| {
        let asks = vec![
            waii("update-user", json!({ "user": { "id": id, "name": "X" } })),
            mlops("user", edited(id, address)),
            keycloak(id, json!({ "firstName": "X" })),
            air(Method::PATCH, &format!("users/{id}"), json!({ "first_name": "X" })),
            air(
                Method::PUT,
                &format!("users/{id}"),
                json!({ "email": address, "first_name": "X" }),
            ),
            scim(
                Method::PATCH,
                &format!("Users/{id}"),
                scim_patch("name.givenName", json!("X")),
            ),
        ];
        row(
            what,
            code,
            who,
            UPDATE_USER,
            change(id, json!({ "firstname": "X" })),
            asks,
        )
    };
    let shut = |who, code, what, id: &str| {
        let asks = vec![
            keycloak(id, json!({ "enabled": false })),
            air(Method::PATCH, &format!("users/{id}"), json!({ "enabled": false })),
            scim(
                Method::PATCH,
                &format!("Users/{id}"),
                scim_patch("active", json!(false)),
            ),
        ];
        row(what, code, who, DEACTIVATE_USER, json!({ "id": id }), asks)
    };
    let shut_by_email = |who, code, what, address: &str| {
        let asks = vec![mlops("users/deactivate", json!({ "email": address }))];
        row(what, code, who, DEACTIVATE_BY_EMAIL, json!({ "email": address }), asks)
    };
    let remove = |who, code, what, id: &str| {
        row(
            what,
            code,
            who,
            DELETE_USER,
            json!({ "id": id }),
            vec![
                waii("delete-user", json!({ "id": id })),
                scim(Method::DELETE, &format!("Users/{id}"), Value::Null),
            ],
        )
    };
    let group = |who, code, what, key: &str, user: &str| {
        let (one, of) = (format!("v3/groups/{key}"), format!("v3/users/{user}/groups/{key}"));
        let by = || json!({ "key": key, "id": user });
        vec![
            row(
                what,
                code,
                who,
                UPDATE_GROUP,
                json!({ "key": key, "name": "X" }),
                vec![air(Method::PUT, &one, json!({ "name": "X" }))],
            ),
            row(
                what,
                code,
                who,
                DELETE_GROUP,
                json!({ "key": key }),
                vec![air(Method::DELETE, &one, Value::Null)],
            ),
            row(what, code, who, ADD, by(), vec![air(Method::PUT, &of, Value::Null)]),
            row(
                what,
                code,
                who,
                REMOVE,
                by(),
                vec![air(Method::DELETE, &of, Value::Null)],
            ),
        ]
    };

    // Nobody, or nobody any more.
    for who in [Who::Nobody, Who::Stranger, Who::Deactivated] {
        let what = "without a credential in force";
        rows.push(make(who, "UNAUTHENTICATED", what));
        rows.push(rename(who, "UNAUTHENTICATED", what, "ann", "ann@acme.example"));
        rows.push(shut_by_email(who, "UNAUTHENTICATED", what, "ann@acme.example"));
        rows.push(remove(who, "UNAUTHENTICATED", what, "ann"));
        rows.push(row(
            what,
            "UNAUTHENTICATED",
            who,
            CREATE_GROUP,
            json!({ "data": { "name": "X" } }),
            vec![air(Method::POST, "v3/groups", json!({ "name": "X" }))],
        ));
        rows.extend(group(who, "UNAUTHENTICATED", what, "TEAM", "ann"));
        rows.push(row(
            what,
            "UNAUTHENTICATED",
            who,
            CREATE_KEY,
            json!({ "name": "k" }),
            vec![waii("create-key", json!({ "name": "k" }))],
        ));
    }

    // Without the permission, whoever it is about: also somebody elsewhere, oneself, or nobody.
    let what = "without the permission";
    rows.push(make(Who::Ann, "FORBIDDEN", what));
    for (id, address) in [
        ("ada", "ada@acme.example"),
        ("ann", "ann@acme.example"),
        (ELSEWHERE, "gil@globex.example"),
        (NOBODY, "nobody@acme.example"),
    ] {
        rows.push(rename(Who::Ann, "FORBIDDEN", what, id, address));
        rows.push(shut(Who::Ann, "FORBIDDEN", what, id));
        rows.push(shut_by_email(Who::Ann, "FORBIDDEN", what, address));
        rows.push(remove(Who::Ann, "FORBIDDEN", what, id));
        rows.extend(group(Who::Ann, "FORBIDDEN", what, "TEAM", id));
    }
    rows.extend(group(Who::Ann, "FORBIDDEN", what, "NONE", "ann"));
    rows.push(row(
        what,
        "FORBIDDEN",
        Who::Ann,
        CREATE_GROUP,
        json!({ "data": { "name": "X" } }),
        vec![air(Method::POST, "v3/groups", json!({ "name": "X" }))],
    ));
    rows.push(row(
        what,
        "FORBIDDEN",
        Who::Ann,
        "{ groups { key } }",
        json!({}),
        vec![
            air(Method::GET, "v3/groups", Value::Null),
            air(Method::GET, "v3/groups/TEAM", Value::Null),
        ],
    ));
    rows.push(row(
        what,
        "FORBIDDEN",
        Who::Ann,
        "{ roles { id } }",
        json!({}),
        vec![
            air(Method::GET, "roles", Value::Null),
            air(Method::GET, "roles/x", Value::Null),
        ],
    ));
    rows.push(row(
        what,
        "FORBIDDEN",
        Who::Ann,
        "{ tenants { id } }",
        json!({}),
        vec![waii("list-tenants", json!({}))],
    ));
    rows.push(row(
        what,
        "FORBIDDEN",
        Who::Ann,
        "{ organizations { id } }",
        json!({}),
        vec![waii("list-orgs", json!({}))],
    ));
    rows.push(row(
        what,
        "FORBIDDEN",
        Who::Ann,
        CREATE_KEY,
        json!({ "name": "k" }),
        vec![waii("create-key", json!({ "name": "k" }))],
    ));
    for who in [Who::Ann, Who::Ada] {
        rows.push(row(
            what,
            "FORBIDDEN",
            who,
            CREATE_ORGANIZATION,
            json!({ "id": "x" }),
            vec![waii(
                "create-org",
                json!({ "organization": { "id": "x", "name": "X" } }),
            )],
        ));
        for id in ["acme", "globex", "none"] {
            rows.push(row(
                what,
                "FORBIDDEN",
                who,
                UPDATE_ORGANIZATION,
                json!({ "id": id }),
                vec![waii("update-org", json!({ "organization": { "id": id, "name": "X" } }))],
            ));
            rows.push(row(
                what,
                "FORBIDDEN",
                who,
                DELETE_ORGANIZATION,
                json!({ "id": id }),
                vec![waii("delete-org", json!({ "id": id }))],
            ));
        }
    }
    let tenant = json!({ "data": { "id": "x", "name": "X" } });
    rows.push(row(
        what,
        "FORBIDDEN",
        Who::Ann,
        CREATE_TENANT,
        tenant,
        vec![waii("create-tenant", json!({ "tenant": { "id": "x", "name": "X" } }))],
    ));
    for id in ["acme-main", "globex-main", "none"] {
        rows.push(row(
            what,
            "FORBIDDEN",
            Who::Ann,
            UPDATE_TENANT,
            json!({ "id": id }),
            vec![waii("update-tenant", json!({ "tenant": { "id": id, "name": "X" } }))],
        ));
        rows.push(row(
            what,
            "FORBIDDEN",
            Who::Ann,
            DELETE_TENANT,
            json!({ "id": id }),
            vec![waii("delete-tenant", json!({ "id": id }))],
        ));
    }

    // Another organization's, and nobody's.
    let what = "out of reach";
    for (id, address) in [(ELSEWHERE, "gil@globex.example"), (NOBODY, "nobody@acme.example")] {
        rows.push(rename(Who::Ada, "NOT_FOUND", what, id, address));
        rows.push(shut(Who::Ada, "NOT_FOUND", what, id));
        rows.push(shut_by_email(Who::Ada, "NOT_FOUND", what, address));
        rows.push(remove(Who::Ada, "NOT_FOUND", what, id));
        rows.push(row(
            what,
            "NOT_FOUND",
            Who::Ada,
            ADD,
            json!({ "key": "TEAM", "id": id }),
            vec![air(Method::PUT, &format!("v3/users/{id}/groups/TEAM"), Value::Null)],
        ));
        rows.push(row(
            what,
            "NOT_FOUND",
            Who::Ada,
            REMOVE,
            json!({ "key": "TEAM", "id": id }),
            vec![air(Method::DELETE, &format!("v3/users/{id}/groups/TEAM"), Value::Null)],
        ));
    }
    for key in ["THEIRS", "NONE"] {
        rows.extend(group(Who::Ada, "NOT_FOUND", what, key, "ann"));
    }
    for id in ["globex-main", "none"] {
        rows.push(row(
            what,
            "NOT_FOUND",
            Who::Ada,
            UPDATE_TENANT,
            json!({ "id": id }),
            vec![waii("update-tenant", json!({ "tenant": { "id": id, "name": "X" } }))],
        ));
        rows.push(row(
            what,
            "NOT_FOUND",
            Who::Ada,
            DELETE_TENANT,
            json!({ "id": id }),
            vec![waii("delete-tenant", json!({ "id": id }))],
        ));
        let into = json!({ "data": { "id": "x", "tenantId": id } });
        rows.push(row(
            what,
            "NOT_FOUND",
            Who::Ada,
            CREATE_USER,
            into,
            vec![waii("create-user", json!({ "user": { "id": "x", "tenant_id": id } }))],
        ));
    }
    for id in ["globex", "none"] {
        let into = json!({ "data": { "id": "x", "name": "X", "organizationId": id } });
        rows.push(row(
            what,
            "NOT_FOUND",
            Who::Ada,
            CREATE_TENANT,
            into,
            vec![waii(
                "create-tenant",
                json!({ "tenant": { "id": "x", "name": "X", "org_id": id } }),
            )],
        ));
    }
    let what = "there is no such thing";
    rows.push(remove(Who::Root, "NOT_FOUND", what, NOBODY));
    rows.push(rename(Who::Root, "NOT_FOUND", what, NOBODY, "nobody@platform.invalid"));
    rows.push(row(
        what,
        "NOT_FOUND",
        Who::Root,
        UPDATE_ORGANIZATION,
        json!({ "id": "none" }),
        vec![waii(
            "update-org",
            json!({ "organization": { "id": "none", "name": "X" } }),
        )],
    ));
    rows.push(row(
        what,
        "NOT_FOUND",
        Who::Root,
        DELETE_ORGANIZATION,
        json!({ "id": "none" }),
        vec![waii("delete-org", json!({ "id": "none" }))],
    ));
    rows.push(row(
        what,
        "NOT_FOUND",
        Who::Root,
        DELETE_TENANT,
        json!({ "id": "none" }),
        vec![waii("delete-tenant", json!({ "id": "none" }))],
    ));

    // Values that can never be.
    let what = "an address that is none";
    for address in ["no address", "a@b@c", "@acme.example"] {
        let data = json!({ "data": { "email": address, "password": PASSWORD } });
        let both = json!({ "email": address, "password": PASSWORD });
        rows.push(row(
            what,
            "INVALID",
            Who::Ada,
            CREATE_USER,
            data,
            vec![
                mlops("users/invite", both.clone()),
                air(Method::POST, "users", both),
                scim(Method::POST, "Users", scim_user(address)),
            ],
        ));
        rows.push(row(
            what,
            "INVALID",
            Who::Ada,
            UPDATE_USER,
            change("ann", json!({ "email": address })),
            vec![
                mlops("user", edited("ann", address)),
                keycloak("ann", json!({ "email": address })),
                air(Method::PATCH, "users/ann", json!({ "email": address })),
                air(Method::PUT, "users/ann", json!({ "email": address })),
                scim(
                    Method::PATCH,
                    "Users/ann",
                    scim_patch("emails", json!([{ "value": address }])),
                ),
            ],
        ));
    }
    let what = "a password that is refused";
    for password in ["short", "password", "new@acme.example"] {
        let both = json!({ "email": email, "password": password });
        rows.push(row(
            what,
            "INVALID",
            Who::Ada,
            CREATE_USER,
            json!({ "data": both }),
            vec![
                mlops("users/invite", both.clone()),
                air(Method::POST, "users", both.clone()),
            ],
        ));
    }
    let what = "an id that is none";
    for id in ["", " x", "é", "a\u{0}b"] {
        rows.push(row(
            what,
            "INVALID",
            Who::Ada,
            CREATE_USER,
            json!({ "data": { "id": id } }),
            vec![waii(
                "create-user",
                json!({ "user": { "id": id, "tenant_id": "acme-main" } }),
            )],
        ));
        rows.push(row(
            what,
            "INVALID",
            Who::Ada,
            CREATE_TENANT,
            json!({ "data": { "id": id, "name": "X" } }),
            vec![waii("create-tenant", json!({ "tenant": { "id": id, "name": "X" } }))],
        ));
        rows.push(row(
            what,
            "INVALID",
            Who::Root,
            CREATE_ORGANIZATION,
            json!({ "id": id }),
            vec![waii("create-org", json!({ "organization": { "id": id, "name": "X" } }))],
        ));
    }
    let what = "a role that there is not";
    rows.push(row(
        what,
        "INVALID",
        Who::Ada,
        CREATE_USER,
        json!({ "data": { "email": email, "password": PASSWORD, "roles": ["none"] } }),
        vec![
            waii(
                "create-user",
                json!({ "user": { "id": "x", "tenant_id": "acme-main", "roles": ["none"] } }),
            ),
            mlops(
                "users/invite",
                json!({ "email": email, "password": PASSWORD, "roles": ["none"] }),
            ),
            air(
                Method::POST,
                "users",
                json!({ "email": email, "password": PASSWORD, "role_id": "none" }),
            ),
        ],
    ));
    rows.push(row(
        what,
        "INVALID",
        Who::Ada,
        UPDATE_USER,
        change("ann", json!({ "roles": ["none"] })),
        vec![
            waii("update-user", json!({ "user": { "id": "ann", "roles": ["none"] } })),
            air(Method::PATCH, "users/ann", json!({ "role_id": "none" })),
        ],
    ));
    let what = "a name without a letter";
    rows.push(row(
        what,
        "INVALID",
        Who::Ada,
        CREATE_GROUP,
        json!({ "data": { "name": "!?" } }),
        vec![air(Method::POST, "v3/groups", json!({ "name": "!?" }))],
    ));

    // What is taken, or in use.
    let what = "an address that somebody has";
    for address in ["ada@acme.example", "ADA@Acme.example"] {
        let both = json!({ "email": address, "password": PASSWORD });
        rows.push(row(
            what,
            "CONFLICT",
            Who::Ada,
            CREATE_USER,
            json!({ "data": both }),
            vec![
                mlops("users/invite", both.clone()),
                air(Method::POST, "users", both.clone()),
                scim(Method::POST, "Users", scim_user(address)),
            ],
        ));
        rows.push(row(
            what,
            "CONFLICT",
            Who::Ada,
            UPDATE_USER,
            change("ann", json!({ "email": address })),
            vec![
                mlops("user", edited("ann", address)),
                keycloak("ann", json!({ "email": address })),
                air(Method::PATCH, "users/ann", json!({ "email": address })),
                air(Method::PUT, "users/ann", json!({ "email": address })),
                scim(
                    Method::PATCH,
                    "Users/ann",
                    scim_patch("emails", json!([{ "value": address }])),
                ),
            ],
        ));
    }
    let what = "an id that somebody has";
    for id in ["ann", ELSEWHERE] {
        rows.push(row(
            what,
            "CONFLICT",
            Who::Ada,
            CREATE_USER,
            json!({ "data": { "id": id } }),
            vec![waii(
                "create-user",
                json!({ "user": { "id": id, "tenant_id": "acme-main" } }),
            )],
        ));
    }
    rows.push(row(
        what,
        "CONFLICT",
        Who::Ada,
        CREATE_TENANT,
        json!({ "data": { "id": "globex-main", "name": "X" } }),
        vec![waii(
            "create-tenant",
            json!({ "tenant": { "id": "globex-main", "name": "X" } }),
        )],
    ));
    rows.push(row(
        what,
        "CONFLICT",
        Who::Root,
        CREATE_ORGANIZATION,
        json!({ "id": "acme" }),
        vec![waii(
            "create-org",
            json!({ "organization": { "id": "acme", "name": "X" } }),
        )],
    ));
    let what = "a key's name that is in use";
    rows.push(row(
        what,
        "CONFLICT",
        Who::Ada,
        CREATE_KEY,
        json!({ "name": "taken" }),
        vec![waii("create-key", json!({ "name": "taken" }))],
    ));
    let what = "a group's key that is given";
    rows.push(row(
        what,
        "CONFLICT",
        Who::Ada,
        CREATE_GROUP,
        json!({ "data": { "name": "team!" } }),
        vec![air(Method::POST, "v3/groups", json!({ "name": "team!" }))],
    ));
    let what = "something that is in use";
    rows.push(row(
        what,
        "CONFLICT",
        Who::Root,
        DELETE_ORGANIZATION,
        json!({ "id": "acme" }),
        vec![waii("delete-org", json!({ "id": "acme" }))],
    ));
    rows.push(row(
        what,
        "CONFLICT",
        Who::Ada,
        DELETE_TENANT,
        json!({ "id": "acme-main" }),
        vec![waii("delete-tenant", json!({ "id": "acme-main" }))],
    ));

    // Without a free seat.
    let what = "without a free seat";
    let one = json!({ "email": "one@small.example", "password": PASSWORD });
    rows.push(row(
        what,
        "SEAT_LIMIT_REACHED",
        Who::Sam,
        CREATE_USER,
        json!({ "data": one }),
        vec![
            waii(
                "create-user",
                json!({ "user": { "id": "one", "tenant_id": "small-main" } }),
            ),
            mlops("users/invite", one.clone()),
            air(Method::POST, "users", one.clone()),
            scim(Method::POST, "Users", scim_user("one@small.example")),
        ],
    ));
    rows.push(row(
        what,
        "SEAT_LIMIT_REACHED",
        Who::Sam,
        ACTIVATE_USER,
        json!({ "id": "idle" }),
        vec![
            mlops("users/activate", json!({ "email": "idle@small.example" })),
            mlops("user", edited("idle", "idle@small.example")),
            keycloak("idle", json!({ "enabled": true })),
            air(Method::PATCH, "users/idle", json!({ "enabled": true })),
        ],
    ));

    // Oneself.
    let what = "deactivating oneself";
    rows.push(row(
        what,
        "INVALID",
        Who::Ada,
        DEACTIVATE_USER,
        json!({ "id": "ada" }),
        vec![
            mlops("users/deactivate", json!({ "email": "ada@acme.example" })),
            keycloak("ada", json!({ "enabled": false })),
            air(Method::PATCH, "users/ada", json!({ "enabled": false })),
            air(
                Method::PUT,
                "users/ada",
                json!({ "email": "ada@acme.example", "enabled": false }),
            ),
            scim(Method::PATCH, "Users/ada", scim_patch("active", json!(false))),
        ],
    ));
    let what = "deleting oneself";
    rows.push(remove(Who::Ada, "INVALID", what, "ada"));
    let what = "demoting oneself";
    rows.push(row(
        what,
        "INVALID",
        Who::Ada,
        UPDATE_USER,
        change("ada", json!({ "roles": ["user"] })),
        vec![
            waii(
                "update-user",
                json!({ "user": { "id": "ada", "roles": ["waii-user"] } }),
            ),
            waii("update-user", json!({ "user": { "id": "ada", "roles": [] } })),
            mlops("user", edited("ada", "ada@acme.example")),
            air(Method::PATCH, "users/ada", json!({ "role_id": BuiltIn::User.id() })),
        ],
    ));

    // Beyond one's own.
    let what = "granting more than one holds";
    let chief = BuiltIn::SuperAdmin.id();
    rows.push(row(
        what,
        "FORBIDDEN",
        Who::Ada,
        CREATE_USER,
        json!({ "data": { "email": email, "password": PASSWORD, "roles": [chief] } }),
        vec![
            waii(
                "create-user",
                json!({ "user": { "id": "x", "tenant_id": "acme-main", "roles": ["waii-super-admin-user"] } }),
            ),
            mlops(
                "users/invite",
                json!({ "email": email, "password": PASSWORD, "roles": [chief] }),
            ),
            air(
                Method::POST,
                "users",
                json!({ "email": email, "password": PASSWORD, "role_id": chief }),
            ),
        ],
    ));
    for id in ["ann", "ada"] {
        rows.push(row(
            what,
            "FORBIDDEN",
            Who::Ada,
            UPDATE_USER,
            change(id, json!({ "roles": [chief] })),
            vec![
                waii(
                    "update-user",
                    json!({ "user": { "id": id, "roles": ["waii-super-admin-user"] } }),
                ),
                air(Method::PATCH, &format!("users/{id}"), json!({ "role_id": chief })),
            ],
        ));
    }
    let what = "managing somebody who may more";
    rows.push(rename(Who::Ada, "FORBIDDEN", what, "sue", "sue@acme.example"));
    rows.push(shut(Who::Ada, "FORBIDDEN", what, "sue"));
    rows.push(shut_by_email(Who::Ada, "FORBIDDEN", what, "sue@acme.example"));
    rows.push(remove(Who::Ada, "FORBIDDEN", what, "sue"));
    rows.extend(group(Who::Ada, "FORBIDDEN", what, "SUPERS", "ann"));

    // Every face and every code that it can meet stands in it.
    for face in [Waii, Mlops, Keycloak, Air, Scim] {
        for code in [
            "UNAUTHENTICATED",
            "FORBIDDEN",
            "NOT_FOUND",
            "INVALID",
            "CONFLICT",
            "SEAT_LIMIT_REACHED",
        ] {
            let met = rows
                .iter()
                .any(|row| row.code == code && row.asks.iter().any(|ask| ask.face == face));
            assert!(met, "{face:?} never meets {code}");
        }
    }
    rows
}

/// Who is there.
struct World<'a> {
    app: &'a App,
    ann: Caller<'a>,
    ada: Caller<'a>,
    sam: Caller<'a>,
    off: Caller<'a>,
}

impl<'a> World<'a> {
    async fn new(app: &'a App) -> Self {
        app.organization("acme", &["acme-main"]).await;
        app.organization("globex", &["globex-main"]).await;
        app.organization("small", &["small-main"]).await;
        let ada = app.user("acme", "ada", Some("organization-admin")).await;
        let ann = app.user("acme", "ann", Some("user")).await;
        app.user("acme", "sue", Some("super-admin")).await;
        let off = app.user("acme", "off", Some("organization-admin")).await;
        let gus = app.user("globex", "gus", Some("organization-admin")).await;
        app.user("globex", ELSEWHERE, Some("user")).await;
        let sam = app.user("small", "sam", Some("organization-admin")).await;
        app.user("small", "idle", Some("user")).await;
        ada.ok(DEACTIVATE_USER, json!({ "id": "off" })).await;
        sam.ok(DEACTIVATE_USER, json!({ "id": "idle" })).await;
        app.admin()
            .ok(
                "mutation { updateOrganization(where: {id: \"small\"}, data: {seatLimit: 1}) { id } }",
                json!({}),
            )
            .await;
        ada.ok(CREATE_GROUP, json!({ "data": { "name": "Team" } })).await;
        gus.ok(CREATE_GROUP, json!({ "data": { "name": "Theirs" } })).await;
        let supers = json!({ "data": { "name": "Supers", "organizationId": "acme", "roles": ["super-admin"] } });
        app.admin().ok(CREATE_GROUP, supers).await;
        ada.ok(CREATE_KEY, json!({ "name": "taken" })).await;
        ada.ok(
            "mutation { updatePropertiesInUser(where: {id: \"ann\"}, data: {tenantId: \"acme-main\"}) { id } }",
            json!({}),
        )
        .await;
        Self {
            app,
            ann,
            ada,
            sam,
            off,
        }
    }

    fn caller(&self, who: Who) -> Caller<'a> {
        match who {
            Who::Nobody => self.app.anonymous(),
            Who::Stranger => self.app.key("tnt_a-key-that-nobody-has"),
            Who::Deactivated => self.off.clone(),
            Who::Ann => self.ann.clone(),
            Who::Ada => self.ada.clone(),
            Who::Sam => self.sam.clone(),
            Who::Root => self.app.admin(),
        }
    }
}

/// GraphQL's sentence without the code before it.
fn sentence(error: &Value) -> String {
    let message = error["message"].as_str().unwrap();
    message
        .split_once("] ")
        .map(|(_, sentence)| sentence)
        .unwrap_or(message)
        .to_owned()
}

/// The same document at the path of the Kili SDK: the same code, always 400, but for a key that nobody has.
async fn refused_at_kili(caller: &Caller<'_>, row: &Row) {
    let body = json!({ "query": row.document, "variables": row.variables });
    let mut request = caller.request(KILI, &body);
    if let Some(key) = &caller.key {
        request.headers_mut().insert(
            header::AUTHORIZATION,
            HeaderValue::from_str(&format!("X-API-Key: {key}")).unwrap(),
        );
    }
    let reply = caller.app.send(request).await;
    if row.code == "UNAUTHENTICATED" && caller.key.is_some() {
        assert_eq!(
            (reply.status.as_u16(), reply.body.as_str()),
            (401, "Unauthorized"),
            "{}",
            row.what
        );
        return;
    }
    // A query's field is null by itself, and the rest of the answer is data.
    let status = if row.document.starts_with('{') {
        [200, 400]
    } else {
        [400, 400]
    };
    assert!(status.contains(&reply.status.as_u16()), "{}: {}", row.what, reply.body);
    assert_eq!(
        reply.json()["errors"][0]["extensions"]["code"],
        row.code,
        "{}",
        row.what
    );
}

on_both! {
    async fn each_refusal_of_graphql_is_the_same_in_each_face(app: App) {
        let world = World::new(&app).await;
        let before = app.dump().await;
        let mails = app.mails().len();
        let mut asked = 0;
        for row in rows() {
            let caller = world.caller(row.who);
            let error = caller.refusal(row.document, row.variables.clone()).await;
            assert_eq!(error["extensions"]["code"], row.code, "{}, {:?}: {error}", row.what, row.who);
            let said = sentence(&error);
            refused_at_kili(&caller, &row).await;
            for ask in &row.asks {
                let reply = caller.rest(ask.method.clone(), &ask.path, ask.body.as_ref()).await;
                let what = format!("{}, {:?}: {} {} {:?}: {}", row.what, row.who, ask.method, ask.path, ask.body, reply.body);
                let status = ask.face.status(row.code, row.who);
                assert_eq!(reply.status.as_u16(), status, "{what}");
                assert_eq!(reply.json(), ask.face.body(status, &ask.face.words(row.code, &said)), "{what}");
                assert_eq!(reply.headers.contains_key(header::WWW_AUTHENTICATE), status == 401, "{what}");
                asked += 1;
            }
            assert_eq!(before, app.dump().await, "{}, {:?} changed something", row.what, row.who);
        }
        assert_eq!(mails, app.mails().len());
        assert!(asked > 200, "{asked}");
    }

    async fn somebody_elsewhere_is_as_nobody(app: App) {
        let world = World::new(&app).await;
        // What the two are called stands in a refusal, and is all that differs.
        let plain = |text: &str| {
            ["gil@globex.example", "nobody@acme.example", "globex-main", "globex", "THEIRS", ELSEWHERE].iter().fold(text.to_owned(), |text, name| text.replace(name, "…"))
                .replace("nobody", "…").replace("none", "…").replace("NONE", "…")
        };
        let mut seen: std::collections::BTreeMap<String, std::collections::BTreeSet<(u16, String)>> = std::collections::BTreeMap::new();
        for row in rows().into_iter().filter(|row| row.what == "out of reach") {
            let caller = world.caller(row.who);
            for ask in &row.asks {
                let reply = caller.rest(ask.method.clone(), &ask.path, ask.body.as_ref()).await;
                let body = ask.body.as_ref().map(Value::to_string).unwrap_or_default();
                let deed = plain(&format!("{} {} {body}", ask.method, ask.path));
                seen.entry(deed).or_default().insert((reply.status.as_u16(), plain(&reply.body)));
            }
        }
        assert!(seen.len() >= 15, "{seen:#?}");
        assert!(seen.values().all(|answers| answers.len() == 1), "{seen:#?}");
    }

    async fn a_super_admin_is_inside_its_own_organization_where_the_product_is(app: App) {
        let world = World::new(&app).await;
        let root = app.admin();
        let before = app.dump().await;
        for id in ["ann", NOBODY] {
            for ask in [
                mlops("user", edited(id, "x@platform.invalid")), keycloak(id, json!({ "enabled": true })),
                air(Method::PATCH, &format!("users/{id}"), json!({ "last_name": "X" })), air(Method::GET, &format!("users/{id}"), Value::Null),
                air(Method::GET, &format!("v3/users/{id}/groups"), Value::Null), air(Method::PUT, &format!("v3/users/{id}/groups/TEAM"), Value::Null),
            ] {
                let reply = root.rest(ask.method, &ask.path, ask.body.as_ref()).await;
                assert_eq!(reply.status.as_u16(), ask.face.status("NOT_FOUND", Who::Root), "{}", ask.path);
            }
        }
        assert_eq!(before, app.dump().await);
        // WAII's is not: there a super admin manages everybody.
        let reply = root.rest(Method::POST, "/api/update-user", Some(&json!({ "user": { "id": "ann", "name": "Ann" } }))).await;
        assert_eq!((reply.status.as_u16(), reply.json()), (200, json!({})));
        drop(world);
    }

    async fn an_impersonation_that_cannot_be_fails_every_call(app: App) {
        let world = World::new(&app).await;
        for (who, whom, code) in [
            (Who::Ann, "ada", "FORBIDDEN"), (Who::Ada, ELSEWHERE, "NOT_FOUND"), (Who::Ada, NOBODY, "NOT_FOUND"), (Who::Ada, "sue", "FORBIDDEN"),
            (Who::Root, NOBODY, "NOT_FOUND"), (Who::Ada, "", "INVALID"), (Who::Nobody, "ann", "UNAUTHENTICATED"),
        ] {
            let caller = world.caller(who);
            let with_header = |mut request: Request<Body>| {
                request.headers_mut().insert("x-tenantry-impersonate-user", HeaderValue::from_str(whom).unwrap());
                app.send(request)
            };
            let reply = with_header(caller.prepared("{ users { id } }", json!({}))).await;
            let error = reply.json()["errors"][0].clone();
            assert_eq!(error["extensions"]["code"], code, "{who:?} as {whom}: {error}");
            for (face, method, path) in [
                (Face::Waii, Method::POST, "/api/list-users"), (Face::Mlops, Method::POST, "/v1/api/users/query"),
                (Face::Keycloak, Method::GET, "/auth/admin/realms/master/users"), (Face::Air, Method::GET, "/api/data/users"),
            ] {
                let mut request = caller.request(path, &json!({}));
                *request.method_mut() = method;
                let reply = with_header(request).await;
                let status = face.status(code, who);
                assert_eq!(reply.status.as_u16(), status, "{who:?} as {whom}, {path}: {}", reply.body);
                assert_eq!(reply.json(), face.body(status, &face.words(code, &sentence(&error))), "{who:?} as {whom}, {path}");
            }
        }
    }

    async fn guessing_passwords_is_slowed_down_and_wrong_keys_are_not(app: App) {
        let world = World::new(&app).await;
        let sign_in = async |password: &str| app.try_sign_in(None, "ann@acme.example", password).await;
        let token = async |password: &str| -> Reply {
            let body = format!("grant_type=password&client_id=sdk-client&username=ann%40acme.example&password={password}");
            let request = Request::builder().method(Method::POST).uri(TOKEN).body(Body::from(body)).unwrap();
            app.send(request).await
        };
        // The failures at either door count together.
        for number in 0..20 {
            if number % 2 == 0 {
                assert_eq!(crate::support::session::code_of(&sign_in("not-the-password").await), "UNAUTHENTICATED");
            } else {
                let reply = token("not-the-password").await;
                assert_eq!(reply.status.as_u16(), 401);
                assert_eq!(reply.json(), json!({ "error": "invalid_grant", "error_description": "Invalid user credentials" }));
            }
        }
        for password in ["not-the-password", "password-of-ann"] {
            let answer = sign_in(password).await;
            assert_eq!(crate::support::session::code_of(&answer), "RATE_LIMITED");
            let reply = token(password).await;
            assert_eq!(reply.status.as_u16(), 429, "{}", reply.body);
            let seconds: u64 = reply.headers[header::RETRY_AFTER].to_str().unwrap().parse().unwrap();
            assert_eq!(answer["errors"][0]["extensions"]["retryAfterSeconds"], seconds);
            assert_eq!(reply.json()["error_description"], sentence(&answer["errors"][0]));
        }
        // Keys are no passwords: nobody is locked out by them, also of an address that is.
        for _ in 0..40 {
            for (method, path) in [(Method::POST, "/api/get-user-info"), (Method::POST, "/v1/api/users/query"), (Method::GET, "/auth/admin/realms/master/users"), (Method::GET, "/api/data/users")] {
                assert_eq!(app.key("tnt_guessed").rest(method, path, Some(&json!({}))).await.status.as_u16(), 401);
            }
        }
        assert_eq!(world.ann.rest(Method::GET, "/api/data/users/ann", None).await.status.as_u16(), 200);
        app.services.clock.advance(Duration::from_secs(60 * 60));
        assert_eq!(token("password-of-ann").await.status.as_u16(), 200);
    }

    async fn a_temporary_password_opens_nothing(app: App) {
        let world = World::new(&app).await;
        let made = world.ada.rest(Method::POST, "/v1/api/users/invite", Some(&json!({ "email": "new@acme.example" }))).await;
        let password = made.json()["password"].as_str().unwrap().to_owned();
        assert_eq!(crate::support::session::code_of(&app.try_sign_in(None, "new@acme.example", &password).await), "PASSWORD_CHANGE_REQUIRED");
        let body = format!("grant_type=password&client_id=sdk-client&username=new%40acme.example&password={password}");
        let reply = app.send(Request::builder().method(Method::POST).uri(TOKEN).body(Body::from(body)).unwrap()).await;
        assert_eq!((reply.status.as_u16(), reply.json()), (400, json!({ "error": "invalid_grant", "error_description": "Account is not fully set up" })));
    }

    async fn what_is_no_body_is_refused_in_each_face(app: App) {
        let world = World::new(&app).await;
        let before = app.dump().await;
        let large = "x".repeat(1024 * 1024 + 1);
        let deep = format!("{{\"x\":{}{}}}", "[".repeat(5_000), "]".repeat(5_000));
        for (face, method, path) in [
            (Face::Waii, Method::POST, "/api/create-user"), (Face::Mlops, Method::POST, "/v1/api/users/invite"),
            (Face::Keycloak, Method::PUT, "/auth/admin/realms/master/users/ann"), (Face::Air, Method::POST, "/api/data/users"),
        ] {
            for (body, code) in [
                ("", "INVALID"), ("{", "INVALID"), ("[]", "INVALID"), ("null", "INVALID"), ("{\"x\": NaN}", "INVALID"),
                ("{\"email\": \"\\ud800\"}", "INVALID"), (deep.as_str(), "INVALID"), (large.as_str(), "LIMIT_EXCEEDED"),
            ] {
                let mut request = world.ada.request(path, &Value::Null);
                *request.method_mut() = method.clone();
                *request.body_mut() = Body::from(body.to_owned());
                request.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain"));
                let reply = app.send(request).await;
                let status = face.status(code, Who::Ada);
                assert_eq!(reply.status.as_u16(), status, "{path} {body:.40}: {}", reply.body);
                let answer = reply.json();
                let text = answer.as_object().unwrap().values().find_map(Value::as_str).unwrap();
                assert_eq!(answer, face.body(status, text), "{path} {body:.40}");
            }
        }
        assert_eq!(before, app.dump().await);
    }
}

#[test]
fn the_table_names_every_face() {
    for face in Face::ALL {
        assert!(
            rows()
                .iter()
                .filter(|row| row.asks.iter().any(|ask| ask.face == face))
                .count()
                > 10,
            "{face:?}"
        );
    }
}
