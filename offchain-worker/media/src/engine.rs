//! The engine that the worker's roles see.

use std::path::Path;

use async_trait::async_trait;
use livepeer_primitives::{
	leaf::RejectReason,
	verdict::{MismatchKind, NonConformingKind},
	video::{Rendition, SourceLimits},
	Hash, ToolchainId,
};
use livepeer_worker_core::ports::engine::{
	Examined, Fault, Format, MediaEngine, MediaError as CoreError, Pixels, Transcoded,
};

use crate::{
	golden,
	parent::{MediaError, MediaPool, Priority, TranscodeJob},
	pipeline::{EvidenceSeed, Facts, Inspection, Wishes},
};

impl From<MediaError> for CoreError {
	fn from(error: MediaError) -> Self {
		match error {
			MediaError::InputInvalid { reason, .. } => CoreError::Invalid(reason),
			other => CoreError::Failed(other.to_string()),
		}
	}
}

/// The canonical profile, attested: it knows the id of what it makes because it made the golden
/// vectors when it started.
#[derive(Clone, Debug)]
pub struct Engine {
	pool: MediaPool,
	toolchain: ToolchainId,
}

impl Engine {
	/// Makes the golden vectors twice, the second time with memory filled with garbage, and takes
	/// their id; fails if the two differ.
	pub async fn start(pool: MediaPool) -> Result<Self, MediaError> {
		let toolchain = golden::attest(&pool, None).await?.toolchain;
		Ok(Self { pool, toolchain })
	}

	/// Like [`Engine::start`], once per build and machine: `memory` is a file that remembers the
	/// result beside what it depends on.
	pub async fn start_once(pool: MediaPool, memory: &Path) -> Result<Self, MediaError> {
		let toolchain = golden::attest(&pool, Some(memory)).await?.toolchain;
		Ok(Self { pool, toolchain })
	}

	/// An engine of which nobody knows what it makes, and which names no toolchain: for whoever only
	/// looks whether a segment can be transcoded.
	pub fn unattested(pool: MediaPool) -> Self {
		Self { pool, toolchain: ToolchainId::zero() }
	}

	/// The pool that it works with.
	pub fn pool(&self) -> &MediaPool {
		&self.pool
	}

	/// What distinguishes `theirs` from `ours`, cheapest first: `None` if not a byte does.
	async fn compare(
		&self,
		rendition: &Rendition,
		limits: &SourceLimits,
		ours: &[u8],
		theirs: &[u8],
	) -> Result<Option<Fault>, MediaError> {
		if ours == theirs {
			return Ok(None);
		}
		let limits = SourceLimits {
			width: rendition.width,
			height: rendition.height,
			shortest: 0,
			..*limits
		};
		let inspected = self.pool.inspect(theirs, &limits, Priority::Verify).await;
		let theirs = match inspected {
			Ok(inspection) => inspection,
			// It is not what the toolchain makes, whatever else it is: that it also breaks a
			// decoder cannot save it.
			Err(error) => return Ok(Some(Fault::NonConforming(unreadable(&error)))),
		};
		let ours = self.pool.inspect(ours, &limits, Priority::Verify).await?;
		Ok(Some(difference(&ours, &theirs)))
	}
}

fn unreadable(error: &MediaError) -> NonConformingKind {
	match error {
		MediaError::InputInvalid { reason: RejectReason::TooManyPixels, .. } => {
			NonConformingKind::Size
		}
		MediaError::InputInvalid {
			reason: RejectReason::TooManyFrames | RejectReason::TooLong,
			..
		} => NonConformingKind::Timing,
		_ => NonConformingKind::Unreadable,
	}
}

/// Names the difference of two outputs that are not byte for byte equal.
fn difference(ours: &Inspection, theirs: &Inspection) -> Fault {
	if (ours.width, ours.height) != (theirs.width, theirs.height) {
		Fault::NonConforming(NonConformingKind::Size)
	} else if ours.times != theirs.times {
		Fault::NonConforming(NonConformingKind::Timing)
	} else if ours.pictures != theirs.pictures {
		Fault::Mismatch(MismatchKind::Video)
	} else if ours.audio != theirs.audio {
		Fault::Mismatch(MismatchKind::Audio)
	} else {
		Fault::Mismatch(MismatchKind::Container)
	}
}

fn pixels(facts: &Facts, ladder: &[Rendition]) -> Pixels {
	Pixels {
		input: facts.pixels(),
		outputs: ladder.iter().map(|rendition| facts.rendition_pixels(rendition)).collect(),
	}
}

#[async_trait]
impl MediaEngine for Engine {
	fn toolchain(&self) -> ToolchainId {
		self.toolchain
	}

	async fn transcode(&self, format: &Format, input: &[u8]) -> Result<Transcoded, CoreError> {
		let job = TranscodeJob {
			input,
			ladder: &format.ladder,
			limits: &format.limits,
			wishes: Wishes::default(),
		};
		let done = self.pool.transcode(job, Priority::Live).await?;
		Ok(Transcoded { pixels: pixels(&done.facts, &format.ladder), outputs: done.outputs })
	}

	async fn examine(
		&self,
		format: &Format,
		input: &[u8],
		outputs: &[Option<Vec<u8>>],
		seed: Hash,
		index: u32,
	) -> Result<Examined, CoreError> {
		let job = TranscodeJob {
			input,
			ladder: &format.ladder,
			limits: &format.limits,
			wishes: Wishes { evidence: Some(EvidenceSeed { seed, index }), variant: None },
		};
		let done = self.pool.transcode(job, Priority::Verify).await?;
		let digest =
			done.evidence.ok_or_else(|| CoreError::Failed("no evidence was made".into()))?;
		let mut faults = Vec::with_capacity(done.outputs.len());
		for (i, (ours, rendition)) in done.outputs.iter().zip(&format.ladder).enumerate() {
			let fault = match outputs.get(i) {
				Some(Some(theirs)) => self.compare(rendition, &format.limits, ours, theirs).await?,
				// Absent, so that nothing is claimed for it.
				Some(None) => None,
				None => Some(Fault::NonConforming(NonConformingKind::Unreadable)),
			};
			faults.push(fault);
		}
		Ok(Examined { faults, pixels: pixels(&done.facts, &format.ladder), digest })
	}
}
