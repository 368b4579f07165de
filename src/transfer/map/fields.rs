//! Reading the fields of a row: texts, booleans, times and lists.

use serde_json::Value;

use super::Field;
use super::path::{Path, scalar};
use super::raw::RawRow;
use super::user::Mapper;
use crate::model::error::shown;
use crate::model::{Email, Timestamp};
use crate::transfer::record::Held;
use crate::transfer::times::{self, TimeForm};
use crate::transfer::values::{self, Trouble};

pub type Result<T> = std::result::Result<T, Trouble>;

pub fn wrong(field: &'static str, message: String) -> Trouble {
    Trouble::new(field, message)
}

impl Mapper {
    /// Off while the time of a ban is in the future, or as the texts of the map say.
    pub(super) fn activated(&self, source: &RawRow<'_>) -> Result<Option<bool>> {
        match self.map.fields.get("activated") {
            Some(Field { time: Some(form), .. }) => {
                let until = self.moment(source, "activated", form)?;
                Ok(until.map(|until| until <= self.options.now))
            }
            Some(_) | None => self.boolean(source, "activated"),
        }
    }

    pub(super) fn boolean(&self, source: &RawRow<'_>, name: &'static str) -> Result<Option<bool>> {
        let (Some(field), Some(text)) = (self.map.fields.get(name), self.first(source, name)?) else {
            return Ok(None);
        };
        let among = |texts: &[String]| texts.iter().any(|one| one.eq_ignore_ascii_case(&text));
        match (field.on.as_slice(), field.off.as_slice()) {
            ([], []) => values::boolean(&text).map(Some).map_err(|why| wrong(name, why)),
            (on, off) if among(on) || among(off) => Ok(Some(among(on))),
            // With one list, everything else is the opposite.
            ([], _) => Ok(Some(true)),
            (_, []) => Ok(Some(false)),
            (on, off) => Err(wrong(
                name,
                format!(
                    "'{}' is neither {} nor {}: list it in the map, as 'true' or 'false'.",
                    shown(&text),
                    super::parts::listed(on),
                    super::parts::listed(off)
                ),
            )),
        }
    }

    pub(super) fn time(&self, source: &RawRow<'_>, name: &'static str) -> Result<Option<Timestamp>> {
        let form = self.map.fields.get(name).and_then(|field| field.time.as_ref());
        self.moment(source, name, form.unwrap_or(&TimeForm::Any))
    }

    pub(super) fn moment(&self, source: &RawRow<'_>, name: &'static str, form: &TimeForm) -> Result<Option<Timestamp>> {
        let Some(text) = self.first(source, name)? else {
            return Ok(None);
        };
        times::moment(&text, form).map_err(|why| wrong(name, why))
    }

    /// A time, or a boolean (then it is now), or a list of addresses of which the user's is one.
    pub(super) fn verified(&self, source: &RawRow<'_>, email: Option<&str>) -> Result<Option<Timestamp>> {
        const NAME: &str = "emailVerifiedAt";
        let texts = self.texts(source, NAME)?;
        let Some(first) = texts.first() else {
            return Ok(None);
        };
        if first.contains('@') {
            let mut addresses = texts.iter().flat_map(|text| text.split([',', ';', ' ']));
            let is_theirs = |address: &str| Email::normalize(address).is_some_and(|it| Some(it.as_str()) == email);
            let is_verified = addresses.any(is_theirs);
            return Ok(is_verified.then_some(self.options.now));
        }
        match self.boolean(source, NAME) {
            Ok(is_verified) => Ok(is_verified.filter(|is_verified| *is_verified).map(|_| self.options.now)),
            Err(_) => self.time(source, NAME),
        }
    }

    pub(super) fn held(&self, source: &RawRow<'_>, name: &'static str) -> Result<Option<Vec<Held>>> {
        let texts = self.texts(source, name)?;
        Ok((!texts.is_empty()).then(|| texts.into_iter().map(Held::from).collect()))
    }

    pub(super) fn first(&self, source: &RawRow<'_>, name: &'static str) -> Result<Option<String>> {
        Ok(self.texts(source, name)?.into_iter().next())
    }

    /// The texts of a field, after `split` and `values`.
    pub(super) fn texts(&self, source: &RawRow<'_>, name: &'static str) -> Result<Vec<String>> {
        let Some(field) = self.map.fields.get(name) else {
            return Ok(Vec::new());
        };
        let mut texts = Vec::new();
        for path in &field.from {
            for value in source.find(path) {
                self.flatten(value, field, name, &mut texts)?;
            }
            if !texts.is_empty() {
                break;
            }
        }
        if texts.is_empty() {
            texts.extend(field.constant.clone());
        }
        let is_list = matches!(name, "roles" | "groups");
        let separators: &[char] = match source {
            RawRow::Csv { .. } if is_list && field.split.is_none() => &[',', ';', '|'],
            RawRow::Csv { .. } | RawRow::Json { .. } => &[],
        };
        let meaning = self.map.values.get(name);
        let parts = texts.iter().flat_map(|text| match &field.split {
            Some(split) => text.split(split.as_str()).collect::<Vec<_>>(),
            None => text.split(separators).collect(),
        });
        let parts = parts.map(str::trim).filter(|part| !self.is_null(part));
        let meant = parts.map(|part| {
            meaning
                .and_then(|meaning| meaning.get(part))
                .map_or(part, String::as_str)
        });
        Ok(meant.map(str::to_owned).collect())
    }

    pub(super) fn flatten(
        &self,
        value: Value,
        field: &Field,
        name: &'static str,
        texts: &mut Vec<String>,
    ) -> Result<()> {
        match value {
            Value::Array(items) => {
                for item in items {
                    self.flatten(item, field, name, texts)?;
                }
            }
            Value::Object(_) => {
                return Err(wrong(
                    name,
                    format!("The value of '{name}' is an object. Name the member of it in the map, as in a.b."),
                ));
            }
            Value::String(json) if field.json && json.trim_start().starts_with(['{', '[', '"']) => {
                let value = crate::model::exact_json(&json)
                    .map_err(|_| wrong(name, format!("The text of '{name}' is not valid JSON.")))?;
                self.flatten(value, field, name, texts)?;
            }
            value => texts.extend(
                scalar(&value)
                    .map(|text| text.trim().to_owned())
                    .filter(|text| !self.is_null(text)),
            ),
        }
        Ok(())
    }

    /// The texts at a path.
    pub(super) fn scalars(&self, source: &RawRow<'_>, path: &Path) -> Vec<String> {
        let found = source.find(path);
        let texts = found.iter().filter_map(scalar).map(|text| text.trim().to_owned());
        texts.filter(|text| !self.is_null(text)).collect()
    }

    pub(super) fn is_null(&self, text: &str) -> bool {
        let text = text.trim();
        text.is_empty() || self.map.null.contains(text)
    }
}
