use serde_json::json;

use super::super::fault::ScimType;
use super::super::names::{GROUP, USER};
use super::*;

fn user(members: Value) -> Result<Value, Fault> {
    let mut body = json!({"schemas": [USER], "userName": "mei"});
    let extra = members.as_object().cloned().unwrap_or_default();
    body.as_object_mut().unwrap().extend(extra);
    read(&body, Kind::User).map(|resource| resource.values.into())
}

fn reads(members: Value, mut expected: Value) {
    let values = expected.as_object_mut().unwrap();
    values.entry("userName").or_insert(json!("mei"));
    assert_eq!(user(members.clone()), Ok(expected), "{members}");
}

fn refuses(members: Value, word: ScimType) {
    assert_eq!(
        user(members.clone()).map_err(|fault| fault.scim_type),
        Err(word),
        "{members}"
    );
}

#[test]
fn names_come_in_any_case() {
    reads(
        json!({"TITLE": "x", "Name": {"GIVENNAME": "Mei"}}),
        json!({"title": "x", "name": {"givenName": "Mei"}}),
    );
    reads(
        json!({ENTERPRISE.to_uppercase(): {"Department": "x"}}),
        json!({ENTERPRISE: {"department": "x"}}),
    );
    reads(json!({format!("{USER}:title"): "x"}), json!({"title": "x"}));
    for twice in [
        json!({"title": "x", "TITLE": "x"}),
        json!({"USERNAME": "mei"}),
        json!({"name": {"givenName": "x", "givenname": "x"}}),
        json!({"emails": [{"value": "x", "Value": "x"}]}),
        json!({ENTERPRISE: {"department": "x", "DEPARTMENT": "x"}}),
        json!({ENTERPRISE: {}, ENTERPRISE.to_lowercase(): {}}),
        json!({"Schemas": [USER]}),
    ] {
        refuses(twice, ScimType::InvalidSyntax);
    }
}

#[test]
fn unknown_and_read_only_attributes_are_ignored() {
    reads(
        json!({
            "id": 5, "meta": {"created": 1}, "groups": [{"value": 1}], "roles": [], "foo": {"x": [1]}, "department": "x",
            "urn:ietf:params:scim:schemas:extension:Acme:2.0:User": {"tag": "x"}, "emails": [{"value": "x", "foo": 1}],
            ENTERPRISE: {"schemas": [], "manager": {"value": "7", "$ref": 1, "displayName": 1}}
        }),
        json!({"emails": [{"value": "x"}], ENTERPRISE: {"manager": {"value": "7"}}}),
    );
}

#[test]
fn null_blank_and_empty_mean_unassigned() {
    for nothing in [json!(null), json!(""), json!([])] {
        reads(
            json!({
                "title": nothing, "name": nothing, "emails": nothing, "active": nothing, "externalId": nothing,
                "password": nothing, ENTERPRISE: nothing, "photos": [nothing, {"value": nothing}, {}], "ims": {"value": nothing}
            }),
            json!({}),
        );
        refuses(json!({"userName": nothing}), ScimType::InvalidValue);
    }
    reads(
        json!({"name": {"middleName": ""}, ENTERPRISE: {"manager": {"value": null}}}),
        json!({}),
    );
    reads(
        json!({"emails": [{"type": "work", "primary": true}], "addresses": [{"type": "work"}]}),
        json!({}),
    );
}

#[test]
fn values_come_in_the_forms_that_clients_send() {
    reads(
        json!({"active": "False", "password": "x"}),
        json!({"active": false, "password": "x"}),
    );
    reads(json!({"active": true}), json!({"active": true}));
    reads(
        json!({"emails": {"value": "x"}, "photos": "y"}),
        json!({"emails": [{"value": "x"}], "photos": [{"value": "y"}]}),
    );
    reads(
        json!({ENTERPRISE: {"manager": "7"}}),
        json!({ENTERPRISE: {"manager": {"value": "7"}}}),
    );
    reads(
        json!({"emails": [
            {"value": "a", "primary": false}, {"value": "b", "primary": "True"}, {"value": "c", "primary": true}, {"value": "d"}
        ]}),
        json!({"emails": [
            {"value": "a", "primary": false}, {"value": "b", "primary": true}, {"value": "c", "primary": false}, {"value": "d"}
        ]}),
    );
    reads(
        json!({"addresses": [{"type": "work", "formatted": "a\nb"}]}),
        json!({"addresses": [{"type": "work", "formatted": "a\nb"}]}),
    );
}

#[test]
fn other_types_and_too_much_are_refused() {
    for wrong in [
        json!({"active": "maybe"}),
        json!({"active": 0}),
        json!({"title": 1}),
        json!({"title": true}),
        json!({"title": {}}),
        json!({"name": "Mei"}),
        json!({"name": 1}),
        json!({"name": {"givenName": 1}}),
        json!({"emails": 1}),
        json!({"emails": [[]  , [1]]}),
        json!({"addresses": "x"}),
        json!({ENTERPRISE: "x"}),
        json!({ENTERPRISE: {"manager": 7}}),
        json!({"emails": vec!["x"; 51]}),
        json!({"title": "é".repeat(2_001)}),
        json!({"userName": "x".repeat(256)}),
        json!({"title": "a\0"}),
        json!({"x509Certificates": ["x".repeat(16 * 1024 + 1)]}),
    ] {
        refuses(wrong, ScimType::InvalidValue);
    }
    assert!(
        user(json!({"title": "é".repeat(2_000), "x509Certificates": ["x".repeat(16 * 1024)], "emails": vec!["x"; 50]}))
            .is_ok()
    );
}

#[test]
fn the_schema_must_be_named() {
    let body = |schemas: Value| json!({"schemas": schemas, "userName": "mei"});
    for schemas in [json!([]), json!(null), json!("x"), json!([GROUP]), json!([1])] {
        assert_eq!(
            read(&body(schemas), Kind::User).unwrap_err().scim_type,
            ScimType::InvalidSyntax
        );
    }
    for schemas in [json!([USER, "x:y"]), json!([USER.to_uppercase()]), json!(USER)] {
        assert!(read(&body(schemas), Kind::User).is_ok());
    }
    for body in [json!([]), json!("x"), json!({"userName": "mei"})] {
        assert_eq!(read(&body, Kind::User).unwrap_err().scim_type, ScimType::InvalidSyntax);
    }
}

#[test]
fn groups_have_members_or_say_nothing_of_them() {
    let group = |members: Value| {
        let mut body = json!({"schemas": [GROUP, "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group"], "displayName": "Sales"});
        body.as_object_mut()
            .unwrap()
            .extend(members.as_object().cloned().unwrap_or_default());
        read(&body, Kind::Group)
    };
    let ids = |members: Value| group(json!({"Members": members})).map(|group| group.members.unwrap_or_default());
    let none: Vec<String> = Vec::new();
    assert_eq!(group(json!({})).unwrap().members, None);
    assert_eq!(group(json!({"members": []})).unwrap().members, Some(none.clone()));
    assert_eq!(ids(json!(null)), Ok(none));
    assert_eq!(
        ids(
            json!([{"$ref": null, "value": "U"}, {"value": "V", "display": 5, "type": "user"}, {"VALUE": "U"}, {"display": "x"}, "W"])
        ),
        Ok(["U", "V", "W"].map(str::to_owned).to_vec())
    );
    for wrong in [
        json!([{"value": "U", "type": "Group"}]),
        json!([{"value": 1}]),
        json!([1]),
        json!(true),
    ] {
        assert_eq!(ids(wrong).unwrap_err().scim_type, ScimType::InvalidValue);
    }
    assert_eq!(
        group(json!({"displayName": ""})).unwrap_err().scim_type,
        ScimType::InvalidValue
    );
    assert!(
        group(json!({"externalId": "g-1"}))
            .unwrap()
            .values
            .contains_key("externalId")
    );
}
