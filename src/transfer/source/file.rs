//! Files of an import: opened, unpacked and counted.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::bufread::MultiGzDecoder;

use crate::transfer::format::keycloak::files_of;
use crate::transfer::format::{Input, Inputs};
use crate::transfer::record::Fault;

/// A packed file may become so many times as large. Real files become ten times as large.
const UNPACKED_MAX: u64 = 1_000;
/// How a packed file begins.
const GZIP: [u8; 2] = [0x1F, 0x8B];
const BUFFER_BYTES: usize = 64 * 1024;

/// A file of an import.
pub(super) struct File {
    /// What rows and faults call it.
    pub(super) name: Arc<str>,
    place: Place,
    /// Its size.
    pub(super) bytes: u64,
}

enum Place {
    Path(PathBuf),
    /// A copy of what can be read only once.
    Copy(Arc<std::fs::File>),
}

/// The files that these paths mean, and whether one of the paths is a directory.
pub(super) fn find(paths: &[PathBuf]) -> Result<(Vec<File>, bool), Fault> {
    let mut files: Vec<File> = Vec::new();
    let mut has_directory = false;
    let mut has_standard_input = false;
    for path in paths {
        if path.as_os_str() == OsStr::new("-") {
            if std::mem::replace(&mut has_standard_input, true) {
                return Err(Fault::new(
                    "'-' is given twice, but standard input can be read once. Leave one out.",
                ));
            }
            files.push(File::copied("standard input", std::io::stdin().lock())?);
        } else if path.is_dir() {
            has_directory = true;
            for path in files_of(path)? {
                files.push(File::at(path)?);
            }
        } else {
            files.push(File::at(path.clone())?);
        }
    }
    match files.is_empty() {
        true => Err(Fault::new(
            "There is nothing to read. Name a file, a directory, or '-' for standard input.",
        )),
        false => Ok((files, has_directory)),
    }
}

/// Opens the files one after the other. Only if there are several, they have names.
pub(super) fn inputs(files: Arc<[File]>, read: Arc<AtomicU64>) -> Inputs {
    let has_names = files.len() > 1;
    Box::new((0..files.len()).filter_map(move |at| {
        let file = files.get(at)?;
        Some(file.open(&read).map(|bytes| Input {
            name: has_names.then(|| Arc::clone(&file.name)),
            bytes,
        }))
    }))
}

impl File {
    fn at(path: PathBuf) -> Result<Self, Fault> {
        let name: Arc<str> = path.display().to_string().into();
        let file = std::fs::File::open(&path).map_err(|error| unreadable(&name, &error))?;
        let about = file.metadata().map_err(|error| unreadable(&name, &error))?;
        // A pipe, such as the shell's `<(…)`.
        if !about.is_file() {
            return Self::copied(&name, file);
        }
        Ok(Self {
            name,
            place: Place::Path(path),
            bytes: about.len(),
        })
    }

    /// Copies what can be read only once to a file without a name, of mode 0600, which ends with the process.
    pub(super) fn copied(name: &str, mut input: impl Read) -> Result<Self, Fault> {
        let mut copy = tempfile::tempfile().map_err(|error| uncopied(name, &error))?;
        let bytes = std::io::copy(&mut input, &mut copy).map_err(|error| uncopied(name, &error))?;
        Ok(Self {
            name: name.into(),
            place: Place::Copy(Arc::new(copy)),
            bytes,
        })
    }

    /// The path, unless it is a copy.
    pub(super) fn path(&self) -> Option<&Path> {
        match &self.place {
            Place::Path(path) => Some(path),
            Place::Copy(_) => None,
        }
    }

    /// How many bytes it has unpacked, without reading it: a packed file ends with this number. It may be of a part of it only,
    /// or have lost its upper digits; so it is not less than what is stored.
    pub(super) fn bytes_unpacked(&self) -> u64 {
        self.told_at_end().unwrap_or(0).max(self.bytes)
    }

    fn told_at_end(&self) -> Option<u64> {
        let opened;
        let file = match &self.place {
            Place::Path(path) => {
                opened = std::fs::File::open(path).ok()?;
                &opened
            }
            Place::Copy(file) => file.as_ref(),
        };
        let (mut start, mut end) = ([0; GZIP.len()], [0; 4]);
        file.read_exact_at(&mut start, 0).ok()?;
        file.read_exact_at(&mut end, self.bytes.checked_sub(4)?).ok()?;
        (start == GZIP).then(|| u32::from_le_bytes(end).into())
    }

    /// The bytes from the beginning, unpacked. `read` counts them as they are stored.
    pub(super) fn open(&self, read: &Arc<AtomicU64>) -> Result<Box<dyn BufRead + Send>, Fault> {
        let bytes: Box<dyn Read + Send> = match &self.place {
            Place::Path(path) => {
                let file = std::fs::File::open(path).map_err(|error| unreadable(&self.name, &error))?;
                Box::new(file)
            }
            Place::Copy(file) => Box::new(Copied {
                file: Arc::clone(file),
                place: 0,
            }),
        };
        let counted = Counted {
            bytes,
            read: Arc::clone(read),
        };
        let mut stored = BufReader::with_capacity(BUFFER_BYTES, counted);
        let start = stored.fill_buf().map_err(|error| unreadable(&self.name, &error))?;
        if !start.starts_with(&GZIP) {
            return Ok(Box::new(stored));
        }
        let unpacked = Unpacked {
            bytes: MultiGzDecoder::new(stored),
            left: self.bytes.saturating_mul(UNPACKED_MAX),
        };
        Ok(Box::new(BufReader::with_capacity(BUFFER_BYTES, unpacked)))
    }
}

fn unreadable(name: &Arc<str>, error: &std::io::Error) -> Fault {
    Fault {
        file: Some(Arc::clone(name)),
        ..Fault::new(format!("The file cannot be read: {error}."))
    }
}

fn uncopied(name: &str, error: &std::io::Error) -> Fault {
    Fault::new(format!(
        "A copy of {name} cannot be made in the directory for temporary files: {error}. Choose another directory with \
         TMPDIR, or import a file."
    ))
}

/// Reads a copy from its beginning. Other readers of it have a place of their own.
struct Copied {
    file: Arc<std::fs::File>,
    place: u64,
}

impl Read for Copied {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.file.read_at(buffer, self.place)?;
        self.place = self.place.saturating_add(u64::try_from(count).unwrap_or(0));
        Ok(count)
    }
}

/// Counts bytes for a progress bar.
struct Counted<R> {
    bytes: R,
    read: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.bytes.read(buffer)?;
        self.read
            .fetch_add(u64::try_from(count).unwrap_or(0), Ordering::Relaxed);
        Ok(count)
    }
}

/// Unpacks a file, but no more of it than there can be in a file that somebody exported.
struct Unpacked<R> {
    bytes: R,
    left: u64,
}

impl<R: Read> Read for Unpacked<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.bytes.read(buffer).map_err(|error| {
            std::io::Error::new(error.kind(), format!("it is packed, and damaged or cut ({error})"))
        })?;
        match self.left.checked_sub(u64::try_from(count).unwrap_or(u64::MAX)) {
            Some(left) => {
                self.left = left;
                Ok(count)
            }
            None => Err(std::io::Error::other("unpacked, it is more than 1,000 times as large")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packed_file_tells_how_large_it_is() {
        let bytes_unpacked = |bytes: &[u8]| File::copied("x", bytes).map(|file| file.bytes_unpacked()).ok();
        assert_eq!(bytes_unpacked(b"12345"), Some(5));
        assert_eq!(bytes_unpacked(b""), Some(0));
        assert_eq!(bytes_unpacked(&GZIP), Some(2));
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        std::io::Write::write_all(&mut packed, &[b' '; 70_000]).unwrap();
        assert_eq!(bytes_unpacked(&packed.finish().unwrap()), Some(70_000));
    }

    #[test]
    fn no_more_is_unpacked_than_the_limit() {
        let read = |left: u64| {
            let mut unpacked = Unpacked {
                bytes: [0_u8; 2_000].as_slice(),
                left,
            };
            let mut bytes = Vec::new();
            unpacked.read_to_end(&mut bytes).map_err(|error| error.to_string())
        };
        assert_eq!(read(2_000), Ok(2_000));
        assert!(read(1_999).unwrap_err().contains("1,000 times"));
    }
}
