//! Conditions on stored JSON find what the same conditions find in plain Rust, on both databases.

use sea_orm::{ConnectionTrait, Statement};
use serde_json::{Map, Value};
use strum::VariantArray;
use tenantry::directory::user::{Term, User, UserFields};
use tenantry::list::{Comparison, ElementFilter, Filter, JsonTerm, Order, TextTest, Window};

use crate::on_both;
use crate::support::App;

/// A small generator: the same at every run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % end
    }

    fn of(&mut self, these: &[&str]) -> String {
        these[self.below(these.len())].to_owned()
    }

    fn chance(&mut self, in_ten: usize) -> bool {
        self.below(10) < in_ten
    }
}

const KEYS: [&str; 5] = ["a", "b", "list", "urn:x:2.0:User", "ключ"];
const TEXTS: [&str; 12] = [
    "",
    "a",
    "A",
    "ab",
    "b",
    "%",
    "a_b",
    "\u{E9}",
    "\u{FFFD}",
    "\u{10000}b",
    "[]",
    "\"q\\",
];

fn value(numbers: &mut Numbers, depth: usize) -> Value {
    match numbers.below(if depth == 0 { 6 } else { 10 }) {
        0 => Value::Bool(true),
        1 => Value::Bool(false),
        2 => Value::Null,
        3..=5 => Value::String(numbers.of(&TEXTS)),
        6 | 7 => object(numbers, depth - 1),
        _ => (0..numbers.below(4)).map(|_| value(numbers, depth - 1)).collect(),
    }
}

fn object(numbers: &mut Numbers, depth: usize) -> Value {
    let mut members = Map::new();
    for key in KEYS {
        if numbers.chance(5) {
            let content = match key == "list" {
                true => (0..numbers.below(4))
                    .map(|_| {
                        if numbers.chance(7) {
                            object(numbers, 0)
                        } else {
                            value(numbers, 0)
                        }
                    })
                    .collect(),
                false => value(numbers, depth),
            };
            members.insert(key.to_owned(), content);
        }
    }
    Value::Object(members)
}

fn text(numbers: &mut Numbers) -> TextTest {
    match numbers.below(6) {
        0 => TextTest::Equals(numbers.of(&TEXTS)),
        1 => TextTest::StartsWith(numbers.of(&TEXTS)),
        2 => TextTest::EndsWith(numbers.of(&TEXTS)),
        3 => TextTest::Contains(numbers.of(&TEXTS)),
        4 => TextTest::In(vec![numbers.of(&TEXTS), numbers.of(&TEXTS)]),
        _ => TextTest::Compare(Comparison::VARIANTS[numbers.below(5)], numbers.of(&TEXTS)),
    }
}

fn path(numbers: &mut Numbers) -> Vec<String> {
    (0..=numbers.below(2))
        .map(|_| numbers.of(&["a", "b", "list", "urn:x:2.0:User", "ключ", "none", "q\"", "\0"]))
        .collect()
}

fn element(numbers: &mut Numbers, depth: usize) -> ElementFilter {
    let key = (!numbers.chance(2)).then(|| numbers.of(&["a", "b", "list", "ключ", "none"]));
    match numbers.below(if depth == 0 { 4 } else { 7 }) {
        0 | 1 => ElementFilter::Text {
            key,
            test: text(numbers),
        },
        2 => ElementFilter::Flag {
            key,
            is: numbers.chance(5),
        },
        3 => ElementFilter::Present { key },
        4 => ElementFilter::All((0..numbers.below(3)).map(|_| element(numbers, depth - 1)).collect()),
        5 => ElementFilter::Any((0..numbers.below(3)).map(|_| element(numbers, depth - 1)).collect()),
        _ => ElementFilter::Not(Box::new(element(numbers, depth - 1))),
    }
}

fn term(numbers: &mut Numbers) -> JsonTerm {
    let path = path(numbers);
    match numbers.below(5) {
        0 => JsonTerm::Text {
            path,
            test: text(numbers),
        },
        1 => JsonTerm::Flag {
            path,
            is: numbers.chance(5),
        },
        2 => JsonTerm::Present { path },
        _ => JsonTerm::Any {
            path: vec!["list".to_owned()],
            such: element(numbers, 2),
        },
    }
}

fn at<'a>(document: Option<&'a Value>, path: &[String]) -> Option<&'a Value> {
    path.iter()
        .try_fold(document?, |value, key| value.as_object()?.get(key))
}

fn holds(test: &TextTest, value: Option<&Value>) -> bool {
    let Some(text) = value.and_then(Value::as_str) else {
        return false;
    };
    match test {
        TextTest::Equals(other) => text == other,
        TextTest::In(others) => others.iter().any(|other| other == text),
        TextTest::StartsWith(start) => text.starts_with(start.as_str()),
        TextTest::EndsWith(end) => text.ends_with(end.as_str()),
        TextTest::Contains(part) => text.contains(part.as_str()),
        TextTest::Compare(how, other) => how.holds(text, other.as_str()),
        TextTest::Any(tests) => tests.iter().any(|test| holds(test, value)),
    }
}

fn is_there(value: Option<&Value>) -> bool {
    value.is_some_and(|value| match value {
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(list) => !list.is_empty(),
        Value::Object(members) => !members.is_empty(),
        Value::Bool(_) | Value::Number(_) => true,
    })
}

fn element_holds(filter: &ElementFilter, element: &Value) -> bool {
    let of = |key: &Option<String>| match key {
        Some(key) => element.as_object().and_then(|members| members.get(key)),
        None => Some(element),
    };
    match filter {
        ElementFilter::All(parts) => parts.iter().all(|part| element_holds(part, element)),
        ElementFilter::Any(parts) => parts.iter().any(|part| element_holds(part, element)),
        ElementFilter::Not(part) => !element_holds(part, element),
        ElementFilter::Text { key, test } => holds(test, of(key)),
        ElementFilter::Flag { key, is } => of(key).and_then(Value::as_bool) == Some(*is),
        ElementFilter::Present { key } => is_there(of(key)),
    }
}

fn term_holds(term: &JsonTerm, document: Option<&Value>) -> bool {
    match term {
        JsonTerm::Text { path, test } => holds(test, at(document, path)),
        JsonTerm::Flag { path, is } => at(document, path).and_then(Value::as_bool) == Some(*is),
        JsonTerm::Present { path } => is_there(at(document, path)),
        JsonTerm::Any { path, such } => {
            let list = at(document, path).and_then(Value::as_array);
            list.is_some_and(|list| list.iter().any(|element| element_holds(such, element)))
        }
    }
}

on_both! {
    async fn conditions_on_json_are_those_of_plain_rust(app: App) {
        app.organization("acme", &[]).await;
        app.crowd("acme", 60).await;
        let op = app.machine();
        let mut numbers = Numbers(20);
        let mut documents: Vec<Option<Value>> = Vec::new();
        let change = app.services.db.begin().await.unwrap();
        for number in 1..=60_u32 {
            let document = numbers.chance(9).then(|| object(&mut numbers, 2));
            let values = [document.as_ref().map(Value::to_string).into(), format!("crowd-{number}").into()];
            let update = "UPDATE users SET profile = $1 WHERE id = $2";
            change.execute_raw(Statement::from_sql_and_values(change.get_database_backend(), update, values)).await.unwrap();
            documents.push(document);
        }
        change.commit().await.unwrap();
        let everybody = || Filter::Is(Term::Id(TextTest::StartsWith("crowd-".to_owned())));
        let (mut some, mut none) = (0, 0);
        for case in 0..600 {
            let terms: Vec<JsonTerm> = (0..=numbers.below(2)).map(|_| term(&mut numbers)).collect();
            for opposite in [false, true] {
                let is = Filter::Any(terms.iter().map(|term| Filter::Is(Term::Profile(term.clone()))).collect());
                let is = if opposite { Filter::Not(Box::new(is)) } else { is };
                let filter = Filter::All(vec![everybody(), is]);
                let page = tenantry::list::page::<User>(&op, &filter, Order::usual::<User>(), UserFields::empty(), Window::large(100, 0)).await;
                let found: Vec<String> = page.unwrap_or_else(|error| panic!("{terms:?}: {error:?}")).into_iter().map(|user| user.id.to_string()).collect();
                let expected: Vec<String> = (1_u32..).zip(&documents)
                    .filter(|(_, document)| terms.iter().any(|term| term_holds(term, document.as_ref())) != opposite)
                    .map(|(number, _)| format!("crowd-{number}"))
                    .collect();
                assert_eq!(found, expected, "case {case}: {terms:?}, opposite {opposite}");
                if found.is_empty() { none += 1 } else { some += 1 }
            }
        }
        assert!(some > 500 && none > 50, "{some} {none}");
    }
}
