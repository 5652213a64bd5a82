"""Networks: tensors in, tensors out. Nothing here opens a clip, a song or a configuration file."""
