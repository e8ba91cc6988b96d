//! Processes as the kernel accounts for them.

use std::fs;

use crate::Done;

/// Microseconds of a clock tick in `/proc`: 100 a second on every Linux.
const TICK_US: f64 = 10_000.0;

/// Microseconds of CPU that a process has used.
pub fn cpu_us(pid: u32) -> Done<f64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The name, in brackets, may have spaces.
    let (_, rest) = stat.rsplit_once(')').ok_or("no name in stat")?;
    let ticks = |index: usize| rest.split_whitespace().nth(index).and_then(|of| of.parse().ok());
    let (user, system): (u64, u64) = ticks(11).zip(ticks(12)).ok_or("no times in stat")?;
    Ok((user + system) as f64 * TICK_US)
}

/// Bytes of memory that a process holds now, and that it held at most.
pub fn memory(pid: u32) -> Done<(u64, u64)> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let bytes = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let kilobytes =
            line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
        kilobytes.map(|kilobytes| kilobytes * 1_024)
    };
    Ok(bytes("VmRSS:").zip(bytes("VmHWM:")).ok_or("no memory in status")?)
}
