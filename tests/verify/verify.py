"""Verifies recorded deliveries with the published Standard Webhooks library of Python.

The file named as the argument holds `[{"secret", "headers", "body", "valid"}, ...]`; where there is
a `message`, the body must hold that. The library refuses a timestamp more than five minutes from
now, so deliveries must be fresh. Only its own verification error counts as a refusal: any other
means that the entry never was a fair try.
"""

import json
import sys
from pathlib import Path

from standardwebhooks import Webhook, WebhookVerificationError


def refusal(entry: dict) -> str | None:
    """Why the library refuses this entry, or nothing if it verifies."""
    try:
        Webhook(entry["secret"]).verify(entry["body"], entry["headers"])
    except WebhookVerificationError as error:
        return str(error)
    return None


def main() -> None:
    entries = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    if not entries:
        sys.exit("no entries: that would prove nothing")

    verified = refused = 0
    for index, entry in enumerate(entries):
        why = refusal(entry)
        if why is None:
            verified += 1
        else:
            refused += 1
        if (why is None) != entry["valid"]:
            event = entry["headers"].get("webhook-id")
            sys.exit(f"entry {index} ({event}): {why or 'verified, and should not be'}")
        if "message" in entry and json.loads(entry["body"])["data"]["ticket_message"] != entry["message"]:
            sys.exit(f"entry {index}: its body holds another message")
    print(f"verified {verified}, refused {refused}")


main()
