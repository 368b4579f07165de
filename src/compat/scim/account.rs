//! A user of SCIM as one of the directory: what it is created from, and what changes.

use serde_json::{Map, Value};

use crate::directory::user::{Clearable, NewUser, User, UserChange};
use crate::model::{Email, Entries, Profile, exact_json, user_name_key};

const EMAILS: &str = "emails";
const NAME: &str = "name";
const GIVEN_NAME: &str = "givenName";
const FAMILY_NAME: &str = "familyName";

type Values = Map<String, Value>;

/// A new user.
pub fn created(values: &Values) -> NewUser {
    let account = Account::of(values, None, Kind::Whole);
    NewUser {
        email: account.email,
        password: text(values, "password").map(Into::into),
        name: text(values, "displayName"),
        firstname: part_of_name(values, GIVEN_NAME),
        lastname: part_of_name(values, FAMILY_NAME),
        activated: flag(values, "active"),
        user_name: text(values, "userName"),
        external_id: text(values, "externalId"),
        profile: Some(profile(values, &account.entries)),
        ..NewUser::default()
    }
}

/// How the new values of a user came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// They replace all: without any entry for an address, a user name that is one counts as one.
    Whole,
    /// Some of them are new.
    Part,
}

/// What changes of a user whose values, as they are shown, are `before`.
pub fn changed(user: &User, before: &Values, after: &Values, kind: Kind) -> UserChange {
    let mut change = UserChange {
        password: text(after, "password").map(Into::into),
        activated: flag(after, "active").filter(|active| *active != user.activated),
        ..UserChange::default()
    };
    let fields = [
        ("userName", &mut change.user_name, Clearable::UserName),
        ("externalId", &mut change.external_id, Clearable::ExternalId),
        ("displayName", &mut change.name, Clearable::Name),
    ];
    for (name, field, clearable) in fields {
        let (old, new) = (text(before, name), text(after, name));
        put(old, new, field, clearable, &mut change.clear);
    }
    let fields = [
        (GIVEN_NAME, &mut change.firstname, Clearable::Firstname),
        (FAMILY_NAME, &mut change.lastname, Clearable::Lastname),
    ];
    for (name, field, clearable) in fields {
        let (old, new) = (part_of_name(before, name), part_of_name(after, name));
        put(old, new, field, clearable, &mut change.clear);
    }
    let present = user.email.as_ref();
    let nobody_sent_any = kind == Kind::Whole && !after.contains_key(EMAILS);
    let stored = Entries::read(&stored(user));
    // Where the address was changed elsewhere, or a new one waits to be confirmed, the client may mean the present one.
    let is_other_meant = kind == Kind::Whole && !nobody_sent_any && !stored.is_of(present);
    let entries = match before.get(EMAILS) == after.get(EMAILS) && !nobody_sent_any && !is_other_meant {
        true => stored.clone(),
        false => {
            let account = Account::of(after, present, kind);
            let is_other = |email: &String| present.is_none_or(|present| user_name_key(email) != present.as_str());
            match account.email {
                None if present.is_some() => change.clear.push(Clearable::Email),
                // Setting the present address calls off a change of it.
                email => change.email = email.filter(|email| is_other(email) || is_other_meant),
            }
            account.entries
        }
    };
    let (had, has) = (profile(before, &stored), profile(after, &entries));
    change.profile = (had != has).then_some(has);
    // The shown user name is the address until there is one: it stays what the client knows.
    let changes_address = change.email.is_some() || change.clear.contains(&Clearable::Email);
    let is_kept = change.user_name.is_none() && !change.clear.contains(&Clearable::UserName);
    if user.user_name.is_none() && changes_address && is_kept {
        change.user_name = text(after, "userName");
    }
    change
}

fn put(
    old: Option<String>,
    new: Option<String>,
    field: &mut Option<String>,
    clearable: Clearable,
    clear: &mut Vec<Clearable>,
) {
    match new {
        Some(new) if old.as_ref() != Some(&new) => *field = Some(new),
        None if old.is_some() => clear.push(clearable),
        Some(_) | None => {}
    }
}

/// The addresses of a user, and which of them is the account's.
struct Account {
    email: Option<String>,
    entries: Entries,
}

impl Account {
    fn of(values: &Values, present: Option<&Email>, kind: Kind) -> Self {
        let entries = values.get(EMAILS).and_then(Value::as_array).into_iter().flatten();
        let entries: Vec<Values> = entries.filter_map(Value::as_object).cloned().collect();
        let place = place_of_account(&entries, present);
        let chosen = place
            .and_then(|place| entries.get(place))
            .and_then(|entry| text(entry, "value"));
        // Some clients send no entries at all, and the address as the user name.
        let instead =
            || text(values, "userName").filter(|name| kind == Kind::Whole && Email::normalize(name).is_some());
        Self {
            email: chosen.or_else(instead),
            entries: Entries::new(entries, place),
        }
    }
}

/// The entry that is the account's address: the primary one, else the present address, else one for work, else the first.
fn place_of_account(entries: &[Values], present: Option<&Email>) -> Option<usize> {
    let is_primary = |entry: &Values| flag(entry, "primary") == Some(true);
    let is_present = |entry: &Values| {
        let key = text(entry, "value").map(|value| user_name_key(&value));
        present.is_some_and(|present| key.as_deref() == Some(present.as_str()))
    };
    let is_for_work = |entry: &Values| text(entry, "type").as_deref() == Some("work");
    let first = |such: &dyn Fn(&Values) -> bool| {
        let mut places = entries.iter().enumerate();
        let found = places.find(|(_, entry)| entry.contains_key("value") && such(entry));
        found.map(|(place, _)| place)
    };
    first(&is_primary)
        .or_else(|| first(&is_present))
        .or_else(|| first(&is_for_work))
        .or_else(|| first(&|_| true))
}

/// The profile to store.
fn profile(values: &Values, entries: &Entries) -> Value {
    let mut profile = Profile::without_own(values);
    profile.shift_remove(EMAILS);
    let entries = entries.stored();
    if !entries.is_empty() {
        profile.insert(EMAILS.to_owned(), Value::Array(entries));
    }
    Value::Object(profile)
}

/// The profile as it is stored.
fn stored(user: &User) -> Values {
    match user.profile.as_ref().map(|text| exact_json(text.as_str())) {
        Some(Ok(Value::Object(profile))) => profile,
        Some(_) | None => Values::new(),
    }
}

fn text(values: &Values, name: &str) -> Option<String> {
    values.get(name).and_then(Value::as_str).map(str::to_owned)
}

fn flag(values: &Values, name: &str) -> Option<bool> {
    values.get(name).and_then(Value::as_bool)
}

fn part_of_name(values: &Values, part: &str) -> Option<String> {
    text(values.get(NAME)?.as_object()?, part)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn account(values: &Value, present: Option<&str>, kind: Kind) -> (Option<String>, Option<usize>) {
        let present = present.and_then(Email::normalize);
        let account = Account::of(values.as_object().unwrap(), present.as_ref(), kind);
        (account.email, account.entries.account())
    }

    #[test]
    fn the_account_has_the_first_of_what_is_there() {
        let both = json!({"emails": [{"value": "a@x.example"}, {"value": "B@x.example", "type": "work"}]});
        let is = |email: &str, place| (Some(email.to_owned()), place);
        assert_eq!(account(&both, None, Kind::Whole), is("B@x.example", Some(1)));
        assert_eq!(
            account(&both, Some("a@x.example"), Kind::Whole),
            is("a@x.example", Some(0))
        );
        let primary = json!({"emails": [{"value": "a@x.example"}, {"value": "c", "primary": true}]});
        assert_eq!(account(&primary, Some("a@x.example"), Kind::Part), is("c", Some(1)));
        let plain = json!({"emails": [{"type": "work"}, {"value": "d@x.example", "type": "home"}]});
        assert_eq!(account(&plain, None, Kind::Part), is("d@x.example", Some(0)));
        let none = json!({"userName": "e@x.example"});
        assert_eq!(account(&none, None, Kind::Whole), is("e@x.example", None));
        assert_eq!(account(&none, None, Kind::Part), (None, None));
        assert_eq!(account(&json!({"userName": "kai"}), None, Kind::Whole), (None, None));
    }
}
