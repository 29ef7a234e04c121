//! Counts what is under way, so that the cloud can tell whether it is idle.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

/// A count of pieces of work that have begun and not yet ended.
#[derive(Clone, Debug, Default)]
pub struct Work(Arc<AtomicUsize>);

/// One piece of work; it ends when this is dropped, however that comes about.
#[derive(Debug)]
#[must_use = "the work ends when this is dropped"]
pub struct UnderWay(Work);

impl Work {
    /// Begins a piece of work.
    pub fn begin(&self) -> UnderWay {
        self.0.fetch_add(1, Ordering::SeqCst);
        UnderWay(self.clone())
    }

    /// Whether any piece has begun and not ended.
    pub fn is_under_way(&self) -> bool {
        self.0.load(Ordering::SeqCst) > 0
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_is_under_way_until_its_last_piece_is_dropped() {
        let work = Work::default();
        let (one, other) = (work.begin(), work.clone().begin());
        drop(one);
        assert!(work.is_under_way());
        drop(other);
        assert!(!work.is_under_way());
    }
}
