//! On what was measured: a figure without its machine says little.

use std::{fmt, fs, thread, time::Duration};

use serde::Serialize;

/// The machine.
#[derive(Debug, Serialize)]
pub struct Machine {
    /// As the system reports it.
    cpu: String,
    cores: usize,
    memory_gib: u64,
    system: String,
    /// Whether this program was built with optimisations; figures of a debug build are about the build.
    is_optimized: bool,
}

impl Machine {
    /// The one that this runs on.
    pub fn this() -> Self {
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let kernel = read("/proc/sys/kernel/osrelease");
        let memory_kib = field(&read("/proc/meminfo"), "MemTotal").and_then(|text| kib(&text));
        Self {
            cpu: field(&read("/proc/cpuinfo"), "model name").unwrap_or_else(|| "an unknown processor".into()),
            cores: cores(&read("/proc/cpuinfo")),
            memory_gib: memory_kib.unwrap_or(0).div_ceil(1024 * 1024),
            system: format!("{} {}", std::env::consts::OS, kernel.trim()),
            is_optimized: !cfg!(debug_assertions),
        }
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let build = if self.is_optimized { "release" } else { "DEBUG" };
        write!(
            f,
            "{}, {} cores, {} GiB, {}; {build} build",
            self.cpu, self.cores, self.memory_gib, self.system
        )
    }
}

/// All there are: a benchmark may have left this process only one of them.
fn cores(cpuinfo: &str) -> usize {
    match cpuinfo.lines().filter(|line| line.starts_with("processor")).count() {
        0 => thread::available_parallelism().map_or(1, usize::from),
        cores => cores,
    }
}

/// Memory that a process holds, in KiB; none where the system does not say.
pub fn resident_kib(process: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    kib(&field(&status, "VmRSS")?)
}

/// Memory that is a process's own and nobody else's, in KiB; none where the system does not say.
pub fn private_kib(process: u32) -> Option<u64> {
    let maps = fs::read_to_string(format!("/proc/{process}/smaps_rollup")).ok()?;
    Some(kib(&field(&maps, "Private_Dirty")?)? + kib(&field(&maps, "Private_Clean")?)?)
}

/// Processor time that a process has taken, its own and the system's for it, to a hundredth of a second.
pub fn cpu_time(process: u32) -> Option<Duration> {
    ticks(&fs::read_to_string(format!("/proc/{process}/stat")).ok()?)
}

/// Processor time that the thread that asks has taken, to the nanosecond; none where the system does not say.
pub fn thread_cpu_time() -> Option<Duration> {
    let seen = fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    Some(Duration::from_nanos(seen.split_whitespace().next()?.parse().ok()?))
}

/// The fields 14 and 15, in hundredths of a second (`man proc_pid_stat`); the second is a name, which may be anything.
fn ticks(stat: &str) -> Option<Duration> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace().skip(11).map(|field| field.parse::<u64>().ok());
    Some(Duration::from_millis(10 * (fields.next()?? + fields.next()??)))
}

/// The most memory that this process has held, in KiB.
pub fn peak_kib() -> Option<u64> {
    kib(&field(&fs::read_to_string("/proc/self/status").ok()?, "VmHWM")?)
}

/// `model name : Some CPU`
fn field(text: &str, name: &str) -> Option<String> {
    let mut fields = text.lines().filter_map(|line| line.split_once(':'));
    let (_, value) = fields.find(|(key, _)| key.trim() == name)?;
    Some(value.trim().to_owned())
}

/// `5120 kB`
fn kib(text: &str) -> Option<u64> {
    text.strip_suffix("kB")?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_proc_files_are_read() {
        let status = "Name:\tshopwire\nVmHWM:\t    9000 kB\nVmRSS:\t    5120 kB\n";
        assert_eq!(field(status, "VmRSS").and_then(|text| kib(&text)), Some(5120));
        assert_eq!(field(status, "VmSwap"), None);
    }

    #[test]
    fn processor_time_is_what_a_process_took_whatever_its_name() {
        let stat = "7 (a) b (c) S 1 7 7 0 -1 4194304 100 0 0 0 250 50 9 9 20 0 1 0";
        assert_eq!(ticks(stat), Some(Duration::from_secs(3)));
        if cfg!(target_os = "linux") {
            assert!(cpu_time(std::process::id()).is_some() && private_kib(std::process::id()) > Some(1_000));
        }
    }
}
