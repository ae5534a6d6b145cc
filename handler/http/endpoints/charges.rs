//! Charges one by one: posted as JSON, read by id, listed by filters.

use std::io;

use bytes::Bytes;
use http::header::{HeaderName, LOCATION};
use http::{HeaderMap, HeaderValue, StatusCode};
use serde::Serialize;
use serde_json::Value as Json;
use sha2::{Digest, Sha256};
use tokio::sync::mpsc;
use utoipa::ToSchema;
use uuid::Uuid;
use warp::Reply;
use warp::reply::Response;

use super::charge_document::{self, ChargeDocument, NewChargeDocument};
use super::unique_json::UniqueJson;
use crate::domain::charge::Charge;
use crate::http::cursor::{self, Page};
use crate::http::problem::{Problem, ProblemKind};
use crate::http::query::Query;
use crate::http::reply::json;
use crate::http::rows::RowFormat;
use crate::store::{ChargeFilter, ChargePosition, DeletedCharge, IdempotencyKey, Posted, Store, StoreError, StoredCharge};

/// Largest body of `POST /api/charges`, in bytes.
pub const MAX_BODY_BYTES: usize = 4 * 1024 * 1024;
/// Most charges of one call.
const MAX_CHARGES: usize = 1_000;
/// Pages of a stream that wait for the client.
const PAGES_AHEAD: usize = 1;
/// Refused charges that are told one by one.
const MAX_PROBLEMS: usize = 100;
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
const MAX_KEY_BYTES: usize = 255;

/// What became of posted charges.
#[derive(Debug, Serialize, ToSchema)]
pub struct PostedDocument {
    /// Charges stored.
    accepted: usize,
    /// Their ids, in the order they were posted.
    #[schema(example = json!(["01a20884-36b2-7617-80dc-da0b32511652"]))]
    ids: Vec<Uuid>,
}

/// A page of charges.
#[derive(Debug, Serialize, ToSchema)]
pub struct ChargesDocument {
    /// The charges, by the start of their period.
    #[schema(value_type = Vec<ChargeDocument>)]
    charges: Vec<Json>,
    /// Cursor of the next page; null on the last one.
    next_cursor: Option<String>,
}

/// Stores one charge or an array of them, all or none.
///
/// # Errors
/// 400 for what is no charge: problems[] names index, field and reason. 415 for another content type, 422 for a key that belongs to
/// another body.
#[utoipa::path(
    post,
    path = "/api/charges",
    tag = "charges",
    summary = "Store charges",
    description = "One charge or an array of them; all are stored, or none.",
    request_body(content_type = "application/json", content = NewChargeDocument, description = "One charge, or an array of at most 1,000"),
    params(("Idempotency-Key" = Option<String>, Header, description = "Repeats of a call with the same key and body within a day store nothing and get the first answer")),
    responses(
        (status = 201, description = "Stored; Location names a single charge", body = PostedDocument),
        (status = 400, description = "Not a charge: problems[] names index, field and reason"),
        (status = 413, description = "The body is larger than 4 MiB"),
        (status = 415, description = "The content type is not application/json"),
        (status = 422, description = "The idempotency key was used with another body"),
    )
)]
pub async fn create(store: &Store, caller: &str, headers: &HeaderMap, raw_query: Option<&str>, body: &[u8]) -> Result<Response, Problem> {
    Query::parse(raw_query)?.finish()?;
    check_type(headers)?;
    let key = idempotency_key(headers, caller, body)?;
    let charges = read_charges(body)?;
    let (ids, replayed) = match store.post_charges(charges, key).await? {
        Posted::New(ids) => (ids, false),
        Posted::Again(ids) => (ids, true),
        Posted::KeyReused => return Err(Problem::new(ProblemKind::KeyReused, "this idempotency key belongs to a call with another body")),
    };
    let location = match ids.as_slice() {
        [id] => Some(HeaderValue::try_from(format!("/api/charges/{id}")).map_err(Problem::internal)?),
        _ => None,
    };
    let document = PostedDocument { accepted: ids.len(), ids };
    let mut response = warp::reply::with_status(json(&document), StatusCode::CREATED).into_response();
    let headers = response.headers_mut();
    if let Some(location) = location {
        headers.insert(LOCATION, location);
    }
    if replayed {
        headers.insert(REPLAYED, HeaderValue::from_static("true"));
    }
    Ok(response)
}

/// Charges that match every filter given, by the start of their period.
///
/// # Errors
/// 400 for a wrong parameter.
#[utoipa::path(
    get,
    path = "/api/charges",
    tag = "charges",
    summary = "List charges",
    description = "Those that match every filter given, by the start of their period.",
    params(
        ("from" = Option<String>, Query, description = "Charges whose period starts at this date or RFC 3339 time, or later"),
        ("to" = Option<String>, Query, description = "Charges whose period starts before it"),
        ("billing_period" = Option<String>, Query, description = "The month they are billed in, as in 2026-09"),
        ("import" = Option<String>, Query, description = "The import they came with"),
        ("dataset" = Option<String>, Query, description = "The dataset they came with"),
        ("invoice" = Option<String>, Query, description = "InvoiceId"),
        ("account" = Option<String>, Query, description = "BillingAccountId"),
        ("sub_account" = Option<String>, Query, description = "SubAccountId"),
        ("category" = Option<String>, Query, description = "ChargeCategory"),
        ("charge_class" = Option<String>, Query, description = "ChargeClass"),
        ("currency" = Option<String>, Query, description = "BillingCurrency"),
        ("provider" = Option<String>, Query, description = "ProviderName"),
        ("service" = Option<String>, Query, description = "ServiceName"),
        ("resource_id" = Option<String>, Query, description = "ResourceId, whatever its case"),
        ("region" = Option<String>, Query, description = "RegionId"),
        ("tag.KEY" = Option<String>, Query, description = "Value of the tag KEY; once per key"),
        ("limit" = Option<u16>, Query, minimum = 1, maximum = 1_000, description = "Items a page, 1 to 1000; 100 where it is absent"),
        ("cursor" = Option<String>, Query, description = "Where the page begins: next_cursor of the page before"),
    ),
    responses(
        (status = 200, description = "A page; Link names the next. text/csv and application/jsonl hold all charges from the cursor on, or as many as limit says", content(
            (ChargesDocument = "application/json"), (String = "text/csv"), (ChargeDocument = "application/jsonl")
        )),
        (status = 400, description = "A parameter is wrong"),
    )
)]
pub async fn list(store: &Store, headers: &HeaderMap, raw_query: Option<&str>) -> Result<Response, Problem> {
    let mut query = Query::parse(raw_query)?;
    let filter = query.charge_filter()?;
    let page: Page<ChargePosition> = Page::read(&mut query)?;
    query.finish()?;
    let format = RowFormat::accepted(headers);
    if format != RowFormat::Json {
        let is_bounded = raw_query.is_some_and(|query| query.split('&').any(|pair| pair.starts_with("limit=")));
        return Ok(stream(store.clone(), filter, page.after, is_bounded.then_some(page.limit), format));
    }
    let mut charges = store.charges(&filter, page.after, page.limit + 1).await?;
    let more = charges.len() > usize::try_from(page.limit).unwrap_or(usize::MAX);
    if more {
        charges.pop();
    }
    let next_cursor = charges.last().filter(|_| more).map(|last| cursor::encode(&last.position()));
    let document = ChargesDocument { charges: charges.iter().map(charge_document::write).collect(), next_cursor };
    Ok(cursor::with_next(json(&document), "/api/charges", raw_query, document.next_cursor.as_deref()))
}

/// All charges, a page of them at a time: a query for each, so that nothing is held while a client takes its time.
fn stream(store: Store, filter: ChargeFilter, after: Option<ChargePosition>, limit: Option<i64>, format: RowFormat) -> Response {
    let (sender, receiver) = mpsc::channel(PAGES_AHEAD);
    tokio::spawn(async move {
        let sent = send_pages(&store, &filter, after, limit, format, &sender).await;
        if let Err(error) = sent {
            // The status is sent already: what fails now can only break the answer off.
            tracing::warn!(error = crate::causes::chain(&error), "a stream of charges broke off");
            let _ = sender.send(Err(io::Error::other(error))).await;
        }
    });
    let pages = futures_util::stream::unfold(receiver, |mut receiver| async move { Some((receiver.recv().await?, receiver)) });
    let mut response = warp::reply::stream(pages).into_response();
    response.headers_mut().insert(http::header::CONTENT_TYPE, HeaderValue::from_static(format.content_type()));
    response.headers_mut().insert(http::header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

async fn send_pages(
    store: &Store,
    filter: &ChargeFilter,
    mut after: Option<ChargePosition>,
    mut left: Option<i64>,
    format: RowFormat,
    sender: &mpsc::Sender<io::Result<Bytes>>,
) -> Result<(), StoreError> {
    if format == RowFormat::Csv && sender.send(Ok(charge_document::csv_header().into())).await.is_err() {
        return Ok(());
    }
    loop {
        let size = left.unwrap_or(cursor::MAX_ITEMS).min(cursor::MAX_ITEMS);
        let charges = store.charges(filter, after, size).await?;
        let count = i64::try_from(charges.len()).unwrap_or(i64::MAX);
        left = left.map(|left| left - count);
        after = charges.last().map(StoredCharge::position);
        let rows: Vec<u8> = charges.iter().flat_map(|charge| row(charge, format)).collect();
        if sender.send(Ok(rows.into())).await.is_err() || count < size || left == Some(0) {
            return Ok(());
        }
    }
}

fn row(charge: &StoredCharge, format: RowFormat) -> Vec<u8> {
    match format {
        RowFormat::Csv => charge_document::csv_row(charge),
        RowFormat::Json | RowFormat::JsonLines => format!("{}\n", charge_document::write(charge)).into_bytes(),
    }
}

/// One charge.
///
/// # Errors
/// 404 where there is none.
#[utoipa::path(
    get,
    path = "/api/charges/{id}",
    tag = "charges",
    summary = "Read a charge",
    description = "With every column it has a value for.",
    params(("id" = String, Path, description = "The charge's id")),
    responses(
        (status = 200, description = "The charge", body = ChargeDocument),
        (status = 400, description = "It takes no parameter"),
        (status = 404, description = "There is no charge with this id"),
    )
)]
pub async fn read(store: &Store, id: &str, raw_query: Option<&str>) -> Result<Response, Problem> {
    Query::parse(raw_query)?.finish()?;
    let missing = || Problem::new(ProblemKind::NotFound, "there is no charge with this id");
    let id = Uuid::try_parse(id).map_err(|_| missing())?;
    let charge = store.charge(id).await?.ok_or_else(missing)?;
    Ok(json(&charge_document::write(&charge)))
}

/// Removes a charge that was posted by itself.
///
/// # Errors
/// 404 where there is none, 409 where an import brought it.
#[utoipa::path(
    delete,
    path = "/api/charges/{id}",
    tag = "charges",
    summary = "Remove a posted charge",
    description = "Removes a charge that was posted by itself; one that an import brought goes with it.",
    params(("id" = String, Path, description = "The charge's id")),
    responses(
        (status = 204, description = "Removed"),
        (status = 404, description = "There is none"),
        (status = 409, description = "It came with an import and can only be removed with it"),
    )
)]
pub async fn delete(store: &Store, id: &str, raw_query: Option<&str>) -> Result<Response, Problem> {
    Query::parse(raw_query)?.finish()?;
    let missing = || Problem::new(ProblemKind::NotFound, "there is no charge with this id");
    match store.delete_charge(Uuid::try_parse(id).map_err(|_| missing())?).await? {
        DeletedCharge::Deleted => Ok(StatusCode::NO_CONTENT.into_response()),
        DeletedCharge::Missing => Err(missing()),
        DeletedCharge::Imported(import) => {
            let detail = format!("this charge came with import {import}: delete or replace the import");
            Err(Problem::new(ProblemKind::Conflict, detail).with("import", import.to_string()))
        }
    }
}

fn check_type(headers: &HeaderMap) -> Result<(), Problem> {
    let content_type = headers.get(http::header::CONTENT_TYPE).map(|value| value.to_str().unwrap_or("unreadable"));
    let essence = content_type.unwrap_or("application/json").split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case("application/json") {
        return Ok(());
    }
    let hint = if essence.eq_ignore_ascii_case("text/csv") { "; FOCUS files go to /api/imports" } else { "" };
    Err(Problem::new(ProblemKind::UnsupportedMediaType, format!("charges are sent as application/json, not '{essence}'{hint}")))
}

fn idempotency_key(headers: &HeaderMap, caller: &str, body: &[u8]) -> Result<Option<IdempotencyKey>, Problem> {
    let Some(value) = headers.get(IDEMPOTENCY_KEY) else { return Ok(None) };
    let key = value.to_str().map(str::trim).ok().filter(|key| (1..=MAX_KEY_BYTES).contains(&key.len()));
    let key = key.ok_or_else(|| Problem::new(ProblemKind::BadRequest, "Idempotency-Key must be 1 to 255 visible ASCII characters"))?;
    Ok(Some(IdempotencyKey { caller: caller.to_owned(), key: key.to_owned(), digest: Sha256::digest(body).into() }))
}

fn read_charges(body: &[u8]) -> Result<Vec<Charge>, Problem> {
    let UniqueJson(document) =
        serde_json::from_slice(body).map_err(|error| Problem::new(ProblemKind::BadRequest, format!("the body is not JSON: {error}")))?;
    let documents = match document {
        Json::Array(documents) => documents,
        single => vec![single],
    };
    if documents.is_empty() {
        return Err(Problem::new(ProblemKind::BadRequest, "the array holds no charge"));
    }
    if documents.len() > MAX_CHARGES {
        let detail = format!("the array holds more than {MAX_CHARGES} charges: send them in parts, or as a file to /api/imports");
        return Err(Problem::new(ProblemKind::BadRequest, detail));
    }
    let (mut charges, mut problems) = (Vec::with_capacity(documents.len()), Vec::new());
    for (index, document) in documents.into_iter().enumerate() {
        match charge_document::read(document) {
            Ok(charge) => charges.push(charge),
            Err(refusal) => problems.push(serde_json::json!({ "index": index, "field": refusal.field, "reason": refusal.reason })),
        }
    }
    if problems.is_empty() {
        return Ok(charges);
    }
    let detail = format!("{} of {} charges were refused; nothing was stored", problems.len(), problems.len() + charges.len());
    problems.truncate(MAX_PROBLEMS);
    Err(Problem::new(ProblemKind::BadRequest, detail).with("problems", problems))
}

#[cfg(test)]
#[path = "charges_tests.rs"]
mod tests;
