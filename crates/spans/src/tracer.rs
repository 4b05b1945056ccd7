//! Which requests get spans, and where those go.

use std::num::NonZeroU32;
use std::sync::Arc;

use ambient::Entropy;

use crate::{Span, SpanId, SpanSink};

/// Decides which requests get spans, names them, and hands them on.
#[derive(Debug)]
pub struct Tracer {
    sink: Arc<dyn SpanSink>,
    entropy: Arc<dyn Entropy>,
    one_in: NonZeroU32,
    senders: Senders,
}

/// What it counts for that senders say whether a request gets spans.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Senders {
    /// They decide.
    Decide,
    /// Nothing.
    AreNotAsked,
}

impl Tracer {
    /// A tracer that gives spans to one in `one_in` of the requests about which nobody else decides.
    pub fn new(
        sink: Arc<dyn SpanSink>,
        entropy: Arc<dyn Entropy>,
        one_in: NonZeroU32,
        senders: Senders,
    ) -> Self {
        Self { sink, entropy, one_in, senders }
    }

    /// Whether a request gets spans; `said` is what its sender says of that.
    pub fn decide(&self, said: Option<bool>) -> bool {
        let one_in = u64::from(self.one_in.get());
        match said {
            Some(said) if self.senders == Senders::Decide => said,
            // The remainder of 64 random bits by a number this small is as good as fair.
            _ => one_in == 1 || self.entropy.next_u64().is_multiple_of(one_in),
        }
    }

    /// What new ids are drawn from.
    pub fn entropy(&self) -> &dyn Entropy {
        &*self.entropy
    }

    /// A new span's id.
    pub fn draw(&self) -> SpanId {
        SpanId::new(self.entropy.next_u64())
    }

    /// Hands a span on.
    pub fn offer(&self, span: Span) {
        self.sink.offer(span);
    }
}

#[cfg(test)]
mod tests {
    use testkit::SeededEntropy;

    use super::*;

    #[derive(Debug)]
    struct Nowhere;

    impl SpanSink for Nowhere {
        fn offer(&self, _span: Span) {}
    }

    fn seeded(one_in: u32, senders: Senders) -> Tracer {
        let entropy = Arc::new(SeededEntropy::new(7));
        Tracer::new(Arc::new(Nowhere), entropy, NonZeroU32::new(one_in).unwrap(), senders)
    }

    fn traced(tracer: &Tracer, said: Option<bool>) -> usize {
        (0..10_000).filter(|_| tracer.decide(said)).count()
    }

    #[test]
    fn sender_decides_and_chance_where_nobody_has() {
        let seeded = seeded(10, Senders::Decide);
        assert_eq!((traced(&seeded, Some(true)), traced(&seeded, Some(false))), (10_000, 0));
        let of_chance = traced(&seeded, None);
        assert!((900..1_100).contains(&of_chance), "{of_chance}");
    }

    #[test]
    fn sender_who_is_not_asked_decides_nothing() {
        let seeded = seeded(10, Senders::AreNotAsked);
        for said in [Some(true), Some(false), None] {
            let traced = traced(&seeded, said);
            assert!((900..1_100).contains(&traced), "{said:?}: {traced}");
        }
    }

    #[test]
    fn one_in_one_is_all() {
        assert_eq!(traced(&seeded(1, Senders::AreNotAsked), None), 10_000);
    }
}
