#!/usr/bin/env bash
# run.sh: try Bailey on what few build machines have: control groups of version 2 alone, AppArmor, and Debian's
# kernel, which is older than overlayfs with layers by descriptor (6.13), noswap tmpfs (6.4) and idmapped tmpfs
# (6.3); and disks with project quotas, ext4 and XFS. inside.sh is what runs there. See lib.sh.
set -euo pipefail
cd "$(dirname "$0")/../.."
. test/v2/lib.sh
need mkfs.xfs
kernel
download apparmor libc6 libapparmor1 || skip "cannot download apparmor"

work=$(mktemp -d "${TMPDIR:-/tmp}/bailey-v2.XXXXXX")
trap 'rm -rf "$work"' EXIT
root=$work/root

# The machine's root: busybox, Bailey, AppArmor's compiler, and an image's tree to import.
tree "$root/image"
mkdir -p "$root"/{sbin,proc,sys,dev,run,tmp,n,etc,lib64,usr/share,lib/x86_64-linux-gnu}
cp -P -r "$root/image/." "$root/"
tar -C "$root/image" -cf "$root/image.tar" . && rm -r "$root/image"
rm -f "$root/bin/init" && ln -s /bin/busybox "$root/sbin/modprobe"
cp "$bailey" "$root/bin/bailey"
cp -L "$cache/apparmor/sbin/apparmor_parser" "$root/sbin/"
cp -L "$cache/libc6/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2" "$root/lib64/"
cp -L "$cache/libc6/lib/x86_64-linux-gnu/libc.so.6" "$root/lib/x86_64-linux-gnu/"
cp -r "$cache/apparmor/etc/apparmor.d" "$cache/apparmor/etc/apparmor" "$root/etc/"
cp -r "$cache/apparmor/usr/share/apparmor-features" "$root/usr/share/"
install -m 0755 test/v2/inside.sh "$root/init"
go test -c -o "$root/bin/quota.test" ./internal/runtime/quota
modules "$root"
mke2fs -q -F -t ext4 -L root -E root_owner=0:0 -d "$root" "$work/disk" "$(($(du -sm "$root" | cut -f1) + 600))M" >/dev/null

# Two small disks with project quotas.
mke2fs -q -F -t ext4 -L quota-ext4 -O quota,project -E quotatype=prjquota,root_owner=0:0 "$work/quota.ext4" 200M >/dev/null
truncate -s 320M "$work/quota.xfs" && mkfs.xfs -q -L quota-xfs "$work/quota.xfs"

initramfs /init
boot "${V2_SECONDS:-900}" "${V2_LOG:+V2_LOG=1}" "$work/disk" "$work/quota.ext4" "$work/quota.xfs"
grep -q '^v2: all passed' "$work/said"
