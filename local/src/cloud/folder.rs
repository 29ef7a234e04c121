//! The data folder: whose it is, and what lies in it.
//!
//! `tables.db` has the tables, `objects` the files of S3, `state.db` everything else that is remembered, and `lock` is held by whoever uses them.

use std::{
    fs::{File, TryLockError},
    path::{Path, PathBuf},
};

use jiff::SignedDuration;
use tempfile::TempDir;

use super::error::StartError;
use crate::{
    clock::TurnableClock,
    state::{StateError, Store},
};

const NAMESPACE: &str = "cloud";
const CLOCK: &str = "clock ahead, milliseconds";

/// A data folder that is ours until this is dropped.
pub(super) struct Folder {
    path: PathBuf,
    /// Locked; the system unlocks it when we end, however that comes about.
    _lock: File,
    /// Removes a temporary folder.
    _temporary: Option<TempDir>,
}

impl Folder {
    /// The folder at `path`, made if it is missing; a temporary one if none is named.
    pub fn open(path: Option<&Path>) -> Result<Self, StartError> {
        let failed = |folder: &Path, source| StartError::Folder { folder: folder.to_owned(), source };
        let temporary = match path {
            Some(_) => None,
            None => Some(
                TempDir::with_prefix("shopwire-").map_err(|error| failed(&std::env::temp_dir(), error))?,
            ),
        };
        let path = path.or(temporary.as_ref().map(TempDir::path)).unwrap_or(Path::new(".")).to_owned();
        std::fs::create_dir_all(&path).map_err(|error| failed(&path, error))?;
        let lock = File::create(path.join("lock")).map_err(|error| failed(&path, error))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(StartError::FolderInUse(path)),
            Err(TryLockError::Error(error)) => return Err(failed(&path, error)),
        }
        Ok(Self { path, _lock: lock, _temporary: temporary })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The file of the tables.
    pub fn tables(&self) -> PathBuf {
        self.path.join("tables.db")
    }

    /// The folder of objects.
    pub fn objects(&self) -> PathBuf {
        self.path.join("objects")
    }

    /// The file of everything else.
    pub fn state(&self) -> PathBuf {
        self.path.join("state.db")
    }
}

/// Turns a clock that runs as far ahead as it was when the folder was last used.
pub(super) fn turn_as_kept(store: &Store, clock: &TurnableClock) -> Result<(), StateError> {
    if let Some(milliseconds) = store.get::<i64>(NAMESPACE, CLOCK)? {
        let missing = SignedDuration::from_millis(milliseconds) - clock.ahead();
        if missing.is_positive() {
            clock.turn_to(clock.after(missing));
        }
    }
    Ok(())
}

/// Remembers how far a clock that runs is ahead.
pub(super) fn keep_turned(store: &Store, ahead: SignedDuration) -> Result<(), StateError> {
    if ahead.is_zero() {
        return Ok(());
    }
    store.put(NAMESPACE, CLOCK, &i64::try_from(ahead.as_millis()).unwrap_or(i64::MAX))
}
