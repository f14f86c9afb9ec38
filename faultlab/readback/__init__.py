"""What an upstream holds once a run is over, asked of the upstream itself: so that "stored" is what the server says.

A proxy sees what was sent and what was answered. Whether it is there is the server's to say; this asks it, and writes
what it says beside the events of a history.
"""

from faultlab.readback.asking import server_at, write
from faultlab.readback.reader import OfOrigin, OfUpstream, Reader
from faultlab.readback.server import Point, ReadBackError, Server

__all__ = ["OfOrigin", "OfUpstream", "Point", "ReadBackError", "Reader", "Server", "server_at", "write"]
