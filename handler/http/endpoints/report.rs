//! The report.

use warp::reply::Response;

use crate::comparison::{Comparison, ReportQuery};
use crate::domain::report::Report;
use crate::domain::window::BurnIn;
use crate::http::problem::Problem;
use crate::http::query::{Query, refusal};
use crate::http::reply::json;

/// The comparison of the arms, with its checks, cost and verdict.
///
/// # Errors
/// 400 for a query that is wrong.
#[utoipa::path(
    get,
    path = "/api/report",
    tag = "comparison",
    summary = "Compare the arms",
    description = "The report: checks, metrics with intervals, cost observed and projected, and the verdict.",
    params(
        ("run" = Option<String>, Query, description = "The run: its id, its name, or current, which is the default", example = "current"),
        ("from" = Option<String>, Query, description = "Only from here on; where no run is named, the run of these minutes is compared, and of several none"),
        ("to" = Option<String>, Query, description = "Only up to here, exclusive"),
        ("burn_in" = Option<u8>, Query, description = "Seconds trimmed from both edges of each window: 0 (the default), 5, 10 or 20"),
    ),
    responses(
        (status = 200, description = "The report", body = Report),
        (status = 400, description = "A parameter is wrong"),
        (status = 404, description = "There is no such run"),
        (status = 409, description = "The run's schedule was drawn from a seed that the arm does not know"),
    )
)]
pub async fn report(comparison: &Comparison, raw_query: Option<&str>) -> Result<Response, Problem> {
    Ok(json(&comparison.report(&asked(raw_query)?).await?))
}

/// What a query asks the comparison for.
///
/// # Errors
/// 400 for a parameter that is wrong.
pub fn asked(raw_query: Option<&str>) -> Result<ReportQuery, Problem> {
    let mut query = Query::parse(raw_query)?;
    let (from, to) = (query.moment("from")?, query.moment("to")?);
    if let (Some(from), Some(to)) = (from, to)
        && from >= to
    {
        return Err(refusal("to", "must be later than from"));
    }
    let read = |text: &str| BurnIn::ALL.into_iter().find(|burn_in| burn_in.sixtieths().to_string() == text);
    let burn_in = query.parsed("burn_in", "0, 5, 10 or 20", read)?.unwrap_or_default();
    let run = query.parsed("run", "a run's id or name, or current", |text| text.parse().ok())?;
    query.finish()?;
    Ok(ReportQuery { run, from, to, burn_in, last: None })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;
    use time::macros::{date, datetime};

    use super::*;
    use crate::domain::arm::ByArm;
    use crate::domain::draw::Seed;
    use crate::domain::margins::Margins;
    use crate::domain::minute_range::MinuteRange;
    use crate::domain::price::{Price, PriceBook};
    use crate::domain::probe::{ProbeLatency, ProbeOutcomes};
    use crate::domain::report::Inputs;
    use crate::domain::report::testing::{charged_days, inputs, run};
    use crate::domain::run::RunChoice;
    use crate::domain::run::testing::document as run_document;
    use crate::domain::schedule::{Rule, Schedule};
    use crate::http::openapi;

    /// Reports that between them hold every property the schema names: priced and charged, mirrored, failing and not, short and long.
    fn reports() -> Vec<Report> {
        let mirrored = |minutes| {
            let inputs = inputs(minutes);
            Inputs { range: MinuteRange { schedule: Schedule::new(Rule::Mirrored), ..inputs.range }, ..inputs }
        };
        let probed = ProbeLatency { probes: 40, mean_ms: 50.0, standard_deviation_ms: 5.0 };
        let fetched = Price {
            meter: "app-service/S1/hour".parse().expect("a meter"),
            region: "local".to_owned(),
            amount: 1.into(),
            currency: "USD".to_owned(),
            as_of: date!(2026 - 11 - 23),
            fetched_at: Some(datetime!(2026-11-23 9:00 UTC)),
            source: "test".to_owned(),
        };
        let full = Inputs {
            prices: PriceBook::embedded().with([fetched]),
            shared_charges: charged_days(),
            probes: Some(ProbeOutcomes { sent: 1, conformant: 1, ..ProbeOutcomes::default() }),
            probe_latencies: ByArm { even: Some(probed), odd: Some(probed) },
            runs: vec![run_document()],
            margins: Margins { latency_mean_ms: Some(50.0), failure_share: Some(0.1), ..Margins::default() },
            ..mirrored(240)
        };
        let drawn = Inputs {
            range: MinuteRange { schedule: Schedule::new(Rule::Random(Seed::new([7; 32]))), ..inputs(60).range },
            runs: vec![run_document()],
            ..inputs(60)
        };
        // No call of the first six minutes fails.
        let unfailing = Inputs { runs: vec![run_document()], ..inputs(6) };
        // Three days and more can be held against a bill.
        let audited = Inputs { charges: ByArm { even: charged_days(), odd: Vec::new() }, ..inputs(3 * 1_440) };
        let spanned = Inputs { runs: vec![run_document(), run_document()], ..inputs(24) };
        [(240, full), (3 * 1_440, audited), (60, drawn), (6, unfailing), (24, spanned), (24, inputs(24)), (8, inputs(8)), (0, inputs(1))]
            .map(|(minutes, inputs)| run(minutes, inputs).0)
            .to_vec()
    }

    /// Holds `value` against `schema`, and notes the properties that were anything but null.
    fn hold(document: &Value, schema: &Value, value: &Value, at: &str, told: &mut BTreeSet<String>) {
        if let Some(name) = schema.get("$ref").and_then(Value::as_str) {
            let name = name.strip_prefix("#/components/schemas/").expect("a schema of this document");
            return hold(document, &document["components"]["schemas"][name], value, name, told);
        }
        if let Some(choices) = schema.get("oneOf").and_then(Value::as_array) {
            let null = |choice: &&Value| choice.get("type").is_some_and(|kind| kind == "null");
            assert!(choices.len() == 2 && choices.iter().any(|choice| null(&choice)), "{at}: {schema}");
            let other = choices.iter().find(|choice| !null(choice)).expect("a choice beside null");
            if !value.is_null() {
                hold(document, other, value, at, told);
            }
            return;
        }
        let kind = match value {
            Value::Null => "null",
            Value::Bool(_) => "boolean",
            Value::String(_) => "string",
            Value::Array(_) => "array",
            Value::Object(_) => "object",
            Value::Number(number) if number.is_f64() => "number",
            Value::Number(_) => "integer",
        };
        let allowed = schema["type"].as_array().cloned().unwrap_or_else(|| vec![schema["type"].clone()]);
        assert!(allowed.iter().any(|allowed| allowed == kind), "{at} is {value}, and the schema has {schema}");
        if let Some(words) = schema.get("enum").and_then(Value::as_array) {
            assert!(words.contains(value), "{at}: {value} is not one of {words:?}");
        }
        match value {
            Value::Array(items) => {
                for (position, item) in items.iter().enumerate() {
                    let own = schema.get("prefixItems").map_or(&schema["items"], |items| &items[position]);
                    hold(document, own, item, at, told);
                }
            }
            Value::Object(members) => {
                let named: BTreeSet<&String> = schema["properties"].as_object().expect("properties").keys().collect();
                assert_eq!(named, members.keys().collect(), "{at}: the schema's properties and the report's");
                for (name, member) in members {
                    let place = format!("{at}.{name}");
                    if !member.is_null() {
                        told.insert(place.clone());
                    }
                    hold(document, &schema["properties"][name], member, &place, told);
                }
            }
            _ => {}
        }
    }

    #[test]
    fn a_report_has_the_properties_its_schema_names() {
        let document = openapi::document();
        let schema = &document["paths"]["/api/report"]["get"]["responses"]["200"]["content"]["application/json"]["schema"];
        let mut told = BTreeSet::new();
        for report in reports() {
            hold(document, schema, &serde_json::to_value(&report).expect("serialisable"), "", &mut told);
        }
        // What no report told was not held against anything.
        let schemas: BTreeSet<&str> = told.iter().filter_map(|place| place.split('.').next()).collect();
        let named = |schema: &&str| {
            let properties = document["components"]["schemas"][schema]["properties"].as_object().expect("an object");
            properties.keys().map(|name| format!("{schema}.{name}")).collect::<Vec<_>>()
        };
        let untold: Vec<String> = schemas.iter().flat_map(named).filter(|place| !told.contains(place)).collect();
        assert_eq!(untold, [] as [&str; 0]);
        assert!(schemas.len() > 25, "{schemas:?}");
    }

    #[test]
    fn the_query_says_what_is_compared() {
        assert_eq!(asked(None).ok(), Some(ReportQuery::default()));
        let full = asked(Some("run=current&from=2026-11-01&to=2026-11-02T12:00Z&burn_in=10")).ok();
        let expected = ReportQuery {
            run: Some(RunChoice::Current),
            from: Some(datetime!(2026-11-01 0:00 UTC)),
            to: Some(datetime!(2026-11-02 12:00 UTC)),
            burn_in: BurnIn::Ten,
            last: None,
        };
        assert_eq!(full, Some(expected));
        for wrong in ["burn_in=7", "from=2026-11-02&to=2026-11-01", "since=1", "from=yesterday", "run=a/b"] {
            assert!(asked(Some(wrong)).is_err(), "{wrong}");
        }
    }
}
