use proptest::prelude::*;

use super::super::evaluate::matches;
use super::super::names::ENTERPRISE;
use super::super::schema::{Home, Named, Type, named};
use super::*;
use crate::model::strict_json;

fn users(text: &str) -> Result<Filter, Fault> {
    parse(text, Kind::User)
}

fn refuses(kind: Kind, text: &str) {
    let fault = parse(text, kind).unwrap_err();
    assert_eq!(fault.scim_type, ScimType::InvalidFilter, "{text}");
    assert!(
        fault.detail.ends_with('.') && fault.detail.len() < 500,
        "{}",
        fault.detail
    );
}

fn same(one: &str, other: &str) {
    assert_eq!(users(one).unwrap(), users(other).unwrap(), "{one} | {other}");
}

#[test]
fn operators_names_and_words_come_in_any_case() {
    same("userName eq \"a\"", "USERNAME EQ \"a\"");
    same("userName Sw \"a\" AND title Pr", "username sw \"a\" and TITLE pr");
    same("NOT(title pr)Or active EQ true", "not (title pr) or active eq true");
    same(
        "emails[Type eq \"work\"].Value eq \"x\"",
        "EMAILS[type eq \"work\" and value eq \"x\"]",
    );
    let prefix = "URN:IETF:params:scim:schemas:core:2.0:user";
    same(
        &format!("{prefix}:name.familyName co \"x\""),
        "name.familyname co \"x\"",
    );
    same(
        &format!("{}:Department eq \"x\"", ENTERPRISE.to_uppercase()),
        &format!("{ENTERPRISE}:department eq \"x\""),
    );
}

#[test]
fn not_binds_before_and_and_before_or() {
    same(
        "title pr or not (active eq true) and nickName pr",
        "title pr or ((not (active eq true)) and nickName pr)",
    );
    assert_eq!(
        users("(title pr or locale pr) and nickName pr").unwrap().to_string(),
        "(title pr or locale pr) and nickName pr"
    );
}

#[test]
fn a_list_without_sub_attribute_means_its_value() {
    for (short, long) in [
        ("emails eq \"x\"", "emails.value eq \"x\""),
        ("groups eq \"x\"", "groups.value eq \"x\""),
        (
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager eq \"x\"",
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value eq \"x\"",
        ),
    ] {
        same(short, long);
    }
    let of_groups = |text| parse(text, Kind::Group).unwrap();
    assert_eq!(of_groups("members eq \"x\""), of_groups("members.value eq \"x\""));
    // A condition on presence is on the attribute as a whole.
    assert_eq!(users("emails pr").unwrap().to_string(), "emails pr");
}

#[test]
fn ne_is_not_eq_and_eq_null_is_not_present() {
    same("title ne \"x\"", "not (title eq \"x\")");
    same("title eq null", "not (title pr)");
    same("title ne null", "title pr");
    same(
        "emails[type eq \"work\"].value ne \"x\"",
        "not (emails[type eq \"work\" and value eq \"x\"])",
    );
    same(
        "emails[type eq \"work\"].value eq null",
        "not (emails[type eq \"work\" and value pr])",
    );
}

#[test]
fn booleans_come_as_texts_too() {
    same("active eq \"True\"", "active eq true");
    same("active ne \"FALSE\"", "not (active eq false)");
    for text in [
        "active eq \"maybe\"",
        "active gt true",
        "active co \"t\"",
        "active eq 1",
    ] {
        refuses(Kind::User, text);
    }
}

#[test]
fn times_have_offsets_and_are_clamped() {
    same(
        "meta.created gt \"2026-11-28T10:00:00+01:00\"",
        "meta.created gt \"2026-11-28T09:00:00Z\"",
    );
    same(
        "meta.created gt \"1601-01-01T00:00:00Z\"",
        "meta.created gt \"1970-01-01T00:00:00Z\"",
    );
    same(
        "meta.created lt \"9999-12-31T23:59:59.9999999Z\"",
        "meta.created lt \"9999-12-31T23:59:59.999Z\"",
    );
    for text in [
        "meta.created gt \"yesterday\"",
        "meta.created co \"2026-11-28T09:00:00Z\"",
        "meta.created gt 1",
    ] {
        refuses(Kind::User, text);
    }
}

#[test]
fn texts_have_the_escapes_of_json() {
    let text = r#"title eq "a\"b\\\u00e9\ud83d\ude00\n) or title pr""#;
    let Filter::Test { value, .. } = users(text).unwrap() else {
        unreachable!("{text}")
    };
    assert_eq!(value, Literal::Text("a\"b\\é😀\n) or title pr".to_owned()));
    for text in [
        r#"title eq "\ud83d""#,
        r#"title eq "a"#,
        r#"title eq "\x""#,
        "title eq 'a'",
        "title eq \"a\tb\"",
    ] {
        refuses(Kind::User, text);
    }
}

#[test]
fn a_text_that_nothing_can_equal_finds_nothing() {
    assert_eq!(users("title sw \"a\\u0000\"").unwrap(), Filter::Never);
    assert_eq!(users("title ne \"\\u0000\"").unwrap(), Filter::Never.negated());
}

#[test]
fn what_cannot_be_filtered_is_refused() {
    for text in [
        "password eq \"x\"",
        "password pr",
        "x509Certificates pr",
        "x509Certificates[type eq \"x\"]",
        "roles pr",
        "roles eq \"x\"",
        "roles.value eq \"x\"",
        "schemas eq \"x\"",
        "groups.display eq \"x\"",
        "groups.type pr",
        "groups.$ref pr",
        "groups[display eq \"x\"]",
        "meta.location pr",
        "meta.version eq \"x\"",
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.displayName eq \"x\"",
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.$ref pr",
    ] {
        refuses(Kind::User, text);
    }
    for text in [
        "members.display eq \"x\"",
        "members.type eq \"User\"",
        "members.$ref pr",
        "members[display pr]",
    ] {
        refuses(Kind::Group, text);
    }
}

#[test]
fn what_is_not_a_filter_is_refused() {
    for text in [
        "",
        " ",
        "userName",
        "userName eq",
        "userName eq ",
        "userName eq x",
        "userName pr x",
        "userName is \"x\"",
        "(userName pr",
        "userName pr)",
        "not userName pr",
        "userName pr and",
        "and userName pr",
        "userName pr or or title pr",
        "emails[type eq \"work\"",
        "emails[type eq \"work\"]value eq \"x\"",
        "emails[]",
        "emails[type eq \"work\"].",
        "emails[type eq \"work\"].x pr",
        "emails[emails pr]",
        "emails[type[value pr]]",
        "emails.value[type pr]",
        "name[givenName pr]",
        "name eq \"x\"",
        "addresses eq \"x\"",
        "emails.x pr",
        "foo eq \"x\"",
        "department eq \"x\"",
        "members eq \"x\"",
        "urn:x:y:title pr",
        "userName eq 5",
        "userName eq true",
        "userName gt null",
        "userNameeq \"x\"",
        "userName eq\"x\"",
        "🦀 pr",
        "userName eq \"x\" 🦀",
        "[",
        "userName pr and(",
        "name.givenName.x pr",
    ] {
        refuses(Kind::User, text);
    }
}

#[test]
fn size_depth_and_number_are_limited() {
    let nested = |levels: usize| format!("{}title pr{}", "(".repeat(levels), ")".repeat(levels));
    assert!(users(&nested(10)).is_ok());
    refuses(Kind::User, &nested(11));
    refuses(Kind::User, &nested(4_000));
    refuses(Kind::User, &format!("{}title pr", "not (".repeat(1_600)));
    let many = |tests: usize| vec!["title pr"; tests].join(" or ");
    assert!(users(&many(100)).is_ok());
    refuses(Kind::User, &many(101));
    let long = |bytes: usize| format!("title eq \"{}\"", "x".repeat(bytes - 11));
    assert!(users(&long(8_192)).is_ok());
    refuses(Kind::User, &long(8_193));
}

#[test]
fn an_attribute_that_one_kind_lacks_is_absent_there() {
    let both = parse_root("userName eq \"x\" or displayName eq \"y\"").unwrap();
    assert_eq!(both.users, users("userName eq \"x\" or displayName eq \"y\"").unwrap());
    assert_eq!(
        both.groups,
        Filter::any(vec![Filter::Never, parse("displayName eq \"y\"", Kind::Group).unwrap()])
    );
    assert_eq!(parse_root("members pr").unwrap().users, Filter::Never);
    assert_eq!(parse_root("not (members pr)").unwrap().users, Filter::Never.negated());
    assert_eq!(parse_root("emails[type eq \"x\"]").unwrap().groups, Filter::Never);
    for text in [
        "foo pr",
        "password pr",
        "members.type pr",
        "userName eq 1",
        "emails[foo pr]",
    ] {
        assert_eq!(
            parse_root(text).unwrap_err().scim_type,
            ScimType::InvalidFilter,
            "{text}"
        );
    }
}

#[test]
fn filters_are_evaluated() {
    let user = strict_json(
        r#"{"id": "1", "userName": "Lin@Acme.example", "active": true, "title": "R&D 50%_",
            "name": {"givenName": "Lin"}, "meta": {"created": "2026-11-28T09:00:00.000001Z"},
            "emails": [{"value": "LIN@acme.example", "type": "work", "primary": true}, {"value": "é@x", "type": "home"}],
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"manager": {"value": "7"}}}"#
            .as_bytes(),
    )
    .unwrap();
    let user = user.as_object().unwrap();
    for (text, holds) in [
        ("userName eq \"lin@ACME.EXAMPLE\"", true),
        ("userName sw \"LIN\"", true),
        ("userName ew \"X\"", false),
        ("title eq \"r&d 50%_\"", false),
        ("title co \"50%_\"", true),
        ("title ew \"_\" and title gt \"R\" and title le \"S\"", true),
        ("title co \"%\" and not (title co \"é\")", true),
        ("active eq true", true),
        ("active ne \"True\"", false),
        ("nickName ne \"x\"", true),
        ("nickName eq null and title ne null", true),
        ("nickName lt \"x\" or nickName pr", false),
        ("emails eq \"lin@acme.example\"", true),
        ("emails eq \"É@x\"", true),
        ("emails[type eq \"home\"].value eq \"lin@acme.example\"", false),
        ("emails[type eq \"work\" and primary eq true].value sw \"lin\"", true),
        ("emails.type eq \"home\" and emails.primary eq true", true),
        ("emails[type eq \"home\" and primary eq true]", false),
        ("emails[not (primary pr)]", true),
        ("emails[primary ne true]", true),
        ("emails ne \"lin@acme.example\"", false),
        ("phoneNumbers ne \"x\"", true),
        ("phoneNumbers[not (type pr)]", false),
        ("name pr and name.givenName eq \"Lin\"", true),
        ("meta.created gt \"2026-11-28T09:00:00Z\"", true),
        ("meta.created gt \"2026-11-28T10:00:00.000001+01:00\"", false),
        (
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager eq \"7\"",
            true,
        ),
        (
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager pr",
            true,
        ),
    ] {
        assert_eq!(matches(&users(text).unwrap(), user), holds, "{text}");
    }
}

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
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

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
