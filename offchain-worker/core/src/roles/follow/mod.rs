//! Following a stream as a viewer's side does: find the origin on chain, read its records, check
//! every signature, fetch every rendition and check its hash.

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

/// How far the clock of a broadcaster may be ahead: a head that is dated later would hide all that
/// follow it.
const AHEAD_MS: u64 = 60_000;

/// Why a stream cannot be followed now.
#[derive(Debug, Error)]
pub enum FollowError {
	/// Nobody has a job for a stream of that name.
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
	/// A record is not what it claims to be.
	#[error("record refused: {0}")]
	Record(#[from] RecordError),
	/// A head that the stream's owner did not sign.
	#[error("the stream's head is not signed by its broadcaster")]
	Head,
	/// A rendition that is not as its receipt describes it.
	#[error("a rendition is not as its receipt describes it")]
	Described,
	/// A record of somebody to whom the chain gave no such assignment.
	#[error("the record names a transcoder to which its assignment was not given")]
	NotAssigned,
	/// Records in a wrong order.
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
	store: Arc<dyn FollowStore>,
	net: Arc<dyn Transport>,
	fetcher: Fetcher,
	/// Who is asked for bytes before their origin: gateways that follow the same streams.
	peers: Vec<ServiceRecord>,
	events: Arc<dyn EventSink>,
	clock: Arc<dyn Clock>,
	/// Records kept per stream.
	keep: u64,
	/// Bytes of segments kept per stream.
	keep_bytes: u64,
	book: KeyBook,
	located: Mutex<BTreeMap<Place, Located>>,
	/// What the playlists of the streams in use list; the store has the same.
	timelines: Mutex<BTreeMap<StreamId, Timeline>>,
	/// Whether sources are kept beside the renditions.
	sources: bool,
	/// What is kept of the streams in use.
	kept: Mutex<BTreeMap<StreamId, VecDeque<Kept>>>,
	/// Until when it is believed that the node gives no answer.
	late_until_ms: AtomicU64,
	/// To whom assignments were given.
	assigned: Mutex<BTreeMap<(JobId, AssignmentIndex), Assignee>>,
	/// The streams of which it was said that their heads are dated in the future.
	early: Mutex<BTreeSet<StreamId>>,
	warnings: Warnings,
	reporter: Reporter,
}

impl Follower {
	/// Puts the follower together; it keeps the newest `keep` records of each stream.
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

	/// The same, keeping of each stream no more than so many bytes of segments.
	pub fn within(self, keep_bytes: u64) -> Self {
		Self { keep_bytes, ..self }
	}

	/// The same, keeping each segment as its broadcaster sent it too, where that can be had in time.
	pub fn with_sources(self) -> Self {
		Self { sources: true, ..self }
	}

	/// The same, asking these gateways for bytes first: where they have them, the origin is spared.
	pub fn beside(self, peers: Vec<ServiceRecord>) -> Self {
		Self { peers, ..self }
	}

	/// Whether streams can be found and kept: the node answers, and the store.
	pub async fn ready(&self) -> Result<(), FollowError> {
		self.in_time(self.chain.limits()).await?;
		self.store.value("ready")?;
		Ok(())
	}

	/// The stream of `broadcaster` with that name, who is asked for it when the chain has no job for it
	/// any more. Once found, a stream stays known until it is forgotten.
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
		// What was taken before something failed counts all the same.
		if polled.new > 0 || is_full {
			let before = state.next.saturating_sub(self.keep);
			self.trim(stream, before.max(self.beyond(stream, is_full)))?;
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

	/// Notes how far the stream has come, and says whether it has ended, in the newest word of its
	/// broadcaster: an origin cannot make it end.
	async fn take_head(
		&self,
		stream: StreamId,
		state: &mut StreamState,
		head: Option<&SignedHead>,
	) -> Result<bool, FollowError> {
		let latest_ms = self.clock.wall_ms().saturating_add(AHEAD_MS);
		let known = state.head.as_ref().map(|known| known.head.time);
		// One that was taken when a clock was wrong hides nothing.
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

	/// The records that follow those that are known; or, where the stream is far ahead, those from
	/// which it is worth taking up.
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

	/// The newest seq that the origin tells of, if there is one from `from` on. Answers name only
	/// what follows, so it is looked for in steps that double and then halve.
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

	/// Another job goes on with the stream.
	async fn change_job(
		&self,
		stream: StreamId,
		state: &mut StreamState,
		playlist: &Playlist,
	) -> Result<(), FollowError> {
		// The ladder of an open job is the chain's word; of a closed one, the origin's.
		let view = self.in_time(self.chain.job(At::Best, playlist.job)).await?;
		let view = view.filter(|view| view.stream == stream);
		let ladder = view.map_or_else(|| playlist.ladder.clone(), |view| view.ladder);
		if ladder != state.ladder {
			// What is kept are other renditions than those that players are told of from now on.
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
		// Of these one could not be had: those behind it are not waited for in this answer.
		let mut missed = BTreeSet::new();
		for record in records {
			let seq = record.header().seq;
			if seq < state.next || seq == Seq::MAX {
				self.compare(stream, &record).await?;
				return Err(FollowError::Order);
			}
			// As many outputs as it has: whether that is the ladder's number is asked below, for
			// it must be the owner's word that a record is skipped for.
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

	/// Looks whether a record that comes a second time is another than the first, as far as that is kept.
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

	/// Reports contradictions that were found, where the chain's client has a key; never ends.
	pub async fn keep_reporting(&self) {
		self.reporter.keep_reporting().await;
	}

	/// Where it keeps what it has.
	pub fn store(&self) -> Arc<dyn FollowStore> {
		self.store.clone()
	}

	/// What the store has of a stream.
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

/// Whether a record is a segment of the stream's job: another job's renditions are not those that
/// players are told of, and no job takes a segment without or beyond a length.
fn is_playable(record: &SegmentRecord, state: &StreamState) -> bool {
	let header = record.header();
	header.job == state.job
		&& record.present().count() == state.ladder.len()
		&& (1..=LONGEST_SEGMENT).contains(&header.segment.duration)
}

/// Whether a stream was not forgotten: see [`Follower::forget`].
fn is_known(state: &StreamState) -> bool {
	!state.name.is_empty()
}

#[cfg(test)]
mod tests;
