"""Python Kazoo as the other party: what to do, and what came of it, are lines of JSON. Every order runs in a thread of its own."""
import base64
import datetime
import json
import sys
import threading
import time

from kazoo.client import KazooClient
from kazoo.protocol.connection import _CONNECTION_DROP, _SESSION_EXPIRED
from kazoo.protocol.states import WatchedEvent, ZnodeStat
from kazoo.recipe.cache import TreeCache, TreeEvent
from kazoo.security import make_digest_acl

objects = {}
output = threading.Lock()


def say(message):
    text = json.dumps(message)
    with output:
        print(text, flush=True)


def encode(value):
    if isinstance(value, bytes):
        return {"bytes": base64.b64encode(value).decode()}
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return value
    if isinstance(value, int):
        return value if abs(value) < 2**53 else {"int": str(value)}
    if isinstance(value, float):
        return {"float": repr(value)}
    if isinstance(value, (ZnodeStat, WatchedEvent)):
        return {name: encode(part) for name, part in value._asdict().items()}
    if isinstance(value, TreeEvent):
        kind, data = value.event_type, value.event_data
        return [kind, None if data is None else data.path, encode(None if data is None else data.data)]
    if isinstance(value, dict):
        return {name: encode(part) for name, part in value.items()}
    if isinstance(value, (set, frozenset)):
        return sorted(encode(part) for part in value)
    if isinstance(value, (list, tuple)):
        return [encode(part) for part in value]
    if isinstance(value, Exception):
        return {"error": type(value).__name__}
    return repr(value)


def decode(value):
    if isinstance(value, list):
        return [decode(part) for part in value]
    if not isinstance(value, dict):
        return value
    if "bytes" in value:
        return base64.b64decode(value["bytes"])
    if "int" in value:
        return int(value["int"])
    if "float" in value:
        return float(value["float"])
    if "seconds" in value:
        return datetime.timedelta(seconds=value["seconds"])
    if "time" in value:
        return lambda: datetime.datetime.strptime(value["time"], "%Y-%m-%dT%H:%M:%S")
    if "digest" in value:
        return make_digest_acl(*value["digest"], all=True)
    if "object" in value:
        return objects[value["object"]]
    return {name: decode(part) for name, part in value.items()}


def connect(name, hosts, timeout):
    client = KazooClient(hosts, timeout=timeout, connection_retry={"max_tries": -1, "delay": 0.02, "max_delay": 0.2})
    client.start(15)
    objects[name] = client


def make(name, on, kind, args, kwargs):
    maker = TreeCache if kind == "TreeCache" else None
    client = objects[on]
    objects[name] = maker(client, *args) if maker else getattr(client, kind)(*args, **kwargs)


def call(on, method, args, kwargs):
    return getattr(objects[on], method)(*args, **kwargs)


def attribute(on, name):
    return getattr(objects[on], name)


def enumerate_all(on):
    return list(objects[on])


def truth(on):
    return bool(objects[on])


def size(on):
    return len(objects[on])


def add(on, value):
    objects[on] + value
    return [objects[on].pre_value, objects[on].post_value]


def subtract(on, value):
    objects[on] - value
    return [objects[on].pre_value, objects[on].post_value]


def commit(on, operations):
    """[method, args] each, in one transaction."""
    transaction = objects[on].transaction()
    for method, args in operations:
        getattr(transaction, method)(*args)
    return transaction.commit()


class Record:
    """Appends who enters and who leaves; one write a line, so that the order in the file is the order of events."""

    def __init__(self, path, name):
        self.file = open(path, "ab", buffering=0)
        self.name = name

    def write(self, what):
        self.file.write(("%s %s\n" % (what, self.name)).encode())


def contend(on, kind, path, rounds, record, who, pause, args, kwargs):
    """Takes and gives back a lock, or a semaphore, so many times. Negative rounds: for ever."""
    record = Record(record, who)
    shared = getattr(objects[on], kind)(path, *args, **kwargs)
    done = 0
    while done != rounds:
        shared.acquire()
        record.write("enter")
        time.sleep(pause)
        record.write("leave")
        shared.release()
        done += 1


def lead(on, path, terms, record, who, pause):
    record = Record(record, who)
    election = objects[on].Election(path, who)

    def reign():
        record.write("enter")
        time.sleep(pause)
        record.write("leave")

    for _ in range(terms):
        election.run(reign)


def consume(on, kind, path, idle, pause):
    """Takes from a queue until it is empty, or for a LockingQueue until nothing came for so many seconds."""
    queue = getattr(objects[on], kind)(path)
    taken = []
    while True:
        item = queue.get() if kind == "Queue" else queue.get(timeout=idle)
        if item is None:
            return taken
        taken.append(item)
        time.sleep(pause)
        if kind == "LockingQueue":
            queue.consume()


def watch(name, on, kind, path):
    """Tells of every call of a watch's function, as it comes."""
    if kind == "TreeCache":
        cache = TreeCache(objects[on], path)
        cache.listen(lambda event: say({"seen": name, "value": encode(event)}))
        objects[name] = cache
        cache.start()
        return

    def seen(value, *_):
        say({"seen": name, "value": encode(sorted(value) if isinstance(value, list) else value)})

    objects[name] = getattr(objects[on], kind)(path, seen)


def one_shot(name, on, method, path):
    """Leaves a watch of the client's own, and tells when it fires."""
    return getattr(objects[on], method)(path, watch=lambda event: say({"seen": name, "value": [event.type, event.path]}))


def break_connection(on, expire):
    """As Kazoo's test harness does it: the client drops its connection, or is told that its session has expired; waits until it is back."""
    client = objects[on]
    states = []
    back = threading.Event()

    def listen(state):
        states.append(state)
        if state == "CONNECTED":
            back.set()

    client.add_listener(listen)
    client._call(_SESSION_EXPIRED if expire else _CONNECTION_DROP, client.handler.async_result())
    back.wait(20)
    client.remove_listener(listen)
    return states


class Member:
    """A member of a partitioned set that does what Kazoo's documentation tells it to."""

    def __init__(self, client, path, items, identifier, boundary):
        self.partitioner = client.SetPartitioner(path, items, identifier=identifier, time_boundary=boundary)
        self.leaving = False
        self.thread = threading.Thread(target=self.work, daemon=True)
        self.thread.start()

    def work(self):
        while not self.leaving and not self.partitioner.failed:
            if self.partitioner.release:
                self.partitioner.release_set()
            elif self.partitioner.acquired:
                time.sleep(0.01)
            else:
                self.partitioner.wait_for_acquire(0.1)

    def share(self):
        return list(self.partitioner) if self.partitioner.acquired else None

    def leave(self):
        self.leaving = True
        self.thread.join()
        self.partitioner.finish()


def join(name, on, path, items, identifier, boundary):
    objects[name] = Member(objects[on], path, items, identifier, boundary)


ORDERS = {
    order.__name__: order
    for order in (
        (connect, make, call, attribute, enumerate_all, truth, size, add, subtract, commit)
        + (contend, lead, consume, watch, one_shot, break_connection, join)
    )
}


def obey(message):
    try:
        answer = {"value": encode(ORDERS[message["order"]](*decode(message["args"])))}
    except Exception as error:
        answer = {"error": type(error).__name__, "message": str(error)}
    say({"id": message["id"], **answer})


for line in sys.stdin:
    threading.Thread(target=obey, args=(json.loads(line),), daemon=True).start()
