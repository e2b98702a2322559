# Written by bailey init. It is yours now.

FROM node:{{.Version}}-slim AS build
WORKDIR /app
{{- with .Install}}
# What changes seldom comes first, so that it is done seldom.
COPY package.json {{.Lock}}{{.Copy}} ./
RUN --mount=type=cache,target={{.Cache}} \
    {{.Prepare}}{{if $.Build}}{{.All}}{{else}}{{.Runtime}}{{end}}
{{- end}}
COPY . .
{{- if .Build}}
{{- with .Install}}
RUN --mount=type=cache,target={{.Cache}} \
    {{.Prepare}}{{.Build}} && {{.Prune}}
{{- else}}
RUN npm run build
{{- end}}
{{- end}}

# The program can read its files and write none of them.
FROM node:{{.Version}}-slim
ENV NODE_ENV=production
WORKDIR /app
COPY --from=build /app /app
USER 1000:1000
ENTRYPOINT ["node", "{{.Entry}}"]
