//! Imports: FOCUS files in, what became of them out.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Buf;
use futures_util::Stream;
use http::header::{CONTENT_DISPOSITION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderName, LOCATION};
use http::{HeaderMap, HeaderValue, StatusCode};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;
use warp::Reply;
use warp::reply::Response;

use super::import_document::{ImportDocument, RowProblemDocument, WarningDocument};
use crate::domain::import::{Import, ImportOrder, Imported, Overlap, OverlapRule, StaleExport};
use crate::http::cursor::{self, Page};
use crate::http::problem::{Problem, ProblemKind};
use crate::http::query::Query;
use crate::http::reply::json;
use crate::import::focus::FocusError;
use crate::import::{ImportError, ReadLimits, import_chunks};
use crate::store::Store;

const CONTENT_DIGEST: HeaderName = HeaderName::from_static("content-digest");
const REPR_DIGEST: HeaderName = HeaderName::from_static("repr-digest");
const MAX_FILE_NAME_BYTES: usize = 255;

/// A page of imports.
#[derive(Debug, Serialize, ToSchema)]
pub struct ImportsDocument {
    /// The imports, newest first.
    imports: Vec<ImportDocument>,
    /// Cursor of the next page; null on the last one.
    next_cursor: Option<String>,
}

/// Stores a FOCUS file's charges, once.
///
/// # Errors
/// 400 for a wrong parameter or a body that breaks off, 409 for charges another import holds or a newer export, 413, 415, 422 for what
/// is no FOCUS file, for a file of which no row is accepted or, when strict, for refused rows and unreadable cells.
#[utoipa::path(
    post,
    path = "/api/imports",
    tag = "imports",
    summary = "Import a FOCUS file",
    description = "Stores the charges of a FOCUS file (FOCUS 1.0 to 1.2, plus the provider columns of 1.3 and 1.4), once: the same file again is the same import. An export of a dataset replaces the one before.",
    request_body(content_type = "text/csv", content = String, description = "A FOCUS file: CSV, plain or gzip, or Parquet; or a tar archive of an export's parts and manifest. application/gzip, application/vnd.apache.parquet, application/x-tar and application/octet-stream are taken too"),
    params(
        ("dataset" = Option<String>, Query, description = "The source it is an export of: for each of its billing periods it replaces what that dataset said before"),
        ("overlap" = Option<String>, Query, description = "add: store it also where another import holds charges of the same provider, accounts and billing period; refuse is the default"),
        ("strict" = Option<bool>, Query, description = "With true one refused row or unreadable cell refuses the file"),
        ("Content-Digest" = Option<String>, Header, description = "sha-256 of the body (RFC 9530): a body that was imported before need not be sent again, and one that is not what it says is refused"),
    ),
    responses(
        (status = 201, description = "Stored; Location names the import", body = ImportDocument),
        (status = 200, description = "The same file was imported before: that import", body = ImportDocument),
        (status = 400, description = "A parameter is wrong, the body broke off, or it is not what its digest says"),
        (status = 409, description = "Another import holds these charges (overlap), or the dataset has a newer export (stale-export); import names it"),
        (status = 413, description = "The file is too large"),
        (status = 415, description = "The content type is not that of a FOCUS file"),
        (status = 422, description = "No FOCUS file, no row was accepted, or the import was strict: problems[] and warnings[] say where"),
    )
)]
pub async fn create<B: Buf, E: std::error::Error + Send + Sync + 'static>(
    store: &Store,
    caller: &str,
    max_bytes: u64,
    headers: &HeaderMap,
    raw_query: Option<&str>,
    body: &mut (impl Stream<Item = Result<B, E>> + Unpin),
) -> Result<Response, Problem> {
    let mut query = Query::parse(raw_query)?;
    let strict = query.parsed("strict", "true or false", |text| text.parse().ok())?.unwrap_or(false);
    let order = ImportOrder {
        dataset: query.parsed("dataset", "1 to 200 bytes of visible text", |text| text.parse().ok())?,
        overlap: query.parsed("overlap", "refuse or add", overlap_rule)?.unwrap_or_default(),
        file_name: file_name(headers),
        caller: Some(caller.to_owned()),
    };
    query.finish()?;
    check_type(headers)?;
    let announced = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()).and_then(|value| value.parse().ok());
    if announced.is_some_and(|bytes: u64| bytes > max_bytes) {
        return Err(ImportError::from(FocusError::TooLarge { limit: max_bytes }).into());
    }
    let body_digest = body_digest(headers)?;
    if let Some(digest) = body_digest
        && let Some(import) = store.import_by_body(digest).await?
    {
        return answer(StatusCode::OK, import);
    }
    let (status, import) = store_file(store, &order, body, ReadLimits { max_bytes, strict, body_digest }).await?;
    answer(status, import)
}

/// Stores the charges of a file that arrives in chunks; 201 with the import, or 200 where it was imported before.
///
/// # Errors
/// As [`create`].
pub async fn store_file<B: Buf, E: std::error::Error + Send + Sync + 'static>(
    store: &Store,
    order: &ImportOrder,
    chunks: &mut (impl Stream<Item = Result<B, E>> + Unpin),
    limits: ReadLimits,
) -> Result<(StatusCode, Import), Problem> {
    match import_chunks(store, order, chunks, limits).await? {
        Imported::New(import) => Ok((StatusCode::CREATED, import)),
        Imported::Again(import) => Ok((StatusCode::OK, import)),
        Imported::Overlapping(overlap) => Err(overlapping(&overlap)),
        Imported::Stale(StaleExport { import, month }) => {
            let detail = format!("import {import} holds a newer export of {month} in this dataset; nothing was stored");
            Err(Problem::new(ProblemKind::StaleExport, detail).with("import", import.to_string()).with("period", month.to_string()))
        }
    }
}

fn answer(status: StatusCode, import: Import) -> Result<Response, Problem> {
    let location = HeaderValue::try_from(format!("/api/imports/{}", import.id)).map_err(Problem::internal)?;
    let mut response = warp::reply::with_status(json(&ImportDocument::of(import)), status).into_response();
    response.headers_mut().insert(LOCATION, location);
    Ok(response)
}

fn overlapping(overlap: &Overlap) -> Problem {
    let Overlap { import, dataset, month, provider, billing_account, sub_account } = overlap;
    let said = |text: &Option<String>| text.clone().unwrap_or_else(|| "none".to_owned());
    let detail = format!(
        "import {import}{} holds charges of provider {}, billing account {}, sub-account {} in {month}; nothing was stored",
        dataset.as_ref().map(|name| format!(" of dataset {name}")).unwrap_or_default(),
        said(provider),
        said(billing_account),
        said(sub_account),
    );
    Problem::new(ProblemKind::Overlap, detail)
        .with("import", import.to_string())
        .with("dataset", dataset.clone())
        .with("period", month.to_string())
}

fn overlap_rule(text: &str) -> Option<OverlapRule> {
    match text {
        "refuse" => Some(OverlapRule::Refuse),
        "add" => Some(OverlapRule::Add),
        _ => None,
    }
}

/// The file's name as `Content-Disposition: attachment; filename="…"` gives it.
fn file_name(headers: &HeaderMap) -> Option<String> {
    let disposition = headers.get(CONTENT_DISPOSITION)?.to_str().ok()?;
    let name = disposition.split(';').filter_map(|part| part.trim().strip_prefix("filename=")).next_back()?.trim_matches('"');
    (!name.is_empty() && name.len() <= MAX_FILE_NAME_BYTES).then(|| name.to_owned())
}

/// The body's SHA-256 as RFC 9530 announces it; digests by other algorithms are passed over.
fn body_digest(headers: &HeaderMap) -> Result<Option<[u8; 32]>, Problem> {
    let announced = [CONTENT_DIGEST, REPR_DIGEST].iter().filter_map(|name| headers.get(name)).next();
    let Some(text) = announced.map(|value| value.to_str().unwrap_or_default()) else { return Ok(None) };
    let sha256 = text.split(',').filter_map(|item| item.trim().strip_prefix("sha-256=")).next();
    let Some(encoded) = sha256 else { return Ok(None) };
    let bytes = encoded.strip_prefix(':').and_then(|rest| rest.strip_suffix(':')).and_then(|encoded| STANDARD.decode(encoded).ok());
    let digest = bytes.and_then(|bytes| bytes.try_into().ok());
    digest.map(Some).ok_or_else(|| Problem::new(ProblemKind::BadRequest, "the digest header holds no SHA-256 as in sha-256=:BASE64:"))
}

/// The imports, newest first.
///
/// # Errors
/// 400 for a wrong parameter.
#[utoipa::path(
    get,
    path = "/api/imports",
    tag = "imports",
    summary = "List imports",
    description = "The newest first, without their refused rows.",
    params(
        ("limit" = Option<u16>, Query, minimum = 1, maximum = 1_000, description = "Items a page, 1 to 1000; 100 where it is absent"),
        ("cursor" = Option<String>, Query, description = "Where the page begins: next_cursor of the page before"),
    ),
    responses(
        (status = 200, description = "A page; Link names the next", body = ImportsDocument),
        (status = 400, description = "A parameter is wrong"),
    )
)]
pub async fn list(store: &Store, raw_query: Option<&str>) -> Result<Response, Problem> {
    let mut query = Query::parse(raw_query)?;
    let page: Page<Uuid> = Page::read(&mut query)?;
    query.finish()?;
    let mut imports = store.imports(page.after, page.limit + 1).await?;
    let more = imports.len() > usize::try_from(page.limit).unwrap_or(usize::MAX);
    if more {
        imports.pop();
    }
    let next_cursor = imports.last().filter(|_| more).map(|last| cursor::encode(&last.id));
    let document = ImportsDocument { imports: imports.into_iter().map(ImportDocument::listed).collect(), next_cursor };
    Ok(cursor::with_next(json(&document), "/api/imports", raw_query, document.next_cursor.as_deref()))
}

/// One import with its refused rows.
///
/// # Errors
/// 404 where there is none.
#[utoipa::path(
    get,
    path = "/api/imports/{id}",
    tag = "imports",
    summary = "Read an import",
    description = "With its refused rows.",
    params(("id" = String, Path, description = "The import's id")),
    responses(
        (status = 200, description = "The import", body = ImportDocument),
        (status = 400, description = "It takes no parameter"),
        (status = 404, description = "There is no import with this id"),
    )
)]
pub async fn read(store: &Store, id: &str, raw_query: Option<&str>) -> Result<Response, Problem> {
    Query::parse(raw_query)?.finish()?;
    let import = store.import_by_id(parse_id(id)?).await?.ok_or_else(missing)?;
    Ok(json(&ImportDocument::of(import)))
}

/// Removes an import with all its charges. Its file can then be imported again.
///
/// # Errors
/// 404 where there is none.
#[utoipa::path(
    delete,
    path = "/api/imports/{id}",
    tag = "imports",
    summary = "Remove an import",
    description = "With all its charges; its file can then be imported again.",
    params(("id" = String, Path, description = "The import's id")),
    responses(
        (status = 204, description = "Removed"),
        (status = 400, description = "It takes no parameter"),
        (status = 404, description = "There is no import with this id"),
    )
)]
pub async fn delete(store: &Store, id: &str, raw_query: Option<&str>) -> Result<Response, Problem> {
    Query::parse(raw_query)?.finish()?;
    if store.delete_import(parse_id(id)?).await? { Ok(StatusCode::NO_CONTENT.into_response()) } else { Err(missing()) }
}

/// No import has the id that was asked for.
pub fn missing() -> Problem {
    Problem::new(ProblemKind::NotFound, "there is no import with this id")
}

/// An import's id.
///
/// # Errors
/// 404 where it can't be one.
pub fn parse_id(text: &str) -> Result<Uuid, Problem> {
    Uuid::try_parse(text).map_err(|_| missing())
}

/// The file itself is the body; its first bytes tell whether it is compressed.
fn check_type(headers: &HeaderMap) -> Result<(), Problem> {
    let text = |name| headers.get(name).map(|value: &HeaderValue| value.to_str().unwrap_or("unreadable").to_ascii_lowercase());
    if let Some(encoding) = text(CONTENT_ENCODING).filter(|encoding| !matches!(encoding.trim(), "" | "identity" | "gzip" | "x-gzip")) {
        return Err(Problem::new(
            ProblemKind::UnsupportedMediaType,
            format!("content encoding {encoding} is not supported: send it plain or as gzip"),
        ));
    }
    let Some(content_type) = text(CONTENT_TYPE) else { return Ok(()) };
    let mut parts = content_type.split(';').map(str::trim);
    let essence = parts.next().unwrap_or_default();
    let hint = match essence {
        ""
        | "text/csv"
        | "application/csv"
        | "application/gzip"
        | "application/x-gzip"
        | "application/octet-stream"
        | "application/vnd.apache.parquet"
        | "application/x-parquet"
        | "application/parquet"
        | "application/x-tar" => {
            return check_charset(parts);
        }
        "application/x-www-form-urlencoded" => "; curl sends this by default: add -H 'content-type: text/csv'",
        "multipart/form-data" => "; send the file as the body, as curl's --data-binary @FILE does",
        _ => "",
    };
    let detail = format!(
        "'{essence}' is not how a FOCUS file is sent: expected text/csv, application/gzip, application/vnd.apache.parquet, application/x-tar or application/octet-stream{hint}"
    );
    Err(Problem::new(ProblemKind::UnsupportedMediaType, detail))
}

fn check_charset<'a>(mut parameters: impl Iterator<Item = &'a str>) -> Result<(), Problem> {
    let charset = parameters.find_map(|parameter| parameter.strip_prefix("charset=")).map(|charset| charset.trim_matches('"'));
    match charset {
        None | Some("utf-8" | "utf8" | "us-ascii") => Ok(()),
        Some(other) => Err(Problem::new(ProblemKind::UnsupportedMediaType, format!("charset {other} is not supported: expected utf-8"))),
    }
}

impl From<ImportError> for Problem {
    fn from(error: ImportError) -> Self {
        let file = match error {
            ImportError::File(file) => file,
            ImportError::Store(store) => return store.into(),
            reader @ ImportError::Reader(_) => return Problem::internal(reader),
        };
        let detail = file.to_string();
        match file {
            FocusError::TooLarge { .. } => Problem::new(ProblemKind::TooLarge, detail),
            FocusError::Source(_) => Problem::new(ProblemKind::BadRequest, "the body broke off before its end").because(file),
            FocusError::Stopped => Problem::internal(file),
            FocusError::OtherDigest => Problem::new(ProblemKind::BadRequest, detail),
            FocusError::RowsRefused(summary) | FocusError::NothingAccepted(summary) => {
                let problems: Vec<RowProblemDocument> = summary.problems.into_iter().map(RowProblemDocument::of).collect();
                let warnings: Vec<WarningDocument> = summary.warnings.into_iter().map(WarningDocument::of).collect();
                let problem = Problem::new(ProblemKind::RowsRefused, format!("{detail}; nothing was stored"));
                problem
                    .with("accepted", 0)
                    .with("rejected", summary.rejected)
                    .with("problems", serde_json::to_value(problems).unwrap_or_default())
                    .with("warnings", serde_json::to_value(warnings).unwrap_or_default())
            }
            _ => Problem::new(ProblemKind::NotFocus, detail),
        }
    }
}

#[cfg(test)]
#[path = "imports_tests.rs"]
mod tests;
