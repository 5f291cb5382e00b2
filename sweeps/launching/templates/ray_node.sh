# What a node of Ray runs: as many cores as Slurm leaves to it, its files in a short folder of its own, removed with it.
# shellcheck disable=SC2317 # it is called by the steps
ray_node() {
  local temp code leaving=''
  trap 'leaving=1' TERM
  temp=$(mktemp -d "/tmp/acgkd-$SLURM_JOB_ID-XXXX") || return 1
  ray start --num-cpus="$SLURM_CPUS_ON_NODE" --num-gpus={{ gpus }} --object-store-memory=268435456 \
    --min-worker-port=0 --max-worker-port=0 --dashboard-agent-listen-port=0 --disable-usage-stats "$@" \
    --temp-dir="$temp" --block >"$temp/start.log" 2>&1 &
  local ray=$!
  wait "$ray"
  code=$?
  while [ "$code" -gt 128 ] && kill -TERM "$ray" 2>/dev/null; do # `wait` returned for the signal
    wait "$ray"
    code=$?
  done
  if [ -n "$leaving" ]; then code=0; else tail -n 20 "$temp/start.log" >&2; fi
  rm -rf "$temp"
  return "$code"
}
export -f ray_node
# How long Ray waits for its work to end where it is asked to.
export RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S={{ 10 if array else 0 }}
