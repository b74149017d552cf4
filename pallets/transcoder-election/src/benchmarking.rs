//! Benchmarks of every call, of the election and of the search for the lowest price.

use super::*;
use alloc::vec::Vec;
use frame_benchmarking::v2::*;
use frame_support::{
	traits::{Authorize, Get},
	BoundedVec,
};
use frame_system::RawOrigin;
use livepeer_primitives::{
	duty::{self, Profiles},
	keys::{OperatorSignature, Signer},
	service::ServiceRecord,
	traits::{Beacon, Chill, Jail, Rounds, Seed, Stake, ValidatorSet},
	AccountId, Hash, Signature, MAX_PROFILES, MAX_VALIDATORS, UNIT,
};
use sp_core::{crypto::KeyTypeId, sr25519};
use sp_runtime::{transaction_validity::TransactionSource, Perbill};

/// Keys for benchmarks only.
const KEY_TYPE: KeyTypeId = KeyTypeId(*b"lpbe");

/// Terms with this price.
fn terms(price: u128) -> Terms {
	Terms { price, reward_cut: Perbill::from_percent(10), fee_share: Perbill::from_percent(50) }
}

/// A service record of the largest size.
fn largest_service(byte: u8) -> ServiceRecord {
	let address = BoundedVec::truncate_from(alloc::vec![byte; 128]);
	ServiceRecord {
		peer_id: BoundedVec::truncate_from(alloc::vec![byte; 64]),
		addresses: BoundedVec::truncate_from(alloc::vec![address; 4]),
		url: BoundedVec::truncate_from(alloc::vec![byte; 128]),
	}
}

/// An account with enough stake bonded to itself.
fn bonded<T: Config>(index: u32) -> AccountId {
	let who: AccountId = account("transcoder", index, 0);
	let amount = T::Parameters::get().min_self_bond.max(UNIT);
	T::Stake::make_stake(&who, amount.saturating_add(index.into()));
	who
}

/// A registered transcoder.
fn registered<T: Config>(index: u32) -> AccountId {
	let who = bonded::<T>(index);
	Pallet::<T>::insert_registration(&who, terms(index.into()));
	Services::<T>::insert(&who, largest_service(1));
	who
}

/// The largest number of profiles.
fn most_profiles() -> Profiles {
	Profiles::truncate_from((1..=MAX_PROFILES as u16).collect())
}

/// A registered transcoder whose account signs for itself, and whose heartbeat is due.
fn signing<T: Config>() -> (AccountId, sr25519::Public) {
	let key = sp_io::crypto::sr25519_generate(KEY_TYPE, None);
	let who = AccountId::from(key);
	Pallet::<T>::insert_registration(&who, terms(1));
	Services::<T>::insert(&who, largest_service(1));
	Pallet::<T>::put_capacity(&who, 8, most_profiles());
	let due = T::Parameters::get().heartbeat_interval;
	let now = Pallet::<T>::height().saturating_add(due);
	frame_system::Pallet::<T>::set_block_number(now.into());
	(who, key)
}

/// The account's signature over an object.
fn signed(
	who: &AccountId,
	key: &sr25519::Public,
	object: Hash,
) -> Result<OperatorSignature, BenchmarkError> {
	let signer = Signer::account(who.clone());
	let payload = signer.payload(&object);
	let signature = sp_io::crypto::sr25519_sign(KEY_TYPE, key, payload.as_bytes())
		.ok_or("the key has just been made")?;
	Ok(OperatorSignature { signer, signature: Signature::Sr25519(signature) })
}

/// A heartbeat that is due.
fn heartbeat_call<T: Config>() -> Result<(AccountId, Call<T>), BenchmarkError> {
	let (who, key) = signing::<T>();
	let heartbeat =
		duty::Heartbeat { genesis: Pallet::<T>::genesis_hash(), at: Pallet::<T>::height() };
	let signature = signed(&who, &key, heartbeat.hash())?;
	Ok((who, Call::heartbeat { heartbeat, signature }))
}

/// An announcement that is allowed.
fn announce_call<T: Config>() -> Result<(AccountId, Call<T>), BenchmarkError> {
	let (who, key) = signing::<T>();
	let availability = duty::Availability {
		genesis: Pallet::<T>::genesis_hash(),
		at: Pallet::<T>::height(),
		capacity: 9,
		profiles: most_profiles(),
	};
	let signature = signed(&who, &key, availability.hash())?;
	Ok((who, Call::announce { availability, signature }))
}

/// `count` registered transcoders, after those of genesis are removed.
fn fill<T: Config>(count: u32) {
	let of_genesis: Vec<_> = Transcoders::<T>::iter_keys().collect();
	for who in of_genesis {
		Transcoders::<T>::remove(&who);
		Services::<T>::remove(&who);
		Available::<T>::remove(&who);
	}
	for index in 0..count {
		registered::<T>(index);
	}
}

#[benchmarks(where <T as frame_system::Config>::RuntimeCall: From<Call<T>>)]
mod benchmarks {
	use super::*;

	#[benchmark]
	fn transcoder() {
		let who = bonded::<T>(0);

		#[extrinsic_call]
		_(RawOrigin::Signed(who.clone()), terms(1), largest_service(1));

		assert!(Transcoders::<T>::contains_key(&who));
	}

	#[benchmark]
	fn lowest_price(c: Linear<0, { T::MaxCandidates::get() }>) {
		fill::<T>(c);
		let lowest;

		#[block]
		{
			lowest = Pallet::<T>::lowest_price();
		}

		assert_eq!(lowest, (0, c));
	}

	#[benchmark]
	fn set_service() {
		let who = registered::<T>(0);

		#[extrinsic_call]
		_(RawOrigin::Signed(who.clone()), largest_service(2));

		assert_eq!(Services::<T>::get(&who), Some(largest_service(2)));
	}

	#[benchmark]
	fn resign() {
		fill::<T>(T::Parameters::get().active_size);
		let who: AccountId = account("transcoder", 0, 0);
		Pallet::<T>::put_capacity(&who, 1, most_profiles());
		Pallet::<T>::elect(0, false);

		#[extrinsic_call]
		_(RawOrigin::Signed(who.clone()));

		assert!(!Transcoders::<T>::contains_key(&who));
	}

	#[benchmark]
	fn set_available() {
		let who = registered::<T>(0);

		#[extrinsic_call]
		_(RawOrigin::Signed(who.clone()), 8, most_profiles());

		assert!(Available::<T>::contains_key(&who));
	}

	#[benchmark]
	fn heartbeat() -> Result<(), BenchmarkError> {
		let (who, call) = heartbeat_call::<T>()?;
		let Call::heartbeat { heartbeat: object, signature } = call else {
			return Err("another call was made".into());
		};

		#[extrinsic_call]
		_(RawOrigin::Authorized, object, signature);

		assert_eq!(Available::<T>::get(&who).map(|seen| seen.at), Some(Pallet::<T>::height()));
		Ok(())
	}

	#[benchmark]
	fn authorize_heartbeat() -> Result<(), BenchmarkError> {
		let (_, call) = heartbeat_call::<T>()?;
		let call: <T as frame_system::Config>::RuntimeCall = call.into();

		#[block]
		{
			call.authorize(TransactionSource::InBlock)
				.ok_or("the call can be authorized")?
				.map_err(|_| "it is authorized")?;
		}

		Ok(())
	}

	#[benchmark]
	fn announce() -> Result<(), BenchmarkError> {
		let (who, call) = announce_call::<T>()?;
		let Call::announce { availability, signature } = call else {
			return Err("another call was made".into());
		};

		#[extrinsic_call]
		_(RawOrigin::Authorized, availability, signature);

		assert_eq!(Available::<T>::get(&who).map(|seen| seen.capacity), Some(9));
		Ok(())
	}

	#[benchmark]
	fn authorize_announce() -> Result<(), BenchmarkError> {
		let (_, call) = announce_call::<T>()?;
		let call: <T as frame_system::Config>::RuntimeCall = call.into();

		#[block]
		{
			call.authorize(TransactionSource::InBlock)
				.ok_or("the call can be authorized")?
				.map_err(|_| "it is authorized")?;
		}

		Ok(())
	}

	#[benchmark]
	fn unjail() {
		fill::<T>(T::Parameters::get().active_size);
		Pallet::<T>::elect(0, false);
		let who: AccountId = account("transcoder", 0, 0);
		Pallet::<T>::detain(&who);
		Pallet::<T>::resolve(&who);

		#[extrinsic_call]
		_(RawOrigin::Signed(who.clone()));

		assert!(!Jailed::<T>::contains_key(&who));
	}

	#[benchmark]
	fn elect(c: Linear<0, { T::MaxCandidates::get() }>, j: Linear<0, { T::MaxCandidates::get() }>) {
		fill::<T>(c);
		for index in 0..j {
			let who: AccountId = account("jailed", index, 0);
			Jailed::<T>::insert(who, 1);
		}
		// The set was full before, and the largest number of chills has ended.
		Pallet::<T>::elect(0, false);
		for index in 0..MAX_CHILLED {
			let until = T::Rounds::current().saturating_add(1);
			Pallet::<T>::chill(&account("chilled", index, 0), until);
		}
		// The seed comes from a later window, so one of the waiting transcoders is drawn.
		let later = Pallet::<T>::height().saturating_add(30_000);
		frame_system::Pallet::<T>::set_block_number(later.into());
		let seed = Seed { hash: Hash::repeat_byte(7), set: ValidatorSet::default() };
		T::Beacon::make_seed(T::Beacon::current_window(), seed);
		let round = T::Rounds::current().saturating_add(1);
		WaitList::<T>::mutate(|list| {
			if let Some(list) = list {
				list.round = T::Rounds::current();
			}
		});
		let looked_at;

		#[block]
		{
			looked_at = Pallet::<T>::elect(round, false);
		}

		assert_eq!(looked_at, (c, j, 0));
		assert!(!Chilled::<T>::exists());
		let size = T::Parameters::get().active_size;
		assert_eq!(ActiveSet::<T>::get().seats.len() as u32, c.min(size.saturating_add(1)));
	}

	#[benchmark]
	fn weakest(c: Linear<0, { T::MaxCandidates::get() }>) {
		fill::<T>(c);
		Pallet::<T>::elect(0, false);
		let looked_up;

		#[block]
		{
			looked_up = Pallet::<T>::weakest().1;
		}

		assert_eq!(looked_up, c);
	}

	/// The author was offline.
	#[benchmark]
	fn note_author() {
		let who: AccountId = account("validator", 0, 0);
		Meters::<T>::put(Meter { value: 0, step: ONE_BLOCK, round_start: 0 });
		Present::<T>::insert(&who, Presence::new(0));
		Offline::<T>::insert(&who, OFFLINE_ROUNDS);

		#[block]
		{
			<Pallet<T> as pallet_authorship::EventHandler<_, _>>::note_author(who.clone());
		}

		assert!(!Offline::<T>::contains_key(&who));
		assert_eq!(Present::<T>::get(&who).map(|presence| presence.seen), Some(ONE_BLOCK));
	}

	#[benchmark]
	fn drop_registration() {
		fill::<T>(T::Parameters::get().active_size);
		let who: AccountId = account("transcoder", 0, 0);
		Pallet::<T>::put_capacity(&who, 1, most_profiles());
		Pallet::<T>::elect(0, false);

		#[block]
		{
			Pallet::<T>::drop_registration(&who);
		}

		assert!(!Transcoders::<T>::contains_key(&who));
	}

	/// Sets of the largest size, none of which contains the account.
	#[benchmark]
	fn is_validating() {
		for session in 0..MAX_SETS {
			let members = (0..MAX_VALIDATORS)
				.map(|index| ChosenValidator {
					account: account("validator", index, 0),
					stake: UNIT,
				})
				.collect();
			let members = BoundedVec::truncate_from(members);
			Sets::<T>::insert(session, ChosenSet { snapshot: 0, members });
		}
		let who: AccountId = account("stranger", 0, 0);
		let found;

		#[block]
		{
			found = Pallet::<T>::is_validating(&who);
		}

		assert!(!found);
	}

	impl_benchmark_test_suite!(
		Pallet,
		crate::mock::ExtBuilder::default().build(),
		crate::mock::Test
	);
}
