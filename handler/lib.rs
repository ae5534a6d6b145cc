//! Switchback: one URL, two Azure plans, one answer: which plan is worth its price.
//!
//! The map of the crate. Rooms stand on floors, and import from lower floors alone.
//!
//! | floor | room | owns | must not know |
//! |---|---|---|---|
//! | 0 | [`domain`] | arms, schedule, windows, decisions, tickets, charges, money, prices, statistics, the report | HTTP, SQL, the clock |
//! | 0 | [`causes`] | an error with its causes, as one line | any error |
//! | 0 | [`contract`] | names on the wire that several rooms use | what they mean to whom |
//! | 0 | [`clock`] | the only door to time | everything else |
//! | 0 | [`shard`] | which cell of a sharded counter a thread counts in | what is counted |
//! | 0 | [`json`] | JSON strings in documents that are written piece by piece | what they say |
//! | 1 | [`config`] | environment → [`config::Config`], parsed whole | what settings are used for |
//! | 1 | [`host`] | the Azure Functions host's contract | what a timer does |
//! | 2 | [`telemetry`] | log lines, recorded calls, metrics, their way to Application Insights | what is being done |
//! | 3 | [`outgoing`] | whom outgoing connections trust, the client for them | what they carry |
//! | 4 | [`azure`] | managed identity, retail prices, ingestion of telemetry | who asks |
//! | 5 | [`store`] | PostgreSQL: pool, schema, migrations, queries by noun | HTTP, formulas |
//! | 5 | [`caller`] | calls from outside: supervision's, and uploads | who wants to know |
//! | 5 | [`page`] | what people look at: sections, plots, templates | HTTP, formulas |
//! | 6 | [`routing`] | the router at work: health, choice, counting and writing decisions | how a request arrives |
//! | 6 | [`windows`] | counting calls into windows, writing them | HTTP, SQL, what the calls were about |
//! | 6 | [`recording`] | what this process serves with, recorded when it starts and when it changes | which runs follow |
//! | 6 | [`import`] | a file's way from bytes to stored charges; [`import::focus`] reads FOCUS | HTTP, SQL |
//! | 6 | [`comparison`] | which windows, prices and charges make a report | formulas, SQL, how it is shown |
//! | 7 | [`http`] | server, edge, endpoint table, endpoints, the API's description, problems | SQL, formulas |
//! | 7 | [`dev`] | the system on one machine: private PostgreSQL, roles as processes, callers | production |
//! | 8 | [`application`] | which parts a role is made of, and which of them are measured | how any part works |
//! | 9 | [`cli`] | commands, exit codes, what they print | how anything is done |
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
pub mod json;
pub mod outgoing;
pub mod page;
pub mod recording;
pub mod routing;
pub mod shard;
pub mod store;
pub mod telemetry;
pub mod windows;
