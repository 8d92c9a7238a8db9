"""What is looked at in cells once they were read: one module per idea, no findings of its own."""
