<?php
// Receives webhooks, with PHP alone: WEBHOOK_SECRET=whsec_… php -S 127.0.0.1:9000 receiver.php

declare(strict_types=1);

const TOLERANCE_S = 5 * 60;

/** Whether the body came from somebody who knows the secret, and not long ago. */
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
    // While secrets rotate there are several signatures: one must fit.
    foreach (explode(' ', $_SERVER['HTTP_WEBHOOK_SIGNATURE'] ?? '') as $one) {
        if (hash_equals($expected, $one)) {
            return true;
        }
    }
    return false;
}

/** Whether an id comes for the first time. Keep ids in your database, with what you do for them. */
function isNew(string $id): ?bool
{
    $folder = sys_get_temp_dir() . '/webhooks-seen';
    @mkdir($folder, 0700);
    $file = "$folder/" . hash('sha256', $id);
    if (@fopen($file, 'x') !== false) {
        return true;
    }
    // What cannot be kept is not known.
    return file_exists($file) ? false : null;
}

// The bytes as they came: what is parsed and written anew has another signature.
$body = file_get_contents('php://input');
if (!verifies($body)) {
    http_response_code(400);
    return;
}
$id = $_SERVER['HTTP_WEBHOOK_ID'];
$event = json_decode($body)->event ?? null;
$new = is_string($event) ? isNew($id) : null;
if ($new === null) {
    // The sender tries again.
    http_response_code(500);
    return;
}
// Put a new one into a queue here, and work on it later: the sender waits for the answer.
error_log($new ? "new $id $event" : "known $id");
http_response_code(204);
