#!/bin/bash
# service.sh: what systemd.sh has systemd start in the machine that it boots. It installs Bailey as `make install`
# does, and tries the service. The words for a check are: check NAME PATTERN, which reads what was said from its
# standard input.
export PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/tmp
>/failed
check() {
	said=$(cat)
	if echo "$said" | grep -qE -e "$2"; then
		echo "ok    $1"
	else
		echo "$1" >>/failed # also counts where a pipe gives this a shell of its own
		echo "FAIL  $1: no \"$2\" in: $(echo "$said" | tail -n 20)"
	fi
}
show() { systemctl show -P "$1" "${2:-bailey.service}"; }
group() { sed -n 's/^0:://p' "/proc/$1/cgroup"; }
pid_of() { bailey inspect -f '{{.State.Pid}}' "$1"; }
ticks() { bailey logs one 2>/dev/null | wc -l; }
alive() { # alive WHAT: the container one is the same process, and logs
	[[ $(readlink "/proc/$pid/ns/pid") == "$space" ]] && echo same | check "$1: the container goes on" same
	bailey inspect -f '{{.State.Status}} {{.State.Pid}}' one 2>&1 | check "$1: the node knows it" "^running $pid$"
	local before
	before=$(ticks)
	sleep 2
	[[ $(ticks) -gt $before ]] && echo grows | check "$1: its log grows" grows
}

echo "service: Linux $(uname -r), $(systemctl --version | head -n1)"
cd /src && hack/install.sh install >/seen 2>&1
check "it is installed" 'next: systemctl enable --now' </seen
systemd-analyze verify /usr/local/lib/systemd/system/bailey.service /usr/local/lib/systemd/system/bailey.socket 2>&1 | grep -c bailey | check "systemd finds nothing wrong with the units" '^0$'
cat >>/etc/bailey/policy.toml <<'POLICY'
[[allow]]
rule = "security-opt"
values = ["apparmor=unconfined"]
callers = ["*"]
reason = "test"
POLICY

systemctl enable -q --now bailey.socket bailey.service >/seen 2>&1
systemctl is-active bailey.service bailey.socket | tr '\n' ' ' | check "both are active" '^active active'
show StatusText | check "the daemon told systemd that it is ready" '0 running containers adopted'
stat -c '%a %U %G' /run/bailey/bailey.sock | check "the socket is for root and the group" '^660 root bailey$'
show Delegate | check "control groups are delegated" yes
bailey import /src/image.tar bb 2>/seen | check "an image is imported" 'sha256:'

bailey run -d --name one -m 64m --pids-limit 30 --cpus 0.5 bb sh -c 'trap "exit 7" TERM; i=0; while :; do i=$((i+1)); echo tick $i; sleep 0.3; done' 2>&1 | check "a container runs" '^[0-9a-f]{64}$'
pid=$(pid_of one)
space=$(readlink "/proc/$pid/ns/pid")
supervisor=$(pgrep -f '^bailey-supervisor' | head -n1)
service=$(show ControlGroup)
group "$(show MainPID)" | check "the daemon sits in its service's group" "^$service"
group "$supervisor" | grep -c "bailey.service" | check "the supervisor does not" '^0$'
group "$pid" | grep -c "bailey.service" | check "nor the container" '^0$'
limits() { (cd "/sys/fs/cgroup$(group "$pid")" && echo "$(cat memory.max) $(cat memory.swap.max) $(cat pids.max) $(cat cpu.max)"); }
want='^67108864 0 30 50000 100000$'
limits | check "its limits are in force" "$want"
systemctl daemon-reload && systemctl daemon-reexec && sleep 1
limits | check "and still are when systemd has read its units again" "$want"

systemctl restart bailey
alive "restart"
show StatusText | check "restart: it is adopted" '1 running containers adopted'
limits | check "restart: limits are in force" "$want"
systemctl stop bailey.service
systemctl is-active bailey.service | check "stop: the daemon is gone" inactive
[[ $(readlink "/proc/$pid/ns/pid") == "$space" ]] && echo same | check "stop: the container goes on" same
bailey ps --format '{{.Names}}' 2>&1 | check "a client's call starts the daemon through the socket" '^one$'
systemctl is-active bailey.service | check "and it is active again" '^active$'
alive "socket activation"
systemctl kill -s KILL bailey.service
for _ in $(seq 100); do [[ $(show NRestarts) == 1 && $(systemctl is-active bailey) == active ]] && break || sleep 0.2; done
show NRestarts | check "kill: systemd starts it again" '^1$'
alive "kill"
systemctl reload bailey.service && sleep 1
systemctl is-active bailey | check "reload: it is active" '^active$'
journalctl -u bailey --no-pager 2>&1 | grep -ciE 'level=ERROR|panic' | check "nothing went wrong in the journal" '^0$'

# A hidden file is /dev/null to whoever opens it; AppArmor says no before that.
hidden() { bailey run --rm "$@" bb sh -c 'cat /proc/self/attr/current; cat /proc/kcore && echo empty || echo refused' 2>&1; }
hidden >/seen
check "AppArmor enforces its profile" '^bailey-[0-9a-f]+ \(enforce\)' </seen
check "and refuses what all else lets pass" '^refused$' </seen
hidden --security-opt apparmor=unconfined | check "its twin without the profile passes" '^empty$'

bailey stop -t 5 one >/seen 2>&1
bailey inspect -f '{{.State.ExitCode}}' one 2>&1 | check "it ends as it wants" '^7$'
bailey rm one >/seen 2>&1
systemctl disable -q --now bailey.service bailey.socket >/seen 2>&1
hack/install.sh uninstall >/seen 2>&1
check "it is uninstalled" 'removed /usr/local/bin/bailey' </seen
[[ ! -e /usr/local/lib/systemd/system/bailey.service ]] && echo gone | check "and its units are gone" gone
if [[ -s /failed ]]; then
	journalctl -u bailey --no-pager | tail -n 40
	echo "service: $(wc -l </failed) failed"
else
	echo "service: all passed"
fi
