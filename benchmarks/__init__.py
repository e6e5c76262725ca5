"""What a request costs: measured by hand, never asserted."""
