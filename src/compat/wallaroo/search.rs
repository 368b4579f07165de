//! Keycloak's search of its admin users: `GET …/users` with query parameters.
//!
//! They have the same meaning as in Keycloak, except that `email` always matches the whole address, because the SDK
//! uses the first result without checking it. All given parameters must match. An unknown parameter, a value of another
//! type and a repeated parameter are refused, because a search that ignores part of the request may return the wrong
//! user.
//!
//! The database handles conditions that can use an index; the others are compared here, user by user, while the list is
//! read. Keycloak's comparison is case-insensitive; lower-casing is done here, because the databases do it differently.

use axum::response::Response;
use futures::{Stream, StreamExt};

use super::pattern::{Pattern, terms};
use super::representation::{self, FIELDS};
use crate::compat::face::Call;
use crate::compat::listed::listed;
use crate::compat::users;
use crate::context::OpContext;
use crate::directory::user::{Term, User, UserFields};
use crate::list::{self, Filter, TextTest};
use crate::model::error::{ConflictReason, Error, Result, shown};
use crate::model::{Email, composed, exact_json};

/// The users that match the search, in creation order.
pub async fn search(call: Call) -> Result<Response> {
    let wanted = Search::read(&call, &Parameters::of(&call)?)?;
    wanted.means_one(&call.op).await?;
    let brief = wanted.brief;
    let users = list::all::<User>(&call.op, wanted.filter.clone(), wanted.fields());
    let users = representation::shown(&call.op, wanted.window(users));
    listed("[", "]", users, move |user, out| match brief {
        true => serde_json::to_writer(out, &user.brief()),
        false => serde_json::to_writer(out, user),
    })
    .await
}

/// The query parameters, all known to Keycloak and without repetition.
struct Parameters<'a>(&'a Call);

impl<'a> Parameters<'a> {
    fn of(call: &'a Call) -> Result<Self> {
        const KNOWN: [&str; 14] = [
            "briefRepresentation",
            "email",
            "emailVerified",
            "enabled",
            "exact",
            "first",
            "firstName",
            "idpAlias",
            "idpUserId",
            "lastName",
            "max",
            "q",
            "search",
            "username",
        ];
        let mut met = Vec::new();
        for name in call.query_names() {
            if !KNOWN.contains(&name) {
                return Err(invalid(
                    name,
                    &format!("is not a parameter of this search. It supports {}.", KNOWN.join(", ")),
                ));
            }
            if met.contains(&name) {
                return Err(invalid(name, "is given more than once."));
            }
            met.push(name);
        }
        Ok(Self(call))
    }

    fn text(&self, name: &str) -> Option<&'a str> {
        self.0.query(name)
    }

    fn flag(&self, name: &str) -> Result<Option<bool>> {
        match self.text(name).map(str::to_ascii_lowercase).as_deref() {
            None => Ok(None),
            Some("true") => Ok(Some(true)),
            Some("false") => Ok(Some(false)),
            Some(_) => Err(invalid(name, "must be true or false.")),
        }
    }

    /// A whole number. Like Keycloak, treats a negative one as not given.
    fn number(&self, name: &str) -> Result<Option<usize>> {
        let Some(text) = self.text(name) else { return Ok(None) };
        let number: i32 = text.parse().map_err(|_| invalid(name, "must be a whole number."))?;
        Ok(usize::try_from(number).ok())
    }
}

fn invalid(name: &str, message: &str) -> Error {
    Error::invalid(name, format!("'{}' {message}", shown(name)))
}

/// The parsed search.
struct Search {
    /// The conditions for the database.
    filter: Filter<Term>,
    /// The conditions that are checked for each user that the database finds.
    compared: Vec<Compared>,
    /// An exact user name, which must match one user.
    username: Option<String>,
    first: usize,
    /// No limit, if not given.
    max: Option<usize>,
    brief: bool,
}

/// One comparison with a user.
enum Compared {
    EmailVerified(bool),
    Username(Pattern),
    Firstname(Pattern),
    Lastname(Pattern),
    /// Any of the names above.
    Names(Pattern),
    /// Members of the variables, each with its text.
    Variables(Vec<(String, String)>),
}

impl Search {
    fn read(call: &Call, given: &Parameters<'_>) -> Result<Self> {
        let exact = given.flag("exact")?.unwrap_or(false);
        let pattern = |name| {
            let of = if exact { Pattern::whole } else { Pattern::part };
            given.text(name).map(of)
        };
        let username = given.text("username").filter(|_| exact).map(str::to_owned);
        let mut tests = vec![users::of_own_organization(&call.op)];
        tests.extend(given.text("email").map(has_address));
        tests.extend(username.as_deref().map(has_username));
        tests.extend(
            given
                .flag("enabled")?
                .map(|enabled| Filter::Own(Term::Activated(enabled))),
        );
        let owned = |name| given.text(name).map(composed);
        if let (provider, user_id) = (owned("idpAlias"), owned("idpUserId"))
            && (provider.is_some() || user_id.is_some())
        {
            tests.push(Filter::Own(Term::Federated { provider, user_id }));
        }
        let mut compared = Vec::new();
        if let Some(search) = given.text("search").map(str::trim) {
            match search.strip_prefix("id:") {
                Some(ids) => {
                    let ids = ids.split_whitespace().map(str::to_owned).collect();
                    tests.push(Filter::Own(Term::SameId(ids)));
                }
                None => {
                    let terms = bounded("search", terms(search))?;
                    compared.extend(terms.iter().map(|term| Compared::Names(Pattern::term(term))));
                }
            }
        }
        compared.extend(given.flag("emailVerified")?.map(Compared::EmailVerified));
        compared.extend(pattern("username").filter(|_| !exact).map(Compared::Username));
        compared.extend(pattern("firstName").map(Compared::Firstname));
        compared.extend(pattern("lastName").map(Compared::Lastname));
        if let Some(q) = given.text("q") {
            compared.push(Compared::Variables(attributes(q)?));
        }
        Ok(Self {
            filter: Filter::All(tests),
            compared,
            username,
            first: given.number("first")?.unwrap_or(0),
            max: given.number("max")?,
            brief: given.flag("briefRepresentation")?.unwrap_or(false),
        })
    }

    /// The fields to show, and the fields to compare.
    fn fields(&self) -> UserFields {
        let of_variables = |compared: &Compared| matches!(compared, Compared::Variables(_));
        match self.compared.iter().any(of_variables) {
            true => FIELDS | UserFields::VARIABLES,
            false => FIELDS,
        }
    }

    /// Refuses a user name that is the address of one user and the id of another: Keycloak's user names are unique, and
    /// clients use the first result.
    async fn means_one(&self, op: &OpContext) -> Result<()> {
        let Some(username) = &self.username else { return Ok(()) };
        let found = list::few::<User>(op, &self.filter, self.fields()).await?;
        match found.iter().filter(|user| self.accepts(user)).count() {
            0 | 1 => Ok(()),
            _ => Err(Error::conflict(
                ConflictReason::Ambiguous,
                format!(
                    "Two users have the user name '{}': one as e-mail address, one as id. Search by 'email', or get the \
                 user by id.",
                    shown(username)
                ),
            )),
        }
    }

    fn accepts(&self, user: &User) -> bool {
        self.compared.iter().all(|compared| compared.accepts(user))
    }

    /// The matching users, starting at `first` and at most `max`; reads no more of the list than needed.
    fn window(
        self,
        users: impl Stream<Item = Result<Vec<User>>> + Send + 'static,
    ) -> impl Stream<Item = Result<Vec<User>>> + Send + 'static {
        let (first, max) = (self.first, self.max.unwrap_or(usize::MAX));
        let state = (Box::pin(users), self, first, max);
        futures::stream::unfold(state, |(mut users, search, mut passed_over, mut left)| async move {
            if left == 0 {
                return None;
            }
            let stretch = users.next().await?.map(|mut stretch| {
                stretch.retain(|user| search.accepts(user));
                let before = passed_over.min(stretch.len());
                passed_over -= before;
                let window: Vec<User> = stretch.into_iter().skip(before).take(left).collect();
                left -= window.len();
                window
            });
            Some((stretch, (users, search, passed_over, left)))
        })
        .fuse()
    }
}

impl Compared {
    fn accepts(&self, user: &User) -> bool {
        let is = |name: &Option<String>, pattern: &Pattern| name.as_deref().is_some_and(|name| pattern.accepts(name));
        match self {
            Self::EmailVerified(wanted) => user.email_verified_at.is_some() == *wanted,
            Self::Username(pattern) => pattern.accepts_name_of(user),
            Self::Firstname(pattern) => is(&user.firstname, pattern),
            Self::Lastname(pattern) => is(&user.lastname, pattern),
            Self::Names(pattern) => {
                pattern.accepts_name_of(user) || is(&user.firstname, pattern) || is(&user.lastname, pattern)
            }
            Self::Variables(wanted) => has_variables(user, wanted),
        }
    }
}

/// The user with exactly this address; a text that is not an address matches nobody.
fn has_address(typed: &str) -> Filter<Term> {
    match Email::normalize(typed) {
        Some(email) => Filter::Own(Term::Email(TextTest::Equals(email.to_string()))),
        None => Filter::Any(Vec::new()),
    }
}

/// The user with this user name: the address, or the id of a user without one.
fn has_username(typed: &str) -> Filter<Term> {
    let any_address = Filter::Own(Term::Email(TextTest::StartsWith(String::new())));
    Filter::Any(vec![
        has_address(typed),
        Filter::All(vec![
            Filter::Own(Term::SameId(vec![typed.to_owned()])),
            Filter::Not(Box::new(any_address)),
        ]),
    ])
}

/// Limits the number of terms, because each is compared with every user of the organization.
fn bounded(name: &str, terms: impl Iterator<Item = String>) -> Result<Vec<String>> {
    const TERMS_MAX: usize = 20;
    let terms: Vec<String> = terms.take(TERMS_MAX + 1).collect();
    match terms.len() > TERMS_MAX {
        true => Err(invalid(name, &format!("has more than {TERMS_MAX} terms."))),
        false => Ok(terms),
    }
}

/// `q`: `key:value` pairs separated by spaces, in quotes if they contain spaces or colons. Keycloak's user attributes
/// are our `variables`.
fn attributes(q: &str) -> Result<Vec<(String, String)>> {
    let attribute = |term: &String| {
        let mut quoted = false;
        let colon = term.find(|c| {
            quoted ^= c == '"';
            c == ':' && !quoted
        })?;
        let plain = |text: &str| text.trim_matches('"').to_owned();
        Some((plain(term.get(..colon)?), plain(term.get(colon + 1..)?))).filter(|(name, _)| !name.is_empty())
    };
    let terms = bounded("q", terms(q))?;
    terms
        .iter()
        .map(|term| {
            attribute(term).ok_or_else(|| {
                invalid(
                    "q",
                    "must be one or more 'key:value' pairs, separated by \
                                                                spaces.",
                )
            })
        })
        .collect()
}

/// Whether each of these members of the variables equals its text, or is a list that contains it.
fn has_variables(user: &User, wanted: &[(String, String)]) -> bool {
    use serde_json::Value;
    let variables = user.variables.as_ref().and_then(|json| exact_json(json.as_str()).ok());
    let is_text = |member: &Value, text: &str| match member {
        Value::String(known) => known == text,
        Value::Number(number) => number.to_string() == text,
        Value::Bool(flag) => flag.to_string() == text,
        Value::Null | Value::Array(_) | Value::Object(_) => false,
    };
    let member = |name: &str| variables.as_ref().and_then(|variables| variables.get(name));
    wanted.iter().all(|(name, text)| match member(name) {
        Some(Value::Array(members)) => members.iter().any(|member| is_text(member, text)),
        Some(member) => is_text(member, text),
        None => false,
    })
}
