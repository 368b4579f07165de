//! Section 12.3: what a filter finds is what a plain evaluation over the resources finds, on both databases.

use std::collections::BTreeSet;
use std::time::Duration;

use axum::http::Method;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use sea_orm::ConnectionTrait;
use serde_json::{Value, json};
use tenantry::compat::scim::evaluate::matches;
use tenantry::compat::scim::filter;
use tenantry::compat::scim::names::Kind;

use super::{ENTERPRISE, GROUPS, USER, USERS, ask, asking, get, group_of, id_of, ids, post, user_of, world};
use crate::on_both;
use crate::support::App;
use crate::support::wait::{AT_LAST, until};

const PEOPLE: usize = 40;
const TEAMS: usize = 12;
/// How many random filters are asked for each kind.
const FILTERS: usize = 220;

/// Texts that databases compare in different ways: case, accents, wildcards, quotes, and what is beyond 16 bits.
const TEXTS: [&str; 18] = [
    "a",
    "A",
    "ab",
    "aB",
    "b",
    "á",
    "Á",
    "a\u{301}",
    "ß",
    "SS",
    "%",
    "a_b",
    "\\",
    "\"q\"",
    "\u{e000}",
    "\u{1d4b3}",
    "z a",
    "1",
];
const KINDS: [&str; 3] = ["work", "home", "Work"];

fn texts() -> impl Strategy<Value = &'static str> {
    select(TEXTS.to_vec())
}

fn entries(plain: &'static str) -> impl Strategy<Value = Value> {
    let entry = (
        texts(),
        prop::option::of(select(KINDS.to_vec())),
        prop::option::of(any::<bool>()),
    );
    let entry = entry.prop_map(move |(value, kind, primary)| {
        let mut entry = json!({ plain: value });
        if let Some(kind) = kind {
            entry["type"] = json!(kind);
        }
        if let Some(primary) = primary {
            entry["primary"] = json!(primary);
        }
        entry
    });
    prop::collection::vec(entry, 0..4).prop_map(Value::from)
}

fn people() -> impl Strategy<Value = Value> {
    let some = || prop::option::of(texts());
    let names = (some(), some(), some(), some());
    let lists = (entries("value"), entries("value"), entries("locality"));
    (names, lists, some(), some(), some(), any::<bool>()).prop_map(
        |(names, lists, external, department, manager, active)| {
            let (given, family, display, title) = names;
            let (emails, phones, addresses) = lists;
            json!({
                "externalId": external, "displayName": display, "title": title, "active": active,
                "name": {"givenName": given, "familyName": family, "formatted": title},
                "emails": emails, "phoneNumbers": phones, "addresses": addresses,
                ENTERPRISE: {"department": department, "manager": manager},
            })
        },
    )
}

/// Comparisons of one attribute. `@n` stands for the id of the n-th user or group.
fn tests(attributes: &'static [&'static str]) -> impl Strategy<Value = String> {
    let ops = select(vec!["eq", "EQ", "ne", "co", "sw", "ew", "gt", "ge", "lt", "Le"]);
    let values = prop_oneof![
        6 => texts().prop_map(|text| json!(text).to_string()),
        1 => (0..PEOPLE).prop_map(|n| format!("\"n{n}@acme.example\"")),
        1 => (0..PEOPLE).prop_map(|n| format!("\"{n}\"")),
        1 => (0..TEAMS).prop_map(|n| format!("\"@{n}\"")),
    ];
    prop_oneof![
        8 => (select(attributes.to_vec()), ops, values).prop_map(|(name, op, value)| format!("{name} {op} {value}")),
        2 => select(attributes.to_vec()).prop_map(|name| format!("{name} pr")),
        1 => select(attributes.to_vec()).prop_map(|name| format!("{name} eq null")),
    ]
}

fn joined(leaves: impl Strategy<Value = String> + 'static, depth: u32) -> BoxedStrategy<String> {
    leaves
        .prop_recursive(depth, 8, 3, |inner| {
            prop_oneof![
                (inner.clone(), select(vec![" and ", " or ", " AND "]), inner.clone())
                    .prop_map(|(one, and, two)| format!("({one}){and}({two})")),
                (inner.clone(), inner.clone(), inner.clone())
                    .prop_map(|(one, two, three)| format!("({one}) or ({two}) and ({three})")),
                inner.prop_map(|one| format!("not ({one})")),
            ]
        })
        .boxed()
}

fn entry(list: &'static str, parts: &'static [&'static str]) -> impl Strategy<Value = String> {
    let flags = select(vec!["primary eq true", "primary eq \"False\"", "not (primary pr)"]).prop_map(str::to_owned);
    let such = joined(prop_oneof![4 => tests(parts), 1 => flags], 2);
    such.prop_map(move |such| format!("{list}[{such}]"))
}

const OF_USERS: [&str; 20] = [
    "id",
    "userName",
    "externalId",
    "displayName",
    "name.givenName",
    "NAME.familyName",
    "name.formatted",
    "title",
    "nickName",
    "emails",
    "emails.value",
    "emails.type",
    "phoneNumbers.value",
    "phoneNumbers.type",
    "addresses.locality",
    "addresses.type",
    "groups",
    "urn:ietf:params:scim:schemas:core:2.0:User:userName",
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department",
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager",
];
const OF_GROUPS: [&str; 5] = ["id", "displayName", "externalId", "members", "members.value"];

/// `~n` stands for the moment at which the n-th was created.
fn times() -> impl Strategy<Value = String> {
    let ops = select(vec!["eq", "ne", "gt", "ge", "lt", "le"]);
    (select(vec!["meta.created", "meta.lastModified"]), ops, 0..TEAMS)
        .prop_map(|(name, op, n)| format!("{name} {op} \"~{n}\""))
}

fn of_users() -> BoxedStrategy<String> {
    let flags = select(vec![
        "active eq true",
        "active ne \"True\"",
        "active pr",
        "emails.primary eq true",
        "emails[type eq \"work\"].value eq \"a\"",
        "emails[type eq \"work\" and value eq \"á\"]",
        "phoneNumbers.primary ne true",
        "meta.resourceType eq \"User\"",
        "name pr",
        "addresses pr",
    ]);
    joined(
        prop_oneof![
            8 => tests(&OF_USERS),
            2 => flags.prop_map(str::to_owned),
            1 => times(),
            2 => entry("emails", &["value", "type"]),
            1 => entry("phoneNumbers", &["value", "type"]),
            1 => entry("addresses", &["locality", "type"]),
        ],
        3,
    )
}

fn of_groups() -> BoxedStrategy<String> {
    joined(
        prop_oneof![6 => tests(&OF_GROUPS), 1 => times(), 1 => Just("members pr".to_owned()), 1 => entry("members", &["value"])],
        3,
    )
}

/// Users with random values, and groups with some of them.
async fn populated(app: &App, runner: &mut TestRunner) {
    let (ada, _) = world(app).await;
    let mut made = Vec::new();
    for n in 0..PEOPLE {
        let mut user = people().new_tree(runner).unwrap().current();
        let text = texts().new_tree(runner).unwrap().current();
        user["schemas"] = json!([USER]);
        user["userName"] = json!(format!("{text}{n}"));
        // The account's address; the others are free texts.
        user["emails"]
            .as_array_mut()
            .unwrap()
            .retain(|entry| entry["primary"] != true);
        user["emails"].as_array_mut().unwrap().insert(
            0,
            json!({"value": format!("N{n}@acme.example"), "type": "work", "primary": true}),
        );
        app.services.clock.advance(Duration::from_micros(700));
        made.push(id_of(&post(&ada, USERS, user).await).to_owned());
    }
    let members = prop::collection::vec(0..PEOPLE, 0..5);
    for n in 0..TEAMS {
        let members = members.new_tree(runner).unwrap().current();
        let members: Vec<Value> = members.into_iter().map(|n| json!({"value": made[n]})).collect();
        let text = texts().new_tree(runner).unwrap().current();
        let external = (n % 3 > 0).then_some(text);
        post(
            &ada,
            GROUPS,
            group_of(json!({"displayName": format!("{text}{n}"), "externalId": external, "members": members})),
        )
        .await;
    }
}

async fn compared(app: &App, runner: &mut TestRunner, (kind, endpoint): (Kind, &str), filters: BoxedStrategy<String>) {
    let ada = app.key_of("ada").await;
    let all = get(&ada, &asking(endpoint, &[("count", "1000")])).await["Resources"]
        .as_array()
        .unwrap()
        .clone();
    let others = get(
        &ada,
        &asking(if endpoint == USERS { GROUPS } else { USERS }, &[("count", "1000")]),
    )
    .await;
    let (mut some, mut refusals) = (0, 0);
    for _ in 0..FILTERS {
        let mut text = filters.new_tree(runner).unwrap().current();
        for n in (0..TEAMS).rev() {
            text = text.replace(&format!("\"@{n}\""), &others["Resources"][n]["id"].to_string());
            text = text.replace(&format!("\"~{n}\""), &all[n]["meta"]["created"].to_string());
        }
        let path = asking(endpoint, &[("filter", &text), ("count", "1000")]);
        let expected: BTreeSet<String> = match filter::parse(&text, kind) {
            Ok(filter) => all
                .iter()
                .filter(|one| matches(&filter, one.as_object().unwrap()))
                .map(|one| id_of(one).to_owned())
                .collect(),
            Err(_) => {
                let reply = ask(&ada, Method::GET, &path, &[], None).await;
                assert_eq!(
                    (reply.status.as_u16(), &reply.json()["scimType"]),
                    (400, &json!("invalidFilter")),
                    "{text}"
                );
                refusals += 1;
                continue;
            }
        };
        some += usize::from(!expected.is_empty() && expected.len() < all.len());
        assert_eq!(
            ids(&ada, &path).await.into_iter().collect::<BTreeSet<_>>(),
            expected,
            "{text}"
        );
    }
    // So that it is known to compare something.
    assert!(
        some > FILTERS / 3 && refusals < FILTERS / 4,
        "{some} found some, {refusals} were refused"
    );
}

on_both! {
    async fn a_filter_finds_what_it_means(app: App) {
        let mut runner = TestRunner::new_with_rng(Config::default(), TestRng::deterministic_rng(RngAlgorithm::ChaCha));
        populated(&app, &mut runner).await;
        compared(&app, &mut runner, (Kind::User, USERS), of_users()).await;
        compared(&app, &mut runner, (Kind::Group, GROUPS), of_groups()).await;
    }

    /// A filter for which every profile must be read a hundred times is stopped, and says that it would be again.
    async fn a_filter_that_takes_too_long_is_told_so(app: App) {
        let (ada, _) = world(&app).await;
        let long = "x".repeat(1_900);
        let entries: Vec<Value> = (0..30).map(|n| json!({"value": format!("{n}-{long}"), "type": "other"})).collect();
        let made = post(&ada, USERS, user_of(json!({"userName": "u", "phoneNumbers": entries}))).await;
        app.crowd("acme", 2_500).await;
        let change = app.services.db.begin().await.unwrap();
        let copies = format!("UPDATE users SET profile = (SELECT profile FROM users WHERE id = '{}') WHERE id LIKE 'crowd-%'", id_of(&made));
        change.execute_unprepared(&copies).await.unwrap();
        change.commit().await.unwrap();
        let filter = (0..50).map(|n| format!("phoneNumbers[value co \"{n}y\" and type eq \"work\"]")).collect::<Vec<_>>().join(" or ");
        let path = asking(USERS, &[("filter", &filter), ("count", "1")]);
        let slow = async { ask(&ada, Method::GET, &path, &[], None).await };
        // Others are answered in the meantime.
        let others = async { found_at_once(&app).await };
        let (reply, ()) = tokio::join!(slow, others);
        let said = reply.json();
        assert_eq!((reply.status.as_u16(), &said["scimType"]), (400, &json!("tooMany")), "{reply:?}");
        assert!(said["detail"].as_str().unwrap().contains("userName"), "{said}");
        until("an answer after it", AT_LAST, async || get(&ada, &asking(USERS, &[("filter", "userName eq \"u\"")])).await["totalResults"] == 1).await;
    }
}

async fn found_at_once(app: &App) {
    let ada = app.key_of("ada").await;
    for _ in 0..5 {
        assert_eq!(
            get(&ada, &asking(USERS, &[("filter", "userName eq \"u\"")])).await["totalResults"],
            1
        );
    }
}
