//! Every bound the engine enforces, on one screen.
//!
//! The field limits follow the vocabulary of the event model; the others keep
//! memory and files bounded by configuration rather than by what is sent.

/// Rows in one block: the unit of checksums, zone maps and scheduling.
pub const BLOCK_ROWS: usize = 16_384;
/// Values in one vector: the unit of encoding.
pub const VECTOR_ROWS: usize = 1_024;
const _: () = assert!(BLOCK_ROWS.is_multiple_of(VECTOR_ROWS), "a block holds whole vectors");

/// Longest event id, request id, span id and parent id, in bytes.
pub const ID_BYTES: usize = 128;
/// Longest `job_id`, in bytes.
pub const JOB_ID_BYTES: usize = 256;
/// Longest `job_name`, in bytes.
pub const JOB_NAME_BYTES: usize = 512;
/// Longest `job_version`, in bytes.
pub const JOB_VERSION_BYTES: usize = 64;
/// Longest value of any other dimension, in bytes.
pub const DIMENSION_BYTES: usize = 128;
/// Longest subscriber id, e-mail, session id and trace id, in bytes.
pub const LONG_ID_BYTES: usize = 256;
/// Most tags on one event.
pub const TAGS: usize = 32;
/// Longest tag key, in bytes.
pub const TAG_KEY_BYTES: usize = 64;
/// Longest tag value, in bytes.
pub const TAG_VALUE_BYTES: usize = 512;
/// Most named meters (those beyond the built-in ones) on one event.
pub const NAMED_METERS: usize = 16;
/// Most distinct named meters in one head; a further name is refused.
pub const NAMED_METERS_PER_HEAD: usize = 1_024;
/// Longest name of a meter, in bytes.
pub const METER_NAME_BYTES: usize = 64;
/// Largest quantity of one meter on one event (2⁴⁰).
pub const METER_MAX: u64 = 1 << 40;
/// Largest cost a caller may report for one event: one million USD, in pico-USD.
pub const REPORTED_COST_MAX_PICO: u64 = 1_000_000_000_000_000_000;
/// Largest absolute outcome value: 10¹² USD, in pico-USD.
pub const OUTCOME_VALUE_MAX_PICO: i128 = 1_000_000_000_000_000_000_000_000;
/// Longest outcome metadata, in bytes of JSON.
pub const OUTCOME_METADATA_BYTES: usize = 16 * 1024;
/// Longest reason of an amendment, in bytes.
pub const OUTCOME_REASON_BYTES: usize = 1_024;
/// Most rules in one price book.
pub const PRICE_RULES: usize = 1 << 20;
/// Links of a chain of aliases of a price book, at most.
pub const PRICE_ALIAS_HOPS: usize = 8;
/// Longest note of where a price book comes from, in bytes.
pub const PRICE_SOURCE_BYTES: usize = 1_024;
/// Longest account of who made an attribution, and why, in bytes.
pub const ATTRIBUTION_TEXT_BYTES: usize = 1_024;
/// Most assignments of one attribution.
pub const ATTRIBUTION_ASSIGNMENTS: usize = 1 << 18;
/// Most requests, traces and credentials whose usage is assigned at a time: what is assigned is kept in memory.
pub const ATTRIBUTED_KEYS: usize = 1 << 20;
/// Longest duration of one event: 366 days, in milliseconds.
pub const DURATION_MAX_MS: u64 = 366 * 24 * 3600 * 1000;
/// How far ahead of the clock an event may lie, in microseconds (24 hours).
pub const FUTURE_MICROS: i64 = 24 * 3600 * 1_000_000;
/// Earliest instant accepted: 2015-01-01T00:00:00Z, before any metered LLM call.
pub const EARLIEST_MICROS: i64 = 1_420_070_400_000_000;

/// Most events in one commit group; a larger batch is split over groups by the caller.
pub const COMMIT_EVENTS: usize = 65_536;
/// Largest WAL frame payload before compression, in bytes.
pub const FRAME_BYTES: usize = 256 << 20;
