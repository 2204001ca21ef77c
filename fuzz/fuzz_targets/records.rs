//! Any bytes as what lies behind checksums: log records, manifests, price books, attributions, dictionaries,
//! bitmaps, blocks of numbers and of texts. No panic; what is accepted is written as it was read.

#![no_main]

use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use quipu::PriceBook;
use quipu::attribution::Attribution;
use quipu::codec::bytes::Reader;
use quipu::codec::{dictionary, front, ids, texts, vector};
use quipu::format::correction_row::{decode_amendment, decode_corrections, encode_corrections};
use quipu::format::event_row::{EventRows, decode_events, decode_outcomes, encode_outcomes};
use quipu::format::manifest::Manifest;
use quipu::index::buckets::Buckets;
use quipu::index::{bitmap, filter};

fuzz_target!(|input: &[u8]| {
    let Some((which, bytes)) = input.split_first() else { return };
    match which % 10 {
        0 => {
            if let Ok(events) = decode_events(bytes) {
                let mut rows = EventRows::default();
                events.iter().for_each(|event| rows.push(event));
                assert_eq!(decode_events(&rows.finish()), Ok(events));
            }
        }
        1 => {
            if let Ok(outcomes) = decode_outcomes(bytes) {
                let shared: Vec<_> = outcomes.iter().cloned().map(Arc::new).collect();
                assert_eq!(decode_outcomes(&encode_outcomes(&shared)), Ok(outcomes));
            }
        }
        2 => {
            if let Ok(manifest) = Manifest::decode(bytes) {
                assert_eq!(Manifest::decode(&manifest.encode()), Ok(manifest));
            }
        }
        3 => drop(PriceBook::decode("fuzz", bytes)),
        4 => {
            if let Ok(dictionary) = front::decode(bytes) {
                assert_eq!(front::decode(&front::encode(&dictionary)), Ok(dictionary));
            }
            if let Ok(values) = dictionary::decode(bytes) {
                assert_eq!(dictionary::decode(&dictionary::encode(&values)), Ok(values));
            }
        }
        5 => {
            if let Ok(Some(rows)) = bitmap::decode(bytes, 1, 1_000) {
                assert!(rows.max().is_none_or(|max| max < 1_000), "a row beyond the last");
            }
            let _ = filter::may_contain(bytes, 7);
            if let Ok(set) = Buckets::of(bytes, 48) {
                assert!(set.find(7).count() <= set.iter().count(), "more found than there are");
            }
        }
        6 => {
            let (mut out, summary) = (Vec::<u64>::new(), vector::Summary { min: 0, max: 1, sum: 0, nonzero: 0 });
            if vector::decode(bytes, 3_000, &summary, &mut out).is_ok() {
                assert_eq!(out.len(), 3_000);
                let value = vector::decode_value(bytes, 3_000, &summary, 1_500);
                assert_eq!(value, Ok(out[1_500]), "one value differs from its vector");
            }
        }
        8 => {
            if let Ok(attribution) = Attribution::decode(bytes) {
                assert_eq!(Attribution::decode(&attribution.encode()), Ok(attribution));
            }
        }
        7 => {
            if let Ok(corrections) = decode_corrections(bytes) {
                assert!(decode_corrections(&encode_corrections(&corrections)).is_ok());
            }
            let _ = decode_amendment(&mut Reader::new(bytes));
        }
        _ => {
            let _ = texts::decode_frame(bytes, 3_000, 1);
            let _ = ids::Frame::of(bytes, 3_000, 1).map(|frame| (frame.get(7, 5), frame.decode(&[0; 1024])));
            let _ = texts::decompress(bytes, 1 << 20);
        }
    }
});
