//! The number of threads.

/// Sets the number of threads of the reader and of everything else that runs in parallel.
///
/// Both pools read their size once, so this must come before the first load and before other threads start; later
/// calls change nothing and return `false`.
pub fn set_threads(count: usize) -> bool {
    use std::sync::atomic::{AtomicBool, Ordering};
    static DONE: AtomicBool = AtomicBool::new(false);
    if DONE.swap(true, Ordering::SeqCst) {
        return false;
    }
    let count = count.max(1);
    // SAFETY: documented to come before any other thread starts; nothing reads the environment meanwhile.
    #[allow(unsafe_code)]
    unsafe {
        std::env::set_var("POLARS_MAX_THREADS", count.to_string());
    }
    rayon::ThreadPoolBuilder::new().num_threads(count).build_global().is_ok()
}
