//! Section 12.4: random operations against a model in plain Rust that knows nothing of the directory. Refused ones leave the
//! row, the version and the trail untouched.

use std::collections::BTreeSet;

use axum::http::Method;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::{Map, Value, json};

use super::{
    ENTERPRISE, GROUPS, USERS, answered, at, found, get, group_of, id_of, patch_of, post, put, refused, user_of, world,
};
use crate::on_both;
use crate::support::{App, Caller};

const PEOPLE: usize = 8;
const REQUESTS: usize = 120;

/// What the model knows of a user.
#[derive(Clone, Debug, Default, PartialEq)]
struct Person {
    active: bool,
    /// By path, without the extension's URN.
    texts: Map<String, Value>,
    phones: Vec<Phone>,
}

#[derive(Clone, Debug, Default, PartialEq)]
struct Phone {
    value: Option<String>,
    kind: Option<String>,
    primary: Option<bool>,
}

const TEXTS: [&str; 6] = [
    "title",
    "nickName",
    "name.givenName",
    "name.middleName",
    "department",
    "manager.value",
];

/// One operation, as it means something.
#[derive(Clone, Debug)]
enum Step {
    /// Sets a text; an empty one unassigns it.
    Text {
        path: &'static str,
        value: &'static str,
        bare: bool,
    },
    Unassign(&'static str),
    Active(Value, bool),
    Add(Vec<Phone>),
    Replace(Vec<Phone>),
    RemoveAll,
    RemoveValues(Vec<&'static str>),
    /// The value of those of this type.
    ValueOf {
        kind: &'static str,
        value: &'static str,
    },
    RemoveOf {
        kind: &'static str,
    },
    /// Refused, with this word.
    Wrong(Value, &'static str),
}

fn values() -> impl Strategy<Value = &'static str> {
    select(vec!["a", "b", "é", "+49 1"])
}

fn kinds() -> impl Strategy<Value = &'static str> {
    select(vec!["work", "home"])
}

fn phones() -> impl Strategy<Value = Vec<Phone>> {
    let phone = (values(), prop::option::of(kinds()), prop::option::of(any::<bool>()));
    let phone = phone.prop_map(|(value, kind, primary)| Phone {
        value: Some(value.to_owned()),
        kind: kind.map(str::to_owned),
        primary,
    });
    prop::collection::vec(phone, 0..3)
}

fn steps() -> impl Strategy<Value = Step> {
    let flags = select(vec![
        (json!(true), true),
        (json!(false), false),
        (json!("True"), true),
        (json!("fALSE"), false),
    ]);
    let wrong = select(vec![
        (json!({"op": "remove", "path": "userName"}), "mutability"),
        (json!({"op": "remove", "path": "active"}), "mutability"),
        (json!({"op": "replace", "path": "roles", "value": []}), "mutability"),
        (
            json!({"op": "add", "path": "groups", "value": [{"value": "x"}]}),
            "mutability",
        ),
        (
            json!({"op": "replace", "path": "shoeSize", "value": "44"}),
            "invalidPath",
        ),
        (
            json!({"op": "replace", "path": "phoneNumbers[", "value": "44"}),
            "invalidPath",
        ),
        (
            json!({"op": "replace", "path": "phoneNumbers[type ne \"work\" and value eq \"none\"].value", "value": "44"}),
            "noTarget",
        ),
        (json!({"op": "replace", "path": "title"}), "invalidValue"),
        (
            json!({"op": "replace", "path": "title", "value": ["a", "b"]}),
            "invalidValue",
        ),
        (
            json!({"op": "replace", "path": "active", "value": "maybe"}),
            "invalidValue",
        ),
        (json!({"op": "remove"}), "noTarget"),
        (json!({"op": "move", "path": "title", "value": "x"}), "invalidSyntax"),
    ]);
    prop_oneof![
        6 => (select(TEXTS.to_vec()), prop_oneof![4 => values(), 1 => Just("")], any::<bool>()).prop_map(|(path, value, bare)| Step::Text { path, value, bare }),
        2 => select(TEXTS.to_vec()).prop_map(Step::Unassign),
        2 => flags.prop_map(|(sent, means)| Step::Active(sent, means)),
        4 => phones().prop_map(Step::Add),
        2 => phones().prop_map(Step::Replace),
        1 => Just(Step::RemoveAll),
        2 => prop::collection::vec(values(), 1..3).prop_map(Step::RemoveValues),
        3 => (kinds(), values()).prop_map(|(kind, value)| Step::ValueOf { kind, value }),
        2 => kinds().prop_map(|kind| Step::RemoveOf { kind }),
        1 => wrong.prop_map(|(operation, word)| Step::Wrong(operation, word)),
    ]
}

impl Phone {
    fn sent(&self) -> Value {
        let mut sent = json!({});
        for (name, part) in [
            ("value", json!(self.value)),
            ("type", json!(self.kind)),
            ("primary", json!(self.primary)),
        ] {
            if !part.is_null() {
                sent[name] = part;
            }
        }
        sent
    }
}

/// A path as clients write it.
fn path_of(path: &str, number: usize) -> String {
    let whole = match path {
        "department" => format!("{ENTERPRISE}:department"),
        "manager.value" => format!("{ENTERPRISE}:manager"),
        path => path.to_owned(),
    };
    match number % 3 {
        0 => whole,
        1 => whole.to_uppercase(),
        _ => whole.to_lowercase(),
    }
}

impl Step {
    /// As one of the forms that clients send; which one depends on the number.
    fn sent(&self, number: usize) -> Value {
        let op = |names: [&str; 3]| names[number % 3].to_owned();
        let set = match number % 2 {
            0 => op(["add", "Add", "ADD"]),
            _ => op(["replace", "Replace", "REPLACE"]),
        };
        let remove = op(["remove", "Remove", "rEMOVE"]);
        let list = |phones: &[Phone]| Value::from(phones.iter().map(Phone::sent).collect::<Vec<_>>());
        match self {
            Self::Text {
                path,
                value,
                bare: true,
            } => json!({"op": set, "value": {path_of(path, number): value}}),
            Self::Text {
                path,
                value,
                bare: false,
            } => json!({"op": set, "path": path_of(path, number), "value": value}),
            Self::Unassign(path) => json!({"op": remove, "path": path_of(path, number)}),
            Self::Active(value, _) => json!({"op": set, "path": "active", "value": value}),
            Self::Add(phones) => {
                json!({"op": op(["add", "Add", "ADD"]), "path": "phoneNumbers", "value": list(phones)})
            }
            Self::Replace(phones) => {
                json!({"op": op(["replace", "Replace", "REPLACE"]), "path": "phonenumbers", "value": list(phones)})
            }
            Self::RemoveAll => json!({"op": remove, "path": "phoneNumbers"}),
            Self::RemoveValues(values) => {
                json!({"op": remove, "path": "phoneNumbers", "value": values.iter().map(|value| json!({ "value": value })).collect::<Vec<_>>()})
            }
            Self::ValueOf { kind, value } => {
                json!({"op": set, "path": format!("phoneNumbers[type eq \"{kind}\"].value"), "value": value})
            }
            Self::RemoveOf { kind } => json!({"op": remove, "path": format!("phoneNumbers[Type EQ \"{kind}\"]")}),
            Self::Wrong(operation, _) => operation.clone(),
        }
    }

    /// What it does; the word of its refusal, if it is refused.
    fn apply(&self, person: &mut Person) -> Result<(), &'static str> {
        match self {
            Self::Text { path, value: "", .. } | Self::Unassign(path) => {
                person.texts.remove(*path);
            }
            Self::Text { path, value, .. } => {
                person.texts.insert((*path).to_owned(), json!(value));
            }
            Self::Active(_, means) => person.active = *means,
            Self::Add(phones) => {
                for phone in one_primary(phones) {
                    if person.phones.contains(&phone) {
                        continue;
                    }
                    if phone.primary == Some(true) {
                        person.no_primary();
                    }
                    person.phones.push(phone);
                }
            }
            Self::Replace(phones) => person.phones = one_primary(phones),
            Self::RemoveAll => person.phones.clear(),
            Self::RemoveValues(values) => person
                .phones
                .retain(|phone| !values.iter().any(|value| phone.value.as_deref() == Some(*value))),
            Self::ValueOf { kind, value } => {
                let mut any = false;
                for phone in person
                    .phones
                    .iter_mut()
                    .filter(|phone| phone.kind.as_deref() == Some(*kind))
                {
                    phone.value = Some((*value).to_owned());
                    any = true;
                }
                if !any {
                    person.phones.push(Phone {
                        value: Some((*value).to_owned()),
                        kind: Some((*kind).to_owned()),
                        primary: None,
                    });
                }
            }
            Self::RemoveOf { kind } => person.phones.retain(|phone| phone.kind.as_deref() != Some(*kind)),
            Self::Wrong(_, word) => return Err(word),
        }
        Ok(())
    }
}

/// Of several that are sent as the primary one, the first is.
fn one_primary(phones: &[Phone]) -> Vec<Phone> {
    let mut any = false;
    let mut left = phones.to_vec();
    for phone in left.iter_mut().filter(|phone| phone.primary == Some(true)) {
        if std::mem::replace(&mut any, true) {
            phone.primary = Some(false);
        }
    }
    left
}

impl Person {
    fn no_primary(&mut self) {
        for phone in self.phones.iter_mut().filter(|phone| phone.primary == Some(true)) {
            phone.primary = Some(false);
        }
    }

    /// What of a resource the model knows.
    fn of(resource: &Value) -> Self {
        let mut texts = Map::new();
        for path in TEXTS {
            let pointer = format!("/{}", path.replace('.', "/"));
            let whole = resource
                .pointer(&pointer)
                .or_else(|| resource[ENTERPRISE].pointer(&pointer));
            texts.extend(whole.map(|value| (path.to_owned(), value.clone())));
        }
        let phones = resource["phoneNumbers"].as_array().into_iter().flatten();
        let phones = phones.map(|phone| Phone {
            value: phone["value"].as_str().map(str::to_owned),
            kind: phone["type"].as_str().map(str::to_owned),
            primary: phone["primary"].as_bool(),
        });
        Self {
            active: resource["active"] == true,
            texts,
            phones: phones.collect(),
        }
    }

    fn sorted(mut self) -> Self {
        self.texts.sort_keys();
        self
    }
}

/// The events about anything.
async fn events(app: &App) -> i64 {
    app.number("SELECT COUNT(*) FROM audit_events").await
}

async fn one_request(
    app: &App,
    ada: &Caller<'_>,
    number: usize,
    (path, person): (&str, &mut Person),
    steps: &[Step],
) -> bool {
    let operations: Vec<Value> = steps
        .iter()
        .enumerate()
        .map(|(place, step)| step.sent(number + place))
        .collect();
    let mut after = person.clone();
    let before = get(ada, path).await;
    let told = events(app).await;
    if let Some(word) = steps.iter().find_map(|step| step.apply(&mut after).err()) {
        // Those that cannot be read are refused before those that cannot be done.
        let words: Vec<&str> = steps
            .iter()
            .filter_map(|step| step.apply(&mut after.clone()).err())
            .collect();
        let body = patch_of(json!(operations));
        let reply = super::ask(ada, Method::PATCH, path, &[], Some(&body)).await.json();
        let said = reply["scimType"].as_str().unwrap_or_default().to_owned();
        assert!(words.contains(&&*said), "{operations:?}: {said}, not {word}");
        refused(ada, (400, &said), Method::PATCH, path, Some(&body)).await;
        assert_eq!(
            (get(ada, path).await, events(app).await),
            (before, told),
            "{operations:?}"
        );
        return false;
    }
    let answer = answered(ada, 200, Method::PATCH, path, Some(&patch_of(json!(operations)))).await;
    let shown = get(ada, path).await;
    assert_eq!(answer, shown, "{operations:?}");
    assert_eq!(
        Person::of(&shown).sorted(),
        after.clone().sorted(),
        "{operations:?} on {before}"
    );
    let changed = after.clone().sorted() != person.clone().sorted();
    assert_eq!(
        before["meta"]["version"] != shown["meta"]["version"],
        changed,
        "{operations:?} on {before}"
    );
    assert_eq!(
        events(app).await - told,
        i64::from(changed),
        "{operations:?} on {before}"
    );
    *person = after;
    true
}

/// What happens to the members of a group.
#[derive(Clone, Debug)]
enum Move {
    Add(Vec<usize>),
    Remove(Vec<usize>),
    RemoveByPath(Vec<usize>),
    Replace(Vec<usize>),
    Empty,
    Put(Option<Vec<usize>>),
}

fn moves() -> impl Strategy<Value = Move> {
    let some = || prop::collection::vec(0..PEOPLE, 0..4);
    prop_oneof![
        4 => some().prop_map(Move::Add),
        3 => some().prop_map(Move::Remove),
        3 => prop::collection::vec(0..PEOPLE, 1..3).prop_map(Move::RemoveByPath),
        2 => some().prop_map(Move::Replace),
        1 => Just(Move::Empty),
        1 => prop::option::of(some()).prop_map(Move::Put),
    ]
}

fn listed(people: &[usize]) -> Value {
    people.iter().map(|n| json!({"value": format!("p{n}")})).collect()
}

impl Move {
    fn sent(&self) -> Value {
        match self {
            Self::Add(people) => json!({"op": "Add", "path": "members", "value": listed(people)}),
            Self::Remove(people) => json!({"op": "Remove", "path": "Members", "value": listed(people)}),
            Self::RemoveByPath(people) => {
                let such: Vec<String> = people.iter().map(|n| format!("value eq \"p{n}\"")).collect();
                json!({"op": "remove", "path": format!("members[{}]", such.join(" or "))})
            }
            Self::Replace(people) => json!({"op": "replace", "value": {"members": listed(people)}}),
            Self::Empty => json!({"op": "remove", "path": "members"}),
            Self::Put(_) => Value::Null,
        }
    }

    fn apply(&self, members: &mut BTreeSet<usize>) {
        match self {
            Self::Add(people) => members.extend(people),
            Self::Remove(people) if people.is_empty() => {}
            Self::Remove(people) | Self::RemoveByPath(people) => members.retain(|n| !people.contains(n)),
            Self::Replace(people) | Self::Put(Some(people)) => *members = people.iter().copied().collect(),
            Self::Empty => members.clear(),
            Self::Put(None) => {}
        }
    }
}

on_both! {
    async fn a_user_is_what_the_operations_make_of_it(app: App) {
        let (ada, _) = world(&app).await;
        let mut runner = TestRunner::new_with_rng(Config::default(), TestRng::deterministic_rng(RngAlgorithm::ChaCha));
        let mut people = Vec::new();
        for n in 0..PEOPLE {
            let made = post(&ada, USERS, user_of(json!({"userName": format!("p{n}")}))).await;
            people.push((at(USERS, id_of(&made)), Person { active: true, ..Person::default() }));
        }
        let (requests, mut done) = (prop::collection::vec(steps(), 0..5), 0);
        for number in 0..REQUESTS {
            let steps = requests.new_tree(&mut runner).unwrap().current();
            let (path, person) = &mut people[number % PEOPLE];
            done += usize::from(one_request(&app, &ada, number, (path, person), &steps).await);
        }
        assert!(done > REQUESTS / 2 && done < REQUESTS, "{done}");
    }

    async fn a_group_has_the_members_that_the_operations_give_it(app: App) {
        let (ada, _) = world(&app).await;
        let mut runner = TestRunner::new_with_rng(Config::default(), TestRng::deterministic_rng(RngAlgorithm::ChaCha));
        for n in 0..PEOPLE {
            app.user("acme", &format!("p{n}"), None).await;
        }
        let path = at(GROUPS, id_of(&post(&ada, GROUPS, group_of(json!({"displayName": "G"}))).await));
        let mut members = BTreeSet::new();
        let requests = prop::collection::vec(moves(), 1..4);
        for _ in 0..REQUESTS {
            let moves = requests.new_tree(&mut runner).unwrap().current();
            let before = members.clone();
            let told = events(&app).await;
            // A PUT is a request of its own.
            let all_of_it: Vec<Move> = match moves.iter().find(|one| matches!(one, Move::Put(_))) {
                Some(whole) => vec![whole.clone()],
                None => moves,
            };
            for one in &all_of_it {
                one.apply(&mut members);
            }
            match &all_of_it[0] {
                Move::Put(people) => {
                    let mut body = group_of(json!({"displayName": "G"}));
                    if let Some(people) = people {
                        body["members"] = listed(people);
                    }
                    put(&ada, &path, body).await;
                }
                _ => {
                    let operations: Vec<Value> = all_of_it.iter().map(Move::sent).collect();
                    answered(&ada, 204, Method::PATCH, &path, Some(&patch_of(json!(operations)))).await;
                }
            }
            let shown = get(&ada, &path).await;
            let shown: BTreeSet<usize> = shown["members"].as_array().unwrap().iter().map(|member| member["value"].as_str().unwrap()[1..].parse().unwrap()).collect();
            assert_eq!(shown, members, "{all_of_it:?} on {before:?}");
            // Two events for each who came or left.
            let moved = i64::try_from(members.symmetric_difference(&before).count()).unwrap();
            assert_eq!(events(&app).await - told, 2 * moved, "{all_of_it:?} on {before:?}");
        }
        assert_eq!(found(&ada, USERS, &format!("groups eq \"{}\"", path.rsplit('/').next().unwrap())).await.len(), members.len());
    }
}
