"""What nobody should send. Every answer is 4xx in SCIM's form and without a word of the database's, nothing changes, and the server
lives."""

import itertools
import json
import random
import re
import urllib.parse

import pytest

pytest.register_assert_rewrite("directory", "scim_wire")

from scim_wire import (  # noqa: E402
    BULK, ENTERPRISE, GROUP, PATCH_OP, SEARCH, USER, Client, House, at, op, patch, raw_exchange, refusal)

SEED = 20261128


@pytest.fixture(scope="session")
def acme():
    house = House("Hostile")
    house.one = house.user(title="T", phoneNumbers=[{"value": "1", "type": "work"}])
    house.crew = house.group(house.one)
    house.before = house.everything()
    return house


@pytest.fixture(scope="session")
def bolt():
    house = House("Hostile-bolt")
    house.one = house.user(externalId="secret-of-bolt", userName="secret-name-of-bolt")
    house.crew = house.group(house.one, displayName="Secret group of bolt")
    return house


@pytest.fixture(autouse=True)
def lives_unchanged(acme):
    """After each test the organization is as it was, and still answers."""
    yield
    before, acme.before = acme.before, acme.everything()
    assert acme.before == before


def refused(house, method, path, body=None, statuses=(400, 404, 405, 413), **more):
    answer = house.client.send(method, path, body, **more)
    assert answer.status in statuses, answer.text
    refusal(answer, answer.status, ...)
    return answer


def every_body(house):
    """Each call that takes a body, with one that would do."""
    return [("POST", "/Users", {"schemas": [USER], "userName": "hostile"}), ("PUT", at(house.one), {"schemas": [USER], "userName": "hostile"}),
            ("PATCH", at(house.one), patch(op("replace", "title", "x"))), ("POST", "/Groups", {"schemas": [GROUP], "displayName": "hostile"}),
            ("PUT", at(house.crew), {"schemas": [GROUP], "displayName": "hostile"}), ("PATCH", at(house.crew), patch(op("replace", "externalId", "x"))),
            ("POST", "/Users/.search", {"schemas": [SEARCH]}), ("POST", "/Groups/.search", {"schemas": [SEARCH]}), ("POST", "/.search", {"schemas": [SEARCH]}),
            ("POST", "/Bulk", {"schemas": [BULK], "Operations": []}), ("PUT", "/Me", {"schemas": [USER], "userName": "hostile"}),
            ("PATCH", "/Me", patch(op("replace", "title", "x")))]


# Bodies

BODIES = {
    "nothing": b"", "blank": b" ", "brace": b"{", "null": b"null", "list": b"[]", "number": b"7", "text": b'"x"', "true": b"true", "nan": b'{"schemas": NaN}',
    "infinity": b'{"schemas": Infinity}',
    "quotes": b"{'schemas': 1}", "comma": b'{"schemas": [],}', "two": b"{} {}", "after": b'{"schemas": []} x', "form": b"schemas=x", "xml": b"<x/>",
    "bom": b"\xef\xbb\xbf{}", "latin": b'{"x": "\xff"}',
    "key-latin": b'{"\xff": 1}', "overlong": b'{"x": "\xc0\x80"}', "utf-16": '{"schemas": []}'.encode("utf-16"), "utf-32": '{"schemas": []}'.encode("utf-32"),
    "nul": b"\x00", "nul-after": b"{}\x00",
    "surrogate": b'{"x": "\\ud800"}', "surrogates-swapped": b'{"x": "\\udc00\\ud800"}', "surrogate-key": b'{"\\ud800": 1}',
    "surrogate-bytes": b'{"x": "\xed\xa0\x80"}', "control": b'{"x": "a\nb"}',
    "escape": b'{"x": "\\x"}', "short-escape": b'{"x": "\\u12"}', "comment": b'{/* x */ "schemas": []}', "lists": b'{"x":' + b"[" * 9000 + b"]" * 9000 + b"}",
    "objects": b'{"x":' * 9000 + b"1" + b"}" * 9000,
    "open-lists": b"[" * 500_000, "open-objects": b'{"a":' * 100_000, "mixed": b'[{"a":' * 50_000, "101": b'{"x":' + b"[" * 101 + b"]" * 101 + b"}",
    "number-form": b'{"x": 01}', "plus": b'{"x": +1}',
    "hex": b'{"x": 0x1}', "key-twice": b'{"schemas": [], "schemas": []}', "key-in-two-cases": b'{"schemas": [], "SCHEMAS": []}', "no-key": b'{"a": 1, : 2}',
    "gzip": b"\x1f\x8b\x08\x00\x00\x00\x00\x00",
}


@pytest.mark.parametrize("body", BODIES)
def test_a_body_that_is_no_json_object(acme, body):
    for method, path, _ in every_body(acme):
        refused(acme, method, path, raw=BODIES[body], statuses=(400,))


@pytest.mark.parametrize("key", ["1e999999", "-1e999999", "1e-999999", "9" * 5000, "0." + "9" * 5000, "-0", "1E400"])
def test_numbers_that_no_machine_holds(acme, key):
    for method, path, fine in every_body(acme):
        text = json.dumps(fine)
        for name in ("title", "active", "name", "emails", "externalId", "startIndex", "count", "failOnErrors", "displayName"):
            if name in fine or (name in ("startIndex", "count")) != path.endswith(".search") or (name == "failOnErrors") != (path == "/Bulk"):
                continue
            if method == "PATCH" or (name in ("title", "active", "name", "emails") and "Groups" in path):
                continue
            if (name, key) in (("count", "-0"), ("startIndex", "-0"), ("failOnErrors", "-0")):
                continue
            answer = acme.client.send(method, path, raw=(text[:-1] + f', "{name}": {key}}}').encode())
            # A very large count may count as the largest.
            if answer.status == 200 and name in ("startIndex", "count"):
                continue
            refusal(answer, 400, ...)
    for name in ("title", "active", "name", "phoneNumbers", "password"):
        refused(acme, "PATCH", at(acme.one), raw=json.dumps(patch(op("replace", name, "NUMBER"))).replace('"NUMBER"', key).encode(), statuses=(400,))


@pytest.mark.parametrize("size", [1024 * 1024 + 1, 2 * 1024 * 1024, 5 * 1024 * 1024])
def test_a_body_that_is_too_large(acme, size):
    for method, path, fine in every_body(acme):
        if "Groups" in path and size <= 4 * 1024 * 1024:
            continue
        filler = json.dumps(fine)[:-1].encode() + b', "filler": "' + b"x" * size + b'"}'
        refused(acme, method, path, raw=filler, statuses=(413,))
        refused(acme, method, path, raw=b" " * size, statuses=(413,))


def test_a_body_of_a_group_may_be_larger(acme):
    filler = json.dumps({"schemas": [GROUP], "displayName": "", "filler": "x" * 3 * 1024 * 1024}).encode()
    refused(acme, "POST", "/Groups", raw=filler, statuses=(400,))
    members = {"schemas": [GROUP], "displayName": "hostile", "members": [{"value": f"nobody-{number}", "display": "x" * 30} for number in range(40_000)]}
    refused(acme, "POST", "/Groups", members, statuses=(400, 413))
    refused(acme, "PATCH", at(acme.crew), patch(op("add", "members", members["members"])), statuses=(400, 413))


# Types

ODD = [None, True, False, 0, -1, 1.5, 10**30, "", "x", "\0", "a\0b", "\x1f", "\u202e", "\ufffe", "\U0010ffff", "x" * 20_000, [], [[]], [[[[]]]], {}, {"": ""},
       {"value": {"value": "x"}}, [None], [True], [7], [""], ["\0"],
       [{}], [{"value": None}], [{"value": []}], [{"value": "\0"}], [{"value": {"a": 1}}], [{"type": []}], [{"primary": "x"}], [{"primary": []}], {"$ref": 7},
       {"schemas": "x"}, [{"value": "x", "VALUE": "y"}], ["x"] * 51]
ATTRIBUTES = ["userName", "externalId", "name", "displayName", "nickName", "profileUrl", "title", "userType", "preferredLanguage", "locale", "timezone",
              "active", "password", "emails", "phoneNumbers", "ims", "photos",
              "addresses", "groups", "entitlements", "roles", "x509Certificates", "schemas", "id", "meta", ENTERPRISE, "name.givenName", "emails.value",
              f"{ENTERPRISE}:manager", f"{ENTERPRISE}:department", "members",
              'emails[type eq "work"].value', 'phoneNumbers[type eq "work"]', "phoneNumbers.value", "urn:x:y", "", "\0", "é", "a.b.c", "[", "]", "x" * 5000]


@pytest.mark.parametrize("attribute", ATTRIBUTES, ids=[str(number) for number in range(1, len(ATTRIBUTES) + 1)])
def test_every_type_in_every_place(acme, attribute):
    """Whatever of it is taken must not be a server's error; users of the attempts are deleted again."""
    made = []

    def attempt(method, path, body):
        answer = acme.client.send(method, path, raw=json.dumps(body).encode())
        if answer.status >= 400:
            refusal(answer, answer.status, ...)
            assert answer.status in (400, 409)
        elif method == "POST":
            made.append(answer.json()["id"])

    scratch = acme.user(userName="hostile-scratch")
    scratch_group = acme.group(displayName="hostile-scratch")
    for number, value in enumerate(ODD):
        attempt("POST", "/Users", {"schemas": [USER], "userName": f"hostile-{number}", attribute: value})
        attempt("PUT", at(scratch), {"schemas": [USER], "userName": "hostile-scratch", attribute: value})
        attempt("PUT", at(scratch_group), {"schemas": [GROUP], "displayName": "hostile-scratch", attribute: value})
        for path in (at(scratch), at(scratch_group)):
            attempt("PATCH", path, patch(op(["add", "replace", "remove"][number % 3], attribute, value)))
        attempt("PATCH", at(scratch), patch(op("replace", None, {attribute: value})))
        attempt("PATCH", at(scratch_group), patch(op("replace", None, {attribute: value})))
    for path in [at(scratch), at(scratch_group), *map(at, made)]:
        acme.client.get(path)
        acme.client.delete(path)
    found, _ = acme.everything()
    assert found == acme.before[0]
    acme.before = acme.everything()


MESSAGE_KEYS = {"PATCH": ["schemas", "Operations"], "SEARCH": ["schemas", "attributes", "excludedAttributes", "filter", "sortBy", "sortOrder", "startIndex",
                                                               "count", "cursor"],
                "BULK": ["schemas", "Operations", "failOnErrors"]}


@pytest.mark.parametrize("kind", MESSAGE_KEYS)
def test_every_type_in_every_message(acme, kind):
    paths = {"PATCH": [at(acme.one), at(acme.crew)], "SEARCH": ["/.search", "/Users/.search", "/Groups/.search"], "BULK": ["/Bulk"]}[kind]
    fine = {"PATCH": patch(), "SEARCH": {"schemas": [SEARCH]}, "BULK": {"schemas": [BULK], "Operations": []}}[kind]
    for path, key, value in itertools.product(paths, MESSAGE_KEYS[kind], ODD):
        answer = acme.client.send("PATCH" if kind == "PATCH" else "POST", path, raw=json.dumps(fine | {key: value}).encode())
        if answer.status != 204 and answer.status != 200:
            refusal(answer, 400, ...)
    if kind == "BULK":
        for key, value in itertools.product(["method", "path", "bulkId", "version", "data"], ODD):
            answer = acme.client.send("POST", "/Bulk", raw=json.dumps({"schemas": [BULK], "Operations": [{"method": "PATCH", "path": at(acme.one),
                "data": patch(), key: value}]}).encode())
            if answer.status != 200:
                refusal(answer, 400, ...)
    if kind == "PATCH":
        for path, key, value in itertools.product(paths, ["op", "path"], ODD):
            if (key, value) != ("path", None):
                refused(acme, "PATCH", path, raw=json.dumps(patch({"op": "replace", "path": "id", "value": "x", key: value})).encode(), statuses=(400,))


# Filters and paths

DEEP = {
    "parentheses": "(" * 2000 + "userName pr" + ")" * 2000, "open": "(" * 8000, "closed": ")" * 8000, "not": "not (" * 1500 + "userName pr" + ")" * 1500,
    "not-open": "not (" * 1600, "brackets": "emails[" * 1000,
    "nested": "emails[" * 200 + 'type eq "x"' + "]" * 200, "and": " and ".join(["userName pr"] * 500), "or": " or ".join(["userName pr"] * 500),
    "alternating": " and ".join(['userName eq "x" or userName eq "y"'] * 150),
    "long-name": "x" * 8000 + " pr", "dots": "name" + ".givenName" * 700 + " pr", "long-text": 'userName eq "' + "x" * 9000 + '"',
    "escapes": 'userName eq "' + "\\u0041" * 1400 + '"', "backslashes": 'userName eq "' + "\\" * 4001 + '"',
    "list": "userName eq [" + "[" * 3000, "object": 'userName eq {"a":' * 500, "blanks": " " * 9000, "colons": ":" * 5000 + " pr",
    "urn": "urn:" * 1500 + "userName pr", "unicode": "ü" * 4000 + " pr", "large": "x" * 60_000,
    "quotes": '"' * 5000, "operators": "eq " * 2000, "number": "userName eq " + "9" * 5000, "exponent": "userName eq 1e" + "9" * 3000,
}


@pytest.mark.parametrize("filter", DEEP)
def test_filters_that_are_too_much(acme, filter):
    for path in ["/Users", "/Groups", ""]:
        # A head of this size may be refused as such.
        if len(DEEP[filter]) < 20_000 and filter != "blanks":
            refused(acme, "GET", path, filter=DEEP[filter], statuses=(400, 414, 431))
        answer = acme.client.send("POST", f"{path}/.search", {"schemas": [SEARCH], "filter": DEEP[filter]})
        if answer.status != 200 or filter != "blanks":
            refusal(answer, 400, "invalidFilter")
    for name in ("add", "replace", "remove"):
        refused(acme, "PATCH", at(acme.one), patch(op(name, f"phoneNumbers[{DEEP[filter]}].value", "x")), statuses=(400,))
        refused(acme, "PATCH", at(acme.one), patch(op(name, DEEP[filter], "x")), statuses=(400,))
        refused(acme, "PATCH", at(acme.crew), patch(op(name, f"members[{DEEP[filter]}]", "x")), statuses=(400,))


INJECTIONS = ["' or 1=1 --", "'; drop table users; --", '" or "1"="1', "\\", "\\\\", "%' or '1'='1", "$1", "?1", ":x", "{{7*7}}", "${jndi:ldap://x}",
              "../../etc/passwd", "\r\nX-Injected: 1", "<script>", "1;select pg_sleep(9)",
              "x' union select 1 --", "\U0001f600", "\u202e", "ﬀ", "İ", "ẞ", "\u0345", "a\u0300" * 100]


@pytest.mark.parametrize("text", INJECTIONS, ids=[str(number) for number in range(1, len(INJECTIONS) + 1)])
def test_texts_mean_themselves(acme, text):
    quoted = json.dumps(text)
    for attribute, name in itertools.product(["userName", "externalId", "title", "displayName", "emails", "emails.type", "name.givenName",
                                              f"{ENTERPRISE}:department", "id", "groups"], ["eq", "co", "sw", "ew", "gt"]):
        found = acme.client.get("/Users", filter=f"{attribute} {name} {quoted}")["Resources"]
        if name != "gt":
            assert found == []
    for attribute in ["displayName", "externalId", "members", "id"]:
        assert acme.client.get("/Groups", filter=f"{attribute} eq {quoted}")["Resources"] == []
    for path in ["sortBy", "cursor"]:
        refused(acme, "GET", "/Users", statuses=(400,), **{path: text})
    acme.client.get("/Users", attributes=text)
    for kind in ("Users", "Groups"):
        refused(acme, "GET", f"/{kind}/{urllib.parse.quote(text, safe='')}", statuses=(404,))


def test_random_filters_and_paths(acme):
    """Pieces of filters in a random order, from a fixed seed."""
    random_pieces = random.Random(SEED)
    pieces = ["userName", "emails", "name.givenName", "members", "meta.created", "active", "eq", "ne", "co", "pr", "gt", "and", "or", "not", "(", ")", "[", "]",
              ".value", ".type", '"x"', '"\\u0000"', '"', "7", "true", "null", " ", "\\",
              ENTERPRISE, ":", "é", '"2026-01-01T00:00:00Z"', "-", "{", "}", "\t", "\n", "\0"]
    for _ in range(400):
        text = random_pieces.choice(["", " "]).join(random_pieces.choices(pieces, k=random_pieces.randint(1, 12)))
        answer = acme.client.send("GET", random_pieces.choice(["/Users", "/Groups", ""]), filter=text)
        if answer.status != 200:
            refusal(answer, 400, "invalidFilter")
        answer = acme.client.send("PATCH", random_pieces.choice([at(acme.one), at(acme.crew)]),
                                  patch(op(random_pieces.choice(["replace", "add", "remove"]), text, {"x": "y"}), op("replace", "id", "x")))
        refusal(answer, 400, ...)


# Ids, of nobody and of other organizations

IDS = ["%00", "%0a", "%ff%fe", "%c0%80", "%ed%a0%80", "x" * 256, "x" * 2000, "..", "%2e%2e", "..%2f..%2fetc", ".", "%2F", "%5C", "%25", "%252F", "nil", "null",
       "undefined", "0", "-1", "1e9", "'", "%22", "%27%20or%201=1", "*", "%2A", "true",
       "00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff", "bulkId:x", ".search", "Me", "%F0%9F%98%80", "a%20b", "+", ";", "%3B",
       "%3F", "%23"]


@pytest.mark.parametrize("odd", IDS)
def test_odd_ids(acme, odd):
    for kind, method in itertools.product(("Users", "Groups", "ResourceTypes", "Schemas"), ("GET", "DELETE", "PUT", "PATCH")):
        if kind in ("ResourceTypes", "Schemas") and method != "GET":
            continue
        body = {"PUT": {"schemas": [USER, GROUP], "userName": "hostile", "displayName": "hostile"}, "PATCH": patch()}.get(method)
        refused(acme, method, f"/{kind}/{odd}", body, statuses=(404, 405) if odd in (".search", ".", "..", "%2e%2e") else (404,))


def test_ids_of_another_organization(acme, bolt):
    """Every id in every place: as unknown as one that never was, and not a word of what is there."""
    before = bolt.everything()
    said = []

    def say(answer):
        said.append(answer.text.replace(bolt.one["id"], "ID").replace(bolt.crew["id"], "ID").replace(UNKNOWN, "ID"))
        return answer

    for user, group in [(bolt.one["id"], bolt.crew["id"]), (UNKNOWN, UNKNOWN)]:
        said.append("--")
        for path in [f"/Users/{user}", f"/Groups/{group}"]:
            fine = {"schemas": [USER, GROUP], "userName": "hostile", "displayName": "hostile"}
            for method, body in [("GET", None), ("PUT", fine), ("PATCH", patch()), ("PATCH", patch(op("replace", "externalId", "x"))), ("DELETE", None)]:
                say(refused(acme, method, path, body, statuses=(404,)))
                refused(acme, method, path, body, statuses=(404,), headers={"If-Match": "*", "If-None-Match": bolt.one["meta"]["version"]})
        for change in ["add", "replace"]:
            say(refused(acme, "PATCH", at(acme.crew), patch(op(change, "members", [{"value": user}])), statuses=(400,)))
            say(refused(acme, "PATCH", at(acme.crew), patch(op(change, None, {"members": [{"value": acme.one["id"]}, {"value": user}]})), statuses=(400,)))
        say(refused(acme, "POST", "/Groups", {"schemas": [GROUP], "displayName": "hostile", "members": [{"value": user}]}, statuses=(400,)))
        say(refused(acme, "PUT", at(acme.crew), {"schemas": [GROUP], "displayName": "hostile", "members": [{"value": user}]}, statuses=(400,)))
        say(refused(acme, "PATCH", at(acme.crew), patch(op("add", "members", [{"value": group}])), statuses=(400,)))
        acme.client.patch(at(acme.crew), op("remove", "members", [{"value": user}]))
        acme.client.patch(at(acme.crew), op("remove", f'members[value eq "{user}"]'))
        for path, filter in [("/Users", f'id eq "{user}"'), ("/Users", f'groups eq "{group}"'), ("/Groups", f'id eq "{group}"'),
                             ("/Groups", f'members eq "{user}"'), ("/Users", f'manager eq "{user}"'),
                             ("/Users", 'externalId eq "secret-of-bolt"'), ("/Users", 'userName eq "secret-name-of-bolt"'),
                             ("/Groups", 'displayName co "Secret"'), ("", f'id eq "{user}"')]:
            assert acme.client.found(path, filter) == []
        # The manager may be any text, and nothing is shown of somebody else's.
        answer = acme.client.ok("POST", "/Bulk", {"schemas": [BULK], "Operations": [
            {"method": "POST", "path": "/Users", "bulkId": "a", "data": {"schemas": [USER], "userName": "hostile", ENTERPRISE: {"manager": {"value": user}}}},
            {"method": "DELETE", "path": f"/Users/{user}"}, {"method": "PATCH", "path": f"/Groups/{group}", "data": patch()},
            {"method": "PUT", "path": f"/Users/{user}", "data": {"schemas": [USER], "userName": "h"}}]})
        assert [each["status"] for each in answer["Operations"]] == ["201", "404", "404", "404"]
        made = acme.client.get(answer["Operations"][0]["location"].removeprefix(acme.base))
        assert made[ENTERPRISE] == {"manager": {"value": user}}
        acme.client.delete(at(made))
    middle = said.index("--", 1)
    assert said[1:middle] == said[middle + 1:]
    assert "secret" not in "".join(said).lower()
    for key in ("x-tenantry-organization", "x-organization-id"):
        assert acme.client.get("/Users", headers={key: bolt.organization.id}) == acme.client.get("/Users")
    refused(acme, "GET", "/Me", statuses=(401, 404), headers={"x-tenantry-impersonate-user": bolt.service.id})
    assert bolt.everything() == before
    assert acme.everything()[0] == acme.before[0]
    acme.before = acme.everything()


UNKNOWN = "00000000-0000-7000-8000-000000000000"


def test_names_and_addresses_of_another_organization_do_not_matter(acme, bolt):
    made = acme.user(userName=bolt.one["userName"], externalId=bolt.one["externalId"])
    group = acme.group(displayName=bolt.crew["displayName"])
    for each in (made, group):
        acme.client.delete(at(each))
    assert acme.everything()[0] == acme.before[0]
    acme.before = acme.everything()


# Heads


@pytest.mark.parametrize("method", ["OPTIONS", "TRACE", "CONNECT-X", "PROPFIND", "get", "Post", "X" * 100])
def test_odd_methods(acme, method):
    for path in ["/Users", at(acme.one), "/Groups", "/Me", "/Bulk", "/.search", "/Schemas", ""]:
        refused(acme, method, path, statuses=(405,))


@pytest.mark.parametrize("headers", [
    {"If-Match": "x" * 3000}, {"If-Match": ""}, {"If-Match": '"'}, {"If-Match": 'W/"99999999999999999999999"'}, {"If-Match": "\xff"}, {"If-Match": 'W/"-1"'}])
def test_odd_conditions(acme, headers):
    for path in [at(acme.one), at(acme.crew)]:
        refused(acme, "PATCH", path, patch(op("replace", "externalId", "x")), statuses=(400, 412), headers=headers)
        assert acme.client.send("GET", path, headers={"If-None-Match": headers["If-Match"]}).status == 200


@pytest.mark.parametrize("headers", [{"Accept": "x" * 3000}, {"Accept": "\xff"}, {"Accept": ",,,;;q=x"}, {"Content-Type": "\xff"}, {"Content-Type": "x" * 3000},
                                     {"Content-Encoding": "gzip"}, {"User-Agent": "\xff" * 200},
                                     {"X-Forwarded-Host": "evil.example"}, {"Host": "evil.example"}, {"X-HTTP-Method-Override": "DELETE"},
                                     {"Expect": "nonsense"}])
def test_odd_heads(acme, headers):
    answer = acme.client.send("GET", at(acme.one), headers=headers)
    assert "evil" not in answer.text and answer.status < 500
    if answer.status == 200:
        assert answer.json() == acme.client.get(at(acme.one))


def test_a_head_that_is_too_large(acme):
    for headers in [{"X-Large": "x" * 200_000}, {f"X-{number}": "x" * 40 for number in range(2000)}]:
        answer = acme.client.send("GET", "/Users", headers=headers)
        assert 400 <= answer.status < 500
        if answer.headers["Content-Type"]:
            refusal(answer, 431, None)


@pytest.mark.parametrize("credential", ["Bearer " + "x" * 5000, "Bearer \xff", "Bearer a b", "bearer", "Bearer ..", "Bearer eyJhbGciOiJub25lIn0.e30.",
                                        "X-API-Key: x", "Basic Og==", "Digest x", "Negotiate x"])
def test_odd_credentials(acme, credential):
    for method, path, body in [("GET", "/Users", None), ("POST", "/Bulk", {"schemas": [BULK], "Operations": []}), ("GET", "/Schemas", None),
                               ("GET", "/Me", None)]:
        refusal(Client().send(method, path, body, headers={"Authorization": credential}), 401, None)


RAW = {
    "no-length": b"POST /scim/v2/Users HTTP/1.1\r\nHost: x\r\n\r\n{}", "short": b"POST /scim/v2/Users HTTP/1.1\r\nHost: x\r\nContent-Length: 500\r\n\r\n{}",
    "two-lengths": b"POST /scim/v2/Users HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}x",
    "bad-length": b"POST /scim/v2/Users HTTP/1.1\r\nHost: x\r\nContent-Length: x\r\n\r\n{}",
    "huge-length": b"POST /scim/v2/Users HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n{}",
    "chunks": b"POST /scim/v2/Users HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
    "both": b"POST /scim/v2/Users HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /scim/v2/Me HTTP/1.1\r\n\r\n",
    "space": b"GET /scim/v2/Users?filter=a b HTTP/1.1\r\nHost: x\r\n\r\n",
    "control": b"GET /scim/v2/Us\x01ers HTTP/1.1\r\nHost: x\r\n\r\n", "latin": b"GET /scim/v2/Users/\xff HTTP/1.1\r\nHost: x\r\n\r\n",
    "old": b"GET /scim/v2/Users HTTP/0.9\r\n\r\n", "garbage": b"\x16\x03\x01\x02\x00\x01\x00" * 20,
    "absolute": b"GET http://evil.example/scim/v2/Schemas HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n",
    "no-host": b"GET /scim/v2/Users HTTP/1.1\r\n\r\n", "long": b"GET /scim/v2/Users?filter=" + b"x" * 300_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
}


@pytest.mark.parametrize("raw", RAW)
def test_raw_bytes(acme, raw):
    answer = raw_exchange(RAW[raw])
    # There may be no answer at all. What comes is no server's error, and never names the request's host.
    assert not re.match(r"HTTP/1\.[01] 5", answer)
    assert "evil.example" not in answer


def test_many_parameters(acme):
    refused(acme, "GET", "/Users?" + "&".join(f"filter{number}=x" for number in range(2000)) + "&count=x", statuses=(400, 414, 431))
    twice = acme.client.send("GET", "/Users?count=1&count=2&filter=title+pr&filter=x&startIndex=1&startIndex=x")
    if twice.status != 200:
        refusal(twice, 400, ...)
    for query in ["attributes=" + "x," * 3000, "attributes=" + "." * 3000, "attributes=%00", "attributes=" + urllib.parse.quote("emails[type eq"),
                  "excludedAttributes=" + "urn:" * 1000, "%ff=%ff", "filter=%ff", "filter=%", "filter=%zz", "&&&&=&=&"]:
        answer = acme.client.send("GET", f"/Users?{query}")
        if answer.status != 200:
            refusal(answer, answer.status, ...)
            assert answer.status in (400, 414, 431)


def test_a_patch_of_many_odd_operations(acme):
    operations = [op("add", f'phoneNumbers[type eq "{number}"].value', "x") for number in range(60)]
    refused(acme, "PATCH", at(acme.one), patch(*operations), statuses=(400,))
    refused(acme, "PATCH", at(acme.one), patch(*[op("add", "addresses", [{"formatted": "x" * 2000, "locality": str(number)}]) for number in range(45)]),
            statuses=(400,))
    refused(acme, "PATCH", at(acme.one), {"schemas": [PATCH_OP] * 5000, "Operations": [op("replace", "id", "x")]}, statuses=(400,))
