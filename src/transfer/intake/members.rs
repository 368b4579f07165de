//! Members of groups, where a format names them apart from users. They are looked at after all users.

use std::collections::{HashMap, HashSet};

use sea_orm::sea_query::OnConflict;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, QuerySelect};

use super::Intake;
use super::imagined::digest;
use super::new::member;
use super::places::{Home, Place};
use crate::context::Change;
use crate::model::error::{Error, Result, shown};
use crate::store::entity::{any_of, group_member, user};
use crate::transfer::kind::Kind;
use crate::transfer::record::MembersRecord;
use crate::transfer::report::{At, Did, Lacks, Outcome};

/// Members in a statement.
const SOME: usize = 1_000;

/// The users of the file by the other names that it has for them, such as distinguished names.
#[derive(Debug, Default)]
pub(super) struct Aliases {
    users: HashMap<u128, (i64, i64)>,
    /// The names that this step has noted.
    fresh: Vec<u128>,
}

impl Aliases {
    pub fn note(&mut self, names: &[String], organization_pk: i64, user_pk: i64) {
        for name in names {
            let name = digest(name);
            self.users.insert(name, (organization_pk, user_pk));
            self.fresh.push(name);
        }
    }

    /// The step before is committed.
    pub fn keep(&mut self) {
        self.fresh.clear();
    }

    /// Forgets this step, which is not committed.
    pub fn undo(&mut self) {
        for name in std::mem::take(&mut self.fresh) {
            self.users.remove(&name);
        }
    }

    fn find(&self, name: &str, organization_pk: i64) -> Option<i64> {
        let (organization, user) = self.users.get(&digest(name))?;
        (*organization == organization_pk).then_some(*user)
    }
}

impl Intake<'_> {
    /// Puts the members into the group; one that is not there is refused alone.
    pub(super) async fn members(&mut self, change: &mut Change<'_>, at: &At, record: &MembersRecord) -> Result<()> {
        let home = self.home(change, record.organization_id.as_deref()).await?;
        let Some(place) = self.group_named(change, &home, &record.group).await? else {
            return Err(Error::invalid(
                "group",
                format!("There is no group '{}'.", shown(&record.group)),
            ));
        };
        let may_join = !place.all_powerful || self.options.super_admins;
        let mut seen = HashSet::new();
        for some in record.members.chunks(SOME) {
            let found = self.found(change, &home, some).await?;
            let mut rows = Vec::with_capacity(some.len());
            for name in some {
                match found.get(name) {
                    Some(pk) if seen.insert(*pk) => rows.push(member(*pk, home.pk, place, self.op.now())),
                    Some(_) => {}
                    None => self.tell_missing(at, name, &record.group),
                }
            }
            if !may_join && !all_are_members(change, place, &rows).await? {
                return Err(Error::forbidden(format!(
                    "The group '{}' gives the role 'super-admin', which is given only with --allow-super-admins.",
                    shown(&record.group)
                )));
            }
            if rows.is_empty() || self.imagined.is_some() {
                continue;
            }
            let key = [group_member::Column::GroupPk, group_member::Column::UserPk];
            let added = group_member::Entity::insert_many(rows)
                .on_conflict(OnConflict::columns(key).do_nothing().to_owned())
                .exec_without_returning(&**change)
                .await?;
            if added > 0 {
                self.tallies.added_members(&home, added);
            }
        }
        Ok(())
    }

    /// The keys of those who are there, by the names of the file.
    async fn found(&self, change: &Change<'_>, home: &Home, names: &[String]) -> Result<HashMap<String, i64>> {
        let mut found = HashMap::new();
        let mut others = Vec::new();
        for name in names {
            match self.aliases.find(name, home.pk) {
                Some(pk) => {
                    found.insert(name.clone(), pk);
                }
                None => others.push(name.as_str()),
            }
        }
        if others.is_empty() {
            return Ok(found);
        }
        let rows = user::Entity::find()
            .select_only()
            .columns([user::Column::Pk, user::Column::Id, user::Column::OrganizationPk])
            .filter(user::has_id(self.op.db().backend(), others.iter().copied()));
        let rows: Vec<(i64, String, i64)> = rows.into_tuple().all(&**change).await?;
        let rows: HashMap<String, i64> = rows
            .into_iter()
            .filter(|(_, _, organization)| *organization == home.pk)
            .map(|(pk, id, _)| (super::check::id_key(&id), pk))
            .collect();
        for name in others {
            if let Some(pk) = rows.get(&super::check::id_key(name)) {
                found.insert(name.to_owned(), *pk);
            }
        }
        Ok(found)
    }

    fn tell_missing(&mut self, at: &At, member: &str, group: &str) {
        let told = Error::NotFound(format!(
            "The group '{}' has a member '{}', who is not there.",
            shown(group),
            shown(member)
        ));
        self.outcomes.push(Outcome {
            at: at.clone(),
            kind: Kind::Group,
            id: Some(group.to_owned()),
            email: None,
            did: Did::Refused(told.into()),
            lacks: Lacks::default(),
        });
    }
}

/// Whether the group has all of these already.
async fn all_are_members(change: &Change<'_>, place: Place, wanted: &[group_member::ActiveModel]) -> Result<bool> {
    let users = wanted.iter().map(|member| *member.user_pk.as_ref());
    let there = group_member::Entity::find()
        .filter(group_member::Column::GroupPk.eq(place.pk))
        .filter(any_of(
            change.get_database_backend(),
            group_member::Column::UserPk,
            users,
        ))
        .count(&**change)
        .await?;
    Ok(usize::try_from(there).is_ok_and(|there| there == wanted.len()))
}
