# Runs write.rb by Debian's Ruby, which looks for its library and for the client below the root it was unpacked to.
for folder in "$FAULTLAB_ROOT"/usr/lib/ruby/3.1.0 "$FAULTLAB_ROOT"/usr/lib/*-linux-gnu*/ruby/3.1.0 \
  "$FAULTLAB_ROOT"/usr/share/rubygems-integration/all/gems/influxdb-*/lib; do
  RUBYLIB="${RUBYLIB:+$RUBYLIB:}$folder"
done
export RUBYLIB
exec "$FAULTLAB_ROOT/usr/bin/ruby3.1" "$(dirname "$0")/write.rb" "$@"
