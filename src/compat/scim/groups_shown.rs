//! Groups as SCIM shows them: their members are written while they are read, however many there are.

use std::collections::{HashMap, VecDeque};

use axum::body::Bytes;
use futures::{Stream, StreamExt, TryStreamExt};
use serde_json::{Map, Value, json};

use super::answer::About;
use super::locations::Locations;
use super::names::GROUP;
use super::selection::Selection;
use super::versions;
use crate::context::OpContext;
use crate::directory::group::{self, Fingerprint, Group, GroupFields};
use crate::directory::user::{self, User, UserFields};
use crate::model::error::{Error, Result};

/// Up to how many members an answer is sent in one piece, with its length.
const FEW_MEMBERS: i64 = 1_000;

/// A group without its members.
pub struct Shown {
    pk: i64,
    resource: Map<String, Value>,
    /// How many members are shown; `None` if the list of them is not.
    members: Option<i64>,
    pub about: About,
}

/// The fields that are read for what is asked for.
pub fn fields(selection: &Selection) -> GroupFields {
    let mut fields = GroupFields::VERSION;
    for (name, more) in [
        ("externalId", GroupFields::EXTERNAL_ID),
        ("displayName", GroupFields::NAME),
        ("meta", GroupFields::CREATED_AT | GroupFields::UPDATED_AT),
    ] {
        if selection.wants(name) {
            fields |= more;
        }
    }
    fields
}

/// Groups as they are shown, without their members. Who may not read groups, but has just changed one, sees no members.
pub async fn groups(op: &OpContext, groups: Vec<Group>, selection: &Selection) -> Result<Vec<Shown>> {
    let shows_members = selection.wants_members() && group::readable(op).is_ok();
    let prints = match shows_members && !groups.is_empty() {
        true => group::fingerprints(op, groups.iter().map(|group| group.pk)).await?,
        false => HashMap::new(),
    };
    let places = Locations::of(op);
    let show = |group: &Group| {
        let print = shows_members.then(|| prints.get(&group.pk).copied().unwrap_or_default());
        one(group, print, selection, &places)
    };
    Ok(groups.iter().map(show).collect())
}

fn one(group: &Group, print: Option<Fingerprint>, selection: &Selection, places: &Locations) -> Shown {
    let mark = print.map(|print| json!([print.members, print.newest.map(|at| at.micros())]).to_string());
    let about = About {
        location: places.group(group.id.as_str()),
        tag: versions::tag(group.version, mark.as_deref()),
    };
    let mut resource = Map::new();
    resource.insert("schemas".to_owned(), json!([GROUP]));
    resource.insert("id".to_owned(), json!(group.id.as_str()));
    if let Some(id) = &group.external_id {
        resource.insert("externalId".to_owned(), json!(id));
    }
    resource.insert("displayName".to_owned(), json!(group.name));
    resource.insert(
        "meta".to_owned(),
        json!({
            "resourceType": "Group",
            "created": group.created_at.to_micros(),
            "lastModified": group.updated_at.to_micros(),
            "location": about.location,
            "version": about.tag,
        }),
    );
    selection.prune(&mut resource);
    Shown {
        pk: group.pk,
        resource,
        members: print.map(|print| print.members),
        about,
    }
}

/// How many members there are in all.
pub fn members_of(groups: &[Shown]) -> i64 {
    groups.iter().filter_map(|group| group.members).sum()
}

/// Whether they are few enough for an answer in one piece.
pub fn are_few(groups: &[Shown]) -> bool {
    members_of(groups) <= FEW_MEMBERS
}

/// The text of groups with their members, separated by commas, in pieces.
pub fn written(
    op: &OpContext,
    groups: Vec<Shown>,
    selection: &Selection,
) -> impl Stream<Item = Result<Bytes>> + Send + 'static {
    // Sent while it is read, so it needs no memory for the whole.
    let op = op.clone().without_room();
    let wants = |part: &str| selection.wants_sub("members", part);
    let look = Look {
        places: Locations::of(&op),
        value: wants("value"),
        reference: wants("$ref"),
        kind: wants("type"),
        // Whose names the caller may see is decided by the verbs.
        display: wants("display") && user::listable(&op).is_ok(),
    };
    let fields = match look.display {
        true => UserFields::NAME,
        false => UserFields::empty(),
    };
    let with_members = groups.iter().filter_map(|group| Some((group.pk, group.members?)));
    let with_members: Vec<(i64, i64)> = with_members.filter(|(_, members)| *members > 0).collect();
    let stretches = match with_members.is_empty() {
        true => futures::stream::empty().boxed(),
        false => group::members_in_stretches(&op, with_members, fields).boxed(),
    };
    let mut text = Text {
        waiting: groups.into(),
        open: None,
        any_group: false,
        any_member: false,
        look,
    };
    let end = futures::stream::once(std::future::ready(Ok(None)));
    let stretches = stretches.map_ok(Some).chain(end);
    stretches.map(move |stretch| match stretch? {
        Some(members) => text.members(&members),
        None => text.end(),
    })
}

/// What of a member is shown.
struct Look {
    places: Locations,
    value: bool,
    reference: bool,
    kind: bool,
    display: bool,
}

impl Look {
    fn member(&self, user: &User) -> Map<String, Value> {
        let id = user.id.as_str();
        let mut member = Map::new();
        let parts = [
            ("value", self.value.then(|| id.to_owned())),
            ("$ref", self.reference.then(|| self.places.user(id))),
            ("type", self.kind.then(|| "User".to_owned())),
            ("display", user.name.clone().filter(|_| self.display)),
        ];
        for (name, part) in parts {
            if let Some(part) = part {
                member.insert(name.to_owned(), Value::String(part));
            }
        }
        member
    }
}

/// The text of groups, as far as it is written.
struct Text {
    waiting: VecDeque<Shown>,
    /// The group whose members are being written.
    open: Option<Shown>,
    any_group: bool,
    any_member: bool,
    look: Look,
}

impl Text {
    fn members(&mut self, members: &[(i64, User)]) -> Result<Bytes> {
        let mut out = Vec::with_capacity(members.len() * 192);
        for (group, user) in members {
            while self.open.as_ref().is_none_or(|open| open.pk != *group) {
                self.close(&mut out);
                if !self.open_next(&mut out)? {
                    return Err(Error::internal("a member of a group that is not asked for"));
                }
            }
            let member = self.look.member(user);
            if member.is_empty() {
                continue;
            }
            if std::mem::replace(&mut self.any_member, true) {
                out.push(b',');
            }
            serde_json::to_writer(&mut out, &member).map_err(Error::internal)?;
        }
        Ok(out.into())
    }

    fn end(&mut self) -> Result<Bytes> {
        let mut out = Vec::new();
        self.close(&mut out);
        while self.open_next(&mut out)? {
            self.close(&mut out);
        }
        Ok(out.into())
    }

    /// Begins the next group; whether there is one.
    fn open_next(&mut self, out: &mut Vec<u8>) -> Result<bool> {
        let Some(group) = self.waiting.pop_front() else {
            return Ok(false);
        };
        if std::mem::replace(&mut self.any_group, true) {
            out.push(b',');
        }
        serde_json::to_writer(&mut *out, &group.resource).map_err(Error::internal)?;
        // It is closed after its members; it always has an id.
        out.pop();
        if group.members.is_some() {
            out.extend_from_slice(b",\"members\":[");
        }
        self.any_member = false;
        self.open = Some(group);
        Ok(true)
    }

    fn close(&mut self, out: &mut Vec<u8>) {
        if let Some(group) = self.open.take() {
            let end: &[u8] = if group.members.is_some() { b"]}" } else { b"}" };
            out.extend_from_slice(end);
        }
    }
}

/// All pieces in one.
pub async fn whole(pieces: impl Stream<Item = Result<Bytes>> + Send) -> Result<Vec<u8>> {
    pieces
        .try_fold(Vec::new(), |mut whole, piece| {
            whole.extend_from_slice(&piece);
            std::future::ready(Ok(whole))
        })
        .await
}
