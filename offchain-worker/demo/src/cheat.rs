//! Who misbehaves in a story, and what must become of it.

use clap::ValueEnum;

/// What is done: a command of `livepeer-cheat`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum Cheat {
	/// Transcoders deliver black pictures.
	Black,
	/// Transcoders encode the first rendition at a third of its rate.
	Stingy,
	/// Transcoders deliver the first segment over and over.
	Replay,
	/// Transcoders claim more work than there was.
	Overstate,
	/// Transcoders leave out the forced variants.
	Omit,
	/// Transcoders make a variant in every segment, also where none is due.
	Vary,
	/// Transcoders leave the last rendition out, deliver another in its place and claim it.
	Fewer,
	/// Transcoders keep the bytes back from judges.
	Withhold,
	/// Transcoders give judges other bytes than they signed.
	Garble,
	/// Transcoders reveal no drawn leaf.
	Unrevealed,
	/// A judge says that everything is right, without encoding it.
	Lazy,
	/// A judge says that the smallest rendition is right, without looking at it.
	Smallest,
	/// A judge says that everything is right, with the newest evidence that another has revealed.
	Copying,
	/// A judge says that everything is wrong.
	Lying,
	/// A judge abstains from everything.
	Silent,
	/// The broadcaster signs segments that nobody can transcode.
	Spoil,
}

impl Cheat {
	/// The validator whose judge misbehaves, where it is a judge who does. It transcodes for nobody.
	pub fn judge(self) -> Option<&'static str> {
		(!self.penalties().is_empty()).then_some("eve")
	}

	/// Whether it is the transcoders who misbehave.
	pub fn is_transcoders(self) -> bool {
		self.judge().is_none() && self != Self::Spoil
	}

	/// What a judge who does it is penalised for: one of these at least.
	pub fn penalties(self) -> &'static [&'static str] {
		match self {
			Self::Lazy | Self::Smallest => &["OtherEvidence", "WrongEvidence", "MissedVariant"],
			// Before a fellow has revealed anything there is nothing to repeat.
			Self::Copying => &["NoShow", "OtherEvidence", "WrongEvidence", "MissedVariant"],
			Self::Lying => &["FalseDissent"],
			Self::Silent => &["NoShow"],
			_ => &[],
		}
	}

	/// How the transcoders' claims end.
	pub fn outcome(self) -> &'static str {
		match self {
			Self::Black | Self::Stingy | Self::Replay | Self::Overstate => "Failed",
			Self::Omit | Self::Vary | Self::Fewer => "Failed",
			Self::Withhold | Self::Garble | Self::Unrevealed => "Missed",
			Self::Lazy | Self::Smallest | Self::Copying | Self::Lying | Self::Silent => "Accepted",
			Self::Spoil => "Accepted",
		}
	}

	/// What some judge says of them.
	pub fn verdict(self) -> Option<&'static str> {
		match self {
			Self::Black | Self::Stingy | Self::Lying => Some("Mismatch"),
			// The times are the first segment's too; the size is another rendition's.
			Self::Replay | Self::Fewer => Some("NonConforming"),
			Self::Overstate => Some("Work"),
			Self::Vary => Some("Variant"),
			Self::Withhold => Some("Unavailable"),
			Self::Garble => Some("WrongBytes"),
			// Everybody says that it is valid, and the chain knows better.
			Self::Omit | Self::Unrevealed | Self::Spoil => None,
			Self::Lazy | Self::Smallest | Self::Copying | Self::Silent => None,
		}
	}

	/// Whether it spoils every claim. What is left out is missed only where it was due and is drawn.
	pub fn is_everywhere(self) -> bool {
		self != Self::Omit
	}

	/// Percent of the segments that have to be forced at least for its story to show anything.
	pub fn variants(self) -> u32 {
		match self {
			// So that a claim of a few drawn segments has one.
			Self::Omit => 50,
			_ => 0,
		}
	}

	/// Whether judges get any bytes to look at.
	pub fn is_looked_at(self) -> bool {
		!matches!(self, Self::Withhold | Self::Garble | Self::Unrevealed)
	}

	/// Its name, as it is given.
	pub fn name(self) -> String {
		self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn every_cheat_should_be_in_the_readme_and_have_one_party() {
		let page = include_str!("../../../README.md");
		for cheat in Cheat::value_variants() {
			let name = cheat.name();
			assert!(page.contains(&format!("\n| `{name}` | ")), "{name}");
			let parties = [cheat.judge().is_some(), cheat.is_transcoders(), *cheat == Cheat::Spoil];
			assert_eq!(parties.iter().filter(|is_it| **is_it).count(), 1, "{name}");
			// Whoever is convicted is a transcoder.
			assert_eq!(cheat.outcome() != "Accepted", cheat.is_transcoders(), "{name}");
		}
	}
}
