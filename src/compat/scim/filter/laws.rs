//! Laws of filters, over random ones and random texts.

use proptest::prelude::*;

use super::super::schema::{Home, Named, Type, named};
use super::*;
use crate::model::strict_json;

/// All attributes that can be filtered, by their names.
fn attributes(kind: Kind) -> Vec<Attr> {
    let homes = match kind {
        Kind::User => vec![Home::Common, Home::Core(kind), Home::Enterprise],
        Kind::Group => vec![Home::Common, Home::Core(kind)],
    };
    let mut all = Vec::new();
    for home in homes {
        let list = match home {
            Home::Common => super::super::schema::COMMON,
            Home::Core(kind) => super::super::schema::own(kind),
            Home::Enterprise => super::super::schema::ENTERPRISE_ATTRIBUTES,
        };
        for attribute in list.iter().filter(|attribute| attribute.filterable) {
            let whole = Attr {
                home,
                attribute,
                sub: None,
            };
            let subs = attribute.subs.iter().filter(|sub| sub.filterable);
            all.extend(subs.map(|sub| whole.with(Some(sub))));
            all.push(whole);
        }
    }
    all
}

#[test]
fn every_attribute_is_found_by_its_name() {
    for kind in [Kind::User, Kind::Group] {
        for attribute in attributes(kind) {
            let name = attribute.to_string();
            assert_eq!(named(kind, &name), Named::Attribute(attribute));
            assert_eq!(named(kind, &name.to_uppercase()), Named::Attribute(attribute));
            if attribute.home != Home::Enterprise {
                assert_eq!(
                    named(kind, &format!("{}:{name}", kind.urn())),
                    Named::Attribute(attribute)
                );
            }
        }
    }
}

fn test_of(attribute: Attr) -> BoxedStrategy<Filter> {
    let present = Just(Filter::Present(attribute)).boxed();
    let of = move |op, value| Filter::Test { attribute, op, value };
    let orders = prop::sample::select(vec![Op::Eq, Op::Gt, Op::Ge, Op::Lt, Op::Le]);
    let ops = prop::sample::select(vec![Op::Eq, Op::Co, Op::Sw, Op::Ew, Op::Gt, Op::Ge, Op::Lt, Op::Le]);
    match attribute.leaf().kind {
        Type::Complex => present,
        Type::Boolean => prop_oneof![
            present,
            any::<bool>().prop_map(move |flag| of(Op::Eq, Literal::Flag(flag))),
        ]
        .boxed(),
        Type::Time => prop_oneof![
            present,
            (orders, 0..253_402_300_799_999_000_i64)
                .prop_map(move |(op, micros)| of(op, Literal::Time(Timestamp::from_micros(micros)))),
        ]
        .boxed(),
        Type::Text | Type::Reference | Type::Binary => prop_oneof![
            present,
            (ops, "[^\0]{0,6}").prop_map(move |(op, text)| of(op, Literal::Text(text))),
        ]
        .boxed(),
    }
}

/// Filters in the form in which they are read, over this choice of single conditions.
fn trees(leaves: BoxedStrategy<Filter>) -> BoxedStrategy<Filter> {
    leaves
        .prop_recursive(3, 16, 3, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 1..4).prop_map(Filter::all),
                prop::collection::vec(inner.clone(), 1..4).prop_map(Filter::any),
                inner.prop_map(Filter::negated),
            ]
        })
        .boxed()
}

fn filters(kind: Kind) -> BoxedStrategy<Filter> {
    let simple = prop::sample::select(attributes(kind)).prop_flat_map(test_of);
    let lists: Vec<Attr> = attributes(kind)
        .into_iter()
        .filter(|attribute| attribute.sub.is_none() && attribute.attribute.multi_valued)
        .collect();
    let entries = prop::sample::select(lists).prop_flat_map(|attribute| {
        let subs: Vec<Attr> = attribute
            .attribute
            .subs
            .iter()
            .filter(|sub| sub.filterable)
            .map(|sub| attribute.with(Some(sub)))
            .collect();
        let tests = prop_oneof![9 => prop::sample::select(subs).prop_flat_map(test_of), 1 => Just(Filter::Never)];
        trees(tests.boxed()).prop_map(move |such| Filter::Entry {
            attribute,
            such: Box::new(such),
        })
    });
    trees(prop_oneof![8 => simple, 3 => entries, 1 => Just(Filter::Never)].boxed())
}

/// Pieces of filters, so that many random texts come close to one.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "userName",
        "emails",
        "members",
        "displayName",
        "name.givenName",
        "meta.created",
        "active",
        "[",
        "]",
        "(",
        ")",
        " ",
        " ",
        " ",
        "not ",
        " and ",
        " or ",
        " eq ",
        " pr",
        " ne ",
        " gt ",
        "\"a\"",
        "\"",
        "\\",
        "true",
        "null",
        "1e9",
        ".value",
        "type",
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User",
        ":",
        "manager",
        "é",
        "\0",
        "\"2026-11-28T09:00:00Z\"",
        "schemas",
        "-",
        "$ref",
    ]);
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(super::super::random_cases())]

    #[test]
    fn what_is_printed_is_read_back(user in filters(Kind::User), group in filters(Kind::Group)) {
        for (kind, filter) in [(Kind::User, user), (Kind::Group, group)] {
            let text = filter.to_string();
            prop_assume!(text.len() <= BYTES_MAX);
            prop_assert_eq!(parse(&text, kind), Ok(filter), "{}", text);
        }
    }

    #[test]
    fn any_text_is_read_or_refused(text in prop_oneof![any::<String>(), pieces(), ".{0,300}"]) {
        for kind in [Kind::User, Kind::Group] {
            match parse(&text, kind) {
                Ok(filter) => prop_assert_eq!(parse(&filter.to_string(), kind), Ok(filter)),
                Err(fault) => prop_assert!(fault.detail.chars().count() < 400, "{}", fault.detail),
            }
        }
        let _ = parse_root(&text);
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let text = String::from_utf8_lossy(&bytes);
        let _ = parse(&text, Kind::User);
        let _ = super::super::path::Path::parse(&text, Kind::User);
        let _ = strict_json(&bytes);
    }
}
