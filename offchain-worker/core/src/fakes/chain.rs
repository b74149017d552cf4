//! A chain in memory, which refuses with the names of the pallets' errors.

use std::{
	collections::{BTreeMap, BTreeSet},
	sync::{Arc, Mutex, MutexGuard},
};

use async_trait::async_trait;
use livepeer_primitives::{
	api::{AssignmentView, ChallengeStage, ChallengeView, JobView, Outcome, TranscoderView},
	draw,
	params::{ProtocolParameters, Timing},
	segment::{stream_id, SegmentHeader},
	service::ServiceRecord,
	sum_tree,
	traits::ClaimInfo,
	work::{fee, max_leaf_work},
	AccountId, Balance, BlockNumber, ClaimId, Hash, JobId, StreamId, ToolchainId,
};
use sp_core::H256;
use tokio::sync::watch;

use super::FakeEngine;
use crate::{
	key::Key,
	lock,
	ports::chain::{At, Call, Chain, ChainError, Head, LeafReveal, Wait},
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
	origins: BTreeMap<AccountId, ServiceRecord>,
	transcoders: BTreeMap<AccountId, TranscoderView>,
	claims: BTreeMap<ClaimId, FakeClaim>,
	next_claim: ClaimId,
	calls: Vec<(AccountId, Call)>,
	unreachable: bool,
	fail_next: Option<ChainError>,
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

impl Default for FakeChain {
	fn default() -> Self {
		let state = ChainState {
			parameters: ProtocolParameters::development(),
			toolchains: vec![FakeEngine::default().toolchain],
			jobs: BTreeMap::new(),
			next_job: 1,
			origins: BTreeMap::new(),
			transcoders: BTreeMap::new(),
			claims: BTreeMap::new(),
			next_claim: 1,
			calls: Vec::new(),
			unreachable: false,
			fail_next: None,
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
	pub fn calls(&self) -> Vec<(AccountId, Call)> {
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

	/// Accepts one more toolchain.
	pub fn accept_toolchain(&self, toolchain: ToolchainId) {
		self.state().toolchains.push(toolchain);
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
			current.accepted = true;
		}
		self.block();
	}

	/// Gives a job to another transcoder, which has accepted.
	pub fn reassign(&self, job: JobId, to: &AccountId) {
		if let Some(current) =
			self.state().jobs.get_mut(&job).and_then(|view| view.current.as_mut())
		{
			current.index += 1;
			current.transcoder = to.clone();
			current.accepted = true;
			current.next_seq = 0;
		}
		self.block();
	}

	fn execute(&self, who: &AccountId, call: &Call) -> Result<(), String> {
		let best = self.heads.borrow().best;
		let mut state = self.state();
		let state = &mut *state;
		match call.clone() {
			Call::CreateJob { name, ladder, limits, max_price, end, budget } => {
				let stream = stream_id(who, &name);
				let factors = state.parameters.jobs.factors;
				let max_leaf_work =
					max_leaf_work(&factors, &ladder, &limits).ok_or("Jobs.WorkOverflow")?;
				let chosen =
					state.transcoders.values().find(|t| t.capacity > 0 && t.price <= max_price);
				let allowance = chosen.map_or(0, |t| {
					fee(max_leaf_work, t.price)
						.saturating_mul(state.parameters.jobs.allowance_leaves.into())
				});
				let current = chosen.map(|t| AssignmentView {
					index: 0,
					transcoder: t.account.clone(),
					price: t.price,
					accepted: false,
					claimable_until: None,
					next_seq: 0,
					allowance,
				});
				let id = state.next_job;
				state.next_job += 1;
				let view = JobView {
					id,
					broadcaster: who.clone(),
					stream,
					ladder,
					limits,
					factors,
					max_leaf_work,
					max_price,
					end,
					unreserved: budget.saturating_sub(allowance),
					ended: false,
					current,
				};
				state.jobs.insert(id, view);
			}
			Call::SetOrigin(record) => {
				state.origins.insert(who.clone(), record);
			}
			Call::AcceptJob { job, assignment } => {
				let view = state.jobs.get_mut(&job).ok_or("Jobs.NoJob")?;
				let current = view
					.current
					.as_mut()
					.filter(|current| current.index == assignment)
					.ok_or("Jobs.NotOffered")?;
				if current.transcoder != *who {
					return Err("Jobs.NotTranscoder".into());
				}
				current.accepted = true;
			}
			Call::ClaimWork(claim) => {
				let view = state.jobs.get_mut(&claim.job).ok_or("Jobs.NoJob")?;
				let current = view
					.current
					.as_mut()
					.filter(|current| current.index == claim.assignment)
					.ok_or("Jobs.NoAssignment")?;
				if current.transcoder != *who {
					return Err("Jobs.NotTranscoder".into());
				}
				if claim.first < current.next_seq || claim.last < claim.first {
					return Err("Jobs.ClaimNotAscending".into());
				}
				let count = claim.last - claim.first + 1;
				if count != u64::from(claim.commitment.leaf_count)
					|| count > u64::from(state.parameters.lottery.max_leaves())
				{
					return Err("Jobs.TooManyLeaves".into());
				}
				let price = fee(claim.commitment.total_work, current.price);
				current.allowance =
					current.allowance.checked_sub(price).ok_or("Jobs.AllowanceExceeded")?;
				current.next_seq = claim.last + 1;
				let info = ClaimInfo {
					job: claim.job,
					assignment: claim.assignment,
					transcoder: who.clone(),
					broadcaster: view.broadcaster.clone(),
					stream: view.stream,
					first: claim.first,
					commitment: claim.commitment,
					toolchain: claim.toolchain,
					ladder: view.ladder.clone(),
					limits: view.limits,
					factors: view.factors,
					max_leaf_work: view.max_leaf_work,
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
				};
				state.claims.insert(id, open);
			}
			Call::EndJob { job } => {
				let view = state.jobs.get_mut(&job).ok_or("Jobs.NoJob")?;
				view.ended = true;
				if let Some(current) = &mut view.current {
					current.claimable_until = Some(best + state.parameters.jobs.claim_grace);
				}
			}
			Call::Transcoder { price, reward_cut, fee_share, service } => {
				let capacity = state.transcoders.get(who).map_or(0, |t| t.capacity);
				let view = TranscoderView {
					account: who.clone(),
					stake: 1,
					price,
					reward_cut,
					fee_share,
					capacity,
					active: true,
					jailed: false,
					service,
				};
				state.transcoders.insert(who.clone(), view);
			}
			Call::SetAvailable { capacity } => {
				state
					.transcoders
					.get_mut(who)
					.ok_or("TranscoderElection.NotRegistered")?
					.capacity = capacity;
			}
			Call::Heartbeat => {
				state.transcoders.get(who).ok_or("TranscoderElection.NotRegistered")?;
			}
			Call::RevealLeaf { claim, reveal } => {
				let open = state.claims.get_mut(&claim).ok_or("ChallengeLottery.NoChallenge")?;
				let range = sum_tree::verify(
					&open.info.commitment,
					reveal.index,
					&reveal.leaf,
					&reveal.proof,
				)
				.map_err(|_| "ChallengeLottery.BadProof")?;
				let livepeer_primitives::leaf::Leaf::Transcoded {
					in_hash, in_len, duration, ..
				} = &reveal.leaf
				else {
					return Err("ChallengeLottery.NotTranscoded".into());
				};
				let header = SegmentHeader {
					genesis: GENESIS,
					stream: open.info.stream,
					job: open.info.job,
					assignment: open.info.assignment,
					transcoder: who.clone(),
					seq: open.info.first + u64::from(reveal.index),
					in_hash: *in_hash,
					in_len: *in_len,
					duration: *duration,
				};
				if !open.positions.iter().any(|position| range.contains(position)) {
					return Err("ChallengeLottery.NothingToAnswer".into());
				}
				if !header.is_signed_by(&open.info.broadcaster, &reveal.broadcaster_signature) {
					return Err("ChallengeLottery.BadSignature".into());
				}
				open.revealed.insert(reveal.index, *reveal);
			}
			Call::Bond { .. } => {}
		}
		state.calls.push((who.clone(), call.clone()));
		Ok(())
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

	async fn timing(&self) -> Result<Timing, ChainError> {
		self.read().map(|_| Timing::development())
	}

	async fn parameters(&self) -> Result<ProtocolParameters, ChainError> {
		Ok(self.read()?.parameters)
	}

	async fn transcoder(&self, account: &AccountId) -> Result<Option<TranscoderView>, ChainError> {
		Ok(self.read()?.transcoders.get(account).cloned())
	}

	async fn service(&self, account: &AccountId) -> Result<Option<ServiceRecord>, ChainError> {
		let state = self.read()?;
		let transcoder = state.transcoders.get(account).map(|view| view.service.clone());
		Ok(transcoder.or_else(|| state.origins.get(account).cloned()))
	}

	async fn job(&self, _: At, id: JobId) -> Result<Option<JobView>, ChainError> {
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

	async fn challenge(&self, id: ClaimId) -> Result<Option<ChallengeView>, ChainError> {
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
			let stage = match (claim.outcome, claim.positions.is_empty()) {
				(Some(_), _) => ChallengeStage::Decided,
				(None, true) => ChallengeStage::AwaitingSeed,
				(None, false) => ChallengeStage::LeafReveal,
			};
			ChallengeView {
				claim: id,
				stage,
				deadline: 0,
				tranche: 0,
				positions: claim.positions.clone(),
				answered,
				members: Vec::new(),
				committed: Vec::new(),
				revealed: Vec::new(),
				outcome: claim.outcome,
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

	async fn toolchains(&self) -> Result<Vec<ToolchainId>, ChainError> {
		Ok(self.read()?.toolchains.clone())
	}

	async fn broadcasters(&self) -> Result<Vec<AccountId>, ChainError> {
		let state = self.read()?;
		let set: BTreeSet<_> = state.jobs.values().map(|job| job.broadcaster.clone()).collect();
		Ok(set.into_iter().collect())
	}

	async fn submit(&self, call: Call, _: Wait) -> Result<(), ChainError> {
		if let Some(error) = self.read()?.fail_next.take() {
			return Err(error);
		}
		let who = self.account().ok_or(ChainError::NoKey)?;
		self.chain
			.execute(&who, &call)
			.map_err(|error| ChainError::Dispatch { call: call.name(), error })?;
		self.chain.block();
		Ok(())
	}
}

/// A balance that pays for any test's job.
pub const PLENTY: Balance = 1_000_000_000_000_000_000_000;
