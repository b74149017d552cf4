//! Ends idle assignments. Each holds some of this transcoder's places, and an attacker could keep it from
//! working by opening jobs and sending nothing.

use std::{
	collections::BTreeMap,
	sync::{Arc, Mutex},
};

use livepeer_primitives::{video::TICKS_PER_SECOND, AssignmentIndex, BlockNumber, JobId, Seq};

use super::{Assigned, Assignments, Parts, TranscodeError};
use crate::{
	lock,
	ports::{
		chain::{Call, ChainError, Head, Refused, Wait},
		store::{ClaimRecord, StoreError},
	},
};

/// The part of the patience after which it tries to end an assignment in which nothing ever came: the chain
/// may have less patience with those.
const UNUSED: BlockNumber = 8;

/// Since when nothing is claimed in an assignment.
struct Quiet {
	since: BlockNumber,
	/// With which seq the newest of its claims began then.
	newest: Option<Seq>,
	/// The factor on the patience, doubled with each refusal, which costs a fee: the chain counts from its
	/// own last claim, and may be more patient.
	factor: BlockNumber,
}

/// What is looked at of a claim.
struct Claimed {
	/// Its assignment.
	of: (JobId, AssignmentIndex),
	/// The seq with which it begins.
	first: Seq,
	is_on_chain: bool,
}

impl Claimed {
	fn of(claim: &ClaimRecord) -> Self {
		let is_on_chain = claim.id.is_some();
		Self { of: (claim.job, claim.assignment), first: claim.first, is_on_chain }
	}
}

/// Ends idle assignments.
pub(super) struct Idle {
	parts: Arc<Parts>,
	assigned: Assignments,
	quiet: Mutex<BTreeMap<(JobId, AssignmentIndex), Quiet>>,
}

impl Idle {
	pub(super) fn new(parts: Arc<Parts>, assigned: Assignments) -> Self {
		Self { parts, assigned, quiet: Mutex::default() }
	}

	/// Ends the assignments whose time is up.
	pub(super) async fn duties(&self, head: Head) -> Result<(), TranscodeError> {
		if self.parts.chain.account().is_none() {
			return Ok(());
		}
		let assigned: Vec<Assigned> = lock(&self.assigned).values().cloned().collect();
		let slot = self.parts.chain.limits().await?.slot_duration;
		lock(&self.quiet).retain(|key, _| {
			assigned.iter().any(|assigned| (assigned.view.id, assigned.index) == *key)
		});
		if assigned.is_empty() {
			return Ok(());
		}
		// Once for all of them: claims are many and long.
		let claims: Vec<Claimed> = self.parts.store.claims()?.iter().map(Claimed::of).collect();
		for assigned in &assigned {
			if self.is_due(head.best, slot, assigned, &claims)? {
				self.end(assigned).await?;
			}
		}
		Ok(())
	}

	/// Whether nothing was claimed in an assignment for so long that the chain may end it. With waiting
	/// segments that is as long as for anybody else: twice the time of the largest claim. Segments that are
	/// not worth a claim by then do not keep it open, or an occasional segment would bind places for nothing;
	/// the last claim of an ended assignment may be small.
	fn is_due(
		&self,
		now: BlockNumber,
		slot: u64,
		assigned: &Assigned,
		claims: &[Claimed],
	) -> Result<bool, StoreError> {
		let (job, index) = (assigned.view.id, assigned.index);
		let store = &self.parts.store;
		let cursor = store.cursor(job, index)?;
		let waits = !store.receipts(job, index, cursor, 1)?.is_empty();
		let own: Vec<&Claimed> = claims.iter().filter(|claim| claim.of == (job, index)).collect();
		let newest = own.iter().map(|claim| claim.first).max();
		let mut quiet = lock(&self.quiet);
		if own.iter().any(|claim| !claim.is_on_chain) {
			quiet.remove(&(job, index));
			return Ok(false);
		}
		let known = quiet.get_mut(&(job, index)).filter(|quiet| newest <= quiet.newest);
		let Some(known) = known else {
			quiet.insert((job, index), Quiet { since: now, newest, factor: 1 });
			return Ok(false);
		};
		let claim = longest_claim(slot, assigned);
		let patience = match (waits, cursor) {
			(true, _) => claim.saturating_mul(2),
			(false, 0) => claim / UNUSED,
			(false, _) => claim,
		};
		if now.saturating_sub(known.since) <= patience.max(1).saturating_mul(known.factor) {
			return Ok(false);
		}
		known.factor = known.factor.saturating_mul(2);
		Ok(true)
	}

	async fn end(&self, assigned: &Assigned) -> Result<(), ChainError> {
		let (job, assignment) = (assigned.view.id, assigned.index);
		match self.parts.chain.submit(Call::EndIdle { job, assignment }, Wait::InBlock).await {
			Ok(()) => {
				tracing::info!(job, assignment, "nothing came; the assignment is ended");
				lock(&self.assigned).remove(&(job, assignment));
				Ok(())
			}
			Err(ChainError::Refused { refused, .. }) => {
				let early = refused == Refused::NotIdle;
				tracing::debug!(job, assignment, early, ?refused, "the idle assignment goes on");
				Ok(())
			}
			Err(error) => Err(error),
		}
	}
}

/// The duration of an assignment's largest claim with the job's longest segments, in blocks: the chain waits
/// that long for a claim.
fn longest_claim(slot: u64, assigned: &Assigned) -> BlockNumber {
	let longest = u128::from(assigned.view.limits.longest);
	let ticks = u128::from(assigned.max_leaves).saturating_mul(longest).saturating_mul(1_000);
	let block = u128::from(TICKS_PER_SECOND).saturating_mul(slot.into()).max(1);
	BlockNumber::try_from(ticks.div_ceil(block)).unwrap_or(BlockNumber::MAX)
}
