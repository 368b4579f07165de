//! Everything in a document, each with its position, as a flat list for the rules.

use async_graphql::indexmap::IndexMap;
use async_graphql::parser::types::{
    BaseType, Directive, Field, FragmentSpread, InlineFragment, OperationDefinition, Selection, SelectionSet, Type,
};
use async_graphql::{Name, Pos, Positioned};
use async_graphql_value::Value;

use super::super::parse::Definitions;
use super::super::types::{self, Input, Types, name_of};
use crate::model::error::shown;

/// The definition that contains something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scope<'a> {
    /// The operation with this number.
    Operation(usize),
    Fragment(&'a str),
}

/// Something in a document, with its position and the type that it is in. `None` if that type is unknown; another rule
/// reports it.
#[derive(Debug)]
pub struct Place<'a, T> {
    pub scope: Scope<'a>,
    pub parent: Option<&'a str>,
    pub node: &'a Positioned<T>,
}

/// Where a directive is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Location {
    Operation,
    Variable,
    FragmentDefinition,
    /// On a field, a spread or an inline fragment. The same directives are allowed on all of them.
    Selection,
}

/// The arguments of a field or a directive.
#[derive(Debug)]
pub struct Arguments<'a> {
    pub scope: Scope<'a>,
    /// The field or directive, for messages.
    pub of: &'a Name,
    pub at: Pos,
    pub given: &'a [(Positioned<Name>, Positioned<Value>)],
    pub known: Option<&'a IndexMap<String, Input>>,
}

/// A variable in an argument.
#[derive(Debug)]
pub struct Use<'a> {
    pub scope: Scope<'a>,
    pub name: &'a Name,
    pub at: Pos,
    /// The expected type, and whether a default is used if the variable is not given. `None` inside free JSON.
    pub expected: Option<(Type, bool)>,
    /// The argument or the part of it, as in `where.id`.
    pub path: String,
}

/// A document as flat lists.
#[derive(Debug)]
pub struct Walked<'a> {
    pub types: &'a Types,
    pub definitions: &'a Definitions,
    pub fields: Vec<Place<'a, Field>>,
    pub spreads: Vec<Place<'a, FragmentSpread>>,
    pub inline_fragments: Vec<Place<'a, InlineFragment>>,
    pub directives: Vec<(Location, &'a [Positioned<Directive>])>,
    pub arguments: Vec<Arguments<'a>>,
    pub uses: Vec<Use<'a>>,
}

impl<'a> Walked<'a> {
    pub fn new(definitions: &'a Definitions, types: &'a Types) -> Self {
        let mut walked = Self {
            types,
            definitions,
            fields: Vec::new(),
            spreads: Vec::new(),
            inline_fragments: Vec::new(),
            directives: Vec::new(),
            arguments: Vec::new(),
            uses: Vec::new(),
        };
        for (number, (_, operation)) in definitions.operations.iter().enumerate() {
            walked.operation(Scope::Operation(number), &operation.node);
        }
        for (name, fragment) in &definitions.fragments {
            let fragment = &fragment.node;
            let scope = Scope::Fragment(name);
            walked.directives(scope, Location::FragmentDefinition, &fragment.directives);
            let on = walked.composite(&fragment.type_condition.node.on.node);
            walked.selections(scope, on, &fragment.selection_set.node);
        }
        walked.uses = uses(&walked.arguments, types);
        walked
    }

    /// A type with fields, by its name.
    pub fn composite(&self, name: &'a str) -> Option<&'a str> {
        self.types.fields(name).map(|_| name)
    }

    /// The schema's definition of a field.
    pub fn known(&self, field: &Place<'a, Field>) -> Option<&'a types::Field> {
        self.types.field(field.parent?, &field.node.node.name.node)
    }

    fn operation(&mut self, scope: Scope<'a>, operation: &'a OperationDefinition) {
        self.directives(scope, Location::Operation, &operation.directives);
        for variable in &operation.variable_definitions {
            self.directives(scope, Location::Variable, &variable.node.directives);
        }
        let root = self.types.root(operation.ty);
        self.selections(scope, root, &operation.selection_set.node);
    }

    fn selections(&mut self, scope: Scope<'a>, parent: Option<&'a str>, set: &'a SelectionSet) {
        for selection in &set.items {
            self.directives(scope, Location::Selection, selection.node.directives());
            match &selection.node {
                Selection::Field(field) => self.field(Place {
                    scope,
                    parent,
                    node: field,
                }),
                Selection::FragmentSpread(spread) => self.spreads.push(Place {
                    scope,
                    parent,
                    node: spread,
                }),
                Selection::InlineFragment(inline) => {
                    let condition = inline.node.type_condition.as_ref();
                    let on = condition.map_or(parent, |condition| self.composite(&condition.node.on.node));
                    self.inline_fragments.push(Place {
                        scope,
                        parent,
                        node: inline,
                    });
                    self.selections(scope, on, &inline.node.selection_set.node);
                }
            }
        }
    }

    fn field(&mut self, place: Place<'a, Field>) {
        let field = &place.node.node;
        let known = self.known(&place);
        self.arguments.push(Arguments {
            scope: place.scope,
            of: &field.name.node,
            at: field.name.pos,
            given: &field.arguments,
            known: known.map(|known| &known.arguments),
        });
        let scope = place.scope;
        self.fields.push(place);
        let below = known.and_then(|known| self.composite(name_of(&known.ty)));
        self.selections(scope, below, &field.selection_set.node);
    }

    fn directives(&mut self, scope: Scope<'a>, location: Location, directives: &'a [Positioned<Directive>]) {
        if directives.is_empty() {
            return;
        }
        self.directives.push((location, directives));
        for directive in directives {
            self.arguments.push(Arguments {
                scope,
                of: &directive.node.name.node,
                at: directive.pos,
                given: &directive.node.arguments,
                known: self.types.directive(&directive.node.name.node),
            });
        }
    }
}

fn uses<'a>(arguments: &[Arguments<'a>], types: &'a Types) -> Vec<Use<'a>> {
    let mut uses = Vec::new();
    for place in arguments {
        for (name, value) in place.given {
            let known = place.known.and_then(|known| known.get(name.node.as_str()));
            let start = Use {
                scope: place.scope,
                name: &name.node,
                at: value.pos,
                expected: known.map(|input| (input.ty.clone(), input.has_default)),
                path: shown(&name.node),
            };
            uses_in(&value.node, start, types, &mut uses);
        }
    }
    uses
}

/// The variables in a value. `here` is the position of the value.
fn uses_in<'a>(value: &'a Value, here: Use<'a>, types: &'a Types, uses: &mut Vec<Use<'a>>) {
    let below = |step: &str, expected: Option<(Type, bool)>| Use {
        expected,
        path: format!("{}.{}", here.path, shown(step)),
        ..here
    };
    match value {
        Value::Variable(name) => uses.push(Use { name, ..here }),
        Value::List(items) => {
            let item = here.expected.as_ref().map(|(ty, _)| match &ty.base {
                BaseType::List(inner) => Type::clone(inner),
                BaseType::Named(_) => Type {
                    nullable: true,
                    ..ty.clone()
                },
            });
            for (number, value) in items.iter().enumerate() {
                let expected = item.clone().map(|ty| (ty, false));
                uses_in(value, below(&number.to_string(), expected), types, uses);
            }
        }
        Value::Object(fields) => {
            let inputs = here.expected.as_ref().and_then(|(ty, _)| types.inputs(name_of(ty)));
            for (name, value) in fields {
                let input = inputs.and_then(|inputs| inputs.get(name.as_str()));
                let expected = input.map(|input| (input.ty.clone(), input.has_default));
                uses_in(value, below(name, expected), types, uses);
            }
        }
        _ => {}
    }
}
