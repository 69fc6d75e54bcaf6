import java.io.BufferedReader;
import java.io.Closeable;
import java.io.InputStreamReader;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.CuratorFrameworkFactory;
import org.apache.curator.framework.recipes.atomic.AtomicValue;
import org.apache.curator.framework.recipes.atomic.DistributedAtomicInteger;
import org.apache.curator.framework.recipes.leader.LeaderLatch;
import org.apache.curator.framework.recipes.leader.Participant;
import org.apache.curator.framework.recipes.locks.InterProcessMutex;
import org.apache.curator.framework.recipes.nodes.GroupMember;
import org.apache.curator.framework.recipes.nodes.PersistentNode;
import org.apache.curator.framework.recipes.shared.SharedCount;
import org.apache.curator.framework.recipes.shared.VersionedValue;
import org.apache.curator.retry.RetryNTimes;
import org.apache.curator.x.discovery.ServiceCache;
import org.apache.curator.x.discovery.ServiceDiscovery;
import org.apache.curator.x.discovery.ServiceDiscoveryBuilder;
import org.apache.curator.x.discovery.ServiceInstance;
import org.apache.curator.x.discovery.ServiceInstanceBuilder;
import org.apache.curator.x.discovery.ServiceProvider;
import org.apache.curator.x.discovery.ServiceType;
import org.apache.curator.x.discovery.UriSpec;
import org.apache.curator.x.discovery.details.JsonInstanceSerializer;
import org.apache.zookeeper.CreateMode;
import org.springframework.cloud.zookeeper.discovery.ZookeeperInstance;

/** Curator as the other party: a line of standard input is an order, words with blanks between; each is answered with a line. */
public final class CuratorPeer {
    private static final Map<String, InterProcessMutex> MUTEXES = new HashMap<>();
    /** What has been started and is to be found again, by the name its order gave. */
    private static final Map<String, Object> STARTED = new HashMap<>();
    private static CuratorFramework client;

    public static void main(String[] arguments) throws Exception {
        client = CuratorFrameworkFactory.newClient(arguments[0], 4_000, 10_000, new RetryNTimes(5, 100));
        client.start();
        client.blockUntilConnected();
        BufferedReader orders = new BufferedReader(new InputStreamReader(System.in));
        for (String line = orders.readLine(); line != null; line = orders.readLine()) {
            String answer;
            try {
                answer = String.valueOf(obey(line.split(" ")));
            } catch (Exception error) {
                answer = "failed " + error;
            }
            System.out.println(answer.replace("\n", " "));
        }
        client.close();
    }

    private static Object obey(String[] words) throws Exception {
        switch (words[0]) {
            case "count": return count(words[1]);
            case "add": return add(words[1], Integer.parseInt(words[2]), Integer.parseInt(words[3]));
            case "atomic": return atomic(words[1], Integer.parseInt(words[2]), Integer.parseInt(words[3]));
            case "acquire": return mutex(words[1]).acquire(Long.parseLong(words[2]), TimeUnit.MILLISECONDS);
            case "release": mutex(words[1]).release(); return true;
            case "close": ((Closeable) STARTED.remove(words[1])).close(); return true;
            case "latch": return latch(words[1], words[2], words.length > 3 ? words[3] : "");
            case "leads": return started(LeaderLatch.class, words).hasLeadership();
            case "await": return started(LeaderLatch.class, words).await(Long.parseLong(words[2]), TimeUnit.MILLISECONDS);
            case "leader": return started(LeaderLatch.class, words).getLeader().getId();
            case "participants": return participants(started(LeaderLatch.class, words));
            case "join": return join(words[1], words[2], words[3], words[4]);
            case "members": return members(started(GroupMember.class, words));
            case "payload": started(GroupMember.class, words).setThisData(words[2].getBytes()); return true;
            case "node": return node(words[1], words[2], words[3], words[4]);
            case "node-path": return started(PersistentNode.class, words).getActualPath();
            case "node-data": started(PersistentNode.class, words).setData(words[2].getBytes()); return true;
            default: return discover(words);
        }
    }

    private static Object discover(String[] words) throws Exception {
        switch (words[0]) {
            case "discovery": return discovery(words[1], words[2], words[3]);
            case "register": discoveryOf(words).registerService(instance(words)); return true;
            case "update": discoveryOf(words).updateService(instance(words)); return true;
            case "unregister": discoveryOf(words).unregisterService(instance(words)); return true;
            case "names": return String.join(",", discoveryOf(words).queryForNames());
            case "instances": return describe(discoveryOf(words).queryForInstances(words[2]));
            case "uri": return discoveryOf(words).queryForInstance(words[2], words[3]).buildUriSpec();
            case "cache": return cache(words[1], discoveryOf(words, 2), words[3]);
            case "cached": return describe(((ServiceCache<Object>) STARTED.get(words[1])).getInstances());
            case "provider": return provider(words[1], discoveryOf(words, 2), words[3]);
            case "next": return ((ServiceProvider<Object>) STARTED.get(words[1])).getInstance();
            default: throw new IllegalArgumentException(words[0]);
        }
    }

    private static <T> T started(Class<T> type, String[] words) {
        return type.cast(STARTED.get(words[1]));
    }

    private static int count(String path) throws Exception {
        try (SharedCount count = new SharedCount(client, path, 0)) {
            count.start();
            return count.getCount();
        }
    }

    /** Adds so many times, by compare and set. */
    private static int add(String path, int amount, int times) throws Exception {
        try (SharedCount count = new SharedCount(client, path, 0)) {
            count.start();
            for (int done = 0; done < times;) {
                VersionedValue<Integer> now = count.getVersionedValue();
                if (count.trySetCount(now, now.getValue() + amount)) done++;
            }
            return count.getCount();
        }
    }

    private static int atomic(String path, int amount, int times) throws Exception {
        DistributedAtomicInteger counter = new DistributedAtomicInteger(client, path, new RetryNTimes(1_000, 1));
        for (int done = 0; done < times;) {
            AtomicValue<Integer> outcome = counter.add(amount);
            if (outcome.succeeded()) done++;
        }
        return counter.get().postValue();
    }

    private static InterProcessMutex mutex(String path) {
        return MUTEXES.computeIfAbsent(path, unused -> new InterProcessMutex(client, path));
    }

    private static Object latch(String name, String path, String id) throws Exception {
        LeaderLatch latch = new LeaderLatch(client, path, id);
        STARTED.put(name, latch);
        latch.start();
        return true;
    }

    private static String participants(LeaderLatch latch) throws Exception {
        List<String> ids = new ArrayList<>();
        for (Participant participant : latch.getParticipants()) ids.add(participant.getId() + (participant.isLeader() ? "!" : ""));
        return String.join(",", ids);
    }

    private static Object join(String name, String path, String id, String payload) {
        GroupMember member = new GroupMember(client, path, id, payload.getBytes());
        STARTED.put(name, member);
        member.start();
        return true;
    }

    private static String members(GroupMember member) {
        Map<String, String> members = new TreeMap<>();
        member.getCurrentMembers().forEach((id, payload) -> members.put(id, new String(payload)));
        return members.toString();
    }

    private static Object node(String name, String path, String mode, String data) throws Exception {
        PersistentNode node = new PersistentNode(client, CreateMode.valueOf(mode), false, path, data.getBytes());
        STARTED.put(name, node);
        node.start();
        return node.waitForInitialCreate(10, TimeUnit.SECONDS);
    }

    /** `compatible` and `full` read and write any payload, `spring` what Spring Cloud has there. */
    private static Object discovery(String name, String path, String mode) throws Exception {
        Class<?> payload = mode.equals("spring") ? ZookeeperInstance.class : Object.class;
        ServiceDiscovery<Object> discovery = ServiceDiscoveryBuilder.builder((Class<Object>) payload)
            .client(client)
            .basePath(path)
            .serializer(new JsonInstanceSerializer<>((Class<Object>) payload, !mode.equals("full")))
            .build();
        STARTED.put(name, discovery);
        discovery.start();
        return true;
    }

    private static ServiceDiscovery<Object> discoveryOf(String[] words) {
        return discoveryOf(words, 1);
    }

    private static ServiceDiscovery<Object> discoveryOf(String[] words, int place) {
        return (ServiceDiscovery<Object>) STARTED.get(words[place]);
    }

    private static Object cache(String name, ServiceDiscovery<Object> discovery, String service) throws Exception {
        ServiceCache<Object> cache = discovery.serviceCacheBuilder().name(service).build();
        STARTED.put(name, cache);
        cache.start();
        return true;
    }

    private static Object provider(String name, ServiceDiscovery<Object> discovery, String service) throws Exception {
        ServiceProvider<Object> provider = discovery.serviceProviderBuilder().serviceName(service).build();
        STARTED.put(name, provider);
        provider.start();
        return true;
    }

    /** From words such as `port=80`. */
    private static ServiceInstance<Object> instance(String[] words) throws Exception {
        ServiceInstanceBuilder<Object> builder = ServiceInstance.builder().address(null);
        for (int place = 2; place < words.length; place++) {
            String[] pair = words[place].split("=", 2);
            switch (pair[0]) {
                case "name": builder.name(pair[1]); break;
                case "id": builder.id(pair[1]); break;
                case "address": builder.address(pair[1]); break;
                case "port": builder.port(Integer.parseInt(pair[1])); break;
                case "sslPort": builder.sslPort(Integer.parseInt(pair[1])); break;
                case "type": builder.serviceType(ServiceType.valueOf(pair[1])); break;
                case "at": builder.registrationTimeUTC(Long.parseLong(pair[1])); break;
                case "uri": builder.uriSpec(new UriSpec(pair[1])); break;
                case "enabled": builder.enabled(Boolean.parseBoolean(pair[1])); break;
                case "payload": builder.payload(payload(pair[1])); break;
                default: throw new IllegalArgumentException(words[place]);
            }
        }
        return builder.build();
    }

    private static Object payload(String text) {
        if (text.equals("controls")) return "\u0000\u0001\b\t\n\f\r\u001f\u007f\"\\/<>&'\u00e9\u20ac\u2028\ud83d\ude00";
        if (text.equals("spring")) return new ZookeeperInstance("app:8080", "app", Map.of("instance_status", "UP"));
        if (text.equals("map")) return new LinkedHashMap<>(Map.of("zone", "a"));
        if (text.equals("list")) return new ArrayList<>(List.of("a", 1));
        if (text.equals("true")) return true;
        if (text.equals("long")) return 5L;
        if (text.equals("double")) return 1.0;
        return text.matches("-?\\d+") ? (Object) Integer.valueOf(text) : text;
    }

    /** Every field that the other side could have got wrong. */
    private static String describe(Iterable<ServiceInstance<Object>> instances) throws Exception {
        Map<String, String> lines = new TreeMap<>();
        for (ServiceInstance<Object> one : instances) {
            Object payload = one.getPayload();
            String kind = payload == null ? "none" : payload.getClass().getSimpleName();
            lines.put(one.getId(), String.join("|", one.getName(), one.getId(), one.getAddress(), one.getPort() + "", one.getSslPort() + "",
                kind, payload + "", one.getRegistrationTimeUTC() + "", one.getServiceType() + "",
                one.getUriSpec() == null ? "null" : one.buildUriSpec(), one.isEnabled() + ""));
        }
        return String.join(";", lines.values());
    }
}
