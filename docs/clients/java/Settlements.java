// Settlements with Java 17 and Jackson alone: the list, each new one, and a payment.
// java -cp "jackson/*" Settlements.java URL FILE [INVOICE AMOUNT KEY]

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.LocalDate;
import java.time.ZoneId;
import java.util.Map;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.Consumer;

public final class Settlements {
  static final String LIST = "query Settlements { settlements(first: 100) { streamCursor nodes { id amount } } }";
  static final String WATCH = """
      subscription WatchSettlements($after: String) {
        settlementRecorded(after: $after) { cursor settlement { id amount } }
      }""";
  static final String SETTLE = """
      mutation SettleInvoice($input: SettleInvoiceInput!) {
        settleInvoice(input: $input) {
          settlement { id amount invoice { id status dueAmount } }
          errors { code message field }
          replayed
        }
      }""";
  static final int ATTEMPTS = 5;

  final ObjectMapper json = new ObjectMapper();
  final HttpClient http = HttpClient.newBuilder().connectTimeout(Duration.ofSeconds(10)).build();
  final URI url;
  final Path tokenFile;

  Settlements(String url, String tokenFile) {
    this.url = URI.create(url);
    this.tokenFile = Path.of(tokenFile);
  }

  /** The errors of an answer without data. */
  static final class Refused extends RuntimeException {
    final JsonNode errors;

    Refused(JsonNode errors) {
      super(errors.toString());
      this.errors = errors;
    }

    /** Whether the same request may succeed later, or with a new token. */
    boolean isPassing() {
      for (JsonNode error : errors) {
        JsonNode extensions = error.path("extensions");
        if (extensions.path("retryable").asBoolean() || extensions.path("code").asText().equals("UNAUTHENTICATED")) {
          return true;
        }
      }
      return false;
    }
  }

  /** The token is read for every request, so that a renewed one is used. */
  HttpRequest.Builder request(String accept, String query, Map<String, ?> variables) throws IOException {
    byte[] body = json.writeValueAsBytes(Map.of("query", query, "variables", variables));
    return HttpRequest.newBuilder(url)
        .header("authorization", "Bearer " + Files.readString(tokenFile).strip())
        .header("content-type", "application/json")
        .header("accept", accept)
        .POST(HttpRequest.BodyPublishers.ofByteArray(body));
  }

  /** What came under the name of the root field; errors beside it are of fields that the caller may not see. */
  static JsonNode field(JsonNode answer, String name) {
    JsonNode found = answer.path("data").path(name);
    if (found.isMissingNode() || found.isNull()) {
      throw new Refused(answer.path("errors"));
    }
    return found;
  }

  /** Ask until there is an answer; a mutation goes with the same idempotency key each time, so it happens once. */
  JsonNode ask(String name, String query, Map<String, ?> variables) throws IOException, InterruptedException {
    for (int attempt = 1; ; attempt++) {
      try {
        HttpRequest request = request("application/json", query, variables).timeout(Duration.ofSeconds(20)).build();
        return field(json.readTree(http.send(request, BodyHandlers.ofInputStream()).body()), name);
      } catch (Refused refused) {
        if (attempt == ATTEMPTS || !refused.isPassing()) throw refused;
      } catch (IOException lost) {
        if (attempt == ATTEMPTS) throw lost;
      }
      pause();
    }
  }

  /** Each settlement after the cursor once and in order, whatever fails in between. */
  void watch(String after, Consumer<JsonNode> show) throws InterruptedException {
    String[] cursor = {after};
    while (true) {
      try {
        HttpRequest request = request("text/event-stream", WATCH, Map.of("after", cursor[0])).build();
        http.send(request, BodyHandlers.ofLines()).body()
            .filter(line -> line.startsWith("data: {"))
            .map(line -> field(read(line.substring("data: ".length())), "settlementRecorded"))
            .forEach(event -> {
              cursor[0] = event.path("cursor").asText();
              // The first message has only the cursor.
              if (!event.path("settlement").isNull()) show.accept(event.path("settlement"));
            });
      } catch (Refused refused) {
        if (!refused.isPassing()) throw refused; // CURSOR_EXPIRED: read the list again
      } catch (IOException | UncheckedIOException lost) {
        // Subscribe again.
      }
      pause();
    }
  }

  JsonNode read(String text) {
    try {
      return json.readTree(text);
    } catch (IOException error) {
      throw new UncheckedIOException(error);
    }
  }

  /** A second or so: not all clients at once, after a restart. */
  static void pause() throws InterruptedException {
    Thread.sleep(ThreadLocalRandom.current().nextLong(500, 1500));
  }

  void print(String name, Object value) throws IOException {
    System.out.println(json.writeValueAsString(Map.of(name, value)));
  }

  public static void main(String[] arguments) throws Exception {
    Settlements client = new Settlements(arguments[0], arguments[1]);
    if (arguments.length > 2) {
      String day = LocalDate.now(ZoneId.of("America/Sao_Paulo")).toString();
      Map<String, ?> input = Map.of(
          "invoiceId", arguments[2], "amount", arguments[3], "paidOn", day, "idempotencyKey", arguments[4]);
      System.out.println(client.ask("settleInvoice", SETTLE, Map.of("input", input)));
      return;
    }
    JsonNode found = client.ask("settlements", LIST, Map.of());
    client.print("listed", found.path("nodes"));
    client.watch(found.path("streamCursor").asText(), settlement -> {
      try {
        client.print("added", settlement);
      } catch (IOException error) {
        throw new UncheckedIOException(error);
      }
    });
  }
}
