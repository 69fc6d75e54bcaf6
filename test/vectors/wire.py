"""What bytes on the wire mean, read independently of every client: the fields recorded beside each vector come from here.

A record is a list of (name, type); a type is a letter, a list of one type (a vector), or a record. Every byte must be accounted for.
"""
import struct

ID = [("scheme", "s"), ("id", "s")]
ACL = [("perms", "i"), ("id", ID)]
STAT = [
    ("czxid", "q"), ("mzxid", "q"), ("ctime", "q"), ("mtime", "q"), ("version", "i"), ("cversion", "i"), ("aversion", "i"),
    ("ephemeralOwner", "q"), ("dataLength", "i"), ("numChildren", "i"), ("pzxid", "q"),
]
PATH = [("path", "s")]
WATCH = PATH + [("watch", "?")]
STATED = [("stat", STAT)]
CREATE = PATH + [("data", "b"), ("acl", [ACL]), ("flags", "i")]
CREATE2_RESPONSE = PATH + STATED
DATA_RESPONSE = [("data", "b")] + STATED
CHILDREN_RESPONSE = [("children", ["s"])]
SET_WATCHES = [("relativeZxid", "q"), ("dataWatches", ["s"]), ("existWatches", ["s"]), ("childWatches", ["s"])]
WATCH_TYPE = PATH + [("type", "i")]
ERROR = [("err", "i")]

# opcode: (name, request, response); None is a body that is not there, "multi" the sequence told by its own headers.
OPS = {
    1: ("create", CREATE, PATH),
    2: ("delete", PATH + [("version", "i")], None),
    3: ("exists", WATCH, STATED),
    4: ("getData", WATCH, DATA_RESPONSE),
    5: ("setData", PATH + [("data", "b"), ("version", "i")], STATED),
    6: ("getACL", PATH, [("acl", [ACL])] + STATED),
    7: ("setACL", PATH + [("acl", [ACL]), ("version", "i")], STATED),
    8: ("getChildren", WATCH, CHILDREN_RESPONSE),
    9: ("sync", PATH, PATH),
    11: ("ping", None, None),
    12: ("getChildren2", WATCH, CHILDREN_RESPONSE + STATED),
    13: ("check", PATH + [("version", "i")], None),
    14: ("multi", "multi", "multi"),
    15: ("create2", CREATE, CREATE2_RESPONSE),
    16: ("reconfig", [("joiningServers", "s"), ("leavingServers", "s"), ("newMembers", "s"), ("curConfigId", "q")], DATA_RESPONSE),
    17: ("checkWatches", WATCH_TYPE, None),
    18: ("removeWatches", WATCH_TYPE, None),
    19: ("createContainer", CREATE, CREATE2_RESPONSE),
    20: ("deleteContainer", PATH, None),
    21: ("createTTL", CREATE + [("ttl", "q")], CREATE2_RESPONSE),
    22: ("multiRead", "multi", "multi"),
    100: ("auth", [("type", "i"), ("scheme", "s"), ("auth", "b")], None),
    101: ("setWatches", SET_WATCHES, None),
    102: ("sasl", [("token", "b")], [("token", "b")]),
    103: ("getEphemerals", [("prefixPath", "s")], [("ephemerals", ["s"])]),
    104: ("getAllChildrenNumber", PATH, [("totalNumber", "i")]),
    105: ("setWatches2", SET_WATCHES + [("persistentWatches", ["s"]), ("persistentRecursiveWatches", ["s"])], None),
    106: ("addWatch", PATH + [("mode", "i")], ERROR),
    107: ("whoAmI", None, [("clientInfo", [[("authScheme", "s"), ("user", "s")]])]),
    -10: ("createSession", None, None),
    -11: ("closeSession", None, None),
    -1: ("error", None, ERROR),
}
CONNECT_REQUEST = [
    ("protocolVersion", "i"), ("lastZxidSeen", "q"), ("timeOut", "i"), ("sessionId", "q"), ("passwd", "b"), ("readOnly", "?"),
]
CONNECT_RESPONSE = [("protocolVersion", "i"), ("timeOut", "i"), ("sessionId", "q"), ("passwd", "b"), ("readOnly", "?")]
REQUEST_HEADER = [("xid", "i"), ("type", "i")]
REPLY_HEADER = [("xid", "i"), ("zxid", "q"), ("err", "i")]
WATCHER_EVENT = [("type", "i"), ("state", "i"), ("path", "s")]
MULTI_HEADER = [("type", "i"), ("done", "?"), ("err", "i")]


class Reader:
    def __init__(self, frame):
        self.frame, self.at = frame, 0

    def take(self, count):
        piece = self.frame[self.at:self.at + count]
        if len(piece) != count:
            raise ValueError("%d bytes wanted at %d of %s" % (count, self.at, self.frame.hex()))
        self.at += count
        return piece

    def number(self, letter):
        return struct.unpack("!" + letter, self.take(struct.calcsize("!" + letter)))[0]

    def bytes(self):
        length = self.number("i")
        return None if length == -1 else self.take(length)

    def read(self, kind):
        if isinstance(kind, list):
            return self.vector(kind[0]) if not isinstance(kind[0], tuple) else {name: self.read(of) for name, of in kind}
        if kind == "multi":
            return self.multi(response=False)
        value = self.bytes() if kind in "sb" else self.number(kind)
        if value is None:
            return None
        return {"s": text, "b": bytes.hex, "q": str}.get(kind, lambda same: same)(value)

    def vector(self, of):
        count = self.number("i")
        return None if count == -1 else [self.read(of) for _ in range(count)]

    def multi(self, response):
        ops = []
        while True:
            header = self.read(MULTI_HEADER)
            if header["done"]:
                return {"ops": ops, "end": header}
            kind = OPS[header["type"]][2 if response else 1]
            ops.append({"header": header, "body": None if kind is None else self.read(kind)})

    def body(self, kind, response=False):
        if kind == "multi":
            return self.multi(response)
        return None if kind is None else self.read(kind)

    def end(self):
        if self.at != len(self.frame):
            raise ValueError("%d bytes too many in %s" % (len(self.frame) - self.at, self.frame.hex()))


def text(raw):
    """Java writes a character beyond the BMP as two surrogates of three bytes each; here they become one character again."""
    return raw.decode("utf-8", "surrogatepass").encode("utf-16", "surrogatepass").decode("utf-16")


def decode_request(frame):
    reader = Reader(frame)
    header = reader.read(REQUEST_HEADER)
    name, kind, _ = OPS.get(header["type"], ("unknown", None, None))
    fields = {"header": header, "body": reader.body(kind)}
    reader.end()
    return name, fields


def decode_response(frame, opcode):
    reader = Reader(frame)
    header = reader.read(REPLY_HEADER)
    name, _, kind = OPS.get(opcode, ("unknown", None, None))
    # An error has no body, but for SASL's, which carries a null token.
    present = header["err"] == 0 or reader.at < len(frame)
    fields = {"header": header, "body": reader.body(kind, response=True) if present else None}
    reader.end()
    return name, fields


def decode_event(frame):
    reader = Reader(frame)
    fields = {"header": reader.read(REPLY_HEADER), "body": reader.read(WATCHER_EVENT)}
    reader.end()
    return "notification", fields


def decode_connect(frame, record):
    """The last byte (readOnly) is not there with clients and servers older than 3.4: its field is then null."""
    reader = Reader(frame)
    body = {name: (None if name == "readOnly" and reader.at == len(frame) else reader.read(kind)) for name, kind in record}
    reader.end()
    return "connect", {"header": None, "body": body}
