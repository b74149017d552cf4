//! Reduces a runtime's metadata to what the worker uses, so that the generated code stays small, and the
//! stored file changes only with the used parts.
//!
//! The runtime's integration tests include this file too: they write and check `metadata.scale` without a
//! node, and without this crate, whose types are generated from it.

use std::collections::BTreeSet;

use codec::{Decode, Encode};
use frame_metadata::{v15::RuntimeMetadataV15, RuntimeMetadata, RuntimeMetadataPrefixed};
use scale_info::{PortableRegistry, TypeDef};

/// Every call that a role makes.
const CALLS: [(&str, &[&str]); 5] = [
	(
		"Jobs",
		&[
			"create_job",
			"set_origin",
			"accept_job",
			"claim_work",
			"end_job",
			"end_idle",
			"next_transcoder",
			"top_up",
			"set_spending_key",
			"remove_spending_key",
			"report_equivocation",
			"report_broadcaster",
			"report_leaf",
		],
	),
	("TranscoderElection", &["transcoder", "announce", "heartbeat", "resign", "unjail"]),
	("ChallengeLottery", &["reveal_leaf", "open_variants"]),
	(
		"LptStaking",
		&[
			"bond",
			"unbond",
			"withdraw_stake",
			"withdraw_fees",
			"rebond",
			"move_bond",
			"transfer_bond",
			"accept_bond",
		],
	),
	("OperatorKeys", &["set_keys", "revoke_key"]),
];

/// The pallets of [`CALLS`] whose errors roles handle.
const ERRORS: [&str; 3] = ["Jobs", "TranscoderElection", "ChallengeLottery"];

/// The runtime API.
const API: &str = "LivepeerApi";

/// Every method of it that a role reads.
const METHODS: [&str; 26] = [
	"clock",
	"worker_limits",
	"operator_keys",
	"transcoder",
	"transcoders",
	"service",
	"origin",
	"origins",
	"job",
	"job_of_stream",
	"assignment",
	"assignments",
	"claim",
	"challenge",
	"claims_of",
	"toolchains",
	"stake",
	"pool",
	"inflation",
	"yield_of",
	"terms_of",
	"backing",
	"validators",
	"claim_terms",
	"job_terms",
	"judgement",
];

/// The metadata in `bytes`, of version 15, reduced to what the worker uses.
pub fn trim(bytes: &[u8]) -> Result<Vec<u8>, String> {
	let RuntimeMetadataPrefixed(reserved, metadata) =
		RuntimeMetadataPrefixed::decode(&mut &bytes[..]).map_err(|error| error.to_string())?;
	let RuntimeMetadata::V15(mut metadata) = metadata else {
		return Err(format!("it is of version {}", metadata.version()));
	};
	keep_used(&mut metadata);
	drop_unused_types(&mut metadata);
	drop_docs(&mut metadata);
	Ok(RuntimeMetadataPrefixed(reserved, RuntimeMetadata::V15(metadata)).encode())
}

fn keep_used(metadata: &mut RuntimeMetadataV15) {
	metadata.pallets.retain_mut(|pallet| {
		let Some((name, used)) = CALLS.into_iter().find(|(name, _)| *name == pallet.name) else {
			return false;
		};
		if let Some(calls) = &pallet.calls {
			keep_variants(&mut metadata.types, calls.ty.id, |call| used.contains(&call));
		}
		pallet.storage = None;
		pallet.event = None;
		if !ERRORS.contains(&name) {
			pallet.error = None;
		}
		pallet.constants.clear();
		true
	});
	metadata.apis.retain_mut(|api| {
		api.methods.retain(|method| METHODS.contains(&method.name.as_str()));
		api.name == API
	});

	// Only the enum of calls is needed; it also fills the other places that the format requires.
	let calls = metadata.outer_enums.call_enum_ty;
	keep_variants(&mut metadata.types, calls.id, |pallet| {
		CALLS.iter().any(|(used, _)| *used == pallet)
	});
	metadata.outer_enums.event_enum_ty = calls;
	metadata.outer_enums.error_enum_ty = calls;
	metadata.extrinsic.address_ty = calls;
	metadata.extrinsic.call_ty = calls;
	metadata.extrinsic.signature_ty = calls;
	metadata.extrinsic.extra_ty = calls;
	metadata.extrinsic.signed_extensions.clear();
	metadata.custom.map.clear();
	metadata.ty = calls;
}

/// Keeps those variants of the enum `id` whose names `keep` accepts.
fn keep_variants(types: &mut PortableRegistry, id: u32, keep: impl Fn(&str) -> bool) {
	if let Some(ty) = types.types.iter_mut().find(|ty| ty.id == id) {
		if let TypeDef::Variant(variants) = &mut ty.ty.type_def {
			variants.variants.retain(|variant| keep(&variant.name));
		}
	}
}

/// Removes the types without references.
fn drop_unused_types(metadata: &mut RuntimeMetadataV15) {
	// The generated code names this one.
	let dispatch_error = metadata
		.types
		.types
		.iter()
		.find(|ty| ty.ty.path.segments == ["sp_runtime", "DispatchError"])
		.map(|ty| ty.id);
	let kept: BTreeSet<u32> = type_ids(metadata).into_iter().map(|id| *id).collect();
	let renumbered = metadata.types.retain(|id| kept.contains(&id) || dispatch_error == Some(id));
	for id in type_ids(metadata) {
		if let Some(new) = renumbered.get(id) {
			*id = *new;
		}
	}
}

/// Every reference to a type outside of the types themselves.
fn type_ids(metadata: &mut RuntimeMetadataV15) -> Vec<&mut u32> {
	let mut ids = vec![
		&mut metadata.outer_enums.call_enum_ty.id,
		&mut metadata.outer_enums.event_enum_ty.id,
		&mut metadata.outer_enums.error_enum_ty.id,
		&mut metadata.extrinsic.address_ty.id,
		&mut metadata.extrinsic.call_ty.id,
		&mut metadata.extrinsic.signature_ty.id,
		&mut metadata.extrinsic.extra_ty.id,
		&mut metadata.ty.id,
	];
	for pallet in &mut metadata.pallets {
		ids.extend(pallet.calls.iter_mut().map(|calls| &mut calls.ty.id));
		ids.extend(pallet.error.iter_mut().map(|error| &mut error.ty.id));
	}
	for method in metadata.apis.iter_mut().flat_map(|api| &mut api.methods) {
		ids.extend(method.inputs.iter_mut().map(|input| &mut input.ty.id));
		ids.push(&mut method.output.id);
	}
	ids
}

/// Removes documentation, so that better words do not change the file.
fn drop_docs(metadata: &mut RuntimeMetadataV15) {
	for pallet in &mut metadata.pallets {
		pallet.docs.clear();
	}
	for api in &mut metadata.apis {
		api.docs.clear();
		api.methods.iter_mut().for_each(|method| method.docs.clear());
	}
	for ty in &mut metadata.types.types {
		ty.ty.docs.clear();
		match &mut ty.ty.type_def {
			TypeDef::Composite(composite) => {
				composite.fields.iter_mut().for_each(|field| field.docs.clear());
			}
			TypeDef::Variant(variants) => {
				for variant in &mut variants.variants {
					variant.docs.clear();
					variant.fields.iter_mut().for_each(|field| field.docs.clear());
				}
			}
			_ => {}
		}
	}
}
