//! The median: what counts of several rounds.

use std::cmp::Ordering;

/// The value in the middle by this order; of an even number the upper of the two there.
pub(super) fn median<T>(
    values: impl IntoIterator<Item = T>,
    order: impl FnMut(&T, &T) -> Ordering,
) -> Option<T> {
    let mut values: Vec<T> = values.into_iter().collect();
    values.sort_by(order);
    let middle = values.len() / 2;
    values.into_iter().nth(middle)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_in_the_middle() {
        assert_eq!(median([3, 1, 2], Ord::cmp), Some(2));
        assert_eq!(median([4, 3, 1, 2], Ord::cmp), Some(3));
        assert_eq!(median([0_u8; 0], Ord::cmp), None);
    }
}
