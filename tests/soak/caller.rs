//! A caller with an organization of its own: nobody else changes it, so the caller knows what every answer must be.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::AddAssign;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::time::sleep;

use crate::client::{Answer, Client};
use crate::process::Process;
use crate::{ADMIN_KEY, DATABASE, Soak};

/// So many users at most: one page.
const USERS: usize = 80;
const PASSWORD: &str = "a password of the soak";
/// A revoked key is refused everywhere after so long.
const REVOKED_WITHIN: Duration = Duration::from_secs(1);

/// A change that was not answered has happened after so long, or never does: no fault lasts longer.
const SETTLED_AFTER: Duration = Duration::from_secs(60);
/// How long a caller waits that was told to come again.
const PAUSE: Duration = Duration::from_millis(500);

/// What a caller's users are known to be called; nothing for one that is known not to be.
type Name = Option<String>;

#[derive(Default)]
pub struct Counted {
    /// Changes that were answered.
    pub acknowledged: usize,
    /// Changes that may have happened or not.
    pub unknown: usize,
    /// Requests that were told to come again.
    pub refused: usize,
    /// Answers that were held against the truth.
    pub compared: usize,
}

impl AddAssign for Counted {
    fn add_assign(&mut self, other: Self) {
        self.acknowledged += other.acknowledged;
        self.unknown += other.unknown;
        self.refused += other.refused;
        self.compared += other.compared;
    }
}

pub struct Caller {
    number: usize,
    client: Client,
    random: fastrand::Rng,
    /// The users there are, by id.
    known: BTreeMap<String, String>,
    /// Those of whom one change is unknown, since when, and what they may be. They are left alone until it is settled.
    unknown: BTreeMap<String, (Instant, Vec<Name>)>,
    invited: BTreeSet<String>,
    made: usize,
    counted: Counted,
}

impl Caller {
    /// Creates the organization and its administrator, who signs in and makes a key.
    pub async fn start(soak: &Soak, number: usize, random: fastrand::Rng) -> Self {
        let (super_admin, process) = (Client::new(ADMIN_KEY), &soak.processes[number % 2]);
        let create = "mutation($data: CreateOrganizationData!) { createOrganization(data: $data) { id } }";
        super_admin
            .must(
                process,
                create,
                json!({ "data": { "id": organization(number), "name": organization(number) } }),
            )
            .await;
        let create = "mutation($data: CreateUserData!) { createUser(data: $data) { id } }";
        let data = json!({
            "id": format!("admin-{number}"), "email": email(number), "password": PASSWORD,
            "organizationId": organization(number), "organizationRole": "ADMIN",
        });
        super_admin.must(process, create, json!({ "data": data })).await;
        let token = sign_in(process, number).await;
        let Answer::Given(token) = token else {
            panic!("{token:?}")
        };
        let create = "mutation { createApiKey(data: {name: \"soak\"}) { secret } }";
        let made = Client::new(&text(&token["signIn"]["accessToken"]))
            .must(process, create, json!({}))
            .await;
        Self {
            number,
            client: Client::new(&text(&made["createApiKey"]["secret"])),
            random,
            known: BTreeMap::new(),
            unknown: BTreeMap::new(),
            invited: BTreeSet::new(),
            made: 0,
            counted: Counted::default(),
        }
    }

    /// Works until the end, and then holds everything against what it knows.
    pub async fn run(mut self, soak: Arc<Soak>) -> Counted {
        while !soak.is_stopping() {
            let process = &soak.processes[self.random.usize(..2)];
            match self.random.u32(..100) {
                0..25 => self.create(&soak, process).await,
                25..45 => self.rename(&soak, process).await,
                45..60 => self.delete(&soak, process).await,
                60..70 => self.read(&soak, process).await,
                70..80 => self.settle(&soak, process).await,
                80..92 => self.list(&soak, process).await,
                92..95 => self.sign_in(&soak, process).await,
                95..98 => self.revoke(&soak, process).await,
                _ => self.invite(&soak, process).await,
            }
            sleep(Duration::from_millis(self.random.u64(10..70))).await;
        }
        for process in &soak.processes {
            self.compare_all(&soak, process).await;
        }
        self.compare_invitations(&soak);
        self.counted
    }

    async fn create(&mut self, soak: &Soak, process: &Process) {
        if self.known.len() >= USERS {
            return;
        }
        self.made += 1;
        let id = format!("w{}-{}", self.number, self.made);
        let document = "mutation($data: CreateUserData!) { createUser(data: $data) { id name } }";
        let data = json!({ "id": id, "name": id, "email": format!("{id}@soak.example"), "roles": ["user"] });
        let asked = self
            .change(soak, process, document, json!({ "data": data }), "createUser")
            .await;
        if asked {
            self.known.insert(id.clone(), id);
        } else {
            self.forget(id.clone(), vec![None, Some(id)]);
        }
    }

    async fn rename(&mut self, soak: &Soak, process: &Process) {
        let Some((id, before)) = self.any() else { return };
        let name = format!("{id} {}", self.random.u32(..));
        let document = "mutation($id: ID!, $name: String!) { updatePropertiesInUser(where: {id: $id}, data: {name: $name}) { id name } }";
        let asked = self
            .change(
                soak,
                process,
                document,
                json!({ "id": id, "name": name }),
                "updatePropertiesInUser",
            )
            .await;
        if asked {
            self.known.insert(id, name);
        } else {
            self.forget(id, vec![Some(before), Some(name)]);
        }
    }

    async fn delete(&mut self, soak: &Soak, process: &Process) {
        let Some((id, before)) = self.any() else { return };
        let document = "mutation($id: ID!) { deleteUser(where: {id: $id}) { id name } }";
        let asked = self
            .change(soak, process, document, json!({ "id": id }), "deleteUser")
            .await;
        if asked {
            self.known.remove(&id);
        } else {
            self.forget(id, vec![Some(before), None]);
        }
    }

    async fn read(&mut self, soak: &Soak, process: &Process) {
        let Some((id, name)) = self.any() else { return };
        let document = "query($id: ID!) { users(where: {id: $id}) { id name email } }";
        if let Some(data) = self.ask(soak, process, document, json!({ "id": id })).await {
            let right = json!([{ "id": id, "name": name, "email": format!("{id}@soak.example") }]);
            self.compare(soak, process, &data["users"], &right);
        }
    }

    /// Looks what became of a change that was not answered.
    async fn settle(&mut self, soak: &Soak, process: &Process) {
        let old = |(_, (since, _)): &(&String, &(Instant, Vec<Name>))| since.elapsed() > SETTLED_AFTER;
        let Some(id) = self.unknown.iter().find(old).map(|(id, _)| id.clone()) else {
            return self.read(soak, process).await;
        };
        let document = "query($id: ID!) { users(where: {id: $id}) { name } }";
        if let Some(data) = self.ask(soak, process, document, json!({ "id": id })).await {
            let (_, may_be) = self.unknown.remove(&id).unwrap();
            let is = data["users"].get(0).map(|user| text(&user["name"]));
            self.counted.compared += 1;
            if !may_be.contains(&is) {
                soak.wrong(format!("{}: {id} is {is:?}, none of {may_be:?}", process.name()));
            }
            if let Some(name) = is {
                self.known.insert(id, name);
            }
        }
    }

    /// The whole organization: everybody who is known, and nobody who is known not to be.
    async fn list(&mut self, soak: &Soak, process: &Process) {
        let document =
            "query($start: String!) { users(where: {idStartsWith: $start}, first: 100) { id name organizationId } }";
        let start = format!("w{}-", self.number);
        if let Some(data) = self.ask(soak, process, document, json!({ "start": start })).await {
            let users = data["users"].as_array().unwrap();
            let mut seen: Vec<Value> = users
                .iter()
                .filter(|user| !self.unknown.contains_key(user["id"].as_str().unwrap()))
                .cloned()
                .collect();
            seen.sort_by_key(|user| text(&user["id"]));
            let right: Vec<Value> = self
                .known
                .iter()
                .map(|(id, name)| json!({ "id": id, "name": name, "organizationId": organization(self.number) }))
                .collect();
            // A page holds a hundred; with too many unknown ones it does not hold everybody.
            if users.len() < 100 {
                self.compare(soak, process, &json!(seen), &json!(right));
            }
        }
    }

    async fn sign_in(&mut self, soak: &Soak, process: &Process) {
        match sign_in(process, self.number).await {
            Answer::Given(data) => {
                let client = Client::new(&text(&data["signIn"]["accessToken"]));
                let other = &soak.processes[self.random.usize(..2)];
                match client.ask(other, "{ me { id } }", json!({})).await {
                    Answer::Given(data) => {
                        let right = json!({ "me": { "id": format!("admin-{}", self.number) } });
                        self.compare(soak, other, &data, &right);
                    }
                    other => self.not_given(soak, "me after signIn", other),
                }
            }
            other => self.not_given(soak, "signIn", other),
        }
    }

    /// A key works until it is revoked, and nowhere a second later.
    async fn revoke(&mut self, soak: &Soak, process: &Process) {
        self.made += 1;
        let name = format!("key {}", self.made);
        let create = "mutation($name: String!) { createApiKey(data: {name: $name}) { secret } }";
        let asked = self.client.ask(process, create, json!({ "name": name })).await;
        let data = match asked {
            Answer::Given(data) => data,
            other => return self.not_given(soak, "createApiKey", other),
        };
        let key = Client::new(&text(&data["createApiKey"]["secret"]));
        let me = json!({ "me": { "id": format!("admin-{}", self.number) } });
        for process in &soak.processes {
            match key.ask(process, "{ me { id } }", json!({})).await {
                Answer::Given(data) => self.compare(soak, process, &data, &me),
                other => self.not_given(soak, "a new key", other),
            }
        }
        let document = "mutation($names: [String!]!) { revokeApiKeys(names: $names) { id } }";
        let asked = self
            .change(soak, process, document, json!({ "names": [name] }), "revokeApiKeys")
            .await;
        if !asked {
            return;
        }
        sleep(REVOKED_WITHIN).await;
        for process in &soak.processes {
            match key.ask(process, "{ me { id } }", json!({})).await {
                Answer::Refused(code, _) if code == "UNAUTHENTICATED" => self.counted.compared += 1,
                Answer::Given(data) => soak.wrong(format!("{}: a revoked key reads {data}", process.name())),
                other => self.not_given(soak, "a revoked key", other),
            }
        }
    }

    async fn invite(&mut self, soak: &Soak, process: &Process) {
        // Few enough for the limits of an organization and a caller.
        if self.invited.len() >= 150 {
            return;
        }
        self.made += 1;
        let kind = ["now", "held", "later"][self.random.usize(..3)];
        let address = format!("{kind}.{}@{}.example", self.made, organization(self.number));
        let document = "mutation($email: String!) { inviteUser(data: {email: $email}) { email } }";
        let asked = self
            .change(soak, process, document, json!({ "email": address }), "inviteUser")
            .await;
        if asked {
            self.invited.insert(address);
        }
    }

    /// Sends a change. Whether it was acknowledged; else nobody knows yet.
    async fn change(&mut self, soak: &Soak, process: &Process, document: &str, variables: Value, field: &str) -> bool {
        match self.client.ask(process, document, variables.clone()).await {
            Answer::Given(data) => {
                if data[field].is_null() {
                    soak.wrong(format!("{}: {field} of {variables} gives {data}", process.name()));
                }
                self.counted.acknowledged += 1;
                true
            }
            // The answer to its commit may have been lost.
            other => {
                self.not_given(soak, field, other);
                self.counted.unknown += 1;
                sleep(PAUSE).await;
                false
            }
        }
    }

    /// Sends a query; nothing if it was not answered.
    async fn ask(&mut self, soak: &Soak, process: &Process, document: &str, variables: Value) -> Option<Value> {
        match self.client.ask(process, document, variables).await {
            Answer::Given(data) => Some(data),
            other => {
                self.not_given(soak, document, other);
                sleep(PAUSE).await;
                None
            }
        }
    }

    fn not_given(&mut self, soak: &Soak, what: &str, answer: Answer) {
        if let Answer::Refused(code, message) = answer {
            self.check_code(soak, what, &code, &message);
        }
    }

    /// Whatever fails, callers are told to come again, and nothing else.
    fn check_code(&mut self, soak: &Soak, what: &str, code: &str, message: &str) {
        self.counted.refused += 1;
        if code != "UNAVAILABLE" {
            soak.wrong(format!("{what}: {code}: {message}"));
        }
    }

    fn compare(&mut self, soak: &Soak, process: &Process, given: &Value, right: &Value) {
        self.counted.compared += 1;
        if given != right {
            soak.wrong(format!("{}: {given} instead of {right}", process.name()));
        }
    }

    fn any(&mut self) -> Option<(String, String)> {
        let number = self.random.usize(..self.known.len().max(1));
        let (id, name) = self.known.iter().nth(number)?;
        Some((id.clone(), name.clone()))
    }

    fn forget(&mut self, id: String, may_be: Vec<Name>) {
        self.known.remove(&id);
        self.unknown.insert(id, (Instant::now(), may_be));
    }

    /// Everybody of the organization against everything that is known.
    async fn compare_all(&mut self, soak: &Soak, process: &Process) {
        let document = "query($start: String!, $skip: Int!) { users(where: {idStartsWith: $start}, first: 100, skip: $skip) { id name } }";
        let start = format!("w{}-", self.number);
        let mut seen = BTreeMap::new();
        loop {
            let variables = json!({ "start": start, "skip": seen.len() });
            let data = self.client.must(process, document, variables).await;
            let users = data["users"].as_array().unwrap();
            seen.extend(users.iter().map(|user| (text(&user["id"]), text(&user["name"]))));
            if users.len() < 100 {
                break;
            }
        }
        for (id, name) in &self.known {
            self.counted.compared += 1;
            if seen.get(id) != Some(name) {
                soak.wrong(format!("lost: {id} is {:?} instead of {name}", seen.get(id)));
            }
        }
        for (id, (_, may_be)) in &self.unknown {
            if !may_be.contains(&seen.get(id).cloned()) {
                soak.wrong(format!("{id} is {:?}, none of {may_be:?}", seen.get(id)));
            }
        }
        for (id, name) in &seen {
            if !self.known.contains_key(id) && !self.unknown.contains_key(id) {
                soak.wrong(format!("{id} ({name}) is there, and must not be"));
            }
        }
    }

    /// Each invitation that was acknowledged is mailed, or waits for it.
    fn compare_invitations(&self, soak: &Soak) {
        let waiting = soak
            .cluster
            .lock()
            .unwrap()
            .sql(DATABASE, "SELECT recipient FROM mails");
        let waiting: BTreeSet<&str> = waiting.lines().collect();
        let mails = soak.mail.mails();
        for address in &self.invited {
            let mailed = mails.iter().any(|mail| mail.contains(address));
            if !mailed && !waiting.contains(address.as_str()) {
                soak.wrong(format!("lost: the mail to {address}"));
            }
        }
    }
}

async fn sign_in(process: &Process, number: usize) -> Answer {
    let document = "mutation($data: SignInData!) { signIn(data: $data) { accessToken } }";
    let data = json!({ "email": email(number), "password": PASSWORD });
    Client::new("").ask(process, document, json!({ "data": data })).await
}

fn organization(number: usize) -> String {
    format!("soak-{number}")
}

fn email(number: usize) -> String {
    format!("admin@soak-{number}.example")
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
