#!/usr/bin/env bash
# install.sh install|uninstall: put the built binary, the systemd units and the default configuration in place, or
# take them away again. PREFIX (/usr/local) and SYSCONFDIR (/etc) say where, DESTDIR is put before both when
# packaging; nothing is started, stopped or created on the running system then.
set -euo pipefail
cd "$(dirname "$0")/.."
prefix=${PREFIX:-/usr/local}
sysconf=${SYSCONFDIR:-/etc}
dest=${DESTDIR:-}
bin=$dest$prefix/bin/bailey
compose=$dest$prefix/libexec/bailey/bailey-compose
units=$dest$prefix/lib/systemd/system
sysusers=$dest$prefix/lib/sysusers.d/bailey.conf
etc=$dest$sysconf/bailey
live=
[[ -n "$dest" || ! -d /run/systemd/system ]] || live=yes

say() { printf '==> %s\n' "$*"; }

put() { # put MODE SOURCE TARGET
	install -D -m "$1" "$2" "$3"
	say "installed $3"
}

# A configuration file that someone changed is theirs: the new default goes beside it.
put_config() { # put_config SOURCE TARGET
	if [[ -e $2 ]] && ! cmp -s "$1" "$2"; then
		put 0644 "$1" "$2.new"
		say "kept $2, which differs from the default; compare with $2.new"
	else
		put 0644 "$1" "$2"
	fi
}

case ${1:-} in
install)
	put 0755 bin/bailey "$bin.new" >/dev/null
	mv -f "$bin.new" "$bin" # in one step: the daemon may be running from it
	say "installed $bin"
	put 0755 bin/bailey-compose "$compose.new" >/dev/null
	mv -f "$compose.new" "$compose"
	say "installed $compose"
	install -d -m 0755 "$units"
	sed "s|@BINDIR@|$prefix/bin|" packaging/bailey.service.in >"$units/bailey.service"
	say "installed $units/bailey.service"
	put 0644 packaging/bailey.socket "$units/bailey.socket"
	put 0644 packaging/sysusers.conf "$sysusers"
	put_config packaging/config.toml "$etc/config.toml"
	put_config packaging/policy.toml "$etc/policy.toml"
	if [[ -z "$dest" ]] && ! getent group bailey >/dev/null; then
		groupadd --system bailey
		say "created the group bailey; whoever joins it may use the API"
	fi
	if [[ -n "$live" ]]; then
		systemctl daemon-reload
		say "next: systemctl enable --now bailey.socket bailey.service"
	else
		say "next: bailey up"
	fi
	;;
uninstall)
	if [[ -n "$live" ]]; then
		systemctl disable --now bailey.service bailey.socket 2>/dev/null || true
	fi
	for file in "$bin" "$compose" "$units/bailey.service" "$units/bailey.socket" "$sysusers" "$etc"/*.new; do
		if [[ -e $file ]]; then
			rm -f "$file"
			say "removed $file"
		fi
	done
	for name in config policy; do
		if cmp -s "packaging/$name.toml" "$etc/$name.toml"; then
			rm -f "$etc/$name.toml"
			say "removed $etc/$name.toml"
		elif [[ -e $etc/$name.toml ]]; then
			say "kept $etc/$name.toml, which was changed"
		fi
	done
	rmdir "$etc" "$(dirname "$compose")" 2>/dev/null || true
	[[ -z "$live" ]] || systemctl daemon-reload
	if [[ -z "$dest" && -d /var/lib/bailey ]]; then
		say "kept /var/lib/bailey with its containers and images; to remove them, before uninstalling: bailey destroy --dir /var/lib/bailey --data"
	fi
	;;
*)
	echo "usage: install.sh install|uninstall" >&2
	exit 2
	;;
esac
