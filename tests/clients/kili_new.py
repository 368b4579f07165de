"""`kili` 26.2.4: the tests of both versions, and those for this one alone."""

import json
import pathlib
import types
import warnings
from datetime import datetime, timedelta, timezone
from urllib.parse import urlparse

import graphql
import pytest
from typeguard import TypeCheckError

pytest.register_assert_rewrite("kili_both", "directory")

import directory  # noqa: E402
from directory import OTHER_PASSWORD, PASSWORD  # noqa: E402
from kili.client import Kili  # noqa: E402
from kili.client_domain import Kili as SpacedKili  # noqa: E402
from kili.exceptions import AuthenticationFailed, GraphQLError  # noqa: E402
from kili_both import *  # noqa: E402, F403
from kili_both import DATE, refused, wire  # noqa: E402

# The contract's section 5. What is passed in must have these types; of arguments and of `CreateUserData` the type's name counts,
# and of what comes out only whether it is an object, and which.
SCHEMA = """
scalar PageSize
scalar DateTime
enum OrganizationRole { ADMIN USER }
type Query {
  me: User
  viewer: User
  users(where: UserWhere!, first: PageSize!, skip: Int!): [User!]!
  countUsers(where: UserWhere!): Int!
  organizations(where: OrganizationWhere!, first: PageSize!, skip: Int!): [Organization!]!
  countOrganizations(where: OrganizationWhere!): Int!
  apiKeys(where: ApiKeyWhere!, first: PageSize!, skip: Int!): [ApiKey!]!
  countApiKeys(where: ApiKeyWhere!): Int!
}
type Mutation {
  createUser(data: CreateUserData!): User!
  updatePropertiesInUser(data: UserData!, where: UserWhere!): User!
  updatePassword(data: UpdatePasswordData!, where: UserWhere!): User!
  resetPassword(where: UserWhere!): User!
}
input UserWhere { id: ID idIn: [ID!] email: String activated: Boolean apiKey: String organization: OrganizationWhere }
input OrganizationWhere { id: ID user: UserWhere }
input ApiKeyWhere { id: ID key: String user: UserWhere }
input CreateUserData { email: String! password: String! organizationRole: OrganizationRole! firstname: String lastname: String }
input UserData {
  email: String firstname: String lastname: String organizationId: String organizationRole: OrganizationRole activated: Boolean
}
input UpdatePasswordData { oldPassword: String! newPassword1: String! newPassword2: String! }
type User {
  id: ID! email: String! firstname: String lastname: String activated: Boolean! createdAt: DateTime! updatedAt: DateTime!
  organization: Organization organizationId: String! organizationRole: OrganizationRole apiKeys: [ApiKey!]
}
type Organization { id: ID! name: String! users: [User!] }
type ApiKey { id: ID! name: String! createdAt: DateTime! expiryDate: DateTime! revoked: Boolean! userId: ID! user: User }
"""


class New:
    AuthenticationFailed = AuthenticationFailed
    GraphQLError = GraphQLError
    UnknownField = GraphQLError

    # One for the whole run, as in a user's home: the schema is fetched once.
    parameters = {"graphql_schema_cache_dir": pathlib.Path.home() / "schema"}

    @classmethod
    def connect(cls, key, api_endpoint=directory.KILI_ENDPOINT, client=Kili, **parameters):
        return client(api_key=key, api_endpoint=api_endpoint, graphql_client_params=parameters or cls.parameters)

    @staticmethod
    def reset_password(kili, email):
        return kili.internal.reset_password(email)

    @staticmethod
    def api_keys(kili, **arguments):
        found = kili.internal.api_keys(**arguments)
        return list(found) if arguments.get("as_generator") else found

    @staticmethod
    def count_api_keys(kili, **arguments):
        return kili.internal.count_api_keys(**arguments)

    @staticmethod
    def rows_given(wanted, first, left):
        return wanted


@pytest.fixture(scope="session")
def sdk():
    return New


# 2, 4: construction and the schema


def introspections():
    return [each for each in wire if "__schema" in each.document]


def test_new_construction_in_order(acme, tmp_path):
    New.connect(acme.admin_key, graphql_schema_cache_dir=tmp_path)
    viewer, version, schema, key = wire
    assert viewer.json() == {"data": {"viewer": {"id": acme.admin.id, "email": acme.admin.email}}}
    assert (version.method, version.url, version.status) == ("GET", directory.KILI_VERSION, 200)
    assert [schema] == introspections()
    assert key.variables == {"where": {"key": acme.admin_key}}
    assert DATE.fullmatch(key.json()["data"]["data"][0]["expiryDate"])


def test_new_keeps_the_schema_of_a_version(acme, tmp_path):
    New.connect(acme.admin_key, graphql_schema_cache_dir=tmp_path)
    version = directory.request(directory.KILI_VERSION).json()["version"]
    file, = tmp_path.glob("*.graphql")
    assert file.name == f"{urlparse(directory.URL).netloc}_{version}.graphql"
    first = file.read_text()

    wire.clear()
    assert New.connect(acme.member_key, graphql_schema_cache_dir=tmp_path).count_users() == 1
    assert introspections() == []
    assert file.read_text() == first


def test_new_without_keeping_the_schema(acme):
    assert New.connect(acme.member_key, enable_schema_caching=False).count_users() == 1
    assert len(introspections()) >= 1


def test_new_an_outdated_schema_is_fetched_again(acme, tmp_path):
    New.connect(acme.admin_key, graphql_schema_cache_dir=tmp_path)
    file, = tmp_path.glob("*.graphql")
    file.write_text("type Query { me: String }")
    wire.clear()
    kili = New.connect(acme.admin_key, graphql_schema_cache_dir=tmp_path)
    assert kili.users(email=acme.member.email, fields=["id"]) == [{"id": acme.member.id}]
    assert len(introspections()) == 1


def test_new_the_schema_has_what_the_contract_asks_for(acme, tmp_path):
    New.connect(acme.admin_key, graphql_schema_cache_dir=tmp_path)
    file, = tmp_path.glob("*.graphql")
    offered, asked = graphql.build_schema(file.read_text()), graphql.build_schema(SCHEMA)

    def named(kind):
        return str(graphql.get_named_type(kind))

    def differs(found, wanted, exact):
        if exact:
            return str(found) != str(wanted)
        return named(found) != named(wanted)

    wrong = []
    for name, kind in asked.type_map.items():
        if name.startswith("__") or name == "DateTime":
            continue
        there = offered.type_map.get(name)
        if type(there) is not type(kind):
            wrong.append(f"{name} is {there!r}")
        elif isinstance(kind, graphql.GraphQLEnumType):
            wrong += [f"{name}.{value} is missing" for value in kind.values if value not in there.values]
        elif isinstance(kind, graphql.GraphQLInputObjectType):
            for field, wanted in kind.fields.items():
                found = there.fields.get(field)
                if found is None or differs(found.type, wanted.type, exact=name != "CreateUserData"):
                    wrong.append(f"{name}.{field} is {found and found.type}, not {wanted.type}")
        elif isinstance(kind, graphql.GraphQLObjectType):
            for field, wanted in kind.fields.items():
                found = there.fields.get(field)
                leaves = found and graphql.is_leaf_type(graphql.get_named_type(found.type)) and graphql.is_leaf_type(
                    graphql.get_named_type(wanted.type))
                if found is None or not leaves and differs(found.type, wanted.type, exact=False):
                    wrong.append(f"{name}.{field} is {found and found.type}, not {wanted.type}")
                    continue
                for argument, value in wanted.args.items():
                    offer = found.args.get(argument)
                    if offer is None or differs(offer.type, value.type, exact=False):
                        wrong.append(f"{name}.{field}({argument}) is {offer and offer.type}, not {value.type}")
    assert wrong == []


def test_new_configuration_from_a_file(acme, tmp_path, monkeypatch):
    settings = {"api_key": acme.member_key, "api_endpoint": directory.KILI_ENDPOINT}
    (tmp_path / "kili-sdk-config.json").write_text(json.dumps(settings))
    monkeypatch.chdir(tmp_path)
    assert New.connect(None, api_endpoint=None).get_current_user(fields=["id"]) == {"id": acme.member.id}


def test_new_warns_of_a_key_that_expires_soon(works):
    expiry = datetime.now(timezone.utc) + timedelta(days=10)
    data = {"name": "short", "expiryDate": expiry.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"}
    key = directory.graphql("mutation($data: CreateApiKeyData!) { createApiKey(data: $data) { secret } }",
                            {"data": data}, works.person("soon", "ADMIN").key())["createApiKey"]["secret"]
    with pytest.warns(UserWarning, match=f"will be deprecated on {expiry:%Y-%m-%d}"):
        kili = New.connect(key)
    assert [each["expiryDate"] for each in New.api_keys(kili, api_key=key, fields=["expiryDate"])] == [data["expiryDate"]]


# The module


def test_new_get_current_user(acme):
    assert acme.member_kili.get_current_user() == {
        "email": acme.member.email, "id": acme.member.id, "firstname": "Max", "lastname": "Example"}
    caller = acme.kili.get_current_user(fields=["id", "organizationRole", "organization.name", "apiKeys.name", "apiKeys.createdAt"])
    assert caller == {"id": acme.admin.id, "organizationRole": "ADMIN", "organization": {"name": acme.organization.name},
                      "apiKeys": [{"name": "laptop", "createdAt": caller["apiKeys"][0]["createdAt"]}]}
    assert DATE.fullmatch(caller["apiKeys"][0]["createdAt"])


def test_new_api_keys_have_an_expiry_date(acme):
    for each in New.api_keys(acme.kili, fields=["createdAt", "expiryDate"]):
        assert DATE.fullmatch(each["createdAt"])
        assert DATE.fullmatch(each["expiryDate"])


def test_new_roles_are_checked_before_anything_is_sent(works):
    email = directory.address("new")
    for role in ["LABELER", "EMPEROR"]:
        with pytest.raises(TypeCheckError):
            works.kili.create_user(email, PASSWORD, role)
        with pytest.raises(TypeCheckError):
            works.kili.update_properties_in_user(works.member.email, organization_role=role)
    assert wire.of("createUser") == wire.of("updatePropertiesInUser") == []


def test_new_an_unknown_field_makes_it_fetch_the_schema_again(acme, tmp_path):
    kili = New.connect(acme.admin_key, graphql_schema_cache_dir=tmp_path)
    wire.clear()
    with pytest.raises(GraphQLError, match="shoeSize"):
        kili.users(fields=["shoeSize"])
    assert len(introspections()) == 1


# The namespaced client


@pytest.fixture(scope="session")
def spaced(works):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return New.connect(works.admin_key, client=SpacedKili)


def test_new_spaced_users_list_and_count(spaced, works):
    person = works.person()
    everybody = [each["id"] for each in works.organization.users()]
    assert [each["id"] for each in spaced.users.list()] == everybody
    assert [each["id"] for each in spaced.users.list(first=2, skip=1)] == everybody[1:3]
    assert spaced.users.list(fields=["id", "organization.name"], filter={"email": person.email.upper()}) == [
        {"id": person.id, "organization": {"name": works.organization.name}}]
    assert [each["id"] for each in spaced.users.list(filter={"organization_id": works.id})] == everybody
    assert spaced.users.list(filter={"organization_id": "nonsense"}) == []
    generator = spaced.users.list_as_generator(fields=["id"], disable_tqdm=True)
    assert isinstance(generator, types.GeneratorType)
    assert [each["id"] for each in generator] == everybody
    assert spaced.users.count() == len(everybody)
    assert spaced.users.count(filter={"email": person.email, "organization_id": works.id}) == 1
    assert spaced.users.count(filter={"email": "nobody.at.all@example.com"}) == 0


def test_new_spaced_users_me(spaced, works):
    assert spaced.users.me(fields=["id", "email"]) == {"id": works.admin.id, "email": works.admin.email}


def test_new_spaced_users_create(spaced, works):
    email = directory.address("new").replace("new", "New+Tag")
    made = spaced.users.create(email, PASSWORD, "USER", firstname="Ann", lastname="Lee")
    fields = ["id", "email", "firstname", "lastname", "organizationId", "organizationRole", "activated"]
    assert spaced.users.list(filter={"email": email}, fields=fields) == [
        {"id": made["id"], "email": email.lower(), "firstname": "Ann", "lastname": "Lee", "organizationId": works.id,
         "organizationRole": "USER", "activated": True}]
    assert directory.password_is(email, PASSWORD)
    with directory.unchanged(works.organization), refused(New, "CONFLICT"):
        spaced.users.create(email, PASSWORD, "USER")


@pytest.mark.parametrize("email, password", [("nobody", PASSWORD), ("a@b", PASSWORD), ("", PASSWORD), (None, "Ab3-xyz"), (None, "lettersonly")])
def test_new_spaced_users_create_checks_for_itself(spaced, email, password):
    wire.clear()
    with pytest.raises(ValueError):
        spaced.users.create(directory.address("new") if email is None else email, password, "USER")
    assert wire == []


def test_new_spaced_users_update(sdk, spaced, works):
    person = works.person()
    before = person.row()
    assert spaced.users.update(person.email.upper(), firstname="Ida", organization_role="ADMIN") == {"id": person.id}
    after = person.row()
    assert after == {**before, "firstname": "Ida", "organizationRole": "ADMIN", "updatedAt": after["updatedAt"]}
    assert spaced.users.update(person.email, activated=False) == {"id": person.id}
    assert person.row()["activated"] is False
    with directory.unchanged(works.organization), refused(New, "NOT_FOUND"):
        spaced.users.update("nobody.at.all@example.com", firstname="Mallory")
    wire.clear()
    with pytest.raises(ValueError):
        spaced.users.update("nobody", firstname="Mallory")
    assert wire == []


def test_new_spaced_users_update_password(spaced, works):
    person = works.person(password=PASSWORD)
    with directory.unchanged(works.organization), pytest.raises(RuntimeError, match="(?i)details: .*password"):
        spaced.users.update_password(person.email, "Wrong-one-99", OTHER_PASSWORD, OTHER_PASSWORD)
    wire.clear()
    for new, again in [("Ab3-xyz", "Ab3-xyz"), (OTHER_PASSWORD, PASSWORD), (PASSWORD, PASSWORD), ("", ""), ("lettersonly", "lettersonly")]:
        with pytest.raises(ValueError):
            spaced.users.update_password(person.email, PASSWORD, new, again)
    assert wire == []
    assert spaced.users.update_password(person.email, PASSWORD, OTHER_PASSWORD, OTHER_PASSWORD) == {"id": person.id}
    assert directory.password_is(person.email, OTHER_PASSWORD)
    assert not directory.password_is(person.email, PASSWORD)


def test_new_spaced_organizations(spaced, works, bolt):
    own = [{"id": works.id, "name": works.organization.name}]
    assert spaced.organizations.list() == own
    assert spaced.organizations.list(email=works.member.email, organization_id=works.id) == own
    assert list(spaced.organizations.list_as_generator(disable_tqdm=True)) == own
    assert spaced.organizations.list(organization_id=bolt.id) == []
    assert spaced.organizations.list(email=bolt.member.email) == []
