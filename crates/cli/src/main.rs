//! The `drillmaster` command. All of it is in the library.

/// A fifth of the time of a row went into the system's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    drillmaster::main()
}
