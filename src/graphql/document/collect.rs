//! The operation that is run: one field for each response key, and nothing else.
//!
//! If two fields have the same response key, the library runs both and merges their results. A mutation would then
//! happen twice, and a list would combine rows from two moments. So fields are collected and merged here first, at
//! every level, according to the specification's `CollectFields` and `CollectSubfields`: fragments are expanded,
//! `@skip` and `@include` are applied, and variables are replaced by their values. Where an interface is selected, there
//! is one set of fields for each of its types.

use async_graphql::indexmap::IndexMap;
use async_graphql::parser::types::{
    Directive, DocumentOperations, ExecutableDocument, Field, InlineFragment, OperationDefinition, Selection,
    SelectionSet, TypeCondition,
};
use async_graphql::{Name, Pos, Positioned};
use async_graphql_value::Value;

use super::coerce::Variables;
use super::parse::Definitions;
use super::types::{name_of, types};

/// An operation of a valid document, merged.
pub fn collect(
    definitions: &Definitions,
    operation: &Positioned<OperationDefinition>,
    variables: &Variables,
) -> ExecutableDocument {
    let collecting = Collecting { definitions, variables };
    let merged = OperationDefinition {
        ty: operation.node.ty,
        variable_definitions: Vec::new(),
        directives: Vec::new(),
        selection_set: collecting.merged(
            types().root(operation.node.ty).unwrap_or_default(),
            &[&operation.node.selection_set],
        ),
    };
    ExecutableDocument {
        operations: DocumentOperations::Single(Positioned::new(merged, operation.pos)),
        fragments: std::collections::HashMap::new(),
    }
}

struct Collecting<'a> {
    definitions: &'a Definitions,
    variables: &'a Variables,
}

type Set = Positioned<SelectionSet>;
type Argument = (Positioned<Name>, Positioned<Value>);
type Keyed<'a> = IndexMap<&'a Name, Vec<&'a Positioned<Field>>>;

/// The fields of one place by their keys, including those in fragments that apply to objects of this type. Each fragment
/// is visited once.
pub fn by_key<'a>(
    definitions: &'a Definitions,
    object: &str,
    sets: &[&'a Set],
    is_included: impl Fn(&[Positioned<Directive>]) -> bool,
) -> Keyed<'a> {
    let mut fields = Keyed::new();
    let mut spread = Vec::new();
    // The next one is at the end.
    let mut selections: Vec<&Positioned<Selection>> = Vec::new();
    let push = |set: &'a Set, selections: &mut Vec<_>| selections.extend(set.node.items.iter().rev());
    sets.iter().rev().for_each(|set| push(set, &mut selections));
    while let Some(selection) = selections.pop() {
        if !is_included(selection.node.directives()) {
            continue;
        }
        let applies = |on: &TypeCondition| types().possible(&on.on.node).contains(&object);
        match &selection.node {
            Selection::Field(field) => fields.entry(&field.node.response_key().node).or_default().push(field),
            Selection::InlineFragment(inline) => {
                if inline.node.type_condition.as_ref().is_none_or(|on| applies(&on.node)) {
                    push(&inline.node.selection_set, &mut selections);
                }
            }
            Selection::FragmentSpread(node) => {
                let name = &node.node.fragment_name.node;
                if !spread.contains(&name)
                    && let Some(fragment) = definitions.fragments.get(name)
                    && applies(&fragment.node.type_condition.node)
                {
                    spread.push(name);
                    push(&fragment.node.selection_set, &mut selections);
                }
            }
        }
    }
    fields
}

impl<'a> Collecting<'a> {
    /// Everything that is selected in one place of this type, which may be in several selection sets of the document.
    fn merged(&self, ty: &str, sets: &[&'a Set]) -> Set {
        let pos = sets.first().map(|set| set.pos).unwrap_or_default();
        if !types().is_interface(ty) {
            return self.of_object(ty, sets, pos);
        }
        let objects = types().possible(ty).into_iter().map(|object| {
            let on = TypeCondition {
                on: Positioned::new(Name::new(object), pos),
            };
            let fragment = InlineFragment {
                type_condition: Some(Positioned::new(on, pos)),
                directives: Vec::new(),
                selection_set: self.of_object(object, sets, pos),
            };
            Positioned::new(Selection::InlineFragment(Positioned::new(fragment, pos)), pos)
        });
        let items = objects.collect();
        Positioned::new(SelectionSet { items }, pos)
    }

    fn of_object(&self, object: &str, sets: &[&'a Set], pos: Pos) -> Set {
        let fields = by_key(self.definitions, object, sets, |directives| {
            self.is_included(directives)
        });
        let items = fields
            .into_values()
            .filter_map(|group| self.field(object, &group))
            .collect();
        Positioned::new(SelectionSet { items }, pos)
    }

    /// One field for all fields with the same key. Validation has made sure that they differ only in what they select.
    fn field(&self, object: &str, group: &[&'a Positioned<Field>]) -> Option<Positioned<Selection>> {
        let first = group.first()?;
        let known = types().field(object, &first.node.name.node);
        let sets: Vec<&Set> = group.iter().map(|field| &field.node.selection_set).collect();
        let field = Field {
            alias: first.node.alias.clone(),
            name: first.node.name.clone(),
            arguments: self.arguments(&first.node.arguments),
            directives: Vec::new(),
            selection_set: match first.node.selection_set.node.items.is_empty() {
                true => Set::default(),
                false => self.merged(known.map(|known| name_of(&known.ty)).unwrap_or_default(), &sets),
            },
        };
        Some(Positioned::new(
            Selection::Field(Positioned::new(field, first.pos)),
            first.pos,
        ))
    }

    fn is_included(&self, directives: &[Positioned<Directive>]) -> bool {
        directives.iter().all(|directive| {
            let condition = directive.node.get_argument("if");
            let condition = condition.and_then(|value| self.value(&value.node)) == Some(Value::Boolean(true));
            condition == (directive.node.name.node == "include")
        })
    }

    /// An argument whose variable was not given is left out.
    fn arguments(&self, given: &[Argument]) -> Vec<Argument> {
        let value = |(name, value): &Argument| Some((name.clone(), value.position_node(self.value(&value.node)?)));
        given.iter().filter_map(value).collect()
    }

    /// A value with its variables replaced. `None` for a variable that was not given.
    fn value(&self, value: &Value) -> Option<Value> {
        Some(match value {
            Value::Variable(name) => return self.variables.get(name).cloned(),
            // A list keeps an item whose variable was not given, as null.
            Value::List(items) => Value::List(items.iter().map(|item| self.value(item).unwrap_or_default()).collect()),
            Value::Object(fields) => {
                let field = |(name, value): (&Name, &Value)| Some((name.clone(), self.value(value)?));
                Value::Object(fields.iter().filter_map(field).collect())
            }
            constant => constant.clone(),
        })
    }
}
