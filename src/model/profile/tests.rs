//! Laws of profiles.

#![expect(clippy::indexing_slicing, reason = "a test that cannot go on fails")]

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::*;

fn parsed(value: &Value) -> Option<Profile> {
    Profile::parse("profile", value).unwrap()
}

fn shown(value: &Value, email: Option<&str>) -> Value {
    let profile = parsed(value).map(Profile::into_text);
    let email = email.and_then(Email::normalize);
    Value::Object(Profile::shown(profile.as_ref(), email.as_ref()))
}

/// A profile with these entries, of which one is the account's.
fn with_entries(sent: &Value, account: Option<usize>) -> Value {
    let entries = sent
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_object)
        .cloned();
    json!({"emails": Entries::new(entries.collect(), account).stored()})
}

#[test]
fn what_a_user_has_fields_for_is_not_kept() {
    let given = json!({
        "USERNAME": "a", "id": "b", "Meta": {}, "schemas": ["c"], "externalId": "d", "displayName": "e", "active": true,
        "password": "f", "groups": ["g"], "roles": ["h"], "name": {"givenName": "i", "FamilyName": "j", "formatted": "k"},
        "title": "l", "locale": "", "timezone": null, "photos": [], "ims": [{}], "urn:x": {"manager": {"value": ""}},
    });
    assert_eq!(shown(&given, None), json!({"name": {"formatted": "k"}, "title": "l"}));
    for nothing in [
        json!({}),
        json!({"userName": "a"}),
        json!({"name": {"givenName": "a"}}),
        json!({"title": null}),
    ] {
        assert_eq!(parsed(&nothing), None, "{nothing}");
    }
}

#[test]
fn numbers_and_what_is_too_large_are_refused() {
    let mut deep = json!("x");
    for _ in 0..99 {
        deep = json!({ "a": deep });
    }
    assert!(Profile::parse("profile", &deep).is_ok());
    let refused = [
        json!({ "a": { "b": deep } }),
        json!({"title": 1}),
        json!({"urn:x": [{"n": 1.5}]}),
        json!({"title": "a\u{0}"}),
        json!({"title": "x".repeat(64 * 1024)}),
        json!({"emails": "a@b.example"}),
        json!({"emails": ["a@b.example"]}),
        json!([]),
        json!("text"),
    ];
    for value in refused {
        let start: String = value.to_string().chars().take(40).collect();
        assert!(Profile::parse("profile", &value).is_err(), "{start}");
    }
}

#[test]
fn the_entry_of_the_account_shows_the_present_address() {
    let sent = json!([
        {"value": "Other@Home.example", "type": "home", "primary": false},
        {"value": "Lin@Acme.example", "type": "work", "primary": true, "account": "mine", "key": 1},
    ]);
    let stored = with_entries(&sent, Some(1));
    assert_eq!(
        stored,
        json!({"emails": [
            {"value": "Other@Home.example", "type": "home", "primary": false, "key": "other@home.example"},
            {"value": "Lin@Acme.example", "type": "work", "primary": true, "key": "lin@acme.example", "account": true},
        ]})
    );
    let values = |email: Option<&str>| shown(&stored, email)["emails"].as_array().cloned().unwrap_or_default();
    let at = |email: Option<&str>, place: usize| values(email).get(place).cloned().unwrap_or_default();
    assert_eq!(
        at(Some("lin@acme.example"), 1),
        json!({"value": "Lin@Acme.example", "type": "work", "primary": true})
    );
    assert_eq!(at(Some("new@acme.example"), 1)["value"], "new@acme.example");
    assert_eq!(values(None).len(), 1);
    // Nobody sent the account's.
    let unmarked = with_entries(&json!([{"value": "x"}]), None);
    assert_eq!(
        shown(&unmarked, Some("a@b.example")),
        json!({"emails": [{"value": "x"}, {"value": "a@b.example", "type": "work", "primary": true}]})
    );
    let primary = with_entries(&json!([{"value": "x", "primary": true}]), None);
    assert_eq!(
        shown(&primary, Some("a@b.example"))["emails"][1],
        json!({"value": "a@b.example", "type": "work"})
    );
    assert_eq!(shown(&json!({}), None), json!({}));
}

/// Values as an identity provider might send them, with members that clash with the hidden ones.
fn values() -> impl Strategy<Value = Value> {
    let texts = prop::sample::select(vec![
        "",
        "a",
        "B",
        "lin@acme.example",
        "LIN@Acme.example",
        "é",
        "\"\\\n",
    ]);
    let leaves = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        texts.prop_map(Value::from)
    ];
    leaves.prop_recursive(4, 24, 4, |inner| {
        let keys = prop::sample::select(vec![
            "value",
            "type",
            "primary",
            "account",
            "key",
            "name",
            "givenName",
            "userName",
            "title",
            "emails",
            "urn:x",
        ]);
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            prop::collection::vec((keys, inner), 0..4).prop_map(|members| {
                Value::Object(
                    members
                        .into_iter()
                        .map(|(key, value)| (key.to_owned(), value))
                        .collect(),
                )
            }),
        ]
    })
}

fn objects() -> impl Strategy<Value = Map<String, Value>> {
    values().prop_filter_map("an object", |value| match value {
        Value::Object(members) => Some(members),
        _ => None,
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_stored_is_parsed_as_itself(value in values()) {
        if let Ok(Some(profile)) = Profile::parse("profile", &value) {
            let stored = Value::Object(read(Some(profile.text())));
            let again = parsed(&stored).unwrap();
            prop_assert_eq!(&again, &profile);
            prop_assert!(profile.is(Some(again.text())));
        }
    }

    #[test]
    fn what_is_shown_has_no_marks_and_is_not_less(sent in prop::collection::vec(objects(), 0..4), account in 0..5_usize, has in any::<bool>()) {
        let email = has.then(|| Email::normalize("lin@acme.example").unwrap());
        let entries = Entries::new(sent.clone(), Some(account));
        let stored = Value::Array(entries.stored());
        prop_assert_eq!(&Entries::parse("profile", &stored).unwrap(), &entries);
        let shown = entries.shown(email.as_ref());
        let marked = |entry: &Value| entry.get("account").is_some() || entry.get("key").is_some();
        prop_assert!(!shown.iter().any(marked));
        let kept = sent.iter().filter(|entry| entry.get("value").and_then(Value::as_str).is_some_and(|value| !value.is_empty()));
        let kept = kept.count();
        prop_assert_eq!(entries.sent().len(), kept);
        // The account's address is shown exactly once as such, and never without one.
        let expected = match (entries.account(), &email) {
            (Some(_), None) => kept - 1,
            (None, Some(_)) => kept + 1,
            _ => kept,
        };
        prop_assert_eq!(shown.len(), expected);
        if let Some(email) = &email {
            let is_it = |entry: &Value| entry["value"].as_str().map(crate::model::user_name_key).as_deref() == Some(email.as_str());
            prop_assert!(shown.iter().any(is_it));
        }
        prop_assert!(entries.other_keys().len() <= kept);
    }
}
