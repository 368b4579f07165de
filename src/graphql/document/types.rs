//! The parts of the schema that documents are checked against.
//!
//! They are read from the schema's own introspection, so they are what tools see, including the types of introspection
//! itself.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use async_graphql::indexmap::IndexMap;
use async_graphql::parser::types::{BaseType, OperationType, Type};
use async_graphql::{Name, Request};
use futures::FutureExt;
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};

use crate::graphql::schema::build;

/// All types by name. There are no unions, which a test checks.
#[derive(Debug, Default)]
pub struct Types {
    named: IndexMap<String, Named>,
    directives: HashMap<String, IndexMap<String, Input>>,
    /// The fields that return a page: those with an argument `first`.
    paged: HashSet<String>,
    /// The arguments that are filters: those whose types have a field `AND`.
    filters: HashSet<String>,
    query: String,
    mutation: String,
}

/// A named type.
#[derive(Debug, Deserialize)]
#[serde(from = "IntrospectedType")]
pub enum Named {
    Object(IndexMap<String, Field>),
    /// The fields that all of its objects have, and the names of these types.
    Interface(IndexMap<String, Field>, Vec<String>),
    Input(IndexMap<String, Input>),
    Enum(Vec<String>),
    Scalar,
}

/// A field of an object.
#[derive(Debug, Deserialize)]
pub struct Field {
    #[serde(rename = "type", deserialize_with = "ty")]
    pub ty: Type,
    #[serde(rename = "args", deserialize_with = "by_name")]
    pub arguments: IndexMap<String, Input>,
}

/// An argument, or a field of an input object.
#[derive(Debug, Deserialize)]
pub struct Input {
    #[serde(rename = "type", deserialize_with = "ty")]
    pub ty: Type,
    #[serde(rename = "defaultValue", deserialize_with = "is_some")]
    pub has_default: bool,
}

impl Input {
    /// Whether a value must be given.
    pub fn is_required(&self) -> bool {
        !self.ty.nullable && !self.has_default
    }
}

/// The types of our schema.
pub fn types() -> &'static Types {
    static TYPES: LazyLock<Types> = LazyLock::new(Types::read);
    &TYPES
}

impl Types {
    pub fn get(&self, name: &str) -> Option<&Named> {
        self.named.get(name)
    }

    /// The fields of an object type or an interface.
    pub fn fields(&self, name: &str) -> Option<&IndexMap<String, Field>> {
        match self.get(name)? {
            Named::Object(fields) | Named::Interface(fields, _) => Some(fields),
            Named::Input(_) | Named::Enum(_) | Named::Scalar => None,
        }
    }

    /// The types that an object can have in a place of this type: itself, or those of an interface.
    pub fn possible<'a>(&'a self, name: &'a str) -> Vec<&'a str> {
        match self.get(name) {
            Some(Named::Interface(_, objects)) => objects.iter().map(String::as_str).collect(),
            _ => vec![name],
        }
    }

    pub fn is_interface(&self, name: &str) -> bool {
        matches!(self.get(name), Some(Named::Interface(..)))
    }

    /// Whether an object of one of the types can be of the other one too.
    pub fn overlap(&self, one: &str, other: &str) -> bool {
        let others = self.possible(other);
        self.possible(one).iter().any(|object| others.contains(object))
    }

    pub fn field(&self, of: &str, name: &str) -> Option<&Field> {
        self.fields(of)?.get(name)
    }

    pub fn inputs(&self, name: &str) -> Option<&IndexMap<String, Input>> {
        match self.get(name) {
            Some(Named::Input(fields)) => Some(fields),
            _ => None,
        }
    }

    /// The arguments of a directive for fields and fragments.
    pub fn directive(&self, name: &str) -> Option<&IndexMap<String, Input>> {
        self.directives.get(name)
    }

    /// The type that contains an operation's fields. There are no subscriptions.
    pub fn root(&self, operation: OperationType) -> Option<&str> {
        match operation {
            OperationType::Query => Some(&self.query),
            OperationType::Mutation => Some(&self.mutation),
            OperationType::Subscription => None,
        }
    }

    /// Whether a field with this name returns a page.
    pub fn is_paged(&self, field: &str) -> bool {
        self.paged.contains(field)
    }

    /// Whether an argument with this name is a filter.
    pub fn is_filter(&self, argument: &str) -> bool {
        self.filters.contains(argument)
    }

    pub fn is_input(&self, name: &str) -> bool {
        matches!(self.get(name), Some(Named::Input(_) | Named::Enum(_) | Named::Scalar))
    }

    fn read() -> Self {
        // Introspection never waits.
        let answer = build(true).execute(Request::new(INTROSPECTION)).now_or_never();
        let answer = answer.and_then(|answer| serde_json::from_value(answer.data.into_json().ok()?).ok());
        let Answer { schema } = answer.unwrap_or_default();
        let directives = schema.directives.into_iter();
        let at_fields = directives.filter(|(_, one)| one.locations.iter().any(|location| location == "FIELD"));
        let mut types = Self {
            named: schema.types,
            directives: at_fields.map(|(name, one)| (name, one.args)).collect(),
            paged: HashSet::new(),
            filters: HashSet::new(),
            query: schema.query_type.name.unwrap_or_default(),
            mutation: schema.mutation_type.name.unwrap_or_default(),
        };
        types.add_meta_fields();
        types.note_costs();
        types
    }

    fn note_costs(&mut self) {
        let objects = self.named.values().filter_map(|named| match named {
            Named::Object(fields) => Some(fields),
            // Their fields are those of objects.
            Named::Interface(..) | Named::Input(_) | Named::Enum(_) | Named::Scalar => None,
        });
        for (name, field) in objects.flatten() {
            if field.arguments.contains_key("first") {
                self.paged.insert(name.clone());
            }
            for (argument, input) in &field.arguments {
                if let Some(Named::Input(fields)) = self.named.get(name_of(&input.ty))
                    && fields.contains_key("AND")
                {
                    self.filters.insert(argument.clone());
                }
            }
        }
    }

    /// Adds the fields that introspection does not list.
    fn add_meta_fields(&mut self) {
        let field = |ty: Type, arguments: IndexMap<String, Input>| Field { ty, arguments };
        for named in self.named.values_mut() {
            if let Named::Object(fields) | Named::Interface(fields, _) = named {
                let typename = field(required(nullable("String")), IndexMap::new());
                fields.insert("__typename".to_owned(), typename);
            }
        }
        if let Some(Named::Object(fields)) = self.named.get_mut(&self.query) {
            let name = Input {
                ty: required(nullable("String")),
                has_default: false,
            };
            let schema = field(required(nullable("__Schema")), IndexMap::new());
            let one = field(nullable("__Type"), IndexMap::from([("name".to_owned(), name)]));
            fields.extend([("__schema".to_owned(), schema), ("__type".to_owned(), one)]);
        }
    }
}

/// The name of a type without its lists and non-nulls.
pub fn name_of(ty: &Type) -> &str {
    match &ty.base {
        BaseType::Named(name) => name,
        BaseType::List(inner) => name_of(inner),
    }
}

const INTROSPECTION: &str = "{
    __schema {
        queryType { name } mutationType { name }
        directives { name locations args { ...Input } }
        types {
            kind name fields(includeDeprecated: true) { name type { ...Type } args(includeDeprecated: true) { ...Input } }
            inputFields(includeDeprecated: true) { ...Input } enumValues(includeDeprecated: true) { name }
            possibleTypes { name }
        }
    }
}
fragment Input on __InputValue { name defaultValue type { ...Type } }
fragment Type on __Type { kind name ofType { kind name ofType { kind name ofType { kind name } } } }";

/// The result of introspection.
#[derive(Default, Deserialize)]
struct Answer {
    #[serde(rename = "__schema")]
    schema: Introspected,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Introspected {
    query_type: Reference,
    mutation_type: Reference,
    #[serde(deserialize_with = "by_name")]
    directives: IndexMap<String, IntrospectedDirective>,
    #[serde(deserialize_with = "by_name")]
    types: IndexMap<String, Named>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Reference {
    kind: String,
    name: Option<String>,
    of_type: Option<Box<Reference>>,
}

#[derive(Deserialize)]
struct IntrospectedDirective {
    locations: Vec<String>,
    #[serde(deserialize_with = "by_name")]
    args: IndexMap<String, Input>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct IntrospectedType {
    kind: String,
    #[serde(deserialize_with = "by_name")]
    fields: IndexMap<String, Field>,
    #[serde(deserialize_with = "by_name")]
    input_fields: IndexMap<String, Input>,
    #[serde(deserialize_with = "by_name")]
    enum_values: IndexMap<String, IgnoredAny>,
    #[serde(deserialize_with = "by_name")]
    possible_types: IndexMap<String, IgnoredAny>,
}

impl From<IntrospectedType> for Named {
    fn from(ty: IntrospectedType) -> Self {
        match ty.kind.as_str() {
            "OBJECT" => Self::Object(ty.fields),
            "INTERFACE" => Self::Interface(ty.fields, ty.possible_types.into_keys().collect()),
            "INPUT_OBJECT" => Self::Input(ty.input_fields),
            "ENUM" => Self::Enum(ty.enum_values.into_keys().collect()),
            _ => Self::Scalar,
        }
    }
}

/// A list of what has a name. Null is an empty one.
fn by_name<'de, T: Deserialize<'de>, D: Deserializer<'de>>(from: D) -> Result<IndexMap<String, T>, D::Error> {
    #[derive(Deserialize)]
    struct Called<T> {
        name: String,
        #[serde(flatten)]
        it: T,
    }
    let all = Option::<Vec<Called<T>>>::deserialize(from)?;
    Ok(all.into_iter().flatten().map(|one| (one.name, one.it)).collect())
}

fn is_some<'de, D: Deserializer<'de>>(from: D) -> Result<bool, D::Error> {
    Ok(Option::<IgnoredAny>::deserialize(from)?.is_some())
}

fn ty<'de, D: Deserializer<'de>>(from: D) -> Result<Type, D::Error> {
    Ok(Reference::deserialize(from)?.ty())
}

impl Reference {
    fn ty(self) -> Type {
        match (self.kind.as_str(), self.of_type) {
            ("NON_NULL", Some(inner)) => required(inner.ty()),
            ("LIST", Some(inner)) => Type {
                base: BaseType::List(Box::new(inner.ty())),
                nullable: true,
            },
            _ => nullable(&self.name.unwrap_or_default()),
        }
    }
}

fn nullable(name: &str) -> Type {
    Type {
        base: BaseType::Named(Name::new(name)),
        nullable: true,
    }
}

fn required(ty: Type) -> Type {
    Type { nullable: false, ..ty }
}
