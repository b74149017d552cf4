//! Registering, staying available, and accepting what is offered.

use std::{collections::BTreeMap, sync::Arc};

use livepeer_primitives::{
	api::JobView,
	duty::{Acceptance, Availability, Heartbeat, Profiles},
	keys::Purpose,
	service::ServiceRecord,
	video::CANONICAL_PROFILE,
	AssignmentIndex, BlockNumber,
};

use super::{Assigned, Assignments, Parts, TranscodeError};
use crate::{
	lock,
	ports::{
		chain::{while_away, At, Call, ChainError, Head, Wait},
		events::Event,
	},
};

/// Keeps the chain's word of this transcoder up to date.
pub(super) struct Registration {
	parts: Arc<Parts>,
	assigned: Assignments,
}

impl Registration {
	pub(super) fn new(parts: Arc<Parts>, assigned: Assignments) -> Self {
		Self { parts, assigned }
	}

	/// Registers terms, service record and availability where the chain has others, as soon as the
	/// node answers.
	pub(super) async fn register(&self, service: &ServiceRecord) -> Result<(), TranscodeError> {
		let away =
			|error: &TranscodeError| matches!(error, TranscodeError::Chain(e) if e.is_away());
		while_away(&*self.parts.clock, away, async || self.try_register(service).await).await
	}

	async fn try_register(&self, service: &ServiceRecord) -> Result<(), TranscodeError> {
		let toolchain = self.parts.engine.toolchain();
		let accepted = self.parts.chain.toolchains().await?;
		if !accepted.contains(&toolchain) {
			return Err(TranscodeError::Toolchain(toolchain));
		}
		let config = &self.parts.config;
		let view = self.parts.chain.transcoder(self.parts.account()).await?;
		let same = view.as_ref().is_some_and(|view| {
			view.price == config.price
				&& view.reward_cut == config.reward_cut
				&& view.fee_share == config.fee_share
				&& view.service == *service
		});
		// Nothing would repeat these calls if a reorg took them back, so they wait to be final.
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
		// Also when the chain has it already: an announcement may have lapsed.
		let availability = Availability {
			genesis: self.parts.chain.genesis(),
			at: self.parts.chain.heads().borrow().best,
			capacity: config.capacity,
			profiles: Profiles::truncate_from(vec![CANONICAL_PROFILE]),
		};
		let signature = self.parts.signing_now().await?.sign(&availability.hash());
		self.parts.chain.submit(Call::Announce(availability, signature), Wait::Finalized).await?;
		self.parts.events.emit(Event::Registered { capacity: config.capacity });
		Ok(())
	}

	/// Sends a heartbeat when one is due: the chain takes one in each half of an interval.
	pub(super) async fn heartbeat(
		&self,
		head: Head,
		beat: &mut BlockNumber,
	) -> Result<(), TranscodeError> {
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

	/// Reads this transcoder's assignments and accepts those that wait for it.
	pub(super) async fn refresh(&self) -> Result<(), TranscodeError> {
		let account = self.parts.account();
		let mut now = BTreeMap::new();
		for job in self.parts.chain.assignments(account).await? {
			let read = async || -> Result<Option<JobView>, ChainError> {
				let view = self.parts.chain.job(At::Best, job).await?;
				Ok(view.filter(|view| !view.ended))
			};
			let Some(mut view) = read().await? else { continue };
			let offer = view.current.as_ref().filter(|current| current.transcoder == *account);
			if let Some(offer) = offer.filter(|current| current.toolchain.is_none()) {
				let assignment = offer.index;
				match self.accept(&view, assignment).await {
					Ok(()) => {
						tracing::info!(job, assignment, "accepted");
						self.parts.events.emit(Event::Accepted { job, assignment });
					}
					Err(error) => tracing::warn!(job, %error, "could not accept"),
				}
				// With the generations that the chain has noted.
				let Some(noted) = read().await? else { continue };
				view = noted;
			}
			if let Some(assigned) = Assigned::of(view, account) {
				now.insert((job, assigned.index), assigned);
			}
		}
		*lock(&self.assigned) = now;
		Ok(())
	}

	/// Accepts an offer under the keys that both parties use now.
	async fn accept(
		&self,
		view: &JobView,
		assignment: AssignmentIndex,
	) -> Result<(), TranscodeError> {
		let theirs = self.parts.chain.operator_keys(&view.broadcaster, Purpose::Segments).await?;
		let signing = self.parts.signing_now().await?;
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
