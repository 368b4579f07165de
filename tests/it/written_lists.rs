//! A list that is written at once answers to the letter what the ordinary way answers.
//!
//! The ordinary way is taken as soon as a field is selected that is not in the row alone, here `organizationId` under a
//! key of its own; without that key its answer must be the other's text.

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use sea_orm::ConnectionTrait;
use serde_json::{Value, json};

use crate::on_both;
use crate::support::App;

/// The fields that are in a user's row alone.
const FIELDS: [&str; 14] = [
    "id",
    "email",
    "name",
    "firstname",
    "lastname",
    "activated",
    "variables",
    "emailVerified",
    "mustChangePassword",
    "lastSeenAt",
    "version",
    "createdAt",
    "updatedAt",
    "__typename",
];
const FRAGMENTS: usize = 3;
const SLOW: &str = "slow: organizationId";

on_both! {
    async fn written_at_once_it_is_the_same(app: App) {
        populate(&app).await;
        let admin = app.admin();
        let mut at_once = 0;
        for case in cases(&document(), 160) {
            let [fast, slow] = [false, true].map(|slow| case.text(slow));
            let sent = tenantry::store::db::SENT.scope(Default::default(), async {
                let reply = app.send(admin.request("/graphql", &json!({ "query": fast, "variables": case.variables }))).await;
                (reply.body, tenantry::store::db::SENT.with(|sent| sent.lock().unwrap().clone()))
            });
            let (written, statements) = sent.await;
            at_once += statements.iter().filter(|sent| sent.sql.contains("FROM \"users\"") && !sent.sql.contains("\"tenant_pk\"")).count();
            let mut ordinary = admin.send(&slow, case.variables.clone()).await;
            if let Some(lists) = ordinary["data"].as_object_mut() {
                for user in lists.values_mut().filter_map(Value::as_array_mut).flatten() {
                    user.as_object_mut().unwrap().shift_remove("slow");
                }
            }
            assert_eq!(written, ordinary.to_string(), "{fast} {}", case.variables);
        }
        assert!(at_once > 100, "only {at_once} lists were written at once");
    }

    async fn what_is_not_in_the_row_goes_the_ordinary_way(app: App) {
        populate(&app).await;
        let admin = app.admin();
        for (document, expected) in [
            ("{ users { id name } }", true),
            ("{ all: users { ...F } } fragment F on User { id ... on User { shown: name } }", true),
            ("{ a: users { id } b: users { name } }", true),
            ("{ ... on Query { users { id } } }", true),
            ("{ users { id tenant { id } } }", false),
            ("{ users { id permissions } }", false),
            // Two of one key are one.
            ("{ users { id } users { name } }", true),
            ("{ users { id } ...F } fragment F on Query { users { name } }", true),
            ("{ ...F ...F } fragment F on Query { users { name } }", true),
            ("{ users { id } users { tenant { id } } }", false),
        ] {
            let sent = tenantry::store::db::SENT.scope(Default::default(), async {
                let data = admin.ok(document, json!({})).await;
                (data, tenantry::store::db::SENT.with(|sent| sent.lock().unwrap().clone()))
            });
            let (data, statements) = sent.await;
            let written = statements.iter().any(|sent| sent.sql.contains("FROM \"users\"") && !sent.sql.contains("\"tenant_pk\""));
            assert_eq!(written, expected, "{document}\n{statements:?}");
            let lists = data.as_object().unwrap();
            assert!(lists.values().all(|list| list.as_array().unwrap().len() > 10), "{document}\n{data}");
        }
        let merged = admin.ok("{ users(first: 1) { id } users(first: 1) { name id } }", json!({})).await;
        assert_eq!(merged["users"][0].as_object().unwrap().len(), 2, "{merged}");
    }
}

/// Users with and without everything that a row can hold, and texts that JSON must escape.
async fn populate(app: &App) {
    app.organization("acme", &["berlin"]).await;
    let admin = app.admin();
    let names = [
        "Ada",
        "\"quoted\"",
        "back\\slash",
        "Zoë \u{1f600}",
        "\u{2028}line",
        "a/b <c> & 'd'",
        "\u{7f}",
    ];
    for n in 0..18_usize {
        app.services.clock.advance(std::time::Duration::from_micros(1_234_567));
        let name = |every: usize, shift: usize| (n % every == 0).then(|| names[(n + shift) % names.len()]);
        let data = json!({
            "id": format!("u{n:02} \"{n}\\"), "name": name(2, 0), "firstname": name(3, 1), "lastname": name(4, 2),
            "email": (n % 5 != 0).then(|| format!("u{n}@acme.example")), "organizationId": "acme",
            "tenantId": (n % 3 == 0).then_some("berlin"), "activated": n % 7 != 0,
            "variables": (n % 4 == 1).then(|| json!({"z": 1, "a": [null, "\"", {"b": "\u{e9}\u{1}"}], "n": 1e300})),
        });
        let document = "mutation($data: CreateUserData!) { createUser(data: $data) { id } }";
        // A name that may not be is not what this is about.
        if admin
            .send(document, json!({ "data": data }))
            .await
            .get("errors")
            .is_some()
        {
            let mut data = data.clone();
            for field in ["name", "firstname", "lastname"] {
                data[field] = json!("Bob");
            }
            admin.ok(document, json!({ "data": data })).await;
        }
    }
    let db = app.services.db.begin().await.unwrap();
    for change in [
        "UPDATE users SET email_verified_at = created_at WHERE email LIKE 'u1%'",
        "UPDATE users SET last_seen_at = created_at + 60000000 WHERE email LIKE 'u2%'",
        "UPDATE users SET password_temporary = TRUE WHERE email LIKE 'u3%'",
    ] {
        db.execute_unprepared(change).await.unwrap();
    }
    db.commit().await.unwrap();
}

/// Cases that are the same at every run.
fn cases<S: Strategy>(strategy: &S, count: usize) -> Vec<S::Value> {
    let mut runner = TestRunner::new_with_rng(Config::default(), TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    (0..count)
        .map(|_| strategy.new_tree(&mut runner).unwrap().current())
        .collect()
}

/// One selection; a directive is any of those that decide, by a literal or by a variable.
#[derive(Clone, Debug)]
enum Item {
    /// A field, under its own name or one of two others: the same key is always the same field.
    Field(usize, u8, Directive),
    Inline(bool, Directive, Vec<Item>),
    Spread(usize, Directive),
}

type Directive = &'static str;

#[derive(Clone, Debug)]
struct Document {
    lists: Vec<(String, Vec<Item>)>,
    fragments: Vec<Vec<Item>>,
    variables: Value,
}

fn directive() -> impl Strategy<Value = Directive> {
    prop_oneof![
        6 => Just(""),
        1 => Just(" @skip(if: true)"),
        1 => Just(" @skip(if: $no)"),
        1 => Just(" @include(if: $yes)"),
        1 => Just(" @include(if: $no)"),
        1 => Just(" @include(if: true) @skip(if: $yes)"),
    ]
}

fn items(with_spreads: bool) -> impl Strategy<Value = Vec<Item>> {
    let field = (0..FIELDS.len(), 0..4_u8, directive()).prop_map(|(field, alias, directive)| {
        // The library looks at no directive of `__typename`, and the server says what it makes of that elsewhere.
        let directive = if FIELDS[field] == "__typename" { "" } else { directive };
        Item::Field(field, alias, directive)
    });
    let leaf = if with_spreads {
        prop_oneof![
            5 => field,
            1 => (0..FRAGMENTS, directive()).prop_map(|(which, directive)| Item::Spread(which, directive)),
        ]
        .boxed()
    } else {
        field.boxed()
    };
    let item = leaf.prop_recursive(3, 16, 4, |inner| {
        (any::<bool>(), directive(), prop::collection::vec(inner, 1..4))
            .prop_map(|(typed, directive, items)| Item::Inline(typed, directive, items))
    });
    prop::collection::vec(item, 1..7)
}

fn document() -> impl Strategy<Value = Document> {
    let arguments = prop_oneof![
        4 => Just(""),
        1 => Just("(first: 5, skip: 3)"),
        1 => Just("(orderBy: NAME_DESC, first: 7)"),
        1 => Just("(where: {emailContains: \"1\", activated: true})"),
        1 => Just("(where: {organization: {id: \"acme\"}}, orderBy: EMAIL_ASC, skip: 2)"),
        1 => Just("(first: 0)"),
        1 => Just("(first: 101)"),
        1 => Just("(skip: -1)"),
        1 => Just("(where: {id: \"nobody\"})"),
    ];
    let list = (
        prop_oneof![Just("users"), Just("a: users"), Just("b: users")],
        arguments,
        items(true),
    );
    let lists = prop::collection::vec(list, 1..3);
    let fragments = prop::collection::vec(items(false), FRAGMENTS);
    (lists, fragments, any::<bool>()).prop_map(|(lists, fragments, swapped)| Document {
        lists: lists
            .into_iter()
            .enumerate()
            // Lists of one key must be asked for with the same arguments.
            .map(|(number, (key, arguments, items))| match number {
                0 => (format!("{key}{arguments}"), items),
                _ => (format!("last: users{arguments}"), items),
            })
            .collect(),
        fragments,
        variables: json!({ "yes": !swapped, "no": swapped }),
    })
}

impl Document {
    fn text(&self, slow: bool) -> String {
        let mut body = String::new();
        for (list, items) in &self.lists {
            // As long without it, so that whatever an error points to stands in the same place.
            let last = if slow { SLOW } else { "" };
            body.push_str(&format!(
                " {list} {{ {} {last:width$} }}",
                written(items),
                width = SLOW.len()
            ));
        }
        let mut fragments = String::new();
        for (number, items) in self.fragments.iter().enumerate() {
            fragments.push_str(&format!(" fragment F{number} on User {{ {} }}", written(items)));
        }
        // Every fragment and variable is used, as validation wants it, and changes nothing.
        let all: String = (0..FRAGMENTS).map(|number| format!(" ...F{number}")).collect();
        format!(
            "query($yes: Boolean!, $no: Boolean!) {{{body} none: users(where: {{id: \"nobody\"}}) {{ id @skip(if: $yes) email @include(if: $no){all} }} }}{fragments}"
        )
    }
}

fn written(items: &[Item]) -> String {
    let texts = items.iter().map(|item| match item {
        Item::Field(field, alias, directive) => match alias {
            0 | 1 => format!("{}{directive}", FIELDS[*field]),
            which => format!("alias{which}of{field}: {}{directive}", FIELDS[*field]),
        },
        Item::Inline(typed, directive, items) => {
            let condition = if *typed { " on User" } else { "" };
            format!("...{condition}{directive} {{ {} }}", written(items))
        }
        Item::Spread(which, directive) => format!("...F{which}{directive}"),
    });
    texts.collect::<Vec<_>>().join(" ")
}
