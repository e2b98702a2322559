#!/usr/bin/env bash
# run.sh: try Bailey on what few build machines have: control groups of version 2 alone, AppArmor, and Debian's
# kernel, which is older than overlayfs with layers by descriptor (6.13), noswap tmpfs (6.4) and idmapped tmpfs
# (6.3). The kernel boots under qemu without help from the processor (tcg), so no /dev/kvm is needed; inside.sh is
# what runs there. Nothing is installed or left outside bin/v2. Skips, naming what is lacking, with exit code 0.
set -euo pipefail
cd "$(dirname "$0")/../.."
bailey=${BAILEY_BIN:-bin/bailey}
cache=$PWD/bin/v2
limit=${V2_SECONDS:-150}

skip() {
	echo "skipped: $1"
	exit 0
}
for tool in qemu-system-x86_64 mke2fs busybox dpkg-deb cpio modprobe; do
	PATH=$PATH:/usr/sbin:/sbin command -v "$tool" >/dev/null || skip "no $tool here; hack/deps.sh v2 installs it"
done
PATH=$PATH:/usr/sbin:/sbin
[[ $(uname -m) == x86_64 ]] || skip "the kernel that is tried is for x86_64"

# download NAME...: unpack the named packages, not installing them, into the cache, once.
download() {
	local into
	for name in "$@"; do
		into=$cache/$name
		[[ -d $into ]] && continue
		rm -rf "$into.new" && mkdir -p "$into.new"
		(cd "$into.new" && apt-get download -q "$name" >/dev/null 2>&1) || return 1
		dpkg-deb -x "$into.new"/*.deb "$into.new" && rm "$into.new"/*.deb && mv "$into.new" "$into"
	done
}
image=$(apt-cache depends linux-image-cloud-amd64 2>/dev/null | sed -n 's/^ *Depends: \(linux-image-.*\)/\1/p' | head -n1)
[[ -n "$image" ]] || skip "no package linux-image-cloud-amd64 to download a kernel from"
download "$image" apparmor libc6 libapparmor1 || skip "cannot download $image and apparmor"
release=${image#linux-image-}
kernel=$cache/$image

work=$(mktemp -d "${TMPDIR:-/tmp}/bailey-v2.XXXXXX")
trap 'rm -rf "$work"' EXIT
root=$work/root

# The machine's root: busybox, Bailey, AppArmor's compiler, and an image's tree to import.
mkdir -p "$root"/{bin,sbin,proc,sys,dev,run,tmp,n,etc,lib64,usr/share,lib/x86_64-linux-gnu,image/bin,image/etc}
cp "$(command -v busybox)" "$root/bin/busybox"
for applet in $(busybox --list); do
	[[ $applet == busybox ]] || ln -s busybox "$root/bin/$applet"
done
rm -f "$root/bin/init" && ln -s /bin/busybox "$root/sbin/modprobe"
cp "$bailey" "$root/bin/bailey"
cp -L "$cache/apparmor/sbin/apparmor_parser" "$root/sbin/"
cp -L "$cache/libc6/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2" "$root/lib64/"
cp -L "$cache/libc6/lib/x86_64-linux-gnu/libc.so.6" "$root/lib/x86_64-linux-gnu/"
cp -r "$cache/apparmor/etc/apparmor.d" "$cache/apparmor/etc/apparmor" "$root/etc/"
cp -r "$cache/apparmor/usr/share/apparmor-features" "$root/usr/share/"
cp -P "$root"/bin/* "$root/image/bin/" && rm "$root/image/bin/bailey"
echo root:x:0:0:root:/:/bin/sh | tee "$root/etc/passwd" >"$root/image/etc/passwd"
echo root:x:0: | tee "$root/etc/group" >"$root/image/etc/group"
tar -C "$root/image" -cf "$root/image.tar" . && rm -r "$root/image"
install -m 0755 test/v2/inside.sh "$root/init"

# Only the modules that are used; the kernel asks for some by alias, hence depmod.
depmod -b "$kernel" "$release"
early=(virtio_pci virtio_blk)
later=(overlay veth dummy bridge)
for file in "$kernel/lib/modules/$release"/kernel/net/*/{nft_*,netfilter/nft_*}.ko "$kernel/lib/modules/$release"/kernel/net/netfilter/{nf_tables,nft_*}.ko; do
	[[ ! -e $file ]] || later+=("$(basename "$file" .ko)")
done
copy() { # copy INTO MODULE...
	local into=$1
	shift
	for module in "$@"; do modprobe -d "$kernel" -S "$release" --show-depends "$module"; done |
		awk '$1 == "insmod" && !seen[$2]++ {print $2}' |
		while read -r file; do
			mkdir -p "$into${file#"$kernel"}" && rmdir "$into${file#"$kernel"}"
			cp "$file" "$into${file#"$kernel"}"
			echo "${file#"$kernel"}"
		done
}
copy "$root" "${early[@]}" "${later[@]}" >/dev/null
cp "$kernel/lib/modules/$release"/modules.{builtin,builtin.modinfo,order} "$root/lib/modules/$release/"
depmod -b "$root" "$release"
size=$(($(du -sm "$root" | cut -f1) + 600))
mke2fs -q -F -t ext4 -E root_owner=0:0 -d "$root" "$work/disk" "${size}M" >/dev/null

# The first root holds what finds the disk.
first=$work/first
mkdir -p "$first"/{bin,dev,mnt,proc}
cp "$root/bin/busybox" "$first/bin/busybox"
{
	echo '#!/bin/busybox sh'
	copy "$first" "${early[@]}" | sed 's,^,/bin/busybox insmod ,'
	echo '/bin/busybox mount -t devtmpfs dev /dev'
	echo 'until /bin/busybox mount -t ext4 /dev/vda /mnt; do /bin/busybox sleep 0.1; done'
	echo '/bin/busybox mount --move /dev /mnt/dev'
	echo 'exec /bin/busybox switch_root /mnt /init'
} >"$first/init"
chmod 0755 "$first/init"
(cd "$first" && find . | cpio -o -H newc --quiet) >"$work/initramfs"

echo "==> booting Linux $release under qemu (up to $limit s)"
timeout -k 1 -s KILL "$limit" qemu-system-x86_64 -accel tcg,thread=multi -cpu max -smp 2 -m 1536 \
	-nodefaults -no-reboot -display none -serial stdio \
	-kernel "$kernel/boot/vmlinuz-$release" -initrd "$work/initramfs" \
	-append "console=ttyS0 quiet panic=-1 apparmor=1 security=apparmor ${V2_LOG:+V2_LOG=1}" \
	-drive "file=$work/disk,if=virtio,format=raw,cache=unsafe" </dev/null | tr -d '\r' | tee "$work/said"
grep -q '^v2: all passed' "$work/said"
