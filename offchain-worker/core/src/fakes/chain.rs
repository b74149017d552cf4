//! A chain in memory, which refuses with the names of the pallets' errors.

use std::{
	collections::BTreeMap,
	sync::{Arc, Mutex, MutexGuard},
};

use async_trait::async_trait;
use livepeer_primitives::{
	api::{
		AssignmentView, BackingView, ChallengeStage, ChallengeView, ClaimTerms, ClockView,
		InflationView, JobView, JudgementView, KeysView, PoolSeat, SeatReason, StakeView,
		TranscoderView, ValidatorView, YieldView,
	},
	claim::{ClaimInfo, Outcome},
	draw,
	duty::Profiles,
	keys::{Generation, OperatorSignature, Purpose, VerifierId, VrfKey},
	params::{ProtocolParameters, VerificationTerms},
	segment::stream_id,
	service::ServiceRecord,
	sum_tree::{self, Commitment},
	variant::{openings_hash, VariantOpenings, VariantPlace},
	work::{fee, max_leaf_work},
	AccountId, AssignmentIndex, Balance, BlockNumber, ClaimId, Hash, JobId, StreamId, ToolchainId,
};
use sp_core::H256;
use sp_runtime::Perbill;
use tokio::sync::watch;

use super::{FakeEngine, FakeStakes, SimClock};
use crate::{
	key::Key,
	lock,
	ports::{
		chain::{At, Call, Chain, ChainError, Free, Head, LeafReveal, Limits, Refused, Wait},
		clock::Clock,
		judgements::Judgements,
		stakes::{StakeCall, StakeLimits, Stakes},
	},
};

/// An open claim of the fake chain.
#[derive(Clone, Debug)]
pub struct FakeClaim {
	/// What was claimed.
	pub info: ClaimInfo,
	/// The drawn positions; empty before the draw.
	pub positions: Vec<u64>,
	/// What was revealed, by leaf.
	pub revealed: BTreeMap<u32, LeafReveal>,
	/// The outcome when decided.
	pub outcome: Option<Outcome>,
	/// Who judges.
	pub judges: Vec<(AccountId, VerifierId)>,
	/// Whether its variants are to be opened.
	pub opening: FakeOpening,
}

/// Where the opening of a claim's variants stands.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum FakeOpening {
	/// Judges can still commit or reveal.
	#[default]
	Early,
	/// They are awaited.
	Awaited {
		/// The first block that is too late.
		deadline: BlockNumber,
		/// Whether it is final that nobody says anything any more.
		is_final: bool,
	},
	/// They are opened.
	Opened(VariantOpenings),
}

impl FakeClaim {
	/// How many leaves answer the drawn positions, as far as they are revealed.
	pub fn drawn_leaves(&self) -> usize {
		let answers = |position: &u64| {
			self.revealed.values().any(|reveal| {
				sum_tree::verify(&self.info.commitment, reveal.index, &reveal.leaf, &reveal.proof)
					.is_ok_and(|range| range.contains(position))
			})
		};
		if self.positions.iter().all(answers) {
			self.revealed.len()
		} else {
			usize::MAX
		}
	}
}

struct ChainState {
	parameters: ProtocolParameters,
	toolchains: Vec<ToolchainId>,
	jobs: BTreeMap<JobId, JobView>,
	next_job: JobId,
	origins: BTreeMap<StreamId, ServiceRecord>,
	/// The first block in which assignments may be ended as idle.
	idle_from: BlockNumber,
	keys: BTreeMap<(AccountId, Purpose), Vec<KeysView>>,
	spending: BTreeMap<AccountId, AccountId>,
	transcoders: BTreeMap<AccountId, TranscoderView>,
	claims: BTreeMap<ClaimId, FakeClaim>,
	next_claim: ClaimId,
	calls: Vec<Call>,
	unreachable: bool,
	fail_next: Option<ChainError>,
	challenge_takes: Option<(SimClock, u64)>,
	job_takes: Option<(SimClock, u64)>,
	/// The claims whose transactions hang, and how long.
	hanging: BTreeMap<ClaimId, (SimClock, u64)>,
	terms: ClaimTerms,
	free: BTreeMap<AccountId, Free>,
	locked: bool,
	stakes: FakeStakes,
	/// What is held of claims that are judged, from which block on.
	judgements: Vec<(BlockNumber, ClaimId, Option<JudgementView>)>,
	/// The first block whose state is kept.
	kept_from: BlockNumber,
}

/// A chain in memory: assigns each job to the only registered transcoder with capacity, checks
/// claims and reveals as the real one does, and leaves draws and outcomes to the test. Every
/// accepted call makes a block, and every block is final.
#[derive(Clone)]
pub struct FakeChain {
	state: Arc<Mutex<ChainState>>,
	heads: Arc<watch::Sender<Head>>,
}

/// The genesis hash of every fake chain.
pub const GENESIS: Hash = H256([0x6e; 32]);
/// The seed of the ballots after which variants are opened.
const OPENING_SEED: Hash = H256([0x5e; 32]);

impl Default for FakeChain {
	fn default() -> Self {
		let state = ChainState {
			parameters: ProtocolParameters::development(),
			toolchains: vec![FakeEngine::default().toolchain],
			jobs: BTreeMap::new(),
			next_job: 1,
			origins: BTreeMap::new(),
			idle_from: 0,
			keys: BTreeMap::new(),
			spending: BTreeMap::new(),
			transcoders: BTreeMap::new(),
			claims: BTreeMap::new(),
			next_claim: 1,
			calls: Vec::new(),
			unreachable: false,
			fail_next: None,
			challenge_takes: None,
			job_takes: None,
			hanging: BTreeMap::new(),
			// Verification and the calls of claims cost nothing, and everything is backed.
			terms: ClaimTerms {
				terms: VerificationTerms {
					verify_price: 0,
					// No variants are asked for.
					variant_rate: Perbill::zero(),
					..ProtocolParameters::development().lottery.terms(false)
				},
				exposed: 0,
				backing: Balance::MAX,
				call_fee: 0,
			},
			free: BTreeMap::new(),
			locked: false,
			stakes: FakeStakes::default(),
			judgements: Vec::new(),
			kept_from: 0,
		};
		Self { state: Arc::new(Mutex::new(state)), heads: Arc::new(watch::Sender::default()) }
	}
}

impl FakeChain {
	fn state(&self) -> MutexGuard<'_, ChainState> {
		lock(&self.state)
	}

	/// The chain as the owner of `key` uses it.
	pub fn client(&self, key: Option<Key>) -> FakeChainClient {
		FakeChainClient { chain: self.clone(), key }
	}

	/// Makes a block.
	pub fn block(&self) {
		self.heads.send_modify(|head| {
			head.best += 1;
			head.finalized = head.best;
		});
	}

	/// Shows an earlier height, as a node does that was restored.
	pub fn rewind(&self, to: BlockNumber) {
		self.heads.send_modify(|head| {
			head.best = to;
			head.finalized = to;
		});
	}

	/// The calls that were executed, in order.
	pub fn calls(&self) -> Vec<Call> {
		self.state().calls.clone()
	}

	/// The open claims.
	pub fn claims(&self) -> BTreeMap<ClaimId, FakeClaim> {
		self.state().claims.clone()
	}

	/// Lets every request fail, or no longer.
	pub fn cut(&self, unreachable: bool) {
		self.state().unreachable = unreachable;
	}

	/// Lets the next call fail.
	pub fn fail_next(&self, error: ChainError) {
		self.state().fail_next = Some(error);
	}

	/// Holds this of a claim that is judged, from a block on: later entries come later.
	pub fn judge(&self, from: BlockNumber, claim: ClaimId, held: Option<JudgementView>) {
		self.state().judgements.push((from, claim, held));
	}

	/// Forgets the state of blocks before this one.
	pub fn keep_from(&self, block: BlockNumber) {
		self.state().kept_from = block;
	}

	/// Leaves a job's assignment so much.
	pub fn set_allowance(&self, job: JobId, allowance: Balance) {
		let mut state = self.state();
		let current = state.jobs.get_mut(&job).and_then(|view| view.current.as_mut());
		if let Some(current) = current {
			current.allowance = allowance;
		}
	}

	/// Gives the first assignment of a job that has none to a transcoder.
	pub fn assign(&self, job: JobId, to: &AccountId) {
		let mut state = self.state();
		if let Some(view) = state.jobs.get_mut(&job) {
			view.current.get_or_insert(AssignmentView {
				index: 0,
				transcoder: to.clone(),
				price: 1,
				toolchain: Some(FakeEngine::default().toolchain),
				broadcaster_keys: 0,
				transcoder_keys: 0,
				max_leaves: 64,
				variant_rate: Perbill::zero(),
				claimable_until: None,
				next_seq: 0,
				allowance: PLENTY,
			});
		}
		drop(state);
		self.block();
	}

	/// Has claims be worth their verification, and be backed, by these terms.
	pub fn set_terms(&self, terms: ClaimTerms) {
		self.state().terms = terms;
		self.block();
	}

	/// The terms of claims.
	pub fn terms(&self) -> ClaimTerms {
		self.state().terms
	}

	/// Leaves an account so much.
	pub fn leave(&self, account: &AccountId, free: Free) {
		self.state().free.insert(account.clone(), free);
	}

	/// What is kept of stake, to look at and to change.
	pub fn stakes<T>(&self, change: impl FnOnce(&mut FakeStakes) -> T) -> T {
		change(&mut self.state().stakes)
	}

	/// Locks the terms of transcoders, as in the last part of a round, or no longer.
	pub fn lock_terms(&self, locked: bool) {
		self.state().locked = locked;
	}

	/// Jails a transcoder and takes a part of its stake, or frees it.
	pub fn jail(&self, account: &AccountId, jailed: bool) {
		if let Some(view) = self.state().transcoders.get_mut(account) {
			view.jailed = jailed;
			if jailed {
				(view.capacity, view.stake) = (0, view.stake / 2);
			}
		}
		self.block();
	}

	/// Lets a look at a challenge take so many milliseconds.
	pub fn slow_challenges(&self, clock: &SimClock, ms: u64) {
		self.state().challenge_takes = Some((clock.clone(), ms));
	}

	/// Lets the transactions that answer a claim hang for so many milliseconds, and come into no block.
	pub fn hang(&self, claim: ClaimId, clock: &SimClock, ms: u64) {
		self.state().hanging.insert(claim, (clock.clone(), ms));
	}

	/// Lets them hang no longer, as far as they are not sent.
	pub fn hang_no_more(&self) {
		self.state().hanging.clear();
	}

	/// Lets a look at a job take so many milliseconds.
	pub fn slow_jobs(&self, clock: &SimClock, ms: u64) {
		self.state().job_takes = Some((clock.clone(), ms));
	}

	/// Accepts one more toolchain.
	pub fn accept_toolchain(&self, toolchain: ToolchainId) {
		self.state().toolchains.push(toolchain);
	}

	/// Accepts a toolchain no longer.
	pub fn retire_toolchain(&self, toolchain: ToolchainId) {
		self.state().toolchains.retain(|accepted| *accepted != toolchain);
	}

	/// Draws `k` positions of a claim.
	pub fn draw(&self, claim: ClaimId, seed: Hash, k: u32) {
		if let Some(open) = self.state().claims.get_mut(&claim) {
			let commitment = open.info.commitment;
			open.positions =
				draw::positions(seed, claim, commitment.root, commitment.total_work, k);
		}
		self.block();
	}

	/// Seats judges over a claim.
	pub fn seat(&self, claim: ClaimId, judges: Vec<(AccountId, VerifierId)>) {
		if let Some(open) = self.state().claims.get_mut(&claim) {
			open.judges = judges;
		}
		self.block();
	}

	/// Has the variants of a claim be opened, or takes it back, as a reorg does.
	pub fn await_opening(&self, claim: ClaimId, opening: FakeOpening) {
		if let Some(open) = self.state().claims.get_mut(&claim) {
			open.opening = opening;
		}
		self.block();
	}

	/// Makes a new generation of an account's keys, and says its number. The first draws variants.
	pub fn set_keys(&self, account: &AccountId, purpose: Purpose, keys: &[&Key]) -> Generation {
		let vrf = keys.first().filter(|_| purpose == Purpose::Duties).map(|key| key.vrf_public());
		let public = keys.iter().map(|key| key.public()).collect();
		let generation = self.state().add_keys(account, purpose, public, vrf);
		self.block();
		generation
	}

	/// Decides a claim.
	pub fn decide(&self, claim: ClaimId, outcome: Outcome) {
		if let Some(open) = self.state().claims.get_mut(&claim) {
			open.outcome = Some(outcome);
		}
		self.block();
	}

	/// Takes a claim out of the state.
	pub fn close(&self, claim: ClaimId) {
		self.state().claims.remove(&claim);
		self.block();
	}

	/// Takes a job out of the state.
	pub fn remove_job(&self, job: JobId) {
		self.state().jobs.remove(&job);
		self.block();
	}

	/// Gives the running assignment to another transcoder, as a reorg does in which another one was
	/// drawn.
	pub fn redraw(&self, job: JobId, to: &AccountId) {
		if let Some(current) =
			self.state().jobs.get_mut(&job).and_then(|view| view.current.as_mut())
		{
			current.transcoder = to.clone();
			current.toolchain = Some(FakeEngine::default().toolchain);
			current.transcoder_keys = 0;
		}
		self.block();
	}

	/// Has the running assignment accepted under the keys that both parties use now, as a reorg does
	/// in which it was accepted later.
	pub fn accept_again(&self, job: JobId) {
		let mut state = self.state();
		let view = state.jobs.get(&job).cloned();
		if let Some((view, current)) = view.and_then(|view| Some((view.clone(), view.current?))) {
			let broadcaster_keys = state.newest(&view.broadcaster, Purpose::Segments);
			let transcoder_keys = state.newest(&current.transcoder, Purpose::Duties);
			let current = AssignmentView { broadcaster_keys, transcoder_keys, ..current };
			state.jobs.insert(job, JobView { current: Some(current), ..view });
		}
		drop(state);
		self.block();
	}

	/// Has assignments not be idle before a block.
	pub fn set_idle_from(&self, block: BlockNumber) {
		self.state().idle_from = block;
	}

	/// Gives a job to another transcoder, which has accepted.
	pub fn reassign(&self, job: JobId, to: &AccountId) {
		if let Some(current) =
			self.state().jobs.get_mut(&job).and_then(|view| view.current.as_mut())
		{
			current.index += 1;
			current.transcoder = to.clone();
			current.toolchain = Some(FakeEngine::default().toolchain);
			current.transcoder_keys = 0;
			current.next_seq = 0;
		}
		self.block();
	}

	/// Offers a job to a transcoder, which has not accepted.
	pub fn offer(&self, job: JobId, index: u32, to: &AccountId) {
		if let Some(current) =
			self.state().jobs.get_mut(&job).and_then(|view| view.current.as_mut())
		{
			current.index = index;
			current.transcoder = to.clone();
			current.toolchain = None;
			current.next_seq = 0;
		}
		self.block();
	}

	fn execute(&self, who: Option<&AccountId>, call: &Call) -> Result<(), ChainError> {
		let best = self.heads.borrow().best;
		let name = call.name();
		let refuse = |refused| ChainError::Refused { call: name, refused };
		let who = || who.cloned().ok_or(ChainError::NoKey);
		let mut state = self.state();
		let state = &mut *state;
		match call.clone() {
			Call::CreateJob { broadcaster, name, ladder, limits, max_price, end, budget } => {
				let who = who()?;
				if who != broadcaster && state.spending.get(&who) != Some(&broadcaster) {
					return Err(refuse(Refused::NoSpendingKey));
				}
				let stream = stream_id(&broadcaster, &name);
				let factors = state.parameters.jobs.factors;
				let max_leaf_work = max_leaf_work(&factors, &ladder, &limits)
					.ok_or_else(|| refuse(Refused::WorkOverflow))?;
				let chosen =
					state.transcoders.values().find(|t| t.capacity > 0 && t.price <= max_price);
				let allowance = chosen.map_or(0, |t| {
					fee(max_leaf_work, t.price)
						.saturating_mul(state.parameters.jobs.allowance_leaves.into())
				});
				let max_samples = state.parameters.lottery.max_samples;
				let current = chosen.map(|t| AssignmentView {
					index: 0,
					transcoder: t.account.clone(),
					price: t.price,
					toolchain: None,
					broadcaster_keys: 0,
					transcoder_keys: 0,
					max_leaves: state.parameters.lottery.leaves_of(max_samples),
					variant_rate: state.terms.terms.variant_rate,
					claimable_until: None,
					next_seq: 0,
					allowance,
				});
				let id = state.next_job;
				state.next_job += 1;
				let view = JobView {
					id,
					broadcaster,
					stream,
					ladder,
					limits,
					factors,
					max_leaf_work,
					max_samples,
					max_price,
					end,
					unreserved: budget.saturating_sub(allowance),
					ended: false,
					current,
				};
				state.jobs.insert(id, view);
			}
			Call::SetOrigin { name, record } => {
				state.origins.insert(stream_id(&who()?, &name), record);
			}
			Call::AcceptJob(acceptance, signature) => {
				state.check(&signature, Purpose::Duties, &acceptance.hash(), name)?;
				let theirs = state.jobs.get(&acceptance.job).map(|view| view.broadcaster.clone());
				let theirs = theirs.ok_or_else(|| refuse(Refused::NoJob))?;
				let broadcaster_keys = state.newest(&theirs, Purpose::Segments);
				let transcoder_keys = state.newest(&signature.signer.account, Purpose::Duties);
				let view = state.jobs.get_mut(&acceptance.job);
				let current = view
					.and_then(|view| view.current.as_mut())
					.filter(|current| current.index == acceptance.assignment)
					.ok_or_else(|| refuse(Refused::NotOffered))?;
				if current.transcoder != signature.signer.account {
					return Err(refuse(Refused::NotTranscoder));
				}
				let named = (acceptance.broadcaster_keys, acceptance.transcoder_keys);
				if named != (broadcaster_keys, transcoder_keys)
					|| signature.signer.generation != transcoder_keys
				{
					return Err(refuse(Refused::WrongGeneration));
				}
				(current.broadcaster_keys, current.transcoder_keys) = named;
				current.toolchain = Some(acceptance.toolchain);
			}
			Call::ClaimWork(claim, signature) => {
				state.check(&signature, Purpose::Duties, &claim.hash(), name)?;
				let view = state.jobs.get_mut(&claim.job).ok_or_else(|| refuse(Refused::NoJob))?;
				let current = view
					.current
					.as_mut()
					.filter(|current| current.index == claim.assignment)
					.ok_or_else(|| refuse(Refused::NoAssignment))?;
				if current.transcoder != signature.signer.account {
					return Err(refuse(Refused::NotTranscoder));
				}
				if current.transcoder_keys != signature.signer.generation {
					return Err(refuse(Refused::WrongGeneration));
				}
				if claim.first < current.next_seq || claim.last < claim.first {
					return Err(refuse(Refused::ClaimNotAscending));
				}
				let count = claim.last - claim.first + 1;
				if count > u64::from(current.max_leaves) {
					return Err(refuse(Refused::TooManyLeaves));
				}
				if claim.total_work > claim.largest_leaf.saturating_mul(count) {
					return Err(refuse(Refused::WorkTooLarge));
				}
				let price = fee(claim.total_work, current.price);
				let ClaimTerms { terms, exposed, backing, .. } = state.terms;
				let samples = draw::sample_count(terms.rate, count as u32, view.max_samples);
				let least =
					terms.least_fee(samples, claim.total_work, count as u32, claim.largest_leaf);
				if current.claimable_until.is_none() && !view.ended && price < least {
					return Err(refuse(Refused::FeeBelowVerification));
				}
				if exposed.saturating_add(price) > backing {
					return Err(refuse(Refused::NotBacked));
				}
				current.allowance = current
					.allowance
					.checked_sub(price)
					.ok_or_else(|| refuse(Refused::AllowanceExceeded))?;
				current.next_seq = claim.last + 1;
				let commitment = Commitment {
					root: claim.root,
					total_work: claim.total_work,
					leaf_count: count as u32,
				};
				let info = ClaimInfo {
					job: claim.job,
					assignment: claim.assignment,
					transcoder: current.transcoder.clone(),
					transcoder_keys: current.transcoder_keys,
					broadcaster: view.broadcaster.clone(),
					broadcaster_keys: current.broadcaster_keys,
					stream: view.stream,
					first: claim.first,
					commitment,
					largest_leaf: claim.largest_leaf,
					toolchain: claim.toolchain,
					ladder: view.ladder.clone(),
					limits: view.limits,
					factors: view.factors,
					max_samples: view.max_samples,
					fee: price,
					round: 0,
					window: 0,
				};
				let id = state.next_claim;
				state.next_claim += 1;
				let open = FakeClaim {
					info,
					positions: Vec::new(),
					revealed: BTreeMap::new(),
					outcome: None,
					judges: Vec::new(),
					opening: FakeOpening::Early,
				};
				state.claims.insert(id, open);
			}
			Call::TopUp { job, amount } => {
				let view = state.jobs.get_mut(&job).ok_or_else(|| refuse(Refused::NoJob))?;
				view.unreserved = view.unreserved.saturating_add(amount);
			}
			Call::EndJob { job } => {
				let view = state.jobs.get_mut(&job).ok_or_else(|| refuse(Refused::NoJob))?;
				view.ended = true;
				if let Some(current) = &mut view.current {
					current.claimable_until = Some(best + state.parameters.jobs.claim_grace);
				}
			}
			Call::EndIdle { job, assignment } => {
				who()?;
				let view = state.jobs.get_mut(&job).ok_or_else(|| refuse(Refused::NoJob))?;
				let current = view.current.as_ref().filter(|current| current.index == assignment);
				current.ok_or_else(|| refuse(Refused::NoAssignment))?;
				if best < state.idle_from {
					return Err(refuse(Refused::NotIdle));
				}
				view.current = None;
			}
			Call::NextTranscoder { job, assignment } => {
				let view = state.jobs.get_mut(&job).ok_or_else(|| refuse(Refused::NoJob))?;
				let current = view.current.as_mut().filter(|current| current.index == assignment);
				let current = current.ok_or_else(|| refuse(Refused::NoAssignment))?;
				let next = state
					.transcoders
					.values()
					.find(|t| t.active && !t.jailed && t.account != current.transcoder);
				current.index += 1;
				if let Some(next) = next {
					current.transcoder = next.account.clone();
				}
				current.toolchain = None;
				current.transcoder_keys = 0;
				current.next_seq = 0;
			}
			Call::Transcoder { price, reward_cut, fee_share, service } => {
				let who = who()?;
				if state.locked {
					return Err(refuse(Refused::named("TranscoderElection", "TermsLocked")));
				}
				let capacity = state.transcoders.get(&who).map_or(0, |t| t.capacity);
				let view = TranscoderView {
					account: who.clone(),
					stake: 1_000,
					price,
					reward_cut,
					fee_share,
					capacity,
					profiles: Profiles::default(),
					active: true,
					jailed: false,
					service,
				};
				state.transcoders.insert(who, view);
			}
			Call::Announce(availability, signature) => {
				state.check(&signature, Purpose::Duties, &availability.hash(), name)?;
				let transcoder = state
					.transcoders
					.get_mut(&signature.signer.account)
					.ok_or_else(|| refuse(Refused::NotRegistered))?;
				transcoder.capacity = availability.capacity;
				transcoder.profiles = availability.profiles;
			}
			Call::Heartbeat(heartbeat, signature) => {
				state.check(&signature, Purpose::Duties, &heartbeat.hash(), name)?;
				if !state.transcoders.contains_key(&signature.signer.account) {
					return Err(refuse(Refused::NotRegistered));
				}
			}
			Call::RevealLeaf { claim, reveal } => {
				let info = state.claims.get(&claim).map(|open| open.info.clone());
				let info = info.ok_or_else(|| refuse(Refused::NoChallenge))?;
				let range =
					sum_tree::verify(&info.commitment, reveal.index, &reveal.leaf, &reveal.proof)
						.map_err(|_| refuse(Refused::BadProof))?;
				let hash = reveal.leaf.header_hash(info.place(GENESIS, reveal.index));
				let signature = &reveal.broadcaster_signature;
				let is_signed = signature.signer.account == info.broadcaster
					&& signature.signer.generation == info.broadcaster_keys
					&& hash.is_some_and(|hash| {
						state.check(signature, Purpose::Segments, &hash, name).is_ok()
					});
				let open = state.claims.get_mut(&claim);
				let open = open.ok_or_else(|| refuse(Refused::NoChallenge))?;
				if !open.positions.iter().any(|position| range.contains(position)) {
					return Err(refuse(Refused::NothingToAnswer));
				}
				if !is_signed {
					return Err(refuse(Refused::BadSignature));
				}
				open.revealed.insert(reveal.index, *reveal);
			}
			Call::OpenVariants { claim, openings, signature } => {
				let open = state.claims.get(&claim).ok_or_else(|| refuse(Refused::NoChallenge))?;
				let other = |name| refuse(Refused::named("ChallengeLottery", name));
				match open.opening {
					FakeOpening::Early => return Err(other("TooEarly")),
					FakeOpening::Opened(_) => return Err(other("NotOpening")),
					FakeOpening::Awaited { deadline, .. } if best >= deadline => {
						return Err(other("TooLate"));
					}
					FakeOpening::Awaited { .. } => {}
				}
				let indices = openings.iter().map(|opening| &opening.index);
				if !indices.eq(open.revealed.keys()) {
					return Err(other("WrongOpenings"));
				}
				let info = &open.info;
				let views = state.keys.get(&(info.transcoder.clone(), Purpose::Duties));
				let is_theirs = |view: &&KeysView| view.generation == info.transcoder_keys;
				let key = match info.transcoder_keys {
					0 => Some(<[u8; 32]>::from(info.transcoder.clone()).into()),
					_ => views.and_then(|views| views.iter().find(is_theirs)?.vrf),
				};
				if signature.signer.account != info.transcoder {
					return Err(other("WrongSigner"));
				}
				let signed = openings_hash(GENESIS, claim, OPENING_SEED, &openings);
				state.check(&signature, Purpose::Duties, &signed, name)?;
				let is_proven = openings.iter().all(|opening| {
					let place = VariantPlace {
						genesis: GENESIS,
						stream: info.stream,
						job: info.job,
						assignment: info.assignment,
						seq: info.first + u64::from(opening.index),
					};
					key.as_ref().is_some_and(|key| place.verify(key, &opening.vrf).is_some())
				});
				if let Some(open) = state.claims.get_mut(&claim) {
					open.opening = FakeOpening::Opened(openings);
					if !is_proven {
						open.outcome = Some(Outcome::Missed);
					}
				}
			}
			Call::Bond { amount, to } => state.stakes.bond(&who()?, amount, &to).map_err(refuse)?,
			Call::Stake(StakeCall::Unjail) => {
				let view = state.transcoders.get_mut(&who()?);
				let view = view.filter(|view| view.jailed);
				view.ok_or_else(|| refuse(Refused::named("TranscoderElection", "NotJailed")))?
					.jailed = false;
			}
			Call::Stake(StakeCall::Resign) => {
				let left = state.transcoders.remove(&who()?);
				left.ok_or_else(|| refuse(Refused::NotRegistered))?;
			}
			Call::Stake(call) => state.stakes.execute(&who()?, call).map_err(refuse)?,
			Call::SetKeys { purpose, keys, vrf } => {
				state.add_keys(&who()?, purpose, keys.into_inner(), vrf);
			}
			Call::RevokeKey { purpose, generation, key } => {
				let views = state.keys.entry((who()?, purpose)).or_default();
				let view = views.iter_mut().find(|view| view.generation == generation);
				if let Some(revoked) = view.and_then(|view| view.revoked.get_mut(usize::from(key)))
				{
					*revoked = true;
				}
			}
			Call::SetSpending { key, .. } => {
				state.spending.insert(key, who()?);
			}
			Call::RemoveSpending { key, .. } => {
				state.spending.remove(&key);
			}
		}
		state.calls.push(call.clone());
		Ok(())
	}
}

impl ChainState {
	/// The newest generation of an account's keys.
	fn newest(&self, account: &AccountId, purpose: Purpose) -> Generation {
		let views = self.keys.get(&(account.clone(), purpose));
		views.and_then(|views| views.first()).map_or(0, |view| view.generation)
	}

	fn add_keys(
		&mut self,
		account: &AccountId,
		purpose: Purpose,
		keys: Vec<livepeer_primitives::keys::OperatorKey>,
		vrf: Option<VrfKey>,
	) -> Generation {
		let generation = self.newest(account, purpose) + 1;
		let revoked = vec![false; keys.len()];
		let view = KeysView { generation, keys, revoked, vrf };
		self.keys.entry((account.clone(), purpose)).or_default().insert(0, view);
		generation
	}

	/// Refuses what is not signed as it says.
	fn check(
		&self,
		signature: &OperatorSignature,
		purpose: Purpose,
		object: &Hash,
		call: &'static str,
	) -> Result<(), ChainError> {
		let signer = &signature.signer;
		let views = self.keys.get(&(signer.account.clone(), purpose));
		let view =
			views.and_then(|views| views.iter().find(|view| view.generation == signer.generation));
		let key = view.and_then(|view| view.keys.get(usize::from(signer.key)));
		if signature.verifies(object, key) {
			Ok(())
		} else {
			let refused = Refused::Other("the signature is not by the key that it names".into());
			Err(ChainError::Refused { call, refused })
		}
	}
}

/// A [`FakeChain`] with a key to sign with.
#[derive(Clone)]
pub struct FakeChainClient {
	chain: FakeChain,
	key: Option<Key>,
}

impl FakeChainClient {
	fn read(&self) -> Result<MutexGuard<'_, ChainState>, ChainError> {
		let state = self.chain.state();
		if state.unreachable {
			let (url, reason) = ("fake".into(), "cut".into());
			return Err(ChainError::Unreachable { url, reason });
		}
		Ok(state)
	}
}

#[async_trait]
impl Chain for FakeChainClient {
	fn genesis(&self) -> Hash {
		GENESIS
	}

	fn account(&self) -> Option<AccountId> {
		self.key.as_ref().map(Key::account)
	}

	fn heads(&self) -> watch::Receiver<Head> {
		self.chain.heads.subscribe()
	}

	async fn limits(&self) -> Result<Limits, ChainError> {
		let parameters = self.read()?.parameters;
		Ok(Limits {
			slot_duration: 2_000,
			heartbeat_interval: parameters.election.heartbeat_interval,
			max_open_claims: parameters.jobs.max_open_claims,
			claim_grace: parameters.jobs.claim_grace,
			now: self.chain.heads.borrow().best,
		})
	}

	async fn operator_keys(
		&self,
		account: &AccountId,
		purpose: Purpose,
	) -> Result<Vec<KeysView>, ChainError> {
		let views = self.read()?.keys.get(&(account.clone(), purpose)).cloned();
		let own = KeysView { generation: 0, keys: vec![], revoked: vec![], vrf: None };
		Ok(views.unwrap_or_default().into_iter().chain([own]).collect())
	}

	async fn transcoder(&self, account: &AccountId) -> Result<Option<TranscoderView>, ChainError> {
		Ok(self.read()?.transcoders.get(account).cloned())
	}

	async fn free(&self, account: &AccountId) -> Result<Free, ChainError> {
		let free = self.read()?.free.get(account).copied();
		Ok(free.unwrap_or(Free { lpt: PLENTY, eth: PLENTY }))
	}

	fn is_for_tests(&self) -> bool {
		true
	}

	async fn transcoders(&self) -> Result<Vec<TranscoderView>, ChainError> {
		Ok(self.read()?.transcoders.values().cloned().collect())
	}

	async fn service(&self, account: &AccountId) -> Result<Option<ServiceRecord>, ChainError> {
		Ok(self.read()?.transcoders.get(account).map(|view| view.service.clone()))
	}

	async fn origin(&self, stream: StreamId) -> Result<Option<ServiceRecord>, ChainError> {
		Ok(self.read()?.origins.get(&stream).cloned())
	}

	async fn origins(&self) -> Result<Vec<StreamId>, ChainError> {
		Ok(self.read()?.origins.keys().copied().collect())
	}

	async fn job(&self, _: At, id: JobId) -> Result<Option<JobView>, ChainError> {
		let takes = self.read()?.job_takes.clone();
		if let Some((clock, ms)) = takes {
			clock.sleep_until(clock.now_ms().saturating_add(ms)).await;
		}
		Ok(self.read()?.jobs.get(&id).cloned())
	}

	async fn job_of_stream(&self, stream: StreamId) -> Result<Option<JobId>, ChainError> {
		Ok(self.read()?.jobs.values().rev().find(|job| job.stream == stream).map(|job| job.id))
	}

	async fn assignments(&self, transcoder: &AccountId) -> Result<Vec<JobId>, ChainError> {
		Ok(self
			.read()?
			.jobs
			.values()
			.filter(|job| {
				!job.ended && job.current.as_ref().is_some_and(|c| c.transcoder == *transcoder)
			})
			.map(|job| job.id)
			.collect())
	}

	async fn claim(&self, _: At, id: ClaimId) -> Result<Option<ClaimInfo>, ChainError> {
		Ok(self.read()?.claims.get(&id).map(|claim| claim.info.clone()))
	}

	async fn challenge(&self, at: At, id: ClaimId) -> Result<Option<ChallengeView>, ChainError> {
		let takes = self.read()?.challenge_takes.clone();
		if let Some((clock, ms)) = takes {
			clock.sleep_until(clock.now_ms().saturating_add(ms)).await;
		}
		Ok(self.read()?.claims.get(&id).map(|claim| {
			let answered = claim
				.positions
				.iter()
				.map(|position| {
					claim.revealed.values().any(|reveal| {
						sum_tree::verify(
							&claim.info.commitment,
							reveal.index,
							&reveal.leaf,
							&reveal.proof,
						)
						.is_ok_and(|range| range.contains(position))
					})
				})
				.collect();
			let (is_voting, until) = match claim.opening {
				FakeOpening::Awaited { is_final: false, .. } if at == At::Finalized => (false, 0),
				FakeOpening::Awaited { deadline, .. } => (true, deadline),
				_ => (false, 0),
			};
			let stage = match (claim.outcome, claim.positions.is_empty()) {
				(Some(_), _) => ChallengeStage::Decided,
				(None, true) => ChallengeStage::AwaitingSeed,
				(None, false) if is_voting => ChallengeStage::VerdictReveal,
				(None, false) => ChallengeStage::LeafReveal,
			};
			ChallengeView {
				claim: id,
				stage,
				deadline: until,
				tranche: 0,
				positions: claim.positions.clone(),
				answered,
				members: claim.judges.iter().map(|(account, _)| account.clone()).collect(),
				keys: claim.judges.iter().map(|(_, key)| key.clone()).collect(),
				committed: Vec::new(),
				revealed: Vec::new(),
				awaits_opening: is_voting,
				outcome: claim.outcome,
				seed: is_voting.then_some(OPENING_SEED),
			}
		}))
	}

	async fn claims_of(&self, _: At, transcoder: &AccountId) -> Result<Vec<ClaimId>, ChainError> {
		Ok(self
			.read()?
			.claims
			.iter()
			.filter(|(_, claim)| claim.info.transcoder == *transcoder)
			.map(|(id, _)| *id)
			.collect())
	}

	async fn claim_terms(
		&self,
		job: JobId,
		assignment: AssignmentIndex,
	) -> Result<Option<ClaimTerms>, ChainError> {
		let state = self.read()?;
		let current = state.jobs.get(&job).and_then(|view| view.current.as_ref());
		let terms = current.filter(|current| current.index == assignment).map(|_| state.terms);
		Ok(terms)
	}

	async fn job_terms(&self) -> Result<VerificationTerms, ChainError> {
		Ok(self.read()?.terms.terms)
	}

	async fn toolchains(&self) -> Result<Vec<ToolchainId>, ChainError> {
		Ok(self.read()?.toolchains.clone())
	}

	async fn submit(&self, call: Call, _: Wait) -> Result<(), ChainError> {
		if let Some(error) = self.read()?.fail_next.take() {
			return Err(error);
		}
		let answered = match &call {
			Call::RevealLeaf { claim, .. } | Call::OpenVariants { claim, .. } => Some(*claim),
			_ => None,
		};
		let hangs = answered.and_then(|claim| self.chain.state().hanging.get(&claim).cloned());
		if let Some((clock, ms)) = hangs {
			clock.sleep_until(clock.now_ms().saturating_add(ms)).await;
			let reason = "it is in no block after a long wait".into();
			return Err(ChainError::NotIncluded { call: call.name(), reason });
		}
		self.chain.execute(self.account().as_ref(), &call)?;
		self.chain.block();
		Ok(())
	}
}

#[async_trait]
impl Stakes for FakeChainClient {
	async fn stake_limits(&self) -> Result<StakeLimits, ChainError> {
		let parameters = self.read()?.parameters;
		Ok(StakeLimits {
			slot_duration: 2_000,
			round_length: parameters.rounds.length,
			unbonding_period: parameters.staking.unbonding_period,
			liability_window: parameters.staking.liability_window,
			min_bond: parameters.staking.min_bond,
			min_self_bond: parameters.election.min_self_bond,
		})
	}

	async fn clock(&self, height: Option<BlockNumber>) -> Result<ClockView, ChainError> {
		let block = height.unwrap_or(self.chain.heads.borrow().best);
		Ok(ClockView { block, round: self.read()?.stakes.round, window: 0 })
	}

	async fn stake(
		&self,
		_: Option<BlockNumber>,
		account: &AccountId,
	) -> Result<StakeView, ChainError> {
		Ok(self.read()?.stakes.accounts.get(account).cloned().unwrap_or_default())
	}

	async fn inflation(&self) -> Result<InflationView, ChainError> {
		let state = self.read()?;
		let rate = state.parameters.inflation.initial_rate;
		Ok(InflationView {
			round: state.stakes.round,
			supply: PLENTY,
			stake: PLENTY / 2,
			rate,
			mintable: rate * PLENTY,
			pool_cut: state.parameters.inflation.pool_cut,
			next_rate: rate,
			next_mintable: rate * PLENTY,
		})
	}

	async fn yield_of(&self, transcoder: &AccountId) -> Result<YieldView, ChainError> {
		let state = self.read()?;
		let view = state.transcoders.get(transcoder);
		Ok(YieldView {
			round: state.stakes.round,
			stake: view.map_or(0, |view| view.stake),
			reward: 100,
			per_lpt: 90,
			earns: view.is_some_and(|view| !view.jailed),
			offered: 0,
			served: 0,
			competitive: true,
		})
	}

	async fn backing(&self, transcoder: &AccountId) -> Result<BackingView, ChainError> {
		let state = self.read()?;
		let behind = |view: &&StakeView| view.delegate.as_ref() == Some(transcoder);
		let all = || state.stakes.accounts.values().filter(behind);
		Ok(BackingView {
			counting: all().map(|view| view.counting).sum(),
			next_round: all().map(|view| view.next_round).sum(),
			own: state.stakes.accounts.get(transcoder).map_or(0, |view| view.next_round),
			bonds: all().count() as u32,
			slashed: Perbill::zero(),
			wiped: 0,
			open: state.stakes.open.get(transcoder).cloned().unwrap_or_default(),
		})
	}

	async fn pool(&self) -> Result<Vec<PoolSeat>, ChainError> {
		let state = self.read()?;
		let seats = state.transcoders.values().map(|view| PoolSeat {
			account: view.account.clone(),
			stake: view.stake,
			next_stake: view.stake,
			reason: if view.jailed { SeatReason::Jailed } else { SeatReason::Stake },
			validates: false,
			barred: view.jailed,
		});
		Ok(seats.collect())
	}

	async fn validators(&self) -> Result<Vec<ValidatorView>, ChainError> {
		Ok(self.read()?.stakes.validators.clone())
	}

	async fn fee(&self, _: &Call) -> Result<Balance, ChainError> {
		drop(self.read()?);
		Ok(FEE)
	}
}

/// What every transaction of a fake chain costs.
pub const FEE: Balance = livepeer_primitives::UNIT / 1_000;

/// A balance that pays for any test's job.
pub const PLENTY: Balance = 1_000_000_000_000_000_000_000;

#[async_trait]
impl Judgements for FakeChainClient {
	async fn block(&self, height: BlockNumber) -> Result<Hash, ChainError> {
		drop(self.read()?);
		Ok(H256::from_low_u64_be(height.into()))
	}

	async fn judgement(
		&self,
		block: Hash,
		claim: ClaimId,
	) -> Result<Option<JudgementView>, ChainError> {
		let state = self.read()?;
		let height = block.to_low_u64_be();
		if height < state.kept_from.into() {
			let (url, reason) = ("fake".into(), "State already discarded".into());
			return Err(ChainError::Unreachable { url, reason });
		}
		let held = state.judgements.iter().rev();
		let mut held = held.filter(|(from, id, _)| u64::from(*from) <= height && *id == claim);
		Ok(held.next().and_then(|(_, _, held)| held.clone()))
	}

	/// Those of now: tests change none in between.
	async fn keys_at(
		&self,
		_: Hash,
		account: &AccountId,
		purpose: Purpose,
	) -> Result<Vec<KeysView>, ChainError> {
		self.operator_keys(account, purpose).await
	}
}
