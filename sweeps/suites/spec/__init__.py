"""What a suite's file says: its axes, its section, its schema."""
