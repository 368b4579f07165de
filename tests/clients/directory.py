"""What the client tests share: people made over plain GraphQL, their keys and mails, and the wire.

Nothing here knows an SDK. The set-up goes through `/graphql` with the super admin's key, so that a test says with the SDK
only what it is about.
"""

import contextlib
import dataclasses
import email
import email.policy
import itertools
import json
import os
import pathlib
import re
import secrets
import subprocess
import time
import urllib.error
import urllib.request

URL = os.environ["TENANTRY_URL"]
ADMIN_API_KEY = os.environ["TENANTRY_ADMIN_API_KEY"]
MAIL_DIR = pathlib.Path(os.environ["TENANTRY_MAIL_DIR"])
SERVER = os.environ["TENANTRY_SERVER"]

KILI_ENDPOINT = f"{URL}/api/label/v2/graphql"
KILI_VERSION = f"{URL}/api/label/v2/version"

PASSWORD = "Brass-kettle-27-hums"
OTHER_PASSWORD = "Tin-whistle-84-sings"

# Everything about a user that a call could change.
USER_FIELDS = "id email firstname lastname activated organizationId organizationRole createdAt updatedAt"

# The proxy variables are for the outside world: the server is on this machine.
_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
_run = secrets.token_hex(4)
_numbers = itertools.count(1)


@dataclasses.dataclass
class Answer:
    status: int
    headers: dict[str, str]
    text: str

    def json(self):
        return json.loads(self.text)


class Refused(Exception):
    """An answer with `errors`."""

    def __init__(self, answer):
        super().__init__(f"{answer.status}: {answer.text[:2000]}")
        self.answer = answer
        self.errors = answer.json()["errors"]
        self.code = (self.errors[0].get("extensions") or {}).get("code")


def request(url, body=None, headers=None):
    """One HTTP request: GET without a body, POST with one."""
    data = json.dumps(body).encode() if isinstance(body, dict) else body
    asked = urllib.request.Request(url, data, {"Accept": "application/json", **(headers or {})})
    if data is not None:
        asked.add_header("Content-Type", "application/json")
    try:
        with _opener.open(asked, timeout=60) as response:
            return Answer(response.status, dict(response.headers), response.read().decode())
    except urllib.error.HTTPError as error:
        return Answer(error.code, dict(error.headers), error.read().decode())


def raw(body, key=None, url=KILI_ENDPOINT):
    """A GraphQL body, sent as it is."""
    return request(url, body, {"Authorization": f"X-API-Key: {key}"} if key else {})


def graphql(document, variables=None, key=ADMIN_API_KEY):
    """Runs one operation and gives its `data`."""
    answer = raw({"query": document, "variables": variables or {}}, key, f"{URL}/graphql")
    try:
        result = answer.json()
    except ValueError:
        raise AssertionError(f"not JSON: {answer}") from None
    if "errors" in result:
        raise Refused(answer)
    return result["data"]


def mutate(field, arguments, key=ADMIN_API_KEY):
    """Runs the mutation `field` with `{name: (type, value)}`, whatever it returns."""
    declared = ", ".join(f"${name}: {kind}" for name, (kind, _) in arguments.items())
    passed = ", ".join(f"{name}: ${name}" for name in arguments)
    document = f"mutation({declared}) {{ data: {field}({passed}) {_selection(field)} }}"
    return graphql(document, {name: value for name, (_, value) in arguments.items()}, key)["data"]


def _selection(field):
    fields = graphql("{ __type(name: \"Mutation\") { fields { name type { ...t ofType { ...t ofType { ...t ofType { ...t } } } } } } }"
                     " fragment t on __Type { kind }")["__type"]["fields"]
    types = {each["name"]: each["type"] for each in fields}
    kind = types[field]
    while kind.get("ofType"):
        kind = kind["ofType"]
    return "{ __typename }" if kind["kind"] == "OBJECT" else ""


def unique(word):
    """`word`, made different from every other in this run and in any run before it on the same database."""
    return f"{word}-{_run}-{next(_numbers)}"


def address(word):
    return f"{unique(word)}@example.com"


@dataclasses.dataclass
class Organization:
    id: str
    name: str
    tenant: str

    def users(self):
        """All users, complete, in the order of the list, as the super admin sees them."""
        document = f"""query($where: UserWhere!, $skip: Int!) {{ users(where: $where, first: 100, skip: $skip) {{ {USER_FIELDS} }} }}"""
        found = []
        while True:
            page = graphql(document, {"where": {"organization": {"id": self.id}}, "skip": len(found)})["users"]
            found += page
            if len(page) < 100:
                return found


@dataclasses.dataclass
class Person:
    id: str
    email: str
    password: str | None
    organization: Organization

    def key(self, name=None):
        """A new API key, minted on the machine beside the running server."""
        command = [SERVER, "api-key", "--user", self.id] + (["--name", name] if name else [])
        # The server refuses variables of its own prefix that it does not know.
        variables = {name: value for name, value in os.environ.items() if name not in ("TENANTRY_URL", "TENANTRY_SERVER")}
        done = subprocess.run(command, env=variables, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, f"{command[1:]}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        secret = done.stdout.removesuffix("\n")
        assert re.fullmatch(r"[!-~]{20,}", secret), f"not one secret alone on standard output: {done.stdout!r}"
        return secret

    def row(self):
        """The user as the super admin sees it, or None."""
        rows = graphql(f"query($id: ID!) {{ users(where: {{id: $id}}) {{ {USER_FIELDS} }} }}", {"id": self.id})["users"]
        return rows[0] if rows else None

    def update(self, **data):
        graphql("mutation($id: ID!, $data: UserData!) { updatePropertiesInUser(where: {id: $id}, data: $data) { id } }",
                {"id": self.id, "data": data})


def organization(word):
    name = unique(word)
    made = Organization(f"org-{name.lower()}", f"{name} Ltd", f"tenant-{name.lower()}")
    graphql("mutation($data: CreateOrganizationData!) { createOrganization(data: $data) { id } }",
            {"data": {"id": made.id, "name": made.name}})
    graphql("mutation($data: CreateTenantData!) { createTenant(data: $data) { id } }",
            {"data": {"id": made.tenant, "name": f"{name} main", "organizationId": made.id}})
    return made


def person(organization, word="person", role="USER", password=None, **data):
    """A new user; without `password` it has none, which saves the hashing."""
    made = Person(unique(f"user-{word}"), address(word), password, organization)
    data = {"id": made.id, "email": made.email, "organizationId": organization.id, "tenantId": organization.tenant,
            "organizationRole": role, "firstname": word.title(), "lastname": "Example", **data}
    if password is not None:
        data["password"] = password
    graphql("mutation($data: CreateUserData!) { createUser(data: $data) { id } }", {"data": data})
    return made


def password_is(email, password, organization=None):
    """Whether `password` is right: tried by changing it, and changing it back. `organization` says whose user is meant, if
    several have the address."""
    document = """mutation($where: UserWhere!, $data: UpdatePasswordData!) {
        updatePassword(where: $where, data: $data) { id } }"""
    where = {"email": email, **({"organization": {"id": organization.id}} if organization else {})}

    def change(old, new):
        graphql(document, {"where": where, "data": {"oldPassword": old, "newPassword1": new, "newPassword2": new}})

    passing = f"Passing-{secrets.token_hex(8)}"
    try:
        change(password, passing)
    except Refused as refusal:
        assert "password" in refusal.errors[0]["message"].lower(), refusal
        return False
    change(passing, password)
    return True


@contextlib.contextmanager
def unchanged(*organizations):
    """Nothing in these organizations changes inside, nobody comes or goes anywhere, and no mail is sent."""
    def seen():
        everybody = graphql("{ countUsers(where: {}) countOrganizations(where: {}) }")
        return everybody, [each.users() for each in organizations], [path.name for path in _mail_files()]

    before = seen()
    yield
    assert seen() == before


@dataclasses.dataclass
class Mail:
    to: str
    subject: str
    text: str

    @property
    def link(self):
        found = re.findall(r"https?://[^\s<>\"']+", self.text)
        assert found, f"no link in {self.text!r}"
        return found[0].replace("&amp;", "&")

    @property
    def token(self):
        """The secret in the link: its last long run of token characters."""
        return re.findall(r"[A-Za-z0-9_~-][A-Za-z0-9_.~-]{18,}[A-Za-z0-9_~-]", self.link.split("://", 1)[1])[-1]


def _mail_files():
    return sorted(MAIL_DIR.glob("*.eml")) if MAIL_DIR.is_dir() else []


def mails(to, at_least=0):
    """The mails sent to one address so far; waits a little until there are `at_least` so many."""
    deadline = time.monotonic() + 10
    while True:
        found = []
        for path in _mail_files():
            message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
            if to.lower() in str(message["To"]).lower():
                body = message.get_body(("plain", "html"))
                found.append(Mail(str(message["To"]), str(message["Subject"]), body.get_content() if body else ""))
        if len(found) >= at_least or time.monotonic() > deadline:
            return found
        time.sleep(0.05)


@dataclasses.dataclass
class Exchange:
    """One request of the SDK and its answer."""

    method: str
    url: str
    headers: dict[str, str]
    body: str
    status: int
    text: str

    @property
    def document(self):
        return json.loads(self.body)["query"] if self.body else ""

    @property
    def variables(self):
        return json.loads(self.body).get("variables")

    def json(self):
        return json.loads(self.text)


class Wire(list):
    """Every exchange of the SDK, through its own `requests`, which stays as it is; printed, so that a failure shows them."""

    def attach(self, requests):
        send = requests.adapters.HTTPAdapter.send

        def watched(adapter, prepared, *arguments, **options):
            response = send(adapter, prepared, *arguments, **options)
            body = prepared.body or b""
            exchange = Exchange(prepared.method, prepared.url, dict(prepared.headers),
                                body if isinstance(body, str) else body.decode(), response.status_code, response.text)
            self.append(exchange)
            print(f"> {exchange.method} {exchange.url}\n> {' '.join(exchange.body.split())[:1500]}")
            print(f"< {exchange.status} {exchange.text[:1500]}")
            return response

        requests.adapters.HTTPAdapter.send = watched

    def of(self, field):
        """The exchanges whose document calls `field`."""
        return [each for each in self if re.search(rf"\b{field}\s*\(", each.document)]
