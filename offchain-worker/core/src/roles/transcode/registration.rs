//! Registering, staying available, and accepting what is offered.

use std::{collections::BTreeMap, sync::Arc};

use livepeer_primitives::{service::ServiceRecord, BlockNumber};

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
		let view = self.parts.chain.transcoder(&self.parts.key.account()).await?;
		let same = view.as_ref().is_some_and(|view| {
			view.price == config.price
				&& view.reward_cut == config.reward_cut
				&& view.fee_share == config.fee_share
				&& view.service == *service
		});
		// Nothing would repeat these calls if a reorg took them back, so they wait to be final.
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
		let call = Call::SetAvailable { capacity: config.capacity };
		self.parts.chain.submit(call, Wait::Finalized).await?;
		self.parts.events.emit(Event::Registered { capacity: config.capacity });
		Ok(())
	}

	/// Sends a heartbeat when one is due: the chain takes one in each half of an interval.
	pub(super) async fn heartbeat(
		&self,
		head: Head,
		beat: &mut BlockNumber,
	) -> Result<(), TranscodeError> {
		let interval = self.parts.chain.parameters().await?.election.heartbeat_interval;
		if head.best.saturating_sub(*beat) <= (interval / 2).max(1) {
			return Ok(());
		}
		let sent = self.parts.chain.submit(Call::Heartbeat, Wait::InBlock).await;
		if !sent.as_ref().is_err_and(ChainError::is_transient) {
			*beat = head.best;
		}
		Ok(sent?)
	}

	/// Reads this transcoder's assignments and accepts those that wait for it.
	pub(super) async fn refresh(&self) -> Result<(), TranscodeError> {
		let account = self.parts.key.account();
		let mut now = BTreeMap::new();
		for job in self.parts.chain.assignments(&account).await? {
			let Some(mut view) =
				self.parts.chain.job(At::Best, job).await?.filter(|view| !view.ended)
			else {
				continue;
			};
			let offer = view.current.as_mut().filter(|current| current.transcoder == account);
			if let Some(offer) = offer.filter(|current| !current.accepted) {
				let call = Call::AcceptJob { job, assignment: offer.index };
				match self.parts.chain.submit(call, Wait::InBlock).await {
					Ok(()) => {
						tracing::info!(job, assignment = offer.index, "accepted");
						self.parts.events.emit(Event::Accepted { job, assignment: offer.index });
						offer.accepted = true;
					}
					Err(error) => tracing::warn!(job, %error, "could not accept"),
				}
			}
			if let Some(assigned) = Assigned::of(view, &account) {
				now.insert((job, assigned.index), assigned);
			}
		}
		*lock(&self.assigned) = now;
		Ok(())
	}
}
