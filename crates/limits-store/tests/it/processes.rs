//! Real processes: one that holds the store, and one that is killed while it spends.
//!
//! They are this test program once more, asked for a test that only they run. What they do is told them on their
//! standard input; what they have been admitted they write to their standard output at once. No clock is read: a process
//! that spends lets a millisecond pass with every request.

use std::io::{BufRead as _, BufReader, Write as _, stdin};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use ambient::{Clock as _, Entropy as _, Timestamp};
use limits::{
    Batch, BucketSpec, Burst, Charge, Charges, Decision, Kind, LimitName, Limiter as _, Meter as _,
    MilliRate, Period, QuotaSpec, Subject,
};
use limits_store::{OpenError, Settings, Sqlite};
use testkit::{ManualClock, SeededEntropy};

const QUOTA: u64 = 6_000;
const RATE: u32 = 500_000;
const BURST: u32 = 20;
const BATCH: u32 = 64;
const KEY: Subject = Subject::new(7);
const KILLS: u64 = 20;

#[test]
fn a_second_process_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("limits.db");
    let now = Timestamp::from_secs(1_795_435_200);
    let store = Sqlite::open(&path, settings(), now).unwrap();
    assert_eq!(answer_of_another(&path, now), "in use");
    // A refused attempt of this process does not let go of its lock.
    assert!(matches!(Sqlite::open(&path, settings(), now), Err(OpenError::InUse { .. })));
    assert_eq!(answer_of_another(&path, now), "in use");
    store.close(now).unwrap();
    assert_eq!(answer_of_another(&path, now), "opened");
    store_is_free(&path, now);
}

/// The lock of a process that was killed goes with it.
fn store_is_free(path: &Path, now: Timestamp) {
    let mut spender = start("spend", path, now);
    let mut lines = BufReader::new(spender.stdout.take().unwrap()).lines();
    lines.find(|line| line.as_ref().unwrap().starts_with("admitted")).unwrap().unwrap();
    assert!(matches!(Sqlite::open(path, settings(), now), Err(OpenError::InUse { .. })));
    kill(&mut spender);
    Sqlite::open(path, settings(), now).unwrap();
}

#[test]
fn twenty_kills_break_no_law_and_lose_a_batch_each() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("limits.db");
    let entropy = SeededEntropy::new(20);
    let mut now = Timestamp::from_secs(1_795_435_200);
    let mut admitted = Vec::new();
    for _ in 0..KILLS {
        admitted.extend(spend_until_killed(&path, now, entropy.next_u64() % 300));
        now = admitted
            .last()
            .map_or(now, |last: &Timestamp| now.max(*last))
            .plus(Duration::from_millis(entropy.next_u64() % 3_000));
    }
    assert!(admitted.len() > 1_000, "only {} requests in all lives", admitted.len());
    check_law(&admitted);

    // A process that was killed may have been admitted one request that it has not said.
    let store = Sqlite::open(&path, settings(), now).unwrap();
    let charges = charges(&store, now);
    let quota = Charges::try_from(&charges.as_slice()[1..]).unwrap();
    let standing = store.standing(&quota_name(), KEY, now).unwrap();
    let reported = u64::try_from(admitted.len()).unwrap();
    assert!(standing.used + standing.lost >= reported, "{standing:?}, and {reported} were admitted");
    assert!(
        standing.used + standing.lost <= reported + KILLS * u64::from(BATCH + 1),
        "{standing:?}, and {reported} were admitted"
    );
    let rest = (0..).map_while(|_| until_ready(&store, now, &quota)).count();
    let all = reported + u64::try_from(rest).unwrap();
    assert!(all <= QUOTA, "{all} of {QUOTA}");
    assert!(all + KILLS * u64::from(BATCH + 1) >= QUOTA, "{all} of {QUOTA}");
}

/// Over every window of what was admitted, across all lives: `count ≤ burst + rate × window`.
fn check_law(admitted: &[Timestamp]) {
    for (first, from) in admitted.iter().enumerate() {
        for (last, to) in admitted.iter().enumerate().skip(first) {
            assert!(from <= to, "effective time went back");
            let micros = u128::from(to.as_micros() - from.as_micros());
            let count = u128::try_from(last - first + 1).unwrap();
            let law = u128::from(BURST) * 1_000_000_000 + u128::from(RATE) * micros;
            assert!(count * 1_000_000_000 <= law, "{count} in {micros} µs");
        }
    }
}

/// `Some` if the next request is admitted.
fn until_ready(store: &Sqlite, now: Timestamp, charges: &Charges) -> Option<()> {
    loop {
        match store.spend_now(now, charges) {
            Decision::Admitted { .. } => return Some(()),
            Decision::Refused { .. } => return None,
            Decision::Unready { .. } => assert!(store.turn(now).is_some()),
        }
    }
}

/// Starts a process that spends, and kills it once it has said that so many were admitted. The effective times of all
/// that it has said.
fn spend_until_killed(path: &Path, now: Timestamp, most: u64) -> Vec<Timestamp> {
    let mut spender = start("spend", path, now);
    let lines = BufReader::new(spender.stdout.take().unwrap()).lines();
    let mut admitted = Vec::new();
    // What it had written before it died is read after it.
    for line in lines.map_while(Result::ok) {
        if let Some(micros) = line.strip_prefix("admitted ").and_then(|micros| micros.parse().ok()) {
            admitted.push(Timestamp::from_micros(micros));
        }
        if u64::try_from(admitted.len()).unwrap() == most + 1 {
            kill(&mut spender);
        }
    }
    kill(&mut spender);
    admitted
}

fn kill(child: &mut Child) {
    child.kill().unwrap();
    child.wait().unwrap();
}

fn answer_of_another(path: &Path, now: Timestamp) -> String {
    let output = start("open", path, now).wait_with_output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let answer = said.lines().find_map(|line| line.strip_prefix("answer "));
    answer.unwrap_or_else(|| panic!("no answer in {said}")).to_owned()
}

fn start(what: &str, path: &Path, now: Timestamp) -> Child {
    let arguments =
        ["--exact", "processes::the_other_process", "--ignored", "--nocapture", "--test-threads=1"];
    let program = std::env::current_exe().unwrap();
    let child = Command::new(program).args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let mut child = child.unwrap();
    let mut orders = child.stdin.take().unwrap();
    writeln!(orders, "{what} {} {}", now.as_micros(), path.display()).unwrap();
    child
}

#[test]
#[ignore = "a process that the other tests start"]
fn the_other_process() {
    let mut orders = String::new();
    stdin().read_line(&mut orders).unwrap();
    let mut words = orders.trim_end().splitn(3, ' ');
    let [what, micros, path] = [(); 3].map(|()| words.next().unwrap());
    let now = Timestamp::from_micros(micros.parse().unwrap());
    match (what, Sqlite::open(Path::new(path), settings(), now)) {
        ("spend", store) => spend_until_nothing_is_left(&Arc::new(store.unwrap()), now),
        (_, Ok(store)) => {
            println!("\nanswer opened");
            store.close(now).unwrap();
        }
        (_, Err(OpenError::InUse { .. })) => println!("\nanswer in use"),
        (_, Err(error)) => println!("\nanswer {error}"),
    }
}

fn spend_until_nothing_is_left(store: &Arc<Sqlite>, now: Timestamp) {
    let clock = Arc::new(ManualClock::at(now));
    store.start(Arc::clone(&clock) as _).unwrap();
    let charges = charges(store, now);
    println!();
    loop {
        clock.advance(Duration::from_millis(1));
        match store.spend_now(clock.now(), &charges) {
            Decision::Admitted { at, .. } => println!("admitted {}", at.as_micros()),
            // Nobody would ever kill it.
            Decision::Refused { binding, .. } if binding.kind == Kind::Quota => return,
            Decision::Refused { .. } | Decision::Unready { .. } => {}
        }
    }
}

fn settings() -> Settings {
    Settings {
        batch: Batch::new(BATCH.try_into().unwrap()),
        lease: Duration::from_millis(500),
        ..Settings::default()
    }
}

fn quota_name() -> LimitName {
    "quota".parse().unwrap()
}

/// A bucket and a quota.
fn charges(store: &Sqlite, now: Timestamp) -> Charges {
    let spec = BucketSpec { rate: MilliRate::new(RATE), burst: Burst::new(BURST).unwrap() };
    let bucket = store.define("bucket".parse().unwrap(), spec.into(), now).unwrap();
    let quota = QuotaSpec::new(QUOTA, Period::Month, 0).unwrap();
    let quota = store.define(quota_name(), quota.into(), now).unwrap();
    let both = [bucket, quota].map(|limit| Charge { limit, subject: KEY });
    Charges::try_from(both.as_slice()).unwrap()
}
