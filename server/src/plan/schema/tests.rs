use std::path::Path;

use jsonschema::Validator;
use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::super::tests::{NOW, plan};
use super::super::{PlanText, documented};
use super::{document, schemas};

fn validator() -> Validator {
    jsonschema::validator_for(&document()).expect("a schema")
}

#[test]
fn the_document_is_what_lies_beside_the_page() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/query.schema.json");
    let made = format!("{:#}\n", document());
    if std::env::var_os("QUIPU_WRITE_DOCS").is_some() {
        std::fs::write(&path, &made).expect("written");
    }
    let lies = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(lies == made, "docs/query.schema.json is out of date: run this test with QUIPU_WRITE_DOCS=1");
}

#[test]
fn every_reference_leads_somewhere_wherever_the_schemas_lie() {
    let schemas = schemas("#/components/schemas/");
    let text = Json::from(schemas.clone()).to_string();
    for reference in text.split("#/components/schemas/").skip(1) {
        let name = reference.split('"').next().unwrap_or_default();
        assert!(schemas.contains_key(name), "{name}");
    }
}

#[test]
fn examples_are_accepted() {
    let validator = validator();
    for (json, _) in documented::examples() {
        let plan: Json = serde_json::from_str(&json).expect("JSON");
        validator.validate(&plan).unwrap_or_else(|error| panic!("{json}: {error} at {}", error.instance_path()));
    }
}

#[test]
fn what_is_wrong_is_refused() {
    let validator = validator();
    for wrong in [
        json!([]),
        json!({ "measurs": ["cost"] }),
        json!({ "measures": "cost" }),
        json!({ "measures": ["cots"] }),
        json!({ "measures": ["duration_p100"] }),
        json!({ "measures": ["share(share(cost))"] }),
        json!({ "measures": ["distinct(cost)"] }),
        json!({ "measures": ["cost(team)"] }),
        json!({ "measures": ["meter.a b"] }),
        json!({ "by": ["tema"] }),
        json!({ "by": ["teams"] }),
        json!({ "by": [7] }),
        json!({ "where": 7 }),
        json!({ "where": { "field": "tema", "in": [] } }),
        json!({ "where": { "field": "team", "between": [1, 2] } }),
        json!({ "where": { "field": "team", "in": ["a"], "prefix": "a" } }),
        json!({ "where": { "field": "input", "in": [-1] } }),
        json!({ "where": { "field": "input", "between": [1] } }),
        json!({ "where": { "field": "at", "in": [] } }),
        json!({ "where": { "and": [{ "nor": [] }] } }),
        json!({ "report": "jbos" }),
        json!({ "limit": -1 }),
        json!({ "fill": "yes" }),
        json!({ "cohort": "week" }),
        json!({ "compare": "last year" }),
        json!({ "compare": { "since": "2026-01-01" } }),
        json!({ "what_if": ["model="] }),
        json!({ "assume_value": { "WON": 1 } }),
        json!({ "precision": "high" }),
        json!({ "memory": "much" }),
        json!({ "path": "fast" }),
        json!({ "explain": 1 }),
    ] {
        assert!(!validator.is_valid(&wrong), "{wrong}");
        let understood = PlanText::from_json(wrong.to_string().as_bytes()).and_then(|text| text.resolve(NOW));
        assert!(understood.is_err(), "{wrong}: refused by the schema, but understood");
    }
}

/// Replaces the text or number at a place counted through the whole document.
fn replace(json: &mut Json, place: &mut usize, other: &Json) {
    match json {
        Json::Array(items) => items.iter_mut().for_each(|item| replace(item, place, other)),
        Json::Object(members) => members.values_mut().for_each(|member| replace(member, place, other)),
        leaf => {
            if *place == 0 {
                *leaf = other.clone();
            }
            *place = place.wrapping_sub(1);
        }
    }
}

proptest! {
    #[test]
    fn every_plan_is_accepted(plan in plan()) {
        let json = serde_json::to_value(PlanText::try_from(&plan).expect("no book of its own")).expect("JSON");
        let accepted = validator().validate(&json).map_err(|error| format!("{error} at {}", error.instance_path()));
        prop_assert_eq!(accepted, Ok(()), "{}", json);
    }

    #[test]
    fn nothing_that_is_understood_is_refused(plan in plan(), place in 0..40_usize, other in prop::sample::select(vec![
        json!("cost"), json!("team"), json!("organization"), json!("1mo"), json!("tag."), json!("share( cost )"), json!("count (org)"),
        json!("job_start"), json!("previous"), json!("ttft_p5.5"), json!("exact"), json!("12 KB"), json!(""), json!(3), json!(0.5), json!(true),
    ])) {
        let mut json = serde_json::to_value(PlanText::try_from(&plan).expect("no book of its own")).expect("JSON");
        replace(&mut json, &mut { place }, &other);
        if PlanText::from_json(json.to_string().as_bytes()).and_then(|text| text.resolve(NOW)).is_ok() {
            let accepted = validator().validate(&json).map_err(|error| format!("{error} at {}", error.instance_path()));
            prop_assert_eq!(accepted, Ok(()), "{}", json);
        }
    }
}
