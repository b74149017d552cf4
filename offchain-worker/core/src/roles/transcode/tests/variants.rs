//! Forced variants, and how they are opened.

use livepeer_primitives::variant::{choice, VariantPlace};

use super::*;
use crate::fakes::FakeOpening;

/// Forces half of all segments in offers from now on.
fn force_half(story: &Story) {
	let terms = story.chain.terms();
	let variant_rate = Perbill::from_percent(50);
	let terms = VerificationTerms { variant_rate, ..terms.terms };
	story.chain.set_terms(ClaimTerms { terms, ..story.chain.terms() });
}

/// A story whose job 2 has forced variants, and its role.
async fn with_variants(sim: &Sim) -> (Story, TranscodeRole) {
	let story = Story::new(sim).await;
	force_half(&story);
	story.another_job("varied").await;
	let role = story.role(FakeEngine::default());
	role.registration.refresh().await.unwrap();
	(story, role)
}

/// Sends a segment of job 2, and says which variant its output is.
async fn varied(story: &Story, role: &TranscodeRole, seq: Seq) -> Option<u8> {
	let sent = role.push(story.signed_for(2, "varied", seq), bytes(seq)).await;
	let TranscodeResult::Transcoded(outputs) = receipt(sent).result else { panic!("good input") };
	let served = role.chunks(outputs[0].unwrap().hash, ChunkRange::behind(0)).await.unwrap();
	let output = served.bytes;
	// The fake's variants have one byte more, which names the start.
	let plain = bytes(seq).len() + 1;
	output.get(plain).map(|start| start - 0xf0)
}

#[test]
fn forced_segments_should_be_made_with_their_variant_and_no_others() {
	simulate(|sim| async move {
		let (story, role) = with_variants(&sim).await;
		let stream = stream_id(&story.broadcaster.account(), "varied");
		let ring = Keyring::own(story.key.clone());
		let drawing = ring.drawing(&[], 0).unwrap();
		let mut forced = 0;
		for seq in 0..16 {
			let place = VariantPlace { genesis: GENESIS, stream, job: 2, assignment: 0, seq };
			let choice = choice(&drawing.x(&place).unwrap());
			let due = choice.due(1, Perbill::from_percent(50)).map(|_| choice.start % 4);
			assert_eq!(varied(&story, &role, seq).await, due, "segment {seq}");
			forced += usize::from(due.is_some());
		}
		assert!((1..16).contains(&forced), "{forced}");
		// What was offered before variants were asked for has none.
		let mut plain = receipt(story.send(&role, 0).await);
		for seq in 1..8 {
			let TranscodeResult::Transcoded(outputs) = &plain.result else { panic!("good input") };
			assert_eq!(outputs[0].unwrap().len as usize, bytes(0).len() + 1);
			plain = receipt(story.send(&role, seq).await);
		}
	})
}

/// A claim in job 2 of which some leaves are drawn and revealed.
async fn claim_to_open(story: &Story, role: &TranscodeRole) -> livepeer_primitives::ClaimId {
	for seq in 0..4 {
		varied(story, role, seq).await;
	}
	story.duties(role).await;
	let (id, claim) = story.chain.claims().into_iter().next().unwrap();
	assert_eq!(claim.info.job, 2);
	story.chain.draw(id, H256::repeat_byte(3), 8);
	story.duties(role).await;
	id
}

fn openings(story: &Story) -> usize {
	let calls = story.chain.calls();
	calls.iter().filter(|call| matches!(call, Call::OpenVariants { .. })).count()
}

#[test]
fn variants_should_be_opened_once_it_is_final_that_nobody_commits() {
	simulate(|sim| async move {
		let (story, role) = with_variants(&sim).await;
		let id = claim_to_open(&story, &role).await;
		let deadline = story.head().best + 1_000;
		let awaited = |is_final| FakeOpening::Awaited { deadline, is_final };
		story.duties(&role).await;
		assert_eq!(openings(&story), 0, "judges can still say something");
		story.chain.await_opening(id, awaited(false));
		for _ in 0..10 {
			story.duties(&role).await;
			story.chain.block();
		}
		assert_eq!(openings(&story), 0, "and could again, were the chain reorganised");
		story.chain.await_opening(id, awaited(true));
		// Restarted in between: nothing else is needed.
		let role = story.role(FakeEngine::default());
		story.duties(&role).await;
		assert_eq!(openings(&story), 1);
		let claim = story.chain.claims().remove(&id).unwrap();
		let FakeOpening::Opened(opened) = &claim.opening else { panic!("{:?}", claim.opening) };
		assert_eq!(opened.len(), claim.drawn_leaves());
		story.duties(&role).await;
		assert_eq!(openings(&story), 1, "once is enough");
		// A reorg takes it back: it is sent again, after a while, and reported once.
		story.chain.await_opening(id, awaited(true));
		story.duties(&role).await;
		assert_eq!(openings(&story), 1, "it may be on its way");
		story.pass(RESEND_BLOCKS);
		story.duties(&role).await;
		assert_eq!(openings(&story), 2);
		let events = story.events.events();
		let told =
			|event: &&Event| matches!(event, Event::VariantsOpened { claim, .. } if *claim == id);
		assert_eq!(events.iter().filter(told).count(), 1);
	})
}

#[test]
fn variants_should_be_opened_in_the_second_half_of_the_time_though_nothing_is_final() {
	simulate(|sim| async move {
		let (story, role) = with_variants(&sim).await;
		let id = claim_to_open(&story, &role).await;
		let deadline = story.head().best + 21;
		story.chain.await_opening(id, FakeOpening::Awaited { deadline, is_final: false });
		while openings(&story) == 0 {
			assert!(story.head().best < deadline);
			story.duties(&role).await;
			story.chain.block();
		}
		let left = deadline - story.head().best;
		assert!((6..=10).contains(&left), "{left} blocks before the deadline");
	})
}

#[test]
fn opening_that_fails_should_be_tried_again() {
	simulate(|sim| async move {
		let (story, role) = with_variants(&sim).await;
		let id = claim_to_open(&story, &role).await;
		let deadline = story.head().best + 100;
		story.chain.await_opening(id, FakeOpening::Awaited { deadline, is_final: true });
		let reason = "the pool is full".to_owned();
		let call = "ChallengeLottery.open_variants";
		story.chain.fail_next(ChainError::NotIncluded { call, reason });
		story.duties(&role).await;
		assert_eq!(openings(&story), 0);
		story.pass(RESEND_BLOCKS);
		story.duties(&role).await;
		assert_eq!(openings(&story), 1);
		// A refusal of the chain is reported.
		story.chain.await_opening(id, FakeOpening::Awaited { deadline: 0, is_final: true });
		story.pass(RESEND_BLOCKS);
		story.duties(&role).await;
		let said = story.warned(Warning::Refused);
		assert!(said.iter().any(|text| text.contains("open_variants")), "{said:?}");
	})
}

#[test]
fn operator_should_be_told_when_the_key_is_gone_by_which_a_claim_is_to_be_opened() {
	simulate(|sim| async move {
		let story = Story::new(&sim).await;
		let [shared, one] = ["//Shared", "//One"].map(|uri| Key::from_uri(uri).unwrap());
		let account = story.key.account();
		story.chain.set_keys(&account, Purpose::Duties, &[&shared, &one]);
		force_half(&story);
		story.another_job("varied").await;
		let with = story.role_by(vec![one.clone(), shared.clone()]);
		with.registration.refresh().await.unwrap();
		let id = claim_to_open(&story, &with).await;
		let deadline = story.head().best + 1_000;
		story.chain.await_opening(id, FakeOpening::Awaited { deadline, is_final: true });
		story.duties(&story.role_by(vec![one])).await;
		assert_eq!(openings(&story), 0);
		let said = story.warned(Warning::Refused);
		assert!(said.iter().any(|text| text.contains("cannot be opened")), "{said:?}");
		// Its file is given again.
		story.duties(&story.role_by(vec![shared])).await;
		assert_eq!(openings(&story), 1);
	})
}

/// A pool's machine that lacks the key of variants would make segments that are missed.
#[test]
fn nothing_should_be_accepted_without_the_key_that_draws_variants() {
	simulate(|sim| async move {
		let story = Story::new(&sim).await;
		let [shared, one] = ["//Shared", "//One"].map(|uri| Key::from_uri(uri).unwrap());
		let account = story.key.account();
		assert_eq!(story.chain.set_keys(&account, Purpose::Duties, &[&shared, &one]), 1);
		let without = story.role_by(vec![one.clone()]);
		without.register(&FakeNet::record("t")).await.unwrap();
		force_half(&story);
		let missing = without.register(&FakeNet::record("t")).await.unwrap_err();
		assert!(matches!(missing, TranscodeError::Vrf(_)), "{missing}");
		story.another_job("varied").await;
		without.registration.refresh().await.unwrap();
		let toolchain = async || {
			let view = story.chain.client(None).job(At::Best, 2).await.unwrap();
			view.and_then(|view| view.current?.toolchain)
		};
		assert_eq!(toolchain().await, None, "it is not accepted");
		let said = story.warned(Warning::Refused);
		assert!(said.iter().any(|text| text.contains("job 2 is not accepted")), "{said:?}");
		// With it, it signs as its own key and draws by the shared one.
		let with = story.role_by(vec![one, shared]);
		with.register(&FakeNet::record("t")).await.unwrap();
		with.registration.refresh().await.unwrap();
		assert!(toolchain().await.is_some());
		// The key is gone: what cannot be forced is not transcoded.
		let reply = without.push(story.signed_for(2, "varied", 0), bytes(0)).await;
		assert_eq!(reply, PushReply::Refused(Refusal::Internal));
		let mut found = 0;
		for seq in 0..8 {
			found += usize::from(varied(&story, &with, seq).await.is_some());
		}
		assert!(found > 0);
	})
}

/// A process's work with a head, which it may not survive.
async fn live(story: &Story) {
	let role = story.role(FakeEngine::default());
	let _ = role.registration.refresh().await;
	let _ = role.claiming.claim_duties(story.head()).await;
	for claim in story.store.claims().unwrap() {
		if let Some(id) = claim.id {
			let _ = role.claiming.answer(story.head(), id, &claim).await;
		}
	}
}

/// Processes that are killed: one before its call is on its way, and one when that is in a block, of which the
/// folder knows nothing. Then some that are not.
async fn killed(story: &Story) {
	let (call, reason) = ("killed", "before it was sent".to_owned());
	story.chain.fail_next(ChainError::NotIncluded { call, reason });
	live(story).await;
	story.store.fill(true);
	live(story).await;
	story.store.fill(false);
	for _ in 0..3 {
		live(story).await;
	}
}

/// At the claim, at the reveals, at the opening and when it is paid.
#[test]
fn transcoder_killed_at_any_point_of_a_claim_should_do_each_thing_once() {
	simulate(|sim| async move {
		let (story, role) = with_variants(&sim).await;
		for seq in 0..4 {
			varied(&story, &role, seq).await;
		}
		drop(role);
		let made = |is_it: fn(&Call) -> bool| {
			story.chain.calls().iter().filter(|call| is_it(call)).count()
		};
		killed(&story).await;
		assert_eq!(made(|call| matches!(call, Call::ClaimWork(..))), 1);
		let (id, claim) = story.chain.claims().into_iter().next().unwrap();
		assert_eq!((claim.info.job, claim.info.commitment.leaf_count), (2, 4));
		story.chain.draw(id, H256::repeat_byte(3), 8);
		killed(&story).await;
		let claim = story.chain.claims().remove(&id).unwrap();
		assert_eq!(made(|call| matches!(call, Call::RevealLeaf { .. })), claim.drawn_leaves());
		let deadline = story.head().best + 1_000;
		story.chain.await_opening(id, FakeOpening::Awaited { deadline, is_final: true });
		killed(&story).await;
		assert_eq!(openings(&story), 1);
		story.chain.decide(id, livepeer_primitives::claim::Outcome::Accepted);
		killed(&story).await;
		story.chain.close(id);
		killed(&story).await;
		assert!(story.store.claims().unwrap().is_empty());
		assert_eq!(story.store.blob_count(), 0);
	})
}
