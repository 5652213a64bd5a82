# Commands joined by pipes: a song on standard input, clips between the commands, files at the end.
set -euo pipefail
songs=$(cd "$(dirname "$0")" && pwd)/songs

idance generate - --duration 8 < "$songs/hiphop_92.ogg" | idance convert --fps 60 -o dance60.npz

# A clip stream is one HDF5 file after the other, so streams can be laid end to end.
{
  idance generate "$songs/jazz_138.ogg" --duration 8 -o -
  idance generate "$songs/waltz_108.ogg" --duration 8 -o -
} | idance convert -o both.h5
idance convert both.h5 -o each.bvh
ls each_00.bvh each_01.bvh
