//! Both arms and the router in front of them, as in a deployment: two processes, one database, one URL.

use switchback::domain::arm::ByArm;

use super::database;
use super::role::{Role, Server};

/// A running system.
pub struct System {
    pub database: String,
    pub even: Server,
    pub odd: Server,
    pub router: Server,
    arms: ByArm<Role>,
}

/// A minute of arm even, whatever the real time is; its parity holds for a minute.
pub const EVEN_MINUTE: &str = "2026-11-23T10:04:00Z";
/// A minute of arm odd.
pub const ODD_MINUTE: &str = "2026-11-23T10:05:00Z";

impl System {
    /// Starts all three on a new database; `router` and `arm` finish the roles.
    pub fn start(router: impl Fn(Role) -> Role, arm: impl Fn(Role) -> Role) -> System {
        let database = database::migrated();
        let arms = ByArm::build(|name| arm(Role::arm(name.as_str(), &database)));
        let ByArm { even, odd } = arms.as_ref().map(Role::start);
        let router = router(Role::router(&even.url(), &odd.url()).with("DATABASE_URL", &database)).start();
        System { database, even, odd, router, arms }
    }

    /// The address of a path behind the one URL.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.router.url())
    }

    /// Starts arm even again where it was.
    pub fn restart_even(&mut self) {
        self.even = self.arms.even.start_on(self.even.port);
    }

    /// Starts arm odd again where it was.
    pub fn restart_odd(&mut self) {
        self.odd = self.arms.odd.start_on(self.odd.port);
    }
}
