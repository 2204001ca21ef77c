//! One row of a segment, without decoding the rows around it where their schemes allow that.

use super::{Segment, dependent, sections};
use crate::error::{Error, Result};
use crate::event::Event;
use crate::format::container::Section;
use crate::limits::BLOCK_ROWS;
use crate::rows::{EventRows, Quantity, time_of_zone};
use crate::schema::{Dimension, Meter, Number, Text};
use crate::time::Timestamp;

impl Segment {
    /// The code of a dimension in one row.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`](crate::ErrorKind::Corrupt), saying where.
    pub fn code(&self, dimension: Dimension, row: usize) -> Result<u32> {
        if let Some(section) = self.container().section(&sections::codes(dimension)) {
            return self.code_in(section, row);
        }
        if self.is_linked(dimension) {
            return Ok(self.links()?.codes.get(row).copied().unwrap_or(0));
        }
        let values = self.dictionary(dimension)?.len();
        let Some((source, codes)) = dependent::read(self.container(), values, dimension)? else { return Ok(0) };
        let mut code = [self.code(source, row)?];
        dependent::follow(self.container(), (dimension, source), &codes, &mut code)?;
        Ok(code[0])
    }

    pub(super) fn code_in(&self, section: &Section, row: usize) -> Result<u32> {
        let code = self.number_in(section, row)?;
        u32::try_from(code).map_err(|_| self.container().damaged("dim", &format!("row {row} has the code {code}")))
    }

    /// The number of one row in a section that has all rows.
    pub(super) fn number_in(&self, section: &Section, row: usize) -> Result<u64> {
        self.container().number(section, row / BLOCK_ROWS, row % BLOCK_ROWS)
    }

    /// A quantity of one row, in stored form.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`](crate::ErrorKind::Corrupt), saying where.
    pub fn quantity(&self, quantity: &Quantity, row: usize) -> Result<u64> {
        let section = self.container().section(&sections::quantity(quantity));
        section.map_or(Ok(0), |section| self.number_in(section, row))
    }

    /// The start of one row's event, in microseconds.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`](crate::ErrorKind::Corrupt), saying where.
    pub fn time(&self, row: usize) -> Result<i64> {
        Ok(time_of_zone(self.number_in(self.section(sections::AT)?, row)?))
    }

    /// The value of a dimension in one row.
    pub(super) fn value_in(&self, dimension: Dimension, row: usize) -> Result<Option<Text>> {
        if self.is_linked(dimension) {
            let link = self.number_in(self.section(sections::LINKS)?, row)?;
            return self.parent(link, row);
        }
        let code = self.code(dimension, row)?;
        Ok(self.dictionary(dimension)?.get(code).map(Text::from))
    }

    /// The event of one row.
    pub(super) fn event_in(&self, row: usize) -> Result<Event> {
        if row >= self.rows() {
            let (path, rows) = (self.container().path(), self.rows());
            return Err(Error::invalid(format!("{path} has {rows} rows; there is no row {row}")));
        }
        let at = self.time(row)?;
        let mut event = Event::new(self.id_at(row, at)?, Timestamp::from_micros(at));
        let mut loose = Vec::new();
        for (name, section) in self.container().sections() {
            match name.split_once('.') {
                Some(("dim", name)) => {
                    let Some(dimension) = Dimension::from_name(name) else { continue };
                    if let Some(value) = self.dictionary(dimension)?.get(self.code_in(section, row)?) {
                        event.dimensions.insert(dimension, value.into());
                    }
                }
                Some(("link", name)) => self.put_dimension(&mut event, Dimension::from_name(name), row)?,
                Some(("of", names)) => {
                    let name = names.split_once('.').map_or("", |(_, name)| name);
                    self.put_dimension(&mut event, Dimension::from_name(name), row)?;
                }
                Some(("num", name)) => {
                    let value = self.number_in(section, row)?.checked_sub(1);
                    let _ = Number::from_name(name).zip(value).map(|(name, value)| event.numbers.insert(name, value));
                }
                Some(("use", name)) => {
                    let quantity = self.number_in(section, row)?.checked_sub(1);
                    let meter = Meter::parse(name).ok();
                    let _ = meter.zip(quantity).map(|(meter, quantity)| event.usage.insert(meter, quantity));
                }
                Some(("tag", key)) => {
                    if let Some(value) = self.tag_dictionary(key)?.get(self.code_in(section, row)?) {
                        loose.push((Text::from(key), Text::from(value)));
                    }
                }
                _ => {}
            }
        }
        let set = self.tag_set_code(row)?;
        if set > 0 {
            event.tags = self.tag_sets()?.get(set).iter().cloned().collect();
        }
        loose.into_iter().for_each(|(key, value)| drop(event.tags.insert(key, value)));
        Ok(event)
    }

    /// The tag set of one row.
    pub(super) fn tag_set_code(&self, row: usize) -> Result<u32> {
        let Some(section) = self.container().section(sections::TAGS) else { return Ok(0) };
        let code = self.code_in(section, row)?;
        if code as usize >= self.tag_sets()?.len() {
            return Err(self.container().damaged(sections::TAGS, &format!("row {row} has the tag set {code}")));
        }
        Ok(code)
    }

    fn put_dimension(&self, event: &mut Event, dimension: Option<Dimension>, row: usize) -> Result<()> {
        let Some(dimension) = dimension else { return Ok(()) };
        if let Some(value) = self.value_in(dimension, row)? {
            event.dimensions.insert(dimension, value);
        }
        Ok(())
    }
}
