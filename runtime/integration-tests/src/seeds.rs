//! Stories made of seeds: what they have of chance, and how one that fails is cut down to what it needs.

use std::{
	fmt::Display,
	panic::{catch_unwind, AssertUnwindSafe},
};

/// What a story has of chance: the same for a seed for ever.
#[derive(Clone, Debug)]
pub struct Chance(u64);

impl Chance {
	/// That of a seed.
	pub fn new(seed: u64) -> Self {
		Self(seed)
	}

	/// A number of any size.
	pub fn any(&mut self) -> u64 {
		self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
		let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
		let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
		mixed ^ (mixed >> 31)
	}

	/// A number below `bound`; 0 where that is 0.
	pub fn below(&mut self, bound: u64) -> u64 {
		self.any() % bound.max(1)
	}

	/// One of `all`, of which there is one at least.
	pub fn one_of<'a, T>(&mut self, all: &'a [T]) -> &'a T {
		&all[self.below(all.len() as u64) as usize]
	}
}

/// A story before it is played.
pub trait Plan: Display + Sized {
	/// Most stories that are played to find a smaller one that fails.
	const MOST_TRIES: u32;

	/// Stories with less in them, those with the least first.
	fn smaller(&self) -> Vec<Self>;
}

/// Plays the story of a seed. One that fails says the smallest story that does, and how to play it again with
/// `command`.
pub fn play<P: Plan, T>(number: u64, command: &str, plan: P, tell: impl Fn(&P) -> T) -> T {
	println!("seed {number}: {plan}");
	let told = catch_unwind(AssertUnwindSafe(|| tell(&plan)));
	told.unwrap_or_else(|_| {
		let smallest = shrink(plan, tell);
		panic!("seed {number} fails (`{command} FROM={number} SEEDS=1`), at least so: {smallest}")
	})
}

/// The smallest story in which something still fails as in `plan`, as far as leaving out one thing after the other
/// leads to it.
pub fn shrink<P: Plan, T>(mut plan: P, tell: impl Fn(&P) -> T) -> P {
	let fails = |plan: &P| catch_unwind(AssertUnwindSafe(|| tell(plan))).is_err();
	let mut left = P::MOST_TRIES;
	while let Some(smaller) = plan
		.smaller()
		.into_iter()
		.take_while(|_| {
			left = left.saturating_sub(1);
			left > 0
		})
		.find(&fails)
	{
		plan = smaller;
	}
	plan
}

/// A number that the environment names, or `default`.
pub fn setting(name: &str, default: u64) -> u64 {
	std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(default)
}
