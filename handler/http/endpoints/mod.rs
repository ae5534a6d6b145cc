//! What each noun of the API does, one file a noun. Endpoints take parsed values, call the domain and the store, and return a reply or
//! a [`super::problem::Problem`].

pub mod charge_document;
pub mod charges;
pub mod costs;
pub mod costs_page;
pub mod dashboard;
pub mod docs;
pub mod health;
pub mod import_document;
pub mod imports;
pub mod imports_page;
pub mod instance;
pub mod metrics;
pub mod plans;
pub mod plans_page;
pub mod report;
pub mod routing;
pub mod runs;
pub mod runs_page;
pub mod sign_in;
pub mod sums_under_way;
mod unique_json;
pub mod windows;

#[cfg(test)]
mod cases_tests;
#[cfg(test)]
pub(super) mod testing;
