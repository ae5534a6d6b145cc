//! The HTTP side: server, route table, endpoints, authentication, problems.
//!
//! Owns everything warp and hyper; turns requests into calls of the domain, routing, windows and store, and values or problems into
//! replies. Must not know SQL or formulas.

pub mod auth;
pub mod body;
pub mod call;
pub mod cors;
pub mod cursor;
mod delay;
pub mod edge;
pub mod endpoints;
pub mod observed;
pub mod problem;
pub mod query;
pub mod redirect;
pub mod request;
pub mod route_names;
pub mod routes;
pub mod server;
