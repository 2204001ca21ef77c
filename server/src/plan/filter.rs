//! Filters as JSON, both directions.
//!
//! A filter is an expression in a text (`"team = support"`), an array of filters that must all
//! hold, or one of these objects:
//!
//! ```text
//! {"and": […]}  {"or": […]}  {"not": …}
//! {"field": F, "in": […]}  {"field": F, "not_in": […]}  {"field": F, "prefix": "…"}
//! {"field": F, "between": [low, high]}  {"field": F, "null": true|false}
//! {"field": "at", "since": T, "until": T}
//! ```

use quipu::filter::{Filter, NumberField, NumberTest, TextField, TextTest};
use quipu::{Dimension, Error, Meter, Number, PicoUsd, Result, Text, Timestamp, TokenMeter, Zone};
use serde_json::{Map, Value as Json, json};

/// The JSON of a filter.
pub(super) fn encode(filter: &Filter) -> Json {
    match filter {
        Filter::And(all) => json!({ "and": all.iter().map(encode).collect::<Vec<_>>() }),
        Filter::Or(some) => json!({ "or": some.iter().map(encode).collect::<Vec<_>>() }),
        Filter::Not(one) => json!({ "not": encode(one) }),
        Filter::Time(since, until) => {
            let mut object = Map::from_iter([("field".to_owned(), Json::from("at"))]);
            object.extend(since.map(|at| ("since".to_owned(), at.to_string().into())));
            object.extend(until.map(|at| ("until".to_owned(), at.to_string().into())));
            object.into()
        }
        Filter::Text(field, test) => {
            let texts = |values: &[Text]| Json::from_iter(values.iter().map(Text::as_str));
            let (name, value) = match test {
                TextTest::In(values) => ("in", texts(values)),
                TextTest::NotIn(values) => ("not_in", texts(values)),
                TextTest::Prefix(prefix) => ("prefix", prefix.as_str().into()),
                TextTest::Null => ("null", true.into()),
                TextTest::NotNull => ("null", false.into()),
            };
            let field = match field {
                TextField::Dimension(dimension) => dimension.name().to_owned(),
                TextField::Tag(key) => format!("tag.{key}"),
            };
            json!({ "field": field, name: value })
        }
        Filter::Number(field, test) => {
            let number = |value: &u64| match field {
                NumberField::Number(Number::ReportedCost) => PicoUsd::from_pico((*value).into()).to_string().into(),
                _ => Json::from(*value),
            };
            let numbers = |values: &[u64]| Json::from_iter(values.iter().map(number));
            let (name, value) = match test {
                NumberTest::In(values) => ("in", numbers(values)),
                NumberTest::NotIn(values) => ("not_in", numbers(values)),
                NumberTest::Between(low, high) => ("between", numbers(&[*low, *high])),
                NumberTest::Null => ("null", true.into()),
                NumberTest::NotNull => ("null", false.into()),
            };
            let field = match field {
                NumberField::Number(number) => number.name().to_owned(),
                NumberField::Meter(Meter::Token(token)) => token.name().to_owned(),
                NumberField::Meter(Meter::Named(name)) => format!("meter.{name}"),
            };
            json!({ "field": field, name: value })
        }
    }
}

/// What some JSON says, as expressions that must all hold.
pub(super) fn expressions(json: &Json) -> Result<Vec<String>> {
    let all = match json {
        Json::Null => return Ok(Vec::new()),
        Json::Array(all) => all.as_slice(),
        one_filter => std::slice::from_ref(one_filter),
    };
    let expression = |json: &Json| match json {
        Json::String(expression) => Ok(expression.clone()),
        json => one(json).map(|filter| filter.to_string()),
    };
    all.iter().map(expression).collect()
}

/// The filter that some JSON says; `None` for null and for an empty array at the top.
pub(super) fn decode(json: &Json) -> Result<Option<Filter>> {
    match json {
        Json::Null => Ok(None),
        Json::Array(all) => {
            let mut filters = all.iter().map(one).collect::<Result<Vec<_>>>()?.into_iter();
            let first = filters.next();
            Ok(first.map(|first| filters.fold(first, Filter::and)))
        }
        one_filter => one(one_filter).map(Some),
    }
}

fn one(json: &Json) -> Result<Filter> {
    match json {
        Json::String(expression) => Filter::parse(expression),
        Json::Object(object) => match (object.len(), object.iter().next()) {
            (1, Some((name, inner))) if name == "and" => list(inner, name).map(Filter::And),
            (1, Some((name, inner))) if name == "or" => list(inner, name).map(Filter::Or),
            (1, Some((name, inner))) if name == "not" => one(inner).map(|inner| Filter::Not(Box::new(inner))),
            _ => test(object),
        },
        other => Err(wrong(other)),
    }
}

fn list(json: &Json, name: &str) -> Result<Vec<Filter>> {
    let items = json.as_array().ok_or_else(|| Error::invalid(format!("where: {name:?} takes an array of filters")))?;
    items.iter().map(one).collect()
}

fn wrong(json: &Json) -> Error {
    Error::invalid(format!(
        "where: {json} is not a filter; expected an expression such as \"team = support\", {{\"and\": […]}}, \
         {{\"or\": […]}}, {{\"not\": …}} or {{\"field\": …}} with one of in, not_in, prefix, between and null"
    ))
}

fn test(object: &Map<String, Json>) -> Result<Filter> {
    let whole = || wrong(&Json::Object(object.clone()));
    let field = object.get("field").and_then(Json::as_str).ok_or_else(whole)?;
    let mut tests = object.iter().filter(|(name, _)| *name != "field");
    if field == "at" {
        return time(object);
    }
    let (Some((name, value)), None) = (tests.next(), tests.next()) else { return Err(whole()) };
    match number_field(field)? {
        Some(number) => Ok(Filter::Number(number.clone(), number_test(&number, name, value).ok_or_else(whole)?)),
        None => Ok(Filter::Text(text_field(field)?, text_test(name, value).ok_or_else(whole)?)),
    }
}

fn time(object: &Map<String, Json>) -> Result<Filter> {
    if let Some((name, _)) = object.iter().find(|(name, _)| !["field", "since", "until"].contains(&name.as_str())) {
        return Err(Error::invalid(format!("where: at takes since and until, not {name:?}")));
    }
    let instant = |name: &str| -> Result<Option<Timestamp>> {
        let Some(json) = object.get(name) else { return Ok(None) };
        let text = json.as_str().ok_or_else(|| Error::invalid(format!("where: at.{name} is {json}, not a text")))?;
        Zone::default().parse_time(text).map(Some).map_err(|error| error.context("where: at"))
    };
    Ok(Filter::Time(instant("since")?, instant("until")?))
}

fn text_field(name: &str) -> Result<TextField> {
    if let Some(key) = name.strip_prefix("tag.") {
        return Ok(TextField::Tag(key.into()));
    }
    let dimension = Dimension::parse(name).map(TextField::Dimension);
    // The parser of expressions knows what is near to a name that does not exist.
    dimension.ok_or_else(|| match Filter::parse(&format!("{name:?} is null")) {
        Err(error) => error,
        Ok(_) => Error::invalid(format!("where: {name:?} is not a field that holds texts")),
    })
}

fn number_field(name: &str) -> Result<Option<NumberField>> {
    if let Some(meter) = name.strip_prefix("meter.") {
        return Meter::parse(meter).map(|meter| Some(NumberField::Meter(meter))).map_err(Error::invalid);
    }
    let token = || TokenMeter::from_name(name).map(|token| NumberField::Meter(token.into()));
    Ok(Number::from_name(name).map(NumberField::Number).or_else(token))
}

fn text_test(name: &str, value: &Json) -> Option<TextTest> {
    let texts = || value.as_array()?.iter().map(|text| text.as_str().map(Text::from)).collect::<Option<Vec<_>>>();
    Some(match name {
        "in" => TextTest::In(texts()?),
        "not_in" => TextTest::NotIn(texts()?),
        "prefix" => TextTest::Prefix(value.as_str()?.into()),
        "null" if value.as_bool()? => TextTest::Null,
        "null" => TextTest::NotNull,
        _ => return None,
    })
}

fn number_test(field: &NumberField, name: &str, value: &Json) -> Option<NumberTest> {
    let number = |json: &Json| match (field, json) {
        (NumberField::Number(Number::ReportedCost), Json::String(usd)) => {
            PicoUsd::parse_exact(usd).ok().and_then(|cost| u64::try_from(cost.pico()).ok())
        }
        (NumberField::Number(Number::ReportedCost), Json::Number(usd)) => {
            PicoUsd::parse_exact(&usd.to_string()).ok().and_then(|cost| u64::try_from(cost.pico()).ok())
        }
        (_, json) => json.as_u64(),
    };
    let numbers = || value.as_array()?.iter().map(number).collect::<Option<Vec<_>>>();
    Some(match name {
        "in" => NumberTest::In(numbers()?),
        "not_in" => NumberTest::NotIn(numbers()?),
        "between" => match numbers()?.as_slice() {
            [low, high] => NumberTest::Between(*low, *high),
            _ => return None,
        },
        "null" if value.as_bool()? => NumberTest::Null,
        "null" => NumberTest::NotNull,
        _ => return None,
    })
}
