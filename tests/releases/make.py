#!/usr/bin/env python3
"""Makes the databases that a release leaves behind, from which every later release is upgraded in the tests.

    cargo build --locked
    tests/with-postgres.sh python3 tests/releases/make.py --server target/debug/tenantry

It fills a small directory through a running server, so that every table has a row, once on SQLite and once on PostgreSQL, and
writes to tests/releases/VERSION, VERSION being that of the server:

    sqlite.db.gz      the file
    postgres.sql.gz   what pg_dump prints, as statements that any client can run
    facts.json        what opens them: keys, passwords, and the number of rows of each table
    steps.txt         the digests of the statements of every step, by which a test holds them

Ids, names and passwords are the same in every run. Times and secrets are not, so the files are made once, with the release, and
never again: with a tag of that version it refuses.
"""

import argparse
import contextlib
import gzip
import json
import os
import pathlib
import re
import secrets
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
REPOSITORY = HERE.parent.parent

# Everything in these files is made up, and opens nothing else.
ADMIN_KEY = "admin-key-of-every-released-database"
SECRET_KEY = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
PASSWORD = "Brass-kettle-27-hums"
# The password of the imported hash.
IMPORTED_PASSWORD = "tenantry-sample-1"

CORE = "urn:ietf:params:scim:schemas:core:2.0:"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"

START_SECONDS_MAX = 60

# Printed by some versions of pg_dump and not by others, or unknown to older servers.
NOISE = re.compile(r"^(--.*|\\(un)?restrict .*|SET (transaction_timeout|idle_session_timeout|default_table_access_method) = .*)\n", re.M)


class Server:
    """A server on one database, whose mails find no mail server."""

    def __init__(self, program, url, folder):
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            port = unused.getsockname()[1]
        self.variables = {name: value for name, value in os.environ.items() if not name.startswith("TENANTRY_")} | {
            "TENANTRY_DATABASE_URL": url,
            "TENANTRY_LISTEN": "127.0.0.1:0",
            "TENANTRY_ADMIN_API_KEY": ADMIN_KEY,
            "TENANTRY_SECRET_KEY": SECRET_KEY,
            "TENANTRY_PUBLIC_URL": "https://directory.example",
            "TENANTRY_SMTP_URL": f"smtp://127.0.0.1:{port}?tls=none",
        }
        self.log = open(folder / "log", "w+b")
        self.process = subprocess.Popen([program], cwd=folder, env=self.variables, stdout=subprocess.PIPE, stderr=self.log, text=True)
        watch = signal.signal(signal.SIGALRM, lambda *_: self.process.kill())
        signal.alarm(START_SECONDS_MAX)
        for line in self.process.stdout:
            if line.startswith("listening on "):
                self.address = line.removeprefix("listening on ").strip()
                break
        signal.alarm(0)
        signal.signal(signal.SIGALRM, watch)
        if not hasattr(self, "address"):
            self.log.seek(0)
            sys.exit(f"failed: the server did not start\n{self.log.read().decode()}")

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=60)

    def request(self, method, path, body, key=ADMIN_KEY, headers=None):
        asked = urllib.request.Request(f"{self.address}{path}", json.dumps(body).encode(), method=method)
        for name, value in ({"Content-Type": "application/json"} | ({"Authorization": f"Bearer {key}"} if key else {}) | (headers or {})).items():
            asked.add_header(name, value)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(asked, timeout=60) as answer:
                return answer.status, json.loads(answer.read() or "null")
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read() or "null")

    def graphql(self, document, variables=None, key=ADMIN_KEY, headers=None, refused=False):
        _, answer = self.request("POST", "/graphql", {"query": document, "variables": variables or {}}, key, headers)
        if ("errors" in answer) != refused:
            sys.exit(f"failed: {document}\n{json.dumps(answer, indent=2)}")
        return answer.get("data")

    def scim(self, method, path, body, key):
        status, answer = self.request(method, f"/scim/v2{path}", body, key)
        if status >= 300:
            sys.exit(f"failed: {method} {path}: {status} {json.dumps(answer)}")
        return answer


def fill(server):
    """Makes the directory; gives the keys that open it."""
    ask = server.graphql
    ask("""mutation {
      acme: createOrganization(data: {id: "acme", name: "Acme Ünited", seatLimit: 50, variables: {theme: {color: "blue"}}}) { id }
      globex: createOrganization(data: {id: "globex", name: "Globex"}) { id }
      berlin: createTenant(data: {id: "berlin", name: "Berlin", organizationId: "acme", variables: {theme: {size: 2}}}) { id }
      rome: createTenant(data: {id: "rome", name: "Rome", organizationId: "acme"}) { id }
    }""")
    ask("""mutation { updateOrganizationSettings(where: {id: "acme"}, data: {productName: "Acme Desk", mailLanguage: DE}) { id } }""")
    ask("""mutation {
      createResourceServer(data: {id: "https://api.example.com", name: "API", claims: {tier: {value: "gold"}}}) { id }
      createPermission(data: {name: "invoices:approve", description: "Approve invoices.", resourceServerId: "https://api.example.com"}) { name }
      accountant: createRole(data: {name: "accountant", scope: PRODUCT, permissions: ["invoices:approve"]}) { name }
      auditor: createRole(data: {name: "auditor", organizationId: "acme", permissions: ["read:audit", "read:user"]}) { name }
    }""")
    ask("""mutation($password: String!) {
      ada: createUser(data: {id: "ada", organizationId: "acme", email: "ada@acme.example", firstname: "Ada", lastname: "Lovelace",
        password: $password, organizationRole: ADMIN, userName: "Ada.Lovelace", externalId: "e-1"}) { id }
      grace: createUser(data: {id: "grace", organizationId: "acme", tenantId: "berlin", email: "Grace@Acme.example", name: "Grace Hopper",
        roles: ["user", "accountant"], tenantRoles: [{role: "tenant-admin", tenant: "berlin"}], variables: {desk: 4},
        federatedIdentities: [{identityProvider: "okta", userId: "00u1", userName: "grace"}]}) { id }
      old: createUser(data: {id: "1f2e3d4c-5b6a-4978-8897-a6b5c4d3e2f1", organizationId: "acme", email: "old@acme.example", name: "Öskar",
        passwordHash: "$2b$10$blwCX3o.jL5Mbl5XEE.lLeFnBUbJ.mPLnKNb/avitG9YaZ2BrcyRK"}) { id }
      leaver: createUser(data: {id: "leaver", organizationId: "acme", email: "leaver@acme.example", activated: false}) { id }
      robot: createUser(data: {id: "robot", organizationId: "acme", name: "Provisioning", kind: SERVICE, organizationRole: ADMIN}) { id }
      kim: createUser(data: {id: "kim", organizationId: "globex", email: "ada@acme.example", password: $password, organizationRole: ADMIN}) { id }
    }""", {"password": PASSWORD})
    # Long enough for the text search and the order by name to have something to do.
    ask("mutation($data: [CreateUserData!]!) { createUsers(data: $data) { user { id } } }",
        {"data": [{"id": f"user-{number}", "organizationId": "acme", "email": f"user{number}@acme.example", "name": f"User Number {number}"}
                  for number in range(1, 21)]})
    ask("""mutation {
      sales: createGroup(data: {name: "Sales & Support", organizationId: "acme", description: "They sell.", roles: ["user"], externalId: "g-1",
        tenantRoles: [{role: "user", tenant: "rome"}]}) { id }
      grace: addUserToGroup(where: {key: "SALES_SUPPORT", organization: {id: "acme"}}, user: {id: "grace"}) { id }
      old: addUserToGroup(where: {key: "SALES_SUPPORT", organization: {id: "acme"}}, user: {email: "old@acme.example"}) { id }
      inviteUser(data: {email: "new@acme.example", organizationId: "acme", tenantId: "berlin", roles: ["auditor"]}) { id }
    }""")
    keys = {name: ask("""mutation($data: CreateApiKeyData!, $user: UserWhere!) { createApiKey(data: $data, user: $user) { secret } }""",
                      {"data": data, "user": {"id": "robot"}}, key=ADMIN_KEY)["createApiKey"]["secret"]
            for name, data in {"robot": {"name": "provisioning"},
                               "reader": {"name": "reader", "permissions": ["read:user"], "description": "Reads."}}.items()}
    session = ask("mutation($data: SignInData!) { signIn(data: $data) { accessToken } }",
                  {"data": {"email": "ada@acme.example", "password": PASSWORD, "organizationId": "acme"}}, key=None)["signIn"]["accessToken"]
    ask("""mutation { updateSettings(updated: {language: "de", columns: ["name", "email"]}) }""", key=session)
    ask("""mutation { updateMe(data: {name: "Ada, Countess"}) { id } }""", key=session, headers={"Idempotency-Key": "one"})
    ask("""mutation { impersonateUser(where: {id: "grace"}, reason: "ticket 7") { accessToken } }""", key=session)
    ask("""mutation { createGroup(data: {name: "Directors", organizationId: "acme"}) { id } }""", key=keys["reader"], refused=True)
    ask("""mutation { requestEmailVerification(where: {id: "grace"}) { id } }""")
    ask("""mutation { resetPassword(where: {id: "ada"}) { id } }""")
    ask("""mutation { signIn(data: {email: "ada@acme.example", password: "not the password", organizationId: "acme"}) { accessToken } }""",
        key=None, refused=True)
    provision(server, keys["robot"])
    return {"adminKey": ADMIN_KEY, "secretKey": SECRET_KEY, "password": PASSWORD, "importedPassword": IMPORTED_PASSWORD} | {f"{name}Key": key for name, key in keys.items()}


def provision(server, key):
    """What an identity provider does."""
    lin = server.scim("POST", "/Users", {
        "schemas": [f"{CORE}User", ENTERPRISE], "userName": "Lin.Okafor@acme.example", "externalId": "00u7k2", "displayName": "Lin Okafor",
        "name": {"givenName": "Lin", "familyName": "Okafor", "honorificPrefix": "Dr"}, "title": "Engineer", "active": True,
        "emails": [{"value": "Lin@acme.example", "type": "work", "primary": True}, {"value": "lin@home.example", "type": "home"}],
        "phoneNumbers": [{"value": "+49 30 1234", "type": "work"}], ENTERPRISE: {"department": "R&D", "manager": {"value": "ada"}},
    }, key)["id"]
    server.scim("POST", "/Groups", {"schemas": [f"{CORE}Group"], "displayName": "Editors", "externalId": "g-2",
                                    "members": [{"value": lin}, {"value": "ada"}]}, key)
    server.scim("PATCH", f"/Users/{lin}", {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
                                           "Operations": [{"op": "Replace", "path": "title", "value": "Lead engineer"}]}, key)


# A server takes these requests from the table within milliseconds: one is put there by hand.
ASKED = """INSERT INTO password_requests (email, organization_id, request_id, created_at)
VALUES ('nobody@acme.example', 'acme', '01900000-0000-7000-8000-0000000000ff', 1796000000000000)"""


def on_sqlite(program, to):
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        file = folder / "directory.db"
        with running(program, f"sqlite://{file}", folder) as server:
            facts = fill(server)
        with contextlib.closing(sqlite3.connect(file)) as connection:
            connection.execute(ASKED)
            connection.commit()
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY 1")
            rows = {table: connection.execute(f"SELECT COUNT(*) FROM {table}").fetchone()[0] for (table,) in tables.fetchall()}
            connection.execute("VACUUM")
        pack(to / "sqlite.db.gz", file.read_bytes())
    return facts, rows


def on_postgres(program, to):
    server_url = os.environ.get("TENANTRY_TEST_POSTGRES_URL")
    if not server_url:
        sys.exit("failed: needs PostgreSQL; run this by tests/with-postgres.sh")
    name = f"tenantry_release_{secrets.token_hex(4)}"
    url = f"{server_url.rpartition('/')[0]}/{name}"
    psql(server_url, f"CREATE DATABASE {name}")
    try:
        with tempfile.TemporaryDirectory() as folder, running(program, url, pathlib.Path(folder)) as server:
            facts = fill(server)
        psql(url, ASKED)
        tables = psql(url, "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1").split()
        rows = {table: int(psql(url, f"SELECT COUNT(*) FROM {table}")) for table in tables}
        dumped = subprocess.run(["pg_dump", "--inserts", "--no-owner", "--no-privileges", "--encoding=UTF8", f"--dbname={url}"],
                                check=True, capture_output=True, text=True).stdout
        pack(to / "postgres.sql.gz", re.sub(r"\n{3,}", "\n\n", NOISE.sub("", dumped)).strip().encode() + b"\n")
    finally:
        psql(server_url, f"DROP DATABASE {name} WITH (FORCE)")
    return facts, rows


@contextlib.contextmanager
def running(program, url, folder):
    server = Server(program, url, folder)
    try:
        yield server
    finally:
        server.stop()


def psql(url, statement):
    done = subprocess.run(["psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", url, "-c", statement], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"failed: {statement}\n{done.stderr}")
    return done.stdout


def pack(path, content):
    with open(path, "wb") as file, gzip.GzipFile(filename="", mode="wb", fileobj=file, compresslevel=9, mtime=0) as packed:
        packed.write(content)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0], epilog="More at the top of this file.")
    parser.add_argument("--server", required=True, type=pathlib.Path, help="the tenantry binary")
    program = str(parser.parse_args().server.resolve())
    version = subprocess.run([program, "--version"], check=True, capture_output=True, text=True).stdout.split()[1]
    if subprocess.run(["git", "tag", "--list", f"v{version}"], cwd=REPOSITORY, capture_output=True, text=True).stdout.strip():
        sys.exit(f"failed: {version} is released; its files are never made again")
    to = HERE / version
    shutil.rmtree(to, ignore_errors=True)
    to.mkdir(parents=True)
    facts = {}
    for name, make in {"sqlite": on_sqlite, "postgres": on_postgres}.items():
        keys, rows = make(program, to)
        empty = [table for table, count in rows.items() if not count]
        if empty:
            sys.exit(f"failed: on {name}, these tables have no row: {', '.join(empty)}")
        facts[name] = keys | {"rows": rows}
    (to / "facts.json").write_text(json.dumps(facts, indent=2) + "\n")
    written = subprocess.run(["cargo", "test", "--locked", "--quiet", "--test", "it", "rules::releases::statements"], cwd=REPOSITORY,
                             env=os.environ | {"TENANTRY_TEST_RELEASE": version}, capture_output=True, text=True)
    if written.returncode != 0 or not (to / "steps.txt").exists():
        sys.exit(f"failed: the digests of the steps\n{written.stdout}{written.stderr}")
    for file in sorted(to.iterdir()):
        print(f"{file.relative_to(REPOSITORY)}: {file.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
