package workloads_test

import (
	"bufio"
	"context"
	"fmt"
	"strings"
	"testing"
)

// redis begins as root in the image's volume, and drops to redis.
var redis = workload{
	name: "redis",
	run:  []string{"--network", "app", "--network-alias", "cache", "-p", "6379:6379", "redis:debian", "--appendonly", "yes"},
	first: func(t *testing.T, s service) {
		s.eventually(t, "a key", func(ctx context.Context) error { return s.redis(ctx, "SET lasts yes", "+OK") })
		// A child writes the file while the server goes on.
		s.eventually(t, "a snapshot", func(ctx context.Context) error {
			if err := s.redis(ctx, "BGSAVE", "+Background"); err != nil {
				return err
			}
			return s.redis(ctx, "INFO persistence", "rdb_last_bgsave_status:ok")
		})
		if user := s.inside(t, "stat", "-c", "%U", "/data/dump.rdb"); user != "redis" {
			t.Errorf("the snapshot belongs to %s", user)
		}
		if user := s.inside(t, "sh", "-c", "ps -o user= -p 1 2>/dev/null || stat -c %U /proc/1/comm"); user != "redis" {
			t.Errorf("the server runs as %s", user)
		}
	},
	again: func(t *testing.T, s service) {
		s.eventually(t, "the key", func(ctx context.Context) error { return s.redis(ctx, "GET lasts", "yes") })
	},
}

// redis sends a command and wants a text in its answer, of which it reads so much as arrives at once.
func (s service) redis(ctx context.Context, command, want string) error {
	conn, err := s.dial(ctx, "6379")
	if err != nil {
		return err
	}
	defer conn.Close()
	if _, err := fmt.Fprintf(conn, "%s\r\nQUIT\r\n", command); err != nil {
		return err
	}
	var answer strings.Builder
	_, err = bufio.NewReader(conn).WriteTo(&answer)
	if !strings.Contains(answer.String(), want) {
		return fmt.Errorf("%s was answered %q, %v", command, answer.String(), err)
	}
	return nil
}
