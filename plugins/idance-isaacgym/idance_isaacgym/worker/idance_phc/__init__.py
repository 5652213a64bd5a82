"""PHC's policies: bodies, observations, networks and episodes; numpy and torch only, Python 3.8.

All tensors are in PHC's conventions: z up, x forward, metres, quaternions (x, y, z, w), 24 bodies in the order of
`bodies.BODY_NAMES`, and every body's frame is aligned with the world when the body stands upright and faces +x.
"""
