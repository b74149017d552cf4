//! The transcoder: keeps its registration alive, accepts assignments, transcodes segments, claims, answers
//! draws, and keeps a claim's data until the claim is closed.
//!
//! A receipt is stored before it is sent. The store refuses a second one under the same key, and any for a
//! seq that a claim covers. So neither a restart nor a race can sign two results.

mod claiming;
mod fairness;
mod idle;
mod intake;
mod memory;
mod registration;
mod rests;
mod variants;
mod worth;

use std::{
	collections::BTreeMap,
	future::Future,
	sync::{Arc, Mutex},
};

use async_trait::async_trait;
use livepeer_primitives::{
	api::JobView,
	keys::{Generation, Purpose},
	service::ServiceRecord,
	AccountId, AssignmentIndex, Balance, BlockNumber, JobId, Seq, StreamId, ToolchainId,
};
use sp_core::H256;
use sp_runtime::Perbill;
use thiserror::Error;
use tokio::sync::watch;

use self::{
	claiming::Claiming, idle::Idle, intake::Intake, memory::Memory, registration::Registration,
};
use crate::{
	key::{Drawing, KeyBook, Keyring, NoKeyFor, NoVrfKey, OwnKeys, Signing},
	ports::{
		chain::{Chain, ChainError, Head},
		clock::Clock,
		engine::MediaEngine,
		events::{EventSink, Warnings},
		store::{MadeUnder, StoreError, TranscodeStore},
		transport::{
			ChunkRange, Chunks, Playlist, PushReply, Refusal, Service, SignedHeader, SignedPass,
		},
	},
	recall::keep_pulse,
	reporting::Reporter,
	shelf::Shelf,
};

/// The terms and limits of a transcoder.
#[derive(Clone, Debug)]
pub struct TranscodeConfig {
	/// Price of a standard segment, in ETH.
	pub price: Balance,
	/// Own share of rewards.
	pub reward_cut: Perbill,
	/// The delegators' share of fees.
	pub fee_share: Perbill,
	/// Work that the machine does in a second.
	pub capacity: u64,
	/// Segments transcoded at a time.
	pub parallel: usize,
	/// Segments that may wait for a place.
	pub queue: usize,
	/// A claim is made when this many leaves are ready.
	pub claim_leaves: u32,
	/// A claim is made when the oldest unclaimed segment is this old.
	pub claim_wait_ms: u64,
	/// While it can grow, a claim waits until the own share of its fee is this many times the cost of its
	/// call, and its verification takes a small part of all work. With 0 it does not wait for that, and is
	/// never given up for it.
	pub claim_worth: u32,
	/// How long a missing seq may still arrive.
	pub gap_wait_ms: u64,
}

/// Why the role cannot go on.
#[derive(Debug, Error)]
pub enum TranscodeError {
	/// The chain gave no answer.
	#[error(transparent)]
	Chain(#[from] ChainError),
	/// Nothing can be stored.
	#[error(transparent)]
	Store(#[from] StoreError),
	/// Governance does not accept this engine's toolchain.
	#[error("toolchain {0:?} is not among those that the chain accepts, and claims would be refused: use the FFmpeg of Debian 12 (`livepeer-worker doctor` checks it)")]
	Toolchain(ToolchainId),
	/// No key at hand signs the duties.
	#[error(transparent)]
	Key(#[from] NoKeyFor),
	/// No key at hand draws the forced variants.
	#[error(transparent)]
	Vrf(#[from] NoVrfKey),
	/// The chain has other terms or another service record, and only the account's own key can change them.
	#[error("{0} is not registered with these terms and this address: register it with the account's own key (`livepeer-worker keys register --peer-id`)")]
	Terms(AccountId),
}

/// An assignment of this transcoder.
#[derive(Clone, Debug)]
struct Assigned {
	view: JobView,
	index: AssignmentIndex,
	next_seq: Seq,
	allowance: Balance,
	price: Balance,
	/// The terms of its acceptance.
	toolchain: ToolchainId,
	/// The generations by which both parties' signatures are judged.
	broadcaster_keys: Generation,
	transcoder_keys: Generation,
	/// The most leaves of a claim now.
	max_leaves: u32,
	/// The share of its segments in which a rendition is a variant.
	variant_rate: Perbill,
	/// Whether it is accepted on the chain: until then nothing is signed for it.
	is_accepted: bool,
}

impl Assigned {
	/// The assignment of `transcoder` in a job, if it has accepted one.
	fn of(view: JobView, transcoder: &AccountId) -> Option<Self> {
		let current = view.current.as_ref()?;
		let toolchain = current.toolchain?;
		(current.transcoder == *transcoder).then(|| Self {
			index: current.index,
			toolchain,
			broadcaster_keys: current.broadcaster_keys,
			transcoder_keys: current.transcoder_keys,
			max_leaves: current.max_leaves,
			variant_rate: current.variant_rate,
			next_seq: current.next_seq,
			allowance: current.allowance,
			price: current.price,
			is_accepted: true,
			view: view.clone(),
		})
	}

	/// The terms under which its segments are made.
	fn made_under(&self) -> MadeUnder {
		MadeUnder {
			transcoder_keys: self.transcoder_keys,
			broadcaster_keys: self.broadcaster_keys,
			toolchain: self.toolchain,
		}
	}

	/// An assignment that is offered to `transcoder` after another had it, in the form that it will have once
	/// it is accepted with these keys and this toolchain.
	fn offered(
		mut view: JobView,
		transcoder: &AccountId,
		keys: (Generation, Generation),
		toolchain: ToolchainId,
	) -> Option<Self> {
		let current = view.current.as_mut()?;
		if current.toolchain.is_some() || current.index == 0 {
			return None;
		}
		current.toolchain = Some(toolchain);
		(current.broadcaster_keys, current.transcoder_keys) = keys;
		Self::of(view, transcoder).map(|assigned| Self { is_accepted: false, ..assigned })
	}
}

/// The accepted assignments: the registration writes them; the intake reads them, and reads missing ones from
/// the chain.
type Assignments = Arc<Mutex<BTreeMap<(JobId, AssignmentIndex), Assigned>>>;

/// Blocks after which a call without effect is sent again.
const RESEND_BLOCKS: BlockNumber = 6;
/// The pause after a failed read of the store.
const READ_AGAIN_MS: u64 = 5_000;

/// Shared by all parts of the role.
struct Parts {
	own: OwnKeys,
	book: KeyBook,
	chain: Arc<dyn Chain>,
	store: Arc<dyn TranscodeStore>,
	memory: Memory,
	engine: Arc<dyn MediaEngine>,
	events: Arc<dyn EventSink>,
	warnings: Warnings,
	reporter: Reporter,
	clock: Arc<dyn Clock>,
	config: TranscodeConfig,
}

impl Parts {
	/// Whose role it is.
	fn account(&self) -> &AccountId {
		self.own.account()
	}

	/// The signer of this generation.
	async fn signing(&self, generation: Generation) -> Result<Signing, TranscodeError> {
		Ok(self.own.signing(generation).await??)
	}

	/// What draws the variants of this generation.
	async fn drawing(&self, generation: Generation) -> Result<Drawing, TranscodeError> {
		Ok(self.own.drawing(generation).await??)
	}

	/// The signer of the generation that the account uses now.
	async fn signing_now(&self) -> Result<Signing, TranscodeError> {
		Ok(self.own.signing_now().await??)
	}

	/// Logs that a duty failed and will be tried again.
	fn report(&self, duty: &str, error: &TranscodeError) {
		if let TranscodeError::Store(error) = error {
			self.warnings.store(error);
		}
		tracing::warn!(duty, %error, "failed; it is tried again");
	}
}

/// The role.
pub struct TranscodeRole {
	parts: Arc<Parts>,
	registration: Registration,
	intake: Intake,
	claiming: Claiming,
	idle: Idle,
	shelf: Shelf,
}

impl TranscodeRole {
	/// Makes the role. `keys` sign receipts, claims and duties. The chain's key is needed only for terms that
	/// the chain does not have yet, and must then be the account's own.
	pub fn new(
		keys: Keyring,
		chain: Arc<dyn Chain>,
		store: Arc<dyn TranscodeStore>,
		engine: Arc<dyn MediaEngine>,
		events: Arc<dyn EventSink>,
		clock: Arc<dyn Clock>,
		config: TranscodeConfig,
	) -> Self {
		let own = OwnKeys::new(keys, Purpose::Duties, chain.clone(), clock.clone());
		let book = KeyBook::new(chain.clone(), clock.clone());
		let warnings = Warnings::new(events.clone(), clock.clone());
		let reporter = Reporter::new(chain.clone(), store.clone(), events.clone());
		let memory = Memory::new(store.clone(), clock.clone(), chain.heads());
		let shelf = Shelf::new(store.clone());
		let parts = Arc::new(Parts {
			own,
			book,
			chain,
			store,
			memory,
			engine,
			events,
			warnings,
			reporter,
			clock,
			config,
		});
		let assigned = Assignments::default();
		Self {
			registration: Registration::new(parts.clone(), assigned.clone()),
			intake: Intake::new(parts.clone(), assigned.clone()),
			idle: Idle::new(parts.clone(), assigned),
			claiming: Claiming::new(parts.clone()),
			shelf,
			parts,
		}
	}

	/// Registers terms, service record and availability if the chain has others, as soon as the node answers.
	pub async fn register(&self, service: &ServiceRecord) -> Result<(), TranscodeError> {
		self.registration.register(service).await
	}

	/// Registers and does the chain's duties until `stop` turns true. Claims are made and draws answered from
	/// the start, even while registering waits. An error ends the role only if nothing is left to claim or to
	/// answer.
	pub async fn serve(
		&self,
		service: &ServiceRecord,
		stop: watch::Receiver<bool>,
	) -> Result<(), TranscodeError> {
		tokio::select! {
			error = self.registration.keep(service) => Err(error),
			() = self.run(stop) => Ok(()),
		}
	}

	/// Does the chain's duties with every new head until `stop` turns true, then waits for the segments in
	/// work. A failed duty is logged and tried again with the next head.
	pub async fn run(&self, mut stop: watch::Receiver<bool>) {
		let heads = self.parts.chain.heads();
		// Each duty has its own loop, so that none waits for another's transactions: an assignment must be
		// accepted within a few blocks.
		let beats = async {
			let mut heads = heads.clone();
			// Registering counts as a heartbeat.
			let mut beat = heads.borrow_and_update().best;
			while heads.changed().await.is_ok() {
				let head = *heads.borrow_and_update();
				if let Err(error) = self.registration.heartbeat(head, &mut beat).await {
					tracing::warn!(%error, "no heartbeat; it is tried again");
				}
			}
		};
		let pulse = async {
			// Note doubts before noting that this role runs.
			while let Err(error) = self.parts.memory.read() {
				self.parts.warnings.store(&error);
				self.parts.clock.sleep_until(self.parts.clock.now_ms() + READ_AGAIN_MS).await;
			}
			keep_pulse(&*self.parts.store, &*self.parts.clock, &heads).await
		};
		let accepts = self.at_every_head("accepting", |_| self.registration.refresh());
		let claims = self.at_every_head("claiming", |head| self.claiming.claim_duties(head));
		let answers = self.claiming.answer_claims();
		let ends = self.at_every_head("ending idle assignments", |head| self.idle.duties(head));
		let stopped = async {
			while !*stop.borrow_and_update() {
				if stop.changed().await.is_err() {
					return;
				}
			}
		};
		tokio::select! {
			() = beats => {},
			() = accepts => {},
			() = claims => {},
			() = answers => {},
			() = ends => {},
			() = self.parts.reporter.keep_reporting() => {},
			() = pulse => {},
			() = stopped => {},
		}
		self.intake.drain().await;
	}

	/// Does a duty now and with every new head, for as long as there are heads.
	async fn at_every_head<F>(&self, duty: &str, work: impl Fn(Head) -> F)
	where
		F: Future<Output = Result<(), TranscodeError>>,
	{
		let mut heads = self.parts.chain.heads();
		loop {
			let head = *heads.borrow_and_update();
			if let Err(error) = work(head).await {
				self.parts.report(duty, &error);
			}
			if heads.changed().await.is_err() {
				return;
			}
		}
	}
}

#[async_trait]
impl Service for TranscodeRole {
	async fn size(&self, hash: H256) -> Option<u64> {
		self.shelf.size(hash)
	}

	async fn chunks(&self, hash: H256, range: ChunkRange) -> Option<Chunks> {
		self.shelf.chunks(hash, range).await
	}

	async fn is_judge(&self, pass: &SignedPass) -> bool {
		self.claiming.is_judge(pass).await
	}

	async fn newest(&self, stream: StreamId) -> Option<SignedHeader> {
		self.parts.store.newest(stream).unwrap_or_else(|error| {
			tracing::warn!(%error, "cannot serve");
			None
		})
	}

	async fn admit(&self, signed: &SignedHeader) -> Result<(), Refusal> {
		self.intake.check(signed).await.map(drop)
	}

	async fn push(&self, signed: SignedHeader, bytes: Vec<u8>) -> PushReply {
		self.intake.take(signed, bytes).await
	}

	async fn playlist(&self, _: StreamId, _: Seq) -> Option<Playlist> {
		None
	}
}
#[cfg(test)]
mod tests;
