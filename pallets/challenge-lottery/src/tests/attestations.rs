//! Attesting which toolchains judges lack, and the chill that an attestation ends.

use livepeer_primitives::{
	keys::{VerifierPair, VerifierSignature},
	toolchain::{attestation_payload, Lacking},
	traits::{Beacon, Rounds, UNTIL_ATTESTED},
	verdict::{UnavailableKind, Verdict, DISPUTE},
	Hash, ToolchainId, WindowIndex,
};
use sp_core::Pair;
use sp_runtime::{
	transaction_validity::{InvalidTransaction, TransactionValidityError},
	BoundedVec,
};

use crate::{mock::*, types::Penalty, Call, Event};

const OTHER: ToolchainId = ToolchainId::repeat_byte(1);
const UNAVAILABLE: Verdict = Verdict::Unavailable(UnavailableKind::Unreachable);

type Applied = Result<(), TransactionValidityError>;

fn refused(error: InvalidTransaction) -> Applied {
	Err(error.into())
}

/// Puts this many validators in force, in a block that begins a window.
fn in_force(count: usize) {
	let all = (0..count).map(|i| (validator(i), verifier(i))).collect();
	crate::Verifiers::<Test>::put(BoundedVec::truncate_from(all));
	run_to(10);
}

fn signed(
	key: &VerifierPair,
	i: usize,
	window: WindowIndex,
	lacking: &Lacking,
) -> VerifierSignature {
	let genesis = System::block_hash(0);
	key.sign(attestation_payload(genesis, &validator(i), window, lacking).as_bytes())
}

/// The attestation of the `i`th validator of a window.
fn statement(i: usize, window: WindowIndex, lacking: &[ToolchainId]) -> Call<Test> {
	let lacking = Lacking::truncate_from(lacking.to_vec());
	let signature = signed(&verifier_pair(i), i, window, &lacking);
	Call::attest { verifier: validator(i), window, lacking, signature }
}

/// The `i`th validator attests in this window.
fn attest(i: usize, lacking: &[ToolchainId]) -> Applied {
	apply(statement(i, Fake::current_window(), lacking))
}

fn lacking(i: usize) -> Vec<ToolchainId> {
	Lottery::attestation(validator(i)).map(|said| said.lacking.into_inner()).unwrap_or_default()
}

#[test]
fn judge_should_say_which_toolchains_it_lacks_when_that_changes() {
	build_and_execute(|| {
		in_force(3);
		events();
		// A judge that lacks nothing has nothing to attest.
		assert_eq!(attest(0, &[]), refused(InvalidTransaction::Stale));
		assert_eq!(attest(0, &[toolchain()]), Ok(()));
		let said = Event::Attested { verifier: validator(0), lacking: vec![toolchain()] };
		assert_eq!(events(), vec![said]);
		assert_eq!(lacking(0), [toolchain()]);
		// Accepted once in a window, and only if it changes something.
		assert_eq!(attest(0, &[]), refused(InvalidTransaction::Stale));
		skip(10);
		assert_eq!(attest(0, &[toolchain()]), refused(InvalidTransaction::Stale));
		assert_eq!(attest(0, &[]), Ok(()));
		assert_eq!(Lottery::attestation(validator(0)), None);
	});
}

#[test]
fn attestation_should_be_refused_when_it_is_not_a_judges_own() {
	build_and_execute(|| {
		in_force(2);
		let window = Fake::current_window();
		// It may become one.
		assert_eq!(attest(2, &[toolchain()]), not_yet());
		KEYLESS.put(vec![validator(1)]);
		assert_eq!(attest(1, &[toolchain()]), refused(InvalidTransaction::BadSigner));
		let lacking = Lacking::truncate_from(vec![toolchain()]);
		let signature = signed(&verifier_pair(1), 0, window, &lacking);
		let forged = Call::attest { verifier: validator(0), window, lacking, signature };
		assert_eq!(apply(forged), refused(InvalidTransaction::BadProof));
		// Only toolchains that claims can name, each once and in order.
		assert_eq!(attest(0, &[OTHER]), not_yet(), "it may be accepted");
		crate::Toolchains::<Test>::put(BoundedVec::truncate_from(vec![OTHER, toolchain()]));
		assert_eq!(attest(0, &[toolchain(), OTHER]), refused(InvalidTransaction::BadProof));
		assert_eq!(attest(0, &[OTHER, OTHER]), refused(InvalidTransaction::BadProof));
		assert_eq!(attest(0, &[OTHER, toolchain()]), Ok(()));
	});
}

/// What a judge signed once is public. A replay would make the judge lack toolchains that it makes
/// by now.
#[test]
fn attack_attestation_shown_again() {
	build_and_execute(|| {
		in_force(1);
		let window = Fake::current_window();
		let (lacks, later) = (statement(0, window, &[toolchain()]), statement(0, window + 1, &[]));
		assert_eq!(apply(later.clone()), not_yet());
		assert_eq!(apply(lacks.clone()), Ok(()));
		skip(10);
		assert_eq!(apply(later.clone()), Ok(()));
		for old in [lacks, later] {
			assert_eq!(apply(old), refused(InvalidTransaction::Stale));
		}
		assert_eq!(Lottery::attestation(validator(0)), None);
	});
}

/// If judges that lack a toolchain were passed over, a transcoder could choose one for which only
/// its accomplices are left. Lacking a toolchain frees nobody of the seat, or of the cost of
/// silence.
#[test]
fn attack_toolchain_that_only_accomplices_judge() {
	build_and_execute(|| {
		in_force(5);
		for i in 0..5 {
			assert_eq!(attest(i, &[toolchain()]), Ok(()));
		}
		let claim = claim(8);
		to_commit(&claim);
		let committee = members(claim.id, 0);
		assert_eq!(committee.len(), 3);
		let me = number_of(&committee[0]);
		let (good, none) = (opening(claim.id, Verdict::Valid), opening(claim.id, Verdict::Abstain));
		ballot(claim.id, 0, |i| Some(if i == me { none.clone() } else { good.clone() }));
		skip(20);
		let paid: Vec<_> = SLASHED.get().into_iter().map(|(who, ..)| who).collect();
		assert_eq!(paid, [validator(me)]);
		assert!(CHILLED.get().is_empty());
	});
}

/// A dispute in which the evidence of validator 2 was not that of the work, continued to the block
/// that punishes it.
fn convicted() -> TestClaim {
	let claim = claim(8);
	to_commit(&claim);
	all_say(claim.id, 0, UNAVAILABLE);
	to_dispute(claim.id);
	let good = opening(claim.id, Verdict::Valid);
	let mut lazy = good.clone();
	lazy.evidence.hash = Hash::zero();
	ballot(claim.id, DISPUTE, |i| Some(if i == 2 { lazy.clone() } else { good.clone() }));
	skip(12);
	claim
}

#[test]
fn judge_without_work_should_be_chilled_until_it_attests() {
	build_and_execute(|| {
		convicted();
		let until = Fake::current() + 2;
		let chilled = || CHILLED.get().get(&validator(2)).copied();
		assert_eq!(chilled(), Some(UNTIL_ATTESTED));
		let owed = Lottery::attestation(validator(2)).unwrap().owed.unwrap();
		assert_eq!((owed.toolchains.into_inner(), owed.until), (vec![toolchain()], until));
		// An attestation that was under way says nothing of what it makes now.
		assert_eq!(attest(2, &[]), refused(InvalidTransaction::Stale));
		// Attesting that it lacks the toolchain ends nothing.
		skip(10);
		assert_eq!(attest(2, &[toolchain()]), Ok(()));
		assert_eq!(chilled(), Some(UNTIL_ATTESTED));
		// Then it attests that it makes it, and is chilled as long as anybody else.
		skip(10);
		assert_eq!(attest(2, &[]), Ok(()));
		assert_eq!(chilled(), Some(until));
		assert_eq!(Lottery::attestation(validator(2)), None);
	});
}

#[test]
fn chill_should_not_end_by_an_attestation_before_that_of_another_fault() {
	build_and_execute(|| {
		let claim = convicted();
		let longer = Fake::current() + 9;
		Lottery::chill(claim.id, &validator(2), Penalty::FalseDissent, longer);
		assert_eq!(CHILLED.get().get(&validator(2)), Some(&UNTIL_ATTESTED));
		// A judge that did the work owes no attestation.
		Lottery::chill(claim.id, &validator(1), Penalty::FalseDissent, longer);
		assert_eq!(CHILLED.get().get(&validator(1)), Some(&longer));
		assert_eq!(Lottery::attestation(validator(1)), None);
		skip(10);
		assert_eq!(attest(2, &[]), Ok(()));
		assert_eq!(CHILLED.get().get(&validator(2)), Some(&longer));
	});
}
