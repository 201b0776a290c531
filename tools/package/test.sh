#!/bin/sh
# Tries the package of this machine's architecture in a clean Debian: install, run, upgrade with data, remove, purge. As root, with debootstrap and lintian.
set -eu
cd "$(dirname "$0")/../.."
PATH=$PWD/node_modules/.bin:$PATH

[ "$(id -u)" = 0 ] || { echo "needs root, for debootstrap and chroot" >&2; exit 1; }
for tool in debootstrap lintian dpkg-deb; do command -v $tool >/dev/null || { echo "needs $tool" >&2; exit 1; }; done
arch=$(dpkg --print-architecture)
work=$(mktemp -d)
root=$work/root
log() { echo "== $*"; }
cleanup() {
  [ -z "${daemon:-}" ] || kill "$daemon" 2>/dev/null || true
  [ -z "${device:-}" ] || kill "$device" 2>/dev/null || true
  umount "$root/proc" 2>/dev/null || true
  rm -rf "$work"
}
trap cleanup EXIT

log "build the package, and the same as a previous version"
node tools/package/build.mjs --version 0.1.0 --out "$work" --quick 2>"$work/build.log" || { tail -5 "$work/build.log"; exit 1; }
dpkg-deb -R "$work/wattledger_0.1.0_$arch.deb" "$work/old"
sed -i 's/^Version: .*/Version: 0.0.9/' "$work/old/DEBIAN/control"
dpkg-deb --root-owner-group -Zgzip -z1 --build "$work/old" "$work/wattledger_0.0.9_$arch.deb" >/dev/null
rm -rf "$work/old"
ls -l "$work"/*.deb

log "lintian"
lintian --fail-on error "$work/wattledger_0.1.0_$arch.deb"

log "a clean root"
debootstrap --variant=minbase --include=libstdc++6,systemd,init-system-helpers,curl stable "$root" >"$work/debootstrap.log" 2>&1 || { tail -5 "$work/debootstrap.log"; exit 1; }
mount -t proc proc "$root/proc"
in_root() { chroot "$root" "$@"; }
cp "$work"/*.deb "$root/root/"

log "install 0.0.9, without a network, without a compiler"
! in_root sh -c 'command -v gcc || command -v cc || command -v make || command -v node || command -v npm'
unshare -n chroot "$root" dpkg -i "/root/wattledger_0.0.9_$arch.deb"
[ "$(in_root stat -c '%U:%G %a' /etc/wattledger)" = "root:wattledger 750" ]
in_root id wattledger | grep -q dialout
[ "$(in_root stat -c '%a' /etc/default/wattledger)" = 640 ]
in_root wattledger --version
in_root wattledger profiles --json | head -c 60; echo
[ -s "$root/usr/share/man/man1/wattledger.1.gz" ] && [ -s "$root/usr/share/bash-completion/completions/wattledger" ]
gunzip -c "$root/usr/share/doc/wattledger/sbom.cdx.json.gz" | grep -q '"name": "better-sqlite3"'
echo 'SECRET=mine' >>"$root/etc/default/wattledger"
in_root systemd-analyze verify --man=no /usr/lib/systemd/system/wattledger.service /usr/lib/systemd/system/wattledger-backup.timer

log "run the unit's command as its user, against a simulated device"
cp test/captures/eastron-sdm630.json "$root/root/meter.json"
in_root chmod 755 /root
chroot "$root" wattledger simulate /root/meter.json --listen 127.0.0.1:15020 >"$work/device.log" 2>&1 &
device=$!
cat >"$root/etc/wattledger/wattledger.yaml" <<YAML
version: 1
links: {meter: {url: "tcp://127.0.0.1:15020"}}
devices: {meter: {profile: eastron-sdm630, link: meter}}
map: {grid: meter}
store: {commit_every: 1s}
http: {listen: "127.0.0.1:18088"}
YAML
in_root chgrp wattledger /etc/wattledger/wattledger.yaml
in_root chmod 640 /etc/wattledger/wattledger.yaml
in_root install -d -o wattledger -g wattledger -m 750 /var/lib/wattledger
command=$(sed -n 's/^ExecStart=//p' "$root/usr/lib/systemd/system/wattledger.service")
run_unit() {
  chroot --userspec=wattledger:wattledger "$root" env STATE_DIRECTORY=/var/lib/wattledger $command >>"$work/daemon.log" 2>&1 &
  daemon=$!
  for _ in $(seq 50); do in_root curl -fs http://127.0.0.1:18088/healthz >/dev/null && break; sleep 0.2; done
  in_root curl -fs http://127.0.0.1:18088/healthz
  echo
  sleep 4
}
stop_unit() {
  kill -TERM "$daemon"
  wait "$daemon"
  daemon=
}
run_unit
stop_unit
slots() { in_root wattledger export --db /var/lib/wattledger/wattledger.db --from 2020-01-01 --to 2100-01-01 --what totals | wc -l; }
before=$(slots)
[ "$before" -gt 1 ]

log "upgrade to 0.1.0; configuration and data stay"
in_root dpkg -i "/root/wattledger_0.1.0_$arch.deb"
[ "$(slots)" = "$before" ]
grep -q '^SECRET=mine' "$root/etc/default/wattledger"
run_unit
stop_unit
[ "$(slots)" -ge "$before" ]

log "remove: data and configuration stay"
in_root dpkg -r wattledger
[ ! -e "$root/usr/bin/wattledger" ]
[ -e "$root/var/lib/wattledger/wattledger.db" ] && [ -e "$root/etc/wattledger/wattledger.yaml" ]

log "install again: the data are taken up"
in_root dpkg -i "/root/wattledger_0.0.9_$arch.deb"
run_unit
stop_unit
in_root dpkg -r wattledger

log "purge: nothing stays"
in_root dpkg -i "/root/wattledger_0.1.0_$arch.deb"
in_root dpkg -P wattledger
[ ! -e "$root/var/lib/wattledger" ] && [ ! -e "$root/etc/wattledger" ] && [ ! -e "$root/usr/lib/wattledger" ]
[ -z "$(find "$root/etc" -name 'wattledger*')" ]
log "all well"
