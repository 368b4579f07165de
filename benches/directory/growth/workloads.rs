//! What is asked for.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;

use super::side::Side;
use super::{KEPT, Make, Workload};
use crate::load::{Bodies, Target};
use crate::requests::{body, by_email, each, fixed, nested, page};
use crate::sign_in;

const FIELDS: &str = "id email name activated createdAt";
const FIRST_PAGE: &str = "the first page";

pub fn workloads() -> Vec<Workload> {
    let mut all = reads();
    all.extend(counts());
    all.extend(pages());
    all.extend(changes());
    all
}

fn own(side: &Side) -> &Target {
    &side.administrator
}

/// A workload of the organization's administrator that costs the same at any size.
fn constant(title: &'static str, bodies: Make) -> Workload {
    Workload {
        title,
        who: own,
        bodies,
        kept: KEPT,
        beside: None,
    }
}

fn reads() -> Vec<Workload> {
    vec![
        constant("key check", |_, _| fixed("Me", "query Me { me { id } }")),
        constant("user by e-mail", |bench, _| by_email(&bench.emails)),
        constant("user by id", |bench, _| {
            each(
                "ById",
                "query ById($id: ID!) { user(where: {id: $id}) { id email name } }",
                "id",
                &bench.ids,
            )
        }),
        constant("page of 50", |_, _| page()),
        constant("nested page of 100", |_, _| nested()),
        Workload {
            who: |side| &side.tenant_admin,
            ..constant("tenant administrator's page", |_, _| page())
        },
        constant("groups", |_, _| {
            fixed("Groups", "query Groups { groups(first: 50) { id key name } }")
        }),
        constant("page of a group's members", |_, _| {
            users("where: {group: {id: \"bench-group-1\"}}, first: 50")
        }),
        constant("audit events, newest first", |_, _| {
            events("orderBy: POSITION_DESC, first: 50")
        }),
        constant("audit events of a user", |bench, _| {
            let id = &bench.ids[bench.ids.len() / 2];
            events(&format!("where: {{concernsUserId: \"{id}\"}}, first: 50"))
        }),
    ]
}

fn counts() -> Vec<Workload> {
    let count = |title, bodies, small| Workload {
        title,
        who: |side: &Side| &side.super_admin,
        bodies,
        kept: KEPT,
        beside: Some(("a small organization's", small, KEPT)),
    };
    vec![
        count(
            "count of the organization",
            |_, side| count_of(&side.organization, ""),
            |_, side| count_of(&side.small_organization, ""),
        ),
        count(
            "count of its activated users",
            |_, side| count_of(&side.organization, ", activated: true"),
            |_, side| count_of(&side.small_organization, ", activated: true"),
        ),
        Workload {
            kept: None,
            ..constant("count with a filter", |_, side| {
                count_of(&side.organization, ", firstnameStartsWith: \"A\"")
            })
        },
        Workload {
            kept: None,
            ..constant("count of a group's members", |_, _| {
                fixed(
                    "Members",
                    "query Members { group(where: {id: \"bench-group-1\"}) { userCount } }",
                )
            })
        },
        constant("page with totalCount", |_, _| {
            fixed(
                "Total",
                "query Total { usersConnection(first: 50) { nodes { id email name } totalCount } }",
            )
        }),
    ]
}

fn count_of(organization: &str, filter: &str) -> Bodies {
    let query = format!("query Count {{ countUsers(where: {{organization: {{id: \"{organization}\"}}{filter}}}) }}");
    fixed("Count", &query)
}

fn users(arguments: &str) -> Bodies {
    fixed("Users", &format!("query Users {{ users({arguments}) {{ {FIELDS} }} }}"))
}

fn events(arguments: &str) -> Bodies {
    let fields = "id action actorId targetKind targetId targetName createdAt";
    fixed(
        "Events",
        &format!("query Events {{ auditEvents({arguments}) {{ {fields} }} }}"),
    )
}

fn connection(arguments: &str) -> Bodies {
    let query = format!(
        "query Connection {{ usersConnection({arguments}) {{ edges {{ cursor node {{ {FIELDS} }} }} pageInfo {{ hasNextPage }} }} }}"
    );
    fixed("Connection", &query)
}

fn pages() -> Vec<Workload> {
    let first_of_connection: Make = |_, _| connection("first: 50");
    vec![
        Workload {
            kept: None,
            beside: Some((FIRST_PAGE, |_, _| page(), None)),
            ..constant("page, half of the users skipped", |_, side| {
                users(&format!("first: 50, skip: {}", side.half))
            })
        },
        Workload {
            beside: Some((FIRST_PAGE, first_of_connection, KEPT)),
            ..constant("connection, middle", |_, side| {
                connection(&format!("first: 50, after: \"{}\"", side.middle))
            })
        },
        Workload {
            beside: Some((FIRST_PAGE, first_of_connection, KEPT)),
            ..constant("connection, last page", |_, _| connection("last: 50"))
        },
        constant("page by name", |_, _| users("orderBy: NAME_ASC, first: 50")),
        constant("page by e-mail", |_, _| users("orderBy: EMAIL_ASC, first: 50")),
        constant("page by last change", |_, _| {
            users("orderBy: UPDATED_AT_DESC, first: 50")
        }),
        constant("page of a tenant", |_, side| {
            users(&format!("where: {{tenant: {{id: \"{}\"}}}}, first: 50", side.tenant))
        }),
        constant("page of the deactivated", |_, _| {
            users("where: {activated: false}, first: 50")
        }),
        constant("page of names that start so", |_, _| {
            users("where: {nameStartsWith: \"A\"}, orderBy: NAME_ASC, first: 50")
        }),
    ]
}

/// The last two hash passwords, so they come last.
fn changes() -> Vec<Workload> {
    let change = |title, bodies| Workload {
        kept: None,
        ..constant(title, bodies)
    };
    vec![
        change("update of a user", |bench, _| {
            let (ids, next) = (bench.ids.clone(), AtomicUsize::new(0));
            Arc::new(move || {
                let number = next.fetch_add(1, Ordering::Relaxed);
                let update = "mutation Update($id: ID!, $name: String!) { updatePropertiesInUser(where: {id: $id}, data: {lastname: $name}) { id } }";
                let id = &ids[number * 7_919 % ids.len()];
                body(
                    "Update",
                    update,
                    json!({ "id": id, "name": format!("Lovelace {number}") }),
                )
            })
        }),
        change("create user with password", |_, _| {
            let (now, next) = (
                std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_micros(),
                AtomicUsize::new(0),
            );
            Arc::new(move || {
                let email = format!("secret.{now}.{}@new.example", next.fetch_add(1, Ordering::Relaxed));
                let create = "mutation Create($email: String!, $password: String!) { createUser(data: {email: $email, password: $password}) { id } }";
                body(
                    "Create",
                    create,
                    json!({ "email": email, "password": sign_in::PASSWORD }),
                )
            })
        }),
        Workload {
            who: |side| &side.nobody,
            ..change("sign-in", |_, side| {
                let (accounts, next) = (side.accounts.clone(), AtomicUsize::new(0));
                Arc::new(move || sign_in::sign_in(&accounts[next.fetch_add(1, Ordering::Relaxed) % accounts.len()]))
            })
        },
    ]
}
