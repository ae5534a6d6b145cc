//! Which instance answers.

use utoipa::ToSchema;
use warp::reply::Response;

use crate::config::ApiConfig;
use crate::domain::arm::Arm;
use crate::domain::schedule::Schedule;
use crate::http::call::Call;
use crate::http::reply::json_of_texts;

/// The instance that answered, and the minute it answered for.
#[derive(Debug, ToSchema)]
#[cfg_attr(test, derive(serde::Serialize))]
pub struct InstanceDocument<'instance> {
    /// The arm it is.
    arm: Arm,
    /// The plan's kind: what stands before the slash in `plan`.
    #[schema(example = "functions")]
    hosting: &'instance str,
    /// The plan it runs on.
    #[schema(example = "functions/flex-2048")]
    plan: &'instance str,
    /// The Azure region it runs in.
    #[schema(example = "westeurope")]
    region: &'instance str,
    /// The program's version.
    #[schema(example = "0.1.0")]
    version: &'static str,
    /// The minute the call was routed in, as the router names it.
    #[schema(example = "2026-11-23T10:04Z")]
    minute: String,
    /// How the arm knows that minute: from a `ticket`, or from the call's `arrival`.
    #[schema(example = "ticket")]
    routing: &'static str,
}

/// Arm, hosting, plan, region, version, and the minute the call was routed in.
#[utoipa::path(
    get,
    path = "/api/instance",
    tag = "operations",
    summary = "Tell which instance answers",
    description = "Its arm, plan, region and version, and the minute the call was routed in.",
    responses((status = 200, description = "The instance that answered", body = InstanceDocument))
)]
#[must_use]
pub fn instance(config: &ApiConfig, schedule: &Schedule, call: &Call) -> Response {
    let plan = config.comparison.plans[config.arm].as_str();
    let document = InstanceDocument {
        arm: config.arm,
        hosting: plan.split('/').next().unwrap_or_default(),
        plan,
        region: &config.comparison.region,
        version: env!("CARGO_PKG_VERSION"),
        minute: schedule.label(call.minute),
        routing: if call.ticketed { "ticket" } else { "arrival" },
    };
    json_of_texts(&document.texts())
}

impl InstanceDocument<'_> {
    fn texts(&self) -> [(&'static str, &str); 7] {
        let InstanceDocument { arm, hosting, plan, region, version, minute, routing } = self;
        [
            ("arm", arm.as_str()),
            ("hosting", hosting),
            ("plan", plan),
            ("region", region),
            ("version", version),
            ("minute", minute),
            ("routing", routing),
        ]
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    #[tokio::test]
    async fn it_is_written_as_it_is_described() {
        let document = InstanceDocument {
            arm: Arm::Odd,
            hosting: "functions",
            plan: "functions/flex-512",
            region: "a \"region\" \\",
            version: "0.1.0",
            minute: "2026-11-23T10:04Z".to_owned(),
            routing: "ticket",
        };
        let written = json_of_texts(&document.texts()).into_body().collect().await.unwrap().to_bytes();
        assert_eq!(written, serde_json::to_vec(&document).unwrap());
    }
}
