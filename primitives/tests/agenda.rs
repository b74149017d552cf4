//! How an agenda's part of a block is divided and used up.

use livepeer_primitives::agenda::{run_classes, urgent_part, Class, Meter};
use sp_weights::Weight;

fn weight(of: u64) -> Weight {
	Weight::from_parts(of, of)
}

#[test]
fn urgent_queue_should_have_three_quarters_and_the_lazy_one_what_that_leaves() {
	assert_eq!(urgent_part(weight(400)), weight(300));
	for (urgent, left) in [(0, 400), (100, 300), (300, 100), (390, 10), (400, 0), (900, 0)] {
		let mut limits = Vec::new();
		let used = run_classes(weight(400), |class, limit| {
			limits.push((class, limit));
			match class {
				Class::Urgent => weight(urgent),
				Class::Lazy => weight(7),
			}
		});
		assert_eq!(limits, [(Class::Urgent, weight(300)), (Class::Lazy, weight(left))]);
		assert_eq!(used, weight(urgent + 7));
	}
}

#[test]
fn meter_should_allow_one_step_always_and_others_while_weight_is_left() {
	// Where looking alone uses up everything, a step is taken all the same.
	let mut meter = Meter::new(Weight::zero());
	assert!(meter.has_room());
	meter.charge(weight(5));
	assert!(meter.has_room());
	meter.step(weight(1));
	assert!(!meter.has_room());
	assert_eq!(meter.used(), weight(6));

	// The last one that begins is taken whole.
	let mut meter = Meter::new(weight(10));
	meter.step(weight(9));
	assert!(meter.has_room());
	meter.step(weight(50));
	assert!(!meter.has_room());
	assert_eq!(meter.used(), weight(59));

	// Either of time and size is enough to end it.
	let mut meter = Meter::new(weight(10));
	meter.step(Weight::from_parts(0, 10));
	assert!(!meter.has_room());
}
