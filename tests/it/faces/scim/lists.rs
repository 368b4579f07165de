//! Section 5: pages, cursors, orders, filters and selections.

use axum::http::Method;
use serde_json::{Value, json};

use super::{
    BASE, ENTERPRISE, GROUPS, USERS, answered, asking, at, found, get, group_of, id_of, ids, message, patch, post,
    refused, user_of, world,
};
use crate::on_both;
use crate::support::{App, Caller};

/// All pages of a list by cursor.
async fn by_cursor(caller: &Caller<'_>, endpoint: &str, parameters: &[(&str, &str)]) -> Vec<String> {
    let mut all = Vec::new();
    let mut cursor = String::new();
    loop {
        let mut wanted = parameters.to_vec();
        wanted.push(("cursor", &cursor));
        let page = get(caller, &asking(endpoint, &wanted)).await;
        assert_eq!(page.get("startIndex"), None, "{page}");
        all.extend(
            page["Resources"]
                .as_array()
                .unwrap()
                .iter()
                .map(|one| one["id"].as_str().unwrap().to_owned()),
        );
        match page["nextCursor"].as_str() {
            Some(next) => cursor = next.to_owned(),
            None => return all,
        }
        assert!(
            cursor
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)),
            "{cursor}"
        );
    }
}

on_both! {
    async fn pages_are_windows(app: App) {
        let (ada, _) = world(&app).await;
        app.crowd("acme", 1_200).await;
        let page = async |parameters: &[(&str, &str)]| get(&ada, &asking(USERS, parameters)).await;
        let size = |page: &Value| page["Resources"].as_array().unwrap().len();
        let first = page(&[]).await;
        assert_eq!((&first["totalResults"], &first["itemsPerPage"], &first["startIndex"], size(&first)), (&json!(1_202), &json!(100), &json!(1), 100));
        assert_eq!(first["Resources"][0]["id"], "ada");
        for (start, count, number) in [("1", "1000", 1_000), ("-5", "5000", 1_000), ("0", "2", 2), ("1201", "10", 2), ("1203", "10", 0), ("1", "0", 0), ("1", "-1", 0), ("99999999999999999999", "3", 0)] {
            let seen = page(&[("startIndex", start), ("count", count)]).await;
            assert_eq!((size(&seen), &seen["totalResults"], &seen["itemsPerPage"]), (number, &json!(1_202), &json!(number)), "{start} {count}");
        }
        for bad in [("count", "x"), ("startIndex", "1.5"), ("sortBy", "title"), ("sortOrder", "up"), ("sortBy", "meta")] {
            refused(&ada, (400, "invalidValue"), Method::GET, &asking(USERS, &[bad]), None).await;
        }
        refused(&ada, (400, "invalidValue"), Method::GET, &asking(USERS, &[("attributes", "id"), ("excludedAttributes", "meta")]), None).await;
        refused(&ada, (400, "invalidValue"), Method::GET, &asking(GROUPS, &[("sortBy", "userName")]), None).await;
        refused(&ada, (400, "invalidValue"), Method::GET, &asking(BASE, &[("sortBy", "id")]), None).await;
        let large = page(&[("startIndex", "101"), ("count", "100"), ("attributes", "id")]).await;
        assert_eq!(large["Resources"][0], json!({"schemas": [super::USER], "id": "crowd-99"}));
    }

    async fn cursors_neither_repeat_nor_lose(app: App) {
        let (ada, _) = world(&app).await;
        app.crowd("acme", 40).await;
        for name in ["A", "B", "C"] {
            post(&ada, GROUPS, group_of(json!({"displayName": name}))).await;
        }
        let all = ids(&ada, USERS).await;
        let groups = ids(&ada, GROUPS).await;
        assert_eq!(by_cursor(&ada, USERS, &[("count", "7")]).await, all);
        let everything: Vec<String> = all.iter().chain(&groups).cloned().collect();
        for count in ["1", "6", "7", "42", "44", "100"] {
            assert_eq!(by_cursor(&ada, BASE, &[("count", count)]).await, everything, "{count}");
        }
        for (key, order) in [("id", "descending"), ("userName", "ascending"), ("displayName", "descending"), ("meta.lastModified", "descending"), ("META.created", "Descending")] {
            let sorted = ids(&ada, &asking(USERS, &[("sortBy", key), ("sortOrder", order), ("count", "1000")])).await;
            assert_eq!(sorted.len(), all.len());
            assert_eq!(by_cursor(&ada, USERS, &[("sortBy", key), ("sortOrder", order), ("count", "9")]).await, sorted, "{key}");
        }
        let page = get(&ada, &asking(USERS, &[("count", "7"), ("cursor", "")])).await;
        let cursor = page["nextCursor"].as_str().unwrap();
        for (endpoint, more) in [(GROUPS, None), (BASE, None), (USERS, Some(("filter", "active eq true"))), (USERS, Some(("sortBy", "id")))] {
            let mut wanted = vec![("cursor", cursor)];
            wanted.extend(more);
            refused(&ada, (400, "invalidCursor"), Method::GET, &asking(endpoint, &wanted), None).await;
        }
        for bad in ["x", "%00", &cursor[1..], &format!("{cursor}A")] {
            refused(&ada, (400, "invalidCursor"), Method::GET, &asking(USERS, &[("cursor", bad)]), None).await;
        }
        refused(&ada, (400, "invalidValue"), Method::GET, &asking(USERS, &[("cursor", cursor), ("startIndex", "1")]), None).await;
        for count in ["-1", "x"] {
            refused(&ada, (400, "invalidCount"), Method::GET, &asking(USERS, &[("cursor", cursor), ("count", count)]), None).await;
        }
    }

    async fn filters_find_what_they_say(app: App) {
        let (ada, _) = world(&app).await;
        let lin = post(&ada, USERS, json!({
            "schemas": [super::USER, ENTERPRISE], "userName": "Lin@acme.example", "externalId": "E1", "displayName": "Lin", "title": "Engineer",
            "name": {"givenName": "Lin", "honorificPrefix": "Dr"}, "emails": [{"value": "lin.o@acme.example", "type": "work", "primary": true}, {"value": "Lin@home.example", "type": "home"}],
            "addresses": [{"type": "work", "locality": "Oxford"}, {"type": "home", "locality": "Bath"}], ENTERPRISE: {"department": "R&D", "manager": "ann"},
        })).await;
        let lin = id_of(&lin);
        for filter in [
            "userName eq \"LIN@ACME.example\"", "userName sw \"LIN\"", "externalId eq \"E1\"", "EXTERNALID Eq \"E1\"", "displayName eq \"Lin\"",
            "emails eq \"LIN@home.example\"", "emails[type eq \"work\"].value eq \"lin.O@acme.example\"", "emails[type eq \"home\" and value ew \"home.EXAMPLE\"]",
            "emails.type eq \"home\"", "title pr", "title co \"gin\"", "name.honorificPrefix eq \"Dr\"", "name.givenName eq \"Lin\"",
            "addresses[type eq \"work\" and locality co \"xfo\"]", "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department eq \"R&D\"",
            "urn:ietf:params:scim:schemas:core:2.0:User:title eq \"Engineer\"", "manager eq \"ann\"", "externalId pr and active eq true",
            "not (title eq \"x\") and title pr", "(title eq \"x\" or title eq \"Engineer\") and active eq \"True\"", "meta.resourceType eq \"User\" and title pr",
            "title gt \"Enginedr\" and title le \"Engineer\"", "name pr and title pr", "addresses pr",
        ] {
            assert_eq!(found(&ada, USERS, filter).await, [lin], "{filter}");
        }
        for filter in [
            "externalId eq \"e1\"", "addresses[type eq \"home\" and locality eq \"Oxford\"]", "title eq \"Engineer\" and active eq false",
            "meta.resourceType eq \"Group\"", "displayName co \"%\"", "displayName eq \"a\\u0000\"", "meta.created gt \"2030-01-01T00:00:00Z\"", "groups pr",
            "emails[type eq \"work\"].value eq \"lin@home.example\"",
        ] {
            assert_eq!(found(&ada, USERS, filter).await, [""; 0], "{filter}");
        }
        assert_eq!(found(&ada, USERS, "title ne \"Engineer\"").await, ["ada", "ann"]);
        assert_eq!(found(&ada, USERS, "title eq null").await, ["ada", "ann"]);
        assert_eq!(found(&ada, USERS, "").await.len(), 3);
        for bad in ["title", "title eq", "nothing eq \"x\"", "title eq 1", "active gt true", "password eq \"x\"", "roles eq \"x\"", "title eq \"x\" and", "(title pr", "meta.version pr", &format!("title eq \"{}\"", "x".repeat(9_000))] {
            refused(&ada, (400, "invalidFilter"), Method::GET, &asking(USERS, &[("filter", bad)]), None).await;
        }
        // At the base what one kind lacks is false for it.
        post(&ada, GROUPS, group_of(json!({"displayName": "Lin"}))).await;
        assert_eq!(found(&ada, BASE, "displayName eq \"Lin\"").await.len(), 2);
        assert_eq!(found(&ada, BASE, "title pr").await, [lin]);
        assert_eq!(found(&ada, BASE, "meta.resourceType eq \"Group\"").await.len(), 1);
        refused(&ada, (400, "invalidFilter"), Method::GET, &asking(BASE, &[("filter", "nothing pr")]), None).await;
    }

    async fn a_filter_has_up_to_a_hundred_comparisons_of_any_kind(app: App) {
        let (ada, _) = world(&app).await;
        for (endpoint, one) in [
            (USERS, "userName eq \"x\""), (USERS, "emails eq \"x\""), (USERS, "phoneNumbers.value co \"x\""), (USERS, "emails.type pr"),
            (USERS, "groups pr"), (USERS, "groups eq \"x\""), (USERS, "name pr"), (USERS, "emails[type eq \"work\"]"), (GROUPS, "members pr"), (GROUPS, "members eq \"x\""),
        ] {
            for (comparisons, status) in [(100, 200), (101, 400)] {
                let filter = vec![one; comparisons].join(" or ");
                let search = json!({"schemas": super::message("SearchRequest"), "filter": filter, "count": 1});
                let reply = super::ask(&ada, Method::POST, &format!("{endpoint}/.search"), &[], Some(&search)).await;
                assert_eq!(reply.status, status, "{comparisons} times {one}: {reply:?}");
            }
        }
    }

    async fn a_filter_has_up_to_ten_levels_of_any_kind(app: App) {
        let (ada, _) = world(&app).await;
        for (endpoint, one, open) in [
            (USERS, "userName sw \"x\"", "("), (USERS, "id pr", "not ("), (USERS, "userName sw \"x\"", "title pr and ("),
            (USERS, "title pr", "title pr and not ("), (USERS, "groups pr", "active eq true and not ("), (USERS, "id pr", "id pr and not ("),
            (USERS, "id pr", "id pr or (id pr and "), (GROUPS, "members pr", "displayName pr and not ("), (BASE, "id pr", "id pr and not ("),
        ] {
            for (levels, status) in [(10, 200), (11, 400)] {
                let filter = open.repeat(levels) + one + &")".repeat(levels);
                let reply = super::ask(&ada, Method::GET, &asking(endpoint, &[("filter", &filter), ("count", "1")]), &[], None).await;
                assert_eq!(reply.status, status, "{filter}: {reply:?}");
            }
        }
    }

    async fn a_name_is_compared_by_its_key(app: App) {
        let (ada, _) = world(&app).await;
        let lin = super::post(&ada, USERS, user_of(json!({"userName": "Lin@m\u{fc}ller.example"}))).await;
        app.admin().ok("mutation { createUser(data: {id: \"Svc1\", organizationId: \"acme\"}) { id } }", json!({})).await;
        for op in ["eq", "sw", "ew", "co", "ge", "le"] {
            for name in ["lin@m\u{fc}ller.example", "LIN@xn--mller-kva.example"] {
                let filter = format!("userName {op} \"{name}\" and userName sw \"lin@\"");
                assert_eq!(found(&ada, USERS, &filter).await, [super::id_of(&lin)], "{filter}");
            }
        }
        assert_eq!(found(&ada, USERS, "userName eq \"Svc1\"").await, ["Svc1"]);
        for filter in ["userName: \"Svc1\"", "userNameIn: [\"Svc1\"]"] {
            let asked = ada.ok(&format!("{{ users(where: {{{filter}}}) {{ id userName }} }}"), json!({})).await;
            assert_eq!(asked["users"], json!([{"id": "Svc1", "userName": "Svc1"}]));
        }
    }

    async fn a_page_of_none_keeps_its_place(app: App) {
        let (ada, _) = world(&app).await;
        let mut cursor = String::new();
        for _ in 0..3 {
            let page = get(&ada, &asking(USERS, &[("cursor", &cursor), ("count", "0")])).await;
            assert_eq!((&page["Resources"], &page["totalResults"]), (&json!([]), &json!(2)));
            cursor = page["nextCursor"].as_str().unwrap().to_owned();
        }
        let page = get(&ada, &asking(USERS, &[("cursor", &cursor)])).await;
        assert_eq!((page["Resources"].as_array().unwrap().len(), page.get("nextCursor")), (2, None));
        let none = get(&ada, &asking(USERS, &[("cursor", ""), ("count", "0"), ("filter", "userName eq \"nobody\"")])).await;
        assert_eq!(none.get("nextCursor"), None);
    }

    async fn searches_are_lists(app: App) {
        let (ada, _) = world(&app).await;
        let search = json!({"schemas": message("SearchRequest"), "FILTER": "userName sw \"an\"", "attributes": ["userName"], "startIndex": 1, "count": 5});
        for endpoint in [USERS, BASE] {
            let list = answered(&ada, 200, Method::POST, &format!("{endpoint}/.search"), Some(&search)).await;
            assert_eq!(list["Resources"], json!([{"schemas": [super::USER], "id": "ann", "userName": "ann@acme.example"}]));
        }
        refused(&ada, (400, "invalidSyntax"), Method::POST, "/scim/v2/.search", Some(&json!({}))).await;
        for bad in [json!({"count": "5"}), json!({"filter": 1}), json!({"startIndex": true})] {
            let mut body = bad.clone();
            body["schemas"] = message("SearchRequest");
            refused(&ada, (400, "invalidValue"), Method::POST, "/scim/v2/Users/.search", Some(&body)).await;
        }
    }

    async fn what_is_not_asked_for_is_not_shown(app: App) {
        let (ada, _) = world(&app).await;
        let made = post(&ada, &format!("{USERS}?attributes=name.givenName,emails.value"), user_of(json!({
            "userName": "k", "name": {"givenName": "K", "familyName": "L"}, "emails": [{"value": "k@x.example", "type": "work"}], "password": "Brass-kettle-27-hums",
        }))).await;
        assert_eq!(made, json!({"schemas": [super::USER], "id": id_of(&made), "name": {"givenName": "K"}, "emails": [{"value": "k@x.example"}]}));
        let path = at(USERS, id_of(&made));
        let shown = get(&ada, &format!("{path}?excludedAttributes=meta,emails,name.familyName")).await;
        assert_eq!(shown, json!({"schemas": [super::USER], "id": id_of(&made), "userName": "k", "name": {"givenName": "K"}, "active": true}));
        let changed = patch(&ada, 200, &format!("{path}?attributes=title"), json!([{"op": "add", "path": "title", "value": "t"}])).await;
        assert_eq!(changed, json!({"schemas": [super::USER], "id": id_of(&made), "title": "t"}));
        assert_eq!(get(&ada, &format!("{path}?attributes=password,nothing")).await.as_object().unwrap().len(), 2);
    }
}
