//! Progress on standard error: only on a terminal, only for what takes over a second.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal;
use std::time::{Duration, Instant};

/// A spinner with the current stage, and the time each stage took.
#[derive(Debug)]
pub struct Progress {
    bar: Option<ProgressBar>,
    started: Instant,
    stage: Option<(String, Instant)>,
    /// `(stage, seconds)`.
    pub timings: Vec<(String, f64)>,
}

impl Progress {
    /// Starts; `quiet` shows nothing.
    pub fn new(quiet: bool) -> Self {
        let bar = (!quiet && std::io::stderr().is_terminal()).then(|| {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(10));
            if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} ({elapsed})") {
                bar.set_style(style);
            }
            bar
        });
        Progress { bar, started: Instant::now(), stage: None, timings: Vec::new() }
    }

    /// Enters a stage and ends the one before.
    pub fn stage(&mut self, name: &str) {
        self.end();
        self.stage = Some((name.to_owned(), Instant::now()));
        if let Some(bar) = &self.bar {
            bar.set_message(name.to_owned());
            // the first second stays quiet: most runs are over by then
            let slow = self.started.elapsed() > Duration::from_secs(1);
            bar.enable_steady_tick(if slow { Duration::from_millis(100) } else { Duration::from_secs(1) });
        }
    }

    /// What hears of finished steps of the stage, `total` of them, and shows the time left.
    pub fn counter(&self, total: usize) -> impl Fn(usize) + Sync + use<> {
        let bar = self.bar.clone();
        if let Some(bar) = &bar {
            bar.set_length(total as u64);
            bar.set_position(0);
            let template = "{spinner} {msg} {wide_bar} {human_pos}/{human_len} ({elapsed}, {eta} left)";
            if let Ok(style) = ProgressStyle::with_template(template) {
                bar.set_style(style);
            }
        }
        move |steps| {
            if let Some(bar) = &bar {
                bar.inc(steps as u64);
            }
        }
    }

    /// Ends the last stage and clears the line.
    pub fn finish(&mut self) {
        self.end();
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }

    fn end(&mut self) {
        if let Some((name, start)) = self.stage.take() {
            self.timings.push((name, start.elapsed().as_secs_f64()));
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.finish();
    }
}
