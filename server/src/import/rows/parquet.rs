//! Parquet, row group by row group; members of groups have dotted names.

use std::collections::HashMap;
use std::fmt::Write;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use parquet::basic::{LogicalType, TimeUnit, Type as PhysicalType};
use parquet::errors::ParquetError;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::reader::RowIter;
use parquet::record::{Field, Row};
use parquet::schema::types::{ColumnDescriptor, Type};
use quipu::{Error, Result, Text, Timestamp};

use super::super::identity::Identity;
use super::super::input::Input;
use super::paths::{Cells, Node};
use super::{RowFault, Rows, find_columns};
use crate::wire::{Ignored, Place};

pub(in crate::import) struct ParquetRows {
    name: String,
    reader: Option<SerializedFileReader<File>>,
    rows: Option<RowIter<'static>>,
    header: Vec<String>,
    unbound: Vec<String>,
    root: Node,
    /// How the values of each bound column read.
    forms: Vec<ValueForm>,
    cells: Cells,
    number: u64,
    used: u64,
    /// The file itself, and the hash of its bytes once ids are made of it.
    file: File,
    hash: [u8; 32],
}

impl ParquetRows {
    pub(in crate::import) fn open(input: &Input) -> Result<Self> {
        let name = input.name();
        let file = input.open_seekable()?;
        let bytes = file.try_clone().map_err(|error| Error::io("read", &name, error))?;
        let reader = guarded(|| SerializedFileReader::new(bytes)).map_err(|error| {
            let problem = unreadable(&file, &error);
            Error::invalid(format!("{name}: not a readable Parquet file: {problem}"))
        })?;
        let schema = reader.metadata().file_metadata().schema_descr();
        // Lists and maps have inner columns of their own; they are named as a whole.
        let mut header: Vec<String> = Vec::new();
        for column in schema.columns() {
            let parts = column.path().parts();
            let path = if column.max_rep_level() > 0 { parts[0].clone() } else { parts.join(".") };
            if header.last() != Some(&path) {
                header.push(path);
            }
        }
        Ok(Self {
            name,
            reader: Some(reader),
            rows: None,
            header,
            unbound: Vec::new(),
            root: Node::default(),
            forms: Vec::new(),
            cells: Cells::default(),
            number: 0,
            used: 0,
            file,
            hash: [0; 32],
        })
    }
}

impl Rows for ParquetRows {
    fn header(&self) -> Option<&[String]> {
        Some(&self.header)
    }

    fn bind(&mut self, columns: &[String]) -> Result<()> {
        let bound = find_columns(&self.header, columns)?;
        let is_bound = |at: &usize| bound.contains(at);
        self.unbound = (0..self.header.len()).filter(|at| !is_bound(at)).map(|at| self.header[at].clone()).collect();
        self.root = Node::new(columns);
        self.cells.bind(columns.len());
        let Some(reader) = self.reader.take() else { return Ok(()) };
        let invalid = |error: ParquetError| Error::invalid(format!("not a readable Parquet file: {}", said(&error)));
        let described = reader.metadata().file_metadata().schema_descr().columns().iter();
        let forms: HashMap<String, ValueForm> = described.map(|c| (c.path().string(), ValueForm::of(c))).collect();
        self.forms = columns.iter().map(|column| forms.get(column).copied().unwrap_or_default()).collect();
        // Only what is asked for is read from the file.
        let schema = reader.metadata().file_metadata().schema();
        let wanted = schema.get_fields().iter().filter(|field| self.root.child(field.name()).is_some());
        let wanted: Vec<Arc<Type>> = wanted.map(Arc::clone).collect();
        let wanted = Type::group_type_builder(schema.name()).with_fields(wanted).build().map_err(invalid)?;
        let rows = guarded(|| RowIter::from_file_into(Box::new(reader)).project(Some(wanted)));
        self.rows = Some(rows.map_err(invalid)?);
        Ok(())
    }

    fn advance(&mut self) -> Result<bool, RowFault> {
        let next = guarded(|| self.rows.as_mut().and_then(Iterator::next).transpose());
        let row = match next {
            Ok(None) => return Ok(false),
            Ok(Some(row)) => row,
            Err(error) => {
                self.rows = None;
                let (name, problem) = (&self.name, said(&error));
                let taken = match self.number {
                    0 => "; nothing of it was imported".to_owned(),
                    rows => format!(" after row {rows}; what came before was imported"),
                };
                return Err(RowFault::File(Error::invalid(format!("{name}: {problem}{taken}"))));
            }
        };
        self.number += 1;
        self.cells.clear();
        walk(&self.root, &self.forms, &row, &mut self.cells).map(|()| true).map_err(RowFault::Row)
    }

    fn place(&self) -> Place {
        Place::Row(self.number)
    }

    /// The columns that nobody asks for are not read, so ids are made of the file as a whole and the row's number.
    fn identify(&mut self) -> Result<()> {
        let mut hasher = blake3::Hasher::new();
        let hashed = self.file.rewind().and_then(|()| hasher.update_reader(&mut self.file).map(drop));
        hashed.map_err(|error| Error::io("read", &self.name, error))?;
        self.hash = hasher.finalize().into();
        Ok(())
    }

    fn id(&self, identity: &mut Identity) -> Text {
        identity.of([&self.hash[..], &self.number.to_le_bytes()])
    }

    fn cell(&self, column: usize) -> Option<&str> {
        self.cells.get(column)
    }

    fn used(&mut self) {
        self.used += 1;
    }

    fn ignored(&self) -> Ignored {
        let mut ignored = Ignored::default();
        for column in self.unbound.iter().filter(|_| self.used > 0) {
            ignored.add(column, self.used);
        }
        ignored
    }
}

/// The Parquet library asserts what damaged files break; here such a panic is an error like any other.
/// What it was working on is given up, so that no half-changed state is seen.
fn guarded<T>(read: impl FnOnce() -> parquet::errors::Result<T>) -> parquet::errors::Result<T> {
    catch_unwind(AssertUnwindSafe(read)).unwrap_or_else(|panic| {
        let reason = panic.downcast_ref::<String>().map(String::as_str);
        let reason = reason.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("the file contradicts itself");
        Err(ParquetError::General(reason.to_owned()))
    })
}

/// Why a file cannot be opened as Parquet.
fn unreadable(mut file: &File, error: &ParquetError) -> String {
    const MAGIC: [u8; 4] = *b"PAR1";
    const ENCRYPTED_MAGIC: [u8; 4] = *b"PARE";
    let (mut start, mut end) = ([0; 4], [0; 4]);
    let begins = file.rewind().and_then(|()| file.read_exact(&mut start)).is_ok() && start == MAGIC;
    let ends = file.seek(SeekFrom::End(-4)).and_then(|_| file.read_exact(&mut end)).is_ok() && end == MAGIC;
    match (file.metadata().is_ok_and(|file| file.len() == 0), begins, ends) {
        (true, ..) => "it is empty".to_owned(),
        (false, true, false) => "it is cut off: its end, which describes the columns, is missing".to_owned(),
        (false, false, _) if start != ENCRYPTED_MAGIC => "it does not begin like one".to_owned(),
        _ => said(error),
    }
}

/// What the library found, in the words of whoever has the file: it names the parts of its own that met the damage.
fn said(error: &ParquetError) -> String {
    match error {
        ParquetError::NYI(what) => format!("it uses what cannot be read yet ({what})"),
        ParquetError::General(what) if what.contains("feature") => format!("it uses what cannot be read ({what})"),
        _ => "it is damaged".to_owned(),
    }
}

/// How the values of a column read as text, where they do not say it themselves.
#[derive(Clone, Copy, Default)]
enum ValueForm {
    /// As they are; bytes are UTF-8.
    #[default]
    Plain,
    /// Bytes of a fixed number are an id: two hexadecimal digits each.
    Hex,
    /// The same with the hyphens of a UUID, where the column says that it is one.
    Uuid,
    /// Whole numbers are nanoseconds since 1970.
    Nanos,
}

impl ValueForm {
    fn of(column: &ColumnDescriptor) -> Self {
        match (column.physical_type(), column.logical_type_ref()) {
            (PhysicalType::FIXED_LEN_BYTE_ARRAY, Some(LogicalType::Uuid)) => Self::Uuid,
            (PhysicalType::FIXED_LEN_BYTE_ARRAY, _) => Self::Hex,
            (PhysicalType::INT64, Some(LogicalType::Timestamp(kind))) if kind.unit == TimeUnit::NANOS => Self::Nanos,
            _ => Self::Plain,
        }
    }

    fn write_bytes(self, bytes: &[u8], out: &mut String) -> Result<(), &'static str> {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        if !matches!(self, Self::Hex | Self::Uuid) {
            out.push_str(std::str::from_utf8(bytes).map_err(|_| "is not UTF-8")?);
            return Ok(());
        }
        for (at, byte) in bytes.iter().enumerate() {
            if matches!(self, Self::Uuid) && [4, 6, 8, 10].contains(&at) {
                out.push('-');
            }
            out.push(char::from(DIGITS[usize::from(byte >> 4)]));
            out.push(char::from(DIGITS[usize::from(byte & 15)]));
        }
        Ok(())
    }
}

fn walk(node: &Node, forms: &[ValueForm], row: &Row, cells: &mut Cells) -> Result<(), String> {
    for (name, field) in row.get_column_iter() {
        let Some(child) = node.child(name) else { continue };
        if let Field::Group(group) = field {
            walk(child, forms, group, cells)?;
        } else if *field != Field::Null {
            for column in &child.columns {
                text(field, forms[*column], cells.set(*column))
                    .map_err(|problem| format!("column {name} {problem}"))?;
            }
        }
    }
    Ok(())
}

/// Writes a value as text; times as RFC 3339, maps as JSON objects.
fn text(field: &Field, form: ValueForm, out: &mut String) -> Result<(), &'static str> {
    const DAY_MICROS: i64 = quipu::time::MICROS_PER_DAY;
    match field {
        Field::Bytes(value) => return form.write_bytes(value.data(), out),
        Field::MapInternal(map) => return json_object(map.entries(), out),
        _ => {}
    }
    let written = match field {
        Field::Str(text) => out.write_str(text),
        Field::Bool(value) => write!(out, "{value}"),
        Field::Byte(value) => write!(out, "{value}"),
        Field::Short(value) => write!(out, "{value}"),
        Field::Int(value) => write!(out, "{value}"),
        Field::Long(nanos) if matches!(form, ValueForm::Nanos) => {
            write!(out, "{}", Timestamp::from_micros(nanos.div_euclid(1_000)))
        }
        Field::Long(value) => write!(out, "{value}"),
        Field::UByte(value) => write!(out, "{value}"),
        Field::UShort(value) => write!(out, "{value}"),
        Field::UInt(value) => write!(out, "{value}"),
        Field::ULong(value) => write!(out, "{value}"),
        Field::Float16(value) => write!(out, "{value}"),
        Field::Float(value) => write!(out, "{value}"),
        Field::Double(value) => write!(out, "{value}"),
        Field::Decimal(_) => write!(out, "{field}"),
        Field::TimeMillis(value) => write!(out, "{value}"),
        Field::TimeMicros(value) => write!(out, "{value}"),
        Field::Date(days) => write!(out, "{}", Timestamp::from_micros(i64::from(*days) * DAY_MICROS)),
        Field::TimestampMillis(millis) => write!(out, "{}", Timestamp::from_micros(millis.saturating_mul(1_000))),
        Field::TimestampMicros(micros) => write!(out, "{}", Timestamp::from_micros(*micros)),
        Field::ListInternal(_) => return Err("is a list; expected one value"),
        Field::Null | Field::Group(_) | Field::Bytes(_) | Field::MapInternal(_) => Ok(()),
    };
    written.map_err(|_| "cannot be written as text")
}

/// Members of null are left out, as everywhere.
fn json_object(entries: &[(Field, Field)], out: &mut String) -> Result<(), &'static str> {
    let (mut word, mut separator) = (String::new(), '{');
    for (key, value) in entries.iter().filter(|(_, value)| *value != Field::Null) {
        for (field, before) in [(key, separator), (value, ':')] {
            word.clear();
            text(field, ValueForm::Plain, &mut word)?;
            out.push(before);
            out.push_str(&serde_json::to_string(&word).map_err(|_| "cannot be written as text")?);
        }
        separator = ',';
    }
    out.push_str(if separator == '{' { "{}" } else { "}" });
    Ok(())
}
