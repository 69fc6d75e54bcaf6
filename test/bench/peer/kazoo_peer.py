"""Python Kazoo as a peer: plain operations with several in flight, and the recipes. Same line protocol as shell.mjs."""
import json
import os
import resource
import sys
import threading
import time

from kazoo.client import KazooClient
from kazoo.recipe.cache import TreeCache, TreeEvent
from kazoo.version import __version__

job = json.loads(sys.argv[1])
DATA = b"x" * 100
PATHS = {"get": "/bench/node", "set": "/bench/node", "exists": "/bench/node", "getChildren": "/bench/kids", "create": "/bench/made/n-"}


def connect():
    client = KazooClient(hosts=job["address"], timeout=60)
    client.start()
    return client


def operation(op):
    client = connect()
    path = PATHS[op]
    sync, start = {
        "get": (lambda: client.get(path), lambda: client.get_async(path)),
        "set": (lambda: client.set(path, DATA), lambda: client.set_async(path, DATA)),
        "exists": (lambda: client.exists(path), lambda: client.exists_async(path)),
        "getChildren": (lambda: client.get_children(path), lambda: client.get_children_async(path)),
        "create": (lambda: client.create(path, DATA, sequence=True), lambda: client.create_async(path, DATA, sequence=True)),
    }[op]
    in_flight = job["inFlight"]

    def one_by_one(count):
        for _ in range(count):
            sync()

    def several(count):
        finished = threading.Event()
        left = {"unsent": count, "unanswered": count, "error": None}

        def send():
            left["unsent"] -= 1
            start().rawlink(done)

        def done(result):
            if result.exception is not None:
                left["error"] = result.exception
            left["unanswered"] -= 1
            if left["unanswered"] == 0 or left["error"] is not None:
                finished.set()
            elif left["unsent"] > 0:
                send()

        for _ in range(min(in_flight, count)):
            send()
        finished.wait()
        if left["error"] is not None:
            raise left["error"]

    return one_by_one if in_flight == 1 else several


def lock_cycle():
    lock = connect().Lock("/bench/py/lock")

    def run(count):
        for _ in range(count):
            lock.acquire()
            lock.release()

    return run


def lock_handover():
    locks = [connect().Lock("/bench/py/handover") for _ in range(job["contenders"])]

    def contend(lock, count):
        for _ in range(count):
            lock.acquire()
            lock.release()

    def run(count):
        threads = [threading.Thread(target=contend, args=(lock, count // len(locks))) for lock in locks]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    return run


def queue():
    client = connect()
    workers, backlog = job["workers"], job["backlog"]
    queues = [client.Queue("/bench/py/queue")] * workers

    def put(queue):
        for _ in range(backlog // workers):
            queue.put(DATA)

    def get(queue):
        for _ in range(backlog // workers):
            while queue.get() is None:  # a rival took the one that was listed
                pass

    def each(work):
        if workers == 1:
            return work(queues[0])
        threads = [threading.Thread(target=work, args=(queue,)) for queue in queues]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def run(count):
        for _ in range(count // backlog):
            each(put)
            each(get)

    return run


def counter():
    counter = connect().Counter("/bench/py/counter")

    def run(count):
        for _ in range(count):
            counter.__add__(1)

    return run


def tree_cache():
    client = connect()

    def run(count):
        ready = threading.Event()
        began, used = time.perf_counter(), cpu()
        cache = TreeCache(client, job["tree"])
        cache.listen(lambda event: event.event_type == TreeEvent.INITIALIZED and ready.set())
        cache.start()
        ready.wait()
        figures = {"seconds": time.perf_counter() - began, "cpuSeconds": cpu() - used}
        cache.close()
        return figures

    return run


def watch_firings():
    watcher, setter = connect(), connect()
    paths = ["/bench/watched/n%05d" % i for i in range(job["watches"])]

    def run(count):
        fired = threading.Semaphore(0)
        for result in [watcher.get_async(path, watch=lambda event: fired.release()) for path in paths]:
            result.get()
        began, used = time.perf_counter(), cpu()
        for path in paths:
            setter.set_async(path, DATA)
        for _ in paths:
            fired.acquire()
        return {"seconds": time.perf_counter() - began, "cpuSeconds": cpu() - used}

    return run


def cpu():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def say(value):
    print(json.dumps(value), flush=True)


RECIPES = {
    "lockCycle": lock_cycle,
    "lockHandover": lock_handover,
    "queue": queue,
    "counter": counter,
    "treeCache": tree_cache,
    "watchFirings": watch_firings,
}
run = RECIPES[job["recipe"]]() if "recipe" in job else operation(job["op"])
say({"ready": True, "version": __version__})
for line in sys.stdin:
    word, _, count = line.strip().partition(" ")
    if word != "run":
        break
    used, began = cpu(), time.perf_counter()
    extra = run(int(count)) or {}
    say({"ops": int(count), "seconds": time.perf_counter() - began, "cpuSeconds": cpu() - used, **extra})
os._exit(0)  # sessions end with the process: nothing here is worth waiting for
