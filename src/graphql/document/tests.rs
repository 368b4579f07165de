//! Compares the scanner and the parser with the library's parser, for texts that both read alike.

use async_graphql::parser::parse_query;
use async_graphql::parser::types::{DocumentOperations, ExecutableDocument};
use proptest::prelude::*;

use super::fault::Fault;
use super::parse::{self, Definitions};
use super::scan::{BRACKETS_MAX, Kind, TOKENS_MAX, scan};
use crate::model::error::ErrorCode;

fn parsed(text: &str) -> Result<Definitions, Fault> {
    parse::parse(scan(text)?)
}

/// A node without its positions, because the library does not count a carriage return as a line ending.
fn without_places(node: &impl std::fmt::Debug) -> String {
    let text = format!("{node:?}");
    let parts = text.split("Pos(").map(|part| match part.split_once(')') {
        Some((place, rest)) if place.contains(':') && !place.contains(' ') => rest,
        _ => part,
    });
    parts.collect()
}

/// Everything that a document defines, as sorted text, because the library has it in a different order.
fn written(definitions: &Definitions) -> Vec<String> {
    let operations = definitions
        .operations
        .iter()
        .map(|(name, one)| format!("{name:?} {}", without_places(one)));
    let fragments = definitions
        .fragments
        .iter()
        .map(|(name, one)| format!("{name} {}", without_places(one)));
    let mut all: Vec<String> = operations.chain(fragments).collect();
    all.sort();
    all
}

fn written_by_the_library(document: &ExecutableDocument) -> Vec<String> {
    let operations: Vec<String> = match &document.operations {
        DocumentOperations::Single(one) => vec![format!("None {}", without_places(one))],
        DocumentOperations::Multiple(all) => all
            .iter()
            .map(|(name, one)| format!("Some({name:?}) {}", without_places(one)))
            .collect(),
    };
    let fragments = document
        .fragments
        .iter()
        .map(|(name, one)| format!("{name} {}", without_places(one)));
    let mut all: Vec<String> = operations.into_iter().chain(fragments).collect();
    all.sort();
    all
}

/// The names, punctuators and values of documents. Those that the library does not read according to the specification
/// are left out; they have their own tests below.
fn token() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => prop::sample::select(vec!["{", "}", "(", ")", "[", "]", ":", "!", "$", "@", "...", "="]).prop_map(str::to_owned),
        4 => prop::sample::select(vec!["query", "mutation", "fragment", "on", "null", "true", "a", "b", "_c1", "include", "if"]).prop_map(str::to_owned),
        2 => prop::sample::select(vec!["0", "-1", "12", "1.5", "1e+3", "-0.1e-2"]).prop_map(str::to_owned),
        1 => "[ a-z#{}()\u{e9}\u{1f600}]{0,6}".prop_map(|text| format!("\"{text}\"")),
        1 => "[ a-z#{}()\n\r]{0,8}".prop_map(|text| format!("\"\"\"{text}\"\"\"")),
    ]
}

/// Whole documents, some of them broken by an inserted or replaced token.
fn documents() -> impl Strategy<Value = Vec<String>> {
    let value = prop_oneof![
        token(),
        Just("$a".to_owned()),
        Just("{a: 1, b: [$a, \"x\"]}".to_owned()),
        Just("[]".to_owned()),
        Just("[[1] 2]".to_owned())
    ];
    let arguments = prop::collection::vec(value, 0..3).prop_map(|values| match values.is_empty() {
        true => String::new(),
        false => {
            let all: Vec<String> = values
                .iter()
                .enumerate()
                .map(|(n, value)| format!("x{n} : {value}"))
                .collect();
            format!("( {} )", all.join(" "))
        }
    });
    let directive = prop::sample::select(vec!["", "", "@include ( if : $a )", "@skip ( if : true ) @b"]);
    let field = (
        prop::sample::select(vec!["a", "b : a", "on", "query"]),
        arguments,
        directive.clone(),
    )
        .prop_map(|(a, b, c)| format!("{a} {b} {c}"));
    let selection = field.prop_recursive(4, 20, 4, move |inner| {
        let set = prop::collection::vec(inner, 1..4).prop_map(|items| format!("{{ {} }}", items.join(" ")));
        let start = prop::sample::select(vec!["a", "b : c", "...", "... on T", "a ( x : 1 )"]);
        prop_oneof![
            (start, directive.clone(), set).prop_map(|(start, directive, set)| format!("{start} {directive} {set}")),
            prop::sample::select(vec!["... F", "... G @include ( if : false )"]).prop_map(str::to_owned),
        ]
    });
    let head = prop::sample::select(vec![
        "",
        "query",
        "query A",
        "mutation B ( $a : Int )",
        "query ( $a : [T!]! = [1] $b : X = {a: 1} ) @a",
        "fragment F on T",
        "fragment G on T @b",
        "subscription",
    ]);
    let definition = (head, prop::collection::vec(selection, 1..4))
        .prop_map(|(head, items)| format!("{head} {{ {} }}", items.join(" ")));
    let whole = prop::collection::vec(definition, 1..4).prop_map(|all| all.join(" "));
    let mangled = (
        whole,
        prop::option::of((any::<prop::sample::Index>(), 0..2_usize, token())),
    )
        .prop_map(|(text, change)| {
            let mut tokens: Vec<String> = text
                .split(' ')
                .filter(|token| !token.is_empty())
                .map(str::to_owned)
                .collect();
            if let Some((at, removed, token)) = change {
                let at = at.index(tokens.len());
                tokens.splice(at..at + removed, [token]);
            }
            tokens
        });
    prop_oneof![4 => mangled, 1 => prop::collection::vec(token(), 1..12)]
}

fn separators() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        " ",
        "\n",
        "\r",
        "\r\n",
        "\t",
        ",",
        "\u{feff}",
        " ,, ",
        "#\n",
        "# { ( [ \" \\\n",
        "# \"\"\" }\r",
        "#\r\n",
        " # é😀 # \n",
    ])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn it_reads_what_the_library_reads(tokens in documents(), separators in prop::collection::vec(separators(), 1..8)) {
        // The library does not accept spaces inside a type.
        prop_assume!(!tokens.iter().any(|token| token == "!"));
        let mut text = String::new();
        for (token, separator) in tokens.iter().zip(separators.iter().cycle()) {
            text.push_str(token);
            // After this word, the library accepts spaces but no comments.
            text.push_str(if token == "on" { " " } else { separator });
        }
        let theirs = parse_query(&text);
        let ours = parsed(&text);
        let same = match &theirs {
            Err(async_graphql::parser::Error::Syntax { .. } | async_graphql::parser::Error::FragmentDuplicated { .. }) => ours.is_err(),
            // Which operations a document may have is checked by our validation.
            Err(_) => true,
            // The library allows a fragment with this name.
            Ok(document) if document.fragments.contains_key("on") => true,
            Ok(document) if without_places(document).contains("fragment_name: Positioned { pos: , node: Name(\"on\")") => true,
            Ok(_) => ours.is_ok(),
        };
        prop_assert!(same, "{text:?}\n{ours:?}\n{theirs:?}");
        if let (Ok(ours), Ok(theirs)) = (ours, theirs) {
            prop_assert_eq!(written(&ours), written_by_the_library(&theirs));
        }
    }

    /// The text between tokens changes neither the tokens nor their number, and hides none.
    #[test]
    fn nothing_hides_between_tokens(tokens in prop::collection::vec(token(), 0..60), all in prop::collection::vec(separators(), 1..8)) {
        let joined = |separators: &[&str]| -> String {
            tokens.iter().zip(separators.iter().cycle()).map(|(token, separator)| format!("{token}{separator}")).collect()
        };
        let kinds = |text: &str| -> Result<Vec<String>, ErrorCode> {
            let tokens = scan(text).map_err(|fault| fault.code)?;
            Ok(tokens.iter().map(|token| format!("{:?}", token.kind)).collect())
        };
        let plain = kinds(&joined(&[" "]));
        prop_assert_eq!(kinds(&joined(&all)), plain.clone());
        prop_assert_eq!(plain.map(|kinds| kinds.len()), Ok(tokens.len()));
    }

    #[test]
    fn any_text_is_read_or_refused(text in "\\PC{0,40}|[\"\\\\u{}dD8-9a-f\\r\\n#]{0,30}") {
        if let Err(fault) = parsed(&text) {
            prop_assert_eq!(fault.code, ErrorCode::Invalid);
        }
    }
}

/// The value of a document's only argument.
fn value(literal: &str) -> Option<String> {
    let text = format!("{{ a(x: {literal}) }}");
    let tokens = scan(&text).ok()?;
    let value = tokens.into_iter().find_map(|token| match token.kind {
        Kind::Text(text) => Some(text),
        _ => None,
    });
    parsed(&text).ok().and(value)
}

#[test]
fn strings_mean_what_the_specification_says() {
    for (literal, expected) in [
        (r#""""#, ""),
        (r#""\"\\\/\b\f\n\r\t""#, "\"\\/\u{8}\u{c}\n\r\t"),
        (r#""\u00e9\u00E9""#, "éé"),
        (r#""\uD83D\uDE00""#, "\u{1F600}"),
        (r#""\u{1F600}\u{61}\u{00000061}""#, "\u{1F600}aa"),
        ("\"\u{0}\u{1F600}\"", "\u{0}\u{1F600}"),
        (r#""""a "b" \n \""" c""""#, "a \"b\" \\n \"\"\" c"),
        ("\"\"\"\r\n    a\r\n      b\r\n\r\n    c\r\n  \"\"\"", "a\n  b\n\nc"),
        ("\"\"\"  a\n  b\"\"\"", "  a\nb"),
        ("\"\"\"\n\t\n \"\"\"", ""),
    ] {
        assert_eq!(value(literal).as_deref(), Some(expected), "{literal}");
    }
    for literal in [
        r#""\uD83D""#,
        r#""\uD83Dx""#,
        r#""\uDE00\uD83D""#,
        r#""\uD83D\u0041""#,
        r#""\u{D83D}""#,
        r#""\u{110000}""#,
        r#""\u{}""#,
        r#""\u{000000061}""#,
        r#""\u{61""#,
        r#""\u12""#,
        r#""\x""#,
        "\"a\nb\"",
        "\"a\rb\"",
        "\"",
        "\"\\\"",
        "\"\"\"",
        r#""""a\""""#,
    ] {
        assert_eq!(value(literal), None, "{literal}");
    }
}

/// Cases in which the library's parser differs from the specification.
#[test]
fn the_grammar_is_the_specifications() {
    for text in [
        "query($a: [ Int ! ] !) { a(x: $a) }",
        "{ ... on#comment\nQuery { a } }",
        "query Q($a: Int = 1 @b) { a }",
        "{ a(x: \"\\uD83D\\uDE00\") }",
    ] {
        assert!(parsed(text).is_ok(), "{text}");
    }
    for text in [
        "queryQ { a }",
        "query () { a }",
        "{ a() }",
        "{ a(x: [00]) }",
        "{ a(x: 1.5.5) }",
        "{ a(x: 1a) }",
        "{ a(x: {b: 1, b: 2}) }",
        "{ a(x: {b: 1, c: {d: 1, d: 1}}) }",
        "query($a: Int = $b) { a }",
        "fragment on on Query { a }",
        "{ ...on }",
        "{ }",
        "",
        "# nothing",
    ] {
        assert!(parsed(text).is_err(), "{text}");
    }
}

#[test]
fn tokens_and_nesting_are_limited_wherever_they_stand() {
    let code = |text: &str| parsed(text).err().map(|fault| fault.code);
    // A comment ends with its line, whichever line ending that has, and a block string ends at its closing quotes.
    for hidden in ["#\r", "#\n", "# \"\r", "#\"\"\"\r", ""] {
        let many = format!("{{ a {}}}", format!("{hidden} a ").repeat(TOKENS_MAX));
        assert_eq!(code(&many), Some(ErrorCode::LimitExceeded), "{hidden:?}");
        let deep = format!(
            "{{ a(x: {}{}) }}",
            format!("{hidden}[").repeat(BRACKETS_MAX),
            "]".repeat(BRACKETS_MAX)
        );
        assert_eq!(code(&deep), Some(ErrorCode::LimitExceeded), "{hidden:?}");
    }
    for text in ["\"\"\" \" \"\"\"", "\"\"\"\\\"\"\"\"\"\"", "\"\\\"\"", "\"\"\"\"\"\""] {
        let deep = format!(
            "{{ a(x: {text}, y: {}{}) }}",
            "[".repeat(BRACKETS_MAX),
            "]".repeat(BRACKETS_MAX)
        );
        assert_eq!(code(&deep), Some(ErrorCode::LimitExceeded), "{text}");
    }
    let fits = format!(
        "{{ a(x: {}{}) }}",
        "[".repeat(BRACKETS_MAX - 2),
        "]".repeat(BRACKETS_MAX - 2)
    );
    assert_eq!(code(&fits), None);
    let inside = format!("{{ a(x: \"{}\") }}", "[{(".repeat(100));
    assert_eq!(code(&inside), None, "in a string they are none");
}
