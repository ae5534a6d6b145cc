//! The Azure plans an arm can run on. Must not know what they cost.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;
use utoipa::openapi::{ObjectBuilder, RefOr, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

/// Sizes of dedicated App Service plans.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AppServiceSize {
    /// Free, shared machine, 60 CPU minutes a day.
    F1,
    /// Basic, one core.
    B1,
    /// Standard, one core.
    S1,
    /// Premium v3, one core.
    P0v3,
    /// Premium v3, two cores.
    P1v3,
}

/// Instance sizes of the Flex Consumption plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FlexSize {
    /// 512 MB.
    Mb512,
    /// 2,048 MB.
    Mb2048,
    /// 4,096 MB.
    Mb4096,
}

impl FlexSize {
    /// The instance's memory, MB.
    #[must_use]
    pub const fn memory_mb(self) -> u32 {
        match self {
            FlexSize::Mb512 => 512,
            FlexSize::Mb2048 => 2_048,
            FlexSize::Mb4096 => 4_096,
        }
    }
}

/// What an arm runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Plan {
    /// A machine of one's own: no price is known.
    Local,
    /// A dedicated App Service plan, paid by the hour.
    AppService(AppServiceSize),
    /// Functions Consumption (Y1), paid by use.
    FunctionsConsumption,
    /// Functions Flex Consumption on demand, paid by use.
    FunctionsFlex(FlexSize),
}

impl Plan {
    /// Every plan.
    pub const ALL: [Plan; 10] = [
        Plan::Local,
        Plan::AppService(AppServiceSize::F1),
        Plan::AppService(AppServiceSize::B1),
        Plan::AppService(AppServiceSize::S1),
        Plan::AppService(AppServiceSize::P0v3),
        Plan::AppService(AppServiceSize::P1v3),
        Plan::FunctionsConsumption,
        Plan::FunctionsFlex(FlexSize::Mb512),
        Plan::FunctionsFlex(FlexSize::Mb2048),
        Plan::FunctionsFlex(FlexSize::Mb4096),
    ];

    /// The plan's name in settings and JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Plan::Local => "local",
            Plan::AppService(AppServiceSize::F1) => "app-service/F1",
            Plan::AppService(AppServiceSize::B1) => "app-service/B1",
            Plan::AppService(AppServiceSize::S1) => "app-service/S1",
            Plan::AppService(AppServiceSize::P0v3) => "app-service/P0v3",
            Plan::AppService(AppServiceSize::P1v3) => "app-service/P1v3",
            Plan::FunctionsConsumption => "functions/consumption",
            Plan::FunctionsFlex(FlexSize::Mb512) => "functions/flex-512",
            Plan::FunctionsFlex(FlexSize::Mb2048) => "functions/flex-2048",
            Plan::FunctionsFlex(FlexSize::Mb4096) => "functions/flex-4096",
        }
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl PartialSchema for Plan {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new().schema_type(Type::String).enum_values(Some(Plan::ALL.map(Plan::as_str))).into()
    }
}

impl ToSchema for Plan {}

impl Serialize for Plan {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// The text named no plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not a plan: expected one of {names}", names = Plan::ALL.map(Plan::as_str).join(", "))]
pub struct UnknownPlan(String);

impl FromStr for Plan {
    type Err = UnknownPlan;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Plan::ALL.into_iter().find(|plan| plan.as_str() == text).ok_or_else(|| UnknownPlan(text.chars().take(40).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip_and_a_wrong_one_lists_the_right_ones() {
        for plan in Plan::ALL {
            assert_eq!(plan.as_str().parse(), Ok(plan));
        }
        let error = "app-service/b1".parse::<Plan>().expect_err("case matters").to_string();
        assert!(error.contains("'app-service/b1'") && error.contains("app-service/B1") && error.contains("functions/flex-4096"));
    }
}
