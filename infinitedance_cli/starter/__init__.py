"""The bundled model: weights, index, model card, and what makes them from the recorded dances."""
