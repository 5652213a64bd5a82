# Every kind of training, tried out on one dance: a few steps of a tiny network each. Leave out --smoke to train in earnest.
set -euo pipefail
songs=$(cd "$(dirname "$0")" && pwd)/songs

idance generate "$songs/house_124.ogg" --genre house -o dance.h5
idance train tokenizer dance.h5 --smoke -o tokenizer
idance train retriever dance.h5 --smoke --tokenizer tokenizer -o retriever
idance build-index dance.h5 --tokenizer tokenizer --retriever retriever -o index.safetensors
idance train choreographer dance.h5 --smoke --tokenizer tokenizer --retriever retriever --index index.safetensors \
  -o choreographer

# The four files in one folder are a model.
mkdir -p mine
cp tokenizer/tokenizer.safetensors retriever/retriever.safetensors index.safetensors \
  choreographer/choreographer.safetensors mine/
idance generate "$songs/waltz_108.ogg" --model mine --duration 5 -o mine.bvh
