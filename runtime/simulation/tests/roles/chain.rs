//! The real runtime behind the roles' port: reads go through the runtime's API, calls into its blocks.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use codec::{DecodeAll, Encode};
use frame_support::traits::{fungibles, PalletsInfoAccess};
use livepeer_integration_tests::{Applied, World};
use livepeer_primitives::{
	api::{
		AssignmentView, ChallengeView, ClaimTerms, ClockView, JobView, KeysView, TranscoderView,
		WorkerLimits,
	},
	claim::ClaimInfo,
	keys::Purpose,
	params::VerificationTerms,
	service::ServiceRecord,
	AccountId, AssignmentIndex, ClaimId, Hash, JobId, StreamId, ToolchainId, ETH,
};
use livepeer_runtime::{api, AllPalletsWithSystem, Assets, Runtime, RuntimeCall};
use livepeer_worker_core::ports::{
	advice::ADVICE,
	chain::{At, Call, Chain, ChainError, Free, Head, Limits, Refused, Spending, Wait},
	contradiction::{ClaimedLeaf, Contradiction, SignedReceipt},
	stake_call::StakeCall,
};
use pallet_jobs::types::{LeafEvidence, Scope, StreamName};
use pallet_transcoder_election::Terms;
use scale_info::{TypeDef, TypeInfo, Variant};
use sp_core::{sr25519, Pair as _, H256};
use sp_runtime::{
	traits::IdentifyAccount,
	transaction_validity::{InvalidTransaction, TransactionValidityError, UnknownTransaction},
	DispatchError, MultiSigner,
};
use tokio::sync::{oneshot, watch};

use crate::faults::Line;

/// Locks, also what somebody else left in a panic: the story has failed then, and only its end is awaited.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
	mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

struct State {
	world: World,
	/// Who waits for what becomes of each call in the world's queue, in its order.
	waiting: Vec<oneshot::Sender<Applied>>,
}

/// The chain that all share. Each block is final at once.
#[derive(Clone)]
pub struct Ledger {
	state: Arc<Mutex<State>>,
	heads: Arc<watch::Sender<Head>>,
	genesis: Hash,
}

impl Ledger {
	/// That of a world in whose queue nothing is.
	pub fn new(mut world: World) -> Self {
		let genesis = world.genesis();
		let heads = Arc::new(watch::Sender::new(head(&world)));
		let state = State { world, waiting: Vec::new() };
		Self { state: Arc::new(Mutex::new(state)), heads, genesis }
	}

	/// Reads or changes the world.
	pub fn with<R>(&self, f: impl FnOnce(&mut World) -> R) -> R {
		f(&mut lock(&self.state).world)
	}

	/// Puts a call into the next block that has room: signed by a key, or one that carries its own
	/// authorisation.
	pub fn send(
		&self,
		signer: Option<&sr25519::Pair>,
		call: RuntimeCall,
	) -> oneshot::Receiver<Applied> {
		let (sender, receiver) = oneshot::channel();
		let mut state = lock(&self.state);
		match signer {
			Some(pair) => state.world.submit_by(pair.clone(), call),
			None => state.world.submit_authorized(call),
		}
		state.waiting.push(sender);
		receiver
	}

	/// Makes a block after so many slots without one, and tells everybody.
	pub fn block(&self, skipped: u64) {
		let head = {
			let mut state = lock(&self.state);
			state.world.skip_slots(skipped);
			let applied = state.world.step();
			let waiting = std::mem::take(&mut state.waiting);
			assert_eq!(waiting.len(), applied.len(), "somebody waits for each call");
			for (sender, applied) in waiting.into_iter().zip(applied) {
				match applied {
					Some(applied) => {
						// Whoever sent it may have crashed since.
						let _ = sender.send(applied);
					}
					None => state.waiting.push(sender),
				}
			}
			head(&state.world)
		};
		self.heads.send_replace(head);
	}

	/// The head, changed with every block.
	pub fn heads(&self) -> watch::Receiver<Head> {
		self.heads.subscribe()
	}

	/// Hash of the first block.
	pub fn genesis(&self) -> Hash {
		self.genesis
	}
}

/// Hashes name blocks, and nothing here is read by them.
fn head(world: &World) -> Head {
	let number = world.number();
	let hash = H256::from_low_u64_be(number.into());
	Head { best: number, best_hash: hash, finalized: number, finalized_hash: hash }
}

/// The chain as the owner of a key uses it, over a line that can fail.
pub struct Client {
	/// The chain.
	pub ledger: Ledger,
	/// Signs transactions.
	pub pair: sr25519::Pair,
	/// How it is reached.
	pub line: Line,
}

impl Client {
	async fn read<T: DecodeAll>(
		&self,
		function: &str,
		arguments: impl Encode,
	) -> Result<T, ChainError> {
		let (method, arguments) = (format!("LivepeerApi_{function}"), arguments.encode());
		if !self.line.carries().await {
			return Err(unreachable());
		}
		let read = || api::dispatch(&method, &arguments);
		let answer = self.ledger.with(|world| world.run(read));
		let answer = answer.and_then(|bytes| T::decode_all(&mut &bytes[..]).ok());
		answer.ok_or(ChainError::BadAnswer(method))
	}
}

fn unreachable() -> ChainError {
	ChainError::Unreachable { url: "the node".into(), reason: "the line is cut".into() }
}

#[async_trait]
impl Chain for Client {
	fn genesis(&self) -> Hash {
		self.ledger.genesis()
	}

	fn account(&self) -> Option<AccountId> {
		Some(MultiSigner::from(self.pair.public()).into_account())
	}

	fn heads(&self) -> watch::Receiver<Head> {
		self.ledger.heads()
	}

	async fn limits(&self) -> Result<Limits, ChainError> {
		let clock: ClockView = self.read("clock", ()).await?;
		let limits: Option<WorkerLimits> = self.read("worker_limits", 1u8).await?;
		match limits {
			Some(WorkerLimits::V1 {
				slot_duration,
				heartbeat_interval,
				max_open_claims,
				claim_grace,
			}) => Ok(Limits {
				slot_duration,
				heartbeat_interval,
				max_open_claims,
				claim_grace,
				now: clock.block,
			}),
			_ => Err(ChainError::Incompatible("it serves no limits".into())),
		}
	}

	async fn operator_keys(
		&self,
		account: &AccountId,
		purpose: Purpose,
	) -> Result<Vec<KeysView>, ChainError> {
		self.read("operator_keys", (account, purpose)).await
	}

	async fn free(&self, account: &AccountId) -> Result<Free, ChainError> {
		if !self.line.carries().await {
			return Err(unreachable());
		}
		let read = || Free {
			lpt: frame_system::Account::<Runtime>::get(account).data.free,
			eth: <Assets as fungibles::Inspect<AccountId>>::balance(ETH, account),
		};
		Ok(self.ledger.with(|world| world.run(read)))
	}

	fn is_for_tests(&self) -> bool {
		true
	}

	async fn transcoder(&self, account: &AccountId) -> Result<Option<TranscoderView>, ChainError> {
		self.read("transcoder", account).await
	}

	async fn transcoders(&self) -> Result<Vec<TranscoderView>, ChainError> {
		self.read("transcoders", ()).await
	}

	async fn service(&self, account: &AccountId) -> Result<Option<ServiceRecord>, ChainError> {
		self.read("service", account).await
	}

	async fn origin(&self, stream: StreamId) -> Result<Option<ServiceRecord>, ChainError> {
		self.read("origin", stream).await
	}

	async fn jobs_of(&self, broadcaster: &AccountId) -> Result<Vec<JobId>, ChainError> {
		if !self.line.carries().await {
			return Err(unreachable());
		}
		let read = || {
			let mut jobs: Vec<JobId> =
				pallet_jobs::JobsOf::<Runtime>::iter_key_prefix(broadcaster).collect();
			jobs.sort_unstable();
			jobs
		};
		Ok(self.ledger.with(|world| world.run(read)))
	}

	async fn job(&self, _: At, id: JobId) -> Result<Option<JobView>, ChainError> {
		self.read("job", id).await
	}

	async fn job_of_stream(&self, stream: StreamId) -> Result<Option<JobId>, ChainError> {
		self.read("job_of_stream", stream).await
	}

	async fn assignment(
		&self,
		_: At,
		job: JobId,
		assignment: AssignmentIndex,
	) -> Result<Option<AssignmentView>, ChainError> {
		self.read("assignment", (job, assignment)).await
	}

	async fn assignments(&self, transcoder: &AccountId) -> Result<Vec<JobId>, ChainError> {
		self.read("assignments", transcoder).await
	}

	async fn claim(&self, _: At, id: ClaimId) -> Result<Option<ClaimInfo>, ChainError> {
		self.read("claim", id).await
	}

	async fn challenge(&self, _: At, id: ClaimId) -> Result<Option<ChallengeView>, ChainError> {
		self.read("challenge", id).await
	}

	async fn claims_of(&self, _: At, transcoder: &AccountId) -> Result<Vec<ClaimId>, ChainError> {
		self.read("claims_of", transcoder).await
	}

	async fn claim_terms(
		&self,
		job: JobId,
		assignment: AssignmentIndex,
	) -> Result<Option<ClaimTerms>, ChainError> {
		self.read("claim_terms", (job, assignment)).await
	}

	async fn job_terms(&self) -> Result<VerificationTerms, ChainError> {
		self.read("job_terms", ()).await
	}

	async fn toolchains(&self) -> Result<Vec<ToolchainId>, ChainError> {
		self.read("toolchains", ()).await
	}

	async fn submit(&self, call: Call, _: Wait) -> Result<(), ChainError> {
		let name = call.name();
		let not_included = |reason: String| ChainError::NotIncluded { call: name, reason };
		if !self.line.carries().await {
			self.line.wait_in_vain().await;
			return Err(not_included("it is in no block after a long wait".into()));
		}
		let (is_signed, call) = in_runtime(call);
		let sent = self.ledger.send(is_signed.then_some(&self.pair), call);
		match sent.await {
			Ok(applied) => became(name, applied),
			Err(_) => Err(not_included("the chain has ended".into())),
		}
	}
}

/// What became of a call, as a role is told.
fn became(call: &'static str, applied: Applied) -> Result<(), ChainError> {
	let refused = match applied {
		Ok(Ok(())) => return Ok(()),
		Ok(Err(DispatchError::Module(error))) => {
			let pallets = AllPalletsWithSystem::infos();
			let pallet = pallets.iter().find(|pallet| pallet.index == usize::from(error.index));
			refusal(pallet.map_or("", |pallet| pallet.name), error.error[0])
		}
		Ok(Err(error)) => Refused::Other(format!("{error:?}")),
		Err(
			TransactionValidityError::Invalid(InvalidTransaction::Custom(number))
			| TransactionValidityError::Unknown(UnknownTransaction::Custom(number)),
		) => refusal(call.split('.').next().unwrap_or_default(), number),
		Err(error) => {
			return Err(ChainError::NotIncluded { call, reason: format!("{error:?}") });
		}
	};
	Err(ChainError::Refused { call, refused })
}

/// The refusal by the error of this number of a pallet.
fn refusal(pallet: &str, number: u8) -> Refused {
	let errors = errors(pallet);
	let error = errors.iter().find(|error| error.index == number);
	error.map_or_else(
		|| Refused::Other(format!("{pallet}: {number}")),
		|error| Refused::named(pallet, error.name),
	)
}

/// The errors of a pallet that roles call.
fn errors(pallet: &str) -> Vec<Variant> {
	let errors = match pallet {
		"ChallengeLottery" => pallet_challenge_lottery::Error::<Runtime>::type_info(),
		"Jobs" => pallet_jobs::Error::<Runtime>::type_info(),
		"LptStaking" => pallet_lpt_staking::Error::<Runtime>::type_info(),
		"OperatorKeys" => pallet_operator_keys::Error::<Runtime>::type_info(),
		"TranscoderElection" => pallet_transcoder_election::Error::<Runtime>::type_info(),
		_ => return Vec::new(),
	};
	match errors.type_def {
		TypeDef::Variant(errors) => errors.variants,
		_ => Vec::new(),
	}
}

/// Operators read it, and exit codes follow it: a renamed error would lose both in silence.
#[test]
fn advice_should_be_for_errors_that_the_pallets_have() {
	for (refused, _) in ADVICE {
		let (pallet, name) = refused.split_once('.').unwrap_or_default();
		assert!(errors(pallet).iter().any(|error| error.name == name), "{refused}");
	}
}

/// A role's call in the runtime's own types, and whether an account signs it.
pub fn in_runtime(call: Call) -> (bool, RuntimeCall) {
	use pallet_challenge_lottery::Call as Lottery;
	use pallet_jobs::Call as Jobs;
	use pallet_lpt_staking::Call as Staking;
	use pallet_operator_keys::Call as Keys;
	use pallet_transcoder_election::Call as Election;
	match call {
		Call::CreateJob { broadcaster, name, ladder, limits, max_price, end, budget } => {
			let broadcaster = Some(broadcaster);
			let name = StreamName::truncate_from(name.into_bytes());
			let call =
				Jobs::create_job { broadcaster, name, ladder, limits, max_price, end, budget };
			(true, call.into())
		}
		Call::SetOrigin { name, record } => {
			let name = StreamName::truncate_from(name.into_bytes());
			(true, Jobs::set_origin { name, record }.into())
		}
		Call::TopUp { job, amount } => (true, Jobs::top_up { job, amount }.into()),
		Call::EndJob { job } => (true, Jobs::end_job { job }.into()),
		Call::EndIdle { job, assignment } => (true, Jobs::end_idle { job, assignment }.into()),
		Call::NextTranscoder { job, assignment } => {
			(true, Jobs::next_transcoder { job, assignment }.into())
		}
		Call::AcceptJob(acceptance, signature) => {
			(false, Jobs::accept_job { acceptance, signature }.into())
		}
		Call::ClaimWork(claim, signature) => {
			(false, Jobs::claim_work { claim: *claim, signature }.into())
		}
		Call::Transcoder { price, reward_cut, fee_share, service } => {
			let terms = Terms { price, reward_cut, fee_share };
			(true, Election::transcoder { terms, service }.into())
		}
		Call::Announce(availability, signature) => {
			(false, Election::announce { availability, signature }.into())
		}
		Call::Heartbeat(heartbeat, signature) => {
			(false, Election::heartbeat { heartbeat, signature }.into())
		}
		Call::RevealLeaf { claim, reveal } => {
			let call = Lottery::reveal_leaf {
				claim,
				index: reveal.index,
				leaf: reveal.leaf,
				broadcaster_signature: reveal.broadcaster_signature,
				proof: reveal.proof,
			};
			(false, call.into())
		}
		Call::OpenVariants { claim, openings, signature } => {
			(false, Lottery::open_variants { claim, openings, signature }.into())
		}
		Call::Bond { amount, to } => (true, Staking::bond { amount, to }.into()),
		Call::Stake(call) => {
			let call: RuntimeCall = match call {
				StakeCall::Unbond { amount } => Staking::unbond { amount }.into(),
				StakeCall::WithdrawStake { lock } => Staking::withdraw_stake { lock }.into(),
				StakeCall::WithdrawFees => Staking::withdraw_fees {}.into(),
				StakeCall::Rebond { lock, to } => Staking::rebond { lock, to }.into(),
				StakeCall::MoveBond { to } => Staking::move_bond { to }.into(),
				StakeCall::TransferBond { amount, to } => {
					Staking::transfer_bond { amount, to }.into()
				}
				StakeCall::AcceptBond { from, lock, transcoder, least } => {
					Staking::accept_bond { from, lock, transcoder, least }.into()
				}
				StakeCall::Unjail => Election::unjail {}.into(),
				StakeCall::Resign => Election::resign {}.into(),
			};
			(true, call)
		}
		Call::SetKeys { purpose, keys, vrf } => {
			(true, Keys::set_keys { purpose, keys, vrf }.into())
		}
		Call::RevokeKey { purpose, generation, key } => {
			(true, Keys::revoke_key { purpose, generation, key }.into())
		}
		Call::SetSpending { key, spending: Spending { cap, expiry } } => {
			let scope = Scope { create: true, top_up: true, end: true };
			(true, Jobs::set_spending_key { key, cap, expiry, scope }.into())
		}
		Call::RemoveSpending { broadcaster, key } => {
			(true, Jobs::remove_spending_key { broadcaster, key }.into())
		}
		Call::Report(contradiction) => {
			let call = match *contradiction {
				Contradiction::Segments(headers) => {
					let [one, other] = *headers;
					let signatures = [one.signature, other.signature];
					let headers = [one.header, other.header];
					Jobs::report_broadcaster { headers, signatures }
				}
				Contradiction::Results { segment, receipts } => {
					let [one, other] = *receipts;
					let signatures = [one.signature, other.signature];
					let receipts = [one.receipt, other.receipt];
					let (header, header_signature) = (segment.header, segment.signature);
					Jobs::report_equivocation { header, header_signature, receipts, signatures }
				}
				Contradiction::Leaf { claimed, segment, receipt } => {
					let ClaimedLeaf { claim, index, leaf, path: proof } = *claimed;
					let SignedReceipt { receipt, signature } = *receipt;
					let header_signature = segment.signature;
					let evidence =
						LeafEvidence { index, leaf, proof, header_signature, receipt, signature };
					Jobs::report_leaf { claim, evidence: Box::new(evidence) }
				}
			};
			(true, call.into())
		}
	}
}
