# A song in, a dance out: one file for Blender, and the same dance for programs that read BVH.
set -euo pipefail
songs=$(cd "$(dirname "$0")" && pwd)/songs

idance generate "$songs/pop_112.ogg" --genre k-pop -o dance.glb
idance convert dance.glb -o dance.bvh
