import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.util.Arrays;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import org.apache.zookeeper.AddWatchMode;
import org.apache.zookeeper.CreateMode;
import org.apache.zookeeper.KeeperException;
import org.apache.zookeeper.Op;
import org.apache.zookeeper.Watcher;
import org.apache.zookeeper.ZooDefs.Ids;
import org.apache.zookeeper.ZooKeeper;
import org.apache.zookeeper.data.Stat;

/** Does what Kazoo cannot, one step a line of standard input, and says "done" after each; record.py drives it. */
public final class JavaSteps {
    private static final byte[] DATA = {1, 2, (byte) 0xff};
    private static final Semaphore CONNECTIONS = new Semaphore(0);
    private static final Watcher FIRST = event -> { };
    private static final Watcher SECOND = event -> { };

    public static void main(String[] arguments) throws Exception {
        ZooKeeper client = new ZooKeeper(arguments[0], 30_000, event -> {
            if (event.getState() == Watcher.Event.KeeperState.SyncConnected && event.getPath() == null) {
                CONNECTIONS.release();
            }
        });
        awaitConnection();
        System.out.println("done");
        BufferedReader steps = new BufferedReader(new InputStreamReader(System.in));
        for (String step = steps.readLine(); step != null; step = steps.readLine()) {
            try {
                run(client, step);
            } catch (KeeperException expected) {
                System.err.println(step + ": " + expected.code());
            }
            System.out.println("done");
        }
    }

    private static void awaitConnection() throws Exception {
        if (!CONNECTIONS.tryAcquire(60, TimeUnit.SECONDS)) {
            throw new IllegalStateException("not connected");
        }
    }

    private static void run(ZooKeeper client, String step) throws Exception {
        switch (step) {
            case "create": client.create("/java", DATA, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT); break;
            case "create with stat": client.create("/java/plain", null, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT, new Stat()); break;
            case "create container": client.create("/java/container", DATA, Ids.OPEN_ACL_UNSAFE, CreateMode.CONTAINER, new Stat()); break;
            case "create ttl":
                client.create("/java/ttl", DATA, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT_WITH_TTL, new Stat(), 86_400_000L);
                break;
            case "create ttl sequential":
                client.create("/java/ttl-", null, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT_SEQUENTIAL_WITH_TTL, new Stat(), 86_400_000L);
                break;
            case "create ephemeral": client.create("/java/ephemeral", null, Ids.OPEN_ACL_UNSAFE, CreateMode.EPHEMERAL); break;
            case "ephemerals": client.getEphemerals(); break;
            case "ephemerals below": client.getEphemerals("/java/e"); break;
            case "ephemerals elsewhere": client.getEphemerals("/nowhere"); break;
            case "number of children": client.getAllChildrenNumber("/java"); break;
            case "number of children of nothing": client.getAllChildrenNumber("/nowhere"); break;
            case "who am i": client.whoAmI(); break;
            case "add watch": client.addWatch("/java/watched", FIRST, AddWatchMode.PERSISTENT); break;
            case "add watch recursive": client.addWatch("/java/below", FIRST, AddWatchMode.PERSISTENT_RECURSIVE); break;
            case "fire persistent watches":
                client.create("/java/watched", null, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
                client.setData("/java/watched", DATA, -1);
                client.create("/java/watched/child", null, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
                client.create("/java/below", null, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
                client.create("/java/below/child", null, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
                client.delete("/java/below/child", -1);
                break;
            case "watch twice":
                client.exists("/java/plain", FIRST);
                client.exists("/java/plain", SECOND);
                break;
            case "check watches": client.removeWatches("/java/plain", FIRST, Watcher.WatcherType.Data, false); break;
            case "remove data watch": client.removeWatches("/java/plain", SECOND, Watcher.WatcherType.Data, false); break;
            case "watch children": client.getChildren("/java/plain", FIRST); break;
            case "remove children watch": client.removeWatches("/java/plain", FIRST, Watcher.WatcherType.Children, false); break;
            case "remove persistent watch": client.removeWatches("/java/watched", FIRST, Watcher.WatcherType.Persistent, false); break;
            case "remove recursive watch":
                client.removeWatches("/java/below", FIRST, Watcher.WatcherType.PersistentRecursive, false);
                break;
            case "remove any watch":
                client.exists("/java/plain", FIRST);
                client.removeAllWatches("/java/plain", Watcher.WatcherType.Any, false);
                break;
            case "multi with every kind":
                client.multi(Arrays.asList(
                    Op.create("/java/multi", DATA, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT),
                    Op.create("/java/multi/container", null, Ids.OPEN_ACL_UNSAFE, CreateMode.CONTAINER),
                    Op.create("/java/multi/ttl", null, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT_WITH_TTL, 86_400_000L),
                    Op.check("/java/multi", 0),
                    Op.setData("/java/multi", DATA, 0),
                    Op.delete("/java/multi/ttl", -1)));
                break;
            case "multi read":
                client.multi(Arrays.asList(Op.getData("/java"), Op.getChildren("/java/multi"), Op.getData("/nowhere"), Op.getData("/java/plain")));
                break;
            case "await connection": awaitConnection(); break;
            case "watch everything":
                client.getData("/java", FIRST, null);
                client.exists("/java/absent", FIRST);
                client.getChildren("/java/plain", FIRST);
                break;
            case "close": client.close(); break;
            default: throw new IllegalArgumentException(step);
        }
    }
}
