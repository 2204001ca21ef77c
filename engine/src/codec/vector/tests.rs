use super::*;
use proptest::prelude::*;

/// Vectors that suit each scheme, cut at any length.
fn vectors() -> impl Strategy<Value = Vec<u64>> {
    let wide = prop_oneof![Just(0), 0..5_u64, 0..1_u64 << 40, any::<u64>()];
    let steps = prop::collection::vec(0..1_000_000_u64, VECTOR_ROWS);
    let few = (prop::collection::vec(any::<u64>(), 1..40), prop::collection::vec(any::<usize>(), VECTOR_ROWS));
    let multiples =
        (1..2000_u64, 0..2_u64, prop::collection::vec(prop::option::weighted(0.9, 0..1_u64 << 40), 1..=VECTOR_ROWS));
    let mostly = |rare: u32| prop_oneof![1000 - rare => Just(7_u64), rare => any::<u64>()];
    prop_oneof![
        (prop::collection::vec(wide, 1..VECTOR_ROWS), 1..50_usize).prop_map(|(values, stretch)| {
            values.into_iter().flat_map(|value| std::iter::repeat_n(value, stretch)).take(VECTOR_ROWS).collect()
        }),
        (any::<u64>(), steps).prop_map(|(start, steps)| {
            steps.iter().scan(start, |at, step| Some(std::mem::replace(at, at.wrapping_add(*step)))).collect()
        }),
        few.prop_map(|(values, picks)| picks.into_iter().map(|pick| values[pick % values.len()]).collect()),
        multiples.prop_map(|(factor, form, numbers)| {
            numbers.into_iter().map(|number| number.map_or(0, |number| number * factor + form)).collect()
        }),
        prop::collection::vec(mostly(30), 1..=VECTOR_ROWS),
        prop::collection::vec(mostly(300), 1..=VECTOR_ROWS),
    ]
}

fn scheme_of(values: &[u64]) -> u8 {
    let mut bytes = Vec::new();
    encode::vector(values, &mut bytes);
    bytes[0]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn blocks_come_back(vectors in prop::collection::vec(vectors(), 1..4)) {
        let values = vectors.concat();
        let mut bytes = Vec::new();
        let summary = encode(&values, &mut bytes);
        prop_assert_eq!(summary, Summary::of(&values));
        let mut back: Vec<u64> = Vec::new();
        decode(&bytes, values.len(), &summary, &mut back).unwrap();
        prop_assert_eq!(&back, &values);
        for (vector, expected) in values.chunks(VECTOR_ROWS).enumerate() {
            back.clear();
            decode_vector(&bytes, values.len(), &summary, vector, &mut back).unwrap();
            prop_assert_eq!(&back, expected);
        }
        for (row, expected) in values.iter().enumerate() {
            prop_assert_eq!(decode_value(&bytes, values.len(), &summary, row).unwrap(), *expected);
        }
        for step in [1, 7, 300, 900] {
            let wanted: Vec<u32> = (0..values.len()).step_by(step).map(|row| u32::try_from(row).unwrap()).collect();
            let expected: Vec<u64> = wanted.iter().map(|row| values[*row as usize]).collect();
            back.clear();
            decode_rows(&bytes, values.len(), &summary, &wanted, &mut back).unwrap();
            prop_assert_eq!(&back, &expected);
        }
        let beyond = [u32::try_from(values.len()).unwrap()];
        prop_assert!(decode_rows(&bytes, values.len(), &summary, &beyond, &mut back).is_err());
    }

    #[test]
    fn any_bytes_are_decoded_or_refused(
        scheme in 0..8_u8, body in prop::collection::vec(any::<u8>(), 0..600), rows in 1..=VECTOR_ROWS,
    ) {
        let summary = Summary { min: 0, max: 9, sum: 0, nonzero: 0 };
        let len = u16::try_from(body.len() + 1).unwrap();
        let block: Vec<u8> = len.to_le_bytes().into_iter().chain([scheme]).chain(body.iter().copied()).collect();
        for bytes in [&block, &body] {
            let mut out: Vec<u64> = Vec::new();
            let decoded = decode(bytes, rows, &summary, &mut out).is_ok();
            prop_assert!(!decoded || out.len() == rows);
            let all: Vec<u32> = (0..u32::try_from(rows).unwrap()).collect();
            let mut picked: Vec<u64> = Vec::new();
            prop_assert!(decode_rows(bytes, rows, &summary, &all, &mut picked).is_err() || picked.len() == rows);
            for row in 0..rows {
                // One value may be read of a vector that is damaged elsewhere.
                if let Ok(value) = decode_value(bytes, rows, &summary, row) {
                    prop_assert!(!decoded || out.get(row) == Some(&value));
                }
            }
        }
    }

    #[test]
    fn a_changed_byte_is_decoded_or_refused(values in vectors(), at in any::<usize>(), byte in any::<u8>()) {
        let mut bytes = Vec::new();
        let summary = encode(&values, &mut bytes);
        if !bytes.is_empty() {
            let at = at % bytes.len();
            bytes[at] = byte;
        }
        let mut out: Vec<u32> = Vec::new();
        if decode(&bytes, values.len(), &summary, &mut out).is_ok() {
            prop_assert_eq!(out.len(), values.len());
        }
    }
}

#[test]
fn each_scheme_is_chosen_where_it_is_shortest() {
    let noise = |n: u64| n.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
    let vector = |value: &dyn Fn(u64) -> u64| (0..1024).map(value).collect::<Vec<_>>();
    assert_eq!(scheme_of(&[5; 300]), CONSTANT);
    assert_eq!(scheme_of(&vector(&|n| noise(n) % 1000)), FRAME_OF_REFERENCE);
    assert_eq!(scheme_of(&vector(&|n| if n % 50 == 0 { noise(n) } else { noise(n) % 64 })), FRAME_OF_REFERENCE);
    assert_eq!(scheme_of(&vector(&|n| n * 1_000_000 + noise(n) % 1000)), DELTA);
    assert_eq!(scheme_of(&vector(&|n| noise(n) * 1000)), SCALED);
    assert_eq!(scheme_of(&vector(&|n| if n % 7 == 0 { 0 } else { noise(n) * 1000 + 1 })), SCALED);
    assert_eq!(scheme_of(&vector(&|n| noise(n / 9) % 50_000)), RUNS);
    assert_eq!(scheme_of(&vector(&|n| if n % 20 == 0 { noise(n) % 500 } else { 201 })), SPARSE);
    assert_eq!(scheme_of(&vector(&|n| noise(noise(n) % 20))), DICTIONARY);
}
