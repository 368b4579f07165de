//! The keys that sign session tokens; the public keys are at `/.well-known/jwks.json`. Verifies and signs tokens.
//! `directory::signing_key` creates and rotates them.

use std::fmt;
use std::sync::OnceLock;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use moka::sync::Cache;
use sea_orm::{ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder};
use uuid::Uuid;

use super::Issuer;
use super::token::{Claims, LIFETIME_SECONDS_MAX, SKEW_SECONDS, TYPE};
use crate::model::error::{Error, Result};
use crate::model::{SecretKey, SecretSource, Timestamp};
use crate::store::db::Database;
use crate::store::entity::signing_key::{self as table, Column};

/// How long others may cache the public keys.
pub const PUBLISHED_SECONDS: u64 = 300;
/// The purpose for which private keys are sealed.
const SEALED: &str = "signing keys";
const REMEMBERED_MAX: u64 = 16;

/// Signs and verifies session tokens.
pub struct SigningKeys {
    source: SecretSource,
    secret: OnceLock<SecretKey>,
    issuer: Issuer,
    /// By key id. A key never changes; each use checks in the database whether it is still valid.
    public: Cache<String, DecodingKey>,
    private: Cache<String, EncodingKey>,
}

impl fmt::Debug for SigningKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKeys")
            .field("source", &self.source)
            .field("issuer", &self.issuer)
            .finish_non_exhaustive()
    }
}

impl SigningKeys {
    pub fn new(source: SecretSource, issuer: Issuer) -> Self {
        Self {
            source,
            secret: OnceLock::new(),
            issuer,
            public: Cache::new(REMEMBERED_MAX),
            private: Cache::new(REMEMBERED_MAX),
        }
    }

    pub fn issuer(&self) -> &Issuer {
        &self.issuer
    }

    /// The server's secret key; an error for the caller if there is none.
    pub fn secret(&self) -> Result<&SecretKey> {
        if let Some(key) = self.secret.get() {
            return Ok(key);
        }
        let key = self.source.require()?;
        Ok(self.secret.get_or_init(|| key))
    }

    /// Logs a warning for the operator that nobody can sign in, and what to do.
    pub fn warn_without_secret(&self) {
        if matches!(self.source, SecretSource::Missing) {
            tracing::warn!(
                "TENANTRY_SECRET_KEY is not set, so nobody can sign in and no mail can be sent; API keys still work. \
                 Generate a key once and set it for every process on this database: TENANTRY_SECRET_KEY=$(openssl rand \
                 -hex 32)"
            );
        }
    }

    /// Refuses to start if sessions exist but their signing keys cannot be decrypted.
    pub async fn check_at_start(&self, connection: &impl ConnectionTrait, now: Timestamp) -> anyhow::Result<()> {
        let Some(row) = in_force(now)
            .order_by_desc(Column::SignsFrom)
            .order_by_desc(Column::Pk)
            .one(connection)
            .await?
        else {
            return Ok(());
        };
        let way_out = "restore the previous secret key, or run 'tenantry rotate-keys --now', which ends all sessions";
        match self.source.present()? {
            None => match &self.source {
                SecretSource::File(path) => anyhow::bail!(
                    "the signing keys in this database are encrypted, and their key file {} is missing; {way_out}",
                    path.display()
                ),
                SecretSource::Given(_) | SecretSource::Missing => anyhow::bail!(
                    "the signing keys in this database are encrypted, and TENANTRY_SECRET_KEY is not set; {way_out}"
                ),
            },
            Some(key) if key.open(SEALED, &row.id, &row.sealed).is_err() => {
                anyhow::bail!("the signing keys in this database are encrypted with another secret key; {way_out}")
            }
            Some(_) => Ok(()),
        }
    }

    /// The signer for a stored key.
    pub fn signer(&self, key: &table::Model) -> Result<Signer> {
        let private = match self.private.get(&key.id) {
            Some(private) => private,
            None => {
                let private = EncodingKey::from_ed_der(&self.secret()?.open(SEALED, &key.id, &key.sealed)?);
                self.private.insert(key.id.clone(), private.clone());
                private
            }
        };
        Ok(Signer {
            id: key.id.clone(),
            private,
        })
    }

    /// A new key pair: the private key, sealed for this id, and the public key.
    pub fn new_pair(&self, id: &str) -> Result<(String, String)> {
        let pair = Ed25519KeyPair::generate().map_err(|_| Error::internal("cannot generate an Ed25519 key"))?;
        let pkcs8 = pair
            .to_pkcs8v1()
            .map_err(|_| Error::internal("cannot encode an Ed25519 key"))?;
        Ok((
            self.secret()?.seal(SEALED, id, pkcs8.as_ref())?,
            URL_SAFE_NO_PAD.encode(pair.public_key().as_ref()),
        ))
    }

    /// The claims of a token and the id of its key, if we issued it for ourselves, and it is intact and within its
    /// lifetime. The row of its session or API key decides whether that is still valid.
    pub async fn verify(&self, db: &Database, token: &str, now: Timestamp) -> Result<Option<(Claims, String)>> {
        let Ok(header) = jsonwebtoken::decode_header(token) else {
            return Ok(None);
        };
        // Only our own type, algorithm and keys: header fields that say where to find the key are ignored.
        let (Algorithm::EdDSA, Some(TYPE), Some(kid)) = (header.alg, header.typ.as_deref(), header.kid) else {
            return Ok(None);
        };
        let Some(key) = self.public_key(db, &kid).await? else {
            return Ok(None);
        };
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_required_spec_claims(&["iss", "aud", "sub", "exp", "nbf"]);
        // Checked below: the library knows neither our clock nor that the audience is the token's own issuer.
        validation.validate_aud = false;
        validation.validate_exp = false;
        validation.validate_nbf = false;
        let Ok(token) = jsonwebtoken::decode::<Claims>(token, &key, &validation) else {
            return Ok(None);
        };
        let claims = token.claims;
        let seconds = now.micros() / 1_000_000;
        let in_time = claims.exp > seconds
            && claims.nbf.max(claims.iat) <= seconds.saturating_add(SKEW_SECONDS)
            && claims.exp.saturating_sub(claims.nbf) <= LIFETIME_SECONDS_MAX;
        let ours = self.issuer.accepts(&claims.iss) && claims.aud.contains(&claims.iss);
        Ok((in_time && ours).then_some((claims, kid)))
    }

    async fn public_key(&self, db: &Database, id: &str) -> Result<Option<DecodingKey>> {
        if Uuid::try_parse(id).is_err() {
            return Ok(None);
        }
        if let Some(key) = self.public.get(id) {
            return Ok(Some(key));
        }
        let Some(row) = table::Entity::find().filter(Column::Id.eq(id)).one(db.reader()).await? else {
            return Ok(None);
        };
        let key = DecodingKey::from_ed_components(&row.public).map_err(Error::internal)?;
        self.public.insert(row.id, key.clone());
        Ok(Some(key))
    }
}

/// The public keys, as a JWK set (RFC 7517).
pub async fn published(db: &Database, now: Timestamp) -> Result<Vec<serde_json::Value>> {
    let keys = in_force(now).order_by_desc(Column::Pk).all(db.reader()).await?;
    Ok(keys
        .into_iter()
        .map(|key| {
            serde_json::json!({
                "kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": key.id, "x": key.public,
            })
        })
        .collect())
}

/// A key for signing.
pub struct Signer {
    id: String,
    private: EncodingKey,
}

impl Signer {
    pub fn sign(&self, claims: &Claims) -> Result<String> {
        let mut header = Header::new(Algorithm::EdDSA);
        header.typ = Some(TYPE.to_owned());
        header.kid = Some(self.id.clone());
        jsonwebtoken::encode(&header, claims, &self.private).map_err(Error::internal)
    }
}

/// The keys that are valid at this time.
pub fn in_force(now: Timestamp) -> sea_orm::Select<table::Entity> {
    table::Entity::find().filter(
        Condition::any()
            .add(Column::EndsAt.is_null())
            .add(Column::EndsAt.gt(now)),
    )
}
