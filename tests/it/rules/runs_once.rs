//! Fields of one key are one field: whatever a document says twice is done once. Each field of Query and Mutation stands
//! twice under its key, in every way in which it can, and sends the statements and leaves the events of one.

use serde_json::json;

use super::refusals::{CASES, field_of, fill};
use crate::on_both;
use crate::support::{App, Caller};

/// What a call did: its statements, and how many events it left.
#[derive(Debug, PartialEq, Eq)]
struct Done {
    statements: Vec<String>,
    events: i64,
    refused: bool,
}

async fn done(app: &App, caller: &Caller<'_>, document: &str) -> Done {
    let events = "SELECT COUNT(*) FROM audit_events WHERE NOT refused";
    let before = app.number(events).await;
    let sent = tenantry::store::db::SENT.scope(Default::default(), async {
        let answer = caller.send(document, json!({})).await;
        (
            answer,
            tenantry::store::db::SENT.with(|sent| sent.lock().unwrap().clone()),
        )
    });
    let (answer, sent) = sent.await;
    let code = &answer["errors"][0]["extensions"]["code"];
    assert!(
        !["LIMIT_EXCEEDED", "INTERNAL"].map(Some).contains(&code.as_str()),
        "{document}\n{answer}"
    );
    Done {
        // The credential is looked up, and its use noted, now and then.
        statements: sent
            .into_iter()
            .map(|statement| statement.sql)
            .filter(|sql| !sql.contains("k.digest") && !sql.contains("last_used_at"))
            .collect(),
        events: app.number(events).await - before,
        refused: answer.get("errors").is_some(),
    }
}

/// One call, taken apart: its field with the arguments, and what it selects, if it does.
fn parts(document: &str) -> (&'static str, &'static str, String, String) {
    let (keyword, root) = match document.trim_start().starts_with("mutation") {
        true => ("mutation", "Mutation"),
        false => ("query", "Query"),
    };
    let inner = document[document.find('{').unwrap() + 1..document.rfind('}').unwrap()].trim();
    let behind_arguments = inner.rfind(')').map_or(0, |end| end + 1);
    let (call, selection) = match inner[behind_arguments..].find('{') {
        Some(at) => inner.split_at(behind_arguments + at),
        None => (inner, ""),
    };
    (keyword, root, call.to_owned(), selection.to_owned())
}

/// The same call as a document in which it stands twice or more.
fn twice(document: &str) -> Vec<String> {
    let (keyword, root, call, selection) = parts(document);
    // Other things are selected of it the second time.
    let other = if selection.is_empty() { "" } else { "{ __typename }" };
    let (one, two) = (format!("{call} {selection}"), format!("{call} {other}"));
    vec![
        format!("{keyword} {{ {one} {two} }}"),
        format!("{keyword} {{ x: {one} x: {two} x: {one} }}"),
        format!("{keyword} {{ {one} ...F }} fragment F on {root} {{ {two} }}"),
        format!(
            "{keyword} {{ ...F ...F ...G }} fragment F on {root} {{ {two} ...G }} fragment G on {root} {{ {one} }}"
        ),
        format!(
            "{keyword} {{ ... {{ {one} }} ... on {root} @include(if: true) {{ ... {{ {two} }} }} {call} @skip(if: true) {other} }}"
        ),
    ]
}

on_both! {
    async fn each_field_runs_once(app: App) {
        app.organization("acme", &["berlin"]).await;
        // The first one to sign in makes the key that signs, and the first call with it reads that.
        app.user("acme", "first", None).await;
        let first = app.sign_in("acme", "first").await;
        app.who(&first.access).await;
        let mut number = 0;
        for (case, document) in CASES {
            let mut expected: Option<Done> = None;
            for form in 0..=twice("{ a { b } }").len() {
                number += 1;
                let me = format!("boss-{number}");
                let caller = app.user("acme", &me, Some("super-admin")).await;
                // With a key there is nothing to sign out of, or to switch from, and no person.
                let tokens = match field_of(case) {
                    "signOut" | "switchAccount" | "changeMyEmail" | "updateMyPassword" => Some(app.sign_in("acme", &me).await),
                    _ => None,
                };
                let caller = tokens.as_ref().map_or(caller, |tokens| app.key(&tokens.access));
                let filled = fill(&app, document, Some(&me), number, true).await.document;
                let document = match form {
                    0 => filled,
                    form => twice(&filled).swap_remove(form - 1),
                };
                let done = done(&app, &caller, &document).await;
                let of_oneself = ["can (oneself)", "check (oneself)"].contains(case);
                let asks_nothing = of_oneself || ["requestPasswordReset", "viewerPermissions"].contains(&field_of(case));
                assert!(!done.statements.is_empty() || asks_nothing, "{case} sends nothing: {document}\n{done:?}");
                match &expected {
                    None => expected = Some(done),
                    Some(expected) => assert_eq!(&done, expected, "{case}: {document}"),
                }
            }
            let expected = expected.unwrap();
            let changes = document.trim_start().starts_with("mutation") && !expected.refused;
            let silent = ["activateUser", "revokeApiKeys", "revokeUserApiKeys", "requestPasswordReset"].contains(&field_of(case)) || case.contains("oneself");
            assert!(!changes || expected.events > 0 || silent, "{case} leaves no event");
        }
    }

    /// The same below the top, where lists nest.
    async fn each_place_is_read_once(app: App) {
        app.organization("acme", &["berlin"]).await;
        app.user("acme", "ada", Some("user")).await;
        let admin = app.admin();
        for (once, twice) in [
            ("{ users { organization { id name } } }", "{ users { organization { id } organization { name } } }"),
            ("{ users { groups { id name } } }", "{ users { groups { id } ... { groups { name } } } }"),
            ("{ users { groups(first: 5) { id users { id name } } } }", "{ users { groups(first: 5) { users { id } } ...F } } fragment F on User { groups(first: 5) { id users { name } } }"),
            ("{ organizations { users { id tenant { id name } } } }", "{ organizations { users { tenant { id } } users { id tenant { name } } } organizations { users { id } } }"),
            ("{ usersConnection { edges { cursor node { id name } } totalCount } }", "{ usersConnection { edges { cursor node { id } } } usersConnection { totalCount edges { node { name } } } }"),
        ] {
            let (one, two) = (done(&app, &admin, once).await, done(&app, &admin, twice).await);
            assert_eq!(one, two, "{twice}");
            let sorted = |text: String| { let mut parts: Vec<char> = text.chars().collect(); parts.sort_unstable(); parts };
            let (one, two) = (admin.ok(once, json!({})).await, admin.ok(twice, json!({})).await);
            assert_eq!(sorted(one.to_string()), sorted(two.to_string()), "{twice}");
        }
    }
}
