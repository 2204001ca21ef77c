//! The settings of a server: one list of them, one rule of precedence.
//!
//! A flag wins over its environment variable, that over the configuration file, that over the
//! default. All three have the same names: `--max-connections`, `QUIPU_MAX_CONNECTIONS`,
//! `max_connections = 512`.

mod file;
mod settings;
#[cfg(test)]
mod tests;
mod units;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use quipu::{Error, Result};

use crate::access::Folder;
use crate::budget::Budget;
use crate::notice::Webhook;
use crate::plan::now;
use crate::rules::{self, Watched};

pub use settings::{LogFormat, LogLevel, Settings};
pub use units::{Bytes, Span, whole};

/// Below this, heads would be sealed every few requests.
const LEAST_MEMORY: usize = 64 << 20;

/// Above this, clients would give up on answers that are on their way.
const LONGEST_FLUSH: Duration = Duration::from_secs(10);

/// Settings that were checked, complete with defaults.
#[derive(Clone, Debug)]
pub struct Config {
    /// The directory of the store.
    pub store: PathBuf,
    /// The address to listen on.
    pub listen: SocketAddr,
    /// The address to take OTLP over gRPC on.
    pub otlp_grpc: Option<SocketAddr>,
    /// The certificate chain and its key, both PEM; plain HTTP without.
    pub tls: Option<TlsFiles>,
    /// Bytes of memory for writing.
    pub memory: usize,
    /// How long a commit waits for others to share its sync.
    pub flush_interval: Duration,
    /// So many events end that wait.
    pub flush_events: usize,
    /// What connections and requests may take.
    pub limits: Limits,
    /// The origins whose pages may read answers; `*` is any.
    pub cors_origins: Vec<String>,
    /// What groups may spend.
    pub budgets: Vec<Budget>,
    /// What must not run away.
    pub rules: Vec<Watched>,
    /// Where alerts go.
    pub webhooks: Vec<Webhook>,
    /// How often budgets and rules are looked at.
    pub alert_interval: Duration,
    /// How long requests in flight may take once the server was told to stop.
    pub drain: Duration,
    /// What is logged.
    pub log_level: LogLevel,
    /// How it is logged.
    pub log_format: LogFormat,
}

/// The files of a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate and those that vouch for it, in PEM.
    pub certificate: PathBuf,
    /// Its private key, in PEM.
    pub key: PathBuf,
}

/// What connections and requests may take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections at once.
    pub connections: usize,
    /// Connections at once from one address.
    pub connections_per_address: usize,
    /// Until the first byte of a connection, and the end of the handshake where there is one.
    pub first_byte: Duration,
    /// Until the end of a request's head, and between two requests.
    pub head: Duration,
    /// Until the end of a body.
    pub body: Duration,
    /// Bytes per second that a body must come at, on the average after its first seconds.
    pub body_rate: u64,
    /// Bytes of a body as sent.
    pub body_bytes: u64,
    /// Bytes of a body once unpacked.
    pub unpacked_bytes: u64,
    /// How many times larger than sent a body may unpack to.
    pub unpacked_ratio: u64,
    /// Requests per second of one token; unlimited where absent.
    pub requests_per_second: Option<u32>,
    /// Different values of pivots.
    pub variety: Variety,
    /// Queries at work at once.
    pub queries: usize,
    /// How long a query may wait and work.
    pub query: Duration,
}

/// How many different values pivots may have in a workspace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Variety {
    /// Of each label.
    pub labels: usize,
    /// Of each key of tags.
    pub tag_values: usize,
    /// Keys of tags.
    pub tag_keys: usize,
}

impl Config {
    /// These settings as far as a server that runs with others can take them, and the names of those for which it has
    /// to be started again.
    pub fn taken_by(self, running: &Self) -> (Self, Vec<&'static str>) {
        let kept = Limits {
            connections: running.limits.connections,
            connections_per_address: running.limits.connections_per_address,
            queries: running.limits.queries,
            ..self.limits.clone()
        };
        let differ = [
            ("store", self.store != running.store),
            ("listen", self.listen != running.listen),
            ("otlp_grpc", self.otlp_grpc != running.otlp_grpc),
            ("tls_cert and tls_key", self.tls.is_some() != running.tls.is_some()),
            ("memory", self.memory != running.memory),
            ("flush_interval", self.flush_interval != running.flush_interval),
            ("flush_events", self.flush_events != running.flush_events),
            ("max_connections", self.limits.connections != kept.connections),
            ("max_connections_per_address", self.limits.connections_per_address != kept.connections_per_address),
            ("max_queries", self.limits.queries != kept.queries),
            ("log_level", self.log_level != running.log_level),
            ("log_format", self.log_format != running.log_format),
        ];
        let names = differ.into_iter().filter_map(|(name, differs)| differs.then_some(name)).collect();
        let (store, listen, otlp_grpc) = (running.store.clone(), running.listen, running.otlp_grpc);
        let (log_level, log_format) = (running.log_level, running.log_format);
        (Self { store, listen, otlp_grpc, limits: kept, log_level, log_format, ..self }, names)
    }

    /// Checks settings and fills in what they leave open.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](quipu::ErrorKind::Invalid), naming the setting and what to do.
    pub fn new(settings: Settings) -> Result<Self> {
        let tls = match (settings.tls_cert, settings.tls_key) {
            (Some(certificate), Some(key)) => Some(TlsFiles { certificate, key }),
            (None, None) => None,
            _ => return Err(Error::invalid("tls_cert and tls_key belong together; name both or neither")),
        };
        let span = |span: Option<Span>, default: u64| span.map_or(Duration::from_secs(default), Duration::from);
        let bytes = |bytes: Option<Bytes>, default: u64| bytes.map_or(default, u64::from);
        let limits = Limits {
            connections: settings.max_connections.unwrap_or(1024),
            connections_per_address: settings.max_connections_per_address.unwrap_or(256),
            first_byte: span(settings.first_byte_timeout, 10),
            head: span(settings.head_timeout, 30),
            body: span(settings.body_timeout, 60),
            body_rate: bytes(settings.min_body_rate, 1024),
            body_bytes: bytes(settings.max_body, 16 << 20),
            unpacked_bytes: bytes(settings.max_unpacked, 64 << 20),
            unpacked_ratio: settings.max_unpacked_ratio.unwrap_or(250),
            requests_per_second: settings.max_requests_per_second,
            variety: Variety {
                labels: settings.max_values.unwrap_or(10_000),
                tag_values: settings.max_tag_values.unwrap_or(100_000),
                tag_keys: settings.max_tag_keys.unwrap_or(1_000),
            },
            queries: settings.max_queries.unwrap_or(4),
            query: span(settings.query_timeout, 30),
        };
        limits.check()?;
        let memory = usize::try_from(bytes(settings.memory, 1 << 30)).unwrap_or(usize::MAX);
        if memory < LEAST_MEMORY {
            return Err(Error::invalid(format!("memory is {memory} bytes; allowed are 64MiB and more")));
        }
        let flush_interval = settings.flush_interval.map_or(Duration::ZERO, Duration::from);
        if flush_interval > LONGEST_FLUSH {
            return Err(Error::invalid(format!(
                "flush_interval is {flush_interval:?}; allowed are {LONGEST_FLUSH:?} and less"
            )));
        }
        let webhooks = settings.webhook.unwrap_or_default();
        let budgets = settings.budget.unwrap_or_default().into_iter();
        let budgets: Vec<_> = budgets.map(|budget| Budget::new(budget, &webhooks, now())).collect::<Result<_>>()?;
        let rules = settings.rules.as_deref().map_or_else(|| Ok(Vec::new()), |path| read_rules(path, &webhooks))?;
        Self {
            store: settings.store.ok_or_else(|| Error::invalid("name the directory of the store with --store"))?,
            otlp_grpc: settings.otlp_grpc,
            listen: settings.listen.unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 8080))),
            tls,
            memory,
            flush_interval,
            flush_events: settings.flush_events.unwrap_or(10_000),
            limits,
            cors_origins: settings.cors_origins.unwrap_or_default(),
            budgets,
            rules,
            webhooks,
            alert_interval: span(settings.alert_interval, 300),
            drain: span(settings.drain_timeout, 10),
            log_level: settings.log_level.unwrap_or_default(),
            log_format: settings.log_format.unwrap_or_default(),
        }
        .guarded(settings.allow_public.unwrap_or(false))
    }

    /// Itself, unless it would let strangers in.
    fn guarded(self, allow_public: bool) -> Result<Self> {
        if self.store.is_file() {
            quipu::store::require(&self.store)?;
        }
        let token = !Folder::of_store(&self.store).tokens()?.is_empty();
        let lacks = match (token, self.tls.is_some()) {
            (false, _) => {
                "the store has no token, so whoever connects can read and write everything; make one with \
                           `quipu token create`"
            }
            (true, false) => {
                "there is no TLS, so tokens and data can be read on the way; name a certificate with \
                              --tls-cert and --tls-key"
            }
            (true, true) => return Ok(self),
        };
        let addresses = [Some(self.listen), self.otlp_grpc];
        let reachable = addresses.into_iter().flatten().find(|address| !address.ip().is_loopback());
        let Some(reachable) = reachable.filter(|_| !allow_public) else { return Ok(self) };
        Err(Error::invalid(format!(
            "{reachable} can be reached from other machines and {lacks}, listen on 127.0.0.1, or say --allow-public \
             behind something that guards it"
        )))
    }
}

fn read_rules(path: &Path, webhooks: &[Webhook]) -> Result<Vec<Watched>> {
    let shown = path.display();
    let text = std::fs::read_to_string(path).map_err(|error| Error::io("read", &shown.to_string(), error))?;
    let rules = rules::texts(&text).and_then(|texts| texts.into_iter().map(|it| Watched::new(it, webhooks)).collect());
    rules.map_err(|error| error.context(shown))
}

impl Limits {
    fn check(&self) -> Result<()> {
        let counts = [
            ("max_connections", self.connections as u64),
            ("max_connections_per_address", self.connections_per_address as u64),
            ("max_body", self.body_bytes),
            ("max_unpacked", self.unpacked_bytes),
            ("max_unpacked_ratio", self.unpacked_ratio),
            ("max_requests_per_second", self.requests_per_second.map_or(1, u64::from)),
            ("max_values", self.variety.labels as u64),
            ("max_tag_values", self.variety.tag_values as u64),
            ("max_tag_keys", self.variety.tag_keys as u64),
            ("max_queries", self.queries as u64),
        ];
        match counts.into_iter().find(|(_, count)| *count == 0) {
            Some((name, _)) => {
                Err(Error::invalid(format!("{name} is 0, which lets nothing through; allowed are 1 and more")))
            }
            None => Ok(()),
        }
    }
}
