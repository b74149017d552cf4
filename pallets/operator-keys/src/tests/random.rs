//! Random sequences, compared with a plain model that deletes nothing.

use crate::{mock::*, Stored, MAX_GENERATIONS, MAX_OLD_GENERATIONS};
use livepeer_primitives::{
	keys::{Purpose, Signer},
	traits::OperatorKeysOf,
	Hash,
};
use proptest::{collection::vec, prelude::*};

#[derive(Clone, Debug)]
enum Step {
	Set(u8),
	Revoke(u8),
	Retain(u8),
	Release(u8),
}

fn step() -> impl Strategy<Value = Step> {
	prop_oneof![
		3 => (11u8..200).prop_map(Step::Set),
		1 => any::<u8>().prop_map(Step::Revoke),
		2 => any::<u8>().prop_map(Step::Retain),
		1 => any::<u8>().prop_map(Step::Release),
	]
}

/// Everything ever set: the key, whether it is revoked, and how often it is retained.
struct Made {
	key: u8,
	revoked: bool,
	retained: u32,
}

proptest! {
	#![proptest_config(ProptestConfig::with_cases(64))]

	#[test]
	fn retained_generations_should_answer_whatever_happens(steps in vec(step(), 1..80)) {
		build_and_execute(|| {
			let object = Hash::repeat_byte(9);
			let mut made: Vec<Made> = Vec::new();
			for step in steps {
				let stored = Stored::<Test>::get(account(1), Purpose::Duties);
				let pick = |index: u8| {
					(!stored.is_empty()).then(|| stored[usize::from(index) % stored.len()])
				};
				match step {
					Step::Set(key) => {
						let needed = made
							.iter()
							.rev()
							.skip(1)
							.filter(|generation| generation.retained > 0)
							.count() as u32;
						let done = set(&[key]).is_ok();
						assert_eq!(done, needed < MAX_OLD_GENERATIONS || made.is_empty());
						if done {
							made.push(Made { key, revoked: false, retained: 0 });
						}
					},
					Step::Revoke(index) => {
						if let Some(generation) = pick(index) {
							let made = &mut made[generation as usize - 1];
							assert_eq!(revoke(generation, 0).is_ok(), !made.revoked);
							made.revoked = true;
						}
					},
					Step::Retain(index) => {
						if let Some(generation) = pick(index) {
							OperatorKeys::retain(&account(1), Purpose::Duties, generation);
							made[generation as usize - 1].retained += 1;
						}
					},
					Step::Release(index) => {
						if let Some(generation) = pick(index) {
							let made = &mut made[generation as usize - 1];
							if made.retained > 0 {
								OperatorKeys::release(&account(1), Purpose::Duties, generation);
								made.retained -= 1;
							}
						}
					},
				}
				OperatorKeys::do_try_state().unwrap();
				assert!(Stored::<Test>::get(account(1), Purpose::Duties).len() as u32 <= MAX_GENERATIONS);
				assert_eq!(OperatorKeys::current(&account(1), Purpose::Duties), made.len() as u32);
			}
			for (index, made) in made.iter().enumerate().filter(|(_, made)| made.retained > 0) {
				let generation = index as u32 + 1;
				let signed = sign(made.key, generation, 0, &object);
				assert!(OperatorKeys::is_signed(&signed, Purpose::Duties, &object));
				let signer = Signer { account: account(1), generation, key: 0 };
				assert_eq!(OperatorKeys::is_revoked(&signer, Purpose::Duties), made.revoked);
			}
		});
	}
}
