//! The streams that the gateway follows, each from the first request that names it until nobody asks for it
//! any more.
//!
//! Places and searches are shared by network: a client that asks for many streams delays only its own
//! network.

use std::{
	collections::{BTreeMap, HashMap},
	hash::Hash,
	net::{IpAddr, Ipv4Addr},
	sync::{Arc, Mutex},
	time::Duration,
};

use livepeer_primitives::{segment::stream_id, AccountId, Seq, StreamId};
use livepeer_worker_core::{
	ports::transport::MAX_RECORDS,
	roles::follow::{FollowError, Polled},
	rules::playlist::is_stream_name,
};
use livepeer_worker_hosts::network;
use sp_core::crypto::Ss58Codec;
use tokio::{
	sync::{watch, OwnedMutexGuard, Semaphore},
	time::{timeout, Instant},
};

use super::{blocking, claims::name_of, lock, Failure, Gateway, News, NO_STREAM};
use crate::http::Client;

/// How often things are done.
#[derive(Clone, Copy, Debug)]
pub struct Times {
	/// How often the origin of a running stream is asked for news.
	pub poll: Duration,
	/// The same for one that has ended, which may continue.
	pub poll_ended: Duration,
	/// How long a name without a stream is remembered: about a block. A search asks the chain and perhaps an
	/// origin, while making up names is free.
	pub missed: Duration,
	/// How long a search may take, and how long it may wait for its turn.
	pub search: Duration,
	/// How long a running stream is followed after the last request for it.
	pub unasked: Duration,
	/// How long an ended stream is kept after the last request for it. Keeping it costs only disk, and its
	/// origin may be gone.
	pub unasked_ended: Duration,
	/// How long a stream keeps its place after the last request when there are too many.
	pub keeps_place: Duration,
}

impl Default for Times {
	fn default() -> Self {
		Self {
			poll: Duration::from_millis(500),
			poll_ended: Duration::from_secs(10),
			missed: Duration::from_secs(6),
			search: Duration::from_secs(10),
			unasked: Duration::from_secs(3_600),
			unasked_ended: Duration::from_secs(24 * 3_600),
			keeps_place: Duration::from_secs(60),
		}
	}
}

/// The longest wait after failures, for a running stream and for one that has ended.
const LONGEST: (Duration, Duration) = (Duration::from_secs(10), Duration::from_secs(60));
/// The most names without a stream that are remembered at a time.
const MOST_MISSED: usize = 1_024;
/// The most searches at a time, one for each host.
const SEARCHES: usize = 64;
/// How long playlists wait for a newly followed stream to catch up with its origin.
const CATCHES_UP: Duration = Duration::from_secs(6);

impl Times {
	/// The pause before the origin is asked again, doubled with every failure.
	fn pause(&self, ended: bool, failures: u32) -> Duration {
		let (poll, longest) =
			if ended { (self.poll_ended, LONGEST.1) } else { (self.poll, LONGEST.0) };
		poll.saturating_mul(1 << failures.min(16)).min(longest)
	}

	/// How long a stream is followed after the last request for it.
	fn patience(&self, ended: bool) -> Duration {
		if ended {
			self.unasked_ended
		} else {
			self.unasked
		}
	}
}

/// The longest address: accounts' addresses have 48 to 50 characters.
const LONGEST_ADDRESS: usize = 64;

/// The account that an address names. The time to decode it grows with the square of its length, and a
/// request may contain any length up to that of its head.
pub(super) fn account(address: &str) -> Option<AccountId> {
	if address.len() > LONGEST_ADDRESS {
		return None;
	}
	AccountId::from_ss58check(address).ok()
}

/// A stream's whole name: `BROADCASTER/NAME`.
pub(super) struct Named {
	pub(super) broadcaster: AccountId,
	pub(super) name: String,
}

impl Named {
	/// The stream that a path names; a name alone is a stream of `only`.
	pub(super) fn read(text: &str, only: Option<&AccountId>) -> Result<Self, Failure> {
		let (broadcaster, name) = match text.split_once('/') {
			Some((who, name)) => (account(who).ok_or(NO_STREAM)?, name),
			// Two broadcasters may use the same name.
			None => (only.ok_or(NOT_WHOLE)?.clone(), text),
		};
		if !is_stream_name(name) || only.is_some_and(|only| *only != broadcaster) {
			return Err(NO_STREAM);
		}
		Ok(Self { broadcaster, name: name.to_owned() })
	}

	fn id(&self) -> StreamId {
		stream_id(&self.broadcaster, &self.name)
	}
}

const NOT_WHOLE: Failure = Failure::NotFound(
	"say whose stream it is: /stream/BROADCASTER/NAME, by the broadcaster's address",
);

/// A stream that is followed.
struct Followed {
	/// When it was last requested, and by which host.
	asked: Instant,
	asker: IpAddr,
	/// When another host last requested it.
	by_another: Option<Instant>,
	/// Whether another stream has taken its place: it will be forgotten in a moment.
	displaced: bool,
	/// Since when it has been followed.
	since: Instant,
	/// Whether its origin has given everything that it had, or gave no answer.
	caught_up: watch::Sender<bool>,
}

impl Followed {
	fn new(asker: IpAddr) -> Self {
		let asker = network(asker);
		let since = Instant::now();
		let (caught_up, _) = watch::channel(false);
		Self { asked: since, asker, by_another: None, displaced: false, since, caught_up }
	}

	fn ask(&mut self, host: IpAddr) {
		let asker = network(host);
		if asker != self.asker {
			(self.by_another, self.asker) = (Some(self.asked), asker);
		}
		self.asked = Instant::now();
		self.displaced = false;
	}

	/// The network that is the only one to have requested it lately.
	fn lone_asker(&self, of_late: Duration) -> Option<IpAddr> {
		let alone = self.by_another.is_none_or(|other| other.elapsed() >= of_late);
		alone.then_some(self.asker)
	}
}

/// One at a time for each key.
struct Turns<K>(Mutex<HashMap<K, Arc<tokio::sync::Mutex<()>>>>);

impl<K> Default for Turns<K> {
	fn default() -> Self {
		Self(Mutex::default())
	}
}

impl<K: Hash + Eq> Turns<K> {
	async fn take(&self, key: K) -> OwnedMutexGuard<()> {
		let turn = {
			let mut turns = lock(&self.0);
			// Drops the turns that nobody has or waits for.
			turns.retain(|_, turn| Arc::strong_count(turn) > 1);
			turns.entry(key).or_default().clone()
		};
		turn.lock_owned().await
	}
}

/// The streams that are followed, and the names without a stream.
pub(super) struct Following {
	streams: Mutex<HashMap<StreamId, Followed>>,
	missed: Mutex<HashMap<StreamId, (Instant, Failure)>>,
	/// Held while a stream is searched or forgotten.
	turns: Turns<StreamId>,
	/// Held while a search for a network runs.
	hosts: Turns<IpAddr>,
	searches: Semaphore,
}

impl Default for Following {
	fn default() -> Self {
		Self {
			streams: Mutex::default(),
			missed: Mutex::default(),
			turns: Turns::default(),
			hosts: Turns::default(),
			searches: Semaphore::new(SEARCHES),
		}
	}
}

impl Following {
	/// Whether a stream is followed, or was missed lately; notes the request. `None` if a search is needed.
	fn known(
		&self,
		stream: StreamId,
		host: IpAddr,
		missed: Duration,
	) -> Option<Result<(), Failure>> {
		if let Some(followed) = lock(&self.streams).get_mut(&stream) {
			followed.ask(host);
			return Some(Ok(()));
		}
		let misses = lock(&self.missed);
		let (since, failure) = misses.get(&stream)?;
		(since.elapsed() < missed).then(|| Err(failure.clone()))
	}

	/// Notes that a stream has caught up with its origin.
	fn catch_up(&self, stream: StreamId) {
		if let Some(followed) = lock(&self.streams).get(&stream) {
			followed.caught_up.send_replace(true);
		}
	}

	/// Waits while a stream is newly followed and has not caught up. What takes longer to come is played as it
	/// comes.
	async fn catches_up(&self, stream: StreamId) {
		let waits = lock(&self.streams).get(&stream).and_then(|followed| {
			let left = CATCHES_UP.checked_sub(followed.since.elapsed())?;
			Some((followed.caught_up.subscribe(), left))
		});
		let Some((mut caught_up, left)) = waits else { return };
		// A stream that is forgotten meanwhile is not waited for either.
		let _ = timeout(left, caught_up.wait_for(|caught_up| *caught_up)).await;
	}

	fn miss(&self, stream: StreamId, failure: Failure, remembered: Duration) {
		let mut misses = lock(&self.missed);
		if misses.len() >= MOST_MISSED {
			misses.retain(|_, (since, _)| since.elapsed() < remembered);
		}
		if misses.len() < MOST_MISSED {
			misses.insert(stream, (Instant::now(), failure));
		}
	}

	/// The place for one more stream of a host: `None` if there is no room; otherwise the stream that has to
	/// go for it, if one has to. It is the stream with the oldest last request. If all were requested lately,
	/// it is one that only a single network has requested: the network with the most such streams, if it has
	/// more of them than the host's own.
	fn room(
		streams: &HashMap<StreamId, Followed>,
		most: usize,
		keeps_place: Duration,
		host: IpAddr,
	) -> Option<Option<StreamId>> {
		// Displaced streams stay for a moment; their number is bounded too.
		if streams.len() >= most.saturating_mul(2) {
			return None;
		}
		let placed = || streams.iter().filter(|(_, followed)| !followed.displaced);
		if placed().count() < most {
			return Some(None);
		}
		let oldest = |of: &dyn Fn(&Followed) -> bool| {
			let oldest = placed().filter(|(_, followed)| of(followed));
			oldest.min_by_key(|(_, followed)| followed.asked).map(|(stream, _)| *stream)
		};
		let unasked = oldest(&|followed| followed.asked.elapsed() >= keeps_place);
		let goes = unasked.or_else(|| {
			let mut networks = BTreeMap::<IpAddr, usize>::new();
			for (_, followed) in placed() {
				if let Some(alone) = followed.lone_asker(keeps_place) {
					*networks.entry(alone).or_default() += 1;
				}
			}
			let own = networks.get(&network(host)).copied().unwrap_or(0);
			let largest = networks.into_iter().max_by_key(|(_, count)| *count);
			let (largest, _) = largest.filter(|(_, count)| *count > own)?;
			oldest(&|followed| followed.lone_asker(keeps_place) == Some(largest))
		});
		goes.map(Some)
	}

	/// Whether one more stream can be followed for a host.
	fn has_room(&self, most: usize, keeps_place: Duration, host: IpAddr) -> bool {
		Self::room(&lock(&self.streams), most, keeps_place, host).is_some()
	}

	/// Makes room for one more stream, only after it was found: making up names is free.
	fn make_room(&self, most: usize, keeps_place: Duration, host: IpAddr) -> bool {
		let mut streams = lock(&self.streams);
		let Some(room) = Self::room(&streams, most, keeps_place, host) else { return false };
		if let Some(goes) = room.and_then(|stream| streams.get_mut(&stream)) {
			goes.displaced = true;
		}
		true
	}

	/// Stops following a stream that nobody has requested within `patience`.
	fn drop_unasked(&self, stream: StreamId, patience: Duration) -> bool {
		let mut streams = lock(&self.streams);
		let unasked = streams.get(&stream).is_none_or(|followed| followed.is_unasked(patience));
		if unasked {
			streams.remove(&stream);
		}
		unasked
	}

	fn is_unasked(&self, stream: StreamId, patience: Duration) -> bool {
		let streams = lock(&self.streams);
		streams.get(&stream).is_none_or(|followed| followed.is_unasked(patience))
	}
}

impl Followed {
	fn is_unasked(&self, patience: Duration) -> bool {
		self.displaced || self.asked.elapsed() >= patience
	}
}

/// What webhooks were told of a stream.
#[derive(Default)]
struct Story {
	/// Whether it is live.
	live: bool,
	refused: Option<(Seq, String)>,
}

impl Story {
	/// Notes that segments came; returns whether they are the first.
	fn begins(&mut self) -> bool {
		!std::mem::replace(&mut self.live, true)
	}

	/// Notes that nothing follows; returns whether it was live until now.
	fn ends(&mut self) -> bool {
		std::mem::take(&mut self.live)
	}

	/// Notes a refused segment; returns whether it was not told yet. Refused segments are requested again and
	/// again.
	fn refuses(&mut self, seq: Seq, reason: &str) -> bool {
		let refused = Some((seq, reason.to_owned()));
		let is_new = self.refused != refused;
		self.refused = refused;
		is_new
	}
}

/// Whether an origin gave something false, rather than nothing.
fn is_false(error: &FollowError) -> bool {
	matches!(
		error,
		FollowError::Record(_)
			| FollowError::Head
			| FollowError::Described
			| FollowError::NotAssigned
			| FollowError::Order
	)
}

impl Gateway {
	/// Finds the stream that a path names, and follows it from now on.
	pub(super) async fn find(
		self: &Arc<Self>,
		Client(host): Client,
		named: &str,
	) -> Result<StreamId, Failure> {
		let Times { missed, search, keeps_place, .. } = self.times;
		let named = Named::read(named, self.broadcaster.as_ref())?;
		let stream = named.id();
		if let Some(known) = self.following.known(stream, host, missed) {
			return known.map(|()| stream);
		}
		let turn = async {
			let host = self.following.hosts.take(network(host)).await;
			let search = self.following.searches.acquire().await;
			(host, search, self.following.turns.take(stream).await)
		};
		let Ok(_turn) = timeout(search, turn).await else { return Err(Failure::Busy) };
		// Another request may have found it meanwhile.
		if let Some(known) = self.following.known(stream, host, missed) {
			return known.map(|()| stream);
		}
		if !self.following.has_room(self.most_streams, keeps_place, host) {
			return Err(Failure::Busy);
		}
		let found = timeout(search, self.search(&named)).await;
		match found.unwrap_or_else(|_| Err(Failure::Upstream("no answer in time".into()))) {
			Ok(()) if self.following.make_room(self.most_streams, keeps_place, host) => {
				self.begin(stream, host);
				Ok(stream)
			}
			// Other streams may have taken the room meanwhile.
			Ok(()) => {
				self.leave(stream).await;
				Err(Failure::Busy)
			}
			Err(failure) => {
				self.following.miss(stream, failure.clone(), missed);
				Err(failure)
			}
		}
	}

	/// The same, and waits for a while until it has caught up with its origin: players begin at the end of the
	/// first playlist that they get, and stay as far behind as that was.
	pub(super) async fn find_caught_up(
		self: &Arc<Self>,
		client: Client,
		named: &str,
	) -> Result<StreamId, Failure> {
		let stream = self.find(client, named).await?;
		self.following.catches_up(stream).await;
		Ok(stream)
	}

	async fn search(self: &Arc<Self>, named: &Named) -> Result<(), Failure> {
		let stream = self.follower.find(&named.name, &named.broadcaster).await?;
		let follower = self.follower.clone();
		Ok(blocking(move || follower.load(stream)).await??)
	}

	/// Forgets a stream that was found but is not followed, unless some of it is stored.
	async fn leave(&self, stream: StreamId) {
		let follower = self.follower.clone();
		let left = blocking(move || match follower.timeline(stream, |kept| kept.is_empty()) {
			Ok(true) => follower.forget(stream),
			kept => kept.map(drop),
		});
		if !matches!(left.await, Ok(Ok(()))) {
			tracing::debug!(%stream, "a stream that is not followed is not forgotten");
		}
	}

	/// Follows the streams of earlier runs as if they had just been requested; those without further requests
	/// are forgotten like others.
	pub async fn resume(self: Arc<Self>) {
		let streams = match self.follower.streams() {
			Ok(streams) => streams,
			Err(error) => {
				tracing::warn!(%error, "the streams of earlier runs are not followed");
				return;
			}
		};
		for (stream, state) in streams {
			let _turn = self.following.turns.take(stream).await;
			if self.broadcaster.as_ref().is_some_and(|who| *who != state.broadcaster) {
				continue;
			}
			let follower = self.follower.clone();
			match blocking(move || follower.load(stream)).await {
				Ok(Ok(())) => self.begin(stream, Ipv4Addr::LOCALHOST.into()),
				Ok(Err(error)) => tracing::warn!(name = %state.name, %error, "not followed"),
				Err(error) => tracing::warn!(name = %state.name, ?error, "not followed"),
			}
		}
	}

	fn begin(self: &Arc<Self>, stream: StreamId, host: IpAddr) {
		let mut streams = lock(&self.following.streams);
		if streams.contains_key(&stream) {
			return;
		}
		streams.insert(stream, Followed::new(host));
		drop(streams);
		tokio::spawn(self.clone().follow(stream));
	}

	/// Polls a stream's origin until nobody requests the stream any more.
	async fn follow(self: Arc<Self>, stream: StreamId) {
		let known = self.follower.state(stream).ok().flatten();
		let mut ended = known.is_some_and(|state| state.ended);
		let mut failures = 0u32;
		let mut story = Story::default();
		loop {
			// A full answer was not the last: while behind, do not wait.
			let mut behind = false;
			let before = self.next_of(stream);
			let polled = self.follower.poll(stream).await;
			self.tell_of(stream, before, &polled, &mut story).await;
			match polled {
				Ok(polled) => {
					behind = polled.new >= MAX_RECORDS as usize;
					self.metrics.add_segments(polled.new as u64);
					ended = polled.ended;
					failures = 0;
				}
				Err(error) => {
					// The origin of an ended stream may be gone: not worth an alarm.
					if !ended {
						self.metrics.add_failure();
					}
					failures = failures.saturating_add(1);
					tracing::warn!(%stream, %error, failures, "the origin was not followed");
				}
			}
			if self.is_forgotten(stream, ended).await {
				return;
			}
			if !behind {
				self.following.catch_up(stream);
				tokio::time::sleep(self.times.pause(ended, failures)).await;
			}
		}
	}

	/// The seq that is expected next, if there are webhooks to tell.
	fn next_of(&self, stream: StreamId) -> Option<Seq> {
		self.webhooks.as_ref()?;
		self.follower.state(stream).ok().flatten().map(|state| state.next)
	}

	/// Tells webhooks what a poll has brought.
	async fn tell_of(
		&self,
		stream: StreamId,
		before: Option<Seq>,
		polled: &Result<Polled, FollowError>,
		story: &mut Story,
	) {
		let Some(before) = before else { return };
		let Ok(Some(state)) = self.follower.state(stream) else { return };
		let name = name_of(&state);
		// Segments taken before a failure count.
		let taken = if state.next > before {
			let store = self.store.clone();
			let read = move || store.records(stream, before, MAX_RECORDS as usize);
			blocking(read).await.ok().and_then(Result::ok).unwrap_or_default()
		} else {
			Vec::new()
		};
		for record in taken {
			if story.begins() {
				self.tell(News::StreamStarted { stream: name.clone() });
			}
			self.tell(News::SegmentChecked {
				stream: name.clone(),
				seq: record.header().seq,
				transcoder: record.header().transcoder.to_ss58check(),
				outputs: record.present().map(|output| hex::encode(output.hash)).collect(),
			});
		}
		match polled {
			Ok(polled) if polled.ended && story.ends() => {
				self.tell(News::StreamEnded { stream: name });
			}
			Err(error) if is_false(error) => {
				let reason = error.to_string();
				if story.refuses(state.next, &reason) {
					self.tell(News::SegmentRefused { stream: name, seq: state.next, reason });
				}
			}
			_ => {}
		}
	}

	/// Forgets a stream that nobody requests; returns whether it did.
	async fn is_forgotten(&self, stream: StreamId, ended: bool) -> bool {
		let patience = self.times.patience(ended);
		if !self.following.is_unasked(stream, patience) {
			return false;
		}
		// Held so that nobody finds it again before it is gone.
		let _turn = self.following.turns.take(stream).await;
		if !self.following.drop_unasked(stream, patience) {
			return false;
		}
		let follower = self.follower.clone();
		match blocking(move || follower.forget(stream)).await {
			Ok(Ok(())) => tracing::info!(%stream, "nobody asks for the stream; it is forgotten"),
			// The next run tries again.
			Ok(Err(error)) => tracing::warn!(%stream, %error, "the stream cannot be forgotten"),
			Err(error) => tracing::warn!(%stream, ?error, "the stream cannot be forgotten"),
		}
		true
	}
}

#[cfg(test)]
mod tests {
	#![allow(clippy::unwrap_used)]
	use super::*;

	#[test]
	fn origin_should_be_asked_less_often_when_the_stream_has_ended_or_it_fails() {
		let times = Times::default();
		assert_eq!(times.pause(false, 0), Duration::from_millis(500));
		assert_eq!(times.pause(false, 2), Duration::from_secs(2));
		assert_eq!(times.pause(false, 1_000), LONGEST.0);
		assert_eq!(times.pause(true, 0), Duration::from_secs(10));
		assert_eq!(times.pause(true, 1_000), LONGEST.1);
		assert!(times.patience(true) > times.patience(false));
	}

	const MINUTE: Duration = Duration::from_secs(60);

	fn host(last: u8) -> IpAddr {
		Ipv4Addr::new(192, 0, 2, last).into()
	}

	fn id(byte: u8) -> StreamId {
		StreamId::repeat_byte(byte)
	}

	#[test]
	fn stream_that_nobody_asks_for_should_make_room_for_another() {
		let following = Following::default();
		let begin = |stream: u8| {
			lock(&following.streams).insert(id(stream), Followed::new(host(stream)));
		};
		let (old, asked) = (id(1), id(2));
		begin(1);
		begin(2);
		assert!(following.make_room(3, MINUTE, host(9)), "there is room");
		assert!(!following.make_room(2, MINUTE, host(1)), "both were asked for lately");
		assert!(following.known(asked, host(2), MINUTE).is_some());
		assert!(following.make_room(2, Duration::ZERO, host(9)));
		assert!(following.is_unasked(old, MINUTE) && !following.is_unasked(asked, MINUTE));
		begin(3);
		assert!(!following.make_room(2, MINUTE, host(3)), "the others were asked for lately");
		assert!(
			following.known(old, host(1), MINUTE).is_some(),
			"asked for before it was forgotten"
		);
		assert!(!following.is_unasked(old, MINUTE));
		begin(4);
		assert!(!following.make_room(2, Duration::ZERO, host(9)), "those that go are bounded too");
	}

	/// An origin that gives segments for minutes: every playlist used to wait for six seconds meanwhile, the master's
	/// and then each of a rendition's.
	#[tokio::test(start_paused = true)]
	async fn playlists_should_wait_only_while_their_stream_is_newly_followed() {
		let following = Following::default();
		let begin = |stream: u8| {
			lock(&following.streams).insert(id(stream), Followed::new(host(stream)));
		};
		begin(2);
		tokio::time::advance(2 * CATCHES_UP).await;
		(3..=5).for_each(begin);
		following.catch_up(id(1));
		following.catch_up(id(3));
		let began = Instant::now();
		let waited = async |stream: u8| {
			following.catches_up(id(stream)).await;
			began.elapsed()
		};
		for stream in 1..=3 {
			assert_eq!(waited(stream).await, Duration::ZERO, "{stream}");
		}
		let later = async {
			tokio::time::sleep(Duration::from_millis(1_010)).await;
			following.catch_up(id(4));
			tokio::time::sleep(Duration::from_millis(1_010)).await;
			lock(&following.streams).remove(&id(5));
			begin(6);
			waited(6).await
		};
		let (late, told, gone) = tokio::join!(later, waited(4), waited(5));
		let is_about = |waited: Duration, ms: u128| (ms..ms + 20).contains(&waited.as_millis());
		assert!(is_about(told, 1_010), "at once: {told:?}");
		assert!(is_about(gone, 2_020), "it is forgotten: {gone:?}");
		assert!(is_about(late, 2_020 + 6_000), "no longer than that: {late:?}");
	}

	/// One client asks for as many streams as may be followed, again and again.
	#[test]
	fn attack_gateway_filled_by_one_host() {
		let following = Following::default();
		for stream in 0..8 {
			lock(&following.streams).insert(id(stream), Followed::new(host(1)));
		}
		// Somebody else watches one of them too.
		assert!(following.known(id(0), host(2), MINUTE).is_some());
		assert!(following.known(id(0), host(1), MINUTE).is_some());
		assert!(!following.make_room(8, MINUTE, host(1)), "it has its share");
		for newcomer in 3..10 {
			assert!(following.make_room(8, MINUTE, host(newcomer)), "{newcomer}");
			lock(&following.streams).retain(|_, followed| !followed.displaced);
			lock(&following.streams).insert(id(100 + newcomer), Followed::new(host(newcomer)));
		}
		assert!(lock(&following.streams).contains_key(&id(0)), "somebody else watches it");
		// Nobody has more than one, so every stream keeps its place.
		assert!(!following.make_room(8, MINUTE, host(3)));
	}

	/// The same from each host of a site's network of IPv6.
	#[test]
	fn attack_gateway_filled_by_many_hosts_of_one_site() {
		let following = Following::default();
		let of_site = |n: u16| IpAddr::from([0x2001, 0xdb8, 7, n, 0, 0, 0, 0]);
		for stream in 0..8 {
			lock(&following.streams).insert(id(stream), Followed::new(of_site(stream.into())));
		}
		assert!(!following.make_room(8, MINUTE, of_site(99)), "it has its share");
		assert!(following.make_room(8, MINUTE, host(1)));
	}

	/// One client looks for names that take long to be found out about.
	#[tokio::test]
	async fn attack_searches_of_one_host_hold_others_up() {
		let turns = Turns::default();
		let search = turns.take(host(1)).await;
		let waiting = turns.take(host(1));
		assert!(timeout(Duration::ZERO, waiting).await.is_err(), "one at a time for a host");
		let others = turns.take(host(2));
		let other = timeout(Duration::ZERO, others).await;
		assert!(other.is_ok());
		drop((search, other));
		drop(turns.take(host(3)).await);
		assert_eq!(lock(&turns.0).len(), 1, "what nobody holds is forgotten");
	}

	#[test]
	fn stream_should_be_named_in_full_unless_the_gateway_serves_one_broadcaster() {
		let [alice, eve] = [[1; 32], [2; 32]].map(AccountId::new);
		let of = |who: &AccountId| format!("{}/demo", who.to_ss58check());
		assert!(Named::read("demo", None).is_err());
		let read = Named::read(&of(&alice), None).unwrap();
		assert_eq!(read.id(), stream_id(&alice, "demo"));
		assert_eq!(Named::read("demo", Some(&alice)).unwrap().id(), read.id());
		assert_eq!(Named::read(&of(&alice), Some(&alice)).unwrap().id(), read.id());
		assert!(Named::read(&of(&eve), Some(&alice)).is_err());
		for wrong in ["x/demo", "/demo", "demo/", &format!("{}/", of(&alice)), ""] {
			assert!(Named::read(wrong, None).is_err(), "{wrong}");
		}
	}

	/// Addresses as long as a request's head, each of which would take seconds to be read.
	#[test]
	fn attack_address_that_takes_long_to_be_read() {
		let long = "z".repeat(60_000);
		let began = std::time::Instant::now();
		for _ in 0..20 {
			assert!(account(&long).is_none());
			assert!(Named::read(&format!("{long}/demo"), None).is_err());
			let mut uri: axum::http::Uri = format!("/stream/{long}/demo/status").parse().unwrap();
			super::super::join_name(&mut uri);
			assert!(!uri.path().contains("%2F"));
		}
		assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
		let alice = AccountId::new([1; 32]);
		assert_eq!(account(&alice.to_ss58check()), Some(alice));
	}

	#[test]
	fn misses_should_be_bounded_and_pass() {
		let following = Following::default();
		let id = |n: usize| StreamId::from_low_u64_be(n as u64);
		for n in 0..2 * MOST_MISSED {
			following.miss(id(n), NO_STREAM, MINUTE);
		}
		assert_eq!(lock(&following.missed).len(), MOST_MISSED);
		let known = |n: usize, missed| following.known(id(n), host(1), missed);
		assert!(known(0, MINUTE).unwrap().is_err());
		assert!(known(0, Duration::ZERO).is_none(), "it is looked for again");
		assert!(known(3 * MOST_MISSED, MINUTE).is_none());
		following.miss(id(3 * MOST_MISSED), NO_STREAM, Duration::ZERO);
		assert_eq!(lock(&following.missed).len(), 1, "those that are over make room");
	}
}
