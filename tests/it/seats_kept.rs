//! The number of seats that an organization's row has is always the one that is counted, whatever happens at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures::future::join_all;
use sea_orm::ConnectionTrait;
use serde_json::json;
use tenantry::authn::{Issuer, SigningKeys};
use tenantry::context::{OpContext, Services};
use tenantry::directory::organization::{self, OrganizationChange};
use tenantry::directory::user::{self, NewUser, Target, UserChange, create};
use tenantry::list::Named;
use tenantry::model::Actor;
use tenantry::model::error::Error;
use tenantry::services::config::MailConfig;
use tenantry::services::mailer::Mailer;
use tenantry::store::db::Database;

use crate::on_both;
use crate::rules::statements::sent;
use crate::support::App;

/// Another process on the same database.
pub async fn another(app: &App) -> OpContext {
    let db = Database::connect(&app.database.url).await.unwrap();
    let mailer = Mailer::new(&MailConfig::None, None, "http://localhost").unwrap();
    let services = Services::new(
        db,
        mailer,
        SigningKeys::new(crate::support::secret(), Issuer::local(8000)),
    );
    OpContext::new(Arc::new(services), Actor::Machine, "test")
}

/// A change of one of a few users or limits, made up of numbers.
async fn change_something(op: &OpContext, numbers: &mut Numbers) -> bool {
    let id = format!("u{}", numbers.below(12));
    let organization = ["one", "two"][numbers.below(2)].to_owned();
    let target = Target::id(&id);
    let update = |wanted: UserChange| user::update(op, &target, wanted, None);
    let done = match numbers.below(12) {
        0..3 => {
            let service = numbers.below(2) == 0;
            let takes_seat = (service && numbers.below(2) == 0).then_some(false);
            let activated = Some(numbers.below(3) > 0);
            let new = NewUser {
                id: Some(id.clone()),
                organization_id: Some(organization),
                service,
                takes_seat,
                activated,
                ..NewUser::default()
            };
            create(op, new).await.map(drop)
        }
        3 => user::delete(op, &target, None).await.map(drop),
        4 => user::activate(op, &target, None).await.map(drop),
        5 => user::deactivate(op, &target, None).await.map(drop),
        6 => update(UserChange {
            organization_id: Some(organization),
            ..UserChange::default()
        })
        .await
        .map(drop),
        7 => update(UserChange {
            organization_id: Some(organization),
            activated: Some(true),
            ..UserChange::default()
        })
        .await
        .map(drop),
        8 => update(UserChange {
            takes_seat: Some(numbers.below(2) == 0),
            ..UserChange::default()
        })
        .await
        .map(drop),
        9 => update(UserChange {
            firstname: Some("Ada".to_owned()),
            ..UserChange::default()
        })
        .await
        .map(drop),
        10 => {
            let wanted = OrganizationChange {
                seat_limit: Some([0, 2, 100][numbers.below(3)]),
                ..OrganizationChange::default()
            };
            organization::update(op, &Named::id(organization), wanted, None)
                .await
                .map(drop)
        }
        _ => {
            let wanted = OrganizationChange {
                clear: vec![organization::Clearable::SeatLimit],
                ..OrganizationChange::default()
            };
            organization::update(op, &Named::id(organization), wanted, None)
                .await
                .map(drop)
        }
    };
    match done {
        Ok(()) => true,
        Err(Error::Conflict(_) | Error::NotFound(_) | Error::Invalid { .. } | Error::SeatLimitReached(_)) => false,
        Err(error) => panic!("{error:?}"),
    }
}

on_both! {
    /// Two processes change users and limits at once: the number that is kept is always the one that is counted.
    async fn the_kept_number_is_the_counted_one(app: App) {
        app.organization("one", &[]).await;
        app.organization("two", &[]).await;
        let ops = [app.machine(), another(&app).await];
        let wrong = "SELECT COUNT(*) FROM organizations o WHERE seat_limit IS NOT NULL AND seats_used <> \
            (SELECT COUNT(*) FROM users u WHERE u.organization_pk = o.pk AND u.activated AND u.takes_seat)";
        let mut done = 0;
        for round in 0..12 {
            let writers = (0..8).map(|writer| {
                let op = &ops[writer % 2];
                async move {
                    let mut numbers = Numbers(round * 100 + writer as u64);
                    let mut done = 0;
                    for _ in 0..12 {
                        done += u32::from(change_something(op, &mut numbers).await);
                    }
                    done
                }
            });
            done += join_all(writers).await.into_iter().sum::<u32>();
            assert_eq!(app.number(wrong).await, 0, "round {round}");
        }
        assert!(done > 300, "{done}");
    }

    /// Setting a limit waits for whoever is about to take or free a seat, and they for it.
    async fn a_limit_is_set_while_seats_change(app: App) {
        app.organization("acme", &[]).await;
        let (op, other) = (app.machine(), another(&app).await);
        for n in 0..20 {
            create(&op, new_one(&format!("idle{n}"), false)).await.unwrap();
        }
        for n in 0..20 {
            let (made, woken, idle) = (new_one(&format!("new{n}"), true), Target::id(format!("idle{n}")), Target::id(format!("new{}", n - n % 2)));
            let limit = OrganizationChange { seat_limit: Some(100), ..OrganizationChange::default() };
            let named = Named::id("acme");
            let (made, woken, _, limited) = tokio::join!(
                create(&op, made),
                user::activate(&op, &woken, None),
                async { match n % 2 { 1 => user::delete(&op, &idle, None).await.map(drop), _ => Ok(()) } },
                organization::update(&other, &named, limit, None),
            );
            assert!(made.is_ok() && woken.is_ok() && limited.is_ok(), "{made:?} {woken:?} {limited:?}");
            let kept = app.number("SELECT seats_used FROM organizations WHERE id = 'acme'").await;
            let counted = "SELECT COUNT(*) FROM users u JOIN organizations o ON o.pk = u.organization_pk WHERE o.id = 'acme' AND u.activated AND u.takes_seat";
            assert_eq!(kept, app.number(counted).await, "{n}");
            let clear = OrganizationChange { clear: vec![organization::Clearable::SeatLimit], ..OrganizationChange::default() };
            organization::update(&op, &named, clear, None).await.unwrap();
        }
    }

    /// Without a limit there is no number, and nobody waits for the organization's row.
    async fn without_a_limit_nothing_is_kept(app: App) {
        app.organization("acme", &[]).await;
        app.user("acme", "eve", None).await;
        for document in [
            "mutation { deactivateUser(where: {id: \"eve\"}) { id } }",
            "mutation { activateUser(where: {id: \"eve\"}) { id } }",
            "mutation { deleteUser(where: {id: \"eve\"}) { id } }",
        ] {
            let statements = sent(&app.admin(), document).await;
            let writes = statements.iter().filter(|one| one.sql.starts_with("UPDATE \"organizations\""));
            assert_eq!(writes.count(), 0, "{statements:#?}");
        }
    }

    /// Somebody outside has written a wrong number: `doctor` says so, and nobody keeps access because of it.
    async fn a_wrong_number_keeps_nobody_active(app: App) {
        app.organization("acme", &[]).await;
        app.user("acme", "eve", None).await;
        app.user("acme", "bob", None).await;
        let admin = app.admin();
        admin.ok("mutation { updateOrganization(where: {id: \"acme\"}, data: {seatLimit: 5}) { id } }", json!({})).await;
        let change = app.services.db.begin().await.unwrap();
        change.execute_unprepared("UPDATE organizations SET seats_used = 0 WHERE id = 'acme'").await.unwrap();
        change.commit().await.unwrap();
        admin.ok("mutation { deactivateUser(where: {id: \"eve\"}) { id } }", json!({})).await;
        admin.ok("mutation { deleteUser(where: {id: \"bob\"}) { id } }", json!({})).await;
        assert_eq!(app.number("SELECT seats_used FROM organizations WHERE id = 'acme'").await, 0);
    }

    /// Whoever takes one seat after the other cannot keep an administrator from ending that.
    async fn who_takes_seats_is_deactivated_all_the_same(app: App) {
        app.organization("acme", &[]).await;
        let (eve, ann) = (app.user("acme", "eve", Some("organization-admin")).await, app.user("acme", "ann", Some("organization-admin")).await);
        app.admin().ok("mutation { updateOrganization(where: {id: \"acme\"}, data: {seatLimit: 100000}) { id } }", json!({})).await;
        let ended = AtomicBool::new(false);
        let taking = (0..2).map(async |lane| {
            let create = "mutation($id: ID!, $name: String!) { createUser(data: {id: $id}) { id } updateOrganization(where: {id: \"acme\"}, data: {name: $name}) { id } }";
            let mut number = 0;
            while !ended.load(Ordering::Relaxed) {
                number += 1;
                let id = format!("of-eve-{lane}-{number}");
                eve.send(create, json!({"id": id, "name": id})).await;
            }
        });
        let ending = async {
            for _ in 0..20 {
                ann.ok("mutation { deactivateUser(where: {id: \"eve\"}) { id } }", json!({})).await;
                ann.ok("mutation { activateUser(where: {id: \"eve\"}) { id } }", json!({})).await;
            }
            ended.store(true, Ordering::Relaxed);
        };
        tokio::join!(join_all(taking), ending);
        assert!(app.number("SELECT COUNT(*) FROM users WHERE id LIKE 'of-eve-%'").await > 0);
    }
}

fn new_one(id: &str, activated: bool) -> NewUser {
    NewUser {
        id: Some(id.to_owned()),
        organization_id: Some("acme".to_owned()),
        activated: Some(activated),
        ..NewUser::default()
    }
}

/// A small generator of numbers: the same at every run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % end
    }
}
