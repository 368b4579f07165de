//! What a text, an address and a piece of JSON are: the same on both databases and on both GraphQL paths.

use axum::body::Body;
use axum::http::{Request, header};
use serde_json::{Value, json};

use crate::on_both;
use crate::support::documents::{CREATE_ORGANIZATION, CREATE_USER, UPDATE_USER, change};
use crate::support::{ADMIN_KEY, App, Reply, assert_leaks_nothing};

const PATHS: [&str; 2] = ["/graphql", "/api/label/v2/graphql"];

/// Sends a body as it is.
async fn raw(app: &App, path: &str, body: String) -> Reply {
    let request = Request::post(path)
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::AUTHORIZATION, format!("X-API-Key: {ADMIN_KEY}"))
        .body(Body::from(body))
        .unwrap();
    app.send(request).await
}

async fn sent(app: &App, path: &str, document: &str, variables: &Value) -> Value {
    raw(
        app,
        path,
        json!({ "query": document, "variables": variables }).to_string(),
    )
    .await
    .json()
}

/// Nobody is to blame but the caller: no failure, no secret of the inside, and not "our fault".
fn assert_callers_fault(reply: &Reply) {
    assert!(reply.status.as_u16() < 500, "{} {}", reply.status, reply.body);
    assert_leaks_nothing(&reply.body);
}

on_both! {
    async fn a_text_is_composed(app: App) {
        for (n, path) in PATHS.into_iter().enumerate() {
            let data = json!({"data": {"id": format!("u{n}"), "firstname": "Jose\u{301}", "lastname": "\u{212b}"}});
            let made = sent(&app, path, CREATE_USER, &data).await["data"]["createUser"].clone();
            assert_eq!((&made["firstname"], &made["lastname"], &made["name"]), (&json!("Jos\u{e9}"), &json!("\u{c5}"), &json!("Jos\u{e9} \u{c5}")));
        }
        // Whoever looks for it may write it either way.
        let find = "query($w: UserWhere) { countUsers(where: $w) }";
        for filter in [
            json!({"firstname": "Jose\u{301}"}), json!({"firstname": "Jos\u{e9}"}), json!({"firstnameIn": ["x", "Jose\u{301}"]}),
            json!({"firstnameStartsWith": "Jose\u{301}"}), json!({"lastnameContains": "A\u{30a}"}), json!({"name": "Jose\u{301} \u{212b}"}),
        ] {
            assert_eq!(app.admin().ok(find, json!({"w": filter})).await["countUsers"], 2, "{filter}");
        }
        // Writing it the other way is no change.
        let before = app.dump().await;
        app.admin().update_user("u0", json!({"firstname": "Jose\u{301}"})).await;
        assert_eq!(before, app.dump().await);
    }

    async fn a_text_has_no_hidden_characters(app: App) {
        app.admin().create_user(json!({"id": "u"})).await;
        let forbidden = (0..=0x1f).chain(0x7f..=0x9f).chain([0x2028, 0x2029]).chain(0x202a..=0x202e).chain(0x2066..=0x2069);
        let before = app.dump().await;
        for code in forbidden {
            let c = char::from_u32(code).unwrap();
            let path = PATHS[code as usize % 2];
            for (field, text) in [("firstname", format!("a{c}b")), ("name", format!("a{c}"))] {
                // A blank one at the end is a control character all the same.
                let answer = sent(&app, path, UPDATE_USER, &change("u", json!({ field: text }))).await;
                assert_eq!(answer["errors"][0]["extensions"], json!({"code": "INVALID", "field": format!("data.{field}")}), "U+{code:04X} {answer}");
                let message = answer["errors"][0]["message"].as_str().unwrap();
                assert!(!message.contains(c) && message.contains(&format!("U+{code:04X}")), "{message:?}");
            }
        }
        assert_eq!(before, app.dump().await);
        for fine in ["a\u{a0}b", "\u{200d}\u{1f469}", "\u{5e9}\u{5dc}\u{5d5}\u{5dd}", "\u{feff}a", "\u{10ffff}", "'; DROP TABLE users --", "<script>", "\\\"%_"] {
            assert_eq!(app.admin().update_user("u", json!({"firstname": fine})).await["firstname"], fine);
        }
    }

    async fn a_name_has_255_characters_whatever_their_bytes(app: App) {
        for (given, stored) in [
            ("x".repeat(255), "x".repeat(255)),
            ("\u{1f600}".repeat(255), "\u{1f600}".repeat(255)),
            ("e\u{301}".repeat(255), "\u{e9}".repeat(255)),
        ] {
            let made = app.admin().create_user(json!({"email": format!("u{}@acme.example", stored.len()), "lastname": given})).await;
            assert_eq!(made["lastname"], stored);
            assert_eq!(app.admin().ok("query($n: String) { countUsers(where: {lastname: $n}) }", json!({"n": stored})).await["countUsers"], 1);
        }
        for long in ["x".repeat(256), "\u{1f600}".repeat(256), "e\u{301}".repeat(256), "x".repeat(500_000)] {
            assert_eq!(app.admin().code(CREATE_USER, json!({"data": {"id": "long", "lastname": long}})).await, "INVALID");
        }
    }

    async fn u_0000_is_refused_or_finds_nothing(app: App) {
        app.organization("acme", &["berlin"]).await;
        let nul = "a\u{0}b";
        let texts = |field: &str| ["", "StartsWith", "Contains"].map(|test| json!({format!("{field}{test}"): nul})).into_iter().chain([json!({format!("{field}In"): [nul]})]).collect::<Vec<_>>();
        for (kind, list, fields) in [
            ("User", "users", &["id", "email", "name", "firstname", "lastname"][..]),
            ("Organization", "organizations", &["id", "name"]), ("Tenant", "tenants", &["id", "name"]),
        ] {
            let count = list[..1].to_uppercase() + &list[1..];
            let document = format!("query($w: {kind}Where) {{ {list}(where: $w) {{ id }} count{count}(where: $w) {list}Connection(where: $w) {{ totalCount edges {{ cursor }} }} }}");
            for filter in fields.iter().flat_map(|field| texts(field)).chain((kind == "User").then(|| json!({"apiKey": nul}))) {
                for path in PATHS {
                    let answer = sent(&app, path, &document, &json!({"w": filter})).await;
                    let data = &answer["data"];
                    assert_eq!((&data[list], &data[format!("count{count}")]), (&json!([]), &json!(0)), "{filter} {answer}");
                    assert_eq!(data[format!("{list}Connection")], json!({"totalCount": 0, "edges": []}));
                    let all = sent(&app, path, &document, &json!({"w": {"NOT": filter}})).await;
                    assert!(all["data"][list].as_array().is_some_and(|list| !list.is_empty()), "{filter} {all}");
                }
            }
        }
        let bad = json!({"a": [{"b": nul}]});
        for (document, variables) in [
            ("query($c: String) { usersConnection(after: $c) { nodes { id } } }", json!({"c": nul})),
            ("query($c: String) { usersConnection(before: $c, last: 3, orderBy: NAME_ASC) { nodes { id } } }", json!({"c": nul})),
            ("query($n: [String!]!) { apiKeys(where: {nameIn: $n, key: \"a\\u0000\"}) { id } }", json!({"n": [nul]})),
            ("mutation($n: [String!]!) { revokeApiKeys(names: $n) { id } }", json!({"n": [nul]})),
            ("mutation($n: String!) { createApiKey(data: {name: $n}) { secret } }", json!({"n": nul})),
            ("mutation($n: String!) { createApiKey(data: {name: \"k\", description: $n}) { secret } }", json!({"n": nul})),
            ("mutation($n: String!) { createApiKey(data: {name: \"k\", permissions: [$n]}) { secret } }", json!({"n": nul})),
            ("mutation($n: DateTime!) { createApiKey(data: {name: \"k\", expiryDate: $n}) { secret } }", json!({"n": nul})),
            ("mutation($n: String!) { rotateApiKey(where: {name: $n}) { secret } }", json!({"n": nul})),
            ("mutation($n: String!) { completePasswordReset(token: $n, newPassword: \"a long password\") }", json!({"n": nul})),
            ("mutation($n: String!) { resetPassword(where: {email: $n}) { id } }", json!({"n": nul})),
            ("mutation($n: String!) { updatePassword(where: {id: \"admin\"}, data: {oldPassword: $n, newPassword1: \"a long password\", newPassword2: \"a long password\"}) { id } }", json!({"n": nul})),
            (CREATE_ORGANIZATION, json!({"data": {"name": "A", "variables": bad}})),
            (CREATE_ORGANIZATION, json!({"data": {"name": "A", "variables": {nul: 1}}})),
            (CREATE_ORGANIZATION, json!({"data": {"id": nul, "name": "A"}})),
            (CREATE_USER, json!({"data": {"id": "u", "organizationId": nul}})),
            (CREATE_USER, json!({"data": {"id": "u", "tenantId": nul}})),
            (CREATE_USER, json!({"data": {"id": "u", "roles": [nul]}})),
            (CREATE_USER, json!({"data": {"id": "u", "password": format!("long enough{nul}")}})),
            (UPDATE_USER, change("admin", json!({"organizationId": nul}))),
            (UPDATE_USER, change("admin", json!({"variables": bad}))),
            (UPDATE_USER, json!({"where": {"id": "admin", "name": nul}, "data": {"firstname": "X"}})),
        ] {
            for path in PATHS {
                let before = app.dump().await;
                let reply = raw(&app, path, json!({ "query": document, "variables": variables }).to_string()).await;
                assert_callers_fault(&reply);
                assert_eq!(before, app.dump().await, "{document} {variables}");
            }
        }
        for body in ["{\"query\": \"\u{0}\"}", "{\"query\": \"{ me { id } }\", \"operationName\": \"\\u0000\"}", "{\"query\": \"{ users(where: {id: \\\"\\u0000\\\"}) { id } }\"}", "\u{0}", "{\"query\": \"\\ud800\"}"] {
            for path in PATHS {
                assert_callers_fault(&raw(&app, path, body.to_owned()).await);
            }
        }
    }

    async fn json_returns_as_it_came(app: App) {
        let mut n = 0;
        for path in PATHS {
            for text in [
                r#"{}"#,
                r#"{"z":1,"a":{"y":null,"b":[]},"m":[null,{"n":null}],"":""}"#,
                r#"{"max":9223372036854775807,"min":-9223372036854775808,"more":18446744073709551616,"huge":123456789012345678901234567890}"#,
                r#"{"a":1.10,"b":1.0,"c":0.1,"d":-0,"e":-0.0,"f":1e400,"g":-1.5e-400,"h":0.30000000000000004,"i":1E5,"j":1e+5}"#,
                r#"{"text":"é😀\"\\\n\u0001/","é":"x"}"#,
                r#"{"$serde_json::private::RawValue":"1"}"#,
                r#"{"a":{"$serde_json::private::RawValue":"1"}}"#,
                r#"{"a":{"$serde_json::private::RawValue":"not json"}}"#,
                r#"{"a":[{"$serde_json::private::RawValue":"{\"b\":2}","c":3}]}"#,
                r#"{"a":{"$serde_json::private::Number":"1"},"b":{"$serde_json::private::Number":"x"}}"#,
                r#"{"where":{"id":null},"__typename":"x","a b":1,"$x":2}"#,
                r#"{"text":"null","bool":true,"no":false,"number":"1"}"#,
            ] {
                n += 1;
                let query = "mutation($id: ID!, $v: JSON) { createUser(data: {id: $id, variables: $v}) { variables } }";
                let body = format!(r#"{{"query": {}, "variables": {{"id": "u{n}", "v": {text}}}}}"#, json!(query));
                let reply = raw(&app, path, body).await;
                assert_eq!(reply.body, format!(r#"{{"data":{{"createUser":{{"variables":{text}}}}}}}"#), "{path}");
                let body = json!({"query": format!("{{ users(where: {{id: \"u{n}\"}}) {{ variables }} }}")}).to_string();
                assert_eq!(raw(&app, path, body).await.body, format!(r#"{{"data":{{"users":[{{"variables":{text}}}]}}}}"#), "{path}");
            }
            // Written out in the document, and put together of both.
            n += 1;
            let query = format!("mutation($x: JSON, $d: JSON = {{q: 1.10}}) {{ createUser(data: {{id: \"u{n}\", variables: {{b: 1.10, a: [0.10, null, 18446744073709551615, $x], d: $d, e: ENUM}}}}) {{ variables }} }}");
            let reply = raw(&app, path, format!(r#"{{"query":{},"variables":{{"x":{{"k":2.50}}}}}}"#, json!(query))).await;
            assert_eq!(reply.body, r#"{"data":{"createUser":{"variables":{"b":1.10,"a":[0.10,null,18446744073709551615,{"k":2.50}],"d":{"q":1.10},"e":"ENUM"}}}}"#);
        }
        // A query by GET has variables too.
        let variables = "%7B%22w%22%3A%7B%22id%22%3A%22u1%22%7D%7D";
        let uri = format!("/graphql?query=query(%24w%3AUserWhere)%7Busers(where%3A%24w)%7Bid%7D%7D&variables={variables}");
        let request = Request::get(uri).header(header::AUTHORIZATION, format!("Bearer {ADMIN_KEY}")).body(Body::empty()).unwrap();
        assert_eq!(app.send(request).await.json(), json!({"data": {"users": [{"id": "u1"}]}}));
    }

    async fn json_has_limits(app: App) {
        let nested = |depth: usize| format!("{}1{}", r#"{"a":"#.repeat(depth), "}".repeat(depth));
        let sized = |bytes: usize| format!(r#"{{"a":"{}"}}"#, "x".repeat(bytes - 8));
        assert_eq!(sized(64 * 1024).len(), 64 * 1024);
        let mut n = 0;
        for path in PATHS {
            for (text, fine) in [
                (nested(32), true), (nested(33), false), (nested(99), false), (nested(127), false), (nested(5_000), false),
                ("[".repeat(100_000), false), (sized(64 * 1024), true), (sized(64 * 1024 + 1), false),
                (r#"[{"a":1}]"#.to_owned(), false), ("1".to_owned(), false), ("\"text\"".to_owned(), false), ("true".to_owned(), false),
            ] {
                n += 1;
                let query = "mutation($id: ID!, $v: JSON) { createUser(data: {id: $id, variables: $v}) { variables } }";
                let reply = raw(&app, path, format!(r#"{{"query": {}, "variables": {{"id": "u{n}", "v": {text}}}}}"#, json!(query))).await;
                assert_callers_fault(&reply);
                let short = &text[..text.len().min(50)];
                if fine {
                    assert_eq!(reply.body, format!(r#"{{"data":{{"createUser":{{"variables":{text}}}}}}}"#), "{short}");
                } else {
                    assert_eq!(reply.json()["errors"][0]["extensions"]["code"], "INVALID", "{short}");
                }
                assert_eq!(app.number(&format!("SELECT COUNT(*) FROM users WHERE id = 'u{n}'")).await, i64::from(fine), "{short}");
            }
        }
        for variables in ["[]", "1", "\"{}\"", "{", "{\"a\":}"] {
            let reply = raw(&app, "/graphql", format!(r#"{{"query": "{{ me {{ id }} }}", "variables": {variables}}}"#)).await;
            assert_eq!((reply.status.as_u16(), &reply.json()["errors"][0]["extensions"]["code"]), (400, &json!("INVALID")), "{variables}");
        }
        assert_eq!(raw(&app, "/graphql", r#"{"query": "{ me { id } }", "variables": null}"#.to_owned()).await.status.as_u16(), 200);
    }

    async fn a_document_nests_to_a_bound(app: App) {
        let shapes: [fn(usize) -> String; 6] = [
            |depth| format!("mutation {{ createUser(data: {{id: \"deep\", variables: {}1{}}}) {{ id }} }}", "{a: ".repeat(depth), "}".repeat(depth)),
            |depth| format!("{{ users(where: {{idIn: {}{}}}) {{ id }} }}", "[".repeat(depth), "]".repeat(depth)),
            |depth| format!("query($a: {}Int{}) {{ me {{ id }} }}", "[".repeat(depth), "]".repeat(depth)),
            |depth| format!("{}id{}", "{ me ".repeat(depth), "}".repeat(depth)),
            // Brackets that do not close, and texts and comments that hide some.
            |depth| "[".repeat(depth),
            |depth| format!("{{ users(where: {{idIn: {}{}}}) {{ id }} }}", "[\"]\\\"]\" \"\"\"]\\\"\"\"]\"\"\" #]\n".repeat(depth), "]".repeat(depth)),
        ];
        for path in PATHS {
            for shape in shapes {
                for depth in [40, 70, 1_000, 10_000] {
                    let reply = raw(&app, path, json!({ "query": shape(depth) }).to_string()).await;
                    assert_callers_fault(&reply);
                    let code = reply.json()["errors"][0]["extensions"]["code"].clone();
                    assert!(code == "LIMIT_EXCEEDED" || code == "INVALID" && depth < 64, "{depth} {}", reply.body);
                }
            }
            for open in ["{ users(where: {idIn: [\"\"\"x\"", "{ users(where: {idIn: [\"x\n\""] {
                let query = format!("{open}{}", "[".repeat(10_000));
                let reply = raw(&app, path, json!({ "query": query }).to_string()).await;
                assert_eq!(reply.json()["errors"][0]["extensions"]["code"], "INVALID");
            }
        }
        // Brackets in a text nest nothing.
        let text = format!("{}\\\"", "[".repeat(200));
        let found = app.admin().ok(&format!("{{ users(where: {{name: \"{text}\"}}) {{ id }} a: users(where: {{name: \"\"\"{}\"\"\"}}) {{ id }} # (((\n }}", "(".repeat(200)), json!({})).await;
        assert_eq!(found, json!({"users": [], "a": []}));
    }

    async fn names_are_ordered_folded_and_compared_by_code_point(app: App) {
        app.organization("acme", &[]).await;
        let mut names = [
            "Z", "a", "A", "z", "B b", "B_b", "B%b", "Bb", "b", "\u{e9}", "\u{c9}", "\u{df}", "ss", "\u{131}", "i", "I", "\u{130}",
            "\u{fffd}", "\u{1f600}", "\u{e000}", "\u{d7ff}x", "\u{10ffff}", "\u{10ffff}\u{10ffff}b", "a\u{10ffff}", "a\u{10ffff}b", "\u{fb00}",
            "!", "~", "0", "10", "9", "\u{4e2d}\u{6587}", "-a", "_", "%", "\\",
        ].map(str::to_owned);
        for (n, name) in names.iter().enumerate() {
            app.admin().create_user(json!({"id": format!("u{n:02}"), "name": name, "organizationId": "acme"})).await;
        }
        names.sort_by_key(|name| tenantry::model::sort_name(name));
        let listed = async |filter: Value, order: &str| {
            let document = format!("query($w: UserWhere!) {{ users(where: {{organization: {{id: \"acme\"}}, AND: [$w]}}, orderBy: {order}) {{ name }} }}");
            let found = app.admin().ok(&document, json!({"w": filter})).await;
            found["users"].as_array().unwrap().iter().map(|user| user["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(listed(json!({}), "NAME_ASC").await, names);
        let mut backwards = names.to_vec();
        backwards.reverse();
        assert_eq!(listed(json!({}), "NAME_DESC").await, backwards);
        let parts = ["", "a", "A", "B", "B%", "B_", "%", "_", "\\", "\u{df}", "\u{1f600}", "\u{d7ff}", "\u{10ffff}", "a\u{10ffff}", "\u{10ffff}\u{10ffff}", "\u{fffd}", "i", "I", "b"];
        for part in parts {
            let naive = |test: fn(&str, &str) -> bool| names.iter().filter(|name| test(name, part)).cloned().collect::<Vec<_>>();
            assert_eq!(listed(json!({"nameStartsWith": part}), "NAME_ASC").await, naive(|name, part| name.starts_with(part)), "{part:?}");
            assert_eq!(listed(json!({"nameContains": part}), "NAME_ASC").await, naive(|name, part| name.contains(part)), "{part:?}");
            assert_eq!(listed(json!({"name": part}), "NAME_ASC").await, naive(|name, part| name == part), "{part:?}");
            assert_eq!(listed(json!({"nameIn": [part, "a"]}), "NAME_ASC").await, naive(|name, part| name == part || name == "a"), "{part:?}");
        }
    }

    async fn times_are_printed_in_one_form(app: App) {
        let key = async |expiry: &str| {
            let answer = app.admin().send("mutation($d: DateTime) { createApiKey(data: {name: \"k\", expiryDate: $d}) { apiKey { expiryDate } } }", json!({"d": expiry})).await;
            app.admin().ok("mutation { revokeApiKeys(names: [\"k\"]) { id } }", json!({})).await;
            answer["data"]["createApiKey"]["apiKey"]["expiryDate"].as_str().unwrap_or("refused").to_owned()
        };
        for (given, printed) in [
            ("2027-01-31T12:00:00Z", "2027-01-31T12:00:00.000Z"), ("2027-01-31T12:00:00.1Z", "2027-01-31T12:00:00.100Z"),
            ("2027-01-31T12:00:00.123456789Z", "2027-01-31T12:00:00.123Z"), ("2027-01-31T12:00:00.999999+05:30", "2027-01-31T06:30:00.999Z"),
            ("9999-12-31T23:59:59.999Z", "9999-12-31T23:59:59.999Z"), ("9999-12-31T23:59:59.9999Z", "refused"), ("2027-02-30T12:00:00Z", "refused"),
            ("2027-01-31", "refused"), ("", "refused"), ("now", "refused"), ("1899-01-01T00:00:00Z", "refused"), ("10000-01-01T00:00:00Z", "refused"),
        ] {
            assert_eq!(key(given).await, printed, "{given}");
        }
    }
}

mod parsing {
    use proptest::prelude::*;
    use tenantry::model::{Email, UserId, exact_json};

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        #[test]
        fn any_text_is_an_address_or_is_not(text in "\\PC{0,40}|[a-zA-Z@.+ \u{e9}\u{0}-]{0,20}|[a-z+.]{1,8}@[a-zA-Z\u{fc}-]{1,8}\\.[a-z]{1,4}|[a-z0-9!#$%&'*+/=?^_`{|}~.-]{1,9}@[a-z0-9-]{1,8}(\\.[a-z0-9-]{1,5}){0,2}") {
            if let Some(email) = Email::normalize(&text) {
                let stored = email.as_str();
                prop_assert!(stored.is_ascii() && stored.len() <= 254 && stored.matches('@').count() == 1);
                prop_assert_eq!(stored.to_ascii_lowercase(), stored);
                prop_assert!(!stored.contains([' ', '\0', '\r', '\n', '<', '>', ',', ';']));
                let again = Email::normalize(stored).map(|email| email.to_string());
                prop_assert_eq!(again.as_deref(), Some(stored));
                prop_assert!(Email::parse("email", &text).is_ok());
                // What is taken for an address can also be written to: a mail fails nobody by its address.
                prop_assert!(stored.parse::<lettre::message::Mailbox>().is_ok(), "{}", stored);
            } else {
                prop_assert_eq!(Email::parse("email", &text).unwrap_err().code().into_str(), "INVALID");
            }
        }

        #[test]
        fn an_id_is_what_its_rule_says(text in "\\PC{0,20}|[ -~]{0,260}|[\u{0}-\u{ff}]{0,5}") {
            let fits = (1..=255).contains(&text.len()) && text.bytes().all(|byte| (0x20..=0x7e).contains(&byte)) && text.trim_matches(' ') == text;
            prop_assert_eq!(UserId::parse("id", &text).is_ok(), fits);
            prop_assert_eq!(UserId::existing(&text).map(|id| id.to_string()), fits.then_some(text));
        }

        #[test]
        fn json_is_read_as_it_is_written(text in json()) {
            prop_assert_eq!(exact_json(&text).map(|value| value.to_string()), Ok(text));
        }
    }

    /// Compact JSON texts, with keys that some readers take for marks of their own.
    fn json() -> impl Strategy<Value = String> {
        let key = prop_oneof![
            "[a-z]{0,3}",
            Just("$serde_json::private::RawValue".to_owned()),
            Just("$serde_json::private::Number".to_owned())
        ];
        let leaf = prop_oneof![
            "null|true|false",
            "-?[1-9][0-9]{0,30}(\\.[0-9]{1,5})?",
            "\"[a-z0-9 \u{e9}]{0,6}\"",
            Just("\"1\"".to_owned())
        ];
        leaf.prop_recursive(4, 24, 4, move |inner| {
            let member = (key.clone(), inner.clone());
            let members = proptest::collection::vec(member, 0..4).prop_map(|members| {
                // Of several members of one name the last would stay.
                let mut seen = std::collections::BTreeSet::new();
                let members: Vec<String> = members
                    .into_iter()
                    .filter(|(key, _)| seen.insert(key.clone()))
                    .map(|(key, value)| format!("\"{key}\":{value}"))
                    .collect();
                format!("{{{}}}", members.join(","))
            });
            prop_oneof![
                members,
                proptest::collection::vec(inner, 0..4).prop_map(|items| format!("[{}]", items.join(",")))
            ]
        })
    }
}
