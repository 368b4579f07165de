//! Keycloak's search of its admin users: each parameter, by Keycloak's meaning.

use std::collections::BTreeSet;
use std::time::Duration;

use axum::http::Method;
use serde_json::{Value, json};

use super::{USERS, World};
use crate::on_both;
use crate::support::{App, Caller};

async fn found(caller: &Caller<'_>, query: &str) -> Vec<String> {
    let users = caller.keycloak(&format!("{USERS}?{query}")).await;
    users
        .as_array()
        .unwrap()
        .iter()
        .map(|user| user["id"].as_str().unwrap().to_owned())
        .collect()
}

/// `ada` and `ann`, and others who have something of everything.
async fn people(app: &App) -> World<'_> {
    let world = World::new(app).await;
    for data in [
        json!({ "id": "joann", "email": "joann@acme.example", "firstname": "Joann", "lastname": "Smith-Doe", "variables": { "team": "blue", "floor": 3, "langs": ["de", "en"] } }),
        json!({ "id": "mia", "email": "mia@müller.example", "firstname": "Mía", "lastname": "Müller Lüdenscheidt", "variables": { "team": "dark blue", "on call": true } }),
        json!({ "id": "Bot", "firstname": "Ann_100%", "federatedIdentities": [
            { "identityProvider": "google", "userId": "g-1", "userName": "b" }, { "identityProvider": "über", "userId": "u-1", "userName": "b" }] }),
        json!({ "id": "off", "email": "off@acme.example", "activated": false, "federatedIdentities": [
            { "identityProvider": "google", "userId": "g-2", "userName": "o" }, { "identityProvider": "azure", "userId": "g-1", "userName": "o" }] }),
    ] {
        app.services.clock.advance(Duration::from_millis(1));
        world.ada.create_user(data).await;
    }
    world
        .ann
        .ok("mutation { requestEmailVerification { id } }", json!({}))
        .await;
    app.anonymous()
        .ok(
            "mutation($t: String!) { verifyEmail(token: $t) }",
            json!({ "t": app.mailed_token() }),
        )
        .await;
    world
}

on_both! {
    async fn each_parameter_means_what_it_means_to_keycloak(app: App) {
        let world = people(&app).await;
        let all = ["ada", "ann", "joann", "mia", "Bot", "off"];
        for (query, expected) in [
            // `email`: whole, in any case, whatever `exact` says.
            ("email=ann%40acme.example", &["ann"][..]), ("email=ANN@Acme.Example", &["ann"]), ("email=ann", &[]), ("email=", &[]),
            ("email=nn@acme.example", &[]), ("email=ann@acme.example&exact=false", &["ann"]), ("email=ann&exact=true", &[]),
            ("email=mia@m%C3%BCller.example", &["mia"]), ("email=mia@xn--mller-kva.example", &["mia"]), ("email=*", &[]),
            // `username`: a part, or with `exact` the whole; the address, or without one the id.
            ("username=ann", &["ann", "joann"]), ("username=ANN", &["ann", "joann"]), ("username=ann@", &["ann", "joann"]),
            ("username=bo", &["Bot"]), ("username=ann&exact=true", &[]), ("username=ann@acme.example&exact=true", &["ann"]),
            ("username=Ann@ACME.example&exact=TRUE", &["ann"]), ("username=Bot&exact=true", &["Bot"]), ("username=ada&exact=true", &[]),
            ("username=ann&exact=false", &["ann", "joann"]), ("username=", &all), ("username=*", &[]), ("username=%25", &[]), ("username=_", &[]),
            ("username=m%C3%BCl", &["mia"]), ("username=xn--mller", &["mia"]), ("username=%22ann%22", &[]),
            ("username=mia@M%C3%9CLLER.example&exact=true", &["mia"]), ("username=&exact=true", &[]), ("username=%00&exact=true", &[]), ("username=%00", &[]),
            // Names, the same way.
            ("firstName=ann", &["joann", "Bot"]), ("firstName=JOANN&exact=true", &["joann"]), ("firstName=ann&exact=true", &[]),
            ("firstName=100%25", &["Bot"]), ("firstName=M%C3%8DA", &["mia"]), ("firstName=_", &["Bot"]), ("firstName=", &["joann", "mia", "Bot"]),
            ("lastName=smith", &["joann"]), ("lastName=smith&exact=true", &[]), ("lastName=m%C3%BCller%20l%C3%BCdenscheidt&exact=true", &["mia"]),
            // Composed or not, a text is the same.
            ("firstName=MI%CC%81A&exact=true", &["mia"]), ("lastName=mu%CC%88l", &["mia"]), ("username=mu%CC%88ller", &["mia"]),
            ("search=mi%CC%81a", &["mia"]), ("search=%22mi%CC%81a%22", &["mia"]), ("idpAlias=u%CC%88ber", &["Bot"]),
            // `search`: each term from the beginning of any name, `*` for anything, in quotes to the letter.
            ("search=ann", &["ann", "Bot"]), ("search=ann*", &["ann", "Bot"]), ("search=*ann", &["ann", "joann", "Bot"]), ("search=*ann*", &["ann", "joann", "Bot"]),
            ("search=jo*n@", &["joann"]), ("search=%22ann%22", &[]), ("search=%22ann@acme.example%22", &["ann"]), ("search=%22JOANN%22", &["joann"]),
            ("search=smith", &["joann"]), ("search=doe", &[]), ("search=*doe", &["joann"]), ("search=joann%20smith", &["joann"]), ("search=joann%20doe", &[]),
            ("search=%20%20ann%20%20", &["ann", "Bot"]), ("search=%22m%C3%BCller%20l%C3%BCdenscheidt%22", &["mia"]), ("search=mia@m%C3%BCl", &["mia"]),
            ("search=", &all), ("search=*", &all), ("search=%22%22", &[]), ("search=%25", &[]), ("search=a**a", &["ada", "ann"]),
            ("search=bot", &["Bot"]), ("search=id:ann%20Bot%20nobody", &["ann", "Bot"]), ("search=id:", &[]), ("search=id:eve", &[]),
            // Flags.
            ("enabled=true", &["ada", "ann", "joann", "mia", "Bot"]), ("enabled=false", &["off"]), ("enabled=FALSE", &["off"]),
            ("emailVerified=true", &["ann"]), ("emailVerified=false", &["ada", "joann", "mia", "Bot", "off"]),
            // Identities elsewhere, of one provider.
            ("idpAlias=google", &["Bot", "off"]), ("idpUserId=g-1", &["Bot", "off"]), ("idpAlias=google&idpUserId=g-1", &["Bot"]),
            ("idpAlias=azure&idpUserId=g-2", &[]), ("idpAlias=Google", &[]), ("idpAlias=%00", &[]),
            // Attributes: members of the variables.
            ("q=team:blue", &["joann"]), ("q=team:%22dark%20blue%22", &["mia"]), ("q=%22on%20call%22:true", &["mia"]), ("q=floor:3", &["joann"]),
            ("q=langs:en", &["joann"]), ("q=team:blue%20floor:3", &["joann"]), ("q=team:blue%20floor:4", &[]), ("q=nothing:x", &[]), ("q=", &all),
            // Windows.
            ("max=2", &["ada", "ann"]), ("first=1&max=2", &["ann", "joann"]), ("first=5", &["off"]), ("first=6", &[]), ("max=0", &[]),
            ("max=-1", &all), ("first=-1", &all), ("max=1000000", &all), ("username=ann&first=1", &["joann"]), ("username=ann&max=1", &["ann"]),
            // All that is given holds.
            ("search=*ann&enabled=true&lastName=doe", &["joann"]), ("email=ann@acme.example&username=joann", &[]), ("search=ann&email=joann@acme.example", &[]),
            ("email=ann@acme.example&enabled=false", &[]), ("", &all), ("briefRepresentation=false", &all), ("exact=true", &all),
        ] {
            assert_eq!(found(&world.ada, query).await, expected, "{query}");
        }
        // Nobody is found who is not seen.
        for query in ["username=eve", "search=*", "q=team:blue", "idpAlias=google", "email=ada@acme.example", "username=ada@acme.example&exact=true"] {
            let shown = found(&world.ann, query).await;
            assert!(shown.is_empty() || shown == ["ann"], "{query}: {shown:?}");
            assert!(!found(&app.admin(), query).await.contains(&"ann".to_owned()), "{query}");
        }
    }

    async fn what_keycloak_does_not_know_is_refused(app: App) {
        let world = people(&app).await;
        for (query, named) in [
            ("unknown=1", "unknown"), ("Email=ann@acme.example", "Email"), ("email=ann@acme.example&x", "x"), ("includeServiceAccounts=true", "includeServiceAccounts"),
            ("enabled=yes", "enabled"), ("enabled=", "enabled"), ("emailVerified=1", "emailVerified"), ("exact=maybe", "exact"), ("briefRepresentation=2", "briefRepresentation"),
            ("first=x", "first"), ("first=", "first"), ("max=1.5", "max"), ("max=99999999999", "max"),
            ("email=ann@acme.example&email=ada@acme.example", "email"), ("max=1&max=1", "max"), ("q=team", "q"), ("q=:blue", "q"), ("q=team:blue%20x", "q"),
            (&format!("search={}", "a%20".repeat(21)), "search"), (&format!("q={}", "a:b%20".repeat(21)), "q"),
        ] {
            let (status, told) = world.ada.keycloak_refused(Method::GET, &format!("{USERS}?{query}"), None).await;
            assert_eq!(status, 400, "{query}: {told}");
            assert!(told.contains(&format!("'{named}'")), "{query}: {told}");
        }
        assert_eq!(found(&world.ada, &format!("search={}", "a%20".repeat(20))).await, ["ada", "ann", "Bot"]);
    }

    /// One user's address may be another one's id, and clients take the first that is found.
    async fn a_user_name_means_one(app: App) {
        let world = people(&app).await;
        app.services.clock.advance(Duration::from_millis(1));
        world.ada.create_user(json!({ "id": "ann@acme.example" })).await;
        let exact = "username=ann@acme.example&exact=true";
        for query in [exact, &format!("{exact}&max=1"), &format!("{exact}&first=1"), &format!("{exact}&enabled=true")] {
            let (status, told) = world.ada.keycloak_refused(Method::GET, &format!("{USERS}?{query}"), None).await;
            assert_eq!(status, 409, "{query}: {told}");
        }
        // What tells them apart does.
        assert_eq!(found(&world.ada, &format!("{exact}&emailVerified=true")).await, ["ann"]);
        assert_eq!(found(&world.ada, &format!("{exact}&email=ann@acme.example")).await, ["ann"]);
        assert_eq!(found(&world.ada, "email=ann@acme.example").await, ["ann"]);
        assert_eq!(found(&world.ada, "search=id:ann@acme.example").await, ["ann@acme.example"]);
        assert_eq!(found(&world.ada, "username=ann@acme.example").await, ["ann", "joann", "ann@acme.example"]);
    }

    async fn without_a_maximum_everybody_is_found(app: App) {
        let world = World::new(&app).await;
        let (organization, key) = (sea_orm::Statement::from_string(app.services.db.backend(), "SELECT pk FROM organizations WHERE id = 'acme'"), "pk");
        let row = sea_orm::ConnectionTrait::query_one_raw(app.services.db.reader(), organization).await.unwrap().unwrap();
        let pk: i64 = row.try_get("", key).unwrap();
        let change = app.services.db.begin().await.unwrap();
        let rows: Vec<String> = (0..1_300)
            .map(|n| format!("('many-{n:04}', {pk}, 'm{n}@acme.example', 'First{}', true, 1, {n}, {n})", n % 3))
            .collect();
        let insert = format!("INSERT INTO users (id, organization_pk, email, firstname, activated, version, created_at, updated_at) VALUES {}", rows.join(","));
        sea_orm::ConnectionTrait::execute_unprepared(&change, &insert).await.unwrap();
        change.commit().await.unwrap();
        let all = found(&world.ada, "").await;
        assert_eq!((all.len(), all.iter().collect::<BTreeSet<_>>().len()), (1_302, 1_302));
        let third: Vec<String> = all.iter().filter(|id| id.starts_with("many") && id[5..].parse::<u32>().unwrap() % 3 == 2).cloned().collect();
        assert_eq!(found(&world.ada, "firstName=first2").await, third);
        for (first, max) in [(0, 1), (499, 3), (500, 500), (1_290, 100), (200, 900)] {
            let window = |of: &[String]| of.iter().skip(first).take(max).cloned().collect::<Vec<_>>();
            assert_eq!(found(&world.ada, &format!("first={first}&max={max}")).await, window(&all));
            assert_eq!(found(&world.ada, &format!("first={first}&max={max}&firstName=first2")).await, window(&third));
        }
    }

    async fn a_brief_representation_is_a_part_of_the_whole(app: App) {
        let world = people(&app).await;
        let whole = world.ada.keycloak(&format!("{USERS}?email=joann@acme.example")).await[0].clone();
        let brief = world.ada.keycloak(&format!("{USERS}?email=joann@acme.example&briefRepresentation=true")).await[0].clone();
        let keys: Vec<&str> = brief.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(keys, ["id", "username", "email", "firstName", "lastName", "enabled", "emailVerified", "createdTimestamp", "access"]);
        assert!(brief.as_object().unwrap().iter().all(|(key, value)| whole[key] == *value), "{brief} {whole}");
        assert_eq!(whole["requiredActions"], Value::Array(Vec::new()));
    }
}
