//! What an endpoint is: a path, the methods it takes, who may call it, and whether calling it is supervision.
//!
//! Owns how a request's path finds its endpoint and how an endpoint refuses a method. Must not know any single endpoint; `table.rs` lists
//! them.

use http::Method;

use super::problem::Problem;
use crate::config::OpenPaths;
use crate::domain::window::OTHER_ROUTES;

/// One path with everything that can be done there. `Id` names operations.
#[derive(Debug)]
pub struct Endpoint<Id: 'static> {
    /// Its path.
    pub template: Template,
    /// Whether calls watch the experiment rather than take part in it: they are counted as probes, since watching must not change what is
    /// measured.
    pub supervision: bool,
    /// What can be done, one operation a method.
    pub operations: &'static [Operation<Id>],
}

/// One method of an endpoint.
#[derive(Debug)]
pub struct Operation<Id> {
    /// The method; GET stands for HEAD too.
    pub method: Method,
    /// Who may call.
    pub access: Access,
    /// What to do.
    pub id: Id,
}

/// Who may call an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Anyone.
    Everyone,
    /// Anyone where a setting opens it, else callers with read scope.
    OpenBy(Opening),
    /// Callers with read scope.
    Read,
    /// Callers with write scope.
    Write,
    /// Callers with write scope, and browsers in a session of one by a form of our own pages.
    WriteForm,
}

/// A part that a setting can open to everyone: `SWITCHBACK_OPEN` on an arm, `SWITCHBACK_ROUTER_OPEN` on the router.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opening {
    /// The health checks.
    Health,
    /// The API's own description.
    Docs,
    /// The dashboard.
    Dashboard,
    /// What the router says of its decisions.
    Routing,
    /// The router's metrics.
    Metrics,
}

impl Opening {
    /// Whether `open` opens it.
    #[must_use]
    pub const fn is_open(self, open: &OpenPaths) -> bool {
        match self {
            Opening::Health => open.health,
            Opening::Docs => open.docs,
            Opening::Dashboard => open.dashboard,
            Opening::Routing => open.routing,
            Opening::Metrics => open.metrics,
        }
    }

    /// Its name in the setting.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Opening::Health => "health",
            Opening::Docs => "docs",
            Opening::Dashboard => "dashboard",
            Opening::Routing => "routing",
            Opening::Metrics => "metrics",
        }
    }
}

/// A path with at most one parameter, as in `/api/charges/{id}`.
#[derive(Debug)]
pub struct Template {
    text: &'static str,
    /// What stands before and behind the parameter.
    around: Option<(&'static str, &'static str)>,
}

impl Template {
    /// The template `text` spells.
    #[must_use]
    pub const fn new(text: &'static str) -> Self {
        let (bytes, mut open, mut at) = (text.as_bytes(), None, 0);
        while at < bytes.len() {
            match (bytes[at], open) {
                (b'{', None) => open = Some(at),
                (b'}', Some(open)) => {
                    let (before, _) = text.split_at(open);
                    let (_, behind) = text.split_at(at + 1);
                    return Template { text, around: Some((before, behind)) };
                }
                _ => {}
            }
            at += 1;
        }
        Template { text, around: None }
    }

    /// As it is written.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        self.text
    }

    /// Matches a path without a trailing slash. Returns the parameter's text, where the template has one.
    #[inline]
    fn matches<'path>(&self, path: &'path str) -> Option<Option<&'path str>> {
        let Some((before, behind)) = self.around else { return (path == self.text).then_some(None) };
        let parameter = path.strip_prefix(before)?.strip_suffix(behind)?;
        (!parameter.is_empty() && !parameter.contains('/')).then_some(Some(parameter))
    }
}

/// Every endpoint of a role.
#[derive(Debug)]
pub struct Table<Id: 'static>(pub &'static [Endpoint<Id>]);

/// What a path led to.
#[derive(Debug)]
pub struct Found<'path, Id: 'static> {
    /// Where the endpoint stands in its table.
    pub position: usize,
    /// The endpoint.
    pub endpoint: &'static Endpoint<Id>,
    /// The text of the path's parameter, not decoded; empty where the path has none.
    pub parameter: &'path str,
}

impl<Id> Table<Id> {
    /// The endpoint at `path`; one trailing slash changes nothing.
    #[must_use]
    pub fn find<'path>(&self, path: &'path str) -> Option<Found<'path, Id>> {
        let path = without_slash(path);
        self.0.iter().enumerate().find_map(|(position, endpoint)| {
            let parameter = endpoint.template.matches(path)?.unwrap_or_default();
            Some(Found { position, endpoint, parameter })
        })
    }

    /// The endpoint at `position`, where [`Table::find`] found the one at `path`.
    #[must_use]
    pub fn at<'path>(&self, position: usize, path: &'path str) -> Option<Found<'path, Id>> {
        let endpoint = self.0.get(position)?;
        let parameter = endpoint.template.matches(without_slash(path))?.unwrap_or_default();
        Some(Found { position, endpoint, parameter })
    }

    /// The name of the route `path` takes: its endpoint's template, or one for all paths that lead nowhere.
    #[must_use]
    pub fn route(&self, path: &str) -> &'static str {
        self.find(path).map_or(OTHER_ROUTES, |found| found.endpoint.template.as_str())
    }
}

fn without_slash(path: &str) -> &str {
    path.strip_suffix('/').filter(|shorter| shorter.len() > 1).unwrap_or(path)
}

impl<Id> Endpoint<Id> {
    /// What `method` does here.
    ///
    /// # Errors
    /// 405 with the methods that do something.
    pub fn operation(&self, method: &Method) -> Result<&'static Operation<Id>, Problem> {
        let method = if *method == Method::HEAD { &Method::GET } else { method };
        let found = self.operations.iter().find(|operation| operation.method == *method);
        found.ok_or_else(|| Problem::method_not_allowed(&self.allow()))
    }

    /// The methods it takes, as the Allow header lists them.
    #[must_use]
    pub fn allow(&self) -> String {
        let methods = self.operations.iter().map(|operation| match operation.method.as_str() {
            "GET" => "GET, HEAD",
            other => other,
        });
        methods.collect::<Vec<_>>().join(", ")
    }
}

/// Writes a role's table down. Of each operation it says the method, the name, who may call, and, where the API's description shows it,
/// the function that is annotated with what it takes and answers.
///
/// Makes the enum of operations, so that whoever serves them must serve them all, and the table. Where calls are counted, it makes the names
/// they are counted under and the OpenAPI description too.
macro_rules! endpoints {
    (
        $(#[$about:meta])* $id:ident in $table:ident $(, counted as $names:ident, described by $description:ident)?
        $($path:expr => $($supervision:ident)? { $($method:ident $operation:ident: $access:expr $(=> $noun:ident :: $function:ident)?;)+ })+
    ) => {
        $(#[$about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $id { $($(#[doc = concat!("`", stringify!($method), " ", stringify!($path), "`")] $operation,)+)+ }

        $(#[$about])*
        pub static $table: Table<$id> = Table(&[$(Endpoint {
            template: Template::new($path),
            supervision: endpoints!(@supervision $($supervision)?),
            operations: &[$(Operation { method: Method::$method, access: $access, id: $id::$operation },)+],
        },)+]);

        endpoints!(@public [$($names $description)?] [$($path,)+] [$($($($noun::$function,)?)+)+]);
    };
    (@public [$names:ident $description:ident] [$($path:tt)*] [$($function:tt)*]) => {
        /// The names calls are counted under: one an endpoint, and a last one for all other paths.
        pub static $names: &[&str] = &[$($path)* OTHER_ROUTES];

        /// The OpenAPI description of the operations.
        #[derive(Debug, OpenApi)]
        #[openapi(paths($($function)*))]
        pub struct $description;
    };
    (@public [] [$($path:tt)*] []) => {};
    (@supervision supervision) => { true };
    (@supervision) => { false };
}
pub(super) use endpoints;

#[cfg(test)]
mod tests {
    use super::*;

    static TABLE: Table<u8> = Table(&[
        Endpoint { template: Template::new("/"), supervision: true, operations: &[] },
        Endpoint { template: Template::new("/api/runs"), supervision: false, operations: &[] },
        Endpoint { template: Template::new("/api/runs/{id}"), supervision: false, operations: &[] },
        Endpoint { template: Template::new("/api/runs/{id}/end"), supervision: false, operations: &[] },
    ]);

    #[test]
    fn a_path_finds_its_endpoint_and_its_parameter() {
        let found = |path| TABLE.find(path).map(|found| (found.endpoint.template.as_str(), found.parameter));
        assert_eq!(found("/"), Some(("/", "")));
        for path in ["/api/runs", "/api/runs/"] {
            assert_eq!(found(path), Some(("/api/runs", "")));
        }
        assert_eq!(found("/api/runs/a%2Fb"), Some(("/api/runs/{id}", "a%2Fb")));
        assert_eq!(found("/api/runs/7/end"), Some(("/api/runs/{id}/end", "7")));
        for path in ["/", "/api/runs/", "/api/runs/7", "/api/runs/7/end"] {
            let found = TABLE.find(path).unwrap();
            assert_eq!(
                TABLE.at(found.position, path).map(|again| (again.position, again.parameter)),
                Some((found.position, found.parameter))
            );
        }
        for path in ["", "//", "/api", "/api/runs//", "/api/runs//end", "/api/runs/7/8", "/API/runs", "//api/runs", "/api/runs/7/end/x"] {
            assert_eq!(found(path), None, "{path}");
        }
    }

    #[test]
    fn a_method_it_does_not_take_is_refused_with_those_it_does() {
        static OPERATIONS: [Operation<u8>; 2] = [
            Operation { method: Method::GET, access: Access::Read, id: 1 },
            Operation { method: Method::DELETE, access: Access::Write, id: 2 },
        ];
        let endpoint = Endpoint { template: Template::new("/x"), supervision: false, operations: &OPERATIONS };
        let operation = |method| endpoint.operation(&method).map(|operation| operation.id);
        assert_eq!(operation(Method::HEAD).ok(), Some(1));
        assert_eq!(operation(Method::DELETE).ok(), Some(2));
        let refused = operation(Method::POST).unwrap_err().response("/x", "r");
        assert_eq!((refused.status().as_u16(), refused.headers()["allow"].to_str().unwrap()), (405, "GET, HEAD, DELETE"));
    }
}
