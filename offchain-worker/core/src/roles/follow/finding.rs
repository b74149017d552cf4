//! A follower's reads of the chain: service records, and the transcoders of assignments. A stream continues
//! while the chain gives no answer.

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

/// How long a read of the chain may take. A reconnecting client holds requests back instead of failing them,
/// and a stream needs its origin more than the node.
pub(super) const CHAIN_MS: u64 = 2_000;
/// How long a service record is cached: about a block.
pub(super) const BELIEVED_MS: u64 = 6_000;
/// The most cached service records.
const MOST_LOCATED: usize = 1_024;

/// Whose service record it is.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Place {
	/// The origin of a stream.
	Origin(StreamId),
	/// A transcoder.
	Transcoder(AccountId),
}

/// A cached service record.
#[derive(Clone, Debug)]
pub(super) struct Located {
	record: ServiceRecord,
	/// When to ask the chain again.
	until_ms: u64,
}

/// The cached transcoder of an assignment.
pub(super) enum Assignee {
	Known(AccountId),
	/// The chain gives no answer now.
	Unknown {
		/// When to ask again.
		until_ms: u64,
	},
}

impl Follower {
	/// The job and ladder of a stream, as long as the chain has them.
	pub(super) async fn job_of(
		&self,
		stream: StreamId,
	) -> Result<Option<(JobId, Ladder)>, FollowError> {
		let job = self.in_time(self.chain.job_of_stream(stream)).await?;
		let Some(job) = job else { return Ok(None) };
		let view = self.in_time(self.chain.job(At::Best, job)).await?;
		Ok(view.map(|view| (job, view.ladder)))
	}

	/// The same from the origin's answer. A closed job leaves the chain's state, but its stream may still be
	/// served.
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

	/// A read of the chain with a timeout.
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

	/// A service record; while the node is away, the last known one.
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

	/// A peer did not answer at its address, so it may have moved: reads the record again next time.
	pub(super) fn doubt(&self, who: &Place) {
		if let Some(located) = lock(&self.located).get_mut(who) {
			located.until_ms = 0;
		}
	}

	/// Whether a record names the transcoder of its assignment on the chain. For assignments that are over,
	/// and while the node is away, that is unknown: then the signer counts as its transcoder.
	pub(super) async fn is_assigned(&self, record: &SegmentRecord) -> bool {
		let header = record.header();
		let key = (header.job, header.assignment);
		let now_ms = self.clock.now_ms();
		match lock(&self.assigned).get(&key) {
			Some(Assignee::Known(transcoder)) => return *transcoder == header.transcoder,
			Some(Assignee::Unknown { until_ms }) if now_ms < *until_ms => return true,
			_ => {}
		}
		// Do not wait twice for an optional answer.
		if now_ms < self.late_until_ms.load(Ordering::Relaxed) {
			return true;
		}
		// Only final state is cached: before that, another transcoder may be drawn instead.
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
