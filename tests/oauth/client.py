"""What back ends in Python use: PyJWT with its PyJWKClient, and Authlib's validators, each for both algorithms."""

import os
import subprocess
import time
import traceback

import jwt
import requests
from authlib.oauth2 import OAuth2Error, ResourceProtector
from authlib.oauth2.rfc6749.requests import OAuth2Request
from authlib.oauth2.rfc7662 import IntrospectTokenValidator
from authlib.oauth2.rfc9068 import JWTBearerTokenValidator
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry

KEY = os.environ["KEY"]
# Without a public URL, the issuer is this machine.
issuer = os.environ["URL"].replace("127.0.0.1", "localhost")
server = requests.get(f"{issuer}/.well-known/oauth-authorization-server").json()


class Validator(JWTBearerTokenValidator):
    """Loads the keys each time; yours keeps them for five minutes."""

    def get_jwks(self):
        return KeySet.import_key_set(requests.get(f"{self.issuer}/.well-known/jwks.json").json())


class Introspection(IntrospectTokenValidator):
    def introspect_token(self, token_string):
        form = {"token": token_string, "resource": self.extra_attributes["resource"]}
        return requests.post(f"{issuer}/oauth/introspect", form, auth=("admin", KEY)).json()


def graphql(query):
    answer = requests.post(f"{issuer}/graphql", json={"query": query}, headers={"authorization": f"Bearer {KEY}"}).json()
    assert "errors" not in answer, answer
    return answer["data"]


graphql("""mutation {
  createOrganization(data: {id: "acme", name: "Acme"}) { id }
  createUser(data: {id: "job", organizationId: "acme", kind: SERVICE, roles: ["api-user"]}) { id }
}""")
SECRET = graphql('mutation { createApiKey(data: {name: "k"}, user: {id: "job"}) { secret } }')["createApiKey"]["secret"]


def token_for(resource):
    form = {"grant_type": "client_credentials", "resource": resource}
    return requests.post(server["token_endpoint"], form, auth=("job", SECRET)).json()["access_token"]


def resource_server(algorithm, permissions_claim):
    host = f"{algorithm}.{permissions_claim}".lower()
    name = f"{host}:read"
    graphql(f"""mutation {{
      createResourceServer(data: {{id: "https://{host}", name: "{host}", algorithm: {algorithm.upper()}, permissionsClaim: {permissions_claim}}}) {{ id }}
      createPermission(data: {{name: "{name}", lowestRole: USER, resourceServerId: "https://{host}"}}) {{ id }}
    }}""")
    return f"https://{host}", name


def rotate():
    environment = {**os.environ, "TENANTRY_DATABASE_URL": os.environ["DATABASE"]}
    subprocess.run([os.environ["SERVER"], "rotate-keys", "--now"], check=True, env=environment, capture_output=True)
    # The server notices what another process ends within half a second.
    time.sleep(1)


def refused(call, *kinds):
    try:
        call()
    except kinds:
        return
    raise AssertionError(f"not refused with {kinds}")


def pyjwt(algorithm):
    resource, name = resource_server(algorithm, "ENTITLEMENTS")
    # By default, it loads keys that it does not know at most once in a while.
    keys = jwt.PyJWKClient(server["jwks_uri"], cooldown_duration=0)

    def verified(token, audience=resource):
        key = keys.get_signing_key_from_jwt(token)
        return jwt.decode(token, key.key, algorithms=[algorithm], issuer=server["issuer"], audience=audience)

    token = token_for(resource)
    claims = verified(token)
    assert (claims["aud"], claims["sub"], claims["entitlements"]) == (resource, "job", [name]), claims
    refused(lambda: verified(token, server["issuer"]), jwt.InvalidAudienceError)
    refused(lambda: verified(token[:-8] + "AAAAAAAA"), jwt.InvalidSignatureError)
    rotate()
    assert verified(token_for(resource))["sub"] == "job"
    refused(lambda: jwt.PyJWKClient(server["jwks_uri"]).get_signing_key_from_jwt(token), jwt.PyJWKClientError)


def authlib(algorithm):
    resource, name = resource_server(algorithm, "SCOPE")
    protect = ResourceProtector()
    protect.register_token_validator(Validator(issuer=server["issuer"], resource_server=resource))

    def acquired(token, protector=protect, **demanded):
        request = OAuth2Request("GET", resource, headers={"Authorization": f"Bearer {token}"})
        validator, token_string = protector.parse_request_authorization(request)
        validator.validate_request(request)
        token = validator.authenticate_token(token_string)
        validator.validate_token(token, demanded.pop("scopes", None), request, **demanded)
        return token

    token = token_for(resource)
    if algorithm == "EdDSA":
        refused(lambda: acquired(token), OAuth2Error)
        JWSRegistry.recommended.append("EdDSA")
    assert acquired(token, scopes=[name], roles=["api-user"])["sub"] == "job"
    refused(lambda: acquired(token, scopes=["other:read"]), OAuth2Error)
    refused(lambda: acquired(token, roles=["super-admin"]), OAuth2Error)
    refused(lambda: acquired(token_for(server["issuer"])), OAuth2Error)
    refused(lambda: acquired(token[:-8] + "AAAAAAAA"), OAuth2Error)
    # The same by asking, which also knows that a token has ended.
    ask = ResourceProtector()
    ask.register_token_validator(Introspection(resource=resource))
    assert acquired(token, ask, scopes=[name])["credential"] == "token"
    refused(lambda: acquired(token, ask, scopes=["other:read"]), OAuth2Error)
    refused(lambda: acquired(token_for(server["issuer"]), ask), OAuth2Error)
    rotate()
    refused(lambda: acquired(token), OAuth2Error)
    refused(lambda: acquired(token, ask), OAuth2Error)
    assert acquired(token_for(resource), scopes=[name])["sub"] == "job"


passed = failed = 0
for test, algorithm in [(pyjwt, "EdDSA"), (pyjwt, "ES256"), (authlib, "EdDSA"), (authlib, "ES256")]:
    try:
        test(algorithm)
        passed += 1
    except Exception:
        traceback.print_exc()
        print(f"{test.__name__} with {algorithm} failed")
        failed += 1
print(f"oauth-python on sqlite: {passed} passed, {failed} failed")
raise SystemExit(1 if failed else 0)
