//! PostgreSQL beside SQLite, and a host that forwards its calls beside the one that leads.

use std::time::Duration;

use tokio::time::sleep;

use super::{Bench, CALLERS, Delivered, millis};
use crate::Done;
use crate::desk::Desk;
use crate::load::{Load, closed_loop, open_loop};
use crate::receiver::Receiver;

const FORWARDED: &str = "postgres, forwarded";

impl Bench<'_> {
    /// Deliveries over either store, to the same receiver.
    pub(super) async fn over_postgres(&mut self, row: &str, webhooks: u64) -> Done<()> {
        let receiver = Receiver::start()?;
        let mut of_sqlite = None;
        for is_postgres in [false, true] {
            let desk = if is_postgres {
                Desk::start_over_postgres(self.binary).await?
            } else {
                Desk::start(self.binary).await?
            };
            desk.register(&receiver.url("/ok/"), usize::try_from(webhooks)?, "").await?;
            let before = desk.cpu_us()?;
            let Delivered { events, took, count } = self.load(&desk, &receiver, webhooks).await?;
            let cpu = (desk.cpu_us()? - before) / events as f64;
            let rate = events as f64 / took.as_secs_f64();
            let (sqlite_rate, sqlite_cpu) = *of_sqlite.get_or_insert((rate, cpu));
            if is_postgres {
                self.note(row, "deliveries over SQLite's", rate / sqlite_rate);
                self.note(row, "CPU of the desk, µs", cpu);
                self.note(row, "CPU over SQLite's", cpu / sqlite_cpu);
                self.note(row, "p99 from call to delivery, ms", millis(count.lag_p99_us));
            }
        }
        Ok(())
    }

    /// Calls of the host that leads, and of another, which forwards them.
    pub(super) async fn forwarded(&mut self) -> Done<()> {
        let leader = Desk::start_over_postgres(self.binary).await?;
        let other = leader.beside().await?;
        // Until the other knows who leads.
        sleep(Duration::from_secs(2)).await;
        let time = self.options.load_time();
        let mut of_leader = None;
        for called in [&leader, &other] {
            let before = (leader.cpu_us()?, other.cpu_us()?);
            let load = closed_loop(called.port, CALLERS, time, Desk::event).await?;
            let calls = load.requests as f64;
            let cpu = (leader.cpu_us()? - before.0) / calls;
            let cpu_of_other = (other.cpu_us()? - before.1) / calls;
            let Load { latencies_us, .. } = open_loop(called.port, 200, time, Desk::event).await?;
            let (p50, p99) = (millis(latencies_us.at(0.5)), millis(latencies_us.at(0.99)));
            let (leader_rate, leader_cpu) = *of_leader.get_or_insert((load.rate(), cpu));
            if called.port == leader.port {
                self.note(FORWARDED, "not forwarded, p50 ms", p50);
                self.note(FORWARDED, "not forwarded, p99 ms", p99);
                self.note(FORWARDED, "not forwarded, CPU of the leader, µs", cpu);
            } else {
                self.note(FORWARDED, "p50 ms", p50);
                self.note(FORWARDED, "p99 ms", p99);
                self.note(FORWARDED, "rate over not forwarded", load.rate() / leader_rate);
                self.note(FORWARDED, "CPU of the leader over the same", cpu / leader_cpu);
                self.note(FORWARDED, "CPU of the host that forwards, µs", cpu_of_other);
            }
        }
        Ok(())
    }
}
