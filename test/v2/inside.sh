#!/bin/busybox sh
# inside.sh: the first process of the machine that run.sh boots. Tries Bailey there, prints what it saw and powers
# off. The words for a check are: check NAME PATTERN, which reads what was said from its standard input.
export PATH=/bin:/sbin HOME=/tmp BAILEY_HOST=/n
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
up() { # up [DIR]
	bailey up --dir "${1:-/n}" >>/n.log 2>&1 </dev/null &
	node=$!
	for i in $(seq 300); do
		bailey version >/dev/null 2>&1 && return
		sleep 0.1
	done
	echo node >>/failed
	echo "FAIL  the node does not come up: $(tail -n 5 /n.log)"
}

mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t securityfs security /sys/kernel/security
mount -t cgroup2 none /sys/fs/cgroup
mkdir -p /dev/pts /dev/shm && mount -t devpts pts /dev/pts
mount -t tmpfs run /run
ip link set lo up
echo "v2: Linux $(uname -r)"
printf '[[allow]]\nrule = "security-opt"\nvalues = ["apparmor=unconfined"]\ncallers = ["*"]\nreason = "test"\n' >/n/policy.toml
up
bailey import /image.tar bb 2>/seen | check "an image is imported" "sha256:"
bailey info 2>&1 | check "the node says that groups are of version 2" 'Cgroups:.*version 2'
bailey info 2>&1 | check "the node says that AppArmor is there" 'apparmor'

bailey run --rm bb sh -c '
	cat /proc/self/attr/current; echo
	grep -E "Seccomp:|NoNewPrivs" /proc/self/status; cat /proc/self/cgroup
	cd /sys/fs/cgroup && echo max $(cat memory.max) pids $(cat pids.max) swap $(cat memory.swap.max) cpu $(cat cpu.max)
	echo uid $(cat /proc/self/uid_map)
	echo $$ >cgroup.procs || echo group stays; mount -t tmpfs x /tmp || echo no mount
	touch /x || echo root is read-only; touch /tmp/x && echo tmp is writable
	mkdir /sys/fs/cgroup/x || echo no group; cat /proc/kcore /proc/keys; ip route; true' >/seen 2>&1
check "AppArmor confines" '^bailey-[0-9a-f]+ \(enforce\)' </seen
check "no new privileges" 'NoNewPrivs:.1' </seen
check "system calls are filtered" 'Seccomp:.2' </seen
check "the container sees itself at the top of its groups" '^0::/$' </seen
check "memory, pids and swap are limited" 'max [0-9]+ pids 512 swap 0 cpu' </seen
check "ids are from 0x70000000" 'uid 0 (1879|18[89]|19|20|21)[0-9]+ 65536' </seen
check "the group is for reading only" 'group stays' </seen
check "mounting is refused" 'no mount' </seen
check "the root is for reading only" 'root is read-only' </seen
check "a tmpfs is writable" 'tmp is writable' </seen
check "no group is made" 'no group' </seen
check "the default route is the node" 'default via' </seen
grep -c '^bailey-.*(enforce)' /sys/kernel/security/apparmor/profiles | check "the profile is loaded" '^1$'

for confined in "" "--security-opt apparmor=unconfined"; do
	bailey run --rm $confined bb sh -c 'cat /proc/kcore && echo empty || echo refused' 2>/dev/null
done >/seen
tr '\n' ' ' </seen | check "AppArmor refuses what all else lets pass, and its twin without the profile passes" '^refused empty'

bailey run --name hog -m 32m bb sh -c 'tail /dev/zero' >/seen 2>&1
echo "exit $?" | check "a hog of memory is killed" 'exit 137'
bailey inspect -f '{{.State.ExitCode}} {{.State.OOMKilled}}' hog 2>&1 | check "and said to be" '^137 true'
bailey run --rm --pids-limit 20 bb sh -c 'for i in $(seq 40); do sleep 5 & done; echo $(cat /sys/fs/cgroup/pids.current)' 2>&1 |
	check "a fork bomb is bounded" "can't fork"

bailey run --rm --cpus 0.1 bb sh -c 'i=0; while [ $i -lt 30000 ]; do i=$((i+1)); done; cat /sys/fs/cgroup/cpu.max; grep nr_throttled /sys/fs/cgroup/cpu.stat' >/seen 2>&1
check "processors are limited" '^10000 100000$' </seen
check "and that is felt" 'nr_throttled [1-9]' </seen

bailey run -d --name one -p 127.0.0.1:8080:80 -v data:/data bb sh -c \
	'echo hello >/data/index.html; trap "exit 7" TERM; httpd -p 80 -h /data; i=0; while :; do i=$((i+1)); echo tick $i; sleep 0.2; done' 2>&1 |
	check "a container runs" '^[0-9a-f]{64}$'
bailey exec one cat /proc/self/attr/current /proc/self/cgroup >/seen 2>&1
check "exec is confined" '^bailey-[0-9a-f]+ \(enforce\)' </seen
check "exec is in the group" '^0::/$' </seen
wget -q -O - http://127.0.0.1:8080/ 2>&1 | check "a published port answers" hello
bailey stats --no-stream --format '{{.Name}} mem {{.MemUsage}} cpu {{.CPUPerc}} pids {{.PIDs}}' one 2>&1 |
	check "stats are read" 'one mem [1-9].* / .*iB cpu [0-9.]+% pids [1-9]'
bailey update -m 100m --pids-limit 50 one >/seen 2>&1
bailey exec one cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/pids.max 2>&1 | tr '\n' ' ' | check "limits are updated" '^104857600 50'
bailey pause one >/seen 2>&1
bailey inspect -f '{{.State.Status}}' one 2>&1 | check "it pauses" paused
group=$(ls -d /sys/fs/cgroup/bailey-*/"$(bailey inspect -f '{{.Id}}' one)")
cat "$group/cgroup.events" 2>&1 | check "the kernel says so" 'frozen 1'
before=$(bailey logs one 2>&1 | wc -l); sleep 1; after=$(bailey logs one 2>&1 | wc -l)
[ "$before" = "$after" ] && echo same | check "nothing runs meanwhile" same
kill -9 "$node"; wait "$node" 2>/dev/null
up
bailey inspect -f '{{.State.Status}}' one 2>&1 | check "it is paused after the node was killed" paused
bailey unpause one >/seen 2>&1
cat "$group/cgroup.events" 2>&1 | check "it goes on" 'frozen 0'
kill -9 "$node"; wait "$node" 2>/dev/null
sleep 0.5
up
tail -n 30 /n.log | check "the next node takes it over" '1 running container\(s\) adopted'
bailey logs --tail 1 one 2>&1 | check "its log goes on" 'tick'
bailey exec one echo again 2>&1 | check "exec after the take-over" again
bailey stop one >/seen 2>&1
bailey inspect -f '{{.State.ExitCode}} {{.State.OOMKilled}}' one 2>&1 | check "it ends as it wants" '^7 false'
bailey start one >/seen 2>&1
bailey inspect -f '{{.State.Status}}' one 2>&1 | check "it starts again" running
bailey kill one >/seen 2>&1
bailey wait one 2>&1 | check "it is killed" 137
bailey rm -f one hog >/seen 2>&1
bailey ps -aq 2>&1 | wc -l | check "all are removed" '^0$'
ls -d /sys/fs/cgroup/bailey-*/* 2>/dev/null | grep -vE 'supervisors$|/[^/]*\.[^/]*$' | wc -l | check "no group is left" '^0$'
grep -E 'overlay|bailey' /proc/mounts | wc -l | check "no mount is left" '^0$'
ps | grep -v grep | grep bailey-supervisor | wc -l | check "no supervisor is left" '^0$'
dmesg | grep -E 'apparmor="DENIED"' | grep -vE 'operation="(mount|open|mknod|mkdir|file_perm)"' | tail -n 5 | check "AppArmor denied nothing else" '^$'
kill "$node"; wait "$node"
echo "exit $?" | check "the node ends well" 'exit 0'

# What file systems with project quotas refuse by themselves.
for kind in ext4 xfs; do
	BAILEY_HOST=/q
	mkdir -p /q
	mount -t "$kind" -o prjquota "$(findfs LABEL=quota-$kind)" /q && mkdir -p /q/tests || echo "no $kind"
	BAILEY_QUOTA_DIR=/q/tests quota.test -test.v >/seen 2>&1
	grep -cE '^--- (FAIL|SKIP)|^panic' /seen | check "$kind: the tests of quotas pass" '^0$'
	grep -E '^--- (FAIL|SKIP)|_test.go|^panic' /seen
	grep -c '^--- PASS' /seen | check "$kind: and they ran" '^4$'
	printf '[[allow]]\nrule = "writable-root"\ncallers = ["*"]\nreason = "test"\n' >/q/policy.toml
	up /q
	bailey import /image.tar bb >/seen 2>&1
	bailey run --dry-run -v vol:/x bb true 2>&1 | check "$kind: the posture says that the file system refuses" 'disk-space.*/x [0-9.]+ MiB and [0-9]+ files: refused by the file system'
	bailey volume create --opt size=4m small >/seen 2>&1
	bailey run --rm -v small:/data bb sh -c 'head -c 3m /dev/zero >/data/a && echo fits; dd if=/dev/zero of=/data/b bs=1M count=9; df -k /data; sleep 3; echo goes on' >/seen 2>&1
	check "$kind: what fits is written" '^fits' </seen
	check "$kind: the rest is refused" '(Disk quota exceeded|No space left)' </seen
	check "$kind: the container sees the cap as its disk" ' 4096 ' </seen
	check "$kind: and goes on" '^goes on' </seen
	bailey volume create --opt size=40m small >/seen 2>&1
	bailey run --rm -v small:/data bb sh -c 'head -c 9m /dev/zero >/data/b && echo fits' 2>&1 | check "$kind: an enlarged volume takes more" '^fits'
	bailey run --rm -v small:/data bb sh -c 'i=0; while [ $i -lt 4000 ]; do i=$((i+1)); : >/data/f$i; done' 2>&1 |
		check "$kind: files are counted" '/data/f2[0-9]{3}: (Disk quota exceeded|No space left)'
	bailey run --name root --security-opt rootfs=writable --storage-opt size=4m bb sh -c 'mkdir /d && echo 1 >/d/x && mv /d /e && dd if=/dev/zero of=/b bs=1M count=9; ls /e; exit 1' >/seen 2>&1
	check "$kind: a writable root is capped" '(Disk quota exceeded|No space left)' </seen
	check "$kind: and works" '^x$' </seen
	bailey logs root 2>&1 | check "$kind: and the log says how to go on" 'and may hold 4MiB.*--storage-opt size=8m'
	bailey rm -f root >/seen 2>&1; bailey volume rm small >/seen 2>&1
	bailey volume create --opt size=4m small 2>&1 | check "$kind: a volume of the same name is another" '^small'
	bailey run --rm -v small:/data bb sh -c 'ls /data; head -c 3m /dev/zero >/data/a && echo fits' 2>&1 | check "$kind: and empty" '^fits'
	bailey run -d --name fill -v filla:/a -v fillb:/b bb sh -c 'dd if=/dev/zero of=/a/x bs=1M; dd if=/dev/zero of=/b/x bs=1M; sleep 1000' >/seen 2>&1
	for i in $(seq 240); do [ "$(bailey inspect -f '{{.State.Status}}' fill)" = exited ] && break || sleep 1; done
	bailey inspect -f '{{.State.ExitCode}} {{.State.Error}}' fill 2>&1 | check "$kind: who fills the disk itself is ended" '^137 the disk of the node has only .* left'
	bailey rm -f fill >/seen 2>&1; bailey volume rm filla fillb >/seen 2>&1
	kill "$node"; wait "$node"
	umount /q
done

[ -z "$V2_LOG" ] || cat /n.log
dmesg | grep -E 'WARNING|BUG:|apparmor="DENIED"' | tail -n 20
[ -s /failed ] && echo "v2: $(wc -l </failed) failed" || echo "v2: all passed"
poweroff -f
