"""Receives webhooks, with Python alone: PORT=9000 WEBHOOK_SECRET=whsec_… python3 receiver.py"""

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
    raise SystemExit("WEBHOOK_SECRET is no secret")
TOLERANCE_S = 5 * 60
LONGEST_BODY = 1024 * 1024
# Keep these ids in your database, written together with what you do for them.
seen: set[str] = set()
lock = threading.Lock()


def verifies(headers, body: bytes) -> bool:
    """Whether the body came from somebody who knows the secret, and not long ago."""
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
    # While secrets rotate there are several signatures: one must fit.
    return any(hmac.compare_digest(one.encode(), expected) for one in given.split(" "))


class Receiver(BaseHTTPRequestHandler):
    timeout = 30

    def do_POST(self):
        length = self.headers.get("content-length", "")
        if not length.isdigit():
            return self.answer(411)
        if int(length) > LONGEST_BODY:
            return self.answer(413)
        # The bytes as they came: what is parsed and written anew has another signature.
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
        # Put a new one into a queue here, and work on it later: the sender waits for the answer.
        print(f"known {message_id}" if known else f"new {message_id} {event}", flush=True)
        self.answer(204)

    def answer(self, status: int):
        self.send_response(status)
        self.end_headers()

    def log_message(self, *_):
        """Says nothing: what came is printed above."""


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Receiver)
    print(f"listening on port {os.environ['PORT']}", flush=True)
    server.serve_forever()
