"""The proxy: the only room that imports mitmproxy. Nothing is imported here, so that the core stays free of it."""
