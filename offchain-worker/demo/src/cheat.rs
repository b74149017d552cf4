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
	/// Transcoders keep the bytes back from judges.
	Withhold,
	/// Transcoders give judges other bytes than they signed.
	Garble,
	/// Transcoders reveal no drawn leaf.
	Unrevealed,
	/// A judge says that everything is right, without encoding it.
	Lazy,
	/// A judge says that everything is wrong.
	Lying,
	/// A judge abstains from everything.
	Silent,
}

impl Cheat {
	/// The validator whose judge misbehaves, where it is a judge who does. It transcodes for nobody.
	pub fn judge(self) -> Option<&'static str> {
		matches!(self, Self::Lazy | Self::Lying | Self::Silent).then_some("eve")
	}

	/// How the transcoders' claims end.
	pub fn outcome(self) -> &'static str {
		match self {
			Self::Black | Self::Stingy | Self::Replay | Self::Overstate => "Failed",
			Self::Omit | Self::Vary => "Failed",
			Self::Withhold | Self::Garble | Self::Unrevealed => "Missed",
			Self::Lazy | Self::Lying | Self::Silent => "Accepted",
		}
	}

	/// What some judge says of them.
	pub fn verdict(self) -> Option<&'static str> {
		match self {
			Self::Black | Self::Stingy | Self::Lying => Some("Mismatch"),
			// The times are the first segment's too.
			Self::Replay => Some("NonConforming"),
			Self::Overstate => Some("Work"),
			Self::Vary => Some("Variant"),
			Self::Withhold => Some("Unavailable"),
			Self::Garble => Some("WrongBytes"),
			// Everybody says that it is valid, and the chain knows better.
			Self::Omit | Self::Unrevealed | Self::Lazy | Self::Silent => None,
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
