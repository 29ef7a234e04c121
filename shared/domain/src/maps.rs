//! Structs that are read from maps only. What serde derives takes a list too, as the fields in their order; whoever sends
//! one means something else.

use std::{collections::BTreeMap, fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor, value::MapAccessDeserializer},
};

struct OfMap<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for OfMap<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map))
    }
}

/// One, for `deserialize_with`.
///
/// # Errors
/// If it is no map, or not this one.
pub fn one<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<T, D::Error> {
    deserializer.deserialize_map(OfMap(PhantomData))
}

/// One inside of something else.
struct Entry<T>(T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Entry<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        one(deserializer).map(Entry)
    }
}

/// Several of them.
///
/// # Errors
/// If one is no map, or not this one.
pub fn list<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    let entries: Vec<Entry<T>> = Vec::deserialize(deserializer)?;
    Ok(entries.into_iter().map(|Entry(entry)| entry).collect())
}

/// One for each key.
///
/// # Errors
/// If one is no map, or not this one.
pub fn each<'de, D, K, T>(deserializer: D) -> Result<BTreeMap<K, T>, D::Error>
where
    D: Deserializer<'de>,
    K: Deserialize<'de> + Ord,
    T: Deserialize<'de>,
{
    let entries: BTreeMap<K, Entry<T>> = BTreeMap::deserialize(deserializer)?;
    Ok(entries.into_iter().map(|(key, Entry(entry))| (key, entry)).collect())
}

/// One or null.
///
/// # Errors
/// If it is neither null nor this map.
pub fn one_or_null<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    let entry: Option<Entry<T>> = Option::deserialize(deserializer)?;
    Ok(entry.map(|Entry(entry)| entry))
}

/// One or null, for fields that differ in meaning when they are absent: that is `None`, and null is `Some(None)`.
///
/// # Errors
/// If it is neither null nor this map.
pub fn named_one_or_null<'de, D, T>(deserializer: D) -> Result<Option<Option<T>>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    one_or_null(deserializer).map(Some)
}
