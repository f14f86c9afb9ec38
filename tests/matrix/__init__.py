"""Tests of the matrix and of the drivers."""
