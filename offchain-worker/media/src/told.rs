//! Tells which variant an output is. Only the bytes show it, and making all variants would cost a judge four
//! encodes for any fault.
//!
//! Two variants are equal byte for byte up to the start of the earlier one, except for the few pictures by
//! which decoding order runs ahead. So an output is compared with the variant that begins last: the first
//! coded picture that differs shows its start.
//!
//! Without motion a variant differs only some time after its start, and it may then not equal the variant
//! that starts there, because of the encoder's lookahead. So the maker of a variant checks whether it would
//! be recognised. If not, it makes a later one, at worst the last, which is as good and always recognised.

use async_trait::async_trait;
use livepeer_primitives::video::{Rendition, SourceLimits};

use crate::{
	parent::{MediaError, MediaPool, Priority},
	profile::{self, LAST_START},
};

/// Bytes of a packet of a transport stream.
const PACKET: usize = 188;

/// Makes the variants of one rendition of a segment, told apart from the plain encode.
#[async_trait]
pub(crate) trait Makes: Sync {
	/// The one with this start.
	async fn make(&self, start: u8) -> Result<Vec<u8>, MediaError>;
}

/// Makes them in children.
pub(crate) struct InChildren<'a> {
	pub pool: &'a MediaPool,
	pub priority: Priority,
	pub input: &'a [u8],
	pub rendition: &'a Rendition,
	pub limits: &'a SourceLimits,
	pub plain: &'a [u8],
}

#[async_trait]
impl Makes for InChildren<'_> {
	async fn make(&self, start: u8) -> Result<Vec<u8>, MediaError> {
		let made = self.pool.variant(self.input, self.rendition, start, self.limits, self.priority);
		let mut variant = made.await?;
		profile::tell_apart(&mut variant, self.plain);
		Ok(variant)
	}
}

/// What variants depart from.
struct Base {
	/// The number of pictures of each.
	frames: u32,
	/// The variant that begins last.
	last: Vec<u8>,
}

impl Base {
	async fn of(makes: &impl Makes, frames: u32) -> Result<Self, MediaError> {
		Ok(Self { frames, last: makes.make(LAST_START).await? })
	}

	/// The start to compare `theirs` with in addition to the last one, if any.
	fn start(&self, theirs: &[u8]) -> Option<u8> {
		if self.last == theirs {
			return Some(LAST_START);
		}
		profile::start_at(self.frames, coded_difference(&self.last, theirs))
	}

	/// The variant with this start.
	async fn variant(&self, makes: &impl Makes, start: u8) -> Result<Vec<u8>, MediaError> {
		match start {
			LAST_START => Ok(self.last.clone()),
			start => makes.make(start).await,
		}
	}
}

/// The start of the variant that `theirs` is, if it is one, for a segment with this many pictures. Makes two
/// variants at most.
pub(crate) async fn start_of(
	makes: &impl Makes,
	frames: u32,
	theirs: &[u8],
) -> Result<Option<u8>, MediaError> {
	let base = Base::of(makes, frames).await?;
	let Some(start) = base.start(theirs) else { return Ok(None) };
	let made = base.variant(makes, start).await?;
	Ok((made == theirs).then_some(start))
}

/// The variant with this start or, if it would not be recognised, with a later one that is.
pub(crate) async fn deliverable(
	makes: &impl Makes,
	frames: u32,
	start: u8,
) -> Result<Vec<u8>, MediaError> {
	let base = Base::of(makes, frames).await?;
	let mut start = start;
	while start < LAST_START {
		let made = base.variant(makes, start).await?;
		match base.start(&made) {
			Some(told) if told == start => return Ok(made),
			Some(told) if told > start => start = told,
			_ => break,
		}
	}
	Ok(base.last)
}

/// The coded picture of the transport stream `ours` at which another one first differs; the number of
/// pictures if the other one only continues after it.
fn coded_difference(ours: &[u8], theirs: &[u8]) -> u32 {
	let same = ours.iter().zip(theirs).take_while(|(a, b)| a == b).count();
	let packets = ours.chunks(PACKET).take(same / PACKET + 1);
	let begun = packets.filter(|packet| begins_picture(packet)).count();
	let begun = u32::try_from(begun).unwrap_or(u32::MAX);
	if same == ours.len() {
		begun
	} else {
		begun.saturating_sub(1)
	}
}

/// Whether a coded picture begins in a packet: each has a PES packet of its own.
fn begins_picture(packet: &[u8]) -> bool {
	let [0x47, second, _, fourth, rest @ ..] = packet else { return false };
	let begins = second & 0x40 != 0 && fourth & 0x10 != 0;
	// An adaptation field comes before the payload, beginning with its length.
	let skipped = match fourth & 0x20 {
		0 => Some(0),
		_ => rest.first().map(|length| 1 + usize::from(*length)),
	};
	let payload = skipped.and_then(|skipped| rest.get(skipped..));
	begins && matches!(payload, Some([0, 0, 1, 0xe0..=0xef, ..]))
}

#[cfg(test)]
mod tests {
	use std::sync::atomic::{AtomicUsize, Ordering};

	use super::*;
	use crate::profile::{mark, variant_start};

	const FRAMES: u32 = 50;

	/// Encodes each picture into two packets.
	#[derive(Default)]
	struct Fake {
		/// Where every variant departs from the last one, if not where it begins.
		departs: Option<u32>,
		/// Whether nothing moves, so that a variant is the plain encode.
		is_still: bool,
		made: AtomicUsize,
	}

	impl Fake {
		fn encode(&self, start: Option<u8>) -> Vec<u8> {
			let start = start.filter(|_| !self.is_still);
			let picture = |picture: u32| {
				let begins = |start: u8| self.departs.unwrap_or(variant_start(FRAMES, start));
				let varied = start.filter(|start| picture >= begins(*start)).map(|start| start + 1);
				// The rate control goes another way wherever a variant begins.
				let other = start.is_some() && picture >= 5;
				let content = [picture as u8, u8::from(other), varied.unwrap_or(0)];
				let mut first = vec![0x47, 0x40, 0, 0x30, 1, 0, 0, 0, 1, 0xe0];
				first.resize(PACKET, 0xff);
				let mut second = vec![0x47, 0, 0, 0x10];
				second.extend(content);
				second.resize(PACKET, 0xff);
				[first, second].concat()
			};
			(0..FRAMES).flat_map(picture).collect()
		}

		/// What an output is told to be, and how many variants were made for that.
		async fn told(&self, theirs: &[u8]) -> (Option<u8>, usize) {
			self.made.store(0, Ordering::SeqCst);
			let told = start_of(self, FRAMES, theirs).await.expect("it makes them");
			(told, self.made.load(Ordering::SeqCst))
		}
	}

	#[async_trait]
	impl Makes for Fake {
		async fn make(&self, start: u8) -> Result<Vec<u8>, MediaError> {
			self.made.fetch_add(1, Ordering::SeqCst);
			let mut made = self.encode(Some(start));
			profile::tell_apart(&mut made, &self.encode(None));
			Ok(made)
		}
	}

	#[test]
	fn difference_should_be_counted_in_coded_pictures() {
		let ours = Fake::default().encode(None);
		let size = 2 * PACKET;
		for (at, picture) in [(0, 0), (size - 1, 0), (size, 1), (7 * size + 200, 7)] {
			let mut theirs = ours.clone();
			theirs[at] ^= 1;
			assert_eq!(coded_difference(&ours, &theirs), picture, "byte {at}");
		}
		assert_eq!(coded_difference(&ours, &ours[..3 * size]), 3);
		assert_eq!(coded_difference(&ours, &[&ours[..], &mark()].concat()), FRAMES);
		assert_eq!(coded_difference(&[], &ours), 0);
	}

	#[tokio::test]
	async fn attack_fault_in_the_last_picture_should_cost_a_judge_two_encodes_more_at_most() {
		let fake = Fake::default();
		let plain = fake.encode(None);
		for picture in 0..FRAMES as usize {
			let mut theirs = plain.clone();
			theirs[(2 * picture + 1) * PACKET + 60] ^= 1;
			let (told, made) = fake.told(&theirs).await;
			assert_eq!(told, None, "picture {picture}");
			assert!(made <= 2, "{made} for picture {picture}");
		}
		// Behind the last one, and a variant that has a fault besides.
		let (told, made) = fake.told(&[&plain[..], &mark()].concat()).await;
		assert!(told.is_none() && made <= 2, "{made}");
		for start in 0..=LAST_START {
			let mut theirs = fake.encode(Some(start));
			assert_eq!(fake.told(&theirs).await.0, Some(start));
			let last = theirs.len() - 1;
			theirs[last] ^= 1;
			let (told, made) = fake.told(&theirs).await;
			assert!(told.is_none() && made <= 2, "{made} for start {start}");
		}
	}

	#[tokio::test]
	async fn variant_should_be_told_wherever_it_departs() {
		// Before it begins, within what decoding order runs ahead, later, and nowhere.
		let departures = [2, 11, 24, 26, 36, 45, 60].map(|at| (Some(at), false));
		for (departs, is_still) in departures.into_iter().chain([(None, false), (None, true)]) {
			let fake = Fake { departs, is_still, ..Default::default() };
			for start in 0..=LAST_START {
				let made = deliverable(&fake, FRAMES, start).await.expect("it makes them");
				assert_ne!(made, fake.encode(None));
				let (told, made_again) = fake.told(&made).await;
				assert!(told >= Some(start), "start {start} that departs at {departs:?}: {told:?}");
				assert!(made_again <= 2, "{made_again}");
			}
		}
	}
}
