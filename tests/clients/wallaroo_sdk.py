"""The `wallaroo` SDK, 2026.1.3: users, by token and by password, and the client that is generated beside it.

Not `wallaroo.py`, which would stand in the package's place. The numbers in the headings are the sections of the contract.
"""

import base64
import contextlib
import json
import os
import urllib.parse
import uuid
import warnings

import pytest

pytest.register_assert_rewrite("directory")
warnings.filterwarnings("ignore")

import directory  # noqa: E402
import httpx  # noqa: E402
import wallaroo  # noqa: E402
from directory import OTHER_PASSWORD, PASSWORD  # noqa: E402
from wallaroo.auth import TokenFetchError, TokenRefreshError  # noqa: E402
from wallaroo.object import EntityNotFoundError, UserLimitError  # noqa: E402
from wallaroo.wallaroo_ml_ops_api_client.api.user import users_activate, users_deactivate, users_edit, users_invite, users_query  # noqa: E402
from wallaroo.wallaroo_ml_ops_api_client.client import Client as AnonymousClient  # noqa: E402
from wallaroo.wallaroo_ml_ops_api_client.models.users_activate_body import UsersActivateBody  # noqa: E402
from wallaroo.wallaroo_ml_ops_api_client.models.users_deactivate_body import UsersDeactivateBody  # noqa: E402
from wallaroo.wallaroo_ml_ops_api_client.models.users_edit_body import UsersEditBody  # noqa: E402
from wallaroo.wallaroo_ml_ops_api_client.models.users_invite_body import UsersInviteBody  # noqa: E402
from wallaroo.wallaroo_ml_ops_api_client.models.users_query_body import UsersQueryBody  # noqa: E402

TOKEN = f"{directory.URL}/auth/realms/master/protocol/openid-connect/token"
CROWD = 130


class Wire(list):
    """Every exchange of the SDK, through its own `httpx`; printed, so that a failure shows them."""

    def __init__(self):
        send = httpx.HTTPTransport.handle_request

        def watched(transport, request):
            response = send(transport, request)
            response.read()
            body = request.content.decode()
            self.append((request, response))
            print(f"> {request.method} {request.url}\n> {body[:1500]}\n< {response.status_code} {response.text[:1500]}")
            return response

        httpx.HTTPTransport.handle_request = watched

    def since(self, mark):
        """What was asked after a moment: method and path, for the token endpoint the grant instead."""
        return [self._short(request) for request, _ in self[mark:]]

    def statuses(self, mark):
        return [response.status_code for _, response in self[mark:]]

    @staticmethod
    def _short(request):
        if str(request.url) == TOKEN:
            return urllib.parse.parse_qs(request.content.decode())["grant_type"][0]
        return f"{request.method} {request.url.path}"


wire = Wire()


@contextlib.contextmanager
def environment(**variables):
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update({name: str(value) for name, value in variables.items()})
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value


def by_token(folder, person, token=None):
    """A client with a token that somebody else got for the person: by default an API key."""
    credentials = folder / f"{uuid.uuid4()}.json"
    credentials.write_text(json.dumps({"token": token or person.key(directory.unique("key")), "user_email": person.email, "user_id": person.id}))
    with environment(XDG_CACHE_HOME=folder / str(uuid.uuid4()), WALLAROO_SDK_CREDENTIALS=credentials):
        return wallaroo.Client(api_endpoint=directory.URL, auth_type="token")


def by_password(folder, email, password, cache=None):
    """A client that signs in. What it keeps of that is in `cache`."""
    cache = cache or folder / str(uuid.uuid4())
    with environment(XDG_CACHE_HOME=cache, WALLAROO_USER=email, WALLAROO_PASSWORD=password):
        return wallaroo.Client(api_endpoint=directory.URL, auth_type="user_password")


def cached(cache):
    return cache / "wallaroo_sdk" / "auth" / "keycloak.json"


def sign_in(email, password):
    """An access token, as a script gets it that names its client by HTTP Basic."""
    answer = httpx.post(TOKEN, data={"grant_type": "password", "username": email, "password": password}, auth=("api-client", "any secret"))
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("wallaroo")


@pytest.fixture(scope="module")
def acme():
    return directory.organization("Acme")


@pytest.fixture(scope="module")
def evil():
    return directory.organization("Evil")


@pytest.fixture(scope="module")
def admin(acme):
    return directory.person(acme, "admin", "ADMIN", PASSWORD)


@pytest.fixture(scope="module", params=["key", "access token", "password"])
def wl(request, folder, admin):
    """The administrator's client, by each way to sign in."""
    if request.param == "key":
        return by_token(folder, admin)
    if request.param == "access token":
        return by_token(folder, admin, sign_in(admin.email, PASSWORD)["access_token"])
    return by_password(folder, admin.email, PASSWORD)


@pytest.fixture(scope="module")
def ordinary(folder, acme):
    """A user who administers nothing, and its client."""
    person = directory.person(acme, "ordinary")
    return person, by_token(folder, person)


def by_email(wl, email):
    return next(user for user in wl.list_users() if user.email() == email)


# 5, 8. The constructor


def test_constructor_asks_for_the_configuration_without_credentials(folder, admin):
    mark = len(wire)
    by_token(folder, admin)
    assert wire.since(mark) == ["GET /v1/api/config"]
    request, response = wire[mark]
    assert "authorization" not in request.headers
    assert response.json() == {"default_arch": "x86"}


def test_constructor_signs_in_first(folder, admin):
    mark = len(wire)
    wl = by_password(folder, admin.email.upper(), PASSWORD)
    assert wire.since(mark) == ["password", "GET /v1/api/config"]
    answer = wire[mark][1].json()
    assert answer["token_type"] == "Bearer" and answer["scope"] == "profile email" and answer["not-before-policy"] == 0
    assert answer["expires_in"] > 10 and answer["refresh_expires_in"] > answer["expires_in"]
    assert wl.auth.user_id() == admin.id and wl.auth.user_email() == admin.email
    assert wl.auth.auth_header() == {"Authorization": f"Bearer {answer['access_token']}"}
    claims = answer["access_token"].split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))
    assert (claims["sub"], claims["email"]) == (admin.id, admin.email)
    assert len(wire.since(mark)) == 2, "one sign-in is enough"


def test_credentials_from_a_file(folder, admin):
    credentials = folder / "password.json"
    credentials.write_text(json.dumps({"username": admin.email, "password": PASSWORD}))
    with environment(XDG_CACHE_HOME=folder / "from-a-file", WALLAROO_SDK_CREDENTIALS=credentials, WALLAROO_URL=directory.URL,
                     WALLAROO_SDK_AUTH_TYPE="user_password"):
        assert admin.email in [user.email() for user in wallaroo.Client().list_users()]


# 6. The token endpoint


def refused_sign_in(folder, email, password):
    cache = folder / str(uuid.uuid4())
    with pytest.raises(TokenFetchError) as refusal:
        by_password(folder, email, password, cache)
    assert not cached(cache).exists()
    status, _, answer = str(refusal.value).partition("] ")
    answer = json.loads(answer)
    assert set(answer) == {"error", "error_description"}
    return status.removeprefix("[HTTP "), answer["error"], answer["error_description"]


def test_wrong_and_unknown_are_alike(folder, admin):
    wrong = ("401", "invalid_grant", "Invalid user credentials")
    assert refused_sign_in(folder, admin.email, "Wrong-password-1") == wrong
    assert refused_sign_in(folder, directory.address("nobody"), PASSWORD) == wrong


def test_deactivated_users_do_not_sign_in(folder, acme):
    person = directory.person(acme, "gone", password=PASSWORD, activated=False)
    assert refused_sign_in(folder, person.email, PASSWORD) == ("400", "invalid_grant", "Account disabled")
    assert refused_sign_in(folder, person.email, "Wrong-password-1") == ("401", "invalid_grant", "Invalid user credentials")


def test_temporary_passwords_give_no_token(folder, admin):
    wl = by_token(folder, admin)
    email = directory.address("fresh")
    made = wl.invite_user(email)
    assert refused_sign_in(folder, email, made["password"]) == ("400", "invalid_grant", "Account is not fully set up")
    assert wl.httpx_client.get(f"/auth/admin/realms/master/users/{made['id']}").json()["requiredActions"] == ["UPDATE_PASSWORD"]
    directory.graphql("mutation($email: String!, $data: UpdatePasswordData!) { updatePassword(where: {email: $email}, data: $data) { id } }",
                      {"email": email, "data": {"oldPassword": made["password"], "newPassword1": OTHER_PASSWORD, "newPassword2": OTHER_PASSWORD}}, key=None)
    assert [user.id() for user in by_password(folder, email, OTHER_PASSWORD).list_users()] == [made["id"]]


def test_requests_that_are_no_grant():
    def refused(**fields):
        answer = httpx.post(TOKEN, data=fields)
        assert set(answer.json()) == {"error", "error_description"}
        return answer.status_code, answer.json()["error"]

    assert refused(client_id="sdk-client", grant_type="client_credentials") == (400, "unsupported_grant_type")
    assert refused(client_id="sdk-client") == (400, "invalid_request")
    assert refused(grant_type="password", username="x", password="y") == (400, "invalid_request")
    assert refused(client_id="sdk-client", grant_type="password", username="x") == (400, "invalid_request")
    assert refused(client_id="sdk-client", grant_type="refresh_token") == (400, "invalid_request")
    assert refused(client_id="sdk-client", grant_type="refresh_token", refresh_token="nonsense") == (400, "invalid_grant")
    assert httpx.post(TOKEN.replace("/master/", "/other/"), data={}).status_code == 404


def test_sso_is_left_out(folder):
    with environment(XDG_CACHE_HOME=folder / "sso"), pytest.raises(TokenFetchError) as refusal:
        wallaroo.Client(api_endpoint=directory.URL, auth_type="sso")
    assert str(refusal.value).startswith("[HTTP 404]")


def test_a_token_is_renewed_by_its_refresh_token(folder, acme):
    person = directory.person(acme, "renewed", password=PASSWORD)
    cache = folder / "renewed"
    by_password(folder, person.email, PASSWORD, cache)
    first = json.loads(cached(cache).read_text())
    cached(cache).write_text(json.dumps(first | {"expiry": 0}))
    mark = len(wire)
    wl = by_password(folder, person.email, PASSWORD, cache)
    # The SDK asks twice with the same token, once for nothing, and is given the same successor.
    assert set(wire.since(mark)) == {"refresh_token", "GET /v1/api/config"}
    assert set(wire.statuses(mark)) == {200}
    second = json.loads(cached(cache).read_text())
    assert second["refresh_token"] != first["refresh_token"] and second["access_token"] != first["access_token"]
    assert [user.email() for user in wl.list_users()] == [person.email]
    mark = len(wire)
    wl.auth._force_reload()
    wl.list_users()
    assert wire.since(mark) == ["refresh_token", "POST /v1/api/users/query"]


def test_a_refresh_token_that_is_not_valid_is_a_new_sign_in(folder, acme):
    person = directory.person(acme, "renewed", password=PASSWORD)
    cache = folder / "not-renewed"
    wl = by_password(folder, person.email, PASSWORD, cache)
    kept = json.loads(cached(cache).read_text())
    cached(cache).write_text(json.dumps(kept | {"expiry": 0, "refresh_token": "nonsense"}))
    mark = len(wire)
    assert [user.email() for user in wl.list_users()] == [person.email]
    assert wire.since(mark) == ["refresh_token", "password", "POST /v1/api/users/query"]
    assert wire.statuses(mark) == [400, 200, 200]
    token = wl.auth._access_token()._replace(refresh_token="nonsense", expiry=wl.auth._access_token().expiry.replace(year=2000))
    with pytest.raises(TokenRefreshError):
        wl.auth.fetcher.Refresh(token)


def test_a_refresh_token_opens_nothing(folder, admin):
    tokens = sign_in(admin.email, PASSWORD)
    with pytest.raises(Exception, match="Failed to list"):
        by_token(folder, admin, tokens["refresh_token"]).list_users()


# 5, 8. Lists and look-ups


def test_list_users(wl, acme, evil, admin):
    directory.person(evil, "outside")
    off = directory.person(acme, "off", activated=False)
    users = {user.id(): user for user in wl.list_users()}
    assert set(users) == {user["id"] for user in acme.users()}
    assert users[admin.id].email() == users[admin.id].username() == admin.email
    assert users[admin.id].enabled() is True and users[off.id].enabled() is False
    assert all(user._createdTimeastamp > 1_700_000_000_000 for user in users.values())


def test_list_users_is_not_paged(folder):
    crowd = directory.organization("Crowd")
    chief = directory.person(crowd, "chief", "ADMIN")
    for start in range(0, CROWD, 10):
        made = (f'u{n}: createUser(data: {{id: "{crowd.id}-{n}", organizationId: "{crowd.id}"}}) {{ id }}' for n in range(start, start + 10))
        directory.graphql(f"mutation {{ {' '.join(made)} }}")
    assert len(by_token(folder, chief).list_users()) == CROWD + 1


def test_a_user_without_an_address(wl, acme):
    id = directory.unique("robot")
    directory.graphql("mutation($data: CreateUserData!) { createUser(data: $data) { id } }", {"data": {"id": id, "organizationId": acme.id}})
    robot = next(user for user in wl.list_users() if user.id() == id)
    assert robot.username() == id and robot.email() == "admin@keycloak", "what the SDK says of whoever has no address"


def test_who_administers_nothing_sees_itself(ordinary):
    person, wl = ordinary
    assert [user.id() for user in wl.list_users()] == [person.id]
    assert wl.get_email_by_id(person.id) == person.email


def test_get_user_by_email(wl, acme, evil):
    person = directory.person(acme, "found")
    plus = directory.person(acme, "a", email=(email := directory.address("a+b")))
    assert wl.get_user_by_email(person.email).id() == person.id
    assert wl.get_user_by_email(person.email.upper()).id() == person.id
    assert wl.get_user_by_email(email).id() == plus.id
    outside = directory.person(evil, "outside")
    for nobody in [person.email[1:], person.email[:-1], person.email.split("@")[0], "", "%", directory.address("nobody"), outside.email]:
        assert wl.get_user_by_email(nobody) is None, nobody


def test_get_email_by_id(wl, acme, evil):
    person = directory.person(acme, "known")
    outside = directory.person(evil, "outside")
    assert wl.get_email_by_id(person.id) == person.email
    for nobody in [outside.id, "nobody", str(uuid.uuid4())]:
        with pytest.raises(Exception):
            wl.get_email_by_id(nobody)
        assert wire[-1][1].json() == {"users": {nobody: None}}


def test_get_user_by_id(wl, acme, evil):
    person = directory.person(acme, "known")
    assert wl._get_user_by_id(person.id).email() == person.email
    assert wl._get_user_by_id(directory.person(evil, "outside").id) is None
    assert wire[-1][1].status_code == 404 and wire[-1][1].json() == {"error": "User not found"}


# 5, 8. Inviting


def test_invite_user_with_a_password(wl, acme, folder):
    email = directory.address("new")
    mark = len(wire)
    made = wl.invite_user(email, OTHER_PASSWORD)
    assert wire.since(mark)[-2:] == ["POST /v1/api/users/query", "POST /v1/api/users/invite"]
    assert made == {"id": str(uuid.UUID(made["id"])), "password": OTHER_PASSWORD}
    row = next(user for user in acme.users() if user["id"] == made["id"])
    assert (row["email"], row["organizationRole"], row["activated"]) == (email, "USER", True)
    assert by_email(wl, email).id() == made["id"]
    assert by_password(folder, email, OTHER_PASSWORD).auth.user_id() == made["id"]


def test_invite_user_who_is_there_already(wl, acme):
    person = directory.person(acme, "there", activated=False)
    mark = len(wire)
    with directory.unchanged(acme):
        shown = wl.invite_user(person.email)
    assert wire.since(mark)[-1] == "POST /v1/api/users/query"
    assert shown["id"] == person.id and shown["enabled"] is False
    # The SDK compares by letter, the server without case.
    with directory.unchanged(acme), pytest.raises(Exception, match="Failed to invite user"):
        wl.invite_user(person.email.upper())
    assert wire[-1][1].status_code == 400


@pytest.mark.parametrize(("email", "password"), [("no address", None), ("", None), ("short@example.com", "short"), ("weak@example.com", "password")])
def test_invite_user_refused(wl, acme, email, password):
    with directory.unchanged(acme), pytest.raises(Exception, match="Failed to invite user"):
        wl.invite_user(email, password)
    answer = wire[-1][1]
    assert answer.status_code == 400 and answer.json() == {"msg": answer.json()["msg"], "code": 400}


def test_two_organizations_share_an_address_and_neither_notices(wl, acme, evil, folder):
    outside = directory.person(evil, "outside", password=PASSWORD)
    before = evil.users()
    made = wl.invite_user(outside.email, OTHER_PASSWORD)
    assert made["id"] != outside.id
    assert [user.id() for user in wl.list_users() if user.email() == outside.email] == [made["id"]]
    # An address alone opens the older of the two accounts, and an organization before it says which one is meant.
    for name, password, id in [(outside.email, PASSWORD, outside.id), (f"{evil.id}\\{outside.email}", PASSWORD, outside.id),
                               (f"{acme.id}\\{outside.email}", OTHER_PASSWORD, made["id"])]:
        assert by_password(folder, name, password).auth.user_id() == id
    wl.deactivate_user(outside.email)
    assert next(user for user in acme.users() if user["id"] == made["id"])["activated"] is False
    assert evil.users() == before


def test_invite_user_without_the_permission(ordinary, acme):
    with directory.unchanged(acme), pytest.raises(Exception, match="Failed to invite user"):
        ordinary[1].invite_user(directory.address("new"))
    assert wire[-1][1].status_code == 401


# 5, 6, 8. Deactivating and activating


def test_deactivate_and_activate(wl, acme, folder):
    person = directory.person(acme, "leaving", password=PASSWORD)
    others = directory.person(acme, "x", email=f"x{person.email}")
    theirs = [by_token(folder, person), by_password(folder, person.email, PASSWORD)]
    before = person.row()
    mark = len(wire)
    assert wl.deactivate_user(person.email) is None
    path = f"/auth/admin/realms/master/users/{person.id}"
    assert wire.since(mark)[-3:] == ["GET /auth/admin/realms/master/users", f"GET {path}", f"PUT {path}"]
    assert wire[-1][1].status_code == 204 and wire[-1][1].content == b""
    after = person.row()
    assert after == before | {"activated": False, "updatedAt": after["updatedAt"]}
    assert others.row()["activated"] is True
    assert by_email(wl, person.email).enabled() is False
    for their in theirs:
        with pytest.raises(Exception, match="Failed to list"):
            their.list_users()
        assert wire[-1][1].status_code == 401
    with pytest.raises(TokenRefreshError, match="invalid_grant"):
        theirs[1].auth.fetcher.fetcher.Refresh(theirs[1].auth._access_token()._replace(expiry=theirs[1].auth._access_token().expiry.replace(year=2000)))
    assert wl.deactivate_user(person.email.upper()) is None, "also when it is so already, and in any case"
    assert wl.activate_user(person.email) is None
    after = person.row()
    assert after == before | {"updatedAt": after["updatedAt"]}
    assert [user.id() for user in theirs[0].list_users()] == [person.id]
    assert wl.activate_user(person.email) is None


def test_nobody_is_deactivated_by_mistake(wl, acme, evil, admin):
    person = directory.person(acme, "ann")
    outside = directory.person(evil, "outside")
    with directory.unchanged(acme, evil):
        for nobody in [person.email[1:], directory.address("nobody"), outside.email]:
            for change in (wl.deactivate_user, wl.activate_user):
                with pytest.raises(EntityNotFoundError):
                    change(nobody)
        with pytest.raises(Exception, match="themselves"):
            wl.deactivate_user(admin.email)
        # In capitals the SDK takes oneself for somebody else; the server does not.
        with pytest.raises(EntityNotFoundError):
            wl.deactivate_user(admin.email.upper())
    assert wire[-1][1].status_code == 400 and list(wire[-1][1].json()) == ["errorMessage"]


def test_who_administers_nothing_deactivates_nobody(ordinary, acme, admin):
    person, wl = ordinary
    with directory.unchanged(acme):
        for email in [admin.email, directory.address("nobody")]:
            with pytest.raises(EntityNotFoundError):
                wl.deactivate_user(email)
        with pytest.raises(EntityNotFoundError):
            wl.activate_user(person.email)
    assert wire[-1][1].status_code == 403


def test_a_revoked_key(folder, acme, admin):
    person = directory.person(acme, "revoked")
    wl = by_token(folder, person)
    key = wl.auth._access_token().token
    names = [each["name"] for each in directory.graphql("{ me { apiKeys { name } } }", key=key)["me"]["apiKeys"]]
    directory.mutate("revokeApiKeys", {"names": ("[String!]!", names)}, key=key)
    for call in (wl.list_users, lambda: wl.invite_user(directory.address("x")), lambda: wl.get_user_by_email(person.email),
                 lambda: wl.get_email_by_id(person.id), lambda: wl.activate_user(person.email)):
        with pytest.raises(Exception):
            call()
        assert wire[-1][1].status_code == 401


# 7. Seats


def test_seats(folder):
    small = directory.organization("Small")
    chief = directory.person(small, "chief", "ADMIN")
    directory.graphql("mutation($id: ID!) { updateOrganization(where: {id: $id}, data: {seatLimit: 2}) { id } }", {"id": small.id})
    wl = by_token(folder, chief)
    first, second = directory.address("first"), directory.address("second")
    wl.invite_user(first)
    with directory.unchanged(small), pytest.raises(UserLimitError):
        wl.invite_user(second)
    assert wire[-1][1].json() == {"msg": wire[-1][1].json()["msg"], "code": 403}
    wl.deactivate_user(first)
    wl.invite_user(second)
    with directory.unchanged(small), pytest.raises(EntityNotFoundError):
        wl.activate_user(first)
    assert wire[-1][1].status_code == 403 and list(wire[-1][1].json()) == ["error"]
    wl.deactivate_user(second)
    wl.activate_user(first)


# 3, 5. The generated client: the documented paths, and their errors as it reads them


def refused(answer, status):
    """The SDK must have read the refusal."""
    assert answer.status_code == status
    assert (answer.parsed.code, bool(answer.parsed.msg)) == (status, True)
    return answer.parsed.msg


def test_generated_query(wl, acme, admin):
    everybody = users_query.sync_detailed(client=wl.mlops(), body=UsersQueryBody()).parsed.users
    assert set(everybody.to_dict()) == {user["id"] for user in acme.users()}
    assert everybody.to_dict()[admin.id]["realmRoles"] == ["admin"]
    assert set(users_query.sync_detailed(client=wl.mlops(), body=UsersQueryBody(None)).parsed.users.to_dict()) == set(everybody.to_dict())
    some = users_query.sync_detailed(client=wl.mlops(), body=UsersQueryBody([admin.id, "nobody"])).parsed.users
    assert some["nobody"] is None and some[admin.id]["federatedIdentities"] == []
    assert users_query.sync_detailed(client=wl.mlops(), body=UsersQueryBody([])).parsed.users.to_dict() == {}
    refused(users_query.sync_detailed(client=wl.mlops(), body=UsersQueryBody([1])), 400)


def test_generated_invite(wl, ordinary):
    email = directory.address("new")
    made = users_invite.sync_detailed(client=wl.mlops(), body=UsersInviteBody(email, ["user"], OTHER_PASSWORD, False)).parsed
    assert made.password == OTHER_PASSWORD
    admin = users_invite.sync_detailed(client=wl.mlops(), body=UsersInviteBody(directory.address("new"), ["admin"])).parsed
    assert shown(wl, admin.id)["realmRoles"] == ["admin"]
    assert shown(wl, admin.id)["requiredActions"] == ["UPDATE_PASSWORD"]
    temporary = users_invite.sync_detailed(client=wl.mlops(), body=UsersInviteBody(directory.address("new"), [], OTHER_PASSWORD, True)).parsed
    assert shown(wl, temporary.id)["requiredActions"] == ["UPDATE_PASSWORD"]
    assert email in refused(users_invite.sync_detailed(client=wl.mlops(), body=UsersInviteBody(email.title(), ["user"])), 400)
    assert "wizard" in refused(users_invite.sync_detailed(client=wl.mlops(), body=UsersInviteBody(directory.address("x"), ["wizard"])), 400)
    refused(users_invite.sync_detailed(client=ordinary[1].mlops(), body=UsersInviteBody(directory.address("x"), ["user"])), 401)


def shown(wl, id):
    return users_query.sync_detailed(client=wl.mlops(), body=UsersQueryBody()).parsed.users.to_dict()[id]


@pytest.mark.parametrize(("call", "body"), [(users_deactivate, UsersDeactivateBody), (users_activate, UsersActivateBody)])
def test_generated_deactivate_and_activate(wl, acme, evil, ordinary, call, body):
    person = directory.person(acme, "switched")
    outside = directory.person(evil, "outside")
    for email in [person.email, person.email.upper()]:
        assert call.sync_detailed(client=wl.mlops(), body=body(email)).status_code == 200
        assert wire[-1][1].json() == {}
        assert person.row()["activated"] is (call is users_activate)
    with directory.unchanged(acme, evil):
        refused(call.sync_detailed(client=wl.mlops(), body=body(directory.address("nobody"))), 400)
        refused(call.sync_detailed(client=wl.mlops(), body=body(outside.email)), 400)
        refused(call.sync_detailed(client=wl.mlops(), body=body(7)), 400)
        refused(call.sync_detailed(client=ordinary[1].mlops(), body=body(person.email)), 401)
        refused(call.sync_detailed(client=AnonymousClient(base_url=directory.URL), body=body(person.email)), 401)


def test_generated_edit(wl, acme, evil, ordinary):
    person = directory.person(acme, "edited")
    answer = users_edit.sync_detailed(client=wl.mlops(), body=UsersEditBody(person.id, "Ed", "Ited", person.email, True, True))
    assert answer.status_code == 200 and answer.parsed["firstName"] == "Ed"
    assert person.row()["organizationRole"] == "ADMIN"
    users_edit.sync_detailed(client=wl.mlops(), body=UsersEditBody(person.id, "Ed", "", person.email, False, False))
    row = person.row()
    assert (row["organizationRole"], row["activated"], row["lastname"]) == ("USER", False, None)
    outside = directory.person(evil, "outside")
    with directory.unchanged(acme, evil):
        for id in ["nobody", outside.id]:
            refused(users_edit.sync_detailed(client=wl.mlops(), body=UsersEditBody(id, "E", "E", directory.address("e"), True, False)), 400)
        refused(users_edit.sync_detailed(client=wl.mlops(), body=UsersEditBody(person.id, "E", "E", person.email, "yes", False)), 400)
        refused(users_edit.sync_detailed(client=ordinary[1].mlops(), body=UsersEditBody(ordinary[0].id, "O", "O", ordinary[0].email, True, True)), 401)
