"""The documentation is true: its commands run, its links lead somewhere, and its reference is what the code says."""
