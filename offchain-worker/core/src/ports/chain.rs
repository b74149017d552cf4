//! The chain as the roles see it.

use async_trait::async_trait;
use livepeer_primitives::{
	api::{ChallengeView, JobView, TranscoderView},
	leaf::Leaf,
	params::{ProtocolParameters, Timing},
	service::ServiceRecord,
	sum_tree::{Commitment, SumProof},
	traits::ClaimInfo,
	video::{Ladder, SourceLimits},
	AccountId, AssignmentIndex, Balance, BlockNumber, ClaimId, Hash, JobId, Seq, Signature,
	StreamId, ToolchainId,
};
use sp_runtime::Perbill;
use thiserror::Error;
use tokio::sync::watch;

use crate::ports::clock::Clock;

/// Where the chain stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Head {
	/// Height of the best block.
	pub best: BlockNumber,
	/// Its hash.
	pub best_hash: Hash,
	/// Height of the newest finalised block.
	pub finalized: BlockNumber,
	/// Its hash.
	pub finalized_hash: Hash,
}

/// At which block something is read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum At {
	/// The best block: for what must be answered within a few blocks.
	Best,
	/// The newest finalised block: for what cannot be taken back, such as deleting data.
	Finalized,
}

/// Why the chain gave no answer.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum ChainError {
	/// The node cannot be reached.
	#[error("node not reachable at {url}: {reason}")]
	Unreachable {
		/// Its address.
		url: String,
		/// What the connection said.
		reason: String,
	},
	/// The node answers for another chain.
	#[error("wrong chain: expected genesis {expected:?}, the node has {found:?}")]
	WrongGenesis {
		/// What was expected.
		expected: Hash,
		/// What the node has.
		found: Hash,
	},
	/// The node's runtime lacks a call or has it with other arguments.
	#[error("the node's runtime does not fit this worker: {0}")]
	Incompatible(String),
	/// The transaction was not taken into a block.
	#[error("transaction {call} was not included: {reason}")]
	NotIncluded {
		/// Pallet and call.
		call: &'static str,
		/// What the pool said.
		reason: String,
	},
	/// The call was included and failed.
	#[error("{call} failed: {error}")]
	Dispatch {
		/// Pallet and call.
		call: &'static str,
		/// Pallet and name of the error.
		error: String,
	},
	/// An answer that cannot be decoded.
	#[error("the node's answer to {0} cannot be decoded")]
	BadAnswer(String),
	/// The role has no key to sign with.
	#[error("this role has no key to sign transactions with")]
	NoKey,
}

impl ChainError {
	/// Whether the same request may succeed later without anything else being done.
	pub fn is_transient(&self) -> bool {
		matches!(self, ChainError::Unreachable { .. } | ChainError::NotIncluded { .. })
	}

	/// Whether the node was away.
	pub fn is_away(&self) -> bool {
		matches!(self, ChainError::Unreachable { .. })
	}
}

/// How long after the node was found away it is tried again.
const AWAY_MS: u64 = 2_000;

/// Does what a role does first, again and again while the node is away: a node that restarts must
/// not end the workers that start beside it. `attempt` looks at the chain before it sends anything.
pub(crate) async fn while_away<T, E: core::fmt::Display>(
	clock: &dyn Clock,
	is_away: impl Fn(&E) -> bool,
	attempt: impl AsyncFn() -> Result<T, E>,
) -> Result<T, E> {
	loop {
		match attempt().await {
			Err(error) if is_away(&error) => {
				tracing::warn!(%error, "tried again in a moment");
				clock.sleep_until(clock.now_ms().saturating_add(AWAY_MS)).await;
			}
			result => return result,
		}
	}
}

/// A drawn leaf with its proofs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LeafReveal {
	/// Its index within the claim.
	pub index: u32,
	/// The leaf.
	pub leaf: Leaf,
	/// The broadcaster's signature over the segment's header.
	pub broadcaster_signature: Signature,
	/// Its path in the claim's tree.
	pub proof: SumProof,
}

/// A claim over consecutive segments.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ClaimCall {
	/// The job.
	pub job: JobId,
	/// The assignment within the job.
	pub assignment: AssignmentIndex,
	/// Seq of leaf 0.
	pub first: Seq,
	/// Seq of the last leaf.
	pub last: Seq,
	/// Root and total work; its leaf count is `last - first + 1`.
	pub commitment: Commitment,
	/// The toolchain that made the outputs.
	pub toolchain: ToolchainId,
}

/// What a role asks of the chain.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Call {
	/// Opens a job.
	CreateJob {
		/// The stream's name.
		name: String,
		/// The ladder.
		ladder: Ladder,
		/// The limits of the source.
		limits: SourceLimits,
		/// The highest price of a standard segment, in ETH.
		max_price: Balance,
		/// The block at which the job expires.
		end: BlockNumber,
		/// ETH for the job.
		budget: Balance,
	},
	/// Says where the signer's streams are found.
	SetOrigin(ServiceRecord),
	/// Accepts an assignment.
	AcceptJob {
		/// The job.
		job: JobId,
		/// The assignment within it.
		assignment: AssignmentIndex,
	},
	/// Claims the fee of a range of segments.
	ClaimWork(ClaimCall),
	/// Ends a job.
	EndJob {
		/// The job.
		job: JobId,
	},
	/// Registers as transcoder or changes the terms.
	Transcoder {
		/// Price of a standard segment, in ETH.
		price: Balance,
		/// The transcoder's share of rewards.
		reward_cut: Perbill,
		/// Its delegators' share of fees.
		fee_share: Perbill,
		/// Where it is reached.
		service: ServiceRecord,
	},
	/// Says how many assignments are taken at a time.
	SetAvailable {
		/// The number; 0 takes none.
		capacity: u32,
	},
	/// Keeps the availability alive.
	Heartbeat,
	/// Answers the draw of a claim.
	RevealLeaf {
		/// The claim.
		claim: ClaimId,
		/// The leaf with its proofs.
		reveal: Box<LeafReveal>,
	},
	/// Bonds LPT to a transcoder (to itself, to become one).
	Bond {
		/// LPT.
		amount: Balance,
		/// To whom.
		to: AccountId,
	},
}

impl Call {
	/// Pallet and call, for messages.
	pub fn name(&self) -> &'static str {
		match self {
			Call::CreateJob { .. } => "Jobs.create_job",
			Call::SetOrigin(_) => "Jobs.set_origin",
			Call::AcceptJob { .. } => "Jobs.accept_job",
			Call::ClaimWork(_) => "Jobs.claim_work",
			Call::EndJob { .. } => "Jobs.end_job",
			Call::Transcoder { .. } => "TranscoderElection.transcoder",
			Call::SetAvailable { .. } => "TranscoderElection.set_available",
			Call::Heartbeat => "TranscoderElection.heartbeat",
			Call::RevealLeaf { .. } => "ChallengeLottery.reveal_leaf",
			Call::Bond { .. } => "LptStaking.bond",
		}
	}
}

/// How long [`Chain::submit`] waits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Wait {
	/// Until the call succeeded in a best block. A reorg may take that block back, and the call
	/// with it: for calls that are repeated until the chain shows what they did.
	InBlock,
	/// Until that block is final: for calls that are made once.
	Finalized,
}

/// The chain: reads at a block, calls signed by the role's key.
///
/// Reads never change anything and may be repeated. `submit` resolves when the call was executed;
/// an error of kind [`ChainError::is_transient`] leaves open whether it will be, so that callers
/// look at the chain before they send again.
#[async_trait]
pub trait Chain: Send + Sync {
	/// Hash of the genesis block.
	fn genesis(&self) -> Hash;
	/// The account of the role's key, if it has one.
	fn account(&self) -> Option<AccountId>;
	/// The head, changed with every new best or finalised block.
	fn heads(&self) -> watch::Receiver<Head>;

	/// What was fixed at genesis.
	async fn timing(&self) -> Result<Timing, ChainError>;
	/// The parameters in force.
	async fn parameters(&self) -> Result<ProtocolParameters, ChainError>;
	/// One transcoder.
	async fn transcoder(&self, account: &AccountId) -> Result<Option<TranscoderView>, ChainError>;
	/// Where a transcoder or a broadcaster is reached.
	async fn service(&self, account: &AccountId) -> Result<Option<ServiceRecord>, ChainError>;
	/// One job.
	async fn job(&self, at: At, id: JobId) -> Result<Option<JobView>, ChainError>;
	/// The newest job of a stream that still has state.
	async fn job_of_stream(&self, stream: StreamId) -> Result<Option<JobId>, ChainError>;
	/// The jobs whose current assignment is this transcoder's.
	async fn assignments(&self, transcoder: &AccountId) -> Result<Vec<JobId>, ChainError>;
	/// One open claim.
	async fn claim(&self, at: At, id: ClaimId) -> Result<Option<ClaimInfo>, ChainError>;
	/// One open challenge.
	async fn challenge(&self, id: ClaimId) -> Result<Option<ChallengeView>, ChainError>;
	/// The open claims of a transcoder.
	async fn claims_of(&self, at: At, transcoder: &AccountId) -> Result<Vec<ClaimId>, ChainError>;
	/// The toolchains that claims may name.
	async fn toolchains(&self) -> Result<Vec<ToolchainId>, ChainError>;
	/// Everybody who has published where streams of theirs are found.
	async fn broadcasters(&self) -> Result<Vec<AccountId>, ChainError>;

	/// Signs, sends and waits.
	async fn submit(&self, call: Call, wait: Wait) -> Result<(), ChainError>;
}
