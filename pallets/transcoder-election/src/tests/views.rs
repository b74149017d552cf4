//! Reads for applications.

use crate::mock::*;
use frame_support::assert_ok;
use livepeer_primitives::{
	api::TranscoderView,
	traits::{Chill, Jail},
	UNIT,
};
use sp_runtime::Perbill;

fn view(number: u8, lpt: u128, active: bool) -> TranscoderView {
	TranscoderView {
		account: account(number),
		stake: lpt * UNIT,
		price: number.into(),
		reward_cut: Perbill::from_percent(10),
		fee_share: Perbill::from_percent(50),
		capacity: 0,
		profiles: Default::default(),
		active,
		jailed: false,
		service: service(number),
	}
}

#[test]
fn views_should_show_all_registered_transcoders() {
	ExtBuilder::default()
		.parameters(|parameters| parameters.active_size = 1)
		.transcoder(1, 10, 0)
		.transcoder(2, 20, 0)
		.build_and_execute(|| {
			let mut all = TranscoderElection::transcoders();
			all.sort_by(|a, b| a.account.cmp(&b.account));
			assert_eq!(all, vec![view(1, 10, false), view(2, 20, true)]);
			assert_eq!(TranscoderElection::transcoder_of(account(2)), Some(view(2, 20, true)));
			assert_eq!(TranscoderElection::transcoder_of(account(3)), None);
		});
}

#[test]
fn view_should_show_terms_in_force_when_new_ones_wait() {
	ExtBuilder::default().transcoder(1, 10, 3).build_and_execute(|| {
		assert_ok!(TranscoderElection::transcoder(
			RuntimeOrigin::signed(account(1)),
			terms(7),
			service(1)
		));
		assert_eq!(
			TranscoderElection::transcoder_of(account(1)),
			Some(TranscoderView { capacity: 3, profiles: profiles(&[1]), ..view(1, 10, true) })
		);
		TranscoderElection::detain(&account(1));
		let expected = TranscoderView { jailed: true, ..view(1, 10, true) };
		assert_eq!(TranscoderElection::transcoder_of(account(1)), Some(expected));
		assert_eq!(TranscoderElection::terms_of(account(1)), Some(terms(7)));
	});
}

#[test]
fn pool_should_name_the_reason_for_each_seat() {
	use livepeer_primitives::{api::SeatReason, Hash};
	ExtBuilder::default()
		.parameters(|parameters| parameters.active_size = 2)
		.validator(1, 40)
		.validator(2, 30)
		.transcoder(3, 20, 0)
		.transcoder(4, 10, 0)
		.transcoder(5, 9, 0)
		.build_and_execute(|| {
			System::set_block_number(30);
			Seeds::mutate(|seeds| seeds.insert(2, Hash::repeat_byte(1)));
			next_round();
			TranscoderElection::detain(&account(1));
			set_stake(&account(5), 0, 0);
			let pool = TranscoderElection::pool();
			let of = |number| pool.iter().find(|seat| seat.account == account(number)).unwrap();
			assert_eq!(of(1).reason, SeatReason::Jailed);
			assert!(of(1).validates && of(1).barred);
			assert_eq!(of(2).reason, SeatReason::Stake);
			let reasons: Vec<_> = [3, 4, 5].into_iter().map(|number| of(number).reason).collect();
			assert_eq!(reasons.iter().filter(|reason| **reason == SeatReason::Drawn).count(), 1);
			assert_eq!(of(2).stake, 30 * livepeer_primitives::UNIT);
			assert!(pool.windows(2).all(|pair| pair[0].next_stake >= pair[1].next_stake));
		});
}

#[test]
fn validators_should_be_shown_with_who_leaves_and_why() {
	use livepeer_primitives::api::LeaveReason;
	ExtBuilder::default()
		.parameters(|parameters| parameters.min_validators = 1)
		.validator(1, 40)
		.validator(2, 30)
		.validator(3, 20)
		.transcoder(4, 10, 0)
		.build_and_execute(|| {
			let of = |number: u8| {
				let views = TranscoderElection::validator_views();
				assert!(views.windows(2).all(|pair| pair[0].stake >= pair[1].stake));
				views.into_iter().find(|view| view.account == account(number))
			};
			for number in 1..=3 {
				let view = of(number).unwrap();
				assert!(view.in_force && view.planned && view.next && view.leaves.is_none());
			}
			assert!(of(4).is_none(), "it has no keys");
			TranscoderElection::detain(&account(1));
			<TranscoderElection as Chill>::chill(&account(2), 9);
			let (jailed, chilled) = (of(1).unwrap(), of(2).unwrap());
			assert_eq!(jailed.leaves, Some(LeaveReason::Jailed));
			assert_eq!(chilled.leaves, Some(LeaveReason::Chilled));
			assert!(jailed.in_force && !jailed.next && !chilled.next);
			assert!(of(3).unwrap().next);
		});
}

#[test]
fn validator_should_be_shown_to_leave_when_its_part_of_the_stake_is_too_small() {
	use livepeer_primitives::api::LeaveReason;
	ExtBuilder::default()
		.parameters(|parameters| parameters.min_validators = 1)
		.validator(1, 40)
		.validator(2, 30)
		.validator(3, 1)
		.build_and_execute(|| {
			Parameters::mutate(|parameters| parameters.validator_leverage = 2);
			let views = TranscoderElection::validator_views();
			let leaves: Vec<_> = views.iter().map(|view| (view.next, view.leaves)).collect();
			let small = Some(LeaveReason::SmallPart);
			assert_eq!(leaves, [(true, None), (true, None), (false, small)]);
		});
}
