"""What the reader can touch and hear: explorers, recorder, player."""
