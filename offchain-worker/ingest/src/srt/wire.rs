//! Parses SRT packets before the library gets them, and decides which it gets.
//!
//! Only what a publisher needs passes: media, of which only the header is read, the handshake, and five kinds
//! of control packets. Everything else is refused, because the library panics on some of it:
//!
//! - on handshake extensions that it does not know (congestion control, packet filter, bonding), on an empty
//!   stream id, and on extensions that are too long, whose rest it reads as another one;
//! - on key material without a key, or with another length than in the handshake or the listener, and on any
//!   if the listener has no passphrase. A handshake without the length, as the reference implementation sends
//!   by default, is such a case too: see [`Handshake::to_library`];
//! - on a connection: on congestion warnings, peer errors and extended messages other than keys, on a loss
//!   list that ends inside a range, and on a drop range whose end is before its beginning or is the last
//!   possible number. Acknowledgements and losses of our packets are of no use, because nothing is ever sent
//!   to a publisher.
//!
//! The form of packets is that of
//! [draft-sharabayko-srt](https://datatracker.ietf.org/doc/html/draft-sharabayko-srt-01#section-3).

use thiserror::Error;

/// Bytes of a packet's header.
const HEADER: usize = 16;
/// The place of its time.
pub(super) const TIME: core::ops::Range<usize> = 8..12;
/// Bytes of a packet with a handshake, without its extensions.
pub(super) const HANDSHAKE: usize = HEADER + 48;
/// The handshake type that begins a connection.
pub(super) const INDUCTION: u32 = 1;
/// The handshake type that requests a connection, and that describes it.
pub(super) const CONCLUSION: u32 = u32::MAX;
/// The extension field in the answer to an induction.
pub(super) const MAGIC: u16 = 0x4a17;
/// The extension field in an induction of version 4: a socket for datagrams.
pub(super) const DATAGRAMS: u16 = 2;

/// Types of control packets.
const SHAKE: u32 = 0;
const KEEP_ALIVE: u32 = 1;
const SHUTDOWN: u32 = 5;
const ACK_OF_ACK: u32 = 6;
const DROP: u32 = 7;
const EXTENDED: u32 = 0x7fff;
/// Types of extensions.
const CAPABILITIES: u16 = 1;
const KEYS: u16 = 3;
const STREAM_ID: u16 = 5;
const CONGESTION: u16 = 6;
const FILTER: u16 = 7;
const GROUP: u16 = 8;
/// The highest packet number.
const LAST: u32 = 0x7fff_ffff;
/// The longest stream id.
const LONGEST_ID: usize = 512;

/// Why a packet is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(super) enum Refused {
	/// It ends too early.
	#[error("the packet ends before it is whole")]
	Short,
	/// It is of a kind that no publisher sends.
	#[error("the packet is of a kind that no publisher sends")]
	Kind,
	/// A field has an invalid value.
	#[error("a field of the packet has a value that it cannot have")]
	Malformed,
	/// Its sender has no connection.
	#[error("the packet is of no connection")]
	Stranger,
	/// Its cookie was not issued to its address.
	#[error("the cookie is not one that this address was given")]
	Cookie,
	/// No place is free.
	#[error("too many ask at a time")]
	Full,
	/// Only one side encrypts.
	#[error("one side has a passphrase and the other has none")]
	Unsecure,
	/// It requires another congestion control than that for live streams.
	#[error("only the congestion control for live streams is served")]
	Congestion,
	/// It requires a packet filter.
	#[error("packet filters are not served")]
	Filter,
	/// It requires bonding.
	#[error("bonding is not served")]
	Group,
	/// It requires another cipher than AES-CTR.
	#[error("AES-CTR is the only cipher that is served")]
	Cipher,
}

impl Refused {
	/// The rejection code for the sender.
	pub(super) fn code(self) -> u32 {
		match self {
			Self::Full => 1_003,
			Self::Short | Self::Kind | Self::Malformed | Self::Stranger | Self::Cookie => 1_004,
			Self::Unsecure => 1_011,
			Self::Congestion => 1_013,
			Self::Filter => 1_014,
			Self::Group => 1_015,
			Self::Cipher => 1_017,
		}
	}
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
	fn array<const N: usize>(&mut self) -> Result<[u8; N], Refused> {
		let (first, rest) = self.0.split_first_chunk::<N>().ok_or(Refused::Short)?;
		self.0 = rest;
		Ok(*first)
	}

	fn long(&mut self) -> Result<u32, Refused> {
		self.array().map(u32::from_be_bytes)
	}

	fn short(&mut self) -> Result<u16, Refused> {
		self.array().map(u16::from_be_bytes)
	}

	fn bytes(&mut self, count: usize) -> Result<&'a [u8], Refused> {
		let (first, rest) = self.0.split_at_checked(count).ok_or(Refused::Short)?;
		self.0 = rest;
		Ok(first)
	}
}

/// A packet whose parsed parts are well-formed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Packet<'a> {
	/// Microseconds since its sender's start, modulo 2^32.
	pub(super) time: u32,
	/// The destination socket id; 0 in a request for a connection.
	pub(super) to: u32,
	pub(super) kind: Kind<'a>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind<'a> {
	/// Media.
	Media,
	/// Keeps a connection alive or ends it.
	Control,
	/// A handshake, and its extensions, which [`Handshake::asked`] parses.
	Handshake(Handshake, &'a [u8]),
}

impl<'a> Packet<'a> {
	/// Reads a datagram.
	pub(super) fn read(bytes: &'a [u8]) -> Result<Self, Refused> {
		let mut reader = Reader(bytes);
		let (first, second) = (reader.long()?, reader.long()?);
		let (time, to) = (reader.long()?, reader.long()?);
		let kind = match first >> 31 {
			// Two bits name the encryption key.
			0 if (second >> 27) & 3 == 3 => return Err(Refused::Malformed),
			0 => Kind::Media,
			_ => control((first >> 16) & 0x7fff, first & 0xffff, second, reader.0)?,
		};
		Ok(Self { time, to, kind })
	}
}

fn control(kind: u32, subtype: u32, about: u32, body: &[u8]) -> Result<Kind<'_>, Refused> {
	// For a type without a body implementations send a word without meaning.
	let is_empty = matches!(body.len(), 0 | 4);
	let is_whole = match (kind, subtype) {
		(SHAKE, 0) => {
			let (shake, extensions) = Handshake::read(body)?;
			return Ok(Kind::Handshake(shake, extensions));
		}
		(KEEP_ALIVE | SHUTDOWN, 0) => is_empty,
		(ACK_OF_ACK, 0) => is_empty && about != 0,
		(DROP, 0) => {
			let mut reader = Reader(body);
			let (first, last) = (reader.long()?, reader.long()?);
			reader.0.is_empty() && first <= last && last < LAST
		}
		(EXTENDED, subtype) if subtype == u32::from(KEYS) => key_length(body).map(|_| true)?,
		_ => return Err(Refused::Kind),
	};
	is_whole.then_some(Kind::Control).ok_or(Refused::Malformed)
}

/// A handshake without its extensions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Handshake {
	/// 4 in the first request, otherwise 5.
	pub(super) version: u32,
	/// The key's length in units of 8 bytes, or 0 if not given.
	pub(super) encryption: u16,
	/// The extensions that follow; or [`MAGIC`], or a socket type.
	pub(super) flags: u16,
	/// The first packet's number.
	pub(super) sequence: u32,
	/// The largest packet, in bytes, including UDP and IP headers.
	pub(super) mtu: u32,
	/// The window in packets.
	pub(super) window: u32,
	/// [`INDUCTION`], [`CONCLUSION`], or from 1,000 on why there is no connection.
	pub(super) kind: u32,
	/// The sender's socket.
	pub(super) from: u32,
	pub(super) cookie: u32,
	/// An address of the sender.
	pub(super) address: [u8; 16],
}

impl Handshake {
	fn read(body: &[u8]) -> Result<(Self, &[u8]), Refused> {
		let mut reader = Reader(body);
		let shake = Self {
			version: reader.long()?,
			encryption: reader.short()?,
			flags: reader.short()?,
			sequence: reader.long()?,
			mtu: reader.long()?,
			window: reader.long()?,
			kind: reader.long()?,
			from: reader.long()?,
			cookie: reader.long()?,
			address: reader.array()?,
		};
		// The smallest packet size is that of this handshake, the smallest window 32 packets.
		let is_well_formed = matches!(shake.version, 4 | 5)
			&& matches!(shake.encryption, 0 | 2..=4)
			&& shake.sequence <= LAST
			&& (76..=65_536).contains(&shake.mtu)
			&& (32..=LAST).contains(&shake.window)
			&& shake.from != 0;
		is_well_formed.then_some((shake, reader.0)).ok_or(Refused::Malformed)
	}

	/// The bytes of the packet, up to the extensions.
	pub(super) fn head(&self, time: u32, to: u32) -> [u8; HANDSHAKE] {
		let about = (u32::from(self.encryption) << 16) | u32::from(self.flags);
		let words = [
			1 << 31,
			0,
			time,
			to,
			self.version,
			about,
			self.sequence,
			self.mtu,
			self.window,
			self.kind,
			self.from,
			self.cookie,
		];
		let mut head = [0; HANDSHAKE];
		let (fields, address) = head.split_at_mut(4 * words.len());
		for (field, word) in fields.chunks_exact_mut(4).zip(words) {
			field.copy_from_slice(&word.to_be_bytes());
		}
		address.copy_from_slice(&self.address);
		head
	}

	/// The request in a conclusion with these extensions.
	pub(super) fn asked(&self, extensions: &[u8]) -> Result<Asked, Refused> {
		if self.version != 5 || self.flags > 7 {
			return Err(Refused::Malformed);
		}
		let mut reader = Reader(extensions);
		let (mut has_capabilities, mut length, mut stream_id) = (false, None::<u16>, None);
		while !reader.0.is_empty() {
			let (kind, words) = (reader.short()?, reader.short()?);
			let body = reader.bytes(4 * usize::from(words))?;
			let flag = match kind {
				CAPABILITIES if body.len() == 12 && !has_capabilities => {
					has_capabilities = true;
					1
				}
				KEYS if length.is_none() => {
					length = Some(key_length(body)?);
					2
				}
				STREAM_ID if stream_id.is_none() => {
					stream_id = Some(text(body)?);
					4
				}
				CONGESTION => return Err(Refused::Congestion),
				FILTER => return Err(Refused::Filter),
				GROUP => return Err(Refused::Group),
				_ => return Err(Refused::Malformed),
			};
			if self.flags & flag == 0 {
				return Err(Refused::Malformed);
			}
		}
		let is_another = |length: u16| self.encryption != 0 && 8 * self.encryption != length;
		if !has_capabilities || length.is_some_and(is_another) {
			return Err(Refused::Malformed);
		}
		Ok(Asked { stream_id: stream_id.unwrap_or_default(), key_length: length })
	}

	/// The same conclusion for the library: with its cookie, and with the key's length if there is a key,
	/// because the library takes the length only from the handshake.
	pub(super) fn to_library(self, cookie: u32, asked: &Asked) -> Self {
		Self { cookie, encryption: asked.key_length.unwrap_or_default() / 8, ..self }
	}
}

/// A publisher's request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Asked {
	/// Empty where it gives none.
	pub(super) stream_id: String,
	/// Bytes of the key with which it encrypts, if it does.
	pub(super) key_length: Option<u16>,
}

/// A text in words with reversed bytes, the last one padded with zeros.
fn text(words: &[u8]) -> Result<String, Refused> {
	if words.is_empty() || words.len() > LONGEST_ID {
		return Err(Refused::Malformed);
	}
	let mut bytes: Vec<u8> = words.chunks(4).flat_map(|word| word.iter().rev().copied()).collect();
	let length = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
	bytes.truncate(length);
	String::from_utf8(bytes).map_err(|_| Refused::Malformed)
}

/// Bytes of the keys in key material: one or two wrapped AES-CTR keys.
fn key_length(body: &[u8]) -> Result<u16, Refused> {
	let [kind, high, low, which, _, _, _, _, cipher, auth, carrier, _, _, _, salt, length] =
		Reader(body).array::<16>()?;
	if cipher != 2 {
		return Err(Refused::Cipher);
	}
	let is_known = [kind, high, low, auth, carrier, salt] == [0x12, 0x20, 0x29, 0, 2, 4];
	let count = (which & 3).count_ones() as usize;
	// Header, salt, keys, and the wrapping's overhead.
	let whole = 16 + 16 + count * 4 * usize::from(length) + 8;
	if !is_known || count == 0 || !matches!(length, 4 | 6 | 8) || body.len() != whole {
		return Err(Refused::Malformed);
	}
	Ok(4 * u16::from(length))
}

#[cfg(test)]
pub(super) mod tests {
	#![allow(clippy::unwrap_used)]
	use std::{net::SocketAddr, time::Instant};

	use super::*;
	use proptest::prelude::*;
	use srt_protocol::{
		connection::DuplexConnection,
		packet,
		protocol::pending_connection::{listen::Listen, ConnectionResult},
		settings::{ConnInitSettings, KeySettings},
	};

	/// What libsrt 1.5.1 is given.
	pub const PASSPHRASE: &str = "0123456789ab";
	/// Extensions as it sends them: its capabilities, and `a-stream-key` as its stream id.
	pub const PLAIN: &str = "0001000300010501000000bf007800000005000374732d616d61657279656b2d";
	/// With the stream id `k` and a key of 16 bytes, whose length is not said elsewhere.
	const KEY_OF_16: &str = "0001000300010501000000bf00780000000500010000006b\
		0003000e122029010000000002000200000004044e1f15f4c7a2092b9ed4866809259c0d\
		a716cade96510a9d2df5cd31877c765f82b9c1678debe4d2";
	/// With one of 32 bytes.
	const KEY_OF_32: &str = "0001000300010501000000bf00780000000500010000006b\
		00030012122029010000000002000200000004081a7a611f78f102186c99c6cbc87d4b69\
		db1d9cfab6e78cbe7b35f6955274b473a203c2cc583c6d49dde80b8efdb9bb9e92f985bf68cc4d09";
	/// With the congestion control for files.
	const FILE: &str = "0001000300010501000000e400000000\
		000500072133322525723a3a696c44336b2f657633256d2c627570446873696c00060001656c6966";
	/// The number of the first packet.
	pub const FIRST: u32 = 0x1c20_b327;

	pub fn bytes(hex: &str) -> Vec<u8> {
		let digits: Vec<u8> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
		let byte = |two: &[u8]| u8::from_str_radix(std::str::from_utf8(two).unwrap(), 16).unwrap();
		digits.chunks(2).map(byte).collect()
	}

	fn packet(words: &[u32], rest: &[u8]) -> Vec<u8> {
		words.iter().flat_map(|word| word.to_be_bytes()).chain(rest.iter().copied()).collect()
	}

	fn shake() -> Handshake {
		Handshake {
			version: 5,
			encryption: 0,
			flags: 5,
			sequence: FIRST,
			mtu: 1_500,
			window: 8_192,
			kind: CONCLUSION,
			from: 0x1bd3_37ea,
			cookie: 0xdead_beef,
			address: [127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
		}
	}

	pub fn induction() -> Vec<u8> {
		let shake =
			Handshake { version: 4, flags: DATAGRAMS, kind: INDUCTION, cookie: 0, ..shake() };
		shake.head(0x88, 0).to_vec()
	}

	/// A conclusion with a cookie, the length of a key in eighths, flags and extensions.
	pub fn conclusion(cookie: u32, encryption: u16, flags: u16, extensions: &str) -> Vec<u8> {
		let head = Handshake { cookie, encryption, flags, ..shake() }.head(0x3f8, 0);
		[&head[..], &bytes(extensions)].concat()
	}

	/// Conclusions that are refused, with why: the library panics at most of them.
	pub fn refused(cookie: u32) -> Vec<(Refused, Vec<u8>)> {
		let with = |flags, more: &str| conclusion(cookie, 0, flags, &format!("{PLAIN}{more}"));
		let (head, key) = KEY_OF_16.split_at(48);
		vec![
			(Refused::Congestion, conclusion(cookie, 0, 5, FILE)),
			(Refused::Filter, with(5, "00070001 3a636566")),
			(Refused::Group, with(5, "00080000")),
			(Refused::Group, with(5, "00080001 01000000")),
			(Refused::Malformed, with(5, "00000000")),
			(Refused::Malformed, with(5, "00090001 00000000")),
			(Refused::Malformed, conclusion(cookie, 0, 5, &format!("{}00050000", &PLAIN[..32]))),
			(Refused::Malformed, conclusion(cookie, 0, 4, "00050001 0000006b")),
			(Refused::Malformed, conclusion(cookie, 0, 1, PLAIN)),
			(
				Refused::Malformed,
				conclusion(cookie, 0, 1, "00010004 00010501 000000bf 00780000 00000000"),
			),
			(Refused::Malformed, with(0x15, "")),
			(Refused::Short, with(5, "0005")),
			(Refused::Short, with(5, "00050002 00000000")),
			// Keys of another length than is said, of none, and of another cipher.
			(Refused::Malformed, conclusion(cookie, 4, 7, KEY_OF_16)),
			(
				Refused::Malformed,
				conclusion(cookie, 0, 7, &format!("{head}{}", key.replace("20290100", "20290000"))),
			),
			(
				Refused::Malformed,
				conclusion(
					cookie,
					0,
					7,
					&format!(
						"{head}0003000a 12202900 00000000 02000200 00000404 {}",
						"00".repeat(24)
					),
				),
			),
			(
				Refused::Cipher,
				conclusion(cookie, 0, 7, &format!("{head}{}", key.replace("02000200", "04010200"))),
			),
		]
	}

	/// Packets as they are sent.
	pub fn samples() -> Vec<Vec<u8>> {
		let key = bytes(&KEY_OF_16[56..]);
		vec![
			induction(),
			conclusion(0xdead_beef, 0, 5, PLAIN),
			conclusion(0xdead_beef, 0, 7, KEY_OF_16),
			conclusion(0xdead_beef, 4, 7, KEY_OF_32),
			packet(&[0x8001_0000, 0, 1_000, 0, 0], &[]),
			packet(&[0x8005_0000, 0, 0x5bb5, 0, 0], &[]),
			packet(&[0x8006_0000, 1, 0x1_05fd, 0, 0], &[]),
			packet(&[0x8007_0000, 7, 2_000, 0, FIRST, FIRST + 2], &[]),
			packet(&[0xffff_0003, 0, 3_000, 0], &key),
			packet(&[FIRST + 1, 0xe000_0002, 3_000, 0], &[0x47; 188]),
			packet(&[FIRST + 9, 0xe800_0002, 3_000, 0], &[0x47; 188]),
		]
	}

	pub fn library(bytes: &[u8]) -> packet::ReceivePacketResult {
		let read = packet::Packet::parse(&mut &bytes[..], false).unwrap();
		Ok((read, SocketAddr::from(([127, 0, 0, 1], 9))))
	}

	/// Has a listener of the library connect with who asks for this.
	fn connect(shake: Handshake, extensions: &[u8], asked: &Asked) -> Option<DuplexConnection> {
		let key_settings = asked.key_length.map(|length| KeySettings {
			key_size: length.try_into().unwrap(),
			passphrase: PASSPHRASE.into(),
		});
		let settings = ConnInitSettings { key_settings, ..ConnInitSettings::default() };
		let mut listen = Listen::new(settings, false);
		let answer = listen.handle_packet(Instant::now(), library(&induction()));
		let ConnectionResult::SendPacket((answer, _)) = answer else { panic!("no answer") };
		let cookie = answer.control().unwrap().handshake().unwrap().syn_cookie as u32;
		let head = shake.to_library(cookie, asked).head(0, 0);
		let question = [&head[..], extensions].concat();
		match listen.handle_packet(Instant::now(), library(&question)) {
			ConnectionResult::Connected(_, connection) => Some(DuplexConnection::new(connection)),
			_ => None,
		}
	}

	pub fn connected(conclusion: &[u8]) -> DuplexConnection {
		let Ok(Packet { kind: Kind::Handshake(shake, extensions), .. }) = Packet::read(conclusion)
		else {
			panic!("no handshake")
		};
		connect(shake, extensions, &shake.asked(extensions).unwrap()).unwrap()
	}

	/// Gives a connection a packet, and time until the next one comes.
	fn deliver(connection: &mut DuplexConnection, bytes: &[u8], now: &mut Instant) {
		let mut bytes = bytes.to_vec();
		let to = connection.settings().local_sockid.0;
		bytes[12..HEADER].copy_from_slice(&to.to_be_bytes());
		connection.handle_packet_input(*now, library(&bytes));
		for _ in 0..4 {
			let _ = connection.check_timers(*now);
			while connection.next_packet(*now).is_some() {}
			while connection.next_data(*now).is_some() {}
			*now += std::time::Duration::from_millis(200);
		}
	}

	/// Holds what is read against what was sent; and if the library would get it, lets it have it.
	fn check(bytes: &[u8]) {
		let Ok(packet) = Packet::read(bytes) else { return };
		let Kind::Handshake(shake, extensions) = packet.kind else {
			let encrypts = bytes[0] == 0xff || bytes[4] & 0x18 != 0;
			let mut connection = connected(&samples()[if encrypts { 2 } else { 1 }]);
			let mut now = Instant::now();
			// Something is missing, and something has come.
			deliver(&mut connection, &samples()[if encrypts { 10 } else { 9 }], &mut now);
			deliver(&mut connection, bytes, &mut now);
			return;
		};
		let again = [&shake.head(packet.time, packet.to)[..], extensions].concat();
		// The second word has no meaning in a handshake.
		assert_eq!((&again[..4], &again[8..]), (&bytes[..4], &bytes[8..]));
		if shake.kind == CONCLUSION {
			if let Ok(asked) = shake.asked(extensions) {
				connect(shake, extensions, &asked);
			}
		}
	}

	#[test]
	fn questions_of_the_reference_implementation_should_be_understood() {
		for (encryption, flags, extensions, stream_id, key_length) in [
			(0, 5, PLAIN, "a-stream-key", None),
			// A length without a key says nothing.
			(4, 5, PLAIN, "a-stream-key", None),
			(0, 7, KEY_OF_16, "k", Some(16)),
			(2, 7, KEY_OF_16, "k", Some(16)),
			(4, 7, KEY_OF_32, "k", Some(32)),
		] {
			let sent = conclusion(1, encryption, flags, extensions);
			let packet = Packet::read(&sent).unwrap();
			let Kind::Handshake(shake, extensions) = packet.kind else { panic!("{packet:?}") };
			let asked = shake.asked(extensions).unwrap();
			assert_eq!((&asked.stream_id[..], asked.key_length), (stream_id, key_length));
			assert!(connect(shake, extensions, &asked).is_some());
		}
		for sample in samples() {
			assert!(Packet::read(&sample).is_ok());
			check(&sample);
		}
	}

	#[test]
	fn attack_handshakes_at_which_the_library_panics() {
		for (refused, sent) in refused(1) {
			let read = Packet::read(&sent).map(|packet| match packet.kind {
				Kind::Handshake(shake, extensions) => shake.asked(extensions).err(),
				_ => None,
			});
			assert_eq!(read, Ok(Some(refused)), "{sent:x?}");
		}
		let fields = |change: fn(&mut Handshake)| {
			let mut shake = shake();
			change(&mut shake);
			let sent = [&shake.head(0, 0)[..], &bytes(PLAIN)].concat();
			Packet::read(&sent).err()
		};
		let changes: [fn(&mut Handshake); 6] = [
			|shake| shake.version = 6,
			|shake| shake.encryption = 1,
			|shake| shake.sequence = LAST + 1,
			|shake| shake.mtu = 75,
			|shake| shake.window = 0,
			|shake| shake.from = 0,
		];
		for change in changes {
			assert_eq!(fields(change), Some(Refused::Malformed));
		}
	}

	#[test]
	fn attack_control_packets_at_which_the_library_panics() {
		for (refused, words) in [
			// Acknowledgements, losses whose list ends within a range, a warning and an error.
			(Refused::Kind, &[0x8002_0000, 1, 0, 9, FIRST][..]),
			(Refused::Kind, &[0x8003_0000, 0, 0, 9, FIRST | (1 << 31)]),
			(Refused::Kind, &[0x8004_0000, 0, 0, 9, 0]),
			(Refused::Kind, &[0x8008_0000, 0, 0, 9, 0]),
			// Extended messages but those with keys.
			(Refused::Kind, &[0xffff_0000, 0, 0, 9]),
			(Refused::Kind, &[0xffff_0005, 0, 0, 9]),
			(Refused::Kind, &[0xffff_0008, 0, 0, 9]),
			(Refused::Short, &[0xffff_0003, 0, 0, 9]),
			(Refused::Malformed, &[0x8006_0000, 0, 0, 9, 0]),
			(Refused::Malformed, &[0x8007_0000, 0, 0, 9, FIRST + 1, FIRST]),
			(Refused::Malformed, &[0x8007_0000, 0, 0, 9, FIRST, LAST]),
			(Refused::Short, &[0x8007_0000, 0, 0, 9, FIRST]),
			// Media with both keys, and what is no packet.
			(Refused::Malformed, &[FIRST, 0xd800_0001, 0, 9]),
			(Refused::Short, &[FIRST, 0xc000_0001, 0]),
		] {
			assert_eq!(Packet::read(&packet(words, &[])).err(), Some(refused), "{words:x?}");
		}
	}

	fn changed() -> impl Strategy<Value = Vec<u8>> {
		let change = (any::<prop::sample::Index>(), any::<u8>());
		let changes = prop::collection::vec(change, 0..5);
		let cut = prop::option::weighted(0.2, any::<prop::sample::Index>());
		(prop::sample::select(samples()), changes, cut).prop_map(|(mut bytes, changes, cut)| {
			for (at, byte) in changes {
				let at = at.index(bytes.len());
				bytes[at] = byte;
			}
			if let Some(cut) = cut {
				bytes.truncate(cut.index(bytes.len()));
			}
			bytes
		})
	}

	proptest! {
		#![proptest_config(ProptestConfig::with_cases(400))]

		#[test]
		fn no_bytes_should_panic_reader_or_library(
			bytes in prop::collection::vec(any::<u8>(), 0..200)
		) {
			check(&bytes);
		}

		#[test]
		fn changed_packets_should_be_refused_or_taken_by_the_library(bytes in changed()) {
			check(&bytes);
		}
	}
}
