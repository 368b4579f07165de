//! The operations that clients send, as they send them, and the filters that they ask with.

use serde_json::json;

use super::super::filter::{parse, parse_root};
use super::super::names::PATCH_OP;
use super::super::values;
use super::tests::changes;
use super::*;

const E: &str = ENTERPRISE;

fn members(operations: Value) -> (bool, Vec<String>, Vec<String>) {
    let message = json!({"schemas": [PATCH_OP], "Operations": operations});
    let change = Patch::read(&message, Kind::Group)
        .and_then(|patch| patch.members())
        .unwrap();
    (change.emptied, change.put_in, change.taken_out)
}

fn of_group(operations: Value) -> Value {
    let mut group = Map::from_iter([("displayName".to_owned(), json!("Old"))]);
    let message = json!({"schemas": [PATCH_OP], "Operations": operations});
    Patch::read(&message, Kind::Group).unwrap().apply(&mut group).unwrap();
    group.into()
}

fn ids(ids: &[&str]) -> Vec<String> {
    ids.iter().map(ToString::to_string).collect()
}

#[test]
fn entra_disables_and_changes_users() {
    changes(
        json!([{"op": "Replace", "path": "active", "value": "False"}]),
        json!({"active": false}),
    );
    changes(
        json!([{"op": "replace", "path": "active", "value": false}]),
        json!({"active": false}),
    );
    changes(
        json!([
            {"op": "Replace", "path": "emails[type eq \"work\"].value", "value": "m.tan@acme.example"},
            {"op": "Add", "path": format!("{E}:department"), "value": "Sales"},
            {"op": "Add", "path": format!("{E}:manager"), "value": "019ac3e8-1"},
            {"op": "Replace", "path": "phoneNumbers[type eq \"mobile\"].value", "value": "555"},
            {"op": "Add", "path": "addresses[type eq \"work\"].streetAddress", "value": "Street 1"},
            {"op": "Add", "path": "emails[type eq \"other\"].Value", "value": "mei@other.example"}
        ]),
        json!({
            "emails": [
                {"value": "m.tan@acme.example", "type": "work", "primary": true},
                {"value": "lin@home.example", "type": "home"},
                {"type": "other", "value": "mei@other.example"}
            ],
            "phoneNumbers": [{"type": "mobile", "value": "555"}],
            "addresses": [{"type": "work", "locality": "Oslo", "streetAddress": "Street 1"}],
            E: {"department": "Sales", "manager": {"value": "019ac3e8-1"}}
        }),
    );
    changes(
        json!([{"op": "replace", "value": {"displayName": "Mei T", "name.givenName": "Mei", format!("{E}:employeeNumber"): "78"}}]),
        json!({
            "displayName": "Mei T", "name": {"givenName": "Mei", "familyName": "Okafor"},
            E: {"department": "R&D", "manager": {"value": "7"}, "employeeNumber": "78"}
        }),
    );
    changes(json!([]), json!({}));
    changes(
        json!([{"op": "replace", "value": {"userName": "x@acme.example"}}]),
        json!({"userName": "x@acme.example"}),
    );
}

#[test]
fn a_leaver_is_disabled_whatever_is_sent_with_it() {
    let tolerated = [
        json!({"op": "Add", "path": "urn:ietf:params:scim:schemas:extension:Acme:2.0:User:tag", "value": "x"}),
        json!({"op": "Add", "path": "urn:ietf:params:scim:schemas:extension:Acme:2.0:User", "value": {"tag": "x"}}),
        json!({"op": "replace", "value": {"foo": "x", "id": "1", "urn:x:y:tag": 1, "roles": []}}),
        json!({"op": "remove", "path": "phoneNumbers[type eq \"mobile\"]"}),
        json!({"op": "Remove", "path": "phoneNumbers[type eq \"mobile\"].value"}),
        json!({"op": "Replace", "path": "phoneNumbers[type eq \"mobile\"].value", "value": ""}),
        json!({"op": "remove", "path": "nickName"}),
        json!({"op": "Replace", "path": format!("{E}:manager.displayName"), "value": "Ada"}),
    ];
    let leaver = json!({"op": "Replace", "path": "active", "value": "False"});
    for other in tolerated {
        changes(json!([leaver, other]), json!({"active": false}));
        changes(json!([other, leaver]), json!({"active": false}));
    }
}

#[test]
fn entra_changes_groups_and_members() {
    let u = json!([{"$ref": null, "value": "U"}]);
    assert_eq!(
        members(json!([{"op": "Add", "path": "members", "value": u}])),
        (false, ids(&["U"]), ids(&[]))
    );
    assert_eq!(
        members(json!([{"op": "Remove", "path": "members", "value": u}])),
        (false, ids(&[]), ids(&["U"]))
    );
    assert_eq!(
        members(json!([{"op": "remove", "path": "members[value eq \"U\"]"}])),
        (false, ids(&[]), ids(&["U"]))
    );
    let after = of_group(json!([{"op": "replace", "value": {"externalId": "g-2"}}]));
    assert_eq!(after, json!({"displayName": "Old", "externalId": "g-2"}));
    let app_role = json!([{"op": "Add", "path": "roles", "value": [{"value": "{\"id\":1}"}]}]);
    let message = json!({"schemas": [PATCH_OP], "Operations": app_role});
    assert_eq!(
        Patch::read(&message, Kind::User).unwrap_err().scim_type,
        ScimType::Mutability
    );
}

#[test]
fn okta_deactivates_users_and_pushes_groups() {
    changes(
        json!([{"op": "replace", "value": {"active": false}}]),
        json!({"active": false}),
    );
    let renamed = json!([{"op": "replace", "value": {"id": "G", "displayName": "Sales"}}]);
    assert_eq!(of_group(renamed.clone()), json!({"displayName": "Sales"}));
    assert_eq!(members(renamed), (false, ids(&[]), ids(&[])));
    let both = json!([
        {"op": "remove", "path": "members[value eq \"U1\"]"},
        {"op": "add", "path": "members", "value": [{"value": "U2", "display": "kai@acme.example"}]}
    ]);
    assert_eq!(members(both), (false, ids(&["U2"]), ids(&["U1"])));
    let many: Vec<Value> = (0..256)
        .map(|n| json!({"op": "remove", "path": format!("members[value eq \"U{n}\"]")}))
        .collect();
    assert_eq!(members(many.into()).2.len(), 256);
    let pushed = json!([{"op": "replace", "path": "members", "value": [{"value": "U1"}, {"value": "U2"}]}]);
    assert_eq!(members(pushed), (true, ids(&["U1", "U2"]), ids(&[])));
    assert_eq!(
        members(json!([{"op": "replace", "path": "members", "value": []}])),
        (true, ids(&[]), ids(&[]))
    );
}

#[test]
fn resources_come_as_clients_make_them() {
    let user = |body: Value| values::read(&body, Kind::User).map(|user| Value::Object(user.values));
    let entra = json!({
        "schemas": [Kind::User.urn(), E], "externalId": "mei", "userName": "mei@acme.example", "active": true, "displayName": "Mei Tan",
        "emails": [{"primary": true, "type": "work", "value": "mei.tan@acme.example"}], "meta": {"resourceType": "User"},
        "name": {"formatted": "Mei Tan", "familyName": "Tan", "givenName": "Mei"}, "roles": [],
        E: {"employeeNumber": "77", "manager": "019ac3e8-1"},
        "urn:ietf:params:scim:schemas:extension:Acme:2.0:User": {"tag": "x"}
    });
    let expected = json!({
        "externalId": "mei", "userName": "mei@acme.example", "active": true, "displayName": "Mei Tan",
        "emails": [{"primary": true, "type": "work", "value": "mei.tan@acme.example"}],
        "name": {"formatted": "Mei Tan", "familyName": "Tan", "givenName": "Mei"},
        E: {"employeeNumber": "77", "manager": {"value": "019ac3e8-1"}}
    });
    assert_eq!(user(entra), Ok(expected));
    let okta = json!({
        "schemas": [Kind::User.urn()], "userName": "kai@acme.example", "name": {"givenName": "Kai", "middleName": ""},
        "emails": [{"primary": true, "value": "kai@acme.example", "type": "work"}], "locale": "en-US", "groups": [], "password": "q7w2m9zt",
        "active": true, "id": "1", "meta": {"version": "W/\"1\""}
    });
    let expected = json!({
        "userName": "kai@acme.example", "name": {"givenName": "Kai"}, "locale": "en-US", "password": "q7w2m9zt", "active": true,
        "emails": [{"primary": true, "value": "kai@acme.example", "type": "work"}]
    });
    assert_eq!(user(okta), Ok(expected));
    let ping = json!({"schemas": [Kind::User.urn()], "userName": "p", "emails": [{"value": "a", "primary": true}, {"value": "b", "primary": true}]});
    let expected =
        json!({"userName": "p", "emails": [{"value": "a", "primary": true}, {"value": "b", "primary": false}]});
    assert_eq!(user(ping), Ok(expected));
}

#[test]
fn clients_ask_with_these_filters() {
    for filter in [
        "userName eq \"c0ffee00-12aa-4a8e-9d52-5f2f0b7a9e10\"",
        "externalId eq \"mei\"",
        "emails[type eq \"work\"].value eq \"mei@acme.example\"",
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager eq \"M\"",
        "emails EQ \"a@b.example\"",
        "userName Eq \"x\" And active eq \"True\"",
    ] {
        assert!(parse(filter, Kind::User).is_ok(), "{filter}");
    }
    for filter in [
        "displayName eq \"Sales\"",
        "id eq \"G\" and members eq \"U\"",
        "members.value eq \"U\"",
    ] {
        assert!(parse(filter, Kind::Group).is_ok(), "{filter}");
    }
    // Without its URN, only one attribute of the extension is known.
    assert!(parse("manager eq \"M\"", Kind::User).is_ok());
    assert!(parse("department eq \"M\"", Kind::User).is_err());
    assert!(parse_root("displayName eq \"Sales\" or userName eq \"x\"").is_ok());
}
