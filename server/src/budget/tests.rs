use quipu::store::{Options, Store};
use quipu::{Cancel, Dimension, Event, Number};
use serde_json::json;

use super::*;
use crate::access::Folder;
use crate::notice::{Shape, Told};

fn at(text: &str) -> Timestamp {
    Timestamp::parse_rfc3339(text).expect("a time")
}

fn budget(more: &str) -> Result<Budget> {
    let text = format!("name = \"b\"\nlimit = \"100\"\ncost = \"reported\"\n{more}");
    let written: Written = toml::from_str(&text).map_err(|error| Error::invalid(error.to_string()))?;
    let webhook = |name: &str| Webhook { name: name.into(), url: "http://127.0.0.1:1".into(), shape: Shape::Json };
    Budget::new(written, &[webhook("all"), webhook("red")], at("2026-03-10T00:00:00Z"))
}

fn store(dir: &std::path::Path) -> Store {
    let store = Store::open(dir, Options::default()).expect("a store");
    let event = |id: &str, day: u32, team: &str, usd: u64| {
        Event::new(id, at(&format!("2026-03-{day:02}T12:00:00Z")))
            .with(Dimension::Team, team)
            .with_number(Number::ReportedCost, usd * 1_000_000_000_000)
    };
    let events =
        vec![event("a", 2, "red", 30), event("b", 3, "red", 20), event("c", 3, "blue", 5), event("d", 1, "red", 40)];
    store.append(events).expect("stored");
    store
}

#[test]
fn each_group_is_measured_against_its_limit_and_its_pace() {
    let dir = tempfile::tempdir().expect("a directory");
    let (store, now) = (store(dir.path()), at("2026-03-11T00:00:00Z"));
    let budget = budget("by = \"team\"").expect("valid");
    let standings = budget.standings(&store.snapshot(), now, &Cancel::default()).expect("an answer");
    let shown: Vec<_> = standings.iter().map(|it| (it.group.as_deref(), it.spent.to_string(), it.percent())).collect();
    assert_eq!(shown, [(Some("red"), "90".to_owned(), 90), (Some("blue"), "5".to_owned(), 5)]);
    // Ten days for 90 USD: 100 USD after 11.1 days.
    assert_eq!(standings[0].overrun, Some(at("2026-03-12T02:40:00Z")));
    assert_eq!(standings[1].overrun, None);
    let alerts: Vec<_> = standings.iter().filter_map(|it| Alert::of(&budget, it, now)).collect();
    assert_eq!(alerts.iter().map(|alert| alert.threshold).collect::<Vec<_>>(), [Some(80)]);
    let text = "Budget b of red: $90.00 of $100.00 spent (90 %) from 2026-03-01 until 2026-04-01; at this pace the limit is \
                reached on 2026-03-12";
    assert_eq!(alerts[0].text(), text);
    let later = budget.standings(&store.snapshot(), at("2026-04-02T00:00:00Z"), &Cancel::default()).expect("an answer");
    assert_eq!(later, []);
}

#[test]
fn a_filter_and_a_zone_say_what_counts() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = store(dir.path());
    let day = budget("where = \"team = red\"\nperiod = \"day\"\ntz = \"Asia/Tokyo\"").expect("valid");
    // 12:00 UTC is 21:00 in Tokyo; midnight there is 15:00 UTC.
    for (now, spent) in [("2026-03-02T14:59:00Z", "30"), ("2026-03-01T15:00:00Z", "30"), ("2026-03-03T13:00:00Z", "20")]
    {
        let standings = day.standings(&store.snapshot(), at(now), &Cancel::default()).expect("an answer");
        assert_eq!(standings.iter().map(|it| it.spent.to_string()).collect::<Vec<_>>(), [spent], "{now}");
    }
}

#[test]
fn the_same_is_told_once_a_period_to_the_owner_of_the_group() {
    let dir = tempfile::tempdir().expect("a directory");
    let (store, now) = (store(dir.path()), at("2026-03-11T00:00:00Z"));
    let budget =
        budget("by = \"team\"\nnotify = [\"all\"]\nthresholds = [50, 4]\n[owners]\nred = \"red\"").expect("valid");
    let folder = Folder::of_store(dir.path());
    let untold = |told: &Told| {
        let notices = budget.notices(&store.snapshot(), now).expect("an answer");
        notices.into_iter().filter(|notice| !told.has(notice)).collect::<Vec<_>>()
    };
    let mut told = Told::load(&folder).expect("none yet");
    let first = untold(&told);
    let heard: Vec<_> = first.iter().map(|notice| (&notice.audience[..], notice.facts["threshold"].as_u64())).collect();
    assert_eq!(heard, [(&["red".to_owned()][..], Some(50)), (&["all".to_owned()][..], Some(4))]);
    assert_eq!(first[0].facts["spent"], json!("90"));
    told.note(&first[0], now, &folder).expect("written");
    assert_eq!(untold(&Told::load(&folder).expect("read")), first[1..]);
}

#[test]
fn what_is_wrong_with_a_budget_is_named() {
    for (more, words) in [
        ("period = \"fortnight\"", "fortnight"),
        ("notify = [\"nobody\"]", "no webhook \"nobody\""),
        ("by = \"colour\"", "colour"),
        ("thresholds = [0]", "0 percent"),
        ("tz = \"Europe/Atlantis\"", "Atlantis"),
        ("[owners]\nred = \"red\"", "by, which is not named"),
    ] {
        let error = budget(more).expect_err("must be refused");
        assert!(error.to_string().contains(words), "{error}");
    }
}
