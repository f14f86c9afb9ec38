"""The faults: what each decides, and by which documented answer."""
