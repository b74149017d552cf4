//! Forced variants: the transcoder's VRF decides which segments have one; it is opened to the chain once no
//! judge can say anything any more.

use std::{
	collections::BTreeMap,
	sync::{Arc, Mutex},
};

use livepeer_primitives::{
	api::ChallengeView,
	segment::SegmentHeader,
	sum_tree::SumTree,
	variant::{choice, openings_hash, VariantOpening, VariantOpenings, VariantPlace},
	BlockNumber, ClaimId, Seq,
};

use super::{Assigned, Parts, TranscodeError, RESEND_BLOCKS};
use crate::{
	lock,
	ports::{
		chain::{At, Call, Head, Wait},
		engine::{Variant, VARIANT_STARTS},
		events::{Event, Warning},
		store::ClaimRecord,
	},
	rules::claims::drawn_leaves,
};

impl Parts {
	/// The variant that a segment must have, if any: deterministic, and known to nobody else until it is
	/// opened.
	pub(super) async fn variant(
		&self,
		assigned: &Assigned,
		header: &SegmentHeader,
	) -> Result<Option<Variant>, TranscodeError> {
		if assigned.variant_rate.is_zero() {
			return Ok(None);
		}
		let SegmentHeader { genesis, stream, job, assignment, seq, .. } = *header;
		let place = VariantPlace { genesis, stream, job, assignment, seq };
		let x = self.drawing(assigned.transcoder_keys).await?.x(&place);
		Ok(x.and_then(|x| {
			let choice = choice(&x);
			let rendition = choice.due(assigned.view.ladder.len(), assigned.variant_rate)?;
			Some(Variant { rendition, start: choice.start % VARIANT_STARTS })
		}))
	}
}

/// The state of a claim's opening.
#[derive(Clone, Copy, Default)]
struct Opening {
	/// The deadline when it was first seen, and the middle of the time that was left then.
	until: (BlockNumber, BlockNumber),
	/// When it was last sent.
	sent: Option<BlockNumber>,
	/// Whether it was reported.
	reported: bool,
}

/// Opens variants.
pub(super) struct Variants {
	parts: Arc<Parts>,
	openings: Mutex<BTreeMap<ClaimId, Opening>>,
}

impl Variants {
	pub(super) fn new(parts: Arc<Parts>) -> Self {
		Self { parts, openings: Mutex::default() }
	}

	/// Opens which of the drawn segments of a claim had to have a variant, if the chain waits for it.
	pub(super) async fn open(
		&self,
		head: Head,
		id: ClaimId,
		claim: &ClaimRecord,
		challenge: &ChallengeView,
	) -> Result<(), TranscodeError> {
		if !challenge.awaits_opening {
			return Ok(());
		}
		let sent = lock(&self.openings).get(&id).and_then(|opening| opening.sent);
		if sent.is_some_and(|sent| head.best.saturating_sub(sent) < RESEND_BLOCKS)
			|| !self.may_be_known(id, challenge).await?
		{
			return Ok(());
		}
		let Ok(tree) = SumTree::new(&claim.leaves) else { return Ok(()) };
		let Some(info) = self.parts.chain.claim(At::Best, id).await? else { return Ok(()) };
		let Some(seed) = challenge.seed else { return Ok(()) };
		let drawing = match self.parts.drawing(info.transcoder_keys).await {
			Err(TranscodeError::Vrf(error)) => {
				let text = format!("the variants of claim {id} cannot be opened, so that it will be missed: {error}");
				self.parts.warnings.warn(Warning::Refused, text);
				return Ok(());
			}
			drawing => drawing?,
		};
		let signing = match self.parts.signing(info.transcoder_keys).await {
			// The chain also takes a signature by the keys in use, because these may have been revoked.
			Err(TranscodeError::Key(_)) => self.parts.signing_now().await,
			signing => signing,
		};
		let signing = match signing {
			Err(TranscodeError::Key(error)) => {
				let text = format!("the variants of claim {id} cannot be opened, so that it will be missed: {error}");
				self.parts.warnings.warn(Warning::Refused, text);
				return Ok(());
			}
			signing => signing?,
		};
		let opening = |index: u32| {
			let place = VariantPlace {
				genesis: self.parts.chain.genesis(),
				stream: info.stream,
				job: info.job,
				assignment: info.assignment,
				seq: info.first.saturating_add(Seq::from(index)),
			};
			VariantOpening { index, vrf: drawing.open(&place) }
		};
		let drawn = drawn_leaves(&tree, &challenge.positions);
		let leaves = drawn.len() as u32;
		let openings: Vec<_> = drawn.into_iter().map(opening).collect();
		let openings = VariantOpenings::truncate_from(openings);
		lock(&self.openings).entry(id).or_default().sent = Some(head.best);
		let signed = openings_hash(self.parts.chain.genesis(), id, seed, &openings);
		let signature = signing.sign(&signed);
		let call = Call::OpenVariants { claim: id, openings, signature };
		match self.parts.chain.submit(call, Wait::InBlock).await {
			Ok(()) => {
				let known = &mut *lock(&self.openings);
				if !std::mem::replace(&mut known.entry(id).or_default().reported, true) {
					tracing::info!(claim = id, leaves, "variants opened");
					self.parts.events.emit(Event::VariantsOpened { claim: id, leaves });
				}
			}
			Err(error) if error.is_transient() => {
				tracing::warn!(claim = id, %error, "variants not opened");
			}
			Err(error) => {
				let text = format!("the variants of claim {id} are not opened: {error}");
				self.parts.warnings.warn(Warning::Refused, text);
			}
		}
		Ok(())
	}

	/// Whether x may be revealed. In the first half of the time only if it is final that no judge can say
	/// anything any more: after a reorganisation judges could use x for their words. In the second half
	/// always: finality may be missing, and not opening costs stake.
	async fn may_be_known(
		&self,
		id: ClaimId,
		challenge: &ChallengeView,
	) -> Result<bool, TranscodeError> {
		let last = self.parts.chain.challenge(At::Finalized, id).await?;
		if last.is_some_and(|last| last.awaits_opening && last.tranche == challenge.tranche) {
			return Ok(true);
		}
		let now = self.parts.chain.limits().await?.now;
		let deadline = challenge.deadline;
		let mut openings = lock(&self.openings);
		let opening = openings.entry(id).or_default();
		if opening.until.0 != deadline {
			opening.until = (deadline, now.saturating_add(deadline.saturating_sub(now) / 2));
		}
		Ok(now >= opening.until.1)
	}

	/// Forgets a claim.
	pub(super) fn forget(&self, id: ClaimId) {
		lock(&self.openings).remove(&id);
	}
}
