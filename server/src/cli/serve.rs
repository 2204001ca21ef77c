//! `quipu serve`: takes events and answers queries over HTTP.

use std::io::Write;
use std::process::ExitCode;

use quipu::store::Options;
use quipu::{Result, Value};

use super::args::open_with;
use super::output::Output;
use crate::config::{Config, Settings};
use crate::http::{self, Listeners};
use crate::render::Sheet;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    settings: Settings,
    /// Say what the settings come to, and whether they are right, and end.
    #[arg(long)]
    check_config: bool,
}

pub(super) fn run(args: &Args, output: &Output) -> Result<ExitCode> {
    let config = Config::new(args.settings.clone().with_file()?)?;
    // Before there is a store: what cannot be served leaves no new one behind.
    http::check(&config)?;
    if args.check_config {
        output.sheet(&sheet(&config))?;
        return Ok(ExitCode::SUCCESS);
    }
    let listeners = Listeners::bind(&config)?;
    http::log_as(&config);
    let options = Options::default().memory_bytes(config.memory);
    let options = options.flush_interval(config.flush_interval).flush_events(config.flush_events);
    let store = open_with(&config.store, options)?;
    let scheme = if config.tls.is_some() { "https" } else { "http" };
    let settings = args.settings.clone();
    let reread = move || Config::new(settings.clone().with_file()?);
    http::serve(store, config, listeners, reread, |address, grpc| {
        // Whoever started this may have closed the pipe; the server serves all the same.
        let mut out = std::io::stdout().lock();
        let _ = writeln!(out, "listening on {scheme}://{address}");
        if let Some(grpc) = grpc {
            let _ = writeln!(out, "OTLP over gRPC on {grpc}");
        }
        let _ = out.flush();
    })?;
    Ok(ExitCode::SUCCESS)
}

fn sheet(config: &Config) -> Sheet {
    let limits = &config.limits;
    let text = |shown: &dyn std::fmt::Display| Value::Text(shown.to_string().into());
    let span = |span: std::time::Duration| Value::Text(format!("{span:?}").into());
    let file = |file: Option<&std::path::PathBuf>| file.map_or(Value::Null, |path| text(&path.display()));
    let tls = config.tls.as_ref();
    Sheet::of_pairs([
        ("store", text(&config.store.display())),
        ("listen", text(&config.listen)),
        ("otlp_grpc", config.otlp_grpc.map_or(Value::Null, |address| text(&address))),
        ("tls_cert", file(tls.map(|tls| &tls.certificate))),
        ("tls_key", file(tls.map(|tls| &tls.key))),
        ("memory", text(&config.memory)),
        ("flush_interval", span(config.flush_interval)),
        ("flush_events", text(&config.flush_events)),
        ("max_connections", text(&limits.connections)),
        ("max_connections_per_address", text(&limits.connections_per_address)),
        ("first_byte_timeout", span(limits.first_byte)),
        ("head_timeout", span(limits.head)),
        ("body_timeout", span(limits.body)),
        ("min_body_rate", text(&limits.body_rate)),
        ("max_body", text(&limits.body_bytes)),
        ("max_unpacked", text(&limits.unpacked_bytes)),
        ("max_unpacked_ratio", text(&limits.unpacked_ratio)),
        ("max_requests_per_second", limits.requests_per_second.map_or(Value::Null, |rate| text(&rate))),
        ("max_values", text(&limits.variety.labels)),
        ("max_tag_values", text(&limits.variety.tag_values)),
        ("max_tag_keys", text(&limits.variety.tag_keys)),
        ("max_queries", text(&limits.queries)),
        ("query_timeout", span(limits.query)),
        ("cors_origins", text(&config.cors_origins.join(", "))),
        ("budgets", text(&config.budgets.len())),
        ("rules", text(&config.rules.len())),
        ("webhooks", text(&config.webhooks.len())),
        ("alert_interval", span(config.alert_interval)),
        ("drain_timeout", span(config.drain)),
        ("log_level", text(&format!("{:?}", config.log_level).to_lowercase())),
        ("log_format", text(&format!("{:?}", config.log_format).to_lowercase())),
    ])
}
