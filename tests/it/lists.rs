//! Lists, counts and connections: laws that hold for every kind of thing, held against a plain evaluation in Rust.

use std::collections::BTreeSet;
use std::time::Duration;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::{Map, Value, json};
use tenantry::directory::tenant::Tenant;
use tenantry::directory::user::User;
use tenantry::list::{Cursor, Order, SortKey, SortValue};
use tenantry::model::CursorKey;

use crate::on_both;
use crate::support::documents::{CREATE_API_KEY, CREATE_TENANT, CREATE_USER, DELETE_USER, UPDATE_USER, change};
use crate::support::{App, Caller, assert_leaks_nothing};

/// A kind of thing with its plain fields and what it is ordered by.
struct Kind {
    list: &'static str,
    input: &'static str,
    fields: &'static [&'static str],
    orders: &'static [&'static str],
}

const KINDS: [Kind; 4] = [
    Kind {
        list: "users",
        input: "User",
        fields: &[
            "id",
            "email",
            "name",
            "firstname",
            "lastname",
            "userName",
            "externalId",
            "profile",
            "activated",
            "organizationId",
            "tenantId",
            "organizationRole",
            "roles { name permissions }",
            "permissions",
            "variables",
            "version",
            "createdAt",
            "updatedAt",
            "organization { name id }",
            "organization { users(first: 2, orderBy: ID_DESC) { email } seatLimit }",
            "tenant { version name }",
            "apiKeys { name }",
        ],
        orders: &["CREATED_AT", "UPDATED_AT", "NAME", "EMAIL", "USER_NAME", "ID"],
    },
    Kind {
        list: "organizations",
        input: "Organization",
        fields: &[
            "id",
            "name",
            "variables",
            "seatLimit",
            "version",
            "createdAt",
            "updatedAt",
            "users(first: 3) { id name }",
            "tenants { name }",
        ],
        orders: &["CREATED_AT", "UPDATED_AT", "NAME", "ID"],
    },
    Kind {
        list: "tenants",
        input: "Tenant",
        fields: &[
            "id",
            "name",
            "organizationId",
            "variables",
            "version",
            "createdAt",
            "updatedAt",
            "organization { name version }",
            "users(orderBy: NAME_DESC) { lastname }",
        ],
        orders: &["CREATED_AT", "UPDATED_AT", "NAME", "ID"],
    },
    Kind {
        list: "apiKeys",
        input: "ApiKey",
        fields: &[
            "id",
            "name",
            "description",
            "prefix",
            "permissions",
            "expiryDate",
            "revoked",
            "revokedAt",
            "userId",
            "createdAt",
            "updatedAt",
            "user { email name }",
        ],
        orders: &["CREATED_AT", "UPDATED_AT", "NAME", "ID"],
    },
];

impl Kind {
    fn count(&self) -> String {
        format!("count{}{}", self.list[..1].to_uppercase(), &self.list[1..])
    }
}

/// Things of every kind: names that sort oddly, some alike, some made at one moment, some without what others have.
async fn populate(app: &App) {
    app.organization("acme", &["berlin", "B%"]).await;
    app.organization("globex", &[]).await;
    let names = [
        "a",
        "A",
        "ab",
        "\u{e9}",
        "B%",
        "b_",
        "a%b",
        "\u{1f600}",
        "\u{fffd}",
        "\u{10ffff}",
        "Z z",
        "aa",
    ];
    for n in 0..24_usize {
        if n % 3 == 0 {
            app.services.clock.advance(Duration::from_millis(1));
        }
        let name = |every: usize, shift: usize| (n % every != 0).then(|| names[(n * 5 + shift) % names.len()]);
        let home = ["acme", "globex", "acme", "platform"][n % 4];
        app.admin().create_user(json!({
            "id": format!("{}{:02}", ["u", "U", "%", "z_"][n % 4], 24 - n), "name": name(2, 0), "firstname": name(3, 1), "lastname": name(4, 2),
            "email": (n % 5 != 0).then(|| format!("{}{n}@{home}.example", ["a", "b+c", "z_"][n % 3])), "organizationId": home,
            "tenantId": (home == "acme" && n % 3 == 0).then_some("berlin"), "activated": n % 7 != 0,
            "roles": (n % 4 == 1).then_some(["user", "reviewer"]), "variables": (n % 6 == 2).then(|| json!({"n": n, "a": null})),
        })).await;
        if n < 8 {
            let owner = ["acme", "globex"][n % 2];
            let data = json!({"id": format!("t{n}"), "name": names[n % 5], "organizationId": owner});
            app.admin().ok(CREATE_TENANT, json!({ "data": data })).await;
            app.admin().ok(CREATE_API_KEY, json!({"data": {"name": format!("{}{n}", names[n]), "permissions": (n % 2 == 0).then_some(["read:user"])}})).await;
        }
    }
    for id in ["u24", "U19", "z_01"] {
        app.services.clock.advance(Duration::from_millis(2));
        app.admin().update_user(id, json!({"firstname": "moved on"})).await;
    }
}

/// Cases that are the same at every run.
fn cases<S: Strategy>(strategy: &S, count: usize) -> Vec<S::Value> {
    let mut runner = TestRunner::new_with_rng(Config::default(), TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    (0..count)
        .map(|_| strategy.new_tree(&mut runner).unwrap().current())
        .collect()
}

/// A `where` of users, nested up to three levels.
fn filter() -> impl Strategy<Value = Value> {
    let text = prop_oneof![
        Just("".to_owned()),
        Just("B%".to_owned()),
        Just("\u{10ffff}".to_owned()),
        Just("@acme.example".to_owned()),
        Just("A1@ACME.example".to_owned()),
        Just("admin@platform.invalid".to_owned()),
        "[aAbBzZuU%_ \u{e9}\u{1f600}\u{fffd}]{1,2}",
        "[uU%][0-2]",
        "u(02|03|24)",
    ];
    let field = prop::sample::select(vec!["id", "email", "name", "firstname", "lastname"]);
    let test = prop_oneof![
        (field.clone(), text.clone()).prop_map(|(field, text)| (field.to_owned(), json!(text))),
        (field.clone(), prop::collection::vec(text.clone(), 0..4))
            .prop_map(|(field, texts)| (format!("{field}In"), json!(texts))),
        (field.clone(), text.clone()).prop_map(|(field, text)| (format!("{field}StartsWith"), json!(text))),
        (field, text).prop_map(|(field, text)| (format!("{field}Contains"), json!(text))),
        any::<Option<bool>>().prop_map(|wanted| ("activated".to_owned(), json!(wanted))),
        prop::sample::select(vec![
            json!({"id": "acme"}),
            json!({"id": null}),
            json!({"idIn": ["globex", "x"]}),
            json!({"NOT": {"id": "acme"}}),
            json!({"nameContains": "glo"}),
            json!({}),
            json!(null)
        ])
        .prop_map(|organization| ("organization".to_owned(), organization)),
        prop::sample::select(vec![
            json!({"id": "berlin"}),
            json!({"idStartsWith": "b", "name": null}),
            json!({"OR": []}),
            json!({"name": "nothing"})
        ])
        .prop_map(|tenant| ("tenant".to_owned(), tenant)),
    ];
    let leaf =
        prop::collection::vec(test, 0..3).prop_map(|tests| Value::Object(tests.into_iter().collect::<Map<_, _>>()));
    leaf.prop_recursive(3, 12, 3, |inner| {
        let list = prop::collection::vec(inner.clone(), 0..3);
        prop_oneof![
            (inner.clone(), list.clone()).prop_map(|(mut own, list)| {
                own["AND"] = json!(list);
                own
            }),
            (inner.clone(), list).prop_map(|(mut own, list)| {
                own["OR"] = json!(list);
                own
            }),
            (inner.clone(), inner).prop_map(|(mut own, not)| {
                own["NOT"] = not;
                own
            }),
        ]
    })
}

/// What a `where` means, said as plainly as possible.
fn passes(thing: &Value, filter: &Value) -> bool {
    let Some(tests) = filter.as_object() else { return true };
    tests
        .iter()
        .filter(|(_, wanted)| !wanted.is_null())
        .all(|(test, wanted)| match test.as_str() {
            "AND" => wanted.as_array().unwrap().iter().all(|one| passes(thing, one)),
            "OR" => wanted.as_array().unwrap().iter().any(|one| passes(thing, one)),
            "NOT" => !passes(thing, wanted),
            "activated" => thing["activated"] == *wanted,
            "organization" | "tenant" if tests_nothing(wanted) => true,
            "organization" | "tenant" => thing[test].is_object() && passes(&thing[test], wanted),
            _ => {
                let (field, kind) = ["In", "StartsWith", "Contains"]
                    .iter()
                    .find_map(|kind| Some((test.strip_suffix(kind)?, *kind)))
                    .unwrap_or((test, ""));
                let fold = |text: &Value| {
                    let text = text.as_str().unwrap().to_owned();
                    if field == "email" { text.to_lowercase() } else { text }
                };
                let Some(is) = thing[field].as_str() else { return false };
                match kind {
                    "In" => wanted.as_array().unwrap().iter().any(|one| is == fold(one)),
                    "StartsWith" => is.starts_with(&fold(wanted)),
                    "Contains" => is.contains(&fold(wanted)),
                    _ => is == fold(wanted),
                }
            }
        })
}

fn tests_nothing(filter: &Value) -> bool {
    filter
        .as_object()
        .is_none_or(|tests| tests.values().all(Value::is_null))
}

fn ids(list: &Value) -> Vec<String> {
    list.as_array()
        .unwrap_or_else(|| panic!("no list: {list}"))
        .iter()
        .map(|thing| thing["id"].as_str().unwrap().to_owned())
        .collect()
}

/// The whole of a connection, slice by slice; backwards from its end.
async fn walked(caller: &Caller<'_>, kind: &Kind, order: &str, size: usize, backwards: bool) -> Vec<String> {
    let (list, (count, cursor)) = (
        kind.list,
        if backwards {
            ("last", "before")
        } else {
            ("first", "after")
        },
    );
    let document = format!(
        "query($n: Int, $c: String) {{ {list}Connection(orderBy: {order}, {count}: $n, {cursor}: $c) {{ totalCount nodes {{ id }} edges {{ cursor node {{ id }} }}
            pageInfo {{ hasPreviousPage hasNextPage startCursor endCursor }} }} }}"
    );
    let (mut all, mut from) = (Vec::new(), Value::Null);
    loop {
        let data = caller.ok(&document, json!({"n": size, "c": from})).await;
        let slice = &data[format!("{list}Connection")];
        let page = ids(&slice["nodes"]);
        assert!(page.len() <= size);
        assert_eq!(
            page,
            slice["edges"]
                .as_array()
                .unwrap()
                .iter()
                .map(|edge| edge["node"]["id"].as_str().unwrap())
                .collect::<Vec<_>>()
        );
        let info = &slice["pageInfo"];
        assert_eq!(info["startCursor"], slice["edges"][0]["cursor"]);
        assert_eq!(
            info["endCursor"],
            slice["edges"][page.len().saturating_sub(1)]["cursor"]
        );
        let (came, goes) = if backwards {
            ("hasNextPage", "hasPreviousPage")
        } else {
            ("hasPreviousPage", "hasNextPage")
        };
        assert_eq!(info[came], !all.is_empty(), "{order} {slice}");
        if backwards {
            all.splice(0..0, page.clone());
        } else {
            all.extend(page.clone());
        }
        assert_eq!(
            info[goes],
            all.len() < slice["totalCount"].as_u64().unwrap() as usize,
            "{order} {slice}"
        );
        if info[goes] == false {
            return all;
        }
        from = info[if backwards { "startCursor" } else { "endCursor" }].clone();
    }
}

on_both! {
    async fn filters_mean_what_they_say(app: App) {
        populate(&app).await;
        let admin = app.admin();
        let everybody = admin.ok("{ users { id email name firstname lastname activated organization { id name } tenant { id name } } }", json!({})).await["users"].clone();
        let mut found_some = 0;
        for filter in cases(&filter(), 150) {
            let expected: Vec<String> = everybody.as_array().unwrap().iter().filter(|user| passes(user, &filter)).map(|user| user["id"].as_str().unwrap().to_owned()).collect();
            let document = "query($w: UserWhere) { users(where: $w) { id } countUsers(where: $w) usersConnection(where: $w) { totalCount nodes { id } } }";
            let found = admin.ok(document, json!({"w": filter})).await;
            assert_eq!(ids(&found["users"]), expected, "{filter}");
            assert_eq!(found["countUsers"], expected.len(), "{filter}");
            assert_eq!(found["usersConnection"]["totalCount"], expected.len(), "{filter}");
            assert_eq!(ids(&found["usersConnection"]["nodes"]), expected, "{filter}");
            found_some += usize::from((1..20).contains(&expected.len()));
        }
        assert!(found_some > 9, "the cases say little: {found_some}");
    }

    async fn pages_joined_are_the_whole(app: App) {
        populate(&app).await;
        let admin = app.admin();
        for kind in &KINDS {
            let (list, count) = (kind.list, kind.count());
            for key in kind.orders {
                let mut both_ways = Vec::new();
                for (way, size) in [("ASC", 7), ("DESC", 4)] {
                    let order = format!("{key}_{way}");
                    let whole = admin.ok(&format!("{{ {list}(orderBy: {order}) {{ id }} {count} }}"), json!({})).await;
                    let all = ids(&whole[list]);
                    assert_eq!((whole[&count].as_u64(), all.iter().collect::<BTreeSet<_>>().len()), (Some(all.len() as u64), all.len()));
                    let mut joined = Vec::new();
                    for skip in (0..all.len() + size).step_by(size) {
                        let page = admin.ok(&format!("query($f: PageSize!, $s: Int!) {{ {list}(orderBy: {order}, first: $f, skip: $s) {{ id }} }}"), json!({"f": size, "s": skip})).await;
                        joined.extend(ids(&page[list]));
                    }
                    assert_eq!(joined, all, "{list} by skip, {order}");
                    assert_eq!(walked(&admin, kind, &order, size, false).await, all, "{list} forwards, {order}");
                    assert_eq!(walked(&admin, kind, &order, size, true).await, all, "{list} backwards, {order}");
                    both_ways.push(all);
                }
                // The order is total: backwards is the very reverse.
                both_ways[1].reverse();
                assert_eq!(both_ways[0], both_ways[1], "{list} {key}");
            }
        }
        // And it is by code point, of names when they are folded.
        let found = admin.ok("{ users(orderBy: NAME_ASC) { id name } by: users(orderBy: EMAIL_ASC) { id email } made: users { id createdAt } }", json!({})).await;
        for (list, field) in [("users", "name"), ("by", "email"), ("made", "createdAt")] {
            let keys: Vec<&str> = found[list].as_array().unwrap().iter().map(|user| user[field].as_str().unwrap_or_default()).collect();
            let folded = |key: &&str| if field == "name" { tenantry::model::sort_name(key) } else { (*key).to_owned() };
            assert!(keys.is_sorted_by_key(folded), "{keys:?}");
        }
    }

    async fn a_slice_between_two_cursors(app: App) {
        populate(&app).await;
        let admin = app.admin();
        let all = admin.ok("{ usersConnection(orderBy: NAME_ASC) { edges { cursor node { id } } } }", json!({})).await;
        let edges = all["usersConnection"]["edges"].as_array().unwrap().clone();
        let between = "query($a: String, $b: String, $f: Int, $l: Int) { usersConnection(orderBy: NAME_ASC, after: $a, before: $b, first: $f, last: $l) { nodes { id } pageInfo { hasPreviousPage hasNextPage } } }";
        let expected = |from: usize, to: usize| edges[from..to].iter().map(|edge| edge["node"]["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
        for (variables, from, to) in [
            (json!({"a": edges[3]["cursor"], "b": edges[9]["cursor"]}), 4, 9),
            (json!({"a": edges[3]["cursor"], "b": edges[9]["cursor"], "f": 2}), 4, 6),
            (json!({"a": edges[3]["cursor"], "b": edges[9]["cursor"], "l": 2}), 7, 9),
            (json!({"a": edges[9]["cursor"], "b": edges[3]["cursor"]}), 0, 0),
            (json!({"l": 3}), edges.len() - 3, edges.len()),
        ] {
            let found = admin.ok(between, variables.clone()).await;
            assert_eq!(ids(&found["usersConnection"]["nodes"]), expected(from, to), "{variables}");
        }
        // A cursor stays good when its row is gone.
        let gone = edges[5]["node"]["id"].as_str().unwrap();
        admin.ok(DELETE_USER, json!({"id": gone})).await;
        let found = admin.ok(between, json!({"a": edges[5]["cursor"], "f": 2})).await;
        assert_eq!(ids(&found["usersConnection"]["nodes"]), expected(6, 8));
    }

    async fn what_is_no_cursor_is_refused(app: App) {
        app.organization("acme", &[]).await;
        let admin = app.admin();
        use base64::Engine;
        let base64 = |bytes: &[u8]| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes);
        let mut garbage: Vec<String> = ["", " ", "x", "null", "W10", "\u{e9}", "'; DROP TABLE users --"].map(str::to_owned).to_vec();
        garbage.extend([&b"[]"[..], b"[1]", b"[\"a\",1]", b"[1.5,\"a\"]", b"[1,\"a\",2]", b"{}", b"[99999999999999999999,\"a\"]", b"[1,\"a\\u0000\"]", b"\xff\xfe", b"null"].map(base64));
        garbage.extend(cases(&prop::collection::vec(any::<u8>(), 0..40), 30).iter().map(|bytes| base64(bytes)));
        garbage.extend(cases(&"\\PC{0,30}", 30));
        // One of another order: a text where a number belongs.
        let by = |key, descending| Order { key, descending };
        let key = app.services.cursor_keys.get(app.services.db.reader()).await.unwrap();
        let cursor = |value, order| Cursor { value, pk: 1 }.encode::<User>(order, key).unwrap();
        let name = cursor(SortValue::Text("a".to_owned()), by(SortKey::Name, false));
        // With another value, which is not what it was made of.
        let mut bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(&name).unwrap();
        bytes.push(b'b');
        assert_eq!(admin.code("query($c: String) { usersConnection(after: $c, orderBy: NAME_ASC) { nodes { id } } }", json!({"c": base64(&bytes)})).await, "INVALID");
        garbage.push(name);
        for cursor in garbage {
            for (argument, order) in [("after", "CREATED_AT_ASC"), ("before", "UPDATED_AT_DESC")] {
                let document = format!("query($c: String) {{ usersConnection({argument}: $c, orderBy: {order}) {{ nodes {{ id }} }} }}");
                let error = admin.refusal(&document, json!({"c": cursor})).await;
                assert_eq!(error["extensions"], json!({"code": "INVALID", "field": argument}), "{cursor:?}");
                assert_eq!(error["path"], json!(["usersConnection"]));
            }
        }
        let number = cursor(SortValue::Number(1), by(SortKey::UpdatedAt, false));
        assert_eq!(admin.code("query($c: String) { usersConnection(after: $c, orderBy: NAME_ASC) { nodes { id } } }", json!({"c": number})).await, "INVALID");
        // What has a cursor's form is a place, whether or not something stood there.
        let anywhere = cursor(SortValue::Text("'; --".to_owned()), by(SortKey::Name, false));
        admin.ok("query($c: String) { usersConnection(after: $c, orderBy: NAME_ASC) { nodes { id } } }", json!({"c": anywhere})).await;
    }

    async fn windows_have_bounds(app: App) {
        app.organization("acme", &["berlin"]).await;
        let admin = app.admin();
        for kind in &KINDS {
            let list = kind.list;
            for (arguments, field) in [
                ("first: 0", "first"), ("first: -1", "first"), ("first: 101", "first"), ("first: 2147483648", "first"), ("first: 9007199254740993", "first"),
                ("skip: -1", "skip"), ("first: 1, skip: -2147483648", "skip"),
            ] {
                let error = admin.refusal(&format!("{{ {list}({arguments}) {{ id }} }}"), json!({})).await;
                assert_eq!((&error["extensions"], &error["path"]), (&json!({"code": "INVALID", "field": field}), &json!([list])), "{list} {arguments}");
            }
            let connection = format!("{list}Connection");
            for (arguments, field) in [("first: 0", "first"), ("first: 101", "first"), ("last: 0", "last"), ("last: 101", "last"), ("last: -5", "last"), ("first: 1, last: 1", "last")] {
                let error = admin.refusal(&format!("{{ {connection}({arguments}) {{ nodes {{ id }} }} }}"), json!({})).await;
                assert_eq!((&error["extensions"], &error["path"]), (&json!({"code": "INVALID", "field": field}), &json!([connection])), "{list} {arguments}");
            }
            // Null is not given, and past the end there is nothing.
            let document = format!("query($f: PageSize, $s: Int) {{ {list}(first: $f, skip: $s) {{ id }} }}");
            let whole = admin.ok(&document, json!({"f": null, "s": null})).await;
            assert_eq!(whole, admin.ok(&document, json!({})).await);
            assert_eq!(whole, admin.ok(&document, json!({"f": 100, "s": 0})).await);
            assert_eq!(admin.ok(&document, json!({"s": i32::MAX})).await[list], json!([]));
            for bad in [json!("10"), json!(1.5), json!([1, 2]), json!(true), json!(1e300)] {
                assert_eq!(admin.code(&document, json!({"f": bad})).await, "INVALID", "{bad}");
            }
        }
        let error = admin.refusal("{ organizations(where: {id: \"acme\"}) { tenants(first: 101) { id } } }", json!({})).await;
        assert_eq!((&error["extensions"]["field"], &error["path"][0]), (&json!("first"), &json!("organizations")));
        let error = admin.refusal("{ me { apiKeys(skip: -1) { id } } }", json!({})).await;
        assert_eq!((&error["extensions"]["field"], &error["path"][0]), (&json!("skip"), &json!("me")));
    }

    async fn a_page_of_a_hundred_is_full(app: App) {
        let admin = app.admin();
        let requests: Vec<_> = (0..104).map(|n| admin.prepared(CREATE_USER, json!({"data": {"id": format!("u{n}")}}))).collect();
        let mut requests = requests.into_iter().peekable();
        while requests.peek().is_some() {
            app.at_once(requests.by_ref().take(8)).await;
        }
        let found = admin.ok("{ users { id } rest: users(skip: 100) { id } countUsers usersConnection { nodes { id } pageInfo { hasNextPage } } organizations { users { id } } }", json!({})).await;
        let lengths = ["users", "rest"].map(|list| found[list].as_array().unwrap().len());
        assert_eq!((lengths, &found["countUsers"]), ([100, 5], &json!(105)));
        assert_eq!((ids(&found["usersConnection"]["nodes"]).len(), &found["usersConnection"]["pageInfo"]["hasNextPage"]), (100, &json!(true)));
        assert_eq!(ids(&found["organizations"][0]["users"]).len(), 100);
    }

    async fn filters_nest_to_a_bound(app: App) {
        app.organization("acme", &["berlin"]).await;
        let admin = app.admin();
        let nested = |depth: usize, wrap: fn(Value) -> Value| (0..depth).fold(json!({"id": "admin"}), |inner, _| wrap(inner));
        let list = "query($w: UserWhere) { users(where: $w) { id } }";
        let wraps: [fn(Value) -> Value; 4] = [
            |inner| json!({"AND": [inner]}), |inner| json!({"OR": [inner]}), |inner| json!({"NOT": inner}), |inner| json!({"organization": {"user": inner}}),
        ];
        for wrap in wraps {
            admin.ok(list, json!({"w": nested(2, wrap)})).await;
            for depth in [12, 30, 49] {
                let filter = nested(depth, wrap);
                for (document, variables) in [
                    (list, json!({"w": filter})),
                    ("query($w: UserWhere) { countUsers(where: $w) }", json!({"w": filter})),
                    ("query($w: UserWhere) { usersConnection(where: $w) { totalCount } }", json!({"w": filter})),
                    ("query($w: UserWhere) { organizations { users(where: $w) { id } } }", json!({"w": filter})),
                    ("query($w: UserWhere) { tenants(where: {organization: {user: $w}}) { id } }", json!({"w": filter})),
                    ("query($w: UserWhere) { apiKeys(where: {user: $w}) { id } }", json!({"w": filter})),
                    (UPDATE_USER, json!({"where": {"id": "admin", "AND": [filter]}, "data": {"firstname": "X"}})),
                    ("mutation($w: UserWhere) { updateTenant(where: {id: \"berlin\", organization: {user: $w}}, data: {name: \"X\"}) { id } }", json!({"w": filter})),
                    ("mutation($w: UserWhere) { deleteOrganization(where: {id: \"acme\", user: $w}) { id } }", json!({"w": filter})),
                    ("mutation($w: UserWhere) { rotateApiKey(where: {user: $w}) { secret } }", json!({"w": filter})),
                ] {
                    assert_eq!(admin.code(document, variables).await, "INVALID", "{document} {depth}");
                }
            }
        }
        for many in [json!({"OR": vec![json!({"id": "a"}); 250]}), json!({"organization": {"AND": vec![json!({"id": "a", "name": "b"}); 150]}}), json!({"NOT": {"tenant": {"OR": vec![json!({"id": "a"}); 250]}}})] {
            assert_eq!(admin.code(list, json!({"w": many})).await, "INVALID");
        }
        // Many values of one test are one test.
        let values: Vec<String> = (0..15_000).map(|n| format!("u{n}")).collect();
        assert_eq!(admin.ok(list, json!({"w": {"idIn": values, "emailIn": values, "nameIn": values}})).await["users"], json!([]));
        for deep in [60, 127, 5_000] {
            let text = format!("{}1{}", "{\"NOT\":".repeat(deep), "}".repeat(deep));
            let body = format!(r#"{{"query": {}, "variables": {{"w": {text}}}}}"#, json!(list));
            let request = admin.request("/graphql", &json!({}));
            let (parts, _) = request.into_parts();
            let reply = app.send(axum::http::Request::from_parts(parts, axum::body::Body::from(body))).await;
            assert!(reply.status.as_u16() < 500);
            assert_leaks_nothing(&reply.body);
        }
    }

    async fn any_selection_is_a_part_of_the_full_answer(app: App) {
        populate(&app).await;
        let admin = app.admin();
        for kind in &KINDS {
            // Each field under a name of its own, so that one may stand twice with other things under it.
            let named = |n: &usize| format!("f{n}: {}", kind.fields[*n]);
            let all: Vec<usize> = (0..kind.fields.len()).collect();
            let select = |fields: &[usize]| fields.iter().map(named).collect::<Vec<_>>().join(" ");
            let list = kind.list;
            let full = admin.ok(&format!("{{ {list}(orderBy: ID_ASC) {{ {} }} }}", select(&all)), json!({})).await[list].clone();
            for fields in cases(&prop::sample::subsequence(all, 1..5), 20) {
                let expected: Vec<Value> = full.as_array().unwrap().iter().map(|thing| fields.iter().map(|n| (format!("f{n}"), thing[format!("f{n}")].clone())).collect()).collect();
                let (some, (first, rest)) = (select(&fields), fields.split_at(1));
                let document = format!(
                    "query($yes: Boolean = true) {{ {list}(orderBy: ID_ASC) {{ ...All ... on {} @include(if: $yes) {{ __typename }} id @skip(if: $yes) }}
                        {list}Connection(orderBy: ID_ASC) {{ nodes {{ {} }} edges {{ node {{ ... on {} {{ {} }} }} }} }} }} fragment All on {} {{ {some} }}",
                    kind.input, select(first), kind.input, if rest.is_empty() { "__typename".to_owned() } else { select(rest) }, kind.input
                );
                let data = admin.ok(&document, json!({})).await;
                let without = |thing: &Value| { let mut thing = thing.clone(); thing.as_object_mut().unwrap().remove("__typename"); thing };
                let listed: Vec<Value> = data[list].as_array().unwrap().iter().map(without).collect();
                assert_eq!(listed, expected, "{some}");
                let connection = &data[format!("{list}Connection")];
                for (n, expected) in expected.iter().enumerate() {
                    let mut joined = connection["nodes"][n].clone();
                    joined.as_object_mut().unwrap().extend(without(&connection["edges"][n]["node"]).as_object().unwrap().clone());
                    assert_eq!(&joined, expected, "{some}");
                }
            }
        }
    }

    async fn a_nested_list_keeps_to_its_arguments(app: App) {
        populate(&app).await;
        let admin = app.admin();
        // The same key in the answer, under one organization that stands there twice.
        let found = admin.ok("query($n: PageSize = 2) { users(where: {organization: {id: \"acme\"}}, first: 2) {
            a: organization { users(first: 1) { id } } b: organization { users(first: $n, orderBy: ID_DESC) { id name } users(orderBy: ID_DESC, first: $n) { email } }
            organization { users(skip: 1, first: 1) { id } tenants { id } x: tenants(where: {id: \"berlin\"}) { id } } } }", json!({})).await;
        let whole = admin.ok("{ users(where: {organization: {id: \"acme\"}}) { id } down: users(where: {organization: {id: \"acme\"}}, orderBy: ID_DESC) { id name email } }", json!({})).await;
        for user in found["users"].as_array().unwrap() {
            assert_eq!(user["a"]["users"], json!([whole["users"][0]]));
            assert_eq!(user["b"]["users"], json!([whole["down"][0], whole["down"][1]]));
            assert_eq!(user["organization"]["users"], json!([whole["users"][1]]));
            assert_eq!((ids(&user["organization"]["tenants"]).len(), &user["organization"]["x"]), (6, &json!([{"id": "berlin"}])));
        }
        let found = admin.ok("{ organizationsConnection(where: {id: \"acme\"}) { nodes { users(first: 1) { id } } edges { node { users(first: 2) { id } } } } }", json!({})).await;
        let connection = &found["organizationsConnection"];
        assert_eq!((ids(&connection["nodes"][0]["users"]).len(), ids(&connection["edges"][0]["node"]["users"]).len()), (1, 2));
        // A filter there narrows, and never widens.
        let found = admin.ok("{ tenants(where: {id: \"berlin\"}) { users(where: {OR: [{organization: {id: \"globex\"}}, {activated: false}]}) { activated tenantId } } }", json!({})).await;
        assert!(found["tenants"][0]["users"].as_array().unwrap().iter().all(|user| *user == json!({"activated": false, "tenantId": "berlin"})));
    }

    async fn nobody_learns_of_others_by_a_filter(app: App) {
        app.organization("acme", &["berlin"]).await;
        app.organization("globex", &[]).await;
        let plain = app.user("acme", "plain", Some("api-user")).await;
        app.admin().update_user("plain", json!({"tenantId": "berlin"})).await;
        let chief = app.user("acme", "chief", Some("organization-admin")).await;
        app.user("globex", "stranger", None).await;
        for (caller, hidden) in [(&plain, "chief"), (&plain, "stranger"), (&chief, "stranger")] {
            for about in [json!({"id": hidden}), json!({"emailStartsWith": hidden}), json!({"nameContains": &hidden[1..]})] {
                for nest in [json!({"organization": {"user": about}}), json!({"tenant": {"organization": {"user": about}}}), json!({"organization": {"OR": [{"user": about}, {"user": about}]}})] {
                    let found = caller.ok("query($w: UserWhere) { users(where: $w) { id } countUsers(where: $w) apiKeys(where: {user: $w}) { id } }", json!({"w": nest})).await;
                    assert_eq!(found, json!({"users": [], "countUsers": 0, "apiKeys": []}), "{nest}");
                }
            }
        }
        assert_eq!(plain.ok("{ countUsers(where: {organization: {user: {id: \"plain\"}}}) }", json!({})).await["countUsers"], 1);
        assert_eq!(chief.ok("{ countUsers(where: {organization: {user: {id: \"plain\"}}}) }", json!({})).await["countUsers"], 2);
        // Whose key it is, is told of one's own keys only.
        let whose = "query($k: String) { users(where: {apiKey: $k}) { id } }";
        assert_eq!(chief.ok(whose, json!({"k": chief.key})).await["users"], json!([{"id": "chief"}]));
        assert_eq!(chief.ok(whose, json!({"k": plain.key})).await["users"], json!([]));
        assert_eq!(app.admin().ok(whose, json!({"k": plain.key})).await["users"], json!([]));
    }

    async fn connections_lose_and_repeat_nothing_that_stays(app: App) {
        app.organization("acme", &[]).await;
        let admin = app.admin();
        for n in 0..20 {
            app.services.clock.advance(Duration::from_micros(7));
            for id in [format!("stays{n:02}"), format!("goes{n:02}")] {
                admin.create_user(json!({"id": id, "name": format!("n{}", n * 7 % 20), "organizationId": "acme"})).await;
            }
        }
        for order in ["CREATED_AT_ASC", "CREATED_AT_DESC", "NAME_ASC", "NAME_DESC", "ID_ASC", "EMAIL_DESC"] {
            let (mut seen, mut from, mut n) = (Vec::new(), Value::Null, 0);
            loop {
                let document = format!("query($c: String) {{ usersConnection(where: {{organization: {{id: \"acme\"}}}}, orderBy: {order}, first: 6, after: $c) {{ nodes {{ id }} pageInfo {{ hasNextPage endCursor }} }} }}");
                // While the page is read, others come, go, and change their places.
                n += 1;
                let extra = format!("{}-{order}-{n}", ["a", "goes", "z"][n % 3]);
                let requests = [
                    admin.prepared(&document, json!({"c": from})),
                    admin.prepared(CREATE_USER, json!({"data": {"id": extra, "name": format!("n{n}"), "organizationId": "acme"}})),
                    admin.prepared(UPDATE_USER, change(&format!("goes{:02}", n * 3 % 20), json!({"name": format!("n{}", n % 9), "email": format!("e{n}@x.example")}))),
                    admin.prepared(DELETE_USER, json!({"id": format!("{}-{order}-{}", ["a", "goes", "z"][(n + 2) % 3], n - 1)})),
                ];
                let answers = app.at_once(requests).await;
                let slice = &answers[0]["data"]["usersConnection"];
                seen.extend(ids(&slice["nodes"]).into_iter().filter(|id| id.starts_with("stays")));
                if slice["pageInfo"]["hasNextPage"] == false || n > 40 {
                    break;
                }
                from = slice["pageInfo"]["endCursor"].clone();
            }
            assert_eq!((seen.len(), seen.iter().collect::<BTreeSet<_>>().len()), (20, 20), "{order} {seen:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn a_cursor_comes_back_as_it_went(number in any::<i64>(), text in "[^\u{0}]{0,20}", pk in any::<i64>()) {
        let key = a_key();
        for order in orders() {
            let value = match order.key {
                SortKey::CreatedAt => SortValue::Made,
                SortKey::UpdatedAt | SortKey::Position => SortValue::Number(number),
                SortKey::Name | SortKey::Email | SortKey::UserName | SortKey::Id => SortValue::Text(text.clone()),
            };
            let cursor = Cursor { value, pk };
            let written = cursor.encode::<User>(order, &key).unwrap();
            for other in orders() {
                let read = Cursor::decode::<User>("after", &written, other, &key);
                prop_assert_eq!(read.ok(), (other == order).then(|| cursor.clone()));
                prop_assert!(Cursor::decode::<Tenant>("after", &written, other, &key).is_err());
            }
        }
    }

    #[test]
    fn reading_a_cursor_never_fails_otherwise(text in "\\PC{0,60}|[A-Za-z0-9_-]{0,60}", rest in "\\PC{0,40}") {
        use base64::Engine;
        let base64 = |text: String| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(text);
        let key = a_key();
        // Anything, and what is as long as a cursor.
        let long = base64(format!("0123456789abcdef{rest}"));
        for text in [long, text.clone(), base64(text), base64(rest)] {
            for order in orders() {
                if let Err(error) = Cursor::decode::<User>("after", &text, order, &key) {
                    prop_assert_eq!(error.code().into_str(), "INVALID");
                }
            }
        }
    }
}

fn a_key() -> CursorKey {
    CursorKey::parse("00112233445566778899aabbccddeeff").unwrap()
}

/// The orders of users.
fn orders() -> impl Iterator<Item = Order> {
    let keys = [
        SortKey::CreatedAt,
        SortKey::UpdatedAt,
        SortKey::Name,
        SortKey::Email,
        SortKey::UserName,
        SortKey::Id,
    ];
    keys.into_iter()
        .flat_map(|key| [false, true].map(|descending| Order { key, descending }))
}
