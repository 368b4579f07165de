//! Key pairs of each algorithm. jsonwebtoken signs and verifies with them; only making and publishing them is done here.

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey};
use serde_json::{Value, json};

use crate::model::SigningAlgorithm;
use crate::model::error::{Error, Result};

/// A new key pair: the private key as PKCS #8, and the public one as it is stored. The latter are the coordinates in a JWK:
/// `x`, or `x.y`.
pub(super) fn generate(algorithm: SigningAlgorithm) -> Result<(Vec<u8>, String)> {
    let failed = |_| Error::internal("cannot generate a key pair");
    match algorithm {
        SigningAlgorithm::Eddsa => {
            let pair = Ed25519KeyPair::generate().map_err(failed)?;
            let private = pair.to_pkcs8v1().map_err(failed)?;
            Ok((
                private.as_ref().to_vec(),
                URL_SAFE_NO_PAD.encode(pair.public_key().as_ref()),
            ))
        }
        SigningAlgorithm::Es256 => {
            let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).map_err(failed)?;
            let private = pair.to_pkcs8v1().map_err(failed)?;
            // An uncompressed point: a byte that says so, then both coordinates (SEC 1, section 2.3.3).
            let point = pair.public_key().as_ref();
            let (x, y) = point
                .get(1..)
                .and_then(|both| both.split_at_checked(32))
                .unwrap_or_default();
            let public = format!("{}.{}", URL_SAFE_NO_PAD.encode(x), URL_SAFE_NO_PAD.encode(y));
            Ok((private.as_ref().to_vec(), public))
        }
    }
}

/// The private key for signing.
pub(super) fn private(algorithm: SigningAlgorithm, pkcs8: &[u8]) -> EncodingKey {
    match algorithm {
        SigningAlgorithm::Eddsa => EncodingKey::from_ed_der(pkcs8),
        SigningAlgorithm::Es256 => EncodingKey::from_ec_der(pkcs8),
    }
}

/// A stored public key.
pub(super) fn public(algorithm: SigningAlgorithm, stored: &str) -> Result<DecodingKey> {
    let key = match algorithm {
        SigningAlgorithm::Eddsa => DecodingKey::from_ed_components(stored),
        SigningAlgorithm::Es256 => {
            let (x, y) = coordinates(stored);
            DecodingKey::from_ec_components(x, y)
        }
    };
    key.map_err(Error::internal)
}

/// A stored public key as others read it (RFC 7517).
pub(super) fn published(algorithm: SigningAlgorithm, id: &str, stored: &str) -> Value {
    let alg = algorithm.name();
    match algorithm {
        SigningAlgorithm::Eddsa => {
            json!({ "kty": "OKP", "crv": "Ed25519", "alg": alg, "use": "sig", "kid": id, "x": stored })
        }
        SigningAlgorithm::Es256 => {
            let (x, y) = coordinates(stored);
            json!({ "kty": "EC", "crv": "P-256", "alg": alg, "use": "sig", "kid": id, "x": x, "y": y })
        }
    }
}

fn coordinates(stored: &str) -> (&str, &str) {
    stored.split_once('.').unwrap_or_default()
}

/// The algorithm as jsonwebtoken names it.
pub(super) fn algorithm(algorithm: SigningAlgorithm) -> Algorithm {
    match algorithm {
        SigningAlgorithm::Eddsa => Algorithm::EdDSA,
        SigningAlgorithm::Es256 => Algorithm::ES256,
    }
}
