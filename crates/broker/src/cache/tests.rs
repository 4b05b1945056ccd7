use std::fmt::Write as _;

use ambient::Timestamp;
use proptest::prelude::*;

use super::*;
use crate::Percent;
use crate::fixtures::{HOUR, issued, name, scopes};
use crate::flight::FetchError;

const START: Moment = Moment { time: Timestamp::from_secs(1_790_000_000), uptime: Duration::from_secs(7) };

/// The moment `wait` after `now`, by both clocks.
fn after(now: Moment, wait: Duration) -> Moment {
    Moment { time: now.time.plus(wait), uptime: now.uptime + wait }
}

fn key(client: &str, scope: &str) -> CacheKey {
    CacheKey { client: name(client), app_client: "m2m".parse().unwrap(), scopes: scopes(scope) }
}

fn landing(text: &str, sent: Moment, life: Duration) -> Landing {
    Landing { attempts: 1, token: Ok(issued(text, sent, life).into()) }
}

fn cache(settings: BrokerSettings) -> Arc<Cache> {
    Arc::new(Cache::new(settings))
}

/// Gets a token that lives for an hour into the slot of `key`; false if there was no room.
fn fill(cache: &Arc<Cache>, key: &CacheKey, now: Moment) -> bool {
    match cache.look_up(key, now) {
        Found::Absent(ticket, _) => {
            ticket.land(landing("t", now, HOUR), now);
            true
        }
        Found::Token { .. } => true,
        Found::Underway(_) | Found::Crowded => false,
    }
}

fn holds(cache: &Cache, key: &CacheKey) -> bool {
    cache.shards.iter().any(|shard| shard.lock().slots.contains_key(key))
}

fn size(cache: &Cache) -> usize {
    cache.shards.iter().map(|shard| shard.lock().slots.len()).sum()
}

#[test]
fn every_part_of_the_key_counts() {
    let cache = cache(BrokerSettings::default());
    assert!(fill(&cache, &key("billing", "a"), START));
    let other_pool = CacheKey { app_client: "other".parse().unwrap(), ..key("billing", "a") };
    for other in [key("stock", "a"), key("billing", "b"), key("billing", "a b"), other_pool] {
        assert!(matches!(cache.look_up(&other, START), Found::Absent(..)), "{other:?}");
    }
    assert!(matches!(cache.look_up(&key("billing", "a"), START), Found::Token { .. }));
}

#[test]
fn client_that_asks_for_many_tokens_loses_its_own_least_recently_used_one() {
    let cache = cache(BrokerSettings { tokens_per_client: 2, ..BrokerSettings::default() });
    for key in [key("stock", "a"), key("billing", "a"), key("billing", "b"), key("billing", "a")] {
        assert!(fill(&cache, &key, START));
    }
    assert!(fill(&cache, &key("billing", "c"), START));
    assert!(holds(&cache, &key("billing", "a")));
    assert!(!holds(&cache, &key("billing", "b")));
    assert!(holds(&cache, &key("billing", "c")));
    assert!(holds(&cache, &key("stock", "a")));
}

#[test]
fn expired_token_goes_before_one_that_is_longer_unused() {
    let cache = cache(BrokerSettings { tokens_per_client: 2, ..BrokerSettings::default() });
    assert!(fill(&cache, &key("billing", "a"), after(START, HOUR)));
    assert!(fill(&cache, &key("billing", "b"), START));
    assert!(fill(&cache, &key("billing", "c"), after(START, HOUR)));
    assert!(holds(&cache, &key("billing", "a")));
    assert!(!holds(&cache, &key("billing", "b")));
}

#[test]
fn what_is_in_flight_is_not_evicted() {
    let cache = cache(BrokerSettings { tokens: 1, ..BrokerSettings::default() });
    let Found::Absent(ticket, _) = cache.look_up(&key("billing", "a"), START) else {
        panic!("found a token")
    };
    assert!(matches!(cache.look_up(&key("stock", "a"), START), Found::Crowded));
    assert!(matches!(cache.look_up(&key("billing", "a"), START), Found::Underway(_)));
    drop(ticket);
    assert_eq!(size(&cache), 0);
    assert!(matches!(cache.look_up(&key("stock", "a"), START), Found::Absent(..)));
}

#[test]
fn renewal_that_fails_leaves_the_token_where_it_is() {
    let cache = cache(BrokerSettings::default());
    let late = after(START, HOUR * 4 / 5);
    for lost in [false, true] {
        assert!(fill(&cache, &key("billing", "a"), START));
        let found =
            cache.look_up(&key("billing", "a"), after(late, Duration::from_secs(u64::from(lost) * 5)));
        let Found::Token { renewal: Some((ticket, _)), .. } = found else { panic!("no renewal: {found:?}") };
        if !lost {
            ticket.land(Landing { attempts: 1, token: Err(FetchError::TimedOut) }, late);
        }
        let found = cache.look_up(&key("billing", "a"), late);
        assert!(matches!(found, Found::Token { outcome: CacheOutcome::Stale, renewal: None, .. }));
    }
}

#[test]
fn without_refresh_ahead_a_token_is_served_to_its_minimum_life() {
    let settings = BrokerSettings { refresh_below: Percent::new(0).unwrap(), ..BrokerSettings::default() };
    let cache = cache(settings);
    assert!(fill(&cache, &key("billing", "a"), START));
    let last = after(START, Duration::from_mins(59));
    let found = cache.look_up(&key("billing", "a"), last);
    assert!(matches!(found, Found::Token { outcome: CacheOutcome::Hit, renewal: None, .. }));
    let found = cache.look_up(&key("billing", "a"), after(last, Duration::from_micros(1)));
    assert!(matches!(found, Found::Absent(..)));
}

#[test]
fn renewal_is_not_put_off_by_a_clock_that_is_set_back() {
    let cache = cache(BrokerSettings::default());
    assert!(fill(&cache, &key("billing", "a"), START));
    let late = after(START, HOUR * 4 / 5);
    let found = cache.look_up(&key("billing", "a"), late);
    let Found::Token { renewal: Some((ticket, _)), .. } = found else { panic!("no renewal: {found:?}") };
    ticket.land(Landing { attempts: 1, token: Err(FetchError::TimedOut) }, late);
    let back = Moment { time: START.time, uptime: late.uptime + Duration::from_secs(5) };
    let found = cache.look_up(&key("billing", "a"), back);
    assert!(matches!(found, Found::Token { outcome: CacheOutcome::Refresh, .. }), "{found:?}");
}

#[test]
fn debug_shows_no_token() {
    let cache = cache(BrokerSettings::default());
    let Found::Absent(ticket, arrival) = cache.look_up(&key("billing", "a"), START) else {
        panic!("found a token")
    };
    let landing = landing("sesame", START, HOUR);
    let mut shown = format!("{cache:?} {ticket:?} {landing:?}");
    ticket.land(landing, START);
    let found = cache.look_up(&key("billing", "a"), START);
    write!(shown, "{arrival:?} {found:?}").unwrap();
    assert!(shown.contains("AccessToken(..)"), "{shown}");
    assert!(!shown.contains("sesame"), "{shown}");
}

proptest! {
    #[test]
    fn bounds_hold_whoever_asks_for_whatever(
        tokens in 1..40_usize,
        tokens_per_client in 1..6_usize,
        asks in proptest::collection::vec((0..12_u8, 0..12_u8, any::<bool>(), 0..90_u64), 1..150),
    ) {
        let cache = cache(BrokerSettings { tokens, tokens_per_client, ..BrokerSettings::default() });
        let mut now = START;
        let mut flying = Vec::new();
        for (client, scope, lands, wait) in asks {
            now = after(now, Duration::from_secs(wait));
            let key = key(&format!("c{client}"), &format!("s{scope}"));
            match cache.look_up(&key, now) {
                Found::Absent(ticket, _) | Found::Token { renewal: Some((ticket, _)), .. } if lands => {
                    ticket.land(landing("t", now, Duration::from_mins(5)), now);
                }
                Found::Absent(ticket, _) | Found::Token { renewal: Some((ticket, _)), .. } => flying.push(ticket),
                _ => {}
            }
            prop_assert!(size(&cache) <= tokens);
            for shard in cache.shards.iter() {
                let shard = shard.lock();
                let own = shard.slots.keys().filter(|own| own.client == key.client).count();
                prop_assert!(own <= tokens_per_client);
            }
            for ticket in &flying {
                prop_assert!(holds(&cache, ticket.key()));
            }
        }
    }
}
