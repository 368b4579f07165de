//! A directory by chance, as a file of `tenantry export` has it: every member of every kind of record, with texts that are
//! awkward. The lines are exactly those that an export of it has.

mod line;
mod people;
mod servers;

use std::collections::{BTreeMap, BTreeSet};

use fastrand::Rng;
use serde_json::Value;
use tenantry::model::BuiltIn;

use self::line::Line;

const NAMES: &[&str] = &[
    "Ada",
    "Ada \"A\" \\ Lovelace",
    "\u{674E}\u{5C0F}\u{9F99}",
    "Zo\u{EB} \u{DC}nal",
    "\u{1F469}\u{200D}\u{1F680} with a joiner",
    "a,b;c|d",
    "</script><b>&amp;",
    "'; DROP TABLE users; --",
    "null",
    "0",
    "=1+1",
    "%_\\%",
    "\u{130}stanbul \u{1E9E} \u{17F}",
    "a\u{A0}b",
    "\u{645}\u{631}\u{62D}\u{628}\u{627}",
    "\\u0041 is no A",
    "{\"type\":\"end\"",
];
/// What may stand in names that are not trimmed.
const BLANKS: &str = "  blanks at both ends ";
const DESCRIPTIONS: &[&str] = &[
    "One line",
    "Line one\nline two\twith a tab",
    " ",
    "\u{E9}\u{A0}",
    "\"\\",
];
const VARIABLES: &[&str] = &[
    "{}",
    r#"{"z":1.50,"a":null}"#,
    r#"{"n":12345678901234567890.10,"m":-0.0,"e":1e+5,"s":0.1e-7}"#,
    r#"{"n":1e400,"m":1E5,"o":-1E-7,"p":{"$serde_json::private::Number":"1"},"q":{"$serde_json::private::RawValue":"[1]"}}"#,
    "{\"\":\"no name\",\" \":[],\"\u{43A}\u{43B}\u{44E}\u{447}\":{\"deep\":[[[[[{\"a\":[true,false,{}]}]]]]]}}",
    "{\"text\":\"quote \\\" backslash \\\\ slash / tab \\t line \\n control \\u0001 \u{E9} \u{7F}\"}",
    r#"{"type":"user","__proto__":1,"$schema":""}"#,
];
const IDS: &[&str] = &[
    "auth0|6042",
    "svc ~",
    "a/b?c=d&e#f",
    "O'Brien",
    "\"quoted\"",
    "-",
    "{}",
    "Id",
];
/// Permissions that are built in.
const PERMISSIONS: &[&str] = &[
    "read:user",
    "write:user",
    "read:tenant",
    "read:group",
    "read:databases",
    "write:databases",
];

/// An organization and what others in it can refer to.
struct Home {
    id: String,
    tenants: Vec<String>,
    roles: Vec<String>,
    groups: Vec<String>,
}

/// The place of a record in the file: its kind, its time of creation, its id, and of settings the key.
type Rank = (usize, String, String, String);

struct Chance {
    random: Rng,
    number: u64,
    /// Some times are those of several records.
    times: Vec<String>,
    lines: BTreeMap<Rank, String>,
    permissions: Vec<String>,
    product_roles: Vec<String>,
    users: Vec<(String, String)>,
    hashes: Vec<&'static str>,
}

/// Hashes that are stored as they are given.
fn hashes() -> Vec<&'static str> {
    let rows = include_str!("../../hash-vectors.tsv").lines().skip(1);
    rows.filter_map(|row| match row.split('\t').collect::<Vec<_>>()[..] {
        [_, given, "direct" | "own", stored, ..] if given == stored => Some(given),
        _ => None,
    })
    .collect()
}

/// The records of a directory, in the order of an export.
pub fn whole(seed: u64) -> Vec<String> {
    let mut chance = Chance {
        random: Rng::with_seed(seed),
        number: 0,
        times: Vec::new(),
        lines: BTreeMap::new(),
        permissions: PERMISSIONS.iter().map(|name| (*name).to_owned()).collect(),
        product_roles: Vec::new(),
        users: Vec::new(),
        hashes: hashes(),
    };
    chance.fill();
    chance.lines.into_values().collect()
}

impl Chance {
    fn fill(&mut self) {
        self.resource_servers();
        for _ in 0..self.random.u32(0..3) {
            let role = self.role(None);
            self.product_roles.push(role);
        }
        let platform = self.home("platform".to_owned());
        self.user(&platform, "admin".to_owned(), Some(BuiltIn::SuperAdmin));
        for _ in 0..self.random.u32(1..4) {
            let id = self.id();
            let home = self.home(id);
            for _ in 0..self.random.u32(0..8) {
                let id = self.id();
                self.user(&home, id, None);
            }
            for _ in 0..self.random.u32(0..4) {
                self.invitation(&home);
            }
        }
        for (user, created) in self.users.clone() {
            self.settings(&user, &created);
            for _ in 0..self.random.u32(0..3) {
                self.api_key(&user);
            }
        }
    }

    /// Whether something is so, once in so many times.
    fn one_in(&mut self, times: u32) -> bool {
        self.random.u32(0..times) == 0
    }

    fn of<T: Clone>(&mut self, some: &[T]) -> T {
        some[self.random.usize(0..some.len())].clone()
    }

    fn next(&mut self) -> u64 {
        self.number += 1;
        self.number
    }

    fn time(&mut self) -> String {
        if !self.times.is_empty() && self.one_in(4) {
            let times = self.times.clone();
            return self.of(&times);
        }
        let random = &mut self.random;
        let (year, month, day) = (random.u32(1971..2027), random.u32(1..13), random.u32(1..29));
        let (hour, minute, second) = (random.u32(0..24), random.u32(0..60), random.u32(0..60));
        let micros = *[0, 1, 999_999, random.u32(0..1_000_000)]
            .get(random.usize(0..4))
            .unwrap();
        let time = format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{micros:06}Z");
        self.times.push(time.clone());
        time
    }

    fn maybe_time(&mut self) -> Option<String> {
        self.one_in(2).then(|| self.time())
    }

    /// A UUID, whose first digits are those of others too.
    fn uuid(&mut self) -> String {
        let random = self.random.u64(..) & 0xFFFF_FFFF_FFFF;
        format!("0199a000-{:04x}-7000-8000-{random:012x}", self.next() & 0xFFFF)
    }

    fn id(&mut self) -> String {
        match self.random.u32(0..4) {
            0 => self.uuid(),
            1 => format!("{}{}", "x".repeat(240), self.next()),
            _ => format!("{}{}", self.of(IDS), self.next()),
        }
    }

    fn name(&mut self) -> String {
        match self.random.u32(0..12) {
            0 => "\u{754C}".repeat(255),
            1 => BLANKS.to_owned(),
            _ => self.of(NAMES).to_owned(),
        }
    }

    fn maybe_name(&mut self) -> Option<String> {
        self.one_in(2).then(|| self.name())
    }

    fn description(&mut self) -> Option<String> {
        match self.random.u32(0..8) {
            0 => Some("x".repeat(2_000)),
            1..4 => Some(self.of(DESCRIPTIONS).to_owned()),
            _ => None,
        }
    }

    fn variables(&mut self) -> Option<&'static str> {
        self.one_in(2).then(|| self.of(VARIABLES))
    }

    fn digest(&mut self) -> String {
        format!("{:032x}{:032x}", self.random.u128(..), self.random.u128(..))
    }

    /// Ends a record with its version and times, and puts it into its place.
    fn put(&mut self, kind: usize, id: &str, line: Line) -> String {
        let version = self.random.u32(1..50);
        self.put_as(kind, id, line, version)
    }

    fn put_as(&mut self, kind: usize, id: &str, line: Line, version: u32) -> String {
        let (one, other) = (self.time(), self.time());
        let (created, updated) = if one <= other { (one, other) } else { (other, one) };
        let line = line.json("version", &version.to_string());
        let line = line.text("createdAt", &created).text("updatedAt", &updated);
        self.lines
            .insert((kind, created.clone(), id.to_owned(), String::new()), line.finish());
        created
    }

    /// Some permissions, in the order of an export.
    fn some_permissions(&mut self) -> Vec<String> {
        let all = self.permissions.clone();
        let some: BTreeSet<String> = (0..self.random.u32(0..5)).map(|_| self.of(&all)).collect();
        some.into_iter().map(|name| Value::from(name).to_string()).collect()
    }

    fn home(&mut self, id: String) -> Home {
        let line = Line::new("organization")
            .text("id", &id)
            .text("name", &self.name())
            .maybe_json("variables", self.variables())
            // Often below the number of users.
            .maybe_json("seatLimit", self.of(&[None, Some("0"), Some("1"), Some("3")]))
            .json("mailAllowed", self.of(&["true", "false"]))
            .maybe_json("accountSwitching", self.of(&[None, Some("false")]))
            .maybe("productName", self.of(&[None, Some("Product \"\u{DC}\"")]))
            .maybe("mailLanguage", self.of(&[None, Some("de")]))
            .maybe_json("confirmEmailChanges", self.of(&[None, Some("true")]));
        self.put(2, &id, line);
        let mut home = Home {
            id,
            tenants: Vec::new(),
            roles: Vec::new(),
            groups: Vec::new(),
        };
        for number in 0..self.random.u32(0..4) {
            let id = match (home.id.as_str(), number) {
                ("platform", 0) => "platform".to_owned(),
                _ => self.id(),
            };
            let line = Line::new("tenant")
                .text("id", &id)
                .text("organizationId", &home.id)
                .text("name", &self.name())
                .maybe_json("variables", self.variables());
            self.put(3, &id, line);
            home.tenants.push(id);
        }
        for _ in 0..self.random.u32(0..4) {
            let role = self.role(Some(&home.id));
            home.roles.push(role);
        }
        for _ in 0..self.random.u32(0..4) {
            let group = self.group(&home);
            home.groups.push(group);
        }
        home
    }

    fn role(&mut self, organization: Option<&str>) -> String {
        let id = self.uuid();
        // A name is that of one role only.
        let name = format!("{} {}", self.of(NAMES), self.next());
        let permissions = self.some_permissions();
        let line = Line::new("role")
            .text("id", &id)
            .maybe("organizationId", organization)
            .text("name", &name)
            .maybe("description", self.description().as_deref())
            .list("permissions", &permissions);
        self.put(4, &id, line);
        id
    }

    fn group(&mut self, home: &Home) -> String {
        let id = self.uuid();
        let key = format!(
            "{}_{}",
            self.of(&["EDITORS", "\u{C9}QUIPE", "\u{56E2}\u{961F}", "A_B"]),
            self.next()
        );
        let roles = self.roles(home, None, true);
        let line = Line::new("group")
            .text("id", &id)
            .text("organizationId", &home.id)
            .text("key", &key)
            .text("name", self.of(NAMES))
            .maybe("description", self.description().as_deref())
            .maybe("externalId", self.maybe_name().as_deref())
            .list("roles", &roles);
        self.put(5, &id, line);
        id
    }
}
