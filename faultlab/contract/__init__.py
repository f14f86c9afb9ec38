"""What each InfluxDB family documents and answers, as data. Room."""

from faultlab.contract.row import Facts, Limits, Loss, Profile, Quota, Retry, Row, Source

__all__ = ["Facts", "Limits", "Loss", "Profile", "Quota", "Retry", "Row", "Source"]
