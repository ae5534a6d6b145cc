//! Switchback: one URL, two Azure plans, one answer: which plan is worth its price.
//!
//! The map of the crate. Arrows run one way: `cli` → `http` → `routing`, `ledger`, `store` → `domain`.
//!
//! | room | owns | must not know |
//! |---|---|---|
//! | [`domain`] | arms, schedule, windows, decisions, tickets, charges, money, statistics | HTTP, SQL, the clock |
//! | [`importing`] | a file's way from bytes to stored charges | HTTP, SQL |
//! | [`focus`] | reading FOCUS files: bytes in, charges and row problems out | HTTP, SQL |
//! | [`comparison`] | which windows, prices and charges make a report | formulas, SQL, how it is shown |
//! | [`http`] | server, edge, route tables, endpoints, problems, pages | SQL, formulas |
//! | [`routing`] | the router at work | how a request arrives |
//! | [`host`] | the Functions host's contract | what a timer does |
//! | [`caller`] | supervision's and uploads' calls from outside | who wants to know |
//! | [`application`] | which parts a role is made of | how any part works |
//! | [`cli`] | commands, exit codes, what they print | how anything is done |
//! | [`ledger`] | counting calls into windows, writing windows and decisions | HTTP, SQL |
//! | [`store`] | PostgreSQL: connections, schema, migrations, queries by noun | HTTP, formulas |
//! | [`azure`] | managed-identity tokens, retail prices | who asks for them |
//! | [`tls`] | whom outgoing connections trust | what they carry |
//! | [`dev`] | a private PostgreSQL, the local topology | production |
//! | [`telemetry`] | log lines, recorded calls, metrics, their way to Application Insights | what is being done |
//! | [`measures`] | which parts are measured, and under which names | how numbers leave the process |
//! | [`clock`] | the only door to time | everything else |
//! | [`config`] | environment → [`config::Config`], parsed whole | what the settings are used for |
//!
//! `tests/tidy.rs` enforces these walls.

pub mod application;
pub mod azure;
pub mod caller;
pub mod cli;
pub mod clock;
pub mod comparison;
pub mod config;
pub mod dev;
pub mod domain;
pub mod focus;
pub mod host;
pub mod http;
pub mod importing;
pub mod ledger;
pub mod measures;
pub mod routing;
pub mod store;
pub mod telemetry;
pub mod tls;
