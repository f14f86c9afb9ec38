"""Every documented answer, with the profile and the row it comes from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

from faultlab import contract, faults
from faultlab.contract import Profile, Row
from faultlab.exchange import Answer


def documented_answers(
    *, profiles: Sequence[Profile] | None = None, faults: Sequence[type[Any]] | None = None
) -> st.SearchStrategy[tuple[Profile, Row, Answer]]:
    """Documented answers, rendered with the sample facts, of these profiles and fault classes; of all if None.

    Raises ValueError when the profiles document nothing for the faults. Shrinks towards the first row of the first
    profile.
    """
    given = contract.ALL if profiles is None else tuple(profiles)
    rows = [(profile, row) for profile in given for row in profile.rows if _wanted(row, faults)]
    if not rows:
        names = ", ".join(profile.name for profile in given) or "no profiles"
        raise ValueError(f"{names}: nothing is documented for {', '.join(f.name for f in faults or ()) or 'any fault'}")
    return st.sampled_from(rows).map(lambda pair: (*pair, pair[0].render(pair[1])))


def _wanted(row: Row, kinds: Sequence[type[Any]] | None) -> bool:
    return kinds is None or any(row.fault == faults.family_of(kind) for kind in kinds)
