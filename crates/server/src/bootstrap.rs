//! The first run: as long as there is no administrator, whoever can read the data directory may make one.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use aws_lc_rs::constant_time::verify_slices_are_equal;

use crate::register::login::hash;
use crate::token::random_id;

/// Why the bootstrap code cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write the bootstrap code {path}: {source}", path = path.display())]
pub struct BootstrapError {
    /// Which file.
    path: PathBuf,
    /// Why.
    source: io::Error,
}

/// The code that makes the first administrator, once.
#[derive(Debug)]
pub struct Bootstrap {
    path: PathBuf,
    /// None when there is an administrator.
    hash: Mutex<Option<Vec<u8>>>,
}

impl Bootstrap {
    /// Writes a new code into the data directory where one is wanted, else takes away one that is left there.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn prepare(data: &Path, is_wanted: bool) -> Result<Self, BootstrapError> {
        let path = data.join("bootstrap-code");
        let done = remove(&path).and_then(|()| if is_wanted { write(&path).map(Some) } else { Ok(None) });
        match done {
            Ok(code) => {
                if code.is_some() {
                    tracing::warn!(file = %path.display(), "there is no administrator yet; the code that makes one is in the file");
                }
                Ok(Self { path, hash: Mutex::new(code.map(|code| hash(&code))) })
            }
            Err(source) => Err(BootstrapError { path, source }),
        }
    }

    /// True as long as there is no administrator.
    pub(crate) fn is_open(&self) -> bool {
        self.hash.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// True if this is the code.
    pub(crate) fn is(&self, code: &str) -> bool {
        let known = self.hash.lock().unwrap_or_else(PoisonError::into_inner);
        known.as_ref().is_some_and(|known| verify_slices_are_equal(known, &hash(code.trim())).is_ok())
    }

    /// There is an administrator: the code is useless.
    pub(crate) fn end(&self) {
        *self.hash.lock().unwrap_or_else(PoisonError::into_inner) = None;
        if let Err(error) = remove(&self.path) {
            tracing::warn!(%error, "the used bootstrap code cannot be removed");
        }
    }
}

fn write(path: &Path) -> io::Result<String> {
    let code = random_id().map_err(io::Error::other)?;
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    writeln!(file, "{code}")?;
    Ok(code)
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::journal::a_directory;

    #[test]
    fn the_code_is_for_who_can_read_the_directory_and_for_once() {
        let data = a_directory("bootstrap");
        fs::create_dir_all(&data).expect("can be made");
        let file = data.join("bootstrap-code");
        let bootstrap = Bootstrap::prepare(&data, true).expect("can be written");
        assert_eq!(fs::metadata(&file).expect("is there").permissions().mode() & 0o777, 0o600);
        let code = fs::read_to_string(&file).expect("is there");
        assert!(bootstrap.is_open() && bootstrap.is(&code) && bootstrap.is(code.trim()));
        assert!(!bootstrap.is("") && !bootstrap.is(&code[1..]));
        let again = Bootstrap::prepare(&data, true).expect("can be written");
        assert!(!again.is(&code), "each start has its own");
        again.end();
        assert!(!again.is_open() && !again.is(&code) && !file.exists());
        fs::write(&file, "left over").expect("can be written");
        assert!(!Bootstrap::prepare(&data, false).expect("nothing to write").is_open());
        assert!(!file.exists());
        fs::remove_dir_all(data).expect("was made");
    }
}
