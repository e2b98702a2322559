#!/usr/bin/env bash
# systemd.sh: try Bailey as the service that `make install` makes, on Debian with its own systemd: readiness, socket
# activation, delegation, and that containers outlive every stop, restart and crash of the daemon. service.sh is what
# runs there. See lib.sh. The root is made once and kept in bin/v2.
set -euo pipefail
cd "$(dirname "$0")/../.."
. test/v2/lib.sh
need mmdebstrap
kernel

mkdir -p "$cache"
debian=$cache/debian.tar
if [[ ! -e $debian ]]; then
	echo "==> making a Debian root with systemd"
	mmdebstrap --quiet --variant=minbase --include=systemd,systemd-sysv,dbus,udev,kmod,apparmor,procps,iproute2,busybox-static \
		--dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/locale/*' --dpkgopt='path-exclude=/usr/share/man/*' \
		"$(. /etc/os-release && echo "$VERSION_CODENAME")" "$cache/debian.new.tar" || skip "mmdebstrap cannot make a Debian root"
	mv "$cache/debian.new.tar" "$debian"
fi

work=$(mktemp -d "${TMPDIR:-/tmp}/bailey-v2.XXXXXX")
trap 'rm -rf "$work"' EXIT
root=$work/root
mkdir -p "$root"
tar -C "$root" --exclude='./dev/*' -xf "$debian"
mkdir -p "$root/src/bin" "$work/image"
cp "$bailey" "$root/src/bin/bailey"
cp -r hack packaging "$root/src/"
tree "$work/image" && tar -C "$work/image" -cf "$root/src/image.tar" .
install -m 0755 test/v2/service.sh "$root/src/service.sh"
cat >"$root/etc/systemd/system/try.service" <<'UNIT'
[Service]
Type=oneshot
ExecStart=/src/service.sh
StandardOutput=file:/dev/ttyS0
StandardError=inherit
ExecStopPost=/bin/systemctl poweroff --force --force
TimeoutStartSec=infinity
UNIT
mkdir -p "$root/etc/systemd/system/multi-user.target.wants"
ln -s ../try.service "$root/etc/systemd/system/multi-user.target.wants/"
ln -sf /lib/systemd/system/multi-user.target "$root/etc/systemd/system/default.target"
# Nothing of these is tried, and each takes seconds.
for unit in systemd-timesyncd apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer fstrim.timer e2scrub_reap \
	systemd-networkd-wait-online getty@tty1 serial-getty@ttyS0 systemd-update-utmp apparmor systemd-logind e2scrub_all.timer systemd-tmpfiles-clean.timer systemd-user-sessions; do
	[[ $unit == *.* ]] || unit=$unit.service
	ln -sf /dev/null "$root/etc/systemd/system/$unit"
done
modules "$root"
mke2fs -q -F -t ext4 -L root -E root_owner=0:0 -d "$root" "$work/disk" "$(($(du -sm "$root" | cut -f1) + 600))M" >/dev/null
rm -rf "$root"

initramfs /sbin/init
boot "${V2_SECONDS:-900}" "systemd.show_status=${V2_STATUS:-no}" "$work/disk"
grep -q '^service: all passed' "$work/said"
