#!/usr/bin/env bash
# An agent whose address cannot be changed is failed all the same: faultlab is its forward proxy and intercepts its TLS.
#
#     examples/forward_proxy.sh                                  # curl stands for the agent
#     examples/forward_proxy.sh telegraf --config telegraf.conf  # or any other, as it is
#
# The agent finds the proxy in HTTPS_PROXY, and the authority that signed the certificates it is shown in SSL_CERT_FILE
# and its kin. It writes to https://influxdb.test, which no resolver knows; an agent that has a real InfluxDB of its own
# goes there once "--upstream URL" stands before the "--".
set -euo pipefail

if (($# == 0)); then
  # In single quotes, because the agent's shell is to see the variables, not this one. curl sends the same again after
  # 429 and 503, and waits as it is told.
  # shellcheck disable=SC2016
  set -- sh -c 'exec curl --silent --show-error --fail --retry 5 --header "Authorization: Token $INFLUX_TOKEN" \
    --data-binary "disk,host=web01 free=5242880i 1700000000000000000" \
    "https://influxdb.test/api/v2/write?org=$INFLUX_ORG&bucket=$INFLUX_BUCKET"'
fi

exec faultlab run rate-limit --seed 7 --forward -- "$@"
