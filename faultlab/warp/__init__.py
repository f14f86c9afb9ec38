"""A client whose time runs faster: what is preloaded into it, never into the proxy, so that its waits cost less."""

from faultlab.warp.preloaded import LARGEST, WarpError, environment, forget, prepare
from faultlab.warp.watching import Watch

__all__ = ["LARGEST", "WarpError", "Watch", "environment", "forget", "prepare"]
