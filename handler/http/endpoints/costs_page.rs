//! The explorer at `/costs`: what `GET /api/costs` answers, as a page whose address is its state, or as a file to keep.

use http::header::{ACCEPT, CONTENT_DISPOSITION};
use http::{HeaderMap, HeaderValue, StatusCode};
use warp::reply::Response;

use super::costs::{costs, question};
use super::sums_under_way::SumsUnderWay;
use crate::domain::money::Amount;
use crate::http::auth::Principal;
use crate::http::problem::Problem;
use crate::http::query::{Query, refusal};
use crate::http::reply::{self, wants_page};
use crate::page::{Explored, Explorer, Sum, render_costs};
use crate::store::{CostQuery, CostRow, Store};

/// Most groups that a page tells apart.
const MAX_TOP: u32 = 50;

/// The explorer, or with `format=csv` the same sums as a file.
///
/// # Errors
/// 400 for a wrong parameter, which a browser is told of on the page itself.
#[utoipa::path(
    get,
    path = "/costs",
    tag = "pages",
    summary = "Explore costs on a page",
    description = "Stacked bars and a table of what GET /api/costs answers, with links that group, filter and look inside. Sums that take longer than a moment go on while the page says so; it looks again by itself. It takes the filters of GET /api/costs too.",
    params(
        ("metric" = Option<String>, Query, description = "billed (the default), effective, list or contracted"),
        ("group_by" = Option<String>, Query, description = "As for GET /api/costs; service where it is absent"),
        ("period" = Option<String>, Query, description = "day (the default), month, billing_period or none"),
        ("top" = Option<u32>, Query, minimum = 1, maximum = 50, description = "Groups that are told apart; 8 where it is absent"),
        ("from" = Option<String>, Query, description = "Charges whose period starts at this date or RFC 3339 time, or later"),
        ("to" = Option<String>, Query, description = "Charges whose period starts before it"),
        ("format" = Option<String>, Query, description = "csv: the sums as GET /api/costs gives them as text/csv"),
    ),
    responses(
        (status = 200, description = "The page, or the file", content((String = "text/html"), (String = "text/csv"))),
        (status = 400, description = "A parameter is wrong"),
    )
)]
pub async fn explore(
    store: &Store,
    under_way: &SumsUnderWay,
    caller: &Principal,
    headers: &HeaderMap,
    raw_query: Option<&str>,
) -> Result<Response, Problem> {
    Query::parse(raw_query)?;
    let (explorer, format) = explorer(raw_query.unwrap_or_default());
    match asked(&explorer, &format) {
        Ok(_) if format == ["csv"] => file(store, &explorer).await,
        Ok(query) => {
            let explored = match under_way.of(store, query).await? {
                Some(sums) => Explored::Sums(sums.into_iter().map(sum).collect()),
                None => Explored::UnderWay,
            };
            reply::page(StatusCode::OK, render_costs(&explorer, &explored, &caller.visitor()))
        }
        Err(problem) if wants_page(headers) => {
            let page = render_costs(&explorer, &Explored::Refused(problem.words()), &caller.visitor());
            reply::page(problem.kind.status(), page)
        }
        Err(problem) => Err(problem),
    }
}

/// What the address says, parameters it leaves out as usual, and the formats it names.
fn explorer(raw_query: &str) -> (Explorer, Vec<String>) {
    let usual = Explorer::default();
    let mut own: [(&str, String, Option<String>); 6] = [
        ("metric", usual.metric, None),
        ("group_by", usual.group_by, None),
        ("period", usual.period, None),
        ("top", usual.top, None),
        ("from", usual.from, None),
        ("to", usual.to, None),
    ];
    let (mut filters, mut formats) = (Vec::new(), Vec::new());
    for (name, value) in form_urlencoded::parse(raw_query.as_bytes()).into_owned().filter(|(_, value)| !value.is_empty()) {
        match own.iter_mut().find(|(known, _, given)| *known == name && given.is_none()) {
            Some((.., given)) => *given = Some(value),
            None if name == "format" => formats.push(value),
            // A parameter given twice stays twice, and is refused.
            None => filters.push((name, value)),
        }
    }
    let [metric, group_by, period, top, from, to] = own.map(|(_, usual, given)| given.unwrap_or(usual));
    (Explorer { metric, group_by, period, top, from, to, filters }, formats)
}

fn asked(explorer: &Explorer, formats: &[String]) -> Result<CostQuery, Problem> {
    if !matches!(formats, [] | [_]) || formats.first().is_some_and(|format| format != "csv") {
        return Err(refusal("format", "must be csv, or absent for the page"));
    }
    let query = question(&explorer.query())?;
    match query.top {
        Some(top) if top > MAX_TOP => Err(refusal("top", &format!("must be a whole number from 1 to {MAX_TOP} on this page"))),
        _ => Ok(query),
    }
}

fn sum(row: CostRow) -> Sum {
    let CostRow { group, is_rest, period_start, currency, amount, charges } = row;
    let amount = amount.and_then(|text| Amount::read_stored(&text)).map(Amount::into_decimal);
    Sum { period_start, group, is_rest, currency, amount, charges }
}

async fn file(store: &Store, explorer: &Explorer) -> Result<Response, Problem> {
    let headers = HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static("text/csv"))]);
    let mut response = costs(store, &headers, Some(&explorer.query())).await?;
    response.headers_mut().insert(CONTENT_DISPOSITION, HeaderValue::from_static("attachment; filename=\"costs.csv\""));
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_read_with_what_it_leaves_out() {
        let (explorer, formats) = explorer("service=A+B&top=3&from=&format=csv&tag.env=prod");
        assert_eq!(explorer.query(), "metric=billed&group_by=service&period=day&top=3&service=A+B&tag.env=prod");
        assert_eq!(formats, ["csv"]);
        assert_eq!(explorer.address(), "/costs?top=3&service=A+B&tag.env=prod");
    }

    #[test]
    fn what_the_api_refuses_is_refused_here_too() {
        let refused = |raw: &str| {
            let (explorer, formats) = explorer(raw);
            asked(&explorer, &formats).map_err(|problem| problem.words().to_owned())
        };
        assert!(refused("").is_ok() && refused("top=50&period=none&provider=AWS").is_ok());
        for (raw, words) in [
            ("top=51", "from 1 to 50"),
            ("period=week", "must be one of"),
            ("metric=billed&metric=list", "given more than once"),
            ("colour=red", "is not a parameter"),
            ("from=2026-02-01&to=2026-01-01", "later than from"),
            ("format=pdf", "must be csv"),
            ("format=csv&format=csv", "must be csv"),
        ] {
            assert!(refused(raw).unwrap_err().contains(words), "{raw}: {:?}", refused(raw));
        }
    }
}
