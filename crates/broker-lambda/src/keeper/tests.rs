use std::sync::Arc;

use ambient::Timestamp;
use lambda::{Function as _, Invocation, ProxyReply};
use restapi::{AccountId, HttpMethod, MethodArn, Region, ResourcePath, RestApiId, StageName};
use testkit::ManualClock;

use super::*;
use crate::fixtures::{
    BILLING, FakeStore, PARTNER, PLACE, STRANGER, Stream, bindings, event, factory, usual,
};
use crate::lines::Lines;
use crate::store::StoreError;

struct World {
    keeper: Arc<Keeper>,
    store: Arc<FakeStore>,
    clock: Arc<ManualClock>,
}

impl World {
    fn of(store: Arc<FakeStore>) -> Self {
        let clock = Arc::new(ManualClock::default());
        let keeper = Arc::new(Keeper::new(factory(&store, &clock, Lines::to(Stream::default()))));
        Self { keeper, store, clock }
    }

    fn open() -> Self {
        let world = Self::of(FakeStore::open());
        world.store.set(PLACE, Ok(&usual()));
        world
    }

    async fn ask(&self, key: &str) -> Result<Arc<Bound>, BindError> {
        self.keeper.broker(&event(key).request_context, TIME).await
    }

    fn pass(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    fn reads(&self) -> usize {
        self.store.reads(PLACE)
    }
}

async fn answer(bound: &Bound, key: &str) -> ProxyReply {
    let source = MethodArn {
        region: Region::parse("eu-central-1").unwrap(),
        account_id: AccountId::parse("000000000000").unwrap(),
        api_id: RestApiId::parse("abcdefghij").unwrap(),
        stage: StageName::parse("dev").unwrap(),
        method: HttpMethod::Post,
        path: ResourcePath::of("/oauth2/token"),
    };
    let event = event(key);
    let invocation = Invocation { event: &event, source: &source, deadline: Timestamp::EPOCH };
    bound.broker.invoke(invocation).await.unwrap()
}

const FILE: &str = "file:/bindings";
const TIME: Duration = Duration::from_secs(20);

#[tokio::test]
async fn bindings_are_read_with_the_first_request_and_not_with_the_next() {
    let world = World::open();
    assert_eq!(world.reads(), 0);
    let first = world.ask(BILLING).await.unwrap();
    world.pass(299);
    let second = world.ask(BILLING).await.unwrap();
    assert!(Arc::ptr_eq(&first, &second));
    assert_eq!(world.reads(), 1);
    assert_eq!(world.store.reads("ssm:/m2m"), 0, "a secret is read when it is needed");
}

#[tokio::test]
async fn old_bindings_are_read_again_and_the_broker_keeps_its_tokens() {
    let world = World::open();
    let first = world.ask(BILLING).await.unwrap();
    world.store.set(PLACE, Ok(&bindings(&[(STRANGER, "billing")], &["m2m", "partner"])));
    world.pass(300);
    let second = world.ask(STRANGER).await.unwrap();
    assert_eq!(world.reads(), 2);
    assert!(Arc::ptr_eq(&first.broker, &second.broker));
    assert_eq!(answer(&second, BILLING).await.status, 401, "a key that was taken away");
}

#[tokio::test]
async fn key_that_was_just_added_is_found() {
    let world = World::open();
    world.ask(BILLING).await.unwrap();
    world
        .store
        .set(PLACE, Ok(&bindings(&[(BILLING, "billing"), (STRANGER, "billing")], &["m2m", "partner"])));
    world.pass(10);
    let bound = world.ask(STRANGER).await.unwrap();
    assert!(bound.suffices(&event(STRANGER).request_context, &world.keeper.factory.definition));
    assert_eq!(world.reads(), 2);
}

#[tokio::test]
async fn key_that_was_added_to_a_file_is_found_at_once() {
    let mut world = World::open();
    Arc::get_mut(&mut world.keeper).unwrap().factory.bindings = FILE.parse().unwrap();
    world.store.set(FILE, Ok(&usual()));
    world.ask(BILLING).await.unwrap();
    let more = bindings(&[(BILLING, "billing"), (STRANGER, "billing")], &["m2m", "partner"]);
    world.store.set(FILE, Ok(&more));
    let bound = world.ask(STRANGER).await.unwrap();
    assert!(bound.suffices(&event(STRANGER).request_context, &world.keeper.factory.definition));
    world.ask(STRANGER).await.unwrap();
    assert_eq!(world.store.reads(FILE), 2);
}

#[tokio::test]
async fn strangers_do_not_make_every_request_read() {
    let world = World::open();
    for _ in 0..5 {
        world.ask(STRANGER).await.unwrap();
    }
    assert_eq!(world.reads(), 1, "the bindings had just been read");
    world.pass(10);
    for _ in 0..5 {
        world.ask(STRANGER).await.unwrap();
    }
    assert_eq!(world.reads(), 2);
    let nameless = lambda::RequestContext::default();
    world.pass(10);
    world.keeper.broker(&nameless, TIME).await.unwrap();
    assert_eq!(world.reads(), 2, "a request without a key cannot be helped by reading");
}

#[tokio::test]
async fn app_client_that_is_not_bound_is_looked_for_and_its_clients_alone_are_told_to_come_back() {
    let world = World::of(FakeStore::open());
    world.store.set(PLACE, Ok(&bindings(&[(BILLING, "billing"), (PARTNER, "partner")], &["m2m"])));
    world.store.set("ssm:/m2m", Ok("a secret"));
    let bound = world.ask(PARTNER).await.unwrap();
    let reply = answer(&bound, PARTNER).await;
    assert_eq!((reply.status, reply.body.contains("temporarily_unavailable")), (503, true));
    assert_eq!(world.store.reads("ssm:/m2m"), 0);
    answer(&bound, BILLING).await;
    assert_eq!(world.store.reads("ssm:/m2m"), 1, "the other app client is asked as");
    world.store.set(PLACE, Ok(&bindings(&[(PARTNER, "partner")], &["m2m", "partner"])));
    world.pass(10);
    let mended = world.ask(PARTNER).await.unwrap();
    assert!(!Arc::ptr_eq(&bound.broker, &mended.broker), "other app clients make another broker");
    answer(&mended, PARTNER).await;
    assert_eq!(world.store.reads("ssm:/partner"), 1);
}

#[tokio::test]
async fn key_of_a_client_that_the_definition_does_not_have_is_a_strangers() {
    let world = World::of(FakeStore::open());
    world
        .store
        .set(PLACE, Ok(&bindings(&[(BILLING, "billing"), (STRANGER, "tomorrow")], &["m2m", "partner"])));
    let bound = world.ask(STRANGER).await.unwrap();
    assert_eq!(answer(&bound, STRANGER).await.status, 401);
    world.pass(10);
    world.ask(STRANGER).await.unwrap();
    assert_eq!(world.reads(), 1, "reading would not bring a new package");
}

#[tokio::test]
async fn without_bindings_there_is_no_broker_and_one_reading_in_a_second() {
    let world = World::open();
    world.store.set(PLACE, Err(StoreError::NotReached));
    for _ in 0..3 {
        assert_eq!(world.ask(BILLING).await.unwrap_err(), BindError::Store(StoreError::NotReached));
    }
    assert_eq!(world.reads(), 1);
    world.store.set(PLACE, Ok(&usual()));
    assert!(world.ask(BILLING).await.is_err());
    world.pass(1);
    assert!(world.ask(BILLING).await.is_ok());
    assert_eq!(world.reads(), 2);
}

#[tokio::test]
async fn bindings_that_cannot_be_read_or_used_leave_the_last_good_ones_in_force() {
    let world = World::open();
    let first = world.ask(BILLING).await.unwrap();
    for bad in [Err(StoreError::TimedOut), Ok("hunter2"), Ok(r#"{"version":2}"#)] {
        world.store.set(PLACE, bad);
        let before = world.reads();
        world.pass(300);
        for _ in 0..3 {
            assert!(Arc::ptr_eq(&first, &world.ask(BILLING).await.unwrap()));
        }
        assert_eq!(world.reads(), before + 1, "a store that is down is not asked by every request");
        world.pass(30);
        world.ask(BILLING).await.unwrap();
        assert_eq!(world.reads(), before + 2);
    }
}

#[tokio::test]
async fn however_many_requests_come_first_one_reads() {
    let world = World::of(FakeStore::gated());
    world.store.set(PLACE, Ok(&usual()));
    let asking: Vec<_> = (0..50)
        .map(|_| {
            let keeper = Arc::clone(&world.keeper);
            tokio::spawn(async move { keeper.broker(&event(BILLING).request_context, TIME).await })
        })
        .collect();
    world.store.reading().await;
    world.store.release();
    for one in asking {
        assert!(one.await.unwrap().is_ok());
    }
    assert_eq!(world.reads(), 1);
}

#[tokio::test(start_paused = true)]
async fn who_has_bindings_does_not_wait_for_fresher_ones() {
    let world = World::of(FakeStore::gated());
    world.store.set(PLACE, Ok(&usual()));
    world.store.release();
    world.ask(BILLING).await.unwrap();
    let gated = FakeStore::gated();
    gated.set(PLACE, Ok(&usual()));
    let factory = factory(&gated, &world.clock, Lines::to(Stream::default()));
    let keeper =
        Arc::new(Keeper { held: ArcSwapOption::new(world.keeper.held.load_full()), ..Keeper::new(factory) });
    world.pass(300);
    let context = event(BILLING).request_context;
    let (reader, context_of_reader) = (Arc::clone(&keeper), context.clone());
    let reading = tokio::spawn(async move { reader.broker(&context_of_reader, TIME).await });
    gated.reading().await;
    let began = tokio::time::Instant::now();
    assert!(keeper.broker(&context, TIME).await.is_ok());
    assert_eq!((began.elapsed(), gated.reads(PLACE)), (Duration::ZERO, 1), "while another reads");
    gated.release();
    assert!(reading.await.unwrap().is_ok());
    assert_eq!(gated.reads(PLACE), 1);
}

#[tokio::test(start_paused = true)]
async fn store_that_hangs_is_waited_for_no_longer_than_the_invocation_allows() {
    let world = World::of(FakeStore::gated());
    let began = tokio::time::Instant::now();
    assert_eq!(world.ask(BILLING).await.unwrap_err(), BindError::TimedOut);
    assert_eq!(began.elapsed(), Duration::from_secs(5));
    world.pass(1);
    let began = tokio::time::Instant::now();
    let short = Duration::from_secs(3);
    let asked = world.keeper.broker(&event(BILLING).request_context, short).await;
    assert_eq!((asked.unwrap_err(), began.elapsed()), (BindError::TimedOut, short / 2));
}

#[tokio::test]
async fn header_of_the_token_endpoint_is_read_with_the_bindings_and_a_new_value_takes_its_place() {
    let world = World::of(FakeStore::open());
    let header = r#""header":{"name":"x-origin-verify","value":"ssm:/header"},"token_endpoint""#;
    world.store.set(PLACE, Ok(&usual().replace(r#""token_endpoint""#, header)));
    assert_eq!(world.ask(BILLING).await.unwrap_err(), BindError::Header(StoreError::Refused(400)));
    world.store.set("ssm:/header", Ok("hunter2"));
    world.pass(1);
    let first = world.ask(BILLING).await.unwrap();
    assert!(!format!("{first:?}").contains("hunter2"));
    world.pass(300);
    let same = world.ask(BILLING).await.unwrap();
    assert!(Arc::ptr_eq(&first.broker, &same.broker));
    world.store.set("ssm:/header", Ok("hunter3"));
    world.pass(300);
    let other = world.ask(BILLING).await.unwrap();
    assert!(!Arc::ptr_eq(&first.broker, &other.broker));
    world.store.set("ssm:/header", Ok("hunter\n4"));
    world.pass(300);
    assert!(
        Arc::ptr_eq(&other, &world.ask(BILLING).await.unwrap()),
        "a header that cannot be sent is not taken over"
    );
}
