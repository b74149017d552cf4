//! The worker's roles on the real runtime: transcoders, broadcasters and judges as their processes run them, over
//! simulated time, with lines that lose and delay, machines that are killed and started again, full disks, wrong
//! clocks and late blocks, among delegators that move their stake; some cheat.
//!
//! A judge is the verify role, and beside it a node that runs the runtime's own off-chain worker after each block.
//! Each block keeps every invariant and every sum. In the end every stream has come back, every claim and every
//! job was over in the time that the parameters promise, nobody honest lost stake, no more was paid than came in,
//! and whoever was caught lost more than all that it claimed.
//!
//! `SIM_SEEDS=20` plays so many, `SIM_FROM=5` begins with that one, `SIM_SCALE=5` has five times as many actors
//! (`make sim-roles`). A failure says its seed, and the smallest story that still fails. A seed fixes who does what
//! and what fails when, not in which order the tasks of one role go on that can at the same moment. A strategy is
//! an entry of `making::CHEATS` or of `judge::CHEATS`.

mod audit;
mod chain;
mod faults;
mod judge;
mod making;
mod stage;

use std::fmt::{Display, Formatter};

use livepeer_integration_tests::{
	seeds::{self, setting, Chance},
	World,
};
use livepeer_primitives::{duty::Acceptance, BlockNumber};
use livepeer_worker_core::{
	fakes::simulate,
	key::Signing,
	ports::chain::{Call, Chain, ChainError, Refused, Wait},
};

use crate::{
	chain::{Client, Ledger},
	faults::{Fault, Line, Machine, Outage, Weather, Whose},
	judge::Judging,
	making::Making,
};

/// The last block in which something begins to fail.
const LAST_OUTAGE: BlockNumber = 120;
/// The longest outage in slots: a third of what a judge waits for bytes.
const LONGEST_OUTAGE: u64 = 2;
/// Blocks between two outages of which judging knows: more than a ballot gives for bytes, so that nobody is late for
/// two of them.
const APART: BlockNumber = 16;
/// Fewest segments of a stream: a claim of them.
const LEAST_SEGMENTS: u64 = 8;

/// What is streamed.
#[derive(Clone, Copy)]
struct Stream {
	/// Its segments.
	segments: u64,
	/// Whether its broadcaster is gone for good in the middle.
	leaves: bool,
}

/// Who is there, and what goes wrong.
#[derive(Clone)]
struct Plan {
	seed: u64,
	judges: usize,
	/// Who of them cheats, and how. All others outvote it.
	bad_judge: Option<(usize, &'static Judging)>,
	transcoders: Vec<&'static Making>,
	streams: Vec<Stream>,
	delegators: u64,
	weather: Weather,
	/// Whether blocks are late now and then.
	late_blocks: bool,
	outages: Vec<Outage>,
}

impl Plan {
	/// The one of a seed, with so many times the usual number of actors.
	fn of(seed: u64, scale: u64) -> Self {
		let mut chance = Chance::new(seed);
		let judges = (5 + scale).min(12) as usize;
		let bad_judge = (chance.below(3) > 0).then(|| {
			let place = chance.below(judges as u64) as usize;
			(place, chance.one_of(&judge::CHEATS))
		});
		let mut transcoders = vec![&making::HONEST; 2];
		for _ in 0..4 * scale {
			transcoders.push(match chance.below(3) {
				0 => chance.one_of(&making::CHEATS),
				_ => &making::HONEST,
			});
		}
		let mut streams = Vec::new();
		for _ in 0..3 * scale {
			let segments = 2 * LEAST_SEGMENTS + chance.below(24);
			streams.push(Stream { segments, leaves: chance.below(5) == 0 });
		}
		let weather = Weather { lost: chance.below(20), late_ms: chance.below(900) };
		let mut plan = Self {
			seed,
			judges,
			bad_judge,
			transcoders,
			streams,
			delegators: 60 * scale,
			weather,
			late_blocks: chance.below(2) == 0,
			outages: Vec::new(),
		};
		let (judges, transcoders) = (judges as u64, plan.transcoders.len() as u64);
		plan.fail(&mut chance, APART, |chance| {
			let place = chance.below(judges + transcoders);
			match place.checked_sub(judges) {
				None => (Whose::Judge(place as usize), [Fault::Crash, Fault::Cut, Fault::Cut]),
				Some(place) => {
					(Whose::Transcoder(place as usize), [Fault::Crash, Fault::Cut, Fault::Full])
				}
			}
		});
		let streams = plan.streams.len() as u64;
		plan.fail(&mut chance, 4, |chance| {
			let place = chance.below(streams) as usize;
			(Whose::Stream(place), [Fault::Crash, Fault::Cut, Fault::Full])
		});
		plan
	}

	/// Adds outages, one after the other and `apart` blocks from each other at least.
	fn fail(
		&mut self,
		chance: &mut Chance,
		apart: BlockNumber,
		pick: impl Fn(&mut Chance) -> (Whose, [Fault; 3]),
	) {
		let mut at = 3 + chance.below(10) as BlockNumber;
		while at < LAST_OUTAGE {
			let (whose, faults) = pick(chance);
			let fault = *chance.one_of(&faults);
			let lasts = 1 + chance.below(LONGEST_OUTAGE);
			self.outages.push(Outage { whose, fault, at, lasts });
			at += apart + chance.below(10) as BlockNumber;
		}
	}
}

impl seeds::Plan for Plan {
	/// A story takes many seconds.
	const MOST_TRIES: u32 = 24;

	fn smaller(&self) -> Vec<Self> {
		let mut plans = Vec::new();
		let count = self.outages.len();
		if count > 0 {
			plans.push(Self { outages: Vec::new(), ..self.clone() });
		}
		if count > 1 {
			plans.push(Self { outages: self.outages[..count / 2].to_vec(), ..self.clone() });
			plans.push(Self { outages: self.outages[count / 2..].to_vec(), ..self.clone() });
		}
		if self.weather.lost > 0 || self.weather.late_ms > 0 || self.late_blocks {
			let weather = Weather::default();
			plans.push(Self { weather, late_blocks: false, ..self.clone() });
		}
		if self.delegators > 0 {
			plans.push(Self { delegators: self.delegators / 4, ..self.clone() });
		}
		if self.bad_judge.is_some() {
			plans.push(Self { bad_judge: None, ..self.clone() });
		}
		if self.streams.len() > 1 {
			let half = self.streams.len().div_ceil(2);
			plans.push(Self { streams: self.streams[..half].to_vec(), ..self.clone() });
			plans.push(Self { streams: self.streams[half..].to_vec(), ..self.clone() });
		}
		if self.transcoders.len() > 2 {
			let most = self.transcoders.len() - 1;
			plans.push(Self { transcoders: self.transcoders[..most].to_vec(), ..self.clone() });
		}
		for (place, _) in
			self.transcoders.iter().enumerate().filter(|(_, making)| !is_honest(making))
		{
			let mut plan = self.clone();
			plan.transcoders[place] = &making::HONEST;
			plans.push(plan);
		}
		for (place, stream) in self.streams.iter().enumerate() {
			if stream.segments > LEAST_SEGMENTS {
				let mut plan = self.clone();
				plan.streams[place].segments = (stream.segments / 2).max(LEAST_SEGMENTS);
				plans.push(plan);
			}
		}
		plans
	}
}

/// Whether a transcoder does what it should.
fn is_honest(making: &Making) -> bool {
	making.name == making::HONEST.name
}

impl Display for Plan {
	fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
		let Self { seed, judges, delegators, weather, late_blocks, .. } = self;
		write!(f, "luck {seed}, {judges} judges")?;
		if let Some((place, judging)) = &self.bad_judge {
			write!(f, " (number {place} {})", judging.name)?;
		}
		write!(f, ", {delegators} delegators; transcoders:")?;
		for making in &self.transcoders {
			write!(f, " {},", making.name)?;
		}
		write!(f, " streams:")?;
		for Stream { segments, leaves } in &self.streams {
			write!(f, " {segments}{},", if *leaves { " of which half comes" } else { "" })?;
		}
		write!(f, " {weather:?}, late blocks: {late_blocks};")?;
		for Outage { whose, fault, at, lasts } in &self.outages {
			write!(f, " {whose:?} {fault:?} at {at} for {lasts} slots,")?;
		}
		Ok(())
	}
}

/// Plays a story to its end.
fn tell(plan: &Plan) {
	let plan = plan.clone();
	simulate(move |sim| stage::play(sim, plan));
}

#[test]
fn roles_should_be_paid_and_keep_their_stake_whatever_fails_and_cheats_should_lose() {
	let (from, count, scale) =
		(setting("SIM_FROM", 0), setting("SIM_SEEDS", 2), setting("SIM_SCALE", 1));
	for number in from..from + count {
		let command = format!("make sim-roles SCALE={scale}");
		seeds::play(number, &command, Plan::of(number, scale.max(1)), tell);
	}
}

/// A role makes something of why the chain refuses: it is told by the names of the pallets' errors, whether the pool
/// refuses or the call does.
#[test]
fn refusals_should_have_the_names_of_the_pallets_errors() {
	simulate(|sim| async move {
		let ledger = Ledger::new(World::local());
		let toolchain = ledger.with(World::toolchain);
		let line = Line::new(sim.clock.clone(), Weather::default(), Chance::new(0));
		let alice = Machine::new("//Alice", line, 0, false);
		let client =
			Client { ledger: ledger.clone(), pair: alice.pair.clone(), line: alice.line.clone() };
		let genesis = client.genesis();
		let clock = sim.clone();
		sim.spawn(async move {
			loop {
				clock.sleep(2_000).await;
				ledger.block(0);
			}
		});
		let no_job = |call| -> Result<(), ChainError> {
			Err(ChainError::Refused { call, refused: Refused::NoJob })
		};
		let ended = client.submit(Call::EndJob { job: 7 }, Wait::InBlock).await;
		assert_eq!(ended, no_job("Jobs.end_job"));
		let acceptance = Acceptance {
			genesis,
			job: 7,
			assignment: 0,
			broadcaster_keys: 0,
			transcoder_keys: 0,
			toolchain,
		};
		let signature = Signing::own(alice.key.clone()).sign(&acceptance.hash());
		let accepted = client.submit(Call::AcceptJob(acceptance, signature), Wait::InBlock).await;
		assert_eq!(accepted, no_job("Jobs.accept_job"));
	});
}
