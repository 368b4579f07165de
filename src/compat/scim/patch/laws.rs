//! Laws of operations, over random ones, and bodies that are made to cost much.

use std::time::{Duration, Instant};

use proptest::prelude::*;
use serde_json::json;

use super::super::names::PATCH_OP;
use super::*;

fn patch(operations: Value) -> Result<Patch, Fault> {
    Patch::read(&json!({"schemas": [PATCH_OP], "Operations": operations}), Kind::User)
}

fn applied(before: &Members, operations: Value) -> Result<Members, Fault> {
    let mut after = before.clone();
    patch(operations)?.apply(&mut after)?;
    Ok(after)
}

fn texts() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["a", "A", "b", "é", "x@y.example", "X@y.example", "work"]).prop_map(str::to_owned)
}

fn entries() -> impl Strategy<Value = Value> {
    (texts(), prop::option::of(texts()), prop::option::of(any::<bool>())).prop_map(|(value, kind, primary)| {
        let mut entry = json!({"value": value});
        let members = entry.as_object_mut().unwrap();
        members.extend(kind.map(|kind| ("type".to_owned(), kind.into())));
        members.extend(primary.map(|primary| ("primary".to_owned(), primary.into())));
        entry
    })
}

fn values() -> impl Strategy<Value = Value> {
    prop_oneof![
        4 => texts().prop_map(Value::from),
        3 => entries(),
        3 => prop::collection::vec(entries(), 0..4).prop_map(Value::from),
        1 => Just(Value::Null),
        1 => Just(json!("")),
        1 => any::<bool>().prop_map(Value::from),
        1 => texts().prop_map(|text| json!({"givenName": text})),
    ]
}

fn paths() -> impl Strategy<Value = String> {
    let fixed = vec![
        "title",
        "active",
        "name",
        "name.givenName",
        "emails",
        "emails.value",
        "phoneNumbers",
        "addresses",
        "photos.primary",
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User",
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager",
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department",
        "urn:foreign:x",
    ];
    let ops = prop::sample::select(vec!["eq", "ne", "sw", "co", "gt"]);
    let subs = prop::sample::select(vec!["", ".value", ".type", ".primary", ".display"]);
    let lists = prop::sample::select(vec!["emails", "phoneNumbers"]);
    prop_oneof![
        prop::sample::select(fixed).prop_map(str::to_owned),
        (lists, prop::sample::select(vec!["type", "value"]), ops, texts(), subs)
            .prop_map(|(list, part, op, text, sub)| format!("{list}[{part} {op} \"{text}\"]{sub}")),
    ]
}

fn operations() -> impl Strategy<Value = Value> {
    (
        prop::sample::select(vec!["add", "replace", "remove"]),
        paths(),
        values(),
    )
        .prop_map(|(op, path, value)| json!({"op": op, "path": path, "value": value}))
}

/// A user made by random operations, those of which that are refused left out.
fn users() -> impl Strategy<Value = Members> {
    prop::collection::vec(operations(), 0..8).prop_map(|operations| {
        let mut user = Members::from_iter([("userName".to_owned(), json!("a")), ("active".to_owned(), json!(true))]);
        for operation in operations {
            user = applied(&user, json!([operation])).unwrap_or(user);
        }
        user
    })
}

/// Whether a resource has nothing that means "unassigned", and at most one primary value in each list.
fn is_tidy(resource: &Members) -> bool {
    resource.values().all(|value| match value {
        Value::Object(inner) => !inner.is_empty() && is_tidy(inner),
        Value::Array(entries) => {
            let primary = entries
                .iter()
                .filter(|entry| entry.get("primary") == Some(&Value::Bool(true)));
            !entries.is_empty()
                && entries.len() <= VALUES_MAX
                && primary.count() <= 1
                && entries
                    .iter()
                    .all(|entry| has_content(entry) && is_tidy(entry.as_object().unwrap()))
        }
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        _ => true,
    })
}

proptest! {
    #![proptest_config(super::super::random_cases())]

    #[test]
    fn resources_stay_tidy(user in users(), operation in operations()) {
        prop_assert!(is_tidy(&user));
        if let Ok(after) = applied(&user, json!([operation])) {
            prop_assert!(is_tidy(&after), "{after:?}");
        }
    }

    /// But for filters that no longer match what they made or changed, which add and replace make again.
    #[test]
    fn the_same_operation_twice_changes_nothing(user in users(), operation in operations()) {
        let path = operation.get("path").and_then(Value::as_str).unwrap_or_default().to_owned();
        if !path.contains('[') && let Ok(once) = applied(&user, json!([operation.clone()])) {
            prop_assert_eq!(applied(&once, json!([operation])), Ok(once));
        }
    }

    #[test]
    fn operations_of_one_request_are_those_of_several(user in users(), one in operations(), two in operations()) {
        // An entry without a value lives until the end of the request, so that the next operation can give it one.
        let after_one = applied(&user, json!([one.clone()]));
        let together = applied(&user, json!([one, two.clone()]));
        if let Ok(after_one) = after_one {
            let one_by_one = applied(&after_one, json!([two]));
            if let (Ok(together), Ok(one_by_one)) = (together, one_by_one) {
                let simple = |user: &Members| ["title", "active", "name"].map(|name| user.get(name).cloned());
                prop_assert_eq!(simple(&together), simple(&one_by_one));
            }
        } else {
            prop_assert!(together.is_err());
        }
    }

    #[test]
    fn what_was_added_can_be_removed(user in users(), entry in entries()) {
        prop_assume!(user.get("ims").is_none());
        let added = applied(&user, json!([{"op": "add", "path": "ims", "value": entry}])).unwrap();
        prop_assert!(added.get("ims").is_some());
        let removed = applied(&added, json!([{"op": "remove", "path": "ims", "value": [entry]}]));
        prop_assert_eq!(removed, Ok(user));
    }

    #[test]
    fn any_message_is_read_or_refused(
        op in prop::sample::select(vec!["add", "replace", "remove", "x"]),
        path in prop::option::of(prop_oneof![any::<String>(), paths()]),
        value in values(),
        user in users(),
    ) {
        let keyed = path.clone().map(|path| json!({"op": op, "value": {path: value.clone()}}));
        let plain = json!({"op": op, "path": path, "value": value});
        for operation in keyed.into_iter().chain([plain]) {
            let _ = applied(&user, json!([operation.clone()]));
            let message = json!({"schemas": [PATCH_OP], "Operations": [operation]});
            let _ = Patch::read(&message, Kind::Group).map(|patch| patch.members());
        }
    }
}

/// Bodies of a MiB that ask for as much work as possible.
#[test]
fn hostile_operations_are_cheap() {
    let address = |n: usize| format!("{}{n}@ünïcödé.example", "é".repeat(1_900));
    let emails: Vec<Value> = (0..VALUES_MAX)
        .map(|n| json!({"value": address(n), "type": "x".repeat(2_000)}))
        .collect();
    let user = Members::from_iter([("emails".to_owned(), Value::from(emails))]);
    let repeated = |operation: Value, number: usize| vec![operation; number];
    let any = vec!["value co \"é\""; 100].join(" and ");
    let never = vec!["type co \"y\""; 100].join(" or ");
    for operations in [
        repeated(
            json!({"op": "remove", "path": format!("emails[value co \"{}\"]", "è".repeat(300))}),
            1_000,
        ),
        repeated(json!({"op": "remove", "path": format!("emails[not ({any})]")}), 10),
        repeated(json!({"op": "remove", "path": format!("emails[not ({any})]")}), 300),
        repeated(json!({"op": "remove", "path": format!("emails[{never}]")}), 10),
        repeated(
            json!({"op": "add", "path": "emails[value pr].display", "value": "y".repeat(900)}),
            1_000,
        ),
        repeated(json!({"op": "add", "path": "emails", "value": user.get("emails")}), 4),
        repeated(
            json!({"op": "remove", "path": "emails", "value": vec![json!({"value": "é"}); 50]}),
            1_000,
        ),
        repeated(
            json!({"op": "remove", "path": "emails", "value": [{"value": "é"}]}),
            200,
        ),
        repeated(
            json!({"op": "add", "path": "addresses", "value": vec![json!({"region": "é"}); 50]}),
            20,
        ),
        repeated(
            json!({"op": "replace", "path": "addresses", "value": vec![json!({"region": "é"}); 50]}),
            1_000,
        ),
        vec![
            json!({"op": "add", "value": Members::from_iter((0..40_000).map(|n| (format!("emails[type eq \"{n}\"].x"), json!(1))))}),
        ],
        vec![json!({"op": "add", "value": Members::from_iter((0..60_000).map(|n| (format!("key{n}"), json!(1))))})],
    ] {
        let started = Instant::now();
        let _ = applied(&user, operations.clone().into());
        let took = started.elapsed();
        assert!(
            took < Duration::from_secs(5),
            "{took:?} {:?}",
            operations.first().map(|first| first.to_string().len())
        );
    }
}

#[test]
fn thousands_of_members_are_folded_at_once() {
    let remove = |n: usize| json!({"op": "remove", "path": format!("members[value eq \"{n}\"]")});
    let keys = Members::from_iter((0..40_000).map(|n| (format!("members[value eq \"k{n}\"]"), json!({}))));
    let ids: Vec<String> = (0..90_000)
        .map(|n| format!("019ac3f0-7d11-7c55-9e2a-{n:012}"))
        .collect();
    let mut operations: Vec<Value> = (0..900).map(remove).collect();
    operations.push(json!({"op": "add", "value": keys}));
    operations.push(json!({"op": "add", "path": "members", "value": ids}));
    let started = Instant::now();
    let message = json!({"schemas": [PATCH_OP], "Operations": operations});
    let change = Patch::read(&message, Kind::Group)
        .and_then(|patch| patch.members())
        .unwrap();
    assert_eq!((change.put_in.len(), change.taken_out.len()), (130_000, 900));
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
}
