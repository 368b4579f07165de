//! Reads a PatchOp message: every operation and every path, before anything is applied.

use serde_json::{Map, Value};

use super::super::fault::{Fault, ScimType, clipped};
use super::super::filter::{Filter, Op};
use super::super::names::{ENTERPRISE, Kind, PATCH_OP};
use super::super::path::Path;
use super::super::schema::{Attr, Fold, Home};
use super::super::values::{Names, member, object, require_schema};

const OPERATIONS_MAX: usize = 1_000;
/// Every comparison is made with up to fifty values, so this bounds the work of a message: for each operation that it may have
/// one comparison that looks into texts or ignores case, or five others.
const COST_MAX: usize = 5_000;
const COST_OF_TEXT: usize = 5;

/// What an operation does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// Sets a value, or adds to several.
    Add,
    /// Sets a value, or all of several.
    Replace,
    /// Takes a value away.
    Remove,
}

/// One change of one target. An operation without a path is a step for each key of its value.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// What is done.
    pub verb: Verb,
    /// To what.
    pub target: Target,
    /// With which value; a removal may have none.
    pub value: Option<Value>,
}

/// What a step changes.
#[derive(Clone, Debug, PartialEq)]
pub enum Target {
    /// The enterprise extension as a whole.
    Extension,
    /// An attribute that clients can write.
    Attribute {
        /// The attribute, and its sub-attribute if one is named.
        attribute: Attr,
        /// Which of its values; all without it.
        such: Option<Filter>,
    },
}

/// Reads the steps of a message, in order.
pub fn read(message: &Value, kind: Kind) -> Result<Vec<Step>, Fault> {
    let message = object(message)?;
    require_schema(message, PATCH_OP)?;
    let operations = match member(message, "Operations")? {
        Some(Value::Array(operations)) => operations,
        _ => return Err(Fault::syntax("'Operations' must be a list.")),
    };
    if operations.len() > OPERATIONS_MAX {
        return Err(Fault::value(format!(
            "The request has {} operations; the limit is {OPERATIONS_MAX}.",
            operations.len()
        )));
    }
    let mut reader = Reader {
        kind,
        steps: Vec::new(),
        cost: 0,
    };
    for operation in operations {
        reader.operation(operation)?;
    }
    Ok(reader.steps)
}

struct Reader {
    kind: Kind,
    steps: Vec<Step>,
    cost: usize,
}

impl Reader {
    fn operation(&mut self, operation: &Value) -> Result<(), Fault> {
        let operation = operation
            .as_object()
            .ok_or_else(|| Fault::syntax("Each of 'Operations' must be an object."))?;
        let verb = verb(member(operation, "op")?)?;
        let path = match member(operation, "path")? {
            None | Some(Value::Null) => None,
            Some(Value::String(path)) => Some(path.trim()).filter(|path| !path.is_empty()),
            Some(_) => return Err(Fault::path("'path' must be a text.")),
        };
        let value = member(operation, "value")?;
        if verb != Verb::Remove && value.is_none() {
            return Err(Fault::value("An operation that adds or replaces must have a 'value'."));
        }
        match (path, value) {
            (None, _) if verb == Verb::Remove => Err(Fault::new(
                ScimType::NoTarget,
                "An operation that removes must have a 'path'.",
            )),
            (Some(path), value) if !path.eq_ignore_ascii_case(self.kind.urn()) => match Path::parse(path, self.kind)? {
                Path::Foreign => Ok(()),
                Path::Extension => self.push(verb, Target::Extension, value),
                Path::Attribute { attribute, such } => match refused(attribute) {
                    Some(fault) => Err(fault),
                    None => self.push(verb, Target::Attribute { attribute, such }, value),
                },
            },
            (_, Some(Value::Object(values))) if verb != Verb::Remove => self.whole(verb, values),
            _ => Err(Fault::value(
                "An operation without a 'path' must have an object as its 'value'.",
            )),
        }
    }

    /// An operation on the resource as a whole: each key is a path of its own.
    fn whole(&mut self, verb: Verb, values: &Map<String, Value>) -> Result<(), Fault> {
        let mut seen = Names::default();
        for (key, value) in values {
            if key.eq_ignore_ascii_case(self.kind.urn()) {
                // Its keys are attributes, so there is no further level.
                if let Value::Object(inner) = value
                    && !inner.keys().any(|key| key.eq_ignore_ascii_case(self.kind.urn()))
                {
                    self.whole(verb, inner)?;
                }
                continue;
            }
            let target = match Path::find(key, self.kind)? {
                Some(Path::Extension) => Target::Extension,
                Some(Path::Attribute { attribute, such }) if refused(attribute).is_none() => {
                    Target::Attribute { attribute, such }
                }
                Some(Path::Attribute { .. } | Path::Foreign) | None => continue,
            };
            match &target {
                Target::Extension => seen.note(ENTERPRISE, "")?,
                // The names of the extension differ from those of the core schema.
                Target::Attribute { attribute, such: None } => {
                    let (name, sub) = attribute.names();
                    seen.note(name, sub.unwrap_or_default())?;
                }
                Target::Attribute { such: Some(_), .. } => {}
            }
            self.push(verb, target, Some(value))?;
        }
        Ok(())
    }

    fn push(&mut self, verb: Verb, target: Target, value: Option<&Value>) -> Result<(), Fault> {
        if let Target::Attribute { attribute, such } = &target {
            // Members are not compared here.
            if !attribute.is_members() {
                self.cost += match such {
                    Some(such) => cost(such),
                    None => cost_of_list(*attribute, verb, value),
                };
            }
            if self.cost > COST_MAX {
                return Err(Fault::path(
                    "The operations need too many comparisons. Use 'eq' in filters, or send fewer operations at once.",
                ));
            }
            if !attribute.leaf().is_writable() {
                return Ok(());
            }
        }
        self.steps.push(Step {
            verb,
            target,
            value: value.cloned(),
        });
        Ok(())
    }
}

fn verb(op: Option<&Value>) -> Result<Verb, Fault> {
    match op {
        Some(Value::String(op)) if op.eq_ignore_ascii_case("add") => Ok(Verb::Add),
        Some(Value::String(op)) if op.eq_ignore_ascii_case("replace") => Ok(Verb::Replace),
        Some(Value::String(op)) if op.eq_ignore_ascii_case("remove") => Ok(Verb::Remove),
        Some(Value::String(op)) => Err(Fault::syntax(format!(
            "'op' must be add, replace or remove, not '{}'.",
            clipped(op)
        ))),
        _ => Err(Fault::syntax(
            "Each operation must have an 'op': add, replace or remove.",
        )),
    }
}

/// The refusal of an attribute that the server alone writes.
fn refused(attribute: Attr) -> Option<Fault> {
    let read_only = !attribute.attribute.is_writable();
    read_only.then(|| Fault::mutability(format!("'{}' is read-only.", attribute.attribute.name)))
}

/// The work of a filter for one value.
fn cost(filter: &Filter) -> usize {
    match filter {
        Filter::All(filters) | Filter::Any(filters) => filters.iter().map(cost).sum(),
        Filter::Not(filter) => cost(filter),
        Filter::Entry { such, .. } => cost(such),
        Filter::Test { attribute, op, .. } if *op != Op::Eq || attribute.leaf().fold != Fold::Exact => COST_OF_TEXT,
        Filter::Test { .. } | Filter::Present(_) | Filter::Never => 1,
    }
}

/// The work of finding values that are sent among those of an attribute.
fn cost_of_list(attribute: Attr, verb: Verb, value: Option<&Value>) -> usize {
    let sent = match value {
        Some(Value::Array(values)) => values.len(),
        value => usize::from(value.is_some()),
    };
    let is_folded = attribute
        .attribute
        .sub("value")
        .is_some_and(|part| part.fold != Fold::Exact);
    match verb {
        _ if !attribute.attribute.multi_valued => 0,
        Verb::Replace => 0,
        Verb::Remove if is_folded => sent.saturating_mul(COST_OF_TEXT),
        Verb::Add | Verb::Remove => sent,
    }
}

/// The object of the resource that has an attribute, and is made if it is missing.
pub fn home_of(resource: &mut Map<String, Value>, home: Home) -> Option<&mut Map<String, Value>> {
    match home {
        Home::Enterprise => resource
            .entry(ENTERPRISE)
            .or_insert_with(|| Value::Object(Map::new()))
            .as_object_mut(),
        Home::Common | Home::Core(_) => Some(resource),
    }
}
