//! The judgement of a leaf whose bytes are there.

use std::future::Future;

use livepeer_primitives::{
	chunks::chunk_root,
	leaf::Leaf,
	offchain::VerifyLeaf,
	receipt::Output,
	verdict::{MismatchKind, NonConformingKind, UnavailableKind, Verdict},
	video::{Ladder, SourceLimits},
	work::{StatedWork, WorkFactors},
	Hash,
};

use crate::{
	aside,
	ports::engine::{Examined, Fault, Finding, Format, MediaEngine, MediaError},
};

/// How many times the engine may fail before the leaf is given up.
const ENGINE_ATTEMPTS: u32 = 2;

/// The verdict on a leaf that claims `work`, by its examination. The first fault in rendition order decides;
/// without one the work does; then whether a rendition is a variant. At most one can be a variant, because
/// the protocol never requires two.
pub fn judge(examined: &Examined, claimed_work: u64, real_work: Option<u64>) -> Verdict {
	match examined.findings.iter().find_map(Finding::fault) {
		Some(Fault::Mismatch(kind)) => return Verdict::Mismatch(kind),
		Some(Fault::NonConforming(kind)) => return Verdict::NonConforming(kind),
		None if real_work != Some(claimed_work) => return Verdict::Mismatch(MismatchKind::Work),
		None => {}
	}
	let is_variant = |finding: &Finding| matches!(finding, Finding::Variant { .. });
	let mut variants = (0u8..).zip(&examined.findings).filter(|(_, finding)| is_variant(finding));
	match (variants.next(), variants.next()) {
		(None, _) => Verdict::Valid,
		(Some((rendition, _)), None) => Verdict::Variant { rendition },
		(Some(_), Some(_)) => Verdict::Mismatch(MismatchKind::Video),
	}
}

/// The terms by which a leaf is judged.
pub(crate) struct Terms<'a> {
	/// The job's ladder.
	pub ladder: &'a Ladder,
	/// The job's limits.
	pub limits: &'a SourceLimits,
	/// Factors of the work formula.
	pub factors: &'a WorkFactors,
	/// The ballot's evidence seed.
	pub seed: Hash,
	/// Whether an output can be a variant.
	pub variants: bool,
}

/// The judgement of a leaf whose bytes are there.
pub(crate) struct Judged {
	/// The verdict.
	pub verdict: Verdict,
	/// The leaf's part of the evidence, if pictures were made.
	pub digest: Option<Hash>,
	/// What was found of each output, in words.
	pub findings: Vec<String>,
}

/// Judges a leaf by its bytes: its input, and its outputs in order without absent ones. An error is a failure
/// of the engine, not of the leaf.
pub(crate) async fn judge_leaf(
	engine: &dyn MediaEngine,
	terms: &Terms<'_>,
	leaf: &VerifyLeaf,
	input: &[u8],
	bytes: Vec<Vec<u8>>,
) -> Result<Judged, String> {
	let only = |verdict| Ok(Judged { verdict, digest: None, findings: Vec::new() });
	match &leaf.leaf {
		Leaf::Empty => only(Verdict::Unavailable(UnavailableKind::Refused)),
		Leaf::Rejected { segment, .. } => {
			let format = Format::of(terms.ladder, terms.limits, segment);
			// The reason for a rejection is only information.
			match attempted(|| engine.accept(&format, input)).await {
				Err(MediaError::Invalid(_)) => only(Verdict::Valid),
				Err(error) => Err(error.to_string()),
				Ok(()) => only(Verdict::Mismatch(MismatchKind::Transcodable)),
			}
		}
		Leaf::Transcoded { segment, outputs, work, .. } => {
			// Without outputs, nothing shows that any work was done.
			if outputs.iter().all(Option::is_none) {
				return only(Verdict::Mismatch(MismatchKind::Work));
			}
			let format = Format::of(terms.ladder, terms.limits, segment);
			// The time of a ballot depends on the work that its leaves state, so a judge does no more for a
			// leaf.
			let stated = Some(StatedWork { work: *work, factors: *terms.factors });
			let format = Format { variants: terms.variants, stated, ..format };
			let mut bytes = bytes.into_iter();
			let made: Vec<Option<Vec<u8>>> =
				outputs.iter().map(|output| output.and_then(|_| bytes.next())).collect();
			let examine = || engine.examine(&format, input, &made, terms.seed, leaf.index);
			match attempted(examine).await {
				Ok(examined) if examined.findings.len() == outputs.len() => {
					let is_there = |place: usize| outputs.get(place).is_some_and(Option::is_some);
					let real = examined.pixels.work(terms.factors, terms.ladder, is_there);
					let verdict = match judge(&examined, *work, real) {
						verdict @ (Verdict::Valid | Verdict::Variant { .. }) => {
							let outputs = outputs.clone();
							match aside(move || are_described(&outputs, &made)).await {
								true => verdict,
								false => Verdict::Mismatch(MismatchKind::Container),
							}
						}
						verdict => verdict,
					};
					let findings = examined.findings.iter().map(ToString::to_string).collect();
					Ok(Judged { verdict, digest: Some(examined.digest), findings })
				}
				Ok(_) => Err("an answer for another number of outputs".into()),
				Err(MediaError::Invalid(_)) => {
					only(Verdict::NonConforming(NonConformingKind::Input))
				}
				Err(MediaError::MoreWork) => only(Verdict::Mismatch(MismatchKind::Work)),
				Err(error @ (MediaError::Failed(_) | MediaError::Unable(_))) => {
					Err(error.to_string())
				}
			}
		}
	}
}

/// Asks an engine until it answers without a failure of its own, a few times at most.
async fn attempted<T, F>(ask: impl Fn() -> F) -> Result<T, MediaError>
where
	F: Future<Output = Result<T, MediaError>>,
{
	let mut last = MediaError::Failed("never tried".into());
	for _ in 0..ENGINE_ATTEMPTS {
		match ask().await {
			Err(error @ (MediaError::Failed(_) | MediaError::Unable(_))) => last = error,
			answer => return answer,
		}
	}
	Err(last)
}

/// Whether outputs have the lengths and chunks in the leaf.
fn are_described(outputs: &[Option<Output>], made: &[Option<Vec<u8>>]) -> bool {
	outputs.iter().flatten().zip(made.iter().flatten()).all(|(output, bytes)| {
		bytes.len() as u64 == u64::from(output.len) && chunk_root(bytes) == output.chunk_root
	})
}
