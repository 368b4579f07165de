//! Text patterns of Keycloak's search.

use crate::directory::user::User;
use crate::model::{composed, with_hyphens};

/// A text pattern: normalized like stored texts, and in lower case.
pub enum Pattern {
    Whole(String),
    Part(String),
    /// Starts with the first, and contains the others in this order.
    Begins(String, Vec<String>),
}

impl Pattern {
    pub fn whole(text: &str) -> Self {
        Self::Whole(composed(text).to_lowercase())
    }

    pub fn part(text: &str) -> Self {
        Self::Part(composed(text).to_lowercase())
    }

    /// A term of `search`: an exact match in quotes, otherwise a prefix, with `*` as wildcard.
    pub fn term(term: &str) -> Self {
        if let Some(text) = term.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
            return Self::whole(text);
        }
        let term = composed(term).to_lowercase();
        let (beginning, others) = term.split_once('*').unwrap_or((&term, ""));
        let others = others.split('*').filter(|part| !part.is_empty());
        Self::Begins(beginning.to_owned(), others.map(str::to_owned).collect())
    }

    pub fn accepts(&self, text: &str) -> bool {
        let text = text.to_lowercase();
        match self {
            Self::Whole(wanted) => text == *wanted,
            Self::Part(wanted) => text.contains(wanted.as_str()),
            Self::Begins(beginning, others) => {
                let behind = |rest: &'_ str, part: &String| rest.find(part.as_str()).map(|at| at + part.len());
                let mut rest = text.strip_prefix(beginning.as_str());
                for part in others {
                    rest = rest.and_then(|rest| rest.get(behind(rest, part)?..));
                }
                rest.is_some()
            }
        }
    }

    /// The user name is the address, or the id of a user without one. An internationalized domain is compared in both
    /// its ASCII and its Unicode form.
    pub fn accepts_name_of(&self, user: &User) -> bool {
        let Some(email) = &user.email else {
            return self.accepts(&with_hyphens(user.id.as_str()));
        };
        let read = || {
            let (local, domain) = email.as_str().rsplit_once('@')?;
            let (domain, known) = idna::domain_to_unicode(domain);
            known.ok().map(|()| format!("{local}@{domain}"))
        };
        self.accepts(email.as_str()) || read().is_some_and(|email| self.accepts(&email))
    }
}

/// The terms of `search`: separated by spaces, except in quotes.
pub fn terms(search: &str) -> impl Iterator<Item = String> {
    let mut quoted = false;
    let mut terms = vec![String::new()];
    for c in search.chars() {
        quoted ^= c == '"';
        match terms.last_mut() {
            Some(term) if quoted || !c.is_whitespace() => term.push(c),
            _ => terms.push(String::new()),
        }
    }
    terms.into_iter().filter(|term| !term.is_empty())
}
