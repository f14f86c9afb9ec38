# Writes the manifest with curl: one request a tick, sent again by --retry as curl sees fit.
cp "$FAULTLAB_INPUT" "$FAULTLAB_MANIFEST"
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
trap 'exit 143' TERM INT
awk -v folder="$folder" '{ if ($NF != last) { tick++; last = $NF } print > sprintf("%s/%04d", folder, tick) }' "$FAULTLAB_INPUT"
status=0
for tick in "$folder"/*; do
  curl --silent --show-error --fail --retry 5 --output /dev/null --data-binary @"$tick" \
    --header "Authorization: Token $INFLUX_TOKEN" "$INFLUX_HOST/api/v2/write?org=$INFLUX_ORG&bucket=$INFLUX_BUCKET" \
    || status=1
done
exit $status
