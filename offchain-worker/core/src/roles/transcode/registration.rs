//! Registers, stays available, and accepts offers.

use std::{
	collections::BTreeMap,
	sync::{
		atomic::{AtomicBool, Ordering},
		Arc,
	},
};

use futures::{future::select, StreamExt};
use livepeer_primitives::{
	api::{JobView, TranscoderView},
	duty::{Acceptance, Availability, Heartbeat, Profiles},
	keys::Purpose,
	service::ServiceRecord,
	AssignmentIndex, Balance, BlockNumber, JobId, UNIT,
};

use super::{Assigned, Assignments, Parts, TranscodeError};
use crate::{
	lock,
	ports::{
		advice::is_unpaid,
		chain::{while_away, At, Call, ChainError, Head, Refused, Wait},
		events::{Event, Warning},
	},
};

/// Blocks between two reads of this transcoder's state.
const LOOK_BLOCKS: BlockNumber = 5;
/// Assignments that are handled at a time.
const AT_A_TIME: usize = 16;
/// The longest wait before registering is tried again, if no block comes.
const AGAIN_MS: u64 = 30_000;
/// The LPT below which the operator is warned: about forty claims.
const LITTLE_LPT: Balance = UNIT / 10 * 3;

/// Keeps this transcoder's registration on the chain up to date.
pub(super) struct Registration {
	parts: Arc<Parts>,
	assigned: Assignments,
	/// Whether it is being registered: meanwhile no heartbeat is sent.
	registering: AtomicBool,
	/// Whether an announcement of this process became final, which shows that the node has the current chain.
	announced: AtomicBool,
}

impl Registration {
	pub(super) fn new(parts: Arc<Parts>, assigned: Assignments) -> Self {
		Self {
			parts,
			assigned,
			registering: AtomicBool::new(false),
			announced: AtomicBool::new(false),
		}
	}

	/// Registers, and does so again whenever the chain removes this transcoder or its availability; warns the
	/// operator of changes. Ends with a permanent error, once nothing is left that needs this worker.
	pub(super) async fn keep(&self, service: &ServiceRecord) -> TranscodeError {
		let mut before: Option<TranscoderView> = None;
		loop {
			self.registering.store(true, Ordering::SeqCst);
			match self.try_register(service).await {
				Ok(()) => {
					tracing::info!(account = %self.parts.account(), "registered");
					self.registering.store(false, Ordering::SeqCst);
					self.parts.warnings.goes_on();
					self.watch(&mut before).await;
				}
				Err(error) if passes(&error) || self.is_needed() => {
					let text = format!("not registered, so no new job comes: {error}");
					self.parts.warnings.wait(text);
					self.next_look().await;
				}
				Err(error) => return error,
			}
		}
	}

	/// Whether something is still to be claimed or answered.
	fn is_needed(&self) -> bool {
		let assignments = self.parts.store.assignments();
		// A store that cannot be read may contain something.
		assignments.map_or(true, |assignments| !assignments.is_empty())
	}

	/// Waits for some blocks, or for a while if none come.
	async fn next_look(&self) {
		let mut heads = self.parts.chain.heads();
		let until = heads.borrow_and_update().best.saturating_add(LOOK_BLOCKS);
		let blocks = async {
			while heads.borrow_and_update().best < until {
				if heads.changed().await.is_err() {
					std::future::pending::<()>().await;
				}
			}
		};
		let clock = &self.parts.clock;
		let late = clock.sleep_until(clock.now_ms().saturating_add(AGAIN_MS));
		select(std::pin::pin!(blocks), late).await;
	}

	/// Watches this transcoder's state on the chain until it must be registered again.
	async fn watch(&self, before: &mut Option<TranscoderView>) {
		loop {
			self.next_look().await;
			match self.look(before).await {
				Ok(true) => return,
				Ok(false) => {}
				Err(error @ ChainError::Incompatible(_)) => {
					let text = format!("{error}; until then nothing is claimed and no draw is answered, which costs stake");
					self.parts.warnings.warn(Warning::Outdated, text);
				}
				Err(error) => tracing::debug!(%error, "cannot look at the registration"),
			}
		}
	}

	/// Warns of changes, and returns whether to register again.
	async fn look(&self, before: &mut Option<TranscoderView>) -> Result<bool, ChainError> {
		let warn = |what, text: String| self.parts.warnings.warn(what, text);
		let account = self.parts.account();
		let free = self.parts.chain.free(account).await?;
		if free.lpt < LITTLE_LPT {
			let text = format!("{account} has less than 0.3 LPT left for the fees of claims and for changes: send it some");
			warn(Warning::LowBalance, text);
		}
		// A toolchain leaves the list as soon as its retirement is announced.
		if let Err(TranscodeError::Toolchain(toolchain)) = self.check_toolchain().await {
			let text = format!("the chain no longer accepts toolchain {toolchain:?}: no new job comes, and running jobs end with its notice period. Wait until open claims are closed, then upgrade to a worker and FFmpeg that the chain accepts");
			warn(Warning::Toolchain, text);
		}
		let view = self.parts.chain.transcoder(account).await?;
		let was = std::mem::replace(before, view.clone());
		let Some(view) = view else {
			let text = format!("{account} is not registered any more: it has resigned, or its bond fell below the minimum");
			warn(Warning::NotRegistered, text);
			return Ok(was.is_some());
		};
		if view.jailed {
			let text = format!("{account} is jailed: it gets no jobs. When no verdict against it is open any more, call transcoderElection.unjail() with the account's own key; this worker then announces itself");
			warn(Warning::Jailed, text);
		}
		if let Some(was) = &was {
			if view.stake < was.stake {
				let (from, to) = (was.stake, view.stake);
				let text = format!("the stake of {account} fell from {from} to {to} (of 10^18 to one LPT): a slash, or stake that left");
				warn(Warning::StakeFell, text);
			}
		}
		// It left jail, or its announcement has lapsed.
		Ok(!view.jailed && view.capacity == 0 && self.parts.config.capacity > 0)
	}

	/// Registers terms, service record and availability where the chain has others, as soon as the
	/// node answers.
	pub(super) async fn register(&self, service: &ServiceRecord) -> Result<(), TranscodeError> {
		let away =
			|error: &TranscodeError| matches!(error, TranscodeError::Chain(e) if e.is_away());
		while_away(&*self.parts.clock, away, async || self.try_register(service).await).await
	}

	/// Whether the chain accepts assignments with this machine's toolchain.
	async fn check_toolchain(&self) -> Result<(), TranscodeError> {
		let toolchain = self.parts.engine.toolchain();
		let accepted = self.parts.chain.toolchains().await?;
		if accepted.contains(&toolchain) {
			Ok(())
		} else {
			Err(TranscodeError::Toolchain(toolchain))
		}
	}

	async fn try_register(&self, service: &ServiceRecord) -> Result<(), TranscodeError> {
		self.check_toolchain().await?;
		let config = &self.parts.config;
		let view = self.parts.chain.transcoder(self.parts.account()).await?;
		let same = view.as_ref().is_some_and(|view| {
			view.price == config.price
				&& view.reward_cut == config.reward_cut
				&& view.fee_share == config.fee_share
				&& view.service == *service
		});
		// Nothing would repeat these calls if a reorg undid them, so wait until they are final.
		if !same && self.parts.chain.account().as_ref() != Some(self.parts.account()) {
			return Err(TranscodeError::Terms(self.parts.account().clone()));
		}
		if !same {
			let call = Call::Transcoder {
				price: config.price,
				reward_cut: config.reward_cut,
				fee_share: config.fee_share,
				service: service.clone(),
			};
			self.parts.chain.submit(call, Wait::Finalized).await?;
		}
		// A transcoder that cannot draw variants cannot accept jobs that require them.
		let signing = self.parts.signing_now().await?;
		if !self.parts.chain.job_terms().await?.variant_rate.is_zero() {
			self.parts.drawing(signing.generation()).await?;
		}
		// Even if the chain has it already: an announcement may have lapsed.
		let availability = Availability {
			genesis: self.parts.chain.genesis(),
			at: self.parts.chain.heads().borrow().best,
			capacity: config.capacity,
			profiles: Profiles::truncate_from(self.parts.engine.profiles()),
		};
		let signature = signing.sign(&availability.hash());
		self.parts.chain.submit(Call::Announce(availability, signature), Wait::Finalized).await?;
		self.announced.store(true, Ordering::SeqCst);
		self.parts.events.emit(Event::Registered { capacity: config.capacity });
		Ok(())
	}

	/// Sends a heartbeat when it is due: the chain takes one in each half of an interval.
	pub(super) async fn heartbeat(
		&self,
		head: Head,
		beat: &mut BlockNumber,
	) -> Result<(), TranscodeError> {
		if self.registering.load(Ordering::SeqCst) {
			*beat = head.best;
			return Ok(());
		}
		let limits = self.parts.chain.limits().await?;
		if head.best.saturating_sub(*beat) <= (limits.heartbeat_interval / 2).max(1) {
			return Ok(());
		}
		let heartbeat = Heartbeat { genesis: self.parts.chain.genesis(), at: head.best };
		let signature = self.parts.signing_now().await?.sign(&heartbeat.hash());
		let sent =
			self.parts.chain.submit(Call::Heartbeat(heartbeat, signature), Wait::InBlock).await;
		if !sent.as_ref().is_err_and(ChainError::is_transient) {
			*beat = head.best;
		}
		Ok(sent?)
	}

	/// Reads this transcoder's assignments and accepts offers concurrently: it may be offered many at once,
	/// after another transcoder was lost, and has only a few blocks to accept them all.
	pub(super) async fn refresh(&self) -> Result<(), TranscodeError> {
		let is_current = self.announced.load(Ordering::SeqCst);
		let jobs = self.parts.chain.assignments(self.parts.account()).await?;
		let looks = futures::stream::iter(jobs)
			.map(|job| async move { self.look_after(job).await })
			.buffer_unordered(AT_A_TIME);
		// Wait for all, even if one fails: accepted ones have to be noted.
		let looked: Vec<_> = looks.collect().await;
		let mut now = BTreeMap::new();
		for assigned in looked {
			if let Some(assigned) = assigned? {
				now.insert((assigned.view.id, assigned.index), assigned);
			}
		}
		if is_current {
			self.parts.memory.learn(&now.keys().copied().collect())?;
		}
		*lock(&self.assigned) = now;
		Ok(())
	}

	/// Reads an assignment, and accepts it if it is offered.
	async fn look_after(&self, job: JobId) -> Result<Option<Assigned>, TranscodeError> {
		let account = self.parts.account();
		let Some(mut view) = self.open_job(job).await? else { return Ok(None) };
		let offer = view.current.as_ref().filter(|current| current.transcoder == *account);
		if let Some(offer) = offer.filter(|current| current.toolchain.is_none()) {
			let assignment = offer.index;
			match self.accept(&view, assignment).await {
				Ok(()) => {
					self.parts.memory.accepted((job, assignment))?;
					tracing::info!(job, assignment, "accepted");
					self.parts.events.emit(Event::Accepted { job, assignment });
				}
				Err(error) => {
					tracing::warn!(job, %error, "could not accept");
					// Governance may have introduced variants since the registration.
					if let TranscodeError::Vrf(missing) = error {
						let text = format!("job {job} is not accepted: {missing}");
						self.parts.warnings.warn(Warning::Refused, text);
					}
				}
			}
			// With the generations on the chain.
			let Some(noted) = self.open_job(job).await? else { return Ok(None) };
			view = noted;
		}
		let assigned = Assigned::of(view, account);
		if let Some(assigned) = &assigned {
			// Segments that wait for this assignment need not wait for the others.
			lock(&self.assigned).insert((job, assigned.index), assigned.clone());
		}
		Ok(assigned)
	}

	/// A job, unless it has ended.
	async fn open_job(&self, job: JobId) -> Result<Option<JobView>, ChainError> {
		let view = self.parts.chain.job(At::Best, job).await?;
		Ok(view.filter(|view| !view.ended))
	}

	/// Accepts an offer under the keys that both parties use now.
	async fn accept(
		&self,
		view: &JobView,
		assignment: AssignmentIndex,
	) -> Result<(), TranscodeError> {
		let theirs = self.parts.chain.operator_keys(&view.broadcaster, Purpose::Segments).await?;
		let signing = self.parts.signing_now().await?;
		if view.current.as_ref().is_some_and(|current| !current.variant_rate.is_zero()) {
			self.parts.drawing(signing.generation()).await?;
		}
		let acceptance = Acceptance {
			genesis: self.parts.chain.genesis(),
			job: view.id,
			assignment,
			broadcaster_keys: theirs.first().map_or(0, |view| view.generation),
			transcoder_keys: signing.generation(),
			toolchain: self.parts.engine.toolchain(),
		};
		let signature = signing.sign(&acceptance.hash());
		let call = Call::AcceptJob(acceptance, signature);
		Ok(self.parts.chain.submit(call, Wait::InBlock).await?)
	}
}

/// Whether an error may pass by itself, without the operator.
fn passes(error: &TranscodeError) -> bool {
	let TranscodeError::Chain(error) = error else { return false };
	match error {
		ChainError::Refused { refused, .. } => matches!(
			refused,
			Refused::Jailed
				| Refused::JailedForJobs
				| Refused::TermsLocked
				| Refused::PriceBelowLowest
		),
		// The pool drops a call whose keys or block a reorganisation has just undone.
		ChainError::NotIncluded { reason, .. } => !is_unpaid(reason),
		error => error.is_away(),
	}
}
