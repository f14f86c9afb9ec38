# What a driver of a daemon needs: $folder, which is removed at its end, and $daemon, which is then stopped.
folder=$(mktemp -d)
daemon=
stop() {
  test -z "$daemon" || { kill "$daemon" && wait "$daemon"; }
  rm -rf "$folder"
}
trap 'exit 143' TERM INT
trap stop EXIT
