//! Engines that make, or see, something wrong. The command line's help names their cheats.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use livepeer_primitives::{
	verdict::MismatchKind,
	video::{Ladder, Rendition, MAX_KBPS},
	Hash,
};
use livepeer_worker_core::ports::{
	before::BeforeEngine,
	engine::{
		Examined, Fault, Finding, Format, MediaEngine, MediaError, Pixels, Transcoded, Variant,
	},
};

use crate::black::blacken;

/// The deed of a transcoding engine.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Deed {
	/// Claims what the honest engine would have done, and delivers black.
	Black,
	/// Encodes the first rendition at a third of its rate.
	Stingy,
	/// Delivers what it made of the first segment, over and over.
	Replay,
	/// Claims more pixels than it decoded.
	Overstate,
	/// Leaves out the variants that are due.
	Omit,
	/// Makes a variant of the last rendition where none is due.
	Vary,
	/// Leaves the last rendition out, and delivers the one before it in its place. In a job with a single
	/// rendition nothing can be left out.
	Fewer,
}

/// Pixels of a picture of a rendition.
fn picture(rendition: &Rendition) -> u64 {
	u64::from(rendition.width) * u64::from(rendition.height)
}

/// The number of pictures of a segment, by these renditions.
fn pictures(ladder: &Ladder, pixels: &Pixels) -> u64 {
	let all = pixels.outputs.first().copied().unwrap_or_default();
	ladder.first().map_or(0, |rendition| all / picture(rendition).max(1))
}

/// The honest engine with one deed.
pub struct Dishonest {
	honest: Arc<dyn MediaEngine>,
	deed: Deed,
	first: Mutex<Option<Transcoded>>,
}

impl Dishonest {
	pub fn new(honest: Arc<dyn MediaEngine>, deed: Deed) -> Self {
		Self { honest, deed, first: Mutex::new(None) }
	}
}

#[async_trait]
impl BeforeEngine for Dishonest {
	fn behind(&self) -> &dyn MediaEngine {
		&*self.honest
	}

	async fn make(
		&self,
		format: &Format,
		input: &[u8],
		variant: Option<Variant>,
	) -> Result<Transcoded, MediaError> {
		match self.deed {
			Deed::Black => {
				let mut made = self.honest.transcode(format, input, variant).await?;
				made.outputs.clear();
				for rendition in &format.ladder {
					let black = blacken(rendition, input).await.map_err(MediaError::Failed)?;
					made.outputs.push(black);
				}
				Ok(made)
			}
			Deed::Stingy => {
				let mut poorer = format.clone();
				if let Some(first) = poorer.ladder.iter_mut().next() {
					first.kbps = (first.kbps / 3).clamp(1, MAX_KBPS);
					first.cap_kbps = first.cap_kbps.min(first.kbps.saturating_mul(2));
				}
				self.honest.transcode(&poorer, input, variant).await
			}
			Deed::Replay => {
				let made = self.honest.transcode(format, input, variant).await?;
				let mut first = self.first.lock().unwrap_or_else(PoisonError::into_inner);
				Ok(Transcoded { pixels: made.pixels.clone(), ..first.get_or_insert(made).clone() })
			}
			Deed::Overstate => {
				let mut made = self.honest.transcode(format, input, variant).await?;
				made.pixels.input += made.pixels.input / 5;
				Ok(made)
			}
			Deed::Omit => self.honest.transcode(format, input, None).await,
			Deed::Vary => {
				let last = u8::try_from(format.ladder.len().saturating_sub(1)).unwrap_or_default();
				let undue = Variant { rendition: last, start: 0 };
				self.honest.transcode(format, input, Some(variant.unwrap_or(undue))).await
			}
			Deed::Fewer => {
				let mut fewer = format.clone();
				let left_out = fewer.ladder.pop().filter(|_| !fewer.ladder.is_empty());
				let Some(left_out) = left_out else {
					return self.honest.transcode(format, input, variant).await;
				};
				let is_there =
					|variant: &Variant| usize::from(variant.rendition) < fewer.ladder.len();
				let mut made =
					self.honest.transcode(&fewer, input, variant.filter(is_there)).await?;
				made.outputs.extend(made.outputs.last().cloned());
				let pixels = picture(&left_out) * pictures(&fewer.ladder, &made.pixels);
				made.pixels.outputs.push(pixels);
				Ok(made)
			}
		}
	}
}

/// How a judge neglects its work.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Neglect {
	/// Says that everything is right, without having encoded it.
	Lazy,
	/// Says that the smallest rendition is right, without having scaled or encoded it. It does examine a
	/// single rendition.
	Smallest,
	/// Says that everything is wrong.
	Lying,
	/// Always abstains.
	Silent,
}

/// A judge that neglects its duty.
pub struct Neglectful {
	pub honest: Arc<dyn MediaEngine>,
	pub neglect: Neglect,
}

#[async_trait]
impl BeforeEngine for Neglectful {
	fn behind(&self) -> &dyn MediaEngine {
		&*self.honest
	}

	async fn judge(
		&self,
		format: &Format,
		input: &[u8],
		outputs: &[Option<Vec<u8>>],
		seed: Hash,
		index: u32,
	) -> Result<Examined, MediaError> {
		match self.neglect {
			Neglect::Silent => Err(MediaError::Failed("it does not want to".into())),
			Neglect::Smallest => {
				let sizes = format.ladder.iter().map(picture).enumerate();
				let smallest = sizes.min_by_key(|(_, size)| *size);
				let Some((place, size)) = smallest.filter(|_| format.ladder.len() > 1) else {
					return self.honest.examine(format, input, outputs, seed, index).await;
				};
				let mut fewer = format.clone();
				fewer.ladder.remove(place);
				let mut looked_at = outputs.to_vec();
				looked_at.remove(place);
				let mut seen = self.honest.examine(&fewer, input, &looked_at, seed, index).await?;
				seen.findings.insert(place, Finding::Exact);
				let pixels = size * pictures(&fewer.ladder, &seen.pixels);
				seen.pixels.outputs.insert(place, pixels);
				Ok(seen)
			}
			Neglect::Lying => {
				let mut seen = self.honest.examine(format, input, outputs, seed, index).await?;
				let fault = Fault::Mismatch(MismatchKind::Video);
				seen.findings.fill(Finding::Fault { fault, picture: Some(0) });
				Ok(seen)
			}
			Neglect::Lazy => {
				// The sizes are known; the frames are counted by decoding, which is cheap, in one
				// rendition that is too small to cost anything.
				let mut small = format.clone();
				small.ladder.truncate(1);
				for rendition in small.ladder.iter_mut() {
					(rendition.width, rendition.height) = (16, 16);
				}
				let made = self.honest.transcode(&small, input, None).await?;
				let frames = pictures(&small.ladder, &made.pixels);
				let outputs = format.ladder.iter().map(|r| picture(r) * frames).collect();
				Ok(Examined {
					findings: vec![Finding::Exact; format.ladder.len()],
					pixels: Pixels { input: made.pixels.input, outputs },
					digest: seed,
				})
			}
		}
	}
}

#[cfg(test)]
mod tests {
	use livepeer_primitives::video::SourceLimits;
	use livepeer_worker_core::fakes::{rendition, FakeEngine};

	use super::*;

	/// Of which [`FakeEngine`] makes a thousand pictures of the first rendition.
	const INPUT: [u8; 4] = [1, 2, 3, 4];

	fn format() -> Format {
		let ladder = vec![rendition(20, 10, 100), rendition(10, 10, 50)];
		Format {
			ladder: Ladder::truncate_from(ladder),
			limits: SourceLimits::new(1280, 720, 30),
			variants: false,
			stated: None,
		}
	}

	async fn examined(engine: &dyn MediaEngine, outputs: Vec<Vec<u8>>) -> Examined {
		let outputs: Vec<_> = outputs.into_iter().map(Some).collect();
		let examined = engine.examine(&format(), &INPUT, &outputs, Hash::zero(), 0).await;
		examined.expect("the fake engine answers")
	}

	#[tokio::test]
	async fn rendition_that_is_left_out_should_be_claimed_and_be_another() {
		let honest = Arc::new(FakeEngine::default());
		let fewer = Dishonest::new(honest.clone(), Deed::Fewer);
		let made = fewer.transcode(&format(), &INPUT, None).await.expect("it makes one");
		assert_eq!(made.pixels.outputs, [200_000, 100_000]);
		assert_eq!(made.outputs.first(), made.outputs.last());
		let seen = examined(&*honest, made.outputs).await;
		let faults: Vec<bool> = seen.findings.iter().map(|it| it.fault().is_some()).collect();
		assert_eq!(faults, [false, true]);
	}

	#[tokio::test]
	async fn judge_that_leaves_the_smallest_out_should_see_what_is_wrong_with_others_alone() {
		let honest = Arc::new(FakeEngine::default());
		let right = honest.transcode(&format(), &INPUT, None).await.expect("it makes both");
		let lazy = Neglectful { honest, neglect: Neglect::Smallest };
		for (wrong, faults) in [(0, [true, false]), (1, [false, false])] {
			let mut outputs = right.outputs.clone();
			outputs[wrong].push(0);
			let seen = examined(&lazy, outputs).await;
			assert_eq!(seen.pixels.outputs, [200_000, 100_000]);
			let found: Vec<bool> = seen.findings.iter().map(|it| it.fault().is_some()).collect();
			assert_eq!(found, faults, "{wrong}");
		}
	}
}
