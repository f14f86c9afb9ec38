#!/usr/bin/env bash
# mitmweb shows in a browser what a client sends and how it is failed; no InfluxDB is needed.
#
#     examples/mitmweb.sh                     # write to http://127.0.0.1:18086, look at http://127.0.0.1:8081
#     examples/mitmweb.sh --set web_port=9999 # whatever mitmweb takes may follow
#
# The lab's own InfluxDB answers, so the address in --mode is never asked. What was failed is marked, and its comment
# names the rule and the draw. Every second write is refused with 429.
set -euo pipefail

exec mitmweb \
  -s "$(faultlab addon rate_limit)" \
  --mode reverse:http://127.0.0.1:9 --listen-host 127.0.0.1 --listen-port 18086 \
  --set faultlab_origin=true \
  --set faultlab_rate_limit_every=2 \
  --set web_open_browser=false \
  "$@"
