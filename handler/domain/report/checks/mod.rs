//! The checks that stand above any verdict, one file each. Must not know the verdict.

mod all;
mod callers_side;
mod carry_over;
mod cold_starts;
mod conformance;
mod follow_through;
mod minute_confound;
mod route_mix;
mod sample_ratio;
mod status;

pub use all::{CheckLine, Checks};
pub use callers_side::CallersSide;
pub use carry_over::CarryOver;
pub use cold_starts::ColdStarts;
pub use conformance::Conformance;
pub use follow_through::FollowThrough;
pub use minute_confound::MinuteConfound;
pub use route_mix::RouteMix;
pub use sample_ratio::SampleRatio;
pub use status::Status;

/// Whether one minute's calls weigh on the next minute's arm.
pub(super) use carry_over::check as check_carry_over;
