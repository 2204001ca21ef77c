//! `quipu token`: who may use a server. Works beside a running one, which takes every change at once.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::ExitCode;

use quipu::io::RealDisk;
use quipu::{Error, Result, Scope, Timestamp, Unit, Value, Zone};

use super::ACTOR;
use super::args::{StoreArgs, server_folder};
use super::output::Output;
use crate::access::{Issued, LastUsed, Permission, Stamp, Token};
use crate::plan::{now, span_micros};
use crate::render::Sheet;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Make a token; its text is shown this once.
    Create(Create),
    /// Show every token there ever was, without their texts.
    List(StoreArgs),
    /// Give a token a new text; the old one stays good for a while.
    Rotate(Rotate),
    /// End a token at once.
    Revoke(Revoke),
}

#[derive(Debug, clap::Args)]
struct Create {
    #[command(flatten)]
    store: StoreArgs,
    /// What people call it.
    #[arg(long)]
    name: String,
    /// What it allows.
    #[arg(long, value_enum, value_delimiter = ',', required = true)]
    scope: Vec<Permission>,
    /// The only tenant it reaches: what it sends belongs to that one, and it sees nothing else.
    #[arg(long)]
    tenant: Option<String>,
    /// The only team it reaches.
    #[arg(long)]
    team: Option<String>,
    /// What events carry that do not say it themselves, such as project=search.
    #[arg(long = "default", value_name = "DIMENSION=VALUE")]
    defaults: Vec<String>,
    /// When it ends: 90d, 24h… from now, 2026-01-31 or RFC 3339.
    #[arg(long, value_name = "TIME")]
    expires: Option<String>,
}

#[derive(Debug, clap::Args)]
struct Rotate {
    #[command(flatten)]
    store: StoreArgs,
    /// The id of the token.
    id: String,
    /// How long the old text stays good, such as 24h; 0s ends it now.
    #[arg(long, default_value = "24h", value_name = "TIME")]
    overlap: String,
}

#[derive(Debug, clap::Args)]
struct Revoke {
    #[command(flatten)]
    store: StoreArgs,
    /// The id of the token.
    id: String,
}

pub(super) fn run(args: &Args, scope: &Scope, output: &Output) -> Result<ExitCode> {
    match &args.command {
        Command::Create(args) => create(args, scope, output),
        Command::List(args) => list(&args.store, output),
        Command::Rotate(args) => rotate(args, output),
        Command::Revoke(args) => revoke(args, output),
    }?;
    Ok(ExitCode::SUCCESS)
}

fn create(args: &Create, scope: &Scope, output: &Output) -> Result<()> {
    let dir = &args.store.store;
    let (now, folder) = (now(), server_folder(dir, true)?);
    let expires = args.expires.as_deref().map(|text| from_now("expires", text, now)).transpose()?;
    if expires.is_some_and(|expires| expires <= now) {
        return Err(Error::invalid("expires lies in the past"));
    }
    let defaults = args.defaults.iter().map(|pair| default(pair)).collect::<Result<BTreeMap<_, _>>>()?;
    let draft = |id, secret| Token {
        id,
        name: args.name.clone(),
        scopes: args.scope.iter().copied().collect::<BTreeSet<_>>(),
        workspace: scope.workspace().to_owned(),
        tenant: args.tenant.clone(),
        team: args.team.clone(),
        defaults,
        created: Stamp(now),
        expires: expires.map(Stamp),
        revoked: None,
        secret,
        previous: None,
    };
    let (token, issued) = folder.change_tokens(|tokens| tokens.create(draft, &RealDisk::new(dir)))?;
    let Token { id, name, workspace, .. } = &token;
    folder.record(ACTOR, "token.create", &format!("{id} {name:?} in {workspace}"), now)?;
    show_once(&token, &issued, output)
}

fn rotate(args: &Rotate, output: &Output) -> Result<()> {
    let dir = &args.store.store;
    let (now, folder) = (now(), server_folder(dir, false)?);
    let overlap = from_now("overlap", &args.overlap, now)?;
    let rotated = folder.change_tokens(|tokens| tokens.rotate(&args.id, overlap, now, &RealDisk::new(dir)));
    let (token, issued) = rotated?;
    folder.record(ACTOR, "token.rotate", &token.id, now)?;
    show_once(&token, &issued, output)
}

fn revoke(args: &Revoke, output: &Output) -> Result<()> {
    let folder = server_folder(&args.store.store, false)?;
    let token = folder.change_tokens(|tokens| tokens.revoke(&args.id, now()))?;
    folder.record(ACTOR, "token.revoke", &token.id, now())?;
    output.sheet(&sheet(&[&token], &LastUsed::default()))
}

fn list(dir: &Path, output: &Output) -> Result<()> {
    let folder = server_folder(dir, false)?;
    let (tokens, used) = (folder.tokens()?, LastUsed::load(&folder)?);
    output.sheet(&sheet(&tokens.iter().collect::<Vec<_>>(), &used))
}

fn show_once(token: &Token, issued: &Issued, output: &Output) -> Result<()> {
    eprintln!("the text of the token is shown this once; keep it where secrets are kept");
    let text = |text: &str| Value::Text(text.into());
    output.sheet(&Sheet::of_pairs([
        ("id", text(&token.id)),
        ("token", text(issued.reveal())),
        ("old_good_until", token.overlaps_until(now()).map_or(Value::Null, Value::Time)),
    ]))
}

fn sheet(tokens: &[&Token], used: &LastUsed) -> Sheet {
    let columns =
        ["id", "name", "scopes", "workspace", "tenant", "team", "defaults"].map(|name| (name, Unit::None, false));
    let times = ["created", "last_used", "expires", "old_good_until", "revoked"].map(|name| (name, Unit::Time, false));
    let mut sheet = Sheet::new(&[&columns[..], &times[..]].concat());
    let text = |text: &str| Value::Text(text.into());
    let maybe = |value: &Option<String>| value.as_deref().map_or(Value::Null, text);
    let time = |at: Option<Timestamp>| at.map_or(Value::Null, Value::Time);
    for token in tokens {
        let scopes: Vec<&str> = token.scopes.iter().map(|scope| scope.name()).collect();
        let defaults: Vec<String> = token.defaults.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let defaults = if defaults.is_empty() { Value::Null } else { text(&defaults.join(", ")) };
        sheet.rows.push(vec![
            text(&token.id),
            text(&token.name),
            text(&scopes.join(", ")),
            text(&token.workspace),
            maybe(&token.tenant),
            maybe(&token.team),
            defaults,
            time(Some(token.created.0)),
            time(used.get(&token.id)),
            time(token.expires.map(|stamp| stamp.0)),
            time(token.overlaps_until(now())),
            time(token.revoked.map(|stamp| stamp.0)),
        ]);
    }
    sheet
}

fn default(pair: &str) -> Result<(String, String)> {
    let (name, value) = pair.split_once('=').ok_or_else(|| {
        Error::invalid(format!("default is {pair:?}; expected DIMENSION=VALUE such as project=search"))
    })?;
    Ok((name.trim().to_owned(), value.trim().to_owned()))
}

/// A span from now on, or a time.
fn from_now(name: &str, text: &str, now: Timestamp) -> Result<Timestamp> {
    if let Some(span) = span_micros(text) {
        return Ok(Timestamp::from_micros(now.micros().saturating_add(span)));
    }
    let time = Zone::default().parse_time(text);
    time.map_err(|error| Error::invalid(format!("{name}: {error}, or 90d, 24h, 15m from now")))
}
