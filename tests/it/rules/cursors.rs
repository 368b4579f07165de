//! A cursor is a place in one list in one order: every other connection, and the same one in every other order, refuses
//! it instead of losing rows in silence. Another filter is fine.

use std::collections::BTreeMap;

use async_graphql::parser::types::TypeKind;
use serde_json::{Value, json};

use super::{Sdl, named};
use crate::on_both;
use crate::support::{App, Caller};

/// A connection in an order.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Listed {
    connection: String,
    filter: String,
    order: String,
}

/// Every connection of Query in every order that it has.
fn all(sdl: &Sdl) -> Vec<Listed> {
    let mut found = Vec::new();
    for field in sdl.fields("Query") {
        let argument = |name: &str| field.arguments.iter().find(|argument| argument.node.name.node == name);
        let (Some(_), Some(order), Some(filter)) = (argument("after"), argument("orderBy"), argument("where")) else {
            continue;
        };
        let TypeKind::Enum(orders) = &sdl.types[named(&order.node.ty.node)].kind else {
            panic!("{} is ordered by no enum", field.name.node);
        };
        found.extend(orders.values.iter().map(|value| Listed {
            connection: field.name.node.to_string(),
            filter: named(&filter.node.ty.node).to_owned(),
            order: value.node.value.node.to_string(),
        }));
    }
    found
}

impl Listed {
    async fn ask(&self, caller: &Caller<'_>, arguments: Value) -> Value {
        let document = format!(
            "query($after: String, $before: String, $where: {}) {{
                {}(orderBy: {}, first: 1, after: $after, before: $before, where: $where) {{ edges {{ cursor }} }} }}",
            self.filter, self.connection, self.order,
        );
        caller.send(&document, arguments).await
    }
}

on_both! {
    async fn a_cursor_is_of_one_list_and_one_order(app: App) {
        let admin = app.admin();
        app.organization("acme", &["berlin"]).await;
        app.user("acme", "ann", None).await;
        admin.ok("mutation { createGroup(data: {name: \"editors\"}) { id } }", json!({})).await;
        admin.ok("mutation { inviteUser(data: {email: \"new@acme.example\"}) { id } }", json!({})).await;
        let impersonate = "mutation { impersonateUser(where: {id: \"ann\"}, reason: \"to help\") { expiresIn } }";
        admin.ok(impersonate, json!({})).await;
        let lists = all(&Sdl::read());
        assert!(lists.len() > 60, "connections are found: {lists:?}");

        let mut cursors = BTreeMap::new();
        for list in &lists {
            let answer = list.ask(&admin, json!({})).await;
            let cursor = answer["data"][&list.connection]["edges"][0]["cursor"].as_str();
            let cursor = cursor.unwrap_or_else(|| panic!("nothing in {list:?}: {answer}")).to_owned();
            cursors.insert(list.clone(), cursor);
        }
        for (of, cursor) in &cursors {
            for list in &lists {
                for argument in ["after", "before"] {
                    // One of the two is enough to tell lists apart; a list's own orders are told apart by both.
                    if argument == "before" && list.connection != of.connection {
                        continue;
                    }
                    let answer = list.ask(&admin, json!({ argument: cursor })).await;
                    if list == of {
                        assert!(answer.get("errors").is_none(), "{list:?}: {answer}");
                        let elsewhere = json!({ argument: cursor, "where": { "id": "nobody" } });
                        let answer = list.ask(&admin, elsewhere).await;
                        assert_eq!(answer["data"][&list.connection]["edges"], json!([]), "{list:?}: {answer}");
                    } else {
                        let told = &answer["errors"][0]["extensions"];
                        assert_eq!(*told, json!({ "code": "INVALID", "field": argument }), "{of:?} in {list:?}: {answer}");
                    }
                }
            }
        }
    }
}
