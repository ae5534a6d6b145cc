//! Azure's own services: managed identity, retail prices, ingestion of telemetry. Must not know who asks.

pub mod identity;
pub mod ingestion;
pub mod prices;
