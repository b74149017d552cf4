//! Claims transcoded segments, answers draws, and forgets closed claims.

use std::{
	collections::{BTreeMap, BTreeSet, VecDeque},
	sync::{
		atomic::{AtomicBool, Ordering},
		Arc, Mutex,
	},
};

use codec::{Decode, Encode};
use futures::{stream::FuturesUnordered, StreamExt};
use livepeer_primitives::{
	api::{AssignmentView, ChallengeStage, ChallengeView, ClaimTerms},
	claim::Outcome,
	segment::SegmentHeader,
	sum_tree::SumTree,
	AssignmentIndex, BlockNumber, ClaimId, JobId, Seq,
};

use super::{
	variants::Variants,
	worth::{Next, Prospect},
	Parts, TranscodeError, RESEND_BLOCKS,
};
use crate::{
	decimal, lock,
	ports::{
		chain::{At, Call, ChainError, Head, LeafReveal, Wait},
		events::{Event, Warning},
		store::{ClaimRecord, MadeUnder, SegmentKey, StoreError, TranscodedSegment},
		transport::SignedPass,
	},
	rules::claims::{build, drawn_leaves, is_complete, next_range, ClaimRules, Claimable},
	seats::Seats,
};

/// How often the chain may refuse a claim permanently before it is given up. More than once, because a reorg
/// can bring a claim on chain twice, and the second is refused too.
pub(super) const REFUSALS: u32 = 3;
/// Claims that are answered at a time: far more than hang at once while the node works.
const AT_ONCE: usize = 64;
/// Why a claim whose time is over is given up.
const TOO_LATE: &str = "it is too late to claim them";
/// The name, in the store, of the highest final block that was seen.
const FINALIZED: &str = "finalized";

/// When a claim was last sent, and how often it was refused.
#[derive(Clone, Copy, Default)]
struct Sent {
	at: BlockNumber,
	refusals: u32,
}

/// State of an open claim beside its record.
#[derive(Default)]
struct Progress {
	/// When each drawn leaf was last revealed.
	revealed: BTreeMap<u32, BlockNumber>,
	/// The leaves whose reveal was reported.
	reported: BTreeSet<u32>,
	outcome: Option<Outcome>,
}

/// Makes claims and follows them until they are closed.
pub(super) struct Claiming {
	parts: Arc<Parts>,
	progress: Mutex<BTreeMap<ClaimId, Progress>>,
	sent: Mutex<BTreeMap<SegmentKey, Sent>>,
	/// The highest final block that was seen; `None` until read from the store.
	finalized: Mutex<Option<BlockNumber>>,
	/// The judges of the claims that verifiers asked about.
	seats: Seats,
	/// Whether the check for claims that this folder does not have was done.
	compared: AtomicBool,
	/// The numbers of the open claims, read from the store once, because anybody may name a claim.
	open: Mutex<Option<BTreeSet<ClaimId>>>,
	variants: Variants,
}

impl Claiming {
	pub(super) fn new(parts: Arc<Parts>) -> Self {
		Self {
			variants: Variants::new(parts.clone()),
			seats: Seats::new(parts.chain.clone(), parts.clock.clone()),
			parts,
			progress: Default::default(),
			sent: Default::default(),
			finalized: Default::default(),
			compared: Default::default(),
			open: Default::default(),
		}
	}

	/// Makes claims and sends them until they are on chain.
	pub(super) async fn claim_duties(&self, head: Head) -> Result<(), TranscodeError> {
		if self.is_behind(head)? {
			return Ok(());
		}
		self.compare().await?;
		self.find_claims().await?;
		let store = &self.parts.store;
		let assignments = store.assignments()?;
		let mut sharing = 0;
		for (job, assignment) in &assignments {
			let cursor = store.cursor(*job, *assignment)?;
			sharing += store.receipts(*job, *assignment, cursor, 1)?.len();
		}
		// Read once for all assignments: claims are many and long.
		let claims = store.claims()?;
		let mut open = claims.len();
		let unsent = claims.iter().filter(|claim| claim.id.is_none());
		let unsent: BTreeSet<_> = unsent.map(|claim| (claim.job, claim.assignment)).collect();
		drop(claims);
		// One after the other: the chain takes no claim for segments before those already claimed.
		for (job, assignment) in assignments.into_iter().filter(|one| !unsent.contains(one)) {
			self.make_claim(head, job, assignment, sharing, &mut open).await?;
		}
		for claim in self.parts.store.claims()?.iter().filter(|claim| claim.id.is_none()) {
			self.send_claim(head, claim).await?;
		}
		Ok(())
	}

	/// Answers the claims on chain, for as long as there are heads. Each is handled with every new head,
	/// unless its earlier handling still runs. So a claim whose transactions hang delays no other, not even
	/// one that is drawn meanwhile.
	pub(super) async fn answer_claims(&self) {
		let mut heads = self.parts.chain.heads();
		// Claims that wait for a place or have one; each only once.
		let mut taken = BTreeSet::new();
		let mut waiting = VecDeque::new();
		let mut at_work = FuturesUnordered::new();
		loop {
			let head = *heads.borrow_and_update();
			match self.parts.store.claims() {
				Ok(claims) => {
					let open = claims.into_iter().filter_map(|claim| Some((claim.id?, claim)));
					waiting.extend(open.filter(|(id, _)| taken.insert(*id)));
				}
				Err(error) => self.parts.report("revealing", &TranscodeError::Store(error)),
			}
			loop {
				while at_work.len() < AT_ONCE {
					let Some((id, claim)) = waiting.pop_front() else { break };
					at_work.push(async move { (id, self.answer(head, id, &claim).await) });
				}
				tokio::select! {
					changed = heads.changed() => match changed {
						Ok(()) => break,
						Err(_) => return,
					},
					Some((id, answered)) = at_work.next() => {
						taken.remove(&id);
						if let Err(error) = answered {
							self.parts.report("revealing", &error);
						}
					}
				}
			}
		}
	}

	/// Does what the chain requires of an open claim: reveals its drawn leaves and opens its variants, or
	/// forgets it when it is closed.
	pub(super) async fn answer(
		&self,
		head: Head,
		id: ClaimId,
		claim: &ClaimRecord,
	) -> Result<(), TranscodeError> {
		if let Some(challenge) = self.parts.chain.challenge(At::Best, id).await? {
			self.tell_of_slash(id, &challenge);
			self.reveal(head, id, claim, &challenge).await?;
			self.variants.open(head, id, claim, &challenge).await?;
		}
		self.close_if_gone(id, claim).await
	}

	/// Warns, while it lasts, that a claim is decided against the account: until the slash is executed
	/// governance can still cancel it, and only if somebody asks.
	fn tell_of_slash(&self, id: ClaimId, challenge: &ChallengeView) {
		let Some(outcome @ (Outcome::Failed | Outcome::Missed)) = challenge.outcome else { return };
		let at = challenge.deadline;
		let text = format!("claim {id} is decided ({outcome:?}), and a part of the stake is lost in block {at}, unless it was the source that nobody can transcode. Governance can cancel it before: `livepeer-worker audit {id}` says what was judged");
		self.parts.warnings.warn(Warning::SlashPending, text);
	}

	/// Whether the node is behind what this worker has seen of the chain, because it was restored or still
	/// syncs. A claim that such a node does not know is not necessarily closed, and forgetting a claim too
	/// early costs stake.
	fn is_behind(&self, head: Head) -> Result<bool, StoreError> {
		let mut finalized = lock(&self.finalized);
		let before = match *finalized {
			Some(before) => before,
			None => match self.parts.store.value(FINALIZED)? {
				None => 0,
				Some(bytes) => BlockNumber::decode(&mut &bytes[..])
					.map_err(|error| StoreError::Index(error.to_string()))?,
			},
		};
		if head.finalized > before {
			self.parts.store.put_value(FINALIZED, &head.finalized.encode())?;
		}
		*finalized = Some(before.max(head.finalized));
		let behind = head.finalized < before;
		if behind {
			tracing::warn!(
				finalized = head.finalized,
				seen = before,
				"the node is behind what was seen of this chain; nothing is claimed or forgotten"
			);
		}
		Ok(behind)
	}

	/// Whether nothing of a job can be claimed any more: its last grace has passed.
	async fn job_is_closed(&self, job: JobId) -> Result<bool, TranscodeError> {
		let gone = self.parts.chain.job(At::Best, job).await?.is_none()
			&& self.parts.chain.job(At::Finalized, job).await?.is_none();
		Ok(gone && !self.is_behind(*self.parts.chain.heads().borrow())?)
	}

	/// Warns, once, of open claims of the account that this folder does not know: the folder was lost, or
	/// replaced by a copy older than the claims.
	async fn compare(&self) -> Result<(), TranscodeError> {
		if self.compared.load(Ordering::SeqCst) {
			return Ok(());
		}
		let stored = self.parts.store.claims()?;
		let mut unknown = Vec::new();
		for id in self.parts.chain.claims_of(At::Finalized, self.parts.account()).await? {
			let Some(info) = self.parts.chain.claim(At::Finalized, id).await? else { continue };
			let place = (info.job, info.assignment, info.first);
			if stored.iter().all(|claim| (claim.job, claim.assignment, claim.first) != place) {
				unknown.push(id.to_string());
			}
		}
		if !unknown.is_empty() {
			let text = format!("this folder cannot answer these open claims: {}. It is an old copy, or not the folder in which they were made. If there is a newer one, stop this worker and run it with that", unknown.join(", "));
			self.parts.warnings.warn(Warning::ClaimLost, text);
		}
		self.compared.store(true, Ordering::SeqCst);
		Ok(())
	}

	/// Notes the numbers of final claims. Only final ones are tracked: one that a reorg undoes would look
	/// closed.
	async fn find_claims(&self) -> Result<(), TranscodeError> {
		let stored = self.parts.store.claims()?;
		if stored.iter().all(|claim| claim.id.is_some()) {
			return Ok(());
		}
		let known: BTreeSet<ClaimId> = stored.iter().filter_map(|claim| claim.id).collect();
		for id in self.parts.chain.claims_of(At::Finalized, self.parts.account()).await? {
			if known.contains(&id) {
				continue;
			}
			let Some(info) = self.parts.chain.claim(At::Finalized, id).await? else { continue };
			let found = stored.iter().find(|claim| {
				claim.id.is_none()
					&& claim.job == info.job
					&& claim.assignment == info.assignment
					&& claim.first == info.first
					&& claim.commitment == info.commitment
			});
			if let Some(claim) = found {
				self.parts.store.set_claim_id(claim.key(), id)?;
				self.is_open(id)?;
				lock(&self.open).get_or_insert_default().insert(id);
				lock(&self.sent).remove(&claim.key());
				tracing::info!(claim = id, first = claim.first, last = claim.last(), "claimed");
				self.parts.events.emit(Event::ClaimMade {
					claim: id,
					job: claim.job,
					assignment: claim.assignment,
					first: claim.first,
					last: claim.last(),
					root: format!("{:?}", claim.commitment.root),
					total_work: claim.commitment.total_work,
				});
			}
		}
		Ok(())
	}

	/// Fixes the leaves of the next claim of an assignment when it is time, one of so many that have something to
	/// claim, beside so many claims that are open, and none of its own that is not on chain.
	async fn make_claim(
		&self,
		head: Head,
		job: JobId,
		assignment: AssignmentIndex,
		sharing: usize,
		open: &mut usize,
	) -> Result<(), TranscodeError> {
		let cursor = self.parts.store.cursor(job, assignment)?;
		let first = self.parts.store.receipts(job, assignment, cursor, 1)?;
		let Some(first) = first.first() else { return Ok(()) };
		let under = first.made_under();
		let MadeUnder { transcoder_keys: keys, toolchain, .. } = under;
		let view = self.parts.chain.job(At::Best, job).await?;
		let current = view.as_ref().and_then(|view| view.current.as_ref()).filter(|current| {
			current.index == assignment && current.transcoder == *self.parts.account()
		});
		// For an assignment that was handed on, each receipt has the limits.
		let max_leaves = current.map_or(first.max_leaves, |current| current.max_leaves).max(1);
		let mut receipts =
			self.parts.store.receipts(job, assignment, cursor, max_leaves as usize + 1)?;
		// Segments made under other keys come into no claim under these.
		let all = receipts.len();
		receipts = receipts.into_iter().take_while(|one| one.made_under() == under).collect();
		let is_cut = receipts.len() < all;
		// From a job's end on the chain takes its last claims, for a fixed time, even if it notices the end
		// late. So do not wait for the chain to notice: somebody who lets many jobs end together could delay
		// that until claims are too late.
		let ended = view.as_ref().is_none_or(|view| view.ended || head.best >= view.end)
			|| current.is_none_or(|current| current.claimable_until.is_some());
		if view.is_none() && self.job_is_closed(job).await? {
			self.parts.store.drop_assignment(job, assignment)?;
			let last = receipts.last().unwrap_or(first).header().seq;
			self.note_given_up((job, assignment), (first.header().seq, last), TOO_LATE);
			return Ok(());
		}
		if current.is_some_and(|current| accepted_under(current).is_none_or(|now| now != under)) {
			let reach = first.header().seq.saturating_add(u64::from(max_leaves) - 1);
			let seqs = receipts.iter().map(|segment| segment.header().seq);
			let last = seqs.take_while(|seq| *seq <= reach).last();
			let last = last.unwrap_or(first.header().seq);
			return self.give_up(first.header().seq, last, &receipts, under).await;
		}
		if *open >= self.parts.chain.limits().await?.max_open_claims as usize {
			return Ok(());
		}
		let rules = ClaimRules {
			max_leaves,
			batch: self.parts.config.claim_leaves,
			max_wait_ms: self.parts.config.claim_wait_ms,
			gap_wait_ms: self.parts.config.gap_wait_ms,
		};
		let ready: Vec<Claimable> = receipts
			.iter()
			.map(|segment| Claimable { seq: segment.header().seq, stored_ms: segment.stored_ms })
			.collect();
		let now_ms = self.parts.clock.wall_ms();
		let range = next_range(cursor, &ready, ended || is_cut, now_ms, &rules);
		let Some(range) = range else { return Ok(()) };
		let prospect = Prospect {
			receipts: &receipts,
			range,
			job: view.as_ref(),
			current,
			terms: self.parts.chain.claim_terms(job, assignment).await?,
			max_leaves,
			sharing,
			ended,
			is_complete: is_cut || is_complete(&ready, now_ms, &rules),
			config: &self.parts.config,
		};
		let (leaves, commitment, given_up) = match prospect.decide() {
			Ok(Next::Claim { leaves, commitment, given_up }) => (leaves, commitment, given_up),
			Ok(Next::Waits) => return Ok(()),
			Ok(Next::NotBacked(terms)) => {
				self.parts.warnings.warn(Warning::Refused, not_backed(job, &terms));
				return Ok(());
			}
			Err(error) => {
				tracing::error!(job, assignment, ?range, ?error, "no tree can be built");
				return Ok(());
			}
		};
		let first = range.0;
		let claim =
			ClaimRecord { job, assignment, first, leaves, commitment, toolchain, keys, id: None };
		self.parts.store.put_claim(&claim)?;
		if let Some(why) = given_up {
			return self.close_unpaid(&claim, &why);
		}
		*open += 1;
		self.send_claim(head, &claim).await
	}

	/// Gives up segments whose assignment was accepted under other terms than they were made under, once that
	/// is final: their leaves could not be revealed, or their variants not opened. Before that the chain may
	/// be reorganised again.
	async fn give_up(
		&self,
		first: Seq,
		last: Seq,
		receipts: &[TranscodedSegment],
		under: MadeUnder,
	) -> Result<(), TranscodeError> {
		let Some(segment) = receipts.first() else { return Ok(()) };
		let SegmentHeader { job, assignment, .. } = *segment.header();
		if self.is_accepted_under(At::Finalized, job, assignment, under).await? != Some(false) {
			return Ok(());
		}
		let leaf = |seq: Seq| receipts.iter().find(|segment| segment.header().seq == seq);
		let Ok((leaves, tree)) = build(first, last, |seq| leaf(seq).map(|one| one.leaf.clone()))
		else {
			return Ok(());
		};
		let claim = ClaimRecord {
			job,
			assignment,
			first,
			leaves,
			commitment: tree.commitment(),
			toolchain: under.toolchain,
			keys: under.transcoder_keys,
			id: None,
		};
		self.parts.store.put_claim(&claim)?;
		self.close_foreign(&claim)
	}

	/// Closes a claim that was made under other terms than its assignment is accepted with.
	fn close_foreign(&self, claim: &ClaimRecord) -> Result<(), TranscodeError> {
		let why = "they were made before a reorganisation of the chain, after which the job was accepted with other keys or another toolchain";
		let (job, first, last) = (claim.job, claim.first, claim.last());
		let text = format!("segments {first} to {last} of job {job} are given up: {why}");
		self.parts.warnings.warn(Warning::ClaimLost, text);
		self.close_unpaid(claim, why)
	}

	/// Closes a claim that is not on chain and will never be.
	fn close_unpaid(&self, claim: &ClaimRecord, why: &str) -> Result<(), TranscodeError> {
		self.parts.store.close_claim(claim.key())?;
		lock(&self.sent).remove(&claim.key());
		self.note_given_up((claim.job, claim.assignment), (claim.first, claim.last()), why);
		Ok(())
	}

	/// Tells that the segments of an assignment from the first seq to the last are not paid.
	fn note_given_up(
		&self,
		(job, assignment): (JobId, AssignmentIndex),
		(first, last): (Seq, Seq),
		why: &str,
	) {
		tracing::warn!(job, assignment, first, last, why, "given up");
		let reason = why.to_owned();
		self.parts.events.emit(Event::ClaimGivenUp { job, assignment, first, last, reason });
	}

	/// Whether an assignment is accepted under these terms; `None` if the chain does not tell.
	async fn is_accepted_under(
		&self,
		at: At,
		job: JobId,
		assignment: AssignmentIndex,
		under: MadeUnder,
	) -> Result<Option<bool>, TranscodeError> {
		let view = self.parts.chain.job(at, job).await?;
		let current = view.as_ref().and_then(|view| view.current.as_ref()).filter(|current| {
			current.index == assignment && current.transcoder == *self.parts.account()
		});
		Ok(current.and_then(accepted_under).map(|now| now == under))
	}

	/// Sends a claim that is not on chain, unless it was sent lately.
	async fn send_claim(&self, head: Head, claim: &ClaimRecord) -> Result<(), TranscodeError> {
		let key = claim.key();
		let before = lock(&self.sent).get(&key).copied();
		if before.is_some_and(|sent| head.best.saturating_sub(sent.at) < RESEND_BLOCKS) {
			return Ok(());
		}
		let refusals = before.map_or(0, |sent| sent.refusals);
		let sent = Sent { at: head.best, refusals };
		// After a restart, or without news for a while: it may be on chain, waiting to become final; or its
		// time may be over.
		for id in self.parts.chain.claims_of(At::Best, self.parts.account()).await? {
			let info = self.parts.chain.claim(At::Best, id).await?;
			if info.is_some_and(|info| info.commitment == claim.commitment && info.job == claim.job)
			{
				lock(&self.sent).insert(key, sent);
				return Ok(());
			}
		}
		if self.job_is_closed(claim.job).await? {
			return self.close_unpaid(claim, TOO_LATE);
		}
		// A claim names only one generation of keys. With leaves signed by another it would be accepted, and
		// then missed.
		let made = self.parts.store.receipts(claim.job, claim.assignment, claim.first, 1)?;
		if let Some(under) = made.first().map(TranscodedSegment::made_under) {
			let (job, assignment) = (claim.job, claim.assignment);
			if self.is_accepted_under(At::Best, job, assignment, under).await? == Some(false) {
				let is_final =
					self.is_accepted_under(At::Finalized, job, assignment, under).await?;
				return match is_final {
					Some(false) => self.close_foreign(claim),
					_ => Ok(()),
				};
			}
		}
		lock(&self.sent).insert(key, sent);
		let work = claim.work_claim(self.parts.chain.genesis());
		let signature = self.parts.signing(claim.keys).await?.sign(&work.hash());
		let call = Call::ClaimWork(Box::new(work), signature);
		let Err(error) = self.parts.chain.submit(call, Wait::InBlock).await else { return Ok(()) };
		let refusals = refusals.saturating_add(u32::from(is_lasting(&error)));
		if refusals >= REFUSALS {
			let (first, last) = (claim.first, claim.last());
			let text = format!("the claim of segments {first} to {last} is given up: {error}");
			self.parts.warnings.warn(Warning::ClaimLost, text);
			return self.close_unpaid(claim, &error.to_string());
		}
		let (first, last) = (claim.first, claim.last());
		let text = format!("the claim of segments {first} to {last} is not taken: {error}");
		if error.is_transient() {
			tracing::warn!("{text}");
		} else {
			self.parts.warnings.warn(Warning::Refused, text);
		}
		lock(&self.sent).insert(key, Sent { at: head.best, refusals });
		Ok(())
	}

	/// Reveals the drawn leaves that are not revealed yet.
	async fn reveal(
		&self,
		head: Head,
		id: ClaimId,
		claim: &ClaimRecord,
		challenge: &ChallengeView,
	) -> Result<(), TranscodeError> {
		let mut due = Vec::new();
		{
			let mut progress = lock(&self.progress);
			let progress = progress.entry(id).or_default();
			if challenge.outcome.is_some() {
				progress.outcome = challenge.outcome;
			}
			if challenge.stage != ChallengeStage::LeafReveal {
				return Ok(());
			}
			let Ok(tree) = SumTree::new(&claim.leaves) else { return Ok(()) };
			let open: Vec<u64> = challenge
				.positions
				.iter()
				.enumerate()
				.filter(|(i, _)| !challenge.answered.get(*i).copied().unwrap_or(false))
				.map(|(_, position)| *position)
				.collect();
			for index in drawn_leaves(&tree, &open) {
				let lately = progress
					.revealed
					.get(&index)
					.is_some_and(|sent| head.best.saturating_sub(*sent) < RESEND_BLOCKS);
				if lately {
					continue;
				}
				progress.revealed.insert(index, head.best);
				if let Some(proof) = tree.proof(index) {
					due.push((index, proof));
				}
			}
		}
		let calls = due.into_iter().map(|(index, proof)| async move {
			let seq = claim.first.saturating_add(index.into());
			let key = SegmentKey { seq, ..claim.key() };
			let Some(segment) = self.parts.store.receipt(key)? else {
				tracing::error!(claim = id, seq, "the receipt of a drawn leaf is missing");
				return Ok(());
			};
			let reveal = Box::new(LeafReveal {
				index,
				leaf: segment.leaf,
				proof,
				broadcaster_signature: segment.signed.signature,
			});
			match self
				.parts
				.chain
				.submit(Call::RevealLeaf { claim: id, reveal }, Wait::InBlock)
				.await
			{
				Ok(()) => {
					let mut progress = lock(&self.progress);
					if progress.entry(id).or_default().reported.insert(index) {
						self.parts.events.emit(Event::LeafRevealed { claim: id, index, seq });
					}
				}
				Err(error) if error.is_transient() => {
					tracing::warn!(claim = id, index, %error, "leaf not revealed");
				}
				Err(error) => {
					let text = format!("leaf {index} of claim {id} is not revealed: {error}");
					self.parts.warnings.warn(Warning::Refused, text);
				}
			}
			Ok::<_, TranscodeError>(())
		});
		futures::future::try_join_all(calls).await?;
		Ok(())
	}

	/// Whether a claim with this number is open.
	fn is_open(&self, id: ClaimId) -> Result<bool, StoreError> {
		let mut open = lock(&self.open);
		let open = match &mut *open {
			Some(open) => open,
			none => {
				let claims = self.parts.store.claims()?;
				none.insert(claims.into_iter().filter_map(|claim| claim.id).collect())
			}
		};
		Ok(open.contains(&id))
	}

	/// Whether a pass is that of a judge of an open claim.
	pub(super) async fn is_judge(&self, shown: &SignedPass) -> bool {
		let pass = &shown.pass;
		pass.genesis == self.parts.chain.genesis()
			&& self.is_open(pass.claim).unwrap_or(false)
			&& self.seats.is_judge(shown).await
	}

	/// Forgets a claim that has left the chain's final state.
	async fn close_if_gone(&self, id: ClaimId, claim: &ClaimRecord) -> Result<(), TranscodeError> {
		if self.parts.chain.claim(At::Finalized, id).await?.is_some()
			|| self.parts.chain.claim(At::Best, id).await?.is_some()
			|| self.is_behind(*self.parts.chain.heads().borrow())?
		{
			return Ok(());
		}
		self.parts.store.close_claim(claim.key())?;
		self.seats.forget(id);
		self.variants.forget(id);
		lock(&self.open).get_or_insert_default().remove(&id);
		let outcome = lock(&self.progress).remove(&id).and_then(|progress| progress.outcome);
		tracing::info!(claim = id, ?outcome, "claim closed");
		let warned = match outcome {
			Some(Outcome::Failed) => Some((
				Warning::ClaimFailed,
				"failed: a part of the stake is lost. Run `livepeer-worker doctor` before more is",
			)),
			Some(Outcome::Missed) => Some((
				Warning::ClaimMissed,
				"was missed: a part of the stake is lost. Judges did not get its bytes, or its leaves were not revealed, or its variants not opened, in time",
			)),
			Some(Outcome::Void) => {
				Some((Warning::ClaimVoid, "is void: nobody judged it, so it is not paid"))
			}
			_ => None,
		};
		if let Some((what, text)) = warned {
			self.parts.warnings.warn(what, format!("claim {id} {text}"));
		}
		self.parts.events.emit(Event::ClaimClosed {
			claim: id,
			outcome: outcome.map(|outcome| format!("{outcome:?}")),
		});
		Ok(())
	}
}

/// The terms with which an assignment is accepted; `None` if it is not.
fn accepted_under(current: &AssignmentView) -> Option<MadeUnder> {
	Some(MadeUnder {
		transcoder_keys: current.transcoder_keys,
		broadcaster_keys: current.broadcaster_keys,
		toolchain: current.toolchain?,
	})
}

/// Whether the chain would refuse the same claim again.
fn is_lasting(error: &ChainError) -> bool {
	matches!(error, ChainError::Refused { refused, .. } if refused.is_lasting())
}

/// Why a job's claims wait, and what helps.
fn not_backed(job: JobId, terms: &ClaimTerms) -> String {
	format!(
		"claims of job {job} wait: the own bond backs undecided claims worth {} ETH, and there are already some worth {}. They continue as those are decided; a larger own bond (`livepeer-worker stake bond`) backs more",
		decimal(terms.backing),
		decimal(terms.exposed),
	)
}
