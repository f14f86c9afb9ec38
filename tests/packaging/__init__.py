"""What only an installed faultlab can show: that the wheel is whole, works by itself, and has the types it says."""
