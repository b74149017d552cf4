//! Forced variants: one x per key and place, and a choice that follows the rate.
#![allow(missing_docs, clippy::unwrap_used)]

use std::collections::BTreeSet;

use livepeer_primitives::{
	domain::{tagged_hash, VARIANT},
	variant::{choice, VariantChoice, VariantPlace, VrfOpening},
	Hash,
};
use proptest::prelude::*;
use sp_core::{crypto::VrfSecret, sr25519, Pair};
use sp_runtime::Perbill;

fn key(seed: u8) -> sr25519::Pair {
	sr25519::Pair::from_seed(&[seed; 32])
}

fn place() -> VariantPlace {
	VariantPlace {
		genesis: Hash::repeat_byte(1),
		stream: Hash::repeat_byte(2),
		job: 3,
		assignment: 4,
		seq: 5,
	}
}

fn open(key: &sr25519::Pair, place: &VariantPlace) -> VrfOpening {
	VrfOpening::from(&key.vrf_sign(&place.sign_data()))
}

/// Everything in which places can differ.
fn others() -> Vec<VariantPlace> {
	let changes: [fn(&mut VariantPlace); 5] = [
		|p| p.genesis = Hash::zero(),
		|p| p.stream = Hash::zero(),
		|p| p.job += 1,
		|p| p.assignment += 1,
		|p| p.seq += 1,
	];
	let changed = |change: &fn(&mut VariantPlace)| {
		let mut other = place();
		change(&mut other);
		other
	};
	changes.iter().map(changed).collect()
}

#[test]
fn opening_should_give_x_to_whoever_verifies() {
	let key = key(1);
	let x = place().verify(&key.public(), &open(&key, &place())).unwrap();
	// The proof is different each time; x is the same.
	let again = open(&key, &place());
	assert_ne!(again, open(&key, &place()));
	assert_eq!(place().verify(&key.public(), &again), Some(x));
	assert_eq!(again.0[..32], open(&key, &place()).0[..32]);
}

#[test]
fn opening_should_be_refused_when_the_key_or_the_place_is_another() {
	let key = key(1);
	let opening = open(&key, &place());
	let stranger = self::key(2).public();
	assert_eq!(place().verify(&stranger, &opening), None);
	assert_eq!(others().len(), 5);
	for other in others() {
		assert_eq!(other.verify(&key.public(), &opening), None, "{other:?}");
	}
	// Bytes that are no point of the curve are no key.
	assert_eq!(place().verify(&sr25519::Public::from_raw([255; 32]), &opening), None);
}

#[test]
fn every_place_and_key_should_have_its_own_x() {
	let x = |key: &sr25519::Pair, place: &VariantPlace| {
		place.verify(&key.public(), &open(key, place)).unwrap()
	};
	let mut all: BTreeSet<_> = others().iter().map(|place| x(&key(1), place)).collect();
	all.insert(x(&key(1), &place()));
	all.insert(x(&key(2), &place()));
	assert_eq!(all.len(), 7);
}

/// Openings that combine the output of one place with the proof of another, and similar ones.
#[test]
fn parts_of_openings_should_not_be_combined() {
	let key = key(1);
	let (own, other) = (open(&key, &place()), open(&key, &others()[4]));
	let mut mixed = own;
	mixed.0[..32].copy_from_slice(&other.0[..32]);
	assert_eq!(place().verify(&key.public(), &mixed), None);
	assert_eq!(others()[4].verify(&key.public(), &mixed), None);
}

#[test]
fn choice_should_be_read_as_the_text_says() {
	let x = [7; 32];
	let hash = tagged_hash(VARIANT, &x);
	let choice = choice(&x);
	assert_eq!(choice.ticket.to_be_bytes(), hash.0[..8]);
	assert_eq!((choice.rendition, choice.start), (hash.0[8], hash.0[9]));
}

#[test]
fn choice_should_follow_the_rate() {
	let forced = |thousandths: u32| {
		let rate = Perbill::from_rational(thousandths, 1_000);
		(0u32..20_000)
			.filter(|n| {
				let mut x = [0; 32];
				x[..4].copy_from_slice(&n.to_be_bytes());
				choice(&x).due(3, rate).is_some()
			})
			.count()
	};
	// 5 % of 20,000: 1,000 with a deviation of 31.
	assert!((876..1_124).contains(&forced(50)), "{}", forced(50));
	assert!((60..140).contains(&forced(5)), "{}", forced(5));
	assert_eq!(forced(0), 0);
	assert_eq!(forced(1_000), 20_000);
}

#[test]
fn due_rendition_should_be_one_of_the_ladder_and_only_below_the_rate() {
	let half = Perbill::from_percent(50);
	let choice = |ticket| VariantChoice { ticket, rendition: 8, start: 0 };
	assert_eq!(choice(0).due(3, half), Some(2));
	assert_eq!(choice((1 << 63) - 1).due(3, half), Some(2));
	assert_eq!(choice(1 << 63).due(3, half), None);
	assert_eq!(choice(0).due(0, half), None, "nothing to choose from");
	assert_eq!(choice(0).due(3, Perbill::zero()), None);
	assert_eq!(choice(u64::MAX).due(3, Perbill::one()), Some(2));
}

proptest! {
	#![proptest_config(ProptestConfig::with_cases(64))]

	#[test]
	fn changed_openings_should_be_refused(byte in 0usize..96, bit in 0u8..8, seed in any::<u8>()) {
		let key = key(seed);
		let mut opening = open(&key, &place());
		opening.0[byte] ^= 1 << bit;
		prop_assert_eq!(place().verify(&key.public(), &opening), None);
	}

	#[test]
	fn random_openings_should_be_refused(halves in any::<([u8; 32], [u8; 32], [u8; 32])>()) {
		let mut bytes = [0; 96];
		bytes[..32].copy_from_slice(&halves.0);
		bytes[32..64].copy_from_slice(&halves.1);
		bytes[64..].copy_from_slice(&halves.2);
		prop_assert_eq!(place().verify(&key(1).public(), &VrfOpening(bytes)), None);
	}
}
