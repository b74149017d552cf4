//! What the chain says: where somebody is reached, and to whom an assignment was given. A stream goes on
//! while the chain says nothing.

use std::{future::Future, sync::atomic::Ordering};

use futures::future::{select, Either};
use livepeer_primitives::{service::ServiceRecord, video::Ladder, AccountId, JobId, StreamId};

use super::{FollowError, Follower};
use crate::{
	lock,
	ports::{
		chain::{At, ChainError},
		transport::{NetError, SegmentRecord},
	},
};

/// How long the chain may take over a read. A connection that is being made again holds requests
/// back instead of failing them, and a stream needs its origin more than it needs the node.
pub(super) const CHAIN_MS: u64 = 2_000;
/// How long it is believed where somebody is reached: about a block.
pub(super) const BELIEVED_MS: u64 = 6_000;
/// Of how many it is remembered where they are reached.
const MOST_LOCATED: usize = 1_024;

/// Who is reached somewhere.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Place {
	/// The origin of a stream.
	Origin(StreamId),
	/// A transcoder.
	Transcoder(AccountId),
}

/// Where somebody is reached, as far as is known.
#[derive(Clone, Debug)]
pub(super) struct Located {
	record: ServiceRecord,
	/// When the chain is asked again.
	until_ms: u64,
}

/// To whom an assignment was given, as far as is known.
pub(super) enum Assignee {
	Known(AccountId),
	/// The chain does not say now.
	Unknown {
		/// When it is asked again.
		until_ms: u64,
	},
}

impl Follower {
	/// The job of a stream and its ladder, as long as the chain has them.
	pub(super) async fn job_of(
		&self,
		stream: StreamId,
	) -> Result<Option<(JobId, Ladder)>, FollowError> {
		let job = self.in_time(self.chain.job_of_stream(stream)).await?;
		let Some(job) = job else { return Ok(None) };
		let view = self.in_time(self.chain.job(At::Best, job)).await?;
		Ok(view.map(|view| (job, view.ladder)))
	}

	/// The same in the origin's words. A closed job leaves the chain's state, but its stream may
	/// still be served.
	pub(super) async fn known_to_origin(
		&self,
		stream: StreamId,
	) -> Result<Option<(JobId, Ladder)>, FollowError> {
		let Some(origin) = self.locate(&Place::Origin(stream)).await? else { return Ok(None) };
		match self.net.playlist(&origin, stream, 0).await {
			Ok(playlist) => Ok(Some((playlist.job, playlist.ladder))),
			Err(NetError::NotFound) => Ok(None),
			Err(error) => Err(error.into()),
		}
	}

	/// A read of the chain that gives up in time.
	pub(super) async fn in_time<T>(
		&self,
		read: impl Future<Output = Result<T, ChainError>>,
	) -> Result<T, FollowError> {
		let late = self.clock.sleep_until(self.clock.now_ms().saturating_add(CHAIN_MS));
		match select(std::pin::pin!(read), late).await {
			Either::Left((answer, _)) => Ok(answer?),
			Either::Right(_) => {
				let until_ms = self.clock.now_ms().saturating_add(BELIEVED_MS);
				self.late_until_ms.store(until_ms, Ordering::Relaxed);
				Err(FollowError::Late)
			}
		}
	}

	/// Where somebody is reached. While the node is away this is where it was last.
	pub(super) async fn locate(&self, who: &Place) -> Result<Option<ServiceRecord>, FollowError> {
		let now_ms = self.clock.now_ms();
		let known = lock(&self.located).get(who).cloned();
		if let Some(known) = known.as_ref().filter(|known| now_ms < known.until_ms) {
			return Ok(Some(known.record.clone()));
		}
		let read = async {
			match who {
				Place::Origin(stream) => self.chain.origin(*stream).await,
				Place::Transcoder(account) => self.chain.service(account).await,
			}
		};
		let record = match (self.in_time(read).await, known) {
			(Ok(found), _) => found,
			(Err(error), Some(known)) => {
				tracing::debug!(%error, "the last known service record is used");
				Some(known.record)
			}
			(Err(error), None) => return Err(error),
		};
		let mut located = lock(&self.located);
		if located.len() >= MOST_LOCATED {
			located.clear();
		}
		match &record {
			Some(record) => {
				let until_ms = self.clock.now_ms().saturating_add(BELIEVED_MS);
				located.insert(who.clone(), Located { record: record.clone(), until_ms });
			}
			None => {
				located.remove(who);
			}
		}
		Ok(record)
	}

	/// Somebody did not answer where it was: perhaps it has moved.
	pub(super) fn doubt(&self, who: &Place) {
		if let Some(located) = lock(&self.located).get_mut(who) {
			located.until_ms = 0;
		}
	}

	/// Whether a record names the transcoder to which the chain gave its assignment. Of assignments
	/// that are over, and while the node is away, that cannot be told: whoever signed for them then
	/// counts.
	pub(super) async fn is_assigned(&self, record: &SegmentRecord) -> bool {
		let header = record.header();
		let key = (header.job, header.assignment);
		let now_ms = self.clock.now_ms();
		match lock(&self.assigned).get(&key) {
			Some(Assignee::Known(transcoder)) => return *transcoder == header.transcoder,
			Some(Assignee::Unknown { until_ms }) if now_ms < *until_ms => return true,
			_ => {}
		}
		// What can be done without is not waited for twice.
		if now_ms < self.late_until_ms.load(Ordering::Relaxed) {
			return true;
		}
		// Of what is final only: another may be drawn in the place of what is not.
		let view = self.in_time(self.chain.job(At::Finalized, header.job)).await.ok().flatten();
		let current = view.and_then(|view| view.current);
		let current = current.filter(|current| current.index == header.assignment);
		let is_his = current.as_ref().is_none_or(|given| given.transcoder == header.transcoder);
		let found = current.map_or(
			Assignee::Unknown { until_ms: now_ms.saturating_add(BELIEVED_MS) },
			|current| Assignee::Known(current.transcoder),
		);
		let mut assigned = lock(&self.assigned);
		if assigned.len() >= MOST_LOCATED {
			assigned.clear();
		}
		assigned.insert(key, found);
		is_his
	}
}
