//! The chain, from the view of the roles.

use async_trait::async_trait;
use livepeer_primitives::{
	api::{AssignmentView, ChallengeView, ClaimTerms, JobView, KeysView, TranscoderView},
	claim::{ClaimInfo, WorkClaim},
	duty::{Acceptance, Availability, Heartbeat},
	keys::{OperatorKeys, OperatorSignature, Purpose, VrfKey},
	leaf::Leaf,
	params::VerificationTerms,
	service::ServiceRecord,
	sum_tree::SumProof,
	variant::VariantOpenings,
	video::{Ladder, SourceLimits},
	AccountId, AssignmentIndex, Balance, BlockNumber, ClaimId, Hash, JobId, StreamId, ToolchainId,
};
use sp_runtime::Perbill;
use thiserror::Error;
use tokio::sync::watch;

use crate::ports::{
	advice::{on_pools_reason, on_refusal},
	clock::Clock,
	contradiction::Contradiction,
	stake_call::StakeCall,
};

/// The chain's heads.
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

/// The block at which something is read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum At {
	/// The best block: for reads that need an answer within a few blocks.
	Best,
	/// The newest finalised block: for decisions that cannot be undone, such as deleting data.
	Finalized,
}

/// Why the chain gave no answer.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum ChainError {
	/// The node cannot be reached.
	#[error("node not reachable at {url}: {reason}; start it, or name another with --node")]
	Unreachable {
		/// Its address.
		url: String,
		/// What the connection said.
		reason: String,
	},
	/// The node's address has another form.
	#[error("{url} is not a WebSocket URL, which begins with ws:// or wss://; name the node with --node")]
	NotWebSocket {
		/// The address.
		url: String,
	},
	/// The node answers for another chain.
	#[error("wrong chain: expected genesis {expected:?}, the node has {found:?}; name a node of that chain, or another folder")]
	WrongGenesis {
		/// What was expected.
		expected: Hash,
		/// What the node has.
		found: Hash,
	},
	/// The node's runtime lacks a call or has it with other arguments.
	#[error("the node's runtime does not fit this worker, so install the one of its release: {0}")]
	Incompatible(String),
	/// The transaction was not taken into a block.
	#[error("transaction {call} was not included: {reason}{}", on_pools_reason(reason))]
	NotIncluded {
		/// Pallet and call.
		call: &'static str,
		/// What the pool said.
		reason: String,
	},
	/// The chain refused the call.
	#[error("{call} was refused: {refused}{}", on_refusal(refused))]
	Refused {
		/// Pallet and call.
		call: &'static str,
		/// Why.
		refused: Refused,
	},
	/// An answer that cannot be decoded.
	#[error("the node's answer to {0} cannot be decoded; install the worker of its release")]
	BadAnswer(String),
	/// The node does not have the requested block.
	#[error("the node has no block {0}: its chain is not that high yet, or it does not keep blocks so old")]
	NoBlock(String),
	/// The role has no key to sign with.
	#[error("this role has no key to sign transactions with; give --key-file, or a spending key with --spending-key-file")]
	NoKey,
}

impl ChainError {
	/// Whether the same request may succeed later by itself.
	pub fn is_transient(&self) -> bool {
		matches!(self, ChainError::Unreachable { .. } | ChainError::NotIncluded { .. })
	}

	/// Whether the node was away.
	pub fn is_away(&self) -> bool {
		matches!(self, ChainError::Unreachable { .. })
	}
}

/// The pause after the node was found away.
const AWAY_MS: u64 = 2_000;

/// Repeats a role's first step while the node is away: a restarting node must not end workers that start
/// beside it. `attempt` must look at the chain before it sends anything.
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

macro_rules! refusals {
	($($(#[$doc:meta])* $variant:ident: $pallet:literal, $name:literal;)*) => {
		/// The refusals of calls that roles handle. The names are those of the pallets' errors.
		#[derive(Clone, PartialEq, Eq, Debug)]
		pub enum Refused {
			$($(#[$doc])* $variant,)*
			/// Any other refusal, with pallet and error or the node's message.
			Other(String),
		}

		impl Refused {
			/// All named refusals, with pallet and error.
			pub const NAMED: &[(Refused, &str, &str)] =
				&[$((Refused::$variant, $pallet, $name),)*];
		}
	};
}
refusals! {
	/// There is no such job.
	NoJob: "Jobs", "NoJob";
	/// The job has ended.
	JobEnded: "Jobs", "JobEnded";
	/// There is no such assignment.
	NoAssignment: "Jobs", "NoAssignment";
	/// The assignment is not offered now.
	NotOffered: "Jobs", "NotOffered";
	/// The assignment is another transcoder's.
	NotTranscoder: "Jobs", "NotTranscoder";
	/// The time for the call is over.
	TooLate: "Jobs", "TooLate";
	/// A later segment is claimed already.
	ClaimNotAscending: "Jobs", "ClaimNotAscending";
	/// The claim has too many leaves.
	TooManyLeaves: "Jobs", "TooManyLeaves";
	/// The claim is for no work.
	NoWork: "Jobs", "NoWork";
	/// More work than the segments can hold.
	WorkTooLarge: "Jobs", "WorkTooLarge";
	/// A leaf has more work than a segment can hold.
	LeafTooLarge: "Jobs", "LeafTooLarge";
	/// The assignment was accepted with another toolchain.
	WrongToolchain: "Jobs", "WrongToolchain";
	/// The assignment was not accepted.
	NotAccepted: "Jobs", "NotAccepted";
	/// The key does not spend for the broadcaster.
	NoSpendingKey: "Jobs", "NoSpendingKey";
	/// The fee is below the smallest.
	FeeTooSmall: "Jobs", "FeeTooSmall";
	/// The fee is above what is reserved.
	AllowanceExceeded: "Jobs", "AllowanceExceeded";
	/// The work of the ladder cannot be counted.
	WorkOverflow: "Jobs", "WorkOverflow";
	/// The transcoder is jailed.
	Jailed: "TranscoderElection", "Jailed";
	/// A jailed transcoder accepts no job.
	JailedForJobs: "Jobs", "Jailed";
	/// Terms cannot be changed in the last part of a round.
	TermsLocked: "TranscoderElection", "TermsLocked";
	/// The price is below the lowest of the others, in the last part of a round.
	PriceBelowLowest: "TranscoderElection", "PriceBelowLowest";
	/// The account is no transcoder.
	NotRegistered: "TranscoderElection", "NotRegistered";
	/// There is no such challenge.
	NoChallenge: "ChallengeLottery", "NoChallenge";
	/// Signed by keys of a generation that does not count.
	WrongGeneration: "Jobs", "WrongGeneration";
	/// The leaf's proof is wrong.
	BadProof: "ChallengeLottery", "BadProof";
	/// No drawn position is in the leaf.
	NothingToAnswer: "ChallengeLottery", "NothingToAnswer";
	/// The segment is not signed by the broadcaster.
	BadSignature: "ChallengeLottery", "BadSignature";
	/// A claim of the assignment may still be on its way.
	NotIdle: "Jobs", "NotIdle";
	/// The fee is not worth the claim's verification, and a larger claim is possible.
	FeeBelowVerification: "Jobs", "FeeBelowVerification";
	/// The transcoder's own bond backs no more undecided claims.
	NotBacked: "Jobs", "NotBacked";
	/// At this price no claim could be worth its verification.
	PriceBelowVerification: "Jobs", "PriceBelowVerification";
	/// There is no such open claim.
	NoClaim: "Jobs", "NoClaim";
	/// The contradiction is punished already.
	AlreadyReported: "Jobs", "AlreadyReported";
}

impl Refused {
	/// The refusal of this pallet and error.
	pub fn named(pallet: &str, name: &str) -> Self {
		let named = Self::NAMED.iter().find(|(_, p, n)| (*p, *n) == (pallet, name));
		named.map_or_else(
			|| Self::Other(format!("{pallet}.{name}")),
			|(refused, _, _)| refused.clone(),
		)
	}

	/// Whether the refusal of a claim is permanent. Others, such as a chain in safe mode, pass.
	pub fn is_lasting(&self) -> bool {
		matches!(
			self,
			Self::NoJob
				| Self::NoAssignment
				| Self::NotTranscoder
				| Self::TooLate
				| Self::ClaimNotAscending
				| Self::TooManyLeaves
				| Self::NoWork
				| Self::WorkTooLarge
				| Self::LeafTooLarge
				| Self::WrongToolchain
				| Self::NotAccepted
				| Self::FeeTooSmall
		)
	}
}

impl core::fmt::Display for Refused {
	fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
		match self {
			Self::Other(what) => write!(f, "{what}"),
			named => match Self::NAMED.iter().find(|(refused, _, _)| refused == named) {
				Some((_, pallet, name)) => write!(f, "{pallet}.{name}"),
				None => Ok(()),
			},
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
	pub broadcaster_signature: OperatorSignature,
	/// Its path in the claim's tree.
	pub proof: SumProof,
}

/// How much of a broadcaster's ETH a key may spend.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Spending {
	/// The most that it may ever spend.
	pub cap: Balance,
	/// The block from which it has no right any more.
	pub expiry: BlockNumber,
}

/// A role's call: a transaction that the role's key signs, or an object with a signature of its own, which
/// anybody may submit for free.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Call {
	/// Opens a job. Signed by the broadcaster or a spending key of it.
	CreateJob {
		/// Whose ETH it is.
		broadcaster: AccountId,
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
	/// Publishes where a stream of the signing account is found.
	SetOrigin {
		/// The stream's name.
		name: String,
		/// Where it is found.
		record: ServiceRecord,
	},
	/// Raises the budget of a job. Signed as [`Call::CreateJob`] is.
	TopUp {
		/// The job.
		job: JobId,
		/// By how much, in ETH.
		amount: Balance,
	},
	/// Ends a job. Signed as [`Call::CreateJob`] is.
	EndJob {
		/// The job.
		job: JobId,
	},
	/// Ends an assignment for which nothing is claimed. Its transcoder may do so earlier than others.
	EndIdle {
		/// The job.
		job: JobId,
		/// The assignment.
		assignment: AssignmentIndex,
	},
	/// Hands the running assignment of a job on to the next transcoder. Signed as [`Call::EndJob`] is.
	NextTranscoder {
		/// The job.
		job: JobId,
		/// The assignment that ends.
		assignment: AssignmentIndex,
	},
	/// Accepts an assignment.
	AcceptJob(Acceptance, OperatorSignature),
	/// Claims the fee of a range of segments.
	ClaimWork(Box<WorkClaim>, OperatorSignature),
	/// Registers the signing account as transcoder or changes its terms.
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
	/// Announces a capacity.
	Announce(Availability, OperatorSignature),
	/// The heartbeat.
	Heartbeat(Heartbeat, OperatorSignature),
	/// Answers the draw of a claim. The leaf proves itself.
	RevealLeaf {
		/// The claim.
		claim: ClaimId,
		/// The leaf with its proofs.
		reveal: Box<LeafReveal>,
	},
	/// Opens which of a claim's drawn segments had to have a variant.
	OpenVariants {
		/// The claim.
		claim: ClaimId,
		/// One for each drawn leaf, in ascending order of index.
		openings: VariantOpenings,
		/// The transcoder's signature over the openings for the current ballot.
		signature: OperatorSignature,
	},
	/// Bonds LPT of the signing account to a transcoder (to itself, to become one).
	Bond {
		/// LPT.
		amount: Balance,
		/// To whom.
		to: AccountId,
	},
	/// What else an account does with its stake.
	Stake(StakeCall),
	/// Makes a new generation of the signing account's operator keys.
	SetKeys {
		/// What they sign.
		purpose: Purpose,
		/// The keys.
		keys: OperatorKeys,
		/// The key of forced variants, for a transcoder's duties.
		vrf: Option<VrfKey>,
	},
	/// Revokes a key of the signing account.
	RevokeKey {
		/// What it signs.
		purpose: Purpose,
		/// Its generation.
		generation: u32,
		/// Its place in it.
		key: u8,
	},
	/// Lets a key spend the signing account's ETH on jobs.
	SetSpending {
		/// The key's account.
		key: AccountId,
		/// What it may spend.
		spending: Spending,
	},
	/// Revokes a spending key.
	RemoveSpending {
		/// Whose ETH it is.
		broadcaster: AccountId,
		/// The key's account.
		key: AccountId,
	},
	/// Reports two contradictory statements. It is free if it is true and new; a transcoder's brings a
	/// finder's fee.
	Report(Box<Contradiction>),
}

impl Call {
	/// Pallet and call, for messages.
	pub fn name(&self) -> &'static str {
		match self {
			Call::CreateJob { .. } => "Jobs.create_job",
			Call::SetOrigin { .. } => "Jobs.set_origin",
			Call::TopUp { .. } => "Jobs.top_up",
			Call::EndJob { .. } => "Jobs.end_job",
			Call::EndIdle { .. } => "Jobs.end_idle",
			Call::NextTranscoder { .. } => "Jobs.next_transcoder",
			Call::AcceptJob(..) => "Jobs.accept_job",
			Call::ClaimWork(..) => "Jobs.claim_work",
			Call::Transcoder { .. } => "TranscoderElection.transcoder",
			Call::Announce(..) => "TranscoderElection.announce",
			Call::Heartbeat(..) => "TranscoderElection.heartbeat",
			Call::RevealLeaf { .. } => "ChallengeLottery.reveal_leaf",
			Call::OpenVariants { .. } => "ChallengeLottery.open_variants",
			Call::Bond { .. } => "LptStaking.bond",
			Call::Stake(call) => call.name(),
			Call::SetKeys { .. } => "OperatorKeys.set_keys",
			Call::RevokeKey { .. } => "OperatorKeys.revoke_key",
			Call::SetSpending { .. } => "Jobs.set_spending_key",
			Call::RemoveSpending { .. } => "Jobs.remove_spending_key",
			Call::Report(contradiction) => match **contradiction {
				Contradiction::Segments(_) => "Jobs.report_broadcaster",
				Contradiction::Results { .. } => "Jobs.report_equivocation",
				Contradiction::Leaf { .. } => "Jobs.report_leaf",
			},
		}
	}
}

/// The protocol's parameters that roles need.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
	/// Length of a slot in milliseconds.
	pub slot_duration: u64,
	/// Blocks in which an available transcoder must send one heartbeat.
	pub heartbeat_interval: BlockNumber,
	/// Open claims that one transcoder may have.
	pub max_open_claims: u32,
	/// Blocks after an assignment's end in which its work can still be claimed.
	pub claim_grace: BlockNumber,
	/// The best block's number on the protocol's clock, in which deadlines are measured.
	pub now: BlockNumber,
}

/// An account's free balances, in smallest units.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Free {
	/// LPT.
	pub lpt: Balance,
	/// ETH.
	pub eth: Balance,
}

/// How long [`Chain::submit`] waits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Wait {
	/// Until the call succeeded in a best block. A reorg may undo that block and the call: for calls that are
	/// repeated until the chain shows their effect.
	InBlock,
	/// Until that block is final: for calls that are made once.
	Finalized,
}

/// The chain: reads at a block, and calls.
///
/// Reads change nothing and may be repeated. `submit` resolves when the call was executed. After an error
/// that [`ChainError::is_transient`] the call may still be executed, so callers look at the chain before they
/// send it again.
#[async_trait]
pub trait Chain: Send + Sync {
	/// Hash of the genesis block.
	fn genesis(&self) -> Hash;
	/// The account of the key that signs transactions, if there is one.
	fn account(&self) -> Option<AccountId>;
	/// The head, changed with every new best or finalised block.
	fn heads(&self) -> watch::Receiver<Head>;

	/// The parameters and the clock.
	async fn limits(&self) -> Result<Limits, ChainError>;
	/// The generations of an account's keys for a purpose that are on the chain, newest first.
	async fn operator_keys(
		&self,
		account: &AccountId,
		purpose: Purpose,
	) -> Result<Vec<KeysView>, ChainError>;
	/// An account's free balances.
	async fn free(&self, account: &AccountId) -> Result<Free, ChainError>;
	/// Whether it is a chain for development or tests, where peers may share a machine.
	fn is_for_tests(&self) -> bool;
	/// One transcoder.
	async fn transcoder(&self, account: &AccountId) -> Result<Option<TranscoderView>, ChainError>;
	/// Every registered transcoder.
	async fn transcoders(&self) -> Result<Vec<TranscoderView>, ChainError>;
	/// Where a transcoder is reached.
	async fn service(&self, account: &AccountId) -> Result<Option<ServiceRecord>, ChainError>;
	/// Where a stream comes from.
	async fn origin(&self, stream: StreamId) -> Result<Option<ServiceRecord>, ChainError>;
	/// The jobs of a broadcaster that are not closed, in their order.
	async fn jobs_of(&self, broadcaster: &AccountId) -> Result<Vec<JobId>, ChainError>;
	/// One job.
	async fn job(&self, at: At, id: JobId) -> Result<Option<JobView>, ChainError>;
	/// The newest job of a stream, if it is still in the state.
	async fn job_of_stream(&self, stream: StreamId) -> Result<Option<JobId>, ChainError>;
	/// One assignment of a job, as long as its work can be claimed or its signatures reported.
	async fn assignment(
		&self,
		at: At,
		job: JobId,
		assignment: AssignmentIndex,
	) -> Result<Option<AssignmentView>, ChainError>;
	/// The jobs whose current assignment is this transcoder's.
	async fn assignments(&self, transcoder: &AccountId) -> Result<Vec<JobId>, ChainError>;
	/// One open claim.
	async fn claim(&self, at: At, id: ClaimId) -> Result<Option<ClaimInfo>, ChainError>;
	/// One open challenge.
	async fn challenge(&self, at: At, id: ClaimId) -> Result<Option<ChallengeView>, ChainError>;
	/// The open claims of a transcoder.
	async fn claims_of(&self, at: At, transcoder: &AccountId) -> Result<Vec<ClaimId>, ChainError>;
	/// The least worth of an assignment's claims, and how much of them is backed.
	async fn claim_terms(
		&self,
		job: JobId,
		assignment: AssignmentIndex,
	) -> Result<Option<ClaimTerms>, ChainError>;
	/// The least price and budget of a new job.
	async fn job_terms(&self) -> Result<VerificationTerms, ChainError>;
	/// The toolchains that claims may name.
	async fn toolchains(&self) -> Result<Vec<ToolchainId>, ChainError>;

	/// Sends a call and waits. A transaction is signed by the role's key; an object with its own signature
	/// needs none.
	async fn submit(&self, call: Call, wait: Wait) -> Result<(), ChainError>;
}
