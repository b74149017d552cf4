//! Judges of open claims are let in, and strangers cost nothing.

use livepeer_primitives::{keys::VerifierPair, verdict::Pass};

use super::*;

fn verifier(uri: &str) -> VerifierPair {
	<VerifierPair as sp_core::Pair>::from_string(uri, None).unwrap()
}

/// The pass of a judge as `uri` signs it.
fn pass(claim: livepeer_primitives::ClaimId, account: &AccountId, uri: &str) -> SignedPass {
	let pass = Pass {
		genesis: GENESIS,
		claim,
		tranche: 0,
		account: account.clone(),
		peer_id: Default::default(),
	};
	let signature = sp_core::Pair::sign(&verifier(uri), pass.payload().as_bytes());
	SignedPass { pass, signature }
}

/// A story with a claim that is final and has a judge, and the role that made it.
async fn judged(sim: &Sim) -> (Story, TranscodeRole, livepeer_primitives::ClaimId, AccountId) {
	let story = Story::new(sim).await;
	let role = story.role(FakeEngine::default());
	story.send_all(&role, 0..4).await;
	story.duties(&role).await;
	story.duties(&role).await;
	let claim = story.store.claims().unwrap()[0].id.unwrap();
	let judge = AccountId::new([5; 32]);
	let public = sp_core::Pair::public(&verifier("//Judge"));
	story.chain.seat(claim, vec![(judge.clone(), public)]);
	(story, role, claim, judge)
}

#[test]
fn judges_should_all_get_the_true_answer_while_who_judges_is_looked_up() {
	simulate(|sim| async move {
		let (story, role, claim, judge) = judged(&sim).await;
		story.chain.slow_challenges(&sim.clock, 500);
		let shown = pass(claim, &judge, "//Judge");
		let asked = futures::future::join_all((0..8).map(|_| role.is_judge(&shown))).await;
		assert_eq!(asked, [true; 8]);
		assert!(!role.is_judge(&pass(claim, &judge, "//Stranger")).await);
		// A node that gives no answer is no sign that nobody judges.
		story.chain.slow_challenges(&sim.clock, 60_000);
		sim.sleep(10_000).await;
		let (before, asked) = (sim.clock.now_ms(), role.is_judge(&shown).await);
		assert!(asked, "who judged a moment ago still does");
		assert!(sim.clock.now_ms() - before <= 2_000, "the wait is bounded");
		// Nor is one that is away when a claim's judges are not known yet.
		let restarted = story.role(FakeEngine::default());
		story.chain.cut(true);
		assert!(!restarted.is_judge(&shown).await);
		story.chain.cut(false);
		story.chain.slow_challenges(&sim.clock, 0);
		sim.sleep(2_000).await;
		assert!(restarted.is_judge(&shown).await, "it comes again, and is let in");
	})
}

#[test]
fn strangers_should_not_be_able_to_have_the_store_searched() {
	simulate(|sim| async move {
		let (story, role, claim, judge) = judged(&sim).await;
		assert!(role.is_judge(&pass(claim, &judge, "//Judge")).await);
		let stream = stream_id(&story.broadcaster.account(), "demo");
		let before = story.store.scans();
		for unknown in 0..50 {
			assert!(!role.is_judge(&pass(1_000 + unknown, &judge, "//Judge")).await);
			assert_eq!(role.newest(Hash::repeat_byte(unknown as u8)).await, None);
			let hash = H256::repeat_byte(unknown as u8);
			assert!(role.chunks(hash, ChunkRange::behind(0)).await.is_none());
		}
		assert_eq!(role.newest(stream).await.map(|signed| signed.header.seq), Some(3));
		assert_eq!(story.store.scans(), before);
		// Also for claimed and closed segments: a broadcaster that lost its store asks for them.
		story.chain.close(claim);
		story.duties(&role).await;
		assert_eq!(role.newest(stream).await.map(|signed| signed.header.seq), Some(3));
		let closed = story.store.scans();
		assert!(!role.is_judge(&pass(claim, &judge, "//Judge")).await, "no longer open");
		assert_eq!(story.store.scans(), closed);
	})
}

#[test]
fn place_should_be_kept_for_judges_of_open_claims_only() {
	simulate(|sim| async move {
		let (_story, role, claim, judge) = judged(&sim).await;
		let shown = |change: &dyn Fn(&mut Pass), by: &str| {
			let mut pass = Pass {
				genesis: GENESIS,
				claim,
				tranche: 0,
				account: judge.clone(),
				peer_id: Default::default(),
			};
			change(&mut pass);
			let signature = sp_core::Pair::sign(&verifier(by), pass.payload().as_bytes());
			SignedPass { pass, signature }
		};
		assert!(role.is_judge(&shown(&|_| (), "//Judge")).await);
		assert!(!role.is_judge(&shown(&|_| (), "//Stranger")).await);
		assert!(!role.is_judge(&shown(&|pass| pass.claim += 1, "//Judge")).await);
		assert!(!role.is_judge(&shown(&|pass| pass.tranche = 1, "//Judge")).await);
		assert!(!role.is_judge(&shown(&|pass| pass.genesis = Hash::zero(), "//Judge")).await);
		let other = AccountId::new([6; 32]);
		assert!(!role.is_judge(&shown(&|pass| pass.account = other.clone(), "//Judge")).await);
	})
}
