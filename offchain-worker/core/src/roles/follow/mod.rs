//! Following a stream as a viewer's side does: find the origin on chain, read its records, check
//! every signature, fetch every rendition and check its hash.

use std::{
	collections::{BTreeMap, BTreeSet, VecDeque},
	future::Future,
	sync::{
		atomic::{AtomicU64, Ordering},
		Arc, Mutex,
	},
};

use codec::{DecodeAll, Encode};
use futures::future::{select, Either};
use livepeer_primitives::{
	chunks::chunk_root,
	receipt::Output,
	segment::{stream_id, SOURCE_TRACK},
	service::ServiceRecord,
	video::{Ladder, LONGEST_SEGMENT},
	AccountId, AssignmentIndex, JobId, Seq, StreamId, Track,
};
use sp_core::H256;
use thiserror::Error;
use tokio::sync::Semaphore;

use crate::{
	aside,
	fetching::Fetcher,
	key::KeyBook,
	lock,
	ports::{
		chain::{At, Chain, ChainError},
		clock::Clock,
		contradiction::Contradiction,
		events::{output_names, Event, EventSink, Warnings},
		store::{FollowStore, StoreError, StreamState},
		transport::{
			NetError, Playlist, RecordError, SegmentRecord, SignedHead, Transport, MAX_RECORDS,
		},
	},
	reporting::Reporter,
	rules::playlist::{first_pts, is_stream_name, Entry, Timeline},
};

/// How far a follower may be behind a running stream, five minutes, before it gives up what lies
/// between: whoever watches wants to see what happens now.
const LARGEST_LAG: u64 = 150;
/// How far behind its newest segment such a stream is taken up: as many as one answer holds, which
/// are fetched within seconds and are more than a live playlist lists.
const NEAR: u64 = MAX_RECORDS as u64;
/// How far the clock of a broadcaster may be ahead: a head that is dated later would hide all that
/// follow it.
const AHEAD_MS: u64 = 60_000;
/// How long the chain may take over a read. A connection that is being made again holds requests
/// back instead of failing them, and a stream needs its origin more than it needs the node.
const CHAIN_MS: u64 = 2_000;
/// How long it is believed where somebody is reached: about a block.
const BELIEVED_MS: u64 = 6_000;
/// How long what a stream is played without may take, which is a segment's source and the publisher's own
/// renditions: less than its length, so that nobody who withholds it, or is slow on purpose, makes a stream
/// fall behind.
const TRACK_MS: u64 = 1_500;
/// What was put for a record that is being taken; `None` when it is not taken after all. Locked while
/// something is put.
type Put = Arc<Mutex<Option<Vec<H256>>>>;

/// KiB of a stream's renditions that are fetched at a time; a larger one is fetched alone.
const MOST_FETCHED: u32 = 8 * 1_024;
/// Of how many it is remembered where they are reached.
const MOST_LOCATED: usize = 1_024;

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

/// Who is reached somewhere.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Place {
	/// The origin of a stream.
	Origin(StreamId),
	/// A transcoder.
	Transcoder(AccountId),
}

/// Where somebody is reached, as far as is known.
#[derive(Clone, Debug)]
struct Located {
	record: ServiceRecord,
	/// When the chain is asked again.
	until_ms: u64,
}

/// What is kept of a segment.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Kept {
	seq: Seq,
	/// Of its renditions, and of its tracks that are kept.
	bytes: u64,
	/// Those of its tracks: its source, and the publisher's own renditions.
	tracks: Vec<Track>,
}

impl Kept {
	fn new(record: &SegmentRecord, tracks: Vec<Track>) -> Self {
		let of_tracks = tracks.iter().filter_map(|track| record.track(*track));
		let outputs = record.present().copied().chain(of_tracks);
		let bytes = outputs.map(|output| u64::from(output.len)).sum();
		Self { seq: record.header().seq, bytes, tracks }
	}
}

/// The tracks of a segment, its source first.
fn tracks_of(record: &SegmentRecord) -> impl Iterator<Item = Track> + '_ {
	core::iter::once(SOURCE_TRACK).chain(record.own.iter().map(|own| own.track))
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

	/// The job of a stream and its ladder, as long as the chain has them.
	async fn job_of(&self, stream: StreamId) -> Result<Option<(JobId, Ladder)>, FollowError> {
		let job = self.in_time(self.chain.job_of_stream(stream)).await?;
		let Some(job) = job else { return Ok(None) };
		let view = self.in_time(self.chain.job(At::Best, job)).await?;
		Ok(view.map(|view| (job, view.ladder)))
	}

	/// The same in the origin's words. A closed job leaves the chain's state, but its stream may
	/// still be served.
	async fn known_to_origin(
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
	async fn in_time<T>(
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
	async fn locate(&self, who: &Place) -> Result<Option<ServiceRecord>, FollowError> {
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
	fn doubt(&self, who: &Place) {
		if let Some(located) = lock(&self.located).get_mut(who) {
			located.until_ms = 0;
		}
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

	/// Fetches the renditions of a checked record and keeps them, all or none; and of its tracks that are
	/// wanted and not among those `missed` those that can be had. The others are noted there.
	async fn take(
		&self,
		stream: StreamId,
		state: &StreamState,
		origin: &ServiceRecord,
		record: &SegmentRecord,
		missed: &mut BTreeSet<Track>,
	) -> Result<(), FollowError> {
		let start = self.clock.now_ms();
		let room = Semaphore::new(MOST_FETCHED as usize);
		let put: Put = Arc::new(Mutex::new(Some(Vec::new())));
		let fetches =
			record.present().map(|output| self.obtain(origin, record, output, &room, &put));
		let renditions = futures::future::try_join_all(fetches);
		let wanted = tracks_of(record).filter(|track| self.sources || *track != SOURCE_TRACK);
		let tracks: Vec<Track> = wanted.filter(|track| !missed.contains(track)).collect();
		let of_tracks = tracks.iter().map(|track| {
			let (room, put) = (&room, &put);
			async move { (*track, self.obtain_track(origin, record, *track, room, put).await) }
		});
		let of_tracks = futures::future::join_all(of_tracks);
		let (renditions, of_tracks) = futures::future::join(renditions, of_tracks).await;
		let pts = match renditions {
			Ok(all) => all.into_iter().next().flatten(),
			Err(error) => {
				self.release(stream, put).await;
				return Err(error);
			}
		};
		let (had, lost): (Vec<_>, Vec<_>) =
			of_tracks.into_iter().partition(|(_, is_there)| *is_there);
		missed.extend(lost.into_iter().map(|(track, _)| track));
		let had: Vec<Track> = had.into_iter().map(|(track, _)| track).collect();
		let more: Vec<H256> =
			had.iter().filter_map(|track| record.track(*track)).map(|track| track.hash).collect();
		let (store, taken) = (self.store.clone(), record.clone());
		aside(move || store.put_record_with(&taken, &more)).await?;
		let kept = Kept::new(record, had);
		lock(&self.kept).entry(stream).or_default().push_back(kept);
		lock(&self.timelines).entry(stream).or_default().push(entry(record, pts));
		self.events.emit(Event::SegmentServed {
			stream: state.name.clone(),
			seq: record.header().seq,
			outputs: output_names(record.present()),
			fetch_ms: self.clock.now_ms().saturating_sub(start),
		});
		Ok(())
	}

	/// Puts a segment's track into the store, and says whether it is there. A stream is played without it: of
	/// its source, the transcoder, who may be the only one that has it still, owes viewers nothing; and an own
	/// rendition is the broadcaster's to give.
	async fn obtain_track(
		&self,
		origin: &ServiceRecord,
		record: &SegmentRecord,
		track: Track,
		room: &Semaphore,
		put: &Put,
	) -> bool {
		let Some(described) = record.track(track) else { return false };
		let obtained = std::pin::pin!(self.obtain(origin, record, &described, room, put));
		let late = self.clock.sleep_until(self.clock.now_ms().saturating_add(TRACK_MS));
		let seq = record.header().seq;
		let first = select(obtained, late).await;
		match first {
			Either::Left((Ok(_), _)) => true,
			Either::Left((Err(error), _)) => {
				tracing::debug!(seq, track, %error, "the segment's track is not kept");
				false
			}
			Either::Right(_) => {
				tracing::debug!(
					seq,
					track,
					"the segment's track is not kept: it did not come in time"
				);
				false
			}
		}
	}

	/// Puts a rendition or a source into the store, unless it is there, and says when its first picture
	/// is shown. While it is fetched it takes of `room` as much as it is long: whoever serves it may be
	/// slow on purpose, in as many streams as it likes.
	async fn obtain(
		&self,
		origin: &ServiceRecord,
		record: &SegmentRecord,
		output: &Output,
		room: &Semaphore,
		put: &Put,
	) -> Result<Option<u64>, FollowError> {
		let kib = output.len.div_ceil(1_024).clamp(1, MOST_FETCHED);
		// It is never closed.
		let _room = room.acquire_many(kib).await.ok();
		let (store, described) = (self.store.clone(), *output);
		let known = aside(move || store.get(described.hash)).await?;
		let is_new = known.is_none();
		let bytes = match known {
			Some(bytes) => bytes,
			None => self.fetch(origin, record, output).await?,
		};
		let (store, put) = (self.store.clone(), put.clone());
		let kept = aside(move || {
			if bytes.len() as u64 != u64::from(described.len)
				|| chunk_root(&bytes) != described.chunk_root
			{
				return Err(FollowError::Described);
			}
			let mut put = lock(&put);
			if let (true, Some(put)) = (is_new, put.as_mut()) {
				store.put(&bytes)?;
				put.push(described.hash);
			}
			Ok(first_pts(&bytes))
		});
		kept.await
	}

	/// The bytes of a rendition or a source from whoever has them: other gateways, each first for another part
	/// of all, then the origin, then the transcoder.
	async fn fetch(
		&self,
		origin: &ServiceRecord,
		record: &SegmentRecord,
		output: &Output,
	) -> Result<Vec<u8>, FollowError> {
		let mut sources = self.peers.clone();
		if let Some(turn) = usize::from(output.hash.0[0]).checked_rem(sources.len()) {
			sources.rotate_left(turn);
		}
		sources.push(origin.clone());
		let transcoder = async {
			let place = Place::Transcoder(record.header().transcoder.clone());
			let found = self.locate(&place).await.unwrap_or_else(|error| {
				tracing::debug!(%error, "the transcoder is not asked");
				None
			});
			found.into_iter().collect::<Vec<_>>()
		};
		match self.fetcher.fetch(output, sources, Box::pin(transcoder), None).await {
			Ok(fetched) => Ok(fetched.bytes),
			// Nobody has bytes that are so.
			Err(NetError::WrongBytes) => Err(FollowError::Described),
			Err(error) => Err(error.into()),
		}
	}

	/// Lets go of what was put for a record that is not taken; nothing is put for it afterwards.
	async fn release(&self, stream: StreamId, put: Put) {
		let store = self.store.clone();
		let released = aside(move || {
			let owner = format!("untaken/{stream:?}");
			let put = lock(&put).take().unwrap_or_default();
			store.pin(&owner, &put).and_then(|()| store.unpin(&owner))
		});
		if let Err(error) = released.await {
			// What nothing refers to goes within the hour.
			tracing::debug!(%error, "bytes of a record that was not taken are not removed yet");
		}
	}

	/// Before which seq a stream's segments are too many bytes; or, where there is no room at all,
	/// before which a quarter of them lies.
	fn beyond(&self, stream: StreamId, is_full: bool) -> Seq {
		let kept = lock(&self.kept);
		let Some(kept) = kept.get(&stream) else { return 0 };
		let all: u64 = kept.iter().map(|kept| kept.bytes).sum();
		let most = if is_full { all / 4 * 3 } else { self.keep_bytes };
		let mut left = all;
		let over = kept.iter().take_while(|kept| {
			let is_over = left > most;
			left = left.saturating_sub(kept.bytes);
			is_over
		});
		over.last().map_or(0, |kept| kept.seq.saturating_add(1))
	}

	/// Whether a record names the transcoder to which the chain gave its assignment. Of assignments
	/// that are over, and while the node is away, that cannot be told: whoever signed for them then
	/// counts.
	async fn is_assigned(&self, record: &SegmentRecord) -> bool {
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

	/// Stores what playlists list, and forgets what lies before `before`.
	fn trim(&self, stream: StreamId, before: Seq) -> Result<(), FollowError> {
		let bytes = {
			let mut timelines = lock(&self.timelines);
			if let Some(kept) = lock(&self.kept).get_mut(&stream) {
				kept.retain(|kept| kept.seq >= before);
			}
			let timeline = timelines.entry(stream).or_default();
			timeline.trim(before);
			timeline.encode()
		};
		// First what the segments were, then the end of the segments: a discontinuity that is
		// counted nowhere would let the numbers of a playlist go back.
		self.store.put_value(&timeline_name(stream), &bytes)?;
		self.store.trim_records(stream, before)?;
		Ok(())
	}

	/// Reads what a stream's playlists list, if that was not done yet, and adds what a crash left
	/// out. That may read segments, so whoever must not block does it elsewhere.
	pub fn load(&self, stream: StreamId) -> Result<(), FollowError> {
		if lock(&self.timelines).contains_key(&stream) {
			return Ok(());
		}
		let stored = self.store.value(&timeline_name(stream))?;
		let mut timeline =
			stored.and_then(|bytes| Timeline::decode_all(&mut &bytes[..]).ok()).unwrap_or_default();
		let records = self.store.records(stream, 0, usize::MAX)?;
		let mut kept = VecDeque::with_capacity(records.len());
		for record in &records {
			let mut tracks = Vec::new();
			for track in tracks_of(record) {
				let described = record.track(track);
				if described
					.map(|track| self.store.size(track.hash))
					.transpose()?
					.flatten()
					.is_some()
				{
					tracks.push(track);
				}
			}
			kept.push_back(Kept::new(record, tracks));
		}
		lock(&self.kept).entry(stream).or_insert(kept);
		let first = records.first().map(|record| record.header().seq);
		drop(records);
		timeline.trim(first.unwrap_or(Seq::MAX));
		let next = timeline.newest().map_or(0, |newest| newest.saturating_add(1));
		for record in self.store.records(stream, next, usize::MAX)? {
			let output = record.present().next().map(|output| output.hash);
			// Without its bytes nobody will play it either.
			let bytes = output.and_then(|hash| self.store.get(hash).ok().flatten());
			timeline.push(entry(&record, bytes.as_deref().and_then(first_pts)));
		}
		lock(&self.timelines).entry(stream).or_insert(timeline);
		Ok(())
	}

	/// Looks at what a stream's playlists list.
	pub fn timeline<T>(
		&self,
		stream: StreamId,
		look: impl FnOnce(&Timeline) -> T,
	) -> Result<T, FollowError> {
		self.load(stream)?;
		Ok(look(lock(&self.timelines).entry(stream).or_default()))
	}

	/// The segments of a stream of which a track is kept: their source, or one of the publisher's own
	/// renditions. `None` where sources are not offered.
	pub fn kept(
		&self,
		stream: StreamId,
		track: Track,
	) -> Result<Option<BTreeSet<Seq>>, FollowError> {
		if track == SOURCE_TRACK && !self.sources {
			return Ok(None);
		}
		self.load(stream)?;
		let kept = lock(&self.kept);
		let kept = kept.get(&stream).into_iter().flatten();
		Ok(Some(kept.filter(|kept| kept.tracks.contains(&track)).map(|kept| kept.seq).collect()))
	}

	/// Forgets a stream and everything that is kept of it.
	pub fn forget(&self, stream: StreamId) -> Result<(), FollowError> {
		lock(&self.timelines).remove(&stream);
		lock(&self.early).remove(&stream);
		lock(&self.kept).remove(&stream);
		self.store.trim_records(stream, Seq::MAX)?;
		self.store.drop_value(&timeline_name(stream))?;
		// Last, so that after a crash it is forgotten again. A store does not drop a stream's row;
		// without a name it is nobody's.
		if let Some(state) = self.store.stream(stream)? {
			let nothing = StreamState {
				name: String::new(),
				first: 0,
				next: 0,
				complete: 0,
				ended: false,
				head: None,
				..state
			};
			self.store.put_stream(stream, &nothing)?;
		}
		Ok(())
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

/// To whom an assignment was given, as far as is known.
enum Assignee {
	Known(AccountId),
	/// The chain does not say now.
	Unknown {
		/// When it is asked again.
		until_ms: u64,
	},
}

/// Where a stream is taken up.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Reach {
	/// As long as there are no more segments than this, they are all taken.
	most: u64,
	/// Else only so many of the newest.
	least: u64,
}

/// A running stream is followed where it is now, one that has ended is wanted with everything that
/// would be kept of it.
fn reach(ended: bool, keep: u64) -> Reach {
	let (most, least) = if ended { (keep, keep) } else { (LARGEST_LAG, NEAR) };
	Reach { most: most.min(keep), least: least.min(keep) }
}

/// Looks for the newest seq of which an origin tells.
#[derive(Clone, Copy, Debug)]
struct Search {
	start: Seq,
	/// The newest seq that was seen.
	newest: Option<Seq>,
	/// From here on there was nothing.
	end: Option<Seq>,
	step: u64,
	done: bool,
}

impl Search {
	fn from(start: Seq) -> Self {
		Self { start, newest: None, end: None, step: NEAR, done: false }
	}

	/// From where to ask next; `None` when the answer is known. Every answer at least halves what
	/// lies between, or is twice as far away as the one before.
	fn probe(&self) -> Option<Seq> {
		let Some(newest) = self.newest else { return (!self.done).then_some(self.start) };
		let probe = match self.end {
			None => newest.saturating_add(self.step),
			Some(end) => newest.saturating_add(end.saturating_sub(newest) / 2),
		};
		(!self.done && probe > newest).then_some(probe)
	}

	/// What was told: the last seq of an answer, and whether more may follow.
	fn answer(&mut self, probe: Seq, last: Option<Seq>, is_full: bool) {
		match last {
			Some(last) => {
				self.newest = Some(last);
				self.done = !is_full;
				self.step = self.step.saturating_mul(2);
			}
			None => {
				self.end = Some(probe);
				self.done = self.newest.is_none();
			}
		}
	}
}

/// Whether more records may follow those of an answer.
fn is_full(playlist: &Playlist) -> bool {
	playlist.records.len() >= MAX_RECORDS as usize
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

/// What playlists say about a segment whose first picture is shown at `pts`.
fn entry(record: &SegmentRecord, pts: Option<u64>) -> Entry {
	let header = record.header();
	Entry {
		seq: header.seq,
		epoch: header.segment.epoch,
		duration: header.segment.duration,
		pts,
		captured: header.segment.captured,
	}
}

fn timeline_name(stream: StreamId) -> String {
	format!("timeline/{stream:?}")
}

#[cfg(test)]
mod tests;
