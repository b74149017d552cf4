//! A broadcaster, a transcoder and verifiers upon a [`World`].

use livepeer_primitives::{
	api::{ChallengeStage, ChallengeView},
	claim::Outcome,
	duty::Profiles,
	service::ServiceRecord,
	verdict::{Opening, Verdict},
	video::{Rendition, SourceLimits, CANONICAL_PROFILE},
	Balance, BlockNumber, ClaimId, JobId, Seq, UNIT,
};
use livepeer_runtime::{Jobs, LptStaking, Runtime, RuntimeEvent, TranscoderElection};
use sp_keyring::Sr25519Keyring::{self, Bob, BobStash, Charlie, CharlieStash, Ferdie};
use sp_runtime::Perbill;

use crate::{Ballot, Turn, Work, World};

/// What a verifier says about every leaf; `None` is silence.
pub type Answers<'a> = &'a dyn Fn(Sr25519Keyring) -> Option<Verdict>;

/// What each transcoder can do in a second: four of the jobs made here.
pub const CAPACITY: u64 = 60_000_000;

/// The one rendition of the jobs made here.
pub const RENDITION: Rendition =
	Rendition { width: 640, height: 360, profile: CANONICAL_PROFILE, kbps: 800, cap_kbps: 800 };

/// Everybody finds everything right.
pub const HONEST: Answers = &|_| Some(Verdict::Valid);

/// A claim with what its transcoder keeps.
#[derive(Clone)]
pub struct Claim {
	/// Its number.
	pub id: ClaimId,
	/// The fee in escrow.
	pub fee: Balance,
	/// Who made it.
	pub transcoder: Sr25519Keyring,
	/// What it is for.
	pub work: Work,
}

/// A job with its transcoder.
pub struct Story {
	/// The chain.
	pub world: World,
	/// The job.
	pub job: JobId,
	/// Who has it.
	pub transcoder: Sr25519Keyring,
	next: Seq,
}

impl Story {
	/// Who owns the stream.
	pub const BROADCASTER: Sr25519Keyring = Ferdie;
	/// Who takes work; each has a delegator.
	pub const TRANSCODERS: [Sr25519Keyring; 2] = [Bob, Charlie];

	/// A local network on which Bob and Charlie take work and Ferdie's job is accepted.
	pub fn begin() -> Self {
		Self::begin_on(Self::network())
	}

	/// Ferdie's job is accepted on `world`.
	pub fn begin_on(mut world: World) -> Self {
		let job = create_job(&mut world, Self::BROADCASTER, "story", 600);
		let mut story = Self::resume(world, job);
		story.accept();
		story
	}

	/// A job on `world` that nobody has accepted yet.
	pub fn resume(world: World, job: JobId) -> Self {
		Self { world, job, transcoder: Bob, next: 0 }
	}

	/// A local network on which Bob and Charlie take work.
	pub fn network() -> World {
		// Stories reckon with stake to the unit; what inflation adds is told in `tests/stake.rs`.
		Self::working(World::local().without_inflation(), &Self::TRANSCODERS)
	}

	/// `world` with these transcoders at work.
	pub fn working(mut world: World, transcoders: &[Sr25519Keyring]) -> World {
		let service = ServiceRecord {
			peer_id: b"peer".to_vec().try_into().expect("short"),
			..Default::default()
		};
		for who in transcoders.iter().copied() {
			let service = service.clone();
			world.submit(who, pallet_transcoder_election::Call::set_service { service });
			let profiles = canonical();
			let available =
				pallet_transcoder_election::Call::set_available { capacity: CAPACITY, profiles };
			world.submit(who, available);
		}
		world.deliver_ok();
		world.workers = transcoders.to_vec();
		world
	}

	/// The same story on a second chain that has the same past.
	pub fn fork(&mut self) -> Self {
		Self {
			world: self.world.fork(),
			job: self.job,
			transcoder: self.transcoder,
			next: self.next,
		}
	}

	/// Has the job accepted by whom it is offered to.
	pub fn accept(&mut self) {
		let job = self.job;
		self.world.until(20, |world| {
			world
				.run(|| Jobs::job(job))
				.and_then(|view| view.current)
				.is_some_and(|current| current.toolchain.is_none())
		});
		let turn = self.turn();
		self.transcoder = turn.transcoder;
		let toolchain = self.world.toolchain();
		self.world.ok_authorized(turn.accept(toolchain));
	}

	/// The job's current assignment.
	pub fn turn(&mut self) -> Turn {
		Turn::current(&mut self.world, self.job).expect("the job is assigned")
	}

	/// Transcodes the next `count` segments.
	pub fn work(&mut self, count: u32) -> Work {
		let first = self.next;
		self.next += u64::from(count);
		self.turn().work(first, count)
	}

	/// Claims the next `count` segments.
	pub fn claim(&mut self, count: u32) -> Claim {
		let work = self.work(count);
		let call = work.claim(self.world.toolchain());
		self.make_claim(work, call)
	}

	/// Makes a claim over `work`, whatever it states.
	pub fn make_claim(&mut self, work: Work, call: pallet_jobs::Call<Runtime>) -> Claim {
		let transcoder = self.transcoder;
		self.world.ok_authorized(call);
		let (id, fee) = self
			.find(|event| match event {
				RuntimeEvent::Jobs(pallet_jobs::Event::Claimed { claim, fee, .. }) => {
					Some((*claim, *fee))
				}
				_ => None,
			})
			.expect("the claim was made");
		Claim { id, fee, transcoder, work }
	}

	/// The newest event that `f` takes.
	pub fn find<R>(&self, f: impl FnMut(&RuntimeEvent) -> Option<R>) -> Option<R> {
		self.world.events.iter().rev().map(|(_, event)| event).find_map(f)
	}

	/// The claim's challenge, which must be open.
	pub fn challenge(&mut self, claim: &Claim) -> ChallengeView {
		self.world.challenge(claim.id).expect("the challenge is open")
	}

	/// Makes blocks until the challenge reaches a stage.
	pub fn until_stage(&mut self, claim: &Claim, stage: ChallengeStage) {
		let id = claim.id;
		self.world.until(100, |world| world.challenge(id).is_some_and(|view| view.stage == stage));
	}

	/// Reveals every drawn leaf.
	pub fn reveal(&mut self, claim: &Claim) {
		self.until_stage(claim, ChallengeStage::LeafReveal);
		let positions = self.challenge(claim).positions;
		for index in claim.work.drawn(&positions) {
			self.world.submit_authorized(claim.work.reveal(claim.id, index));
		}
		self.world.deliver_ok();
	}

	/// The ballot when its members can commit.
	pub fn ballot(&mut self, claim: &Claim) -> Ballot {
		self.until_stage(claim, ChallengeStage::Commit);
		Ballot::open(&mut self.world, claim.id).expect("it is voted on")
	}

	/// Lets the members of the open ballot commit and reveal.
	pub fn vote(&mut self, claim: &Claim, answers: Answers) {
		let ballot = self.ballot(claim);
		let openings: Vec<(usize, Opening)> = ballot
			.members
			.iter()
			.enumerate()
			.filter_map(|(member, who)| Some((member, ballot.opening(member, answers(*who)?))))
			.collect();
		self.cast(claim, &ballot, &openings, &openings);
	}

	/// Lets every member of the open ballot say what is true where variants are forced at this rate, so that
	/// the transcoder has to open them; with the leaves that were drawn and the ballot.
	pub fn vote_variants(&mut self, claim: &Claim, rate: Perbill) -> (Vec<u32>, Ballot) {
		let drawn = claim.work.drawn(&self.challenge(claim).positions);
		let ballot = self.ballot(claim);
		let openings: Vec<_> = (0..ballot.members.len())
			.map(|member| (member, ballot.opening(member, Verdict::Valid)))
			.map(|(member, opening)| (member, claim.work.truth(&drawn, rate, opening)))
			.collect();
		self.cast(claim, &ballot, &openings, &openings);
		assert!(self.challenge(claim).awaits_opening);
		(drawn, ballot)
	}

	/// Lets members commit to one thing and reveal another.
	pub fn cast(
		&mut self,
		claim: &Claim,
		ballot: &Ballot,
		committed: &[(usize, Opening)],
		revealed: &[(usize, Opening)],
	) {
		for (member, opening) in committed {
			self.world.submit_authorized(ballot.commit(*member, opening));
		}
		self.world.deliver_ok();
		if committed.is_empty() {
			return;
		}
		self.until_stage(claim, ChallengeStage::VerdictReveal);
		for (member, opening) in revealed {
			self.world.submit_authorized(ballot.reveal(*member, opening));
		}
		self.world.deliver_ok();
	}

	/// Makes blocks until the claim is settled; says how it was decided.
	pub fn settle(&mut self, claim: &Claim) -> Option<Outcome> {
		let id = claim.id;
		self.world.until(200, |world| world.run(|| Jobs::claim(id)).is_none());
		self.find(|event| match event {
			RuntimeEvent::ChallengeLottery(pallet_challenge_lottery::Event::Decided {
				claim,
				outcome,
				..
			}) if *claim == id => Some(*outcome),
			_ => None,
		})
	}

	/// Lets the broadcaster end the job.
	pub fn end(&mut self) {
		let job = self.job;
		self.world.ok(Self::BROADCASTER, pallet_jobs::Call::end_job { job });
	}

	/// Ends the job, waits until it is closed, and asserts that nothing of it is left.
	pub fn close(&mut self) {
		let job = self.job;
		if self.world.run(|| Jobs::job(job)).is_some_and(|view| !view.ended) {
			self.end();
		}
		self.world.until(100, |world| world.run(|| Jobs::job(job)).is_none());
		assert_eq!(self.world.leftovers(), Vec::<String>::new());
	}

	/// Every slash so far: when, whose, how much.
	pub fn slashes(&self) -> Vec<(BlockNumber, Sr25519Keyring, Balance)> {
		self.world
			.events
			.iter()
			.filter_map(|(block, event)| match event {
				RuntimeEvent::LptStaking(pallet_lpt_staking::Event::Slashed {
					transcoder,
					total,
					..
				}) => Some((*block, crate::keyring(transcoder), *total)),
				_ => None,
			})
			.collect()
	}

	/// What the stake of `who` lost so far.
	pub fn lost(&self, who: Sr25519Keyring) -> Balance {
		self.slashes().iter().filter(|(_, whose, _)| *whose == who).map(|(_, _, total)| total).sum()
	}

	/// What the bond of `who` is worth.
	pub fn bond(&mut self, who: Sr25519Keyring) -> Balance {
		self.world.run(|| LptStaking::delegator(who.to_account_id())).map_or(0, |view| view.stake)
	}

	/// Fees that `who` can withdraw.
	pub fn fees(&mut self, who: Sr25519Keyring) -> Balance {
		self.world.run(|| LptStaking::fees(who.to_account_id()))
	}

	/// Whether `who` is jailed.
	pub fn is_jailed(&mut self, who: Sr25519Keyring) -> bool {
		self.world.run(|| TranscoderElection::open_verdicts_of(who.to_account_id())).is_some()
	}

	/// Who delegates to a transcoder.
	pub fn delegator_of(transcoder: Sr25519Keyring) -> Sr25519Keyring {
		if transcoder == Bob {
			BobStash
		} else {
			CharlieStash
		}
	}

	/// The other one of the two who take work.
	pub fn other(transcoder: Sr25519Keyring) -> Sr25519Keyring {
		if transcoder == Bob {
			Charlie
		} else {
			Bob
		}
	}
}

/// Creates a job of 100 ETH that lasts `blocks`, which must succeed; returns its number.
pub fn create_job(world: &mut World, who: Sr25519Keyring, name: &str, blocks: u32) -> JobId {
	let call = job(world, name, blocks, 100 * UNIT);
	world.ok(who, call);
	world
		.events
		.iter()
		.rev()
		.find_map(|(_, event)| match event {
			RuntimeEvent::Jobs(pallet_jobs::Event::JobCreated { job, .. }) => Some(*job),
			_ => None,
		})
		.expect("the job was created")
}

/// The one profile that the transcoders here serve.
pub fn canonical() -> Profiles {
	vec![CANONICAL_PROFILE].try_into().expect("one profile")
}

/// A job of one rendition that lasts `blocks`.
pub fn job(world: &World, name: &str, blocks: u32, budget: Balance) -> pallet_jobs::Call<Runtime> {
	pallet_jobs::Call::create_job {
		broadcaster: None,
		name: name.as_bytes().to_vec().try_into().expect("a short name"),
		ladder: vec![RENDITION].try_into().expect("one rendition"),
		limits: SourceLimits::new(1280, 720, 30),
		max_price: UNIT / 100,
		end: world.number() + blocks,
		budget,
	}
}
