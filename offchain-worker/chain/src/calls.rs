//! The role's calls, encoded by the live chain's call indices and signed by the role's key.

use std::time::Duration;

use livepeer_worker_core::{
	key::Key,
	ports::chain::{Call, ChainError, Wait},
};
use subxt::{
	client::{OnlineClientAtBlock, OnlineClientAtBlockImpl},
	config::DefaultExtrinsicParamsBuilder,
	error::{ExtrinsicError, TransactionEventsError},
	ext::scale_encode::EncodeAsFields,
	tx::{Signer, StaticPayload, SubmittableTransaction, TransactionStatus},
	utils::{AccountId32, MultiSignature, Static},
	SubstrateConfig,
};
use tokio::time::{timeout_at, Instant};

use crate::{
	runtime::{self, Terms},
	SubxtChain,
};

/// Blocks for which a signed call may be included.
const MORTALITY: u64 = 64;

/// How long a call may take until it is in a block or final.
const PATIENCE: Duration = Duration::from_secs(120);

/// What is done with a call, whichever it is.
trait Finish {
	type Output;

	fn finish(&self, call: StaticPayload<impl EncodeAsFields>) -> Self::Output;
}

/// Says `call` in the runtime's own types.
fn with<F: Finish>(call: Call, then: &F) -> F::Output {
	let tx = runtime::tx();
	match call {
		Call::CreateJob { name, ladder, limits, max_price, end, budget } => {
			let ladder = ladder.into_iter().map(Static).collect();
			let name = name.into_bytes();
			then.finish(tx.jobs().create_job(name, ladder, Static(limits), max_price, end, budget))
		}
		Call::SetOrigin(record) => then.finish(tx.jobs().set_origin(Static(record))),
		Call::AcceptJob { job, assignment } => then.finish(tx.jobs().accept_job(job, assignment)),
		Call::ClaimWork(claim) => then.finish(tx.jobs().claim_work(
			claim.job,
			claim.assignment,
			claim.first,
			claim.last,
			claim.commitment.root,
			claim.commitment.total_work,
			claim.toolchain,
		)),
		Call::EndJob { job } => then.finish(tx.jobs().end_job(job)),
		Call::Transcoder { price, reward_cut, fee_share, service } => {
			let (reward_cut, fee_share) = (Static(reward_cut), Static(fee_share));
			let terms = Terms { price, reward_cut, fee_share };
			then.finish(tx.transcoder_election().transcoder(terms, Static(service)))
		}
		Call::SetAvailable { capacity } => {
			then.finish(tx.transcoder_election().set_available(capacity))
		}
		Call::Heartbeat => then.finish(tx.transcoder_election().heartbeat()),
		Call::RevealLeaf { claim, reveal } => then.finish(tx.challenge_lottery().reveal_leaf(
			claim,
			reveal.index,
			Static(reveal.leaf),
			Static(reveal.broadcaster_signature),
			reveal.proof.into_iter().map(Static).collect(),
		)),
		Call::Bond { amount, to } => then.finish(tx.lpt_staking().bond(amount, Static(to))),
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

type AtBlock = OnlineClientAtBlockImpl<SubstrateConfig>;

/// Signs a call for the chain at a block.
struct Signing<'a> {
	at: &'a OnlineClientAtBlock<SubstrateConfig>,
	signer: &'a KeySigner<'a>,
	nonce: u64,
}

impl Finish for Signing<'_> {
	type Output = Result<SubmittableTransaction<SubstrateConfig, AtBlock>, ExtrinsicError>;

	fn finish(&self, call: StaticPayload<impl EncodeAsFields>) -> Self::Output {
		let params = DefaultExtrinsicParamsBuilder::new()
			.nonce(self.nonce)
			.mortal_from_unchecked(MORTALITY, self.at.block_number(), self.at.block_hash())
			.build();
		self.at.transactions().create_signable_offline(&call, params)?.sign(self.signer)
	}
}

impl SubxtChain {
	/// Signs `call`, sends it and waits until it succeeded.
	pub(crate) async fn send(&self, call: Call, wait: Wait) -> Result<(), ChainError> {
		let signer = KeySigner(self.signer.as_ref().ok_or(ChainError::NoKey)?);
		let name = call.name();
		let not_included = |reason: String| ChainError::NotIncluded { call: name, reason };
		let failed = |error: subxt::Error| {
			if error.is_disconnected_will_reconnect() {
				self.unreachable(error)
			} else {
				not_included(error.to_string())
			}
		};

		let one_at_a_time = self.submitting.lock().await;
		let at = self.client.at_current_block().await.map_err(|error| self.unreachable(error))?;
		// The pool's view: calls that are in it, or in blocks that are not final, count.
		let account = signer.account_id();
		let nonce = self
			.rpc
			.system_account_next_index(&account)
			.await
			.map_err(|error| self.unreachable(error))?;
		let signed = with(call, &Signing { at: &at, signer: &signer, nonce })
			.map_err(|error| ChainError::Incompatible(format!("{name}: {error}")))?;
		let mut progress = signed.submit_and_watch().await.map_err(|error| failed(error.into()))?;

		let mut one_at_a_time = Some(one_at_a_time);
		let deadline = Instant::now() + PATIENCE;
		loop {
			let status = timeout_at(deadline, progress.next())
				.await
				.map_err(|_| not_included("it is in no block after a long wait".to_owned()))?
				.ok_or_else(|| self.unreachable(format!("it stopped reporting on {name}")))?
				.map_err(|error| failed(error.into()))?;
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
				Err(error) => return Err(failed(error.into())),
			}
		}
	}
}

#[cfg(test)]
mod tests {
	#![allow(clippy::unwrap_used)]
	use codec::Encode;
	use livepeer_primitives::{
		leaf::Leaf,
		service::ServiceRecord,
		sum_tree::{Commitment, SumNode},
		video::{Rendition, SourceLimits},
		AccountId, Hash, Signature,
	};
	use livepeer_worker_core::ports::chain::{ClaimCall, LeafReveal};
	use sp_runtime::Perbill;
	use subxt::{
		ext::{frame_decode::extrinsics::encode_call_data, scale_value},
		Metadata,
	};

	use super::*;
	use crate::metadata;

	/// Encodes a call.
	struct Encoding<'a>(&'a Metadata);

	impl Finish for Encoding<'_> {
		type Output = (String, Vec<u8>);

		fn finish(&self, call: StaticPayload<impl EncodeAsFields>) -> Self::Output {
			let (pallet, name) = (call.pallet_name(), call.call_name());
			let data = call.call_data();
			let bytes = encode_call_data(pallet, name, data, self.0, self.0.types()).unwrap();
			(format!("{pallet}.{name}"), bytes)
		}
	}

	#[test]
	fn calls_should_decode_as_the_chains_own() {
		let ours = metadata::built_for().unwrap();
		let (job, assignment, claim) = (7u64, 2u32, 9u64);
		let ladder = vec![
			Rendition { width: 640, height: 360, kbps: 800 },
			Rendition { width: 426, height: 240, kbps: 400 },
		];
		let limits = SourceLimits { width: 1280, height: 720, fps: 30 };
		let record = ServiceRecord {
			peer_id: vec![1; 38].try_into().unwrap(),
			addresses: vec![vec![2; 20].try_into().unwrap()].try_into().unwrap(),
			url: b"http://origin".to_vec().try_into().unwrap(),
		};
		let (price, budget) = (10u128.pow(12), 10u128.pow(18));
		let (reward_cut, fee_share) = (Perbill::from_percent(10), Perbill::from_percent(95));
		let (root, toolchain) = (Hash::repeat_byte(3), Hash::repeat_byte(4));
		let leaf = Leaf::Transcoded {
			in_hash: Hash::repeat_byte(5),
			in_len: 1000,
			duration: 180_000,
			outputs: Default::default(),
			work: 11,
		};
		let broadcaster_signature = Signature::Sr25519([6; 64].into());
		let proof = vec![SumNode { hash: root, work: 12 }, SumNode { hash: toolchain, work: 13 }];
		let reveal = LeafReveal {
			index: 1,
			leaf: leaf.clone(),
			broadcaster_signature: broadcaster_signature.clone(),
			proof: proof.clone().try_into().unwrap(),
		};
		let to = AccountId::new([8; 32]);
		let commitment = Commitment { root, total_work: 14, leaf_count: 3 };
		// Each with its arguments in the order of the pallet's function.
		let calls = [
			(
				Call::CreateJob {
					name: "concert".into(),
					ladder: ladder.clone().try_into().unwrap(),
					limits,
					max_price: price,
					end: 600,
					budget,
				},
				(b"concert".to_vec(), ladder, limits, price, 600u32, budget).encode(),
			),
			(Call::SetOrigin(record.clone()), record.encode()),
			(Call::AcceptJob { job, assignment }, (job, assignment).encode()),
			(
				Call::ClaimWork(ClaimCall {
					job,
					assignment,
					first: 20,
					last: 22,
					commitment,
					toolchain,
				}),
				(job, assignment, 20u64, 22u64, root, 14u64, toolchain).encode(),
			),
			(Call::EndJob { job }, job.encode()),
			(
				Call::Transcoder { price, reward_cut, fee_share, service: record.clone() },
				(price, reward_cut, fee_share, record).encode(),
			),
			(Call::SetAvailable { capacity: 3 }, 3u32.encode()),
			(Call::Heartbeat, vec![]),
			(
				Call::RevealLeaf { claim, reveal: Box::new(reveal) },
				(claim, 1u32, leaf, broadcaster_signature, proof).encode(),
			),
			(Call::Bond { amount: budget, to: to.clone() }, (budget, to).encode()),
		];

		let mut seen = Vec::new();
		for (call, arguments) in calls {
			let name = call.name();
			let (said, bytes) = with(call, &Encoding(&ours));
			assert_eq!(said, name);
			assert_eq!(&bytes[2..], arguments, "{name}");
			let pallet = ours.pallet_by_call_index(bytes[0]).unwrap();
			let mut rest = &bytes[1..];
			let ty = pallet.call_ty_id().unwrap();
			let decoded = scale_value::scale::decode_as_type(&mut rest, ty, ours.types()).unwrap();
			assert!(rest.is_empty(), "{name} leaves {rest:?}");
			let scale_value::ValueDef::Variant(variant) = decoded.value else { panic!("{name}") };
			assert_eq!(format!("{}.{}", pallet.name(), variant.name), name);
			seen.push(name.to_owned());
		}
		let mut all: Vec<String> = ours
			.pallets()
			.flat_map(|pallet| {
				let calls = pallet.call_variants().unwrap_or_default().iter();
				calls.map(move |call| format!("{}.{}", pallet.name(), call.name))
			})
			.collect();
		seen.sort();
		all.sort();
		assert_eq!(seen, all);
	}
}
