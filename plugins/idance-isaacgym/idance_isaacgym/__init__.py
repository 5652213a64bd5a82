"""PHC's policies in Isaac Gym as the engine `isaacgym` of `idance imitate`."""
