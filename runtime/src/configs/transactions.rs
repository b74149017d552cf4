//! What a transaction costs, and how off-chain code makes one.

use super::money::CommonPool;
use crate::{
	constants::fee::{PER_BYTE, PER_PICOSECOND},
	Authorship, Balance, Balances, Runtime, RuntimeCall, RuntimeEvent, TxExtension,
	UncheckedExtrinsic,
};
use frame_support::{
	parameter_types,
	traits::{
		fungible::{Balanced, Credit},
		tokens::imbalance::ResolveTo,
		ConstU8, OnUnbalanced,
	},
	weights::ConstantMultiplier,
};
use frame_system::offchain::{
	CreateAuthorizedTransaction, CreateBare, CreateTransaction, CreateTransactionBase,
};
use livepeer_primitives::AccountId;
use pallet_transaction_payment::{FungibleAdapter, Multiplier, TargetedFeeAdjustment};
use sp_runtime::{generic::Era, traits::One, FixedPointNumber, Perquintill};

parameter_types! {
	/// Smallest units of LPT for a picosecond of execution.
	pub const FeePerPicosecond: Balance = PER_PICOSECOND;
	/// Smallest units of LPT for a byte.
	pub const FeePerByte: Balance = PER_BYTE;
	/// The fullness of blocks at which the price of execution stays as it is.
	pub const TargetBlockFullness: Perquintill = Perquintill::from_percent(25);
	/// How fast that price moves: doubles after about a day of full blocks at 6 s.
	pub AdjustmentVariable: Multiplier = Multiplier::saturating_from_rational(75, 1_000_000);
	/// The price never falls below the listed one.
	pub MinimumMultiplier: Multiplier = Multiplier::one();
	/// The price never rises above a thousand times the listed one.
	pub MaximumMultiplier: Multiplier = Multiplier::saturating_from_integer(1_000);
}

/// Fees go to the common pool: paid to the author they would cost an author nothing, and its
/// blocks could be filled for free. Tips go to the author.
pub struct FeesToPoolTipsToAuthor;

impl OnUnbalanced<Credit<AccountId, Balances>> for FeesToPoolTipsToAuthor {
	fn on_unbalanceds(mut parts: impl Iterator<Item = Credit<AccountId, Balances>>) {
		if let Some(fee) = parts.next() {
			ResolveTo::<CommonPool, Balances>::on_unbalanced(fee);
		}
		if let Some(tip) = parts.next() {
			match Authorship::author() {
				// An author that has no account yet may be too poor for the existential deposit.
				Some(author) => {
					if let Err(rest) = Balances::resolve(&author, tip) {
						ResolveTo::<CommonPool, Balances>::on_unbalanced(rest);
					}
				}
				None => ResolveTo::<CommonPool, Balances>::on_unbalanced(tip),
			}
		}
	}
}

impl pallet_transaction_payment::Config for Runtime {
	type FeeMultiplierUpdate = TargetedFeeAdjustment<
		Self,
		TargetBlockFullness,
		AdjustmentVariable,
		MinimumMultiplier,
		MaximumMultiplier,
	>;
	type LengthToFee = ConstantMultiplier<Balance, FeePerByte>;
	type OnChargeTransaction = FungibleAdapter<Balances, FeesToPoolTipsToAuthor>;
	type OperationalFeeMultiplier = ConstU8<5>;
	type RuntimeEvent = RuntimeEvent;
	type WeightInfo = pallet_transaction_payment::weights::SubstrateWeight<Runtime>;
	type WeightToFee = ConstantMultiplier<Balance, FeePerPicosecond>;
}

impl<C> CreateTransactionBase<C> for Runtime
where
	RuntimeCall: From<C>,
{
	type Extrinsic = UncheckedExtrinsic;
	type RuntimeCall = RuntimeCall;
}

/// Babe's and Grandpa's equivocation reports still travel without extensions.
impl<C> CreateBare<C> for Runtime
where
	RuntimeCall: From<C>,
{
	fn create_bare(call: RuntimeCall) -> UncheckedExtrinsic {
		UncheckedExtrinsic::new_bare(call)
	}
}

impl<C> CreateTransaction<C> for Runtime
where
	RuntimeCall: From<C>,
{
	type Extension = TxExtension;

	fn create_transaction(call: RuntimeCall, extension: TxExtension) -> UncheckedExtrinsic {
		UncheckedExtrinsic::new_transaction(call, extension)
	}
}

/// Authorized calls carry what they need in themselves: no nonce, no mortality, no tip.
impl<C> CreateAuthorizedTransaction<C> for Runtime
where
	RuntimeCall: From<C>,
{
	fn create_extension() -> TxExtension {
		crate::tx_extension(Era::Immortal, 0, 0)
	}
}
