//! Benchmarks of every call and of every task of the agenda.

use alloc::{boxed::Box, vec, vec::Vec};
use codec::Decode as _;
use frame_benchmarking::v2::*;
use frame_support::traits::{
	fungibles::{Inspect as _, Unbalanced as _},
	tokens::Precision,
	Get,
};
use frame_system::RawOrigin;
use livepeer_primitives::{
	claim::{ClaimInfo, Payout, PayoutReason, WorkClaim},
	duty::Acceptance,
	keys::{OperatorSignature, Purpose, Signer, VerifierId, VERIFIER},
	leaf::Leaf,
	receipt::{Output, Outputs, Receipt, TranscodeResult},
	segment::{SegmentHeader, SegmentInfo},
	service::ServiceRecord,
	sum_tree::{Commitment, SumTree},
	traits::{
		Beacon as _, Candidate, OperatorKeysOf as _, Rounds as _, SeatedValidator,
		SeatedValidators, Seed, Stake as _, Toolchains as _, TranscoderDirectory, ValidatorSet,
	},
	video::{Ladder, Rendition, SourceLimits, CANONICAL_PROFILE},
	work, AccountId, AssignmentIndex, Balance, BlockNumber, ClaimId, Hash, JobId, Seq, Signature,
	ETH, MAX_PROFILES, MAX_RENDITIONS, MAX_TREE_DEPTH, MAX_VALIDATORS, UNIT,
};
use sp_runtime::{BoundedVec, Perbill};

use crate::{
	types::{
		Class, EndReason, LeafEvidence, Load, Phase, Prepayment, PriorityList, Scope, SpendingKey,
		StreamName, Task, MAX_PRIORITY_LIST, MAX_SPENDING_KEYS, MAX_STREAM_NAME, PAYOUTS_PER_STEP,
	},
	*,
};

const PRICE: Balance = UNIT / 1_000;
const BUDGET: Balance = 100 * UNIT;

fn set_block<T: Config>(at: BlockNumber) {
	frame_system::Pallet::<T>::set_block_number(at.into());
}

/// Gives `who` plenty of ETH.
fn fund<T: Config>(who: &AccountId) {
	let amount = 10 * BUDGET;
	T::Assets::set_total_issuance(ETH, T::Assets::total_issuance(ETH).saturating_add(amount));
	T::Assets::increase_balance(ETH, who, amount, Precision::Exact)
		.expect("ETH exists at genesis and is sufficient");
}

/// Stores a newest seed with the most validators, which a draw reads.
fn seat<T: Config>() {
	set_block::<T>(T::Beacon::window_start(2));
	let key = VerifierId::decode(&mut &[1; 32][..]).expect("a key has 32 bytes");
	let validator = |i| SeatedValidator {
		account: account("validator", i, 0),
		stake: UNIT,
		key: key.clone(),
		jailed: false,
	};
	let members = SeatedValidators::truncate_from((0..MAX_VALIDATORS).map(validator).collect());
	let seed = Seed { hash: Hash::zero(), set: ValidatorSet { snapshot: 0, members } };
	T::Beacon::make_seed(T::Beacon::current_window().saturating_sub(1), seed);
}

fn ladder() -> Ladder {
	let renditions: Vec<_> = (1..=MAX_RENDITIONS as u16)
		.map(|i| Rendition {
			width: 64 * i,
			height: 36 * i,
			profile: CANONICAL_PROFILE,
			kbps: 300,
			cap_kbps: 600,
		})
		.collect();
	BoundedVec::truncate_from(renditions)
}

fn limits() -> SourceLimits {
	SourceLimits::new(1280, 720, 30)
}

/// The longest name, different for each job.
fn name<T: Config>() -> StreamName {
	let mut name = NextJob::<T>::get().to_be_bytes().map(|byte| byte & 0x7f).to_vec();
	name.resize(MAX_STREAM_NAME as usize, b'x');
	BoundedVec::truncate_from(name)
}

fn end<T: Config>() -> BlockNumber {
	Pallet::<T>::now().saturating_add(T::Parameters::get().longest_job)
}

/// A candidate that serves the most profiles, with an own bond that backs its claims.
fn candidate<T: Config>(who: &AccountId, capacity: u64) -> Candidate {
	if T::Stake::self_bond(who) == 0 {
		T::Stake::make_stake(who, 100_000 * UNIT);
	}
	let (account, fee_share) = (who.clone(), Perbill::from_percent(50));
	let profiles: Vec<_> = (0..MAX_PROFILES as u16).map(|i| CANONICAL_PROFILE + i).collect();
	let profiles = BoundedVec::truncate_from(profiles);
	Candidate { account, stake: UNIT, price: PRICE, fee_share, capacity, profiles }
}

/// A load of this much work per second.
fn load(work: u64) -> Load {
	Load { assignments: 1, work, toolchains: BoundedVec::new(), check_at: 0, lost: false }
}

/// An account whose key is in the keystore.
fn keyed() -> AccountId {
	AccountId::new(sp_io::crypto::sr25519_generate(VERIFIER, None).0)
}

/// The account's own signature over the object of this hash.
fn sign(who: &AccountId, object: Hash) -> OperatorSignature {
	let signer = Signer::account(who.clone());
	let bytes: [u8; 32] = who.clone().into();
	let payload = signer.payload(&object);
	let signature = sp_io::crypto::sr25519_sign(VERIFIER, &bytes.into(), payload.as_bytes())
		.expect("it is in the keystore");
	OperatorSignature { signer, signature: Signature::Sr25519(signature) }
}

/// A waiting job of `broadcaster`.
fn waiting<T: Config>(broadcaster: &AccountId) -> JobId {
	let id = NextJob::<T>::get();
	fund::<T>(broadcaster);
	Pallet::<T>::do_create_job(
		broadcaster.clone(),
		broadcaster.clone(),
		name::<T>(),
		ladder(),
		limits(),
		PRICE,
		end::<T>(),
		BUDGET,
	)
	.expect("a good job");
	id
}

/// A job that is offered to `transcoder`.
fn offered<T: Config>(broadcaster: &AccountId, transcoder: &AccountId) -> JobId {
	let id = waiting::<T>(broadcaster);
	let mut job = Jobs::<T>::get(id).expect("just created");
	PriorityLists::<T>::insert(id, PriorityList::truncate_from(vec![transcoder.clone()]));
	let now = Pallet::<T>::now();
	Pallet::<T>::offer_next(id, &mut job, now, &[candidate::<T>(transcoder, u64::MAX)]);
	Pallet::<T>::save_job(id, job).expect("it goes on");
	id
}

/// A job that runs with `transcoder`.
fn running<T: Config>(broadcaster: &AccountId, transcoder: &AccountId) -> JobId {
	let id = offered::<T>(broadcaster, transcoder);
	let acceptance = acceptance::<T>(broadcaster, transcoder, id);
	let signer = Signer::account(transcoder.clone());
	Pallet::<T>::do_accept_job(&acceptance, &signer).expect("it is offered");
	id
}

fn acceptance<T: Config>(
	broadcaster: &AccountId,
	transcoder: &AccountId,
	job: JobId,
) -> Acceptance {
	Acceptance {
		genesis: Pallet::<T>::genesis_hash(),
		job,
		assignment: 0,
		broadcaster_keys: T::Keys::current(broadcaster, Purpose::Segments),
		transcoder_keys: T::Keys::current(transcoder, Purpose::Duties),
		toolchain: T::Toolchains::make_toolchain(),
	}
}

fn parties() -> (AccountId, AccountId) {
	(keyed(), keyed())
}

/// A spending key that can do everything.
fn spending<T: Config>(broadcaster: &AccountId, key: &AccountId) {
	let scope = Scope { create: true, top_up: true, end: true };
	let deposit = T::Parameters::get().broadcaster_bond;
	Pallet::<T>::hold(HoldReason::SpendingKey, broadcaster, deposit).expect("it is funded");
	let row =
		SpendingKey { cap: 10 * BUDGET, spent: 0, expiry: u32::MAX, scope, serial: 0, deposit };
	NextSpendingKey::<T>::put(1);
	SpendingKeys::<T>::insert(broadcaster, key, row);
}

/// A signed call that claims for `id`, which runs with `transcoder`.
fn claim_call<T: Config>(transcoder: &AccountId, id: JobId) -> Call<T> {
	let job = Jobs::<T>::get(id).expect("it runs");
	let agreement = Assignments::<T>::get(id, 0).and_then(|a| a.agreement).expect("it runs");
	let claim = WorkClaim {
		genesis: Pallet::<T>::genesis_hash(),
		job: id,
		assignment: 0,
		first: 7,
		last: 7,
		root: Hash::repeat_byte(1),
		total_work: job.max_leaf_work,
		largest_leaf: job.max_leaf_work,
		toolchain: agreement.toolchain,
		extensions: Default::default(),
	};
	// The transcoder pays for its verification.
	fund::<T>(transcoder);
	let signature = sign(transcoder, claim.hash());
	Call::claim_work { claim, signature }
}

fn header<T: Config>(id: JobId, transcoder: &AccountId, seq: Seq, byte: u8) -> SegmentHeader {
	SegmentHeader {
		genesis: Pallet::<T>::genesis_hash(),
		stream: Jobs::<T>::get(id).map_or(Hash::zero(), |job| job.stream),
		job: id,
		assignment: 0,
		transcoder: transcoder.clone(),
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

/// The most outputs.
fn outputs(byte: u8) -> Outputs {
	let hash = Hash::repeat_byte(byte);
	let output = Some(Output { hash, len: 1, chunk_root: hash });
	BoundedVec::truncate_from(vec![output; MAX_RENDITIONS as usize])
}

fn receipt(header: &SegmentHeader, byte: u8) -> Receipt {
	Receipt {
		header: header.hash(),
		toolchain: Hash::repeat_byte(byte),
		result: TranscodeResult::Transcoded(outputs(byte)),
		extensions: Default::default(),
	}
}

fn record() -> ServiceRecord {
	ServiceRecord {
		peer_id: BoundedVec::truncate_from(vec![1; 64]),
		addresses: BoundedVec::truncate_from(vec![BoundedVec::truncate_from(vec![2; 128]); 4]),
		url: BoundedVec::truncate_from(vec![b'u'; 128]),
	}
}

/// See [`livepeer_primitives::traits::Claims::make_claim`].
pub(crate) fn make_claim<T: Config>(
	transcoder: &AccountId,
	broadcaster: &AccountId,
	commitment: Commitment,
) -> ClaimId {
	let job_id = running::<T>(broadcaster, transcoder);
	let job = Jobs::<T>::get(job_id).expect("just created");
	let mut assignment = Assignments::<T>::get(job_id, 0).expect("just accepted");
	let fee = work::fee(commitment.total_work, PRICE)
		.max(Pallet::<T>::smallest_fee())
		.min(assignment.allowance);
	Pallet::<T>::escrow(broadcaster, fee).expect("the budget covers it");
	assignment.allowance -= fee;
	assignment.next_seq = commitment.leaf_count.into();
	let agreement = assignment.agreement.expect("just accepted");
	let info = ClaimInfo {
		job: job_id,
		assignment: 0,
		transcoder: transcoder.clone(),
		transcoder_keys: agreement.transcoder_keys,
		broadcaster: broadcaster.clone(),
		broadcaster_keys: agreement.broadcaster_keys,
		stream: job.stream,
		first: 0,
		commitment,
		largest_leaf: job.max_leaf_work,
		toolchain: agreement.toolchain,
		ladder: job.ladder.clone(),
		limits: job.limits,
		factors: job.factors,
		max_samples: job.max_samples,
		fee,
		round: T::Rounds::current(),
		window: T::Beacon::current_window(),
	};
	// Enough to pay every member of a committee.
	let whole = assignment.terms.prepayment(1, job.max_leaf_work).max(Pallet::<T>::smallest_fee());
	fund::<T>(transcoder);
	let prepaid = Pallet::<T>::prepay(transcoder, broadcaster, whole);
	let prepayment = Prepayment { whole, prepaid, shortfall: 0 };
	let id = Pallet::<T>::open_claim(&info, &mut assignment, prepayment).expect("numbers last");
	Assignments::<T>::insert(job_id, 0, &assignment);
	// The job is over and waits only for this claim, so that the settlement schedules its closing.
	// The transcoder has another one, which jail takes away.
	Pallet::<T>::do_end_job(broadcaster.clone(), job_id).expect("it runs");
	Pallet::<T>::close_assignment(job_id, 0).expect("it is over");
	running::<T>(broadcaster, transcoder);
	id
}

#[benchmarks(where <T as frame_system::Config>::RuntimeCall: From<Call<T>>)]
mod benches {
	use super::*;
	use frame_support::traits::UnfilteredDispatchable;

	/// Checks that a valid call is authorized.
	fn authorized<T: Config>(call: &Call<T>) {
		use frame_support::{pallet_prelude::TransactionSource, traits::Authorize};
		call.authorize(TransactionSource::External)
			.expect("it can be authorized")
			.expect("it is good");
	}

	#[benchmark]
	fn create_job() -> Result<(), BenchmarkError> {
		let (broadcaster, key) = parties();
		fund::<T>(&broadcaster);
		spending::<T>(&broadcaster, &key);
		let (name, end) = (name::<T>(), end::<T>());
		let id = NextJob::<T>::get();
		#[extrinsic_call]
		_(RawOrigin::Signed(key), Some(broadcaster), name, ladder(), limits(), PRICE, end, BUDGET);
		assert!(Jobs::<T>::contains_key(id));
		Ok(())
	}

	#[benchmark]
	fn top_up() -> Result<(), BenchmarkError> {
		let (broadcaster, transcoder) = parties();
		let id = running::<T>(&broadcaster, &transcoder);
		let key = keyed();
		spending::<T>(&broadcaster, &key);
		let before = Jobs::<T>::get(id).ok_or("a job that runs")?.unreserved;
		#[extrinsic_call]
		_(RawOrigin::Signed(key), id, UNIT);
		assert_eq!(Jobs::<T>::get(id).map(|job| job.unreserved), Some(before + UNIT));
		Ok(())
	}

	#[benchmark]
	fn end_job() -> Result<(), BenchmarkError> {
		let (broadcaster, transcoder) = parties();
		// Offered and not accepted, so that everything is closed at once: the most expensive end.
		let id = offered::<T>(&broadcaster, &transcoder);
		let key = keyed();
		spending::<T>(&broadcaster, &key);
		#[extrinsic_call]
		_(RawOrigin::Signed(key), id);
		assert!(!Jobs::<T>::contains_key(id));
		Ok(())
	}

	#[benchmark]
	fn accept_job() -> Result<(), BenchmarkError> {
		let (broadcaster, transcoder) = parties();
		let id = offered::<T>(&broadcaster, &transcoder);
		let acceptance = acceptance::<T>(&broadcaster, &transcoder, id);
		let signature = sign(&transcoder, acceptance.hash());
		#[extrinsic_call]
		_(RawOrigin::Authorized, acceptance, signature);
		let phase = Phase::Running { assignment: 0 };
		assert_eq!(Jobs::<T>::get(id).map(|job| job.phase), Some(phase));
		Ok(())
	}

	#[benchmark]
	fn authorize_accept_job() -> Result<(), BenchmarkError> {
		let (broadcaster, transcoder) = parties();
		let id = offered::<T>(&broadcaster, &transcoder);
		let acceptance = acceptance::<T>(&broadcaster, &transcoder, id);
		let signature = sign(&transcoder, acceptance.hash());
		let call: Call<T> = Call::accept_job { acceptance, signature };
		#[block]
		{
			authorized(&call);
		}
		Ok(())
	}

	#[benchmark]
	fn claim_work() -> Result<(), BenchmarkError> {
		let (broadcaster, transcoder) = parties();
		T::Directory::make_candidate(&transcoder, PRICE, u64::MAX);
		fund::<T>(&transcoder);
		let id = running::<T>(&broadcaster, &transcoder);
		let call = claim_call::<T>(&transcoder, id);
		#[block]
		{
			call.dispatch_bypass_filter(RawOrigin::Authorized.into())?;
		}
		assert_eq!(ClaimsOf::<T>::iter_prefix(&transcoder).count(), 1);
		Ok(())
	}

	#[benchmark]
	fn authorize_claim_work() -> Result<(), BenchmarkError> {
		let (broadcaster, transcoder) = parties();
		T::Directory::make_candidate(&transcoder, PRICE, u64::MAX);
		fund::<T>(&transcoder);
		let id = running::<T>(&broadcaster, &transcoder);
		let call = claim_call::<T>(&transcoder, id);
		#[block]
		{
			authorized(&call);
		}
		Ok(())
	}

	#[benchmark]
	fn set_origin() -> Result<(), BenchmarkError> {
		let (broadcaster, _) = parties();
		fund::<T>(&broadcaster);
		#[extrinsic_call]
		_(RawOrigin::Signed(broadcaster.clone()), name::<T>(), record());
		assert_eq!(Origins::<T>::iter_values().filter(|o| o.broadcaster == broadcaster).count(), 1);
		Ok(())
	}

	#[benchmark]
	fn clear_origin() -> Result<(), BenchmarkError> {
		let (broadcaster, _) = parties();
		fund::<T>(&broadcaster);
		Pallet::<T>::do_set_origin(broadcaster.clone(), name::<T>(), record())?;
		#[extrinsic_call]
		_(RawOrigin::Signed(broadcaster.clone()), name::<T>());
		assert!(!Origins::<T>::iter_values().any(|origin| origin.broadcaster == broadcaster));
		Ok(())
	}

	#[benchmark]
	fn set_spending_key() -> Result<(), BenchmarkError> {
		let (broadcaster, key) = parties();
		fund::<T>(&broadcaster);
		for i in 1..MAX_SPENDING_KEYS {
			spending::<T>(&broadcaster, &account("key", i, 0));
		}
		let scope = Scope { create: true, top_up: true, end: true };
		#[extrinsic_call]
		_(RawOrigin::Signed(broadcaster.clone()), key.clone(), UNIT, u32::MAX, scope);
		assert!(SpendingKeys::<T>::contains_key(broadcaster, key));
		Ok(())
	}

	#[benchmark]
	fn remove_spending_key() -> Result<(), BenchmarkError> {
		let (broadcaster, key) = parties();
		fund::<T>(&broadcaster);
		spending::<T>(&broadcaster, &key);
		#[extrinsic_call]
		_(RawOrigin::Signed(broadcaster.clone()), broadcaster.clone(), key.clone());
		assert!(!SpendingKeys::<T>::contains_key(broadcaster, key));
		Ok(())
	}

	#[benchmark]
	fn end_idle() -> Result<(), BenchmarkError> {
		let (broadcaster, transcoder) = parties();
		let id = running::<T>(&broadcaster, &transcoder);
		Jobs::<T>::mutate(id, |job| job.as_mut().expect("it runs").end = u32::MAX);
		// Nothing was claimed, so the job pays for the call, whatever it costs.
		fund::<T>(&T::CommonPool::get());
		let before = Jobs::<T>::get(id).ok_or("a job that runs")?.unreserved;
		set_block::<T>(u32::MAX / 2);
		#[extrinsic_call]
		_(RawOrigin::Signed(keyed()), id, 0);
		let job = Jobs::<T>::get(id).ok_or("a job that waits")?;
		assert_eq!(job.phase.current(), None);
		assert!(job.unreserved < before);
		Ok(())
	}

	#[benchmark]
	fn report_equivocation() -> Result<(), BenchmarkError> {
		let (broadcaster, transcoder) = parties();
		let id = running::<T>(&broadcaster, &transcoder);
		let header = header::<T>(id, &transcoder, 0, 1);
		let receipts = [1u8, 2].map(|byte| receipt(&header, byte));
		let signatures = receipts.each_ref().map(|receipt| sign(&transcoder, receipt.hash()));
		let header_signature = sign(&broadcaster, header.hash());
		#[extrinsic_call]
		_(RawOrigin::Signed(keyed()), header, header_signature, receipts, signatures);
		assert!(Turns::<T>::get(id, transcoder).is_some_and(|turns| turns.punished));
		Ok(())
	}

	#[benchmark]
	fn report_leaf() -> Result<(), BenchmarkError> {
		let (broadcaster, transcoder) = parties();
		// The header of the claim's first segment, whatever its job's number.
		let next = NextJob::<T>::get();
		let segment = header::<T>(next, &transcoder, 0, 1).segment;
		let leaf = Leaf::Transcoded {
			segment,
			outputs: outputs(1),
			work: 1,
			extensions: Default::default(),
		};
		let tree = SumTree::new(&vec![leaf.clone(); 1 << MAX_TREE_DEPTH]).map_err(|_| "a tree")?;
		let claim = make_claim::<T>(&transcoder, &broadcaster, tree.commitment());
		let header = header::<T>(next, &transcoder, 0, 1);
		let receipt = receipt(&header, 2);
		let evidence = Box::new(LeafEvidence {
			index: 0,
			leaf,
			proof: tree.proof(0).ok_or("a leaf")?,
			header_signature: sign(&broadcaster, header.hash()),
			signature: sign(&transcoder, receipt.hash()),
			receipt,
		});
		#[extrinsic_call]
		_(RawOrigin::Signed(keyed()), claim, evidence);
		assert!(Turns::<T>::get(next, transcoder).is_some_and(|turns| turns.punished));
		Ok(())
	}

	#[benchmark]
	fn pay_debt() -> Result<(), BenchmarkError> {
		let (payer, transcoder) = parties();
		fund::<T>(&payer);
		Debts::<T>::insert(&transcoder, UNIT);
		#[extrinsic_call]
		_(RawOrigin::Signed(payer), transcoder.clone());
		assert!(!Debts::<T>::contains_key(transcoder));
		Ok(())
	}

	#[benchmark]
	fn report_broadcaster() -> Result<(), BenchmarkError> {
		let (broadcaster, transcoder) = parties();
		let id = running::<T>(&broadcaster, &transcoder);
		let headers = [1, 2].map(|byte| header::<T>(id, &transcoder, 0, byte));
		let signatures = headers.each_ref().map(|header| sign(&broadcaster, header.hash()));
		#[extrinsic_call]
		_(RawOrigin::Signed(keyed()), headers, signatures);
		assert_eq!(Jobs::<T>::get(id).map(|job| job.bond), Some(0));
		Ok(())
	}

	#[benchmark]
	fn agenda_block() -> Result<(), BenchmarkError> {
		let now = Pallet::<T>::now();
		// A backlog of an empty block: it is looked up, found empty, and deleted.
		Backlog::<T>::insert(Class::Urgent, now);
		#[block]
		{
			Pallet::<T>::run_agenda(now);
		}
		assert_eq!(Backlog::<T>::get(Class::Urgent), None);
		Ok(())
	}

	#[benchmark]
	fn read_candidates(c: Linear<1, 257>) -> Result<(), BenchmarkError> {
		for i in 0..c {
			T::Directory::make_candidate(&account("candidate", i, 0), PRICE, u64::MAX);
		}
		let candidates: Vec<Candidate>;
		#[block]
		{
			candidates = T::Directory::candidates();
		}
		assert!(!candidates.is_empty());
		Ok(())
	}

	#[benchmark]
	fn task_draw(c: Linear<1, 257>) -> Result<(), BenchmarkError> {
		seat::<T>();
		let (broadcaster, _) = parties();
		let id = waiting::<T>(&broadcaster);
		// All suit and must be read. Only the last two in the order, which have almost no stake,
		// have places left.
		let candidates: Vec<_> = (0..c)
			.map(|i| {
				let who: AccountId = account("candidate", i, 0);
				let is_free = i + 2 >= c;
				Loads::<T>::insert(&who, load(1));
				Places::<T>::insert(&who, if is_free { 1 } else { u32::MAX });
				let stake = if is_free { 1 } else { 1_000_000 * UNIT };
				Candidate { stake, ..candidate::<T>(&who, u64::MAX) }
			})
			.collect();
		let mut job = Jobs::<T>::get(id).ok_or("created")?;
		let now = Pallet::<T>::now();
		#[block]
		{
			Pallet::<T>::draw(id, &mut job, now, &candidates);
			Pallet::<T>::save_job(id, job)?;
		}
		assert!(Jobs::<T>::get(id).is_some_and(|job| job.phase.current() == Some(0)));
		Ok(())
	}

	#[benchmark]
	fn task_draw_nobody(c: Linear<1, 257>) -> Result<(), BenchmarkError> {
		seat::<T>();
		let (broadcaster, _) = parties();
		let id = waiting::<T>(&broadcaster);
		let candidates: Vec<_> = (0..c)
			.map(|i| Candidate {
				price: PRICE + 1,
				..candidate::<T>(&account("candidate", i, 0), u64::MAX)
			})
			.collect();
		let mut job = Jobs::<T>::get(id).ok_or("created")?;
		let now = Pallet::<T>::now();
		#[block]
		{
			let weight = Pallet::<T>::weight_of_draw(&job, &candidates);
			assert_eq!(weight, T::WeightInfo::task_draw_nobody(c));
			Pallet::<T>::draw(id, &mut job, now, &candidates);
			Pallet::<T>::save_job(id, job)?;
		}
		let phase = Jobs::<T>::get(id).map(|job| job.phase);
		assert!(matches!(phase, Some(Phase::Waiting { retries: 1, .. })));
		Ok(())
	}

	#[benchmark]
	fn task_hand_on() -> Result<(), BenchmarkError> {
		let (broadcaster, transcoder) = parties();
		T::Directory::make_candidate(&transcoder, PRICE, u64::MAX);
		let id = offered::<T>(&broadcaster, &transcoder);
		// Everybody on the longest list must be read: only the last has capacity.
		let candidates: Vec<_> = (0..MAX_PRIORITY_LIST)
			.map(|i| {
				let who: AccountId = account("candidate", i, 0);
				// Only the last has places left.
				let is_last = i + 1 == MAX_PRIORITY_LIST;
				Loads::<T>::insert(&who, load(1));
				Places::<T>::insert(&who, if is_last { 1 } else { u32::MAX });
				candidate::<T>(&who, u64::MAX)
			})
			.collect();
		let list: Vec<_> = candidates.iter().map(|c| c.account.clone()).collect();
		PriorityLists::<T>::insert(id, PriorityList::truncate_from(list));
		let mut job = Jobs::<T>::get(id).ok_or("offered")?;
		let now = Pallet::<T>::now();
		#[block]
		{
			Pallet::<T>::not_accepted(id, &mut job, now, &candidates);
			Pallet::<T>::save_job(id, job)?;
		}
		assert!(Jobs::<T>::get(id).is_some_and(|job| job.phase.current() == Some(1)));
		Ok(())
	}

	#[benchmark]
	fn task_expire() -> Result<(), BenchmarkError> {
		let (broadcaster, transcoder) = parties();
		// Offered and not accepted, so that everything is closed at once: the most expensive end.
		let id = offered::<T>(&broadcaster, &transcoder);
		let mut job = Jobs::<T>::get(id).ok_or("offered")?;
		#[block]
		{
			Pallet::<T>::end(id, &mut job, EndReason::Expired);
			Pallet::<T>::save_job(id, job)?;
		}
		assert!(!Jobs::<T>::contains_key(id));
		Ok(())
	}

	#[benchmark]
	fn task_close_assignment() -> Result<(), BenchmarkError> {
		let (broadcaster, transcoder) = parties();
		let id = running::<T>(&broadcaster, &transcoder);
		Pallet::<T>::do_end_job(broadcaster, id)?;
		// So late that both steps are due: the allowance goes back, and everything is deleted.
		set_block::<T>(u32::MAX / 2);
		#[block]
		{
			Pallet::<T>::close_assignment(id, 0 as AssignmentIndex)?;
		}
		assert!(!Jobs::<T>::contains_key(id));
		Ok(())
	}

	#[benchmark]
	fn task_look() -> Result<(), BenchmarkError> {
		let (broadcaster, transcoder) = parties();
		let id = running::<T>(&broadcaster, &transcoder);
		// A generation by which the only job does not run.
		let task = Task::Keys(broadcaster, Purpose::Segments, u32::MAX);
		let at = Pallet::<T>::schedule(Class::Lazy, task, 0);
		set_block::<T>(at);
		#[block]
		{
			Pallet::<T>::run_agenda(at);
		}
		assert!(Jobs::<T>::get(id).is_some_and(|job| job.phase.current().is_some()));
		Ok(())
	}

	#[benchmark]
	fn task_payouts() -> Result<(), BenchmarkError> {
		let (broadcaster, transcoder) = parties();
		let commitment = Commitment { root: Hash::zero(), total_work: 1 << 40, leaf_count: 1 };
		let id = make_claim::<T>(&transcoder, &broadcaster, commitment);
		let claim = OpenClaims::<T>::get(id).ok_or("made")?;
		let one = T::Assets::minimum_balance(ETH);
		let mut list: Vec<_> = (0..2 * PAYOUTS_PER_STEP)
			.map(|i| Payout {
				account: account("verifier", i, 0),
				reason: PayoutReason::Verification,
				amount: one,
			})
			.collect();
		let paid = one * Balance::from(2 * PAYOUTS_PER_STEP - 1);
		list[0].amount = claim.escrow().checked_sub(paid).ok_or("a fee that suffices")?;
		Pallet::<T>::pay_out(id, claim, livepeer_primitives::traits::Settlement::Pay, list)?;
		#[block]
		{
			Pallet::<T>::run_payouts(id);
		}
		assert!(!OpenClaims::<T>::contains_key(id));
		Ok(())
	}

	#[benchmark]
	fn task_check() -> Result<(), BenchmarkError> {
		let (broadcaster, transcoder) = parties();
		T::Directory::make_candidate(&transcoder, PRICE, u64::MAX);
		running::<T>(&broadcaster, &transcoder);
		let due = Loads::<T>::get(&transcoder).ok_or("loaded")?.check_at;
		set_block::<T>(due);
		#[block]
		{
			Pallet::<T>::run_agenda(due);
		}
		assert!(!Agenda::<T>::contains_key((Class::Urgent, due, Task::Transcoder(transcoder))));
		Ok(())
	}

	impl_benchmark_test_suite!(Pallet, crate::mock::new_test_ext(), crate::mock::Test);
}
