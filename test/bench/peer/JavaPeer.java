import com.sun.management.OperatingSystemMXBean;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.lang.management.ManagementFactory;
import java.util.Arrays;
import java.util.concurrent.CountDownLatch;
import org.apache.zookeeper.CreateMode;
import org.apache.zookeeper.ZooDefs;
import org.apache.zookeeper.ZooKeeper;
import org.apache.zookeeper.version.Info;

/** ZooKeeper's own Java client as a peer: `JavaPeer ADDRESS OP IN_FLIGHT`, then the line protocol of shell.mjs. */
public final class JavaPeer {
  private static final byte[] DATA = new byte[100];

  private final ZooKeeper client;
  private final String op;
  private final int inFlight;
  private int unsent;
  private int unanswered;
  private CountDownLatch finished;
  private volatile int failure;

  private JavaPeer(ZooKeeper client, String op, int inFlight) {
    this.client = client;
    this.op = op;
    this.inFlight = inFlight;
  }

  public static void main(String[] args) throws Exception {
    Arrays.fill(DATA, (byte) 'x');
    CountDownLatch connected = new CountDownLatch(1);
    ZooKeeper client = new ZooKeeper(args[0], 60_000, event -> connected.countDown());
    connected.await();
    JavaPeer peer = new JavaPeer(client, args[1], Integer.parseInt(args[2]));
    String version = Info.MAJOR + "." + Info.MINOR + "." + Info.MICRO;
    System.out.println("{\"ready\":true,\"version\":\"" + version + " on Java " + System.getProperty("java.version") + "\"}");
    BufferedReader lines = new BufferedReader(new InputStreamReader(System.in));
    for (String line = lines.readLine(); line != null && line.startsWith("run "); line = lines.readLine()) {
      peer.timed(Integer.parseInt(line.substring(4)));
    }
    System.exit(0);
  }

  private void timed(int count) throws Exception {
    OperatingSystemMXBean machine = (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
    long cpu = machine.getProcessCpuTime();
    long start = System.nanoTime();
    if (inFlight == 1) oneByOne(count);
    else several(count);
    double seconds = (System.nanoTime() - start) / 1e9;
    double used = (machine.getProcessCpuTime() - cpu) / 1e9;
    if (failure != 0) throw new IllegalStateException(op + " failed with " + failure);
    System.out.println("{\"ops\":" + count + ",\"seconds\":" + seconds + ",\"cpuSeconds\":" + used + "}");
  }

  private void oneByOne(int count) throws Exception {
    for (int i = 0; i < count; i++) {
      switch (op) {
        case "get": client.getData("/bench/node", false, null); break;
        case "set": client.setData("/bench/node", DATA, -1); break;
        case "exists": client.exists("/bench/node", false); break;
        case "getChildren": client.getChildren("/bench/kids", false); break;
        default: client.create("/bench/made/n-", DATA, ZooDefs.Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT_SEQUENTIAL);
      }
    }
  }

  private void several(int count) throws Exception {
    finished = new CountDownLatch(1);
    synchronized (this) {
      unsent = count;
      unanswered = count;
      for (int i = Math.min(inFlight, count); i > 0; i--) send();
    }
    finished.await();
  }

  private void send() {
    unsent--;
    switch (op) {
      case "get": client.getData("/bench/node", false, (rc, path, ctx, data, stat) -> done(rc), null); break;
      case "set": client.setData("/bench/node", DATA, -1, (rc, path, ctx, stat) -> done(rc), null); break;
      case "exists": client.exists("/bench/node", false, (rc, path, ctx, stat) -> done(rc), null); break;
      case "getChildren":
        client.getChildren("/bench/kids", false, (int rc, String path, Object ctx, java.util.List<String> names) -> done(rc), null);
        break;
      default:
        client.create("/bench/made/n-", DATA, ZooDefs.Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT_SEQUENTIAL,
            (int rc, String path, Object ctx, String name) -> done(rc), null);
    }
  }

  private synchronized void done(int rc) {
    if (rc != 0) failure = rc;
    if (--unanswered == 0) finished.countDown();
    else if (unsent > 0) send();
  }
}
