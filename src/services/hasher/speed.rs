//! Predicts how long this machine takes for a hash.

use std::time::{Duration, Instant};

use super::imported::recognize;
use super::stored::{Digest, ITERATIONS, MEMORY_KIB, Stored};
use crate::model::error::{Error, Result};

/// The unit in which hashes of one kind are measured: all steps take about the same time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// One pass over a KiB of Argon2's memory.
    Argon2,
    /// One pass over a KiB of scrypt's memory.
    Scrypt,
    /// A round of PBKDF2 for one block.
    Pbkdf2(Digest),
    /// One of bcrypt's 2^cost rounds.
    Bcrypt,
}

impl Stored {
    fn steps(&self) -> (Step, f64) {
        match self {
            Self::Argon2 { params, .. } => (Step::Argon2, f64::from(params.m_cost()) * f64::from(params.t_cost())),
            Self::Scrypt { params, .. } => {
                let kib = f64::from(params.r()) / 8.0 * f64::from(params.log_n()).exp2();
                (Step::Scrypt, kib * f64::from(params.p()))
            }
            Self::Pbkdf2 {
                digest, rounds, hash, ..
            } => {
                let blocks = u32::try_from(hash.len().div_ceil(digest.bytes())).unwrap_or(1);
                (Step::Pbkdf2(*digest), f64::from(rounds.get()) * f64::from(blocks))
            }
            Self::Bcrypt(parts) => (Step::Bcrypt, f64::from(parts.get_cost()).exp2()),
        }
    }
}

/// The time of one step of each kind, in seconds.
#[derive(Clone, Copy, Debug)]
pub struct Speeds {
    argon2: f64,
    scrypt: f64,
    sha256: f64,
    sha512: f64,
    bcrypt: f64,
}

/// Cheap hashes of each kind, the first of them like our own.
const SAMPLES: [&str; 5] = [
    "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0c2FsdA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    "$scrypt$ln=13,r=8,p=1$c2FsdHNhbHRzYWx0c2FsdA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    "$pbkdf2-sha256$i=10000,l=32$c2FsdHNhbHRzYWx0c2FsdA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    "$pbkdf2-sha512$i=5000,l=32$c2FsdHNhbHRzYWx0c2FsdA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    "$2b$06$abcdefghijklmnopqrstuu...............................",
];
/// How often each is computed. The fastest counts, because the machine may be busy.
const TIMES: usize = 3;

/// The most expensive hash in common use: scrypt with the parameters that OWASP recommends.
const USUAL: &str = "$scrypt$ln=17,r=8,p=1$c2FsdHNhbHRzYWx0c2FsdA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Hashes that need more memory than the samples do not fit into the CPU caches, and take up to twice as long per step.
const OUT_OF_CACHE: f64 = 2.0;
/// Allows for other load on the machine.
const MARGIN: f64 = 2.0;

impl Speeds {
    /// Measures this machine; takes a fifth of a second on one core.
    pub fn measure() -> Result<Self> {
        let [argon2, scrypt, sha256, sha512, bcrypt] = SAMPLES.map(time_of_a_step);
        Ok(Self {
            argon2: argon2?,
            scrypt: scrypt?,
            sha256: sha256?,
            sha512: sha512?,
            bcrypt: bcrypt?,
        })
    }

    /// The speeds of a machine that is faster by this factor.
    #[must_use]
    pub fn times(self, factor: f64) -> Self {
        Self {
            argon2: self.argon2 / factor,
            scrypt: self.scrypt / factor,
            sha256: self.sha256 / factor,
            sha512: self.sha512 / factor,
            bcrypt: self.bcrypt / factor,
        }
    }

    /// Whether verifying this is more expensive than a hash of our own.
    pub(super) fn is_dear(&self, stored: &Stored) -> bool {
        let ours = self.argon2 * f64::from(MEMORY_KIB) * f64::from(ITERATIONS);
        self.seconds(stored) > 1.5 * ours
    }

    /// How long verifying this takes at most, almost always.
    pub(super) fn allowed(&self, stored: &Stored) -> Duration {
        let out_of_cache = match stored {
            Stored::Argon2 { .. } => OUT_OF_CACHE,
            // Only the first lane uses new memory.
            Stored::Scrypt { params, .. } => 1.0 + (OUT_OF_CACHE - 1.0) / f64::from(params.p()),
            Stored::Pbkdf2 { .. } | Stored::Bcrypt(_) => 1.0,
        };
        Duration::from_secs_f64(self.seconds(stored) * out_of_cache * MARGIN)
    }

    /// How long verifying any hash in common use takes at most, almost always.
    pub(super) fn usual(&self) -> Result<Duration> {
        recognize(USUAL)
            .map(|stored| self.allowed(&stored))
            .map_err(Error::internal)
    }

    fn seconds(&self, stored: &Stored) -> f64 {
        let (step, number) = stored.steps();
        number
            * match step {
                Step::Argon2 => self.argon2,
                Step::Scrypt => self.scrypt,
                Step::Pbkdf2(Digest::Sha256) => self.sha256,
                Step::Pbkdf2(Digest::Sha512) => self.sha512,
                Step::Bcrypt => self.bcrypt,
            }
    }
}

fn time_of_a_step(sample: &str) -> Result<f64> {
    let stored = recognize(sample).map_err(Error::internal)?;
    let mut fastest = Duration::MAX;
    for _ in 0..TIMES {
        let started = Instant::now();
        stored.opens("any password")?;
        fastest = fastest.min(started.elapsed());
    }
    let (_, number) = stored.steps();
    Ok(fastest.as_secs_f64() / number)
}
