"""Whether the tests notice when the judge is changed: mutation testing of the ledger and the oracles."""
