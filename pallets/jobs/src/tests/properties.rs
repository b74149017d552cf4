//! Random interleavings: invariants and the sum of all ETH hold after every step, and nothing is
//! left at the end.

use std::collections::BTreeSet;

use crate::{
	mock::*,
	types::{Phase, Scope},
	Assignments, Jobs as StoredJobs,
};
use frame_support::{parameter_types, weights::Weight};
use livepeer_primitives::{
	keys::{Purpose, Signer},
	service::ServiceRecord,
	traits::{OnKeyRevoked, Settlement},
	AccountId, AssignmentIndex, Balance, JobId, ETH_MINIMUM, UNIT,
};
use proptest::{prelude::*, strategy::ValueTree, test_runner::TestRunner};

parameter_types! {
	/// Names of the events that were seen.
	static Seen: BTreeSet<String> = BTreeSet::new();
}

/// The price of a picosecond of a call is so high that the end of an idle assignment is paid even
/// into a pool that does not exist yet.
const CALLS_COST: Balance = ETH_MINIMUM / 1_000_000;

/// Records the names of this block's events.
fn note_events() {
	let names = events().into_iter().map(|event| {
		let event = format!("{event:?}");
		let name = event.strip_prefix("Event::").unwrap_or(&event);
		name.split([' ', '{']).next().unwrap_or_default().to_string()
	});
	Seen::mutate(|seen| seen.extend(names));
}

#[derive(Clone, Debug)]
enum Op {
	Create { who: bool, name: u8, milli: u32, price: u8, length: u32 },
	TopUp { job: usize, milli: u32 },
	End { job: usize, who: usize },
	Accept { job: usize, who: Option<usize> },
	Claim { assignment: usize, who: Option<usize>, gap: u64, leaves: u64, work: u64 },
	Decide { claim: usize },
	Settle { claim: usize, pay: bool },
	Idle { job: usize, who: usize },
	Key { who: bool, key: usize, milli: u32, life: u32, set: bool },
	Spend { who: bool, key: usize, name: u8, milli: u32 },
	Rotate { who: usize, purpose: bool },
	Revoke { who: usize, purpose: bool },
	Toolchain { retire: bool },
	Report { assignment: usize, seq: u64, broadcaster: bool },
	Terms { who: usize, stake: u32, price: u8, capacity: u32 },
	Jail { who: usize },
	Free { who: usize },
	Absent { who: usize },
	Present,
	Origin { who: usize, set: bool },
	Parameters { grace: u32, timeout: u32, leaves: u32, list: u32 },
	Slow(bool),
	Blocks(u32),
}

fn ops() -> impl Strategy<Value = Op> {
	let index = || any::<prop::sample::Index>().prop_map(|i| i.index(1_000));
	prop_oneof![
		3 => (any::<bool>(), 0..4u8, 0..3_000u32, 1..4u8, 3..120u32).prop_map(
			|(who, name, milli, price, length)| Op::Create { who, name, milli, price, length }
		),
		1 => (index(), 0..2_000u32).prop_map(|(job, milli)| Op::TopUp { job, milli }),
		1 => (index(), 0..5usize).prop_map(|(job, who)| Op::End { job, who }),
		4 => (index(), prop::option::weighted(0.1, 0..5usize))
			.prop_map(|(job, who)| Op::Accept { job, who }),
		6 => (index(), prop::option::weighted(0.1, 0..5usize), 0..3u64, 0..70u64, 0..7u64)
			.prop_map(|(assignment, who, gap, leaves, work)| {
				Op::Claim { assignment, who, gap, leaves, work }
			}),
		4 => index().prop_map(|claim| Op::Decide { claim }),
		4 => (index(), any::<bool>()).prop_map(|(claim, pay)| Op::Settle { claim, pay }),
		2 => (index(), 0..5usize).prop_map(|(job, who)| Op::Idle { job, who }),
		2 => (any::<bool>(), 0..5usize, 0..3_000u32, 0..60u32, any::<bool>()).prop_map(
			|(who, key, milli, life, set)| Op::Key { who, key, milli, life, set }
		),
		3 => (any::<bool>(), 0..5usize, 0..4u8, 0..1_000u32)
			.prop_map(|(who, key, name, milli)| Op::Spend { who, key, name, milli }),
		1 => (0..5usize, any::<bool>()).prop_map(|(who, purpose)| Op::Rotate { who, purpose }),
		1 => (0..5usize, any::<bool>()).prop_map(|(who, purpose)| Op::Revoke { who, purpose }),
		1 => any::<bool>().prop_map(|retire| Op::Toolchain { retire }),
		1 => (index(), 0..200u64, any::<bool>())
			.prop_map(|(assignment, seq, broadcaster)| Op::Report { assignment, seq, broadcaster }),
		3 => (2..5usize, 0..50u32, 0..4u8, 0..5u32)
			.prop_map(|(who, stake, price, capacity)| Op::Terms { who, stake, price, capacity }),
		1 => (2..5usize).prop_map(|who| Op::Jail { who }),
		2 => (2..5usize).prop_map(|who| Op::Free { who }),
		1 => (2..5usize).prop_map(|who| Op::Absent { who }),
		1 => Just(Op::Present),
		2 => (0..3usize, any::<bool>()).prop_map(|(who, set)| Op::Origin { who, set }),
		1 => (1..30u32, 1..6u32, 1..100u32, 1..17u32).prop_map(
			|(grace, timeout, leaves, list)| Op::Parameters { grace, timeout, leaves, list }
		),
		1 => any::<bool>().prop_map(Op::Slow),
		6 => (1..8u32).prop_map(Op::Blocks),
	]
}

fn who(index: usize) -> AccountId {
	[BOB, BEA, TIM, TOM, TAT][index % 5].clone()
}

fn signed(who: AccountId) -> RuntimeOrigin {
	RuntimeOrigin::signed(who)
}

fn pick<T: Clone>(all: &[T], index: usize) -> Option<T> {
	(!all.is_empty()).then(|| all[index % all.len()].clone())
}

fn price(level: u8) -> Balance {
	[0, LOW_PRICE, PRICE, 3 * PRICE][usize::from(level % 4)]
}

fn purpose_of(segments: bool) -> Purpose {
	if segments {
		Purpose::Segments
	} else {
		Purpose::Duties
	}
}

/// Reports a contradiction of one of an assignment's parties.
fn report(
	id: JobId,
	index: AssignmentIndex,
	seq: u64,
	broadcaster: bool,
) -> Result<(), sp_runtime::DispatchError> {
	let agreement = assignment(id, index).agreement;
	let signer = |account, generation| Signer { account, generation, key: 0 };
	let done = if broadcaster {
		let generation = agreement.map_or(0, |agreement| agreement.broadcaster_keys);
		let by = signer(job(id).broadcaster, generation);
		let headers = [1, 2].map(|byte| header(id, index, seq, byte));
		let signatures =
			headers.each_ref().map(|header| sign_by(&by, Purpose::Segments, &header.hash()));
		Jobs::report_broadcaster(signed(POT), headers, signatures)
	} else {
		let generation = agreement.map_or(0, |agreement| agreement.transcoder_keys);
		let by = signer(assignment(id, index).transcoder, generation);
		let header = header(id, index, seq, 1);
		let receipts = [1, 2].map(|byte| receipt(&header, byte));
		let signatures =
			receipts.each_ref().map(|receipt| sign_by(&by, Purpose::Duties, &receipt.hash()));
		let by_broadcaster = agreement.map_or(0, |agreement| agreement.broadcaster_keys);
		let by_broadcaster = signer(job(id).broadcaster, by_broadcaster);
		let signed_by = sign_by(&by_broadcaster, Purpose::Segments, &header.hash());
		Jobs::report_equivocation(signed(POT), header, signed_by, receipts, signatures)
	};
	done.map(|_| ()).map_err(|error| error.error)
}

fn stored_jobs() -> Vec<u64> {
	let mut jobs: Vec<_> = StoredJobs::<Test>::iter_keys().collect();
	jobs.sort_unstable();
	jobs
}

fn apply(op: Op) {
	// Whether a call succeeds does not matter here; only its effects do.
	match op {
		Op::Create { who, name: n, milli, price: p, length } => {
			let broadcaster = if who { BOB } else { BEA };
			let budget = UNIT / 1_000 * Balance::from(milli);
			let _ = Jobs::create_job(
				signed(broadcaster),
				None,
				name(&format!("cam{n}")),
				ladder(),
				limits(),
				price(p),
				now() + length,
				budget,
			);
		}
		Op::TopUp { job, milli } => {
			if let Some(id) = pick(&stored_jobs(), job) {
				let owner = StoredJobs::<Test>::get(id).unwrap().broadcaster;
				let _ = Jobs::top_up(signed(owner), id, UNIT / 1_000 * Balance::from(milli));
			}
		}
		Op::End { job, who: w } => {
			if let Some(id) = pick(&stored_jobs(), job) {
				let _ = Jobs::end_job(signed(who(w)), id);
			}
		}
		Op::Accept { job, who: w } => {
			let offered: Vec<_> = stored_jobs()
				.into_iter()
				.filter(|id| matches!(crate::mock::job(*id).phase, Phase::Offered { .. }))
				.collect();
			if let Some(id) = pick(&offered, job) {
				let (transcoder, index) = current(id);
				let _ = try_accept(&w.map_or(transcoder, who), id, index);
			}
		}
		Op::Claim { assignment, who: w, gap, leaves, work } => {
			let mut all: Vec<_> = Assignments::<Test>::iter_keys().collect();
			all.sort_unstable();
			if let Some((id, index)) = pick(&all, assignment) {
				let a = crate::mock::assignment(id, index);
				let first = a.next_seq + gap;
				// From zero to a little more than leaves can hold.
				let work = job(id).max_leaf_work / 6 * work * leaves;
				let last = (first + leaves).saturating_sub(1);
				let _ = claim_work(&w.map_or(a.transcoder, who), id, index, first, last, work);
			}
		}
		Op::Settle { claim, pay } => {
			if let Some(id) = pick(&open_claims(), claim) {
				let settlement = if pay { Settlement::Pay } else { Settlement::Refund };
				settle(id, settlement).expect("every open claim can be settled");
			}
		}
		Op::Decide { claim } => {
			if let Some(id) = pick(&open_claims(), claim) {
				decide(id);
			}
		}
		Op::Idle { job, who: w } => {
			if let Some(id) = pick(&stored_jobs(), job) {
				if let Some(index) = crate::mock::job(id).phase.current() {
					let _ = Jobs::end_idle(signed(who(w)), id, index);
				}
			}
		}
		Op::Key { who: b, key, milli, life, set } => {
			let broadcaster = if b { BOB } else { BEA };
			let cap = UNIT / 1_000 * Balance::from(milli);
			let scope = Scope { create: true, top_up: true, end: true };
			let _ = if set {
				let expiry = now() + life;
				Jobs::set_spending_key(signed(broadcaster), who(key), cap, expiry, scope)
			} else {
				Jobs::remove_spending_key(signed(broadcaster.clone()), broadcaster, who(key))
			};
		}
		Op::Spend { who: b, key, name: n, milli } => {
			let broadcaster = if b { BOB } else { BEA };
			let budget = UNIT / 1_000 * Balance::from(milli);
			let _ = create_by(&who(key), Some(broadcaster), &format!("cam{n}"), budget);
		}
		Op::Rotate { who: w, purpose } => Generations::mutate(|generations| {
			*generations.entry((who(w), purpose_of(purpose))).or_default() += 1;
		}),
		Op::Revoke { who: w, purpose } => {
			let (account, purpose) = (who(w), purpose_of(purpose));
			let generation = generation_of(&account, purpose);
			Revoked::mutate(|all| all.push((account.clone(), purpose, generation, 0)));
			Generations::mutate(|generations| {
				*generations.entry((account.clone(), purpose)).or_default() += 1;
			});
			<Jobs as OnKeyRevoked>::on_key_revoked(&account, purpose, generation, 1);
		}
		Op::Toolchain { retire } => {
			Retired::set(if retire { vec![TOOLCHAIN] } else { vec![] });
		}
		Op::Report { assignment, seq, broadcaster } => {
			let mut all: Vec<_> = Assignments::<Test>::iter_keys().collect();
			all.sort_unstable();
			if let Some((id, index)) = pick(&all, assignment) {
				let _ = report(id, index, seq, broadcaster);
			}
		}
		Op::Terms { who: w, stake, price: p, capacity } => {
			register(&who(w), UNIT * Balance::from(stake), price(p), capacity);
		}
		Op::Jail { who: w } => jail(&who(w)),
		Op::Free { who: w } => Jailed::mutate(|jailed| jailed.retain(|j| *j != who(w))),
		Op::Absent { who: w } => Absent::mutate(|absent| absent.push(who(w))),
		Op::Present => Absent::set(vec![]),
		Op::Origin { who: w, set: true } => {
			let _ = Jobs::set_origin(signed(who(w)), name("cam"), ServiceRecord::default());
		}
		Op::Origin { who: w, set: false } => {
			let _ = Jobs::clear_origin(signed(who(w)), name("cam"));
		}
		Op::Parameters { grace, timeout, leaves, list } => Parameters::mutate(|p| {
			p.claim_grace = grace;
			p.accept_timeout = timeout;
			p.allowance_leaves = leaves;
			p.priority_list = list;
		}),
		Op::Slow(true) => AgendaWeight::set(Weight::zero()),
		Op::Slow(false) => drop(AgendaWeight::take()),
		Op::Blocks(blocks) => {
			for _ in 0..blocks {
				note_events();
				next_block();
				check();
			}
		}
	}
}

proptest! {
	#[test]
	fn invariants_hold_after_every_step_and_nothing_is_left(
		steps in prop::collection::vec(ops(), 1..80),
	) {
		build_and_execute(|| {
			let before = keys();
			WeightPrice::set(CALLS_COST);
			for i in 2..5 {
				register(&who(i), UNIT, PRICE, 3);
			}
			for op in steps {
				apply(op);
				check();
			}
			// Everything ends, whatever happened.
			AgendaWeight::take();
			skip(LENGTH + 30 + 64);
			for claim in open_claims() {
				settle(claim, Settlement::Refund).expect("every open claim can be settled");
			}
			skip(13);
			for i in 0..3 {
				let _ = Jobs::clear_origin(signed(who(i)), name("cam"));
			}
			for broadcaster in [BOB, BEA] {
				for view in Jobs::spending_keys(broadcaster.clone()) {
					let owner = signed(broadcaster.clone());
					let removed = Jobs::remove_spending_key(owner, broadcaster.clone(), view.key);
					removed.expect("it is there");
				}
			}
			assert_eq!(keys(), before, "zero bytes");
			let paid = free(&POT);
			assert_eq!(free(&BOB) + free(&BEA) + free(&POOL) + paid, 2 * PURSE);
		});
	}
}

#[test]
fn random_steps_should_reach_every_event() {
	let mut runner = TestRunner::deterministic();
	Seen::take();
	for _ in 0..100 {
		let steps = prop::collection::vec(ops(), 1..80).new_tree(&mut runner).unwrap().current();
		new_test_ext().execute_with(|| {
			WeightPrice::set(CALLS_COST);
			for i in 2..5 {
				register(&who(i), UNIT, PRICE, 3);
			}
			steps.into_iter().for_each(apply);
			note_events();
		});
	}
	let all = [
		"Accepted",
		"AssignmentClosed",
		"AssignmentEnded",
		"BroadcasterEquivocated",
		"BudgetReleased",
		"ClaimSettled",
		"Claimed",
		"EscrowPaid",
		"JobClosed",
		"JobCreated",
		"JobEnded",
		"NobodyEligible",
		"NobodySuits",
		"NotAccepted",
		"Offered",
		"OriginCleared",
		"OriginSet",
		"ReservationPaid",
		"SpendingKeyRemoved",
		"SpendingKeySet",
		"Suspended",
		"ToppedUp",
		"TranscoderEquivocated",
	];
	let seen: Vec<String> = Seen::take().into_iter().collect();
	assert_eq!(seen, all);
}
