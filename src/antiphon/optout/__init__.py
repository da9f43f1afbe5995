"""What may be asked, of whom, how fast."""
