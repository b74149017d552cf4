//! Playlists, segments and the records that prove them.

use std::{str::FromStr, sync::Arc};

use axum::{
	extract::{Path, State},
	http::{header, HeaderMap, Uri},
	response::{IntoResponse, Response},
};
use codec::Encode;
use livepeer_primitives::{
	receipt::Output, segment::SOURCE_TRACK, video::TICKS_PER_SECOND, Seq, StreamId, Track,
};
use livepeer_worker_core::{
	ports::{
		store::{StoreError, StreamState},
		transport::{SegmentRecord, MAX_RECORDS},
	},
	rules::{
		playlist::{self, Variant},
		ts::{describe, Described},
	},
};

use super::{blocking, following::Named, lock, pages, Failure, Gateway, Shared};
use crate::http::Client;

/// Segments in a live media playlist.
const WINDOW: usize = 30;
/// The most outputs whose description is cached.
const MOST_DESCRIBED: usize = 1_024;

/// An answer for players: any page may play it.
fn hls(content_type: &'static str, cache: &'static str, body: impl IntoResponse) -> Response {
	(
		[
			(header::CONTENT_TYPE, content_type),
			(header::CACHE_CONTROL, cache),
			(header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
		],
		body,
	)
		.into_response()
}

const PLAYLIST: &str = "application/vnd.apple.mpegurl";

pub(super) async fn page(
	State(gateway): Shared,
	client: Client,
	Path(name): Path<String>,
	uri: Uri,
	headers: HeaderMap,
) -> Result<Response, Failure> {
	if let Some(name) = name.strip_suffix(".m3u8") {
		return master(State(gateway), client, Path(name.to_owned())).await;
	}
	Named::read(&name, gateway.broadcaster.as_ref())?;
	Ok(pages::page(State(gateway), uri, headers).await)
}

/// The prefix of a recording's media playlists.
const RECORDING: &str = "recording-";
const NO_RECORDING: Failure = Failure::NotFound("no recording before the stream has ended");

/// The master playlist: of what is live, or of the recording when the stream has ended.
///
/// A viewer who comes after the end gets the recording. A player that watched until the end asks for its
/// earlier playlists again, which then only say that they have ended.
#[utoipa::path(
	get,
	path = "/stream/{broadcaster}/{name}/index.m3u8",
	tag = "playback",
	params(
		("broadcaster" = String, Path, description = "The broadcaster's address"),
		("name" = String, Path, description = "The stream's name")
	),
	responses((status = 200, description = "HLS", body = String, content_type = "application/vnd.apple.mpegurl"), Failure)
)]
pub(super) async fn master(
	State(gateway): Shared,
	client: Client,
	Path(name): Path<String>,
) -> Result<Response, Failure> {
	let (stream, state) = gateway.caught_up(client, &name).await?;
	let ended = state.ended;
	variants(&gateway, client, &name, stream, &state, ended).await
}

/// The master playlist of everything that is kept of a stream that has ended.
#[utoipa::path(
	get,
	path = "/stream/{broadcaster}/{name}/recording.m3u8",
	tag = "playback",
	params(
		("broadcaster" = String, Path, description = "The broadcaster's address"),
		("name" = String, Path, description = "The stream's name")
	),
	responses((status = 200, description = "HLS", body = String, content_type = "application/vnd.apple.mpegurl"), Failure)
)]
pub(super) async fn recording(
	State(gateway): Shared,
	client: Client,
	Path(name): Path<String>,
) -> Result<Response, Failure> {
	let (stream, state) = gateway.caught_up(client, &name).await?;
	if !state.ended {
		return Err(NO_RECORDING);
	}
	variants(&gateway, client, &name, stream, &state, true).await
}

/// Lists renditions by their whole path, so that it works for every alias of the playlist.
async fn variants(
	gateway: &Arc<Gateway>,
	client: Client,
	name: &str,
	stream: StreamId,
	state: &StreamState,
	recorded: bool,
) -> Result<Response, Failure> {
	let kind = if recorded { RECORDING } else { "" };
	let first = gateway.follower.timeline(stream, |timeline| {
		timeline.live(WINDOW).entries.first().map(|entry| entry.seq)
	})?;
	let (looking, count) = (gateway.clone(), state.ladder.len());
	let look = move || looking.look_at(client, stream, first.unwrap_or(0), count);
	let (variants, tracks) = blocking(look).await??;
	let prefix = format!("/stream/{name}/{kind}");
	let text = playlist::master(&state.ladder, &variants, &tracks, &prefix);
	Ok(hls(PLAYLIST, "no-cache", text))
}

/// The output of a segment that is served under a rendition's number.
fn output_of(record: &SegmentRecord, rendition: usize) -> Option<Output> {
	let outputs = record.outputs();
	match outputs.get(rendition) {
		Some(output) => *output,
		// Behind the last rendition come the broadcaster's tracks.
		None => record.track(rendition.checked_sub(outputs.len())?.try_into().ok()?),
	}
}

/// The listed description of each rendition of the ladder, and of each offered track.
type Look = (Vec<Variant>, Vec<(Track, Variant)>);

impl Gateway {
	/// The descriptions of the renditions and of the offered tracks by the newest segments: the publisher's
	/// own renditions, then the source.
	fn look_at(
		&self,
		client: Client,
		stream: StreamId,
		first: Seq,
		count: usize,
	) -> Result<Look, Failure> {
		let records = self.store.records(stream, first, WINDOW)?;
		let variants = (0..count).map(|index| self.variant(client, &records, index));
		let variants = variants.collect::<Result<Vec<_>, _>>()?;
		// Only the tracks of the newest segment that has any, so that they are few.
		let own = records.iter().rev().find(|record| !record.own.is_empty());
		let own = own.into_iter().flat_map(|record| record.own.iter().map(|own| own.track));
		let mut tracks = Vec::new();
		for track in own.chain([SOURCE_TRACK]) {
			let Some(kept) = self.follower.kept(stream, track)? else { continue };
			let of_track = records.iter().filter(|record| kept.contains(&record.header().seq));
			let variant = self.variant(client, of_track, count + usize::from(track))?;
			if track == SOURCE_TRACK || variant.peak > 0 {
				tracks.push((track, variant));
			}
		}
		Ok((variants, tracks))
	}

	/// The description of one rendition: the first segment is read; the length of all is known.
	fn variant<'a>(
		&self,
		client: Client,
		records: impl IntoIterator<Item = &'a SegmentRecord>,
		index: usize,
	) -> Result<Variant, StoreError> {
		let mut variant = Variant::default();
		let (mut bits, mut ticks) = (0, 0);
		for record in records {
			let duration = record.header().segment.duration;
			let Some(output) = output_of(record, index) else { continue };
			let of_output = u64::from(output.len) * 8;
			bits += of_output * u64::from(TICKS_PER_SECOND);
			ticks += u64::from(duration);
			let rate = (of_output * u64::from(TICKS_PER_SECOND)).checked_div(duration.into());
			variant.peak = variant.peak.max(rate.unwrap_or(0));
			if variant.described.is_none() && variant.duration == 0 {
				variant.duration = duration;
				variant.described = self.describe(client, &output)?;
			}
		}
		variant.average = u64::checked_div(bits, ticks).unwrap_or(0);
		Ok(variant)
	}

	/// The description of an output. It is read once for all clients; if there is no memory for its bytes,
	/// the playlist goes without.
	fn describe(&self, client: Client, output: &Output) -> Result<Option<Described>, StoreError> {
		if let Some(known) = lock(&self.described).get(&output.hash) {
			return Ok(known.clone());
		}
		let Some(size) = self.store.size(output.hash)? else { return Ok(None) };
		let Some(_held) = self.memory.take(client, size as usize) else { return Ok(None) };
		let Some(bytes) = self.store.get(output.hash)? else { return Ok(None) };
		let described = describe(&bytes);
		let mut known = lock(&self.described);
		if known.len() >= MOST_DESCRIBED {
			known.clear();
		}
		known.insert(output.hash, described.clone());
		Ok(described)
	}
}

/// The media playlist of one rendition: of what is live, or of the recording.
#[utoipa::path(
	get,
	path = "/stream/{broadcaster}/{name}/{file}",
	tag = "playback",
	params(
		("broadcaster" = String, Path, description = "The broadcaster's address"),
		("name" = String, Path, description = "The stream's name"),
		("file" = String, Path, description = "`R.m3u8` or `recording-R.m3u8`: rendition R from 0; behind the last one it is the source, where it is offered, and then the publisher's own renditions by their tracks")
	),
	responses((status = 200, description = "HLS", body = String, content_type = "application/vnd.apple.mpegurl"), Failure)
)]
pub(super) async fn media(
	State(gateway): Shared,
	client: Client,
	Path((name, file)): Path<(String, String)>,
) -> Result<Response, Failure> {
	let unknown = || Failure::NotFound("no such rendition");
	let index = file.strip_suffix(".m3u8").ok_or_else(unknown)?;
	let (index, recorded) = match index.strip_prefix(RECORDING) {
		Some(index) => (index, true),
		None => (index, false),
	};
	let rendition: usize = number(index).ok_or_else(unknown)?;
	let (stream, state) = gateway.caught_up(client, &name).await?;
	let kept = match rendition.checked_sub(state.ladder.len()) {
		None => None,
		Some(track) => {
			let track = Track::try_from(track).map_err(|_| unknown())?;
			let kept = gateway.follower.kept(stream, track)?;
			let kept = kept.filter(|kept| track == SOURCE_TRACK || !kept.is_empty());
			Some(kept.ok_or_else(unknown)?)
		}
	};
	let text = match (recorded, state.ended) {
		(true, false) => return Err(NO_RECORDING),
		(true, true) => {
			let mut entries = gateway.follower.timeline(stream, |timeline| timeline.whole())?;
			if let Some(kept) = &kept {
				entries.retain(|entry| kept.contains(&entry.seq));
			}
			playlist::recording(rendition, &entries)
		}
		(false, ended) => {
			let mut listing =
				gateway.follower.timeline(stream, |timeline| timeline.live(WINDOW))?;
			if let Some(kept) = &kept {
				let seqs = listing.entries.iter().map(|entry| entry.seq);
				listing.absent = seqs.filter(|seq| !kept.contains(seq)).collect();
			}
			playlist::live(rendition, &listing, ended)
		}
	};
	Ok(hls(PLAYLIST, "no-cache", text))
}

/// A number in a path. In one spelling only, for caches in front of a gateway keep an answer for each.
fn number<T: FromStr + ToString>(text: &str) -> Option<T> {
	text.parse().ok().filter(|number: &T| number.to_string() == text)
}

/// The seq that a file is named by.
fn seq_of(file: &str, extension: &str) -> Option<Seq> {
	number(file.strip_suffix(extension)?)
}

/// One segment.
#[utoipa::path(
	get,
	path = "/stream/{broadcaster}/{name}/{rendition}/{file}",
	tag = "playback",
	params(
		("broadcaster" = String, Path, description = "The broadcaster's address"),
		("name" = String, Path, description = "The stream's name"),
		("rendition" = usize, Path, description = "The rendition, from 0; behind the last one it is the source, and then the publisher's own renditions"),
		("file" = String, Path, description = "`SEQ.ts`")
	),
	responses((status = 200, description = "MPEG-TS", body = Vec<u8>, content_type = "video/mp2t"), Failure)
)]
pub(super) async fn segment(
	State(gateway): Shared,
	client: Client,
	Path((name, rendition, file)): Path<(String, String, String)>,
) -> Result<Response, Failure> {
	let unknown = || Failure::NotFound("no such segment");
	// A broadcaster that is not an address ends here too.
	let rendition: usize = number(&rendition).ok_or(Failure::NotFound(
		"there is nothing here: streams are at /stream/BROADCASTER/NAME, by the broadcaster's address",
	))?;
	let seq = seq_of(&file, ".ts").ok_or_else(unknown)?;
	let stream = gateway.find(client, &name).await?;
	let store = gateway.store.clone();
	let memory = gateway.memory.clone();
	let read = move || -> Result<Response, Failure> {
		let records = store.records(stream, seq, 1)?;
		let record = records.first().filter(|record| record.header().seq == seq);
		let output = record.and_then(|record| output_of(record, rendition));
		let output = output.ok_or_else(unknown)?;
		// Checked before reading, so that only a bounded number of bytes is in memory. Nobody has checked the
		// tracks of a record that were not taken: the stored bytes of such a hash may be longer than the
		// record says.
		let size = store.size(output.hash)?.ok_or_else(unknown)?;
		let held = memory.take(client, size as usize).ok_or(Failure::Full)?;
		let bytes = store.get(output.hash)?.ok_or_else(unknown)?;
		if bytes.len() as u64 != u64::from(output.len) {
			return Err(unknown());
		}
		gateway.metrics.add_bytes(bytes.len() as u64);
		Ok(hls("video/mp2t", "public, max-age=3600, immutable", held.body(bytes)))
	};
	blocking(read).await?
}

/// The records of a stream from one seq on, which a viewer needs to check what it plays.
#[utoipa::path(
	get,
	path = "/stream/{broadcaster}/{name}/records/{file}",
	tag = "proof",
	params(
		("broadcaster" = String, Path, description = "The broadcaster's address"),
		("name" = String, Path, description = "The stream's name"),
		("file" = String, Path, description = "`SEQ.scale`")
	),
	responses((status = 200, description = "Signed headers with signed receipts and the publisher's own renditions, in SCALE", body = Vec<u8>, content_type = "application/octet-stream"), Failure)
)]
pub(super) async fn records(
	State(gateway): Shared,
	client: Client,
	Path((name, file)): Path<(String, String)>,
) -> Result<Response, Failure> {
	let unknown = || Failure::NotFound("no such record");
	let seq = seq_of(&file, ".scale").ok_or_else(unknown)?;
	let stream = gateway.find(client, &name).await?;
	let store = gateway.store.clone();
	let bytes = blocking(move || store.records(stream, seq, MAX_RECORDS as usize)).await??.encode();
	let held = gateway.memory.take(client, bytes.len()).ok_or(Failure::Full)?;
	Ok(hls("application/octet-stream", "no-cache", held.body(bytes)))
}
