"""Music: decoding, beats, features, encoders, and songs composed by the package itself."""
