//! Files cut, removed and exchanged.

use quipu_engine::format::log_header::LOG_HEADER_BYTES;

use super::bits::meaning;
use super::{Fixture, in_parallel};

#[test]
fn a_file_cut_anywhere_is_refused_unless_the_log_ends_sooner() {
    let fixture = Fixture::small();
    let mut cuts = Vec::new();
    for (path, content) in &fixture.files {
        let meaning = meaning(path, content);
        // What only fills the log is cut here and there.
        let tried = |len: &usize| meaning[*len] || len.is_multiple_of(97);
        cuts.extend((0..content.len()).filter(tried).map(|len| (path.as_str(), len)));
    }
    in_parallel(&cuts, |&(path, len)| {
        // Of frames that are gone altogether nothing is left that could tell that they were acknowledged.
        let log_goes_on = path.starts_with("wal/") && len >= LOG_HEADER_BYTES;
        let shorter = if log_goes_on { fixture.prefixes.as_slice() } else { &[] };
        let what = format!("{path} cut to {len}");
        let right = fixture.answers_rightly(&[(path, Some(fixture.files[path][..len].to_vec()))], shorter, &what);
        assert_eq!(right, log_goes_on, "{what}: not noticed, or too much refused");
        right
    });
}

#[test]
fn every_removed_file_is_missed() {
    let fixture = Fixture::new();
    for path in fixture.files.keys() {
        assert!(!fixture.answers_rightly(&[(path, None)], &[], &format!("{path} removed")), "{path} was not missed");
    }
}

#[test]
fn files_that_changed_places_are_refused() {
    let fixture = Fixture::new();
    let mut exchanged = 0;
    for (a, content_a) in &fixture.files {
        for (b, content_b) in fixture.files.iter().filter(|(b, _)| *b > a) {
            let damage = [(a.as_str(), Some(content_b.clone())), (b.as_str(), Some(content_a.clone()))];
            assert!(!fixture.answers_rightly(&damage, &[], &format!("{a} and {b} exchanged")), "{a}, {b}");
            exchanged += 1;
        }
    }
    assert!(exchanged > 20, "{exchanged}");
}
