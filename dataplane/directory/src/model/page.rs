//! Lists in pieces. A piece begins after a key, not at a place: what is added or removed
//! meanwhile shifts nothing.

/// Longest piece.
pub const PAGE_LIMIT: u32 = 1_000;

/// Which piece of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<K> {
    after: Option<K>,
    limit: u32,
}

impl<K> Page<K> {
    /// What comes after that key, or from the beginning; 1 to [`PAGE_LIMIT`] items.
    #[must_use]
    pub fn new(after: Option<K>, limit: u32) -> Self {
        Self {
            after,
            limit: limit.clamp(1, PAGE_LIMIT),
        }
    }

    /// The key after which it begins.
    #[must_use]
    pub const fn after(&self) -> Option<&K> {
        self.after.as_ref()
    }

    /// How many items at most.
    #[must_use]
    pub const fn limit(&self) -> u32 {
        self.limit
    }
}

/// A piece of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed<T, K> {
    /// In the order of their keys.
    pub items: Vec<T>,
    /// Where the next piece begins; `None` at the end.
    pub next: Option<K>,
}

impl<T, K> Listed<T, K> {
    /// Of one item more than the page holds, so that the end is known without asking again.
    pub(crate) fn of(mut items: Vec<T>, limit: u32, key: impl Fn(&T) -> K) -> Self {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        if items.len() <= limit {
            return Self { items, next: None };
        }
        items.truncate(limit);
        let next = items.last().map(key);
        Self { items, next }
    }
}

/// How many things of these sizes make a piece: so many at most, and so many bytes together,
/// unless the first alone is longer.
pub(crate) fn fitting(sizes: &[u64], limit: u32, bytes: u64) -> usize {
    let most = sizes.len().min(limit.try_into().unwrap_or(usize::MAX));
    let mut together = 0;
    for (count, size) in sizes[..most].iter().enumerate() {
        together += size;
        if count > 0 && together > bytes {
            return count;
        }
    }
    most
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_piece_has_so_many_and_so_many_bytes() {
        assert_eq!(fitting(&[], 3, 10), 0);
        assert_eq!(fitting(&[1, 1, 1, 1], 3, 10), 3);
        assert_eq!(fitting(&[5, 5, 1], 3, 10), 2);
        assert_eq!(fitting(&[11, 1], 3, 10), 1, "one there is in any case");
    }

    #[test]
    fn the_end_is_known_without_asking_again() {
        let whole = Listed::of(vec![1, 2], 2, |n| *n);
        assert_eq!((whole.items, whole.next), (vec![1, 2], None));
        let part = Listed::of(vec![1, 2, 3], 2, |n| *n);
        assert_eq!((part.items, part.next), (vec![1, 2], Some(2)));
    }
}
