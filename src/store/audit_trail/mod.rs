//! Writes audit events, in the transaction of the change that they describe.

mod related;

pub use related::{Became, Mention, Related};

use sea_orm::sea_query::InsertStatement;
use sea_orm::{ConnectionTrait, EntityTrait, QueryTrait, Set};
use uuid::Uuid;

use crate::model::Timestamp;
use crate::model::error::Result;
use crate::model::{Actor, Caller, Client, UserId};
use crate::store::db::rows_at_once;
use crate::store::entity::{audit_event, user};

/// What happened. Build it with [`Event::new`] and the setters.
#[derive(Clone, Debug)]
pub struct Event {
    action: &'static str,
    target_kind: &'static str,
    target_pk: i64,
    target_id: String,
    target_name: Option<String>,
    subject_id: Option<String>,
    related: Related,
    organization_pk: Option<i64>,
    tenant_pk: Option<i64>,
    fields: Vec<&'static str>,
    reason: Option<String>,
    changes_access: bool,
    users_change: Option<i64>,
    activated_change: Option<i64>,
    count: i64,
}

impl Event {
    /// `action` is `<kind>.<verb>`, as in `user.create`.
    pub fn new(action: &'static str, target_pk: i64, target_id: impl ToString) -> Self {
        Self {
            action,
            target_kind: action.split_once('.').map_or(action, |(kind, _)| kind),
            target_pk,
            target_id: target_id.to_string(),
            target_name: None,
            subject_id: None,
            related: Related::default(),
            organization_pk: None,
            tenant_pk: None,
            fields: Vec::new(),
            reason: None,
            changes_access: false,
            users_change: None,
            activated_change: None,
            count: 1,
        }
    }

    /// The target's name, which is kept for as long as the event: no address.
    #[must_use]
    pub fn named(mut self, name: impl Into<Option<String>>) -> Self {
        self.target_name = name.into();
        self
    }

    /// The organization that the target belongs to, and whose administrators see the event.
    #[must_use]
    pub fn of_organization(mut self, pk: impl Into<Option<i64>>) -> Self {
        self.organization_pk = pk.into();
        self
    }

    /// The same for a target that belongs to a tenant, whose administrators see it too.
    #[must_use]
    pub fn of_tenant(mut self, organization_pk: i64, tenant_pk: Option<i64>) -> Self {
        self.tenant_pk = tenant_pk;
        self.of_organization(organization_pk)
    }

    /// The same for what happened to a user, or to what is the user's: the user's organization and its tenant.
    #[must_use]
    pub fn of_user(self, user: &user::Model) -> Self {
        self.of_tenant(user.organization_pk, user.tenant_pk).concerning(user)
    }

    /// The same for what callers did with what is theirs.
    #[must_use]
    pub fn of_caller(self, caller: &Caller) -> Self {
        self.of_tenant(caller.organization_pk, caller.tenant_pk)
            .with_subject(&caller.user_id)
    }

    /// The user that it concerns. [`Self::of_user`] includes this.
    #[must_use]
    pub fn with_subject(mut self, id: &UserId) -> Self {
        self.subject_id = Some(id.to_string());
        self
    }

    /// The same, by name: the target itself, or else a user that the event names.
    #[must_use]
    pub fn concerning(self, user: &user::Model) -> Self {
        let this = self.with_subject(&user.id);
        match this.target_pk == user.pk && this.target_id == user.id.as_str() {
            true => this.named(user.plain_name()),
            false => this.about([Mention::new("user", &user.id, user.plain_name())]),
        }
    }

    /// What else it is about. The event names the first hundred, and says if there are more.
    #[must_use]
    pub fn about(mut self, mentions: impl IntoIterator<Item = Mention>) -> Self {
        mentions.into_iter().for_each(|mention| self.related.add(mention));
        self
    }

    /// Why it was done.
    #[must_use]
    pub fn because(mut self, reason: String) -> Self {
        self.reason = Some(reason);
        self
    }

    /// The GraphQL names of the fields that changed.
    #[must_use]
    pub fn fields(mut self, fields: impl IntoIterator<Item = &'static str>) -> Self {
        self.fields.extend(fields);
        self
    }

    /// This changes somebody's access or permissions.
    #[must_use]
    pub fn access(mut self) -> Self {
        self.changes_access = true;
        self
    }

    /// Stands for so many records that were created together, and among them so many users and activated ones.
    #[must_use]
    pub fn of_many(mut self, records: i64, users: i64, activated: i64) -> Self {
        self.count = records;
        self.users_change = Some(users).filter(|users| *users != 0);
        self.activated_change = Some(activated).filter(|activated| *activated != 0);
        self
    }

    /// A user of the event's organization before and after; `None` where it was or is not there. Numbers of users that
    /// were read earlier are brought up to date by this, so every event about a user who comes, goes, or is activated or
    /// deactivated has it.
    #[must_use]
    pub fn counting(mut self, before: Option<&user::Model>, after: Option<&user::Model>) -> Self {
        let change = |such: fn(&user::Model) -> bool| {
            let number = |user: Option<&user::Model>| i64::from(user.is_some_and(such));
            Some(number(after) - number(before)).filter(|change| *change != 0)
        };
        self.users_change = change(|_| true);
        self.activated_change = change(|user| user.activated);
        self
    }

    pub fn changes_access(&self) -> bool {
        self.changes_access
    }
}

/// The id of what the first event is about, if the others do not do the same with something else.
pub fn only_target(events: &[Event]) -> Option<String> {
    let (first, others) = events.split_first()?;
    let is_alone = others.iter().all(|event| event.action != first.action);
    is_alone.then(|| first.target_id.clone())
}

/// The author of a change, its time, and its request.
#[derive(Clone, Debug)]
pub struct Author<'a> {
    /// The id of the new event.
    pub id: Uuid,
    pub at: Timestamp,
    pub actor: &'a Actor,
    pub request_id: &'a str,
    pub client: &'a Client,
}

/// Writes an event.
pub async fn record(connection: &impl ConnectionTrait, author: Author<'_>, event: Event) -> Result<()> {
    connection.execute(&insertion(author, event)).await?;
    Ok(())
}

/// The statement that writes an event.
pub fn insertion(author: Author<'_>, event: Event) -> InsertStatement {
    audit_event::Entity::insert(row(author, event)).into_query()
}

/// The statements that write several events, in this order.
pub fn insertions<'a>(events: impl IntoIterator<Item = (Author<'a>, Event)>) -> Vec<InsertStatement> {
    /// The columns of an event.
    const VALUES: usize = 24;
    let rows: Vec<audit_event::ActiveModel> = events.into_iter().map(|(author, event)| row(author, event)).collect();
    rows.chunks(rows_at_once(VALUES))
        .map(|some| audit_event::Entity::insert_many(some.iter().cloned()).into_query())
        .collect()
}

fn row(author: Author<'_>, event: Event) -> audit_event::ActiveModel {
    let row = Row {
        id: author.id.to_string(),
        created_at: author.at,
        actor: author.actor,
        action: event.action,
        organization_pk: event.organization_pk,
        tenant_pk: event.tenant_pk,
        target_kind: event.target_kind,
        target_pk: Some(event.target_pk),
        target_id: &event.target_id,
        target_name: event.target_name,
        subject_id: event.subject_id,
        related: event.related.to_stored(),
        fields: (!event.fields.is_empty()).then(|| event.fields.join(" ")),
        reason: event.reason,
        users_change: event.users_change,
        activated_change: event.activated_change,
        request_id: author.request_id,
        client: author.client,
        count: event.count,
        refused: false,
    };
    row.stored()
}

/// A complete event.
pub(crate) struct Row<'a> {
    pub id: String,
    pub created_at: Timestamp,
    pub actor: &'a Actor,
    pub action: &'a str,
    pub organization_pk: Option<i64>,
    pub tenant_pk: Option<i64>,
    pub target_kind: &'a str,
    pub target_pk: Option<i64>,
    pub target_id: &'a str,
    pub target_name: Option<String>,
    pub subject_id: Option<String>,
    pub related: Option<String>,
    pub fields: Option<String>,
    pub reason: Option<String>,
    pub users_change: Option<i64>,
    pub activated_change: Option<i64>,
    pub request_id: &'a str,
    pub client: &'a Client,
    pub count: i64,
    pub refused: bool,
}

impl Row<'_> {
    /// The statement that writes it.
    pub fn insertion(self) -> InsertStatement {
        audit_event::Entity::insert(self.stored()).into_query()
    }

    fn stored(self) -> audit_event::ActiveModel {
        let caller = self.actor.caller().filter(|caller| self.is_for_trail(caller));
        let impersonator = caller.and_then(|caller| caller.impersonator.as_ref());
        // Where a caller comes from tells who it is.
        let is_hidden = self.actor.caller().is_some() && caller.is_none();
        let client = Some(self.client).filter(|_| !is_hidden);
        audit_event::ActiveModel {
            id: Set(self.id),
            organization_pk: Set(self.organization_pk),
            tenant_pk: Set(self.tenant_pk),
            actor_pk: Set(caller.map(|caller| caller.user_pk)),
            actor_id: Set(caller.map(|caller| caller.user_id.to_string())),
            impersonator_pk: Set(impersonator.map(|who| who.user_pk)),
            impersonator_id: Set(impersonator.map(|who| who.user_id.to_string())),
            action: Set(self.action.to_owned()),
            target_kind: Set(self.target_kind.to_owned()),
            target_pk: Set(self.target_pk),
            target_id: Set(self.target_id.to_owned()),
            target_name: Set(self.target_name),
            subject_id: Set(self.subject_id),
            related: Set(self.related),
            fields: Set(self.fields),
            reason: Set(self.reason),
            users_change: Set(self.users_change),
            activated_change: Set(self.activated_change),
            request_id: Set(Some(self.request_id.to_owned())),
            client_address: Set(client
                .and_then(|client| client.address)
                .map(|address| address.to_string())),
            user_agent: Set(client.and_then(|client| client.agent.as_deref()).map(str::to_owned)),
            count: Set(self.count),
            refused: Set(self.refused),
            created_at: Set(self.created_at),
            ..Default::default()
        }
    }

    /// Whether the caller may be named in the trail of the event's organization: its administrators may see its own
    /// users and super admins, but nobody else.
    fn is_for_trail(&self, caller: &Caller) -> bool {
        self.organization_pk.is_none_or(|pk| pk == caller.organization_pk) || caller.reaches_everywhere()
    }
}
