//! The story of the process: arguments → configuration → telemetry → application → serve → drain.

fn main() {}
