"""What is asked of torch modules, ours and others: their parts, what they cost, what their BatchNorm remembers."""
