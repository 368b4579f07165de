//! Filters of SCIM as those of the directory's lists.

use super::error::invalid;
use super::fault::ScimType;
use super::filter::{Filter, Literal, Op};
use super::names::Kind;
use super::schema::{Attr, Fold};
use crate::compat::users;
use crate::context::OpContext;
use crate::directory::{group, user};
use crate::list::{Comparison, ElementFilter, Filter as Of, JsonTerm, TextTest};
use crate::model::error::{Error, Result};
use crate::model::{Timestamp, lowered, user_name_key};

/// What matches everything.
fn everything<T>() -> Of<T> {
    Of::All(Vec::new())
}

/// What matches nothing.
fn nothing<T>() -> Of<T> {
    Of::Any(Vec::new())
}

/// Whether it is so for every resource.
fn constant<T>(holds: bool) -> Of<T> {
    if holds { everything() } else { nothing() }
}

/// The users of the caller's organization who match.
pub fn of_users(op: &OpContext, filter: Option<&Filter>) -> Result<Of<user::Term>> {
    let own = users::of_own_organization(op);
    Ok(match filter {
        Some(filter) => within(own, translated(filter, &|filter| user_term(op, filter))?),
        None => own,
    })
}

/// The groups of the caller's organization that match.
pub fn of_groups(op: &OpContext, filter: Option<&Filter>) -> Result<Of<group::Term>> {
    let own = of_own_organization(op);
    Ok(match filter {
        Some(filter) => within(own, translated(filter, &|filter| group_term(op, filter))?),
        None => own,
    })
}

/// Both, without a further level: those that a client may use are its own.
fn within<T>(own: Of<T>, filter: Of<T>) -> Of<T> {
    match filter {
        Of::All(mut parts) => {
            parts.push(own);
            Of::All(parts)
        }
        other => Of::All(vec![own, other]),
    }
}

/// The groups of the caller's organization.
pub fn of_own_organization(op: &OpContext) -> Of<group::Term> {
    Of::Own(group::Term::Organization(users::own_organization(op)))
}

/// What a filter without logic is for one kind of resource.
type Leaf<'a, T> = &'a (dyn Fn(&Filter) -> Result<Of<T>> + Sync);

fn translated<T>(filter: &Filter, leaf: Leaf<'_, T>) -> Result<Of<T>> {
    let each = |parts: &[Filter]| {
        parts
            .iter()
            .map(|part| translated(part, leaf))
            .collect::<Result<Vec<_>>>()
    };
    Ok(match filter {
        Filter::All(parts) => Of::All(each(parts)?),
        Filter::Any(parts) => Of::Any(each(parts)?),
        // A list counts the levels that begin with "and", and a client's own ten are enough.
        Filter::Not(part) => match translated(part, leaf)? {
            Of::All(parts) => Of::Any(parts.into_iter().map(|part| Of::Not(Box::new(part))).collect()),
            part => Of::Not(Box::new(part)),
        },
        Filter::Never => nothing(),
        Filter::Test { .. } | Filter::Present(_) | Filter::Entry { .. } => leaf(filter)?,
    })
}

fn user_term(op: &OpContext, filter: &Filter) -> Result<Of<user::Term>> {
    use user::Term;
    Ok(match filter {
        Filter::Test {
            attribute,
            op: how,
            value,
        } => {
            let text = || text_test(attribute, *how, value);
            match (attribute.names(), value) {
                (("id", None), _) => Of::Is(Term::Id(text()?)),
                (("externalId", None), _) => Of::Is(Term::ExternalId(text()?)),
                (("userName", None), Literal::Text(name)) => Of::Is(Term::UserName(user_name_test(*how, name))),
                (("displayName", None), _) => Of::Is(Term::StoredName(text()?)),
                (("active", None), Literal::Flag(active)) => Of::Is(Term::Activated(*active)),
                (("name", Some("givenName")), _) => Of::Is(Term::Firstname(text()?)),
                (("name", Some("familyName")), _) => Of::Is(Term::Lastname(text()?)),
                (("meta", sub), _) => meta(Kind::User, sub, *how, value, Term::Created, Term::Updated)?,
                (("groups", Some("value")), _) => is_in_group(op, Of::Own(group::Term::Id(text()?))),
                (("emails", _), _) => Of::Is(Term::Emails(element(filter)?)),
                _ => Of::Is(Term::Profile(in_profile(attribute, filter)?)),
            }
        }
        Filter::Present(attribute) => match attribute.names() {
            ("id" | "userName" | "active" | "meta" | "schemas", _) => everything(),
            ("externalId", None) => Of::Is(Term::ExternalId(present())),
            ("displayName", None) => Of::Is(Term::StoredName(present())),
            // One condition of the client, which counts once.
            ("name", None) => Of::Any(vec![
                Of::Is(Term::Firstname(present())),
                Of::Own(Term::Lastname(present())),
                Of::Own(Term::Profile(in_profile(attribute, filter)?)),
            ]),
            ("name", Some("givenName")) => Of::Is(Term::Firstname(present())),
            ("name", Some("familyName")) => Of::Is(Term::Lastname(present())),
            ("groups", _) => is_in_group(op, everything()),
            ("emails", _) => Of::Is(Term::Emails(element(filter)?)),
            _ => Of::Is(Term::Profile(in_profile(attribute, filter)?)),
        },
        Filter::Entry { attribute, such } => match attribute.names() {
            ("groups", _) => is_in_group(op, translated(such, &group_of_user)?),
            ("emails", _) => Of::Is(Term::Emails(element(such)?)),
            _ => Of::Is(Term::Profile(JsonTerm::Any {
                path: path_of(attribute),
                such: element(such)?,
            })),
        },
        Filter::All(_) | Filter::Any(_) | Filter::Not(_) | Filter::Never => return Err(not_one_test()),
    })
}

fn is_in_group(op: &OpContext, filter: Of<group::Term>) -> Of<user::Term> {
    Of::Is(user::Term::Group(group::Membership::seen_by_caller(op, filter)))
}

/// A test of one group of a user: of its id, for nothing else can be asked about.
fn group_of_user(filter: &Filter) -> Result<Of<group::Term>> {
    match filter {
        Filter::Test { attribute, op, value } => Ok(Of::Is(group::Term::Id(text_test(attribute, *op, value)?))),
        Filter::Present(_) => Ok(everything()),
        _ => Err(not_one_test()),
    }
}

fn group_term(op: &OpContext, filter: &Filter) -> Result<Of<group::Term>> {
    use group::Term;
    Ok(match filter {
        Filter::Test {
            attribute,
            op: how,
            value,
        } => {
            let text = || text_test(attribute, *how, value);
            match (attribute.names(), value) {
                (("id", None), _) => Of::Is(Term::Id(text()?)),
                (("externalId", None), _) => Of::Is(Term::ExternalId(text()?)),
                (("displayName", None), _) => Of::Is(Term::NameKey(text()?)),
                (("meta", sub), _) => meta(Kind::Group, sub, *how, value, Term::Created, Term::Updated)?,
                (("members", Some("value")), _) => has_member(op, Of::Own(user::Term::Id(text()?))),
                _ => return Err(not_filterable(attribute)),
            }
        }
        Filter::Present(attribute) => match attribute.names() {
            ("id" | "displayName" | "meta" | "schemas", _) => everything(),
            ("externalId", None) => Of::Is(Term::ExternalId(present())),
            ("members", _) => has_member(op, everything()),
            _ => return Err(not_filterable(attribute)),
        },
        Filter::Entry { attribute, such } => match attribute.names() {
            ("members", _) => has_member(op, translated(such, &member_of_group)?),
            _ => return Err(not_filterable(attribute)),
        },
        Filter::All(_) | Filter::Any(_) | Filter::Not(_) | Filter::Never => return Err(not_one_test()),
    })
}

fn has_member(op: &OpContext, filter: Of<user::Term>) -> Of<group::Term> {
    Of::Is(group::Term::User {
        filter: Box::new(filter),
        seen_by: group::members_readable(op).ok(),
    })
}

/// A test of one member of a group: of its id, for nothing else can be asked about.
fn member_of_group(filter: &Filter) -> Result<Of<user::Term>> {
    match filter {
        Filter::Test { attribute, op, value } => Ok(Of::Is(user::Term::Id(text_test(attribute, *op, value)?))),
        Filter::Present(_) => Ok(everything()),
        _ => Err(not_one_test()),
    }
}

/// A test of when a resource was created or changed, or of its kind.
fn meta<T>(
    kind: Kind,
    sub: Option<&str>,
    how: Op,
    value: &Literal,
    created: fn(Comparison, Timestamp) -> T,
    updated: fn(Comparison, Timestamp) -> T,
) -> Result<Of<T>> {
    Ok(match (sub, value) {
        (Some("created"), Literal::Time(moment)) => Of::Is(created(comparison(how)?, *moment)),
        (Some("lastModified"), Literal::Time(moment)) => Of::Is(updated(comparison(how)?, *moment)),
        (Some("resourceType"), Literal::Text(text)) => constant(holds(how, kind.name(), text)),
        _ => {
            return Err(invalid(
                ScimType::InvalidFilter,
                "This value cannot be compared with 'meta'.",
            ));
        }
    })
}

/// Whether a known text is so.
fn holds(how: Op, known: &str, text: &str) -> bool {
    match how {
        Op::Eq => known == text,
        Op::Co => known.contains(text),
        Op::Sw => known.starts_with(text),
        Op::Ew => known.ends_with(text),
        Op::Gt => known > text,
        Op::Ge => known >= text,
        Op::Lt => known < text,
        Op::Le => known <= text,
    }
}

fn comparison(how: Op) -> Result<Comparison> {
    Ok(match how {
        Op::Eq => Comparison::Equal,
        Op::Gt => Comparison::Greater,
        Op::Ge => Comparison::GreaterOrEqual,
        Op::Lt => Comparison::Less,
        Op::Le => Comparison::LessOrEqual,
        Op::Co | Op::Sw | Op::Ew => {
            return Err(invalid(
                ScimType::InvalidFilter,
                "Times have no parts that could be compared.",
            ));
        }
    })
}

/// A text that is there.
fn present() -> TextTest {
    TextTest::StartsWith(String::new())
}

/// A test of a text, as the attribute compares.
fn text_test(attribute: &Attr, how: Op, value: &Literal) -> Result<TextTest> {
    let Literal::Text(text) = value else {
        return Err(invalid(
            ScimType::InvalidFilter,
            format!("'{}' is compared with texts.", attribute.leaf().name),
        ));
    };
    Ok(match attribute.leaf().fold {
        Fold::Exact => test_of(how, text.clone()),
        // A whole address is found in every form that is the same address.
        Fold::Address => test_of(how, user_name_key(text)),
        Fold::Lowered => test_of(how, lowered(text)),
    })
}

/// A test of the user name. That of a user who has neither a name nor an address is the id, which is compared exactly.
fn user_name_test(how: Op, text: &str) -> TextTest {
    let key = user_name_key(text);
    match how {
        Op::Eq if key != text => TextTest::In(vec![key, text.to_owned()]),
        _ => test_of(how, key),
    }
}

fn test_of(how: Op, text: String) -> TextTest {
    match how {
        Op::Eq => TextTest::Equals(text),
        Op::Co => TextTest::Contains(text),
        Op::Sw => TextTest::StartsWith(text),
        Op::Ew => TextTest::EndsWith(text),
        Op::Gt => TextTest::Compare(Comparison::Greater, text),
        Op::Ge => TextTest::Compare(Comparison::GreaterOrEqual, text),
        Op::Lt => TextTest::Compare(Comparison::Less, text),
        Op::Le => TextTest::Compare(Comparison::LessOrEqual, text),
    }
}

fn path_of(attribute: &Attr) -> Vec<String> {
    let mut path: Vec<String> = attribute.path().into_iter().map(str::to_owned).collect();
    // Of a list, its place: what is asked about are its elements.
    if attribute.attribute.multi_valued && attribute.sub.is_some() {
        path.pop();
    }
    path
}

/// A test of what the profile has.
fn in_profile(attribute: &Attr, filter: &Filter) -> Result<JsonTerm> {
    let path = path_of(attribute);
    if attribute.attribute.multi_valued {
        let such = element(filter)?;
        return Ok(JsonTerm::Any { path, such });
    }
    Ok(match filter {
        Filter::Test {
            value: Literal::Flag(is),
            ..
        } => JsonTerm::Flag { path, is: *is },
        Filter::Test { op, value, .. } => {
            let test = text_test(attribute, *op, value)?;
            JsonTerm::Text { path, test }
        }
        _ => JsonTerm::Present { path },
    })
}

/// A test of one element of a list.
fn element(filter: &Filter) -> Result<ElementFilter> {
    let each = |parts: &[Filter]| parts.iter().map(element).collect::<Result<Vec<_>>>();
    let key = |attribute: &Attr| attribute.sub.map(|sub| sub.name.to_owned());
    Ok(match filter {
        Filter::All(parts) => ElementFilter::All(each(parts)?),
        Filter::Any(parts) => ElementFilter::Any(each(parts)?),
        Filter::Not(part) => ElementFilter::Not(Box::new(element(part)?)),
        Filter::Never => ElementFilter::Any(Vec::new()),
        Filter::Test {
            attribute,
            value: Literal::Flag(is),
            ..
        } => ElementFilter::Flag {
            key: key(attribute),
            is: *is,
        },
        Filter::Test { attribute, op, value } => ElementFilter::Text {
            key: key(attribute),
            test: text_test(attribute, *op, value)?,
        },
        // Of a list alone: that it has an element.
        Filter::Present(attribute) if attribute.sub.is_none() => ElementFilter::All(Vec::new()),
        Filter::Present(attribute) => ElementFilter::Present { key: key(attribute) },
        Filter::Entry { .. } => return Err(not_one_test()),
    })
}

fn not_filterable(attribute: &Attr) -> Error {
    let message = format!("Groups cannot be filtered by '{}'.", attribute.leaf().name);
    invalid(ScimType::InvalidFilter, message)
}

fn not_one_test() -> Error {
    invalid(
        ScimType::InvalidFilter,
        "A condition in '[…]' is about one value: it cannot contain another '[…]'.",
    )
}
