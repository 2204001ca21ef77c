//! The `quipu` binary.

use std::process::ExitCode;

/// Events are made on one thread and dropped on another, which this allocator is good at.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    quipu_server::cli::main()
}
