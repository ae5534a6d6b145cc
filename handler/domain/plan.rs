//! The Azure plans an arm can run on, by their names in the catalogue. Must not know what they cost.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;
use utoipa::openapi::{ObjectBuilder, RefOr, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

use super::catalogue::{Catalogue, CataloguePlan};

/// What an arm runs on: a plan of the catalogue, or a machine of one's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Plan(&'static str);

impl Plan {
    /// A machine of one's own: no price is known.
    pub const LOCAL: Plan = Plan("local");

    /// Every plan.
    pub fn all() -> impl Iterator<Item = Plan> {
        std::iter::once(Plan::LOCAL).chain(Catalogue::embedded().plans.iter().map(Plan::of))
    }

    /// The plan that the catalogue says this of.
    #[must_use]
    pub fn of(listed: &'static CataloguePlan) -> Plan {
        Plan(&listed.name)
    }

    /// The plan's name in settings and JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.0
    }

    /// What the catalogue says of it; nothing of a machine of one's own.
    #[must_use]
    pub fn listed(self) -> Option<&'static CataloguePlan> {
        Catalogue::embedded().plan(self.0)
    }
}

/// Plans that tests compare.
#[expect(missing_docs, reason = "a name says it")]
#[cfg(test)]
impl Plan {
    pub const B1: Plan = Plan("app-service/B1");
    pub const S1: Plan = Plan("app-service/S1");
    pub const P1V3: Plan = Plan("app-service/P1v3");
    pub const CONSUMPTION: Plan = Plan("functions/consumption");
    pub const FLEX_512: Plan = Plan("functions/flex-512");
}

impl fmt::Display for Plan {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.0)
    }
}

impl PartialSchema for Plan {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new().schema_type(Type::String).enum_values(Some(Plan::all().map(Plan::as_str))).into()
    }
}

impl ToSchema for Plan {}

impl Serialize for Plan {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0)
    }
}

/// The text named no plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not a plan: expected one of {names}", names = Plan::all().map(Plan::as_str).collect::<Vec<_>>().join(", "))]
pub struct UnknownPlan(String);

impl FromStr for Plan {
    type Err = UnknownPlan;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Plan::all().find(|plan| plan.0 == text).ok_or_else(|| UnknownPlan(text.chars().take(40).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip_and_a_wrong_one_lists_the_right_ones() {
        for plan in Plan::all() {
            assert_eq!(plan.as_str().parse(), Ok(plan));
            assert_eq!(plan.listed().is_some(), plan != Plan::LOCAL, "{plan}");
        }
        let error = "app-service/b1".parse::<Plan>().expect_err("case matters").to_string();
        assert!(error.contains("'app-service/b1'") && error.contains("app-service/B1") && error.contains("functions/flex-4096"));
    }

    #[test]
    fn names_of_earlier_versions_are_plans_still() {
        for name in ["local", "app-service/F1", "app-service/B1", "app-service/S1", "app-service/P0v3", "app-service/P1v3"] {
            assert!(name.parse::<Plan>().is_ok(), "{name}");
        }
        for name in ["functions/consumption", "functions/flex-512", "functions/flex-2048", "functions/flex-4096"] {
            assert!(name.parse::<Plan>().is_ok(), "{name}");
        }
        assert!([Plan::B1, Plan::S1, Plan::CONSUMPTION, Plan::FLEX_512].into_iter().all(|plan| plan.listed().is_some()));
    }
}
