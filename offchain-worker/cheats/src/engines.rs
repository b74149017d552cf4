//! Engines that make, or see, something else than they should. What they cheat with is named in the
//! command line's help.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use livepeer_primitives::{
	verdict::MismatchKind,
	video::{ProfileId, MAX_KBPS},
	Hash, ToolchainId,
};
use livepeer_worker_core::ports::engine::{
	Examined, Fault, Finding, Format, MediaEngine, MediaError, Pixels, Transcoded, Variant,
};

use crate::black::blacken;

/// What an engine that transcodes does instead.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Deed {
	/// Claims what the honest engine would have done, and delivers black.
	Black,
	/// Encodes the first rendition at a third of its rate.
	Stingy,
	/// Delivers what it made of the first segment, over and over.
	Replay,
	/// Claims more pixels than it decoded.
	Overstate,
	/// Leaves out the variants that are due.
	Omit,
	/// Makes a variant of the last rendition where none is due.
	Vary,
}

/// The honest engine but for one deed.
pub struct Dishonest {
	honest: Arc<dyn MediaEngine>,
	deed: Deed,
	first: Mutex<Option<Transcoded>>,
}

impl Dishonest {
	pub fn new(honest: Arc<dyn MediaEngine>, deed: Deed) -> Self {
		Self { honest, deed, first: Mutex::new(None) }
	}
}

#[async_trait]
impl MediaEngine for Dishonest {
	fn toolchain(&self) -> ToolchainId {
		self.honest.toolchain()
	}

	async fn attest(&self) -> Result<ToolchainId, MediaError> {
		self.honest.attest().await
	}

	fn profiles(&self) -> Vec<ProfileId> {
		self.honest.profiles()
	}

	async fn transcode(
		&self,
		format: &Format,
		input: &[u8],
		variant: Option<Variant>,
	) -> Result<Transcoded, MediaError> {
		match self.deed {
			Deed::Black => {
				let mut made = self.honest.transcode(format, input, variant).await?;
				made.outputs.clear();
				for rendition in &format.ladder {
					let black = blacken(rendition, input).await.map_err(MediaError::Failed)?;
					made.outputs.push(black);
				}
				Ok(made)
			}
			Deed::Stingy => {
				let mut poorer = format.clone();
				if let Some(first) = poorer.ladder.iter_mut().next() {
					first.kbps = (first.kbps / 3).clamp(1, MAX_KBPS);
					first.cap_kbps = first.cap_kbps.min(first.kbps.saturating_mul(2));
				}
				self.honest.transcode(&poorer, input, variant).await
			}
			Deed::Replay => {
				let made = self.honest.transcode(format, input, variant).await?;
				let mut first = self.first.lock().unwrap_or_else(PoisonError::into_inner);
				Ok(Transcoded { pixels: made.pixels.clone(), ..first.get_or_insert(made).clone() })
			}
			Deed::Overstate => {
				let mut made = self.honest.transcode(format, input, variant).await?;
				made.pixels.input += made.pixels.input / 5;
				Ok(made)
			}
			Deed::Omit => self.honest.transcode(format, input, None).await,
			Deed::Vary => {
				let last = u8::try_from(format.ladder.len().saturating_sub(1)).unwrap_or_default();
				let undue = Variant { rendition: last, start: 0 };
				self.honest.transcode(format, input, Some(variant.unwrap_or(undue))).await
			}
		}
	}

	async fn accept(&self, format: &Format, input: &[u8]) -> Result<(), MediaError> {
		self.honest.accept(format, input).await
	}

	async fn examine(
		&self,
		format: &Format,
		input: &[u8],
		outputs: &[Option<Vec<u8>>],
		seed: Hash,
		index: u32,
	) -> Result<Examined, MediaError> {
		self.honest.examine(format, input, outputs, seed, index).await
	}
}

/// How a judge does not do its work.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Neglect {
	/// Says that everything is right, without having encoded it.
	Lazy,
	/// Says that everything is wrong.
	Lying,
	/// Says that it cannot say anything.
	Silent,
}

/// A judge that neglects its duty.
pub struct Neglectful {
	pub honest: Arc<dyn MediaEngine>,
	pub neglect: Neglect,
}

#[async_trait]
impl MediaEngine for Neglectful {
	fn toolchain(&self) -> ToolchainId {
		self.honest.toolchain()
	}

	async fn attest(&self) -> Result<ToolchainId, MediaError> {
		self.honest.attest().await
	}

	fn profiles(&self) -> Vec<ProfileId> {
		self.honest.profiles()
	}

	async fn transcode(
		&self,
		format: &Format,
		input: &[u8],
		variant: Option<Variant>,
	) -> Result<Transcoded, MediaError> {
		self.honest.transcode(format, input, variant).await
	}

	async fn accept(&self, format: &Format, input: &[u8]) -> Result<(), MediaError> {
		self.honest.accept(format, input).await
	}

	async fn examine(
		&self,
		format: &Format,
		input: &[u8],
		outputs: &[Option<Vec<u8>>],
		seed: Hash,
		index: u32,
	) -> Result<Examined, MediaError> {
		match self.neglect {
			Neglect::Silent => Err(MediaError::Failed("it does not want to".into())),
			Neglect::Lying => {
				let mut seen = self.honest.examine(format, input, outputs, seed, index).await?;
				let fault = Fault::Mismatch(MismatchKind::Video);
				seen.findings.fill(Finding::Fault { fault, picture: Some(0) });
				Ok(seen)
			}
			Neglect::Lazy => {
				// The sizes are known; the frames are counted by decoding, which is cheap, in one
				// rendition that is too small to cost anything.
				let mut small = format.clone();
				small.ladder.truncate(1);
				for rendition in small.ladder.iter_mut() {
					(rendition.width, rendition.height) = (16, 16);
				}
				let made = self.honest.transcode(&small, input, None).await?;
				let frames = made.pixels.outputs.first().copied().unwrap_or_default() / (16 * 16);
				let size = |w: u16, h: u16| u64::from(w) * u64::from(h) * frames;
				let outputs = format.ladder.iter().map(|r| size(r.width, r.height)).collect();
				Ok(Examined {
					findings: vec![Finding::Exact; format.ladder.len()],
					pixels: Pixels { input: made.pixels.input, outputs },
					digest: seed,
				})
			}
		}
	}
}
