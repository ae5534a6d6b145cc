//! What serves each operation in the table, one page.
//!
//! A path leads to its endpoint, the method to an operation there, and only who may call it gets to what serves it. Whatever
//! there is to say, of a path that leads nowhere too, is a reply or a [`Problem`]; nothing is said by warp's rejections.

use std::sync::Arc;
use std::time::Duration;

use bytes::Buf;
use futures_util::future::{BoxFuture, ready};
use futures_util::{FutureExt, Stream, stream};
use http::Method;
use http::header::CONTENT_TYPE;
use warp::Filter;
use warp::reply::Response;

use super::auth::{Principal, Trust};
use super::body;
use super::endpoint::Access;
use super::endpoints::dashboard::{self, Dashboard};
use super::endpoints::sums_under_way::SumsUnderWay;
use super::endpoints::{
    charges, costs, costs_page, docs, health, imports, imports_page, instance, metrics, plans, plans_page, report, routing, runs,
    runs_page, sign_in, windows,
};
use super::lame_duck::LameDuck;
use super::openapi;
use super::problem::{Problem, ProblemKind};
use super::redirect::redirect;
use super::reply::{self, wants_page};
use super::request::{RequestParts, Routes, finish, nothing_here, parts, timed};
use super::table::{ARM, ArmOperation, RESERVED, ROUTER, RouterOperation};
use crate::clock::Clock;
use crate::comparison::Comparison;
use crate::config::keys::Scope;
use crate::config::{ApiConfig, OpenPaths};
use crate::domain::schedule::Schedule;
use crate::domain::shared_settings::SharedSettings;
use crate::page::render_trouble;
use crate::routing::Routing;
use crate::store::Store;
use crate::telemetry::metrics::Registry;

/// What the router's routes need.
pub struct RouterParts {
    /// The router at work.
    pub routing: Arc<Routing>,
    /// What it shows to everyone.
    pub open: OpenPaths,
    /// Who may see the rest.
    pub trust: Trust,
    /// The process's metrics.
    pub registry: Arc<Registry>,
}

/// What an arm's routes need.
pub struct ApiParts {
    /// The arm's settings.
    pub config: ApiConfig,
    /// Who may call.
    pub trust: Trust,
    /// How minutes map to arms.
    pub schedule: Schedule,
    /// Where charges and windows are kept.
    pub store: Store,
    /// What makes reports.
    pub comparison: Comparison,
    /// The page at `/`.
    pub dashboard: Dashboard,
    /// What the explorer of costs waits for.
    pub sums_under_way: SumsUnderWay,
    /// The process's metrics.
    pub registry: Arc<Registry>,
    /// Time limit of one call.
    pub call_timeout: Duration,
    /// Whether the process is about to stop.
    pub lame_duck: Arc<LameDuck>,
    /// What the arm goes by, as the router must.
    pub settings: SharedSettings,
    /// Where time comes from.
    pub clock: Arc<dyn Clock>,
}

/// The router's routes.
#[must_use]
pub fn router(shared: Arc<RouterParts>) -> Routes {
    finish(parts().map(move |request: Arc<RequestParts>| shared.answer(&request)))
}

impl RouterParts {
    /// The redirect stands first because nearly every call is one.
    fn answer(&self, request: &RequestParts) -> Result<Response, Problem> {
        if !request.path().starts_with(RESERVED) {
            return redirect(&self.routing, request.path(), request.query(), request.call.probe);
        }
        let found = ROUTER.find(request.path()).ok_or_else(nothing_here)?;
        let operation = found.endpoint.operation(&request.method)?;
        admit(&self.trust, &self.open, operation.access, request)?;
        Ok(match operation.id {
            RouterOperation::ShowHealth => routing::health(&self.routing),
            RouterOperation::ShowMetrics => metrics::metrics(&self.registry),
            RouterOperation::ShowRouting => routing::routing(&self.routing),
        })
    }
}

/// An arm's routes.
#[must_use]
pub fn api(shared: Arc<ApiParts>) -> Routes {
    finish(parts().and(warp::body::stream()).then(move |request: Arc<RequestParts>, body| {
        let api = Arc::clone(&shared);
        async move {
            let answer = api.answer(&request, body).await;
            answer.or_else(|problem| shown(problem, &api.trust, &request))
        }
    }))
}

/// A problem as a browser shows it that asked for a page: the way to sign in, or the words on a page. Whatever is a failure of ours goes on
/// to the boundary, which logs it.
fn shown(problem: Problem, trust: &Trust, request: &RequestParts) -> Result<Response, Problem> {
    if !wants_page(&request.headers) {
        return Err(problem);
    }
    if problem.kind == ProblemKind::Unauthorized && request.method == Method::GET && trust.takes_sessions() {
        return sign_in::instead_of(request);
    }
    if request.path().starts_with("/api/") || !problem.kind.status().is_client_error() {
        return Err(problem);
    }
    reply::page(problem.kind.status(), render_trouble(problem.kind.title(), problem.words(), &request.call.request_id))
}

/// Who calls, where they may: a part that is `open` is everyone's.
fn admit(trust: &Trust, open: &OpenPaths, access: Access, request: &RequestParts) -> Result<Principal, Problem> {
    let scope = match access {
        Access::Everyone => return Ok(Principal::anyone()),
        Access::OpenBy(opening) if opening.is_open(open) => return Ok(Principal::anyone()),
        Access::OpenBy(_) | Access::Read => Scope::Read,
        Access::Write => Scope::Write,
        Access::WriteForm => return trust.admit_form(&request.call, &request.headers),
    };
    trust.admit(&request.call, &request.headers, scope)
}

/// Checks that a body says what it is: one without a type is how a stranger's page writes without asking first (Fetch standard: CORS-safelisted
/// request header). Which types an operation takes is its own matter.
fn names_its_type(request: &RequestParts) -> Result<(), Problem> {
    let named = request.headers.get(CONTENT_TYPE).is_some_and(|value| !value.as_bytes().trim_ascii().is_empty());
    if request.method != Method::POST || named {
        return Ok(());
    }
    Err(Problem::new(
        ProblemKind::UnsupportedMediaType,
        "name the body's type in the Content-Type header, such as text/csv or application/json",
    ))
}

/// A call that may do what it asks for.
struct AdmittedCall<'call> {
    request: &'call RequestParts,
    caller: Principal,
    /// The text of the path's parameter.
    parameter: &'call str,
}

impl ApiParts {
    async fn answer<B: Buf + Send + 'static>(
        &self,
        request: &RequestParts,
        body: impl Stream<Item = Result<B, warp::Error>> + Send + 'static,
    ) -> Result<Response, Problem> {
        let found = request.endpoint.and_then(|position| ARM.at(position, request.path())).ok_or_else(nothing_here)?;
        let operation = found.endpoint.operation(&request.method)?;
        let caller = admit(&self.trust, &self.config.open, operation.access, request)?;
        names_its_type(request)?;
        let call = AdmittedCall { request, caller, parameter: found.parameter };
        timed(self.limit(operation.id), self.serve_reliably(operation.id, &call, body)).await
    }

    /// How long an operation may take.
    const fn limit(&self, operation: ArmOperation) -> Duration {
        match operation {
            ArmOperation::CreateImport | ArmOperation::DeleteImport | ArmOperation::UploadImport => self.config.imports.timeout,
            _ => self.call_timeout,
        }
    }

    /// Serves a call; one that only reads is served once more where the database was lost under it, as a failover loses it.
    async fn serve_reliably<B: Buf + Send + 'static>(
        &self,
        operation: ArmOperation,
        call: &AdmittedCall<'_>,
        body: impl Stream<Item = Result<B, warp::Error>> + Send + 'static,
    ) -> Result<Response, Problem> {
        let served = self.serve(operation, call, body).await;
        match served {
            Err(problem) if call.request.method == Method::GET && problem.is_lost_connection() => {
                self.serve(operation, call, stream::empty::<Result<&[u8], _>>()).await
            }
            served => served,
        }
    }

    /// Each operation's work in a box of its own size: in one that fits them all, every call would move what the largest needs.
    fn serve<'call, B: Buf + Send + 'static>(
        &'call self,
        operation: ArmOperation,
        AdmittedCall { request, caller, parameter: id }: &'call AdmittedCall<'_>,
        body: impl Stream<Item = Result<B, warp::Error>> + Send + 'static,
    ) -> BoxFuture<'call, Result<Response, Problem>> {
        let (store, query) = (&self.store, request.query());
        match operation {
            ArmOperation::ShowDashboard => dashboard::dashboard(&self.dashboard, caller, query).boxed(),
            ArmOperation::ListCharges => charges::list(store, &request.headers, query).boxed(),
            ArmOperation::PostCharges => async move {
                let body = body::collect(body, charges::MAX_BODY_BYTES).await?;
                charges::create(store, &caller.name, &request.headers, query, &body).await
            }
            .boxed(),
            ArmOperation::ReadCharge => charges::read(store, id, query).boxed(),
            ArmOperation::DeleteCharge => charges::delete(store, id, query).boxed(),
            ArmOperation::SumCosts => costs::costs(store, &request.headers, query).boxed(),
            ArmOperation::ShowManual => ready(docs::manual(openapi::document(), caller)).boxed(),
            ArmOperation::ShowProblems => ready(docs::problems(caller)).boxed(),
            ArmOperation::LoadManualPart => ready(docs::part(id)).boxed(),
            ArmOperation::CheckLiveness => ready(health::live(&self.lame_duck, &self.settings, &*self.clock)).boxed(),
            ArmOperation::CheckReadiness => health::ready(store).boxed(),
            ArmOperation::ListImports => imports::list(store, query).boxed(),
            ArmOperation::CreateImport => async move {
                let max_bytes = self.config.imports.max_bytes;
                imports::create(store, &caller.name, max_bytes, &request.headers, query, &mut Box::pin(body)).await
            }
            .boxed(),
            ArmOperation::ReadImport => imports::read(store, id, query).boxed(),
            ArmOperation::DeleteImport => imports::delete(store, id, query).boxed(),
            ArmOperation::ShowInstance => ready(Ok(instance::instance(&self.config, &self.schedule, &request.call))).boxed(),
            ArmOperation::ShowMetrics => ready(Ok(metrics::metrics(&self.registry))).boxed(),
            ArmOperation::DescribeApi => ready(Ok(docs::openapi(openapi::document()))).boxed(),
            ArmOperation::PricePlans => plans::plans(&self.comparison, query).boxed(),
            ArmOperation::MakeReport => report::report(&self.comparison, query).boxed(),
            ArmOperation::ListRuns => runs::list(store, query).boxed(),
            ArmOperation::DeclareRun => async move {
                let body = body::collect(body, runs::MAX_BODY_BYTES).await?;
                runs::declare(store, &request.headers, query, &body).await
            }
            .boxed(),
            ArmOperation::ReadRun => runs::read(store, id, query).boxed(),
            ArmOperation::EndRun => async move {
                let body = body::collect(body, runs::MAX_BODY_BYTES).await?;
                runs::end(store, id, &request.headers, query, &body).await
            }
            .boxed(),
            ArmOperation::ExcludeMinutes => async move {
                let body = body::collect(body, runs::MAX_BODY_BYTES).await?;
                runs::exclude(store, id, &request.headers, query, &body).await
            }
            .boxed(),
            ArmOperation::ListWindows => windows::windows(store, &self.comparison, query).boxed(),
            ArmOperation::ExploreCosts => costs_page::explore(store, &self.sums_under_way, caller, &request.headers, query).boxed(),
            ArmOperation::ShowImports => imports_page::list(store, caller, query).boxed(),
            ArmOperation::UploadImport => {
                imports_page::upload(store, caller, self.config.imports.max_bytes, &request.headers, body).boxed()
            }
            ArmOperation::ShowImport => imports_page::read(store, caller, id, query).boxed(),
            ArmOperation::ShowPlans => plans_page::show(&self.comparison, &self.dashboard, caller, &request.headers, query).boxed(),
            ArmOperation::ShowRuns => runs_page::list(store, caller, query).boxed(),
            ArmOperation::ShowRun => runs_page::read(store, caller, id, query).boxed(),
            ArmOperation::AskForKey => ready(sign_in::ask(&self.trust, query)).boxed(),
            ArmOperation::SignIn => {
                async move { sign_in::sign_in(&self.trust, request, &body::collect(body, sign_in::MAX_BODY_BYTES).await?) }.boxed()
            }
            ArmOperation::SignOut => {
                async move { sign_in::sign_out(&self.trust, request, &body::collect(body, sign_in::MAX_BODY_BYTES).await?) }.boxed()
            }
        }
    }
}
