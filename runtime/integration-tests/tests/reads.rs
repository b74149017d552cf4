//! What the agendas read of storage, counted: a task takes no more among many than among few. Each test
//! fails as soon as a task looks at its fellows, which is one access more for each of them.

use std::{cell::Cell, sync::Once};

use frame_support::traits::Hooks as _;
use livepeer_integration_tests::{canonical, Story, Turn, World, CAPACITY, RENDITION};
use livepeer_primitives::{
	agenda::Class,
	params::ProtocolParameters,
	video::{SourceLimits, USUAL_LONGEST},
	Balance, BlockNumber, JobId, UNIT,
};
use livepeer_runtime::{Beacon, ChallengeLottery, Jobs, Runtime, RuntimeOrigin, System};
use pallet_jobs::types::Phase;
use sp_keyring::Sr25519Keyring::{self, Alice, Bob, Charlie, Dave, Eve, FerdieStash};

const TRANSCODERS: [Sr25519Keyring; 5] = [Alice, Bob, Charlie, Dave, Eve];

thread_local! {
	/// A test runs in one thread, so it counts what is its own.
	static READS: Cell<u64> = const { Cell::new(0) };
}

/// Counts what the storage's log says: a line for each access.
struct Counter;

impl log::Log for Counter {
	fn enabled(&self, metadata: &log::Metadata) -> bool {
		metadata.target() == "state"
	}

	fn log(&self, record: &log::Record) {
		if self.enabled(record.metadata()) {
			READS.with(|reads| reads.set(reads.get() + 1));
		}
	}

	fn flush(&self) {}
}

fn listen() {
	static ONCE: Once = Once::new();
	ONCE.call_once(|| {
		log::set_logger(&Counter).expect("nobody else listens");
		log::set_max_level(log::LevelFilter::Trace);
	});
}

/// Accesses of what `f` does.
fn accesses(f: impl FnOnce()) -> u64 {
	let before = READS.with(Cell::get);
	f();
	READS.with(Cell::get) - before
}

/// Creates so many jobs of FerdieStash in one block.
fn create(world: &mut World, count: u32, max_price: Balance, budget: Balance) {
	let end = world.number() + 502;
	// Long segments need few places for claims, so that a transcoder takes many.
	let limits = SourceLimits { shortest: USUAL_LONGEST, ..SourceLimits::new(1280, 720, 30) };
	world.run(|| {
		for i in 0..count {
			Jobs::create_job(
				RuntimeOrigin::signed(FerdieStash.to_account_id()),
				None,
				format!("job{i}").into_bytes().try_into().expect("short"),
				vec![RENDITION].try_into().expect("one"),
				limits,
				max_price,
				end,
				budget,
			)
			.expect("created");
		}
	});
}

/// Accesses of a block in which so many jobs are due to be drawn, and how many of them were.
fn draws_in_vain(count: u32) -> (u64, u64) {
	let mut world = Story::network();
	let at = world.number() + 2;
	// Less than anybody asks.
	let least = ProtocolParameters::development().lottery.terms(false).least_price();
	create(&mut world, count, least, UNIT / 10_000);
	// What is before it goes to the backend.
	let mut fork = world.fork();
	fork.run(|| {
		System::set_block_number(at);
		let accesses = accesses(|| {
			Jobs::on_initialize(at);
		});
		let looked_at = pallet_jobs::Jobs::<Runtime>::iter_values()
			.filter(|job| job.phase.retries() > 0)
			.count();
		(accesses, looked_at as u64)
	})
}

#[test]
fn agenda_should_access_storage_in_proportion_to_its_tasks() {
	listen();
	let (none, nobody) = draws_in_vain(0);
	assert_eq!(nobody, 0);
	let each = |count: u32| {
		let (all, looked_at) = draws_in_vain(count);
		assert!(looked_at > u64::from(count) / 2, "{looked_at} of {count}");
		let each = (all - none) / looked_at;
		println!("{count} draws: {all} accesses, {looked_at} made, {each} each");
		assert!(each > 0, "accesses are counted");
		each
	};
	let few = each(50);
	// One job's draw takes no more among many.
	for count in [100, 200, 400, 700] {
		assert!(each(count) <= few + 1, "{few} among 50");
	}
	assert!(few <= 40, "{few} accesses of one draw");
}

/// Tasks of jobs that are due in block `at`.
fn jobs_due(at: BlockNumber) -> u64 {
	[Class::Urgent, Class::Lazy]
		.into_iter()
		.map(|class| pallet_jobs::Agenda::<Runtime>::iter_key_prefix((class, at)).count() as u64)
		.sum()
}

/// Tasks of challenges that are due in block `at`.
fn challenges_due(at: BlockNumber) -> u64 {
	[Class::Urgent, Class::Lazy]
		.into_iter()
		.map(|class| {
			let due = pallet_challenge_lottery::Agenda::<Runtime>::iter_key_prefix((class, at));
			due.count() as u64
		})
		.sum()
}

/// Accesses of the jobs' agenda in block `at`, for each task that was done.
fn each_of_jobs(world: &mut World, at: BlockNumber, least: u32) -> u64 {
	let mut fork = world.fork();
	fork.run(|| {
		System::set_block_number(at);
		let due = jobs_due(at);
		let all = accesses(|| {
			Jobs::on_initialize(at);
		});
		each(all, due - jobs_due(at), least)
	})
}

/// The same of the challenges' agenda, after the seed is stored where a window ends.
fn each_of_challenges(world: &mut World, at: BlockNumber, least: u32) -> u64 {
	let mut fork = world.fork();
	fork.run(|| {
		System::set_block_number(at);
		Beacon::on_initialize(at);
		let due = challenges_due(at);
		let all = accesses(|| {
			ChallengeLottery::on_initialize(at);
		});
		each(all, due - challenges_due(at), least)
	})
}

fn each(all: u64, done: u64, least: u32) -> u64 {
	assert!(done >= u64::from(least), "{done} done, where {least} were to be");
	let each = all / done;
	println!("{all} accesses, {done} done, {each} each");
	assert!(each > 0, "accesses are counted");
	each
}

/// Tasks among few and among many. What a block takes once is in each one's part, so among many that can only
/// be less, but for a candidate more that is looked at because others are full.
const FEW: u32 = 4;
const MANY: u32 = 24;
const SLACK: u64 = 8;

/// A network on which so many jobs are offered by draws of one block.
fn offered(count: u32) -> World {
	let mut world = Story::working(World::local().without_inflation(), &TRANSCODERS);
	for who in TRANSCODERS {
		// As much as all of them.
		let (capacity, profiles) = (CAPACITY * 10, canonical());
		let call = pallet_transcoder_election::Call::set_available { capacity, profiles };
		world.submit(who, call);
	}
	world.deliver_ok();
	create(&mut world, count, UNIT / 100, UNIT);
	world.until(10, |world| offers(world).len() >= count as usize);
	world
}

/// The jobs that are offered, each with the last block in which it can be accepted.
fn offers(world: &mut World) -> Vec<(JobId, BlockNumber)> {
	world.run(|| {
		pallet_jobs::Jobs::<Runtime>::iter()
			.filter_map(|(id, job)| match job.phase {
				Phase::Offered { until, .. } => Some((id, until)),
				_ => None,
			})
			.collect()
	})
}

#[test]
fn hand_ons_should_access_storage_in_proportion() {
	listen();
	let hand_ons = |count: u32| {
		let mut world = offered(count);
		let at = offers(&mut world)[0].1 + 1;
		each_of_jobs(&mut world, at, count)
	};
	let (few, many) = (hand_ons(FEW), hand_ons(MANY));
	assert!(many <= few + SLACK, "{few} among few, {many} among many");
}

#[test]
fn closings_should_access_storage_in_proportion() {
	listen();
	// When nothing can be claimed any more, and when nothing can be reported.
	let closings = |count: u32| {
		let mut world = offered(count);
		let toolchain = world.toolchain();
		for (job, _) in offers(&mut world) {
			let turn = Turn::current(&mut world, job).expect("it is offered");
			world.submit_authorized(turn.accept(toolchain));
		}
		world.deliver_ok();
		world.run(|| {
			for job in pallet_jobs::Jobs::<Runtime>::iter_keys().collect::<Vec<_>>() {
				Jobs::end_job(RuntimeOrigin::signed(FerdieStash.to_account_id()), job)
					.expect("ended");
			}
		});
		[(); 2].map(|()| {
			let at = world.run(|| {
				let mut assignments = pallet_jobs::Assignments::<Runtime>::iter_values();
				assignments.find_map(|assignment| assignment.close_at).expect("it is to be closed")
			});
			let each = each_of_jobs(&mut world, at, count);
			world.until(100, |world| world.number() >= at);
			each
		})
	};
	let (few, many) = (closings(FEW), closings(MANY));
	for (few, many) in few.into_iter().zip(many) {
		assert!(many <= few + SLACK, "{few} among few, {many} among many");
	}
}

/// A story in which so many claims were made in one window, and the block in which they are drawn.
fn claimed(count: u32) -> (Story, BlockNumber) {
	let mut story = Story::begin();
	let window = story.world.parameters().1.beacon_window;
	// Early in a window, after the block in which the session changes.
	story.world.until(20, |world| world.number() % window == 1);
	let toolchain = story.world.toolchain();
	for _ in 0..count {
		let work = story.work(3);
		story.world.submit_authorized(work.claim(toolchain));
	}
	story.world.deliver_ok();
	let at = due(&mut story.world).expect("they are made");
	assert_eq!(story.world.run(|| challenges_due(at)), u64::from(count), "in one window");
	(story, at)
}

/// The block in which the first challenge moves on.
fn due(world: &mut World) -> Option<BlockNumber> {
	world.run(|| {
		let challenges = pallet_challenge_lottery::Challenges::<Runtime>::iter_values();
		challenges.map(|challenge| challenge.due).min()
	})
}

#[test]
fn draws_of_claims_and_executions_should_access_storage_in_proportion() {
	listen();
	let steps = |count: u32| {
		let (mut story, at) = claimed(count);
		story.world.until(40, |world| world.number() + 1 == at);
		let draws = each_of_challenges(&mut story.world, at, count);
		// Nobody reveals anything: all of them are missed in one block, and executed in one.
		story.world.until(10, |world| due(world).is_some_and(|due| due > at));
		let missed = due(&mut story.world).expect("they are drawn");
		story.world.until(100, |world| world.number() + 1 == missed);
		let decisions = each_of_challenges(&mut story.world, missed, count);
		story.world.until(10, |world| due(world).is_some_and(|due| due > missed));
		let executed = due(&mut story.world).expect("they are decided");
		story.world.until(40, |world| world.number() + 1 == executed);
		let executions = each_of_challenges(&mut story.world, executed, count);
		[draws, decisions, executions]
	};
	let (few, many) = (steps(FEW), steps(MANY));
	for (few, many) in few.into_iter().zip(many) {
		assert!(many <= few + SLACK, "{few} among few, {many} among many");
	}
}
