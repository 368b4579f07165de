//! Groups that are told apart by their names, as identity providers do, and their external ids.

use futures::future::join_all;
use sea_orm::ConnectionTrait;
use serde_json::json;
use tenantry::context::OpContext;
use tenantry::directory::group::{self, Clearable, Group, GroupChange, GroupFields, Naming, NewGroup, Target, Term};
use tenantry::list::{Comparison, Filter, Order, TextTest, Window};
use tenantry::model::error::{Error, Result};
use tenantry::model::lowered;

use crate::on_both;
use crate::support::App;

fn named(name: &str) -> NewGroup {
    NewGroup {
        name: name.to_owned(),
        organization_id: Some("acme".to_owned()),
        naming: Naming::ByName,
        ..NewGroup::default()
    }
}

fn renamed(name: &str) -> GroupChange {
    GroupChange {
        name: Some(name.to_owned()),
        naming: Naming::ByName,
        ..GroupChange::default()
    }
}

fn code<T: std::fmt::Debug>(result: Result<T>) -> String {
    result.unwrap_err().code().to_string()
}

async fn found(op: &OpContext, term: Term) -> Vec<String> {
    let filter = Filter::Is(term);
    let fields = GroupFields::NAME;
    let order = Order::usual::<Group>();
    let page = tenantry::list::page::<Group>(op, &filter, order, fields, Window::large(1_000, 0)).await;
    page.unwrap().into_iter().map(|group| group.name).collect()
}

on_both! {
    async fn names_differ_by_more_than_case(app: App) {
        app.organization("acme", &[]).await;
        app.organization("globex", &[]).await;
        let op = app.machine();
        let sales = group::create(&op, named("Sales")).await.unwrap();
        assert_eq!(sales.key, "SALES");
        let before = app.dump().await;
        for same in ["Sales", "SALES", " sales ", "sa\u{6C}es"] {
            assert_eq!(code(group::create(&op, named(same)).await), "CONFLICT", "{same}");
        }
        assert_eq!(before, app.dump().await);
        let words = group::create(&op, named("sALES")).await.unwrap_err().to_string();
        assert!(words.contains("'sALES'"), "{words}");
        // Another organization's groups are nobody's business.
        let elsewhere = NewGroup { organization_id: Some("globex".to_owned()), ..named("sales") };
        group::create(&op, elsewhere).await.unwrap();
        // Accents make a difference, and composed forms none.
        group::create(&op, named("Equipe")).await.unwrap();
        group::create(&op, named("\u{C9}quipe")).await.unwrap();
        assert_eq!(code(group::create(&op, named("e\u{301}quipe")).await), "CONFLICT");
        // By the key, equal names are refused as ever, in other words.
        let by_key = NewGroup { naming: Naming::ByKey, ..named("Sales!") };
        assert_eq!(code(group::create(&op, by_key).await), "CONFLICT");
    }

    async fn keys_make_way(app: App) {
        app.organization("acme", &[]).await;
        let op = app.machine();
        let mut keys = Vec::new();
        for name in ["R&D", "R/D", "r d", "R_D 2", "***", "???", "Group"] {
            keys.push(group::create(&op, named(name)).await.unwrap().key);
        }
        assert_eq!(keys, ["R_D", "R_D_2", "R_D_3", "R_D_2_2", "GROUP", "GROUP_2", "GROUP_3"]);
        for at in 0..130 {
            let name = format!("a{}b", "-".repeat(at + 1));
            let expected = if at == 0 { "A_B".to_owned() } else { format!("A_B_{}", at + 1) };
            assert_eq!(group::create(&op, named(&name)).await.unwrap().key, expected);
        }
        // Only by name: elsewhere a name without letter or digit is refused.
        let by_key = NewGroup { naming: Naming::ByKey, ..named("!!!") };
        assert_eq!(code(group::create(&op, by_key).await), "INVALID");
    }

    async fn a_group_is_not_renamed_to_another_ones_name(app: App) {
        app.organization("acme", &[]).await;
        let op = app.machine();
        let sales = group::create(&op, named("Sales")).await.unwrap();
        group::create(&op, named("Support")).await.unwrap();
        let target = Target::id(sales.id.to_string());
        let before = app.dump().await;
        assert_eq!(code(group::update(&op, &target, renamed("SUPPORT"), None).await), "CONFLICT");
        // The same name changes nothing, however often it is sent.
        let same = group::update(&op, &target, renamed("Sales"), None).await.unwrap();
        assert_eq!((same.version, same.updated_at), (sales.version, sales.updated_at));
        assert_eq!(before, app.dump().await);
        let upper = group::update(&op, &target, renamed("SALES"), None).await.unwrap();
        assert_eq!((upper.name.as_str(), upper.key.as_str(), upper.version), ("SALES", "SALES", 2));
        // By the key, equal names are allowed, and such a group keeps its name.
        let by_key = GroupChange { naming: Naming::ByKey, ..renamed("support") };
        assert_eq!(group::update(&op, &target, by_key, None).await.unwrap().name, "support");
        assert_eq!(group::update(&op, &target, renamed("support"), None).await.unwrap().version, 3);
        assert_eq!(code(group::update(&op, &target, renamed("SuPPort"), None).await), "CONFLICT");
    }

    async fn of_equal_creations_at_once_one_succeeds(app: App) {
        app.organization("acme", &[]).await;
        let op = app.machine();
        // Its key is another name's: the keys of all of them make way.
        group::create(&op, named("R/D")).await.unwrap();
        for name in ["R&D", "Fresh"] {
            let made = join_all((0..8).map(|_| group::create(&op, named(name)))).await;
            let created = made.iter().filter(|one| one.is_ok()).count();
            let taken = made.iter().filter(|one| matches!(one, Err(Error::Conflict(_)))).count();
            assert_eq!((created, taken), (1, 7), "{made:?}");
        }
        // Different names with one key all get one.
        let names = ["x y", "x-y", "x_y", "x.y", "x+y", "x=y", "x:y", "x;y"];
        let made = join_all(names.map(|name| group::create(&op, named(name)))).await;
        let mut keys: Vec<String> = made.into_iter().map(|one| one.unwrap().key).collect();
        keys.sort();
        assert_eq!(keys, ["X_Y", "X_Y_2", "X_Y_3", "X_Y_4", "X_Y_5", "X_Y_6", "X_Y_7", "X_Y_8"]);
    }

    async fn names_and_external_ids_are_found(app: App) {
        app.organization("acme", &[]).await;
        let op = app.machine();
        let with_id = |name: &str, id: &str| NewGroup { external_id: Some(id.to_owned()), ..named(name) };
        let first = group::create(&op, with_id("Straße", "Ext-1")).await.unwrap();
        group::create(&op, with_id("STRASSE", "ext-1")).await.unwrap();
        group::create(&op, with_id("Third", "")).await.unwrap();
        assert_eq!(first.external_id.as_deref(), Some("Ext-1"));
        assert_eq!(found(&op, Term::ExternalId(TextTest::Equals("Ext-1".to_owned()))).await, ["Straße"]);
        assert_eq!(found(&op, Term::ExternalId(TextTest::StartsWith(String::new()))).await, ["Straße", "STRASSE"]);
        assert_eq!(found(&op, Term::NameKey(TextTest::Equals(lowered("STRAßE")))).await, ["Straße"]);
        assert_eq!(found(&op, Term::NameKey(TextTest::StartsWith(lowered("STRA")))).await, ["Straße", "STRASSE"]);
        assert_eq!(found(&op, Term::NameKey(TextTest::Compare(Comparison::Greater, "strasse".to_owned()))).await, ["Straße", "Third"]);
        assert_eq!(found(&op, Term::NameKey(TextTest::Compare(Comparison::Less, "a\0".to_owned()))).await, [""; 0]);
        let aged = app.services.db.begin().await.unwrap();
        aged.execute_unprepared("UPDATE groups SET created_at = created_at + pk, updated_at = updated_at + pk").await.unwrap();
        aged.commit().await.unwrap();
        let all = tenantry::list::page::<Group>(&op, &Filter::default(), Order::usual::<Group>(), GroupFields::CREATED_AT, Window::large(10, 0)).await.unwrap();
        let first = Group { created_at: all[0].created_at, ..first };
        for (how, expected) in [(Comparison::Less, 0), (Comparison::LessOrEqual, 1), (Comparison::Equal, 1), (Comparison::GreaterOrEqual, 3), (Comparison::Greater, 2)] {
            assert_eq!(found(&op, Term::Created(how, first.created_at)).await.len(), expected, "{how:?}");
        }
        // It is changed and cleared as a field of its own, exactly as given.
        let target = Target::id(first.id.to_string());
        let to = |text: &str| GroupChange { external_id: Some(text.to_owned()), ..GroupChange::default() };
        let changed = group::update(&op, &target, to(" e\u{301} "), None).await.unwrap();
        assert_eq!((changed.external_id.as_deref(), changed.version), (Some(" e\u{301} "), 2));
        assert_eq!(group::update(&op, &target, to(" e\u{301} "), None).await.unwrap().version, 2);
        assert_eq!(group::update(&op, &target, to(""), None).await.unwrap().external_id, None);
        group::update(&op, &target, to("again"), None).await.unwrap();
        let clear = GroupChange { clear: vec![Clearable::ExternalId], ..GroupChange::default() };
        assert_eq!(group::update(&op, &target, clear, None).await.unwrap().external_id, None);
        for refused in ["x".repeat(256), "a\0b".to_owned()] {
            assert_eq!(code(group::update(&op, &target, to(&refused), None).await), "INVALID");
        }
        assert_eq!(found(&op, Term::Updated(Comparison::Greater, first.created_at)).await.len(), 3);
    }

    async fn external_ids_are_in_graphql(app: App) {
        let admin = app.admin();
        let create = "mutation($data: CreateGroupData!) { createGroup(data: $data) { id externalId } }";
        let made = admin.ok(create, json!({ "data": { "name": "Sales", "externalId": "g-1" } })).await;
        assert_eq!(made["createGroup"]["externalId"], "g-1");
        let id = made["createGroup"]["id"].clone();
        admin.ok(create, json!({ "data": { "name": "Support" } })).await;
        let list = "query($where: GroupWhere) { groups(where: $where) { name } countGroups(where: $where) }";
        for (condition, names) in [
            (json!({ "externalId": "g-1" }), json!([{ "name": "Sales" }])),
            (json!({ "externalIdIn": ["g-2", "g-1"] }), json!([{ "name": "Sales" }])),
            (json!({ "externalIdStartsWith": "g" }), json!([{ "name": "Sales" }])),
            (json!({ "externalIdContains": "-" }), json!([{ "name": "Sales" }])),
            (json!({ "externalId": "G-1" }), json!([])),
            (json!({ "NOT": { "externalId": "g-1" } }), json!([{ "name": "Support" }])),
        ] {
            assert_eq!(admin.ok(list, json!({ "where": condition })).await["groups"], names, "{condition}");
        }
        let update = "mutation($id: ID!, $data: UpdateGroupData!, $clear: [ClearableInGroup!]) {
            updateGroup(where: {id: $id}, data: $data, clear: $clear) { externalId version } }";
        let changed = admin.ok(update, json!({ "id": id, "data": { "externalId": "g-2" } })).await;
        assert_eq!(changed["updateGroup"], json!({ "externalId": "g-2", "version": 2 }));
        let cleared = admin.ok(update, json!({ "id": id, "data": {}, "clear": ["EXTERNAL_ID"] })).await;
        assert_eq!(cleared["updateGroup"], json!({ "externalId": null, "version": 3 }));
        let both = json!({ "id": id, "data": { "externalId": "x" }, "clear": ["EXTERNAL_ID"] });
        assert_eq!(admin.refused(update, both).await, "INVALID");
    }
}
