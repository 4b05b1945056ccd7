//! How a function ends, and what it does when nobody reads what it writes.

use crate::harness::{KEY, Place, event, member};

const FORM: &str = "grant_type=client_credentials";

#[tokio::test]
async fn invocation_under_way_is_answered_before_the_end() {
    let place = Place::new().await;
    place.extension.handler.close();
    let function = place.start();
    function.place.api.handler.send(event(KEY, FORM));
    function.place.extension.handler.asked().await;
    function.terminate();
    function.place.extension.handler.open();
    assert_eq!(function.reply().await.status, 200);
    let ended = function.ended().await;
    assert_eq!((ended.code, ended.lines(false).len()), (Some(0), 1));
}

#[tokio::test]
async fn token_that_cannot_be_accounted_for_is_not_handed_out() {
    let (function, stdout) = Place::new().await.start_unread();
    drop(stdout);
    let refused = function.ask(KEY, FORM).await;
    assert_eq!((refused.status, member(&refused, "error")), (503, "temporarily_unavailable".into()));
    assert!(function.stop().await.stderr.contains("audit log takes no more lines"));
}
