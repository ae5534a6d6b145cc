//! Which calls are recorded: a share that no caller can choose to be in, and never more than a fixed number a second.
//!
//! Callers choose trace and request ids. A keyed hash keeps them from choosing ones that are sampled (SipHash: Aumasson, Bernstein 2012).
//! Must not know what is recorded.

use std::hash::Hasher;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use siphasher::sip::SipHasher13;

/// Most calls recorded in a second, failures included: recording a flood must not cost more than serving it.
const MAX_RECORDED_PER_SECOND: u64 = 2_000;
const COUNT_BITS: u32 = 24;

/// What no caller knows. A router and arms that share one decide alike, so that a call's two items are kept or dropped together.
#[derive(Clone, Copy)]
pub struct SamplingSecret(pub [u8; 16]);

impl std::fmt::Debug for SamplingSecret {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("SamplingSecret(…)")
    }
}

/// Chooses which calls are recorded.
#[derive(Debug)]
pub(super) struct Sampler {
    secret: SamplingSecret,
    /// A call is chosen where its hash is below this; none: every call is.
    threshold: Option<u64>,
    /// The second, and above it how many calls were recorded in it.
    recorded: AtomicU64,
}

impl Sampler {
    /// Chooses the share `sampling`, 0 to 1, of calls.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share from 0 to 1 of 2^64, saturating")]
    pub fn new(sampling: f64, secret: SamplingSecret) -> Self {
        let threshold = (sampling < 1.0).then(|| (sampling.max(0.0) * 2_f64.powi(64)) as u64);
        Sampler { secret, threshold, recorded: AtomicU64::new(0) }
    }

    /// Whether the call that `id` names is chosen.
    pub fn chooses(&self, id: &[u8]) -> bool {
        let Some(threshold) = self.threshold else { return true };
        let mut hasher = SipHasher13::new_with_key(&self.secret.0);
        hasher.write(id);
        hasher.finish() < threshold
    }

    /// Whether one more call may be recorded at `uptime`; it then counts as recorded.
    pub fn admits(&self, uptime: Duration) -> bool {
        let second = uptime.as_secs() << COUNT_BITS;
        let next = |now: u64| {
            let count = if now >> COUNT_BITS == uptime.as_secs() { now - second } else { 0 };
            (count < MAX_RECORDED_PER_SECOND).then_some(second + count + 1)
        };
        self.recorded.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(sampling: f64, secret: u8) -> Vec<u32> {
        let sampler = Sampler::new(sampling, SamplingSecret([secret; 16]));
        (0..20_000_u32).filter(|call| sampler.chooses(format!("request-{call}").as_bytes())).collect()
    }

    #[test]
    fn a_share_of_calls_is_chosen_and_another_secret_chooses_others() {
        assert!((850..1_150).contains(&chosen(0.05, 1).len()), "{}", chosen(0.05, 1).len());
        assert_eq!((chosen(0.0, 1).len(), chosen(1.0, 1).len()), (0, 20_000));
        assert_eq!(chosen(0.05, 1), chosen(0.05, 1), "router and arm decide alike");
        let (one, other) = (chosen(0.05, 1), chosen(0.05, 2));
        let both = one.iter().filter(|call| other.contains(call)).count();
        assert!(both < 120, "{both} of {} ids are chosen under both secrets: a caller could learn to be recorded", one.len());
    }

    #[test]
    fn no_more_than_the_bound_is_recorded_in_one_second() {
        let sampler = Sampler::new(1.0, SamplingSecret([0; 16]));
        let admitted = |millis| (0..5_000).filter(|_| sampler.admits(Duration::from_millis(millis))).count();
        assert_eq!((admitted(5_000), admitted(5_999), admitted(6_000)), (2_000, 0, 2_000));
    }
}
