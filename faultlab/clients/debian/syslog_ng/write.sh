# Writes the manifest with syslog-ng, which reads it from a file and writes by its http() destination, with its defaults
# but for batches: a thousand lines at most, as InfluxDB advises, and a second to fill one.
#
# It is stopped once it counts every line as written or dropped, at the latest after PATIENCE seconds.
PATIENCE=${FAULTLAB_PATIENCE:-110}
cp "$FAULTLAB_INPUT" "$FAULTLAB_MANIFEST"
folder=$(mktemp -d)
daemon=
stop() {
  test -z "$daemon" || { kill "$daemon" && wait "$daemon"; }
  rm -rf "$folder"
}
trap 'exit 143' TERM INT
trap stop EXIT
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
  "$FAULTLAB_ROOT/usr/sbin/syslog-ng-ctl" stats --control="$folder/control" 2>"$folder/said" \
    | awk -F ';' '$1 == "dst.http" && ($(NF - 1) == "written" || $(NF - 1) == "dropped") { sum += $NF } END { print sum + 0 }'
}
lines=$(wc -l <"$FAULTLAB_INPUT")
end=$(($(date +%s) + PATIENCE))
while kill -0 "$daemon" && test "$(settled)" -lt "$lines" && test "$(date +%s)" -lt "$end"; do sleep 0.5; done
