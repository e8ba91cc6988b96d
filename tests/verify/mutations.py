"""Mistakes of careless receivers in Python, PHP and Java, made to deliveries and labelled.

Reads {"deliveries", "secrets"} and writes a line of JSON for each mistake: `name`, `label` (the code
that is to be told), `headers`, `body` or `body_base64`, `secrets` ([text, ended]) and `now`.
"""

import base64
import gzip
import hashlib
import hmac
import html
import json
import sys
import unicodedata
from urllib.parse import quote, quote_plus, urlencode

given = json.load(sys.stdin)
deliveries = given["deliveries"]
SECRET, OTHER, OLD, FOREIGN = given["secrets"]
KEY = base64.b64decode(SECRET[len("whsec_"):])
PLAIN_TEXT = SECRET[len("whsec_"):]


def write(name, label, d, headers=None, body=None, secrets=None, now=None):
    headers = d["headers"] if headers is None else headers
    body = d["body"].encode() if body is None else body
    body = body.encode() if isinstance(body, str) else body
    line = {"name": f"{name} / {d['kind']}", "label": label, "headers": headers}
    try:
        line["body"] = body.decode()
    except UnicodeDecodeError:
        line["body_base64"] = base64.b64encode(body).decode()
    line["secrets"] = [[SECRET, False]] if secrets is None else secrets
    line["now"] = d["now"] if now is None else now
    print(json.dumps(line, ensure_ascii=False, separators=(",", ":")))


def header(d, name):
    return next(value for key, value in d["headers"] if key == name)


def with_headers(d, **changed):
    """The delivery's headers with others for id, timestamp or signature; None leaves one out."""
    headers = []
    for name, value in d["headers"]:
        value = changed.get(name.removeprefix("webhook-"), value)
        if value is not None:
            headers.append([name, value])
    return headers


def digest(content, key=KEY, hash=hashlib.sha256):
    return hmac.new(key, content if isinstance(content, bytes) else content.encode(), hash).digest()


def b64(data):
    return base64.b64encode(data).decode()


def content(d, body=None):
    return f"{header(d, 'webhook-id')}.{header(d, 'webhook-timestamp')}.{d['body'] if body is None else body}"


def signed(d, data):
    """Headers with a signature over something else."""
    return with_headers(d, signature="v1," + b64(data))


by_kind = {}
for d in deliveries:
    by_kind.setdefault(d["kind"], []).append(d)
first_of_each = [all[0] for all in by_kind.values()]
opened = by_kind["ticket_opened"]


def having(test, most=3):
    """Deliveries of tickets whose message passes the test."""
    found = [d for d in opened + by_kind["ticket_updated"] if test(json.loads(d["body"])["data"]["ticket_message"])]
    assert found
    return found[:most]


umlauts = having(lambda text: not text.isascii() and all(ord(c) < 256 for c in text))
wide = having(lambda text: any(ord(c) > 0xFFFF for c in text))
accented = having(lambda text: "naïve" in text)
lines = having(lambda text: "\n" in text and "\r" not in text)
windows = having(lambda text: "\r\n" in text, 1)
quoted = having(lambda text: '"' in text)
slashes = having(lambda text: "/" in text)
number = having(lambda text: text.isdigit(), 1)
marked = having(lambda text: "<" in text or "&" in text)
plain = having(lambda text: text.isascii() and "\n" not in text)

# --- Good ones -------------------------------------------------------------------------------------

for d in deliveries:
    write("as it came", "good", d)
for d in first_of_each:
    write("names in other cases", "good", d, headers=[[k.title(), f"  {v} "] for k, v in d["headers"]])
    write("names as WSGI has them", "good", d,
          headers=[["HTTP_" + k.upper().replace("-", "_"), v] for k, v in d["headers"]])
    write("second of two secrets", "good", d, secrets=[[OTHER, False], [SECRET, False]])
    sig = header(d, "webhook-signature")
    two = "v1," + b64(digest(content(d), b"x" * 32)) + " " + sig
    write("two signatures", "good", d, headers=with_headers(d, signature=two))
    write("another version first", "good", d, headers=with_headers(d, signature="v1a,AAAA " + sig))
write("secret without prefix", "good", plain[0], secrets=[[PLAIN_TEXT, False]])
write("late, but not too late", "good", plain[0], now=int(header(plain[0], "webhook-timestamp")) * 1000 + 300_000)

# --- Headers ---------------------------------------------------------------------------------------

for d in first_of_each[:4]:
    for part in ["id", "timestamp", "signature"]:
        write(f"{part} left out", "header_missing", d, headers=with_headers(d, **{part: None}))
write("empty signature", "header_missing", plain[0], headers=with_headers(plain[0], signature=""))
write("no headers", "header_missing", plain[0], headers=[])
for value in ["1750000000.123", "2025-06-15T15:06:40Z", "Sun, 15 Jun 2025 15:06:40 GMT", "1.75e9", "-5", "NaN", "undefined", "99999999999999999999999"]:
    write(f"timestamp {value}", "timestamp_malformed", plain[0], headers=with_headers(plain[0], timestamp=value))

for d in plain + umlauts:
    ts = header(d, "webhook-timestamp")
    ms = ts + "417"
    write("header in ms, seconds signed", "timestamp_milliseconds", d, headers=with_headers(d, timestamp=ms))
    over = content(d).replace(f".{ts}.", f".{ms}.", 1)
    write("header in s, ms signed", "signed_milliseconds", d, headers=signed(d, digest(over)))
    both = [[k, ms if k == "webhook-timestamp" else v] for k, v in signed(d, digest(over))]
    write("ms in both", "timestamp_milliseconds", d, headers=both)
    write("an hour late", "timestamp_stale", d, now=d["now"] + 3_600_000)
    write("five minutes and a bit late", "timestamp_stale", d, now=int(ts) * 1000 + 301_000)
    write("clock behind by ten minutes", "timestamp_in_the_future", d, now=d["now"] - 600_000)
    write("now in seconds", "timestamp_in_the_future", d, now=d["now"] // 1000)

# --- Signature's spelling --------------------------------------------------------------------------

for d in first_of_each[:3] + umlauts[:1]:
    mac = digest(content(d))
    sig = "v1," + b64(mac)
    forms = [
        ("hex", "signature_hex", "v1," + mac.hex()),
        ("HEX", "signature_hex", "v1," + mac.hex().upper()),
        ("bare hex", "signature_hex", mac.hex()),
        ("as GitHub does", "signature_hex", "sha256=" + mac.hex()),
        ("base64 of hex", "signature_hex_in_base64", "v1," + b64(mac.hex().encode())),
        ("no padding", "signature_unpadded", sig.rstrip("=")),
        ("version left out", "signature_version_missing", sig[3:]),
        ("version twice", "signature_version_repeated", "v1," + sig),
        ("v1=", "signature_version_spelling", "v1=" + sig[3:]),
        ("V1,", "signature_version_spelling", "V1," + sig[3:]),
        ("percent", "signature_escaped", quote(sig)),
        ("quotes", "signature_escaped", json.dumps(sig)),
        ("lower case", "signature_case_changed", sig.lower()),
        ("32 characters", "signature_cut_short", sig[:32]),
        ("joined by a proxy", "signature_joined", "v1," + b64(b"y" * 32) + ",", ),
        ("v2 only", "signature_no_v1", "v2," + b64(mac)),
        ("Python's bytes", "signature_not_base64", "v1," + str(mac)[2:8] + "!!"),
    ]
    for name, label, value in forms:
        value = value + sig if name == "joined by a proxy" else value
        write(f"signature: {name}", label, d, headers=with_headers(d, signature=value))

def first_with(test):
    return next(d for d in deliveries if test(b64(digest(content(d)))))

d = first_with(lambda s: "/" in s or "+" in s)
write("signature: urlsafe", "signature_base64url", d,
      headers=with_headers(d, signature="v1," + base64.urlsafe_b64encode(digest(content(d))).decode()))
d = first_with(lambda s: "+" in s)
write("signature: + is blank", "signature_plus_lost", d,
      headers=with_headers(d, signature=("v1," + b64(digest(content(d)))).replace("+", " ")))
d = first_with(lambda s: "/" in s)
write("signature: PHP's slashes", "signature_escaped", d,
      headers=with_headers(d, signature=("v1," + b64(digest(content(d)))).replace("/", "\\/")))

for d in plain[:2] + umlauts[:1]:
    for hash in ["sha1", "sha512", "sha384", "md5"]:
        write(f"HMAC-{hash}", "algorithm", d, headers=signed(d, digest(content(d), hash=hash)))
    c = content(d).encode()
    write("sha256 of the content", "algorithm", d, headers=signed(d, hashlib.sha256(c).digest()))
    write("sha256 of key and content", "algorithm", d, headers=signed(d, hashlib.sha256(KEY + c).digest()))
    write("sha256 of content and key", "algorithm", d, headers=signed(d, hashlib.sha256(c + KEY).digest()))
    write("key and message swapped", "algorithm", d, headers=signed(d, digest(KEY, c)))

# --- What was signed -------------------------------------------------------------------------------

for d in plain[:2] + wide[:1] + by_kind["ping"]:
    i, t, b = header(d, "webhook-id"), header(d, "webhook-timestamp"), d["body"]
    for label, over in [
        ("signed_body_only", b),
        ("signed_without_id", f"{t}.{b}"),
        ("signed_without_timestamp", f"{i}.{b}"),
        ("signed_without_body", f"{i}.{t}."),
        ("signed_in_another_order", f"{t}.{i}.{b}"),
        ("signed_in_another_order", f"{b}.{t}.{i}"),
        ("signed_with_another_separator", f"{i}{t}{b}"),
        ("signed_with_another_separator", f"{i}:{t}:{b}"),
        ("signed_with_another_separator", f"{i}\n{t}\n{b}"),
        ("signed_with_another_separator", f"{i},{t},{b}"),
        ("signed_another_spelling_of_the_id", f"{i.removeprefix('evt_')}.{t}.{b}"),
    ]:
        write("signed " + json.dumps(over[:24]), label, d, headers=signed(d, digest(over)))
    write("signed with the checker's clock", "timestamp_of_another_message", d,
          headers=signed(d, digest(f"{i}.{int(t) + 2}.{b}")))
    write("signature of another attempt", "timestamp_of_another_message", d,
          headers=signed(d, digest(f"{i}.{int(t) + 305}.{b}")))
    write("id in upper case", "signed_another_spelling_of_the_id", d, headers=with_headers(d, id=i.upper()))

# --- Parts of two messages -------------------------------------------------------------------------

for d, e in zip(deliveries, deliveries[9:]):
    gap = int(header(e, "webhook-timestamp")) - int(header(d, "webhook-timestamp"))
    if gap < 200 or len(d["body"]) > 2000:
        continue
    write("id of a later message", "id_of_another_message", d, headers=with_headers(d, id=header(e, "webhook-id")))
    write("id of an earlier message", "id_of_another_message", e, headers=with_headers(e, id=header(d, "webhook-id")))
    write("body of a later message", "body_of_another_message", d, body=e["body"])
    write("body of an earlier message", "body_of_another_message", e, body=d["body"])
    write("timestamp of an earlier message", "timestamp_of_another_message", e,
          headers=with_headers(e, timestamp=header(d, "webhook-timestamp")))
    write("signature of another message", "no_secret_matches", d,
          headers=with_headers(d, signature=header(e, "webhook-signature")))
    if d["kind"] == "ticket_updated":
        break

# --- Secrets ---------------------------------------------------------------------------------------

for d in first_of_each:
    write("secret of another webhook", "no_secret_matches", d, secrets=[[FOREIGN, False]])
for d in plain[:2] + umlauts[:1]:
    write("several secrets of others", "no_secret_matches", d, secrets=[[FOREIGN, False], [OTHER, False], [OLD, True]])
    write("no secret", "no_secrets", d, secrets=[])
    write("ended secret", "secret_ended", d, secrets=[[OTHER, False], [SECRET, True]])
    write("one word of the message changed", "no_secret_matches", d, body=d["body"].replace("\"}}", "?\"}}"))
    for name, label, text in [
        ("a line end", "secret_untidy", SECRET + "\n"),
        ("blanks", "secret_untidy", f"  {SECRET} "),
        ("double quotes", "secret_untidy", f'"{SECRET}"'),
        ("single quotes", "secret_untidy", f"'{SECRET}'"),
        ("its variable's name", "secret_untidy", f"WEBHOOK_SECRET={SECRET}"),
        ("a Windows line end", "secret_untidy", SECRET + "\r\n"),
        ("base64url", "secret_base64url", SECRET.replace("+", "-").replace("/", "_")),
        ("no padding", "secret_unpadded", SECRET.rstrip("=")),
        ("hex", "secret_hex", "whsec_" + KEY.hex()),
        ("bare hex", "secret_hex", KEY.hex()),
        ("its id", "secret_is_a_name", "sec_" + header(d, "webhook-id")[4:]),
        ("empty", "secret_empty", ""),
        ("the prefix alone", "secret_empty", "whsec_"),
        ("stars", "secret_not_base64", "whsec_****************"),
        ("a password", "secret_not_base64", "correct horse battery staple"),
        ("the beginning", "secret_length", SECRET[: 6 + 20]),
        ("undefined", "secret_not_base64", "undefined"),
    ]:
        write(f"secret with {name}" if "untidy" in label else f"secret: {name}", label, d, secrets=[[text, False]])
    for name, label, key in [
        ("the whole text", "key_whole_text", SECRET.encode()),
        ("the base64", "key_not_decoded", PLAIN_TEXT.encode()),
        ("hex digits", "key_hex_text", KEY.hex().encode()),
        ("bytes decoded as Latin-1", "key_read_as_text", KEY.decode("latin-1").encode()),
    ]:
        write(f"signed with {name}", label, d, headers=signed(d, digest(content(d), key)))
    # PHP passes over what is not base64, and decodes whole bytes of the rest.
    chars = "whsec" + PLAIN_TEXT.rstrip("=")
    bits = "".join(f"{'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'.index(c):06b}" for c in chars)
    php = bytes(int(bits[at:at + 8], 2) for at in range(0, len(bits) // 8 * 8, 8))
    write("signed with base64 of the whole text, PHP", "key_prefix_decoded", d, headers=signed(d, digest(content(d), php)))

# --- Bodies ----------------------------------------------------------------------------------------

for d in deliveries:
    parsed = json.loads(d["body"])
    write("json.dumps", "body_reserialised", d, body=json.dumps(parsed))
for d in first_of_each + umlauts + wide + quoted + lines:
    parsed = json.loads(d["body"])
    write("json.dumps, indent", "body_reserialised", d, body=json.dumps(parsed, indent=2, ensure_ascii=False))
    write("json.dumps, sort_keys", "body_reserialised", d,
          body=json.dumps(parsed, sort_keys=True, ensure_ascii=False, separators=(",", ":")))
for d in umlauts + wide + accented:
    parsed = json.loads(d["body"])
    write("json.dumps, ASCII and compact", "body_reserialised", d, body=json.dumps(parsed, separators=(",", ":")))
    write("upper-case escapes", "body_reserialised", d, body="".join(
        c if ord(c) < 128 else "".join("\\u%02X%02X" % tuple(c.encode("utf-16-be")[at:at + 2]) for at in range(0, len(c.encode("utf-16-be")), 2))
        for c in d["body"]))
for d in slashes:
    write("PHP's json_encode", "body_reserialised", d,
          body=json.dumps(json.loads(d["body"]), separators=(",", ":")).replace("/", "\\/"))
for d in marked:
    text = d["body"].replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
    write("Go's json.Marshal", "body_reserialised", d, body=text)
for d in number:
    text = json.loads(d["body"])["data"]["ticket_message"]
    write("PHP's JSON_NUMERIC_CHECK", "body_reserialised", d, body=d["body"].replace(f'"{text}"', text))
for kind in ["ping", "service_available", "service_unavailable"]:
    d = by_kind[kind][0]
    write("PHP's empty array", "body_reserialised", d, body=d["body"].replace("{}", "[]"))
for d in plain[:2] + by_kind["webhook_down"] + by_kind["delivery_abandoned"]:
    parsed = json.loads(d["body"])
    full = {"event": parsed["event"], "created": parsed["created"], "data": {
        "ticket_message": None, "webhook_id": None, "event_id": None, "reason": None, **parsed["data"]}}
    write("a class with all fields", "body_reserialised", d, body=json.dumps(full, separators=(",", ":")))
    camel = {"".join(w.title() if n else w for n, w in enumerate(k.split("_"))): v for k, v in parsed["data"].items()}
    write("Jackson's names", "body_reserialised", d, body=json.dumps({**parsed, "data": camel}, separators=(",", ":")))
    for date in [parsed["created"].replace("Z", ".000Z"), parsed["created"].replace("Z", "+00:00"), parsed["created"].replace("Z", "").replace("T", " ")]:
        write(f"created as {date}", "body_reserialised", d, body=d["body"].replace(parsed["created"], date))

for d in first_of_each:
    b = d["body"].encode()
    write("a line end added", "body_ends_changed", d, body=b + b"\n")
    write("empty", "body_empty", d, body=b"")
    write("BOM", "body_bom", d, body=b.decode().encode("utf-8-sig"))
    write("base64", "body_base64", d, body=base64.b64encode(b))
    write("html.escape", "body_html_escaped", d, body=html.escape(b.decode()))
    write("quote", "body_percent_encoded", d, body=quote(b))
for d in plain[:2] + wide[:1] + umlauts[:1] + quoted[:1] + lines[:1]:
    b, text = d["body"].encode(), d["body"]
    parsed = json.loads(text)
    write("blanks around", "body_ends_changed", d, body=b"  " + b + b" \r\n")
    write("CRLF added", "body_ends_changed", d, body=b + b"\r\n")
    write("a fixed buffer", "body_ends_changed", d, body=b.ljust(len(b) + 40, b"\0"))
    write("MIME's base64", "body_base64", d, body=base64.encodebytes(b))
    write("urlsafe base64", "body_base64", d, body=base64.urlsafe_b64encode(b).rstrip(b"="))
    write("hex", "body_hex", d, body=b.hex())
    write("quote_plus", "body_percent_encoded", d, body=quote_plus(text))
    write("urlencode", "body_percent_encoded", d, body=urlencode({"payload": text}))
    write("a form's only key", "body_percent_encoded", d, body=quote_plus(text) + "=")
    write("UTF-16", "body_utf16", d, body=text.encode("utf-16"))
    write("UTF-16-BE", "body_utf16", d, body=text.encode("utf-16-be"))
    write("UTF-16-LE", "body_utf16", d, body=text.encode("utf-16-le"))
    write("str of dict", "body_printed", d, body=str(parsed))
    write("str of bytes", "body_printed", d, body=str(b))
    write("Java's byte[]", "body_printed", d, body="[B@1b6d3586")
    write("Java's map", "body_printed", d, body="{event=%s, created=%s, data={%s}}" % (parsed["event"], parsed["created"], parsed["data"]))
    write("Ruby's hash", "body_printed", d, body=text.replace('":', '"=>'))
    write("PHP's array", "body_printed", d, body="Array")
    write("json.dumps of text", "body_quoted", d, body=json.dumps(text))
    write("addslashes", "body_quoted", d, body=text.replace("\\", "\\\\").replace('"', '\\"').replace("'", "\\'"))
    write("gzip", "body_compressed", d, body=gzip.compress(b, mtime=0))
    write("twice", "body_repeated", d, body=b + b)
    write("chunked", "body_surrounded", d, body=b"%x\r\n%s\r\n0\r\n\r\n" % (len(b), b))
    write("payload=", "body_surrounded", d, body=b"payload=" + b)
    write("first half", "body_cut_short", d, body=b[: len(b) // 2])
    write("last byte gone", "body_cut_short", d, body=b[:-1])
    write("second half", "body_cut_short", d, body=b[len(b) // 2:])
    write("another object", "body_not_ours", d, body='{"status":"ok","items":[1,2,3]}')
    write("prose", "body_not_json", d, body="Internal Server Error")
    write("null", "body_empty", d, body="null")
    write("None", "body_empty", d, body="None")
for d in umlauts + accented + wide[:2]:
    text, b = d["body"], d["body"].encode()
    write("decoded as Latin-1", "body_mojibake", d, body=b.decode("latin-1"))
    write("decoded as Latin-1, json.dumps", "body_mojibake", d, body=json.dumps(json.loads(b.decode("latin-1"))))
    write("decoded as Latin-1 twice", "body_mojibake", d, body=b.decode("latin-1").encode().decode("latin-1"))
    write("decoded as ASCII, replaced", "body_characters_replaced", d, body=b.decode("ascii", "replace"))
    write("length in characters", "body_cut_short", d, body=b[: len(text)])
    try:
        write("decoded as Windows-1252", "body_mojibake", d, body=b.decode("cp1252"))
    except UnicodeDecodeError:
        pass
    try:
        write("encoded as Windows-1252", "body_latin1", d, body=text.encode("cp1252"))
    except UnicodeEncodeError:
        pass
    nfd = unicodedata.normalize("NFD", text)
    if nfd != text:
        write("NFD", "body_unicode_normalised", d, body=nfd)
    # What cannot be told from a message that has question marks, or is shorter.
    write("encoded as ASCII, replaced", "body_characters_replaced", d, body=text.encode("ascii", "replace"))
for d in lines:
    write("\\n became \\r\\n", "body_line_ends_changed", d, body=d["body"].replace("\\n", "\\r\\n"))
for d in windows:
    write("\\r\\n became \\n", "body_line_ends_changed", d, body=d["body"].replace("\\r\\n", "\\n"))
for d in marked:
    parsed = json.loads(d["body"])
    parsed["data"]["ticket_message"] = html.escape(parsed["data"]["ticket_message"])
    write("message escaped", "body_html_escaped", d, body=json.dumps(parsed, separators=(",", ":")))
for d in marked[:2]:
    write("PHP's htmlentities", "body_html_escaped", d, body="".join({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;"}.get(c, c) for c in d["body"]))
for d in umlauts:
    named = {"ü": "&uuml;", "ö": "&ouml;", "ß": "&szlig;", "é": "&eacute;", '"': "&quot;"}
    write("PHP's htmlentities", "body_html_escaped", d, body="".join(named.get(c, c) for c in d["body"]))
for d in plain[:2]:
    pretty = json.dumps(json.loads(d["body"]), indent=4)
    write("pretty, and the wrong secret", "body_reserialised", d, body=pretty, secrets=[[FOREIGN, False]])
    write("pretty with a BOM", "body_bom", d, body="\ufeff" + pretty)
    write("pretty in base64", "body_base64", d, body=base64.b64encode(pretty.encode()))
    write("pretty with CRLF", "body_reserialised", d, body=pretty.replace("\n", "\r\n") + "\r\n")
