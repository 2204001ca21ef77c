//! Any bytes as log files of a store: recovery reports, and never panics or hangs.

#![no_main]

use libfuzzer_sys::fuzz_target;
use quipu::format::names::log_file;
use quipu::io::{Disk, MemoryDisk};
use quipu::log::{Start, recover};

fuzz_target!(|files: (Vec<u8>, Vec<u8>, u8)| {
    let (first, second, flushed) = files;
    let disk = MemoryDisk::default();
    disk.create_dir("wal").expect("memory");
    disk.overwrite(&log_file(1), Some(first));
    disk.overwrite(&log_file(2), Some(second));
    let start = Start { store: [7; 16], flushed_lsn: flushed.into(), min_file: 0 };
    let _ = recover(&disk, start, &mut |_| Ok(()));
});
