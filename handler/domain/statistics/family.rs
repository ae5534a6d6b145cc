//! Several comparisons made at once. Must not know what was compared.

/// P-values adjusted so that all of them together raise a false alarm no more often than one alone would: Holm's step-down, which holds
/// however the comparisons depend on each other. In the order given, each at most 1.
///
/// Source: S. Holm, A simple sequentially rejective multiple test procedure, Scandinavian Journal of Statistics 6 (1979).
#[must_use]
pub fn holm(p_values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p_values.len()).collect();
    order.sort_by(|one, other| p_values[*one].total_cmp(&p_values[*other]));
    let mut adjusted = vec![1.0; p_values.len()];
    let mut least = 0.0_f64;
    for (rank, &position) in order.iter().enumerate() {
        let not_yet_rejected = (p_values.len() - rank) as f64;
        least = least.max((p_values[position] * not_yet_rejected).min(1.0));
        adjusted[position] = least;
    }
    adjusted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adjusted_as_r_does() {
        // R 4: p.adjust(c(.01, .04, .03, .005), "holm").
        let adjusted = holm(&[0.01, 0.04, 0.03, 0.005]);
        for (own, expected) in adjusted.iter().zip([0.03, 0.06, 0.06, 0.02]) {
            assert!((own - expected).abs() < 1e-12, "{adjusted:?}");
        }
    }

    #[test]
    fn one_alone_stays_as_it_is_and_none_exceeds_1() {
        assert_eq!(holm(&[0.04]), [0.04]);
        assert_eq!(holm(&[0.9, 0.6, 1.0]), [1.0, 1.0, 1.0]);
        assert!(holm(&[]).is_empty());
    }
}
