//! Signing in, and sending what a `Caller` does not: other headers, a network address.

use std::net::IpAddr;

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, Request};
use serde_json::{Value, json};
use tenantry::http::Peer;

use super::{App, Caller, Reply};

pub const TOKENS: &str = "accessToken expiresIn refreshToken refreshExpiresIn user { id email }";

/// What a session gave.
#[derive(Clone, Debug, PartialEq)]
pub struct Tokens {
    pub access: String,
    pub refresh: String,
    pub expires_in: i64,
    pub refresh_expires_in: i64,
    pub user: Value,
}

impl Tokens {
    pub fn of(answer: &Value) -> Self {
        Self {
            access: answer["accessToken"].as_str().unwrap().to_owned(),
            refresh: answer["refreshToken"].as_str().unwrap().to_owned(),
            expires_in: answer["expiresIn"].as_i64().unwrap(),
            refresh_expires_in: answer["refreshExpiresIn"].as_i64().unwrap(),
            user: answer["user"].clone(),
        }
    }

    /// The claims, unchecked.
    pub fn claims(&self) -> Value {
        use base64::Engine;
        let claims = self.access.split('.').nth(1).unwrap();
        let claims = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(claims).unwrap();
        serde_json::from_slice(&claims).unwrap()
    }

    pub fn sid(&self) -> String {
        self.claims()["sid"].as_str().unwrap().to_owned()
    }
}

/// A request with more than a `Caller` says.
#[derive(Clone, Default)]
pub struct With<'a> {
    pub from: Option<&'a str>,
    pub impersonate: Vec<&'a [u8]>,
    /// The values of more headers.
    pub headers: Vec<(&'static str, &'a [u8])>,
}

pub async fn send_with(caller: &Caller<'_>, with: With<'_>, document: &str, variables: Value) -> Reply {
    let body = json!({ "query": document, "variables": variables });
    let mut request = caller.request("/graphql", &body);
    if let Some(address) = with.from {
        request
            .extensions_mut()
            .insert(Peer(address.parse::<IpAddr>().unwrap()));
    }
    for id in with.impersonate {
        request.headers_mut().append(
            HeaderName::from_static("x-tenantry-impersonate-user"),
            HeaderValue::from_bytes(id).unwrap(),
        );
    }
    for (name, value) in with.headers {
        let (name, value) = (HeaderName::from_static(name), HeaderValue::from_bytes(value).unwrap());
        request.headers_mut().append(name, value);
    }
    caller.app.send(request).await
}

/// The code of the first error of an answer, or `OK`.
pub fn code_of(answer: &Value) -> String {
    match answer["errors"].get(0) {
        Some(error) => error["extensions"]["code"].as_str().unwrap().to_owned(),
        None => "OK".to_owned(),
    }
}

impl App {
    /// The whole answer to a sign-in from somewhere.
    pub async fn try_sign_in(&self, from: Option<&str>, email: &str, password: &str) -> Value {
        let document = format!(
            "mutation($email: String!, $password: String!) {{ signIn(data: {{email: $email, password: $password}}) {{ {TOKENS} }} }}"
        );
        let variables = json!({ "email": email, "password": password });
        let with = With {
            from,
            ..With::default()
        };
        send_with(&self.anonymous(), with, &document, variables).await.json()
    }

    /// The same at the token endpoint of the Wallaroo API.
    pub async fn try_wallaroo_token(&self, email: &str, password: &str) -> Reply {
        let form = form_urlencoded::Serializer::new(String::new())
            .extend_pairs([
                ("grant_type", "password"),
                ("client_id", "sdk"),
                ("username", email),
                ("password", password),
            ])
            .finish();
        let request = Request::post("/auth/realms/master/protocol/openid-connect/token");
        self.send(request.body(Body::from(form)).unwrap()).await
    }

    /// The session of a user that `App::user` made.
    pub async fn sign_in(&self, organization: &str, id: &str) -> Tokens {
        let answer = self
            .try_sign_in(
                None,
                &format!("{id}@{organization}.example"),
                &format!("password-of-{id}"),
            )
            .await;
        assert!(answer.get("errors").is_none(), "{answer:#}");
        Tokens::of(&answer["data"]["signIn"])
    }

    /// The whole answer to a refresh.
    pub async fn try_refresh(&self, token: &str) -> Value {
        let document =
            format!("mutation($token: String!) {{ refreshSession(data: {{refreshToken: $token}}) {{ {TOKENS} }} }}");
        self.anonymous().send(&document, json!({ "token": token })).await
    }

    pub async fn refresh(&self, token: &str) -> Tokens {
        let answer = self.try_refresh(token).await;
        assert!(answer.get("errors").is_none(), "{answer:#}");
        Tokens::of(&answer["data"]["refreshSession"])
    }

    /// Who a credential calls as; `None` if it is refused.
    pub async fn who(&self, credential: &str) -> Option<String> {
        let answer = self.key(credential).send("{ me { id } }", json!({})).await;
        answer["data"]["me"]["id"].as_str().map(str::to_owned)
    }
}
