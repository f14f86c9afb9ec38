"""The gate: a command has to get through a list of scenarios under a list of seeds, as a file says."""

from faultlab.gate.file import Gate, GateError, load, schema, tasks
from faultlab.gate.ratchet import tolerated
from faultlab.gate.result import GateResult, changes

__all__ = ["Gate", "GateError", "GateResult", "changes", "load", "schema", "tasks", "tolerated"]
