//! The unsafe code of the normaliser: decoders, encoders and converters that the canonical profile
//! does not have. Everything here is small, does one thing and hands out safe types.
#![allow(unsafe_code)]

use std::ptr;

use ffmpeg_next::{
	codec::{self, decoder::Opened},
	ffi as sys, frame, Error, Rational,
};

use crate::ffi::{check, no_memory, Options, Picture, Result};

/// Opens the decoder for a track with these parameters, of those that the segmenter may use.
pub fn open_decoder(
	parameters: &codec::Parameters,
	time_base: Rational,
	decoders: &str,
) -> Result<Opened> {
	let options = [("threads", "1".to_string()), ("codec_whitelist", decoders.to_string())];
	let mut options = Options::new(&options)?;
	let mut context = codec::Context::new();
	// SAFETY: a fresh context, filled and opened once, with the decoder that libav has for it.
	unsafe {
		if context.as_ptr().is_null() {
			return Err(no_memory());
		}
		let found = sys::avcodec_find_decoder((*parameters.as_ptr()).codec_id);
		if found.is_null() {
			return Err(Error::DecoderNotFound);
		}
		check(sys::avcodec_parameters_to_context(context.as_mut_ptr(), parameters.as_ptr()))?;
		(*context.as_mut_ptr()).pkt_timebase = time_base.into();
		check(sys::avcodec_open2(context.as_mut_ptr(), found, &mut options.0))?;
	}
	Ok(Opened(context.decoder()))
}

/// Opens the AAC encoder, for one or two channels of floats.
pub fn open_aac(rate: u32, channels: usize, bits: u32) -> Result<codec::encoder::audio::Encoder> {
	let codec = codec::encoder::find_by_name("aac").ok_or(Error::EncoderNotFound)?;
	let mut context = codec::Context::new_with_codec(codec);
	// SAFETY: a fresh context of this very codec; the fields are those that the encoder documents
	// as set by the user before it is opened, once.
	unsafe {
		if context.as_ptr().is_null() {
			return Err(no_memory());
		}
		let c = &mut *context.as_mut_ptr();
		c.sample_fmt = sys::AVSampleFormat::AV_SAMPLE_FMT_FLTP;
		c.sample_rate = rate as i32;
		c.time_base = Rational(1, rate as i32).into();
		c.bit_rate = bits.into();
		c.flags |= sys::AV_CODEC_FLAG_GLOBAL_HEADER as i32;
		sys::av_channel_layout_default(&mut c.ch_layout, channels as i32);
		check(sys::avcodec_open2(context.as_mut_ptr(), codec.as_ptr(), ptr::null_mut()))?;
	}
	let encoder = codec::encoder::Encoder(context);
	Ok(codec::encoder::audio::Encoder(codec::encoder::audio::Audio(encoder)))
}

/// The codec parameters of an opened encoder.
pub fn parameters(context: &codec::Context) -> Result<codec::Parameters> {
	let mut parameters = codec::Parameters::new();
	// SAFETY: both valid; the copy is deep.
	unsafe {
		if parameters.as_ptr().is_null() {
			return Err(no_memory());
		}
		check(sys::avcodec_parameters_from_context(parameters.as_mut_ptr(), context.as_ptr()))?;
	}
	Ok(parameters)
}

/// Sends sound to its encoder.
pub fn send_sound(
	encoder: &mut codec::encoder::audio::Encoder,
	channels: &[Vec<f32>],
	time: i64,
) -> Result<()> {
	let count = channels.first().map_or(0, Vec::len);
	let mut frame = frame::Audio::empty();
	// SAFETY: a fresh frame that gets a buffer for exactly so many floats in each of its planes.
	unsafe {
		let f = frame.as_mut_ptr();
		if f.is_null() {
			return Err(no_memory());
		}
		(*f).format = sys::AVSampleFormat::AV_SAMPLE_FMT_FLTP as i32;
		(*f).nb_samples = count as i32;
		(*f).sample_rate = (*encoder.as_ptr()).sample_rate;
		(*f).pts = time;
		check(sys::av_channel_layout_copy(&mut (*f).ch_layout, &(*encoder.as_ptr()).ch_layout))?;
		check(sys::av_frame_get_buffer(f, 0))?;
		for (index, channel) in channels.iter().enumerate().take(8) {
			let plane = (*f).data[index];
			if plane.is_null() || channel.len() != count {
				return Err(Error::Bug);
			}
			ptr::copy_nonoverlapping(channel.as_ptr(), plane.cast::<f32>(), count);
		}
	}
	encoder.send_frame(&frame)
}

/// How the sound of a frame is laid out: its format, rate and channels.
pub fn sound(frame: &frame::Audio) -> (i32, i32, i32) {
	// SAFETY: a valid frame, read only.
	unsafe {
		let f = &*frame.as_ptr();
		(f.format, f.sample_rate, f.ch_layout.nb_channels)
	}
}

/// Turns sound of any layout into planes of floats.
pub struct Resampler {
	context: *mut sys::SwrContext,
	channels: usize,
	rates: (i64, i64),
}

impl Resampler {
	/// From the layout of `source` to `channels` channels at `rate`.
	pub fn new(source: &frame::Audio, rate: u32, channels: usize) -> Result<Self> {
		// SAFETY: layouts are copied by the call; the context is owned by `resampler` on every path
		// and initialised once. A frame's format is one that libav decoded to.
		unsafe {
			let f = &*source.as_ptr();
			let mut from: sys::AVChannelLayout = std::mem::zeroed();
			if f.ch_layout.order == sys::AVChannelOrder::AV_CHANNEL_ORDER_UNSPEC {
				sys::av_channel_layout_default(&mut from, f.ch_layout.nb_channels);
			} else {
				check(sys::av_channel_layout_copy(&mut from, &f.ch_layout))?;
			}
			let mut to: sys::AVChannelLayout = std::mem::zeroed();
			sys::av_channel_layout_default(&mut to, channels as i32);
			let mut resampler = Resampler {
				context: ptr::null_mut(),
				channels,
				rates: (f.sample_rate.max(1).into(), rate.into()),
			};
			let made = sys::swr_alloc_set_opts2(
				&mut resampler.context,
				&mut to,
				sys::AVSampleFormat::AV_SAMPLE_FMT_FLTP,
				rate as i32,
				&mut from,
				std::mem::transmute::<i32, sys::AVSampleFormat>(f.format),
				f.sample_rate,
				0,
				ptr::null_mut(),
			);
			sys::av_channel_layout_uninit(&mut from);
			check(made)?;
			check(sys::swr_init(resampler.context))?;
			Ok(resampler)
		}
	}

	/// The sound of one frame, one vector for each channel.
	pub fn convert(&mut self, source: &frame::Audio) -> Result<Vec<Vec<f32>>> {
		// SAFETY: `room` floats are there in each plane, and the call writes no more; it reads the
		// frame's own planes, of which there are as many as its layout says.
		unsafe {
			let f = &*source.as_ptr();
			let waiting = sys::swr_get_delay(self.context, self.rates.1).max(0);
			let samples = i64::from(f.nb_samples.max(0));
			let room = (samples * self.rates.1 / self.rates.0 + waiting + 64) as usize;
			let mut planes = vec![vec![0f32; room]; self.channels];
			let mut pointers: Vec<*mut u8> =
				planes.iter_mut().map(|plane| plane.as_mut_ptr().cast()).collect();
			let made = sys::swr_convert(
				self.context,
				pointers.as_mut_ptr().cast(),
				room as i32,
				f.extended_data.cast(),
				f.nb_samples,
			);
			check(made)?;
			for plane in &mut planes {
				plane.truncate(made as usize);
			}
			Ok(planes)
		}
	}
}

impl Drop for Resampler {
	fn drop(&mut self) {
		// SAFETY: owned by `self`; null is allowed.
		unsafe { sys::swr_free(&mut self.context) }
	}
}

/// The number of a picture's pixel format.
fn pixel_format(frame: &frame::Video) -> i32 {
	// SAFETY: a valid frame, read only.
	unsafe { (*frame.as_ptr()).format }
}

/// Turns pictures of any format and size into 8-bit 4:2:0 of another size.
pub struct Converter {
	context: *mut sys::SwsContext,
	source: (u32, u32, i32),
	target: (u32, u32),
}

impl Converter {
	/// From pictures like `frame` to `target`.
	pub fn new(frame: &frame::Video, shape: &Picture, target: (u32, u32)) -> Result<Self> {
		let format = pixel_format(frame);
		// SAFETY: a fresh context; from here on `converter` frees it on every path. Options are set
		// before it is initialised, once.
		unsafe {
			let converter = Converter {
				context: sys::sws_alloc_context(),
				source: (shape.width, shape.height, format),
				target,
			};
			if converter.context.is_null() {
				return Err(no_memory());
			}
			let numbers: [(&std::ffi::CStr, i64); 9] = [
				(c"srcw", shape.width.into()),
				(c"srch", shape.height.into()),
				(c"src_format", format.into()),
				(c"dstw", target.0.into()),
				(c"dsth", target.1.into()),
				(c"dst_format", i64::from(sys::AVPixelFormat::AV_PIX_FMT_YUV420P as i32)),
				(c"src_range", shape.is_full_range.into()),
				(c"dst_range", 0),
				(c"threads", 1),
			];
			let context = converter.context.cast();
			check(sys::av_opt_set(context, c"sws_flags".as_ptr(), c"bicubic".as_ptr(), 0))?;
			for (name, value) in numbers {
				check(sys::av_opt_set_int(context, name.as_ptr(), value, 0))?;
			}
			check(sys::sws_init_context(converter.context, ptr::null_mut(), ptr::null_mut()))?;
			Ok(converter)
		}
	}

	/// Whether it was made for pictures like this one.
	pub fn takes(&self, frame: &frame::Video, shape: &Picture, target: (u32, u32)) -> bool {
		self.source == (shape.width, shape.height, pixel_format(frame)) && self.target == target
	}

	/// Converts one picture into a new one.
	pub fn convert(&mut self, source: &frame::Video) -> Result<frame::Video> {
		let mut target = frame::Video::empty();
		// SAFETY: the source has the format and size that the context was made for, which is
		// checked here; the target is allocated here.
		unsafe {
			let (s, t) = (&*source.as_ptr(), target.as_mut_ptr());
			if t.is_null() {
				return Err(no_memory());
			}
			if (s.width.max(0) as u32, s.height.max(0) as u32, s.format) != self.source {
				return Err(Error::InputChanged);
			}
			(*t).format = sys::AVPixelFormat::AV_PIX_FMT_YUV420P as i32;
			(*t).width = self.target.0 as i32;
			(*t).height = self.target.1 as i32;
			check(sys::av_frame_get_buffer(t, 0))?;
			check(sys::sws_scale(
				self.context,
				s.data.as_ptr() as *const *const u8,
				s.linesize.as_ptr(),
				0,
				s.height,
				(*t).data.as_ptr(),
				(*t).linesize.as_ptr(),
			))?;
		}
		Ok(target)
	}
}

impl Drop for Converter {
	fn drop(&mut self) {
		// SAFETY: owned by `self`; null is allowed.
		unsafe { sys::sws_freeContext(self.context) }
	}
}
