//! `quipu serve`: takes events and answers queries over HTTP.

use std::io::Write;
use std::net::SocketAddr;
use std::process::ExitCode;

use quipu::{Error, Result};

use super::args::{StoreArgs, open};
use crate::access::Folder;
use crate::http;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    store: StoreArgs,
    /// The address to listen on; port 0 takes a free one.
    #[arg(long, env = "QUIPU_LISTEN", default_value = "127.0.0.1:8080", value_name = "ADDRESS")]
    listen: SocketAddr,
    /// Listen where other machines can reach it, although nobody is asked who they are.
    #[arg(long)]
    allow_public: bool,
}

pub(super) fn run(args: &Args) -> Result<ExitCode> {
    let reachable = !args.listen.ip().is_loopback() && !args.allow_public;
    if reachable && Folder::of_store(&args.store.store).tokens()?.is_empty() {
        return Err(Error::invalid(format!(
            "{} can be reached from other machines and the store has no token, so whoever connects can read and \
             write everything; make one with `quipu token create`, listen on 127.0.0.1, or say --allow-public behind \
             something that guards it",
            args.listen
        )));
    }
    let store = open(&args.store.store)?;
    http::serve(store, &args.store.store, args.listen, |address| {
        // Whoever started this may have closed the pipe; the server serves all the same.
        let mut out = std::io::stdout().lock();
        let _ = writeln!(out, "listening on http://{address}").and_then(|()| out.flush());
    })?;
    Ok(ExitCode::SUCCESS)
}
