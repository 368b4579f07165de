"""What the SCIM clients share: an organization with the key of a service user, requests as odd as they need to be, and the comparing
of whole resources.

A test says what it expects as the resource without `id` and `meta`: these two are checked for their form wherever a resource
comes by.
"""

import contextlib
import dataclasses
import http.client
import itertools
import json
import re
import socket
import urllib.parse

import directory

USER = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
PATCH_OP = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
LIST = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
ERROR = "urn:ietf:params:scim:api:messages:2.0:Error"
SEARCH = "urn:ietf:params:scim:api:messages:2.0:SearchRequest"
BULK = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"
BULK_RESPONSE = "urn:ietf:params:scim:api:messages:2.0:BulkResponse"

MEDIA_TYPE = "application/scim+json"
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")
VERSION = re.compile(r'W/"\d+(\.[0-9A-Za-z_-]+)?"')
DATABASE_TEXT = re.compile(r"sqlite|postgres|sqlx|sea.?orm|panicked|\bselect .* from |\binsert into |constraint failed|duplicate key value|::jsonb|src/\w+",
                           re.IGNORECASE)
SECONDS_MAX = 60

_address = urllib.parse.urlsplit(directory.URL)
_numbers = itertools.count(1)


@dataclasses.dataclass
class Answer:
    status: int
    headers: http.client.HTTPMessage
    text: str

    def json(self):
        return json.loads(self.text)


class Client:
    """Somebody with a key, or without."""

    def __init__(self, key=None, **headers):
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}
        if key is not None:
            self.headers["Authorization"] = f"Bearer {key}"

    def send(self, method, path, body=None, raw=None, headers=None, top="/scim/v2", **query):
        """One request over a connection of its own, its path below `/scim/v2` as it is written; `query` is encoded."""
        if query:
            path += ("&" if "?" in path else "?") + urllib.parse.urlencode(query)
        data = raw if body is None else json.dumps(body).encode()
        connection = http.client.HTTPConnection(_address.hostname, _address.port, timeout=SECONDS_MAX)
        try:
            sent = {"Accept": MEDIA_TYPE, **({"Content-Type": MEDIA_TYPE} if data is not None else {}), **self.headers, **(headers or {})}
            connection.putrequest(method, top + path, skip_accept_encoding=True, skip_host="Host" in sent)
            if data is not None or method in ("POST", "PUT", "PATCH"):
                sent.setdefault("Content-Length", str(len(data or b"")))
            for name, value in sent.items():
                if value is not None:
                    connection.putheader(name, value)
            # A server may answer before it has read all.
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                connection.endheaders(data)
            response = connection.getresponse()
            answer = Answer(response.status, response.headers, response.read().decode())
        finally:
            connection.close()
        shown = data if data is None or len(data) < 1500 else data[:1500] + b"..."
        print(f"> {method} {top}{path[:1500]} {shown}\n< {answer.status} {answer.text[:1500]}")
        assert answer.status < 500 or (answer.status, method, path) == (501, "POST", "/Me"), answer
        return answer

    def ok(self, method, path, body=None, status=200, **more):
        """The answer of a call that succeeds, of which whatever holds of every answer is checked."""
        answer = self.send(method, path, body, **more)
        assert answer.status == status, answer.text
        return checked(answer)

    def get(self, path, **more):
        return self.ok("GET", path, **more)

    def post(self, path, body, **more):
        made = self.ok("POST", path, body, 201, **more)
        assert made
        return made

    def put(self, path, body, **more):
        return self.ok("PUT", path, body, **more)

    def patch(self, path, *operations, status=None, **more):
        """A PATCH; it answers 200 with a user, 204 without a group."""
        return self.ok("PATCH", path, patch(*operations), status or (204 if path.startswith("/Groups") else 200), **more)

    def delete(self, path, **more):
        assert self.ok("DELETE", path, status=204, **more) is None

    def refused(self, status, scim_type, method, path, body=None, **more):
        """The sentence of a refusal, whose form is always the same."""
        answer = self.send(method, path, body, **more)
        return refusal(answer, status, scim_type)

    def found(self, path, filter=None, **query):
        """The resources that a filter finds, which are few."""
        if filter is not None:
            query["filter"] = filter
        answer = self.get(path, **query)
        assert sorted(answer) == ["Resources", "itemsPerPage", "schemas", "startIndex", "totalResults"]
        assert answer["schemas"] == [LIST]
        assert (answer["totalResults"], answer["itemsPerPage"], answer["startIndex"]) == (len(answer["Resources"]), len(answer["Resources"]), 1)
        return answer["Resources"]


def refusal(answer, status, scim_type):
    """Checks a refusal. `scim_type` is None if there must not be one, and `...` if any will do."""
    assert answer.status == status, answer.text
    assert answer.headers["Content-Type"] == MEDIA_TYPE
    body = answer.json()
    assert body["schemas"] == [ERROR] and body["status"] == str(status)
    assert set(body) <= {"schemas", "scimType", "detail", "status"}
    if scim_type is not ...:
        assert body.get("scimType") == scim_type, body
    assert isinstance(body["detail"], str) and len(body["detail"]) > 10
    assert not DATABASE_TEXT.search(body["detail"]), body
    assert (answer.headers["WWW-Authenticate"] is not None) == (status == 401)
    return body["detail"]


def checked(answer, media_type=MEDIA_TYPE):
    """The body of an answer, None if it must have none; with what holds of all of them."""
    if answer.status in (204, 304):
        assert answer.text == ""
        return None
    assert answer.headers["Content-Type"] == media_type
    body = answer.json()
    assert not has_null(body), body
    version = body.get("meta", {}).get("version")
    if version is not None:
        assert answer.headers["ETag"] == version
    if answer.status == 201:
        assert answer.headers["Location"] == body["meta"]["location"]
    return body


def has_null(value):
    if isinstance(value, dict):
        return any(map(has_null, value.values()))
    return any(map(has_null, value)) if isinstance(value, list) else value is None


def patch(*operations):
    return {"schemas": [PATCH_OP], "Operations": list(operations)}


def op(name, path=None, *value):
    """An operation; without a path it is left out, and the value too."""
    return {"op": name, **({"path": path} if path is not None else {}), **({"value": value[0]} if value else {})}


def at(resource, top=None):
    """The path of a resource, or of a user of that id."""
    if isinstance(resource, str):
        return f"/{top or 'Users'}/{urllib.parse.quote(resource, safe='-._~')}"
    return f"/{top or resource['meta']['resourceType'] + 's'}/{urllib.parse.quote(resource['id'], safe='-._~')}"


def version_of(resource):
    """The version of the row alone, without what stands for memberships."""
    return re.fullmatch(r'W/"(\d+)(\.[^"]*)?"', resource["meta"]["version"])[1]


def without(resource, *names):
    return {name: value for name, value in resource.items() if name not in names}


class House:
    """An organization of its own, with a service user that administers it and the key of that."""

    def __init__(self, word, **organization):
        self.organization = directory.organization(word)
        if organization:
            directory.graphql("mutation($id: ID!, $data: UpdateOrganizationData!) { updateOrganization(where: {id: $id}, data: $data) { id } }",
                              {"id": self.organization.id, "data": organization})
        self.service = directory.person(self.organization, "scim", None, kind="SERVICE", roles=["organization-admin"])
        self.key = self.service.key()
        self.client = Client(self.key)
        location = self.client.get("/ServiceProviderConfig")["meta"]["location"]
        self.base = location.removesuffix("/ServiceProviderConfig")
        assert self.base.endswith("/scim/v2") and self.base != location

    def person(self, word="eve", role="USER", **data):
        """A user made over GraphQL, and so with a role."""
        return directory.person(self.organization, word, role, **data)

    def user(self, **attributes):
        """A new user, whose name is no address if none is given."""
        attributes.setdefault("userName", f"user-{next(_numbers)}")
        return self.client.post("/Users", {"schemas": [USER], **attributes})

    def group(self, *members, **attributes):
        attributes.setdefault("displayName", f"Group {next(_numbers)}")
        return self.client.post("/Groups", {"schemas": [GROUP], **attributes, "members": [{"value": each["id"]} for each in members]})

    def users(self, number, **attributes):
        """Many new users at once; their ids."""
        ids = []
        while len(ids) < number:
            operations = []
            for _ in range(min(100, number - len(ids))):
                one = next(_numbers)
                operations.append({"method": "POST", "path": "/Users", "bulkId": f"b{one}",
                                   "data": {"schemas": [USER], "userName": f"crowd-{one}", **attributes}})
            done = self.client.ok("POST", "/Bulk", {"schemas": [BULK], "Operations": operations})["Operations"]
            assert [each["status"] for each in done] == ["201"] * len(operations)
            ids += [each["location"].rsplit("/", 1)[1] for each in done]
        return ids

    def same(self, resource, expected):
        """The resource, asked for by its id, is `expected`, and has the id and `meta` that it should have; gives it whole."""
        there = self.client.get(at(resource))
        self.is_whole(there, expected)
        assert there["id"] == resource["id"] and there["meta"]["created"] == resource["meta"]["created"]
        return there

    def is_whole(self, resource, expected):
        kind = "Group" if GROUP in resource["schemas"] else "User"
        assert without(resource, "id", "meta") == expected
        meta = resource["meta"]
        assert sorted(meta) == ["created", "lastModified", "location", "resourceType", "version"]
        assert meta["resourceType"] == kind and meta["location"] == f"{self.base}/{kind}s/{urllib.parse.quote(resource['id'], safe='-._~')}"
        assert TIME.fullmatch(meta["created"]) and TIME.fullmatch(meta["lastModified"]) and meta["created"] <= meta["lastModified"]
        assert VERSION.fullmatch(meta["version"])

    def member(self, user):
        """How a user stands in the list of a group's members."""
        return {"value": user["id"], "$ref": f"{self.base}{at(user)}", "type": "User",
                **({"display": user["displayName"]} if "displayName" in user else {})}

    def membership(self, group):
        """How a group stands in the list of a user's groups."""
        return {"value": group["id"], "$ref": f"{self.base}{at(group)}", "display": group["displayName"], "type": "direct"}

    def members(self, group):
        """The ids of a group's members."""
        ids = [each["value"] for each in self.client.get(at(group))["members"]]
        assert len(ids) == len(set(ids))
        return set(ids)

    def everything(self):
        """All of the organization that a call could change, versions and times included, and how many events its trail has."""
        found = []
        for path in ("/Users", "/Groups"):
            cursor = ""
            while cursor is not None:
                page = self.client.get(path, cursor=cursor, count=1000)
                found += page["Resources"]
                cursor = page.get("nextCursor")
        events = directory.graphql("query($id: ID!) { countAuditEvents(where: {refused: false, organization: {id: $id}}) }", {"id": self.organization.id})
        return found, events

    @contextlib.contextmanager
    def unchanged(self):
        before = self.everything()
        yield
        assert self.everything() == before

    def is_known(self, user):
        """Whether the user is activated, as GraphQL sees it; None if there is no such user."""
        rows = directory.graphql("query($id: ID!) { users(where: {id: $id}) { activated } }", {"id": user["id"]})["users"]
        return rows[0]["activated"] if rows else None


def raw_exchange(data):
    """Bytes, sent as they are over a connection of their own; what comes back until the server has nothing more to say."""
    with socket.create_connection((_address.hostname, _address.port), timeout=SECONDS_MAX) as connection:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
        received = b""
        with contextlib.suppress(ConnectionResetError):
            while part := connection.recv(65536):
                received += part
    print(f"> {data[:1500]}\n< {received[:1500]}")
    return received.decode(errors="replace")
