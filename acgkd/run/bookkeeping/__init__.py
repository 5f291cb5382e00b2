"""What a distillation keeps of itself: which run it is, and how far."""
