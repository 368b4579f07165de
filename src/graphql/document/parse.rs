//! Parses tokens into a document, according to the grammar of the specification.
//!
//! This is not the library's parser, because that accepts text that is not GraphQL (`queryFoo{me{id}}`, `[00]`),
//! refuses text that is (`[ ID! ]`, `on#`, surrogate pairs), silently drops one of two input fields with the same name,
//! computes wrong values of block strings, and recurses as deep as a text is nested before anything can count. The
//! result uses the library's types.

use async_graphql::indexmap::IndexMap;
use async_graphql::parser::types::{
    BaseType, Directive, Field, FragmentDefinition, FragmentSpread, InlineFragment, OperationDefinition, OperationType,
    Selection, SelectionSet, Type, TypeCondition, VariableDefinition,
};
use async_graphql::{Name, Number, Pos, Positioned};
use async_graphql_value::Value;

use super::fault::Fault;
use super::scan::{Kind, Token};

/// Everything that a document defines.
#[derive(Clone, Debug, Default)]
pub struct Definitions {
    pub operations: Vec<(Option<Name>, Positioned<OperationDefinition>)>,
    pub fragments: IndexMap<Name, Positioned<FragmentDefinition>>,
}

type Result<T, E = Fault> = std::result::Result<T, E>;

/// Parses a document. The recursion is limited by the number of nested brackets, which is already checked.
pub fn parse(tokens: Vec<Token<'_>>) -> Result<Definitions> {
    let end = tokens.last().map_or(Pos { line: 1, column: 1 }, |token| token.at);
    let mut parser = Parser {
        tokens: tokens.into_iter().peekable(),
        end,
    };
    let mut definitions = Definitions::default();
    while parser.tokens.peek().is_some() {
        parser.definition(&mut definitions)?;
    }
    if definitions.operations.is_empty() && definitions.fragments.is_empty() {
        return Err(Fault::syntax(end, "the document is empty"));
    }
    Ok(definitions)
}

struct Parser<'a> {
    tokens: std::iter::Peekable<std::vec::IntoIter<Token<'a>>>,
    /// Where the last token begins, for errors about an unexpected end.
    end: Pos,
}

/// Whether a value may contain variables.
#[derive(Clone, Copy, PartialEq)]
enum Variables {
    Allowed,
    Refused,
}

impl<'a> Parser<'a> {
    fn peek(&mut self) -> Option<&Kind<'a>> {
        self.tokens.peek().map(|token| &token.kind)
    }

    fn at(&mut self) -> Pos {
        self.tokens.peek().map_or(self.end, |token| token.at)
    }

    fn unexpected<T>(&mut self, expected: &str) -> Result<T> {
        Err(Fault::syntax(self.at(), &format!("expected {expected}")))
    }

    fn take(&mut self, sign: char) -> bool {
        self.tokens.next_if(|next| next.kind == Kind::Sign(sign)).is_some()
    }

    fn expect(&mut self, sign: char) -> Result<()> {
        match self.take(sign) {
            true => Ok(()),
            false => self.unexpected(&format!("'{sign}'")),
        }
    }

    fn take_word(&mut self, word: &str) -> bool {
        self.tokens.next_if(|next| next.kind == Kind::Name(word)).is_some()
    }

    fn name(&mut self) -> Result<Positioned<Name>> {
        let at = self.at();
        match self.peek() {
            Some(Kind::Name(word)) => {
                let name = Name::new(word);
                self.tokens.next();
                Ok(Positioned::new(name, at))
            }
            _ => self.unexpected("a name"),
        }
    }

    /// A list in brackets with at least one item.
    fn many<T>(&mut self, open: char, close: char, mut item: impl FnMut(&mut Self) -> Result<T>) -> Result<Vec<T>> {
        self.expect(open)?;
        let mut items = vec![item(self)?];
        while !self.take(close) {
            items.push(item(self)?);
        }
        Ok(items)
    }

    fn optional_many<T>(
        &mut self,
        open: char,
        close: char,
        item: impl FnMut(&mut Self) -> Result<T>,
    ) -> Result<Vec<T>> {
        match self.peek() == Some(&Kind::Sign(open)) {
            true => self.many(open, close, item),
            false => Ok(Vec::new()),
        }
    }

    fn definition(&mut self, definitions: &mut Definitions) -> Result<()> {
        let at = self.at();
        if self.peek() == Some(&Kind::Sign('{')) {
            let operation = OperationDefinition {
                ty: OperationType::Query,
                variable_definitions: Vec::new(),
                directives: Vec::new(),
                selection_set: self.selection_set()?,
            };
            definitions.operations.push((None, Positioned::new(operation, at)));
            return Ok(());
        }
        if self.take_word("fragment") {
            let name = self.fragment_name()?;
            if !self.take_word("on") {
                return self.unexpected("'on'");
            }
            let fragment = FragmentDefinition {
                type_condition: self.type_condition()?,
                directives: self.directives(Variables::Allowed)?,
                selection_set: self.selection_set()?,
            };
            let fragment = Positioned::new(fragment, at);
            let before = definitions.fragments.insert(name.node.clone(), fragment);
            return match before {
                Some(_) => Err(Fault::invalid(
                    [name.pos],
                    format!("Two fragments have the name '{}'.", name.node),
                )),
                None => Ok(()),
            };
        }
        let ty = match self.peek() {
            Some(Kind::Name("query")) => OperationType::Query,
            Some(Kind::Name("mutation")) => OperationType::Mutation,
            Some(Kind::Name("subscription")) => OperationType::Subscription,
            _ => return self.unexpected("an operation or a fragment"),
        };
        self.tokens.next();
        let name = match self.peek() {
            Some(Kind::Name(_)) => Some(self.name()?.node),
            _ => None,
        };
        let operation = OperationDefinition {
            ty,
            variable_definitions: self.optional_many('(', ')', Self::variable_definition)?,
            directives: self.directives(Variables::Allowed)?,
            selection_set: self.selection_set()?,
        };
        definitions.operations.push((name, Positioned::new(operation, at)));
        Ok(())
    }

    fn variable_definition(&mut self) -> Result<Positioned<VariableDefinition>> {
        let at = self.at();
        self.expect('$')?;
        let name = self.name()?;
        self.expect(':')?;
        let type_at = self.at();
        let var_type = Positioned::new(self.type_reference()?, type_at);
        let has_default = self.take('=');
        let default_at = self.at();
        let default = has_default.then(|| self.value(Variables::Refused)).transpose()?;
        // A value without variables is constant.
        let default = default.and_then(Value::into_const);
        let definition = VariableDefinition {
            name,
            var_type,
            directives: self.directives(Variables::Refused)?,
            default_value: default.map(|value| Positioned::new(value, default_at)),
        };
        Ok(Positioned::new(definition, at))
    }

    fn type_reference(&mut self) -> Result<Type> {
        let base = if self.take('[') {
            let inner = self.type_reference()?;
            self.expect(']')?;
            BaseType::List(Box::new(inner))
        } else {
            BaseType::Named(self.name()?.node)
        };
        let nullable = !self.take('!');
        Ok(Type { base, nullable })
    }

    fn type_condition(&mut self) -> Result<Positioned<TypeCondition>> {
        let on = self.name()?;
        Ok(Positioned::new(TypeCondition { on: on.clone() }, on.pos))
    }

    fn fragment_name(&mut self) -> Result<Positioned<Name>> {
        match self.peek() {
            Some(Kind::Name("on")) => self.unexpected("a fragment's name, which is not 'on'"),
            _ => self.name(),
        }
    }

    fn selection_set(&mut self) -> Result<Positioned<SelectionSet>> {
        let at = self.at();
        let items = self.many('{', '}', Self::selection)?;
        Ok(Positioned::new(SelectionSet { items }, at))
    }

    fn selection(&mut self) -> Result<Positioned<Selection>> {
        let at = self.at();
        let selection = if self.peek() == Some(&Kind::Spread) {
            self.tokens.next();
            self.fragment(at)?
        } else {
            Selection::Field(Positioned::new(self.field()?, at))
        };
        Ok(Positioned::new(selection, at))
    }

    fn fragment(&mut self, at: Pos) -> Result<Selection> {
        let typed = self.take_word("on");
        if !typed && let Some(Kind::Name(_)) = self.peek() {
            let spread = FragmentSpread {
                fragment_name: self.name()?,
                directives: self.directives(Variables::Allowed)?,
            };
            return Ok(Selection::FragmentSpread(Positioned::new(spread, at)));
        }
        let inline = InlineFragment {
            type_condition: typed.then(|| self.type_condition()).transpose()?,
            directives: self.directives(Variables::Allowed)?,
            selection_set: self.selection_set()?,
        };
        Ok(Selection::InlineFragment(Positioned::new(inline, at)))
    }

    fn field(&mut self) -> Result<Field> {
        let first = self.name()?;
        let (alias, name) = match self.take(':') {
            true => (Some(first), self.name()?),
            false => (None, first),
        };
        Ok(Field {
            alias,
            name,
            arguments: self.optional_many('(', ')', |parser| parser.argument(Variables::Allowed))?,
            directives: self.directives(Variables::Allowed)?,
            selection_set: match self.peek() == Some(&Kind::Sign('{')) {
                true => self.selection_set()?,
                false => Positioned::default(),
            },
        })
    }

    fn directives(&mut self, variables: Variables) -> Result<Vec<Positioned<Directive>>> {
        let mut directives = Vec::new();
        loop {
            let at = self.at();
            if !self.take('@') {
                return Ok(directives);
            }
            let directive = Directive {
                name: self.name()?,
                arguments: self.optional_many('(', ')', |parser| parser.argument(variables))?,
            };
            directives.push(Positioned::new(directive, at));
        }
    }

    fn argument(&mut self, variables: Variables) -> Result<(Positioned<Name>, Positioned<Value>)> {
        let name = self.name()?;
        self.expect(':')?;
        let at = self.at();
        Ok((name, Positioned::new(self.value(variables)?, at)))
    }

    fn value(&mut self, variables: Variables) -> Result<Value> {
        match self.peek() {
            Some(Kind::Sign('[')) => {
                self.tokens.next();
                let mut items = Vec::new();
                while !self.take(']') {
                    items.push(self.value(variables)?);
                }
                return Ok(Value::List(items));
            }
            Some(Kind::Sign('{')) => return self.object(variables),
            Some(Kind::Sign('$')) if variables == Variables::Allowed => {
                self.tokens.next();
                return Ok(Value::Variable(self.name()?.node));
            }
            Some(Kind::Sign('$')) => return self.unexpected("a value without variables"),
            Some(Kind::Number(_) | Kind::Text(_) | Kind::Name(_)) => {}
            Some(Kind::Sign(_) | Kind::Spread) | None => return self.unexpected("a value"),
        }
        Ok(match self.tokens.next().map(|token| token.kind) {
            // The scanner has checked its form. Parsing it would change its text: 1e400 to 1e+400.
            Some(Kind::Number(digits)) => Value::Number(Number::from_string_unchecked(digits.to_owned())),
            Some(Kind::Text(text)) => Value::String(text),
            Some(Kind::Name("true")) => Value::Boolean(true),
            Some(Kind::Name("false")) => Value::Boolean(false),
            Some(Kind::Name(name)) if name != "null" => Value::Enum(Name::new(name)),
            _ => Value::Null,
        })
    }

    /// An input object. If two fields had the same name, only one could be kept, so this is refused here: it is the
    /// specification's rule "input object field uniqueness".
    fn object(&mut self, variables: Variables) -> Result<Value> {
        self.expect('{')?;
        let mut fields: IndexMap<Name, Value> = IndexMap::new();
        while !self.take('}') {
            let name = self.name()?;
            self.expect(':')?;
            let value = self.value(variables)?;
            if fields.insert(name.node.clone(), value).is_some() {
                let message = format!("The input field '{}' is given twice in one object.", name.node);
                return Err(Fault::invalid([name.pos], message));
            }
        }
        Ok(Value::Object(fields))
    }
}
