//! In Thai.

use super::{Table, Wording, Words};

pub(super) const WORDS: Words = super::english::WORDS;

pub(super) const DIGEST: Wording = super::english::DIGEST;

pub(super) const WORDINGS: Table = super::english::WORDINGS;
