# Motion as tokens: what the tokeniser keeps of a dance, how its codebooks are used, and an index to retrieve dances from.
set -euo pipefail
songs=$(cd "$(dirname "$0")" && pwd)/songs

idance generate "$songs/breakbeat_105.ogg" --genre breaking -o dance.h5
idance tokenize dance.h5 | idance tokenize --decode | idance convert -o decoded.bvh
idance tokenize dance.h5 --stats
idance build-index dance.h5 -o index.safetensors
