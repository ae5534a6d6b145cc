//! What a report is made from besides windows and decisions. Must not know where it comes from.

use bigdecimal::BigDecimal;
use time::Date;

use crate::domain::arm::ByArm;
use crate::domain::instances::DeclaredInstances;
use crate::domain::margins::Margins;
use crate::domain::minute_range::MinuteRange;
use crate::domain::plan::Plan;
use crate::domain::price::PriceBook;
use crate::domain::probe::{ProbeLatency, ProbeOutcomes};
use crate::domain::run::RunDocument;
use crate::domain::schedule::Minute;
use crate::domain::statistics::Validity;
use crate::domain::window::BurnIn;

/// Everything that is declared before the windows are looked at.
#[derive(Debug, Clone)]
pub struct Inputs {
    /// The minutes compared; all of them must be over for long enough that their windows were written.
    pub range: MinuteRange,
    /// The run these minutes belong to; several, where the minutes asked for span them and none is compared.
    pub runs: Vec<RunDocument>,
    /// Stretches of whole pairs left out, each from a minute up to but not including another.
    pub excluded: Vec<(Minute, Minute)>,
    /// What each arm runs on.
    pub plans: ByArm<Plan>,
    /// How many instances each arm's plan is set to run, where that is declared.
    pub instances: ByArm<Option<DeclaredInstances>>,
    /// Azure region both arms run in.
    pub region: String,
    /// Unit prices.
    pub prices: PriceBook,
    /// How much worse the cheaper arm may be.
    pub margins: Margins,
    /// What is trimmed from the windows' edges in the headline figures.
    pub burn_in: BurnIn,
    /// Whether both arms are one instance, so that no difference is expected.
    pub aa_run: bool,
    /// Imported charges of each arm's own resources over the same time.
    pub charges: ByArm<Vec<ChargedDay>>,
    /// Imported charges of resources both arms use.
    pub shared_charges: Vec<ChargedDay>,
    /// Supervision from outside; `None` where there was none.
    pub probes: Option<ProbeOutcomes>,
    /// Its latencies, of probes that ended where the schedule says.
    pub probe_latencies: ByArm<Option<ProbeLatency>>,
    /// What the randomisation test's draws follow from: the same report of the same windows twice is the same to the last digit.
    pub seed: u64,
}

impl Inputs {
    /// Inputs for comparing `plans` over `range`, with list prices and everything else at its default.
    #[must_use]
    pub fn new(range: MinuteRange, plans: ByArm<Plan>) -> Self {
        Inputs {
            range,
            runs: Vec::new(),
            excluded: Vec::new(),
            plans,
            instances: ByArm::default(),
            region: "local".to_owned(),
            prices: PriceBook::embedded(),
            margins: Margins::default(),
            burn_in: BurnIn::None,
            aa_run: false,
            charges: ByArm::default(),
            shared_charges: Vec::new(),
            probes: None,
            probe_latencies: ByArm::default(),
            seed: 0x5b_17c4,
        }
    }
}

impl Inputs {
    /// The run that is compared.
    #[must_use]
    pub fn run(&self) -> Option<&RunDocument> {
        self.runs.first().filter(|_| self.runs.len() == 1)
    }

    /// The runs that the minutes asked for span, where there are several: none of them is compared.
    #[must_use]
    pub fn spanned_runs(&self) -> &[RunDocument] {
        if self.runs.len() > 1 { &self.runs } else { &[] }
    }

    /// For how many looks the report's intervals must keep their confidence.
    #[must_use]
    pub fn validity(&self) -> Validity {
        self.run().map_or(Validity::AnyTime, |run| run.validity)
    }

    /// Whether `minute` is compared.
    #[must_use]
    pub fn compares(&self, minute: Minute) -> bool {
        self.range.contains(minute) && !self.excluded.iter().any(|(from, to)| (*from..*to).contains(&minute))
    }
}

/// What one resource was charged on one day, in one currency and category.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChargedDay {
    /// The resource's id, in lower case.
    pub resource: String,
    /// The day its charges' periods begin on, UTC.
    pub day: Date,
    /// ISO 4217 code.
    pub currency: String,
    /// FOCUS's ChargeCategory.
    pub category: String,
    /// Sum of BilledCost.
    pub billed: BigDecimal,
    /// Sum of EffectiveCost.
    pub effective: BigDecimal,
    /// Number of charges.
    pub charges: u64,
    /// Charges that stand in the bill once more than once.
    pub repeated: u64,
    /// Whether a reservation or savings plan covers any of them.
    pub committed: bool,
}
