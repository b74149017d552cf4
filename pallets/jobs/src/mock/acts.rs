//! The actions of tests, and what they inspect.

use super::*;

/// Work per second that a typical job loads.
pub fn usual_load() -> u64 {
	let factors = Parameters::get().factors;
	let work = livepeer_primitives::work::max_leaf_work(&factors, &ladder(), &limits());
	crate::decision::load(work.expect("fits"), &limits())
}

/// Registers a transcoder with capacity for this many typical jobs.
pub fn register(who: &AccountId, stake: Balance, price: Balance, jobs: u32) {
	let capacity = usual_load() * u64::from(jobs);
	Directory::mutate(|all| {
		let candidate = Candidate {
			account: who.clone(),
			stake,
			price,
			fee_share: Perbill::from_percent(40),
			capacity,
			profiles: vec![CANONICAL_PROFILE].try_into().expect("one"),
		};
		all.insert(who.clone(), candidate);
	});
}

/// Stores a seed with these validators; those in `jailed` were jailed when its window began.
pub fn seat(validators: &[AccountId], jailed: &[AccountId]) {
	let key = VerifierId::decode(&mut &[1; 32][..]).expect("32 bytes");
	let seated = |account: &AccountId| SeatedValidator {
		account: account.clone(),
		stake: UNIT,
		key: key.clone(),
		jailed: jailed.contains(account),
	};
	Seated::set(Some(validators.iter().map(seated).collect()));
}

/// Jails a transcoder as the election does.
pub fn jail(who: &AccountId) {
	Jailed::mutate(|jailed| jailed.push(who.clone()));
	<Jobs as livepeer_primitives::traits::OnTranscoderLost>::on_transcoder_lost(who);
}

pub fn rendition(width: u16, height: u16, kbps: u32) -> Rendition {
	Rendition { width, height, profile: CANONICAL_PROFILE, kbps, cap_kbps: kbps * 2 }
}

pub fn ladder() -> Ladder {
	vec![rendition(1280, 720, 3_000), rendition(640, 360, 800)].try_into().expect("two renditions")
}

pub fn limits() -> SourceLimits {
	SourceLimits::new(1920, 1080, 30)
}

pub fn name(text: &str) -> StreamName {
	text.as_bytes().to_vec().try_into().expect("short")
}

/// The id of a stream.
pub fn stream(who: &AccountId, text: &str) -> StreamId {
	stream_id(who, text)
}

/// A typical job of `who` with this budget.
pub fn create_with(who: &AccountId, text: &str, budget: Balance) -> DispatchResult {
	create_by(who, None, text, budget)
}

/// A typical job that `who` creates, for `broadcaster` if that is another account.
pub fn create_by(
	who: &AccountId,
	broadcaster: Option<AccountId>,
	text: &str,
	budget: Balance,
) -> DispatchResult {
	Jobs::create_job(
		RuntimeOrigin::signed(who.clone()),
		broadcaster,
		name(text),
		ladder(),
		limits(),
		PRICE,
		now() + LENGTH,
		budget,
	)
}

/// A typical job.
pub fn create(who: &AccountId, text: &str) -> JobId {
	let id = crate::NextJob::<Test>::get();
	create_with(who, text, BUDGET).expect("created");
	id
}

/// The stored job.
pub fn job(id: JobId) -> crate::types::Job {
	crate::Jobs::<Test>::get(id).expect("stored")
}

/// The stored assignment.
pub fn assignment(id: JobId, index: AssignmentIndex) -> crate::types::Assignment {
	crate::Assignments::<Test>::get(id, index).expect("stored")
}

/// The transcoder of the current assignment, and its number.
pub fn current(id: JobId) -> (AccountId, AssignmentIndex) {
	let index = job(id).phase.current().expect("current");
	(assignment(id, index).transcoder, index)
}

/// The signature that counts as that of `signer`'s key here.
pub fn sign_by(signer: &Signer, purpose: Purpose, object: &Hash) -> OperatorSignature {
	let payload = signer.payload(object);
	let half = sp_io::hashing::blake2_256(&(signer, purpose, payload).encode());
	let bytes = [vec![1u8], half.to_vec(), half.to_vec()].concat();
	let signature = Signature::decode(&mut &bytes[..]).expect("sr25519");
	OperatorSignature { signer: signer.clone(), signature }
}

/// The generation of keys that an account uses now.
pub fn generation_of(who: &AccountId, purpose: Purpose) -> Generation {
	<Chain as OperatorKeysOf>::current(who, purpose)
}

/// The signature of `who` by the first key of its current generation.
pub fn sign(who: &AccountId, purpose: Purpose, object: &Hash) -> OperatorSignature {
	let generation = generation_of(who, purpose);
	sign_by(&Signer { account: who.clone(), generation, key: 0 }, purpose, object)
}

/// Runs a call through authorization and dispatch as a block does. A refusal is returned as the
/// error that its number names.
pub fn apply(call: crate::Call<Test>) -> DispatchResult {
	match call.authorize(TransactionSource::External).expect("it can be authorized") {
		Ok(_) => {}
		Err(
			TransactionValidityError::Invalid(InvalidTransaction::Custom(number))
			| TransactionValidityError::Unknown(UnknownTransaction::Custom(number)),
		) => {
			let error = crate::Error::<Test>::decode(&mut &[number][..]).expect("one of ours");
			return Err(error.into());
		}
		Err(other) => panic!("{other:?}"),
	}
	call.dispatch_bypass_filter(frame_system::RawOrigin::Authorized.into())
		.map(|_| ())
		.map_err(|error| error.error)
}

/// What `who` signs to accept an assignment.
pub fn acceptance(who: &AccountId, id: JobId, index: AssignmentIndex) -> Acceptance {
	let broadcaster = crate::Jobs::<Test>::get(id).map_or(BOB, |job| job.broadcaster);
	Acceptance {
		genesis: System::block_hash(0),
		job: id,
		assignment: index,
		broadcaster_keys: generation_of(&broadcaster, Purpose::Segments),
		transcoder_keys: generation_of(who, Purpose::Duties),
		toolchain: TOOLCHAIN,
	}
}

/// `who` accepts an assignment.
pub fn try_accept(who: &AccountId, id: JobId, index: AssignmentIndex) -> DispatchResult {
	send_acceptance(who, acceptance(who, id, index))
}

/// `who` signs an acceptance.
pub fn send_acceptance(who: &AccountId, acceptance: Acceptance) -> DispatchResult {
	let signature = sign(who, Purpose::Duties, &acceptance.hash());
	apply(crate::Call::accept_job { acceptance, signature })
}

/// Accepts the current offer.
pub fn accept(id: JobId) -> (AccountId, AssignmentIndex) {
	let (who, index) = current(id);
	try_accept(&who, id, index).expect("accepted");
	assert_eq!(job(id).phase, Phase::Running { assignment: index });
	(who, index)
}

/// A typical job of BOB that runs with TIM, who is alone in the directory.
pub fn running() -> JobId {
	register(&TIM, 100 * UNIT, PRICE, 10);
	let id = create(&BOB, "cam");
	skip(2);
	accept(id);
	id
}

/// Claims `first..=last` with the work of standard segments.
pub fn claim(
	who: &AccountId,
	id: JobId,
	index: AssignmentIndex,
	first: u64,
	last: u64,
) -> DispatchResult {
	let leaves = last.saturating_sub(first).saturating_add(1);
	claim_work(who, id, index, first, last, STANDARD_SEGMENT_WORK.saturating_mul(leaves))
}

/// Claims `first..=last` with `work`.
pub fn claim_work(
	who: &AccountId,
	id: JobId,
	index: AssignmentIndex,
	first: u64,
	last: u64,
	work: u64,
) -> DispatchResult {
	send_claim(who, work_claim(id, index, first, last, work))
}

/// A claim with the job's largest leaf.
pub fn work_claim(
	id: JobId,
	index: AssignmentIndex,
	first: Seq,
	last: Seq,
	total_work: u64,
) -> WorkClaim {
	let assignment = crate::Assignments::<Test>::get(id, index);
	let agreement = assignment.and_then(|assignment| assignment.agreement);
	WorkClaim {
		genesis: System::block_hash(0),
		job: id,
		assignment: index,
		first,
		last,
		root: Hash::repeat_byte(9),
		total_work,
		largest_leaf: crate::Jobs::<Test>::get(id).map_or(0, |job| job.max_leaf_work),
		toolchain: agreement.map_or(TOOLCHAIN, |agreement| agreement.toolchain),
		extensions: Default::default(),
	}
}

/// `who` signs a claim by the first key of the assignment's generation.
pub fn send_claim(who: &AccountId, claim: WorkClaim) -> DispatchResult {
	let assignment = crate::Assignments::<Test>::get(claim.job, claim.assignment);
	let agreement = assignment.and_then(|assignment| assignment.agreement);
	let generation = agreement.map_or(0, |agreement| agreement.transcoder_keys);
	send_claim_by(&Signer { account: who.clone(), generation, key: 0 }, claim)
}

/// `signer` signs a claim.
pub fn send_claim_by(signer: &Signer, claim: WorkClaim) -> DispatchResult {
	let signature = sign_by(signer, Purpose::Duties, &claim.hash());
	apply(crate::Call::claim_work { claim, signature })
}

/// The header of a segment of BOB in an assignment.
pub fn header(id: JobId, index: AssignmentIndex, seq: Seq, byte: u8) -> SegmentHeader {
	SegmentHeader {
		genesis: System::block_hash(0),
		stream: job(id).stream,
		job: id,
		assignment: index,
		transcoder: assignment(id, index).transcoder,
		seq,
		segment: SegmentInfo {
			track: 0,
			epoch: 0,
			time: 0,
			captured: 0,
			duration: 180_000,
			flags: 0,
			in_hash: Hash::repeat_byte(byte),
			in_len: 1,
			chunk_root: Hash::repeat_byte(byte),
			extensions: Default::default(),
		},
	}
}

/// A receipt for a header with this output.
pub fn receipt(header: &SegmentHeader, byte: u8) -> Receipt {
	let output = Output { hash: Hash::repeat_byte(byte), len: 1, chunk_root: Hash::zero() };
	let outputs: Outputs = vec![Some(output)].try_into().expect("one");
	Receipt {
		header: header.hash(),
		toolchain: TOOLCHAIN,
		result: TranscodeResult::Transcoded(outputs),
		extensions: Default::default(),
	}
}

/// Every key of storage with its value, except `System` and the two numbers that only grow.
pub fn snapshot() -> BTreeMap<Vec<u8>, Vec<u8>> {
	let counters = [
		crate::NextJob::<Test>::hashed_key().to_vec(),
		crate::NextClaim::<Test>::hashed_key().to_vec(),
		crate::NextSpendingKey::<Test>::hashed_key().to_vec(),
		crate::NextWalk::<Test>::hashed_key().to_vec(),
	];
	let system = sp_io::hashing::twox_128(b"System").to_vec();
	// A transcoder's lapses are its own record, not a job's.
	let lapses = [b"Jobs".as_slice(), b"Lapses"].map(sp_io::hashing::twox_128).concat();
	let mut all = BTreeMap::new();
	let mut key = Vec::new();
	while let Some(next) = sp_io::storage::next_key(&key) {
		let is_kept = next.starts_with(&system) || next.starts_with(&lapses);
		if !counters.contains(&next) && !is_kept {
			let value = sp_io::storage::get(&next).expect("there").to_vec();
			all.insert(next.clone(), value);
		}
		key = next;
	}
	all
}

/// The keys of this pallet and of holds.
pub fn keys() -> Vec<Vec<u8>> {
	let ours = [b"Jobs".as_slice(), b"AssetsHolder"].map(sp_io::hashing::twox_128);
	let is_ours = |key: &Vec<u8>| ours.iter().any(|prefix| key.starts_with(prefix));
	snapshot().into_keys().filter(is_ours).collect()
}

/// The last event of this pallet.
pub fn last_event() -> crate::Event<Test> {
	events().pop().expect("an event")
}

/// This block's events of this pallet.
pub fn events() -> Vec<crate::Event<Test>> {
	System::events()
		.into_iter()
		.filter_map(|record| match record.event {
			RuntimeEvent::Jobs(event) => Some(event),
			_ => None,
		})
		.collect()
}

/// Fee of this many standard segments at the typical price.
pub fn fee_of(leaves: u64) -> Balance {
	PRICE * Balance::from(leaves)
}

/// Settles a claim with free verification.
pub fn settle(id: ClaimId, settlement: Settlement) -> DispatchResult {
	settle_with(id, settlement, &VerificationBill::default())
}

/// Settles a claim with this cost of verification.
pub fn settle_with(id: ClaimId, settlement: Settlement, bill: &VerificationBill) -> DispatchResult {
	<Jobs as livepeer_primitives::traits::Claims>::settle(id, settlement, bill)
}

/// The open claims, oldest first.
pub fn open_claims() -> Vec<ClaimId> {
	let mut claims: Vec<ClaimId> = crate::OpenClaims::<Test>::iter_keys().collect();
	claims.sort_unstable();
	claims
}

/// Gives the claim its outcome.
pub fn decide(id: ClaimId) {
	<Jobs as livepeer_primitives::traits::OnDecided>::on_decided(id);
}

/// Weight for a few steps of the urgent queue.
pub fn little_weight() -> Weight {
	use crate::WeightInfo;
	<()>::agenda_block()
		.saturating_add(<()>::task_check())
		.saturating_add(<()>::read_candidates(257))
		.saturating_add(<()>::task_draw(257))
}
