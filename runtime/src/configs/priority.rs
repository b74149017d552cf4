//! Duties take precedence over everything that is paid for.
//!
//! A transaction's priority grows with its tip, without a bound that a duty could exceed: for a few
//! thousandths of LPT anybody could keep heartbeats, acceptances, leaves and verdicts out of blocks
//! until their deadlines have passed. Therefore paid transactions use only a quarter of the scale.
//! Duties are equal among themselves: the pool prefers the one that expires first.
//!
//! Duties cost nothing, because what is signed in them authorizes them. A transaction that an account
//! signs has no such authority: the call would fail when it is dispatched, and would have taken room in
//! the pool and in a block for nothing. Therefore calls that cost nothing are refused from accounts.

use codec::{Decode, DecodeWithMemTracking, Encode};
use frame_support::{
	dispatch::{DispatchInfo, Pays},
	ensure,
	weights::Weight,
};
use scale_info::{Type, TypeInfo};
use sp_runtime::{
	traits::{
		AsSystemOriginSigner, DispatchInfoOf, DispatchOriginOf, Dispatchable, Implication,
		PostDispatchInfoOf, TransactionExtension, TransactionExtensionMetadata, ValidateResult,
	},
	transaction_validity::{
		InvalidTransaction, TransactionPriority, TransactionSource, TransactionValidity,
		TransactionValidityError,
	},
	AccountId32, DispatchResult,
};

/// Priority of duties: below inherents, above everything that is paid for.
pub const DUTY: TransactionPriority = TransactionPriority::MAX / 2;

/// The divisor for the priorities of paid transactions: their order stays, below all duties.
const PAID_PART: TransactionPriority = 4;

/// The extension that takes fees, with priorities below those of duties. It refuses calls that cost
/// nothing if an account signs the transaction. Encoding, signed bytes and metadata are those of the
/// inner extension.
#[derive(Encode, Decode, DecodeWithMemTracking, Clone, PartialEq, Eq, Debug)]
pub struct BelowDuties<E>(pub E);

impl<E: TypeInfo + 'static> TypeInfo for BelowDuties<E> {
	type Identity = E::Identity;

	fn type_info() -> Type {
		E::type_info()
	}
}

impl<Call, E> TransactionExtension<Call> for BelowDuties<E>
where
	Call: Dispatchable<Info = DispatchInfo>,
	DispatchOriginOf<Call>: AsSystemOriginSigner<AccountId32>,
	E: TransactionExtension<Call>,
{
	const IDENTIFIER: &'static str = E::IDENTIFIER;
	type Implicit = E::Implicit;
	type Val = E::Val;
	type Pre = E::Pre;

	fn implicit(&self) -> Result<Self::Implicit, TransactionValidityError> {
		self.0.implicit()
	}

	fn metadata() -> alloc::vec::Vec<TransactionExtensionMetadata> {
		E::metadata()
	}

	fn weight(&self, call: &Call) -> Weight {
		self.0.weight(call)
	}

	fn validate(
		&self,
		origin: DispatchOriginOf<Call>,
		call: &Call,
		info: &DispatchInfoOf<Call>,
		len: usize,
		implicit: Self::Implicit,
		implication: &impl Implication,
		source: TransactionSource,
	) -> ValidateResult<Self::Val, Call> {
		let is_for_nothing = info.pays_fee == Pays::No;
		ensure!(
			!is_for_nothing || origin.as_system_origin_signer().is_none(),
			InvalidTransaction::Call
		);
		let (mut valid, val, origin) =
			self.0.validate(origin, call, info, len, implicit, implication, source)?;
		valid.priority /= PAID_PART;
		Ok((valid, val, origin))
	}

	fn prepare(
		self,
		val: Self::Val,
		origin: &DispatchOriginOf<Call>,
		call: &Call,
		info: &DispatchInfoOf<Call>,
		len: usize,
	) -> Result<Self::Pre, TransactionValidityError> {
		self.0.prepare(val, origin, call, info, len)
	}

	fn post_dispatch_details(
		pre: Self::Pre,
		info: &DispatchInfoOf<Call>,
		post_info: &PostDispatchInfoOf<Call>,
		len: usize,
		result: &DispatchResult,
	) -> Result<Weight, TransactionValidityError> {
		E::post_dispatch_details(pre, info, post_info, len, result)
	}

	fn post_dispatch(
		pre: Self::Pre,
		info: &DispatchInfoOf<Call>,
		post_info: &mut PostDispatchInfoOf<Call>,
		len: usize,
		result: &DispatchResult,
	) -> Result<(), TransactionValidityError> {
		E::post_dispatch(pre, info, post_info, len, result)
	}

	fn bare_validate(call: &Call, info: &DispatchInfoOf<Call>, len: usize) -> TransactionValidity {
		E::bare_validate(call, info, len)
	}

	fn bare_validate_and_prepare(
		call: &Call,
		info: &DispatchInfoOf<Call>,
		len: usize,
	) -> Result<(), TransactionValidityError> {
		E::bare_validate_and_prepare(call, info, len)
	}

	fn bare_post_dispatch(
		info: &DispatchInfoOf<Call>,
		post_info: &mut PostDispatchInfoOf<Call>,
		len: usize,
		result: &DispatchResult,
	) -> Result<(), TransactionValidityError> {
		E::bare_post_dispatch(info, post_info, len, result)
	}
}
