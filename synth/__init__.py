"""The synthetic municipality: a world, and a plant with its twins per detector."""
