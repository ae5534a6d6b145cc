//! Query strings, read strictly: an unknown, repeated or unreadable parameter is an error that names it, never ignored.

use time::OffsetDateTime;
use uuid::Uuid;

use super::problem::{Problem, ProblemKind};
use crate::domain::charge::CATEGORIES;
use crate::domain::{currency, moment};
use crate::store::ChargeFilter;

/// Longest value of one parameter, in bytes.
const MAX_VALUE_BYTES: usize = 2_048;
/// Most parameters of one call.
const MAX_PARAMETERS: usize = 64;
const TAG_PREFIX: &str = "tag.";

/// The parameters of one call, taken out one by one.
#[derive(Debug)]
pub struct Query {
    pairs: Vec<(String, String)>,
    /// The parameters the path takes, as far as it has asked for them.
    known: Vec<&'static str>,
}

impl Query {
    /// Decodes a query string.
    ///
    /// # Errors
    /// A 400 problem where it is not UTF-8, or too long.
    pub fn parse(raw: Option<&str>) -> Result<Query, Problem> {
        let pairs: Vec<(String, String)> = form_urlencoded::parse(raw.unwrap_or_default().as_bytes()).into_owned().collect();
        if pairs.len() > MAX_PARAMETERS {
            return Err(Problem::new(ProblemKind::BadRequest, format!("the query has more than {MAX_PARAMETERS} parameters")));
        }
        for (name, value) in &pairs {
            let unreadable = |text: &String| text.contains(['\0', '\u{fffd}']);
            if unreadable(name) || unreadable(value) {
                return Err(refusal(name, "is not UTF-8 text"));
            }
            if value.len() > MAX_VALUE_BYTES {
                return Err(refusal(name, &format!("is longer than {MAX_VALUE_BYTES} bytes")));
            }
        }
        Ok(Query { pairs, known: Vec::new() })
    }

    /// The parameter's text; an empty one counts as absent.
    ///
    /// # Errors
    /// A 400 problem where it is given twice.
    pub fn text(&mut self, name: &'static str) -> Result<Option<String>, Problem> {
        self.known.push(name);
        let mut found = Vec::new();
        self.pairs.retain_mut(|(key, value)| {
            let taken = key == name;
            if taken {
                found.push(std::mem::take(value));
            }
            !taken
        });
        if found.len() > 1 {
            return Err(refusal(name, "is given more than once"));
        }
        Ok(found.pop().filter(|value| !value.is_empty()))
    }

    /// The parameter as `parse` reads it.
    ///
    /// # Errors
    /// A 400 problem that says what was expected.
    pub fn parsed<T>(&mut self, name: &'static str, expected: &str, parse: impl FnOnce(&str) -> Option<T>) -> Result<Option<T>, Problem> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        parse(&text).map(Some).ok_or_else(|| unexpected(name, expected, &text))
    }

    /// The parameter as one of several names, found among them by `find`.
    ///
    /// # Errors
    /// A 400 problem that lists them.
    pub fn one_of<T>(
        &mut self,
        name: &'static str,
        names: impl Iterator<Item = &'static str>,
        find: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, Problem> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        find(&text).map(Some).ok_or_else(|| unexpected(name, &format!("one of {}", names.collect::<Vec<_>>().join(", ")), &text))
    }

    /// The parameter as a moment.
    ///
    /// # Errors
    /// A 400 problem where it is none.
    pub fn moment(&mut self, name: &'static str) -> Result<Option<OffsetDateTime>, Problem> {
        // In a query a plus sign is a space, so that 00:00:00+02:00 arrives with one.
        let read = |text: &str| moment::parse(text).or_else(|| moment::parse(&text.replacen(' ', "+", 1)));
        self.parsed(name, "a date or RFC 3339 time such as 2026-11-01 or 2026-11-01T00:00:00Z", read)
    }

    /// The parameters that choose charges.
    ///
    /// # Errors
    /// A 400 problem for the first one that is wrong.
    pub fn charge_filter(&mut self) -> Result<ChargeFilter, Problem> {
        let (from, to) = (self.moment("from")?, self.moment("to")?);
        if let (Some(from), Some(to)) = (from, to)
            && from >= to
        {
            return Err(refusal("to", "must be later than from"));
        }
        Ok(ChargeFilter {
            from,
            to,
            billing_period: self.parsed("billing_period", "a month such as 2026-09", |text| text.parse().ok())?,
            import: self.parsed("import", "an import's id", |text| Uuid::try_parse(text).ok())?,
            dataset: self.text("dataset")?,
            invoice: self.text("invoice")?,
            account: self.text("account")?,
            sub_account: self.text("sub_account")?,
            category: self.category()?,
            charge_class: self.text("charge_class")?,
            currency: self.parsed("currency", "a currency code of ISO 4217", |text| currency::parse(text).map(str::to_owned))?,
            provider: self.text("provider")?,
            service: self.text("service")?,
            resource_id: self.text("resource_id")?,
            region: self.text("region")?,
            tags: self.tags()?,
        })
    }

    fn category(&mut self) -> Result<Option<String>, Problem> {
        let known = |text: &str| CATEGORIES.iter().find(|known| known.eq_ignore_ascii_case(text)).map(|known| (*known).to_owned());
        self.one_of("category", CATEGORIES.iter().copied(), known)
    }

    fn tags(&mut self) -> Result<Vec<(String, String)>, Problem> {
        self.known.push("tag.KEY");
        let (tags, rest): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.pairs).into_iter().partition(|(name, _)| name.starts_with(TAG_PREFIX));
        self.pairs = rest;
        let mut chosen: Vec<(String, String)> = Vec::new();
        for (name, value) in tags {
            let key = name.strip_prefix(TAG_PREFIX).unwrap_or_default();
            if key.is_empty() {
                return Err(refusal(&name, "names no tag: expected tag.KEY=VALUE"));
            }
            if chosen.iter().any(|(earlier, _)| earlier == key) {
                return Err(refusal(&name, "is given more than once"));
            }
            chosen.push((key.to_owned(), value));
        }
        Ok(chosen)
    }

    /// Makes sure that nothing is left over.
    ///
    /// # Errors
    /// A 400 problem that names the unknown parameter and those that are known.
    pub fn finish(self) -> Result<(), Problem> {
        let Some((name, _)) = self.pairs.first() else { return Ok(()) };
        let known = if self.known.is_empty() { "it takes none".to_owned() } else { format!("it takes {}", self.known.join(", ")) };
        Err(refusal(name, &format!("is not a parameter of this path: {known}")))
    }
}

/// A 400 problem about one parameter.
#[must_use]
pub fn refusal(name: &str, reason: &str) -> Problem {
    let name = excerpt(name);
    Problem::new(ProblemKind::BadRequest, format!("{name} {reason}")).with("parameter", name)
}

fn unexpected(name: &str, expected: &str, text: &str) -> Problem {
    refusal(name, &format!("must be {expected}, not '{}'", excerpt(text)))
}

fn excerpt(text: &str) -> String {
    text.chars().take(100).collect()
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    fn filter(raw: &str) -> Result<ChargeFilter, String> {
        let read = |raw| {
            let mut query = Query::parse(Some(raw))?;
            let filter = query.charge_filter()?;
            query.finish()?;
            Ok(filter)
        };
        read(raw).map_err(|problem: Problem| problem.document("/", "r")["detail"].as_str().unwrap().to_owned())
    }

    #[test]
    fn filters_are_percent_decoded() {
        let expected = ChargeFilter {
            from: Some(datetime!(2024-09-01 0:00 UTC)),
            to: Some(datetime!(2024-09-30 22:00 UTC)),
            provider: Some("Oracle & Co".to_owned()),
            tags: vec![("cost centre".to_owned(), "42".to_owned()), ("empty".to_owned(), String::new())],
            ..ChargeFilter::default()
        };
        let raw = "from=2024-09-01&to=2024-10-01T00:00:00%2B02:00&provider=Oracle+%26+Co&tag.cost%20centre=42&tag.empty=&region=";
        assert_eq!(filter(raw), Ok(expected.clone()));
        assert_eq!(filter(&raw.replace("%2B", "+")), Ok(expected));
        assert_eq!(filter(""), Ok(ChargeFilter::default()));
    }

    #[test]
    fn a_tag_key_may_itself_begin_with_the_prefix() {
        assert_eq!(filter("tag.tag.env=a").unwrap().tags, [("tag.env".to_owned(), "a".to_owned())]);
    }

    #[test]
    fn a_wrong_parameter_is_named_with_its_fault() {
        for (raw, expected) in [
            (
                "regions=eu",
                "regions is not a parameter of this path: it takes from, to, billing_period, import, dataset, invoice, account, sub_account, category, charge_class, currency, provider, service, resource_id, region, tag.KEY",
            ),
            ("region=a&region=b", "region is given more than once"),
            ("tag.a=1&tag.a=2", "tag.a is given more than once"),
            ("tag.=1", "tag. names no tag: expected tag.KEY=VALUE"),
            ("from=2024-10-01&to=2024-10-01", "to must be later than from"),
            ("from=01.10.2024", "from must be a date or RFC 3339 time such as 2026-11-01 or 2026-11-01T00:00:00Z, not '01.10.2024'"),
            ("region=%ff", "region is not UTF-8 text"),
            ("region=a%00b", "region is not UTF-8 text"),
        ] {
            assert_eq!(filter(raw), Err(expected.to_owned()), "{raw}");
        }
        assert!(filter(&format!("region={}", "x".repeat(3_000))).unwrap_err().contains("longer"));
        assert!(filter(&"a=1&".repeat(100)).unwrap_err().contains("more than 64"));
    }
}
