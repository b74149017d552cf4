//! The set of a tree's leaves that are done.

use std::collections::HashSet;

/// A set of numbers that fills up from below: all below a limit, and some above it.
#[derive(Clone, Debug, Default)]
pub struct Done {
	below: u32,
	above: HashSet<u32>,
}

impl Done {
	/// All numbers below this one are done.
	pub fn below(&self) -> u32 {
		self.below
	}

	/// Marks a number as done.
	pub fn insert(&mut self, place: u32) {
		if place >= self.below {
			self.above.insert(place);
		}
		while self.above.remove(&self.below) {
			self.below += 1;
		}
	}

	/// The numbers below `count` that are not done, ascending.
	pub fn missing(&self, count: u32) -> Vec<u32> {
		(self.below..count).filter(|place| !self.above.contains(place)).collect()
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn places_should_not_be_remembered_one_by_one_when_all_below_are_done_with() {
		let mut done = Done::default();
		for place in [3, 1, 0, 0, 1] {
			done.insert(place);
		}
		assert_eq!((done.below(), done.missing(6)), (2, vec![2, 4, 5]));
		done.insert(2);
		assert_eq!((done.below(), done.above.len()), (4, 0));
		assert_eq!(done.missing(4), Vec::<u32>::new());
		assert_eq!(done.missing(3), Vec::<u32>::new());
	}
}
