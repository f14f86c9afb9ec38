"""Drivers: small programs that write a manifest through a real client, with its defaults, and report what it told.

Each client has an environment of its own, so that nothing conflicts with mitmproxy, nor one client with another.
"""

from faultlab.clients.drivers import ALL, Driver, UnknownDriver, named
from faultlab.clients.environments import UnpreparedError, prepare
from faultlab.clients.manifest import manifest

__all__ = ["ALL", "Driver", "UnknownDriver", "UnpreparedError", "manifest", "named", "prepare"]
