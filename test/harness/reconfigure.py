"""Takes a server into an ensemble: reconfigure.py HOSTS MEMBER-LINE. Prints the new configuration as JSON."""
import json
import sys

from kazoo.client import KazooClient

client = KazooClient(hosts=sys.argv[1], auth_data=[("digest", "super:test")])
client.start(timeout=60)
configuration, _ = client.reconfig(joining=sys.argv[2], leaving=None, new_members=None)
print(json.dumps(configuration.decode()))
client.stop()
