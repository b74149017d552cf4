//! Claims and what they are worth: the fee, the verification, the call, the bond that backs them.

use super::*;

#[test]
fn claim_should_not_be_made_when_its_fee_is_below_the_smallest() {
	simulate(|sim| async move {
		let story = Story::new(&sim).await;
		let role = story.role(FakeEngine::default());
		receipt(story.send(&role, 0).await);
		story.end_job().await;
		story.duties(&role).await;
		assert!(story.chain.claims().is_empty());
		assert!(story.store.claims().unwrap().is_empty());
		story.chain.remove_job(1);
		story.duties(&role).await;
		assert_eq!(story.store.blob_count(), 0);
	})
}

/// The cost of verifying a claim of one segment, in percent of its worth.
fn set_cost(story: &Story, percent: u128) {
	let mut terms = story.chain.terms();
	let VerificationTerms { committee_size, fee_ratio, .. } = terms.terms;
	let parts = u128::from(committee_size) * u128::from(fee_ratio) * 100;
	terms.terms.verify_price = UNIT / 1000 * percent / parts;
	story.chain.set_terms(terms);
}

#[test]
fn claim_should_wait_until_it_is_worth_its_verification_and_no_longer() {
	simulate(|sim| async move {
		let story = Story::new(&sim).await;
		let role = story.role(FakeEngine::default());
		// A quarter of a long claim's leaves is drawn, and each costs three times what it is worth.
		set_cost(&story, 300);
		story.send_all(&role, 0..2).await;
		sim.sleep(3_600_000).await;
		story.duties(&role).await;
		assert!(
			story.store.claims().unwrap().is_empty(),
			"nothing is signed that would be refused"
		);
		story.send_all(&role, 2..8).await;
		story.duties(&role).await;
		let claims = story.chain.claims();
		let claim = claims.values().next().unwrap();
		assert_eq!((claim.info.first, claim.info.commitment.leaf_count), (0, 8));
		// The last one is taken at the end, however small.
		story.send_all(&role, 8..10).await;
		story.end_job().await;
		story.duties(&role).await;
		assert_eq!(story.chain.claims().len(), 2);
	});
}

/// A broadcaster numbers its segments so that they never come together: none of them is a claim that
/// would be worth its verification alone.
#[test]
fn attack_segments_far_from_each_other_should_be_claimed_for_what_they_are_worth() {
	simulate(|sim| async move {
		let story = Story::new(&sim).await;
		let role = story.role(FakeEngine::default());
		// A pair is worth its verification, but not twice over, as the chain asks of its mean leaf.
		let mut terms = story.chain.terms();
		terms.terms.fee_ratio = 2;
		story.chain.set_terms(terms);
		set_cost(&story, 300);
		story.send_all(&role, [0, 1, 1_000, 1_001]).await;
		sim.sleep(3_600_000).await;
		story.duties(&role).await;
		let claims = story.chain.claims();
		let claim = claims.values().next().expect("it does not stand before the other");
		let terms = story.chain.terms().terms;
		let (first, leaves) = (claim.info.first, claim.info.commitment.leaf_count);
		// As long as one leaf of it is drawn.
		assert_eq!((first, leaves), (0, terms.leaves_of(1)));
	});
}

/// The worth of a segment.
fn worth_of_one(story: &Story) -> Balance {
	let leaf = story.store.receipts(1, 0, 0, 1).unwrap()[0].leaf.work();
	fee(leaf, UNIT / 1000)
}

/// How many leaves each claim has.
fn claimed(story: &Story) -> Vec<u32> {
	let claims = story.chain.claims();
	claims.values().map(|claim| claim.info.commitment.leaf_count).collect()
}

/// Has one leaf of fifty drawn, for a committee of three.
fn draw_one_of_fifty(story: &Story) {
	let mut terms = story.chain.terms();
	terms.terms.rate = Perbill::from_percent(2);
	terms.terms.committee_size = 3;
	story.chain.set_terms(terms);
}

fn set_call_fee(story: &Story, call_fee: Balance) {
	story.chain.set_terms(ClaimTerms { call_fee, ..story.chain.terms() });
}

#[test]
fn claim_should_wait_until_its_call_is_a_small_part_of_it() {
	simulate(|sim| async move {
		let story = Story::new(&sim).await;
		let role = story.role(FakeEngine::default());
		story.send_all(&role, 0..6).await;
		// Half of the fee is its own, and that of seven segments is more than twenty times the cost of the
		// call.
		set_call_fee(&story, worth_of_one(&story) * 13 / 80);
		sim.sleep(3_600_000).await;
		story.duties(&role).await;
		assert!(story.chain.claims().is_empty(), "however long it has waited");
		receipt(story.send(&role, 6).await);
		story.duties(&role).await;
		assert_eq!(claimed(&story), [7]);
		// The last one is made as long as it pays its call.
		story.send_all(&role, 7..9).await;
		story.end_job().await;
		for _ in 0..3 {
			story.duties(&role).await;
		}
		assert_eq!(claimed(&story), [7, 2]);
	});
}

/// Whatever a claim is worth: short ones cost everybody a committee's work on each of few segments.
#[test]
fn claim_should_wait_until_its_verification_is_a_small_part_of_all_work() {
	simulate(|sim| async move {
		let story = Story::new(&sim).await;
		let role = story.role(FakeEngine::default());
		story.chain.set_allowance(1, PLENTY);
		// At least one leaf is drawn, and three do it again: 3 ÷ (22 + 3) is 12 %.
		draw_one_of_fifty(&story);
		story.send_all(&role, 0..21).await;
		sim.sleep(3_600_000).await;
		story.duties(&role).await;
		assert!(story.chain.claims().is_empty(), "however long it has waited");
		receipt(story.send(&role, 21).await);
		story.duties(&role).await;
		assert_eq!(claimed(&story), [22]);
		// The last one is as long as it is.
		story.send_all(&role, 22..25).await;
		story.end_job().await;
		for _ in 0..3 {
			story.duties(&role).await;
		}
		assert_eq!(claimed(&story), [22, 3]);
	});
}

/// That a job is over the chain notices late where a stranger has many others end with it. From its end on it takes the
/// last claims, and no later for that.
#[test]
fn attack_jobs_that_end_together_should_have_no_claim_wait_until_it_is_too_late() {
	simulate(|sim| async move {
		let story = Story::new(&sim).await;
		let role = story.role(FakeEngine::default());
		story.chain.set_allowance(1, PLENTY);
		draw_one_of_fifty(&story);
		story.send_all(&role, 0..3).await;
		let job = story.chain.client(None).job(At::Best, 1).await.unwrap().unwrap();
		story.pass(job.end - 1 - story.head().best);
		sim.sleep(3_600_000).await;
		story.duties(&role).await;
		assert!(story.chain.claims().is_empty(), "more may come");
		story.pass(1);
		story.duties(&role).await;
		let job = story.chain.client(None).job(At::Best, 1).await.unwrap().unwrap();
		assert!(!job.ended && job.current.unwrap().claimable_until.is_none());
		assert_eq!(claimed(&story), [3]);
	});
}

/// A broadcaster has several jobs of one transcoder end at once. Had each waited for as much as the own bond backs, most
/// of what was done could not be claimed in time, and nobody would pay for it.
#[test]
fn attack_jobs_that_end_together_should_leave_no_more_to_claim_than_the_own_bond_backs() {
	simulate(|sim| async move {
		let story = Story::new(&sim).await;
		let role = story.role(FakeEngine::default());
		story.another_job("two").await;
		role.registration.refresh().await.unwrap();
		for job in [1, 2] {
			story.chain.set_allowance(job, PLENTY);
		}
		let job = story.chain.client(None).job(At::Best, 1).await.unwrap().unwrap();
		let mut terms = story.chain.terms();
		terms.terms.rate = Perbill::from_percent(2);
		terms.terms.committee_size = 3;
		// Each job can have four of its largest segments open, and waits with two.
		terms.backing = 8 * fee(job.max_leaf_work, UNIT / 1000);
		story.chain.set_terms(terms);
		for seq in 0..3 {
			assert!(story.chain.claims().is_empty(), "{seq} wait");
			story.send_all(&role, [seq]).await;
			receipt(role.push(story.signed_for(2, "two", seq), bytes(seq)).await);
			sim.sleep(3_600_000).await;
			story.duties(&role).await;
		}
		let claims = story.chain.claims();
		let mut claimed: Vec<_> = claims
			.values()
			.map(|claim| (claim.info.job, claim.info.commitment.leaf_count))
			.collect();
		claimed.sort_unstable();
		assert_eq!(claimed, [(1, 3), (2, 3)]);
	});
}

/// With a public network's preset, verifying a claim that has waited takes 12 % of all work, and a full claim
/// less. So much of a newcomer's work is verified that no claim takes that little.
#[test]
fn verification_should_take_no_more_than_twelve_percent_by_the_preset() {
	let lottery = livepeer_primitives::params::ProtocolParameters::production().lottery;
	let part = |is_new: bool, leaves: u32| {
		let terms = lottery.terms(is_new);
		crate::roles::transcode::worth::verification(leaves, lottery.max_samples, &terms)
	};
	let most = crate::roles::transcode::worth::MOST_VERIFICATION;
	assert_eq!(most, Perbill::from_percent(12));
	assert!(part(false, 36) > most && part(false, 37) <= most);
	let full = |is_new| part(is_new, lottery.terms(is_new).leaves_of(lottery.max_samples));
	assert!(full(false) < most && full(true) > most);
}

#[test]
fn claim_should_wait_for_nothing_when_its_operator_says_so() {
	simulate(|sim| async move {
		let story = Story::new(&sim).await;
		let config = TranscodeConfig { claim_worth: 0, ..config() };
		let keys = Keyring::own(story.key.clone());
		let role = story.role_with(keys, Some(story.key.clone()), FakeEngine::default(), config);
		story.send_all(&role, 0..4).await;
		set_call_fee(&story, PLENTY);
		story.duties(&role).await;
		assert_eq!(story.chain.claims().len(), 1);
	});
}

/// At a price that never pays for the calls a stream must not stop for want of an allowance.
#[test]
fn claim_that_is_not_worth_its_call_should_be_made_before_the_allowance_is_used_up() {
	simulate(|sim| async move {
		let story = Story::new(&sim).await;
		let role = story.role(FakeEngine::default());
		story.send_all(&role, 0..4).await;
		set_call_fee(&story, worth_of_one(&story));
		let view = story.chain.client(None).job(At::Best, 1).await.unwrap().unwrap();
		let largest = fee(view.max_leaf_work, UNIT / 1000);
		story.chain.set_allowance(1, largest * 8);
		story.duties(&role).await;
		assert!(story.chain.claims().is_empty(), "as many may come yet");
		story.chain.set_allowance(1, largest * 7);
		story.duties(&role).await;
		assert_eq!(story.chain.claims().len(), 1);
	});
}

#[test]
fn claim_that_does_not_pay_its_call_should_be_given_up_when_the_assignment_ends() {
	simulate(|sim| async move {
		let story = Story::new(&sim).await;
		let role = story.role(FakeEngine::default());
		story.send_all(&role, 0..3).await;
		set_call_fee(&story, worth_of_one(&story) * 2);
		story.end_job().await;
		story.duties(&role).await;
		assert!(story.chain.claims().is_empty());
		assert!(story.store.claims().unwrap().is_empty());
		assert_eq!(story.store.blob_count(), 0, "nothing is kept of it");
	});
}

#[test]
fn claim_should_wait_until_the_own_bond_backs_it_and_say_so() {
	simulate(|sim| async move {
		let story = Story::new(&sim).await;
		let role = story.role(FakeEngine::default());
		let all = story.chain.terms();
		story.chain.set_terms(ClaimTerms { exposed: UNIT, backing: UNIT, ..all });
		story.send_all(&role, 0..4).await;
		story.duties(&role).await;
		assert!(
			story.store.claims().unwrap().is_empty(),
			"nothing is signed that would be refused"
		);
		let said = |event: &Event| matches!(event, Event::Warned { text, .. } if text.contains("own bond backs"));
		assert!(story.events.events().iter().any(said));
		// Another claim is decided.
		story.chain.set_terms(ClaimTerms { exposed: 0, backing: UNIT, ..all });
		story.duties(&role).await;
		assert_eq!(story.chain.claims().len(), 1);
	});
}

/// A claim that ends with the last seq of all is refused for good, and with it whatever would be claimed beside that:
/// a broadcaster that numbers its segments up to there would have a whole claim of them for nothing.
#[test]
fn attack_last_seq_of_all_with_which_no_claim_can_end() {
	simulate(|sim| async move {
		let story = Story::new(&sim).await;
		let role = story.role(FakeEngine::default());
		let last = Seq::MAX;
		assert_eq!(role.admit(&story.signed(last, &bytes(last))).await, Err(Refusal::TooFar));
		assert_eq!(story.send(&role, last).await, PushReply::Refused(Refusal::TooFar));
		story.send_all(&role, last - 4..last).await;
		story.duties(&role).await;
		let claims = story.chain.claims();
		let claimed: Vec<_> = claims
			.values()
			.map(|claim| (claim.info.first, claim.info.commitment.leaf_count))
			.collect();
		assert_eq!(claimed, [(last - 4, 4)]);
	})
}

/// A broadcaster numbers its segments so that no two fit into one claim, where one is worth none: they
/// are refused, and what was taken before stands before none that follow.
#[test]
fn attack_segments_numbered_so_far_apart_that_they_are_worth_no_claim() {
	simulate(|sim| async move {
		let claimed = |story: &Story| -> u32 {
			let claims = story.chain.claims();
			claims.values().map(|claim| claim.info.commitment.leaf_count).sum()
		};
		let far = PushReply::Refused(Refusal::TooFar);
		for step in [64, 800] {
			let story = Story::new(&sim).await;
			let role = story.role(FakeEngine::default());
			receipt(story.send(&role, 0).await);
			for n in 1..40 {
				assert_eq!(story.send(&role, n * step).await, far, "{n} * {step}");
			}
			// Nor all at once, or downwards.
			let both = futures::join!(story.send(&role, 5 * step), story.send(&role, 3 * step));
			assert_eq!(both, (far.clone(), far.clone()));
			// What follows is taken, and claimed with the first.
			story.send_all(&role, 1..12).await;
			for _ in 0..20 {
				story.chain.block();
				story.duties(&role).await;
			}
			assert_eq!(claimed(&story), 12);
		}
		// A lone one is given up when nothing came to it for the time that claims wait.
		let story = Story::new(&sim).await;
		let role = story.role(FakeEngine::default());
		receipt(story.send(&role, 0).await);
		assert_eq!(story.send(&role, 1_000).await, far);
		sim.sleep(3_600_000).await;
		story.send_all(&role, 1_000..1_040).await;
		// And the gap behind it, which might still be filled.
		sim.sleep(3_600_000).await;
		for _ in 0..20 {
			story.chain.block();
			story.duties(&role).await;
		}
		assert_eq!(claimed(&story), 40);
	});
}

/// The same at the job's end: a too small claim is given up, and what follows it is claimed.
#[test]
fn claim_that_is_too_small_should_not_stand_before_others_when_the_job_ends() {
	simulate(|sim| async move {
		let story = Story::new(&sim).await;
		let role = story.role(FakeEngine::default());
		story.send_all(&role, (1_000..1_012).chain([0])).await;
		story.end_job().await;
		for _ in 0..5 {
			story.chain.block();
			story.duties(&role).await;
		}
		let claims = story.chain.claims();
		let claimed: Vec<_> = claims
			.values()
			.map(|claim| (claim.info.first, claim.info.commitment.leaf_count))
			.collect();
		assert_eq!(claimed, [(1_000, 12)]);
		let left = story.store.receipts(story.job, 0, 0, 1).unwrap();
		assert_eq!(left[0].header().seq, 1_000);
		let given_up = story.given_up();
		assert_eq!(
			given_up.iter().map(|(first, last, _)| (*first, *last)).collect::<Vec<_>>(),
			[(0, 0)]
		);
		assert!(given_up[0].2.contains("less than the chain pays"), "{given_up:?}");
	});
}
