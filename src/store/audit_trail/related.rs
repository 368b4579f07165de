//! What an event is about besides its target, with the ids and names at the time.

use serde::{Deserialize, Serialize};

/// The number of things that an event names.
const NAMED_MAX: usize = 100;

/// A thing that an event names. A role that is assigned for a tenant is one thing, with the tenant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Mention {
    pub kind: String,
    pub id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change: Option<Became>,
    /// The key of the tenant whose administrators may read this, besides the organization's; `None`: everybody who reads
    /// the event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant_pk: Option<i64>,
}

/// What an event did with something that it names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Became {
    Added,
    Removed,
}

impl Mention {
    pub fn new(kind: &str, id: impl ToString, name: impl Into<Option<String>>) -> Self {
        Self {
            kind: kind.to_owned(),
            id: id.to_string(),
            name: name.into(),
            tenant_id: None,
            tenant_name: None,
            change: None,
            tenant_pk: None,
        }
    }

    /// A permission; its name is its id.
    pub fn permission(name: &str) -> Self {
        Self::new("permission", name, name.to_owned())
    }

    /// It is for this tenant only, and so of interest to its administrators only.
    #[must_use]
    pub fn for_tenant(mut self, pk: i64, id: impl Into<Option<String>>, name: impl Into<Option<String>>) -> Self {
        self.tenant_pk = Some(pk);
        (self.tenant_id, self.tenant_name) = (id.into(), name.into());
        self
    }

    /// It is a tenant.
    pub fn tenant(pk: i64, id: impl ToString, name: impl Into<Option<String>>) -> Self {
        let mut mention = Self::new("tenant", id, name);
        mention.tenant_pk = Some(pk);
        mention
    }

    /// The same without what only this server knows.
    #[must_use]
    pub fn without_key(mut self) -> Self {
        self.tenant_pk = None;
        self
    }

    #[must_use]
    pub fn added(mut self) -> Self {
        self.change = Some(Became::Added);
        self
    }

    #[must_use]
    pub fn removed(mut self) -> Self {
        self.change = Some(Became::Removed);
        self
    }
}

/// The things that an event names, as stored.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Related {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub all: Vec<Mention>,
    /// There were more than an event can name.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cut: bool,
}

impl Related {
    pub(super) fn add(&mut self, mention: Mention) {
        match self.all.len() < NAMED_MAX {
            true => self.all.push(mention),
            false => self.cut = true,
        }
    }

    /// `None` if there are none.
    pub(super) fn to_stored(&self) -> Option<String> {
        // Texts and numbers only.
        (!self.all.is_empty()).then(|| serde_json::to_string(self).unwrap_or_default())
    }

    /// Nothing, if nothing or something unknown is stored.
    pub fn from_stored(text: Option<&str>) -> Self {
        text.and_then(|text| serde_json::from_str(text).ok())
            .unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_names_a_bounded_number_of_things() {
        let mut related = Related::default();
        assert_eq!(related.to_stored(), None);
        for n in 0..NAMED_MAX {
            related.add(Mention::new("role", n, format!("role {n}")).added());
        }
        let stored = related.to_stored();
        assert_eq!(Related::from_stored(stored.as_deref()), related);
        assert!(!related.cut);
        related.add(Mention::permission("read:user").removed());
        let stored = related.to_stored();
        let again = Related::from_stored(stored.as_deref());
        assert!(again.cut && again.all.len() == NAMED_MAX);
        assert_eq!(Related::from_stored(Some("{")), Related::default());
    }
}
