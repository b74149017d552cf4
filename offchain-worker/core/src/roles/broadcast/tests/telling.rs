//! Messages to a broadcaster, and refusals before anything is signed.

use super::*;
use crate::roles::broadcast::telling;

#[test]
fn job_should_not_be_opened_when_the_name_is_a_path() {
	simulate(|sim| async move {
		let story = Story::new(&sim);
		let error = story.broadcaster().open(&spec("../x")).await.unwrap_err();
		assert!(matches!(error, BroadcastError::BadName));
	})
}

#[test]
fn broadcaster_should_be_told_what_its_stream_waits_for_and_what_to_do() {
	simulate(|sim| async move {
		let story = Story::new(&sim);
		story.blocks();
		let said = |what: &str| story.events.events().iter().any(|e| telling::says(e, what));
		// Nobody is there.
		let broadcaster = story.broadcaster();
		let open = broadcaster.open(&spec("none")).await.unwrap();
		let run = broadcaster.run(&open, source(1), story.stop.subscribe());
		assert!(sim.within(10_000, run).await.is_none());
		assert!(said("no transcoder is active"));
		// Somebody is, at another price.
		story.transcoder("//T", FakeEngine::default()).await;
		let low = StreamSpec { max_price: 1, ..spec("low") };
		let open = broadcaster.open(&low).await.unwrap();
		let run = broadcaster.run(&open, source(1), story.stop.subscribe());
		assert!(sim.within(70_000, run).await.is_none());
		assert!(said("asks 0.001 ETH") && said("--max-price"));
		// The budget comes to its end.
		let short = StreamSpec { budget: 1, ..spec("short") };
		let open = broadcaster.open(&short).await.unwrap();
		story.chain.set_allowance(open.job, 1);
		let run = broadcaster.run(&open, source(1), story.stop.subscribe());
		let _ = sim.within(70_000, run).await;
		assert!(said("stream top-up"));
	})
}

#[test]
fn broadcaster_should_be_told_of_a_price_too_low_for_verification_before_it_signs() {
	simulate(|sim| async move {
		let story = Story::new(&sim);
		let mut terms = story.chain.terms();
		terms.terms.verify_price = UNIT;
		story.chain.set_terms(terms);
		let least = terms.terms.least_price();
		let cheap = StreamSpec { max_price: least - 1, ..spec("cheap") };
		let error = story.broadcaster().open(&cheap).await.unwrap_err();
		assert!(matches!(error, BroadcastError::TooCheap { least: said, .. } if said == least));
		let created = |call: &Call| matches!(call, Call::CreateJob { .. });
		assert!(!story.chain.calls().iter().any(created));
		let dear = StreamSpec { max_price: least, ..spec("dear") };
		story.broadcaster().open(&dear).await.unwrap();
	})
}

#[test]
fn broadcaster_should_be_told_when_no_block_comes() {
	simulate(|sim| async move {
		let story = Story::new(&sim);
		story.transcoder("//T", FakeEngine::default()).await;
		let broadcaster = story.broadcaster();
		let open = broadcaster.open(&spec("demo")).await.unwrap();
		let (_open, endless) = keep_open(1);
		let run = broadcaster.run(&open, endless, story.stop.subscribe());
		assert!(sim.within(200_000, run).await.is_none());
		let events = story.events.events();
		let said = events.iter().filter(|event| telling::says(event, "no block has come"));
		assert!((2..=3).contains(&said.count()), "again and again, and not all the time");
	})
}
