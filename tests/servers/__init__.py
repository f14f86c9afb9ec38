"""Real servers for tests: InfluxDB 1.6.7 and VictoriaMetrics 1.79.5, unpacked beside the project and run on loopback.

``make test-servers`` runs what needs them; ``make test`` does not.
"""
