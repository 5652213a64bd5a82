"""The metrics, pure numpy: joints (T, 22, 3) in metres, y up, 30 fps unless a function takes `fps`.

kinetic, geometric   the 66 and 32 features behind FID and diversity
distribution         normalisation, FID, diversity
rhythm               beat alignment and beat gap
feet                 foot sliding, contact share, physical foot contact
smoothness           jitter, speed, frozen windows, window joins
copying              how much of a dance is taken from the training set
"""
