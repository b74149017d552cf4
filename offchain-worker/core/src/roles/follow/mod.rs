//! Follows a stream for viewers: finds the origin on chain, reads its records, checks every signature,
//! fetches every rendition and checks its hash.

mod finding;
mod keeping;
mod search;
mod taking;

use std::{
	collections::{BTreeMap, BTreeSet, VecDeque},
	sync::{atomic::AtomicU64, Arc, Mutex},
};

use livepeer_primitives::{
	segment::stream_id, service::ServiceRecord, video::LONGEST_SEGMENT, AccountId, AssignmentIndex,
	JobId, Seq, StreamId,
};
use thiserror::Error;

use self::{
	finding::{Assignee, Located, Place},
	keeping::Kept,
	search::{is_full, reach, Search},
};
use crate::{
	fetching::Fetcher,
	key::KeyBook,
	lock,
	ports::{
		chain::{At, Chain, ChainError},
		clock::Clock,
		contradiction::Contradiction,
		events::{Event, EventSink, Warnings},
		store::{FollowStore, StoreError, StreamState},
		transport::{NetError, Playlist, RecordError, SegmentRecord, SignedHead, Transport},
	},
	reporting::Reporter,
	rules::playlist::{is_stream_name, Timeline},
};

/// How far a broadcaster's clock may be ahead: a head with a later time would hide all later ones.
const AHEAD_MS: u64 = 60_000;

/// Why a stream cannot be followed now.
#[derive(Debug, Error)]
pub enum FollowError {
	/// There is no job for a stream of that name.
	#[error("no stream of that name")]
	NotFound,
	/// The chain gave no answer.
	#[error(transparent)]
	Chain(#[from] ChainError),
	/// The chain gave no answer in time.
	#[error("the node gave no answer in time")]
	Late,
	/// The origin gave no usable answer.
	#[error(transparent)]
	Net(#[from] NetError),
	/// A record is wrong.
	#[error("record refused: {0}")]
	Record(#[from] RecordError),
	/// A head that the stream's owner did not sign.
	#[error("the stream's head is not signed by its broadcaster")]
	Head,
	/// A rendition that is not as its receipt describes it.
	#[error("a rendition is not as its receipt describes it")]
	Described,
	/// A record of a transcoder that does not have this assignment on the chain.
	#[error("the record names a transcoder to which its assignment was not given")]
	NotAssigned,
	/// Records in a wrong order.
	#[error("the origin's records are out of order")]
	Order,
	/// Nothing can be stored.
	#[error(transparent)]
	Store(#[from] StoreError),
}

/// The result of a poll.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Polled {
	/// New records.
	pub new: usize,
	/// Whether the stream has ended.
	pub ended: bool,
}

/// Follows streams into a store of its own.
pub struct Follower {
	chain: Arc<dyn Chain>,
	store: Arc<dyn FollowStore>,
	net: Arc<dyn Transport>,
	fetcher: Fetcher,
	/// Peers that are asked for bytes before the origin: gateways that follow the same streams.
	peers: Vec<ServiceRecord>,
	events: Arc<dyn EventSink>,
	clock: Arc<dyn Clock>,
	/// Records kept per stream.
	keep: u64,
	/// Bytes of segments kept per stream.
	keep_bytes: u64,
	book: KeyBook,
	located: Mutex<BTreeMap<Place, Located>>,
	/// The playlist entries of the streams in use; the store has the same.
	timelines: Mutex<BTreeMap<StreamId, Timeline>>,
	/// Whether sources are stored beside the renditions.
	sources: bool,
	/// The stored segments of the streams in use.
	kept: Mutex<BTreeMap<StreamId, VecDeque<Kept>>>,
	/// Until when the node is taken for away.
	late_until_ms: AtomicU64,
	/// The transcoders of assignments.
	assigned: Mutex<BTreeMap<(JobId, AssignmentIndex), Assignee>>,
	/// The streams for which a head in the future was already logged.
	early: Mutex<BTreeSet<StreamId>>,
	warnings: Warnings,
	reporter: Reporter,
}

impl Follower {
	/// Makes a follower that keeps the newest `keep` records of each stream.
	pub fn new(
		chain: Arc<dyn Chain>,
		store: Arc<dyn FollowStore>,
		net: Arc<dyn Transport>,
		events: Arc<dyn EventSink>,
		clock: Arc<dyn Clock>,
		keep: u64,
	) -> Self {
		Self {
			book: KeyBook::new(chain.clone(), clock.clone()),
			warnings: Warnings::new(events.clone(), clock.clone()),
			reporter: Reporter::new(chain.clone(), store.clone(), events.clone()),
			fetcher: Fetcher::new(net.clone(), clock.clone()),
			peers: Vec::new(),
			chain,
			store,
			net,
			events,
			clock,
			keep: keep.max(1),
			keep_bytes: u64::MAX,
			sources: false,
			kept: Mutex::default(),
			late_until_ms: AtomicU64::new(0),
			assigned: Mutex::default(),
			located: Mutex::default(),
			timelines: Mutex::default(),
			early: Mutex::default(),
		}
	}

	/// The same, with a limit of bytes of segments for each stream.
	pub fn within(self, keep_bytes: u64) -> Self {
		Self { keep_bytes, ..self }
	}

	/// The same, also keeping each segment as its broadcaster sent it, if it comes in time.
	pub fn with_sources(self) -> Self {
		Self { sources: true, ..self }
	}

	/// The same, asking these gateways for bytes first, which spares the origin.
	pub fn beside(self, peers: Vec<ServiceRecord>) -> Self {
		Self { peers, ..self }
	}

	/// Whether node and store answer, so that streams can be found and stored.
	pub async fn ready(&self) -> Result<(), FollowError> {
		self.in_time(self.chain.limits()).await?;
		self.store.value("ready")?;
		Ok(())
	}

	/// The stream of `broadcaster` with that name. If the chain has no job for it any more, its origin is
	/// asked. Once found, a stream stays known until it is forgotten.
	pub async fn find(&self, name: &str, broadcaster: &AccountId) -> Result<StreamId, FollowError> {
		if !is_stream_name(name) {
			return Err(FollowError::NotFound);
		}
		let stream = stream_id(broadcaster, name);
		if self.state(stream)?.is_some() {
			return Ok(stream);
		}
		let known = match self.job_of(stream).await? {
			None => self.known_to_origin(stream).await?,
			Some(known) => Some(known),
		};
		let (job, ladder) = known.ok_or(FollowError::NotFound)?;
		let state = StreamState {
			broadcaster: broadcaster.clone(),
			name: name.into(),
			job,
			ladder,
			first: 0,
			epoch: 0,
			newest_epoch: 0,
			next: 0,
			complete: 0,
			ended: false,
			head: None,
		};
		self.store.put_stream(stream, &state)?;
		Ok(stream)
	}

	/// Asks the stream's origin for what is new.
	pub async fn poll(&self, stream: StreamId) -> Result<Polled, FollowError> {
		let mut state = self.state(stream)?.ok_or(FollowError::NotFound)?;
		self.load(stream)?;
		let place = Place::Origin(stream);
		let origin = self.locate(&place).await?.ok_or(FollowError::NotFound)?;
		let asked = self.ask(&origin, stream, &state).await;
		let playlist = asked.inspect_err(|_| self.doubt(&place))?;
		if state.job != playlist.job {
			self.change_job(stream, &mut state, &playlist).await?;
		}
		let ended = self.take_head(stream, &mut state, playlist.head.as_ref()).await?;
		let mut polled = Polled { new: 0, ended: ended && !is_full(&playlist) };
		let taken = self.take_all(stream, &mut state, &origin, playlist.records, &mut polled).await;
		let is_full = matches!(
			&taken,
			Err(FollowError::Store(StoreError::Quota { .. } | StoreError::DiskFull(_)))
		);
		// Segments taken before a failure count.
		if polled.new > 0 || is_full {
			let before = state.next.saturating_sub(self.keep);
			self.trim(stream, before.max(self.beyond(stream)))?;
		}
		if let Some((largest, before)) = self.largest().filter(|_| is_full) {
			self.trim(largest, before)?;
		}
		if let Err(FollowError::Store(error)) = &taken {
			self.warnings.store(error);
		}
		taken?;
		if polled.ended && !state.ended {
			state.ended = true;
			self.store.put_stream(stream, &state)?;
			self.events.emit(Event::StreamComplete {
				stream: state.name.clone(),
				segments: self.timeline(stream, |timeline| timeline.len() as u64)?,
			});
		}
		Ok(polled)
	}

	/// Notes how far the stream has come, and returns whether it has ended, by the newest head that its
	/// broadcaster signed: an origin cannot end it.
	async fn take_head(
		&self,
		stream: StreamId,
		state: &mut StreamState,
		head: Option<&SignedHead>,
	) -> Result<bool, FollowError> {
		let latest_ms = self.clock.wall_ms().saturating_add(AHEAD_MS);
		let known = state.head.as_ref().map(|known| known.head.time);
		// A head that was taken while a clock was wrong hides nothing.
		let known_ms = known.filter(|time| *time <= latest_ms).unwrap_or(0);
		let (early, head) = match head {
			Some(signed) if signed.head.time > latest_ms => (true, None),
			head => (false, head),
		};
		if early && lock(&self.early).insert(stream) {
			tracing::warn!(
				stream = %state.name,
				"its head is dated in the future and not taken: the broadcaster's clock is wrong, or \
				 this machine's"
			);
		}
		if let Some(signed) = head.filter(|signed| signed.head.time > known_ms) {
			let broadcaster = &state.broadcaster;
			let is_signed = self.book.is_head_signed(signed, &stream, broadcaster);
			if !self.in_time(is_signed).await? {
				return Err(FollowError::Head);
			}
			state.head = Some(signed.clone());
			self.store.put_stream(stream, state)?;
		}
		Ok(state.head.as_ref().is_some_and(|known| known.head.ended))
	}

	/// The records after the known ones; if the stream is far ahead, those from a later place.
	async fn ask(
		&self,
		origin: &ServiceRecord,
		stream: StreamId,
		state: &StreamState,
	) -> Result<Playlist, FollowError> {
		let playlist = self.net.playlist(origin, stream, state.next).await?;
		let Some(first) = playlist.records.first().filter(|_| is_full(&playlist)) else {
			return Ok(playlist);
		};
		let has_ended = playlist.head.as_ref().is_some_and(|signed| signed.head.ended);
		let reach = reach(has_ended, self.keep);
		let beyond = first.header().seq.saturating_add(reach.most);
		match self.newest(origin, stream, beyond).await? {
			None => Ok(playlist),
			Some(newest) => {
				let start = newest.saturating_add(1).saturating_sub(reach.least);
				tracing::info!(stream = %state.name, from = state.next, start, "taking up later");
				Ok(self.net.playlist(origin, stream, start.max(state.next)).await?)
			}
		}
	}

	/// The origin's newest seq, if it is at least `from`. An answer names only what follows a seq, so this
	/// searches in steps that double and then halve.
	async fn newest(
		&self,
		origin: &ServiceRecord,
		stream: StreamId,
		from: Seq,
	) -> Result<Option<Seq>, FollowError> {
		let mut search = Search::from(from);
		while let Some(probe) = search.probe() {
			let playlist = self.net.playlist(origin, stream, probe).await?;
			let last = playlist.records.last().map(|record| record.header().seq);
			if last.is_some_and(|last| last < probe) {
				return Err(FollowError::Order);
			}
			search.answer(probe, last, is_full(&playlist));
		}
		Ok(search.newest)
	}

	/// Another job continues the stream.
	async fn change_job(
		&self,
		stream: StreamId,
		state: &mut StreamState,
		playlist: &Playlist,
	) -> Result<(), FollowError> {
		// The chain gives the ladder of an open job; the origin that of a closed one.
		let view = self.in_time(self.chain.job(At::Best, playlist.job)).await?;
		let view = view.filter(|view| view.stream == stream);
		let ladder = view.map_or_else(|| playlist.ladder.clone(), |view| view.ladder);
		if ladder != state.ladder {
			// The stored renditions differ from those in playlists from now on.
			self.trim(stream, Seq::MAX)?;
		}
		state.ladder = ladder;
		state.job = playlist.job;
		self.store.put_stream(stream, state)?;
		Ok(())
	}

	/// Takes records in order, up to the first that cannot be taken.
	async fn take_all(
		&self,
		stream: StreamId,
		state: &mut StreamState,
		origin: &ServiceRecord,
		records: Vec<SegmentRecord>,
		polled: &mut Polled,
	) -> Result<(), FollowError> {
		// A track that could not be had is not waited for again in the rest of this answer.
		let mut missed = BTreeSet::new();
		for record in records {
			let seq = record.header().seq;
			if seq < state.next || seq == Seq::MAX {
				self.compare(stream, &record).await?;
				return Err(FollowError::Order);
			}
			// Checked with its own number of outputs. Whether that is the ladder's is checked below: a record
			// may be skipped only for something that its owner signed.
			let outputs = record.outputs().len();
			let broadcaster = &state.broadcaster;
			let check = self.book.check_record(&record, &stream, broadcaster, outputs);
			self.in_time(check).await??;
			let playable = is_playable(&record, state);
			if !self.is_assigned(&record).await {
				return Err(FollowError::NotAssigned);
			}
			if playable {
				self.take(stream, state, origin, &record, &mut missed).await?;
				polled.new += 1;
				state.ended = false;
			} else {
				tracing::debug!(stream = %state.name, seq, "skipped: not of this job's format");
			}
			state.next = seq.saturating_add(1);
			state.complete = state.next;
			self.store.put_stream(stream, state)?;
		}
		Ok(())
	}

	/// Checks whether a record that comes again contradicts the stored one.
	async fn compare(&self, stream: StreamId, record: &SegmentRecord) -> Result<(), FollowError> {
		let kept = self.store.records(stream, record.header().seq, 1)?;
		let found = kept.first().and_then(|kept| Contradiction::of_records(kept, record));
		let Some(found) = found else { return Ok(()) };
		let noted = async {
			self.reporter.note(&self.book, found).await;
			Ok(())
		};
		self.in_time(noted).await
	}

	/// Reports contradictions that were found, if the chain's client has a key; never ends.
	pub async fn keep_reporting(&self) {
		self.reporter.keep_reporting().await;
	}

	/// Its store.
	pub fn store(&self) -> Arc<dyn FollowStore> {
		self.store.clone()
	}

	/// The store's state of a stream.
	pub fn records(&self, stream: StreamId, from: Seq) -> Result<Vec<SegmentRecord>, FollowError> {
		Ok(self.store.records(stream, from, usize::MAX)?)
	}

	/// What is known about a stream.
	pub fn state(&self, stream: StreamId) -> Result<Option<StreamState>, FollowError> {
		Ok(self.store.stream(stream)?.filter(is_known))
	}

	/// Every known stream.
	pub fn streams(&self) -> Result<Vec<(StreamId, StreamState)>, FollowError> {
		let mut streams = self.store.streams()?;
		streams.retain(|(_, state)| is_known(state));
		Ok(streams)
	}
}

/// Whether a record is a segment of the stream's job. Another job's renditions are not those in the
/// playlists, and no job takes a segment without a duration or with too long a one.
fn is_playable(record: &SegmentRecord, state: &StreamState) -> bool {
	let header = record.header();
	header.job == state.job
		&& record.present().count() == state.ladder.len()
		&& (1..=LONGEST_SEGMENT).contains(&header.segment.duration)
}

/// Whether a stream is not forgotten: see [`Follower::forget`].
fn is_known(state: &StreamState) -> bool {
	!state.name.is_empty()
}

#[cfg(test)]
mod tests;
