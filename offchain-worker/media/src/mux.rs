//! Writing a transport stream.

use std::{
	io::{self, Write},
	sync::{Arc, Mutex},
};

use ffmpeg_next::{
	codec,
	format::{context::StreamIo, output_to_stream},
	Packet,
};

use crate::{ffi, limits::Failure, profile, source::ticks};

/// A growing buffer that the muxer writes to and that outlives it.
#[derive(Clone, Default)]
struct Sink(Arc<Mutex<Vec<u8>>>);

impl Write for Sink {
	fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
		let mut buffer = self.0.lock().map_err(|_| io::ErrorKind::Other)?;
		buffer.extend_from_slice(bytes);
		Ok(bytes.len())
	}

	fn flush(&mut self) -> io::Result<()> {
		Ok(())
	}
}

/// One elementary stream: its parameters and its packets in decoding order, in ticks.
pub struct Elementary {
	/// Codec parameters.
	pub parameters: codec::Parameters,
	/// Packets.
	pub packets: Vec<Packet>,
}

/// Makes a transport stream of one video and at most one audio track, beginning with PAT and PMT. Packets are
/// merged by decoding time; at the same time video comes first.
pub fn mux(video: Elementary, audio: Option<Elementary>) -> Result<Vec<u8>, Failure> {
	let failed = |e: ffmpeg_next::Error| Failure::internal("muxer", e);
	let sink = Sink::default();
	let io = StreamIo::from_write(sink.clone()).map_err(failed)?;
	let mut output = output_to_stream(io, None, Some(profile::DEMUXER)).map_err(failed)?;
	ffi::add_track(&mut output, &video.parameters, ticks()).map_err(failed)?;
	if let Some(audio) = &audio {
		ffi::add_track(&mut output, &audio.parameters, ticks()).map_err(failed)?;
	}
	ffi::write_header(&mut output, &profile::muxer_options()).map_err(failed)?;

	let mut tracks = [video.packets, audio.map(|a| a.packets).unwrap_or_default()]
		.map(|packets| packets.into_iter().peekable());
	loop {
		let next: Vec<Option<i64>> = tracks
			.iter_mut()
			.map(|track| track.peek().map(|p| p.dts().or(p.pts()).unwrap_or(i64::MIN)))
			.collect();
		let track = match (next[0], next[1]) {
			(None, None) => break,
			(Some(_), None) => 0,
			(None, Some(_)) => 1,
			(Some(video), Some(audio)) => usize::from(audio < video),
		};
		if let Some(mut packet) = tracks[track].next() {
			packet.set_stream(track);
			packet.set_position(-1);
			packet.write_interleaved(&mut output).map_err(failed)?;
		}
	}
	output.write_trailer().map_err(failed)?;
	drop(output);
	let mut buffer = sink.0.lock().map_err(|e| Failure::internal("muxer", e))?;
	Ok(std::mem::take(&mut *buffer))
}
