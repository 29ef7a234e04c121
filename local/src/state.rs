//! What the local cloud must remember across a restart: one SQLite file of JSON documents.
//!
//! Queues, the outbox, stream checkpoints, parameters and the fake Stripe keep their state here; DynamoDB's
//! tables are not here but in the engine's own file beside it. Every call is one committed write: after a
//! `kill -9` all that was returned is there. (`synchronous = NORMAL` gives up only what a power cut costs.)

use std::{
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use rusqlite::{Connection, OptionalExtension, params};
use serde::{Serialize, de::DeserializeOwned};

/// Documents by namespace and key. Clones share one connection.
#[derive(Clone)]
pub struct Store {
    connection: Arc<Mutex<Connection>>,
}

/// Why a document could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// The file cannot be used: no permission, no space, not a database.
    #[error("the state file cannot be used")]
    File(#[from] rusqlite::Error),
    /// A document is not what the program expects, most likely because an older program wrote it.
    #[error("document {namespace}/{key} in the state file cannot be read")]
    Document {
        /// Namespace of the document.
        namespace: String,
        /// Its key.
        key: String,
        /// What does not fit.
        #[source]
        source: serde_json::Error,
    },
}

impl Store {
    /// Opens the file, which is made when missing.
    pub fn open(path: &Path) -> Result<Self, StateError> {
        Self::prepare(Connection::open(path)?)
    }

    /// A store that ends with the process.
    pub fn in_memory() -> Result<Self, StateError> {
        Self::prepare(Connection::open_in_memory()?)
    }

    fn prepare(connection: Connection) -> Result<Self, StateError> {
        connection.execute_batch(
            "PRAGMA journal_mode = WAL;
             PRAGMA synchronous = NORMAL;
             PRAGMA busy_timeout = 5000;
             CREATE TABLE IF NOT EXISTS documents (
                 namespace TEXT NOT NULL,
                 key TEXT NOT NULL,
                 json TEXT NOT NULL,
                 PRIMARY KEY (namespace, key)
             ) WITHOUT ROWID;",
        )?;
        Ok(Self { connection: Arc::new(Mutex::new(connection)) })
    }

    /// The document, if there is one.
    pub fn get<T: DeserializeOwned>(&self, namespace: &str, key: &str) -> Result<Option<T>, StateError> {
        self.transaction(|writes| writes.get(namespace, key))
    }

    /// Writes the document over what was there.
    pub fn put<T: Serialize>(&self, namespace: &str, key: &str, document: &T) -> Result<(), StateError> {
        self.transaction(|writes| writes.put(namespace, key, document))
    }

    /// Deletes the document; says whether there was one.
    pub fn delete(&self, namespace: &str, key: &str) -> Result<bool, StateError> {
        self.transaction(|writes| writes.delete(namespace, key))
    }

    /// At most `limit` documents in ascending order of their keys (bytes), after the key `after`.
    pub fn list<T: DeserializeOwned>(
        &self,
        namespace: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<(String, T)>, StateError> {
        self.transaction(|writes| writes.list(namespace, after, limit))
    }

    /// At most `limit` documents in descending order of their keys, before the key `before`.
    pub fn list_back<T: DeserializeOwned>(
        &self,
        namespace: &str,
        before: Option<&str>,
        limit: usize,
    ) -> Result<Vec<(String, T)>, StateError> {
        self.transaction(|writes| writes.list_back(namespace, before, limit))
    }

    /// Runs `acts` as one transaction: all of its writes are kept if it returns `Ok`, none if it does not.
    ///
    /// Inside, only the given [`Writes`] may be used: the store itself is locked.
    pub fn transaction<R, E: From<StateError>>(
        &self,
        acts: impl FnOnce(&Writes<'_>) -> Result<R, E>,
    ) -> Result<R, E> {
        // A panic inside a transaction rolled it back, so the connection is sound.
        let mut connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        let transaction = connection.transaction().map_err(StateError::from)?;
        let result = acts(&Writes { transaction: &transaction })?;
        transaction.commit().map_err(StateError::from)?;
        Ok(result)
    }
}

/// An open transaction of a [`Store`].
pub struct Writes<'a> {
    transaction: &'a rusqlite::Transaction<'a>,
}

impl Writes<'_> {
    /// See [`Store::get`].
    pub fn get<T: DeserializeOwned>(&self, namespace: &str, key: &str) -> Result<Option<T>, StateError> {
        let text: Option<String> = self
            .transaction
            .prepare_cached("SELECT json FROM documents WHERE namespace = ?1 AND key = ?2")?
            .query_row(params![namespace, key], |row| row.get(0))
            .optional()?;
        text.map(|text| parse(namespace, key, &text)).transpose()
    }

    /// See [`Store::put`].
    pub fn put<T: Serialize>(&self, namespace: &str, key: &str, document: &T) -> Result<(), StateError> {
        let text = serde_json::to_string(document).map_err(|source| unreadable(namespace, key, source))?;
        self.transaction
            .prepare_cached(
                "INSERT INTO documents (namespace, key, json) VALUES (?1, ?2, ?3)
                 ON CONFLICT (namespace, key) DO UPDATE SET json = excluded.json",
            )?
            .execute(params![namespace, key, text])?;
        Ok(())
    }

    /// See [`Store::delete`].
    pub fn delete(&self, namespace: &str, key: &str) -> Result<bool, StateError> {
        let deleted = self
            .transaction
            .prepare_cached("DELETE FROM documents WHERE namespace = ?1 AND key = ?2")?
            .execute(params![namespace, key])?;
        Ok(deleted > 0)
    }

    /// Deletes every document of the namespace; says how many there were.
    pub fn clear(&self, namespace: &str) -> Result<usize, StateError> {
        Ok(self
            .transaction
            .prepare_cached("DELETE FROM documents WHERE namespace = ?1")?
            .execute(params![namespace])?)
    }

    /// See [`Store::list`].
    pub fn list<T: DeserializeOwned>(
        &self,
        namespace: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<(String, T)>, StateError> {
        let statement = "SELECT key, json FROM documents
             WHERE namespace = ?1 AND (?2 IS NULL OR key > ?2) ORDER BY key LIMIT ?3";
        self.page(statement, namespace, after, limit)
    }

    /// See [`Store::list_back`].
    pub fn list_back<T: DeserializeOwned>(
        &self,
        namespace: &str,
        before: Option<&str>,
        limit: usize,
    ) -> Result<Vec<(String, T)>, StateError> {
        let statement = "SELECT key, json FROM documents
             WHERE namespace = ?1 AND (?2 IS NULL OR key < ?2) ORDER BY key DESC LIMIT ?3";
        self.page(statement, namespace, before, limit)
    }

    fn page<T: DeserializeOwned>(
        &self,
        statement: &str,
        namespace: &str,
        bound: Option<&str>,
        limit: usize,
    ) -> Result<Vec<(String, T)>, StateError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let mut statement = self.transaction.prepare_cached(statement)?;
        let rows = statement.query_map(params![namespace, bound, limit], |row| {
            Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?))
        })?;
        rows.map(|row| {
            let (key, text) = row?;
            let document = parse(namespace, &key, &text)?;
            Ok((key, document))
        })
        .collect()
    }
}

fn parse<T: DeserializeOwned>(namespace: &str, key: &str, text: &str) -> Result<T, StateError> {
    serde_json::from_str(text).map_err(|source| unreadable(namespace, key, source))
}

fn unreadable(namespace: &str, key: &str, source: serde_json::Error) -> StateError {
    StateError::Document { namespace: namespace.to_owned(), key: key.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_survive_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.db");
        Store::open(&path).unwrap().put("queue", "a", &1).unwrap();
        assert_eq!(Store::open(&path).unwrap().get::<i32>("queue", "a").unwrap(), Some(1));
    }

    #[test]
    fn listings_are_ordered_bounded_and_keep_to_their_namespace() {
        let store = Store::in_memory().unwrap();
        for key in ["c", "a", "b"] {
            store.put("one", key, &key).unwrap();
        }
        store.put("two", "a", &"other").unwrap();
        let keys = |rows: Vec<(String, String)>| rows.into_iter().map(|(key, _)| key).collect::<String>();
        assert_eq!(keys(store.list("one", None, 2).unwrap()), "ab");
        assert_eq!(keys(store.list("one", Some("a"), 9).unwrap()), "bc");
        assert_eq!(keys(store.list_back("one", None, 2).unwrap()), "cb");
        assert_eq!(keys(store.list_back("one", Some("b"), 9).unwrap()), "a");
    }

    #[test]
    fn a_failed_transaction_leaves_nothing_behind() {
        let store = Store::in_memory().unwrap();
        store.put("n", "kept", &1).unwrap();
        let failed: Result<(), StateError> = store.transaction(|writes| {
            writes.put("n", "new", &2)?;
            writes.delete("n", "kept")?;
            Err(rusqlite::Error::InvalidQuery.into())
        });
        assert!(failed.is_err());
        assert_eq!(store.list::<i32>("n", None, 9).unwrap(), [("kept".to_owned(), 1)]);
    }

    #[test]
    fn a_document_of_another_shape_is_an_error_that_names_it() {
        let store = Store::in_memory().unwrap();
        store.put("n", "k", &"text").unwrap();
        let error = store.get::<i32>("n", "k").unwrap_err();
        assert_eq!(error.to_string(), "document n/k in the state file cannot be read");
    }
}
