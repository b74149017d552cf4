//! One rule for every deadline: it names the first block that is too late, or the first that is not too early.
//! Each is tried in the block before and in that block itself, on two chains with the same past.

use livepeer_integration_tests::{
	attestation, create_job, heartbeat, job, Ballot, Claim, Story, Turn, World,
};
use livepeer_primitives::{
	api::{ChallengeStage, Duty},
	verdict::{MismatchKind, Verdict, DISPUTE},
	BlockNumber, UNIT,
};
use livepeer_runtime::{ChallengeLottery, Jobs, LptStaking, Runtime, RuntimeCall, RuntimeEvent};
use pallet_challenge_lottery::{Ballots, Call as Lottery};
use pallet_jobs::{decision, types::Scope, Assignments, Call as JobsCall};
use pallet_lpt_staking::Call as Staking;
use pallet_transcoder_election::{Available, Call as Election, Terms};
use sp_keyring::Sr25519Keyring::{self, Alice, Bob, Dave, EveStash, FerdieStash};
use sp_runtime::Perbill;

const MISMATCH: Verdict = Verdict::Mismatch(MismatchKind::Video);
/// Half of all segments are forced.
const HALF: Perbill = Perbill::from_percent(50);

/// Who sends a call.
#[derive(Clone, Copy)]
enum Sender {
	/// An account, which signs it.
	Account(Sr25519Keyring),
	/// Nobody: it carries its own authorisation.
	Nobody,
	/// Governance.
	Governance,
}

/// A call and the block from which on something else becomes of it.
struct Due {
	/// The chain, some blocks before.
	story: Story,
	sender: Sender,
	call: RuntimeCall,
	at: BlockNumber,
}

/// What a deadline's block divides.
enum Rule {
	/// The call is taken before it, and not in it.
	Until,
	/// The call is taken in it, and not before.
	From,
}

/// A deadline: how a chain comes near to it.
struct Deadline {
	name: &'static str,
	rule: Rule,
	prepare: fn(World) -> Due,
}

const fn until(name: &'static str, prepare: fn(World) -> Due) -> Deadline {
	Deadline { name, rule: Rule::Until, prepare }
}

const fn from(name: &'static str, prepare: fn(World) -> Due) -> Deadline {
	Deadline { name, rule: Rule::From, prepare }
}

/// Every deadline of jobs, claims, challenges and stake that a call meets. The draw has none here: the agenda
/// draws in the first block in which anybody could.
static DEADLINES: [Deadline; 26] = [
	until("an offer is accepted", acceptance),
	until("work is claimed in the grace of its assignment", last_claim),
	until("a drawn leaf is revealed", leaf),
	from("a missed verification is reported", first_report),
	until("a missed verification is reported for the finder's fee", last_report),
	until("a judge asks for bytes", asking),
	until("a judge commits", commitment),
	until("a judge reveals", verdict),
	until("a judge commits in a dispute", commitment_in_dispute),
	until("a judge reveals in a dispute", verdict_in_dispute),
	until("forced variants are opened", opening),
	until("governance cancels a verdict", cancelling),
	from("a transcoder leaves jail", unjailing),
	until("governance retires a toolchain with notice", retiring),
	until("a job is created with so near an end", nearest_end),
	from("a job is created with so far an end", farthest_end),
	until("a job is topped up", topping_up),
	until("a contradiction is reported", contradiction),
	from("a transcoder ends its idle assignment", own_idle),
	from("a stranger ends an idle assignment", others_idle),
	until("a spending key spends", spending),
	from("a stranger removes a spending key", removing_key),
	until("a transcoder raises its price", raising_price),
	from("stake is withdrawn", withdrawing),
	from("a heartbeat is sent", beating),
	until("a judge attests what it lacks in a window", attesting),
];

/// Whether a call is taken in block `at`; `None` where that block has no room for it, for the session changes in
/// it.
fn is_taken(mut story: Story, sender: Sender, call: RuntimeCall, at: BlockNumber) -> Option<bool> {
	assert!(story.world.number() < at, "block {at} is over");
	story.world.until(1_000, |world| world.number() + 1 >= at);
	let is_taken = match sender {
		Sender::Account(who) => story.world.call(who, call) == Ok(Ok(())),
		Sender::Nobody => story.world.call_authorized(call) == Ok(Ok(())),
		Sender::Governance => {
			story.world.ok(Alice, pallet_sudo::Call::<Runtime>::sudo { call: Box::new(call) });
			let result = story.find(|event| match event {
				RuntimeEvent::Sudo(pallet_sudo::Event::Sudid { sudo_result }) => {
					Some(sudo_result.is_ok())
				}
				_ => None,
			});
			result.expect("governance has spoken")
		}
	};
	(story.world.number() == at).then_some(is_taken)
}

#[test]
fn deadlines_should_be_the_first_block_in_which_something_else_becomes_of_a_call() {
	for Deadline { name, rule, prepare } in &DEADLINES {
		// Sessions change every ten slots; with some of them lost they do so in other blocks.
		let tried = (0..10).find_map(|lost| {
			let mut world = Story::network();
			world.skip_slots(lost);
			let Due { mut story, sender, call, at } = prepare(world);
			let before = is_taken(story.fork(), sender, call.clone(), at - 1)?;
			let then = is_taken(story, sender, call, at)?;
			Some((before, then))
		});
		let expected = match rule {
			Rule::Until => (true, false),
			Rule::From => (false, true),
		};
		assert_eq!(tried, Some(expected), "{name}: in the block before, and in the block");
	}
}

/// The first block that is too late for what `who` owes, as everybody can read it.
fn owed(story: &mut Story, who: Sr25519Keyring, is: fn(&Duty) -> bool) -> BlockNumber {
	let account = who.to_account_id();
	let duties = story
		.world
		.run(|| [Jobs::duties(account.clone()), ChallengeLottery::duties(account)].concat());
	duties.into_iter().find(|owed| is(&owed.duty)).expect("it is owed").until
}

// Jobs.

fn acceptance(mut world: World) -> Due {
	let job = create_job(&mut world, Story::BROADCASTER, "offer", 600);
	world.until(20, |world| Turn::current(world, job).is_some());
	let mut story = Story::resume(world, job);
	let turn = story.turn();
	let at = owed(&mut story, turn.transcoder, |duty| matches!(duty, Duty::Accept { .. }));
	let call = turn.accept(story.world.toolchain()).into();
	Due { story, sender: Sender::Nobody, call, at }
}

fn last_claim(world: World) -> Due {
	let mut story = Story::begin_on(world);
	let work = story.work(8);
	story.end();
	let (job, assignment) = (work.turn.job, work.turn.assignment);
	let view = story.world.run(|| Jobs::assignment(job, assignment)).expect("it has ended");
	let at = view.claimable_until.expect("it has ended") + 1;
	let call = work.claim(story.world.toolchain()).into();
	Due { story, sender: Sender::Nobody, call, at }
}

fn nearest_end(world: World) -> Due {
	let story = Story::begin_on(world);
	let call = job(&story.world, "near", 12, 100 * UNIT).into();
	// So much later than the block that takes it a job ends at least.
	let at = story.world.number() + 12 - decision::DRAW_DELAY;
	Due { story, sender: Sender::Account(FerdieStash), call, at }
}

fn farthest_end(world: World) -> Due {
	let mut story = Story::begin_on(world);
	let longest = story.world.parameters().0.jobs.longest_job;
	let call = job(&story.world, "far", longest + 12, 100 * UNIT).into();
	let at = story.world.number() + 12;
	Due { story, sender: Sender::Account(FerdieStash), call, at }
}

fn topping_up(mut world: World) -> Due {
	let job = create_job(&mut world, Story::BROADCASTER, "short", 40);
	let mut story = Story::resume(world, job);
	story.accept();
	let at = story.world.run(|| Jobs::job(job)).expect("it runs").end;
	let call = JobsCall::top_up { job, amount: UNIT }.into();
	Due { story, sender: Sender::Account(Story::BROADCASTER), call, at }
}

fn contradiction(world: World) -> Due {
	let mut story = Story::begin_on(world);
	let turn = story.turn();
	story.end();
	let kept = story.world.run(|| Assignments::<Runtime>::get(turn.job, turn.assignment));
	let kept_until = kept.expect("it is kept").kept_until;
	let call = turn.contradiction(0).into();
	Due { story, sender: Sender::Account(FerdieStash), call, at: kept_until + 1 }
}

/// When an assignment in which nothing was claimed can be ended, by its transcoder or by anybody.
fn idle(world: World, is_own: bool) -> Due {
	let mut story = Story::begin_on(world);
	let job = story.job;
	let (_, timing) = story.world.parameters();
	let view = story.world.run(|| Jobs::job(job)).expect("it runs");
	let current = view.current.expect("it runs");
	let assignment =
		story.world.run(|| Assignments::<Runtime>::get(job, current.index)).expect("it runs");
	let claim = decision::claim_length(timing.slot_duration, current.max_leaves, &view.limits);
	let patience = decision::patience(claim, false, is_own);
	let who = if is_own { story.transcoder } else { EveStash };
	let call = JobsCall::end_idle { job, assignment: current.index }.into();
	let at = assignment.last_claim + patience + 1;
	Due { story, sender: Sender::Account(who), call, at }
}

fn own_idle(world: World) -> Due {
	idle(world, true)
}

fn others_idle(world: World) -> Due {
	idle(world, false)
}

/// A job of a broadcaster that has let EveStash spend for some blocks; until which block.
fn with_spending_key(world: World) -> (Story, BlockNumber) {
	let mut story = Story::begin_on(world);
	let expiry = story.world.number() + 12;
	let scope = Scope { create: false, top_up: true, end: false };
	let key = EveStash.to_account_id();
	let call = JobsCall::set_spending_key { key, cap: UNIT, expiry, scope };
	story.world.ok(Story::BROADCASTER, call);
	(story, expiry)
}

fn spending(world: World) -> Due {
	let (story, at) = with_spending_key(world);
	let call = JobsCall::top_up { job: story.job, amount: UNIT / 100 }.into();
	Due { story, sender: Sender::Account(EveStash), call, at }
}

fn removing_key(world: World) -> Due {
	let (story, at) = with_spending_key(world);
	let broadcaster = Story::BROADCASTER.to_account_id();
	let call = JobsCall::remove_spending_key { broadcaster, key: EveStash.to_account_id() }.into();
	Due { story, sender: Sender::Account(Dave), call, at }
}

// Claims.

/// A claim whose transcoder has to reveal.
fn drawn(world: World) -> (Story, Claim) {
	let mut story = Story::begin_on(world);
	let claim = story.claim(8);
	story.until_stage(&claim, ChallengeStage::LeafReveal);
	(story, claim)
}

fn leaf(world: World) -> Due {
	let (mut story, claim) = drawn(world);
	let index = claim.work.drawn(&story.challenge(&claim).positions)[0];
	let at = owed(&mut story, claim.transcoder, |duty| matches!(duty, Duty::RevealLeaves { .. }));
	let call = claim.work.reveal(claim.id, index).into();
	Due { story, sender: Sender::Nobody, call, at }
}

fn first_report(world: World) -> Due {
	let (mut story, claim) = drawn(world);
	let at = story.challenge(&claim).deadline;
	let call = Lottery::report_missed { claim: claim.id }.into();
	Due { story, sender: Sender::Account(EveStash), call, at }
}

fn last_report(world: World) -> Due {
	let mut due = first_report(world);
	due.at += due.story.world.parameters().0.lottery.missed_grace;
	due
}

// Ballots.

/// A claim whose committee has to commit.
fn seated(world: World) -> (Story, Claim, Ballot) {
	let (mut story, claim) = drawn(world);
	story.reveal(&claim);
	let ballot = story.ballot(&claim);
	(story, claim, ballot)
}

/// A claim that all have to judge.
fn disputed(world: World) -> (Story, Claim, Ballot) {
	let (mut story, claim, _) = seated(world);
	story.vote(&claim, &|_| Some(MISMATCH));
	let ballot = story.ballot(&claim);
	assert_eq!(ballot.tranche, DISPUTE);
	(story, claim, ballot)
}

fn asking(world: World) -> Due {
	let (mut story, claim, ballot) = seated(world);
	let stored = story.world.run(|| Ballots::<Runtime>::get(claim.id)).expect("it is open");
	let call = ballot.ask(0).into();
	Due { story, sender: Sender::Nobody, call, at: stored.asking_until() }
}

fn commit((mut story, _, ballot): (Story, Claim, Ballot)) -> Due {
	let at = owed(&mut story, ballot.members[0], |duty| matches!(duty, Duty::Commit { .. }));
	let call = ballot.commit(0, &ballot.opening(0, Verdict::Valid)).into();
	Due { story, sender: Sender::Nobody, call, at }
}

fn reveal((mut story, claim, ballot): (Story, Claim, Ballot)) -> Due {
	let opening = |member| ballot.opening(member, Verdict::Valid);
	for member in 0..ballot.members.len() {
		story.world.submit_authorized(ballot.commit(member, &opening(member)));
	}
	story.world.deliver_ok();
	story.until_stage(&claim, ChallengeStage::VerdictReveal);
	let at = owed(&mut story, ballot.members[0], |duty| matches!(duty, Duty::Reveal { .. }));
	let call = ballot.reveal(0, &opening(0)).into();
	Due { story, sender: Sender::Nobody, call, at }
}

fn commitment(world: World) -> Due {
	commit(seated(world))
}

fn verdict(world: World) -> Due {
	reveal(seated(world))
}

fn commitment_in_dispute(world: World) -> Due {
	commit(disputed(world))
}

fn verdict_in_dispute(world: World) -> Due {
	reveal(disputed(world))
}

fn opening(mut world: World) -> Due {
	world.set_lottery(|lottery| lottery.variant_rate = HALF);
	let (mut story, claim) = drawn(world);
	story.reveal(&claim);
	let (drawn, ballot) = story.vote_variants(&claim, HALF);
	let at = owed(&mut story, claim.transcoder, |duty| matches!(duty, Duty::OpenVariants { .. }));
	let call = claim.work.open(claim.id, ballot.seed, &drawn).into();
	Due { story, sender: Sender::Nobody, call, at }
}

// Outcomes.

/// A transcoder in jail whose slash is executed in a block to come; in which.
fn convicted(world: World) -> (Story, Claim, BlockNumber) {
	let (mut story, claim, _) = disputed(world);
	story.vote(&claim, &|_| Some(MISMATCH));
	story.until_stage(&claim, ChallengeStage::Decided);
	let at = story.challenge(&claim).deadline;
	(story, claim, at)
}

fn cancelling(world: World) -> Due {
	let (story, claim, at) = convicted(world);
	let call = Lottery::cancel { claim: claim.id, case: None }.into();
	Due { story, sender: Sender::Governance, call, at }
}

fn unjailing(world: World) -> Due {
	let (story, claim, at) = convicted(world);
	let call = Election::unjail {}.into();
	Due { story, sender: Sender::Account(claim.transcoder), call, at }
}

fn retiring(world: World) -> Due {
	let mut story = Story::begin_on(world);
	let toolchain = story.world.toolchain();
	let notice = story.world.parameters().0.rounds.length;
	let ends = story.world.number() + notice + 12;
	let call = Lottery::retire_toolchain { toolchain, at: ends }.into();
	Due { story, sender: Sender::Governance, call, at: ends - notice + 1 }
}

// Stake and duties.

fn raising_price(world: World) -> Due {
	let mut story = Story::begin_on(world);
	let at = story.world.run(pallet_rounds::Current::<Runtime>::get).locked_from();
	let terms = Terms {
		price: UNIT / 1_000,
		reward_cut: Perbill::from_percent(10),
		fee_share: Perbill::from_percent(50),
	};
	let call = Election::transcoder { terms, service: Default::default() }.into();
	Due { story, sender: Sender::Account(Dave), call, at }
}

fn withdrawing(mut world: World) -> Due {
	let who = Story::delegator_of(Bob);
	world.ok(who, Staking::unbond { amount: UNIT });
	let lock = world.run(|| LptStaking::locks(who.to_account_id())).remove(0);
	let round = world.run(pallet_rounds::Current::<Runtime>::get);
	let at = round.start + (lock.release - round.index) * round.length;
	let call = Staking::withdraw_stake { lock: lock.id }.into();
	let story = Story::resume(world, 0);
	Due { story, sender: Sender::Account(who), call, at }
}

fn beating(mut world: World) -> Due {
	world.workers.clear();
	let interval = world.parameters().0.election.heartbeat_interval;
	let last = world.run(|| Available::<Runtime>::get(Bob.to_account_id())).expect("it works");
	let at = last.last_seen + interval / 2;
	let call = world.run(|| heartbeat(Bob, at - 1)).into();
	Due { story: Story::resume(world, 0), sender: Sender::Nobody, call, at }
}

fn attesting(mut world: World) -> Due {
	let length = world.parameters().1.beacon_window;
	world.until(length, |world| world.number() % length == 0);
	let at = world.number() + length;
	let toolchain = world.toolchain();
	let call = attestation(&mut world, Dave, vec![toolchain]).into();
	Due { story: Story::resume(world, 0), sender: Sender::Nobody, call, at }
}
