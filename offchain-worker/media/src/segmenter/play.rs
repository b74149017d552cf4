//! Plays a source once: its tracks, packet by packet.

use std::{
	fs::File,
	io::{self, Read, Seek, SeekFrom},
	sync::{Arc, Mutex},
};

use ffmpeg_next::{
	codec,
	format::context::{Input, StreamIo},
	Error, Packet,
};
use livepeer_worker_core::ports::transport::MAX_OWN;

use super::unsupported;
use crate::{
	ffi::{self, AnnexB, Track, TrackKind},
	limits::Failure,
	normalise::DECODERS,
	source::{self, adts, ticks},
	wire::SegmentOptions,
};

/// Errors in a row after which a file counts as at its end.
const MOST_ERRORS: u32 = 100;
/// How long only tracks may come that were not there at the beginning, before they have taken the place of
/// those that were.
const REPLACED: i64 = 5 * 90_000;
/// Demuxers that a source may need. None of them opens another file.
const FORMATS: &str = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,mpegts,flv,avi,mpeg";

/// The one file of this process. Its position is shared by all readers.
#[derive(Clone)]
pub(super) struct Shared(pub(super) Arc<Mutex<File>>);

impl Read for Shared {
	fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
		self.0.lock().map_err(|_| io::ErrorKind::Other)?.read(buffer)
	}
}

impl Seek for Shared {
	fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
		self.0.lock().map_err(|_| io::ErrorKind::Other)?.seek(to)
	}
}

/// A packet of one of the tracks, in ticks of the source's own time.
pub(super) struct Taken {
	pub(super) packet: Packet,
	pub(super) of: Of,
}

/// The track of a packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Of {
	/// The pictures of the stream.
	Pictures,
	/// Their sound.
	Sound,
	/// The further video track with this number, from 1.
	Own(u8),
}

/// A further track of pictures.
pub(super) struct Further {
	pub(super) index: usize,
	pub(super) track: Track,
	annex_b: Option<AnnexB>,
	pub(super) parameter_sets: Vec<u8>,
}

/// One pass over the source.
pub(super) struct Play {
	input: Input,
	pub(super) video: (usize, Track),
	pub(super) audio: Option<(usize, Track)>,
	annex_b: Option<AnnexB>,
	pub(super) parameter_sets: Vec<u8>,
	/// Further video tracks, if wanted.
	pub(super) further: Vec<Further>,
	errors: u32,
	/// Whether the sound appeared after the beginning.
	pub(super) is_late: bool,
	/// The newest time of sound with headers of its own, and the samples since.
	line: Option<(i64, u64)>,
	live: bool,
	/// How many tracks there were at the beginning.
	known: usize,
	/// For pictures and sound: since when only others have come that were not there at the beginning.
	others: [Option<i64>; 2],
}

impl Play {
	pub(super) fn open(mut file: Shared, options: &SegmentOptions) -> Result<Self, Failure> {
		let (live, own) = (options.live, options.own);
		let io = if live {
			StreamIo::from_read(file)
		} else {
			file.seek(SeekFrom::Start(0)).map_err(|e| {
				unsupported(format!("the input cannot be read from its start: {e}"))
			})?;
			StreamIo::from_read_seek(file)
		};
		let io = io.map_err(|e| Failure::internal("input", e))?;
		let mut options = vec![
			("format_whitelist", FORMATS.to_string()),
			("codec_whitelist", DECODERS.to_string()),
			("protocol_whitelist", "none".to_string()),
		];
		if live {
			// A live source announces its tracks early, but the sound of one of 50 Mbit/s may lie behind a large
			// picture.
			options.push(("probesize", "10000000".to_string()));
			options.push(("analyzeduration", "1500000".to_string()));
		}
		let mut input = ffi::open_input(io, None, &options).map_err(|e| match e {
			Error::OptionNotFound => Failure::internal("input", e),
			_ => unsupported(
				"this is not a video file (MP4, MOV, Matroska, WebM, MPEG-TS, FLV, AVI and \
				 MPEG-PS can be read)",
			),
		})?;
		ffi::find_stream_info(&mut input)
			.map_err(|e| unsupported(format!("the file's tracks cannot be read: {e}")))?;
		let tracks: Vec<(usize, Track)> = (0..ffi::track_count(&input))
			.filter_map(|index| ffi::track(&input, index).map(|track| (index, track)))
			.collect();
		let video = tracks
			.iter()
			.find(|(_, t)| t.kind == TrackKind::Video && !t.is_cover)
			.cloned()
			.ok_or_else(|| unsupported("the file has no video track"))?;
		// A track that is announced and never comes has no rate.
		let usable = |(index, track): &&(usize, Track)| {
			track.kind == TrackKind::Audio
				&& track.sample_rate > 0
				&& ffi::same_programme(&input, video.0, *index)
		};
		let audio = tracks
			.iter()
			.filter(usable)
			.find(|(_, track)| track.is_aac)
			.or_else(|| tracks.iter().find(usable))
			.cloned();
		let (annex_b, parameter_sets) = headers(&input, &video)?;
		let is_further = |(index, track): &&(usize, Track)| {
			let is_pictures = track.kind == TrackKind::Video && !track.is_cover;
			let is_other = *index != video.0 && ffi::same_programme(&input, video.0, *index);
			own && is_pictures && is_other
		};
		let mut further = Vec::new();
		for one in tracks.iter().filter(is_further).take(MAX_OWN as usize) {
			// A track with an unreadable header is left out.
			let Ok((annex_b, parameter_sets)) = headers(&input, one) else { continue };
			let (index, track) = one.clone();
			further.push(Further { index, track, annex_b, parameter_sets });
		}
		Ok(Self {
			input,
			video,
			audio,
			annex_b,
			parameter_sets,
			further,
			errors: 0,
			is_late: false,
			line: None,
			live,
			known: tracks.len(),
			others: [None; 2],
		})
	}

	pub(super) fn parameters(&self, index: usize) -> Result<codec::Parameters, Failure> {
		ffi::parameters(&self.input, index).map_err(|e| Failure::internal("track parameters", e))
	}

	/// Every segment of H.264 carries its parameter sets in band.
	pub(super) fn video_parameters(&self) -> Result<codec::Parameters, Failure> {
		let mut video = self.parameters(self.video.0)?;
		if self.video.1.is_h264 {
			ffi::clear_extradata(&mut video);
		}
		Ok(video)
	}

	/// Whether other tracks have taken the place of those that are played: an encoder behind a relay was
	/// exchanged, and the new one numbers its tracks otherwise. A new segmenter finds them.
	fn is_replaced(&mut self, packet: &Packet) -> bool {
		let index = packet.stream();
		if index == self.video.0 {
			self.others[0] = None;
			return false;
		}
		if self.audio.as_ref().is_some_and(|(audio, _)| *audio == index) {
			self.others[1] = None;
			return false;
		}
		// A programme whose tracks are exchanged has the new ones alone.
		let is_of_it = ffi::same_programme(&self.input, self.video.0, index)
			|| ffi::is_dropped(&self.input, self.video.0);
		if !self.live || index < self.known || !is_of_it {
			return false;
		}
		let Some(track) = ffi::track(&self.input, index) else { return false };
		let since = match track.kind {
			TrackKind::Video if !track.is_cover => &mut self.others[0],
			TrackKind::Audio if self.audio.is_some() => &mut self.others[1],
			_ => return false,
		};
		let Some(time) = packet.dts().or(packet.pts()) else { return false };
		let (numerator, denominator) = (track.time_base.numerator(), track.time_base.denominator());
		let time = time.saturating_mul(90_000).saturating_mul(numerator.into())
			/ i64::from(denominator.max(1));
		let first = since.get_or_insert(time);
		// A clock that was set back measures anew.
		*first = time.min(*first);
		time.saturating_sub(*first) > REPLACED
	}

	/// Gives a frame of sound that has a header of its own its time, if only the first of several frames has
	/// one: the demuxer does that itself only for sound that was there from the beginning.
	fn stamp(&mut self, packet: &mut Packet) {
		let has_headers = |(_, track): &(usize, Track)| track.is_aac && track.extradata.is_empty();
		let has_headers = self.audio.as_ref().is_some_and(has_headers);
		let header = packet.data().and_then(adts).filter(|_| has_headers);
		let Some(header) = header else { return };
		let (stamp, samples) = match (packet.pts(), self.line) {
			(Some(pts), _) => (pts, 0),
			(None, Some(line)) => line,
			(None, None) => return,
		};
		let since = samples.saturating_mul(90_000) / u64::from(header.rate);
		packet.set_pts(Some(stamp.saturating_add_unsigned(since)));
		self.line = Some((stamp, samples.saturating_add(header.samples)));
	}

	/// The next packet of a track; `None` at the end.
	pub(super) fn next(&mut self) -> Result<Option<Taken>, Failure> {
		loop {
			let mut packet = Packet::empty();
			match packet.read(&mut self.input) {
				Ok(()) => self.errors = 0,
				Err(Error::Eof) => return Ok(None),
				Err(e) if source::is_ours(&e) => return Err(Failure::internal("input", e)),
				Err(_) => {
					self.errors += 1;
					if self.errors > MOST_ERRORS {
						return Ok(None);
					}
					continue;
				}
			}
			let index = packet.stream();
			let is_video = index == self.video.0;
			if !is_video && self.audio.is_none() {
				// Sound may begin late.
				let track = ffi::track(&self.input, index).map(|track| rated(track, &packet));
				let track = track.filter(|track| {
					track.kind == TrackKind::Audio
						&& track.sample_rate > 0
						&& ffi::same_programme(&self.input, self.video.0, index)
				});
				self.is_late |= track.is_some();
				self.audio = track.map(|track| (index, track));
			}
			if self.is_replaced(&packet) {
				return Ok(None);
			}
			let mut further = self.further.iter_mut().zip(1..);
			let (of, time_base, filter) = match &self.audio {
				_ if is_video => (Of::Pictures, self.video.1.time_base, self.annex_b.as_mut()),
				Some((audio, track)) if index == *audio => (Of::Sound, track.time_base, None),
				_ => match further.find(|(one, _)| one.index == index) {
					Some((one, number)) => {
						(Of::Own(number), one.track.time_base, one.annex_b.as_mut())
					}
					None => continue,
				},
			};
			if !ffi::has_data(&packet) {
				continue;
			}
			packet.rescale_ts(time_base, ticks());
			if let Some(filter) = filter {
				match filter.filter(packet) {
					Ok(filtered) => packet = filtered,
					Err(_) => continue,
				}
			}
			if of == Of::Sound {
				self.stamp(&mut packet);
			}
			return Ok(Some(Taken { packet, of }));
		}
	}
}

/// A track with the rate that this packet of it names, if it is not known: for AAC only a decoder says it, and none
/// is asked any more after the beginning.
fn rated(mut track: Track, packet: &Packet) -> Track {
	if track.is_aac && track.sample_rate == 0 {
		track.sample_rate = packet.data().and_then(adts).map_or(0, |header| header.rate);
	}
	track
}

/// The filter that gives a track start codes, if it has none, and its parameter sets.
fn headers(
	input: &Input,
	(index, track): &(usize, Track),
) -> Result<(Option<AnnexB>, Vec<u8>), Failure> {
	// A configuration record begins with its version, 1; start codes do not.
	if !track.is_h264 || track.extradata.first() != Some(&1) {
		return Ok((None, track.extradata.clone()));
	}
	let parameters =
		ffi::parameters(input, *index).map_err(|e| Failure::internal("track parameters", e))?;
	let filter = AnnexB::new(&parameters, ticks())
		.map_err(|e| unsupported(format!("the H.264 header cannot be read: {e}")))?;
	let parameter_sets = filter.extradata();
	Ok((Some(filter), parameter_sets))
}
