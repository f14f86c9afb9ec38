"""Writers that are wrong in one way each: what the reference writer does, but for a method or two."""

from __future__ import annotations

from tests.zoo.mutants import data, ending, keeping, retrying, telling

MUTANTS = {
    "ignores_retry_after": retrying.IgnoresRetryAfter,
    "reads_milliseconds": retrying.ReadsMilliseconds,
    "cannot_read_a_date": retrying.CannotReadADate,
    "blocks_for_a_day": retrying.BlocksForADay,
    "dies_on_hostile_retry_after": retrying.DiesOnHostileRetryAfter,
    "drops_on_garbage": retrying.DropsOnGarbage,
    "retries_without_backoff": retrying.RetriesWithoutBackoff,
    "retries_in_step": retrying.RetriesInStep,
    "hammers": retrying.Hammers,
    "recovers_late": retrying.RecoversLate,
    "retries_for_ever": retrying.RetriesForEver,
    "blocked_by_poison": retrying.BlockedByPoison,
    "resends_unchanged": retrying.ResendsUnchanged,
    "resends_after_partial_write": retrying.ResendsAfterPartialWrite,
    "sends_twice_on_success": retrying.SendsTwiceOnSuccess,
    "resends_without_timestamps": data.ResendsWithoutTimestamps,
    "changes_integers_to_floats": data.ChangesIntegersToFloats,
    "changes_type_half_way": data.ChangesTypeHalfWay,
    "writes_nan": data.WritesNan,
    "loses_on_failure": keeping.LosesOnFailure,
    "loses_on_reset": keeping.LosesOnReset,
    "drops_the_oldest": keeping.DropsTheOldest,
    "splits_never": keeping.SplitsNever,
    "stops_at_poison": keeping.StopsAtPoison,
    "swallows_partial_writes": telling.SwallowsPartialWrites,
    "swallows_400_partial": telling.Swallows400Partial,
    "swallows_refusals": telling.SwallowsRefusals,
    "reports_success_for_failed": telling.ReportsSuccessForFailed,
    "reports_failure_for_stored": telling.ReportsFailureForStored,
    "logs_the_token": telling.LogsTheToken,
    "follows_redirect_with_token": telling.FollowsRedirectWithToken,
    "never_times_out": ending.NeverTimesOut,
    "never_flushes": ending.NeverFlushes,
    "exits_zero_with_points_unsent": ending.ExitsZeroWithPointsUnsent,
    "hangs_in_close": ending.HangsInClose,
    "grows_without_bound": ending.GrowsWithoutBound,
}
"""Every writer that is wrong, by name."""
