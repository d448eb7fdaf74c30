//! What processes have used, as Linux accounts for it.

use std::fs;
use std::time::Duration;

use diesel::sql_types::Integer;
use diesel::{Connection, PgConnection, QueryableByName, RunQueryDsl};

/// How long a clock tick of `/proc` is; the same on every Linux that Rust builds for.
const TICK: Duration = Duration::from_millis(10);

/// The processes behind one side of the comparison.
pub struct Processes {
    gateway: u32,
    /// PostgreSQL's processes for this database; other databases of the same server do not count.
    servers: Vec<u32>,
}

#[derive(QueryableByName)]
struct Pid {
    #[diesel(sql_type = Integer)]
    pid: i32,
}

impl Processes {
    /// A gateway, and the database's own processes where it has any. To be made when all connections are open.
    pub fn new(gateway: u32, url: &str) -> Self {
        let mut servers = Vec::new();
        if !url.starts_with("sqlite:") {
            let mut conn = PgConnection::establish(url).expect("the server answers");
            let pids: Vec<Pid> = diesel::sql_query(
                "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()",
            )
            .load(&mut conn)
            .expect("the server tells its processes");
            servers = pids.iter().map(|row| u32::try_from(row.pid).expect("a process number")).collect();
        }
        Self { gateway, servers }
    }

    /// User and system time so far of the gateway and of the database's processes, in this order.
    pub fn cpu(&self) -> (Duration, Duration) {
        let used = |pid: &u32| cpu(&pid.to_string()).expect("the process still runs");
        (used(&self.gateway), self.servers.iter().map(used).sum())
    }
}

/// User and system time so far of a process or thread, as `/proc` calls it; none when it is gone.
pub fn cpu(process: &str) -> Option<Duration> {
    let text = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The name of the program may hold anything, but the last parenthesis ends it.
    let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
    // The third field of the line comes first here; user time is the fourteenth, system time the fifteenth.
    let number = |field: usize| fields.get(field - 3)?.parse::<u32>().ok();
    Some(TICK * (number(14)? + number(15)?))
}

/// A figure of a process's memory by its name in `/proc`, in MiB.
pub fn memory(process: &str, name: &str) -> f64 {
    let text = fs::read_to_string(format!("/proc/{process}/status")).expect("the process runs");
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).expect("Linux names it");
    line.trim().trim_end_matches(" kB").parse::<f64>().expect("a number") / 1_024.0
}
