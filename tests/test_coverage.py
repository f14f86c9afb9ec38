"""The coverage of the catalogue, read back from a history."""

from __future__ import annotations

from pathlib import Path

from faultlab import contract
from faultlab.contract import Profile
from faultlab.coverage import Coverage, coverage
from faultlab.faults import Catalogue, RateLimit
from faultlab.faults.catalogue import rows_at
from faultlab.plan import Plan
from tests.labs import AUTH, finished, plan_of, running
from tests.raw import Raw

BODY = b"".join(b"cpu,host=h%d usage=%d 170000000000000000%d\n" % (n, n, n) for n in range(4))


def walk(plan: Plan, folder: Path, requests: int) -> tuple[Coverage, ...]:
    """Send so many different batches through a lab and give the coverage."""
    with running(plan, folder) as lab:
        # Some answers end their connection.
        for number in range(requests):
            with Raw(lab.port) as raw:
                raw.write(BODY.replace(b"cpu", b"m%d" % number), headers=AUTH)
        return coverage(finished(lab))


def test_every_row_is_given_once_and_then_none(tmp_path: Path) -> None:
    """As many batches as the endpoint has rows walk the whole catalogue; further ones pass."""
    plan = plan_of(Catalogue(max_wait=0))
    rows = rows_at(plan_profile(plan), "/api/v2/write")
    [covered] = walk(plan, tmp_path / "h", len(rows) + 2)

    assert ((), tuple(row.id for row in rows)) == (covered.missing, covered.given)
    assert f"{len(rows)} of {len(rows)} documented answers given at /api/v2/write" == str(covered)


def plan_profile(plan: Plan) -> Profile:
    """Give a plan's profile."""
    return contract.named(plan.profile)


def test_what_was_not_given_is_named(tmp_path: Path) -> None:
    """Fewer batches than rows leave the rest missing, by name and in order."""
    plan = plan_of(Catalogue(max_wait=0))
    rows = [row.id for row in rows_at(plan_profile(plan), "/api/v2/write")]
    [covered] = walk(plan, tmp_path / "h", 3)

    assert (tuple(rows[:3]), tuple(rows[3:])) == (covered.given, covered.missing)
    assert rows[3] in str(covered)


def test_a_run_without_the_catalogue_has_no_coverage(tmp_path: Path) -> None:
    """Coverage is only spoken of where a rule walks the catalogue."""
    assert () == walk(plan_of(RateLimit()), tmp_path / "h", 1)
