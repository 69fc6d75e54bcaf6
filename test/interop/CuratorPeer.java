import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.CuratorFrameworkFactory;
import org.apache.curator.framework.recipes.locks.InterProcessMutex;
import org.apache.curator.framework.recipes.shared.SharedCount;
import org.apache.curator.framework.recipes.shared.VersionedValue;
import org.apache.curator.retry.RetryNTimes;

/** Curator as the other party: a line of standard input is an order, words with blanks between; each is answered with a line. */
public final class CuratorPeer {
    private static final Map<String, InterProcessMutex> MUTEXES = new HashMap<>();
    private static CuratorFramework client;

    public static void main(String[] arguments) throws Exception {
        client = CuratorFrameworkFactory.newClient(arguments[0], 10_000, 10_000, new RetryNTimes(5, 100));
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
            case "acquire": return mutex(words[1]).acquire(Long.parseLong(words[2]), TimeUnit.MILLISECONDS);
            case "release": mutex(words[1]).release(); return true;
            default: throw new IllegalArgumentException(words[0]);
        }
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

    private static InterProcessMutex mutex(String path) {
        return MUTEXES.computeIfAbsent(path, unused -> new InterProcessMutex(client, path));
    }
}
