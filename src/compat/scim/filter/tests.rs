use super::super::evaluate::matches;
use super::super::names::ENTERPRISE;
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
