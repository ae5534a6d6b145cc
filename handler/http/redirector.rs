//! What the edge does for a call, done for a plain redirect: the bound on calls at once, the decision, the counts, telemetry.
//!
//! Must not know how bytes arrive or leave.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

use super::edge::Edge;
use super::lane::{PlainRequest, Redirect};
use super::observed::ObservedRedirect;
use super::table::{self, ARM, RESERVED};
use super::{cors, date, request_id};
use crate::clock::Moment;
use crate::domain::decision::Reason;
use crate::routing::Routing;
use crate::routing::turn::Turn;

/// Answers plain redirects.
pub struct Redirector {
    edge: Edge,
    routing: Arc<Routing>,
}

impl Redirector {
    /// A router's redirects; none where calls need more than that: the Functions host's own requests, a line in the access log, a delay.
    #[must_use]
    pub fn new(edge: &Edge, routing: Arc<Routing>) -> Option<Self> {
        let config = edge.config();
        let plain = config.arm.is_none() && config.front.is_none() && config.slow.is_zero() && config.observer.access.is_none();
        plain.then(|| Redirector { edge: edge.clone(), routing })
    }

    /// Appends the answer to `peer`'s request to `output`; `turn` is the one of the call before, and becomes this call's. Returns the clock's uptime
    /// at the call; none, with nothing counted and nothing written, where the answer is no redirect.
    pub fn answer(
        &self,
        request: &PlainRequest<'_>,
        peer: SocketAddr,
        turn: &mut Option<Arc<Turn>>,
        output: &mut Vec<u8>,
    ) -> Option<Duration> {
        let path = request.path();
        if path.starts_with(RESERVED) || self.edge.is_full() {
            return None;
        }
        let config = self.edge.config();
        let Moment { since_epoch, uptime } = config.clock.moment();
        let turn: &Turn = match turn {
            Some(turn) if turn.holds(since_epoch) => turn,
            last => last.insert(self.routing.turn_at(since_epoch)),
        };
        let decision = self.routing.decide(turn);
        if decision.reason == Reason::Unavailable {
            return None;
        }
        let probe = table::is_supervision(path, ARM.find(path).as_ref());
        self.routing.note(turn, &decision, uptime, probe);
        let mut id = Uuid::encode_buffer();
        let request_id = match request.request_id.and_then(request_id::own) {
            Some(own) => own,
            None => request_id::new(since_epoch).hyphenated().encode_lower(&mut id),
        };
        let redirect = Redirect {
            parts: turn.redirect(decision.arm),
            reason: decision.reason,
            request_id,
            allowed_origin: request.origin.and_then(|origin| cors::allowed(&config.cors, origin)),
            date: &date::render(since_epoch),
        };
        redirect.write(request, output);
        config.observer.redirected(&ObservedRedirect {
            since_epoch,
            uptime,
            peer,
            method: request.method,
            path,
            traceparent: request.traceparent,
            request_id,
            probe,
            decision,
            label: &turn.label,
        });
        Some(uptime)
    }
}
