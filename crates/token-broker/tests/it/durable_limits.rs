//! Limits across restarts: clean ones, `kill -9` under load, and files that are not ours.

use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::Duration;

use ambient::{Clock as _, SystemClock};
use serde_json::Value;

use crate::harness::{Place, Server};

/// Two clients with a limit each, and nothing else in the way. The lease is the shortest there is.
const DEFINITION: &str = r#"
api:
  throttle: { rate: 100000, burst: 100000 }
  token_endpoint:
    identity: api_key
    throttle: { rate: 100000, burst: 100000 }
plans:
  counted: { throttle: { rate: 50000, burst: 50000 }, quota: { limit: 6000, period: month } }
  throttled: { throttle: { rate: 40, burst: 20 } }
  few: { throttle: { rate: 0.001, burst: 3 }, quota: { limit: 5, period: month } }
clients:
  counted: { plan: counted, scopes: [orders/read] }
  throttled: { plan: throttled, scopes: [orders/read] }
  few: { plan: few, scopes: [orders/read] }
homes:
  local:
    front_door: "127.0.0.1:0"
    admin: "127.0.0.1:0"
    user_pool_listen: "127.0.0.1:0"
    account_throttle: { rate: 200000, burst: 200000 }
    limits: { quota_batch: 40, lease: 1s }
"#;

const QUOTA: u64 = 6_000;
const BATCH: u64 = 40;
const RATE: u128 = 40;
const BURST: u128 = 20;
const KILLS: u64 = 20;
const FORM: &str = "grant_type=client_credentials&scope=orders%2Fread";

/// An answer to one of the clients: when the request was sent, when its answer was there, on a clock that is never set.
#[derive(Clone, Copy, Debug)]
struct Answer {
    throttled: bool,
    status: u16,
    /// Seconds that the client is told to wait.
    retry_after: Option<u64>,
    sent: Duration,
    received: Duration,
}

#[test]
fn twenty_kills_under_load_hand_out_nothing_twice() {
    let place = Place::with(DEFINITION);
    let mut random = 0x5eed_u64;
    let mut answers: Vec<Answer> = Vec::new();
    for round in 0..KILLS {
        let server = place.up(&[]);
        let (counted, throttled) = (next(&mut random) % 120, next(&mut random) % 30);
        // In every other round the throttle is waited for as well, through the time in which all buckets are empty.
        let wanted = [counted, if round.is_multiple_of(2) { throttled } else { 0 }];
        load(&place, server, &mut answers, |so_far| {
            let admitted =
                |throttled| so_far.iter().filter(|a| a.throttled == throttled && a.status == 200).count();
            admitted(false) as u64 >= wanted[0] && admitted(true) as u64 >= wanted[1]
        });
    }
    // The last run uses up what is left, to the last request.
    let server = place.up(&[]);
    load(&place, server, &mut answers, |so_far| {
        so_far.iter().any(|a| !a.throttled && a.retry_after.is_some_and(|wait| wait > 3_600))
    });

    let unexpected = answers.iter().find(|answer| ![200, 429, 503].contains(&answer.status));
    assert!(unexpected.is_none(), "{unexpected:?}");
    let admitted = answers.iter().filter(|answer| !answer.throttled && answer.status == 200).count() as u64;
    assert!(admitted <= QUOTA, "{admitted} of {QUOTA}");
    // Besides a batch, each kill may have taken the answer of one request that had been admitted.
    assert!(
        admitted >= QUOTA - KILLS * (BATCH + 1),
        "{admitted} of {QUOTA}: more than a batch was lost each time"
    );
    let throttled: Vec<&Answer> =
        answers.iter().filter(|answer| answer.throttled && answer.status == 200).collect();
    assert!(throttled.len() > 60, "only {} passed the throttle: too few to mean anything", throttled.len());
    for (first, from) in throttled.iter().enumerate() {
        for (count, to) in (1_u128..).zip(&throttled[first..]) {
            // Admitted at the earliest when it was sent, at the latest when it was answered.
            let micros = to.received.saturating_sub(from.sent).as_micros();
            assert!(count * 1_000_000 <= BURST * 1_000_000 + RATE * micros, "{count} in {micros} us");
        }
    }
}

/// Loads a server with both clients until `enough` of this round's answers are there, and kills it.
fn load(place: &Place, server: Server, answers: &mut Vec<Answer>, enough: impl Fn(&[Answer]) -> bool) {
    let url = server.url("invoke_url");
    let (sender, receiver) = channel();
    thread::scope(|scope| {
        for client in ["counted", "throttled"] {
            let key = place.read(&format!(".token-broker/keys/{client}"));
            let (url, sender) = (url.clone(), sender.clone());
            scope.spawn(move || ask_until_nobody_answers(&url, key.trim(), client == "throttled", &sender));
        }
        drop(sender);
        let mut round = Vec::new();
        while !enough(&round) {
            round.push(receiver.recv().unwrap());
        }
        let (code, _said) = server.stop("-KILL");
        assert_eq!(code, None, "it ended by itself");
        // What was answered before the end counts too.
        round.extend(receiver);
        answers.append(&mut round);
    });
}

fn ask_until_nobody_answers(url: &str, key: &str, throttled: bool, sender: &Sender<Answer>) {
    loop {
        let sent = SystemClock.uptime();
        let Ok((status, retry_after)) = ask(url, key) else { return };
        let answer = Answer { throttled, status, retry_after, sent, received: SystemClock.uptime() };
        if sender.send(answer).is_err() {
            return;
        }
    }
}

/// The status of an answer that came whole, and its `Retry-After`.
fn ask(url: &str, key: &str) -> io::Result<(u16, Option<u64>)> {
    let (address, path) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let mut stream = TcpStream::connect(address)?;
    let length = FORM.len();
    let head = format!(
        "POST /{path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nx-api-key: {key}\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {length}\r\n\r\n{FORM}"
    );
    stream.write_all(head.as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let status =
        answer.get(9..12).and_then(|status| status.parse().ok()).ok_or(io::ErrorKind::UnexpectedEof)?;
    let mut lines = answer.lines().take_while(|line| !line.is_empty());
    let wait = lines.find_map(|line| line.strip_prefix("retry-after: ")?.parse().ok());
    Ok((status, wait))
}

/// Xorshift: enough to make moments differ, the same in every run.
fn next(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}

fn status(place: &Place, server: &Server, client: &str) -> (u16, String) {
    let key = place.read(&format!(".token-broker/keys/{client}"));
    let (status, body) = server.token(key.trim(), FORM);
    (status, body["error"].as_str().unwrap_or_default().to_owned())
}

#[test]
fn clean_stop_loses_nothing_and_gives_nothing() {
    let place = Place::with(&DEFINITION.replace("rate: 0.001, burst: 3", "rate: 0.001, burst: 100"));
    let server = place.up(&[]);
    assert_eq!([(); 3].map(|()| status(&place, &server, "few").0), [200; 3]);
    assert_eq!(server.stop("-TERM").0, Some(0));
    let server = place.up(&[]);
    assert_eq!([(); 3].map(|()| status(&place, &server, "few").0), [200, 200, 429]);
    assert_eq!(server.stop("-TERM").0, Some(0));

    let place = Place::with(DEFINITION);
    let server = place.up(&[]);
    assert_eq!([(); 2].map(|()| status(&place, &server, "few").0), [200; 2]);
    assert_eq!(server.stop("-TERM").0, Some(0));
    let server = place.up(&[]);
    assert_eq!([(); 2].map(|()| status(&place, &server, "few").0), [200, 429], "the bucket stayed as it was");
}

#[test]
fn killed_server_starts_with_empty_buckets() {
    let place = Place::with(DEFINITION);
    let server = place.up(&[]);
    assert_eq!(status(&place, &server, "throttled").0, 200);
    assert_eq!(server.stop("-KILL").0, None);
    let server = place.up(&[]);
    // Nobody knows what the bucket had: a thousandth of a request a second refills from nothing.
    assert_eq!(status(&place, &server, "few"), (429, "temporarily_unavailable".to_owned()));
}

#[test]
fn file_that_is_not_a_store_is_left_alone() {
    let place = Place::with(DEFINITION);
    assert_eq!(place.up(&[]).stop("-TERM").0, Some(0));
    let store = place.path(".token-broker/limits.db");
    let kept = std::fs::read(&store).unwrap();
    let torn = kept.iter().enumerate().map(|(at, byte)| if at > 100 { !byte } else { *byte }).collect();
    for (bytes, says) in [
        (b"a letter to somebody, of many words".to_vec(), "limits.db"),
        (Vec::new(), "empty"),
        (torn, "limits.db"),
    ] {
        std::fs::write(&store, &bytes).unwrap();
        let error = place.run(&["up"]).failed();
        assert!(error.contains("limits.db") && error.contains(says), "{error}");
        assert!(error.contains("--state") && error.contains("away to begin with unused limits"), "{error}");
        assert_eq!(std::fs::read(&store).unwrap(), bytes, "it was changed");
    }
    std::fs::write(&store, kept).unwrap();
    assert_eq!(place.up(&[]).stop("-TERM").0, Some(0));
}

#[test]
fn start_after_a_kill_warns_once_of_what_it_cost_and_others_say_nothing() {
    let place = Place::with(DEFINITION);
    let warning = |log: &str| -> Vec<Value> {
        let lines = log.lines().filter(|line| line.contains("did not end cleanly"));
        lines.map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    let (_, log) = place.up(&[]).stop("-TERM");
    assert!(warning(&log).is_empty(), "a new file: {log}");
    let (_, log) = place.up(&[]).stop("-KILL");
    assert!(warning(&log).is_empty(), "a clean stop before: {log}");
    let (_, log) = place.up(&[]).stop("-TERM");
    let warnings = warning(&log);
    let [said] = warnings.as_slice() else { panic!("{log}") };
    assert_eq!((&said["level"], &said["target"]), (&"WARN".into(), &"limits_store".into()));
    assert_eq!(said["quotas.most_lost"], BATCH);
    let until = said["buckets.empty_until"].as_str().unwrap();
    assert!(until.starts_with("20") && until.ends_with('Z') && until.contains('T'), "{until}");
    let (_, log) = place.up(&[]).stop("-TERM");
    assert!(warning(&log).is_empty(), "a clean stop before: {log}");
}

#[test]
fn limits_in_memory_leave_no_file() {
    let place = Place::with(&DEFINITION.replace("{ quota_batch: 40, lease: 1s }", "{ store: memory }"));
    let server = place.up(&[]);
    assert_eq!(status(&place, &server, "few").0, 200);
    assert_eq!(server.stop("-TERM").0, Some(0));
    assert!(!place.path(".token-broker/limits.db").exists());
}

#[test]
fn usage_survives_a_kill_and_says_what_was_lost() {
    let place = Place::with(DEFINITION);
    let server = place.up(&[]);
    assert_eq!(status(&place, &server, "counted").0, 200);
    assert_eq!(server.stop("-KILL").0, None);
    let _server = place.up(&[]);
    let usage: Value = serde_json::from_str(&place.run(&["usage", "counted", "--json"]).ok()).unwrap();
    let numbers = |name: &str| usage.pointer(&format!("/standings/0/quota/{name}")).and_then(Value::as_u64);
    let (used, lost, left) = (numbers("used").unwrap(), numbers("lost").unwrap(), numbers("left").unwrap());
    assert_eq!(used + lost + left, QUOTA, "{usage}");
    assert!(used <= 1 && (BATCH - 1..=BATCH).contains(&lost), "{usage}");
}
