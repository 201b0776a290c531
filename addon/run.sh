#!/bin/sh
# Starts the daemon inside the add-on: configuration in /config, database in /data, as a user without rights.
set -eu
config=${CONFIG_FOLDER:-/config}
data=${DATA_FOLDER:-/data}

# The page asks for it, wherever it is opened.
if [ ! -s "$data/page-password" ]; then
  (umask 077 && od -An -N12 -tx1 /dev/urandom | tr -d ' \n' >"$data/page-password")
  echo "wattledger: the password of the page is $(cat "$data/page-password")"
fi
if [ ! -e "$config/wattledger.yaml" ]; then
  cp "${EXAMPLE:-/usr/share/doc/wattledger/examples/wattledger.yaml}" "$config/wattledger.example.yaml"
  echo "wattledger: write wattledger.yaml beside wattledger.example.yaml in this add-on's configuration folder, then start again" >&2
  exit 1
fi

export STATE_DIRECTORY="$data"
if [ "$(id -u)" = 0 ] && id wattledger >/dev/null 2>&1; then
  chown -R wattledger:wattledger "$data"
  exec setpriv --reuid wattledger --regid wattledger --init-groups --no-new-privs wattledger run --config "$config/wattledger.yaml"
fi
exec wattledger run --config "$config/wattledger.yaml"
