//! What more time would settle: after how many pairs an interval would be narrow enough, if the difference stayed what it is. Must not know what is
//! decided.

use super::estimated::{ALPHA, Estimated, Spread};
use super::metric::Interval;
use crate::domain::arm::Arm;
use crate::domain::statistics::Validity;
use crate::domain::statistics::ewc::fewest_pairs;

impl Estimated {
    /// Pairs in all after which the interval would leave 0 out; `None` where no length of time would do.
    #[must_use]
    pub fn pairs_to_exclude_zero(&self, validity: Validity) -> Option<usize> {
        self.pairs_until(validity, Interval::excludes_zero)
    }

    /// Pairs in all after which `arm` would be shown to be worse by no more than the margin; `None` where no length of time would do.
    #[must_use]
    pub fn pairs_to_stay_within_margin(&self, arm: Arm, validity: Validity) -> Option<usize> {
        let margin = self.margin?;
        self.pairs_until(validity, |interval| interval.rise_of(arm) <= margin)
    }

    /// The fewest pairs in all after which the interval is `enough`.
    fn pairs_until(&self, validity: Validity, enough: impl Fn(Interval) -> bool) -> Option<usize> {
        let seen = self.estimate.pairs as f64;
        fewest_pairs(|pairs| {
            let scale = pairs as f64 / seen;
            let spread = match self.spread {
                Spread::Series { .. } => self.spread,
                Spread::Score(table) => Spread::Score(table.divided_by(1.0 / scale)),
            };
            let longer = Estimated { estimate: self.estimate.over(pairs), spread, ..self.clone() };
            longer.interval(validity, ALPHA).is_some_and(&enough)
        })
    }
}

impl Interval {
    /// Whether it leaves 0 out.
    #[must_use]
    pub fn excludes_zero(self) -> bool {
        self.low > 0.0 || self.high < 0.0
    }

    /// How much higher `arm` may be than the other one.
    #[must_use]
    pub const fn rise_of(self, arm: Arm) -> f64 {
        match arm {
            Arm::Odd => self.high,
            Arm::Even => -self.low,
        }
    }
}
