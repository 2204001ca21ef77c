use std::collections::{BTreeMap, BTreeSet};

use quipu::io::MemoryDisk;
use quipu::{ErrorKind, Timestamp};

use super::*;

const NOW: Timestamp = Timestamp::from_seconds(1_767_225_600);

fn later(seconds: i64) -> Timestamp {
    Timestamp::from_micros(NOW.micros() + seconds * 1_000_000)
}

fn create(tokens: &mut Tokens, expires: Option<Timestamp>) -> quipu::Result<(Token, Issued)> {
    let draft = |id, secret| Token {
        id,
        name: "ci".into(),
        scopes: BTreeSet::from([Permission::Ingest]),
        workspace: "default".into(),
        tenant: Some("acme".into()),
        team: None,
        defaults: BTreeMap::from([("project".into(), "search".into())]),
        created: Stamp(NOW),
        expires: expires.map(Stamp),
        revoked: None,
        secret,
        previous: None,
    };
    tokens.create(draft, &MemoryDisk::default())
}

#[test]
fn only_the_text_that_was_issued_finds_a_token() {
    let mut tokens = Tokens::default();
    let (token, issued) = create(&mut tokens, None).expect("valid");
    let text = issued.reveal().to_owned();
    assert_eq!(tokens.find(&text, NOW), Ok(&token));
    assert!(text.starts_with(&format!("qp_{}_", token.id)) && text.len() == 3 + 12 + 1 + 64, "{text}");
    for at in 0..text.len() {
        let mut other = text.clone().into_bytes();
        other[at] = if other[at] == b'0' { b'1' } else { b'0' };
        let other = String::from_utf8(other).expect("ASCII");
        assert_eq!(tokens.find(&other, NOW), Err(Refusal::Unknown), "{other}");
    }
    for other in ["", "qp_", "qp__", &text[..text.len() - 1], &format!("{text}0"), &text.to_uppercase()] {
        assert_eq!(tokens.find(other, NOW), Err(Refusal::Unknown), "{other}");
    }
    assert!(!format!("{issued:?}{token:?}").contains(text.rsplit('_').next().expect("a secret")));
}

#[test]
fn a_rotated_token_is_good_under_both_texts_until_the_overlap_ends() {
    let mut tokens = Tokens::default();
    let (token, old) = create(&mut tokens, None).expect("valid");
    let (_, new) = tokens.rotate(&token.id, later(60), NOW, &MemoryDisk::default()).expect("there is one");
    assert!(tokens.find(old.reveal(), later(59)).is_ok() && tokens.find(new.reveal(), later(59)).is_ok());
    assert_eq!(tokens.find(old.reveal(), later(60)), Err(Refusal::Unknown));
    assert!(tokens.find(new.reveal(), later(60)).is_ok());
    assert_eq!(tokens.revoke("nobody", NOW).map_err(|error| error.kind()), Err(ErrorKind::NotFound));
    tokens.revoke(&token.id, NOW).expect("there is one");
    for text in [old.reveal(), new.reveal()] {
        assert!(matches!(tokens.find(text, NOW), Err(Refusal::Ended(why)) if why.contains("revoked")));
    }
    let again = tokens.rotate(&token.id, NOW, NOW, &MemoryDisk::default());
    assert_eq!(again.map_err(|error| error.kind()).err(), Some(ErrorKind::Conflict));
}

#[test]
fn an_expired_token_says_so_to_whoever_holds_it_and_to_nobody_else() {
    let mut tokens = Tokens::default();
    let (token, issued) = create(&mut tokens, Some(later(60))).expect("valid");
    assert!(tokens.find(issued.reveal(), later(59)).is_ok());
    assert!(matches!(tokens.find(issued.reveal(), later(60)), Err(Refusal::Ended(why)) if why.contains("expired")));
    let guess = format!("qp_{}_{}", token.id, "0".repeat(64));
    assert_eq!(tokens.find(&guess, later(60)), Err(Refusal::Unknown));
}

#[test]
fn the_file_keeps_hashes_only_for_its_owner_only_and_tells_when_it_changed() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().expect("a directory");
    let folder = Folder::of_store(dir.path());
    assert!(folder.tokens().expect("none yet").is_empty());
    let before = folder.tokens_version().expect("none yet");
    let (token, issued) = folder.change_tokens(|tokens| create(tokens, None)).expect("written");
    let after = folder.tokens_version().expect("there");
    assert_ne!(before, after);
    assert_eq!(folder.tokens().expect("read").find(issued.reveal(), NOW), Ok(&token));
    let path = dir.path().join("server/tokens.json");
    let text = std::fs::read_to_string(&path).expect("readable");
    assert!(!text.contains(issued.reveal().rsplit('_').next().expect("a secret")), "{text}");
    let mode = |path: &std::path::Path| std::fs::metadata(path).expect("there").permissions().mode() & 0o777;
    assert_eq!((mode(&path), mode(&dir.path().join("server"))), (0o600, 0o700));
    let refused = folder.change_tokens(|tokens| tokens.revoke("nobody", NOW));
    assert_eq!(refused.map_err(|error| error.kind()).err(), Some(ErrorKind::NotFound));
    assert_eq!(folder.tokens_version().expect("there"), after);
    std::fs::write(&path, &text[..text.len() / 2]).expect("writable");
    assert_eq!(folder.tokens().map_err(|error| error.kind()).err(), Some(ErrorKind::Corrupt));
    // Whatever cannot be read is not the absence of tokens, which would let everybody in.
    std::fs::remove_dir_all(dir.path().join("server")).expect("removable");
    std::fs::write(dir.path().join("server"), "a file").expect("writable");
    assert!(folder.tokens().is_err() && folder.tokens_version().is_err());
}

#[test]
fn what_contradicts_itself_makes_no_token() {
    let mut tokens = Tokens::default();
    for (name, value) in [("workspace", "other"), ("colour", "red"), ("team", "")] {
        let draft = |id, secret| {
            let mut template = Tokens::default();
            let (token, _) = create(&mut template, None).expect("valid");
            Token { id, secret, defaults: BTreeMap::from([(name.into(), value.into())]), ..token }
        };
        let error = tokens.create(draft, &MemoryDisk::default()).expect_err("must be refused");
        assert!(error.to_string().contains(if value.is_empty() { "bytes" } else { name }), "{error}");
    }
    assert!(tokens.is_empty());
}

#[test]
fn an_audit_log_tells_when_it_was_tampered_with_and_loses_only_what_was_never_acknowledged() {
    let dir = tempfile::tempdir().expect("a directory");
    let folder = Folder::of_store(dir.path());
    assert_eq!(folder.audit().expect("none yet"), []);
    for detail in ["a", &"ä".repeat(4096), "c"] {
        folder.record("cli", "token.create", detail, NOW).expect("written");
    }
    let entries = folder.audit().expect("whole");
    assert_eq!(entries.iter().map(|entry| entry.number).collect::<Vec<_>>(), [1, 2, 3]);
    let path = dir.path().join("server/audit.ndjson");
    let text = std::fs::read_to_string(&path).expect("readable");
    std::fs::write(&path, format!("{text}{{\"number\": 4, \"a")).expect("writable");
    assert_eq!(folder.audit().expect("whole"), entries);
    folder.record("cli", "token.revoke", "d", NOW).expect("written");
    assert_eq!(folder.audit().expect("whole").len(), 4);
    let lines: Vec<&str> = text.lines().collect();
    let altered = [
        text.replacen("\"a\"", "\"b\"", 1),
        format!("{}\n{}\n", lines[0], lines[2]),
        format!("{}\n{}\n", lines[1], lines[2]),
        format!("{}\n{}\n{}\n", lines[1], lines[0], lines[2]),
    ];
    for text in altered {
        std::fs::write(&path, &text).expect("writable");
        assert_eq!(folder.audit().map_err(|error| error.kind()).err(), Some(ErrorKind::Corrupt), "{text}");
    }
}

#[test]
fn the_last_use_is_written_down_and_read_back() {
    let dir = tempfile::tempdir().expect("a directory");
    let folder = Folder::of_store(dir.path());
    let used = LastUsed::load(&folder).expect("none yet");
    used.note("a", later(5));
    used.note("a", NOW);
    used.save(&folder).expect("written");
    let read = LastUsed::load(&folder).expect("read");
    assert_eq!((read.get("a"), read.get("b")), (Some(later(5)), None));
}
