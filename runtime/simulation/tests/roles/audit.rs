//! What must be true of a story in the end.

use std::{
	collections::{BTreeMap, BTreeSet},
	ops::RangeInclusive,
};

use livepeer_integration_tests::World;
use livepeer_primitives::{
	claim::Outcome, traits::Settlement, AccountId, Balance, BlockNumber, ClaimId, JobId, Seq,
};
use livepeer_runtime::RuntimeEvent;
use pallet_challenge_lottery::{types::Penalty, Event as Lottery};
use pallet_inflation::Event as Inflation;
use pallet_jobs::Event as Jobs;
use pallet_lpt_staking::Event as Staking;

use crate::{is_honest, stage::Cast, Plan};

/// What became of a claim.
struct Claim {
	transcoder: AccountId,
	/// The job and the segments that it is of.
	job: JobId,
	segments: RangeInclusive<Seq>,
	fee: Balance,
	made: BlockNumber,
	outcome: Option<Outcome>,
	executed: Option<BlockNumber>,
	is_settled: bool,
	/// Who was to judge it.
	committee: Vec<AccountId>,
	/// Who has.
	judged: BTreeSet<AccountId>,
}

/// What became of a job.
struct Job {
	end: BlockNumber,
	ended: Option<BlockNumber>,
	closed: Option<BlockNumber>,
}

/// What the events of a story come to.
#[derive(Default)]
struct Books {
	claims: BTreeMap<ClaimId, Claim>,
	jobs: BTreeMap<JobId, Job>,
	/// What stake was lost, by whose it was bonded to.
	slashed: BTreeMap<AccountId, Balance>,
	/// What judges were penalised for.
	penalties: Vec<(ClaimId, AccountId, Penalty)>,
	/// LPT that was made, and that was paid as rewards.
	minted: Balance,
	rewarded: Balance,
	/// ETH of claims that were paid and that lay aside for their verification, and what reached transcoders and
	/// delegators, judges' part among it.
	paid: Balance,
	booked: Balance,
}

impl Books {
	fn of(world: &World) -> Self {
		let mut books = Self::default();
		for (block, event) in &world.events {
			match event {
				RuntimeEvent::Jobs(event) => books.note_jobs(*block, event),
				RuntimeEvent::ChallengeLottery(event) => books.note_lottery(*block, event),
				RuntimeEvent::LptStaking(event) => books.note_staking(event),
				RuntimeEvent::Inflation(Inflation::RoundPaid { minted, .. }) => {
					books.minted += minted;
				}
				_ => {}
			}
		}
		books
	}

	fn note_jobs(&mut self, block: BlockNumber, event: &Jobs<livepeer_runtime::Runtime>) {
		match event {
			Jobs::JobCreated { job, end, .. } => {
				self.jobs.insert(*job, Job { end: *end, ended: None, closed: None });
			}
			Jobs::JobEnded { job, .. } => {
				self.jobs.get_mut(job).expect("it was created").ended = Some(block);
			}
			Jobs::JobClosed { job } => {
				self.jobs.get_mut(job).expect("it was created").closed = Some(block);
			}
			Jobs::Claimed { claim, job, transcoder, first, last, fee, .. } => {
				let made = Claim {
					transcoder: transcoder.clone(),
					job: *job,
					segments: *first..=*last,
					fee: *fee,
					made: block,
					outcome: None,
					executed: None,
					is_settled: false,
					committee: Vec::new(),
					judged: BTreeSet::new(),
				};
				self.claims.insert(*claim, made);
			}
			Jobs::ClaimSettled { claim, settlement, fee, .. } => {
				self.claim(claim).is_settled = true;
				if *settlement == Settlement::Pay {
					self.paid += fee;
				}
			}
			Jobs::VerificationPrepaid { prepaid, shortfall, .. } => {
				self.paid += prepaid + shortfall
			}
			_ => {}
		}
	}

	fn note_lottery(&mut self, block: BlockNumber, event: &Lottery<livepeer_runtime::Runtime>) {
		match event {
			Lottery::Drawn { claim, committee, .. } => {
				self.claim(claim).committee = committee.clone();
			}
			Lottery::VerdictRevealed { claim, verifier, .. } => {
				self.claim(claim).judged.insert(verifier.clone());
			}
			Lottery::Decided { claim, outcome, .. } => {
				self.claim(claim).outcome = Some(*outcome);
			}
			Lottery::Executed { claim, .. } => self.claim(claim).executed = Some(block),
			Lottery::Penalised { claim, verifier, penalty, .. } => {
				self.penalties.push((*claim, verifier.clone(), *penalty));
			}
			Lottery::JudgeRewarded { amount, .. } => self.rewarded += amount,
			_ => {}
		}
	}

	fn note_staking(&mut self, event: &Staking<livepeer_runtime::Runtime>) {
		match event {
			Staking::Slashed { transcoder, total, .. } => {
				*self.slashed.entry(transcoder.clone()).or_default() += total;
			}
			Staking::Rewarded { amount, .. } => self.rewarded += amount,
			Staking::FeeBooked { to_transcoder, to_delegators, .. } => {
				self.booked += to_transcoder + to_delegators;
			}
			_ => {}
		}
	}

	/// Whether another transcoder claims a segment of this claim too, as where the job was handed on in between. Then
	/// judges may have the same bytes from it.
	fn is_shared(&self, claim: &Claim) -> bool {
		self.claims.values().any(|other| {
			other.job == claim.job
				&& other.transcoder != claim.transcoder
				&& other.segments.start() <= claim.segments.end()
				&& claim.segments.start() <= other.segments.end()
		})
	}

	/// Whether a judge had no penalty but for bytes of these claims that it lacked: the transcoder and the judges that
	/// it starved share what the dispute costs, if others have the bytes.
	fn shares_costs_only(&self, who: &AccountId, withheld: &BTreeSet<ClaimId>) -> bool {
		let mut own = self.penalties.iter().filter(|(_, judge, _)| judge == who).peekable();
		own.peek().is_some()
			&& own.all(|(claim, _, penalty)| {
				let lacked = matches!(
					penalty,
					Penalty::Lacked | Penalty::LateDataAsked | Penalty::LateDataAlone
				);
				lacked && withheld.contains(claim)
			})
	}

	fn claim(&mut self, id: &ClaimId) -> &mut Claim {
		self.claims.get_mut(id).expect("it was made")
	}
}

/// Fails unless all ended in time, honesty cost nobody stake, cheating cost more than it can have brought, and no
/// more was paid than came in.
pub fn audit(world: &mut World, plan: &Plan, cast: &Cast) {
	let books = Books::of(world);
	let (parameters, timing) = world.parameters();
	let (life, after) = (parameters.lottery.longest_claim_life(&timing), world.longest_after_end());
	// Of streams that end early there may be too little to claim.
	let is_whole = plan.streams.iter().any(|stream| !stream.leaves);
	assert!(!is_whole || !books.claims.is_empty(), "nothing was claimed");
	for (id, claim) in &books.claims {
		assert!(claim.is_settled, "claim {id} was never settled");
		let executed = claim.executed.unwrap_or_else(|| panic!("claim {id} was never executed"));
		let took = executed - claim.made;
		assert!(took <= life, "claim {id} took {took} blocks, more than {life}");
	}
	for (id, job) in &books.jobs {
		let ended = job.ended.unwrap_or_else(|| panic!("job {id} never ended"));
		assert!(ended <= job.end + 1, "job {id} ended in block {ended}, not in {}", job.end);
		let closed = job.closed.unwrap_or_else(|| panic!("job {id} was never closed"));
		let took = closed - ended;
		assert!(took <= after, "job {id} was closed {took} blocks after its end, not {after}");
	}

	let mut cheats = BTreeSet::new();
	// Claims whose bytes their transcoder gives no judge, and another one may.
	let mut withheld = BTreeSet::new();
	for (making, machine) in plan.transcoders.iter().zip(&cast.transcoders) {
		let (account, name) = (machine.account(), making.name);
		let own = books.claims.iter().filter(|(_, claim)| claim.transcoder == account);
		let own: Vec<(&ClaimId, &Claim)> = own.collect();
		let is_caught =
			|claim: &Claim| matches!(claim.outcome, Some(Outcome::Failed | Outcome::Missed));
		for (id, claim) in &own {
			let is_withheld = !making.serves && books.is_shared(claim);
			if is_withheld {
				withheld.insert(**id);
			}
			// Nobody is convinced of a void one.
			let fits = match claim.outcome {
				Some(Outcome::Void) => true,
				_ if is_honest(making) => !is_caught(claim),
				_ if is_withheld => true,
				_ => is_caught(claim) || !making.is_always_bad,
			};
			assert!(fits, "claim {id} of {} ({name}): {:?}", machine.name, claim.outcome);
		}
		if is_honest(making) {
			continue;
		}
		cheats.insert(account.clone());
		if own.iter().any(|(_, claim)| is_caught(claim)) {
			let claimed: Balance = own.iter().map(|(_, claim)| claim.fee).sum();
			let lost = books.slashed.get(&account).copied().unwrap_or_default();
			let lost = parameters.money.in_eth(lost);
			assert!(lost > claimed, "{} ({name}) lost {lost} of {claimed}", machine.name);
		}
	}

	if let Some((place, judging)) = plan.bad_judge {
		let account = cast.judges[place].account();
		let first = parameters.lottery.committee_size as usize;
		// Of bytes that nobody could have nobody knows what is true.
		let judged = books
			.claims
			.values()
			.filter(|claim| matches!(claim.outcome, Some(Outcome::Accepted | Outcome::Failed)));
		let mut owed = judged.filter(|claim| match judging.name {
			"silent" => claim.committee.iter().take(first).any(|judge| *judge == account),
			_ => claim.judged.contains(&account),
		});
		if owed.next().is_some() {
			let is_penalised = books.penalties.iter().any(|(_, judge, _)| *judge == account);
			assert!(is_penalised, "the judge that is {} lost nothing", judging.name);
		}
		cheats.insert(account);
	}
	for (who, amount) in &books.slashed {
		let is_fair = cheats.contains(who) || books.shares_costs_only(who, &withheld);
		assert!(is_fair, "{who} is honest and lost {amount}");
	}

	assert!(books.booked <= books.paid, "{} of {} ETH", books.booked, books.paid);
	let in_lpt = books.minted + books.slashed.values().sum::<Balance>();
	assert!(books.rewarded <= in_lpt, "{} of {in_lpt} LPT", books.rewarded);
}
