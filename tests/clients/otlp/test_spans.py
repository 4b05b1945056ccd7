"""Spans of requests, as OpenTelemetry's own classes read them. Whatever the collector does, clients are answered as ever."""

import base64

import collector as collectors
import pytest
import traces
from conftest import GRANT
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = "00f067aa0ba902b7"
SENT = f"00-{TRACE}-{PARENT}-01"


def attributes(of) -> dict:
    return {pair.key: getattr(pair.value, pair.value.WhichOneof("value")) for pair in of.attributes}


def by_name(spans) -> dict:
    named = {span.name: span for span in spans}
    assert len(named) == len(spans), [span.name for span in spans]
    return named


def test_spans_of_a_request_hang_together_below_the_sender_s(up, collector):
    running = up()
    state = "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"
    assert running.token(traceparent=SENT, tracestate=state).status_code == 200
    up.stop()
    spans = by_name(collector.spans())
    assert set(spans) == {"POST /oauth2/token", "admit", "invoke", "broker", "request_token"}
    door, admit, invoke = spans["POST /oauth2/token"], spans["admit"], spans["invoke"]
    decided, call = spans["broker"], spans["request_token"]
    assert {span.trace_id.hex() for span in spans.values()} == {TRACE}
    assert len({span.span_id for span in spans.values()}) == 5
    assert door.parent_span_id.hex() == PARENT
    assert admit.parent_span_id == invoke.parent_span_id == door.span_id
    assert (decided.parent_span_id, call.parent_span_id) == (invoke.span_id, decided.span_id)
    assert (door.trace_state, door.flags) == (state, 0x301)
    assert (door.kind, invoke.kind, call.kind) == (Span.SPAN_KIND_SERVER, Span.SPAN_KIND_INTERNAL, Span.SPAN_KIND_CLIENT)
    for span in spans.values():
        assert door.start_time_unix_nano <= span.start_time_unix_nano <= span.end_time_unix_nano
        assert span.status.code == Status.STATUS_CODE_UNSET
    assert invoke.end_time_unix_nano <= door.end_time_unix_nano


def test_span_says_what_was_asked_of_whom_and_what_came_of_it(up, collector):
    running = up()
    answer = running.token()
    assert (answer.status_code, running.token().status_code) == (200, 200)
    up.stop()
    doors = [span for span in collector.spans() if span.name == "POST /oauth2/token"]
    said = attributes(doors[0])
    assert said.pop("aws.request_id") == answer.headers["x-amzn-requestid"]
    assert said.pop("aws.extended_request_id") == answer.headers["x-amz-apigw-id"]
    assert said == {
        "http.request.method": "POST",
        "http.response.status_code": 200,
        "http.route": "/oauth2/token",
        "url.path": "/dev/oauth2/token",
        "url.scheme": "http",
        "network.protocol.version": "1.1",
        "client.address": "127.0.0.1",
        "token_broker.api": "token-broker-api",
        "token_broker.stage": "dev",
        "token_broker.client": "billing",
        "token_broker.plan": "roomy",
    }
    # What the client is told of its trace is where its spans are.
    assert doors[0].trace_id.hex() in answer.headers["x-amzn-trace-id"].replace("-", "")
    brokers = [attributes(span) for span in collector.spans() if span.name == "broker"]
    assert [said["token_broker.cache"] for said in brokers] == ["miss", "hit"]
    assert {said["token_broker.client"] for said in brokers} == {"billing"}
    assert brokers[0]["token_broker.decision"] == "allow"
    resources = {resource.resource.attributes[0].value.string_value for request in collector.requests() for resource in request.resource_spans}
    assert resources == {"token-broker"}
    assert set(collector.paths) == {"/v1/traces"} and set(collector.types) == {"application/x-protobuf"}


def test_refused_requests_have_spans_with_what_refused_them(up, collector):
    running = up()
    statuses = [running.token("authlib-throttled").status_code for _ in range(2)]
    statuses += [running.token(key="").status_code, running.token(form={"grant_type": "password"}).status_code]
    assert statuses == [200, 429, 401, 400]
    up.stop()
    doors = [span for span in collector.spans() if span.kind == Span.SPAN_KIND_SERVER]
    said = [attributes(span) for span in doors]
    assert [of["http.response.status_code"] for of in said] == statuses
    assert [of.get("token_broker.limit") for of in said] == [None, "plan", None, None]
    assert said[1]["token_broker.limit.outcome"] == "refused"
    assert "token_broker.client" not in said[2]
    # A client's own mistake is no failure of the server.
    assert {span.status.code for span in doors} == {Status.STATUS_CODE_UNSET}
    denied = [attributes(span) for span in collector.spans() if span.name == "broker"][-1]
    assert (denied["token_broker.decision"], denied["token_broker.reason"]) == ("deny", "grant_unsupported")


def test_sender_decides_unless_it_is_not_asked(up, collector):
    running = up(one_in=1_000_000)
    running.token(traceparent=SENT)
    running.token(traceparent=SENT.removesuffix("01") + "00")
    running.token(x_amzn_trace_id=f"Root=1-5759e988-bd862e3fe1be46a994272793;Parent={PARENT};Sampled=1")
    up.stop()
    traced = {span.trace_id.hex() for span in collector.spans()}
    assert traced == {TRACE, "5759e988bd862e3fe1be46a994272793"}


def test_sender_who_is_not_asked_decides_nothing(up, collector):
    running = up(one_in=1_000_000, parents="ignore")
    for _ in range(5):
        assert running.token(traceparent=SENT).status_code == 200
    up.stop()
    assert collector.bodies == []


def test_no_secret_is_in_what_is_sent(up, collector):
    running = up()
    generated = traces.secrets_in(running.broker.state)
    tokens = {"token": running.token().json()["access_token"].encode()}
    url = running.broker.endpoints["invoke_url"]
    for name, secret in (generated | tokens).items():
        text = secret.decode() if secret.isascii() else base64.b64encode(secret).decode()
        running.token(form=GRANT | {"client_id": text, "client_secret": text, "scope": f"orders/{text}"})
        running.token(form={"grant_type": text}, authorization=f"Bearer {text}", cookie=text, user_agent=text)
        running.token(key="", x_api_key=text, x_amzn_trace_id=text, traceparent=text, tracestate=text)
        from requests import post

        for wrong in (f"{url}?key={text}", f"{url}/{text}", url.replace("/dev/", f"/{text}/")):
            post(wrong, GRANT, headers={"x-api-key": running.broker.key("billing")}, timeout=10)
    up.stop()
    assert len(collector.spans()) > 100
    sent = running.broker.directory / "sent"
    sent.mkdir()
    for number, body in enumerate(collector.bodies):
        (sent / f"{number}.bin").write_bytes(body)
    assert traces.find(generated | tokens, sent, but=[]) == []


ANSWERS = {
    "400": (400, {}, b""),
    "503": (503, {"retry-after": "3600"}, b""),
    "never": (0, {}, b""),
    "nonsense": (200, {}, b"<html>not protobuf</html>"),
    "redirect": (307, {"location": "http://127.0.0.1:1/"}, b""),
}


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS.keys())
def test_collector_that_misbehaves_changes_nothing_for_clients(up, collector, answer):
    collector.answer = answer
    running = up()
    assert [running.token().status_code for _ in range(50)] == [200] * 50
    collector.wait_for_batches(1)
    assert [running.token().status_code for _ in range(50)] == [200] * 50
    # It ends in time although spans are left.
    up.stop()


def test_collector_that_is_gone_changes_nothing_for_clients(up):
    running = up(endpoint="http://127.0.0.1:1")
    assert [running.token().status_code for _ in range(50)] == [200] * 50
    up.stop()


def test_what_is_not_taken_is_counted(up, collector):
    collector.answer = (200, {}, collectors.PARTIAL.SerializeToString())
    running = up()
    running.token()
    collector.wait_for_batches(1)
    while running.metric("token_broker_spans_exported_total") < 1:
        pass
    taken, refused = running.metric("token_broker_spans_exported_total"), running.metric(
        'token_broker_spans_dropped_total{reason="refused"}'
    )
    assert taken + refused == len(collector.spans()) and refused >= 1
