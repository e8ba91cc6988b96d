// Receives webhooks, with the JDK alone: PORT=9000 WEBHOOK_SECRET=whsec_... java Receiver.java

import com.sun.net.httpserver.Headers;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.time.Instant;
import java.util.Base64;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executors;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

import static java.nio.charset.StandardCharsets.UTF_8;

public class Receiver {
    private static final long TOLERANCE_S = 5 * 60;
    private static final int MAX_BODY_BYTES = 1024 * 1024;

    private final SecretKeySpec key;
    // Keep these ids in your database, in the transaction that processes the event.
    private final Set<String> seen = ConcurrentHashMap.newKeySet();

    Receiver(String secret) {
        byte[] bytes = Base64.getDecoder().decode(secret.replaceFirst("^whsec_", ""));
        key = new SecretKeySpec(bytes, "HmacSHA256");
    }

    /** Whether the body is signed with the secret, and recent. */
    boolean verifies(Headers headers, byte[] body) throws GeneralSecurityException {
        String id = headers.getFirst("webhook-id");
        String timestamp = headers.getFirst("webhook-timestamp");
        String given = headers.getFirst("webhook-signature");
        if (id == null || given == null || timestamp == null || !timestamp.matches("[0-9]{1,12}")) {
            return false;
        }
        long age = Instant.now().getEpochSecond() - Long.parseLong(timestamp);
        if (Math.abs(age) > TOLERANCE_S) {
            return false;
        }
        Mac mac = Mac.getInstance("HmacSHA256");
        mac.init(key);
        mac.update((id + "." + timestamp + ".").getBytes(UTF_8));
        String expected = "v1," + Base64.getEncoder().encodeToString(mac.doFinal(body));
        // During a rotation there are several signatures: one must match.
        for (String one : given.split(" ")) {
            if (MessageDigest.isEqual(one.getBytes(UTF_8), expected.getBytes(UTF_8))) {
                return true;
            }
        }
        return false;
    }

    int receive(Headers headers, byte[] body) throws GeneralSecurityException {
        if (body.length > MAX_BODY_BYTES) {
            return 413;
        }
        if (!verifies(headers, body)) {
            return 400;
        }
        String id = headers.getFirst("webhook-id");
        // Put a new event into a queue here, and process it later: the sender waits for the response.
        System.out.println((seen.add(id) ? "new " : "known ") + id);
        return 204;
    }

    void handle(HttpExchange exchange) throws IOException {
        try (exchange) {
            // The raw body: after parsing and serialising, the signature would not match.
            byte[] body = exchange.getRequestBody().readNBytes(MAX_BODY_BYTES + 1);
            exchange.sendResponseHeaders(receive(exchange.getRequestHeaders(), body), -1);
        } catch (GeneralSecurityException error) {
            throw new IOException(error);
        }
    }

    public static void main(String[] arguments) throws IOException {
        int port = Integer.parseInt(System.getenv("PORT"));
        // Seconds for a request, so that silent clients cannot occupy all threads.
        System.setProperty("sun.net.httpserver.maxReqTime", "30");
        HttpServer server = HttpServer.create(new InetSocketAddress("127.0.0.1", port), 0);
        server.createContext("/", new Receiver(System.getenv("WEBHOOK_SECRET"))::handle);
        server.setExecutor(Executors.newFixedThreadPool(8));
        server.start();
        System.out.println("listening on port " + port);
    }
}
