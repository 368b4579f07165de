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
/// A selection set, with its type.
pub type TypedSet<'a> = (&'a str, &'a Set);
/// A field, with the type that it is a field of.
pub type Member<'a> = (&'a str, &'a Positioned<Field>);

/// The fields of one place by their keys, in the document's order, including those in fragments on types that `applies`
/// accepts. Each fragment is visited once.
pub fn by_key<'a>(
    definitions: &'a Definitions,
    sets: &[TypedSet<'a>],
    applies: impl Fn(&str) -> bool,
    is_included: impl Fn(&[Positioned<Directive>]) -> bool,
) -> IndexMap<&'a Name, Vec<Member<'a>>> {
    let mut fields: IndexMap<&Name, Vec<Member<'_>>> = IndexMap::new();
    let mut spread: Vec<&Name> = Vec::new();
    // The next one is at the end.
    let mut selections: Vec<(&str, &Positioned<Selection>)> = Vec::new();
    let push = |(ty, set): TypedSet<'a>, selections: &mut Vec<_>| {
        selections.extend(set.node.items.iter().rev().map(|selection| (ty, selection)));
    };
    sets.iter().rev().for_each(|set| push(*set, &mut selections));
    while let Some((ty, selection)) = selections.pop() {
        if !is_included(selection.node.directives()) {
            continue;
        }
        match &selection.node {
            Selection::Field(field) => fields
                .entry(&field.node.response_key().node)
                .or_default()
                .push((ty, field)),
            Selection::InlineFragment(inline) => {
                let on = inline.node.type_condition.as_ref().map_or(ty, |on| &on.node.on.node);
                if applies(on) {
                    push((on, &inline.node.selection_set), &mut selections);
                }
            }
            Selection::FragmentSpread(node) => {
                let name = &node.node.fragment_name.node;
                if !spread.contains(&name)
                    && let Some(fragment) = definitions.fragments.get(name)
                {
                    spread.push(name);
                    let on = &fragment.node.type_condition.node.on.node;
                    if applies(on) {
                        push((on, &fragment.node.selection_set), &mut selections);
                    }
                }
            }
        }
    }
    fields
}

/// Whether a fragment on this type applies to objects of that one.
pub fn applies_to(object: &str) -> impl Fn(&str) -> bool {
    move |on| types().possible(on).contains(&object)
}

impl<'a> Collecting<'a> {
    /// Everything that is selected in one place of this type, which may be in several selection sets of the document.
    fn merged(&self, ty: &'a str, sets: &[&'a Set]) -> Set {
        let sets: Vec<TypedSet<'a>> = sets.iter().map(|set| (ty, *set)).collect();
        let pos = sets.first().map(|(_, set)| set.pos).unwrap_or_default();
        if !types().is_interface(ty) {
            return self.of_object(ty, &sets, pos);
        }
        let objects = types().possible(ty).into_iter().map(|object| {
            let on = TypeCondition {
                on: Positioned::new(Name::new(object), pos),
            };
            let fragment = InlineFragment {
                type_condition: Some(Positioned::new(on, pos)),
                directives: Vec::new(),
                selection_set: self.of_object(object, &sets, pos),
            };
            Positioned::new(Selection::InlineFragment(Positioned::new(fragment, pos)), pos)
        });
        let items = objects.collect();
        Positioned::new(SelectionSet { items }, pos)
    }

    fn of_object(&self, object: &str, sets: &[TypedSet<'a>], pos: Pos) -> Set {
        let fields = by_key(self.definitions, sets, applies_to(object), |directives| {
            self.is_included(directives)
        });
        let items = fields
            .into_values()
            .filter_map(|group| self.field(object, &group))
            .collect();
        Positioned::new(SelectionSet { items }, pos)
    }

    /// One field for all fields with the same key. Validation has made sure that they differ only in what they select.
    fn field(&self, object: &str, group: &[Member<'a>]) -> Option<Positioned<Selection>> {
        let (_, first) = group.first()?;
        let known = types().field(object, &first.node.name.node);
        let sets: Vec<&Set> = group.iter().map(|(_, field)| &field.node.selection_set).collect();
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
