"""Fails a real InfluxDB client exactly as InfluxDB documents it may fail, and judges what the client did."""

__version__ = "0.1.0"
