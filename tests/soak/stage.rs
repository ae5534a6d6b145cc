//! The system a soak runs on: a private PostgreSQL behind a proxy, two arms, a router, and the means to break each.

use switchback::dev::postgres::ScratchCluster;
use switchback::domain::arm::{Arm, ByArm};

use std::time::Duration;

use crate::harness::database;
use crate::harness::role::{Role, Server};
use crate::proxy::Proxy;

/// How long a minute lasts: short, so that a run has many, and long enough for a ticket to outlive a process that is stopped.
pub const MINUTE: Duration = Duration::from_secs(6);
const KEY: &str = "0123456789abcdef0123456789abcdef";

/// The running system.
pub struct Stage {
    pub cluster: ScratchCluster,
    /// Between arms, router and PostgreSQL.
    pub proxy: Proxy,
    /// The database, past the proxy.
    pub database: String,
    pub arms: ByArm<Server>,
    pub router: Server,
    arm_roles: ByArm<Role>,
    router_role: Role,
}

impl Stage {
    /// Starts everything.
    pub fn start() -> Stage {
        let (cluster, database) = database::killable();
        let (proxy, through) = Proxy::before(&database);
        let minute = format!("{}ms", MINUTE.as_millis());
        let common = |role: Role| role.with("SWITCHBACK_TICKET_KEY", KEY).with("SWITCHBACK_CALL_TIMEOUT", "5s").minute(&minute);
        let arm_roles = ByArm::build(|arm: Arm| common(Role::arm(arm.as_str(), &through)));
        let arms = arm_roles.as_ref().map(Role::start);
        let router_role = common(Role::router(&arms.even.url(), &arms.odd.url()).with("DATABASE_URL", &through));
        let router = router_role.start();
        Stage { cluster, proxy, database, arms, router, arm_roles, router_role }
    }

    pub fn router_url(&self) -> String {
        self.router.url()
    }

    pub fn arm_urls(&self) -> ByArm<String> {
        self.arms.as_ref().map(Server::url)
    }

    /// Starts an arm that was killed, where it was.
    pub fn restart_arm(&mut self, arm: Arm) {
        self.arms[arm] = self.arm_roles[arm].start_on(self.arms[arm].port);
    }

    /// Starts the router again, where it was.
    pub fn restart_router(&mut self) {
        self.router = self.router_role.start_on(self.router.port);
    }
}
