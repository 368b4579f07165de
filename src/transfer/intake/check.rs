//! Checks the record of a user, by the same functions as the verbs, and finds what it refers to.

use std::sync::Arc;

use super::Intake;
use super::hashes::Given;
use super::places::{Home, Place, Roles};
use crate::context::Change;
use crate::directory::federated_identity::{self, FederatedIdentity};
use crate::directory::role::{Assigned, few_tenants};
use crate::directory::tenant::Label;
use crate::directory::user::chosen_id;
use crate::model::error::{Error, Result};
use crate::model::{self, Email, JsonText, Profile, Timestamp, UserId, user_name_key, uuid_of};
use crate::transfer::record::{Identity, UserRecord};
use crate::transfer::report::At;

/// A user as a file describes it. What is `None` is not given; an inner `None` clears.
#[derive(Debug)]
pub(super) struct Checked<'r> {
    pub at: At,
    pub record: &'r UserRecord,
    pub id: Option<UserId>,
    pub email: Option<Option<Email>>,
    pub home: Arc<Home>,
    pub tenant: Option<Label>,
    pub name: Option<Option<String>>,
    pub firstname: Option<Option<String>>,
    pub lastname: Option<Option<String>>,
    pub user_name: Option<Option<String>>,
    pub external_id: Option<Option<String>>,
    pub profile: Option<Option<Profile>>,
    pub variables: Option<JsonText>,
    /// With the time since when.
    pub roles: Option<Roles>,
    /// Those of the options, if the record gives none.
    pub default_roles: Vec<Assigned>,
    pub groups: Option<Vec<(Place, Option<Timestamp>)>>,
    pub identities: Option<Vec<FederatedIdentity>>,
    pub password: Given,
    /// Groups that are not there.
    pub missing_groups: Vec<String>,
}

impl Checked<'_> {
    /// The address to store.
    pub fn address(&self) -> Option<&Email> {
        self.email.as_ref()?.as_ref()
    }

    /// The roles to give to a new user.
    pub fn first_roles(&self) -> impl Iterator<Item = (&Assigned, Option<Timestamp>)> {
        let given = self.roles.iter().flatten().map(|(role, since)| (role, *since));
        given.chain(self.default_roles.iter().map(|role| (role, None)))
    }

    /// The names by which the user is known to be the same.
    pub fn own_names(&self) -> Vec<String> {
        let id = self.id.as_ref().map(|id| id_key(id.as_str()));
        let email = self.address().map(|email| email_key(self.home.pk, email.as_str()));
        id.into_iter().chain(email).collect()
    }

    /// The names under which nobody else can be there.
    pub fn names(&self) -> Vec<String> {
        let mut names = self.own_names();
        names.extend(self.unique_name());
        names
    }

    /// What nobody else of the organization may have for a user name, if the record says it: without one it is the address.
    pub fn unique_name(&self) -> Option<String> {
        let given = self.user_name.as_ref().and_then(Option::as_deref);
        let key = match (given, self.address()) {
            (Some(name), _) => user_name_key(name),
            (None, email) => email?.to_string(),
        };
        Some(user_name_place(self.home.pk, &key))
    }
}

/// The same for all spellings of an id.
pub(super) fn id_key(id: &str) -> String {
    match uuid_of(id) {
        Some(uuid) => format!("id {}", uuid.simple()),
        None => format!("id {id}"),
    }
}

/// A user name, as it is compared, in its organization.
pub(super) fn user_name_place(organization_pk: i64, key: &str) -> String {
    format!("name {organization_pk} {key}")
}

pub(super) fn email_key(organization_pk: i64, email: &str) -> String {
    format!("{organization_pk} {email}")
}

impl Intake<'_> {
    pub(super) async fn check<'r>(
        &mut self,
        change: &mut Change<'_>,
        at: At,
        record: &'r UserRecord,
    ) -> Result<Checked<'r>> {
        let id = record.id.as_deref().map(chosen_id).transpose()?;
        let email = match record.email.as_deref().map(str::trim) {
            None => None,
            Some("") => Some(None),
            Some(email) => Some(Some(Email::parse("email", email)?)),
        };
        if id.is_none() && !matches!(email, Some(Some(_))) {
            return Err(Error::invalid("email", "A user needs an e-mail address or an id."));
        }
        let name = model::clearable("name", record.name.as_deref())?;
        let firstname = model::clearable("firstname", record.firstname.as_deref())?;
        let lastname = model::clearable("lastname", record.lastname.as_deref())?;
        let user_name = record.user_name.as_deref();
        let user_name = user_name
            .map(|name| model::user_name("userName", Some(name)))
            .transpose()?;
        let external_id = record.external_id.as_deref();
        let external_id = external_id.map(|id| model::external_id("externalId", id)).transpose()?;
        let profile = record.profile.as_ref();
        let profile = profile.map(|profile| Profile::parse("profile", profile)).transpose()?;
        let variables = JsonText::object("variables", record.variables.as_ref())?;
        let identities = record.federated_identities.as_deref().map(identities).transpose()?;
        let password = Given::of(
            record,
            id.as_ref(),
            email.as_ref().and_then(Option::as_ref),
            self.options.passwords,
        )?;
        if record.service == Some(true) && (!matches!(password, Given::Nothing) || identities.is_some()) {
            return Err(Error::invalid(
                "service",
                "A service has neither a password nor federated identities.",
            ));
        }
        if record.takes_seat == Some(false) && record.service != Some(true) {
            return Err(Error::invalid("takesSeat", "Only services can take no seat."));
        }
        let home = self.home(change, record.organization_id.as_deref()).await?;
        let tenant = self.tenant_of_record(change, &home, record).await?;
        let roles = self.roles_of_record(change, &home, record).await?;
        let default_roles = match roles.as_ref().is_none_or(Vec::is_empty) {
            true => self.default_roles(change, &home).await?,
            false => Vec::new(),
        };
        let (groups, missing_groups) = self.groups_of_record(change, &home, record).await?;
        Ok(Checked {
            at,
            record,
            id,
            email,
            home,
            tenant,
            name,
            firstname,
            lastname,
            user_name,
            external_id,
            profile,
            variables,
            roles,
            default_roles,
            groups,
            identities,
            password,
            missing_groups,
        })
    }

    async fn tenant_of_record(
        &mut self,
        change: &mut Change<'_>,
        home: &Home,
        record: &UserRecord,
    ) -> Result<Option<Label>> {
        let in_default_home = self.options.organization.as_deref() == Some(home.id.as_str());
        let by_default = self.options.tenant.clone().filter(|_| in_default_home);
        match record.tenant_id.clone().filter(|id| !id.is_empty()).or(by_default) {
            Some(id) => Ok(Some(self.tenant_of(change, home, &id).await?)),
            None => Ok(None),
        }
    }

    async fn roles_of_record(
        &mut self,
        change: &mut Change<'_>,
        home: &Home,
        record: &UserRecord,
    ) -> Result<Option<Roles>> {
        let Some(held) = &record.roles else {
            return Ok(None);
        };
        let roles = self.roles_held(change, home, held).await?;
        let all: Vec<Assigned> = roles.iter().map(|(role, _)| role.clone()).collect();
        few_tenants(&all, "roles")?;
        Ok(Some(roles))
    }

    async fn default_roles(&mut self, change: &mut Change<'_>, home: &Home) -> Result<Vec<Assigned>> {
        let mut roles: Vec<Assigned> = Vec::new();
        for name in self.options.roles.iter() {
            let found = self.role_named(change, home, name, None).await?;
            roles.extend(found.filter(|role| !roles.iter().any(|known| known.is(role))));
        }
        Ok(roles)
    }

    /// A group that is not there refuses that membership alone.
    async fn groups_of_record(
        &mut self,
        change: &mut Change<'_>,
        home: &Home,
        record: &UserRecord,
    ) -> Result<(Option<Vec<(Place, Option<Timestamp>)>>, Vec<String>)> {
        let Some(held) = &record.groups else {
            return Ok((None, Vec::new()));
        };
        let mut groups: Vec<(Place, Option<Timestamp>)> = Vec::with_capacity(held.len());
        let mut missing = Vec::new();
        for one in held {
            match self.group_named(change, home, &one.reference).await? {
                None => missing.push(one.reference.clone()),
                Some(place) if groups.iter().any(|(known, _)| known.pk == place.pk) => {}
                Some(place) => groups.push((place, one.since)),
            }
        }
        Ok((Some(groups), missing))
    }
}

fn identities(given: &[Identity]) -> Result<Vec<FederatedIdentity>> {
    let identity = |one: &Identity| FederatedIdentity {
        identity_provider: one.provider.clone(),
        user_id: one.user_id.clone(),
        user_name: one.user_name.clone().unwrap_or_else(|| one.user_id.clone()),
    };
    let all: Vec<FederatedIdentity> = given.iter().map(identity).collect();
    federated_identity::parse(&all)
}
