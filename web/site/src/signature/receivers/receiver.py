"""Receives webhooks, with Python alone: PORT=9000 WEBHOOK_SECRET=whsec_... python3 receiver.py"""

import base64
import hashlib
import hmac
import json
import os
import re
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

KEY = base64.b64decode(os.environ["WEBHOOK_SECRET"].removeprefix("whsec_"))
if not KEY:
    raise SystemExit("WEBHOOK_SECRET is not a secret")
TOLERANCE_S = 5 * 60
MAX_BODY_BYTES = 1024 * 1024
# Keep these ids in your database, in the transaction that processes the event.
seen: set[str] = set()
lock = threading.Lock()


def verifies(headers, body: bytes) -> bool:
    """Whether the body is signed with the secret, and recent."""
    message_id = headers.get("webhook-id", "")
    timestamp = headers.get("webhook-timestamp", "")
    given = headers.get("webhook-signature", "")
    if not message_id or not re.fullmatch("[0-9]{1,12}", timestamp):
        return False
    if abs(time.time() - int(timestamp)) > TOLERANCE_S:
        return False
    content = f"{message_id}.{timestamp}.".encode() + body
    mac = hmac.new(KEY, content, hashlib.sha256).digest()
    expected = b"v1," + base64.b64encode(mac)
    # During a rotation there are several signatures: one must match.
    return any(hmac.compare_digest(one.encode(), expected) for one in given.split(" "))


class Receiver(BaseHTTPRequestHandler):
    timeout = 30

    def do_POST(self):
        length = self.headers.get("content-length", "")
        if not length.isdigit():
            return self.answer(411)
        if int(length) > MAX_BODY_BYTES:
            return self.answer(413)
        # The raw body: after parsing and serialising, the signature would not match.
        body = self.rfile.read(int(length))
        if not verifies(self.headers, body):
            return self.answer(400)
        message_id = self.headers["webhook-id"]
        try:
            event = json.loads(body)["event"]
        except (ValueError, TypeError, KeyError):
            return self.answer(400)
        with lock:
            known = message_id in seen
            seen.add(message_id)
        # Put a new event into a queue here, and process it later: the sender waits for the response.
        print(f"known {message_id}" if known else f"new {message_id} {event}", flush=True)
        self.answer(204)

    def answer(self, status: int):
        self.send_response(status)
        self.end_headers()

    def log_message(self, *_):
        """Disabled: do_POST prints each event."""


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Receiver)
    print(f"listening on port {os.environ['PORT']}", flush=True)
    server.serve_forever()
