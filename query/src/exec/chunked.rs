//! Things of which there may be millions, in pieces that stay where they are.
//!
//! A vector that grows copies all it holds from time to time, into memory that has to be cleared first: for a million
//! groups that took longer than adding them up.

use std::ops::{Index, IndexMut};

/// How many things lie together.
const CHUNK: usize = 1 << 12;

/// A vector that never moves what it holds.
#[derive(Debug)]
pub(super) struct Chunked<T> {
    /// All but the last are full.
    chunks: Vec<Vec<T>>,
}

impl<T> Default for Chunked<T> {
    fn default() -> Self {
        Self { chunks: Vec::new() }
    }
}

impl<T> Chunked<T> {
    pub(super) fn len(&self) -> usize {
        self.chunks.last().map_or(0, |last| (self.chunks.len() - 1) * CHUNK + last.len())
    }

    pub(super) fn push(&mut self, thing: T) {
        match self.chunks.last_mut() {
            Some(last) if last.len() < CHUNK => last.push(thing),
            // The first grows, for mostly there are few.
            None => self.chunks.push(vec![thing]),
            _ => {
                let mut chunk = Vec::with_capacity(CHUNK);
                chunk.push(thing);
                self.chunks.push(chunk);
            }
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        self.chunks.iter().flatten()
    }
}

impl<T> Index<usize> for Chunked<T> {
    type Output = T;

    #[inline]
    fn index(&self, at: usize) -> &T {
        &self.chunks[at / CHUNK][at % CHUNK]
    }
}

impl<T> IndexMut<usize> for Chunked<T> {
    #[inline]
    fn index_mut(&mut self, at: usize) -> &mut T {
        &mut self.chunks[at / CHUNK][at % CHUNK]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_pushed_is_found_in_its_place() {
        let mut chunked = Chunked::default();
        assert_eq!((chunked.len(), chunked.iter().next()), (0, None));
        for at in 0..3 * CHUNK + 7 {
            chunked.push(at);
            assert_eq!((chunked.len(), chunked[at / 2], chunked[at]), (at + 1, at / 2, at));
        }
        chunked[CHUNK] += 1;
        assert!(chunked.iter().enumerate().all(|(at, found)| *found == at + usize::from(at == CHUNK)));
    }
}
