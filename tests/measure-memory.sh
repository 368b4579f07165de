#!/bin/sh
# Measures how much memory a server takes beyond what it takes when idle, under storms of the worst documents that it accepts, or nearly
# accepts, from several callers at once. Each storm meets a server that was just started.
#
#   tests/measure-memory.sh SERVER_BINARY [DATABASE_URL]
#
# The database is a new SQLite file, or an empty one that is named. The target, for a release build: 128 MiB. Exits non-zero when it
# is missed.
set -eu

server=$(realpath "${1:?usage: measure-memory.sh SERVER_BINARY [DATABASE_URL]}")
exec python3 - "$server" "${2:-}" <<'PYTHON'
import concurrent.futures, http.client, json, os, pathlib, subprocess, sys, tempfile, time

CALLERS, CONNECTIONS, ROUNDS = 8, 6, 3
TARGET = 128
key = "measuring-key-0123456789"
server, url = sys.argv[1:]
folder = tempfile.TemporaryDirectory()
environment = {**os.environ, "TENANTRY_DATABASE_URL": url or f"sqlite://{folder.name}/t.db",
               "TENANTRY_LISTEN": "127.0.0.1:0", "TENANTRY_ADMIN_API_KEY": key, "TENANTRY_SECRET_KEY": "01" * 32}


def send(body, credential=key):
    connection = http.client.HTTPConnection(address, timeout=120)
    connection.request("POST", "/graphql", body, {"Content-Type": "application/json", "Authorization": f"Bearer {credential}"})
    answer = connection.getresponse()
    size, head = 0, b""
    while part := answer.read(1 << 20):
        size += len(part)
        head = head or part[:300]
    connection.close()
    return size, head


def ok(query, credential=key, **variables):
    size, head = send(json.dumps({"query": query, "variables": variables}), credential)
    assert b'"errors"' not in head, (query, head)


def ask(query, credential=key, **variables):
    connection = http.client.HTTPConnection(address, timeout=120)
    connection.request("POST", "/graphql", json.dumps({"query": query, "variables": variables}),
                       {"Content-Type": "application/json", "Authorization": f"Bearer {credential}"})
    answer = json.loads(connection.getresponse().read())
    assert "errors" not in answer, (query, answer)
    return answer["data"]


def memory(field):
    status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith(field)).split()[1]) / 1024


def times(count, prefix, field):
    return " ".join(f"{prefix}{n}: {field}" for n in range(count))


def fill():
    """An organization with as much in it as things may hold, and callers with settings. Gives the callers' keys."""
    variables = {"v": "x" * 60_000}
    ok('mutation { createOrganization(data: {id: "acme", name: "Acme"}) { id } }')
    ok('mutation($v: JSON) { updateOrganization(where: {id: "acme"}, data: {variables: $v}) { id } }', v=variables)
    keys = []
    for number in range(200):
        data = {"id": f"user-{number}", "organizationId": "acme", "variables": variables, "name": "n" * 250,
                "roles": ["organization-admin"] if number < CALLERS else []}
        ok("mutation($data: CreateUserData!) { createUser(data: $data) { id } }", data=data)
    for number in range(CALLERS):
        made = ask('mutation { createApiKey(data: {name: "storm"}) { secret } }', key_of(number))
        keys.append(made["createApiKey"]["secret"])
        ok("mutation($s: JSON) { updateSettings(updated: $s) }", keys[-1], s={f"k{n}": "s" * 60_000 for n in range(8)})
    return keys


def key_of(number):
    """An access token of a user, by impersonation."""
    made = ask('mutation($id: ID!) { impersonateUser(where: {id: $id}, reason: "measuring") { accessToken } }', id=f"user-{number}")
    return made["impersonateUser"]["accessToken"]


def storms():
    """By name, bodies of requests."""
    def query(text, **variables):
        return json.dumps({"query": text, "variables": variables})
    scalars = ["id", "name", "email", "firstname", "lastname", "activated", "organizationId", "tenantId", "version", "createdAt", "updatedAt"]
    many = " ".join(f"{'l' * 240}{field}{n}: {field}" for field in scalars for n in range(15))
    yield "settings under 15 x 15 names", query("{ %s }" % times(15, "a", "me { %s }" % times(15, "b", "settings")))
    yield "settings, as often as they fit", query("{ %s }" % times(2, "a", "me { %s }" % times(15, "b", "settings")))
    yield "variables of pages of 100", query("{ %s }" % times(15, "a", "users { %s }" % times(15, "b", "variables")))
    yield "variables of one page of 100", query("{ users { variables } }")
    yield "variables through connections", query("{ %s }" % times(15, "a", "usersConnection { nodes { variables organization { variables } } }"))
    yield "long names on pages of 100", query("{ %s }" % times(4, "a", "users { %s }" % many))
    yield "long names below the organization", query("{ me { organization { %s } } }" % times(4, "a", "users { %s }" % many))
    yield "roles and permissions of pages", query("{ %s }" % times(15, "a", "users { roles { permissions } permissions viewerCan { __typename } }"))
    yield "users of organizations of users", query("{ %s }" % times(10, "a", "users { organization { users(first: 20) { id name variables } } }"))
    yield "introspection", query("{ __schema { types { name description fields { name description args { name description } type { name } } } } }")
    yield "variables of many values", query("query($v: UserWhere) { users(where: $v) { id } }", v={"idIn": ["x" * 2] * 74_000})
    yield "a tree of a megabyte", '{"query": "{ me { id } }", "variables": {"v": [%s]}}' % ",".join(["0"] * 74_000)
    yield "filters", query("{ %s }" % times(12, "a", "users(where: {OR: [%s]}) { id }" % " ".join('{nameContains: "z%d"}' % n for n in range(150))))
    yield "a document of many fields", query("{ %s }" % " ".join("me { %s }" % times(15, "b%d_" % n, "id") for n in range(60)))
    yield "documents that are no GraphQL", query("{ %s" % ("a " * 9_000))


def start():
    global process, address
    process = subprocess.Popen([server, "serve"], env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    address = next(line for line in process.stdout if line.startswith("listening on ")).split("//")[1].strip()


def stop():
    process.terminate()
    process.wait()


def storm(name, body, keys):
    """What one storm takes of a server that has just been started."""
    start()
    try:
        for one in keys:
            ok("{ me { id } }", one)
        time.sleep(1)
        idle = memory("VmRSS")
        with concurrent.futures.ThreadPoolExecutor(CALLERS * CONNECTIONS) as pool:
            answers = list(pool.map(lambda one: send(body, one), keys * CONNECTIONS * ROUNDS))
        above = memory("VmHWM") - idle
    finally:
        stop()
    refused = [head.split(b'"code":"')[1].split(b'"')[0].decode() for _, head in answers if b'"code"' in head]
    codes = ", ".join(f"{refused.count(code)} {code}" for code in sorted(set(refused)))
    largest = max(size for size, _ in answers) / 1024 / 1024
    print(f"{name}: {above:.0f} MiB above {idle:.0f}; {len(answers)} answers, the largest of {largest:.1f} MiB; {codes}", flush=True)
    return above


start()
try:
    keys = fill()
finally:
    stop()
peak = max(storm(name, body, keys) for name, body in storms())
print(f"peak: {peak:.0f} MiB above idle (target {TARGET})")
sys.exit(0 if peak <= TARGET else 1)
PYTHON
