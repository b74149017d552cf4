//! What the agenda reads of storage, counted: the only test of its process, for it listens to all of
//! it.

use std::sync::atomic::{AtomicU64, Ordering};

use frame_support::traits::Hooks as _;
use livepeer_integration_tests::{Story, RENDITION};
use livepeer_primitives::{params::ProtocolParameters, video::SourceLimits, UNIT};
use livepeer_runtime::{Jobs, RuntimeOrigin, System};
use sp_keyring::Sr25519Keyring::FerdieStash;

static READS: AtomicU64 = AtomicU64::new(0);

/// Counts what the storage's log says: a line for each access.
struct Counter;

impl log::Log for Counter {
	fn enabled(&self, metadata: &log::Metadata) -> bool {
		metadata.target() == "state"
	}

	fn log(&self, record: &log::Record) {
		if self.enabled(record.metadata()) {
			READS.fetch_add(1, Ordering::Relaxed);
		}
	}

	fn flush(&self) {}
}

/// Accesses of a block in which so many jobs are due to be drawn, and how many of them were.
fn accesses(count: u32) -> (u64, u64) {
	let mut world = Story::network();
	let at = world.number() + 2;
	world.run(|| {
		for i in 0..count {
			Jobs::create_job(
				RuntimeOrigin::signed(FerdieStash.to_account_id()),
				None,
				format!("junk{i}").into_bytes().try_into().expect("short"),
				vec![RENDITION].try_into().expect("one"),
				SourceLimits::new(1280, 720, 30),
				// Less than anybody asks.
				ProtocolParameters::development().lottery.terms(false).least_price(),
				at + 500,
				UNIT / 10_000,
			)
			.expect("created");
		}
	});
	// What is before it goes to the backend.
	let mut fork = world.fork();
	fork.run(|| {
		System::set_block_number(at);
		let before = READS.load(Ordering::Relaxed);
		Jobs::on_initialize(at);
		let accesses = READS.load(Ordering::Relaxed) - before;
		let looked_at = pallet_jobs::Jobs::<livepeer_runtime::Runtime>::iter_values()
			.filter(|job| job.phase.retries() > 0)
			.count();
		(accesses, looked_at as u64)
	})
}

#[test]
fn agenda_should_access_storage_in_proportion_to_its_tasks() {
	log::set_logger(&Counter).expect("nobody else listens");
	log::set_max_level(log::LevelFilter::Trace);
	let (none, nobody) = accesses(0);
	assert_eq!(nobody, 0);
	let each = |count: u32| {
		let (all, looked_at) = accesses(count);
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
