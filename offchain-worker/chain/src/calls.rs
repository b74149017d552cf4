//! The role's calls: SCALE arguments under the live chain's call indices, signed by its key.

use std::time::Duration;

use codec::Encode;
use livepeer_worker_core::{
	chain::{Call, ChainError, Wait},
	key::Key,
};
use sp_runtime::Perbill;
use subxt::{
	config::DefaultExtrinsicParamsBuilder,
	error::TransactionEventsError,
	ext::scale_encode::{EncodeAsFields, Error as EncodeError, FieldIter, TypeResolver},
	tx::{Payload, Signer, TransactionStatus},
	utils::{AccountId32, MultiSignature},
	SubstrateConfig,
};

use tokio::time::{timeout_at, Instant};

use crate::SubxtChain;

/// Blocks for which a signed call may be included.
const MORTALITY: u64 = 64;

/// How long a call may take until it is in a block or final.
const PATIENCE: Duration = Duration::from_secs(120);

/// A call whose arguments are encoded already.
struct Encoded {
	pallet: &'static str,
	call: &'static str,
	arguments: Arguments,
}

/// SCALE arguments in order. They are the chain's own types, so nothing is left to convert.
struct Arguments(Vec<Vec<u8>>);

impl EncodeAsFields for Arguments {
	fn encode_as_fields_to<R: TypeResolver>(
		&self,
		fields: &mut dyn FieldIter<'_, R::TypeId>,
		_types: &R,
		out: &mut Vec<u8>,
	) -> Result<(), EncodeError> {
		let expected = fields.count();
		if expected != self.0.len() {
			return Err(EncodeError::custom_string(format!(
				"the call takes {expected} arguments, not {}",
				self.0.len()
			)));
		}
		self.0.iter().for_each(|argument| out.extend_from_slice(argument));
		Ok(())
	}
}

impl Payload for Encoded {
	type CallData = Arguments;

	fn pallet_name(&self) -> &str {
		self.pallet
	}

	fn call_name(&self) -> &str {
		self.call
	}

	fn call_data(&self) -> &Arguments {
		&self.arguments
	}
}

macro_rules! call {
	($pallet:literal, $call:literal $(, $argument:expr)*) => {
		Encoded {
			pallet: $pallet,
			call: $call,
			arguments: Arguments(vec![$($argument.encode()),*]),
		}
	};
}

/// What a transcoder asks for its service, as the election stores it.
#[derive(Encode)]
struct Terms {
	price: livepeer_primitives::Balance,
	reward_cut: Perbill,
	fee_share: Perbill,
}

fn encode(call: Call) -> Encoded {
	match call {
		Call::CreateJob { name, ladder, limits, max_price, end, budget } => {
			call!("Jobs", "create_job", name.as_bytes(), ladder, limits, max_price, end, budget)
		}
		Call::SetOrigin(record) => call!("Jobs", "set_origin", record),
		Call::AcceptJob { job, assignment } => call!("Jobs", "accept_job", job, assignment),
		Call::ClaimWork(claim) => call!(
			"Jobs",
			"claim_work",
			claim.job,
			claim.assignment,
			claim.first,
			claim.last,
			claim.commitment.root,
			claim.commitment.total_work,
			claim.toolchain
		),
		Call::EndJob { job } => call!("Jobs", "end_job", job),
		Call::Transcoder { price, reward_cut, fee_share, service } => call!(
			"TranscoderElection",
			"transcoder",
			Terms { price, reward_cut, fee_share },
			service
		),
		Call::SetAvailable { capacity } => call!("TranscoderElection", "set_available", capacity),
		Call::Heartbeat => call!("TranscoderElection", "heartbeat"),
		Call::RevealLeaf { claim, reveal } => call!(
			"ChallengeLottery",
			"reveal_leaf",
			claim,
			reveal.index,
			reveal.leaf,
			reveal.broadcaster_signature,
			reveal.proof
		),
		Call::Bond { amount, to } => call!("LptStaking", "bond", amount, to),
	}
}

/// The role's key as subxt asks for it.
struct KeySigner<'a>(&'a Key);

impl Signer<SubstrateConfig> for KeySigner<'_> {
	fn account_id(&self) -> AccountId32 {
		AccountId32(self.0.account().into())
	}

	fn sign(&self, payload: &[u8]) -> MultiSignature {
		match self.0.sign_bytes(payload) {
			sp_runtime::MultiSignature::Sr25519(signature) => MultiSignature::Sr25519(signature.0),
			sp_runtime::MultiSignature::Ed25519(signature) => MultiSignature::Ed25519(signature.0),
			sp_runtime::MultiSignature::Ecdsa(signature) => MultiSignature::Ecdsa(signature.0),
			sp_runtime::MultiSignature::Eth(signature) => MultiSignature::Ecdsa(signature.0),
		}
	}
}

impl SubxtChain {
	/// Signs `call`, sends it and waits until it succeeded.
	pub(crate) async fn send(&self, call: Call, wait: Wait) -> Result<(), ChainError> {
		let signer = KeySigner(self.signer.as_ref().ok_or(ChainError::NoKey)?);
		let name = call.name();
		let payload = encode(call);
		let not_included = |reason: String| ChainError::NotIncluded { call: name, reason };

		let one_at_a_time = self.submitting.lock().await;
		let at = self.client.at_current_block().await.map_err(|error| self.unreachable(error))?;
		// The pool's view: calls that are in it, or in blocks that are not final, count.
		let account = signer.account_id();
		let nonce = self
			.rpc
			.system_account_next_index(&account)
			.await
			.map_err(|error| self.unreachable(error))?;
		let params = DefaultExtrinsicParamsBuilder::<SubstrateConfig>::new()
			.nonce(nonce)
			.mortal(MORTALITY)
			.build();
		let mut transactions = at.transactions();
		let signed = transactions
			.create_signed(&payload, &signer, params)
			.await
			.map_err(|error| ChainError::Incompatible(format!("{name}: {error}")))?;
		let mut progress =
			signed.submit_and_watch().await.map_err(|error| not_included(error.to_string()))?;

		let mut one_at_a_time = Some(one_at_a_time);
		let deadline = Instant::now() + PATIENCE;
		loop {
			let status = timeout_at(deadline, progress.next())
				.await
				.map_err(|_| not_included("it is in no block after a long wait".to_owned()))?
				.ok_or_else(|| not_included("the node stopped reporting on it".to_owned()))?
				.map_err(|error| not_included(error.to_string()))?;
			// It is in the pool: the next call's nonce is known.
			one_at_a_time.take();
			let (block, is_final) = match status {
				TransactionStatus::InBestBlock(block) => (block, false),
				TransactionStatus::InFinalizedBlock(block) => (block, true),
				TransactionStatus::Error { message }
				| TransactionStatus::Invalid { message }
				| TransactionStatus::Dropped { message } => return Err(not_included(message)),
				TransactionStatus::Validated
				| TransactionStatus::Broadcasted
				| TransactionStatus::NoLongerInBestBlock => continue,
			};
			match block.wait_for_success().await {
				Ok(_) if is_final || wait == Wait::InBlock => return Ok(()),
				Ok(_) => {}
				Err(TransactionEventsError::ExtrinsicFailed(error)) => {
					return Err(ChainError::Dispatch { call: name, error: error.to_string() });
				}
				Err(error) => return Err(not_included(error.to_string())),
			}
		}
	}
}
