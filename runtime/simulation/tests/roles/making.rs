//! How transcoders work.

use std::sync::Arc;

use async_trait::async_trait;
use livepeer_worker_core::{
	fakes::FakeEngine,
	ports::{
		before::{BeforeChain, BeforeEngine},
		chain::{Call, Chain, ChainError, Wait},
		engine::{Format, MediaEngine, MediaError, Transcoded, Variant},
	},
};

/// How a transcoder works.
pub struct Making {
	/// Its name.
	pub name: &'static str,
	/// What it delivers and claims for an input of which this is right.
	pub makes: fn(&[u8], Transcoded) -> Transcoded,
	/// Whether it reveals drawn leaves.
	pub reveals: bool,
	/// Whether it gives judges what they ask for.
	pub serves: bool,
	/// Whether every drawn leaf shows what it does.
	pub is_always_bad: bool,
}

/// Whoever does what it should.
pub static HONEST: Making = Making {
	name: "honest",
	makes: |_, right| right,
	reveals: true,
	serves: true,
	is_always_bad: false,
};

/// Transcoders that cheat.
pub static CHEATS: [Making; 5] = [
	Making {
		name: "black pictures",
		makes: |_, right| blackened(right),
		reveals: true,
		serves: true,
		is_always_bad: true,
	},
	Making {
		name: "one of five",
		makes: |input, right| match input.iter().map(|byte| u32::from(*byte)).sum::<u32>() % 5 {
			0 => blackened(right),
			_ => right,
		},
		reveals: true,
		serves: true,
		is_always_bad: false,
	},
	Making {
		name: "more work than there was",
		makes: |_, right| overstated(right),
		reveals: true,
		serves: true,
		is_always_bad: true,
	},
	Making {
		name: "reveals nothing",
		makes: |_, right| right,
		reveals: false,
		serves: true,
		is_always_bad: true,
	},
	Making {
		name: "serves nothing",
		makes: |_, right| right,
		reveals: true,
		serves: false,
		is_always_bad: true,
	},
];

/// Nothing but zeros.
fn blackened(mut right: Transcoded) -> Transcoded {
	right.outputs.iter_mut().for_each(|output| output.fill(0));
	right
}

/// A fifth more decoded pictures than there are.
fn overstated(mut right: Transcoded) -> Transcoded {
	right.pixels.input += right.pixels.input / 5;
	right
}

/// An engine that delivers something else than it should.
pub struct Engine {
	/// What is right.
	pub honest: FakeEngine,
	/// What is delivered.
	pub makes: fn(&[u8], Transcoded) -> Transcoded,
}

#[async_trait]
impl BeforeEngine for Engine {
	fn behind(&self) -> &dyn MediaEngine {
		&self.honest
	}

	async fn make(
		&self,
		format: &Format,
		input: &[u8],
		variant: Option<Variant>,
	) -> Result<Transcoded, MediaError> {
		Ok((self.makes)(input, self.honest.transcode(format, input, variant).await?))
	}
}

/// Sends everything but the leaves that are drawn.
pub struct Unrevealing(pub Arc<dyn Chain>);

#[async_trait]
impl BeforeChain for Unrevealing {
	fn behind(&self) -> &dyn Chain {
		&*self.0
	}

	async fn pass_on(&self, call: Call, wait: Wait) -> Result<(), ChainError> {
		match call {
			Call::RevealLeaf { .. } => Ok(()),
			call => self.0.submit(call, wait).await,
		}
	}
}
