use std::num::NonZeroU32;
use std::sync::Mutex;

use ambient::Timestamp;
use http::StatusCode;
use spans::{Kind, Senders, SpanId, TraceId, Tracer};
use testkit::SeededEntropy;

use super::*;
use crate::transport::Delay;

/// A collector that answers as it is told, the last answer for ever, and shows what it was sent.
#[derive(Clone, Debug)]
struct Collector {
    answers: Arc<Mutex<Vec<Sent>>>,
    sent: mpsc::UnboundedSender<usize>,
}

impl Transport for Collector {
    async fn send(&self, batch: Bytes) -> Sent {
        self.sent.send(batch.len()).unwrap();
        let answer = {
            let mut answers = self.answers.lock().unwrap();
            if answers.len() > 1 { Some(answers.remove(0)) } else { answers.first().cloned() }
        };
        match answer {
            Some(answer) => answer,
            None => std::future::pending().await,
        }
    }
}

const TAKEN: Sent = Sent::Taken { rejected: 0 };
const DOWN: Sent = Sent::Later { why: Delay::NotConnected, after: None };

fn start(answers: &[Sent], settings: Settings) -> (Exporter, Exporting, mpsc::UnboundedReceiver<usize>) {
    let (sent, seen) = mpsc::unbounded_channel();
    let collector = Collector { answers: Arc::new(Mutex::new(answers.to_vec())), sent };
    let origin = Origin { service: "test", version: "1", instance: "one".into() };
    let (exporter, exporting) = Exporter::over(collector, origin, settings, Arc::new(SeededEntropy::new(1)));
    (exporter, exporting, seen)
}

fn span() -> Span {
    Span {
        trace: TraceId::parse("4bf92f3577b34da6a3ce929d0e0e4736").unwrap(),
        id: SpanId::new(1),
        parent: None,
        is_parent_remote: false,
        state: None,
        name: "test".into(),
        kind: Kind::Internal,
        started: Timestamp::from_secs(1),
        ended: Timestamp::from_secs(2),
        attributes: Vec::new(),
        failed: false,
    }
}

fn dropped(counts: &Counts, why: Dropped) -> u64 {
    counts.dropped().into_iter().find(|(reason, _)| *reason == why).unwrap().1
}

#[tokio::test(start_paused = true)]
async fn spans_that_come_soon_go_together_and_the_rest_when_the_program_stops() {
    let (exporter, exporting, mut seen) = start(&[TAKEN], Settings::default());
    for _ in 0..3 {
        exporter.offer(span());
    }
    let three = seen.recv().await.unwrap();
    exporter.offer(span());
    let counts = exporting.counts();
    exporting.finish(Duration::from_secs(5)).await;
    let one = seen.recv().await.unwrap();
    assert!(one < three && seen.recv().await.is_none(), "{one} {three}");
    assert_eq!((counts.exported(), dropped(&counts, Dropped::Stopped)), (4, 0));
    exporter.offer(span());
    assert_eq!(dropped(&counts, Dropped::Stopped), 1);
}

#[tokio::test(start_paused = true)]
async fn queue_is_bounded_and_who_offers_waits_for_nothing() {
    let settings = Settings { queue: 10, batch: 5, ..Settings::default() };
    let (exporter, exporting, _seen) = start(&[DOWN], settings);
    // The task has had no turn yet: ten fit.
    for _ in 0..25 {
        exporter.offer(span());
    }
    let counts = exporting.counts();
    assert_eq!(dropped(&counts, Dropped::QueueFull), 15);
    exporting.finish(Duration::from_secs(5)).await;
    assert_eq!(counts.exported(), 0);
    assert_eq!(dropped(&counts, Dropped::Stopped), 10);
}

#[tokio::test(start_paused = true)]
async fn collector_that_is_back_in_time_gets_all() {
    let (exporter, exporting, mut seen) = start(&[DOWN, DOWN, TAKEN], Settings::default());
    exporter.offer(span());
    for _ in 0..3 {
        seen.recv().await.unwrap();
    }
    let counts = exporting.counts();
    exporting.finish(Duration::from_secs(5)).await;
    assert_eq!((counts.exported(), dropped(&counts, Dropped::Unreachable)), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn collector_that_stays_away_is_tried_so_often_and_no_more() {
    let (exporter, exporting, mut seen) = start(&[DOWN], Settings { attempts: 3, ..Settings::default() });
    exporter.offer(span());
    let mut first = 0;
    for _ in 0..3 {
        first = seen.recv().await.unwrap();
    }
    exporter.offer(span());
    exporter.offer(span());
    // What comes next is another batch, which has more in it.
    assert!(seen.recv().await.unwrap() > first);
    let counts = exporting.counts();
    assert_eq!(dropped(&counts, Dropped::Unreachable), 1);
    exporting.finish(Duration::from_secs(5)).await;
    assert_eq!(dropped(&counts, Dropped::Stopped), 2);
}

#[tokio::test(start_paused = true)]
async fn collector_says_when_to_come_back_within_bounds() {
    for (asked, waited) in [(7, 7), (3_600, 30)] {
        let later = Sent::Later {
            why: Delay::Status(StatusCode::SERVICE_UNAVAILABLE),
            after: Some(Duration::from_secs(asked)),
        };
        let (exporter, exporting, mut seen) = start(&[later, TAKEN], Settings::default());
        exporter.offer(span());
        seen.recv().await.unwrap();
        let began = tokio::time::Instant::now();
        seen.recv().await.unwrap();
        assert_eq!(began.elapsed().as_secs(), waited);
        exporting.finish(Duration::from_secs(5)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn batch_that_is_refused_is_not_tried_again() {
    let refused = Sent::Refused(StatusCode::BAD_REQUEST);
    let (exporter, exporting, mut seen) = start(&[refused, Sent::Taken { rejected: 1 }], Settings::default());
    exporter.offer(span());
    seen.recv().await.unwrap();
    exporter.offer(span());
    exporter.offer(span());
    seen.recv().await.unwrap();
    let counts = exporting.counts();
    exporting.finish(Duration::from_secs(5)).await;
    assert_eq!((counts.exported(), dropped(&counts, Dropped::Refused)), (1, 2));
    assert!(seen.recv().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn collector_that_never_answers_holds_up_the_end_no_longer_than_its_grace() {
    let (exporter, exporting, mut seen) = start(&[], Settings { batch: 2, ..Settings::default() });
    for _ in 0..5 {
        exporter.offer(span());
    }
    seen.recv().await.unwrap();
    let counts = exporting.counts();
    let began = tokio::time::Instant::now();
    exporting.finish(Duration::from_secs(4)).await;
    assert_eq!(began.elapsed().as_secs(), 4);
    assert_eq!(dropped(&counts, Dropped::Stopped), 5);
}

#[tokio::test(start_paused = true)]
async fn tracer_hands_on_what_it_is_given() {
    let (exporter, exporting, mut seen) = start(&[TAKEN], Settings::default());
    let entropy = Arc::new(SeededEntropy::new(2));
    let tracer = Tracer::new(Arc::new(exporter), entropy, NonZeroU32::MIN, Senders::Decide);
    tracer.offer(span());
    assert!(seen.recv().await.unwrap() > 16 + 8);
    exporting.finish(Duration::from_secs(5)).await;
}
