//! The keys that sign session tokens; the public keys are at `/.well-known/jwks.json`. Verifies and signs tokens.
//! `directory::signing_key` creates and rotates them.

use std::fmt;
use std::sync::OnceLock;

use jsonwebtoken::{DecodingKey, EncodingKey, Header, Validation};
use moka::sync::Cache;
use sea_orm::{ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder};
use uuid::Uuid;

use super::token::{Audience, Claims, LIFETIME_SECONDS_MAX, SKEW_SECONDS, Signed, TYPE};
use super::{Issuer, key_pair};
use crate::model::error::{Error, Result};
use crate::model::{SecretKey, SecretSource, SigningAlgorithm, Timestamp};
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
    public: Cache<String, (SigningAlgorithm, DecodingKey)>,
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

    /// The ids of all keys in force that the secret key does not open.
    pub async fn sealed_otherwise(
        &self,
        connection: &impl ConnectionTrait,
        now: Timestamp,
    ) -> anyhow::Result<Vec<String>> {
        let secret = self.source.present()?;
        let mut keys = in_force(now).order_by_asc(Column::Pk).all(connection).await?;
        keys.retain(|row| match &secret {
            Some(secret) => secret.open(SEALED, &row.id, &row.sealed).is_err(),
            None => true,
        });
        Ok(keys.into_iter().map(|row| row.id).collect())
    }

    /// The signer for a stored key.
    pub fn signer(&self, key: &table::Model) -> Result<Signer> {
        let private = match self.private.get(&key.id) {
            Some(private) => private,
            None => {
                let private = key_pair::private(key.algorithm, &self.secret()?.open(SEALED, &key.id, &key.sealed)?);
                self.private.insert(key.id.clone(), private.clone());
                private
            }
        };
        Ok(Signer {
            id: key.id.clone(),
            algorithm: key.algorithm,
            private,
        })
    }

    /// A new key pair: the private key, sealed for this id, and the public key.
    pub fn new_pair(&self, id: &str, algorithm: SigningAlgorithm) -> Result<(String, String)> {
        let (private, public) = key_pair::generate(algorithm)?;
        Ok((self.secret()?.seal(SEALED, id, &private)?, public))
    }

    /// The claims of a token and the id of its key, if we issued it, and it is intact and within its lifetime. The row of
    /// its session or API key decides whether that is still valid, and its audience whom it is for.
    pub async fn verify(&self, db: &Database, token: &str, now: Timestamp) -> Result<Option<(Claims, String)>> {
        let Ok(header) = jsonwebtoken::decode_header(token) else {
            return Ok(None);
        };
        // Only our own type and keys: header fields that say where to find the key are ignored.
        let (Some(TYPE), Some(kid)) = (header.typ.as_deref(), header.kid) else {
            return Ok(None);
        };
        let Some((algorithm, key)) = self.public_key(db, &kid).await? else {
            return Ok(None);
        };
        // The key's own algorithm, which the library compares with the header's.
        let mut validation = Validation::new(key_pair::algorithm(algorithm));
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
        let has_audience = match &claims.aud {
            Audience::Here(all) => all.contains(&claims.iss),
            Audience::Elsewhere(_) => true,
        };
        let ours = self.issuer.accepts(&claims.iss) && has_audience;
        Ok((in_time && ours).then_some((claims, kid)))
    }

    async fn public_key(&self, db: &Database, id: &str) -> Result<Option<(SigningAlgorithm, DecodingKey)>> {
        if Uuid::try_parse(id).is_err() {
            return Ok(None);
        }
        if let Some(key) = self.public.get(id) {
            return Ok(Some(key));
        }
        let Some(row) = table::Entity::find().filter(Column::Id.eq(id)).one(db.reader()).await? else {
            return Ok(None);
        };
        let key = (row.algorithm, key_pair::public(row.algorithm, &row.public)?);
        self.public.insert(row.id, key.clone());
        Ok(Some(key))
    }
}

/// The public keys, as a JWK set (RFC 7517).
pub async fn published(db: &Database, now: Timestamp) -> Result<Vec<serde_json::Value>> {
    let keys = in_force(now).order_by_desc(Column::Pk).all(db.reader()).await?;
    let published = keys
        .iter()
        .map(|key| key_pair::published(key.algorithm, &key.id, &key.public));
    Ok(published.collect())
}

/// A key for signing.
pub struct Signer {
    id: String,
    algorithm: SigningAlgorithm,
    private: EncodingKey,
}

impl Signer {
    pub fn sign(&self, claims: &Signed<'_>) -> Result<String> {
        let mut header = Header::new(key_pair::algorithm(self.algorithm));
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
