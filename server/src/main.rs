//! The `quipu` binary.

use std::process::ExitCode;

fn main() -> ExitCode {
    quipu_server::cli::main()
}
