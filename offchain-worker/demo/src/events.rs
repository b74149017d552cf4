//! The chain's events as JSON, decoded by the metadata of the running chain.

use serde_json::{json, Map, Value as Json};
use subxt::ext::scale_value::{Composite, Primitive, Value, ValueDef};

/// One event of a finalised block.
#[derive(Clone, Debug)]
pub struct Event {
	/// The block's height.
	pub block: u32,
	/// The pallet's name in the runtime.
	pub pallet: String,
	/// The event's name.
	pub name: String,
	/// Its fields.
	pub fields: Json,
}

impl Event {
	/// A field that is an unsigned number.
	pub fn number(&self, field: &str) -> Option<u64> {
		let value = self.fields.get(field)?;
		value.as_u64().or_else(|| value.as_str()?.parse().ok())
	}

	/// A field that is an amount, too large for JSON numbers.
	pub fn amount(&self, field: &str) -> Option<u128> {
		exact(self.fields.get(field)?)
	}
}

/// An amount from JSON to the unit, also one that is too large for JSON's numbers; `None` if it is no amount.
pub fn exact(value: &Json) -> Option<u128> {
	value.as_u64().map(u128::from).or_else(|| value.as_str()?.parse().ok())
}

/// How many of a claim's drawn segments had to have a variant, and how many were drawn, by its event.
pub fn count_due(opened: &Json) -> (usize, usize) {
	let due = match &opened["due"] {
		Json::Array(all) => all.as_slice(),
		// A list of one element is written as the element.
		one => std::slice::from_ref(one),
	};
	(due.iter().filter(|rendition| !rendition.is_null()).count(), due.len())
}

/// Converts a decoded value into JSON: byte strings as hex, numbers beyond 2^53 as decimal strings, newtypes
/// as their content, variants without fields as their name.
pub fn to_json<T>(value: &Value<T>) -> Json {
	match &value.value {
		ValueDef::Composite(composite) => composite_json(composite),
		ValueDef::Variant(variant) => match variant.name.as_str() {
			"None" if variant.values.is_empty() => Json::Null,
			"Some" if variant.values.len() == 1 => composite_json(&variant.values),
			name if variant.values.is_empty() => json!(name),
			name => json!({ name: composite_json(&variant.values) }),
		},
		ValueDef::Primitive(primitive) => match primitive {
			Primitive::Bool(b) => json!(b),
			Primitive::Char(c) => json!(c),
			Primitive::String(s) => json!(s),
			Primitive::U128(n) if *n < 1 << 53 => json!(*n as u64),
			Primitive::U128(n) => json!(n.to_string()),
			Primitive::I128(n) => json!(n.to_string()),
			Primitive::U256(bytes) | Primitive::I256(bytes) => json!(to_hex(bytes)),
		},
		ValueDef::BitSequence(bits) => json!(bits.iter().collect::<Vec<bool>>()),
	}
}

fn composite_json<T>(composite: &Composite<T>) -> Json {
	match composite {
		Composite::Named(fields) => {
			Json::Object(fields.iter().map(|(k, v)| (k.clone(), to_json(v))).collect::<Map<_, _>>())
		}
		Composite::Unnamed(values) => {
			let bytes: Option<Vec<u8>> = values
				.iter()
				.map(|v| match &v.value {
					ValueDef::Primitive(Primitive::U128(n)) => u8::try_from(*n).ok(),
					_ => None,
				})
				.collect();
			match (values.as_slice(), bytes) {
				// Only hashes, keys and byte strings are this long.
				(_, Some(bytes)) if bytes.len() >= 16 => json!(to_hex(&bytes)),
				([one], _) => to_json(one),
				(values, _) => Json::Array(values.iter().map(to_json).collect()),
			}
		}
	}
}

fn to_hex(bytes: &[u8]) -> String {
	format!("0x{}", hex::encode(bytes))
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn variants_that_were_due_should_be_counted_however_many_segments_were_drawn() {
		for (due, counted) in [
			(json!([null, 0, null, 1]), (2, 4)),
			(json!([null, null]), (0, 2)),
			// Of one drawn segment.
			(json!(0), (1, 1)),
			(json!(null), (0, 1)),
		] {
			assert_eq!(count_due(&json!({ "due": due })), counted, "{due}");
		}
	}

	#[test]
	fn amounts_should_be_read_to_the_unit_or_not_at_all() {
		assert_eq!(exact(&json!(7)), Some(7));
		assert_eq!(exact(&json!(u128::MAX.to_string())), Some(u128::MAX));
		for none in [Json::Null, json!(1.5), json!("1.5"), json!({ "supply": 1 })] {
			assert_eq!(exact(&none), None, "{none}");
		}
	}
}
