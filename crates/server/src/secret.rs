//! The secret that join tokens are signed with.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// HS256 wants at least as many bytes as its hash has (RFC 7518 section 3.2).
const SECRET_BYTES: usize = 32;

/// Why there is no secret.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The data directory cannot be made.
    #[error("cannot make the data directory {path}: {source}", path = path.display())]
    MakeDirectory {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The secret cannot be made.
    #[error("cannot make the secret {path}: {source}", path = path.display())]
    Make {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The secret cannot be read.
    #[error("cannot read the secret {path}: {source}", path = path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The secret is too short to be one.
    #[error("the secret {path} has {bytes} bytes; it must have at least {SECRET_BYTES}", path = path.display())]
    TooShort {
        /// Which file.
        path: PathBuf,
        /// How many.
        bytes: usize,
    },
}

/// The bytes of a secret; they never print.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Vec<u8>);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("‹private›")
    }
}

impl Secret {
    /// For the cryptography only.
    pub fn reveal(&self) -> &[u8] {
        &self.0
    }

    /// The secret of a data directory; whoever comes first makes it.
    ///
    /// # Errors
    /// When directory or secret can neither be read nor made.
    pub fn of_data(data: &Path) -> Result<Self, SecretError> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(data)
            .map_err(|source| SecretError::MakeDirectory { path: data.to_owned(), source })?;
        let path = data.join("secret");
        if !path.exists() {
            make(data, &path).map_err(|source| SecretError::Make { path: path.clone(), source })?;
        }
        Self::of_file(&path)
    }

    /// The secret in a file: all of its bytes, but for the line end that editors leave behind text.
    ///
    /// # Errors
    /// When it cannot be read or is too short.
    pub fn of_file(path: &Path) -> Result<Self, SecretError> {
        let mut bytes = fs::read(path).map_err(|source| SecretError::Read { path: path.to_owned(), source })?;
        let text = bytes.iter().all(|byte| byte.is_ascii_graphic() || b" \r\n".contains(byte));
        while text && bytes.last().is_some_and(|byte| b"\r\n".contains(byte)) {
            bytes.pop();
        }
        if bytes.len() < SECRET_BYTES {
            return Err(SecretError::TooShort { path: path.to_owned(), bytes: bytes.len() });
        }
        Ok(Self(bytes))
    }
}

/// Writes a new secret beside its place and links it there, so that nobody ever reads half of one and, of two
/// who come at the same time, the second finds the first one's.
fn make(data: &Path, path: &Path) -> io::Result<()> {
    let mut secret = [0; SECRET_BYTES];
    getrandom::fill(&mut secret).map_err(io::Error::other)?;
    let suffix = getrandom::u64().map_err(io::Error::other)?;
    let draft = data.join(format!(".secret-{suffix:016x}"));
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
    let linked = file.write_all(&secret).and_then(|()| file.sync_all()).and_then(|()| fs::hard_link(&draft, path));
    // also when the disk was full: no half of a secret is left
    fs::remove_file(&draft)?;
    match linked {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn directory(name: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("consilium-secret-{name}-{}", std::process::id()));
        if path.exists() {
            fs::remove_dir_all(&path).expect("left over from a run before");
        }
        path
    }

    #[test]
    fn whoever_comes_first_makes_it_and_all_read_the_same() {
        let data = directory("race").join("deep");
        let secrets: Vec<_> = std::thread::scope(|scope| {
            let readers: Vec<_> = (0..16).map(|_| scope.spawn(|| Secret::of_data(&data))).collect();
            readers.into_iter().map(|reader| reader.join().expect("no panic").expect("a secret")).collect()
        });
        assert!(secrets.windows(2).all(|pair| pair[0] == pair[1]));
        assert_eq!(secrets[0].reveal().len(), 32);
        let mode = |path: &Path| fs::metadata(path).expect("is there").permissions().mode() & 0o777;
        assert_eq!((mode(&data), mode(&data.join("secret"))), (0o700, 0o600));
        assert_eq!(fs::read_dir(&data).expect("is there").count(), 1, "no draft is left");
        fs::remove_dir_all(data.parent().expect("has one")).expect("is ours");
    }

    #[test]
    fn text_loses_its_line_end_and_nothing_else() {
        let data = directory("text");
        fs::create_dir_all(&data).expect("temporary directory");
        let path = data.join("given");
        let cases: [(&[u8], Option<usize>); 4] = [
            (b"0123456789abcdef0123456789abcdef\n", Some(32)),
            (b"\xff123456789abcdef0123456789abcde\n", Some(32)),
            (b"too short\n", None),
            (b"0123456789abcdef0123456789abcde\n", None),
        ];
        for (bytes, length) in cases {
            fs::write(&path, bytes).expect("temporary file");
            assert_eq!(Secret::of_file(&path).ok().map(|secret| secret.reveal().len()), length, "{bytes:?}");
        }
        fs::remove_dir_all(data).expect("is ours");
    }
}
