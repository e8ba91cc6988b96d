#!/usr/bin/env bash
# curl as a caller with an API key. Prints what a caller relies on, a line each.
set -euo pipefail
call() {
  curl --silent --show-error --max-time 20 ${CA:+--cacert "$CA"} "$@"
}
keyed() {
  call -H "Authorization: Bearer $KEY" -H 'Content-Type: application/json' "$@"
}
echo "caller $(keyed "$BASE/me" | grep -o '"caller":"[a-z]*"' | cut -d'"' -f4)"
ticket='{"ticket_message":"from curl"}'
first=$(keyed -H 'Idempotency-Key: curl-1' -d "$ticket" "$BASE/tickets" | grep -o 'tkt_[0-9a-f]*' | head -1)
headers=$(mktemp)
again=$(keyed -H 'Idempotency-Key: curl-1' -d "$ticket" -D "$headers" "$BASE/tickets" | grep -o 'tkt_[0-9a-f]*' | head -1)
[ "$first" = "$again" ] && echo "repeated $(grep -i '^idempotent-replayed:' "$headers" | tr -d '\r' | cut -d' ' -f2)"
echo "wrong $(call -o "$headers" -w '%{http_code}' -H 'Authorization: Bearer hdk_wrong' "$BASE/tickets")"
for _ in {1..50}; do
  status=$(call -o /dev/null -D "$headers" -w '%{http_code}' -H "Authorization: Bearer $LIMITED" "$BASE/me")
  [ "$status" = 429 ] && break
done
echo "limited $(grep -i '^retry-after:' "$headers" | tr -d '\r' | cut -d' ' -f2)"
# The stream says where it stands at once, and what happens after that.
heard=$(mktemp)
keyed --no-buffer -H 'Accept: text/event-stream' "$BASE/events" > "$heard" 2>/dev/null &
stream=$!
until [ -s "$heard" ]; do kill -0 "$stream" || exit 1; sleep 0.05; done
keyed -o /dev/null -X DELETE "$BASE/tickets/$first"
until grep -q '^event: ticket_closed' "$heard"; do kill -0 "$stream" || exit 1; sleep 0.05; done
kill "$stream"
echo "heard ticket_closed"
rm "$headers" "$heard"
