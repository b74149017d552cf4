//! AMF0, the values in RTMP's commands: the part that publishers send, within bounds.

use thiserror::Error;

/// Nesting of values.
const DEEPEST: u32 = 8;
/// Properties of one object.
const MOST_PROPERTIES: usize = 256;

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
	/// A number.
	Number(f64),
	/// A truth value.
	Bool(bool),
	/// A text.
	Text(String),
	/// An object, with its properties in order.
	Object(Vec<(String, Value)>),
	/// A list.
	List(Vec<Value>),
	/// Nothing.
	Null,
}

impl Value {
	/// As a text.
	pub fn text(&self) -> Option<&str> {
		match self {
			Value::Text(text) => Some(text),
			_ => None,
		}
	}

	/// As a number.
	pub fn number(&self) -> Option<f64> {
		match self {
			Value::Number(number) => Some(*number),
			_ => None,
		}
	}

	/// A property of an object.
	pub fn get(&self, name: &str) -> Option<&Value> {
		match self {
			Value::Object(properties) => {
				properties.iter().find(|(own, _)| own == name).map(|(_, value)| value)
			}
			_ => None,
		}
	}
}

/// Invalid AMF0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a command cannot be read")]
pub struct Malformed;

/// Reads values to the end.
pub fn read(mut bytes: &[u8]) -> Result<Vec<Value>, Malformed> {
	let mut values = Vec::new();
	while !bytes.is_empty() {
		if values.len() >= MOST_PROPERTIES {
			return Err(Malformed);
		}
		values.push(value(&mut bytes, 0)?);
	}
	Ok(values)
}

fn take<'a>(bytes: &mut &'a [u8], count: usize) -> Result<&'a [u8], Malformed> {
	let (taken, rest) = bytes.split_at_checked(count).ok_or(Malformed)?;
	*bytes = rest;
	Ok(taken)
}

fn number(bytes: &mut &[u8], count: usize) -> Result<usize, Malformed> {
	Ok(take(bytes, count)?.iter().fold(0, |number, byte| number << 8 | usize::from(*byte)))
}

fn text(bytes: &mut &[u8], prefix: usize) -> Result<String, Malformed> {
	let length = number(bytes, prefix)?;
	Ok(String::from_utf8_lossy(take(bytes, length)?).into_owned())
}

fn value(bytes: &mut &[u8], depth: u32) -> Result<Value, Malformed> {
	if depth > DEEPEST {
		return Err(Malformed);
	}
	Ok(match take(bytes, 1)?[0] {
		0 => {
			let raw: [u8; 8] = take(bytes, 8)?.try_into().map_err(|_| Malformed)?;
			Value::Number(f64::from_be_bytes(raw))
		}
		1 => Value::Bool(take(bytes, 1)?[0] != 0),
		2 => Value::Text(text(bytes, 2)?),
		3 => Value::Object(properties(bytes, depth)?),
		5 | 6 => Value::Null,
		8 => {
			take(bytes, 4)?;
			Value::Object(properties(bytes, depth)?)
		}
		10 => {
			let count = number(bytes, 4)?;
			if count > MOST_PROPERTIES {
				return Err(Malformed);
			}
			Value::List((0..count).map(|_| value(bytes, depth + 1)).collect::<Result<_, _>>()?)
		}
		11 => {
			take(bytes, 10)?;
			Value::Null
		}
		12 => Value::Text(text(bytes, 4)?),
		_ => return Err(Malformed),
	})
}

fn properties(bytes: &mut &[u8], depth: u32) -> Result<Vec<(String, Value)>, Malformed> {
	let mut properties = Vec::new();
	loop {
		let name = text(bytes, 2)?;
		if name.is_empty() && bytes.first() == Some(&9) {
			take(bytes, 1)?;
			return Ok(properties);
		}
		if properties.len() >= MOST_PROPERTIES {
			return Err(Malformed);
		}
		properties.push((name, value(bytes, depth + 1)?));
	}
}

/// Writes values.
pub fn write(values: &[Value]) -> Vec<u8> {
	let mut out = Vec::new();
	for value in values {
		put(&mut out, value);
	}
	out
}

fn put_name(out: &mut Vec<u8>, name: &str) {
	let name = &name.as_bytes()[..name.len().min(usize::from(u16::MAX))];
	out.extend((name.len() as u16).to_be_bytes());
	out.extend(name);
}

fn put(out: &mut Vec<u8>, value: &Value) {
	match value {
		Value::Number(number) => {
			out.push(0);
			out.extend(number.to_be_bytes());
		}
		Value::Bool(bool) => out.extend([1, u8::from(*bool)]),
		Value::Text(text) => {
			out.push(2);
			put_name(out, text);
		}
		Value::Object(properties) => {
			out.push(3);
			for (name, value) in properties {
				put_name(out, name);
				put(out, value);
			}
			out.extend([0, 0, 9]);
		}
		Value::List(values) => {
			out.push(10);
			out.extend((values.len() as u32).to_be_bytes());
			for value in values {
				put(out, value);
			}
		}
		Value::Null => out.push(5),
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn values_should_come_back_when_written() {
		let values = [
			Value::Text("connect".into()),
			Value::Number(1.0),
			Value::Object(vec![
				("app".into(), Value::Text("live".into())),
				("list".into(), Value::List(vec![Value::Null, Value::Bool(true)])),
			]),
		];
		assert_eq!(read(&write(&values)).as_deref(), Ok(&values[..]));
		assert_eq!(values[2].get("app").and_then(Value::text), Some("live"));
	}

	#[test]
	fn values_should_be_refused_when_they_are_too_deep_or_cut_off() {
		let mut nested = Value::Null;
		for _ in 0..20 {
			nested = Value::List(vec![nested]);
		}
		assert_eq!(read(&write(&[nested])), Err(Malformed));
		assert_eq!(read(&[2, 0, 5, b'a']), Err(Malformed));
		assert_eq!(read(&[10, 0xff, 0xff, 0xff, 0xff]), Err(Malformed));
		assert_eq!(read(&[3, 0, 0]), Err(Malformed));
	}
}
