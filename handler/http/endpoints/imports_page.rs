//! Imports as pages: the datasets and files, one import, and the form that uploads a file.

use bytes::{Buf, Bytes};
use futures_util::{Stream, StreamExt};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, StatusCode};
use multer::{Constraints, Field, Multipart, SizeLimit};
use warp::reply::Response;

use super::imports::{missing, parse_id, store_file};
use crate::domain::import::{DatasetName, Import, ImportOrder};
use crate::http::auth::Principal;
use crate::http::problem::{Problem, ProblemKind};
use crate::http::query::Query;
use crate::http::reply::{self, see_other, wants_page};
use crate::import::ReadLimits;
use crate::page::{render_import, render_imports};
use crate::store::Store;

/// Imports on the page.
const SHOWN: i64 = 100;
/// Longest text of a form beside its file, in bytes.
const MAX_TEXT_BYTES: u64 = 1_024;
/// What a form may add to its file: boundaries, names, texts.
const MAX_FORM_BYTES: u64 = 16_384;

/// The datasets and the newest files.
///
/// # Errors
/// 400 for a parameter.
#[utoipa::path(
    get,
    path = "/imports",
    tag = "pages",
    summary = "Show imports on a page",
    description = "The datasets with their billing periods, the newest files, and a form that uploads another.",
    responses(
        (status = 200, description = "The page", body = String, content_type = "text/html"),
        (status = 400, description = "It takes no parameter"),
    )
)]
pub async fn list(store: &Store, caller: &Principal, raw_query: Option<&str>) -> Result<Response, Problem> {
    Query::parse(raw_query)?.finish()?;
    page(store, caller, StatusCode::OK, None).await
}

async fn page(store: &Store, caller: &Principal, status: StatusCode, refusal: Option<&str>) -> Result<Response, Problem> {
    let mut imports = store.imports(None, SHOWN + 1).await?;
    let more = imports.len() > usize::try_from(SHOWN).unwrap_or(usize::MAX);
    if more {
        imports.pop();
    }
    reply::page(status, render_imports(&imports, more, refusal, &caller.visitor()))
}

/// One import.
///
/// # Errors
/// 404 where there is none.
#[utoipa::path(
    get,
    path = "/imports/{id}",
    tag = "pages",
    summary = "Show an import on a page",
    description = "What was found in its file: billing periods, refused rows, cells that were left out, and how far it keeps FOCUS's rules.",
    params(("id" = String, Path, description = "The import's id")),
    responses(
        (status = 200, description = "The page", body = String, content_type = "text/html"),
        (status = 400, description = "It takes no parameter"),
        (status = 404, description = "There is no import with this id"),
    )
)]
pub async fn read(store: &Store, caller: &Principal, id: &str, raw_query: Option<&str>) -> Result<Response, Problem> {
    Query::parse(raw_query)?.finish()?;
    let import = store.import_by_id(parse_id(id)?).await?.ok_or_else(missing)?;
    reply::page(StatusCode::OK, render_import(&import, &caller.visitor()))
}

/// Stores the file that a form uploads, in the way of `POST /api/imports`.
///
/// # Errors
/// As `POST /api/imports`, and 403 where the form is not of the browser's session; a browser is told on the page.
#[utoipa::path(
    post,
    path = "/imports",
    tag = "pages",
    summary = "Upload a file by a form",
    description = "What the form on the page sends: `token` and `dataset`, then `file`. The file is stored as by POST /api/imports.",
    request_body(content_type = "multipart/form-data", content = String, description = "The form"),
    responses(
        (status = 303, description = "Stored, or stored before: Location names the import's page"),
        (status = 400, description = "The form is not as described, or broke off"),
        (status = 403, description = "The key may not write, or the form is not of this session"),
        (status = 409, description = "Another import holds these charges, or the dataset has a newer export"),
        (status = 413, description = "The file is too large"),
        (status = 415, description = "The body is no form with a file"),
        (status = 422, description = "It is no FOCUS file, or not one row was accepted"),
    )
)]
pub async fn upload<B: Buf + Send + 'static>(
    store: &Store,
    caller: &Principal,
    max_bytes: u64,
    headers: &HeaderMap,
    body: impl Stream<Item = Result<B, warp::Error>> + Send + 'static,
) -> Result<Response, Problem> {
    match stored(store, caller, max_bytes, headers, body).await {
        Ok(import) => see_other(&format!("/imports/{}", import.id)),
        Err(problem) if problem.kind.status().is_client_error() && wants_page(headers) => {
            page(store, caller, problem.kind.status(), Some(problem.words())).await
        }
        Err(problem) => Err(problem),
    }
}

async fn stored<B: Buf + Send + 'static>(
    store: &Store,
    caller: &Principal,
    max_bytes: u64,
    headers: &HeaderMap,
    body: impl Stream<Item = Result<B, warp::Error>> + Send + 'static,
) -> Result<Import, Problem> {
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let boundary = multer::parse_boundary(content_type).map_err(|_| {
        Problem::new(ProblemKind::UnsupportedMediaType, "the body is no form: send multipart/form-data, or POST /api/imports")
    })?;
    let bytes = body.map(|chunk| chunk.map(|mut chunk| -> Bytes { chunk.copy_to_bytes(chunk.remaining()) }));
    let texts = SizeLimit::new().whole_stream(max_bytes.saturating_add(MAX_FORM_BYTES)).for_field("token", MAX_TEXT_BYTES);
    let limits = Constraints::new().size_limit(texts.for_field("dataset", MAX_TEXT_BYTES));
    let mut form = Multipart::with_constraints(bytes, boundary, limits);
    let (mut token, mut dataset) = (String::new(), None);
    while let Some(field) = form.next_field().await.map_err(refused)? {
        match field.name() {
            Some("token") => token = text(field).await?,
            Some("dataset") => dataset = dataset_named(&text(field).await?)?,
            Some("file") => {
                caller.proves(&token)?;
                let file_name = field.file_name().filter(|name| !name.is_empty()).map(str::to_owned);
                let order = ImportOrder { dataset, file_name, caller: Some(caller.name.clone()), ..ImportOrder::default() };
                let limits = ReadLimits { max_bytes, strict: false, body_digest: None };
                return Ok(store_file(store, &order, &mut Box::pin(field), limits).await?.1);
            }
            other => {
                let name = other.unwrap_or("without a name").chars().take(64).collect::<String>();
                return Err(Problem::new(ProblemKind::BadRequest, format!("the form has a field {name}: expected token, dataset, file")));
            }
        }
    }
    Err(Problem::new(ProblemKind::BadRequest, "the form holds no file"))
}

async fn text(field: Field<'_>) -> Result<String, Problem> {
    field.text().await.map_err(refused)
}

/// The dataset a form names; an empty field names none.
fn dataset_named(text: &str) -> Result<Option<DatasetName>, Problem> {
    let name = Some(text.trim()).filter(|name| !name.is_empty());
    let read =
        |name: &str| name.parse().map_err(|_| Problem::new(ProblemKind::BadRequest, "dataset must be 1 to 200 bytes of visible text"));
    name.map(read).transpose()
}

fn refused(error: multer::Error) -> Problem {
    match error {
        multer::Error::FieldSizeExceeded { .. } | multer::Error::StreamSizeExceeded { .. } => {
            Problem::new(ProblemKind::TooLarge, "the form is too large").because(error)
        }
        _ => Problem::new(ProblemKind::BadRequest, "the form broke off, or is not as a browser sends it").because(error),
    }
}
