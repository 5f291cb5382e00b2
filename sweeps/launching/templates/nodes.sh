#!/usr/bin/env bash
# {{ title }}: its nodes
# Made by: {{ made_by }}
#
# Up to {{ nodes }} at a time of an array of {{ tasks }} tasks, each of which joins the Ray cluster of the job that {{ script }} makes.
# They may come, end and be preempted at any time: their trials continue elsewhere, from their checkpoints. A task ends
# when the sweep has ended, or no head has been there for {{ patience_min }} minutes.
#
{% for line in submission %}
#   {{ line }}
{% endfor %}
{% include "directives.sh" %}
#SBATCH --signal=B:TERM@30
#SBATCH --requeue

set -uo pipefail

{% include "environment.sh" %}

launch={{ launch }}
export RAY_AUTH_MODE=token
export RAY_AUTH_TOKEN_PATH=$launch/token

{% include "ray_node.sh" %}

node='' asked=''
# Preempted, cancelled, or the limit of time is near: the node leaves in order.
trap 'asked=1; [ -z "$node" ] || kill -TERM "$node"' TERM

answers() {
  address=$(cat "$launch/address" 2>/dev/null) && (exec 3<>"/dev/tcp/${address%:*}/${address##*:}") 2>/dev/null
}

waited=0
while [ -z "$asked" ] && [ ! -e "$launch/ended" ] && [ "$waited" -lt {{ patience_min * 60 }} ]; do
  if ! answers; then
    sleep 5 &
    wait $!
    waited=$((waited + 5))
    continue
  fi
  joined=$address began=$SECONDS
  ray_node --address="$joined" &
  node=$!
  # It stays until the head has gone, or another one has come.
  while kill -0 "$node" 2>/dev/null; do
    sleep 5 &
    wait -n "$node" $!
    [ -z "$asked" ] || break
    [ "$(cat "$launch/address" 2>/dev/null)" = "$joined" ] || kill -TERM "$node" 2>/dev/null
  done
  wait "$node"
  node=''
  # One that ends at once does not try for ever.
  if [ $((SECONDS - began)) -gt 60 ]; then waited=0; else waited=$((waited + 60)); fi
done
# Tasks that have not begun would only begin, and end.
if [ -e "$launch/ended" ]; then scancel --state=PENDING "$SLURM_ARRAY_JOB_ID"; fi
exit 0
