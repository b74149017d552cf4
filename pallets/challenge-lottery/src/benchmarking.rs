//! Benchmarks of every call, of what authorizes it, and of the agenda's steps.

#![allow(clippy::unwrap_used)]

use alloc::{vec, vec::Vec};
use frame_benchmarking::v2::*;
use frame_support::traits::{Authorize, Get};
use frame_system::RawOrigin;
use livepeer_primitives::{
	claim::{ClaimInfo, Outcome},
	keys::{OperatorSignature, Signer, VerifierId, VrfKey, VERIFIER},
	leaf::Leaf,
	receipt::Output,
	segment::SegmentInfo,
	sum_tree::SumTree,
	toolchain::{Attestation, Lacking, Owed, MAX_LACKING},
	traits::{
		Beacon, Chill, Claims, Jail, Liability, OperatorKeysOf, SeatedValidator, Seed, Settlement,
		Stake, ValidatorSet, VerifierKeyOf, UNTIL_ATTESTED,
	},
	variant::{openings_hash, VariantOpening, VariantPlace, VrfOpening},
	verdict::{self, Evidence, MismatchKind, Opening, Phase, Tranche, Verdict, DISPUTE},
	AccountId, BlockNumber, ClaimId, Hash, Signature, ToolchainId, MAX_SAMPLES, MAX_TREE_DEPTH,
	MAX_VALIDATORS, UNIT,
};
use sp_application_crypto::RuntimeAppPublic;
use sp_runtime::{
	traits::UniqueSaturatedInto, transaction_validity::TransactionSource, BoundedVec, Perbill,
};

use crate::{
	outcome_impls::Dues,
	types::{
		Answer, Ballot, Challenge, Class, Conduct, Decision, Done, Judge, JudgeList, Member,
		Omissions, Penalty, Retiring, Sample, Stage, Tallies, Tally, Task, Worked, FEWEST_FAILING,
		KEPT_TALLIES, MAX_COMMITTEE, MOST_FAILING, PENALTIES_PER_STEP, REWARDS_PER_STEP,
	},
	*,
};

fn set_block<T: Config>(block: BlockNumber) {
	frame_system::Pallet::<T>::set_block_number(UniqueSaturatedInto::unique_saturated_into(block));
}

fn verdicts(verdict: Verdict) -> verdict::Verdicts {
	BoundedVec::truncate_from(vec![verdict; MAX_SAMPLES as usize])
}

fn segment() -> SegmentInfo {
	SegmentInfo {
		track: 0,
		epoch: 0,
		time: 0,
		captured: 0,
		duration: 180_000,
		flags: 0,
		in_hash: Hash::repeat_byte(2),
		in_len: 1,
		chunk_root: Hash::repeat_byte(2),
		extensions: Default::default(),
	}
}

fn evidence() -> Evidence {
	Evidence { recipe: 1, hash: Hash::repeat_byte(1) }
}

/// A claim over `count` leaves of the job's shape, with its leaves and its tree. The keys of both
/// parties are in the keystore.
fn new_claim<T: Config>(count: u32) -> (ClaimId, ClaimInfo, Vec<Leaf>, SumTree) {
	let party = || AccountId::new(sp_io::crypto::sr25519_generate(VERIFIER, None).0);
	let (transcoder, broadcaster) = (party(), party());
	T::Stake::make_stake(&transcoder, 1_000 * UNIT);
	let make = |outputs: usize| {
		let hash = Hash::repeat_byte(1);
		let outputs = vec![Some(Output { hash, len: 1, chunk_root: hash }); outputs];
		let leaf = Leaf::Transcoded {
			segment: segment(),
			outputs: BoundedVec::truncate_from(outputs),
			work: 1,
			extensions: Default::default(),
		};
		let leaves = vec![leaf; count as usize];
		let tree = SumTree::new(&leaves).unwrap();
		(leaves, tree)
	};
	// The first claim only tells how many renditions the neighbour's jobs have.
	let probe = T::Claims::make_claim(&transcoder, &broadcaster, make(1).1.commitment());
	let renditions = T::Claims::claim(probe).unwrap().ladder.len();
	let (leaves, tree) = make(renditions);
	let id = T::Claims::make_claim(&transcoder, &broadcaster, tree.commitment());
	(id, T::Claims::claim(id).unwrap(), leaves, tree)
}

/// An open challenge before its draw.
fn new_challenge<T: Config>() -> (ClaimId, ClaimInfo, Challenge) {
	let (id, info, _, _) = new_claim::<T>(16);
	Pallet::<T>::open_unchecked(id, &info, T::Parameters::get());
	(id, info, Challenges::<T>::get(id).unwrap())
}

/// Stores the seed of a claim with `count` validators.
fn make_seed<T: Config>(info: &ClaimInfo, count: u32) {
	let key = VerifierId::generate_pair(None);
	let validators = (0..count)
		.map(|i| SeatedValidator {
			account: account("validator", i, 0),
			stake: 1_000 * UNIT,
			key: key.clone(),
			jailed: false,
		})
		.collect();
	let members = BoundedVec::truncate_from(validators);
	let set = ValidatorSet { snapshot: info.round, members };
	let seed = Seed { hash: Hash::repeat_byte(1), set };
	T::Beacon::make_seed(info.window + 1, seed);
}

/// Samples, each answered by a leaf of its own.
fn answered<T: Config>(id: ClaimId, challenge: &mut Challenge, leaf: &Leaf) {
	let samples =
		(0..MAX_SAMPLES).map(|i| Sample { leaf: Some(i), ..Sample::new(i.into()) }).collect();
	challenge.samples = BoundedVec::truncate_from(samples);
	challenge.sampled_work = leaf.work() * u64::from(MAX_SAMPLES);
	challenge.transcoded_work = challenge.sampled_work;
	for index in 0..MAX_SAMPLES {
		Leaves::<T>::insert(id, index, leaf);
	}
}

/// Stores `count` members of one key.
fn members<T: Config>(id: ClaimId, tranche: Tranche, count: u32, answer: Answer) -> VerifierId {
	let key = VerifierId::generate_pair(None);
	for i in 0..count {
		let member = Member {
			account: account("validator", i, 0),
			key: key.clone(),
			stake: 1_000 * UNIT,
			answer: answer.clone(),
			asked: false,
			overloaded: false,
		};
		Members::<T>::insert((id, tranche, i as u16), member);
	}
	key
}

/// Makes `count` judges liable for a challenge, each with the same conduct.
fn judges<T: Config>(id: ClaimId, challenge: &Challenge, count: u32, conduct: Conduct) {
	let list = (0..count).map(|i| Judge {
		account: account("validator", i, 0),
		stake: 1_000 * UNIT,
		conduct,
		worked: Worked { in_tranche: true, in_dispute: true, is_no_show: false },
	});
	let list = JudgeList::truncate_from(list.collect());
	for judge in &list {
		T::Liability::open(&judge.account, challenge.snapshot);
	}
	if !list.is_empty() {
		Judges::<T>::insert(id, list);
	}
}

/// A challenge whose ballot is open for a `committee` and, in a dispute, for `everybody`.
fn voting<T: Config>(
	tranche: Tranche,
	phase: Phase,
	committee: u32,
	everybody: u32,
	answer: Answer,
) -> (ClaimId, VerifierId) {
	let (id, info, mut challenge) = new_challenge::<T>();
	// A variant is due for every leaf, so each is read for it; none has one.
	challenge.parameters.variant_rate = Perbill::one();
	let leaf = Leaf::Transcoded {
		segment: segment(),
		outputs: BoundedVec::truncate_from(vec![None; info.ladder.len()]),
		work: 1,
		extensions: Default::default(),
	};
	answered::<T>(id, &mut challenge, &leaf);
	for sample in challenge.samples.iter_mut() {
		sample.opened = Some(Hash::repeat_byte(6));
	}
	let mut key = members::<T>(id, 0, committee, answer.clone());
	if tranche == DISPUTE {
		key = members::<T>(id, DISPUTE, everybody, answer.clone());
	}
	judges::<T>(id, &challenge, committee.max(everybody), Conduct::Unasked);
	let count = if tranche == DISPUTE { everybody } else { committee } as u16;
	let has_committed = !matches!(answer, Answer::Silent);
	let has_revealed = matches!(answer, Answer::Revealed { .. });
	let now = Pallet::<T>::now();
	let ballot = Ballot {
		tranche,
		seed: Hash::repeat_byte(3),
		judged: Hash::repeat_byte(5),
		phase,
		opened: now,
		deadline: now + 10,
		crowded: 0,
		spare: 20,
		reveal_blocks: 10,
		opening_blocks: 10,
		awaits_opening: false,
		leaves: MAX_SAMPLES as u8,
		members: count,
		committed: if has_committed { count } else { 0 },
		revealed: if has_revealed { count } else { 0 },
	};
	Ballots::<T>::insert(id, ballot);
	challenge.stage = Stage::Voting;
	Pallet::<T>::enter(id, &mut challenge, now + 10);
	Challenges::<T>::insert(id, challenge);
	(id, key)
}

/// A verdict against the transcoder that awaits execution.
fn decided<T: Config>(judges: u32) -> (ClaimId, Challenge, Decision) {
	decided_as::<T>(Outcome::Failed, judges)
}

/// A decision that awaits execution.
fn decided_as<T: Config>(outcome: Outcome, count: u32) -> (ClaimId, Challenge, Decision) {
	let (id, _, mut challenge) = new_challenge::<T>();
	if outcome != Outcome::Accepted {
		T::Jail::detain(&challenge.transcoder);
	}
	let finders = (0..MAX_COMMITTEE).map(|i| account("validator", i, 0)).collect();
	let decision = Decision {
		dispute_cost: 0,
		late: 0,
		late_halved: 0,
		done: Done::default(),
		outcome,
		about_input: false,
		is_starved: false,
		// Not the next block: a measurement that is set up in block 0 runs in block 1, in which a
		// decision must still be open to be cancelled.
		execute_at: Pallet::<T>::now() + 2,
		finders: BoundedVec::truncate_from(finders),
		is_reviewed: true,
	};
	challenge.stage = Stage::Decided(decision.clone());
	Pallet::<T>::enter(id, &mut challenge, decision.execute_at);
	Challenges::<T>::insert(id, challenge.clone());
	// Nobody here has stake: the weight of the slashes themselves is charged separately.
	judges::<T>(id, &challenge, count, Conduct::Owes(Penalty::WrongEvidence));
	(id, challenge, decision)
}

/// Stores the seed of a claim, and the largest possible tallies of its toolchain, the newest of
/// now.
fn tallied<T: Config>(id: ClaimId) {
	let info = T::Claims::claim(id).unwrap();
	make_seed::<T>(&info, MAX_VALIDATORS);
	let now = Pallet::<T>::stretch_of(Pallet::<T>::now());
	let tally = |stretch| {
		let part = Perbill::from_percent(1);
		let failed = (0..MOST_FAILING).map(|i| (account("failed", i, stretch), part));
		let broadcasters = (0..FEWEST_FAILING).map(|i| account("broadcaster", i, stretch));
		Tally {
			stretch,
			decided: u64::from(MOST_FAILING),
			failed: u64::from(MOST_FAILING),
			transcoders: BoundedVec::truncate_from(failed.collect()),
			broadcasters: BoundedVec::truncate_from(broadcasters.collect()),
		}
	};
	let tallies = (now.saturating_sub(KEPT_TALLIES - 1)..=now).map(tally);
	Tallied::<T>::insert(info.toolchain, Tallies::truncate_from(tallies.collect()));
}

/// The most payments out of the prepayment that a settlement makes at once.
fn dues<T: Config>(id: ClaimId, settlement: Settlement) -> Dues {
	let most = T::Claims::verification_budget(id, settlement).min(6);
	let prepaid = (0..most as u32).map(|i| (account("validator", i, 0), 1)).collect();
	Dues { prepaid, ..Default::default() }
}

/// A VRF key with its opening at a place: those of the golden vectors.
fn opening() -> (VrfKey, VariantPlace, VrfOpening) {
	let stream = "61063683170480d60cb5e2a38cf457308f6c2b0307b2f01ca7cc93b7e5e2b708";
	let key = "8ee504148e75c34e8f051899b3c6e4241ff18dc1c9211260b6a6a434bedb485f";
	let opening = concat!(
		"700df102668deddf734ada8b818fa759976230dca8e135f47d5f958e8db7b80f",
		"b8a422451b72345ecdc45e093fcd87fd8cb39ae745029edd1a6b45275dfde007",
		"63145b020b41bf9c2988cd8c049e5313f36665a72069a6521fd40af5ff6ab605",
	);
	let place = VariantPlace {
		genesis: Hash::repeat_byte(0x11),
		stream: Hash::from(bytes(stream)),
		job: 7,
		assignment: 1,
		seq: 42,
	};
	(VrfKey::from_raw(bytes(key)), place, VrfOpening(bytes(opening)))
}

/// The bytes of hexadecimal digits.
fn bytes<const N: usize>(digits: &str) -> [u8; N] {
	let mut bytes = [0; N];
	for (i, byte) in bytes.iter_mut().enumerate() {
		*byte = u8::from_str_radix(&digits[2 * i..2 * i + 2], 16).unwrap();
	}
	bytes
}

/// The most openings, signed with the transcoder's own key. No proof is valid, and none is checked
/// before they are in a block.
fn openings_call<T: Config>() -> Call<T> {
	let (id, _) = voting::<T>(0, Phase::Open, 1, 0, Answer::Silent);
	let vrf = opening().2;
	let openings: Vec<_> = (0..MAX_SAMPLES).map(|index| VariantOpening { index, vrf }).collect();
	let openings = BoundedVec::truncate_from(openings);
	Ballots::<T>::mutate(id, |ballot| {
		if let Some(ballot) = ballot {
			ballot.awaits_opening = true;
		}
	});
	let transcoder = T::Claims::claim(id).unwrap().transcoder;
	let public = sp_core::sr25519::Public::from_raw(*transcoder.as_ref());
	let signer = Signer::account(transcoder);
	let hash = openings_hash(Pallet::<T>::genesis_hash(), id, seed::<T>(id), &openings);
	let payload = signer.payload(&hash);
	let signature = sp_io::crypto::sr25519_sign(VERIFIER, &public, payload.as_bytes()).unwrap();
	let signature = OperatorSignature { signer, signature: Signature::Sr25519(signature) };
	Call::open_variants { claim: id, openings, signature }
}

/// A request for bytes of the only member.
fn ask_call<T: Config>() -> (ClaimId, Call<T>) {
	let (id, key) = voting::<T>(0, Phase::Commit, 1, 0, Answer::Silent);
	let payload = Pallet::<T>::ask_payload(id, 0, seed::<T>(id), 0);
	let signature = key.sign(&payload).unwrap();
	(id, Call::ask_data { claim: id, tranche: 0, member: 0, signature })
}

/// The most toolchains that a judge can owe, none of which is kept.
fn others() -> impl Iterator<Item = ToolchainId> {
	(0..MAX_LACKING).map(|i| ToolchainId::repeat_byte(0x80 + i as u8))
}

/// Chills the most accounts possible.
fn chill_many<T: Config>() {
	for i in 0..2 * MAX_VALIDATORS {
		T::Chill::chill(&account("chilled", i, 0), UNTIL_ATTESTED);
	}
}

/// The attestation of a judge that lacks all kept toolchains, and had to attest others.
fn attest_call<T: Config>() -> Call<T> {
	set_block::<T>(T::Beacon::window_start(3));
	let count = T::MaxToolchains::get() as u8;
	let toolchain = ToolchainId::repeat_byte;
	Toolchains::<T>::put(BoundedVec::truncate_from((0..count).map(toolchain).collect()));
	let retiring = |i| Retiring { toolchain: toolchain(i), at: 1, until: 2 };
	RetiringToolchains::<T>::put(BoundedVec::truncate_from(
		(count..2 * count).map(retiring).collect(),
	));
	let lacking = Lacking::truncate_from((0..2 * count).map(toolchain).collect());
	let (verifier, key) = (account::<AccountId>("judge", 0, 0), VerifierId::generate_pair(None));
	T::VerifierKeys::make_verifier_key(&verifier, key.clone());
	let owed = Some(Owed { toolchains: BoundedVec::truncate_from(others().collect()), until: 1 });
	Attestations::<T>::insert(&verifier, Attestation { owed, ..Default::default() });
	chill_many::<T>();
	T::Chill::chill(&verifier, UNTIL_ATTESTED);
	let window = T::Beacon::current_window();
	let payload = Pallet::<T>::attestation_payload(&verifier, window, &lacking);
	let signature = key.sign(&payload).unwrap();
	Call::attest { verifier, window, lacking, signature }
}

/// The seed of the open ballot.
fn seed<T: Config>(id: ClaimId) -> Hash {
	Ballots::<T>::get(id).unwrap().seed
}

/// A commit of the only member, which ends the phase.
fn commit_call<T: Config>() -> (ClaimId, Call<T>) {
	let (id, key) = voting::<T>(0, Phase::Commit, 1, 0, Answer::Silent);
	let commitment = Hash::repeat_byte(4);
	let payload = Pallet::<T>::commit_payload(id, 0, seed::<T>(id), 0, &commitment);
	let signature = key.sign(&payload).unwrap();
	(id, Call::commit_verdict { claim: id, tranche: 0, member: 0, commitment, signature })
}

/// A leaf of a tree of depth `d` that answers the last positions of a challenge, in which all
/// others are answered.
fn leaf_call<T: Config>(d: u32) -> (ClaimId, Call<T>) {
	let (id, info, leaves, tree) = new_claim::<T>(1 << d);
	Pallet::<T>::open_unchecked(id, &info, T::Parameters::get());
	let mut challenge = Challenges::<T>::get(id).unwrap();
	let deadline = Pallet::<T>::now() + 10;
	let (index, answered) = (1, MAX_SAMPLES - 1);
	let other = |i: u32| Sample { leaf: Some(i + 2), ..Sample::new(0) };
	challenge.samples = BoundedVec::truncate_from((0..answered).map(other).collect());
	let _ = challenge.samples.try_push(Sample::new(1));
	for i in 0..answered {
		Leaves::<T>::insert(id, i + 2, &leaves[1]);
	}
	challenge.sampled_work = leaves[1].work() * u64::from(answered);
	challenge.transcoded_work = challenge.sampled_work;
	challenge.stage = Stage::LeafReveal { deadline, seed: Hash::zero(), members: 1, crowded: 0 };
	judges::<T>(id, &challenge, 1, Conduct::Unasked);
	Challenges::<T>::insert(id, challenge);
	members::<T>(id, 0, 1, Answer::Silent);
	let leaf = leaves[index as usize].clone();
	let place = info.place(Pallet::<T>::genesis_hash(), index);
	let signer = Signer::account(info.broadcaster.clone());
	let payload = signer.payload(&leaf.header_hash(place).unwrap());
	let public = sp_core::sr25519::Public::from_raw(*info.broadcaster.as_ref());
	let signature = sp_io::crypto::sr25519_sign(VERIFIER, &public, payload.as_bytes()).unwrap();
	let broadcaster_signature =
		OperatorSignature { signer, signature: Signature::Sr25519(signature) };
	let proof = tree.proof(index).unwrap();
	(id, Call::reveal_leaf { claim: id, index, leaf, broadcaster_signature, proof })
}

/// A reveal of the only member, with the most verdicts.
fn reveal_call<T: Config>() -> (ClaimId, Call<T>) {
	let opening =
		Opening { verdicts: verdicts(Verdict::Valid), evidence: evidence(), salt: [1; 32] };
	let (id, key) = voting::<T>(0, Phase::Reveal, 1, 0, Answer::Silent);
	Members::<T>::mutate((id, 0, 0), |member| {
		let member = member.as_mut().unwrap();
		let genesis = Pallet::<T>::genesis_hash();
		let judged = Ballots::<T>::get(id).unwrap().judged;
		let commitment = verdict::commitment(genesis, id, judged, 0, &member.account, &opening);
		member.answer = Answer::Committed { commitment, at: Pallet::<T>::now() };
	});
	Ballots::<T>::mutate(id, |ballot| ballot.as_mut().unwrap().committed = 1);
	let payload = Pallet::<T>::reveal_payload(id, 0, seed::<T>(id), 0, &opening);
	let signature = key.sign(&payload).unwrap();
	(id, Call::reveal_verdict { claim: id, tranche: 0, member: 0, opening, signature })
}

#[benchmarks(where <T as frame_system::Config>::RuntimeCall: From<Call<T>>)]
mod benchmarks {
	use super::*;

	#[benchmark]
	fn draw(v: Linear<1, MAX_VALIDATORS>, n: Linear<1, MAX_COMMITTEE>) {
		let (id, info, mut challenge) = new_challenge::<T>();
		challenge.parameters.committee_size = n;
		challenge.parameters.verification_rate = Perbill::one();
		Challenges::<T>::insert(id, challenge);
		make_seed::<T>(&info, v);
		set_block::<T>(T::Beacon::window_start(info.window + 2));
		let caller: AccountId = account("caller", 0, 0);

		#[extrinsic_call]
		_(RawOrigin::Signed(caller), id);

		let members = Members::<T>::iter_key_prefix((id, 0)).count() as u32;
		assert_eq!(members, v.min(n));
	}

	#[benchmark]
	fn reveal_leaf(d: Linear<1, MAX_TREE_DEPTH>) {
		let (id, call) = leaf_call::<T>(d);
		let Call::reveal_leaf { claim, index, leaf, broadcaster_signature, proof } = call else {
			panic!("a leaf is revealed")
		};

		#[extrinsic_call]
		_(RawOrigin::Authorized, claim, index, leaf, broadcaster_signature, proof);

		assert!(Ballots::<T>::contains_key(id));
	}

	#[benchmark]
	fn authorize_reveal_leaf(d: Linear<1, MAX_TREE_DEPTH>) -> Result<(), BenchmarkError> {
		let (_, call) = leaf_call::<T>(d);
		let call: <T as frame_system::Config>::RuntimeCall = call.into();

		#[block]
		{
			call.authorize(TransactionSource::InBlock)
				.ok_or("the call can be authorized")?
				.map_err(|_| "it is authorized")?;
		}

		Ok(())
	}

	#[benchmark]
	fn report_missed() {
		let (id, _, mut challenge) = new_challenge::<T>();
		let deadline = Pallet::<T>::now();
		challenge.stage = Stage::LeafReveal {
			deadline,
			seed: Hash::zero(),
			members: MAX_COMMITTEE as u16,
			crowded: 0,
		};
		judges::<T>(id, &challenge, MAX_COMMITTEE, Conduct::Unasked);
		Challenges::<T>::insert(id, challenge);
		members::<T>(id, 0, MAX_COMMITTEE, Answer::Silent);
		tallied::<T>(id);
		let reporter: AccountId = account("reporter", 0, 0);

		#[extrinsic_call]
		_(RawOrigin::Signed(reporter), id);

		assert!(matches!(Challenges::<T>::get(id).unwrap().stage, Stage::Decided(_)));
	}

	#[benchmark]
	fn commit_verdict() {
		let (id, call) = commit_call::<T>();
		let Call::commit_verdict { claim, tranche, member, commitment, signature } = call else {
			panic!("a commit was made")
		};

		#[extrinsic_call]
		_(RawOrigin::Authorized, claim, tranche, member, commitment, signature);

		assert_eq!(Ballots::<T>::get(id).unwrap().phase, Phase::Reveal);
	}

	#[benchmark]
	fn authorize_commit_verdict() -> Result<(), BenchmarkError> {
		let (_, call) = commit_call::<T>();
		let call: <T as frame_system::Config>::RuntimeCall = call.into();

		#[block]
		{
			call.authorize(TransactionSource::InBlock)
				.ok_or("the call can be authorized")?
				.map_err(|_| "it is authorized")?;
		}

		Ok(())
	}

	#[benchmark]
	fn reveal_verdict() {
		let (id, call) = reveal_call::<T>();
		let Call::reveal_verdict { claim, tranche, member, opening, signature } = call else {
			panic!("a reveal was made")
		};

		#[extrinsic_call]
		_(RawOrigin::Authorized, claim, tranche, member, opening, signature);

		assert_eq!(Ballots::<T>::get(id).unwrap().revealed, 1);
	}

	#[benchmark]
	fn authorize_reveal_verdict() -> Result<(), BenchmarkError> {
		let (_, call) = reveal_call::<T>();
		let call: <T as frame_system::Config>::RuntimeCall = call.into();

		#[block]
		{
			call.authorize(TransactionSource::InBlock)
				.ok_or("the call can be authorized")?
				.map_err(|_| "it is authorized")?;
		}

		Ok(())
	}

	#[benchmark]
	fn cancel(n: Linear<0, MAX_VALIDATORS>) {
		let (id, _, _) = decided::<T>(n);

		#[extrinsic_call]
		_(RawOrigin::Root, id, Some(Hash::zero()));

		assert!(!Challenges::<T>::contains_key(id));
	}

	#[benchmark]
	fn accept_toolchain() {
		Toolchains::<T>::kill();
		// The worst case is a retiring toolchain.
		let until = Pallet::<T>::schedule(Class::Lazy, Task::Toolchain(ToolchainId::zero()), 9);
		let entry = Retiring { toolchain: ToolchainId::zero(), at: 1, until };
		RetiringToolchains::<T>::put(BoundedVec::truncate_from(vec![entry]));
		let count = T::MaxToolchains::get().saturating_sub(1) as u8;
		let listed = (0..count).map(|i| ToolchainId::repeat_byte(i.saturating_add(1))).collect();
		Toolchains::<T>::put(BoundedVec::truncate_from(listed));

		#[extrinsic_call]
		_(RawOrigin::Root, ToolchainId::zero());

		assert!(Toolchains::<T>::get().contains(&ToolchainId::zero()));
	}

	#[benchmark]
	fn retire_toolchain() {
		Toolchains::<T>::kill();
		let count = T::MaxToolchains::get() as u8;
		let listed = (0..count).map(ToolchainId::repeat_byte).collect();
		Toolchains::<T>::put(BoundedVec::truncate_from(listed));

		#[extrinsic_call]
		_(RawOrigin::Root, ToolchainId::zero(), BlockNumber::MAX / 2);

		assert!(!Toolchains::<T>::get().contains(&ToolchainId::zero()));
	}

	#[benchmark]
	fn agenda_block() {
		let now = Pallet::<T>::now();
		Backlog::<T>::insert(Class::Urgent, now);

		#[block]
		{
			Pallet::<T>::run_agenda(now);
		}

		assert_eq!(Backlog::<T>::get(Class::Urgent), None);
	}

	#[benchmark]
	fn agenda_step() {
		let committed = Answer::Committed { commitment: Hash::zero(), at: 0 };
		let (id, _) = voting::<T>(0, Phase::Commit, 1, 0, committed);
		let due = Challenges::<T>::get(id).unwrap().due;
		set_block::<T>(due);

		#[block]
		{
			Pallet::<T>::run_agenda(due);
		}

		assert_eq!(Ballots::<T>::get(id).unwrap().phase, Phase::Reveal);
	}

	#[benchmark]
	fn agenda_decide(m: Linear<2, { MAX_COMMITTEE + MAX_VALIDATORS }>) {
		let revealed = Answer::Revealed {
			verdicts: verdicts(Verdict::Mismatch(MismatchKind::Video)),
			evidence: evidence(),
		};
		let committee = MAX_COMMITTEE.min(m / 2);
		let (id, _) = voting::<T>(DISPUTE, Phase::Reveal, committee, m - committee, revealed);
		tallied::<T>(id);
		let due = Challenges::<T>::get(id).unwrap().due;
		set_block::<T>(due);

		#[block]
		{
			Pallet::<T>::run_agenda(due);
		}

		assert!(matches!(Challenges::<T>::get(id).unwrap().stage, Stage::Decided(_)));
	}

	#[benchmark]
	fn agenda_open_dispute(v: Linear<1, MAX_VALIDATORS>) {
		let (id, info, mut challenge) = new_challenge::<T>();
		challenge.stage = Stage::AwaitingDispute;
		make_seed::<T>(&info, v);
		set_block::<T>(T::Beacon::window_start(info.window + 2));

		#[block]
		{
			Pallet::<T>::open_dispute(id, challenge);
		}

		assert_eq!(Ballots::<T>::get(id).unwrap().members, v as u16);
	}

	#[benchmark]
	fn agenda_review() {
		let (id, mut challenge, mut decision) = decided::<T>(0);
		tallied::<T>(id);
		decision.is_reviewed = false;

		#[block]
		{
			Pallet::<T>::review(id, &challenge, &mut decision);
			Pallet::<T>::enter(id, &mut challenge, decision.execute_at);
			Challenges::<T>::insert(id, challenge);
		}

		assert!(decision.is_reviewed);
	}

	#[benchmark]
	fn agenda_dismiss(n: Linear<0, PENALTIES_PER_STEP>) {
		let (id, challenge, mut decision) = decided::<T>(MAX_VALIDATORS);
		// So that this many are left.
		decision.done.dismissed = MAX_VALIDATORS - n;
		// The last one lacks bytes, and the round takes nothing more: it is counted when it is
		// chilled.
		decision.dispute_cost = UNIT;
		let last = MAX_VALIDATORS - 1;
		Judges::<T>::mutate(id, |judges| {
			let judge = judges.as_mut().unwrap().get_mut(last as usize).unwrap();
			judge.conduct = Conduct::Owes(Penalty::LateDataAlone);
		});
		let late = Perbill::one();
		let omitted = Omissions { round: challenge.snapshot, late, ..Default::default() };
		Omitted::<T>::insert(account::<AccountId>("validator", last, 0), omitted);

		#[block]
		{
			let judges = Judges::<T>::get(id).unwrap();
			Pallet::<T>::dismiss_judges(id, &challenge, &judges, &mut decision);
			Challenges::<T>::insert(id, challenge);
		}

		assert_eq!(decision.done.dismissed, MAX_VALIDATORS);
	}

	#[benchmark]
	fn agenda_execute() {
		let (id, challenge, decision) = decided::<T>(0);
		let now = Pallet::<T>::now();
		let dues = dues::<T>(id, Settlement::Refund);
		// A stake that was slashed before; the weight of a slash itself is charged separately.
		OfRound::<T>::mutate(&challenge.transcoder, challenge.round, |record| {
			record.as_mut().unwrap().slashed = Perbill::one();
		});

		#[block]
		{
			Pallet::<T>::execute(now, id, challenge, decision, &dues);
		}

		assert!(!Challenges::<T>::contains_key(id));
	}

	#[benchmark]
	fn agenda_execute_accepted() {
		let (id, challenge, decision) = decided_as::<T>(Outcome::Accepted, 0);
		let now = Pallet::<T>::now();
		let dues = dues::<T>(id, Settlement::Pay);

		#[block]
		{
			Pallet::<T>::execute(now, id, challenge, decision, &dues);
		}

		assert!(!Challenges::<T>::contains_key(id));
	}

	/// Mostly the proofs, and what is stored. A wrong proof costs no more.
	#[benchmark]
	fn open_variants(n: Linear<1, MAX_SAMPLES>) {
		let (id, _) = voting::<T>(0, Phase::Open, 1, 0, Answer::Silent);
		let (key, place, vrf) = opening();
		Challenges::<T>::mutate(id, |challenge| {
			challenge.as_mut().unwrap().samples.truncate(n as usize);
		});
		Ballots::<T>::mutate(id, |ballot| ballot.as_mut().unwrap().awaits_opening = true);
		let openings: Vec<_> = (0..n).map(|index| VariantOpening { index, vrf }).collect();
		let openings = BoundedVec::truncate_from(openings);

		#[block]
		{
			let (ballot, challenge, info) =
				Pallet::<T>::check_openings(id, &openings).ok().unwrap();
			let _ = T::Keys::vrf_key(&info.transcoder, info.transcoder_keys);
			for _ in &openings {
				assert!(place.verify(&key, &vrf).is_some());
			}
			let opened: Vec<_> =
				openings.iter().map(|opening| (opening.index, Hash::repeat_byte(1))).collect();
			Pallet::<T>::apply_openings(id, challenge, ballot, &opened);
		}

		assert!(Challenges::<T>::get(id).unwrap().samples[0].opened.is_some());
	}

	#[benchmark]
	fn authorize_open_variants() -> Result<(), BenchmarkError> {
		let call: <T as frame_system::Config>::RuntimeCall = openings_call::<T>().into();

		#[block]
		{
			call.authorize(TransactionSource::InBlock)
				.ok_or("the call can be authorized")?
				.map_err(|_| "it is authorized")?;
		}

		Ok(())
	}

	#[benchmark]
	fn ask_data() {
		let (id, call) = ask_call::<T>();
		let Call::ask_data { claim, tranche, member, signature } = call else {
			panic!("bytes are asked for")
		};

		#[extrinsic_call]
		_(RawOrigin::Authorized, claim, tranche, member, signature);

		assert!(Members::<T>::get((id, 0, 0)).unwrap().asked);
	}

	#[benchmark]
	fn authorize_ask_data() -> Result<(), BenchmarkError> {
		let (_, call) = ask_call::<T>();
		let call: <T as frame_system::Config>::RuntimeCall = call.into();

		#[block]
		{
			call.authorize(TransactionSource::InBlock)
				.ok_or("the call can be authorized")?
				.map_err(|_| "it is authorized")?;
		}

		Ok(())
	}

	#[benchmark]
	fn agenda_reward(n: Linear<1, REWARDS_PER_STEP>) {
		let (id, _, mut decision) = decided_as::<T>(Outcome::Accepted, MAX_VALIDATORS);
		decision.done.dismissed = MAX_VALIDATORS;
		decision.done.rewarded = MAX_VALIDATORS - n;
		decision.done.inflow = UNIT;

		#[block]
		{
			let judges = Judges::<T>::get(id).unwrap();
			let unpaid = vec![UNIT; judges.len()];
			let dues = Dues { unpaid, all: UNIT, ..Default::default() };
			Pallet::<T>::reward_judges(id, &mut decision, &judges, &dues);
		}

		assert_eq!(decision.done.rewarded, MAX_VALIDATORS);
	}

	#[benchmark]
	fn agenda_forget_toolchain() {
		let toolchain = ToolchainId::zero();
		let count = T::MaxToolchains::get() as u8;
		let entry = |i| Retiring { toolchain: ToolchainId::repeat_byte(i), at: 1, until: 2 };
		RetiringToolchains::<T>::put(BoundedVec::truncate_from((0..count).map(entry).collect()));
		Tallied::<T>::insert(toolchain, Tallies::truncate_from(vec![Tally::default()]));

		#[block]
		{
			Pallet::<T>::forget_toolchain(&toolchain);
		}

		let is_left = RetiringToolchains::<T>::get().iter().any(|e| e.toolchain == toolchain);
		assert!(!is_left);
	}

	#[benchmark]
	fn attest() {
		let Call::attest { verifier, window, lacking, signature } = attest_call::<T>() else {
			panic!("toolchains are attested")
		};

		#[extrinsic_call]
		_(RawOrigin::Authorized, verifier.clone(), window, lacking, signature);

		assert_eq!(Attestations::<T>::get(verifier).unwrap().owed, None);
	}

	#[benchmark]
	fn authorize_attest() -> Result<(), BenchmarkError> {
		let call: <T as frame_system::Config>::RuntimeCall = attest_call::<T>().into();

		#[block]
		{
			call.authorize(TransactionSource::InBlock)
				.ok_or("the call can be authorized")?
				.map_err(|_| "it is authorized")?;
		}

		Ok(())
	}

	#[benchmark]
	fn agenda_chill() {
		let (id, _, _) = new_challenge::<T>();
		let judge = account::<AccountId>("judge", 0, 0);
		let toolchains = BoundedVec::truncate_from(others().skip(1).collect());
		let owed = Some(Owed { toolchains, until: 1 });
		Attestations::<T>::insert(&judge, Attestation { owed, ..Default::default() });
		chill_many::<T>();

		#[block]
		{
			Pallet::<T>::chill(id, &judge, Penalty::WrongEvidence, 2);
		}

		let owed = Attestations::<T>::get(judge).unwrap().owed.unwrap();
		assert_eq!((owed.toolchains.len() as u32, owed.until), (MAX_LACKING, 2));
	}

	impl_benchmark_test_suite! {
		Pallet,
		mock::new_test_ext(),
		mock::Test
	}
}
