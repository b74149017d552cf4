//! The stored part of a stream, and its playlists' entries.

use std::collections::{BTreeSet, VecDeque};

use codec::{DecodeAll, Encode};
use livepeer_primitives::{segment::SOURCE_TRACK, Seq, StreamId, Track};

use super::{FollowError, Follower};
use crate::{
	lock,
	ports::{store::StreamState, transport::SegmentRecord},
	rules::playlist::{first_pts, Entry, Timeline},
};

/// The stored bytes of a segment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Kept {
	seq: Seq,
	/// The sizes of its renditions and stored tracks.
	bytes: u64,
	/// The stored tracks: the source, and the publisher's own renditions.
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

fn bytes_of(kept: &VecDeque<Kept>) -> u64 {
	kept.iter().map(|kept| kept.bytes).sum()
}

/// The seq before which segments have to go so that no more than `most` bytes are left.
fn before_most(kept: &VecDeque<Kept>, most: u64) -> Seq {
	let mut left = bytes_of(kept);
	let over = kept.iter().take_while(|kept| {
		let is_over = left > most;
		left = left.saturating_sub(kept.bytes);
		is_over
	});
	over.last().map_or(0, |kept| kept.seq.saturating_add(1))
}

/// The tracks of a segment, its source first.
pub(super) fn tracks_of(record: &SegmentRecord) -> impl Iterator<Item = Track> + '_ {
	core::iter::once(SOURCE_TRACK).chain(record.own.iter().map(|own| own.track))
}

impl Follower {
	/// The seq before which a stream's segments exceed the allowed bytes.
	pub(super) fn beyond(&self, stream: StreamId) -> Seq {
		lock(&self.kept).get(&stream).map_or(0, |kept| before_most(kept, self.keep_bytes))
	}

	/// The stream with the most bytes, and the seq before which a quarter of them lies. It makes room where
	/// there is none: otherwise streams that have ended, or that nobody adds to, would keep out all others.
	pub(super) fn largest(&self) -> Option<(StreamId, Seq)> {
		let kept = lock(&self.kept);
		let (stream, kept) = kept.iter().max_by_key(|(_, kept)| bytes_of(kept))?;
		Some((*stream, before_most(kept, bytes_of(kept) / 4 * 3)))
	}

	/// Stores the playlists' entries, and forgets everything before `before`.
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
		// First the entries, then the segments: a discontinuity that is not counted would let a playlist's
		// numbers go back.
		self.store.put_value(&timeline_name(stream), &bytes)?;
		self.store.trim_records(stream, before)?;
		Ok(())
	}

	/// Loads a stream's playlist entries, if that was not done yet, and adds those that a crash left out.
	/// This may read segments, so it must not run where blocking is not allowed.
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
				// Bytes with this hash may be another stream's, and longer than was signed here.
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
			// Without its bytes it cannot be played either.
			let bytes = output.and_then(|hash| self.store.get(hash).ok().flatten());
			timeline.push(entry(&record, bytes.as_deref().and_then(first_pts)));
		}
		lock(&self.timelines).entry(stream).or_insert(timeline);
		Ok(())
	}

	/// Reads a stream's playlist entries.
	pub fn timeline<T>(
		&self,
		stream: StreamId,
		look: impl FnOnce(&Timeline) -> T,
	) -> Result<T, FollowError> {
		self.load(stream)?;
		Ok(look(lock(&self.timelines).entry(stream).or_default()))
	}

	/// The segments of a stream with this stored track: the source, or one of the publisher's own renditions.
	/// `None` if sources are not offered.
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

	/// Forgets a stream and everything that is stored of it.
	pub fn forget(&self, stream: StreamId) -> Result<(), FollowError> {
		lock(&self.timelines).remove(&stream);
		lock(&self.early).remove(&stream);
		lock(&self.kept).remove(&stream);
		self.store.trim_records(stream, Seq::MAX)?;
		self.store.drop_value(&timeline_name(stream))?;
		// Last, so that after a crash the stream is forgotten again. A store does not remove a stream's row;
		// a row without a name counts as forgotten.
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

/// The playlist entry of a segment whose first picture is shown at `pts`.
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
