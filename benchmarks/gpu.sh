#!/usr/bin/env bash
# benchmarks/gpu.sh [PACKAGES [ARGUMENT...]]: all of benchmarks.speed.gpu_loop on a GPU, in at most eight minutes.
#
# For a machine with torch and torch_geometric; PACKAGES is a folder with what else is to be imported (pydantic;
# pandas and pyarrow for the page), absolute or from the repository's root. MNIST and CIFAR-10 lie under $ACGKD_DATA. Each part has its minutes and is cut there;
# what it had measured stays in the records, and a second call continues with the parts that are missing.
set -u
cd "$(dirname "$0")/.."
export PYTHONPATH="$PWD${1:+:$1}"
shift
part() { timeout -k 1 "$1" "${PYTHON:-python}" -m benchmarks.speed.gpu_loop --parts ${2:-} --seconds "${3:-0}" "${@:4}" || echo "gpu.sh: '${2:-}' ended with $?"; }
part 50 steps 0 "$@"
part 85 mnist 60 "$@"
part 175 cifar10 80 "$@"
part 60 stacked 0 "$@"
part 80 compiled 0 "$@"
part 22 "" 0 "$@"
