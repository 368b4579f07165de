//! The change of a group's members: operations folded to who is taken out and who is put in, without reading the group.

use indexmap::IndexMap;
use serde_json::Value;

use super::super::fault::{Fault, ScimType};
use super::super::filter::{Filter, Literal, Op};
use super::super::values::{member_ids, parts};
use super::operations::{Step, Target, Verb};

/// What happens to the members of a group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MemberChange {
    /// Whether all present members are taken out first.
    pub emptied: bool,
    /// The ids to put in, each once.
    pub put_in: Vec<String>,
    /// The ids to take out, each once, and none of those that are put in.
    pub taken_out: Vec<String>,
}

/// The members after all steps: whether all were taken out at some time, and what happened to each id last.
#[derive(Default)]
struct Fold {
    emptied: bool,
    is_in: IndexMap<String, bool>,
}

impl Fold {
    fn all(&mut self, ids: Vec<String>, is_in: bool) {
        self.is_in.extend(ids.into_iter().map(|id| (id, is_in)));
    }

    fn empty(&mut self) {
        self.emptied = true;
        self.is_in.clear();
    }
}

/// Folds the steps on members.
pub fn folded(steps: &[Step]) -> Result<MemberChange, Fault> {
    let mut fold = Fold::default();
    for step in steps {
        if let Target::Attribute { attribute, such } = &step.target
            && attribute.is_members()
        {
            match (attribute.sub, such) {
                (None, None) => whole(&mut fold, step)?,
                (None, Some(such)) => filtered(&mut fold, step, such)?,
                (Some(sub), such) => match (sub.name, such) {
                    ("type", _) => {
                        // Members are users already, so a type has no effect, but it must be the right one.
                        let kind = step.value.clone().unwrap_or_default();
                        member_ids(&serde_json::json!({"type": kind}))?;
                    }
                    ("value", Some(_)) => return Err(Fault::mutability(CHANGED)),
                    ("value", None) => {
                        return Err(Fault::path(
                            "'members' has several values; use the path members, or members[value eq \"…\"].",
                        ));
                    }
                    _ => {}
                },
            }
        }
    }
    let emptied = fold.emptied;
    let (put_in, out): (Vec<_>, Vec<_>) = fold.is_in.into_iter().partition(|(_, is_in)| *is_in);
    let ids = |list: Vec<(String, bool)>| list.into_iter().map(|(id, _)| id).collect();
    Ok(MemberChange {
        emptied,
        put_in: ids(put_in),
        taken_out: if emptied { Vec::new() } else { ids(out) },
    })
}

const CHANGED: &str = "The 'value' of a member cannot be changed; remove the member and add another one.";

fn whole(fold: &mut Fold, step: &Step) -> Result<(), Fault> {
    match (step.verb, &step.value) {
        (Verb::Add, Some(value)) => fold.all(member_ids(value)?, true),
        (Verb::Replace, Some(value)) => {
            let ids = member_ids(value)?;
            fold.empty();
            fold.all(ids, true);
        }
        // A list takes out those in it, so an empty one takes out nobody.
        (Verb::Remove, Some(value)) if !(value.is_null() || value == "") => fold.all(member_ids(value)?, false),
        _ => fold.empty(),
    }
    Ok(())
}

fn filtered(fold: &mut Fold, step: &Step, such: &Filter) -> Result<(), Fault> {
    let mut ids = Vec::new();
    if !named_by(such, &mut ids) {
        return Err(Fault::path(
            "A filter on 'members' compares 'value' by eq, several joined by or.",
        ));
    }
    let is_unassigned = |value: &Value| value.is_null() || value == "" || value.as_array().is_some_and(Vec::is_empty);
    if step.verb == Verb::Remove || (step.verb == Verb::Replace && step.value.as_ref().is_some_and(is_unassigned)) {
        fold.all(ids, false);
        return Ok(());
    }
    // The entry that the filter describes is put in, or is there already and stays as it is.
    if ids.len() > 1 {
        return Err(Fault::new(
            ScimType::NoTarget,
            "The filter of the path must name one member by 'value'.",
        ));
    }
    let sent = match &step.value {
        Some(Value::Array(values)) => values.first(),
        value => value.as_ref(),
    };
    if let (Some(value @ (Value::Object(_) | Value::String(_))), Target::Attribute { attribute, .. }) =
        (sent, &step.target)
    {
        if let Value::Object(members) = value {
            parts(attribute.attribute, members)?;
        }
        if member_ids(value)?.iter().any(|id| !ids.contains(id)) {
            return Err(Fault::mutability(CHANGED));
        }
    }
    fold.all(ids, true);
    Ok(())
}

/// The ids that a filter names, if it names nothing else.
fn named_by(such: &Filter, ids: &mut Vec<String>) -> bool {
    match such {
        Filter::Any(filters) => filters.iter().all(|filter| named_by(filter, ids)),
        Filter::Test {
            attribute,
            op: Op::Eq,
            value: Literal::Text(id),
        } if attribute.leaf().name == "value" => {
            ids.push(id.clone());
            true
        }
        // A text that no id can be.
        Filter::Never => true,
        _ => false,
    }
}

#[cfg(test)]
#[path = "members_tests.rs"]
mod tests;
