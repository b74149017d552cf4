//! Random chains, compared with a plain model that keeps everything for ever.

use crate::{mock::*, Participation, MAX_INVALID_WINDOWS};
use livepeer_primitives::{
	traits::{Beacon as _, Seed},
	Hash, UNIT,
};
use proptest::prelude::*;
use std::collections::BTreeMap;

/// One block: its author, whether it has an output, how many validators are seated, and whether a
/// window is retained or released.
#[derive(Clone, Debug)]
struct Step {
	author: u8,
	has_vrf: bool,
	seats: u8,
	retain: Option<u32>,
	release: bool,
}

fn step() -> impl Strategy<Value = Step> {
	(
		prop_oneof![6 => Just(0u8), 1 => Just(1u8)],
		prop::bool::weighted(0.95),
		prop_oneof![5 => Just(2u8), 1 => Just(1u8), 1 => Just(0u8)],
		prop::option::weighted(0.2, 0u32..4),
		prop::bool::weighted(0.15),
	)
		.prop_map(|(author, has_vrf, seats, retain, release)| Step {
			author,
			has_vrf,
			seats,
			retain,
			release,
		})
}

/// The specification, without pruning.
#[derive(Default)]
struct Model {
	sum: Hash,
	authors: Vec<u8>,
	waiting: Vec<u32>,
	answers: BTreeMap<u32, Seed>,
}

impl Model {
	fn begin(&mut self, now: u32, parent: Option<(u8, Hash)>) {
		if let Some((author, vrf)) = parent {
			self.sum = fold(self.sum, [vrf]);
			self.authors.push(author);
		}
		if !now.is_multiple_of(WINDOW) {
			return;
		}
		let set = Seated::get();
		let mut authors = std::mem::take(&mut self.authors);
		authors.sort_unstable();
		authors.dedup();
		self.waiting.push(now / WINDOW - 1);
		let needed = if set.members.len() == 1 { 1 } else { 2 };
		if authors.len() >= needed || self.waiting.len() as u32 == MAX_INVALID_WINDOWS {
			let seed = Seed { hash: self.sum, set };
			for window in std::mem::take(&mut self.waiting) {
				self.answers.insert(window, seed.clone());
			}
		}
	}
}

proptest! {
	#![proptest_config(ProptestConfig::with_cases(96))]

	#[test]
	fn beacon_should_agree_with_the_model_when_chains_are_random(
		steps in prop::collection::vec(step(), 1..160),
	) {
		new_test_ext().execute_with(|| {
			let mut model = Model::default();
			let mut parent = None;
			let mut held: Vec<u32> = Vec::new();
			for step in steps {
				Seated::set(seats(step.seats, u128::from(step.seats) * UNIT));
				let now = System::block_number() + 1;
				let output = step.has_vrf.then(|| vrf(now));
				block_with(Some(account(step.author)), output);
				model.begin(now, parent);
				parent = output.map(|output| (step.author, output));

				if let Some(ahead) = step.retain {
					let window = Beacon::current_window() + ahead;
					Beacon::retain(window);
					held.push(window);
				}
				if step.release && !held.is_empty() {
					Beacon::release(held.remove(held.len() / 2));
				}

				Beacon::do_try_state().unwrap();
				assert_eq!(Beacon::accumulator(), model.sum);
				let current = Beacon::current_window();
				for window in 0..current + 3 {
					let kept = Beacon::seed(window);
					let must = held.contains(&window) || window + RECENT >= current;
					let expected = model.answers.get(&window);
					// The seed is the model's or absent, and it is present where it is needed.
					assert!(kept.is_none() || kept.as_ref() == expected);
					if must {
						assert_eq!(kept.as_ref(), expected, "window {}", window);
					}
				}
			}
		});
	}

	#[test]
	fn participation_should_count_different_authors(ids in prop::collection::vec(0u8..3, 0..8)) {
		let who = ids.iter().fold(Participation::default(), |who, id| who.with(account(*id)));
		let different = ids.iter().collect::<std::collections::BTreeSet<_>>().len();
		prop_assert_eq!(who.is_valid(2), different >= 2);
		prop_assert_eq!(who.is_valid(1), different >= 1);
		prop_assert_eq!(who.is_valid(0), different >= 2);
	}
}
