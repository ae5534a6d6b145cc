//! A charge as JSON: FOCUS's columns in snake_case, money as decimal strings, moments as RFC 3339, absent where there is no value.
//!
//! Owns both directions and the schema that documents them; all three follow the domain's table of columns.

use serde_json::{Map, Value as Json};
use utoipa::openapi::schema::{ObjectBuilder, SchemaType, Type};
use utoipa::openapi::{KnownFormat, RefOr, Schema, SchemaFormat};
use utoipa::{PartialSchema, ToSchema};

use crate::domain::charge::{Charge, Entries, Refusal, Value, read_value};
use crate::domain::columns::{self, COLUMNS, Column, ColumnKind};
use crate::domain::moment;
use crate::store::StoredCharge;

/// A stored charge, as documented.
pub struct ChargeDocument;

/// A charge to be stored, as documented.
pub struct NewChargeDocument;

/// What is wrong with a posted charge: the field, and what was expected there.
#[derive(Debug, PartialEq, Eq)]
pub struct FieldRefusal {
    /// The field; none where it is the charge as a whole.
    pub field: Option<String>,
    /// What is wrong with it.
    pub reason: String,
}

/// The charge as JSON.
#[must_use]
pub fn write(stored: &StoredCharge) -> Json {
    let mut document = Map::new();
    document.insert("id".into(), stored.id.to_string().into());
    if let Some(import_id) = stored.import_id {
        document.insert("import_id".into(), import_id.to_string().into());
    }
    if let Some(line) = stored.line {
        document.insert("line".into(), line.into());
    }
    for (column, value) in COLUMNS.iter().zip(stored.charge.values()) {
        if let Some(text) = text_of(value) {
            document.insert(column.name.into(), text.into());
        }
    }
    let entries = |entries: &Entries| entries.iter().map(|(name, text)| (name.clone(), Json::from(text.as_str()))).collect::<Map<_, _>>();
    document.insert("tags".into(), entries(&stored.charge.tags).into());
    document.insert("extras".into(), entries(&stored.charge.extras).into());
    Json::Object(document)
}

/// The header of charges as CSV: FOCUS's own names, so that what was written can be imported again.
#[must_use]
pub fn csv_header() -> Vec<u8> {
    let focus = COLUMNS.iter().map(|column| column.focus);
    csv_record(["x_ChargeId", "x_ImportId", "x_Line"].into_iter().chain(focus).chain(["Tags", "x_Extras"]).map(str::to_owned))
}

/// The charge as a line of CSV.
#[must_use]
pub fn csv_row(stored: &StoredCharge) -> Vec<u8> {
    let own = [
        stored.id.to_string(),
        stored.import_id.map(|id| id.to_string()).unwrap_or_default(),
        stored.line.map(|line| line.to_string()).unwrap_or_default(),
    ];
    let entries = |entries: &Entries| if entries.is_empty() { String::new() } else { serde_json::to_string(entries).unwrap_or_default() };
    let values = stored.charge.values().iter().map(|value| text_of(value).unwrap_or_default());
    csv_record(own.into_iter().chain(values).chain([entries(&stored.charge.tags), entries(&stored.charge.extras)]))
}

fn csv_record(cells: impl Iterator<Item = String>) -> Vec<u8> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    // Writing to memory cannot fail.
    let _ = writer.write_record(cells);
    writer.into_inner().unwrap_or_default()
}

fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::Absent => None,
        Value::Text(text) => Some(text.clone()),
        Value::Amount(amount) => Some(amount.to_string()),
        Value::Moment(moment) => Some(moment::format(*moment)),
    }
}

/// Reads a posted charge.
///
/// # Errors
/// [`FieldRefusal`] with the first field that is wrong.
pub fn read(document: Json) -> Result<Charge, FieldRefusal> {
    let Json::Object(fields) = document else {
        return Err(FieldRefusal { field: None, reason: "is not a JSON object".to_owned() });
    };
    let mut values = vec![Value::Absent; columns::COUNT];
    let (mut tags, mut extras) = (Entries::new(), Entries::new());
    for (name, value) in fields {
        let read = match name.as_str() {
            "tags" => entries(value).map(|entries| tags = entries),
            "extras" => entries(value).map(|entries| extras = entries),
            _ => match columns::position(&name) {
                columns::COUNT => Err("is not a field of a charge: columns FOCUS does not name belong into extras".to_owned()),
                position => field(&COLUMNS[position], value).map(|value| values[position] = value),
            },
        };
        read.map_err(|reason| FieldRefusal { field: Some(name.chars().take(100).collect()), reason })?;
    }
    Charge::new(values, tags, extras).map_err(|Refusal { column, reason, .. }| {
        let field = COLUMNS.get(column).map(|column| column.name.to_owned());
        FieldRefusal { field, reason }
    })
}

fn field(column: &Column, value: Json) -> Result<Value, String> {
    match value {
        Json::Null => Ok(Value::Absent),
        Json::String(text) if text.is_empty() => Ok(Value::Absent),
        Json::String(text) => read_value(column, &text),
        Json::Number(number) if column.kind == ColumnKind::Amount && !number.is_f64() => read_value(column, &number.to_string()),
        Json::Number(_) if column.kind == ColumnKind::Amount => {
            Err("must be a string such as \"0.10\": a JSON fraction is not exact".to_owned())
        }
        _ => Err("must be a string".to_owned()),
    }
}

fn entries(value: Json) -> Result<Entries, String> {
    let expected = || "must be an object of strings".to_owned();
    let Json::Object(fields) = value else { return Err(expected()) };
    let text = |(name, value): (String, Json)| value.as_str().map(|text| (name, text.to_owned())).ok_or_else(expected);
    fields.into_iter().map(text).collect()
}

fn with_columns(mut object: ObjectBuilder) -> ObjectBuilder {
    for column in COLUMNS {
        let (format, example) = match column.kind {
            ColumnKind::Text => (None, None),
            ColumnKind::Amount => (Some(SchemaFormat::Custom("decimal".to_owned())), Some("18.00663861840")),
            ColumnKind::Moment => (Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)), Some("2024-09-18T22:00:00Z")),
        };
        let field = text().format(format).description(Some(format!("FOCUS {}", column.focus))).examples(example);
        object = object.property(column.name, field);
        if column.required {
            object = object.required(column.name);
        }
    }
    let entries = |what: &str| object_of_strings().description(Some(what.to_owned()));
    object
        .property("tags", entries("Tags with their values"))
        .property("extras", entries("Columns FOCUS does not name, x_ ones among them"))
}

fn text() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(SchemaType::new(Type::String))
}

fn object_of_strings() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(SchemaType::new(Type::Object)).additional_properties(Some(Schema::from(text())))
}

impl PartialSchema for NewChargeDocument {
    fn schema() -> RefOr<Schema> {
        Schema::from(with_columns(ObjectBuilder::new()).description(Some("A FOCUS charge to be stored"))).into()
    }
}

impl ToSchema for NewChargeDocument {}

impl PartialSchema for ChargeDocument {
    fn schema() -> RefOr<Schema> {
        let uuid = || text().format(Some(SchemaFormat::KnownFormat(KnownFormat::Uuid)));
        let line = ObjectBuilder::new().schema_type(SchemaType::new(Type::Integer)).description(Some("Line of the import's file"));
        let object = ObjectBuilder::new()
            .property("id", uuid().description(Some("The charge's id")))
            .property("import_id", uuid().description(Some("The import it came with")))
            .property("line", line)
            .required("id");
        Schema::from(with_columns(object).description(Some("A stored FOCUS charge; fields without a value are left out"))).into()
    }
}

impl ToSchema for ChargeDocument {}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use uuid::Uuid;

    use super::*;

    fn posted() -> Json {
        json!({
            "billed_cost": "0.10", "effective_cost": 0, "billing_currency": "USD", "charge_category": "Usage",
            "charge_period_start": "2024-09-18", "charge_period_end": "2024-09-18T01:00:00+01:00",
            "provider_name": "Microsoft", "service_name": "Functions", "region_id": null, "tags": {"env": "dev"}, "extras": {"x_Sku": "Flex"}
        })
    }

    fn refused(name: &str, value: Json) -> String {
        let mut document = posted();
        document[name] = value;
        let refusal = read(document).expect_err(name);
        format!("{} {}", refusal.field.unwrap_or_default(), refusal.reason)
    }

    #[test]
    fn what_was_posted_comes_back_exactly() {
        let stored = StoredCharge { id: Uuid::from_u128(7), import_id: None, line: None, charge: read(posted()).unwrap() };
        let expected = json!({
            "id": "00000000-0000-0000-0000-000000000007",
            "billed_cost": "0.10", "effective_cost": "0", "billing_currency": "USD", "charge_category": "Usage",
            "charge_period_start": "2024-09-18T00:00:00Z", "charge_period_end": "2024-09-18T00:00:00Z",
            "provider_name": "Microsoft", "service_name": "Functions", "tags": {"env": "dev"}, "extras": {"x_Sku": "Flex"}
        });
        assert_eq!(write(&stored), expected);
    }

    #[test]
    fn wrong_fields_are_named() {
        assert_eq!(refused("billed_cost", json!(0.1)), "billed_cost must be a string such as \"0.10\": a JSON fraction is not exact");
        assert_eq!(refused("billed_cost", json!("ten")), "billed_cost is not a decimal number");
        assert_eq!(refused("service_name", json!(5)), "service_name must be a string");
        assert_eq!(refused("service_name", json!("a\0b")), "service_name holds a NUL character");
        assert_eq!(
            refused("currency", json!("USD")),
            "currency is not a field of a charge: columns FOCUS does not name belong into extras"
        );
        assert_eq!(refused("tags", json!({"a": 1})), "tags must be an object of strings");
        assert!(refused("charge_category", json!("")).starts_with("charge_category has no value"));
        assert_eq!(refused("billing_currency", json!("dollars")), "billing_currency is no currency code of ISO 4217");
        assert_eq!(read(json!([])).unwrap_err().reason, "is not a JSON object");
    }

    #[test]
    fn the_schema_lists_every_column() {
        let schema = serde_json::to_value(ChargeDocument::schema()).unwrap();
        assert_eq!(schema["properties"].as_object().unwrap().len(), COLUMNS.len() + 5);
        assert_eq!(schema["properties"]["billed_cost"]["type"], "string");
        assert!(schema["required"].as_array().unwrap().contains(&json!("billing_currency")));
    }
}
