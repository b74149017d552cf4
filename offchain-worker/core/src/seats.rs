//! The judges of a claim on the chain: read once in a while, however many passes are shown.

use std::{
	collections::BTreeMap,
	sync::{Arc, Mutex},
};

use futures::future::{select, Either};
use livepeer_primitives::{api::ChallengeView, ClaimId};
use sp_runtime::RuntimeAppPublic;

use crate::{
	lock,
	ports::{
		chain::{At, Chain},
		clock::Clock,
		transport::SignedPass,
	},
};

/// How long the judges of a claim are cached: about a block.
const BELIEVED_MS: u64 = 6_000;
/// How long the chain may take to answer, and the pause before it is asked again after no answer.
const ANSWER_MS: u64 = 2_000;

/// The judges of a claim, and until when they are cached. Questions during a read wait for the same answer.
#[derive(Default)]
struct Known(tokio::sync::Mutex<(u64, Option<ChallengeView>)>);

/// The judges of requested claims. Users must request only claims of their own, because anybody may name a
/// claim.
pub(crate) struct Seats {
	chain: Arc<dyn Chain>,
	clock: Arc<dyn Clock>,
	known: Mutex<BTreeMap<ClaimId, Arc<Known>>>,
}

impl Seats {
	pub(crate) fn new(chain: Arc<dyn Chain>, clock: Arc<dyn Clock>) -> Self {
		Self { chain, clock, known: Mutex::default() }
	}

	/// The challenge of a claim, if the chain answers in time.
	pub(crate) async fn challenge(&self, claim: ClaimId) -> Option<ChallengeView> {
		let known = lock(&self.known).entry(claim).or_default().clone();
		let mut known = known.0.lock().await;
		let now_ms = self.clock.now_ms();
		if now_ms >= known.0 {
			let late = self.clock.sleep_until(now_ms.saturating_add(ANSWER_MS));
			*known = match select(self.chain.challenge(At::Best, claim), late).await {
				Either::Left((Ok(view), _)) => (now_ms.saturating_add(BELIEVED_MS), view),
				other => {
					let why = match other {
						Either::Left((Err(error), _)) => error.to_string(),
						_ => "the node gives no answer".to_owned(),
					};
					tracing::warn!(claim, why, "cannot look up who judges a claim");
					// Earlier judges still count; an unknown one comes again.
					let again_ms = self.clock.now_ms().saturating_add(ANSWER_MS);
					(again_ms, known.1.take())
				}
			};
		}
		known.1.clone()
	}

	/// Whether a pass over a claim is that of one of its judges.
	pub(crate) async fn is_judge(&self, shown: &SignedPass) -> bool {
		let pass = &shown.pass;
		let view = self.challenge(pass.claim).await;
		view.filter(|view| view.tranche == pass.tranche).is_some_and(|view| {
			let mut seats = view.members.iter().zip(&view.keys);
			seats.any(|(member, key)| {
				*member == pass.account && key.verify(&pass.payload(), &shown.signature)
			})
		})
	}

	/// Forgets a claim that is closed.
	pub(crate) fn forget(&self, claim: ClaimId) {
		lock(&self.known).remove(&claim);
	}
}
