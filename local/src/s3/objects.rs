//! Objects: a file for each, and a document that says what it is. A key has its object once both are there.

use std::{fs, io, path::PathBuf};

use axum::body::Bytes;
use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use serde::{Deserialize, Serialize};

use crate::{
    aws::wire::Refusal,
    state::Store,
    template::{Bucket, Lifetime},
};

const NAMESPACE: &str = "s3/objects";

/// What is known of an object.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Object {
    pub etag: String,
    pub size: usize,
    pub content_type: Option<String>,
    pub disposition: Option<String>,
    pub modified_at: Timestamp,
    /// The name of its file; no other object ever has it.
    file: String,
}

impl Object {
    pub fn quoted_etag(&self) -> String {
        format!("\"{}\"", self.etag)
    }

    /// A rule counts whole days and takes effect at the next midnight.
    fn is_over(&self, lifetime: &Lifetime, now: Timestamp) -> bool {
        let full = self.modified_at.checked_add(SignedDuration::from_hours(24 * i64::from(lifetime.days)));
        let at = full.unwrap_or(Timestamp::MAX).to_zoned(TimeZone::UTC);
        let midnight = at.start_of_day().and_then(|day| if day == at { Ok(day) } else { day.tomorrow() });
        midnight.is_ok_and(|midnight| midnight.timestamp() <= now)
    }
}

/// An object that is to be.
pub(super) struct NewObject<'a> {
    pub bytes: &'a Bytes,
    pub content_type: Option<String>,
    pub disposition: Option<String>,
}

/// All objects.
pub(super) struct Objects {
    store: Store,
    folder: PathBuf,
}

impl Objects {
    pub const fn new(store: Store, folder: PathBuf) -> Self {
        Self { store, folder }
    }

    /// The object under a key, unless a rule of its bucket has ended it.
    pub fn find(&self, bucket: &Bucket, key: &str, now: Timestamp) -> Result<Option<Object>, Refusal> {
        let Some(object) = self.store.get::<Object>(NAMESPACE, &named(bucket, key))? else { return Ok(None) };
        let ends = |lifetime: &Lifetime| key.starts_with(&lifetime.prefix) && object.is_over(lifetime, now);
        if bucket.lifetimes.iter().any(ends) {
            self.remove(bucket, key)?;
            return Ok(None);
        }
        Ok(Some(object))
    }

    pub fn read(&self, object: &Object) -> Result<Vec<u8>, Refusal> {
        fs::read(self.folder.join(&object.file)).map_err(|error| unusable(&error))
    }

    /// Writes an object over what was there.
    pub fn write(
        &self,
        bucket: &Bucket,
        key: &str,
        new: &NewObject<'_>,
        now: Timestamp,
    ) -> Result<Object, Refusal> {
        let object = Object {
            etag: format!("{:x}", md5::compute(new.bytes)),
            size: new.bytes.len(),
            content_type: new.content_type.clone(),
            disposition: new.disposition.clone(),
            modified_at: now,
            file: uuid::Uuid::now_v7().simple().to_string(),
        };
        fs::create_dir_all(&self.folder).map_err(|error| unusable(&error))?;
        fs::write(self.folder.join(&object.file), new.bytes).map_err(|error| unusable(&error))?;
        let name = named(bucket, key);
        let before: Option<Object> = self.store.transaction(|writes| {
            let before = writes.get(NAMESPACE, &name)?;
            writes.put(NAMESPACE, &name, &object)?;
            Ok::<_, Refusal>(before)
        })?;
        self.forget(before)?;
        Ok(object)
    }

    /// Removes an object, if there is one.
    pub fn remove(&self, bucket: &Bucket, key: &str) -> Result<(), Refusal> {
        let name = named(bucket, key);
        let before: Option<Object> = self.store.transaction(|writes| {
            let before = writes.get(NAMESPACE, &name)?;
            writes.delete(NAMESPACE, &name)?;
            Ok::<_, Refusal>(before)
        })?;
        self.forget(before)
    }

    fn forget(&self, object: Option<Object>) -> Result<(), Refusal> {
        let Some(object) = object else { return Ok(()) };
        match fs::remove_file(self.folder.join(object.file)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(unusable(&error)),
            _ => Ok(()),
        }
    }
}

fn named(bucket: &Bucket, key: &str) -> String {
    format!("{}/{key}", bucket.name)
}

fn unusable(error: &io::Error) -> Refusal {
    Refusal::new("InternalError", format!("the folder of objects cannot be used: {error}"))
        .with_status(axum::http::StatusCode::INTERNAL_SERVER_ERROR)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bucket() -> Bucket {
        let lifetimes = vec![Lifetime { prefix: "incoming/".to_owned(), days: 1 }];
        Bucket { name: "Files".to_owned(), lifetimes, ..Bucket::default() }
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn write(objects: &Objects, key: &str, bytes: &'static [u8]) {
        let bytes = Bytes::from_static(bytes);
        let new = NewObject { bytes: &bytes, content_type: None, disposition: None };
        objects.write(&bucket(), key, &new, at("2026-03-02T19:03:08Z")).unwrap();
    }

    #[test]
    fn objects_survive_a_restart_and_leave_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let open = || {
            Objects::new(Store::open(&folder.path().join("state.db")).unwrap(), folder.path().join("objects"))
        };
        write(&open(), "files/a", b"first");
        write(&open(), "files/a", b"second");
        let objects = open();
        let found = objects.find(&bucket(), "files/a", at("2029-01-01T00:00:00Z")).unwrap().unwrap();
        assert_eq!(objects.read(&found).unwrap(), b"second");
        assert_eq!(found.quoted_etag(), "\"a9f0e61a137d86aa9db53465e0801612\"");
        objects.remove(&bucket(), "files/a").unwrap();
        objects.remove(&bucket(), "files/a").unwrap();
        assert_eq!(fs::read_dir(folder.path().join("objects")).unwrap().count(), 0);
    }

    #[test]
    fn a_rule_ends_an_object_at_the_midnight_after_its_days() {
        let folder = tempfile::tempdir().unwrap();
        let objects = Objects::new(Store::in_memory().unwrap(), folder.path().join("objects"));
        write(&objects, "incoming/a", b"first");
        let is_there = |instant| objects.find(&bucket(), "incoming/a", at(instant)).unwrap().is_some();
        assert!(is_there("2026-03-03T23:59:59Z"));
        assert!(!is_there("2026-03-04T00:00:00Z"));
    }
}
