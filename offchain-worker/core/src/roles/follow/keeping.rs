//! What is kept of a stream, and what its playlists list.

use std::collections::{BTreeSet, VecDeque};

use codec::{DecodeAll, Encode};
use livepeer_primitives::{segment::SOURCE_TRACK, Seq, StreamId, Track};

use super::{FollowError, Follower};
use crate::{
	lock,
	ports::{store::StreamState, transport::SegmentRecord},
	rules::playlist::{first_pts, Entry, Timeline},
};

/// What is kept of a segment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Kept {
	seq: Seq,
	/// Of its renditions, and of its tracks that are kept.
	bytes: u64,
	/// Those of its tracks: its source, and the publisher's own renditions.
	tracks: Vec<Track>,
}

impl Kept {
	pub(super) fn new(record: &SegmentRecord, tracks: Vec<Track>) -> Self {
		let of_tracks = tracks.iter().filter_map(|track| record.track(*track));
		let outputs = record.present().copied().chain(of_tracks);
		let bytes = outputs.map(|output| u64::from(output.len)).sum();
		Self { seq: record.header().seq, bytes, tracks }
	}
}

/// The tracks of a segment, its source first.
pub(super) fn tracks_of(record: &SegmentRecord) -> impl Iterator<Item = Track> + '_ {
	core::iter::once(SOURCE_TRACK).chain(record.own.iter().map(|own| own.track))
}

impl Follower {
	/// Before which seq a stream's segments are too many bytes; or, where there is no room at all,
	/// before which a quarter of them lies.
	pub(super) fn beyond(&self, stream: StreamId, is_full: bool) -> Seq {
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

	/// Stores what playlists list, and forgets what lies before `before`.
	pub(super) fn trim(&self, stream: StreamId, before: Seq) -> Result<(), FollowError> {
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
				let Some(described) = record.track(track) else { continue };
				// Bytes of this hash may be another stream's, and then as many as nobody signed here.
				if self.store.size(described.hash)? == Some(u64::from(described.len)) {
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
}

/// What playlists say about a segment whose first picture is shown at `pts`.
pub(super) fn entry(record: &SegmentRecord, pts: Option<u64>) -> Entry {
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
