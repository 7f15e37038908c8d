#!/usr/bin/env bash
# Collects in .gpu/ of the clone, made anew, what a GPU machine without a network lacks to run gpu.py, and prints the
# command to run there. Meant for Python 3.12 on x86-64 with PyTorch, JAX (CUDA), numpy, pandas, scipy, scikit-learn, opencv,
# h5py and numba; TensorFlow is not needed. Wheels are those that requirements.lock pins, checked by their hashes.
set -euo pipefail

most_mb=60
packages="absl-py albucore albumentations annotated-types docstring-parser filelock keras markdown-it-py mdurl namex nibabel
    optree packaging pydantic pydantic-core pydicom pygments rich simsimd stringzilla tqdm typeguard typing-extensions
    typing-inspection tyro"

here=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
folder=$here/.gpu
rm -rf "$folder"
mkdir -p "$folder/wheels" "$folder/scripts"

# The lines of these packages, with their hashes.
pins=$(mktemp)
trap 'rm -f "$pins"' EXIT
for name in $packages; do
    awk -v name="$name" '/^[a-z]/ { found = index($0, name "==") == 1 } found && !/^ *#/' "$here/requirements.lock" >> "$pins"
    grep -q "^$name==" "$pins" || { echo "error: requirements.lock does not pin $name; run make lock" >&2; exit 2; }
done

python=$here/.venv/bin/python
[ -x "$python" ] || python=python3
platforms=$(for minor in 34 31 28 27 24 17 12 5; do echo "--platform manylinux_2_${minor}_x86_64"; done)
# shellcheck disable=SC2086  # words of their own
"$python" -m pip download -qq --disable-pip-version-check --no-deps --require-hashes --only-binary=:all: \
    --python-version 3.12 --implementation cp $platforms --platform manylinux2014_x86_64 --platform any \
    --dest "$folder/wheels" --requirement "$pins"

# The package and its benchmarks as they stand in the clone.
cp -r "$here/src" "$here/benchmarks" "$folder/"
cp "$here/scripts/environment.py" "$folder/scripts/"
find "$folder/src" "$folder/benchmarks" -name __pycache__ -prune -exec rm -rf {} +
find "$folder/src" -name '*.egg-info' -prune -exec rm -rf {} +

cat > "$folder/run" <<'RUN'
#!/usr/bin/env bash
# Installs the wheels beside this file into a folder of their own and runs gpu.py with the given options.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
python=${PYTHON:-python3}
site=${TMPDIR:-/tmp}/radiogen-gpu-site-$(id -u)
rm -rf "$site"
"$python" -m pip install --quiet --disable-pip-version-check --no-index --no-deps --no-compile \
    --target "$site" "$here"/wheels/*.whl
export PYTHONPATH=$site:$here/src:$here PYTHONUNBUFFERED=1
exec "$python" "$here/benchmarks/speed/gpu.py" "$@"
RUN
chmod +x "$folder/run"

size_mb=$(du -sm "$folder" | cut -f1)
if [ "$size_mb" -gt "$most_mb" ]; then
    echo "error: $folder: has $size_mb MB, more than $most_mb; leave out what the machine has itself" >&2
    exit 2
fi
echo "$folder has $size_mb MB. On the machine with the GPU: bash .gpu/run --output gpu.jsonl"
