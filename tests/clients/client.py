"""Python's own HTTP client as a caller with an API key. Prints what a caller relies on, a line each."""

import json
import os
import ssl
import urllib.error
import urllib.request

BASE, KEY, LIMITED, CA = (os.environ.get(name) for name in ("BASE", "KEY", "LIMITED", "CA"))
TRUST = ssl.create_default_context(cafile=CA) if CA else None


def call(method, path, body=None, key=KEY, **headers):
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    headers |= {"authorization": f"Bearer {key}", "content-type": "application/json"}
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(BASE + path, data, headers, method=method)
    try:
        return urllib.request.urlopen(request, timeout=20, context=TRUST)
    except urllib.error.HTTPError as refused:
        return refused


print("caller", json.load(call("GET", "/me"))["data"]["caller"])
ticket = {"ticket_message": "from Python"}
first = json.load(call("POST", "/tickets", ticket, idempotency_key="python-1"))
again = call("POST", "/tickets", ticket, idempotency_key="python-1")
assert json.load(again) == first
print("repeated", again.headers["idempotent-replayed"])
print("wrong", call("GET", "/tickets", key="hdk_wrong").status)
for _ in range(50):
    if (limited := call("GET", "/me", key=LIMITED)).status == 429:
        break
print("limited", limited.headers["retry-after"])
with call("GET", "/events", accept="text/event-stream") as stream:
    stream.readline()
    call("DELETE", f"/tickets/{first['data']['id']}").read()
    while not (line := stream.readline().decode()).startswith("event: ticket_closed"):
        assert line
print("heard", line.split()[1])
