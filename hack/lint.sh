#!/usr/bin/env bash
# lint.sh: everything that is checked without running Bailey. Runs all checks, then fails if one did.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
# Bailey itself is pure Go; without cgo no compiler and no C library is needed to look at it.
export CGO_ENABLED=0 GOFLAGS="${GOFLAGS:--buildvcs=false -trimpath}"
failed=()

check() { # check NAME COMMAND...
	local name=$1
	shift
	hack/step.sh "$name" "$@" || failed+=("$name")
}
unformatted() {
	local files
	# Other than `gofmt -l .` this leaves out files that git ignores.
	files=$(git -c safe.directory='*' ls-files -co --exclude-standard '*.go' | xargs -r gofmt -l) || return 1
	[[ -z "$files" ]] || {
		printf 'not formatted; run: gofmt -w %s\n' "$(tr '\n' ' ' <<<"$files")"
		return 1
	}
}
export -f unformatted

check "gofmt" bash -c unformatted
check "go vet" go vet ./...
check "staticcheck" go tool staticcheck ./...
# The arch tests look at the whole tree, which the test cache does not see: -count=1.
check "architecture rules" go test -count=1 -vet=off ./test/arch

if ((${#failed[@]})); then
	printf 'lint: %d of 4 checks failed: %s\n' "${#failed[@]}" "$(printf '%s; ' "${failed[@]}")" >&2
	exit 1
fi
go test -count=1 -vet=off -v -run "^TestFileSizes$" ./test/arch | sed -n "s/^ *sizes_test.go:[0-9]*: //p"
echo "lint: all 4 checks passed"
