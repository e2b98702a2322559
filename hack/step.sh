#!/usr/bin/env bash
# step.sh LABEL COMMAND [ARG...]: run one long command, say what it is doing while it does it, and show its
# output only when it fails. VERBOSE=1 shows the output as it comes.
set -euo pipefail

label=$1
shift
begin=$SECONDS
if [[ -n "${VERBOSE:-}" ]]; then
	printf '==> %s\n' "$label"
	exec "$@"
fi

log=$(mktemp "${TMPDIR:-/tmp}/bailey-step.XXXXXX")
child=
finish() {
	[[ -z "$child" ]] || kill "$child" 2>/dev/null || true
	rm -f "$log"
}
trap finish EXIT
trap 'exit 130' INT TERM

printf '==> %s' "$label"
"$@" >"$log" 2>&1 </dev/null &
child=$!
ticks=0
while kill -0 "$child" 2>/dev/null; do
	sleep 0.2
	ticks=$((ticks + 1))
	# A dot a second up to ten, then one every five: progress on a terminal and a short line in a log.
	if ((ticks % 5 == 0 && (ticks <= 50 || ticks % 25 == 0))); then
		printf '.'
	fi
done
status=0
wait "$child" || status=$?
child=
if ((status == 0)); then
	printf ' done (%d s)\n' $((SECONDS - begin))
else
	printf ' FAILED (exit status %d after %d s). Its output:\n' "$status" $((SECONDS - begin))
	sed 's/^/    /' "$log"
fi
exit "$status"
