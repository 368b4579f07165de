//! Computing hashes, on a bounded number of blocking threads.

mod digest;
mod firebase;
mod forms;
mod imported;
mod limits;
mod named;
mod onion;
mod phc;
mod refused;
mod sha_crypt;
mod speed;
mod stored;
mod text;
mod turns;
mod typed;
mod weak;

pub use firebase::FirebaseProject;
pub use imported::{Recognized, recognize};
pub use named::NamedHash;
pub use refused::Refused;
pub use speed::Speeds;
pub use stored::Stored;
pub use turns::Load;
pub use typed::{CHARACTERS_MAX, Password};
pub use weak::Weak;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use argon2::password_hash::PasswordHasher;
use argon2::{Algorithm, Argon2, Params, Version};

use self::imported::ready;
use self::stored::{ITERATIONS, LANES, MEMORY_KIB};
use self::turns::Turns;
use self::typed::BYTES_MAX;
use crate::model::error::{Error, Result};

/// The maximum number of waiting hashes; a further one fails with `UNAVAILABLE`. At about 60 hashes per second and
/// core, this is about as long as a person will wait.
const WAITING_MAX: usize = 256;
/// The same for expensive ones.
const DEAR_WAITING_MAX: usize = 64;
/// The maximum time before a wrong password is refused, however slow the machine is.
const DEADLINE_MAX: Duration = Duration::from_secs(10);

/// Whether a stored hash can be checked, within the limits on its cost.
pub fn is_verifiable(hash: &str) -> bool {
    recognize(hash).is_ok()
}

/// Hashes and checks passwords: each takes a core for 16 ms and 19 MiB, so only as many run at once as there are cores.
///
/// An imported hash may take a second and 128 MiB. Hashes that are more expensive than ours have a few slots of their
/// own, and one organization never gets all of them, so neither our own hashes nor those of another organization wait
/// for them.
#[derive(Clone, Debug)]
pub struct Hasher(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    ours: Turns,
    dear: Turns,
    /// The speeds of this machine, once measured.
    speeds: OnceLock<Speeds>,
    /// The longest time that was allowed for checking a hash, in microseconds.
    dearest_micros: AtomicU64,
    /// The longest time that was allowed for each byte of the password, in nanoseconds.
    dearest_byte_nanos: AtomicU64,
    computed: AtomicU64,
}

impl Default for Hasher {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let dear = (cores / 2).clamp(2, 4);
        Self(Arc::new(Inner {
            ours: Turns::new(cores, cores, WAITING_MAX),
            dear: Turns::new(dear, dear - 1, DEAR_WAITING_MAX),
            speeds: OnceLock::new(),
            dearest_micros: AtomicU64::new(0),
            dearest_byte_nanos: AtomicU64::new(0),
            computed: AtomicU64::new(0),
        }))
    }
}

/// The result of verifying a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checked {
    Wrong,
    Right,
    /// Right, but the hash must be replaced: it does not have today's parameters, or is of another spelling.
    RightAndStale,
}

impl Hasher {
    /// For a machine of these speeds, instead of measuring this one.
    pub fn with_speeds(speeds: Speeds) -> Self {
        let hasher = Self::default();
        // It is new and has none.
        let _ = hasher.0.speeds.set(speeds);
        hasher
    }

    /// Measures the machine, if that was not done yet. It blocks the thread for a moment.
    pub fn measure(&self) -> Result<Speeds> {
        if let Some(speeds) = self.0.speeds.get() {
            return Ok(*speeds);
        }
        let measured = Speeds::measure()?;
        Ok(*self.0.speeds.get_or_init(|| measured))
    }

    /// The number of hashes being computed, and of waiting ones.
    pub fn load(&self) -> Load {
        let (ours, dear) = (self.0.ours.load(), self.0.dear.load());
        Load {
            running: ours.running + dear.running,
            waiting: ours.waiting + dear.waiting,
        }
    }

    /// The number of hashes computed since the start.
    pub fn computed(&self) -> u64 {
        self.0.computed.load(Ordering::Relaxed)
    }

    fn count(&self) {
        self.0.computed.fetch_add(1, Ordering::Relaxed);
    }

    /// The hash of a password as a PHC string. `organization` is the one whose turn it takes: the account's or the
    /// caller's.
    pub async fn hash(&self, organization: Option<i64>, password: &Password) -> Result<String> {
        let (hasher, password) = (self.clone(), password.clone());
        run(&self.0.ours, organization, move || {
            hasher.count();
            new_hash(password.expose().as_bytes())
        })
        .await
    }

    /// The text to store for a weak hash: Argon2id around it. That takes as long as the hash of a password.
    pub async fn wrap(&self, organization: Option<i64>, weak: &Weak) -> Result<String> {
        let (hasher, weak) = (self.clone(), weak.clone());
        run(&self.0.ours, organization, move || {
            hasher.count();
            Ok(weak.wrapped(&new_hash(weak.digits().as_bytes())?))
        })
        .await
    }

    /// Verifies a password against a hash. Without a hash, it takes as long as one of ours.
    pub async fn verify(&self, organization: Option<i64>, password: &Password, hash: Option<&str>) -> Result<Checked> {
        let Some(hash) = hash.filter(|_| password.spellings().next().is_some()) else {
            self.hash(organization, &Password::new("")).await?;
            return Ok(Checked::Wrong);
        };
        let stored = ready(hash).map_err(|refused| Error::internal(refused.message))?;
        let turns = self.allow_for(&stored).await?;
        let (hasher, password) = (self.clone(), password.clone());
        run(turns, organization, move || {
            for (number, spelling) in password.spellings().enumerate() {
                hasher.count();
                if stored.opens(spelling)? {
                    let stale = !stored.is_ours() || number > 0;
                    return Ok(match stale && !stored.opens_for_more_than(spelling) {
                        true => Checked::RightAndStale,
                        false => Checked::Right,
                    });
                }
            }
            Ok(Checked::Wrong)
        })
        .await
    }

    /// Refuses a hash that cannot be verified or is too expensive. For any other one, returns the text to store; see
    /// [`stored_form`](Self::stored_form).
    pub async fn accept(&self, field: &str, organization: Option<i64>, hash: &str) -> Result<String> {
        let recognized = recognize(hash).map_err(|refused| Error::invalid(field, refused.message))?;
        self.stored_form(organization, &recognized).await
    }

    /// The text to store for a hash, which may be verified from now on. A weak one is wrapped. `organization` is the one
    /// whose turn it takes.
    pub async fn stored_form(&self, organization: Option<i64>, recognized: &Recognized) -> Result<String> {
        let text = match recognized {
            Recognized::Ready(stored) => stored.text(),
            Recognized::Weak(weak) => self.wrap(organization, weak).await?,
        };
        let stored = ready(&text).map_err(|refused| Error::internal(refused.message))?;
        self.allow_for(&stored).await?;
        Ok(text)
    }

    /// When a wrong password is refused, counted from the request: almost every verification of any hash is finished by
    /// then. So the response time does not reveal whether there is an account, or where its hash came from.
    ///
    /// It is the time of the most expensive hash in common use on this machine; or of a more expensive one, once this
    /// process has seen one. It never decreases while the process runs. A password with two spellings gets twice the
    /// time, and a long one more, once this process has seen a hash for which the length matters.
    pub async fn deadline(&self, password: &Password) -> Result<Duration> {
        let usual = self.speeds().await?.usual()?;
        let dearest = Duration::from_micros(self.0.dearest_micros.load(Ordering::Relaxed));
        let dearest_byte = Duration::from_nanos(self.0.dearest_byte_nanos.load(Ordering::Relaxed));
        let bytes = password.expose().len().max(password.as_typed().len()).min(BYTES_MAX);
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        let spellings = u32::try_from(password.spellings().count()).unwrap_or(1).max(1);
        let of_one = usual.max(dearest).saturating_add(dearest_byte.saturating_mul(bytes));
        Ok(of_one.saturating_mul(spellings).min(DEADLINE_MAX))
    }

    /// Where verifying a hash takes its turn. From now on, refusals allow time for it.
    async fn allow_for(&self, stored: &Stored) -> Result<&Turns> {
        let speeds = self.speeds().await?;
        let allowed = speeds.allowed(stored);
        let micros = u64::try_from(allowed.fixed.as_micros()).unwrap_or(u64::MAX);
        let byte_nanos = u64::try_from(allowed.per_byte.as_nanos()).unwrap_or(u64::MAX);
        self.0.dearest_micros.fetch_max(micros, Ordering::Relaxed);
        self.0.dearest_byte_nanos.fetch_max(byte_nanos, Ordering::Relaxed);
        Ok(match speeds.is_dear(stored) {
            true => &self.0.dear,
            false => &self.0.ours,
        })
    }

    async fn speeds(&self) -> Result<Speeds> {
        if let Some(speeds) = self.0.speeds.get() {
            return Ok(*speeds);
        }
        let hasher = self.clone();
        tokio::task::spawn_blocking(move || hasher.measure())
            .await
            .map_err(Error::internal)?
    }
}

async fn run<T: Send + 'static>(
    turns: &Turns,
    organization: Option<i64>,
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    let turn = turns.take(organization).await?;
    // The turn is held by the work: if the caller disconnects, the core is still busy.
    tokio::task::spawn_blocking(move || {
        let _turn = turn;
        work()
    })
    .await
    .map_err(Error::internal)?
}

/// A hash with a new salt, as a PHC string.
fn new_hash(bytes: &[u8]) -> Result<String> {
    let parameters = Params::new(MEMORY_KIB, ITERATIONS, LANES, None).map_err(|e| Error::internal(e.to_string()))?;
    Argon2::new(Algorithm::Argon2id, Version::V0x13, parameters)
        .hash_password(bytes)
        .map(|hash| hash.to_string())
        .map_err(|e| Error::internal(e.to_string()))
}
