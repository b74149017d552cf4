//! Fetches the bytes of a record: all of its renditions, or none.

use std::{
	collections::BTreeSet,
	sync::{Arc, Mutex},
};

use futures::future::{select, Either};
use livepeer_primitives::{
	chunks::chunk_root, receipt::Output, segment::SOURCE_TRACK, service::ServiceRecord, StreamId,
	Track,
};
use sp_core::H256;
use tokio::sync::Semaphore;

use super::{
	finding::Place,
	keeping::{entry, tracks_of, Kept},
	FollowError, Follower,
};
use crate::{
	aside, lock,
	ports::{
		events::{output_names, Event},
		store::StreamState,
		transport::{NetError, SegmentRecord},
	},
	rules::playlist::first_pts,
};

/// How long the optional tracks of a segment may take: its source and the publisher's own renditions. Less
/// than its duration, so that nobody can make a stream fall behind by withholding or slowing them.
pub(super) const TRACK_MS: u64 = 1_500;

/// The bytes stored so far for a record; `None` if it is not taken after all. Locked while bytes are stored.
type Put = Arc<Mutex<Option<Vec<H256>>>>;
/// KiB of a stream's renditions that are fetched at a time; a larger rendition is fetched alone.
const MOST_FETCHED: u32 = 8 * 1_024;

impl Follower {
	/// Fetches and stores the renditions of a checked record, all or none; also its wanted tracks, except
	/// those in `missed`, as far as they can be had. Adds the others to `missed`.
	pub(super) async fn take(
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

	/// Stores a segment's track, and returns whether it is there. A stream plays without it: the only peer
	/// that still has the source may be the transcoder, which owes viewers nothing; and an own rendition is
	/// the broadcaster's to give.
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
				tracing::debug!(seq, track, "the track is not kept: it did not come in time");
				false
			}
		}
	}

	/// Stores a rendition or a source, unless it is there, and returns when its first picture is shown. While
	/// it is fetched its length is taken from `room`, because a peer may be slow on purpose, in any number of
	/// streams.
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

	/// The bytes of a rendition or a source: from other gateways, each first for another part of all bytes,
	/// then from the origin, then from the transcoder.
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
			// No bytes can fit this description.
			Err(NetError::WrongBytes) => Err(FollowError::Described),
			Err(error) => Err(error.into()),
		}
	}

	/// Releases the bytes of a record that is not taken; none are stored for it afterwards.
	async fn release(&self, stream: StreamId, put: Put) {
		let store = self.store.clone();
		let released = aside(move || {
			let owner = format!("untaken/{stream:?}");
			let put = lock(&put).take().unwrap_or_default();
			store.pin(&owner, &put).and_then(|()| store.unpin(&owner))
		});
		if let Err(error) = released.await {
			// Unpinned bytes are removed within the hour.
			tracing::debug!(%error, "bytes of a record that was not taken are not removed yet");
		}
	}
}
