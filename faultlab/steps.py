"""How a reply that is not simply sent goes out: pieces, pauses and the cut, in order; and how one is damaged."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from faultlab.exchange import (
    Aborted,
    Answer,
    AtOnce,
    Closed,
    Cut,
    Delayed,
    Dribbled,
    Ending,
    Garbled,
    Never,
    Truncated,
)

PIECES_A_SECOND = 50
"""How finely a slow reply is cut, at most; a piece has a byte at least."""

JUNK = b"<html><body>This is not what you asked for.</body></html>"


@dataclass(frozen=True, slots=True)
class Pause:
    """Nothing for so many seconds; for ever if None."""

    seconds: float | None


type Step = bytes | Pause | Cut | Aborted


def steps(ending: Ending, head: bytes, body: bytes) -> Iterator[Step]:
    """Give what is done in turn to end a reply; nothing follows a cut, an abort, or a pause for ever.

    A reply that was sent to its last byte is the only one that just ends.
    """
    match ending:
        case AtOnce():
            yield head + body
        case Delayed(seconds):
            yield Pause(seconds)
            yield head + body
        case Dribbled(bytes_per_second):
            yield from _dribbled(head + body, bytes_per_second)
        case Truncated():
            if sent := (head + body)[: ending.cut(head, body)]:
                yield sent
            yield ending.how
        case Closed(how):
            yield how
        case Never(seconds):
            yield Pause(seconds)
            yield Cut.FIN
        case Aborted():
            yield ending


def _dribbled(reply: bytes, bytes_per_second: int) -> Iterator[Step]:
    size = -(-bytes_per_second // PIECES_A_SECOND)
    for start in range(0, len(reply), size):
        piece = reply[start : start + size]
        # Before the piece, so that the whole reply takes what its length and the rate say.
        yield Pause(len(piece) / bytes_per_second)
        yield piece


def damaged(answer: Answer, how: Garbled) -> Answer:
    """Give an answer with the damage that leaves it a reply by the grammar of HTTP; others give it as it is.

    A reply without a body gets one where the body is what is damaged, and a status that may have one: 200 for 204.
    """
    match how.what:
        case "content_type":
            return _with_body(_with(answer, "Content-Type", "text/html"), answer.body or JUNK)
        case "body":
            # Bytes that are no UTF-8, so that no reader of text takes them for a message.
            return _with_body(answer, bytes(byte ^ 0x80 for byte in answer.body) or bytes(range(128, 192)))
        case "long_body":
            return _with_body(answer, answer.body + b" " * max(0, how.size - len(answer.body)))
        case "long_header":
            return replace(answer, headers=(*answer.headers, ("X-Padding", "x" * how.size)))
        case "many_headers":
            return replace(answer, headers=(*answer.headers, *((f"X-Padding-{n}", "x") for n in range(how.size))))
    return answer


def _with(answer: Answer, name: str, value: str) -> Answer:
    others = tuple((n, v) for n, v in answer.headers if n.lower() != name.lower())
    return replace(answer, headers=(*others, (name, value)))


def _with_body(answer: Answer, body: bytes) -> Answer:
    status, reason = (200, "") if answer.status == 204 else (answer.status, answer.reason)
    return replace(answer, status=status, reason=reason, body=body)


__all__ = ["Pause", "Step", "damaged", "steps"]
