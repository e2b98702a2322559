#!/usr/bin/env bash
# fuzz.sh TIME: run every fuzz target of the tree, one after the other, for TIME each. What it finds is kept by
# the Go tool under the package's testdata/fuzz and becomes a test case.
set -euo pipefail
cd "$(dirname "$0")/.."
time=${1:?usage: fuzz.sh TIME}
export CGO_ENABLED=0

mapfile -t targets < <(grep -rHoE --include='*_test.go' '^func Fuzz[A-Za-z0-9_]+' cmd internal test hack 2>/dev/null | sort)
echo "==> ${#targets[@]} fuzz targets, $time each"
failed=0
for target in "${targets[@]}"; do
	file=${target%%:*}
	name=${target##*func }
	echo "==> ./$(dirname "$file") $name"
	go test -vet=off -run '^$' -fuzz "^$name\$" -fuzztime "$time" "./$(dirname "$file")" || failed=$((failed + 1))
done
echo "fuzz: ${#targets[@]} targets, $failed found something"
((failed == 0))
