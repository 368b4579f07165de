#![expect(clippy::indexing_slicing, reason = "a test that cannot go on fails")]

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::VariableLevel::{Organization, Tenant, User};
use super::*;
use crate::model::exact_json;

fn all(_: &str) -> bool {
    true
}

/// A second implementation: trees of values, merged in pairs.
fn merge(above: &mut Map<String, Value>, below: &Map<String, Value>) {
    for (key, value) in below {
        match (above.get_mut(key), value) {
            (Some(Value::Object(here)), Value::Object(more)) => merge(here, more),
            (Some(here), value) => *here = value.clone(),
            (None, value) => {
                above.insert(key.clone(), value.clone());
            }
        }
    }
}

fn object(value: &Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap_or_default()
}

fn merged_in_pairs(levels: &[Value]) -> Value {
    let mut whole = Map::new();
    for level in levels {
        merge(&mut whole, &object(level));
    }
    Value::Object(whole)
}

fn merged_text(levels: &[Value]) -> String {
    let texts: Vec<String> = levels.iter().map(Value::to_string).collect();
    merged(texts.iter().map(String::as_str), all).unwrap()
}

fn sources_of(levels: &[(VariableLevel, Value)]) -> Vec<VariableSource> {
    let texts: Vec<(VariableLevel, String)> = levels.iter().map(|(of, value)| (*of, value.to_string())).collect();
    sources(texts.iter().map(|(level, text)| (*level, text.as_str())), all).unwrap()
}

/// Whether a value of the middle one separates objects of the others, which then depend on the order of merging.
fn separates(above: &Map<String, Value>, middle: &Map<String, Value>, below: &Map<String, Value>) -> bool {
    above
        .iter()
        .any(|(key, value)| match (value, middle.get(key), below.get(key)) {
            (Value::Object(a), Some(Value::Object(b)), Some(Value::Object(c))) => separates(a, b, c),
            (Value::Object(_), Some(_), Some(Value::Object(_))) => true,
            _ => false,
        })
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Object(members) => 1 + members.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

/// The paths of the values that are no objects, and of empty objects, in their order.
fn leaves(value: &Value, path: &str, found: &mut Vec<String>) {
    match value.as_object().filter(|members| !members.is_empty()) {
        Some(members) => {
            for (key, value) in members {
                let key = key.replace('~', "~0").replace('/', "~1");
                leaves(value, &format!("{path}/{key}"), found);
            }
        }
        None => found.push(path.to_owned()),
    }
}

/// Whether a level has a value that is replaced, at a path or at one that contains it, by the levels below it down to the
/// one that the path's value is from.
fn is_overridden(level: &Value, between: &[Value], path: &str) -> bool {
    let ends = path.match_indices('/').map(|(at, _)| at).skip(1).chain([path.len()]);
    ends.map(|end| &path[..end]).any(|prefix| match level.pointer(prefix) {
        None => false,
        Some(value) => {
            let splits = |other: &Value| other.pointer(prefix).is_some_and(|value| !value.is_object());
            prefix == path || !value.is_object() || between.iter().any(splits)
        }
    })
}

fn values() -> impl Strategy<Value = Value> {
    let numbers = prop::sample::select(vec!["0", "-0", "1.50", "1e400", "-1E-7", "12345678901234567890123"]);
    let plain = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        numbers.prop_map(|number| exact_json(number).unwrap()),
        prop::sample::select(vec!["", "x", "{\"a\":1}", "é\n\"\\"]).prop_map(Value::from),
        Just(json!([1, {"a": 2}])),
        Just(json!({})),
    ];
    plain.prop_recursive(4, 24, 4, |inner| objects_of(inner).prop_map(Value::Object))
}

fn objects_of(inner: impl Strategy<Value = Value>) -> impl Strategy<Value = Map<String, Value>> {
    let keys = prop::sample::select(vec![
        "a",
        "b",
        "c",
        "a/b",
        "~",
        "",
        "0",
        "é\"",
        "$serde_json::private::RawValue",
    ]);
    prop::collection::vec((keys.prop_map(str::to_owned), inner), 0..5).prop_map(Map::from_iter)
}

fn levels() -> impl Strategy<Value = Vec<Value>> {
    prop::collection::vec(objects_of(values()).prop_map(Value::Object), 0..4)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    /// Compared as text: the order of keys and every digit count.
    #[test]
    fn texts_are_merged_like_trees(levels in levels()) {
        let text = merged_text(&levels);
        prop_assert_eq!(&text, &merged_in_pairs(&levels).to_string());
        prop_assert!(text.len() <= levels.iter().map(|level| level.to_string().len()).sum::<usize>().max(2));
        let deepest = levels.iter().map(depth).max().unwrap_or_default().max(1);
        prop_assert!(depth(&exact_json(&text).unwrap()) <= deepest);
    }

    /// From the top always; from the bottom, if nothing separates what is above it from what is below it.
    #[test]
    fn merging_is_associative_where_nothing_separates(a in objects_of(values()), b in objects_of(values()), c in objects_of(values())) {
        let [a, b, c] = [a, b, c].map(Value::Object);
        let whole = merged_text(&[a.clone(), b.clone(), c.clone()]);
        let first = exact_json(&merged_text(&[a.clone(), b.clone()])).unwrap();
        prop_assert_eq!(&whole, &merged_text(&[first, c.clone()]));
        if !separates(&object(&a), &object(&b), &object(&c)) {
            let last = exact_json(&merged_text(&[b, c])).unwrap();
            prop_assert_eq!(&whole, &merged_text(&[a, last]));
        }
    }

    /// Choosing keys before merging and after it is the same.
    #[test]
    fn keys_are_chosen_at_the_top(levels in levels()) {
        let chosen = |key: &str| ["a", "~", "0"].contains(&key);
        let texts: Vec<String> = levels.iter().map(Value::to_string).collect();
        let narrowed = merged(texts.iter().map(String::as_str), chosen).unwrap();
        let mut whole = object(&merged_in_pairs(&levels));
        whole.retain(|key, _| chosen(key));
        prop_assert_eq!(narrowed, Value::Object(whole).to_string());
    }

    #[test]
    fn each_value_has_its_source(levels in levels()) {
        let known = [Organization, Tenant, User];
        let named: Vec<(VariableLevel, Value)> = known.into_iter().zip(levels.iter().cloned()).collect();
        let whole = merged_in_pairs(&levels);
        let mut paths = Vec::new();
        leaves(&whole, "", &mut paths);
        paths.retain(|path| !path.is_empty());
        let found = sources_of(&named);
        prop_assert_eq!(found.iter().map(|source| &source.path).collect::<Vec<_>>(), paths.iter().collect::<Vec<_>>());
        for source in found {
            let from = known.iter().position(|level| *level == source.from).unwrap();
            prop_assert_eq!(levels[from].pointer(&source.path), whole.pointer(&source.path), "{}", &source.path);
            let expected: Vec<VariableLevel> = (0..from)
                .filter(|above| is_overridden(&levels[*above], &levels[above + 1..=from], &source.path))
                .map(|above| known[above])
                .collect();
            prop_assert_eq!(source.overrides, expected, "{}", &source.path);
        }
    }
}

#[test]
fn null_covers_and_is_kept() {
    let levels = [
        json!({"a": {"x": 1, "y": 2}, "b": {"z": 1}, "c": 1}),
        json!({"a": null, "b": {"z": null}, "d": [1, 2]}),
        json!({"a": {"w": 3}, "c": null, "d": []}),
    ];
    assert_eq!(merged_text(&levels), r#"{"a":{"w":3},"b":{"z":null},"c":null,"d":[]}"#);
    // From the bottom, the first level would show through what the second one covers.
    let last = exact_json(&merged_text(&levels[1..])).unwrap();
    assert_eq!(
        merged_text(&[levels[0].clone(), last]),
        r#"{"a":{"x":1,"y":2,"w":3},"b":{"z":null},"c":null,"d":[]}"#
    );
    let found = sources_of(&[
        (Organization, levels[0].clone()),
        (Tenant, levels[1].clone()),
        (User, levels[2].clone()),
    ]);
    let shown: Vec<(&str, VariableLevel, &[VariableLevel])> = found
        .iter()
        .map(|source| (source.path.as_str(), source.from, source.overrides.as_slice()))
        .collect();
    assert_eq!(
        shown,
        [
            ("/a/w", User, &[Organization, Tenant][..]),
            ("/b/z", Tenant, &[Organization]),
            ("/c", User, &[Organization]),
            ("/d", User, &[Tenant]),
        ]
    );
}

#[test]
fn the_deepest_and_the_longest_variables_are_merged() {
    let nested = |end: &str| format!("{}{end}{}", "{\"k\":".repeat(31), "}".repeat(31));
    let [above, below] = [nested("{\"a\":1}"), nested("{\"b\":2}")];
    let text = merged([above.as_str(), below.as_str()], all).unwrap();
    assert_eq!(text, nested("{\"a\":1,\"b\":2}"));
    let long = |key: &str| format!("{{\"{key}\":\"{}\"}}", "x".repeat(64 * 1024 - 8));
    let three = ["a", "b", "c"].map(long);
    let text = merged(three.iter().map(String::as_str), all).unwrap();
    assert!(text.len() > 191 * 1024 && text.len() <= 192 * 1024, "{}", text.len());
}

#[test]
fn sources_are_limited_in_number_and_in_bytes() {
    let many = |count: usize| {
        let members: Map<String, Value> = (0..count).map(|n| (format!("k{n}"), json!(n))).collect();
        Value::Object(members).to_string()
    };
    let count = |text: &str| sources([(User, text)], all).map(|found| found.len());
    assert_eq!(count(&many(1_000)).unwrap(), 1_000);
    assert!(matches!(count(&many(1_001)), Err(Error::LimitExceeded(_))));
    assert_eq!(
        sources([(User, many(1_001).as_str())], |key| key != "k7")
            .unwrap()
            .len(),
        1_000
    );
    // Few values, below a long key.
    let below = |bytes: usize| format!("{{\"{}\":{}}}", "x".repeat(bytes), many(100));
    assert_eq!(count(&below(1_900)).unwrap(), 100);
    assert!(matches!(count(&below(2_000)), Err(Error::LimitExceeded(_))));
}

#[test]
fn nothing_is_an_empty_object() {
    assert_eq!(merged([], all).unwrap(), "{}");
    assert_eq!(merged(["{}", "{}"], all).unwrap(), "{}");
    assert!(sources([(Organization, "{}"), (User, "{}")], all).unwrap().is_empty());
    let found = sources([(Organization, "{\"a\":{}}"), (User, "{\"a\":{}}")], all).unwrap();
    assert_eq!(
        found,
        [VariableSource {
            path: "/a".to_owned(),
            from: User,
            overrides: vec![Organization],
        }]
    );
}
