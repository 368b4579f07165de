//! Many members of a group changed and read at once.

use std::collections::BTreeMap;

use futures::TryStreamExt;
use futures::future::join_all;
use sea_orm::ConnectionTrait;
use tenantry::context::OpContext;
use tenantry::directory::group::{self, Group, GroupChange, GroupFields, MembersChange, NewGroup, Target, Term};
use tenantry::directory::user::{self, User, UserFields};
use tenantry::list::{Filter, Order, TextTest, Window};
use tenantry::model::Actor;
use tenantry::model::error::Result;
use tenantry::store::db::SENT;

use crate::on_both;
use crate::support::App;

async fn acting(app: &App, id: &str) -> OpContext {
    let reader = app.services.db.reader();
    let caller = tenantry::authn::caller_of(reader, app.user_row(id).await.pk)
        .await
        .unwrap()
        .unwrap();
    app.machine().acting_as(Actor::User(std::sync::Arc::new(caller)))
}

fn texts<S: ToString>(ids: impl IntoIterator<Item = S>) -> Vec<String> {
    ids.into_iter().map(|id| id.to_string()).collect()
}

fn crowd(numbers: std::ops::RangeInclusive<u32>) -> Vec<String> {
    numbers.map(|number| format!("crowd-{number}")).collect()
}

fn put_in<S: ToString>(ids: impl IntoIterator<Item = S>) -> MembersChange {
    MembersChange {
        put_in: texts(ids),
        ..MembersChange::default()
    }
}

fn taken_out<S: ToString>(ids: impl IntoIterator<Item = S>) -> MembersChange {
    MembersChange {
        taken_out: texts(ids),
        ..MembersChange::default()
    }
}

fn replaced<S: ToString>(ids: impl IntoIterator<Item = S>) -> MembersChange {
    MembersChange {
        emptied: true,
        ..put_in(ids)
    }
}

async fn change(op: &OpContext, group: &Group, members: MembersChange) -> Result<Group> {
    let wanted = GroupChange {
        members,
        ..GroupChange::default()
    };
    group::update(op, &Target::id(group.id.to_string()), wanted, None).await
}

async fn make(op: &OpContext, name: &str, roles: &[&str], members: Vec<String>) -> Group {
    let new = NewGroup {
        name: name.to_owned(),
        organization_id: Some("acme".to_owned()),
        roles: texts(roles),
        members,
        ..NewGroup::default()
    };
    group::create(op, new).await.unwrap()
}

fn code<T: std::fmt::Debug>(result: Result<T>) -> String {
    result.unwrap_err().code().to_string()
}

/// The members of a group as stored: id and time, in the order of their keys.
async fn stored(app: &App, group: &Group) -> Vec<(String, i64)> {
    let sql = format!(
        "SELECT u.id || '|' || m.created_at FROM group_members m JOIN users u ON u.pk = m.user_pk WHERE m.group_pk = {} ORDER BY u.pk",
        group.pk
    );
    let rows: Vec<String> = app.column(&sql).await;
    let split = |row: &String| {
        let (id, time) = row.split_once('|').unwrap();
        (id.to_owned(), time.parse().unwrap())
    };
    rows.iter().map(split).collect()
}

async fn ids(app: &App, group: &Group) -> Vec<String> {
    stored(app, group).await.into_iter().map(|(id, _)| id).collect()
}

/// The events so far, by action.
async fn events(app: &App) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for action in app
        .column::<String>("SELECT action FROM audit_events WHERE action LIKE 'group.%' OR action LIKE 'user.%Group'")
        .await
    {
        *counts.entry(action).or_insert(0) += 1;
    }
    counts
}

/// How many statements something sends.
async fn statements<T>(what: impl Future<Output = T>) -> (T, usize) {
    SENT.scope(Default::default(), async {
        let done = what.await;
        (done, SENT.with(|sent| sent.lock().unwrap().len()))
    })
    .await
}

async fn members_read(op: &OpContext, groups: &[&Group]) -> Result<Vec<Vec<(i64, String)>>> {
    let fingerprints = group::fingerprints(op, groups.iter().map(|group| group.pk)).await?;
    let counted = groups
        .iter()
        .map(|group| (group.pk, fingerprints.get(&group.pk).map_or(0, |one| one.members)));
    let stretches: Vec<Vec<(i64, User)>> = group::members_in_stretches(op, counted.collect(), UserFields::NAME)
        .try_collect()
        .await?;
    let named = |stretch: Vec<(i64, User)>| {
        stretch
            .into_iter()
            .map(|(group, user)| (group, user.id.to_string()))
            .collect()
    };
    Ok(stretches.into_iter().map(named).collect())
}

on_both! {
    async fn only_the_named_members_change(app: App) {
        app.organization("acme", &[]).await;
        app.crowd("acme", 5_010).await;
        let op = app.machine();
        let mut counted = Vec::new();
        for size in [3_u32, 150, 5_000] {
            let group = make(&op, &format!("Group {size}"), &["labeler"], crowd(1..=size)).await;
            assert_eq!(ids(&app, &group).await, crowd(1..=size));
            let before = stored(&app, &group).await;
            let events_before = events(&app).await;
            let (changed, one_in) = statements(change(&op, &group, put_in(["crowd-5001"]))).await;
            let changed = changed.unwrap();
            assert_eq!((changed.version, changed.updated_at), (group.version, group.updated_at));
            let (_, one_out) = statements(change(&op, &group, taken_out(["crowd-2"]))).await;
            let both = MembersChange { put_in: crowd(5_002..=5_003), taken_out: crowd(3..=3), emptied: false };
            change(&op, &group, both).await.unwrap();
            let after = stored(&app, &group).await;
            let kept = before.iter().filter(|(id, _)| id != "crowd-2" && id != "crowd-3");
            assert!(kept.eq(after.iter().take(after.len() - 3)), "of {size}");
            assert_eq!(ids(&app, &group).await[after.len() - 3..], crowd(5_001..=5_003));
            let mut expected = events_before;
            for (action, more) in [("group.addUser", 3), ("user.joinGroup", 3), ("group.removeUser", 2), ("user.leaveGroup", 2)] {
                *expected.entry(action.to_owned()).or_insert(0) += more;
            }
            assert_eq!(events(&app).await, expected);
            counted.push((one_in, one_out));
        }
        assert!(counted.windows(2).all(|pair| pair[0] == pair[1]), "{counted:?}");
        assert!(counted[0].0 <= 12, "{counted:?}");
    }

    async fn replacing_keeps_the_rows_that_stay(app: App) {
        app.organization("acme", &[]).await;
        app.crowd("acme", 1_300).await;
        let op = app.machine();
        let group = make(&op, "Editors", &[], crowd(1..=1_200)).await;
        let aged = app.services.db.begin().await.unwrap();
        aged.execute_unprepared("UPDATE group_members SET created_at = user_pk").await.unwrap();
        aged.commit().await.unwrap();
        let before = stored(&app, &group).await;
        let wanted: Vec<String> = crowd(101..=1_300).into_iter().rev().collect();
        let twice: Vec<String> = wanted.iter().chain(&wanted).cloned().collect();
        change(&op, &group, replaced(twice)).await.unwrap();
        let after = stored(&app, &group).await;
        assert_eq!(ids(&app, &group).await, crowd(101..=1_300));
        assert_eq!(before[100..], after[..1_100]);
        let now = op.now().micros();
        assert!(after[1_100..].iter().all(|(_, time)| *time <= now && now - time < 600_000_000));
        // The same again is nothing: no row, no event.
        let dump = app.dump().await;
        change(&op, &group, replaced(crowd(101..=1_300))).await.unwrap();
        change(&op, &group, put_in(crowd(101..=110))).await.unwrap();
        change(&op, &group, taken_out(crowd(1..=50))).await.unwrap();
        change(&op, &group, taken_out(["nobody", "", "a\0b"])).await.unwrap();
        change(&op, &group, MembersChange::default()).await.unwrap();
        assert_eq!(dump, app.dump().await);
        let emptied = events(&app).await;
        change(&op, &group, replaced([""; 0])).await.unwrap();
        assert_eq!(ids(&app, &group).await, [""; 0]);
        assert_eq!(events(&app).await["group.removeUser"], emptied["group.removeUser"] + 1_200);
    }

    async fn one_unknown_id_refuses_all(app: App) {
        app.organization("acme", &[]).await;
        app.organization("globex", &[]).await;
        app.crowd("acme", 5).await;
        app.user("globex", "gus", None).await;
        let op = app.machine();
        let group = make(&op, "Editors", &[], crowd(1..=2)).await;
        let dump = app.dump().await;
        for unknown in ["nobody", "gus", "CROWD-3", &group.id.to_string(), "", "a\0b"] {
            for members in [put_in(["crowd-3", unknown]), replaced(["crowd-3", unknown])] {
                let renamed = GroupChange { name: Some("Other".to_owned()), external_id: Some("e".to_owned()), members, ..GroupChange::default() };
                let error = group::update(&op, &Target::id(group.id.to_string()), renamed, None).await.unwrap_err();
                assert_eq!(error.code().to_string(), "INVALID");
                if !unknown.contains('\0') {
                    assert!(error.to_string().contains(&format!("'{unknown}'")), "{error}");
                }
            }
            let new = NewGroup { name: "New".to_owned(), organization_id: Some("acme".to_owned()), members: texts([unknown]), ..NewGroup::default() };
            assert_eq!(code(group::create(&op, new).await), "INVALID");
        }
        // Those of another organization are as those who do not exist, also when they are taken out.
        change(&op, &group, taken_out(["gus"])).await.unwrap();
        assert_eq!(dump, app.dump().await);
    }

    async fn a_change_of_both_is_one_transaction(app: App) {
        app.organization("acme", &[]).await;
        app.crowd("acme", 3).await;
        let op = app.machine();
        let group = make(&op, "Editors", &[], crowd(1..=1)).await;
        let wanted = GroupChange { name: Some("Writers".to_owned()), external_id: Some("w".to_owned()), members: replaced(crowd(2..=3)), ..GroupChange::default() };
        let changed = group::update(&op, &Target::id(group.id.to_string()), wanted, Some(1)).await.unwrap();
        assert_eq!((changed.name.as_str(), changed.version), ("Writers", 2));
        assert_eq!(ids(&app, &group).await, crowd(2..=3));
        let expected = [("group.addUser", 3), ("group.create", 1), ("group.removeUser", 1), ("group.update", 1), ("user.joinGroup", 3), ("user.leaveGroup", 1)];
        assert_eq!(events(&app).await, BTreeMap::from(expected.map(|(action, number)| (action.to_owned(), number))));
        let stale = GroupChange { members: put_in(crowd(1..=1)), ..GroupChange::default() };
        assert_eq!(code(group::update(&op, &Target::id(group.id.to_string()), stale, Some(1)).await), "CONFLICT");
    }

    async fn nobody_beyond_the_callers_permissions(app: App) {
        app.organization("acme", &[]).await;
        app.user("acme", "olga", Some("organization-admin")).await;
        app.user("acme", "tim", Some("team-manager")).await;
        app.crowd("acme", 3).await;
        let root = app.machine();
        let (olga, tim) = (acting(&app, "olga").await, acting(&app, "tim").await);
        let plain = make(&root, "Plain", &[], crowd(1..=2)).await;
        let admins = make(&root, "Admins", &["organization-admin"], texts(["olga"])).await;
        let supers = make(&root, "Supers", &["super-admin"], Vec::new()).await;
        let dump = app.dump().await;
        // A group beyond the caller, whoever the member is.
        for group in [&admins, &supers] {
            for members in [put_in(["crowd-1"]), taken_out(["crowd-1"]), replaced(["crowd-1"])] {
                assert_eq!(code(change(&tim, group, members).await), "FORBIDDEN");
            }
        }
        assert_eq!(code(change(&olga, &supers, put_in(["olga"])).await), "FORBIDDEN");
        // A member beyond the caller, among others.
        assert_eq!(code(change(&tim, &plain, put_in(["crowd-3", "olga"])).await), "FORBIDDEN");
        assert_eq!(dump, app.dump().await);
        change(&root, &plain, put_in(["olga"])).await.unwrap();
        let dump = app.dump().await;
        assert_eq!(code(change(&tim, &plain, taken_out(["olga"])).await), "FORBIDDEN");
        assert_eq!(code(change(&tim, &plain, replaced([""; 0])).await), "FORBIDDEN");
        assert_eq!(dump, app.dump().await);
        // Who stays is not changed.
        change(&tim, &plain, replaced(["olga", "crowd-3"])).await.unwrap();
        change(&tim, &plain, put_in(["olga"])).await.unwrap();
        let mut members = ids(&app, &plain).await;
        members.sort();
        assert_eq!(members, ["crowd-3", "olga"]);
        // Nobody without the permission, whatever there is.
        app.user("acme", "uma", Some("user")).await;
        let uma = acting(&app, "uma").await;
        assert_eq!(code(change(&uma, &plain, put_in(["nobody"])).await), "FORBIDDEN");
        let nowhere = GroupChange { members: put_in(["nobody"]), ..GroupChange::default() };
        assert_eq!(code(group::update(&uma, &Target::id("0190a000-0000-7000-8000-000000000000"), nowhere, None).await), "FORBIDDEN");
    }

    async fn permissions_are_not_taken_from_oneself_nor_from_the_last_one(app: App) {
        app.organization("acme", &[]).await;
        app.user("acme", "olga", None).await;
        let root = app.machine();
        let admins = make(&root, "Admins", &["organization-admin"], texts(["olga"])).await;
        let olga = acting(&app, "olga").await;
        for members in [taken_out(["olga"]), replaced([""; 0])] {
            assert_eq!(code(change(&olga, &admins, members).await), "INVALID");
        }
        change(&olga, &admins, replaced(["olga"])).await.unwrap();
        app.user("platform", "sue", None).await;
        let new = NewGroup { name: "Supers".to_owned(), organization_id: Some("platform".to_owned()), roles: texts(["super-admin"]), members: texts(["sue"]), ..NewGroup::default() };
        let supers = group::create(&root, new).await.unwrap();
        app.key_of("sue").await.ok("mutation { withdrawRole(where: {id: \"admin\"}, role: \"super-admin\") { id } }", serde_json::json!({})).await;
        for members in [taken_out(["sue"]), replaced([""; 0])] {
            assert_eq!(code(change(&root, &supers, members).await), "CONFLICT");
        }
        // Somebody else in the place is fine.
        change(&root, &supers, replaced(["admin"])).await.unwrap();
        assert_eq!(ids(&app, &supers).await, ["admin"]);
    }

    async fn every_id_of_another_organization_is_unknown(app: App) {
        for organization in ["acme", "globex"] {
            app.organization(organization, &[]).await;
        }
        app.user("acme", "olga", Some("organization-admin")).await;
        app.user("globex", "gus", None).await;
        app.crowd("acme", 2).await;
        let root = app.machine();
        let theirs = NewGroup { name: "Theirs".to_owned(), organization_id: Some("globex".to_owned()), members: texts(["gus"]), ..NewGroup::default() };
        let theirs = group::create(&root, theirs).await.unwrap();
        let ours = make(&root, "Ours", &[], crowd(1..=2)).await;
        let olga = acting(&app, "olga").await;
        let dump = app.dump().await;
        for members in [put_in(["crowd-1"]), taken_out(["gus"]), replaced([""; 0])] {
            assert_eq!(code(change(&olga, &theirs, members).await), "NOT_FOUND");
        }
        assert_eq!(code(change(&olga, &ours, put_in(["gus"])).await), "INVALID");
        change(&olga, &ours, taken_out(["gus"])).await.unwrap();
        assert_eq!(dump, app.dump().await);
        // Nor is anything of it read.
        assert_eq!(group::fingerprints(&olga, [theirs.pk]).await.unwrap().len(), 0);
        let read: Vec<Vec<(i64, User)>> = group::members_in_stretches(&olga, vec![(theirs.pk, 1), (ours.pk, 2)], UserFields::NAME).try_collect().await.unwrap();
        assert!(read.iter().flatten().all(|(group, _)| *group == ours.pk));
        let gus: User = app.user_row("gus").await.into();
        let groups = group::of_users(&olga, std::slice::from_ref(&gus), GroupFields::NAME).await.unwrap();
        assert_eq!(groups.len(), 0);
    }

    async fn a_member_added_by_many_at_once_is_one(app: App) {
        app.organization("acme", &[]).await;
        app.crowd("acme", 40).await;
        let op = app.machine();
        let group = make(&op, "Editors", &["labeler"], Vec::new()).await;
        let all = join_all((0..8).map(|at| {
            let mut ids = crowd(1..=40);
            ids.rotate_left(at * 5);
            change(&op, &group, put_in(ids))
        })).await;
        assert!(all.iter().all(Result::is_ok), "{all:?}");
        assert_eq!(ids(&app, &group).await, crowd(1..=40));
        assert_eq!(events(&app).await["group.addUser"], 40);
        // In and out, and all anew: none fails on the server's side, and none waits for another in a circle.
        let mixed = join_all((0..12_u32).map(|at| change(&op, &group, match at % 3 {
            0 => put_in(crowd(1 + at..=20 + at)),
            1 => taken_out(crowd(1 + at..=20 + at)),
            _ => replaced(crowd(1 + at..=28 + at)),
        }))).await;
        assert!(mixed.iter().all(Result::is_ok), "{mixed:?}");
    }

    async fn deleting_a_user_meets_adding_it(app: App) {
        app.organization("acme", &[]).await;
        app.crowd("acme", 30).await;
        let op = app.machine();
        let group = make(&op, "Editors", &[], Vec::new()).await;
        for number in 1..=15 {
            let id = format!("crowd-{number}");
            let target = user::Target::id(&id);
            let (deleted, added) = tokio::join!(user::delete(&op, &target, None), change(&op, &group, put_in([&id])));
            deleted.unwrap();
            match added {
                Ok(_) => {}
                Err(error) => assert_eq!(error.code().to_string(), "INVALID", "{error}"),
            }
        }
        assert_eq!(ids(&app, &group).await, [""; 0]);
    }

    async fn members_are_read_in_stretches(app: App) {
        app.organization("acme", &[]).await;
        app.crowd("acme", 2_500).await;
        let op = app.machine();
        let large = make(&op, "Large", &[], crowd(1..=2_400)).await;
        let small = make(&op, "Small", &[], crowd(7..=9)).await;
        let none = make(&op, "None", &[], Vec::new()).await;
        let other = make(&op, "Other", &[], crowd(8..=600)).await;
        let exact = make(&op, "Exact", &[], crowd(1..=1_000)).await;
        let fingerprints = group::fingerprints(&op, [large.pk, small.pk, none.pk]).await.unwrap();
        assert_eq!(fingerprints[&large.pk].members, 2_400);
        assert_eq!(fingerprints[&small.pk].members, 3);
        assert!(fingerprints[&small.pk].newest >= Some(small.created_at));
        assert!(!fingerprints.contains_key(&none.pk));
        for order in [vec![&large, &small, &none, &other, &exact], vec![&exact, &other, &small, &large], vec![&small, &other]] {
            let (read, count) = statements(members_read(&op, &order)).await;
            let read = read.unwrap();
            assert!(read.iter().all(|stretch| stretch.len() <= 1_000));
            let mut expected = Vec::new();
            for group in &order {
                expected.extend(ids(&app, group).await.into_iter().map(|id| (group.pk, id)));
            }
            assert_eq!(read.concat(), expected);
            assert!(count <= 8, "{count}");
        }
        // The numbers may be out of date.
        let wrong: Vec<Vec<(i64, User)>> = group::members_in_stretches(&op, vec![(small.pk, 1), (large.pk, 1), (exact.pk, 1)], UserFields::empty()).try_collect().await.unwrap();
        assert_eq!(wrong.iter().map(Vec::len).sum::<usize>(), 3 + 2_400 + 1_000);
        let places: Vec<i64> = wrong.concat().iter().map(|(group, _)| *group).collect();
        assert!(places.is_sorted_by_key(|pk| [small.pk, large.pk, exact.pk].iter().position(|one| one == pk)));
    }

    async fn who_is_limited_to_a_tenant_sees_its_users_alone(app: App) {
        app.organization("acme", &["berlin", "paris"]).await;
        let create = "mutation($data: CreateUserData!) { createUser(data: $data) { id } }";
        for (id, tenant) in [("bea", "berlin"), ("ben", "berlin"), ("pia", "paris"), ("ada", "berlin")] {
            app.admin().ok(create, serde_json::json!({ "data": { "id": id, "organizationId": "acme", "tenantId": tenant } })).await;
        }
        app.admin().ok("mutation { assignRole(where: {id: \"ada\"}, role: \"tenant-admin\", tenant: \"berlin\") { id } }", serde_json::json!({})).await;
        let root = app.machine();
        let both = make(&root, "Both", &[], texts(["bea", "pia", "ben"])).await;
        let paris = make(&root, "Paris", &[], texts(["pia"])).await;
        let own = make(&root, "Own", &[], texts(["ada"])).await;
        let ada = acting(&app, "ada").await;
        let read = members_read(&ada, &[&both, &paris]).await.unwrap();
        assert_eq!(read.concat(), [(both.pk, "bea".to_owned()), (both.pk, "ben".to_owned())]);
        let fingerprints = group::fingerprints(&ada, [both.pk, paris.pk]).await.unwrap();
        assert_eq!(fingerprints.into_iter().map(|(pk, one)| (pk, one.members)).collect::<Vec<_>>(), [(both.pk, 2)]);
        let mut users: Vec<User> = Vec::new();
        for id in ["bea", "pia", "ada"] {
            users.push(app.user_row(id).await.into());
        }
        let groups = group::of_users(&root, &users, GroupFields::NAME).await.unwrap();
        let names = |groups: &[Group]| groups.iter().map(|group| group.name.clone()).collect::<Vec<_>>();
        assert_eq!(names(&groups[&users[1].pk]), ["Both", "Paris"]);
        assert_eq!(names(&groups[&users[2].pk]), ["Own"]);
        let (seen, count) = statements(group::of_users(&ada, &users, GroupFields::NAME)).await;
        let seen = seen.unwrap();
        assert_eq!(count, 1);
        assert_eq!(names(&seen[&users[0].pk]), ["Both"]);
        assert_eq!(names(&seen[&users[2].pk]), ["Own"]);
        // A filter by member finds nobody else's groups either.
        let by_member = |op: &OpContext, id: &str| Filter::Is(Term::User {
            filter: Box::new(Filter::Is(user::Term::Id(TextTest::Equals(id.to_owned())))),
            seen_by: group::members_readable(op).ok(),
        });
        for (id, expected) in [("bea", 1), ("pia", 0)] {
            let found = tenantry::list::page::<Group>(&ada, &by_member(&ada, id), Order::usual::<Group>(), GroupFields::NAME, Window::large(10, 0)).await.unwrap();
            assert_eq!(found.len(), expected, "{id}");
        }
        // Without `read:user` and `read:group`, only one's own groups.
        let pia = acting(&app, "pia").await;
        let seen = group::of_users(&pia, &users, GroupFields::NAME).await.unwrap();
        assert_eq!(seen.len(), 1);
        assert_eq!(names(&seen[&users[1].pk]), ["Both", "Paris"]);
        let _ = own;
    }

    async fn a_list_continues_after_a_row(app: App) {
        app.organization("acme", &[]).await;
        app.crowd("acme", 2_300).await;
        let op = app.machine();
        let filter = || Filter::Is(user::Term::Id(TextTest::StartsWith("crowd-".to_owned())));
        let order = Order::usual::<User>();
        let (mut after, mut sizes, mut all) = (None, Vec::new(), Vec::new());
        loop {
            let (rows, next) = tenantry::list::continued::<User>(&op, &filter(), order, after, 5_000, UserFields::empty()).await.unwrap();
            sizes.push(rows.len());
            all.extend(rows.into_iter().map(|user| user.id.to_string()));
            after = next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(sizes, [1_000, 1_000, 300]);
        assert_eq!(all, crowd(1..=2_300));
        let page = tenantry::list::page::<User>(&op, &filter(), order, UserFields::empty(), Window::large(5_000, 1_500)).await.unwrap();
        assert_eq!(page.len(), 800);
        let (none, next) = tenantry::list::continued::<User>(&op, &filter(), order, None, 0, UserFields::empty()).await.unwrap();
        assert!(none.is_empty() && next.is_none());
        // A page that ends with the list has no next one.
        let (rows, next) = tenantry::list::continued::<User>(&op, &Filter::Is(user::Term::Id(TextTest::Equals("crowd-1".to_owned()))), order, None, 1, UserFields::empty()).await.unwrap();
        assert!(rows.len() == 1 && next.is_none());
    }
}
