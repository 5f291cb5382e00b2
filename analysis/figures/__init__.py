"""Pictures of a sweep: computed first as plain values, drawn later, without pyplot and its global state."""
