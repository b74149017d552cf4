//! Whoever cheats has less in the end than whoever does not: seeded stories on the real runtime, each played
//! twice on two chains with the same past, once with a cheat and once without, so that the difference of what
//! its account owns is what cheating brought. Work that it saved is counted at the whole price of the work.
//!
//! In each story the outcome is the truth, no honest account loses stake, the claim ends within the life that
//! the parameters promise, each block keeps every invariant and every sum, and not a byte is left.
//!
//! `SIM_SEEDS=1000` plays so many, `SIM_FROM=500` begins with that one (`make sim`). A failure says its seed, and the
//! smallest story that still fails: as much as can be is left out of it, one thing after the other. Seeds that a
//! commit has passed are noted in the file `SIM_LOG`, and not played again for that commit; in `SIM_RECORD` there is
//! a line for each commit with the seeds that it has passed. A strategy is an entry of [`MAKING`] or of [`JUDGING`].

use std::{
	collections::{BTreeMap, BTreeSet},
	io::Write,
	path::Path,
};

use livepeer_integration_tests::{
	seeds::{self, setting, shrink, Chance},
	Ballot, Claim, Story,
};
use livepeer_primitives::{
	api::ChallengeStage,
	claim::Outcome,
	verdict::{Evidence, MismatchKind, Opening, UnavailableKind, Verdict},
	Balance, Hash,
};
use livepeer_runtime::{LptStaking, Runtime};
use sp_keyring::Sr25519Keyring::{self, Alice, Dave, Eve};

/// How a transcoder works.
struct Making {
	name: &'static str,
	/// Whether it saves the work of a segment.
	is_bad: fn(&mut Chance) -> bool,
	/// Whether it reveals drawn leaves.
	reveals: bool,
	/// Whether it serves judges.
	serves: bool,
}

static MAKING: [Making; 6] = [
	Making { name: "honest", is_bad: |_| false, reveals: true, serves: true },
	Making { name: "black pictures", is_bad: |_| true, reveals: true, serves: true },
	Making {
		name: "half of it",
		is_bad: |chance| chance.below(2) == 0,
		reveals: true,
		serves: true,
	},
	Making {
		name: "one of five",
		is_bad: |chance| chance.below(5) == 0,
		reveals: true,
		serves: true,
	},
	Making { name: "reveals nothing", is_bad: |_| true, reveals: false, serves: true },
	Making { name: "serves nothing", is_bad: |_| true, reveals: true, serves: false },
];

/// How a judge judges: what it says of a leaf of which this is true, and whether it has done the work; `None`
/// is silence.
struct Judging {
	name: &'static str,
	says: fn(Verdict) -> Option<Verdict>,
	works: bool,
}

static JUDGING: [Judging; 4] = [
	Judging { name: "honest", says: Some, works: true },
	Judging { name: "lazy", says: |_| Some(Verdict::Valid), works: false },
	Judging { name: "silent", says: |_| None, works: false },
	Judging { name: "lying", says: |truth| Some(lie(truth)), works: false },
];

const WRONG: Verdict = Verdict::Mismatch(MismatchKind::Video);
const GONE: Verdict = Verdict::Unavailable(UnavailableKind::Refused);

/// The contrary of what is true.
fn lie(truth: Verdict) -> Verdict {
	match truth {
		Verdict::Valid => WRONG,
		_ => Verdict::Valid,
	}
}

/// Who may cheat among those that only judge. Each has less than a third of what may judge.
const JUDGES: [Sr25519Keyring; 3] = [Alice, Dave, Eve];

/// Segments of a claim at least.
const LEAST_LEAVES: usize = 4;

/// Stories of a strategy from which on what it brings on average is no chance.
const ENOUGH: u32 = 8;

/// Who does what in a story.
#[derive(Clone, Copy)]
struct Cast {
	making: &'static Making,
	judging: &'static Judging,
	/// Who judges so; everybody else is honest.
	judge: Sr25519Keyring,
}

/// A story before it is played.
#[derive(Clone)]
struct Plan {
	cast: Cast,
	/// Blocks before its claim.
	wait: u32,
	/// Of which segments of its claim the work is saved.
	bad: Vec<bool>,
}

impl Plan {
	/// The one of a seed.
	fn of(seed: u64) -> Self {
		let mut chance = Chance::new(seed);
		let leaves = 8 + chance.below(9);
		let making = chance.one_of(&MAKING);
		let judging = chance.one_of(&JUDGING);
		let judge = *chance.one_of(&JUDGES);
		let wait = chance.below(20) as u32;
		let bad = (0..leaves).map(|_| (making.is_bad)(&mut chance)).collect();
		Self { cast: Cast { making, judging, judge }, wait, bad }
	}

	/// The same claim by those who do what they should.
	fn honest(&self) -> Self {
		let cast = Cast { making: &MAKING[0], judging: &JUDGING[0], judge: self.cast.judge };
		Self { cast, bad: vec![false; self.bad.len()], ..*self }
	}
}

impl seeds::Plan for Plan {
	const MOST_TRIES: u32 = 200;

	fn smaller(&self) -> Vec<Self> {
		let mut plans = Vec::new();
		let honest = self.honest();
		if self.cast.making.name != "honest" {
			let cast = Cast { making: &MAKING[0], ..self.cast };
			plans.push(Self { cast, ..honest });
		}
		if self.cast.judging.name != "honest" {
			let cast = Cast { judging: &JUDGING[0], ..self.cast };
			plans.push(Self { cast, ..self.clone() });
		}
		if self.wait > 0 {
			plans.push(Self { wait: 0, ..self.clone() });
			plans.push(Self { wait: self.wait / 2, ..self.clone() });
		}
		for leaves in [LEAST_LEAVES, self.bad.len() / 2, self.bad.len() - 1] {
			if (LEAST_LEAVES..self.bad.len()).contains(&leaves) {
				plans.push(Self { bad: self.bad[..leaves].to_vec(), ..self.clone() });
			}
		}
		for (place, _) in self.bad.iter().enumerate().filter(|(_, bad)| **bad) {
			let mut plan = self.clone();
			plan.bad[place] = false;
			plans.push(plan);
		}
		plans
	}
}

impl std::fmt::Display for Plan {
	fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
		let Self { cast: Cast { making, judging, judge }, wait, bad } = self;
		let segments: String = bad.iter().map(|bad| if *bad { '-' } else { '+' }).collect();
		let (made, judged) = (making.name, judging.name);
		write!(f, "after {wait} blocks {segments} made: {made}; judged by {judge:?}: {judged}")
	}
}

/// What came of a story.
struct Ended {
	outcome: Option<Outcome>,
	/// Whether a drawn leaf was bad.
	is_drawn_bad: bool,
	/// What the work was worth that its transcoder saved, in ETH.
	saved: Balance,
	/// How often the judge sat, and what the work was worth that it saved.
	seats: u32,
	spared: Balance,
}

/// What an account owns, in ETH.
fn wealth(story: &mut Story, who: Sr25519Keyring) -> Balance {
	let account = who.to_account_id();
	let money = story.world.parameters().0.money;
	let locks = story.world.run(|| LptStaking::locks(account.clone()));
	let left: Balance = locks.iter().map(|lock| lock.value).sum();
	let lpt = story.world.lpt(&account) + story.bond(who) + left;
	let fees = story.fees(who);
	story.world.eth(&account) + fees + money.in_eth(lpt)
}

/// What is true of the drawn leaves.
fn truths(cast: &Cast, bad: &[bool], drawn: &[u32]) -> Vec<Verdict> {
	let truth = |index: &u32| match (cast.making.serves, bad[*index as usize]) {
		(false, _) => GONE,
		(true, true) => WRONG,
		(true, false) => Verdict::Valid,
	};
	drawn.iter().map(truth).collect()
}

/// What each member of a ballot says.
fn openings(cast: &Cast, ballot: &Ballot, truths: &[Verdict]) -> Vec<(usize, Opening)> {
	let mut openings = Vec::new();
	for (index, member) in ballot.members.iter().enumerate() {
		let judging = if *member == cast.judge { cast.judging } else { &JUDGING[0] };
		let Some(said) =
			truths.iter().map(|truth| (judging.says)(*truth)).collect::<Option<Vec<_>>>()
		else {
			continue;
		};
		let mut opening = ballot.opening(index, Verdict::Valid);
		opening.verdicts = said.try_into().expect("few leaves");
		if !judging.works {
			opening.evidence = Evidence { recipe: 1, hash: Hash::repeat_byte(0xee) };
		}
		openings.push((index, opening));
	}
	openings
}

/// Plays a claim to its end.
fn play(story: &mut Story, plan: &Plan) -> Ended {
	let Plan { cast, bad, .. } = plan;
	let leaves = bad.len() as u32;
	let claim: Claim = story.claim(leaves);
	let made = story.world.number();
	let id = claim.id;
	let each = claim.fee / Balance::from(leaves);
	let saved = each * bad.iter().filter(|bad| **bad).count() as Balance;
	let mut ended = Ended { outcome: None, is_drawn_bad: false, saved, seats: 0, spared: 0 };
	story.until_stage(&claim, ChallengeStage::LeafReveal);
	let drawn = claim.work.drawn(&story.challenge(&claim).positions);
	ended.is_drawn_bad = drawn.iter().any(|index| bad[*index as usize]);
	if cast.making.reveals {
		story.reveal(&claim);
		let truths = truths(cast, bad, &drawn);
		loop {
			story.world.until(200, |world| {
				world.challenge(id).is_none_or(|view| {
					matches!(view.stage, ChallengeStage::Commit | ChallengeStage::Decided)
				})
			});
			let view = story.world.challenge(id);
			if !view.is_some_and(|view| view.stage == ChallengeStage::Commit) {
				break;
			}
			let ballot = story.ballot(&claim);
			if ballot.members.contains(&cast.judge) {
				ended.seats += 1;
				let sampled = story.world.run(|| {
					pallet_challenge_lottery::Challenges::<Runtime>::get(id)
						.map_or(0, |challenge| challenge.sampled_work)
				});
				let price = story.world.parameters().0.lottery.verify_price;
				ended.spared += livepeer_primitives::work::fee(sampled, price);
			}
			let said = openings(cast, &ballot, &truths);
			story.cast(&claim, &ballot, &said, &said);
		}
	}
	ended.outcome = story.settle(&claim);
	let (parameters, timing) = story.world.parameters();
	let life = parameters.lottery.longest_claim_life(&timing);
	assert!(story.world.number() - made <= life, "it took {} blocks", story.world.number() - made);
	ended
}

/// The outcome that is true.
fn truth(cast: &Cast, ended: &Ended) -> Outcome {
	match cast.making {
		Making { reveals: false, .. } | Making { serves: false, .. } => Outcome::Missed,
		_ if ended.is_drawn_bad => Outcome::Failed,
		_ => Outcome::Accepted,
	}
}

/// What a strategy left of its account's wealth, and what honesty did.
type Brought = (&'static str, Balance, Balance);

/// Plays a story with its cheats and without; says for each strategy that was caught, or had its chance, what it
/// brought.
fn tell(plan: &Plan) -> Vec<Brought> {
	let Cast { making, judging, judge } = plan.cast;
	let mut story = Story::begin();
	story.world.blocks(plan.wait);
	let transcoder = story.transcoder;
	let mut as_it_was = story.fork();

	let ended = play(&mut story, plan);
	assert_eq!(ended.outcome, Some(truth(&plan.cast, &ended)));
	for (_, who, amount) in story.slashes() {
		let cheats = who == transcoder && ended.outcome != Some(Outcome::Accepted)
			|| who == judge && judging.name != "honest";
		assert!(cheats, "{who:?} is honest and lost {amount}");
	}
	if ended.outcome == Some(Outcome::Accepted) {
		assert_eq!(story.lost(transcoder), 0);
	} else {
		assert!(story.lost(transcoder) > 0, "it was caught");
	}

	// The same without: who judges is a matter of the same seed, as claim and chain are the same up to there.
	let other = play(&mut as_it_was, &plan.honest());
	assert_eq!(other.outcome, Some(Outcome::Accepted));
	assert!(as_it_was.slashes().is_empty());
	let mut brought = Vec::new();
	if making.name != "honest" {
		let with = wealth(&mut story, transcoder) + ended.saved;
		brought.push((making.name, with, wealth(&mut as_it_was, transcoder)));
	}
	// Of bytes that nobody could have nobody knows what is true.
	if judging.name != "honest" && ended.seats > 0 && making.serves {
		let with = wealth(&mut story, judge) + ended.spared;
		brought.push((judging.name, with, wealth(&mut as_it_was, judge)));
	}
	story.close();
	as_it_was.close();
	brought
}

/// Plays a seed; one that fails says the smallest story that does.
fn seed(number: u64) -> Vec<Brought> {
	seeds::play(number, "make sim", Plan::of(number), tell)
}

/// Adds to the record how many seeds a commit has passed, in place of what it says of that commit so far; says how
/// many all commits have together.
fn record(path: &Path, commit: &str, passed: usize) -> usize {
	let text = std::fs::read_to_string(path).unwrap_or_default();
	let mut lines: Vec<(&str, usize)> = text
		.lines()
		.filter_map(|line| line.split_once(' '))
		.filter_map(|(commit, count)| Some((commit, count.parse().ok()?)))
		.collect();
	match lines.iter_mut().find(|(name, _)| *name == commit) {
		Some((_, count)) => *count = passed.max(*count),
		None => lines.push((commit, passed)),
	}
	let text: String = lines.iter().map(|(commit, count)| format!("{commit} {count}\n")).collect();
	std::fs::write(path, text).expect("the record can be written");
	lines.iter().map(|(_, count)| count).sum()
}

#[test]
fn cheating_should_bring_less_than_honesty_whoever_cheats() {
	let (from, count) = (setting("SIM_FROM", 0), setting("SIM_SEEDS", 50));
	let commit = std::env::var("SIM_COMMIT").unwrap_or_default();
	let log = std::env::var_os("SIM_LOG");
	let noted = log.as_ref().and_then(|path| std::fs::read_to_string(path).ok());
	let noted = noted.unwrap_or_default();
	let of_commit =
		noted.lines().filter_map(|line| line.strip_prefix(&commit[..])?.strip_prefix(' '));
	let mut passed: BTreeSet<u64> = of_commit.filter_map(|seed| seed.parse().ok()).collect();
	let mut brought: BTreeMap<&str, (i128, u32)> = BTreeMap::new();
	for number in from..from + count {
		if passed.contains(&number) {
			continue;
		}
		for (name, cheat, honest) in seed(number) {
			let (sum, count) = brought.entry(name).or_default();
			*sum += cheat as i128 - honest as i128;
			*count += 1;
		}
		passed.insert(number);
		if let Some(path) = &log {
			let file = std::fs::OpenOptions::new().create(true).append(true).open(path);
			writeln!(file.expect("the log can be written"), "{commit} {number}")
				.expect("it has room");
		}
	}
	for (name, (sum, count)) in &brought {
		let each = *sum as f64 / f64::from(*count) / 1e18;
		println!("{name}: {each:+.9} ETH each, of {count}");
		// Who is bad now and then is caught now and then.
		assert!(*sum < 0 || *count < ENOUGH, "{name} brings {each} ETH");
	}
	assert!(!passed.is_empty(), "nobody cheated");
	if let Some(path) = std::env::var_os("SIM_RECORD") {
		let all = record(Path::new(&path), &commit, passed.len());
		println!("{} seeds of this commit, {all} of all", passed.len());
	}
}

/// A failure is cut down to what it needs: here to one bad segment, whatever else there was.
#[test]
fn failing_story_should_shrink_to_what_it_needs() {
	let cast = Cast { making: &MAKING[1], judging: &JUDGING[3], judge: Dave };
	let plan = Plan { cast, wait: 13, bad: vec![true; 16] };
	let smallest = shrink(plan, |plan| assert!(plan.bad.iter().all(|bad| !bad)));
	assert_eq!((smallest.wait, smallest.bad.len()), (0, LEAST_LEAVES));
	assert_eq!(smallest.bad.iter().filter(|bad| **bad).count(), 1);
	assert_eq!(smallest.cast.judging.name, "honest");
}
