//! WHIP (RFC 9725): a browser, OBS or FFmpeg publishes over WebRTC. `POST /whip/NAME` with an SDP offer
//! and the key as `Authorization: Bearer KEY` gets an answer and a `Location`; `DELETE` there ends it.
//!
//! The key is checked first, so no stranger ever reaches DTLS or SRTP. Pictures and sound come out as with
//! RTMP.
//!
//! Of simulcast the first layer that the publisher names is taken, and the others are declined. They cannot
//! be cut together: layers come and go with the network's rate, each has its own time base, and the relation
//! of these is known too late.

use std::{
	io,
	net::{IpAddr, SocketAddr},
	pin::pin,
	sync::{Arc, Mutex, PoisonError},
	time::{Duration, Instant, SystemTime},
};

use axum::{
	body::to_bytes,
	extract::{ConnectInfo, Path, Request, State},
	http::{header, HeaderMap, HeaderValue, StatusCode},
	middleware::Next,
	response::{IntoResponse, Response},
	routing::{options, post},
	Router,
};
use livepeer_worker_http::Ends;
use str0m::{
	change::SdpOffer,
	format::Codec,
	media::{KeyframeRequestKind, MediaData, MediaKind, Mid, Rid},
	net::{Protocol, Receive},
	rtp::{Extension, ExtensionMap},
	Candidate, Event, IceConnectionState, Input, Output, Rtc, RtcConfig,
};
use thiserror::Error;
use tokio::{
	net::UdpSocket,
	sync::watch,
	time::{sleep, timeout},
};

use crate::{
	flv::{FlvError, Remuxer, FIRST},
	gate::{new_key, Gate, Session},
	http::{answer, refused},
	matroska::Of,
	rtmp::{hand_on, RtmpError},
};

/// The longest offer.
const LONGEST_OFFER: usize = 64 * 1024;
/// How long an offer may take to arrive.
const ARRIVES: Duration = Duration::from_secs(10);
/// How long the first picture may take, and the next one.
const SILENT: Duration = Duration::from_secs(20);
/// The most bytes between two pictures: an incomplete one is held in memory.
const LARGEST_PICTURE: usize = 16 * 1024 * 1024;
/// How often a keyframe is requested: segments begin with one.
const KEYFRAMES: Duration = Duration::from_secs(2);
/// How long to wait for the media port, which its last user frees in a moment.
const GIVEN_BACK: Duration = Duration::from_secs(1);
/// The largest datagram.
const DATAGRAM: usize = 2_000;

/// Why a session ended.
#[derive(Debug, Error)]
enum WhipError {
	#[error("the connection broke: {0}")]
	Io(#[from] io::Error),
	#[error("WebRTC: {0}")]
	Rtc(String),
	#[error(transparent)]
	Media(#[from] RtmpError),
	#[error("no pictures came for too long")]
	Silent,
	#[error("a picture is too large")]
	TooLarge,
	#[error("another publisher took its place")]
	Replaced,
}

impl From<FlvError> for WhipError {
	fn from(error: FlvError) -> Self {
		Self::Media(error.into())
	}
}

fn rtc(error: impl std::fmt::Display) -> WhipError {
	WhipError::Rtc(error.to_string())
}

/// A session: its id, and the signal to end it.
type Current = (String, watch::Sender<bool>);

#[derive(Clone)]
struct Whip {
	gate: Arc<Gate>,
	/// The UDP address for media.
	media: SocketAddr,
	/// The address that publishers are told, if it is not the one that they requested.
	public: Option<IpAddr>,
	/// The current session.
	current: Arc<Mutex<Option<Current>>>,
}

/// The routes, for a server that provides [`Ends`]. Media comes by UDP at `media`; `public` is the address
/// that publishers are told to send to, if it is not the one at which they reached this machine.
pub fn router(media: SocketAddr, public: Option<IpAddr>, gate: Arc<Gate>) -> Router {
	let whip = Whip { gate, media, public, current: Arc::default() };
	Router::new()
		.route("/whip/{name}", post(publish).options(preflight))
		.route("/whip/{name}/{id}", options(preflight).delete(end).patch(no_trickle))
		.layer(axum::middleware::from_fn(shared))
		.with_state(whip)
}

/// Pages of other origins may publish, if they have the key.
async fn shared(request: Request, next: Next) -> Response {
	let mut response = next.run(request).await;
	let headers = response.headers_mut();
	for (name, value) in [
		(header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
		(header::ACCESS_CONTROL_ALLOW_METHODS, "POST, DELETE, OPTIONS"),
		(header::ACCESS_CONTROL_ALLOW_HEADERS, "Authorization, Content-Type"),
		(header::ACCESS_CONTROL_EXPOSE_HEADERS, "Location"),
	] {
		headers.insert(name, HeaderValue::from_static(value));
	}
	response
}

async fn preflight() -> StatusCode {
	StatusCode::NO_CONTENT
}

async fn no_trickle() -> Response {
	answer(StatusCode::METHOD_NOT_ALLOWED, "send all candidates with the offer")
}

async fn publish(
	State(whip): State<Whip>,
	ConnectInfo(ends): ConnectInfo<Ends>,
	Path(name): Path<String>,
	headers: HeaderMap,
	request: Request,
) -> Response {
	let bearer = headers
		.get(header::AUTHORIZATION)
		.and_then(|value| value.to_str().ok())
		.and_then(|value| value.strip_prefix("Bearer "));
	let Some(key) = bearer else {
		return answer(StatusCode::UNAUTHORIZED, "give the stream key: Authorization: Bearer KEY");
	};
	// Checked before a byte of the offer is read: a stranger must not make us wait for it.
	if let Err(denied) = whip.gate.check("whip", ends.from.ip(), &name, key).await {
		return refused(&denied);
	}
	let offer = match timeout(ARRIVES, to_bytes(request.into_body(), LONGEST_OFFER)).await {
		Ok(Ok(offer)) => offer,
		Ok(Err(_)) => return answer(StatusCode::PAYLOAD_TOO_LARGE, "the offer is too long"),
		Err(_) => return answer(StatusCode::REQUEST_TIMEOUT, "the offer came too slowly"),
	};
	let text = String::from_utf8_lossy(&offer);
	let Ok(offer) = SdpOffer::from_sdp_string(&without_simulcast(&text)) else {
		return answer(StatusCode::BAD_REQUEST, "this is no SDP offer");
	};
	// The last publisher frees its place now, and the media port with it.
	let session = match whip.gate.admit("whip", ends.from.ip(), &name, key).await {
		Ok(session) => session,
		Err(denied) => return refused(&denied),
	};
	let begun = match begin(&whip, ends, offer, first_layer(&text)).await {
		Ok(begun) => begun,
		Err(error) => return answer(StatusCode::BAD_REQUEST, error.to_string()),
	};
	let Ok(id) = new_key() else {
		return answer(StatusCode::INTERNAL_SERVER_ERROR, "there is no randomness");
	};
	let (told, stop) = watch::channel(false);
	lock(&whip.current).replace((id.clone(), told));
	let (from, text) = (ends.from, begun.answer.clone());
	tokio::spawn(async move {
		if let Err(error) = begun.run(session, stop).await {
			tracing::info!(%from, %error, "a WHIP publisher is gone");
		}
	});
	let headers = [
		(header::CONTENT_TYPE, "application/sdp".to_owned()),
		(header::LOCATION, format!("/whip/{name}/{id}")),
	];
	(StatusCode::CREATED, headers, text).into_response()
}

async fn end(State(whip): State<Whip>, Path((_, id)): Path<(String, String)>) -> Response {
	let mut current = lock(&whip.current);
	// The id is known only from the answer to the offer.
	match current.take_if(|(known, _)| *known == id) {
		Some((_, told)) => {
			told.send_replace(true);
			StatusCode::OK.into_response()
		}
		None => answer(StatusCode::NOT_FOUND, "nobody publishes under this name"),
	}
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
	mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A session before its first packet.
struct Begun {
	rtc: Rtc,
	socket: UdpSocket,
	/// Whether it is an IPv6 address, which may also receive from IPv4.
	is_v6: bool,
	/// The media address that the peer was told.
	at: SocketAddr,
	answer: String,
	/// The layer that is taken, if the publisher offered several: one that ignores the answer sends them all.
	layer: Option<Rid>,
}

/// The simulcast layer that an offer names first, which its publisher prefers (RFC 8853, 5.2).
fn first_layer(offer: &str) -> Option<Rid> {
	let sent = |line: &str| {
		let (_, layers) = line.strip_prefix("a=simulcast:")?.split_once("send ")?;
		let first = layers.split([' ', ';', ',']).next()?.trim_start_matches('~');
		(!first.is_empty()).then(|| Rid::from(first))
	};
	offer.lines().find_map(sent)
}

/// The offer reduced to a single layer: without layers' names and their senders.
fn without_simulcast(offer: &str) -> String {
	if first_layer(offer).is_none() {
		return offer.to_owned();
	}
	const OF_LAYERS: [&str; 4] = ["a=simulcast:", "a=rid:", "a=ssrc:", "a=ssrc-group:"];
	let is_kept = |line: &&str| !OF_LAYERS.iter().any(|name| line.starts_with(name));
	offer.lines().filter(is_kept).flat_map(|line| [line, "\r\n"]).collect()
}

/// The port that a firewall lets through; another one if it is taken.
async fn port(media: SocketAddr) -> io::Result<UdpSocket> {
	let free = async {
		loop {
			match UdpSocket::bind(media).await {
				Ok(socket) => return socket,
				Err(_) => sleep(GIVEN_BACK / 20).await,
			}
		}
	};
	match timeout(GIVEN_BACK, free).await {
		Ok(socket) => Ok(socket),
		Err(_) => UdpSocket::bind((media.ip(), 0)).await,
	}
}

async fn begin(
	whip: &Whip,
	ends: Ends,
	offer: SdpOffer,
	layer: Option<Rid>,
) -> Result<Begun, WhipError> {
	let asked = ends.local.map_or(whip.media.ip(), |local| local.ip());
	let ip = whip.public.unwrap_or(asked).to_canonical();
	let socket = port(whip.media).await?;
	let at = SocketAddr::new(ip, socket.local_addr()?.port());
	// H.264 is passed on; other codecs are encoded here.
	let text = offer.to_sdp_string();
	let has_h264 = text.to_ascii_uppercase().contains("H264/90000");
	let mut config = RtcConfig::new()
		.set_ice_lite(true)
		.clear_codecs()
		.enable_opus(true)
		.enable_h264(has_h264)
		.enable_vp8(!has_h264)
		.enable_vp9(!has_h264)
		.clear_extension_map();
	for (id, extension) in ExtensionMap::standard().iter() {
		// A phone whose notes of how its pictures lie are not taken turns them itself; nobody here would.
		if !matches!(extension, Extension::VideoOrientation) {
			config = config.set_extension(id, extension.clone());
		}
	}
	let mut rtc_ = config.build(Instant::now());
	let candidate = Candidate::host(at, Protocol::Udp).map_err(rtc)?;
	rtc_.add_local_candidate(candidate);
	let answer = rtc_.sdp_api().accept_offer(offer).map_err(rtc)?;
	let is_v6 = whip.media.is_ipv6();
	Ok(Begun { rtc: rtc_, socket, is_v6, at, answer: answer.to_sdp_string(), layer })
}

/// An address in the peers' form: a dual-stack socket has IPv4 addresses mapped into IPv6.
fn known(at: SocketAddr) -> SocketAddr {
	match at.ip().to_canonical() {
		ip if ip == at.ip() => at,
		ip => SocketAddr::new(ip, at.port()),
	}
}

/// The same in the socket's form, IPv6 or not.
fn taken(at: SocketAddr, is_v6: bool) -> SocketAddr {
	match at.ip() {
		IpAddr::V4(ip) if is_v6 => SocketAddr::new(ip.to_ipv6_mapped().into(), at.port()),
		_ => at,
	}
}

/// Bytes since the last complete picture. Sound alone does not keep a session alive: an endless picture would
/// be held in memory meanwhile.
struct Since {
	picture: Instant,
	bytes: usize,
}

impl Since {
	fn new(now: Instant) -> Self {
		Self { picture: now, bytes: 0 }
	}

	/// Adds bytes.
	fn came(&mut self, bytes: usize, now: Instant) -> Result<(), WhipError> {
		self.bytes = self.bytes.saturating_add(bytes);
		if self.bytes > LARGEST_PICTURE {
			return Err(WhipError::TooLarge);
		}
		if now.saturating_duration_since(self.picture) > SILENT {
			return Err(WhipError::Silent);
		}
		Ok(())
	}
}

/// The media that is taken after the first picture: pictures by their payload type and sender, and sound.
/// Otherwise incomplete pictures of another track would be held in memory too.
#[derive(Default)]
struct OneTrack {
	/// The RTP payload types of pictures, and of retransmissions.
	pictures: Option<(u8, Option<u8>)>,
	sender: Option<u32>,
	sound: Option<u8>,
}

impl OneTrack {
	/// From the answer to the offer.
	fn of(answer: &str) -> Self {
		let sound = answer.lines().find_map(|line| {
			let (number, name) = line.strip_prefix("a=rtpmap:")?.split_once(' ')?;
			name.to_ascii_lowercase().starts_with("opus/").then(|| number.parse().ok())?
		});
		Self { sound, ..Default::default() }
	}

	/// Notes a complete picture, with its sender if known.
	fn saw(&mut self, number: u8, again: Option<u8>, sender: Option<u32>) {
		if self.pictures.is_none() {
			(self.pictures, self.sender) = (Some((number, again)), sender);
		}
	}

	fn takes(&mut self, datagram: &[u8]) -> bool {
		let (Some((number, sender)), Some((pictures, again))) = (rtp(datagram), self.pictures)
		else {
			return true;
		};
		if number == pictures {
			return *self.sender.get_or_insert(sender) == sender;
		}
		Some(number) == again || Some(number) == self.sound
	}
}

/// The payload type and sender of an RTP packet, which are not encrypted.
fn rtp(datagram: &[u8]) -> Option<(u8, u32)> {
	let [first, second, _, _, _, _, _, _, a, b, c, d, ..] = datagram else { return None };
	let number = second & 0x7f;
	// Everything else begins differently, or is RTCP.
	let is_media = (128..192).contains(first) && !(64..96).contains(&number);
	is_media.then(|| (number, u32::from_be_bytes([*a, *b, *c, *d])))
}

impl Begun {
	/// Takes what comes until it ends.
	async fn run(
		mut self,
		mut session: Session,
		mut stop: watch::Receiver<bool>,
	) -> Result<(), WhipError> {
		let mut media = Media::default();
		let mut since = Since::new(Instant::now());
		let mut track = OneTrack::of(&self.answer);
		let mut buffer = vec![0; DATAGRAM];
		let mut next_key = Instant::now() + KEYFRAMES;
		let mut replaced = pin!(session.replaced());
		let result = loop {
			let now = Instant::now();
			if let Err(error) = since.came(0, now) {
				break Err(error);
			}
			if now >= next_key || media.is_lost {
				media.is_lost = false;
				next_key = now + KEYFRAMES;
				if let Some((mid, rid)) = media.video {
					if let Some(mut writer) = self.rtc.writer(mid) {
						// Not possible before the first packet.
						let _ = writer.request_keyframe(rid, KeyframeRequestKind::Pli);
					}
				}
			}
			let until = match self.rtc.poll_output().map_err(rtc)? {
				Output::Timeout(until) => until.min(next_key),
				Output::Transmit(send) => {
					// A lost packet is lost.
					let to = taken(send.destination, self.is_v6);
					let _ = self.socket.send_to(&send.contents, to).await;
					continue;
				}
				Output::Event(event) => {
					match event {
						Event::IceConnectionStateChange(IceConnectionState::Disconnected) => {
							break Ok(())
						}
						Event::MediaAdded(added) if added.kind == MediaKind::Video => {
							media.video.get_or_insert((added.mid, None));
						}
						// From another layer.
						Event::MediaData(data)
							if self.layer.is_some()
								&& data.rid.is_some() && data.rid != self.layer => {}
						Event::MediaData(data) => {
							if is_picture(&data) {
								since = Since::new(now);
								media.video = Some((data.mid, data.rid));
								let mut rtc = self.rtc.direct_api();
								let sender = rtc.stream_rx_by_mid(data.mid, data.rid);
								let sender = sender.map(|stream| *stream.ssrc());
								track.saw(*data.pt, data.params.resend().map(|pt| *pt), sender);
							}
							session.hear();
							session.came().map_err(RtmpError::from)?;
							media.take(&data, &mut session).await?;
						}
						_ => {}
					}
					continue;
				}
			};
			let wait = until.saturating_duration_since(Instant::now());
			let received = tokio::select! {
				received = timeout(wait, self.socket.recv_from(&mut buffer)) => received,
				_ = stop.wait_for(|stop| *stop) => break Ok(()),
				() = &mut replaced => break Err(WhipError::Replaced),
			};
			let (input, count) = match received {
				Ok(Ok((count, _))) if !track.takes(&buffer[..count]) => continue,
				Ok(Ok((count, source))) => match buffer[..count].try_into() {
					Ok(contents) => {
						let (source, destination) = (known(source), self.at);
						let receive =
							Receive { proto: Protocol::Udp, source, destination, contents };
						(Input::Receive(Instant::now(), receive), count)
					}
					// Neither STUN, DTLS nor RTP.
					Err(_) => continue,
				},
				Ok(Err(error)) if error.kind() == io::ErrorKind::ConnectionReset => continue,
				Ok(Err(error)) => break Err(error.into()),
				Err(_) => (Input::Timeout(Instant::now()), 0),
			};
			if matches!(&input, Input::Receive(..)) && !self.rtc.accepts(&input) {
				continue;
			}
			if let Err(error) = since.came(count, Instant::now()) {
				break Err(error);
			}
			self.rtc.handle_input(input).map_err(rtc)?;
		};
		let out = media.remuxer.finish();
		hand_on(&mut session, out).await?;
		result
	}
}

/// Whether this is a picture codec; sound is always Opus.
fn is_picture(data: &MediaData) -> bool {
	data.params.spec().codec != Codec::Opus
}

/// Writes received media into a container.
#[derive(Default)]
struct Media {
	remuxer: Remuxer,
	/// The pictures' media line in the offer, and their layer, if any.
	video: Option<(Mid, Option<Rid>)>,
	/// When the first packet came, from which times are counted.
	began: Option<Instant>,
	/// For pictures and sound: the time in the first packet in milliseconds, and its arrival after the
	/// beginning.
	bases: [Option<(i64, i64)>; 2],
	/// The drift between both clocks since.
	clocks: Clocks,
	/// Whether pictures are dropped until a keyframe.
	waits: bool,
	/// Whether a keyframe is needed.
	is_lost: bool,
}

impl Media {
	async fn take(&mut self, data: &MediaData, session: &mut Session) -> Result<(), WhipError> {
		if self.remuxer.has_begun() && session.is_between() {
			// The part was given up: the tracks' headers are needed again.
			self.remuxer.begin_again();
		}
		let codec = data.params.spec().codec;
		let is_picture = is_picture(data);
		let time = self.time(data, is_picture);
		let mut out = Vec::new();
		if !is_picture {
			self.remuxer.announce(Of::Sound, "A_OPUS", &opus_header(), &mut out)?;
			self.remuxer.put(Of::Sound, true, time, time, &data.data, &mut out);
		} else {
			let is_key = match codec {
				// The lowest bit of a VP8 frame's first byte is 0 for a keyframe.
				Codec::Vp8 => data.data.first().is_some_and(|first| first & 1 == 0),
				_ => data.is_keyframe(),
			};
			if !data.contiguous && !is_key {
				self.waits = true;
			}
			if self.waits && !is_key {
				self.is_lost = true;
				return Ok(());
			}
			self.waits = false;
			match codec {
				Codec::H264 => {
					let units = units(&data.data);
					if let Some(header) = is_key.then(|| avc_header(&units)).flatten() {
						self.remuxer.announce(FIRST, "V_MPEG4/ISO/AVC", &header, &mut out)?;
					}
					self.remuxer.put(FIRST, is_key, time, time, &with_lengths(&units), &mut out);
				}
				Codec::Vp8 | Codec::Vp9 => {
					let name = if codec == Codec::Vp8 { "V_VP8" } else { "V_VP9" };
					self.remuxer.announce(FIRST, name, &[], &mut out)?;
					self.remuxer.put(FIRST, is_key, time, time, &data.data, &mut out);
				}
				_ => return Ok(()),
			}
		}
		Ok(hand_on(session, out).await?)
	}

	/// Milliseconds since the beginning. Each track has its own time base; the arrival of its first packet
	/// relates it to the other.
	fn time(&mut self, data: &MediaData, is_picture: bool) -> i64 {
		let began = *self.began.get_or_insert(data.network_time);
		let ticks = data.time.numer().saturating_mul(1_000) / u64::from(data.time.denom()).max(1);
		let own = i64::try_from(ticks).unwrap_or(i64::MAX);
		if let Some(report) = &data.last_sender_info {
			let rate = u64::from(data.time.denom());
			self.clocks.report(is_picture, report.rtp_time.numer(), rate, report.ntp_time);
		}
		let ahead = if is_picture { 0 } else { self.clocks.ahead() };
		let came = data.network_time.saturating_duration_since(began).as_millis() as i64;
		let (first, at) = *self.bases[usize::from(is_picture)].get_or_insert((own, came));
		own.saturating_sub(first).saturating_add(at).saturating_sub(ahead)
	}
}

/// The drift of the sound's clock, a microphone's, against that of the pictures: a few parts in ten thousand,
/// which make seconds in some hours. The sender's reports relate each to a clock that both share.
#[derive(Default)]
struct Clocks {
	/// For sound and pictures: the newest report, and how far each has run ahead of the sender's clock, in
	/// microseconds.
	tracks: [(Option<(u64, SystemTime)>, i64); 2],
	/// The corrected part of the sound's lead over the pictures.
	ahead: i64,
}

impl Clocks {
	/// The correction with one report, in microseconds: reports are one or a few seconds apart, and not
	/// exact.
	const STEP: i64 = 2_000;
	/// A larger step between two reports means another clock, or one that was set.
	const SET: i128 = 1_000_000;

	/// Takes a track's newest report: its own ticks at the time `at` of the sender's clock.
	fn report(&mut self, is_picture: bool, ticks: u64, rate: u64, at: SystemTime) {
		let (newest, ahead) = &mut self.tracks[usize::from(is_picture)];
		let Some((before, since)) = newest.replace((ticks, at)) else { return };
		if (before, since) == (ticks, at) {
			return;
		}
		let own = (i128::from(ticks) - i128::from(before)) * 1_000_000 / i128::from(rate.max(1));
		let passed = match at.duration_since(since) {
			Ok(passed) => passed.as_micros() as i128,
			Err(back) => -(back.duration().as_micros() as i128),
		};
		let step = own - passed;
		if step.abs() < Self::SET {
			*ahead = ahead.saturating_add(step as i64);
		}
		if !is_picture {
			let apart = self.tracks[0].1.saturating_sub(self.tracks[1].1);
			let step = apart.saturating_sub(self.ahead).clamp(-Self::STEP, Self::STEP);
			self.ahead = self.ahead.saturating_add(step);
		}
	}

	/// How far sound is ahead of pictures, in milliseconds.
	fn ahead(&self) -> i64 {
		self.ahead / 1_000
	}
}

/// Opus in Matroska's form: 48 kHz, two channels.
fn opus_header() -> Vec<u8> {
	let mut header = b"OpusHead\x01\x02".to_vec();
	header.extend(0u16.to_le_bytes());
	header.extend(48_000u32.to_le_bytes());
	header.extend([0, 0, 0]);
	header
}

/// The units of a picture with start codes.
fn units(data: &[u8]) -> Vec<&[u8]> {
	let mut starts = Vec::new();
	let mut at = 0;
	while at + 3 <= data.len() {
		if data[at..at + 3] == [0, 0, 1] {
			starts.push(at + 3);
			at += 3;
		} else {
			at += 1;
		}
	}
	let ends = starts.iter().skip(1).map(|start| start - 3).chain([data.len()]);
	starts
		.iter()
		.zip(ends)
		.filter_map(|(start, end)| {
			let unit = data.get(*start..end)?;
			// A start code of four bytes leaves a zero at the end.
			let zeros = unit.iter().rev().take_while(|byte| **byte == 0).count();
			unit.get(..unit.len() - zeros).filter(|unit| !unit.is_empty())
		})
		.collect()
}

/// The same, each with its length before it.
fn with_lengths(units: &[&[u8]]) -> Vec<u8> {
	let mut out = Vec::new();
	for unit in units {
		out.extend((unit.len() as u32).to_be_bytes());
		out.extend_from_slice(unit);
	}
	out
}

/// The H.264 configuration record from a keyframe's parameter sets; `None` without them.
fn avc_header(units: &[&[u8]]) -> Option<Vec<u8>> {
	let of = |kind: u8| units.iter().find(|unit| unit[0] & 0x1f == kind);
	let (sequence, picture) = (of(7)?, of(8)?);
	let mut header = vec![1];
	header.extend(sequence.get(1..4)?);
	header.extend([0xff, 0xe1]);
	header.extend(u16::try_from(sequence.len()).ok()?.to_be_bytes());
	header.extend_from_slice(sequence);
	header.push(1);
	header.extend(u16::try_from(picture.len()).ok()?.to_be_bytes());
	header.extend_from_slice(picture);
	Some(header)
}

#[cfg(test)]
mod tests {
	#![allow(clippy::unwrap_used)]
	use super::*;

	/// A publisher whose sound continues beside an endless picture, which would be held in memory.
	#[test]
	fn attack_picture_that_never_ends() {
		let start = Instant::now();
		let mut since = Since::new(start);
		assert!(since.came(LARGEST_PICTURE, start + SILENT).is_ok());
		assert!(matches!(since.came(1, start + SILENT), Err(WhipError::TooLarge)));
		let mut since = Since::new(start);
		let late = start + SILENT + Duration::from_millis(1);
		assert!(matches!(since.came(1, late), Err(WhipError::Silent)));
		let mut since = Since::new(late);
		assert!(since.came(1, late).is_ok(), "a whole picture begins anew");
	}

	/// The same beside whole pictures, under another number or of another sender.
	#[test]
	fn attack_second_track_that_is_never_whole() {
		let answer = "v=0\r\na=rtpmap:96 H264/90000\r\na=rtpmap:111 opus/48000/2\r\n";
		let mut track = OneTrack::of(answer);
		let packet = |number: u8, sender: u8| [0x80, number, 0, 0, 0, 0, 0, 0, 0, 0, 0, sender, 9];
		assert!(track.takes(&packet(96, 1)) && track.takes(&packet(98, 2)), "none is whole yet");
		track.saw(96, Some(97), Some(1));
		assert!(track.takes(&packet(96, 1)) && track.takes(&packet(0x80 | 96, 1)));
		assert!(!track.takes(&packet(96, 2)), "another sender");
		assert!(!track.takes(&packet(98, 1)), "another kind");
		assert!(track.takes(&packet(97, 3)) && track.takes(&packet(111, 4)));
		// Control, handshakes and what finds the way are no media.
		assert!(track.takes(&packet(72, 5)) && track.takes(&[22; 40]) && track.takes(&[]));
	}

	#[test]
	fn publisher_should_be_known_by_its_own_address_whatever_the_socket() {
		let at = |text: &str| text.parse::<SocketAddr>().unwrap();
		for (received, peer, is_v6) in [
			("[::ffff:192.0.2.1]:9", "192.0.2.1:9", true),
			("[2001:db8::1]:9", "[2001:db8::1]:9", true),
			("192.0.2.1:9", "192.0.2.1:9", false),
		] {
			assert_eq!(known(at(received)), at(peer));
			assert_eq!(taken(at(peer), is_v6), at(received));
		}
	}

	/// A microphone's clock is one ten-thousandth fast: more than a second after three hours.
	#[test]
	fn sound_should_stay_with_the_pictures_whatever_its_clock() {
		for parts in [0i64, 100, -100] {
			let mut clocks = Clocks::default();
			let mut largest = 0;
			for second in 0..3 * 3_600u64 {
				// The sender's clock is set in between, and the pictures' sender starts anew.
				let set = if second < 5_000 { 0 } else { 700 };
				let at = SystemTime::UNIX_EPOCH + Duration::from_millis(1_000 * second + set);
				let of_pictures = if second < 7_000 { second } else { second - 7_000 };
				clocks.report(true, 90_000 * of_pictures, 90_000, at);
				if second % 5 == 0 {
					let fast = (second as i64 * 48 * parts / 1_000) as u64;
					clocks.report(false, (48_000 * second).wrapping_add(fast), 48_000, at);
				}
				let ahead = second as i64 * parts / 1_000;
				largest = largest.max((clocks.ahead() - ahead).abs());
			}
			assert!(largest <= 5, "{parts}: {largest} ms");
		}
	}

	#[test]
	fn first_layer_that_is_named_should_be_taken_and_the_others_declined() {
		let plain = "v=0\r\nm=video 9 X 96\r\na=mid:0\r\na=rid:a send\r\na=ssrc:1 cname:x\r\n";
		assert_eq!(first_layer(plain), None);
		assert_eq!(without_simulcast(plain), plain);
		for (line, first) in [
			("send f;h;q", "f"),
			("send ~q,h;f", "q"),
			("recv a;b send 0;1", "0"),
			("send 0;1 recv a;b", "0"),
		] {
			let offer =
				format!("{plain}a=simulcast:{line}\r\na=ssrc-group:FID 1 2\r\na=rtcp-mux\r\n");
			assert_eq!(first_layer(&offer), Some(Rid::from(first)), "{line}");
			let kept = "v=0\r\nm=video 9 X 96\r\na=mid:0\r\na=rtcp-mux\r\n";
			assert_eq!(without_simulcast(&offer), kept);
		}
		assert_eq!(first_layer("a=simulcast:recv a"), None);
	}

	#[test]
	fn units_should_be_told_apart_whatever_their_start_codes() {
		let data = [0, 0, 0, 1, 0x67, 1, 2, 3, 0, 0, 1, 0x68, 9, 0, 0, 0, 1, 0x65, 7];
		let found = units(&data);
		assert_eq!(found, [&[0x67, 1, 2, 3][..], &[0x68, 9], &[0x65, 7]]);
		assert_eq!(with_lengths(&found[1..2]), [0, 0, 0, 2, 0x68, 9]);
		let header = avc_header(&found).unwrap();
		assert_eq!(header, [1, 1, 2, 3, 0xff, 0xe1, 0, 4, 0x67, 1, 2, 3, 1, 0, 2, 0x68, 9]);
		assert_eq!(avc_header(&found[1..]), None);
		assert!(units(&[]).is_empty() && units(&[0, 0, 1]).is_empty());
	}
}
