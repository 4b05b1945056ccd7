//! How often secrets are read, and who is told what.

use std::collections::VecDeque;

use futures_util::future::{BoxFuture, join_all};
use testkit::ManualClock;
use tokio::sync::Notify;

use super::*;

/// Gives what its script says, reading by reading. Past the end of the script it panics.
#[derive(Debug, Default)]
struct Kept {
    script: Mutex<VecDeque<Given>>,
    /// Which kinds of readings there were.
    readings: Mutex<Vec<&'static str>>,
    go_on: Notify,
}

#[derive(Clone, Copy, Debug)]
enum Given {
    Secrets(&'static str, Option<&'static str>),
    Nothing,
    Never,
    /// The secret, once `go_on` is given.
    OnTelling(&'static str),
}

impl Kept {
    async fn give(&self, kind: &'static str) -> Result<AppClientSecrets, SecretsUnreadable> {
        self.readings.lock().push(kind);
        let given = self.script.lock().pop_front().expect("another reading than the script has");
        match given {
            Given::Secrets(first, second) => Ok(AppClientSecrets::new(first.into(), second.map(Into::into))?),
            Given::Nothing => Err(SecretsUnreadable),
            Given::Never => std::future::pending().await,
            Given::OnTelling(secret) => {
                self.go_on.notified().await;
                Ok(AppClientSecrets::new(secret.into(), None)?)
            }
        }
    }
}

impl SecretSource for Kept {
    fn current(&self) -> BoxFuture<'_, Result<AppClientSecrets, SecretsUnreadable>> {
        Box::pin(self.give("current"))
    }

    fn refresh(&self) -> BoxFuture<'_, Result<AppClientSecrets, SecretsUnreadable>> {
        Box::pin(self.give("refresh"))
    }
}

struct Bench {
    reader: Reader,
    kept: Arc<Kept>,
    clock: ManualClock,
}

const PAUSE: Duration = Duration::from_secs(30);

fn bench(script: impl IntoIterator<Item = Given>) -> Bench {
    let kept = Arc::new(Kept { script: Mutex::new(script.into_iter().collect()), ..Kept::default() });
    Bench { reader: Reader::new(kept.clone(), PAUSE), kept, clock: ManualClock::default() }
}

impl Bench {
    fn bounds(&self) -> Bounds<'_> {
        let until = Instant::now() + Duration::from_secs(5);
        Bounds { clock: &self.clock, until }
    }

    async fn known(&self) -> Result<Arc<Held>, SecretsUnreadable> {
        self.reader.known(self.bounds()).await
    }

    async fn instead_of(&self, refused: &Arc<Held>) -> Outcome {
        self.reader.instead_of(refused, self.bounds()).await
    }

    fn readings(&self) -> Vec<&'static str> {
        std::mem::take(&mut *self.kept.readings.lock())
    }
}

const A: Given = Given::Secrets("a", None);
const B: Given = Given::Secrets("b", None);

#[tokio::test(start_paused = true)]
async fn secrets_are_read_when_they_are_needed_and_then_kept() {
    let bench = bench([A]);
    assert_eq!(bench.readings(), [""; 0]);
    let (first, second) = (bench.known().await.unwrap(), bench.known().await.unwrap());
    assert!(Arc::ptr_eq(&first, &second));
    assert_eq!(bench.readings(), ["current"]);
}

#[tokio::test(start_paused = true)]
async fn first_reading_does_not_delay_the_second() {
    let bench = bench([A, B]);
    let refused = bench.known().await.unwrap();
    let other = bench.instead_of(&refused).await.unwrap().unwrap();
    assert!(other.secrets().has(&"b".into()));
    assert!(Arc::ptr_eq(&other, &bench.known().await.unwrap()));
    assert_eq!(bench.readings(), ["current", "refresh"]);
}

#[tokio::test(start_paused = true)]
async fn secret_that_stays_wrong_is_read_once_in_a_pause() {
    let bench = bench([A, A, Given::Secrets("a", Some("a")), B]);
    let refused = bench.known().await.unwrap();
    for reading in ["refresh", "refresh"] {
        assert!(bench.instead_of(&refused).await.unwrap().is_none());
        bench.clock.advance(PAUSE.saturating_sub(Duration::from_micros(1)));
        assert!(bench.instead_of(&refused).await.unwrap().is_none());
        assert_eq!(bench.readings().last(), Some(&reading));
        bench.clock.advance(Duration::from_micros(1));
    }
    assert!(bench.instead_of(&refused).await.unwrap().is_some());
    assert_eq!(bench.readings(), ["refresh"]);
}

#[tokio::test(start_paused = true)]
async fn clock_that_is_set_back_does_not_lengthen_the_pause() {
    let bench = bench([A, A, B]);
    let refused = bench.known().await.unwrap();
    assert!(bench.instead_of(&refused).await.unwrap().is_none());
    bench.clock.set(ambient::Timestamp::from_secs(1_000));
    bench.clock.advance(PAUSE);
    assert!(bench.instead_of(&refused).await.unwrap().is_some());
}

#[tokio::test(start_paused = true)]
async fn who_was_refused_with_older_secrets_gets_those_that_are_in_hand() {
    let bench = bench([A, B]);
    let older = bench.known().await.unwrap();
    let newer = bench.instead_of(&older).await.unwrap().unwrap();
    assert!(Arc::ptr_eq(&newer, &bench.instead_of(&older).await.unwrap().unwrap()));
    // The newer ones are refused at once too: they were read a moment ago.
    assert!(bench.instead_of(&newer).await.unwrap().is_none());
    assert_eq!(bench.readings(), ["current", "refresh"]);
}

#[tokio::test(start_paused = true)]
async fn failed_reading_is_told_to_everybody_for_a_moment() {
    let bench = bench([Given::Nothing, A, Given::Nothing, B]);
    assert_eq!(bench.known().await.unwrap_err(), SecretsUnreadable);
    assert_eq!(bench.known().await.unwrap_err(), SecretsUnreadable);
    assert_eq!(bench.readings(), ["current"]);
    bench.clock.advance(AFTER_FAILURE);
    let refused = bench.known().await.unwrap();
    // The secrets that are in hand stay in hand.
    assert_eq!(bench.instead_of(&refused).await.unwrap_err(), SecretsUnreadable);
    assert_eq!(bench.instead_of(&refused).await.unwrap_err(), SecretsUnreadable);
    assert!(Arc::ptr_eq(&refused, &bench.known().await.unwrap()));
    assert_eq!(bench.readings(), ["current", "refresh"]);
    bench.clock.advance(AFTER_FAILURE);
    assert!(bench.instead_of(&refused).await.unwrap().is_some());
}

#[tokio::test(start_paused = true)]
async fn reading_that_never_ends_is_given_up_by_all_who_wait() {
    let bench = bench([Given::Never]);
    let began = bench.bounds().until;
    let outcomes = join_all((0..100).map(|_| bench.known())).await;
    assert!(outcomes.iter().all(Result::is_err));
    assert_eq!(bench.bounds().until - began, Duration::from_secs(5));
    assert_eq!(bench.readings(), ["current"]);
}

#[tokio::test(start_paused = true)]
async fn however_many_ask_one_reads() {
    let bench = bench([Given::OnTelling("a"), Given::OnTelling("b")]);
    let tell = async { bench.kept.go_on.notify_one() };
    let (outcomes, ()) = tokio::join!(join_all((0..1_000).map(|_| bench.known())), tell);
    let refused = outcomes.first().unwrap().clone().unwrap();
    assert!(outcomes.into_iter().all(|held| Arc::ptr_eq(&held.unwrap(), &refused)));
    let tell = async { bench.kept.go_on.notify_one() };
    let (outcomes, ()) = tokio::join!(join_all((0..1_000).map(|_| bench.instead_of(&refused))), tell);
    assert!(outcomes.into_iter().all(|other| other.unwrap().unwrap().secrets().has(&"b".into())));
    assert_eq!(bench.readings(), ["current", "refresh"]);
}

#[tokio::test(start_paused = true)]
async fn who_goes_away_while_reading_leaves_the_turn_to_the_next() {
    let bench = bench([Given::Never, A]);
    let gone = tokio::time::timeout(Duration::from_secs(1), bench.known()).await;
    assert!(gone.is_err());
    assert!(bench.known().await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_for_the_turn_longer_than_its_own_bound() {
    let bench = bench([Given::Never]);
    let soon = bench.bounds().until.checked_sub(Duration::from_secs(4)).unwrap();
    let began = Instant::now();
    let impatient = async {
        let bounds = Bounds { until: soon, ..bench.bounds() };
        assert_eq!(bench.reader.known(bounds).await.unwrap_err(), SecretsUnreadable);
        began.elapsed()
    };
    let (outcome, waited) = tokio::join!(bench.known(), impatient);
    assert!(outcome.is_err());
    assert_eq!(waited, Duration::from_secs(1));
}
