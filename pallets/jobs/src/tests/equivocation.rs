//! Contradictions.

use crate::{
	mock::*,
	types::{LeafEvidence, Phase},
	Error, Event, HoldReason, Turns,
};
use frame_support::{assert_noop, assert_ok, dispatch::Pays};
use livepeer_primitives::{
	claim::WorkClaim,
	keys::{OperatorSignature, Purpose, Signer},
	leaf::Leaf,
	receipt::{Receipt, RejectReason, TranscodeResult},
	segment::SegmentHeader,
	sum_tree::{Commitment, SumTree},
	traits::Settlement,
	work::STANDARD_SEGMENT_WORK,
	AccountId, Hash, UNIT,
};
use sp_runtime::{DispatchError, Perbill};

fn signer(account: AccountId, generation: u32) -> Signer {
	Signer { account, generation, key: 0 }
}

fn by(signer: &Signer, receipts: &[Receipt; 2]) -> [OperatorSignature; 2] {
	receipts.each_ref().map(|receipt| sign_by(signer, Purpose::Duties, &receipt.hash()))
}

/// TOM reports two receipts of TIM for a header.
fn report(header: &SegmentHeader, receipts: [Receipt; 2]) -> sp_runtime::DispatchResult {
	let signatures = by(&signer(TIM, 0), &receipts);
	report_signed(header, receipts, signatures)
}

fn report_signed(
	header: &SegmentHeader,
	receipts: [Receipt; 2],
	signatures: [OperatorSignature; 2],
) -> sp_runtime::DispatchResult {
	report_by(&TOM, header, receipts, signatures).map(|pays| assert_eq!(pays, Pays::No))
}

/// `who` reports two receipts for a header that BOB signed.
fn report_by(
	who: &AccountId,
	header: &SegmentHeader,
	receipts: [Receipt; 2],
	signatures: [OperatorSignature; 2],
) -> Result<Pays, DispatchError> {
	let by_bob = sign(&BOB, Purpose::Segments, &header.hash());
	let who = RuntimeOrigin::signed(who.clone());
	Jobs::report_equivocation(who, header.clone(), by_bob, receipts, signatures)
		.map(|info| info.pays_fee)
		.map_err(|error| error.error)
}

/// A leaf of TIM's claim 0, which has no other, with a receipt that contradicts it.
fn leaf_evidence(header: &SegmentHeader, toolchain: Hash) -> (SumTree, LeafEvidence) {
	let Receipt { result, .. } = receipt(header, 1);
	let TranscodeResult::Transcoded(outputs) = result else { panic!("transcoded") };
	let leaf = Leaf::Transcoded {
		segment: header.segment.clone(),
		outputs,
		work: STANDARD_SEGMENT_WORK,
		extensions: Default::default(),
	};
	let tree = SumTree::new(&[leaf.clone(), leaf.clone()]).expect("a tree");
	let receipt = Receipt { toolchain, ..receipt(header, 2) };
	let evidence = LeafEvidence {
		index: 1,
		leaf,
		proof: tree.proof(1).expect("a leaf"),
		header_signature: sign(&BOB, Purpose::Segments, &header.hash()),
		signature: sign_by(&signer(TIM, 0), Purpose::Duties, &receipt.hash()),
		receipt,
	};
	(tree, evidence)
}

/// TIM claims two segments from `first` on with this tree.
fn claim_tree(id: livepeer_primitives::JobId, first: u64, tree: &SumTree) {
	let Commitment { root, total_work, .. } = tree.commitment();
	let claim = WorkClaim { root, ..work_claim(id, 0, first, first + 1, total_work) };
	assert_ok!(send_claim(&TIM, claim));
}

/// Reports two headers of BOB.
fn report_bob(headers: [SegmentHeader; 2], generation: u32) -> sp_runtime::DispatchResult {
	let by = signer(BOB, generation);
	let signatures =
		headers.each_ref().map(|header| sign_by(&by, Purpose::Segments, &header.hash()));
	let tom = RuntimeOrigin::signed(TOM);
	Jobs::report_broadcaster(tom, headers, signatures)
		.map(|info| assert_eq!(info.pays_fee, Pays::No))
		.map_err(|error| error.error)
}

#[test]
fn two_results_for_one_segment_should_be_slashed_once_in_a_job() {
	build_and_execute(|| {
		let id = running();
		let header = header(id, 0, 3, 1);
		assert_ok!(report(&header, [receipt(&header, 1), receipt(&header, 2)]));
		let fraction = Perbill::from_percent(30);
		assert_eq!(Slashes::get(), [(TIM, 7, fraction, vec![TOM])]);
		assert_eq!(
			last_event(),
			Event::TranscoderEquivocated {
				job: id,
				transcoder: TIM,
				offence: 7,
				reporter: TOM,
				slashed: UNIT,
				finders_fee: UNIT / 20,
			}
		);
		// Neither the same again nor another one.
		let again = [receipt(&header, 2), receipt(&header, 1)];
		assert_noop!(report(&header, again), Error::<Test>::AlreadyReported);
		let other = crate::mock::header(id, 0, 4, 1);
		let more = [receipt(&other, 1), receipt(&other, 2)];
		assert_noop!(report(&other, more), Error::<Test>::AlreadyReported);
		check();
		// The record is deleted with the job.
		assert_ok!(Jobs::end_job(RuntimeOrigin::signed(BOB), id));
		skip(GONE);
		assert_eq!(Turns::<Test>::iter().count(), 0);
	});
}

#[test]
fn other_toolchain_and_other_kind_should_be_contradictions() {
	for other in [true, false] {
		build_and_execute(|| {
			let id = running();
			let header = header(id, 0, 3, 1);
			let one = receipt(&header, 1);
			let mut two = one.clone();
			if other {
				two.toolchain = Hash::repeat_byte(0xbb);
			} else {
				two.result = TranscodeResult::Rejected(RejectReason::TooLong);
			}
			assert_ok!(report(&header, [one, two]));
		});
	}
}

#[test]
fn induced_equivocation_should_be_no_equivocation() {
	build_and_execute(|| {
		let id = running();
		// The broadcaster signs two segments of one seq, and the transcoder answers both. These are
		// two headers, so this is no contradiction of the transcoder.
		let (one, two) = (header(id, 0, 3, 1), header(id, 0, 3, 2));
		let receipts = [receipt(&one, 1), receipt(&two, 2)];
		assert_noop!(report(&one, receipts.clone()), Error::<Test>::NotEquivocation);
		assert_noop!(report(&two, receipts), Error::<Test>::NotEquivocation);
		// The same answer twice, or two reasons to reject.
		let same = [receipt(&one, 1), receipt(&one, 1)];
		assert_noop!(report(&one, same), Error::<Test>::NotEquivocation);
		let rejected = [RejectReason::TooLong, RejectReason::NoKeyframe].map(|reason| Receipt {
			result: TranscodeResult::Rejected(reason),
			..receipt(&one, 1)
		});
		assert_noop!(report(&one, rejected), Error::<Test>::NotEquivocation);
		// It is one of the broadcaster.
		assert_ok!(report_bob([one, two], 0));
	});
}

#[test]
fn replayed_or_forged_equivocation_should_be_refused() {
	build_and_execute(|| {
		Generations::set([((TIM, Purpose::Duties), 4)].into());
		let id = running();
		let good = header(id, 0, 3, 1);
		let receipts = [receipt(&good, 1), receipt(&good, 2)];
		let send = |header: &SegmentHeader, receipts: &[Receipt; 2], by_whom: &Signer| {
			report_signed(header, receipts.clone(), by(by_whom, receipts))
		};
		// By keys other than those of the assignment, or of somebody else.
		assert_noop!(send(&good, &receipts, &signer(TIM, 0)), Error::<Test>::WrongGeneration);
		assert_noop!(send(&good, &receipts, &signer(TIM, 5)), Error::<Test>::WrongGeneration);
		assert_noop!(send(&good, &receipts, &signer(BOB, 4)), Error::<Test>::WrongGeneration);
		// One of the signatures is not over its receipt.
		let mut signatures = by(&signer(TIM, 4), &receipts);
		signatures[1] = signatures[0].clone();
		let forged = report_signed(&good, receipts.clone(), signatures);
		assert_noop!(forged, Error::<Test>::BadSignature);
		// From another chain, another job, another assignment, for another transcoder.
		let shown = |change: &dyn Fn(&mut SegmentHeader)| {
			let mut header = good.clone();
			change(&mut header);
			let receipts = [receipt(&header, 1), receipt(&header, 2)];
			send(&header, &receipts, &signer(TIM, 4))
		};
		assert_noop!(shown(&|h| h.genesis = Hash::repeat_byte(1)), Error::<Test>::WrongChain);
		assert_noop!(shown(&|h| h.job = 9), Error::<Test>::NoAssignment);
		assert_noop!(shown(&|h| h.assignment = 1), Error::<Test>::NoAssignment);
		assert_noop!(shown(&|h| h.transcoder = TOM), Error::<Test>::NotTranscoder);
		// A header to which the receipts do not belong.
		let other = header(id, 0, 4, 1);
		let shown = send(&other, &receipts, &signer(TIM, 4));
		assert_noop!(shown, Error::<Test>::NotEquivocation);
		// A revoked key's signature is punishable.
		Revoked::set(vec![(TIM, Purpose::Duties, 4, 0)]);
		assert_ok!(send(&good, &receipts, &signer(TIM, 4)));
	});
}

#[test]
fn equivocation_should_be_of_the_round_of_the_first_acceptance_whatever_is_reported() {
	let offence = |seq: u64, ended: bool| {
		let mut offence = 0;
		build_and_execute(|| {
			// In round 7.
			let id = running();
			// A claim of far segments says nothing about those before it.
			for (round, first) in [(8, 5), (9, 1_000_000)] {
				Round::set(round);
				assert_ok!(claim(&TIM, id, 0, first, first + 4));
			}
			Round::set(11);
			if ended {
				assert_ok!(Jobs::end_job(RuntimeOrigin::signed(BOB), id));
			}
			Round::set(12);
			let header = header(id, 0, seq, 1);
			assert_ok!(report(&header, [receipt(&header, 1), receipt(&header, 2)]));
			offence = Slashes::get()[0].1;
		});
		offence
	};
	for seq in [0, 5, 9, 500, 1_000_003, 2_000_000] {
		assert_eq!([offence(seq, true), offence(seq, false)], [7, 7]);
	}
}

#[test]
fn attack_later_turn_reported_first_should_not_spare_the_stake_of_the_earlier() {
	build_and_execute(|| {
		// TIM's first turn is of round 7, its second one of round 9.
		let id = running();
		assert_ok!(Jobs::end_job(RuntimeOrigin::signed(TIM), id));
		Round::set(9);
		skip(2);
		assert_eq!(accept(id), (TIM, 1));
		check();
		let second = header(id, 1, 3, 1);
		assert_ok!(report(&second, [receipt(&second, 1), receipt(&second, 2)]));
		assert_eq!(Slashes::get(), [(TIM, 7, Perbill::from_percent(30), vec![TOM])]);
		let first = header(id, 0, 3, 1);
		let first = report(&first, [receipt(&first, 1), receipt(&first, 2)]);
		assert_noop!(first, Error::<Test>::AlreadyReported);
	});
	build_and_execute(|| {
		// Once nothing of the first turn can be reported, stake that left since then is no longer
		// liable.
		let id = running();
		assert_ok!(Jobs::end_job(RuntimeOrigin::signed(TIM), id));
		skip(GONE + 20);
		assert!(!Turns::<Test>::contains_key(id, TIM));
		Round::set(9);
		while !matches!(job(id).phase, Phase::Offered { .. }) {
			skip(1);
		}
		let (_, index) = accept(id);
		let header = header(id, index, 3, 1);
		assert_ok!(report(&header, [receipt(&header, 1), receipt(&header, 2)]));
		assert_eq!(Slashes::get()[0].1, 9);
	});
}

#[test]
fn equivocation_should_be_taken_until_what_was_signed_can_surface_no_more() {
	build_and_execute(|| {
		let id = running();
		assert_ok!(Jobs::end_job(RuntimeOrigin::signed(BOB), id));
		skip(GONE - 1);
		let header = header(id, 0, 3, 1);
		let receipts = [receipt(&header, 1), receipt(&header, 2)];
		assert_ok!(report(&header, receipts));
	});
	build_and_execute(|| {
		let id = running();
		assert_ok!(Jobs::end_job(RuntimeOrigin::signed(BOB), id));
		let header = header(id, 0, 3, 1);
		let receipts = [receipt(&header, 1), receipt(&header, 2)];
		skip(GRACE + 1);
		// By block numbers, although the agenda is late.
		stall(13);
		assert_noop!(report(&header, receipts.clone()), Error::<Test>::TooLate);
		let two = crate::mock::header(id, 0, 3, 2);
		assert_noop!(report_bob([header.clone(), two], 0), Error::<Test>::TooLate);
		skip(1);
		assert_noop!(report(&header, receipts), Error::<Test>::NoAssignment);
	});
	build_and_execute(|| {
		// A claim keeps it open until its decision, and for the slashing period after.
		let id = running();
		assert_ok!(claim(&TIM, id, 0, 0, 5));
		assert_ok!(Jobs::end_job(RuntimeOrigin::signed(BOB), id));
		skip(100);
		decide(0);
		assert_ok!(settle(0, Settlement::Pay));
		skip(12);
		let header = header(id, 0, 3, 1);
		assert_ok!(report(&header, [receipt(&header, 1), receipt(&header, 2)]));
		skip(1);
		assert!(!crate::Jobs::<Test>::contains_key(id));
	});
}

#[test]
fn two_segments_in_one_place_should_cost_the_jobs_bond_once() {
	build_and_execute(|| {
		let id = running();
		let headers = [1, 2].map(|byte| header(id, 0, 3, byte));
		assert_ok!(report_bob(headers.clone(), 0));
		assert_eq!(held(&BOB, HoldReason::Bond), 0);
		assert_eq!(free(&POOL), UNIT / 1_000);
		assert_eq!(
			last_event(),
			Event::BroadcasterEquivocated { job: id, broadcaster: BOB, forfeited: UNIT / 1_000 }
		);
		assert!(Slashes::get().is_empty());
		assert_noop!(report_bob(headers, 0), Error::<Test>::AlreadyReported);
		// The job continues, and closes without a bond.
		assert_ok!(claim(&TIM, id, 0, 0, 3));
		assert_ok!(settle(0, Settlement::Refund));
		assert_ok!(Jobs::end_job(RuntimeOrigin::signed(BOB), id));
		skip(GONE);
		assert_eq!(free(&BOB), PURSE - UNIT / 1_000);
	});
}

#[test]
fn broadcaster_should_lose_nothing_for_headers_that_do_not_contradict() {
	build_and_execute(|| {
		Generations::set([((BOB, Purpose::Segments), 2)].into());
		let id = running();
		let (one, two) = (header(id, 0, 3, 1), header(id, 0, 3, 2));
		assert_noop!(report_bob([one.clone(), one.clone()], 2), Error::<Test>::NotEquivocation);
		let next = header(id, 0, 4, 2);
		assert_noop!(report_bob([one.clone(), next], 2), Error::<Test>::NotEquivocation);
		let mut track = two.clone();
		track.segment.track = 1;
		assert_noop!(report_bob([one.clone(), track], 2), Error::<Test>::NotEquivocation);
		let generation = report_bob([one.clone(), two.clone()], 0);
		assert_noop!(generation, Error::<Test>::WrongGeneration);
		let foreign = [one.clone(), two.clone()].map(|mut header| {
			header.genesis = Hash::repeat_byte(1);
			header
		});
		assert_noop!(report_bob(foreign, 2), Error::<Test>::WrongChain);
		// A seq of another transcoder belongs to another assignment. The same assignment for two
		// transcoders is a contradiction.
		let mut other = one.clone();
		other.transcoder = TOM;
		assert_ok!(report_bob([one, other], 2));
	});
}

#[test]
fn before_acceptance_the_broadcaster_should_answer_for_its_current_keys() {
	build_and_execute(|| {
		register(&TIM, UNIT, PRICE, 1);
		Generations::set([((BOB, Purpose::Segments), 2)].into());
		let id = create(&BOB, "cam");
		skip(2);
		let headers = [1, 2].map(|byte| header(id, 0, 3, byte));
		assert_noop!(report_bob(headers.clone(), 1), Error::<Test>::WrongGeneration);
		assert_ok!(report_bob(headers, 2));
	});
}

#[test]
fn attack_self_report_of_an_invented_segment_should_not_shut_out_the_true_report() {
	build_and_execute(|| {
		let id = running();
		// The true contradiction is in a claim of round 8.
		Round::set(8);
		assert_ok!(claim(&TIM, id, 0, 0, 9));
		Round::set(11);
		// An accomplice reports first, with a segment that no claim covers. Its report takes
		// everything that the true one would: stake that left since the acceptance, and stake that
		// came back to it.
		let invented = header(id, 0, 1_000_000, 1);
		assert_ok!(report(&invented, [receipt(&invented, 1), receipt(&invented, 2)]));
		assert_eq!(Slashes::get(), [(TIM, 7, Perbill::from_percent(30), vec![TOM])]);
		let seen = header(id, 0, 3, 1);
		let again = report(&seen, [receipt(&seen, 1), receipt(&seen, 2)]);
		assert_noop!(again, Error::<Test>::AlreadyReported);
	});
}

#[test]
fn attack_transcoder_should_earn_nothing_by_reporting_itself() {
	build_and_execute(|| {
		let id = running();
		let header = header(id, 0, 3, 1);
		let receipts = [receipt(&header, 1), receipt(&header, 2)];
		let signatures = by(&signer(TIM, 0), &receipts);
		let pays = report_by(&TIM, &header, receipts, signatures);
		assert_eq!(pays, Ok(Pays::Yes), "not even the fee of the call");
		assert_eq!(Slashes::get(), [(TIM, 7, Perbill::from_percent(30), vec![])]);
	});
}

#[test]
fn attack_evidence_should_be_of_a_segment_that_the_broadcaster_signed() {
	build_and_execute(|| {
		Generations::set([((BOB, Purpose::Segments), 2)].into());
		let id = running();
		let header = header(id, 0, 3, 1);
		let receipts = [receipt(&header, 1), receipt(&header, 2)];
		let report = |by_bob: OperatorSignature| {
			let signatures = by(&signer(TIM, 0), &receipts);
			let tom = RuntimeOrigin::signed(TOM);
			Jobs::report_equivocation(tom, header.clone(), by_bob, receipts.clone(), signatures)
				.map(|_| ())
				.map_err(|error| error.error)
		};
		let signed = |account, generation, object: &Hash| {
			sign_by(&signer(account, generation), Purpose::Segments, object)
		};
		let hash = header.hash();
		assert_noop!(report(signed(TIM, 0, &hash)), Error::<Test>::WrongGeneration);
		assert_noop!(report(signed(BOB, 1, &hash)), Error::<Test>::WrongGeneration);
		let other = crate::mock::header(id, 0, 4, 1).hash();
		assert_noop!(report(signed(BOB, 2, &other)), Error::<Test>::BadSignature);
		assert_ok!(report(signed(BOB, 2, &hash)));
	});
}

#[test]
fn receipt_against_a_claimed_leaf_should_be_slashed() {
	build_and_execute(|| {
		let id = running();
		let header = header(id, 0, 6, 1);
		let (tree, good) = leaf_evidence(&header, TOOLCHAIN);
		Round::set(9);
		claim_tree(id, 5, &tree);
		Round::set(10);
		let show = |who: &AccountId, change: &dyn Fn(&mut LeafEvidence)| {
			let mut evidence = good.clone();
			change(&mut evidence);
			evidence.signature =
				sign_by(&evidence.signature.signer, Purpose::Duties, &evidence.receipt.hash());
			let who = RuntimeOrigin::signed(who.clone());
			Jobs::report_leaf(who, 0, Box::new(evidence))
				.map(|info| info.pays_fee)
				.map_err(|error| error.error)
		};
		let wrong = || Error::<Test>::NotEquivocation;
		// The same results, another segment, another leaf, an empty one.
		assert_noop!(show(&TOM, &|e| e.receipt = receipt(&header, 1)), wrong());
		let other = crate::mock::header(id, 0, 5, 1);
		assert_noop!(show(&TOM, &|e| e.receipt = receipt(&other, 2)), wrong());
		assert_noop!(show(&TOM, &|e| e.index = 0), wrong());
		assert_noop!(show(&TOM, &|e| e.leaf = Leaf::Empty), wrong());
		assert_noop!(show(&TOM, &|e| e.proof[0].work += 1), wrong());
		// Not by the transcoder, and not of the broadcaster's segment.
		let foreign = show(&TOM, &|e| e.signature.signer.account = TAT);
		assert_noop!(foreign, Error::<Test>::WrongGeneration);
		let unsigned =
			show(&TOM, &|e| e.header_signature.signature = e.signature.signature.clone());
		assert_noop!(unsigned, Error::<Test>::BadSignature);
		let who = RuntimeOrigin::signed(TOM);
		let none = Jobs::report_leaf(who, 9, Box::new(good.clone())).map(|_| ());
		assert_noop!(none.map_err(|error| error.error), Error::<Test>::NoClaim);

		assert_eq!(show(&TOM, &|_| ()), Ok(Pays::No));
		assert_eq!(Slashes::get(), [(TIM, 7, Perbill::from_percent(30), vec![TOM])]);
		assert_noop!(show(&TOM, &|_| ()), Error::<Test>::AlreadyReported);
	});
	// Another toolchain alone is a contradiction.
	build_and_execute(|| {
		let id = running();
		let header = header(id, 0, 6, 1);
		let (tree, mut evidence) = leaf_evidence(&header, Hash::repeat_byte(0xbb));
		claim_tree(id, 5, &tree);
		evidence.receipt = Receipt { toolchain: Hash::repeat_byte(0xbb), ..receipt(&header, 1) };
		let hash = evidence.receipt.hash();
		evidence.signature = sign_by(&signer(TIM, 0), Purpose::Duties, &hash);
		assert_ok!(Jobs::report_leaf(RuntimeOrigin::signed(TOM), 0, Box::new(evidence)));
	});
}
