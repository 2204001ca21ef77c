//! The names of a segment's sections.
//!
//! Columns go by the names of what they hold, so a reader needs no schema and a new column
//! changes nothing for the old ones. A column that no row uses is left out.

use crate::rows::Quantity;
use crate::schema::Dimension;

/// Starts, through [`crate::rows::zone_time`].
pub(super) const AT: &str = "at";
/// Ids.
pub(super) const ID: &str = "id";
/// Codes of tag sets.
pub(super) const TAGS: &str = "tags";
/// The tag sets themselves.
pub(super) const TAG_SETS: &str = "tag_sets";
/// What the names of the codes of tags with a column of their own begin with; the key follows.
pub(super) const TAG_COLUMN: &str = "tag.";
/// Codes of what corrections gave.
pub(super) const MARKS: &str = "marks";
/// The distinct marks themselves.
pub(super) const MARK_SETS: &str = "mark_sets";

/// Parents as links to rows, see [`super::links`].
pub(super) const LINKS: &str = "link.parent_id";

/// The codes of a dimension that follow from another, see [`super::dependent`].
pub(super) fn dependent(dimension: Dimension, source: Dimension) -> String {
    format!("of.{source}.{dimension}")
}

/// Codes of a dimension.
pub(super) fn codes(dimension: Dimension) -> String {
    format!("dim.{dimension}")
}

/// The dictionary of a dimension.
pub(super) fn dictionary(dimension: Dimension) -> String {
    format!("dict.{dimension}")
}

/// The codes of a tag with a column of its own, see [`super::tag_columns`].
pub(super) fn tag_codes(key: &str) -> String {
    format!("{TAG_COLUMN}{key}")
}

/// The dictionary of such a tag.
pub(super) fn tag_dictionary(key: &str) -> String {
    format!("tagdict.{key}")
}

/// The row bitmaps of a dimension.
pub(super) fn bitmaps(dimension: Dimension) -> String {
    format!("rows.{dimension}")
}

/// A quantity in stored form.
pub(super) fn quantity(quantity: &Quantity) -> String {
    match quantity {
        Quantity::Meter(meter) => format!("use.{meter}"),
        Quantity::Number(number) => format!("num.{number}"),
        Quantity::ContextBand => "band".into(),
    }
}
