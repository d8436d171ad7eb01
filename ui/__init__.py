"""What the pages share: figures, controls, galleries, state."""
