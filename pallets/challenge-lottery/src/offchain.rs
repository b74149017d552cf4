//! The validator's duties. Its node runs this after each new best block.
//!
//! For each ballot in which a local verifier key is a member that owes something, one run takes one
//! short step and leaves: it asks the verify service (which only answers "working" or "done"),
//! sends a commit or sends a reveal. Ballots with the earliest deadline come first. A request is
//! repeated until it is answered, so that the service answers as many as it has time for, whatever
//! else is open. Bytes that the service lacks are asked for on the chain, as long as that is
//! possible. What the member will reveal is stored, with the exact signatures, before the commit is
//! sent. It is sent again unchanged in each block until the chain shows it, so a node that is
//! killed at any point continues where it was. Only the chain tells whether a transaction was
//! accepted.
//!
//! A service that cannot judge has the first half of the commit phase to recover; after that the
//! member abstains. Once in each beacon window the service reports which toolchains it makes. If
//! that differs from what the chain holds of its judge, the worker attests it.
//!
//! A member reveals once the block with its commit is final, so that no reorganisation can put its
//! verdicts in front of somebody else's commit, but not yet in the block with which the phase
//! begins, which others may still lack. In the second half of the phase it reveals regardless,
//! because finality may have stalled.
//!
//! Deadlines are the chain's. The machine's clock only measures how long a run may ask; if the
//! clock jumps, that time is over.

use alloc::{collections::BTreeSet, format, vec, vec::Vec};
use codec::{Decode, Encode};
use core::str::from_utf8;
use frame_support::traits::Get;
use frame_system::offchain::SubmitTransaction;
use livepeer_primitives::{
	evidence,
	keys::{VerifierId, VerifierSignature},
	offchain::{
		Finalized, ToolchainsAnswer, ToolchainsQuestion, VerifyEndpoint, VerifyStatus, VerifyTask,
		FINALIZED, TOOLCHAINS_PATH, VERIFY_ENDPOINT, VERIFY_PATH,
	},
	toolchain::Lacking,
	traits::{Beacon, Claims, ServiceDirectory, VerifierKeyOf},
	verdict::{self, Evidence, Opening, Pass, Phase, Tranche, Verdict, Verdicts},
	AccountId, BlockNumber, ClaimId, Hash, WindowIndex,
};
use sp_application_crypto::RuntimeAppPublic;
use sp_runtime::offchain::{
	http,
	storage::StorageValueRef,
	storage_lock::{Lockable, StorageLock},
	Duration, Timestamp,
};

use crate::{
	types::{Answer, Ballot, Member},
	Attestations, Ballots, Call, Challenges, Config, Crowded, Members, Pallet, Verifiers,
	LOG_TARGET,
};

/// Held by the current run.
const LOCK: &[u8] = b"livepeer/lottery/lock";
/// Longer than a run can take.
const LOCK_MS: u64 = 10_000;
/// The list of local records, so that they can be removed.
const INDEX: &[u8] = b"livepeer/lottery/index";
/// Prefix of a duty's record.
const DUTY: &[u8] = b"livepeer/lottery/duty/";
/// The last beacon window for which the local judges have attested everything.
const ATTESTED: &[u8] = b"livepeer/lottery/attested";
/// Most records in the index: far more than one verifier can owe at a time.
const MAX_INDEX: usize = 4_096;
/// How long one run may ask the verify service.
const ASKING_MS: u64 = 2_000;
/// Time for one request.
const HTTP_MS: u64 = 500;
/// Longest answer that is read.
const MAX_ANSWER_BYTES: usize = 4_096;
/// Blocks after which the record of a closed ballot is removed if finality is not known.
const KEEP_BLOCKS: BlockNumber = 256;

/// Names a duty. What is judged and the evidence seed are part of the name: after a reorganisation
/// a ballot may open with others, and then everything must be done anew.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub(crate) struct DutyId {
	pub claim: ClaimId,
	pub tranche: Tranche,
	pub seed: Hash,
	pub judged: Hash,
	pub key: VerifierId,
}

impl DutyId {
	/// The key of its record.
	pub(crate) fn storage_key(&self) -> Vec<u8> {
		(DUTY, self).encode()
	}
}

/// A request to the service. It is repeated until it is answered. It carries the transcoder's newest
/// service record, which may have changed, and the patience that is left, because a service that has
/// restarted begins anew. Claim, leaves and seed do not change while a ballot is open; the pass is
/// the one stored here.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub(crate) struct Asked {
	/// Whether the service has taken it.
	pub taken: bool,
	/// The peer that fetches for the service.
	pub peer_id: Vec<u8>,
	/// The pass of that peer. It is stored, because the key signs differently each time.
	pub pass: Option<VerifierSignature>,
}

/// The record of a duty. Only one is held at a time, so its size does not matter.
///
/// A ballot may be open across an upgrade of the runtime, and the next runtime then finds what this
/// one has stored. The first byte of a record names its form. The bytes of a form never change,
/// nor those of a [`DutyId`]: another form is a further variant, and the old one is still read.
#[allow(clippy::large_enum_variant)]
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub(crate) enum Duty {
	/// The service was asked.
	#[codec(index = 0)]
	Asked(Asked),
	/// The service answered. None of this changes any more.
	#[codec(index = 1)]
	Answered {
		/// What the commitment opens to.
		opening: Opening,
		/// The commitment.
		commitment: Hash,
		/// The key's signature over the commit.
		commit_signature: VerifierSignature,
		/// The key's signature over the reveal.
		reveal_signature: VerifierSignature,
	},
}

/// A record in the index, with the block at which its ballot was first seen closed. A ballot may be
/// open again after a reorganisation, so its record stays until that block is final.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
struct Indexed {
	duty: DutyId,
	closed: Option<BlockNumber>,
}

/// The state of one run.
pub(crate) struct Run {
	/// The block of the protocol's clock, in which deadlines are counted.
	pub now: BlockNumber,
	/// The block's height, in which finality is counted.
	pub height: BlockNumber,
	pub finalized: Option<BlockNumber>,
	/// Until when the service may be asked; `None` before the first request.
	pub until: Option<Timestamp>,
	/// Whether the service is at capacity: only requests that it has taken are worth asking about.
	pub full: bool,
}

impl Run {
	/// Whether there is time for one more request; counts it.
	pub(crate) fn may_ask(&mut self, was_taken: bool) -> bool {
		let from_now = || sp_io::offchain::timestamp().add(Duration::from_millis(ASKING_MS));
		let until = *self.until.get_or_insert_with(from_now);
		is_ahead(until, ASKING_MS) && (was_taken || !self.full)
	}
}

/// How a run holds the lock. The machine's clock may have been set back, or the lock may be from a
/// run that was killed while the clock was ahead. A lock that lasts longer than a run can take
/// counts as free.
struct Lease;

impl Lockable for Lease {
	type Deadline = Timestamp;

	fn deadline(&self) -> Timestamp {
		sp_io::offchain::timestamp().add(Duration::from_millis(LOCK_MS))
	}

	fn has_expired(deadline: &Timestamp) -> bool {
		!is_ahead(*deadline, LOCK_MS)
	}
}

/// Whether `until` is in the future by the machine's clock, by no more than the `most` milliseconds
/// that are possible unless the clock was set back.
fn is_ahead(until: Timestamp, most: u64) -> bool {
	let left = until.diff(&sp_io::offchain::timestamp()).millis();
	(1..=most).contains(&left)
}

/// Why a step was not taken.
type Reason = &'static str;

/// Why a request brought no verdict.
enum Fault {
	/// Nobody answers. Asking about other duties would only wait as long for each.
	Silent(Reason),
	/// The service is at capacity. Tasks that it already works on are still worth asking about.
	Full,
	/// The service answered at once, but not with a valid answer.
	Refused(Reason),
}

impl<T: Config> Pallet<T> {
	/// One run of the off-chain worker.
	pub(crate) fn run_duties(height: BlockNumber) {
		let (now, crowded) = (Self::now(), Crowded::<T>::get());
		let keys = VerifierId::all();
		if keys.is_empty() {
			return;
		}
		let mut lock = StorageLock::with_lockable(LOCK, Lease);
		let Ok(_guard) = lock.try_lock() else { return };
		let finalized = StorageValueRef::persistent(FINALIZED)
			.get::<Finalized>()
			.ok()
			.flatten()
			.map(|finalized| finalized.number);
		let mut run = Run { now, height, finalized, until: None, full: false };

		// All ballots are read: a duty that is not looked at would be unknown.
		let mut duties = Vec::new();
		for (id, ballot) in Ballots::<T>::iter() {
			let ballot = ballot.at(now, crowded);
			for (index, member) in Members::<T>::iter_prefix((id, ballot.tranche)) {
				if keys.contains(&member.key) {
					duties.push((id, ballot.clone(), index, member));
				}
			}
		}
		// What is owed comes before what there was no time for.
		duties.sort_by_key(|(id, ballot, _, member)| {
			let may_wait = member.overloaded && member.answer == Answer::Silent;
			(may_wait, ballot.deadline, *id)
		});
		for (id, ballot, index, member) in duties {
			if let Err(reason) = Self::serve(&mut run, id, &ballot, index, &member) {
				log::warn!(
					target: LOG_TARGET,
					"claim {id}, tranche {}, member {index}: {reason}",
					ballot.tranche,
				);
			}
		}
		if let Err(reason) = Self::attest_all(&mut run, &keys) {
			// If this matters for a claim, the claim's duty reports it.
			log::debug!(target: LOG_TARGET, "nothing can be attested: {reason}");
		}
		Self::clean_up(&run);
	}

	/// Makes the local judges attest what their service makes, if the chain holds something else:
	/// once in a window, as the chain allows. What a window does not accept is sent in the next
	/// one.
	fn attest_all(run: &mut Run, keys: &[VerifierId]) -> Result<(), Reason> {
		let window = T::Beacon::current_window();
		let done = StorageValueRef::persistent(ATTESTED);
		if done.get::<WindowIndex>().ok().flatten() == Some(window) {
			return Ok(());
		}
		let judging = Verifiers::<T>::get().into_iter();
		let judging = judging.filter(|(_, key)| keys.contains(key)).map(|(account, _)| account);
		let accounts: BTreeSet<AccountId> = judging.chain(Attestations::<T>::iter_keys()).collect();
		for account in accounts {
			let key = T::VerifierKeys::verifier_key(&account).filter(|key| keys.contains(key));
			let Some(key) = key else { continue };
			if !run.may_ask(true) {
				return Ok(());
			}
			let stored = Attestations::<T>::get(&account).unwrap_or_default();
			let question =
				ToolchainsQuestion { anew: stored.owed.is_some().then_some(stored.window) };
			let made = match ask_toolchains(endpoint(), &question) {
				Ok(ToolchainsAnswer::Made { toolchains }) => toolchains,
				Ok(ToolchainsAnswer::Making) => return Ok(()),
				Err(Fault::Silent(reason) | Fault::Refused(reason)) => return Err(reason),
				Err(Fault::Full) => {
					return Err("the verify service has no time to say what it makes")
				}
			};
			let mut lacking = Self::toolchains_kept();
			lacking.retain(|toolchain| !made.contains(toolchain));
			let lacking = Lacking::try_from(lacking).map_err(|_| "too many toolchains are kept")?;
			if Self::next_attestation(&account, window, &lacking).is_err() {
				continue;
			}
			let payload = Self::attestation_payload(&account, window, &lacking);
			let signature = key.sign(&payload).ok_or("the verifier key cannot sign")?;
			if !lacking.is_empty() {
				log::warn!(
					target: LOG_TARGET,
					"{account:?} abstains in claims of toolchains that its service does not make: {lacking:?}",
				);
			}
			Self::send(Call::attest { verifier: account, window, lacking, signature });
		}
		done.set(&window);
		Ok(())
	}

	/// Takes the next step of one duty.
	fn serve(
		run: &mut Run,
		id: ClaimId,
		ballot: &Ballot,
		index: u16,
		member: &Member,
	) -> Result<(), Reason> {
		let duty = DutyId {
			claim: id,
			tranche: ballot.tranche,
			seed: ballot.seed,
			judged: ballot.judged,
			key: member.key.clone(),
		};
		match (ballot.phase, &member.answer) {
			(Phase::Commit, Answer::Silent) => {
				Self::serve_commit(run, &duty, ballot, index, member)
			}
			(Phase::Reveal, Answer::Committed { commitment, at }) => {
				let is_final = run.finalized.is_some_and(|finalized| finalized >= *at);
				let half = ballot.deadline.saturating_sub(ballot.opened) / 2;
				let is_late = run.now >= ballot.opened.saturating_add(half);
				// Whoever has not got the block with which the phase began refuses a reveal, and no
				// neighbour sends it those bytes again. The block's author would be ahead of everybody.
				let is_too_new = run.now <= ballot.opened && half > 1;
				if is_final && !is_too_new || is_late {
					Self::serve_reveal(&duty, index, *commitment)
				} else {
					Ok(())
				}
			}
			_ => Ok(()),
		}
	}

	/// Sends the commit that is stored, or asks the service until there is one.
	fn serve_commit(
		run: &mut Run,
		duty: &DutyId,
		ballot: &Ballot,
		index: u16,
		member: &Member,
	) -> Result<(), Reason> {
		let key = duty.storage_key();
		let record = StorageValueRef::persistent(&key);
		let asked = match recorded(duty) {
			Ok(Some(Duty::Answered { commitment, commit_signature, .. })) => {
				Self::send_commit(duty, index, commitment, commit_signature);
				return Ok(());
			}
			Ok(Some(Duty::Asked(asked))) => Some(asked),
			Ok(None) => None,
			// The chain has no commit yet, so another answer can still be committed to.
			Err(reason) => {
				log::warn!(
					target: LOG_TARGET,
					"claim {}, tranche {}, member {index}: {reason}; the service is asked anew",
					duty.claim,
					duty.tranche,
				);
				None
			}
		};
		let Some(status) = Self::ask_about(run, duty, ballot, member, asked)? else {
			return Ok(());
		};
		let found = Self::found(run.now, duty, ballot, index, member, status);
		let Some((verdicts, evidence)) = found else { return Ok(()) };
		if verdicts.len() != usize::from(ballot.leaves) {
			return Err("the verify service judged another number of leaves");
		}
		let answered = Self::answer(duty, index, member, verdicts, evidence)
			.ok_or("the verifier key cannot sign")?;
		// Stored before anything is sent, and never over another answer: a commitment whose opening
		// is lost is a no-show.
		let stored = record.mutate(|current| match current {
			Ok(Some(Duty::Answered { .. })) => Err(()),
			_ => Ok(answered),
		});
		match stored {
			Ok(Duty::Answered { commitment, commit_signature, .. }) => {
				Self::send_commit(duty, index, commitment, commit_signature);
				Ok(())
			}
			_ => Err("another run has stored an answer"),
		}
	}

	/// Asks the service about a duty of which `asked` is stored, and stores what changes of that.
	/// `None` if there is no time, or if the service has none.
	fn ask_about(
		run: &mut Run,
		duty: &DutyId,
		ballot: &Ballot,
		member: &Member,
		asked: Option<Asked>,
	) -> Result<Option<VerifyStatus>, Reason> {
		let was_taken = asked.as_ref().is_some_and(|asked| asked.taken);
		if !run.may_ask(was_taken) {
			return Ok(None);
		}
		let endpoint = endpoint();
		let peer_id =
			endpoint.as_ref().map(|endpoint| endpoint.peer_id.clone()).unwrap_or_default();
		let pass = match &asked {
			Some(asked) if asked.peer_id == peer_id => asked.pass.clone(),
			// Not asked yet, or the service has changed its peer.
			_ => Self::pass(duty, member, &peer_id),
		};
		if asked.is_none() {
			remember(duty)?;
		}
		let question = Asked { taken: was_taken, peer_id, pass };
		let key = duty.storage_key();
		let note = |asked: Asked| StorageValueRef::persistent(&key).set(&Duty::Asked(asked));
		if asked.as_ref() != Some(&question) {
			note(question.clone());
		}
		let patience_ms = Self::patience_ms(run.now, duty.claim, ballot);
		let task = Self::task(duty, member, patience_ms, question.pass.clone())
			.ok_or("the claim cannot be read")?;
		match ask(endpoint, &task) {
			Ok(status) => {
				if !was_taken {
					note(Asked { taken: true, ..question });
				}
				Ok(Some(status))
			}
			Err(Fault::Full) => {
				run.full = true;
				if was_taken {
					// The service has forgotten it, for example after a restart.
					note(Asked { taken: false, ..question });
				}
				Ok(None)
			}
			Err(Fault::Silent(reason)) => {
				run.until = Some(Timestamp::from_unix_millis(0));
				Err(reason)
			}
			Err(Fault::Refused(reason)) => Err(reason),
		}
	}

	/// What the member says by the service's status. `None` as long as it waits; it may ask for
	/// bytes meanwhile.
	fn found(
		now: BlockNumber,
		duty: &DutyId,
		ballot: &Ballot,
		index: u16,
		member: &Member,
		status: VerifyStatus,
	) -> Option<(Verdicts, Evidence)> {
		let may_ask_for_data = !member.asked && now < ballot.asking_until();
		match status {
			VerifyStatus::Working => None,
			VerifyStatus::Lacking => {
				if may_ask_for_data {
					Self::send_ask(duty, index);
				}
				None
			}
			// It gave up before the chain showed that it had asked.
			VerifyStatus::Done { verdicts, .. }
				if may_ask_for_data && verdicts.iter().any(is_unavailable) =>
			{
				Self::send_ask(duty, index);
				None
			}
			VerifyStatus::Unable { reason } => {
				let reason = from_utf8(&reason).unwrap_or("(no text)");
				log::warn!(
					target: LOG_TARGET,
					"claim {}: the verify service cannot judge: {reason}",
					duty.claim,
				);
				// Before that it may still recover.
				(now >= ballot.asking_until()).then(|| abstentions(duty, ballot))
			}
			VerifyStatus::Done { verdicts, evidence } => Some((backed(verdicts, member), evidence)),
		}
	}

	/// Fixes what will be committed to and revealed.
	fn answer(
		duty: &DutyId,
		index: u16,
		member: &Member,
		verdicts: Verdicts,
		evidence: Evidence,
	) -> Option<Duty> {
		let opening = Opening { verdicts, evidence, salt: sp_io::offchain::random_seed() };
		let commitment = verdict::commitment(
			Self::genesis_hash(),
			duty.claim,
			duty.judged,
			duty.tranche,
			&member.account,
			&opening,
		);
		let DutyId { claim, tranche, seed, .. } = duty;
		let commit = Self::commit_payload(*claim, *tranche, *seed, index, &commitment);
		let reveal = Self::reveal_payload(*claim, *tranche, *seed, index, &opening);
		Some(Duty::Answered {
			commit_signature: duty.key.sign(&commit)?,
			reveal_signature: duty.key.sign(&reveal)?,
			opening,
			commitment,
		})
	}

	fn serve_reveal(duty: &DutyId, index: u16, committed: Hash) -> Result<(), Reason> {
		match recorded(duty)? {
			Some(Duty::Answered { opening, commitment, reveal_signature, .. })
				if commitment == committed =>
			{
				Self::send(Call::reveal_verdict {
					claim: duty.claim,
					tranche: duty.tranche,
					member: index,
					opening,
					signature: reveal_signature,
				});
				Ok(())
			}
			_ => Err("the opening of the commitment is not here: another node uses this key"),
		}
	}

	fn send_commit(duty: &DutyId, index: u16, commitment: Hash, signature: VerifierSignature) {
		Self::send(Call::commit_verdict {
			claim: duty.claim,
			tranche: duty.tranche,
			member: index,
			commitment,
			signature,
		});
	}

	/// Asks whoever has them for bytes that the service cannot get. Like everything, it is sent
	/// again in each block until the chain shows it.
	fn send_ask(duty: &DutyId, index: u16) {
		let DutyId { claim, tranche, seed, key, .. } = duty;
		let payload = Self::ask_payload(*claim, *tranche, *seed, index);
		if let Some(signature) = key.sign(&payload) {
			let (claim, tranche) = (*claim, *tranche);
			Self::send(Call::ask_data { claim, tranche, member: index, signature });
		}
	}

	/// Submits a call to the pool. The pool's answer is ignored, because a call that is sent again
	/// is refused as known; only the chain tells.
	fn send(call: Call<T>) {
		let transaction = T::create_authorized_transaction(call.into());
		if SubmitTransaction::<T, Call<T>>::submit_transaction(transaction).is_err() {
			log::debug!(target: LOG_TARGET, "the pool did not take a duty; it may know it already");
		}
	}

	/// How long the service may wait for bytes: half of the phase's remaining time after the work.
	fn patience_ms(now: BlockNumber, id: ClaimId, ballot: &Ballot) -> u64 {
		let left = ballot.deadline.saturating_sub(now);
		let work = Challenges::<T>::get(id)
			.map_or(0, |challenge| challenge.parameters.work_blocks(challenge.sampled_work));
		let blocks = (left.saturating_sub(work) / 2).max(1);
		u64::from(blocks).saturating_mul(T::Timing::get().slot_duration)
	}

	/// The pass by which holders of the claim's bytes keep a place for the service's peer.
	fn pass(duty: &DutyId, member: &Member, peer_id: &[u8]) -> Option<VerifierSignature> {
		if peer_id.is_empty() {
			return None;
		}
		let pass = Pass {
			genesis: Self::genesis_hash(),
			claim: duty.claim,
			tranche: duty.tranche,
			account: member.account.clone(),
			peer_id: peer_id.to_vec().try_into().ok()?,
		};
		duty.key.sign(&pass.payload())
	}

	/// The request to the service.
	fn task(
		duty: &DutyId,
		member: &Member,
		patience_ms: u64,
		pass: Option<VerifierSignature>,
	) -> Option<VerifyTask> {
		let info = T::Claims::claim(duty.claim)?;
		let leaves = Self::leaves_in_order(duty.claim, &info)?;
		let parameters = Challenges::<T>::get(duty.claim)?.parameters;
		Some(VerifyTask {
			genesis: Self::genesis_hash(),
			claim: duty.claim,
			tranche: duty.tranche,
			verifier: member.account.clone(),
			pass,
			job: info.job,
			service: T::Services::service(&info.transcoder).unwrap_or_default(),
			transcoder: info.transcoder,
			toolchain: info.toolchain,
			ladder: info.ladder,
			limits: info.limits,
			factors: info.factors,
			seed: duty.seed,
			leaves,
			patience_ms,
			variants: !parameters.variant_rate.is_zero(),
		})
	}

	/// Removes the records of ballots that are closed for good.
	fn clean_up(run: &Run) {
		let mut storage = StorageValueRef::persistent(INDEX);
		let Ok(Some(index)) = storage.get::<Vec<Indexed>>() else { return };
		let kept: Vec<Indexed> = index
			.iter()
			.cloned()
			.filter_map(|mut entry| {
				let is_open = Ballots::<T>::get(entry.duty.claim).is_some_and(|ballot| {
					ballot.tranche == entry.duty.tranche
						&& ballot.seed == entry.duty.seed
						&& ballot.judged == entry.duty.judged
				});
				if is_open {
					entry.closed = None;
					return Some(entry);
				}
				let closed = *entry.closed.get_or_insert(run.height);
				let is_final = run.finalized.is_some_and(|finalized| finalized >= closed);
				if is_final || run.height >= closed.saturating_add(KEEP_BLOCKS) {
					StorageValueRef::persistent(&entry.duty.storage_key()).clear();
					return None;
				}
				Some(entry)
			})
			.collect();
		if kept.is_empty() {
			storage.clear();
		} else if kept != index {
			storage.set(&kept);
		}
	}
}

/// The record of a duty, if there is one. Fails if this runtime cannot read it.
pub(crate) fn recorded(duty: &DutyId) -> Result<Option<Duty>, Reason> {
	StorageValueRef::persistent(&duty.storage_key())
		.get()
		.map_err(|_| "what is stored of this duty is of another version of the runtime")
}

/// Puts a duty in the index before its record is stored, so that every record can be found.
fn remember(duty: &DutyId) -> Result<(), Reason> {
	let storage = StorageValueRef::persistent(INDEX);
	let mut index = storage.get::<Vec<Indexed>>().ok().flatten().unwrap_or_default();
	if index.iter().any(|entry| entry.duty == *duty) {
		return Ok(());
	}
	if index.len() >= MAX_INDEX {
		return Err("too many duties are open");
	}
	index.push(Indexed { duty: duty.clone(), closed: None });
	storage.set(&index);
	Ok(())
}

/// The answer of a member that has seen nothing.
fn abstentions(duty: &DutyId, ballot: &Ballot) -> (Verdicts, Evidence) {
	let verdicts = vec![Verdict::Abstain; usize::from(ballot.leaves)];
	(Verdicts::truncate_from(verdicts), evidence::fold(duty.seed, &[]))
}

/// The member's answer from the service's findings. It says that bytes could not be had only if it
/// has asked for them on the chain. A service that was down or overloaded until it was too late to
/// ask had no time for the bytes either, and that says nothing about who serves them.
fn backed(mut verdicts: Verdicts, member: &Member) -> Verdicts {
	if !member.asked {
		let unbacked = verdicts.iter_mut().filter(|verdict| is_unavailable(verdict));
		unbacked.for_each(|verdict| *verdict = Verdict::Abstain);
	}
	verdicts
}

fn is_unavailable(verdict: &Verdict) -> bool {
	matches!(verdict, Verdict::Unavailable(_))
}

/// The address of the verify service; `None` while the node does not know it.
fn endpoint() -> Option<VerifyEndpoint> {
	StorageValueRef::persistent(VERIFY_ENDPOINT).get::<VerifyEndpoint>().ok().flatten()
}

/// Sends one request about a duty to the verify service.
fn ask(endpoint: Option<VerifyEndpoint>, task: &VerifyTask) -> Result<VerifyStatus, Fault> {
	let bytes = post(endpoint, VERIFY_PATH, task)?;
	VerifyStatus::decode(&mut &bytes[..])
		.map_err(|_| Fault::Refused("the verify service's answer is not one"))
}

/// Asks the verify service which toolchains it makes.
fn ask_toolchains(
	endpoint: Option<VerifyEndpoint>,
	question: &ToolchainsQuestion,
) -> Result<ToolchainsAnswer, Fault> {
	let bytes = post(endpoint, TOOLCHAINS_PATH, question)?;
	ToolchainsAnswer::decode(&mut &bytes[..])
		.map_err(|_| Fault::Refused("the verify service's answer is not one"))
}

/// Posts one request to the verify service.
fn post(
	endpoint: Option<VerifyEndpoint>,
	path: &str,
	question: &impl Encode,
) -> Result<Vec<u8>, Fault> {
	let endpoint = endpoint.ok_or(Fault::Silent("no verify service is set"))?;
	let base = from_utf8(&endpoint.url)
		.map_err(|_| Fault::Silent("the verify service's URL is not text"))?;
	let token = from_utf8(&endpoint.token)
		.map_err(|_| Fault::Silent("the verify service's token is not text"))?;
	let url = format!("{base}{path}");
	let authorization = format!("Bearer {token}");
	let body = question.encode();
	let deadline = sp_io::offchain::timestamp().add(Duration::from_millis(HTTP_MS));
	let response = http::Request::post(&url, vec![&body[..]])
		.add_header("Authorization", &authorization)
		.deadline(deadline)
		.send()
		.map_err(|_| Fault::Silent("the verify service cannot be reached"))?
		.try_wait(deadline)
		.map_err(|_| Fault::Silent("the verify service did not answer in time"))?
		.map_err(|_| Fault::Silent("the verify service broke off"))?;
	if response.code == 503 {
		return Err(Fault::Full);
	}
	if response.code != 200 {
		return Err(Fault::Refused("the verify service refused the question"));
	}
	let mut answer = response.body();
	answer.deadline(deadline);
	Ok(answer.take(MAX_ANSWER_BYTES).collect())
}
