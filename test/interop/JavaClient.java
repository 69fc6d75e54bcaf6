import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.apache.zookeeper.AddWatchMode;
import org.apache.zookeeper.CreateMode;
import org.apache.zookeeper.KeeperException;
import org.apache.zookeeper.Op;
import org.apache.zookeeper.OpResult;
import org.apache.zookeeper.WatchedEvent;
import org.apache.zookeeper.Watcher;
import org.apache.zookeeper.ZooDefs.Ids;
import org.apache.zookeeper.ZooDefs.Perms;
import org.apache.zookeeper.ZooKeeper;
import org.apache.zookeeper.data.ACL;
import org.apache.zookeeper.data.Id;
import org.apache.zookeeper.data.Stat;

/** ZooKeeper's own client at work: prints what came of each step, a line each. */
public final class JavaClient {
    private static final BlockingQueue<String> EVENTS = new LinkedBlockingQueue<>();
    private static final Watcher WATCHER = event -> EVENTS.add(event.getType() + " " + event.getPath());

    private interface Step {
        Object run() throws Exception;
    }

    public static void main(String[] arguments) throws Exception {
        ZooKeeper client = connect(arguments[0]);
        nodes(client);
        lists(client);
        transactions(client);
        access(client, arguments[0]);
        watches(client);
        lifetimes(client, arguments[0]);
        client.close();
    }

    private static void nodes(ZooKeeper client) throws Exception {
        say("create", () -> client.create("/java", bytes("one"), Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT));
        say("create again", () -> client.create("/java", null, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT));
        say("get", () -> {
            Stat stat = new Stat();
            return text(client.getData("/java", false, stat)) + " version " + stat.getVersion() + " length " + stat.getDataLength();
        });
        say("set", () -> client.setData("/java", bytes("zwei ☃"), 0).getVersion());
        say("set an old version", () -> client.setData("/java", bytes("three"), 0));
        say("get what is set", () -> text(client.getData("/java", false, null)));
        say("null", () -> client.create("/java/null", null, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT));
        say("get null", () -> text(client.getData("/java/null", false, null)));
        say("no node", () -> client.getData("/java/missing", false, null));
        say("exists", () -> client.exists("/java/missing", false));
        say("not empty", () -> { client.delete("/java", -1); return "deleted"; });
        say("sync", () -> { BlockingQueue<Integer> done = new LinkedBlockingQueue<>(); client.sync("/java", (code, path, context) -> done.add(code), null); return done.take(); });
    }

    private static void lists(ZooKeeper client) throws Exception {
        say("sequence", () -> client.create("/java/s-", null, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT_SEQUENTIAL));
        say("sequence again", () -> client.create("/java/s-", null, Ids.OPEN_ACL_UNSAFE, CreateMode.EPHEMERAL_SEQUENTIAL));
        say("children", () -> sorted(client.getChildren("/java", false)));
        say("children of an ephemeral", () -> client.create("/java/s-0000000002/x", null, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT));
        say("all children", () -> client.getAllChildrenNumber("/java"));
        say("ephemerals", () -> client.getEphemerals());
        say("container", () -> client.create("/java/container", null, Ids.OPEN_ACL_UNSAFE, CreateMode.CONTAINER, new Stat()));
        say("ttl", () -> client.create("/java/ttl", null, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT_WITH_TTL, new Stat(), 86_400_000L));
    }

    private static void transactions(ZooKeeper client) throws Exception {
        say("transaction", () -> kinds(client.multi(Arrays.asList(
            Op.create("/java/t", bytes("t"), Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT), Op.setData("/java/t", bytes("u"), 0),
            Op.check("/java/t", 1), Op.delete("/java/t", 1)))));
        say("transaction refused", () -> {
            try {
                return client.multi(Arrays.asList(
                    Op.create("/java/t", null, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT), Op.check("/java/none", 0), Op.delete("/java/null", -1)));
            } catch (KeeperException refused) {
                return refused.code() + " " + kinds(refused.getResults()) + " " + client.exists("/java/t", false);
            }
        });
        say("many reads", () -> kinds(client.multi(Arrays.asList(Op.getData("/java"), Op.getChildren("/java/null"), Op.getData("/java/none")))));
    }

    private static void access(ZooKeeper client, String hosts) throws Exception {
        ZooKeeper owner = connect(hosts);
        owner.addAuthInfo("digest", bytes("user:secret"));
        say("who am i", () -> { List<String> who = new ArrayList<>(); owner.whoAmI().forEach(info -> who.add(info.getAuthScheme() + ":" + info.getUser())); return sorted(who); });
        say("mine", () -> owner.create("/java/mine", bytes("x"), Ids.CREATOR_ALL_ACL, CreateMode.PERSISTENT));
        say("not yours", () -> client.getData("/java/mine", false, null));
        say("acl", () -> owner.getACL("/java/mine", new Stat()));
        say("set acl", () -> owner.setACL("/java/mine", Arrays.asList(new ACL(Perms.READ, new Id("world", "anyone"))), 0).getAversion());
        say("yours to read", () -> text(client.getData("/java/mine", false, null)));
        say("not to write", () -> owner.setData("/java/mine", null, -1));
        say("no acl", () -> client.create("/java/bad", null, Collections.emptyList(), CreateMode.PERSISTENT));
        owner.close();
    }

    private static void watches(ZooKeeper client) throws Exception {
        client.exists("/java/w", WATCHER);
        client.getChildren("/java", WATCHER);
        client.create("/java/w", null, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
        say("watches", () -> sorted(Arrays.asList(event(), event())));
        client.getData("/java/w", WATCHER, null);
        client.setData("/java/w", bytes("x"), -1);
        say("data watch", JavaClient::event);
        client.addWatch("/java/w", WATCHER, AddWatchMode.PERSISTENT_RECURSIVE);
        client.create("/java/w/a", null, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
        client.setData("/java/w/a", null, -1);
        client.delete("/java/w/a", -1);
        say("recursive watch", () -> Arrays.asList(event(), event(), event()));
        client.removeWatches("/java/w", WATCHER, Watcher.WatcherType.Any, false);
        say("watch removed", JavaClient::event);
        say("no such watch", () -> { client.removeWatches("/java/w", WATCHER, Watcher.WatcherType.Any, false); return "removed"; });
    }

    /** A session that is taken up again by its id and password, and one that ends: its ephemeral node goes. */
    private static void lifetimes(ZooKeeper client, String hosts) throws Exception {
        ZooKeeper first = connect(hosts);
        first.create("/java/e", null, Ids.OPEN_ACL_UNSAFE, CreateMode.EPHEMERAL);
        BlockingQueue<WatchedEvent> states = new LinkedBlockingQueue<>();
        ZooKeeper second = new ZooKeeper(hosts, 10_000, states::add, first.getSessionId(), first.getSessionPasswd());
        say("session resumed", () -> states.poll(20, TimeUnit.SECONDS).getState() + " " + (second.getSessionId() == first.getSessionId()));
        client.exists("/java/e", WATCHER);
        second.close();
        say("ephemeral gone", JavaClient::event);
        first.close();
    }

    private static ZooKeeper connect(String hosts) throws Exception {
        BlockingQueue<WatchedEvent> states = new LinkedBlockingQueue<>();
        ZooKeeper client = new ZooKeeper(hosts, 10_000, states::add);
        if (states.poll(20, TimeUnit.SECONDS) == null) throw new IllegalStateException("not connected");
        return client;
    }

    private static String event() throws InterruptedException {
        return String.valueOf(EVENTS.poll(10, TimeUnit.SECONDS));
    }

    private static void say(String what, Step step) throws Exception {
        String outcome;
        try {
            outcome = String.valueOf(step.run());
        } catch (KeeperException error) {
            outcome = error.code().name();
        }
        System.out.println(what + ": " + outcome.trim().replace("\n", ""));
    }

    private static List<String> kinds(List<OpResult> results) {
        List<String> kinds = new ArrayList<>();
        for (OpResult result : results) {
            String detail = result instanceof OpResult.ErrorResult ? KeeperException.Code.get(((OpResult.ErrorResult) result).getErr()).name() : "";
            kinds.add((result.getClass().getSimpleName() + " " + detail).trim());
        }
        return kinds;
    }

    private static List<String> sorted(List<String> names) {
        List<String> copy = new ArrayList<>(names);
        Collections.sort(copy);
        return copy;
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    private static String text(byte[] data) {
        return data == null ? "null" : new String(data, StandardCharsets.UTF_8);
    }
}
