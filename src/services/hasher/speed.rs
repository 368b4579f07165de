//! Predicts how long this machine takes for a hash.

use std::time::{Duration, Instant};

use super::digest::Digest;
use super::imported::ready;
use super::sha_crypt::ShaCrypt;
use super::stored::{Argon2Hash, ITERATIONS, MEMORY_KIB, Stored};
use super::weak::Inner;
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
    /// A byte that SHA-crypt computes the digest of.
    ShaCrypt(Digest),
    /// A byte that phpass computes MD5 of.
    Phpass,
}

/// What verifying a password takes.
struct Work {
    step: Step,
    /// The number of steps for an empty password, and how many more for each byte of it.
    number: f64,
    per_byte: f64,
    /// How much longer a step may take than that of a sample.
    out_of_cache: f64,
}

impl Work {
    fn new(step: Step, number: f64) -> Self {
        Self {
            step,
            number,
            per_byte: 0.0,
            out_of_cache: 1.0,
        }
    }

    /// With `out_of_cache` for so much of it.
    fn in_memory(self, part: f64) -> Self {
        Self {
            out_of_cache: 1.0 + (OUT_OF_CACHE - 1.0) * part,
            ..self
        }
    }

    /// The steps for a password of this length.
    fn of(&self, bytes: u32) -> f64 {
        self.number + self.per_byte * f64::from(bytes)
    }
}

impl Stored {
    fn work(&self) -> Vec<Work> {
        match self {
            Self::Argon2(hash) => vec![hash.work()],
            Self::Scrypt { params, .. } => vec![scrypt(params)],
            Self::Firebase(hash) => vec![scrypt(&hash.params)],
            Self::Pbkdf2 {
                digest, rounds, hash, ..
            } => {
                let blocks = u32::try_from(hash.len().div_ceil(digest.bytes())).unwrap_or(1);
                let number = f64::from(rounds.get()) * f64::from(blocks);
                vec![Work::new(Step::Pbkdf2(*digest), number)]
            }
            Self::Bcrypt { parts, .. } => vec![Work::new(Step::Bcrypt, f64::from(parts.get_cost()).exp2())],
            Self::ShaCrypt(hash) => vec![hash.work()],
            Self::Onion(onion) => {
                let inner = onion.inner.work();
                inner.into_iter().chain([onion.outer.work()]).collect()
            }
        }
    }
}

impl Argon2Hash {
    fn work(&self) -> Work {
        let number = f64::from(self.params.m_cost()) * f64::from(self.params.t_cost());
        Work::new(Step::Argon2, number).in_memory(1.0)
    }
}

impl ShaCrypt {
    /// Each round computes a digest of the one before, the salt and, mostly twice, the password.
    fn work(&self) -> Work {
        let bytes = u32::try_from(self.digest.bytes() + self.salt.len()).unwrap_or(u32::MAX);
        let rounds = f64::from(self.rounds);
        Work {
            per_byte: 2.0 * rounds,
            ..Work::new(Step::ShaCrypt(self.digest), rounds * (f64::from(bytes) + PADDING))
        }
    }
}

impl Inner {
    /// Each round computes MD5 of the digest before and the password. Other functions take no time worth measuring.
    fn work(&self) -> Option<Work> {
        let rounds = f64::from(self.log_rounds()?).exp2();
        Some(Work {
            per_byte: rounds,
            ..Work::new(Step::Phpass, rounds * (MD5_BYTES + PADDING))
        })
    }
}

fn scrypt(params: &scrypt::Params) -> Work {
    let kib = f64::from(params.r()) / 8.0 * f64::from(params.log_n()).exp2();
    let lanes = f64::from(params.p());
    // Only the first lane uses new memory.
    Work::new(Step::Scrypt, kib * lanes).in_memory(1.0 / lanes)
}

const MD5_BYTES: f64 = 16.0;
/// What a digest adds to its input, about.
const PADDING: f64 = 12.0;

/// The time of one step of each kind, in seconds.
#[derive(Clone, Copy, Debug)]
pub struct Speeds {
    argon2: f64,
    scrypt: f64,
    sha1: f64,
    sha256: f64,
    sha512: f64,
    bcrypt: f64,
    sha256_crypt: f64,
    sha512_crypt: f64,
    phpass: f64,
}

/// How long something takes: in any case, and for each byte of the password.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cost {
    pub fixed: Duration,
    pub per_byte: Duration,
}

/// Cheap hashes of each kind, the first of them like our own.
const SAMPLES: [&str; 8] = [
    "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0c2FsdA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    "$scrypt$ln=13,r=8,p=1$c2FsdHNhbHRzYWx0c2FsdA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    "$pbkdf2-sha1$i=10000,l=20$c2FsdHNhbHRzYWx0c2FsdA$AAAAAAAAAAAAAAAAAAAAAAAAAAA",
    "$pbkdf2-sha256$i=10000,l=32$c2FsdHNhbHRzYWx0c2FsdA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    "$pbkdf2-sha512$i=5000,l=32$c2FsdHNhbHRzYWx0c2FsdA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    "$2b$06$abcdefghijklmnopqrstuu...............................",
    "$5$saltsaltsaltsalt$...........................................",
    "$6$saltsaltsaltsalt$......................................................................................",
];
/// The inner part of a wrapped hash of phpass.
const PHPASS_SAMPLE: &str = "phpass,n=11,s=c2FsdHNhbHQ";
const PASSWORD_SAMPLE: &str = "any password";
const PASSWORD_SAMPLE_BYTES: u32 = 12;
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
        let [argon2, scrypt, sha1, sha256, sha512, bcrypt, sha256_crypt, sha512_crypt] = SAMPLES.map(time_of_a_step);
        Ok(Self {
            argon2: argon2?,
            scrypt: scrypt?,
            sha1: sha1?,
            sha256: sha256?,
            sha512: sha512?,
            bcrypt: bcrypt?,
            sha256_crypt: sha256_crypt?,
            sha512_crypt: sha512_crypt?,
            phpass: time_of_phpass()?,
        })
    }

    /// The speeds of a machine that is faster by this factor.
    #[must_use]
    pub fn times(self, factor: f64) -> Self {
        Self {
            argon2: self.argon2 / factor,
            scrypt: self.scrypt / factor,
            sha1: self.sha1 / factor,
            sha256: self.sha256 / factor,
            sha512: self.sha512 / factor,
            bcrypt: self.bcrypt / factor,
            sha256_crypt: self.sha256_crypt / factor,
            sha512_crypt: self.sha512_crypt / factor,
            phpass: self.phpass / factor,
        }
    }

    /// Whether verifying this is more expensive than a hash of our own.
    pub(super) fn is_dear(&self, stored: &Stored) -> bool {
        let ours = self.argon2 * f64::from(MEMORY_KIB) * f64::from(ITERATIONS);
        let works = stored.work();
        let seconds = works
            .iter()
            .map(|work| work.of(PASSWORD_SAMPLE_BYTES) * self.of(work.step));
        seconds.sum::<f64>() > 1.5 * ours
    }

    /// How long verifying this takes at most, almost always.
    pub(super) fn allowed(&self, stored: &Stored) -> Cost {
        let (mut fixed, mut per_byte) = (0.0, 0.0);
        for work in stored.work() {
            let seconds = self.of(work.step) * work.out_of_cache * MARGIN;
            fixed += seconds * work.number;
            per_byte += seconds * work.per_byte;
        }
        Cost {
            fixed: Duration::from_secs_f64(fixed),
            per_byte: Duration::from_secs_f64(per_byte),
        }
    }

    /// How long verifying any hash in common use takes at most, almost always.
    pub(super) fn usual(&self) -> Result<Duration> {
        ready(USUAL)
            .map(|stored| self.allowed(&stored).fixed)
            .map_err(|refused| Error::internal(refused.message))
    }

    /// The seconds of a step.
    fn of(&self, step: Step) -> f64 {
        match step {
            Step::Argon2 => self.argon2,
            Step::Scrypt => self.scrypt,
            Step::Pbkdf2(Digest::Sha1) => self.sha1,
            Step::Pbkdf2(Digest::Sha256) => self.sha256,
            Step::Pbkdf2(Digest::Sha512) => self.sha512,
            Step::Bcrypt => self.bcrypt,
            Step::ShaCrypt(Digest::Sha512) => self.sha512_crypt,
            Step::ShaCrypt(Digest::Sha1 | Digest::Sha256) => self.sha256_crypt,
            Step::Phpass => self.phpass,
        }
    }
}

fn time_of_a_step(sample: &str) -> Result<f64> {
    let stored = ready(sample).map_err(|refused| Error::internal(refused.message))?;
    let fastest = fastest(|| stored.opens(PASSWORD_SAMPLE).map(|_| ()))?;
    let number: f64 = stored.work().iter().map(|work| work.of(PASSWORD_SAMPLE_BYTES)).sum();
    Ok(fastest / number)
}

fn time_of_phpass() -> Result<f64> {
    let inner = Inner::parse(PHPASS_SAMPLE).map_err(|refused| Error::internal(refused.message))?;
    let fastest = fastest(|| {
        drop(std::hint::black_box(inner.digest(PASSWORD_SAMPLE.as_bytes())));
        Ok(())
    })?;
    let number = inner.work().map_or(1.0, |work| work.of(PASSWORD_SAMPLE_BYTES));
    Ok(fastest / number)
}

fn fastest(run: impl Fn() -> Result<()>) -> Result<f64> {
    let mut fastest = Duration::MAX;
    for _ in 0..TIMES {
        let started = Instant::now();
        run()?;
        fastest = fastest.min(started.elapsed());
    }
    Ok(fastest.as_secs_f64())
}
