//! What the operating system reports about this process. Must not know who asks.

use super::metrics::Sample;

/// Memory the process holds, in bytes; nothing where the system has no such file.
pub(super) fn resident_memory() -> Vec<Sample> {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    resident_bytes(&status).map(Sample::plain).into_iter().collect()
}

fn resident_bytes(status: &str) -> Option<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resident_memory_is_read_from_the_status_file() {
        assert_eq!(resident_bytes("Name:\tx\nVmRSS:\t    3816 kB\nThreads:\t3\n"), Some(3_907_584.0));
        assert_eq!(resident_bytes(""), None);
    }
}
