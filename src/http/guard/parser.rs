//! The grammar of executable documents (section 2), from tokens to the library's tree.
//!
//! The library has a parser of its own. It refuses escapes of characters beyond the first plane, white space inside
//! types and directives behind defaults; it accepts `queryA { … }`, empty lists of variables and input fields that are
//! given twice; and it reads block strings otherwise than the specification says.
//!
//! Recursion goes where brackets nest, which [`scan`](super::scan) has limited.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use async_graphql::indexmap::IndexMap;
use async_graphql::parser::types::{
    BaseType, Directive, DocumentOperations, ExecutableDocument, Field, FragmentDefinition, FragmentSpread,
    InlineFragment, OperationDefinition, OperationType, Selection, SelectionSet, Type, TypeCondition,
    VariableDefinition,
};
use async_graphql::{Name, Pos, Positioned};
use async_graphql_value::Value as Literal;

use super::lex::{Bracket, Kind};
use super::tokens::Tokens;
use super::{Code, Refusal};

type Parsed<T> = Result<T, Refusal>;
type Arguments = Vec<(Positioned<Name>, Positioned<Literal>)>;

/// What may stand at the top of a document.
const DEFINITION: &str = "an operation or a fragment";

/// Reads a document.
///
/// # Errors
///
/// `GRAPHQL_PARSE_FAILED` with the place, without quoting the document; `GRAPHQL_VALIDATION_FAILED` for an input field
/// that is given twice, which the tree cannot hold.
pub(super) fn document(text: &str) -> Parsed<ExecutableDocument> {
    let mut parser = Parser { tokens: Tokens::new(text)? };
    let mut operations = Vec::new();
    let mut fragments = HashMap::new();
    loop {
        match parser.tokens.name() {
            Some("fragment") => parser.fragment(&mut fragments)?,
            _ => operations.push(parser.operation()?),
        }
        if parser.tokens.peek().is_none() {
            return Ok(ExecutableDocument { operations: collected(operations)?, fragments });
        }
    }
}

type Operation = (Option<Name>, Positioned<OperationDefinition>);

fn collected(operations: Vec<Operation>) -> Parsed<DocumentOperations> {
    let several = operations.len() > 1;
    let mut named = HashMap::with_capacity(operations.len());
    for (name, operation) in operations {
        let pos = operation.pos;
        let Some(name) = name else {
            if several {
                let message = "An operation without a name must be the only one in its document.";
                return Err(failed(message, pos));
            }
            return Ok(DocumentOperations::Single(operation));
        };
        if named.contains_key(&name) {
            return Err(failed(format!("There is more than one operation named `{name}`."), pos));
        }
        named.insert(name, operation);
    }
    if named.is_empty() {
        return Err(Refusal::new(Code::GraphqlParseFailed, "The document contains no operation."));
    }
    Ok(DocumentOperations::Multiple(named))
}

fn failed(message: impl Into<String>, pos: Pos) -> Refusal {
    Refusal::new(Code::GraphqlParseFailed, message).at(pos)
}

struct Parser<'a> {
    tokens: Tokens<'a>,
}

impl Parser<'_> {
    fn operation(&mut self) -> Parsed<Operation> {
        let pos = self.tokens.pos();
        let ty = match self.tokens.name() {
            Some("query") => OperationType::Query,
            Some("mutation") => OperationType::Mutation,
            Some("subscription") => OperationType::Subscription,
            None if self.tokens.is_at(Kind::Open(Bracket::Curly)) => {
                let (ty, selection_set) = (OperationType::Query, self.selection_set()?);
                let operation =
                    OperationDefinition { ty, variable_definitions: Vec::new(), directives: Vec::new(), selection_set };
                return Ok((None, Positioned::new(operation, pos)));
            }
            _ => return Err(self.tokens.expected(DEFINITION)),
        };
        self.tokens.advance()?;
        let name = if self.tokens.is_at(Kind::Name) { Some(self.name()?.node) } else { None };
        let mut variable_definitions = Vec::new();
        if self.tokens.is_at(Kind::Open(Bracket::Round)) {
            self.list(Bracket::Round, |parser| {
                variable_definitions.push(parser.variable_definition()?);
                Ok(())
            })?;
        }
        let directives = self.directives(true)?;
        let selection_set = self.selection_set()?;
        let operation = OperationDefinition { ty, variable_definitions, directives, selection_set };
        Ok((name, Positioned::new(operation, pos)))
    }

    fn fragment(&mut self, fragments: &mut HashMap<Name, Positioned<FragmentDefinition>>) -> Parsed<()> {
        let pos = self.tokens.pos();
        self.tokens.advance()?;
        if self.tokens.name() == Some("on") {
            return Err(self.tokens.expected("the name of the fragment"));
        }
        let name = self.name()?;
        if self.tokens.name() != Some("on") {
            return Err(self.tokens.expected("`on`"));
        }
        let type_condition = self.type_condition()?;
        let directives = self.directives(true)?;
        let selection_set = self.selection_set()?;
        let fragment = FragmentDefinition { type_condition, directives, selection_set };
        match fragments.entry(name.node) {
            Entry::Vacant(entry) => _ = entry.insert(Positioned::new(fragment, pos)),
            Entry::Occupied(entry) => {
                return Err(failed(format!("There is more than one fragment named `{}`.", entry.key()), pos));
            }
        }
        Ok(())
    }

    /// `on` and a type.
    fn type_condition(&mut self) -> Parsed<Positioned<TypeCondition>> {
        let pos = self.tokens.pos();
        self.tokens.advance()?;
        Ok(Positioned::new(TypeCondition { on: self.name()? }, pos))
    }

    fn variable_definition(&mut self) -> Parsed<Positioned<VariableDefinition>> {
        let pos = self.tokens.pos();
        self.tokens.expect(Kind::Sign(b'$'), "a variable")?;
        let name = self.name()?;
        self.tokens.expect(Kind::Sign(b':'), "`:`")?;
        let ty = self.tokens.pos();
        let var_type = Positioned::new(self.ty()?, ty);
        let mut default_value = None;
        if self.tokens.is_at(Kind::Sign(b'=')) {
            self.tokens.advance()?;
            let value = self.value(false)?;
            // Where no variable may stand, none is left.
            default_value = value.node.into_const().map(|node| Positioned::new(node, value.pos));
        }
        let directives = self.directives(false)?;
        Ok(Positioned::new(VariableDefinition { name, var_type, directives, default_value }, pos))
    }

    fn ty(&mut self) -> Parsed<Type> {
        let base = if self.tokens.is_at(Kind::Open(Bracket::Square)) {
            self.tokens.advance()?;
            let item = self.ty()?;
            self.tokens.expect(Kind::Close(Bracket::Square), "`]`")?;
            BaseType::List(Box::new(item))
        } else {
            BaseType::Named(self.name()?.node)
        };
        let nullable = !self.tokens.is_at(Kind::Sign(b'!'));
        if !nullable {
            self.tokens.advance()?;
        }
        Ok(Type { base, nullable })
    }

    fn selection_set(&mut self) -> Parsed<Positioned<SelectionSet>> {
        let pos = self.tokens.pos();
        let mut items = Vec::new();
        self.list(Bracket::Curly, |parser| {
            let pos = parser.tokens.pos();
            items.push(Positioned::new(parser.selection(pos)?, pos));
            Ok(())
        })?;
        Ok(Positioned::new(SelectionSet { items }, pos))
    }

    fn selection(&mut self, pos: Pos) -> Parsed<Selection> {
        if !self.tokens.is_at(Kind::Spread) {
            return Ok(Selection::Field(Positioned::new(self.field()?, pos)));
        }
        self.tokens.advance()?;
        let type_condition = match self.tokens.name() {
            Some("on") => Some(self.type_condition()?),
            Some(_) => {
                let fragment_name = self.name()?;
                let spread = FragmentSpread { fragment_name, directives: self.directives(true)? };
                return Ok(Selection::FragmentSpread(Positioned::new(spread, pos)));
            }
            None => None,
        };
        let directives = self.directives(true)?;
        let fragment = InlineFragment { type_condition, directives, selection_set: self.selection_set()? };
        Ok(Selection::InlineFragment(Positioned::new(fragment, pos)))
    }

    fn field(&mut self) -> Parsed<Field> {
        let mut name = self.name()?;
        let mut alias = None;
        if self.tokens.is_at(Kind::Sign(b':')) {
            self.tokens.advance()?;
            alias = Some(std::mem::replace(&mut name, self.name()?));
        }
        let arguments = self.arguments(true)?;
        let directives = self.directives(true)?;
        let selection_set =
            if self.tokens.is_at(Kind::Open(Bracket::Curly)) { self.selection_set()? } else { Default::default() };
        Ok(Field { alias, name, arguments, directives, selection_set })
    }

    /// Arguments, if there are any; with variables where variables may stand.
    fn arguments(&mut self, variables: bool) -> Parsed<Arguments> {
        let mut arguments = Vec::new();
        if self.tokens.is_at(Kind::Open(Bracket::Round)) {
            self.list(Bracket::Round, |parser| {
                let name = parser.name()?;
                parser.tokens.expect(Kind::Sign(b':'), "`:`")?;
                arguments.push((name, parser.value(variables)?));
                Ok(())
            })?;
        }
        Ok(arguments)
    }

    fn directives(&mut self, variables: bool) -> Parsed<Vec<Positioned<Directive>>> {
        let mut directives = Vec::new();
        while self.tokens.is_at(Kind::At) {
            let pos = self.tokens.pos();
            self.tokens.advance()?;
            let directive = Directive { name: self.name()?, arguments: self.arguments(variables)? };
            directives.push(Positioned::new(directive, pos));
        }
        Ok(directives)
    }

    fn value(&mut self, variables: bool) -> Parsed<Positioned<Literal>> {
        let pos = self.tokens.pos();
        let value = match self.tokens.peek().map(|token| token.kind) {
            Some(Kind::Open(Bracket::Square)) => self.items(variables)?,
            Some(Kind::Open(Bracket::Curly)) => self.object(variables)?,
            Some(Kind::Number) => self.tokens.number()?,
            Some(Kind::String | Kind::Block) => Literal::String(self.tokens.string()?),
            Some(Kind::Sign(b'$')) if variables => {
                self.tokens.advance()?;
                Literal::Variable(self.name()?.node)
            }
            Some(Kind::Name) => {
                let name = self.name()?.node;
                match name.as_str() {
                    "null" => Literal::Null,
                    "true" => Literal::Boolean(true),
                    "false" => Literal::Boolean(false),
                    _ => Literal::Enum(name),
                }
            }
            _ => return Err(self.tokens.expected("a value")),
        };
        Ok(Positioned::new(value, pos))
    }

    fn items(&mut self, variables: bool) -> Parsed<Literal> {
        let mut items = Vec::new();
        self.tokens.advance()?;
        while !self.tokens.is_at(Kind::Close(Bracket::Square)) {
            items.push(self.value(variables)?.node);
        }
        self.tokens.advance()?;
        Ok(Literal::List(items))
    }

    fn object(&mut self, variables: bool) -> Parsed<Literal> {
        let mut fields = IndexMap::new();
        self.tokens.advance()?;
        while !self.tokens.is_at(Kind::Close(Bracket::Curly)) {
            let name = self.name()?;
            self.tokens.expect(Kind::Sign(b':'), "`:`")?;
            let value = self.value(variables)?.node;
            if fields.contains_key(&name.node) {
                let message = format!("The input field `{}` is given twice.", name.node);
                return Err(Refusal::new(Code::GraphqlValidationFailed, message).at(name.pos));
            }
            fields.insert(name.node, value);
        }
        self.tokens.advance()?;
        Ok(Literal::Object(fields))
    }

    fn name(&mut self) -> Parsed<Positioned<Name>> {
        let pos = self.tokens.pos();
        let name = self.tokens.name().map(Name::new).ok_or_else(|| self.tokens.expected("a name"))?;
        self.tokens.advance()?;
        Ok(Positioned::new(name, pos))
    }

    /// One or more of something in brackets.
    fn list(&mut self, bracket: Bracket, mut item: impl FnMut(&mut Self) -> Parsed<()>) -> Parsed<()> {
        self.tokens.expect(Kind::Open(bracket), &format!("`{}`", bracket.opening()))?;
        loop {
            item(self)?;
            if self.tokens.is_at(Kind::Close(bracket)) {
                self.tokens.advance()?;
                return Ok(());
            }
        }
    }
}
