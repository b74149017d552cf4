//! A media engine of arithmetic.

use async_trait::async_trait;
use livepeer_primitives::{leaf::RejectReason, verdict::MismatchKind, Hash, ToolchainId};
use sp_core::H256;

use super::SimClock;
use crate::ports::{
	clock::Clock,
	engine::{Examined, Fault, Format, MediaEngine, MediaError, Pixels, Transcoded},
};

/// A media engine of arithmetic: output `i` is `i` followed by the input's bytes plus one.
#[derive(Clone)]
pub struct FakeEngine {
	/// Its toolchain.
	pub toolchain: ToolchainId,
	/// Answers every output with zeros, as a cheat would.
	pub black: bool,
	/// How many milliseconds a segment takes, by which clock.
	pub takes: Option<(SimClock, u64)>,
	/// Inputs that begin with this byte make the engine fail.
	pub fails_on: Option<u8>,
	/// Inputs that begin with this byte are rejected, beside those that begin with 0xff.
	pub rejects: Option<u8>,
}

impl Default for FakeEngine {
	fn default() -> Self {
		Self {
			toolchain: H256::repeat_byte(0x7c),
			black: false,
			takes: None,
			fails_on: None,
			rejects: None,
		}
	}
}

impl FakeEngine {
	fn pixels(format: &Format, input: &[u8]) -> Pixels {
		let frames = input.len() as u64 * 10_000;
		Pixels { input: frames * 10, outputs: vec![frames * 5; format.ladder.len()] }
	}
}

#[async_trait]
impl MediaEngine for FakeEngine {
	fn toolchain(&self) -> ToolchainId {
		self.toolchain
	}

	async fn transcode(&self, format: &Format, input: &[u8]) -> Result<Transcoded, MediaError> {
		if let Some((clock, ms)) = &self.takes {
			clock.sleep_until(clock.now_ms().saturating_add(*ms)).await;
		}
		if self.fails_on.is_some() && input.first().copied() == self.fails_on {
			return Err(MediaError::Failed("told to".into()));
		}
		let first = input.first().copied();
		if first == Some(0xff) || (first.is_some() && first == self.rejects) {
			return Err(MediaError::Invalid(RejectReason::Undecodable { reason: 1, packet: 0 }));
		}
		let outputs = (0..format.ladder.len() as u8)
			.map(|i| {
				let bytes = input.iter().map(|b| if self.black { 0 } else { b.wrapping_add(1) });
				core::iter::once(i).chain(bytes).collect()
			})
			.collect();
		Ok(Transcoded { outputs, pixels: Self::pixels(format, input) })
	}

	async fn examine(
		&self,
		format: &Format,
		input: &[u8],
		outputs: &[Option<Vec<u8>>],
		seed: Hash,
		index: u32,
	) -> Result<Examined, MediaError> {
		let honest = Self { black: false, ..self.clone() };
		let right = honest.transcode(format, input).await?;
		let faults = right
			.outputs
			.iter()
			.zip(outputs)
			.map(|(ours, theirs)| {
				let differs = theirs.as_ref().is_some_and(|theirs| theirs != ours);
				differs.then_some(Fault::Mismatch(MismatchKind::Video))
			})
			.collect();
		let mut evidence = livepeer_primitives::evidence::LeafEvidence::new(seed, index);
		evidence.add(0, 0, livepeer_primitives::evidence::frame_hash(seed, input));
		Ok(Examined { faults, pixels: right.pixels, digest: evidence.digest() })
	}
}
