//! The simulated disk must be able to lose what a real one can, and nothing else.

use std::collections::BTreeSet;
use std::io;

use quipu_engine::io::{Disk, LockError};

use super::{Crash, Fault, SimDisk};

/// A disk with the durable file `d/a` reading `old`.
fn disk() -> SimDisk {
    let disk = SimDisk::new(1);
    disk.create_dir("d").expect("directory");
    disk.sync_dir("").expect("sync");
    disk.overwrite("d/a", Some(b"old".to_vec()));
    disk
}

fn read(disk: &SimDisk, path: &str) -> Option<Vec<u8>> {
    disk.files().remove(path)
}

/// Everything that `path` may hold after a power cut.
fn outcomes(disk: &SimDisk, path: &str) -> BTreeSet<Option<Vec<u8>>> {
    disk.crash_states(500, 7).map(|survivor| read(&survivor, path)).collect()
}

#[test]
fn an_unsynced_file_may_be_empty_short_torn_or_whole() {
    let disk = disk();
    let mut file = disk.create("d/b").expect("create");
    disk.sync_dir("d").expect("sync");
    file.append(&[7; 1024]).expect("append");
    let seen: BTreeSet<Vec<u8>> = outcomes(&disk, "d/b").into_iter().map(|content| content.expect("named")).collect();
    assert!(seen.contains(&vec![]), "lost");
    assert!(seen.contains(&vec![7; 1024]), "kept");
    assert!(seen.contains(&vec![0; 1024]), "length without data");
    assert!(seen.contains(&[vec![0; 512], vec![7; 512]].concat()), "the second sector alone");
    assert!(seen.iter().any(|content| (1..1024).contains(&content.len())), "short");
    assert!(seen.iter().any(|content| content.iter().any(|&byte| byte != 0 && byte != 7)), "garbage");
}

#[test]
fn a_synced_file_under_an_unsynced_name_may_be_gone() {
    let disk = disk();
    let mut file = disk.create("d/b").expect("create");
    file.append(b"new").expect("append");
    file.sync().expect("sync");
    assert_eq!(outcomes(&disk, "d/b"), [None, Some(b"new".to_vec())].into());
    disk.sync_dir("d").expect("sync");
    assert_eq!(outcomes(&disk, "d/b"), [Some(b"new".to_vec())].into());
}

#[test]
fn a_rename_may_survive_while_unsynced_content_is_lost() {
    let disk = disk();
    let mut file = disk.create("d/tmp").expect("create");
    file.append(b"new").expect("append");
    disk.rename("d/tmp", "d/b").expect("rename");
    disk.sync_dir("d").expect("sync");
    let seen = outcomes(&disk, "d/b");
    assert!(seen.contains(&Some(vec![])) && seen.contains(&Some(b"new".to_vec())) && !seen.contains(&None));
}

#[test]
fn an_unsynced_removal_may_be_undone_and_a_rename_is_atomic() {
    let disk = disk();
    disk.rename("d/a", "d/b").expect("rename");
    for survivor in disk.crash_states(100, 1) {
        assert_eq!(survivor.files().len(), 1, "either name, never both or none");
    }
    disk.sync_dir("d").expect("sync");
    disk.remove("d/b").expect("remove");
    assert_eq!(outcomes(&disk, "d/b"), [None, Some(b"old".to_vec())].into());
}

#[test]
fn files_go_with_their_unsynced_directory() {
    let disk = SimDisk::new(1);
    disk.create_dir("d").expect("directory");
    disk.create("d/a").expect("create").sync().expect("sync");
    disk.sync_dir("d").expect("sync");
    assert_eq!(outcomes(&disk, "d/a"), [None, Some(vec![])].into());
}

#[test]
fn what_is_synced_survives_every_crash_and_what_is_not_is_all_tried() {
    let disk = disk();
    disk.create("d/b").expect("create");
    disk.create("d/c").expect("create");
    let seen: BTreeSet<Vec<String>> = disk.crash_states(100, 1).map(|s| s.list("d").expect("list")).collect();
    let all = [vec!["a"], vec!["a", "b"], vec!["a", "c"], vec!["a", "b", "c"]];
    assert_eq!(seen, all.map(|names| names.into_iter().map(String::from).collect()).into());
}

#[test]
fn the_extremes_keep_and_lose_everything_and_a_seed_repeats_itself() {
    let disk = disk();
    let mut file = disk.create("d/b").expect("create");
    file.append(&[7; 9000]).expect("append");
    assert_eq!(disk.crash(Crash::KeepAll).files(), disk.files());
    assert_eq!(read(&disk.crash(Crash::LoseAll), "d/b"), None);
    assert_eq!(disk.crash(Crash::Random(5)).files(), disk.crash(Crash::Random(5)).files());
    let states: Vec<_> = disk.crash_states(50, 3).map(|s| s.files()).collect();
    assert_eq!(states.len(), 50);
    assert_eq!(states, disk.crash_states(50, 3).map(|s| s.files()).collect::<Vec<_>>());
}

#[test]
fn a_failed_sync_is_not_made_good_by_the_next() {
    for (fault, visible) in [(Fault::SyncKeepsCache, b"new"), (Fault::SyncDropsCache, b"\0\0\0")] {
        let disk = disk();
        let mut file = disk.create("d/b").expect("create");
        disk.sync_dir("d").expect("sync");
        file.append(b"new").expect("append");
        disk.fail_call(disk.calls() + 1, fault);
        file.sync().expect_err("told to fail");
        assert_eq!(read(&disk, "d/b").expect("there"), visible);
        file.sync().expect("the second one says yes");
        assert_eq!(read(&disk.crash(Crash::KeepAll), "d/b").expect("there"), b"\0\0\0", "{fault:?}");
    }
}

#[test]
fn a_kill_keeps_the_page_cache_but_makes_nothing_durable() {
    let disk = disk();
    let mut file = disk.create("d/b").expect("create");
    file.append(b"new").expect("append");
    let lock = disk.lock("LOCK", "first").expect("free");
    assert!(matches!(disk.lock("LOCK", "second"), Err(LockError::Held(owner)) if owner == "first"));
    let killed = disk.kill();
    assert_eq!(read(&killed, "d/b").expect("visible"), b"new");
    assert_eq!(read(&killed.crash(Crash::LoseAll), "d/b"), None);
    killed.lock("LOCK", "second").expect("free after the kill");
    disk.crash(Crash::KeepAll).lock("LOCK", "third").expect("free after the crash");
    drop(lock);
    disk.lock("LOCK", "fourth").expect("free after the drop");
}

#[test]
fn calls_are_counted_and_the_chosen_one_fails() {
    let disk = disk();
    let before = disk.calls();
    disk.fail_call(before + 2, Fault::Io);
    disk.list("d").expect("the first");
    assert_eq!(disk.list("d").expect_err("the second").kind(), io::ErrorKind::Other);
    disk.list("d").expect("the third");
    assert_eq!(disk.calls(), before + 3);
}

#[test]
fn after_the_machine_died_nothing_works_and_nothing_changes() {
    let disk = disk();
    let mut file = disk.create("d/b").expect("create");
    disk.crash_at_call(disk.calls() + 1);
    file.append(b"last").expect_err("dies within");
    file.append(b"more").expect_err("dead");
    file.sync().expect_err("dead");
    disk.create("d/c").expect_err("dead");
    disk.sync_dir("d").expect_err("dead");
    disk.open("d/a").expect_err("dead");
    let kept = disk.crash(Crash::KeepAll);
    assert_eq!(read(&kept, "d/b").expect("there"), b"last");
    assert_eq!(kept.list("d").expect("list"), ["a", "b"]);
    assert_eq!(read(&disk.crash(Crash::LoseAll), "d/b"), None);
}

#[test]
fn a_full_disk_refuses_and_a_reservation_holds_its_space() {
    let disk = disk();
    disk.set_capacity(1000);
    let mut file = disk.create("d/b").expect("create");
    assert_eq!(file.reserve(2000).expect_err("too much").kind(), io::ErrorKind::StorageFull);
    file.reserve(900).expect("fits");
    assert_eq!(disk.free_bytes().expect("known"), 97);
    let mut other = disk.create("d/c").expect("create");
    assert_eq!(other.append(&[1; 98]).expect_err("one too many").kind(), io::ErrorKind::StorageFull);
    file.append(&[1; 900]).expect("reserved");
    assert_eq!(file.append(&[1]).expect_err("full").kind(), io::ErrorKind::StorageFull);
    disk.remove("d/b").expect("remove");
    assert_eq!(disk.free_bytes().expect("known"), 900);
}
