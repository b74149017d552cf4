//! What each call of a job's life adds to the state, and that nothing is left of it in the end. The table in
//! `docs/scale.md` is held to this test; `make docs-tables` writes it: with `WRITE_DOCS=1` the test stores what it
//! would otherwise compare.

use livepeer_integration_tests::{create_job, Story, Turn, World};
use livepeer_primitives::{api::ChallengeStage, claim::Outcome, verdict::Verdict, UNIT};
use livepeer_runtime::Jobs;

const PAGE: &str = "../../docs/scale.md";
const BEGIN: &str = "<!-- growth -->\n";
const END: &str = "<!-- /growth -->";

/// What was there before, and the rows of the table so far.
struct Growth {
	before: (usize, usize),
	rows: Vec<String>,
}

impl Growth {
	/// Notes what has come, or gone, since the last time.
	fn note(&mut self, world: &mut World, what: &str) {
		let (keys, bytes) = world.kept();
		let more = |now: usize, before: usize| now as i64 - before as i64;
		let (keys_more, bytes_more) = (more(keys, self.before.0), more(bytes, self.before.1));
		self.rows.push(format!("| {what} | {keys_more:+} | {bytes_more:+} | {keys} | {bytes} |"));
		self.before = (keys, bytes);
	}
}

#[test]
fn state_should_grow_by_what_the_table_says_and_be_empty_when_a_job_is_closed() {
	let mut world = Story::network();
	// Jobs that wait are looked for when somebody comes to work; there are none.
	world.until(40, |world| world.kept() == (0, 0));
	let mut growth = Growth { before: (0, 0), rows: Vec::new() };
	let job = create_job(&mut world, Story::BROADCASTER, "growth", 600);
	growth.note(&mut world, "`create_job`, of one rendition");
	world.until(20, |world| Turn::current(world, job).is_some());
	growth.note(&mut world, "the draw of a transcoder, its offer");
	let mut story = Story::resume(world, job);
	story.accept();
	growth.note(&mut story.world, "`accept_job`");
	story.world.ok(Story::BROADCASTER, pallet_jobs::Call::top_up { job, amount: UNIT });
	growth.note(&mut story.world, "`top_up`");

	let claim = story.claim(8);
	growth.note(&mut story.world, "`claim_work`, of 8 segments");
	story.until_stage(&claim, ChallengeStage::LeafReveal);
	growth.note(&mut story.world, "the draw of its positions and of three judges");
	let drawn = claim.work.drawn(&story.challenge(&claim).positions);
	for (place, index) in drawn.iter().enumerate() {
		story.world.ok_authorized(claim.work.reveal(claim.id, *index));
		if place == 0 {
			growth.note(&mut story.world, "`reveal_leaf`");
		}
	}
	growth.note(&mut story.world, &format!("the other {} leaves", drawn.len() - 1));

	let ballot = story.ballot(&claim);
	let openings: Vec<_> = (0..ballot.members.len())
		.map(|member| (member, ballot.opening(member, Verdict::Valid)))
		.collect();
	story.world.ok_authorized(ballot.ask(0));
	growth.note(&mut story.world, "`ask_data`");
	for (member, opening) in &openings {
		story.world.ok_authorized(ballot.commit(*member, opening));
		if *member == 0 {
			growth.note(&mut story.world, "`commit_verdict`");
		}
	}
	growth.note(&mut story.world, "the other commitments");
	for (member, opening) in &openings {
		story.world.ok_authorized(ballot.reveal(*member, opening));
		if *member == 0 {
			growth.note(&mut story.world, "`reveal_verdict`");
		}
	}
	growth.note(&mut story.world, "the other verdicts");
	story.until_stage(&claim, ChallengeStage::Decided);
	growth.note(&mut story.world, "the decision");
	assert_eq!(story.settle(&claim), Some(Outcome::Accepted));
	growth.note(&mut story.world, "the settlement");

	story.end();
	growth.note(&mut story.world, "`end_job`");
	story.world.until(100, |world| world.run(|| Jobs::job(job)).is_none());
	growth.note(&mut story.world, "the closing of the job");
	assert_eq!(story.world.kept(), (0, 0));

	let page = std::fs::read_to_string(PAGE).expect("the page is there");
	let (head, rest) = page.split_once(BEGIN).expect("the page has a place for the table");
	let (table, tail) = rest.split_once(END).expect("the table has an end");
	let titles = "| After | Keys | Bytes | Keys in all | Bytes in all |\n|---|---|---|---|---|\n";
	let written = format!("{titles}{}\n", growth.rows.join("\n"));
	if std::env::var_os("WRITE_DOCS").is_some() {
		let page = format!("{head}{BEGIN}{written}{END}{tail}");
		std::fs::write(PAGE, page).expect("the page can be written");
	} else {
		assert_eq!(table, written, "run `make docs-tables`");
	}
}
