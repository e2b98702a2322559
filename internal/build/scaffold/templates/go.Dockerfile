# Written by bailey init. It is yours now.

FROM --platform=$BUILDPLATFORM golang:{{.Version}} AS build
WORKDIR /src
{{- if .Download}}
# What changes seldom comes first, so that it is done seldom.
COPY go.mod{{.Sum}} ./
RUN --mount=type=cache,target=/go/pkg/mod go mod download
{{- end}}
COPY . .
ARG TARGETOS TARGETARCH
# The same source gives the same bytes: no paths, no time, no build id. This step needs no network, and has none.
RUN --network=none \
    --mount=type=cache,target=/go/pkg/mod \
    --mount=type=cache,target=/root/.cache/go-build \
    CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH \
    go build -trimpath -buildvcs=false -ldflags="-s -w -buildid=" -o /out/app {{.Package}}

# The image is the program and the certificates by which it knows others. There is no shell in it, and no user but a number.
FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /out/app /app
USER 65532:65532
ENTRYPOINT ["/app"]
