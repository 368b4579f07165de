#![expect(clippy::indexing_slicing, reason = "a test that cannot go on fails")]

use serde_json::json;

use super::super::fault::ScimType;
use super::super::names::PATCH_OP;
use super::*;

const E: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

pub fn message(operations: Value) -> Value {
    json!({"schemas": [PATCH_OP], "Operations": operations})
}

fn user() -> Value {
    json!({
        "userName": "lin@acme.example", "active": true, "title": "Engineer",
        "name": {"givenName": "Lin", "familyName": "Okafor"},
        "emails": [
            {"value": "lin@acme.example", "type": "work", "primary": true},
            {"value": "lin@home.example", "type": "home"}
        ],
        "addresses": [{"type": "work", "locality": "Oslo"}],
        E: {"department": "R&D", "manager": {"value": "7"}}
    })
}

fn patched(before: &Value, operations: Value) -> Result<Value, Fault> {
    let mut resource = before.as_object().cloned().unwrap_or_default();
    Patch::read(&message(operations), Kind::User)?.apply(&mut resource)?;
    Ok(Value::Object(resource))
}

/// The user after these operations, which differs from the user before in these top-level members.
pub fn changes(operations: Value, expected: Value) {
    let after = patched(&user(), operations.clone()).unwrap();
    let mut whole = user();
    for (name, value) in expected.as_object().unwrap() {
        let members = whole.as_object_mut().unwrap();
        match value {
            Value::Null => drop(members.remove(name)),
            value => drop(members.insert(name.clone(), value.clone())),
        }
    }
    assert_eq!(after, whole, "{operations}");
}

pub fn refuses(operations: Value, word: ScimType) {
    let fault = patched(&user(), operations.clone()).unwrap_err();
    assert_eq!(fault.scim_type, word, "{operations} {}", fault.detail);
}

pub fn op(op: &str, path: &str, value: Value) -> Value {
    json!([{"op": op, "path": path, "value": value}])
}

fn remove(path: &str) -> Value {
    json!([{"op": "remove", "path": path}])
}

#[test]
fn simple_attributes_are_set_and_removed() {
    for verb in ["add", "Replace", "REPLACE"] {
        changes(op(verb, "Title", json!("CTO")), json!({"title": "CTO"}));
        changes(op(verb, "title", json!("")), json!({"title": null}));
        changes(op(verb, "title", json!(null)), json!({"title": null}));
        changes(op(verb, "Active", json!("False")), json!({"active": false}));
        changes(
            op(verb, "NAME.familyname", json!("Berg")),
            json!({"name": {"givenName": "Lin", "familyName": "Berg"}}),
        );
        changes(
            op(verb, &format!("{}:Department", E.to_uppercase()), json!("Sales")),
            json!({E: {"department": "Sales", "manager": {"value": "7"}}}),
        );
        changes(op(verb, "password", json!("q7w2m9zt")), json!({"password": "q7w2m9zt"}));
        changes(
            op(verb, "urn:ietf:params:scim:schemas:core:2.0:User:nickName", json!("L")),
            json!({"nickName": "L"}),
        );
    }
    changes(remove("title"), json!({"title": null}));
    changes(remove("name.familyName"), json!({"name": {"givenName": "Lin"}}));
    changes(remove("nickName"), json!({}));
    for path in ["userName", "active", "password"] {
        refuses(remove(path), ScimType::Mutability);
        refuses(op("replace", path, json!(null)), ScimType::Mutability);
    }
}

#[test]
fn complex_attributes_are_merged_by_add_and_replace() {
    for verb in ["Add", "replace"] {
        changes(
            op(verb, "name", json!({"FAMILYNAME": "Berg", "x": 1})),
            json!({"name": {"givenName": "Lin", "familyName": "Berg"}}),
        );
        changes(
            op(verb, "name", json!({"givenName": null})),
            json!({"name": {"familyName": "Okafor"}}),
        );
        changes(
            op(verb, E, json!({"schemas": ["x"], "costCenter": "9", "department": ""})),
            json!({E: {"costCenter": "9", "manager": {"value": "7"}}}),
        );
        for manager in [json!("8"), json!({"value": "8", "displayName": "Ada", "$ref": "x"})] {
            changes(
                op(verb, &format!("{E}:manager"), manager),
                json!({E: {"department": "R&D", "manager": {"value": "8"}}}),
            );
        }
        changes(
            op(verb, &format!("{E}:manager.value"), json!("8")),
            json!({E: {"department": "R&D", "manager": {"value": "8"}}}),
        );
        changes(
            op(verb, &format!("{E}:manager"), json!({"value": ""})),
            json!({E: {"department": "R&D"}}),
        );
        changes(op(verb, &format!("{E}:manager.displayName"), json!("Ada")), json!({}));
        refuses(op(verb, "name", json!("Lin")), ScimType::InvalidValue);
        refuses(op(verb, E, json!("Lin")), ScimType::InvalidValue);
    }
    changes(remove("name"), json!({"name": null}));
    changes(remove(E), json!({E: null}));
    changes(remove(&format!("{E}:manager")), json!({E: {"department": "R&D"}}));
}

#[test]
fn lists_are_added_to_replaced_and_removed() {
    let (work, home) = (user()["emails"][0].clone(), user()["emails"][1].clone());
    changes(op("add", "emails", json!([home, work])), json!({}));
    changes(
        op("add", "emails", json!({"value": "x"})),
        json!({"emails": [work, home, {"value": "x"}]}),
    );
    changes(
        op("add", "emails", json!("x")),
        json!({"emails": [work, home, {"value": "x"}]}),
    );
    changes(
        op(
            "add",
            "emails",
            json!([{"value": "x", "primary": true}, {"value": "y", "primary": "True"}]),
        ),
        json!({"emails": [
            {"value": "lin@acme.example", "type": "work", "primary": false}, home,
            {"value": "x", "primary": true}, {"value": "y", "primary": false}
        ]}),
    );
    changes(
        op("replace", "emails", json!([{"value": "x"}, {"type": "work"}])),
        json!({"emails": [{"value": "x"}]}),
    );
    for nothing in [json!([]), json!(null), json!("")] {
        changes(op("replace", "emails", nothing.clone()), json!({"emails": null}));
        changes(op("add", "emails", nothing), json!({}));
    }
    changes(remove("emails"), json!({"emails": null}));
    changes(
        op(
            "Remove",
            "emails",
            json!([{"value": "LIN@acme.example"}, {"value": "none"}]),
        ),
        json!({"emails": [home]}),
    );
    changes(op("remove", "emails", json!([])), json!({}));
    changes(
        op("remove", "addresses", json!([{"type": "work", "locality": "Oslo"}])),
        json!({"addresses": null}),
    );
}

#[test]
fn filtered_values_are_merged_replaced_and_dropped() {
    let home = user()["emails"][1].clone();
    changes(
        op("add", "emails[type eq \"work\"]", json!({"display": "Lin"})),
        json!({"emails": [{"value": "lin@acme.example", "type": "work", "primary": true, "display": "Lin"}, home]}),
    );
    changes(
        op(
            "replace",
            "emails[type eq \"work\"]",
            json!({"value": "x", "type": "other"}),
        ),
        json!({"emails": [{"value": "x", "type": "other"}, home]}),
    );
    changes(
        op("replace", "emails[value eq \"LIN@home.example\"].primary", json!(true)),
        json!({"emails": [
            {"value": "lin@acme.example", "type": "work", "primary": false},
            {"value": "lin@home.example", "type": "home", "primary": true}
        ]}),
    );
    changes(
        remove("emails[type eq \"work\" or type eq \"none\"]"),
        json!({"emails": [home]}),
    );
    changes(remove("emails[type eq \"work\"].value"), json!({"emails": [home]}));
    changes(
        op("Replace", "emails[type eq \"work\"].Value", json!("")),
        json!({"emails": [home]}),
    );
    changes(
        op("replace", "addresses[type eq \"work\"].locality", json!(null)),
        json!({"addresses": null}),
    );
    changes(remove("emails[type eq \"none\"]"), json!({}));
}

#[test]
fn a_filter_that_matches_nothing_makes_the_entry_it_describes() {
    for verb in ["Add", "Replace"] {
        changes(
            op(verb, "phoneNumbers[type eq \"mobile\"].value", json!("555")),
            json!({"phoneNumbers": [{"type": "mobile", "value": "555"}]}),
        );
        changes(
            op(
                verb,
                "addresses[type eq \"home\" and country eq \"NO\"]",
                json!({"locality": "Bergen"}),
            ),
            json!({"addresses": [{"type": "work", "locality": "Oslo"}, {"type": "home", "country": "NO", "locality": "Bergen"}]}),
        );
        changes(op(verb, "phoneNumbers[type eq \"mobile\"].value", json!("")), json!({}));
        for other in [
            "type ne \"x\" and type sw \"y\"",
            "type eq \"a\" or type eq \"b\"",
            "type eq \"a\" and type eq \"b\"",
            "type eq null",
        ] {
            refuses(
                op(verb, &format!("phoneNumbers[{other}].value"), json!("5")),
                ScimType::NoTarget,
            );
        }
    }
}

#[test]
fn a_part_of_a_list_is_that_of_its_only_value() {
    changes(
        op("replace", "phoneNumbers.value", json!("5")),
        json!({"phoneNumbers": [{"value": "5"}]}),
    );
    changes(
        op("replace", "addresses.locality", json!("Bergen")),
        json!({"addresses": [{"type": "work", "locality": "Bergen"}]}),
    );
    refuses(op("add", "emails.value", json!("x")), ScimType::InvalidPath);
    changes(remove("addresses.locality"), json!({"addresses": null}));
    changes(
        remove("emails.primary"),
        json!({"emails": [{"value": "lin@acme.example", "type": "work"}, user()["emails"][1]]}),
    );
}

#[test]
fn without_a_path_each_key_is_one() {
    let emails = json!([{"value": "x@acme.example", "type": "work", "primary": true}, user()["emails"][1]]);
    changes(
        json!([{"op": "Replace", "value": {
            "id": "9", "meta": {}, "groups": [], "roles": 5, "schemas": [], "unknown": 1, "urn:x:y": {"a": 1},
            "Active": "false", "name.familyName": "Berg", "emails[type eq \"work\"].value": "x@acme.example",
            (format!("{E}:department")): "Sales"
        }}]),
        json!({
            "active": false, "name": {"givenName": "Lin", "familyName": "Berg"}, "emails": emails,
            E: {"department": "Sales", "manager": {"value": "7"}}
        }),
    );
    changes(
        json!([{"op": "add", "value": {"name": {"givenName": "Mei"}, E: {"manager": "8"}}}]),
        json!({"name": {"givenName": "Mei", "familyName": "Okafor"}, E: {"department": "R&D", "manager": {"value": "8"}}}),
    );
    changes(
        json!([{"op": "add", "value": {(Kind::User.urn()): {"active": false}}}]),
        json!({"active": false}),
    );
    refuses(
        json!([{"op": "replace", "value": {"active": true, "ACTIVE": false}}]),
        ScimType::InvalidSyntax,
    );
    refuses(json!([{"op": "replace", "value": "x"}]), ScimType::InvalidValue);
    refuses(json!([{"op": "remove"}]), ScimType::NoTarget);
    refuses(json!([{"op": "remove", "path": ""}]), ScimType::NoTarget);
}

#[test]
fn what_does_not_exist_or_cannot_be_written_is_refused() {
    for path in [
        "id",
        "meta",
        "meta.created",
        "schemas",
        "groups",
        "groups[value eq \"x\"]",
        "roles",
        "roles.value",
    ] {
        refuses(op("add", path, json!([{"value": "x"}])), ScimType::Mutability);
    }
    for path in [
        "foo",
        "name.foo",
        "emails[foo eq 1]",
        "emails[",
        "emails[type eq \"x\"",
        "emails[type eq \"x\"]x",
        "emails[type eq \"x\"].foo",
        "department",
        "title[value pr]",
        "a b",
        &format!("{E}:foo"),
    ] {
        refuses(op("replace", path, json!("x")), ScimType::InvalidPath);
    }
    // A foreign extension must not hold up what is sent with it.
    let foreign = "urn:ietf:params:scim:schemas:extension:Acme:2.0:User:tag";
    changes(
        json!([{"op": "add", "path": foreign, "value": 1}, {"op": "remove", "path": foreign}, {"op": "replace", "path": "active", "value": false}]),
        json!({"active": false}),
    );
}
