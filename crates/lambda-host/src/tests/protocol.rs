//! What the Runtime API says and takes.

use std::collections::BTreeMap;
use std::os::unix::process::CommandExt as _;
use std::time::Duration;

use ambient::Clock as _;
use lambda::{InvokeError, MalformedReply};
use serde_json::{Value, json};
use testkit::ManualClock;

use super::world::*;
use crate::api::LARGEST;
use std::sync::Arc;

#[tokio::test]
async fn event_goes_in_and_reply_comes_back() {
    let world = World::of(
        "
while True:
    request, headers, event = next_invocation()
    reply(request, event, statusCode=201, headers={'X-Greeting': 'hello'})
",
    )
    .await;
    let answer = world.begin("/oauth2/token").await.unwrap();
    assert_eq!((answer.status, answer.headers), (201, vec![("X-Greeting".into(), "hello".into())]));
    let event: Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(event["path"], "/oauth2/token");
    assert_eq!(event["headers"]["X-Amzn-Trace-Id"], "Root=1-65b6a9ef-0123456789abcdef01234567");
    let stats = world.host.stats();
    assert_eq!((stats.invocations, stats.cold_starts, stats.errors.total()), (1, 1, 0));
    assert!(stats.duration > Duration::ZERO);
}

const TELLS_HEADERS: &str = "
while True:
    request, headers, event = next_invocation()
    reply(request, {name: value for name, value in headers.items() if name.startswith('Lambda')} | {'Content-Type': headers['Content-Type']})
";

#[tokio::test]
async fn headers_of_an_invocation_are_lambdas() {
    let clock = Arc::new(ManualClock::default());
    let world = World::at(clock.clone(), TELLS_HEADERS, |spec| spec.timeout = Duration::from_secs(3)).await;
    let mut headers: BTreeMap<String, String> = serde_json::from_str(&world.body().await).unwrap();
    let request = headers.remove("Lambda-Runtime-Aws-Request-Id").unwrap();
    assert_eq!(request.len(), 36, "{request}");
    let expected = json!({
        "Content-Type": "application/json",
        "Lambda-Runtime-Deadline-Ms": (clock.now().as_millis() + 3_000).to_string(),
        "Lambda-Runtime-Invoked-Function-Arn": "arn:aws:lambda:eu-central-1:123456789012:function:greeter",
        "Lambda-Runtime-Trace-Id": "Root=1-65b6a9ef-0123456789abcdef01234567",
    });
    assert_eq!(json!(headers), expected);
    let other: BTreeMap<String, String> = serde_json::from_str(&world.body().await).unwrap();
    assert_ne!(other.get("Lambda-Runtime-Aws-Request-Id"), Some(&request));
}

#[tokio::test]
async fn deadline_is_the_callers_if_that_is_sooner() {
    let clock = Arc::new(ManualClock::default());
    let world = World::at(clock.clone(), TELLS_HEADERS, |spec| spec.timeout = Duration::from_secs(3)).await;
    let deadline = clock.now().plus(Duration::from_secs(2));
    let reply = invoke(&world.host, "/", deadline).await.unwrap();
    let headers: Value = serde_json::from_str(&reply.body).unwrap();
    assert_eq!(headers["Lambda-Runtime-Deadline-Ms"], deadline.as_millis().to_string());
}

#[tokio::test]
async fn error_of_a_function_fails_the_invocation_and_not_the_process() {
    let world = World::of(
        "
request, _, _ = next_invocation()
answer = call('POST', f'invocation/{request}/error', '{\"errorMessage\": \"sesame\"}', {'Lambda-Runtime-Function-Error-Type': 'Greeter.Shy'})
request, _, _ = next_invocation()
reply(request, answer[0::2])
",
    )
    .await;
    assert_eq!(world.invoke().await, Err(InvokeError::Failed));
    assert_eq!(world.body().await, r#"[202, "{\"status\":\"OK\"}"]"#);
    let stats = world.host.stats();
    assert_eq!((stats.errors.function, stats.errors.total(), stats.cold_starts), (1, 1, 1));
}

#[tokio::test]
async fn reply_that_is_none_is_malformed() {
    let world = World::of(
        "
for garbage in ['hello', '[]', '{\"statusCode\": 200, \"token\": 1}', '']:
    request, _, _ = next_invocation()
    call('POST', f'invocation/{request}/response', garbage)
",
    )
    .await;
    let expected = [
        MalformedReply::NotJson,
        MalformedReply::NotAnObject,
        MalformedReply::UnknownMember,
        MalformedReply::NotJson,
    ];
    for why in expected {
        assert_eq!(world.invoke().await, Err(InvokeError::Malformed(why)));
    }
    assert_eq!(world.host.stats().errors.malformed, 4);
}

#[tokio::test]
async fn reply_of_the_largest_size_is_taken_and_one_byte_more_is_not() {
    let script = "
def sized(size):
    return json.dumps({'body': 'x' * (size - len(json.dumps({'body': ''})))})

request, _, _ = next_invocation()
call('POST', f'invocation/{request}/response', sized(LARGEST))
request, _, _ = next_invocation()
call('POST', f'invocation/{request}/response', sized(LARGEST * 4))
request, _, _ = next_invocation()
answer = call('POST', f'invocation/{request}/response', sized(LARGEST + 1))
request, _, _ = next_invocation()
reply(request, answer[0::2])
";
    let world = World::of(&script.replace("LARGEST", &LARGEST.to_string())).await;
    assert_eq!(world.body().await.len(), LARGEST - r#"{"body": ""}"#.len());
    assert_eq!(world.invoke().await, Err(InvokeError::Failed));
    assert_eq!(world.invoke().await, Err(InvokeError::Failed));
    let refusal: (u16, String) = serde_json::from_str(&world.body().await).unwrap();
    let body = r#"{"errorMessage":"Exceeded maximum allowed payload size (6291556 bytes).","errorType":"RequestEntityTooLarge"}"#;
    assert_eq!(refusal, (413, body.to_owned()));
    assert_eq!(world.host.stats().errors.too_large, 2);
}

#[tokio::test]
async fn event_that_lambda_would_not_take_is_not_sent() {
    let world = World::of("").await;
    let path = "x".repeat(LARGEST);
    assert_eq!(world.begin(&path).await, Err(InvokeError::Unavailable));
    assert_eq!(world.host.stats().cold_starts, 0);
}

#[tokio::test]
async fn process_that_broke_off_its_request_gets_nothing_until_it_asks_again() {
    let world = World::of(
        "
host, port = os.environ['AWS_LAMBDA_RUNTIME_API'].split(':')
impatient = socket.create_connection((host, int(port)))
impatient.sendall(b'GET /2018-06-01/runtime/invocation/next HTTP/1.1\\r\\nHost: api\\r\\n\\r\\n')
gate('asked')
impatient.close()
gate('broken off')
request, _, _ = next_invocation()
reply(request, 'done')
",
    )
    .await;
    let warm = tokio::spawn({
        let host = Arc::clone(&world.host);
        async move { host.warm(1).await }
    });
    let asked = world.arrival().await;
    assert_eq!(warm.await.unwrap(), 1);
    world.until_idle(1).await;
    asked.release().await;
    let broken_off = world.arrival().await;
    world.until_idle(0).await;
    assert_eq!(world.invoke().await, Err(InvokeError::Throttled));
    broken_off.release().await;
    world.until_idle(1).await;
    assert_eq!(world.body().await, "done");
}

#[tokio::test]
async fn what_does_not_belong_to_the_invocation_is_refused_and_changes_nothing() {
    let world = World::of(
        "
request, _, first = next_invocation()
seen = [next_invocation()[0] == request]
seen.append(call('POST', 'invocation/nobody/response', '{}')[0::2])
seen.append(call('POST', 'invocation/nobody/error', '{}')[0])
seen.append(call('POST', 'init/error', '{}')[0])
seen.append(call('GET', 'invocation/none')[0])
seen.append(call('DELETE', 'invocation/next')[0])
reply(request, seen)
second = reply(request, 'again')
request, _, _ = next_invocation()
reply(request, second[0::2])
",
    )
    .await;
    let seen: Value = serde_json::from_str(&world.body().await).unwrap();
    let other = r#"{"errorMessage":"Invalid request ID","errorType":"InvalidRequestID"}"#;
    assert_eq!(seen, json!([true, [400, other], 400, 403, 404, 405]));
    let second: Value = serde_json::from_str(&world.body().await).unwrap();
    let late = r#"{"errorMessage":"State transition is not allowed","errorType":"InvalidStateTransition"}"#;
    assert_eq!(second, json!([403, late]));
}

#[tokio::test]
async fn environment_is_lambdas_and_the_functions_and_nothing_else() {
    let world = World::at(
        Arc::new(ManualClock::default()),
        "
request, _, _ = next_invocation()
reply(request, {'environment': dict(os.environ), 'directory': os.getcwd(), 'group': os.getpgrp() == os.getpid()})
",
        |spec| {
            spec.environment.insert("GREETING".into(), "hello".into());
            spec.environment.insert("LANG".into(), "C.UTF-8".into());
            spec.handler = "app.handler".into();
        },
    )
    .await;
    let mut told: Value = serde_json::from_str(&world.body().await).unwrap();
    let directory = world.directory.path().canonicalize().unwrap();
    assert_eq!(told["directory"], directory.to_str().unwrap());
    assert_eq!(told["group"], true, "a process group of its own");
    let environment = told["environment"].as_object_mut().unwrap();
    for gone in ["GATE", "AWS_LAMBDA_RUNTIME_API", "LAMBDA_TASK_ROOT", "LAMBDA_RUNTIME_DIR"] {
        assert!(environment.remove(gone).is_some(), "{gone}");
    }
    // Python adds it where the locale is plain.
    environment.remove("LC_CTYPE");
    let stream = environment.remove("AWS_LAMBDA_LOG_STREAM_NAME").unwrap();
    let own = stream.as_str().unwrap().strip_prefix("2026/09/24/[$LATEST]").unwrap().to_owned();
    assert!(own.len() == 32 && own.bytes().all(|byte| byte.is_ascii_hexdigit()), "{own}");
    let expected = json!({
        "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128",
        "AWS_LAMBDA_FUNCTION_NAME": "greeter",
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/greeter",
        "AWS_REGION": "eu-central-1",
        "GREETING": "hello",
        "LANG": "C.UTF-8",
        "PATH": "/usr/local/bin:/usr/bin:/bin:/opt/bin",
        "TZ": ":UTC",
        "_HANDLER": "app.handler",
    });
    assert_eq!(json!(environment), expected);
}

#[tokio::test]
async fn relative_program_starts_at_the_functions_directory() {
    let world = World::with(
        "
request, _, _ = next_invocation()
reply(request, sys.argv[1])
",
        |spec| {
            std::fs::create_dir(spec.directory.join("bin")).unwrap();
            std::os::unix::fs::symlink("/bin/sh", spec.directory.join("bin/start")).unwrap();
            let command = ["./bin/start", "-c", "exec python3 -B main.py \"$0\"", "a word"];
            spec.command = command.map(str::to_owned).to_vec();
        },
    )
    .await;
    assert_eq!(world.body().await, "a word");
}

#[tokio::test]
async fn deadline_does_not_move_for_who_asks_again() {
    let clock = Arc::new(ManualClock::default());
    let world = World::at(
        Arc::<ManualClock>::clone(&clock),
        "
request, first, _ = next_invocation()
gate()
_, second, _ = next_invocation()
reply(request, [first['Lambda-Runtime-Deadline-Ms'], second['Lambda-Runtime-Deadline-Ms']])
next_invocation()
",
        |_| {},
    )
    .await;
    let invocation = world.spawn("/");
    let arrival = world.arrival().await;
    clock.advance(Duration::from_secs(1));
    arrival.release().await;
    let told: Vec<String> = serde_json::from_str(&invocation.await.unwrap().unwrap().body).unwrap();
    assert_eq!(told[0], told[1]);
}

/// Only root can become another user to try it.
#[tokio::test]
async fn other_users_of_the_machine_get_no_event() {
    let world = World::of(
        "
while True:
    request, _, event = next_invocation()
    if event['path'] == '/gate':
        gate(os.environ['AWS_LAMBDA_RUNTIME_API'])
    reply(request, 'from the function')
",
    )
    .await;
    let invocation = world.spawn("/gate");
    let arrival = world.arrival().await;
    let ask = format!(
        "import http.client; c = http.client.HTTPConnection('{}'); \
         c.request('GET', '/2018-06-01/runtime/nowhere'); print(c.getresponse().status)",
        arrival.text
    );
    let mut own = std::process::Command::new("python3");
    own.args(["-c", &ask]).current_dir("/");
    let mut other = std::process::Command::new("python3");
    other.args(["-c", &ask]).current_dir("/").uid(65_534).gid(65_534);
    let is_root = rustix::process::geteuid().is_root();
    let asked = tokio::task::spawn_blocking(move || (own.output(), is_root.then(|| other.output())));
    let (own, other) = asked.await.unwrap();
    assert_eq!(String::from_utf8(own.unwrap().stdout).unwrap(), "404\n");
    if let Some(other) = other.map(Result::unwrap) {
        let said = String::from_utf8(other.stderr).unwrap();
        let cut_off =
            said.contains("Remote end closed connection") || said.contains("Connection reset by peer");
        assert!(other.stdout.is_empty() && cut_off, "{said}");
    }
    arrival.release().await;
    assert_eq!(invocation.await.unwrap().unwrap().body, "from the function");
}
