//! Brings the records of a file into the directory. It knows no format.
//!
//! A file is taken in batches, each in one transaction with its audit events, so that a server beside it never waits for long; or all
//! in one transaction, if nobody else uses the database. Rows are refused singly, and running the same file again changes nothing:
//! a record that is there already and the same is *unchanged*.

mod belongings;
mod bulk;
mod check;
mod groups;
mod hashes;
mod here;
mod imagined;
mod invitations;
mod members;
mod new;
mod places;
mod roles;
mod rows;
mod seats;
mod step;
mod structure;
mod tally;
mod update;
mod users;

use std::collections::{BTreeSet, HashMap};
use std::time::{Duration, Instant};

use sea_orm::DbBackend;

use self::bulk::Later;
use self::imagined::Imagined;
use self::members::Aliases;
use self::places::Places;
use self::tally::Tallies;
use super::format::Reader;
use super::kind::Kind;
use super::record::{Fault, Item, MembersRecord, Record, Row};
use super::report::{At, Did, Lacks, Outcome, Report};
use crate::authz::{Action, Granted, Resource};
use crate::context::{Change, OpContext};
use crate::model::Timestamp;
use crate::model::error::{Error, Result};

/// Rows for each statement.
const BATCH: usize = 1_000;
/// Rows in a transaction beside a server, whose changes wait for it on SQLite.
const STEP: usize = 500;
/// How long others may write between two transactions, at least.
const REST: Duration = Duration::from_millis(10);
/// How often a batch is tried, if others change the same rows in the meantime.
const TRIES: usize = 3;

/// What to do with a record that is there already, and differs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, strum::EnumString, strum::IntoStaticStr, strum::EnumIter)]
#[strum(serialize_all = "lowercase", const_into_str)]
pub enum OnConflict {
    #[default]
    Fail,
    Skip,
    Update,
}

/// What to do with a role that the organization does not have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, strum::EnumString, strum::IntoStaticStr, strum::EnumIter)]
#[strum(serialize_all = "lowercase", const_into_str)]
pub enum MissingRoles {
    #[default]
    Fail,
    #[strum(serialize = "create", serialize = "make")]
    Create,
    Drop,
}

/// Which password hashes to take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, strum::EnumString, strum::IntoStaticStr, strum::EnumIter)]
#[strum(serialize_all = "lowercase", const_into_str)]
pub enum Passwords {
    #[default]
    All,
    /// Not the weak ones, such as MD5.
    Strong,
    None,
}

/// How to take the records of a file.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The id of the organization of records that name none.
    pub organization: Option<String>,
    /// The id of the tenant of users that have none.
    pub tenant: Option<String>,
    /// The roles of users that have none.
    pub roles: Vec<String>,
    pub missing_roles: MissingRoles,
    pub on_conflict: OnConflict,
    pub passwords: Passwords,
    /// Take API keys, and the digests of invitations.
    pub keys: bool,
    /// Let the file give the role `super-admin`.
    pub super_admins: bool,
    /// Look only.
    pub dry_run: bool,
    /// All in one transaction: nobody else uses the database.
    pub alone: bool,
    /// How many users the file has, roughly.
    pub users: u64,
    /// The time that readers take for what is true since an unknown time.
    pub now: Timestamp,
    /// Leave what the first start has created as it is.
    pub keep_first_start: bool,
}

/// Why an import ended early.
#[derive(Debug)]
pub enum Stopped {
    /// The file cannot be read.
    File(Fault),
    /// The database failed.
    Database(Error),
}

impl From<Error> for Stopped {
    fn from(error: Error) -> Self {
        Self::Database(error)
    }
}

/// What all parts of an import share.
struct Intake<'a> {
    op: &'a OpContext,
    options: &'a Options,
    granted: Granted,
    places: Places,
    /// What the file would create, while looking only.
    imagined: Option<Imagined>,
    tallies: Tallies,
    /// What happened to the rows of this transaction.
    outcomes: Vec<Outcome>,
    /// What hashing before the transaction has made, by the number of the row in its batch.
    hashed: HashMap<usize, String>,
    aliases: Aliases,
    /// Members of groups, for when all users are there.
    members: Vec<(At, MembersRecord)>,
    /// Whether a row that others are in the way of is refused, because trying again does not help.
    is_last_try: bool,
}

/// Takes the records of a file; `report` gets the outcome of each row, after the commit.
pub async fn import(
    op: &OpContext,
    reader: &mut dyn Reader,
    options: &Options,
    report: &mut Report<'_>,
) -> Result<(), Stopped> {
    let mut intake = Intake {
        op,
        options,
        granted: op.authorize(Action::Create, Resource::User)?,
        places: Places::default(),
        imagined: options.dry_run.then(Imagined::default),
        tallies: Tallies::default(),
        outcomes: Vec::new(),
        hashed: HashMap::new(),
        aliases: Aliases::default(),
        members: Vec::new(),
        is_last_try: true,
    };
    op.authorize(Action::Create, Resource::Organization)?;
    intake.must_have_places().await?;
    let mut whole = match options.alone && !options.dry_run {
        true => Some(op.begin_whole().await?),
        false => None,
    };
    let later = match &whole {
        Some(change) => Later::of(change, options.users).await?,
        None => None,
    };
    loop {
        let rows = batch(reader, if whole.is_some() { BATCH } else { STEP }).map_err(Stopped::File)?;
        if rows.is_empty() {
            break;
        }
        let outcomes = match &mut whole {
            Some(change) => intake.take(change, &rows).await?,
            None => {
                intake.hash_before(&rows).await?;
                let began = Instant::now();
                let outcomes = intake.step(&rows).await?;
                // SQLite's lock is not fair: a server that waits for it tries now and then.
                if op.db().backend() == DbBackend::Sqlite {
                    tokio::time::sleep(began.elapsed().max(REST)).await;
                }
                outcomes
            }
        };
        report.add(outcomes);
    }
    for (at, members) in std::mem::take(&mut intake.members) {
        let outcomes = match &mut whole {
            Some(change) => intake.take_members(change, &at, &members).await?,
            None => intake.step_members(&at, &members).await?,
        };
        report.add(outcomes);
    }
    if let Some(change) = whole {
        if let Some(later) = later {
            later.write(&change).await?;
        }
        let events = intake.tallies.events(&*change).await?;
        change.commit(events).await?;
    }
    Ok(())
}

/// The next rows.
fn batch(reader: &mut dyn Reader, count: usize) -> Result<Vec<Row>, Fault> {
    let mut rows = Vec::new();
    while rows.len() < count {
        match reader.next()? {
            Some(row) => rows.push(row),
            None => break,
        }
    }
    Ok(rows)
}

impl Intake<'_> {
    /// Takes rows in this transaction. Users that follow each other are taken together.
    async fn take(&mut self, change: &mut Change<'_>, rows: &[Row]) -> Result<Vec<Outcome>> {
        let mut users = Vec::new();
        for (number, row) in rows.iter().enumerate() {
            let at = At::of(row, number);
            if let Item::Record(Record::User(user)) = &row.item {
                users.push((at, user.as_ref()));
                continue;
            }
            if let Item::Record(Record::Members(members)) = &row.item {
                self.members.push((at, members.clone()));
                continue;
            }
            if !users.is_empty() {
                self.users(change, std::mem::take(&mut users)).await?;
            }
            self.single(change, at, row).await?;
        }
        if !users.is_empty() {
            self.users(change, users).await?;
        }
        Ok(std::mem::take(&mut self.outcomes))
    }

    async fn take_members(
        &mut self,
        change: &mut Change<'_>,
        at: &At,
        members: &MembersRecord,
    ) -> Result<Vec<Outcome>> {
        let point = self.set_point(change).await?;
        let done = self.members(change, at, members).await.map(|()| Did::Unchanged);
        if let did @ Did::Refused(_) = self.end_point(change, point, done).await? {
            self.outcomes.push(Outcome {
                at: at.clone(),
                kind: Kind::Group,
                id: Some(members.group.clone()),
                email: None,
                did,
                lacks: Lacks::default(),
            });
        }
        Ok(std::mem::take(&mut self.outcomes))
    }

    async fn single(&mut self, change: &mut Change<'_>, at: At, row: &Row) -> Result<()> {
        let (kind, id, email) = match &row.item {
            Item::Ignored(what) => {
                self.outcomes.push(Outcome::ignored(at, what));
                return Ok(());
            }
            Item::Refused(refusal) => {
                self.outcomes.push(Outcome::refused(at, refusal));
                return Ok(());
            }
            Item::Record(record) => named(record),
        };
        let Item::Record(record) = &row.item else {
            return Ok(());
        };
        let point = self.set_point(change).await?;
        let done = match record {
            Record::ResourceServer(record) => self.resource_server(change, record).await,
            Record::Permission(record) => self.permission(change, record).await,
            Record::Organization(record) => self.organization(change, record).await,
            Record::Tenant(record) => self.tenant(change, record).await,
            Record::Role(record) => self.role(change, record).await,
            Record::Group(record) => self.group(change, record).await,
            Record::Setting(record) => self.setting(change, record).await,
            Record::ApiKey(record) => self.api_key(change, record).await,
            Record::Invitation(record) => self.invitation(change, record).await,
            Record::PasswordHash(record) => self.password_hash(change, record).await,
            // Taken elsewhere.
            Record::User(_) | Record::Members(_) => Ok(Did::Unchanged),
        };
        let did = self.end_point(change, point, done).await?;
        self.outcomes.push(Outcome {
            at,
            kind,
            id,
            email,
            did,
            lacks: Lacks::default(),
        });
        Ok(())
    }

    /// Refuses flags that name what is not there.
    async fn must_have_places(&mut self) -> Result<()> {
        let mut change = self.op.begin().await?;
        let Some(organization) = &self.options.organization else {
            return match &self.options.tenant {
                Some(_) => Err(Error::invalid("tenant", "With a tenant, name its organization too.")),
                None => Ok(()),
            };
        };
        let home = self.home(&mut change, Some(organization)).await?;
        if let Some(tenant) = &self.options.tenant {
            self.tenant_of(&mut change, &home, tenant).await?;
        }
        let roles: BTreeSet<String> = self.options.roles.iter().cloned().collect();
        for role in roles {
            let found = self.role_named(&mut change, &home, &role, None).await?;
            self.may_be_given(found.iter())?;
        }
        // This transaction is not committed: a role that it has created is not there.
        self.places.forget();
        self.tallies = Tallies::default();
        self.outcomes.clear();
        Ok(())
    }
}

/// What a report calls a record.
fn named(record: &Record) -> (Kind, Option<String>, Option<String>) {
    match record {
        Record::ResourceServer(record) => (Kind::ResourceServer, Some(record.id.clone()), None),
        Record::Permission(record) => (Kind::Permission, Some(record.id.clone()), None),
        Record::Organization(record) => (Kind::Organization, Some(record.id.clone()), None),
        Record::Tenant(record) => (Kind::Tenant, Some(record.id.clone()), None),
        Record::Role(record) => (Kind::Role, record.id.clone().or(Some(record.name.clone())), None),
        Record::Group(record) => (Kind::Group, record.id.clone().or(Some(record.name.clone())), None),
        Record::User(record) => (Kind::User, record.id.clone(), record.email.clone()),
        Record::Setting(record) => (Kind::Setting, Some(record.user_id.clone()), None),
        Record::ApiKey(record) => (Kind::ApiKey, record.id.clone(), None),
        Record::Invitation(record) => (Kind::Invitation, record.id.clone(), Some(record.email.clone())),
        Record::Members(record) => (Kind::Group, Some(record.group.clone()), None),
        Record::PasswordHash(record) => (Kind::User, Some(record.user_id.clone()), None),
    }
}
