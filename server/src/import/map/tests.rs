//! Map files that are wrong, and what is said about them.

use super::Map;
use super::plan::Plan;

#[test]
fn every_built_in_map_compiles() {
    for name in Map::built_in() {
        assert_eq!(Map::load(name).map(|map| map.name().to_owned()).ok().as_deref(), Some(name));
    }
}

#[test]
fn every_mistake_names_its_line_and_what_is_allowed() {
    for (map, found) in [
        ("", "missing field `format`"),
        ("format = \"xml\"", "line 1: format is \"xml\"; allowed are csv, jsonl and parquet"),
        ("format = \"csv\"\n[feilds]", "unknown field `feilds`, expected one of"),
        (
            "format = \"csv\"\n[fields]\nmodle = \"m\"",
            "line 3: [fields] modle is not a field; meters belong into [usage]",
        ),
        ("format = \"csv\"\n[fields]\nmodel = 7", "line 3: [fields] model is integer; expected a column's name"),
        ("format = \"csv\"\n[fields]\nmodel = { colum = \"m\" }", "needs exactly one of column, template and value"),
        (
            "format = \"csv\"\n[fields]\nmodel = { column = \"m\", round = \"nano\" }",
            "unknown key \"round\"; allowed are",
        ),
        ("format = \"csv\"\n[fields]\nmodel = \"{a\"", "has a brace that is not closed"),
        ("format = \"csv\"\n[fields]\nmodel = \"a}\"", "has a brace that was not opened"),
        ("format = \"csv\"\n[fields]\nmodel = \"\"", "names a column with an empty name"),
        ("format = \"csv\"\n[fields]\nmodel = \"join.m\"", "but there is no [join]"),
        ("format = \"csv\"\n[fields]\ntenant = \"a\"\norg = \"b\"", "[fields] tenant is given twice"),
        (
            "format = \"csv\"\n[fields]\nat = { column = \"t\", unit = \"h\" }",
            "allowed are \"s\", \"ms\", \"us\" and \"ns\"",
        ),
        (
            "format = \"csv\"\n[fields]\nat = { column = \"t\", base = \"2025-01-01T00:00:00Z\" }",
            "has a base but no unit",
        ),
        (
            "format = \"csv\"\n[fields]\nat = { column = \"t\", unit = \"s\", base = \"2025\" }",
            "has a base that is no RFC 3339",
        ),
        ("format = \"csv\"\n[fields]\nat = { column = \"t\", zone = \"Mars\" }", "unknown zone \"Mars\""),
        ("format = \"csv\"\n[fields]\nreported_cost = { column = \"c\", round = 2 }", "allowed are \"pico\", \"nano\""),
        (
            "format = \"csv\"\n[fields]\nreported_cost = { column = \"c\", unit = \"nano\", round = \"cent\" }",
            "rounded to a coarser part than its unit",
        ),
        ("format = \"csv\"\nevents = false", "leaves nothing to import"),
        ("format = \"csv\"\n[price]\nfrom = { column = \"t\", unit = \"h\" }", "line 3: [price] from has unit"),
        ("format = \"csv\"\n[constants]\nretry_depth = 1", "cannot be the same in every row"),
        ("format = \"csv\"\n[usage]\noutput = \"a b\"", "between columns stands + or -"),
        ("format = \"csv\"\n[usage]\noutput = \"a -\"", "a column is missing at the end"),
        ("format = \"csv\"\n[usage]\nprompt_tokens = \"a\"", "is not a meter, because meters never overlap"),
        ("format = \"csv\"\n[join]\nfile = \"x\"\non = []", "[join] on is empty"),
        ("format = \"csv\"\n[latest]\nkey = []\nby = \"rev\"", "[latest] needs a key and by"),
        ("format = \"csv\"\n[outcome]\ntype = \"t\"", "[outcome] has no status"),
        ("format = \"csv\"\n[outcome]\nstatus = \"s\"\nkind = \"t\"", "line 4: [outcome] kind is unknown; allowed are"),
        ("format = \"csv\"\nformat = \"csv\"", "duplicate key"),
    ] {
        let message = Map::parse("m", map).expect_err(map).to_string();
        assert!(message.contains(found), "{map}\n→ {message}");
    }
}

#[test]
fn an_unknown_map_lists_the_built_in_ones() {
    let message = Map::load("openhand").expect_err("no such map").to_string();
    assert!(message.contains("the built-in ones are aider, azure, openhands, servegen, yardstick, "), "{message}");
    assert!(Map::load("nowhere.toml").expect_err("no such file").to_string().contains("cannot read nowhere.toml"));
}

#[test]
fn the_example_of_the_documentation_compiles() {
    let page = include_str!("../../../../docs/maps.md");
    let blocks = page.split("```toml\n").skip(1).filter_map(|block| block.split("```").next());
    let map: String = blocks.collect();
    Map::parse("maps.md", &map).expect("all examples together are one map");
}

#[test]
fn a_file_without_any_known_column_is_refused_instead_of_becoming_tags() {
    let header = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let error = Plan::native(&header(&["TIMESTAMP", "ContextTokens"])).expect_err("nothing is known");
    assert!(error.to_string().contains("ContextTokens") && error.to_string().contains("--map"), "{error}");
    assert!(Plan::native(&header(&["id", "at", "model", "note"])).is_ok());
}
