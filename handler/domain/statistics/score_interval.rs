//! Miettinen and Nurminen's score interval for the difference of two proportions, for events too few for a standard error of their own.
//! Must not know what the events are.
//!
//! Miettinen and Nurminen, 1985, *Comparative analysis of two rates*: a difference δ is in the interval where the observed difference
//! lies within z standard errors of it, with the variance taken at the likeliest proportions that differ by exactly δ. Unlike intervals about the
//! estimate it has a width where no event was seen at all.

use super::distribution::upper_tail;

/// Events among trials on both arms. Not whole numbers where they were divided by a design effect.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ProportionTable {
    /// Events of arm A.
    pub events_a: f64,
    /// Trials of arm A.
    pub trials_a: f64,
    /// Events of arm B.
    pub events_b: f64,
    /// Trials of arm B.
    pub trials_b: f64,
}

/// Bisection halves a range of 2 until doubles end.
const BISECTIONS: u32 = 60;

impl ProportionTable {
    /// The difference of the proportions, B less A.
    #[must_use]
    pub fn difference(&self) -> f64 {
        self.events_b / self.trials_b - self.events_a / self.trials_a
    }

    /// How many times larger the variance of the difference is than it would be if trials were independent, at least 1. `variance` is the one
    /// that allows for dependence; 1 where no arm has two events, since one event cannot cluster.
    #[must_use]
    pub fn design_effect(&self, variance: f64) -> f64 {
        let binomial = |events: f64, trials: f64| (events / trials) * (1.0 - events / trials) / trials;
        let independent = binomial(self.events_a, self.trials_a) + binomial(self.events_b, self.trials_b);
        if self.events_a.max(self.events_b) < 2.0 || independent <= 0.0 {
            return 1.0;
        }
        (variance / independent).max(1.0)
    }

    /// The table of as many independent trials as these dependent ones are worth (Kish, 1965).
    #[must_use]
    pub fn divided_by(&self, design_effect: f64) -> Self {
        ProportionTable {
            events_a: self.events_a / design_effect,
            trials_a: self.trials_a / design_effect,
            events_b: self.events_b / design_effect,
            trials_b: self.trials_b / design_effect,
        }
    }

    /// The interval of the difference, B less A, that reaches `multiplier` standard errors to either side; `None` for a table without trials on an
    /// arm, with more events than trials, or worth no more than one trial.
    #[must_use]
    pub fn score_interval(&self, multiplier: f64) -> Option<(f64, f64)> {
        let is_arm = |events: f64, trials: f64| trials > 0.0 && (0.0..=trials).contains(&events);
        if !is_arm(self.events_a, self.trials_a) || !is_arm(self.events_b, self.trials_b) || self.trials_a + self.trials_b <= 1.0 {
            return None;
        }
        let bound = |end: f64, sign: f64| {
            let (mut inside, mut outside) = (self.difference(), end);
            for _ in 0..BISECTIONS {
                let middle = f64::midpoint(inside, outside);
                if sign * self.score(middle) <= multiplier {
                    inside = middle;
                } else {
                    outside = middle;
                }
            }
            inside
        };
        Some((bound(-1.0, 1.0), bound(1.0, -1.0)))
    }

    /// Two-sided p-value of proportions that do not differ.
    #[must_use]
    pub fn p_value(&self) -> f64 {
        (2.0 * upper_tail(self.score(0.0).abs())).min(1.0)
    }

    /// How many standard errors the observed difference lies above `delta`.
    fn score(&self, delta: f64) -> f64 {
        let a = self.likeliest_a(delta);
        let b = (a + delta).clamp(0.0, 1.0);
        let trials = self.trials_a + self.trials_b;
        let variance = (a * (1.0 - a) / self.trials_a + b * (1.0 - b) / self.trials_b) * trials / (trials - 1.0);
        let apart = self.difference() - delta;
        if variance <= 0.0 {
            return if apart == 0.0 { 0.0 } else { f64::INFINITY.copysign(apart) };
        }
        apart / variance.sqrt()
    }

    /// The likeliest proportion of A among those that B's exceeds by `delta`: the one root of the likelihood's cubic at which both are proportions
    /// (Miettinen and Nurminen, 1985, appendix; Farrington and Manning, 1990).
    fn likeliest_a(&self, delta: f64) -> f64 {
        let trials = self.trials_a + self.trials_b;
        let events = self.events_a + self.events_b;
        let cubic = trials;
        let square = (self.trials_b + 2.0 * self.trials_a) * delta - trials - events;
        let linear = (self.trials_a * delta - trials - 2.0 * self.events_a) * delta + events;
        let constant = self.events_a * delta * (1.0 - delta);
        let third = square / (3.0 * cubic);
        let q = third.powi(3) - square * linear / (6.0 * cubic * cubic) + constant / (2.0 * cubic);
        let p = (third * third - linear / (3.0 * cubic)).max(0.0).sqrt().copysign(q);
        let cosine = if p == 0.0 { 0.0 } else { (q / p.powi(3)).clamp(-1.0, 1.0) };
        let angle = (std::f64::consts::PI + cosine.acos()) / 3.0;
        (2.0 * p * angle.cos() - third).clamp((-delta).max(0.0), (1.0 - delta).min(1.0))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::Deserialize;

    use super::*;
    use crate::domain::statistics::Validity;
    use crate::domain::statistics::random::Random;

    #[derive(Deserialize)]
    struct Answers {
        cases: Vec<Answer>,
    }

    #[derive(Deserialize)]
    struct Answer {
        even_failures: f64,
        even_calls: f64,
        odd_failures: f64,
        odd_calls: f64,
        difference: f64,
        low: f64,
        high: f64,
    }

    fn fixed() -> f64 {
        Validity::FixedHorizon.multiplier(0, 0.05).expect("any number of pairs")
    }

    fn table(events_a: f64, trials_a: f64, events_b: f64, trials_b: f64) -> ProportionTable {
        ProportionTable { events_a, trials_a, events_b, trials_b }
    }

    /// tests/data/method/README.md.
    #[test]
    fn independent_answers_are_reproduced() {
        let answers: Answers = serde_json::from_str(include_str!("../../../tests/data/method/failure-shares.json")).expect("the answers");
        assert_eq!(answers.cases.len(), 21);
        for answer in answers.cases {
            let table = table(answer.even_failures, answer.even_calls, answer.odd_failures, answer.odd_calls);
            let (low, high) = table.score_interval(fixed()).expect("a table");
            assert!((table.difference() - answer.difference).abs() < 1e-15);
            for (ours, theirs) in [(low, answer.low), (high, answer.high)] {
                assert!((ours / theirs - 1.0).abs() < 1e-6, "{table:?}: {ours}, not {theirs}");
            }
        }
    }

    #[test]
    fn what_is_no_table_has_no_interval() {
        for (events_a, trials_a, events_b, trials_b) in
            [(0.0, 0.0, 0.0, 5.0), (3.0, 2.0, 0.0, 5.0), (-1.0, 5.0, 0.0, 5.0), (f64::NAN, 5.0, 0.0, 5.0), (0.0, 0.5, 0.0, 0.5)]
        {
            assert_eq!(table(events_a, trials_a, events_b, trials_b).score_interval(fixed()), None);
        }
        // Everything failed on one arm and nothing on the other, or everything on both.
        let (low, high) = table(0.0, 500.0, 500.0, 500.0).score_interval(fixed()).expect("a table");
        assert!(low > 0.98 && high == 1.0, "{low} {high}");
        let (low, high) = table(500.0, 500.0, 500.0, 500.0).score_interval(fixed()).expect("a table");
        assert!(low < 0.0 && 0.0 < high && high < 0.01, "{low} {high}");
    }

    #[test]
    fn the_design_effect_is_a_ratio_of_variances() {
        // 20 of 1,000 and 30 of 1,000 events; the variance between pairs is three times the binomial one.
        let table = table(20.0, 1_000.0, 30.0, 1_000.0);
        let binomial = 0.02 * 0.98 / 1_000.0 + 0.03 * 0.97 / 1_000.0;
        assert!((table.design_effect(3.0 * binomial) - 3.0).abs() < 1e-12);
        assert_eq!(table.design_effect(0.5 * binomial), 1.0);
        assert_eq!(ProportionTable { events_a: 1.0, events_b: 1.0, ..table }.design_effect(1.0), 1.0);
        assert_eq!(table.divided_by(2.0).difference(), table.difference());
    }

    #[test]
    fn rare_failures_are_covered_at_their_level() {
        let mut random = Random::new(31);
        let mut draw = |rate: f64| f64::from((0..2_000).map(|_| u32::from(random.uniform() < rate)).sum::<u32>());
        let covered = (0..1_000).filter(|_| {
            let (low, high) = table(draw(0.001), 2_000.0, draw(0.002), 2_000.0).score_interval(fixed()).expect("a table");
            low <= 0.001 && 0.001 <= high
        });
        let covered = covered.count();
        assert!((930..=985).contains(&covered), "{covered} of 1,000");
    }

    proptest! {
        #[test]
        fn more_failures_of_an_arm_never_tighten_its_bound(
            calls in [1_u32..5_000, 1..5_000],
            failures in [0_u32..50, 0..50],
            design_effect in 1.0_f64..20.0,
            anytime in any::<bool>(),
        ) {
            let multiplier = if anytime { Validity::AnyTime.multiplier(60, 0.05).expect("pairs") } else { fixed() };
            let interval = |failures_a: u32, failures_b: u32| {
                let whole = table(f64::from(failures_a), f64::from(calls[0]), f64::from(failures_b), f64::from(calls[1]));
                whole.divided_by(design_effect).score_interval(multiplier)
            };
            let failures = [failures[0].min(calls[0] - 1), failures[1].min(calls[1] - 1)];
            if let (Some(fewer), Some(more_b), Some(more_a)) = (
                interval(failures[0], failures[1]),
                interval(failures[0], failures[1] + 1),
                interval(failures[0] + 1, failures[1]),
            ) {
                prop_assert!(more_b.1 >= fewer.1 - 1e-12, "B: {fewer:?} {more_b:?}");
                prop_assert!(more_a.0 <= fewer.0 + 1e-12, "A: {fewer:?} {more_a:?}");
            }
        }

        #[test]
        fn swapping_the_arms_mirrors_the_interval(events in [0_u32..20, 0..20], trials in [20_u32..3_000, 20..3_000]) {
            let [events_a, events_b, trials_a, trials_b] = [events[0], events[1], trials[0], trials[1]].map(f64::from);
            let (low, high) = table(events_a, trials_a, events_b, trials_b).score_interval(fixed()).expect("a table");
            let (mirrored_low, mirrored_high) = table(events_b, trials_b, events_a, trials_a).score_interval(fixed()).expect("a table");
            prop_assert!((low + mirrored_high).abs() < 1e-9 && (high + mirrored_low).abs() < 1e-9);
            prop_assert!(low <= (events_b / trials_b - events_a / trials_a) && low >= -1.0 && high <= 1.0);
        }

        #[test]
        fn dependence_widens(events in [0_u32..20, 0..20], design_effect in 1.0_f64..10.0) {
            let plain = table(f64::from(events[0]), 1_000.0, f64::from(events[1]), 1_500.0);
            let (narrow, wide) = (plain.score_interval(fixed()), plain.divided_by(design_effect).score_interval(fixed()));
            let ((low, high), (wide_low, wide_high)) = (narrow.expect("a table"), wide.expect("a table"));
            prop_assert!(wide_low <= low + 1e-12 && wide_high >= high - 1e-12);
        }
    }
}
