"""What images without labels add to a training with few labels."""
