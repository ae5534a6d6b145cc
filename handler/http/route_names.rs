//! The names calls are counted under: the API's own path templates, so that a path's parameters never become a name.
//!
//! A test holds them against the documented API. Must not know what a route does.

/// Paths of the platform's health checks begin with this.
const HEALTH: &str = "/api/health/";

/// Where the experiment is watched: calls there are no part of it.
const SUPERVISION: [&str; 3] = ["/", "/api/report", "/api/windows"];

/// Whether calls to `path` watch the experiment rather than take part in it.
#[must_use]
pub fn is_supervision(path: &str) -> bool {
    path.starts_with(HEALTH) || SUPERVISION.contains(&path)
}

/// The router redirects every method and path but those that begin with this.
pub const RESERVED: &str = "/_switchback/";

/// Every name, in the order windows count them; the last stands for all other paths.
pub const ROUTES: [&str; 15] = [
    "/",
    "/api/charges",
    "/api/charges/{id}",
    "/api/costs",
    "/api/docs",
    "/api/health/live",
    "/api/health/ready",
    "/api/imports",
    "/api/imports/{id}",
    "/api/instance",
    "/api/metrics",
    "/api/openapi.json",
    "/api/report",
    "/api/windows",
    OTHER,
];

const OTHER: &str = crate::domain::window::OTHER_ROUTES;

/// The position in [`ROUTES`] of the name `path` is counted under.
#[must_use]
pub fn position(path: &str) -> usize {
    let template = match path.rsplit_once('/') {
        Some(("/api/charges", id)) if !id.is_empty() => "/api/charges/{id}",
        Some(("/api/imports", id)) if !id.is_empty() => "/api/imports/{id}",
        _ => path,
    };
    ROUTES.binary_search(&template).unwrap_or(ROUTES.len() - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_counted_under_their_template() {
        let name = |path| ROUTES[position(path)];
        for path in ["/", "/api/charges", "/api/costs", "/api/openapi.json", "/api/windows"] {
            assert_eq!(name(path), path);
        }
        assert_eq!(name("/api/charges/0193"), "/api/charges/{id}");
        assert_eq!(name("/api/imports/0193"), "/api/imports/{id}");
        for path in ["", "/api/charges/", "/api/charges/1/2", "/wp-login.php", "other"] {
            assert_eq!(name(path), "other", "{path}");
        }
    }

    #[test]
    fn watching_is_no_part_of_the_experiment() {
        for path in ["/", "/api/report", "/api/windows", "/api/health/ready"] {
            assert!(is_supervision(path), "{path}");
        }
        for path in ["/api/costs", "/api/instance", "/api/reports", "//", ""] {
            assert!(!is_supervision(path), "{path}");
        }
    }

    #[test]
    fn the_names_are_sorted_for_the_search() {
        assert!(ROUTES.is_sorted());
    }
}
