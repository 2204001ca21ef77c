//! `quipu prices import`: a list becomes a new version of the price book.

use std::path::PathBuf;

use quipu::{Result, Value, Zone};

use super::super::args::{StoreArgs, open, read_file};
use crate::import::{Input, Map};
use crate::prices::{self, Format, ReadOptions};
use crate::render::Sheet;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The list; `-` is the standard input.
    file: PathBuf,
    #[command(flatten)]
    store: StoreArgs,
    /// The format: quipu, litellm or genai-prices; found out from the content when absent.
    #[arg(long = "as", value_name = "FORMAT")]
    read_as: Option<String>,
    /// How the columns of a CSV, JSON lines or Parquet file become prices: a map with a [price] section.
    #[arg(long, value_name = "NAME|FILE", conflicts_with = "read_as")]
    map: Option<String>,
    /// From when prices hold that name no start themselves; since ever when absent.
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// Forget what the version before says instead of laying the list over it.
    #[arg(long)]
    replace: bool,
    /// Who adds the prices.
    #[arg(long, value_name = "NAME", env = "USER", default_value = "")]
    who: String,
    /// Why.
    #[arg(long, value_name = "TEXT", default_value = "")]
    note: String,
}

pub(super) fn run(args: &Args) -> Result<Sheet> {
    let options = ReadOptions {
        format: args.read_as.as_deref().map(Format::parse).transpose()?,
        source: args.file.file_name().unwrap_or(args.file.as_os_str()).to_string_lossy().into_owned(),
        from: args.from.as_deref().map(|from| Zone::default().parse_time(from)).transpose()?,
    };
    let (list, report) = match &args.map {
        Some(map) => prices::read_table(&Input::from_arg(args.file.as_os_str()), &Map::load(map)?, &options)?,
        None => prices::read(&read_file(&args.file)?, &options)?,
    };
    let list = list.signed(args.who.as_str(), args.note.as_str())?;
    let store = open(&args.store.store)?;
    let book = if args.replace { list } else { store.snapshot().price_book(None)?.overlaid_by(&list)? };
    let rates = book.rules().len();
    let version = store.add_price_book(book)?;
    let mut sheet = Sheet::of_pairs([
        ("version", Value::Count(version.into())),
        ("models", Value::Count(report.models as u128)),
        ("rates", Value::Count(report.rules as u128)),
        ("rates_in_book", Value::Count(rates as u128)),
    ]);
    sheet.facts.notes = report.to_string().lines().map(String::from).collect();
    Ok(sheet)
}
