//! Several operations in one request, each a transaction of its own.

mod operation;
mod order;
mod references;

use std::collections::HashMap;

use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Map, Value, json};

use self::operation::{Done, Operation};
use self::order::Turn;
use super::answer;
use super::documents::BULK_OPERATIONS_MAX;
use super::error::{body_of, invalid, status_of};
use super::fault::ScimType;
use super::message;
use super::names::{BULK_REQUEST, BULK_RESPONSE};
use super::values::{member, require_schema};
use crate::compat::face::{Call, log_cause_of};
use crate::context::OpContext;
use crate::model::error::{ConflictReason, Error, Result};

/// `POST /Bulk`.
pub async fn bulk(call: Call) -> Result<Response> {
    let op = message::with_room(&call).await?;
    let body = message::read(&call.body)?;
    let members = message::members(&body)?;
    require_schema(members, BULK_REQUEST)?;
    let operations = match member(members, "Operations")? {
        Some(Value::Array(operations)) => operations,
        Some(_) | None => return Err(invalid(ScimType::InvalidSyntax, "'Operations' must be a list.")),
    };
    if operations.len() > BULK_OPERATIONS_MAX {
        return Err(Error::LimitExceeded(format!(
            "The request has {} operations; the limit is {BULK_OPERATIONS_MAX}. Send them in several requests.",
            operations.len()
        )));
    }
    let errors_max = errors_max(member(members, "failOnErrors")?)?;
    let mut outcomes = Run::of(operations).all(&op, errors_max).await;
    outcomes.sort_by_key(|(place, _)| *place);
    let outcomes: Vec<Value> = outcomes.into_iter().map(|(_, outcome)| outcome).collect();
    let answer = json!({ "schemas": [BULK_RESPONSE], "Operations": outcomes });
    Ok(answer::json(StatusCode::OK, &answer))
}

/// After how many errors it ends; without a number, or with none that is positive, it never does.
fn errors_max(value: Option<&Value>) -> Result<usize> {
    let bad = || invalid(ScimType::InvalidValue, "'failOnErrors' must be a whole number above 0.");
    match value {
        None | Some(Value::Null) => Ok(usize::MAX),
        Some(Value::Number(number)) => {
            let number: usize = number.to_string().parse().map_err(|_| bad())?;
            if number > 0 { Ok(number) } else { Err(bad()) }
        }
        Some(_) => Err(bad()),
    }
}

/// The operations of a request, and what came of those that have run.
struct Run<'a> {
    operations: Vec<(Sent<'a>, Result<Operation<'a>>)>,
    /// The ids of what operations have created, by their names.
    ids: HashMap<String, String>,
}

/// What of an operation its outcome repeats.
struct Sent<'a> {
    method: Option<&'a str>,
    bulk_id: Option<&'a str>,
}

impl<'a> Sent<'a> {
    fn of(operation: &'a Value) -> Self {
        let text = |name: &str| {
            let found = member(operation.as_object()?, name).ok().flatten();
            found.and_then(Value::as_str)
        };
        Self {
            method: text("method"),
            bulk_id: text("bulkId"),
        }
    }
}

impl<'a> Run<'a> {
    fn of(operations: &'a [Value]) -> Self {
        let mut names: Vec<&str> = Vec::new();
        let mut all = Vec::with_capacity(operations.len());
        for sent in operations {
            let read = Operation::read(sent).and_then(|operation| {
                if let Some(name) = operation.bulk_id {
                    if names.contains(&name) {
                        return Err(invalid(
                            ScimType::InvalidValue,
                            "'bulkId' is used by an earlier operation.",
                        ));
                    }
                    names.push(name);
                }
                Ok(operation)
            });
            all.push((Sent::of(sent), read));
        }
        Self {
            operations: all,
            ids: HashMap::new(),
        }
    }

    /// The places of the operations that each one refers to.
    fn needs(&self) -> Vec<Vec<usize>> {
        let places: HashMap<&str, usize> = self
            .operations
            .iter()
            .enumerate()
            .filter_map(|(place, (_, operation))| Some((operation.as_ref().ok()?.creates()?, place)))
            .collect();
        let needs = |(_, operation): &(Sent<'_>, Result<Operation<'_>>)| {
            let names = operation.as_ref().map(Operation::refers_to).unwrap_or_default();
            names
                .iter()
                .filter_map(|name| places.get(name.as_str()).copied())
                .collect()
        };
        self.operations.iter().map(needs).collect()
    }

    /// Runs them, and returns each outcome with its place in the request.
    async fn all(mut self, op: &OpContext, errors_max: usize) -> Vec<(usize, Value)> {
        let mut outcomes = Vec::with_capacity(self.operations.len());
        let mut errors = 0;
        for turn in order::of(&self.needs()) {
            let (place, done) = match turn {
                Turn::Run(place) => (place, self.run(op, place).await),
                Turn::Circle(place) => (place, Err(circular())),
            };
            if let Err(error) = &done {
                errors += 1;
                log_cause_of(error, op.request_id());
            }
            outcomes.push((place, self.outcome(op, place, done)));
            if errors >= errors_max {
                break;
            }
        }
        outcomes
    }

    async fn run(&mut self, op: &OpContext, place: usize) -> Result<Done> {
        let missing = || Error::internal("an operation that is not there");
        let (_, read) = self.operations.get_mut(place).ok_or_else(missing)?;
        let operation = match read {
            Ok(operation) => operation,
            Err(_) => return Err(std::mem::replace(read, Err(missing())).err().unwrap_or_else(missing)),
        };
        let creates = operation.creates().map(str::to_owned);
        // The key may have been revoked by an earlier one.
        let op = op.decided_again().await?;
        let done = operation.run(&op, &self.ids).await;
        if let Err(Error::Forbidden(_)) = &done {
            op.note_refusal(operation.action());
        }
        if let (Ok(done), Some(name)) = (&done, creates) {
            self.ids.insert(name, done.id.clone());
        }
        done
    }

    fn outcome(&self, op: &OpContext, place: usize, done: Result<Done>) -> Value {
        let mut outcome = Map::new();
        let mut put = |name: &str, value: Option<String>| {
            if let Some(value) = value {
                outcome.insert(name.to_owned(), Value::String(value));
            }
        };
        let of = self.operations.get(place);
        let sent = of.map(|(sent, _)| sent);
        put("method", sent.and_then(|sent| sent.method).map(str::to_ascii_uppercase));
        put("bulkId", sent.and_then(|sent| sent.bulk_id).map(str::to_owned));
        match done {
            Ok(done) => {
                put("location", Some(done.location));
                put("version", done.tag);
                put("status", Some(done.status.as_str().to_owned()));
            }
            Err(error) => {
                let operation = of.and_then(|(_, operation)| operation.as_ref().ok());
                put(
                    "location",
                    operation.and_then(|operation| operation.location(op, &self.ids)),
                );
                put("status", Some(status_of(&error).as_str().to_owned()));
                outcome.insert("response".to_owned(), body_of(&error));
            }
        }
        Value::Object(outcome)
    }
}

fn circular() -> Error {
    let message = "The operation refers by 'bulkId' to one that refers back to it.";
    Error::conflict(ConflictReason::InUse, message)
}
