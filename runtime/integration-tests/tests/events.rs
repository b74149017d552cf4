//! Whoever reads the events alone knows what the chain holds of jobs, claims and challenges: an index that is
//! made of nothing else is compared with storage again and again, while claims are paid, fail, are missed and
//! are void, and while jobs are handed on, ended as idle and expire.

use std::collections::{BTreeMap, BTreeSet};

use livepeer_integration_tests::{create_job, Claim, Story, World, HONEST};
use livepeer_primitives::{
	api::ChallengeStage,
	claim::Outcome,
	verdict::{MismatchKind, Tranche, Verdict},
	AccountId, AssignmentIndex, Balance, BlockNumber, ClaimId, JobId, Seq, StreamId, ToolchainId,
};
use livepeer_runtime::{ChallengeLottery, Jobs, Runtime, RuntimeEvent};
use pallet_challenge_lottery::Event as Lottery;
use pallet_jobs::Event as Job;
use sp_keyring::Sr25519Keyring::Alice;
use sp_runtime::Perbill;

/// An assignment that is offered or runs.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Turn {
	assignment: AssignmentIndex,
	transcoder: AccountId,
	price: Balance,
	toolchain: Option<ToolchainId>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
struct JobEntry {
	broadcaster: AccountId,
	stream: StreamId,
	max_price: Balance,
	end: BlockNumber,
	ended: bool,
	current: Option<Turn>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
struct ClaimEntry {
	job: JobId,
	assignment: AssignmentIndex,
	transcoder: AccountId,
	first: Seq,
	leaves: u32,
	total_work: u64,
	fee: Balance,
}

#[derive(Clone, PartialEq, Eq, Debug)]
struct ChallengeEntry {
	stage: ChallengeStage,
	positions: Vec<u64>,
	answered: BTreeSet<u64>,
	tranche: Tranche,
	committed: BTreeSet<AccountId>,
	revealed: BTreeSet<AccountId>,
	asked: BTreeSet<AccountId>,
	outcome: Option<Outcome>,
	execute_at: Option<BlockNumber>,
}

impl ChallengeEntry {
	fn ballot(&mut self, tranche: Tranche) {
		self.tranche = tranche;
		self.committed.clear();
		self.revealed.clear();
		self.asked.clear();
	}
}

/// What the events have said so far.
#[derive(Default)]
struct Index {
	read: usize,
	jobs: BTreeMap<JobId, JobEntry>,
	claims: BTreeMap<ClaimId, ClaimEntry>,
	challenges: BTreeMap<ClaimId, ChallengeEntry>,
}

impl Index {
	fn job(&mut self, job: &JobId) -> &mut JobEntry {
		self.jobs.get_mut(job).expect("it was created")
	}

	fn challenge(&mut self, claim: &ClaimId) -> &mut ChallengeEntry {
		self.challenges.get_mut(claim).expect("it was opened")
	}

	fn take(&mut self, event: &RuntimeEvent) {
		match event {
			RuntimeEvent::Jobs(event) => self.take_job(event),
			RuntimeEvent::ChallengeLottery(event) => self.take_challenge(event),
			_ => (),
		}
	}

	fn take_job(&mut self, event: &Job<Runtime>) {
		match event {
			Job::JobCreated { job, broadcaster, stream, max_price, end, .. } => {
				let entry = JobEntry {
					broadcaster: broadcaster.clone(),
					stream: *stream,
					max_price: *max_price,
					end: *end,
					ended: false,
					current: None,
				};
				self.jobs.insert(*job, entry);
			}
			Job::Offered { job, assignment, transcoder, price, .. } => {
				self.job(job).current = Some(Turn {
					assignment: *assignment,
					transcoder: transcoder.clone(),
					price: *price,
					toolchain: None,
				});
			}
			Job::Accepted { job, toolchain, .. } => {
				let current = self.job(job).current.as_mut().expect("it was offered");
				current.toolchain = Some(*toolchain);
			}
			Job::NotAccepted { job, assignment, .. }
			| Job::AssignmentEnded { job, assignment, .. } => {
				let entry = self.job(job);
				if entry.current.as_ref().is_some_and(|turn| turn.assignment == *assignment) {
					entry.current = None;
				}
			}
			Job::JobEnded { job, .. } => {
				let entry = self.job(job);
				entry.ended = true;
				entry.current = None;
			}
			Job::JobClosed { job } => {
				self.jobs.remove(job);
			}
			Job::Claimed { claim, job, assignment, transcoder, first, last, total_work, fee } => {
				let entry = ClaimEntry {
					job: *job,
					assignment: *assignment,
					transcoder: transcoder.clone(),
					first: *first,
					leaves: (last - first + 1) as u32,
					total_work: *total_work,
					fee: *fee,
				};
				self.claims.insert(*claim, entry);
			}
			Job::ClaimSettled { claim, .. } => {
				self.claims.remove(claim);
			}
			_ => (),
		}
	}

	fn take_challenge(&mut self, event: &Lottery<Runtime>) {
		match event {
			Lottery::ChallengeOpened { claim, .. } => {
				let entry = ChallengeEntry {
					stage: ChallengeStage::AwaitingSeed,
					positions: Vec::new(),
					answered: BTreeSet::new(),
					tranche: 0,
					committed: BTreeSet::new(),
					revealed: BTreeSet::new(),
					asked: BTreeSet::new(),
					outcome: None,
					execute_at: None,
				};
				self.challenges.insert(*claim, entry);
			}
			Lottery::Drawn { claim, positions, .. } => {
				let entry = self.challenge(claim);
				entry.stage = ChallengeStage::LeafReveal;
				entry.positions = positions.clone();
			}
			Lottery::LeafRevealed { claim, answered, .. } => {
				self.challenge(claim).answered.extend(answered);
			}
			Lottery::CommitStarted { claim, tranche, .. } => {
				let entry = self.challenge(claim);
				entry.stage = ChallengeStage::Commit;
				entry.ballot(*tranche);
			}
			Lottery::Committed { claim, verifier, .. } => {
				self.challenge(claim).committed.insert(verifier.clone());
			}
			Lottery::DataAsked { claim, verifier, .. } => {
				self.challenge(claim).asked.insert(verifier.clone());
			}
			Lottery::VerdictRevealStarted { claim, .. } | Lottery::OpeningStarted { claim, .. } => {
				self.challenge(claim).stage = ChallengeStage::VerdictReveal;
			}
			Lottery::VerdictRevealed { claim, verifier, .. } => {
				self.challenge(claim).revealed.insert(verifier.clone());
			}
			Lottery::TrancheUndecided { claim, .. } | Lottery::Disputed { claim, .. } => {
				let entry = self.challenge(claim);
				entry.stage = ChallengeStage::AwaitingDispute;
				entry.ballot(0);
			}
			Lottery::Decided { claim, outcome, execute_at, .. } => {
				let entry = self.challenge(claim);
				entry.stage = ChallengeStage::Decided;
				entry.outcome = Some(*outcome);
				entry.execute_at = Some(*execute_at);
				entry.ballot(0);
			}
			Lottery::DeferralLengthened { claim, execute_at, .. } => {
				self.challenge(claim).execute_at = Some(*execute_at);
			}
			Lottery::Executed { claim, .. } | Lottery::Cancelled { claim, .. } => {
				self.challenges.remove(claim);
			}
			_ => (),
		}
	}

	/// Reads what is new, and compares with what the chain holds now.
	fn check(&mut self, world: &mut World) {
		let new: Vec<_> = world.events[self.read..].to_vec();
		self.read += new.len();
		for (_, event) in &new {
			self.take(event);
		}
		let (jobs, claims, challenges) = world.run(stored);
		let block = world.number();
		assert_eq!(self.jobs, jobs, "in block {block}");
		assert_eq!(self.claims, claims, "in block {block}");
		assert_eq!(self.challenges, challenges, "in block {block}");
	}
}

type Stored =
	(BTreeMap<JobId, JobEntry>, BTreeMap<ClaimId, ClaimEntry>, BTreeMap<ClaimId, ChallengeEntry>);

/// The same out of storage.
fn stored() -> Stored {
	let jobs = pallet_jobs::Jobs::<Runtime>::iter_keys().filter_map(Jobs::job).map(|view| {
		let current = view.current.map(|current| Turn {
			assignment: current.index,
			transcoder: current.transcoder,
			price: current.price,
			toolchain: current.toolchain,
		});
		let entry = JobEntry {
			broadcaster: view.broadcaster,
			stream: view.stream,
			max_price: view.max_price,
			end: view.end,
			ended: view.ended,
			current,
		};
		(view.id, entry)
	});
	let claims = pallet_jobs::OpenClaims::<Runtime>::iter_keys().filter_map(|id| {
		let info = Jobs::claim(id)?;
		let entry = ClaimEntry {
			job: info.job,
			assignment: info.assignment,
			transcoder: info.transcoder,
			first: info.first,
			leaves: info.commitment.leaf_count,
			total_work: info.commitment.total_work,
			fee: info.fee,
		};
		Some((id, entry))
	});
	let challenges = pallet_challenge_lottery::Challenges::<Runtime>::iter_keys();
	let challenges = challenges.filter_map(|id| {
		let view = ChallengeLottery::challenge(id)?;
		let who_did = |did: &[bool]| -> BTreeSet<AccountId> {
			let members = view.members.iter().zip(did);
			members.filter(|(_, did)| **did).map(|(member, _)| member.clone()).collect()
		};
		let is_open = matches!(view.stage, ChallengeStage::Commit | ChallengeStage::VerdictReveal);
		let (committed, revealed, asked) = match is_open {
			true => {
				let asked = ChallengeLottery::asking(id).into_iter().collect();
				(who_did(&view.committed), who_did(&view.revealed), asked)
			}
			false => Default::default(),
		};
		let answered = view.positions.iter().zip(&view.answered);
		let entry = ChallengeEntry {
			stage: view.stage,
			answered: answered.filter(|(_, is)| **is).map(|(position, _)| *position).collect(),
			positions: view.positions.clone(),
			tranche: view.tranche,
			committed,
			revealed,
			asked,
			outcome: view.outcome,
			execute_at: view.outcome.map(|_| view.deadline),
		};
		Some((id, entry))
	});
	(jobs.collect(), claims.collect(), challenges.collect())
}

/// Makes blocks until a claim's stage is reached, compared in each.
fn until(story: &mut Story, index: &mut Index, claim: &Claim, stage: ChallengeStage) {
	let id = claim.id;
	story.world.until(100, |world| {
		index.check(world);
		world.challenge(id).is_some_and(|view| view.stage == stage)
	});
}

/// Makes blocks until a claim is settled, compared in each.
fn settle(story: &mut Story, index: &mut Index, claim: &Claim) -> Option<Outcome> {
	let id = claim.id;
	story.world.until(200, |world| {
		index.check(world);
		world.run(|| Jobs::claim(id)).is_none()
	});
	story.settle(claim)
}

/// The members of the open ballot vote, compared after each block.
fn vote(
	story: &mut Story,
	index: &mut Index,
	claim: &Claim,
	says: &dyn Fn(usize) -> Option<Verdict>,
) {
	until(story, index, claim, ChallengeStage::Commit);
	let ballot = story.ballot(claim);
	let openings: Vec<_> = (0..ballot.members.len())
		.filter_map(|member| Some((member, ballot.opening(member, says(member)?))))
		.collect();
	for (member, opening) in &openings {
		story.world.ok_authorized(ballot.commit(*member, opening));
		index.check(&mut story.world);
	}
	if openings.is_empty() {
		return;
	}
	until(story, index, claim, ChallengeStage::VerdictReveal);
	for (member, opening) in &openings {
		story.world.ok_authorized(ballot.reveal(*member, opening));
		index.check(&mut story.world);
	}
}

#[test]
fn storage_should_be_rebuilt_from_events_alone() {
	let mut index = Index::default();
	let mut story = Story::begin();
	index.check(&mut story.world);

	// Paid, after a tranche that came to nothing because one of it was silent.
	let paid = story.claim(8);
	until(&mut story, &mut index, &paid, ChallengeStage::LeafReveal);
	story.reveal(&paid);
	index.check(&mut story.world);
	vote(&mut story, &mut index, &paid, &|member| (member > 0).then_some(Verdict::Valid));
	vote(&mut story, &mut index, &paid, &|_| Some(Verdict::Valid));
	assert_eq!(settle(&mut story, &mut index, &paid), Some(Outcome::Accepted));

	// Handed on; the claim of the grace is void, for nobody says anything.
	let first = story.transcoder;
	let void = story.claim(8);
	index.check(&mut story.world);
	let (job, assignment) = (story.job, story.turn().assignment);
	story.world.ok(Story::BROADCASTER, pallet_jobs::Call::next_transcoder { job, assignment });
	index.check(&mut story.world);
	story.accept();
	index.check(&mut story.world);
	assert_ne!(story.transcoder, first);
	until(&mut story, &mut index, &void, ChallengeStage::LeafReveal);
	story.reveal(&void);
	assert_eq!(settle(&mut story, &mut index, &void), Some(Outcome::Void));

	// Failed, by a dispute.
	let failed = story.claim(8);
	until(&mut story, &mut index, &failed, ChallengeStage::LeafReveal);
	story.reveal(&failed);
	let wrong = Verdict::Mismatch(MismatchKind::Video);
	vote(&mut story, &mut index, &failed, &|_| Some(wrong));
	vote(&mut story, &mut index, &failed, &|_| Some(wrong));
	assert_eq!(settle(&mut story, &mut index, &failed), Some(Outcome::Failed));

	story.close();
	index.check(&mut story.world);
	assert!(index.jobs.is_empty() && index.claims.is_empty() && index.challenges.is_empty());
}

/// One that is missed, and one that governance cancels after that.
#[test]
fn storage_should_be_rebuilt_from_events_when_leaves_are_missed_and_verdicts_cancelled() {
	let mut index = Index::default();
	let mut story = Story::begin();
	let paid = story.claim(8);
	let missed = story.claim(8);
	until(&mut story, &mut index, &paid, ChallengeStage::LeafReveal);
	story.reveal(&paid);
	story.vote(&paid, HONEST);
	index.check(&mut story.world);
	until(&mut story, &mut index, &missed, ChallengeStage::Decided);
	let cancel = pallet_challenge_lottery::Call::cancel { claim: missed.id, case: None };
	story.world.ok(Alice, pallet_sudo::Call::sudo { call: Box::new(cancel.into()) });
	index.check(&mut story.world);
	assert!(!index.challenges.contains_key(&missed.id) && !index.claims.contains_key(&missed.id));
	settle(&mut story, &mut index, &paid);
	story.close();
	index.check(&mut story.world);
}

/// Whoever lacks bytes asks for them, variants are opened, an assignment is ended as idle, and a job expires.
#[test]
fn storage_should_be_rebuilt_from_events_when_variants_are_opened_and_jobs_end_by_themselves() {
	let mut index = Index::default();
	let half = Perbill::from_percent(50);
	let mut world = Story::network();
	world.set_lottery(|lottery| lottery.variant_rate = half);
	let mut story = Story::begin_on(world);
	index.check(&mut story.world);
	let opened = story.claim(16);
	until(&mut story, &mut index, &opened, ChallengeStage::LeafReveal);
	story.reveal(&opened);
	let asks = story.ballot(&opened).ask(1);
	story.world.ok_authorized(asks);
	index.check(&mut story.world);
	assert_eq!(index.challenges[&opened.id].asked.len(), 1);
	let (drawn, ballot) = story.vote_variants(&opened, half);
	index.check(&mut story.world);
	story.world.ok_authorized(opened.work.open(opened.id, ballot.seed, &drawn));
	index.check(&mut story.world);
	assert_eq!(settle(&mut story, &mut index, &opened), Some(Outcome::Accepted));
	story.close();
	index.check(&mut story.world);

	// Nothing is sent, so its transcoder gives it up; who gets it then keeps it to the end.
	let mut world = story.world;
	let job = create_job(&mut world, Story::BROADCASTER, "short", 100);
	index.check(&mut world);
	let mut story = Story::resume(world, job);
	story.accept();
	index.check(&mut story.world);
	let (idle, assignment) = (story.transcoder, story.turn().assignment);
	story.world.blocks(40);
	story.world.ok(idle, pallet_jobs::Call::end_idle { job, assignment });
	index.check(&mut story.world);
	story.accept();
	story.world.until(200, |world| {
		index.check(world);
		world.run(|| Jobs::job(job)).is_none()
	});
	index.check(&mut story.world);
	assert!(index.jobs.is_empty() && index.claims.is_empty() && index.challenges.is_empty());
}
