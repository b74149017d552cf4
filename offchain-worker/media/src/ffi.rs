//! The unsafe code of the crate: the few calls of libav* and of the C library without a safe wrapper.
//! Everything here is small, does one thing and hands out safe types.
//!
//! The wrapper crate lacks: a forced demuxer (probing would let a text file pick the playlist demuxer),
//! options with a check that none was ignored (the wrapper drops unknown ones silently), the scaler with its
//! options set by name, one bitstream filter, and raw numbers instead of enums that panic on unknown values.
#![allow(unsafe_code)]

use std::{
	ffi::{CStr, CString},
	marker::PhantomData,
	os::fd::{AsRawFd, FromRawFd, OwnedFd},
	ptr,
};

use ffmpeg_next::{
	codec::{self, packet::Mut as _, packet::Ref as _},
	ffi as sys,
	format::context::{Input, Output, StreamIo},
	frame, Error, Packet, Rational,
};

use crate::limits::MACROBLOCK;

/// The result of one libav call.
pub type Result<T> = std::result::Result<T, Error>;

pub(crate) fn check(code: i32) -> Result<()> {
	if code < 0 {
		Err(Error::from(code))
	} else {
		Ok(())
	}
}

pub(crate) fn no_memory() -> Error {
	Error::Other { errno: libc::ENOMEM }
}

fn c_string(text: &str) -> Result<CString> {
	CString::new(text).map_err(|_| Error::Other { errno: libc::EINVAL })
}

/// Options for a libav object; any option left after it was opened is an error.
pub(crate) struct Options(pub(crate) *mut sys::AVDictionary);

impl Options {
	pub(crate) fn new(pairs: &[(&str, String)]) -> Result<Self> {
		let mut options = Options(ptr::null_mut());
		for (key, value) in pairs {
			let (key, value) = (c_string(key)?, c_string(value)?);
			// SAFETY: both strings live through the call, which copies them; the dictionary is
			// null or one that this call made.
			check(unsafe { sys::av_dict_set(&mut options.0, key.as_ptr(), value.as_ptr(), 0) })?;
		}
		Ok(options)
	}

	/// Fails if an option was not taken: a partly applied profile is another profile.
	pub(crate) fn all_taken(&self) -> Result<()> {
		// SAFETY: a dictionary or null, both allowed.
		match unsafe { sys::av_dict_count(self.0) } {
			0 => Ok(()),
			_ => Err(Error::OptionNotFound),
		}
	}
}

impl Drop for Options {
	fn drop(&mut self) {
		// SAFETY: owned by `self`; null is allowed.
		unsafe { sys::av_dict_free(&mut self.0) }
	}
}

/// Caps every single allocation of libav in this process.
pub fn set_max_alloc(bytes: usize) {
	// SAFETY: sets one number.
	unsafe { sys::av_max_alloc(bytes) }
}

/// Lets only errors through to standard error.
pub fn quiet() {
	// SAFETY: sets one number.
	unsafe { sys::av_log_set_level(sys::AV_LOG_ERROR) }
}

/// Versions of the libraries at run time: libavutil, libavcodec, libavformat, libswscale.
pub fn versions() -> [u32; 4] {
	// SAFETY: pure functions.
	unsafe {
		[
			sys::avutil_version(),
			sys::avcodec_version(),
			sys::avformat_version(),
			sys::swscale_version(),
		]
	}
}

/// Opens `io` for demuxing, with the demuxer named `format` if given, else by probing among those
/// that the options allow.
pub fn open_input(
	mut io: StreamIo,
	format: Option<&str>,
	options: &[(&str, String)],
) -> Result<Input> {
	let mut options = Options::new(options)?;
	let forced = match format {
		None => ptr::null(),
		Some(name) => {
			let name = c_string(name)?;
			// SAFETY: looks a name up in a static table.
			let found = unsafe { sys::av_find_input_format(name.as_ptr()) };
			if found.is_null() {
				return Err(Error::DemuxerNotFound);
			}
			found
		}
	};
	// SAFETY: the context is fresh and gets the I/O context before it is opened, with the flag that
	// keeps libavformat from freeing it; `avformat_open_input` frees the context when it fails, and
	// `io` then drops here, after it. On success both move into the safe wrapper, which drops them
	// in the right order.
	unsafe {
		let mut context = sys::avformat_alloc_context();
		if context.is_null() {
			return Err(no_memory());
		}
		(*context).pb = io.as_mut_ptr();
		(*context).flags |= sys::AVFMT_FLAG_CUSTOM_IO;
		check(sys::avformat_open_input(
			&mut context,
			c"".as_ptr(),
			forced as *mut _,
			&mut options.0,
		))?;
		let input = Input::wrap_with_custom_io(context, io);
		options.all_taken()?;
		Ok(input)
	}
}

/// Reads ahead until the parameters of all tracks are known.
pub fn find_stream_info(input: &mut Input) -> Result<()> {
	// SAFETY: an open input context; no options.
	check(unsafe { sys::avformat_find_stream_info(input.as_mut_ptr(), ptr::null_mut()) })
}

/// What a track carries.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TrackKind {
	/// Video.
	Video,
	/// Audio.
	Audio,
	/// Subtitles, data, attachments, or not known.
	Other,
}

/// The parameters of one track, as plain numbers.
#[derive(Clone, Debug)]
pub struct Track {
	/// What it carries.
	pub kind: TrackKind,
	/// Whether the codec is H.264.
	pub is_h264: bool,
	/// Whether the codec is AAC.
	pub is_aac: bool,
	/// The codec's name.
	pub codec: String,
	/// Whether it is a cover picture rather than a video.
	pub is_cover: bool,
	/// Whether the pixel format is 8-bit 4:2:0, where it is known.
	pub is_yuv420p: Option<bool>,
	/// Width and height, 0 where they are not known.
	pub size: (u32, u32),
	/// The coded width and height, of which pictures may show a part; 0 if not known.
	pub coded: (u32, u32),
	/// Whether its pictures are woven of two fields.
	pub is_interlaced: bool,
	/// By how many degrees a picture has to be turned clockwise: 0, 90, 180 or 270.
	pub rotation: u16,
	/// The lowest rate at which every time stamp falls on a frame, as far as probing tells; 0/1 if
	/// it does not.
	pub fps: Rational,
	/// Samples per second, 0 where that is not known.
	pub sample_rate: u32,
	/// Unit of its time stamps.
	pub time_base: Rational,
	/// The codec's out-of-band header.
	pub extradata: Vec<u8>,
}

/// Number of tracks found so far.
pub fn track_count(input: &Input) -> usize {
	// SAFETY: an open input context.
	unsafe { (*input.as_ptr()).nb_streams as usize }
}

/// The parameters of track `index`; `None` if there is no such track.
pub fn track(input: &Input, index: usize) -> Option<Track> {
	if index >= track_count(input) {
		return None;
	}
	// SAFETY: the index is in range, streams and their parameters are never null and live as long
	// as the context; nothing borrowed leaves this function.
	unsafe {
		let stream = *(*input.as_ptr()).streams.add(index);
		let parameters = &*(*stream).codecpar;
		let kind = match parameters.codec_type {
			sys::AVMediaType::AVMEDIA_TYPE_VIDEO => TrackKind::Video,
			sys::AVMediaType::AVMEDIA_TYPE_AUDIO => TrackKind::Audio,
			_ => TrackKind::Other,
		};
		let format = parameters.format;
		let extradata = if parameters.extradata.is_null() || parameters.extradata_size <= 0 {
			Vec::new()
		} else {
			std::slice::from_raw_parts(parameters.extradata, parameters.extradata_size as usize)
				.to_vec()
		};
		Some(Track {
			kind,
			is_h264: parameters.codec_id == sys::AVCodecID::AV_CODEC_ID_H264,
			is_aac: parameters.codec_id == sys::AVCodecID::AV_CODEC_ID_AAC,
			codec: CStr::from_ptr(sys::avcodec_get_name(parameters.codec_id))
				.to_string_lossy()
				.into_owned(),
			is_cover: (*stream).disposition & sys::AV_DISPOSITION_ATTACHED_PIC != 0,
			is_yuv420p: (format != -1).then(|| is_yuv420p(format)),
			size: (parameters.width.max(0) as u32, parameters.height.max(0) as u32),
			coded: parsed_coded(stream),
			// The numbers of `AVFieldOrder`: 0 unknown, 1 progressive.
			is_interlaced: parameters.field_order as i32 > 1,
			rotation: rotation(stream),
			fps: (*stream).r_frame_rate.into(),
			sample_rate: parameters.sample_rate.max(0) as u32,
			time_base: (*stream).time_base.into(),
			extradata,
		})
	}
}

/// The coded size that a stream's parser has found; 0 without a parser.
///
/// # Safety
///
/// The stream must be valid.
unsafe fn parsed_coded(stream: *mut sys::AVStream) -> (u32, u32) {
	// SAFETY: the parser, if there is one, lives as long as the stream; it is read only.
	unsafe {
		let parser = sys::av_stream_get_parser(stream);
		if parser.is_null() {
			return (0, 0);
		}
		((*parser).coded_width.max(0) as u32, (*parser).coded_height.max(0) as u32)
	}
}

/// The rotation by a stream's display matrix.
///
/// # Safety
///
/// The stream must be valid.
unsafe fn rotation(stream: *mut sys::AVStream) -> u16 {
	// SAFETY: side data lives as long as the stream; it is read only when all nine numbers are
	// there, without any demand on how they are aligned.
	unsafe {
		let mut size = 0;
		let kind = sys::AVPacketSideDataType::AV_PKT_DATA_DISPLAYMATRIX;
		let data = sys::av_stream_get_side_data(stream, kind, &mut size);
		if data.is_null() || size < 9 * 4 {
			return 0;
		}
		let number = |index: usize| f64::from(data.cast::<i32>().add(index).read_unaligned());
		let turned = number(1).atan2(number(0)).to_degrees();
		((turned / 90.0).round() as i32).rem_euclid(4) as u16 * 90
	}
}

/// Whether two tracks belong together: a programme contains both, or there are no programmes.
pub fn same_programme(input: &Input, a: usize, b: usize) -> bool {
	let mut of = programmes(input).peekable();
	of.peek().is_none() || of.any(|programme| programme.contains(&a) && programme.contains(&b))
}

/// Whether no programme contains a track any more.
pub fn is_dropped(input: &Input, index: usize) -> bool {
	let mut of = programmes(input).peekable();
	of.peek().is_some() && of.all(|programme| !programme.contains(&index))
}

/// The tracks of each programme.
fn programmes(input: &Input) -> impl Iterator<Item = Vec<usize>> + '_ {
	// SAFETY: an open input context; programmes and their lists live as long as it does.
	unsafe {
		let context = &*input.as_ptr();
		(0..context.nb_programs as usize).map(move |i| {
			let programme = &**context.programs.add(i);
			(0..programme.nb_stream_indexes as usize)
				.map(|k| *programme.stream_index.add(k) as usize)
				.collect()
		})
	}
}

/// Width and height of the newest picture that the demuxer's parser saw on track `index`, as its
/// parameter sets declare them; `None` while there was none.
pub fn parsed_size(input: &Input, index: usize) -> Option<(u32, u32)> {
	if index >= track_count(input) {
		return None;
	}
	// SAFETY: the index is in range; the parser, if there is one, lives as long as the stream.
	unsafe {
		let parser = sys::av_stream_get_parser(*(*input.as_ptr()).streams.add(index));
		if parser.is_null() || (*parser).width <= 0 || (*parser).height <= 0 {
			return None;
		}
		Some(((*parser).width as u32, (*parser).height as u32))
	}
}

fn is_yuv420p(format: i32) -> bool {
	format == sys::AVPixelFormat::AV_PIX_FMT_YUV420P as i32
		|| format == sys::AVPixelFormat::AV_PIX_FMT_YUVJ420P as i32
}

/// A copy of the codec parameters of track `index`, without the container's tag.
pub fn parameters(input: &Input, index: usize) -> Result<codec::Parameters> {
	if index >= track_count(input) {
		return Err(Error::StreamNotFound);
	}
	let mut copy = codec::Parameters::new();
	// SAFETY: both sides are valid parameter structures; the copy is deep.
	unsafe {
		if copy.as_ptr().is_null() {
			return Err(no_memory());
		}
		let stream = *(*input.as_ptr()).streams.add(index);
		check(sys::avcodec_parameters_copy(copy.as_mut_ptr(), (*stream).codecpar))?;
		(*copy.as_mut_ptr()).codec_tag = 0;
	}
	Ok(copy)
}

/// Number of channels of audio parameters.
pub fn channels(parameters: &codec::Parameters) -> i32 {
	// SAFETY: a valid structure, read only.
	unsafe { (*parameters.as_ptr()).ch_layout.nb_channels }
}

/// What a decoder of AAC is set up by: samples per second, channels, and whether half of the rate is SBR's.
pub fn heard_as(parameters: &codec::Parameters) -> (i32, i32, bool) {
	// libav's numbers of the profiles with SBR, without and with parametric stereo.
	const WITH_SBR: [i32; 2] = [4, 28];
	// SAFETY: a valid structure, read only.
	unsafe {
		let p = &*parameters.as_ptr();
		(p.sample_rate, p.ch_layout.nb_channels, WITH_SBR.contains(&p.profile))
	}
}

/// Width and height of video parameters, 0 where they are not known.
pub fn size(parameters: &codec::Parameters) -> (u32, u32) {
	// SAFETY: a valid structure, read only.
	unsafe {
		let p = &*parameters.as_ptr();
		(p.width.max(0) as u32, p.height.max(0) as u32)
	}
}

/// Sets the sample rate of audio parameters, which the muxer wants to know.
pub fn set_sample_rate(parameters: &mut codec::Parameters, rate: u32) {
	// SAFETY: a valid structure that `parameters` owns.
	unsafe { (*parameters.as_mut_ptr()).sample_rate = rate as i32 }
}

/// Removes the out-of-band header from codec parameters.
pub fn clear_extradata(parameters: &mut codec::Parameters) {
	// SAFETY: the buffer was allocated by libav and is owned by the structure; `av_freep` leaves a
	// null pointer behind.
	unsafe {
		let p = parameters.as_mut_ptr();
		sys::av_freep(&raw mut (*p).extradata as *mut _);
		(*p).extradata_size = 0;
	}
}

/// Opens the H.264 decoder for the track with these parameters.
pub fn open_decoder(
	parameters: &codec::Parameters,
	time_base: Rational,
	options: &[(&str, String)],
) -> Result<codec::decoder::Opened> {
	let codec = codec::decoder::find(codec::Id::H264).ok_or(Error::DecoderNotFound)?;
	let mut context = codec::Context::new_with_codec(codec);
	let mut options = Options::new(options)?;
	// SAFETY: a fresh context of this very codec, filled and opened once. The decoder is the one
	// found above.
	unsafe {
		if context.as_ptr().is_null() {
			return Err(no_memory());
		}
		check(sys::avcodec_parameters_to_context(context.as_mut_ptr(), parameters.as_ptr()))?;
		(*context.as_mut_ptr()).pkt_timebase = time_base.into();
		(*context.as_mut_ptr()).draw_horiz_band = Some(count_row);
		// Also called for each field, and not for whole pictures.
		(*context.as_mut_ptr()).slice_flags =
			sys::SLICE_FLAG_CODED_ORDER | sys::SLICE_FLAG_ALLOW_FIELD;
		check(sys::avcodec_open2(context.as_mut_ptr(), codec.as_ptr(), &mut options.0))?;
	}
	options.all_taken()?;
	Ok(codec::decoder::Opened(context.decoder()))
}

/// Counts a row of macroblocks that was decoded to its end. The count is kept in libav's user pointer, which
/// nobody else reads.
///
/// # Safety
///
/// The context must be valid.
unsafe extern "C" fn count_row(
	context: *mut sys::AVCodecContext,
	_: *const sys::AVFrame,
	_: *mut libc::c_int,
	_: libc::c_int,
	structure: libc::c_int,
	height: libc::c_int,
) {
	/// libav's constant for a picture that is not a field.
	const FRAME: libc::c_int = 3;
	// A frame that may have field macroblocks is decoded two rows at a time. In others only the last band is
	// higher than one row, if there is a loop filter: then there is no call for the first row.
	let rows = match structure {
		FRAME if height > MACROBLOCK as libc::c_int => 2,
		_ => 1,
	};
	// SAFETY: a decoder calls this with its own context, from the one thread that it has.
	unsafe {
		let before = (*context).opaque as usize;
		(*context).opaque = before.wrapping_add(rows) as *mut libc::c_void;
	}
}

/// Rows of macroblocks that a decoder has decoded. A row whose end is in several slices counts once for each.
/// A field has half as many as its picture.
pub fn decoded_rows(decoder: &codec::decoder::Opened) -> u64 {
	// SAFETY: a valid context, read only; what stands there is no pointer but what `count_row` has counted.
	unsafe { (*decoder.as_ptr()).opaque as usize as u64 }
}

/// A decoder's coded width and height, of which its pictures may show a part.
pub fn coded_size(decoder: &codec::decoder::Opened) -> (u32, u32) {
	// SAFETY: a valid context, read only.
	unsafe {
		let context = &*decoder.as_ptr();
		(context.coded_width.max(0) as u32, context.coded_height.max(0) as u32)
	}
}

/// The plain-number side of an encoder.
#[derive(Clone, Copy, Debug)]
pub struct EncoderSetup {
	/// Width in pixels.
	pub width: u32,
	/// Height in pixels.
	pub height: u32,
	/// Frames per second.
	pub fps: Rational,
	/// The unit of its time stamps, in seconds.
	pub time_base: Rational,
	/// Shape of a pixel; 0/1 if unknown.
	pub aspect: Rational,
	/// Colour tags.
	pub colour: Colour,
}

/// Colour tags of a picture, as numbered by H.264.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Colour {
	primaries: sys::AVColorPrimaries,
	transfer: sys::AVColorTransferCharacteristic,
	matrix: sys::AVColorSpace,
	location: sys::AVChromaLocation,
}

impl Colour {
	/// The same, if it can be that of 4:2:0.
	pub fn of_yuv(self) -> Self {
		if self.matrix == sys::AVColorSpace::AVCOL_SPC_RGB {
			let matrix = sys::AVColorSpace::AVCOL_SPC_UNSPECIFIED;
			return Self { matrix, ..self };
		}
		self
	}

	/// Writes the tags into an encoder's context that is not open yet.
	fn apply(self, c: &mut sys::AVCodecContext) {
		c.color_range = sys::AVColorRange::AVCOL_RANGE_MPEG;
		c.color_primaries = self.primaries;
		c.color_trc = self.transfer;
		c.colorspace = self.matrix;
		c.chroma_sample_location = self.location;
	}
}

/// Opens libx264.
pub fn open_encoder(
	setup: &EncoderSetup,
	options: &[(&str, String)],
) -> Result<codec::encoder::video::Encoder> {
	let codec = codec::encoder::find_by_name("libx264").ok_or(Error::EncoderNotFound)?;
	let mut context = codec::Context::new_with_codec(codec);
	let mut options = Options::new(options)?;
	// SAFETY: a fresh context of this very codec; the fields are those that the encoder documents
	// as set by the user before it is opened, once.
	unsafe {
		if context.as_ptr().is_null() {
			return Err(no_memory());
		}
		let c = &mut *context.as_mut_ptr();
		c.width = setup.width as i32;
		c.height = setup.height as i32;
		c.pix_fmt = sys::AVPixelFormat::AV_PIX_FMT_YUV420P;
		c.framerate = setup.fps.into();
		c.time_base = setup.time_base.into();
		c.sample_aspect_ratio = setup.aspect.into();
		setup.colour.apply(c);
		check(sys::avcodec_open2(context.as_mut_ptr(), codec.as_ptr(), &mut options.0))?;
	}
	options.all_taken()?;
	let encoder = codec::encoder::Encoder(context);
	Ok(codec::encoder::video::Encoder(codec::encoder::video::Video(encoder)))
}

/// The shape of a decoded picture.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Picture {
	/// Width in pixels.
	pub width: u32,
	/// Height in pixels.
	pub height: u32,
	/// Whether it is 8-bit 4:2:0.
	pub is_yuv420p: bool,
	/// Whether luma uses all 256 values.
	pub is_full_range: bool,
	/// Whether the decoder had to conceal something.
	pub is_damaged: bool,
	/// Shape of a pixel.
	pub aspect: Rational,
	/// Colour tags.
	pub colour: Colour,
}

/// Reads the shape of a picture.
pub fn picture(frame: &frame::Video) -> Picture {
	// SAFETY: a valid frame, read only.
	unsafe {
		let f = &*frame.as_ptr();
		Picture {
			width: f.width.max(0) as u32,
			height: f.height.max(0) as u32,
			is_yuv420p: is_yuv420p(f.format),
			is_full_range: f.format == sys::AVPixelFormat::AV_PIX_FMT_YUVJ420P as i32
				|| f.color_range == sys::AVColorRange::AVCOL_RANGE_JPEG,
			is_damaged: f.decode_error_flags != 0 || f.flags & sys::AV_FRAME_FLAG_CORRUPT != 0,
			aspect: f.sample_aspect_ratio.into(),
			colour: Colour {
				primaries: f.color_primaries,
				transfer: f.color_trc,
				matrix: f.colorspace,
				location: f.chroma_location,
			},
		}
	}
}

/// Calls `row` with each row of an 8-bit 4:2:0 picture, plane by plane, without padding.
pub fn for_each_row(frame: &frame::Video, mut row: impl FnMut(&[u8])) -> Result<()> {
	let shape = picture(frame);
	if !shape.is_yuv420p {
		return Err(Error::InvalidData);
	}
	let (width, height) = (shape.width as usize, shape.height as usize);
	for plane in 0..3 {
		let (width, height) = match plane {
			0 => (width, height),
			_ => (width.div_ceil(2), height.div_ceil(2)),
		};
		// SAFETY: a frame of this format holds three planes of at least these dimensions, rows
		// `linesize` bytes apart; a row's slice does not outlive the call.
		unsafe {
			let f = &*frame.as_ptr();
			let (data, stride) = (f.data[plane], f.linesize[plane] as isize);
			if data.is_null() || stride.unsigned_abs() < width {
				return Err(Error::InvalidData);
			}
			for y in 0..height {
				let start = data.offset(y as isize * stride);
				row(std::slice::from_raw_parts(start, width));
			}
		}
	}
	Ok(())
}

/// swscale with the options of the canonical profile.
pub struct Scaler {
	context: *mut sys::SwsContext,
	source: (u32, u32, bool),
	target: (u32, u32),
	_not_sync: PhantomData<*mut ()>,
}

impl Scaler {
	/// From `source` to 8-bit 4:2:0 of `width` × `height` in limited range.
	pub fn new(source: &Picture, width: u32, height: u32, flags: &str) -> Result<Self> {
		let yuv420p = i64::from(sys::AVPixelFormat::AV_PIX_FMT_YUV420P as i32);
		// SAFETY: a fresh context; from here on `scaler` frees it on every path.
		let scaler = Scaler {
			context: unsafe { sys::sws_alloc_context() },
			source: (source.width, source.height, source.is_full_range),
			target: (width, height),
			_not_sync: PhantomData,
		};
		if scaler.context.is_null() {
			return Err(no_memory());
		}
		// The same options that the `scale` filter sets for 4:2:0 on both sides: 128 is its
		// vertical chroma position of MPEG-2.
		let numbers: [(&CStr, i64); 11] = [
			(c"srcw", source.width.into()),
			(c"srch", source.height.into()),
			(c"src_format", yuv420p),
			(c"dstw", width.into()),
			(c"dsth", height.into()),
			(c"dst_format", yuv420p),
			(c"src_range", source.is_full_range.into()),
			(c"dst_range", 0),
			(c"src_v_chr_pos", 128),
			(c"dst_v_chr_pos", 128),
			(c"threads", 1),
		];
		let flags = c_string(flags)?;
		// SAFETY: the context's first member is its option class, as `av_opt_*` needs; strings
		// live through the calls; the context is initialised once, after its options.
		unsafe {
			let target = scaler.context.cast();
			check(sys::av_opt_set(target, c"sws_flags".as_ptr(), flags.as_ptr(), 0))?;
			for (name, value) in numbers {
				check(sys::av_opt_set_int(target, name.as_ptr(), value, 0))?;
			}
			check(sys::sws_init_context(scaler.context, ptr::null_mut(), ptr::null_mut()))?;
		}
		Ok(scaler)
	}

	/// Scales one picture into a new one.
	pub fn scale(&mut self, source: &frame::Video) -> Result<frame::Video> {
		let shape = picture(source);
		let found = (shape.width, shape.height, shape.is_full_range);
		if !shape.is_yuv420p || found != self.source {
			return Err(Error::InputChanged);
		}
		let mut target = frame::Video::empty();
		// SAFETY: both frames hold what the context was made for: the source was checked above,
		// the target is allocated here with the target's format and size.
		unsafe {
			let t = target.as_mut_ptr();
			if t.is_null() {
				return Err(no_memory());
			}
			(*t).format = sys::AVPixelFormat::AV_PIX_FMT_YUV420P as i32;
			(*t).width = self.target.0 as i32;
			(*t).height = self.target.1 as i32;
			check(sys::av_frame_get_buffer(t, 0))?;
			let s = &*source.as_ptr();
			let rows = sys::sws_scale(
				self.context,
				s.data.as_ptr() as *const *const u8,
				s.linesize.as_ptr(),
				0,
				s.height,
				(*t).data.as_ptr(),
				(*t).linesize.as_ptr(),
			);
			check(rows)?;
			if rows != (*t).height {
				return Err(Error::Bug);
			}
			(*t).color_range = sys::AVColorRange::AVCOL_RANGE_MPEG;
		}
		Ok(target)
	}
}

impl Drop for Scaler {
	fn drop(&mut self) {
		// SAFETY: owned by `self`; null is allowed.
		unsafe { sys::sws_freeContext(self.context) }
	}
}

/// Turns length-prefixed H.264, as MP4 and Matroska hold it, into start codes with parameter sets
/// in band.
pub struct AnnexB(*mut sys::AVBSFContext);

impl AnnexB {
	/// For a track with these parameters.
	pub fn new(parameters: &codec::Parameters, time_base: Rational) -> Result<Self> {
		// SAFETY: looks a static name up; the context is fresh, gets its input parameters by deep
		// copy and is initialised once; from its allocation on `filter` frees it on every path.
		unsafe {
			let found = sys::av_bsf_get_by_name(c"h264_mp4toannexb".as_ptr());
			if found.is_null() {
				return Err(Error::BsfNotFound);
			}
			let mut filter = AnnexB(ptr::null_mut());
			check(sys::av_bsf_alloc(found, &mut filter.0))?;
			check(sys::avcodec_parameters_copy((*filter.0).par_in, parameters.as_ptr()))?;
			(*filter.0).time_base_in = time_base.into();
			check(sys::av_bsf_init(filter.0))?;
			Ok(filter)
		}
	}

	/// The parameter sets with start codes.
	pub fn extradata(&self) -> Vec<u8> {
		// SAFETY: an initialised context; its output parameters live as long as it does.
		unsafe {
			let parameters = &*(*self.0).par_out;
			if parameters.extradata.is_null() || parameters.extradata_size <= 0 {
				return Vec::new();
			}
			std::slice::from_raw_parts(parameters.extradata, parameters.extradata_size as usize)
				.to_vec()
		}
	}

	/// Filters one packet; this filter gives exactly one for one.
	pub fn filter(&mut self, mut packet: Packet) -> Result<Packet> {
		let mut out = Packet::empty();
		// SAFETY: an initialised context; sending moves the packet's references into it, receiving
		// moves others into an empty packet.
		unsafe {
			check(sys::av_bsf_send_packet(self.0, packet.as_mut_ptr()))?;
			check(sys::av_bsf_receive_packet(self.0, out.as_mut_ptr()))?;
		}
		Ok(out)
	}
}

impl Drop for AnnexB {
	fn drop(&mut self) {
		// SAFETY: owned by `self`; null is allowed.
		unsafe { sys::av_bsf_free(&mut self.0) }
	}
}

/// Adds a track with a copy of these parameters to an output that has no header yet.
pub fn add_track(
	output: &mut Output,
	parameters: &codec::Parameters,
	time_base: Rational,
) -> Result<usize> {
	// SAFETY: an output context before its header; the stream belongs to it.
	unsafe {
		let stream = sys::avformat_new_stream(output.as_mut_ptr(), ptr::null());
		if stream.is_null() {
			return Err(no_memory());
		}
		check(sys::avcodec_parameters_copy((*stream).codecpar, parameters.as_ptr()))?;
		(*stream).time_base = time_base.into();
		Ok((*stream).index as usize)
	}
}

/// The codec parameters of an opened encoder.
pub fn encoder_parameters(encoder: &codec::encoder::video::Encoder) -> Result<codec::Parameters> {
	let mut parameters = codec::Parameters::new();
	// SAFETY: both valid; the copy is deep.
	unsafe {
		if parameters.as_ptr().is_null() {
			return Err(no_memory());
		}
		check(sys::avcodec_parameters_from_context(parameters.as_mut_ptr(), encoder.as_ptr()))?;
	}
	Ok(parameters)
}

/// Writes the muxer's header; fails if an option was not taken.
pub fn write_header(output: &mut Output, options: &[(&str, String)]) -> Result<()> {
	let mut options = Options::new(options)?;
	// SAFETY: an output context with its tracks, whose header is written once.
	check(unsafe { sys::avformat_write_header(output.as_mut_ptr(), &mut options.0) })?;
	options.all_taken()
}

/// Whether a packet can be given to a muxer: libav asserts that it has data.
pub fn has_data(packet: &Packet) -> bool {
	// SAFETY: a valid packet, read only.
	unsafe { !(*packet.as_ptr()).data.is_null() && (*packet.as_ptr()).size > 0 }
}

/// Lowers this process to the lowest scheduling priority.
pub fn lowest_priority() {
	// SAFETY: changes one number of this process. Failure means that it stays as it was, which
	// costs time and nothing else.
	let _ = unsafe { libc::nice(19) };
}

/// Ends the process without exit handlers: libraries that libav* pulls in register some, which would fail in
/// the sandbox after the work is done.
pub fn exit_now(code: i32) -> ! {
	// SAFETY: ends the process; output was written with plain `write` calls before.
	unsafe { libc::_exit(code) }
}

/// Closes all inherited descriptors above standard error. Called before any other was opened.
pub fn close_other_descriptors() -> std::io::Result<()> {
	// SAFETY: at this point nothing in the process owns a descriptor above 2.
	match unsafe { libc::syscall(libc::SYS_close_range, 3u32, u32::MAX, 0u32) } {
		0 => Ok(()),
		_ => Err(std::io::Error::last_os_error()),
	}
}

/// Whether this program has more rights than who started it: by capabilities of its file, or a user or group that this
/// sets.
pub fn has_more_rights() -> bool {
	// SAFETY: reads a number that the kernel gave this process.
	unsafe { libc::getauxval(libc::AT_SECURE) != 0 }
}

/// Keeps other processes of the same user from tracing this one and the kernel from dumping it.
pub fn not_dumpable() {
	// SAFETY: sets one flag of this process.
	let _ = unsafe { libc::prctl(libc::PR_SET_DUMPABLE, 0, 0, 0, 0) };
}

/// Takes ownership of a descriptor that just came with a message.
pub fn owned(descriptor: i32) -> OwnedFd {
	// SAFETY: the kernel made this descriptor for us when the message was received, and nobody
	// else knows it.
	unsafe { OwnedFd::from_raw_fd(descriptor) }
}

/// Puts these in the place of standard input, output and error.
pub fn replace_standard(with: [OwnedFd; 3]) -> std::io::Result<()> {
	for (place, descriptor) in with.iter().enumerate() {
		// SAFETY: replaces a standard descriptor, which nobody in this process owns as an object;
		// those that come in are above them, since the standard ones are open.
		if unsafe { libc::dup2(descriptor.as_raw_fd(), place as i32) } < 0 {
			return Err(std::io::Error::last_os_error());
		}
	}
	Ok(())
}

/// Forks. `None` in the child.
pub fn fork() -> std::io::Result<Option<i32>> {
	// SAFETY: the caller has one thread, so the child may do whatever it could.
	match unsafe { libc::fork() } {
		-1 => Err(std::io::Error::last_os_error()),
		0 => Ok(None),
		pid => Ok(Some(pid)),
	}
}

/// Kills a child of this process, waits for it, and gives its status.
pub fn end_child(pid: i32) -> std::io::Result<i32> {
	let mut status = 0;
	if pid <= 0 {
		return Err(std::io::ErrorKind::InvalidInput.into());
	}
	// SAFETY: until it is waited for, the number of a child names nothing else; a number that is
	// no child's fails in `waitid`, which changes nothing, before anything is killed.
	unsafe {
		let mut found: libc::siginfo_t = std::mem::zeroed();
		let flags = libc::WEXITED | libc::WNOWAIT | libc::WNOHANG;
		if libc::waitid(libc::P_PID, pid as libc::id_t, &mut found, flags) != 0 {
			return Err(std::io::Error::last_os_error());
		}
		libc::kill(pid, libc::SIGKILL);
		loop {
			if libc::waitpid(pid, &mut status, 0) == pid {
				return Ok(status);
			}
			let error = std::io::Error::last_os_error();
			if error.kind() != std::io::ErrorKind::Interrupted {
				return Err(error);
			}
		}
	}
}

/// Ends this process when its parent ends; fails if that has happened already.
pub fn end_with_parent(parent: i32) -> std::io::Result<()> {
	// SAFETY: sets one flag of this process and reads a number.
	unsafe {
		if libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) != 0 {
			return Err(std::io::Error::last_os_error());
		}
		match libc::getppid() {
			ppid if ppid == parent => Ok(()),
			_ => Err(std::io::Error::other("the parent is gone")),
		}
	}
}

/// Processor seconds of this process's ended descendants, which a busy machine does not distort.
pub fn descendants_seconds() -> f64 {
	let seconds = |t: libc::timeval| t.tv_sec as f64 + t.tv_usec as f64 / 1e6;
	// SAFETY: fills a structure of plain numbers, for which zero is a value.
	unsafe {
		let mut usage: libc::rusage = std::mem::zeroed();
		if libc::getrusage(libc::RUSAGE_CHILDREN, &mut usage) != 0 {
			return 0.0;
		}
		seconds(usage.ru_utime) + seconds(usage.ru_stime)
	}
}

/// Restricts libav* to a processor with these capabilities.
pub fn force_processor(capabilities: &str) -> Result<()> {
	let text = c_string(capabilities)?;
	let mut flags = 0;
	// SAFETY: parses a string into a number and sets a number, before any codec is opened.
	unsafe {
		check(sys::av_parse_cpu_caps(&mut flags, text.as_ptr()))?;
		sys::av_force_cpu_flags(flags as i32);
	}
	Ok(())
}
