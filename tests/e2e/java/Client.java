import java.io.FileInputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.WebSocket;
import java.nio.ByteBuffer;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;

/** Java's own client: talks to each URL behind the file of the authority that it trusts, and prints what it hears. */
class Client implements WebSocket.Listener {
    private final LinkedBlockingQueue<String> heard = new LinkedBlockingQueue<>();
    private final StringBuilder text = new StringBuilder();
    private int bytes;

    public static void main(String[] arguments) throws Exception {
        HttpClient client = HttpClient.newBuilder().sslContext(trusting(arguments[0])).build();
        for (int each = 1; each < arguments.length; each++) {
            new Client().talk(client, URI.create(arguments[each]));
        }
        System.exit(0);
    }

    private void talk(HttpClient client, URI url) throws Exception {
        WebSocket socket = client.newWebSocketBuilder().header("X-From", "Java").buildAsync(url, this).join();
        socket.sendText("hello ", false).join();
        socket.sendText("from Java", true).join();
        say();
        socket.sendBinary(ByteBuffer.allocate(70_000), true).join();
        say();
        socket.sendPing(ByteBuffer.wrap("there?".getBytes())).join();
        say();
        socket.sendClose(4000, "done").join();
        say();
    }

    private void say() throws InterruptedException {
        String next = heard.poll(60, TimeUnit.SECONDS);
        System.out.println(next == null ? "nothing" : next);
    }

    private static SSLContext trusting(String file) throws Exception {
        KeyStore trusted = KeyStore.getInstance(KeyStore.getDefaultType());
        trusted.load(null);
        try (FileInputStream pem = new FileInputStream(file)) {
            trusted.setCertificateEntry("ca", CertificateFactory.getInstance("X.509").generateCertificate(pem));
        }
        TrustManagerFactory managers = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        managers.init(trusted);
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(null, managers.getTrustManagers(), null);
        return context;
    }

    @Override
    public CompletionStage<?> onText(WebSocket socket, CharSequence data, boolean last) {
        text.append(data);
        if (last) {
            heard.add("text " + text);
        }
        socket.request(1);
        return null;
    }

    @Override
    public CompletionStage<?> onBinary(WebSocket socket, ByteBuffer data, boolean last) {
        bytes += data.remaining();
        if (last) {
            heard.add("binary " + bytes);
        }
        socket.request(1);
        return null;
    }

    @Override
    public CompletionStage<?> onPong(WebSocket socket, ByteBuffer data) {
        heard.add("pong " + data.remaining());
        socket.request(1);
        return null;
    }

    @Override
    public CompletionStage<?> onClose(WebSocket socket, int code, String reason) {
        heard.add("close " + code + " " + reason);
        return CompletableFuture.completedFuture(null);
    }

    @Override
    public void onError(WebSocket socket, Throwable error) {
        heard.add("error " + error);
    }
}
