//! The number of seats that an organization's row has is always the one that is counted, whatever happens at once.

use std::sync::Arc;

use futures::future::join_all;
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
use crate::support::App;

/// Another process on the same database.
async fn another(app: &App) -> OpContext {
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
