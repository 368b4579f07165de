//! Users as SCIM shows them.

use std::collections::HashMap;

use serde_json::{Map, Value, json};

use super::answer::About;
use super::locations::Locations;
use super::names::{ENTERPRISE, Kind, USER};
use super::schema::own;
use super::selection::Selection;
use super::versions;
use crate::compat::users::of_own_organization;
use crate::context::OpContext;
use crate::directory::group::{self, Group, GroupFields};
use crate::directory::role::{self, Held};
use crate::directory::user::{Term, User, UserFields};
use crate::list::{self, Filter, TextTest};
use crate::model::Profile;
use crate::model::error::Result;

/// A resource with what its headers say.
pub struct Shown {
    pub resource: Map<String, Value>,
    pub about: About,
}

/// The fields that are read for what is asked for.
pub fn fields(selection: &Selection) -> UserFields {
    let mut fields = UserFields::VERSION;
    let mut reads = |wanted: bool, more: UserFields| {
        if wanted {
            fields |= more;
        }
    };
    reads(selection.wants("externalId"), UserFields::EXTERNAL_ID);
    reads(selection.wants("userName"), UserFields::SHOWN_USER_NAME);
    reads(selection.wants("displayName"), UserFields::NAME);
    reads(selection.wants("active"), UserFields::ACTIVATED);
    reads(
        selection.wants("name"),
        UserFields::FIRSTNAME | UserFields::LASTNAME | UserFields::PROFILE,
    );
    let of_profile = own(Kind::User).iter().filter(|attribute| !is_field(attribute.name));
    let wants_any = of_profile.into_iter().any(|attribute| selection.wants(attribute.name));
    reads(wants_any || selection.wants_extension(), UserFields::SHOWN_PROFILE);
    reads(selection.wants("meta"), UserFields::CREATED_AT | UserFields::UPDATED_AT);
    fields
}

/// All fields that a resource is made of, for one that is to be changed.
pub const WHOLE: UserFields = UserFields::VERSION
    .union(UserFields::EXTERNAL_ID)
    .union(UserFields::SHOWN_USER_NAME)
    .union(UserFields::DISPLAY_NAME)
    .union(UserFields::ACTIVATED)
    .union(UserFields::SHOWN_PROFILE)
    .union(UserFields::CREATED_AT)
    .union(UserFields::UPDATED_AT);

/// What is shown beside the users themselves: one statement for each that is asked for, for any number of them.
struct Beside {
    groups: Option<HashMap<i64, Vec<Group>>>,
    roles: Option<HashMap<i64, Held>>,
    managers: HashMap<String, User>,
}

impl Beside {
    /// `fresh` users have just been created, and have neither groups nor roles.
    async fn read(op: &OpContext, users: &[User], selection: &Selection, fresh: bool) -> Result<Self> {
        let groups = match selection.wants("groups") {
            true if fresh || users.is_empty() => Some(HashMap::new()),
            true => Some(group::of_users(op, users, GroupFields::NAME).await?),
            false => None,
        };
        let roles = match selection.wants("roles") {
            true if fresh || users.is_empty() => Some(HashMap::new()),
            true => Some(role::held_in_answer(op, users.iter().map(|user| user.pk)).await?),
            false => None,
        };
        Ok(Self {
            groups,
            roles,
            managers: HashMap::new(),
        })
    }

    /// The managers that are users of the organization. Each profile is parsed for its manager alone and dropped again: many
    /// of them take far more memory parsed than as texts.
    async fn read_managers(&mut self, op: &OpContext, users: &[User], selection: &Selection) -> Result<()> {
        let names = selection.wants_sub("manager", "displayName");
        if !names && !selection.wants_sub("manager", "$ref") {
            return Ok(());
        }
        let mut ids: Vec<String> = users.iter().filter_map(manager_of).collect();
        ids.sort_unstable();
        ids.dedup();
        if ids.is_empty() {
            return Ok(());
        }
        let filter = Filter::All(vec![of_own_organization(op), Filter::Own(Term::Id(TextTest::In(ids)))]);
        let found = list::few::<User>(op, &filter, UserFields::NAME).await?;
        self.managers = found.into_iter().map(|user| (user.id.to_string(), user)).collect();
        Ok(())
    }
}

fn manager_of(user: &User) -> Option<String> {
    let stored = user.profile.as_ref().filter(|text| text.as_str().contains("manager"))?;
    let profile = Profile::shown(Some(stored), None);
    let id = profile.get(ENTERPRISE)?.get("manager")?.get("value")?.as_str()?;
    Some(id.to_owned())
}

/// Users as they are shown, with what of them is asked for: one after the other, each when it is taken.
pub async fn users(op: &OpContext, users: Vec<User>, selection: &Selection) -> Result<impl Iterator<Item = Shown>> {
    present(op, users, selection, false).await
}

/// One user.
pub async fn user(op: &OpContext, user: User, selection: &Selection, fresh: bool) -> Result<Option<Shown>> {
    Ok(present(op, vec![user], selection, fresh).await?.next())
}

async fn present(
    op: &OpContext,
    users: Vec<User>,
    selection: &Selection,
    fresh: bool,
) -> Result<impl Iterator<Item = Shown>> {
    let mut beside = Beside::read(op, &users, selection, fresh).await?;
    beside.read_managers(op, &users, selection).await?;
    let places = Locations::of(op);
    Ok(users
        .into_iter()
        .map(move |user| one(&user, &beside, selection, &places)))
}

fn one(user: &User, beside: &Beside, selection: &Selection, places: &Locations) -> Shown {
    let groups = beside.groups.as_ref().map(|of| {
        of.get(&user.pk)
            .map_or_else(Vec::new, |groups| shown_groups(groups, places))
    });
    let roles = beside
        .roles
        .as_ref()
        .map(|of| of.get(&user.pk).map_or_else(Vec::new, shown_roles));
    let mark = (groups.is_some() || roles.is_some()).then(|| json!([groups, roles]).to_string());
    let about = About {
        location: places.user(user.id.as_str()),
        tag: versions::tag(user.version, mark.as_deref()),
    };
    let profile = Profile::shown(user.profile.as_ref(), user.email.as_ref());
    let mut resource = values(user, profile);
    for (name, list) in [("groups", groups), ("roles", roles)] {
        if let Some(list) = list.filter(|list| !list.is_empty()) {
            resource.insert(name.to_owned(), Value::Array(list));
        }
    }
    // The extension stands behind them, and what is derived of a manager is shown with it.
    if let Some(mut extension) = resource.shift_remove(ENTERPRISE) {
        if let Some(manager) = extension.get_mut("manager").and_then(Value::as_object_mut) {
            let id = manager.get("value").and_then(Value::as_str);
            if let Some(known) = id.and_then(|id| beside.managers.get(id)) {
                manager.insert("$ref".to_owned(), json!(places.user(known.id.as_str())));
                if let Some(name) = &known.name {
                    manager.insert("displayName".to_owned(), json!(name));
                }
            }
        }
        resource.insert(ENTERPRISE.to_owned(), extension);
    }
    resource.insert(
        "meta".to_owned(),
        json!({
            "resourceType": "User",
            "created": user.created_at.to_micros(),
            "lastModified": user.updated_at.to_micros(),
            "location": about.location,
            "version": about.tag,
        }),
    );
    selection.prune(&mut resource);
    Shown { resource, about }
}

/// The user alone: what clients may write, without the password, and the id.
pub fn values(user: &User, mut profile: Map<String, Value>) -> Map<String, Value> {
    let mut resource = Map::new();
    let mut put = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            resource.insert(name.to_owned(), value);
        }
    };
    let schemas = match profile.contains_key(ENTERPRISE) {
        true => json!([USER, ENTERPRISE]),
        false => json!([USER]),
    };
    put("schemas", Some(schemas));
    put("id", Some(json!(user.id.as_str())));
    put("externalId", user.external_id.as_ref().map(|id| json!(id)));
    for attribute in own(Kind::User) {
        let value = match attribute.name {
            "userName" => Some(json!(user.shown_user_name())),
            "name" => name_of(user, profile.shift_remove("name")),
            "displayName" => user.name.as_ref().map(|name| json!(name)),
            "active" => Some(json!(user.activated)),
            name => profile.shift_remove(name),
        };
        put(attribute.name, value);
    }
    put(ENTERPRISE, profile.shift_remove(ENTERPRISE));
    resource
}

/// Whether a user has a field for this attribute, or it is derived.
fn is_field(name: &str) -> bool {
    [
        "userName",
        "name",
        "displayName",
        "active",
        "password",
        "groups",
        "roles",
    ]
    .contains(&name)
}

/// The parts of a name: those that a user has fields for, and those of the profile.
fn name_of(user: &User, of_profile: Option<Value>) -> Option<Value> {
    let mut name = match of_profile {
        Some(Value::Object(parts)) => parts,
        Some(_) | None => Map::new(),
    };
    for (part, value) in [("givenName", &user.firstname), ("familyName", &user.lastname)] {
        if let Some(value) = value {
            name.insert(part.to_owned(), json!(value));
        }
    }
    (!name.is_empty()).then_some(Value::Object(name))
}

fn shown_groups(groups: &[Group], places: &Locations) -> Vec<Value> {
    let shown = |group: &Group| {
        json!({
            "value": group.id.as_str(),
            "$ref": places.group(group.id.as_str()),
            "display": group.name,
            "type": "direct",
        })
    };
    groups.iter().map(shown).collect()
}

/// The roles for the whole organization, each once.
fn shown_roles(held: &Held) -> Vec<Value> {
    let direct = held.direct.iter().map(|role| (role, "direct"));
    let others = held
        .by_groups
        .iter()
        .filter(|role| !held.direct.iter().any(|direct| direct.role_pk == role.role_pk));
    direct
        .chain(others.map(|role| (role, "indirect")))
        .filter(|(role, _)| !role.hidden)
        .map(|(role, kind)| json!({ "value": role.name, "type": kind }))
        .collect()
}
