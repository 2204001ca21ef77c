//! A real file system that fills up under a running server, and one that nobody can write to.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::json;

use crate::support::{Server, arg, quipu, quipu_with};

/// A small file system in memory, mounted for one test.
struct Mounted {
    at: tempfile::TempDir,
}

impl Mounted {
    /// Mounts one of that size; where that is not permitted, nobody can test this, which is said aloud.
    fn new(size: &str) -> Option<Self> {
        let at = tempfile::tempdir().expect("a directory");
        let mounted = system("mount", &["-t", "tmpfs", "-o", &format!("size={size}"), "quipu-test", arg(at.path())]);
        if !mounted {
            eprintln!(
                "SKIPPED: mounting a file system is not permitted here, so disks that are full or read-only go untested"
            );
        }
        mounted.then_some(Self { at })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.at.path().join(name)
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        system("umount", &["-l", arg(self.at.path())]);
    }
}

fn system(command: &str, args: &[&str]) -> bool {
    let run = Command::new(command).args(args).stdout(Stdio::null()).stderr(Stdio::null()).status();
    run.is_ok_and(|status| status.success())
}

fn event(id: &str, subscriber: &str) -> String {
    json!({"id": id, "at": "2026-01-31T08:00:00Z", "subscriber_id": subscriber, "usage": {"input": 3}}).to_string()
}

#[test]
fn a_full_disk_stops_ingest_alone_and_heals_by_itself() {
    let Some(disk) = Mounted::new("700m") else { return };
    let server = Server::start(&disk.path("store"));
    let send = |id: &str| server.post("/v1/events", &[], event(id, "ann-the-subscriber").as_bytes()).0;
    assert_eq!(send("a"), 200);
    // Less is left than the reserve, which sealing and erasing may still draw on.
    let ballast = disk.path("ballast");
    assert!(system("fallocate", &["-l", "450M", arg(&ballast)]), "no room for the ballast");
    assert_eq!(send("b"), 507);
    assert_eq!((server.count(r#"{"measures": ["requests"]}"#), server.get("/healthz").0), (1, 200));
    let wanted = json!({"subscriber": "ann-the-subscriber", "mode": "delete", "verify": true}).to_string();
    let (status, erased) = server.post("/v1/erasures", &[], wanted.as_bytes());
    assert_eq!((status, &erased["receipt"]["events"], &erased["found"]), (200, &json!(1), &json!([])), "{erased}");
    assert_eq!(send("c"), 507);
    std::fs::remove_file(ballast).expect("removed");
    assert_eq!((send("b"), send("a")), (200, 200));
    assert_eq!(server.count(r#"{"measures": ["requests"]}"#), 1, "what was erased stays so");
    assert!(server.terminate().success());
    assert_eq!(quipu(&["verify", "--store", arg(&disk.path("store"))]).code, Some(0));
}

/// Everything that only reads, on a mount that takes no writes; the log still holds what was not sealed.
#[test]
fn a_store_on_a_read_only_mount_is_read_and_not_written() {
    let Some(disk) = Mounted::new("400m") else { return };
    let store = disk.path("store");
    let server = Server::start(&store);
    assert_eq!(server.post("/v1/events", &[], event("a", "ann").as_bytes()).0, 200);
    server.kill();
    assert!(system("mount", &["-o", "remount,ro", arg(disk.at.path())]), "remounted");
    let commands: [&[&str]; 5] =
        [&["query", "--measure", "requests"], &["event", "a"], &["stat"], &["verify"], &["jobs"]];
    for command in commands {
        let ran = quipu(&[command, &["--store", arg(&store)]].concat());
        assert_eq!(ran.code, Some(0), "{command:?}: {}", ran.err);
    }
    let refused = quipu_with(&["import", "--store", arg(&store), "-"], event("b", "bob").as_bytes());
    assert!(refused.code == Some(1) && refused.err.to_lowercase().contains("read-only"), "{}", refused.err);
    assert!(Path::new(&store).join("wal").exists());
}
