"""Real servers to record from, and the proxy that records."""
import os
import shutil
import socket
import struct
import subprocess
import tempfile
import threading
import time

CACHE = os.environ.get("KAZOO_CACHE") or os.path.expanduser("~/.cache/kazoo")
VERSION = os.environ.get("ZOOKEEPER_VERSION", "3.9.5")
CLASSPATH = os.path.join(CACHE, "zookeeper-" + VERSION, "*")
JAAS = 'Server { org.apache.zookeeper.server.auth.DigestLoginModule required user_jaasuser="jaas_password"; };\n'


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """A server of an ensemble of `voters` of which it alone runs: with one it leads, with more it can only serve reads."""

    def __init__(self, voters=1, local_sessions=False):
        self.folder = tempfile.mkdtemp(prefix="kazoo-vectors-")
        self.port = free_port()
        self.member = "server.1=127.0.0.1:%d:%d:participant;127.0.0.1:%d" % (free_port(), free_port(), self.port)
        os.mkdir(self.file("data"))
        self.write("data/myid", "1\n")
        self.write("jaas.conf", JAAS)
        others = ["server.%d=127.0.0.1:%d:%d:participant;%d" % (i, free_port(), free_port(), free_port()) for i in range(2, voters + 1)]
        self.write("dynamic", "\n".join([self.member] + others) + "\n")
        self.write("zoo.cfg", "".join("%s\n" % line for line in [
            "tickTime=500", "initLimit=20", "syncLimit=10", "dataDir=" + self.file("data"), "dynamicConfigFile=" + self.file("dynamic"),
            "standaloneEnabled=false", "reconfigEnabled=true", "admin.enableServer=false", "4lw.commands.whitelist=*", "extendedTypesEnabled=true",
            "maxClientCnxns=0", "localSessionsEnabled=%s" % str(local_sessions).lower(),
            "authProvider.sasl=org.apache.zookeeper.server.auth.SASLAuthenticationProvider",
        ]))
        flags = ["-Dzookeeper.fips-mode=false", "-Dreadonlymode.enabled=true", "-Djava.security.auth.login.config=" + self.file("jaas.conf"),
                 # The digest of super:test, Kazoo's own.
                 "-Dzookeeper.DigestAuthenticationProvider.superDigest=super:D/InIHSb7yEEbrWz8b9l71RjZJU="]
        self.log = open(self.file("log"), "w")
        self.process = subprocess.Popen(
            ["java", "-Xmx256m", *flags, "-cp", CLASSPATH, "org.apache.zookeeper.server.quorum.QuorumPeerMain", self.file("zoo.cfg")],
            stdout=self.log, stderr=self.log)
        try:
            self.await_mode()
        except BaseException:
            self.process.kill()
            raise

    def file(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, content):
        with open(self.file(name), "w") as file:
            file.write(content)

    def await_mode(self):
        for _ in range(600):
            try:
                with socket.create_connection(("127.0.0.1", self.port), 2) as asking:
                    asking.sendall(b"srvr")
                    if b"Mode: " in asking.makefile("rb").read():
                        return
            except OSError:
                pass
            time.sleep(0.1)
        raise RuntimeError("the server is not up; its log is in " + self.file("log"))

    def close(self):
        self.process.kill()
        self.process.wait()
        self.log.close()
        shutil.rmtree(self.folder)


class Proxy:
    """Passes connections on to `port` and hands every whole frame to `heard(connection, from_client, body)`, in order."""

    def __init__(self, port, heard):
        self.target, self.heard = port, heard
        self.lock = threading.Lock()
        self.connections = 0
        self.sockets = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client = self.listener.accept()[0]
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self.target))
            with self.lock:
                self.connections += 1
                self.sockets += [client, server]
                number = self.connections
            for source, sink, from_client in ((client, server, True), (server, client, False)):
                threading.Thread(target=self.pump, args=(number, source, sink, from_client), daemon=True).start()

    def pump(self, number, source, sink, from_client):
        pending = b""
        try:
            while True:
                chunk = source.recv(65536)
                if not chunk:
                    break
                pending += chunk
                while len(pending) >= 4 and len(pending) >= 4 + struct.unpack("!i", pending[:4])[0]:
                    length = struct.unpack("!i", pending[:4])[0]
                    # Recorded before it is passed on: a reply can never be heard before its request.
                    with self.lock:
                        self.heard(number, from_client, pending[4:4 + length])
                    pending = pending[4 + length:]
                sink.sendall(chunk)
        except OSError:
            pass
        for end in (source, sink):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def cut(self):
        """Breaks every connection."""
        with self.lock:
            for each in self.sockets:
                try:
                    each.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
            self.sockets = []

    def close(self):
        self.listener.close()
        self.cut()
