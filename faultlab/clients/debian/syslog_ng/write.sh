# Writes the manifest with syslog-ng, which reads it from a file and writes by its http() destination, with its defaults
# but for two: up to a thousand lines a request, as InfluxDB advises, and a source that waits for its destination, as
# what overflows a queue of ten thousand lines is dropped without a word. It is stopped once it counts all as settled.
cp "$FAULTLAB_INPUT" "$FAULTLAB_MANIFEST"
. "$(dirname "$0")/../daemon.sh"
trust=${SSL_CERT_FILE:+tls(ca-file("$SSL_CERT_FILE"))}
cat >"$folder/conf" <<CONF
@version: 3.38
source lines { file("$FAULTLAB_INPUT" flags(no-parse)); };
destination influxdb {
  http(
    url("$INFLUX_HOST/api/v2/write?org=$INFLUX_ORG&bucket=$INFLUX_BUCKET")
    headers("Authorization: Token $INFLUX_TOKEN")
    method("POST") body("\$MSG") batch-lines(1000) $trust
  );
};
log { source(lines); destination(influxdb); flags(flow-control); };
CONF
export LD_LIBRARY_PATH="$FAULTLAB_ROOT/usr/lib/syslog-ng${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
"$FAULTLAB_ROOT/usr/sbin/syslog-ng" --foreground --no-caps --stderr --cfgfile="$folder/conf" \
  --module-path="$FAULTLAB_ROOT/usr/lib/syslog-ng/3.38" \
  --persist-file="$folder/persist" --pidfile="$folder/pid" --control="$folder/control" &
daemon=$!
# Gives how many lines the destination is done with.
settled() {
  "$FAULTLAB_ROOT/usr/sbin/syslog-ng-ctl" stats --control="$folder/control" 2>/dev/null \
    | awk -F ';' '$1 == "dst.http" && ($(NF - 1) == "written" || $(NF - 1) == "dropped") { sum += $NF } END { print sum + 0 }'
}
lines=$(wc -l <"$FAULTLAB_INPUT")
while done=$(settled) && test "${done:-0}" -lt "$lines"; do
  kill -0 "$daemon" 2>/dev/null || { wait "$daemon"; exit; }
  sleep 0.5
done
