//! Who misbehaves in a story, and what the consequences must be.

use clap::ValueEnum;

/// The cheat: a command of `livepeer-cheat`.
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
	/// The validator whose judge misbehaves, in a judge's cheat. It does not transcode.
	pub fn judge(self) -> Option<&'static str> {
		(!self.penalties().is_empty()).then_some("eve")
	}

	/// Whether it is the transcoders who misbehave.
	pub fn is_transcoders(self) -> bool {
		self.judge().is_none() && self != Self::Spoil
	}

	/// The penalties of a judge with this cheat: at least one of these.
	pub fn penalties(self) -> &'static [&'static str] {
		match self {
			Self::Lazy | Self::Smallest => &["OtherEvidence", "WrongEvidence", "MissedVariant"],
			// It has nothing to repeat before a fellow has revealed something.
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

	/// The verdict that some judge gives on them.
	pub fn verdict(self) -> Option<&'static str> {
		match self {
			Self::Black | Self::Stingy | Self::Lying => Some("Mismatch"),
			// The times are the first segment's too, and the size is another rendition's.
			Self::Replay | Self::Fewer => Some("NonConforming"),
			Self::Overstate => Some("Work"),
			Self::Vary => Some("Variant"),
			Self::Withhold => Some("Unavailable"),
			Self::Garble => Some("WrongBytes"),
			// Every judge says that it is valid, and the chain knows better.
			Self::Omit | Self::Unrevealed | Self::Spoil => None,
			Self::Lazy | Self::Smallest | Self::Copying | Self::Silent => None,
		}
	}

	/// Whether it spoils every claim. A missing variant is noticed only in a drawn segment that had to have
	/// one.
	pub fn is_everywhere(self) -> bool {
		self != Self::Omit
	}

	/// The least percentage of forced segments for which its story shows anything.
	pub fn variants(self) -> u32 {
		match self {
			// So that a claim with few drawn segments has one.
			Self::Omit => 50,
			_ => 0,
		}
	}

	/// Whether judges get any bytes.
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
			// Only transcoders are convicted.
			assert_eq!(cheat.outcome() != "Accepted", cheat.is_transcoders(), "{name}");
		}
	}
}
