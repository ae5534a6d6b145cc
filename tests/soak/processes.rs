//! Memory and descriptors of the system's processes while nothing is broken: they must not grow. Reads /proc.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;

use rustix::process::Pid;
use switchback::domain::arm::Arm;

use crate::stage::Stage;

/// Growth that is no leak: allocators and pools settle.
const SLACK_KIB: u64 = 12 * 1024;
const SLACK_DESCRIPTORS: u64 = 24;

/// Resident memory, KiB, and open descriptors.
type Size = (u64, u64);

/// Sizes of each process, in the order they were taken.
pub struct Watch(BTreeMap<&'static str, Vec<Size>>);

/// What became of them.
pub struct Growth(BTreeMap<&'static str, [Size; 2]>);

impl Watch {
    pub fn begin(stage: &Stage) -> Watch {
        let mut watch = Watch(BTreeMap::new());
        watch.look(stage);
        watch
    }

    /// Takes every process's size.
    pub fn look(&mut self, stage: &Stage) {
        let arm = |arm: Arm| (arm.as_str(), stage.arms[arm].process.id());
        for (name, process) in [arm(Arm::Even), arm(Arm::Odd), ("router", stage.router.process.id())] {
            self.0.entry(name).or_default().push(size(process));
        }
    }

    /// The most of the first half beside the most of the second.
    pub fn end(self) -> Growth {
        let most = |sizes: &[Size]| {
            let largest = |of: fn(&Size) -> u64| sizes.iter().map(of).max().unwrap_or_default();
            (largest(|size| size.0), largest(|size| size.1))
        };
        let halves = |sizes: Vec<Size>| {
            let (first, second) = sizes.split_at(sizes.len() / 2);
            [most(first), most(second)]
        };
        Growth(self.0.into_iter().map(|(name, sizes)| (name, halves(sizes))).collect())
    }
}

fn size(process: Pid) -> Size {
    let folder = format!("/proc/{}", process.as_raw_nonzero());
    let status = fs::read_to_string(format!("{folder}/status")).unwrap();
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB")?.parse().ok());
    (resident.unwrap(), fs::read_dir(format!("{folder}/fd")).unwrap().count() as u64)
}

impl Growth {
    /// Which process grew.
    pub fn mistakes(&self) -> Vec<String> {
        let grew = |[first, second]: &[Size; 2]| second.0 > first.0 + first.0 / 10 + SLACK_KIB || second.1 > first.1 + SLACK_DESCRIPTORS;
        self.0
            .iter()
            .filter(|(_, halves)| grew(halves))
            .map(|(name, halves)| format!("{name} grew: {halves:?} (KiB, descriptors)"))
            .collect()
    }
}

impl fmt::Display for Growth {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            formatter,
            "{:<8} {:>14} {:>14} {:>12} {:>12}   in the calm's first and second half",
            "process", "memory KiB", "", "descriptors", ""
        )?;
        for (name, [first, second]) in &self.0 {
            writeln!(formatter, "{name:<8} {:>14} {:>14} {:>12} {:>12}", first.0, second.0, first.1, second.1)?;
        }
        Ok(())
    }
}
