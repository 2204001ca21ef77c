//! Round trips, damage, contradictions and overlays.

use proptest::prelude::*;

use super::*;
use crate::ErrorKind;
use crate::schema::{CONTEXT_BAND_EDGES, Meter, TokenMeter};

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(seconds)
}

fn input(model: &str, rate: u64, from: i64, until: Option<i64>) -> PriceRule {
    PriceRule {
        from: at(from),
        until: until.map(at),
        ..PriceRule::new(ModelPattern::Exact(model.into()), PriceOf::Meter(TokenMeter::Input.into()), rate)
    }
}

fn any_rule() -> impl Strategy<Value = PriceRule> {
    let name = || prop::sample::select(vec!["", "a", "b", "gpt-4o", "a-name-longer-than-twenty-four-bytes"]);
    let meters = vec![
        PriceOf::Request,
        PriceOf::Everything,
        PriceOf::Meter(TokenMeter::Input.into()),
        PriceOf::Meter(Meter::Named("web_search".into())),
    ];
    let edges: Vec<u64> = [0, 64_000].into_iter().chain(CONTEXT_BAND_EDGES).collect();
    let time = (-5_i64..5, prop::option::of(6_i64..9));
    let hours = prop::option::of(0_u32..3);
    let names = [name(), name(), name(), name(), name(), name()];
    (0..3, names, prop::sample::select(edges), prop::sample::select(meters), time, hours).prop_map(
        |(kind, [model, provider, region, tier, workspace, tenant], above, of, (from, until), hours)| {
            let model = match (kind, model) {
                (0, _) | (_, "") => ModelPattern::Prefix(model.into()),
                (1, _) => ModelPattern::Exact(model.into()),
                _ => ModelPattern::Contains(model.into()),
            };
            let rate = match of {
                PriceOf::Everything => Share::from_ppm(750_000 + u32::from(hours.is_some())).into(),
                _ => Rate::from(above + 1),
            };
            let mut rule = PriceRule::new(model, of, rate);
            (rule.provider, rule.region, rule.service_tier) =
                (Some(provider.into()), Some(region.into()), Some(tier.into()));
            (rule.workspace, rule.tenant) = (Some(workspace.into()), Some(tenant.into()));
            rule.hours = hours.map(|from| Hours::new(1, from, 9).expect("hours"));
            (rule.above, rule.from, rule.until) = (above, at(from), until.map(at));
            rule
        },
    )
}

fn any_alias() -> impl Strategy<Value = Alias> {
    let provider = || prop::option::of("[pq]".prop_map(Text::from));
    ("[a-z]{1,3}", provider(), provider()).prop_map(|(name, provider, of_provider)| Alias {
        model: format!("{name}-model").into(),
        name: name.into(),
        of_provider: provider.as_ref().and(of_provider),
        provider,
    })
}

fn any_book() -> impl Strategy<Value = PriceBook> {
    let parts = (prop::collection::vec(any_rule(), 0..40), prop::collection::vec(any_alias(), 0..4));
    (any::<u32>(), any::<i64>(), ["[a-z ]{0,9}", "[a-z]{0,3}", "[a-z]{0,3}"], parts).prop_map(
        |(version, known_at, [source, added_by, note], (rules, mut aliases))| {
            aliases.sort_unstable();
            aliases.dedup_by(|a, b| (&a.name, &a.provider) == (&b.name, &b.provider));
            let book = PriceBook::new(source, rules).expect("rules of one key have one rate here");
            let book = book.with_aliases(aliases).and_then(|book| book.signed(added_by, note)).expect("valid");
            PriceBook { version, known_at: Timestamp::from_micros(known_at), ..book }
        },
    )
}

proptest! {
    #[test]
    fn a_book_survives_its_bytes(book in any_book()) {
        prop_assert_eq!(PriceBook::decode("book", &book.encode()).expect("own bytes"), book);
    }

    #[test]
    fn any_bytes_give_a_book_or_a_typed_error(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Err(error) = PriceBook::decode("book", &bytes) {
            prop_assert!(matches!(error.kind(), ErrorKind::Corrupt | ErrorKind::Unsupported));
            prop_assert!(error.to_string().starts_with("book: "), "{}", error);
        }
    }

    #[test]
    fn damage_gives_a_book_or_a_typed_error(book in any_book(), bit in any::<prop::sample::Index>()) {
        let mut bytes = book.encode();
        let bit = bit.index(bytes.len() * 8);
        bytes[bit / 8] ^= 1 << (bit % 8);
        if let Err(error) = PriceBook::decode("book", &bytes) {
            prop_assert!(matches!(error.kind(), ErrorKind::Corrupt | ErrorKind::Unsupported));
        }
    }

    #[test]
    fn every_prefix_of_a_book_is_refused(book in any_book()) {
        let bytes = book.encode();
        for end in 0..bytes.len() {
            let error = PriceBook::decode("book", &bytes[..end]).expect_err("cut short");
            prop_assert_eq!(error.kind(), ErrorKind::Corrupt);
        }
    }
}

#[test]
fn a_newer_layout_is_unsupported() {
    let mut bytes = PriceBook::default().encode();
    bytes[0] = 3;
    let error = PriceBook::decode("book/7", &bytes).expect_err("unknown layout");
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert_eq!(error.to_string(), "book/7: price book of layout 3; this build reads up to 2");
}

#[test]
fn contradicting_prices_are_refused_by_name() {
    let error = PriceBook::new("", vec![input("m", 1, 0, None), input("m", 2, 10, Some(20))]).expect_err("two rates");
    assert_eq!(
        error.to_string(),
        "two prices contradict each other: m input: 0.000000000001 USD from 1970-01-01T00:00:00Z and \
         m input: 0.000000000002 USD from 1970-01-01T00:00:10Z until 1970-01-01T00:00:20Z; give the first an `until`"
    );
}

#[test]
fn agreeing_prices_that_overlap_become_one() {
    let rules = vec![input("m", 1, 0, Some(10)), input("m", 1, 5, Some(20)), input("m", 2, 20, None)];
    let book = PriceBook::new("", rules).expect("no contradiction");
    assert_eq!(book.rules(), [input("m", 1, 0, Some(20)), input("m", 2, 20, None)]);
}

#[test]
fn malformed_rules_are_refused() {
    let refused = |rule: PriceRule| PriceBook::new("", vec![rule]).expect_err("malformed").to_string();
    assert!(refused(input("m", 1, 5, Some(5))).contains("ends before it starts"));
    assert!(refused(input("", 1, 0, None)).contains("empty model"));
    assert!(refused(input(&"m".repeat(129), 1, 0, None)).contains("model has 129 bytes"));
    let all = PriceRule { of: PriceOf::Everything, ..input("m", 1, 0, None) };
    assert!(refused(all).contains("one amount for everything; only a share of the list can be"));
}

#[test]
fn providers_and_tiers_take_their_canonical_names() {
    let rule =
        PriceRule { provider: Some("Bedrock".into()), service_tier: Some("Default".into()), ..input("m", 1, 0, None) };
    let book = PriceBook::new("", vec![rule]).expect("valid");
    assert_eq!(book.rules()[0].provider.as_deref(), Some("aws-bedrock"));
    assert_eq!(book.rules()[0].service_tier.as_deref(), Some("standard"));
    assert!(book.knows_provider("aws-bedrock") && !book.knows_provider("bedrock"));
}

#[test]
fn an_overlay_replaces_from_its_start_on_and_keeps_the_past() {
    let old =
        vec![input("a", 1, 0, Some(10)), input("a", 2, 10, None), input("a", 9, -9, Some(0)), input("b", 5, 0, None)];
    let old = PriceBook::new("old", old).expect("valid");
    let new = PriceBook::new("new", vec![input("a", 3, 7, Some(12)), input("c", 6, 0, None)]).expect("valid");
    let both = old.overlaid_by(&new).expect("valid");
    assert_eq!(both.source, "new");
    let expected = [
        input("a", 9, -9, Some(0)),
        input("a", 1, 0, Some(7)),
        input("a", 3, 7, Some(12)),
        input("a", 2, 12, None),
        input("b", 5, 0, None),
        input("c", 6, 0, None),
    ];
    assert_eq!(both.rules(), expected);
}

#[test]
fn an_alias_names_one_model_and_the_one_for_a_provider_goes_first() {
    let alias = |name: &str, provider: Option<&str>, model: &str| Alias {
        name: name.into(),
        provider: provider.map(Text::from),
        model: model.into(),
        of_provider: None,
    };
    let book = PriceBook::default();
    let torn = book.clone().with_aliases(vec![alias("fast", None, "a"), alias("fast", None, "b")]);
    assert_eq!(torn.expect_err("torn").to_string(), "the alias \"fast\" names two models: a and b");
    let two = vec![alias("fast", Some("Bedrock"), "b"), alias("fast", None, "a"), alias("fas", None, "c")];
    let book = book.with_aliases(two).expect("valid");
    let found = |name, provider| book.alias(name, provider).map(|alias| alias.model.as_str());
    assert_eq!(found("fast", Some("aws-bedrock")), Some("b"));
    assert_eq!((found("fast", None), found("fast", Some("x")), found("faster", None)), (Some("a"), Some("a"), None));
    for endless in [vec![alias("a", None, "a")], vec![alias("a", None, "b"), alias("b", None, "a")]] {
        let refused = PriceBook::default().with_aliases(endless).expect_err("endless").to_string();
        assert!(refused.contains("the alias \"a\" leads over more than 8 others"), "{refused}");
    }
    let chain = |links: u32| (0..links).map(|n| alias(&format!("a{n}"), None, &format!("a{}", n + 1))).collect();
    assert!(PriceBook::default().with_aliases(chain(8)).is_ok());
    assert!(PriceBook::default().with_aliases(chain(9)).is_err());
}
