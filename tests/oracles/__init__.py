"""Tests of the oracles, one file a question."""
