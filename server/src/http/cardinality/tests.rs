use quipu::correction::Target;
use quipu::store::Options;
use quipu::{Dimension, Timestamp, TokenMeter};

use super::*;

const FEW: Variety = Variety { labels: 2, tag_values: 3, tag_keys: 2 };

fn event(team: &str) -> Result<Event> {
    let at = Timestamp::from_seconds(1_780_000_000);
    Ok(Event::new(team, at).with(Dimension::Team, team).with(Dimension::Tenant, team).used(TokenMeter::Input, 7))
}

/// Coarsens once what is stored is known.
fn coarsened(cardinality: &Cardinality, store: &Arc<Store>, workspace: &str, teams: &[&str]) -> (Vec<String>, u64) {
    let values = cardinality.of(store, workspace);
    while !values.lock().expect("no panic").complete {
        std::thread::yield_now();
    }
    let mut events: Vec<_> = teams.iter().map(|team| event(team)).collect();
    let coarsened = cardinality.coarsen(store, workspace, &mut events, []);
    let events: Vec<Event> = events.into_iter().map(|event| event.expect("an event")).collect();
    assert!(events.iter().all(|event| event.get(Dimension::Tenant) != Some(OVERFLOW)), "a price may depend on it");
    let tokens: u64 = events.iter().map(Event::total_tokens).sum();
    assert_eq!(tokens, 7 * teams.len() as u64);
    let teams = events.iter().map(|event| event.get(Dimension::Team).unwrap_or_default().to_owned()).collect();
    (teams, coarsened.0.get("team").copied().unwrap_or(0))
}

#[test]
fn values_beyond_the_most_are_one_value_and_those_that_are_stored_stay() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = Arc::new(Store::open(dir.path(), Options::default()).expect("a store"));
    store.append(vec![event("stored").expect("an event")]).expect("stored");
    let cardinality = Cardinality::new(FEW);
    let (teams, times) = coarsened(&cardinality, &store, "default", &["a", "b", "stored", "a", "c"]);
    assert_eq!((teams, times), (["a", OVERFLOW, "stored", "a", OVERFLOW].map(String::from).to_vec(), 2));
    // Another workspace has its own.
    assert_eq!(coarsened(&cardinality, &store, "other", &["b", "c"]).1, 0);
    cardinality.allow(Variety { labels: 3, ..FEW });
    assert_eq!(coarsened(&cardinality, &store, "default", &["b", "c"]).1, 1);
    let later = Event::default().with(Dimension::Team, "d");
    let mut corrections = [Correction::complete(Target::Event("a".into()), 1, later)];
    let coarsened = cardinality.coarsen(&store, "default", &mut [], &mut corrections);
    assert_eq!(
        coarsened.told().expect("told"),
        "1 values of team are put under __overflow__, for there are too many different ones"
    );
    let Change::Complete { values, .. } = &corrections[0].change else { panic!("a completion") };
    assert_eq!(values.get(Dimension::Team), Some(OVERFLOW));
}

/// The tags that are left of some, and what was counted.
fn of_tags(cardinality: &Cardinality, store: &Arc<Store>, tags: &[(&str, &str)]) -> (Vec<String>, Coarsened) {
    let event = tags.iter().fold(Event::new("e", Timestamp::from_seconds(1_780_000_000)), |event, (key, value)| {
        event.tagged(*key, *value)
    });
    let mut events = [Ok(event)];
    let coarsened = cardinality.coarsen(store, "default", &mut events, []);
    let [Ok(event)] = events else { panic!("an event") };
    (event.tags.iter().map(|(key, value)| format!("{key}={value}")).collect(), coarsened)
}

#[test]
fn tags_may_have_so_many_values_and_so_many_keys() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = Arc::new(Store::open(dir.path(), Options::default()).expect("a store"));
    let stored = Event::new("stored", Timestamp::from_seconds(1_780_000_000)).tagged("plan", "old");
    store.append(vec![stored]).expect("stored");
    let cardinality = Cardinality::new(FEW);
    coarsened(&cardinality, &store, "default", &[]);
    let fate = |tags: &[(&str, &str)]| of_tags(&cardinality, &store, tags);
    let count = |what, times| Coarsened(BTreeMap::from([(what, times)]));
    assert_eq!(
        fate(&[("plan", "a"), ("ticket", "1")]),
        (vec!["plan=a".into(), "ticket=1".into()], Coarsened::default())
    );
    assert_eq!(fate(&[("plan", "b")]).1, Coarsened::default());
    // One value too many; those that are known go on, the stored one among them, and so do other keys.
    let (tags, times) = fate(&[("plan", "c"), ("ticket", "2")]);
    assert_eq!((tags, times), (vec!["plan=__overflow__".into(), "ticket=2".into()], count("tag", 1)));
    assert_eq!(fate(&[("plan", "old"), ("ticket", "1")]).1, Coarsened::default());
    // One key too many.
    let (tags, times) = fate(&[("plan", "a"), ("run-1", "x"), ("run-2", "y")]);
    assert_eq!((tags, times), (vec!["__overflow__=__overflow__".into(), "plan=a".into()], count("tag_key", 2)));
}
