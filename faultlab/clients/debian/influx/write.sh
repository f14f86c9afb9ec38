# Writes the manifest by an import of InfluxDB's own command line, which is given all of it at once.
cp "$FAULTLAB_INPUT" "$FAULTLAB_MANIFEST"
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
trap 'exit 143' TERM INT
{
  printf '# DML\n# CONTEXT-DATABASE: %s\n' "$INFLUX_BUCKET"
  cat "$FAULTLAB_INPUT"
} >"$folder/import"
address=${INFLUX_HOST#*://}
address=${address%%/*}
case $INFLUX_HOST in https:*) set -- "$@" -ssl ;; esac
INFLUX_USERNAME=faultlab INFLUX_PASSWORD=$INFLUX_TOKEN "$FAULTLAB_ROOT/usr/bin/influx" \
  -host "${address%:*}" -port "${address##*:}" "$@" -import -path "$folder/import"
