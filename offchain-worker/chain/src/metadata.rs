//! The metadata that this worker was built for: its calls and reads, in `metadata.scale`, from which
//! `runtime` is generated.
//!
//! Calls and answers are encoded by the types of `livepeer-primitives`, which a node with another runtime
//! would misread. That is checked when the worker connects. Subxt's own hashes do not suffice, because they
//! leave out the order of fields and variants. Nothing else is taken from this file: timing and parameters
//! are the live chain's.

#[cfg(test)]
mod trim;

use std::collections::BTreeSet;

use codec::{Decode, Encode};
use livepeer_worker_core::ports::chain::{ChainError, Refused};
use scale_info::{form::PortableForm, Field, PortableRegistry, TypeDef};
use subxt::Metadata;

/// The used part of the runtime's metadata, version 15, as `make metadata` stores it.
const BUILT_FOR: &[u8] = include_bytes!("../metadata.scale");

/// The runtime function that returns metadata of a version.
pub const FUNCTION: &str = "Metadata_metadata_at_version";
/// That version.
pub const VERSION: u32 = 15;

/// The argument of [`FUNCTION`].
pub fn argument() -> Vec<u8> {
	VERSION.encode()
}

/// The metadata in the answer of [`FUNCTION`].
pub fn from_answer(answer: &[u8]) -> Option<Vec<u8>> {
	Option::<Vec<u8>>::decode(&mut &answer[..]).ok().flatten()
}

fn unreadable(error: impl ToString) -> ChainError {
	ChainError::BadAnswer(format!("{FUNCTION} ({})", error.to_string()))
}

/// Reads metadata.
pub fn parse(bytes: &[u8]) -> Result<Metadata, ChainError> {
	Metadata::decode(&mut &bytes[..]).map_err(unreadable)
}

/// The metadata that this worker was built for.
pub fn built_for() -> Result<Metadata, ChainError> {
	parse(BUILT_FOR)
}

/// The pallet's error with this number, as a refusal.
pub(crate) fn refusal(metadata: &Metadata, pallet: &str, number: u8) -> Option<Refused> {
	let pallet = metadata.pallet_by_name(pallet)?;
	let error = pallet.error_variant_by_index(number)?;
	Some(Refused::named(pallet.name(), &error.name))
}

/// The calls, storage and reads in `ours` that `theirs` lacks or has in another form.
pub fn differences(ours: &Metadata, theirs: &Metadata) -> Vec<String> {
	let types = || Comparison::new(ours.types(), theirs.types());
	let mut differences = Vec::new();
	let mut note = |same: Option<bool>, owner: &str, name: &str| {
		if same != Some(true) {
			differences.push(format!("{owner}.{name}"));
		}
	};
	for pallet in ours.pallets() {
		let other = theirs.pallet_by_name(pallet.name());
		for call in pallet.call_variants().unwrap_or_default() {
			let other = other.as_ref().and_then(|other| other.call_variant_by_name(&call.name));
			let same = other.map(|other| types().same_fields(&call.fields, &other.fields));
			note(same, pallet.name(), &call.name);
		}
		for entry in pallet.storage().map(|storage| storage.entries()).unwrap_or_default() {
			let other = other.as_ref().and_then(|other| other.storage());
			let other = other.and_then(|other| other.entry_by_name(entry.name()));
			let same = other.map(|other| {
				entry.keys().len() == other.keys().len()
					&& entry.keys().zip(other.keys()).all(|(our, their)| {
						our.hasher == their.hasher && types().same(our.key_id, their.key_id)
					}) && types().same(entry.value_ty(), other.value_ty())
			});
			note(same, pallet.name(), entry.name());
		}
	}
	for api in ours.runtime_api_traits() {
		let other = theirs.runtime_api_trait_by_name(api.name());
		for method in api.methods() {
			let other = other.as_ref().and_then(|other| other.method_by_name(method.name()));
			let same = other.map(|other| {
				let (our, their) = (method.inputs(), other.inputs());
				our.len() == their.len()
					&& our.zip(their).all(|(our, their)| types().same(our.id, their.id))
					&& types().same(method.output_ty(), other.output_ty())
			});
			note(same, api.name(), method.name());
		}
	}
	differences
}

/// Refuses a node whose runtime this worker would misread.
pub fn ensure_fits(theirs: &Metadata) -> Result<(), ChainError> {
	let differences = differences(&built_for()?, theirs);
	if differences.is_empty() {
		Ok(())
	} else {
		Err(ChainError::Incompatible(format!("it differs in {}", differences.join(", "))))
	}
}

/// Whether types of two registries have the same SCALE form and the same names inside.
struct Comparison<'a> {
	ours: &'a PortableRegistry,
	theirs: &'a PortableRegistry,
	/// Pairs that are compared already, or are being compared further up.
	seen: BTreeSet<(u32, u32)>,
}

impl<'a> Comparison<'a> {
	fn new(ours: &'a PortableRegistry, theirs: &'a PortableRegistry) -> Self {
		Self { ours, theirs, seen: BTreeSet::new() }
	}

	fn same(&mut self, our: u32, their: u32) -> bool {
		if !self.seen.insert((our, their)) {
			return true;
		}
		let (Some(our), Some(their)) = (self.ours.resolve(our), self.theirs.resolve(their)) else {
			return false;
		};
		match (&our.type_def, &their.type_def) {
			(TypeDef::Composite(our), TypeDef::Composite(their)) => {
				self.same_fields(&our.fields, &their.fields)
			}
			(TypeDef::Variant(our), TypeDef::Variant(their)) => {
				// A later runtime may have more variants, which matter only when they occur.
				our.variants.iter().all(|our| {
					let theirs = their.variants.iter().find(|their| their.name == our.name);
					theirs.is_some_and(|their| {
						our.index == their.index && self.same_fields(&our.fields, &their.fields)
					})
				})
			}
			(TypeDef::Sequence(our), TypeDef::Sequence(their)) => {
				self.same(our.type_param.id, their.type_param.id)
			}
			(TypeDef::Array(our), TypeDef::Array(their)) => {
				our.len == their.len && self.same(our.type_param.id, their.type_param.id)
			}
			(TypeDef::Tuple(our), TypeDef::Tuple(their)) => {
				our.fields.len() == their.fields.len()
					&& our
						.fields
						.iter()
						.zip(&their.fields)
						.all(|(our, their)| self.same(our.id, their.id))
			}
			(TypeDef::Primitive(our), TypeDef::Primitive(their)) => our == their,
			(TypeDef::Compact(our), TypeDef::Compact(their)) => {
				self.same(our.type_param.id, their.type_param.id)
			}
			// Bit sequences, which do not occur, and types of different kinds.
			_ => false,
		}
	}

	fn same_fields(&mut self, our: &[Field<PortableForm>], their: &[Field<PortableForm>]) -> bool {
		our.len() == their.len()
			&& our
				.iter()
				.zip(their)
				.all(|(our, their)| our.name == their.name && self.same(our.ty.id, their.ty.id))
	}
}

#[cfg(test)]
mod tests {
	#![allow(clippy::unwrap_used)]
	use livepeer_primitives::{
		api::{
			AssignmentView, BackingView, ChallengeView, ClaimTerms, ClockView, InflationView,
			JobView, KeysView, PoolSeat, StakeView, TermsView, TranscoderView, ValidatorView,
			WorkerLimits, YieldView,
		},
		claim::{ClaimInfo, WorkClaim},
		duty::{Acceptance, Availability, Heartbeat},
		keys::{OperatorKey, OperatorSignature, Purpose},
		leaf::Leaf,
		params::VerificationTerms,
		receipt::Receipt,
		segment::SegmentHeader,
		service::ServiceRecord,
		sum_tree::SumNode,
		variant::VariantOpening,
		video::{Rendition, SourceLimits},
		AccountId,
	};
	use scale_info::{meta_type, Registry, TypeInfo};
	use sp_runtime::Perbill;
	use subxt::ext::frame_metadata::{RuntimeMetadata, RuntimeMetadataPrefixed};

	use super::{trim::trim, *};

	#[test]
	fn metadata_should_fit_itself() {
		let ours = built_for().unwrap();
		assert_eq!(differences(&ours, &ours), Vec::<String>::new());
		assert_eq!(trim(BUILT_FOR).unwrap(), BUILT_FOR, "it holds what is used and nothing else");
	}

	#[test]
	fn differences_should_name_what_another_runtime_has_otherwise() {
		let RuntimeMetadataPrefixed(reserved, metadata) =
			RuntimeMetadataPrefixed::decode(&mut &BUILT_FOR[..]).unwrap();
		let RuntimeMetadata::V15(mut metadata) = metadata else { panic!("not of version 15") };
		for ty in &mut metadata.types.types {
			match (&mut ty.ty.type_def, ty.ty.path.segments.join("::").as_str()) {
				(TypeDef::Composite(limits), "livepeer_primitives::video::SourceLimits") => {
					limits.fields.swap(0, 1);
				}
				(TypeDef::Variant(calls), "pallet_transcoder_election::pallet::Call") => {
					calls.variants.retain(|call| call.name != "heartbeat");
				}
				_ => {}
			}
		}
		let theirs = RuntimeMetadataPrefixed(reserved, RuntimeMetadata::V15(metadata)).encode();
		let mut found = differences(&built_for().unwrap(), &parse(&theirs).unwrap());
		found.sort();
		assert_eq!(
			found,
			[
				"Jobs.create_job",
				"LivepeerApi.claim",
				"LivepeerApi.job",
				"LivepeerApi.judgement",
				"TranscoderElection.heartbeat",
			]
		);
	}

	/// A version more of what workers need to know stops none; another form of the one that they know does.
	#[test]
	fn runtime_that_knows_a_later_version_should_stop_no_worker() {
		let found = |change: fn(&mut scale_info::TypeDefVariant<PortableForm>)| {
			let RuntimeMetadataPrefixed(reserved, metadata) =
				RuntimeMetadataPrefixed::decode(&mut &BUILT_FOR[..]).unwrap();
			let RuntimeMetadata::V15(mut metadata) = metadata else { panic!("not of version 15") };
			for ty in &mut metadata.types.types {
				let path = ty.ty.path.segments.join("::");
				if let TypeDef::Variant(limits) = &mut ty.ty.type_def {
					if path == "livepeer_primitives::api::WorkerLimits" {
						change(limits);
					}
				}
			}
			let theirs = RuntimeMetadataPrefixed(reserved, RuntimeMetadata::V15(metadata)).encode();
			differences(&built_for().unwrap(), &parse(&theirs).unwrap())
		};
		let none = found(|limits| {
			let mut later = limits.variants[0].clone();
			later.name = "V200".into();
			later.index = 200;
			limits.variants.push(later);
		});
		assert_eq!(none, Vec::<String>::new());
		let one = found(|limits| {
			let more = limits.variants[0].fields[0].clone();
			limits.variants[0].fields.push(more);
		});
		assert_eq!(one, ["LivepeerApi.worker_limits"]);
	}

	#[test]
	fn refusals_should_be_named_as_the_pallets_errors_are() {
		let ours = built_for().unwrap();
		for (refused, pallet, name) in Refused::NAMED {
			let pallet = ours.pallet_by_name(pallet).unwrap_or_else(|| panic!("no {pallet}"));
			let errors = pallet.error_variants().unwrap_or_default();
			let named = errors.iter().any(|error| error.name == *name);
			assert!(named, "{refused:?}: {} has no error {name}", pallet.name());
		}
	}

	/// The types that stand for the chain's in the generated code.
	#[test]
	fn substitutes_should_have_the_shape_of_the_chains_types() {
		let ours = built_for().unwrap();
		let mut registry = Registry::new();
		registry.register_types([
			meta_type::<AccountId>(),
			meta_type::<Perbill>(),
			meta_type::<WorkClaim>(),
			meta_type::<Acceptance>(),
			meta_type::<Availability>(),
			meta_type::<Heartbeat>(),
			meta_type::<OperatorKey>(),
			meta_type::<OperatorSignature>(),
			meta_type::<Purpose>(),
			meta_type::<KeysView>(),
			meta_type::<ClockView>(),
			meta_type::<WorkerLimits>(),
			meta_type::<Rendition>(),
			meta_type::<SourceLimits>(),
			meta_type::<ServiceRecord>(),
			meta_type::<SegmentHeader>(),
			meta_type::<Receipt>(),
			meta_type::<Leaf>(),
			meta_type::<SumNode>(),
			meta_type::<VariantOpening>(),
			meta_type::<TranscoderView>(),
			meta_type::<AssignmentView>(),
			meta_type::<JobView>(),
			meta_type::<ClaimInfo>(),
			meta_type::<ChallengeView>(),
			meta_type::<StakeView>(),
			meta_type::<InflationView>(),
			meta_type::<YieldView>(),
			meta_type::<TermsView>(),
			meta_type::<BackingView>(),
			meta_type::<PoolSeat>(),
			meta_type::<ValidatorView>(),
			meta_type::<ClaimTerms>(),
			meta_type::<VerificationTerms>(),
		]);
		let registry = PortableRegistry::from(registry);
		let mut compared = 0;
		for substitute in &registry.types {
			let path = &substitute.ty.path.segments;
			let named = |ty: &&scale_info::PortableType| ty.ty.path.segments == *path;
			if registry.types.iter().filter(named).count() != 1 || path.is_empty() {
				// Containers such as `Option` are part of what holds them.
				continue;
			}
			let chains =
				ours.types().types.iter().find(named).unwrap_or_else(|| panic!("{path:?}"));
			let same = Comparison::new(&registry, ours.types()).same(substitute.id, chains.id);
			assert!(same, "{path:?} is encoded in another way than the chain's type");
			compared += 1;
		}
		assert!(compared >= 20);
	}

	#[test]
	fn comparison_should_see_order_and_indices() {
		#[derive(TypeInfo)]
		#[allow(dead_code)]
		struct Pair {
			first: u32,
			second: u64,
		}
		#[derive(TypeInfo)]
		#[allow(dead_code)]
		enum Choice {
			One,
			Two([u8; 4], Vec<u16>),
		}
		mod other {
			#[derive(scale_info::TypeInfo)]
			#[allow(dead_code)]
			pub struct Pair {
				second: u64,
				first: u32,
			}
			#[derive(scale_info::TypeInfo)]
			#[allow(dead_code)]
			pub enum Choice {
				#[codec(index = 7)]
				One,
				Two([u8; 4], Vec<u16>),
			}
		}
		fn same<A: TypeInfo + 'static, B: TypeInfo + 'static>() -> bool {
			let (mut ours, mut theirs) = (Registry::new(), Registry::new());
			let our = ours.register_type(&meta_type::<A>()).id;
			let their = theirs.register_type(&meta_type::<B>()).id;
			Comparison::new(&ours.into(), &theirs.into()).same(our, their)
		}
		assert!(same::<Pair, Pair>());
		assert!(same::<Choice, Choice>());
		assert!(!same::<Pair, other::Pair>());
		assert!(!same::<Choice, other::Choice>());
		assert!(!same::<[u8; 4], [u8; 5]>());
		assert!(!same::<(u8, u16), (u16, u8)>());
		assert!(!same::<u32, codec::Compact<u32>>());
		assert!(!same::<Option<u32>, u32>());
	}

	#[test]
	fn metadata_should_be_found_in_the_runtimes_answer() {
		let answer = Some(b"bytes".to_vec()).encode();
		assert_eq!(from_answer(&answer).as_deref(), Some(&b"bytes"[..]));
		assert_eq!(from_answer(&[0]), None);
		assert_eq!(from_answer(&[]), None);
		assert!(parse(b"no metadata").is_err());
		assert!(trim(b"no metadata").is_err());
	}
}
