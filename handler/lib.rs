//! Switchback: one URL, two Azure plans, one answer: which plan is worth its price.
//!
//! The map of the crate. Arrows run one way: `cli` → `http` → `routing`, `windows`, `store` → `domain`.
//!
//! | room | owns | must not know |
//! |---|---|---|
//! | [`domain`] | arms, schedule, windows, decisions, tickets, charges, money, statistics | HTTP, SQL, the clock |
//! | [`import`] | a file's way from bytes to stored charges; [`import::focus`] reads FOCUS | HTTP, SQL |
//! | [`comparison`] | which windows, prices and charges make a report | formulas, SQL, how it is shown |
//! | [`http`] | server, edge, endpoint table, endpoints, problems | SQL, formulas |
//! | [`page`] | what people look at: sections, plots, templates | HTTP, formulas |
//! | [`routing`] | the router at work: health, choice, counting and writing decisions | how a request arrives |
//! | [`host`] | the Functions host's contract | what a timer does |
//! | [`caller`] | supervision's and uploads' calls from outside | who wants to know |
//! | [`application`] | which parts a role is made of, and which of them are measured | how any part works |
//! | [`cli`] | commands, exit codes, what they print | how anything is done |
//! | [`windows`] | counting calls into windows, writing windows | HTTP, SQL |
//! | [`store`] | PostgreSQL: connections, schema, migrations, queries by noun | HTTP, formulas |
//! | [`azure`] | managed-identity tokens, retail prices, ingestion of telemetry | who asks for them |
//! | [`outgoing`] | whom outgoing connections trust, the client for them | what they carry |
//! | [`dev`] | a private PostgreSQL, the local topology | production |
//! | [`telemetry`] | log lines, recorded calls, metrics, their way to Application Insights | what is being done |
//! | [`contract`] | names on the wire that several rooms speak | what they mean to whom |
//! | [`causes`] | an error with its causes, as one line | any error |
//! | [`clock`] | the only door to time | everything else |
//! | [`config`] | environment → [`config::Config`], parsed whole | what the settings are used for |
//!
//! `tests/tidy.rs` enforces these walls.

pub mod application;
pub mod azure;
pub mod caller;
pub mod causes;
pub mod cli;
pub mod clock;
pub mod comparison;
pub mod config;
pub mod contract;
pub mod dev;
pub mod domain;
pub mod host;
pub mod http;
pub mod import;
pub mod outgoing;
pub mod page;
pub mod routing;
pub mod store;
pub mod telemetry;
pub mod windows;
