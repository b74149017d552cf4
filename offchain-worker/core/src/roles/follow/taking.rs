//! The bytes of a record: all of its renditions, or none.

use std::sync::{Arc, Mutex};

use futures::future::{select, Either};
use livepeer_primitives::{chunks::chunk_root, receipt::Output, service::ServiceRecord, StreamId};
use sp_core::H256;
use tokio::sync::Semaphore;

use super::{
	finding::Place,
	keeping::{entry, Kept},
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

/// How long a segment's source may take: less than its length, so that nobody who withholds it, or is slow
/// on purpose, makes a stream fall behind.
pub(super) const SOURCE_MS: u64 = 1_500;

/// What was put for a record that is being taken; `None` when it is not taken after all. Locked while
/// something is put.
type Put = Arc<Mutex<Option<Vec<H256>>>>;
/// KiB of a stream's renditions that are fetched at a time; a larger one is fetched alone.
const MOST_FETCHED: u32 = 8 * 1_024;

impl Follower {
	/// Fetches the renditions of a checked record and keeps them, all or none; with `source`, its source
	/// too, and says whether that was had.
	pub(super) async fn take(
		&self,
		stream: StreamId,
		state: &StreamState,
		origin: &ServiceRecord,
		record: &SegmentRecord,
		source: bool,
	) -> Result<bool, FollowError> {
		let start = self.clock.now_ms();
		let room = Semaphore::new(MOST_FETCHED as usize);
		let put: Put = Arc::new(Mutex::new(Some(Vec::new())));
		let fetches =
			record.present().map(|output| self.obtain(origin, record, output, &room, &put));
		let renditions = futures::future::try_join_all(fetches);
		let of_source = async { source && self.obtain_source(origin, record, &room, &put).await };
		let (renditions, has_source) = futures::future::join(renditions, of_source).await;
		let pts = match renditions {
			Ok(all) => all.into_iter().next().flatten(),
			Err(error) => {
				self.release(stream, put).await;
				return Err(error);
			}
		};
		let more = has_source.then(|| record.source().hash);
		let (store, taken) = (self.store.clone(), record.clone());
		aside(move || store.put_record_with(&taken, more.as_slice())).await?;
		let kept = Kept::new(record, has_source);
		lock(&self.kept).entry(stream).or_default().push_back(kept);
		lock(&self.timelines).entry(stream).or_default().push(entry(record, pts));
		self.events.emit(Event::SegmentServed {
			stream: state.name.clone(),
			seq: record.header().seq,
			outputs: output_names(record.present()),
			fetch_ms: self.clock.now_ms().saturating_sub(start),
		});
		Ok(has_source)
	}

	/// Puts a segment's source into the store, and says whether it is there. A stream is played without it:
	/// its transcoder, who may be the only one that has it still, owes viewers nothing.
	async fn obtain_source(
		&self,
		origin: &ServiceRecord,
		record: &SegmentRecord,
		room: &Semaphore,
		put: &Put,
	) -> bool {
		let source = record.source();
		let obtained = std::pin::pin!(self.obtain(origin, record, &source, room, put));
		let late = self.clock.sleep_until(self.clock.now_ms().saturating_add(SOURCE_MS));
		let seq = record.header().seq;
		let first = select(obtained, late).await;
		match first {
			Either::Left((Ok(_), _)) => true,
			Either::Left((Err(error), _)) => {
				tracing::debug!(seq, %error, "the segment's source is not kept");
				false
			}
			Either::Right(_) => {
				tracing::debug!(seq, "the segment's source is not kept: it did not come in time");
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
}
