//! One operation of a bulk.

use std::collections::HashMap;

use axum::http::StatusCode;
use percent_encoding::percent_decode_str;
use serde_json::Value;

use super::references;
use crate::compat::scim::error::invalid;
use crate::compat::scim::fault::ScimType;
use crate::compat::scim::locations::Locations;
use crate::compat::scim::names::Kind;
use crate::compat::scim::values::{member, object};
use crate::compat::scim::versions::{IfMatch, tag};
use crate::compat::scim::{groups, users};
use crate::context::OpContext;
use crate::model::error::{Error, Result, shown};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Method {
    Post,
    Put,
    Patch,
    Delete,
}

/// An operation as it was sent.
pub struct Operation<'a> {
    method: Method,
    kind: Kind,
    /// The id in its path, or a reference to one; none of a POST.
    id: Option<String>,
    pub bulk_id: Option<&'a str>,
    version: Option<&'a str>,
    data: Option<&'a Value>,
}

/// What an operation has done.
pub struct Done {
    pub id: String,
    pub status: StatusCode,
    pub location: String,
    /// The version; none of what is deleted.
    pub tag: Option<String>,
}

impl<'a> Operation<'a> {
    pub fn read(sent: &'a Value) -> Result<Self> {
        let sent = object(sent)?;
        let text = |name: &str| -> Result<Option<&'a str>> {
            match member(sent, name)? {
                None | Some(Value::Null) => Ok(None),
                Some(Value::String(text)) => Ok(Some(text)),
                Some(_) => Err(syntax(format!("'{name}' must be a text."))),
            }
        };
        let method = match text("method")?.unwrap_or_default().to_ascii_uppercase().as_str() {
            "POST" => Method::Post,
            "PUT" => Method::Put,
            "PATCH" => Method::Patch,
            "DELETE" => Method::Delete,
            _ => return Err(syntax("'method' must be POST, PUT, PATCH or DELETE.")),
        };
        let (kind, id) = target(text("path")?.unwrap_or_default())?;
        if (method == Method::Post) != id.is_none() {
            return Err(invalid(
                ScimType::InvalidValue,
                "'path' must be an endpoint for POST, as in '/Users', and a resource for all others, as in '/Users/{id}'.",
            ));
        }
        let bulk_id = text("bulkId")?.filter(|id| !id.is_empty());
        if method == Method::Post && bulk_id.is_none() {
            return Err(invalid(ScimType::InvalidValue, "A POST needs a 'bulkId'."));
        }
        Ok(Self {
            method,
            kind,
            id,
            bulk_id,
            version: text("version")?.filter(|version| !version.is_empty()),
            data: member(sent, "data")?,
        })
    }

    /// The name by which others refer to what it creates.
    pub fn creates(&self) -> Option<&'a str> {
        self.bulk_id.filter(|_| self.method == Method::Post)
    }

    /// The names that it refers to.
    pub fn refers_to(&self) -> Vec<String> {
        let mut names = self.data.map(references::in_data).unwrap_or_default();
        names.extend(self.id.as_deref().and_then(references::name).map(str::to_owned));
        names
    }

    /// Its name in the audit trail.
    pub fn action(&self) -> &'static str {
        match (self.kind, self.method) {
            (Kind::User, Method::Post) => "user.create",
            (Kind::User, Method::Put | Method::Patch) => "user.update",
            (Kind::User, Method::Delete) => "user.delete",
            (Kind::Group, Method::Post) => "group.create",
            (Kind::Group, Method::Put | Method::Patch) => "group.update",
            (Kind::Group, Method::Delete) => "group.delete",
        }
    }

    /// Where the resource is that it is about, if there is one.
    pub fn location(&self, op: &OpContext, ids: &HashMap<String, String>) -> Option<String> {
        let id = self.id.as_deref()?;
        let id = match references::name(id) {
            Some(name) => ids.get(name)?,
            None => id,
        };
        Some(self.place(op, id))
    }

    fn place(&self, op: &OpContext, id: &str) -> String {
        let places = Locations::of(op);
        match self.kind {
            Kind::User => places.user(id),
            Kind::Group => places.group(id),
        }
    }

    /// Runs it, with the ids of what others have created.
    pub async fn run(&self, op: &OpContext, ids: &HashMap<String, String>) -> Result<Done> {
        if let Some(name) = self.refers_to().iter().find(|name| !ids.contains_key(name.as_str())) {
            return Err(invalid(
                ScimType::InvalidValue,
                format!("No operation has created 'bulkId:{}'.", shown(name)),
            ));
        }
        let id = self.id.as_deref().map(|id| {
            let known = references::name(id).and_then(|name| ids.get(name));
            known.map_or(id, String::as_str)
        });
        let id = id.unwrap_or_default();
        let versions = match self.version {
            Some(version) => IfMatch::of_text(version),
            None => IfMatch::default(),
        };
        let data = || -> Result<Value> {
            let mut data = self.data.cloned().ok_or_else(|| syntax("'data' is missing."))?;
            references::resolve(&mut data, ids);
            Ok(data)
        };
        let (id, version) = match self.kind {
            Kind::User => self.on_user(op, id, &versions, data).await?,
            Kind::Group => self.on_group(op, id, &versions, data).await?,
        };
        Ok(Done {
            location: self.place(op, &id),
            status: match self.method {
                Method::Post => StatusCode::CREATED,
                Method::Put | Method::Patch => StatusCode::OK,
                Method::Delete => StatusCode::NO_CONTENT,
            },
            tag: version.map(|version| tag(version, None)),
            id,
        })
    }

    async fn on_user(
        &self,
        op: &OpContext,
        id: &str,
        versions: &IfMatch,
        data: impl Fn() -> Result<Value>,
    ) -> Result<(String, Option<i64>)> {
        let user = match self.method {
            Method::Post => users::made(op, &data()?).await?,
            Method::Put => users::replaced(op, id, &data()?, versions).await?,
            Method::Patch => users::updated(op, id, &data()?, versions).await?,
            Method::Delete => {
                users::deleted(op, id, versions).await?;
                return Ok((id.to_owned(), None));
            }
        };
        Ok((user.id.to_string(), Some(user.version)))
    }

    async fn on_group(
        &self,
        op: &OpContext,
        id: &str,
        versions: &IfMatch,
        data: impl Fn() -> Result<Value>,
    ) -> Result<(String, Option<i64>)> {
        let group = match self.method {
            Method::Post => groups::made(op, &data()?).await?,
            Method::Put => groups::replaced(op, id, &data()?, versions).await?,
            Method::Patch => groups::updated(op, id, &data()?, versions).await?,
            Method::Delete => {
                groups::deleted(op, id, versions).await?;
                return Ok((id.to_owned(), None));
            }
        };
        Ok((group.id.to_string(), Some(group.version)))
    }
}

fn syntax(message: impl Into<String>) -> Error {
    invalid(ScimType::InvalidSyntax, message)
}

/// The endpoint of a path, and the id behind it.
fn target(path: &str) -> Result<(Kind, Option<String>)> {
    let unknown = || Error::NotFound(format!("There is nothing at the path '{}'.", shown(path)));
    let rest = path.strip_prefix('/').unwrap_or(path);
    let (endpoint, id) = match rest.split_once('/') {
        Some((endpoint, id)) => (endpoint, Some(id).filter(|id| !id.is_empty())),
        None => (rest, None),
    };
    let kind = match endpoint {
        "Users" => Kind::User,
        "Groups" => Kind::Group,
        _ => return Err(unknown()),
    };
    let id = id.map(|id| match id.contains('/') {
        true => Err(unknown()),
        false => percent_decode_str(id).decode_utf8().map_err(|_| unknown()),
    });
    Ok((kind, id.transpose()?.map(std::borrow::Cow::into_owned)))
}
