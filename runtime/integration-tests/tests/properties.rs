//! Random interleavings of jobs, claims, verdicts, stake and time on the real runtime.
//!
//! Whatever anybody does, each block keeps every invariant and every sum (see [`World::check`]),
//! each claim ends within the time that its parameters promise, each outcome is the one that the
//! table gives for the votes that were cast, money flows as the events say, and when the last job
//! is closed not a byte is left.
//!
//! `PROPTEST_CASES` sets the number of cases.

use std::{cell::RefCell, collections::BTreeMap};

use livepeer_integration_tests::{
	canonical, create_job, job, keyring, Ballot, Story, Turn, Work, World, CAPACITY,
};
use livepeer_primitives::{
	api::ChallengeStage,
	claim::{Outcome, PayoutReason},
	sum_tree::Commitment,
	traits::Settlement,
	verdict::{Evidence, MismatchKind, Opening, Phase, Tranche, UnavailableKind, Verdict, DISPUTE},
	AccountId, Balance, BlockNumber, ClaimId, JobId, RoundIndex, UNIT,
};
use livepeer_runtime::{Jobs, LptStaking, Runtime, RuntimeCall, RuntimeEvent};
use proptest::{
	prelude::*,
	test_runner::{TestRng, TestRunner},
};
use sp_keyring::Sr25519Keyring::{
	self, Alice, AliceStash, Bob, BobStash, Charlie, CharlieStash, Dave, Eve, EveStash, Ferdie,
	FerdieStash,
};

/// Who owns streams: one is nobody else, one validates, one transcodes itself.
const BROADCASTERS: [Sr25519Keyring; 3] = [Ferdie, Eve, Charlie];
/// Who may transcode.
const TRANSCODERS: [Sr25519Keyring; 3] = [Bob, Charlie, Dave];
/// Who moves stake.
const STAKERS: [Sr25519Keyring; 6] = [Bob, Charlie, BobStash, CharlieStash, AliceStash, EveStash];
/// Most jobs of a case.
const MOST_JOBS: usize = 4;

/// What becomes of a claim's next stage.
#[derive(Clone, Debug)]
struct Conduct {
	/// The transcoder reveals.
	reveals: bool,
	/// Members (by bit) that stay silent.
	silent: u8,
	/// Members that commit and do not reveal.
	withheld: u8,
	/// Members that find a fault.
	fault: u8,
	/// Members that cannot have the bytes.
	lacking: u8,
	/// Members with evidence of their own.
	odd: u8,
}

/// What a claim states.
#[derive(Clone, Copy, Debug)]
enum Truth {
	Right,
	WrongCount,
	WrongWork,
	WrongSignature,
}

/// Something that somebody does.
#[derive(Clone, Debug)]
enum Step {
	Create { who: usize, budget: u8, blocks: u8 },
	TopUp { job: usize },
	End { job: usize, by_transcoder: bool },
	Accept { job: usize },
	Claim { job: usize, count: u8, gap: u8, truth: Truth },
	Advance { claim: usize, conduct: Conduct },
	Report { claim: usize },
	Draw { claim: usize },
	Cancel { claim: usize },
	Bond { who: usize, to: usize, amount: u16 },
	Unbond { who: usize, share: u8 },
	Withdraw { who: usize, lock: u8 },
	Collect { who: usize },
	Available { who: usize, capacity: u8 },
	Silence { who: usize },
	Unjail { who: usize },
	Resign { who: usize },
	Register { who: usize, price: u8 },
	Blocks { count: u8 },
	Skip { slots: u8 },
	Author { who: Option<usize> },
	Upgrade,
}

fn conduct() -> impl Strategy<Value = Conduct> {
	let of_one_mind =
		|fault, lacking| Conduct { reveals: true, silent: 0, withheld: 0, fault, lacking, odd: 0 };
	let divided = (prop::bool::weighted(0.8), any::<[u8; 5]>()).prop_map(
		|(reveals, [silent, withheld, fault, lacking, odd])| Conduct {
			reveals,
			// Few of each at a time.
			silent: silent & withheld,
			withheld: withheld & fault & 5,
			fault,
			lacking: lacking & silent & 9,
			odd: odd & lacking & 6,
		},
	);
	prop_oneof![
		5 => Just(of_one_mind(0, 0)),
		4 => Just(of_one_mind(u8::MAX, 0)),
		1 => Just(of_one_mind(0, u8::MAX)),
		4 => divided,
	]
}

fn step() -> impl Strategy<Value = Step> {
	let any_index = || 0usize..8;
	let truth = prop_oneof![
		8 => Just(Truth::Right),
		1 => Just(Truth::WrongCount),
		1 => Just(Truth::WrongWork),
		1 => Just(Truth::WrongSignature),
	];
	prop_oneof![
		4 => (any_index(), any::<u8>(), 5u8..200)
			.prop_map(|(who, budget, blocks)| Step::Create { who, budget, blocks }),
		1 => any_index().prop_map(|job| Step::TopUp { job }),
		2 => (any_index(), any::<bool>())
			.prop_map(|(job, by_transcoder)| Step::End { job, by_transcoder }),
		8 => any_index().prop_map(|job| Step::Accept { job }),
		12 => (any_index(), 1u8..20, prop_oneof![4 => Just(0u8), 1 => 1u8..5], truth)
			.prop_map(|(job, count, gap, truth)| Step::Claim { job, count, gap, truth }),
		40 => (any_index(), conduct())
			.prop_map(|(claim, conduct)| Step::Advance { claim, conduct }),
		2 => any_index().prop_map(|claim| Step::Report { claim }),
		1 => any_index().prop_map(|claim| Step::Draw { claim }),
		1 => any_index().prop_map(|claim| Step::Cancel { claim }),
		3 => (any_index(), any_index(), any::<u16>())
			.prop_map(|(who, to, amount)| Step::Bond { who, to, amount }),
		3 => (any_index(), any::<u8>()).prop_map(|(who, share)| Step::Unbond { who, share }),
		2 => (any_index(), 0u8..3).prop_map(|(who, lock)| Step::Withdraw { who, lock }),
		2 => any_index().prop_map(|who| Step::Collect { who }),
		3 => (any_index(), 0u8..4)
			.prop_map(|(who, capacity)| Step::Available { who, capacity }),
		1 => any_index().prop_map(|who| Step::Silence { who }),
		3 => any_index().prop_map(|who| Step::Unjail { who }),
		1 => any_index().prop_map(|who| Step::Resign { who }),
		2 => (any_index(), any::<u8>()).prop_map(|(who, price)| Step::Register { who, price }),
		6 => (1u8..12).prop_map(|count| Step::Blocks { count }),
		1 => (1u8..4).prop_map(|slots| Step::Skip { slots }),
		1 => prop::option::of(any_index()).prop_map(|who| Step::Author { who }),
		1 => Just(Step::Upgrade),
	]
}

/// A claim as its maker knows it.
struct Made {
	id: ClaimId,
	work: Work,
	transcoder: Sr25519Keyring,
	at: BlockNumber,
	round: RoundIndex,
	openings: BTreeMap<(Tranche, usize), Opening>,
	members: BTreeMap<Tranche, Stakes>,
}

/// The players and what they know.
struct Game {
	world: World,
	jobs: Vec<JobId>,
	claims: Vec<Made>,
	next_seq: BTreeMap<(JobId, u32), u64>,
}

impl Game {
	fn new() -> Self {
		let mut world = Story::working(World::local(), &Story::TRANSCODERS);
		let set = pallet_transcoder_election::Call::set_available {
			capacity: CAPACITY / 2,
			profiles: canonical(),
		};
		world.ok(Dave, set);
		world.workers = TRANSCODERS.to_vec();
		let mut game =
			Self { world, jobs: Vec::new(), claims: Vec::new(), next_seq: BTreeMap::new() };
		let first = create_job(&mut game.world, Ferdie, "first", 400);
		game.jobs.push(first);
		game.world.blocks(3);
		game
	}

	/// Queues a call for a block to come; it may well fail.
	fn submit(&mut self, who: Sr25519Keyring, call: impl Into<RuntimeCall>) {
		self.world.submit(who, call);
	}

	fn job(&self, at: usize) -> JobId {
		self.jobs[at % self.jobs.len()]
	}

	fn play(&mut self, step: Step) {
		match step {
			Step::Create { who, budget, blocks } => {
				if self.jobs.len() == MOST_JOBS {
					return;
				}
				let name = format!("stream {}", self.jobs.len());
				let budget = Balance::from(budget) * UNIT / 10_000;
				let call = job(&self.world, &name, blocks.into(), budget);
				let done = self.world.call(BROADCASTERS[who % BROADCASTERS.len()], call);
				if done == Ok(Ok(())) {
					let created =
						self.world.events.iter().rev().find_map(|(_, event)| match event {
							RuntimeEvent::Jobs(pallet_jobs::Event::JobCreated { job, .. }) => {
								Some(*job)
							}
							_ => None,
						});
					self.jobs.extend(created);
				}
			}
			Step::TopUp { job } => {
				let job = self.job(job);
				let owner = self.world.run(|| Jobs::job(job)).map(|view| view.broadcaster);
				let who = owner.map_or(Ferdie, |who| keyring(&who));
				self.submit(who, pallet_jobs::Call::top_up { job, amount: UNIT / 100 });
			}
			Step::End { job, by_transcoder } => {
				let job = self.job(job);
				let Some(view) = self.world.run(|| Jobs::job(job)) else { return };
				let who = match view.current {
					Some(current) if by_transcoder => current.transcoder,
					_ => view.broadcaster,
				};
				let who = keyring(&who);
				self.submit(who, pallet_jobs::Call::end_job { job });
			}
			Step::Accept { job } => {
				let job = self.job(job);
				if let Some(turn) = Turn::current(&mut self.world, job) {
					let toolchain = self.world.toolchain();
					self.world.submit_authorized(turn.accept(toolchain));
				}
			}
			Step::Claim { job, count, gap, truth } => self.claim(job, count, gap, truth),
			Step::Advance { claim, conduct } => self.advance(claim, &conduct),
			Step::Report { claim } => self.of_claim(claim, FerdieStash, |claim| {
				pallet_challenge_lottery::Call::report_missed { claim }.into()
			}),
			Step::Draw { claim } => self.of_claim(claim, FerdieStash, |claim| {
				pallet_challenge_lottery::Call::draw { claim }.into()
			}),
			Step::Cancel { claim } => self.of_claim(claim, Alice, |claim| {
				let cancel = pallet_challenge_lottery::Call::cancel { claim, case: None };
				pallet_sudo::Call::sudo { call: Box::new(cancel.into()) }.into()
			}),
			Step::Bond { who, to, amount } => {
				let to = TRANSCODERS[to % TRANSCODERS.len()].to_account_id();
				let amount = Balance::from(amount) * UNIT / 10;
				let call = pallet_lpt_staking::Call::bond { amount, to };
				self.submit(STAKERS[who % STAKERS.len()], call);
			}
			Step::Unbond { who, share } => {
				let who = STAKERS[who % STAKERS.len()];
				let stake = self
					.world
					.run(|| LptStaking::delegator(who.to_account_id()))
					.map_or(0, |view| view.stake);
				// The top of the range leaves nothing.
				let amount = if share > 240 { stake } else { stake / 256 * Balance::from(share) };
				self.submit(who, pallet_lpt_staking::Call::unbond { amount });
			}
			Step::Withdraw { who, lock } => {
				let call = pallet_lpt_staking::Call::withdraw_stake { lock: lock.into() };
				self.submit(STAKERS[who % STAKERS.len()], call);
			}
			Step::Collect { who } => {
				let call = pallet_lpt_staking::Call::withdraw_fees {};
				self.submit(STAKERS[who % STAKERS.len()], call);
			}
			Step::Available { who, capacity } => {
				let who = TRANSCODERS[who % TRANSCODERS.len()];
				if !self.world.workers.contains(&who) {
					self.world.workers.push(who);
				}
				let capacity = CAPACITY / 4 * u64::from(capacity);
				let profiles = canonical();
				let call = pallet_transcoder_election::Call::set_available { capacity, profiles };
				self.submit(who, call);
			}
			Step::Silence { who } => {
				let who = TRANSCODERS[who % TRANSCODERS.len()];
				self.world.workers.retain(|worker| *worker != who);
			}
			Step::Unjail { who } => {
				let who = TRANSCODERS[who % TRANSCODERS.len()];
				self.submit(who, pallet_transcoder_election::Call::unjail {});
			}
			Step::Resign { who } => {
				let who = TRANSCODERS[who % TRANSCODERS.len()];
				self.submit(who, pallet_transcoder_election::Call::resign {});
			}
			Step::Register { who, price } => {
				let terms = pallet_transcoder_election::Terms {
					price: (Balance::from(price) + 1) * UNIT / 10_000_000,
					reward_cut: sp_runtime::Perbill::from_percent(10),
					fee_share: sp_runtime::Perbill::from_percent(price.into()),
				};
				let service = Default::default();
				let call = pallet_transcoder_election::Call::transcoder { terms, service };
				self.submit(TRANSCODERS[who % TRANSCODERS.len()], call);
			}
			Step::Blocks { count } => self.blocks(count.into()),
			Step::Skip { slots } => self.world.skip_slots(slots.into()),
			Step::Author { who } => {
				// Alice and Eve always validate.
				self.world.authors = who.map(|who| vec![[Alice, Eve][who % 2]]).unwrap_or_default();
			}
			Step::Upgrade => {
				// The next block begins as under new code: every migration runs, and every hook of it.
				self.world.run(frame_system::LastRuntimeUpgrade::<Runtime>::kill);
				self.blocks(1);
			}
		}
	}

	fn of_claim(
		&mut self,
		claim: usize,
		who: Sr25519Keyring,
		call: impl FnOnce(ClaimId) -> RuntimeCall,
	) {
		if !self.claims.is_empty() {
			let id = self.claims[claim % self.claims.len()].id;
			self.submit(who, call(id));
		}
	}

	fn claim(&mut self, job: usize, count: u8, gap: u8, truth: Truth) {
		let job = self.job(job);
		let Some(turn) = Turn::current(&mut self.world, job) else { return };
		let first =
			self.next_seq.get(&(job, turn.assignment)).copied().unwrap_or(0) + u64::from(gap);
		let signer = match truth {
			Truth::WrongSignature => FerdieStash,
			_ => turn.broadcaster,
		};
		let work = Turn { broadcaster: signer, ..turn.clone() }.work(first, count.into());
		let true_one = work.tree.commitment();
		let stated = match truth {
			Truth::WrongCount => Commitment { leaf_count: true_one.leaf_count + 1, ..true_one },
			Truth::WrongWork => Commitment { total_work: true_one.total_work + 1, ..true_one },
			_ => true_one,
		};
		let call = work.claim_as(stated, self.world.toolchain());
		if self.world.call_authorized(call) != Ok(Ok(())) {
			return;
		}
		self.next_seq.insert((job, turn.assignment), first + u64::from(stated.leaf_count));
		let (at, id) = self
			.world
			.events
			.iter()
			.rev()
			.find_map(|(block, event)| match event {
				RuntimeEvent::Jobs(pallet_jobs::Event::Claimed { claim, .. }) => {
					Some((*block, *claim))
				}
				_ => None,
			})
			.expect("the claim was made");
		let round = self.world.run(|| Jobs::claim(id)).expect("it is open").round;
		self.claims.push(Made {
			id,
			work,
			transcoder: turn.transcoder,
			at,
			round,
			openings: BTreeMap::new(),
			members: BTreeMap::new(),
		});
	}

	/// Does for a claim what its stage asks for, well or badly.
	fn advance(&mut self, at: usize, conduct: &Conduct) {
		let open: Vec<usize> = (0..self.claims.len())
			.filter(|at| {
				let view = self.world.challenge(self.claims[*at].id);
				view.is_some_and(|view| view.outcome.is_none())
			})
			.collect();
		if open.is_empty() {
			return;
		}
		let at = open[at % open.len()];
		let id = self.claims[at].id;
		let Some(view) = self.world.challenge(id) else { return };
		match view.stage {
			ChallengeStage::AwaitingSeed => self.blocks(6),
			ChallengeStage::AwaitingDispute => self.blocks(2),
			ChallengeStage::Decided => self.blocks(1),
			ChallengeStage::LeafReveal if conduct.reveals => {
				let made = &self.claims[at];
				for index in made.work.drawn(&view.positions) {
					self.world.submit_authorized(made.work.reveal(id, index));
				}
				self.blocks(1);
			}
			ChallengeStage::LeafReveal => self.blocks(4),
			ChallengeStage::Commit | ChallengeStage::VerdictReveal => self.vote(at, conduct),
		}
	}

	fn vote(&mut self, at: usize, conduct: &Conduct) {
		self.watch();
		let made = &mut self.claims[at];
		let Some(ballot) = Ballot::open(&mut self.world, made.id) else { return };
		let is = |mask: u8, member: usize| mask >> (member % 8) & 1 == 1;
		for member in 0..ballot.members.len() {
			let key = (ballot.tranche, member);
			match ballot.phase {
				Phase::Commit if !is(conduct.silent, member) => {
					let verdict = if is(conduct.lacking, member) {
						Verdict::Unavailable(UnavailableKind::Refused)
					} else if is(conduct.fault, member) {
						Verdict::Mismatch(MismatchKind::Video)
					} else {
						Verdict::Valid
					};
					let mut opening = ballot.opening(member, verdict);
					opening.evidence.recipe += u8::from(is(conduct.odd, member));
					self.world.submit_authorized(ballot.commit(member, &opening));
					made.openings.entry(key).or_insert(opening);
				}
				Phase::Reveal if !is(conduct.withheld, member) => {
					if let Some(opening) = made.openings.get(&key) {
						self.world.submit_authorized(ballot.reveal(member, opening));
					}
				}
				_ => {}
			}
		}
		self.blocks(1);
	}

	/// Notes who sits in the ballots that are open, with what stake.
	fn watch(&mut self) {
		for made in &mut self.claims {
			let id = made.id;
			let seen = self.world.run(|| {
				let ballot = pallet_challenge_lottery::Ballots::<Runtime>::get(id)?;
				let members = pallet_challenge_lottery::Members::<Runtime>::iter_prefix_values((
					id,
					ballot.tranche,
				))
				.map(|member| (member.account, member.stake))
				.collect::<Stakes>();
				Some((ballot.tranche, members))
			});
			if let Some((tranche, members)) = seen {
				made.members.insert(tranche, members);
			}
		}
	}

	fn blocks(&mut self, count: u32) {
		for _ in 0..count {
			self.world.next_block();
			self.watch();
		}
	}

	/// Everybody goes home: no heartbeat, no reveal, no vote. All must end by itself.
	fn finish(&mut self, tally: &mut Tally) {
		self.world.workers.clear();
		self.world.authors.clear();
		for job in self.jobs.clone() {
			let Some(view) = self.world.run(|| Jobs::job(job)).filter(|view| !view.ended) else {
				continue;
			};
			// It may expire just now.
			let _ = self.world.call(keyring(&view.broadcaster), pallet_jobs::Call::end_job { job });
		}
		let (parameters, timing) = self.world.parameters();
		let life = parameters.lottery.longest_claim_life(&timing);
		let mut patience = life + parameters.jobs.claim_grace + 5;
		while !self.world.leftovers().is_empty() {
			assert!(patience > 0, "something does not end: {:?}", self.world.leftovers());
			patience -= 1;
			self.blocks(1);
		}
		self.check_claims(life, tally);
		self.check_jobs();
	}

	/// Every job ended, and was closed in time.
	fn check_jobs(&mut self) {
		let longest = self.world.longest_after_end();
		let mut ended = BTreeMap::new();
		for (block, event) in &self.world.events {
			match event {
				RuntimeEvent::Jobs(pallet_jobs::Event::JobEnded { job, .. }) => {
					ended.insert(*job, *block);
				}
				RuntimeEvent::Jobs(pallet_jobs::Event::JobClosed { job }) => {
					let lived = block - ended[job];
					assert!(lived <= longest, "job {job} lived on for {lived} blocks");
				}
				_ => (),
			}
		}
		assert_eq!(ended.len(), self.jobs.len(), "every job ends");
	}

	/// Every claim ended once, in time, as its votes say.
	fn check_claims(&self, life: BlockNumber, tally: &mut Tally) {
		let mut slashed: BTreeMap<(String, RoundIndex), u32> = BTreeMap::new();
		for made in &self.claims {
			let settled: Vec<_> = self
				.world
				.events
				.iter()
				.filter_map(|(block, event)| match event {
					RuntimeEvent::Jobs(pallet_jobs::Event::ClaimSettled {
						claim,
						settlement,
						..
					}) if *claim == made.id => Some((*block, *settlement)),
					_ => None,
				})
				.collect();
			let [(block, settlement)] = settled[..] else {
				panic!("claim {} was settled {settled:?}", made.id)
			};
			assert!(block - made.at <= life, "claim {} lived {} blocks", made.id, block - made.at);

			let trace = Trace::of(&self.world, made.id);
			let outcome = trace.outcome.expect("it was decided");
			assert_eq!(outcome, expected(made, &trace), "claim {}: {trace:?}", made.id);
			let mut count = |what: &str| *tally.entry(what.into()).or_default() += 1;
			count(&format!("{outcome:?}"));
			[
				("disputed", trace.disputed),
				("cancelled", trace.cancelled),
				("reported", trace.reported),
			]
			.into_iter()
			.filter(|(_, happened)| *happened)
			.for_each(|(what, _)| count(what));
			let pays = outcome == Outcome::Accepted || trace.cancelled;
			assert_eq!(settlement == Settlement::Pay, pays, "claim {}", made.id);
			if trace.slashed > 0 {
				assert!(matches!(outcome, Outcome::Failed | Outcome::Missed) && !trace.cancelled);
				*slashed.entry((made.transcoder.to_string(), made.round)).or_default() += 1;
			}
		}
		assert!(slashed.values().all(|count| *count == 1), "{slashed:?}");
	}
}

/// Members and their stakes.
type Stakes = BTreeMap<AccountId, Balance>;

/// What the events say of a claim.
#[derive(Debug, Default)]
struct Trace {
	committee: Vec<AccountId>,
	positions: usize,
	answered: usize,
	reported: bool,
	disputed: bool,
	votes: BTreeMap<Tranche, BTreeMap<AccountId, (Vec<Verdict>, Evidence)>>,
	outcome: Option<Outcome>,
	cancelled: bool,
	slashed: Balance,
}

impl Trace {
	fn of(world: &World, id: ClaimId) -> Self {
		use pallet_challenge_lottery::Event as E;
		let mut trace = Self::default();
		for (_, event) in &world.events {
			let RuntimeEvent::ChallengeLottery(event) = event else { continue };
			match event.clone() {
				E::Drawn { claim, positions, committee, .. } if claim == id => {
					trace.positions = positions.len();
					trace.committee = committee;
				}
				E::LeafRevealed { claim, answered, .. } if claim == id => {
					trace.answered += answered.len();
				}
				E::MissedReported { claim, .. } if claim == id => trace.reported = true,
				E::Disputed { claim, .. } if claim == id => trace.disputed = true,
				E::VerdictRevealed { claim, tranche, verifier, verdicts, evidence }
					if claim == id =>
				{
					let votes = trace.votes.entry(tranche).or_default();
					assert!(votes.insert(verifier, (verdicts, evidence)).is_none(), "once");
				}
				E::Decided { claim, outcome, .. } if claim == id => {
					assert!(trace.outcome.replace(outcome).is_none(), "decided once");
				}
				E::Cancelled { claim, .. } if claim == id => trace.cancelled = true,
				E::Executed { claim, slashed, .. } if claim == id => trace.slashed = slashed,
				_ => {}
			}
		}
		trace
	}
}

/// Members of a whole tranche on the development chain.
const COMMITTEE: usize = 3;

/// The table of decisions, written down once more: in this game everybody says the same of every
/// leaf.
fn expected(made: &Made, trace: &Trace) -> Outcome {
	if trace.committee.is_empty() {
		return Outcome::Void;
	}
	if trace.answered < trace.positions {
		return Outcome::Missed;
	}
	let votes = |tranche| trace.votes.get(&tranche).cloned().unwrap_or_default();
	let (mut seated, mut passed, mut accused, mut unanimous) = (0, 0, false, false);
	for (tranche, members) in made.members.range(..DISPUTE) {
		let votes: Vec<_> = votes(*tranche).into_values().collect();
		let agree = |evidence: &Evidence| votes.iter().filter(|vote| vote.1 == *evidence).count();
		seated += members.len();
		passed += votes.iter().map(|vote| agree(&vote.1)).filter(|n| n * 2 > votes.len()).count();
		let stake_of = |evidence: Option<&Evidence>| -> Balance {
			let said = trace.votes.get(tranche).into_iter().flatten();
			let said = said.filter(|(_, vote)| evidence.is_none_or(|e| vote.1 == *e));
			said.map(|(who, _)| members[who]).sum()
		};
		let is_right = |evidence: &Evidence| {
			stake_of(Some(evidence)) * 3 >= stake_of(None) * 2
				&& agree(evidence) * 3 >= votes.len() * 2
		};
		// An accusation, or evidence of which nobody can say whose is right.
		accused = votes.iter().any(|vote| vote.0[0] != Verdict::Valid)
			|| !votes.is_empty() && !votes.iter().any(|vote| is_right(&vote.1));
		unanimous = !accused && votes.iter().all(|vote| agree(&vote.1) == members.len());
		unanimous &= votes.len() == members.len() && members.len() == COMMITTEE;
		assert!(!accused && !unanimous || !made.members.contains_key(&(tranche + 1)));
	}
	let accepted = !accused && (unanimous || passed * 3 >= seated * 2);
	assert_eq!(trace.disputed, !accepted);
	if accepted {
		return Outcome::Accepted;
	}
	let Some(members) = made.members.get(&DISPUTE) else { return Outcome::Void };
	let dispute = votes(DISPUTE);
	let stake = |says: fn(&Verdict) -> bool| -> Balance {
		let sayers = dispute.iter().filter(|(_, (verdicts, _))| says(&verdicts[0]));
		sayers.map(|(who, _)| members[who]).sum()
	};
	let eligible: Balance = members.values().sum();
	let revealed = stake(|_| true);
	if stake(|verdict| matches!(verdict, Verdict::Mismatch(_))) * 3 >= eligible * 2 {
		Outcome::Failed
	} else if stake(|verdict| verdict.is_unavailable()) * 3 >= eligible * 2 {
		Outcome::Missed
	} else if revealed * 2 >= eligible
		&& stake(|verdict| *verdict == Verdict::Valid) * 3 >= revealed * 2
	{
		Outcome::Accepted
	} else {
		Outcome::Void
	}
}

/// What the books of all parties should say, from the events alone.
struct Books {
	pot: AccountId,
	lpt: Balance,
	eth: Balance,
	broadcasters: Vec<(AccountId, Balance)>,
}

impl Books {
	/// As they are now.
	fn read(world: &mut World) -> Self {
		let pot = pallet_lpt_staking::asset::pot::<Runtime>();
		let broadcasters = BROADCASTERS.map(|who| who.to_account_id());
		Self {
			lpt: world.lpt(&pot),
			eth: world.eth(&pot),
			pot,
			broadcasters: broadcasters.map(|who| (who.clone(), world.eth(&who))).to_vec(),
		}
	}

	/// ETH goes from one account to another, free or held.
	fn move_eth(&mut self, from: &AccountId, to: &AccountId, amount: Balance) {
		let pot = self.pot.clone();
		let broadcasters = self.broadcasters.iter_mut().map(|(who, eth)| (&*who, eth));
		for (who, eth) in broadcasters.chain([(&pot, &mut self.eth)]) {
			*eth += if who == to { amount } else { 0 };
			*eth -= if who == from { amount } else { 0 };
		}
	}

	/// Follows the events after the first `skip` and compares.
	fn check(mut self, world: &mut World, skip: usize) {
		use pallet_lpt_staking::Event as E;
		let mut of_job = BTreeMap::new();
		let mut of_claim = BTreeMap::new();
		for (_, event) in &world.events {
			match event {
				RuntimeEvent::Jobs(pallet_jobs::Event::JobCreated { job, broadcaster, .. }) => {
					of_job.insert(*job, broadcaster.clone());
				}
				RuntimeEvent::Jobs(pallet_jobs::Event::Claimed {
					claim, job, transcoder, ..
				}) => {
					of_claim.insert(*claim, (of_job[job].clone(), transcoder.clone()));
				}
				_ => {}
			}
		}
		for (_, event) in &world.events[skip..] {
			match event {
				RuntimeEvent::LptStaking(E::Bonded { amount, .. }) => self.lpt += amount,
				RuntimeEvent::LptStaking(E::Rewarded { amount, .. }) => self.lpt += amount,
				RuntimeEvent::LptStaking(E::StakeWithdrawn { amount, .. }) => self.lpt -= amount,
				RuntimeEvent::LptStaking(E::Slashed {
					total, finders_fee, common_pool, ..
				}) => {
					assert_eq!(*total, finders_fee + common_pool);
					self.lpt -= total;
				}
				RuntimeEvent::LptStaking(E::FeesWithdrawn { who, amount }) => {
					self.eth -= amount;
					for (broadcaster, eth) in &mut self.broadcasters {
						*eth += if broadcaster == who { *amount } else { 0 };
					}
				}
				RuntimeEvent::Jobs(pallet_jobs::Event::VerificationPrepaid {
					claim,
					prepaid,
					..
				}) => {
					let (broadcaster, transcoder) = &of_claim[claim];
					self.move_eth(transcoder, broadcaster, *prepaid);
				}
				RuntimeEvent::Jobs(pallet_jobs::Event::EscrowPaid {
					claim,
					account,
					reason,
					amount,
				}) => {
					let to = match reason {
						PayoutReason::Fee | PayoutReason::Verification => self.pot.clone(),
						_ => account.clone(),
					};
					self.move_eth(&of_claim[claim].0, &to, *amount);
				}
				RuntimeEvent::Jobs(pallet_jobs::Event::ReservationPaid { job, amount, .. }) => {
					let pool = livepeer_runtime::configs::money::CommonPool::get();
					self.move_eth(&of_job[job], &pool, *amount);
				}
				_ => {}
			}
		}
		assert_eq!(world.lpt(&self.pot), self.lpt, "LPT in the pot");
		assert_eq!(world.eth(&self.pot), self.eth, "ETH in the pot");
		for (who, eth) in self.broadcasters {
			assert_eq!(world.eth(&who), eth, "ETH of a broadcaster");
		}
	}
}

fn cases() -> u32 {
	std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(24)
}

/// How often claims ended in which way.
type Tally = BTreeMap<String, u32>;

#[test]
fn everything_should_end_and_add_up_whatever_anybody_does() {
	let tally = RefCell::new(Tally::new());
	let config = ProptestConfig {
		cases: cases(),
		max_shrink_iters: 400,
		failure_persistence: None,
		..ProptestConfig::default()
	};
	// Every day the same games, so that a red run can be repeated; a number of cases asks for new
	// ones.
	let mut runner = if std::env::var_os("PROPTEST_CASES").is_some() {
		TestRunner::new(config)
	} else {
		let rng = TestRng::deterministic_rng(config.rng_algorithm);
		TestRunner::new_with_rng(config, rng)
	};
	let played = runner.run(&prop::collection::vec(step(), 60..160), |steps| {
		let mut game = Game::new();
		let books = Books::read(&mut game.world);
		let skip = game.world.events.len();
		for step in steps {
			game.play(step);
			game.watch();
		}
		game.finish(&mut tally.borrow_mut());
		books.check(&mut game.world, skip);
		Ok(())
	});
	played.unwrap_or_else(|failure| panic!("{failure}"));
	let tally = tally.into_inner();
	println!("{tally:?}");
	// Or else the game is not worth playing.
	for outcome in ["Accepted", "Failed", "Missed", "Void", "disputed"] {
		assert!(tally.contains_key(outcome), "{outcome} is not among {tally:?}");
	}
}
