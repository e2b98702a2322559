# lib.sh: what the machines of this directory have in common: Debian's kernel, its modules, a first root, and qemu
# without help from the processor (tcg), so that no /dev/kvm is needed. Sourced from the repository's top; nothing is
# installed or left outside bin/v2. Skips, naming what is lacking, with exit code 0.
bailey=${BAILEY_BIN:-bin/bailey}
cache=$PWD/bin/v2
PATH=$PATH:/usr/sbin:/sbin
export GOFLAGS="${GOFLAGS:--buildvcs=false -trimpath}" CGO_ENABLED=0

skip() {
	echo "skipped: $1"
	exit 0
}
need() { # need TOOL...
	for tool in qemu-system-x86_64 mke2fs busybox dpkg-deb cpio modprobe "$@"; do
		command -v "$tool" >/dev/null || skip "no $tool here; hack/deps.sh v2 installs it"
	done
	[[ $(uname -m) == x86_64 ]] || skip "the kernel that is tried is for x86_64"
}

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

# kernel: find and download Debian's; sets kernel (where it is) and release.
kernel() {
	local image
	image=$(apt-cache depends linux-image-cloud-amd64 2>/dev/null | sed -n 's/^ *Depends: \(linux-image-.*\)/\1/p' | head -n1)
	[[ -n "$image" ]] || skip "no package linux-image-cloud-amd64 to download a kernel from"
	download "$image" || skip "cannot download $image"
	release=${image#linux-image-}
	kernel=$cache/$image
	depmod -b "$kernel" "$release"
}

# Only the modules that are used go into a machine; the kernel asks for some by alias, hence depmod.
early=(virtio_pci virtio_blk)
later=(overlay veth dummy bridge quota_v2 xfs)
modules() { # modules ROOT
	local file
	for file in "$kernel/lib/modules/$release"/kernel/net/*/{nft_*,netfilter/nft_*}.ko "$kernel/lib/modules/$release"/kernel/net/netfilter/{nf_tables,nft_*}.ko; do
		[[ ! -e $file ]] || later+=("$(basename "$file" .ko)")
	done
	copy "$1" "${early[@]}" "${later[@]}" >/dev/null
	cp "$kernel/lib/modules/$release"/modules.{builtin,builtin.modinfo,order} "$1/lib/modules/$release/"
	depmod -b "$1" "$release"
}
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

# tree DIR: what an image of the tests holds.
tree() {
	mkdir -p "$1"/{bin,etc}
	cp "$(command -v busybox)" "$1/bin/busybox"
	for applet in $(busybox --list); do
		[[ $applet == busybox ]] || ln -s busybox "$1/bin/$applet"
	done
	echo root:x:0:0:root:/:/bin/sh >"$1/etc/passwd"
	echo root:x:0: >"$1/etc/group"
}

# initramfs INIT: make the first root, which finds the disk and goes on with the INIT there.
initramfs() {
	local first=$work/first
	mkdir -p "$first"/{bin,dev,mnt,proc}
	cp "$(command -v busybox)" "$first/bin/busybox"
	{
		echo '#!/bin/busybox sh'
		copy "$first" "${early[@]}" | sed 's,^,/bin/busybox insmod ,'
		echo '/bin/busybox mount -t devtmpfs dev /dev'
		echo 'until /bin/busybox mount -t ext4 "$(/bin/busybox findfs LABEL=root)" /mnt; do /bin/busybox sleep 0.1; done'
		echo '/bin/busybox mount --move /dev /mnt/dev'
		echo "exec /bin/busybox switch_root /mnt $1"
	} >"$first/init"
	chmod 0755 "$first/init"
	(cd "$first" && find . | cpio -o -H newc --quiet) >"$work/initramfs"
}

# boot SECONDS COMMANDLINE DISK...: run the machine until it powers off; what it says goes to $work/said too.
boot() {
	local limit=$1 line=$2 drives=()
	shift 2
	for disk in "$@"; do drives+=(-drive "file=$disk,if=virtio,format=raw,cache=unsafe"); done
	echo "==> booting Linux $release under qemu (up to $limit s)"
	timeout -k 1 -s KILL "$limit" qemu-system-x86_64 -accel tcg,thread=multi -cpu max -smp 2 -m 1536 \
		-nodefaults -no-reboot -display none -serial stdio \
		-kernel "$kernel/boot/vmlinuz-$release" -initrd "$work/initramfs" \
		-append "console=ttyS0 quiet panic=-1 apparmor=1 security=apparmor $line" \
		"${drives[@]}" </dev/null | sed -u 's,\r,,g' | tee "$work/said"
}
