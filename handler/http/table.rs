//! Every endpoint there is, on one page: path, methods, who may call, whether it is supervision, and the function that documents it.
//!
//! Method checks, Allow headers, access checks, the names calls are counted under and the API's description all follow from here;
//! `routes.rs` serves what is listed, and tests hold docs/api.md against it.

use http::Method;
use utoipa::OpenApi;

use super::endpoint::Access::{Everyone, OpenBy, Read, Write, WriteForm};
use super::endpoint::Opening::{Dashboard, Docs, Health, Metrics, Routing};
use super::endpoint::{Endpoint, Found, Operation, Table, Template, endpoints};
use super::endpoints::{
    charges, costs, costs_page, dashboard, docs, health, imports, imports_page, instance, metrics, plans, plans_page, report, runs,
    runs_page, sign_in, windows,
};
use crate::contract::LIVE_PATH;
use crate::domain::window::{MAX_ROUTES, OTHER_ROUTES};

endpoints! {
    /// What an arm serves.
    ArmOperation in ARM, counted as ARM_ROUTES, described by ArmDescription

    "/" => supervision { GET ShowDashboard: OpenBy(Dashboard) => dashboard::dashboard; }
    "/api/charges" => {
        GET ListCharges: Read => charges::list;
        POST PostCharges: Write => charges::create;
    }
    "/api/charges/{id}" => {
        GET ReadCharge: Read => charges::read;
        DELETE DeleteCharge: Write => charges::delete;
    }
    "/api/costs" => { GET SumCosts: Read => costs::costs; }
    "/api/docs" => { GET ShowManual: OpenBy(Docs) => docs::manual; }
    "/api/docs/problems" => { GET ShowProblems: OpenBy(Docs) => docs::problems; }
    "/api/docs/{id}" => { GET LoadManualPart: OpenBy(Docs) => docs::part; }
    LIVE_PATH => supervision { GET CheckLiveness: Everyone => health::live; }
    "/api/health/ready" => supervision { GET CheckReadiness: OpenBy(Health) => health::ready; }
    "/api/imports" => {
        GET ListImports: Read => imports::list;
        POST CreateImport: Write => imports::create;
    }
    "/api/imports/{id}" => {
        GET ReadImport: Read => imports::read;
        DELETE DeleteImport: Write => imports::delete;
    }
    "/api/instance" => { GET ShowInstance: Read => instance::instance; }
    "/api/metrics" => supervision { GET ShowMetrics: Read => metrics::metrics; }
    "/api/openapi.json" => { GET DescribeApi: OpenBy(Docs) => docs::openapi; }
    "/api/plans" => supervision { GET PricePlans: Read => plans::plans; }
    "/api/report" => supervision { GET MakeReport: Read => report::report; }
    "/api/runs" => supervision {
        GET ListRuns: Read => runs::list;
        POST DeclareRun: Write => runs::declare;
    }
    "/api/runs/{id}" => supervision { GET ReadRun: Read => runs::read; }
    "/api/runs/{id}/end" => supervision { POST EndRun: Write => runs::end; }
    "/api/runs/{id}/exclusions" => supervision { POST ExcludeMinutes: Write => runs::exclude; }
    "/api/windows" => supervision { GET ListWindows: Read => windows::windows; }
    "/costs" => supervision { GET ExploreCosts: Read => costs_page::explore; }
    "/imports" => supervision {
        GET ShowImports: Read => imports_page::list;
        POST UploadImport: WriteForm => imports_page::upload;
    }
    "/imports/{id}" => supervision { GET ShowImport: Read => imports_page::read; }
    "/plans" => supervision { GET ShowPlans: OpenBy(Dashboard) => plans_page::show; }
    "/runs" => supervision { GET ShowRuns: OpenBy(Dashboard) => runs_page::list; }
    "/runs/{id}" => supervision { GET ShowRun: OpenBy(Dashboard) => runs_page::read; }
    "/sign-in" => supervision {
        GET AskForKey: Everyone => sign_in::ask;
        POST SignIn: Everyone => sign_in::sign_in;
    }
    "/sign-out" => supervision { POST SignOut: Everyone => sign_in::sign_out; }
}

endpoints! {
    /// What the router answers itself; everything else it redirects.
    RouterOperation in ROUTER

    "/_switchback/health" => supervision { GET ShowHealth: Everyone; }
    "/_switchback/metrics" => supervision { GET ShowMetrics: OpenBy(Metrics); }
    "/_switchback/routing" => supervision { GET ShowRouting: OpenBy(Routing); }
}

/// The router redirects every path but those that begin with this.
pub const RESERVED: &str = "/_switchback/";

/// The position in [`ARM_ROUTES`] of the name that an arm counts calls under whose path leads nowhere.
pub const OTHER: usize = ARM.0.len();

// Windows count no more routes than these by name.
const _: () = assert!(ARM_ROUTES.len() <= MAX_ROUTES);

/// Whether calls to `path` ask how the process is. They are answered however busy it is: else a busy arm would count as down, and its load
/// would move to the other.
#[must_use]
pub fn is_health(path: &str) -> bool {
    path == LIVE_PATH || path == "/api/health/ready" || path == "/_switchback/health"
}

/// Whether calls to `path`, which leads to `on_arm` on an arm, watch the experiment, at the router as there. The path decides alone: no caller
/// can have its calls left out by saying that they are supervision, and router and arms always agree on which are.
#[must_use]
pub fn is_supervision(path: &str, on_arm: Option<&Found<'_, ArmOperation>>) -> bool {
    match on_arm {
        Some(found) => found.endpoint.supervision,
        None => ROUTER.find(path).is_some_and(|found| found.endpoint.supervision),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn calls_are_counted_under_the_endpoint_that_serves_them() {
        let name = |path| ARM_ROUTES[ARM.find(path).map_or(OTHER, |found| found.position)];
        for path in ["/", "/api/charges", "/api/costs", "/api/openapi.json", "/api/windows"] {
            assert_eq!(name(path), path);
        }
        assert_eq!(name("/api/charges/"), "/api/charges");
        assert_eq!(name("/api/charges/0193"), "/api/charges/{id}");
        assert_eq!(name("/api/imports/0193"), "/api/imports/{id}");
        for path in ["", "/api/charges//", "/api/charges/1/2", "/wp-login.php", "other"] {
            assert_eq!(name(path), "other", "{path}");
        }
    }

    #[test]
    fn watching_is_no_part_of_the_experiment() {
        let is_supervision = |path| is_supervision(path, ARM.find(path).as_ref());
        for path in ["/", "/api/report", "/api/windows", "/api/windows/", "/api/health/ready", LIVE_PATH, "/_switchback/routing"] {
            assert!(is_supervision(path), "{path}");
        }
        for path in ["/api/costs", "/api/instance", "/api/reports", "//", ""] {
            assert!(!is_supervision(path), "{path}");
        }
    }

    #[test]
    fn every_endpoint_can_be_reached() {
        fn reached<Id: 'static>(table: &Table<Id>) {
            for (position, endpoint) in table.0.iter().enumerate() {
                let path = endpoint.template.as_str();
                assert_eq!(table.find(&path.replace("{id}", "7")).map(|found| found.position), Some(position), "{path}");
                let methods: BTreeSet<&str> = endpoint.operations.iter().map(|operation| operation.method.as_str()).collect();
                assert_eq!(methods.len(), endpoint.operations.len(), "{path} lists a method twice");
            }
        }
        reached(&ARM);
        reached(&ROUTER);
        for endpoint in ROUTER.0 {
            assert!(endpoint.template.as_str().starts_with(RESERVED), "the router would redirect it");
            assert!(endpoint.supervision, "what the router says of itself is no part of the experiment");
        }
        assert!(ARM.0.iter().all(|endpoint| !endpoint.template.as_str().starts_with(RESERVED)), "the router would answer it");
    }
}
