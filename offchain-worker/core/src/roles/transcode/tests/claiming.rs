//! Claims: when they are made, when they wait, and what becomes of them.

use livepeer_primitives::{claim::Outcome, leaf::Leaf};

use super::*;
use crate::roles::transcode::claiming::REFUSALS;

#[test]
fn claim_should_be_made_answered_and_closed() {
	simulate(|sim| async move {
		let story = Story::new(&sim).await;
		let role = story.role(FakeEngine::default());
		story.send_all(&role, 0..5).await;
		story.duties(&role).await;
		assert_eq!(story.store.cursor(1, 0).unwrap(), 5);
		let claims = story.chain.claims();
		let (id, claim) = claims.iter().next().unwrap();
		assert_eq!((claim.info.first, claim.info.commitment.leaf_count), (0, 5));
		story.chain.draw(*id, H256::repeat_byte(3), 8);
		// Restarted in between: everything needed is in the store.
		let role = story.role(FakeEngine::default());
		story.duties(&role).await;
		let revealed = story.chain.claims()[id].revealed.len();
		assert!(revealed > 1);
		story.duties(&role).await;
		let calls = story.chain.calls();
		let reveals = calls.iter().filter(|c| matches!(c, Call::RevealLeaf { .. })).count();
		assert_eq!(reveals, revealed, "nothing is revealed twice");
		story.chain.decide(*id, Outcome::Accepted);
		story.duties(&role).await;
		story.chain.close(*id);
		story.duties(&role).await;
		assert!(story.store.claims().unwrap().is_empty());
		assert_eq!(story.store.blob_count(), 0, "nothing is kept of a closed claim");
		let closed = story.events.events().into_iter().any(|event| {
			event == Event::ClaimClosed { claim: *id, outcome: Some("Accepted".into()) }
		});
		assert!(closed);
		// The cursor outlives the claim.
		let late = story.send(&role, 3).await;
		assert_eq!(late, PushReply::Refused(Refusal::TooLate));
	})
}

/// A story with two claims that are final, and the role that made them.
async fn two_claims(sim: &Sim) -> (Story, TranscodeRole, [livepeer_primitives::ClaimId; 2]) {
	let story = Story::new(sim).await;
	let role = story.role(FakeEngine::default());
	for first in [0, 4] {
		story.send_all(&role, first..first + 4).await;
		story.duties(&role).await;
	}
	// Their numbers are noted.
	story.duties(&role).await;
	let claims = story.store.claims().unwrap();
	let ids: Vec<_> = claims.iter().filter_map(|claim| claim.id).collect();
	(story, role, ids.try_into().unwrap())
}

/// Whether something of a claim is revealed.
fn is_revealed(story: &Story, claim: livepeer_primitives::ClaimId) -> bool {
	!story.chain.claims()[&claim].revealed.is_empty()
}

#[test]
fn claims_should_be_answered_side_by_side() {
	simulate(|sim| async move {
		let (story, role, ids) = two_claims(&sim).await;
		for id in ids {
			story.chain.draw(id, H256::repeat_byte(3), 8);
		}
		story.chain.slow_challenges(&sim.clock, 1_000);
		assert!(sim.within(1_500, role.claiming.answer_claims()).await.is_none());
		assert!(ids.iter().all(|id| is_revealed(&story, *id)), "none waits for the other");
	})
}

#[test]
fn claim_should_be_answered_while_another_ones_transactions_hang() {
	simulate(|sim| async move {
		let (story, role, [hanging, other]) = two_claims(&sim).await;
		story.chain.hang(hanging, &sim.clock, 120_000);
		story.chain.draw(hanging, H256::repeat_byte(3), 8);
		serve(&story, role);
		sim.sleep(5_000).await;
		// Drawn while the first one's transactions are on their way.
		story.chain.draw(other, H256::repeat_byte(4), 8);
		sim.sleep(5_000).await;
		assert!(is_revealed(&story, other));
		assert!(!is_revealed(&story, hanging));
		// And the first one is answered when they have come to nothing.
		story.chain.hang_no_more();
		sim.sleep(120_000).await;
		assert!(is_revealed(&story, hanging));
	})
}

#[test]
fn claim_should_be_sent_again_only_when_it_is_not_on_chain() {
	simulate(|sim| async move {
		let story = Story::new(&sim).await;
		let role = story.role(FakeEngine::default());
		story.send_all(&role, 0..4).await;
		let lost = ChainError::NotIncluded { call: "Jobs.claim_work", reason: "dropped".into() };
		story.chain.fail_next(lost);
		story.duties(&role).await;
		assert!(story.chain.claims().is_empty());
		story.pass(RESEND_BLOCKS);
		story.duties(&role).await;
		assert_eq!(story.chain.claims().len(), 1);
		// A restart forgets what was sent; the chain remembers.
		let restarted = story.role(FakeEngine::default());
		story.duties(&restarted).await;
		story.duties(&restarted).await;
		assert_eq!(story.chain.claims().len(), 1);
	})
}

/// A transcoder is upgraded while it has claims open, and segments that are not claimed yet.
#[test]
fn work_of_an_earlier_toolchain_should_be_claimed_and_answered_after_an_upgrade() {
	simulate(|sim| async move {
		let story = Story::new(&sim).await;
		let before = story.role(FakeEngine::default());
		story.send_all(&before, 0..4).await;
		story.duties(&before).await;
		story.send_all(&before, 4..8).await;
		drop(before);
		let engine = FakeEngine { toolchain: H256::repeat_byte(0x7d), ..FakeEngine::default() };
		let after = story.role(engine);
		after.registration.refresh().await.unwrap();
		let more = story.send(&after, 8).await;
		assert_eq!(more, PushReply::Refused(Refusal::NotServed), "it makes other bytes now");
		story.duties(&after).await;
		let old = FakeEngine::default().toolchain;
		let claims = story.chain.claims();
		let made: Vec<_> =
			claims.values().map(|claim| (claim.info.first, claim.info.toolchain)).collect();
		assert_eq!(made, [(0, old), (4, old)]);
		for id in claims.keys() {
			story.chain.draw(*id, H256::repeat_byte(3), 8);
		}
		for _ in 0..3 {
			story.duties(&after).await;
		}
		assert!(claims.keys().all(|id| is_revealed(&story, *id)));
	})
}

#[test]
fn rest_should_be_claimed_when_the_assignment_ends() {
	simulate(|sim| async move {
		let story = Story::new(&sim).await;
		let role = story.role(FakeEngine::default());
		receipt(story.send(&role, 0).await);
		receipt(story.send(&role, 2).await);
		story.duties(&role).await;
		assert!(story.chain.claims().is_empty());
		story.end_job().await;
		story.duties(&role).await;
		let claims = story.chain.claims();
		let claim = claims.values().next().unwrap();
		assert_eq!((claim.info.first, claim.info.commitment.leaf_count), (0, 3));
		assert_eq!(story.store.claims().unwrap()[0].leaves[1], Leaf::Empty);
	})
}

#[test]
fn claim_should_be_given_up_in_words_when_the_chain_refuses_it_again_and_again() {
	simulate(|sim| async move {
		let story = Story::new(&sim).await;
		let role = story.role(FakeEngine::default());
		story.send_all(&role, 0..4).await;
		for refusal in 0..REFUSALS {
			assert_eq!(story.store.claims().unwrap().len(), usize::from(refusal > 0));
			assert_eq!(story.given_up(), vec![]);
			// So is one of a segment that is left alone when its job is handed on.
			let (call, refused) = ("Jobs.claim_work", Refused::FeeTooSmall);
			story.chain.fail_next(ChainError::Refused { call, refused });
			story.duties(&role).await;
			story.pass(RESEND_BLOCKS);
		}
		assert!(story.store.claims().unwrap().is_empty());
		assert_eq!(story.store.blob_count(), 0);
		let given_up = story.given_up();
		let [(0, 3, why)] = &given_up[..] else { panic!("{given_up:?}") };
		assert!(why.contains("Jobs.FeeTooSmall") && why.contains("the least that the chain pays"));
	})
}

#[test]
fn claim_should_be_kept_when_the_refusal_can_pass() {
	simulate(|sim| async move {
		let story = Story::new(&sim).await;
		let role = story.role(FakeEngine::default());
		story.send_all(&role, 0..4).await;
		for _ in 0..REFUSALS + 1 {
			let refused = Refused::named("System", "CallFiltered");
			story.chain.fail_next(ChainError::Refused { call: "Jobs.claim_work", refused });
			story.duties(&role).await;
			story.pass(RESEND_BLOCKS);
		}
		assert!(story.chain.claims().is_empty());
		story.duties(&role).await;
		assert_eq!(story.chain.claims().len(), 1);
	})
}

#[test]
fn claims_should_arrive_in_order_when_the_first_is_lost() {
	simulate(|sim| async move {
		let story = Story::new(&sim).await;
		let role = story.role(FakeEngine::default());
		story.send_all(&role, 0..4).await;
		let lost = ChainError::NotIncluded { call: "Jobs.claim_work", reason: "dropped".into() };
		story.chain.fail_next(lost);
		story.duties(&role).await;
		story.send_all(&role, 4..8).await;
		// The chain would take no claim behind a later one: the first must be there before.
		story.duties(&role).await;
		assert!(story.chain.claims().is_empty());
		story.pass(RESEND_BLOCKS);
		for _ in 0..3 {
			story.duties(&role).await;
		}
		let firsts: Vec<Seq> = story.chain.claims().values().map(|c| c.info.first).collect();
		assert_eq!(firsts, [0, 4]);
	})
}

#[test]
fn claim_should_not_be_forgotten_when_the_node_is_behind() {
	simulate(|sim| async move {
		let story = Story::new(&sim).await;
		for seq in 0..4 {
			receipt(story.send(&story.role(FakeEngine::default()), seq).await);
		}
		let role = story.role(FakeEngine::default());
		story.duties(&role).await;
		story.duties(&role).await;
		let height = story.head().finalized;
		let id = story.store.claims().unwrap()[0].id.unwrap();
		// A node that was restored, and the worker restarted beside it.
		story.chain.rewind(1);
		story.chain.close(id);
		let restarted = story.role(FakeEngine::default());
		story.duties(&restarted).await;
		assert_eq!(story.store.claims().unwrap().len(), 1);
		while story.head().finalized < height {
			story.chain.block();
		}
		story.duties(&restarted).await;
		assert!(story.store.claims().unwrap().is_empty());
	})
}

#[test]
fn receipts_should_be_dropped_when_the_job_is_gone() {
	simulate(|sim| async move {
		let story = Story::new(&sim).await;
		let role = story.role(FakeEngine::default());
		receipt(story.send(&role, 0).await);
		story.chain.remove_job(1);
		story.duties(&role).await;
		assert!(story.store.assignments().unwrap().is_empty());
		assert_eq!(story.store.blob_count(), 0);
	})
}

/// In a reorganised chain the assignment is accepted after its transcoder has named other keys: what was
/// made before has the variants of another VRF.
#[test]
fn segment_made_by_an_earlier_generation_should_come_into_no_claim_of_a_later_one() {
	simulate(|sim| async move {
		let story = Story::new(&sim).await;
		let new = Key::from_uri("//New").unwrap();
		let account = story.key.account();
		let role = story.role_by(vec![story.key.clone(), new.clone()]);
		role.registration.refresh().await.unwrap();
		story.send_all(&role, 0..2).await;
		assert_eq!(story.chain.set_keys(&account, Purpose::Duties, &[&new]), 1);
		story.chain.accept_again(story.job);
		role.registration.refresh().await.unwrap();
		for seq in 0..2 {
			assert_eq!(story.send(&role, seq).await, PushReply::Refused(Refusal::Conflict));
		}
		story.send_all(&role, 2..6).await;
		for _ in 0..3 {
			story.duties(&role).await;
			story.chain.block();
		}
		let claims: Vec<_> = story.chain.claims().into_values().map(|claim| claim.info).collect();
		let [claim] = &claims[..] else { panic!("{claims:?}") };
		assert_eq!((claim.first, claim.commitment.leaf_count, claim.transcoder_keys), (2, 4, 1));
		assert_eq!(story.warned(Warning::ClaimLost).len(), 1);
		assert_eq!((story.given_up()[0].0, story.given_up()[0].1), (0, 1));
	})
}

/// The same of the broadcaster's keys, which a claim does not name: it would be taken, and its leaves could
/// not be revealed.
#[test]
fn claim_should_not_be_sent_with_leaves_that_are_signed_by_other_keys_than_the_assignments() {
	simulate(|sim| async move {
		let story = Story::new(&sim).await;
		let role = story.role(FakeEngine::default());
		role.registration.refresh().await.unwrap();
		story.send_all(&role, 0..4).await;
		// The claim is fixed, and does not come through.
		let reason = "the pool is full".to_owned();
		let call = "Jobs.claim_work";
		story.chain.fail_next(ChainError::NotIncluded { call, reason });
		story.duties(&role).await;
		assert_eq!(story.store.claims().unwrap().len(), 1);
		let new = Key::from_uri("//NewBroadcaster").unwrap();
		story.chain.set_keys(&story.broadcaster.account(), Purpose::Segments, &[&new]);
		story.chain.accept_again(story.job);
		story.pass(RESEND_BLOCKS);
		story.duties(&role).await;
		assert_eq!(story.store.claims().unwrap(), vec![]);
		assert!(story.chain.claims().is_empty());
		assert_eq!(story.warned(Warning::ClaimLost).len(), 1);
	})
}

#[test]
fn claims_and_reveals_should_start_at_once_when_registering_waits() {
	simulate(|sim| async move {
		let story = Story::new(&sim).await;
		let before = story.role(FakeEngine::default());
		story.send_all(&before, 0..4).await;
		story.duties(&before).await;
		story.duties(&before).await;
		let id = story.store.claims().unwrap()[0].id.unwrap();
		story.send_all(&before, 4..8).await;
		// Restarted in the lock period with other terms, while the draw of its claim runs.
		story.chain.lock_terms(true);
		let ring = Keyring::own(story.key.clone());
		let config = TranscodeConfig { price: UNIT / 500, ..config() };
		let own = Some(story.key.clone());
		let role = story.role_with(ring, own, FakeEngine::default(), config);
		story.chain.draw(id, H256::repeat_byte(3), 8);
		let ended = serve(&story, role);
		sim.sleep(9_000).await;
		assert!(!story.chain.claims()[&id].revealed.is_empty(), "revealed");
		assert_eq!(story.chain.claims().len(), 2, "claimed");
		let view = |story: &Story| {
			let (chain, account) = (story.chain.client(None), story.key.account());
			async move { chain.transcoder(&account).await.unwrap().unwrap() }
		};
		assert_eq!(view(&story).await.price, UNIT / 1_000);
		let waits =
			|event: &Event| matches!(event, Event::Waits { text } if text.contains("locked"));
		assert!(story.events.events().iter().any(waits));
		story.chain.lock_terms(false);
		sim.sleep(30_000).await;
		assert_eq!(view(&story).await.price, UNIT / 500, "registered when it can be");
		assert_eq!(ended.get(), None);
	})
}

#[test]
fn operator_should_be_told_how_a_claim_ended_badly() {
	for (outcome, what) in [
		(Outcome::Failed, Warning::ClaimFailed),
		(Outcome::Missed, Warning::ClaimMissed),
		(Outcome::Void, Warning::ClaimVoid),
	] {
		simulate(move |sim| async move {
			let story = Story::new(&sim).await;
			let role = story.role(FakeEngine::default());
			story.send_all(&role, 0..4).await;
			story.duties(&role).await;
			story.duties(&role).await;
			let id = story.store.claims().unwrap()[0].id.unwrap();
			assert!(story.warned(Warning::SlashPending).is_empty());
			story.chain.decide(id, outcome);
			story.duties(&role).await;
			let pending = story.warned(Warning::SlashPending);
			assert_eq!(pending.is_empty(), outcome == Outcome::Void, "{what:?}: {pending:?}");
			story.chain.close(id);
			story.duties(&role).await;
			let is = |event: &Event| matches!(event, Event::Warned { what: w, .. } if *w == what);
			assert!(story.events.events().iter().any(is), "{what:?}");
		})
	}
}
