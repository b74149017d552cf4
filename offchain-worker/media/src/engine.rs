//! The engine behind the worker's port.

use std::path::Path;

use async_trait::async_trait;
use livepeer_primitives::{
	receipt::RejectReason,
	verdict::{MismatchKind, NonConformingKind},
	video::{
		ProfileId, Rendition, SourceLimits, CANONICAL_PROFILE, CAPPED_QUALITY, TICKS_PER_SECOND,
	},
	Hash, ToolchainId,
};
use livepeer_worker_core::ports::engine::{
	Examined, Fault, Finding, Format, MediaEngine, MediaError as CoreError, Pixels, Transcoded,
	Variant,
};

use crate::{
	diagnosis::Diagnosis,
	golden,
	parent::{MediaError, MediaPool, Priority, TranscodeJob},
	pipeline::{EvidenceSeed, Facts, Inspection, Wishes},
	told::{self, InChildren},
};

impl From<MediaError> for CoreError {
	fn from(error: MediaError) -> Self {
		match error {
			MediaError::InputInvalid { reason, .. } => CoreError::Invalid(reason),
			MediaError::MoreWork => CoreError::MoreWork,
			error @ (MediaError::Io(_) | MediaError::Crowded { .. }) => {
				CoreError::Unable(error.to_string())
			}
			other => CoreError::Failed(other.to_string()),
		}
	}
}

/// The canonical profile, attested: it knows its toolchain's id because it made the golden vectors at its
/// start.
#[derive(Clone, Debug)]
pub struct Engine {
	pool: MediaPool,
	toolchain: ToolchainId,
}

impl Engine {
	/// Makes the golden vectors twice, the second time with memory filled with garbage, and takes their id;
	/// fails if the two differ.
	pub async fn start(pool: MediaPool) -> Result<Self, MediaError> {
		let toolchain = golden::attest(&pool, None).await?.toolchain;
		Ok(Self::begun(pool, toolchain).await)
	}

	/// Like [`Engine::start`], once per build and machine: the file `memory` caches the result together with
	/// everything that it depends on.
	pub async fn start_once(pool: MediaPool, memory: &Path) -> Result<Self, MediaError> {
		let toolchain = golden::attest(&pool, Some(memory)).await?.toolchain;
		Ok(Self::begun(pool, toolchain).await)
	}

	/// Children are forked from what starts now: after an upgrade of a library it is not started any more, and
	/// a judge whose first task comes days later would have to abstain.
	async fn begun(pool: MediaPool, toolchain: ToolchainId) -> Self {
		if let Err(error) = pool.begin().await {
			tracing::warn!(%error, "no media child can be started");
		}
		Self { pool, toolchain }
	}

	/// An engine without attestation, which names no toolchain: only to check whether a segment can be
	/// transcoded.
	pub fn unattested(pool: MediaPool) -> Self {
		Self { pool, toolchain: ToolchainId::zero() }
	}

	/// Its pool.
	pub fn pool(&self) -> &MediaPool {
		&self.pool
	}

	/// Measures how far `output` is from `right`, the toolchain's output for the same `input` in this
	/// rendition, and both from the source. Not used by judges, and not part of a finding. Fails if they
	/// differ in size or number of pictures.
	pub async fn diagnose(
		&self,
		rendition: &Rendition,
		limits: &SourceLimits,
		input: &[u8],
		right: &[u8],
		output: &[u8],
	) -> Result<Diagnosis, MediaError> {
		let output_limits = output_limits(rendition, limits);
		let outputs = (right, output, &output_limits);
		self.pool.diagnose((input, limits), outputs, Priority::Verify).await
	}

	/// What distinguishes `theirs` from `ours`, which differ; cheapest checks first. Ours has this many
	/// pictures.
	async fn compare(
		&self,
		rendition: &Rendition,
		limits: &SourceLimits,
		pictures: u32,
		ours: &[u8],
		theirs: &[u8],
	) -> Result<Finding, MediaError> {
		let limits = of_pictures(output_limits(rendition, limits), pictures);
		let inspected = self.pool.inspect(theirs, &limits, Priority::Verify).await;
		let theirs = match inspected {
			Ok(inspection) => inspection,
			Err(error) => {
				let fault = Fault::NonConforming(unreadable(error)?);
				return Ok(Finding::Fault { fault, picture: None });
			}
		};
		match self.pool.inspect(ours, &limits, Priority::Verify).await {
			Ok(ours) => Ok(difference(&ours, &theirs)),
			// Where sound has pauses, tables are repeated more often than a source may. That shows nothing about
			// the source, and the outputs differ all the same.
			Err(MediaError::InputInvalid { .. }) => {
				let fault = Fault::Mismatch(MismatchKind::Container);
				Ok(Finding::Fault { fault, picture: None })
			}
			Err(error) => Err(error),
		}
	}

	/// The finding on each output. `ours` are the toolchain's outputs of the same input, which has this many
	/// frames, for the outputs that exist.
	async fn findings(
		&self,
		format: &Format,
		input: &[u8],
		frames: u32,
		ours: &[Option<Vec<u8>>],
		outputs: &[Option<Vec<u8>>],
	) -> Result<Vec<Finding>, MediaError> {
		let mut findings = Vec::with_capacity(ours.len());
		for (place, (ours, rendition)) in ours.iter().zip(&format.ladder).enumerate() {
			findings.push(match (ours, outputs.get(place)) {
				// Absent: nothing is claimed for it.
				(None, _) => Finding::Exact,
				(Some(ours), Some(Some(theirs))) if theirs == ours => Finding::Exact,
				(Some(ours), Some(Some(theirs))) => {
					self.compare(rendition, &format.limits, frames, ours, theirs).await?
				}
				(Some(_), _) => Finding::Fault {
					fault: Fault::NonConforming(NonConformingKind::Unreadable),
					picture: None,
				},
			});
		}
		// A leaf has at most one variant, with the rendition's size, times and sound: only such an output is
		// worth more encodes. An output that a child could not inspect may be one too, if variants are asked
		// for.
		let differs = |(_, finding): &(usize, &Finding)| **finding != Finding::Exact;
		let mut differing = findings.iter().enumerate().filter(differs);
		let (Some((place, finding)), None) = (differing.next(), differing.next()) else {
			return Ok(findings);
		};
		let can_be = matches!(
			finding.fault(),
			Some(
				Fault::Mismatch(MismatchKind::Video | MismatchKind::Container)
					| Fault::NonConforming(NonConformingKind::Unreadable)
			)
		);
		let both = (outputs.get(place), ours.get(place));
		if let (true, (Some(Some(theirs)), Some(Some(plain)))) = (can_be && format.variants, both) {
			let makes = InChildren {
				pool: &self.pool,
				priority: Priority::Verify,
				input,
				rendition: &format.ladder[place],
				limits: &format.limits,
				plain,
			};
			if let Some(start) = told::start_of(&makes, frames, theirs).await? {
				findings[place] = Finding::Variant { start };
			}
		}
		Ok(findings)
	}
}

/// The limits within which an output is decoded at all.
fn output_limits(rendition: &Rendition, limits: &SourceLimits) -> SourceLimits {
	SourceLimits { width: rendition.width, height: rendition.height, shortest: 0, ..*limits }
}

/// The same for an output with this many pictures: one with far more, of a short source, would take far more
/// work than is stated. Pictures may be a second apart, so if there are few, some more are allowed.
fn of_pictures(limits: SourceLimits, pictures: u32) -> SourceLimits {
	let seconds = pictures.saturating_sub(1).saturating_mul(TICKS_PER_SECOND);
	SourceLimits { fps: 1, longest: limits.longest.max(seconds), ..limits }
}

/// What it means that a wrong output cannot be inspected. Breaking a decoder or a child does not save it; but
/// a failure to get a child shows nothing about it.
fn unreadable(error: MediaError) -> Result<NonConformingKind, MediaError> {
	match error {
		MediaError::InputInvalid { reason: RejectReason::TooManyPixels, .. } => {
			Ok(NonConformingKind::Size)
		}
		MediaError::InputInvalid {
			reason: RejectReason::TooManyFrames | RejectReason::TooLong,
			..
		} => Ok(NonConformingKind::Timing),
		MediaError::Io(_)
		| MediaError::TooLarge { .. }
		| MediaError::Crowded { .. }
		| MediaError::Format(_) => Err(error),
		_ => Ok(NonConformingKind::Unreadable),
	}
}

/// The first place at which two rows differ, including the end of the shorter one.
fn first_difference<T: PartialEq>(ours: &[T], theirs: &[T]) -> u32 {
	let same = ours.iter().zip(theirs).take_while(|(a, b)| a == b).count();
	u32::try_from(same).unwrap_or(u32::MAX)
}

/// The kind of difference between two outputs that are not byte for byte equal.
fn difference(ours: &Inspection, theirs: &Inspection) -> Finding {
	let (fault, picture) = if (ours.width, ours.height) != (theirs.width, theirs.height) {
		(Fault::NonConforming(NonConformingKind::Size), None)
	} else if ours.times != theirs.times {
		let first = first_difference(&ours.times, &theirs.times);
		(Fault::NonConforming(NonConformingKind::Timing), Some(first))
	} else if ours.pictures != theirs.pictures {
		let first = first_difference(&ours.pictures, &theirs.pictures);
		(Fault::Mismatch(MismatchKind::Video), Some(first))
	} else if ours.audio != theirs.audio {
		(Fault::Mismatch(MismatchKind::Audio), None)
	} else {
		(Fault::Mismatch(MismatchKind::Container), None)
	};
	Finding::Fault { fault, picture }
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

	async fn attest(&self) -> Result<ToolchainId, CoreError> {
		Ok(golden::attest(&self.pool, None).await?.toolchain)
	}

	fn is_replaced(&self) -> bool {
		self.pool.is_replaced()
	}

	fn is_over(&self) -> bool {
		self.pool.is_over()
	}

	fn profiles(&self) -> Vec<ProfileId> {
		vec![CANONICAL_PROFILE, CAPPED_QUALITY]
	}

	async fn transcode(
		&self,
		format: &Format,
		input: &[u8],
		variant: Option<Variant>,
	) -> Result<Transcoded, CoreError> {
		let job = TranscodeJob {
			input,
			ladder: &format.ladder,
			limits: &format.limits,
			wishes: Wishes::default(),
		};
		let mut done = self.pool.transcode(job, Priority::Live).await?;
		if let Some(Variant { rendition: place, start }) = variant {
			let place = usize::from(place);
			if let (Some(rendition), Some(output)) =
				(format.ladder.get(place), done.outputs.get_mut(place))
			{
				let plain = std::mem::take(output);
				let makes = InChildren {
					pool: &self.pool,
					priority: Priority::Live,
					input,
					rendition,
					limits: &format.limits,
					plain: &plain,
				};
				*output = told::deliverable(&makes, done.facts.frames, start).await?;
			}
		}
		Ok(Transcoded { pixels: pixels(&done.facts, &format.ladder), outputs: done.outputs })
	}

	async fn accept(&self, format: &Format, input: &[u8]) -> Result<(), CoreError> {
		self.pool.probe(input, &format.limits, Priority::Verify).await?;
		Ok(())
	}

	async fn examine(
		&self,
		format: &Format,
		input: &[u8],
		outputs: &[Option<Vec<u8>>],
		seed: Hash,
		index: u32,
	) -> Result<Examined, CoreError> {
		// No work is stated for absent outputs, so none is done for them.
		let is_there = |place: &usize| !matches!(outputs.get(*place), Some(None));
		let places: Vec<usize> = (0..format.ladder.len()).filter(is_there).collect();
		let ladder: Vec<Rendition> = places.iter().map(|place| format.ladder[*place]).collect();
		let job = TranscodeJob {
			input,
			ladder: &ladder,
			limits: &format.limits,
			wishes: Wishes {
				evidence: Some(EvidenceSeed { seed, index }),
				stated: format.stated,
				..Default::default()
			},
		};
		let done = self.pool.transcode(job, Priority::Verify).await?;
		let digest =
			done.evidence.ok_or_else(|| CoreError::Failed("no evidence was made".into()))?;
		let mut ours = vec![None; format.ladder.len()];
		for (place, output) in places.into_iter().zip(done.outputs) {
			ours[place] = Some(output);
		}
		let findings = self.findings(format, input, done.facts.frames, &ours, outputs).await?;
		Ok(Examined { findings, pixels: pixels(&done.facts, &format.ladder), digest })
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use livepeer_primitives::{video::LONGEST_SEGMENT, work::max_frames};

	fn inspection(pictures: &[u8], audio: u8) -> Inspection {
		Inspection {
			width: 64,
			height: 36,
			times: (0..pictures.len() as i64).collect(),
			pictures: pictures.iter().map(|byte| Hash::repeat_byte(*byte)).collect(),
			audio: Hash::repeat_byte(audio),
		}
	}

	#[test]
	fn difference_should_name_the_kind_and_the_first_picture() {
		let ours = inspection(&[1, 2, 3], 0);
		let found = |theirs: &Inspection| difference(&ours, theirs);
		let fault = |fault, picture| Finding::Fault { fault, picture };
		let video = Fault::Mismatch(MismatchKind::Video);
		assert_eq!(found(&inspection(&[1, 9, 9], 0)), fault(video, Some(1)));
		let sound = fault(Fault::Mismatch(MismatchKind::Audio), None);
		assert_eq!(found(&inspection(&[1, 2, 3], 9)), sound);
		let container = fault(Fault::Mismatch(MismatchKind::Container), None);
		assert_eq!(found(&ours), container);
		let timing = Fault::NonConforming(NonConformingKind::Timing);
		assert_eq!(found(&inspection(&[1, 2], 0)), fault(timing, Some(2)));
		let small = Inspection { width: 32, ..ours.clone() };
		let size = fault(Fault::NonConforming(NonConformingKind::Size), None);
		assert_eq!(found(&small), size);
	}

	/// Otherwise a judge would decode twelve hundred pictures of an output whose source has fifty.
	#[test]
	fn attack_output_with_far_more_pictures_than_its_source() {
		let limits = SourceLimits { longest: LONGEST_SEGMENT, ..SourceLimits::new(320, 180, 120) };
		let pictures = |pictures| max_frames(&of_pictures(limits, pictures));
		assert_eq!(max_frames(&limits), 1_201);
		assert_eq!([50, 1_201].map(pictures), [50, 1_201]);
		// As many as can be a second apart, and both ends.
		assert_eq!([0, 1, 11].map(pictures), [11; 3]);
	}

	#[test]
	fn output_should_be_guilty_of_what_it_does_to_a_child_but_not_of_a_missing_child() {
		let died =
			MediaError::Died { signal: Some(31), status: String::new(), stderr: String::new() };
		assert_eq!(unreadable(died), Ok(NonConformingKind::Unreadable));
		assert!(unreadable(MediaError::Io("no more processes".into())).is_err());
		assert!(unreadable(MediaError::TooLarge { needed: 2, total: 1 }).is_err());
		let crowded = MediaError::Crowded { needed: 1, total: 2, waited: Default::default() };
		assert!(unreadable(crowded).is_err());
	}
}
