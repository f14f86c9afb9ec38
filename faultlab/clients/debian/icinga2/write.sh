# Writes the manifest with Icinga's Influxdb2Writer and its defaults: each tag's value is a service, each line a result of
# its check, handed in by the command pipe with the line's time.
#
# What is declared are the points that Icinga makes of that. It is stopped when its writer has had time to flush twice.
# The command pipe needs no certificate, as its API does; that the pipe is deprecated is the first thing it says.
. "$(dirname "$0")/../daemon.sh"
# The manifest has lines such as "sensor,id=s0 value=0.0 1700000000000000000".
awk -F '[, =]' -v manifest="$FAULTLAB_MANIFEST" -v commands="$folder/commands" -v services="$folder/services.conf" '
  { printf "passive,hostname=%s,metric=%s,service=%s value=%s %s\n", $1, $4, $3, $5, $6 >manifest
    printf "[%s] PROCESS_SERVICE_CHECK_RESULT;%s;%s;0;|%s=%s\n", substr($6, 1, length($6) - 9), $1, $3, $4, $5 >commands }
  !host[$1]++ { printf "object Host \"%s\" { check_command = \"passive\"; enable_active_checks = false }\n", $1 >services }
  !service[$1, $3]++ {
    printf "object Service \"%s\" { host_name = \"%s\"; check_command = \"passive\"\n", $3, $1 >services
    print "enable_active_checks = false }" >services }
' "$FAULTLAB_INPUT"
address=${INFLUX_HOST#*://}
address=${address%%/*}
trust=${SSL_CERT_FILE:+ssl_ca_cert = \"$SSL_CERT_FILE\"}
case $INFLUX_HOST in https:*) tls=true ;; *) tls=false ;; esac
cat >"$folder/icinga2.conf" <<CONF
include <itl>
include "services.conf"
object ExternalCommandListener "command" { command_path = "$folder/pipe" }
object Influxdb2Writer "influxdb2" {
  host = "${address%:*}"
  port = ${address##*:}
  organization = "$INFLUX_ORG"
  bucket = "$INFLUX_BUCKET"
  auth_token = "$INFLUX_TOKEN"
  ssl_enable = $tls
  $trust
}
CONF
mkdir -p "$folder/run" "$folder/data" "$folder/cache" "$folder/log" "$folder/spool"
set -- "$FAULTLAB_ROOT"/usr/lib/*-linux-gnu*/icinga2/sbin/icinga2
"$1" daemon --log-level warning --config "$folder/icinga2.conf" \
  --include "$FAULTLAB_ROOT/usr/share/icinga2/include" --define RunAsUser="$(id -un)" --define RunAsGroup="$(id -gn)" \
  --define ConfigDir="$folder" --define DataDir="$folder/data" --define CacheDir="$folder/cache" \
  --define LogDir="$folder/log" --define SpoolDir="$folder/spool" --define InitRunDir="$folder/run" >&2 &
daemon=$!
until test -p "$folder/pipe"; do
  kill -0 "$daemon" 2>/dev/null || { wait "$daemon"; exit; }
  sleep 0.1
done
cp "$folder/commands" "$folder/pipe"
# It flushes every ten seconds.
sleep 25
