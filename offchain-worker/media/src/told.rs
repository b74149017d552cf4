//! Which variant an output is. Nothing says it but the bytes, and to make them all would cost a judge four
//! encodes for any fault.
//!
//! A variant is what it departs from, byte for byte, up to where it begins, but for the few pictures by
//! which decoding order runs ahead. So where it begins follows from the first coded picture that differs.
//! Under profile 2 it departs from the plain encode; under profile 1 the rate control goes another way as
//! soon as there is any variant, long before it begins, and in all of them in the same: there it departs from
//! the variant that begins last.
//!
//! Where nothing moves a variant departs later than it begins, and it may be another then than the one that
//! begins there, for the encoder has looked ahead. Whoever makes one looks whether it would be told, and else
//! makes the later one, which is as good.

use async_trait::async_trait;
use livepeer_primitives::video::{ProfileId, Rendition, SourceLimits};

use crate::{
	parent::{MediaError, MediaPool, Priority},
	profile::{self, LAST_START},
};

/// Bytes of a packet of a transport stream.
const PACKET: usize = 188;

/// The plain encode of one rendition of a segment.
pub(crate) struct Plain<'a> {
	/// The rendition's profile.
	pub profile: ProfileId,
	/// Its pictures.
	pub frames: u32,
	/// Its bytes.
	pub bytes: &'a [u8],
}

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
struct Base<'a> {
	plain: &'a Plain<'a>,
	/// The variant that begins last, where that is it.
	last: Option<Vec<u8>>,
}

impl<'a> Base<'a> {
	async fn of(makes: &impl Makes, plain: &'a Plain<'a>) -> Result<Base<'a>, MediaError> {
		let last = match profile::departs_at_its_start(plain.profile) {
			true => None,
			false => Some(makes.make(LAST_START).await?),
		};
		Ok(Self { plain, last })
	}

	/// The starts with which `theirs` is compared: as many as leave it at two encodes in all.
	fn starts(&self, theirs: &[u8]) -> Vec<u8> {
		if self.last.as_deref() == Some(theirs) {
			return vec![LAST_START];
		}
		let base = self.last.as_deref().unwrap_or(self.plain.bytes);
		let starts = profile::starts_at(self.plain.frames, coded_difference(base, theirs));
		starts.take(if self.last.is_some() { 1 } else { 2 }).collect()
	}

	/// The variant with this start.
	async fn variant(&self, makes: &impl Makes, start: u8) -> Result<Vec<u8>, MediaError> {
		match &self.last {
			Some(last) if start == LAST_START => Ok(last.clone()),
			_ => makes.make(start).await,
		}
	}
}

/// The start of the variant that `theirs` is, if it is one. Two are made at most.
pub(crate) async fn start_of(
	makes: &impl Makes,
	plain: &Plain<'_>,
	theirs: &[u8],
) -> Result<Option<u8>, MediaError> {
	let base = Base::of(makes, plain).await?;
	for start in base.starts(theirs) {
		if base.variant(makes, start).await? == theirs {
			return Ok(Some(start));
		}
	}
	Ok(None)
}

/// The variant with this start or, where it would not be told, with a later one that is.
pub(crate) async fn deliverable(
	makes: &impl Makes,
	plain: &Plain<'_>,
	start: u8,
) -> Result<Vec<u8>, MediaError> {
	let base = Base::of(makes, plain).await?;
	let mut start = start;
	loop {
		let made = base.variant(makes, start).await?;
		let starts = base.starts(&made);
		if starts.contains(&start) || start >= LAST_START {
			return Ok(made);
		}
		// Where none of those would be told the last one is tried: under profile 1 it is what all others
		// are compared with, and always told.
		start = starts.into_iter().filter(|told| *told > start).max().unwrap_or(LAST_START);
	}
}

/// In which coded picture of the transport stream `ours` another one first differs; as many as it has where
/// the other one goes on behind it.
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
	// An adaptation field stands before the payload, with its length in front.
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

	use livepeer_primitives::video::{CANONICAL_PROFILE, CAPPED_QUALITY};

	use super::*;
	use crate::profile::{mark, variant_start};

	const FRAMES: u32 = 50;
	const PROFILES: [ProfileId; 2] = [CANONICAL_PROFILE, CAPPED_QUALITY];

	/// Encodes each picture into two packets.
	struct Fake {
		profile: ProfileId,
		/// Where every variant departs, if not where it begins.
		departs: Option<u32>,
		made: AtomicUsize,
	}

	impl Fake {
		fn new(profile: ProfileId, departs: Option<u32>) -> Self {
			Self { profile, departs, made: AtomicUsize::new(0) }
		}

		fn encode(&self, start: Option<u8>) -> Vec<u8> {
			let picture = |picture: u32| {
				let begins = |start: u8| self.departs.unwrap_or(variant_start(FRAMES, start));
				let varied = start.filter(|start| picture >= begins(*start)).map(|start| start + 1);
				let goes_another_way = self.profile == CANONICAL_PROFILE && picture >= 5;
				let other = start.is_some() && goes_another_way;
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

		/// Says what an output is told to be, and how many variants were made for that.
		async fn told(&self, theirs: &[u8]) -> (Option<u8>, usize) {
			self.made.store(0, Ordering::SeqCst);
			let bytes = self.encode(None);
			let plain = Plain { profile: self.profile, frames: FRAMES, bytes: &bytes };
			let told = start_of(self, &plain, theirs).await.expect("it makes them");
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
		let ours = Fake::new(CAPPED_QUALITY, None).encode(None);
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
		for profile in PROFILES {
			let fake = Fake::new(profile, None);
			let plain = fake.encode(None);
			for picture in 0..FRAMES as usize {
				let mut theirs = plain.clone();
				theirs[(2 * picture + 1) * PACKET + 60] ^= 1;
				let (told, made) = fake.told(&theirs).await;
				assert_eq!(told, None, "picture {picture}");
				assert!(made <= 2, "{made} for picture {picture} under profile {profile}");
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
	}

	#[tokio::test]
	async fn variant_should_be_told_though_rate_control_departs_before_it_begins() {
		let fake = Fake::new(CANONICAL_PROFILE, Some(2));
		let bytes = fake.encode(None);
		let plain = Plain { profile: CANONICAL_PROFILE, frames: FRAMES, bytes: &bytes };
		for start in 0..=LAST_START {
			let made = deliverable(&fake, &plain, start).await.expect("it makes them");
			assert_eq!(fake.told(&made).await.0, Some(LAST_START), "start {start}");
		}
	}

	#[tokio::test]
	async fn variant_should_be_told_when_it_departs_later_than_it_begins() {
		for (profile, departs) in PROFILES.iter().flat_map(|p| [5, 26, 45, 60].map(|at| (*p, at))) {
			let fake = Fake::new(profile, Some(departs));
			let bytes = fake.encode(None);
			let plain = Plain { profile, frames: FRAMES, bytes: &bytes };
			for start in 0..=LAST_START {
				// What departs before it begins there cannot be.
				if departs < variant_start(FRAMES, start) {
					continue;
				}
				let made = deliverable(&fake, &plain, start).await.expect("it makes them");
				let (told, made_again) = fake.told(&made).await;
				assert!(told.is_some(), "start {start} that departs at {departs}, {profile}");
				assert!(made_again <= 2, "{made_again}");
			}
		}
	}
}
