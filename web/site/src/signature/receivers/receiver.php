<?php
// Receives webhooks, with PHP alone: WEBHOOK_SECRET=whsec_... php -S 127.0.0.1:9000 receiver.php

declare(strict_types=1);

const TOLERANCE_S = 5 * 60;

/** Whether the body is signed with the secret, and recent. */
function verifies(string $body): bool
{
    $key = base64_decode(preg_replace('/^whsec_/', '', (string) getenv('WEBHOOK_SECRET')), true);
    $id = $_SERVER['HTTP_WEBHOOK_ID'] ?? '';
    $timestamp = $_SERVER['HTTP_WEBHOOK_TIMESTAMP'] ?? '';
    if ($key === false || $key === '' || $id === '' || !ctype_digit($timestamp)) {
        return false;
    }
    if (abs(time() - (int) $timestamp) > TOLERANCE_S) {
        return false;
    }
    $mac = hash_hmac('sha256', "$id.$timestamp.$body", $key, true);
    $expected = 'v1,' . base64_encode($mac);
    // During a rotation there are several signatures: one must match.
    foreach (explode(' ', $_SERVER['HTTP_WEBHOOK_SIGNATURE'] ?? '') as $one) {
        if (hash_equals($expected, $one)) {
            return true;
        }
    }
    return false;
}

/** Whether an id is new. Keep ids in your database, in the transaction that processes the event. */
function isNew(string $id): ?bool
{
    $folder = sys_get_temp_dir() . '/webhooks-seen';
    @mkdir($folder, 0700);
    $file = "$folder/" . hash('sha256', $id);
    if (@fopen($file, 'x') !== false) {
        return true;
    }
    // The id could not be stored.
    return file_exists($file) ? false : null;
}

// The raw body: after parsing and serialising, the signature would not match.
$body = file_get_contents('php://input');
if (!verifies($body)) {
    http_response_code(400);
    return;
}
$id = $_SERVER['HTTP_WEBHOOK_ID'];
$event = json_decode($body)->event ?? null;
$new = is_string($event) ? isNew($id) : null;
if ($new === null) {
    // The sender retries.
    http_response_code(500);
    return;
}
// Put a new event into a queue here, and process it later: the sender waits for the response.
error_log($new ? "new $id $event" : "known $id");
http_response_code(204);
