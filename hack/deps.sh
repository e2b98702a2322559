#!/usr/bin/env bash
# deps.sh PURPOSE: install, through apt-get, the Debian or Ubuntu packages that PURPOSE needs and that are
# missing. Does nothing, fast, when none is missing.
#
#   build   what the static OCI runtime is compiled with (everything else is pure Go)
#   lint    nothing
#   test    build, and what the tests look at the kernel and make images from packages with
#   demo    build, and what makes an image from Debian's packages without a registry
#   bench   build, and the program that the measured containers run
#   moby    build, and what the tests of another engine run in containers
#   v2      what boots another kernel for test/v2; the kernel itself is only downloaded
#   peers   the engines and runtimes to compare with; nothing of them is started
set -euo pipefail

purpose=${1:?usage: deps.sh build|lint|test|demo|bench|moby|v2|peers}
build=(gcc libc6-dev pkg-config libseccomp-dev ca-certificates)
case $purpose in
build) want=("${build[@]}") ;;
lint) want=() ;;
test) want=("${build[@]}" busybox-static nftables iproute2 netbase mmdebstrap) ;;
demo) want=("${build[@]}" mmdebstrap) ;;
moby) want=("${build[@]}" busybox-static) ;;
bench) want=("${build[@]}" busybox-static) ;;
v2) want=("${build[@]}" qemu-system-x86 kmod e2fsprogs xfsprogs mmdebstrap cpio busybox-static) ;;
peers) want=(docker.io podman crun runc iptables) ;;
*)
	echo "deps.sh: unknown purpose \"$purpose\"; use build, lint, test, demo, bench, moby, v2 or peers" >&2
	exit 2
	;;
esac

missing=()
for package in "${want[@]}"; do
	state=$(dpkg-query -W -f='${db:Status-Status}\n' "$package" 2>/dev/null | head -n1 || true)
	[[ "$state" == installed ]] || missing+=("$package")
done
((${#missing[@]})) || exit 0

if ! command -v apt-get >/dev/null; then
	echo "deps.sh: this machine has no apt-get; install what matches these Debian packages, then make them known to dpkg or run the Go commands of the Makefile by hand: ${missing[*]}" >&2
	exit 1
fi
if [[ $(id -u) != 0 ]]; then
	echo "deps.sh: packages are missing and only root can install them. Run: sudo apt-get install -y ${missing[*]}" >&2
	exit 1
fi

export DEBIAN_FRONTEND=noninteractive
here=$(cd "$(dirname "$0")" && pwd)

# A service that a package would start (dockerd) must not start: the benchmark runs a private one. invoke-rc.d
# asks this file; it is removed again, and one that is the administrator's own is left as it is.
guard=/usr/sbin/policy-rc.d
if [[ $purpose == peers && ! -e $guard ]]; then
	trap 'rm -f "$guard"' EXIT
	printf '#!/bin/sh\nexit 101\n' >"$guard"
	chmod 0755 "$guard"
fi

install_missing() {
	"$here/step.sh" "installing ${missing[*]} with apt-get" \
		apt-get install -y -q --no-install-recommends -o DPkg::Lock::Timeout=300 "${missing[@]}"
}
refresh() {
	"$here/step.sh" "refreshing the package lists with apt-get update" \
		apt-get update -q -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3
}

# Lists that are absent or too old are the usual reason for a failure, so refresh them only then.
if ! apt-get install -s -q --no-install-recommends "${missing[@]}" >/dev/null 2>&1; then
	refresh
	install_missing
elif ! install_missing; then
	refresh
	install_missing
fi
