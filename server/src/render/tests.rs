use quipu::{Column, PicoUsd, Timestamp, Unit, Value};

use super::facts::{Facts, UnpricedFact};
use super::{Format, Sheet, write};

fn money(text: &str) -> Value {
    Value::Money(PicoUsd::parse(text).expect("decimal"))
}

fn text(text: &str) -> Value {
    Value::Text(text.into())
}

fn sample() -> Sheet {
    let mut sheet = Sheet::new(&[
        ("model", Unit::None, true),
        ("requests", Unit::Events, false),
        ("cost", Unit::Usd, false),
        ("success_rate", Unit::Ratio, false),
        ("cost_per_success", Unit::Usd, false),
    ]);
    sheet.rows = vec![
        vec![text("gpt-4o"), Value::Count(1_234_567), money("1234.5"), Value::ratio(2, 3, 6), money("2.5")],
        vec![text("tiny"), Value::Count(1), money("0.000001"), Value::ratio(0, 1, 6), Value::Null],
        vec![Value::Null, Value::Count(0), Value::Null, Value::Null, Value::Null],
    ];
    sheet.totals =
        Some(vec![Value::Null, Value::Count(1_234_568), money("1234.500001"), Value::ratio(1, 2, 6), money("5")]);
    sheet.facts = Facts {
        groups: Some(7),
        lsn: Some(12),
        price_book_version: Some(3),
        unpriced: Some(vec![UnpricedFact {
            provider: Some("acme".into()),
            model: Some("tiny".into()),
            meter: "input".into(),
            quantity: 5_000,
        }]),
        ..Facts::default()
    };
    sheet
}

fn rendered(sheet: &Sheet, format: Format, width: Option<u16>) -> String {
    let mut out = Vec::new();
    write(sheet, format, width, &mut out).expect("memory takes everything");
    String::from_utf8(out).expect("UTF-8")
}

#[test]
fn a_table_aligns_numbers_and_says_what_it_leaves_out() {
    let expected = "\
model         requests       cost success_rate cost_per_success
───────────────────────────────────────────────────────────────
gpt-4o       1,234,567  $1,234.50       66.7 %            $2.50
tiny                 1     <$0.01        0.0 %                –
unattributed         0    unknown            –                –
───────────────────────────────────────────────────────────────
total        1,234,568  $1,234.50       50.0 %            $5.00

3 of 7 rows shown; totals cover all of them
without a price, so not in the cost: 5,000 input of tiny (acme)
prices: version 3 · log position: 12
";
    let table = rendered(&sample(), Format::Table, None);
    let squeeze = |text: &str| {
        let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
        text.lines().map(words).filter(|line| !line.starts_with('─')).collect::<Vec<_>>()
    };
    assert_eq!(squeeze(&table), squeeze(expected), "{table}");
    let rows: Vec<&str> = table.lines().take(7).collect();
    assert!(rows[1].starts_with("───") && rows[5] == rows[1], "{table}");
    let ends: Vec<usize> = [0, 2, 6].map(|row| rows[row].chars().count()).to_vec();
    assert!(ends.iter().all(|end| *end == ends[0]), "{table}");
}

#[test]
fn a_narrow_table_keeps_its_numbers_whole() {
    let mut sheet = sample();
    sheet.rows[0][0] = text("a-model-with-a-name-that-is-far-too-long-for-the-terminal");
    let table = rendered(&sheet, Format::Table, Some(70));
    assert!(table.lines().take(7).all(|line| line.chars().count() <= 70), "{table}");
    assert!(table.contains("1,234,567"), "{table}");
}

#[test]
fn columns_without_room_are_named_instead() {
    let mut sheet = sample();
    sheet.columns.insert(1, Column { name: "errors".into(), unit: Unit::Events, is_key: false });
    sheet.rows.iter_mut().chain(&mut sheet.totals).for_each(|row| row.insert(1, Value::Count(0)));
    let table = rendered(&sheet, Format::Table, Some(66));
    assert!(table.contains("no room for errors (--format csv has them)"), "{table}");
    assert!(table.contains("cost_per_success") && !table.lines().any(|line| line.contains("errors  ")), "{table}");
    let unknown = rendered(&sheet, Format::Table, Some(0));
    assert_eq!(unknown, rendered(&sheet, Format::Table, None), "a terminal that does not know its width");
    let narrower = rendered(&sheet, Format::Table, Some(40));
    assert!(narrower.replace("\n  ", " ").contains("no room for errors, success_rate, cost_per_success"), "{narrower}");
    assert!(narrower.lines().all(|line| line.chars().count() <= 40), "{narrower}");
}

#[test]
fn json_is_exact_and_reads_back() {
    let json = rendered(&sample(), Format::Json, None);
    let value: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(value["rows"][1]["cost"], "0.000001");
    assert_eq!(value["rows"][0]["requests"].as_u64(), Some(1_234_567));
    assert_eq!(value["rows"][0]["success_rate"], "0.666667");
    assert_eq!(value["rows"][2]["model"], serde_json::Value::Null);
    assert_eq!(value["totals"]["cost"], "1234.500001");
    let back = Sheet::from_json(json.as_bytes()).expect("its own JSON");
    for format in [Format::Table, Format::Json, Format::Ndjson, Format::Csv] {
        assert_eq!(rendered(&back, format, None), rendered(&sample(), format, None));
    }
    assert!(Sheet::from_json(b"{\"rows\": 1}").is_err_and(|error| error.to_string().contains("not an answer")));
}

#[test]
fn lines_are_one_object_per_row() {
    let lines = rendered(&sample(), Format::Ndjson, None);
    assert_eq!(lines.lines().count(), 3);
    assert!(lines.starts_with(r#"{"model":"gpt-4o","requests":1234567,"cost":"1234.5","success_rate":"0.666667""#));
}

#[test]
fn csv_disarms_formulas_in_texts_and_leaves_numbers_alone() {
    let mut sheet = Sheet::new(&[("team", Unit::None, true), ("cost", Unit::Usd, false)]);
    for evil in ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx", "fine", "a,\"b\""] {
        sheet.rows.push(vec![text(evil), money("-1.5")]);
    }
    sheet.rows.push(vec![Value::Null, Value::Null]);
    let csv = rendered(&sheet, Format::Csv, None);
    let expected = "team,cost\n'=1+1,-1.5\n'+1,-1.5\n'-1,-1.5\n'@SUM(A1),-1.5\n'\tx,-1.5\n\"'\rx\",-1.5\nfine,-1.5\n\"a,\"\"b\"\"\",-1.5\n,\n";
    assert_eq!(csv, expected);
}

#[test]
fn times_stand_on_the_clock_of_the_zone() {
    let mut sheet = Sheet::new(&[("first_at", Unit::Time, false)]);
    sheet.columns.insert(0, Column { name: "day".into(), unit: Unit::Time, is_key: true });
    let midnight = Value::Time(Timestamp::parse_rfc3339("2026-01-30T23:00:00Z").expect("valid"));
    sheet.rows = vec![vec![midnight.clone(), midnight]];
    sheet.facts.zone = Some("Europe/Berlin".into());
    assert!(rendered(&sheet, Format::Table, None).contains("2026-01-31  2026-01-31 00:00:00"));
    assert!(rendered(&sheet, Format::Csv, None).contains("2026-01-31T00:00:00+01:00"));
}

#[test]
fn control_characters_cannot_reach_a_terminal() {
    let mut sheet = Sheet::new(&[("team", Unit::None, true)]);
    sheet.rows = vec![vec![text("a\u{1b}[2Jb")]];
    assert!(!rendered(&sheet, Format::Table, None).contains('\u{1b}'));
}
