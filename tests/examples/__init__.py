"""The examples are true: what can be run here is run, and what cannot is held against its linter or its schema."""
