//! What the pool is told of a refused call: unknown where it may only be early, invalid where no
//! later block accepts it.

use codec::{Decode, Encode};
use livepeer_primitives::{
	claim::Outcome,
	refusal::Refusal,
	verdict::{Phase, Tranche, Verdict, DISPUTE},
	ClaimId, Hash,
};
use sp_runtime::transaction_validity::{
	InvalidTransaction, TransactionValidityError, UnknownTransaction,
};

use crate::{mock::*, Call, Error};

fn number(error: &Error<Test>) -> u8 {
	error.encode()[0]
}

fn early(error: Error<Test>) -> Result<(), TransactionValidityError> {
	Err(UnknownTransaction::Custom(number(&error)).into())
}

fn lasting(error: Error<Test>) -> Result<(), TransactionValidityError> {
	Err(InvalidTransaction::Custom(number(&error)).into())
}

#[test]
fn errors_should_be_early_only_where_a_later_block_can_accept_the_same() {
	let passing = [Error::<Test>::NoChallenge, Error::TooEarly];
	// All others for which a leaf or an opening is refused.
	let others = [
		Error::NotRevealing,
		Error::TooLate,
		Error::EmptyLeaf,
		Error::WrongOutputs,
		Error::WrongRejectedWork,
		Error::AboveLargestLeaf,
		Error::NotTheSource,
		Error::BadProof,
		Error::NothingToAnswer,
		Error::WrongSigner,
		Error::BadSignature,
		Error::NotOpening,
		Error::WrongOpenings,
	];
	let mut known: Vec<u8> = passing.iter().map(number).collect();
	known.sort_unstable();
	for error in passing {
		assert_eq!(Err(error.refusal()), early(error));
	}
	for error in others {
		assert_eq!(Err(error.refusal()), lasting(error));
	}
	let found: Vec<u8> = (0..=u8::MAX)
		.filter_map(|index| Error::<Test>::decode(&mut &[index][..]).ok())
		.filter(|error| error.is_early())
		.map(|error| number(&error))
		.collect();
	assert_eq!(found, known);
}

#[test]
fn leaf_should_be_early_until_it_is_drawn_and_refused_for_good_after_the_reveals() {
	build_and_execute(|| {
		let mut claim = claim(8);
		assert_eq!(reveal_leaf(&claim, 0), early(Error::TooEarly));
		claim.id += 1;
		assert_eq!(reveal_leaf(&claim, 0), early(Error::NoChallenge));
		claim.id -= 1;
		to_commit(&claim);
		assert_eq!(reveal_leaf(&claim, 0), lasting(Error::NotRevealing));
	});
}

/// All that a member can send for a ballot. Nobody looks at the signatures of what is not owed.
fn calls(claim: ClaimId, tranche: Tranche) -> [Call<Test>; 3] {
	let (member, commitment) = (0, Hash::zero());
	let opening = opening(claim, Verdict::Valid);
	let signature = sign(0, claim, tranche, member, Phase::Ask, &());
	[
		Call::ask_data { claim, tranche, member, signature: signature.clone() },
		Call::commit_verdict { claim, tranche, member, commitment, signature: signature.clone() },
		Call::reveal_verdict { claim, tranche, member, opening, signature },
	]
}

#[test]
fn verdict_should_be_early_until_its_ballot_opens_and_refused_for_good_when_it_is_over() {
	build_and_execute(|| {
		let claim = claim(8);
		let id = claim.id;
		let may_come = |id, tranche| {
			for call in calls(id, tranche) {
				assert_eq!(apply(call.clone()), not_yet(), "{call:?}");
			}
		};
		let is_over = |tranche| {
			for call in calls(id, tranche) {
				let stale = Err(InvalidTransaction::Stale.into());
				assert_eq!(apply(call.clone()), stale, "{call:?}");
			}
		};
		may_come(id + 1, 0);
		may_come(id, 0);
		to_draw(&claim);
		may_come(id, 0);
		to_commit(&claim);
		may_come(id, 1);
		may_come(id, DISPUTE);
		all_say(id, 0, UNAVAILABLE);
		assert!(!crate::Ballots::<Test>::contains_key(id));
		is_over(0);
		may_come(id, DISPUTE);
		to_dispute(id);
		is_over(0);
		all_say(id, DISPUTE, Verdict::Valid);
		assert_eq!(Lottery::challenge(id).unwrap().outcome, Some(Outcome::Accepted));
		is_over(0);
		is_over(DISPUTE);
	});
}
