//! What is asked for.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::body::Bytes;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::load::Bodies;

pub fn body(operation: &str, query: &str, variables: Value) -> Bytes {
    json!({"query": query, "operationName": operation, "variables": variables})
        .to_string()
        .into()
}

/// The same each time.
pub fn fixed(operation: &str, query: &str) -> Bodies {
    let body = body(operation, query, json!({}));
    Arc::new(move || body.clone())
}

/// With another one of these each time, as the variable of this name.
pub fn each(operation: &'static str, query: &'static str, name: &'static str, values: &[String]) -> Bodies {
    let (values, next) = (values.to_vec(), AtomicUsize::new(0));
    Arc::new(move || {
        // A step that passes each one before it comes to one again.
        let place = next.fetch_add(7_919, Ordering::Relaxed) % values.len();
        body(operation, query, json!({ (name): values[place] }))
    })
}

pub fn by_email(emails: &[String]) -> Bodies {
    let query = "query ByEmail($email: String!) { users(where: {email: $email}, first: 1) { id email name activated createdAt } }";
    each("ByEmail", query, "email", emails)
}

pub fn page() -> Bodies {
    fixed(
        "Page",
        "query Page { users(first: 50) { id email name activated createdAt } }",
    )
}

pub fn nested() -> Bodies {
    fixed(
        "Nested",
        "query Nested { users(first: 100) { id email name organization { id name } tenant { id name } groups { id name } roles { id name } } }",
    )
}

/// A new user each time.
pub fn create() -> Bodies {
    let made = AtomicUsize::new(0);
    let run = Uuid::now_v7().simple();
    Arc::new(move || {
        let email = format!("ada.{run}.{}@new.example", made.fetch_add(1, Ordering::Relaxed));
        body(
            "Create",
            "mutation Create($email: String!) { createUser(data: {email: $email, firstname: \"Ada\", lastname: \"Lovelace\", roles: [\"user\"]}) { id } }",
            json!({"email": email}),
        )
    })
}
