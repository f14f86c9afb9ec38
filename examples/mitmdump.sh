#!/usr/bin/env bash
# A stock mitmdump fails what goes to an InfluxDB: 429 now and then, 503 less often, and partial writes.
#
#     examples/mitmdump.sh http://127.0.0.1:8086                     # write to http://127.0.0.1:18086 instead
#     examples/mitmdump.sh http://127.0.0.1:8086 --listen-port 9999  # whatever mitmdump takes may follow
#
# Several scripts in one proxy decide as one, so a write meets one fault at most. The same seed decides the same
# requests alike.
set -euo pipefail

upstream=${1:-http://127.0.0.1:8086}
shift $(($# > 0))

exec mitmdump \
  -s "$(faultlab addon rate_limit)" \
  -s "$(faultlab addon unavailable)" \
  -s "$(faultlab addon partial_write)" \
  --mode "reverse:$upstream" --listen-host 127.0.0.1 --listen-port 18086 \
  --set faultlab_seed=7 \
  --set faultlab_probability=0.1 \
  --set faultlab_rate_limit_probability=0.3 \
  --set faultlab_rate_limit_max_wait=5 \
  "$@"
