//! From a map file's text to a plan, with errors that name the line.

use quipu::{Dimension, Error, Meter, Number, Result, Text};
use toml::{Spanned, Value};

use super::super::Format;
use super::super::rows::listed;
use super::detail::{self, Detail};
use super::plan::{Column, Join, Latest, NumberValue, OutcomePlan, Plan, PriceValue};
use super::spec::{Section, Spec};
use super::value::{Clock, Form, Money, Operand, Piece, Sum, Term, TextValue};
use crate::toml_text;
use crate::wire::shown;

/// Columns of a joined file are named with this in front.
const JOINED: &str = "join.";

/// Numbers the columns as they are asked for.
#[derive(Default)]
pub(super) struct Columns {
    main: Vec<String>,
    joined: Option<Vec<String>>,
}

impl Columns {
    pub(super) fn number(&mut self, name: &str) -> Result<Column, String> {
        if name.is_empty() {
            return Err("names a column with an empty name".into());
        }
        match name.strip_prefix(JOINED) {
            None => Ok(Column::Main(number_in(&mut self.main, name))),
            Some(column) => match &mut self.joined {
                Some(joined) => Ok(Column::Joined(number_in(joined, column))),
                None => Err(format!("names {name:?}, a column of a joined file, but there is no [join]")),
            },
        }
    }
}

fn number_in(columns: &mut Vec<String>, name: &str) -> usize {
    columns.iter().position(|column| column == name).unwrap_or_else(|| {
        columns.push(name.to_owned());
        columns.len() - 1
    })
}

/// Compiles a map's text.
pub(super) fn compile(name: &str, text: &str) -> Result<(Format, Plan)> {
    let spec: Spec = toml_text::read(text).map_err(|error| error.context(format_args!("map {name}")))?;
    let mut compiler = Compiler { name, text, columns: Columns::default(), plan: Plan::empty() };
    let format = compiler.format(&spec.format)?;
    let failed = |problem: String| Error::invalid(format!("map {name}: {problem}"));
    if let Some(join) = &spec.join {
        compiler.columns.joined = Some(Vec::new());
        let key = join.on.iter().map(|column| compiler.columns.number(column)).collect::<Result<Vec<_>, _>>();
        let key = key.map_err(|problem| failed(format!("[join] {problem}")))?;
        if key.is_empty() {
            return Err(failed("[join] on is empty; it names the columns that both files share".into()));
        }
        let (file, on) = (join.file.clone(), join.on.clone());
        compiler.plan.join = Some(Join { file, key, on, columns: Vec::new() });
    }
    if let Some(latest) = &spec.latest {
        let key = latest.key.iter().map(|column| compiler.columns.number(column)).collect::<Result<Vec<_>, _>>();
        let by = compiler.columns.number(&latest.by);
        let (key, by) = key.and_then(|key| by.map(|by| (key, by))).map_err(|p| failed(format!("[latest] {p}")))?;
        let joined = |column: &Column| matches!(column, Column::Joined(_));
        if key.is_empty() || key.iter().chain([&by]).any(joined) {
            return Err(failed("[latest] needs a key and by, both made of columns of the file itself".into()));
        }
        compiler.plan.latest = Some(Latest { key, by });
    }
    compiler.section("where", &spec.filter, Compiler::filter)?;
    compiler.section("constants", &spec.constants, Compiler::constant)?;
    compiler.section("fields", &spec.fields, Compiler::field)?;
    compiler.section("usage", &spec.usage, Compiler::meter)?;
    compiler.section("tags", &spec.tags, Compiler::tag)?;
    if let Some(section) = &spec.outcome {
        compiler.outcome(section)?;
    }
    if let Some(section) = &spec.price {
        compiler.plan.price = Some(Vec::new());
        compiler.section("price", section, Compiler::price)?;
    }
    if compiler.plan.revision.is_some() && (compiler.plan.id.is_none() || compiler.plan.at.is_none()) {
        return Err(failed("[fields] revision needs an id, the same for every revision, and the time at".into()));
    }
    compiler.plan.events = spec.events.unwrap_or(true);
    if !compiler.plan.events && compiler.plan.outcome.is_none() {
        return Err(failed("events = false leaves nothing to import, as there is no [outcome]".into()));
    }
    Ok((format, compiler.finish()))
}

struct Compiler<'a> {
    name: &'a str,
    text: &'a str,
    columns: Columns,
    plan: Plan,
}

impl Compiler<'_> {
    fn error(&self, offset: usize, problem: impl std::fmt::Display) -> Error {
        let line = 1 + self.text.bytes().take(offset).filter(|byte| *byte == b'\n').count();
        Error::invalid(format!("map {}: line {line}: {problem}", self.name))
    }

    fn format(&self, name: &Spanned<String>) -> Result<Format> {
        match name.get_ref().parse() {
            Ok(format @ (Format::Csv | Format::Jsonl | Format::Parquet)) => Ok(format),
            _ => Err(self.error(
                name.span().start,
                format_args!("format is {:?}; allowed are csv, jsonl and parquet", name.get_ref()),
            )),
        }
    }

    fn section(
        &mut self,
        section: &str,
        entries: &Section,
        compile: impl Fn(&mut Self, &str, &Value) -> Result<(), String>,
    ) -> Result<()> {
        for (key, value) in entries {
            compile(self, key, value.get_ref())
                .map_err(|problem| self.error(value.span().start, format_args!("[{section}] {key} {problem}")))?;
        }
        Ok(())
    }

    fn filter(&mut self, column: &str, value: &Value) -> Result<(), String> {
        let texts = match value {
            Value::Array(values) => values.iter().map(detail::constant).collect::<Result<_, _>>()?,
            value => vec![detail::constant(value)?],
        };
        let column = self.columns.number(column)?;
        self.plan.filter.push((column, texts));
        Ok(())
    }

    fn constant(&mut self, field: &str, value: &Value) -> Result<(), String> {
        let form = Form::Constant(detail::constant(value)?);
        match target(field)? {
            Target::Dimension(dimension) => {
                self.plan.dimensions.push((dimension, TextValue { form, replace: Vec::new() }));
            }
            Target::Number(number) if number.limit() == 1 => self.plan.numbers.push((number, NumberValue::Flag(form))),
            Target::Id | Target::At | Target::Number(_) => {
                return Err("cannot be the same in every row; it belongs into [fields]".into());
            }
        }
        Ok(())
    }

    fn field(&mut self, field: &str, value: &Value) -> Result<(), String> {
        if field == "revision" {
            self.plan.revision = Some(detail::sum(value, &mut self.columns)?);
            return Ok(());
        }
        let detail = Detail::parse(value, &mut self.columns)?;
        match target(field)? {
            Target::Id => {
                let form = detail.plain()?;
                self.plan.id_derived = is_place(&form);
                self.plan.id = Some(form);
            }
            Target::At => self.plan.at = Some(detail.time()?),
            Target::Dimension(dimension) => {
                if self.plan.dimensions.iter().any(|(other, _)| *other == dimension) {
                    return Err("is given twice, here and under another name or in [constants]".into());
                }
                self.plan.dimensions.push((dimension, detail.text()?));
            }
            Target::Number(number) => {
                let value = match number {
                    Number::DurationMs | Number::TtftMs => {
                        let (form, unit) = detail.duration()?;
                        NumberValue::Millis(form, unit)
                    }
                    Number::ReportedCost => {
                        let (form, money) = detail.money()?;
                        NumberValue::Money(form, money)
                    }
                    _ if number.limit() == 1 => NumberValue::Flag(detail.plain()?),
                    _ => NumberValue::Count(detail.plain()?),
                };
                self.plan.numbers.push((number, value));
            }
        }
        Ok(())
    }

    fn meter(&mut self, meter: &str, value: &Value) -> Result<(), String> {
        let sum = detail::sum(value, &mut self.columns)?;
        if meter == "total_tokens" {
            self.plan.total = Some(sum);
            return Ok(());
        }
        if let Some(problem) = crate::wire::native::overlapping_meter(meter) {
            return Err(problem.into_owned());
        }
        self.plan.usage.push((Meter::parse(meter)?, sum));
        Ok(())
    }

    fn tag(&mut self, key: &str, value: &Value) -> Result<(), String> {
        let detail = Detail::parse(value, &mut self.columns)?;
        if key == "*" {
            self.plan.all_tags.push(detail.plain()?);
        } else {
            self.plan.tags.push((key.into(), detail.text()?));
        }
        Ok(())
    }

    /// Which fields there are is known where the entries of price lists are read.
    fn price(&mut self, field: &str, value: &Value) -> Result<(), String> {
        let detail = Detail::parse(value, &mut self.columns)?;
        let value = match field {
            "from" | "until" => {
                let (form, clock) = detail.time()?;
                PriceValue { form, clock: Some(clock) }
            }
            _ => PriceValue { form: detail.plain()?, clock: None },
        };
        self.plan.price.get_or_insert_default().push((field.to_owned(), value));
        Ok(())
    }

    fn outcome(&mut self, section: &Section) -> Result<()> {
        let mut plan = OutcomePlan {
            require: None,
            job_id: None,
            status: TextValue { form: Form::Constant(Text::default()), replace: Vec::new() },
            kind: None,
            value: None,
            at: None,
            metadata: None,
        };
        for (key, value) in section {
            let set = Detail::parse(value.get_ref(), &mut self.columns).and_then(|detail| {
                match key.as_str() {
                    "require" => match detail.plain()? {
                        Form::Column(column) => plan.require = Some(column),
                        _ => return Err("is not the name of a column".into()),
                    },
                    "job_id" => plan.job_id = Some(detail.text()?),
                    "status" => plan.status = detail.text()?,
                    "type" => plan.kind = Some(detail.text()?),
                    "value" => plan.value = Some(detail.money()?),
                    "at" => plan.at = Some(detail.time()?),
                    "metadata" => plan.metadata = Some(detail.plain()?),
                    _ => {
                        return Err(
                            "is unknown; allowed are require, job_id, status, type, value, at and metadata".into()
                        );
                    }
                }
                Ok(())
            });
            set.map_err(|problem| self.error(value.span().start, format_args!("[outcome] {key} {problem}")))?;
        }
        if !section.contains_key("status") {
            return Err(Error::invalid(format!("map {}: [outcome] has no status", self.name)));
        }
        self.plan.outcome = Some(plan);
        Ok(())
    }

    fn finish(self) -> Plan {
        let mut plan = self.plan;
        plan.columns = self.columns.main;
        if let (Some(join), Some(columns)) = (&mut plan.join, self.columns.joined) {
            join.columns = columns;
        }
        plan.sort();
        plan
    }
}

impl Plan {
    /// A plan that takes nothing.
    fn empty() -> Self {
        Self {
            columns: Vec::new(),
            filter: Vec::new(),
            latest: None,
            join: None,
            id: None,
            revision: None,
            id_derived: true,
            at: None,
            dimensions: Vec::new(),
            numbers: Vec::new(),
            usage: Vec::new(),
            total: None,
            tags: Vec::new(),
            all_tags: Vec::new(),
            outcome: None,
            events: true,
            price: None,
        }
    }

    /// Events are filled fastest in the order of their keys.
    fn sort(&mut self) {
        self.dimensions.sort_by_key(|(dimension, _)| *dimension);
        self.numbers.sort_by_key(|(number, _)| *number);
        self.usage.sort_by(|(a, _), (b, _)| a.cmp(b));
        self.tags.sort_by(|(a, _), (b, _)| a.cmp(b));
    }

    /// The plan for columns that are named like native fields; columns of other names become tags.
    pub(in crate::import) fn native(header: &[String]) -> Result<Self> {
        let mut plan = Self::empty();
        plan.columns = header.to_vec();
        for (at, column) in header.iter().enumerate() {
            let form = Form::Column(Column::Main(at));
            let text = |form| TextValue { form, replace: Vec::new() };
            let invalid = |problem: String| Error::invalid(format!("column {}: {problem}", shown(column)));
            if let Some(tag) = column.strip_prefix("tags.") {
                plan.tags.push((tag.into(), text(form)));
                continue;
            }
            if let Some(meter) = column.strip_prefix("usage.") {
                if let Some(problem) = crate::wire::native::overlapping_meter(meter) {
                    return Err(invalid(problem.into_owned()));
                }
                let operand = Operand::Column(Column::Main(at), column.into());
                let sum = Sum(vec![Term { subtract: false, operand }]);
                plan.usage.push((Meter::parse(meter).map_err(invalid)?, sum));
                continue;
            }
            match target(column) {
                Ok(Target::Id) => (plan.id, plan.id_derived) = (Some(form), false),
                Ok(Target::At) => plan.at = Some((form, Clock::Native)),
                Ok(Target::Dimension(dimension)) => plan.dimensions.push((dimension, text(form))),
                Ok(Target::Number(Number::ReportedCost)) => {
                    let money = NumberValue::Money(form, Money::USD);
                    plan.numbers.push((Number::ReportedCost, money));
                }
                Ok(Target::Number(number)) if number.limit() == 1 => {
                    plan.numbers.push((number, NumberValue::Flag(form)));
                }
                Ok(Target::Number(number)) => plan.numbers.push((number, NumberValue::Count(form))),
                Err(_) => plan.tags.push((column.into(), text(form))),
            }
        }
        // A file of other columns would become events of nothing but tags, dated now.
        if plan.dimensions.is_empty() && plan.numbers.is_empty() && plan.usage.is_empty() {
            let lacks = match plan.id.is_some() || plan.at.is_some() {
                true => {
                    "say nothing of what an event was or used: none is named model, tenant, usage.input or the like"
                }
                false => "include none that is named like a field of an event (model, tenant, usage.input…)",
            };
            let columns = listed(header);
            return Err(Error::invalid(format!(
                "the columns ({columns}) {lacks}; say with --map which column is what"
            )));
        }
        plan.sort();
        Ok(plan)
    }
}

enum Target {
    Id,
    At,
    Dimension(Dimension),
    Number(Number),
}

fn target(field: &str) -> Result<Target, String> {
    match field {
        "id" => return Ok(Target::Id),
        "at" => return Ok(Target::At),
        _ => {}
    }
    if let Some(dimension) = Dimension::parse(field) {
        return Ok(Target::Dimension(dimension));
    }
    Number::from_name(field).map(Target::Number).ok_or_else(|| {
        let names = Dimension::ALL.iter().map(|d| d.name()).chain(Number::ALL.iter().map(|n| n.name()));
        let names = names.collect::<Vec<_>>().join(", ");
        format!(
            "is not a field; meters belong into [usage], free pairs into [tags], and the fields are id, revision, at, {names}"
        )
    })
}

/// Whether an id is made of the row's number, which is its place and not its identity.
fn is_place(form: &Form) -> bool {
    matches!(form, Form::Template(pieces) if pieces.iter().any(|piece| matches!(piece, Piece::Row)))
}
