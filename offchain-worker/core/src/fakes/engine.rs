//! A media engine of arithmetic.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use livepeer_primitives::{
	receipt::RejectReason,
	verdict::MismatchKind,
	video::{ProfileId, CANONICAL_PROFILE, CAPPED_QUALITY},
	Hash, ToolchainId,
};
use sp_core::H256;

use super::SimClock;
use crate::{
	lock,
	ports::{
		clock::Clock,
		engine::{
			Examined, Fault, Finding, Format, MediaEngine, MediaError, Pixels, Transcoded, Variant,
			VARIANT_STARTS,
		},
	},
};

/// A media engine of arithmetic: output `i` is `i` followed by the input's bytes plus one, and one more byte
/// if it is a variant.
#[derive(Clone)]
pub struct FakeEngine {
	/// Its toolchain.
	pub toolchain: ToolchainId,
	/// Answers every output with zeros, as a cheat would.
	pub black: bool,
	/// How many milliseconds a segment takes, and the clock.
	pub takes: Option<(SimClock, u64)>,
	/// A first byte for which inputs take so many milliseconds instead.
	pub slow: Option<(u8, u64)>,
	/// A first byte for which the engine fails.
	pub fails_on: Option<u8>,
	/// A first byte for which inputs are rejected, besides 0xff.
	pub rejects: Option<u8>,
	/// Makes no golden vectors any more.
	pub unsound: bool,
	/// Was replaced since it began, and so makes no golden vectors either.
	pub replaced: bool,
	/// Makes nothing any more that it fails to make, because it was replaced.
	pub over: bool,
	/// How many times more there is no room for what is asked, whatever that is. Clones share it.
	pub crowded: Arc<Mutex<u32>>,
}

impl Default for FakeEngine {
	fn default() -> Self {
		Self {
			toolchain: H256::repeat_byte(0x7c),
			black: false,
			takes: None,
			slow: None,
			fails_on: None,
			rejects: None,
			unsound: false,
			replaced: false,
			over: false,
			crowded: Arc::default(),
		}
	}
}

impl FakeEngine {
	/// One that takes so many milliseconds for each segment.
	pub fn taking(clock: &SimClock, ms: u64) -> Self {
		Self { takes: Some((clock.clone(), ms)), ..Self::default() }
	}

	/// Fails as often as there is no room.
	fn room(&self) -> Result<(), MediaError> {
		let mut left = lock(&self.crowded);
		match left.checked_sub(1) {
			Some(less) => {
				*left = less;
				Err(MediaError::Unable("told to".into()))
			}
			None => Ok(()),
		}
	}

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

	async fn attest(&self) -> Result<ToolchainId, MediaError> {
		self.room()?;
		if self.replaced {
			return Err(MediaError::Unable("told to".into()));
		}
		if self.unsound {
			return Err(MediaError::Failed("told to".into()));
		}
		Ok(self.toolchain)
	}

	fn is_replaced(&self) -> bool {
		self.replaced
	}

	fn is_over(&self) -> bool {
		self.over
	}

	fn profiles(&self) -> Vec<ProfileId> {
		vec![CANONICAL_PROFILE, CAPPED_QUALITY]
	}

	async fn transcode(
		&self,
		format: &Format,
		input: &[u8],
		variant: Option<Variant>,
	) -> Result<Transcoded, MediaError> {
		self.room()?;
		if let Some((clock, ms)) = &self.takes {
			let slow = self.slow.filter(|(first, _)| input.first() == Some(first));
			let ms = slow.map_or(*ms, |(_, ms)| ms);
			clock.sleep_until(clock.now_ms().saturating_add(ms)).await;
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
				let varied = variant.filter(|variant| variant.rendition == i);
				let tail = varied.map(|variant| 0xf0 + variant.start);
				core::iter::once(i).chain(bytes).chain(tail).collect()
			})
			.collect();
		Ok(Transcoded { outputs, pixels: Self::pixels(format, input) })
	}

	async fn accept(&self, format: &Format, input: &[u8]) -> Result<(), MediaError> {
		self.transcode(format, input, None).await.map(drop)
	}

	async fn examine(
		&self,
		format: &Format,
		input: &[u8],
		outputs: &[Option<Vec<u8>>],
		seed: Hash,
		index: u32,
	) -> Result<Examined, MediaError> {
		let pixels = Self::pixels(format, input);
		let made = format.ladder.iter().zip(pixels.outputs).zip(outputs);
		let there =
			made.filter(|(_, output)| output.is_some()).map(|((r, made), _)| (r.profile, made));
		if format.stated.is_some_and(|stated| stated.is_exceeded(pixels.input, there)) {
			return Err(MediaError::MoreWork);
		}
		let honest = Self { black: false, ..self.clone() };
		let right = honest.transcode(format, input, None).await?;
		let mut findings = Vec::new();
		for (rendition, (ours, theirs)) in (0u8..).zip(right.outputs.iter().zip(outputs)) {
			let Some(theirs) = theirs.as_ref().filter(|theirs| *theirs != ours) else {
				findings.push(Finding::Exact);
				continue;
			};
			let mut finding =
				Finding::Fault { fault: Fault::Mismatch(MismatchKind::Video), picture: Some(0) };
			for start in (0..VARIANT_STARTS).filter(|_| format.variants) {
				let variant = Some(Variant { rendition, start });
				let made = honest.transcode(format, input, variant).await?;
				if made.outputs.get(usize::from(rendition)) == Some(theirs) {
					finding = Finding::Variant { start };
				}
			}
			findings.push(finding);
		}
		let mut evidence = livepeer_primitives::evidence::LeafEvidence::new(seed, index);
		evidence.add(0, 0, livepeer_primitives::evidence::frame_hash(seed, input));
		Ok(Examined { findings, pixels: right.pixels, digest: evidence.digest() })
	}
}
