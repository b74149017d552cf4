//! A broadcaster, a transcoder and verifiers upon a [`World`].

use livepeer_primitives::{
	api::{ChallengeStage, ChallengeView, Outcome},
	leaf::Leaf,
	receipt::Output,
	segment::SegmentHeader,
	service::ServiceRecord,
	sum_tree::SumTree,
	verdict::{commitment, duty_payload, Evidence, Opening, Phase, Verdict},
	video::{Rendition, SourceLimits},
	AccountId, Balance, ClaimId, Hash, JobId, Seq, Signature, ToolchainId, UNIT,
};
use livepeer_runtime::{ChallengeLottery, Jobs, Runtime, RuntimeEvent, System};
use sp_core::{sr25519, Pair, H256};
use sp_keyring::Sr25519Keyring;

use crate::World;

/// What a verifier says about every leaf; `None` is silence.
pub type Answers<'a> = &'a dyn Fn(Sr25519Keyring) -> Option<Verdict>;

/// Everybody finds everything right.
pub const HONEST: Answers = &|_| Some(Verdict::Valid);

/// A claim with what its transcoder keeps.
#[derive(Clone)]
pub struct Claim {
	/// Its number.
	pub id: ClaimId,
	/// The fee in escrow.
	pub fee: Balance,
	leaves: Vec<Leaf>,
	signatures: Vec<Signature>,
	tree: SumTree,
}

/// A job with its transcoder.
pub struct Story {
	/// The chain.
	pub world: World,
	/// The job.
	pub job: JobId,
	/// Who has it.
	pub transcoder: Sr25519Keyring,
	toolchain: ToolchainId,
	next: Seq,
}

impl Story {
	/// Who owns the stream.
	pub const BROADCASTER: Sr25519Keyring = Sr25519Keyring::Ferdie;

	/// A local network on which Bob and Charlie take work and Ferdie's job is accepted.
	pub fn begin() -> Self {
		let mut world = World::local();
		let service = ServiceRecord {
			peer_id: b"peer".to_vec().try_into().expect("short"),
			..Default::default()
		};
		for who in [Sr25519Keyring::Bob, Sr25519Keyring::Charlie] {
			world.submit(who, pallet_transcoder_election::Call::set_service { service: service.clone() });
			world.submit(who, pallet_transcoder_election::Call::set_available { capacity: 2 });
		}
		expect_success(world.next_block());
		let end = world.number() + 600;
		world.submit(
			Self::BROADCASTER,
			pallet_jobs::Call::create_job {
				name: b"story".to_vec().try_into().expect("short"),
				ladder: vec![Rendition { width: 640, height: 360, kbps: 800 }]
					.try_into()
					.expect("one rendition"),
				limits: SourceLimits { width: 1280, height: 720, fps: 30 },
				max_price: UNIT / 100,
				end,
				budget: 100 * UNIT,
			},
		);
		expect_success(world.next_block());
		let job = world
			.events
			.iter()
			.rev()
			.find_map(|(_, event)| match event {
				RuntimeEvent::Jobs(pallet_jobs::Event::JobCreated { job, .. }) => Some(*job),
				_ => None,
			})
			.expect("the job was created");
		let toolchain =
			world.run(|| ChallengeLottery::toolchains().first().copied()).expect("genesis has one");
		let mut story = Self { world, job, transcoder: Sr25519Keyring::Bob, toolchain, next: 0 };
		story.accept();
		story
	}

	/// Has the job accepted by whom it is offered to.
	pub fn accept(&mut self) {
		let job = self.job;
		self.world.until(20, |world| {
			world.run(|| Jobs::job(job)).is_some_and(|view| view.current.is_some())
		});
		let current = self
			.world
			.run(|| Jobs::job(job))
			.and_then(|view| view.current)
			.expect("an assignment is offered");
		self.transcoder = keyring(&current.transcoder);
		self.world.submit(
			self.transcoder,
			pallet_jobs::Call::accept_job { job, assignment: current.index },
		);
		expect_success(self.world.next_block());
	}

	/// The number of the job's current assignment.
	pub fn assignment(&mut self) -> u32 {
		let job = self.job;
		self.world
			.run(|| Jobs::job(job))
			.and_then(|view| view.current)
			.map_or(0, |current| current.index)
	}

	/// Claims the next `count` segments.
	pub fn claim(&mut self, count: u32) -> Claim {
		let assignment = self.assignment();
		let first = self.next;
		self.next += u64::from(count);
		let genesis = self.world.run(|| System::block_hash(0));
		let stream = self.stream();
		let mut leaves = Vec::new();
		let mut signatures = Vec::new();
		for seq in first..first + u64::from(count) {
			let in_hash = H256::from_low_u64_be(1_000 + seq);
			let (in_len, duration) = (100_000, 180_000);
			let header = SegmentHeader {
				genesis,
				stream,
				job: self.job,
				assignment,
				transcoder: self.transcoder.to_account_id(),
				seq,
				in_hash,
				in_len,
				duration,
			};
			let payload = header.signing_payload();
			signatures.push(Self::BROADCASTER.sign(payload.as_bytes()).into());
			let output = Output { hash: H256::from_low_u64_be(2_000 + seq), len: 50_000 };
			leaves.push(Leaf::Transcoded {
				in_hash,
				in_len,
				duration,
				outputs: vec![output].try_into().expect("one output"),
				work: 20_000_000,
			});
		}
		let tree = SumTree::new(&leaves).expect("leaves make a tree");
		let stated = tree.commitment();
		self.world.submit(
			self.transcoder,
			pallet_jobs::Call::claim_work {
				job: self.job,
				assignment,
				first,
				last: first + u64::from(count) - 1,
				root: stated.root,
				total_work: stated.total_work,
				toolchain: self.toolchain,
			},
		);
		expect_success(self.world.next_block());
		let (id, fee) = self
			.world
			.events
			.iter()
			.rev()
			.find_map(|(_, event)| match event {
				RuntimeEvent::Jobs(pallet_jobs::Event::Claimed { claim, fee, .. }) => {
					Some((*claim, *fee))
				},
				_ => None,
			})
			.expect("the claim was made");
		Claim { id, fee, leaves, signatures, tree }
	}

	fn stream(&mut self) -> Hash {
		let job = self.job;
		self.world.run(|| Jobs::job(job)).map(|view| view.stream).unwrap_or_default()
	}

	/// The claim's challenge.
	pub fn challenge(&mut self, claim: &Claim) -> Option<ChallengeView> {
		self.world.run(|| ChallengeLottery::challenge(claim.id))
	}

	/// Makes blocks until the challenge reaches a stage.
	pub fn until_stage(&mut self, claim: &Claim, stage: ChallengeStage) {
		let id = claim.id;
		self.world.until(100, |world| {
			world.run(|| ChallengeLottery::challenge(id)).is_some_and(|view| view.stage == stage)
		});
	}

	/// Reveals every drawn leaf.
	pub fn reveal(&mut self, claim: &Claim) {
		self.until_stage(claim, ChallengeStage::LeafReveal);
		let view = self.challenge(claim).expect("it is open");
		let mut drawn: Vec<u32> =
			view.positions.iter().filter_map(|position| claim.tree.leaf_at(*position)).collect();
		drawn.sort_unstable();
		drawn.dedup();
		for index in drawn {
			self.world.submit(
				self.transcoder,
				pallet_challenge_lottery::Call::reveal_leaf {
					claim: claim.id,
					index,
					leaf: claim.leaves[index as usize].clone(),
					broadcaster_signature: claim.signatures[index as usize].clone(),
					proof: claim.tree.proof(index).expect("it is a leaf"),
				},
			);
		}
		expect_success(self.world.next_block());
	}

	/// Lets the members of the open ballot commit and reveal.
	pub fn vote(&mut self, claim: &Claim, answers: Answers) {
		self.until_stage(claim, ChallengeStage::Commit);
		let view = self.challenge(claim).expect("it is open");
		let genesis = self.world.run(|| System::block_hash(0));
		let leaves = self
			.world
			.run(|| pallet_challenge_lottery::Ballots::<Runtime>::get(claim.id))
			.map_or(0, |ballot| usize::from(ballot.leaves));
		let mut openings = Vec::new();
		for (member, account) in view.members.iter().enumerate() {
			let who = keyring(account);
			let Some(verdict) = answers(who) else { continue };
			let opening = Opening {
				verdicts: vec![verdict; leaves].try_into().expect("few leaves"),
				evidence: Evidence { recipe: 1, hash: Hash::repeat_byte(9) },
				salt: [member as u8; 32],
			};
			let content = commitment(genesis, claim.id, view.tranche, account, &opening);
			let member = member as u16;
			let signature =
				sign_duty(who, duty_payload(genesis, claim.id, view.tranche, member, Phase::Commit, &content));
			self.world.submit_authorized(pallet_challenge_lottery::Call::commit_verdict {
				claim: claim.id,
				tranche: view.tranche,
				member,
				commitment: content,
				signature,
			});
			openings.push((who, member, opening));
		}
		expect_success(self.world.next_block());
		if openings.is_empty() {
			return;
		}
		self.until_stage(claim, ChallengeStage::VerdictReveal);
		for (who, member, opening) in openings {
			let payload =
				duty_payload(genesis, claim.id, view.tranche, member, Phase::Reveal, &opening);
			let signature = sign_duty(who, payload);
			self.world.submit_authorized(pallet_challenge_lottery::Call::reveal_verdict {
				claim: claim.id,
				tranche: view.tranche,
				member,
				opening,
				signature,
			});
		}
		expect_success(self.world.next_block());
	}

	/// Makes blocks until the claim is settled; says how it was decided.
	pub fn settle(&mut self, claim: &Claim) -> Option<Outcome> {
		let id = claim.id;
		self.world.until(200, |world| world.run(|| Jobs::claim(id)).is_none());
		self.world.events.iter().find_map(|(_, event)| match event {
			RuntimeEvent::ChallengeLottery(pallet_challenge_lottery::Event::Decided {
				claim,
				outcome,
				..
			}) if *claim == id => Some(*outcome),
			_ => None,
		})
	}

	/// Ends the job and waits until nothing of it is left.
	pub fn close(&mut self) {
		let job = self.job;
		self.world.submit(Self::BROADCASTER, pallet_jobs::Call::end_job { job });
		expect_success(self.world.next_block());
		self.world.until(100, |world| world.run(|| Jobs::job(job)).is_none());
	}
}

/// The well-known key of an account.
pub fn keyring(account: &AccountId) -> Sr25519Keyring {
	Sr25519Keyring::iter()
		.find(|key| key.to_account_id() == *account)
		.expect("only well-known accounts act")
}

fn sign_duty(who: Sr25519Keyring, payload: Hash) -> livepeer_primitives::keys::VerifierSignature {
	let pair: sr25519::Pair = who.pair();
	pair.sign(payload.as_bytes()).into()
}

fn expect_success(
	results: Vec<
		Result<
			sp_runtime::DispatchResult,
			sp_runtime::transaction_validity::TransactionValidityError,
		>,
	>,
) {
	for result in results {
		result.expect("the transaction is valid").expect("the call succeeds");
	}
}
