//! Argon2id on a bounded number of blocking threads.

use std::sync::Arc;

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use pbkdf2::Pbkdf2;
use scrypt::Scrypt;
use tokio::sync::Semaphore;

use super::imported::{Kind, kind};
use crate::error::{Error, Reason, Result};

const MEMORY_KIB: u32 = 19 * 1024;
const ITERATIONS: u32 = 2;
const LANES: u32 = 1;
/// Hashes waiting for their turn; a further one is told `UNAVAILABLE`. At some 60 hashes a second and core, this is
/// about as long a wait as a person bears.
const WAITING_MAX: usize = 256;

/// Hashes and checks passwords: each takes a core for 16 ms and 19 MiB, so only as many run at once as there are cores.
#[derive(Clone, Debug)]
pub struct Hasher {
    cores: usize,
    running: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
}

impl Default for Hasher {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            cores,
            running: Arc::new(Semaphore::new(cores)),
            waiting: Arc::new(Semaphore::new(WAITING_MAX)),
        }
    }
}

/// How busy the hasher is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Load {
    pub running: usize,
    pub waiting: usize,
}

impl Hasher {
    /// How many hashes are being made, and how many callers wait for theirs.
    pub fn load(&self) -> Load {
        let running = self.cores.saturating_sub(self.running.available_permits());
        let inside = WAITING_MAX.saturating_sub(self.waiting.available_permits());
        Load {
            running,
            waiting: inside.saturating_sub(running),
        }
    }

    /// The hash of a password as a PHC string.
    pub async fn hash(&self, password: &str) -> Result<String> {
        let password = password.to_owned();
        self.run(move || {
            argon2()?
                .hash_password(password.as_bytes())
                .map(|hash| hash.to_string())
                .map_err(|e| Error::internal(e.to_string()))
        })
        .await
    }

    /// Whether the password is the one behind the hash. Without a hash it takes as long and says no, so that a caller
    /// cannot tell by time whether an account, or its password, exists.
    pub async fn verify(&self, password: &str, hash: Option<&str>) -> Result<bool> {
        let Some(hash) = hash else {
            self.hash(password).await?;
            return Ok(false);
        };
        let (password, hash) = (password.to_owned(), hash.to_owned());
        self.run(move || {
            let Some(kind) = kind(&hash) else {
                return Err(Error::internal("a stored password hash of an unknown kind"));
            };
            if kind == Kind::Bcrypt {
                return bcrypt::verify(password.as_bytes(), &hash).map_err(|e| Error::internal(e.to_string()));
            }
            let hash = PasswordHash::new(&hash).map_err(|e| Error::internal(e.to_string()))?;
            let password = password.as_bytes();
            Ok(match kind {
                Kind::Argon2 => argon2()?.verify_password(password, &hash).is_ok(),
                Kind::Scrypt => Scrypt::default().verify_password(password, &hash).is_ok(),
                Kind::Pbkdf2 => Pbkdf2::default().verify_password(password, &hash).is_ok(),
                Kind::Bcrypt => false,
            })
        })
        .await
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
        let _place = self
            .waiting
            .try_acquire()
            .map_err(|_| Error::unavailable(Reason::Busy, "too many passwords wait to be hashed"))?;
        let turn = Arc::clone(&self.running)
            .acquire_owned()
            .await
            .map_err(Error::internal)?;
        // The turn goes with the work: a caller who hangs up does not free a core that is still busy.
        tokio::task::spawn_blocking(move || {
            let _turn = turn;
            work()
        })
        .await
        .map_err(Error::internal)?
    }
}

/// Whether a hash is of the kind and the parameters that new ones have.
pub(super) fn is_current(hash: &str) -> bool {
    let Ok(hash) = PasswordHash::new(hash) else {
        return false;
    };
    let parameter = |name: &str| hash.params.get_decimal(name);
    hash.algorithm.as_str() == Algorithm::Argon2id.as_str()
        && hash.version == Some(u32::from(Version::V0x13))
        && parameter("m") == Some(MEMORY_KIB)
        && parameter("t") == Some(ITERATIONS)
        && parameter("p") == Some(LANES)
}

fn argon2() -> Result<Argon2<'static>> {
    let parameters = Params::new(MEMORY_KIB, ITERATIONS, LANES, None).map_err(|e| Error::internal(e.to_string()))?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, parameters))
}
