//! Following a stream as a viewer's side does: find the origin on chain, read its records, check
//! every signature, fetch every rendition and check its hash.

use std::sync::Arc;

use livepeer_primitives::{
	segment::stream_id, service::ServiceRecord, video::Ladder, AccountId, JobId, Seq, StreamId,
};
use thiserror::Error;

use crate::{
	chain::{At, Chain, ChainError},
	clock::Clock,
	events::{output_names, Event, EventSink},
	playlist::is_stream_name,
	store::{SegmentStore, StoreError, StreamState},
	transport::{NetError, RecordError, SegmentRecord, Transport, MAX_RECORDS},
};

/// How far seqs may jump: a record beyond is refused, so that nobody can sign a stream whose
/// playlist has no end.
const LARGEST_JUMP: u64 = 1_000;

/// Why a stream cannot be followed now.
#[derive(Debug, Error)]
pub enum FollowError {
	/// Nobody has a job for a stream of that name.
	#[error("no stream of that name")]
	NotFound,
	/// The chain gave no answer.
	#[error(transparent)]
	Chain(#[from] ChainError),
	/// The origin gave no usable answer.
	#[error(transparent)]
	Net(#[from] NetError),
	/// A record is not what it claims to be.
	#[error("record refused: {0}")]
	Record(#[from] RecordError),
	/// Records in a wrong order, or too far ahead.
	#[error("the origin's records are out of order")]
	Order,
	/// Nothing can be stored.
	#[error(transparent)]
	Store(#[from] StoreError),
}

/// What a poll brought.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Polled {
	/// New records.
	pub new: usize,
	/// Whether the origin says that nothing follows.
	pub ended: bool,
}

/// Follows streams into a store of its own.
pub struct Follower {
	chain: Arc<dyn Chain>,
	store: Arc<dyn SegmentStore>,
	net: Arc<dyn Transport>,
	events: Arc<dyn EventSink>,
	clock: Arc<dyn Clock>,
	/// Records kept per stream.
	keep: u64,
}

impl Follower {
	/// Puts the follower together; it keeps the newest `keep` records of each stream.
	pub fn new(
		chain: Arc<dyn Chain>,
		store: Arc<dyn SegmentStore>,
		net: Arc<dyn Transport>,
		events: Arc<dyn EventSink>,
		clock: Arc<dyn Clock>,
		keep: u64,
	) -> Self {
		Self { chain, store, net, events, clock, keep: keep.max(1) }
	}

	/// The stream of that name: of `broadcaster`, who is asked for it when the chain has no job
	/// for it any more, or of whoever is known to this store or has an open job for it. Once
	/// found, a stream stays known.
	pub async fn find(
		&self,
		name: &str,
		broadcaster: Option<&AccountId>,
	) -> Result<StreamId, FollowError> {
		if !is_stream_name(name) {
			return Err(FollowError::NotFound);
		}
		for (stream, state) in self.store.streams()? {
			if state.name == name && broadcaster.is_none_or(|who| *who == state.broadcaster) {
				return Ok(stream);
			}
		}
		let candidates = match broadcaster {
			Some(who) => vec![who.clone()],
			None => self.chain.broadcasters().await?,
		};
		for who in candidates {
			let stream = stream_id(&who, name);
			let known = match self.job_of(stream, &who).await? {
				None if broadcaster.is_some() => self.known_to_origin(stream, &who).await?,
				known => known,
			};
			let Some((job, ladder)) = known else { continue };
			let state = StreamState {
				broadcaster: who,
				name: name.into(),
				job,
				ladder,
				first: 0,
				next: 0,
				complete: 0,
				ended: false,
			};
			self.store.put_stream(stream, &state)?;
			return Ok(stream);
		}
		Err(FollowError::NotFound)
	}

	/// The job of a stream and its ladder, as long as the chain has them.
	async fn job_of(
		&self,
		stream: StreamId,
		broadcaster: &AccountId,
	) -> Result<Option<(JobId, Ladder)>, FollowError> {
		let Some(job) = self.chain.job_of_stream(stream).await? else { return Ok(None) };
		let view = self.chain.job(At::Best, job).await?;
		let view = view.filter(|view| view.broadcaster == *broadcaster);
		Ok(view.map(|view| (job, view.ladder)))
	}

	/// The same in the origin's words. A closed job leaves the chain's state, but its stream may
	/// still be served.
	async fn known_to_origin(
		&self,
		stream: StreamId,
		broadcaster: &AccountId,
	) -> Result<Option<(JobId, Ladder)>, FollowError> {
		let Some(origin) = self.chain.service(broadcaster).await? else { return Ok(None) };
		match self.net.playlist(&origin, stream, 0).await {
			Ok(playlist) => Ok(Some((playlist.job, playlist.ladder))),
			Err(NetError::NotFound) => Ok(None),
			Err(error) => Err(error.into()),
		}
	}

	/// Asks the stream's origin for what is new.
	pub async fn poll(&self, stream: StreamId) -> Result<Polled, FollowError> {
		let mut state = self.store.stream(stream)?.ok_or(FollowError::NotFound)?;
		let origin = self.chain.service(&state.broadcaster).await?.ok_or(FollowError::NotFound)?;
		let playlist = self.net.playlist(&origin, stream, state.next).await?;
		if state.job != playlist.job {
			// The ladder of an open job is the chain's word; of a closed one, the origin's.
			let view = self.chain.job(At::Best, playlist.job).await?;
			let view = view.filter(|view| view.stream == stream);
			state.ladder = view.map_or(playlist.ladder, |view| view.ladder);
			state.job = playlist.job;
		}
		let full = playlist.records.len() >= MAX_RECORDS as usize;
		let mut polled = Polled { new: 0, ended: playlist.ended && !full };
		for record in playlist.records {
			let seq = record.header().seq;
			let first_ever = state.next == 0;
			if seq < state.next || (!first_ever && seq - state.next > LARGEST_JUMP) {
				return Err(FollowError::Order);
			}
			self.take(stream, &state, &origin, &record).await?;
			state.next = seq.saturating_add(1);
			state.complete = state.next;
			state.ended = false;
			self.store.put_stream(stream, &state)?;
			polled.new += 1;
		}
		if polled.new > 0 {
			self.store.trim_records(stream, state.next.saturating_sub(self.keep))?;
		}
		if polled.ended && !state.ended {
			state.ended = true;
			self.store.put_stream(stream, &state)?;
			self.events.emit(Event::StreamComplete {
				stream: state.name.clone(),
				segments: self.store.records(stream, 0, usize::MAX)?.len() as u64,
			});
		}
		Ok(polled)
	}

	/// Checks one record and fetches its renditions: from the origin, or else from the transcoder.
	async fn take(
		&self,
		stream: StreamId,
		state: &StreamState,
		origin: &ServiceRecord,
		record: &SegmentRecord,
	) -> Result<(), FollowError> {
		record.check(&self.chain.genesis(), &stream, &state.broadcaster, state.ladder.len())?;
		let start = self.clock.now_ms();
		let fetches = record.receipt.outputs.iter().map(|output| async move {
			if let Some(bytes) = self.store.get(output.hash)? {
				return Ok(bytes);
			}
			let first = match self.net.fetch(origin, output.hash, output.len).await {
				Ok(bytes) => return Ok(bytes),
				Err(error) => error,
			};
			match self.chain.service(&record.header().transcoder).await? {
				Some(transcoder) => {
					Ok(self.net.fetch(&transcoder, output.hash, output.len).await?)
				}
				None => Err(FollowError::Net(first)),
			}
		});
		for bytes in futures::future::try_join_all(fetches).await? {
			self.store.put(&bytes)?;
		}
		self.store.put_record(record)?;
		self.events.emit(Event::SegmentServed {
			stream: state.name.clone(),
			seq: record.header().seq,
			outputs: output_names(&record.receipt.outputs),
			fetch_ms: self.clock.now_ms().saturating_sub(start),
		});
		Ok(())
	}

	/// Where it keeps what it has.
	pub fn store(&self) -> Arc<dyn SegmentStore> {
		self.store.clone()
	}

	/// What the store has of a stream.
	pub fn records(&self, stream: StreamId, from: Seq) -> Result<Vec<SegmentRecord>, FollowError> {
		Ok(self.store.records(stream, from, usize::MAX)?)
	}

	/// What is known about a stream.
	pub fn state(&self, stream: StreamId) -> Result<Option<StreamState>, FollowError> {
		Ok(self.store.stream(stream)?)
	}

	/// Every known stream.
	pub fn streams(&self) -> Result<Vec<(StreamId, StreamState)>, FollowError> {
		Ok(self.store.streams()?)
	}
}

#[cfg(test)]
mod tests;
