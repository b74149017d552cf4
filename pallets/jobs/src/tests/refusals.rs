//! What the pool is told of a refused call: unknown where it may only be early, invalid where no
//! later block accepts it.

use crate::{mock::*, Call, Error};
use codec::{Decode, Encode};
use frame_support::{assert_ok, pallet_prelude::TransactionSource, traits::Authorize};
use livepeer_primitives::{
	keys::Purpose, refusal::Refusal, work::STANDARD_SEGMENT_WORK, AssignmentIndex, JobId,
};
use sp_runtime::transaction_validity::{
	InvalidTransaction, TransactionValidityError, UnknownTransaction,
};

fn number(error: &Error<Test>) -> u8 {
	error.encode()[0]
}

fn early(error: Error<Test>) -> TransactionValidityError {
	UnknownTransaction::Custom(number(&error)).into()
}

fn lasting(error: Error<Test>) -> TransactionValidityError {
	InvalidTransaction::Custom(number(&error)).into()
}

#[test]
fn errors_should_be_early_only_where_a_later_block_can_accept_the_same() {
	let passing = [
		Error::<Test>::NoJob,
		Error::NoAssignment,
		Error::NotAccepted,
		Error::Jailed,
		Error::UnknownToolchain,
		Error::TooManyToolchains,
		Error::AllowanceExceeded,
		Error::FeeBelowVerification,
		Error::NotBacked,
		Error::TooManyOpenClaims,
		Error::InDebt,
		Error::CannotPayFee,
	];
	// All others for which an acceptance or a claim is refused.
	let others = [
		Error::WrongChain,
		Error::JobEnded,
		Error::NotOffered,
		Error::NotTranscoder,
		Error::TooLate,
		Error::WrongGeneration,
		Error::KeyRevoked,
		Error::WrongToolchain,
		Error::ClaimNotAscending,
		Error::TooManyLeaves,
		Error::NoWork,
		Error::LeafTooLarge,
		Error::WorkTooLarge,
		Error::FeeTooSmall,
		Error::NoMoreNumbers,
		Error::BadSignature,
	];
	let mut known: Vec<u8> = passing.iter().map(number).collect();
	known.sort_unstable();
	for error in passing {
		assert_eq!(error.refusal(), early(error));
	}
	for error in others {
		assert_eq!(error.refusal(), lasting(error));
	}
	let found: Vec<u8> = (0..=u8::MAX)
		.filter_map(|index| Error::<Test>::decode(&mut &[index][..]).ok())
		.filter(|error| error.is_early())
		.map(|error| number(&error))
		.collect();
	assert_eq!(found, known);
}

/// The pool's refusal.
fn refusal(call: Call<Test>) -> TransactionValidityError {
	call.authorize(TransactionSource::External).expect("a duty").unwrap_err()
}

#[test]
fn acceptance_should_be_early_until_the_offer_and_refused_for_good_after_it() {
	build_and_execute(|| {
		let accepts = |id: JobId, index: AssignmentIndex| {
			let acceptance = acceptance(&TIM, id, index);
			let signature = sign(&TIM, Purpose::Duties, &acceptance.hash());
			refusal(Call::accept_job { acceptance, signature })
		};
		assert_eq!(accepts(0, 0), early(Error::NoJob));
		register(&TIM, 100 * livepeer_primitives::UNIT, PRICE, 10);
		let id = create(&BOB, "cam");
		assert_eq!(accepts(id, 0), early(Error::NoAssignment));
		skip(2);
		assert_eq!(accepts(id, 1), early(Error::NoAssignment));
		accept(id);
		assert_eq!(accepts(id, 0), lasting(Error::NotOffered));
		assert_eq!(accepts(id, 1), early(Error::NoAssignment));
	});
}

#[test]
fn claim_should_be_early_until_the_acceptance_and_refused_for_good_when_it_is_made() {
	build_and_execute(|| {
		let claims = |id: JobId| {
			let claim = work_claim(id, 0, 0, 7, 8 * STANDARD_SEGMENT_WORK);
			let signature = sign(&TIM, Purpose::Duties, &claim.hash());
			refusal(Call::claim_work { claim, signature })
		};
		assert_eq!(claims(0), early(Error::NoJob));
		register(&TIM, 100 * livepeer_primitives::UNIT, PRICE, 10);
		let id = create(&BOB, "cam");
		assert_eq!(claims(id), early(Error::NoAssignment));
		skip(2);
		assert_eq!(claims(id), early(Error::NotAccepted));
		accept(id);
		assert_ok!(claim(&TIM, id, 0, 0, 7));
		assert_eq!(claims(id), lasting(Error::ClaimNotAscending));
	});
}
