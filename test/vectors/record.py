#!/usr/bin/env python3
"""Records vectors.json anew; see README.md. Needs Java, kazoo==2.11.0 with pure-sasl, and `npm run zookeeper:install`."""
import contextlib
import glob
import json
import logging
import os
import socket
import struct
import subprocess
import tempfile
import threading
import time

import kazoo.version
from kazoo.client import KazooClient
from kazoo.exceptions import KazooException, ZookeeperError
from kazoo.security import ACL, Id, OPEN_ACL_UNSAFE, READ_ACL_UNSAFE, make_digest_acl

import wire
from servers import CLASSPATH, VERSION, Proxy, Server, free_port

HERE = os.path.dirname(os.path.abspath(__file__))
KAZOO = "kazoo " + kazoo.version.__version__
JAVA = "java " + VERSION
HAND = "by hand"
SERVER = "server " + VERSION
# A read-only server without local sessions answers a ConnectRequest with a mere reply header.
REFUSAL_LENGTH = 16


class Recorder:
    """Names and decodes what its proxies hear."""

    def __init__(self):
        self.vectors, self.names = [], {}

    def proxy(self, server, source):
        return Recording(self, server, source)

    def add(self, name, op, direction, frame, fields, source):
        seen = self.names[name] = self.names.get(name, 0) + 1
        if seen > 2 and op in ("connect", "createSession"):
            return  # One more attempt of a client that does not give up.
        unique = name if seen == 1 else "%s #%d" % (name, seen)
        self.vectors.append(
            {"name": unique, "op": op, "direction": direction, "hex": frame.hex(), "fields": fields, "source": source})


class Recording(Proxy):
    def __init__(self, recorder, server, source):
        self.recorder, self.source, self.label = recorder, source, "connect"
        self.client = source.split()[0] if source != HAND else source
        self.greeted, self.asked = set(), {}
        super().__init__(server.port, self.on_frame)

    @contextlib.contextmanager
    def step(self, label):
        self.label = label
        yield
        self.label = "aside"

    def on_frame(self, number, from_client, frame):
        source = self.source if from_client else SERVER
        if (number, from_client) not in self.greeted:
            self.greeted.add((number, from_client))
            direction = "connect-request" if from_client else "connect-response"
            if not from_client and len(frame) == REFUSAL_LENGTH:
                return self.add("response", frame, wire.decode_response(frame, -10), source)
            record = wire.CONNECT_REQUEST if from_client else wire.CONNECT_RESPONSE
            return self.add(direction, frame, wire.decode_connect(frame, record), source)
        if from_client:
            op, fields = wire.decode_request(frame)
            self.asked.setdefault((number, fields["header"]["xid"]), []).append((fields["header"]["type"], self.label))
            return self.add("request", frame, (op, fields), source)
        xid = struct.unpack("!i", frame[:4])[0]
        if xid == -1:
            return self.add("event", frame, wire.decode_event(frame), source)
        opcode, label = self.asked[(number, xid)].pop(0)
        return self.add("response", frame, wire.decode_response(frame, opcode), source, label)

    def add(self, direction, frame, decoded, source, label=None):
        op, fields = decoded
        name = "%s: %s: %s %s" % (self.client, label or self.label, op, direction)
        self.recorder.add(name, op, direction, frame, fields, source)

    def hosts(self):
        return "127.0.0.1:%d" % self.port


def kazoo_operations(recording):
    client = KazooClient(hosts=recording.hosts(), timeout=20, randomize_hosts=False)
    with recording.step("connect"):
        client.start()

    def step(label, call, *arguments, **options):
        with recording.step(label):
            try:
                return call(*arguments, **options)
            except ZookeeperError as expected:
                print("  %s: %s" % (label, type(expected).__name__))

    step("persistent", client.create, "/kazoo", b"data")
    step("without data", client.create, "/kazoo/null", None)
    step("empty data", client.create, "/kazoo/empty", b"")
    step("every byte", client.create, "/kazoo/bytes", bytes(range(256)))
    step("beyond ASCII", client.create, "/kazoo/é中", "é中".encode())
    step("ephemeral", client.create, "/kazoo/ephemeral", b"", ephemeral=True)
    step("sequence", client.create, "/kazoo/sequence-", b"", sequence=True)
    step("ephemeral sequence", client.create, "/kazoo/both-", b"", ephemeral=True, sequence=True)
    acl = [ACL(31, Id("world", "anyone")), make_digest_acl("user", "password", read=True, admin=True), ACL(1, Id("ip", "127.0.0.1/8"))]
    step("three ACLs", client.create, "/kazoo/acl", b"x", acl=acl)
    step("with stat", client.create, "/kazoo/stat", b"data", include_data=True)
    step("node exists", client.create, "/kazoo", b"")
    step("no parent", client.create, "/nowhere/child", b"")
    step("under an ephemeral", client.create, "/kazoo/ephemeral/child", b"")
    step("invalid ACL", client.create, "/kazoo/invalid", b"", acl=[ACL(31, Id("nonsense", "x"))])
    step("found", client.exists, "/kazoo")
    step("found ephemeral", client.exists, "/kazoo/ephemeral")
    step("missing", client.exists, "/nowhere")
    step("data", client.get, "/kazoo")
    step("null data", client.get, "/kazoo/null")
    step("empty data", client.get, "/kazoo/empty")
    step("every byte", client.get, "/kazoo/bytes")
    step("missing", client.get, "/nowhere")
    step("any version", client.set, "/kazoo", b"other")
    step("this version", client.set, "/kazoo", b"third", version=1)
    step("bad version", client.set, "/kazoo", b"fourth", version=77)
    step("to null", client.set, "/kazoo/empty", None)
    step("open", client.get_acls, "/kazoo")
    step("three ACLs", client.get_acls, "/kazoo/acl")
    step("read only", client.set_acls, "/kazoo/null", READ_ACL_UNSAFE, version=0)
    step("children", client.get_children, "/kazoo")
    step("no children", client.get_children, "/kazoo/stat")
    step("children and stat", client.get_children, "/kazoo", include_data=True)
    step("path", client.sync, "/kazoo")
    step("not empty", client.delete, "/kazoo")
    step("any version", client.delete, "/kazoo/stat")
    step("missing", client.delete, "/kazoo/stat", version=3)
    step("secret", client.create, "/kazoo/secret", b"", acl=[make_digest_acl("someone", "else", all=True)])
    step("no permission", client.get, "/kazoo/secret")
    step("digest", client.add_auth, "digest", "user:password")
    step("authenticated", client.create, "/kazoo/mine", b"", acl=[ACL(31, Id("auth", ""))])
    kazoo_transactions(client, recording)
    kazoo_watches(client, recording)
    with recording.step("close"):
        client.stop()
    client.close()


def kazoo_transactions(client, recording):
    def transaction(label, *operations):
        with recording.step(label):
            request = client.transaction()
            for name, *arguments in operations:
                getattr(request, name)(*arguments)
            print("  %s: %s" % (label, request.commit()))

    transaction("all four kinds", ("create", "/kazoo/t", b"1"), ("check", "/kazoo/t", 0), ("set_data", "/kazoo/t", b"2"), ("delete", "/kazoo/t"))
    transaction("sequential and ephemeral", ("create", "/kazoo/t-", b"", None, True, True))
    transaction("rolled back", ("create", "/kazoo/t", b"1"), ("check", "/kazoo", 99), ("delete", "/kazoo/t"))
    transaction("empty")


def kazoo_watches(client, recording):
    events = threading.Semaphore(0)

    def watch(event):
        events.release()

    def fire(label, call, *arguments):
        with recording.step(label):
            call(*arguments)
            if not events.acquire(timeout=30):
                raise RuntimeError("no event for " + label)

    with recording.step("watch a missing node"):
        client.exists("/kazoo/w", watch=watch)
    fire("created", client.create, "/kazoo/w", b"")
    with recording.step("watch data"):
        client.get("/kazoo/w", watch=watch)
    fire("data changed", client.set, "/kazoo/w", b"x")
    with recording.step("watch children"):
        client.get_children("/kazoo/w", watch=watch)
    fire("children changed", client.create, "/kazoo/w/child", b"")
    client.delete("/kazoo/w/child")
    with recording.step("watch children and stat"):
        client.get_children("/kazoo/w", watch=watch, include_data=True)
    fire("deleted", client.delete, "/kazoo/w")


def kazoo_sessions(recorder, server):
    def session(label, act=lambda client: None, **options):
        recording = recorder.proxy(server, KAZOO)
        client = KazooClient(hosts=recording.hosts(), randomize_hosts=False, **options)
        recording.label = label
        try:
            client.start(timeout=20)
            act(client)
        except (KazooException, client.handler.timeout_exception) as expected:
            print("  %s: %r" % (label, expected))
        client.stop()
        client.close()
        recording.close()

    def idle(client):
        time.sleep(2.5)

    def foreign_auth(client):
        with contextlib.suppress(KazooException):
            client.add_auth("nonsense", "x:y")

    def reconfigure(client):
        client.add_auth("digest", "super:test")
        ports = tuple(free_port() for _ in range(3))
        client.reconfig(joining="server.2=127.0.0.1:%d:%d:observer;127.0.0.1:%d" % ports, leaving=None, new_members=None)
        for refused in ({"joining": "server.3=127.0.0.1:%d:%d:participant;127.0.0.1:%d" % ports, "leaving": None, "new_members": None},
                        {"joining": None, "leaving": "2", "new_members": None, "from_config": 1}):
            try:
                client.reconfig(**refused)
            except ZookeeperError as expected:
                print("  reconfig: %s" % type(expected).__name__)
        client.reconfig(joining=None, leaving="2", new_members=None)
        client.reconfig(joining=None, leaving=None, new_members=server.member)

    digest = {"mechanism": "DIGEST-MD5", "username": "jaasuser"}
    session("idle", idle, timeout=3)
    session("unknown session", client_id=(0x1234567890abcdef, b"0123456789abcdef"), timeout=10)
    session("auth refused", foreign_auth, timeout=10)
    session("reconfig", reconfigure, timeout=10)
    session("sasl", lambda client: client.create("/sasl", b"", acl=[ACL(31, Id("sasl", "jaasuser"))]),
            sasl_options=dict(digest, password="jaas_password"), timeout=10)
    session("sasl refused", sasl_options=dict(digest, password="wrong"), timeout=10,
            connection_retry={"max_tries": 0})


def kazoo_read_only(recorder, local_sessions):
    with contextlib.closing(Server(voters=2, local_sessions=local_sessions)) as server:
        read_only_session(recorder.proxy(server, KAZOO), local_sessions)


def read_only_session(recording, local_sessions):
    recording.label = "read-only server" if local_sessions else "read-only server without local sessions"
    client = KazooClient(hosts=recording.hosts(), read_only=True, timeout=10)
    try:
        client.start(timeout=20 if local_sessions else 5)
        client.get("/")
        client.create("/refused", b"")
    except (ZookeeperError, client.handler.timeout_exception) as expected:
        print("  %s: %s" % (recording.label, type(expected).__name__))
    client.stop()
    client.close()
    recording.close()


JAVA_STEPS = [
    "create", "create with stat", "create container", "create ttl", "create ttl sequential", "create ephemeral", "ephemerals",
    "ephemerals below", "ephemerals elsewhere", "number of children", "number of children of nothing", "who am i", "watch twice",
    "check watches", "remove data watch", "watch children", "remove children watch", "remove any watch", "multi with every kind", "multi read",
    "watch everything", "reconnect", "add watch", "add watch recursive", "fire persistent watches", "reconnect", "remove persistent watch",
    "remove recursive watch", "close",
]


def java_operations(recorder, server):
    recording = recorder.proxy(server, JAVA)
    with tempfile.TemporaryDirectory() as classes:
        jars = os.pathsep.join(sorted(glob.glob(CLASSPATH + ".jar")))
        subprocess.run(["javac", "-nowarn", "-d", classes, "-cp", jars, os.path.join(HERE, "JavaSteps.java")], check=True)
        command = ["java", "-Dzookeeper.sasl.client=false", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-cp", classes + os.pathsep + jars,
                   "JavaSteps", recording.hosts()]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as java:
            def awaited(step):
                if java.stdout.readline() != "done\n":
                    raise RuntimeError("Java failed at " + step)

            awaited("connect")
            for step in JAVA_STEPS:
                with recording.step(step):
                    if step == "reconnect":
                        recording.cut()
                    java.stdin.write({"reconnect": "await connection"}.get(step, step) + "\n")
                    java.stdin.flush()
                    awaited(step)
                    # Replies to what nobody waits for (setWatches), and events, follow shortly.
                    time.sleep(0.3)
            java.stdin.close()
    recording.close()


# An opcode nobody knows, `check` outside multi, and the end of a session.
ENDS_CONNECTION = (50, 13, -11)


class Hand:
    """A client of bare bytes, for what no client sends."""

    def __init__(self, recording, with_read_only=True):
        self.socket = socket.create_connection(("127.0.0.1", recording.port), 30)
        self.xid = 0
        self.send(struct.pack("!iqiq", 0, 0, 10000, 0) + buffer(bytes(16)) + (b"\0" if with_read_only else b""))
        self.receive()

    def send(self, frame):
        self.socket.sendall(struct.pack("!i", len(frame)) + frame)

    def receive(self):
        head = self.exactly(4)
        return head and self.exactly(struct.unpack("!i", head)[0])

    def exactly(self, count):
        got = b""
        while len(got) < count:
            more = self.socket.recv(count - len(got))
            if not more:
                return b""
            got += more
        return got

    def ask(self, opcode, body=b"", replies=1, xid=None):
        self.xid += 1
        self.send(struct.pack("!ii", self.xid if xid is None else xid, opcode) + body)
        for _ in range(replies):
            if not self.receive() and opcode not in ENDS_CONNECTION:
                raise RuntimeError("the server hung up on opcode %d, %s" % (opcode, body.hex()))


def buffer(content):
    return struct.pack("!i", -1) if content is None else struct.pack("!i", len(content)) + content


def string(content):
    return buffer(None if content is None else content.encode())


def strings(*contents):
    return struct.pack("!i", len(contents)) + b"".join(map(string, contents))


def acls(*entries):
    return struct.pack("!i", len(entries)) + b"".join(struct.pack("!i", perms) + string(scheme) + string(id) for perms, scheme, id in entries)


def multi(*operations):
    body = b"".join(struct.pack("!i?i", kind, False, -1) + record for kind, record in operations)
    return body + struct.pack("!i?i", -1, True, -1)


def hand_operations(recorder, server):
    recording = recorder.proxy(server, HAND)
    open_acl = acls((31, "world", "anyone"))
    node = string("/hand") + buffer(b"x") + open_acl
    with recording.step("client before 3.4"):
        Hand(recording, with_read_only=False).ask(-11)
    with recording.step("connect"):
        hand = Hand(recording)
    for label, opcode, body, *replies in [
        ("container by create2", 15, node + struct.pack("!i", 4)),
        ("children of the container", 1, string("/hand/child") + buffer(None) + open_acl + struct.pack("!i", 0)),
        ("container not empty", 20, string("/hand")),
        ("without the child", 2, string("/hand/child") + struct.pack("!i", -1)),
        ("empty container", 20, string("/hand")),
        ("not a container", 20, string("/hand")),
        ("null path", 9, string(None)),
        ("no ACL", 1, string("/hand") + buffer(b"") + struct.pack("!ii", -1, 0)),
        ("beyond the BMP", 1, string("/hand") + buffer(b"") + acls((31, "world", "anyone"), (1, "digest", "\U0001f600:x")) + struct.pack("!i", 0)),
        ("beyond the BMP", 6, string("/hand")),
        ("no such watch", 17, string("/hand") + struct.pack("!i", 3)),
        ("no such watch", 18, string("/hand") + struct.pack("!i", 3)),
        ("no such type of watch", 18, string("/hand") + struct.pack("!i", 99)),
        ("no such mode", 106, string("/hand") + struct.pack("!i", 9)),
        ("watch data", 3, string("/hand") + b"\1"),
        ("remove data watch", 18, string("/hand") + struct.pack("!i", 2)),
        ("watch children", 8, string("/hand") + b"\1"),
        ("remove children watch", 18, string("/hand") + struct.pack("!i", 1)),
        ("watch for good", 106, string("/hand") + struct.pack("!i", 0)),
        ("remove persistent watch", 18, string("/hand") + struct.pack("!i", 4)),
        ("watch for good, and below", 106, string("/hand") + struct.pack("!i", 1)),
        ("remove recursive watch", 18, string("/hand") + struct.pack("!i", 5)),
        ("null prefix", 103, string(None)),
        ("TTL out of range", 21, string("/hand/ttl") + buffer(None) + open_acl + struct.pack("!iq", 5, 0)),
        ("create2 in multi", 14, multi((15, string("/hand/2") + buffer(None) + open_acl + struct.pack("!i", 0)))),
        ("wrong kind in multi", 14, multi((3, string("/hand") + b"\0"))),
        ("writes in multiRead", 22, multi((4, string("/hand") + b"\0"), (2, string("/hand") + struct.pack("!i", -1)))),
        ("empty", 22, multi()),
        ("catching up", 101, struct.pack("!q", 0) + strings("/hand", "/nowhere") + strings("/hand", "/absent") + strings("/hand"), 5),
        ("arming", 105, struct.pack("!q", 2 ** 62) + strings("/hand") + strings() + strings() + strings("/p") + strings("/r"), 1),
    ]:
        with recording.step(label):
            hand.ask(opcode, body, *replies)
    with recording.step("own xid"):
        hand.ask(100, struct.pack("!i", 0) + string("digest") + string("user:password"), xid=77)
    with recording.step("check alone"):
        hand.ask(13, string("/hand") + struct.pack("!i", 0))
    with recording.step("unknown opcode"):
        hand = Hand(recording)
        hand.ask(50)
    recording.close()


def main():
    logging.basicConfig(level=logging.CRITICAL)
    recorder = Recorder()
    with contextlib.closing(Server()) as server:
        recording = recorder.proxy(server, KAZOO)
        kazoo_operations(recording)
        recording.close()
        kazoo_sessions(recorder, server)
        java_operations(recorder, server)
        hand_operations(recorder, server)
    kazoo_read_only(recorder, local_sessions=False)
    kazoo_read_only(recorder, local_sessions=True)
    recorded = sorted((vector["op"], vector["direction"]) for vector in recorder.vectors)
    names = [name for name, _, _ in wire.OPS.values()]
    for missing in [(name, way) for name in names for way in ("request", "response") if (name, way) not in recorded]:
        print("not recorded: %s %s" % missing)
    with open(os.path.join(HERE, "vectors.json"), "w", encoding="utf-8") as file:
        lines = ",\n".join(json.dumps(vector, ensure_ascii=False) for vector in recorder.vectors)
        file.write("[\n%s\n]\n" % lines)
    print("%d vectors" % len(recorder.vectors))


if __name__ == "__main__":
    main()
