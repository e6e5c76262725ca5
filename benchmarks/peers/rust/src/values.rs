//! The scalars: integer cents and ten-thousandths in the database, text on the wire.
use async_graphql::{InputType, InputValueError, InputValueResult, Scalar, ScalarType, Value};
use mysql_async::Value as Column;
use rand::Rng;

#[derive(Clone, Copy)]
pub struct Money(pub i64);

#[Scalar]
impl ScalarType for Money {
    fn parse(value: Value) -> InputValueResult<Self> {
        number(value, 100.0).map(Money)
    }

    fn to_value(&self) -> Value {
        let sign = if self.0 < 0 { "-" } else { "" };
        let cents = self.0.abs();
        Value::String(format!("{sign}{}.{:02}", cents / 100, cents % 100))
    }
}

#[derive(Clone, Copy)]
pub struct Quantity(pub i64);

#[Scalar]
impl ScalarType for Quantity {
    fn parse(value: Value) -> InputValueResult<Self> {
        number(value, 10_000.0).map(Quantity)
    }

    fn to_value(&self) -> Value {
        Value::String((self.0 as f64 / 10_000.0).to_string())
    }
}

#[derive(Clone)]
pub struct Date(pub String);

#[Scalar]
impl ScalarType for Date {
    fn parse(value: Value) -> InputValueResult<Self> {
        match value {
            Value::String(text) => Ok(Date(text)),
            other => Err(InputValueError::expected_type(other)),
        }
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.clone())
    }
}

#[derive(Clone)]
pub struct DateTime(pub String);

#[Scalar]
impl ScalarType for DateTime {
    fn parse(value: Value) -> InputValueResult<Self> {
        <Date as ScalarType>::parse(value)
            .map(|date| DateTime(date.0))
            .map_err(InputValueError::propagate)
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.clone())
    }
}

fn number<T: InputType>(value: Value, unit: f64) -> Result<i64, InputValueError<T>> {
    match &value {
        Value::String(text) => match text.parse::<f64>() {
            Ok(found) => Ok((found * unit).round() as i64),
            Err(error) => Err(InputValueError::custom(error)),
        },
        _ => Err(InputValueError::expected_type(value)),
    }
}

/// The day of a DATE column.
pub fn date(column: Column) -> Date {
    match column {
        Column::Date(year, month, day, ..) => Date(format!("{year:04}-{month:02}-{day:02}")),
        other => panic!("no date: {other:?}"),
    }
}

/// The moment of a DATETIME(6) column.
pub fn moment(column: Column) -> DateTime {
    match column {
        Column::Date(year, month, day, hour, minute, second, micros) => DateTime(format!(
            "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{micros:06}Z"
        )),
        other => panic!("no moment: {other:?}"),
    }
}

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// A new id of the usual length.
pub fn new_id(prefix: &str) -> String {
    let mut chance = rand::rng();
    let suffix: String = (0..26)
        .map(|_| ALPHABET[chance.random_range(0..32)] as char)
        .collect();
    format!("{prefix}_{suffix}")
}
