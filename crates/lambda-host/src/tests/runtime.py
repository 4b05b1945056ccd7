"""A runtime for the tests: no more than the Runtime API, so that a test can also do what a proper runtime would not."""

import http.client
import json
import os
import socket
import sys

connection = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])


def call(method, path, body=None, headers={}):
    """One call of the Runtime API: status, headers, body."""
    connection.request(method, "/2018-06-01/runtime/" + path, body, headers)
    answer = connection.getresponse()
    return answer.status, dict(answer.getheaders()), answer.read().decode()


def next_invocation():
    """Waits for an invocation: its id, its headers, its event."""
    status, headers, event = call("GET", "invocation/next")
    assert status == 200, status
    return headers["Lambda-Runtime-Aws-Request-Id"], headers, json.loads(event)


def reply(request, body, **members):
    """Answers an invocation with a proxy reply."""
    text = body if isinstance(body, str) else json.dumps(body)
    return call("POST", f"invocation/{request}/response", json.dumps({"body": text, **members}))


def gate(text=""):
    """Tells the test `text`, and waits until it lets go. The socket stays open as long as it is kept."""
    host, port = os.environ["GATE"].rsplit(":", 1)
    kept = socket.create_connection((host, int(port)))
    kept.sendall(f"{text}\n".encode())
    kept.recv(1)
    return kept
