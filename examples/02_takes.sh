# Three takes of ten seconds of a song, with seeds 7, 8 and 9, to pick the best of; then the same part in another genre.
set -euo pipefail
songs=$(cd "$(dirname "$0")" && pwd)/songs

idance generate "$songs/house_124.ogg" --start 8 --duration 10 --seed 7 --takes 3 -o take.npz
ls take_00.npz take_01.npz take_02.npz
idance generate "$songs/house_124.ogg" --start 8 --duration 10 --seed 7 --genre salsa -o salsa.npz
