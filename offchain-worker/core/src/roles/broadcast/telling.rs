//! Messages to a broadcaster while its stream does not continue: nothing waits in silence.

use livepeer_primitives::{
	api::{JobView, TranscoderView},
	params::ProtocolParameters,
	video::{Rendition, TICKS_PER_SECOND},
	work::{fee, max_leaf_work},
	Balance,
};

use super::{Broadcaster, StreamSpec};
#[cfg(test)]
use crate::ports::events::Event;
use crate::{
	about, decimal,
	ports::{chain::ChainError, events::Warning},
};

/// A budget that pays for fewer of the largest segments than this causes a warning.
const FEW_SEGMENTS: Balance = 30;

/// Pixels per bit at which hardly anything is visible, and at which pictures look as usual.
const POINTS_A_BIT: [u64; 2] = [200, 20];

impl Broadcaster {
	/// Says what a job waits for, and warns when its budget runs out.
	pub(super) async fn tell(&self, view: &JobView) -> Result<(), ChainError> {
		let Some(current) = &view.current else {
			let transcoders = self.chain.transcoders().await?;
			self.warnings.wait(why_unassigned(view, &transcoders));
			return Ok(());
		};
		if current.toolchain.is_none() {
			let (job, who) = (view.id, &current.transcoder);
			self.warnings.wait(format!("job {job} is offered to {who}, which has not accepted yet; if it does not, another is asked"));
			return Ok(());
		}
		self.warnings.goes_on();
		let left = view.unreserved.saturating_add(current.allowance);
		let one = fee(view.max_leaf_work, current.price).max(1);
		if left < one.saturating_mul(FEW_SEGMENTS) {
			let (job, segments, left) = (view.id, left / one, decimal(left));
			let text = format!("job {job} has {left} ETH left, enough for {segments} segments of the largest kind: add some with `livepeer-worker stream top-up`");
			self.warnings.warn(Warning::LowBudget, text);
		}
		Ok(())
	}
}

impl Broadcaster {
	/// Says what a stream will cost, before any money is reserved for it.
	pub(super) async fn foretell(&self, spec: &StreamSpec) -> Result<(), ChainError> {
		let transcoders = self.chain.transcoders().await?;
		let free = self.chain.free(self.own.account()).await?.eth;
		tracing::info!("{}", foretold(spec, &transcoders, free));
		for warning in spec.ladder.iter().filter_map(|r| too_coarse(r, spec.limits.fps)) {
			tracing::warn!("{warning}");
		}
		Ok(())
	}
}

/// A stream's cost in words. Before there is a job the chain does not tell its work factors: the presets' are
/// assumed, which governance may have changed.
fn foretold(spec: &StreamSpec, transcoders: &[TranscoderView], free: Balance) -> String {
	let able = transcoders.iter().filter(|t| t.active && !t.jailed && t.price <= spec.max_price);
	let (price, whose) = match able.map(|t| t.price).min() {
		Some(price) => (price, "the cheapest transcoder's price"),
		None => {
			(spec.max_price, "the highest price that it pays, which no active transcoder takes")
		}
	};
	let factors = ProtocolParameters::production().jobs.factors;
	let leaf = max_leaf_work(&factors, &spec.ladder, &spec.limits).unwrap_or(u64::MAX);
	let one = fee(leaf, price);
	let each_hour = u64::from(TICKS_PER_SECOND) * 3_600;
	let hour = one.saturating_mul(each_hour.into()) / Balance::from(spec.limits.longest.max(1));
	let hours = spec.budget.checked_div(hour).map_or_else(
		|| "as long as it lasts".to_owned(),
		|hours| format!("for about {hours} hours"),
	);
	let short = match free < spec.budget {
		true => ": too little for the budget; give a smaller --budget, or send it some",
		false => "",
	};
	format!(
		"the stream costs about {} ETH an hour at most, at {whose}; the budget of {} ETH is enough {hours}, and what is not spent comes back; {} ETH are free{short}",
		about(hour),
		decimal(spec.budget),
		decimal(free),
	)
}

/// A warning about a rendition's bit rate that is probably a mistake at this frame rate. Not an error,
/// because the protocol takes it.
fn too_coarse(rendition: &Rendition, fps: u16) -> Option<String> {
	let Rendition { width, height, kbps, .. } = *rendition;
	let points = u64::from(width) * u64::from(height) * u64::from(fps);
	let [least, usual] = POINTS_A_BIT.map(|points_a_bit| points / points_a_bit / 1_000);
	(u64::from(kbps) < least).then(|| {
		format!("rendition {width}x{height}@{kbps}k will show hardly anything: {fps} pictures of that size a second take about {usual} kbit/s; if that is not meant, stop and give another --rendition")
	})
}

/// Why nobody transcodes a job, and what to do about it.
fn why_unassigned(view: &JobView, transcoders: &[TranscoderView]) -> String {
	let job = view.id;
	let profiles = view.ladder.iter().map(|rendition| rendition.profile);
	let active: Vec<_> = transcoders.iter().filter(|t| t.active && !t.jailed).collect();
	if active.is_empty() {
		return format!("job {job} waits: no transcoder is active on this chain; one that registers takes part from the next round on");
	}
	let able: Vec<_> = active
		.iter()
		.filter(|t| profiles.clone().all(|profile| t.profiles.contains(&profile)))
		.collect();
	let Some(cheapest) = able.iter().map(|t| t.price).min() else {
		return format!("job {job} waits: none of {} active transcoders is available for its profile; the draw is repeated at growing intervals, and soon after `livepeer-worker stream top-up`", active.len());
	};
	let max_price = view.max_price;
	if cheapest > max_price {
		return format!(
			"job {job} waits: the cheapest transcoder asks {} ETH for a standard segment, the job pays {} at most: end it with `livepeer-worker stream end` and start again with a higher --max-price",
			decimal(cheapest),
			decimal(max_price),
		);
	}
	if able.iter().all(|t| t.price > max_price || t.capacity == 0) {
		return format!("job {job} waits: no transcoder at its price has announced capacity; the draw is repeated at growing intervals, or start again with a higher --max-price");
	}
	let one = fee(view.max_leaf_work, cheapest);
	if view.unreserved < one {
		return format!("job {job} waits: {} ETH of its budget is not reserved, which pays for no assignment: add some with `livepeer-worker stream top-up`", decimal(view.unreserved));
	}
	format!("job {job} waits: every transcoder at its price works at its capacity, has declined, has too small an own bond for more, or asks too little for a claim to be worth anything, or fewer validators than a committee has could judge it; the draw is repeated at growing intervals, and soon after `livepeer-worker stream top-up`; a higher --max-price reaches more of them")
}

/// The message while no block comes.
pub(super) fn stalled(ms: u64) -> String {
	format!("no block has come for {} s: the node has lost its peers or is behind, or the chain has stopped. Segments still go to the current transcoder", ms / 1_000)
}

/// Whether an event says that the role waits for something.
#[cfg(test)]
pub(super) fn says(event: &Event, what: &str) -> bool {
	matches!(event, Event::Waits { text } | Event::Warned { text, .. } if text.contains(what))
}

#[cfg(test)]
mod tests {
	#![allow(clippy::unwrap_used)]
	use super::*;
	use crate::fakes::rendition;
	use livepeer_primitives::{video::SourceLimits, UNIT};

	#[test]
	fn rendition_should_be_warned_of_when_its_bit_rate_cannot_be_meant() {
		let said = too_coarse(&rendition(854, 480, 1), 30).unwrap();
		assert!(said.contains("854x480@1k") && said.contains("about 614 kbit/s"), "{said}");
		for (width, height, kbps, fps) in
			[(854, 480, 61, 30), (640, 360, 800, 60), (426, 240, 400, 30), (16, 16, 1, 1)]
		{
			assert_eq!(too_coarse(&rendition(width, height, kbps), fps), None);
		}
	}

	#[test]
	fn cost_should_be_said_before_any_money_is_held() {
		let mut spec = StreamSpec {
			name: "x".into(),
			ladder: vec![rendition(1280, 720, 2_000)].try_into().unwrap(),
			limits: SourceLimits::new(1280, 720, 30),
			max_price: UNIT / 1_000,
			budget: UNIT,
			lasts: 100,
			keep: 1,
			live: true,
			above: None,
			ask: Vec::new(),
			job: None,
		};
		let said = foretold(&spec, &[], 2 * UNIT);
		assert!(said.contains("no active transcoder takes"), "{said}");
		assert!(said.contains("budget of 1 ETH") && said.contains("2 ETH are free"), "{said}");
		assert!(!said.contains("too little"), "{said}");
		assert!(foretold(&spec, &[], UNIT / 2).contains("too little for the budget"));
		spec.max_price = 0;
		assert!(foretold(&spec, &[], UNIT).contains("as long as it lasts"));
	}
}
