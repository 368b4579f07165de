//! The names, the address, the profile and the federated identities of a user.

use sea_orm::{ConnectionTrait, Set};

use super::super::insert::{address_taken, taken};
use super::super::person::require_person;
use super::{Clearable, Draft, UserChange};
use crate::authz::escalation::{administers_organization, as_oneself, unlimited};
use crate::context::OpContext;
use crate::directory::federated_identity::{self, FederatedIdentity};
use crate::directory::{email_verification, organization};
use crate::model::error::{ConflictReason, Error, Result};
use crate::model::{self, Actor, Email, JsonText};
use crate::store::entity::user as table;

/// What a new address leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NewAddress {
    /// It is the user's with this change.
    AtOnce,
    /// It is the user's when the link is used that is mailed to it.
    OnceConfirmed,
    /// The user keeps the present one.
    Never,
}

/// The validated texts of a change. The outer option says whether the field changes, the inner one is its value.
pub struct Profile {
    email: Option<Option<Email>>,
    name: Option<Option<String>>,
    firstname: Option<Option<String>>,
    lastname: Option<Option<String>>,
    user_name: Option<Option<String>>,
    external_id: Option<Option<String>>,
    /// What the identity provider says.
    said: Option<Option<model::Profile>>,
    variables: Option<Option<JsonText>>,
    pub tenant_id: Option<Option<String>>,
    identities: Option<Vec<FederatedIdentity>>,
}

impl Profile {
    pub fn parse(wanted: &UserChange) -> Result<Self> {
        let email = wanted.email.as_deref();
        let email = email.map(|email| Email::parse("email", email)).transpose()?;
        let name = model::clearable("name", wanted.name.as_deref())?;
        let firstname = model::clearable("firstname", wanted.firstname.as_deref())?;
        let lastname = model::clearable("lastname", wanted.lastname.as_deref())?;
        // Blanks alone are no user name, and clear none.
        let user_name = wanted.user_name.as_deref();
        let user_name = user_name
            .map(|name| model::user_name("userName", Some(name)))
            .transpose()?;
        let external_id = wanted.external_id.as_deref();
        let external_id = external_id.map(|id| model::external_id("externalId", id)).transpose()?;
        let said = wanted.profile.as_ref();
        let said = said.map(|said| model::Profile::parse("profile", said)).transpose()?;
        let variables = JsonText::object("variables", wanted.variables.as_ref())?;
        let tenant_id = wanted.tenant_id.clone();
        let tenant_id = tenant_id.map(|id| Some(id).filter(|id| !id.is_empty()));
        let clears = |field| wanted.clear.contains(&field);
        Ok(Self {
            email: model::cleared("email", email.map(Some), clears(Clearable::Email))?,
            name: model::cleared("name", name, clears(Clearable::Name))?,
            firstname: model::cleared("firstname", firstname, clears(Clearable::Firstname))?,
            lastname: model::cleared("lastname", lastname, clears(Clearable::Lastname))?,
            user_name: model::cleared("userName", user_name, clears(Clearable::UserName))?,
            external_id: model::cleared("externalId", external_id, clears(Clearable::ExternalId))?,
            said,
            variables: model::cleared("variables", variables.map(Some), clears(Clearable::Variables))?,
            tenant_id: model::cleared("tenantId", tenant_id, clears(Clearable::Tenant))?,
            identities: wanted
                .federated_identities
                .as_deref()
                .map(federated_identity::parse)
                .transpose()?,
        })
    }

    /// The new address, if there is one.
    pub fn email(&self) -> Option<&Email> {
        self.email.as_ref()?.as_ref()
    }

    /// The new user name, if there is one.
    pub fn user_name(&self) -> Option<&str> {
        self.user_name.as_ref()?.as_deref()
    }

    /// What a violated unique constraint means for a user who has this row.
    pub fn taken(&self, constraint: &str, row: &table::Model) -> Error {
        let user_name = match &self.user_name {
            Some(new) => new.as_deref(),
            None => row.user_name.as_deref(),
        };
        taken(constraint, &row.id, self.email().or(row.email.as_ref()), user_name)
    }

    /// What a new address leads to. It must be confirmed before it is the user's if the organization demands it; but nobody
    /// confirms that there is no address, or the address of a service. `CONFLICT` for an address that another user has.
    ///
    /// What deactivates the user (`leaves`) is done without requesting an address: it must not fail because nobody could
    /// confirm it. What requests an address again, as a synchronization does, mails no second link.
    pub(super) async fn new_address(
        &self,
        connection: &impl ConnectionTrait,
        op: &OpContext,
        row: &table::Model,
        leaves: bool,
    ) -> Result<NewAddress> {
        let Some(email) = self.email().filter(|email| row.email.as_ref() != Some(*email)) else {
            return Ok(NewAddress::AtOnce);
        };
        if row.service || !organization::confirms_email_changes(connection, row.organization_pk).await? {
            return Ok(NewAddress::AtOnce);
        }
        if leaves {
            return Ok(NewAddress::Never);
        }
        let requested = email_verification::requested(connection, [row.pk], op.now()).await?;
        if requested.get(&row.pk) == Some(email) {
            return Ok(NewAddress::Never);
        }
        let user_name = self.user_name.as_ref().unwrap_or(&row.user_name).as_deref();
        match email_verification::is_taken(connection, row, email, user_name).await? {
            true => Err(Error::conflict(ConflictReason::Taken, address_taken(email))),
            false => Ok(NewAddress::OnceConfirmed),
        }
    }

    /// Writes the fields that differ.
    pub(super) fn write(&self, op: &OpContext, draft: &mut Draft, address: NewAddress) -> Result<()> {
        if let Some(email) = &self.email
            && *email != draft.row.email
        {
            may_change_address(op.actor(), &draft.row)?;
            match address {
                NewAddress::AtOnce => {
                    draft.fields.push("email");
                    draft.new.email = Set(email.clone());
                    draft.new.email_changed_at = Set(Some(op.now()));
                    draft.new.email_verified_at = Set(None);
                    draft.new.password_verified_at = Set(None);
                }
                NewAddress::OnceConfirmed => {
                    draft.fields.push("pendingEmail");
                    draft.requested_email.clone_from(email);
                }
                NewAddress::Never => {}
            }
        }
        if let Some(said) = &self.said {
            let had = draft.row.profile.as_ref();
            let changes = match said {
                Some(said) => !said.is(had),
                None => had.is_some(),
            };
            if draft.notes(changes, "profile") {
                draft.new.profile = Set(said.clone().map(model::Profile::into_text));
            }
        }
        let changes = |new: &Option<Option<String>>, old: &Option<String>| new.as_ref().is_some_and(|new| new != old);
        if changes(&self.user_name, &draft.row.user_name) || changes(&self.external_id, &draft.row.external_id) {
            may_change_provisioning(op.actor(), &draft.row)?;
        }
        let Draft { new, fields, .. } = draft;
        model::set(fields, "name", &mut new.name, self.name.clone());
        model::set(fields, "firstname", &mut new.firstname, self.firstname.clone());
        model::set(fields, "lastname", &mut new.lastname, self.lastname.clone());
        model::set(fields, "userName", &mut new.user_name, self.user_name.clone());
        model::set(fields, "externalId", &mut new.external_id, self.external_id.clone());
        model::set(fields, "variables", &mut new.variables, self.variables.clone());
        Ok(())
    }

    /// Setting the present address calls off a change that was requested.
    pub(super) async fn call_off(&self, connection: &impl ConnectionTrait, draft: &mut Draft) -> Result<()> {
        let stays = self.email().is_some() && self.email() == draft.row.email.as_ref();
        if stays && email_verification::forget_change_in_txn(connection, draft.row.pk).await? {
            draft.fields.push("pendingEmail");
        }
        Ok(())
    }

    /// The identities that replace the current ones.
    pub(super) async fn new_identities(
        &self,
        actor: &Actor,
        connection: &impl ConnectionTrait,
        draft: &mut Draft,
    ) -> Result<Option<&[FederatedIdentity]>> {
        let Some(wanted) = &self.identities else {
            return Ok(None);
        };
        if !wanted.is_empty() {
            require_person("federatedIdentities", &draft.row)?;
        }
        let had = federated_identity::of_users(connection, [draft.row.pk]).await?;
        let had = had.get(&draft.row.pk).map(Vec::as_slice).unwrap_or_default();
        if wanted.as_slice() != had && (actor.is(draft.row.pk) || actor.is_behind(draft.row.pk)) {
            // An identity is another way to sign in, which outlives the credential of this request.
            as_oneself(actor, "Changing your federated identities")?;
            unlimited(actor, "Changing your federated identities")?;
        }
        let changes = draft.notes(wanted.as_slice() != had, "federatedIdentities");
        Ok(changes.then_some(wanted.as_slice()))
    }
}

/// The owner of the address can request a password reset by mail, so callers cannot change their own address here, nor
/// that of the person who impersonates them: that needs the password. Callers without an address get one from others: with
/// an API key alone, they cannot be distinguished from somebody who found it.
fn may_change_address(actor: &Actor, row: &table::Model) -> Result<()> {
    if !actor.is(row.pk) && !actor.is_behind(row.pk) {
        return Ok(());
    }
    as_oneself(actor, "Changing your e-mail address")?;
    Err(Error::forbidden(match row.email {
        Some(_) => "Change your own e-mail address with 'changeMyEmail', which asks for your password.".to_owned(),
        None => "You cannot give yourself an e-mail address. Ask another administrator.".to_owned(),
    }))
}

/// An identity provider finds users by these, and puts them into groups: with those of somebody else, callers would get that
/// person's groups. Who administers the organization can manage these anyway.
fn may_change_provisioning(actor: &Actor, row: &table::Model) -> Result<()> {
    let is_own = actor.is(row.pk) || actor.is_behind(row.pk);
    match is_own && !administers_organization(actor) {
        true => Err(Error::forbidden(
            "You cannot change your own user name or external id. Ask another administrator.",
        )),
        false => Ok(()),
    }
}
