//! E-mail addresses in filters: domains in any script are found as people type them.

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::json;

use crate::on_both;
use crate::support::{App, Caller};

const STORED: [&str; 8] = [
    "ann@müller.example",
    "bob@www.müller.example",
    "cy@xmüller.example",
    "dot@mueller.example",
    "eve@example.рф",
    "xn--mller-kva@plain.example",
    "gus@faß.example",
    "hal@日本.例え",
];

/// Who passes a filter of users, by the local part.
async fn found(caller: &Caller<'_>, kind: &str, field: &str, typed: serde_json::Value) -> Vec<String> {
    let document = format!(
        "query($w: {kind}Where) {{ things: {}s(where: $w, orderBy: EMAIL_ASC) {{ email }} }}",
        kind.to_lowercase()
    );
    let answer = caller
        .ok(
            &document,
            json!({ "w": { field: typed, "NOT": { "email": "admin@platform.invalid" } } }),
        )
        .await;
    let emails = answer["things"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["email"].as_str().unwrap().to_owned());
    emails
        .map(|email| email.split('@').next().unwrap().to_owned())
        .collect()
}

on_both! {
    async fn a_domain_in_any_script_is_found_as_it_is_typed(app: App) {
        let admin = app.admin();
        for email in STORED {
            admin.create_user(json!({ "email": email })).await;
        }
        for email in STORED.iter().map(|email| format!("i{email}")) {
            admin.ok("mutation($e: String!) { inviteUser(data: {email: $e}) { id } }", json!({ "e": email })).await;
        }
        let mut cases: Vec<(&str, &str, &[&str])> = Vec::new();
        for typed in ["ann@müller.example", "ANN@MÜLLER.example", "ann@mu\u{308}ller.example", "ann@xn--mller-kva.example", "Ann@XN--MLLER-KVA.EXAMPLE", "ann@müller。example"] {
            cases.push(("email", typed, &["ann"]));
            cases.push(("emailStartsWith", typed, &["ann"]));
            cases.push(("emailContains", typed, &["ann"]));
        }
        cases.extend([
            // Whole labels, wherever they stand.
            ("emailContains", "müller", &["ann", "bob"][..]),
            ("emailContains", "MÜLLER.exam", &["ann", "bob"]),
            ("emailContains", "@müller", &["ann"]),
            ("emailContains", ".müller.", &["bob"]),
            ("emailContains", "w.müller", &["bob"]),
            ("emailContains", "n@müller.", &["ann"]),
            ("emailContains", "рф", &["eve"]),
            ("emailContains", "example.рф", &["eve"]),
            ("emailContains", "le.рф", &["eve"]),
            ("emailContains", "例え", &["hal"]),
            ("emailContains", "日本.例え", &["hal"]),
            ("emailContains", "日本", &["hal"]),
            ("emailContains", "faß", &["gus"]),
            ("emailStartsWith", "ann@müller", &["ann"]),
            ("emailStartsWith", "ann@müller.e", &["ann"]),
            ("emailStartsWith", "eve@example.рф", &["eve"]),
            ("emailStartsWith", "EVE@EXAMPLE.РФ", &["eve"]),
            // Full width is ASCII once it is mapped, and so any part does.
            ("emailContains", "ｍｕｅｌ", &["dot"]),
            // A part of a label has no form of its own.
            ("emailContains", "mül", &[]),
            ("emailContains", "üller", &[]),
            ("emailStartsWith", "ann@mül", &[]),
            // An address begins with its local part, which is ASCII.
            ("emailStartsWith", "müller", &[]),
            ("emailContains", "änn@müller.example", &[]),
            ("emailContains", "ä\u{200b}", &[]),
            // ASCII is compared as before: any part, in any case.
            ("emailContains", "XN--MLLER", &["ann", "bob", "xn--mller-kva"]),
            ("emailContains", "ueller.Ex", &["dot"]),
            ("emailStartsWith", "DOT", &["dot"]),
        ]);
        for (field, typed, expected) in cases {
            assert_eq!(found(&admin, "User", field, json!(typed)).await, expected, "{field}: {typed}");
            let at = typed.find('@').is_some_and(|at| at > 1) || field != "emailContains";
            let invited = if at { format!("i{typed}") } else { typed.to_owned() };
            let expected: Vec<String> = expected.iter().map(|name| format!("i{name}")).collect();
            if !invited.starts_with("iEVE") && !invited.starts_with("in@") {
                assert_eq!(found(&admin, "Invitation", field, json!(invited)).await, expected, "invitations, {field}: {invited}");
            }
        }
        assert_eq!(found(&admin, "User", "emailIn", json!(["ANN@müller.example", "eve@example.рф", "nobody"])).await, ["ann", "eve"]);
        assert_eq!(found(&admin, "User", "emailIn", json!([])).await, [""; 0]);
    }

    /// Any address is found by any of its labels, by any run of them, and by what it begins with.
    async fn every_label_finds_its_address(app: App) {
        let admin = app.admin();
        let strategy = ("[a-z]{1,5}", prop::collection::vec("[a-zäöüñéα-ω日本あ]{1,6}", 1..4), "[a-z]{2,4}|рф|日本");
        let mut runner = TestRunner::new_with_rng(Config::default(), TestRng::deterministic_rng(RngAlgorithm::ChaCha));
        let mut tried = 0;
        for _ in 0..60 {
            let (local, mut labels, top) = strategy.new_tree(&mut runner).unwrap().current();
            labels.push(top);
            let made = admin.send("mutation($e: String!) { createUser(data: {email: $e}) { id } }", json!({ "e": format!("{local}@{}", labels.join(".")) })).await;
            let Some(id) = made["data"]["createUser"]["id"].as_str() else { continue };
            tried += 1;
            for from in 0..labels.len() {
                for to in from + 1..=labels.len() {
                    let run = labels[from..to].join(".");
                    let mut tests = vec![("emailContains", run.clone())];
                    if from == 0 {
                        tests.extend([("emailStartsWith", format!("{local}@{run}")), ("emailContains", format!("@{run}"))]);
                    }
                    for (field, typed) in tests {
                        let document = "query($w: UserWhere) { countUsers(where: $w) }";
                        let counted = admin.ok(document, json!({ "w": { field: typed, "id": id } })).await;
                        assert_eq!(counted["countUsers"], 1, "{field}: {typed} in {local}@{}", labels.join("."));
                    }
                }
            }
        }
        assert!(tried > 30, "only {tried} addresses");
    }
}
