#!/usr/bin/env bash
# {{ title }}
# Made by: {{ made_by }}
#
{% if elastic %}
# The driver and the head of a Ray cluster, which other jobs join as its nodes and may leave at any time:
{% else %}
# {{ "The node makes" if nodes == 1 else "%d nodes make" % nodes }} a Ray cluster of {{ "its" if nodes == 1 else "their" }} own, on which `acgkd run` works:
{% endif %}
#
{% for line in submission %}
#   {{ line }}
{% endfor %}
#
# Two minutes before the time limit the driver keeps its work, and the job goes back into the queue; the next start
# resumes. It can be submitted again at any time, and ends at once where nothing is left to do.
{% include "directives.sh" %}
#SBATCH --signal=B:TERM@120
#SBATCH --requeue

set -uo pipefail

{% include "environment.sh" %}

spec={{ spec }}
folder={{ folder }} # of the sweep
launch={{ launch }} # where nodes meet; every one must see both
mkdir -p "$launch" || exit 1

# ---- Ray's own settings: a token that this job alone knows, and ports that no neighbour has

export RAY_AUTH_MODE=token
{% if elastic %}
export RAY_AUTH_TOKEN_PATH=$launch/token
rm -f "$launch/address" "$launch/ended" # of an earlier start
{% else %}
export RAY_AUTH_TOKEN_PATH=$launch/token-$SLURM_JOB_ID
{% endif %}
(umask 077 && od -An -tx1 -N32 /dev/urandom | tr -d ' \n' >"$RAY_AUTH_TOKEN_PATH") || exit 1

# Two ports from the number of the job, the next two where somebody has one of them already.
read -r port client_port < <(python - "$SLURM_JOB_ID" <<'PYTHON'
import socket, sys

for attempt in range(100):
    first = 20000 + (int(sys.argv[1]) * 2 + attempt * 202) % 10000
    try:
        for port in (first, first + 1):
            with socket.socket() as tried:
                tried.bind(("", port))
    except OSError:
        continue
    print(first, first + 1)
    break
PYTHON
)
# By which the other nodes reach this one. Of several networks, ACGKD_HEAD_IP chooses.
head_ip=${ACGKD_HEAD_IP:-$(python -c 'import ray.util; print(ray.util.get_node_ip_address())')}
address=$head_ip:$port

{% include "ray_node.sh" %}

# ---- how it ends

driver='' asked=''
# The time limit is near: the driver alone is asked to end, for it needs Ray to keep its work.
trap 'asked=1; [ -z "$driver" ] || end_step driver' TERM

# `srun` kills what it runs where it gets a signal itself.
end_step() {
  squeue --steps --jobs="$SLURM_JOB_ID" --noheader --format='%i %j' |
    awk -v name="$1" '$2 == name { print $1 }' | xargs -r -n 1 scancel --signal=TERM 2>/dev/null
}

finish() {
  echo "Ray's steps are ended now; Slurm says of them that they were cancelled." >&2
  # Never `ray stop`, which would end a neighbour's Ray too.
  rm -f {% if elastic %}"$launch/address" {% endif %}"$RAY_AUTH_TOKEN_PATH"
{% if not elastic and nodes > 1 %}
  end_step nodes
{% endif %}
  end_step head
  wait
  srun --overlap --ntasks="$SLURM_JOB_NUM_NODES" bash -c "rm -rf /tmp/acgkd-$SLURM_JOB_ID-*" 2>/dev/null
}
trap finish EXIT

# ---- the head, {% if not elastic %}the other nodes, {% endif %}and the driver: a step each

head=$SLURMD_NODENAME # the batch script runs on the first node
srun --job-name=head --overlap --nodes=1 --ntasks=1 --nodelist="$head" --cpus-per-task="$SLURM_CPUS_ON_NODE" \
  bash -c 'ray_node "$@"' ray_node --head --node-ip-address="$head_ip" --port="$port" \
{% if elastic %}
  --ray-client-server-port="$client_port" --include-dashboard=false --num-cpus=0 --num-gpus=0 &
{% else %}
  --ray-client-server-port="$client_port" --include-dashboard=false &
{% endif %}
head_step=$!
until (exec 3<>"/dev/tcp/$head_ip/$port") 2>/dev/null; do
  kill -0 "$head_step" 2>/dev/null || { echo "The head of Ray did not start." >&2; exit 1; }
  sleep 1
done
{% if elastic %}
# Whoever may read this file and the token may join.
(umask 077 && echo "$address" >"$launch/.address" && mv "$launch/.address" "$launch/address") || exit 1
{% elif nodes > 1 %}
srun --job-name=nodes --overlap --nodes={{ nodes - 1 }} --ntasks={{ nodes - 1 }} --exclude="$head" \
  --cpus-per-task="$SLURM_CPUS_ON_NODE" --kill-on-bad-exit=0 \
  bash -c 'ray_node "$@"' ray_node --address="$address" &
{% endif %}

if [ -z "$asked" ]; then
  srun --job-name=driver --overlap --nodes=1 --ntasks=1 --nodelist="$head" \
    acgkd run "$spec" --out "$folder" --address "$address"{{ arguments }} &
  driver=$!
  wait "$driver"
  code=$?
  while [ "$code" -gt 128 ] && kill -0 "$driver" 2>/dev/null; do # `wait` returned for the signal
    wait "$driver"
    code=$?
  done
else
  code=130
fi

trap - EXIT
finish

{% include "requeue.sh" %}
