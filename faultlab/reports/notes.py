"""How a run was made, where that bears on what its verdict means: a sentence each, for every report."""

from __future__ import annotations

from faultlab.history import History, ReadBack


def notes(history: History) -> tuple[str, ...]:
    """Give the sentences; none for a run in true time that was not read back."""
    said, scale = history.read_back, history.time_scale
    warped = () if scale == 1.0 else (_of_time(scale),)
    return warped if said is None else (*warped, _of_read_back(said))


def _of_time(scale: float) -> str:
    return (
        f"time ran {scale:g} times as fast for proxy and client, and all times are of that clock: the client's own "
        "timeouts were as much shorter, and what it computes counts as much longer"
    )


def _of_read_back(said: ReadBack) -> str:
    if said.void:
        return f"what is stored is what the proxy saw; {said.server} was not read back: {said.void}"
    unit = "point" if said.exact else "sample"
    counted = f"{said.points} {unit}{'' if said.points == 1 else 's'}"
    unclear = f"; not of {', '.join(said.unclear)}, whose fields have several types" if said.unclear else ""
    return f"what is stored is what {said.server} says: {counted} in '{said.database}'{unclear}"
