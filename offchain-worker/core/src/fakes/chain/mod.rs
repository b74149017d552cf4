//! A chain in memory, which refuses calls with the names of the pallets' errors.

mod calls;
mod client;
mod judgements;
mod stakes;

use std::{
	collections::{BTreeMap, BTreeSet},
	sync::{Arc, Mutex, MutexGuard},
};

use livepeer_primitives::{
	api::{AssignmentView, ClaimTerms, JobView, JudgementView, KeysView, TranscoderView},
	claim::{ClaimInfo, Outcome},
	draw,
	keys::{Generation, OperatorSignature, Purpose, VerifierId, VrfKey},
	params::{ProtocolParameters, VerificationTerms},
	service::ServiceRecord,
	sum_tree::{self, Commitment},
	variant::VariantOpenings,
	video::SourceLimits,
	work::WorkFactors,
	AccountId, Balance, BlockNumber, ClaimId, Hash, JobId, StreamId, ToolchainId,
};
use sp_core::H256;
use sp_runtime::Perbill;
use tokio::sync::watch;

use super::{FakeEngine, FakeStakes, SimClock};
use crate::{
	key::Key,
	lock,
	ports::{
		chain::{Call, ChainError, Free, Head, LeafReveal, Refused},
		contradiction::Offence,
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

/// The state of opening a claim's variants.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum FakeOpening {
	/// Judges can still commit or reveal.
	#[default]
	Early,
	/// They are awaited.
	Awaited {
		/// The first block that is too late.
		deadline: BlockNumber,
		/// Whether it is final that no judge can say anything any more.
		is_final: bool,
	},
	/// They are opened.
	Opened(VariantOpenings),
}

impl FakeClaim {
	/// How many leaves answer the drawn positions.
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
	/// With what every request fails.
	fails: Option<ChainError>,
	fail_next: Option<ChainError>,
	challenge_takes: Option<(SimClock, u64)>,
	job_takes: Option<(SimClock, u64)>,
	/// The claims whose transactions hang, and how long.
	hanging: BTreeMap<ClaimId, (SimClock, u64)>,
	terms: ClaimTerms,
	free: BTreeMap<AccountId, Free>,
	locked: bool,
	stakes: FakeStakes,
	/// What was reported.
	punished: BTreeSet<Offence>,
	/// Judgements of claims, with the block from which each holds.
	judgements: Vec<(BlockNumber, ClaimId, Option<JudgementView>)>,
	/// Transactions by block, for readers of blocks.
	transactions: Vec<(BlockNumber, Vec<u8>)>,
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
/// What every transaction of a fake chain costs.
pub const FEE: Balance = livepeer_primitives::UNIT / 1_000;
/// A balance that pays for any test's job.
pub const PLENTY: Balance = 1_000_000_000_000_000_000_000;

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
			fails: None,
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
			punished: BTreeSet::new(),
			judgements: Vec::new(),
			transactions: Vec::new(),
			kept_from: 0,
		};
		Self { state: Arc::new(Mutex::new(state)), heads: Arc::new(watch::Sender::default()) }
	}
}

impl FakeChain {
	fn state(&self) -> MutexGuard<'_, ChainState> {
		lock(&self.state)
	}

	/// The chain for the owner of `key`.
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

	/// Shows an earlier height, as a restored node does.
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

	/// Makes every request fail, or stops doing so.
	pub fn cut(&self, unreachable: bool) {
		let away = || ChainError::Unreachable { url: "fake".into(), reason: "cut".into() };
		self.state().fails = unreachable.then(away);
	}

	/// Lets every request fail, as where the runtime was upgraded to one that this worker would misread.
	pub fn outgrow(&self) {
		self.state().fails = Some(ChainError::Incompatible("upgraded".into()));
	}

	/// Lets the next call fail.
	pub fn fail_next(&self, error: ChainError) {
		self.state().fail_next = Some(error);
	}

	/// Sets a claim's judgement from a block on; entries must come in order.
	pub fn judge(&self, from: BlockNumber, claim: ClaimId, held: Option<JudgementView>) {
		self.state().judgements.push((from, claim, held));
	}

	/// Puts a transaction into a block, for readers of blocks.
	pub fn include(&self, block: BlockNumber, transaction: Vec<u8>) {
		self.state().transactions.push((block, transaction));
	}

	/// Forgets the state of blocks before this one.
	pub fn keep_from(&self, block: BlockNumber) {
		self.state().kept_from = block;
	}

	/// Sets the allowance of a job's assignment.
	pub fn set_allowance(&self, job: JobId, allowance: Balance) {
		let mut state = self.state();
		let current = state.jobs.get_mut(&job).and_then(|view| view.current.as_mut());
		if let Some(current) = current {
			current.allowance = allowance;
		}
	}

	/// Gives a job without assignments its first one.
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

	/// Sets the terms by which claims are worth their verification and backed.
	pub fn set_terms(&self, terms: ClaimTerms) {
		self.state().terms = terms;
		self.block();
	}

	/// The terms of claims.
	pub fn terms(&self) -> ClaimTerms {
		self.state().terms
	}

	/// Sets an account's balance.
	pub fn leave(&self, account: &AccountId, free: Free) {
		self.state().free.insert(account.clone(), free);
	}

	/// The stake, to read and change.
	pub fn stakes<T>(&self, change: impl FnOnce(&mut FakeStakes) -> T) -> T {
		change(&mut self.state().stakes)
	}

	/// Locks the terms of transcoders, as in the last part of a round, or unlocks them.
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

	/// Delays reads of a challenge by so many milliseconds.
	pub fn slow_challenges(&self, clock: &SimClock, ms: u64) {
		self.state().challenge_takes = Some((clock.clone(), ms));
	}

	/// Makes the transactions that answer a claim hang for so many milliseconds, and come into no block.
	pub fn hang(&self, claim: ClaimId, clock: &SimClock, ms: u64) {
		self.state().hanging.insert(claim, (clock.clone(), ms));
	}

	/// Stops new ones from hanging.
	pub fn hang_no_more(&self) {
		self.state().hanging.clear();
	}

	/// Delays reads of a job by so many milliseconds.
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

	/// Opens a claim that nobody made, with these judges.
	pub fn open(&self, claim: ClaimId, judges: Vec<(AccountId, VerifierId)>) {
		let nobody = AccountId::new([0; 32]);
		let commitment = Commitment { root: Hash::zero(), total_work: 0, leaf_count: 1 };
		let info = ClaimInfo {
			job: 0,
			assignment: 0,
			transcoder: nobody.clone(),
			transcoder_keys: Default::default(),
			broadcaster: nobody,
			broadcaster_keys: Default::default(),
			stream: Default::default(),
			first: 0,
			commitment,
			largest_leaf: 0,
			toolchain: FakeEngine::default().toolchain,
			ladder: Default::default(),
			limits: SourceLimits::new(128, 72, 30),
			factors: WorkFactors::canonical(1_000, 250, 77),
			max_samples: 1,
			fee: 0,
			round: 0,
			window: 0,
		};
		let open = FakeClaim {
			info,
			positions: Vec::new(),
			revealed: BTreeMap::new(),
			outcome: None,
			judges,
			opening: FakeOpening::Early,
		};
		self.state().claims.insert(claim, open);
		self.block();
	}

	/// Seats judges over a claim.
	pub fn seat(&self, claim: ClaimId, judges: Vec<(AccountId, VerifierId)>) {
		if let Some(open) = self.state().claims.get_mut(&claim) {
			open.judges = judges;
		}
		self.block();
	}

	/// Lets the variants of a claim be opened, or takes that back, as a reorg does.
	pub fn await_opening(&self, claim: ClaimId, opening: FakeOpening) {
		if let Some(open) = self.state().claims.get_mut(&claim) {
			open.opening = opening;
		}
		self.block();
	}

	/// Makes a new generation of an account's keys, and returns its number. The first key draws variants.
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

	/// Removes a claim from the state.
	pub fn close(&self, claim: ClaimId) {
		self.state().claims.remove(&claim);
		self.block();
	}

	/// Removes a job from the state.
	pub fn remove_job(&self, job: JobId) {
		self.state().jobs.remove(&job);
		self.block();
	}

	/// Gives the running assignment to another transcoder, as a reorg does if it draws another one.
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

	/// Marks the running assignment as accepted under both parties' current keys, as a reorg does if it is
	/// accepted later.
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

	/// Sets the block before which no assignment is idle.
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
	) -> Result<(), Refused> {
		let signer = &signature.signer;
		let views = self.keys.get(&(signer.account.clone(), purpose));
		let view =
			views.and_then(|views| views.iter().find(|view| view.generation == signer.generation));
		let key = view.and_then(|view| view.keys.get(usize::from(signer.key)));
		if signature.verifies(object, key) {
			Ok(())
		} else {
			Err(Refused::Other("the signature is not by the key that it names".into()))
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
		if let Some(error) = &state.fails {
			return Err(error.clone());
		}
		Ok(state)
	}
}
