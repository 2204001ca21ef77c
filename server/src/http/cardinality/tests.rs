use quipu::correction::Target;
use quipu::store::Options;
use quipu::{Dimension, Timestamp, TokenMeter};

use super::*;

const FEW: Variety = Variety { labels: 2, tag_values: 3, tag_keys: 2 };

fn event(team: &str) -> Event {
    let at = Timestamp::from_seconds(1_780_000_000);
    Event::new(team, at).with(Dimension::Team, team).with(Dimension::Tenant, team).used(TokenMeter::Input, 7)
}

/// Coarsens once what is stored is known.
fn coarsened(cardinality: &Cardinality, store: &Arc<Store>, workspace: &str, teams: &[&str]) -> (Vec<String>, u64) {
    let values = cardinality.of(store, workspace);
    while !values.lock().expect("no panic").complete {
        std::thread::yield_now();
    }
    let mut coarsening = cardinality.coarsening(store, workspace);
    let events = teams.iter().map(|team| event(team));
    let events: Vec<Event> = events.map(|event| coarsening.event(&event).unwrap_or(event)).collect();
    assert!(events.iter().all(|event| event.get(Dimension::Tenant) != Some(OVERFLOW)), "a price may depend on it");
    let tokens: u64 = events.iter().map(Event::total_tokens).sum();
    assert_eq!(tokens, 7 * teams.len() as u64);
    let teams = events.iter().map(|event| event.get(Dimension::Team).unwrap_or_default().to_owned()).collect();
    (teams, coarsening.done.0.get("team").copied().unwrap_or(0))
}

#[test]
fn values_beyond_the_most_are_one_value_and_those_that_are_stored_stay() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = Arc::new(Store::open(dir.path(), Options::default()).expect("a store"));
    store.append(vec![event("stored")]).expect("stored");
    let cardinality = Cardinality::new(FEW);
    let (teams, times) = coarsened(&cardinality, &store, "default", &["a", "b", "stored", "a", "c"]);
    assert_eq!((teams, times), (["a", OVERFLOW, "stored", "a", OVERFLOW].map(String::from).to_vec(), 2));
    // Another workspace has its own.
    assert_eq!(coarsened(&cardinality, &store, "other", &["b", "c"]).1, 0);
    cardinality.allow(Variety { labels: 3, ..FEW });
    assert_eq!(coarsened(&cardinality, &store, "default", &["b", "c"]).1, 1);
    let later = Event::default().with(Dimension::Team, "d");
    let mut corrections = [Correction::complete(Target::Event("a".into()), 1, later)];
    let mut coarsening = cardinality.coarsening(&store, "default");
    coarsening.corrections(&mut corrections);
    assert_eq!(
        coarsening.done.told().expect("told"),
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
    let mut coarsening = cardinality.coarsening(store, "default");
    let event = coarsening.event(&event).unwrap_or(event);
    (event.tags.iter().map(|(key, value)| format!("{key}={value}")).collect(), coarsening.done)
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

#[test]
fn events_that_differ_in_what_is_coarsened_are_known_by_how_they_were_sent() {
    const ONE: Variety = Variety { tag_values: 1, ..FEW };
    let dir = tempfile::tempdir().expect("a directory");
    let open = || Arc::new(Store::open(dir.path(), Options::default().background(false)).expect("a store"));
    let call = |id: Option<&str>, request: &str| {
        let at = Timestamp::from_seconds(1_780_000_000);
        let event = Event { id: id.map(Text::from), at: Some(at), ..Event::default() };
        event.used(TokenMeter::Input, 7).tagged("request_id", request)
    };
    let fates = |store: &Arc<Store>, most: Variety| {
        let cardinality = Cardinality::new(most);
        coarsened(&cardinality, store, "default", &[]);
        let mut coarsening = cardinality.coarsening(store, "default");
        let events = vec![call(None, "first"), call(None, "a"), call(None, "b"), call(Some("c"), "c")];
        let (receipt, _) = store.append_with(events, Vec::new(), |event| coarsening.event(event)).expect("stored");
        ((receipt.stored(), receipt.duplicates()), coarsening.done.0.get("tag").copied().unwrap_or(0))
    };
    let store = open();
    assert_eq!(fates(&store, ONE), ((4, 0), 3));
    let sent_again = |store: &Arc<Store>| {
        assert_eq!(fates(store, ONE), ((0, 4), 3));
        // What was too much is not any more.
        assert_eq!(fates(store, Variety { tag_values: 100, ..FEW }), ((0, 4), 0));
    };
    sent_again(&store);
    drop(store);
    let store = open();
    sent_again(&store);
    store.seal().expect("sealed");
    sent_again(&store);
    drop(store);
    let store = open();
    sent_again(&store);
    let other = store.append(vec![call(Some("c"), "c").used(TokenMeter::Input, 8)]).expect("answered");
    assert_eq!(other.conflicts(), 1, "another event of a known id");
}
