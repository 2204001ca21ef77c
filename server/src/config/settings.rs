//! Every setting, stated once.

use std::net::SocketAddr;
use std::path::PathBuf;

use serde::Deserialize;

use super::units::{self, Bytes, Span};
use crate::budget::Written;
use crate::notice::Webhook;

/// What is logged: this and everything graver.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// Nothing.
    Off,
    /// Defects.
    Error,
    /// What somebody should look at.
    Warn,
    /// Starts, stops and changes.
    #[default]
    Info,
    /// Every request.
    Debug,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object per line.
    Json,
}

/// Declares the settings as flags, as variables of the environment and as keys of the file.
macro_rules! settings {
    ($($(#[$meta:meta])* $name:ident: $type:ty,)+) => {
        /// What flags, the environment and the configuration file say; absent where they say nothing.
        #[derive(Clone, Debug, Default, clap::Args, Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct Settings {
            $($(#[$meta])* pub $name: Option<$type>,)+
        }

        impl Settings {
            /// These, and where they say nothing, the others.
            #[must_use]
            pub fn or(self, others: Self) -> Self {
                Self { $($name: self.$name.or(others.$name),)+ }
            }
        }
    };
}

settings! {
    /// A file of settings: TOML, with the names of these flags and `_` for `-`.
    #[arg(long, env = "QUIPU_CONFIG", value_name = "FILE")]
    config: PathBuf,
    /// The directory of the store.
    #[arg(long, env = "QUIPU_STORE", value_name = "DIR")]
    store: PathBuf,
    /// The address to listen on; port 0 takes a free one. [default: 127.0.0.1:8080]
    #[arg(long, env = "QUIPU_LISTEN", value_name = "ADDRESS", value_parser = units::address)]
    listen: SocketAddr,
    /// The address to take OTLP over gRPC on, such as 127.0.0.1:4317; not taken when absent.
    #[arg(long, env = "QUIPU_OTLP_GRPC", value_name = "ADDRESS", value_parser = units::address)]
    otlp_grpc: SocketAddr,
    /// Listen where other machines can reach it, although there is no token or no TLS.
    #[arg(long, env = "QUIPU_ALLOW_PUBLIC", num_args = 0..=1, default_missing_value = "true", value_name = "BOOL")]
    allow_public: bool,
    /// The certificate chain in PEM; read again on SIGHUP.
    #[arg(long, env = "QUIPU_TLS_CERT", value_name = "FILE")]
    tls_cert: PathBuf,
    /// The certificate's private key in PEM.
    #[arg(long, env = "QUIPU_TLS_KEY", value_name = "FILE")]
    tls_key: PathBuf,
    /// Memory for writing: what waits for its commit, what waits to be sealed, merges. Queries and mapped files come on
    /// top. [default: 1GiB]
    #[arg(long, env = "QUIPU_MEMORY", value_name = "SIZE")]
    memory: Bytes,
    /// How long a commit waits for others to share its sync, such as 5ms; not at all when absent. What is sent is
    /// acknowledged that much later.
    #[arg(long, env = "QUIPU_FLUSH_INTERVAL", value_name = "SPAN")]
    flush_interval: Span,
    /// So many events end that wait at once. [default: 10000]
    #[arg(long, env = "QUIPU_FLUSH_EVENTS", value_name = "N")]
    flush_events: usize,
    /// Connections at once; more wait. [default: 1024]
    #[arg(long, env = "QUIPU_MAX_CONNECTIONS", value_name = "N", value_parser = units::whole::<usize>)]
    max_connections: usize,
    /// Connections at once from one address; more are closed. [default: 256]
    #[arg(long, env = "QUIPU_MAX_CONNECTIONS_PER_ADDRESS", value_name = "N", value_parser = units::whole::<usize>)]
    max_connections_per_address: usize,
    /// Until the first byte of a connection. [default: 10s]
    #[arg(long, env = "QUIPU_FIRST_BYTE_TIMEOUT", value_name = "SPAN")]
    first_byte_timeout: Span,
    /// Until the end of a request's head, and between requests. [default: 30s]
    #[arg(long, env = "QUIPU_HEAD_TIMEOUT", value_name = "SPAN")]
    head_timeout: Span,
    /// Until the end of a body. [default: 60s]
    #[arg(long, env = "QUIPU_BODY_TIMEOUT", value_name = "SPAN")]
    body_timeout: Span,
    /// Bytes per second that a body must come at. [default: 1KiB]
    #[arg(long, env = "QUIPU_MIN_BODY_RATE", value_name = "SIZE")]
    min_body_rate: Bytes,
    /// Longest body as sent. [default: 16MiB]
    #[arg(long, env = "QUIPU_MAX_BODY", value_name = "SIZE")]
    max_body: Bytes,
    /// Longest body once unpacked. [default: 64MiB]
    #[arg(long, env = "QUIPU_MAX_UNPACKED", value_name = "SIZE")]
    max_unpacked: Bytes,
    /// How many times larger than sent a body of more than 1 MiB may unpack to. [default: 250]
    #[arg(long, env = "QUIPU_MAX_UNPACKED_RATIO", value_name = "N", value_parser = units::whole::<u64>)]
    max_unpacked_ratio: u64,
    /// Requests per second of one token, with bursts of twice as many. [default: no limit]
    #[arg(long, env = "QUIPU_MAX_REQUESTS_PER_SECOND", value_name = "N", value_parser = units::whole::<u32>)]
    max_requests_per_second: u32,
    /// Different values of a label, such as team or feature, in a workspace; further ones are put under `__overflow__`.
    /// [default: 10000]
    #[arg(long, env = "QUIPU_MAX_VALUES", value_name = "N", value_parser = units::whole::<usize>)]
    max_values: usize,
    /// Different values of a key of tags in a workspace; further ones are put under `__overflow__`. [default: 100000]
    #[arg(long, env = "QUIPU_MAX_TAG_VALUES", value_name = "N")]
    max_tag_values: usize,
    /// Different keys of tags in a workspace; tags of further ones are put under the key `__overflow__`. [default: 1000]
    #[arg(long, env = "QUIPU_MAX_TAG_KEYS", value_name = "N")]
    max_tag_keys: usize,
    /// Queries at work at once; more wait. [default: 4]
    #[arg(long, env = "QUIPU_MAX_QUERIES", value_name = "N", value_parser = units::whole::<usize>)]
    max_queries: usize,
    /// How long a query may wait and work. [default: 30s]
    #[arg(long, env = "QUIPU_QUERY_TIMEOUT", value_name = "SPAN")]
    query_timeout: Span,
    /// Origins whose pages may read answers, such as `https://dash.example`; `*` is any.
    #[arg(long, env = "QUIPU_CORS_ORIGINS", value_name = "ORIGIN", value_delimiter = ',', num_args = 1)]
    cors_origins: Vec<String>,
    /// A file of rules, as `quipu check` reads it; alarms go to the webhooks that the rules name.
    #[arg(long, env = "QUIPU_RULES", value_name = "FILE")]
    rules: PathBuf,
    /// How often budgets and rules are looked at. [default: 5m]
    #[arg(long, env = "QUIPU_ALERT_INTERVAL", value_name = "SPAN")]
    alert_interval: Span,
    /// Budgets; in the file only.
    #[arg(skip)]
    budget: Vec<Written>,
    /// Where alerts go; in the file only.
    #[arg(skip)]
    webhook: Vec<Webhook>,
    /// How long requests in flight may take once the server was told to stop. [default: 10s]
    #[arg(long, env = "QUIPU_DRAIN_TIMEOUT", value_name = "SPAN")]
    drain_timeout: Span,
    /// What is logged, to the standard error. [default: info]
    #[arg(long, env = "QUIPU_LOG_LEVEL", value_enum, hide_possible_values = true, value_name = "off|error|warn|info|debug")]
    log_level: LogLevel,
    /// How log lines look. [default: text]
    #[arg(long, env = "QUIPU_LOG_FORMAT", value_enum, hide_possible_values = true, value_name = "text|json")]
    log_format: LogFormat,
}
