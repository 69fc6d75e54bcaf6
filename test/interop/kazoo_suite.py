"""Runs tests of Kazoo's own suite on a server that is there already, and tells of each in a line of JSON."""
import gc
import json
import logging
import sys
import types
import unittest


def stand_in(name, **contents):
    """Kazoo's tests import more than they need here."""
    module = types.ModuleType(name)
    module.__dict__.update(contents)
    sys.modules[name] = module


class Raises:
    def __init__(self, *kinds):
        self.kinds = kinds

    def __enter__(self):
        return self

    def __exit__(self, kind, value, traceback):
        assert kind is not None, "nothing was raised, %s was expected" % (self.kinds,)
        self.value = value
        return issubclass(kind, self.kinds)


def skip(reason):
    raise unittest.SkipTest(reason)


def raises(kinds, call=None, *args):
    if call is None:
        return Raises(*(kinds if isinstance(kinds, tuple) else (kinds,)))
    with raises(kinds):
        call(*args)


stand_in("pytest", raises=raises, skip=skip)
stand_in("objgraph", count=lambda name: sum(type(thing).__name__ == name for thing in gc.get_objects()))
stand_in("OpenSSL")
stand_in("jks")

import kazoo.testing.harness as harness  # noqa: E402


def say(message):
    print(json.dumps(message), flush=True)


class Server:
    """The one server there is. It is stopped and started by whoever reads what this script says."""

    running = True

    def __init__(self, address):
        self.address = address

    def stop(self):
        self.order("stop")

    def run(self):
        self.order("run")

    def order(self, what):
        say({"order": what})
        sys.stdin.readline()


class Cluster(list):
    def start(self):
        pass

    def terminate(self):
        pass


class Result(unittest.TestResult):
    def addSuccess(self, test):
        say({"test": test.id(), "outcome": "ok"})

    def addSkip(self, test, reason):
        say({"test": test.id(), "outcome": "skipped"})

    def addFailure(self, test, error):
        say({"test": test.id(), "outcome": self._exc_info_to_string(error, test)})

    addError = addFailure


def tests(suite):
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from tests(test)
        else:
            yield test


address, names, without = sys.argv[1], sys.argv[2].split(","), sys.argv[3].split(",")
cluster = Cluster([Server(address)])
harness.get_global_cluster = lambda: cluster
logging.disable(logging.CRITICAL)
for name in names:
    for test in tests(unittest.defaultTestLoader.loadTestsFromName("kazoo.tests." + name)):
        if not any(left_out in test.id() for left_out in without):
            unittest.TestSuite([test]).run(Result())
