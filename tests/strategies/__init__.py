"""The strategies: what they draw lies within bounds, everything is drawn, and they shrink as they say."""
