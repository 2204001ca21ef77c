//! `quipu prices`: imports price lists and shows what there is.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Subcommand;
use quipu::{PriceBook, Result, Timestamp, Unit, Value, Zone};

use super::args::{StoreArgs, open, read_file};
use super::output::Output;
use super::target::snapshot;
use crate::import::{Input, Map};
use crate::prices::{self, Format, ReadOptions};
use crate::render::Sheet;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make a new version of the price book from a list; older versions stay.
    Import {
        /// The list; `-` is the standard input.
        file: PathBuf,
        #[command(flatten)]
        store: StoreArgs,
        /// The format: quipu or litellm; found out from the content when absent.
        #[arg(long = "as", value_name = "FORMAT")]
        read_as: Option<String>,
        /// How the columns of a CSV, JSON lines or Parquet file become prices: a map with a [price] section.
        #[arg(long, value_name = "NAME|FILE", conflicts_with = "read_as")]
        map: Option<String>,
        /// From when prices hold that name no start themselves; since ever when absent.
        #[arg(long, value_name = "TIME")]
        from: Option<String>,
    },
    /// Show the versions, or the rates of one.
    List {
        /// The version whose rates to show; `current` is the newest.
        #[arg(value_name = "VERSION")]
        book: Option<String>,
        #[command(flatten)]
        store: StoreArgs,
    },
}

pub(super) fn run(args: &Args, output: &Output) -> Result<ExitCode> {
    match &args.command {
        Command::Import { file, store, read_as, map, from } => {
            let options = ReadOptions {
                format: read_as.as_deref().map(Format::parse).transpose()?,
                source: file.file_name().unwrap_or(file.as_os_str()).to_string_lossy().into_owned(),
                from: from.as_deref().map(|from| Zone::default().parse_time(from)).transpose()?,
            };
            let (book, report) = match map {
                Some(map) => prices::read_table(&Input::from_arg(file.as_os_str()), &Map::load(map)?, &options)?,
                None => prices::read(&read_file(file)?, &options)?,
            };
            let version = open(&store.store)?.add_price_book(book)?;
            let mut sheet = Sheet::of_pairs([
                ("version", Value::Count(version.into())),
                ("models", Value::Count(report.models as u128)),
                ("rates", Value::Count(report.rules as u128)),
            ]);
            sheet.facts.notes = report.to_string().lines().map(String::from).collect();
            output.sheet(&sheet)?;
        }
        Command::List { book, store } => {
            let snapshot = snapshot(&store.store)?;
            let sheet = match book.as_deref() {
                None => versions(snapshot.price_books().iter().map(AsRef::as_ref)),
                Some("current") => rates(&*snapshot.price_book(None)?),
                Some(version) => {
                    let wrong = |_| quipu::Error::invalid(format!("{version:?} is not the number of a version"));
                    rates(&*snapshot.price_book(Some(version.parse().map_err(wrong)?))?)
                }
            };
            output.sheet(&sheet)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn versions<'a>(books: impl Iterator<Item = &'a PriceBook>) -> Sheet {
    let mut sheet = Sheet::new(&[
        ("version", Unit::None, true),
        ("known_since", Unit::Time, false),
        ("rates", Unit::Values, false),
        ("source", Unit::None, false),
    ]);
    let row = |book: &PriceBook| {
        vec![
            Value::Count(book.version.into()),
            Value::Time(book.known_at),
            Value::Count(book.rules().len() as u128),
            Value::Text(book.source.as_str().into()),
        ]
    };
    sheet.rows = books.map(row).collect();
    sheet
}

fn rates(book: &PriceBook) -> Sheet {
    let mut sheet = Sheet::new(&[
        ("model", Unit::None, true),
        ("provider", Unit::None, false),
        ("region", Unit::None, false),
        ("service_tier", Unit::None, false),
        ("above_input_tokens", Unit::Tokens, false),
        ("of", Unit::None, false),
        ("usd", Unit::Usd, false),
        ("per", Unit::None, false),
        ("from", Unit::Time, false),
        ("until", Unit::Time, false),
    ]);
    let text = |text: Option<&str>| text.map_or(Value::Null, |text| Value::Text(text.into()));
    let time = |at: Option<Timestamp>| at.map_or(Value::Null, Value::Time);
    let row = |rate: prices::Row<'_>| {
        vec![
            text(Some(&rate.model)),
            text(rate.provider),
            text(rate.region),
            text(rate.tier),
            rate.above.map_or(Value::Null, |above| Value::Count(above.into())),
            text(Some(rate.of)),
            Value::Money(rate.usd),
            text(Some(rate.per)),
            time(rate.from),
            time(rate.until),
        ]
    };
    sheet.rows = prices::rows(book).map(row).collect();
    sheet.facts.price_book_version = Some(book.version);
    sheet
}
