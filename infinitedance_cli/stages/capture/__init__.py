"""Video in, motion clips out: who dances, where in the world, with hands and face."""
