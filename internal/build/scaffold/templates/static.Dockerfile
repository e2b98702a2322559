# Written by bailey init. It is yours now.

# A web server without rights, on a port that needs none.
FROM nginx:1.28-alpine-slim
COPY <<'NGINX' /etc/nginx/nginx.conf
worker_processes 2;
pid /tmp/nginx.pid;
error_log /dev/stderr warn;
events { worker_connections 512; }
http {
    include /etc/nginx/mime.types;
    default_type application/octet-stream;
    access_log /dev/stdout;
    server_tokens off;
    sendfile on;
    gzip on;
    gzip_types text/css application/javascript application/json image/svg+xml;
    # What nginx writes, it writes to memory: the root file system is read-only.
    client_body_temp_path /tmp/body;
    proxy_temp_path /tmp/proxy;
    fastcgi_temp_path /tmp/fastcgi;
    uwsgi_temp_path /tmp/uwsgi;
    scgi_temp_path /tmp/scgi;
    server {
        listen 8080;
        root /srv/www;
        add_header X-Content-Type-Options nosniff always;
        # Hidden files are not for the public, except what certificates are obtained by.
        location ~ /\.(?!well-known/) { return 404; }
        location / { try_files $uri $uri/ =404; }
    }
}
NGINX
COPY . /srv/www
EXPOSE 8080
USER 101:101
HEALTHCHECK --interval=30s --timeout=3s CMD ["wget", "-q", "--spider", "http://127.0.0.1:8080/"]
ENTRYPOINT ["nginx", "-g", "daemon off;"]
