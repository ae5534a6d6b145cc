//! The HTTP side: server, edge, endpoint table, endpoints, authentication, problems.
//!
//! Owns everything warp and hyper; turns requests into calls of the domain, routing, windows and store, and values or problems into
//! replies. Must not know SQL or formulas.

pub mod auth;
pub mod body;
pub mod call;
pub mod connection;
pub mod connections;
pub mod cors;
pub mod cursor;
mod date;
mod delay;
pub mod edge;
pub mod endpoint;
pub mod endpoints;
pub mod front;
pub mod key_ring;
pub mod lame_duck;
pub mod lane;
mod locality;
pub mod observed;
pub mod openapi;
pub mod problem;
pub mod query;
pub mod redirect;
pub mod redirector;
pub mod reply;
pub mod request;
pub mod request_id;
pub mod routes;
mod rows;
pub mod server;
pub mod session;
pub mod socket;
pub mod table;
pub mod timer;
